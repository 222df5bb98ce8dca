// SPDX-License-Identifier: GPL-2.0
/*
 * Is it the same tree? Random operations on a contender and on the naive model
 * of the mapping database's own tests (oracle.c), page by page; after each of
 * them all pages are compared. And wrong contenders, so that one knows that a
 * difference is seen. Must never look into a contender.
 */
#include "../oracle.h"
#include "compare.h"
#include "pool.h"

#define STEPS	300
/* The pages used lie on both sides of a border between two leaves of a table. */
#define BASE	504
#define WIDTH	(BASE + PAGES_MAX)

struct run {
	const struct contender *c;
	void *db;
	struct world model;
	uint64_t state;
	u64 id;
};

static uint32_t frame_of(int region, int page)
{
	return region * WIDTH + BASE + page;
}

static struct place place_of(int window, int page)
{
	return (struct place){ window, BASE + page };
}

static const char *look(struct run *run, int cell)
{
	struct cell *c = &run->model.cell[cell];
	struct place at = place_of(cell / PAGES_MAX, cell % PAGES_MAX), above;
	struct found found;

	if (run->c->lookup(run->db, at, &found) != c->used)
		return c->used ? "a mapping is not found" :
				 "something is found where nothing is";
	if (run->c->parent(run->db, at, &above) != c->used)
		return "a parent where no mapping is, or the other way round";
	if (!c->used)
		return NULL;
	if (found.frame != frame_of(c->region, c->rpage))
		return "another frame";
	if (found.rights != c->rights)
		return "other rights";
	if (c->parent < 0 ? above.window != LENDER || above.page != found.frame :
			    above.window != c->parent / PAGES_MAX ||
			    above.page != place_of(0, c->parent % PAGES_MAX).page)
		return "another parent";
	return NULL;
}

static const char *look_at_all(struct run *run)
{
	const char *bad = NULL;
	int i;

	for_each_cell(&run->model, i)
		if (!bad)
			bad = look(run, i);
	return bad;
}

/* What is asked of map() is what may be asked, see contender.h. */
static bool may_map(struct run *run, int source, int sfirst, int window,
		    int wfirst, int pages, unsigned int rights)
{
	struct world *w = &run->model;

	if (sfirst + pages > PAGES_MAX || wfirst + pages > PAGES_MAX)
		return false;
	for (int i = 0; i < pages; i++) {
		struct cell *to = &w->cell[cell_nr(window, wfirst + i)], *from;

		if (to->used)
			return false;
		if (source < 0)
			continue;
		from = &w->cell[cell_nr(source, sfirst + i)];
		if (!from->used || !(from->rights & LMAP_R))
			return false;
	}
	return rights & LMAP_R;
}

static void model_map(struct run *run, int region, int source, int sfirst,
		      int window, int wfirst, int pages, unsigned int rights)
{
	struct world *w = &run->model;

	for (int i = 0; i < pages; i++) {
		int parent = source < 0 ? -1 : cell_nr(source, sfirst + i);
		struct want want = { .rights = rights };
		int rpage = sfirst + i;

		if (source >= 0) {
			want.rights &= w->cell[parent].rights;
			region = w->cell[parent].region;
			rpage = w->cell[parent].rpage;
		}
		oracle_map(w, ++run->id, want, 0, region, rpage, window,
			   wfirst + i, 1, source < 0 ? NULL : &parent);
	}
}

static const char *do_map(struct run *run)
{
	static const u8 rights[] = { LMAP_R, LMAP_R | LMAP_W, LMAP_RIGHTS_ALL,
				     LMAP_RIGHTS_ALL, LMAP_RIGHTS_ALL };
	int source = (int)dice(&run->state, WINDOWS_MAX + 1) - 1;
	int region = dice(&run->state, REGIONS_MAX);
	int window = dice(&run->state, WINDOWS_MAX);
	int pages = 1 + dice(&run->state, dice(&run->state, 2) ? 2 : PAGES_MAX);
	int sfirst = dice(&run->state, PAGES_MAX);
	int wfirst = dice(&run->state, PAGES_MAX);
	u8 r = rights[dice(&run->state, ARRAY_SIZE(rights))];
	struct place from = source < 0 ?
			    (struct place){ LENDER, frame_of(region, sfirst) } :
			    place_of(source, sfirst);

	if (!may_map(run, source, sfirst, window, wfirst, pages, r))
		return NULL;
	if (!run->c->map(run->db, from, place_of(window, wfirst), pages, r))
		return "a mapping was refused";
	model_map(run, region, source, sfirst, window, wfirst, pages, r);
	return NULL;
}

static const char *do_unmap(struct run *run)
{
	static const u8 takes[] = { LMAP_RIGHTS_ALL, LMAP_R, LMAP_W,
				    LMAP_W | LMAP_M };
	int first = dice(&run->state, PAGES_MAX);
	int pages = 1 + dice(&run->state, 4);
	struct job job = {
		.window = (int)dice(&run->state, WINDOWS_MAX + 1) - 1,
		.region = dice(&run->state, REGIONS_MAX),
		.take = takes[dice(&run->state, ARRAY_SIZE(takes))],
		.self = dice(&run->state, 2),
		.only = -1,
	};
	struct place at = place_of(job.window, first);
	bool hit[CELLS_MAX];
	u64 lost, want;

	if (pages > PAGES_MAX - first)
		pages = PAGES_MAX - first;
	if (job.window < 0)
		at = (struct place){ LENDER, frame_of(job.region, first) };
	lost = run->c->unmap(run->db, at, pages, job.take, job.self);
	oracle_scope(&run->model, &job, first, first + pages - 1, hit);
	want = oracle_take(&run->model, hit, job.take);
	oracle_finished(&run->model, hit);
	return lost == want ? NULL : "another number of pages lost something";
}

static const char *run_seed(const struct contender *c, unsigned int seed,
			    int *step)
{
	static const struct shape shape = { REGIONS_MAX, WIDTH, WINDOWS_MAX,
					    WIDTH };
	static struct run run;
	size_t before = pool_bytes;
	const char *bad = NULL;

	run = (struct run){ .c = c, .state = seed + 1,
			    .model.regions = REGIONS_MAX,
			    .model.windows = WINDOWS_MAX,
			    .model.pages = PAGES_MAX };
	run.db = c->create(&shape);
	for (*step = 0; *step < STEPS && !bad; ++*step) {
		bad = dice(&run.state, 4) ? do_map(&run) : do_unmap(&run);
		if (!bad)
			bad = look_at_all(&run);
	}
	/* One that is wrong need not be able to end itself. */
	if (bad)
		return bad;
	c->destroy(run.db);
	return pool_bytes == before ? NULL : "memory was not given back";
}

bool verify(const struct contender *c, unsigned int seeds, bool verbose)
{
	const char *bad;
	int step;

	for (unsigned int seed = 0; seed < seeds; seed++) {
		bad = run_seed(c, seed, &step);
		if (!bad)
			continue;
		if (verbose)
			printf("# %s: seed %u step %d: %s\n", c->name, seed,
			       step, bad);
		return false;
	}
	return true;
}

/* Wrong ones: the table, but for one thing that each does differently. */

static uint64_t unmap_short(void *db, struct place at, uint32_t n, uint8_t take,
			    bool self)
{
	return by_table.unmap(db, at, n > 1 ? n - 1 : n, take, self);
}

static uint64_t unmap_self(void *db, struct place at, uint32_t n, uint8_t take,
			   bool self)
{
	return by_table.unmap(db, at, n, take, true);
}

static bool map_elevated(void *db, struct place from, struct place to,
			 uint32_t n, uint8_t rights)
{
	return by_table.map(db, from, to, n, rights | LMAP_W);
}

/* Right frame, no parent: it would outlive its lender. */
static bool map_orphan(void *db, struct place from, struct place to, uint32_t n,
		       uint8_t rights)
{
	struct found found;

	if (n > 1 || from.window == LENDER ||
	    !by_table.lookup(db, from, &found))
		return by_table.map(db, from, to, n, rights);
	from = (struct place){ LENDER, found.frame };
	return by_table.map(db, from, to, n, rights & found.rights);
}

static bool lookup_next(void *db, struct place at, struct found *found)
{
	if (!by_table.lookup(db, at, found))
		return false;
	found->frame++;
	return true;
}

static void *wrong_create(const struct shape *shape)
{
	return by_table.create(shape);
}

static void wrong_destroy(void *db)
{
	by_table.destroy(db);
}

static bool right_map(void *db, struct place from, struct place to, uint32_t n,
		      uint8_t rights)
{
	return by_table.map(db, from, to, n, rights);
}

static uint64_t right_unmap(void *db, struct place at, uint32_t n, uint8_t take,
			    bool self)
{
	return by_table.unmap(db, at, n, take, self);
}

static bool right_lookup(void *db, struct place at, struct found *found)
{
	return by_table.lookup(db, at, found);
}

static bool right_parent(void *db, struct place at, struct place *parent)
{
	return by_table.parent(db, at, parent);
}

#define WRONG(title, map_, unmap_, lookup_) \
	(&(const struct contender){ \
		.name = title, .create = wrong_create, \
		.destroy = wrong_destroy, .map = map_, .unmap = unmap_, \
		.lookup = lookup_, .parent = right_parent })

const struct contender *const wrong_ones[] = {
	WRONG("unmaps a page too few", right_map, unmap_short, right_lookup),
	WRONG("unmaps also what it should keep", right_map, unmap_self,
	      right_lookup),
	WRONG("maps with more rights", map_elevated, right_unmap, right_lookup),
	WRONG("forgets the parent", map_orphan, right_unmap, right_lookup),
	WRONG("finds the next frame", right_map, right_unmap, lookup_next),
};
const size_t nr_wrong_ones = ARRAY_SIZE(wrong_ones);
