/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A small world of regions and windows on which operations are done twice: by
 * the mapping database (world.c) and, page by page, by a deliberately naive
 * model (oracle.c); check.c compares. The model must never share an idea with
 * the database: it knows no ranges, no trees and no counters that are kept.
 */
#ifndef WORLD_H
#define WORLD_H

#include "mdb.h"

#define REGIONS_MAX	2
#define WINDOWS_MAX	4
#define PAGES_MAX	16
#define CELLS_MAX	(WINDOWS_MAX * PAGES_MAX)

/* Somebody who can ask for the reference bits of one page. */
struct ask {
	u8 must;	/* happened since he asked last */
	u8 over;	/* he may be told, through mappings without tracking */
	u8 late;	/* happened while he is asking */
	bool asking;
};

/* A page of a window in the model. */
struct cell {
	bool used;
	bool dying;		/* revoked, but not yet at its end */
	u8 rights;
	u8 depth;
	short region;
	short rpage;
	short parent;		/* cell number, -1 = the region itself */
	short acct;		/* the mapping that it is a page of */
	struct ask ask;
};

/* A mapping in the model, as far as it is more than its pages. */
struct acct {
	u64 id;
	u32 budget;
	bool tracked;
	bool cut;	/* perhaps more than one node; then bits may stay */
	u8 fresh;	/* not tracked: what may be told of each page ... */
	u8 seen;	/* ... and by the mapping itself */
};

struct rpages {
	bool tracked;
	u8 seen;
	struct ask ask[PAGES_MAX];
};

/* A page table entry: how = 0 none, LMAP_R, LMAP_R | LMAP_W. */
struct pte {
	u8 how;
	short region;
	short rpage;
};

struct world {
	int regions, windows, pages;
	unsigned long rbase;	/* number of the regions' first page */
	/* the database, and page tables for it */
	struct lmap_mdb mdb[REGIONS_MAX];
	struct lmap_index index[WINDOWS_MAX];
	struct pte pte[CELLS_MAX];
	u64 last_id;
	int spare_limit;	/* -1: as many as needed */
	bool over;		/* more was revoked than asked, ever */
	unsigned long needed;	/* spares that the last revoke asked for */
	/* the model */
	struct cell cell[CELLS_MAX];
	struct acct acct[CELLS_MAX + 1];
	struct rpages rpages[REGIONS_MAX];
	/* an access that comes while an operation zaps, -1: none */
	int hook_cell;
	bool hook_write;
	int late_cell;		/* ... and came while somebody asked */
	u8 late_bits;
	u8 told[PAGES_MAX];	/* what the last reset said */
	/* for threads: accesses that the model does not know of */
	void (*zap)(int window, int page);
	const char *bad;	/* the first contradiction within an operation */
};

/* What map, map on and copy are asked for. */
struct want {
	unsigned int rights;
	u32 budget;
	bool tracked;
};

extern long nodes_live;

void world_init(struct world *w, int regions, int windows, int pages);
void world_fini(struct world *w);

/*
 * Operations. They return false if the kernel would refuse, or has nothing to
 * do; then nothing has changed, which world_check() sees.
 */
bool world_map(struct world *w, int region, int rfirst, int window, int wfirst,
	       int pages, struct want want);
bool world_map_on(struct world *w, int source, int sfirst, int window,
		  int wfirst, int pages, struct want want);
bool world_copy(struct world *w, int source, int sfirst, int window,
		int wfirst, int pages, struct want want);
bool world_grant(struct world *w, int source, int sfirst, int window,
		 int wfirst, int pages, unsigned int rights, bool replace);
bool world_revoke_region(struct world *w, int region, int first, int last,
			 unsigned int take, int only);
bool world_revoke_window(struct world *w, int window, int first, int last,
			 unsigned int take, bool self, int only);
bool world_extend(struct world *w, int window, int page, unsigned int rights);

/* An access by the user, or a copy by the kernel (no page table entry). */
bool world_touch(struct world *w, int window, int page, bool write, bool copy);
bool world_reset_window(struct world *w, int window, int first, int last);
void world_reset_region(struct world *w, int region, int first, int last);

/* Both worlds agree, and the database is sound; says what is wrong. */
const char *world_check(struct world *w);

#endif
