// SPDX-License-Identifier: GPL-2.0
/*
 * lmap - revoking: take rights away in the database, zap, unlink.
 *
 * Nothing here may fail, wait for user space or need memory in a way that can
 * make it fail: without memory for splitting a mapping more is revoked.
 */
#include "lmap.h"
#include "pager.h"
#include "race.h"

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

/* So many mappings are zapped or unlinked before others get region->revoke. */
#define REVOKE_BATCH	64
/* So many may wait for an RCU grace period before we wait for it, too. */
#define REVOKE_FREED	8192

/**
 * struct revoke_turn - how long a revocation keeps others waiting
 * @take: on whose behalf; NULL: to the end, without letting others in
 * @reason: what listeners are told
 * @done: mappings zapped or unlinked in this turn
 * @freed: mappings unlinked since it waited for RCU, in earlier turns as well
 * @dead: those of them that RCU has not been given yet
 * @nr_dead: how many
 */
struct revoke_turn {
	const struct lmap_take *take;
	enum lmap_reason reason;
	unsigned long done;
	unsigned long freed;
	struct list_head dead;
	unsigned long nr_dead;
};

/* Reference bits that were cleared must be told: only death can stop that. */
static bool take_interrupted(const struct lmap_take *take)
{
	if (!take->restartable)
		return false;
	return take->reset ? fatal_signal_pending(current) :
			     signal_pending(current);
}

/**
 * lmap_take_stopped - shall the call end early?
 * @take: what the call does
 * @before: take->work at a moment before which it did not end
 *
 * Not without progress: repeating the call must finish however often signals
 * come.
 */
bool lmap_take_stopped(const struct lmap_take *take, u64 before)
{
	if (!take->restartable)
		return false;
	return take->stopped || fatal_signal_pending(current) ||
	       (take->work != before && take_interrupted(take));
}

/* Model: revoke.pml, may_yield(). */
static bool turn_ends(struct lmap_region *region,
		      const struct revoke_turn *turn)
{
	if (!turn->take || turn->done < REVOKE_BATCH)
		return false;
	return atomic_read(&region->waiters) || turn->freed >= REVOKE_FREED ||
	       take_interrupted(turn->take);
}

/* mdb->lock is dropped meanwhile. */
static void run_zap(struct lmap_region *region, struct lmap_run *run)
{
	struct lmap_window *window = lmap_index_window(run->index);
	struct lmap_node *node = NULL;
	unsigned int steps = 0;

	while (run->pins && (node = lmap_run_next(run, node))) {
		if (lmap_node_dying(node))
			lmap_node_uncharge_locked(node);
		lmap_mdb_break(&region->mdb, &steps);
	}
	/* They stay in the index till they are unlinked, so the window too. */
	mutex_unlock(&region->mdb.lock);
	lmap_window_zap(window, run->wfirst, run->wlast);
	mutex_lock(&region->mdb.lock);
}

static void turn_free(struct revoke_turn *turn)
{
	lmap_nodes_free_later(&turn->dead);
	turn->nr_dead = 0;
}

/* They are few at a time where each mapping is zapped by itself: collect them. */
static unsigned long turn_bury(struct revoke_turn *turn, struct list_head *dead)
{
	struct lmap_node *node, *next;
	unsigned long n = 0;

	list_for_each_entry_safe(node, next, dead, order) {
		lmap_node_unlinked(node);
		n++;
	}
	list_splice_init(dead, &turn->dead);
	turn->nr_dead += n;
	if (turn->nr_dead >= REVOKE_BATCH)
		turn_free(turn);
	turn->freed += n;
	turn->done += n;
	return n;
}

/* The last mapping is gone; mdb->lock is held. */
static void region_emptied(struct lmap_region *region)
{
	/* The last reference drops the tiles; history keeps one. */
	if (test_bit(0, &region->history))
		lmap_region_stale(region);
	/* The reference that the first mapping took; the caller has another. */
	lmap_region_put(region);
}

/* False if the turn has ended before the work did. Model: revoke.pml, do_work(). */
static bool revoke_work(struct lmap_region *region, struct lmap_revoke *rv,
			struct revoke_turn *turn)
{
	unsigned long before = turn->freed;
	struct lmap_run run;
	LIST_HEAD(dead);
	bool more;

	lockdep_assert_held(&region->revoke);
	lockdep_assert_held(&region->mdb.lock);
	rv->breaks = true;
	INIT_LIST_HEAD(&turn->dead);
	do {
		unsigned long n;

		more = lmap_mdb_work(rv, &dead, &run);
		n = turn_bury(turn, &dead);
		if (n && !region->mdb.nr)
			region_emptied(region);
		if (run.index) {
			run_zap(region, &run);
			lmap_report_lost(&run, turn->reason);
			turn->done += run.nodes;
			lmap_count(revoked, run.nodes);
			lmap_count(zaps, 1);
		}
		lmap_race_sleep(revoke_next);
	} while (more && !turn_ends(region, turn));
	turn_free(turn);

	/* Pages that nobody can reach any more are given back at once. */
	if (region->detached && turn->freed != before) {
		mutex_unlock(&region->mdb.lock);
		lmap_region_trim(region, rv->zfirst, rv->zlast);
		mutex_lock(&region->mdb.lock);
	}
	return !more;
}

/**
 * lmap_revoke_finish - zap and unlink what was demoted
 * @region: of the tree
 * @rv: after lmap_mdb_demote(), lmap_mdb_move() or lmap_mdb_adopt()
 * @reason: what listeners are told
 *
 * Timeline against a fault: Documentation/locking.rst.
 *
 * Context: region->revoke and mdb->lock held; the latter is dropped meanwhile.
 * The caller holds a reference to the region.
 */
void lmap_revoke_finish(struct lmap_region *region, struct lmap_revoke *rv,
			enum lmap_reason reason)
{
	struct revoke_turn turn = { .reason = reason };

	lockdep_assert_held(&region->revoke);
	revoke_work(region, rv, &turn);
}

/**
 * struct revoke_job - a revocation from its first to its last turn
 * @region: where; the caller holds a reference
 * @take: what is asked, and the results
 * @window: of the mapping whose subtree it is, NULL: whole region
 * @first: first page: of the window, or of the region
 * @last: last page
 * @next: result: window page to go on with
 * @again: result: others were let in, and the work is not done yet
 * @resume: rights were taken before that: from the mapping of this number, or 1
 *	    for a region; 0: not yet
 * @stop: with @resume: the last window page concerned
 * @home: with @resume and @window: region of the first turn, referenced
 * @id: result: number of the mapping
 * @freed: mappings unlinked since it waited for RCU, in whatever turns
 * @grace: RCU state before which what was unlinked earlier was given to RCU
 * @waits: @grace is valid
 */
struct revoke_job {
	struct lmap_region *region;
	struct lmap_take *take;
	struct lmap_window *window;
	unsigned long first;
	unsigned long last;
	unsigned long next;
	bool again;
	u64 resume;
	unsigned long stop;
	struct lmap_region *home;
	u64 id;
	unsigned long freed;
	unsigned long grace;
	bool waits;
};

/* mdb->lock held: describe the revocation, false if there is nothing. */
static bool job_find(struct revoke_job *job, struct lmap_revoke *rv)
{
	struct lmap_region *region = job->region;
	unsigned long last = job->resume ? job->stop : job->last;
	struct lmap_node *node;
	unsigned long from, to;

	rv->mdb = &region->mdb;
	rv->scope.self = job->take->self;
	rv->scope.only = job->take->only ? &job->take->only->index : NULL;
	rv->scope.take = job->resume ? 0 : job->take->rights;
	rv->scope.root = NULL;
	rv->scope.rfirst = job->first;
	rv->scope.rlast = job->last;
	job->id = 1;
	if (!job->window)
		return true;

	node = lmap_index_first_of(&job->window->index, &region->mdb,
				   job->first, last);
	/* Somebody else's tree came first: the caller starts over. */
	if (!node)
		return false;
	from = max(job->first, node->wfirst);
	to = min(last, lmap_node_wlast(node));
	rv->scope.root = node;
	rv->scope.rfirst = node->rfirst + (from - node->wfirst);
	rv->scope.rlast = node->rfirst + (to - node->wfirst);
	job->id = node->origin->id;
	job->next = to + 1;
	return true;
}

/* What LMAP_STATUS would say; in notifiers nobody asks. */
static void job_refbits(struct revoke_job *job, struct lmap_revoke *rv)
{
	struct lmap_take *take = job->take;
	struct lmap_query q = {
		.mdb = rv->mdb,
		.root = rv->scope.root,
		.rfirst = rv->scope.rfirst,
		.rlast = rv->scope.rlast,
		.breaks = true,
	};

	if (take->atomic)
		return;
	/* Without bits of each page a part can't be cleared by itself. */
	if (take->reset && (rv->scope.root || rv->mdb->refs.table)) {
		lmap_refs_reset(job->region, &q);
		take->refbits |= lmap_refs_take(&q, q.rfirst, q.rlast, NULL);
	} else if (take->refbits != (LMAP_ACCESSED | LMAP_MODIFIED)) {
		take->refbits |= lmap_refs_peek(&q, q.rfirst, q.rlast, NULL);
	}
}

/*
 * Finds and marks what is to be revoked, with enough spares. Allocating with
 * reclaim must happen outside of region->revoke: the callbacks that reclaim
 * runs may wait for it. So everything may have changed afterwards, and is found
 * again. Returns with the locks held, false if there is nothing to do any more.
 */
static bool job_begin(struct revoke_job *job, struct lmap_revoke *rv)
{
	struct lmap_region *region = job->region;
	struct lmap_take *take = job->take;
	gfp_t gfp = take->atomic ? GFP_NOWAIT | __GFP_NOWARN :
				   GFP_KERNEL_ACCOUNT;
	unsigned long have = 0, need;
	bool told = job->resume, enough = true, found;

	INIT_LIST_HEAD(&rv->spares);
	for (;;) {
		lmap_revoke_lock(region);
		mutex_lock(&region->mdb.lock);
		found = job_find(job, rv);
		if (!found || (job->resume && job->resume != job->id))
			return found;
		/* From here on nobody uses or adds what is being revoked. */
		lmap_mdb_mark(rv);
		rv->breaks = true;
		if (!told)
			job_refbits(job, rv);
		told = true;
		need = rv->scope.take ? lmap_mdb_spares_needed(rv) : 0;
		if (take->atomic)
			lmap_spares_fill(region->space, &rv->spares, &have,
					 need, gfp);
		if (need <= have || take->atomic || !enough)
			return true;
		lmap_mdb_unmark(&region->mdb);
		mutex_unlock(&region->mdb.lock);
		mutex_unlock(&region->revoke);
		/* Somewhat more than needed, lest others always outrun us. */
		enough = lmap_spares_fill(take->space, &rv->spares, &have,
					  need + need / 4, gfp);
	}
}

/* Keeps what waits to be freed within bounds, however much is revoked. */
static void job_wait_rcu(struct revoke_job *job)
{
	lmap_race_sleep(revoke_freed);
	if (job->waits)
		cond_synchronize_rcu(job->grace);
	lmap_nodes_free_now();
	job->grace = get_state_synchronize_rcu();
	job->waits = true;
	job->freed = 0;
}

/*
 * One turn; what it has not finished is to be resumed. False: nothing there.
 * Model: revoke.pml, revoker().
 */
static bool job_run(struct revoke_job *job)
{
	struct lmap_region *region = job->region;
	struct lmap_take *take = job->take;
	struct revoke_turn turn = {
		.take = take,
		.reason = take->reason,
		.freed = job->freed,
	};
	struct lmap_revoke rv = {};
	bool done = true, found;

	/* Revoking can't fail for want of memory: then nothing is cleared. */
	if (take->reset && !job->window && !job->resume)
		lmap_region_track(region);
	found = job_begin(job, &rv);
	if (found && take->rights &&
	    (!job->resume || job->resume == job->id)) {
		lmap_race_sleep(revoke_marked);
		lmap_mdb_demote(&rv);
		lmap_mdb_unmark(&region->mdb);
		lmap_race_sleep(revoke_demoted);
		done = revoke_work(region, &rv, &turn);
	}
	mutex_unlock(&region->mdb.lock);
	mutex_unlock(&region->revoke);
	lmap_race_sleep(revoke_turn);

	lmap_node_free_list(&rv.spares);
	take->mappings += rv.mappings;
	take->pages += rv.pages;
	take->over |= rv.over;
	take->work += rv.mappings + turn.done;
	job->freed = turn.freed;
	if (job->freed >= REVOKE_FREED)
		job_wait_rcu(job);
	job->again = !done;
	if (done)
		return found;
	if (take_interrupted(take))
		take->stopped = true;
	if (!job->resume)
		job->stop = job->next - 1;
	job->resume = job->id;
	job->next = job->first;
	return true;
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
	do {
		job_run(&job);
		cond_resched();
	} while (job.again && !take->stopped);
	lmap_region_put(region);
}

/* The region of the first turn, until the mapping has been dealt with. */
static void job_set_home(struct revoke_job *job)
{
	struct lmap_region *region = job->resume ? job->region : NULL;

	if (job->home && region)
		return;
	if (job->home)
		lmap_region_put(job->home);
	if (region)
		refcount_inc(&region->ref);
	job->home = region;
}

/*
 * The mapping was resumed, and is not where it was. It is gone, or was granted
 * away with what is left below: whoever does that finishes all of it before he
 * gives up the lock.
 */
static void job_lost(struct revoke_job *job)
{
	lmap_revoke_pass(job->home);
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

	while (job.first <= wlast && !take->stopped) {
		job.next = job.first;
		job.region = lmap_index_region(&window->index, job.first,
					       job.resume ? job.stop : wlast);
		if (job.region) {
			bool found = job_run(&job);

			if (job.resume && !(found && job.resume == job.id))
				job_lost(&job);
			job_set_home(&job);
			lmap_region_put(job.region);
			if (!found)
				job.next = job.first;
		} else if (job.resume) {
			job_lost(&job);
			job.again = false;
			job.next = job.stop + 1;
		} else {
			break;
		}
		cond_resched();
		job.first = job.next;
		if (!job.again && job.first > job.stop) {
			job.resume = 0;
			job_set_home(&job);
		}
	}
	job.resume = 0;
	job_set_home(&job);
}

/**
 * lmap_window_kill - revoke everything in a window, for good
 * @window: its file is held, or it is being released, or its mm dies
 * @reason: what listeners are told
 *
 * Context: process, notifier that may block.
 */
void lmap_window_kill(struct lmap_window *window, enum lmap_reason reason)
{
	struct lmap_take take = { .rights = LMAP_RIGHTS_ALL, .self = true,
				  .atomic = true, .reason = reason };
	bool dead;

	/* A map that comes later sees dead after it has linked its node. */
	spin_lock(&window->index.lock);
	dead = window->dead;
	WRITE_ONCE(window->dead, true);
	spin_unlock(&window->index.lock);
	lmap_pager_end(window);
	lmap_revoke_window(window, 0, ULONG_MAX, &take);
	if (!dead)
		lmap_report_window_closed(window, reason);
}
