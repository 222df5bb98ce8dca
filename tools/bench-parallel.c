// SPDX-License-Identifier: GPL-2.0
/*
 * lmap-bench --parallel - what two borrowers cost each other that map on at the
 * same time: below one region, whose tree has one lock, and below two.
 *
 * Real times of two processors: with fewer there is no table, and nothing here
 * is judged.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <lmap.h>

#include "bench.h"

#define ROUNDS	20
#define MAPS	2000

/* What the processes share. */
struct meeting {
	unsigned int arrived;
	double ns[2];
};

static void meet(struct meeting *m, unsigned int of, unsigned int *times)
{
	unsigned int want = ++*times * of;

	__atomic_fetch_add(&m->arrived, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&m->arrived, __ATOMIC_SEQ_CST) < want)
		sched_yield();
}

/* Maps a page that it was lent on, to many places of a window of its own. */
static void borrower(struct meeting *m, unsigned int number, unsigned int of,
		     int sock)
{
	int mine = lmap_open(0), from, to;
	unsigned int times = 0;
	double spent = 0;
	char *view, go;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	from = lmap_window(mine, PAGE, LMAP_RIGHTS_ALL, 0);
	to = lmap_window(mine, MAPS * PAGE, LMAP_RIGHTS_ALL, 0);
	view = lmap_window_mmap(from, PAGE, PROT_READ | PROT_WRITE);
	if (view == MAP_FAILED || lmap_send_fd(sock, from) ||
	    read(sock, &go, 1) != 1)
		die("a borrower");
	for (int round = 0; round < ROUNDS; round++) {
		double t;

		meet(m, of, &times);
		t = now();
		for (size_t i = 0; i < MAPS; i++)
			if (lmap_map_range(mine, view, PAGE, LMAP_R, to,
					   i * PAGE, NULL, NULL))
				die("map");
		spent += now() - t;
		meet(m, of, &times);
		lmap_unmap_range(mine, view, PAGE, LMAP_RIGHTS_ALL, 0, NULL);
	}
	m->ns[number] = spent / ROUNDS / MAPS;
	_exit(0);
}

static pid_t borrower_start(struct meeting *m, unsigned int number,
			    unsigned int of, char *mem)
{
	int socks[2], window;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks))
		die("socketpair");
	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid)
		borrower(m, number, of, socks[1]);
	window = lmap_recv_fd(socks[0]);
	if (lmap_map_range(space, mem, PAGE, LMAP_R | LMAP_M, window, 0, NULL,
			   NULL) || write(socks[0], "", 1) != 1)
		die("lending to a borrower");
	close(window);
	close(socks[1]);
	return pid;
}

/* A map by one of @of borrowers, while the others do the same. */
static double together(unsigned int of, char *const mem[])
{
	struct meeting *m = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	double ns = 0;
	pid_t pid[2];

	if (m == MAP_FAILED)
		die("mmap");
	for (unsigned int i = 0; i < of; i++)
		pid[i] = borrower_start(m, i, of, mem[i]);
	for (unsigned int i = 0; i < of; i++) {
		int st;

		if (waitpid(pid[i], &st, 0) != pid[i] || st)
			die("a borrower");
		ns += m->ns[i] / of;
	}
	munmap(m, PAGE);
	return ns;
}

/* A region over the whole range: the one that later maps use. */
static char *region(size_t pages, int *keep)
{
	char *mem = anonymous(pages * PAGE, 0);

	touch(mem, pages);
	*keep = lmap_window(space, pages * PAGE, LMAP_R, 0);
	if (*keep < 0 || lmap_map_range(space, mem, pages * PAGE, LMAP_R, *keep,
					0, NULL, NULL))
		die("map");
	return mem;
}

void bench_parallel(void)
{
	double alone, in_one, in_two;
	int keep[2];
	char *mem[2], *same[2];

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		return;
	mem[0] = region(2, &keep[0]);
	mem[1] = region(2, &keep[1]);
	same[0] = mem[0];
	same[1] = mem[0] + PAGE;
	alone = together(1, mem);
	in_one = together(2, same);
	in_two = together(2, mem);
	report("map on, two at once below one region", in_one, "below two",
	       in_two, 0);
	report("map on, two at once below two regions", in_two, "one alone",
	       alone, 0);
	report("map on, two at once below one region", in_one, "one alone",
	       alone, 0);
	close(keep[0]);
	close(keep[1]);
}
