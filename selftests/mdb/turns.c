// SPDX-License-Identifier: GPL-2.0
/*
 * Revoking in the small world, as revoke.c of the module does it: in turns that
 * may end before the work does, and letting others in under way. What others
 * try meanwhile, a probe, is told to the model, too. See world.h. Must never
 * help the database: what a turn has not done is known to nobody but itself.
 */
#include <errno.h>
#include <string.h>

#include <linux/minmax.h>

#include "inside.h"

__thread void (*shim_break)(void);
__thread unsigned long shim_steps;

/* The revocation that is under way, for those who come meanwhile. */
static __thread struct {
	struct world *w;
	const struct job *job;
	struct lmap_mdb *mdb;
	int first, last;
} under_way;

/* With too few spares less is there than the model says, never more. */
static bool starving(struct world *w)
{
	return w->over || (w->spare_limit >= 0 &&
			   w->needed > (unsigned long)w->spare_limit);
}

/* Look-ups find what the model says: no more, no less, and each page so. */
static const char *seen_meanwhile(struct world *w, int i)
{
	struct lmap_index *index = &w->index[i / PAGES_MAX];
	unsigned long page = i % PAGES_MAX, from = page, to = page;
	struct cell *c = &w->cell[i];
	struct lmap_node *node;
	struct lmap_hit hit;

	if (!lmap_index_lookup(index, page, &hit))
		return c->used && !starving(w) ?
		       "a look-up finds too little meanwhile" : NULL;
	if (!c->used || hit.rights & ~c->rights)
		return "a look-up finds too much meanwhile";
	if (starving(w))
		return NULL;
	if (hit.rights != c->rights)
		return "a look-up finds too few rights meanwhile";
	/* The pages with one answer: those of a node that share their fate. */
	node = world_node(w, i / PAGES_MAX, page, page);
	while (from > node->wfirst && w->hit[i - (page - from) - 1] == w->hit[i])
		from--;
	while (to < lmap_node_wlast(node) &&
	       w->hit[i + (to - page) + 1] == w->hit[i])
		to++;
	if (hit.wfirst != from || hit.wlast != to)
		return "a look-up's pages are not those of one answer";
	if (hit.rfirst + (page - from) != w->rbase + c->rpage)
		return "a look-up finds another page meanwhile";
	return NULL;
}

/* What a new mapping, or more rights, should be answered. */
static void probe_map(struct world *w, const struct probe *p, int from)
{
	struct lmap_node *parent = NULL;
	int region = under_way.job->region, rpage = p->from % w->pages;
	bool stops, busy;
	int ret, affords;

	if (from >= 0) {
		parent = world_node(w, from / PAGES_MAX, from % PAGES_MAX,
				    from % PAGES_MAX);
		/* Those that the caller refuses. */
		if (!parent || lmap_node_dying(parent) || !parent->depth)
			return;
		region = w->cell[from].region;
		rpage = w->cell[from].rpage;
	}
	stops = under_way.mdb == &w->mdb[region] &&
		oracle_stops(w, under_way.job, under_way.first,
			     under_way.last, region, rpage, from,
			     p->to / PAGES_MAX);
	busy = world_node(w, p->to / PAGES_MAX, p->to % PAGES_MAX,
			  p->to % PAGES_MAX);
	affords = oracle_affords(w, from, 0);
	ret = world_try(w, region, rpage, from, p->to / PAGES_MAX,
			p->to % PAGES_MAX, LMAP_RIGHTS_ALL);
	if (stops != (ret == -ESTALE))
		world_contradiction(w, stops ?
				    "a mapping was made of what is being revoked" :
				    "a mapping was refused that nobody revokes");
	if (!stops && affords >= 0 && ret != (!affords ? -EDQUOT :
					      busy ? -EBUSY : 0))
		world_contradiction(w, "a mapping meanwhile has the wrong answer");
	w->probed |= !ret;
}

static void probe_extend(struct world *w, int i)
{
	struct lmap_node *node = world_node(w, i / PAGES_MAX, i % PAGES_MAX,
					    i % PAGES_MAX);
	unsigned int rights = LMAP_RIGHTS_ALL;
	bool stops = false;
	int ret;

	if (!node || lmap_node_dying(node))
		return;
	for (unsigned long p = node->wfirst; p <= lmap_node_wlast(node); p++)
		stops |= w->hit[cell_nr(i / PAGES_MAX, p)];
	mutex_lock(&node->mdb->lock);
	if (node->parent)
		rights = node->parent->rights;
	ret = lmap_mdb_extend(node, rights);
	mutex_unlock(&node->mdb->lock);
	if (ret != (stops ? -ESTALE : 0))
		world_contradiction(w, stops ?
				    "rights came back while they are revoked" :
				    "rights were refused that nobody revokes");
	w->probed |= !ret;
	for (unsigned long p = node->wfirst; !ret && p <= lmap_node_wlast(node);
	     p++)
		w->cell[cell_nr(i / PAGES_MAX, p)].rights |= rights;
}

/* mdb->lock is free, the revoke lock is not. */
static void others(void)
{
	struct world *w = under_way.w;
	struct probe p = w->probe;
	int i;

	for_each_cell(w, i)
		world_contradiction(w, seen_meanwhile(w, i));
	if (!p.how || starving(w) || w->probe.skip-- > 0)
		return;
	w->probe.how = PROBE_NONE;
	switch (p.how) {
	case PROBE_MAP:
		probe_map(w, &p, -1);
		break;
	case PROBE_MAP_ON:
		probe_map(w, &p, p.from);
		break;
	case PROBE_EXTEND:
		probe_extend(w, p.to);
		break;
	case PROBE_TOUCH:
		world_touch(w, p.to / PAGES_MAX, p.to % PAGES_MAX, true, false);
		break;
	case PROBE_NONE:
		break;
	}
	for_each_cell(w, i)
		world_contradiction(w, seen_meanwhile(w, i));
}

/* mdb->lock is held and dropped. */
static void let_others_in(struct world *w, struct lmap_mdb *mdb,
			  const struct job *job, int first, int last)
{
	/* Threads do what the model does not know of. */
	if (w->zap)
		return;
	under_way.w = w;
	under_way.job = job;
	under_way.mdb = mdb;
	under_way.first = first;
	under_way.last = last;
	shim_break = others;
	mutex_unlock(&mdb->lock);
	others();
	mutex_lock(&mdb->lock);
}

/* Who unlinks the last one knows so: nobody can have come in between. */
static void others_later(void)
{
	if (!under_way.mdb->nr)
		world_contradiction(under_way.w,
				    "others were let in after the last one");
}

/* Parents are unlinked last, and nothing that has not been zapped. */
static void check_dead(struct world *w, struct lmap_mdb *mdb,
		       struct list_head *dead)
{
	struct lmap_node *path[LMAP_DEPTH_MAX + 1] = {};
	struct list_head *pos;
	int n = 0;

	list_for_each(pos, dead) {
		struct lmap_node *node = list_entry(pos, struct lmap_node,
						    order);

		if (node->flags & LMAP_NODE_ZAP)
			world_contradiction(w, "unlinked before the zap");
		n++;
	}
	if (n > LMAP_MDB_BATCH)
		world_contradiction(w, "more unlinked at once than a batch");
	if (!n)
		return;
	list_for_each(pos, &mdb->preorder) {
		struct lmap_node *node = list_entry(pos, struct lmap_node,
						    order);

		path[node->level] = node;
		if (node->parent != path[node->level - 1])
			world_contradiction(w, "a parent was unlinked first");
	}
}

/* Nothing can be mapped over it until the zap has been. */
static void zap_run(struct world *w, const struct lmap_run *run)
{
	struct lmap_node *node = NULL, *at;
	unsigned long page = run->wfirst, nodes = 0;
	int window = run->index - w->index;

	while ((node = lmap_run_next(run, node))) {
		at = world_node(w, window, page, page);
		if (at != node || node->wfirst != page)
			world_contradiction(w, "gone from its window before the zap");
		if (node->flags & LMAP_NODE_ZAP)
			world_contradiction(w, "zapped and still to be zapped");
		if (node->lost & node->rights)
			world_contradiction(w, "lost and still there");
		page = lmap_node_wlast(node) + 1;
		nodes++;
	}
	if (page != run->wlast + 1 || nodes != run->nodes)
		world_contradiction(w, "a run with a hole");
	if (nodes > LMAP_RUN_NODES)
		world_contradiction(w, "a run without end");
	mutex_unlock(&run->mdb->lock);
	world_zap(w, run->index, run->wfirst, run->wlast);
	mutex_lock(&run->mdb->lock);
}

bool world_work(struct world *w, struct lmap_revoke *rv, int calls)
{
	struct lmap_mdb *mdb = rv->mdb;
	struct lmap_run run;
	LIST_HEAD(all);
	bool more;

	w->over |= rv->over;
	under_way.w = w;
	under_way.mdb = mdb;
	shim_break = w->zap ? NULL : others_later;
	do {
		LIST_HEAD(dead);

		more = lmap_mdb_work(rv, &dead, &run);
		check_dead(w, mdb, &dead);
		list_splice(&dead, &all);
		if (run.index)
			zap_run(w, &run);
	} while (more && (!calls || --calls));
	shim_break = NULL;
	mutex_unlock(&mdb->lock);
	/* With enough of them none is left over: the count is exact. */
	if (w->spare_limit < 0 && !list_empty(&rv->spares))
		world_contradiction(w, "spare nodes were left over");
	if (w->spare_limit < 0 && rv->over)
		world_contradiction(w, "more was revoked with enough spare nodes");
	list_splice(&rv->spares, &all);
	synchronize_rcu();
	world_free_list(&all);
	return !more;
}

/* The lock is held and dropped. False if interrupted: @rv is of no use then. */
static bool turn(struct world *w, struct lmap_revoke *rv, const struct job *job,
		 int first, int last, int calls)
{
	bool hit[CELLS_MAX], done;
	u64 pages = 0;

	oracle_scope(w, job, first, last, hit);
	rv->scope.take = job->resume ? 0 : job->take;
	rv->scope.only = job->only < 0 ? NULL : &w->index[job->only];
	rv->breaks = true;
	if (rv->scope.take) {
		pages = oracle_take(w, hit, rv->scope.take);
		lmap_mdb_mark(rv);
		memcpy(w->hit, hit, sizeof(hit));
		let_others_in(w, rv->mdb, job, first, last);
	}
	world_spares(w, rv, rv->scope.take ? lmap_mdb_spares_needed(rv) : 0);
	lmap_mdb_demote(rv);
	lmap_mdb_unmark(rv->mdb);
	if (!rv->pages && w->needed)
		world_contradiction(w, "cut without a reason");
	done = world_work(w, rv, calls);
	if (!rv->pages != !rv->mappings || rv->mappings > rv->pages)
		world_contradiction(w, "mappings and pages revoked do not fit");
	if (!w->over && rv->pages != pages)
		world_contradiction(w, "wrong number of pages revoked");
	if (done)
		oracle_finished(w, hit);
	return done;
}

/* It goes on with this mapping, or with the region. */
static void pause_job(struct world *w, struct job *job, u64 id, int first,
		      int last)
{
	bool hit[CELLS_MAX];

	if (!job->resume) {
		job->stop = last;
		oracle_scope(w, job, first, last, hit);
		oracle_left(w, hit, job - w->job);
	}
	job->resume = id;
	job->first = first;
}

static bool job_region(struct world *w, struct job *job, int calls, u64 *pages)
{
	struct lmap_revoke rv = {
		.mdb = &w->mdb[job->region],
		.scope.rfirst = w->rbase + job->first,
		.scope.rlast = w->rbase + job->last,
	};
	bool done;

	mutex_lock(&rv.mdb->lock);
	done = turn(w, &rv, job, job->first, job->last, calls);
	*pages += rv.pages;
	if (!done)
		pause_job(w, job, 1, job->first, job->last);
	return done;
}

/*
 * One mapping: what others did may have put another at its place, which is none
 * of our business. An access meanwhile may find the later ones intact.
 */
static bool job_mapping(struct world *w, struct job *job,
			struct lmap_node *node, int last, int calls, u64 *pages)
{
	struct lmap_revoke rv = { .mdb = node->mdb, .scope.root = node,
				  .scope.self = job->self };
	int from = max((unsigned long)job->first, node->wfirst);
	int to = min((unsigned long)last, lmap_node_wlast(node));
	u64 id = node->origin->id;
	bool done = true;

	if (!job->resume || job->resume == id) {
		mutex_lock(&rv.mdb->lock);
		rv.scope.rfirst = node->rfirst + (from - node->wfirst);
		rv.scope.rlast = node->rfirst + (to - node->wfirst);
		job->region = rv.mdb - w->mdb;
		done = turn(w, &rv, job, from, to, calls);
		*pages += rv.pages;
	}
	if (done)
		job->first = to + 1;
	else
		pause_job(w, job, id, from, to);
	return done;
}

static bool job_window(struct world *w, struct job *job, int calls, u64 *pages)
{
	while (job->first <= job->last) {
		int last = job->resume ? job->stop : job->last;
		struct lmap_node *node = world_node(w, job->window, job->first,
						    last);

		if (node) {
			if (!job_mapping(w, job, node, last, calls, pages))
				return false;
		} else if (job->resume) {
			job->first = job->stop + 1;
		} else {
			break;
		}
		if (job->resume && job->first > job->stop) {
			oracle_returned(w, job - w->job);
			job->resume = 0;
		}
	}
	return true;
}

/* Returns whether it did something. */
static bool job_run(struct world *w, struct job *job, int calls)
{
	bool resumed = job->resume;
	u64 pages = 0;

	if (job->window < 0)
		job->waits = !job_region(w, job, calls, &pages);
	else
		job->waits = !job_window(w, job, calls, &pages);
	if (!job->waits && job->resume)
		oracle_returned(w, job - w->job);
	return pages || resumed;
}

bool world_revoke(struct world *w, struct job job, int calls)
{
	struct job whole = job, *slot = &job;
	bool hit[CELLS_MAX], done, others_left = false;

	job.resume = 0;
	w->probed = false;
	for (int i = 0; i < JOBS_MAX; i++)
		others_left |= w->job[i].waits;
	for (int i = 0; calls && i < JOBS_MAX; i++)
		if (!w->job[i].waits)
			slot = &w->job[i];
	/* With too many that wait this one can't wait, too. */
	if (slot == &job)
		calls = 0;
	*slot = job;
	/* Perhaps only something of theirs. */
	done = job_run(w, slot, calls) || others_left;
	w->probe.how = PROBE_NONE;
	if (slot->waits || w->over || w->probed)
		return done;
	oracle_scope(w, &whole, whole.first, whole.last, hit);
	if (oracle_take(w, hit, whole.take))
		world_contradiction(w, "a revocation did not find all mappings");
	return done;
}

bool world_resume(struct world *w, int nr, int calls)
{
	if (!w->job[nr].waits)
		return false;
	job_run(w, &w->job[nr], calls);
	return true;
}

bool world_revoke_region(struct world *w, int region, int first, int last,
			 unsigned int take, int only)
{
	struct job job = { .window = -1, .region = region, .first = first,
			   .last = last, .take = take, .only = only };

	return world_revoke(w, job, 0);
}

bool world_revoke_window(struct world *w, int window, int first, int last,
			 unsigned int take, bool self, int only)
{
	struct job job = { .window = window, .first = first, .last = last,
			   .take = take, .self = self, .only = only };

	return world_revoke(w, job, 0);
}
