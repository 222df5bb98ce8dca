// SPDX-License-Identifier: GPL-2.0
/*
 * A hostile receiver: ways to keep or widen access to borrowed memory. Each
 * test tries one way with a page lent read-only, then the lender unmaps, and
 * whatever was prepared must give neither a write nor the secret.
 */
#include "util.h"
#include "harness.h"

#include <sched.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <linux/futex.h>
#include <linux/io_uring.h>
#include <linux/userfaultfd.h>

#define SECRET	0x5e

FIXTURE(hostile) {
	int space;		/* of the lender */
	int window;
	char *mem;		/* the lender's page: SECRET */
	char *view;		/* the receiver's */
};

/* Lender and receiver are one process: it has every means there is. */
FIXTURE_SETUP(hostile)
{
	catch_faults();
	self->space = space_open();
	ASSERT_GE(self->space, 0);
	self->window = window_create(self->space, 2 * PG, ALL);
	self->view = window_mmap(self->window, 2 * PG, PROT_READ | PROT_WRITE);
	self->mem = memory(1);
	memset(self->mem, SECRET, PG);
	ASSERT_EQ(0, map_range(self->space, self->mem, PG, LMAP_R,
			       self->window, 0, 0, NULL));
	ASSERT_EQ(SECRET, peek(self->view));
}

/* Nothing was written, and after the unmap nothing can be read. */
FIXTURE_TEARDOWN(hostile)
{
	char c = 0;

	EXPECT_EQ(SECRET, self->mem[0]);
	EXPECT_EQ(SECRET, self->mem[PG - 1]);
	EXPECT_EQ(0, unmap_fpage(self->space, LMAP_WHOLE, 0));
	EXPECT_GT(0, peek(self->view));
	EXPECT_NE(0, poke(self->view, 1));
	if (fcntl(self->window, F_GETFD) >= 0)
		EXPECT_NE(1, pread(self->window, &c, 1, 0));
	EXPECT_EQ(0, c);
	EXPECT_EQ(0, info(self->space).out_mappings);
	EXPECT_EQ(SECRET, self->mem[0]);
	close(self->space);
	close(self->window);
}

#define LOST(p) EXPECT_EQ(NOTHING, peek(p))
#define REVOKE() ASSERT_EQ(0, unmap_range(self->space, self->mem, PG, ALL, 0, \
					  NULL))

LMAP_TEST(hostile, mprotect_to_write)
{
	EXPECT_EQ(0, mprotect(self->view, PG, PROT_READ));
	EXPECT_EQ(0, mprotect(self->view, PG, PROT_READ | PROT_WRITE));
	EXPECT_EQ(NO_RIGHT, poke(self->view, 1));
}

LMAP_TEST(hostile, mprotect_to_execute)
{
	EXPECT_EQ(-1, mprotect(self->view, PG, PROT_READ | PROT_EXEC));
	EXPECT_EQ(NO_RIGHT, call(self->view));
}

LMAP_TEST(hostile, exec_view_of_a_page_without_x)
{
	char *rx = mmap(NULL, PG, PROT_READ | PROT_WRITE | PROT_EXEC,
			MAP_SHARED, self->window, 0);

	ASSERT_NE(MAP_FAILED, rx);
	EXPECT_EQ(NO_RIGHT, call(rx));
	EXPECT_EQ(NO_RIGHT, peek(rx));
	EXPECT_EQ(NO_RIGHT, poke(rx, 1));
	munmap(rx, PG);
}

LMAP_TEST(hostile, mremap_elsewhere)
{
	char *to = mmap(NULL, 2 * PG, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
			-1, 0);

	ASSERT_EQ(to, mremap(self->view, 2 * PG, 2 * PG,
			     MREMAP_MAYMOVE | MREMAP_FIXED, to));
	EXPECT_EQ(NO_RIGHT, poke(to, 1));
	REVOKE();
	LOST(to);
}

LMAP_TEST(hostile, mremap_to_grow_or_duplicate)
{
	EXPECT_EQ(MAP_FAILED, mremap(self->view, 2 * PG, 4 * PG,
				     MREMAP_MAYMOVE));
	EXPECT_EQ(MAP_FAILED, mremap(self->view, 0, PG, MREMAP_MAYMOVE));
	EXPECT_EQ(MAP_FAILED, mremap(self->view, PG, PG, MREMAP_MAYMOVE | 4));
}

/* A child in every way there is; it must see nothing after the unmap. */
static int child_sees(char *p, int *go)
{
	while (!__atomic_load_n(go, __ATOMIC_ACQUIRE))
		sched_yield();
	return peek(p);
}

LMAP_TEST(hostile, fork)
{
	int *go = mmap(NULL, PG, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0), status;
	pid_t pid = fork();

	if (!pid)
		_exit(child_sees(self->view, go) >= 0 ||
		      poke(self->view, 1) == 0);
	REVOKE();
	__atomic_store_n(go, 1, __ATOMIC_RELEASE);
	waitpid(pid, &status, 0);
	EXPECT_EQ(0, status);
}

LMAP_TEST(hostile, fork_after_MADV_DOFORK)
{
	int status;

	EXPECT_EQ(-1, madvise(self->view, PG, MADV_DOFORK));
	pid_t pid = fork();

	if (!pid)
		_exit(peek(self->view) >= 0);
	waitpid(pid, &status, 0);
	EXPECT_EQ(0, status);
}

static char child_stack[65536] __attribute__((aligned(16)));

struct clone_arg {
	char *view;
	int *go;
	int saw;
};

static int clone_child(void *arg)
{
	struct clone_arg *a = arg;

	/* no handlers of its own: the accesses are made by the kernel */
	while (!__atomic_load_n(a->go, __ATOMIC_ACQUIRE))
		sched_yield();
	int fd = syscall(SYS_memfd_create, "x", 0);

	a->saw = syscall(SYS_write, fd, a->view, 1) == 1;
	return 0;
}

LMAP_TEST(hostile, CLONE_VM)
{
	static int go;
	struct clone_arg a = { self->view, &go, -1 };
	pid_t pid = clone(clone_child, child_stack + sizeof(child_stack),
			  CLONE_VM | SIGCHLD, &a);

	ASSERT_GT(pid, 0);
	REVOKE();
	__atomic_store_n(&go, 1, __ATOMIC_RELEASE);
	waitpid(pid, NULL, 0);
	EXPECT_EQ(0, a.saw);
}

/* The child of vfork() is the receiver, while that one is suspended. */
LMAP_TEST(hostile, vfork_and_exec)
{
	volatile int before = -1, taken = -1, after = -1;
	int status, fd = memfd_create("sink", MFD_CLOEXEC);
	pid_t pid = vfork();

	if (!pid) {
		before = write(fd, self->view, 1);
		taken = unmap_fpage(self->space, LMAP_WHOLE, 0);
		after = write(fd, self->view, 1) < 0 ? -errno : 1;
		execl("/bin/busybox", "true", NULL);
		_exit(1);
	}
	waitpid(pid, &status, 0);
	EXPECT_EQ(0, status);
	EXPECT_EQ(1, before);
	EXPECT_EQ(0, taken);
	EXPECT_EQ(-EFAULT, after);
	LOST(self->view);
	close(fd);
}

LMAP_TEST(hostile, second_mmap_of_the_window)
{
	char *v = window_mmap(self->window, PG, PROT_READ | PROT_WRITE);

	EXPECT_EQ(SECRET, peek(v));
	EXPECT_EQ(NO_RIGHT, poke(v, 1));
	REVOKE();
	LOST(v);
	munmap(v, PG);
}

LMAP_TEST(hostile, private_mmap_of_the_window)
{
	EXPECT_EQ(MAP_FAILED, mmap(NULL, PG, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE, self->window, 0));
}

LMAP_TEST(hostile, dup_and_reopen_the_window)
{
	char path[64];
	int fd = dup(self->window), other;
	char c;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	other = open(path, O_RDWR);
	EXPECT_EQ(-1, other);
	REVOKE();
	EXPECT_EQ(-1, pread(fd, &c, 1, 0));
	close(fd);
}

LMAP_TEST(hostile, every_madvise)
{
	for (int advice = 0; advice < 128; advice++) {
		if (advice == MADV_HWPOISON || advice == 101)
			continue;
		madvise(self->view, 2 * PG, advice);
		EXPECT_EQ(NO_RIGHT, poke(self->view, 1));
	}
}

LMAP_TEST(hostile, userfaultfd_registration_of_the_window)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = {
		.range = { (uintptr_t)self->view, 2 * PG },
	};
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd < 0)
		SKIP(return, "no userfaultfd in this kernel");
	ASSERT_EQ(0, ioctl(fd, UFFDIO_API, &api));
	for (int mode = 1; mode < 8; mode++) {
		reg.mode = mode;
		EXPECT_EQ(-1, ioctl(fd, UFFDIO_REGISTER, &reg));
	}
	close(fd);
}

LMAP_TEST(hostile, protection_keys)
{
	int key = syscall(SYS_pkey_alloc, 0, 0);

	if (key < 0)
		SKIP(return, "no protection keys on this processor");
	EXPECT_EQ(0, syscall(SYS_pkey_mprotect, self->view, PG,
			     PROT_READ | PROT_WRITE, key));
	EXPECT_EQ(NO_RIGHT, poke(self->view, 1));
	EXPECT_EQ(-1, syscall(SYS_pkey_mprotect, self->view, PG,
			      PROT_READ | PROT_EXEC, key));
	syscall(SYS_pkey_free, key);
}

LMAP_TEST(hostile, write_through_proc_self_mem)
{
	int fd = open("/proc/self/mem", O_RDWR);
	char c;

	ASSERT_GE(fd, 0);
	EXPECT_NE(1, pwrite(fd, "x", 1, (uintptr_t)self->view));
	REVOKE();
	EXPECT_NE(1, pread(fd, &c, 1, (uintptr_t)self->view));
	close(fd);
}

LMAP_TEST(hostile, ptrace_of_a_receiver)
{
	struct peer b = peer_start(1, PROT_READ | PROT_WRITE);
	int status;

	ASSERT_EQ(0, map_range(self->space, self->mem, PG, LMAP_R, b.window, 0,
			       0, NULL));
	EXPECT_EQ(SECRET, peer_peek(&b, 0));
	ASSERT_EQ(0, ptrace(PTRACE_ATTACH, b.pid, NULL, NULL));
	waitpid(b.pid, &status, 0);
	EXPECT_EQ(-1, ptrace(PTRACE_POKEDATA, b.pid, b.base, 0L));
	REVOKE();
	errno = 0;
	EXPECT_EQ(-1, ptrace(PTRACE_PEEKDATA, b.pid, b.base, 0L));
	EXPECT_EQ(EIO, errno);
	ptrace(PTRACE_DETACH, b.pid, NULL, NULL);
	EXPECT_EQ(NOTHING, peer_peek(&b, 0));
	peer_stop(&b);
}

LMAP_TEST(hostile, process_vm_writev)
{
	struct iovec l = { "x", 1 }, r = { self->view, 1 };

	EXPECT_EQ(-1, process_vm_writev(getpid(), &l, 1, &r, 1, 0));
	EXPECT_EQ(EFAULT, errno);
}

LMAP_TEST(hostile, vmsplice_keeps_no_page)
{
	struct iovec v = { self->view, PG };
	int fds[2];

	ASSERT_EQ(0, pipe(fds));
	EXPECT_EQ(-1, vmsplice(fds[1], &v, 1, 0));
	EXPECT_EQ(-1, vmsplice(fds[1], &v, 1, SPLICE_F_GIFT));
	close(fds[0]);
	close(fds[1]);
}

LMAP_TEST(hostile, splice_and_sendfile_from_the_window)
{
	int fds[2], fd = memfd_create("sink", 0);
	loff_t off = 0;
	off_t pos = 0;

	ASSERT_EQ(0, pipe(fds));
	EXPECT_EQ(-1, splice(self->window, &off, fds[1], NULL, PG, 0));
	EXPECT_EQ(-1, sendfile(fd, self->window, &pos, PG));
	EXPECT_EQ(-1, copy_file_range(self->window, &off, fd, NULL, PG, 0));
	close(fds[0]);
	close(fds[1]);
	close(fd);
}

LMAP_TEST(hostile, O_DIRECT)
{
	int fd = open("/dev/ram3", O_RDWR | O_DIRECT);

	if (fd < 0)
		SKIP(return, "no RAM disk in this kernel");
	EXPECT_EQ(-1, pwrite(fd, self->view, PG, 0));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, pread(fd, self->view, PG, 0));
	close(fd);
}

LMAP_TEST(hostile, io_uring_fixed_buffers)
{
	struct io_uring_params params = {};
	struct iovec v = { self->view, PG };
	int fd = syscall(SYS_io_uring_setup, 4, &params);

	if (fd < 0)
		SKIP(return, "no io_uring in this kernel");
	EXPECT_EQ(-1, syscall(SYS_io_uring_register, fd,
			      IORING_REGISTER_BUFFERS, &v, 1));
	EXPECT_EQ(EFAULT, errno);
	close(fd);
}

LMAP_TEST(hostile, shared_futex)
{
	EXPECT_EQ(-1, syscall(SYS_futex, self->view, FUTEX_WAKE, 1, NULL, NULL,
			      0));
	EXPECT_EQ(EFAULT, errno);
}

LMAP_TEST(hostile, private_futex_cannot_write)
{
	/* FUTEX_WAKE_OP that sets a bit in the second word */
	int a = 0;

	EXPECT_EQ(-1, syscall(SYS_futex, &a, FUTEX_WAKE_OP | FUTEX_PRIVATE_FLAG,
			      1, 1L, self->view, FUTEX_OP(FUTEX_OP_SET, 1,
							  FUTEX_OP_CMP_EQ, 0)));
	EXPECT_EQ(EFAULT, errno);
}

LMAP_TEST(hostile, system_calls_that_write)
{
	struct rlimit *r = (void *)self->view;
	int fd = open("/proc/self/stat", O_RDONLY);

	EXPECT_EQ(-1, read(fd, self->view, 64));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, getrlimit(RLIMIT_NOFILE, r));
	EXPECT_EQ(-1, syscall(SYS_getcwd, self->view, 64L));
	close(fd);
}

LMAP_TEST(hostile, mlock_and_populate)
{
	char *v;

	mlock(self->view, 2 * PG);
	v = mmap(NULL, 2 * PG, PROT_READ, MAP_SHARED | MAP_POPULATE |
		 MAP_LOCKED, self->window, 0);
	mlockall(MCL_CURRENT | MCL_FUTURE);
	REVOKE();
	LOST(self->view);
	if (v != MAP_FAILED)
		LOST(v);
	munlockall();
}

LMAP_TEST(hostile, mbind_and_move_pages)
{
	void *pages[1] = { self->view };
	int nodes[1] = { 0 }, status[1] = { 0 };
	unsigned long mask = 1;

	syscall(SYS_mbind, self->view, PG, 2, &mask, 8, 2);
	syscall(SYS_move_pages, 0, 1L, pages, nodes, status, 2);
	EXPECT_EQ(SECRET, peek(self->view));
	EXPECT_EQ(NO_RIGHT, poke(self->view, 1));
}

LMAP_TEST(hostile, remap_file_pages)
{
	syscall(SYS_remap_file_pages, self->view, PG, 0, 1L, 0);
	EXPECT_NE(0, poke(self->view, 1));
	REVOKE();
	EXPECT_GT(0, peek(self->view));
}

LMAP_TEST(hostile, SIGSTOP_while_it_is_taken_away)
{
	struct peer b = peer_start(1, PROT_READ);
	int status;

	ASSERT_EQ(0, map_range(self->space, self->mem, PG, LMAP_R, b.window, 0,
			       0, NULL));
	EXPECT_EQ(SECRET, peer_peek(&b, 0));
	kill(b.pid, SIGSTOP);
	waitpid(b.pid, &status, WUNTRACED);
	REVOKE();
	EXPECT_EQ(0, info(self->space).out_mappings);
	kill(b.pid, SIGCONT);
	EXPECT_EQ(NOTHING, peer_peek(&b, 0));
	peer_stop(&b);
}

LMAP_TEST(hostile, closing_descriptors_in_any_order)
{
	for (int order = 0; order < 6; order++) {
		int s = space_open(), w = window_create(s, PG, ALL);
		char *v = window_mmap(w, PG, PROT_READ);

		ASSERT_EQ(0, map_range(self->space, self->mem, PG, LMAP_R, w,
				       0, 0, NULL));
		EXPECT_EQ(SECRET, peek(v));
		for (int i = 0; i < 3; i++) {
			switch ((order + i * (order < 3 ? 1 : 2)) % 3) {
			case 0:
				close(s);
				break;
			case 1:
				close(w);
				break;
			case 2:
				munmap(v, PG);
				break;
			}
		}
		EXPECT_EQ(1, info(self->space).out_mappings);
	}
	/* a view alone holds the window, and loses the page like any other */
	int s = space_open(), w = window_create(s, PG, ALL);
	char *v = window_mmap(w, PG, PROT_READ);

	ASSERT_EQ(0, map_range(self->space, self->mem, PG, LMAP_R, w, 0, 0,
			       NULL));
	close(w);
	close(s);
	EXPECT_EQ(SECRET, peek(v));
	REVOKE();
	LOST(v);
	munmap(v, PG);
}

LMAP_TEST(hostile, view_is_marked_as_not_to_be_dumped)
{
	char line[256];
	bool dd = false, here = false;
	FILE *f = fopen("/proc/self/smaps", "r");

	ASSERT_NE(NULL, f);
	while (fgets(line, sizeof(line), f)) {
		unsigned long start;

		if (sscanf(line, "%lx-", &start) == 1 && strchr(line, '-'))
			here = start == (uintptr_t)self->view;
		if (here && !strncmp(line, "VmFlags:", 8))
			dd = strstr(line, " dd") && strstr(line, " pf");
	}
	fclose(f);
	EXPECT_EQ(true, dd);
}

LMAP_TEST(hostile, map_it_back_for_more)
{
	int w2 = window_create(self->space, PG, ALL);

	/* without m not at all; into another window of mine neither */
	EXPECT_EQ(-EACCES, map_range(self->space, self->view, PG, ALL, w2, 0,
				     0, NULL));
	EXPECT_EQ(-EACCES, map_range(self->space, self->view, PG, ALL,
				     self->window, PG, 0, NULL));
	close(w2);
}

LMAP_TEST(hostile, lend_a_view_as_if_it_were_ordinary_memory)
{
	int s = space_open(), w = window_create(s, PG, ALL);

	EXPECT_EQ(-EPERM, map_range(s, self->view, PG, ALL, w, 0, 0, NULL));
	close(w);
	close(s);
}

TEST_HARNESS_MAIN
