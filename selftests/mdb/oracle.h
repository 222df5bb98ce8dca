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

/* What pages first..last of the job are about: hit[cell], what is dying, too. */
void oracle_scope(struct world *w, const struct job *job, int first, int last,
		  bool *hit);
/* Returns how many pages lost something. */
u64 oracle_take(struct world *w, const bool *hit, unsigned int take);
/* Would a mapping in a window, below this cell or -1, be one of those? */
bool oracle_stops(struct world *w, const struct job *job, int first, int last,
		  int region, int rpage, int parent, int window);
/* In this scope nothing is left to zap or to unlink. */
void oracle_finished(struct world *w, const bool *hit);
/* The same for job @nr, which did not finish, and for what it left. */
void oracle_left(struct world *w, const bool *hit, int nr);
void oracle_returned(struct world *w, int nr);

/* Would the target's pages cut off the branch that they are to hang on? */
bool oracle_loop(struct world *w, int source, int sfirst, int window,
		 int wfirst, int pages);
/* Is there money for a mapping that derives from this cell? 0, 1, -1: perhaps. */
int oracle_affords(struct world *w, int parent, u32 budget);
/* A new mapping; parents[i] is the cell that page i derives from, or -1. */
void oracle_map(struct world *w, u64 id, struct want want, int depth,
		int region, int rfirst, int window, int wfirst, int pages,
		const int *parents);
/* Returns how many pages below lost something. */
u64 oracle_move(struct world *w, int source, int sfirst, int window,
		int wfirst, int pages, unsigned int lost);

/* These pages of a mapping are one of its parts now. */
void oracle_cut(struct world *w, int window, int first, int pages);
void oracle_adopt(struct world *w, int region, int first, int last, int window,
		  int delta, bool *hit);

/* Reference bits. */
void oracle_access(struct world *w, int cell, u8 bits);
u8 oracle_must(const struct ask *ask);
u8 oracle_may_cell(struct world *w, int cell);
u8 oracle_may_region(struct world *w, int region, int page);
void oracle_track_region(struct world *w, int region);
void oracle_track_above(struct world *w, int cell);
/* Between these two somebody is asking, and is told told[page]. */
void oracle_asking_window(struct world *w, int window, int first, int last);
void oracle_asking_region(struct world *w, int region, int first, int last);
const char *oracle_told_window(struct world *w, int window, int first,
			       int last, const u8 *told);
const char *oracle_told_region(struct world *w, int region, int first,
			       int last, const u8 *told);

#endif
