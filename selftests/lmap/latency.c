// SPDX-License-Identifier: GPL-2.0
/*
 * On a PREEMPT_RT kernel: a thread of high priority waits for what one of low
 * priority is doing in lmap, and for nobody in between.
 *
 * Three kinds of threads with fixed priorities. The low one is in a long call;
 * the high one wants something of the same region; those in the middle take
 * every processor from the moment at which the high one begins until it is
 * done. If its priority does not reach whoever it waits for, it is never done:
 * no time decides here, but for the limit after which that is believed.
 */
#include "util.h"
#include "harness.h"

#include <pthread.h>
#include <semaphore.h>
#include <time.h>
#include <sys/resource.h>

#define LOW	10
#define MIDDLE	30
#define HIGH	50
#define PAGES	(2000 / slow())
#define OFFSET	(PAGES * PG)	/* of the page that the high one works with */
#define CPUS	16
#define GIVE_UP	(20 * slow())	/* seconds */
#define RUNTIME	"/proc/sys/kernel/sched_rt_runtime_us"

struct scene;

/* What the three do. */
struct play {
	int (*low_prepare)(struct scene *s);
	int (*low)(struct scene *s);
	int (*high_prepare)(struct scene *s);
	int (*high)(struct scene *s);
	int least;		/* rounds at least */
	int waits;		/* in so many of them the high one must wait */
};

struct scene {
	const struct play *play;
	int space;
	int window;
	int keep;		/* a window that shows the last page, always */
	int cpus;
	char *mem;		/* PAGES that the low one lends, and two more */
	char *view;
	sem_t begin, begun, ended;	/* the low one's rounds */
	sem_t spin[CPUS];
	int done, in_call, expired, stop, wrong;
	int rounds;
	int inside;		/* rounds in which the low one was in its call */
	int waited;		/* those in which the high one had to wait, too */
};

static int get(int *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static void set(int *p, int value)
{
	__atomic_store_n(p, value, __ATOMIC_RELEASE);
}

static void expect(struct scene *s, bool is_so, int line)
{
	if (!is_so)
		set(&s->wrong, line);
}

static void *low(void *arg)
{
	struct scene *s = arg;

	for (;;) {
		sem_wait(&s->begin);
		if (get(&s->stop))
			return NULL;
		expect(s, !s->play->low_prepare(s), __LINE__);
		set(&s->in_call, 1);
		sem_post(&s->begun);
		expect(s, !s->play->low(s), __LINE__);
		set(&s->in_call, 0);
		sem_post(&s->ended);
	}
}

static time_t seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

static void *middle(void *arg)
{
	struct scene *s = arg;
	sem_t *spin = &s->spin[sched_getcpu()];

	for (;;) {
		time_t limit;

		sem_wait(spin);
		if (get(&s->stop))
			return NULL;
		limit = seconds() + GIVE_UP;
		while (!get(&s->done) && !get(&s->expired))
			if (seconds() > limit)
				set(&s->expired, 1);
	}
}

static void middle_wake(struct scene *s)
{
	for (int i = 0; i < s->cpus; i++)
		sem_post(&s->spin[i]);
}

/* How often this thread has waited for something. */
static long waits(void)
{
	struct rusage r;

	getrusage(RUSAGE_THREAD, &r);
	return r.ru_nvcsw;
}

/* Comes into the low one's call, sooner or later in it. */
static void high_round(struct scene *s)
{
	struct timespec pause = {
		.tv_nsec = 20000 + s->rounds % 50 * 60000,
	};
	struct timespec others = { .tv_nsec = 5000000 };
	bool inside;
	long before;

	set(&s->done, 0);
	expect(s, !s->play->high_prepare(s), __LINE__);
	sem_post(&s->begin);
	sem_wait(&s->begun);
	nanosleep(&pause, NULL);
	inside = get(&s->in_call);
	middle_wake(s);
	before = waits();
	expect(s, !s->play->high(s), __LINE__);
	before = waits() - before;
	set(&s->done, 1);
	s->inside += inside;
	s->waited += inside && before;
	s->rounds++;
	sem_wait(&s->ended);
	/* Nobody of us runs: RCU and workers get on. */
	nanosleep(&others, NULL);
}

static void *high(void *arg)
{
	struct scene *s = arg;

	do {
		high_round(s);
	} while (!get(&s->expired) && !get(&s->wrong) &&
		 (s->rounds < s->play->least || !s->inside ||
		  s->waited < s->play->waits));
	set(&s->stop, 1);
	sem_post(&s->begin);
	middle_wake(s);
	return NULL;
}

static int start(pthread_t *thread, int priority, int cpu, void *(*fn)(void *),
		 struct scene *s)
{
	struct sched_param param = { .sched_priority = priority };
	pthread_attr_t attr;
	cpu_set_t cpus;
	int ret;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	pthread_attr_init(&attr);
	pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
	pthread_attr_setschedpolicy(&attr, SCHED_FIFO);
	pthread_attr_setschedparam(&attr, &param);
	pthread_attr_setaffinity_np(&attr, sizeof(cpus), &cpus);
	ret = pthread_create(thread, &attr, fn, s);
	pthread_attr_destroy(&attr);
	return ret;
}

/* 0, or minus the error of a thread that could not be made. */
static int run(struct scene *s, const struct play *play)
{
	pthread_t thread[CPUS + 2];
	int n = 0, ret = 0;

	s->play = play;
	for (int i = 0; i < s->cpus && !ret; i++)
		ret = start(&thread[n++], MIDDLE, i, middle, s);
	if (!ret)
		ret = start(&thread[n++], LOW, 0, low, s);
	if (!ret)
		ret = start(&thread[n++], HIGH, 0, high, s);
	if (ret)
		return -ret;
	while (n)
		pthread_join(thread[--n], NULL);
	return 0;
}

static bool realtime_kernel(void)
{
	return read_value("/sys/kernel/realtime") == 1;
}

FIXTURE(latency)
{
	struct scene s;
	long runtime;
};

FIXTURE_SETUP(latency)
{
	struct scene *s = &self->s;

	/* The harness would go on with the test if its set-up skipped. */
	if (!realtime_kernel())
		return;
	catch_faults();
	s->space = space_open();
	ASSERT_GE(s->space, 0);
	s->cpus = sysconf(_SC_NPROCESSORS_ONLN);
	ASSERT_LE(s->cpus, CPUS);
	s->mem = memory(PAGES + 2);
	/* Whatever derives from this memory later is of this one region. */
	s->keep = window_create(s->space, OFFSET + 2 * PG, ALL);
	ASSERT_EQ(0, map_range(s->space, s->mem, OFFSET + 2 * PG, RW, s->keep,
			       0, 0, NULL));
	ASSERT_EQ(0, unmap_range(s->space, s->mem, OFFSET + PG, ALL, 0, NULL));
	s->window = window_create(s->space, OFFSET + PG, ALL);
	s->view = window_mmap(s->window, OFFSET + PG, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, (void *)s->view);
	sem_init(&s->begin, 0, 0);
	sem_init(&s->begun, 0, 0);
	sem_init(&s->ended, 0, 0);
	for (int i = 0; i < CPUS; i++)
		sem_init(&s->spin[i], 0, 0);
	/* Or the scheduler gives others a twentieth of each second. */
	self->runtime = read_value(RUNTIME);
	ASSERT_TRUE(write_value(RUNTIME, -1));
}

FIXTURE_TEARDOWN(latency)
{
	if (!realtime_kernel())
		return;
	EXPECT_TRUE(write_value(RUNTIME, self->runtime));
	close(self->s.window);
	close(self->s.keep);
	close(self->s.space);
}

/* A mapping for each page. */
static int lend_all(struct scene *s)
{
	for (int i = 0; i < PAGES; i++)
		if (map_range(s->space, s->mem + i * PG, PG, RW, s->window,
			      i * PG, 0, NULL) ||
		    poke(s->view + i * PG, 1))
			return -1;
	return 0;
}

static int unmap_all(struct scene *s)
{
	return unmap_range(s->space, s->mem, OFFSET, ALL, 0, NULL);
}

static int map_own(struct scene *s)
{
	return map_range(s->space, s->mem + OFFSET, PG, RW, s->window, OFFSET,
			 0, NULL);
}

static int unmap_own(struct scene *s)
{
	return unmap_range(s->space, s->mem + OFFSET, PG, ALL, 0, NULL);
}

static int touch_own(struct scene *s)
{
	return poke(s->view + OFFSET, 1);
}

static int map_touch_own(struct scene *s)
{
	return map_own(s) ?: touch_own(s);
}

/* Mapped, and its page taken out again. */
static int map_untouched_own(struct scene *s)
{
	return unmap_own(s) ?: map_own(s);
}

static int nothing(struct scene *s)
{
	return 0;
}

#define EXPECT_PLAYED(...) do { \
	static const struct play play_ = { __VA_ARGS__ }; \
	struct scene *s_ = &self->s; \
	ASSERT_EQ(0, run(s_, &play_)); \
	TH_LOG("%d rounds, in the middle of the call %d, waited %d", \
	       s_->rounds, s_->inside, s_->waited); \
	EXPECT_EQ(0, s_->wrong); \
	EXPECT_EQ(0, s_->expired) TH_LOG("priority inversion"); \
	EXPECT_GT(s_->inside, 0); \
} while (0)

LMAP_TEST(latency, unmap_inherits_to_the_unmap_that_it_waits_for)
{
	if (!realtime_kernel())
		SKIP(return, "this kernel is not PREEMPT_RT");
	EXPECT_PLAYED(.low_prepare = lend_all, .low = unmap_all,
		      .high_prepare = map_touch_own, .high = unmap_own,
		      .least = 20, .waits = 5);
}

LMAP_TEST(latency, map_inherits_to_the_unmap_that_it_waits_for)
{
	if (!realtime_kernel())
		SKIP(return, "this kernel is not PREEMPT_RT");
	EXPECT_PLAYED(.low_prepare = lend_all, .low = unmap_all,
		      .high_prepare = unmap_own, .high = map_own,
		      .least = 20, .waits = 5);
}

LMAP_TEST(latency, first_touch_does_not_wait_for_the_middle)
{
	if (!realtime_kernel())
		SKIP(return, "this kernel is not PREEMPT_RT");
	EXPECT_PLAYED(.low_prepare = lend_all, .low = unmap_all,
		      .high_prepare = map_untouched_own, .high = touch_own,
		      .least = 50);
}

/* Discards the page again and again: the borrower's view is to follow. */
static int discard_own(struct scene *s)
{
	while (!get(&s->done))
		if (madvise(s->mem + OFFSET, PG, MADV_DONTNEED) ||
		    peek(s->view + OFFSET) == NO_RIGHT)
			return -1;
	return 0;
}

/* A worker does what the lender's notifier may not, at no priority at all. */
LMAP_TEST(latency, unmap_of_discarded_pages_waits_for_no_worker)
{
	if (!realtime_kernel())
		SKIP(return, "this kernel is not PREEMPT_RT");
	EXPECT_PLAYED(.low_prepare = nothing, .low = discard_own,
		      .high_prepare = map_touch_own, .high = unmap_own,
		      .least = 100);
}

static int pread_own(struct scene *s)
{
	char buf[PG];
	ssize_t n;

	while (!get(&s->done)) {
		n = pread(s->window, buf, PG, OFFSET);
		if (n != PG && !(n < 0 && errno == EFAULT))
			return -1;
	}
	return 0;
}

LMAP_TEST(latency, unmap_inherits_to_the_read_that_it_waits_for)
{
	if (!realtime_kernel())
		SKIP(return, "this kernel is not PREEMPT_RT");
	EXPECT_PLAYED(.low_prepare = nothing, .low = pread_own,
		      .high_prepare = map_touch_own, .high = unmap_own,
		      .least = 300, .waits = 1);
}

TEST_HARNESS_MAIN
