// SPDX-License-Identifier: GPL-2.0
/*
 * A model of the trees of L4's first kernels and of Pistachio: a node per page,
 * with pointers to parent, first child and siblings; each frame has the root of
 * a tree, and each page table entry leads to its node.
 */
#include <linux/lmap.h>

#include "contender.h"
#include "pool.h"
#include "radix.h"

struct mapping {
	struct mapping *parent;		/* NULL: the lender */
	struct mapping *child;
	struct mapping *next;
	struct mapping **link;		/* what points to it, beside its place */
	uint32_t page;
	uint32_t frame;
	int16_t window;
	uint8_t rights;
};

struct forest {
	uint64_t stride;
	struct radix places;		/* struct mapping *: the link */
	struct radix frames;		/* struct mapping *: first child */
};

static struct pool mappings = { .size = sizeof(struct mapping) };

static void *tree_create(const struct shape *shape)
{
	struct forest *db = buf_alloc(sizeof(*db));

	db->stride = (shape->window_pages + RADIX_LEAF - 1) &
		     ~(uint64_t)(RADIX_LEAF - 1);
	radix_init(&db->places, shape->windows * db->stride, sizeof(void *));
	radix_init(&db->frames, (uint64_t)shape->regions * shape->region_pages,
		   sizeof(void *));
	return db;
}

static struct mapping **place_of(struct forest *db, struct place at)
{
	return radix_get(&db->places, at.window * db->stride + at.page,
			 sizeof(void *));
}

static struct mapping *mapping_get(struct forest *db, struct place at)
{
	struct mapping **place = place_of(db, at);

	return place ? *place : NULL;
}

static bool map_page(struct forest *db, struct place from, struct place to,
		     uint8_t rights)
{
	struct mapping **place, **head, *m, *parent = NULL;

	place = radix_make(&db->places, to.window * db->stride + to.page,
			   sizeof(void *));
	if (*place)
		return false;
	if (from.window == LENDER) {
		head = radix_make(&db->frames, from.page, sizeof(void *));
	} else {
		parent = mapping_get(db, from);
		if (!parent || !(parent->rights & rights))
			return false;
		head = &parent->child;
	}
	m = pool_alloc(&mappings);
	m->parent = parent;
	m->child = NULL;
	m->page = to.page;
	m->frame = parent ? parent->frame : from.page;
	m->window = to.window;
	m->rights = parent ? parent->rights & rights : rights;
	m->next = *head;
	m->link = head;
	if (m->next)
		m->next->link = &m->next;
	*head = m;
	*place = m;
	return true;
}

static bool tree_map(void *arg, struct place from, struct place to, uint32_t n,
		     uint8_t rights)
{
	for (; n; n--, from.page++, to.page++)
		if (!map_page(arg, from, to, rights))
			return false;
	return true;
}

static void mapping_remove(struct forest *db, struct mapping *m)
{
	*m->link = m->next;
	if (m->next)
		m->next->link = m->link;
	*place_of(db, (struct place){ m->window, m->page }) = NULL;
	pool_free(&mappings, m);
}

/* All below @top, or of a frame, whose first child is at @head: leaves first. */
static uint64_t remove_all(struct forest *db, struct mapping **head,
			   const struct mapping *top)
{
	struct mapping *m = *head;
	uint64_t pages = 0;

	while (m) {
		struct mapping *above = m->parent;

		if (m->child) {
			m = m->child;
			continue;
		}
		mapping_remove(db, m);
		pages++;
		m = above != top ? above : *head;
	}
	return pages;
}

static uint64_t reduce_all(struct mapping *m, const struct mapping *top,
			   uint8_t take)
{
	uint64_t pages = 0;

	while (m) {
		pages += !!(m->rights & take);
		m->rights &= ~take;
		if (m->child) {
			m = m->child;
			continue;
		}
		while (!m->next && m->parent != top)
			m = m->parent;
		m = m->next;
	}
	return pages;
}

static uint64_t tree_unmap(void *arg, struct place at, uint32_t n, uint8_t take,
			   bool self)
{
	struct forest *db = arg;
	uint64_t pages = 0;

	for (; n; n--, at.page++) {
		struct mapping *top = NULL, **head;

		if (at.window == LENDER) {
			head = radix_get(&db->frames, at.page, sizeof(void *));
		} else {
			top = mapping_get(db, at);
			head = top ? &top->child : NULL;
		}
		if (!head)
			continue;
		pages += take & LMAP_R ? remove_all(db, head, top) :
					 reduce_all(*head, top, take);
		if (!top || !self || !(top->rights & take))
			continue;
		pages++;
		if (take & LMAP_R)
			mapping_remove(db, top);
		else
			top->rights &= ~take;
	}
	return pages;
}

static bool tree_lookup(void *arg, struct place at, struct found *found)
{
	struct mapping *m = mapping_get(arg, at);

	if (!m)
		return false;
	found->frame = m->frame;
	found->rights = m->rights;
	return true;
}

static bool tree_parent(void *arg, struct place at, struct place *parent)
{
	struct mapping *m = mapping_get(arg, at);

	if (!m)
		return false;
	parent->window = m->parent ? m->parent->window : LENDER;
	parent->page = m->parent ? m->parent->page : m->frame;
	return true;
}

static void tree_destroy(void *arg)
{
	struct forest *db = arg;

	for (size_t i = 0; i < db->frames.leaves; i++)
		if (db->frames.leaf[i])
			for (uint32_t k = 0; k < RADIX_LEAF; k++)
				remove_all(db, (struct mapping **)
					   db->frames.leaf[i] + k, NULL);
	radix_fini(&db->places);
	radix_fini(&db->frames);
	buf_free(db, sizeof(*db));
}

const struct contender by_tree = {
	.name = "tree",
	.what = "Pistachio: a tree of nodes per frame; page table entries lead to them",
	.create = tree_create,
	.destroy = tree_destroy,
	.map = tree_map,
	.unmap = tree_unmap,
	.lookup = tree_lookup,
	.parent = tree_parent,
};
