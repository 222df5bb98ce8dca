// SPDX-License-Identifier: GPL-2.0
/*
 * lmap - tiles: the lender's pages that are pinned at the moment; looking them
 * up and pinning them. Dropping is in drop.c, the shrinker in shrink.c.
 *
 * Of a region over a lender's memory the table is a cache. Of a detached region
 * (detach.c) the tiles are the memory: there all are pinned from the start.
 * Nobody may put a page into the table without the check drawn here.
 *
 * Pinning against dropping (model: selftests/models/pin.pml):
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
#include "tile.h"
#include "race.h"

#include <linux/backing-dev.h>
#include <linux/jiffies.h>
#include <linux/memcontrol.h>
#include <linux/pagemap.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

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
	return xa_load(&region->tiles, lmap_chunk_number(region, page));
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
		lmap_race(pin_dirty);
	} while (!try_cmpxchg(slot, &old, old | LMAP_TILE_DIRTY));
	return true;
}

/* The lender pays for its tile table, whoever faults. */
static struct lmap_chunk *chunk_alloc(struct lmap_region *region,
				      unsigned long number, gfp_t gfp)
{
	struct mm_struct *payer = region->detached ? current->mm :
						     region->space->mm;
	struct mem_cgroup *memcg = get_mem_cgroup_from_mm(payer);
	struct mem_cgroup *old = set_active_memcg(memcg);
	struct lmap_chunk *chunk, *other;

	chunk = kmem_cache_alloc_lru(lmap_chunk_cache, &lmap_chunk_lru, gfp);
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
		kmem_cache_free(lmap_chunk_cache, chunk);
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
	bool lasting;
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

/*
 * Pages that were pinned for long: those that are in the table already are so for
 * long from now on, and what a notifier has told of them did not happen. Another
 * page there is stale, waits for the worker, and is in the way: false.
 */
static bool chunk_lasts(struct lmap_chunk *chunk, unsigned int slot,
			struct lmap_pinned *pinned)
{
	u64 bits = 0;
	unsigned int i;
	bool all = true;

	for (i = 0; i < pinned->nr; i++) {
		unsigned long tile = chunk->slots[slot + i];

		if (!tile || lmap_tile_page(tile) == pinned->pages[i])
			bits |= BIT_ULL(slot + i);
		else
			all = false;
	}
	WRITE_ONCE(chunk->lasting, chunk->lasting | bits);
	chunk->stale &= ~bits;
	chunk->gone &= ~bits;
	return all;
}

/*
 * Into the table, unless something changed since @gen was read. Of a page that is
 * there already, one of the two pins is given back: which is all the same.
 */
static int tiles_insert(struct lmap_region *region, unsigned long page,
			struct lmap_pinned *pinned, u64 gen)
{
	struct lmap_chunk *chunk;
	unsigned int slot = page % LMAP_CHUNK_PAGES, used = 0, i;
	int ret = -EAGAIN;

	xa_lock(&region->tiles);
	chunk = xa_load(&region->tiles, lmap_chunk_number(region, page));
	if (chunk && chunk->gen == gen) {
		ret = 0;
		if (pinned->lasting && !chunk_lasts(chunk, slot, pinned))
			ret = -EBUSY;
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
		lmap_count(pins, used);
		if (used && !region->detached) {
			atomic_long_add(used, &region->space->nr_tiles);
			if (list_empty(&chunk->lru))
				list_lru_add_obj(&lmap_chunk_lru, &chunk->lru);
		}
	}
	xa_unlock(&region->tiles);

	for (i = 0; i < pinned->nr; i++)
		if (pinned->pages[i])
			unpin_user_page(pinned->pages[i]);
	return ret;
}

/**
 * lmap_tile_fill - put pages into a detached region that nobody knows yet
 * @region: whose
 * @page: first page
 * @pages: pinned; in one chunk. In the region or unpinned afterwards
 * @nr: how many
 *
 * Return: 0 or -ENOMEM.
 */
int lmap_tile_fill(struct lmap_region *region, unsigned long page,
		   struct page **pages, unsigned int nr)
{
	struct lmap_pinned pinned = {
		.bits = LMAP_TILE_WRITE | LMAP_TILE_EXEC,
		.nr = nr,
	};
	u64 gen = chunk_gen(region, lmap_chunk_number(region, page),
			    GFP_KERNEL_ACCOUNT);

	if (!gen) {
		unpin_user_pages(pages, nr);
		return -ENOMEM;
	}
	memcpy(pinned.pages, pages, nr * sizeof(*pages));
	return tiles_insert(region, page, &pinned, gen);
}

/* A page of a huge page that is as large as what a page table covers. */
static bool page_is_huge(struct page *page)
{
	return compound_order(compound_head(page)) >= LMAP_HUGE_ORDER;
}

/*
 * A page for long, without waiting: -EBUSY: it is where it may not stay, and can't
 * be moved while others hold it, as its own tile does until now; -EFAULT: perhaps
 * it is to arrive yet, by userfaultfd.
 */
static long pin_lasting(struct mm_struct *mm, unsigned long page,
			unsigned int gup, struct lmap_pinned *pinned)
{
	long n = lmap_compat_pin(mm, page << PAGE_SHIFT, 1, gup | FOLL_LONGTERM,
				 pinned->pages, NULL);

	pinned->lasting = n == 1;
	return lmap_pin_is_stuck(n) ? -EBUSY : n;
}

/*
 * The page itself, faulting it in; may drop and retake the mmap_lock, or, without
 * @locked, does not wait. Then it is not @lasting, which can move pages. What
 * arrives only now is there at the next try to have it for long.
 */
static int pin_one(struct lmap_region *region, unsigned long page, u64 gen,
		   bool lasting, int *locked, bool *huge)
{
	struct mm_struct *mm = region->space->mm;
	struct lmap_pinned pinned = { .nr = 1 };
	unsigned int gup;
	long n = -EFAULT;
	int ret;

	ret = pin_kind(region, vma_lookup(mm, page << PAGE_SHIFT), &gup,
		       &pinned.bits);
	if (ret)
		return ret;
	if (!locked)
		gup |= FOLL_NOWAIT;
	if (lasting)
		n = pin_lasting(mm, page, gup, &pinned);
	if (n == -EFAULT)
		n = lmap_compat_pin(mm, page << PAGE_SHIFT, 1, gup,
				    pinned.pages, locked);
	if (!n && !locked)
		return -EBUSY;
	if (n != 1)
		return n < 0 ? n : fatal_signal_pending(current) ?
			-EINTR : -EFAULT;
	if (lasting && !pinned.lasting) {
		unpin_user_page(pinned.pages[0]);
		return -EAGAIN;
	}
	lmap_race_sleep(pin_pinned);
	*huge = page_is_huge(pinned.pages[0]);
	return tiles_insert(region, page, &pinned, gen);
}

/**
 * struct neighbours - pages in one chunk that may be brought in with another
 * @first: first one
 * @last: last one; less than @first: none
 * @gup: how to pin them
 * @bits: of their tiles
 */
struct neighbours {
	unsigned long first;
	unsigned long last;
	unsigned int gup;
	unsigned long bits;
};

/* Which ones, under the lender's mmap_lock. */
static void neighbours_find(struct lmap_region *region, unsigned long page,
			    bool lasting, struct neighbours *n)
{
	struct vm_area_struct *vma = vma_lookup(region->space->mm,
						page << PAGE_SHIFT);

	n->first = 1;
	n->last = 0;
	if (pin_kind(region, vma, &n->gup, &n->bits))
		return;
	n->gup |= FOLL_NOFAULT;
	if (lasting)
		n->gup |= FOLL_LONGTERM;
	n->first = max3(round_down(page, LMAP_CHUNK_PAGES), region->first,
			vma->vm_start >> PAGE_SHIFT);
	n->last = min3(page | (LMAP_CHUNK_PAGES - 1), region->last,
		       (vma->vm_end - 1) >> PAGE_SHIFT);
}

/*
 * Those that need no fault; failing is no error. @own: of the caller's mm, whose
 * mmap_lock is not held: then page tables are walked without any lock, which is
 * four times as fast. What was looked at under the lock may have changed; then
 * the generation has, too.
 */
static void neighbours_pin(struct lmap_region *region, struct neighbours *n,
			   u64 gen, bool own)
{
	struct lmap_pinned pinned = { .bits = n->bits,
				      .lasting = n->gup & FOLL_LONGTERM };
	unsigned int misses = 0;

	while (n->first <= n->last && misses < 4) {
		unsigned long addr = n->first << PAGE_SHIFT;
		unsigned long want = n->last - n->first + 1;
		long got;

		if (own)
			got = pin_user_pages_fast(addr, want,
						  n->gup & ~FOLL_HWPOISON,
						  pinned.pages);
		else
			got = lmap_compat_pin(region->space->mm, addr, want,
					      n->gup, pinned.pages, NULL);
		if (got <= 0) {
			misses++;
			n->first++;
			continue;
		}
		pinned.nr = got;
		if (tiles_insert(region, n->first, &pinned, gen))
			return;
		n->first += got;
	}
}

static int pin_locked(struct lmap_region *region, unsigned long page, u64 gen,
		      struct mm_struct *held, bool lasting, bool *huge)
{
	struct mm_struct *mm = region->space->mm;
	bool own = !held && current->mm == mm;
	struct neighbours neighbours;
	int locked = 1, ret;

	if (!held) {
		if (mmap_read_lock_killable(mm))
			return -EINTR;
	} else if (held != mm && !mmap_read_trylock(mm)) {
		return -EBUSY;
	}
	ret = pin_one(region, page, gen, lasting, held ? NULL : &locked, huge);
	if (ret || !locked)
		goto out;
	neighbours_find(region, page, lasting, &neighbours);
	if (own) {
		mmap_read_unlock(mm);
		locked = 0;
	}
	neighbours_pin(region, &neighbours, gen, own);
out:
	if (locked && held != mm)
		mmap_read_unlock(mm);
	return ret;
}

/* Is memory wanted back? Then no more is pinned than has to be. */
static bool region_squeezed(struct lmap_region *region)
{
	return time_before32((u32)jiffies, READ_ONCE(region->squeezed) + HZ);
}

/*
 * The other chunks of a huge page, which is in memory as a whole: its borrowers
 * can have it with one entry then. Failing is no error.
 */
static void pin_rest(struct lmap_region *region, unsigned long page,
		     bool lasting)
{
	unsigned long first = max(round_down(page, LMAP_HUGE_PAGES),
				  region->first);
	unsigned long last = min(page | (LMAP_HUGE_PAGES - 1), region->last);
	struct mm_struct *mm = region->space->mm;
	unsigned long at;

	for (at = first; at <= last; at = (at | (LMAP_CHUNK_PAGES - 1)) + 1) {
		struct neighbours neighbours;
		bool own = current->mm == mm;
		u64 gen;

		/* As it is for the page's own chunk. */
		if (lmap_tile_get(region, at))
			continue;
		gen = chunk_gen(region, lmap_chunk_number(region, at),
				GFP_KERNEL_ACCOUNT);
		if (!gen)
			break;
		mmu_interval_read_begin(&region->notifier);
		if (mmap_read_lock_killable(mm))
			break;
		neighbours_find(region, at, lasting, &neighbours);
		if (own)
			mmap_read_unlock(mm);
		neighbours_pin(region, &neighbours, gen, own);
		if (!own)
			mmap_read_unlock(mm);
	}
}

/**
 * lmap_tile_missing - the first page of a range that has no tile
 * @region: whose
 * @page: first page
 * @last: last page
 * @lasting: or one that may not stay for long
 *
 * Return: the page; what is greater than @last: all have one.
 */
unsigned long lmap_tile_missing(struct lmap_region *region, unsigned long page,
				unsigned long last, bool lasting)
{
	rcu_read_lock();
	while (page <= last) {
		struct lmap_chunk *chunk = lmap_tile_chunk(region, page);
		unsigned long end = min(page | (LMAP_CHUNK_PAGES - 1), last);
		u64 fleeting;

		if (!chunk)
			break;
		fleeting = lasting ? ~READ_ONCE(chunk->lasting) : 0;
		fleeting >>= page % LMAP_CHUNK_PAGES;
		if (fleeting & 1)
			break;
		if (fleeting)
			last = min(last, page + __ffs64(fleeting) - 1);
		for (end = min(end, last); page <= end; page++)
			if (!READ_ONCE(chunk->slots[page % LMAP_CHUNK_PAGES]))
				goto out;
	}
out:
	rcu_read_unlock();
	return page;
}

static bool tile_there(struct lmap_region *region, unsigned long page,
		       bool lasting)
{
	if (!lasting)
		return lmap_tile_get(region, page);
	return lmap_tile_missing(region, page, page, true) > page;
}

/* A page for long is tried to have so often, as long as something changes. */
#define LASTING_TRIES	64

/*
 * Until the tile was there at some moment; only without @held it can be
 * @lasting. -EBUSY: it would have to wait; or for long it can't be had now.
 */
static int tile_pin(struct lmap_region *region, unsigned long page,
		    struct mm_struct *held, bool lasting)
{
	gfp_t gfp = held ? GFP_NOWAIT | __GFP_ACCOUNT : GFP_KERNEL_ACCOUNT;
	unsigned int tries = 0;
	struct mm_struct *mm;
	bool huge = false;
	u64 gen;
	int ret;

	/* What is not there any more has been freed with its mapping. */
	if (region->detached)
		return -EFAULT;
	mm = region->space->mm;
	if (!mmget_not_zero(mm))
		return -EFAULT;
	do {
		cond_resched();
		if (tile_there(region, page, lasting)) {
			ret = 0;
			break;
		}
		gen = chunk_gen(region, lmap_chunk_number(region, page), gfp);
		if (!gen) {
			ret = -ENOMEM;
			break;
		}
		lmap_race_sleep(pin_gen_read);
		mmu_interval_read_begin(&region->notifier);
		lmap_race_sleep(pin_begun);
		ret = pin_locked(region, page, gen, held, lasting, &huge);
		if (lasting && ++tries == LASTING_TRIES)
			break;
	} while (ret == -EAGAIN && !held && !fatal_signal_pending(current));
	if (!ret && huge && !held && !region_squeezed(region))
		pin_rest(region, page, lasting);
	/* The last user of an mm must not be torn down under our locks. */
	mmput_async(mm);
	if (ret == -EAGAIN)
		ret = !held && fatal_signal_pending(current) ? -EINTR :
							 -EBUSY;
	return ret;
}

/**
 * lmap_tile_pin - have the tile of a page
 * @region: whose; the caller holds a reference
 * @page: region page
 * @held: the mm whose mmap_lock the caller holds for reading, perhaps the
 *	  lender's: then nothing is waited for; or NULL
 *
 * Where LMAP_PIN covers the page it is pinned for long, if that is possible.
 *
 * Model: selftests/models/pin.pml, pinner().
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
	if (held)
		return tile_pin(region, page, held, false);
	if (lmap_chunk_pinned(region, lmap_chunk_number(region, page)) &
	    BIT_ULL(page % LMAP_CHUNK_PAGES) &&
	    !tile_pin(region, page, NULL, true))
		return 0;
	return tile_pin(region, page, NULL, false);
}

/**
 * lmap_tile_keep - have the tile of a page that LMAP_PIN covers
 * @region: whose; the caller holds a reference
 * @page: region page
 *
 * Tiles that are only cached, also of other regions, keep pages from being moved,
 * so they are dropped if that fails.
 *
 * Model: selftests/models/keep.pml, mapper().
 *
 * Context: process, no locks; waits as lmap_tile_pin() does.
 * Return: as lmap_tile_pin(); -ENOMEM also if the page can't leave where no page
 * may stay for long; -EOPNOTSUPP: no page of its file may.
 */
int lmap_tile_keep(struct lmap_region *region, unsigned long page)
{
	unsigned int tries;
	int ret;

	for (tries = 0; tries < LMAP_MOVE_TRIES; tries++) {
		ret = tile_pin(region, page, NULL, true);
		if (ret != -EBUSY)
			return ret;
		ret = lmap_tile_let_go(region->space,
				       round_down(page, LMAP_CHUNK_PAGES),
				       page | (LMAP_CHUNK_PAGES - 1), tries);
		if (ret)
			return ret;
	}
	return -ENOMEM;
}

/* Which slots have a tile? */
static u64 chunk_filled(const struct lmap_chunk *chunk)
{
	u64 mask = 0;
	unsigned int i;

	for (i = 0; i < LMAP_CHUNK_PAGES; i++)
		if (chunk->slots[i])
			mask |= BIT_ULL(i);
	return mask;
}

/**
 * lmap_tile_invalidate - the lender's pages are about to change
 * @region: whose
 * @first: first page
 * @last: last page
 * @stale: leave the tiles to the worker
 *
 * Model: selftests/models/pin.pml, callback().
 *
 * Context: notifier callback, may be atomic.
 * Return: true if there may be tiles in the range.
 */
bool lmap_tile_invalidate(struct lmap_region *region, unsigned long first,
			  unsigned long last, bool stale)
{
	struct lmap_chunk *chunk;
	unsigned long number;
	bool found = false;

	xa_lock(&region->tiles);
	xa_for_each_range(&region->tiles, number, chunk,
			  lmap_chunk_number(region, first),
			  lmap_chunk_number(region, last)) {
		chunk->gen = ++region->last_gen;
		/* Whoever drops now looks at each slot, and needs no marks. */
		if (stale)
			chunk->stale |= chunk_filled(chunk) &
				lmap_chunk_mask(lmap_chunk_base(region, number),
						first, last);
		found |= !stale || chunk->stale;
	}
	xa_unlock(&region->tiles);
	lmap_race(tile_invalidated);
	return found;
}
