// SPDX-License-Identifier: GPL-2.0
/*
 * scene NAMES - three processes lend each other memory, a step for each word
 * on standard input, so that somebody can look in between; selftests/vm/guest/
 * lmapctl.guest does. Answers each word with "ok", or with what failed.
 * scene -u UID COMMAND... - runs a command without privileges.
 *
 * Into the file NAMES goes what each number is called: "window 7 middle"; and
 * the size of a page. All else must be the same whenever it runs: addresses,
 * in pages, and the order of things.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <lmap.h>

#define PAGE	page_size
/*
 * The lender's memory: what is lent, what is lent pinned, what is given away.
 * With larger pages all numbers of bytes are larger by the same factor.
 */
#define LENT	(PAGE << 32)
#define PINNED	(LENT + 0x100 * PAGE)
#define GIVEN	(LENT + 0x200 * PAGE)
#define RW	(LMAP_R | LMAP_W)
#define RWM	(LMAP_R | LMAP_W | LMAP_M)
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

static unsigned long page_size;
static FILE *names;
static int space;

static void __attribute__((noreturn, format(printf, 1, 2)))
fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
	exit(1);
}

static void name(const char *kind, uint64_t number, const char *text)
{
	fprintf(names, "%s %" PRIu64 " %s\n", kind, number, text);
	fflush(names);
}

/* What the kernel calls a window or a space, by its descriptor. */
static uint64_t number_of(const char *key, int fd)
{
	char path[64], line[128], format[64];
	uint64_t number = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	snprintf(format, sizeof(format), "%s: %%" SCNu64, key);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, format, &number) == 1)
			break;
	if (f)
		fclose(f);
	if (!number)
		fail("no %s in %s", key, path);
	return number;
}

static void *memory(uintptr_t where, size_t pages)
{
	void *p = mmap((void *)where, pages * PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (p != (void *)where)
		fail("no memory at %#lx", (unsigned long)where);
	return memset(p, 1, pages * PAGE);
}

/* Processes that pass on what they got. */

struct order {
	uint64_t from;
	uint64_t length;
	uint64_t to;
	uint32_t rights;
	uint32_t flags;
	uint32_t copy;
};

struct answer {
	int64_t ret;
	uint64_t mapping;
};

struct process {
	const char *name;
	pid_t pid;
	int sock;
	int window;
};

static struct process middle, borrower;

static void obey(int sock, const char *view)
{
	struct lmap_map_result result = { .size = sizeof(result) };
	struct lmap_map_opts opts = { .size = sizeof(opts) };
	struct answer a = { 0 };
	struct order o;
	int window;

	while (read(sock, &o, sizeof(o)) == sizeof(o)) {
		window = lmap_recv_fd(sock);
		opts.flags = o.flags;
		a.ret = (o.copy ? lmap_copy_range : lmap_map_range)
			(space, view + o.from, o.length, o.rights, window,
			 o.to, &opts, &result);
		a.mapping = result.node_id;
		close(window);
		if (write(sock, &a, sizeof(a)) != sizeof(a))
			break;
	}
	_exit(0);
}

static void be(const char *who, size_t pages, unsigned int rights, int sock)
{
	int window;
	char *view;

	/* what the lender holds ends when the lender closes it */
	close(space);
	if (middle.pid) {
		close(middle.sock);
		close(middle.window);
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, who);
	space = lmap_open(0);
	window = lmap_window(space, pages * PAGE, rights, 0);
	if (window < 0)
		fail("%s has no window: %d", who, window);
	view = lmap_window_mmap(window, pages * PAGE, PROT_READ | PROT_WRITE);
	name("process", getpid(), who);
	name("space", number_of("lmap-space", space), who);
	name("window", number_of("lmap-window", window), who);
	if (view == MAP_FAILED || lmap_send_fd(sock, window))
		fail("%s cannot pass its window", who);
	close(window);
	obey(sock, view);
}

static struct process start(const char *who, size_t pages, unsigned int rights)
{
	struct process p = { .name = who };
	int socks[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks))
		fail("socketpair: %s", strerror(errno));
	p.pid = fork();
	if (p.pid < 0)
		fail("fork: %s", strerror(errno));
	if (!p.pid) {
		close(socks[0]);
		be(who, pages, rights, socks[1]);
	}
	close(socks[1]);
	p.sock = socks[0];
	p.window = lmap_recv_fd(p.sock);
	if (p.window < 0)
		fail("%s does not come up", who);
	return p;
}

static int tell(const struct process *p, const struct order *o, int window,
		const char *what)
{
	struct answer a;

	if (write(p->sock, o, sizeof(*o)) != sizeof(*o) ||
	    lmap_send_fd(p->sock, window) ||
	    read(p->sock, &a, sizeof(a)) != sizeof(a))
		fail("%s is gone", p->name);
	if (!a.ret)
		name("mapping", a.mapping, what);
	return a.ret;
}

/* Steps: each returns 0 or -errno. */

static int lend(const char *what, uintptr_t from, size_t pages,
		unsigned int rights, const struct process *to, uint64_t page,
		const struct lmap_map_opts *opts)
{
	struct lmap_map_result result = { .size = sizeof(result) };
	int ret = lmap_map_range(space, (void *)from, pages * PAGE, rights,
				 to->window, page * PAGE, opts, &result);

	if (!ret)
		name("mapping", result.node_id, what);
	return ret;
}

static int take(uintptr_t from, size_t pages, unsigned int rights)
{
	return lmap_unmap_range(space, (void *)from, pages * PAGE, rights, 0,
				NULL);
}

static int do_lend(void)
{
	struct lmap_map_opts opts = { .size = sizeof(opts), .budget = 8 };

	return lend("whole", LENT, 16, RWM, &middle, 0, &opts);
}

static int do_pass_on(void)
{
	struct order o = { .length = 8 * PAGE, .rights = LMAP_R,
			   .flags = LMAP_TRACK };

	return tell(&middle, &o, borrower.window, "half");
}

/* The fourth page, of both. */
static int do_cut(void)
{
	return take(LENT + 3 * PAGE, 1, LMAP_R);
}

static int do_pin(void)
{
	struct lmap_map_opts opts = { .size = sizeof(opts), .flags = LMAP_PIN };

	return lend("pinned", PINNED, 2, LMAP_R | LMAP_X, &borrower, 8, &opts);
}

/* Nobody lends it afterwards. */
static int do_give(void)
{
	struct lmap_map_result result = { .size = sizeof(result) };
	int ret = lmap_grant_range(space, (void *)GIVEN, 3 * PAGE, RWM,
				   borrower.window, 16 * PAGE, NULL, &result);

	if (!ret)
		name("mapping", result.node_id, "gift");
	return ret;
}

static int do_copy(void)
{
	struct order o = { .from = 16 * PAGE, .length = PAGE, .to = 16 * PAGE,
			   .rights = LMAP_R, .copy = 1 };

	return tell(&borrower, &o, middle.window, "share");
}

static int do_reduce(void)
{
	return take(LENT, 16, LMAP_W);
}

static int do_revoke(void)
{
	return take(LENT, 16, LMAP_R);
}

static int do_munmap(void)
{
	return munmap((void *)PINNED, PAGE) ? -errno : 0;
}

/* More events than a socket holds; the last mapping stays. */
static int do_flood(void)
{
	int i, ret = 0;

	for (i = 0; i < 500 && !ret; i++) {
		ret = take(LENT, 1, LMAP_R);
		if (!ret)
			ret = lend("last", LENT, 1, LMAP_R, &middle, 0, NULL);
	}
	return ret;
}

static int do_close(void)
{
	close(borrower.window);
	close(borrower.sock);
	return 0;
}

static const struct {
	const char *word;
	int (*run)(void);
} steps[] = {
	{ "lend", do_lend },
	{ "pass_on", do_pass_on },
	{ "cut", do_cut },
	{ "pin", do_pin },
	{ "give", do_give },
	{ "copy", do_copy },
	{ "reduce", do_reduce },
	{ "revoke", do_revoke },
	{ "munmap", do_munmap },
	{ "flood", do_flood },
	{ "close", do_close },
};

static void step(const char *word)
{
	size_t i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		if (strcmp(word, steps[i].word))
			continue;
		ret = steps[i].run();
		if (ret)
			fail("%s: %s", word, strerror(-ret));
		printf("ok\n");
		fflush(stdout);
		return;
	}
	fail("no step %s", word);
}

static int as_user(char **argv)
{
	unsigned int uid = strtoul(argv[0], NULL, 10);

	if (setgid(uid) || setuid(uid))
		fail("setuid: %s", strerror(errno));
	execv(argv[1], argv + 1);
	fail("%s: %s", argv[1], strerror(errno));
}

int main(int argc, char **argv)
{
	char word[32];

	if (argc > 3 && !strcmp(argv[1], "-u"))
		return as_user(argv + 2);
	names = argc == 2 ? fopen(argv[1], "we") : NULL;
	if (!names)
		fail("usage: scene NAMES | scene -u UID COMMAND...");
	page_size = sysconf(_SC_PAGESIZE);
	name("page", page_size, "bytes");
	prctl(PR_SET_NAME, "lender");
	space = lmap_open(0);
	if (space < 0)
		fail("/dev/lmap: %s", strerror(-space));
	name("process", getpid(), "lender");
	name("space", number_of("lmap-space", space), "lender");
	middle = start("middle", 32, LMAP_RIGHTS_ALL);
	borrower = start("borrower", 32, LMAP_RIGHTS_ALL);
	memory(LENT, 16);
	memory(PINNED, 2);
	memory(GIVEN, 3);
	printf("ok\n");
	fflush(stdout);
	while (scanf("%31s", word) == 1)
		step(word);
	return 0;
}
