/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A table of two levels, as page tables are: leaves of 512 entries that are
 * there from the first use on. An entry that is all zero is not in use. Leaves
 * are not given back one by one, as those of a process's page tables are not.
 */
#ifndef RADIX_H
#define RADIX_H

#include <stdint.h>
#include <string.h>

#include "pool.h"

#define RADIX_BITS	9
#define RADIX_LEAF	(1U << RADIX_BITS)

struct radix {
	size_t leaves;
	size_t entry;
	char **leaf;
};

static inline void radix_init(struct radix *r, uint64_t entries, size_t entry)
{
	r->leaves = (entries + RADIX_LEAF - 1) >> RADIX_BITS;
	r->entry = entry;
	r->leaf = buf_alloc(r->leaves * sizeof(*r->leaf));
	memset(r->leaf, 0, r->leaves * sizeof(*r->leaf));
}

static inline void radix_fini(struct radix *r)
{
	for (size_t i = 0; i < r->leaves; i++)
		if (r->leaf[i])
			buf_free(r->leaf[i], r->entry << RADIX_BITS);
	buf_free(r->leaf, r->leaves * sizeof(*r->leaf));
}

/* NULL if its leaf was never used. @entry is r->entry, known when compiling. */
static inline void *radix_get(const struct radix *r, uint64_t i, size_t entry)
{
	char *leaf = r->leaf[i >> RADIX_BITS];

	return leaf ? leaf + (i & (RADIX_LEAF - 1)) * entry : NULL;
}

static inline void *radix_make(struct radix *r, uint64_t i, size_t entry)
{
	char **leaf = &r->leaf[i >> RADIX_BITS];

	if (!*leaf) {
		*leaf = buf_alloc(entry << RADIX_BITS);
		memset(*leaf, 0, entry << RADIX_BITS);
	}
	return *leaf + (i & (RADIX_LEAF - 1)) * entry;
}

#endif
