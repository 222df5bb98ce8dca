// SPDX-License-Identifier: GPL-2.0
/*
 * lmap-vm: the machine in software. Each access walks the guest's tables, nothing
 * is kept. Must have no part of lmap in it: it is what the others are compared
 * with.
 */
#include "vm.h"

struct reference {
	struct ram *ram;
	uint64_t root;
};

static void *at(void *arg, bool user, uint64_t va, bool write)
{
	struct reference *ref = arg;
	struct walk w;

	if (!walk(ref->ram, ref->root, va, &w) || !walk_allows(&w, user, write))
		return NULL;
	ref->ram->is_leaf[w.table / geo.page] = true;
	*w.entry |= write ? PTE_A | PTE_D : PTE_A;
	return ref->ram->base + w.gpa + va % geo.page;
}

static bool set_root(void *arg, uint64_t root)
{
	struct reference *ref = arg;

	if (!ram_table(ref->ram, root))
		return false;
	ref->root = root;
	return true;
}

static void flush(void *arg, uint64_t va, bool all)
{
	(void)arg;
	(void)va;
	(void)all;
}

static bool call(void *arg, unsigned int nr, uint64_t *r)
{
	(void)arg;
	(void)nr;
	(void)r;
	return false;
}

void reference_run(struct ram *ram, struct cpu *cpu)
{
	struct reference ref = { ram, cpu->csr[CSR_PTB] };
	struct bus bus = { at, set_root, flush, call, &ref };

	cpu_run(cpu, &bus);
}
