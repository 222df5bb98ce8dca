// SPDX-License-Identifier: GPL-2.0
/*
 * How long writers wait: the longest time between two transfers of any of them
 * while an image is taken, for one size and as a curve. Must never leave an
 * image unexamined: a fast one that is wrong is worth nothing.
 */
#include "checkpoint.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plot.h"

enum how { NOTHING, LMAP, STOPPED, FORK, HOWS };

static const char *const names[HOWS] = {
	"no image", "lend, pager", "stop and copy", "fork, threads",
};

#define POINTS	20

static void examine(struct keeper *k, struct image *image)
{
	struct bank bank = k->bank;
	struct verdict v;

	bank.memory = image->memory;
	bank_recover(&bank);
	v = bank_look(&bank);
	expect(verdict_is_good(&v), "an image with the right sums");
}

static struct pause pause_processes(enum how how, size_t size)
{
	struct keeper *k = keeper_start(size, options.writers);
	struct image image;
	struct pause p = { 0 };

	image_init(&image, size);
	keeper_await(k, options.transfers);
	keeper_epoch(k);
	if (how == NOTHING) {
		keeper_await(k, options.transfers);
	} else {
		if (how == LMAP)
			checkpoint(k, &image, NULL, NULL);
		else
			checkpoint_stopped(k, &image);
		p.take = image.ns_take / 1e6;
		p.all = image.ns_all / 1e6;
		p.on_write = image.on_write;
		p.done = image.done;
	}
	p.gap = keeper_gap(k) / 1e6;
	if (how != NOTHING)
		examine(k, &image);
	image_free(&image);
	keeper_stop(k);
	return p;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Each number by itself: of which round it is does not matter. */
static struct pause measure(enum how how, size_t size)
{
	enum { FIELDS = sizeof(struct pause) / sizeof(double) };
	size_t n = options.rounds;
	double *values = calloc(n * FIELDS, sizeof(*values));
	struct pause p;

	if (!values)
		fail("no memory");
	for (size_t i = 0; i < n; i++) {
		p = how == FORK ? pause_fork(size) :
				  pause_processes(how, size);
		for (int f = 0; f < FIELDS; f++)
			values[f * n + i] = ((double *)&p)[f];
	}
	for (int f = 0; f < FIELDS; f++) {
		qsort(values + f * n, n, sizeof(*values), compare);
		((double *)&p)[f] = values[f * n + n / 2];
	}
	free(values);
	return p;
}

void pause_run(void)
{
	printf("\nThe longest wait of a writer: %u writers, %zu KiB, medians of %u images\n\n",
	       options.writers, options.size / 1024, options.rounds);
	printf("  %-16s %12s %12s %12s %12s %12s\n", "", "longest gap",
	       "the call", "until all", "saved at", "transfers");
	printf("  %-16s %12s %12s %12s %12s %12s\n", "", "ms", "ms",
	       "is saved, ms", "a write", "meanwhile");
	for (int how = 0; how < HOWS; how++) {
		struct pause p = measure(how, options.size);

		printf("  %-16s %12.2f", names[how], p.gap);
		if (how == NOTHING)
			printf(" %12s %12s %12s %12s\n", "-", "-", "-", "-");
		else
			printf(" %12.2f %12.2f %12.0f %12.0f\n", p.take, p.all,
			       p.on_write, p.done);
	}
	printf("\n  \"stop and copy\": SIGSTOP to all, one copy. \"fork, threads\": the writers are threads of one\n"
	       "  process and the memory is its own, since fork() makes no image of shared memory.\n");
}

static void draw(const double *x, double (*y)[POINTS], size_t n)
{
	struct plot_series series[HOWS];
	struct plot plot = {
		.title = "Longest wait of a writer while an image is taken",
		.x_label = "memory, KiB",
		.y_label = "longest time between two transfers, ms",
		.x_log = true,
		.y_log = true,
		.series = series,
		.nr_series = HOWS,
	};
	FILE *f = fopen(options.svg, "w");

	for (int how = 0; how < HOWS; how++)
		series[how] = (struct plot_series){ names[how], x, y[how], n };
	if (!f || plot_svg(f, &plot) || fclose(f))
		fail("%s: %s", options.svg, strerror(errno));
	printf("\n  The curve is in %s\n", options.svg);
}

void curve_run(void)
{
	double x[POINTS], y[HOWS][POINTS];
	size_t n = 0;

	printf("\nThe longest gap between two transfers of a writer, ms; medians of %u\n\n  %10s",
	       options.rounds, "KiB");
	for (int how = 0; how < HOWS; how++)
		printf(" %16s", names[how]);
	printf("\n");
	for (size_t size = 1 << 20; size <= options.max && n < POINTS;
	     size *= 2, n++) {
		x[n] = size / 1024;
		printf("  %10zu", size / 1024);
		for (int how = 0; how < HOWS; how++) {
			y[how][n] = measure(how, size).gap;
			printf(" %16.2f", y[how][n]);
			fflush(stdout);
		}
		printf("\n");
	}
	if (options.svg)
		draw(x, y, n);
}
