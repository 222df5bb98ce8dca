// SPDX-License-Identifier: GPL-2.0
/*
 * The small world: operations as the kernel does them, the naive model, and
 * the check of all invariants. See world.h.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* So that what is static in it is built with our warnings, too. */
#include "mdb.c"
#include "refs.c"
#include "world.h"

/* Readers come without end: whoever waits for them must get his turn. */
pthread_rwlock_t shim_rcu =
	PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;
long nodes_live;

static struct lmap_node *node_alloc(void)
{
	struct lmap_node *node = malloc(sizeof(*node));

	if (!node)
		abort();
	memset(node, 0xa5, sizeof(*node));
	node->flags = 0;
	__atomic_fetch_add(&nodes_live, 1, __ATOMIC_RELAXED);
	return node;
}

/* Only nodes that were linked have an origin. */
static void node_free(struct lmap_node *node)
{
	if (node->flags & LMAP_NODE_LAST)
		free(node->origin);
	__atomic_fetch_sub(&nodes_live, 1, __ATOMIC_RELAXED);
	free(node);
}

void world_init(struct world *w, int regions, int windows, int pages)
{
	memset(w, 0, sizeof(*w));
	w->regions = regions;
	w->windows = windows;
	w->pages = pages;
	w->spare_limit = -1;
	for (int i = 0; i < regions; i++)
		lmap_mdb_init(&w->mdb[i]);
	for (int i = 0; i < windows; i++)
		lmap_index_init(&w->index[i]);
}

/* The naive model. */

static int cell_nr(int window, int page)
{
	return window * PAGES_MAX + page;
}

static bool cell_below(struct world *w, int cell, int root)
{
	for (cell = w->cell[cell].parent; cell >= 0;
	     cell = w->cell[cell].parent)
		if (cell == root)
			return true;
	return false;
}

/* Is the cell, or an ancestor of it below @stop, in window @only? */
static bool cell_in(struct world *w, int cell, int stop, int only)
{
	for (; cell >= 0 && cell != stop; cell = w->cell[cell].parent)
		if (cell / PAGES_MAX == only)
			return true;
	return false;
}

static void cell_take(struct world *w, int cell, unsigned int take, u64 *pages)
{
	struct cell *c = &w->cell[cell];

	if (!(c->rights & take))
		return;
	(*pages)++;
	c->rights &= ~take;
	if (take & LMAP_R)
		c->used = false;
}

static u64 model_revoke_region(struct world *w, int region, int first,
			       int last, unsigned int take, int only)
{
	int hit[WINDOWS_MAX * PAGES_MAX], n = 0;
	u64 pages = 0;

	for (int i = 0; i < WINDOWS_MAX * PAGES_MAX; i++) {
		struct cell *c = &w->cell[i];

		if (c->used && c->region == region && c->rpage >= first &&
		    c->rpage <= last &&
		    (only < 0 || cell_in(w, i, -1, only)))
			hit[n++] = i;
	}
	while (n--)
		cell_take(w, hit[n], take, &pages);
	return pages;
}

static u64 model_revoke_cell(struct world *w, int root, unsigned int take,
			     bool self, int only)
{
	int hit[WINDOWS_MAX * PAGES_MAX], n = 0;
	bool root_in = self && (only < 0 || root / PAGES_MAX == only);
	u64 pages = 0;

	if (!w->cell[root].used)
		return 0;
	if (root_in)
		hit[n++] = root;
	for (int i = 0; i < WINDOWS_MAX * PAGES_MAX; i++)
		if (w->cell[i].used && cell_below(w, i, root) &&
		    (only < 0 || root_in || cell_in(w, i, root, only)))
			hit[n++] = i;
	while (n--)
		cell_take(w, hit[n], take, &pages);
	return pages;
}

/* The database, used as revoke.c of the module does. */

static int window_of(struct world *w, struct lmap_index *index)
{
	return index - w->index;
}

static void run_revoke(struct world *w, struct lmap_revoke *rv)
{
	struct lmap_mdb *mdb = rv->mdb;
	struct lmap_node *node = NULL;
	unsigned long left = 0;
	LIST_HEAD(dead);

	INIT_LIST_HEAD(&rv->spares);
	w->needed = lmap_mdb_spares_needed(rv);
	left = w->needed;
	if (w->spare_limit >= 0 && left > (unsigned long)w->spare_limit)
		left = w->spare_limit;
	while (left--)
		list_add(&node_alloc()->order, &rv->spares);
	lmap_mdb_demote(rv);
	while ((node = lmap_mdb_next_zap(rv, node))) {
		/* Still in its window: nothing can be mapped over it. */
		struct lmap_index *index = node->index;

		spin_lock(&index->lock);
		if (lmap_index_first(index, node->wfirst, node->wfirst) !=
		    node)
			abort();
		spin_unlock(&index->lock);
	}
	lmap_mdb_reap(rv, &dead);
	mutex_unlock(&mdb->lock);
	/* With enough of them none is left over: the count is exact. */
	if (w->spare_limit < 0 && !list_empty(&rv->spares))
		abort();
	list_splice(&rv->spares, &dead);
	synchronize_rcu();
	while (!list_empty(&dead)) {
		node = list_first_entry(&dead, struct lmap_node, order);
		list_del(&node->order);
		node_free(node);
	}
	if (w->spare_limit < 0 && rv->over)
		abort();
	w->over |= rv->over;
}

static void mdb_revoke_window(struct world *w, int window, int first, int last,
			      unsigned int take, bool self, int only,
			      u64 *pages)
{
	struct lmap_index *index = &w->index[window];

	while (first <= last) {
		struct lmap_revoke rv = { .self = self, .take = take };
		struct lmap_node *node;
		unsigned long from, to;

		spin_lock(&index->lock);
		node = lmap_index_first(index, first, last);
		spin_unlock(&index->lock);
		if (!node)
			break;
		rv.mdb = node->mdb;
		rv.root = node;
		rv.only = only < 0 ? NULL : &w->index[only];
		mutex_lock(&rv.mdb->lock);
		from = node->wfirst > (unsigned long)first ? node->wfirst :
							     (unsigned long)first;
		to = lmap_node_wlast(node) < (unsigned long)last ?
		     lmap_node_wlast(node) : (unsigned long)last;
		rv.rfirst = node->rfirst + (from - node->wfirst);
		rv.rlast = node->rfirst + (to - node->wfirst);
		run_revoke(w, &rv);
		*pages += rv.pages;
		if (!rv.pages != !rv.mappings || rv.mappings > rv.pages)
			abort();
		first = to + 1;
	}
}

void world_revoke_region(struct world *w, int region, int first, int last,
			 unsigned int take, int only)
{
	struct lmap_revoke rv = {
		.mdb = &w->mdb[region], .rfirst = first, .rlast = last,
		.take = take, .only = only < 0 ? NULL : &w->index[only],
	};
	u64 pages;

	pages = model_revoke_region(w, region, first, last, take, only);
	mutex_lock(&rv.mdb->lock);
	run_revoke(w, &rv);
	if (!w->over && rv.pages != pages)
		abort();
}

void world_revoke_window(struct world *w, int window, int first, int last,
			 unsigned int take, bool self, int only)
{
	u64 pages = 0, done = 0;

	for (int p = first; p <= last; p++)
		pages += model_revoke_cell(w, cell_nr(window, p), take, self,
					   only);
	mdb_revoke_window(w, window, first, last, take, self, only, &done);
	if (!w->over && pages != done)
		abort();
}

static bool insert(struct world *w, struct lmap_mdb *mdb,
		   struct lmap_node *parent, int rfirst, int window,
		   int wfirst, int pages, unsigned int rights)
{
	struct lmap_node *node = node_alloc();
	int ret;

	node->origin = calloc(1, sizeof(*node->origin));
	if (!node->origin)
		abort();
	node->origin->id = ++w->last_id;
	node->wfirst = wfirst;
	node->rfirst = rfirst;
	node->npages = pages;
	node->rights = rights;
	node->depth = parent ? parent->depth - 1 : LMAP_DEPTH_MAX - 1;
	ret = lmap_mdb_insert(mdb, parent, &w->index[window], node);
	if (ret) {
		free(node->origin);
		node_free(node);
	}
	return !ret;
}

bool world_map(struct world *w, int region, int rfirst, int window, int wfirst,
	       int pages, unsigned int rights)
{
	bool ok;

	world_revoke_window(w, window, wfirst, wfirst + pages - 1,
			    LMAP_RIGHTS_ALL, true, -1);
	mutex_lock(&w->mdb[region].lock);
	ok = insert(w, &w->mdb[region], NULL, rfirst, window, wfirst, pages,
		    rights);
	mutex_unlock(&w->mdb[region].lock);
	if (!ok)
		abort();
	for (int i = 0; i < pages; i++)
		w->cell[cell_nr(window, wfirst + i)] = (struct cell){
			true, region, rfirst + i, rights, -1 };
	return true;
}

/* Would the target's pages cut off the branch that they are to hang on? */
static bool is_loop(struct world *w, int source, int sfirst, int window,
		    int wfirst, int pages)
{
	for (int i = 0; i < pages; i++)
		for (int c = cell_nr(source, sfirst + i); c >= 0;
		     c = w->cell[c].parent)
			if (c / PAGES_MAX == window &&
			    c % PAGES_MAX >= wfirst &&
			    c % PAGES_MAX < wfirst + pages)
				return true;
	return false;
}

static struct lmap_node *covering(struct world *w, int window, int first,
				  int pages)
{
	struct lmap_index *index = &w->index[window];
	struct lmap_node *node;

	spin_lock(&index->lock);
	node = lmap_index_first(index, first, first);
	spin_unlock(&index->lock);
	if (!node || lmap_node_wlast(node) < (unsigned long)first + pages - 1)
		return NULL;
	return node;
}

bool world_map_on(struct world *w, int source, int sfirst, int window,
		  int wfirst, int pages, unsigned int rights)
{
	struct lmap_node *parent;
	bool ok;

	for (int i = 0; i < pages; i++)
		if (!w->cell[cell_nr(source, sfirst + i)].used)
			return false;
	parent = covering(w, source, sfirst, pages);
	if (!parent || !(parent->rights & LMAP_M) || !parent->depth)
		return false;
	if (is_loop(w, source, sfirst, window, wfirst, pages)) {
		struct lmap_node *node;

		/* The database finds the same. */
		node = covering(w, window, wfirst, 1);
		(void)node;
		return false;
	}
	world_revoke_window(w, window, wfirst, wfirst + pages - 1,
			    LMAP_RIGHTS_ALL, true, -1);
	parent = covering(w, source, sfirst, pages);
	if (!parent)
		return false;
	rights &= parent->rights;
	mutex_lock(&parent->mdb->lock);
	ok = insert(w, parent->mdb, parent,
		    parent->rfirst + (sfirst - parent->wfirst), window, wfirst,
		    pages, rights);
	mutex_unlock(&parent->mdb->lock);
	if (!ok)
		abort();
	for (int i = 0; i < pages; i++) {
		struct cell *c = &w->cell[cell_nr(source, sfirst + i)];

		w->cell[cell_nr(window, wfirst + i)] = (struct cell){
			true, c->region, c->rpage, rights,
			cell_nr(source, sfirst + i) };
	}
	return true;
}

bool world_extend(struct world *w, int window, int page, unsigned int rights)
{
	struct lmap_node *node = covering(w, window, page, 1);

	if (!node)
		return false;
	mutex_lock(&node->mdb->lock);
	if (node->parent)
		rights &= node->parent->rights;
	lmap_mdb_extend(node, rights);
	mutex_unlock(&node->mdb->lock);
	for (unsigned long p = node->wfirst; p <= lmap_node_wlast(node); p++)
		w->cell[cell_nr(window, p)].rights |= rights;
	return true;
}

/* Checks. */

static const char *check_node(struct world *w, struct lmap_mdb *mdb,
			      struct lmap_node *node)
{
	struct lmap_node *p = node->parent;

	if (node->mdb != mdb)
		return "a node is in a foreign tree";
	if (!node->npages || lmap_node_wlast(node) >= (unsigned long)w->pages)
		return "a node reaches out of its window";
	if (node->flags)
		return "a node still waits for a zap";
	if (lmap_node_dying(node))
		return "a dying node was left behind";
	if (node->level != (p ? p->level + 1 : 1))
		return "level is not the parent's plus one";
	if (!p)
		return NULL;
	if (node->rights & ~p->rights)
		return "a right that the parent has not";
	if (node->rfirst < p->rfirst ||
	    lmap_node_rlast(node) > lmap_node_rlast(p))
		return "pages that the parent has not";
	if (node->depth >= p->depth)
		return "depth does not shrink";
	return NULL;
}

static const char *check_tree(struct world *w, struct lmap_mdb *mdb,
			      unsigned long *total)
{
	struct lmap_node *stack[LMAP_DEPTH_MAX + 2] = {};
	struct list_head *pos;
	unsigned long n = 0;
	const char *bad;

	list_for_each(pos, &mdb->preorder) {
		struct lmap_node *node = list_entry(pos, struct lmap_node,
						    order);
		struct lmap_node *r;
		bool found = false;

		bad = check_node(w, mdb, node);
		if (bad)
			return bad;
		/* In preorder the parent is the last one of the level above. */
		if (node->parent != stack[node->level - 1])
			return "preorder and parents disagree";
		stack[node->level] = node;
		for (r = lmap_mdb_first(mdb, node->rfirst, node->rfirst); r;
		     r = lmap_mdb_next(r, node->rfirst, node->rfirst))
			found |= r == node;
		if (!found)
			return "a node is not in the range tree";
		n++;
	}
	if (n != mdb->nr)
		return "the number of nodes is wrong";
	*total += n;
	return NULL;
}

static const char *check_window(struct world *w, int window,
				unsigned long *total)
{
	struct lmap_index *index = &w->index[window];
	struct lmap_node *node, *prev = NULL;

	spin_lock(&index->lock);
	for (node = lmap_index_first(index, 0, ULONG_MAX); node;
	     node = lmap_index_next(node, ULONG_MAX)) {
		if (prev && node->wfirst <= lmap_node_wlast(prev)) {
			spin_unlock(&index->lock);
			return "nodes overlap in a window";
		}
		prev = node;
		(*total)++;
	}
	spin_unlock(&index->lock);
	return NULL;
}

static const char *check_cells(struct world *w)
{
	static char text[128];

	for (int window = 0; window < w->windows; window++)
	for (int p = 0; p < w->pages; p++) {
		struct cell *c = &w->cell[cell_nr(window, p)];
		struct lmap_hit hit;
		bool found;

		found = lmap_index_lookup(&w->index[window], p, &hit);
		if (lmap_index_changed(&w->index[window], &hit))
			return "changed without a change";
		if (found && c->used && hit.mdb == &w->mdb[c->region] &&
		    hit.rfirst + (p - hit.wfirst) == (unsigned long)c->rpage &&
		    hit.rights == c->rights)
			continue;
		if (!found && !c->used)
			continue;
		/* With too few spares less may be there, never more. */
		if (w->over && c->used &&
		    (!found || !(hit.rights & ~c->rights)))
			continue;
		snprintf(text, sizeof(text),
			 "window %d page %d: %s rights %x, model %s %x",
			 window, p, found ? "mapped" : "empty", hit.rights,
			 c->used ? "mapped" : "empty", c->rights);
		return text;
	}
	return NULL;
}

const char *world_check(struct world *w)
{
	unsigned long in_trees = 0, in_windows = 0;
	const char *bad = NULL;

	for (int i = 0; i < w->regions && !bad; i++) {
		mutex_lock(&w->mdb[i].lock);
		bad = check_tree(w, &w->mdb[i], &in_trees);
		mutex_unlock(&w->mdb[i].lock);
	}
	for (int i = 0; i < w->windows && !bad; i++)
		bad = check_window(w, i, &in_windows);
	if (!bad && in_trees != in_windows)
		bad = "trees and windows hold different nodes";
	return bad ?: check_cells(w);
}

void world_fini(struct world *w)
{
	w->spare_limit = -1;
	for (int i = 0; i < w->regions; i++)
		world_revoke_region(w, i, 0, w->pages, LMAP_RIGHTS_ALL, -1);
	if (nodes_live)
		abort();
}
