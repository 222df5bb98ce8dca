// SPDX-License-Identifier: GPL-2.0
/*
 * lmap - revoking: take rights away in the database, zap, unlink.
 *
 * Nothing here may fail, wait for user space or need memory in a way that can
 * make it fail: without memory for splitting a mapping more is revoked.
 */
#include "lmap.h"

/**
 * lmap_spares_fill - have nodes for splitting
 * @space: whose reserve can be used
 * @spares: list of nodes (by order)
 * @have: how many are in it
 * @want: how many there shall be
 * @gfp: as of lmap_node_alloc()
 *
 * Return: false if there are fewer.
 */
bool lmap_spares_fill(struct lmap_space *space, struct list_head *spares,
		      unsigned long *have, unsigned long want, gfp_t gfp)
{
	while (*have < want) {
		struct lmap_node *node = lmap_node_alloc(space, gfp);

		if (!node)
			return false;
		list_add(&node->order, spares);
		(*have)++;
	}
	return true;
}

/**
 * lmap_revoke_finish - zap and reap what was demoted
 * @region: of the tree
 * @rv: after lmap_mdb_demote() or lmap_mdb_move()
 *
 * Timeline against a fault: Documentation/locking.rst.
 *
 * Context: region->revoke and mdb->lock held; the latter is dropped meanwhile.
 * The caller holds a reference to the region.
 */
void lmap_revoke_finish(struct lmap_region *region, struct lmap_revoke *rv)
{
	struct lmap_node *node = NULL, *next;
	LIST_HEAD(dead);
	bool emptied;

	lockdep_assert_held(&region->revoke);
	lockdep_assert_held(&region->mdb.lock);
	while ((node = lmap_mdb_next_zap(rv, node))) {
		struct lmap_window *window = lmap_index_window(node->index);
		unsigned long wfirst = node->wfirst;
		unsigned long wlast = lmap_node_wlast(node);

		if (lmap_node_dying(node))
			lmap_node_uncharge_locked(node);
		/* The node stays in the index till reaped, so the window too. */
		mutex_unlock(&region->mdb.lock);
		lmap_window_zap(window, wfirst, wlast);
		mutex_lock(&region->mdb.lock);
	}
	lmap_mdb_reap(rv, &dead);
	emptied = !list_empty(&dead) && !region->mdb.nr;
	/* Pages that nobody can reach any more are given back at once. */
	if (region->detached && !list_empty(&dead)) {
		mutex_unlock(&region->mdb.lock);
		lmap_region_trim(region, rv->zfirst, rv->zlast);
		mutex_lock(&region->mdb.lock);
	}

	list_for_each_entry_safe(node, next, &dead, order)
		lmap_node_free_later(node);
	if (!emptied)
		return;
	/* The last reference drops the tiles; history keeps one. */
	if (test_bit(0, &region->history))
		queue_work(lmap_wq, &region->stale_work);
	/* The reference that the first mapping took; the caller has another. */
	lmap_region_put(region);
}

/*
 * Has enough spares, then demotes, zaps and reaps. Allocating with reclaim must
 * happen outside of region->revoke: the callbacks that reclaim runs may wait
 * for it.
 *
 * @rv->root and the range are found again each time by @find, since the tree
 * may have changed; it returns false if there is nothing to do any more.
 */
struct revoke_job {
	struct lmap_region *region;
	struct lmap_take *take;
	struct lmap_window *window;	/* of the root, NULL: whole region */
	unsigned long first;		/* window pages, or region pages */
	unsigned long last;
	unsigned long next;		/* result: window page to go on with */
};

/* mdb->lock held: describe the revocation, false if there is nothing. */
static bool job_find(struct revoke_job *job, struct lmap_revoke *rv)
{
	struct lmap_region *region = job->region;
	struct lmap_node *node;
	unsigned long from, to;

	rv->mdb = &region->mdb;
	rv->self = job->take->self;
	rv->only = job->take->only ? &job->take->only->index : NULL;
	rv->take = job->take->rights;
	rv->root = NULL;
	rv->rfirst = job->first;
	rv->rlast = job->last;
	if (!job->window)
		return true;

	node = lmap_index_first_of(&job->window->index, &region->mdb,
				   job->first, job->last);
	/* Somebody else's tree came first: the caller starts over. */
	if (!node)
		return false;
	from = max(job->first, node->wfirst);
	to = min(job->last, lmap_node_wlast(node));
	rv->root = node;
	rv->rfirst = node->rfirst + (from - node->wfirst);
	rv->rlast = node->rfirst + (to - node->wfirst);
	job->next = to + 1;
	return true;
}

/* What LMAP_STATUS would say; in notifiers nobody asks. */
static void job_refbits(struct revoke_job *job, struct lmap_revoke *rv)
{
	struct lmap_take *take = job->take;
	struct lmap_query q = {
		.mdb = rv->mdb,
		.root = rv->root,
		.rfirst = rv->rfirst,
		.rlast = rv->rlast,
	};

	if (take->atomic)
		return;
	/* Without bits of each page a part can't be cleared by itself. */
	if (take->reset && (rv->root || rv->mdb->refs.table)) {
		lmap_refs_reset(job->region, &q);
		take->refbits |= lmap_refs_take(&q, q.rfirst, q.rlast, NULL);
	} else if (take->refbits != (LMAP_ACCESSED | LMAP_MODIFIED)) {
		take->refbits |= lmap_refs_peek(&q, q.rfirst, q.rlast, NULL);
	}
}

static bool job_run(struct revoke_job *job)
{
	struct lmap_region *region = job->region;
	struct lmap_take *take = job->take;
	gfp_t gfp = take->atomic ? GFP_NOWAIT | __GFP_NOWARN :
				   GFP_KERNEL_ACCOUNT;
	struct lmap_revoke rv = {};
	unsigned long have = 0, need;
	bool found, told = false, enough = true;

	INIT_LIST_HEAD(&rv.spares);
	/* Revoking can't fail for want of memory: then nothing is cleared. */
	if (take->reset && !job->window)
		lmap_region_track(region);
	for (;;) {
		mutex_lock(&region->revoke);
		mutex_lock(&region->mdb.lock);
		found = job_find(job, &rv);
		/* Drops mdb->lock, so before spares are counted. */
		if (found && !told)
			job_refbits(job, &rv);
		told = found;
		need = found && take->rights ? lmap_mdb_spares_needed(&rv) : 0;
		if (take->atomic)
			lmap_spares_fill(region->space, &rv.spares, &have,
					 need, gfp);
		if (need <= have || take->atomic || !enough)
			break;
		mutex_unlock(&region->mdb.lock);
		mutex_unlock(&region->revoke);
		/* Somewhat more than needed, lest others always outrun us. */
		enough = lmap_spares_fill(take->space, &rv.spares, &have,
					  need + need / 4, gfp);
	}
	if (found && take->rights) {
		lmap_mdb_demote(&rv);
		lmap_revoke_finish(region, &rv);
	}
	mutex_unlock(&region->mdb.lock);
	mutex_unlock(&region->revoke);

	lmap_node_free_list(&rv.spares);
	take->mappings += rv.mappings;
	take->pages += rv.pages;
	take->over |= rv.over;
	return found;
}

/**
 * lmap_revoke_region - take rights from what derives from ordinary memory
 * @region: whose; the caller holds a reference, or is its notifier
 * @first: first region page
 * @last: last region page
 * @take: what, and the result
 *
 * Context: process; with @take->atomic also a notifier that may block.
 */
void lmap_revoke_region(struct lmap_region *region, unsigned long first,
			unsigned long last, struct lmap_take *take)
{
	struct revoke_job job = {
		.region = region,
		.take = take,
		.first = max(first, region->first),
		.last = min(last, region->last),
	};

	/*
	 * A notifier may run for a region that nobody holds any more, but has
	 * no mappings then either; the others must not lose it under way.
	 */
	if (job.first > job.last || !lmap_region_tryget(region))
		return;
	job_run(&job);
	lmap_region_put(region);
}

/**
 * lmap_revoke_window - take rights from what derives from mappings in a window
 * @window: whose; its file is held, or it is being released
 * @wfirst: first window page
 * @wlast: last window page
 * @take: what, and the result
 *
 * Context: process; with @take->atomic also a notifier that may block.
 */
void lmap_revoke_window(struct lmap_window *window, unsigned long wfirst,
			unsigned long wlast, struct lmap_take *take)
{
	struct revoke_job job = {
		.take = take,
		.window = window,
		.first = wfirst,
		.last = wlast,
	};

	while (job.first <= wlast) {
		job.region = lmap_index_region(&window->index, job.first,
					       wlast);
		if (!job.region)
			break;
		if (job_run(&job))
			job.first = job.next;
		lmap_region_put(job.region);
		cond_resched();
		if (!job.first)
			break;
	}
}

/**
 * lmap_window_kill - revoke everything in a window, for good
 * @window: its file is held, or it is being released, or its mm dies
 *
 * Context: process, notifier that may block.
 */
void lmap_window_kill(struct lmap_window *window)
{
	struct lmap_take take = { .rights = LMAP_RIGHTS_ALL, .self = true,
				  .atomic = true };

	/* A map that comes later sees dead after it has linked its node. */
	spin_lock(&window->index.lock);
	window->dead = true;
	spin_unlock(&window->index.lock);
	lmap_revoke_window(window, 0, ULONG_MAX, &take);
}
