// SPDX-License-Identifier: GPL-2.0
/*
 * Workloads with a regular shape: siblings, broad trees, chains, holes. All
 * operations are made beforehand, so that only the contender is timed, and the
 * same for all of them.
 */
#include <stdlib.h>

#include <linux/lmap.h>

#include "compare.h"

#define WINDOWS	16
/* With fewer of them a phase would be shorter than the clock is good for. */
#define FINDS	1000

uint32_t dice(uint64_t *state, uint32_t n)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (*state >> 33) % n;
}

struct phase *work_phase(struct work *work, const char *name)
{
	struct phase *phase = &work->phase[work->nr_phases++];

	if (work->nr_phases > PHASES_MAX)
		abort();
	*phase = (struct phase){ .name = name };
	return phase;
}

void phase_add(struct phase *phase, struct op op)
{
	if (phase->nr == phase->room) {
		phase->room = phase->room ? phase->room * 2 : 64;
		phase->op = reallocarray(phase->op, phase->room, sizeof(op));
		if (!phase->op)
			abort();
	}
	phase->op[phase->nr++] = op;
	phase->per = phase->nr;
}

void phase_map(struct phase *phase, struct place from, struct place at,
	       uint32_t n)
{
	phase_add(phase, (struct op){
		.verb = MAP, .n = n, .from = from, .at = at,
	});
}

void phase_unmap(struct phase *phase, struct place at, uint32_t n, bool self)
{
	phase_add(phase, (struct op){
		.verb = UNMAP, .n = n, .at = at, .self = self,
	});
}

void work_free(struct work *work)
{
	for (size_t i = 0; i < work->nr_phases; i++)
		free(work->phase[i].op);
}

static void work_begin(struct work *work, const char *name, size_t n)
{
	*work = (struct work){ .name = name, .x = n, .mappings = n };
	work->shape = (struct shape){ .regions = 1, .windows = WINDOWS };
}

/* Looks at the targets of the first phase, in a random order. */
static void add_finds(struct work *work, const char *name, enum verb verb)
{
	const struct phase *map = &work->phase[0];
	struct phase *phase = work_phase(work, name);
	size_t n = map->nr > FINDS ? map->nr : FINDS;
	uint64_t state = 42;

	for (size_t i = 0; i < n; i++)
		phase_add(phase, (struct op){
			.verb = verb,
			.at = map->op[dice(&state, map->nr)].at,
		});
}

/* All that derives from some pages; the time counts for each mapping. */
static void add_revoke(struct work *work, struct place at, uint32_t n, bool self)
{
	struct phase *phase = &work->phase[work->nr_phases - 1];

	if (phase->op[0].verb != UNMAP)
		phase = work_phase(work, "revoke");
	phase_unmap(phase, at, n, self);
	phase->per = work->mappings;
}

/* Pages of window 0 come first, then those of window 1. */
static struct place nth(const struct work *work, uint32_t i)
{
	return (struct place){ i / work->shape.window_pages,
			       i % work->shape.window_pages };
}

static const struct place frame_0 = { LENDER, 0 };

/* One page that n others have, too. */
void work_one_frame(struct work *work, size_t n)
{
	struct phase *map;

	work_begin(work, "one page lent n times", n);
	work->shape.region_pages = 1;
	work->shape.window_pages = n / WINDOWS + 1;
	map = work_phase(work, "map");
	for (size_t i = 0; i < n; i++)
		phase_map(map, frame_0, nth(work, i), 1);
	add_finds(work, "find", FIND);
	add_finds(work, "parent", PARENT);
	add_revoke(work, frame_0, 1, false);
}

/* n pages that one borrower has, each by itself. */
void work_frames(struct work *work, size_t n)
{
	struct phase *map;

	work_begin(work, "n pages lent one by one", n);
	work->shape.region_pages = n;
	work->shape.window_pages = n;
	map = work_phase(work, "map");
	for (size_t i = 0; i < n; i++)
		phase_map(map, (struct place){ LENDER, i }, nth(work, i), 1);
	add_finds(work, "find", FIND);
	add_finds(work, "parent", PARENT);
	add_revoke(work, frame_0, n, false);
}

/* Everybody lends the page on to sixteen. */
void work_broad(struct work *work, size_t n)
{
	const uint32_t fan = 16;
	struct phase *map;

	work_begin(work, "broad tree", n);
	work->shape.region_pages = 1;
	work->shape.window_pages = n / WINDOWS + 1;
	map = work_phase(work, "map");
	for (size_t i = 0; i < n; i++)
		phase_map(map, i ? nth(work, (i - 1) / fan) : frame_0,
			  nth(work, i), 1);
	add_finds(work, "find", FIND);
	add_finds(work, "parent", PARENT);
	for (uint32_t i = 1; i <= fan; i++)
		add_revoke(work, nth(work, i), 1, true);
}

/* n mappings in chains; window l is level l of all of them. */
void work_chain(struct work *work, size_t n, unsigned int depth)
{
	size_t chains = n / depth;
	struct phase *map;

	work_begin(work, "chain", chains * depth);
	work->x = depth;
	work->shape.region_pages = chains;
	work->shape.windows = depth;
	work->shape.window_pages = chains;
	map = work_phase(work, "map");
	for (size_t i = 0; i < chains; i++)
		for (int l = 0; l < (int)depth; l++)
			phase_map(map, (struct place){ l - 1, i },
				  (struct place){ l, i }, 1);
	add_finds(work, "find", FIND);
	add_finds(work, "parent", PARENT);
	for (size_t i = 0; i < chains; i++)
		add_revoke(work, (struct place){ 0, i }, 1, true);
}

/* Loans of 64 pages, four levels deep, of which every other page is unmapped. */
void work_holes(struct work *work, size_t n)
{
	const uint32_t levels = 4, pages = 64;
	struct phase *map, *cut;
	size_t loans = n / levels;

	work_begin(work, "holes", loans * levels);
	work->shape.region_pages = loans * pages;
	work->shape.windows = levels;
	work->shape.window_pages = loans * pages;
	map = work_phase(work, "map");
	for (uint32_t i = 0; i < loans; i++)
		for (int l = 0; l < (int)levels; l++)
			phase_map(map, (struct place){ l - 1, i * pages },
				  (struct place){ l, i * pages }, pages);
	cut = work_phase(work, "unmap");
	for (uint32_t i = 1; i < loans * pages; i += 2)
		phase_unmap(cut, (struct place){ 0, i }, 1, true);
}
