// SPDX-License-Identifier: GPL-2.0
/*
 * lmap - tiles: the lender's pages that are pinned at the moment.
 *
 * The table is a cache. Tiles are dropped when the lender's page tables change
 * and under memory pressure, always in this order: out of the table and a new
 * generation, barrier, zap, unpin. A page must never be unpinned while any
 * page table or copy of ours can still reach it.
 *
 * Pinning against dropping:
 *
 *   pin                                     notifier or drop
 *     gen = chunk->gen
 *     mmu_interval_read_begin()
 *       [waits for callbacks that started]
 *     pin the page                            chunk->gen = new
 *     xa_lock                                 [later: drop what is in the table]
 *       chunk still there, same gen?
 *       yes: into the table                 [a drop that comes now finds it]
 *       no: unpin, try again
 */
#include "lmap.h"

#include <linux/backing-dev.h>
#include <linux/memcontrol.h>
#include <linux/pagemap.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

static struct kmem_cache *chunk_cache;
static struct list_lru chunk_lru;
static struct shrinker *chunk_shrinker;
static bool chunk_lru_ready;

/* With how many chunks of one region the shrinker deals in one go. */
#define SHRINK_CHUNKS	16

static unsigned long chunk_first(const struct lmap_chunk *chunk)
{
	return chunk->number << LMAP_CHUNK_SHIFT;
}

/* Bits of the pages first..last that belong to the chunk. */
static u64 chunk_mask(const struct lmap_chunk *chunk, unsigned long first,
		      unsigned long last)
{
	unsigned long base = chunk_first(chunk);
	unsigned int lo = first > base ? first - base : 0;
	unsigned int hi = min(last - base, LMAP_CHUNK_PAGES - 1);

	return GENMASK_ULL(hi, lo);
}

/**
 * lmap_tile_chunk - find the chunk of a page
 * @region: whose
 * @page: region page
 *
 * Context: RCU read side; the result is valid inside of it.
 */
struct lmap_chunk *lmap_tile_chunk(struct lmap_region *region,
				   unsigned long page)
{
	return xa_load(&region->tiles, page >> LMAP_CHUNK_SHIFT);
}

/**
 * lmap_tile_get - look at a tile
 * @region: whose
 * @page: region page
 *
 * Context: any. The answer can be outdated at once, unless the caller holds a
 * page table lock or a copy lock that dropping passes before it unpins.
 * Return: the slot, 0 if there is no tile.
 */
unsigned long lmap_tile_get(struct lmap_region *region, unsigned long page)
{
	struct lmap_chunk *chunk;
	unsigned long tile = 0;

	rcu_read_lock();
	chunk = lmap_tile_chunk(region, page);
	if (chunk)
		tile = READ_ONCE(chunk->slots[page % LMAP_CHUNK_PAGES]);
	rcu_read_unlock();
	return tile;
}

/**
 * lmap_tile_mark_dirty - a borrower is about to be able to write
 * @chunk: found under RCU
 * @page: region page
 *
 * Context: page table lock or copy lock held, see lmap_tile_get().
 * Return: false if there is no tile any more, or it may not be written.
 */
bool lmap_tile_mark_dirty(struct lmap_chunk *chunk, unsigned long page)
{
	unsigned long *slot = &chunk->slots[page % LMAP_CHUNK_PAGES];
	unsigned long old = READ_ONCE(*slot);

	do {
		if (!(old & LMAP_TILE_WRITE))
			return false;
		if (old & LMAP_TILE_DIRTY)
			return true;
	} while (!try_cmpxchg(slot, &old, old | LMAP_TILE_DIRTY));
	return true;
}

/* The lender pays for its tile table, whoever faults. */
static struct lmap_chunk *chunk_alloc(struct lmap_region *region,
				      unsigned long number, gfp_t gfp)
{
	struct mem_cgroup *memcg = get_mem_cgroup_from_mm(region->space->mm);
	struct mem_cgroup *old = set_active_memcg(memcg);
	struct lmap_chunk *chunk, *other;

	chunk = kmem_cache_alloc_lru(chunk_cache, &chunk_lru, gfp);
	if (!chunk)
		goto out;
	memset(chunk, 0, sizeof(*chunk));
	chunk->region = region;
	chunk->number = number;
	INIT_LIST_HEAD(&chunk->lru);

	xa_lock(&region->tiles);
	chunk->gen = ++region->last_gen;
	other = __xa_cmpxchg(&region->tiles, number, NULL, chunk, gfp);
	xa_unlock(&region->tiles);
	if (other) {
		kmem_cache_free(chunk_cache, chunk);
		chunk = xa_is_err(other) ? NULL : other;
	}
out:
	set_active_memcg(old);
	mem_cgroup_put(memcg);
	return chunk;
}

/* Makes sure that the chunk exists; returns its generation, 0 = no memory. */
static u64 chunk_gen(struct lmap_region *region, unsigned long number,
		     gfp_t gfp)
{
	struct lmap_chunk *chunk;
	u64 gen = 0;

	for (;;) {
		xa_lock(&region->tiles);
		chunk = xa_load(&region->tiles, number);
		if (chunk)
			gen = chunk->gen;
		xa_unlock(&region->tiles);
		if (gen || !chunk_alloc(region, number, gfp))
			return gen;
	}
}

/**
 * lmap_vma_dirty_tracked - would writes by others escape the file system?
 * @vma: of the lender
 *
 * Context: mmap_lock held.
 */
bool lmap_vma_dirty_tracked(struct vm_area_struct *vma)
{
	if (!(vma->vm_flags & VM_SHARED) || !vma->vm_file)
		return false;
	return mapping_can_writeback(vma->vm_file->f_mapping) ||
	       (vma->vm_ops && (vma->vm_ops->page_mkwrite ||
				vma->vm_ops->pfn_mkwrite));
}

struct lmap_pinned {
	struct page *pages[LMAP_CHUNK_PAGES];
	unsigned long bits;
	unsigned int nr;
};

/* Under the lender's mmap_lock: what kind of pin does the page want? */
static int pin_kind(struct lmap_region *region, struct vm_area_struct *vma,
		    unsigned int *gup, unsigned long *bits)
{
	if (!vma || vma->vm_flags & (VM_PFNMAP | VM_IO) ||
	    !(vma->vm_flags & VM_SHARED) == region->shared)
		return -EFAULT;
	if (!(vma->vm_flags & VM_READ))
		return -EACCES;
	*gup = FOLL_HWPOISON;
	*bits = 0;
	if (vma->vm_flags & VM_WRITE && !lmap_vma_dirty_tracked(vma)) {
		*gup |= FOLL_WRITE;
		*bits |= LMAP_TILE_WRITE;
	}
	if (vma->vm_flags & VM_EXEC)
		*bits |= LMAP_TILE_EXEC;
	return 0;
}

/* Into the table, unless something changed since @gen was read. */
static int tiles_insert(struct lmap_region *region, unsigned long page,
			struct lmap_pinned *pinned, u64 gen)
{
	struct lmap_chunk *chunk;
	unsigned int slot = page % LMAP_CHUNK_PAGES, used = 0, i;
	int ret = -EAGAIN;

	xa_lock(&region->tiles);
	chunk = xa_load(&region->tiles, page >> LMAP_CHUNK_SHIFT);
	if (chunk && chunk->gen == gen) {
		for (i = 0; i < pinned->nr; i++) {
			if (chunk->slots[slot + i])
				continue;
			WRITE_ONCE(chunk->slots[slot + i],
				   (unsigned long)pinned->pages[i] |
				   pinned->bits);
			pinned->pages[i] = NULL;
			used++;
		}
		chunk->accessed = true;
		if (used) {
			atomic_long_add(used, &region->space->nr_tiles);
			if (list_empty(&chunk->lru))
				list_lru_add_obj(&chunk_lru, &chunk->lru);
		}
		ret = 0;
	}
	xa_unlock(&region->tiles);

	for (i = 0; i < pinned->nr; i++)
		if (pinned->pages[i])
			unpin_user_page(pinned->pages[i]);
	return ret;
}

/* The page itself, faulting it in; may drop and retake the mmap_lock. */
static int pin_one(struct lmap_region *region, unsigned long page, u64 gen,
		   bool nowait, int *locked)
{
	struct mm_struct *mm = region->space->mm;
	struct lmap_pinned pinned = { .nr = 1 };
	unsigned int gup;
	long n;
	int ret;

	ret = pin_kind(region, vma_lookup(mm, page << PAGE_SHIFT), &gup,
		       &pinned.bits);
	if (ret)
		return ret;
	if (nowait)
		gup |= FOLL_NOWAIT;
	n = lmap_compat_pin(mm, page << PAGE_SHIFT, 1, gup, pinned.pages,
			    nowait ? NULL : locked);
	if (!n && nowait)
		return -EBUSY;
	if (n != 1)
		return n < 0 ? n : fatal_signal_pending(current) ?
			-EINTR : -EFAULT;
	return tiles_insert(region, page, &pinned, gen);
}

/* Neighbours in the same chunk that need no fault; failing is no error. */
static void pin_neighbours(struct lmap_region *region, unsigned long page,
			   u64 gen)
{
	struct mm_struct *mm = region->space->mm;
	struct vm_area_struct *vma = vma_lookup(mm, page << PAGE_SHIFT);
	struct lmap_pinned pinned;
	unsigned long first, last;
	unsigned int gup, misses = 0;

	if (pin_kind(region, vma, &gup, &pinned.bits))
		return;
	first = max3(round_down(page, LMAP_CHUNK_PAGES), region->first,
		     vma->vm_start >> PAGE_SHIFT);
	last = min3(page | (LMAP_CHUNK_PAGES - 1), region->last,
		    (vma->vm_end - 1) >> PAGE_SHIFT);
	while (first <= last && misses < 4) {
		long n = lmap_compat_pin(mm, first << PAGE_SHIFT,
					 last - first + 1, gup | FOLL_NOFAULT,
					 pinned.pages, NULL);
		if (n <= 0) {
			misses++;
			first++;
			continue;
		}
		pinned.nr = n;
		if (tiles_insert(region, first, &pinned, gen))
			return;
		first += n;
	}
}

static int pin_locked(struct lmap_region *region, unsigned long page, u64 gen,
		      struct mm_struct *held)
{
	struct mm_struct *mm = region->space->mm;
	int locked = 1, ret;

	if (!held) {
		if (mmap_read_lock_killable(mm))
			return -EINTR;
	} else if (held != mm && !mmap_read_trylock(mm)) {
		return -EBUSY;
	}
	ret = pin_one(region, page, gen, held, &locked);
	if (!ret && locked)
		pin_neighbours(region, page, gen);
	if (locked && held != mm)
		mmap_read_unlock(mm);
	return ret;
}

/**
 * lmap_tile_pin - have the tile of a page
 * @region: whose; the caller holds a reference
 * @page: region page
 * @held: the mm whose mmap_lock the caller holds for reading, perhaps the
 *	  lender's: then nothing is waited for; or NULL
 *
 * Context: process; without @held no locks, and it waits for the lender's page
 * to arrive, killable.
 * Return: 0 if the tile was there at some moment; -EFAULT: the lender has
 * nothing there; -EACCES: it may not read it itself; -EHWPOISON; -EINTR: fatal
 * signal; -ENOMEM; -EBUSY: with @held, it would have to wait.
 */
int lmap_tile_pin(struct lmap_region *region, unsigned long page,
		  struct mm_struct *held)
{
	gfp_t gfp = held ? GFP_NOWAIT | __GFP_ACCOUNT : GFP_KERNEL_ACCOUNT;
	struct mm_struct *mm = region->space->mm;
	u64 gen;
	int ret;

	if (!mmget_not_zero(mm))
		return -EFAULT;
	do {
		cond_resched();
		if (lmap_tile_get(region, page)) {
			ret = 0;
			break;
		}
		gen = chunk_gen(region, page >> LMAP_CHUNK_SHIFT, gfp);
		if (!gen) {
			ret = -ENOMEM;
			break;
		}
		mmu_interval_read_begin(&region->notifier);
		ret = pin_locked(region, page, gen, held);
	} while (ret == -EAGAIN && !held && !fatal_signal_pending(current));
	/* The last user of an mm must not be torn down under our locks. */
	mmput_async(mm);
	if (ret == -EAGAIN)
		ret = held ? -EBUSY : -EINTR;
	return ret;
}

/**
 * lmap_tile_invalidate - the lender's pages are about to change
 * @region: whose
 * @first: first page
 * @last: last page
 * @stale: leave the tiles to the worker
 *
 * Context: notifier callback, may be atomic.
 * Return: true if there are tiles in the range.
 */
bool lmap_tile_invalidate(struct lmap_region *region, unsigned long first,
			  unsigned long last, bool stale)
{
	struct lmap_chunk *chunk;
	unsigned long number;
	bool found = false;

	xa_lock(&region->tiles);
	xa_for_each_range(&region->tiles, number, chunk,
			  first >> LMAP_CHUNK_SHIFT,
			  last >> LMAP_CHUNK_SHIFT) {
		u64 mask = chunk_mask(chunk, first, last);
		unsigned int i;

		chunk->gen = ++region->last_gen;
		for (i = 0; i < LMAP_CHUNK_PAGES; i++)
			if (!chunk->slots[i])
				mask &= ~BIT_ULL(i);
		found |= mask != 0;
		if (stale)
			chunk->stale |= mask;
	}
	xa_unlock(&region->tiles);
	return found;
}

/* Dropping. */

static void tile_unpin(unsigned long tile)
{
	struct page *page = lmap_tile_page(tile);

	/* Only anonymous, shmem and hugetlb pages are ever writable. */
	if (tile & LMAP_TILE_DIRTY)
		set_page_dirty(page);
	unpin_user_page(page);
}

static void tiles_unpin(struct lmap_region *region, unsigned long *tiles)
{
	unsigned int i, n = 0;

	for (i = 0; i < LMAP_CHUNK_PAGES; i++) {
		if (!tiles[i])
			continue;
		tile_unpin(tiles[i]);
		n++;
	}
	atomic_long_sub(n, &region->space->nr_tiles);
}

/* Not kfree_rcu(): rcu_barrier() does not wait for it when we unload. */
static void chunk_free_rcu(struct rcu_head *rcu)
{
	kmem_cache_free(chunk_cache, container_of(rcu, struct lmap_chunk, rcu));
}

/*
 * Takes the tiles of @mask out of the table, into @out. A chunk that loses all
 * leaves the table and the LRU.
 */
static void chunk_take(struct lmap_chunk *chunk, u64 mask, unsigned long *out)
{
	struct lmap_region *region = chunk->region;
	bool empty = true;
	unsigned int i;

	lockdep_assert_held(&region->revoke);
	xa_lock(&region->tiles);
	for (i = 0; i < LMAP_CHUNK_PAGES; i++) {
		out[i] = 0;
		if (mask & BIT_ULL(i))
			out[i] = xchg(&chunk->slots[i], 0);
		if (chunk->slots[i])
			empty = false;
	}
	chunk->stale &= ~mask;
	chunk->gen = ++region->last_gen;
	if (empty) {
		__xa_erase(&region->tiles, chunk->number);
		if (!list_empty(&chunk->lru))
			list_lru_del_obj(&chunk_lru, &chunk->lru);
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
		lmap_window_zap(window, from + delta, to + delta);
		mutex_lock(&region->mdb.lock);
		node = lmap_mdb_next(node, first, last);
	}
	mutex_unlock(&region->mdb.lock);
}

static void chunk_drop(struct lmap_chunk *chunk, u64 mask)
{
	struct lmap_region *region = chunk->region;
	unsigned long base = chunk_first(chunk);
	unsigned long tiles[LMAP_CHUNK_PAGES];
	unsigned int lo = LMAP_CHUNK_PAGES, hi = 0, i;

	chunk_take(chunk, mask, tiles);
	for (i = 0; i < LMAP_CHUNK_PAGES; i++) {
		if (!tiles[i])
			continue;
		lo = min(lo, i);
		hi = i;
	}
	if (lo > hi)
		return;
	region_zap(region, base + lo, base + hi);
	tiles_unpin(region, tiles);
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
	unsigned long number = first >> LMAP_CHUNK_SHIFT;
	struct lmap_chunk *chunk;

	lockdep_assert_held(&region->revoke);
	while ((chunk = xa_find(&region->tiles, &number,
				last >> LMAP_CHUNK_SHIFT, XA_PRESENT))) {
		chunk_drop(chunk, chunk_mask(chunk, first, last));
		cond_resched();
		if (number++ == last >> LMAP_CHUNK_SHIFT)
			break;
	}
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

		if (stale)
			chunk_drop(chunk, stale);
		cond_resched();
	}
}

/* The shrinker: a clock over all chunks, some of one region at a time. */

struct shrink_batch {
	struct lmap_region *region;
	struct lmap_chunk *chunks[SHRINK_CHUNKS];
	unsigned int nr;
};

static enum lru_status shrink_isolate(LMAP_ISOLATE_ARGS(item, list, arg))
{
	struct lmap_chunk *chunk = container_of(item, struct lmap_chunk, lru);
	struct shrink_batch *batch = arg;

	if (batch->nr == SHRINK_CHUNKS)
		return LRU_SKIP;
	if (chunk->accessed) {
		chunk->accessed = false;
		return LRU_ROTATE;
	}
	if (!batch->region) {
		/* Teardown removes its chunks from here before it frees. */
		if (!lmap_region_tryget(chunk->region))
			return LRU_SKIP;
		if (!mutex_trylock(&chunk->region->revoke)) {
			/* Not the last reference: see shrink_scan(). */
			lmap_region_put(chunk->region);
			return LRU_SKIP;
		}
		batch->region = chunk->region;
	}
	if (batch->region != chunk->region)
		return LRU_SKIP;
	list_lru_isolate(list, item);
	batch->chunks[batch->nr++] = chunk;
	return LRU_REMOVED;
}

static unsigned long shrink_count(struct shrinker *shrinker,
				  struct shrink_control *sc)
{
	/* Pairs with lmap_tile_init(); a scan comes only after a count > 0. */
	if (!smp_load_acquire(&chunk_lru_ready))
		return 0;
	return list_lru_shrink_count(&chunk_lru, sc) << LMAP_CHUNK_SHIFT;
}

static unsigned long shrink_scan(struct shrinker *shrinker,
				 struct shrink_control *sc)
{
	unsigned long todo = max(sc->nr_to_scan >> LMAP_CHUNK_SHIFT, 1UL);
	unsigned long freed = 0;
	unsigned int i;

	sc->nr_scanned = todo << LMAP_CHUNK_SHIFT;
	while (todo) {
		struct shrink_batch batch = {};
		unsigned long before;

		before = todo;
		freed += list_lru_walk_one(&chunk_lru, sc->nid, sc->memcg,
					   shrink_isolate, &batch, &todo) <<
			 LMAP_CHUNK_SHIFT;
		for (i = 0; i < batch.nr; i++)
			chunk_drop(batch.chunks[i], U64_MAX);
		if (batch.region) {
			mutex_unlock(&batch.region->revoke);
			lmap_region_put(batch.region);
		}
		if (!batch.nr || todo == before)
			break;
	}
	return freed ?: SHRINK_STOP;
}

int lmap_tile_init(void)
{
	int ret = -ENOMEM;

	chunk_cache = KMEM_CACHE(lmap_chunk, SLAB_ACCOUNT |
				 SLAB_RECLAIM_ACCOUNT);
	if (!chunk_cache)
		return -ENOMEM;
	chunk_shrinker = shrinker_alloc(SHRINKER_MEMCG_AWARE |
					SHRINKER_NUMA_AWARE |
					SHRINKER_NONSLAB, "lmap");
	if (!chunk_shrinker)
		goto err_cache;
	chunk_shrinker->count_objects = shrink_count;
	chunk_shrinker->scan_objects = shrink_scan;
	chunk_shrinker->seeks = DEFAULT_SEEKS;
	chunk_shrinker->batch = SHRINK_CHUNKS << LMAP_CHUNK_SHIFT;
	ret = shrinker_register(chunk_shrinker);
	if (ret) {
		lmap_compat_shrinker_free(chunk_shrinker, false);
		goto err_cache;
	}
	/* The list wants the shrinker's number, known since it is registered. */
	ret = list_lru_init_memcg(&chunk_lru, chunk_shrinker);
	if (ret) {
		lmap_compat_shrinker_free(chunk_shrinker, true);
		goto err_cache;
	}
	/* The list is made before it is used: pairs with shrink_count(). */
	smp_store_release(&chunk_lru_ready, true);
	return 0;

err_cache:
	kmem_cache_destroy(chunk_cache);
	return ret;
}

/* No shrinker runs any more; chunks may still exist. */
void lmap_tile_stop(void)
{
	lmap_compat_shrinker_free(chunk_shrinker, true);
}

void lmap_tile_exit(void)
{
	list_lru_destroy(&chunk_lru);
	kmem_cache_destroy(chunk_cache);
}
