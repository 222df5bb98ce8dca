/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What clients do with their memory. Must always do the same for the same
 * seed, whatever the memory is: ordinary, or a pager's.
 */
#ifndef PAGER_WORK_H
#define PAGER_WORK_H

#include "trace.h"

/**
 * struct heap - memory to work in
 * @base: first byte; all zeroes
 * @pages: how many
 * @seed: of everything random, not 0
 * @input: a file of at least half as many pages, which "sort" sorts
 * @trace: where references are noted; NULL: nowhere
 */
struct heap {
	char *base;
	size_t pages;
	uint64_t seed;
	int input;
	struct trace *trace;
};

/**
 * struct work - something to do
 * @name: for the command line
 * @about: what it does
 * @run: does it. False: something was read that had not been written
 */
struct work {
	const char *name;
	const char *about;
	bool (*run)(struct heap *h);
};

/* All of them; the last has no name. */
extern const struct work works[];

/* NULL: there is none of that name. */
const struct work *work_find(const char *name);

/* The smallest number of pages that all of them work in. */
#define WORK_PAGES_MIN	16

#endif /* PAGER_WORK_H */
