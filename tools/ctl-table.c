// SPDX-License-Identifier: GPL-2.0
/*
 * lmapctl: tables. Must never cut a cell: a column is as wide as it has to be.
 */
#include "ctl.h"

#include <stdlib.h>
#include <string.h>

struct ctl_table {
	const char *const *heads;
	size_t columns;
	size_t n_cells;
	char **cells;
};

/* Heads end with NULL; one that begins with '>' is for a column of numbers. */
struct ctl_table *ctl_table_new(const char *const *heads)
{
	struct ctl_table *t = ctl_zeroed(1, sizeof(*t));

	t->heads = heads;
	while (heads[t->columns])
		t->columns++;
	return t;
}

void ctl_table_cell(struct ctl_table *t, const char *text)
{
	char *copy = ctl_zeroed(strlen(text) + 1, 1);

	strcpy(copy, text);
	t->cells = ctl_more(t->cells, t->n_cells, sizeof(*t->cells));
	t->cells[t->n_cells++] = copy;
}

static const char *head_text(const struct ctl_table *t, size_t column)
{
	return t->heads[column] + (*t->heads[column] == '>');
}

static int column_width(const struct ctl_table *t, size_t column)
{
	size_t width = strlen(head_text(t, column)), i;

	for (i = column; i < t->n_cells; i += t->columns)
		if (strlen(t->cells[i]) > width)
			width = strlen(t->cells[i]);
	return width;
}

/* No blanks at the end of a line. */
static void put_cell(FILE *out, const struct ctl_table *t, size_t column,
		     const char *text, int width)
{
	const char *gap = column ? "  " : "";

	if (*t->heads[column] == '>')
		fprintf(out, "%s%*s", gap, width, text);
	else if (column + 1 < t->columns)
		fprintf(out, "%s%-*s", gap, width, text);
	else
		fprintf(out, "%s%s", gap, text);
}

/* Writes it and frees it. */
void ctl_table_end(struct ctl_table *t, FILE *out, const struct ctl_style *s)
{
	int *width = ctl_zeroed(t->columns, sizeof(*width));
	size_t i;

	fputs(ctl_color(s, CTL_HEAD), out);
	for (i = 0; i < t->columns; i++) {
		width[i] = column_width(t, i);
		put_cell(out, t, i, head_text(t, i), width[i]);
	}
	fprintf(out, "%s\n", ctl_color(s, CTL_END));
	for (i = 0; i < t->n_cells; i++) {
		size_t column = i % t->columns;

		put_cell(out, t, column, t->cells[i], width[column]);
		if (column + 1 == t->columns)
			putc('\n', out);
		free(t->cells[i]);
	}
	free(width);
	free(t->cells);
	free(t);
}
