// SPDX-License-Identifier: GPL-2.0
/*
 * lmap-bench: curves of cost, collected while rows are measured. Must never
 * hold a value that is not a row's.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "plot.h"

#define POINTS_MAX	16

struct curve {
	const char *name;
	double x[POINTS_MAX];
	double y[POINTS_MAX];
	size_t n;
};

static const struct {
	const char *file;
	const char *title;
	const char *x_label;
	bool y_log;
} about[NR_CURVES] = {
	[BY_SIZE] = { "bench-size.svg", "map by size, and unmap with 1 page present",
		      "size, bytes", false },
	[BY_PAGES] = { "bench-pages.svg", "by pages that are present",
		       "pages", true },
	[BY_DEPTH] = { "bench-depth.svg", "by depth of the mapping",
		       "levels below the lender", false },
	[BY_RECEIVERS] = { "bench-receivers.svg", "by number of receivers",
			   "receivers", true },
	[BY_SIBLINGS] = { "bench-siblings.svg", "by number of mappings beside",
			  "siblings", false },
};

static struct curve curves[NR_CURVES][PLOT_SERIES_MAX];
static size_t nr_curves[NR_CURVES];

void curve_add(enum curves plot, const char *series, double x, double y)
{
	struct curve *c = curves[plot];

	while (c < curves[plot] + nr_curves[plot] && strcmp(c->name, series))
		c++;
	if (c == curves[plot] + PLOT_SERIES_MAX)
		die("too many curves: drawing");
	if (c == curves[plot] + nr_curves[plot]) {
		c->name = series;
		nr_curves[plot]++;
	}
	if (c->n == POINTS_MAX)
		die("too many points: drawing");
	c->x[c->n] = x;
	c->y[c->n++] = y;
}

static int curves_plot(enum curves which, FILE *to)
{
	struct plot_series series[PLOT_SERIES_MAX];
	struct plot plot = {
		.title = about[which].title, .x_label = about[which].x_label,
		.y_label = options.icount ? "instructions" : "ns",
		.x_log = true, .x_binary = which == BY_SIZE,
		.y_log = about[which].y_log,
		.y_from_zero = !about[which].y_log, .series = series,
		.nr_series = nr_curves[which],
	};

	for (size_t i = 0; i < nr_curves[which]; i++) {
		const struct curve *c = &curves[which][i];

		series[i] = (struct plot_series){ c->name, c->x, c->y, c->n };
	}
	return plot_svg(to, &plot);
}

/* Those of which there is anything: --only leaves some out. */
int curves_write(const char *dir)
{
	for (int i = 0; i < NR_CURVES; i++) {
		const char *file = named("%s/%s", dir, about[i].file);
		FILE *to;

		if (!nr_curves[i])
			continue;
		to = fopen(file, "w");
		if (!to || curves_plot(i, to) | fclose(to)) {
			fprintf(stderr, "lmap-bench: %s: %s\n", file,
				strerror(errno));
			return -1;
		}
	}
	return 0;
}
