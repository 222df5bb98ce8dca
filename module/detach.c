// SPDX-License-Identifier: GPL-2.0
/*
 * lmap - detached regions: pages that a grant or copy takes from ordinary
 * memory. They are pinned for good, paid for by the granter's user, and freed
 * with the last mapping that shows them.
 *
 * Only private anonymous memory may get here: no page cache, no huge page of
 * hugetlbfs. The lender must never be left without memory that did not arrive.
 *
 * Memory leaves its granter by munmap. What it had lent of it is then taken
 * over by the new mapping, in the very callback in which it would otherwise be
 * revoked: a munmap that fails has changed nothing, one that gets as far as the
 * callback can't fail any more.
 *
 *   granter                         munmap's callback, same task
 *     pin the pages, fill region D
 *     link the new mapping in D
 *     lmap_leave(): spare nodes
 *     vm_munmap() ---------------->   lmap_leave_adopt(): mappings of the old
 *                                     region R move below the new one, zap
 *                                     revoke what is left in R, drop R's tiles
 */
#include "lmap.h"
#include "race.h"

#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

/* So many nodes more than are needed at the moment for splitting. */
#define LEAVE_SPARES	8

/* Taking pages. */

/* Waits for userfaultfd and the like, which FOLL_LONGTERM does not on 6.1. */
static int page_arrives(unsigned long page)
{
	struct page *pinned;
	long n;

	n = pin_user_pages_unlocked(page << PAGE_SHIFT, 1, &pinned,
				    FOLL_WRITE | FOLL_FORCE);
	if (n == 1)
		unpin_user_page(pinned);
	if (fatal_signal_pending(current))
		return -EINTR;
	return n == 1 ? 0 : n == -ENOMEM ? -ENOMEM : -EFAULT;
}

/*
 * Pages of the caller, exclusively his: writing takes them from children and
 * parents that shared them by fork, although nobody may write. Where a page may
 * not be pinned for long (CMA, memory that can be unplugged) the kernel moves
 * it, which fails while somebody else, as we for a borrower, has it pinned.
 */
static long pages_pin(struct lmap_space *space, unsigned long page,
		      unsigned int nr, struct page **pages)
{
	unsigned int tries;
	long n;
	int ret;

	for (tries = 0;; tries++) {
		bool stuck;

		n = pin_user_pages_fast(page << PAGE_SHIFT, nr, FOLL_WRITE |
					FOLL_FORCE | FOLL_LONGTERM, pages);
		if (n > 0)
			return n;
		stuck = lmap_pin_is_stuck(n);
		if (tries >= (stuck ? LMAP_MOVE_TRIES : 1))
			return stuck ? -ENOMEM : -EFAULT;
		ret = stuck ? lmap_tile_let_go(space, page, page + nr - 1,
					       tries) : 0;
		ret = ret ?: page_arrives(page);
		if (ret)
			return ret;
	}
}

/* The caller may have changed what is mapped since it was looked at. */
static bool pages_anonymous(struct page **pages, long nr)
{
	long i;

	for (i = 0; i < nr; i++)
		if (!PageAnon(pages[i]) || PageHuge(pages[i]))
			return false;
	return true;
}

static int region_fill(struct lmap_space *space, struct lmap_region *region)
{
	unsigned long page = region->first;
	struct page *pages[LMAP_CHUNK_PAGES];
	int ret;

	while (page <= region->last) {
		unsigned long end = min(page | (LMAP_CHUNK_PAGES - 1),
					region->last);
		long n = pages_pin(space, page, end - page + 1, pages);

		if (n < 0)
			return n;
		lmap_race_sleep(detach_pinned);
		if (!pages_anonymous(pages, n)) {
			unpin_user_pages(pages, n);
			return -EFAULT;
		}
		ret = lmap_tile_fill(region, page, pages, n);
		if (ret)
			return ret;
		page += n;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

static unsigned long region_count(struct lmap_region *region)
{
	unsigned long page, n = 0;

	for (page = region->first; page <= region->last; page++)
		n += lmap_tile_get(region, page) != 0;
	return n;
}

/**
 * lmap_region_detach - make a region of pages of the caller's memory
 * @space: of the caller
 * @first: first page
 * @last: last page
 *
 * Context: process, no locks.
 * Return: the region, with a reference, or an error pointer: -EDQUOT
 * (RLIMIT_MEMLOCK), -ENOMEM, -EFAULT, -EINTR.
 */
struct lmap_region *lmap_region_detach(struct lmap_space *space,
				       unsigned long first, unsigned long last)
{
	unsigned long npages = last - first + 1;
	struct lmap_region *region;
	int ret;

	ret = lmap_user_charge_locked(space->user, npages);
	if (ret)
		return ERR_PTR(ret);
	region = lmap_region_alloc(space, first, last);
	if (!region) {
		lmap_user_uncharge_locked(space->user, npages);
		return ERR_PTR(-ENOMEM);
	}
	region->detached = true;
	region->payer = space->user;
	lmap_user_ref(region->payer);
	ret = region_fill(space, region);
	if (!ret)
		return region;
	/* Each page gives its own back. */
	lmap_user_uncharge_locked(space->user, npages - region_count(region));
	lmap_revoke_lock(region);
	lmap_tile_drop(region, first, last);
	mutex_unlock(&region->revoke);
	lmap_region_put(region);
	return ERR_PTR(ret);
}

/* The first run of pages that no mapping shows; false if there is none. */
static bool region_gap(struct lmap_region *region, unsigned long *first,
		       unsigned long *last)
{
	unsigned long pos = *first, end = *last;
	struct lmap_node *node;
	bool found = false;

	mutex_lock(&region->mdb.lock);
	while (pos <= end && !found) {
		node = lmap_mdb_first(&region->mdb, pos, end);
		found = !node || node->rfirst > pos;
		if (found && node)
			end = node->rfirst - 1;
		if (!found)
			pos = lmap_node_rlast(node) + 1;
	}
	mutex_unlock(&region->mdb.lock);
	*first = pos;
	*last = end;
	return found;
}

/**
 * lmap_region_trim - free pages of a detached region that nobody can reach
 * @region: whose
 * @first: first page
 * @last: last page
 *
 * New mappings only appear where there are others, so a gap stays one.
 *
 * Context: region->revoke held; may run in a notifier callback.
 */
void lmap_region_trim(struct lmap_region *region, unsigned long first,
		      unsigned long last)
{
	unsigned long end = last;

	lockdep_assert_held(&region->revoke);
	while (region_gap(region, &first, &end)) {
		lmap_tile_drop(region, first, end);
		first = end + 1;
		end = last;
	}
}

/* Leaving. */

/**
 * struct lmap_leave - memory that is about to leave its granter
 * @link: in leaving
 * @task: the granter
 * @to: the detached region
 * @id: number of the mapping that gets it, perhaps in parts by now
 * @spares: nodes for splitting
 */
struct lmap_leave {
	struct list_head link;
	struct task_struct *task;
	struct lmap_region *to;
	u64 id;
	struct list_head spares;
};

/* All that are on their way; each is added, used and removed by its task. */
static LIST_HEAD(leaving);
static DEFINE_SPINLOCK(leaving_lock);

static struct lmap_leave *leave_find(void)
{
	struct lmap_leave *leave, *found = NULL;

	if (list_empty_careful(&leaving))
		return NULL;
	spin_lock(&leaving_lock);
	list_for_each_entry(leave, &leaving, link)
		if (leave->task == current)
			found = leave;
	spin_unlock(&leaving_lock);
	return found;
}

/* The part of the mapping @leave->id that comes first in first..last. */
static struct lmap_node *leave_heir(struct lmap_leave *leave,
				    unsigned long first, unsigned long last)
{
	struct lmap_node *node = lmap_mdb_first(&leave->to->mdb, first, last);

	while (node && (node->origin->id != leave->id || node->parent ||
			lmap_node_dying(node)))
		node = lmap_mdb_next(node, first, last);
	return node;
}

static void leave_fill(struct lmap_leave *leave, unsigned long want)
{
	unsigned long have = 0;
	struct list_head *pos;

	list_for_each(pos, &leave->spares)
		have++;
	lmap_spares_fill(NULL, &leave->spares, &have, want,
			 GFP_NOWAIT | __GFP_NOWARN);
}

/* One step of lmap_leave_adopt(). Returns the page to go on with, 0 = none. */
static unsigned long leave_step(struct lmap_leave *leave,
				struct lmap_region *region,
				unsigned long first, unsigned long last)
{
	struct lmap_revoke rv = { .mdb = &region->mdb,
				  .scope.take = LMAP_RIGHTS_ALL };
	struct lmap_region *to = leave->to;
	struct lmap_revoke moved = {};
	struct lmap_node *heir;

	mutex_lock(&region->mdb.lock);
	mutex_lock_nested(&to->mdb.lock, SINGLE_DEPTH_NESTING);
	heir = region->mdb.nr ? leave_heir(leave, first, last) : NULL;
	if (!heir) {
		mutex_unlock(&to->mdb.lock);
		mutex_unlock(&region->mdb.lock);
		return 0;
	}
	rv.scope.rfirst = max(first, heir->rfirst);
	rv.scope.rlast = min(last, lmap_node_rlast(heir));
	leave_fill(leave, lmap_mdb_spares_needed(&rv));
	INIT_LIST_HEAD(&rv.spares);
	list_splice_init(&leave->spares, &rv.spares);
	lmap_mdb_adopt(&rv, heir, &moved);
	list_splice_init(&rv.spares, &leave->spares);
	mutex_unlock(&to->mdb.lock);
	/* The reference that the first mapping took; we have another. */
	if (!region->mdb.nr)
		lmap_region_put(region);
	else
		lmap_revoke_finish(region, &rv, LMAP_REASON_GRANT);
	mutex_unlock(&region->mdb.lock);

	lmap_race_sleep(leave_adopted);
	/* Page table entries still show tiles of the old region. */
	mutex_lock(&to->mdb.lock);
	lmap_revoke_finish(to, &moved, LMAP_REASON_GRANT);
	mutex_unlock(&to->mdb.lock);
	return rv.scope.rlast + 1;
}

/**
 * lmap_leave_adopt - memory is unmapped: is it being granted?
 * @region: over the memory
 * @first: first page
 * @last: last page
 *
 * If so, what has been lent of it moves below the new mapping. What is left in
 * @region afterwards, for want of memory or of levels, is to be revoked.
 *
 * Context: notifier callback for MMU_NOTIFY_UNMAP. Nobody else takes two
 * revoke locks, and a detached region is never @region.
 */
void lmap_leave_adopt(struct lmap_region *region, unsigned long first,
		      unsigned long last)
{
	struct lmap_leave *leave = leave_find();

	if (!leave || region->space->mm != current->mm)
		return;
	first = max(first, leave->to->first);
	last = min(last, leave->to->last);
	if (first > last || !lmap_region_tryget(region))
		return;
	lmap_revoke_lock(region);
	lmap_revoke_lock_nested(leave->to, SINGLE_DEPTH_NESTING);
	while (first && first <= last)
		first = leave_step(leave, region, first, last);
	mutex_unlock(&leave->to->revoke);
	mutex_unlock(&region->revoke);
	lmap_region_put(region);
}

/* How many nodes will splitting need, in all regions of the space? */
static unsigned long leave_spares(struct lmap_space *space,
				  unsigned long first, unsigned long last)
{
	struct lmap_region *region = NULL;
	unsigned long n = 0;

	while ((region = lmap_region_next(space, region, first, last))) {
		struct lmap_revoke rv = { .mdb = &region->mdb, .scope.rfirst = first,
					  .scope.rlast = last,
					  .scope.take = LMAP_RIGHTS_ALL };

		lmap_revoke_lock(region);
		mutex_lock(&region->mdb.lock);
		n += lmap_mdb_spares_needed(&rv);
		mutex_unlock(&region->mdb.lock);
		mutex_unlock(&region->revoke);
	}
	return n;
}

/**
 * lmap_leave - unmap memory that has been granted
 * @space: of the caller
 * @to: the detached region
 * @id: number of the new mapping
 * @first: first page
 * @last: last page
 *
 * Context: process, no locks.
 * Return: 0; -ENOMEM, -EINTR or what munmap says: then nothing has changed.
 */
int lmap_leave(struct lmap_space *space, struct lmap_region *to, u64 id,
	       unsigned long first, unsigned long last)
{
	struct lmap_leave leave = { .task = current, .to = to, .id = id };
	unsigned long want, have = 0;
	int ret = -ENOMEM;

	INIT_LIST_HEAD(&leave.spares);
	want = leave_spares(space, first, last) + LEAVE_SPARES;
	if (lmap_spares_fill(space, &leave.spares, &have, want,
			     GFP_KERNEL_ACCOUNT)) {
		spin_lock(&leaving_lock);
		list_add(&leave.link, &leaving);
		spin_unlock(&leaving_lock);
		lmap_race_sleep(leave_linked);
		ret = vm_munmap(first << PAGE_SHIFT,
				(last - first + 1) << PAGE_SHIFT);
		spin_lock(&leaving_lock);
		list_del(&leave.link);
		spin_unlock(&leaving_lock);
	}
	lmap_node_free_list(&leave.spares);
	return ret;
}

/**
 * lmap_leave_check - is there a level left for all that has been lent?
 * @space: of the caller
 * @first: first page
 * @last: last page
 *
 * Return: 0 or -EMLINK.
 */
int lmap_leave_check(struct lmap_space *space, unsigned long first,
		     unsigned long last)
{
	struct lmap_region *region = NULL;
	int ret = 0;

	while ((region = lmap_region_next(space, region, first, last))) {
		struct lmap_node *node;

		mutex_lock(&region->mdb.lock);
		for (node = lmap_mdb_first(&region->mdb, first, last); node;
		     node = lmap_mdb_next(node, first, last))
			if (node->level >= LMAP_DEPTH_MAX)
				ret = -EMLINK;
		mutex_unlock(&region->mdb.lock);
	}
	return ret;
}
