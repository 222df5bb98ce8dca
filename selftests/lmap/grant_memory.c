// SPDX-License-Identifier: GPL-2.0
/* grant of ordinary memory: it leaves the granter. */
#include "util.h"
#include "harness.h"

#define N	8
#define NOBODY	65534

FIXTURE(grant_memory) {
	int space;
	struct peer b;		/* gets it */
	struct peer c;		/* has borrowed some before */
	long pinned;
};

FIXTURE_SETUP(grant_memory)
{
	catch_faults();
	self->pinned = pins();
	self->c = peer_start(N, PROT_READ | PROT_WRITE);
	self->b = peer_start(huge_page() / PG, PROT_READ | PROT_WRITE);
	ASSERT_GE(self->b.window, 0);
	self->space = space_open();
	ASSERT_GE(self->space, 0);
}

FIXTURE_TEARDOWN(grant_memory)
{
	close(self->space);
	peer_stop(&self->b);
	peer_stop(&self->c);
	/* freed with the windows that held it */
	pins_gone(self->pinned);
}

#define GRANT(addr, pages, rights) \
	op(self->space, LMAP_GRANT, addr, (pages) * PG, rights, \
	   self->b.window, 0, 0)

LMAP_TEST(grant_memory, content_arrives_and_the_granter_has_nothing)
{
	char *p = memory(N), *q;
	struct lmap_map m = { .snd = (uintptr_t)p, .length = N * PG,
			      .rights = ALL, .window = self->b.window };

	ASSERT_EQ(0, op_range(self->space, LMAP_GRANT, &m));
	EXPECT_EQ(N * PG, m.out_bytes);
	EXPECT_EQ(1, m.out_mappings);
	EXPECT_EQ(RWM, m.out_rights);
	for (int i = 0; i < N; i++) {
		EXPECT_EQ(NO_VMA, peek(p + i * PG));
		EXPECT_EQ(i + 1, peer_peek(&self->b, i * PG + 7));
		EXPECT_EQ(0, peer_poke(&self->b, i * PG, 90 + i));
	}
	/* what is mapped there later has nothing to do with it */
	q = mmap(p, N * PG, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	ASSERT_EQ(p, q);
	memset(q, 5, N * PG);
	EXPECT_EQ(91, peer_peek(&self->b, PG));
	EXPECT_EQ(5, q[PG]);
	munmap(q, N * PG);
}

LMAP_TEST(grant_memory, nobody_can_revoke_it_but_who_holds_it)
{
	char *p = memory(N);
	struct lmap_unmap u;

	ASSERT_EQ(0, GRANT(p, N, ALL));
	EXPECT_EQ(0, info(self->space).out_mappings);
	ASSERT_EQ(0, unmap_range(self->space, p, N * PG, ALL, LMAP_SELF, &u));
	EXPECT_EQ(0, u.out_mappings);
	ASSERT_EQ(0, unmap_fpage(self->space, LMAP_WHOLE, LMAP_SELF));
	EXPECT_EQ(2, peer_peek(&self->b, PG));
	close(self->space);
	self->space = space_open();
	EXPECT_EQ(2, peer_peek(&self->b, PG));
	/* mapped on, and taken back, by the holder */
	ASSERT_EQ(0, peer_map(&self->b, 0, N * PG, RW, self->c.window, 0));
	EXPECT_EQ(0, peer_poke(&self->c, PG, 20));
	EXPECT_EQ(20, peer_peek(&self->b, PG));
	ASSERT_EQ(0, peer_unmap(&self->b, 0, N * PG, ALL, 0));
	EXPECT_EQ(NOTHING, peer_peek(&self->c, PG));
	EXPECT_EQ(20, peer_peek(&self->b, PG));
	/* granted on: not even he any more */
	ASSERT_EQ(0, peer_op(&self->b, LMAP_GRANT, 0, N * PG, ALL,
			     self->c.window, 0, 0));
	EXPECT_EQ(NOTHING, peer_peek(&self->b, PG));
	ASSERT_EQ(0, peer_unmap(&self->b, 0, N * PG, ALL, LMAP_SELF));
	EXPECT_EQ(20, peer_peek(&self->c, PG));
	ASSERT_EQ(0, peer_unmap(&self->c, 0, N * PG, ALL, LMAP_SELF));
	EXPECT_EQ(NOTHING, peer_peek(&self->c, PG));
	pins_gone(self->pinned);
}

static int grants_and_ends(struct peer *b, bool raises)
{
	int s = space_open();
	char *p = memory(N);

	NEED(!op(s, LMAP_GRANT, p, N * PG, RW, b->window, 0, 0));
	if (raises)
		raise(SIGKILL);
	return 0;
}

LMAP_TEST(grant_memory, it_survives_the_granters_exit)
{
	for (int how = 0; how < 2; how++) {
		pid_t pid = fork();
		int st;

		if (!pid)
			_exit(grants_and_ends(&self->b, how));
		waitpid(pid, &st, 0);
		EXPECT_EQ(how ? SIGKILL : 0, st);
		for (int i = 0; i < N; i++) {
			EXPECT_EQ(i + 1, peer_peek(&self->b, i * PG));
			EXPECT_EQ(0, peer_poke(&self->b, i * PG, 99));
			EXPECT_EQ(99, peer_peek(&self->b, i * PG));
		}
	}
}

LMAP_TEST(grant_memory, of_a_part_the_rest_stays_ordinary_memory)
{
	static const struct { int first, n; } t[] = {
		{ 0, 2 }, { 3, 2 }, { 6, 2 }, { 0, 1 }, { 7, 1 }, { 1, 6 },
	};

	for (int i = 0; i < 6; i++) {
		char *p = memory(N);

		ASSERT_EQ(0, op(self->space, LMAP_GRANT, p + t[i].first * PG,
				t[i].n * PG, RW, self->b.window, 0, 0));
		for (int k = 0; k < N; k++) {
			int at = k - t[i].first;
			bool in = at >= 0 && at < t[i].n;

			EXPECT_EQ(in ? NO_VMA : k + 1, peek(p + k * PG));
			if (in)
				EXPECT_EQ(k + 1, peer_peek(&self->b, at * PG));
		}
		munmap(p, N * PG);
	}
}

LMAP_TEST(grant_memory, holes_are_skipped_untouched_pages_are_zero)
{
	char *p = memory(N), *q;
	struct lmap_map m = { .snd = (uintptr_t)p, .length = N * PG,
			      .rights = RW, .window = self->b.window };

	ASSERT_EQ(0, munmap(p + 2 * PG, PG));
	ASSERT_EQ(0, madvise(p + 5 * PG, PG, MADV_DONTNEED));
	ASSERT_EQ(0, op_range(self->space, LMAP_GRANT, &m));
	EXPECT_EQ(7 * PG, m.out_bytes);
	for (int i = 0; i < N; i++)
		EXPECT_EQ(i == 2 ? NOTHING : i == 5 ? 0 : i + 1,
			  peer_peek(&self->b, i * PG));
	EXPECT_EQ(0, peer_poke(&self->b, 5 * PG, 1));
	/* none of it was ever touched */
	q = mmap(NULL, N * PG, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_EQ(0, GRANT(q, N, RW));
	EXPECT_EQ(0, peer_peek(&self->b, PG));
	EXPECT_EQ(0, peer_poke(&self->b, PG, 3));
	EXPECT_EQ(3, peer_peek(&self->b, PG));
	/* all hole */
	EXPECT_EQ(-EFAULT, GRANT(q, N, RW));
	EXPECT_EQ(3, peer_peek(&self->b, PG));
}

/* The rights are those of the memory; untouched pages must not be shared. */
LMAP_TEST(grant_memory, no_more_rights_than_the_memory_had)
{
	char *p = memory(N), *z;
	struct lmap_map m = { .snd = (uintptr_t)p, .length = 2 * PG,
			      .rights = RW, .window = self->b.window };

	ASSERT_EQ(0, mprotect(p, 2 * PG, PROT_READ));
	ASSERT_EQ(0, op_range(self->space, LMAP_GRANT, &m));
	EXPECT_EQ(LMAP_R, m.out_rights);
	EXPECT_EQ(NO_VMA, peek(p));
	EXPECT_EQ(2, peer_peek(&self->b, PG));
	EXPECT_EQ(NO_RIGHT, peer_poke(&self->b, PG, 3));
	ASSERT_EQ(0, mprotect(p + 2 * PG, 2 * PG, PROT_NONE));
	EXPECT_EQ(-EACCES, GRANT(p + 2 * PG, 2, RW));
	ASSERT_EQ(0, mprotect(p + 2 * PG, 2 * PG, PROT_READ));
	EXPECT_EQ(3, peek(p + 2 * PG));
	/* the zero page, readable only */
	z = mmap(NULL, PG, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	EXPECT_EQ(0, peek(z));
	ASSERT_EQ(0, GRANT(z, 1, LMAP_R));
	EXPECT_EQ(0, peer_peek(&self->b, 0));
	EXPECT_EQ(NO_RIGHT, peer_poke(&self->b, 0, 1));
	/* asked without m: it stays where it is */
	ASSERT_EQ(0, GRANT(p + 4 * PG, 1, RW));
	EXPECT_EQ(-EACCES, peer_map(&self->b, 0, PG, LMAP_R, self->c.window,
				    0));
	EXPECT_EQ(-EACCES, peer_op(&self->b, LMAP_GRANT, 0, PG, LMAP_R,
				   self->c.window, 0, 0));
	munmap(p, N * PG);
}

static char *huge(void)
{
	char *p = mmap(NULL, 2 * huge_page(), PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	p = (char *)(((uintptr_t)p + huge_page() - 1) & ~(huge_page() - 1));
	madvise(p, huge_page(), MADV_HUGEPAGE);
	for (size_t i = 0; i < huge_page(); i += PG)
		p[i] = i / PG % 100 + 1;
	return p;
}

LMAP_TEST(grant_memory, a_huge_page_whole_and_in_parts)
{
	char *p = huge();

	ASSERT_EQ(0, GRANT(p, huge_page() / PG, ALL));
	for (int i = 0; i < huge_page() / PG; i += 37)
		EXPECT_EQ(i % 100 + 1, peer_peek(&self->b, i * PG));
	EXPECT_EQ(NO_VMA, peek(p + 100 * PG));
	EXPECT_EQ(0, peer_poke(&self->b, huge_page() - 1, 7));
	/* the middle of one */
	p = huge();
	ASSERT_EQ(0, GRANT(p + 100 * PG, 16, ALL));
	for (int i = 0; i < huge_page() / PG; i += 4)
		EXPECT_EQ(i >= 100 && i < 116 ? NO_VMA : i % 100 + 1,
			  peek(p + i * PG));
	for (int i = 0; i < 16; i++)
		EXPECT_EQ(i + 1, peer_peek(&self->b, i * PG));
	EXPECT_EQ(0, peer_poke(&self->b, 0, 7));
	EXPECT_EQ(1, peek(p));
	ASSERT_EQ(0, munmap(p, huge_page()));
	EXPECT_EQ(16, peer_peek(&self->b, 15 * PG));
}

/* Waits for a word from the parent, then says whether the content is right. */
static int has_its_copy(const char *p, int in, int out)
{
	char c;

	NEED(write(out, "x", 1) == 1 && read(in, &c, 1) == 1);
	for (int i = 0; i < N; i++)
		NEED(p[i * PG] == i + 1);
	return 0;
}

LMAP_TEST(grant_memory, after_fork_the_child_keeps_its_own_content)
{
	char *p = memory(N), c;
	int up[2], down[2], st;
	pid_t pid;

	ASSERT_EQ(0, pipe(up));
	ASSERT_EQ(0, pipe(down));
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(has_its_copy(p, down[0], up[1]) != 0);
	}
	ASSERT_EQ(1, read(up[0], &c, 1));
	ASSERT_EQ(0, GRANT(p, N, ALL));
	for (int i = 0; i < N; i++) {
		EXPECT_EQ(i + 1, peer_peek(&self->b, i * PG));
		EXPECT_EQ(0, peer_poke(&self->b, i * PG, 99));
	}
	ASSERT_EQ(1, write(down[1], "x", 1));
	waitpid(pid, &st, 0);
	EXPECT_EQ(0, st);
	EXPECT_EQ(99, peer_peek(&self->b, PG));
}

static int grants_inherited(struct peer *b, char *p)
{
	int s = space_open();

	NEED(!op(s, LMAP_GRANT, p, N * PG, RW, b->window, 0, 0));
	NEED(peer_peek(b, PG) == 2);
	NEED(!peer_poke(b, PG, 99));
	NEED(peek(p + PG) == NO_VMA);
	return 0;
}

LMAP_TEST(grant_memory, a_child_grants_what_it_inherited)
{
	char *p = memory(N);
	pid_t pid = fork();
	int st;

	if (!pid)
		_exit(grants_inherited(&self->b, p));
	waitpid(pid, &st, 0);
	EXPECT_EQ(0, st);
	for (int i = 0; i < N; i++)
		EXPECT_EQ(i + 1, p[i * PG]);
	p[PG] = 50;
	EXPECT_EQ(99, peer_peek(&self->b, PG));
}

/* What can't be granted is refused before anything moves. */
LMAP_TEST(grant_memory, of_other_kinds_is_EOPNOTSUPP)
{
	static const char * const kinds[] = {
		"shared anonymous", "memfd, shared", "memfd, private",
		"file, private, written", "huge page",
	};

	for (int i = 0; i < 5; i++) {
		int fd = memfd_create("kind", MFD_CLOEXEC);
		int flags = i == 0 ? MAP_SHARED | MAP_ANONYMOUS :
			    i == 1 ? MAP_SHARED : i < 4 ? MAP_PRIVATE :
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB;
		size_t length = i == 4 ? huge_page() : 2 * PG;
		char *p;

		ASSERT_EQ(0, ftruncate(fd, 2 * PG));
		if (i == 4)
			write_value("/proc/sys/vm/nr_hugepages", 4);
		p = mmap(NULL, length, PROT_READ | PROT_WRITE, flags,
			 flags & MAP_ANONYMOUS ? -1 : fd, 0);
		close(fd);
		if (p == MAP_FAILED) {
			TH_LOG("no %s in this kernel", kinds[i]);
			continue;
		}
		if (i != 2)
			*p = 8;
		EXPECT_EQ(-EOPNOTSUPP, op(self->space, LMAP_GRANT, p, length,
					  RW, self->b.window, 0, 0))
			TH_LOG("%s", kinds[i]);
		EXPECT_EQ(NOTHING, peer_peek(&self->b, 0));
		EXPECT_EQ(i == 2 ? 0 : 8, peek(p));
		munmap(p, length);
	}
	write_value("/proc/sys/vm/nr_hugepages", 0);
}

LMAP_TEST(grant_memory, one_piece_that_cannot_go_and_nothing_goes)
{
	char *p = memory(N);

	ASSERT_EQ(p + 4 * PG, mmap(p + 4 * PG, PG, PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1,
				   0));
	EXPECT_EQ(-EOPNOTSUPP, GRANT(p, N, RW));
	EXPECT_EQ(1, peek(p));
	EXPECT_EQ(N, peek(p + (N - 1) * PG));
	EXPECT_EQ(NOTHING, peer_peek(&self->b, 0));
	pins_gone(self->pinned);
	munmap(p, N * PG);
}

LMAP_TEST(grant_memory, what_was_lent_before_stays_below_it)
{
	char *p = memory(N);

	ASSERT_EQ(0, map_range(self->space, p, N * PG, RWM, self->c.window, 0,
			       0, NULL));
	EXPECT_EQ(0, peer_poke(&self->c, PG, 2));
	ASSERT_EQ(0, op(self->space, LMAP_GRANT, p + 2 * PG, 4 * PG, ALL,
			self->b.window, 0, 0));
	for (int i = 0; i < N; i++) {
		EXPECT_EQ(i + 1, peer_peek(&self->c, i * PG));
		EXPECT_EQ(0, peer_poke(&self->c, i * PG, 30 + i));
	}
	for (int i = 0; i < 4; i++)
		EXPECT_EQ(32 + i, peer_peek(&self->b, i * PG));
	/* the lender has no say in what it gave, only in the rest */
	ASSERT_EQ(0, unmap_fpage(self->space, LMAP_WHOLE, 0));
	for (int i = 0; i < N; i++)
		EXPECT_EQ(i >= 2 && i < 6 ? 30 + i : NOTHING,
			  peer_peek(&self->c, i * PG));
	/* who was given it has */
	ASSERT_EQ(0, peer_unmap(&self->b, 0, PG, LMAP_W, 0));
	EXPECT_EQ(NO_RIGHT, peer_poke(&self->c, 2 * PG, 1));
	EXPECT_EQ(0, peer_poke(&self->c, 3 * PG, 1));
	ASSERT_EQ(0, peer_unmap(&self->b, 0, 4 * PG, ALL, 0));
	for (int i = 0; i < N; i++)
		EXPECT_EQ(NOTHING, peer_peek(&self->c, i * PG));
	EXPECT_EQ(32, peer_peek(&self->b, 0));
	munmap(p, N * PG);
}

/*
 * Where pages can't be pinned for long (CMA, a movable zone) they must be moved
 * first. Those that are in use can't be, so their borrowers have to let them go;
 * those of LMAP_PIN have been moved already.
 */
LMAP_TEST(grant_memory, what_is_in_use_goes_and_so_does_what_stays)
{
	static const unsigned int flags[] = { 0, LMAP_POPULATE, LMAP_PIN };

	for (int i = 0; i < 20 * 3; i++) {
		char *p = memory(N);

		ASSERT_EQ(0, map_range(self->space, p, N * PG, RW,
				       self->c.window, 0, flags[i % 3], NULL));
		for (int page = 0; page < N; page++)
			ASSERT_EQ(0, peer_poke(&self->c, page * PG, page));
		ASSERT_EQ(0, GRANT(p, N, RW));
		ASSERT_EQ(3, peer_peek(&self->b, 3 * PG));
		munmap(p, N * PG);
	}
}

/*
 * A worker lets the pages of a region go that nobody has mapped any more, the
 * last ones a while after the call.
 */
#define MUCH	((size_t)96 << 20)

LMAP_TEST(grant_memory, what_was_in_use_until_now_goes)
{
	int window = window_create(self->space, MUCH, ALL);
	long ret;

	race_delays(1);
	for (int round = 0; round < 4; round++) {
		char *p = mmap(NULL, MUCH, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		char *end = p + MUCH - N * PG;

		ASSERT_NE(MAP_FAILED, p);
		memset(p, 4, MUCH);
		ASSERT_EQ(0, map_range(self->space, p, MUCH, RW, window, 0,
				       LMAP_POPULATE, NULL));
		ASSERT_EQ(0, unmap_range(self->space, p, MUCH, ALL, 0, NULL));
		ret = round % 2 ? GRANT(end, N, RW) :
		      op(self->space, LMAP_MAP, end, N * PG, RW,
			 self->b.window, 0, LMAP_PIN);
		ASSERT_EQ(0, ret) TH_LOG("round %d", round);
		ASSERT_EQ(4, peer_peek(&self->b, 3 * PG));
		munmap(p, MUCH);
	}
	race_delays(0);
	close(window);
}

LMAP_TEST(grant_memory, with_fewer_rights_reduces_what_was_lent)
{
	char *p = memory(N);

	ASSERT_EQ(0, map_range(self->space, p, N * PG, RWM, self->c.window, 0,
			       0, NULL));
	EXPECT_EQ(0, peer_poke(&self->c, PG, 2));
	ASSERT_EQ(0, GRANT(p, N, LMAP_R | LMAP_M));
	EXPECT_EQ(2, peer_peek(&self->c, PG));
	EXPECT_EQ(NO_RIGHT, peer_poke(&self->c, PG, 3));
	EXPECT_EQ(NO_RIGHT, peer_poke(&self->c, 2 * PG, 3));
	close(self->space);
	self->space = space_open();
	EXPECT_EQ(2, peer_peek(&self->c, PG));
}

/* Locked memory. */

static int limited(void *arg)
{
	int s, w, w2;
	char *p = memory(N), *v, *v2;

	catch_faults();
	memlock_limit(4 * PG);
	s = space_open();
	w = window_create(s, N * PG, ALL);
	w2 = window_create(s, N * PG, ALL);
	v = window_mmap(w, N * PG, PROT_READ | PROT_WRITE);
	v2 = window_mmap(w2, N * PG, PROT_READ | PROT_WRITE);
	NEED(v != MAP_FAILED && v2 != MAP_FAILED);
	NEED(!map_range(s, memory(1), PG, LMAP_R, w, 0, 0, NULL));
	/* too much: nothing has changed */
	NEED(op(s, LMAP_GRANT, p, N * PG, RW, w, 0, 0) == -EDQUOT);
	NEED(op(s, LMAP_GRANT, p, 5 * PG, RW, w, 0, 0) == -EDQUOT);
	for (int i = 0; i < N; i++)
		NEED(peek(p + i * PG) == i + 1);
	NEED(peek(v) == 1 && peek(v + PG) == NOTHING);
	/* just enough */
	NEED(op(s, LMAP_GRANT, p, 4 * PG, ALL, w, 0, 0) == 0);
	NEED(peek(p) == NO_VMA && peek(v + 3 * PG) == 4);
	NEED(op(s, LMAP_GRANT, p + 4 * PG, PG, RW, w, 4 * PG, 0) == -EDQUOT);
	/* whoever holds it: it counts until it ends */
	NEED(op(s, LMAP_GRANT, v, 4 * PG, ALL, w2, 0, 0) == 0);
	NEED(op(s, LMAP_GRANT, p + 4 * PG, PG, RW, w, 4 * PG, 0) == -EDQUOT);
	NEED(!unmap_range(s, v2, 4 * PG, ALL, LMAP_SELF, NULL));
	NEED(op(s, LMAP_GRANT, p + 4 * PG, 4 * PG, RW, w, 0, 0) == 0);
	NEED(peek(v + 3 * PG) == N);
	return 0;
}

LMAP_TEST(grant_memory, counts_as_locked_memory_until_it_ends)
{
	EXPECT_EQ(0, as_user(NOBODY, limited, NULL));
}

static int many(void *arg)
{
	int s, w;
	char *v;

	catch_faults();
	memlock_limit(2 * N * PG);
	s = space_open();
	w = window_create(s, N * PG, ALL);
	v = window_mmap(w, N * PG, PROT_READ | PROT_WRITE);
	for (int i = 0; i < 500 / slow(); i++) {
		char *p = memory(N);

		NEED(op(s, LMAP_GRANT, p, N * PG, RW, w, 0, 0) == 0);
		NEED(peek(v + PG) == 2 && !poke(v + PG, 1));
		NEED(!unmap_range(s, v, N * PG, ALL, LMAP_SELF, NULL));
		NEED(peek(v + PG) == NOTHING);
	}
	/* replaced by the next one: not free before the call */
	for (int i = 0; i < 100; i++)
		NEED(op(s, LMAP_GRANT, memory(N), N * PG, RW, w, 0, 0) == 0);
	return 0;
}

LMAP_TEST(grant_memory, many_times_under_a_small_limit)
{
	EXPECT_EQ(0, as_user(NOBODY - 1, many, NULL));
}

static int takes_all(void *arg)
{
	int s, w, ret;

	memlock_limit(N * PG);
	s = space_open();
	w = window_create(s, N * PG, ALL);
	/* given back by a worker after the last one's end */
	do {
		ret = op(s, LMAP_GRANT, memory(N), N * PG, RW, w, 0, 0);
		sched_yield();
	} while (ret == -EDQUOT && arg);
	return -ret;
}

LMAP_TEST(grant_memory, exit_gives_the_locked_memory_back)
{
	EXPECT_EQ(0, as_user(NOBODY - 2, takes_all, NULL));
	for (int i = 0; i < 10; i++)
		EXPECT_EQ(0, as_user(NOBODY - 2, takes_all, self));
}

LMAP_TEST(grant_memory, with_CAP_IPC_LOCK_there_is_no_limit)
{
	memlock_limit(0);
	EXPECT_EQ(0, GRANT(memory(N), N, RW));
	EXPECT_EQ(1, peer_peek(&self->b, 0));
}

TEST_HARNESS_MAIN
