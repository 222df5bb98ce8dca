// SPDX-License-Identifier: GPL-2.0
/* Many: levels, siblings, mappings in one window. */
#include "util.h"
#include "harness.h"

/* 10 000, a quarter of it where everything takes several times as long. */
#define MANY	(10000 / slow())

FIXTURE(scale) {
	int space;
	long pinned;
};

FIXTURE_SETUP(scale)
{
	catch_faults();
	self->pinned = pins();
	self->space = space_open();
	ASSERT_GE(self->space, 0);
}

FIXTURE_TEARDOWN(scale)
{
	EXPECT_EQ(0, info(self->space).out_mappings);
	EXPECT_EQ(0, info(self->space).out_regions);
	close(self->space);
	pins_gone(self->pinned);
}

/* Level i is v[i - 1]; one call for each, with a part cut out in the middle. */
TEST_F_TIMEOUT(scale, a_chain_as_deep_as_can_be_and_one_more, 600)
{
	int w[LMAP_DEPTH_MAX + 1], last = LMAP_DEPTH_MAX - 1;
	unsigned long cmds[] = { LMAP_MAP, LMAP_GRANT, LMAP_COPY };
	char *v[LMAP_DEPTH_MAX + 1], *mem = memory(4), *from = mem;
	struct lmap_unmap u;

	for (int i = 0; i <= LMAP_DEPTH_MAX; i++) {
		w[i] = window_create(self->space, 4 * PG, ALL);
		v[i] = window_mmap(w[i], 4 * PG, PROT_READ | PROT_WRITE);
	}
	for (int i = 0; i < LMAP_DEPTH_MAX; i++) {
		ASSERT_EQ(0, map_range(self->space, from, 4 * PG, ALL, w[i], 0,
				       0, NULL));
		from = v[i];
	}
	for (int c = 0; c < 3; c++)
		EXPECT_EQ(-EMLINK, op(self->space, cmds[c], v[last], PG, ALL,
				      w[last + 1], 0, 0));
	EXPECT_EQ(LMAP_DEPTH_MAX, info(self->space).out_mappings);
	for (int i = 0; i < LMAP_DEPTH_MAX; i++)
		for (int p = 0; p < 4; p++)
			ASSERT_EQ(0, poke(v[i] + p * PG, p + 1));
	/* a hole through all levels, from the top */
	ASSERT_EQ(0, unmap_range(self->space, mem + PG, PG, ALL, 0, &u));
	EXPECT_EQ(LMAP_DEPTH_MAX, u.out_mappings);
	EXPECT_EQ(LMAP_DEPTH_MAX, u.out_pages);
	/* the lower half of one page, from the middle; w of all of another */
	ASSERT_EQ(0, unmap_range(self->space, v[last / 2] + 2 * PG, PG, ALL, 0,
				 &u));
	EXPECT_EQ(last - last / 2, u.out_mappings);
	ASSERT_EQ(0, unmap_range(self->space, mem + 3 * PG, PG, LMAP_W, 0,
				 NULL));
	for (int i = 0; i < LMAP_DEPTH_MAX; i++) {
		ASSERT_EQ(0, poke(v[i], 1));
		ASSERT_EQ(NOTHING, peek(v[i] + PG));
		ASSERT_EQ(i <= last / 2 ? 3 : NOTHING, peek(v[i] + 2 * PG));
		ASSERT_EQ(4, peek(v[i] + 3 * PG));
		ASSERT_EQ(NO_RIGHT, poke(v[i] + 3 * PG, 1));
	}
	/* the top is granted away: all stays below it */
	ASSERT_EQ(0, op(self->space, LMAP_GRANT, v[0], PG, RWM, w[last + 1], 0,
			0));
	EXPECT_EQ(NOTHING, peek(v[0]));
	EXPECT_EQ(0, poke(v[last], 1));
	ASSERT_EQ(0, unmap_range(self->space, v[last + 1], PG, ALL, 0, &u));
	EXPECT_EQ(LMAP_DEPTH_MAX - 1, u.out_mappings);
	EXPECT_EQ(NOTHING, peek(v[last]));
	ASSERT_EQ(0, unmap_fpage(self->space, LMAP_WHOLE, 0));
	for (int i = 0; i <= LMAP_DEPTH_MAX; i++) {
		munmap(v[i], 4 * PG);
		close(w[i]);
	}
	munmap(mem, 4 * PG);
}

/*
 * In one call, and no fewer where all is slow: what has been unlinked is freed
 * after a grace period, and beyond twice 8192 the call waits for one itself.
 */
TEST_F_TIMEOUT(scale, more_than_may_wait_to_be_freed, 600)
{
	const int many = 2 * 8192 + 500;
	int w = window_create(self->space, many * PG, ALL);
	char *mem = memory(1);
	struct lmap_unmap u;

	for (int i = 0; i < many; i++)
		ASSERT_EQ(0, op(self->space, LMAP_MAP, mem, PG, LMAP_R, w,
				i * PG, 0));
	ASSERT_EQ(0, unmap_range(self->space, mem, PG, ALL, 0, &u));
	EXPECT_EQ(many, u.out_mappings);
	EXPECT_EQ(0, info(self->space).out_mappings);
	/* what it was is of use again */
	ASSERT_EQ(0, op(self->space, LMAP_MAP, mem, PG, LMAP_R, w, 0, 0));
	ASSERT_EQ(0, unmap_range(self->space, mem, PG, ALL, 0, &u));
	EXPECT_EQ(1, u.out_mappings);
	close(w);
	munmap(mem, PG);
}

/* How often a race point was passed; -1: there are none in this module. */
static long race_passed(const char *point)
{
	FILE *f = fopen(MODULE_PARAM("race_points"), "r");
	char line[128], name[64];
	long passed, found = -1;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%63s %ld", name, &passed) == 2 &&
		    !strcmp(name, point))
			found = passed;
	if (f)
		fclose(f);
	return found;
}

/* It waits however small the parts are that it is done in: here one by one. */
TEST_F_TIMEOUT(scale, more_than_may_wait_in_one_window, 600)
{
	const int many = 2 * 8192 + 500;
	int w = window_create(self->space, many * PG, ALL);
	char *v = window_mmap(w, many * PG, PROT_READ), *mem = memory(1);
	long before = race_passed("revoke_freed");
	struct lmap_unmap u;

	if (before < 0)
		SKIP(return, "the module was built without RACE=1");
	for (int i = 0; i < many; i++)
		ASSERT_EQ(0, op(self->space, LMAP_MAP, mem, PG, LMAP_R, w,
				i * PG, 0));
	ASSERT_EQ(0, unmap_range(self->space, v, many * PG, ALL, LMAP_SELF,
				 &u));
	EXPECT_EQ(many, u.out_mappings);
	EXPECT_EQ(before + 2, race_passed("revoke_freed"));
	munmap(v, many * PG);
	close(w);
	munmap(mem, PG);
}

/* One page at many places, by map and by copy. */
TEST_F_TIMEOUT(scale, many_siblings_of_one_page, 600)
{
	int w = window_create(self->space, MANY * PG, ALL);
	char *v = window_mmap(w, MANY * PG, PROT_READ | PROT_WRITE);
	char *mem = memory(1);
	struct lmap_unmap u;

	for (int i = 0; i < MANY; i++)
		ASSERT_EQ(0, i & 1 ? op(self->space, LMAP_COPY, v + (i - 1) *
					PG, PG, RW, w, i * PG, 0) :
			  op(self->space, LMAP_MAP, mem, PG, RWM, w, i * PG,
			     0));
	EXPECT_EQ(MANY, info(self->space).out_mappings);
	EXPECT_EQ(1, info(self->space).out_regions);
	for (int i = 0; i < MANY; i++)
		ASSERT_EQ(1, peek(v + i * PG));
	EXPECT_EQ(1, info(self->space).out_tiles);
	mem[0] = 2;
	for (int i = 0; i < MANY; i += MANY / 100 - 1)
		ASSERT_EQ(2, peek(v + i * PG));
	/* one of them goes, by its holder */
	ASSERT_EQ(0, unmap_range(self->space, v + MANY / 2 * PG, PG, ALL,
				 LMAP_SELF, &u));
	EXPECT_EQ(1, u.out_mappings);
	EXPECT_EQ(NOTHING, peek(v + MANY / 2 * PG));
	EXPECT_EQ(2, peek(v + (MANY / 2 + 1) * PG));
	EXPECT_EQ(2, peek(v + (MANY / 2 - 1) * PG));
	/* w of all, then all */
	ASSERT_EQ(0, unmap_range(self->space, mem, PG, LMAP_W, 0, &u));
	EXPECT_EQ(MANY - 1, u.out_mappings);
	for (int i = 0; i < MANY; i += MANY / 100 - 1)
		ASSERT_EQ(NO_RIGHT, poke(v + i * PG, 1));
	ASSERT_EQ(0, unmap_range(self->space, mem, PG, ALL, 0, &u));
	EXPECT_EQ(MANY - 1, u.out_mappings);
	EXPECT_EQ(MANY - 1, u.out_pages);
	for (int i = 0; i < MANY; i++)
		ASSERT_EQ(NOTHING, peek(v + i * PG));
	munmap(v, MANY * PG);
	close(w);
	munmap(mem, PG);
}

/* Page i of the window holds page MANY - 1 - i of the memory. */
TEST_F_TIMEOUT(scale, many_mappings_in_one_window, 600)
{
	int w = window_create(self->space, MANY * PG, ALL);
	char *v = window_mmap(w, MANY * PG, PROT_READ | PROT_WRITE);
	int w2 = window_create(self->space, MANY * PG, ALL);
	char *v2 = window_mmap(w2, MANY * PG, PROT_READ);
	char *mem = memory(MANY);
	struct lmap_map m = { .snd = (uintptr_t)v, .length = MANY * PG,
			      .rights = LMAP_R, .window = w2 };
	struct lmap_unmap u;
	int tenth = MANY / 10;

	for (int i = 0; i < MANY; i++) {
		*(int *)(mem + i * PG + 4) = i;
		ASSERT_EQ(0, op(self->space, LMAP_MAP, mem + i * PG, PG, RWM,
				w, (MANY - 1 - i) * PG, 0));
	}
	EXPECT_EQ(MANY, info(self->space).out_mappings);
	for (int i = 0; i < MANY; i++) {
		ASSERT_GE(peek(v + i * PG), 0);
		ASSERT_EQ(MANY - 1 - i, *(int *)(v + i * PG + 4));
	}
	/* all of them mapped on by one call */
	ASSERT_EQ(0, op_range(self->space, LMAP_MAP, &m));
	EXPECT_EQ(MANY, m.out_mappings);
	EXPECT_EQ(MANY * PG, m.out_bytes);
	EXPECT_EQ(2 * MANY, info(self->space).out_mappings);
	for (int i = 0; i < MANY; i += 7) {
		ASSERT_GE(peek(v2 + i * PG), 0);
		ASSERT_EQ(MANY - 1 - i, *(int *)(v2 + i * PG + 4));
	}
	/* a range of the memory, and a range of the window */
	ASSERT_EQ(0, unmap_range(self->space, mem, tenth * PG, ALL, 0, &u));
	EXPECT_EQ(2 * tenth, u.out_mappings);
	ASSERT_EQ(0, unmap_range(self->space, v, tenth / 2 * PG, ALL, 0, &u));
	EXPECT_EQ(tenth / 2, u.out_mappings);
	for (int i = 0; i < MANY; i += 50) {
		ASSERT_EQ(i >= MANY - tenth, peek(v + i * PG) == NOTHING);
		ASSERT_EQ(i < tenth / 2 || i >= MANY - tenth,
			  peek(v2 + i * PG) == NOTHING);
	}
	/* the lender's own system calls, then the windows' end */
	ASSERT_EQ(0, munmap(mem + tenth * PG, tenth * PG));
	EXPECT_EQ(2 * (MANY - 2 * tenth) - tenth / 2,
		  info(self->space).out_mappings);
	munmap(v2, MANY * PG);
	close(w2);
	EXPECT_EQ(MANY - 2 * tenth, info(self->space).out_mappings);
	munmap(v, MANY * PG);
	close(w);
	EXPECT_EQ(0, info(self->space).out_mappings);
	munmap(mem, MANY * PG);
}

/* To and fro between two windows. */
TEST_F_TIMEOUT(scale, a_mapping_granted_many_times, 600)
{
	int w[2];
	char *v[2], *mem = memory(1);

	for (int i = 0; i < 2; i++) {
		w[i] = window_create(self->space, PG, ALL);
		v[i] = window_mmap(w[i], PG, PROT_READ);
	}
	ASSERT_EQ(0, op(self->space, LMAP_MAP, mem, PG, RWM, w[0], 0, 0));
	for (int i = 0; i < MANY; i++)
		ASSERT_EQ(0, op(self->space, LMAP_GRANT, v[i & 1], PG, RWM,
				w[~i & 1], 0, LMAP_NOREPLACE));
	EXPECT_EQ(1, info(self->space).out_mappings);
	EXPECT_EQ(1, peek(v[0]));
	EXPECT_EQ(NOTHING, peek(v[1]));
	ASSERT_EQ(0, unmap_fpage(self->space, LMAP_WHOLE, 0));
	EXPECT_EQ(NOTHING, peek(v[0]));
	for (int i = 0; i < 2; i++) {
		munmap(v[i], PG);
		close(w[i]);
	}
	munmap(mem, PG);
}

/* More at the end than was ever used up: what exits must clean up as well. */
TEST_F_TIMEOUT(scale, exit_with_many_mappings, 600)
{
	pid_t pid = fork();
	int st;

	if (!pid) {
		int s = space_open(), w = window_create(s, MANY * PG, ALL);
		char *p = memory(1), *v = window_mmap(w, MANY * PG, PROT_READ);

		for (int i = 0; i < MANY; i++)
			if (op(s, LMAP_MAP, i ? v + (i / 2) * PG : p, PG, ALL,
			       w, i * PG, 0) && i)
				_exit(1);
		_exit(0);
	}
	waitpid(pid, &st, 0);
	EXPECT_EQ(0, st);
}

TEST_HARNESS_MAIN
