// SPDX-License-Identifier: GPL-2.0
/*
 * Results as tables for people, as CSV and as curves. Tables have absolute times
 * of ours and say of the others how many times longer they take, which is nearly
 * the same on any machine. Must never compute anything else.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "compare.h"
#include "../../../tools/plot.h"

#define POINTS_MAX	32

static void head(FILE *out, const char *x)
{
	fprintf(out, "%10s %12s", x, contenders[0]->name);
	for (size_t i = 1; i < nr_contenders; i++)
		fprintf(out, " %8s", contenders[i]->name);
	fputc('\n', out);
}

static void row(FILE *out, const struct measured *m, size_t phase, bool bytes,
		const char *unit)
{
	double first = 0;

	fprintf(out, "%10g", m->x);
	for (size_t i = 0; i < nr_contenders; i++) {
		const struct result *r = &m->result[i][phase];
		double value = bytes ? r->bytes : r->ns;

		if (m->left_out[i]) {
			fprintf(out, i ? " %8s" : " %12s", "-");
		} else if (!i) {
			first = value;
			fprintf(out, " %9.*f %s", value < 100 ? 1 : 0, value,
				unit);
		} else if (m->left_out[0]) {
			fprintf(out, " %8s", "?");
		} else {
			fprintf(out, " x%7.*f", value / first < 100 ? 2 : 0,
				value / first);
		}
	}
	fputc('\n', out);
}

void report_table(FILE *out, const struct measured *m, size_t nr)
{
	for (size_t p = 0; p < m->nr_phases; p++) {
		fprintf(out, "\n%s: %s\n", m->work, m->phases[p]);
		head(out, "");
		for (size_t k = 0; k < nr; k++)
			row(out, &m[k], p, false, "ns");
	}
}

void report_memory(FILE *out, const char *title, const char *x,
		   const struct measured *m, size_t nr, size_t phase)
{
	fprintf(out, "\n%s: bytes per mapping\n", title);
	head(out, x);
	for (size_t k = 0; k < nr; k++)
		row(out, &m[k], phase, true, "B ");
}

void report_roots(FILE *out, const struct roots *r)
{
	fprintf(out, "\nfrom a mapping to its region, ns\n");
	fprintf(out, "%10s %8s %8s %8s %8s %8s\n", "level", "search", "cache",
		"(first)", "link", "(relink)");
	for (int i = 0; i < ROOT_DEPTHS; i++)
		fprintf(out, "%10u %8.1f %8.1f %8.1f %8.1f %8.1f\n",
			r->depth[i], r->search[i], r->cached[i], r->first[i],
			r->link[i], r->relink[i]);
}

void report_csv_head(FILE *out)
{
	fprintf(out, "workload,x,phase,contender,ns,bytes_per_mapping\n");
}

void report_csv(FILE *out, const struct measured *m, size_t nr)
{
	for (size_t k = 0; k < nr; k++)
		for (size_t p = 0; p < m[k].nr_phases; p++)
			for (size_t i = 0; i < nr_contenders; i++)
				if (!m[k].left_out[i])
					fprintf(out, "%s,%g,%s,%s,%.2f,%.1f\n",
						m[k].work, m[k].x,
						m[k].phases[p],
						contenders[i]->name,
						m[k].result[i][p].ns,
						m[k].result[i][p].bytes);
}

void report_csv_roots(FILE *out, const struct roots *r)
{
	static const char *const names[] = { "search", "cache", "cache first",
					     "link", "relink" };
	const double *value[] = { r->search, r->cached, r->first, r->link,
				  r->relink };

	for (int i = 0; i < ROOT_DEPTHS; i++)
		for (int k = 0; k < 5; k++)
			fprintf(out, "root,%u,find,%s,%.2f,\n", r->depth[i],
				names[k], value[k][i]);
}

static bool plot_write(const char *path, const struct plot *plot)
{
	FILE *out = fopen(path, "w");
	bool ok;

	if (!out) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return false;
	}
	ok = !plot_svg(out, plot);
	if (fclose(out))
		ok = false;
	if (!ok)
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
	return ok;
}

bool report_plot(const char *path, const char *title, const char *x_label,
		 double base, const struct measured *m, size_t nr,
		 size_t phase, bool bytes)
{
	static double x[CONTENDERS_MAX][POINTS_MAX], y[CONTENDERS_MAX][POINTS_MAX];
	struct plot_series series[CONTENDERS_MAX] = {};
	const struct plot plot = {
		.title = title, .x_label = x_label, .y_log = true,
		.y_label = bytes ? "bytes per mapping" : "ns",
		.series = series, .nr_series = nr_contenders,
	};

	for (size_t i = 0; i < nr_contenders; i++) {
		struct plot_series *s = &series[i];

		s->name = contenders[i]->name;
		s->x = x[i];
		s->y = y[i];
		for (size_t k = 0; k < nr && k < POINTS_MAX; k++) {
			const struct result *r = &m[k].result[i][phase];

			if (m[k].left_out[i])
				continue;
			x[i][s->n] = base ? log(m[k].x) / log(base) : m[k].x;
			y[i][s->n++] = bytes ? r->bytes : r->ns;
		}
	}
	return plot_write(path, &plot);
}

bool report_plot_roots(const char *path, const struct roots *r)
{
	double x[ROOT_DEPTHS];
	const struct plot_series series[] = {
		{ .name = "search", .x = x, .y = r->search, .n = ROOT_DEPTHS },
		{ .name = "cache", .x = x, .y = r->cached, .n = ROOT_DEPTHS },
		{ .name = "first time", .x = x, .y = r->first, .n = ROOT_DEPTHS },
		{ .name = "link", .x = x, .y = r->link, .n = ROOT_DEPTHS },
	};
	const struct plot plot = {
		.title = "From a mapping to its region", .x_log = true,
		.y_log = true, .x_label = "level of the mapping",
		.y_label = "ns", .series = series,
		.nr_series = ARRAY_SIZE(series),
	};

	for (int i = 0; i < ROOT_DEPTHS; i++)
		x[i] = r->depth[i];
	return plot_write(path, &plot);
}
