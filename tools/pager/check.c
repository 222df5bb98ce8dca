// SPDX-License-Identifier: GPL-2.0
/*
 * Policies and simulation against naive ones: a list of what is resident, and
 * for each policy its definition, word by word. Must never share a line with
 * what it checks.
 */
#include "show.h"
#include "util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAIVE_PAGES	64

enum naive { FIFO, CLOCK, AGING, LRU, OPT };

/* A page that is resident. */
struct resident {
	unsigned int page;
	uint64_t since;		/* loaded */
	uint64_t last;		/* used */
	uint64_t next;		/* will be used */
	bool mark;		/* used since it was looked at */
	bool dirty;
	unsigned int age;	/* 16 samples, the newest is the highest bit */
};

struct world {
	struct resident *at;	/* by frame; in the order of a clock's hand */
	unsigned int nr;
	unsigned int frames;
	unsigned int hand;
	unsigned int since_sample;
	bool stored[NAIVE_PAGES];
	struct tally tally;
};

static unsigned int least(const struct world *w, size_t member)
{
	unsigned int best = 0, i;

	for (i = 1; i < w->nr; i++) {
		uint64_t a, b;

		memcpy(&a, (char *)&w->at[i] + member, sizeof(a));
		memcpy(&b, (char *)&w->at[best] + member, sizeof(b));
		if (a < b)
			best = i;
	}
	return best;
}

static unsigned int farthest(const struct world *w)
{
	unsigned int best = 0, i;

	for (i = 1; i < w->nr; i++)
		if (w->at[i].next > w->at[best].next)
			best = i;
	return best;
}

static unsigned int round_the_clock(struct world *w)
{
	unsigned int i;

	while (w->at[w->hand].mark) {
		w->at[w->hand].mark = false;
		w->hand = (w->hand + 1) % w->nr;
	}
	i = w->hand;
	w->hand = (w->hand + 1) % w->nr;
	return i;
}

static unsigned int oldest(struct world *w)
{
	unsigned int period = w->frames < 8 ? 1 : w->frames / 8, i, best;

	if (++w->since_sample == period) {
		w->since_sample = 0;
		for (i = 0; i < w->nr; i++) {
			w->at[i].age /= 2;
			if (w->at[i].mark)
				w->at[i].age += 1 << 15;
			w->at[i].mark = false;
		}
	}
	best = w->hand;
	for (i = 0; i < w->nr; i++) {
		unsigned int frame = (w->hand + i) % w->nr;

		if (w->at[frame].age < w->at[best].age)
			best = frame;
	}
	w->hand = (best + 1) % w->nr;
	return best;
}

static unsigned int choose(struct world *w, enum naive how)
{
	switch (how) {
	case FIFO:
		return least(w, offsetof(struct resident, since));
	case LRU:
		return least(w, offsetof(struct resident, last));
	case CLOCK:
		return round_the_clock(w);
	case AGING:
		return oldest(w);
	case OPT:
		return farthest(w);
	}
	return 0;
}

static struct resident *bring(struct world *w, enum naive how,
			      unsigned int page, uint64_t time)
{
	unsigned int i;

	for (i = 0; i < w->nr; i++)
		if (w->at[i].page == page)
			return &w->at[i];
	w->tally.faults++;
	w->tally.reloads += w->stored[page];
	if (w->nr < w->frames) {
		i = w->nr++;
	} else {
		i = choose(w, how);
		if (w->at[i].dirty) {
			w->stored[w->at[i].page] = true;
			w->tally.written++;
		}
	}
	w->at[i] = (struct resident){ .page = page, .since = time,
				      .age = 1 << 15 };
	return &w->at[i];
}

static struct tally naive(const struct trace *t, unsigned int frames,
			  enum naive how)
{
	struct world w = { .frames = frames };
	uint64_t i, j;

	w.at = need(frames, sizeof(*w.at));
	for (i = 0; i < t->nr; i++) {
		struct resident *r = bring(&w, how, t->ref[i] >> 1, i);

		for (j = i + 1; j < t->nr; j++)
			if (t->ref[j] >> 1 == r->page)
				break;
		r->next = j;
		r->last = i;
		r->mark = true;
		r->dirty |= t->ref[i] & 1;
		w.tally.refs++;
	}
	free(w.at);
	return w.tally;
}

/* Half of the references are of a few pages that change now and then. */
static struct trace random_trace(uint64_t *seed)
{
	unsigned int pages = 2 + draw(seed) % (NAIVE_PAGES - 2);
	unsigned int length = 50 + draw(seed) % 400, hot = 0, i;
	struct trace t = { 0 };

	for (i = 0; i < length; i++) {
		if (draw(seed) % 32 == 0)
			hot = draw(seed) % pages;
		trace_add(&t, draw(seed) % 2 ? draw(seed) % pages :
			  (hot + draw(seed) % 4) % pages, draw(seed) % 3 == 0);
	}
	return t;
}

static bool same(const struct tally *a, const struct tally *b)
{
	return a->refs == b->refs && a->faults == b->faults &&
	       a->reloads == b->reloads && a->written == b->written;
}

static void one_trace(const struct trace *t, unsigned int frames)
{
	static const char *const names[] = {
		"fifo", "clock", "aging", "LRU", "OPT"
	};
	struct tally sim[] = {
		sim_policy(t, frames, &policy_fifo),
		sim_policy(t, frames, &policy_clock),
		sim_policy(t, frames, &policy_aging),
		sim_lru(t, frames),
		sim_opt(t, frames),
	};
	struct tally more_lru = sim_lru(t, frames + 1);
	struct tally more_opt = sim_opt(t, frames + 1);
	unsigned int how;

	for (how = FIFO; how <= OPT; how++) {
		struct tally plain = naive(t, frames, how);

		/* Of equals OPT may take either: only faults are defined. */
		if (how == OPT)
			expect(plain.faults == sim[how].faults,
			       "OPT: as many faults as the naive one");
		else
			expect(same(&plain, &sim[how]), "%s: as the naive one",
			       names[how]);
		expect(sim[OPT].faults <= sim[how].faults,
		       "nobody is better than OPT");
	}
	expect(more_lru.faults <= sim[LRU].faults &&
	       more_opt.faults <= sim[OPT].faults,
	       "LRU and OPT are never worse with a frame more");
}

/* FIFO can be: 9 faults with 3 frames, 10 with 4. */
static void belady(void)
{
	static const unsigned int pages[] = { 1, 2, 3, 4, 1, 2, 5, 1, 2, 3, 4,
					      5 };
	struct trace t = { 0 };
	struct tally three, four;
	size_t i;

	for (i = 0; i < sizeof(pages) / sizeof(*pages); i++)
		trace_add(&t, pages[i], false);
	three = sim_policy(&t, 3, &policy_fifo);
	four = sim_policy(&t, 4, &policy_fifo);
	printf("  Belady's anomaly: FIFO has %llu faults with 3 frames, %llu "
	       "with 4\n", (unsigned long long)three.faults,
	       (unsigned long long)four.faults);
	expect(three.faults == 9 && four.faults == 10, "9 and 10");
	trace_free(&t);
}

/* A frame that was freed is not in FIFO's order until it is loaded again. */
static void freed(void)
{
	struct policy_eye eye = { .arg = NULL };
	struct policy p;
	unsigned int i;

	if (policy_init(&p, &policy_fifo, 4, &eye))
		fail("no memory");
	for (i = 0; i < 4; i++)
		p.ops->loaded(&p, i);
	p.ops->gone(&p, 0);
	p.ops->loaded(&p, 0);
	expect(p.ops->victim(&p) == 1, "fifo: the oldest of those that stayed");
	p.ops->loaded(&p, 1);
	expect(p.ops->victim(&p) == 2 && p.ops->victim(&p) == 3 &&
	       p.ops->victim(&p) == 0,
	       "fifo: a victim that stays is not the next one again");
	policy_fini(&p);
}

void check_policies(void)
{
	uint64_t seed = 20;
	size_t refs = 0;
	unsigned int i;

	printf("\nPolicies against naive ones\n\n");
	for (i = 0; i < 300; i++) {
		struct trace t = random_trace(&seed);

		refs += t.nr;
		one_trace(&t, 1 + draw(&seed) % t.pages);
		trace_free(&t);
	}
	printf("  %u random traces, %zu references: fifo, clock, aging, LRU "
	       "and OPT\n", i, refs);
	belady();
	freed();
}
