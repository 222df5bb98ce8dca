// SPDX-License-Identifier: GPL-2.0
/*
 * lmapctl: trees as a graph for graphviz: a box for each process, in it the
 * regions that it lends and the mappings in its windows. Must never put a name
 * into the text that could end its string.
 */
#include "ctl.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void put_quoted(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putc('\\', out);
		putc(*text, out);
	}
}

static int by_value(const void *a, const void *b)
{
	const uint32_t *p = a, *q = b;

	return *p < *q ? -1 : *p > *q;
}

/* All processes of which something is shown, each once. */
static uint32_t *find_processes(const struct ctl_db *db,
				const struct ctl_forest *f, size_t *count)
{
	uint32_t *pids = NULL;
	size_t i, n = 0, kept = 0;

	for (i = 0; i < db->n_nodes; i++) {
		pids = ctl_more(pids, n, sizeof(*pids));
		pids[n++] = db->nodes[i].pid;
	}
	for (i = 0; i < f->n_regions; i++) {
		if (f->regions[i].detached)
			continue;
		pids = ctl_more(pids, n, sizeof(*pids));
		pids[n++] = f->regions[i].lender;
	}
	if (n)
		qsort(pids, n, sizeof(*pids), by_value);
	for (i = 0; i < n; i++)
		if (!kept || pids[kept - 1] != pids[i])
			pids[kept++] = pids[i];
	*count = kept;
	return pids;
}

static void put_region(FILE *out, const char *indent,
		       const struct ctl_region *r, const struct ctl_style *s)
{
	fprintf(out, "%sr%" PRIu64 " [shape=%s, label=\"region %" PRIu64,
		indent, r->id, r->detached ? "cylinder" : "folder", r->id);
	if (r->length)
		fprintf(out, "\\n%s at %#" PRIx64, ctl_size(s, r->length),
			r->address);
	fputs("\"];\n", out);
}

static void put_node(FILE *out, const struct lmap_node *n,
		     const struct ctl_style *s)
{
	fprintf(out, "\t\t%s [label=\"mapping %" PRIu64
		"\\n%s in window %" PRIu64 " at %#" PRIx64 "\"];\n",
		ctl_node_name(n), n->id, ctl_size(s, n->length), n->window, n->offset);
}

static void put_process(FILE *out, const struct ctl_db *db,
			const struct ctl_forest *f, uint32_t pid,
			const struct ctl_style *s)
{
	size_t i;

	fprintf(out, "\tsubgraph cluster_%u {\n\t\tlabel=\"", pid);
	put_quoted(out, pid ? ctl_process(db, pid) : "not visible from here");
	fputs("\";\n", out);
	for (i = 0; i < f->n_regions; i++)
		if (!f->regions[i].detached && f->regions[i].lender == pid)
			put_region(out, "\t\t", &f->regions[i], s);
	for (i = 0; i < db->n_nodes; i++)
		if (db->nodes[i].pid == pid)
			put_node(out, &db->nodes[i], s);
	fputs("\t}\n", out);
}

/* Who may write is red. */
static void put_edges(FILE *out, const struct ctl_db *db,
		      const struct ctl_forest *f)
{
	size_t i;

	for (i = 0; i < db->n_nodes; i++) {
		const struct lmap_node *n = &db->nodes[i];

		if (f->parent[i] == CTL_NONE)
			fprintf(out, "\tr%" PRIu64, n->region);
		else
			fprintf(out, "\t%s",
				ctl_node_name(&db->nodes[f->parent[i]]));
		fprintf(out, " -> %s [label=\"%s\", color=\"%s\"];\n",
			ctl_node_name(n), ctl_rights(n->rights),
			n->rights & LMAP_W ? "#c02020" : "#2060a0");
	}
}

void ctl_dot(FILE *out, const struct ctl_db *db, const struct ctl_style *s)
{
	struct ctl_forest f;
	uint32_t *pids;
	size_t i, n;

	if (s->json) {
		ctl_json_dot(out, db);
		return;
	}
	ctl_forest_make(&f, db);
	pids = find_processes(db, &f, &n);
	fputs("digraph lmap {\n\trankdir=LR;\n"
	      "\tnode [shape=box, fontname=\"sans-serif\", fontsize=10];\n"
	      "\tedge [fontname=\"monospace\", fontsize=10];\n"
	      "\tgraph [fontname=\"sans-serif\", fontsize=12];\n", out);
	for (i = 0; i < n; i++)
		put_process(out, db, &f, pids[i], s);
	for (i = 0; i < f.n_regions; i++)
		if (f.regions[i].detached)
			put_region(out, "\t", &f.regions[i], s);
	put_edges(out, db, &f);
	fputs("}\n", out);
	free(pids);
	ctl_forest_free(&f);
}
