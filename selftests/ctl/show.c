// SPDX-License-Identifier: GPL-2.0
/*
 * show WHAT [STYLE...] - what lmapctl shows of a made-up machine. check.sh
 * compares it with the files in expected/. Must never ask the kernel.
 *
 * nginx (100) lends a region to worker (200), which lends on to logger (300),
 * and another one; a process that is not visible lends too; nobody's memory is
 * in two windows. Names are hostile, a parent is missing, and two mappings are
 * each other's parents, as a dump that was read during a change may have it.
 */
#include <stdlib.h>
#include <string.h>

#include "ctl.h"

#define KB	1024ULL
#define HEAP	0x7f0000000000ULL

static const struct lmap_window_info windows[] = {
	{ .window = 3, .pid = 200, .space = 2, .length = 1024 * KB,
	  .rights = 0xf, .generation = 5 },
	{ .window = 10, .pid = 300, .space = 4, .length = 64 * KB,
	  .rights = LMAP_R, .generation = 1 },
	{ .window = 4, .pid = 300, .space = 4, .length = 1536 * KB,
	  .rights = LMAP_R | LMAP_W, .generation = 77 },
	{ .window = 7, .pid = 0, .space = 9, .length = 3000000 * KB,
	  .rights = 0xf, .generation = 2 },
};

static const struct lmap_node nodes[] = {
	{ .id = 12, .region = 1, .window = 3, .pid = 200, .lender = 100,
	  .address = HEAP, .offset = 0, .length = 512 * KB,
	  .rights = LMAP_R | LMAP_W | LMAP_M, .level = 1, .depth = 63,
	  .budget = 10, .spent = 4, .generation = 5 },
	/* a page of it was taken back: the rest has two parts */
	{ .id = 12, .region = 1, .window = 3, .pid = 200, .lender = 100,
	  .address = HEAP + 516 * KB, .offset = 516 * KB, .length = 12 * KB,
	  .rights = LMAP_R | LMAP_W | LMAP_M, .level = 1, .depth = 63,
	  .budget = 10, .spent = 4, .generation = 5 },
	{ .id = 16, .parent = 12, .region = 1, .window = 10, .pid = 300,
	  .lender = 100, .address = HEAP + 520 * KB, .offset = 0,
	  .length = 4 * KB, .rights = LMAP_R, .level = 2, .depth = 62,
	  .generation = 1 },
	{ .id = 15, .parent = 12, .region = 1, .window = 4, .pid = 300,
	  .lender = 100, .address = HEAP + 4 * KB, .offset = 64 * KB,
	  .length = 4 * KB, .rights = LMAP_R, .level = 2, .depth = 62,
	  .generation = 77 },
	{ .id = 13, .parent = 12, .region = 1, .window = 4, .pid = 300,
	  .lender = 100, .address = HEAP, .offset = 0, .length = 4 * KB,
	  .rights = LMAP_R | LMAP_W, .level = 2, .depth = 62,
	  .flags = LMAP_NODE_FLAGS_TRACKED, .generation = 77 },
	{ .id = 14, .parent = 13, .region = 1, .window = 7, .pid = 0,
	  .lender = 100, .address = HEAP, .offset = 0, .length = 4 * KB,
	  .rights = LMAP_R, .level = 3, .depth = 61, .generation = 2 },
	{ .id = 20, .region = 2, .window = 3, .pid = 200, .lender = 100,
	  .address = HEAP + 4096 * KB, .offset = 548 * KB, .length = 8 * KB,
	  .rights = LMAP_R | LMAP_X, .level = 1, .depth = 0,
	  .flags = LMAP_NODE_FLAGS_PINNED, .generation = 5 },
	{ .id = 30, .region = 5, .window = 4, .pid = 300,
	  .offset = 1024 * KB, .length = 12 * KB, .rights = LMAP_R,
	  .level = 1, .depth = 63, .flags = LMAP_NODE_FLAGS_DETACHED,
	  .generation = 77 },
	{ .id = 31, .region = 5, .window = 3, .pid = 200,
	  .offset = 600 * KB, .length = 12 * KB, .rights = LMAP_R | LMAP_M,
	  .level = 1, .depth = 63, .flags = LMAP_NODE_FLAGS_DETACHED,
	  .generation = 5 },
	/* the parent is not visible, nor is the lender */
	{ .id = 40, .parent = 39, .region = 6, .window = 4, .pid = 300,
	  .offset = 128 * KB, .length = 6 * KB, .rights = LMAP_R,
	  .level = 2, .depth = 62, .generation = 77 },
	/* each other's parents */
	{ .id = 50, .parent = 51, .region = 8, .window = 7, .pid = 0,
	  .lender = 401, .address = HEAP, .offset = 4096 * KB,
	  .length = 4 * KB, .rights = LMAP_R, .level = 2, .depth = 62,
	  .generation = 2 },
	{ .id = 51, .parent = 50, .region = 8, .window = 7, .pid = 0,
	  .lender = 401, .address = HEAP, .offset = 8192 * KB,
	  .length = 4 * KB, .rights = LMAP_R, .level = 2, .depth = 62,
	  .generation = 2 },
};

static const struct lmap_event events[] = {
	{ .type = LMAP_EVENT_MAPPED, .seq = 1, .window = 3, .pid = 200,
	  .node = 12, .offset = 0, .length = 512 * KB,
	  .rights_gained = 0xe, .rights_left = 0xe,
	  .reason = LMAP_REASON_MAP, .mappings = 1, .generation = 4 },
	{ .type = LMAP_EVENT_REVOKED, .seq = 2, .window = 4, .pid = 300,
	  .node = 13, .offset = 0x1000, .length = 8 * KB,
	  .rights_lost = LMAP_W, .rights_left = LMAP_R,
	  .reason = LMAP_REASON_DOWNGRADE, .mappings = 3, .generation = 78 },
	{ .type = LMAP_EVENT_REVOKED, .seq = 3, .window = 4, .pid = 300,
	  .node = 13, .offset = 0, .length = 64 * KB, .rights_lost = LMAP_R,
	  .reason = LMAP_REASON_MUNMAP, .mappings = 1, .generation = 79 },
	{ .type = LMAP_EVENT_CLOSED, .seq = 4, .window = 4, .pid = 300,
	  .reason = LMAP_REASON_CLOSE },
	{ .type = LMAP_EVENT_CLOSED, .seq = 5, .space = 2, .pid = 4711,
	  .reason = LMAP_REASON_EXIT },
	{ .type = 99, .seq = 6, .window = 1, .reason = 999 },
};

static void fill(struct ctl_db *db)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(windows); i++) {
		struct lmap_window_info w = windows[i];

		w.size = sizeof(w);
		ctl_db_add_window(db, &w);
	}
	for (i = 0; i < ARRAY_SIZE(nodes); i++) {
		struct lmap_node n = nodes[i];

		n.size = sizeof(n);
		ctl_db_add_node(db, &n);
	}
	ctl_db_name(db, 300, "a \"b\\c\"");
	ctl_db_name(db, 100, "old name");
	ctl_db_name(db, 200, "w\033[31mk\xc3\xa9");
	ctl_db_name(db, 100, "nginx");
	ctl_db_sort(db);
}

static void parse(char **argv, struct ctl_style *s)
{
	for (; *argv; argv++) {
		if (!strcmp(*argv, "json"))
			s->json = true;
		else if (!strcmp(*argv, "bytes"))
			s->bytes = true;
		else if (!strcmp(*argv, "color"))
			s->color = true;
		else if (!strcmp(*argv, "utf8"))
			s->utf8 = true;
		else if (!strcmp(*argv, "mappings"))
			s->mappings = true;
		else if (!strncmp(*argv, "window=", 7))
			s->window = strtoull(*argv + 7, NULL, 0);
		else if (!strncmp(*argv, "pid=", 4))
			s->pid = strtoul(*argv + 4, NULL, 0);
	}
}

static void show_events(const struct ctl_db *db, const struct ctl_style *s)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(events); i++)
		ctl_event(stdout, db, &events[i], i ? NULL : "12:00", s);
	ctl_lost(stdout, db, NULL, s);
}

static void show_stats(const struct ctl_style *s)
{
	struct lmap_stats st = {
		.size = sizeof(st), .spaces = 1, .windows = 2, .watches = 3,
		.maps = 4, .revoked = 5, .zaps = 6, .faults = 7, .pages = 8,
		.pins = 9, .events = 10, .lost = UINT64_MAX,
	};

	ctl_stats(stdout, &st, s);
}

static void show_info(const struct ctl_style *s)
{
	static const char * const parameters[] = {
		"max_mappings", "1048576", NULL
	};
	struct ctl_info info = {
		.version = 1, .page_size = 4096, .levels = 64,
		.parameters = parameters,
	};

	ctl_show_info(stdout, &info, s);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	struct ctl_style s = { 0 };
	struct ctl_db db = { 0 };

	if (argc > 2)
		parse(argv + 2, &s);
	if (strcmp(what, "empty"))
		fill(&db);
	ctl_db_filter(&db, &s, !strcmp(what, "tree") || !strcmp(what, "dot"));
	if (!strcmp(what, "list"))
		ctl_list(stdout, &db, &s);
	else if (!strcmp(what, "tree"))
		ctl_tree(stdout, &db, &s);
	else if (!strcmp(what, "dot"))
		ctl_dot(stdout, &db, &s);
	else if (!strcmp(what, "events"))
		show_events(&db, &s);
	else if (!strcmp(what, "stats"))
		show_stats(&s);
	else if (!strcmp(what, "info"))
		show_info(&s);
	else if (!strcmp(what, "empty"))
		ctl_list(stdout, &db, &s), ctl_tree(stdout, &db, &s),
		ctl_dot(stdout, &db, &s);
	else
		return 1;
	ctl_db_free(&db);
	return 0;
}
