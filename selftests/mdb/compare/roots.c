// SPDX-License-Identifier: GPL-2.0
/*
 * From a mapping to its region, in three ways, on nodes with parents:
 *
 *   search   follow parents to the topmost one, which knows its region
 *   cache    keep what a search found in the node. It is valid as long as no
 *            tree has become a part of another one (grant of memory that is
 *            lent, lmap_mdb_adopt()), which a global version tells
 *   link     each node points to its region (node->mdb of ours); when a tree
 *            becomes a part of another one, all its nodes are changed
 *
 * The nodes are as large as ours, and their order in memory is random.
 */
#include <stdlib.h>

#include "compare.h"
#include "mdb.h"

#define NODES	4096
#define RUNS	100

struct way {
	struct lmap_node node;
	struct lmap_mdb *cached;
	unsigned long version;
};

static struct way *ways;
static uint32_t order[NODES];
static struct lmap_mdb mdb[2];
static unsigned long version;

/* Chains of @depth nodes; returns how many nodes are in use. */
static unsigned int plant(unsigned int depth)
{
	unsigned int n = NODES / depth * depth;
	uint64_t state = 3;

	for (uint32_t i = 0; i < NODES; i++)
		order[i] = i;
	for (uint32_t i = NODES; i > 1; i--) {
		uint32_t k = dice(&state, i), t = order[i - 1];

		order[i - 1] = order[k];
		order[k] = t;
	}
	for (unsigned int i = 0; i < n; i++) {
		struct way *w = &ways[order[i]];

		*w = (struct way){ .node.mdb = &mdb[0] };
		if (i % depth)
			w->node.parent = &ways[order[i - 1]].node;
	}
	return n;
}

static struct lmap_mdb *by_search(struct way *w)
{
	const struct lmap_node *node = &w->node;

	while (node->parent)
		node = node->parent;
	return node->mdb;
}

static struct lmap_mdb *by_cache(struct way *w)
{
	if (w->version != version) {
		w->cached = by_search(w);
		w->version = version;
	}
	return w->cached;
}

static struct lmap_mdb *by_link(struct way *w)
{
	return w->node.mdb;
}

/* Of the lowest nodes. False if one leads elsewhere. */
static bool walk(struct lmap_mdb *(*find)(struct way *), unsigned int n,
		 unsigned int depth, const struct lmap_mdb *where, double *best)
{
	struct watch watch = watch_start();
	bool right = true;
	double ns;

	for (unsigned int i = depth - 1; i < n; i += depth)
		right &= find(&ways[order[i]]) == where;
	ns = watch_ns(&watch) / (n / depth);
	if (!*best || ns < *best)
		*best = ns;
	return right;
}

static void relink(unsigned int n, struct lmap_mdb *to, double *best)
{
	struct watch watch = watch_start();
	double ns;

	for (unsigned int i = 0; i < n; i++)
		WRITE_ONCE(ways[order[i]].node.mdb, to);
	ns = watch_ns(&watch) / n;
	if (!*best || ns < *best)
		*best = ns;
}

static bool one_depth(struct roots *r, int i, int runs)
{
	unsigned int depth = r->depth[i], n = plant(depth);
	bool right = true;

	for (int run = 0; run < runs; run++) {
		/* Each time all of it has become a part of another region. */
		struct lmap_mdb *where = &mdb[run % 2];

		relink(n, where, &r->relink[i]);
		version++;
		right &= walk(by_search, n, depth, where, &r->search[i]);
		right &= walk(by_cache, n, depth, where, &r->first[i]);
		right &= walk(by_cache, n, depth, where, &r->cached[i]);
		right &= walk(by_link, n, depth, where, &r->link[i]);
	}
	return right;
}

bool roots_measure(bool quick, struct roots *roots)
{
	bool right = true;

	*roots = (struct roots){};
	ways = calloc(NODES, sizeof(*ways));
	if (!ways)
		abort();
	for (int i = 0; i < ROOT_DEPTHS; i++) {
		roots->depth[i] = 1 << i;
		right &= one_depth(roots, i, quick ? 2 : RUNS);
	}
	free(ways);
	return right;
}
