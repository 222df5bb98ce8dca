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
	bool dying;		/* revoked, may not yet be at its end */
	bool reduced;		/* has lost a right, may not yet be zapped */
	u8 left;		/* bit n: by w->job[n], which was interrupted */
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
	u64 purse;	/* number of the mapping that pays, 0: none */
	u32 budget;
	bool tracked;
	bool table;	/* what was seen is known of each page */
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

/* A revocation, with what is needed to go on with it after a pause. */
struct job {
	bool waits;		/* interrupted */
	int window;		/* -1: of a region */
	int region;
	int first, last;
	unsigned int take;
	bool self;
	int only;
	u64 resume;		/* as struct revoke_job of the module */
	int stop;
};

#define JOBS_MAX	3

/* What others try while mdb->lock is free, but not the revoke lock. */
struct probe {
	enum { PROBE_NONE, PROBE_MAP, PROBE_MAP_ON, PROBE_EXTEND, PROBE_TOUCH } how;
	int skip;		/* so many breaks pass before */
	int from;		/* cell; with PROBE_MAP a region page */
	int to;			/* cell */
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
	struct job job[JOBS_MAX];
	bool adopted;		/* mappings have changed their tree, ever */
	struct probe probe;	/* for the next revocation */
	bool probed;		/* it changed something */
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
	bool hit[CELLS_MAX];	/* scope of the revocation that runs */
	/* for threads: accesses that the model does not know of */
	void (*zap)(int window, int page);
	const char *bad;	/* the first contradiction within an operation */
};

/* What map, map on and copy are asked for. */
struct want {
	unsigned int rights;
	u32 budget;
	bool tracked;
	int levels;		/* that may hang below, plus 1; 0: no limit */
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
/* Only some pages of a mapping: it is cut. */
bool world_extend_part(struct world *w, int window, int first, int pages,
		       unsigned int rights);
/*
 * What derives from these pages of a region shall derive from the mapping of
 * the same pages of another region, at a page of a window.
 */
bool world_adopt(struct world *w, int region, int first, int last, int window,
		 int page);

/*
 * The same as world_revoke_*(), by a job with all but waits, resume and stop
 * set: a turn ends after @calls calls of lmap_mdb_work(). 0: never.
 */
bool world_revoke(struct world *w, struct job job, int calls);
/* Goes on with what was interrupted. */
bool world_resume(struct world *w, int nr, int calls);

/* An access by the user, or a copy by the kernel (no page table entry). */
bool world_touch(struct world *w, int window, int page, bool write, bool copy);
bool world_reset_window(struct world *w, int window, int first, int last);
void world_reset_region(struct world *w, int region, int first, int last);

/* Both worlds agree, and the database is sound; says what is wrong. */
const char *world_check(struct world *w);

#endif
