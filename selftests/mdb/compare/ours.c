// SPDX-License-Identifier: GPL-2.0
/*
 * The mapping database of the module, as it is: a node per range, preorder list
 * and range tree for each region, an index for each window. It is driven as
 * revoke.c of the module does it, in one turn, without page tables. It also does
 * what the others don't: budgets, reference bits, marks, readers without locks.
 */
#include "index.c"
#include "mdb.c"
#include "refs.c"

#include "contender.h"
#include "pool.h"

__thread unsigned long shim_steps;

struct ours {
	struct shape shape;
	struct lmap_mdb *mdb;
	struct lmap_index *index;
	u64 last_id;
};

/* As large as struct lmap_mapping of the module. */
struct mapping {
	struct lmap_origin origin;
	void *user;
	long locked;
	bool charged;
};

static struct pool nodes = { .size = sizeof(struct lmap_node) };
static struct pool mappings = { .size = sizeof(struct mapping) };

static size_t mdb_size(const struct ours *db)
{
	return db->shape.regions * sizeof(*db->mdb);
}

static size_t index_size(const struct ours *db)
{
	return db->shape.windows * sizeof(*db->index);
}

static void *ours_create(const struct shape *shape)
{
	struct ours *db = buf_alloc(sizeof(*db));

	db->shape = *shape;
	db->last_id = 0;
	db->mdb = buf_alloc(mdb_size(db));
	db->index = buf_alloc(index_size(db));
	for (unsigned int i = 0; i < shape->regions; i++)
		lmap_mdb_init(&db->mdb[i]);
	for (unsigned int i = 0; i < shape->windows; i++)
		lmap_index_init(&db->index[i]);
	return db;
}

/* A part of one source: it is in one tree, and has one parent. */
static bool map_piece(struct ours *db, struct lmap_mdb *mdb,
		      struct lmap_node *parent, unsigned long rfirst,
		      struct place to, u32 n, u8 rights)
{
	struct mapping *mapping = pool_alloc(&mappings);
	struct lmap_node *node = pool_alloc(&nodes);

	*mapping = (struct mapping){ .origin.id = ++db->last_id };
	node->origin = &mapping->origin;
	node->wfirst = to.page;
	node->rfirst = rfirst;
	node->npages = n;
	node->rights = parent ? parent->rights & rights : rights;
	node->depth = LMAP_DEPTH_MAX - 1;
	if (node->rights &&
	    !lmap_mdb_insert(mdb, parent, &db->index[to.window], node))
		return true;
	pool_free(&nodes, node);
	pool_free(&mappings, mapping);
	return false;
}

static bool ours_map(void *arg, struct place from, struct place to, u32 n,
		     u8 rights)
{
	struct ours *db = arg;
	struct lmap_mdb *mdb;

	if (from.window == LENDER) {
		mdb = &db->mdb[from.page / db->shape.region_pages];
		return map_piece(db, mdb, NULL,
				 from.page % db->shape.region_pages, to, n,
				 rights);
	}
	while (n) {
		struct lmap_node *node;
		unsigned long left;
		u32 now;

		node = lmap_index_first(&db->index[from.window], from.page,
					from.page);
		if (!node)
			return false;
		left = lmap_node_wlast(node) - from.page + 1;
		now = left < n ? left : n;
		if (!map_piece(db, node->mdb, node,
			       node->rfirst + (from.page - node->wfirst), to,
			       now, rights))
			return false;
		from.page += now;
		to.page += now;
		n -= now;
	}
	return true;
}

static void free_list(struct list_head *list)
{
	while (!list_empty(list)) {
		struct lmap_node *node = list_first_entry(list,
							  struct lmap_node,
							  order);

		list_del(&node->order);
		if (node->flags & LMAP_NODE_LAST)
			pool_free(&mappings,
				  container_of(node->origin, struct mapping,
					       origin));
		pool_free(&nodes, node);
	}
}

static u64 revoke(struct lmap_mdb *mdb, struct lmap_scope scope)
{
	struct lmap_revoke rv = { .mdb = mdb, .scope = scope, .breaks = true };
	struct lmap_run run;
	LIST_HEAD(dead);
	bool more;

	INIT_LIST_HEAD(&rv.spares);
	lmap_mdb_mark(&rv);
	for (unsigned long n = lmap_mdb_spares_needed(&rv); n; n--) {
		struct lmap_node *spare = pool_alloc(&nodes);

		list_add(&spare->order, &rv.spares);
	}
	lmap_mdb_demote(&rv);
	lmap_mdb_unmark(mdb);
	do {
		more = lmap_mdb_work(&rv, &dead, &run);
		free_list(&dead);
	} while (more);
	return rv.pages;
}

static u64 ours_unmap(void *arg, struct place at, u32 n, u8 take, bool self)
{
	unsigned long first = at.page, last = at.page + (n - 1), to;
	struct ours *db = arg;
	struct lmap_node *node;
	u64 pages = 0;

	if (at.window == LENDER) {
		unsigned long rfirst = at.page % db->shape.region_pages;

		return revoke(&db->mdb[at.page / db->shape.region_pages],
			      (struct lmap_scope){ .take = take,
						   .rfirst = rfirst,
						   .rlast = rfirst + (n - 1) });
	}
	for (; first <= last; first = to + 1) {
		struct lmap_scope scope = { .take = take, .self = self };

		node = lmap_index_first(&db->index[at.window], first, last);
		if (!node)
			break;
		if (first < node->wfirst)
			first = node->wfirst;
		to = lmap_node_wlast(node) < last ? lmap_node_wlast(node) :
						    last;
		scope.root = node;
		scope.rfirst = node->rfirst + (first - node->wfirst);
		scope.rlast = node->rfirst + (to - node->wfirst);
		pages += revoke(node->mdb, scope);
	}
	return pages;
}

static bool ours_lookup(void *arg, struct place at, struct found *found)
{
	struct ours *db = arg;
	struct lmap_hit hit;

	if (!lmap_index_lookup(&db->index[at.window], at.page, &hit))
		return false;
	found->frame = (hit.mdb - db->mdb) * db->shape.region_pages +
		       lmap_hit_page(&hit, at.page);
	found->rights = hit.rights;
	return true;
}

static bool ours_parent(void *arg, struct place at, struct place *parent)
{
	struct lmap_node *node, *above;
	struct ours *db = arg;
	unsigned long rpage;

	node = lmap_index_first(&db->index[at.window], at.page, at.page);
	if (!node)
		return false;
	rpage = node->rfirst + (at.page - node->wfirst);
	above = node->parent;
	if (above) {
		parent->window = above->index - db->index;
		parent->page = above->wfirst + (rpage - above->rfirst);
	} else {
		parent->window = LENDER;
		parent->page = (node->mdb - db->mdb) * db->shape.region_pages +
			       rpage;
	}
	return true;
}

static void ours_destroy(void *arg)
{
	const struct lmap_scope all = { .take = LMAP_R, .rlast = ULONG_MAX };
	struct ours *db = arg;

	for (unsigned int i = 0; i < db->shape.regions; i++)
		revoke(&db->mdb[i], all);
	buf_free(db->index, index_size(db));
	buf_free(db->mdb, mdb_size(db));
	buf_free(db, sizeof(*db));
}

const struct contender by_ours = {
	.name = "ours",
	.what = "module/mdb.c: a node per range; preorder list, range tree, index",
	.create = ours_create,
	.destroy = ours_destroy,
	.map = ours_map,
	.unmap = ours_unmap,
	.lookup = ours_lookup,
	.parent = ours_parent,
};
