// SPDX-License-Identifier: GPL-2.0
/*
 * lmapctl: everything as JSON, one line each. A key must never change its
 * name, its type or its meaning; all keys are always there, null if nothing is
 * known. Numbers are exact; addresses are strings, since they are too large for
 * programs whose numbers are doubles.
 */
#include "ctl.h"

#include <inttypes.h>
#include <stdlib.h>

#include <json-c/json.h>

static void put(struct json_object *o, const char *key, struct json_object *v)
{
	json_object_object_add(o, key, v);
}

static void put_number(struct json_object *o, const char *key, uint64_t n)
{
	put(o, key, json_object_new_uint64(n));
}

/* A number that is null if it is 0. */
static void put_id(struct json_object *o, const char *key, uint64_t id)
{
	put(o, key, id ? json_object_new_uint64(id) : NULL);
}

static void put_text(struct json_object *o, const char *key, const char *text)
{
	put(o, key, text ? json_object_new_string(text) : NULL);
}

static void put_flag(struct json_object *o, const char *key, bool flag)
{
	put(o, key, json_object_new_boolean(flag));
}

static void put_address(struct json_object *o, const char *key, uint64_t a)
{
	put_text(o, key, a ? ctl_format("%#" PRIx64, a) : NULL);
}

static void put_process(struct json_object *o, const char *pid_key,
			const char *name_key, const struct ctl_db *db,
			uint32_t pid)
{
	put_id(o, pid_key, pid);
	put_text(o, name_key, pid ? ctl_db_proc(db, pid) : NULL);
}

/* Writes it and frees it. */
static void end(FILE *out, struct json_object *o)
{
	int flags = JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE;

	fprintf(out, "%s\n", json_object_to_json_string_ext(o, flags));
	json_object_put(o);
}

static struct json_object *window(const struct ctl_db *db,
				  const struct lmap_window_info *w)
{
	struct json_object *o = json_object_new_object();

	put_number(o, "window", w->window);
	put_process(o, "pid", "process", db, w->pid);
	put_number(o, "space", w->space);
	put_number(o, "size", w->length);
	put_text(o, "rights", ctl_rights_short(w->rights));
	put_number(o, "generation", w->generation);
	return o;
}

static struct json_object *mapping(const struct ctl_db *db,
				   const struct lmap_node *n)
{
	struct json_object *o = json_object_new_object();

	put_number(o, "mapping", n->id);
	put_id(o, "parent", n->parent);
	put_number(o, "region", n->region);
	put_number(o, "window", n->window);
	put_process(o, "pid", "process", db, n->pid);
	put_number(o, "offset", n->offset);
	put_number(o, "size", n->length);
	put_text(o, "rights", ctl_rights_short(n->rights));
	put_process(o, "lender_pid", "lender", db, n->lender);
	put_address(o, "address", n->address);
	put_number(o, "level", n->level);
	put_number(o, "depth", n->depth);
	put_id(o, "budget", n->budget);
	put_number(o, "spent", n->spent);
	put_flag(o, "detached", n->flags & LMAP_NODE_FLAGS_DETACHED);
	put_flag(o, "tracked", n->flags & LMAP_NODE_FLAGS_TRACKED);
	put_flag(o, "pinned", n->flags & LMAP_NODE_FLAGS_PINNED);
	put_number(o, "generation", n->generation);
	return o;
}

static void put_windows(struct json_object *o, const struct ctl_db *db)
{
	struct json_object *all = json_object_new_array();
	size_t i;

	for (i = 0; i < db->n_windows; i++)
		json_object_array_add(all, window(db, &db->windows[i]));
	put(o, "windows", all);
}

static void put_mappings(struct json_object *o, const struct ctl_db *db)
{
	struct json_object *all = json_object_new_array();
	size_t i;

	for (i = 0; i < db->n_nodes; i++)
		json_object_array_add(all, mapping(db, &db->nodes[i]));
	put(o, "mappings", all);
}

void ctl_json_list(FILE *out, const struct ctl_db *db, bool mappings)
{
	struct json_object *o = json_object_new_object();

	put_windows(o, db);
	if (mappings)
		put_mappings(o, db);
	end(out, o);
}

/* Without the mappings in it. */
static struct json_object *region(const struct ctl_db *db,
				  const struct ctl_region *r)
{
	struct json_object *o = json_object_new_object();

	put_number(o, "region", r->id);
	put_process(o, "lender_pid", "lender", db, r->lender);
	put_address(o, "address", r->address);
	put_id(o, "size", r->length);
	put_flag(o, "detached", r->detached);
	return o;
}

/* Parents come before their children: each finds its parent's array. */
static void put_trees(struct json_object *o, const struct ctl_db *db,
		      const struct ctl_forest *f, size_t node,
		      struct json_object **below)
{
	struct json_object *roots = json_object_new_array(), *m;

	put(o, "mappings", roots);
	for (; node != CTL_NONE; node = ctl_forest_after(f, node, true)) {
		m = mapping(db, &db->nodes[node]);
		below[node] = json_object_new_array();
		put(m, "mappings", below[node]);
		json_object_array_add(f->parent[node] == CTL_NONE ? roots :
				      below[f->parent[node]], m);
	}
}

void ctl_json_tree(FILE *out, const struct ctl_db *db)
{
	struct json_object *o = json_object_new_object(), *r;
	struct json_object *all = json_object_new_array();
	struct json_object **below = ctl_zeroed(db->n_nodes, sizeof(*below));
	struct ctl_forest f;
	size_t i;

	ctl_forest_make(&f, db);
	for (i = 0; i < f.n_regions; i++) {
		r = region(db, &f.regions[i]);
		put_trees(r, db, &f, f.regions[i].first, below);
		json_object_array_add(all, r);
	}
	put(o, "regions", all);
	end(out, o);
	ctl_forest_free(&f);
	free(below);
}

static struct json_object *edge(const char *from, const struct lmap_node *n)
{
	struct json_object *o = json_object_new_object();

	put_text(o, "from", from);
	put_text(o, "to", ctl_node_name(n));
	put_text(o, "rights", ctl_rights_short(n->rights));
	return o;
}

/* The same nodes and edges, by the same names, as in the graph. */
void ctl_json_dot(FILE *out, const struct ctl_db *db)
{
	struct json_object *o = json_object_new_object(), *node;
	struct json_object *nodes = json_object_new_array();
	struct json_object *edges = json_object_new_array();
	struct ctl_forest f;
	size_t i;

	ctl_forest_make(&f, db);
	for (i = 0; i < f.n_regions; i++) {
		node = region(db, &f.regions[i]);
		put_text(node, "id", ctl_format("r%" PRIu64, f.regions[i].id));
		json_object_array_add(nodes, node);
	}
	for (i = 0; i < db->n_nodes; i++) {
		const struct lmap_node *n = &db->nodes[i];

		node = mapping(db, n);
		put_text(node, "id", ctl_node_name(n));
		json_object_array_add(nodes, node);
		json_object_array_add(edges, edge(f.parent[i] == CTL_NONE ?
			ctl_format("r%" PRIu64, n->region) :
			ctl_node_name(&db->nodes[f.parent[i]]), n));
	}
	put(o, "nodes", nodes);
	put(o, "edges", edges);
	end(out, o);
	ctl_forest_free(&f);
}

void ctl_json_stats(FILE *out, const struct lmap_stats *st)
{
	struct json_object *o = json_object_new_object();

	put_number(o, "spaces", st->spaces);
	put_number(o, "windows", st->windows);
	put_number(o, "watches", st->watches);
	put_number(o, "maps", st->maps);
	put_number(o, "revoked", st->revoked);
	put_number(o, "zaps", st->zaps);
	put_number(o, "faults", st->faults);
	put_number(o, "pages", st->pages);
	put_number(o, "pins", st->pins);
	put_number(o, "events", st->events);
	put_number(o, "lost", st->lost);
	end(out, o);
}

void ctl_json_info(FILE *out, const struct ctl_info *info)
{
	struct json_object *o = json_object_new_object();
	struct json_object *parameters = json_object_new_object();
	size_t i;

	put_number(o, "interface", info->version);
	put_number(o, "page_size", info->page_size);
	put_number(o, "levels", info->levels);
	for (i = 0; info->parameters[i]; i += 2)
		put_text(parameters, info->parameters[i],
			 info->parameters[i + 1]);
	put(o, "parameters", parameters);
	put_flag(o, "sees_all", info->sees_all);
	end(out, o);
}

static const char *event_name(uint32_t type)
{
	switch (type) {
	case LMAP_EVENT_REVOKED:
		return "revoked";
	case LMAP_EVENT_MAPPED:
		return "mapped";
	case LMAP_EVENT_CLOSED:
		return "closed";
	default:
		return "unknown";
	}
}

void ctl_json_event(FILE *out, const struct ctl_db *db,
		    const struct lmap_event *e, const char *when)
{
	struct json_object *o = json_object_new_object();

	put_text(o, "event", event_name(e->type));
	put_text(o, "time", when);
	put_number(o, "seq", e->seq);
	put_id(o, "window", e->window);
	put_id(o, "space", e->space);
	put_process(o, "pid", "process", db, e->pid);
	put_id(o, "mapping", e->node);
	put_number(o, "offset", e->offset);
	put_number(o, "size", e->length);
	put_text(o, "rights_lost", ctl_rights_short(e->rights_lost));
	put_text(o, "rights_gained", ctl_rights_short(e->rights_gained));
	put_text(o, "rights_left", ctl_rights_short(e->rights_left));
	put_text(o, "reason", lmap_reason_name(e->reason));
	put_number(o, "mappings", e->mappings);
	put_number(o, "generation", e->generation);
	end(out, o);
}

void ctl_json_lost(FILE *out, const struct ctl_db *db, const char *when)
{
	struct json_object *o = json_object_new_object();

	put_text(o, "event", "lost");
	put_text(o, "time", when);
	put_windows(o, db);
	put_mappings(o, db);
	end(out, o);
}
