// SPDX-License-Identifier: GPL-2.0
/*
 * The demonstration of hit rates: each work under each policy, alone, in a real
 * pager; beside it what the simulation says of the same references. Must never
 * show a simulated number as a measured one.
 */
#include "show.h"
#include "util.h"

#include <errno.h>
#include <math.h>
#include <plot.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define POLICIES_MAX	4

/**
 * struct subject - a work, and what is known of it
 * @work: what
 * @heap: where it works
 * @trace: its references
 * @end: what its memory is in the end
 */
struct subject {
	const struct work *work;
	struct heap heap;
	struct trace trace;
	char *end;
};

static void subject_init(struct subject *s, const struct work *work,
			 const struct setup *setup)
{
	memset(s, 0, sizeof(*s));
	s->work = work;
	s->heap = (struct heap){
		.pages = setup->pages,
		.seed = setup->seed,
		.input = random_file(setup->pages / 2 + 1, setup->seed),
	};
	s->end = work_done(work, &s->heap, &s->trace);
}

static void subject_fini(struct subject *s)
{
	munmap(s->end, s->heap.pages * page_size());
	trace_free(&s->trace);
	close(s->heap.input);
}

/* The work in a pager of its own. */
static struct outcome live(const struct subject *s, const struct setup *setup,
			   unsigned int frames, const struct policy_ops *ops)
{
	struct guest guest = { .run = guest_work, .work = s->work,
			       .expected = s->end };
	struct outcome out;
	struct host host;

	host_start(&host, setup, frames, ops, NULL);
	guest_start(&guest, host.socket, &s->heap);
	out = guest_end(&guest);
	host_expect_empty(&host, frames);
	host_stop(&host);
	return out;
}

static struct tally tally_of(const struct subject *s, const struct outcome *out)
{
	return (struct tally){
		.refs = s->trace.nr,
		.faults = out->account.faults,
		.reloads = out->account.reloads,
		.written = out->account.written,
	};
}

static void row(const char *who, const char *how, const struct tally *t)
{
	printf("    %-6s %-10s %8llu %9.2f %% %9llu %9llu", who, how,
	       (unsigned long long)t->faults, tally_rate(t),
	       (unsigned long long)t->reloads, (unsigned long long)t->written);
}

static struct tally live_row(const struct subject *s, const struct setup *setup,
			     const struct policy_ops *ops)
{
	struct tally sim = sim_policy(&s->trace, setup->frames, ops), t;
	struct outcome out = live(s, setup, setup->frames, ops);
	bool same;

	t = tally_of(s, &out);
	same = t.faults == sim.faults && t.reloads == sim.reloads &&
	       t.written == sim.written;
	row(ops->name, "live", &t);
	printf(" %7.2f s  %s, %llu of %llu KiB right\n", out.ns / 1e9,
	       same ? "as simulated" : "NOT as simulated",
	       (unsigned long long)out.verified / 1024,
	       (unsigned long long)out.bytes / 1024);
	expect_outcome(&out);
	expect(same, "%s: %llu faults, %llu reloads, %llu written, as simulated",
	       ops->name, (unsigned long long)sim.faults,
	       (unsigned long long)sim.reloads,
	       (unsigned long long)sim.written);
	return t;
}

/* What theory says of them, all for the same references. */
static void judge(const struct subject *s, const struct setup *setup,
		  const struct tally *live_of, const struct tally *lru,
		  const struct tally *opt)
{
	const struct tally *fifo = NULL;
	size_t i;

	for (i = 0; policies[i]; i++)
		if (policies[i] == &policy_fifo)
			fifo = &live_of[i];
	for (i = 0; policies[i]; i++) {
		const char *name = policies[i]->name;

		expect(opt->faults <= live_of[i].faults,
		       "nobody, %s neither, has fewer faults than OPT", name);
		if (&live_of[i] == fifo)
			continue;
		expect(tally_rate(&live_of[i]) >= 0.95 * tally_rate(lru),
		       "%s: a hit rate within 5 %% of true LRU's", name);
		/*
		 * Who is used often was used recently: only with such skew does
		 * theory say that looking at use is better than not.
		 */
		if (!strcmp(s->work->name, "hash") &&
		    setup->frames < setup->pages)
			expect(live_of[i].faults < fifo->faults,
			       "%s: fewer faults than FIFO", name);
	}
}

static void one_work(const struct work *work, const struct setup *setup)
{
	struct tally live_of[POLICIES_MAX], lru, opt;
	struct subject s;
	size_t i;

	subject_init(&s, work, setup);
	printf("\n  %s: %s; %zu references\n", work->name, work->about,
	       s.trace.nr);
	for (i = 0; policies[i]; i++)
		live_of[i] = live_row(&s, setup, policies[i]);
	lru = sim_lru(&s.trace, setup->frames);
	opt = sim_opt(&s.trace, setup->frames);
	row("LRU", "simulated", &lru);
	printf("            clock has %.2f %% of its faults",
	       100.0 * live_of[0].faults / lru.faults);
	if (lru.faults < lru.refs)
		printf(", %.2f %% of its hits",
		       100 * tally_rate(&live_of[0]) / tally_rate(&lru));
	printf("\n");
	row("OPT", "simulated", &opt);
	printf("\n");
	judge(&s, setup, live_of, &lru, &opt);
	subject_fini(&s);
}

/* The diagram */

#define STEPS	12

struct curve {
	double x[STEPS];
	double y[STEPS];
	size_t n;
};

static void curve_add(struct curve *c, double x, const struct tally *t)
{
	c->x[c->n] = x;
	c->y[c->n++] = tally_rate(t);
}

static void draw_curves(const struct setup *setup, struct curve *curves,
			const char *const *names, size_t nr)
{
	struct plot_series series[PLOT_SERIES_MAX];
	struct plot plot = {
		.title = "lmap-pager: a hash table, keys by Zipf",
		.x_label = "pool, frames",
		.y_label = "hit rate, %",
		.y_from_zero = true,
		.series = series,
		.nr_series = nr,
	};
	FILE *f = fopen(setup->svg, "w");
	size_t i;

	for (i = 0; i < nr; i++)
		series[i] = (struct plot_series){ names[i], curves[i].x,
						  curves[i].y, curves[i].n };
	if (!f || plot_svg(f, &plot) || fclose(f))
		fail("%s: %s", setup->svg, strerror(errno));
}

void show_curves(const struct setup *setup)
{
	static const char *const names[] = {
		"clock", "aging", "FIFO", "true LRU", "OPT", "clock, live"
	};
	struct curve curves[6] = { 0 };
	struct subject s;
	unsigned int step;

	subject_init(&s, work_find("hash"), setup);
	for (step = 1; step <= STEPS; step++) {
		unsigned int frames = setup->pages * step / STEPS;
		struct tally t[6] = {
			sim_policy(&s.trace, frames, &policy_clock),
			sim_policy(&s.trace, frames, &policy_aging),
			sim_policy(&s.trace, frames, &policy_fifo),
			sim_lru(&s.trace, frames),
			sim_opt(&s.trace, frames),
		};
		size_t i;

		for (i = 0; i < 5; i++)
			curve_add(&curves[i], frames, &t[i]);
		if (step % 4 == 0) {
			struct outcome out = live(&s, setup, frames,
						  &policy_clock);

			expect_outcome(&out);
			t[5] = tally_of(&s, &out);
			curve_add(&curves[5], frames, &t[5]);
		}
	}
	subject_fini(&s);
	draw_curves(setup, curves, names, 6);
	printf("\n  %s: hit rate of hash against the size of the pool\n",
	       setup->svg);
}

void show_rates(const struct setup *setup, char **names)
{
	const struct work *work;

	printf("\nHit rates: one client of %u pages, a pool of %u frames\n\n"
	       "    policy              faults    hit rate   reloads   written\n",
	       setup->pages, setup->frames);
	for (; names && *names; names++) {
		work = work_find(*names);
		if (!work)
			fail("%s: the works are sort, hash, matrix, scan, stamps",
			     *names);
		one_work(work, setup);
	}
	for (work = works; !names && work->name; work++)
		one_work(work, setup);
	if (setup->svg)
		show_curves(setup);
}
