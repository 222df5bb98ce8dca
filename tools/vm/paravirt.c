// SPDX-License-Identifier: GPL-2.0
/*
 * lmap-vm: paravirtual. The guest's kernel says what its address spaces are: insert
 * pages, remove pages. Each call is checked and becomes one map, or unmaps. The
 * guest's tables are the guest's own business; must never be read here, but for
 * the first one, which a loader has made before there is a kernel to call, and
 * for the audit.
 *
 * A and D are what the kernel module knows of the page: reference bits.
 */
#include "vm.h"

static bool insert(struct vm *vm, struct context *ctx, uint64_t va,
		   uint64_t gpa, uint64_t pages, unsigned int rights)
{
	bool write = rights & PTE_W;

	if (rights & PTE_U &&
	    !host_map(vm, ctx, USER, va, gpa, pages, write, LMAP_TRACK))
		return false;
	return host_map(vm, ctx, KERNEL, va, gpa, pages, write, LMAP_TRACK);
}

/*
 * Unmapping takes a frame from the window; it may be seen at another address of
 * the same slot, which the guest has not asked to remove.
 */
static void restore(struct vm *vm, struct context *ctx, enum mode mode,
		    uint64_t va, uint64_t gpa)
{
	uint64_t first = va / geo.span * geo.span, *page;

	for (uint64_t at = first; at < first + geo.span; at += geo.page) {
		page = &ctx->view[mode].page[at / geo.page];
		if (*page && (*page & -geo.page) == gpa)
			host_map(vm, ctx, mode, at, gpa, 1, *page & PTE_W,
				 LMAP_TRACK);
	}
}

static void take_page(struct vm *vm, struct context *ctx, uint64_t va)
{
	uint64_t gone[MODES];

	for (int mode = 0; mode < MODES; mode++)
		gone[mode] = ctx->view[mode].page[va / geo.page];
	host_unmap(vm, ctx, va);
	for (int mode = 0; mode < MODES; mode++)
		if (gone[mode])
			restore(vm, ctx, mode, va, gone[mode] & -geo.page);
}

static bool range_valid(uint64_t va, uint64_t pages)
{
	return !(va % geo.page) && pages && va < geo.space &&
	       pages <= (geo.space - va) / geo.page;
}

static uint64_t call_insert(struct vm *vm, uint64_t root, const uint64_t *r)
{
	uint64_t va = r[2], gpa = r[3] & -geo.page, pages = r[4];
	struct context *ctx;

	if (!range_valid(va, pages) || !(r[3] & PTE_P) || pages > FRAMES)
		return CALL_REFUSED;
	for (uint64_t i = 0; i < pages; i++) {
		uint64_t frame = gpa + i * geo.page;

		if (!(r[3] & PTE_W ? frame_writable(&vm->ram, frame) :
				     frame_valid(&vm->ram, frame)))
			return CALL_REFUSED;
	}
	ctx = context_of(vm, root, false);
	if (!ctx) {
		/* none is taken from another, whose pages nobody would know */
		for (unsigned int c = 0; c < vm->nr_contexts && !ctx; c++)
			if (!vm->contexts[c].used)
				ctx = context_of(vm, root, true);
		if (!ctx)
			return CALL_REFUSED;
	}
	/* rights are added to the same frame, so it has to go before */
	for (uint64_t i = 0; i < pages; i++)
		take_page(vm, ctx, va + i * geo.page);
	vm->counts.updates++;
	return insert(vm, ctx, va, gpa, pages, r[3]) ? 0 : CALL_REFUSED;
}

static uint64_t call_remove(struct vm *vm, uint64_t root, const uint64_t *r)
{
	struct context *ctx = context_of(vm, root, false);

	if (!ctx || !range_valid(r[2], r[4]))
		return CALL_REFUSED;
	vm->counts.updates++;
	for (uint64_t i = 0; i < r[4]; i++)
		take_page(vm, ctx, r[2] + i * geo.page);
	return 0;
}

static uint64_t call_refs(struct vm *vm, uint64_t root, const uint64_t *r)
{
	struct context *ctx = context_of(vm, root, false);
	uint64_t page, result = 0;
	unsigned int bits = 0;

	if (!ctx || !range_valid(r[2], 1))
		return CALL_REFUSED;
	page = ctx->view[KERNEL].page[r[2] / geo.page];
	if (!page)
		return CALL_REFUSED;
	if (!host_refs(vm, r[2], page & -geo.page, &bits))
		return CALL_REFUSED;
	if (bits & LMAP_ACCESSED)
		result |= PTE_A;
	if (bits & LMAP_MODIFIED)
		result |= PTE_A | PTE_D;
	return result;
}

static bool paravirt_call(struct vm *vm, unsigned int nr, const uint64_t *r,
			  uint64_t *result)
{
	if (!ram_table(&vm->ram, r[1])) {
		*result = CALL_REFUSED;
		return true;
	}
	switch (nr) {
	case CALL_INSERT:
		*result = call_insert(vm, r[1], r);
		return true;
	case CALL_REMOVE:
		*result = call_remove(vm, r[1], r);
		return true;
	case CALL_REFS:
		*result = call_refs(vm, r[1], r);
		return true;
	}
	return false;
}

/* What the loader has put into the first tables, in runs of equal rights. */
static struct context *paravirt_start(struct vm *vm, uint64_t root)
{
	struct context *ctx = context_of(vm, root, true);
	struct walk w, first = { 0 };
	uint64_t start = 0, pages = 0;

	for (uint64_t va = 0; va <= geo.space; va += geo.page) {
		bool found = va < geo.space && walk(&vm->ram, root, va, &w);

		if (pages && found && w.rights == first.rights &&
		    w.gpa == first.gpa + pages * geo.page) {
			pages++;
			continue;
		}
		if (pages)
			insert(vm, ctx, start, first.gpa, pages, first.rights);
		pages = found;
		start = va;
		first = w;
	}
	return ctx;
}

/* Only an address space that pages were inserted into. */
static struct context *paravirt_activate(struct vm *vm, uint64_t root)
{
	return context_of(vm, root, false);
}

static bool paravirt_miss(struct vm *vm, struct context *ctx, enum mode mode,
			  uint64_t va, bool write)
{
	(void)vm;
	(void)ctx;
	(void)mode;
	(void)va;
	(void)write;
	return false;	/* what the guest wants to have there it has inserted */
}

static void paravirt_flush(struct vm *vm, uint64_t va, bool all)
{
	(void)vm;
	(void)va;
	(void)all;	/* nothing is ever stale */
}

/* The guest keeps its tables in step with its calls: so that can be checked. */
static bool paravirt_agrees(struct vm *vm, const struct context *ctx,
			    const struct seen *seen)
{
	struct walk w;

	return walk_agrees(&vm->ram, ctx->root, seen->mode == USER, seen->va,
			   seen->gpa, seen->write, &w);
}

const struct backend paravirt_backend = {
	.name = "paravirt",
	.what = "the guest's kernel calls to insert and remove pages",
	.switch_cache = true,
	.paravirtual = true,
	.start = paravirt_start,
	.miss = paravirt_miss,
	.activate = paravirt_activate,
	.flush = paravirt_flush,
	.call = paravirt_call,
	.agrees = paravirt_agrees,
};
