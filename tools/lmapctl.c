// SPDX-License-Identifier: GPL-2.0
/*
 * lmapctl - see which memory is lent to whom.
 *
 * Here: options, commands, and asking the kernel; how things look is the
 * business of ctl-*.c. Must never change anything, and never show an empty
 * table to somebody who may not see what there is.
 *
 * The exit status is that of ip(8): 0, 1 for a wrong command line, 2 if the
 * kernel refused or something else failed.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ctl.h"

#define PARAMETERS	"/sys/module/lmap/parameters"

enum { USAGE = 1, FAILED = 2 };

static void __attribute__((noreturn, format(printf, 2, 3)))
fail(int status, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "lmapctl: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	putc('\n', stderr);
	if (status == USAGE)
		fprintf(stderr, "Try \"lmapctl --help\".\n");
	exit(status);
}

static void usage(void)
{
	printf("Usage: lmapctl [OPTIONS] COMMAND\n"
	       "\n"
	       "  list       windows; with -m mappings\n"
	       "  tree       who lends what to whom\n"
	       "  dot        the same as a graph: lmapctl dot | dot -Tsvg >lmap.svg\n"
	       "  monitor    what is lent and taken back, as it happens\n"
	       "  stats      counters of the whole machine\n"
	       "  info       version and limits of the module\n"
	       "\n"
	       "  -m, --mappings       list mappings, not windows\n"
	       "  -w, --window ID      only this window\n"
	       "  -p, --pid PID        only what this process lends or borrows\n"
	       "  -t, --timestamps     monitor: when\n"
	       "  -b, --bytes          exact sizes\n"
	       "  -j, --json           for programs; monitor: one object a line\n"
	       "      --color[=WHEN]   auto, always, never\n"
	       "  -h, --help    -V, --version\n"
	       "\n"
	       "Other processes' memory is shown to root (CAP_NET_ADMIN).\n");
}

static volatile sig_atomic_t stop;

/* Opening. */

static struct lmap_monitor *monitor_open(void)
{
	struct lmap_monitor *m = lmap_monitor_open();

	if (m)
		return m;
	if (errno == ENOENT)
		fail(FAILED, "the module lmap is not loaded (modprobe lmap)");
	fail(FAILED, "cannot open a netlink socket: %s", strerror(errno));
}

/*
 * The kernel decides, so it is asked: for counters, since the group of those who
 * hear of everything can be joined by the administrator of a namespace, who then
 * hears of nothing.
 */
static bool sees_all(struct lmap_monitor *m)
{
	struct lmap_stats st = { .size = sizeof(st) };

	return lmap_stats(m, &st) != -EPERM;
}

static void __attribute__((noreturn)) not_for_you(void)
{
	fail(FAILED, "permission denied: a process sees only windows and spaces whose\n"
	     "file descriptors it holds, and lmapctl holds none. With CAP_NET_ADMIN it\n"
	     "sees all of them: run it as root.");
}

/* Collecting. */

static int add_node(const struct lmap_node *n, void *arg)
{
	ctl_db_add_node(arg, n);
	return 0;
}

static int add_window(const struct lmap_window_info *w, void *arg)
{
	ctl_db_add_window(arg, w);
	return 0;
}

/* A process that is gone keeps the name that it had when it was seen last. */
static void learn_name(struct ctl_db *db, uint32_t pid)
{
	char path[64], name[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/comm", pid);
	f = pid ? fopen(path, "re") : NULL;
	if (!f)
		return;
	if (fgets(name, sizeof(name), f)) {
		name[strcspn(name, "\n")] = '\0';
		ctl_db_name(db, pid, name);
	}
	fclose(f);
}

static void learn_names(struct ctl_db *db)
{
	size_t i;

	for (i = 0; i < db->n_windows; i++)
		if (!ctl_db_proc(db, db->windows[i].pid))
			learn_name(db, db->windows[i].pid);
	for (i = 0; i < db->n_nodes; i++) {
		if (!ctl_db_proc(db, db->nodes[i].pid))
			learn_name(db, db->nodes[i].pid);
		if (!ctl_db_proc(db, db->nodes[i].lender))
			learn_name(db, db->nodes[i].lender);
	}
}

static void check_dump(int ret)
{
	if (ret == -EAGAIN)
		fprintf(stderr, "lmapctl: it changed all the time while it was read; some of it may be older than the rest\n");
	else if (ret && !(ret == -EINTR && stop))
		fail(FAILED, "cannot read the mappings: %s", strerror(-ret));
}

static void collect(struct ctl_db *db, struct lmap_monitor *m,
		    const struct ctl_style *s, bool whole_trees)
{
	check_dump(lmap_dump(m, add_node, db));
	check_dump(lmap_dump_windows(m, add_window, db));
	ctl_db_sort(db);
	if (!db->n_nodes && !db->n_windows && !sees_all(m))
		not_for_you();
	if (s->window && !ctl_db_window(db, s->window))
		fail(FAILED, "there is no window %" PRIu64, s->window);
	ctl_db_filter(db, s, whole_trees);
	learn_names(db);
}

/* Commands. */

static void show(const struct ctl_style *s, bool whole_trees,
		 void (*format)(FILE *out, const struct ctl_db *db,
				const struct ctl_style *s))
{
	struct lmap_monitor *m = monitor_open();
	struct ctl_db db = { 0 };

	collect(&db, m, s, whole_trees);
	format(stdout, &db, s);
	ctl_db_free(&db);
	lmap_monitor_close(m);
}

static void cmd_list(const struct ctl_style *s)
{
	show(s, false, ctl_list);
}

static void cmd_tree(const struct ctl_style *s)
{
	show(s, true, ctl_tree);
}

static void cmd_dot(const struct ctl_style *s)
{
	show(s, true, ctl_dot);
}

static void cmd_stats(const struct ctl_style *s)
{
	struct lmap_stats st = { .size = sizeof(st) };
	struct lmap_monitor *m = monitor_open();
	int ret = lmap_stats(m, &st);

	if (ret == -EPERM)
		not_for_you();
	if (ret)
		fail(FAILED, "cannot read the counters: %s", strerror(-ret));
	ctl_stats(stdout, &st, s);
	lmap_monitor_close(m);
}

static char *read_line(const char *dir, const char *name)
{
	char *path = NULL, *line = NULL;
	size_t size = 0;
	FILE *f;

	if (asprintf(&path, "%s/%s", dir, name) < 0)
		return NULL;
	f = fopen(path, "re");
	if (f && getline(&line, &size, f) >= 0)
		line[strcspn(line, "\n")] = '\0';
	if (f)
		fclose(f);
	free(path);
	return line;
}

/* In the order of their names; those that only root can read are left out. */
static char **read_parameters(void)
{
	struct dirent **entries = NULL;
	int n = scandir(PARAMETERS, &entries, NULL, alphasort), i;
	char **list = ctl_zeroed(2 * (n > 0 ? n : 0) + 1, sizeof(*list));
	size_t count = 0;

	for (i = 0; i < n; i++) {
		char *value = *entries[i]->d_name == '.' ? NULL :
			read_line(PARAMETERS, entries[i]->d_name);

		if (value) {
			list[count++] = strdup(entries[i]->d_name);
			list[count++] = value;
		}
		free(entries[i]);
	}
	free(entries);
	return list;
}

static void cmd_info(const struct ctl_style *s)
{
	struct lmap_info kernel = { .size = sizeof(kernel) };
	struct lmap_monitor *m = monitor_open();
	struct ctl_info info = { 0 };
	int space = lmap_open(0), ret;
	char **parameters;
	size_t i;

	ret = space < 0 ? space : lmap_info(space, &kernel);
	if (ret)
		fail(FAILED, "/dev/lmap: %s", strerror(-ret));
	close(space);
	info.version = kernel.out_version;
	info.page_size = 1UL << kernel.out_page_shift;
	info.levels = kernel.out_depth_max;
	info.sees_all = sees_all(m);
	lmap_monitor_close(m);
	parameters = read_parameters();
	info.parameters = (const char *const *)parameters;
	ctl_show_info(stdout, &info, s);
	for (i = 0; parameters[i]; i++)
		free(parameters[i]);
	free(parameters);
}

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

/* Without SA_RESTART: waiting ends. */
static void catch_signals(void)
{
	struct sigaction sa = { .sa_handler = on_signal };

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
}

/* ISO 8601, with microseconds and the offset from UTC. */
static const char *now(void)
{
	char date[32], zone[8];
	struct timespec t;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &t);
	localtime_r(&t.tv_sec, &tm);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	strftime(zone, sizeof(zone), "%z", &tm);
	return ctl_format("%s.%06ld%s", date, t.tv_nsec / 1000, zone);
}

static void resync(struct ctl_db *db, struct lmap_monitor *m,
		   const struct ctl_style *s)
{
	free(db->windows);
	free(db->nodes);
	db->windows = NULL;
	db->nodes = NULL;
	db->n_windows = 0;
	db->n_nodes = 0;
	/* windows first: of no change is less known than their generations say */
	check_dump(lmap_dump_windows(m, add_window, db));
	check_dump(lmap_dump(m, add_node, db));
	ctl_db_sort(db);
	ctl_db_filter(db, s, false);
	learn_names(db);
	if (stop)
		return;
	ctl_lost(stdout, db, s->time ? now() : NULL, s);
}

static bool is_wanted(const struct lmap_event *e, const struct ctl_style *s)
{
	return (!s->window || e->window == s->window) &&
	       (!s->pid || e->pid == s->pid);
}

/* It was in the socket before something was lost: what was shown then knows it. */
static bool is_old(const struct ctl_db *db, const struct lmap_event *e)
{
	const struct lmap_window_info *w = ctl_db_window(db, e->window);

	return w && e->generation && e->generation <= w->generation;
}

static void cmd_monitor(const struct ctl_style *s)
{
	struct lmap_event e = { .size = sizeof(e) };
	struct lmap_monitor *m = monitor_open();
	struct ctl_db db = { 0 };
	int ret = lmap_monitor_all(m);

	if (ret == -EPERM || !sees_all(m))
		not_for_you();
	if (ret)
		fail(FAILED, "cannot hear of events: %s", strerror(-ret));
	catch_signals();
	while (!stop && !ferror(stdout)) {
		ret = lmap_monitor_next(m, &e, -1);
		if (ret == -ENOBUFS) {
			resync(&db, m, s);
		} else if (ret == 1 && is_wanted(&e, s) && !is_old(&db, &e)) {
			learn_name(&db, e.pid);
			ctl_event(stdout, &db, &e, s->time ? now() : NULL, s);
		} else if (ret < 0 && ret != -EINTR) {
			fail(FAILED, "cannot hear of events: %s",
			     strerror(-ret));
		}
		fflush(stdout);
	}
	ctl_db_free(&db);
	lmap_monitor_close(m);
}

/* The command line. */

static const struct {
	const char *name;
	void (*run)(const struct ctl_style *s);
} commands[] = {
	{ "list", cmd_list },
	{ "tree", cmd_tree },
	{ "dot", cmd_dot },
	{ "monitor", cmd_monitor },
	{ "stats", cmd_stats },
	{ "info", cmd_info },
};

static uint64_t number(const char *text, uint64_t max, const char *what)
{
	unsigned long long n;
	char *end;

	errno = 0;
	n = strtoull(text, &end, 0);
	if (*text < '0' || *text > '9' || *end || errno || !n || n > max)
		fail(USAGE, "\"%s\" is not a %s", text, what);
	return n;
}

/* Who says "always" gets it; else NO_COLOR counts, and what stdout is. */
static bool color(const char *when)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	if (!strcmp(when, "always"))
		return true;
	if (!strcmp(when, "never"))
		return false;
	if (strcmp(when, "auto"))
		fail(USAGE, "\"%s\": auto, always or never", when);
	return !(no && *no) && isatty(STDOUT_FILENO) &&
	       !(term && !strcmp(term, "dumb"));
}

static void version(void)
{
	printf("lmapctl %s\n", LMAP_TOOLS_VERSION);
}

static void parse_options(int argc, char **argv, struct ctl_style *s)
{
	static const struct option options[] = {
		{ "mappings", no_argument, NULL, 'm' },
		{ "window", required_argument, NULL, 'w' },
		{ "pid", required_argument, NULL, 'p' },
		{ "timestamps", no_argument, NULL, 't' },
		{ "bytes", no_argument, NULL, 'b' },
		{ "json", no_argument, NULL, 'j' },
		{ "color", optional_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 }
	};
	const char *when = "auto";
	int c;

	while ((c = getopt_long(argc, argv, "mw:p:tbjhV", options,
				NULL)) != -1) {
		switch (c) {
		case 'm':
			s->mappings = true;
			break;
		case 'w':
			s->window = number(optarg, UINT64_MAX, "window");
			break;
		case 'p':
			s->pid = number(optarg, INT32_MAX, "process");
			break;
		case 't':
			s->time = true;
			break;
		case 'b':
			s->bytes = true;
			break;
		case 'j':
			s->json = true;
			break;
		case 'c':
			when = optarg ? optarg : "always";
			break;
		case 'h':
			usage();
			exit(0);
		case 'V':
			version();
			exit(0);
		default:
			fprintf(stderr, "Try \"lmapctl --help\".\n");
			exit(USAGE);
		}
	}
	s->color = color(when);
}

/* A beginning is enough, as for ip and bpftool; no two begin alike. */
static void run(const char *name, const struct ctl_style *s)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		if (*name && !strncmp(name, commands[i].name, strlen(name))) {
			commands[i].run(s);
			return;
		}
	}
	if (strcmp(name, "help"))
		fail(USAGE, "there is no command \"%s\"", name);
	usage();
}

int main(int argc, char **argv)
{
	struct ctl_style s = { 0 };

	setlocale(LC_CTYPE, "");
	s.utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
	parse_options(argc, argv, &s);
	if (optind == argc)
		fail(USAGE, "which command?");
	if (optind + 1 < argc)
		fail(USAGE, "\"%s\": one command at a time", argv[optind + 1]);
	run(argv[optind], &s);
	if (fflush(stdout) || ferror(stdout))
		fail(FAILED, "cannot write: %s", strerror(errno));
	return 0;
}
