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

u64 oracle_take(struct world *w, const bool *hit, unsigned int take)
{
	u64 pages = 0;
	int i;

	mark_cut(w, hit);
	for_each_cell(w, i) {
		struct cell *c = &w->cell[i];

		if (!hit[i] || !c->used || !(c->rights & take))
			continue;
		pages++;
		c->rights &= ~take;
		c->reduced = true;
		if (take & LMAP_R) {
			c->used = false;
			c->dying = true;
			c->rights = 0;
		}
	}
	return pages;
}

static void end(struct cell *c)
{
	c->dying = false;
	c->reduced = false;
	c->left = 0;
}

void oracle_finished(struct world *w, const bool *hit)
{
	int i;

	for_each_cell(w, i)
		if (hit[i])
			end(&w->cell[i]);
}

void oracle_left(struct world *w, const bool *hit, int nr)
{
	int i;

	for_each_cell(w, i)
		if (hit[i] && w->cell[i].reduced)
			w->cell[i].left |= 1 << nr;
}

void oracle_returned(struct world *w, int nr)
{
	int i;

	for_each_cell(w, i)
		if (w->cell[i].left & 1 << nr)
			end(&w->cell[i]);
}

static void scope_region(struct world *w, const struct job *job, int first,
			 int last, bool *hit)
{
	int i;

	for_each_cell(w, i) {
		struct cell *c = &w->cell[i];

		hit[i] = (c->used || c->dying) && c->region == job->region &&
			 c->rpage >= first && c->rpage <= last &&
			 (job->only < 0 || cell_in(w, i, -1, job->only));
	}
}

static void hit_below(struct world *w, int root, bool self, int only,
		      bool *hit)
{
	bool root_in = self && (only < 0 || root / PAGES_MAX == only);
	int i;

	if (!w->cell[root].used && !w->cell[root].dying)
		return;
	if (root_in)
		hit[root] = true;
	for_each_cell(w, i)
		if ((w->cell[i].used || w->cell[i].dying) &&
		    cell_below(w, i, root) &&
		    (only < 0 || root_in || cell_in(w, i, root, only)))
			hit[i] = true;
}

void oracle_scope(struct world *w, const struct job *job, int first, int last,
		  bool *hit)
{
	memset(hit, 0, CELLS_MAX * sizeof(*hit));
	if (job->window < 0) {
		scope_region(w, job, first, last, hit);
		return;
	}
	for (int p = first; p <= last; p++)
		hit_below(w, cell_nr(job->window, p), job->self, job->only,
			  hit);
}

bool oracle_stops(struct world *w, const struct job *job, int first, int last,
		  int region, int rpage, int parent, int window)
{
	if (job->window < 0)
		return region == job->region && rpage >= first &&
		       rpage <= last &&
		       (job->only < 0 || window == job->only ||
			cell_in(w, parent, -1, job->only));
	for (int p = first; p <= last; p++) {
		int root = cell_nr(job->window, p);

		if (parent < 0 ||
		    (parent != root && !cell_below(w, parent, root)))
			continue;
		if (job->only < 0 || window == job->only ||
		    cell_in(w, parent, root, job->only) ||
		    (job->self && job->window == job->only))
			return true;
	}
	return false;
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

/*
 * What is dying is counted until it is at its end, which may have come already:
 * @dying says how it shall be seen.
 */
static u64 spent(struct world *w, int purse, bool dying)
{
	bool counted[CELLS_MAX + 1] = {};
	u64 sum = 1;
	int i;

	for_each_cell(w, i) {
		struct cell *c = &w->cell[i];
		struct acct *a = &w->acct[c->acct];

		if (!(c->used || (dying && c->dying)) || counted[c->acct] ||
		    a->purse != w->acct[purse].id)
			continue;
		counted[c->acct] = true;
		sum += a->budget ?: 1;
	}
	return sum;
}

static int acct_of(struct world *w, u64 id)
{
	for (int i = 0; i <= CELLS_MAX; i++)
		if (w->acct[i].id == id)
			return i;
	abort();
}

/* Who pays for what derives from this cell; once found out, it stays so. */
static u64 purse_of(struct world *w, int parent)
{
	struct acct *a;

	if (parent < 0)
		return 0;
	a = &w->acct[w->cell[parent].acct];
	return a->budget ? a->id : a->purse;
}

int oracle_affords(struct world *w, int parent, u32 budget)
{
	u64 purse = purse_of(w, parent), cost = budget ?: 1;
	int a;

	if (!purse)
		return 1;
	a = acct_of(w, purse);
	if (spent(w, a, true) + cost <= w->acct[a].budget)
		return 1;
	return spent(w, a, false) + cost <= w->acct[a].budget ? -1 : 0;
}

/* Mappings. */

static int acct_new(struct world *w, u64 id, u64 purse, struct want want)
{
	bool taken[CELLS_MAX + 1] = {};
	int i;

	for_each_cell(w, i)
		if (w->cell[i].used || w->cell[i].dying)
			taken[w->cell[i].acct] = true;
	/* There is one more than cells. */
	for (i = 0; taken[i]; i++)
		;
	w->acct[i] = (struct acct){ .id = id, .purse = purse,
				    .budget = want.budget,
				    .tracked = want.tracked };
	return i;
}

/* Something new comes to this place: what was here, and below, is gone. */
static void reuse(struct world *w, int cell)
{
	int i;

	for_each_cell(w, i)
		if (w->cell[i].dying && cell_below(w, i, cell))
			end(&w->cell[i]);
	end(&w->cell[cell]);
}

void oracle_map(struct world *w, u64 id, struct want want, int depth,
		int region, int rfirst, int window, int wfirst, int pages,
		const int *parents)
{
	u64 purse = purse_of(w, parents ? parents[0] : -1);
	int acct;

	for (int i = 0; i < pages; i++)
		reuse(w, cell_nr(window, wfirst + i));
	acct = acct_new(w, id, purse, want);
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
		reuse(w, to);
		w->cell[to] = w->cell[from];
		w->cell[from].used = false;
		w->cell[from].reduced = false;
		w->cell[to].rights &= ~lost;
		for_each_cell(w, k)
			if ((w->cell[k].used || w->cell[k].dying) &&
			    w->cell[k].parent == from)
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

void oracle_cut(struct world *w, int window, int first, int pages)
{
	bool hit[CELLS_MAX] = {};

	for (int p = first; p < first + pages; p++)
		hit_below(w, cell_nr(window, p), true, -1, hit);
	mark_cut(w, hit);
}

/* One mapping, after those above it: with no more rights and levels. */
static void adopt_cell(struct world *w, int cell, int heir, int to, bool *done)
{
	struct cell *c = &w->cell[cell], *p;

	if (done[cell])
		return;
	if (c->parent < 0)
		c->parent = heir;
	else
		adopt_cell(w, c->parent, heir, to, done);
	p = &w->cell[c->parent];
	c->region = to;
	c->rights &= p->depth ? p->rights : 0;
	if (c->depth >= p->depth)
		c->depth = p->depth ? p->depth - 1 : 0;
	done[cell] = true;
}

/* Who is above from now on may be told what happened before, or not. */
static void adopt_bits(struct world *w, int cell, int heir)
{
	struct cell *c = &w->cell[cell], *h = &w->cell[heir];
	struct acct *a = &w->acct[c->acct];
	u8 bits = a->fresh | c->ask.must | c->ask.over | c->ask.late;

	h->ask.over |= bits;
	w->acct[h->acct].seen |= bits;
	w->rpages[h->region].ask[h->rpage].over |= bits;
	w->rpages[h->region].seen |= bits;
}

void oracle_adopt(struct world *w, int region, int first, int last, int window,
		  int delta, bool *hit)
{
	const struct job all = { .window = -1, .region = region, .only = -1 };
	int to = w->cell[cell_nr(window, first + delta)].region, i;
	bool done[CELLS_MAX];

	oracle_scope(w, &all, first, last, hit);
	mark_cut(w, hit);
	for_each_cell(w, i)
		done[i] = !hit[i] || !w->cell[i].used;
	for_each_cell(w, i) {
		struct cell *c = &w->cell[i];
		int heir = cell_nr(window, c->rpage + delta);

		if (!hit[i] || !c->used)
			continue;
		adopt_bits(w, i, heir);
		adopt_cell(w, i, heir, to, done);
		if (c->rights)
			continue;
		c->used = false;
		c->dying = true;
	}
	/* Nobody can access these pages of the old region any more. */
	for (int p = first; p <= last; p++) {
		struct ask *ask = &w->rpages[region].ask[p];

		ask->over |= ask->must;
		ask->must = 0;
	}
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
	       (a->tracked || a->table ? 0 : a->seen);
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

/* Those who are above, this cell included, know each page from now on. */
void oracle_track_above(struct world *w, int cell)
{
	int i;

	for (; cell >= 0; cell = w->cell[cell].parent) {
		struct acct *a = &w->acct[w->cell[cell].acct];

		if (a->tracked || a->table)
			continue;
		for_each_cell(w, i)
			if (w->cell[i].used && &w->acct[w->cell[i].acct] == a)
				w->cell[i].ask.over |= a->seen;
		a->table = true;
	}
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
