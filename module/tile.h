/* SPDX-License-Identifier: GPL-2.0 */
/*
 * lmap - what tile.c (look up, pin), drop.c (unpin) and shrink.c share. Must
 * never be included elsewhere.
 */
#ifndef LMAP_TILE_H
#define LMAP_TILE_H

#include "lmap.h"

/* Chunks that hold tiles which can be dropped at any time; shrink.c. */
extern struct kmem_cache *lmap_chunk_cache;
extern struct list_lru lmap_chunk_lru;

/*
 * Chunks are numbered from where the region begins: the table is no deeper than
 * the region is large, wherever it lies. @page must be in the region.
 */
static inline unsigned long lmap_chunk_number(const struct lmap_region *region,
					      unsigned long page)
{
	return (page >> LMAP_CHUNK_SHIFT) -
	       (region->first >> LMAP_CHUNK_SHIFT);
}

/* The first page; of a region's first chunk it can lie before the region. */
static inline unsigned long lmap_chunk_base(const struct lmap_region *region,
					    unsigned long number)
{
	return ((region->first >> LMAP_CHUNK_SHIFT) + number)
	       << LMAP_CHUNK_SHIFT;
}

/* Bits of the pages first..last that belong to the chunk that begins at @base. */
static inline u64 lmap_chunk_mask(unsigned long base, unsigned long first,
				  unsigned long last)
{
	unsigned int lo = first > base ? first - base : 0;
	unsigned int hi = min(last - base, LMAP_CHUNK_PAGES - 1);

	return GENMASK_ULL(hi, lo);
}

/* drop.c */
u64 lmap_chunk_pinned(struct lmap_region *region, unsigned long number);
void lmap_chunk_drop(struct lmap_chunk *chunk, u64 mask, u64 keep);

#endif /* LMAP_TILE_H */
