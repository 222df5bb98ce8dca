// SPDX-License-Identifier: GPL-2.0
/*
 * lmap - the operations unmap and sync: what a range of a space means, handed
 * on to revoke.c.
 *
 * Nothing here may fail once something was revoked, but for a signal.
 */
#include "lmap.h"
#include "trace.h"

#include <linux/file.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>

/* Taking back one's own memory ends what is known of its use. */
static bool take_forgets(const struct lmap_take *take,
			 const struct lmap_region *region,
			 unsigned long first, unsigned long last)
{
	return take->self && take->rights & LMAP_R && !take->only &&
	       region->first >= first && region->last <= last;
}

/* Ordinary memory: everything that derives from it, in all regions. */
static int unmap_regions(struct lmap_space *space, unsigned long first,
			 unsigned long last, struct lmap_take *take)
{
	struct lmap_region *region = NULL;

	while ((region = lmap_region_next(space, region, first, last))) {
		u64 before = take->work;

		lmap_revoke_region(region, first, last, take);
		if (!take->stopped &&
		    take_forgets(take, region, first, last))
			lmap_region_forget(region);
		lmap_region_sync(region);
		if (lmap_take_stopped(take, before)) {
			lmap_region_put(region);
			return -EINTR;
		}
	}
	return 0;
}

/**
 * lmap_next_view - find views of windows in a range of addresses
 * @space: of the caller, whose windows are looked for
 * @addr: where to begin; result: the end of the view
 * @end: last byte of the range
 * @wfirst: result: first window page that lies in the range
 * @wlast: result: last one
 *
 * Return: the window's file, referenced, or NULL.
 */
struct file *lmap_next_view(struct lmap_space *space, unsigned long *addr,
			    unsigned long end, unsigned long *wfirst,
			    unsigned long *wlast)
{
	struct mm_struct *mm = space->mm;
	struct vm_area_struct *vma;
	struct file *file = NULL;

	/* Who only lends has none. One that comes now comes after us. */
	if (!atomic_read(&space->nr_views))
		return NULL;
	mmap_read_lock(mm);
	for (vma = find_vma(mm, *addr); vma && vma->vm_start <= end;
	     vma = find_vma(mm, vma->vm_end)) {
		struct lmap_window *window = lmap_vma_window(vma);
		unsigned long from = max(*addr, vma->vm_start);
		unsigned long to = min(end, vma->vm_end - 1);

		if (!window || window->space != space)
			continue;
		*wfirst = vma->vm_pgoff +
			  ((from - vma->vm_start) >> PAGE_SHIFT);
		*wlast = vma->vm_pgoff + ((to - vma->vm_start) >> PAGE_SHIFT);
		file = get_file(vma->vm_file);
		*addr = vma->vm_end;
		break;
	}
	mmap_read_unlock(mm);
	return file;
}

static int unmap_views(struct lmap_space *space, unsigned long first,
		       unsigned long last, struct lmap_take *take)
{
	unsigned long addr = first << PAGE_SHIFT, wfirst, wlast;
	unsigned long end = (last << PAGE_SHIFT) | ~PAGE_MASK;
	struct file *file;

	while ((file = lmap_next_view(space, &addr, end, &wfirst, &wlast))) {
		u64 before = take->work;

		lmap_revoke_window(file->private_data, wfirst, wlast, take);
		fput(file);
		if (lmap_take_stopped(take, before))
			return -EINTR;
	}
	return 0;
}

/*
 * Revokes in all windows of a space, in turn. A window in the list whose file
 * is referenced stays there; one whose file is going is dealt with under the
 * lock that keeps it in the list.
 */
static struct file *next_window(struct lmap_space *space, struct file *prev,
				struct lmap_take *take)
{
	struct lmap_window *window;
	struct file *file = NULL;
	bool atomic = take->atomic;

	mutex_lock(&space->lock);
	window = prev ? prev->private_data : NULL;
	window = list_prepare_entry(window, &space->windows, link);
	list_for_each_entry_continue(window, &space->windows, link) {
		if (lmap_compat_file_tryget(window->file)) {
			file = window->file;
			break;
		}
		take->atomic = true;
		lmap_revoke_window(window, 0, ULONG_MAX, take);
		take->atomic = atomic;
	}
	mutex_unlock(&space->lock);
	if (prev)
		fput(prev);
	return file;
}

static int unmap_windows(struct lmap_space *space, struct lmap_take *take)
{
	struct file *file = NULL;

	while ((file = next_window(space, file, take))) {
		u64 before = take->work;

		lmap_revoke_window(file->private_data, 0, ULONG_MAX, take);
		if (lmap_take_stopped(take, before)) {
			fput(file);
			return -EINTR;
		}
	}
	return take->stopped ? -EINTR : 0;
}

struct unmap_range {
	bool whole;
	unsigned long first;
	unsigned long last;
	unsigned int rights;
};

static int decode_range(const struct lmap_unmap *arg, struct unmap_range *out)
{
	u64 end;

	if (arg->rights & ~LMAP_RIGHTS_ALL)
		return -EOPNOTSUPP;
	if (!arg->length || (arg->fpage | arg->length) & ~PAGE_MASK)
		return -EINVAL;
	if (check_add_overflow(arg->fpage, arg->length - 1, &end))
		return -EOVERFLOW;
	out->whole = false;
	out->first = arg->fpage >> PAGE_SHIFT;
	out->last = end >> PAGE_SHIFT;
	out->rights = arg->rights;
	return 0;
}

static int decode_fpage(const struct lmap_unmap *arg, struct unmap_range *out)
{
	struct lmap_flexpage fpage;
	int ret;

	if (arg->length || arg->rights)
		return -EINVAL;
	ret = lmap_flexpage_decode(arg->fpage, PAGE_SHIFT, &fpage);
	if (ret)
		return ret;
	out->whole = fpage.order == LMAP_ORDER_MAX;
	out->first = fpage.base >> PAGE_SHIFT;
	out->last = (fpage.base + ((1ULL << fpage.order) - 1)) >> PAGE_SHIFT;
	if (out->whole)
		out->last = ULONG_MAX >> PAGE_SHIFT;
	out->rights = fpage.rights;
	return 0;
}

static int unmap_decode(const struct lmap_unmap *arg, struct unmap_range *out)
{
	if (arg->flags & ~(LMAP_SELF | LMAP_ONLY | LMAP_RANGE |
			   LMAP_RESET))
		return -EOPNOTSUPP;
	if (!(arg->flags & LMAP_ONLY) && arg->only_window)
		return -EINVAL;
	return arg->flags & LMAP_RANGE ? decode_range(arg, out) :
					 decode_fpage(arg, out);
}

static int unmap_run(struct lmap_space *space, const struct unmap_range *range,
		     struct lmap_take *take)
{
	int ret = 0;

	if (range->whole)
		ret = unmap_windows(space, take);
	else
		ret = unmap_views(space, range->first, range->last, take);
	if (ret)
		return ret;
	return unmap_regions(space, range->first, range->last, take);
}

/**
 * lmap_ioc_unmap - the ioctl LMAP_UNMAP
 * @space: of the caller
 * @arg: see the uapi header
 *
 * Context: process, no locks.
 */
long lmap_ioc_unmap(struct lmap_space *space, struct lmap_unmap *arg)
{
	struct unmap_range range;
	struct lmap_take take = { .space = space, .restartable = true,
				  .reason = LMAP_REASON_UNMAP };
	struct file *only = NULL;
	int ret;

	ret = unmap_decode(arg, &range);
	if (ret)
		return ret;
	if (arg->flags & LMAP_ONLY) {
		only = lmap_window_fget(arg->only_window);
		if (IS_ERR(only))
			return PTR_ERR(only);
		take.only = only->private_data;
	}
	take.rights = range.rights;
	take.self = arg->flags & LMAP_SELF;
	take.reset = arg->flags & LMAP_RESET;
	trace_lmap_unmap_begin(space, range.first, range.last, range.rights);
	ret = unmap_run(space, &range, &take);
	trace_lmap_unmap_end(space, &take, ret);
	if (only)
		fput(only);

	arg->out_mappings = take.mappings;
	arg->out_pages = take.pages;
	arg->out_refbits = take.refbits;
	arg->out_flags = take.over ? LMAP_OVERREVOKED : 0;
	return ret;
}

/**
 * lmap_ioc_sync - the ioctl LMAP_SYNC
 * @space: of the caller
 */
long lmap_ioc_sync(struct lmap_space *space)
{
	struct lmap_region *region = NULL;

	while ((region = lmap_region_next(space, region, 0, ULONG_MAX)))
		lmap_region_sync(region);
	return 0;
}

/**
 * lmap_space_revoke - take back everything that was lent through a space
 * @space: its file is being closed
 *
 * Context: process, no locks; must finish although signals are pending.
 */
void lmap_space_revoke(struct lmap_space *space)
{
	struct lmap_take take = { .rights = LMAP_RIGHTS_ALL,
				  .reason = LMAP_REASON_CLOSE };
	struct lmap_region *region = NULL;
	enum lmap_reason reason;

	mutex_lock(&space->lock);
	space->closed = true;
	mutex_unlock(&space->lock);
	unmap_windows(space, &take);
	while ((region = lmap_region_next(space, region, 0, ULONG_MAX)))
		lmap_revoke_region(region, region->first, region->last, &take);
	while ((region = lmap_region_next(space, region, 0, ULONG_MAX)))
		lmap_region_forget(region);
	mutex_lock(&space->lock);
	reason = space->dead ? space->reason : LMAP_REASON_CLOSE;
	mutex_unlock(&space->lock);
	lmap_report_space_closed(space, reason);
	lmap_unlisten(&space->ears);
}
