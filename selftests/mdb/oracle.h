/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The naive model: what must be true after an operation, page by page. It must
 * never look at the database.
 */
#ifndef ORACLE_H
#define ORACLE_H

#include "world.h"

#define for_each_cell(w, i) \
	for ((i) = 0; (i) < (w)->windows * PAGES_MAX; (i)++) \
		if ((i) % PAGES_MAX < (w)->pages)

static inline int cell_nr(int window, int page)
{
	return window * PAGES_MAX + page;
}

/* Returns how many pages lost something. */
u64 oracle_revoke_region(struct world *w, int region, int first, int last,
			 unsigned int take, int only);
u64 oracle_revoke_window(struct world *w, int window, int first, int last,
			 unsigned int take, bool self, int only);

/* What was revoked last is at its end. */
void oracle_reaped(struct world *w);

/* Would the target's pages cut off the branch that they are to hang on? */
bool oracle_loop(struct world *w, int source, int sfirst, int window,
		 int wfirst, int pages);
/* Is there money for a mapping that derives from this cell? */
bool oracle_affords(struct world *w, int parent, u32 budget);
/* A new mapping; parents[i] is the cell that page i derives from, or -1. */
void oracle_map(struct world *w, u64 id, struct want want, int depth,
		int region, int rfirst, int window, int wfirst, int pages,
		const int *parents);
/* Returns how many pages below lost something. */
u64 oracle_move(struct world *w, int source, int sfirst, int window,
		int wfirst, int pages, unsigned int lost);

/* Reference bits. */
void oracle_access(struct world *w, int cell, u8 bits);
u8 oracle_must(const struct ask *ask);
u8 oracle_may_cell(struct world *w, int cell);
u8 oracle_may_region(struct world *w, int region, int page);
void oracle_track_region(struct world *w, int region);
/* Between these two somebody is asking, and is told told[page]. */
void oracle_asking_window(struct world *w, int window, int first, int last);
void oracle_asking_region(struct world *w, int region, int first, int last);
const char *oracle_told_window(struct world *w, int window, int first,
			       int last, const u8 *told);
const char *oracle_told_region(struct world *w, int region, int first,
			       int last, const u8 *told);

#endif
