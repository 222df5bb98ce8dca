// SPDX-License-Identifier: GPL-2.0
/*
 * What each way costs: the same job, with times, copied bytes and page faults,
 * for the first job of a plugin and for the next ones; and how the time to hand
 * over and take back grows with the image. Must never call a result right that
 * was not compared.
 */
#define _GNU_SOURCE
#include "sandbox.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <lmap.h>
#include "plot.h"

enum phase { GIVE, WORKS, SETTLE, TAKE, SUM, FAULTS, COLUMNS };

/* What is compared. */
static const struct variant {
	enum way way;
	bool populate;
	const char *name;
} variants[] = {
	{ LEND, false, "lend" },
	{ LEND, true, "lend, populate" },
	{ MEMFD, false, "memfd, seals" },
	{ TAKEN, false, "memfd, truncate" },
	{ COPY, false, "copy" },
};

#define VARIANTS	ARRAY_SIZE(variants)

struct cost {
	uint64_t value[COLUMNS];
};

/* Faults without input or output, of the host and of the plugin. */
static uint64_t faults(const struct loan *l)
{
	unsigned long plugin = 0;
	struct rusage usage;
	char path[40];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", l->pid);
	f = fopen(path, "r");
	if (!f || fscanf(f, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %lu",
			 &plugin) != 1)
		fail("%s: %s", path, strerror(errno));
	fclose(f);
	if (getrusage(RUSAGE_SELF, &usage))
		fail("getrusage: %s", strerror(errno));
	return plugin + usage.ru_minflt;
}

/* Returns where the host has the result. */
static unsigned char *one_job(struct loan *l, enum what what, struct cost *c)
{
	struct order o = { .what = what, .bytes = l->bytes,
			   .filter = options.filter };
	uint64_t t[5], before = faults(l);
	unsigned char *seen;
	struct answer a;

	t[0] = now();
	loan_give(l);
	t[1] = now();
	if (!loan_ask(l, &o, &a) || a.outcome.sig || a.outcome.err)
		fail("the plugin has not done its work");
	t[2] = now();
	seen = loan_settle(l);
	t[3] = now();
	loan_take(l);
	t[4] = now();
	for (int i = 0; i < 4; i++)
		c->value[i] = t[i + 1] - t[i];
	c->value[SUM] = t[4] - t[0];
	c->value[FAULTS] = faults(l) - before;
	return seen;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static uint64_t median(const struct cost *costs, size_t n, int column)
{
	uint64_t *v = malloc(n * sizeof(*v)), m;

	if (!v)
		fail("no memory");
	for (size_t i = 0; i < n; i++)
		v[i] = costs[i].value[column];
	qsort(v, n, sizeof(*v), compare);
	m = v[n / 2];
	free(v);
	return m;
}

/* A truncated file is gone, and a new one can't reach who is confined. */
static bool reusable(enum way way)
{
	return way != TAKEN;
}

static void show(const char *name, const char *which, const struct cost *costs,
		 size_t n, const struct loan *l)
{
	printf("  %-16s %-6s", name, which);
	for (int i = GIVE; i <= SUM; i++)
		printf(" %9.2f", median(costs, n, i) / 1e6);
	printf(" %8" PRIu64 " %8" PRIu64 " %8" PRIu64 "\n",
	       median(costs, n, FAULTS), l->copied / 1024, l->extra / 1024);
}

struct bench {
	int space;
	const unsigned char *source;
	struct image image;
	uint64_t wanted;
};

static void prepare(struct loan *l, const struct bench *b,
		    const struct variant *v, size_t bytes)
{
	size_t page = page_size();

	memset(l, 0, sizeof(*l));
	l->way = v->way;
	l->populate = v->populate;
	l->space = b->space;
	l->bytes = bytes;
	l->size = (bytes + page - 1) & ~(page - 1);
	l->memory = buffer_make(l->size);
	memset(l->memory, 0, l->size);
}

static void measure_way(const struct bench *b, const struct variant *v)
{
	size_t n = options.rounds + 1;
	struct cost *costs = calloc(n, sizeof(*costs));
	const unsigned char *seen;
	struct loan l;

	if (!costs)
		fail("no memory");
	prepare(&l, b, v, b->image.bytes);
	loan_start(&l, BY_ACCESS);
	for (size_t i = 0; i < n; i++) {
		if (i && !reusable(v->way)) {
			loan_end(&l);
			loan_start(&l, BY_ACCESS);
		}
		memcpy(l.memory, b->source, l.bytes);
		l.copied = 0;
		seen = one_job(&l, WORK, &costs[i]);
		expect(checksum(seen, l.bytes) == b->wanted,
		       "the pixels that the filter gives");
	}
	show(v->name, "first", costs, 1, &l);
	show("", reusable(v->way) ? "next" : "first", costs + 1, n - 1, &l);
	loan_end(&l);
	buffer_free(l.memory, l.size);
	free(costs);
}

void costs_run(void)
{
	struct bench b = { .space = lmap_open(0) };
	uint32_t histogram[256];
	unsigned char *home;

	if (b.space < 0)
		fail("lmap: %s", strerror(-b.space));
	b.source = image_load(&b.image);
	home = malloc(b.image.bytes);
	if (!home)
		fail("no memory");
	memcpy(home, b.source, b.image.bytes);
	image_filter(home, &b.image, options.filter, histogram);
	b.wanted = checksum(home, b.image.bytes);
	free(home);
	printf("\nCosts of the job with %u x %u pixels, %zu KiB; \"next\": median of %u jobs of a plugin that is there\n\n",
	       b.image.width, b.image.height, b.image.bytes / 1024,
	       options.rounds);
	printf("  %-16s %-6s %9s %9s %9s %9s %9s %8s %8s %8s\n", "", "job",
	       "give", "work", "settle", "take", "sum", "page", "copied",
	       "memory");
	printf("  %-16s %-6s %9s %9s %9s %9s %9s %8s %8s %8s\n", "", "",
	       "ms", "ms", "ms", "ms", "ms", "faults", "KiB", "KiB");
	for (size_t i = 0; i < VARIANTS; i++)
		measure_way(&b, &variants[i]);
	close(b.space);
	free((void *)b.source);
}

/* The curve: the plugin touches each page, and that is all. */

#define POINTS	20

static double point(const struct bench *b, const struct variant *v,
		    size_t bytes)
{
	size_t n = options.rounds;
	struct cost *costs = calloc(n, sizeof(*costs));
	unsigned char *seen;
	struct loan l;
	double ms;

	if (!costs)
		fail("no memory");
	prepare(&l, b, v, bytes);
	loan_start(&l, BY_ACCESS);
	for (size_t i = 0; i < n; i++) {
		if (i && !reusable(v->way)) {
			loan_end(&l);
			loan_start(&l, BY_ACCESS);
		}
		memset(l.memory, i, l.size);
		seen = one_job(&l, TOUCH, &costs[i]);
		expect(seen[0] == (unsigned char)(i + 1) &&
		       seen[bytes - page_size()] == (unsigned char)(i + 1),
		       "the bytes that the plugin has touched");
	}
	ms = median(costs, n, SUM) / 1e6;
	loan_end(&l);
	buffer_free(l.memory, l.size);
	free(costs);
	return ms;
}

static void draw(const double *x, double (*y)[POINTS], size_t n)
{
	struct plot_series series[VARIANTS];
	struct plot plot = {
		.title = "An image to a plugin and back, each page touched",
		.x_label = "size, KiB",
		.y_label = "time, ms",
		.x_log = true,
		.y_log = true,
		.series = series,
		.nr_series = VARIANTS,
	};
	FILE *f = fopen(options.svg, "w");

	for (size_t i = 0; i < VARIANTS; i++)
		series[i] = (struct plot_series){ variants[i].name, x, y[i], n };
	if (!f || plot_svg(f, &plot) || fclose(f))
		fail("%s: %s", options.svg, strerror(errno));
	printf("\n  The curve is in %s\n", options.svg);
}

void curve_run(void)
{
	struct bench b = { .space = lmap_open(0) };
	double x[POINTS], y[VARIANTS][POINTS];
	size_t n = 0;

	if (b.space < 0)
		fail("lmap: %s", strerror(-b.space));
	printf("\nTime for an image that goes to a plugin, which touches each page, and comes back, ms\n\n  %10s",
	       "KiB");
	for (size_t i = 0; i < VARIANTS; i++)
		printf(" %16s", variants[i].name);
	printf("\n");
	for (size_t size = 64 << 10; size <= options.curve_max && n < POINTS;
	     size *= 2, n++) {
		x[n] = size / 1024;
		printf("  %10zu", size / 1024);
		for (size_t i = 0; i < VARIANTS; i++) {
			y[i][n] = point(&b, &variants[i], size);
			printf(" %16.2f", y[i][n]);
		}
		printf("\n");
	}
	if (options.svg)
		draw(x, y, n);
	close(b.space);
}
