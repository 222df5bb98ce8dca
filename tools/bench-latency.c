// SPDX-License-Identifier: GPL-2.0
/*
 * lmap-bench --latency - how long others wait while much is being revoked,
 * against the same while the same memory is unmapped with munmap().
 *
 * All run on one processor: the revocation as an ordinary thread, the observer
 * with real-time priority. Shown is the longest time that was seen, which is
 * never the longest possible. Only where the clock counts instructions is it the
 * same each time, and judged: selftests/vm/latency.sh.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>
#include <sys/mman.h>

#include <lmap.h>

#include "bench.h"

#define ROUNDS		3
#define PERIOD_NS	250000L

/*
 * Bounds, as ratio to the same during munmap(): that others are delayed by a
 * batch, however much is revoked. Without preemption a batch is 128 mappings.
 */
#define STALL_MAX	8
#define FAULT_MAX	6
#define MAP_MAX		30
/* Waits until all have lost their rights, or for one zap: see latency.rst. */
#define UNMAP_MAX	0

/* Memory of one file, lent into views and mapped into places. */
struct load {
	const char *name;
	size_t views;
	size_t pages;		/* of each view */
	bool one_by_one;	/* a mapping for each page, or for each view */
	int file;
	int *window;
	char **view;
	char *mem;		/* pages, one for the observer, one for keep */
	char *copies;		/* what munmap takes: the file, views times */
	int keep;		/* shows the last page, so that the region stays */
	int own;		/* the observer's window */
	char *own_view;
};

struct observer {
	struct load *load;
	double (*look)(struct load *l);
	int stop;
	double longest;
};

static size_t size_of(const struct load *l)
{
	return l->pages * PAGE;
}

static char *own_page(struct load *l)
{
	return l->mem + size_of(l);
}

static char *map_file(struct load *l, char *where, size_t length)
{
	char *p = mmap(where, length, PROT_READ | PROT_WRITE,
		       MAP_SHARED | (where ? MAP_FIXED : 0), l->file, 0);

	if (p == MAP_FAILED)
		die("mmap");
	return p;
}

static void lend_bytes(char *from, size_t length, int window, size_t offset)
{
	if (lmap_map_range(space, from, length, LMAP_R | LMAP_W, window,
			   offset, NULL, NULL))
		die("map");
}

static void take_bytes(char *from, size_t length)
{
	if (lmap_unmap_range(space, from, length, LMAP_RIGHTS_ALL, 0, NULL))
		die("unmap");
}

static void load_make(struct load *l, int *windows, char **views)
{
	l->file = memfd_create("bench", 0);
	if (l->file < 0 || ftruncate(l->file, size_of(l) + 2 * PAGE))
		die("memfd");
	l->mem = map_file(l, NULL, size_of(l) + 2 * PAGE);
	touch(l->mem, l->pages + 2);
	l->keep = window_make(l->pages + 2, NULL);
	lend_bytes(l->mem, size_of(l) + 2 * PAGE, l->keep, 0);
	take_bytes(l->mem, size_of(l) + PAGE);
	l->own = window_make(1, &l->own_view);
	l->window = windows;
	l->view = views;
	for (size_t i = 0; i < l->views; i++)
		l->window[i] = window_make(l->pages, &l->view[i]);
	l->copies = mmap(NULL, l->views * size_of(l), PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (l->copies == MAP_FAILED)
		die("mmap");
}

static void load_free(struct load *l)
{
	for (size_t i = 0; i < l->views; i++) {
		munmap(l->view[i], size_of(l));
		close(l->window[i]);
	}
	munmap(l->own_view, PAGE);
	close(l->own);
	close(l->keep);
	munmap(l->copies, l->views * size_of(l));
	munmap(l->mem, size_of(l) + 2 * PAGE);
	close(l->file);
}

/* What is revoked, and what is unmapped: present page table entries. */

static void lend_all(struct load *l)
{
	size_t step = l->one_by_one ? PAGE : size_of(l);

	for (size_t i = 0; i < l->views; i++) {
		for (size_t at = 0; at < size_of(l); at += step)
			lend_bytes(l->mem + at, step, l->window[i], at);
		touch(l->view[i], l->pages);
	}
}

static void revoke_all(struct load *l)
{
	take_bytes(l->mem, size_of(l));
}

static void copy_all(struct load *l)
{
	for (size_t i = 0; i < l->views; i++)
		touch(map_file(l, l->copies + i * size_of(l), size_of(l)),
		      l->pages);
}

static void munmap_all(struct load *l)
{
	if (munmap(l->copies, l->views * size_of(l)))
		die("munmap");
}

/* What the observer does: each time how long it took. */

/* Of the clock that one sleeps by, which now() need not be. */
static double nanoseconds(const struct timespec *t)
{
	return t->tv_sec * 1e9 + t->tv_nsec;
}

static double look_sleep(struct load *l)
{
	struct timespec t;
	double due;

	(void)l;
	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_nsec += PERIOD_NS;
	if (t.tv_nsec >= 1000000000L) {
		t.tv_nsec -= 1000000000L;
		t.tv_sec++;
	}
	due = nanoseconds(&t);
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
	clock_gettime(CLOCK_MONOTONIC, &t);
	return nanoseconds(&t) - due;
}

static double look_fault(struct load *l)
{
	double t;

	lend_bytes(own_page(l), PAGE, l->own, 0);
	t = now();
	touch(l->own_view, 1);
	t = now() - t;
	take_bytes(own_page(l), PAGE);
	return t;
}

static double look_map(struct load *l)
{
	double t = now();

	lend_bytes(own_page(l), PAGE, l->own, 0);
	t = now() - t;
	take_bytes(own_page(l), PAGE);
	return t;
}

static double look_unmap(struct load *l)
{
	double t;

	lend_bytes(own_page(l), PAGE, l->own, 0);
	touch(l->own_view, 1);
	t = now();
	take_bytes(own_page(l), PAGE);
	return now() - t;
}

static void *observe(void *arg)
{
	struct observer *o = arg;
	struct timespec pause = { .tv_nsec = PERIOD_NS };
	bool counts = true;

	while (counts) {
		double t;

		/* The one in which it ends counts, too: it has seen it all. */
		counts = !__atomic_load_n(&o->stop, __ATOMIC_ACQUIRE);
		t = o->look(o->load);
		if (t > o->longest)
			o->longest = t;
		nanosleep(&pause, NULL);
	}
	return NULL;
}

static void observer_start(struct observer *o, pthread_t *thread)
{
	struct sched_param param = { .sched_priority = 80 };
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
	pthread_attr_setschedpolicy(&attr, SCHED_FIFO);
	pthread_attr_setschedparam(&attr, &param);
	if (pthread_create(thread, &attr, observe, o))
		die("a real-time thread (needs root)");
	pthread_attr_destroy(&attr);
}

/* The longest look while @fn runs. */
static double observed(struct load *l, double (*look)(struct load *l),
		       void (*prepare)(struct load *l),
		       void (*fn)(struct load *l), double *took)
{
	struct observer o = { .load = l, .look = look };
	pthread_t thread;
	double t;

	prepare(l);
	observer_start(&o, &thread);
	t = now();
	fn(l);
	*took += now() - t;
	__atomic_store_n(&o.stop, 1, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	return o.longest;
}

static void compare(struct load *l, const char *what,
		    double (*look)(struct load *l), double limit)
{
	double revoke = 0, other = 0, t_revoke = 0, t_other = 0, t;
	char name[64];

	for (int i = 0; i < ROUNDS; i++) {
		t = observed(l, look, lend_all, revoke_all, &t_revoke);
		if (t > revoke)
			revoke = t;
		t = observed(l, look, copy_all, munmap_all, &t_other);
		if (t > other)
			other = t;
	}
	snprintf(name, sizeof(name), "%s: %s", l->name, what);
	report(name, revoke, "during munmap of the same", other,
	       options.icount ? limit : 0);
	if (look == look_sleep) {
		snprintf(name, sizeof(name), "%s: all of it", l->name);
		report(name, t_revoke / ROUNDS, "munmap of the same",
		       t_other / ROUNDS, 0);
	}
}

static void bench_load(struct load *l)
{
	static int windows[100];
	static char *views[100];

	load_make(l, windows, views);
	compare(l, "longest stall", look_sleep, STALL_MAX);
	compare(l, "longest fault", look_fault, FAULT_MAX);
	compare(l, "longest map", look_map, MAP_MAX);
	compare(l, "longest unmap", look_unmap, UNMAP_MAX);
	load_free(l);
}

void bench_latency(void)
{
	struct load many = { .name = "100000 mappings", .views = 100,
			     .pages = 1000, .one_by_one = true };
	struct load large = { .name = "1 GiB present", .views = 1,
			      .pages = 262144 };
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		die("sched_setaffinity");
	clock_ordinary();
	bench_load(&many);
	bench_load(&large);
}
