// SPDX-License-Identifier: GPL-2.0
/*
 * compare - ways to keep mappings, measured against each other: the module's
 * database, and small models of what is known from microkernels. Each is first
 * compared with the naive model, and one that is wrong is not measured. What is
 * printed was measured just now.
 */
#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "compare.h"

#define POINTS	20

enum series {
	RANDOM, DISCARD, ONE_FRAME, FRAMES, BROAD, CHAIN, HOLES, PAGES, SERIES
};

static struct measured results[SERIES][POINTS];
static size_t nr_points[SERIES];

static int tests, failed;

static bool result(bool ok, const char *format, const char *name)
{
	printf("%sok %d mdb compare: ", ok ? "" : "not ", ++tests);
	printf(format, name);
	putchar('\n');
	fflush(stdout);
	failed += !ok;
	return ok;
}

static bool verify_all(unsigned int seeds)
{
	for (size_t i = 0; i < nr_contenders; i++)
		result(verify(contenders[i], seeds, true),
		       "%s does what the naive model does", contenders[i]->name);
	for (size_t i = 0; i < nr_wrong_ones; i++)
		result(!verify(wrong_ones[i], seeds, false),
		       "one that %s is found out", wrong_ones[i]->name);
	return !failed;
}

/* The next point of a series; frees the workload. */
static bool point(enum series s, struct work *work, bool quick)
{
	struct measured *m = &results[s][nr_points[s]];
	bool ok = measure(work, nr_points[s] ? m - 1 : NULL, quick, m);

	nr_points[s]++;
	work_free(work);
	return ok;
}

static bool measure_sizes(enum series s, void (*make)(struct work *, size_t),
			  size_t most, bool quick)
{
	struct work work;

	for (size_t n = 100; n <= most; n *= 10) {
		make(&work, n);
		if (!point(s, &work, quick))
			return false;
	}
	return true;
}

static bool measure_chains(size_t n, bool quick)
{
	struct work work;

	for (unsigned int depth = 1; depth <= 64; depth *= 2) {
		work_chain(&work, n, depth);
		if (!point(CHAIN, &work, quick))
			return false;
	}
	return true;
}

/* So few because some need 50 bytes for each page. */
#define LOANS	16

static bool measure_pages(unsigned int order, bool quick)
{
	struct work work;

	for (unsigned int k = 0; k <= order; k += 2) {
		work_pages(&work, LOANS, 1U << k);
		if (!point(PAGES, &work, quick))
			return false;
	}
	return true;
}

/* All series; @most: how many mappings. */
static bool measure_all(size_t most, bool quick)
{
	return measure_sizes(RANDOM, work_random, most, quick) &&
	       measure_sizes(DISCARD, work_discard, most, quick) &&
	       measure_sizes(ONE_FRAME, work_one_frame, most, quick) &&
	       measure_sizes(FRAMES, work_frames, most, quick) &&
	       measure_sizes(BROAD, work_broad, most, quick) &&
	       measure_sizes(HOLES, work_holes, most > 100000 ? 100000 : most,
			     quick) &&
	       measure_chains(quick ? 256 : 4096, quick) &&
	       measure_pages(quick ? 10 : 18, quick);
}

static int smoke(void)
{
	struct roots roots;

	printf("TAP version 13\n");
	verify_all(20);
	result(measure_all(1000, true), "%s agree in all workloads",
	       "all contenders");
	result(roots_measure(true, &roots), "%s lead to the same region",
	       "search, cache and link");
	printf("1..%d\n", tests);
	return failed ? 1 : 0;
}

static void show(const struct roots *roots, double nothing)
{
	printf("\nns per operation, or per mapping that was unmapped; xN: the others take N times that\n");
	printf("an operation that does nothing: %.1f ns, which is in all of them; -: took too long with less\n",
	       nothing);
	for (int s = 0; s < SERIES; s++)
		report_table(stdout, results[s], nr_points[s]);
	report_memory(stdout, "random tree", "mappings", results[RANDOM],
		      nr_points[RANDOM], 0);
	report_memory(stdout, "n pages lent one by one", "mappings",
		      results[FRAMES], nr_points[FRAMES], 0);
	report_memory(stdout, "loans of many pages", "pages", results[PAGES],
		      nr_points[PAGES], 0);
	report_memory(stdout, "with holes", "mappings", results[HOLES],
		      nr_points[HOLES], 1);
	report_roots(stdout, roots);
}

static bool write_csv(const char *path, const struct roots *roots)
{
	FILE *out = fopen(path, "w");
	bool ok;

	if (!out) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return false;
	}
	report_csv_head(out);
	for (int s = 0; s < SERIES; s++)
		report_csv(out, results[s], nr_points[s]);
	report_csv_roots(out, roots);
	ok = !ferror(out);
	if (fclose(out) || !ok) {
		fprintf(stderr, "%s: can't be written\n", path);
		return false;
	}
	return true;
}

#define MAPPINGS	"mappings, as power of 10"
#define PAGES_EACH	"pages of each mapping, as power of 2"

static const struct {
	const char *file;
	const char *title;
	const char *x;
	double base;
	enum series s;
	size_t phase;
	bool bytes;
} plots[] = {
	{ "mdb-map", "Map, in a random tree", MAPPINGS, 10, RANDOM, 0, false },
	{ "mdb-unmap", "Unmap all, in random order: per mapping", MAPPINGS, 10,
	  RANDOM, 5, false },
	{ "mdb-find", "Find a window page at random", MAPPINGS, 10, RANDOM, 1,
	  false },
	{ "mdb-discard", "The lender loses a page", MAPPINGS, 10, DISCARD, 1,
	  false },
	{ "mdb-map-pages", "Map many pages at once", PAGES_EACH, 2, PAGES, 0,
	  false },
	{ "mdb-memory", "Memory", PAGES_EACH, 2, PAGES, 0, true },
};

static bool write_files(const char *dir, const struct roots *roots)
{
	char path[4096];
	bool ok;

	if (mkdir(dir, 0777) && errno != EEXIST) {
		fprintf(stderr, "%s: %s\n", dir, strerror(errno));
		return false;
	}
	snprintf(path, sizeof(path), "%s/compare.csv", dir);
	ok = write_csv(path, roots);
	for (size_t i = 0; i < ARRAY_SIZE(plots); i++) {
		snprintf(path, sizeof(path), "%s/%s.svg", dir, plots[i].file);
		ok &= report_plot(path, plots[i].title, plots[i].x,
				  plots[i].base, results[plots[i].s],
				  nr_points[plots[i].s], plots[i].phase,
				  plots[i].bytes);
	}
	snprintf(path, sizeof(path), "%s/mdb-root.svg", dir);
	return report_plot_roots(path, roots) && ok;
}

static int compare(size_t most, const char *dir)
{
	struct roots roots;
	double nothing;

	for (size_t i = 0; i < nr_contenders; i++)
		printf("%-7s %s\n", contenders[i]->name, contenders[i]->what);
	if (!verify_all(100))
		return 1;
	nothing = measure_nothing();
	if (!measure_all(most, false) || !roots_measure(false, &roots))
		return 1;
	show(&roots, nothing);
	if (!dir)
		return 0;
	if (!write_files(dir, &roots))
		return 1;
	printf("\nAll %zu did what the naive model does; %s/compare.csv and the curves beside it show the same.\n",
	       nr_contenders, dir);
	return 0;
}

/* For valgrind, which counts instructions: one phase of one contender. */
static int count_one(const char *name, const char *phase, size_t n)
{
	struct work work;
	size_t per = 0;

	work_random(&work, n);
	for (size_t i = 0; i < nr_contenders; i++)
		if (!strcmp(contenders[i]->name, name))
			per = run_counted(contenders[i], &work, phase);
	work_free(&work);
	if (!per) {
		fprintf(stderr, "compare: no \"%s\" of \"%s\"\n", phase, name);
		return 2;
	}
	printf("%zu\n", per);
	return 0;
}

static void usage(FILE *out)
{
	fprintf(out,
		"Usage: compare [-o DIR] [-n MAPPINGS]\n"
		"       compare --smoke\n"
		"       compare --count=CONTENDER [--phase=PHASE] [-n MAPPINGS]\n"
		"Compares the mapping database with other ways to keep mappings.\n\n"
		"  -o, --output=DIR    write compare.csv and SVG curves there\n"
		"  -n, --most=N        at most so many mappings (default 1000000)\n"
		"  -s, --smoke         only whether they work, in a second; prints TAP\n"
		"  -c, --count=NAME    run the random tree once for valgrind, see instructions.sh\n"
		"  -p, --phase=PHASE   which phase is counted (default map)\n"
		"  -h, --help          this text\n");
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "output", required_argument, NULL, 'o' },
		{ "most", required_argument, NULL, 'n' },
		{ "smoke", no_argument, NULL, 's' },
		{ "count", required_argument, NULL, 'c' },
		{ "phase", required_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		{}
	};
	const char *dir = NULL, *count = NULL, *phase = "map";
	size_t most = 1000000;
	bool quick = false;
	int c;

	while ((c = getopt_long(argc, argv, "o:n:sc:p:h", options, NULL)) != -1)
		switch (c) {
		case 'o':
			dir = optarg;
			break;
		case 'n':
			most = strtoul(optarg, NULL, 0);
			break;
		case 's':
			quick = true;
			break;
		case 'c':
			count = optarg;
			break;
		case 'p':
			phase = optarg;
			break;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	if (optind < argc || most < 100) {
		usage(stderr);
		return 2;
	}
	/* Memory that was given back stays, with its page table entries. */
	mallopt(M_MMAP_MAX, 0);
	mallopt(M_TRIM_THRESHOLD, -1);
	if (count)
		return count_one(count, phase, most);
	return quick ? smoke() : compare(most, dir);
}
