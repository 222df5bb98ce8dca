// SPDX-License-Identifier: GPL-2.0
/*
 * lmap-bench: another process, which borrows what is lent and does what it is
 * told: it is a copy of this one, so the address of a function means the same
 * to both. It must never use the lender's space.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <lmap.h>

#include "bench.h"

struct request {
	bench_fn fn;		/* NULL: that was all */
	char arg[64];
};

/* The peer's own. */
static char *view;
static size_t view_pages;
static int window = -1, up;
static long faults;

static void serve(void)
{
	struct request r;
	double answer;

	while (read(up, &r, sizeof(r)) == sizeof(r) && r.fn) {
		answer = r.fn(r.arg);
		if (write(up, &answer, sizeof(answer)) != sizeof(answer))
			break;
	}
	_exit(0);
}

void peer_start(struct peer *p, bool opens)
{
	int socks[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, socks))
		die("socketpair");
	p->sock = socks[0];
	p->pid = fork();
	if (p->pid < 0)
		die("fork");
	if (p->pid) {
		close(socks[1]);
		return;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(space);
	close(socks[0]);
	up = socks[1];
	clock_init();
	if (opens) {
		space = lmap_open(0);
		if (space < 0)
			die("open in a borrower");
	}
	serve();
}

void peer_end(struct peer *p)
{
	struct request r = { NULL };
	int st;

	if (write(p->sock, &r, sizeof(r)) != sizeof(r) ||
	    waitpid(p->pid, &st, 0) != p->pid || st)
		die("a borrower");
	close(p->sock);
	settle();
}

void peer_ask(const struct peer *p, bench_fn fn, const void *arg, size_t size)
{
	struct request r = { .fn = fn };

	memcpy(r.arg, arg, size);
	if (write(p->sock, &r, sizeof(r)) != sizeof(r))
		die("a borrower");
}

double peer_answer(const struct peer *p)
{
	double answer;

	if (read(p->sock, &answer, sizeof(answer)) != sizeof(answer))
		die("a borrower");
	return answer;
}

double peer_call(const struct peer *p, bench_fn fn, const void *arg,
		 size_t size)
{
	peer_ask(p, fn, arg, size);
	return peer_answer(p);
}

static double make_window(void *arg)
{
	if (window >= 0) {
		munmap(view, view_pages * PAGE);
		close(window);
	}
	view_pages = *(size_t *)arg;
	window = window_make(view_pages, &view);
	if (lmap_send_fd(up, window))
		die("passing a window");
	return 0;
}

int peer_window(const struct peer *p, size_t pages)
{
	int w;

	peer_ask(p, make_window, &pages, sizeof(pages));
	w = lmap_recv_fd(p->sock);
	if (w < 0)
		die("receiving a window");
	peer_answer(p);
	return w;
}

static double touch_by(void (*how)(volatile char *p, size_t pages),
		       size_t pages)
{
	struct rusage before, after;
	double t;

	getrusage(RUSAGE_SELF, &before);
	t = begin();
	how(view, pages);
	t = end(t);
	getrusage(RUSAGE_SELF, &after);
	/* one that had to be done again counts as major */
	faults = after.ru_minflt - before.ru_minflt +
		 after.ru_majflt - before.ru_majflt;
	return t;
}

double peer_touch_here(size_t pages)
{
	return touch_by(touch, pages);
}

static double touch_view(void *arg)
{
	return peer_touch_here(*(size_t *)arg);
}

static double touch_view_random(void *arg)
{
	return touch_by(touch_random, *(size_t *)arg);
}

static void touch_sparse(volatile char *p, size_t pages)
{
	for (size_t i = 0; i < pages; i++)
		p[i * 64 * PAGE] = 1;
}

static double touch_view_sparse(void *arg)
{
	return touch_by(touch_sparse, *(size_t *)arg);
}

static double tell_faults(void *arg)
{
	(void)arg;
	return faults;
}

double peer_touch(const struct peer *p, size_t pages)
{
	return peer_call(p, touch_view, &pages, sizeof(pages));
}

double peer_touch_random(const struct peer *p, size_t pages)
{
	return peer_call(p, touch_view_random, &pages, sizeof(pages));
}

double peer_touch_sparse(const struct peer *p, size_t pages)
{
	return peer_call(p, touch_view_sparse, &pages, sizeof(pages));
}

double peer_faults(const struct peer *p)
{
	return peer_call(p, tell_faults, "", 1);
}
