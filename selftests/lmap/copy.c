// SPDX-License-Identifier: GPL-2.0
/* Copying in the kernel: pread, pwrite, and debuggers. */
#include "util.h"
#include "harness.h"

#include <sys/ptrace.h>
#include <sys/uio.h>

#define N	8

FIXTURE(copy) {
	int space;
	int window;
	char *mem;
	char *view;
};

/* Pages 0-3 rw, 4-5 r, 6-7 nothing. */
FIXTURE_SETUP(copy)
{
	catch_faults();
	self->space = space_open();
	ASSERT_GE(self->space, 0);
	self->window = window_create(self->space, N * PG, ALL);
	self->mem = memory(N);
	self->view = window_mmap(self->window, N * PG, PROT_READ | PROT_WRITE);
	ASSERT_EQ(0, map_range(self->space, self->mem, 4 * PG, RW,
			       self->window, 0, 0, NULL));
	ASSERT_EQ(0, map_range(self->space, self->mem + 4 * PG, 2 * PG, LMAP_R,
			       self->window, 4 * PG, 0, NULL));
}

FIXTURE_TEARDOWN(copy)
{
	EXPECT_EQ(0, unmap_fpage(self->space, LMAP_WHOLE, LMAP_SELF));
	EXPECT_EQ(0, info(self->space).out_mappings);
	close(self->space);
	close(self->window);
}

LMAP_TEST(copy, pread_and_pwrite_need_no_signal)
{
	char buf[3 * PG];

	EXPECT_EQ(3 * PG, pread(self->window, buf, 3 * PG, PG / 2));
	EXPECT_EQ(0, memcmp(buf, self->mem + PG / 2, 3 * PG));
	EXPECT_EQ(2, pwrite(self->window, "xy", 2, 10));
	EXPECT_EQ('y', self->mem[11]);
	memset(buf, 77, sizeof(buf));
	EXPECT_EQ(2 * PG, pwrite(self->window, buf, 2 * PG, PG + 5));
	EXPECT_EQ(2, self->mem[PG + 4]);
	EXPECT_EQ(77, self->mem[PG + 5]);
	EXPECT_EQ(77, self->mem[3 * PG + 4]);
	EXPECT_EQ(4, self->mem[3 * PG + 5]);
}

LMAP_TEST(copy, EFAULT_where_nothing_is_mapped)
{
	char buf[4 * PG];

	EXPECT_EQ(-1, pread(self->window, buf, PG, 6 * PG));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, pwrite(self->window, buf, 1, 7 * PG));
	EXPECT_EQ(EFAULT, errno);
	/* as much as there is */
	EXPECT_EQ(2 * PG, pread(self->window, buf, 4 * PG, 4 * PG));
	/* the end of the window */
	EXPECT_EQ(0, pread(self->window, buf, 1, N * PG));
	EXPECT_EQ(-1, pwrite(self->window, buf, 1, N * PG));
	EXPECT_EQ(ENOSPC, errno);
}

LMAP_TEST(copy, writing_needs_the_right_w)
{
	EXPECT_EQ(-1, pwrite(self->window, "a", 1, 4 * PG));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(5, self->mem[4 * PG]);
	ASSERT_EQ(0, unmap_range(self->space, self->mem, 4 * PG, LMAP_W, 0,
				 NULL));
	EXPECT_EQ(-1, pwrite(self->window, "a", 1, 0));
	EXPECT_EQ(1, self->mem[0]);
}

LMAP_TEST(copy, revoked_memory_cannot_be_read)
{
	char c;

	EXPECT_EQ(1, pread(self->window, &c, 1, 0));
	ASSERT_EQ(0, unmap_range(self->space, self->mem, N * PG, ALL, 0,
				 NULL));
	EXPECT_EQ(-1, pread(self->window, &c, 1, 0));
	EXPECT_EQ(EFAULT, errno);
}

LMAP_TEST(copy, read_and_lseek_move_like_in_a_file)
{
	char c = 0;

	EXPECT_EQ(2 * PG, lseek(self->window, 2 * PG, SEEK_SET));
	EXPECT_EQ(1, read(self->window, &c, 1));
	EXPECT_EQ(3, c);
	EXPECT_EQ(2 * PG + 1, lseek(self->window, 0, SEEK_CUR));
	EXPECT_EQ(N * PG, lseek(self->window, 0, SEEK_END));
	EXPECT_EQ(-1, lseek(self->window, N * PG + 1, SEEK_SET));
}

LMAP_TEST(copy, bad_user_buffers_are_EFAULT)
{
	volatile uintptr_t nowhere = 8;
	void *bad = (void *)nowhere;

	EXPECT_EQ(-1, pread(self->window, bad, 8, 0));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, pwrite(self->window, bad, 8, 0));
	EXPECT_EQ(EFAULT, errno);
	/* from a window into itself */
	EXPECT_EQ(PG, pwrite(self->window, self->view + PG, PG, 0));
	EXPECT_EQ(2, self->mem[0]);
}

LMAP_TEST(copy, proc_mem_has_the_same_rights)
{
	int fd = open("/proc/self/mem", O_RDWR);
	char buf[2 * PG];
	off_t at = (uintptr_t)self->view;

	ASSERT_GE(fd, 0);
	EXPECT_EQ(2 * PG, pread(fd, buf, 2 * PG, at + PG / 2));
	EXPECT_EQ(0, memcmp(buf, self->mem + PG / 2, 2 * PG));
	EXPECT_EQ(3, pwrite(fd, "abc", 3, at));
	EXPECT_EQ('b', self->mem[1]);
	EXPECT_EQ(-1, pwrite(fd, "abc", 3, at + 4 * PG));
	EXPECT_EQ(5, self->mem[4 * PG]);
	EXPECT_EQ(-1, pread(fd, buf, 1, at + 6 * PG));
	close(fd);
}

LMAP_TEST(copy, ptrace_has_the_same_rights)
{
	struct peer b = peer_start(N, PROT_READ | PROT_WRITE);
	char *at = (char *)(uintptr_t)b.base;
	int status;

	ASSERT_EQ(0, map_range(self->space, self->mem, PG, RW, b.window, 0, 0,
			       NULL));
	ASSERT_EQ(0, map_range(self->space, self->mem + PG, PG, LMAP_R,
			       b.window, PG, 0, NULL));
	EXPECT_EQ(1, peer_peek(&b, 0));
	EXPECT_EQ(2, peer_peek(&b, PG));
	ASSERT_EQ(0, ptrace(PTRACE_ATTACH, b.pid, NULL, NULL));
	ASSERT_EQ(b.pid, waitpid(b.pid, &status, 0));
	errno = 0;
	EXPECT_EQ(0x0101010101010101, ptrace(PTRACE_PEEKDATA, b.pid, at, 0));
	EXPECT_EQ(0, ptrace(PTRACE_POKEDATA, b.pid, at, 0x33L));
	EXPECT_EQ(0x33, self->mem[0]);
	EXPECT_EQ(-1, ptrace(PTRACE_POKEDATA, b.pid, at + PG, 0x33L));
	EXPECT_EQ(2, self->mem[PG]);
	ASSERT_EQ(0, unmap_fpage(self->space, LMAP_WHOLE, 0));
	errno = 0;
	EXPECT_EQ(-1, ptrace(PTRACE_PEEKDATA, b.pid, at, 0));
	EXPECT_NE(0, errno);
	ptrace(PTRACE_DETACH, b.pid, NULL, NULL);
	peer_stop(&b);
}

TEST_HARNESS_MAIN
