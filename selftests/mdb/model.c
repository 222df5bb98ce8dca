// SPDX-License-Identifier: GPL-2.0
/*
 * The mapping database against the naive model: every sequence of operations
 * in a tiny world, long random ones in a larger world, and revoking with too
 * few spare nodes. Prints TAP. Must stop at the first difference and tell how
 * to get there again.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ops.h"

#define RM	(LMAP_R | LMAP_M)
#define RWM	(LMAP_R | LMAP_W | LMAP_M)

static int tests;

static void result(bool ok, const char *name)
{
	printf("%sok %d mdb: %s\n", ok ? "" : "not ", ++tests, name);
	fflush(stdout);
	if (ok)
		return;
	/* The world is not in order: nothing can be said after this. */
	printf("1..%d\n", tests);
	exit(1);
}

/*
 * Alphabets: what there is to do in a tiny world with one region. All of it at
 * once would be too much for long sequences, so each looks at one subject.
 */

struct alphabet {
	const char *subject;
	int n, regions;
	struct op op[2048];
};

static void add(struct alphabet *a, struct op o)
{
	a->op[a->n++] = o;
}

/* Mapping and revoking, with all the ways to revoke. */
static void revoke_ops(struct alphabet *a, int windows, int pages)
{
	a->subject = "mapping and revoking";
	for (int len = 1; len <= pages; len++)
	for (int first = 0; first + len <= pages; first++) {
		for (int win = 0; win < windows; win++)
		for (int to = 0; to + len <= pages; to++) {
			/* straight and shifted by one is all there is */
			if (to > first + 1)
				continue;
			a->op[a->n++] = (struct op){ MAP, 0, first, win, to, len, RWM };
			for (int src = 0; src < windows; src++)
				a->op[a->n++] = (struct op){ MAP_ON, src, first,
							     win, to, len, RWM };
		}
		a->op[a->n++] = (struct op){ REVOKE_REGION, 0, first, 0, 0, len,
					     LMAP_R, false, -1 };
		a->op[a->n++] = (struct op){ REVOKE_REGION, 0, first, 0, 0, len,
					     LMAP_W, false, windows - 1 };
		for (int win = 0; win < windows; win++) {
			a->op[a->n++] = (struct op){ REVOKE_WINDOW, 0, first,
						     win, 0, len, LMAP_R, true,
						     -1 };
			a->op[a->n++] = (struct op){ REVOKE_WINDOW, 0, first,
						     win, 0, len, LMAP_R, false,
						     -1 };
			a->op[a->n++] = (struct op){ REVOKE_WINDOW, 0, first,
						     win, 0, len, LMAP_W, true,
						     -1 };
			a->op[a->n++] = (struct op){ REVOKE_WINDOW, 0, first,
						     win, 0, len, LMAP_R, false,
						     windows - 1 };
		}
	}
	a->op[a->n++] = (struct op){ EXTEND, 0, 0, 0, 0, 0, LMAP_W };
}

/* Grants of wholes and parts, with fewer rights, onto something. */
static void grant_ops(struct alphabet *a, int windows, int pages)
{
	a->subject = "granting";
	for (int len = 1; len <= pages; len++)
	for (int first = 0; first + len <= pages; first++) {
		a->op[a->n++] = (struct op){ REVOKE_REGION, 0, first, 0, 0, len,
					     LMAP_R, false, -1 };
		if (len == pages)
			a->op[a->n++] = (struct op){ MAP, 0, 0, 0, 0, len, RWM };
		for (int win = 0; win < windows; win++)
		for (int src = 0; src < windows; src++) {
			struct op o = { GRANT, src, first, win, first, len,
					RWM };

			add(a, o);
			o.keep = true;
			o.rights = RM;
			add(a, o);
			o.verb = MAP_ON;
			add(a, o);
			if (len < pages) {
				o.to = !first;
				add(a, o);
				o.verb = GRANT;
				o.keep = false;
				add(a, o);
			}
		}
	}
	a->op[a->n++] = (struct op){ COPY, 0, 0, 1, 0, pages, RWM };
	a->op[a->n++] = (struct op){ COPY, 1, 0, 0, 0, 1, RM };
	a->op[a->n++] = (struct op){ EXTEND, 0, 0, 0, 0, 0, LMAP_W };
}

static void budget_ops(struct alphabet *a, int windows, int pages)
{
	a->subject = "budgets";
	for (u32 budget = 0; budget <= 3; budget++) {
		a->op[a->n++] = (struct op){ MAP, 0, 0, 0, 0, pages, RWM,
					     .budget = budget };
		for (int src = 0; src < windows; src++)
		for (int win = 0; win < windows; win++)
			a->op[a->n++] = (struct op){ MAP_ON, src, 0, win, 0,
						     pages, RM, .budget = budget };
	}
	for (int win = 0; win < windows; win++) {
		int next = (win + 1) % windows;

		a->op[a->n++] = (struct op){ MAP_ON, win, 0, next, 0, 1, RM };
		a->op[a->n++] = (struct op){ MAP_ON, win, pages - 1, next, pages
					     - 1, 1, RM };
		a->op[a->n++] = (struct op){ COPY, win, 0, next, 0, pages, RM,
					     .budget = win };
		a->op[a->n++] = (struct op){ GRANT, win, 0, next, 0, 1, RM };
		for (int p = 0; p < pages; p++)
			a->op[a->n++] = (struct op){ REVOKE_WINDOW, 0, p, win,
						     0, 1, LMAP_R, true, -1 };
		a->op[a->n++] = (struct op){ REVOKE_WINDOW, 0, 0, win, 0, pages,
					     LMAP_R, false, -1 };
	}
}

/* Reference bits; @hooks: also accesses that come while something is zapped. */
static void bits_ops(struct alphabet *a, int windows, int pages, bool hooks)
{
	a->subject = hooks ? "reference bits, accesses meanwhile" :
			     "reference bits";
	for (int t = 0; t < 2; t++) {
		a->op[a->n++] = (struct op){ MAP, 0, 0, 0, 0, pages, RWM,
					     .tracked = t };
		for (int win = 1; win < windows; win++)
			a->op[a->n++] = (struct op){ MAP_ON, win - 1, 0, win, 0,
						     pages, RWM, .tracked = t };
	}
	for (int win = 0; win < windows; win++)
	for (int p = 0; p < pages; p++) {
		int next = (win + 1) % windows;
		struct op o = { REVOKE_WINDOW, 0, p, win, 0, 1, LMAP_R, true,
				-1, .write = true };

		if (!hooks) {
			a->op[a->n++] = (struct op){ TOUCH, .window = win,
						     .first = p, .copy = p };
		}
		a->op[a->n++] = (struct op){ TOUCH, .window = win, .first = p,
					     .write = true };
		for (int k = 0; k <= hooks * windows; k++) {
			o.hook = k ? 1 + (k - 1) * PAGES_MAX + p : 0;
			o.verb = REVOKE_WINDOW;
			add(a, o);
			o.verb = RESET_WINDOW;
			add(a, o);
			if (!win) {
				o.verb = RESET_REGION;
				add(a, o);
			}
			o.verb = GRANT;
			o.from = win;
			o.window = next;
			o.to = p;
			o.rights = RWM;
			add(a, o);
			o.from = 0;
			o.window = win;
			o.rights = LMAP_R;
		}
	}
	for (int win = 0; win < windows; win++)
		a->op[a->n++] = (struct op){ RESET_WINDOW, 0, 0, win, 0, pages };
	a->op[a->n++] = (struct op){ RESET_REGION, 0, 0, 0, 0, pages };
	a->op[a->n++] = (struct op){ GRANT, 0, 0, windows - 1, 0, pages, RWM };
}

/*
 * Revocations that are interrupted after each number of steps, what others do
 * then, and going on.
 */
static void pause_ops(struct alphabet *a, int windows, int pages)
{
	a->subject = "interrupted revocations";
	add(a, (struct op){ MAP, 0, 0, 0, 0, pages, RWM });
	add(a, (struct op){ MAP, 0, 0, windows - 1, 0, 1, RWM });
	for (int win = 1; win < windows; win++) {
		add(a, (struct op){ MAP_ON, win - 1, 0, win, 0, pages, RWM });
		add(a, (struct op){ MAP_ON, 0, pages - 1, win, pages - 1, 1, RWM });
	}
	add(a, (struct op){ GRANT, 0, 0, windows - 1, 0, pages, RWM });
	add(a, (struct op){ GRANT, 1, 0, 0, 0, 1, RM });
	add(a, (struct op){ EXTEND, 0, 0, 0, 0, 0, LMAP_W });
	add(a, (struct op){ EXTEND_PART, 0, 0, 0, 0, 1, LMAP_W });
	for (int win = 0; win < windows; win++)
		add(a, (struct op){ TOUCH, .window = win, .write = true });
	for (int calls = 0; calls <= 2 * pages; calls++) {
		struct op o = { REVOKE_REGION, 0, 0, 0, 0, pages, LMAP_R, false,
				-1, .calls = calls };

		add(a, (struct op){ RESUME, .from = JOBS_MAX - 1, .calls = calls });
		add(a, o);
		o.only = 1;
		o.rights = LMAP_W;
		add(a, o);
		o.verb = REVOKE_WINDOW;
		o.only = -1;
		for (int self = 0; self < 2; self++) {
			o.self = self;
			o.rights = LMAP_R;
			o.pages = pages;
			add(a, o);
			o.pages = 1;
			o.rights = LMAP_W;
			add(a, o);
		}
	}
	for (int win = 1; win < windows; win++)
		add(a, (struct op){ REVOKE_WINDOW, 0, 0, win, 0, 1, LMAP_R, true, -1 });
	add(a, (struct op){ RESUME, .from = JOBS_MAX - 2 });
}

/* What others try while a revocation has a mark. */
static void probe_ops(struct alphabet *a, int windows, int pages)
{
	struct op o = { REVOKE_WINDOW, .only = -1 };

	a->subject = "attempts while something is revoked";
	add(a, (struct op){ MAP, 0, 0, 0, 0, pages, RWM });
	add(a, (struct op){ MAP, 0, 0, 1, 0, 1, RM });
	for (int win = 1; win < windows; win++)
		add(a, (struct op){ MAP_ON, win - 1, 0, win, 0, pages - 1, RM });
	add(a, (struct op){ MAP_ON, 0, 1, 1, 1, pages - 1, RWM });
	for (int how = PROBE_MAP; how <= PROBE_TOUCH; how++)
	for (int skip = 0; skip < 2; skip++)
	for (int from = 0; from < (how == PROBE_MAP_ON ? windows : 1); from++)
	for (int to = 0; to < windows; to++)
	for (int p = 0; p < pages; p++)
	for (int k = 0; k < 7; k++) {
		o.probe = (struct probe){ how, skip, from * PAGES_MAX + p,
					  to * PAGES_MAX + p };
		o.verb = k < 5 ? REVOKE_WINDOW : REVOKE_REGION;
		o.self = k % 2;
		o.only = k == 3 || k == 4 || k == 6 ? 1 : -1;
		o.first = k == 1 || k == 5;
		o.pages = k == 2 ? pages : 1;
		o.rights = k == 2 ? LMAP_W : LMAP_R;
		add(a, o);
	}
}

/* Two regions, the second one takes over what derives from the first. */
static void adopt_ops(struct alphabet *a, int pages)
{
	struct op half;

	a->subject = "adopting and cutting";
	for (int lim = 0; lim < 3; lim++)
		add(a, (struct op){ MAP, 1, 0, 2, 0, pages, lim ? RWM : RM, .levels = lim });
	add(a, (struct op){ MAP, 1, 0, 2, 0, 1, RWM, .budget = 2 });
	add(a, (struct op){ MAP, 0, 0, 0, 0, pages, RWM, .tracked = true });
	add(a, (struct op){ MAP, 0, 0, 0, 0, pages, RWM, .budget = 3 });
	add(a, (struct op){ MAP_ON, 0, 0, 1, 0, pages, RWM });
	add(a, (struct op){ MAP_ON, 0, 0, 1, 0, pages, RM, .tracked = true });
	add(a, (struct op){ MAP_ON, 1, 0, 0, 0, 1, RM });
	add(a, (struct op){ MAP_ON, 2, 0, 1, 0, 1, RM });
	for (int first = 0; first < pages; first++)
	for (int len = 1; first + len <= pages; len++) {
		add(a, (struct op){ ADOPT, 0, first, 2, 0, len });
		if (len == pages)
			continue;
		for (int win = 0; win < 2; win++)
			add(a, (struct op){ EXTEND_PART, 0, first, win, 0, len, LMAP_W | LMAP_X });
	}
	for (int win = 0; win < 3; win++) {
		add(a, (struct op){ TOUCH, .window = win, .write = true });
		add(a, (struct op){ RESET_WINDOW, 0, 0, win, 0, pages });
		add(a, (struct op){ REVOKE_WINDOW, 0, 0, win, 0, 1, LMAP_R, true, -1 });
		half = (struct op){ REVOKE_WINDOW, 0, 0, win, 0, pages, LMAP_W, true, -1 };
		half.calls = 1;
		add(a, half);
	}
	add(a, (struct op){ REVOKE_REGION, 0, 0, 0, 0, pages, LMAP_R, false, -1, .calls = 1 });
	add(a, (struct op){ RESET_REGION, 0, 0, 0, 0, pages });
	add(a, (struct op){ RESET_REGION, 1, 0, 0, 0, pages });
	add(a, (struct op){ RESUME, .from = JOBS_MAX - 1 });
}

/*
 * Returns -1 if all was well. A sequence with an operation that changes
 * nothing is like a shorter one, which was looked at before: returns which.
 */
static int sequence(const struct alphabet *a, const int *pick, int depth,
		    int windows, int pages)
{
	const struct op *ops = a->op;
	const char *bad = NULL;
	struct world w;
	int i, idle = -1;

	world_init(&w, a->regions ?: 1, windows, pages);
	for (i = 0; i < depth && idle < 0; i++)
		if (!op_run(&w, &ops[pick[i]]) && i < depth - 1)
			idle = i;
	/* Shorter sequences have been checked before: look at the end only. */
	bad = idle < 0 ? world_check(&w) : w.bad;
	if (bad) {
		printf("# %s after\n", bad);
		for (int k = 0; k < i; k++)
			op_print(&ops[pick[k]]);
		return depth;
	}
	world_fini(&w);
	return idle;
}

static void exhaustive(const struct alphabet *a, int windows, int pages,
		       int depth)
{
	int pick[8] = {};
	char name[160];
	long count = 0;
	bool ok = true;

	for (int d = 1; d <= depth && ok; d++) {
		memset(pick, 0, sizeof(pick));
		for (;;) {
			int i = sequence(a, pick, d, windows, pages);

			ok = i < d;
			count++;
			/* Not again with the same beginning. */
			for (int k = i + 1; ok && i >= 0 && k < d; k++)
				pick[k] = 0;
			if (i < 0)
				i = d - 1;
			for (; ok && i >= 0 && ++pick[i] == a->n; i--)
				pick[i] = 0;
			if (i < 0 || !ok)
				break;
		}
	}
	snprintf(name, sizeof(name),
		 "%s: every sequence of %d out of %d operations, %d windows of %d pages (%ld)",
		 a->subject, depth, a->n, windows, pages, count);
	result(ok, name);
}

static unsigned int seed;

static int dice(int n)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 8) % n;
}

struct run {
	int regions, windows, pages, n;
	struct op op[2000];
};

/* Leaks what is there when it fails: the test is over then. */
static const char *replay(const struct run *r, int skip)
{
	const char *bad = NULL;
	struct world w;

	world_init(&w, r->regions, r->windows, r->pages);
	for (int i = 0; i < r->n && !bad; i++) {
		if (i == skip)
			continue;
		op_run(&w, &r->op[i]);
		bad = world_check(&w);
	}
	if (!bad)
		world_fini(&w);
	return bad;
}

/* Leaves out what is not needed to fail, and tells the rest. */
static void explain(struct run *r)
{
	long live = nodes_live;

	for (int i = r->n - 1; i >= 0; i--) {
		nodes_live = 0;
		if (!replay(r, i))
			continue;
		r->n--;
		memmove(&r->op[i], &r->op[i + 1],
			(r->n - i) * sizeof(r->op[0]));
	}
	nodes_live = live;
	printf("# %s: %d regions, %d windows of %d pages\n", replay(r, -1),
	       r->regions, r->windows, r->pages);
	for (int i = 0; i < r->n; i++)
		op_print(&r->op[i]);
}

static bool random_run(unsigned int s, int steps)
{
	static struct run r = { 2, 4, PAGES_MAX };
	const char *bad = NULL;
	struct world w;

	seed = s;
	world_init(&w, r.regions, r.windows, r.pages);
	for (r.n = 0; r.n < steps && !bad; r.n++) {
		r.op[r.n] = op_random(&w, dice);
		op_run(&w, &r.op[r.n]);
		bad = world_check(&w);
	}
	if (bad) {
		printf("# seed %u step %d: %s\n", s, r.n, bad);
		explain(&r);
		return false;
	}
	world_fini(&w);
	return true;
}

static void random_many(int runs, int steps)
{
	const char *text = getenv("LMAP_SEED");
	unsigned int base = text ? atoi(text) : 1;
	char name[80];
	bool ok = true;

	for (int i = 0; i < runs && ok; i++)
		ok = random_run(base + i, steps);
	snprintf(name, sizeof(name), "%d random runs of %d steps (seeds from %u)",
		 runs, steps, base);
	result(ok, name);
}

/* Until a revoke that needs spares; then that one with fewer of them. */
static bool starve(unsigned int s, long *cases)
{
	unsigned long need = 1;

	for (int limit = 0; limit < (int)need; limit++) {
		static struct run r = { 1, 4, 8 };
		const char *bad = NULL;
		struct world w;

		seed = s;
		world_init(&w, r.regions, r.windows, r.pages);
		for (r.n = 0; r.n <= 30 && !bad; r.n++) {
			struct op *o = &r.op[r.n];

			*o = op_random(&w, dice);
			if (r.n == 30) {
				o->verb = REVOKE_REGION;
				o->from = 0;
				o->rights = o->self ? LMAP_R : LMAP_W;
				o->calls = 0;
				w.spare_limit = limit;
			}
			op_run(&w, o);
			bad = world_check(&w);
		}
		need = w.needed;
		if (!bad && need > (unsigned long)limit && !w.over)
			bad = "too few spares and nothing said";
		if (bad) {
			printf("# seed %u with %d of %lu spares: %s\n", s,
			       limit, need, bad);
			if (!w.over)
				explain(&r);
			return false;
		}
		*cases += need > (unsigned long)limit;
		world_fini(&w);
	}
	return true;
}

static void starve_many(int runs)
{
	char name[100];
	long cases = 0;
	bool ok = true;

	for (int i = 0; i < runs && ok; i++)
		ok = starve(i, &cases);
	snprintf(name, sizeof(name),
		 "with each number of spare nodes too few: more is revoked, never less (%ld cases)",
		 cases);
	result(ok && cases > 100, name);
}

/* Each more step takes about twenty times as long: deep is for the patient. */
static void exhaustive_all(bool quick, bool deep)
{
	static struct alphabet a[13];
	int more = deep ? 1 : 0;

	revoke_ops(&a[0], 2, 2);
	exhaustive(&a[0], 2, 2, quick ? 3 : 4 + more);
	revoke_ops(&a[1], 3, 2);
	exhaustive(&a[1], 3, 2, quick ? 2 : 4);
	revoke_ops(&a[2], 2, 3);
	exhaustive(&a[2], 2, 3, quick ? 2 : 3 + more);
	grant_ops(&a[3], 2, 2);
	exhaustive(&a[3], 2, 2, quick ? 3 : 5 + more);
	grant_ops(&a[4], 3, 2);
	exhaustive(&a[4], 3, 2, 4 + more);
	budget_ops(&a[5], 2, 2);
	exhaustive(&a[5], 2, 2, quick ? 4 : 5 + more);
	bits_ops(&a[6], 2, 2, false);
	exhaustive(&a[6], 2, 2, quick ? 4 : 5 + more);
	bits_ops(&a[7], 2, 2, true);
	exhaustive(&a[7], 2, 2, quick ? 3 : 4 + more);
	pause_ops(&a[8], 2, 2);
	exhaustive(&a[8], 2, 2, quick ? 4 : 5 + more);
	pause_ops(&a[9], 3, 2);
	exhaustive(&a[9], 3, 2, quick ? 3 : 4 + more);
	probe_ops(&a[10], 2, 3);
	exhaustive(&a[10], 2, 3, 3 + more);
	a[11].regions = 2;
	adopt_ops(&a[11], 2);
	exhaustive(&a[11], 3, 2, 4 + more);
	a[12].regions = 2;
	adopt_ops(&a[12], 3);
	exhaustive(&a[12], 3, 3, quick ? 3 : 4 + more);
}

int main(int argc, char **argv)
{
	bool quick = argc > 1 && !strcmp(argv[1], "quick");
	bool deep = argc > 1 && !strcmp(argv[1], "deep");

	printf("TAP version 13\n");
	exhaustive_all(quick, deep);
	starve_many(quick ? 200 : 3000);
	random_many(quick ? 50 : deep ? 5000 : 500, quick ? 300 : 1000);
	printf("1..%d\n", tests);
	return 0;
}
