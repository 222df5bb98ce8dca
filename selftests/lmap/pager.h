/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of pagers share: threads that touch paged memory and wait, and
 * the pager's side. A thread waits when its message can be read, so nothing
 * here depends on time.
 */
#ifndef LMAP_TEST_PAGER_H
#define LMAP_TEST_PAGER_H

#include "util.h"

#include <poll.h>
#include <pthread.h>

/* Pager descriptor or -errno. */
int pager_create(int space, int window, uint64_t timeout);
/* The same; one that was made but could not be told (EFAULT) is closed. */
int pager_create_told(int space, int window);
/* Messages or -errno. */
int pager_read(int pager, struct lmap_fault *faults, unsigned int max);
/* How many waited or -errno. */
int pager_refuse(int pager, uint64_t offset, uint64_t length);
/* Revents of poll() now. */
int pager_poll(int pager);
/* Number after @name in fdinfo. */
long fdinfo_number(int fd, const char *name);

/* A thread that touches one address and ends. */
struct toucher {
	pthread_t thread;
	char *addr;
	int poke;	/* value to write, -1: read, -2: add 1 to a word */
	pid_t tid;
	int result;
};

void touch_start(struct toucher *t, void *addr, int poke);
/* What peek() or poke() said. */
int touch_end(struct toucher *t);

/* A thread in whose read() of five bytes the kernel touches @to. */
struct reader {
	pthread_t thread;
	int fd;
	void *to;
	ssize_t result;		/* or -errno */
	bool done;
};

void *reader_run(void *arg);

/*
 * A process with a paged window of @pages, of which the test holds window and
 * pager, the only one. It runs @fn; what that returns is its exit status.
 */
struct client {
	pid_t pid;
	int window;
	int pager;
};

struct client client_start(size_t pages, uint64_t timeout,
			   int (*fn)(char *view));
/* Exit status, or minus the signal that ended it. */
int client_end(struct client *c);

#endif /* LMAP_TEST_PAGER_H */
