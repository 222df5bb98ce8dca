// SPDX-License-Identifier: GPL-2.0
/*
 * A hostile receiver that lets somebody else get at the borrowed page: another
 * process that holds the window, a program that is executed, or the kernel, in
 * system calls that were under way before the page was taken.
 */
#include "util.h"
#include "harness.h"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>

#define SECRET	0x5e

FIXTURE(proxy) {
	int space;
	int window;
	char *mem;		/* page 0 is lent r, page 1 rw */
	char *view;
};

FIXTURE_SETUP(proxy)
{
	catch_faults();
	self->space = space_open();
	ASSERT_GE(self->space, 0);
	self->window = window_create(self->space, 2 * PG, ALL);
	self->view = window_mmap(self->window, 2 * PG, PROT_READ | PROT_WRITE);
	self->mem = memory(2);
	memset(self->mem, SECRET, 2 * PG);
	ASSERT_EQ(0, map_range(self->space, self->mem, PG, LMAP_R,
			       self->window, 0, 0, NULL));
	ASSERT_EQ(0, map_range(self->space, self->mem + PG, PG, RW,
			       self->window, PG, 0, NULL));
	ASSERT_EQ(SECRET, peek(self->view));
	ASSERT_EQ(0, poke(self->view + PG, SECRET));
}

/* Nothing was written where it must not be; nothing is left. */
FIXTURE_TEARDOWN(proxy)
{
	EXPECT_EQ(0, unmap_fpage(self->space, LMAP_WHOLE, LMAP_SELF));
	EXPECT_LT(peek(self->view), 0);
	EXPECT_LT(peek(self->view + PG), 0);
	for (size_t i = 0; i < 2 * PG; i++)
		ASSERT_EQ(SECRET, self->mem[i]);
	EXPECT_EQ(0, info(self->space).out_mappings);
	close(self->space);
	close(self->window);
}

#define REVOKE() ASSERT_EQ(0, unmap_range(self->space, self->mem, 2 * PG, ALL, \
					  0, NULL))

/* Another process gets the window by SCM_RIGHTS. */

struct friend {
	pid_t pid;
	int sock;
};

struct friend_saw {
	int mmap_errno;
	int got;		/* bytes by pread, or -errno */
	char byte;
	int put;		/* bytes by pwrite into the page lent r */
};

static void friend_main(int sock)
{
	struct friend_saw saw;
	int window = recv_fd(sock);
	char c;

	while (read(sock, &c, 1) == 1) {
		void *p = mmap(NULL, PG, PROT_READ, MAP_SHARED, window, 0);

		memset(&saw, 0, sizeof(saw));
		saw.mmap_errno = p == MAP_FAILED ? errno : 0;
		saw.got = pread(window, &saw.byte, 1, 5);
		if (saw.got < 0)
			saw.got = -errno;
		saw.put = pwrite(window, "x", 1, 5);
		if (saw.put < 0)
			saw.put = -errno;
		if (write(sock, &saw, sizeof(saw)) != sizeof(saw))
			break;
	}
	_exit(0);
}

static struct friend friend_start(int window)
{
	struct friend f;
	int socks[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks))
		abort();
	f.pid = fork();
	if (!f.pid) {
		/* only by the message */
		close(window);
		close(socks[0]);
		friend_main(socks[1]);
	}
	close(socks[1]);
	f.sock = socks[0];
	send_fd(f.sock, window);
	return f;
}

static struct friend_saw friend_try(struct friend *f)
{
	struct friend_saw saw = { .got = -EPIPE };

	if (write(f->sock, "?", 1) != 1 ||
	    read(f->sock, &saw, sizeof(saw)) != sizeof(saw))
		saw.got = -EPIPE;
	return saw;
}

static void friend_stop(struct friend *f)
{
	close(f->sock);
	waitpid(f->pid, NULL, 0);
}

LMAP_TEST(proxy, a_friend_with_the_window)
{
	struct friend f = friend_start(self->window);
	struct friend_saw saw = friend_try(&f);

	EXPECT_EQ(EPERM, saw.mmap_errno);
	EXPECT_EQ(1, saw.got);
	EXPECT_EQ(-EFAULT, saw.put);
	REVOKE();
	saw = friend_try(&f);
	EXPECT_EQ(EPERM, saw.mmap_errno);
	EXPECT_EQ(-EFAULT, saw.got);
	EXPECT_EQ(0, saw.byte);
	EXPECT_EQ(-EFAULT, saw.put);
	friend_stop(&f);
}

LMAP_TEST(proxy, a_friend_that_outlives_the_receiver)
{
	struct peer b = peer_start(1, PROT_READ);
	struct friend f;

	ASSERT_EQ(0, map_range(self->space, self->mem, PG, LMAP_R, b.window, 0,
			       0, NULL));
	EXPECT_EQ(SECRET, peer_peek(&b, 0));
	f = friend_start(b.window);
	EXPECT_EQ(1, friend_try(&f).got);
	kill(b.pid, SIGKILL);
	waitpid(b.pid, NULL, 0);
	EXPECT_EQ(-EFAULT, friend_try(&f).got);
	EXPECT_EQ(-ENXIO, map_range(self->space, self->mem, PG, LMAP_R,
				    b.window, 0, 0, NULL));
	friend_stop(&f);
	peer_stop(&b);
}

/* Another window's owner maps into it, from what is not his to give. */
LMAP_TEST(proxy, a_friend_cannot_lend_what_it_only_holds)
{
	struct peer b = peer_start(1, PROT_READ | PROT_WRITE);
	struct peer c = peer_start(1, PROT_READ | PROT_WRITE);

	ASSERT_EQ(0, map_range(self->space, self->mem, PG, LMAP_R, b.window, 0,
			       0, NULL));
	EXPECT_EQ(SECRET, peer_peek(&b, 0));
	EXPECT_EQ(-EACCES, peer_map(&b, 0, PG, ALL, c.window, 0));
	EXPECT_EQ(NOTHING, peer_peek(&c, 0));
	peer_stop(&b);
	peer_stop(&c);
}

/* The receiver becomes another program, its standard input is the window. */

static int exec_cat(struct peer *self, long arg)
{
	int out = (int)arg;

	if (dup2(self->window, 0) != 0 || dup2(out, 1) != 1)
		return -errno;
	execl("/bin/busybox", "cat", NULL);
	return -errno;
}

LMAP_TEST(proxy, a_program_that_inherits_the_window)
{
	char buf[64];
	int fds[2], status;
	struct peer b;
	pid_t asker;

	ASSERT_EQ(0, pipe2(fds, O_CLOEXEC));
	b = peer_start(1, PROT_READ);
	ASSERT_EQ(0, map_range(self->space, self->mem, PG, LMAP_R, b.window, 0,
			       0, NULL));
	EXPECT_EQ(SECRET, peer_peek(&b, 0));
	asker = fork();
	if (!asker) {
		/* never answered: it executes */
		peer_run(&b, exec_cat, fds[1]);
		_exit(0);
	}
	close(fds[1]);
	waitpid(b.pid, &status, 0);
	waitpid(asker, NULL, 0);
	/* cat found nothing to read */
	EXPECT_TRUE(WIFEXITED(status));
	EXPECT_EQ(0, read(fds[0], buf, sizeof(buf)));
	EXPECT_EQ(2, info(self->space).out_mappings);
	close(fds[0]);
	peer_stop(&b);
}

/* System calls that wait, and look at the page only after it was taken. */

struct waiting {
	int fd;
	char *at;
	bool in;		/* read() into it, else write() from it */
	int ret;
};

static void *wait_in_a_call(void *arg)
{
	struct waiting *w = arg;

	w->ret = w->in ? read(w->fd, w->at, 8) : write(w->fd, w->at, 8);
	if (w->ret < 0)
		w->ret = -errno;
	return NULL;
}

LMAP_TEST(proxy, write_that_waits_over_the_revoke)
{
	char buf[65536];
	pthread_t thread;
	struct waiting w;
	int fds[2], size;

	ASSERT_EQ(0, pipe(fds));
	size = fcntl(fds[1], F_SETPIPE_SZ, 4096);
	ASSERT_GE(size, 4096);
	memset(buf, 1, sizeof(buf));
	ASSERT_EQ(size, write(fds[1], buf, size));
	w = (struct waiting){ .fd = fds[1], .at = self->view };
	ASSERT_EQ(0, pthread_create(&thread, NULL, wait_in_a_call, &w));
	for (int i = 0; i < 100; i++)
		sched_yield();
	REVOKE();
	EXPECT_EQ(size, read(fds[0], buf, size));
	pthread_join(thread, NULL);
	EXPECT_EQ(-EFAULT, w.ret);
	close(fds[1]);
	EXPECT_EQ(0, read(fds[0], buf, sizeof(buf)));
	close(fds[0]);
}

LMAP_TEST(proxy, read_that_waits_over_the_revoke)
{
	pthread_t thread;
	struct waiting w;
	int fds[2];

	ASSERT_EQ(0, pipe(fds));
	w = (struct waiting){ .fd = fds[0], .at = self->view + PG, .in = true };
	ASSERT_EQ(0, pthread_create(&thread, NULL, wait_in_a_call, &w));
	for (int i = 0; i < 100; i++)
		sched_yield();
	REVOKE();
	EXPECT_EQ(8, write(fds[1], "changed!", 8));
	pthread_join(thread, NULL);
	EXPECT_EQ(-EFAULT, w.ret);
	close(fds[0]);
	close(fds[1]);
}

LMAP_TEST(proxy, read_that_waits_while_w_is_taken)
{
	pthread_t thread;
	struct waiting w;
	int fds[2];

	ASSERT_EQ(0, pipe(fds));
	w = (struct waiting){ .fd = fds[0], .at = self->view + PG, .in = true };
	ASSERT_EQ(0, pthread_create(&thread, NULL, wait_in_a_call, &w));
	for (int i = 0; i < 100; i++)
		sched_yield();
	ASSERT_EQ(0, unmap_range(self->space, self->mem, 2 * PG, LMAP_W, 0,
				 NULL));
	EXPECT_EQ(8, write(fds[1], "changed!", 8));
	pthread_join(thread, NULL);
	EXPECT_EQ(-EFAULT, w.ret);
	EXPECT_EQ(SECRET, peek(self->view + PG));
	close(fds[0]);
	close(fds[1]);
}

/* The kernel stores the id of a child at its start and a zero at its end. */

static char child_stack[65536] __attribute__((aligned(16)));

static int nothing(void *arg)
{
	return 0;
}

LMAP_TEST(proxy, words_that_the_kernel_writes_for_a_child)
{
	int status;
	pid_t pid = clone(nothing, child_stack + sizeof(child_stack),
			  CLONE_VM | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID |
			  SIGCHLD, NULL, NULL, NULL, self->view);

	ASSERT_GT(pid, 0);
	waitpid(pid, &status, 0);
	EXPECT_EQ(0, status);
	EXPECT_EQ(SECRET, peek(self->view));
	/* and at exit, in a page that was writable at the start */
	pid = clone(nothing, child_stack + sizeof(child_stack),
		    CLONE_VM | CLONE_PARENT_SETTID | SIGCHLD, NULL,
		    self->view, NULL, NULL);
	if (pid > 0)
		waitpid(pid, &status, 0);
	EXPECT_EQ(SECRET, peek(self->view));
}

/* A real core dump of a process that sees the page. */

static int allow_core(struct peer *self, long arg)
{
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	struct sigaction dfl = { .sa_handler = SIG_DFL };

	sigaction(SIGABRT, &dfl, NULL);
	return setrlimit(RLIMIT_CORE, &all) ?: chdir("/tmp");
}

static bool file_holds(const char *path, const char *what, size_t length)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	off_t size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
	bool found = false;
	char *p;

	if (size > 0) {
		p = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
		found = p != MAP_FAILED && memmem(p, size, what, length);
		munmap(p, size);
	}
	close(fd);
	return found;
}

LMAP_TEST(proxy, core_dump_has_not_the_secret)
{
	char own[64], pattern[128] = "", secret[64], path[64];
	struct peer b = peer_start(1, PROT_READ);
	int fd, status;
	char *mem;

	fd = open("/proc/sys/kernel/core_pattern", O_RDONLY);
	if (fd < 0)
		SKIP(return, "no core dumps in this kernel");
	EXPECT_GT(read(fd, pattern, sizeof(pattern) - 1), 0);
	close(fd);
	/* made after the receiver was forked: it has no copy of its own */
	mem = memory(1);
	ASSERT_EQ(sizeof(secret), syscall(SYS_getrandom, secret,
					  sizeof(secret), 0));
	memcpy(mem + 128, secret, sizeof(secret));
	ASSERT_EQ(0, map_range(self->space, mem, PG, LMAP_R, b.window, 0, 0,
			       NULL));
	EXPECT_EQ((unsigned char)secret[0], peer_peek(&b, 128));
	EXPECT_EQ(0, peer_run(&b, allow_core, 0));
	ASSERT_TRUE(write_file("/proc/sys/kernel/core_pattern", "/tmp/core"));
	write_file("/proc/sys/kernel/core_uses_pid", "0");
	kill(b.pid, SIGABRT);
	waitpid(b.pid, &status, 0);
	write_file("/proc/sys/kernel/core_pattern", pattern);
	EXPECT_TRUE(WCOREDUMP(status));
	snprintf(path, sizeof(path), "/tmp/core");
	/* the dump has what was the receiver's own: its copy of self->mem */
	memset(own, SECRET, sizeof(own));
	EXPECT_TRUE(file_holds(path, own, sizeof(own)));
	EXPECT_FALSE(file_holds(path, secret, sizeof(secret)));
	unlink(path);
	munmap(mem, PG);
	peer_stop(&b);
}

/* Memory put over the view hides it; the window is as revocable as before. */
LMAP_TEST(proxy, MAP_FIXED_over_the_view)
{
	char *v, *own = mmap(self->view, PG, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	ASSERT_EQ(self->view, own);
	EXPECT_EQ(0, poke(own, 1));
	EXPECT_EQ(SECRET, self->mem[0]);
	v = window_mmap(self->window, PG, PROT_READ | PROT_WRITE);
	EXPECT_EQ(SECRET, peek(v));
	EXPECT_EQ(NO_RIGHT, poke(v, 1));
	REVOKE();
	EXPECT_EQ(NOTHING, peek(v));
	EXPECT_EQ(1, peek(own));
	munmap(own, PG);
	munmap(v, PG);
}

TEST_HARNESS_MAIN
