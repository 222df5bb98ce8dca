// SPDX-License-Identifier: GPL-2.0
/*
 * A loop of coverage-guided fuzzing: programs of fuzz_exec.h are changed, and
 * those that reach new edges of the module (KCOV) are kept. In the guest, as
 * root: loop CORPUS SECONDS SEED; or loop CORPUS minimise.
 *
 * Each program is printed before it runs ("try"), since a kernel that dies takes
 * all else with it. At the end the fewest programs that reach all edges are
 * printed ("keep"). Must never keep a program for what an earlier one reached.
 */
#include "fuzz_exec.h"

#include <time.h>
#include <sys/stat.h>
#include <linux/kcov.h>

#define KCOV		"/sys/kernel/debug/kcov"
#define KCOV_WORDS	(256UL << 10)
#define EDGES		(1U << 16)
#define MAX_KEPT	4096

static int kcov_fd[2];
static unsigned long *kcov_area[2];

struct kept {
	struct fuzz_program program;
	unsigned int edges;
	unsigned int *edge;
};

static struct kept kept[MAX_KEPT];
static unsigned int nkept;
static unsigned char known[EDGES], now[EDGES];

static void kcov_start(int who)
{
	__atomic_store_n(&kcov_area[who][0], 0, __ATOMIC_RELAXED);
	if (ioctl(kcov_fd[who], KCOV_ENABLE, KCOV_TRACE_PC))
		_exit(1);
}

static void kcov_init(void)
{
	for (int i = 0; i < 2; i++) {
		kcov_fd[i] = open(KCOV, O_RDWR | O_CLOEXEC);
		if (kcov_fd[i] < 0 ||
		    ioctl(kcov_fd[i], KCOV_INIT_TRACE, KCOV_WORDS)) {
			perror("# " KCOV);
			exit(2);
		}
		kcov_area[i] = mmap(NULL, KCOV_WORDS * 8, PROT_READ |
				    PROT_WRITE, MAP_SHARED, kcov_fd[i], 0);
		if (kcov_area[i] == MAP_FAILED) {
			perror("# mmap of kcov");
			exit(2);
		}
	}
	fuzz_started = kcov_start;
}

/* Runs it; @now becomes the edges, their number is returned. */
static unsigned int run(const struct fuzz_program *p)
{
	const char *bad;
	unsigned int n = 0;

	for (int i = 0; i < 2; i++)
		kcov_area[i][0] = 0;
	fuzz_print("try ", p);
	bad = fuzz_run(p);
	if (bad) {
		fuzz_print("bad ", p);
		printf("# %s\n", bad);
		exit(1);
	}
	memset(now, 0, sizeof(now));
	for (int i = 0; i < 2; i++) {
		unsigned long prev = 0, pcs = kcov_area[i][0];

		if (pcs >= KCOV_WORDS)
			pcs = KCOV_WORDS - 1;
		for (unsigned long k = 1; k <= pcs; k++) {
			unsigned long pc = kcov_area[i][k];
			unsigned int edge = (pc * 0x9e3779b1 >> 8 ^ prev) %
					    EDGES;

			n += !now[edge];
			now[edge] = 1;
			prev = (pc * 0x9e3779b1 >> 8) * 2;
		}
	}
	return n;
}

static unsigned int fresh_edges(void)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < EDGES; i++)
		n += now[i] && !known[i];
	return n;
}

/* Leaves out calls as long as nothing new is lost. */
static unsigned int trim(struct fuzz_program *p)
{
	unsigned int want, edges = run(p);

	want = fresh_edges();
	if (!want)
		return 0;	/* it was chance */
	for (unsigned int at = p->calls; at-- > 0 && p->calls > 1;) {
		struct fuzz_program less = *p;

		less.calls--;
		memmove(less.bytes[at], less.bytes[at + 1],
			(less.calls - at) * FUZZ_BYTES);
		run(&less);
		if (fresh_edges() >= want)
			*p = less;
	}
	edges = run(p);
	return edges;
}

static void keep(const struct fuzz_program *p, unsigned int edges)
{
	struct kept *k = &kept[nkept];

	if (nkept == MAX_KEPT)
		return;
	nkept++;
	k->program = *p;
	k->edge = calloc(edges, sizeof(*k->edge));
	for (unsigned int i = 0; i < EDGES; i++) {
		if (!now[i])
			continue;
		known[i] = 1;
		k->edge[k->edges++] = i;
	}
}

static void consider(struct fuzz_program *p, bool shorten)
{
	unsigned int edges = run(p);

	if (!fresh_edges())
		return;
	if (shorten)
		edges = trim(p);
	if (edges && fresh_edges())
		keep(p, edges);
}

/* Again and again the program that adds most for its length. */
static void minimise(void)
{
	unsigned int n = 0, all = 0;

	for (unsigned int i = 0; i < EDGES; i++)
		all += known[i];
	memset(now, 0, sizeof(now));
	for (;;) {
		unsigned int best = 0, best_adds = 0;

		for (unsigned int i = 0; i < nkept; i++) {
			unsigned int adds = 0;

			for (unsigned int k = 0; k < kept[i].edges; k++)
				adds += !now[kept[i].edge[k]];
			adds = adds * 64 / (kept[i].program.calls + 4);
			if (adds > best_adds) {
				best = i;
				best_adds = adds;
			}
		}
		if (!best_adds)
			break;
		for (unsigned int k = 0; k < kept[best].edges; k++)
			now[kept[best].edge[k]] = 1;
		fuzz_print("keep ", &kept[best].program);
		n++;
	}
	printf("# %u edges, %u programs of %u\n", all, n, nkept);
}

static void load(const char *path)
{
	struct fuzz_program p;
	struct stat st;
	const char *at;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text;

	if (fd < 0 || fstat(fd, &st))
		exit(2);
	text = calloc(1, st.st_size + 1);
	if (read(fd, text, st.st_size) != st.st_size)
		exit(2);
	close(fd);
	at = text;
	while ((at = fuzz_parse(&p, at, text + st.st_size)))
		consider(&p, false);
	free(text);
}

int main(int argc, char **argv)
{
	unsigned int state, runs = 0;
	struct fuzz_program p;
	time_t end;

	if (argc < 3 || !write_value(MODULE_PARAM("max_mappings"),
				     FUZZ_MAPPINGS)) {
		fprintf(stderr, "usage: loop CORPUS SECONDS SEED | loop CORPUS minimise\n");
		return 2;
	}
	kcov_init();
	load(argv[1]);
	end = time(NULL) + atoi(argv[2]);
	state = argc > 3 ? strtoul(argv[3], NULL, 0) : 1;
	while (time(NULL) < end) {
		if (nkept && next_random(&state) % 16) {
			p = kept[next_random(&state) % nkept].program;
			fuzz_mutate(&p, &kept[next_random(&state) % nkept].program,
				    &state);
		} else {
			fuzz_random(&p, &state);
		}
		consider(&p, true);
		runs++;
	}
	minimise();
	printf("# %u programs tried\n", runs);
	return 0;
}
