// SPDX-License-Identifier: GPL-2.0
/*
 * Cases that are worth a name of their own. Prints TAP.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

#define RM	(LMAP_R | LMAP_M)

static int tests, failed;

static void result(bool ok, const char *name)
{
	printf("%sok %d cases: %s\n", ok ? "" : "not ", ++tests, name);
	failed += !ok;
	fflush(stdout);
}

/* A chain as deep as it gets, cut in the middle: the largest split. */
static void deep_split(void)
{
	struct lmap_revoke rv = { .scope.rfirst = 3, .scope.rlast = 4, .scope.take = LMAP_R };
	static struct lmap_index index[LMAP_DEPTH_MAX];
	static struct lmap_origin origin[LMAP_DEPTH_MAX];
	static struct lmap_node node[LMAP_DEPTH_MAX], spare[2 * LMAP_DEPTH_MAX];
	struct lmap_run run;
	struct lmap_mdb mdb;
	LIST_HEAD(dead);
	int zaps = 0;
	bool ok;

	lmap_mdb_init(&mdb);
	mutex_lock(&mdb.lock);
	for (int i = 0; i < LMAP_DEPTH_MAX; i++) {
		lmap_index_init(&index[i]);
		node[i] = (struct lmap_node){ .npages = 8, .rights = RM,
					      .origin = &origin[i],
					      .depth = LMAP_DEPTH_MAX - 1 - i };
		lmap_mdb_insert(&mdb, i ? &node[i - 1] : NULL, &index[i],
				&node[i]);
	}
	rv.mdb = &mdb;
	INIT_LIST_HEAD(&rv.spares);
	ok = lmap_mdb_spares_needed(&rv) == 2 * LMAP_DEPTH_MAX;
	for (int i = 0; i < 2 * LMAP_DEPTH_MAX; i++)
		list_add(&spare[i].order, &rv.spares);
	lmap_mdb_demote(&rv);
	while (lmap_mdb_work(&rv, &dead, &run))
		zaps += run.index && run.wfirst == 3 && run.wlast == 4;
	ok &= zaps == LMAP_DEPTH_MAX && !rv.over && mdb.nr == 2 * LMAP_DEPTH_MAX &&
	      rv.mappings == LMAP_DEPTH_MAX && list_empty(&rv.spares);
	/* everything, up to the last page that there can be */
	rv.scope.rfirst = 0;
	rv.scope.rlast = ULONG_MAX;
	ok &= lmap_mdb_spares_needed(&rv) == 0;
	lmap_mdb_demote(&rv);
	while (lmap_mdb_work(&rv, &dead, &run))
		;
	ok &= mdb.nr == 0 && list_empty(&mdb.preorder);
	mutex_unlock(&mdb.lock);
	result(ok, "a chain of 64 levels is cut in the middle");
}

/* What is there, dying nodes included, refuses a new node and stays. */
static void busy_target(void)
{
	struct lmap_revoke rv = { .scope.rlast = 3, .scope.take = LMAP_R };
	struct lmap_origin oa = { .id = 1 }, ob = { .id = 2 };
	struct lmap_node a = { .npages = 4, .rights = RM, .depth = 5,
			       .origin = &oa };
	struct lmap_node b = { .wfirst = 3, .npages = 1, .rights = RM,
			       .origin = &ob };
	struct lmap_run run;
	struct lmap_index index;
	struct lmap_hit hit;
	struct lmap_mdb mdb;
	LIST_HEAD(dead);
	bool ok;

	lmap_mdb_init(&mdb);
	lmap_index_init(&index);
	mutex_lock(&mdb.lock);
	ok = !lmap_mdb_insert(&mdb, NULL, &index, &a);
	ok &= lmap_mdb_insert(&mdb, NULL, &index, &b) == -EBUSY;
	ok &= mdb.nr == 1 && lmap_index_lookup(&index, 3, &hit);
	rv.mdb = &mdb;
	INIT_LIST_HEAD(&rv.spares);
	lmap_mdb_demote(&rv);
	ok &= !lmap_index_lookup(&index, 3, &hit);
	ok &= lmap_mdb_insert(&mdb, NULL, &index, &b) == -EBUSY;
	ok &= lmap_mdb_work(&rv, &dead, &run) && run.index == &index && run.wlast == 3;
	ok &= mdb.nr == 1 && lmap_mdb_insert(&mdb, NULL, &index, &b) == -EBUSY;
	ok &= !lmap_mdb_work(&rv, &dead, &run) && !run.index;
	ok &= mdb.nr == 0 && !lmap_mdb_insert(&mdb, NULL, &index, &b);
	mutex_unlock(&mdb.lock);
	result(ok, "a busy or dying target refuses a new node");
}

#define ALL	((struct want){ .rights = LMAP_RIGHTS_ALL })
#define TRACKED	((struct want){ .rights = LMAP_RIGHTS_ALL, .tracked = true })
#define BUDGET(n) ((struct want){ .rights = LMAP_RIGHTS_ALL, .budget = (n) })

static bool sound(struct world *w)
{
	const char *bad = world_check(w);

	if (bad)
		printf("# %s\n", bad);
	return !bad;
}

static struct lmap_node *node_at(struct world *w, int window, int page)
{
	struct lmap_index *index = &w->index[window];
	struct lmap_node *node;

	spin_lock(&index->lock);
	node = lmap_index_first(index, page, page);
	spin_unlock(&index->lock);
	return node;
}

static u8 told(struct world *w, int page)
{
	return w->told[page];
}

static void grant_busy(void)
{
	struct world w;
	unsigned long nr;
	bool ok;

	world_init(&w, 1, 3, 4);
	world_map(&w, 0, 0, 0, 0, 4, ALL);
	world_map_on(&w, 0, 0, 1, 0, 4, ALL);
	world_map(&w, 0, 0, 2, 3, 1, ALL);
	nr = w.mdb[0].nr;
	ok = !world_grant(&w, 0, 0, 2, 0, 4, LMAP_RIGHTS_ALL, false);
	ok &= w.mdb[0].nr == nr && sound(&w);
	ok &= world_grant(&w, 0, 0, 2, 0, 4, LMAP_RIGHTS_ALL, true);
	ok &= w.mdb[0].nr == nr - 1 && sound(&w);
	result(ok, "a grant onto something is refused and changes nothing");
	world_fini(&w);
}

static void grant_part(void)
{
	struct lmap_node *moved;
	struct world w;
	bool ok;
	u64 id;

	world_init(&w, 1, 3, 4);
	world_map(&w, 0, 0, 0, 0, 4, ALL);
	world_map_on(&w, 0, 0, 1, 0, 4, ALL);
	id = node_at(&w, 0, 0)->origin->id;
	ok = world_grant(&w, 0, 1, 2, 0, 2, LMAP_R | LMAP_M, false);
	moved = node_at(&w, 2, 0);
	ok &= moved && moved->npages == 2 && moved->origin->id == id;
	ok &= !node_at(&w, 0, 1) && !node_at(&w, 0, 2) && sound(&w);
	ok &= node_at(&w, 1, 1)->parent == moved &&
	      node_at(&w, 1, 3)->parent == node_at(&w, 0, 3);
	ok &= node_at(&w, 1, 1)->rights == (LMAP_R | LMAP_M) &&
	      node_at(&w, 1, 0)->rights == LMAP_RIGHTS_ALL;
	result(ok, "what derives from a granted part stays below it, reduced with it");
	world_fini(&w);
}

static void budget_parts(void)
{
	struct world w;
	bool ok;

	world_init(&w, 1, 4, 4);
	world_map(&w, 0, 0, 0, 0, 4, BUDGET(3));
	ok = world_map_on(&w, 0, 0, 1, 0, 4, ALL);
	ok &= world_map_on(&w, 1, 0, 2, 0, 4, ALL);
	ok &= !world_map_on(&w, 2, 0, 3, 0, 4, ALL) && sound(&w);
	world_revoke_window(&w, 2, 1, 1, LMAP_R, true, -1);
	world_grant(&w, 2, 0, 3, 0, 1, LMAP_RIGHTS_ALL, true);
	ok &= !world_map_on(&w, 0, 0, 2, 1, 1, ALL) && sound(&w);
	world_revoke_window(&w, 2, 0, 3, LMAP_R, true, -1);
	ok &= !world_map_on(&w, 0, 0, 2, 1, 1, ALL) && sound(&w);
	world_revoke_window(&w, 3, 0, 3, LMAP_R, true, -1);
	ok &= world_map_on(&w, 0, 0, 2, 1, 1, ALL) && sound(&w);
	result(ok, "a budget counts a mapping until the last of its parts is gone");
	world_fini(&w);
}

static void budget_huge(void)
{
	struct lmap_origin *top;
	struct world w;
	bool ok;

	world_init(&w, 1, 4, 1);
	world_map(&w, 0, 0, 0, 0, 1, BUDGET(LMAP_BUDGET_MAX));
	top = node_at(&w, 0, 0)->origin;
	ok = !world_map_on(&w, 0, 0, 1, 0, 1, BUDGET(LMAP_BUDGET_MAX));
	ok &= atomic_read(&top->spent) == 1;
	ok &= world_map_on(&w, 0, 0, 1, 0, 1, BUDGET(LMAP_BUDGET_MAX - 1));
	ok &= !world_map_on(&w, 0, 0, 2, 0, 1, BUDGET(LMAP_BUDGET_MAX));
	ok &= !world_map_on(&w, 0, 0, 2, 0, 1, ALL) && sound(&w);
	world_revoke_window(&w, 1, 0, 0, LMAP_R, true, -1);
	ok &= atomic_read(&top->spent) == 1 && sound(&w);
	result(ok, "the largest budgets don't wrap");
	world_fini(&w);
}

static void copy_pays_above(void)
{
	struct world w;
	bool ok;

	world_init(&w, 1, 4, 1);
	world_map(&w, 0, 0, 0, 0, 1, BUDGET(3));
	ok = world_map_on(&w, 0, 0, 1, 0, 1, BUDGET(1));
	ok &= !world_map_on(&w, 1, 0, 2, 0, 1, ALL);
	ok &= world_copy(&w, 1, 0, 2, 0, 1, ALL);
	ok &= node_at(&w, 2, 0)->parent == node_at(&w, 0, 0);
	ok &= !world_copy(&w, 1, 0, 3, 0, 1, ALL) && sound(&w);
	world_revoke_window(&w, 1, 0, 0, LMAP_R, true, -1);
	ok &= node_at(&w, 2, 0) && sound(&w);
	result(ok, "a copy is a sibling and paid for by the parent");
	world_fini(&w);
}

static void bits_once_each(void)
{
	const u8 both = LMAP_ACCESSED | LMAP_MODIFIED;
	struct world w;
	bool ok;

	/* Pages 0 and 1 lie at a border between words. */
	world_init(&w, 1, 3, 2);
	world_map(&w, 0, 0, 0, 0, 2, TRACKED);
	world_map_on(&w, 0, 0, 1, 0, 2, TRACKED);
	world_map_on(&w, 1, 0, 2, 0, 2, TRACKED);
	world_touch(&w, 2, 0, false, false);
	world_touch(&w, 2, 1, true, false);
	world_reset_window(&w, 1, 0, 1);
	ok = told(&w, 0) == LMAP_ACCESSED && told(&w, 1) == both;
	world_reset_window(&w, 1, 0, 1);
	ok &= !told(&w, 0) && !told(&w, 1);
	world_revoke_window(&w, 2, 0, 0, LMAP_R, true, -1);
	world_reset_window(&w, 2, 0, 1);
	ok &= !told(&w, 0) && told(&w, 1) == both;
	world_reset_region(&w, 0, 0, 1);
	ok &= told(&w, 0) == LMAP_ACCESSED && told(&w, 1) == both;
	world_reset_window(&w, 0, 0, 0);
	ok &= told(&w, 0) == LMAP_ACCESSED && !told(&w, 1);
	/* The entry is gone: the next access is noticed. */
	world_touch(&w, 2, 1, true, false);
	world_reset_window(&w, 0, 0, 1);
	ok &= !told(&w, 0) && told(&w, 1) == both && sound(&w);
	result(ok, "each who can ask is told of each access of a page once");
	world_fini(&w);
}

static void bits_whole(void)
{
	struct world w;
	bool ok;

	world_init(&w, 1, 2, 4);
	world_map(&w, 0, 0, 0, 0, 4, ALL);
	world_touch(&w, 0, 2, false, false);
	world_reset_window(&w, 0, 0, 0);
	ok = told(&w, 0) == LMAP_ACCESSED && sound(&w);
	world_reset_window(&w, 0, 2, 2);
	ok &= told(&w, 2) == LMAP_ACCESSED && sound(&w);
	world_reset_window(&w, 0, 0, 3);
	ok &= told(&w, 2) == LMAP_ACCESSED;
	world_reset_window(&w, 0, 0, 3);
	ok &= !told(&w, 2) && sound(&w);
	world_revoke_window(&w, 0, 0, 3, LMAP_R, true, -1);
	world_reset_region(&w, 0, 2, 2);
	ok &= told(&w, 2) == LMAP_ACCESSED;
	result(ok, "without tracking the whole is told until the whole is asked about");
	world_fini(&w);
}

/* A page of the new place is used before the old place is reaped. */
static void bits_move(void)
{
	struct lmap_origin *origin;
	struct lmap_node spare = {}, *old;
	struct lmap_run run;
	struct lmap_revoke rv = { .scope.take = 0 };
	struct lmap_query q = {};
	struct world w;
	LIST_HEAD(dead);
	bool ok;

	world_init(&w, 1, 2, 1);
	world_map(&w, 0, 0, 0, 0, 1, TRACKED);
	old = node_at(&w, 0, 0);
	origin = old->origin;
	rv.mdb = q.mdb = old->mdb;
	rv.scope.root = old;
	rv.scope.rfirst = rv.scope.rlast = q.rfirst = q.rlast = old->rfirst;
	INIT_LIST_HEAD(&rv.spares);
	mutex_lock(&rv.mdb->lock);
	lmap_mdb_move(&rv, &w.index[1], &spare);
	lmap_mdb_work(&rv, &dead, &run);
	lmap_refs_touch(&origin->refs, q.rfirst, true);
	while (lmap_mdb_work(&rv, &dead, &run))
		;
	/* Its entry is there: unless a reset zaps it, later uses are lost. */
	q.root = &spare;
	lmap_refs_collect(&q);
	ok = lmap_refs_next_zap(&q, NULL) == &spare;
	lmap_refs_take(&q, q.rfirst, q.rlast, NULL);
	spare.flags = 0;
	rv = (struct lmap_revoke){ .mdb = q.mdb, .scope.rlast = ULONG_MAX,
				   .scope.take = LMAP_R };
	INIT_LIST_HEAD(&rv.spares);
	lmap_mdb_demote(&rv);
	while (lmap_mdb_work(&rv, &dead, &run))
		;
	mutex_unlock(&q.mdb->lock);
	free(origin->refs.table);
	free(origin);
	free(w.mdb[0].refs.table);
	free(old);
	nodes_live = 0;
	result(ok, "what is used at the new place while the old one is zapped can be reset");
}

/* Without bits of each page: a part can't be cleared by itself. */
static void bits_region_part(void)
{
	struct lmap_query q = {};
	struct world w;
	bool ok;

	world_init(&w, 1, 2, 2);
	world_map(&w, 0, 0, 0, 0, 1, ALL);
	world_map(&w, 0, 1, 1, 1, 1, ALL);
	world_touch(&w, 1, 1, false, false);
	world_revoke_window(&w, 1, 1, 1, LMAP_R, true, -1);
	q.mdb = &w.mdb[0];
	q.rfirst = q.rlast = w.rbase;
	mutex_lock(&q.mdb->lock);
	lmap_refs_collect(&q);
	lmap_refs_take(&q, q.rfirst, q.rlast, NULL);
	q.rfirst = q.rlast = w.rbase + 1;
	ok = lmap_refs_peek(&q, q.rfirst, q.rlast, NULL) == LMAP_ACCESSED;
	mutex_unlock(&q.mdb->lock);
	result(ok, "a reset of one page of a region does not forget another");
	world_fini(&w);
}

/* Demotes all and counts the runs; those of another tree are left alone. */
static int count_runs(struct lmap_mdb *mdb)
{
	struct lmap_revoke rv = { .mdb = mdb, .scope.rlast = ULONG_MAX,
				  .scope.take = LMAP_R };
	struct lmap_run run;
	LIST_HEAD(dead);
	int n = 0;

	INIT_LIST_HEAD(&rv.spares);
	lmap_mdb_demote(&rv);
	while (mdb->nr) {
		lmap_mdb_work(&rv, &dead, &run);
		n += !!run.index;
		if (run.index && run.mdb != mdb)
			return -1;
	}
	return n;
}

/* Neighbours in a window are zapped at once, whatever they are of. */
static void runs(void)
{
	static const struct { int pages, other, hole, runs; } want[] = {
		{ 1, -1, -1, 1 },
		{ LMAP_RUN_NODES, -1, -1, 1 },
		{ LMAP_RUN_NODES, 1, -1, 2 },
		{ LMAP_RUN_NODES, -1, 2, 2 },
		{ LMAP_RUN_NODES + 1, -1, -1, 2 },
	};
	bool ok = true;

	for (int i = 0; i < 2 * (int)(sizeof(want) / sizeof(*want)); i++) {
		int pages = want[i / 2].pages, hole = want[i / 2].hole;
		struct lmap_node node[LMAP_RUN_NODES + 1] = {};
		struct lmap_origin origin[LMAP_RUN_NODES + 1] = {};
		struct lmap_mdb mdb, other;
		struct lmap_index index;

		lmap_mdb_init(&mdb);
		lmap_mdb_init(&other);
		lmap_index_init(&index);
		mutex_lock(&mdb.lock);
		mutex_lock(&other.lock);
		/* Region pages go with window pages, or against them. */
		for (int p = 0; p < pages; p++) {
			node[p] = (struct lmap_node){
				.wfirst = p + (hole >= 0 && p >= hole),
				.rfirst = i % 2 ? p : pages - p,
				.npages = 1, .rights = RM,
				.origin = &origin[p], .depth = 1 };
			ok &= !lmap_mdb_insert(p == want[i / 2].other ? &other : &mdb,
					       NULL, &index, &node[p]);
		}
		/* The other one is about to be zapped, too, by somebody else. */
		if (other.nr) {
			struct lmap_revoke rv = { .mdb = &other,
						  .scope.rlast = ULONG_MAX,
						  .scope.take = LMAP_R };

			INIT_LIST_HEAD(&rv.spares);
			lmap_mdb_demote(&rv);
		}
		ok &= count_runs(&mdb) == want[i / 2].runs;
		ok &= !other.nr || node[want[i / 2].other].flags & LMAP_NODE_ZAP;
		mutex_unlock(&other.lock);
		mutex_unlock(&mdb.lock);
	}
	result(ok, "neighbours of one tree are zapped at once, up to a number");
}

/* What each has lost since its zap was due is known until the next one. */
static void losses(void)
{
	struct lmap_revoke rv = { .scope.rlast = ULONG_MAX, .scope.take = LMAP_W };
	struct lmap_origin origin = { .id = 1 };
	struct lmap_node node = { .npages = 2, .rights = LMAP_RIGHTS_ALL,
				  .origin = &origin, .depth = 5 };
	struct lmap_node spare = {};
	struct lmap_index index;
	struct lmap_mdb mdb;
	struct lmap_run run;
	LIST_HEAD(spares);
	LIST_HEAD(dead);
	bool ok;

	lmap_mdb_init(&mdb);
	lmap_index_init(&index);
	rv.mdb = &mdb;
	INIT_LIST_HEAD(&rv.spares);
	mutex_lock(&mdb.lock);
	ok = !lmap_mdb_insert(&mdb, NULL, &index, &node) && !node.lost;
	lmap_mdb_demote(&rv);
	rv.scope.take = LMAP_X;
	lmap_mdb_demote(&rv);
	ok &= node.lost == (LMAP_W | LMAP_X);
	/* given back before anybody noticed */
	ok &= !lmap_mdb_extend(&node, LMAP_W) && node.lost == LMAP_X;
	list_add(&spare.order, &spares);
	ok &= lmap_mdb_cut(&node, 0, 0, &spares) == &node;
	ok &= spare.lost == LMAP_X && spare.rfirst == 1;
	lmap_mdb_work(&rv, &dead, &run);
	ok &= node.lost == LMAP_X && spare.lost == LMAP_X;
	while (lmap_mdb_work(&rv, &dead, &run))
		;
	rv.scope.take = LMAP_R;
	lmap_mdb_demote(&rv);
	ok &= node.lost == (LMAP_R | LMAP_W | LMAP_M);
	while (lmap_mdb_work(&rv, &dead, &run))
		;
	ok &= !mdb.nr;
	mutex_unlock(&mdb.lock);
	result(ok, "a mapping knows what it has lost until its next loss");
}

/* No spares: all of @above loses, what was lost below before is not that. */
static void over_own(void)
{
	struct lmap_revoke rv = { .scope.rlast = 3, .scope.take = LMAP_W };
	struct lmap_origin oa = { .id = 1 }, ob = { .id = 2 };
	struct lmap_node above = { .npages = 4, .rights = LMAP_RIGHTS_ALL,
				   .origin = &oa, .depth = 5 };
	struct lmap_node below = { .npages = 4, .rights = LMAP_R | LMAP_W,
				   .origin = &ob };
	struct lmap_index index[2];
	struct lmap_mdb mdb;
	bool ok;

	lmap_mdb_init(&mdb);
	lmap_index_init(&index[0]);
	lmap_index_init(&index[1]);
	mutex_lock(&mdb.lock);
	ok = !lmap_mdb_insert(&mdb, NULL, &index[0], &above);
	ok &= !lmap_mdb_insert(&mdb, &above, &index[1], &below);
	rv.mdb = &mdb;
	rv.scope.root = &above;
	INIT_LIST_HEAD(&rv.spares);
	lmap_mdb_demote(&rv);
	ok &= below.lost == LMAP_W && !rv.over;
	rv.scope.root = NULL;
	rv.scope.rlast = 0;
	rv.scope.take = LMAP_M;
	lmap_mdb_demote(&rv);
	ok &= rv.over && above.lost == LMAP_M && above.flags & LMAP_NODE_OVER;
	ok &= below.lost == LMAP_W && !(below.flags & LMAP_NODE_OVER);
	rv.scope.take = LMAP_R;
	lmap_mdb_demote(&rv);
	ok &= lmap_node_dying(&below) && below.flags & LMAP_NODE_OVER;
	mutex_unlock(&mdb.lock);
	result(ok, "only what loses more than was asked is said to");
}

/* It is cut, for another reason, before its zap: that is due in each part. */
static void paused_and_cut(void)
{
	struct job job = { .window = 0, .last = 3, .take = LMAP_W, .self = true,
			   .only = -1 };
	struct world w;
	bool ok;

	world_init(&w, 1, 3, 4);
	world_map(&w, 0, 0, 0, 0, 4, ALL);
	world_map_on(&w, 0, 0, 1, 0, 4, ALL);
	for (int p = 0; p < 4; p++)
		world_touch(&w, 1, p, true, false);
	ok = world_revoke(&w, job, 1) && sound(&w);
	ok &= w.job[JOBS_MAX - 1].waits && node_at(&w, 1, 3)->flags;
	world_revoke_window(&w, 1, 1, 1, LMAP_R, true, -1);
	ok &= sound(&w) && node_at(&w, 1, 3)->rfirst > node_at(&w, 1, 0)->rfirst;
	world_resume(&w, JOBS_MAX - 1, 0);
	ok &= sound(&w) && !node_at(&w, 1, 0)->flags && !node_at(&w, 1, 3)->flags;
	result(ok, "what waits for a zap and is cut still waits, in each part");
	world_fini(&w);
}

/* Those above are told of each page as soon as one below is tracked. */
static void bits_above(void)
{
	struct world w;
	bool ok = true;

	world_init(&w, 1, 3, 4);
	world_map(&w, 0, 0, 0, 0, 4, ALL);
	world_map_on(&w, 0, 0, 1, 0, 4, ALL);
	world_map_on(&w, 1, 0, 2, 0, 4, TRACKED);
	for (int round = 0; round < 2; round++) {
		world_touch(&w, 2, 1, true, false);
		world_reset_window(&w, 2, 0, 3);
		ok &= told(&w, 1) && !told(&w, 0);
		for (int win = 1; win >= 0; win--) {
			world_reset_window(&w, win, 0, 0);
			ok &= !told(&w, 0);
			world_reset_window(&w, win, 0, 3);
			ok &= told(&w, 1) == (LMAP_ACCESSED | LMAP_MODIFIED);
			ok &= !told(&w, 0) && !told(&w, 2) && !told(&w, 3);
			world_reset_window(&w, win, 0, 3);
			ok &= !told(&w, 1) && sound(&w);
		}
	}
	result(ok, "above a tracked mapping each is told of each page, once");
	world_fini(&w);
}

int main(void)
{
	printf("TAP version 13\n");
	busy_target();
	deep_split();
	grant_busy();
	grant_part();
	budget_parts();
	budget_huge();
	copy_pays_above();
	bits_once_each();
	bits_whole();
	bits_move();
	bits_region_part();
	bits_above();
	runs();
	losses();
	over_own();
	paused_and_cut();
	printf("1..%d\n", tests);
	return failed != 0;
}
