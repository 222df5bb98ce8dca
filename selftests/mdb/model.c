// SPDX-License-Identifier: GPL-2.0
/*
 * The mapping database against the naive model: every sequence of operations
 * in a tiny world, long random ones in a larger world, and revoking with too
 * few spare nodes. Prints TAP. Must stop at the first difference and tell how
 * to get there again.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

#define RM	(LMAP_R | LMAP_M)
#define RWM	(LMAP_R | LMAP_W | LMAP_M)

struct op {
	enum { MAP, MAP_ON, REVOKE_REGION, REVOKE_WINDOW, EXTEND } verb;
	int from, first, window, to, pages;
	unsigned int rights;
	bool self;
	int only;
};

static void op_run(struct world *w, const struct op *o)
{
	switch (o->verb) {
	case MAP:
		world_map(w, o->from, o->first, o->window, o->to, o->pages,
			  o->rights);
		break;
	case MAP_ON:
		world_map_on(w, o->from, o->first, o->window, o->to, o->pages,
			     o->rights);
		break;
	case REVOKE_REGION:
		world_revoke_region(w, o->from, o->first,
				    o->first + o->pages - 1, o->rights,
				    o->only);
		break;
	case REVOKE_WINDOW:
		world_revoke_window(w, o->window, o->first,
				    o->first + o->pages - 1, o->rights,
				    o->self, o->only);
		break;
	case EXTEND:
		world_extend(w, o->window, o->first, o->rights);
		break;
	}
}

static void op_print(const struct op *o)
{
	static const char * const verb[] = {
		"map", "map_on", "revoke_region", "revoke_window", "extend"
	};

	printf("#   %s from=%d first=%d window=%d to=%d pages=%d rights=%x self=%d only=%d\n",
	       verb[o->verb], o->from, o->first, o->window, o->to, o->pages,
	       o->rights, o->self, o->only);
}

static int tests, failed;

static void result(bool ok, const char *name)
{
	printf("%sok %d mdb: %s\n", ok ? "" : "not ", ++tests, name);
	failed += !ok;
	fflush(stdout);
}

/* All operations of a tiny world: 1 region, @windows, @pages. */
static int all_ops(struct op *ops, int windows, int pages)
{
	int n = 0;

	for (int len = 1; len <= pages; len++)
	for (int first = 0; first + len <= pages; first++) {
		for (int win = 0; win < windows; win++)
		for (int to = 0; to + len <= pages; to++) {
			/* straight and shifted by one is all there is */
			if (to > first + 1)
				continue;
			ops[n++] = (struct op){ MAP, 0, first, win, to, len,
						RWM };
			for (int src = 0; src < windows; src++)
				ops[n++] = (struct op){ MAP_ON, src, first,
							win, to, len, RWM };
		}
		ops[n++] = (struct op){ REVOKE_REGION, 0, first, 0, 0, len,
					LMAP_R, false, -1 };
		ops[n++] = (struct op){ REVOKE_REGION, 0, first, 0, 0, len,
					LMAP_W, false, windows - 1 };
		for (int win = 0; win < windows; win++) {
			ops[n++] = (struct op){ REVOKE_WINDOW, 0, first, win,
						0, len, LMAP_R, true, -1 };
			ops[n++] = (struct op){ REVOKE_WINDOW, 0, first, win,
						0, len, LMAP_R, false, -1 };
			ops[n++] = (struct op){ REVOKE_WINDOW, 0, first, win,
						0, len, LMAP_W, true, -1 };
			ops[n++] = (struct op){ REVOKE_WINDOW, 0, first, win,
						0, len, LMAP_R, false,
						windows - 1 };
		}
	}
	ops[n++] = (struct op){ EXTEND, 0, 0, 0, 0, 0, LMAP_W };
	return n;
}

static bool sequence(const struct op *ops, const int *pick, int depth,
		     int windows, int pages)
{
	const char *bad = NULL;
	struct world w;
	int i;

	world_init(&w, 1, windows, pages);
	for (i = 0; i < depth && !bad; i++)
		op_run(&w, &ops[pick[i]]);
	/* Shorter sequences have been checked before: look at the end only. */
	bad = world_check(&w);
	if (bad) {
		printf("# %s after\n", bad);
		for (int k = 0; k < i; k++)
			op_print(&ops[pick[k]]);
		return false;
	}
	world_fini(&w);
	return true;
}

static void exhaustive(int windows, int pages, int depth)
{
	static struct op ops[4096];
	int n = all_ops(ops, windows, pages), pick[8] = {};
	char name[128];
	long count = 0;
	bool ok = true;

	for (int d = 1; d <= depth && ok; d++) {
		memset(pick, 0, sizeof(pick));
		for (;;) {
			int i;

			ok = sequence(ops, pick, d, windows, pages);
			count++;
			for (i = d - 1; i >= 0 && ++pick[i] == n; i--)
				pick[i] = 0;
			if (i < 0 || !ok)
				break;
		}
	}
	snprintf(name, sizeof(name),
		 "every sequence of %d out of %d operations, %d windows of %d pages (%ld)",
		 depth, n, windows, pages, count);
	result(ok, name);
}

static unsigned int seed;

static int dice(int n)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 8) % n;
}

static struct op random_op(struct world *w)
{
	static const unsigned int takes[] = {
		LMAP_R, LMAP_RIGHTS_ALL, LMAP_W, LMAP_M, LMAP_X, LMAP_W | LMAP_X
	};
	struct op o = { .verb = dice(12) };

	o.window = dice(w->windows);
	o.pages = 1 + dice(w->pages);
	o.first = dice(w->pages - o.pages + 1);
	o.to = dice(w->pages - o.pages + 1);
	o.only = dice(3) ? -1 : dice(w->windows);
	o.self = dice(2);
	if (o.verb < 3) {
		o.verb = MAP;
		o.from = dice(w->regions);
		o.rights = LMAP_R | dice(16);
	} else if (o.verb < 8) {
		o.verb = MAP_ON;
		o.from = dice(w->windows);
		o.rights = LMAP_R | dice(16) | (dice(3) ? LMAP_M : 0);
	} else if (o.verb < 9) {
		o.verb = EXTEND;
		o.rights = dice(16);
	} else {
		o.verb = o.verb == 9 ? REVOKE_REGION : REVOKE_WINDOW;
		o.from = dice(w->regions);
		o.rights = takes[dice(6)];
		if (o.pages > 3)
			o.pages = 1 + dice(3);
	}
	return o;
}

static bool random_run(unsigned int s, int steps)
{
	struct world w;

	seed = s;
	world_init(&w, 2, 4, PAGES_MAX);
	for (int i = 0; i < steps; i++) {
		struct op o = random_op(&w);
		const char *bad;

		op_run(&w, &o);
		bad = world_check(&w);
		if (!bad)
			continue;
		printf("# seed %u step %d: %s\n", s, i, bad);
		op_print(&o);
		return false;
	}
	world_fini(&w);
	return true;
}

static void random_many(int runs, int steps)
{
	const char *text = getenv("LMAP_SEED");
	unsigned int base = text ? atoi(text) : 1;
	char name[80];
	bool ok = true;

	for (int i = 0; i < runs && ok; i++)
		ok = random_run(base + i, steps);
	snprintf(name, sizeof(name), "%d random runs of %d steps (seeds from %u)",
		 runs, steps, base);
	result(ok, name);
}

/* Until a revoke that needs spares; then that one with fewer of them. */
static bool starve(unsigned int s, long *cases)
{
	unsigned long need = 1;

	for (int limit = 0; limit < (int)need; limit++) {
		const char *bad;
		struct world w;
		struct op o;

		seed = s;
		world_init(&w, 1, 4, 8);
		for (int i = 0; i < 30; i++) {
			o = random_op(&w);
			op_run(&w, &o);
		}
		o = random_op(&w);
		o.verb = REVOKE_REGION;
		o.from = 0;
		o.rights = o.self ? LMAP_R : LMAP_W;
		w.spare_limit = limit;
		op_run(&w, &o);
		need = w.needed;
		bad = world_check(&w);
		if (!bad && need > (unsigned long)limit && !w.over)
			bad = "too few spares and nothing said";
		if (bad) {
			printf("# seed %u with %d of %lu spares: %s\n", s,
			       limit, need, bad);
			return false;
		}
		*cases += need > (unsigned long)limit;
		world_fini(&w);
	}
	return true;
}

static void starve_many(int runs)
{
	char name[100];
	long cases = 0;
	bool ok = true;

	for (int i = 0; i < runs && ok; i++)
		ok = starve(i, &cases);
	snprintf(name, sizeof(name),
		 "with each number of spare nodes too few: more is revoked, never less (%ld cases)",
		 cases);
	result(ok && cases > 100, name);
}

/* A chain as deep as it gets, cut in the middle: the largest split. */
static void deep_split(void)
{
	struct lmap_revoke rv = { .rfirst = 3, .rlast = 4, .take = LMAP_R };
	static struct lmap_index index[LMAP_DEPTH_MAX];
	static struct lmap_origin origin[LMAP_DEPTH_MAX];
	static struct lmap_node node[LMAP_DEPTH_MAX], spare[2 * LMAP_DEPTH_MAX];
	struct lmap_node *zap = NULL;
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
	while ((zap = lmap_mdb_next_zap(&rv, zap)))
		zaps += zap->rfirst == 3 && zap->npages == 2;
	lmap_mdb_reap(&rv, &dead);
	ok &= zaps == LMAP_DEPTH_MAX && !rv.over && mdb.nr == 2 * LMAP_DEPTH_MAX &&
	      rv.mappings == LMAP_DEPTH_MAX && list_empty(&rv.spares);
	/* everything, up to the last page that there can be */
	rv.rfirst = 0;
	rv.rlast = ULONG_MAX;
	ok &= lmap_mdb_spares_needed(&rv) == 0;
	lmap_mdb_demote(&rv);
	while ((zap = lmap_mdb_next_zap(&rv, zap)))
		;
	lmap_mdb_reap(&rv, &dead);
	ok &= mdb.nr == 0 && list_empty(&mdb.preorder);
	mutex_unlock(&mdb.lock);
	result(ok, "a chain of 64 levels is cut in the middle");
}

/* What is there, dying nodes included, refuses a new node and stays. */
static void busy_target(void)
{
	struct lmap_revoke rv = { .rlast = 3, .take = LMAP_R };
	struct lmap_origin oa = { .id = 1 }, ob = { .id = 2 };
	struct lmap_node a = { .npages = 4, .rights = RM, .depth = 5,
			       .origin = &oa };
	struct lmap_node b = { .wfirst = 3, .npages = 1, .rights = RM,
			       .origin = &ob };
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
	ok &= lmap_mdb_next_zap(&rv, NULL) == &a;
	ok &= !lmap_mdb_next_zap(&rv, &a);
	lmap_mdb_reap(&rv, &dead);
	ok &= mdb.nr == 0 && !lmap_mdb_insert(&mdb, NULL, &index, &b);
	mutex_unlock(&mdb.lock);
	result(ok, "a busy or dying target refuses a new node");
}

int main(int argc, char **argv)
{
	bool quick = argc > 1 && !strcmp(argv[1], "quick");

	printf("TAP version 13\n");
	busy_target();
	deep_split();
	exhaustive(2, 2, quick ? 2 : 4);
	exhaustive(3, 2, quick ? 2 : 3);
	exhaustive(2, 3, quick ? 2 : 3);
	starve_many(quick ? 200 : 3000);
	random_many(quick ? 20 : 300, quick ? 200 : 1000);
	printf("1..%d\n", tests);
	return failed != 0;
}
