/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What each way to keep mappings must be able to do, so that all are driven by
 * the same workloads. The driver knows no more of any of them than this, and
 * none of them may know the others or the workload.
 *
 * Frames are the pages that are lent, numbered through all regions. Who lends
 * is the window LENDER; its page is a frame.
 */
#ifndef CONTENDER_H
#define CONTENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define LENDER	(-1)

struct place {
	int32_t window;
	uint32_t page;
};

/**
 * struct shape - how large a world is
 * @regions: trees
 * @region_pages: frames of each
 * @windows: how many
 * @window_pages: size of each
 */
struct shape {
	unsigned int regions;
	uint32_t region_pages;
	unsigned int windows;
	uint32_t window_pages;
};

struct found {
	uint32_t frame;
	uint8_t rights;
};

/**
 * struct contender - one way to keep mappings
 * @name: in tables
 * @what: in one line
 * @create: an empty world. Nothing is freed but by @destroy, so that a failed
 *	    allocation ends the program
 * @destroy: all that was allocated is given back
 * @map: pages from...+n-1 also appear at to...+n-1, with no more rights than
 *	 there are at @from. All are mapped, and nothing is at @to: else false,
 *	 and the world is of no use any more
 * @unmap: take rights (LMAP_R: the mapping) from what derives from at...+n-1,
 *	   and from these pages themselves if @self; returns how many pages lost
 *	   something. What is not mapped is left out
 * @lookup: what is at a page? As a fault asks
 * @parent: which page does this one derive from? False if nothing is there
 */
struct contender {
	const char *name;
	const char *what;
	void *(*create)(const struct shape *shape);
	void (*destroy)(void *db);
	bool (*map)(void *db, struct place from, struct place to, uint32_t n,
		    uint8_t rights);
	uint64_t (*unmap)(void *db, struct place at, uint32_t n, uint8_t take,
			  bool self);
	bool (*lookup)(void *db, struct place at, struct found *found);
	bool (*parent)(void *db, struct place at, struct place *parent);
};

extern const struct contender by_ours, by_ranges, by_slots, by_array, by_tree,
	by_table;

extern const struct contender *const contenders[];
extern const size_t nr_contenders;

#endif
