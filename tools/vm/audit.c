// SPDX-License-Identifier: GPL-2.0
/*
 * lmap-vm: what is mapped in the machine's windows, as the kernel tells it, against
 * what the guest's tables allow. Must never ask the back end what it has mapped:
 * that is what is in question.
 */
#include "vm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct auditor {
	struct vm *vm;
	struct audit *audit;
};

static struct context *view_by_number(struct vm *vm, uint64_t number,
				      enum mode *mode)
{
	for (unsigned int c = 0; c < vm->nr_contexts; c++)
		for (int m = 0; m < MODES; m++)
			if (vm->contexts[c].view[m].number == number) {
				*mode = m;
				return &vm->contexts[c];
			}
	return NULL;
}

static int look_at(const struct lmap_node *node, void *arg)
{
	struct auditor *a = arg;
	struct vm *vm = a->vm;
	enum mode mode = KERNEL;
	struct context *ctx = view_by_number(vm, node->window, &mode);

	a->audit->mappings++;
	for (uint64_t at = 0; at < node->length; at += geo.page) {
		struct seen seen = {
			.mode = mode,
			.va = node->offset + at,
			.write = node->rights & LMAP_W,
		};

		a->audit->pages++;
		if (!ctx || !ctx->used || seen.va >= geo.space) {
			a->audit->wrong++;
			continue;
		}
		seen.gpa = node->address + at -
			   (uintptr_t)ram_source(&vm->ram, seen.va, 0);
		if (node->level != 1 || node->rights & ~(LMAP_R | LMAP_W) ||
		    seen.gpa >= geo.ram ||
		    !vm->backend->agrees(vm, ctx, &seen))
			a->audit->wrong++;
	}
	return 0;
}

void audit_windows(struct vm *vm, struct audit *audit)
{
	struct auditor auditor = { vm, audit };
	struct lmap_monitor *m = lmap_monitor_open();
	int ret;

	if (!m)
		fail("the list of mappings: %s", strerror(errno));
	for (unsigned int c = 0; c < vm->nr_contexts; c++)
		for (int mode = 0; mode < MODES; mode++) {
			struct lmap_watched w = { .size = sizeof(w) };
			struct view *v = &vm->contexts[c].view[mode];

			ret = lmap_monitor_add_flags(m, v->window, 0, &w);
			if (ret)
				fail("the list of mappings: %s", strerror(-ret));
			v->number = w.window;
		}
	/* of all together: the lender's addresses are his to know */
	ret = lmap_monitor_add(m, vm->space);
	if (!ret)
		ret = lmap_dump(m, look_at, &auditor);
	if (ret)
		fail("the list of mappings: %s", strerror(-ret));
	lmap_monitor_close(m);
}
