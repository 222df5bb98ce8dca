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
		uint64_t va = node->offset + at;
		uint64_t source = node->address + at;
		uint64_t gpa = source -
			       (uintptr_t)ram_source(&vm->ram, va % geo.space, 0);

		a->audit->pages++;
		if (!ctx || !ctx->used || va >= geo.space || node->level != 1 ||
		    gpa >= geo.ram || node->rights & ~(LMAP_R | LMAP_W) ||
		    !vm->backend->agrees(vm, ctx, mode, va, gpa, node->rights))
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
