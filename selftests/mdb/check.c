// SPDX-License-Identifier: GPL-2.0
/*
 * The validator: the invariants of the database, and that it says the same as
 * the naive model. Must never change either.
 */
#include <stdio.h>
#include <string.h>

#include "oracle.h"

#define ORIGINS_MAX	(2 * CELLS_MAX)

/* What all nodes of all trees together say about origins. */
struct origins {
	int n;
	struct {
		struct lmap_origin *origin;
		struct lmap_origin *purse;
		int nodes;
	} of[ORIGINS_MAX];
};

/* Only a revocation that was interrupted may leave something to do. */
static const char *check_left(struct world *w, struct lmap_node *node)
{
	bool dying = lmap_node_dying(node);

	if (!dying && !(node->flags & LMAP_NODE_ZAP))
		return NULL;
	for (unsigned long p = node->wfirst; p <= lmap_node_wlast(node); p++) {
		struct cell *c = &w->cell[cell_nr(node->index - w->index, p)];

		if (dying && !c->dying)
			return "a dying node was left behind";
		if (!dying && !c->reduced)
			return "a node still waits for a zap";
	}
	return NULL;
}

static const char *check_node(struct world *w, struct lmap_mdb *mdb,
			      struct lmap_node *node)
{
	struct lmap_node *p = node->parent;
	const char *bad;

	if (node->mdb != mdb)
		return "a node is in a foreign tree";
	if (!node->npages || lmap_node_wlast(node) >= (unsigned long)w->pages)
		return "a node reaches out of its window";
	/* Lost more than was asked: only where that has happened. */
	if (node->flags & ~(LMAP_NODE_ZAP | (w->over ? LMAP_NODE_OVER : 0)))
		return "a node has a flag too many";
	bad = check_left(w, node);
	if (bad)
		return bad;
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

/* Of a mapping in the model: who pays for it. */
static u64 purse_id(struct world *w, u64 id)
{
	int i;

	for_each_cell(w, i) {
		struct cell *c = &w->cell[i];

		if ((c->used || c->dying) && w->acct[c->acct].id == id)
			return w->acct[c->acct].purse;
	}
	return 0;
}

/* The purse of a mapping is the nearest one above that has a budget. */
static const char *count_origin(struct world *w, struct origins *all,
				struct lmap_node *node)
{
	struct lmap_origin *purse = NULL;
	int i;

	for (struct lmap_node *p = node->parent; p && !purse; p = p->parent)
		if (p->origin->budget)
			purse = p->origin;
	for (i = 0; i < all->n && all->of[i].origin != node->origin; i++)
		;
	if (i == ORIGINS_MAX)
		return "more mappings than there can be";
	if (i == all->n) {
		all->of[all->n++].origin = node->origin;
		/* What was there before stays what it is. */
		all->of[i].purse = w->adopted ? node->origin->purse : purse;
		all->of[i].nodes = 0;
	}
	all->of[i].nodes++;
	if (!w->adopted && purse != all->of[i].purse)
		return "parts of a mapping have different purses";
	return NULL;
}

static const char *check_origins(struct world *w, struct origins *all)
{
	for (int i = 0; i < all->n; i++) {
		struct lmap_origin *o = all->of[i].origin;
		u64 sum = 1;

		if (o->purse != all->of[i].purse)
			return "a purse is not the nearest one above";
		if ((o->purse ? o->purse->id : 0) != purse_id(w, o->id))
			return "a purse is not that of the model";
		if (o->cost != (o->budget ?: 1))
			return "a mapping has the wrong cost";
		if (atomic_read(&o->nodes) != all->of[i].nodes)
			return "the nodes of an origin are counted wrong";
		for (int k = 0; k < all->n; k++)
			if (all->of[k].purse == o)
				sum += all->of[k].origin->cost;
		if ((u64)atomic_read(&o->spent) != sum)
			return "what was spent is not the sum of the costs";
		if (o->budget && sum > o->budget)
			return "more was spent than the budget";
	}
	return NULL;
}

static const char *check_tree(struct world *w, struct lmap_mdb *mdb,
			      struct origins *all, unsigned long *total)
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

		bad = check_node(w, mdb, node) ?: count_origin(w, all, node);
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

/* Its zap is still to come. */
static bool waits_for_zap(struct world *w, int i)
{
	struct lmap_index *index = &w->index[i / PAGES_MAX];
	struct lmap_node *node;

	spin_lock(&index->lock);
	node = lmap_index_first(index, i % PAGES_MAX, i % PAGES_MAX);
	spin_unlock(&index->lock);
	return node && node->flags & LMAP_NODE_ZAP;
}

/* What a page table entry gives away, the database knows of. */
static const char *check_pte(struct world *w, int i, bool found,
			     const struct lmap_hit *hit)
{
	unsigned long rpage = hit->rfirst + (i % PAGES_MAX - hit->wfirst);
	struct lmap_refs_table *table;
	struct pte *pte = &w->pte[i];
	long bit = 1L << rpage % LMAP_REFS_WORD;
	int fresh = 1 << LMAP_REFS_FRESH_A;

	if (!pte->how)
		return NULL;
	if (!found)
		return waits_for_zap(w, i) ? NULL :
		       "a page table entry and no mapping";
	if (pte->how & ~hit->rights && !waits_for_zap(w, i))
		return "a page table entry with a right too many";
	if (hit->mdb != &w->mdb[pte->region] || rpage != w->rbase + pte->rpage)
		return "a page table entry of another page";
	if (pte->how & LMAP_W)
		fresh |= 1 << LMAP_REFS_FRESH_M;
	table = hit->origin->refs.table;
	if (!hit->origin->refs.tracked)
		return fresh & ~atomic_read(&hit->origin->refs.whole) ?
		       "a page table entry and the mapping's bit is clear" :
		       NULL;
	for (int plane = LMAP_REFS_FRESH_A; plane <= LMAP_REFS_FRESH_M; plane++)
		if (fresh & 1 << plane &&
		    !(atomic_long_read(lmap_refs_word(table, plane, rpage /
						      LMAP_REFS_WORD)) & bit))
			return "a page table entry and the page's bit is clear";
	return NULL;
}

static const char *check_cell(struct world *w, int i)
{
	struct lmap_index *index = &w->index[i / PAGES_MAX];
	struct cell *c = &w->cell[i];
	static char text[128];
	struct lmap_hit hit;
	bool found;

	found = lmap_index_lookup(index, i % PAGES_MAX, &hit);
	if (lmap_index_changed(index, &hit))
		return "changed without a change";
	/* With too few spares less may be there, never more. */
	if ((found || c->used) && !(w->over && !found) &&
	    !(found && c->used && hit.mdb == &w->mdb[c->region] &&
	      hit.rfirst + (i % PAGES_MAX - hit.wfirst) ==
	      w->rbase + c->rpage &&
	      hit.origin->id == w->acct[c->acct].id &&
	      (hit.rights == c->rights ||
	       (w->over && !(hit.rights & ~c->rights))))) {
		snprintf(text, sizeof(text),
			 "window %d page %d: %s rights %x, model %s %x",
			 i / PAGES_MAX, i % PAGES_MAX,
			 found ? "mapped" : "empty", hit.rights,
			 c->used ? "mapped" : "empty", c->rights);
		return text;
	}
	return check_pte(w, i, found, &hit);
}

/* Reference bits: looking must not change any. */

static const char *peek(struct lmap_query *q, u8 *told)
{
	u8 sum = 0;

	memset(told, 0, PAGES_MAX);
	lmap_refs_peek(q, q->rfirst, q->rlast, told);
	for (unsigned long p = q->rfirst; p <= q->rlast; p++)
		sum |= told[p - q->rfirst];
	if (lmap_refs_peek(q, q->rfirst, q->rlast, NULL) != sum)
		return "reference bits with and without pages differ";
	return NULL;
}

static const char *check_node_bits(struct world *w, struct lmap_node *node)
{
	struct lmap_query q = { .mdb = node->mdb, .root = node,
				.rfirst = node->rfirst,
				.rlast = lmap_node_rlast(node) };
	int window = node->index - w->index;
	u8 told[PAGES_MAX];
	const char *bad = peek(&q, told);

	for (u32 p = 0; p < node->npages && !bad; p++) {
		int i = cell_nr(window, node->wfirst + p);

		if (oracle_must(&w->cell[i].ask) & ~told[p])
			bad = "a mapping is not told of an access";
		if (told[p] & ~oracle_may_cell(w, i))
			bad = "a mapping is told what did not happen";
	}
	return bad;
}

static const char *check_region_bits(struct world *w, int region)
{
	struct lmap_query q = { .mdb = &w->mdb[region], .rfirst = w->rbase,
				.rlast = w->rbase + w->pages - 1 };
	u8 told[PAGES_MAX];
	const char *bad = peek(&q, told);

	for (int p = 0; p < w->pages && !bad; p++) {
		if (oracle_must(&w->rpages[region].ask[p]) & ~told[p])
			bad = "the region is not told of an access";
		if (told[p] & ~oracle_may_region(w, region, p))
			bad = "the region is told what did not happen";
	}
	return bad;
}

static const char *check_bits(struct world *w, int region)
{
	const char *bad = check_region_bits(w, region);
	struct list_head *pos;

	list_for_each(pos, &w->mdb[region].preorder) {
		struct lmap_node *node = list_entry(pos, struct lmap_node,
						    order);

		/* Who is dying can't ask. */
		if (!lmap_node_dying(node))
			bad = bad ?: check_node_bits(w, node);
	}
	return bad;
}

const char *world_check(struct world *w)
{
	unsigned long in_trees = 0, in_windows = 0;
	struct origins all;
	const char *bad = w->bad;
	int i;

	all.n = 0;
	for (i = 0; i < w->regions && !bad; i++) {
		mutex_lock(&w->mdb[i].lock);
		bad = check_tree(w, &w->mdb[i], &all, &in_trees);
		mutex_unlock(&w->mdb[i].lock);
	}
	bad = bad ?: check_origins(w, &all);
	for (i = 0; i < w->windows && !bad; i++)
		bad = check_window(w, i, &in_windows);
	if (!bad && in_trees != in_windows)
		bad = "trees and windows hold different nodes";
	for_each_cell(w, i)
		bad = bad ?: check_cell(w, i);
	for (i = 0; i < w->regions && !bad && !w->zap; i++) {
		mutex_lock(&w->mdb[i].lock);
		bad = check_bits(w, i);
		mutex_unlock(&w->mdb[i].lock);
	}
	return bad;
}
