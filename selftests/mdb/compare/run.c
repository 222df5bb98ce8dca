// SPDX-License-Identifier: GPL-2.0
/*
 * Timing. Each workload is run several times, and of each phase the fastest
 * time counts: whatever else the machine does makes it slower only. All
 * contenders must have found and lost the same, at every size. Must never leave
 * a contender's answer unused, or the compiler might leave out the question.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <linux/lmap.h>

#include "compare.h"
#include "pool.h"

const struct contender *const contenders[] = {
	&by_ours, &by_ranges, &by_slots, &by_array, &by_tree, &by_table,
};
const size_t nr_contenders = ARRAY_SIZE(contenders);

#define RUNS_MIN	5
#define RUNS_MAX	200
/* Each contender gets so much time, but runs at least once. */
#define ENOUGH_NS	4e8
/* Who needs more for a phase is not asked to do it with more mappings. */
#define TOO_LONG_NS	2e9

static double clock_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

struct watch watch_start(void)
{
	struct watch w;

	w.cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	w.wall = clock_ns(CLOCK_MONOTONIC);
	return w;
}

double watch_ns(const struct watch *start)
{
	double wall = clock_ns(CLOCK_MONOTONIC) - start->wall;
	double cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID) - start->cpu;

	return wall < cpu ? wall : cpu;
}

/* What a phase has seen: the same for all contenders. */
struct seen {
	uint64_t frames;
	uint64_t lost;
	uint64_t parents;
	uint64_t refused;
};

static bool seen_same(const struct seen *a, const struct seen *b)
{
	return a->frames == b->frames && a->lost == b->lost &&
	       a->parents == b->parents && !a->refused && !b->refused;
}

static inline struct seen phase_run(const struct contender *c, void *db,
				    const struct phase *phase)
{
	struct seen seen = {};

	for (size_t i = 0; i < phase->nr; i++) {
		const struct op *op = &phase->op[i];
		struct place parent;
		struct found found;

		switch (op->verb) {
		case MAP:
			seen.refused += !c->map(db, op->from, op->at, op->n,
						LMAP_RIGHTS_ALL);
			break;
		case UNMAP:
			seen.lost += c->unmap(db, op->at, op->n,
					      LMAP_RIGHTS_ALL, op->self);
			break;
		case FIND:
			if (c->lookup(db, op->at, &found))
				seen.frames += found.frame + found.rights;
			else
				seen.refused++;
			break;
		case PARENT:
			if (c->parent(db, op->at, &parent))
				seen.parents += parent.page * 31 +
						parent.window;
			else
				seen.refused++;
			break;
		}
	}
	return seen;
}

static bool run_once(const struct contender *c, const struct work *work,
		     struct result *result, struct seen *seen, double *longest)
{
	size_t before = pool_bytes;
	void *db = c->create(&work->shape);

	for (size_t i = 0; i < work->nr_phases; i++) {
		const struct phase *phase = &work->phase[i];
		struct watch watch = watch_start();
		double ns;

		seen[i] = phase_run(c, db, phase);
		ns = watch_ns(&watch);
		if (ns > *longest)
			*longest = ns;
		ns /= phase->per;
		if (!result[i].bytes || ns < result[i].ns)
			result[i].ns = ns;
		result[i].bytes = (double)(pool_bytes - before) /
				  work->mappings;
	}
	c->destroy(db);
	return pool_bytes == before;
}

static bool run_often(const struct contender *c, const struct work *work,
		      bool quick, struct result *result, struct seen *seen,
		      double *longest)
{
	struct watch begun = watch_start();

	for (int i = 0; i < (quick ? 1 : RUNS_MAX); i++) {
		double took = watch_ns(&begun);

		if (i && took > (i < RUNS_MIN ? 3 * ENOUGH_NS : ENOUGH_NS))
			break;
		*longest = 0;
		if (!run_once(c, work, result, seen, longest)) {
			fprintf(stderr, "%s, %s: memory was not given back\n",
				work->name, c->name);
			return false;
		}
	}
	return true;
}

bool measure(const struct work *work, const struct measured *smaller,
	     bool quick, struct measured *out)
{
	struct seen first[PHASES_MAX], seen[PHASES_MAX];

	*out = (struct measured){ .work = work->name, .x = work->x,
				  .nr_phases = work->nr_phases };
	for (size_t p = 0; p < work->nr_phases; p++)
		out->phases[p] = work->phase[p].name;
	for (size_t i = 0; i < nr_contenders; i++) {
		double longest;

		out->left_out[i] = smaller &&
			(smaller->left_out[i] || smaller->too_long[i]);
		if (out->left_out[i])
			continue;
		if (!run_often(contenders[i], work, quick, out->result[i],
			       i ? seen : first, &longest))
			return false;
		out->too_long[i] = longest > TOO_LONG_NS;
		for (size_t p = 0; p < work->nr_phases; p++) {
			if (seen_same(&first[p], i ? &seen[p] : &first[p]))
				continue;
			fflush(stdout);
			fprintf(stderr, "%s with %g, %s: %s is wrong\n",
				work->name, work->x, contenders[i]->name,
				work->phase[p].name);
			return false;
		}
	}
	return true;
}

/* Named to valgrind, which counts what is done inside; see instructions.sh. */
__attribute__((noinline)) struct seen counted_phase(const struct contender *c,
						    void *db,
						    const struct phase *phase)
{
	struct seen seen = phase_run(c, db, phase);

	/* Not as the last call, or it would be gone before it is counted. */
	__asm__ __volatile__("" : : "r" (&seen) : "memory");
	return seen;
}

size_t run_counted(const struct contender *c, const struct work *work,
		   const char *phase)
{
	void *db = c->create(&work->shape);
	size_t per = 0;

	for (size_t i = 0; i < work->nr_phases && !per; i++) {
		if (strcmp(work->phase[i].name, phase)) {
			phase_run(c, db, &work->phase[i]);
			continue;
		}
		counted_phase(c, db, &work->phase[i]);
		per = work->phase[i].per;
	}
	c->destroy(db);
	return per;
}

/* What is in all times: the loop and the call. */

static bool nothing(void *db, struct place at, struct found *found)
{
	found->frame = at.page;
	found->rights = LMAP_R;
	return db;
}

double measure_nothing(void)
{
	static const struct contender idle = { .lookup = nothing };
	struct work work;
	double best = 0;

	work_frames(&work, 4096);
	for (int i = 0; i < RUNS_MAX; i++) {
		struct watch watch = watch_start();
		struct seen seen = phase_run(&idle, &work, &work.phase[1]);
		double ns = watch_ns(&watch) / work.phase[1].nr;

		if (seen.refused)
			abort();
		if (!i || ns < best)
			best = ns;
	}
	work_free(&work);
	return best;
}
