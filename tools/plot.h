/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Curves as SVG, for the tools that show one. Must never depend on what is
 * drawn, nor write anything but what it was told.
 */
#ifndef LMAP_PLOT_H
#define LMAP_PLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define PLOT_SERIES_MAX	8

/**
 * struct plot_series - one curve
 * @name: for the legend
 * @x: values
 * @y: values, as many
 * @n: how many; points are drawn in this order
 */
struct plot_series {
	const char *name;
	const double *x;
	const double *y;
	size_t n;
};

/**
 * struct plot - a diagram
 * @title: above it
 * @x_label: below the axis, with the unit
 * @y_label: beside the axis, with the unit
 * @x_log: the axis is logarithmic (base 2); all values are greater than 0
 * @x_binary: numbers on the axis are written with K, M, G for 2^10 and so on
 * @y_log: the axis is logarithmic (base 10)
 * @y_from_zero: the y axis begins at 0 (not with @y_log)
 * @series: curves
 * @nr_series: how many, at most PLOT_SERIES_MAX
 */
struct plot {
	const char *title;
	const char *x_label;
	const char *y_label;
	bool x_log;
	bool x_binary;
	bool y_log;
	bool y_from_zero;
	const struct plot_series *series;
	size_t nr_series;
};

/**
 * plot_svg - write a diagram
 * @out: where to
 * @plot: what
 *
 * Return: 0, or -1 and errno if it could not be written.
 */
int plot_svg(FILE *out, const struct plot *plot);

#endif /* LMAP_PLOT_H */
