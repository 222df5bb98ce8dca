// SPDX-License-Identifier: GPL-2.0
/*
 * Every allocation of a call fails in turn: the call says ENOMEM and has
 * changed nothing, or it succeeds without that memory. Revoking never fails.
 * Needs a kernel with fault injection.
 */
#include "nl.h"
#include "pager.h"
#include "harness.h"

#define N	8

FIXTURE_PLAIN(failnth)

static int nth_fd = -1;

static bool injection(void)
{
	static const char * const dirs[] = { "failslab", "fail_page_alloc" };
	char path[128];

	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path),
			 "/sys/kernel/debug/%s/ignore-gfp-wait", dirs[i]);
		if (!write_file(path, "N") && i == 0)
			return false;
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s/verbose",
			 dirs[i]);
		write_file(path, "0");
	}
	write_file("/sys/kernel/debug/fail_page_alloc/min-order", "0");
	nth_fd = open("/proc/thread-self/fail-nth", O_RDWR);
	return nth_fd >= 0;
}

static void fail_at(int n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d", n);

	/* Being copied from user space, this can be what fails. */
	while (pwrite(nth_fd, text, len, 0) != len)
		;
}

/* Did the n-th allocation come at all? */
static bool fail_done(void)
{
	char text[16] = "";
	bool done;

	/* Copying to user space can fail by it, too: then it was still due. */
	done = pread(nth_fd, text, sizeof(text) - 1, 0) > 0 && text[0] == '0';
	fail_at(0);
	return done;
}

LMAP_TEST(failnth, opening_and_making_a_window)
{
	int n, s, w;

	if (!injection())
		SKIP(return, "no fault injection in this kernel");
	for (n = 1; n < 1000; n++) {
		fail_at(n);
		s = space_open();
		w = s < 0 ? s : window_create(s, N * PG, ALL);
		if (!fail_done()) {
			EXPECT_GE(w, 0);
			close(w);
			close(s);
			break;
		}
		if (w < 0)
			EXPECT_TRUE(w == -ENOMEM || w == -EFAULT ||
				    w == -EINTR)
				TH_LOG("allocation %d: %d", n, w);
		if (w >= 0)
			close(w);
		if (s >= 0)
			close(s);
	}
	EXPECT_GT(n, 3);
	EXPECT_LT(n, 1000);
}

LMAP_TEST(failnth, map_says_ENOMEM_and_changes_nothing)
{
	char *mem = memory(N), *v;
	int w = window_create(self->space, N * PG, ALL), n, ret;

	if (!injection())
		SKIP(return, "no fault injection in this kernel");
	v = window_mmap(w, N * PG, PROT_READ | PROT_WRITE);
	ASSERT_EQ(0, mprotect(mem + 2 * PG, 2 * PG, PROT_READ));
	for (n = 1; n < 1000; n++) {
		fail_at(n);
		ret = map_range(self->space, mem, N * PG, RW, w, 0, 0, NULL);
		if (!fail_done()) {
			EXPECT_EQ(0, ret);
			break;
		}
		/* EFAULT: copying the structure failed, perhaps the result */
		if (ret != -EFAULT && ret) {
			EXPECT_EQ(-ENOMEM, ret);
			EXPECT_EQ(0, info(self->space).out_mappings);
		}
		ASSERT_EQ(0, unmap_fpage(self->space, LMAP_WHOLE, 0));
	}
	EXPECT_GT(n, 3);
	EXPECT_LT(n, 1000);
	EXPECT_EQ(1, peek(v));
	close(w);
}

LMAP_TEST(failnth, a_fault_is_SIGBUS_or_works)
{
	char *mem = memory(N), *v;
	int w = window_create(self->space, N * PG, ALL), n, ret;

	if (!injection())
		SKIP(return, "no fault injection in this kernel");
	v = window_mmap(w, N * PG, PROT_READ | PROT_WRITE);
	for (n = 1; n < 200; n++) {
		ASSERT_EQ(0, unmap_fpage(self->space, LMAP_WHOLE, 0));
		ASSERT_EQ(0, map_range(self->space, mem, N * PG, RW, w, 0, 0,
				       NULL));
		fail_at(n);
		ret = peek(v + PG);
		if (!fail_done())
			break;
		EXPECT_TRUE(ret == 2 || ret == NOTHING)
			TH_LOG("allocation %d: %d", n, ret);
		EXPECT_EQ(2, peek(v + PG));
	}
	EXPECT_EQ(2, ret);
	EXPECT_GT(n, 1);
	EXPECT_LT(n, 200);
	close(w);
}

/* A partial unmap must split: without memory more goes, and it is said. */
LMAP_TEST(failnth, unmap_never_fails)
{
	char *mem = memory(N), *v[3], *from;
	int w[3], n, over = 0, nl = nl_open();

	if (!injection())
		SKIP(return, "no fault injection in this kernel");
	for (int i = 0; i < 3; i++) {
		w[i] = window_create(self->space, N * PG, ALL);
		v[i] = window_mmap(w[i], N * PG, PROT_READ | PROT_WRITE);
		ASSERT_GT(nl_watch(nl, w[i], 0), 0);
	}
	for (n = 1; n < 200; n++) {
		struct lmap_unmap u;
		bool done;
		int ret;

		from = mem;
		ASSERT_EQ(0, unmap_fpage(self->space, LMAP_WHOLE, LMAP_SELF));
		for (int i = 0; i < 3; i++) {
			ASSERT_EQ(0, map_range(self->space, from, N * PG, ALL,
					       w[i], 0, 0, NULL));
			from = v[i];
		}
		ASSERT_EQ(3, peek(v[2] + 2 * PG));
		nl_drain(nl);
		fail_at(n);
		ret = unmap_range(self->space, mem + 2 * PG, 2 * PG, LMAP_R, 0,
				  &u);
		done = fail_done();
		/* never for memory: only copying the structure may fail */
		if (ret) {
			ASSERT_EQ(-EFAULT, ret);
			continue;
		}
		for (int i = 0; i < 3; i++) {
			EXPECT_EQ(NOTHING, peek(v[i] + 2 * PG));
			EXPECT_EQ(NOTHING, peek(v[i] + 3 * PG));
			if (!u.out_flags) {
				EXPECT_EQ(1, peek(v[i]));
				EXPECT_EQ(5, peek(v[i] + 4 * PG));
			}
		}
		over += u.out_flags == LMAP_OVERREVOKED;
		EXPECT_TRUE(nl_tells_losses(nl, 2 * PG, u.out_flags,
					    u.out_mappings));
		if (!done)
			break;
	}
	EXPECT_GT(n, 1);
	EXPECT_LT(n, 200);
	TH_LOG("%d allocations failed, %d times more was revoked", n - 1,
	       over);
	for (int i = 0; i < 3; i++)
		close(w[i]);
}

/*
 * Each call in turn, on a tree: mem -> v[0] -> v[1] -> v[2], all with RWM and
 * reference bits of each page; v[3] is free, other is memory from elsewhere.
 */
FIXTURE(failnth_tree) {
	int space;
	char *mem;
	char *other;
	int w[4];
	char *v[4];
	long pinned;
	unsigned char bits[N];
};

typedef FIXTURE_DATA(failnth_tree) tree;

FIXTURE_SETUP(failnth_tree)
{
	catch_faults();
	self->pinned = pins();
	self->space = space_open();
	ASSERT_GE(self->space, 0);
	self->mem = memory(N);
	self->other = memory(N);
	for (int i = 0; i < 4; i++) {
		self->w[i] = window_create(self->space, N * PG, ALL);
		self->v[i] = window_mmap(self->w[i], N * PG,
					 PROT_READ | PROT_WRITE);
		ASSERT_NE(MAP_FAILED, self->v[i]);
	}
}

FIXTURE_TEARDOWN(failnth_tree)
{
	close(self->space);
	for (int i = 0; i < 4; i++) {
		munmap(self->v[i], N * PG);
		close(self->w[i]);
	}
	pins_gone(self->pinned);
}

static int make_tree(tree *t)
{
	char *from = t->mem;

	/* what was seen before */
	if (status(t->space, t->mem, N * PG, LMAP_RESET, NULL) < 0)
		return 0;
	for (int i = 0; i < 3; i++) {
		if (map_range(t->space, from, N * PG, RWM, t->w[i], 0,
			      LMAP_TRACK, NULL))
			return 0;
		from = t->v[i];
	}
	/* used by all, and then: written by the first, read by the last */
	for (int i = 0; i < 3; i++)
		for (int p = 0; p < N; p++)
			if (peek(t->v[i] + p * PG) != p + 1)
				return 0;
	return status(t->space, t->mem, N * PG, LMAP_RESET, NULL) ==
	       LMAP_ACCESSED && !poke(t->v[0] + PG, 2) &&
	       peek(t->v[2] + 2 * PG) == 3;
}

/* A page of a view: writable, with the value that it should have. */
static int has(tree *t, int view, int page, int value)
{
	int got = peek(t->v[view] + page * PG);

	if (got == value && (value < 0 || !poke(t->v[view] + page * PG, got)))
		return 1;
	fprintf(stderr, "# v[%d] page %d: %d, not %d\n", view, page, got,
		value);
	return 0;
}

static int has_all(tree *t, int view)
{
	int ok = 1;

	for (int p = 0; p < N; p++)
		ok &= has(t, view, p, p + 1);
	return ok;
}

/* Pages 2 to 5 have moved or been mapped, the others are free. */
static int has_part(tree *t, int view)
{
	int ok = 1;

	for (int p = 0; p < N; p++)
		ok &= has(t, view, p, p >= 2 && p < 6 ? p + 1 : NOTHING);
	return ok;
}

static int bits_told(const unsigned char *bits)
{
	for (int p = 0; p < N; p++)
		if (bits[p] != (p == 1 ? LMAP_ACCESSED | LMAP_MODIFIED :
				p == 2 ? LMAP_ACCESSED : 0))
			return 0;
	return 1;
}

/* As made by make_tree(), reference bits included. */
static int same_tree(tree *t)
{
	unsigned char bits[N];
	int ok = status(t->space, t->mem, N * PG, 0, bits) >= 0 &&
		 bits_told(bits);

	for (int i = 0; i < 3; i++)
		ok &= has_all(t, i);
	return ok && peek(t->v[3]) == NOTHING &&
	       info(t->space).out_mappings == 3;
}

struct call {
	int (*prepare)(tree *t);	/* true */
	int (*call)(tree *t);
	int (*same)(tree *t);		/* true: nothing has changed */
	int (*done)(tree *t);		/* true: it was done */
};

static void each_fails(struct __test_metadata *_metadata, tree *t,
		       const struct call *c)
{
	int n, ret;
	bool came;

	if (!injection())
		SKIP(return, "no fault injection in this kernel");
	for (n = 1; n < 1000; n++) {
		ASSERT_EQ(1, c->prepare(t)) TH_LOG("allocation %d", n);
		memset(t->bits, 0, N);
		fail_at(n);
		ret = c->call(t);
		came = fail_done();
		if (!came)
			ASSERT_EQ(0, ret);
		if (!ret)
			ASSERT_EQ(1, c->done(t)) TH_LOG("allocation %d", n);
		/* EFAULT: copying the structure failed, perhaps the result */
		if (ret && ret != -EFAULT) {
			ASSERT_EQ(-ENOMEM, ret) TH_LOG("allocation %d", n);
			ASSERT_EQ(1, c->same(t)) TH_LOG("allocation %d", n);
		}
		/* whatever it was: all of it can be revoked */
		ASSERT_EQ(0, unmap_fpage(t->space, LMAP_WHOLE, LMAP_SELF));
		ASSERT_EQ(0, info(t->space).out_mappings);
		for (int i = 0; i < 4; i++)
			for (int p = 0; p < N; p++)
				ASSERT_EQ(NOTHING, peek(t->v[i] + p * PG));
		if (!came)
			break;
	}
	TH_LOG("%d allocations failed", n - 1);
	EXPECT_GT(n, 1);
	EXPECT_LT(n, 1000);
}

#define EACH_FAILS(name, ...) \
	TEST_F_TIMEOUT(failnth_tree, name, 600) \
	{ \
		each_fails(_metadata, self, &(struct call){ __VA_ARGS__ }); \
	}

static int map_on(tree *t)
{
	return op(t->space, LMAP_MAP, t->v[1] + 2 * PG, 4 * PG, RWM, t->w[3],
		  2 * PG, 0);
}

static int map_tracked(tree *t)
{
	return op(t->space, LMAP_MAP, t->v[1] + 2 * PG, 4 * PG, RWM, t->w[3],
		  2 * PG, LMAP_TRACK | LMAP_POPULATE);
}

static int map_with_budget(tree *t)
{
	return map_budget(t->space, t->v[1] + 2 * PG, 4 * PG, RWM, t->w[3],
			  2 * PG, 3);
}

static int copied(tree *t)
{
	return has_all(t, 1) && has_all(t, 2) && has_part(t, 3) &&
	       info(t->space).out_mappings == 4;
}

EACH_FAILS(map_from_a_window, make_tree, map_on, same_tree, copied)
EACH_FAILS(map_with_TRACK_and_POPULATE, make_tree, map_tracked, same_tree,
	   copied)
EACH_FAILS(map_with_a_budget, make_tree, map_with_budget, same_tree, copied)

static int no_tree(tree *t)
{
	return 1;
}

static int map_memory_tracked(tree *t)
{
	return op(t->space, LMAP_MAP, t->mem + 2 * PG, 4 * PG, RWM, t->w[3],
		  2 * PG, LMAP_TRACK);
}

static int map_memory_pinned(tree *t)
{
	return op(t->space, LMAP_MAP, t->mem + 2 * PG, 4 * PG, RWM, t->w[3],
		  2 * PG, LMAP_PIN | LMAP_POPULATE);
}

static int nothing(tree *t)
{
	return peek(t->v[3] + 2 * PG) == NOTHING &&
	       info(t->space).out_mappings == 0;
}

static int part_alone(tree *t)
{
	return has_part(t, 3) && info(t->space).out_mappings == 1;
}

EACH_FAILS(map_of_memory_with_TRACK, no_tree, map_memory_tracked, nothing,
	   part_alone)
EACH_FAILS(map_of_memory_with_PIN, no_tree, map_memory_pinned, nothing,
	   part_alone)

/* Without memory for cutting what was there, more of that goes. */
static int map_over_a_part(tree *t)
{
	return op(t->space, LMAP_MAP, t->other, 2 * PG, RW, t->w[1], 3 * PG,
		  0);
}

static int part_replaced(tree *t)
{
	int ok = has_all(t, 0) && has(t, 1, 3, 1) && has(t, 1, 4, 2) &&
		 has(t, 2, 3, NOTHING) && has(t, 2, 4, NOTHING);

	for (int p = 0; p < N; p++) {
		bool in = p == 3 || p == 4;
		int got = peek(t->v[1] + p * PG);

		ok &= in || got == NOTHING || got == p + 1;
	}
	return ok;
}

EACH_FAILS(map_that_replaces_a_part, make_tree, map_over_a_part, same_tree,
	   part_replaced)

/* The very same again, with more rights for a part: nothing may go. */
static int make_readable(tree *t)
{
	return !op(t->space, LMAP_MAP, t->mem, N * PG, LMAP_R | LMAP_M,
		   t->w[0], 0, 0) &&
	       !op(t->space, LMAP_MAP, t->v[0], N * PG, LMAP_R, t->w[1], 0, 0);
}

static int map_part_writable(tree *t)
{
	return op(t->space, LMAP_MAP, t->mem + 2 * PG, 4 * PG, RW, t->w[0],
		  2 * PG, 0);
}

static int readable(tree *t, int from, int to)
{
	int ok = 1;

	for (int p = 0; p < N; p++) {
		ok &= poke(t->v[0] + p * PG, p + 1) ==
		      (p >= from && p < to ? 0 : NO_RIGHT);
		ok &= peek(t->v[1] + p * PG) == p + 1;
		ok &= poke(t->v[1] + p * PG, p + 1) == NO_RIGHT;
	}
	return ok;
}

static int all_readable(tree *t)
{
	return readable(t, 0, 0);
}

static int part_writable(tree *t)
{
	return readable(t, 2, 6);
}

EACH_FAILS(map_that_adds_a_right_to_a_part, make_readable, map_part_writable,
	   all_readable, part_writable)

static int grant_all(tree *t)
{
	return op(t->space, LMAP_GRANT, t->v[1], N * PG, RWM, t->w[3], 0, 0);
}

static int all_granted(tree *t)
{
	return has_all(t, 0) && has(t, 1, 0, NOTHING) && has_all(t, 2) &&
	       has_all(t, 3) && info(t->space).out_mappings == 3;
}

static int grant_part(tree *t)
{
	return op(t->space, LMAP_GRANT, t->v[1] + 2 * PG, 4 * PG, RWM, t->w[3],
		  2 * PG, 0);
}

static int part_granted(tree *t)
{
	int ok = has_all(t, 0) && has_all(t, 2) && has_part(t, 3);

	for (int p = 0; p < N; p++)
		ok &= has(t, 1, p, p >= 2 && p < 6 ? NOTHING : p + 1);
	return ok;
}

static int copy_part(tree *t)
{
	return op(t->space, LMAP_COPY, t->v[1] + 2 * PG, 4 * PG, RWM, t->w[3],
		  2 * PG, 0);
}

EACH_FAILS(grant_of_a_mapping, make_tree, grant_all, same_tree, all_granted)
EACH_FAILS(grant_of_a_part_of_a_mapping, make_tree, grant_part, same_tree,
	   part_granted)
EACH_FAILS(copy_of_a_part_of_a_mapping, make_tree, copy_part, same_tree,
	   copied)

/* Ordinary memory, anew for each: t->other is what remains of it. */
static int make_memory(tree *t)
{
	munmap(t->other, N * PG);
	t->other = memory(N);
	return !map_range(t->space, t->other, N * PG, RW, t->w[2], 0, 0,
			  NULL) && has_all(t, 2);
}

static int memory_is_ours(tree *t)
{
	int ok = has_all(t, 2) && peek(t->v[3] + 2 * PG) == NOTHING;

	for (int p = 0; p < N; p++)
		ok &= peek(t->other + p * PG) == p + 1;
	return ok && info(t->space).out_mappings == 1;
}

static int grant_memory(tree *t)
{
	return op(t->space, LMAP_GRANT, t->other + 2 * PG, 4 * PG, RWM,
		  t->w[3], 2 * PG, 0);
}

static int copy_memory(tree *t)
{
	return op(t->space, LMAP_COPY, t->other + 2 * PG, 4 * PG, RWM, t->w[3],
		  2 * PG, 0);
}

/* What was lent of it may have gone for want of memory, but never be wrong. */
static int memory_granted(tree *t)
{
	int ok = has_part(t, 3);

	for (int p = 0; p < N; p++) {
		int lent = peek(t->v[2] + p * PG);

		ok &= lent == p + 1 || lent == NOTHING;
		ok &= peek(t->other + p * PG) ==
		      (p >= 2 && p < 6 ? NO_VMA : p + 1);
	}
	return ok;
}

static int memory_copied(tree *t)
{
	int ok = has_part(t, 3) && has_all(t, 2);

	for (int p = 0; p < N; p++)
		ok &= peek(t->other + p * PG) == p + 1;
	return ok;
}

EACH_FAILS(grant_of_memory, make_memory, grant_memory, memory_is_ours,
	   memory_granted)
EACH_FAILS(copy_of_memory, make_memory, copy_memory, memory_is_ours,
	   memory_copied)

/* Of all that a query needs nothing may be lost when it fails. */
static int query(tree *t)
{
	int ret = status(t->space, t->mem, N * PG, 0, NULL);

	return ret < 0 ? ret : ret == (LMAP_ACCESSED | LMAP_MODIFIED) ? 0 : 1;
}

static int query_each(tree *t)
{
	int ret = status(t->space, t->mem, N * PG, 0, t->bits);

	return ret < 0 ? ret : 0;
}

static int reset(tree *t)
{
	int ret = status(t->space, t->mem, N * PG, LMAP_RESET, NULL);

	return ret < 0 ? ret : ret == (LMAP_ACCESSED | LMAP_MODIFIED) ? 0 : 1;
}

static int reset_each(tree *t)
{
	int ret = status(t->space, t->mem, N * PG, LMAP_RESET, t->bits);

	return ret < 0 ? ret : 0;
}

static int told(tree *t)
{
	return bits_told(t->bits) && same_tree(t);
}

static int is_reset(tree *t)
{
	return status(t->space, t->mem, N * PG, 0, NULL) == 0;
}

static int told_and_reset(tree *t)
{
	return bits_told(t->bits) && is_reset(t);
}

EACH_FAILS(status_of_all, make_tree, query, same_tree, same_tree)
EACH_FAILS(status_of_each_page, make_tree, query_each, same_tree, told)
EACH_FAILS(status_with_RESET, make_tree, reset, same_tree, is_reset)
EACH_FAILS(status_of_each_page_with_RESET, make_tree, reset_each, same_tree,
	   told_and_reset)

/* The first reset of a region that is not tracked needs memory for that. */
static int make_untracked(tree *t)
{
	munmap(t->other, N * PG);
	t->other = memory(N);
	return !op(t->space, LMAP_MAP, t->other, N * PG, RWM, t->w[0], 0, 0) &&
	       !poke(t->v[0] + PG, 2);
}

static int reset_untracked(tree *t)
{
	int ret = status(t->space, t->other, N * PG, LMAP_RESET, t->bits);

	return ret < 0 ? ret : 0;
}

static int untracked_same(tree *t)
{
	return status(t->space, t->other + PG, PG, 0, NULL) ==
	       (LMAP_ACCESSED | LMAP_MODIFIED);
}

static int untracked_reset(tree *t)
{
	return t->bits[1] == (LMAP_ACCESSED | LMAP_MODIFIED) &&
	       status(t->space, t->other, N * PG, 0, NULL) == 0;
}

EACH_FAILS(status_with_RESET_of_untracked_memory, make_untracked,
	   reset_untracked, untracked_same, untracked_reset)

/* Five in reserve, or as many as before, which is three. */
static int make_reserve(tree *t)
{
	return !reserve(t->space, 0, NULL) && !reserve(t->space, 3, NULL);
}

static int reserve_five(tree *t)
{
	return reserve(t->space, 5, NULL);
}

static int reserve_is(tree *t, unsigned int nodes)
{
	unsigned int out = 0;

	return !reserve(t->space, nodes, &out) && out == nodes &&
	       info(t->space).out_mappings == 0;
}

static int reserve_same(tree *t)
{
	return reserve_is(t, 3);
}

static int reserve_done(tree *t)
{
	return reserve_is(t, 5);
}

EACH_FAILS(reserve_more, make_reserve, reserve_five, reserve_same,
	   reserve_done)

/* Without memory there is no pager: nobody waits, and one can be made later. */
static int pager;

static int is_unpaged(tree *t)
{
	return peek(t->v[0] + (N - 1) * PG) == NOTHING;
}

static int make_pager(tree *t)
{
	return (pager = pager_create_told(t->space, t->w[0])) < 0 ? pager : 0;
}

static int is_paged(tree *t)
{
	return pager_create(t->space, t->w[0], 0) == -EBUSY && !close(pager);
}

EACH_FAILS(pager_create, is_unpaged, make_pager, is_unpaged, is_paged)

/* Revoking never fails for memory: ENOMEM is never an answer. */
static int never(tree *t)
{
	fprintf(stderr, "# a revoke said ENOMEM\n");
	return 0;
}

static int take_w_of_a_part(tree *t)
{
	return unmap_range(t->space, t->mem + 2 * PG, 4 * PG, LMAP_W,
			   LMAP_RESET, NULL);
}

static int w_is_gone(tree *t)
{
	int ok = 1;

	for (int i = 0; i < 3; i++)
		for (int p = 0; p < N; p++) {
			int got = poke(t->v[i] + p * PG, p + 1);

			ok &= peek(t->v[i] + p * PG) == p + 1;
			ok &= got == NO_RIGHT || (!got && (p < 2 || p >= 6));
		}
	return ok;
}

static int take_what_is_in_one_window(tree *t)
{
	return unmap_only(t->space, t->mem + 2 * PG, 4 * PG, ALL, t->w[1],
			  NULL);
}

static int gone_from_there_on(tree *t)
{
	int ok = has_all(t, 0);

	for (int i = 1; i < 3; i++)
		for (int p = 0; p < N; p++) {
			int got = peek(t->v[i] + p * PG);

			ok &= got == NOTHING ||
			      (got == p + 1 && (p < 2 || p >= 6));
		}
	return ok;
}

EACH_FAILS(unmap_of_w_of_a_part_with_RESET, make_tree, take_w_of_a_part, never,
	   w_is_gone)
EACH_FAILS(unmap_of_a_part_with_ONLY, make_tree, take_what_is_in_one_window,
	   never, gone_from_there_on)

/* The lender's own system call: it may fail, what it did is complete. */
static int munmap_a_part(tree *t)
{
	return munmap(t->other + 2 * PG, 4 * PG) ? -errno : 0;
}

static int part_is_gone(tree *t)
{
	int ok = 1;

	for (int p = 0; p < N; p++) {
		int got = peek(t->v[2] + p * PG);

		ok &= got == NOTHING || (got == p + 1 && (p < 2 || p >= 6));
		ok &= peek(t->other + p * PG) ==
		      (p >= 2 && p < 6 ? NO_VMA : p + 1);
	}
	return ok;
}

EACH_FAILS(munmap_of_a_part_by_the_lender, make_memory, munmap_a_part,
	   memory_is_ours, part_is_gone)

TEST_HARNESS_MAIN
