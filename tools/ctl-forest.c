// SPDX-License-Identifier: GPL-2.0
/*
 * lmapctl: mappings as trees. A db that was read while something changed may
 * contradict itself, so a loop must never be possible: a parent counts only if
 * its level is lower.
 *
 * A mapping that was cut has several parts with its number. What derives from
 * it hangs below the part with the same memory, or below the first one if it is
 * not told where that memory is.
 */
#include "ctl.h"

#include <stdlib.h>
#include <string.h>

/* A part of a mapping, and where it stands. */
struct place {
	uint64_t id;
	uint64_t address;
	size_t index;
};

/* Of parts whose address is not told the first one comes last. */
static int by_id(const void *a, const void *b)
{
	const struct place *p = a, *q = b;

	if (p->id != q->id)
		return p->id < q->id ? -1 : 1;
	if (p->address != q->address)
		return p->address < q->address ? -1 : 1;
	return p->index > q->index ? -1 : p->index < q->index;
}

/* The last part of the parent that does not begin behind @node. */
static size_t find_parent(const struct ctl_db *db, const struct place *places,
			  const struct lmap_node *node)
{
	size_t low = 0, high = db->n_nodes, middle;

	while (low < high) {
		const struct place *p;

		middle = low + (high - low) / 2;
		p = &places[middle];
		if (p->id < node->parent ||
		    (p->id == node->parent && p->address <= node->address))
			low = middle + 1;
		else
			high = middle;
	}
	if (low && places[low - 1].id == node->parent)
		return places[low - 1].index;
	if (low < db->n_nodes && places[low].id == node->parent)
		return places[low].index;
	return CTL_NONE;
}

static void find_parents(struct ctl_forest *f, const struct ctl_db *db)
{
	struct place *places = ctl_zeroed(db->n_nodes, sizeof(*places));
	size_t i, parent;

	for (i = 0; i < db->n_nodes; i++) {
		places[i].id = db->nodes[i].id;
		places[i].address = db->nodes[i].address;
		places[i].index = i;
	}
	qsort(places, db->n_nodes, sizeof(*places), by_id);
	for (i = 0; i < db->n_nodes; i++) {
		parent = find_parent(db, places, &db->nodes[i]);
		if (parent != CTL_NONE &&
		    db->nodes[parent].level >= db->nodes[i].level)
			parent = CTL_NONE;
		f->parent[i] = parent;
	}
	free(places);
}

static int by_number(const void *a, const void *b)
{
	const struct ctl_region *p = a, *q = b;

	return p->id < q->id ? -1 : p->id > q->id;
}

/* Lenders by number, and last what nobody lends. */
static int by_lender(const void *a, const void *b)
{
	const struct ctl_region *p = a, *q = b;

	if (p->detached != q->detached)
		return p->detached ? 1 : -1;
	if (p->lender != q->lender)
		return p->lender < q->lender ? -1 : 1;
	if (p->address != q->address)
		return p->address < q->address ? -1 : 1;
	return by_number(a, b);
}

static void grow_region(struct ctl_region *r, const struct lmap_node *n)
{
	uint64_t last = r->address + r->length;

	if (n->lender)
		r->lender = n->lender;
	if (n->flags & LMAP_NODE_FLAGS_DETACHED)
		r->detached = true;
	if (!n->address)
		return;
	if (!r->address || n->address < r->address)
		r->address = n->address;
	if (n->address + n->length > last)
		last = n->address + n->length;
	r->length = last - r->address;
}

static struct ctl_region *find_region(const struct ctl_forest *f, uint64_t id)
{
	struct ctl_region key = { .id = id };

	return bsearch(&key, f->regions, f->n_regions, sizeof(key), by_number);
}

/* Each region once, sorted by number. */
static void find_regions(struct ctl_forest *f, const struct ctl_db *db)
{
	size_t i, n = 0;

	f->regions = ctl_zeroed(db->n_nodes, sizeof(*f->regions));
	for (i = 0; i < db->n_nodes; i++)
		f->regions[i].id = db->nodes[i].region;
	qsort(f->regions, db->n_nodes, sizeof(*f->regions), by_number);
	for (i = 0; i < db->n_nodes; i++)
		if (!n || f->regions[n - 1].id != f->regions[i].id)
			f->regions[n++].id = f->regions[i].id;
	f->n_regions = n;
	for (i = 0; i < n; i++)
		f->regions[i].first = CTL_NONE;
	for (i = 0; i < db->n_nodes; i++)
		grow_region(find_region(f, db->nodes[i].region),
			    &db->nodes[i]);
}

void ctl_forest_make(struct ctl_forest *f, const struct ctl_db *db)
{
	size_t i, *head;

	memset(f, 0, sizeof(*f));
	f->child = ctl_zeroed(db->n_nodes, sizeof(*f->child));
	f->next = ctl_zeroed(db->n_nodes, sizeof(*f->next));
	f->parent = ctl_zeroed(db->n_nodes, sizeof(*f->parent));
	find_parents(f, db);
	find_regions(f, db);
	for (i = 0; i < db->n_nodes; i++)
		f->child[i] = CTL_NONE;
	/* from the last to the first, each put before those beside it */
	for (i = db->n_nodes; i--;) {
		head = f->parent[i] == CTL_NONE ?
			&find_region(f, db->nodes[i].region)->first :
			&f->child[f->parent[i]];
		f->next[i] = *head;
		*head = i;
	}
	qsort(f->regions, f->n_regions, sizeof(*f->regions), by_lender);
}

/*
 * The node that follows in its region, a tree's root before what is below it;
 * @below: false leaves out what is below @node.
 */
size_t ctl_forest_after(const struct ctl_forest *f, size_t node, bool below)
{
	if (below && f->child[node] != CTL_NONE)
		return f->child[node];
	while (node != CTL_NONE && f->next[node] == CTL_NONE)
		node = f->parent[node];
	return node == CTL_NONE ? CTL_NONE : f->next[node];
}

void ctl_forest_free(struct ctl_forest *f)
{
	free(f->regions);
	free(f->child);
	free(f->next);
	free(f->parent);
}
