// SPDX-License-Identifier: GPL-2.0
/*
 * What a mark does to look-ups, for every range and every scope; and that no
 * walk begins anew for each node: steps are counted, never time. Prints TAP.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mdb.h"

#define RWM	(LMAP_R | LMAP_W | LMAP_M)
#define RM	(LMAP_R | LMAP_M)
#define LEVELS	4
#define LENGTH	6
#define WAT	20	/* window page and ... */
#define RAT	40	/* ... region page at which mappings begin */

static int tests, failed;

static void result(bool ok, const char *name)
{
	printf("%sok %d marks: %s\n", ok ? "" : "not ", ++tests, name);
	failed += !ok;
	fflush(stdout);
}

/* A chain of four mappings of the same pages: windows 0, 1, 0 and 1. */
struct chain {
	struct lmap_mdb mdb;
	struct lmap_index index[2];
	struct lmap_origin origin[LEVELS + 1];
	struct lmap_node node[LEVELS + 1];
};

static unsigned long at(int level)
{
	return WAT + level / 2 * LENGTH;
}

/* Leaves with mdb->lock held. */
static void chain_init(struct chain *c)
{
	memset(c, 0, sizeof(*c));
	lmap_mdb_init(&c->mdb);
	lmap_index_init(&c->index[0]);
	lmap_index_init(&c->index[1]);
	mutex_lock(&c->mdb.lock);
	for (int i = 0; i < LEVELS; i++) {
		c->node[i] = (struct lmap_node){
			.origin = &c->origin[i], .wfirst = at(i), .rfirst = RAT,
			.npages = LENGTH, .rights = RWM, .depth = 9 - i,
		};
		if (lmap_mdb_insert(&c->mdb, i ? &c->node[i - 1] : NULL,
				    &c->index[i % 2], &c->node[i]))
			abort();
	}
}

/* By counting: is a mapping of the chain at this level in the scope? */
static bool level_in(int level, int root, bool self, int only)
{
	bool in = only < 0;

	if (root >= 0 && level < root + !self)
		return false;
	/* An ancestor in that window counts, the root only if it is meant. */
	for (int i = level; i >= 0 && (root < 0 || i >= root + !self); i--)
		in |= i % 2 == only;
	return in;
}

static bool hit_right(const struct lmap_hit *hit, bool found, int level,
		      int page, int first, int last, unsigned int take, bool in)
{
	int from = 0, to = LENGTH - 1;
	unsigned int rights = RWM;

	if (in && first < LENGTH && last >= 0) {
		if (page < first) {
			to = first - 1;
		} else if (page > last) {
			from = last + 1;
		} else {
			from = first > 0 ? first : 0;
			to = last < LENGTH - 1 ? last : LENGTH - 1;
			rights = take & LMAP_R ? 0 : RWM & ~take;
		}
	}
	if (found != !!rights)
		return false;
	return !found || (hit->rights == rights &&
			  hit->wfirst == at(level) + from &&
			  hit->wlast == at(level) + to &&
			  hit->rfirst == RAT + (unsigned long)from);
}

/* More rights, or a new mapping below: only what is not being revoked. */
static bool writers_right(struct chain *c, int level, int first, int last,
			  bool in, const bool *below)
{
	bool meets = first < LENGTH && last >= 0, ok;
	struct lmap_node *node = &c->node[LEVELS];

	ok = lmap_mdb_extend(&c->node[level], LMAP_R) ==
	     (in && meets ? -ESTALE : 0);
	for (int win = 0; win < 2; win++)
	for (int page = 0; page < LENGTH; page++) {
		bool stops = below[win] && page >= first && page <= last;

		/* Over something: if it is refused, then for another reason. */
		*node = (struct lmap_node){
			.origin = &c->origin[LEVELS], .wfirst = WAT,
			.rfirst = RAT + page, .npages = 1, .rights = LMAP_R,
		};
		ok &= lmap_mdb_insert(&c->mdb, &c->node[level], &c->index[win],
				      node) == (stops ? -ESTALE : -EBUSY);
	}
	return ok;
}

static bool mark_right(struct chain *c, int root, bool self, int only,
		       int first, int last, unsigned int take)
{
	struct lmap_revoke rv = {
		.mdb = &c->mdb, .scope.root = root < 0 ? NULL : &c->node[root],
		.scope.self = self, .scope.only = only < 0 ? NULL : &c->index[only],
		.scope.rfirst = RAT + first, .scope.rlast = RAT + last, .scope.take = take,
	};
	bool ok = true;

	lmap_mdb_mark(&rv);
	for (int level = 0; level < LEVELS; level++) {
		bool in = level_in(level, root, self, only), below[2];

		for (int page = 0; page < LENGTH; page++) {
			struct lmap_hit hit;
			bool found = lmap_index_lookup(&c->index[level % 2],
						       at(level) + page, &hit);

			ok &= hit_right(&hit, found, level, page, first, last,
					take, in);
		}
		/* A child in a window: at that level, or as if it were. */
		for (int win = 0; win < 2; win++)
			below[win] = (root < 0 || level >= root) &&
				     (only < 0 || win == only || in);
		ok &= writers_right(c, level, first, last, in, below);
	}
	lmap_mdb_unmark(&c->mdb);
	return ok;
}

static void every_mark(void)
{
	static const unsigned int takes[] = { LMAP_R, LMAP_W, LMAP_W | LMAP_M };
	struct lmap_hit hit;
	static struct chain c;
	long n = 0, bad = 0;
	char name[80];

	chain_init(&c);
	for (int root = -1; root < LEVELS; root++)
	for (int self = 0; self < (root < 0 ? 1 : 2); self++)
	for (int only = -1; only < 2; only++)
	for (int first = -2; first <= LENGTH + 1; first++)
	for (int last = first; last <= LENGTH + 1; last++)
	for (int t = 0; t < 3; t++, n++)
		bad += !mark_right(&c, root, self, only, first, last, takes[t]);
	/* Without one everything is as it was. */
	for (int i = 0; i < LEVELS; i++)
		bad += !lmap_index_lookup(&c.index[i % 2], at(i), &hit) ||
		       hit.rights != RWM || hit.wfirst != at(i) ||
		       hit.wlast != at(i) + LENGTH - 1;
	mutex_unlock(&c.mdb.lock);
	snprintf(name, sizeof(name),
		 "look-ups, inserts and extends under each of %ld marks", n);
	result(!bad && n > 1000, name);
}

/* Many siblings, each of them cut at the same page. */

#define MANY	20000

struct many {
	struct lmap_mdb mdb, other;
	struct lmap_index index, above;
	struct lmap_origin top_origin, heir_origin;
	struct lmap_node top, heir;
	struct lmap_origin *origin;
	struct lmap_node *node, *spare;
};

static void many_init(struct many *m)
{
	memset(m, 0, sizeof(*m));
	m->node = calloc(MANY, sizeof(*m->node));
	m->origin = calloc(MANY, sizeof(*m->origin));
	m->spare = calloc(2 * MANY + 2, sizeof(*m->spare));
	if (!m->node || !m->origin || !m->spare)
		abort();
	lmap_mdb_init(&m->mdb);
	lmap_mdb_init(&m->other);
	lmap_index_init(&m->index);
	lmap_index_init(&m->above);
}

static void many_free(struct many *m)
{
	mutex_unlock(&m->mdb.lock);
	free(m->node);
	free(m->origin);
	free(m->spare);
}

/* @below: they all derive from one mapping. Leaves with mdb->lock held. */
static void many_siblings(struct many *m, bool below)
{
	many_init(m);
	mutex_lock(&m->mdb.lock);
	m->top = (struct lmap_node){ .npages = 3, .rights = RM, .depth = 9,
				     .origin = &m->top_origin };
	if (lmap_mdb_insert(&m->mdb, NULL, &m->above, &m->top))
		abort();
	for (unsigned long i = 0; i < MANY; i++) {
		m->node[i] = (struct lmap_node){
			.origin = &m->origin[i], .wfirst = 3 * i, .npages = 3,
			.rights = RM, .depth = 8,
		};
		if (lmap_mdb_insert(&m->mdb, below ? &m->top : NULL, &m->index,
				    &m->node[i]))
			abort();
	}
}

static void give_spares(struct many *m, struct lmap_revoke *rv, int n)
{
	INIT_LIST_HEAD(&rv->spares);
	while (n--)
		list_add(&m->spare[n].order, &rv->spares);
}

/* Every call, all nodes named and unlinked; returns how many were. */
static long work(struct lmap_revoke *rv)
{
	struct lmap_run run;
	LIST_HEAD(dead);
	struct list_head *pos;
	long n = 0;

	while (lmap_mdb_work(rv, &dead, &run))
		;
	list_for_each(pos, &dead)
		n++;
	return n;
}

static void many_cut(bool below, bool enough)
{
	char name[100];
	struct lmap_revoke rv = { .scope.rfirst = 1, .scope.rlast = 1, .scope.take = LMAP_R };
	static struct many m;
	unsigned long steps;
	bool ok;
	long dead;

	many_siblings(&m, below);
	rv.mdb = &m.mdb;
	rv.scope.root = below ? &m.top : NULL;
	give_spares(&m, &rv, enough ? 2 * MANY + 2 : 0);
	steps = shim_steps;
	ok = lmap_mdb_spares_needed(&rv) == 2 * MANY + 2 * !below;
	lmap_mdb_demote(&rv);
	dead = work(&rv);
	steps = shim_steps - steps;
	ok &= dead == MANY + !below && rv.over == !enough;
	ok &= m.mdb.nr == (enough ? 2 * MANY + 2 - below : 0ul + below);
	printf("# %lu steps for %d mappings\n", steps, MANY);
	/* A few walks over all of them, with both halves, are fine. */
	ok &= steps < 40ul * MANY;
	many_free(&m);
	snprintf(name, sizeof(name),
		 "%d siblings%s are %s at one page: so many steps, not the square",
		 MANY, below ? " below one mapping" : "",
		 enough ? "cut" : "revoked");
	result(ok, name);
}

/* Some that can't be adopted, for want of spares, among those that can. */
static void many_adopted(void)
{
	struct lmap_revoke rv = { .scope.rfirst = 0, .scope.rlast = 0,
				  .scope.take = LMAP_RIGHTS_ALL }, moved = {};
	static struct many m;
	unsigned long steps;
	bool ok;

	many_init(&m);
	mutex_lock(&m.mdb.lock);
	mutex_lock(&m.other.lock);
	m.heir = (struct lmap_node){ .npages = 1, .rights = RM, .depth = 9,
				     .origin = &m.heir_origin };
	ok = !lmap_mdb_insert(&m.other, NULL, &m.above, &m.heir);
	for (unsigned long i = 0; i < MANY; i++) {
		m.node[i] = (struct lmap_node){
			.origin = &m.origin[i], .wfirst = 2 * i,
			.npages = 1 + i % 2, .rights = RM, .depth = 8,
		};
		ok &= !lmap_mdb_insert(&m.mdb, NULL, &m.index, &m.node[i]);
	}
	rv.mdb = &m.mdb;
	INIT_LIST_HEAD(&rv.spares);
	steps = shim_steps;
	lmap_mdb_adopt(&rv, &m.heir, &moved);
	ok &= rv.over && m.other.nr == MANY / 2 + 1 && m.mdb.nr == MANY / 2;
	ok &= work(&rv) == MANY / 2 && work(&moved) == 0;
	steps = shim_steps - steps;
	printf("# %lu steps for %d mappings\n", steps, MANY);
	ok &= steps < 40ul * MANY;
	mutex_unlock(&m.other.lock);
	many_free(&m);
	result(ok, "adopting half of many siblings: so many steps, not the square");
}

int main(void)
{
	printf("TAP version 13\n");
	every_mark();
	many_cut(false, true);
	many_cut(true, true);
	many_cut(false, false);
	many_cut(true, false);
	many_adopted();
	printf("1..%d\n", tests);
	return failed != 0;
}
