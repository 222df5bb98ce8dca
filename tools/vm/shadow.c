// SPDX-License-Identifier: GPL-2.0
/*
 * lmap-vm: shadow page tables. The host has a checked copy of each table that the
 * guest uses, and windows for each address space that was active lately. So a
 * switch costs nothing, but the host has to see each change: pages that are
 * tables are lent without w.
 *
 *	closed	copy and guest's table say the same, nobody can write it
 *	open	the guest has written, and may go on; what is mapped may be stale,
 *		as in a TLB, until the guest flushes or misses through it
 *
 * A write to a closed table opens it (one fault, then any number of writes). To
 * close it, take w, compare with the copy, check what is new, unmap what changed.
 * Must never map by what a table says now: only by a copy that was checked.
 */
#include "vm.h"

#include <stdlib.h>
#include <string.h>

struct table {
	bool open;
	bool used;	/* while unused ones are looked for */
	uint64_t copy[];
};

struct shadow {
	struct table *of[FRAMES];	/* NULL: the frame is no table */
};

/* An entry as it may stand in a copy: a frame of the guest, or nothing. */
static uint64_t checked(const struct vm *vm, uint64_t entry)
{
	if (!(entry & PTE_P) || !frame_valid(&vm->ram, entry & -geo.page))
		return 0;
	return entry;
}

static struct table *table_at(struct vm *vm, uint64_t gpa)
{
	struct shadow *s = vm->state;

	return gpa / geo.page < FRAMES ? s->of[gpa / geo.page] : NULL;
}

/* Protect, then copy: nothing can change in between. */
static struct table *table_get(struct vm *vm, uint64_t gpa)
{
	struct shadow *s = vm->state;
	uint64_t *guest = ram_table(&vm->ram, gpa);
	struct table *t;

	if (!guest)
		return NULL;
	t = s->of[gpa / geo.page];
	if (t)
		return t;
	t = calloc(1, sizeof(*t) + geo.page);
	if (!t)
		fail("no memory");
	host_protect(vm, gpa);
	for (uint64_t i = 0; i < geo.entries; i++)
		t->copy[i] = checked(vm, guest[i]);
	s->of[gpa / geo.page] = t;
	return t;
}

static uint64_t top_entry(struct vm *vm, const struct context *ctx,
			  unsigned int slot)
{
	struct table *root = table_at(vm, ctx->root);

	return ctx->used && root ? root->copy[slot] : 0;
}

/* Entry @i of the table at @gpa has changed: nothing may be left of it. */
static void drop(struct vm *vm, uint64_t gpa, uint64_t i)
{
	for (unsigned int c = 0; c < vm->nr_contexts; c++) {
		struct context *ctx = &vm->contexts[c];

		if (ctx->used && ctx->root == gpa && i < ROOT_SLOTS)
			host_empty_slot(vm, ctx, i);
		for (unsigned int slot = 0; slot < ROOT_SLOTS; slot++)
			if ((top_entry(vm, ctx, slot) & -geo.page) == gpa)
				host_unmap(vm, ctx, slot * geo.span + i * geo.page);
	}
}

/* Tables that no address space with windows leads to are no tables any more. */
static void forget_unused(struct vm *vm)
{
	struct shadow *s = vm->state;
	struct table *t;

	for (unsigned int c = 0; c < vm->nr_contexts; c++) {
		if (!vm->contexts[c].used)
			continue;
		t = table_at(vm, vm->contexts[c].root);
		if (t)
			t->used = true;
		for (unsigned int slot = 0; slot < ROOT_SLOTS; slot++) {
			uint64_t top = top_entry(vm, &vm->contexts[c], slot);

			t = top ? table_at(vm, top & -geo.page) : NULL;
			if (t)
				t->used = true;
		}
	}
	for (unsigned int f = 0; f < FRAMES; f++) {
		t = s->of[f];
		if (t && !t->used) {
			free(t);
			s->of[f] = NULL;
		} else if (t) {
			t->used = false;
		}
	}
}

static void table_close(struct vm *vm, uint64_t gpa, struct table *t)
{
	uint64_t *guest = ram_table(&vm->ram, gpa);

	t->open = false;
	host_protect(vm, gpa);
	for (uint64_t i = 0; i < geo.entries; i++) {
		uint64_t now_is = checked(vm, guest[i]);

		if (now_is == t->copy[i])
			continue;
		if (t->copy[i])
			drop(vm, gpa, i);
		t->copy[i] = now_is;
		vm->counts.updates++;
	}
}

static void shadow_settle(struct vm *vm)
{
	struct shadow *s = vm->state;
	bool any = false;

	for (uint64_t f = 0; f < FRAMES; f++)
		if (s->of[f] && s->of[f]->open) {
			table_close(vm, f * geo.page, s->of[f]);
			any = true;
		}
	if (any)
		forget_unused(vm);
}

/* From the copies alone; false if the guest has nothing there. */
static bool shadow_walk(struct vm *vm, const struct context *ctx, uint64_t va,
			struct walk *w)
{
	struct table *root = table_get(vm, ctx->root), *leaf;
	uint64_t top;

	if (root && root->open)
		table_close(vm, ctx->root, root);
	top = top_entry(vm, ctx, root_index(va));
	leaf = top ? table_get(vm, top & -geo.page) : NULL;
	if (!leaf)
		return false;
	w->table = top & -geo.page;
	if (leaf->open)
		table_close(vm, w->table, leaf);
	w->entry = ram_table(&vm->ram, w->table) + leaf_index(va);
	/* if it was its own root, closing may have changed that */
	return top == top_entry(vm, ctx, root_index(va)) &&
	       entries_lead(&vm->ram, top, leaf->copy[leaf_index(va)], w);
}

static bool shadow_miss(struct vm *vm, struct context *ctx, enum mode mode,
			uint64_t va, bool write)
{
	struct table *target;
	struct walk w;
	bool ok;

	if (!shadow_walk(vm, ctx, va, &w) ||
	    !walk_allows(&w, mode == USER, write))
		return false;
	target = table_at(vm, w.gpa);
	if (target && write)
		target->open = true;
	ok = host_map_walked(vm, ctx, mode, va, &w, write,
			     target && !target->open);
	/* A and D, which the host has set */
	table_at(vm, w.table)->copy[leaf_index(va)] = *w.entry;
	return ok;
}

/* How a page may be there before it is touched: as A and D tell, or not at all. */
static unsigned int rights_before(struct vm *vm, uint64_t top, uint64_t leaf,
				  struct walk *w)
{
	if (!entries_lead(&vm->ram, top, leaf, w) || !(leaf & PTE_A))
		return 0;
	if (!(leaf & PTE_D) || table_at(vm, w->gpa))
		w->rights &= ~PTE_W;
	return w->rights;
}

static void map_run(struct vm *vm, struct context *ctx, uint64_t va,
		    const struct walk *first, uint64_t pages)
{
	bool write = first->rights & PTE_W;

	host_map(vm, ctx, KERNEL, va, first->gpa, pages, write, 0);
	if (first->rights & PTE_U)
		host_map(vm, ctx, USER, va, first->gpa, pages, write, 0);
}

/* What was used already in another address space, or before: in runs. */
static void activate_slot(struct vm *vm, struct context *ctx, unsigned int slot)
{
	uint64_t top = top_entry(vm, ctx, slot), start = 0, pages = 0;
	struct table *leaf = top ? table_get(vm, top & -geo.page) : NULL;
	unsigned int rights, held = 0;
	struct walk w, first = { 0 };

	if (!leaf)
		return;
	for (uint64_t i = 0; i <= geo.entries; i++) {
		rights = i == geo.entries ? 0 :
			 rights_before(vm, top, leaf->copy[i], &w);
		if (pages && rights == held &&
		    w.gpa == first.gpa + pages * geo.page) {
			pages++;
			continue;
		}
		if (pages)
			map_run(vm, ctx, slot * geo.span + start * geo.page,
				&first, pages);
		pages = rights ? 1 : 0;
		start = i;
		held = rights;
		first = w;
	}
}

static struct context *shadow_activate(struct vm *vm, uint64_t root)
{
	struct context *ctx;

	shadow_settle(vm);
	ctx = context_of(vm, root, false);
	if (ctx)
		return ctx;
	ctx = context_of(vm, root, true);
	forget_unused(vm);
	table_get(vm, root);
	/* all tables first: none of them may be mapped with w */
	for (unsigned int slot = 0; slot < ROOT_SLOTS; slot++)
		if (top_entry(vm, ctx, slot))
			table_get(vm, top_entry(vm, ctx, slot) & -geo.page);
	for (unsigned int slot = 0; slot < ROOT_SLOTS; slot++)
		activate_slot(vm, ctx, slot);
	return ctx;
}

static void shadow_flush(struct vm *vm, uint64_t va, bool all)
{
	(void)va;
	(void)all;
	shadow_settle(vm);
}

static struct context *shadow_start(struct vm *vm, uint64_t root)
{
	vm->state = calloc(1, sizeof(struct shadow));
	if (!vm->state)
		fail("no memory");
	return shadow_activate(vm, root);
}

static void shadow_stop(struct vm *vm)
{
	struct shadow *s = vm->state;

	for (unsigned int f = 0; s && f < FRAMES; f++)
		free(s->of[f]);
	free(s);
}

static bool shadow_agrees(struct vm *vm, const struct context *ctx,
			  const struct seen *seen)
{
	return vtlb_backend.agrees(vm, ctx, seen) &&
	       !(seen->write && table_at(vm, seen->gpa));
}

const struct backend shadow_backend = {
	.name = "shadow",
	.what = "checked copies of the guest's tables, which can't be written unseen",
	.switch_cache = true,
	.start = shadow_start,
	.miss = shadow_miss,
	.activate = shadow_activate,
	.flush = shadow_flush,
	.settle = shadow_settle,
	.agrees = shadow_agrees,
	.stop = shadow_stop,
};
