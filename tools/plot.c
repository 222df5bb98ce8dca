// SPDX-License-Identifier: GPL-2.0
/*
 * Curves as SVG: axes with round numbers, a legend, text that is escaped. Must
 * never fail for what the values are: no value, one value and equal ones have
 * a diagram too.
 */
#include "plot.h"

#include <errno.h>
#include <math.h>

enum { WIDTH = 720, HEIGHT = 440, LEFT = 80, RIGHT = 170, TOP = 48, BOTTOM = 60 };

#define LABELS	12	/* that have room below an axis */

/* Okabe and Ito: told apart by all kinds of eyes, and in print by their order. */
static const char *const colours[PLOT_SERIES_MAX] = {
	"#0072b2", "#d55e00", "#009e73", "#cc79a7",
	"#e69f00", "#56b4e9", "#000000", "#f0e442",
};

static const char *const dashes[PLOT_SERIES_MAX] = {
	"none", "6,3", "2,3", "8,3,2,3", "none", "6,3", "2,3", "8,3,2,3",
};

/* What rounding may have added to a number of steps. */
#define NEAR	0.000000001

struct axis {
	double lo;
	double hi;
	double step;
	bool log;
};

static double scaled(const struct axis *axis, double value)
{
	return axis->log ? log(value) : value;
}

/* Where in 0..1 a value lies. */
static double place(const struct axis *axis, double value)
{
	double lo = scaled(axis, axis->lo), hi = scaled(axis, axis->hi);

	return (scaled(axis, value) - lo) / (hi - lo);
}

static double px(const struct axis *axis, double value)
{
	return LEFT + place(axis, value) * (WIDTH - LEFT - RIGHT);
}

static double py(const struct axis *axis, double value)
{
	return HEIGHT - BOTTOM - place(axis, value) * (HEIGHT - TOP - BOTTOM);
}

/* A step of 1, 2 or 5 times a power of ten, about six of which cover it. */
static double round_step(double width)
{
	double raw = width / 6, power = pow(10, floor(log10(raw)));
	double first = raw / power;

	return power * (first <= 1 ? 1 : first <= 2 ? 2 : first <= 5 ? 5 : 10);
}

static void axis_fit(struct axis *axis, double lo, double hi, double base)
{
	if (axis->log) {
		axis->lo = pow(base, floor(log(lo) / log(base) + NEAR));
		axis->hi = pow(base, ceil(log(hi) / log(base) - NEAR));
		if (axis->hi <= axis->lo)
			axis->hi = axis->lo * base;
		axis->step = base;
		return;
	}
	if (hi <= lo) {
		double pad = lo ? fabs(lo) / 2 : 1;

		lo -= pad;
		hi += pad;
	}
	axis->step = round_step(hi - lo);
	axis->lo = floor(lo / axis->step + NEAR) * axis->step;
	axis->hi = ceil(hi / axis->step - NEAR) * axis->step;
}

static void range_of(const struct plot *plot, bool y, double *lo, double *hi)
{
	bool any = false;

	*lo = *hi = 1;
	for (size_t s = 0; s < plot->nr_series; s++)
		for (size_t i = 0; i < plot->series[s].n; i++) {
			double v = y ? plot->series[s].y[i] :
				       plot->series[s].x[i];

			if (!isfinite(v))
				continue;
			if (!any || v < *lo)
				*lo = v;
			if (!any || v > *hi)
				*hi = v;
			any = true;
		}
}

static void text(FILE *out, double x, double y, const char *anchor,
		 const char *more, const char *s)
{
	fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\"%s>", x, y,
		anchor, more);
	for (; *s; s++)
		switch (*s) {
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '&':
			fputs("&amp;", out);
			break;
		default:
			fputc(*s, out);
		}
	fputs("</text>\n", out);
}

static void line(FILE *out, double x1, double y1, double x2, double y2,
		 const char *colour)
{
	fprintf(out,
		"<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\"/>\n",
		x1, y1, x2, y2, colour);
}

static double axis_next(const struct axis *axis, double v)
{
	return axis->log ? v * axis->step : v + axis->step;
}

static bool axis_within(const struct axis *axis, double v)
{
	return axis->log ? v <= axis->hi * 1.0001 :
			   v <= axis->hi + axis->step / 2;
}

/* Every so manieth number below the axis has room. */
static unsigned int label_every(const struct axis *axis)
{
	unsigned int n = 0;

	for (double v = axis->lo; axis_within(axis, v); v = axis_next(axis, v))
		n++;
	return (n + LABELS - 1) / LABELS;
}

static void x_label(char *label, size_t size, const struct plot *plot,
		    double v)
{
	unsigned int i = 0;

	while (plot->x_binary && v >= 1024 && i < 3) {
		v /= 1024;
		i++;
	}
	snprintf(label, size, "%.6g%.1s", v, &"\0KMG"[i]);
}

static void draw_axes(FILE *out, const struct plot *plot,
		      const struct axis *ax, const struct axis *ay)
{
	unsigned int n = 0, every = label_every(ax);
	char label[32];

	for (double v = ax->lo; axis_within(ax, v); v = axis_next(ax, v)) {
		if (n++ % every)
			continue;
		line(out, px(ax, v), TOP, px(ax, v), HEIGHT - BOTTOM, "#ddd");
		x_label(label, sizeof(label), plot, v);
		text(out, px(ax, v), HEIGHT - BOTTOM + 18, "middle", "", label);
	}
	for (double v = ay->lo; axis_within(ay, v); v = axis_next(ay, v)) {
		line(out, LEFT, py(ay, v), WIDTH - RIGHT, py(ay, v), "#ddd");
		snprintf(label, sizeof(label), "%.6g",
			 fabs(v) < ay->step / 1000 && !ay->log ? 0 : v);
		text(out, LEFT - 8, py(ay, v) + 4, "end", "", label);
	}
	line(out, LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT, HEIGHT - BOTTOM, "#000");
	line(out, LEFT, TOP, LEFT, HEIGHT - BOTTOM, "#000");
	text(out, (LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 18, "middle", "",
	     plot->x_label);
	text(out, 0, 0, "middle", " transform=\"translate(16,216) rotate(-90)\"",
	     plot->y_label);
	text(out, LEFT, 24, "start", " font-weight=\"bold\"", plot->title);
}

static void draw_series(FILE *out, const struct plot *plot, size_t s,
			const struct axis *ax, const struct axis *ay)
{
	const struct plot_series *series = &plot->series[s];
	double y = TOP + 12 + 20.0 * s;

	fprintf(out,
		"<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"2\" stroke-dasharray=\"%s\" points=\"",
		colours[s], dashes[s]);
	for (size_t i = 0; i < series->n; i++)
		if (isfinite(series->x[i]) && isfinite(series->y[i]))
			fprintf(out, "%.1f,%.1f ", px(ax, series->x[i]),
				py(ay, series->y[i]));
	fputs("\"/>\n", out);
	for (size_t i = 0; i < series->n; i++)
		if (isfinite(series->x[i]) && isfinite(series->y[i]))
			fprintf(out,
				"<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"/>\n",
				px(ax, series->x[i]), py(ay, series->y[i]),
				colours[s]);
	fprintf(out,
		"<line x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\" stroke=\"%s\" stroke-width=\"2\" stroke-dasharray=\"%s\"/>\n",
		WIDTH - RIGHT + 12, y, WIDTH - RIGHT + 40, y, colours[s],
		dashes[s]);
	text(out, WIDTH - RIGHT + 46, y + 4, "start", "", series->name);
}

int plot_svg(FILE *out, const struct plot *plot)
{
	struct axis ax = { .log = plot->x_log }, ay = { .log = plot->y_log };
	double lo, hi;

	if (plot->nr_series > PLOT_SERIES_MAX) {
		errno = EINVAL;
		return -1;
	}
	range_of(plot, false, &lo, &hi);
	axis_fit(&ax, lo, hi, 2);
	range_of(plot, true, &lo, &hi);
	if (plot->y_from_zero && lo > 0)
		lo = 0;
	axis_fit(&ay, lo, hi, 10);
	fprintf(out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" font-size=\"13\">\n<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
		WIDTH, HEIGHT, WIDTH, HEIGHT);
	draw_axes(out, plot, &ax, &ay);
	for (size_t s = 0; s < plot->nr_series; s++)
		draw_series(out, plot, s, &ax, &ay);
	fputs("</svg>\n", out);
	return fflush(out) || ferror(out) ? -1 : 0;
}
