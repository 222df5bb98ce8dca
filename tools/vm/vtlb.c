// SPDX-License-Identifier: GPL-2.0
/*
 * lmap-vm: VTLB. The window is a second-level TLB: empty at first, a miss walks the
 * guest's tables, checks and maps; a flush unmaps. As a TLB without address
 * space numbers it forgets all when the root changes, so one context is enough.
 * Must never keep a copy of a guest's table: what was not flushed may be stale
 * here as on hardware, and leads to frames of the guest all the same.
 */
#include "vm.h"

static struct context *vtlb_activate(struct vm *vm, uint64_t root)
{
	struct context *ctx = &vm->contexts[0];

	if (ctx->used)
		host_empty(vm, ctx);
	ctx->used = true;
	ctx->root = root;
	return ctx;
}

static bool vtlb_miss(struct vm *vm, struct context *ctx, enum mode mode,
		      uint64_t va, bool write)
{
	struct walk w;

	return walk(&vm->ram, ctx->root, va, &w) &&
	       host_map_walked(vm, ctx, mode, va, &w, write, false);
}

static void vtlb_flush(struct vm *vm, uint64_t va, bool all)
{
	if (all)
		host_empty(vm, vm->current);
	else if (va < geo.space)
		host_unmap(vm, vm->current, va);
}

/* A and D have to be there before the page is. */
static bool vtlb_agrees(struct vm *vm, const struct context *ctx,
			const struct seen *seen)
{
	struct walk w;

	return walk_agrees(&vm->ram, ctx->root, seen->mode == USER, seen->va,
			   seen->gpa, seen->write, &w) &&
	       *w.entry & PTE_A && (!seen->write || *w.entry & PTE_D);
}

const struct backend vtlb_backend = {
	.name = "vtlb",
	.what = "the window is a TLB: miss, walk, check, map; flush is unmap",
	.start = vtlb_activate,
	.miss = vtlb_miss,
	.activate = vtlb_activate,
	.flush = vtlb_flush,
	.agrees = vtlb_agrees,
};
