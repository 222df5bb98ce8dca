// SPDX-License-Identifier: GPL-2.0
/*
 * lmap-demo [-x COMMAND] FILE - three processes lend, reduce and revoke real
 * memory. COMMAND looks at it in between: "lmapctl tree".
 *
 * A loads a file into its heap and lends it read-only to B, which computes a
 * checksum in place and lends half of it on to C. C tries to write, A sees which
 * pages were used, takes from B the right to lend on, then from everybody the
 * right to read. A listens to its space, B and C to their windows: the events
 * are there when a call returns, so nobody waits for one. At the end B and C
 * touch what they lost.
 *
 * What is printed must be what happened: every line's expectation is checked,
 * and one that does not hold makes the exit status 1.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <lmap.h>

#include "tell.h"

const char *const tool_name = "lmap-demo";

/* FNV-1a: simple, and sensitive to every byte. */
static uint64_t checksum(const unsigned char *p, size_t n)
{
	uint64_t h = 0xcbf29ce484222325ULL;

	while (n--)
		h = (h ^ *p++) * 0x100000001b3ULL;
	return h;
}

/* Accesses that report their signal. */

static sigjmp_buf jump;
static volatile sig_atomic_t armed;
static siginfo_t caught;

static void on_signal(int sig, siginfo_t *si, void *context)
{
	(void)context;
	if (!armed)
		_exit(128 + sig);
	caught = *si;
	siglongjmp(jump, 1);
}

struct loss {
	int sig;
	int code;
	uint64_t addr;
};

static struct loss try_access(volatile unsigned char *p, bool write)
{
	struct loss loss = { 0, 0, 0 };

	if (sigsetjmp(jump, 1)) {
		loss.sig = caught.si_signo;
		loss.code = caught.si_code;
		loss.addr = (uintptr_t)caught.si_addr;
	} else {
		armed = 1;
		if (write)
			*p = 'X';
		else
			(void)*p;
	}
	armed = 0;
	return loss;
}

static const char *loss_name(const struct loss *l)
{
	if (l->sig == SIGBUS && l->code == BUS_ADRERR)
		return "SIGBUS, BUS_ADRERR: nothing is mapped there";
	if (l->sig == SIGSEGV && l->code == SEGV_ACCERR)
		return "SIGSEGV, SEGV_ACCERR: the right is missing";
	return l->sig ? "another signal" : "no signal at all";
}

/* Borrowers: processes that do what they are told over a socket. */

enum what { CHECKSUM, READ, WRITE, LEND, HEAR };

struct order {
	enum what what;
	uint64_t offset;
	uint64_t length;
};

struct answer {
	int ret;
	uint64_t sum;
	uint64_t ns;
	struct loss loss;
	struct lmap_map_result map;
	struct lmap_event event;
};

/* What a borrower says first: where it sees its window, and its number. */
struct hello {
	uint64_t base;
	uint64_t number;
};

struct borrower {
	const char *name;
	pid_t pid;
	int sock;
	int window;
	uint64_t base;
	uint64_t number;
};

/* What a borrower has. */
struct own {
	int sock;
	int space;
	unsigned char *base;
	struct lmap_monitor *ear;
};

static void obey(const struct order *o, struct answer *a, const struct own *own)
{
	static const struct lmap_map_opts track = { .size = sizeof(track),
						    .flags = LMAP_TRACK };
	unsigned char *base = own->base;
	uint64_t start;
	int window;

	memset(a, 0, sizeof(*a));
	a->map.size = sizeof(a->map);
	switch (o->what) {
	case CHECKSUM:
		start = now();
		a->sum = checksum(base + o->offset, o->length);
		a->ns = now() - start;
		break;
	case READ:
	case WRITE:
		a->loss = try_access(base + o->offset, o->what == WRITE);
		break;
	case LEND:
		window = lmap_recv_fd(own->sock);
		start = now();
		a->ret = lmap_map_range(own->space, base + o->offset, o->length,
					LMAP_R | LMAP_W, window, 0, &track,
					&a->map);
		a->ns = now() - start;
		close(window);
		break;
	case HEAR:
		a->event.size = sizeof(a->event);
		a->ret = lmap_monitor_next(own->ear, &a->event, 0);
		break;
	}
}

static void borrower_main(const char *name, int sock, size_t size)
{
	struct lmap_watched watched = { .size = sizeof(watched) };
	struct own own = { .sock = sock };
	struct sigaction sa;
	struct answer a;
	struct hello hi;
	struct order o;
	int window;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, name);
	memset(&sa, 0, sizeof(sa));
	sa.sa_sigaction = on_signal;
	sa.sa_flags = SA_SIGINFO;
	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);

	own.space = lmap_open(0);
	window = lmap_window(own.space, size, LMAP_RIGHTS_ALL, 0);
	if (window < 0)
		_exit(1);
	own.base = lmap_window_mmap(window, size, PROT_READ | PROT_WRITE);
	own.ear = lmap_monitor_open();
	if (!own.ear || lmap_monitor_add_flags(own.ear, window, 0, &watched))
		_exit(1);
	hi.base = (uintptr_t)own.base;
	hi.number = watched.window;
	if (lmap_send_fd(sock, window) || write(sock, &hi, sizeof(hi)) != sizeof(hi))
		_exit(1);
	while (read(sock, &o, sizeof(o)) == sizeof(o)) {
		obey(&o, &a, &own);
		if (write(sock, &a, sizeof(a)) != sizeof(a))
			break;
	}
	_exit(0);
}

static struct borrower borrower_start(const char *name, size_t size, int space)
{
	struct borrower b = { .name = name };
	struct hello hi;
	int socks[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks))
		fail("socketpair: %s", strerror(errno));
	fflush(stdout);
	b.pid = fork();
	if (b.pid < 0)
		fail("fork: %s", strerror(errno));
	if (!b.pid) {
		/* of no use here, but it would keep the lender's space open */
		close(space);
		borrower_main(name, socks[1], size);
	}
	close(socks[1]);
	b.sock = socks[0];
	b.window = lmap_recv_fd(b.sock);
	if (b.window < 0 || read(b.sock, &hi, sizeof(hi)) != sizeof(hi))
		fail("%s could not make its window, or not listen to it", name);
	b.base = hi.base;
	b.number = hi.number;
	return b;
}

static struct answer tell(struct borrower *b, enum what what, uint64_t offset,
			  uint64_t length, int fd)
{
	struct order o = { .what = what, .offset = offset, .length = length };
	struct answer a;

	if (write(b->sock, &o, sizeof(o)) != sizeof(o) ||
	    (fd >= 0 && lmap_send_fd(b->sock, fd)) ||
	    read(b->sock, &a, sizeof(a)) != sizeof(a))
		fail("%s is gone", b->name);
	return a;
}

/* Printing. */

static void cost(const char *what, uint64_t ns)
{
	printf("      %-46s %10.1f us\n", what, ns / 1000.0);
}

/* Valid until the call after the next. */
static const char *rights_text(unsigned int rights)
{
	static char texts[2][5];
	static unsigned int n;
	char *text = texts[n++ % 2];

	snprintf(text, sizeof(texts[0]), "%c%c%c%c", rights & LMAP_R ? 'r' : '-',
		 rights & LMAP_W ? 'w' : '-', rights & LMAP_X ? 'x' : '-',
		 rights & LMAP_M ? 'm' : '-');
	return text;
}

/* What is to be heard: in whose window, what happened, why, what is left. */
struct news {
	const struct borrower *of;
	uint32_t type;
	uint32_t reason;
	uint32_t left;
};

static void show_event(const char *who, int ret, const struct lmap_event *e,
		       const struct news *n)
{
	unsigned int before = e->rights_lost |
			      (e->rights_left & ~e->rights_gained);

	if (ret == 1)
		printf("      %s hears: %s's window, %" PRIu64 " KiB at %#"
		       PRIx64 ", %s -> %s, %s\n", who, n->of->name,
		       e->length / 1024, e->offset, rights_text(before),
		       rights_text(e->rights_left),
		       lmap_reason_name(e->reason));
	expect(ret == 1 && e->type == n->type && e->reason == n->reason &&
	       e->window == n->of->number && e->rights_left == n->left,
	       "this event, and without waiting");
}

/* The lender's next event; and that of a borrower. */
static void hear(struct lmap_monitor *ear, const struct news *n)
{
	struct lmap_event e = { .size = sizeof(e) };
	int ret = lmap_monitor_next(ear, &e, 0);

	show_event("A", ret, &e, n);
}

static void borrower_hears(struct borrower *b, const struct news *n)
{
	struct answer a = tell(b, HEAR, 0, 0, -1);

	show_event(b->name, a.ret, &a.event, n);
}

static struct lmap_monitor *listen_to(int space)
{
	struct lmap_monitor *ear = lmap_monitor_open();
	int ret;

	if (!ear)
		fail("events: %s", strerror(errno));
	ret = lmap_monitor_add_flags(ear, space, LMAP_WATCH_GAINS, NULL);
	if (ret)
		fail("events: %s", strerror(-ret));
	return ear;
}

struct tree {
	size_t size;
	const struct lmap_map_result *b;
	const struct lmap_map_result *c;
};

static void show_tree(int space, const struct tree *t)
{
	struct lmap_info info = { .size = sizeof(info) };

	if (lmap_info(space, &info))
		fail("lmap_info");
	printf("\n      A  %zu KiB of its own memory\n", t->size / 1024);
	if (t->b)
		printf("      └─ B  mapping #%" PRIu64 "  %s  %" PRIu64
		       " KiB\n", t->b->node_id, rights_text(t->b->rights),
		       t->b->bytes / 1024);
	if (t->c)
		printf("         └─ C  mapping #%" PRIu64 "  %s  %" PRIu64
		       " KiB\n", t->c->node_id, rights_text(t->c->rights),
		       t->c->bytes / 1024);
	printf("      (the kernel counts %llu mappings, %llu pages held)\n",
	       (unsigned long long)info.out_mappings,
	       (unsigned long long)info.out_tiles);
	expect(info.out_mappings == (t->b ? 1U : 0U) + (t->c ? 1U : 0U),
	       "as many mappings as drawn");
}

/* Which pages were used since the last time; @want of them, for reading. */
static void show_use(int space, const unsigned char *mem, size_t size,
		     size_t want)
{
	size_t page = page_size(), pages = size / page;
	size_t accessed = 0, modified = 0;
	uint8_t *bits = calloc(pages, 1);

	if (!bits || lmap_status(space, mem, size, LMAP_RESET, bits, NULL))
		fail("lmap_status");
	for (size_t i = 0; i < pages; i++) {
		accessed += !!(bits[i] & LMAP_ACCESSED);
		modified += !!(bits[i] & LMAP_MODIFIED);
	}
	printf("      A asks: %zu of %zu pages were read since, %zu written\n",
	       accessed, pages, modified);
	expect(accessed == want / page && !modified,
	       "the pages that were read, and none written");
	free(bits);
}

static unsigned char *load(const char *path, size_t *bytes, size_t *size)
{
	size_t page = page_size();
	unsigned char *p;
	struct stat st;
	ssize_t n;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) || !st.st_size)
		fail("%s: %s", path, fd < 0 ? strerror(errno) : "empty");
	*bytes = st.st_size;
	/* at least two pages, so that half of it can be lent on */
	*size = (st.st_size + 2 * page - 1) / (2 * page) * (2 * page);
	if (posix_memalign((void **)&p, page, *size))
		fail("no memory");
	memset(p, 0, *size);
	for (size_t done = 0; done < *bytes; done += n) {
		n = read(fd, p + done, *bytes - done);
		if (n <= 0)
			fail("%s: cannot read", path);
	}
	close(fd);
	return p;
}

static void report_loss(const char *who, const struct answer *a,
			uint64_t base, uint64_t offset)
{
	printf("      %s lost it: %s\n", who, loss_name(&a->loss));
	printf("         at %#" PRIx64 " = its window + %" PRIu64 "\n",
	       a->loss.addr, a->loss.addr - base);
	expect(a->loss.sig == SIGBUS && a->loss.code == BUS_ADRERR &&
	       a->loss.addr == base + offset, "SIGBUS at that address");
}

/* The steps. */

struct demo {
	const char *show;	/* command that looks at it, or NULL */
	unsigned char *mem;
	size_t bytes;
	size_t size;
	uint64_t sum;
	int space;
	struct lmap_monitor *ear;
	struct borrower b;
	struct borrower c;
	struct lmap_map_result to_b;
	struct lmap_map_result to_c;
};

static void lend(struct demo *d)
{
	struct news gained = { &d->b, LMAP_EVENT_MAPPED, LMAP_REASON_MAP,
			       LMAP_R | LMAP_M };
	uint64_t start;
	int ret;

	step(2, "A lends it to B: to read and to map on, not to write");
	d->to_b.size = sizeof(d->to_b);
	start = now();
	ret = lmap_map_range(d->space, d->mem, d->size, LMAP_R | LMAP_M,
			     d->b.window, 0, NULL, &d->to_b);
	cost("map, whatever the size", now() - start);
	expect(!ret && d->to_b.bytes == d->size, "all of it is mapped");
	hear(d->ear, &gained);
}

static void compute(struct demo *d)
{
	struct answer a;

	step(3, "B computes the checksum in place, nothing is copied");
	a = tell(&d->b, CHECKSUM, 0, d->bytes, -1);
	printf("      B says %016" PRIx64 ": %s\n", a.sum,
	       a.sum == d->sum ? "the same" : "DIFFERENT");
	cost("read all of it for the first time", a.ns);
	expect(a.sum == d->sum, "the same checksum");
	show_use(d->space, d->mem, d->size, d->size);
}

static void lend_on(struct demo *d)
{
	struct news gained = { &d->c, LMAP_EVENT_MAPPED, LMAP_REASON_MAP,
			       LMAP_R };
	size_t half = d->size / 2;
	struct answer a;

	step(4, "B lends the first half on to C, and asks for writing too");
	a = tell(&d->b, LEND, 0, half, d->c.window);
	d->to_c = a.map;
	cost("map", a.ns);
	expect(!a.ret && a.map.rights == LMAP_R,
	       "C gets r only: nobody gives what he has not");
	hear(d->ear, &gained);
	a = tell(&d->c, CHECKSUM, 0, half, -1);
	printf("      C reads it: %s\n", a.sum == checksum(d->mem, half) ?
	       "the same bytes" : "DIFFERENT");
	expect(a.sum == checksum(d->mem, half), "the same bytes");
}

static void try_to_write(struct demo *d)
{
	struct answer a;

	step(5, "C tries to write");
	a = tell(&d->c, WRITE, 8, 0, -1);
	printf("      refused: %s\n         at %#" PRIx64 "\n",
	       loss_name(&a.loss), a.loss.addr);
	expect(a.loss.sig == SIGSEGV && a.loss.code == SEGV_ACCERR &&
	       a.loss.addr == d->c.base + 8, "SIGSEGV at that address");
	show_use(d->space, d->mem, d->size, d->size / 2);
}

static void look(struct demo *d)
{
	printf("\n      Before:\n");
	show_tree(d->space, &(struct tree){ d->size, &d->to_b, &d->to_c });
	if (!d->show)
		return;
	printf("\n      %s:\n\n", d->show);
	fflush(stdout);
	expect(!system(d->show), "it shows something");
}

static void reduce(struct demo *d)
{
	struct news lost = { &d->b, LMAP_EVENT_REVOKED, LMAP_REASON_DOWNGRADE,
			     LMAP_R };
	size_t half = d->size / 2;
	struct answer a;
	int ret;

	step(6, "A takes the right to map on from B");
	ret = lmap_unmap_range(d->space, d->mem, d->size, LMAP_M, 0, NULL);
	expect(!ret, "it is taken");
	hear(d->ear, &lost);
	borrower_hears(&d->b, &lost);
	a = tell(&d->b, LEND, half, half, d->c.window);
	printf("      B can't lend the rest to C any more: %s\n",
	       strerror(-a.ret));
	expect(a.ret == -EACCES, "it is refused");
}

static void take_back(struct demo *d)
{
	struct news c_lost = { &d->c, LMAP_EVENT_REVOKED, LMAP_REASON_UNMAP, 0 };
	struct news b_lost = { &d->b, LMAP_EVENT_REVOKED, LMAP_REASON_UNMAP, 0 };
	struct lmap_unmap_result un = { .size = sizeof(un) };
	struct answer a;
	uint64_t start;
	int ret;

	step(7, "A takes the right to read from everybody, asking nobody");
	start = now();
	ret = lmap_unmap_range(d->space, d->mem, d->size, LMAP_R, 0, &un);
	cost("unmap: two processes, page tables and TLBs", now() - start);
	printf("      %" PRIu64 " mappings went, %" PRIu64 " pages\n",
	       un.mappings, un.pages);
	expect(!ret && un.mappings == 2, "two mappings went");
	hear(d->ear, &c_lost);
	hear(d->ear, &b_lost);
	/* B has lent on, so that it hears what C lost */
	borrower_hears(&d->b, &c_lost);
	borrower_hears(&d->b, &b_lost);
	borrower_hears(&d->c, &c_lost);
	printf("      Only now they touch it:\n");
	a = tell(&d->b, READ, 4096, 0, -1);
	report_loss("B", &a, d->b.base, 4096);
	a = tell(&d->c, READ, 0, 0, -1);
	report_loss("C", &a, d->c.base, 0);

	printf("\n      After:\n");
	show_tree(d->space, &(struct tree){ d->size, NULL, NULL });
}

static void end(struct demo *d)
{
	struct lmap_event e = { .size = sizeof(e) };

	step(8, "A's memory is what it was: checksum %016" PRIx64,
	     checksum(d->mem, d->bytes));
	expect(checksum(d->mem, d->bytes) == d->sum, "the same checksum");
	expect(!lmap_monitor_next(d->ear, &e, 0), "no other event");
	lmap_monitor_close(d->ear);
	close(d->b.sock);
	close(d->c.sock);
	kill(d->b.pid, SIGKILL);
	kill(d->c.pid, SIGKILL);
	waitpid(d->b.pid, NULL, 0);
	waitpid(d->c.pid, NULL, 0);
}

int main(int argc, char **argv)
{
	struct demo d = { 0 };

	if (argc == 4 && !strcmp(argv[1], "-x")) {
		d.show = argv[2];
		argv += 2;
	} else if (argc != 2 || argv[1][0] == '-') {
		fail("usage: lmap-demo [-x COMMAND] FILE");
	}
	prctl(PR_SET_NAME, "A");
	d.mem = load(argv[1], &d.bytes, &d.size);
	d.sum = checksum(d.mem, d.bytes);
	d.space = lmap_open(0);
	if (d.space < 0)
		fail("/dev/lmap: %s", strerror(-d.space));
	d.ear = listen_to(d.space);
	d.b = borrower_start("B", d.size, d.space);
	d.c = borrower_start("C", d.size, d.space);

	printf("lmap: lending memory and taking it back\n");
	printf("A is process %d, B is %d, C is %d. They share no memory.\n",
	       getpid(), d.b.pid, d.c.pid);
	printf("A listens to its space, B and C listen to their windows.\n");
	step(1, "A has loaded %s into its heap: %zu bytes, checksum %016"
	     PRIx64, argv[1], d.bytes, d.sum);
	lend(&d);
	compute(&d);
	lend_on(&d);
	try_to_write(&d);
	look(&d);
	reduce(&d);
	take_back(&d);
	end(&d);
	printf("\n%s\n", failed() ? "Something was not as it should be." :
	       "All as it should be.");
	return failed() != 0;
}
