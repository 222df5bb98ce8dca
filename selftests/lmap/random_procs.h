/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The processes of random.c: each has NPAGES pages of ordinary memory at BASE
 * and right after them a view of its window, and does as it is told through a
 * page of shared memory. Nobody here knows what is right.
 */
#ifndef LMAP_TEST_RANDOM_PROCS_H
#define LMAP_TEST_RANDOM_PROCS_H

#include "random_model.h"

#define BASE		0x100000000000UL
#define ADDRESS(page)	(BASE + (page) * PG)
/* The window of process p, in every process. */
#define WINDOW_FD(p)	(100 + (int)(p))

enum verb {
	DO_MAP, DO_UNMAP, DO_MUNMAP, DO_MMAP, DO_MPROTECT, DO_DISCARD, DO_FORK,
	DO_REAP, DO_PROBE, DO_TAKE_FD, DO_COUNT, DO_EXIT
};

/**
 * struct probe - try a page
 * @page: which
 * @on: map it on as well
 * @written: value to be written
 * @read: result: 0 or how it failed
 * @value: result: what was read
 * @write: result: 0 or how it failed
 * @on_ret: result of mapping it on with all rights
 * @on_rights: the rights of that
 */
struct probe {
	unsigned int page;
	bool on;
	uint64_t written;
	int read;
	uint64_t value;
	int write;
	int on_ret;
	unsigned int on_rights;
};

/**
 * struct order_page - an order to a process, and its answer
 * @turn: 1 = there is an order, 0 = there is an answer; a futex
 * @verb: what to do
 * @ret: answer
 * @request: ioctl
 * @map: of it
 * @unmap: of it
 * @page: first page, or number of a window
 * @n: pages
 * @prot: of each page, -1: leave it alone
 * @mappings: answer to DO_COUNT: out_mappings
 * @probes: @n of them
 */
struct order_page {
	int turn;
	enum verb verb;
	int ret;
	unsigned long request;
	struct lmap_map map;
	struct lmap_unmap unmap;
	unsigned int page, n;
	int prot[PAGES];
	uint64_t mappings;
	struct probe probes[PAGES];
};

extern struct order_page *orders;	/* [PROCS] */

void procs_init(void);
/* 0, or -errno. */
int proc_start(unsigned int p);
/* The answer; -EPIPE: it has died, -ETIME: it doesn't answer. */
int proc_do(unsigned int p, enum verb verb);
/* By a signal, or by its own will. */
int proc_exit(unsigned int p, bool kill_it);
void procs_stop(void);

#endif /* LMAP_TEST_RANDOM_PROCS_H */
