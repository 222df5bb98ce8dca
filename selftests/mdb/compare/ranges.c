// SPDX-License-Identifier: GPL-2.0
/*
 * A model of NOVA's mapping database until 2020: a node per range, a doubly
 * linked list in preorder with depths for each region, and a search tree for
 * each window (an AVL tree there, a red-black tree here). NOVA had no splits:
 * these are made as simply as a list allows. Against ours it has no tree over
 * region pages: what derives from a page of the region is searched in the list.
 */
#include <linux/lmap.h>
#include <linux/minmax.h>
#include <linux/rbtree.h>

#include "contender.h"
#include "pool.h"

struct range {
	struct rb_node rb;
	struct range *next;
	struct range *prev;
	struct range *parent;
	uint32_t page;
	uint32_t frame;
	uint32_t n;
	int16_t window;
	uint8_t depth;		/* 0: the head of a list */
	uint8_t rights;
};

struct lists {
	struct shape shape;
	struct range *head;
	struct rb_root *index;
};

static struct pool nodes = { .size = sizeof(struct range) };

static size_t head_size(const struct lists *db)
{
	return db->shape.regions * sizeof(*db->head);
}

static size_t index_size(const struct lists *db)
{
	return db->shape.windows * sizeof(*db->index);
}

static void *ranges_create(const struct shape *shape)
{
	struct lists *db = buf_alloc(sizeof(*db));

	db->shape = *shape;
	db->head = buf_alloc(head_size(db));
	db->index = buf_alloc(index_size(db));
	for (unsigned int i = 0; i < shape->regions; i++)
		db->head[i] = (struct range){ .window = LENDER };
	for (unsigned int i = 0; i < shape->windows; i++)
		db->index[i] = RB_ROOT;
	return db;
}

static uint32_t last_of(const struct range *r)
{
	return r->frame + (r->n - 1);
}

/* The first one in a window that ends at @page or behind it. */
static struct range *range_first(struct lists *db, struct place at)
{
	struct rb_node *rb = db->index[at.window].rb_node;
	struct range *best = NULL;

	while (rb) {
		struct range *r = rb_entry(rb, struct range, rb);

		if (at.page < r->page + r->n) {
			best = r;
			if (at.page >= r->page)
				break;
			rb = rb->rb_left;
		} else {
			rb = rb->rb_right;
		}
	}
	return best;
}

static struct range *range_at(struct lists *db, struct place at)
{
	struct range *r = range_first(db, at);

	return r && r->page <= at.page ? r : NULL;
}

/* False if something is there. */
static bool index_insert(struct lists *db, struct range *new)
{
	struct rb_node **link = &db->index[new->window].rb_node, *above = NULL;

	while (*link) {
		struct range *r;

		above = *link;
		r = rb_entry(above, struct range, rb);
		if (new->page + (new->n - 1) < r->page)
			link = &above->rb_left;
		else if (new->page >= r->page + r->n)
			link = &above->rb_right;
		else
			return false;
	}
	rb_link_node(&new->rb, above, link);
	rb_insert_color(&new->rb, &db->index[new->window]);
	return true;
}

static void list_insert(struct range *after, struct range *r)
{
	r->prev = after;
	r->next = after->next;
	if (r->next)
		r->next->prev = r;
	after->next = r;
}

static bool map_piece(struct lists *db, struct range *parent, uint32_t frame,
		      struct place to, uint32_t n, uint8_t rights)
{
	struct range *r = pool_alloc(&nodes);

	r->parent = parent->depth ? parent : NULL;
	r->page = to.page;
	r->frame = frame;
	r->n = n;
	r->window = to.window;
	r->depth = parent->depth + 1;
	r->rights = parent->depth ? parent->rights & rights : rights;
	if (!r->rights || !index_insert(db, r)) {
		pool_free(&nodes, r);
		return false;
	}
	list_insert(parent, r);
	return true;
}

static bool ranges_map(void *arg, struct place from, struct place to, uint32_t n,
		       uint8_t rights)
{
	struct lists *db = arg;

	if (from.window == LENDER)
		return map_piece(db,
				 &db->head[from.page / db->shape.region_pages],
				 from.page, to, n, rights);
	while (n) {
		struct range *r = range_at(db, from);
		uint32_t now;

		if (!r)
			return false;
		now = min(n, r->n - (from.page - r->page));
		if (!map_piece(db, r, r->frame + (from.page - r->page), to, now,
			       rights))
			return false;
		from.page += now;
		to.page += now;
		n -= now;
	}
	return true;
}

static bool below(const struct range *r, const struct range *top)
{
	return r && r->depth > top->depth;
}

static struct range *range_cut(struct lists *db, struct range *r, uint32_t at)
{
	struct range *right = pool_alloc(&nodes);

	*right = *r;
	r->n = at - r->frame;
	right->page += r->n;
	right->frame = at;
	right->n -= r->n;
	index_insert(db, right);
	return right;
}

/*
 * Cuts a node and all below it before frame @at. The right parts follow the
 * left ones as a subtree of their own, whose top is returned; NULL: there is
 * none, as @at is not inside.
 */
static struct range *subtree_cut(struct lists *db, struct range *top,
				 uint32_t at)
{
	struct range *above[256], first = {}, *tail = &first;
	struct range *r = top, *next, *left = top;

	if (at <= top->frame || at > last_of(top))
		return NULL;
	do {
		struct range *right = NULL;

		next = r->next;
		if (r->frame >= at) {
			right = r;
			r->prev->next = next;
			if (next)
				next->prev = r->prev;
		} else {
			left = r;
			if (last_of(r) >= at)
				right = range_cut(db, r, at);
		}
		if (right) {
			right->prev = tail;
			tail->next = right;
			tail = right;
			if (right->depth > top->depth)
				right->parent = above[right->depth - 1];
			above[right->depth] = right;
		}
		r = next;
	} while (below(r, top));
	tail->next = left->next;
	if (tail->next)
		tail->next->prev = tail;
	left->next = first.next;
	first.next->prev = left;
	return first.next;
}

static uint64_t subtree_reduce(struct range *top, uint8_t take)
{
	struct range *r = top;
	uint64_t pages = 0;

	do {
		if (r->rights & take)
			pages += r->n;
		r->rights &= ~take;
		r = r->next;
	} while (below(r, top));
	return pages;
}

static uint64_t subtree_remove(struct lists *db, struct range *top)
{
	struct range *r = top, *next, *before = top->prev;
	unsigned int depth = top->depth;
	uint64_t pages = 0;

	do {
		next = r->next;
		pages += r->n;
		rb_erase(&r->rb, &db->index[r->window]);
		pool_free(&nodes, r);
		r = next;
	} while (r && r->depth > depth);
	before->next = r;
	if (r)
		r->prev = before;
	return pages;
}

static uint64_t subtree_take(struct lists *db, struct range *top,
			     uint32_t first, uint32_t last, uint8_t take)
{
	struct range *right;

	if (!(top->rights & take) || first > last_of(top) || last < top->frame)
		return 0;
	if (last < last_of(top))
		subtree_cut(db, top, last + 1);
	right = subtree_cut(db, top, first);
	if (right)
		top = right;
	return take & LMAP_R ? subtree_remove(db, top) :
			       subtree_reduce(top, take);
}

/* The children of a node, or of the head of a list. */
static uint64_t children_take(struct lists *db, struct range *top,
			      uint32_t first, uint32_t last, uint8_t take)
{
	struct range *r = top->next, *end;
	uint64_t pages = 0;

	for (; below(r, top); r = end) {
		for (end = r->next; below(end, r);)
			end = end->next;
		pages += subtree_take(db, r, first, last, take);
	}
	return pages;
}

static uint64_t ranges_unmap(void *arg, struct place at, uint32_t n,
			     uint8_t take, bool self)
{
	uint32_t last = at.page + (n - 1), from, to;
	struct lists *db = arg;
	uint64_t pages = 0;
	struct range *r;

	if (at.window == LENDER)
		return children_take(db,
				     &db->head[at.page / db->shape.region_pages],
				     at.page, last, take);
	for (; at.page <= last; at.page = to + 1) {
		r = range_first(db, at);
		if (!r || r->page > last)
			break;
		from = max(at.page, r->page);
		to = min(last, r->page + (r->n - 1));
		pages += (self ? subtree_take : children_take)
			 (db, r, r->frame + (from - r->page),
			  r->frame + (to - r->page), take);
	}
	return pages;
}

static bool ranges_lookup(void *arg, struct place at, struct found *found)
{
	struct range *r = range_at(arg, at);

	if (!r)
		return false;
	found->frame = r->frame + (at.page - r->page);
	found->rights = r->rights;
	return true;
}

static bool ranges_parent(void *arg, struct place at, struct place *parent)
{
	struct range *r = range_at(arg, at);
	uint32_t frame;

	if (!r)
		return false;
	frame = r->frame + (at.page - r->page);
	parent->window = r->parent ? r->parent->window : LENDER;
	parent->page = r->parent ? r->parent->page + (frame - r->parent->frame) :
				   frame;
	return true;
}

static void ranges_destroy(void *arg)
{
	struct lists *db = arg;

	for (unsigned int i = 0; i < db->shape.regions; i++)
		children_take(db, &db->head[i], 0, UINT32_MAX, LMAP_R);
	buf_free(db->index, index_size(db));
	buf_free(db->head, head_size(db));
	buf_free(db, sizeof(*db));
}

const struct contender by_ranges = {
	.name = "ranges",
	.what = "NOVA until 2020: a node per range; preorder list, tree per window",
	.create = ranges_create,
	.destroy = ranges_destroy,
	.map = ranges_map,
	.unmap = ranges_unmap,
	.lookup = ranges_lookup,
	.parent = ranges_parent,
};
