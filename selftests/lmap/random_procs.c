// SPDX-License-Identifier: GPL-2.0
/* Implementation of random_procs.h; see there. */
#include "random_procs.h"

#include <limits.h>
#include <time.h>
#include <linux/futex.h>

#define GARBAGE		0xdeadbeefdeadbeefULL
/* Seconds until a process that doesn't answer is given up. */
#define PATIENCE	30

struct proc {
	pid_t pid;
	int sock;
};

struct order_page *orders;
static struct proc procs[PROCS];

/* In a process. */
static int space;
static int scratch;	/* a window that nobody looks at */
static pid_t child;

static long futex(int *word, int op, int value, const struct timespec *limit)
{
	return syscall(SYS_futex, word, op, value, limit, NULL, 0);
}

static void set_turn(struct order_page *o, int turn)
{
	__atomic_store_n(&o->turn, turn, __ATOMIC_RELEASE);
	futex(&o->turn, FUTEX_WAKE, INT_MAX, NULL);
}

static int turn_of(struct order_page *o)
{
	return __atomic_load_n(&o->turn, __ATOMIC_ACQUIRE);
}

static uint64_t *word(unsigned int page)
{
	return (uint64_t *)ADDRESS(page);
}

/*
 * Waits until it isn't @turn, or a signal or @limit comes. Sleeping at once
 * would cost more than most orders; others may need this processor.
 */
static int turn_wait(struct order_page *o, int turn,
		     const struct timespec *limit)
{
	for (int i = 0; i < 100 && turn_of(o) == turn; i++)
		sched_yield();
	if (turn_of(o) != turn || !futex(&o->turn, FUTEX_WAIT, turn, limit))
		return 0;
	return errno;
}

/* What a process does. */

static void try_on(struct probe *p)
{
	void *page = word(p->page);
	struct lmap_map m = {};

	p->on_ret = map_range(space, page, PG, ALL, scratch, p->page * PG, 0,
			      &m);
	p->on_rights = m.out_rights;
	if (!p->on_ret)
		p->on_ret = unmap_only(space, page, PG, ALL, scratch, NULL);
}

static void try_page(struct probe *p)
{
	volatile uint64_t *w = word(p->page);

	p->read = peek(w);
	if (p->read >= 0) {
		p->read = 0;
		p->value = *w;
	}
	p->write = poke(w, 0);
	if (!p->write)
		*w = p->written;
	if (p->on)
		try_on(p);
}

/* Writes its own copies; the window must not be there. */
static void child_main(const struct order_page *o, int fd)
{
	char ok = 'y';

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (unsigned int i = 0; i < o->n; i++)
		if (o->prot[i] >= 0 && o->prot[i] & PROT_WRITE)
			*word(o->page + i) = GARBAGE;
	for (unsigned int i = WINDOW; i < PAGES; i++)
		if (peek(word(i)) != NO_VMA)
			ok = 'n';
	if (write(fd, &ok, 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

static int reap(void)
{
	if (!child)
		return 0;
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	child = 0;
	return 0;
}

/* The child lives until the next one is needed, or till DO_REAP. */
static int do_fork(const struct order_page *o)
{
	char ok = 0;
	int ends[2];

	reap();
	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	child = fork();
	if (!child)
		child_main(o, ends[1]);
	close(ends[1]);
	if (child < 0 || read(ends[0], &ok, 1) != 1)
		ok = 0;
	close(ends[0]);
	return ok == 'y' ? 0 : -ECHILD;
}

static int do_mprotect(const struct order_page *o)
{
	unsigned int i, next;

	for (i = 0; i < o->n; i = next) {
		next = i + 1;
		if (o->prot[i] < 0)
			continue;
		while (next < o->n && o->prot[next] == o->prot[i])
			next++;
		if (mprotect(word(o->page + i), (next - i) * PG, o->prot[i]))
			return -errno;
	}
	return 0;
}

static int memory_at(unsigned int page, unsigned int n)
{
	void *p = mmap(word(page), n * PG, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	return p == word(page) ? 0 : -errno;
}

static int take_fd(unsigned int p, int sock)
{
	int fd;

	errno = EPIPE;
	fd = recv_fd(sock);
	if (fd < 0)
		return fd;
	if (dup3(fd, WINDOW_FD(p), O_CLOEXEC) < 0)
		return -errno;
	close(fd);
	return 0;
}

static int obey(struct order_page *o, int sock)
{
	switch (o->verb) {
	case DO_MAP:
		return ioctl(space, o->request, &o->map) ? -errno : 0;
	case DO_UNMAP:
		return ioctl(space, LMAP_UNMAP, &o->unmap) ? -errno : 0;
	case DO_MUNMAP:
		return munmap(word(o->page), o->n * PG) ? -errno : 0;
	case DO_MMAP:
		return memory_at(o->page, o->n);
	case DO_MPROTECT:
		return do_mprotect(o);
	case DO_DISCARD:
		/* ENOMEM: there are holes; the rest is done all the same. */
		if (madvise(word(o->page), o->n * PG, MADV_DONTNEED) &&
		    errno != ENOMEM)
			return -errno;
		return space_sync(space);
	case DO_FORK:
		return do_fork(o);
	case DO_REAP:
		return reap();
	case DO_PROBE:
		for (unsigned int i = 0; i < o->n; i++)
			try_page(&o->probes[i]);
		return 0;
	case DO_TAKE_FD:
		return take_fd(o->page, sock);
	case DO_COUNT:
		o->mappings = info(space).out_mappings;
		return 0;
	case DO_EXIT:
		reap();
		_exit(0);
	}
	return -ENOSYS;
}

static int proc_setup(unsigned int p, int sock)
{
	int fd, ret;
	void *v;

	catch_faults();
	child = 0;
	space = space_open();
	if (space < 0)
		return space;
	scratch = window_create(space, PAGES * PG, ALL);
	fd = window_create(space, NPAGES * PG, window_rights[p]);
	if (scratch < 0 || fd < 0)
		return scratch < 0 ? scratch : fd;
	v = mmap(word(WINDOW), NPAGES * PG, PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_FIXED, fd, 0);
	if (v == MAP_FAILED)
		return -errno;
	ret = memory_at(MEMORY, NPAGES);
	if (!ret)
		ret = send_fd(sock, fd);
	if (!ret && dup3(fd, WINDOW_FD(p), O_CLOEXEC) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

static void proc_main(unsigned int p, int sock)
{
	struct order_page *o = &orders[p];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 0; i < PROCS; i++)
		if (procs[i].pid)
			close(procs[i].sock);
	if (proc_setup(p, sock))
		_exit(1);
	for (;;) {
		while (turn_of(o) != 1)
			turn_wait(o, 0, NULL);
		o->ret = obey(o, sock);
		set_turn(o, 0);
	}
}

/* What the processes are told. */

void procs_init(void)
{
	orders = mmap(NULL, PROCS * sizeof(*orders), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (orders == MAP_FAILED)
		abort();
}

static bool has_died(unsigned int p)
{
	if (waitpid(procs[p].pid, NULL, WNOHANG) != procs[p].pid)
		return false;
	procs[p].pid = 0;
	close(procs[p].sock);
	return true;
}

/* The limits only matter if something is broken. */
static int wait_answer(unsigned int p)
{
	struct timespec second = { .tv_sec = 1 };

	for (int i = 0; i < PATIENCE * slow(); i++) {
		int ret = 0;

		while (turn_of(&orders[p]) && ret != ETIMEDOUT)
			ret = turn_wait(&orders[p], 1, &second);
		if (!turn_of(&orders[p]))
			return orders[p].ret;
		if (has_died(p))
			return -EPIPE;
	}
	return -ETIME;
}

int proc_do(unsigned int p, enum verb verb)
{
	if (!procs[p].pid)
		return -EPIPE;
	orders[p].verb = verb;
	set_turn(&orders[p], 1);
	return wait_answer(p);
}

/* Everybody else gets the descriptor of its window. */
static int spread_window(unsigned int p)
{
	int ret = take_fd(p, procs[p].sock);

	for (unsigned int i = 0; i < PROCS && !ret; i++) {
		if (i == p || !procs[i].pid)
			continue;
		ret = send_fd(procs[i].sock, WINDOW_FD(p));
		orders[i].page = p;
		if (!ret)
			ret = proc_do(i, DO_TAKE_FD);
	}
	return ret;
}

int proc_start(unsigned int p)
{
	int socks[2], ret;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks))
		return -errno;
	memset(&orders[p], 0, sizeof(orders[p]));
	procs[p].pid = fork();
	if (!procs[p].pid) {
		close(socks[0]);
		proc_main(p, socks[1]);
	}
	close(socks[1]);
	if (procs[p].pid < 0) {
		ret = -errno;
		procs[p].pid = 0;
		close(socks[0]);
		return ret;
	}
	procs[p].sock = socks[0];
	return spread_window(p);
}

int proc_exit(unsigned int p, bool kill_it)
{
	int ret = proc_do(p, DO_REAP);

	if (ret)
		return ret;
	if (kill_it) {
		kill(procs[p].pid, SIGKILL);
	} else {
		orders[p].verb = DO_EXIT;
		set_turn(&orders[p], 1);
	}
	waitpid(procs[p].pid, NULL, 0);
	procs[p].pid = 0;
	close(procs[p].sock);
	return 0;
}

void procs_stop(void)
{
	for (int p = 0; p < PROCS; p++) {
		close(WINDOW_FD(p));
		if (!procs[p].pid)
			continue;
		kill(procs[p].pid, SIGKILL);
		waitpid(procs[p].pid, NULL, 0);
		procs[p].pid = 0;
		close(procs[p].sock);
	}
}
