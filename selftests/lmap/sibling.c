// SPDX-License-Identifier: GPL-2.0
/* LMAP_COPY: the receiver's mapping is a sibling of the caller's. */
#include "util.h"
#include "harness.h"

#define N	8
#define NOBODY	65530

/* mem -> v[0] -> v[1] -> v[2]; v[3] and v[4] are free. */
FIXTURE(sibling) {
	int space;
	char *mem;
	int w[5];
	char *v[5];
	long pinned;
};

FIXTURE_SETUP(sibling)
{
	char *from;

	catch_faults();
	self->pinned = pins();
	self->space = space_open();
	ASSERT_GE(self->space, 0);
	from = self->mem = memory_aligned(N, N * PG);
	for (int i = 0; i < 5; i++) {
		self->w[i] = window_create(self->space, 2 * N * PG, ALL);
		self->v[i] = window_mmap(self->w[i], 2 * N * PG,
					 PROT_READ | PROT_WRITE);
		ASSERT_NE(MAP_FAILED, self->v[i]);
	}
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, map_range(self->space, from, N * PG, RWM,
				       self->w[i], 0, 0, NULL));
		from = self->v[i];
		ASSERT_EQ(1, peek(from));
	}
}

FIXTURE_TEARDOWN(sibling)
{
	unmap_fpage(self->space, LMAP_WHOLE, LMAP_SELF);
	EXPECT_EQ(0, info(self->space).out_mappings);
	close(self->space);
	for (int i = 0; i < 5; i++) {
		munmap(self->v[i], 2 * N * PG);
		close(self->w[i]);
	}
	pins_gone(self->pinned);
}

#define COPY(addr, pages, rights, to, page) \
	op(self->space, LMAP_COPY, addr, (pages) * PG, rights, \
	   self->w[to], (page) * PG, 0)
#define UNMAP(addr, flags) \
	unmap_range(self->space, addr, N * PG, ALL, flags, NULL)

LMAP_TEST(sibling, both_have_it)
{
	struct lmap_map m = { .snd = (uintptr_t)self->v[1], .length = N * PG,
			      .rights = ALL, .window = self->w[3] };

	ASSERT_EQ(0, op_range(self->space, LMAP_COPY, &m));
	EXPECT_EQ(N * PG, m.out_bytes);
	EXPECT_EQ(1, m.out_mappings);
	EXPECT_EQ(RWM, m.out_rights);
	EXPECT_EQ(4, info(self->space).out_mappings);
	for (int p = 0; p < N; p++) {
		EXPECT_EQ(p + 1, peek(self->v[3] + p * PG));
		EXPECT_EQ(0, poke(self->v[3] + p * PG, 40 + p));
		EXPECT_EQ(40 + p, peek(self->v[1] + p * PG));
		EXPECT_EQ(40 + p, peek(self->mem + p * PG));
	}
}

LMAP_TEST(sibling, the_copier_cannot_revoke_it_its_parent_can)
{
	ASSERT_EQ(0, COPY(self->v[1], N, ALL, 3, 0));
	ASSERT_EQ(0, UNMAP(self->v[1], 0));
	EXPECT_EQ(NOTHING, peek(self->v[2]));
	EXPECT_EQ(0, poke(self->v[3], 1));
	ASSERT_EQ(0, UNMAP(self->v[1], LMAP_SELF));
	EXPECT_EQ(NOTHING, peek(self->v[1]));
	EXPECT_EQ(0, poke(self->v[3], 1));
	ASSERT_EQ(0, UNMAP(self->v[0], 0));
	EXPECT_EQ(NOTHING, peek(self->v[3]));
	EXPECT_EQ(1, peek(self->v[0]));
}

LMAP_TEST(sibling, nor_can_the_copy_revoke_the_copied)
{
	ASSERT_EQ(0, COPY(self->v[1], N, ALL, 3, 0));
	ASSERT_EQ(0, UNMAP(self->v[3], LMAP_SELF));
	EXPECT_EQ(NOTHING, peek(self->v[3]));
	EXPECT_EQ(1, peek(self->v[1]));
	EXPECT_EQ(1, peek(self->v[2]));
}

LMAP_TEST(sibling, what_derives_from_the_copied_stays_below_that)
{
	ASSERT_EQ(0, COPY(self->v[1], N, ALL, 3, 0));
	ASSERT_EQ(0, UNMAP(self->v[3], 0));
	EXPECT_EQ(1, peek(self->v[2]));
	ASSERT_EQ(0, UNMAP(self->v[1], 0));
	EXPECT_EQ(NOTHING, peek(self->v[2]));
}

LMAP_TEST(sibling, fewer_rights_are_the_copys_alone)
{
	struct lmap_map m = { .snd = (uintptr_t)self->v[1], .length = N * PG,
			      .rights = LMAP_R, .window = self->w[3] };

	ASSERT_EQ(0, op_range(self->space, LMAP_COPY, &m));
	EXPECT_EQ(LMAP_R, m.out_rights);
	EXPECT_EQ(NO_RIGHT, poke(self->v[3], 1));
	EXPECT_EQ(-EACCES, COPY(self->v[3], 1, ALL, 4, 0));
	EXPECT_EQ(0, poke(self->v[1], 1));
	EXPECT_EQ(0, poke(self->v[2], 1));
	/* taken from the copied: the copy keeps */
	ASSERT_EQ(0, COPY(self->v[1], N, ALL, 4, 0));
	ASSERT_EQ(0, unmap_range(self->space, self->v[1], N * PG, LMAP_W,
				 LMAP_SELF, NULL));
	EXPECT_EQ(NO_RIGHT, poke(self->v[1], 1));
	EXPECT_EQ(NO_RIGHT, poke(self->v[2], 1));
	EXPECT_EQ(0, poke(self->v[4], 1));
}

LMAP_TEST(sibling, of_what_may_not_be_passed_on_is_refused)
{
	ASSERT_EQ(0, map_range(self->space, self->mem, PG, RW, self->w[3], 0,
			       0, NULL));
	EXPECT_EQ(-EACCES, COPY(self->v[3], 1, ALL, 4, 0));
	ASSERT_EQ(0, map_depth(self->space, self->mem + PG, PG, ALL,
			       self->w[3], PG, 0));
	EXPECT_EQ(-EMLINK, COPY(self->v[3] + PG, 1, ALL, 4, 0));
	EXPECT_EQ(-EFAULT, COPY(self->v[3] + 5 * PG, 1, ALL, 4, 0));
	EXPECT_EQ(NOTHING, peek(self->v[4]));
	/* one piece of four may */
	ASSERT_EQ(0, map_range(self->space, self->mem + 2 * PG, PG, RWM,
			       self->w[3], 2 * PG, 0, NULL));
	EXPECT_EQ(0, COPY(self->v[3], 4, ALL, 4, 0));
	for (int p = 0; p < 4; p++)
		EXPECT_EQ(p == 2 ? 3 : NOTHING, peek(self->v[4] + p * PG));
}

/* Siblings are on one level: copying uses up no depth. */
LMAP_TEST(sibling, a_copy_of_a_copy_has_the_same_depth)
{
	int last = 3;

	ASSERT_EQ(0, UNMAP(self->mem, 0));
	ASSERT_EQ(0, map_depth(self->space, self->mem, PG, ALL, self->w[3], 0,
			       1));
	for (int i = 0; i < 100; i++) {
		ASSERT_EQ(0, COPY(self->v[last], 1, ALL, 7 - last, 0));
		last = 7 - last;
	}
	ASSERT_EQ(0, map_range(self->space, self->v[last], PG, ALL, self->w[1],
			       0, 0, NULL));
	EXPECT_EQ(-EMLINK, map_range(self->space, self->v[1], PG, ALL,
				     self->w[2], 0, 0, NULL));
	/* less can be asked for, more can't */
	struct lmap_map m = { .flags = LMAP_LIMIT_DEPTH, .depth = 5,
			      .snd = (uintptr_t)self->v[last], .length = PG,
			      .rights = ALL, .window = self->w[0] };

	ASSERT_EQ(0, op_range(self->space, LMAP_COPY, &m));
	ASSERT_EQ(0, map_range(self->space, self->v[0], PG, ALL, self->w[1],
			       0, 0, NULL));
	EXPECT_EQ(-EMLINK, COPY(self->v[1], 1, ALL, 2, 0));
	m.depth = 0;
	m.rcv = PG;
	ASSERT_EQ(0, op_range(self->space, LMAP_COPY, &m));
	EXPECT_EQ(1, peek(self->v[0] + PG));
	EXPECT_EQ(-EMLINK, COPY(self->v[0] + PG, 1, ALL, 2, 0));
}

LMAP_TEST(sibling, a_part_and_several_pieces)
{
	ASSERT_EQ(0, unmap_range(self->space, self->v[1] + 3 * PG, PG, ALL,
				 LMAP_SELF, NULL));
	ASSERT_EQ(0, unmap_range(self->space, self->v[1] + 5 * PG, PG, LMAP_W,
				 LMAP_SELF, NULL));
	ASSERT_EQ(0, COPY(self->v[1] + PG, 6, ALL, 3, 2));
	for (int p = 0; p < 2 * N; p++) {
		int src = p - 1;
		bool in = src >= 1 && src < 7 && src != 3;
		char *at = self->v[3] + p * PG;

		EXPECT_EQ(in ? src + 1 : NOTHING, peek(at));
		if (in)
			EXPECT_EQ(src == 5 ? NO_RIGHT : 0, poke(at, src + 1));
	}
}

LMAP_TEST(sibling, onto_itself_or_an_ancestor_is_ELOOP)
{
	EXPECT_EQ(-ELOOP, COPY(self->v[1], N, ALL, 1, 0));
	EXPECT_EQ(-ELOOP, COPY(self->v[1], 4, ALL, 1, 3));
	EXPECT_EQ(-ELOOP, COPY(self->v[2], N, ALL, 0, 0));
	EXPECT_EQ(-ELOOP, COPY(self->v[2], 1, ALL, 1, 7));
	EXPECT_EQ(3, info(self->space).out_mappings);
	/* beside itself it may */
	ASSERT_EQ(0, COPY(self->v[1], N, ALL, 1, N));
	EXPECT_EQ(1, peek(self->v[1] + N * PG));
	ASSERT_EQ(0, UNMAP(self->v[1], LMAP_SELF));
	EXPECT_EQ(1, peek(self->v[1] + N * PG));
}

LMAP_TEST(sibling, replacing_and_NOREPLACE)
{
	char *other = memory(N);

	ASSERT_EQ(0, map_range(self->space, other, N * PG, RWM, self->w[3], 0,
			       0, NULL));
	ASSERT_EQ(0, map_range(self->space, self->v[3], N * PG, RW,
			       self->w[4], 0, 0, NULL));
	EXPECT_EQ(-EEXIST, op(self->space, LMAP_COPY, self->v[1], PG, ALL,
			      self->w[3], 2 * PG, LMAP_NOREPLACE));
	EXPECT_EQ(3, peek(self->v[4] + 2 * PG));
	ASSERT_EQ(0, COPY(self->v[1], 1, LMAP_R, 3, 2));
	EXPECT_EQ(1, peek(self->v[3] + 2 * PG));
	EXPECT_EQ(NOTHING, peek(self->v[4] + 2 * PG));
	EXPECT_EQ(2, peek(self->v[4] + PG));
	/* the very same again: rights are added, whatever is asked */
	ASSERT_EQ(0, op(self->space, LMAP_COPY, self->v[1], PG, RWM,
			self->w[3], 2 * PG, LMAP_NOREPLACE));
	EXPECT_EQ(0, poke(self->v[3] + 2 * PG, 1));
	/* over a child of the copied: the child goes */
	ASSERT_EQ(0, COPY(self->v[1], N, RW, 2, 0));
	EXPECT_EQ(1, peek(self->v[2]));
	ASSERT_EQ(0, UNMAP(self->v[1], 0));
	EXPECT_EQ(1, peek(self->v[2]));
	munmap(other, N * PG);
}

LMAP_TEST(sibling, FLUSH_is_grant)
{
	ASSERT_EQ(0, op(self->space, LMAP_COPY, self->v[1] + 2 * PG, 4 * PG,
			ALL, self->w[3], 2 * PG, LMAP_FLUSH));
	for (int p = 0; p < N; p++) {
		bool in = p >= 2 && p < 6;

		EXPECT_EQ(in ? NOTHING : p + 1, peek(self->v[1] + p * PG));
		EXPECT_EQ(in ? p + 1 : NOTHING, peek(self->v[3] + p * PG));
		EXPECT_EQ(0, poke(self->v[2] + p * PG, p + 1));
	}
	ASSERT_EQ(0, UNMAP(self->v[3], 0));
	for (int p = 0; p < N; p++)
		EXPECT_EQ(p >= 2 && p < 6 ? NOTHING : p + 1,
			  peek(self->v[2] + p * PG));
}

LMAP_TEST(sibling, between_processes)
{
	struct peer d = peer_start(N, PROT_READ | PROT_WRITE);
	struct peer b = peer_start(N, PROT_READ | PROT_WRITE);

	ASSERT_EQ(0, map_range(self->space, self->mem, N * PG, ALL, b.window,
			       0, 0, NULL));
	ASSERT_EQ(0, peer_op(&b, LMAP_COPY, 0, N * PG, RW, d.window, 0, 0));
	EXPECT_EQ(0, peer_poke(&d, PG, 12));
	EXPECT_EQ(12, peer_peek(&b, PG));
	ASSERT_EQ(0, peer_unmap(&b, 0, N * PG, ALL, LMAP_SELF));
	EXPECT_EQ(12, peer_peek(&d, PG));
	peer_stop(&b);
	EXPECT_EQ(12, peer_peek(&d, PG));
	ASSERT_EQ(0, unmap_range(self->space, self->mem, N * PG, ALL, 0,
				 NULL));
	EXPECT_EQ(NOTHING, peer_peek(&d, PG));
	peer_stop(&d);
}

/* Of ordinary memory: frames that nobody owns alone. */

LMAP_TEST(sibling, of_memory_the_frames_are_shared)
{
	char *p = memory(N);

	ASSERT_EQ(0, COPY(p, N, ALL, 3, 0));
	for (int i = 0; i < N; i++) {
		EXPECT_EQ(i + 1, peek(self->v[3] + i * PG));
		EXPECT_EQ(0, poke(self->v[3] + i * PG, 60 + i));
		EXPECT_EQ(60 + i, p[i * PG]);
		p[i * PG] = 70 + i;
		EXPECT_EQ(70 + i, peek(self->v[3] + i * PG));
	}
	/* again, elsewhere: one more sibling of the same frames */
	ASSERT_EQ(0, COPY(p, N, ALL, 4, 2));
	EXPECT_EQ(0, poke(self->v[4] + 3 * PG, 33));
	EXPECT_EQ(33, peek(self->v[3] + PG));
	EXPECT_EQ(33, p[PG]);
	ASSERT_EQ(0, UNMAP(self->v[3], LMAP_SELF));
	EXPECT_EQ(NOTHING, peek(self->v[3]));
	EXPECT_EQ(33, peek(self->v[4] + 3 * PG));
	munmap(p, N * PG);
	EXPECT_EQ(33, peek(self->v[4] + 3 * PG));
	ASSERT_EQ(0, unmap_range(self->space, self->v[4], 2 * N * PG, ALL,
				 LMAP_SELF, NULL));
	pins_gone(self->pinned + N);
}

/* Each way in which a lender would revoke. */
LMAP_TEST(sibling, of_memory_the_copier_cannot_revoke_it)
{
	char *p = memory(N), *q;

	ASSERT_EQ(0, COPY(p, N, RW, 3, 0));
	ASSERT_EQ(0, UNMAP(p, LMAP_SELF));
	EXPECT_EQ(1, peek(self->v[3]));
	ASSERT_EQ(0, unmap_fpage(self->space, LMAP_WHOLE, 0));
	EXPECT_EQ(1, peek(self->v[3]));
	ASSERT_EQ(0, mprotect(p, N * PG, PROT_NONE));
	EXPECT_EQ(0, poke(self->v[3], 5));
	ASSERT_EQ(0, mprotect(p, N * PG, PROT_READ | PROT_WRITE));
	EXPECT_EQ(5, p[0]);
	ASSERT_EQ(0, madvise(p, PG, MADV_DONTNEED));
	ASSERT_EQ(0, space_sync(self->space));
	EXPECT_EQ(0, p[0]);
	EXPECT_EQ(5, peek(self->v[3]));
	q = mremap(p + 2 * PG, PG, PG, MREMAP_MAYMOVE | MREMAP_FIXED,
		   p + 4 * PG);
	ASSERT_EQ(p + 4 * PG, q);
	EXPECT_EQ(3, peek(self->v[3] + 2 * PG));
	EXPECT_EQ(5, peek(self->v[3] + 4 * PG));
	ASSERT_EQ(0, munmap(p, N * PG));
	EXPECT_EQ(2, peek(self->v[3] + PG));
	EXPECT_EQ(0, poke(self->v[3] + PG, 1));
}

static int copies_and_ends(struct peer *b)
{
	int s = space_open();
	char *p = memory(N);

	NEED(!op(s, LMAP_COPY, p, N * PG, RW, b->window, 0, 0));
	NEED(peer_poke(b, PG, 3) == 0 && p[PG] == 3);
	return 0;
}

LMAP_TEST(sibling, of_memory_it_survives_the_copiers_exit)
{
	struct peer b = peer_start(N, PROT_READ | PROT_WRITE);
	pid_t pid = fork();
	int st;

	if (!pid)
		_exit(copies_and_ends(&b));
	waitpid(pid, &st, 0);
	EXPECT_EQ(0, st);
	EXPECT_EQ(1, peer_peek(&b, 0));
	EXPECT_EQ(3, peer_peek(&b, PG));
	EXPECT_EQ(0, peer_poke(&b, PG, 4));
	peer_stop(&b);
}

LMAP_TEST(sibling, of_memory_fork_leaves_the_frames_with_the_copier)
{
	char *p = memory(N);
	pid_t pid;
	int st;

	ASSERT_EQ(0, COPY(p, N, RW, 3, 0));
	pid = fork();
	if (!pid) {
		if (p[PG] != 2)
			_exit(1);
		memset(p, 99, N * PG);
		_exit(0);
	}
	/* before or after the child's writes: it must not matter */
	p[0] = 10;
	EXPECT_EQ(10, peek(self->v[3]));
	waitpid(pid, &st, 0);
	EXPECT_EQ(0, st);
	EXPECT_EQ(2, peek(self->v[3] + PG));
	p[PG] = 11;
	EXPECT_EQ(11, peek(self->v[3] + PG));
	EXPECT_EQ(0, poke(self->v[3] + 2 * PG, 12));
	EXPECT_EQ(12, p[2 * PG]);
	munmap(p, N * PG);
}

LMAP_TEST(sibling, of_memory_that_was_shared_with_a_child_before)
{
	char *p = memory(N);
	int down[2], st;
	pid_t pid;
	char c;

	ASSERT_EQ(0, pipe(down));
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(read(down[0], &c, 1) != 1 || p[0] != 1 || p[PG] != 2);
	}
	ASSERT_EQ(0, COPY(p, N, RW, 3, 0));
	p[0] = 50;
	EXPECT_EQ(50, peek(self->v[3]));
	EXPECT_EQ(0, poke(self->v[3] + PG, 51));
	EXPECT_EQ(51, p[PG]);
	ASSERT_EQ(1, write(down[1], "x", 1));
	waitpid(pid, &st, 0);
	EXPECT_EQ(0, st);
	munmap(p, N * PG);
}

LMAP_TEST(sibling, of_memory_what_is_lent_stays_the_lenders)
{
	char *p = memory(N);

	ASSERT_EQ(0, map_range(self->space, p, N * PG, RW, self->w[4], 0, 0,
			       NULL));
	ASSERT_EQ(0, COPY(p, N, RW, 3, 0));
	EXPECT_EQ(0, poke(self->v[4] + PG, 21));
	EXPECT_EQ(21, peek(self->v[3] + PG));
	EXPECT_EQ(21, p[PG]);
	ASSERT_EQ(0, UNMAP(p, 0));
	EXPECT_EQ(NOTHING, peek(self->v[4]));
	EXPECT_EQ(21, peek(self->v[3] + PG));
	/* lent anew: still the same frames */
	ASSERT_EQ(0, map_range(self->space, p, N * PG, RW, self->w[4], 0, 0,
			       NULL));
	EXPECT_EQ(0, poke(self->v[3] + PG, 22));
	EXPECT_EQ(22, peek(self->v[4] + PG));
	munmap(p, N * PG);
}

LMAP_TEST(sibling, of_memory_rights_holes_and_other_kinds)
{
	char *p = memory(N), *shared = shared_memory(PG);
	struct lmap_map m = { .snd = (uintptr_t)p, .length = N * PG,
			      .rights = RW, .window = self->w[3] };

	ASSERT_EQ(0, munmap(p + 3 * PG, PG));
	ASSERT_EQ(0, mprotect(p + 5 * PG, PG, PROT_READ));
	ASSERT_EQ(0, mprotect(p + 6 * PG, PG, PROT_NONE));
	ASSERT_EQ(0, op_range(self->space, LMAP_COPY, &m));
	EXPECT_EQ(6 * PG, m.out_bytes);
	EXPECT_EQ(LMAP_R, m.out_rights);
	for (int i = 0; i < N; i++) {
		bool hole = i == 3 || i == 6;

		EXPECT_EQ(hole ? NOTHING : i + 1, peek(self->v[3] + i * PG));
		EXPECT_EQ(hole ? NOTHING : i == 5 ? NO_RIGHT : 0,
			  poke(self->v[3] + i * PG, i + 1));
	}
	EXPECT_EQ(-EOPNOTSUPP, COPY(shared, 1, RW, 4, 0));
	EXPECT_EQ(-EFAULT, COPY(p + 3 * PG, 1, RW, 4, 0));
	EXPECT_EQ(-EACCES, COPY(p + 6 * PG, 1, RW, 4, 0));
	EXPECT_EQ(NOTHING, peek(self->v[4]));
	munmap(p, N * PG);
	munmap(shared, PG);
}

LMAP_TEST(sibling, of_memory_with_FLUSH_the_memory_goes)
{
	char *p = memory(N);

	ASSERT_EQ(0, op(self->space, LMAP_COPY, p, 4 * PG, RW, self->w[3], 0,
			LMAP_FLUSH));
	for (int i = 0; i < N; i++) {
		EXPECT_EQ(i < 4 ? NO_VMA : i + 1, peek(p + i * PG));
		EXPECT_EQ(i < 4 ? i + 1 : NOTHING,
			  peek(self->v[3] + i * PG));
	}
	munmap(p, N * PG);
}

static int limited(void *arg)
{
	char *p = memory(N), *v;
	int s, w;

	catch_faults();
	memlock_limit(4 * PG);
	s = space_open();
	w = window_create(s, N * PG, ALL);
	v = window_mmap(w, N * PG, PROT_READ | PROT_WRITE);
	NEED(v != MAP_FAILED);
	NEED(op(s, LMAP_COPY, p, 5 * PG, RW, w, 0, 0) == -EDQUOT);
	NEED(peek(v) == NOTHING && peek(p) == 1);
	NEED(op(s, LMAP_COPY, p, 4 * PG, RW, w, 0, 0) == 0);
	NEED(op(s, LMAP_COPY, p + 4 * PG, PG, RW, w, 4 * PG, 0) == -EDQUOT);
	/* it counts as long as the copy exists, not the copied */
	munmap(p, 4 * PG);
	NEED(op(s, LMAP_COPY, p + 4 * PG, PG, RW, w, 4 * PG, 0) == -EDQUOT);
	NEED(!unmap_range(s, v, N * PG, ALL, LMAP_SELF, NULL));
	NEED(op(s, LMAP_COPY, p + 4 * PG, 4 * PG, RW, w, 0, 0) == 0);
	return 0;
}

LMAP_TEST(sibling, of_memory_counts_as_locked_memory)
{
	EXPECT_EQ(0, as_user(NOBODY, limited, NULL));
}

TEST_HARNESS_MAIN
