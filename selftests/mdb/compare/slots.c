// SPDX-License-Identifier: GPL-2.0
/*
 * A model of seL4's capability derivation tree: each page has a slot in a table
 * of its window, as a frame capability has in a CNode, and the slot itself is a
 * member of a doubly linked list in preorder. What derives from a slot are those
 * after it that are deeper. Nothing leads upwards but the list.
 */
#include <linux/lmap.h>

#include "contender.h"
#include "pool.h"
#include "radix.h"

struct slot {
	struct slot *next;
	struct slot *prev;
	uint32_t frame;
	uint32_t page;
	int16_t window;
	uint8_t depth;
	uint8_t rights;		/* 0: empty */
};

struct cspace {
	uint64_t stride;
	struct radix lender;
	struct radix windows;
};

static void *slots_create(const struct shape *shape)
{
	struct cspace *db = buf_alloc(sizeof(*db));

	db->stride = (shape->window_pages + RADIX_LEAF - 1) &
		     ~(uint64_t)(RADIX_LEAF - 1);
	radix_init(&db->lender, (uint64_t)shape->regions * shape->region_pages,
		   sizeof(struct slot));
	radix_init(&db->windows, shape->windows * db->stride,
		   sizeof(struct slot));
	return db;
}

static void slots_destroy(void *arg)
{
	struct cspace *db = arg;

	radix_fini(&db->lender);
	radix_fini(&db->windows);
	buf_free(db, sizeof(*db));
}

static struct slot *slot_get(struct cspace *db, struct place at)
{
	if (at.window == LENDER)
		return radix_get(&db->lender, at.page, sizeof(struct slot));
	return radix_get(&db->windows, at.window * db->stride + at.page,
			 sizeof(struct slot));
}

/* The lender has capabilities to all frames; they are listed at first use. */
static struct slot *slot_source(struct cspace *db, struct place from)
{
	struct slot *slot;

	if (from.window != LENDER)
		return slot_get(db, from);
	slot = radix_make(&db->lender, from.page, sizeof(*slot));
	if (!slot->rights)
		*slot = (struct slot){ .frame = from.page, .page = from.page,
				       .window = LENDER,
				       .rights = LMAP_RIGHTS_ALL };
	return slot;
}

static bool slots_map(void *arg, struct place from, struct place to, uint32_t n,
		      uint8_t rights)
{
	struct cspace *db = arg;

	for (; n; n--, from.page++, to.page++) {
		struct slot *source = slot_source(db, from), *slot;

		slot = radix_make(&db->windows,
				  to.window * db->stride + to.page,
				  sizeof(*slot));
		if (!source || !(source->rights & rights) || slot->rights)
			return false;
		slot->frame = source->frame;
		slot->page = to.page;
		slot->window = to.window;
		slot->depth = source->depth + 1;
		slot->rights = source->rights & rights;
		slot->prev = source;
		slot->next = source->next;
		if (slot->next)
			slot->next->prev = slot;
		source->next = slot;
	}
	return true;
}

static uint64_t slot_reduce(struct slot *top, uint8_t take, bool self)
{
	uint64_t pages = 0;

	if (self && top->rights & take) {
		top->rights &= ~take;
		pages++;
	}
	for (struct slot *s = top->next; s && s->depth > top->depth; s = s->next) {
		pages += !!(s->rights & take);
		s->rights &= ~take;
	}
	return pages;
}

static uint64_t slot_revoke(struct slot *top, bool self)
{
	struct slot *s = top->next, *next, *before = self ? top->prev : top;
	uint64_t pages = self;

	for (; s && s->depth > top->depth; s = next, pages++) {
		next = s->next;
		memset(s, 0, sizeof(*s));
	}
	before->next = s;
	if (s)
		s->prev = before;
	if (self)
		memset(top, 0, sizeof(*top));
	return pages;
}

static uint64_t slots_unmap(void *arg, struct place at, uint32_t n,
			    uint8_t take, bool self)
{
	struct cspace *db = arg;
	uint64_t pages = 0;

	self &= at.window != LENDER;
	for (; n; n--, at.page++) {
		struct slot *slot = slot_get(db, at);

		if (!slot || !slot->rights)
			continue;
		pages += take & LMAP_R ? slot_revoke(slot, self) :
					 slot_reduce(slot, take, self);
	}
	return pages;
}

static bool slots_lookup(void *arg, struct place at, struct found *found)
{
	struct slot *slot = slot_get(arg, at);

	if (!slot || !slot->rights)
		return false;
	found->frame = slot->frame;
	found->rights = slot->rights;
	return true;
}

static bool slots_parent(void *arg, struct place at, struct place *parent)
{
	struct slot *slot = slot_get(arg, at), *above;

	if (!slot || !slot->rights)
		return false;
	for (above = slot->prev; above->depth >= slot->depth;)
		above = above->prev;
	parent->window = above->window;
	parent->page = above->page;
	return true;
}

const struct contender by_slots = {
	.name = "slots",
	.what = "seL4: a slot per page, in a table; the slots are a preorder list",
	.create = slots_create,
	.destroy = slots_destroy,
	.map = slots_map,
	.unmap = slots_unmap,
	.lookup = slots_lookup,
	.parent = slots_parent,
};
