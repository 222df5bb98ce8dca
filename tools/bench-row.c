// SPDX-License-Identifier: GPL-2.0
/*
 * lmap-bench: rows as a table for people, as CSV (RFC 4180) and as JSON, one
 * object a line. Must never leave a value out of one of them, and quotes what
 * is text.
 */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

static const char *const yardsticks[] = {
	"call", "touch", "unmap", "munmap", "fork", "userfaultfd", "itself",
};

static struct {
	FILE *to;
	enum output how;
} outputs[3];
static unsigned int nr_outputs;
static unsigned int failed, missed, reached;
static const char *group = "", *shown;

static const char *clock_unit(void)
{
	return options.icount ? "instructions" : "ns";
}

void rows_open(enum output how, FILE *to)
{
	outputs[nr_outputs].how = how;
	outputs[nr_outputs++].to = to;
	setvbuf(to, NULL, _IOLBF, 0);
	if (how == CSV)
		fputs("group,name,value,low,high,unit,per,against,other,ratio,limit,target,target_ratio,reached,by\n",
		      to);
}

void rows_group(const char *name)
{
	group = name;
}

const char *named(const char *format, ...)
{
	va_list args;
	char *name;

	va_start(args, format);
	if (vasprintf(&name, format, args) < 0)
		die("vasprintf");
	va_end(args);
	return name;
}

static double ratio_of(const struct row *r)
{
	return r->against && r->other > 0 ? r->cost.value / r->other : 0;
}

/* A target in instructions says nothing of nanoseconds. */
static bool has_target(const struct row *r)
{
	return r->target_ratio > 0 ||
	       (r->target > 0 && (options.icount || r->unit));
}

static bool is_reached(const struct row *r)
{
	return (!r->target_ratio || ratio_of(r) <= r->target_ratio) &&
	       (!r->target || r->cost.value <= r->target);
}

static const char *verdict(const struct row *r)
{
	return !has_target(r) ? "" : is_reached(r) ? "yes" : "no";
}

static void number(FILE *to, double v)
{
	fprintf(to, v < 10 ? "%.3f" : v < 1000 ? "%.1f" : "%.0f", v);
}

static void csv_text(FILE *to, const char *s)
{
	if (!strpbrk(s, ",\"\r\n")) {
		fputs(s, to);
		return;
	}
	fputc('"', to);
	for (; *s; s++)
		fprintf(to, *s == '"' ? "\"%c" : "%c", *s);
	fputc('"', to);
}

static void csv_number(FILE *to, double v)
{
	fputc(',', to);
	if (v)
		number(to, v);
}

static void csv_row(FILE *to, const struct row *r)
{
	csv_text(to, group);
	fputc(',', to);
	csv_text(to, r->name);
	csv_number(to, r->cost.value);
	csv_number(to, r->cost.low);
	csv_number(to, r->cost.high);
	fputc(',', to);
	csv_text(to, r->unit ?: clock_unit());
	fputc(',', to);
	csv_text(to, r->per);
	fputc(',', to);
	csv_text(to, r->against ?: "");
	csv_number(to, r->against ? r->other : 0);
	csv_number(to, ratio_of(r));
	csv_number(to, r->limit);
	csv_number(to, r->target);
	csv_number(to, r->target_ratio);
	fprintf(to, ",%s,%s\n", verdict(r), yardsticks[r->by]);
}

static void json_text(FILE *to, const char *key, const char *s)
{
	fprintf(to, "\"%s\": \"", key);
	for (; *s; s++)
		if (*s == '"' || *s == '\\')
			fprintf(to, "\\%c", *s);
		else if ((unsigned char)*s < ' ')
			fprintf(to, "\\u%04x", *s);
		else
			fputc(*s, to);
	fputc('"', to);
}

static void json_number(FILE *to, const char *key, double v)
{
	fprintf(to, ", \"%s\": ", key);
	number(to, v);
}

static void json_row(FILE *to, const struct row *r)
{
	fputc('{', to);
	json_text(to, "group", group);
	fputs(", ", to);
	json_text(to, "name", r->name);
	json_number(to, "value", r->cost.value);
	if (r->cost.high) {
		json_number(to, "low", r->cost.low);
		json_number(to, "high", r->cost.high);
	}
	fputs(", ", to);
	json_text(to, "unit", r->unit ?: clock_unit());
	fputs(", ", to);
	json_text(to, "per", r->per);
	if (r->against) {
		fputs(", ", to);
		json_text(to, "against", r->against);
		json_number(to, "other", r->other);
		json_number(to, "ratio", ratio_of(r));
	}
	if (r->limit)
		json_number(to, "limit", r->limit);
	if (r->target)
		json_number(to, "target", r->target);
	if (r->target_ratio)
		json_number(to, "target_ratio", r->target_ratio);
	if (has_target(r))
		fprintf(to, ", \"reached\": %s",
			is_reached(r) ? "true" : "false");
	fputs(", ", to);
	json_text(to, "by", yardsticks[r->by]);
	fputs("}\n", to);
}

static void table_target(FILE *to, const struct row *r)
{
	if (!has_target(r))
		fprintf(to, " %-18s", "");
	else if (r->target_ratio)
		fprintf(to, " %8.2f x %-7s", r->target_ratio,
			is_reached(r) ? "reached" : "MISSED");
	else
		fprintf(to, " %10.0f %-7s", r->target,
			is_reached(r) ? "reached" : "MISSED");
}

static void table_head(FILE *to)
{
	fprintf(to, "\n%-44s %12s %-8s", group,
		options.icount ? "instructions" : "ns", "per");
	if (!options.icount)
		fprintf(to, " %-23s", "95 % of the median");
	fprintf(to, " %-18s %s\n", "    target", "  ratio");
}

static void table_row(FILE *to, const struct row *r)
{
	double v = r->cost.value;

	if (shown != group)
		table_head(to);
	fprintf(to, "%-44s %12.*f %-8s", r->name, v < 1000 ? 1 : 0, v, r->per);
	if (!options.icount && !r->cost.high)
		fprintf(to, " %23s", "");
	else if (!options.icount)
		fprintf(to, " %10.*f .. %-9.*f", v < 1000 ? 1 : 0, r->cost.low,
			v < 1000 ? 1 : 0, r->cost.high);
	table_target(to, r);
	if (r->against)
		fprintf(to, " %7.2f x %s", ratio_of(r), r->against);
	if (r->limit)
		fprintf(to, " (at most %.1f%s)", r->limit,
			ratio_of(r) > r->limit ? ": TOO MUCH" : "");
	fputc('\n', to);
}

void row_add(const struct row *r)
{
	if (r->limit && ratio_of(r) > r->limit)
		failed++;
	if (has_target(r))
		is_reached(r) ? reached++ : missed++;
	for (unsigned int i = 0; i < nr_outputs; i++)
		if (outputs[i].how == CSV)
			csv_row(outputs[i].to, r);
		else if (outputs[i].how == JSON)
			json_row(outputs[i].to, r);
		else
			table_row(outputs[i].to, r);
	shown = group;
}

void report(const char *what, double ns, const char *against, double other,
	    double limit)
{
	row(.name = what, .per = "call", .cost = { ns, 0, 0 },
	    .against = against, .other = other, .limit = limit);
}

unsigned int rows_failed(void)
{
	return failed;
}

unsigned int rows_missed(void)
{
	return missed;
}

void rows_close(void)
{
	for (unsigned int i = 0; i < nr_outputs; i++) {
		if (outputs[i].how == TABLE)
			fprintf(outputs[i].to,
				"\n%u of %u targets reached; %u rows above their bound\n",
				reached, reached + missed, failed);
		if (fflush(outputs[i].to) || ferror(outputs[i].to))
			die("writing");
	}
}
