// SPDX-License-Identifier: GPL-2.0
/*
 * lmap-bench - what lending memory costs, beside what the kernel offers
 * without it, in one boot.
 *
 * Two ways to measure: wall clock, for people, with intervals in which the
 * true median lies; and instructions, in a guest whose clock counts them
 * (--icount; make bench), for targets and for noticing what has become dearer.
 * Nothing may be judged by absolute times.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lmap.h>

#include "bench.h"

#define ROUNDS_MAX	99

int space;
struct options options = { .siblings = 1000 };

void die(const char *what)
{
	fprintf(stderr, "lmap-bench: %s failed (%s)\n", what, strerror(errno));
	exit(1);
}

/* What --only can choose, in the order of the table. */
static const struct {
	const char *name;
	void (*fn)(void);
} groups[] = {
	{ "kernel", bench_kernel },
	{ "map", bench_map },
	{ "overmap", bench_overmap },
	{ "reserve", bench_reserve },
	{ "cycle", bench_cycle },
	{ "touch", bench_touch },
	{ "unmap", bench_unmap },
	/* before any that leave the page allocator's lists in disorder */
	{ "lender", bench_lender },
	{ "idle", bench_idle },
	{ "subtree", bench_subtree },
	{ "depth", bench_depth },
	{ "siblings", bench_siblings },
	{ "receivers", bench_receivers },
	{ "send", bench_send },
	{ "copy", bench_copy },
	{ "status", bench_status },
	{ "event", bench_event },
	{ "pager", bench_pager },
	{ "memory", bench_memory },
};

enum {
	OPT_CHECK = 256, OPT_TARGETS, OPT_WALL, OPT_ICOUNT, OPT_JSON, OPT_CSV,
	OPT_SVG, OPT_LATENCY, OPT_PARALLEL, OPT_ROUNDS, OPT_ONLY, OPT_SIBLINGS,
};

static const struct option long_options[] = {
	{ "check", no_argument, NULL, OPT_CHECK },
	{ "targets", no_argument, NULL, OPT_TARGETS },
	{ "wall", no_argument, NULL, OPT_WALL },
	{ "icount", no_argument, NULL, OPT_ICOUNT },
	{ "json", optional_argument, NULL, OPT_JSON },
	{ "csv", optional_argument, NULL, OPT_CSV },
	{ "svg", required_argument, NULL, OPT_SVG },
	{ "latency", no_argument, NULL, OPT_LATENCY },
	{ "parallel", no_argument, NULL, OPT_PARALLEL },
	{ "rounds", required_argument, NULL, OPT_ROUNDS },
	{ "only", required_argument, NULL, OPT_ONLY },
	{ "siblings", required_argument, NULL, OPT_SIBLINGS },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 }
};

static const char *const help[] = {
	"Usage: lmap-bench [options]",
	"",
	"  --wall            nanoseconds, and where the median lies with 95 %",
	"                    confidence (default)",
	"  --icount          the clock counts instructions: only where it does, and",
	"                    as root",
	"  --only=GROUP,...  some of the groups below",
	"  --rounds=N        how often each row is measured, 1 to 99 (31; 9 with",
	"                    --icount)",
	"  --siblings=N      mappings beside the one that is measured, up to N",
	"                    (1000)",
	"  --check           status 1 if a ratio is above its bound",
	"  --targets         status 1 if a target is missed",
	"  --csv[=FILE]      values separated by commas, instead of the table or into",
	"                    a file",
	"  --json[=FILE]     one object a row, likewise",
	"  --svg=DIRECTORY   write curves there",
	"  --latency         something else: who waits for whom, and how long",
	"  --parallel        something else: what two get done at the same time",
	"  -h, --help        this",
	"",
	"Groups:",
};

/* What was asked, beyond what all parts see. */
struct wishes {
	bool chosen[SIZE_OF(groups)];
	bool some, check, targets, latency, parallel, silent;
	const char *svg;
};

static void usage(FILE *to)
{
	for (size_t i = 0; i < SIZE_OF(help); i++)
		fprintf(to, "%s%s", help[i],
			i + 1 < SIZE_OF(help) ? "\n" : "");
	for (size_t i = 0; i < SIZE_OF(groups); i++)
		fprintf(to, " %s", groups[i].name);
	fputc('\n', to);
}

static bool choose(struct wishes *w, char *names)
{
	char *rest = names, *name;

	while ((name = strsep(&rest, ","))) {
		size_t i = 0;

		while (i < SIZE_OF(groups) && strcmp(groups[i].name, name))
			i++;
		if (i == SIZE_OF(groups))
			return false;
		w->chosen[i] = true;
	}
	w->some = true;
	return true;
}

static bool number_of(const char *s, unsigned long most, unsigned long *out)
{
	char *tail;

	errno = 0;
	*out = strtoul(s, &tail, 10);
	return !errno && *s >= '1' && *s <= '9' && !*tail && *out <= most;
}

static void open_output(struct wishes *w, enum output how, const char *file)
{
	FILE *to = file ? fopen(file, "w") : stdout;

	if (!to)
		die(file);
	if (!file)
		w->silent = true;
	rows_open(how, to);
}

/* False if it makes no sense. */
static bool option(struct wishes *w, int o)
{
	unsigned long n;

	switch (o) {
	case OPT_CHECK:
		return w->check = true;
	case OPT_TARGETS:
		return w->targets = true;
	case OPT_WALL:
		options.icount = false;
		return true;
	case OPT_ICOUNT:
		return options.icount = true;
	case OPT_LATENCY:
		return w->latency = true;
	case OPT_PARALLEL:
		return w->parallel = true;
	case OPT_SVG:
		w->svg = optarg;
		return true;
	case OPT_ONLY:
		return choose(w, optarg);
	case OPT_SIBLINGS:
		return number_of(optarg, 1000000, &options.siblings);
	case OPT_ROUNDS:
		if (!number_of(optarg, ROUNDS_MAX, &n))
			return false;
		options.rounds = n;
		return true;
	default:
		return false;
	}
}

static void run(const struct wishes *w)
{
	if (w->latency) {
		rows_group("latency");
		bench_latency();
		return;
	}
	if (w->parallel) {
		rows_group("parallel");
		bench_parallel();
		bench_scaling();
		return;
	}
	for (size_t i = 0; i < SIZE_OF(groups); i++)
		if (!w->some || w->chosen[i]) {
			rows_group(groups[i].name);
			groups[i].fn();
		}
}

int main(int argc, char **argv)
{
	const char *csv = NULL, *json = NULL;
	bool to_csv = false, to_json = false;
	struct wishes w = { 0 };
	int o;

	while ((o = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		if (o == 'h') {
			usage(stdout);
			return 0;
		} else if (o == OPT_CSV) {
			to_csv = true;
			csv = optarg;
		} else if (o == OPT_JSON) {
			to_json = true;
			json = optarg;
		} else if (!option(&w, o)) {
			usage(stderr);
			return 2;
		}
	}
	if (optind < argc || (to_csv && to_json && !csv && !json)) {
		usage(stderr);
		return 2;
	}
	if (sysconf(_SC_PAGESIZE) != PAGE) {
		fprintf(stderr, "lmap-bench: rows are of pages of 4 KiB, which this kernel has not\n");
		return 1;
	}
	if (!options.rounds)
		options.rounds = options.icount ? 9 : 31;
	space = lmap_open(0);
	if (space < 0) {
		fprintf(stderr, "lmap-bench: /dev/lmap: %s\n",
			strerror(-space));
		return 1;
	}
	if (to_csv)
		open_output(&w, CSV, csv);
	if (to_json)
		open_output(&w, JSON, json);
	if (!w.silent)
		rows_open(TABLE, stdout);
	clock_init();
	run(&w);
	rows_close();
	if (w.svg && curves_write(w.svg))
		return 1;
	return (w.check && rows_failed()) || (w.targets && rows_missed());
}
