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

/* Memory, of which page i holds i + 1, and a paged window as large. */
#define FIXTURE_PAGED(name, pages) \
	FIXTURE(name) { \
		int space; \
		int window; \
		int pager; \
		char *mem; \
		char *view; \
	}; \
	FIXTURE_SETUP(name) \
	{ \
		catch_faults(); \
		self->space = space_open(); \
		ASSERT_GE(self->space, 0); \
		self->mem = memory(pages); \
		self->window = window_create(self->space, (pages) * PG, ALL); \
		ASSERT_GE(self->window, 0); \
		self->view = window_mmap(self->window, (pages) * PG, \
					 PROT_READ | PROT_WRITE); \
		ASSERT_NE(MAP_FAILED, self->view); \
		self->pager = pager_create(self->space, self->window, 0); \
		ASSERT_GE(self->pager, 0); \
	} \
	FIXTURE_TEARDOWN(name) \
	{ \
		close(self->pager); \
		close(self->window); \
		close(self->space); \
	}

/* The one message there is; a page of the memory to its place in the window. */
#define READ_ONE(fault) ASSERT_EQ(1, pager_read(self->pager, fault, 1))
#define MAP_PAGE(page, rights) \
	map_range(self->space, self->mem + (page) * PG, PG, rights, \
		  self->window, (page) * PG, 0, NULL)

#endif /* LMAP_TEST_PAGER_H */
