// SPDX-License-Identifier: GPL-2.0
/*
 * lmap - tiles: dropping pages of the lender.
 *
 * Always in this order: out of the table and a new generation, barrier, zap,
 * unpin. A page must never be unpinned while any page table or copy of ours can
 * still reach it.
 */
#include "tile.h"
#include "race.h"

#include <linux/pagemap.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/wait_bit.h>

/**
 * struct taken - tiles that were taken out of a chunk
 * @tiles: @nr of them, by page
 * @nr: how many
 * @lo: place of the first one in the chunk
 * @hi: place of the last one
 */
struct taken {
	unsigned long tiles[LMAP_CHUNK_PAGES];
	unsigned int nr;
	unsigned int lo;
	unsigned int hi;
};

/*
 * Only anonymous, shmem and hugetlb pages are ever writable. Of an anonymous
 * one that is in no swap cache nobody keeps account: then this is all that
 * folio_mark_dirty() would do. Pinned pages don't enter it.
 */
static void folio_dirty(struct folio *folio)
{
	if (folio_test_dirty(folio))
		return;
	if (folio_test_anon(folio) && !folio_test_swapcache(folio))
		folio_set_dirty(folio);
	else
		folio_mark_dirty(folio);
}

/* Unpins the first tile, and others that lie in the same large folio. */
static unsigned long *large_unpin(struct folio *folio, unsigned long *tile,
				  const unsigned long *end)
{
	struct page *pages[LMAP_CHUNK_PAGES];
	unsigned long bits = 0, n = 0;

	do {
		pages[n++] = lmap_tile_page(*tile);
		bits |= *tile++;
	} while (tile < end && page_folio(lmap_tile_page(*tile)) == folio);
	if (bits & LMAP_TILE_DIRTY)
		folio_dirty(folio);
	unpin_user_pages(pages, n);
	return tile;
}

static void tiles_unpin(struct lmap_region *region, struct taken *taken)
{
	unsigned long *tile = taken->tiles, *end = tile + taken->nr;

	while (tile < end) {
		struct page *page = lmap_tile_page(*tile);
		struct folio *folio = page_folio(page);

		if (folio_test_large(folio)) {
			tile = large_unpin(folio, tile, end);
			continue;
		}
		if (*tile++ & LMAP_TILE_DIRTY)
			folio_dirty(folio);
		unpin_user_page(page);
	}
	if (region->detached)
		lmap_user_uncharge_locked(region->payer, taken->nr);
	else
		atomic_long_sub(taken->nr, &region->space->nr_tiles);
}

/* Not kfree_rcu(): rcu_barrier() does not wait for it when we unload. */
static void chunk_free_rcu(struct rcu_head *rcu)
{
	kmem_cache_free(lmap_chunk_cache, container_of(rcu, struct lmap_chunk, rcu));
}

/*
 * Takes the tiles of @mask out of the table, but those of @keep that may stay for
 * long: they become so under this lock, too. A chunk that loses all leaves the
 * table and the LRU; one that keeps some is back there if the shrinker has
 * taken it.
 */
static void chunk_take(struct lmap_chunk *chunk, u64 mask, u64 keep,
		       struct taken *out)
{
	struct lmap_region *region = chunk->region;
	unsigned long *to = out->tiles;
	unsigned int lo = 0, hi = 0, i;
	bool empty = true;

	lockdep_assert_held(&region->revoke);
	xa_lock(&region->tiles);
	mask &= ~(keep & chunk->lasting);
	for (i = 0; i < LMAP_CHUNK_PAGES; i++) {
		/* Slots become filled only under this lock. */
		if (!READ_ONCE(chunk->slots[i]))
			continue;
		if (!(mask & BIT_ULL(i))) {
			empty = false;
			continue;
		}
		if (to == out->tiles)
			lo = i;
		hi = i;
		/* Faults may be setting the dirty bit. */
		*to++ = xchg(&chunk->slots[i], 0);
	}
	out->lo = lo;
	out->hi = hi;
	out->nr = to - out->tiles;
	chunk->stale &= ~mask;
	chunk->gone &= ~mask;
	WRITE_ONCE(chunk->lasting, chunk->lasting & ~mask);
	chunk->gen = ++region->last_gen;
	if (empty) {
		__xa_erase(&region->tiles, chunk->number);
		if (!list_empty(&chunk->lru))
			list_lru_del_obj(&lmap_chunk_lru, &chunk->lru);
	} else if (!region->detached && list_empty(&chunk->lru)) {
		chunk->accessed = true;
		list_lru_add_obj(&lmap_chunk_lru, &chunk->lru);
	}
	xa_unlock(&region->tiles);
	if (empty)
		call_rcu(&chunk->rcu, chunk_free_rcu);
}

/* Zaps region pages in every window that shows them. */
static void region_zap(struct lmap_region *region, unsigned long first,
		       unsigned long last)
{
	struct lmap_node *node;

	lockdep_assert_held(&region->revoke);
	mutex_lock(&region->mdb.lock);
	node = lmap_mdb_first(&region->mdb, first, last);
	while (node) {
		unsigned long from = max(first, node->rfirst);
		unsigned long to = min(last, lmap_node_rlast(node));
		unsigned long delta = node->wfirst - node->rfirst;
		struct lmap_window *window = lmap_index_window(node->index);

		/* The node stays: revoke is held. So does its window. */
		mutex_unlock(&region->mdb.lock);
		lmap_race_sleep(drop_zap_next);
		lmap_window_zap(window, from + delta, to + delta);
		mutex_lock(&region->mdb.lock);
		node = lmap_mdb_next(node, first, last);
	}
	mutex_unlock(&region->mdb.lock);
}

/**
 * lmap_chunk_pinned - which pages of a chunk does LMAP_PIN cover?
 * @region: whose
 * @number: of the chunk
 *
 * Context: takes mdb->lock. Under region->revoke none are added.
 */
u64 lmap_chunk_pinned(struct lmap_region *region, unsigned long number)
{
	unsigned long first = lmap_chunk_base(region, number);
	unsigned long last = first + (LMAP_CHUNK_PAGES - 1);
	struct lmap_node *node;
	u64 mask = 0;

	if (!READ_ONCE(region->pins))
		return 0;
	mutex_lock(&region->mdb.lock);
	for (node = lmap_mdb_first(&region->mdb, first, last); node;
	     node = lmap_mdb_next(node, first, last))
		if (node->flags & LMAP_NODE_PIN)
			mask |= lmap_chunk_mask(first, node->rfirst,
						lmap_node_rlast(node));
	mutex_unlock(&region->mdb.lock);
	return mask;
}

/**
 * lmap_chunk_drop - drop tiles of a chunk
 * @chunk: gone afterwards if it has no more
 * @mask: which
 * @keep: but not these, if they may stay for long
 *
 * Models: selftests/models/fault.pml, dropper(); pin.pml and keep.pml, drop().
 *
 * Context: region->revoke held; takes mdb->lock.
 */
void lmap_chunk_drop(struct lmap_chunk *chunk, u64 mask, u64 keep)
{
	struct lmap_region *region = chunk->region;
	unsigned long base = lmap_chunk_base(region, chunk->number);
	struct taken taken;

	lockdep_assert_held(&region->revoke);
	lmap_race_sleep(drop_chosen);
	chunk_take(chunk, mask, keep, &taken);
	if (!taken.nr)
		return;
	lmap_race_sleep(drop_taken);
	region_zap(region, base + taken.lo, base + taken.hi);
	lmap_race_sleep(drop_zapped);
	tiles_unpin(region, &taken);
}

/* So many chunks are dropped before others get region->revoke. */
#define DROP_CHUNKS	16

/* Drops at most @max chunks. False if nothing is left from *@first on. */
static bool drop_some(struct lmap_region *region, unsigned long *first,
		      unsigned long last, bool keep, unsigned long max)
{
	unsigned long number = lmap_chunk_number(region, *first);
	unsigned long end = lmap_chunk_number(region, last);
	struct lmap_chunk *chunk;

	lockdep_assert_held(&region->revoke);
	while ((chunk = xa_find(&region->tiles, &number, end, XA_PRESENT))) {
		u64 mask = lmap_chunk_mask(lmap_chunk_base(region, number),
					   *first, last);

		if (!max--)
			return true;
		lmap_chunk_drop(chunk, mask, keep ?
				lmap_chunk_pinned(region, number) : 0);
		cond_resched();
		if (number++ == end)
			break;
		*first = lmap_chunk_base(region, number);
	}
	return false;
}

/**
 * lmap_tile_drop - drop the tiles of a range
 * @region: whose
 * @first: first page
 * @last: last page
 *
 * Context: region->revoke held; may run in a notifier callback.
 */
void lmap_tile_drop(struct lmap_region *region, unsigned long first,
		    unsigned long last)
{
	lockdep_assert_held(&region->revoke);
	drop_some(region, &first, last, false, ULONG_MAX);
}

/**
 * lmap_tile_drop_invalid - drop tiles whose pages the lender is changing
 * @region: whose
 * @first: first page
 * @last: last page
 * @keep: not what LMAP_PIN covers
 *
 * Context: notifier callback: nothing is pinned anew in the range before it
 * returns, so that others can be let in. Takes region->revoke.
 */
void lmap_tile_drop_invalid(struct lmap_region *region, unsigned long first,
			    unsigned long last, bool keep)
{
	bool more;

	do {
		lmap_revoke_lock(region);
		more = drop_some(region, &first, last, keep, DROP_CHUNKS);
		mutex_unlock(&region->revoke);
	} while (more);
}

/**
 * lmap_tile_let_go - drop what keeps pages where they may not stay for long
 * @space: of the lender
 * @first: first page
 * @last: last page
 * @tries: how often that has not been enough
 *
 * That is, the tiles of all his regions, but those of LMAP_PIN, whose pages have
 * been moved already; and those of regions that a worker is about to free. Other
 * lenders of shared memory have been told by the attempt to move it, and others
 * again who hold a page for a moment are not ours: they are given time.
 *
 * Context: process, no locks; takes region->revoke.
 * Return: 0, or -EINTR: fatal signal.
 */
int lmap_tile_let_go(struct lmap_space *space, unsigned long first,
		     unsigned long last, unsigned int tries)
{
	struct lmap_region *region = NULL;

	while ((region = lmap_region_next(space, region, first, last)))
		lmap_tile_drop_invalid(region, max(first, region->first),
				       min(last, region->last), true);
	if (tries)
		schedule_timeout_killable(tries);
	return wait_var_event_killable(&space->nr_dying,
				       !atomic_read(&space->nr_dying)) ?
		-EINTR : 0;
}

/* A chunk as it was at one moment. */
struct chunk_copy {
	unsigned long number;
	u64 gen;
	u64 stale;		/* of those that may stay for long */
	unsigned long slots[LMAP_CHUNK_PAGES];
};

/* The next chunk with stale tiles, from copy->number on. */
static bool chunk_next_stale(struct lmap_region *region,
			     struct chunk_copy *copy)
{
	struct lmap_chunk *chunk;
	bool found = false;
	unsigned int i;

	rcu_read_lock();
	xa_for_each_start(&region->tiles, copy->number, chunk, copy->number) {
		found = READ_ONCE(chunk->stale);
		if (found)
			break;
	}
	rcu_read_unlock();
	if (!found)
		return false;
	copy->stale = 0;
	xa_lock(&region->tiles);
	chunk = xa_load(&region->tiles, copy->number);
	if (chunk) {
		copy->gen = chunk->gen;
		copy->stale = chunk->stale & chunk->lasting;
		for (i = 0; i < LMAP_CHUNK_PAGES; i++)
			copy->slots[i] = READ_ONCE(chunk->slots[i]);
	}
	xa_unlock(&region->tiles);
	return true;
}

static bool tile_is_current(struct mm_struct *mm, unsigned long page,
			    unsigned long tile)
{
	unsigned int gup = FOLL_NOFAULT;
	struct page *now;
	bool same;

	if (tile & LMAP_TILE_WRITE)
		gup |= FOLL_WRITE;
	if (lmap_compat_pin(mm, page << PAGE_SHIFT, 1, gup, &now, NULL) != 1)
		return false;
	same = now == lmap_tile_page(tile);
	unpin_user_page(now);
	return same;
}

/*
 * Whoever tries to move a page holds its lock until it has given up. True if
 * there was somebody to wait for.
 */
static bool tile_wait(struct lmap_region *region, unsigned long page,
		      unsigned long tile)
{
	struct page *locked = NULL;

	xa_lock(&region->tiles);
	/* Pinned, as long as it is in the table. */
	if (lmap_tile_page(lmap_tile_get(region, page)) == lmap_tile_page(tile))
		locked = lmap_tile_page(tile);
	if (locked)
		get_page(locked);
	xa_unlock(&region->tiles);
	if (!locked)
		return false;
	if (!PageLocked(locked)) {
		put_page(locked);
		return false;
	}
	folio_wait_locked(page_folio(locked));
	put_page(locked);
	return true;
}

/* Which stale tiles of @todo are still the lender's pages? -1: can't tell. */
static int tiles_current(struct lmap_region *region, struct mm_struct *mm,
			 struct chunk_copy *copy, u64 todo, u64 *current_tiles)
{
	unsigned long base = lmap_chunk_base(region, copy->number);
	int first_other = LMAP_CHUNK_PAGES;
	unsigned int i;

	*current_tiles = 0;
	/* The generation is older than this: see the timeline in tile.c. */
	mmu_interval_read_begin(&region->notifier);
	if (!mmap_read_trylock(mm))
		return -1;
	for (i = 0; i < LMAP_CHUNK_PAGES; i++) {
		if (!(todo & BIT_ULL(i)))
			continue;
		if (tile_is_current(mm, base + i, copy->slots[i]))
			*current_tiles |= BIT_ULL(i);
		else
			first_other = min_t(int, first_other, i);
	}
	mmap_read_unlock(mm);
	return first_other;
}

/*
 * A page may be on its way to another place, which will fail since it is pinned:
 * then another look is worth it. One that nobody holds is gone after so many
 * looks, and so are all after so many more.
 * Model: selftests/models/pin.pml, worker().
 */
#define RECHECK_IDLE	3
#define RECHECK_TRIES	256

static void chunk_recheck(struct lmap_region *region, struct mm_struct *mm,
			  struct chunk_copy *copy)
{
	unsigned long number = copy->number;
	unsigned long base = lmap_chunk_base(region, number);
	unsigned int try, idle = 0;
	struct lmap_chunk *chunk;
	u64 todo, same;
	int other;

	for (try = 0; try < RECHECK_TRIES && idle < RECHECK_IDLE; try++) {
		todo = copy->stale & lmap_chunk_pinned(region, number);
		if (!todo)
			return;
		other = tiles_current(region, mm, copy, todo, &same);
		if (other < 0)
			break;
		lmap_race_sleep(recheck_looked);
		xa_lock(&region->tiles);
		chunk = xa_load(&region->tiles, number);
		if (chunk && chunk->gen == copy->gen)
			chunk->stale &= ~same;
		xa_unlock(&region->tiles);
		if (other < LMAP_CHUNK_PAGES &&
		    !tile_wait(region, base + other, copy->slots[other]))
			idle++;
		else
			idle = 0;
		if (!chunk_next_stale(region, copy) || copy->number != number) {
			copy->number = number;
			return;
		}
		cond_resched();
	}
	/* Dropping is right in any case. */
	xa_lock(&region->tiles);
	chunk = xa_load(&region->tiles, number);
	if (chunk)
		chunk->gone |= copy->stale;
	xa_unlock(&region->tiles);
}

/**
 * lmap_tile_recheck - are pages of LMAP_PIN really stale?
 * @region: whose; not detached
 *
 * Notifiers tell of changes that then don't happen, above all when the kernel
 * tries to move or reclaim a page and finds it pinned. Who asked for pages that
 * stay shall not pay with a fault. What is not sure is marked as gone; what
 * becomes stale meanwhile has queued the worker again.
 *
 * Context: worker, no locks: it waits for callbacks that may take
 * region->revoke. The lender is not waited for.
 */
void lmap_tile_recheck(struct lmap_region *region)
{
	struct mm_struct *mm = region->space->mm;
	struct chunk_copy copy = {};

	if (!mmget_not_zero(mm))
		return;
	while (chunk_next_stale(region, &copy)) {
		chunk_recheck(region, mm, &copy);
		cond_resched();
		copy.number++;
	}
	mmput_async(mm);
}

/**
 * lmap_tile_drop_stale - drop what notifiers have marked
 * @region: whose
 *
 * Context: region->revoke held.
 */
void lmap_tile_drop_stale(struct lmap_region *region)
{
	struct lmap_chunk *chunk;
	unsigned long number;

	lockdep_assert_held(&region->revoke);
	/* Only we remove chunks, so the walk needs no lock. */
	xa_for_each(&region->tiles, number, chunk) {
		u64 stale = READ_ONCE(chunk->stale);

		lmap_race_sleep(stale_found);
		if (stale)
			lmap_chunk_drop(chunk, stale,
					lmap_chunk_pinned(region, number) &
					~READ_ONCE(chunk->gone));
		cond_resched();
	}
}
