// SPDX-License-Identifier: GPL-2.0
/*
 * lmap - revoking: take rights away in the database, zap, unlink.
 *
 * Nothing here may fail, wait for user space or need memory in a way that can
 * make it fail: without memory for splitting a mapping more is revoked.
 */
#include "lmap.h"

#include <linux/mempool.h>
#include <linux/slab.h>

/* Nodes set aside for splitting inside notifiers, for all spaces together. */
#define NODE_RESERVE	256

static struct kmem_cache *node_cache;
static mempool_t *node_pool;
static atomic64_t node_last_id;

struct lmap_node *lmap_node_alloc(gfp_t gfp)
{
	struct lmap_node *node = kmem_cache_alloc(node_cache, gfp);

	if (!node && !gfpflags_allow_blocking(gfp))
		node = mempool_alloc(node_pool, gfp);
	return node;
}

/* Not linked since it was allocated: no reader can know it. */
void lmap_node_free(struct lmap_node *node)
{
	mempool_free(node, node_pool);
}

u64 lmap_node_new_id(void)
{
	return atomic64_inc_return(&node_last_id);
}

static void node_free_rcu(struct rcu_head *rcu)
{
	lmap_node_free(container_of(rcu, struct lmap_node, rcu));
}

/* Never linked nodes: spares that were not needed. */
void lmap_node_free_list(struct list_head *nodes)
{
	struct lmap_node *node, *next;

	list_for_each_entry_safe(node, next, nodes, order)
		lmap_node_free(node);
	INIT_LIST_HEAD(nodes);
}

static bool spares_fill(struct list_head *spares, unsigned long *have,
			unsigned long want, gfp_t gfp)
{
	while (*have < want) {
		struct lmap_node *node = lmap_node_alloc(gfp);

		if (!node)
			return false;
		list_add(&node->order, spares);
		(*have)++;
	}
	return true;
}

/*
 * Demote, zap, reap. Takes region->revoke from the caller, drops mdb->lock
 * while zapping. Timeline against a fault: Documentation/locking.rst.
 */
static void revoke_locked(struct lmap_region *region, struct lmap_revoke *rv)
{
	struct lmap_node *node = NULL, *next;
	LIST_HEAD(dead);
	bool emptied;

	lockdep_assert_held(&region->revoke);
	lockdep_assert_held(&region->mdb.lock);
	lmap_mdb_demote(rv);
	while ((node = lmap_mdb_next_zap(rv, node))) {
		struct lmap_window *window = lmap_index_window(node->index);
		unsigned long wfirst = node->wfirst;
		unsigned long wlast = lmap_node_wlast(node);

		/* The node stays in the index till reaped, so the window too. */
		mutex_unlock(&region->mdb.lock);
		lmap_window_zap(window, wfirst, wlast);
		mutex_lock(&region->mdb.lock);
	}
	lmap_mdb_reap(rv, &dead);
	emptied = !list_empty(&dead) && !region->mdb.nr;

	list_for_each_entry_safe(node, next, &dead, order)
		call_rcu(&node->rcu, node_free_rcu);
	/* The reference that the first mapping took; the caller has another. */
	if (emptied)
		lmap_region_put(region);
}

/*
 * Has enough spares, then calls revoke_locked(). Allocating with reclaim must
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

	spin_lock(&job->window->index.lock);
	node = lmap_index_first(&job->window->index, job->first, job->last);
	spin_unlock(&job->window->index.lock);
	/* Somebody else's tree came first: the caller starts over. */
	if (!node || node->mdb != &region->mdb)
		return false;
	from = max(job->first, node->wfirst);
	to = min(job->last, lmap_node_wlast(node));
	rv->root = node;
	rv->rfirst = node->rfirst + (from - node->wfirst);
	rv->rlast = node->rfirst + (to - node->wfirst);
	job->next = to + 1;
	return true;
}

static bool job_run(struct revoke_job *job)
{
	struct lmap_region *region = job->region;
	struct lmap_take *take = job->take;
	gfp_t gfp = take->atomic ? GFP_NOWAIT | __GFP_NOWARN :
				   GFP_KERNEL_ACCOUNT;
	struct lmap_revoke rv = {};
	unsigned long have = 0, need;
	bool found, enough = true;

	INIT_LIST_HEAD(&rv.spares);
	for (;;) {
		mutex_lock(&region->revoke);
		mutex_lock(&region->mdb.lock);
		found = job_find(job, &rv);
		need = found ? lmap_mdb_spares_needed(&rv) : 0;
		if (take->atomic)
			spares_fill(&rv.spares, &have, need, gfp);
		if (need <= have || take->atomic || !enough)
			break;
		mutex_unlock(&region->mdb.lock);
		mutex_unlock(&region->revoke);
		/* Somewhat more than needed, lest others always outrun us. */
		enough = spares_fill(&rv.spares, &have, need + need / 4, gfp);
	}
	if (found)
		revoke_locked(region, &rv);
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

int lmap_node_init(void)
{
	BUILD_BUG_ON(sizeof(struct lmap_node) > 128);
	node_cache = KMEM_CACHE(lmap_node, SLAB_ACCOUNT);
	if (!node_cache)
		return -ENOMEM;
	node_pool = mempool_create_slab_pool(NODE_RESERVE, node_cache);
	if (!node_pool) {
		kmem_cache_destroy(node_cache);
		return -ENOMEM;
	}
	return 0;
}

void lmap_node_exit(void)
{
	mempool_destroy(node_pool);
	kmem_cache_destroy(node_cache);
}
