// SPDX-License-Identifier: GPL-2.0
/*
 * Random operations of eight processes on each other's memory, compared page by
 * page and right by right with a naive model (random_model.h).
 *
 * The list of operations is made ahead from the seed. When something is wrong
 * it is run again and again from a fresh state, with operations left out, as
 * long as something is still wrong; the shortest list is printed.
 */
#include "random_procs.h"
#include "harness.h"

#include <stdarg.h>
#include <time.h>

#ifndef OPS
#define OPS		(10000 / slow())
#endif
/* All pages are compared after so many operations; shorter lists: after each. */
#define COMPARE_EVERY	50
#define SHORT_LIST	300
/* Shrinking is given up after so many seconds: then the list is longer. */
#ifndef SHRINK_TIME
#define SHRINK_TIME	150
#endif

static const char *const names[OP_KINDS] = {
	"map", "grant", "copy", "unmap", "unmap WHOLE", "munmap", "mmap",
	"mprotect", "discard", "fork", "child dies", "touch", "exit"
};

/* What the kernel can do. */
static struct {
	bool grant, copy, memory;
	unsigned int flags;
} landed;

static char why[512];		/* what is wrong, or empty */
static const char *symptom;	/* what kind of wrong; NULL: any is looked for */
static const char *found;
static uint64_t last_value;	/* every write writes another one */
static struct {
	unsigned int done, refused, unclear;
} count[OP_KINDS];
static unsigned int count_errno[256];

__attribute__((format(printf, 1, 2)))
static void wrong(const char *format, ...)
{
	va_list args;

	if (*why)
		return;
	found = format;
	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
}

/* Making the list. */

static uint64_t dice;

static unsigned int roll(unsigned int sides)
{
	dice ^= dice << 13;
	dice ^= dice >> 7;
	dice ^= dice << 17;
	return (dice >> 16) % sides;
}

#define PICK(array) ((array)[roll(sizeof(array) / sizeof((array)[0]))])

static void roll_range(struct op *op, unsigned int pages)
{
	op->n = 1 + (roll(3) ? roll(4) : roll(NPAGES));
	op->first = roll(pages);
	if (op->n > pages - op->first)
		op->n = pages - op->first;
}

static void roll_fpages(struct op *op)
{
	op->n = 1 << roll(5);
	op->first = roll(PAGES / op->n) * op->n;
	op->rn = 1 << roll(5);
	op->at = roll(NPAGES / op->rn) * op->rn;
	op->base = roll(3 * NPAGES);
}

static void roll_map(struct op *op)
{
	static const unsigned int rights[] = {
		ALL, ALL, ALL, ALL, RWM, RWM, RWM, LMAP_R | LMAP_M,
		LMAP_X | LMAP_M, RW, LMAP_R, LMAP_W
	};

	op->rights = roll(100) ? PICK(rights) : LMAP_M;
	if (!roll(8)) {
		roll_fpages(op);
	} else {
		roll_range(op, PAGES);
		op->at = roll(3) ? roll(NPAGES) : op->first % NPAGES;
		if (op->at + op->n > NPAGES && roll(50))
			op->at = NPAGES - op->n;
	}
	if (!roll(12))
		op->flags |= LMAP_NOREPLACE;
	if (!roll(4))
		op->flags |= LMAP_POPULATE;
	if (op->kind == OP_MAP && !roll(4))
		op->flags |= landed.flags & (roll(2) ? LMAP_TRACK : LMAP_PIN);
	if (op->kind != OP_GRANT && !roll(8)) {
		op->flags |= LMAP_LIMIT_DEPTH;
		op->depth = roll(4);
	}
}

static void roll_unmap(struct op *op)
{
	static const unsigned int rights[] = {
		ALL, ALL, LMAP_R, LMAP_W, LMAP_W, LMAP_X, LMAP_M, LMAP_M,
		LMAP_W | LMAP_X, LMAP_W | LMAP_M, 0
	};

	op->rights = PICK(rights);
	roll_range(op, PAGES);
	if (!roll(2))
		op->flags |= LMAP_SELF;
	if (!roll(4))
		op->flags |= LMAP_ONLY;
}

static enum kind roll_kind(void)
{
	static const struct {
		enum kind kind;
		unsigned int weight;
	} mix[] = {
		{ OP_MAP, 900 }, { OP_GRANT, 280 }, { OP_COPY, 260 },
		{ OP_UNMAP, 210 }, { OP_UNMAP_WHOLE, 4 }, { OP_MUNMAP, 20 },
		{ OP_MMAP, 100 }, { OP_MPROTECT, 80 }, { OP_DISCARD, 40 },
		{ OP_FORK, 50 }, { OP_REAP, 20 }, { OP_TOUCH, 28 },
		{ OP_EXIT, 8 }
	};
	unsigned int r = roll(2000);
	int i;

	for (i = 0; r >= mix[i].weight; i++)
		r -= mix[i].weight;
	if ((mix[i].kind == OP_GRANT && !landed.grant) ||
	    (mix[i].kind == OP_COPY && !landed.copy))
		return OP_MAP;
	return mix[i].kind;
}

static struct op roll_op(void)
{
	static const unsigned int prot[] = {
		RW, RW, RW, ALL & ~LMAP_M, ALL & ~LMAP_M, LMAP_R, RX, 0
	};
	struct op op = { .kind = roll_kind() };

	op.actor = roll(PROCS);
	op.to = roll(PROCS);
	op.quiet = !roll(4);
	op.how = roll(2);
	if (op.kind <= OP_COPY) {
		roll_map(&op);
	} else if (op.kind <= OP_UNMAP_WHOLE) {
		roll_unmap(&op);
	} else {
		roll_range(&op, op.kind == OP_TOUCH ? PAGES : NPAGES);
		op.rights = PICK(prot);
	}
	return op;
}

/* Sometimes an earlier request comes again, with other rights perhaps. */
static void make_list(struct op *ops, unsigned int n, unsigned int from)
{
	dice = from * 0x9e3779b97f4a7c15ULL + 1;
	for (unsigned int i = 0; i < n; i++) {
		struct op before = ops[i ? roll(i < 30 ? i : 30) + i -
					   (i < 30 ? i : 30) : 0];

		ops[i] = roll_op();
		if (!i || before.kind > OP_COPY || roll(12))
			continue;
		if (roll(2) && ops[i].kind <= OP_COPY)
			before.rights = ops[i].rights;
		ops[i] = before;
	}
}

/* Printing. */

static void print_rights(unsigned int rights)
{
	printf("%s%s%s%s", rights & LMAP_R ? "r" : "", rights & LMAP_W ? "w" :
	       "", rights & LMAP_X ? "x" : "", rights & LMAP_M ? "m" : "");
	if (!rights)
		printf("none");
}

static void print_pages(unsigned int first, unsigned int n)
{
	if (first < WINDOW)
		printf(" memory %u", first);
	else
		printf(" window %u", first - WINDOW);
	if (n > 1)
		printf("+%u", n);
}

static void print_op(const struct op *op)
{
	bool maps = op->kind <= OP_COPY;

	printf("#   P%u %s", op->actor, names[op->kind]);
	if (op->kind < OP_REAP && op->kind != OP_UNMAP_WHOLE)
		print_pages(op->first, op->n);
	if (maps && op->rn)
		printf(" to P%u window %u+%u, send base %u", op->to, op->at,
		       op->rn, op->base);
	else if (maps)
		printf(" to P%u window %u", op->to, op->at);
	if (op->kind <= OP_UNMAP_WHOLE || op->kind == OP_MPROTECT) {
		printf(" ");
		print_rights(op->rights);
	}
	if (op->flags & LMAP_LIMIT_DEPTH)
		printf(" depth %u", op->depth);
	if (op->flags & LMAP_ONLY)
		printf(" ONLY P%u's window", op->to);
	printf("%s%s%s%s%s%s%s%s\n", op->flags & LMAP_POPULATE ? " POPULATE" : "",
	       op->flags & LMAP_NOREPLACE ? " NOREPLACE" : "",
	       op->flags & LMAP_TRACK ? " TRACK" : "",
	       op->flags & LMAP_PIN ? " PIN" : "",
	       op->flags & LMAP_SELF ? " SELF" : "",
	       op->kind == OP_GRANT && op->how ? " (copy FLUSH)" : "",
	       op->kind == OP_EXIT && op->how ? " (SIGKILL)" : "",
	       op->quiet ? " (quiet)" : "");
}

static const char *access_name(int how)
{
	switch (how) {
	case 0: return "works";
	case NOTHING: return "nothing there";
	case NO_RIGHT: return "no right";
	case NO_VMA: return "no memory there";
	}
	return "a strange signal";
}

/* Comparing. */

static void compare_probe(unsigned int p, const struct probe *got,
			  const struct view *want, uint64_t value)
{
	const char *where = got->page < WINDOW ? "memory" : "window";
	unsigned int page = got->page % NPAGES;

	if (got->read != want->read)
		wrong("P%u %s %u: reading: %s, expected: %s", p, where, page,
		      access_name(got->read), access_name(want->read));
	else if (!got->read && got->value != value)
		wrong("P%u %s %u: shows %#llx, expected %#llx", p, where, page,
		      (unsigned long long)got->value,
		      (unsigned long long)value);
	if (got->write != want->write)
		wrong("P%u %s %u: writing: %s, expected: %s", p, where, page,
		      access_name(got->write), access_name(want->write));
	if (!got->on)
		return;
	if (got->on_ret != want->on)
		wrong("P%u %s %u: mapping it on: %d, expected %d", p, where,
		      page, got->on_ret, want->on);
	else if (!got->on_ret && got->on_rights != want->rights)
		wrong("P%u %s %u: mapping it on: rights %#x, expected %#x", p,
		      where, page, got->on_rights, want->rights);
}

/* Looks at pages of one process: those touched, or all. */
static void look_at(unsigned int p, bool all)
{
	struct order_page *o = &orders[p];
	uint64_t values[PAGES];
	struct view want[PAGES];
	int ret;

	o->n = 0;
	for (unsigned int page = 0; page < PAGES; page++) {
		unsigned int i = o->n;

		if (!all && !model_touched(p, page))
			continue;
		want[i] = model_view(p, page);
		values[i] = want[i].value ? *want[i].value : 0;
		o->probes[i] = (struct probe){ .page = page,
					       .on = all && page >= WINDOW,
					       .written = ++last_value };
		if (want[i].value && !want[i].write)
			*want[i].value = last_value;
		o->n++;
	}
	if (!o->n)
		return;
	ret = proc_do(p, DO_PROBE);
	if (ret)
		wrong("P%u doesn't look at its pages: %d", p, ret);
	for (unsigned int i = 0; i < o->n && !ret; i++)
		compare_probe(p, &o->probes[i], &want[i], values[i]);
}

static void look(bool all)
{
	for (unsigned int p = 0; p < PROCS && !*why; p++)
		if (model_alive(p))
			look_at(p, all);
	model_untouch();
}

/* Doing. */

static int start(unsigned int p)
{
	int ret = proc_start(p);

	if (ret)
		wrong("P%u can't be started: %d", p, ret);
	model_start(p);
	return ret;
}

static uint64_t encode(uint64_t base, unsigned int pages, unsigned int rights)
{
	uint64_t order = PO + __builtin_ctz(pages);

	return base | order << LMAP_FPAGE_ORDER_SHIFT | rights;
}

static void do_map(const struct op *op, struct answer *a)
{
	static const unsigned long requests[] = {
		LMAP_MAP, LMAP_GRANT, LMAP_COPY
	};
	struct order_page *o = &orders[op->actor];
	struct lmap_map *m = &o->map;
	bool flush = op->kind == OP_GRANT && op->how;

	*m = (struct lmap_map){ .size = sizeof(*m), .flags = op->flags,
				.window = WINDOW_FD(op->to),
				.depth = op->depth };
	if (op->rn) {
		m->snd = encode(ADDRESS(op->first), op->n, op->rights);
		m->rcv = encode(op->at * PG, op->rn, 0);
		m->send_base = op->base * PG + 123;
	} else {
		m->flags |= LMAP_RANGE;
		m->snd = ADDRESS(op->first);
		m->length = op->n * PG;
		m->rcv = op->at * PG;
		m->rights = op->rights;
	}
	if (flush)
		m->flags |= LMAP_FLUSH;
	o->request = flush ? LMAP_COPY : requests[op->kind];
	a->ret = proc_do(op->actor, DO_MAP);
	if (a->ret)
		return;
	a->bytes = m->out_bytes;
	a->rights = m->out_rights;
	a->fpage = m->out_fpage;
	a->mappings = m->out_mappings;
}

static void do_unmap(const struct op *op, struct answer *a)
{
	struct order_page *o = &orders[op->actor];
	struct lmap_unmap *u = &o->unmap;

	*u = (struct lmap_unmap){ .size = sizeof(*u), .flags = op->flags };
	if (op->flags & LMAP_ONLY)
		u->only_window = WINDOW_FD(op->to);
	if (op->kind == OP_UNMAP_WHOLE) {
		u->fpage = (LMAP_WHOLE & ~(uint64_t)ALL) | op->rights;
	} else if (op->how && !(op->n & (op->n - 1)) && !(op->first % op->n)) {
		u->fpage = encode(ADDRESS(op->first), op->n, op->rights);
	} else {
		u->flags |= LMAP_RANGE;
		u->fpage = ADDRESS(op->first);
		u->length = op->n * PG;
		u->rights = op->rights;
	}
	a->ret = proc_do(op->actor, DO_UNMAP);
	a->pages = u->out_pages;
	a->mappings = u->out_mappings;
	if (u->out_flags)
		a->ret = -EOVERFLOW;
}

static void do_pages(const struct op *op, struct answer *a)
{
	static const enum verb verbs[OP_KINDS] = {
		[OP_MUNMAP] = DO_MUNMAP, [OP_MMAP] = DO_MMAP,
		[OP_MPROTECT] = DO_MPROTECT, [OP_DISCARD] = DO_DISCARD,
		[OP_FORK] = DO_FORK, [OP_REAP] = DO_REAP,
	};
	struct order_page *o = &orders[op->actor];

	o->page = op->first;
	o->n = op->n;
	for (unsigned int i = 0; i < op->n; i++) {
		o->prot[i] = model_prot(op->actor, op->first + i);
		if (op->kind == OP_MPROTECT && o->prot[i] >= 0)
			o->prot[i] = (op->rights & LMAP_R ? PROT_READ : 0) |
				     (op->rights & LMAP_W ? PROT_WRITE : 0) |
				     (op->rights & LMAP_X ? PROT_EXEC : 0);
	}
	a->ret = proc_do(op->actor, verbs[op->kind]);
}

static void compare_answer(const struct op *op, const struct answer *want,
			   const struct answer *got)
{
	const char *name = names[op->kind];

	if (got->ret != want->ret && got->ret != want->or_ret) {
		wrong("%s: result %d (%s), expected %d (%s)", name, got->ret,
		      strerror(-got->ret), want->ret, strerror(-want->ret));
		return;
	}
	if (op->kind > OP_COPY || got->ret)
		return;
	if (got->bytes != want->bytes)
		wrong("%s: %llu bytes, expected %llu", name,
		      (unsigned long long)got->bytes,
		      (unsigned long long)want->bytes);
	if (got->rights != want->rights)
		wrong("%s: rights %#x, expected %#x", name, got->rights,
		      want->rights);
	if (got->fpage != want->fpage)
		wrong("%s: flexpage %#llx, expected %#llx", name,
		      (unsigned long long)got->fpage,
		      (unsigned long long)want->fpage);
}

static void compare_unmap(const struct answer *got, uint64_t lost)
{
	if (got->pages != lost)
		wrong("unmap: out_pages %llu, expected %llu",
		      (unsigned long long)got->pages,
		      (unsigned long long)lost);
	if (!got->mappings != !lost)
		wrong("unmap: out_mappings %u, but %llu pages", got->mappings,
		      (unsigned long long)lost);
}

static void step(const struct op *op)
{
	struct answer want, got = {};
	uint64_t lost;

	if (!model_alive(op->actor) && start(op->actor))
		return;
	want = model_expect(op);
	if (want.unclear) {
		count[op->kind].unclear++;
		return;
	}
	if (op->kind <= OP_COPY)
		do_map(op, &got);
	else if (op->kind <= OP_UNMAP_WHOLE)
		do_unmap(op, &got);
	else if (op->kind < OP_TOUCH)
		do_pages(op, &got);
	else if (op->kind == OP_EXIT)
		got.ret = proc_exit(op->actor, op->how);
	compare_answer(op, &want, &got);
	lost = model_apply(op, &got);
	if (op->kind == OP_UNMAP || op->kind == OP_UNMAP_WHOLE)
		compare_unmap(&got, lost);
	if (got.ret) {
		count[op->kind].refused++;
		count_errno[-got.ret & 255]++;
	} else {
		count[op->kind].done++;
	}
	if (op->quiet)
		model_untouch();
	else
		look(false);
}

/* Everybody takes back everything: nothing may be left. */
static void take_all_back(void)
{
	struct op op = { .kind = OP_UNMAP_WHOLE, .rights = ALL,
			 .flags = LMAP_SELF };

	for (op.actor = 0; op.actor < PROCS && !*why; op.actor++)
		if (model_alive(op.actor))
			step(&op);
	if (!*why)
		look(true);
	for (unsigned int p = 0; p < PROCS && !*why; p++) {
		if (!model_alive(p))
			continue;
		if (proc_do(p, DO_COUNT) || orders[p].mappings)
			wrong("P%u has lent %llu mappings, expected none", p,
			      (unsigned long long)orders[p].mappings);
	}
}

/* From a fresh state: how many operations until something was wrong, or -1. */
static int run(const struct op *ops, int n)
{
	int every = n <= SHORT_LIST ? 1 : COMPARE_EVERY * slow();
	int i;

	*why = 0;
	last_value = 0;
	model_reset(landed.memory);
	for (unsigned int p = 0; p < PROCS && !*why; p++)
		start(p);
	for (i = 0; i < n && !*why; i++) {
		step(&ops[i]);
		if (!*why && i % every == every - 1)
			look(true);
	}
	if (!*why)
		look(true);
	if (!*why)
		take_all_back();
	procs_stop();
	return *why && (!symptom || symptom == found) ? i : -1;
}

/* Shrinking. */

static time_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

/* Leaves out @chunk operations wherever it is still wrong without them. */
static int leave_out(struct op *ops, int n, int chunk, time_t until)
{
	struct op *less = malloc(n * sizeof(*ops));
	int at = n - chunk, failed;

	if (!less)
		abort();
	while (at >= 0 && now() < until) {
		memcpy(less, ops, at * sizeof(*ops));
		memcpy(less + at, ops + at + chunk,
		       (n - at - chunk) * sizeof(*ops));
		failed = run(less, n - chunk);
		if (failed >= 0) {
			n = failed;
			memcpy(ops, less, n * sizeof(*ops));
		}
		at = (at < n ? at : n) - chunk;
	}
	free(less);
	return n;
}

/* What is wrong mostly has to do with what was done last. */
static int keep_last(struct op *ops, int n, time_t until)
{
	for (int last = 64; last < n && now() < until; last *= 2) {
		int failed = run(ops + n - last, last);

		if (failed < 0)
			continue;
		memmove(ops, ops + n - last, failed * sizeof(*ops));
		return failed;
	}
	return n;
}

/* Leaves out all operations of one actor, or of one kind. */
static int leave_out_all(struct op *ops, int n, int actor, int kind)
{
	struct op *less = malloc(n * sizeof(*ops));
	int left = 0, failed = -1;

	if (!less)
		abort();
	for (int i = 0; i < n; i++)
		if ((int)ops[i].actor != actor && (int)ops[i].kind != kind)
			less[left++] = ops[i];
	if (left < n)
		failed = run(less, left);
	if (failed >= 0) {
		n = failed;
		memcpy(ops, less, n * sizeof(*ops));
	}
	free(less);
	return n;
}

static bool still_wrong(struct op *ops, int n, int i, struct op simpler)
{
	struct op before = ops[i];

	if (!memcmp(&before, &simpler, sizeof(before)))
		return false;
	ops[i] = simpler;
	if (run(ops, n) >= 0)
		return true;
	ops[i] = before;
	return false;
}

/* No flexpages, no flags, fewer pages. */
static void simplify(struct op *ops, int n, time_t until)
{
	for (int i = 0; i < n && now() < until; i++) {
		struct op plain = model_fit(&ops[i]);

		plain.rn = plain.base = plain.how = plain.quiet = 0;
		still_wrong(ops, n, i, plain);
		for (unsigned int flag = 1; flag <= LMAP_RESET; flag <<= 1) {
			struct op op = ops[i];

			op.flags &= ~flag;
			if (flag == LMAP_LIMIT_DEPTH)
				op.depth = 0;
			still_wrong(ops, n, i, op);
		}
		while (ops[i].n > 1 && !ops[i].rn) {
			struct op front = ops[i], back = ops[i];

			front.n--;
			back.n--;
			back.first++;
			back.at++;
			if (!still_wrong(ops, n, i, front) &&
			    !still_wrong(ops, n, i, back))
				break;
		}
	}
}

static int shrink(struct op *ops, int n)
{
	time_t until = now() + SHRINK_TIME;
	int before;

	symptom = found;
	n = keep_last(ops, n, until);
	for (int kind = 0; kind < OP_KINDS && now() < until; kind++)
		n = leave_out_all(ops, n, -1, kind);
	for (int actor = 0; actor < PROCS && now() < until; actor++)
		n = leave_out_all(ops, n, actor, -1);
	for (int chunk = n / 2; chunk > 1; chunk /= 2)
		n = leave_out(ops, n, chunk < n ? chunk : n - 1, until);
	do {
		before = n;
		n = leave_out(ops, n, 1, until);
		simplify(ops, n, until);
	} while (n < before && now() < until);
	return n;
}

static void print_list(struct op *ops, int n)
{
	run(ops, n);
	printf("# with these %d operations: %s\n", n, why);
	for (int i = 0; i < n; i++)
		print_op(&ops[i]);
	fflush(stdout);
}

static void print_counts(void)
{
	for (int i = 0; i < OP_KINDS; i++)
		printf("# %-12s %5u done %5u refused %5u left out\n", names[i],
		       count[i].done, count[i].refused, count[i].unclear);
	for (int i = 0; i < 256; i++)
		if (count_errno[i])
			printf("# refused %u times: %s\n", count_errno[i],
			       strerror(i));
	fflush(stdout);
}

/* ---- remove when everything has landed: from here ... ------------------- */

static void see_what_has_landed(int space)
{
	struct lmap_map m = { .size = sizeof(m), .window = -1 };
	int w = window_create(space, PG, ALL);
	char *page = memory(1);

	landed.grant = !ioctl(space, LMAP_GRANT, &m) || errno != ENOTTY;
	landed.copy = !ioctl(space, LMAP_COPY, &m) || errno != ENOTTY;
	for (unsigned int f = LMAP_TRACK; f <= LMAP_PIN; f <<= 1)
		if (!map_range(space, page, PG, ALL, w, 0, f, NULL))
			landed.flags |= f;
	m = (struct lmap_map){ .size = sizeof(m), .flags = LMAP_RANGE,
			       .snd = (uintptr_t)page, .length = PG,
			       .rights = ALL, .window = w };
	landed.memory = landed.copy && !ioctl(space, LMAP_COPY, &m);
	printf("# left out:%s%s%s%s%s\n", landed.grant ? "" : " grant",
	       landed.copy ? "" : " copy",
	       landed.memory ? "" : " grant and copy of ordinary memory",
	       landed.flags & LMAP_TRACK ? "" : " TRACK",
	       landed.flags & LMAP_PIN ? "" : " PIN");
	fflush(stdout);
	munmap(page, PG);
	close(w);
}

/* ---- ... to here; then all members of landed are true ------------------- */

FIXTURE_PLAIN(random)

/* The longest: a debug kernel, and then shrinking. */
TEST_F_TIMEOUT(random, eight_processes_do_what_the_model_says, 2400)
{
	struct op *ops = malloc(OPS * sizeof(*ops));
	time_t began = now();
	int failed;

	ASSERT_NE(NULL, ops);
	see_what_has_landed(self->space);
	procs_init();
	make_list(ops, OPS, seed());
	failed = run(ops, OPS);
	printf("# %d operations in %ld s\n", failed < 0 ? OPS : failed,
	       (long)(now() - began));
	if (failed < 0) {
		print_counts();
	} else {
		printf("# wrong after %d operations: %s\n", failed, why);
		fflush(stdout);
		print_list(ops, shrink(ops, failed));
	}
	EXPECT_LT(failed, 0);
	free(ops);
}

TEST_HARNESS_MAIN
