// SPDX-License-Identifier: GPL-2.0
/* Windows: the rules of mmap, mprotect, mremap, fork; signals. */
#include "util.h"
#include "harness.h"

#include <sys/uio.h>

#define N	8

FIXTURE(window) {
	int space;
	int window;
	char *mem;
	char *view;
};

FIXTURE_SETUP(window)
{
	catch_faults();
	self->space = space_open();
	ASSERT_GE(self->space, 0);
	self->window = window_create(self->space, N * PG, ALL);
	self->mem = memory(N);
	self->view = window_mmap(self->window, N * PG, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, self->view);
	ASSERT_EQ(0, map_range(self->space, self->mem, 4 * PG, RW,
			       self->window, 0, 0, NULL));
	ASSERT_EQ(0, map_range(self->space, self->mem + 4 * PG, 2 * PG, LMAP_R,
			       self->window, 4 * PG, 0, NULL));
}

FIXTURE_TEARDOWN(window)
{
	EXPECT_EQ(0, unmap_fpage(self->space, LMAP_WHOLE, LMAP_SELF));
	EXPECT_EQ(0, info(self->space).out_mappings);
	close(self->space);
	close(self->window);
}

static int mmap_errno(int fd, size_t length, int prot, int flags, off_t off)
{
	void *p = mmap(NULL, length, prot, flags, fd, off);

	if (p == MAP_FAILED)
		return -errno;
	munmap(p, length);
	return 0;
}

LMAP_TEST(window, only_MAP_SHARED_and_only_inside)
{
	int w = self->window;

	EXPECT_EQ(-EINVAL, mmap_errno(w, PG, PROT_READ, MAP_PRIVATE, 0));
	EXPECT_EQ(-EINVAL, mmap_errno(w, PG, PROT_READ | PROT_WRITE,
				      MAP_PRIVATE, 0));
	EXPECT_EQ(-EINVAL, mmap_errno(w, (N + 1) * PG, PROT_READ, MAP_SHARED,
				      0));
	EXPECT_EQ(-EINVAL, mmap_errno(w, PG, PROT_READ, MAP_SHARED, N * PG));
	EXPECT_EQ(-EINVAL, mmap_errno(w, 2 * PG, PROT_READ, MAP_SHARED,
				      (N - 1) * PG));
	EXPECT_EQ(0, mmap_errno(w, PG, PROT_READ, MAP_SHARED, (N - 1) * PG));
}

LMAP_TEST(window, only_the_creators_mm_may_mmap)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(mmap_errno(self->window, PG, PROT_READ, MAP_SHARED, 0)
		      != -EPERM);
	waitpid(pid, &status, 0);
	EXPECT_EQ(0, status);
}

LMAP_TEST(window, nothing_mapped_is_SIGBUS_BUS_ADRERR)
{
	EXPECT_EQ(NOTHING, peek(self->view + 6 * PG + 100));
	EXPECT_EQ((uintptr_t)self->view + 6 * PG + 100, last_outcome().addr);
	EXPECT_EQ(NOTHING, poke(self->view + 7 * PG, 1));
}

LMAP_TEST(window, missing_right_is_SIGSEGV_SEGV_ACCERR)
{
	EXPECT_EQ(NO_RIGHT, poke(self->view + 4 * PG + 24, 1));
	EXPECT_EQ((uintptr_t)self->view + 4 * PG + 24, last_outcome().addr);
	EXPECT_EQ(5, peek(self->view + 4 * PG));
	/* also after the page was read, and so is in the page table */
	EXPECT_EQ(NO_RIGHT, poke(self->view + 4 * PG, 1));
	EXPECT_EQ(5, self->mem[4 * PG]);
}

LMAP_TEST(window, a_signal_that_is_blocked_kills)
{
	int status;
	struct peer b = peer_start(1, PROT_READ | PROT_WRITE);
	pid_t pid = fork();

	if (!pid) {
		int s = space_open(), w = window_create(s, PG, ALL);
		char *v = window_mmap(w, PG, PROT_READ | PROT_WRITE);
		sigset_t set;

		map_range(s, self->mem, PG, LMAP_R, w, 0, 0, NULL);
		sigfillset(&set);
		sigprocmask(SIG_BLOCK, &set, NULL);
		*(volatile char *)v = 1;
		_exit(1);
	}
	waitpid(pid, &status, 0);
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(SIGSEGV, WTERMSIG(status));
	peer_stop(&b);
}

LMAP_TEST(window, system_calls_get_EFAULT_instead_of_signals)
{
	int fds[2];

	ASSERT_EQ(0, pipe(fds));
	EXPECT_EQ(3, write(fds[1], self->view, 3));
	EXPECT_EQ(3, read(fds[0], self->view + PG, 3));
	EXPECT_EQ(1, self->mem[PG]);
	EXPECT_EQ(3, write(fds[1], self->view, 3));
	EXPECT_EQ(-1, read(fds[0], self->view + 4 * PG, 3));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, write(fds[1], self->view + 6 * PG, 3));
	EXPECT_EQ(EFAULT, errno);
	close(fds[0]);
	close(fds[1]);
}

LMAP_TEST(window, mprotect_never_adds_a_right)
{
	int rwx = PROT_READ | PROT_WRITE | PROT_EXEC;
	char *v = self->view;

	EXPECT_EQ(5, peek(v + 4 * PG));
	EXPECT_EQ(-1, mprotect(v, N * PG, rwx));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(-1, mprotect(v, N * PG, PROT_READ | PROT_EXEC));
	EXPECT_EQ(0, mprotect(v, N * PG, PROT_READ));
	EXPECT_EQ(NO_RIGHT, poke(v, 1));
	EXPECT_EQ(0, mprotect(v, N * PG, PROT_NONE));
	EXPECT_EQ(NO_RIGHT, peek(v));
	EXPECT_EQ(0, mprotect(v, N * PG, PROT_READ | PROT_WRITE));
	EXPECT_EQ(NO_RIGHT, poke(v + 4 * PG, 1));
	EXPECT_EQ(5, peek(v + 4 * PG));
	EXPECT_EQ(0, poke(v, 1));
}

LMAP_TEST(window, mprotect_of_an_exec_view_never_makes_pages_executable)
{
	char *rx = mmap(NULL, N * PG, PROT_READ | PROT_EXEC, MAP_SHARED,
			self->window, 0);

	ASSERT_NE(MAP_FAILED, rx);
	EXPECT_EQ(NO_RIGHT, peek(rx));
	ASSERT_EQ(0, mprotect(rx, N * PG, PROT_READ));
	EXPECT_EQ(1, peek(rx));
	EXPECT_EQ(-1, mprotect(rx, N * PG, PROT_READ | PROT_EXEC));
	EXPECT_EQ(EACCES, errno);
	munmap(rx, N * PG);
}

LMAP_TEST(window, fork_gives_the_child_nothing)
{
	int status;

	EXPECT_EQ(1, peek(self->view));
	pid_t pid = fork();

	if (!pid)
		_exit(peek(self->view) != NO_VMA);
	waitpid(pid, &status, 0);
	EXPECT_EQ(0, status);
	EXPECT_EQ(-1, madvise(self->view, N * PG, MADV_DOFORK));
	pid = fork();
	if (!pid)
		_exit(peek(self->view) != NO_VMA);
	waitpid(pid, &status, 0);
	EXPECT_EQ(0, status);
}

LMAP_TEST(window, mremap_moves_mappings_along_and_they_stay_revocable)
{
	char *to = mmap(NULL, N * PG, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
			-1, 0);

	EXPECT_EQ(3, peek(self->view + 2 * PG));
	ASSERT_EQ(to, mremap(self->view, N * PG, N * PG,
			     MREMAP_MAYMOVE | MREMAP_FIXED, to));
	EXPECT_EQ(3, peek(to + 2 * PG));
	EXPECT_EQ(0, poke(to + 3 * PG, 40));
	EXPECT_EQ(40, self->mem[3 * PG]);
	EXPECT_EQ(NO_VMA, peek(self->view));
	ASSERT_EQ(0, unmap_range(self->space, self->mem, 3 * PG, ALL, 0,
				 NULL));
	EXPECT_EQ(NOTHING, peek(to + 2 * PG));
	EXPECT_EQ(40, peek(to + 3 * PG));
	/* it can't grow, and not be duplicated */
	EXPECT_EQ(MAP_FAILED, mremap(to, N * PG, 2 * N * PG, MREMAP_MAYMOVE));
	EXPECT_EQ(MAP_FAILED, mremap(to, 0, N * PG, MREMAP_MAYMOVE));
	self->view = to;
}

LMAP_TEST(window, several_views_show_the_same_and_lose_the_same)
{
	char *v2 = mmap(NULL, 2 * PG, PROT_READ | PROT_WRITE, MAP_SHARED,
			self->window, 2 * PG);
	char *v3 = window_mmap(self->window, N * PG, PROT_READ);

	EXPECT_EQ(0, poke(v2, 30));
	EXPECT_EQ(30, peek(v3 + 2 * PG));
	EXPECT_EQ(30, peek(self->view + 2 * PG));
	EXPECT_EQ(NO_RIGHT, poke(v3, 1));
	ASSERT_EQ(0, unmap_range(self->space, self->mem, 4 * PG, ALL, 0,
				 NULL));
	EXPECT_EQ(NOTHING, peek(v2));
	EXPECT_EQ(NOTHING, peek(v3 + 2 * PG));
	EXPECT_EQ(NOTHING, peek(self->view + 2 * PG));
	EXPECT_EQ(5, peek(v3 + 4 * PG));
	munmap(v2, 2 * PG);
	munmap(v3, N * PG);
}

LMAP_TEST(window, a_view_can_be_split_and_partly_unmapped)
{
	ASSERT_EQ(0, munmap(self->view + PG, PG));
	EXPECT_EQ(1, peek(self->view));
	EXPECT_EQ(NO_VMA, peek(self->view + PG));
	EXPECT_EQ(3, peek(self->view + 2 * PG));
	ASSERT_EQ(0, mprotect(self->view + 3 * PG, PG, PROT_READ));
	EXPECT_EQ(4, peek(self->view + 3 * PG));
	EXPECT_EQ(NO_RIGHT, poke(self->view + 3 * PG, 1));
	EXPECT_EQ(0, poke(self->view + 2 * PG, 1));
	ASSERT_EQ(0, unmap_fpage(self->space, LMAP_WHOLE, 0));
	EXPECT_EQ(NOTHING, peek(self->view));
	EXPECT_EQ(NOTHING, peek(self->view + 3 * PG));
}

LMAP_TEST(window, a_view_outlives_its_file_descriptor)
{
	close(self->window);
	EXPECT_EQ(1, peek(self->view));
	EXPECT_EQ(0, poke(self->view + 3 * PG, 9));
	ASSERT_EQ(0, unmap_fpage(self->space, LMAP_WHOLE, 0));
	EXPECT_EQ(NOTHING, peek(self->view));
	munmap(self->view, N * PG);
	EXPECT_EQ(0, info(self->space).out_windows);
	self->window = dup(self->space);
}

LMAP_TEST(window, large_views_are_aligned_for_large_entries)
{
	size_t length = 4 * huge_page();
	int w;
	char *v;

	/* PREEMPT_RT kernels have none; then nobody aligns anything. */
	if (access("/sys/kernel/mm/transparent_hugepage", F_OK))
		SKIP(return, "no transparent huge pages in this kernel");
	w = window_create(self->space, length, ALL);
	v = window_mmap(w, length, PROT_READ);
	ASSERT_NE(MAP_FAILED, v);
	EXPECT_EQ(0, (uintptr_t)v & (huge_page() - 1));
	munmap(v, length);
	close(w);
}

LMAP_TEST(window, of_a_process_that_is_gone_is_ENXIO)
{
	struct peer b = peer_start(N, PROT_READ);
	int w = dup(b.window);

	ASSERT_EQ(0, map_range(self->space, self->mem, PG, LMAP_R, w, 0, 0,
			       NULL));
	EXPECT_EQ(3, info(self->space).out_mappings);
	peer_stop(&b);
	EXPECT_EQ(-ENXIO, map_range(self->space, self->mem, PG, LMAP_R, w, 0,
				    0, NULL));
	EXPECT_EQ(2, info(self->space).out_mappings);
	close(w);
}

LMAP_TEST(window, get_user_pages_is_refused)
{
	struct iovec local = { self->mem + 6 * PG, 8 };
	struct iovec remote = { self->view, 8 };
	int fds[2];

	EXPECT_EQ(1, peek(self->view));
	EXPECT_EQ(-1, process_vm_readv(getpid(), &local, 1, &remote, 1, 0));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, process_vm_writev(getpid(), &local, 1, &remote, 1, 0));
	EXPECT_EQ(EFAULT, errno);
	ASSERT_EQ(0, pipe(fds));
	EXPECT_EQ(-1, vmsplice(fds[1], &remote, 1, 0));
	EXPECT_EQ(EFAULT, errno);
	close(fds[0]);
	close(fds[1]);
}

TEST_HARNESS_MAIN
