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

int main(void)
{
	printf("TAP version 13\n");
	busy_target();
	deep_split();
	printf("1..%d\n", tests);
	return failed != 0;
}
