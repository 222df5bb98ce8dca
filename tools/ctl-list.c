// SPDX-License-Identifier: GPL-2.0
/*
 * lmapctl: list, stats and info. Must never ask the kernel.
 */
#include "ctl.h"

#include <inttypes.h>
#include <string.h>

/* What is mapped in a window: sums, and the lenders, each once. */
struct inside {
	uint64_t bytes;
	size_t mappings;
	char lenders[160];
};

static void add_lender(struct inside *in, const struct ctl_db *db,
		       const struct lmap_node *n)
{
	const char *who = n->lender ? ctl_process(db, n->lender) :
		n->flags & LMAP_NODE_FLAGS_DETACHED ? "nobody" : "?";
	size_t used = strlen(in->lenders);
	const char *at = in->lenders;

	/* "a(1)" is not in "ba(1)", nor "a(1)" in "a(1)(1)": whole words */
	while ((at = strstr(at, who))) {
		char behind = at[strlen(who)];

		if ((at == in->lenders || at[-1] == ' ') &&
		    (!behind || behind == ','))
			return;
		at++;
	}
	if (used + strlen(who) + 8 < sizeof(in->lenders))
		snprintf(in->lenders + used, sizeof(in->lenders) - used,
			 "%s%s", used ? ", " : "", who);
	else if (used < 3 || strcmp(in->lenders + used - 3, "..."))
		snprintf(in->lenders + used, sizeof(in->lenders) - used,
			 ", ...");
}

/* Nodes are sorted by window: *@at goes on from window to window. */
static void look_inside(struct inside *in, const struct ctl_db *db,
			uint64_t window, size_t *at)
{
	const struct lmap_node *n;

	memset(in, 0, sizeof(*in));
	for (; *at < db->n_nodes; (*at)++) {
		n = &db->nodes[*at];
		if (n->window > window)
			break;
		if (n->window < window)
			continue;
		in->bytes += n->length;
		in->mappings++;
		add_lender(in, db, n);
	}
}

static void list_windows(FILE *out, const struct ctl_db *db,
			 const struct ctl_style *s)
{
	static const char * const heads[] = {
		">WINDOW", "PROCESS", ">SIZE", "RIGHTS", ">MAPPED",
		">MAPPINGS", "FROM", NULL
	};
	struct ctl_table *t = ctl_table_new(heads);
	struct inside in;
	size_t i, at = 0;

	for (i = 0; i < db->n_windows; i++) {
		const struct lmap_window_info *w = &db->windows[i];

		look_inside(&in, db, w->window, &at);
		ctl_table_cell(t, ctl_format("%" PRIu64, w->window));
		ctl_table_cell(t, ctl_process(db, w->pid));
		ctl_table_cell(t, ctl_size(s, w->length));
		ctl_table_cell(t, ctl_rights(w->rights));
		ctl_table_cell(t, ctl_size(s, in.bytes));
		ctl_table_cell(t, ctl_format("%zu", in.mappings));
		ctl_table_cell(t, *in.lenders ? in.lenders : "-");
	}
	ctl_table_end(t, out, s);
}

/* "taken/limit", or that there is none. */
static const char *budget(const struct lmap_node *n)
{
	return n->budget ? ctl_format("%u/%u", n->spent, n->budget) : "-";
}

static const char *number_or_none(uint64_t number)
{
	return number ? ctl_format("%" PRIu64, number) : "-";
}

static void list_mappings(FILE *out, const struct ctl_db *db,
			  const struct ctl_style *s)
{
	static const char * const heads[] = {
		">WINDOW", ">OFFSET", ">SIZE", "RIGHTS", ">MAPPING", ">PARENT",
		">REGION", ">DEPTH", ">BUDGET", "KIND", "IN", "FROM", NULL
	};
	struct ctl_table *t = ctl_table_new(heads);
	size_t i;

	for (i = 0; i < db->n_nodes; i++) {
		const struct lmap_node *n = &db->nodes[i];

		ctl_table_cell(t, ctl_format("%" PRIu64, n->window));
		ctl_table_cell(t, ctl_format("%#" PRIx64, n->offset));
		ctl_table_cell(t, ctl_size(s, n->length));
		ctl_table_cell(t, ctl_rights(n->rights));
		ctl_table_cell(t, ctl_format("%" PRIu64, n->id));
		ctl_table_cell(t, number_or_none(n->parent));
		ctl_table_cell(t, ctl_format("%" PRIu64, n->region));
		ctl_table_cell(t, ctl_format("%u", n->depth));
		ctl_table_cell(t, budget(n));
		ctl_table_cell(t, ctl_kind(n->flags));
		ctl_table_cell(t, ctl_process(db, n->pid));
		if (n->address)
			ctl_table_cell(t, ctl_format("%s %#" PRIx64,
						     ctl_process(db, n->lender),
						     n->address));
		else
			ctl_table_cell(t, ctl_process(db, n->lender));
	}
	ctl_table_end(t, out, s);
}

void ctl_list(FILE *out, const struct ctl_db *db, const struct ctl_style *s)
{
	if (s->json)
		ctl_json_list(out, db, s->mappings);
	else if (s->mappings)
		list_mappings(out, db, s);
	else
		list_windows(out, db, s);
}

void ctl_stats(FILE *out, const struct lmap_stats *st,
	       const struct ctl_style *s)
{
	const struct {
		const char *name;
		uint64_t value;
		const char *what;
	} rows[] = {
		{ "spaces", st->spaces, "that exist" },
		{ "windows", st->windows, "that exist" },
		{ "watches", st->watches, "windows and spaces watched" },
		{ "maps", st->maps, "mappings made or extended" },
		{ "revoked", st->revoked, "mappings that lost rights" },
		{ "zaps", st->zaps, "of page tables for that" },
		{ "faults", st->faults, "that set at least one page" },
		{ "pages", st->pages, "set in page tables" },
		{ "pins", st->pins, "pages pinned" },
		{ "events", st->events, "sent" },
		{ "lost", st->lost, "events that a watcher was too slow for" },
	};
	static const char * const heads[] = { "COUNTER", ">VALUE", "WHAT",
					      NULL };
	struct ctl_table *t;
	size_t i;

	if (s->json) {
		ctl_json_stats(out, st);
		return;
	}
	t = ctl_table_new(heads);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		ctl_table_cell(t, rows[i].name);
		ctl_table_cell(t, ctl_format("%" PRIu64, rows[i].value));
		ctl_table_cell(t, rows[i].what);
	}
	ctl_table_end(t, out, s);
}

void ctl_show_info(FILE *out, const struct ctl_info *info,
		   const struct ctl_style *s)
{
	static const char * const heads[] = { "WHAT", "VALUE", NULL };
	struct ctl_table *t;
	size_t i;

	if (s->json) {
		ctl_json_info(out, info);
		return;
	}
	t = ctl_table_new(heads);
	ctl_table_cell(t, "interface");
	ctl_table_cell(t, ctl_format("%u", info->version));
	ctl_table_cell(t, "page size");
	ctl_table_cell(t, ctl_size(s, info->page_size));
	ctl_table_cell(t, "levels");
	ctl_table_cell(t, ctl_format("%u", info->levels));
	for (i = 0; info->parameters[i]; i += 2) {
		ctl_table_cell(t, info->parameters[i]);
		ctl_table_cell(t, info->parameters[i + 1]);
	}
	ctl_table_cell(t, "you see");
	ctl_table_cell(t, info->sees_all ? "everything" :
		       "nothing: that takes CAP_NET_ADMIN");
	ctl_table_end(t, out, s);
}
