// SPDX-License-Identifier: GPL-2.0
/* Reports: who is told what, loss, dumps. */
#include "nl.h"
#include "harness.h"

#include <sys/resource.h>

#include "events.h"

FIXTURE_EVENTS(listeners)

/* Who is told. */

LMAP_TEST(listeners, those_between_and_the_lender_are_told_and_nobody_else)
{
	int by_space = nl_open(), by_middle = nl_open(), by_other = nl_open();

	ASSERT_GT(nl_watch(by_space, self->space, 0), 0);
	ASSERT_GT(nl_watch(by_middle, self->w[0], 0), 0);
	ASSERT_GT(nl_watch(by_other, self->w[2], 0), 0);
	ASSERT_EQ(0, MAP(self->mem, N, RWM, 0, 0));
	ASSERT_EQ(0, MAP(self->v[0], N, LMAP_R, 1, 0));
	ASSERT_EQ(0, UNMAP(self->v[1], N, ALL, LMAP_SELF));
	EXPECT_TOLD(self->nl, REVOKED, WHY(UNMAP), 1, 0, N, LMAP_R, 0, 1);
	EXPECT_TOLD(by_space, REVOKED, WHY(UNMAP), 1, 0, N, LMAP_R, 0, 1);
	EXPECT_TOLD(by_middle, REVOKED, WHY(UNMAP), 1, 0, N, LMAP_R, 0, 1);
	EXPECT_NOTHING(by_other);
	/* once, although the lender has two reasons to hear it */
	ASSERT_GT(nl_watch(by_space, self->w[0], 0), 0);
	ASSERT_EQ(0, UNMAP(self->mem, N, ALL, 0));
	EXPECT_TOLD(by_space, REVOKED, WHY(UNMAP), 0, 0, N, RWM, 0, 1);
	EXPECT_NOTHING(by_space);
	EXPECT_TOLD(by_middle, REVOKED, WHY(UNMAP), 0, 0, N, RWM, 0, 1);
	EXPECT_NOTHING(by_middle);
	EXPECT_NOTHING(by_other);
	close(by_space);
	close(by_middle);
	close(by_other);
}

LMAP_TEST(listeners, one_range_is_one_message)
{
	enum { MANY = 10000 };
	int w = window_create(self->space, MANY * PG, ALL), messages;
	char *page = memory(1);
	long id = nl_watch(self->nl, w, 0);
	uint64_t told = 0, mappings = 0;
	unsigned int state = seed();
	static int order[MANY];
	struct told t;

	ASSERT_GT(id, 0);
	for (int i = 0; i < MANY; i++) {
		int j = next_random(&state) % (i + 1);

		order[i] = order[j];
		order[j] = i;
	}
	for (int i = 0; i < MANY; i++)
		ASSERT_EQ(0, map_range(self->space, page, PG, RW, w,
				       order[i] * PG, 0, NULL));
	ASSERT_EQ(0, unmap_range(self->space, page, PG, ALL, 0, NULL));
	for (messages = 0; nl_next(self->nl, &t) == 1; messages++) {
		EXPECT_EQ(id, TOLD(&t, WINDOW));
		told += TOLD(&t, LENGTH) / PG;
		mappings += TOLD(&t, MAPPINGS);
	}
	EXPECT_EQ(MANY, told);
	EXPECT_EQ(MANY, mappings);
	/* a run ends after some thousands, so that others are let in */
	EXPECT_LE(messages, 5);
	close(w);
}

LMAP_TEST(listeners, messages_are_numbered)
{
	struct told t;

	for (int i = 1; i <= 5; i++) {
		ASSERT_EQ(0, MAP(self->mem, 1, RW, i % 2, 0));
		ASSERT_EQ(0, UNMAP(self->mem, 1, ALL, 0));
		ASSERT_EQ(1, nl_next(self->nl, &t));
		EXPECT_EQ(i, TOLD(&t, SEQ));
		EXPECT_NE(0, TOLD(&t, NODE));
		EXPECT_EQ((i + 1) / 2, TOLD(&t, GENERATION) / 2)
			TH_LOG("generation %ld", (long)TOLD(&t, GENERATION));
	}
}

/* It is told after access is gone: who has read it can rely on that. */
LMAP_TEST(listeners, when_it_is_told_it_is_gone)
{
	int to[2], back[2], st, wrong;
	pid_t pid;
	char c;

	ASSERT_EQ(0, pipe(to));
	ASSERT_EQ(0, pipe(back));
	pid = fork();
	if (!pid) {
		/* A lender of its own; the parent is the borrower. */
		int space = space_open();
		char *mem = memory(N);

		close(to[1]);
		while (read(to[0], &c, 1) == 1) {
			if (map_range(space, mem, N * PG, RW, self->w[0], 0,
				      LMAP_POPULATE, NULL) ||
			    write(back[1], "", 1) != 1 ||
			    unmap_range(space, mem, N * PG, ALL, 0, NULL))
				_exit(1);
		}
		_exit(0);
	}
	close(to[0]);
	wrong = 0;
	race_delays(3);
	for (int i = 0; i < 300 / slow(); i++) {
		struct told t;
		int ret;

		ASSERT_EQ(1, write(to[1], "", 1));
		ASSERT_EQ(1, read(back[0], &c, 1));
		while (!(ret = nl_next(self->nl, &t)))
			peek(self->v[0]);
		ASSERT_EQ(1, ret);
		wrong += peek(self->v[0] + (i % N) * PG) != NOTHING;
	}
	race_delays(0);
	EXPECT_EQ(0, wrong);
	close(to[1]);
	ASSERT_EQ(pid, waitpid(pid, &st, 0));
	EXPECT_EQ(0, st);
}

/* Requests that can't be. */

LMAP_TEST(listeners, bad_requests)
{
	int fd = dup(self->w[0]);
	uint32_t watch = 2, bad[4] = { 8 | (LMAP_A_FD << 16), 0, 8 | (LMAP_A_WATCH << 16), watch };

	close(fd);
	EXPECT_EQ(-EBADF, nl_watch(self->nl, fd, 0));
	EXPECT_EQ(-EBADFD, nl_watch(self->nl, 0, 0));
	EXPECT_EQ(-EBADFD, nl_watch(self->nl, self->nl, 0));
	bad[1] = self->w[0];
	EXPECT_EQ(0, nl_request(self->nl, LMAP_CMD_WATCH, NLM_F_ACK, bad, sizeof(bad)));
	EXPECT_EQ(-EINVAL, nl_answer(self->nl, NULL, 0));
	EXPECT_EQ(0, nl_request(self->nl, LMAP_CMD_WATCH, NLM_F_ACK, NULL, 0));
	EXPECT_EQ(-EINVAL, nl_answer(self->nl, NULL, 0));
	EXPECT_EQ(0, nl_request(self->nl, LMAP_CMD_UNWATCH, NLM_F_ACK, NULL, 0));
	EXPECT_EQ(-EINVAL, nl_answer(self->nl, NULL, 0));
	EXPECT_EQ(-ENOENT, nl_unwatch(self->nl, LMAP_A_SPACE, self->id[0]));
	EXPECT_EQ(0, nl_unwatch(self->nl, LMAP_A_WINDOW, self->id[0]));
	EXPECT_EQ(-ENOENT, nl_unwatch(self->nl, LMAP_A_WINDOW, self->id[0]));
	/* what one watches is what one hears */
	ASSERT_EQ(0, MAP(self->mem, 1, RW, 0, 0));
	ASSERT_EQ(0, UNMAP(self->mem, 1, ALL, 0));
	EXPECT_NOTHING(self->nl);
}

/* By possession, and what only an administrator may. */
static int what_a_user_may(void *arg)
{
	int *fd = arg, nl = nl_open();
	struct told t[64];

	NEED(nl >= 0);
	NEED(nl_join(nl) == -EPERM);
	NEED(nl_stat(LMAP_A_STATS_EVENTS) == -EPERM);
	NEED(nl_dump(nl, LMAP_CMD_NODE_GET, 0, t, 64) == 0);
	NEED(nl_dump(nl, LMAP_CMD_WINDOW_GET, 0, t, 64) == 0);
	/* a file descriptor is enough */
	NEED(nl_watch(nl, fd[0], 0) > 0);
	NEED(nl_dump(nl, LMAP_CMD_WINDOW_GET, 0, t, 64) == 1);
	NEED(nl_dump(nl, LMAP_CMD_NODE_GET, 0, t, 64) == 1);
	/* but not whose memory it is */
	NEED(!(t[0].has & (1ULL << LMAP_A_LENDER | 1ULL << LMAP_A_ADDRESS)));
	NEED(TOLD(&t[0], REGION) && TOLD(&t[0], RIGHTS) == RWM);
	NEED(nl_watch(nl, fd[1], 0) > 0);
	NEED(nl_dump(nl, LMAP_CMD_NODE_GET, 0, t, 64) == 2);
	NEED(TOLD(&t[0], LENDER) && TOLD(&t[0], ADDRESS));
	return 0;
}

LMAP_TEST(listeners, an_unprivileged_process_sees_what_it_holds)
{
	int fd[2] = { self->w[1], self->space };

	ASSERT_EQ(0, MAP(self->mem, N, RWM, 0, 0));
	ASSERT_EQ(0, MAP(self->mem, N, RWM, 1, 0));
	EXPECT_EQ(0, as_user(65530, what_a_user_may, fd));
}

/* Root of a namespace of his own is nobody's administrator. */
static int what_root_of_a_namespace_hears(void *arg)
{
	int *pipes = arg, nl;
	struct told t;
	char c;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNET))
		return errno == EINVAL || errno == ENOSPC || errno == EPERM ? 77 : 1;
	nl = nl_open();
	NEED(nl >= 0);
	nl_join(nl);
	NEED(nl_dump(nl, LMAP_CMD_NODE_GET, 0, &t, 1) == 0);
	NEED(nl_stat(LMAP_A_STATS_EVENTS) == -EPERM);
	NEED(write(pipes[1], "", 1) == 1 && read(pipes[2], &c, 1) == 1);
	NEED(nl_next(nl, &t) == 0);
	return 0;
}

LMAP_TEST(listeners, root_of_a_namespace_sees_no_more)
{
	int there[2], back[2], *result = shared_memory(PG), st;
	char c;
	pid_t pid;

	ASSERT_EQ(0, pipe(there));
	ASSERT_EQ(0, pipe(back));
	pid = fork();
	if (!pid) {
		int pipes[3] = { 0, there[1], back[0] };

		close(there[0]);
		*result = what_root_of_a_namespace_hears(pipes);
		_exit(0);
	}
	close(there[1]);
	if (read(there[0], &c, 1) == 1) {
		ASSERT_EQ(0, MAP(self->mem, 1, RW, 0, 0));
		ASSERT_EQ(0, UNMAP(self->mem, 1, ALL, 0));
		ASSERT_EQ(1, write(back[1], "", 1));
	}
	ASSERT_EQ(pid, waitpid(pid, &st, 0));
	EXPECT_EQ(0, st);
	if (*result == 77)
		SKIP(return, "no user namespaces here");
	EXPECT_EQ(0, *result);
}

LMAP_TEST(listeners, the_administrator_hears_all)
{
	int nl = nl_open();

	ASSERT_EQ(0, nl_join(nl));
	ASSERT_EQ(0, MAP(self->mem, N, RW, 0, 0));
	EXPECT_TOLD(nl, MAPPED, WHY(MAP), 0, 0, N, 0, RW, 1);
	ASSERT_EQ(0, UNMAP(self->mem, N, ALL, 0));
	EXPECT_TOLD(nl, REVOKED, WHY(UNMAP), 0, 0, N, RW, 0, 1);
	close(nl);
}

/* A socket of another network namespace hears what it watches. */
LMAP_TEST(listeners, network_namespaces)
{
	int st;
	pid_t pid = fork();

	if (!pid) {
		struct told t;
		int nl;

		NEED(!unshare(CLONE_NEWNET));
		nl = nl_open();
		NEED(nl >= 0);
		NEED(nl_watch(nl, self->w[0], 0) == self->id[0]);
		{
			int space = space_open();
			char *mem = memory(1);

			NEED(!map_range(space, mem, PG, RW, self->w[0], 0, 0, NULL));
			NEED(!unmap_range(space, mem, PG, ALL, 0, NULL));
		}
		NEED(nl_next(nl, &t) == 1 && TOLD(&t, WINDOW) == self->id[0]);
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &st, 0));
	EXPECT_EQ(0, st);
	EXPECT_TOLD(self->nl, REVOKED, WHY(UNMAP), 0, 0, 1, RW, 0, 1);
	EXPECT_NOTHING(self->nl);
}

/* Many, slow, and dead listeners. */

LMAP_TEST(listeners, a_thousand_listeners)
{
	enum { MOST = 1024 };
	long before = nl_stat(LMAP_A_STATS_WATCHES);
	static int nl[MOST];
	struct rlimit files = { 2 * MOST, 2 * MOST };
	struct told t;

	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &files));
	/* the fixture's is one of them */
	for (int i = 0; i < MOST - 1; i++) {
		nl[i] = nl_open();
		ASSERT_GE(nl[i], 0);
		ASSERT_EQ(self->id[0], nl_watch(nl[i], self->w[0], 0));
	}
	nl[MOST - 1] = nl_open();
	EXPECT_EQ(-EDQUOT, nl_watch(nl[MOST - 1], self->w[0], 0));
	EXPECT_EQ(before + MOST - 1, nl_stat(LMAP_A_STATS_WATCHES));
	ASSERT_EQ(0, MAP(self->mem, N, RW, 0, 0));
	ASSERT_EQ(0, UNMAP(self->mem, N, ALL, 0));
	for (int i = 0; i < MOST - 1; i++) {
		ASSERT_EQ(1, nl_next(nl[i], &t));
		EXPECT_EQ(self->id[0], TOLD(&t, WINDOW));
		EXPECT_EQ(1, TOLD(&t, SEQ));
		close(nl[i]);
	}
	/* who dies makes room */
	EXPECT_EQ(before, nl_stat(LMAP_A_STATS_WATCHES));
	EXPECT_EQ(self->id[0], nl_watch(nl[MOST - 1], self->w[0], 0));
	close(nl[MOST - 1]);
}

LMAP_TEST(listeners, a_slow_reader_delays_nobody_and_is_told_of_its_loss)
{
	int small = 4096, lost = 0, n = 0, ret;
	long before = nl_stat(LMAP_A_STATS_LOST);
	uint64_t last = 0, missing = 0;
	struct told t[64];

	ASSERT_EQ(0, setsockopt(self->nl, SOL_SOCKET, SO_RCVBUF, &small,
				sizeof(small)));
	for (int i = 0; i < 200; i++) {
		ASSERT_EQ(0, MAP(self->mem, N, RW, 0, 0));
		ASSERT_EQ(0, UNMAP(self->mem, N, ALL, 0));
	}
	ASSERT_EQ(0, MAP(self->mem + PG, 2, RW, 0, 5));
	while ((ret = nl_next(self->nl, t)) != 0) {
		if (ret == -ENOBUFS) {
			lost++;
			continue;
		}
		ASSERT_EQ(1, ret);
		EXPECT_EQ(last + 1, TOLD(t, SEQ));
		last = TOLD(t, SEQ);
		n++;
	}
	/* said once, since there was never room in between */
	EXPECT_EQ(1, lost);
	EXPECT_LT(n, 200);
	EXPECT_EQ(200 - n, nl_stat(LMAP_A_STATS_LOST) - before);
	/* a dump tells what there is, and the numbers what is missing */
	ASSERT_EQ(1, nl_dump(self->nl, LMAP_CMD_NODE_GET, self->id[0], t, 64));
	EXPECT_EQ(5 * PG, TOLD(t, OFFSET));
	EXPECT_EQ(2 * PG, TOLD(t, LENGTH));
	ASSERT_EQ(0, UNMAP(self->mem, N, ALL, 0));
	ASSERT_EQ(1, nl_next(self->nl, t));
	missing = TOLD(t, SEQ) - last - 1;
	EXPECT_EQ(200 - n, missing);
}

/* Dumps. */

LMAP_TEST(listeners, dump_tells_the_tree)
{
	struct told t[64];
	uint64_t node;

	ASSERT_EQ(0, MAP(self->mem + PG, 4, RWM, 0, 3));
	ASSERT_EQ(0, MAP(self->v[0] + 4 * PG, 2, LMAP_R, 1, 7));
	ASSERT_EQ(0, map_budget(self->space, self->mem, PG, RW, self->w[2], 0, 7));
	ASSERT_EQ(1, nl_dump(self->nl, LMAP_CMD_NODE_GET, self->id[0], t, 64));
	node = TOLD(t, NODE);
	EXPECT_EQ(self->id[0], TOLD(t, WINDOW));
	EXPECT_EQ(getpid(), TOLD(t, PID));
	EXPECT_EQ(0, TOLD(t, PARENT));
	EXPECT_EQ(getpid(), TOLD(t, LENDER));
	EXPECT_EQ((uintptr_t)self->mem + PG, TOLD(t, ADDRESS));
	EXPECT_EQ(3 * PG, TOLD(t, OFFSET));
	EXPECT_EQ(4 * PG, TOLD(t, LENGTH));
	EXPECT_EQ(RWM, TOLD(t, RIGHTS));
	EXPECT_EQ(1, TOLD(t, LEVEL));
	EXPECT_EQ(LMAP_DEPTH_MAX - 1, TOLD(t, DEPTH));
	ASSERT_EQ(1, nl_dump(self->nl, LMAP_CMD_NODE_GET, self->id[1], t, 64));
	EXPECT_EQ(node, TOLD(t, PARENT));
	EXPECT_EQ((uintptr_t)self->mem + 2 * PG, TOLD(t, ADDRESS));
	EXPECT_EQ(7 * PG, TOLD(t, OFFSET));
	EXPECT_EQ(2, TOLD(t, LEVEL));
	ASSERT_EQ(1, nl_dump(self->nl, LMAP_CMD_NODE_GET, self->id[2], t, 64));
	EXPECT_EQ(7, TOLD(t, BUDGET));
	EXPECT_EQ(1, TOLD(t, SPENT));
	EXPECT_EQ(3, nl_dump(self->nl, LMAP_CMD_NODE_GET, 0, t, 64));
	EXPECT_EQ(0, nl_dump(self->nl, LMAP_CMD_NODE_GET, self->id[3], t, 64));
	EXPECT_EQ(4, nl_dump(self->nl, LMAP_CMD_WINDOW_GET, 0, t, 64));
	for (int i = 0; i < 4; i++) {
		EXPECT_EQ(self->id[i], TOLD(&t[i], WINDOW));
		EXPECT_EQ(2 * N * PG, TOLD(&t[i], LENGTH));
		EXPECT_EQ(ALL, TOLD(&t[i], RIGHTS));
	}
}

LMAP_TEST(listeners, dump_tells_what_kind_a_mapping_is)
{
	static const struct {
		unsigned long cmd;
		unsigned int flags, told;
	} kinds[] = {
		{ LMAP_MAP, 0, 0 },
		{ LMAP_MAP, LMAP_TRACK, LMAP_NODE_FLAGS_TRACKED },
		{ LMAP_MAP, LMAP_PIN, LMAP_NODE_FLAGS_PINNED },
		{ LMAP_GRANT, 0, LMAP_NODE_FLAGS_DETACHED },
	};
	struct told t[64];

	for (int i = 0; i < 4; i++) {
		ASSERT_EQ(0, op(self->space, kinds[i].cmd,
				self->mem + i * PG, PG, LMAP_R, self->w[0], 0,
				kinds[i].flags));
		ASSERT_EQ(1, nl_dump(self->nl, LMAP_CMD_NODE_GET, self->id[0],
				     t, 64));
		EXPECT_EQ(kinds[i].told, TOLD(t, NODE_FLAGS));
	}
}

LMAP_TEST(listeners, a_dump_of_many_parts_is_complete)
{
	enum { MANY = 5000 };
	int w = window_create(self->space, 2 * MANY * PG, ALL);
	struct told *t = calloc(MANY, sizeof(*t));
	char *page = memory(1);
	long id = nl_watch(self->nl, w, 0);

	for (int i = 0; i < MANY; i++)
		ASSERT_EQ(0, map_range(self->space, page, PG, RW, w,
				       2 * i * PG, 0, NULL));
	ASSERT_EQ(MANY, nl_dump(self->nl, LMAP_CMD_NODE_GET, id, t, MANY));
	for (int i = 0; i < MANY; i++)
		ASSERT_EQ(2 * i * PG, TOLD(&t[i], OFFSET));
	free(t);
	close(w);
}

TEST_HARNESS_MAIN
