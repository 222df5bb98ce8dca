// SPDX-License-Identifier: GPL-2.0
/*
 * The database integrated with the page table: all that is known of a mapping
 * is in the entry of its page, and entries name each other by their number,
 * window * stride + page + 1; 0 is none. Finding is O(1) and there is nothing
 * else to allocate; an entry is three times as long as a hardware one.
 */
#include <linux/lmap.h>

#include "contender.h"
#include "pool.h"
#include "radix.h"

struct entry {
	uint32_t frame;
	uint32_t parent;	/* 0: the lender */
	uint32_t child;
	uint32_t next;
	uint32_t prev;		/* 0: the first child */
	uint8_t rights;		/* 0: not in use */
};

struct pagetable {
	uint32_t stride;
	struct radix entries;
	struct radix frames;	/* uint32_t: first child */
};

static void *table_create(const struct shape *shape)
{
	struct pagetable *db = buf_alloc(sizeof(*db));

	db->stride = (shape->window_pages + RADIX_LEAF - 1) & ~(RADIX_LEAF - 1);
	radix_init(&db->entries, (uint64_t)shape->windows * db->stride,
		   sizeof(struct entry));
	radix_init(&db->frames, (uint64_t)shape->regions * shape->region_pages,
		   sizeof(uint32_t));
	return db;
}

static void table_destroy(void *arg)
{
	struct pagetable *db = arg;

	radix_fini(&db->entries);
	radix_fini(&db->frames);
	buf_free(db, sizeof(*db));
}

static uint32_t number(const struct pagetable *db, struct place at)
{
	return at.window * db->stride + at.page + 1;
}

/* NULL if no leaf is there, which can't be of one that another one names. */
static struct entry *entry_get(const struct pagetable *db, uint32_t nr)
{
	return radix_get(&db->entries, nr - 1, sizeof(struct entry));
}

/* Where the number of the first child stands. */
static uint32_t *first_child(struct pagetable *db, uint32_t parent,
			     uint32_t frame)
{
	if (parent)
		return &entry_get(db, parent)->child;
	return radix_make(&db->frames, frame, sizeof(uint32_t));
}

static void entry_link(struct pagetable *db, struct entry *e, uint32_t nr)
{
	uint32_t *first = first_child(db, e->parent, e->frame);

	e->child = 0;
	e->prev = 0;
	e->next = *first;
	if (e->next)
		entry_get(db, e->next)->prev = nr;
	*first = nr;
}

static void entry_unlink(struct pagetable *db, struct entry *e)
{
	if (e->prev)
		entry_get(db, e->prev)->next = e->next;
	else
		*first_child(db, e->parent, e->frame) = e->next;
	if (e->next)
		entry_get(db, e->next)->prev = e->prev;
	e->rights = 0;
}

static bool table_map(void *arg, struct place from, struct place to, uint32_t n,
		      uint8_t rights)
{
	struct pagetable *db = arg;

	for (; n; n--, from.page++, to.page++) {
		uint32_t nr = number(db, to);
		struct entry *e, *source;

		e = radix_make(&db->entries, nr - 1, sizeof(*e));
		if (e->rights)
			return false;
		e->parent = 0;
		e->frame = from.page;
		e->rights = rights;
		if (from.window != LENDER) {
			e->parent = number(db, from);
			source = entry_get(db, e->parent);
			if (!source || !(source->rights & rights))
				return false;
			e->frame = source->frame;
			e->rights &= source->rights;
		}
		entry_link(db, e, nr);
	}
	return true;
}

/* What is below @top (0: the lender's frame), children first. */
static uint64_t remove_below(struct pagetable *db, uint32_t top, uint32_t frame)
{
	uint32_t *first, nr = top;
	struct entry *e;
	uint64_t pages = 0;

	for (;;) {
		first = first_child(db, nr, frame);
		if (*first) {
			nr = *first;
			continue;
		}
		if (nr == top)
			return pages;
		e = entry_get(db, nr);
		nr = e->parent;
		entry_unlink(db, e);
		pages++;
	}
}

static uint64_t reduce_below(struct pagetable *db, uint32_t top, uint32_t frame,
			     uint8_t take)
{
	uint32_t nr = *first_child(db, top, frame);
	uint64_t pages = 0;

	while (nr) {
		struct entry *e = entry_get(db, nr);

		pages += !!(e->rights & take);
		e->rights &= ~take;
		if (e->child) {
			nr = e->child;
			continue;
		}
		while (!e->next && e->parent != top)
			e = entry_get(db, e->parent);
		nr = e->next;
	}
	return pages;
}

static uint64_t take_below(struct pagetable *db, uint32_t top, uint32_t frame,
			   uint8_t take)
{
	return take & LMAP_R ? remove_below(db, top, frame) :
			       reduce_below(db, top, frame, take);
}

static uint64_t table_unmap(void *arg, struct place at, uint32_t n,
			    uint8_t take, bool self)
{
	struct pagetable *db = arg;
	uint64_t pages = 0;

	for (; n; n--, at.page++) {
		struct entry *e;

		if (at.window == LENDER) {
			if (radix_get(&db->frames, at.page, sizeof(uint32_t)))
				pages += take_below(db, 0, at.page, take);
			continue;
		}
		e = entry_get(db, number(db, at));
		if (!e || !e->rights)
			continue;
		pages += take_below(db, number(db, at), e->frame, take);
		if (!self || !(e->rights & take))
			continue;
		pages++;
		if (take & LMAP_R)
			entry_unlink(db, e);
		else
			e->rights &= ~take;
	}
	return pages;
}

static bool table_lookup(void *arg, struct place at, struct found *found)
{
	struct entry *e = entry_get(arg, number(arg, at));

	if (!e || !e->rights)
		return false;
	found->frame = e->frame;
	found->rights = e->rights;
	return true;
}

static bool table_parent(void *arg, struct place at, struct place *parent)
{
	struct entry *e = entry_get(arg, number(arg, at));
	struct pagetable *db = arg;

	if (!e || !e->rights)
		return false;
	parent->window = e->parent ? (int32_t)((e->parent - 1) / db->stride) :
				     LENDER;
	parent->page = e->parent ? (e->parent - 1) % db->stride : e->frame;
	return true;
}

const struct contender by_table = {
	.name = "table",
	.what = "in the page table: each entry holds its place in the tree",
	.create = table_create,
	.destroy = table_destroy,
	.map = table_map,
	.unmap = table_unmap,
	.lookup = table_lookup,
	.parent = table_parent,
};
