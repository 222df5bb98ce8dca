// SPDX-License-Identifier: GPL-2.0
/*
 * The trap that DESIGN calls the deadliest: a notifier of the lender that
 * waits for a borrower's window under rmap locks, against mm_take_all_locks()
 * of a borrower that waits for those. A lender that reclaims, migrates,
 * truncates and forks, borrowers that register notifiers, as KVM does, with a
 * delay in every callback. Tasks that hang stay in D: this would time out.
 */
#include "util.h"
#include "harness.h"

#include <dirent.h>
#include <pthread.h>

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif
#define DELAY	"/sys/module/lmap/parameters/delay_us"
#define N	64

FIXTURE_PLAIN(deadlock)

/* Takes all locks of the borrower's address space, over and over. */
static void take_locks(int *stop)
{
	while (!__atomic_load_n(stop, __ATOMIC_ACQUIRE)) {
		int fd = open("/dev/takelocks", O_RDWR | O_CLOEXEC);
		pid_t pid;

		if (fd >= 0)
			close(fd);
		/* and the first notifier of an mm, through lmap itself */
		pid = fork();
		if (!pid) {
			int s = space_open();

			_exit(s < 0 && s != -EINTR);
		}
		waitpid(pid, NULL, 0);
	}
}

struct toucher {
	char *view;
	int *stop;
};

static void *touch(void *arg)
{
	struct toucher *t = arg;

	while (!__atomic_load_n(t->stop, __ATOMIC_ACQUIRE))
		for (int i = 0; i < 2 * N; i++)
			peek(t->view + i * PG);
	return NULL;
}

/* A borrower whose mm is a fork of the lender: anon_vmas are related. */
static void borrower(int sock, char *mem, int fd, int *stop)
{
	struct toucher t = { .stop = stop };
	pthread_t thread;
	int s, w;

	catch_faults();
	s = space_open();
	w = window_create(s, 2 * N * PG, ALL);
	t.view = window_mmap(w, 2 * N * PG, PROT_READ | PROT_WRITE);
	/* the file is mapped by both, too */
	mmap(NULL, N * PG, PROT_READ, MAP_SHARED, fd, 0);
	if (send_fd(sock, w) || pthread_create(&thread, NULL, touch, &t))
		_exit(1);
	take_locks(stop);
	pthread_join(thread, NULL);
	_exit(0);
}

/* How many tasks are in uninterruptible sleep? */
static int tasks_in_D(int *which)
{
	struct dirent *d;
	DIR *dir = opendir("/proc");
	int n = 0;

	while ((d = readdir(dir))) {
		char path[300], line[300], *state;
		int fd;

		if (d->d_name[0] < '0' || d->d_name[0] > '9')
			continue;
		snprintf(path, sizeof(path), "/proc/%s/stat", d->d_name);
		fd = open(path, O_RDONLY);
		if (fd < 0)
			continue;
		memset(line, 0, sizeof(line));
		if (read(fd, line, sizeof(line) - 1) > 0) {
			state = strrchr(line, ')');
			if (state && state[2] == 'D') {
				n++;
				*which = atoi(d->d_name);
			}
		}
		close(fd);
	}
	closedir(dir);
	return n;
}

static int lender_step(int step, char *mem, char *file, int fd)
{
	pid_t pid;

	switch (step % 6) {
	case 0:
		return madvise(mem, N * PG, MADV_PAGEOUT);
	case 1:
		for (int i = 0; i < N; i++)
			mem[i * PG] = step;
		write_file("/proc/sys/vm/compact_memory", "1");
		return 0;
	case 2:
		return ftruncate(fd, N / 2 * PG) ?: ftruncate(fd, N * PG);
	case 3:
		pid = fork();
		if (!pid)
			_exit(0);
		waitpid(pid, NULL, 0);
		mem[0] = step;
		return 0;
	case 4:
		madvise(file, N * PG, MADV_PAGEOUT);
		return madvise(mem, N * PG, MADV_DONTNEED);
	case 5: {
		void *pages[N];
		int nodes[N], status[N];

		for (int i = 0; i < N; i++) {
			pages[i] = mem + i * PG;
			nodes[i] = 0;
		}
		syscall(SYS_move_pages, 0, N, pages, nodes, status, 2);
		return 0;
	}
	}
	return 0;
}

LMAP_TEST(deadlock, notifiers_against_mm_take_all_locks)
{
	int fd = memfd_create("lent", MFD_CLOEXEC), rounds = 150 / slow() + 50;
	int *stop = mmap(NULL, PG, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char *mem = memory(N), *file;
	int socks[2], window[2], which = 0;
	pid_t pid[2];

	if (!write_file(DELAY, "2000"))
		SKIP(return, "the module has no parameter delay_us");
	ASSERT_EQ(0, access("/dev/takelocks", R_OK));
	ASSERT_EQ(0, ftruncate(fd, N * PG));
	file = mmap(NULL, N * PG, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, socks));
	for (int i = 0; i < 2; i++) {
		pid[i] = fork();
		if (!pid[i])
			borrower(socks[1], mem, fd, stop);
		window[i] = recv_fd(socks[0]);
		ASSERT_GE(window[i], 0);
	}
	for (int step = 0; step < rounds; step++) {
		for (int i = 0; i < 2; i++) {
			EXPECT_EQ(0, map_range(self->space, mem, N * PG, RW,
					       window[i], 0, 0, NULL));
			EXPECT_EQ(0, map_range(self->space, file, N * PG, RW,
					       window[i], N * PG, 0, NULL));
		}
		lender_step(step, mem, file, fd);
		if (step % 5 == 0)
			EXPECT_EQ(0, space_sync(self->space));
		if (step % 7 == 0)
			EXPECT_EQ(0, unmap_fpage(self->space, LMAP_WHOLE, 0));
	}
	write_file(DELAY, "0");
	__atomic_store_n(stop, 1, __ATOMIC_RELEASE);
	/* Whoever was deadlocked stays in D for ever: this would time out. */
	for (int i = 0; i < 2; i++)
		waitpid(pid[i], NULL, 0);
	for (int i = 0; i < 1000 && tasks_in_D(&which); i++)
		usleep(10000);
	EXPECT_EQ(0, tasks_in_D(&which)) TH_LOG("task %d", which);
	for (int i = 0; i < 2; i++)
		close(window[i]);
	close(fd);
}

TEST_HARNESS_MAIN
