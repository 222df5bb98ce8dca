// SPDX-License-Identifier: GPL-2.0
/*
 * What there is to look at from outside: tracepoints, debugfs, fdinfo. Each
 * tells what the test has just done, and nothing that is not so. Must leave no
 * tracepoint on: an instance of tracefs is made for each test and removed. Skips,
 * with the reason, where tracefs or debugfs are missing.
 */
#include "nl.h"
#include "pager.h"
#include "harness.h"

#include <pthread.h>
#include <sys/mount.h>
#include <sys/stat.h>

#define N		8
#define TRACING		"/sys/kernel/tracing"
#define INSTANCE	TRACING "/instances/lmap_test"
#define DEBUGFS		"/sys/kernel/debug/lmap"
#define TEXT_MAX	(8UL << 20)

/* A file, whole; the next call overwrites it. NULL: it can't be read. */
static char *text_of(const char *path)
{
	static char *text;
	size_t used = 0;
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return NULL;
	if (!text)
		text = malloc(TEXT_MAX);
	while ((n = read(fd, text + used, TEXT_MAX - used - 1)) > 0)
		used += n;
	text[used] = '\0';
	close(fd);
	return n < 0 ? NULL : text;
}

/* What follows "key" at the beginning of a word, or NULL. */
static const char *after(const char *line, const char *key)
{
	const char *at = line;

	while ((at = strstr(at, key))) {
		if (at == line || at[-1] == ' ' || at[-1] == '\n')
			return at + strlen(key);
		at++;
	}
	return NULL;
}

/* -1 if it is not there. */
static long number(const char *line, const char *key)
{
	const char *at = line ? after(line, key) : NULL;

	return at ? strtol(at, NULL, 0) : -1;
}

static bool says(const char *line, const char *key, const char *value)
{
	const char *at = line ? after(line, key) : NULL;
	size_t length = strlen(value);

	return at && !strncmp(at, value, length) &&
	       (!at[length] || strchr("\t\n ", at[length]));
}

/* mem is lent to nobody yet; w[i] is seen at v[i]. */
FIXTURE(trace) {
	int space;
	char *mem;
	int w[3];
	char *v[3];
	long id[3];
	long number;
	bool traced;
	bool debugfs;
};

/* What the kernel calls it. */
static long fdinfo(int fd, const char *key)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	return number(text_of(path), key);
}

FIXTURE_SETUP(trace)
{
	catch_faults();
	if (access(TRACING "/events", F_OK))
		mount("tracefs", TRACING, "tracefs", 0, NULL);
	self->traced = (!mkdir(INSTANCE, 0700) || errno == EEXIST) &&
		       write_file(INSTANCE "/events/lmap/enable", "1");
	self->debugfs = !access(DEBUGFS "/tree", R_OK);
	self->space = space_open();
	ASSERT_GE(self->space, 0);
	self->number = fdinfo(self->space, "lmap-space:");
	self->mem = memory_aligned(N, N * PG);
	for (int i = 0; i < 3; i++) {
		self->w[i] = window_create(self->space, 2 * N * PG, ALL);
		self->v[i] = window_mmap(self->w[i], 2 * N * PG,
					 PROT_READ | PROT_WRITE);
		ASSERT_NE(MAP_FAILED, self->v[i]);
		self->id[i] = fdinfo(self->w[i], "lmap-window:");
		ASSERT_GT(self->id[i], 0);
	}
}

FIXTURE_TEARDOWN(trace)
{
	if (self->traced) {
		write_file(INSTANCE "/events/lmap/enable", "0");
		EXPECT_EQ(0, rmdir(INSTANCE));
	}
	close(self->space);
	for (int i = 0; i < 3; i++)
		close(self->w[i]);
}

#define NO_TRACEFS	"no tracefs, or a kernel without tracepoints"
#define NO_DEBUGFS	"no debugfs at /sys/kernel/debug"

/* Tracepoints. */

/* What was traced since the last time; lines are taken one by one. */
static char *trace_take(void)
{
	char *text = text_of(INSTANCE "/trace");

	/* truncating is what empties it */
	close(open(INSTANCE "/trace", O_WRONLY | O_TRUNC | O_CLOEXEC));
	return text;
}

/*
 * The next line of a tracepoint, its fields, or NULL; *@at moves behind it.
 * @task: the thread that it is about, may be NULL.
 */
static char *traced(char **at, const char *name, int *task)
{
	char pattern[64], *line, *end, *fields;

	snprintf(pattern, sizeof(pattern), ": %s: ", name);
	while (*at && (line = *at) && *line) {
		end = strchrnul(line, '\n');
		*at = *end ? end + 1 : end;
		*end = '\0';
		if (*line == '#')
			continue;
		fields = strstr(line, pattern);
		if (!fields)
			continue;
		if (task) {
			/* "   name-with-dashes-123   [000] ..." */
			end = strstr(line, " [");
			while (end > line && end[-1] == ' ')
				end--;
			while (end > line && end[-1] != '-')
				end--;
			*task = atoi(end);
		}
		return fields + strlen(pattern);
	}
	return NULL;
}

#define MAP(addr, pages, rights, to, page) \
	op(self->space, LMAP_MAP, addr, (pages) * PG, rights, \
	   self->w[to], (page) * PG, 0)
#define UNMAP(addr, pages, rights) \
	unmap_range(self->space, addr, (pages) * PG, rights, 0, NULL)

LMAP_TEST(trace, map_copy_grant)
{
	struct lmap_map m;
	char *at, *line;

	if (!self->traced)
		SKIP(return, NO_TRACEFS);
	ASSERT_EQ(0, map_range(self->space, self->mem, 4 * PG,
			       LMAP_R | LMAP_M, self->w[0], 2 * PG, 0, &m));
	ASSERT_EQ(0, map_range(self->space, self->mem, 4 * PG, RWM,
			       self->w[0], 2 * PG, 0, NULL));
	at = trace_take();
	line = traced(&at, "lmap_map", NULL);
	EXPECT_EQ(self->id[0], number(line, "window="));
	EXPECT_EQ(m.out_node_id, number(line, "node="));
	EXPECT_EQ(2, number(line, "page="));
	EXPECT_EQ(4, number(line, "npages="));
	EXPECT_TRUE(says(line, "rights=", "rm"));
	EXPECT_TRUE(says(line, "before=", ""));
	EXPECT_EQ(1, number(line, "level="));
	/* rights are added */
	line = traced(&at, "lmap_map", NULL);
	EXPECT_EQ(m.out_node_id, number(line, "node="));
	EXPECT_TRUE(says(line, "rights=", "rwm"));
	EXPECT_TRUE(says(line, "before=", "rm"));
	EXPECT_EQ(NULL, traced(&at, "lmap_map", NULL));

	ASSERT_EQ(0, MAP(self->v[0] + 2 * PG, 1, RW, 1, 0));
	ASSERT_EQ(0, op(self->space, LMAP_COPY, self->v[0] + 3 * PG, PG,
			LMAP_R, self->w[1], PG, 0));
	ASSERT_EQ(0, op(self->space, LMAP_GRANT, self->v[0] + 4 * PG, 2 * PG,
			RW, self->w[2], 0, 0));
	at = trace_take();
	line = traced(&at, "lmap_map", NULL);
	EXPECT_EQ(self->id[1], number(line, "window="));
	EXPECT_EQ(2, number(line, "level="));
	line = traced(&at, "lmap_copy", NULL);
	EXPECT_EQ(self->id[1], number(line, "window="));
	EXPECT_EQ(1, number(line, "page="));
	EXPECT_TRUE(says(line, "rights=", "r"));
	EXPECT_EQ(1, number(line, "level="));
	line = traced(&at, "lmap_grant", NULL);
	EXPECT_EQ(self->id[2], number(line, "window="));
	EXPECT_EQ(2, number(line, "npages="));
	EXPECT_TRUE(says(line, "rights=", "rw"));
	EXPECT_EQ(1, number(line, "level="));
}

LMAP_TEST(trace, fault)
{
	char *at, *line;

	if (!self->traced)
		SKIP(return, NO_TRACEFS);
	ASSERT_EQ(0, MAP(self->mem, 4, RW, 0, 0));
	ASSERT_EQ(0, poke(self->v[0] + 2 * PG, 7));
	ASSERT_EQ(NOTHING, peek(self->v[0] + 5 * PG));
	at = trace_take();
	/* the first time there is no page yet: it is pinned, and tried again */
	do {
		line = traced(&at, "lmap_fault", NULL);
		ASSERT_NE(NULL, line);
		EXPECT_EQ(self->id[0], number(line, "window="));
		EXPECT_EQ(2, number(line, "page="));
		EXPECT_EQ(1, number(line, "write="));
		EXPECT_GT(number(line, "result="), 0);
	} while (!number(line, "filled="));
	EXPECT_LE(number(line, "filled="), 4);
	/* nothing is mapped there */
	do {
		line = traced(&at, "lmap_fault", NULL);
		ASSERT_NE(NULL, line);
	} while (number(line, "page=") != 5);
	EXPECT_EQ(0, number(line, "write="));
	EXPECT_EQ(0, number(line, "filled="));
	EXPECT_GT(number(line, "result="), 0);
}

LMAP_TEST(trace, pager)
{
	int pager = pager_create(self->space, self->w[0], 1);
	char *at, *line;

	ASSERT_GE(pager, 0);
	if (!self->traced)
		SKIP(return, NO_TRACEFS);
	trace_take();
	/* nobody answers */
	ASSERT_EQ(NOTHING, poke(self->v[0] + 3 * PG, 1));
	at = trace_take();
	line = traced(&at, "lmap_ask", NULL);
	ASSERT_NE(NULL, line);
	EXPECT_EQ(self->id[0], number(line, "window="));
	EXPECT_EQ(3, number(line, "page="));
	EXPECT_TRUE(says(line, "access=", "rw"));
	EXPECT_TRUE(says(line, "held=", ""));
	line = traced(&at, "lmap_answer", NULL);
	ASSERT_NE(NULL, line);
	EXPECT_EQ(3, number(line, "page="));
	EXPECT_EQ(-EFAULT, (int)number(line, "ret="));
	close(pager);
}

/* Latency is the time from begin to end of one thread; what is between them? */
LMAP_TEST(trace, unmap)
{
	uintptr_t first = (uintptr_t)self->mem / PG;
	int begun_by = -1, ended_by = -2;
	char range[64], *at, *line;

	if (!self->traced)
		SKIP(return, NO_TRACEFS);
	snprintf(range, sizeof(range), "%#lx-%#lx", first + 2, first + 5);
	ASSERT_EQ(0, MAP(self->mem, N, RWM, 0, 3));
	for (int i = 0; i < N; i++)
		ASSERT_EQ(0, poke(self->v[0] + (3 + i) * PG, 1));
	trace_take();
	ASSERT_EQ(0, UNMAP(self->mem + 2 * PG, 4, LMAP_R));
	at = trace_take();
	line = traced(&at, "lmap_unmap_begin", &begun_by);
	EXPECT_EQ(self->number, number(line, "space="));
	EXPECT_TRUE(says(line, "pages=", range)) TH_LOG("%s", line);
	line = traced(&at, "lmap_zap", NULL);
	EXPECT_EQ(self->id[0], number(line, "window="));
	EXPECT_TRUE(says(line, "pages=", "5-8")) TH_LOG("%s", line);
	line = traced(&at, "lmap_event", NULL);
	EXPECT_EQ(self->id[0], number(line, "window="));
	EXPECT_EQ(5, number(line, "page="));
	EXPECT_EQ(4, number(line, "npages="));
	EXPECT_TRUE(says(line, "rights=", ""));
	EXPECT_TRUE(says(line, "before=", "rwm"));
	EXPECT_TRUE(says(line, "reason=", "unmap"));
	line = traced(&at, "lmap_unmap_end", &ended_by);
	EXPECT_EQ(self->number, number(line, "space="));
	EXPECT_EQ(1, number(line, "mappings="));
	EXPECT_EQ(4, number(line, "npages="));
	EXPECT_EQ(0, number(line, "ret="));
	EXPECT_EQ(syscall(SYS_gettid), begun_by);
	EXPECT_EQ(begun_by, ended_by);
}

LMAP_TEST(trace, reasons)
{
	char *at, *line;

	if (!self->traced)
		SKIP(return, NO_TRACEFS);
	ASSERT_EQ(0, MAP(self->mem, N, RW, 0, 0));
	ASSERT_EQ(0, UNMAP(self->mem, N, LMAP_W));
	ASSERT_EQ(0, munmap(self->mem, PG));
	ASSERT_EQ(0, MAP(self->mem + 2 * PG, 1, LMAP_R, 0, 1));
	at = trace_take();
	line = traced(&at, "lmap_event", NULL);
	EXPECT_TRUE(says(line, "reason=", "downgrade"));
	EXPECT_TRUE(says(line, "before=", "rw"));
	EXPECT_TRUE(says(line, "rights=", "r"));
	line = traced(&at, "lmap_event", NULL);
	EXPECT_TRUE(says(line, "reason=", "munmap"));
	EXPECT_EQ(0, number(line, "page="));
	line = traced(&at, "lmap_event", NULL);
	EXPECT_TRUE(says(line, "reason=", "overmap"));
	EXPECT_EQ(1, number(line, "page="));
	EXPECT_EQ(NULL, traced(&at, "lmap_event", NULL));
}

/* perf and trace-cmd print what the format says, and know no enums of ours. */
LMAP_TEST(trace, formats_are_for_tools)
{
	static const char * const names[] = {
		"lmap_map", "lmap_copy", "lmap_grant", "lmap_unmap_begin",
		"lmap_unmap_end", "lmap_fault", "lmap_zap", "lmap_event",
		"lmap_ask", "lmap_answer",
	};

	if (!self->traced)
		SKIP(return, NO_TRACEFS);
	for (int i = 0; i < ARRAY_SIZE(names); i++) {
		char path[128], *text;

		snprintf(path, sizeof(path), INSTANCE "/events/lmap/%s/format",
			 names[i]);
		text = text_of(path);
		ASSERT_NE(NULL, text);
		EXPECT_NE(NULL, strstr(text, "print fmt: "));
		EXPECT_EQ(NULL, strstr(text, "LMAP_"));
	}
}

/* debugfs. */

/* In "tree": the line of the mapping at a page of a window, or NULL. */
static char *tree_node(char *tree, long window, long page)
{
	char head[64], *at, *end;

	snprintf(head, sizeof(head), "window %ld pid ", window);
	at = tree ? strstr(tree, head) : NULL;
	end = at ? strstr(at + 1, "\nwindow ") : NULL;
	while (at && (at = strstr(at, "\n  node ")) && (!end || at < end)) {
		at++;
		if (number(at, "page ") == page)
			return at;
	}
	return NULL;
}

/* Page frame number of a page of a window, among the lines below its mapping. */
static long frame_of(const char *node, long page)
{
	const char *at = strchr(node, '\n');

	while (at && !strncmp(at, "\n    page ", 10)) {
		long first = number(at, "page "), n = number(at, "n ");

		if (page >= first && page < first + n)
			return number(at, "frame ") + page - first;
		at = strchr(at + 1, '\n');
	}
	return -1;
}

LMAP_TEST(trace, debugfs_tree)
{
	struct lmap_map m, below;
	char *tree, *node;

	if (!self->debugfs)
		SKIP(return, NO_DEBUGFS);
	ASSERT_EQ(0, map_range(self->space, self->mem, N * PG, RWM, self->w[0],
			       2 * PG, 0, &m));
	ASSERT_EQ(0, map_range(self->space, self->v[0] + 4 * PG, 3 * PG, LMAP_R,
			       self->w[1], 0, 0, &below));
	for (int i = 0; i < 4; i++)
		ASSERT_EQ(0, poke(self->v[0] + (2 + i) * PG, 1));
	tree = text_of(DEBUGFS "/tree");
	node = tree_node(tree, self->id[0], 2);
	ASSERT_NE(NULL, node);
	EXPECT_EQ(m.out_node_id, number(node, "node "));
	EXPECT_EQ(0, number(node, "parent "));
	EXPECT_GT(number(node, "region "), 0);
	EXPECT_EQ(N, number(node, "n "));
	EXPECT_TRUE(says(node, "rights ", "rw-m"));
	EXPECT_EQ(1, number(node, "level "));
	for (int i = 0; i < 4; i++)
		EXPECT_EQ(pagemap(self->mem + i * PG) & PAGE_FRAME,
			  frame_of(node, 2 + i));
	node = tree_node(tree, self->id[1], 0);
	ASSERT_NE(NULL, node);
	EXPECT_EQ(below.out_node_id, number(node, "node "));
	EXPECT_EQ(m.out_node_id, number(node, "parent "));
	EXPECT_EQ(3, number(node, "n "));
	EXPECT_TRUE(says(node, "rights ", "r---"));
	EXPECT_EQ(2, number(node, "level "));
	EXPECT_EQ(NULL, tree_node(tree, self->id[2], 0));
	ASSERT_EQ(0, UNMAP(self->mem, N, LMAP_R));
	tree = text_of(DEBUGFS "/tree");
	EXPECT_EQ(NULL, tree_node(tree, self->id[0], 2));
	EXPECT_EQ(NULL, tree_node(tree, self->id[1], 0));
}

/* More than fits into one read: each mapping is there, once. */
LMAP_TEST(trace, debugfs_tree_is_complete)
{
	enum { MANY = 2000 };
	int w = window_create(self->space, 2 * MANY * PG, ALL);
	long id = fdinfo(w, "lmap-window:");
	char head[64], *at, *end;
	int found = 0;

	if (!self->debugfs)
		SKIP(return, NO_DEBUGFS);
	for (int i = 0; i < MANY; i++)
		ASSERT_EQ(0, map_range(self->space, self->mem, PG, RW, w,
				       2 * i * PG, 0, NULL));
	snprintf(head, sizeof(head), "window %ld pid %d pages %d\n", id,
		 getpid(), 2 * MANY);
	at = strstr(text_of(DEBUGFS "/tree"), head);
	ASSERT_NE(NULL, at);
	end = strstr(at + 1, "\nwindow ");
	EXPECT_EQ(NULL, strstr(at + 1, head));
	while ((at = strstr(at, "\n  node ")) && (!end || at < end)) {
		at++;
		ASSERT_EQ(2 * found, number(at, "page "));
		found++;
	}
	EXPECT_EQ(MANY, found);
	close(w);
}

struct mapper {
	int space;
	char *mem;
	int window;
	int stop;
};

static void *map_and_unmap(void *arg)
{
	struct mapper *m = arg;

	while (!__atomic_load_n(&m->stop, __ATOMIC_RELAXED)) {
		for (int i = 0; i < N; i++)
			map_range(m->space, m->mem, PG, RW, m->window,
				  2 * i * PG, LMAP_POPULATE, NULL);
		unmap_range(m->space, m->mem, PG, ALL, 0, NULL);
	}
	return NULL;
}

LMAP_TEST(trace, debugfs_tree_while_it_changes)
{
	struct mapper m = { .space = self->space, .mem = self->mem,
			    .window = self->w[0] };
	int wrong = 0, seen = 0;
	pthread_t thread;

	if (!self->debugfs)
		SKIP(return, NO_DEBUGFS);
	ASSERT_EQ(0, pthread_create(&thread, NULL, map_and_unmap, &m));
	for (int i = 0; i < 500 / slow() || !seen; i++) {
		char *at = text_of(DEBUGFS "/tree");

		for (; at && *at; at = strchr(at, '\n') + 1) {
			if (strncmp(at, "  node ", 7))
				continue;
			seen++;
			/* some are just on their way out */
			wrong += number(at, "page ") % 2 ||
				 number(at, "n ") != 1 ||
				 (!says(at, "rights ", "rw--") &&
				  !says(at, "rights ", "----"));
		}
	}
	__atomic_store_n(&m.stop, 1, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	EXPECT_EQ(0, wrong);
}

static long counter(const char *key)
{
	return number(text_of(DEBUGFS "/counters"), key);
}

LMAP_TEST(trace, debugfs_counters_and_reset)
{
	long maps, revoked, pages;

	if (!self->debugfs)
		SKIP(return, NO_DEBUGFS);
	maps = counter("maps ");
	revoked = counter("revoked ");
	pages = counter("pages ");
	EXPECT_GE(counter("spaces "), 1);
	EXPECT_GE(counter("windows "), 3);
	ASSERT_EQ(0, MAP(self->mem, N, RW, 0, 0));
	ASSERT_EQ(0, poke(self->v[0], 1));
	ASSERT_EQ(0, UNMAP(self->mem, N, ALL));
	EXPECT_EQ(maps + 1, counter("maps "));
	EXPECT_EQ(revoked + 1, counter("revoked "));
	EXPECT_GE(counter("pages "), pages + 1);
	/* netlink tells the same */
	EXPECT_EQ(counter("maps "), nl_stat(LMAP_A_STATS_MAPS));
	EXPECT_EQ(counter("faults "), nl_stat(LMAP_A_STATS_FAULTS));
	EXPECT_EQ(counter("lost "), nl_stat(LMAP_A_STATS_LOST));
	ASSERT_TRUE(write_file(DEBUGFS "/reset", "1"));
	EXPECT_EQ(0, counter("maps "));
	EXPECT_EQ(0, counter("faults "));
	EXPECT_EQ(0, counter("pins "));
	/* what exists is not a matter of counting */
	EXPECT_GE(counter("windows "), 3);
	ASSERT_EQ(0, MAP(self->mem, N, RW, 0, 0));
	EXPECT_EQ(1, counter("maps "));
}

static int what_a_user_sees(void *arg)
{
	NEED(open(DEBUGFS "/tree", O_RDONLY) == -1);
	NEED(open(DEBUGFS "/counters", O_RDONLY) == -1);
	NEED(open(DEBUGFS "/reset", O_WRONLY) == -1);
	return 0;
}

/* Page frames are nobody's business; neither by the directory nor by the files. */
LMAP_TEST(trace, debugfs_is_for_root)
{
	struct stat st;

	if (!self->debugfs)
		SKIP(return, NO_DEBUGFS);
	EXPECT_EQ(0, as_user(65400, what_a_user_sees, NULL));
	ASSERT_EQ(0, stat(DEBUGFS "/tree", &st));
	EXPECT_EQ(0400, st.st_mode & 0777);
	ASSERT_EQ(0, stat(DEBUGFS "/counters", &st));
	EXPECT_EQ(0400, st.st_mode & 0777);
	ASSERT_EQ(0, stat(DEBUGFS "/reset", &st));
	EXPECT_EQ(0200, st.st_mode & 0777);
}

/* fdinfo. */

LMAP_TEST(trace, fdinfo_of_a_window)
{
	int nl = nl_open(), w = window_create(self->space, 5 * PG, RX);
	char path[64];

	EXPECT_EQ(nl_watch(nl, w, 0), fdinfo(w, "lmap-window:"));
	EXPECT_NE(self->id[0], self->id[1]);
	EXPECT_EQ(self->number, fdinfo(w, "lmap-space:"));
	EXPECT_EQ(5 * PG, fdinfo(w, "lmap-size:"));
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", w);
	EXPECT_TRUE(says(text_of(path), "lmap-rights:", "\tr-x-"));
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", self->w[0]);
	EXPECT_TRUE(says(text_of(path), "lmap-rights:", "\trwxm"));
	close(w);
	close(nl);
}

LMAP_TEST(trace, fdinfo_of_a_space)
{
	int nl = nl_open(), other;

	EXPECT_EQ(nl_watch(nl, self->space, 0), self->number);
	EXPECT_EQ(3, fdinfo(self->space, "lmap-windows:"));
	EXPECT_EQ(0, fdinfo(self->space, "lmap-regions:"));
	EXPECT_EQ(0, fdinfo(self->space, "lmap-mappings:"));
	EXPECT_EQ(0, fdinfo(self->space, "lmap-tiles:"));
	ASSERT_EQ(0, MAP(self->mem, 4, RWM, 0, 0));
	ASSERT_EQ(0, MAP(self->v[0], 2, RW, 1, 0));
	ASSERT_EQ(0, poke(self->v[0], 1));
	EXPECT_EQ(1, fdinfo(self->space, "lmap-regions:"));
	EXPECT_EQ(2, fdinfo(self->space, "lmap-mappings:"));
	EXPECT_EQ(info(self->space).out_tiles, fdinfo(self->space, "lmap-tiles:"));
	EXPECT_GE(fdinfo(self->space, "lmap-tiles:"), 1);
	other = space_open();
	EXPECT_GT(fdinfo(other, "lmap-space:"), self->number);
	close(other);
	close(nl);
}

TEST_HARNESS_MAIN
