/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A small world of regions and windows on which operations are done twice: by
 * the mapping database and, page by page, by a deliberately naive model. The
 * model must never share an idea with the database: it knows no ranges.
 */
#ifndef WORLD_H
#define WORLD_H

#include "mdb.h"

#define REGIONS_MAX	2
#define WINDOWS_MAX	4
#define PAGES_MAX	16

/* A page of a window in the model. */
struct cell {
	bool used;
	int region;
	int rpage;
	unsigned int rights;
	int parent;		/* cell number, -1 = the region itself */
};

struct world {
	int regions, windows, pages;
	struct lmap_mdb mdb[REGIONS_MAX];
	struct lmap_index index[WINDOWS_MAX];
	struct cell cell[WINDOWS_MAX * PAGES_MAX];
	u64 last_id;
	int spare_limit;	/* -1: as many as needed */
	bool over;		/* more was revoked than asked, ever */
	unsigned long needed;	/* spares that the last revoke asked for */
};

extern long nodes_live;

void world_init(struct world *w, int regions, int windows, int pages);
void world_fini(struct world *w);

/* Operations. They return false if the kernel would refuse. */
bool world_map(struct world *w, int region, int rfirst, int window, int wfirst,
	       int pages, unsigned int rights);
bool world_map_on(struct world *w, int source, int sfirst, int window,
		  int wfirst, int pages, unsigned int rights);
void world_revoke_region(struct world *w, int region, int first, int last,
			 unsigned int take, int only);
void world_revoke_window(struct world *w, int window, int first, int last,
			 unsigned int take, bool self, int only);
bool world_extend(struct world *w, int window, int page, unsigned int rights);

/* Both worlds agree, and the database is sound; says what is wrong. */
const char *world_check(struct world *w);

#endif
