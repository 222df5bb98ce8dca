/* SPDX-License-Identifier: GPL-2.0 */
/*
 * lmap - reference bits: which pages were used through a mapping.
 *
 * Part of the mapping database: neither this file nor refs.c may know
 * processes or page tables, or allocate. Both are built in user space, too.
 *
 * Two pairs of bits, for a mapping as a whole or (tracked) for each page:
 *
 *   fresh   set by a fault or a copy, without locks, when the mapping itself is
 *           used. A page whose page table entry is there has its bit set
 *   seen    what happened through the mapping or below it and is no longer
 *           fresh anywhere: its own queries still have to tell it
 *
 * A query tells fresh bits of the whole subtree and its own seen bits. A reset,
 * and the end of a mapping, takes fresh bits away and puts them into the seen
 * bits of *all* who can ask: the mapping itself, its ancestors and the region
 * (mdb->refs). So each of them is told once per own query, whoever else asks
 * and resets. Only then the pages are zapped:
 *
 *   fault (PTE lock held)             reset
 *     fresh bit set already?            take the fresh bit
 *     no: set it                        put it into seen bits
 *     set the PTE                       zap (takes the PTE lock)
 *
 * If the fault saw the old bit it holds the lock before the zap does, and its
 * entry is zapped; if it comes after the zap it sees that the bit is gone.
 * Copies by the kernel do the same with the window's copy_lock.
 */
#ifndef LMAP_REFS_H
#define LMAP_REFS_H

#include <linux/atomic.h>
#include <linux/types.h>
#include <linux/lmap.h>

struct lmap_mdb;
struct lmap_node;

#define LMAP_REFS_WORD	(8 * sizeof(long))

enum lmap_refs_plane {
	LMAP_REFS_FRESH_A,
	LMAP_REFS_FRESH_M,
	LMAP_REFS_SEEN_A,
	LMAP_REFS_SEEN_M,
	LMAP_REFS_PLANES
};

/**
 * struct lmap_refs_table - bits of each page
 * @base: number of the word that holds the first page (page / LMAP_REFS_WORD)
 * @nwords: words in each plane
 * @words: LMAP_REFS_PLANES planes
 *
 * Words begin at the same pages in all tables of a tree.
 */
struct lmap_refs_table {
	unsigned long base;
	unsigned long nwords;
	atomic_long_t words[];
};

/**
 * struct lmap_refs - reference bits of a mapping or a region
 * @whole: one bit for each plane, for all pages; for what @table is not used
 * @tracked: immutable once linked; then @table is, too
 * @table: NULL or, once set, immutable. Holds seen bits, and if @tracked fresh
 *	   ones. Those of all who are above a tracked mapping have one
 */
struct lmap_refs {
	atomic_t whole;
	bool tracked;
	struct lmap_refs_table *table;
};

static inline unsigned long lmap_refs_nwords(unsigned long first,
					     unsigned long last)
{
	return last / LMAP_REFS_WORD - first / LMAP_REFS_WORD + 1;
}

/* The size of a table for pages first..last in bytes. */
static inline size_t lmap_refs_table_size(unsigned long first,
					  unsigned long last)
{
	return sizeof(struct lmap_refs_table) +
	       lmap_refs_nwords(first, last) * LMAP_REFS_PLANES * sizeof(long);
}

static inline atomic_long_t *lmap_refs_word(struct lmap_refs_table *table,
					    enum lmap_refs_plane plane,
					    unsigned long word)
{
	return &table->words[plane * table->nwords + (word - table->base)];
}

/**
 * lmap_refs_touch - a page is about to be accessible through a mapping
 * @refs: of the mapping
 * @page: region page
 * @modified: for writing
 *
 * Context: PTE lock or copy_lock held, see above.
 */
static inline void lmap_refs_touch(struct lmap_refs *refs, unsigned long page,
				   bool modified)
{
	int whole = 1 << LMAP_REFS_FRESH_A | modified << LMAP_REFS_FRESH_M;
	long bit = 1L << page % LMAP_REFS_WORD;
	atomic_long_t *word;

	if (!refs->tracked) {
		if (whole & ~atomic_read(&refs->whole))
			atomic_or(whole, &refs->whole);
		return;
	}
	word = lmap_refs_word(refs->table, LMAP_REFS_FRESH_A,
			      page / LMAP_REFS_WORD);
	if (!(atomic_long_read(word) & bit))
		atomic_long_or(bit, word);
	word = lmap_refs_word(refs->table, LMAP_REFS_FRESH_M,
			      page / LMAP_REFS_WORD);
	if (modified && !(atomic_long_read(word) & bit))
		atomic_long_or(bit, word);
}

/**
 * struct lmap_query - a question about reference bits
 * @mdb: the tree
 * @root: who asks: a mapping, NULL: the region
 * @rfirst: first region page
 * @rlast: last region page
 * @breaks: the revoke lock is held: mdb->lock may be dropped now and then
 * @steps: private: nodes looked at
 * @whole: private: bits of @root that are not kept for each page
 */
struct lmap_query {
	struct lmap_mdb *mdb;
	struct lmap_node *root;
	unsigned long rfirst;
	unsigned long rlast;
	bool breaks;
	unsigned int steps;
	unsigned int whole;
};

/**
 * lmap_refs_table_publish - from now on seen bits are kept for each page
 * @refs: of a region or a mapping, its origin linked
 * @table: all clear
 *
 * Context: any. Parts of a mapping can be in two trees, so that the lock of one
 * does not protect it, and another table may come first.
 * Return: false if there is one already.
 */
bool lmap_refs_table_publish(struct lmap_refs *refs,
			     struct lmap_refs_table *table);

void lmap_refs_table_init(struct lmap_refs_table *table, unsigned long first,
			  unsigned long last);

/**
 * lmap_refs_settle - a mapping ends: all who can ask are told later
 * @node: after its pages were zapped, ancestors still linked or just unlinked
 *
 * Context: mdb->lock held.
 */
void lmap_refs_settle(struct lmap_node *node);

/**
 * lmap_refs_peek - reference bits without changing any
 * @q: the question
 * @first: first region page, inside the question's range
 * @last: last region page
 * @pages: one byte for each page, bits are added; or NULL
 *
 * Context: mdb->lock held.
 * Return: LMAP_ACCESSED, LMAP_MODIFIED of all pages together.
 */
unsigned int lmap_refs_peek(struct lmap_query *q, unsigned long first,
			    unsigned long last, u8 *pages);

/**
 * lmap_refs_collect - first step of a reset
 * @q: the question
 *
 * Moves fresh bits of the subtree into seen bits and marks the nodes for
 * lmap_refs_next_zap(); a mapping that is not tracked and reaches out of the
 * range, or a region without a table, keeps its own. The caller zaps and then
 * asks lmap_refs_take().
 *
 * Context: revoke lock and mdb->lock held.
 */
void lmap_refs_collect(struct lmap_query *q);

/**
 * lmap_refs_next_zap - whose pages must be zapped, in the question's range?
 * @q: the question, after lmap_refs_collect()
 * @prev: the last answer, NULL for the first
 *
 * Context: revoke lock and mdb->lock held; the latter may be dropped between
 * calls.
 */
struct lmap_node *lmap_refs_next_zap(struct lmap_query *q,
				     struct lmap_node *prev);

/**
 * lmap_refs_take - second step of a reset: tell and clear the seen bits
 * @q: the question, after lmap_refs_collect()
 * @first: first region page, inside the question's range
 * @last: last region page
 * @pages: one byte for each page, bits are added; or NULL
 *
 * Context: revoke lock and mdb->lock held.
 * Return: as lmap_refs_peek().
 */
unsigned int lmap_refs_take(struct lmap_query *q, unsigned long first,
			    unsigned long last, u8 *pages);

#endif /* LMAP_REFS_H */
