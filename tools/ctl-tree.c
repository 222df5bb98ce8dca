// SPDX-License-Identifier: GPL-2.0
/*
 * lmapctl: trees: a lender, its regions, and what derives from them. Must
 * never recurse: a tree is as deep as its makers like.
 */
#include "ctl.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct lines {
	const char *tee;	/* something follows beside it */
	const char *corner;	/* the last one */
	const char *bar;
	const char *blank;
};

static const struct lines *lines_of(const struct ctl_style *s)
{
	static const struct lines utf8 = { "├─ ", "└─ ", "│  ", "   " };
	static const struct lines ascii = { "|- ", "`- ", "|  ", "   " };

	return s->utf8 ? &utf8 : &ascii;
}

static bool same_lender(const struct ctl_region *a, const struct ctl_region *b)
{
	return a->detached == b->detached && a->lender == b->lender;
}

static void put_lender(FILE *out, const struct ctl_db *db,
		       const struct ctl_region *r, const struct ctl_style *s)
{
	const char *who = r->lender ? ctl_process(db, r->lender) :
		r->detached ? "nobody's memory" : "somebody's memory";

	fprintf(out, "%s%s%s\n", ctl_color(s, CTL_PROCESS), who,
		ctl_color(s, CTL_END));
}

static void put_region(FILE *out, const struct ctl_region *r, bool last,
		       const struct ctl_style *s)
{
	const struct lines *l = lines_of(s);

	fprintf(out, "%sregion %" PRIu64, last ? l->corner : l->tee, r->id);
	if (r->length)
		fprintf(out, ": %s at %#" PRIx64, ctl_size(s, r->length),
			r->address);
	putc('\n', out);
}

static void put_node(FILE *out, const struct ctl_db *db,
		     const struct lmap_node *n, const struct ctl_style *s)
{
	fprintf(out, "%" PRIu64 " %s %s -> %s%s%s window %" PRIu64 " at %#"
		PRIx64, n->id, ctl_rights(n->rights), ctl_size(s, n->length),
		ctl_color(s, CTL_PROCESS), ctl_process(db, n->pid),
		ctl_color(s, CTL_END), n->window, n->offset);
	if (n->budget)
		fprintf(out, ", budget %u of %u", n->spent, n->budget);
	if (n->flags & LMAP_NODE_FLAGS_TRACKED)
		fputs(", tracked", out);
	if (n->flags & LMAP_NODE_FLAGS_PINNED)
		fputs(", pinned", out);
	putc('\n', out);
}

/* What stands before a node: for each level above, does something follow? */
static void put_prefix(FILE *out, const struct ctl_forest *f, size_t node,
		       bool last_region, size_t *path,
		       const struct ctl_style *s)
{
	const struct lines *l = lines_of(s);
	size_t depth = 0, up;

	for (up = f->parent[node]; up != CTL_NONE; up = f->parent[up])
		path[depth++] = up;
	fputs(last_region ? l->blank : l->bar, out);
	while (depth--)
		fputs(f->next[path[depth]] == CTL_NONE ? l->blank : l->bar,
		      out);
	fputs(f->next[node] == CTL_NONE ? l->corner : l->tee, out);
}

void ctl_tree(FILE *out, const struct ctl_db *db, const struct ctl_style *s)
{
	struct ctl_forest f;
	size_t i, node, *path;

	if (s->json) {
		ctl_json_tree(out, db);
		return;
	}
	ctl_forest_make(&f, db);
	path = ctl_zeroed(db->n_nodes, sizeof(*path));
	for (i = 0; i < f.n_regions; i++) {
		const struct ctl_region *r = &f.regions[i];
		bool last = i + 1 == f.n_regions || !same_lender(r, r + 1);

		if (!i || !same_lender(r, r - 1))
			put_lender(out, db, r, s);
		put_region(out, r, last, s);
		for (node = r->first; node != CTL_NONE;
		     node = ctl_forest_after(&f, node, true)) {
			put_prefix(out, &f, node, last, path, s);
			put_node(out, db, &db->nodes[node], s);
		}
	}
	free(path);
	ctl_forest_free(&f);
}
