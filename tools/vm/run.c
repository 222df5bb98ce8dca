// SPDX-License-Identifier: GPL-2.0
/*
 * lmap-vm: one program, on the reference and on a back end, and the comparison of
 * the two. Must never compare with anything that the back end could have changed:
 * the reference has memory of its own.
 */
#define _GNU_SOURCE
#include "vm.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static struct image build(const struct program *program)
{
	const char *const texts[] = { library_source, program->source, NULL };
	struct image image;

	assemble(texts, &image);
	return image;
}

uint64_t run_reference(const struct program *program,
		       const struct params *params, struct ram *ram,
		       struct cpu *cpu)
{
	struct image image = build(program);
	uint64_t start;

	memset(ram, 0, sizeof(*ram));
	ram_create(ram, 0);
	ram_load(ram, &image, params, cpu);
	start = now();
	reference_run(ram, cpu);
	start = now() - start;
	free(image.bytes);
	return start;
}

/* Words and registers that are not as they should be. */
static uint64_t compare(const struct job *job, const struct vm *vm)
{
	const uint64_t *is = (const uint64_t *)vm->ram.base;
	const uint64_t *should = (const uint64_t *)job->expected->base;
	uint64_t differences = 0, ignored;

	/* not the last page, which tells each guest where it is */
	for (uint64_t i = 0; i < geo.info / sizeof(*is); i++) {
		/* who never reads the guest's tables can't set bits in them */
		ignored = vm->backend->paravirtual &&
			  job->expected->is_leaf[i * sizeof(*is) / geo.page] ?
			  PTE_A | PTE_D : 0;
		differences += ((is[i] ^ should[i]) & ~ignored) != 0;
	}
	for (unsigned int i = 0; i < REG_COUNT; i++)
		differences += vm->report.cpu.r[i] != job->expected_cpu->r[i];
	return differences;
}

static bool leaked(const struct vm *vm)
{
	uint64_t secret = vm->ram.secret;

	for (unsigned int i = 0; i < REG_COUNT; i++)
		if (vm->report.cpu.r[i] == secret)
			return true;
	return memmem(vm->ram.base, geo.ram, &secret, sizeof(secret));
}

static uint64_t new_secret(void)
{
	uint64_t secret;

	if (getrandom(&secret, sizeof(secret), 0) != sizeof(secret))
		fail("no random numbers");
	/* no small number, which the guest could have by itself */
	return secret | 1ULL << 63;
}

void run_job(const struct job *job, struct outcome *out)
{
	struct image image = build(job->program);
	struct vm vm = { .backend = job->backend, .trace = job->trace };
	unsigned int contexts = 1;

	memset(out, 0, sizeof(*out));
	if (job->backend->switch_cache)
		contexts += job->params.tasks ? job->params.tasks : 1;
	/* a paravirtual guest can't do with less */
	if (job->contexts && contexts > job->contexts &&
	    !job->backend->paravirtual)
		contexts = job->contexts;
	host_start(&vm, contexts);
	ram_create(&vm.ram, new_secret());
	vm.ram.careless = job->careless;
	host_run(&vm, &image, &job->params, job->program->hostile);
	audit_windows(&vm, &out->audit);
	out->counts = vm.counts;
	out->report = vm.report;
	out->broken = vm.broken;
	out->differences = compare(job, &vm);
	out->secret_leaked = leaked(&vm);
	out->secret_damaged = !ram_secret_whole(&vm.ram);
	host_stop(&vm);
	ram_destroy(&vm.ram);
	free(image.bytes);
}
