// SPDX-License-Identifier: GPL-2.0
/*
 * Workloads with random trees. What is mapped where is kept here in the simplest
 * way, so that only what is possible is asked for: a mapping is made in a free
 * place, and below one that is there.
 */
#include <stdlib.h>

#include <linux/lmap.h>

#include "compare.h"

#define WINDOWS		16
#define DEEPEST		60
#define FINDS		1000
#define NONE		UINT32_MAX

/* A mapping that there is, by its number. */
struct item {
	uint32_t block;		/* where: a place of as many pages */
	uint32_t depth;
	uint32_t child, next, prev, parent;
	uint32_t at;		/* in alive[] */
};

struct grove {
	struct work *work;
	uint64_t state;
	uint32_t pages;
	uint32_t blocks;	/* in each window */
	uint32_t frames;	/* blocks of the region */
	struct item *item;
	uint32_t *alive;
	uint32_t nr_alive;
	uint32_t *free;		/* blocks */
	uint32_t nr_free;
	uint32_t *dead;		/* items */
	uint32_t nr_dead;
};

static void *must(size_t n, size_t size)
{
	void *memory = calloc(n, size);

	if (!memory)
		abort();
	return memory;
}

static void shuffle(struct grove *g, uint32_t *v, uint32_t n)
{
	for (uint32_t i = n; i > 1; i--) {
		uint32_t k = dice(&g->state, i), t = v[i - 1];

		v[i - 1] = v[k];
		v[k] = t;
	}
}

/* Half of the places stay free. */
static void grove_init(struct grove *g, struct work *work, size_t n,
		       uint32_t pages)
{
	*g = (struct grove){ .work = work, .state = 7, .pages = pages };
	g->blocks = 2 * n / WINDOWS + 1;
	g->frames = n / 4 > 16 ? n / 4 : 16;
	work->shape = (struct shape){
		.regions = 1, .region_pages = g->frames * pages,
		.windows = WINDOWS, .window_pages = g->blocks * pages,
	};
	g->nr_free = g->blocks * WINDOWS;
	g->nr_dead = n;
	g->item = must(n, sizeof(*g->item));
	g->alive = must(n, sizeof(*g->alive));
	g->dead = must(n, sizeof(*g->dead));
	g->free = must(g->nr_free, sizeof(*g->free));
	for (uint32_t i = 0; i < g->nr_free; i++)
		g->free[i] = i;
	for (uint32_t i = 0; i < n; i++)
		g->dead[i] = i;
	shuffle(g, g->free, g->nr_free);
}

static void grove_fini(struct grove *g)
{
	free(g->item);
	free(g->alive);
	free(g->dead);
	free(g->free);
}

static struct place place_of(const struct grove *g, uint32_t block)
{
	return (struct place){ block / g->blocks,
			       block % g->blocks * g->pages };
}

/* One in eight is lent by the lender, all others are lent on. */
static void add_map(struct grove *g, struct phase *phase)
{
	uint32_t nr = g->dead[--g->nr_dead], parent = NONE;
	struct item *i = &g->item[nr];
	struct place from = { LENDER, dice(&g->state, g->frames) * g->pages };

	if (g->nr_alive && dice(&g->state, 8)) {
		parent = g->alive[dice(&g->state, g->nr_alive)];
		if (g->item[parent].depth == DEEPEST)
			parent = NONE;
		else
			from = place_of(g, g->item[parent].block);
	}
	*i = (struct item){ .block = g->free[--g->nr_free], .parent = parent,
			    .child = NONE, .next = NONE, .prev = NONE,
			    .at = g->nr_alive };
	if (parent != NONE) {
		struct item *above = &g->item[parent];

		i->depth = above->depth + 1;
		i->next = above->child;
		if (i->next != NONE)
			g->item[i->next].prev = nr;
		above->child = nr;
	}
	g->alive[g->nr_alive++] = nr;
	phase_map(phase, from, place_of(g, i->block), g->pages);
}

static void item_remove(struct grove *g, uint32_t nr)
{
	struct item *i = &g->item[nr];
	uint32_t last = g->alive[--g->nr_alive];

	g->alive[i->at] = last;
	g->item[last].at = i->at;
	g->free[g->nr_free++] = i->block;
	g->dead[g->nr_dead++] = nr;
	if (i->prev != NONE)
		g->item[i->prev].next = i->next;
	else if (i->parent != NONE)
		g->item[i->parent].child = i->next;
	if (i->next != NONE)
		g->item[i->next].prev = i->prev;
}

/* With all that derives from it. */
static void add_unmap(struct grove *g, struct phase *phase, uint32_t top)
{
	uint32_t nr = top, above;

	phase_unmap(phase, place_of(g, g->item[top].block), g->pages, true);
	for (;;) {
		while (g->item[nr].child != NONE)
			nr = g->item[nr].child;
		above = g->item[nr].parent;
		item_remove(g, nr);
		if (nr == top)
			return;
		nr = above;
	}
}

static void add_find(struct grove *g, struct phase *phase, enum verb verb,
		     uint32_t nr)
{
	struct op op = { .verb = verb, .at = place_of(g, g->item[nr].block) };

	op.at.page += dice(&g->state, g->pages);
	phase_add(phase, op);
}

static void add_finds(struct grove *g, const char *name, enum verb verb)
{
	struct phase *phase = work_phase(g->work, name);
	uint32_t n = g->nr_alive > FINDS ? g->nr_alive : FINDS;

	while (n--)
		add_find(g, phase, verb, g->alive[dice(&g->state, g->nr_alive)]);
}

static int by_block(const void *a, const void *b)
{
	const struct op *x = a, *y = b;

	if (x->at.window != y->at.window)
		return x->at.window < y->at.window ? -1 : 1;
	return x->at.page < y->at.page ? -1 : x->at.page > y->at.page;
}

static void add_walk(struct grove *g, const char *name)
{
	struct phase *phase = work_phase(g->work, name);

	for (uint32_t i = 0; i < g->nr_alive; i++)
		add_find(g, phase, FIND, g->alive[i]);
	qsort(phase->op, phase->nr, sizeof(*phase->op), by_block);
}

/* Something is unmapped, and as much is mapped elsewhere. */
static void add_churn(struct grove *g, const char *name)
{
	struct phase *phase = work_phase(g->work, name);
	uint32_t n = g->nr_alive;

	while (phase->nr < n) {
		add_unmap(g, phase, g->alive[dice(&g->state, g->nr_alive)]);
		while (g->nr_alive < n)
			add_map(g, phase);
	}
}

static void everything(struct work *work, size_t n, uint32_t pages)
{
	struct phase *phase;
	struct grove g;

	grove_init(&g, work, n, pages);
	phase = work_phase(work, "map");
	while (g.nr_alive < n)
		add_map(&g, phase);
	add_finds(&g, "find", FIND);
	add_walk(&g, "find in order");
	add_finds(&g, "parent", PARENT);
	add_churn(&g, "unmap and map");
	phase = work_phase(work, "unmap");
	while (g.nr_alive)
		add_unmap(&g, phase, g.alive[dice(&g.state, g.nr_alive)]);
	phase->per = n;
	grove_fini(&g);
}

void work_random(struct work *work, size_t n)
{
	*work = (struct work){ .name = "random tree", .x = n, .mappings = n };
	everything(work, n, 1);
}

void work_pages(struct work *work, size_t n, uint32_t pages)
{
	*work = (struct work){ .name = "loans of many pages", .x = pages,
			       .mappings = n };
	everything(work, n, pages);
}

/* The lender loses his pages, one by one: nobody names the mappings. */
void work_discard(struct work *work, size_t n)
{
	struct phase *phase;
	struct grove g;

	*work = (struct work){ .name = "lender's pages", .x = n, .mappings = n };
	grove_init(&g, work, n, 1);
	phase = work_phase(work, "map");
	while (g.nr_alive < n)
		add_map(&g, phase);
	phase = work_phase(work, "discard");
	for (uint32_t i = 0; i < g.frames; i++)
		phase_unmap(phase, (struct place){ LENDER, i }, 1, false);
	grove_fini(&g);
}
