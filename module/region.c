// SPDX-License-Identifier: GPL-2.0
/*
 * lmap - spaces and regions: their lifetimes, and what happens when the
 * lender's page tables change.
 *
 * The callback at the end is the most dangerous function of the module. It
 * must never wait for anything that may wait for an rmap lock, unless the
 * event says that the lender holds none.
 */
#include "lmap.h"
#include "race.h"

#include <linux/compat.h>
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/ptrace.h>
#include <linux/sched/mm.h>
#include <linux/sched/task_stack.h>
#include <linux/slab.h>
#include <asm/syscall.h>
#include <asm/unistd.h>

static unsigned int delay_us;
module_param(delay_us, uint, 0600);
MODULE_PARM_DESC(delay_us, "Test only: delay in every notifier callback that may sleep");

/* For tests: makes the windows of races between callbacks wide. */
static void lmap_test_delay(const struct mmu_notifier_range *range)
{
	unsigned int us = READ_ONCE(delay_us);

	if (us && mmu_notifier_range_blockable(range))
		fsleep(us);
}

/* Reasons, as far as a callback can tell. */

/* Who drops the last reference to an mm is not always its process. */
static enum lmap_reason release_reason(const struct lmap_space *space)
{
	return current->in_execve && task_tgid(current) == space->pid ?
	       LMAP_REASON_EXEC : LMAP_REASON_EXIT;
}

/* The number of the system call is all that tells. */
static bool in_mremap(void)
{
	int nr = syscall_get_nr(current, current_pt_regs());

#ifdef CONFIG_COMPAT
	/* The same for i386 and arm. */
	if (in_compat_syscall() && (nr & 0xffff) == 163)
		return true;
#endif
#ifdef __X32_SYSCALL_BIT
	nr &= ~__X32_SYSCALL_BIT;
#endif
	return !in_compat_syscall() && nr == __NR_mremap;
}

static enum lmap_reason unmap_reason(const struct lmap_space *space)
{
	return current->mm == space->mm && in_mremap() ? LMAP_REASON_MREMAP :
							  LMAP_REASON_MUNMAP;
}

/* Spaces. */

static atomic_t nr_spaces = ATOMIC_INIT(0);

unsigned int lmap_space_count(void)
{
	return atomic_read(&nr_spaces);
}

/* The lender's mm goes away; its regions hear of that by themselves. */
static void lmap_space_kill(struct lmap_space *space)
{
	struct lmap_window *window;

	mutex_lock(&space->lock);
	space->dead = true;
	space->reason = release_reason(space);
	list_for_each_entry(window, &space->windows, link)
		lmap_window_kill(window, space->reason);
	mutex_unlock(&space->lock);
}

static bool lmap_space_invalidate(struct mmu_interval_notifier *mni,
				  const struct mmu_notifier_range *range,
				  unsigned long seq)
{
	struct lmap_space *space = container_of(mni, struct lmap_space,
						exit_notifier);

	mmu_interval_set_seq(mni, seq);
	if (range->event == MMU_NOTIFY_RELEASE)
		lmap_space_kill(space);
	return true;
}

static const struct mmu_interval_notifier_ops lmap_space_notifier_ops = {
	.invalidate = lmap_space_invalidate,
};

static void lmap_space_free(struct work_struct *work)
{
	struct lmap_space *space = container_of(work, struct lmap_space,
						free_work);

	mmu_interval_notifier_remove(&space->exit_notifier);
	WARN_ON(!RB_EMPTY_ROOT(&space->regions.rb_root) ||
		!list_empty(&space->windows));
	WARN_ON(atomic_long_read(&space->nr_tiles));
	lmap_user_put(space->user);
	mmdrop(space->mm);
	put_pid(space->pid);
	mutex_destroy(&space->lock);
	kfree(space);
	atomic_dec(&nr_spaces);
}

/**
 * lmap_space_open - make the caller's address space a space
 * @out: result, with one reference
 *
 * The first notifier of an mm takes all its locks (mm_take_all_locks()),
 * which is slow: better here than in the first map.
 *
 * Return: 0, -ENOMEM, or -EINTR if a signal is pending.
 */
int lmap_space_open(struct lmap_space **out)
{
	struct lmap_space *space;
	int ret;

	if (!current->mm)
		return -EPERM;
	space = kzalloc(sizeof(*space), GFP_KERNEL_ACCOUNT);
	if (!space)
		return -ENOMEM;
	space->user = lmap_user_get();
	if (!space->user) {
		kfree(space);
		return -ENOMEM;
	}
	lmap_reserve_init(&space->reserve);
	kref_init(&space->ref);
	mutex_init(&space->lock);
	spin_lock_init(&space->regions_lock);
	space->regions = RB_ROOT_CACHED;
	INIT_LIST_HEAD(&space->windows);
	INIT_LIST_HEAD(&space->ears);
	INIT_WORK(&space->free_work, lmap_space_free);
	space->id = lmap_id_next();
	space->pid = get_task_pid(current, PIDTYPE_TGID);
	space->mm = current->mm;
	ret = mmu_interval_notifier_insert(&space->exit_notifier, space->mm,
					   0, PAGE_SIZE,
					   &lmap_space_notifier_ops);
	if (ret) {
		put_pid(space->pid);
		lmap_user_put(space->user);
		kfree(space);
		return ret;
	}
	atomic_inc(&nr_spaces);
	mmgrab(space->mm);
	*out = space;
	return 0;
}

static void lmap_space_release(struct kref *ref)
{
	struct lmap_space *space = container_of(ref, struct lmap_space, ref);

	/* Removing a notifier sleeps until callbacks are done. */
	queue_work(lmap_wq, &space->free_work);
}

/**
 * lmap_space_put - drop a reference
 * @space: whose
 *
 * Context: any that may take no sleeping locks; also notifier callbacks.
 */
void lmap_space_put(struct lmap_space *space)
{
	kref_put(&space->ref, lmap_space_release);
}

/* Regions. */

static struct kmem_cache *region_cache;

int lmap_region_init(void)
{
	region_cache = KMEM_CACHE(lmap_region, SLAB_ACCOUNT);
	return region_cache ? 0 : -ENOMEM;
}

void lmap_region_exit(void)
{
	kmem_cache_destroy(region_cache);
}

/* All zero, for lmap_region_alloc() or the reserve; or NULL. */
struct lmap_region *lmap_region_zalloc(void)
{
	return kmem_cache_zalloc(region_cache, GFP_KERNEL_ACCOUNT);
}

/* Nobody else has ever known it. */
void lmap_region_unused(struct lmap_region *region)
{
	kmem_cache_free(region_cache, region);
}

/* Not kfree_rcu(): rcu_barrier() does not wait for it when we unload. */
static void region_free_rcu(struct rcu_head *rcu)
{
	kmem_cache_free(region_cache, container_of(rcu, struct lmap_region, rcu));
}

bool lmap_region_tryget(struct lmap_region *region)
{
	return refcount_inc_not_zero(&region->ref);
}

/* Drops a reference, and takes the region out of the tree with the last one. */
static bool region_put_last(struct lmap_region *region)
{
	struct lmap_space *space = region->space;
	bool last;

	if (!space)
		return refcount_dec_and_test(&region->ref);
	/* refcount_dec_and_lock(), in a way that sparse can follow. */
	if (refcount_dec_not_one(&region->ref))
		return false;
	spin_lock(&space->regions_lock);
	last = refcount_dec_and_test(&region->ref);
	if (last) {
		atomic_inc(&space->nr_dying);
		interval_tree_remove(&region->range, &space->regions);
	}
	spin_unlock(&space->regions_lock);
	return last;
}

void lmap_region_put(struct lmap_region *region)
{
	if (region_put_last(region))
		queue_work(lmap_wq, &region->work);
}

/* Not once the space is closed: nobody would forget it again. */
static int region_remember(struct lmap_region *region)
{
	struct lmap_space *space = region->space;
	int ret = lmap_user_charge_mapping(space->user);

	if (ret)
		return ret;
	mutex_lock(&space->lock);
	if (space->closed || test_and_set_bit(0, &region->history))
		lmap_user_uncharge_mapping(space->user);
	else
		refcount_inc(&region->ref);
	mutex_unlock(&space->lock);
	return 0;
}

/**
 * lmap_region_track - keep reference bits of each page of a region
 * @region: whose; the caller holds a reference
 *
 * They outlive the mappings: the region stays, and counts as one, until the
 * memory goes, the space is closed or lmap_region_forget() is called.
 *
 * Return: 0, -ENOMEM or -EDQUOT.
 */
int lmap_region_track(struct lmap_region *region)
{
	struct lmap_refs_table *table;

	/* Nobody can ask for those of a detached one. */
	if (region->detached || test_bit(0, &region->history))
		return 0;
	if (!READ_ONCE(region->mdb.refs.table)) {
		table = lmap_refs_table_alloc(region->first, region->last);
		if (!table)
			return -ENOMEM;
		mutex_lock(&region->mdb.lock);
		if (!lmap_refs_table_publish(&region->mdb.refs, table))
			kvfree(table);
		mutex_unlock(&region->mdb.lock);
	}
	return region_remember(region);
}

/**
 * lmap_region_forget - its reference bits are of no use any more
 * @region: whose; the caller holds a reference, or is its notifier
 *
 * Context: takes mdb->lock.
 */
void lmap_region_forget(struct lmap_region *region)
{
	struct lmap_query q = { .mdb = &region->mdb };

	if (!test_and_clear_bit(0, &region->history))
		return;
	mutex_lock(&region->mdb.lock);
	lmap_refs_take(&q, region->first, region->last, NULL);
	mutex_unlock(&region->mdb.lock);
	lmap_user_uncharge_mapping(region->space->user);
	lmap_region_put(region);
}

static void region_stale(struct lmap_region *region)
{
	lmap_tile_recheck(region);
	lmap_revoke_lock(region);
	/* Kept for its history alone: it must not hold pages. */
	if (!READ_ONCE(region->mdb.nr))
		lmap_tile_drop(region, region->first, region->last);
	else
		lmap_tile_drop_stale(region);
	mutex_unlock(&region->revoke);
}

/**
 * lmap_region_stale - have stale tiles dropped by a worker
 * @region: whose
 *
 * Context: any that may take no sleeping locks; also notifier callbacks.
 */
void lmap_region_stale(struct lmap_region *region)
{
	/* Without a reference left, it is being freed with all its tiles. */
	if (!lmap_region_tryget(region))
		return;
	if (!queue_work(lmap_wq, &region->work))
		lmap_region_put(region);
}

/**
 * lmap_region_sync - what the lender has discarded is visible to borrowers
 * @region: whose; not detached, the caller holds a reference
 *
 * Does what the worker has not done yet instead of waiting for it: the worker
 * has no priority, and the caller's reaches it only through region->revoke. A
 * worker that was queued before us is busy, or it is done.
 *
 * Context: process, no locks.
 */
void lmap_region_sync(struct lmap_region *region)
{
	if (work_busy(&region->work))
		region_stale(region);
}

static void region_free(struct lmap_region *region)
{
	struct lmap_space *space = region->space;

	lmap_race_sleep(region_last);
	/* No callback runs or comes after this. */
	if (space)
		mmu_interval_notifier_remove(&region->notifier);
	lmap_revoke_lock(region);
	WARN_ON(region->mdb.nr);
	lmap_tile_drop(region, region->first, region->last);
	mutex_unlock(&region->revoke);
	xa_destroy(&region->tiles);
	kvfree(region->mdb.refs.table);
	mutex_destroy(&region->revoke);
	if (space) {
		if (atomic_dec_and_test(&space->nr_dying))
			wake_up_var(&space->nr_dying);
		lmap_space_put(space);
	} else {
		lmap_user_put(region->payer);
	}
	call_rcu(&region->rcu, region_free_rcu);
}

/*
 * Whoever has it queued for stale tiles gives it a reference, and who drops the
 * last one queues it when nobody can get another: so it is never queued for
 * both, and a look at the count tells what for.
 */
static void lmap_region_work(struct work_struct *work)
{
	struct lmap_region *region = container_of(work, struct lmap_region,
						  work);

	if (!refcount_read(&region->ref)) {
		region_free(region);
		return;
	}
	region_stale(region);
	lmap_region_put(region);
}

/**
 * lmap_region_find - find a region for ordinary memory
 * @space: whose memory
 * @first: first page
 * @last: last page
 * @shared: kind of memory
 *
 * Return: the oldest region that holds all pages, with a reference, or NULL.
 */
struct lmap_region *lmap_region_find(struct lmap_space *space,
				     unsigned long first, unsigned long last,
				     bool shared)
{
	struct lmap_region *region, *found = NULL;
	struct interval_tree_node *node;

	spin_lock(&space->regions_lock);
	for (node = interval_tree_iter_first(&space->regions, first, first);
	     node; node = interval_tree_iter_next(node, first, first)) {
		region = container_of(node, struct lmap_region, range);
		if (region->last >= last && region->shared == shared &&
		    (!found || region->id < found->id))
			found = region;
	}
	if (found)
		refcount_inc(&found->ref);
	spin_unlock(&space->regions_lock);
	return found;
}

/**
 * lmap_region_next - walk the regions of a space
 * @space: whose
 * @prev: the last one, whose reference is dropped, or NULL
 * @first: only those that have pages from here on
 * @last: ... to here
 *
 * A region stays in its place of the tree as long as somebody holds it. One that
 * is made meanwhile may be left out.
 *
 * Return: the next one, with a reference, or NULL.
 */
struct lmap_region *lmap_region_next(struct lmap_space *space,
				     struct lmap_region *prev,
				     unsigned long first, unsigned long last)
{
	struct lmap_region *found = NULL;
	struct interval_tree_node *node;

	spin_lock(&space->regions_lock);
	node = prev ? interval_tree_iter_next(&prev->range, first, last) :
		      interval_tree_iter_first(&space->regions, first, last);
	if (node) {
		found = container_of(node, struct lmap_region, range);
		refcount_inc(&found->ref);
	}
	spin_unlock(&space->regions_lock);
	if (prev)
		lmap_region_put(prev);
	return found;
}

/**
 * lmap_index_region - of which region is the first mapping of a range?
 * @index: the window's
 * @wfirst: first window page
 * @wlast: last window page
 *
 * A linked node holds its region, so that the reference can be had.
 *
 * Return: the region, with a reference, or NULL if nothing is mapped.
 */
struct lmap_region *lmap_index_region(struct lmap_index *index,
				      unsigned long wfirst,
				      unsigned long wlast)
{
	struct lmap_region *region = NULL;
	struct lmap_node *node;

	spin_lock(&index->lock);
	node = lmap_index_first(index, wfirst, wlast);
	if (node) {
		region = lmap_mdb_region(node->mdb);
		refcount_inc(&region->ref);
	}
	spin_unlock(&index->lock);
	return region;
}

/*
 * The notifier. Which lock the lender may hold decides what can be done here:
 *
 *   event                    held by the lender      done
 *   UNMAP, RELEASE           mmap_lock               revoke for good
 *   PROTECTION_VMA           mmap_lock               tiles dropped
 *   SOFT_DIRTY               mmap_lock (clear_refs)  tiles dropped
 *   PROTECTION_PAGE,         mmap_lock (fork)        tiles dropped, but for
 *     private region                                 those of LMAP_PIN
 *   all others               anything: folio lock,   tiles marked stale; the
 *                            anon_vma, i_mmap_rwsem  worker drops them
 *   any, not blockable       anything, spinlocks     the same
 *
 * Waiting here for region->revoke, whose holder may be zapping and so wait for
 * the i_mmap_rwsem of a window, under an rmap lock would deadlock with
 * mm_take_all_locks() of a borrower: that one holds the former and waits for
 * the latter.
 */
static bool lmap_event_is_sync(struct lmap_region *region,
			       const struct mmu_notifier_range *range)
{
	if (!mmu_notifier_range_blockable(range))
		return false;
	switch (range->event) {
	case MMU_NOTIFY_UNMAP:
	case MMU_NOTIFY_RELEASE:
	case MMU_NOTIFY_PROTECTION_VMA:
	case MMU_NOTIFY_SOFT_DIRTY:
		return true;
	case MMU_NOTIFY_PROTECTION_PAGE:
		/* Writeback write-protects shared pages under rmap locks. */
		return !region->shared;
	default:
		return false;
	}
}

static bool lmap_event_is_final(const struct mmu_notifier_range *range)
{
	return range->event == MMU_NOTIFY_UNMAP ||
	       range->event == MMU_NOTIFY_RELEASE;
}

/* Model: locks.pml, callback_async() and munmap(). */
static bool lmap_region_invalidate(struct mmu_interval_notifier *mni,
				   const struct mmu_notifier_range *range,
				   unsigned long seq)
{
	struct lmap_region *region = container_of(mni, struct lmap_region,
						  notifier);
	struct lmap_take take = { .rights = LMAP_RIGHTS_ALL, .self = true,
				  .atomic = true };
	unsigned long first = max(range->start >> PAGE_SHIFT, region->first);
	unsigned long last = min((range->end - 1) >> PAGE_SHIFT, region->last);
	bool sync = lmap_event_is_sync(region, range), tiles, final = false;

	mmu_interval_set_seq(mni, seq);
	lmap_test_delay(range);
	if (first > last)
		return true;

	tiles = lmap_tile_invalidate(region, first, last, !sync);
	if (!sync) {
		if (tiles)
			lmap_region_stale(region);
		return true;
	}
	if (lmap_event_is_final(range)) {
		take.reason = range->event == MMU_NOTIFY_RELEASE ?
			      release_reason(region->space) :
			      unmap_reason(region->space);
		/* Memory that is being granted takes along what was lent. */
		lmap_leave_adopt(region, first, last);
		lmap_revoke_region(region, first, last, &take);
		/* A pin that was under way is detected by its generation. */
		tiles = true;
		final = first == region->first && last == region->last;
	}
	if (tiles) {
		/* Pages that are pinned are copied for the child, not shared. */
		bool keep = range->event == MMU_NOTIFY_PROTECTION_PAGE;

		lmap_tile_drop_invalid(region, first, last, keep);
	}
	if (final)
		lmap_region_forget(region);
	return true;
}

static const struct mmu_interval_notifier_ops lmap_region_notifier_ops = {
	.invalidate = lmap_region_invalidate,
};

/**
 * lmap_region_alloc - memory for a region, and what all kinds have in common
 * @space: whose reserve can be used
 * @first: first page
 * @last: last page
 *
 * Return: the region, with a reference, or NULL.
 */
struct lmap_region *lmap_region_alloc(struct lmap_space *space,
				      unsigned long first, unsigned long last)
{
	struct lmap_region *region;

	region = lmap_region_zalloc() ?: lmap_reserve_region(space);
	if (!region)
		return NULL;
	lmap_mdb_init(&region->mdb);
	mutex_init(&region->revoke);
	refcount_set(&region->ref, 1);
	INIT_WORK(&region->work, lmap_region_work);
	xa_init_flags(&region->tiles, XA_FLAGS_ACCOUNT);
	region->id = lmap_id_next();
	region->squeezed = (u32)jiffies - HZ;
	region->first = first;
	region->last = last;
	return region;
}

/**
 * lmap_region_create - make a region over ordinary memory
 * @space: whose memory; of the caller
 * @first: first page
 * @last: last page
 * @shared: kind of memory
 *
 * Context: process, no locks.
 * Return: the region, with a reference, or an error pointer (-ENOMEM, -ENXIO
 * if the space is dead).
 */
struct lmap_region *lmap_region_create(struct lmap_space *space,
				       unsigned long first,
				       unsigned long last, bool shared)
{
	struct lmap_region *region;
	bool dead;
	int ret;

	region = lmap_region_alloc(space, first, last);
	if (!region)
		return ERR_PTR(-ENOMEM);
	region->space = space;
	region->shared = shared;
	ret = mmu_interval_notifier_insert(&region->notifier, space->mm,
					   first << PAGE_SHIFT,
					   (last - first + 1) << PAGE_SHIFT,
					   &lmap_region_notifier_ops);
	if (ret) {
		lmap_region_unused(region);
		return ERR_PTR(ret);
	}

	kref_get(&space->ref);
	spin_lock(&space->regions_lock);
	interval_tree_insert(&region->range, &space->regions);
	spin_unlock(&space->regions_lock);
	mutex_lock(&space->lock);
	dead = space->dead;
	mutex_unlock(&space->lock);
	if (dead) {
		lmap_region_put(region);
		return ERR_PTR(-ENXIO);
	}
	return region;
}
