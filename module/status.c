// SPDX-License-Identifier: GPL-2.0
/*
 * lmap - the operation status: reference bits of a range of a space.
 *
 * Nothing here may lose a bit: whatever is cleared has been told before, or is
 * kept for others who can ask (refs.h).
 */
#include "lmap.h"
#include "race.h"

#include <linux/file.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

/* So many pages are looked at without a break. */
#define STATUS_BLOCK	65536UL

/**
 * struct status_job - one call
 * @space: of the caller
 * @first: first page (address >> PAGE_SHIFT)
 * @last: last page
 * @reset: clear what is told
 * @pages: one byte for each page, or NULL
 * @refbits: result
 */
struct status_job {
	struct lmap_space *space;
	unsigned long first;
	unsigned long last;
	bool reset;
	u8 *pages;
	unsigned int refbits;
};

/**
 * lmap_refs_reset - make fresh bits seen, so that a new use is noticed
 * @region: whose; the caller holds a reference
 * @q: the question, to be answered with lmap_refs_take()
 *
 * Context: region->revoke and mdb->lock held; the latter is dropped meanwhile.
 */
void lmap_refs_reset(struct lmap_region *region, struct lmap_query *q)
{
	struct lmap_node *node = NULL;

	lockdep_assert_held(&region->revoke);
	lmap_refs_collect(q);
	while ((node = lmap_refs_next_zap(q, node))) {
		struct lmap_window *window = lmap_index_window(node->index);
		unsigned long delta = node->wfirst - node->rfirst;
		unsigned long from = max(q->rfirst, node->rfirst);
		unsigned long to = min(q->rlast, lmap_node_rlast(node));

		/* Revoke is held: the node stays, and its window. */
		mutex_unlock(&region->mdb.lock);
		lmap_race_sleep(refs_collected);
		lmap_window_zap(window, from + delta, to + delta);
		mutex_lock(&region->mdb.lock);
	}
}

/* Region page q->rfirst is byte number @at of job->pages. */
static void status_tell(struct status_job *job, struct lmap_query *q,
			unsigned long at)
{
	unsigned long first = q->rfirst, last;

	for (;; first = last + 1) {
		u8 *pages = job->pages;

		last = min(q->rlast, first + (STATUS_BLOCK - 1));
		if (pages)
			pages += at + (first - q->rfirst);
		job->refbits |= job->reset ?
				lmap_refs_take(q, first, last, pages) :
				lmap_refs_peek(q, first, last, pages);
		if (last == q->rlast)
			return;
		cond_resched();
	}
}

static int status_region(struct status_job *job, struct lmap_region *region)
{
	struct lmap_query q = {
		.mdb = &region->mdb,
		.rfirst = max(job->first, region->first),
		.rlast = min(job->last, region->last),
		.breaks = true,
	};
	int ret;

	if (job->reset) {
		/* Else a part of the range could not be cleared by itself. */
		ret = lmap_region_track(region);
		if (ret)
			return ret;
	}
	lmap_revoke_lock(region);
	mutex_lock(&region->mdb.lock);
	if (job->reset)
		lmap_refs_reset(region, &q);
	status_tell(job, &q, q.rfirst - job->first);
	mutex_unlock(&region->mdb.lock);
	mutex_unlock(&region->revoke);
	return 0;
}

static int status_regions(struct status_job *job)
{
	struct lmap_region *region = NULL;
	int ret;

	while ((region = lmap_region_next(job->space, region, job->first,
					  job->last))) {
		/* What has been cleared must be told: only death stops it. */
		ret = fatal_signal_pending(current) ? -EINTR :
						      status_region(job, region);
		if (ret) {
			lmap_region_put(region);
			return ret;
		}
	}
	return 0;
}

/*
 * The first mapping at or after *wfirst in a window of the caller; *wfirst
 * goes behind it. Window page @w0 is byte number @at.
 */
static bool status_mapping(struct status_job *job, struct lmap_window *window,
			   unsigned long *wfirst, unsigned long wlast,
			   unsigned long w0, unsigned long at)
{
	struct lmap_region *region;
	struct lmap_query q = { .breaks = true };
	unsigned long from, to;
	struct lmap_node *node;

	region = lmap_index_region(&window->index, *wfirst, wlast);
	if (!region)
		return false;
	lmap_race_sleep(status_region);
	lmap_revoke_lock(region);
	mutex_lock(&region->mdb.lock);
	node = lmap_index_first_of(&window->index, &region->mdb, *wfirst, wlast);
	/* Another one came before it meanwhile: look again. */
	if (node) {
		from = max(*wfirst, node->wfirst);
		to = min(wlast, lmap_node_wlast(node));
		q.mdb = &region->mdb;
		q.root = node;
		q.rfirst = node->rfirst + (from - node->wfirst);
		q.rlast = node->rfirst + (to - node->wfirst);
		if (job->reset)
			lmap_refs_reset(region, &q);
		status_tell(job, &q, at + (from - w0));
		*wfirst = to + 1;
	}
	mutex_unlock(&region->mdb.lock);
	mutex_unlock(&region->revoke);
	lmap_region_put(region);
	return true;
}

/* Windows of the caller that are mmapped in the range. */
static int status_views(struct status_job *job)
{
	unsigned long addr = job->first << PAGE_SHIFT, wfirst, wlast;
	unsigned long end = (job->last << PAGE_SHIFT) | ~PAGE_MASK;
	struct file *file;

	while ((file = lmap_next_view(job->space, &addr, end, &wfirst,
				      &wlast))) {
		/* *addr is the end of the view, or lies behind the range. */
		unsigned long stop = min(addr - 1, end) >> PAGE_SHIFT;
		unsigned long at = stop - (wlast - wfirst) - job->first;
		unsigned long w0 = wfirst;

		while (wfirst <= wlast &&
		       status_mapping(job, file->private_data, &wfirst, wlast,
				      w0, at))
			cond_resched();
		fput(file);
		if (fatal_signal_pending(current))
			return -EINTR;
	}
	return 0;
}

static int status_decode(const struct lmap_status *arg, struct status_job *job)
{
	u64 end;

	if (arg->flags & ~LMAP_RESET || arg->reserved)
		return -EOPNOTSUPP;
	if (!arg->length || (arg->addr | arg->length) & ~PAGE_MASK)
		return -EINVAL;
	if (check_add_overflow(arg->addr, arg->length - 1, &end))
		return -EOVERFLOW;
	job->reset = arg->flags & LMAP_RESET;
	job->first = arg->addr >> PAGE_SHIFT;
	job->last = end >> PAGE_SHIFT;
	return 0;
}

static int status_run(struct status_job *job)
{
	int ret = status_views(job);

	return ret ?: status_regions(job);
}

/**
 * lmap_ioc_status - the ioctl LMAP_STATUS
 * @space: of the caller
 * @arg: see the uapi header
 *
 * Context: process, no locks.
 */
long lmap_ioc_status(struct lmap_space *space, struct lmap_status *arg)
{
	struct status_job job = { .space = space };
	u8 __user *user = u64_to_user_ptr(arg->pages);
	size_t size;
	int ret;

	ret = status_decode(arg, &job);
	if (ret)
		return ret;
	size = job.last - job.first + 1;
	if (user) {
		/* Nobody shall lose bits because of a bad pointer. */
		if (fault_in_writeable((char __user *)user, size))
			return -EFAULT;
		job.pages = kvzalloc(size, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
		if (!job.pages)
			return -ENOMEM;
	}
	ret = status_run(&job);
	if (!ret && user && copy_to_user(user, job.pages, size))
		ret = -EFAULT;
	kvfree(job.pages);
	arg->out_refbits = job.refbits;
	return ret;
}
