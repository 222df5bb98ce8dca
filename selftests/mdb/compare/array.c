// SPDX-License-Identifier: GPL-2.0
/*
 * A model of Fiasco's mapping trees until 2020: each frame has a dense array of
 * its mappings in preorder, with their depth and free slots. To insert is to
 * shift what comes behind, up to the next free slot; the array is doubled when
 * it is full and halved when three quarters are free. A page table entry leads
 * to the frame, and there one searches. Fiasco's arrays ended at 2048 entries,
 * and mapping failed then; these don't.
 */
#include <linux/lmap.h>

#include "contender.h"
#include "pool.h"
#include "radix.h"

#define LEAST	4

struct entry {
	uint32_t page;
	int16_t window;
	uint8_t depth;		/* 0: free */
};

struct dense {
	uint32_t size;
	uint32_t end;		/* nothing but free slots from here on */
	uint32_t used;
	struct entry entry[];
};

struct pte {
	uint32_t frame;
	uint8_t rights;		/* 0: not present */
};

struct arrays {
	uint64_t stride;
	struct radix ptes;
	struct radix frames;	/* struct dense * */
};

static void *array_create(const struct shape *shape)
{
	struct arrays *db = buf_alloc(sizeof(*db));

	db->stride = (shape->window_pages + RADIX_LEAF - 1) &
		     ~(uint64_t)(RADIX_LEAF - 1);
	radix_init(&db->ptes, shape->windows * db->stride, sizeof(struct pte));
	radix_init(&db->frames, (uint64_t)shape->regions * shape->region_pages,
		   sizeof(void *));
	return db;
}

static size_t dense_size(uint32_t size)
{
	return sizeof(struct dense) + size * sizeof(struct entry);
}

static void array_destroy(void *arg)
{
	struct arrays *db = arg;

	for (size_t i = 0; i < db->frames.leaves; i++) {
		struct dense **leaf = (struct dense **)db->frames.leaf[i];

		for (uint32_t k = 0; leaf && k < RADIX_LEAF; k++)
			if (leaf[k])
				buf_free(leaf[k], dense_size(leaf[k]->size));
	}
	radix_fini(&db->ptes);
	radix_fini(&db->frames);
	buf_free(db, sizeof(*db));
}

static struct pte *pte_get(struct arrays *db, struct place at)
{
	return radix_get(&db->ptes, at.window * db->stride + at.page,
			 sizeof(struct pte));
}

static struct dense **dense_of(struct arrays *db, uint32_t frame)
{
	return radix_get(&db->frames, frame, sizeof(void *));
}

/* Another size, without free slots in between. @pos: an entry that is meant. */
static struct dense *dense_resize(struct dense *old, uint32_t size,
				  uint32_t *pos)
{
	struct dense *dense = buf_alloc(dense_size(size));
	uint32_t at = old ? old->end : 0;

	dense->size = size;
	dense->end = 0;
	for (uint32_t i = 0; old && i < old->end; i++) {
		if (i == *pos)
			at = dense->end;
		if (old->entry[i].depth)
			dense->entry[dense->end++] = old->entry[i];
	}
	*pos = old && *pos < old->end ? at : dense->end;
	dense->used = dense->end;
	if (old)
		buf_free(old, dense_size(old->size));
	return dense;
}

static void dense_insert(struct dense **link, uint32_t pos, struct entry entry)
{
	struct dense *dense = *link;
	uint32_t gap = pos;

	while (dense && gap < dense->end && dense->entry[gap].depth)
		gap++;
	if (!dense || gap == dense->size) {
		dense = dense_resize(dense, !dense ? LEAST :
				     dense->used * 2 > dense->size ?
				     dense->size * 2 : dense->size, &pos);
		*link = dense;
		gap = dense->end;
	}
	memmove(&dense->entry[pos + 1], &dense->entry[pos],
		(gap - pos) * sizeof(entry));
	dense->entry[pos] = entry;
	if (gap == dense->end)
		dense->end++;
	dense->used++;
}

/* Of one that is there. */
static uint32_t dense_find(const struct dense *dense, struct place at)
{
	uint32_t i = 0;

	while (!dense->entry[i].depth || dense->entry[i].page != at.page ||
	       dense->entry[i].window != at.window)
		i++;
	return i;
}

static bool map_page(struct arrays *db, struct place from, struct place to,
		     uint8_t rights)
{
	struct entry entry = { .page = to.page, .window = to.window,
			       .depth = 1 };
	uint32_t frame = from.page, pos = 0;
	struct pte *pte, *source;

	pte = radix_make(&db->ptes, to.window * db->stride + to.page,
			 sizeof(*pte));
	if (pte->rights)
		return false;
	if (from.window != LENDER) {
		source = pte_get(db, from);
		if (!source || !(source->rights & rights))
			return false;
		rights &= source->rights;
		frame = source->frame;
		pos = dense_find(*dense_of(db, frame), from);
		entry.depth = (*dense_of(db, frame))->entry[pos].depth + 1;
		pos++;
	}
	dense_insert(radix_make(&db->frames, frame, sizeof(void *)), pos, entry);
	pte->frame = frame;
	pte->rights = rights;
	return true;
}

static bool array_map(void *arg, struct place from, struct place to, uint32_t n,
		      uint8_t rights)
{
	for (; n; n--, from.page++, to.page++)
		if (!map_page(arg, from, to, rights))
			return false;
	return true;
}

static void dense_shrink(struct dense **link)
{
	struct dense *dense = *link;
	uint32_t pos = 0;

	while (dense->end && !dense->entry[dense->end - 1].depth)
		dense->end--;
	if (!dense->used) {
		buf_free(dense, dense_size(dense->size));
		*link = NULL;
	} else if (dense->size > LEAST && dense->used * 4 <= dense->size) {
		*link = dense_resize(dense, dense->size / 2, &pos);
	}
}

static bool take_entry(struct arrays *db, struct dense *dense, uint32_t i,
		       uint8_t take)
{
	struct entry *e = &dense->entry[i];
	struct pte *pte = pte_get(db, (struct place){ e->window, e->page });
	bool lost = pte->rights & take;

	pte->rights &= ~take;
	if (take & LMAP_R) {
		pte->rights = 0;
		e->depth = 0;
		dense->used--;
	}
	return lost;
}

/* Entries from @i on that are deeper than @depth. */
static uint64_t take_run(struct arrays *db, struct dense *dense, uint32_t i,
			 unsigned int depth, uint8_t take)
{
	uint64_t pages = 0;

	for (; i < dense->end; i++) {
		if (!dense->entry[i].depth)
			continue;
		if (dense->entry[i].depth <= depth)
			break;
		pages += take_entry(db, dense, i, take);
	}
	return pages;
}

static uint64_t take_page(struct arrays *db, struct place at, uint8_t take,
			  bool self)
{
	struct dense **link;
	uint64_t pages = 0;

	if (at.window == LENDER) {
		link = dense_of(db, at.page);
		if (!link || !*link)
			return 0;
		pages = take_run(db, *link, 0, 0, take);
	} else {
		struct pte *pte = pte_get(db, at);
		unsigned int depth;
		uint32_t i;

		if (!pte || !pte->rights)
			return 0;
		link = dense_of(db, pte->frame);
		i = dense_find(*link, at);
		depth = (*link)->entry[i].depth;
		if (self)
			pages = take_entry(db, *link, i, take);
		pages += take_run(db, *link, i + 1, depth, take);
	}
	if (take & LMAP_R)
		dense_shrink(link);
	return pages;
}

static uint64_t array_unmap(void *arg, struct place at, uint32_t n,
			    uint8_t take, bool self)
{
	uint64_t pages = 0;

	for (; n; n--, at.page++)
		pages += take_page(arg, at, take, self);
	return pages;
}

static bool array_lookup(void *arg, struct place at, struct found *found)
{
	struct pte *pte = pte_get(arg, at);

	if (!pte || !pte->rights)
		return false;
	found->frame = pte->frame;
	found->rights = pte->rights;
	return true;
}

static bool array_parent(void *arg, struct place at, struct place *parent)
{
	struct pte *pte = pte_get(arg, at);
	struct dense *dense;
	unsigned int depth;
	uint32_t i;

	if (!pte || !pte->rights)
		return false;
	dense = *dense_of(arg, pte->frame);
	i = dense_find(dense, at);
	depth = dense->entry[i].depth;
	parent->window = LENDER;
	parent->page = pte->frame;
	while (depth > 1 && i--)
		if (dense->entry[i].depth == depth - 1) {
			parent->window = dense->entry[i].window;
			parent->page = dense->entry[i].page;
			break;
		}
	return true;
}

const struct contender by_array = {
	.name = "array",
	.what = "Fiasco until 2020: a dense preorder array for each frame",
	.create = array_create,
	.destroy = array_destroy,
	.map = array_map,
	.unmap = array_unmap,
	.lookup = array_lookup,
	.parent = array_parent,
};
