// SPDX-License-Identifier: GPL-2.0
/*
 * lmap-vm: what a context switch costs, against how many pages a task uses in its
 * turn. Must never count what the tasks compute: the same work is timed with and
 * without turns, and the difference is divided by the switches.
 */
#include "vm.h"
#include "plot.h"

#include <errno.h>
#include <string.h>

/* The shortest time of several counts: the rest is other people's. */
enum { POINTS = 6, ROUNDS = 12, TIMES = 3 };

static void timed(const struct backend *backend, const struct params *params,
		  struct outcome *out)
{
	const struct program *program = NULL;
	struct outcome o;
	struct cpu cpu;
	struct ram ram;
	struct job job;

	for (size_t i = 0; i < nr_programs; i++)
		if (!strcmp(programs[i].name, "tasks"))
			program = &programs[i];
	if (!program)
		fail("no program with tasks");
	run_reference(program, params, &ram, &cpu);
	job = (struct job){
		.program = program,
		.backend = backend,
		.params = *params,
		.expected = &ram,
		.expected_cpu = &cpu,
	};
	for (unsigned int i = 0; i < TIMES; i++) {
		run_job(&job, &o);
		if (o.differences || o.audit.wrong || o.broken)
			fail("%s did not do what it should", backend->name);
		if (!i || o.report.ns < out->report.ns)
			*out = o;
	}
	ram_destroy(&ram);
}

/* Microseconds, and misses, of one switch; noise may make the first negative. */
static void cost(const struct backend *backend, uint64_t set, uint64_t tasks,
		 double *us, double *misses)
{
	struct params params = { .tasks = tasks, .set = set, .rounds = ROUNDS };
	struct outcome one, many;
	double switches;

	timed(backend, &params, &one);
	/* five instructions a page: all pages once in each turn */
	params.slice = 5 * set + 8;
	timed(backend, &params, &many);
	switches = many.counts.switches - one.counts.switches;
	*us = ((double)many.report.ns - one.report.ns) / 1000 / switches;
	*misses = ((double)many.counts.misses - one.counts.misses) / switches;
}

int curve_draw(const char *path, const struct params *params)
{
	double x[POINTS], us[8][POINTS], misses;
	struct plot_series series[8];
	struct plot plot = {
		.title = "lmap-vm: cost of a context switch",
		.x_label = "pages that a task uses in its turn",
		.y_label = "us per switch",
		.x_log = true,
		.y_from_zero = true,
		.series = series,
		.nr_series = nr_backends,
	};
	uint64_t tasks = params->tasks ? params->tasks : 4;
	FILE *out;
	int ret;

	printf("\nCost of a context switch, %d tasks: us, and misses that it"
	       " causes\n  %-10s", (int)tasks, "pages");
	for (unsigned int p = 0; p < POINTS; p++) {
		x[p] = 1 << p;
		printf(" %14.0f", x[p]);
	}
	for (size_t b = 0; b < nr_backends; b++) {
		printf("\n  %-10s", backends[b]->name);
		for (unsigned int p = 0; p < POINTS; p++) {
			cost(backends[b], x[p], tasks, &us[b][p], &misses);
			printf(" %8.1f %5.1f", us[b][p], misses);
			fflush(stdout);
		}
		series[b] = (struct plot_series){ backends[b]->name, x, us[b],
						  POINTS };
	}
	printf("\n");
	out = fopen(path, "w");
	if (!out) {
		fprintf(stderr, "lmap-vm: %s: %s\n", path, strerror(errno));
		return -1;
	}
	ret = plot_svg(out, &plot);
	if (fclose(out))
		ret = -1;
	if (ret)
		fprintf(stderr, "lmap-vm: %s: %s\n", path, strerror(errno));
	else
		printf("  drawn in %s\n", path);
	return ret;
}
