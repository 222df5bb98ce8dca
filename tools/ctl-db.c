// SPDX-License-Identifier: GPL-2.0
/*
 * lmapctl: windows, mappings and names of processes in memory: adding,
 * sorting, leaving out. Must never ask the kernel.
 */
#include "ctl.h"

#include <stdlib.h>
#include <string.h>

static void *checked(void *p)
{
	if (!p) {
		fprintf(stderr, "lmapctl: out of memory\n");
		exit(2);
	}
	return p;
}

/* Room for one more behind @count items; rooms are powers of two. */
void *ctl_more(void *items, size_t count, size_t size)
{
	if (count & (count - 1))
		return items;
	return checked(reallocarray(items, count ? 2 * count : 1, size));
}

void *ctl_zeroed(size_t count, size_t size)
{
	return checked(calloc(count ? count : 1, size));
}

/* What the library knows and what this program knows need not be the same. */
static void copy_known(void *to, size_t known, const void *from, uint32_t size)
{
	memset(to, 0, known);
	memcpy(to, from, size < known ? size : known);
}

void ctl_db_add_window(struct ctl_db *db, const struct lmap_window_info *w)
{
	db->windows = ctl_more(db->windows, db->n_windows, sizeof(*w));
	copy_known(&db->windows[db->n_windows++], sizeof(*w), w, w->size);
}

void ctl_db_add_node(struct ctl_db *db, const struct lmap_node *n)
{
	db->nodes = ctl_more(db->nodes, db->n_nodes, sizeof(*n));
	copy_known(&db->nodes[db->n_nodes++], sizeof(*n), n, n->size);
}

static int compare(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

/* Where a process stands, or would stand. */
static size_t proc_place(const struct ctl_db *db, uint32_t pid)
{
	size_t low = 0, high = db->n_procs, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (db->procs[middle].pid < pid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* A process chooses its name: it must not speak to the terminal. */
void ctl_db_name(struct ctl_db *db, uint32_t pid, const char *name)
{
	size_t place = proc_place(db, pid), i;
	struct ctl_proc *p;

	if (place == db->n_procs || db->procs[place].pid != pid) {
		db->procs = ctl_more(db->procs, db->n_procs, sizeof(*p));
		memmove(&db->procs[place + 1], &db->procs[place],
			(db->n_procs - place) * sizeof(*p));
		db->n_procs++;
	}
	p = &db->procs[place];
	p->pid = pid;
	for (i = 0; i < sizeof(p->name) - 1 && name[i]; i++)
		p->name[i] = name[i] >= ' ' && name[i] <= '~' ? name[i] : '?';
	p->name[i] = '\0';
}

/* NULL: nobody knows, it is gone perhaps. */
const char *ctl_db_proc(const struct ctl_db *db, uint32_t pid)
{
	size_t place = proc_place(db, pid);

	return place < db->n_procs && db->procs[place].pid == pid ?
		db->procs[place].name : NULL;
}

static int by_number(const void *a, const void *b)
{
	const struct lmap_window_info *v = a, *w = b;

	return compare(v->window, w->window);
}

static int by_place(const void *a, const void *b)
{
	const struct lmap_node *m = a, *n = b;
	int d = compare(m->window, n->window);

	if (!d)
		d = compare(m->offset, n->offset);
	return d ? d : compare(m->id, n->id);
}

void ctl_db_sort(struct ctl_db *db)
{
	if (db->n_windows)
		qsort(db->windows, db->n_windows, sizeof(*db->windows),
		      by_number);
	if (db->n_nodes)
		qsort(db->nodes, db->n_nodes, sizeof(*db->nodes), by_place);
}

const struct lmap_window_info *ctl_db_window(const struct ctl_db *db,
					     uint64_t window)
{
	struct lmap_window_info key = { .window = window };

	if (!db->n_windows)
		return NULL;
	return bsearch(&key, db->windows, db->n_windows, sizeof(key),
		       by_number);
}

static bool node_matches(const struct lmap_node *n, const struct ctl_style *s)
{
	return (!s->window || n->window == s->window) &&
	       (!s->pid || n->pid == s->pid || n->lender == s->pid);
}

static bool window_matches(const struct lmap_window_info *w,
			   const struct ctl_style *s)
{
	return (!s->window || w->window == s->window) &&
	       (!s->pid || w->pid == s->pid);
}

static int by_value(const void *a, const void *b)
{
	return compare(*(const uint64_t *)a, *(const uint64_t *)b);
}

/* Regions, or windows, of all nodes that match; sorted. */
static uint64_t *matching(const struct ctl_db *db, const struct ctl_style *s,
			  bool regions, size_t *count)
{
	uint64_t *ids = NULL;
	size_t i, n = 0;

	for (i = 0; i < db->n_nodes; i++) {
		const struct lmap_node *node = &db->nodes[i];

		if (!node_matches(node, s))
			continue;
		ids = ctl_more(ids, n, sizeof(*ids));
		ids[n++] = regions ? node->region : node->window;
	}
	if (n)
		qsort(ids, n, sizeof(*ids), by_value);
	*count = n;
	return ids;
}

static bool among(const uint64_t *ids, size_t n, uint64_t id)
{
	return n && bsearch(&id, ids, n, sizeof(id), by_value);
}

/*
 * Leaves what matches: windows of the process or with memory of the process;
 * mappings, or whole trees if a mapping in them does.
 */
void ctl_db_filter(struct ctl_db *db, const struct ctl_style *s,
		   bool whole_trees)
{
	size_t i, n, n_windows, n_regions;
	uint64_t *windows, *regions;

	if (!s->window && !s->pid)
		return;
	windows = matching(db, s, false, &n_windows);
	regions = matching(db, s, true, &n_regions);
	for (i = n = 0; i < db->n_windows; i++) {
		struct lmap_window_info *w = &db->windows[i];

		if (window_matches(w, s) ||
		    among(windows, n_windows, w->window))
			db->windows[n++] = *w;
	}
	db->n_windows = n;
	for (i = n = 0; i < db->n_nodes; i++) {
		struct lmap_node *node = &db->nodes[i];

		if (node_matches(node, s) ||
		    (whole_trees && among(regions, n_regions, node->region)))
			db->nodes[n++] = *node;
	}
	db->n_nodes = n;
	free(windows);
	free(regions);
}

void ctl_db_free(struct ctl_db *db)
{
	free(db->windows);
	free(db->nodes);
	free(db->procs);
	memset(db, 0, sizeof(*db));
}
