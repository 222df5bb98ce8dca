// SPDX-License-Identifier: GPL-2.0
/* Implementation of random_model.h; see there. */
#include "random_model.h"

const unsigned int window_rights[PROCS] = {
	ALL, ALL, RWM, ALL, LMAP_R | LMAP_M, ALL, RW, RX | LMAP_M
};

/* What is in memory somewhere. Nothing is ever freed within a run. */
struct frame {
	uint64_t value;
};

/* A page of ordinary memory. */
struct page {
	bool there;
	unsigned int prot;	/* LMAP_R, W, X */
	struct frame *frame;
	bool touched;
};

/* A page of a window. */
struct slot {
	bool used;
	struct slot *parent;	/* from which it was mapped on, or NULL */
	struct page *root;	/* shows what this page shows at any time, or */
	struct frame *frame;	/* shows this, whatever its granter does */
	unsigned int rights;
	unsigned int depth;
	unsigned int group;	/* all pages of one call have the same */
	bool touched;
};

/* Pages that one call has mapped. */
struct group {
	bool single;	/* as one mapping, said the kernel */
	bool cut;	/* something has happened to a part of it since */
};

#define FRAMES	(1 << 20)
#define GROUPS	(1 << 16)
#define SLOTS	(PROCS * NPAGES)

static struct frame frames[FRAMES];
static unsigned int nr_frames;
static struct group groups[GROUPS];
static unsigned int nr_groups;
static struct slot slots[SLOTS];
static struct page memory_of[PROCS][NPAGES];
static bool alive[PROCS];
static bool memory_moves;

#define for_each_slot(s) for ((s) = slots; (s) < slots + SLOTS; (s)++)

static struct slot *slot_at(unsigned int p, unsigned int page)
{
	return &slots[p * NPAGES + page];
}

static unsigned int window_of(const struct slot *s)
{
	return (s - slots) / NPAGES;
}

static struct frame *new_frame(void)
{
	if (nr_frames == FRAMES)
		abort();
	frames[nr_frames].value = 0;
	return &frames[nr_frames++];
}

void model_reset(bool moves)
{
	nr_frames = 0;
	nr_groups = 0;
	memset(groups, 0, sizeof(groups));
	memset(slots, 0, sizeof(slots));
	memset(memory_of, 0, sizeof(memory_of));
	memset(alive, 0, sizeof(alive));
	memory_moves = moves;
}

bool model_alive(unsigned int p)
{
	return alive[p];
}

/* What is touched. */

static void touch(struct page *page)
{
	struct slot *s;

	page->touched = true;
	for_each_slot(s)
		if (s->used && s->root == page)
			s->touched = true;
}

bool model_touched(unsigned int p, unsigned int page)
{
	return page < WINDOW ? memory_of[p][page].touched :
			       slot_at(p, page - WINDOW)->touched;
}

void model_untouch(void)
{
	struct slot *s;

	for_each_slot(s)
		s->touched = false;
	for (int p = 0; p < PROCS; p++)
		for (int i = 0; i < NPAGES; i++)
			memory_of[p][i].touched = false;
}

/* Taking rights. */

/* From a page of a window and all that was mapped on from it; pages that lose. */
static uint64_t take(struct slot *s, unsigned int rights)
{
	uint64_t lost = !!(s->rights & rights);
	struct slot *child;

	for_each_slot(child)
		if (child->used && child->parent == s)
			lost += take(child, rights);
	s->touched = true;
	s->rights &= ~rights;
	if (rights & LMAP_R)
		s->used = false;
	return lost;
}

/* The same, but only what lies in a window, and what is below that. */
static uint64_t take_only(struct slot *s, unsigned int rights, int only)
{
	struct slot *child;
	uint64_t lost = 0;

	if (only < 0 || window_of(s) == (unsigned int)only)
		return take(s, rights);
	for_each_slot(child)
		if (child->used && child->parent == s)
			lost += take_only(child, rights, only);
	return lost;
}

static uint64_t take_below_page(struct page *page, unsigned int rights,
				int only)
{
	struct slot *s;
	uint64_t lost = 0;

	for_each_slot(s)
		if (s->used && !s->parent && s->root == page)
			lost += take_only(s, rights, only);
	return lost;
}

static uint64_t take_below_slot(struct slot *s, const struct op *op, int only)
{
	struct slot *child;
	uint64_t lost = 0;

	if (!s->used)
		return 0;
	if (op->flags & LMAP_SELF)
		return take_only(s, op->rights, only);
	for_each_slot(child)
		if (child->used && child->parent == s)
			lost += take_only(child, op->rights, only);
	return lost;
}

/* The lender's page is not there any more, or another one is. */
static void lose_page(struct page *page)
{
	take_below_page(page, ALL, -1);
	touch(page);
	page->there = false;
}

static void fresh_page(struct page *page)
{
	page->there = true;
	page->prot = RW;
	page->frame = new_frame();
	touch(page);
}

void model_start(unsigned int p)
{
	alive[p] = true;
	for (int i = 0; i < NPAGES; i++)
		fresh_page(&memory_of[p][i]);
}

static void stop(unsigned int p)
{
	alive[p] = false;
	for (int i = 0; i < NPAGES; i++) {
		lose_page(&memory_of[p][i]);
		if (slot_at(p, i)->used)
			take(slot_at(p, i), ALL);
	}
}

/* The source of map, grant and copy. */

struct source {
	int denied;		/* 0, or why not */
	struct page *page;	/* ordinary memory, or */
	struct slot *slot;
	unsigned int rights;
	unsigned int depth;
};

static unsigned int asked(const struct op *op)
{
	unsigned int rights = op->rights;

	if (rights & RX || rights & LMAP_W)
		rights |= LMAP_R;
	return rights & window_rights[op->to];
}

static struct source look(const struct op *op, unsigned int i)
{
	struct source s = { .denied = -EFAULT, .depth = LMAP_DEPTH_MAX - 1 };
	unsigned int page = op->first + i;

	if (page < WINDOW) {
		s.page = &memory_of[op->actor][page];
		if (!s.page->there)
			return s;
		s.rights = (s.page->prot | LMAP_M) & asked(op);
		s.denied = s.rights & LMAP_R ? 0 : -EACCES;
	} else {
		s.slot = slot_at(op->actor, page - WINDOW);
		if (!s.slot->used)
			return s;
		s.rights = s.slot->rights & asked(op);
		s.depth = s.slot->depth - (op->kind == OP_MAP);
		s.denied = 0;
		if (!s.slot->depth)
			s.denied = -EMLINK;
		if (!(s.slot->rights & LMAP_M) || !(s.rights & LMAP_R))
			s.denied = -EACCES;
	}
	if (op->flags & LMAP_LIMIT_DEPTH && op->depth < s.depth)
		s.depth = op->depth;
	return s;
}

struct op model_fit(const struct op *op)
{
	struct op fit = *op;

	if (!op->rn)
		return fit;
	if (op->rn >= op->n) {
		fit.at += op->base % op->rn / op->n * op->n;
	} else {
		fit.first += op->base % op->n / op->rn * op->rn;
		fit.n = op->rn;
	}
	return fit;
}

/* The page of the target that source page i goes to. */
static struct slot *target(const struct op *op, unsigned int i)
{
	return slot_at(op->to, op->at + i);
}

static bool is_target(const struct op *op, const struct source *src,
		      const struct slot *s)
{
	for (unsigned int i = 0; i < op->n; i++)
		if (!src[i].denied && target(op, i) == s)
			return true;
	return false;
}

/* Does a mapping that s belongs to reach into the target? */
static bool group_in_target(const struct op *op, const struct slot *s)
{
	for (unsigned int i = 0; i < op->n; i++)
		if (window_of(s) == op->to && target(op, i)->used &&
		    target(op, i)->group == s->group)
			return true;
	return false;
}

/*
 * Is the target the source itself or one of its ancestors? A mapping has many
 * pages, and how many mappings there are is the kernel's business: if only
 * other pages of the mapping are hit both answers are right (*maybe).
 */
static bool loops(const struct op *op, const struct source *src, bool *maybe)
{
	const struct slot *s;

	*maybe = false;
	for (unsigned int i = 0; i < op->n; i++) {
		if (src[i].denied)
			continue;
		for (s = src[i].slot; s; s = s->parent) {
			if (is_target(op, src, s))
				return true;
			*maybe |= group_in_target(op, s);
		}
	}
	return false;
}

/* What the target holds now. */
enum held { FREE, OTHER, SAME, DOUBTFUL };

static enum held target_holds(const struct op *op, const struct source *src,
			      unsigned int i)
{
	const struct slot *t = target(op, i), *s = src[i].slot;

	if (!t->used)
		return FREE;
	if (op->kind == OP_GRANT)
		return OTHER;
	if (s && t->parent == (op->kind == OP_MAP ? s : s->parent) &&
	    t->root == s->root && t->frame == s->frame)
		return SAME;
	if (s || t->parent)
		return OTHER;
	if (op->kind == OP_MAP && t->root == src[i].page)
		return SAME;
	/* The same frame, but one of them depends on the lender. */
	if ((t->root ? t->root->frame : t->frame) == src[i].page->frame)
		return DOUBTFUL;
	return OTHER;
}

static unsigned int group_size(unsigned int p, unsigned int group)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < NPAGES; i++)
		n += slot_at(p, i)->used && slot_at(p, i)->group == group;
	return n;
}

static bool is_one_mapping(const struct slot *s)
{
	return groups[s->group].single && !groups[s->group].cut;
}

/*
 * All pages of the target hold the same memory already. It is a fast overmap
 * if source and target are one mapping each, and what is asked is all of it or
 * nothing more than is there. Else the interface leaves it open.
 */
static bool fast_overmap(const struct op *op, const struct source *src)
{
	const struct slot *t = target(op, 0);
	bool more = false, equal = true;

	if (!is_one_mapping(t) || (src->slot && !is_one_mapping(src->slot)))
		return false;
	for (unsigned int i = 0; i < op->n; i++) {
		if (target(op, i)->group != t->group ||
		    !src[i].slot != !src->slot ||
		    (src->slot && src[i].slot->group != src->slot->group))
			return false;
		more |= src[i].rights & ~target(op, i)->rights;
		equal &= src[i].rights == src->rights;
	}
	return !more || (equal && group_size(op->to, t->group) == op->n);
}

static bool is_unclear(const struct op *op, const struct source *src)
{
	unsigned int same = 0, doubtful = 0, deep = 0;

	for (unsigned int i = 0; i < op->n; i++) {
		enum held held;

		if (src[i].denied)
			continue;
		/* Depths that nobody asked for are not counted here. */
		deep += src[i].slot && src[i].slot->depth > 4 &&
			src[i].slot->depth < LMAP_DEPTH_MAX / 2;
		held = target_holds(op, src, i);
		same += held == SAME;
		doubtful += held == DOUBTFUL;
	}
	if (deep || doubtful)
		return true;
	return same && (same < op->n || !fast_overmap(op, src));
}

/* Expectations. */

static struct answer refuse(int ret)
{
	return (struct answer){ .ret = ret, .or_ret = ret };
}

/* The source alone: the best reason wins if no page is left. */
static struct answer expect_source(const struct op *op,
				   const struct source *src)
{
	struct answer a = { .ret = -EFAULT, .rights = ALL };

	for (unsigned int i = 0; i < op->n; i++) {
		if (!src[i].denied) {
			a.bytes += PG;
			a.rights &= src[i].rights;
		} else if (src[i].denied == -EMLINK ||
			   (src[i].denied == -EACCES && a.ret != -EMLINK)) {
			a.ret = src[i].denied;
		}
		if (op->kind != OP_MAP && src[i].page && src[i].page->there &&
		    !memory_moves)
			a.unclear = true;
	}
	if (a.bytes)
		a.ret = 0;
	a.or_ret = a.ret;
	return a;
}

static struct answer expect_map(const struct op *op)
{
	struct source src[PAGES];
	bool loop, maybe, busy = false;
	struct answer a;

	if (op->at + op->n > NPAGES)
		return refuse(-ENOSPC);
	if (!(asked(op) & LMAP_R))
		return refuse(-EACCES);
	if (!alive[op->to])
		return refuse(-ENXIO);
	for (unsigned int i = 0; i < op->n; i++)
		src[i] = look(op, i);
	a = expect_source(op, src);
	if (a.unclear || a.ret)
		return a;
	for (unsigned int i = 0; i < op->n; i++)
		busy |= op->flags & LMAP_NOREPLACE && !src[i].denied &&
			target_holds(op, src, i) == OTHER;
	loop = loops(op, src, &maybe);
	if (busy)
		a.ret = -EEXIST;
	else
		a.unclear = !loop && is_unclear(op, src);
	a.or_ret = a.ret;
	if (loop || maybe)
		a.or_ret = -ELOOP;
	if (loop && !busy)
		a.ret = -ELOOP;
	return a;
}

static uint64_t unmap(const struct op *op)
{
	int only = op->flags & LMAP_ONLY ? (int)op->to : -1;
	uint64_t lost = 0;

	if (!op->rights)
		return 0;
	for (unsigned int i = 0; i < op->n; i++) {
		unsigned int page = op->first + i;

		if (page < WINDOW)
			lost += take_below_page(&memory_of[op->actor][page],
						op->rights, only);
		else
			lost += take_below_slot(slot_at(op->actor,
							page - WINDOW),
						op, only);
	}
	return lost;
}

static unsigned int order(unsigned int pages)
{
	return PO + __builtin_ctz(pages);
}

struct answer model_expect(const struct op *op)
{
	struct op fit = model_fit(op);
	struct answer a = {};

	if (op->kind > OP_COPY)
		return a;
	a = expect_map(&fit);
	if (op->rn && !a.ret)
		a.fpage = fit.at * PG | order(fit.n) << LMAP_FPAGE_ORDER_SHIFT |
			  a.rights;
	return a;
}

/* Doing it. */

/* Whoever derives from s derives from t now. */
static void inherit(struct slot *s, struct slot *t)
{
	struct slot *child;

	for_each_slot(child)
		if (child->used && child->parent == s)
			child->parent = t;
}

/* The frame is nobody's ordinary memory any more, for s and all below. */
static void detach(struct slot *s, struct frame *frame)
{
	struct slot *child;

	s->root = NULL;
	s->frame = frame;
	s->touched = true;
	groups[s->group].cut = true;
	for_each_slot(child)
		if (child->used && child->parent == s)
			detach(child, frame);
}

static void reduce(struct slot *s, unsigned int rights)
{
	if (~rights & ALL)
		take(s, ALL & ~rights);
}

static void grant_memory(struct slot *t, const struct source *src)
{
	struct page *page = src->page;
	struct slot *s;

	for_each_slot(s) {
		if (!s->used || s == t || s->parent || s->root != page)
			continue;
		detach(s, page->frame);
		s->parent = t;
		reduce(s, src->rights);
	}
	lose_page(page);
}

static void place(const struct op *op, const struct source *src, unsigned int i)
{
	struct slot *t = target(op, i), *s = src[i].slot;

	if (target_holds(op, src, i) == SAME) {
		t->rights |= src[i].rights;
		t->touched = true;
		return;
	}
	if (t->used)
		take(t, ALL);
	*t = (struct slot){
		.used = true, .touched = true, .group = nr_groups,
		.rights = src[i].rights, .depth = src[i].depth,
	};
	if (s) {
		t->parent = op->kind == OP_MAP ? s : s->parent;
		t->root = s->root;
		t->frame = s->frame;
	} else if (op->kind == OP_MAP) {
		t->root = src[i].page;
	} else {
		t->frame = src[i].page->frame;
	}
	if (op->kind != OP_GRANT)
		return;
	if (!s) {
		grant_memory(t, &src[i]);
		return;
	}
	t->group = s->group;
	inherit(s, t);
	reduce(t, t->rights);
	s->used = false;
	s->touched = true;
}

static void apply_map(const struct op *op, const struct answer *got)
{
	struct source src[PAGES];

	if (got->ret)
		return;
	if (++nr_groups == GROUPS)
		abort();
	groups[nr_groups] = (struct group){ .single = got->mappings == 1 };
	for (unsigned int i = 0; i < op->n; i++)
		src[i] = look(op, i);
	for (unsigned int i = 0; i < op->n; i++)
		if (!src[i].denied)
			place(op, src, i);
}

/* Did two pages of one mapping have different fates? */
static bool same_fate(const struct slot *before, unsigned int a, unsigned int b)
{
	return slots[a].used == slots[b].used &&
	       (slots[a].group == before[a].group) ==
	       (slots[b].group == before[b].group) &&
	       before[a].rights == before[b].rights &&
	       (!slots[a].used || slots[a].rights == slots[b].rights);
}

/*
 * A mapping of which a part has lost something is not one mapping any more,
 * nor is what derives from it.
 */
static void note_cuts(const struct slot *before)
{
	for (unsigned int a = 0; a < SLOTS; a++) {
		const struct slot *s;

		if (!before[a].used)
			continue;
		for (unsigned int b = a - a % NPAGES; b < a; b++)
			if (before[b].used &&
			    before[b].group == before[a].group &&
			    !same_fate(before, a, b))
				groups[before[a].group].cut = true;
		for (s = before[a].parent; s; s = before[s - slots].parent)
			if (groups[before[s - slots].group].cut)
				groups[before[a].group].cut = true;
	}
}

static void apply_pages(const struct op *op)
{
	for (unsigned int i = 0; i < op->n; i++) {
		unsigned int number = op->first + i;
		struct page *page = &memory_of[op->actor][number];

		if (number >= WINDOW) {
			slot_at(op->actor, number - WINDOW)->touched = true;
			continue;
		}
		touch(page);
		if (op->kind == OP_MUNMAP || op->kind == OP_MMAP)
			lose_page(page);
		if (op->kind == OP_MMAP)
			fresh_page(page);
		if (op->kind == OP_MPROTECT)
			page->prot = op->rights;
		if (op->kind == OP_DISCARD && page->there)
			page->frame = new_frame();
	}
}

static uint64_t unmap_whole(const struct op *op)
{
	struct op all = *op;

	all.first = 0;
	all.n = PAGES;
	return unmap(&all);
}

uint64_t model_apply(const struct op *op, const struct answer *got)
{
	struct op fit = model_fit(op);
	struct slot before[SLOTS];
	uint64_t lost = 0;

	memcpy(before, slots, sizeof(before));
	switch (op->kind) {
	case OP_MAP:
	case OP_GRANT:
	case OP_COPY:
		apply_map(&fit, got);
		break;
	case OP_UNMAP:
		lost = unmap(op);
		break;
	case OP_UNMAP_WHOLE:
		lost = unmap_whole(op);
		break;
	case OP_EXIT:
		stop(op->actor);
		break;
	default:
		apply_pages(op);
	}
	/* Twice: a mapping may stand before those that it derives from. */
	note_cuts(before);
	note_cuts(before);
	return lost;
}

struct view model_view(unsigned int p, unsigned int number)
{
	struct page *page = number < WINDOW ? &memory_of[p][number] : NULL;
	struct slot *s = page ? NULL : slot_at(p, number - WINDOW);
	struct view v = { .read = page ? NO_VMA : NOTHING, .on = -EFAULT };
	unsigned int rights;

	v.write = v.read;
	if (page ? !page->there : !s->used)
		return v;
	rights = page ? page->prot : s->rights;
	if (s) {
		v.rights = rights;
		v.on = s->depth ? 0 : -EMLINK;
		if (!(rights & LMAP_M))
			v.on = -EACCES;
		if (s->root)
			rights &= s->root->prot;
	}
	v.read = rights & LMAP_R ? 0 : NO_RIGHT;
	v.write = rights & LMAP_W ? 0 : NO_RIGHT;
	if (s)
		v.value = s->root ? &s->root->frame->value : &s->frame->value;
	else
		v.value = &page->frame->value;
	return v;
}

int model_prot(unsigned int p, unsigned int number)
{
	const struct page *page = &memory_of[p][number];

	if (!page->there)
		return -1;
	return (page->prot & LMAP_R ? PROT_READ : 0) |
	       (page->prot & LMAP_W ? PROT_WRITE : 0) |
	       (page->prot & LMAP_X ? PROT_EXEC : 0);
}
