// SPDX-License-Identifier: GPL-2.0
/* Reports: each reason makes just the message that is described. */
#include "nl.h"
#include "harness.h"

#include <pthread.h>

#include "events.h"

FIXTURE_EVENTS(events)

/* Reasons. */

LMAP_TEST(events, unmap)
{
	ASSERT_EQ(0, MAP(self->mem, N, RWM, 0, 2));
	EXPECT_NOTHING(self->nl);
	ASSERT_EQ(0, UNMAP(self->mem, N, ALL, 0));
	EXPECT_TOLD(self->nl, REVOKED, WHY(UNMAP), 0, 2, N, RWM, 0, 1);
	EXPECT_NOTHING(self->nl);
}

LMAP_TEST(events, unmap_of_a_part)
{
	ASSERT_EQ(0, MAP(self->mem, N, RWM, 0, 0));
	ASSERT_EQ(0, UNMAP(self->mem + 3 * PG, 2, ALL, 0));
	EXPECT_TOLD(self->nl, REVOKED, WHY(UNMAP), 0, 3, 2, RWM, 0, 1);
	EXPECT_NOTHING(self->nl);
}

LMAP_TEST(events, downgrade)
{
	ASSERT_EQ(0, MAP(self->mem, N, RWM, 0, 0));
	ASSERT_EQ(0, UNMAP(self->mem, N, LMAP_W, 0));
	EXPECT_TOLD(self->nl, REVOKED, WHY(DOWNGRADE), 0, 0, N, RWM,
		    LMAP_R | LMAP_M, 1);
	/* there is nothing to lose any more */
	ASSERT_EQ(0, UNMAP(self->mem, N, LMAP_W, 0));
	EXPECT_NOTHING(self->nl);
}

LMAP_TEST(events, overmap)
{
	char *other = memory(N);

	ASSERT_EQ(0, MAP(self->mem, N, RWM, 0, 0));
	ASSERT_EQ(0, MAP(self->v[0], N, LMAP_R, 1, 0));
	ASSERT_EQ(0, MAP(other, 2, RW, 0, 4));
	/* what derived from the part that goes, first */
	EXPECT_TOLD(self->nl, REVOKED, WHY(OVERMAP), 1, 4, 2, LMAP_R, 0, 1);
	EXPECT_TOLD(self->nl, REVOKED, WHY(OVERMAP), 0, 4, 2, RWM, 0, 1);
	EXPECT_NOTHING(self->nl);
}

LMAP_TEST(events, grant)
{
	ASSERT_EQ(0, MAP(self->mem, N, RWM, 0, 0));
	ASSERT_EQ(0, op(self->space, LMAP_MAP, self->v[0], N * PG, RW,
			self->w[1], 0, 0));
	/* moves with fewer rights: what derives from it is reduced */
	ASSERT_EQ(0, op(self->space, LMAP_GRANT, self->v[0], N * PG,
			LMAP_R | LMAP_M, self->w[2], 0, 0));
	for (int i = 0; i < 2; i++) {
		struct told t;

		ASSERT_EQ(1, nl_next(self->nl, &t));
		EXPECT_EQ(REVOKED, t.cmd);
		EXPECT_EQ(WHY(GRANT), TOLD(&t, REASON));
		if (TOLD(&t, WINDOW) == self->id[0]) {
			EXPECT_EQ(0, TOLD(&t, RIGHTS));
			EXPECT_EQ(RWM, TOLD(&t, RIGHTS_BEFORE));
		} else {
			EXPECT_EQ(self->id[1], TOLD(&t, WINDOW));
			EXPECT_EQ(LMAP_R, TOLD(&t, RIGHTS));
			EXPECT_EQ(RW, TOLD(&t, RIGHTS_BEFORE));
		}
	}
	EXPECT_NOTHING(self->nl);
}

LMAP_TEST(events, munmap)
{
	ASSERT_EQ(0, MAP(self->mem, N, RW, 0, 0));
	ASSERT_EQ(0, munmap(self->mem + PG, 2 * PG));
	EXPECT_TOLD(self->nl, REVOKED, WHY(MUNMAP), 0, 1, 2, RW, 0, 1);
	/* by something else at the same place: the same */
	ASSERT_NE(MAP_FAILED, mmap(self->mem + 4 * PG, PG, PROT_READ,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
				   -1, 0));
	EXPECT_TOLD(self->nl, REVOKED, WHY(MUNMAP), 0, 4, 1, RW, 0, 1);
	EXPECT_NOTHING(self->nl);
}

LMAP_TEST(events, mremap)
{
	ASSERT_EQ(0, MAP(self->mem, N, RW, 0, 0));
	ASSERT_NE(MAP_FAILED, mremap(self->mem, N * PG, 2 * N * PG,
				     MREMAP_MAYMOVE | MREMAP_FIXED,
				     self->mem + 64 * N * PG));
	EXPECT_TOLD(self->nl, REVOKED, WHY(MREMAP), 0, 0, N, RW, 0, 1);
	EXPECT_NOTHING(self->nl);
}

/* A lender of its own that does something when it is told. */
static pid_t lender(struct __test_metadata *_metadata, int window,
		    void (*what)(int space, char *mem), int *go)
{
	int ready[2], start[2];
	char c;
	pid_t pid;

	ASSERT_EQ(0, pipe2(ready, O_CLOEXEC));
	ASSERT_EQ(0, pipe2(start, O_CLOEXEC));
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		int space = space_open();
		char *mem = memory(N);

		close(start[1]);
		if (map_range(space, mem, N * PG, RW, window, 0, 0, NULL))
			_exit(1);
		if (write(ready[1], "", 1) != 1 || read(start[0], &c, 1) < 0)
			_exit(1);
		what(space, mem);
		_exit(0);
	}
	close(ready[1]);
	close(start[0]);
	ASSERT_EQ(1, read(ready[0], &c, 1));
	close(ready[0]);
	*go = start[1];
	return pid;
}

static void lender_exits(int space, char *mem)
{
}

static void lender_execs(int space, char *mem)
{
	execl("/bin/busybox", "true", NULL);
	execl("/bin/true", "true", NULL);
}

static void lender_closes(int space, char *mem)
{
	close(space);
	_exit(0);
}

static void lender_is_killed(int space, char *mem)
{
	raise(SIGKILL);
}

LMAP_TEST(events, exit_exec_close)
{
	static const struct {
		void (*what)(int space, char *mem);
		int reason;
	} ends[] = {
		{ lender_exits, WHY(EXIT) },
		{ lender_is_killed, WHY(EXIT) },
		{ lender_execs, WHY(EXEC) },
		{ lender_closes, WHY(CLOSE) },
	};

	for (int i = 0; i < ARRAY_SIZE(ends); i++) {
		int go, st;
		pid_t pid = lender(_metadata, self->w[0], ends[i].what, &go);

		close(go);
		ASSERT_EQ(pid, waitpid(pid, &st, 0));
		EXPECT_TOLD(self->nl, REVOKED, ends[i].reason, 0, 0, N, RW, 0, 1);
		EXPECT_NOTHING(self->nl);
	}
}

/* Pages of a mapping that is gone come no more, and the lender is told. */
LMAP_TEST(events, borrower_exits)
{
	int nl = nl_open(), st;
	struct told t;
	struct peer p;
	long window;

	p = peer_start(N, PROT_READ);
	ASSERT_GT(nl_watch(nl, self->space, 0), 0);
	window = nl_watch(nl, p.window, 0);
	ASSERT_GT(window, 0);
	ASSERT_EQ(0, map_range(self->space, self->mem, N * PG, LMAP_R,
			       p.window, 0, 0, NULL));
	kill(p.pid, SIGKILL);
	ASSERT_EQ(p.pid, waitpid(p.pid, &st, 0));
	ASSERT_EQ(1, nl_next(nl, &t));
	EXPECT_EQ(REVOKED, t.cmd);
	EXPECT_EQ(WHY(EXIT), TOLD(&t, REASON));
	EXPECT_EQ(window, TOLD(&t, WINDOW));
	ASSERT_EQ(1, nl_next(nl, &t));
	EXPECT_EQ(LMAP_CMD_CLOSED, t.cmd);
	EXPECT_EQ(WHY(EXIT), TOLD(&t, REASON));
	EXPECT_EQ(window, TOLD(&t, WINDOW));
	EXPECT_EQ(p.pid, TOLD(&t, PID));
	EXPECT_NOTHING(nl);
	/* nothing more comes of it, so nobody can wait for that */
	EXPECT_EQ(-ENXIO, nl_watch(nl, p.window, 0));
	close(nl);
}

/*
 * Memory that was lent 63 levels deep is granted, and hangs one level deeper
 * afterwards. Who maps it on just then, behind the check, is too deep.
 */
struct deepener {
	int space;
	char *from;
	int window;
	int stop;
};

static void *deepen(void *arg)
{
	struct deepener *d = arg;

	while (!__atomic_load_n(&d->stop, __ATOMIC_RELAXED)) {
		map_range(d->space, d->from, PG, LMAP_R, d->window, 0, 0, NULL);
		unmap_range(d->space, d->from, PG, ALL, 0, NULL);
	}
	return NULL;
}

LMAP_TEST(events, limit)
{
	enum { DEEP = LMAP_DEPTH_MAX - 1 };
	int w[DEEP], nl = nl_open(), seen = 0;
	struct deepener d = { .space = self->space, .window = self->w[1] };
	char *v[DEEP], *from;
	pthread_t thread;
	struct told t;

	ASSERT_GT(nl_watch(nl, self->w[1], 0), 0);
	for (int i = 0; i < DEEP; i++) {
		w[i] = window_create(self->space, PG, ALL);
		v[i] = window_mmap(w[i], PG, PROT_READ);
		ASSERT_NE(MAP_FAILED, v[i]);
	}
	d.from = v[DEEP - 1];
	ASSERT_EQ(0, pthread_create(&thread, NULL, deepen, &d));
	for (int round = 0; round < 1000 && !seen; round++) {
		char *mem = memory(1);
		long ret;

		from = mem;
		for (int i = 0; i < DEEP; i++) {
			ASSERT_EQ(0, map_range(self->space, from, PG, RWM, w[i],
					       0, 0, NULL));
			from = v[i];
		}
		ret = op(self->space, LMAP_GRANT, mem, PG, RWM, self->w[0], 0, 0);
		ASSERT_TRUE(!ret || ret == -EMLINK);
		while (nl_next(nl, &t) == 1)
			if (TOLD(&t, REASON) == WHY(LIMIT)) {
				seen++;
				EXPECT_EQ(0, TOLD(&t, RIGHTS));
				EXPECT_EQ(LMAP_R, TOLD(&t, RIGHTS_BEFORE));
			}
		munmap(mem, PG);
	}
	__atomic_store_n(&d.stop, 1, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	for (int i = 0; i < DEEP; i++) {
		munmap(v[i], PG);
		close(w[i]);
	}
	close(nl);
	if (!seen)
		SKIP(return, "in 1000 rounds nobody mapped just behind the check");
}

/* Sends signals to a thread until it is back from its call. */
struct pest {
	pthread_t victim;
	int back;
};

static void nothing(int sig)
{
}

static void *pester(void *arg)
{
	struct pest *p = arg;

	while (!__atomic_load_n(&p->back, __ATOMIC_ACQUIRE)) {
		pthread_kill(p->victim, SIGUSR1);
		sched_yield();
	}
	return NULL;
}

/* A page of memory that is to be pinned can't be had, and a signal comes. */
LMAP_TEST(events, undo)
{
	int fd = syscall(SYS_memfd_create, "short", MFD_CLOEXEC), undone = 0;
	struct pest p = { .victim = pthread_self() };
	pthread_t thread;
	struct told t;
	char *mem;

	ASSERT_EQ(0, ftruncate(fd, PG));
	mem = mmap(NULL, 2 * PG, PROT_READ, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, mem);
	ASSERT_EQ(self->id[0], nl_watch(self->nl, self->w[0], LMAP_WATCH_GAINS));
	signal(SIGUSR1, nothing);
	ASSERT_EQ(0, pthread_create(&thread, NULL, pester, &p));
	while (!undone) {
		long ret = op(self->space, LMAP_MAP, mem, 2 * PG, LMAP_R,
			      self->w[0], 0, LMAP_PIN);

		ASSERT_TRUE(!ret || ret == -EINTR);
		/* without a signal it stays, with the page that there is */
		if (!ret) {
			while (UNMAP(mem, 2, ALL, 0) == -EINTR)
				;
			nl_drain(self->nl);
			continue;
		}
		/* or it was interrupted before it had mapped anything */
		if (!nl_next(self->nl, &t))
			continue;
		EXPECT_EQ(MAPPED, t.cmd);
		EXPECT_TOLD(self->nl, REVOKED, WHY(UNDO), 0, 0, 2, LMAP_R, 0, 1);
		undone = 1;
	}
	__atomic_store_n(&p.back, 1, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	EXPECT_NOTHING(self->nl);
	close(fd);
}

LMAP_TEST(events, close_of_a_window)
{
	struct told t;

	ASSERT_EQ(0, MAP(self->mem, N, RW, 3, 0));
	munmap(self->v[3], 2 * N * PG);
	close(self->w[3]);
	self->w[3] = -1;
	EXPECT_TOLD(self->nl, REVOKED, WHY(CLOSE), 3, 0, N, RW, 0, 1);
	ASSERT_EQ(1, nl_next(self->nl, &t));
	EXPECT_EQ(LMAP_CMD_CLOSED, t.cmd);
	EXPECT_EQ(WHY(CLOSE), TOLD(&t, REASON));
	EXPECT_EQ(self->id[3], TOLD(&t, WINDOW));
	EXPECT_EQ(getpid(), TOLD(&t, PID));
	EXPECT_EQ(-ENOENT, nl_unwatch(self->nl, LMAP_A_WINDOW, self->id[3]));
	EXPECT_NOTHING(self->nl);
}

LMAP_TEST(events, close_of_a_space)
{
	int space = space_open();
	struct told t;
	long id = nl_watch(self->nl, space, 0);

	ASSERT_GT(id, 0);
	ASSERT_EQ(0, map_range(space, self->mem, PG, RW, self->w[0], 0, 0, NULL));
	close(space);
	EXPECT_TOLD(self->nl, REVOKED, WHY(CLOSE), 0, 0, 1, RW, 0, 1);
	ASSERT_EQ(1, nl_next(self->nl, &t));
	EXPECT_EQ(LMAP_CMD_CLOSED, t.cmd);
	EXPECT_EQ(id, TOLD(&t, SPACE));
	EXPECT_EQ(WHY(CLOSE), TOLD(&t, REASON));
	EXPECT_NOTHING(self->nl);
}

/* Gains, if they are asked for. */
LMAP_TEST(events, gains)
{
	for (int i = 0; i < 3; i++)
		ASSERT_EQ(self->id[i], nl_watch(self->nl, self->w[i],
						LMAP_WATCH_GAINS));
	ASSERT_EQ(0, MAP(self->mem, N, LMAP_R | LMAP_M, 0, 0));
	EXPECT_TOLD(self->nl, MAPPED, WHY(MAP), 0, 0, N, 0, LMAP_R | LMAP_M, 1);
	/* rights are added: before and now; and not again */
	ASSERT_EQ(0, MAP(self->mem, N, RWM, 0, 0));
	EXPECT_TOLD(self->nl, MAPPED, WHY(MAP), 0, 0, N, LMAP_R | LMAP_M, RWM, 1);
	ASSERT_EQ(0, MAP(self->mem, N, RWM, 0, 0));
	EXPECT_NOTHING(self->nl);
	ASSERT_EQ(0, op(self->space, LMAP_COPY, self->v[0], N * PG, RW,
			self->w[1], 0, 0));
	EXPECT_TOLD(self->nl, MAPPED, WHY(COPY), 1, 0, N, 0, RW, 1);
	ASSERT_EQ(0, op(self->space, LMAP_GRANT, self->v[0], N * PG, RWM,
			self->w[2], 0, 0));
	EXPECT_TOLD(self->nl, MAPPED, WHY(GRANT), 2, 0, N, 0, RWM, 1);
	EXPECT_TOLD(self->nl, REVOKED, WHY(GRANT), 0, 0, N, RWM, 0, 1);
	/* and no more, if they are not asked for any more */
	ASSERT_EQ(self->id[0], nl_watch(self->nl, self->w[0], 0));
	ASSERT_EQ(0, MAP(self->mem, 1, LMAP_R, 0, 0));
	EXPECT_NOTHING(self->nl);
}

TEST_HARNESS_MAIN
