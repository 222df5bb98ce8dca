// SPDX-License-Identifier: GPL-2.0
/*
 * Following a window by what is told of it: a dump taken at any moment of a fast
 * stream of maps and unmaps, and the messages since, give what there is.
 */
#include "nl.h"
#include "harness.h"

#define PAGES	64
#define LENDERS	3
#define BATCH	150

/* What lenders and the reader share. */
struct shared {
	unsigned int round;	/* lenders work on this one */
	unsigned int done;	/* lenders that are through with it */
	unsigned int stop;
	unsigned int failed;
};

struct follower {
	int space;
	int w;
	long id;
	int nl;
	struct shared *shared;
	pid_t lender[LENDERS];
	unsigned int state;
	unsigned char rights[PAGES];	/* as told */
	unsigned char newer[PAGES];	/* the same, only by what is newer than the dump */
	uint64_t generation[PAGES];	/* as of which they were dumped */
	unsigned long told;
};

FIXTURE(follow) {
	struct follower f;
};

static const unsigned int some_rights[] = {
	LMAP_R, RW, RWM, LMAP_R | LMAP_M, ALL,
};

/* One range of the window, in pages. */
static unsigned int range(unsigned int *state, unsigned int *first)
{
	unsigned int n = 1 + next_random(state) % 12;

	*first = next_random(state) % (PAGES - n + 1);
	return n;
}

static int lender_step(int space, char *mem, int w, unsigned int *state)
{
	unsigned int first, n = range(state, &first);
	unsigned int rights = some_rights[next_random(state) % 5];

	switch (next_random(state) % 4) {
	case 0:
	case 1:
		return map_range(space, mem + first * PG, n * PG, rights, w,
				 range(state, &first) * PG, 0, NULL);
	case 2:
		return unmap_range(space, mem + first * PG, n * PG,
				   next_random(state) % 2 ? ALL : LMAP_W, 0,
				   NULL);
	default:
		munmap(mem + first * PG, n * PG);
		return mmap(mem + first * PG, n * PG, PROT_READ | PROT_WRITE |
			    PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
			    -1, 0) == MAP_FAILED ? -errno : 0;
	}
}

static void lender_main(struct shared *shared, int w, unsigned int state)
{
	int space = space_open();
	char *mem = mmap(NULL, PAGES * PG, PROT_READ | PROT_WRITE | PROT_EXEC,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned int round = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		while (__atomic_load_n(&shared->round, __ATOMIC_ACQUIRE) == round)
			sched_yield();
		round = __atomic_load_n(&shared->round, __ATOMIC_ACQUIRE);
		if (shared->stop)
			_exit(0);
		for (int i = 0; i < BATCH; i++)
			if (lender_step(space, mem, w, &state))
				__atomic_store_n(&shared->failed, 1,
						 __ATOMIC_RELAXED);
		__atomic_fetch_add(&shared->done, 1, __ATOMIC_RELEASE);
	}
}

FIXTURE_SETUP(follow)
{
	struct follower *f = &self->f;
	int large = 32 << 20;

	f->state = seed();
	f->space = space_open();
	ASSERT_GE(f->space, 0);
	f->w = window_create(f->space, PAGES * PG, ALL);
	f->nl = nl_open();
	ASSERT_EQ(0, setsockopt(f->nl, SOL_SOCKET, SO_RCVBUFFORCE, &large,
				sizeof(large)));
	f->id = nl_watch(f->nl, f->w, LMAP_WATCH_GAINS);
	ASSERT_GT(f->id, 0);
	f->shared = shared_memory(PG);
	for (int i = 0; i < LENDERS; i++) {
		f->lender[i] = fork();
		ASSERT_GE(f->lender[i], 0);
		if (!f->lender[i])
			lender_main(f->shared, f->w, f->state + i);
	}
}

FIXTURE_TEARDOWN(follow)
{
	struct follower *f = &self->f;
	int st;

	f->shared->stop = 1;
	__atomic_fetch_add(&f->shared->round, 1, __ATOMIC_RELEASE);
	for (int i = 0; i < LENDERS; i++) {
		EXPECT_EQ(f->lender[i], waitpid(f->lender[i], &st, 0));
		EXPECT_EQ(0, st);
	}
	close(f->nl);
	close(f->w);
	close(f->space);
}

static bool dump(struct follower *f, unsigned char *rights,
		 uint64_t *generation)
{
	static struct told t[PAGES];
	uint64_t as_of;
	int n;

	/* Of what a dump does not name there is nothing, as of its beginning. */
	if (nl_dump(f->nl, LMAP_CMD_WINDOW_GET, f->id, t, 1) != 1)
		return false;
	as_of = TOLD(t, GENERATION);
	n = nl_dump(f->nl, LMAP_CMD_NODE_GET, f->id, t, PAGES);
	if (n < 0 || n > PAGES)
		return false;
	memset(rights, 0, PAGES);
	for (int p = 0; p < PAGES; p++)
		generation[p] = as_of;
	for (int i = 0; i < n; i++) {
		unsigned int first = TOLD(&t[i], OFFSET) / PG;
		unsigned int pages = TOLD(&t[i], LENGTH) / PG;

		memset(rights + first, TOLD(&t[i], RIGHTS), pages);
		for (unsigned int p = first; p < first + pages; p++)
			generation[p] = TOLD(&t[i], GENERATION);
	}
	return true;
}

/*
 * Applies all messages that are there. Once in step, what a message says of the
 * rights before must be so, too.
 */
static const char *apply(struct follower *f, bool in_step)
{
	struct told t;
	int ret;

	while ((ret = nl_next(f->nl, &t)) == 1) {
		unsigned int first = TOLD(&t, OFFSET) / PG;
		unsigned int pages = TOLD(&t, LENGTH) / PG;

		if (t.cmd != LMAP_CMD_REVOKED && t.cmd != LMAP_CMD_MAPPED)
			return "a message that nobody expects";
		if (first + pages > PAGES || !pages)
			return "a message about what is not there";
		for (unsigned int p = first; p < first + pages; p++) {
			if (in_step && f->rights[p] != TOLD(&t, RIGHTS_BEFORE))
				return "rights before are not what was told before";
			f->rights[p] = TOLD(&t, RIGHTS);
			if (TOLD(&t, GENERATION) > f->generation[p])
				f->newer[p] = TOLD(&t, RIGHTS);
		}
		f->told++;
	}
	return ret ? "messages were lost" : NULL;
}

static void wait_for_lenders(struct follower *f)
{
	while (__atomic_load_n(&f->shared->done, __ATOMIC_ACQUIRE) < LENDERS)
		sched_yield();
	f->shared->done = 0;
}

LMAP_TEST(follow, a_dump_at_any_moment_and_what_is_told_since)
{
	struct follower *f = &self->f;
	int rounds = slow() > 1 ? 6 : 40;

	for (int round = 0; round < rounds; round++) {
		unsigned char now[PAGES];
		uint64_t unused[PAGES];
		const char *wrong;

		__atomic_fetch_add(&f->shared->round, 1, __ATOMIC_RELEASE);
		/* now, or somewhat later */
		for (unsigned int i = next_random(&f->state) % 200; i; i--)
			sched_yield();
		ASSERT_TRUE(dump(f, f->rights, f->generation));
		memcpy(f->newer, f->rights, PAGES);
		wait_for_lenders(f);
		wrong = apply(f, false);
		ASSERT_EQ(NULL, wrong) TH_LOG("%s", wrong);
		ASSERT_TRUE(dump(f, now, unused));
		ASSERT_EQ(0, memcmp(now, f->rights, PAGES))
			TH_LOG("round %d: all messages applied", round);
		ASSERT_EQ(0, memcmp(now, f->newer, PAGES))
			TH_LOG("round %d: newer messages applied", round);

		/* and from here on each message fits the one before */
		__atomic_fetch_add(&f->shared->round, 1, __ATOMIC_RELEASE);
		wait_for_lenders(f);
		wrong = apply(f, true);
		ASSERT_EQ(NULL, wrong) TH_LOG("%s", wrong);
		ASSERT_TRUE(dump(f, now, unused));
		ASSERT_EQ(0, memcmp(now, f->rights, PAGES));
	}
	EXPECT_EQ(0, f->shared->failed);
	TH_LOG("%lu messages", f->told);
	EXPECT_GT(f->told, rounds * 100);
}

TEST_HARNESS_MAIN
