// SPDX-License-Identifier: GPL-2.0
/*
 * The naive model of the mapping database. Every page of every window is a
 * cell that knows the cell it derives from; whatever is asked is found out by
 * looking at all of them. See oracle.h.
 */
#include <stdlib.h>
#include <string.h>

#include "oracle.h"

static bool cell_below(struct world *w, int cell, int root)
{
	for (cell = w->cell[cell].parent; cell >= 0;
	     cell = w->cell[cell].parent)
		if (cell == root)
			return true;
	return false;
}

/* Is the cell, or an ancestor of it below @stop, in window @only? */
static bool cell_in(struct world *w, int cell, int stop, int only)
{
	for (; cell >= 0 && cell != stop; cell = w->cell[cell].parent)
		if (cell / PAGES_MAX == only)
			return true;
	return false;
}

/* A mapping of which a part was hit and a part not may be in pieces now. */
static void mark_cut(struct world *w, const bool *hit)
{
	int i, k;

	for_each_cell(w, i) {
		if (!hit[i])
			continue;
		for_each_cell(w, k)
			if (w->cell[k].used && !hit[k] &&
			    w->cell[k].acct == w->cell[i].acct)
				w->acct[w->cell[i].acct].cut = true;
	}
}

static u64 take_from(struct world *w, const bool *hit, unsigned int take)
{
	u64 pages = 0;
	int i;

	mark_cut(w, hit);
	for_each_cell(w, i) {
		struct cell *c = &w->cell[i];

		if (!hit[i] || !(c->rights & take))
			continue;
		pages++;
		c->rights &= ~take;
		if (take & LMAP_R) {
			c->used = false;
			c->dying = true;
		}
	}
	return pages;
}

void oracle_reaped(struct world *w)
{
	int i;

	for_each_cell(w, i)
		w->cell[i].dying = false;
}

u64 oracle_revoke_region(struct world *w, int region, int first, int last,
			 unsigned int take, int only)
{
	bool hit[CELLS_MAX] = {};
	int i;

	for_each_cell(w, i) {
		struct cell *c = &w->cell[i];

		hit[i] = c->used && c->region == region && c->rpage >= first &&
			 c->rpage <= last &&
			 (only < 0 || cell_in(w, i, -1, only));
	}
	return take_from(w, hit, take);
}

static void hit_below(struct world *w, int root, bool self, int only,
		      bool *hit)
{
	bool root_in = self && (only < 0 || root / PAGES_MAX == only);
	int i;

	if (!w->cell[root].used)
		return;
	if (root_in)
		hit[root] = true;
	for_each_cell(w, i)
		if (w->cell[i].used && cell_below(w, i, root) &&
		    (only < 0 || root_in || cell_in(w, i, root, only)))
			hit[i] = true;
}

u64 oracle_revoke_window(struct world *w, int window, int first, int last,
			 unsigned int take, bool self, int only)
{
	bool hit[CELLS_MAX] = {};

	for (int p = first; p <= last; p++)
		hit_below(w, cell_nr(window, p), self, only, hit);
	return take_from(w, hit, take);
}

bool oracle_loop(struct world *w, int source, int sfirst, int window,
		 int wfirst, int pages)
{
	for (int i = 0; i < pages; i++)
		for (int c = cell_nr(source, sfirst + i); c >= 0;
		     c = w->cell[c].parent)
			if (c / PAGES_MAX == window &&
			    c % PAGES_MAX >= wfirst &&
			    c % PAGES_MAX < wfirst + pages)
				return true;
	return false;
}

/* Budgets. */

/* The nearest mapping with a budget, from this cell upwards; -1: none. */
static int purse_from(struct world *w, int cell)
{
	for (; cell >= 0; cell = w->cell[cell].parent)
		if (w->acct[w->cell[cell].acct].budget)
			return w->cell[cell].acct;
	return -1;
}

static u64 spent(struct world *w, int purse)
{
	bool counted[CELLS_MAX + 1] = {};
	u64 sum = 1;
	int i;

	for_each_cell(w, i) {
		int a = w->cell[i].acct;

		if (!w->cell[i].used || counted[a] ||
		    purse_from(w, w->cell[i].parent) != purse)
			continue;
		counted[a] = true;
		sum += w->acct[a].budget ?: 1;
	}
	return sum;
}

bool oracle_affords(struct world *w, int parent, u32 budget)
{
	int purse = purse_from(w, parent);

	return purse < 0 ||
	       spent(w, purse) + (budget ?: 1) <= w->acct[purse].budget;
}

/* Mappings. */

static int acct_new(struct world *w, u64 id, struct want want)
{
	bool taken[CELLS_MAX + 1] = {};
	int i;

	for_each_cell(w, i)
		if (w->cell[i].used)
			taken[w->cell[i].acct] = true;
	/* There is one more than cells. */
	for (i = 0; taken[i]; i++)
		;
	w->acct[i] = (struct acct){ .id = id, .budget = want.budget,
				    .tracked = want.tracked };
	return i;
}

void oracle_map(struct world *w, u64 id, struct want want, int depth,
		int region, int rfirst, int window, int wfirst, int pages,
		const int *parents)
{
	int acct = acct_new(w, id, want);

	for (int i = 0; i < pages; i++) {
		struct cell *c = &w->cell[cell_nr(window, wfirst + i)];

		if (c->used)
			abort();
		*c = (struct cell){ .used = true, .rights = want.rights,
				    .depth = depth, .region = region,
				    .rpage = rfirst + i, .acct = acct,
				    .parent = parents ? parents[i] : -1 };
	}
}

u64 oracle_move(struct world *w, int source, int sfirst, int window,
		int wfirst, int pages, unsigned int lost)
{
	bool hit[CELLS_MAX] = {};
	u64 below = 0;
	int k;

	for (int i = 0; i < pages; i++)
		hit_below(w, cell_nr(source, sfirst + i), true, -1, hit);
	mark_cut(w, hit);
	for (int i = 0; i < pages; i++) {
		int from = cell_nr(source, sfirst + i);
		int to = cell_nr(window, wfirst + i);

		if (w->cell[to].used)
			abort();
		w->cell[to] = w->cell[from];
		w->cell[from].used = false;
		w->cell[to].rights &= ~lost;
		for_each_cell(w, k)
			if (w->cell[k].used && w->cell[k].parent == from)
				w->cell[k].parent = to;
		for_each_cell(w, k) {
			if (!w->cell[k].used || !cell_below(w, k, to))
				continue;
			below += !!(w->cell[k].rights & lost);
			w->cell[k].rights &= ~lost;
		}
	}
	return below;
}

/*
 * Reference bits. What happened must be told to each who can ask, once. What
 * may be told beyond that: through a mapping without tracking, each of its
 * pages, and again and again while it can't be cleared as a whole.
 */

static void ask_add(struct ask *ask, u8 bits)
{
	if (ask->asking)
		ask->late |= bits;
	else
		ask->must |= bits;
}

static struct ask *region_ask(struct world *w, int cell)
{
	return &w->rpages[w->cell[cell].region].ask[w->cell[cell].rpage];
}

/*
 * Each page of what is not tracked may be told to everybody above, also that
 * of a part which ends just now.
 */
static void spread(struct world *w)
{
	int i;

	for_each_cell(w, i) {
		struct acct *a = &w->acct[w->cell[i].acct];

		if (!(w->cell[i].used || w->cell[i].dying) || a->tracked ||
		    !a->fresh)
			continue;
		region_ask(w, i)->over |= a->fresh;
		w->rpages[w->cell[i].region].seen |= a->fresh;
		for (int c = i; c >= 0; c = w->cell[c].parent) {
			w->cell[c].ask.over |= a->fresh;
			w->acct[w->cell[c].acct].seen |= a->fresh;
		}
	}
}

/* What may be told because of an access. */
static void access_may(struct world *w, int cell, u8 bits)
{
	w->acct[w->cell[cell].acct].fresh |= bits;
	w->rpages[w->cell[cell].region].seen |= bits;
	for (int c = cell; c >= 0; c = w->cell[c].parent)
		w->acct[w->cell[c].acct].seen |= bits;
	spread(w);
}

void oracle_access(struct world *w, int cell, u8 bits)
{
	access_may(w, cell, bits);
	ask_add(region_ask(w, cell), bits);
	if (region_ask(w, cell)->asking) {
		w->late_cell = cell;
		w->late_bits = bits;
	}
	for (int c = cell; c >= 0; c = w->cell[c].parent) {
		ask_add(&w->cell[c].ask, bits);
		if (w->cell[c].ask.asking) {
			w->late_cell = cell;
			w->late_bits = bits;
		}
	}
}

u8 oracle_must(const struct ask *ask)
{
	return ask->must;
}

u8 oracle_may_cell(struct world *w, int cell)
{
	struct cell *c = &w->cell[cell];
	struct acct *a = &w->acct[c->acct];

	return c->ask.must | c->ask.over | c->ask.late |
	       (a->tracked ? 0 : a->seen);
}

u8 oracle_may_region(struct world *w, int region, int page)
{
	struct rpages *r = &w->rpages[region];

	return r->ask[page].must | r->ask[page].over | r->ask[page].late |
	       (r->tracked ? 0 : r->seen);
}

void oracle_track_region(struct world *w, int region)
{
	struct rpages *r = &w->rpages[region];

	if (r->tracked)
		return;
	/* What was known of the region as a whole is known of each page. */
	for (int p = 0; p < w->pages; p++)
		r->ask[p].over |= r->seen;
	r->tracked = true;
}

static void asking(struct ask *ask)
{
	ask->asking = true;
	ask->late = 0;
}

void oracle_asking_window(struct world *w, int window, int first, int last)
{
	w->late_cell = -1;
	for (int p = first; p <= last; p++)
		if (w->cell[cell_nr(window, p)].used)
			asking(&w->cell[cell_nr(window, p)].ask);
}

void oracle_asking_region(struct world *w, int region, int first, int last)
{
	w->late_cell = -1;
	for (int p = first; p <= last; p++)
		asking(&w->rpages[region].ask[p]);
}

/* Has this mapping (-1: the region) asked about this cell? */
static bool asked_by(struct world *w, int cell, int acct)
{
	if (acct < 0)
		return region_ask(w, cell)->asking;
	for (; cell >= 0; cell = w->cell[cell].parent)
		if (w->cell[cell].acct == acct && w->cell[cell].ask.asking)
			return true;
	return false;
}

static bool asked_whole(struct world *w, int acct, int by)
{
	int i;

	for_each_cell(w, i)
		if (w->cell[i].used && w->cell[i].acct == acct &&
		    !asked_by(w, i, by))
			return false;
	return true;
}

/* Mappings in one piece that were asked about as a whole begin anew. */
static void begin_anew(struct world *w)
{
	bool fresh[CELLS_MAX + 1] = {}, seen[CELLS_MAX + 1] = {};
	int i;

	for_each_cell(w, i) {
		int a = w->cell[i].acct;

		if (!w->cell[i].used || w->acct[a].tracked || w->acct[a].cut)
			continue;
		seen[a] = asked_whole(w, a, a);
		fresh[a] |= asked_whole(w, a, -1);
		for (int c = i; c >= 0; c = w->cell[c].parent)
			fresh[a] |= asked_whole(w, a, w->cell[c].acct);
	}
	for (i = 0; i <= CELLS_MAX; i++) {
		if (fresh[i])
			w->acct[i].fresh = 0;
		if (seen[i])
			w->acct[i].seen = 0;
	}
}

static void told(struct ask *ask, u8 bits)
{
	ask->asking = false;
	/* What came while he was asking: he is told now, later or twice. */
	ask->must = ask->late & ~bits;
	ask->over = 0;
	ask->late = 0;
}

static void told_all(struct world *w)
{
	if (w->late_cell >= 0) {
		access_may(w, w->late_cell, w->late_bits);
		region_ask(w, w->late_cell)->over |= w->late_bits;
		for (int c = w->late_cell; c >= 0; c = w->cell[c].parent)
			w->cell[c].ask.over |= w->late_bits;
	}
	w->late_cell = -1;
	spread(w);
}

const char *oracle_told_window(struct world *w, int window, int first,
			       int last, const u8 *bits)
{
	const char *bad = NULL;
	int p;

	for (p = first; p <= last; p++) {
		int i = cell_nr(window, p);

		if (!w->cell[i].ask.asking)
			continue;
		if (w->cell[i].ask.must & ~bits[p])
			bad = "a mapping was not told of an access";
		if (bits[p] & ~oracle_may_cell(w, i))
			bad = "a mapping was told what did not happen";
	}
	begin_anew(w);
	for (p = first; p <= last; p++)
		if (w->cell[cell_nr(window, p)].ask.asking)
			told(&w->cell[cell_nr(window, p)].ask, bits[p]);
	told_all(w);
	return bad;
}

const char *oracle_told_region(struct world *w, int region, int first,
			       int last, const u8 *bits)
{
	const char *bad = NULL;
	int p;

	for (p = first; p <= last; p++) {
		if (w->rpages[region].ask[p].must & ~bits[p])
			bad = "the region was not told of an access";
		if (bits[p] & ~oracle_may_region(w, region, p))
			bad = "the region was told what did not happen";
	}
	begin_anew(w);
	for (p = first; p <= last; p++)
		told(&w->rpages[region].ask[p], bits[p]);
	told_all(w);
	return bad;
}
