// SPDX-License-Identifier: GPL-2.0
/*
 * The small world: operations as the kernel does them (revoke.c, place.c and
 * status.c of the module), with page tables that are an array. Each operation
 * is also told to the naive model. See world.h.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* So that what is static in them is built with our warnings, too. */
#include "index.c"
#include "mdb.c"
#include "refs.c"
#include "inside.h"

/* Readers come without end: whoever waits for them must get his turn. */
pthread_rwlock_t shim_rcu =
	PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;
long nodes_live;

/* Nodes. */

static void count(long n)
{
	__atomic_fetch_add(&nodes_live, n, __ATOMIC_RELAXED);
}

static struct lmap_node *node_alloc(void)
{
	struct lmap_node *node = malloc(sizeof(*node));

	if (!node)
		abort();
	memset(node, 0xa5, sizeof(*node));
	node->flags = 0;
	count(1);
	return node;
}

static struct lmap_refs_table *table_alloc(unsigned long first,
					   unsigned long last)
{
	struct lmap_refs_table *table;

	table = calloc(1, lmap_refs_table_size(first, last));
	if (!table)
		abort();
	lmap_refs_table_init(table, first, last);
	count(1);
	return table;
}

static void table_free(struct lmap_refs_table *table)
{
	if (table)
		count(-1);
	free(table);
}

static void origin_free(struct lmap_origin *origin)
{
	table_free(origin->refs.table);
	free(origin);
	count(-1);
}

/* Only nodes that were linked can be the last of their origin. */
static void node_free(struct lmap_node *node)
{
	if (node->flags & LMAP_NODE_LAST)
		origin_free(node->origin);
	count(-1);
	free(node);
}

void world_free_list(struct list_head *list)
{
	while (!list_empty(list)) {
		struct lmap_node *node = list_first_entry(list,
							  struct lmap_node,
							  order);

		list_del(&node->order);
		node_free(node);
	}
}

static struct lmap_node *mapping_alloc(struct world *w, int wfirst,
				       unsigned long rfirst, int pages,
				       struct want want)
{
	struct lmap_node *node = node_alloc();
	struct lmap_origin *origin = calloc(1, sizeof(*origin));

	if (!origin)
		abort();
	count(1);
	origin->id = ++w->last_id;
	origin->budget = want.budget;
	origin->refs.tracked = want.tracked;
	if (want.tracked)
		origin->refs.table = table_alloc(rfirst, rfirst + pages - 1);
	node->origin = origin;
	node->wfirst = wfirst;
	node->rfirst = rfirst;
	node->npages = pages;
	node->rights = want.rights;
	return node;
}

static void mapping_free(struct lmap_node *node)
{
	origin_free(node->origin);
	node->flags = 0;
	node_free(node);
}

void world_init(struct world *w, int regions, int windows, int pages)
{
	memset(w, 0, sizeof(*w));
	w->regions = regions;
	w->windows = windows;
	w->pages = pages;
	/* A border between words of bits lies inside. */
	w->rbase = LMAP_REFS_WORD - (pages + 1) / 2;
	w->spare_limit = -1;
	w->hook_cell = -1;
	w->late_cell = -1;
	for (int i = 0; i < regions; i++)
		lmap_mdb_init(&w->mdb[i]);
	for (int i = 0; i < windows; i++)
		lmap_index_init(&w->index[i]);
}

void world_contradiction(struct world *w, const char *what)
{
	if (what && !w->bad)
		w->bad = what;
}

/* Threads do what the model does not know of. */
static void compare_told(struct world *w, const char *bad, const u8 *told)
{
	memcpy(w->told, told, sizeof(w->told));
	if (!w->zap)
		world_contradiction(w, bad);
}

/* Accesses and page tables. */

static u8 access_bits(bool write)
{
	return write ? LMAP_ACCESSED | LMAP_MODIFIED : LMAP_ACCESSED;
}

bool world_touch(struct world *w, int window, int page, bool write, bool copy)
{
	unsigned int need = write ? LMAP_R | LMAP_W : LMAP_R;
	int i = cell_nr(window, page);
	struct cell *c = &w->cell[i];
	struct pte *pte = &w->pte[i];
	struct lmap_hit hit;
	bool ok, allowed = c->used && !(need & ~c->rights);

	rcu_read_lock();
	ok = lmap_index_lookup(&w->index[window], page, &hit) &&
	     !(need & ~hit.rights);
	if (ok ? !allowed : allowed && !w->over)
		world_contradiction(w, "an access is allowed to the wrong ones");
	/* The processor asks nobody if the entry is there. */
	if (ok && (copy || need & ~pte->how)) {
		unsigned long rpage = hit.rfirst + (page - hit.wfirst);

		lmap_refs_touch(&hit.origin->refs, rpage, write);
		if (!copy)
			*pte = (struct pte){ need, hit.mdb - w->mdb,
					     rpage - w->rbase };
	}
	rcu_read_unlock();
	if (ok)
		oracle_access(w, i, access_bits(write));
	return ok;
}

void world_zap(struct world *w, struct lmap_index *index, unsigned long first,
	       unsigned long last)
{
	int hook = w->hook_cell;

	w->hook_cell = -1;
	if (hook >= 0)
		world_touch(w, hook / PAGES_MAX, hook % PAGES_MAX,
			    w->hook_write, false);
	for (; first <= last; first++) {
		w->pte[cell_nr(index - w->index, first)].how = 0;
		if (w->zap)
			w->zap(index - w->index, first);
	}
}

/* For revoking, see turns.c. */

void world_spares(struct world *w, struct lmap_revoke *rv, unsigned long need)
{
	w->needed = need;
	if (w->spare_limit >= 0 && need > (unsigned long)w->spare_limit)
		need = w->spare_limit;
	INIT_LIST_HEAD(&rv->spares);
	while (need--)
		list_add(&node_alloc()->order, &rv->spares);
}

struct lmap_node *world_node(struct world *w, int window, int first, int last)
{
	struct lmap_index *index = &w->index[window];
	struct lmap_node *node;

	spin_lock(&index->lock);
	node = lmap_index_first(index, first, last);
	spin_unlock(&index->lock);
	return node;
}

/* The part of pages *first..last that is in the node, as region pages. */
static void cut_out(struct lmap_node *node, int *first, int last,
		    unsigned long *rfirst, unsigned long *rlast)
{
	unsigned long from = *first, to = last;

	from = max(node->wfirst, from);
	to = min(lmap_node_wlast(node), to);
	*rfirst = node->rfirst + (from - node->wfirst);
	*rlast = node->rfirst + (to - node->wfirst);
	*first = to + 1;
}

/* Whatever is being revoked or was left behind there goes, too. */
static void clear_target(struct world *w, int window, int first, int pages)
{
	world_revoke_window(w, window, first, first + pages - 1,
			    LMAP_RIGHTS_ALL, true, -1);
}

/* Mapping, as place.c does it. */

static bool track_region(struct world *w, int region)
{
	struct lmap_mdb *mdb = &w->mdb[region];

	oracle_track_region(w, region);
	if (mdb->refs.table)
		return false;
	mutex_lock(&mdb->lock);
	lmap_refs_table_publish(&mdb->refs,
				table_alloc(w->rbase, w->rbase + w->pages - 1));
	mutex_unlock(&mdb->lock);
	return true;
}

/* As track_above() of the module: who is above can ask, too. */
static bool track_above(struct world *w, struct lmap_node *node)
{
	struct lmap_mdb *mdb = node->mdb;
	bool changed = false;

	mutex_lock(&mdb->lock);
	for (; node; node = node->parent) {
		struct lmap_origin *o = node->origin;

		if (READ_ONCE(o->refs.table))
			continue;
		lmap_refs_table_publish(&o->refs,
					table_alloc(o->rfirst, o->rlast));
		changed = true;
	}
	mutex_unlock(&mdb->lock);
	return changed;
}

static int insert(struct world *w, struct lmap_mdb *mdb,
		  struct lmap_node *parent, int window, struct lmap_node *node)
{
	struct lmap_index *index = &w->index[window];
	int ret;

	mutex_lock(&mdb->lock);
	ret = lmap_mdb_insert(mdb, parent, index, node);
	mutex_unlock(&mdb->lock);
	for (unsigned long p = node->wfirst;
	     !ret && p <= lmap_node_wlast(node); p++)
		if (w->pte[cell_nr(window, p)].how)
			world_contradiction(w, "mapped over page table entries");
	return ret;
}

static int levels(int most, struct want want)
{
	return want.levels && want.levels <= most ? want.levels - 1 : most;
}

bool world_map(struct world *w, int region, int rfirst, int window, int wfirst,
	       int pages, struct want want)
{
	struct lmap_node *node;
	int ret;

	if (want.tracked)
		track_region(w, region);
	node = mapping_alloc(w, wfirst, w->rbase + rfirst, pages, want);
	node->depth = levels(LMAP_DEPTH_MAX - 1, want);
	ret = insert(w, &w->mdb[region], NULL, window, node);
	if (ret == -EBUSY) {
		clear_target(w, window, wfirst, pages);
		ret = insert(w, &w->mdb[region], NULL, window, node);
	}
	if (ret)
		world_contradiction(w, "a mapping of the region was refused");
	oracle_map(w, node->origin->id, want, node->depth, region, rfirst,
		   window, wfirst, pages, NULL);
	return true;
}

int world_try(struct world *w, int region, int rpage, int parent, int window,
	      int page, unsigned int rights)
{
	struct lmap_node *from = NULL, *node;
	struct want want = { .rights = rights };
	int ret;

	if (parent >= 0) {
		from = world_node(w, parent / PAGES_MAX, parent % PAGES_MAX,
				  parent % PAGES_MAX);
		want.rights &= from->rights;
	}
	node = mapping_alloc(w, page, w->rbase + rpage, 1, want);
	node->depth = from ? from->depth - 1 : LMAP_DEPTH_MAX - 1;
	ret = insert(w, &w->mdb[region], from, window, node);
	if (ret)
		mapping_free(node);
	else
		oracle_map(w, node->origin->id, want, node->depth, region,
			   rpage, window, page, 1, from ? &parent : NULL);
	return ret;
}

/* The one mapping that holds all pages of a source and may be passed on. */
static struct lmap_node *passable(struct world *w, int source, int first,
				  int pages)
{
	struct lmap_node *node = world_node(w, source, first, first);

	if (!node || lmap_node_wlast(node) < (unsigned long)first + pages - 1)
		return NULL;
	return node->rights & LMAP_M && node->depth ? node : NULL;
}

/* Map on and copy differ in what the new mapping derives from. */
static bool derive(struct world *w, int source, int sfirst, int window,
		   int wfirst, int pages, struct want want, bool copy)
{
	struct lmap_node *from = passable(w, source, sfirst, pages), *node;
	struct cell *c = &w->cell[cell_nr(source, sfirst)];
	int parents[PAGES_MAX], ret, affords;
	bool changed = false;

	if (!from || oracle_loop(w, source, sfirst, window, wfirst, pages))
		return false;
	want.rights &= c->rights;
	for (int i = 0; i < pages; i++)
		parents[i] = copy ? c[i].parent : cell_nr(source, sfirst + i);
	if (want.tracked) {
		changed = track_region(w, c->region);
		changed |= track_above(w, from);
		oracle_track_above(w, cell_nr(source, sfirst));
	}
	affords = oracle_affords(w, parents[0], want.budget);
	node = mapping_alloc(w, wfirst, w->rbase + c->rpage, pages, want);
	node->depth = levels(copy ? from->depth : from->depth - 1, want);
	ret = insert(w, from->mdb, copy ? from->parent : from, window, node);
	if (ret == -EBUSY) {
		clear_target(w, window, wfirst, pages);
		from = passable(w, source, sfirst, pages);
		ret = insert(w, from->mdb, copy ? from->parent : from, window,
			     node);
	}
	/* Nobody knows if what is dying still counts. */
	if (affords < 0)
		affords = !ret;
	if (ret != (affords ? 0 : -EDQUOT))
		world_contradiction(w, "a budget is not what the model says");
	if (ret) {
		mapping_free(node);
		return changed;
	}
	oracle_map(w, node->origin->id, want, node->depth, c->region, c->rpage,
		   window, wfirst, pages, parents);
	return true;
}

bool world_map_on(struct world *w, int source, int sfirst, int window,
		  int wfirst, int pages, struct want want)
{
	return derive(w, source, sfirst, window, wfirst, pages, want, false);
}

bool world_copy(struct world *w, int source, int sfirst, int window,
		int wfirst, int pages, struct want want)
{
	return derive(w, source, sfirst, window, wfirst, pages, want, true);
}

/* One try. Its own pages are lost at the old place, and those below lose. */
static int move(struct world *w, int source, int sfirst, int window,
		struct lmap_node *node, int pages, unsigned int rights)
{
	struct lmap_node *from = passable(w, source, sfirst, pages);
	struct lmap_revoke rv = { .mdb = from->mdb, .scope.root = from };
	unsigned int lost = LMAP_RIGHTS_ALL & ~(rights & from->rights);
	const struct job below = { .window = window, .self = true, .only = -1 };
	int limit = w->spare_limit, ret;
	bool hit[CELLS_MAX];
	u64 lose = pages;

	mutex_lock(&rv.mdb->lock);
	rv.scope.rfirst = from->rfirst + (sfirst - from->wfirst);
	rv.scope.rlast = rv.scope.rfirst + pages - 1;
	rv.scope.take = lost;
	w->spare_limit = -1;
	world_spares(w, &rv, lmap_mdb_move_spares(from, rv.scope.rfirst, rv.scope.rlast));
	ret = lmap_mdb_move(&rv, &w->index[window], node);
	if (ret) {
		mutex_unlock(&rv.mdb->lock);
		world_free_list(&rv.spares);
	} else {
		lose += oracle_move(w, source, sfirst, window, node->wfirst,
				    pages, lost);
		if (rv.pages != lose)
			world_contradiction(w, "wrong number of pages moved");
		world_work(w, &rv, 0);
		/* Also what others had left to do below. */
		oracle_scope(w, &below, node->wfirst,
			     node->wfirst + pages - 1, hit);
		oracle_finished(w, hit);
	}
	w->spare_limit = limit;
	return ret;
}

bool world_grant(struct world *w, int source, int sfirst, int window,
		 int wfirst, int pages, unsigned int rights, bool replace)
{
	struct lmap_node *node;
	bool busy = world_node(w, window, wfirst, wfirst + pages - 1);
	int ret;

	if (!passable(w, source, sfirst, pages) ||
	    oracle_loop(w, source, sfirst, window, wfirst, pages))
		return false;
	node = node_alloc();
	node->wfirst = wfirst;
	ret = move(w, source, sfirst, window, node, pages, rights);
	if (ret != (busy ? -EBUSY : 0))
		world_contradiction(w, "an occupied target did not refuse a grant");
	if (ret == -EBUSY && replace) {
		clear_target(w, window, wfirst, pages);
		ret = move(w, source, sfirst, window, node, pages, rights);
		if (ret)
			world_contradiction(w, "a free target refused a grant");
	}
	if (ret)
		node_free(node);
	return !ret;
}

static void add_rights(struct world *w, struct lmap_node *node, int window,
		       unsigned int rights)
{
	lockdep_assert_held(&node->mdb->lock);
	if (node->parent)
		rights &= node->parent->rights;
	if (lmap_mdb_extend(node, rights))
		world_contradiction(w, "rights were refused that nobody revokes");
	for (unsigned long p = node->wfirst; p <= lmap_node_wlast(node); p++)
		w->cell[cell_nr(window, p)].rights |= rights;
}

bool world_extend(struct world *w, int window, int page, unsigned int rights)
{
	struct lmap_node *node = world_node(w, window, page, page);

	if (!node || lmap_node_dying(node) || !(rights & ~node->rights))
		return false;
	mutex_lock(&node->mdb->lock);
	add_rights(w, node, window, rights);
	mutex_unlock(&node->mdb->lock);
	return true;
}

/* As piece_extend() of the module. */
bool world_extend_part(struct world *w, int window, int first, int pages,
		       unsigned int rights)
{
	struct lmap_node *node = world_node(w, window, first, first);
	struct lmap_revoke rv = {};
	int limit = w->spare_limit;

	if (!node || lmap_node_dying(node) || !(rights & ~node->rights) ||
	    lmap_node_wlast(node) < (unsigned long)first + pages - 1)
		return false;
	mutex_lock(&node->mdb->lock);
	w->spare_limit = -1;
	rv.scope.rfirst = node->rfirst + (first - node->wfirst);
	rv.scope.rlast = rv.scope.rfirst + pages - 1;
	world_spares(w, &rv, lmap_mdb_move_spares(node, rv.scope.rfirst, rv.scope.rlast));
	node = lmap_mdb_cut(node, rv.scope.rfirst, rv.scope.rlast, &rv.spares);
	w->spare_limit = limit;
	if (node->wfirst != (unsigned long)first ||
	    node->npages != (unsigned int)pages)
		world_contradiction(w, "other pages than asked were cut out");
	if (!list_empty(&rv.spares))
		world_contradiction(w, "spare nodes were left over");
	oracle_cut(w, window, first, pages);
	add_rights(w, node, window, rights);
	mutex_unlock(&node->mdb->lock);
	world_free_list(&rv.spares);
	return true;
}

/* As leave_step() of the module. */
bool world_adopt(struct world *w, int region, int first, int last, int window,
		 int page)
{
	struct lmap_node *heir = world_node(w, window, page, page);
	struct lmap_revoke rv = { .mdb = &w->mdb[region],
				  .scope.take = LMAP_RIGHTS_ALL };
	struct lmap_revoke moved = {};
	bool hit[CELLS_MAX];
	int delta;

	if (!heir || heir->parent || lmap_node_dying(heir) ||
	    heir->mdb == rv.mdb)
		return false;
	rv.scope.rfirst = max(w->rbase + first, heir->rfirst);
	rv.scope.rlast = min(w->rbase + last, lmap_node_rlast(heir));
	if (rv.scope.rfirst > rv.scope.rlast)
		return false;
	delta = (int)heir->wfirst - (int)(heir->rfirst - w->rbase);
	mutex_lock(&rv.mdb->lock);
	mutex_lock(&heir->mdb->lock);
	world_spares(w, &rv, lmap_mdb_spares_needed(&rv));
	oracle_adopt(w, region, rv.scope.rfirst - w->rbase, rv.scope.rlast - w->rbase,
		     window, delta, hit);
	lmap_mdb_adopt(&rv, heir, &moved);
	w->adopted = true;
	mutex_unlock(&moved.mdb->lock);
	world_work(w, &rv, 0);
	INIT_LIST_HEAD(&moved.spares);
	mutex_lock(&moved.mdb->lock);
	world_work(w, &moved, 0);
	oracle_finished(w, hit);
	return true;
}

/* Reference bits, as status.c does it. */

/* told[0] is for region page q->rfirst. */
static void reset(struct world *w, struct lmap_query *q, u8 *told)
{
	struct lmap_node *node = NULL;
	unsigned int all, sum = 0;

	mutex_lock(&q->mdb->lock);
	lmap_refs_collect(q);
	while ((node = lmap_refs_next_zap(q, node))) {
		unsigned long delta = node->wfirst - node->rfirst;
		unsigned long from = max(q->rfirst, node->rfirst);
		unsigned long to = min(q->rlast, lmap_node_rlast(node));

		mutex_unlock(&q->mdb->lock);
		world_zap(w, node->index, from + delta, to + delta);
		mutex_lock(&q->mdb->lock);
	}
	all = lmap_refs_take(q, q->rfirst, q->rlast, told);
	mutex_unlock(&q->mdb->lock);
	for (unsigned long p = q->rfirst; p <= q->rlast; p++)
		sum |= told[p - q->rfirst];
	if (all != sum)
		world_contradiction(w, "the sum of reference bits is wrong");
}

bool world_reset_window(struct world *w, int window, int first, int last)
{
	struct lmap_node *node;
	u8 told[PAGES_MAX] = {};
	int pos = first;
	bool any = false;

	oracle_asking_window(w, window, first, last);
	while (pos <= last && (node = world_node(w, window, pos, last))) {
		struct lmap_query q = { .mdb = node->mdb, .root = node };

		cut_out(node, &pos, last, &q.rfirst, &q.rlast);
		/* told[] has a byte for each window page. */
		reset(w, &q, told + node->wfirst + (q.rfirst - node->rfirst));
		any = true;
	}
	compare_told(w, oracle_told_window(w, window, first, last, told), told);
	return any;
}

/* Else a part of the range could not be cleared by itself: it is tracked. */
void world_reset_region(struct world *w, int region, int first, int last)
{
	struct lmap_query q = {
		.mdb = &w->mdb[region],
		.rfirst = w->rbase + first,
		.rlast = w->rbase + last,
	};
	u8 told[PAGES_MAX] = {};

	track_region(w, region);
	oracle_asking_region(w, region, first, last);
	reset(w, &q, told + first);
	compare_told(w, oracle_told_region(w, region, first, last, told), told);
}

void world_fini(struct world *w)
{
	w->spare_limit = -1;
	for (int i = 0; i < w->regions; i++) {
		world_revoke_region(w, i, 0, w->pages, LMAP_RIGHTS_ALL, -1);
		table_free(w->mdb[i].refs.table);
	}
	if (nodes_live)
		abort();
}
