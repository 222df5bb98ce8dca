/* SPDX-License-Identifier: GPL-2.0 */
/*
 * lmapctl inside: what there is (struct ctl_db), how it shall look (struct
 * ctl_style), and the functions that write the one in the manner of the other.
 *
 * Those must never ask anybody, neither the kernel nor the terminal: a test
 * feeds them with made-up windows and compares what they write.
 */
#ifndef LMAP_CTL_H
#define LMAP_CTL_H

#include <stdbool.h>
#include <stdio.h>

#include <lmap.h>

#define CTL_NONE	((size_t)-1)
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/**
 * struct ctl_proc - what a process is called
 * @pid: its number
 * @name: printable ASCII: who chose it is not to be trusted
 */
struct ctl_proc {
	uint32_t pid;
	char name[24];
};

/**
 * struct ctl_db - windows and mappings, as they were at one moment
 * @windows: sorted by number, after ctl_db_sort()
 * @nodes: sorted by window and offset
 * @procs: sorted by number, always
 */
struct ctl_db {
	struct lmap_window_info *windows;
	struct lmap_node *nodes;
	struct ctl_proc *procs;
	size_t n_windows;
	size_t n_nodes;
	size_t n_procs;
};

/**
 * struct ctl_style - what is written, and how
 * @json: for programs
 * @bytes: sizes as they are, not in human units
 * @color: for a terminal
 * @utf8: lines of trees
 * @mappings: list: mappings, not windows
 * @time: monitor: when
 * @window: only this one, if not 0
 * @pid: only of this process, if not 0
 */
struct ctl_style {
	bool json;
	bool bytes;
	bool color;
	bool utf8;
	bool mappings;
	bool time;
	uint64_t window;
	uint32_t pid;
};

/**
 * struct ctl_region - the root of a tree
 * @id: its number
 * @address: the lowest in the lender's memory from which something derives
 * @length: bytes up to the end of the highest
 * @lender: process, 0 if there is none or it is not told
 * @detached: nobody lends it
 * @first: the first of its mappings that have no parent here, an index of nodes
 */
struct ctl_region {
	uint64_t id;
	uint64_t address;
	uint64_t length;
	uint32_t lender;
	bool detached;
	size_t first;
};

/**
 * struct ctl_forest - the nodes of a db as trees
 * @regions: sorted by lender and address
 * @child: of each node the first below it, or CTL_NONE
 * @next: of each node the next beside it, or CTL_NONE
 * @parent: of each node the one above it, or CTL_NONE
 */
struct ctl_forest {
	struct ctl_region *regions;
	size_t n_regions;
	size_t *child;
	size_t *next;
	size_t *parent;
};

/**
 * struct ctl_info - what lmapctl info tells
 * @version: of the ioctl interface
 * @page_size: bytes
 * @levels: of mappings that may hang below a region
 * @sees_all: the caller is told of everything
 * @parameters: of the module: name, value, name, value, ..., NULL
 */
struct ctl_info {
	unsigned int version;
	unsigned long page_size;
	unsigned int levels;
	bool sees_all;
	const char *const *parameters;
};

/* ctl-db.c; memory that there is not ends the program */
void *ctl_more(void *items, size_t count, size_t size);
void *ctl_zeroed(size_t count, size_t size);
void ctl_db_add_window(struct ctl_db *db, const struct lmap_window_info *w);
void ctl_db_add_node(struct ctl_db *db, const struct lmap_node *n);
void ctl_db_name(struct ctl_db *db, uint32_t pid, const char *name);
const char *ctl_db_proc(const struct ctl_db *db, uint32_t pid);
const struct lmap_window_info *ctl_db_window(const struct ctl_db *db,
					     uint64_t window);
void ctl_db_sort(struct ctl_db *db);
void ctl_db_filter(struct ctl_db *db, const struct ctl_style *s,
		   bool whole_trees);
void ctl_db_free(struct ctl_db *db);

/* ctl-forest.c; the nodes of @db are sorted, and stay as they are */
void ctl_forest_make(struct ctl_forest *f, const struct ctl_db *db);
size_t ctl_forest_after(const struct ctl_forest *f, size_t node, bool below);
void ctl_forest_free(struct ctl_forest *f);

/* ctl-text.c; the strings are valid until the eighth call from now */
const char *ctl_size(const struct ctl_style *s, uint64_t bytes);
const char *ctl_rights(unsigned int rights);
const char *ctl_rights_short(unsigned int rights);
const char *ctl_process(const struct ctl_db *db, uint32_t pid);
const char *ctl_kind(unsigned int flags);
const char *ctl_node_name(const struct lmap_node *n);
const char *ctl_format(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

enum ctl_color { CTL_HEAD, CTL_PROCESS, CTL_LOSS, CTL_GAIN, CTL_END };
const char *ctl_color(const struct ctl_style *s, enum ctl_color what);

/* ctl-table.c: columns as wide as they must be; '>' aligns to the right */
struct ctl_table;
struct ctl_table *ctl_table_new(const char *const *heads);
void ctl_table_cell(struct ctl_table *t, const char *text);
void ctl_table_end(struct ctl_table *t, FILE *out, const struct ctl_style *s);

/* ctl-list.c, ctl-tree.c, ctl-dot.c, ctl-event.c */
void ctl_list(FILE *out, const struct ctl_db *db, const struct ctl_style *s);
void ctl_tree(FILE *out, const struct ctl_db *db, const struct ctl_style *s);
void ctl_dot(FILE *out, const struct ctl_db *db, const struct ctl_style *s);
void ctl_stats(FILE *out, const struct lmap_stats *st,
	       const struct ctl_style *s);
void ctl_show_info(FILE *out, const struct ctl_info *info,
		   const struct ctl_style *s);
void ctl_event(FILE *out, const struct ctl_db *db, const struct lmap_event *e,
	       const char *when, const struct ctl_style *s);
void ctl_lost(FILE *out, const struct ctl_db *db, const char *when,
	      const struct ctl_style *s);

/* ctl-json.c: the same, as one line of JSON */
void ctl_json_list(FILE *out, const struct ctl_db *db, bool mappings);
void ctl_json_tree(FILE *out, const struct ctl_db *db);
void ctl_json_dot(FILE *out, const struct ctl_db *db);
void ctl_json_stats(FILE *out, const struct lmap_stats *st);
void ctl_json_info(FILE *out, const struct ctl_info *info);
void ctl_json_event(FILE *out, const struct ctl_db *db,
		    const struct lmap_event *e, const char *when);
void ctl_json_lost(FILE *out, const struct ctl_db *db, const char *when);

#endif /* LMAP_CTL_H */
