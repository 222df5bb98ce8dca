// SPDX-License-Identifier: GPL-2.0
/*
 * library - liblmap's monitors and dumps with a made-up kernel: what a real one
 * does seldom: losses, replies with events between their parts, dumps that
 * something changed during, messages of somebody else. Must never wait.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "made-up.h"

static int tests, failures;
static bool good;

#define CHECK(what) do { \
	if (!(what)) { \
		good = false; \
		printf("# %s:%d: %s\n", __FILE__, __LINE__, #what); \
	} \
} while (0)

static void test(void (*run)(struct lmap_monitor *m), const char *name)
{
	struct lmap_monitor *m = lmap_monitor_open();

	good = m;
	queue_clear();
	if (m)
		run(m);
	lmap_monitor_close(m);
	printf("%sok %d library: %s\n", good ? "" : "not ", ++tests, name);
	failures += !good;
}

static int next_seq(struct lmap_monitor *m)
{
	struct lmap_event e = { .size = sizeof(e) };
	int ret = lmap_monitor_next(m, &e, 0);

	return ret == 1 ? e.seq : ret < 0 ? ret : 0;
}

static bool readable(struct lmap_monitor *m)
{
	struct pollfd p = { .fd = lmap_monitor_fd(m), .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

static void fields(struct lmap_monitor *m)
{
	struct lmap_event e = { .size = sizeof(e) };

	errno = 4711;
	queue_event(3, 5);
	CHECK(lmap_monitor_next(m, &e, -1) == 1);
	CHECK(e.size == sizeof(e) && e.type == LMAP_EVENT_REVOKED);
	CHECK(e.seq == 3 && e.window == 5 && !e.space && e.node == 8);
	CHECK(e.offset == 0x3000 && e.length == 0x2000 && e.generation == 9);
	CHECK(e.rights_lost == LMAP_W && !e.rights_gained);
	CHECK(e.rights_left == (LMAP_R | LMAP_M) && e.mappings == 2);
	CHECK(e.reason == LMAP_REASON_DOWNGRADE && e.pid == 77);
	CHECK(!lmap_monitor_next(m, &e, 0) && !lmap_monitor_next(m, &e, 2));
	CHECK(errno == 4711);
}

/* Of an older program, and of a newer one. */
static void sizes(struct lmap_monitor *m)
{
	struct {
		struct lmap_event known;
		unsigned char guard[8];
	} e;
	size_t size, i;

	for (size = 4; size <= sizeof(e); size++) {
		const unsigned char *bytes = (unsigned char *)&e;

		memset(&e, 0xaa, sizeof(e));
		e.known.size = size;
		queue_event(1, 2);
		CHECK(lmap_monitor_next(m, &e.known, 0) == 1);
		CHECK(e.known.size == size);
		for (i = size < sizeof(e.known) ? size : sizeof(e.known);
		     i < sizeof(e); i++)
			CHECK(bytes[i] == 0xaa);
	}
	e.known.size = 3;
	CHECK(lmap_monitor_next(m, &e.known, 0) == -EINVAL);
}

/* Newer than the library, somebody else's, or not whole. */
static void strangers(struct lmap_monitor *m)
{
	begin(4711);
	put_message(LMAP_CMD_REVOKED, 0, 0);
	put_u64(LMAP_A_SEQ, 1);
	queue();
	begin(0);
	put_message(LMAP_CMD_MAX + 1, 0, 0);
	queue();
	CHECK(next_seq(m) == 0 && !queued());
	begin(0);
	put_message(LMAP_CMD_MAPPED, 0, 0);
	put_u64(LMAP_A_SEQ, 2);
	put_u64(LMAP_A_MAX + 1, 3);
	queue();
	CHECK(next_seq(m) == 2);
	begin(0);
	put_message(LMAP_CMD_REVOKED, 0, 0);
	put_u32(LMAP_A_SEQ, 3);		/* too short */
	queue();
	queue_event(4, 1);
	CHECK(next_seq(m) == -ENOBUFS && next_seq(m) == 4);
}

static void losses(struct lmap_monitor *m)
{
	queue_event(1, 1);
	queue_errno(ENOBUFS);
	queue_event(7, 1);
	CHECK(next_seq(m) == 1 && next_seq(m) == -ENOBUFS);
	CHECK(next_seq(m) == 7 && next_seq(m) == 0);
	queue_errno(ENOMEM);
	CHECK(next_seq(m) == -ENOMEM && next_seq(m) == 0);
}

/* Events before, within and behind the reply. */
static void answer_watch(void)
{
	queue_event(2, 1);
	begin(0);
	put_message(LMAP_CMD_WATCH, asked.seq, 0);
	put_u64(LMAP_A_WINDOW, 44);
	queue();
	queue_event(3, 1);
	begin(0);
	put_error(0);
	queue();
	queue_event(4, 1);
}

static void adding(struct lmap_monitor *m)
{
	struct lmap_watched w = { .size = sizeof(w) };

	CHECK(!readable(m));
	queue_event(1, 1);
	answer = answer_watch;
	CHECK(!lmap_monitor_add_flags(m, 9, LMAP_WATCH_GAINS, &w));
	CHECK(w.window == 44 && !w.space && asked.cmd == LMAP_CMD_WATCH);
	CHECK(nla_get_u32(asked.attrs[LMAP_A_FD]) == 9);
	CHECK(nla_get_u32(asked.attrs[LMAP_A_WATCH]) == LMAP_WATCH_GAINS);
	CHECK(readable(m) && next_seq(m) == 1 && next_seq(m) == 2);
	CHECK(readable(m) && next_seq(m) == 3 && !readable(m));
	CHECK(next_seq(m) == 4 && !next_seq(m));
}

static void answer_error(void)
{
	begin(0);
	put_error(EBADFD);
	queue();
}

static void answer_error_to_another(void)
{
	asked.seq--;
	answer_error();
}

static void errors(struct lmap_monitor *m)
{
	struct lmap_watched w = { .size = sizeof(w), .space = 3 };

	answer = answer_error;
	errno = 4711;
	CHECK(lmap_monitor_add(m, 9) == -EBADFD);
	CHECK(lmap_monitor_remove(m, &w) == -EBADFD);
	CHECK(asked.cmd == LMAP_CMD_UNWATCH && !asked.attrs[LMAP_A_WINDOW]);
	CHECK(nla_get_u64(asked.attrs[LMAP_A_SPACE]) == 3);
	CHECK(lmap_dump_in(m, 1, NULL, NULL) == -EBADFD);
	answer = NULL;
	CHECK(lmap_monitor_add(m, 9) == -ENOBUFS);
	answer = answer_error_to_another;
	CHECK(lmap_monitor_add(m, 9) == -ENOBUFS && !queued());
	CHECK(errno == 4711 && !next_seq(m));
}

static void answer_watch_with_loss(void)
{
	queue_errno(ENOBUFS);
	answer_watch();
}

/* A loss while something else is asked is told later, before what is kept. */
static void loss_while_asking(struct lmap_monitor *m)
{
	queue_event(1, 1);
	queue_errno(ENOBUFS);
	answer = answer_watch;
	CHECK(!lmap_monitor_add(m, 9) && readable(m));
	CHECK(next_seq(m) == -ENOBUFS && next_seq(m) == 1 && readable(m));
	while (next_seq(m))
		;
	answer = answer_watch_with_loss;
	CHECK(!lmap_monitor_add(m, 9) && readable(m));
	CHECK(next_seq(m) == -ENOBUFS && next_seq(m) == 2);
}

static void too_many(struct lmap_monitor *m)
{
	int round, n;

	for (round = 0; round < 17; round++) {
		queue_clear();
		answer = answer_error;
		for (n = 0; n < 4000; n++)
			queue_event(n + 1, 1);
		CHECK(lmap_monitor_add(m, 9) == -EBADFD && !queued());
	}
	CHECK(next_seq(m) == -ENOBUFS);
	for (n = 0; next_seq(m) > 0; n++)
		;
	CHECK(n == 65536 && !readable(m));
	/* more than fits into a socket: they come as fast as they are read */
	for (n = 0; n < 5000; n++)
		queue_event(n + 1, 1);
	CHECK(lmap_monitor_add(m, 9) == -EBADFD && next_seq(m) == -ENOBUFS);
}

/*
 * Dumps: nodes 1 to 5 in three datagrams with events between. So many times
 * something changes meanwhile.
 */
static int changes;

static void put_node(int id)
{
	put_message(LMAP_CMD_NODE_GET, asked.seq,
		    NLM_F_MULTI | (changes > 0 ? NLM_F_DUMP_INTR : 0));
	put_u64(LMAP_A_NODE, asked.count * 100 + id);
	put_u64(LMAP_A_WINDOW, 7);
	put_u32(LMAP_A_LEVEL, 1);
}

static void answer_dump(void)
{
	begin(0);
	put_node(1);
	put_node(2);
	queue();
	queue_event(10 * asked.count + 1, 7);
	begin(0);
	put_node(3);
	put_node(4);
	queue();
	begin(0);
	put_node(5);
	put_done(0, changes > 0 ? NLM_F_DUMP_INTR : 0);
	queue();
	queue_event(10 * asked.count + 2, 7);
	changes--;
}

struct told {
	struct lmap_monitor *m;
	int count;
	int stop;
	uint64_t last;
};

static int tell(const struct lmap_node *n, void *arg)
{
	struct told *t = arg;

	CHECK(n->size == sizeof(*n) && n->window == 7 && n->level == 1);
	t->count++;
	t->last = n->id;
	return t->count == t->stop ? 4711 : 0;
}

static void dumps(struct lmap_monitor *m)
{
	struct told t = { 0 };

	answer = answer_dump;
	changes = 0;
	CHECK(!lmap_dump(m, tell, &t) && t.count == 5 && t.last == 105);
	CHECK(asked.cmd == LMAP_CMD_NODE_GET && !asked.attrs[LMAP_A_WINDOW]);
	CHECK((asked.flags & NLM_F_DUMP) == NLM_F_DUMP);
	CHECK(next_seq(m) == 11 && next_seq(m) == 12 && !next_seq(m));
	t = (struct told){ .stop = 2 };
	CHECK(lmap_dump_in(m, 7, tell, &t) == 4711 && t.count == 2);
	CHECK(nla_get_u64(asked.attrs[LMAP_A_WINDOW]) == 7);
	CHECK(next_seq(m) == 21 && next_seq(m) == 22 && !next_seq(m));
}

static void changing_dumps(struct lmap_monitor *m)
{
	struct told t = { 0 };
	int seq;

	answer = answer_dump;
	changes = 2;
	CHECK(!lmap_dump(m, tell, &t) && t.count == 5 && t.last == 305);
	for (seq = 11; seq < 40; seq += seq % 10 == 1 ? 1 : 9)
		CHECK(next_seq(m) == seq);
	t.count = 0;
	changes = 1000;
	asked.count = 0;
	CHECK(lmap_dump(m, tell, &t) == -EAGAIN && asked.count == 8);
	CHECK(t.count == 5 && t.last == 805);
}

static void answer_broken_dump(void)
{
	begin(0);
	put_node(1);
	put_done(ENOMEM, 0);
	queue();
}

/* Twice the end does not come. */
static void answer_late_dump(void)
{
	if (asked.count > 2) {
		answer_dump();
		return;
	}
	begin(0);
	put_node(1);
	queue();
}

static void broken_dumps(struct lmap_monitor *m)
{
	struct told t = { 0 };

	answer = answer_broken_dump;
	changes = 0;
	CHECK(lmap_dump(m, tell, &t) == -ENOMEM && !t.count);
	asked.count = 0;
	answer = answer_late_dump;
	CHECK(!lmap_dump(m, tell, &t) && t.count == 5 && t.last == 305);
	answer = NULL;
	t.count = 0;
	CHECK(lmap_dump(m, tell, &t) == -ENOBUFS && !t.count);
}

static void answer_stats(void)
{
	begin(0);
	put_message(LMAP_CMD_STATS_GET, asked.seq, 0);
	put_u64(LMAP_A_STATS_SPACES, 1);
	put_u64(LMAP_A_STATS_LOST, UINT64_MAX);
	put_error(0);
	queue();
}

static int ask(const struct lmap_node *n, void *arg)
{
	struct lmap_stats st = { .size = sizeof(st) };
	struct told *t = arg;

	answer = answer_stats;
	CHECK(!lmap_stats(t->m, &st) && st.spaces == 1 && !st.windows);
	CHECK(st.lost == UINT64_MAX);
	return tell(n, arg);
}

static void asking_in_a_callback(struct lmap_monitor *m)
{
	struct told t = { .m = m };

	answer = answer_dump;
	CHECK(!lmap_dump(m, ask, &t) && t.count == 5);
	CHECK(asked.count == 6);
}

static void answer_windows(void)
{
	begin(0);
	put_message(LMAP_CMD_WINDOW_GET, asked.seq, NLM_F_MULTI);
	put_u64(LMAP_A_WINDOW, 3);
	put_u64(LMAP_A_SPACE, 4);
	put_u64(LMAP_A_LENGTH, 0x5000);
	put_u32(LMAP_A_RIGHTS, 6);
	put_u32(LMAP_A_PID, 7);
	put_u64(LMAP_A_GENERATION, 8);
	put_done(0, 0);
	queue();
}

static int tell_window(const struct lmap_window_info *w, void *arg)
{
	CHECK(w->size == sizeof(*w) && w->window == 3 && w->space == 4);
	CHECK(w->length == 0x5000 && w->rights == 6 && w->pid == 7);
	CHECK(w->generation == 8);
	return -5;
}

static void windows(struct lmap_monitor *m)
{
	answer = answer_windows;
	CHECK(lmap_dump_windows(m, tell_window, NULL) == -5);
	CHECK(asked.cmd == LMAP_CMD_WINDOW_GET);
}

int main(void)
{
	printf("1..13\n");
	test(fields, "an event's fields, and nothing in time");
	test(sizes, "nothing is written behind the size that a program knows");
	test(strangers, "what is newer, forged, or broken");
	test(losses, "a loss is told once, where it was");
	test(adding, "events around a reply are kept in order, and wake poll");
	test(errors, "the kernel's errno, and answers that are lost");
	test(loss_while_asking, "a loss while something is asked is not forgotten");
	test(too_many, "what is kept is bounded, and the rest a loss");
	test(dumps, "a dump in parts, whole and stopped");
	test(changing_dumps, "a dump that something changed during is read anew");
	test(broken_dumps, "a dump that fails tells nothing");
	test(asking_in_a_callback, "a callback may ask");
	test(windows, "windows");
	queue_clear();
	return failures != 0;
}
