// SPDX-License-Identifier: GPL-2.0
/*
 * Races: revoking against accesses, against mapping on, against everything.
 * Repetition and barriers, never time, decide.
 */
#include "util.h"
#include "harness.h"

#include <pthread.h>

FIXTURE_PLAIN(race)

static void *shared(size_t length)
{
	return mmap(NULL, length, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

struct spin {
	int go;			/* round that the storer is in */
	int lost;		/* rounds in which it has lost the page */
	int stop;
};

/* Stores without end; tells each time when it can't any more. */
static int storer(struct peer *self, long arg)
{
	struct spin *s = (struct spin *)arg;
	volatile char *p = (volatile char *)(uintptr_t)self->base;
	unsigned int value = 0;
	int seen = 0;

	while (!__atomic_load_n(&s->stop, __ATOMIC_ACQUIRE)) {
		if (poke(p + value % PG, value | 1) == NOTHING) {
			if (__atomic_load_n(&s->go, __ATOMIC_ACQUIRE) > seen) {
				seen = s->go;
				__atomic_fetch_add(&s->lost, 1,
						   __ATOMIC_RELEASE);
			}
			sched_yield();
		}
		value++;
	}
	return 0;
}

/*
 * After unmap returns, a thread that stores in a tight loop on the other
 * processor changes nothing any more: 20 repeats x 1000 rounds.
 */
LMAP_TEST(race, stores_after_unmap_change_nothing)
{
	int rounds = 20 * 1000 / slow(), bad = 0, hits = 0;
	struct spin *s = shared(PG);
	char *mem = memory(1);
	struct peer b = peer_start(1, PROT_READ | PROT_WRITE);
	pid_t asker = fork();

	if (!asker) {
		peer_run(&b, storer, (long)s);
		_exit(0);
	}
	for (int i = 1; i <= rounds; i++) {
		char copy[PG];

		memset(mem, 0, PG);
		ASSERT_EQ(0, map_range(self->space, mem, PG, RW, b.window, 0,
				       0, NULL));
		/* until it has stored at least once, now and then */
		if (i % 4 == 0)
			while (!__atomic_load_n((unsigned long *)mem,
						__ATOMIC_RELAXED))
				sched_yield();
		ASSERT_EQ(0, unmap_range(self->space, mem, PG,
					 i % 3 ? ALL : LMAP_R, 0, NULL));
		memcpy(copy, mem, PG);
		__atomic_store_n(&s->go, i, __ATOMIC_RELEASE);
		for (int k = 0; k < 50; k++)
			bad += memcmp(copy, mem, PG) != 0;
		hits += copy[0] || copy[1] || copy[2];
	}
	EXPECT_EQ(0, bad);
	EXPECT_GT(hits, 0);
	s->stop = 1;
	waitpid(asker, NULL, 0);
	peer_stop(&b);
}

LMAP_TEST(race, stores_after_taking_w_change_nothing)
{
	int rounds = 4000 / slow(), bad = 0, hits = 0;
	struct spin *s = shared(PG);
	char *mem = memory(1);
	struct peer b = peer_start(1, PROT_READ | PROT_WRITE);
	pid_t asker = fork();

	if (!asker) {
		peer_run(&b, storer, (long)s);
		_exit(0);
	}
	for (int i = 1; i <= rounds; i++) {
		char copy[PG];

		memset(mem, 0, PG);
		ASSERT_EQ(0, map_range(self->space, mem, PG, RW, b.window, 0,
				       0, NULL));
		if (i % 4 == 0)
			while (!__atomic_load_n((unsigned long *)mem,
						__ATOMIC_RELAXED))
				sched_yield();
		ASSERT_EQ(0, unmap_range(self->space, mem, PG, LMAP_W, 0,
					 NULL));
		memcpy(copy, mem, PG);
		for (int k = 0; k < 50; k++)
			bad += memcmp(copy, mem, PG) != 0;
		for (int k = 0; k < PG; k++)
			if (copy[k]) {
				hits++;
				break;
			}
	}
	EXPECT_EQ(0, bad);
	EXPECT_GT(hits, 0);
	s->stop = 1;
	waitpid(asker, NULL, 0);
	peer_stop(&b);
}

/* Threads that do everything at once on the same few pages. */

#define N	16

struct arena {
	int space;
	int window[3];
	char *view[3];
	char *mem;
	unsigned int seed;
	int rounds;		/* of each that changes something */
	int threads;		/* so many have begun */
	int stop;		/* for those that only look */
	int wrong;
	int stale;		/* how often ESTALE came */
};

/* Its own for each thread, the same for the same LMAP_SEED. */
static unsigned int dice_of(struct arena *a)
{
	return a->seed + 7919 * __atomic_add_fetch(&a->threads, 1,
						   __ATOMIC_RELAXED);
}

static unsigned int roll(unsigned int *dice)
{
	*dice = *dice * 1103515245 + 12345;
	return *dice >> 8;
}

static void *mapper(void *arg)
{
	struct arena *a = arg;
	unsigned int dice = dice_of(a);

	for (int i = 0; i < a->rounds; i++) {
		int w = roll(&dice) % 3, pages = 1 + roll(&dice) % N;
		int first = roll(&dice) % (N - pages + 1);
		char *from = w ? a->view[roll(&dice) % w] : a->mem;
		int ret = map_range(a->space, from + first * PG, pages * PG,
				    ALL, a->window[w], first * PG,
				    roll(&dice) % 4 ? 0 : LMAP_POPULATE, NULL);

		if (ret && ret != -EFAULT && ret != -ESTALE &&
		    ret != -EACCES && ret != -ELOOP)
			a->wrong = -ret;
		if (ret == -ESTALE)
			__atomic_fetch_add(&a->stale, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void *unmapper(void *arg)
{
	struct arena *a = arg;
	unsigned int dice = dice_of(a);

	for (int i = 0; i < a->rounds; i++) {
		int w = roll(&dice) % 4, pages = 1 + roll(&dice) % 4;
		int first = roll(&dice) % (N - pages + 1);
		char *from = w < 3 ? a->view[w] : a->mem;
		int ret = unmap_range(a->space, from + first * PG, pages * PG,
				      roll(&dice) % 2 ? LMAP_R : LMAP_W,
				      roll(&dice) % 2 ? LMAP_SELF : 0, NULL);

		if (ret)
			a->wrong = -ret;
	}
	return NULL;
}

static void *toucher(void *arg)
{
	struct arena *a = arg;
	unsigned int dice = dice_of(a);

	while (!__atomic_load_n(&a->stop, __ATOMIC_ACQUIRE)) {
		int w = roll(&dice) % 3, page = roll(&dice) % N;
		char *p = a->view[w] + page * PG;
		int ret = roll(&dice) % 2 ? poke(p + 8, page + 1) : peek(p);

		/* page i holds i + 1, zero after it was discarded */
		if (ret > 0 && ret != page + 1)
			a->wrong = 1000 + ret;
		if (ret < 0 && ret != NOTHING && ret != NO_RIGHT)
			a->wrong = 2000 - ret;
	}
	return NULL;
}

static void *lender_acts(void *arg)
{
	struct arena *a = arg;
	unsigned int dice = dice_of(a);

	for (int i = 0; i < a->rounds; i++) {
		char *p = a->mem + roll(&dice) % N * PG;
		char buf[16];
		pid_t pid;

		switch (roll(&dice) % 8) {
		case 0:
			madvise(p, PG, MADV_DONTNEED);
			break;
		case 1:
			mprotect(p, PG, PROT_READ);
			mprotect(p, PG, PROT_READ | PROT_WRITE);
			break;
		case 2:
			mmap(p, PG, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
			break;
		case 3:
			pid = fork();
			if (!pid) {
				p[9] = 77;
				_exit(0);
			}
			waitpid(pid, NULL, 0);
			break;
		case 4:
			madvise(p, PG, 21 /* MADV_PAGEOUT */);
			break;
		case 5:
			if (pread(a->window[1], buf, 16,
				  roll(&dice) % N * PG) < 0 && errno != EFAULT)
				a->wrong = errno;
			break;
		case 6:
			if (pwrite(a->window[2], "", 1,
				   roll(&dice) % N * PG + 100) < 0 &&
			    errno != EFAULT)
				a->wrong = errno;
			break;
		default:
			space_sync(a->space);
		}
	}
	return NULL;
}

LMAP_TEST(race, map_unmap_touch_and_the_lenders_calls_at_once)
{
	void *(*roles[])(void *) = { mapper, unmapper, lender_acts, mapper,
				     toucher, toucher };
	struct arena a = { .space = self->space, .mem = memory(N),
			   .seed = seed(), .rounds = 4000 / slow() };
	pthread_t t[6];

	for (int i = 0; i < 3; i++) {
		a.window[i] = window_create(self->space, N * PG, ALL);
		a.view[i] = window_mmap(a.window[i], N * PG,
					PROT_READ | PROT_WRITE);
	}
	for (int i = 0; i < 6; i++)
		ASSERT_EQ(0, pthread_create(&t[i], NULL, roles[i], &a));
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	__atomic_store_n(&a.stop, 1, __ATOMIC_RELEASE);
	for (int i = 4; i < 6; i++)
		pthread_join(t[i], NULL);
	TH_LOG("ESTALE %d times", a.stale);
	EXPECT_EQ(0, a.wrong);
	ASSERT_EQ(0, unmap_fpage(self->space, LMAP_WHOLE, LMAP_SELF));
	EXPECT_EQ(0, info(self->space).out_mappings);
	EXPECT_EQ(0, info(self->space).out_regions);
	for (int i = 0; i < 3; i++) {
		for (int p = 0; p < N; p++)
			EXPECT_EQ(NOTHING, peek(a.view[i] + p * PG));
		close(a.window[i]);
	}
}

struct contest {
	int rounds;
	int wrong;
};

/* Lends to a window that another lender lends to as well. */
static void contest_run(struct contest *c, int window, size_t unmap_pages)
{
	int s = space_open();
	char *m = memory(4);

	for (int i = 0; i < c->rounds; i++) {
		int ret = map_range(s, m, 4 * PG, ALL, window, 0, 0, NULL);

		if (!ret)
			ret = unmap_range(s, m, unmap_pages * PG,
					  i % 2 ? ALL : LMAP_W, 0, NULL);
		if (ret)
			c->wrong = -ret;
	}
	if (unmap_fpage(s, LMAP_WHOLE, 0) || info(s).out_mappings)
		c->wrong = 1000;
	close(s);
}

LMAP_TEST(race, two_lenders_map_over_each_other)
{
	struct peer b = peer_start(4, PROT_READ | PROT_WRITE);
	struct contest *c = shared(PG);
	pid_t pid;

	c->rounds = 2000 / slow();
	pid = fork();
	if (!pid) {
		contest_run(c, b.window, 2);
		_exit(0);
	}
	contest_run(c, b.window, 4);
	waitpid(pid, NULL, 0);
	EXPECT_EQ(0, c->wrong);
	for (int i = 0; i < 4; i++)
		EXPECT_EQ(NOTHING, peer_peek(&b, i * PG));
	peer_stop(&b);
}

/* Two spaces that lend to each other, and lend back what they borrowed. */
struct side {
	struct side *other;
	int space;
	int window;
	char *view;
	char *mem;
	unsigned int dice;
	int rounds;
	int wrong;
	int loops;		/* how often ELOOP came */
};

static void *cross(void *arg)
{
	struct side *me = arg;

	for (int i = 0; i < me->rounds; i++) {
		int page = roll(&me->dice) % 4, ret;

		/* own memory to pages 0-3, borrowed pages to 4-7 */
		ret = map_range(me->space, me->mem, 4 * PG, ALL,
				me->other->window, 0, 0, NULL);
		if (ret)
			me->wrong = -ret;
		ret = map_range(me->space, me->view + page * PG, 4 * PG, ALL,
				me->other->window, (4 - page) * PG, 0, NULL);
		if (ret && ret != -EFAULT && ret != -ESTALE &&
		    ret != -ELOOP && ret != -EACCES && ret != -EMLINK)
			me->wrong = -ret;
		me->loops += ret == -ELOOP;
		peek(me->view + roll(&me->dice) % 8 * PG);
		if (roll(&me->dice) % 3 == 0 &&
		    unmap_range(me->space, me->mem + page * PG, PG, LMAP_R, 0,
				NULL))
			me->wrong = 1000;
		if (roll(&me->dice) % 3 == 0 &&
		    unmap_range(me->space, me->view + page * PG, 2 * PG, ALL,
				i % 2 ? LMAP_SELF : 0, NULL))
			me->wrong = 2000;
	}
	return NULL;
}

LMAP_TEST(race, two_spaces_lend_to_each_other)
{
	unsigned int dice = seed();
	struct side side[2];
	pthread_t t[2];

	for (int i = 0; i < 2; i++) {
		int s = space_open(), w = window_create(s, 8 * PG, ALL);

		side[i] = (struct side){
			.other = &side[!i], .space = s, .window = w,
			.view = window_mmap(w, 8 * PG, PROT_READ | PROT_WRITE),
			.mem = memory(4), .dice = dice + i,
			.rounds = 3000 / slow(),
		};
	}
	for (int i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&t[i], NULL, cross, &side[i]));
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	for (int i = 0; i < 2; i++) {
		EXPECT_EQ(0, side[i].wrong);
		ASSERT_EQ(0, unmap_fpage(side[i].space, LMAP_WHOLE, 0));
		EXPECT_EQ(0, info(side[i].space).out_mappings);
	}
	TH_LOG("ELOOP %d times", side[0].loops + side[1].loops);
	for (int i = 0; i < 2; i++) {
		for (int p = 0; p < 8; p++)
			EXPECT_EQ(NOTHING, peek(side[i].view + p * PG));
		munmap(side[i].view, 8 * PG);
		munmap(side[i].mem, 4 * PG);
		close(side[i].window);
		close(side[i].space);
	}
}

/* A borrower that lends on as fast as it can, under a lender that revokes. */
struct onward {
	int space;
	char *from;
	int window;
	int stop;
	int mapped;
	int stale;
	int wrong;
};

static void *lend_on(void *arg)
{
	struct onward *o = arg;

	while (!__atomic_load_n(&o->stop, __ATOMIC_ACQUIRE)) {
		int ret = map_range(o->space, o->from, 4 * PG, ALL, o->window,
				    0, 0, NULL);

		if (!ret)
			__atomic_fetch_add(&o->mapped, 1, __ATOMIC_RELEASE);
		else if (ret == -ESTALE)
			o->stale++;
		else if (ret != -EFAULT)
			o->wrong = -ret;
	}
	return NULL;
}

LMAP_TEST(race, mapping_on_never_outlives_the_revoke_above)
{
	int w1 = window_create(self->space, 4 * PG, ALL);
	int w2 = window_create(self->space, 4 * PG, ALL);
	char *v1 = window_mmap(w1, 4 * PG, PROT_READ);
	char *v2 = window_mmap(w2, 4 * PG, PROT_READ);
	struct onward o = { .space = self->space, .from = v1, .window = w2 };
	char *mem = memory(4);
	int left = 0, seen = 0;
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, lend_on, &o));
	for (int i = 0; i < 3000 / slow(); i++) {
		int before = __atomic_load_n(&o.mapped, __ATOMIC_ACQUIRE);

		ASSERT_EQ(0, map_range(self->space, mem, 4 * PG, ALL, w1, 0, 0,
				       NULL));
		if (i % 4 == 0) {
			while (__atomic_load_n(&o.mapped, __ATOMIC_ACQUIRE) ==
			       before)
				sched_yield();
			seen++;
		}
		ASSERT_EQ(0, unmap_range(self->space, mem, 4 * PG, ALL, 0,
					 NULL));
		/* from here on, whatever the other thread tries */
		for (int k = 0; k < 4; k++) {
			left += peek(v2 + k * PG) != NOTHING;
			left += peek(v1 + k * PG) != NOTHING;
		}
		left += info(self->space).out_mappings != 0;
	}
	__atomic_store_n(&o.stop, 1, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	EXPECT_EQ(0, left);
	EXPECT_EQ(0, o.wrong);
	EXPECT_GT(seen, 0);
	TH_LOG("ESTALE %d times", o.stale);
	close(w1);
	close(w2);
	munmap(mem, 4 * PG);
}

LMAP_TEST(race, processes_die_while_they_lend_and_borrow)
{
	int rounds = 100 / slow() + 10;
	char *mem = memory(N);

	for (int i = 0; i < rounds; i++) {
		struct peer b = peer_start(N, PROT_READ | PROT_WRITE);
		struct peer c = peer_start(N, PROT_READ | PROT_WRITE);
		struct spin *s = shared(PG);
		pid_t asker;

		ASSERT_EQ(0, map_range(self->space, mem, N * PG, ALL, b.window,
				       0, 0, NULL));
		ASSERT_EQ(0, peer_map(&b, 0, N * PG, RW, c.window, 0));
		asker = fork();
		if (!asker) {
			peer_run(&c, storer, (long)s);
			_exit(0);
		}
		while (!__atomic_load_n(&mem[0], __ATOMIC_RELAXED))
			sched_yield();
		kill(i % 2 ? b.pid : c.pid, SIGKILL);
		if (i % 3 == 0)
			unmap_range(self->space, mem, N * PG, ALL, 0, NULL);
		kill(i % 2 ? c.pid : b.pid, SIGKILL);
		kill(asker, SIGKILL);
		waitpid(asker, NULL, 0);
		peer_stop(&b);
		peer_stop(&c);
		ASSERT_EQ(0, info(self->space).out_mappings);
		munmap(s, PG);
	}
}

struct twice {
	pthread_barrier_t *all;
	int space, window, rounds;
	char *mem;
	uint64_t *id;
};

/* Maps one page, round after round; what the mapping is called. */
static void *map_at_once(void *arg)
{
	struct twice *t = arg;
	struct lmap_map m;

	for (int i = 0; i < t->rounds; i++) {
		pthread_barrier_wait(t->all);
		t->id[i] = map_range(t->space, t->mem, PG, RW, t->window, 0, 0,
				     &m) ? 0 : m.out_node_id;
		pthread_barrier_wait(t->all);
	}
	return NULL;
}

/*
 * Two threads map the same memory to the same place, where nothing is. Whoever
 * is second finds it there: he replaces nothing, so both hear the same number.
 */
LMAP_TEST(race, two_who_map_the_same_make_one_mapping)
{
	int rounds = 4000 / slow(), different = 0, none = 0;
	int w = window_create(self->space, PG, ALL);
	int other = window_create(self->space, 2 * PG, ALL);
	char *mem = memory(2);
	uint64_t *id[2];
	pthread_barrier_t all;
	pthread_t thread[2];
	struct twice t[2];

	pthread_barrier_init(&all, NULL, 3);
	/* so that the region stays: that of a new one is another race */
	ASSERT_EQ(0, map_range(self->space, mem, 2 * PG, RW, other, 0, 0,
			       NULL));
	for (int i = 0; i < 2; i++) {
		id[i] = calloc(rounds, sizeof(*id[i]));
		t[i] = (struct twice){ .all = &all, .space = self->space,
				       .window = w, .rounds = rounds,
				       .mem = mem, .id = id[i] };
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, map_at_once,
					    &t[i]));
	}
	for (int i = 0; i < rounds; i++) {
		pthread_barrier_wait(&all);
		pthread_barrier_wait(&all);
		none += !id[0][i] || !id[1][i];
		different += id[0][i] != id[1][i];
		unmap_range(self->space, mem, PG, ALL, 0, NULL);
	}
	for (int i = 0; i < 2; i++) {
		pthread_join(thread[i], NULL);
		free(id[i]);
	}
	EXPECT_EQ(0, none);
	EXPECT_EQ(0, different);
	close(w);
	close(other);
	munmap(mem, 2 * PG);
}

TEST_HARNESS_MAIN
