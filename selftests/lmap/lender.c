// SPDX-License-Identifier: GPL-2.0
/* What the lender's own system calls do to borrowers. */
#include "util.h"
#include "harness.h"

#define N	8

FIXTURE(lender) {
	int space;
	char *mem;
	struct peer b;
};

FIXTURE_SETUP(lender)
{
	catch_faults();
	self->space = space_open();
	ASSERT_GE(self->space, 0);
	self->mem = memory(N);
	self->b = peer_start(N, PROT_READ | PROT_WRITE);
	ASSERT_GE(self->b.window, 0);
	ASSERT_EQ(0, map_range(self->space, self->mem, N * PG, RW,
			       self->b.window, 0, 0, NULL));
	ASSERT_EQ(1, peer_peek(&self->b, 0));
	ASSERT_EQ(0, peer_poke(&self->b, 3 * PG, 4));
}

FIXTURE_TEARDOWN(lender)
{
	peer_stop(&self->b);
	EXPECT_EQ(0, info(self->space).out_mappings);
	close(self->space);
}

LMAP_TEST(lender, munmap_revokes_for_good)
{
	char *p = self->mem + 2 * PG;

	ASSERT_EQ(0, munmap(p, 2 * PG));
	EXPECT_EQ(NOTHING, peer_peek(&self->b, 2 * PG));
	EXPECT_EQ(NOTHING, peer_poke(&self->b, 3 * PG, 1));
	EXPECT_EQ(2, peer_peek(&self->b, PG));
	EXPECT_EQ(5, peer_peek(&self->b, 4 * PG));
	ASSERT_EQ(p, mmap(p, PG, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	*p = 9;
	EXPECT_EQ(NOTHING, peer_peek(&self->b, 2 * PG));
	EXPECT_EQ(2, info(self->space).out_mappings);
}

LMAP_TEST(lender, mmap_over_it_revokes)
{
	char *p = self->mem + 2 * PG;

	ASSERT_EQ(p, mmap(p, PG, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	EXPECT_EQ(NOTHING, peer_peek(&self->b, 2 * PG));
	EXPECT_EQ(4, peer_peek(&self->b, 3 * PG));
}

LMAP_TEST(lender, mremap_away_revokes)
{
	char *to = mmap(NULL, 2 * PG, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
			-1, 0);

	ASSERT_EQ(to, mremap(self->mem + 2 * PG, 2 * PG, 2 * PG,
			     MREMAP_MAYMOVE | MREMAP_FIXED, to));
	EXPECT_EQ(3, *to);
	EXPECT_EQ(NOTHING, peer_peek(&self->b, 2 * PG));
	EXPECT_EQ(NOTHING, peer_poke(&self->b, 3 * PG, 1));
	EXPECT_EQ(4, to[PG]);
	EXPECT_EQ(5, peer_peek(&self->b, 4 * PG));
}

LMAP_TEST(lender, fork_borrowers_see_the_lenders_page_never_the_childs)
{
	int up[2], down[2];
	char c;

	ASSERT_EQ(0, pipe(up));
	ASSERT_EQ(0, pipe(down));
	pid_t pid = fork();

	if (!pid) {
		memset(self->mem, 111, N * PG);
		if (write(up[1], "x", 1) != 1 || read(down[0], &c, 1) != 1)
			_exit(1);
		_exit(self->mem[0] != 111 || self->mem[PG] != 111);
	}
	ASSERT_EQ(1, read(up[0], &c, 1));
	EXPECT_EQ(1, peer_peek(&self->b, 0));
	EXPECT_EQ(2, peer_peek(&self->b, PG));
	self->mem[0] = 10;
	EXPECT_EQ(10, peer_peek(&self->b, 0));
	EXPECT_EQ(0, peer_poke(&self->b, 0, 11));
	EXPECT_EQ(11, self->mem[0]);
	EXPECT_EQ(0, peer_poke(&self->b, PG, 12));
	EXPECT_EQ(12, self->mem[PG]);
	self->mem[PG] = 13;
	EXPECT_EQ(13, peer_peek(&self->b, PG));
	int status;

	ASSERT_EQ(1, write(down[1], "x", 1));
	waitpid(pid, &status, 0);
	EXPECT_EQ(0, status);
	for (int i = 0; i < 2; i++) {
		close(up[i]);
		close(down[i]);
	}
}

LMAP_TEST(lender, mprotect_takes_and_gives_back)
{
	ASSERT_EQ(0, mprotect(self->mem, 2 * PG, PROT_READ));
	EXPECT_EQ(NO_RIGHT, peer_poke(&self->b, 0, 1));
	EXPECT_EQ(1, peer_peek(&self->b, 0));
	ASSERT_EQ(0, mprotect(self->mem, 2 * PG, PROT_NONE));
	EXPECT_EQ(NO_RIGHT, peer_peek(&self->b, 0));
	EXPECT_EQ(NO_RIGHT, peer_peek(&self->b, PG));
	EXPECT_EQ(3, peer_peek(&self->b, 2 * PG));
	ASSERT_EQ(0, mprotect(self->mem, 2 * PG, PROT_READ | PROT_WRITE));
	EXPECT_EQ(0, peer_poke(&self->b, 0, 20));
	EXPECT_EQ(20, self->mem[0]);
}

LMAP_TEST(lender, DONTNEED_borrowers_move_to_the_new_content)
{
	ASSERT_EQ(0, madvise(self->mem, 2 * PG, MADV_DONTNEED));
	ASSERT_EQ(0, space_sync(self->space));
	EXPECT_EQ(0, peer_peek(&self->b, 0));
	self->mem[0] = 5;
	EXPECT_EQ(5, peer_peek(&self->b, 0));
	EXPECT_EQ(0, peer_poke(&self->b, PG, 6));
	EXPECT_EQ(6, self->mem[PG]);
	/* unmap waits for it as well, also when it takes nothing */
	ASSERT_EQ(0, madvise(self->mem, 2 * PG, MADV_DONTNEED));
	ASSERT_EQ(0, unmap_range(self->space, self->mem, PG, 0, 0, NULL));
	EXPECT_EQ(0, peer_peek(&self->b, 0));
}

static int lender_child(bool kill_it, struct peer *b)
{
	int s = space_open();
	char *m = memory(N);

	if (map_range(s, m, N * PG, RW, b->window, 0, 0, NULL))
		return 1;
	if (peer_peek(b, PG) != 2 || peer_poke(b, 0, 1))
		return 2;
	if (kill_it)
		raise(SIGKILL);
	_exit(0);
}

LMAP_TEST(lender, exit_and_SIGKILL_revoke)
{
	for (int how = 0; how < 2; how++) {
		int status;
		pid_t pid = fork();

		if (!pid)
			_exit(lender_child(how, &self->b));
		waitpid(pid, &status, 0);
		EXPECT_EQ(how ? SIGKILL : 0, status);
		EXPECT_EQ(NOTHING, peer_peek(&self->b, PG));
		EXPECT_EQ(NOTHING, peer_poke(&self->b, 0, 1));
	}
}

/* The new program keeps the space's descriptor and goes on living. */
static int lender_execs(struct peer *b, int in)
{
	int s = space_open();
	char *m = memory(N);

	if (map_range(s, m, N * PG, RW, b->window, 0, 0, NULL))
		return 1;
	if (peer_peek(b, PG) != 2 || peer_poke(b, 0, 1))
		return 2;
	if (fcntl(s, F_DUPFD, 100) < 0 || dup2(in, 0) != 0)
		return 3;
	execl("/bin/busybox", "cat", NULL);
	return 4;
}

LMAP_TEST(lender, exec_revokes_although_the_space_stays_open)
{
	int in[2], gone[2], status;
	pid_t pid;
	char c;

	ASSERT_EQ(0, pipe2(in, O_CLOEXEC));
	ASSERT_EQ(0, pipe2(gone, O_CLOEXEC));
	pid = fork();
	if (!pid)
		_exit(lender_execs(&self->b, in[0]));
	close(gone[1]);
	/* exec closes it, after the old address space has gone */
	EXPECT_EQ(0, read(gone[0], &c, 1));
	EXPECT_EQ(0, waitpid(pid, &status, WNOHANG));
	EXPECT_EQ(NOTHING, peer_peek(&self->b, PG));
	EXPECT_EQ(NOTHING, peer_poke(&self->b, 0, 1));
	/* it was still alive then */
	EXPECT_EQ(0, waitpid(pid, &status, WNOHANG));
	close(in[0]);
	close(in[1]);
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	close(gone[0]);
}

LMAP_TEST(lender, mremap_shrinks_and_grows)
{
	char *p = mmap(NULL, 2 * N * PG, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, p);
	fill(p, N);
	ASSERT_EQ(0, map_range(self->space, p, N * PG, RW, self->b.window, 0,
			       0, NULL));
	EXPECT_EQ(8, peer_peek(&self->b, 7 * PG));
	ASSERT_EQ(p, mremap(p, 2 * N * PG, 6 * PG, 0));
	EXPECT_EQ(NOTHING, peer_peek(&self->b, 6 * PG));
	EXPECT_EQ(NOTHING, peer_peek(&self->b, 7 * PG));
	EXPECT_EQ(6, peer_peek(&self->b, 5 * PG));
	/* what grows there is new: never lent */
	ASSERT_EQ(p, mremap(p, 6 * PG, N * PG, 0));
	p[7 * PG] = 1;
	EXPECT_EQ(NOTHING, peer_peek(&self->b, 7 * PG));
	EXPECT_EQ(0, peer_poke(&self->b, 0, 9));
	EXPECT_EQ(9, p[0]);
	munmap(p, N * PG);
}

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

LMAP_TEST(lender, mremap_that_leaves_the_old_place_mapped_revokes)
{
	char *to = mremap(self->mem, N * PG, N * PG,
			  MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);

	ASSERT_NE(MAP_FAILED, to);
	EXPECT_EQ(2, to[PG]);
	EXPECT_EQ(0, self->mem[PG]);
	EXPECT_EQ(NOTHING, peer_peek(&self->b, PG));
	EXPECT_EQ(NOTHING, peer_poke(&self->b, 2 * PG, 1));
	EXPECT_EQ(3, to[2 * PG]);
	munmap(to, N * PG);
}

/* Freed lazily: old or zero, but the same for both. */
LMAP_TEST(lender, MADV_FREE_both_see_the_same)
{
	ASSERT_EQ(0, madvise(self->mem, N * PG, MADV_FREE));
	ASSERT_EQ(0, space_sync(self->space));
	for (int i = 0; i < N; i++) {
		int seen = peer_peek(&self->b, i * PG);

		EXPECT_TRUE(seen == 0 || seen == i + 1);
		EXPECT_EQ(seen, self->mem[i * PG]);
		EXPECT_EQ(0, peer_poke(&self->b, i * PG, 60 + i));
		EXPECT_EQ(60 + i, self->mem[i * PG]);
	}
}

/* Opened after the borrower was forked, or that one would hold it too. */
LMAP_TEST(lender, the_last_close_of_the_space_revokes)
{
	int space = space_open(), copy = dup(space);
	char *p = memory(N);

	ASSERT_EQ(0, map_range(space, p, N * PG, RW, self->b.window, 0, 0,
			       NULL));
	EXPECT_EQ(2, peer_peek(&self->b, PG));
	close(space);
	EXPECT_EQ(2, peer_peek(&self->b, PG));
	close(copy);
	EXPECT_EQ(NOTHING, peer_peek(&self->b, PG));
	EXPECT_EQ(NOTHING, peer_poke(&self->b, 0, 1));
	EXPECT_EQ(1, p[0]);
	munmap(p, N * PG);
}

LMAP_TEST(lender, a_borrower_in_the_middle_dies)
{
	struct peer c = peer_start(N, PROT_READ);

	ASSERT_EQ(0, map_range(self->space, self->mem, N * PG, ALL,
			       self->b.window, 0, 0, NULL));
	ASSERT_EQ(0, peer_map(&self->b, 0, N * PG, LMAP_R, c.window, 0));
	EXPECT_EQ(2, peer_peek(&c, PG));
	kill(self->b.pid, SIGKILL);
	waitpid(self->b.pid, NULL, 0);
	EXPECT_EQ(NOTHING, peer_peek(&c, PG));
	EXPECT_EQ(0, info(self->space).out_mappings);
	peer_stop(&c);
}

TEST_HARNESS_MAIN
