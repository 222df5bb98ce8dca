// SPDX-License-Identifier: GPL-2.0
/* map: what appears where. Each test is a row of the decided cases. */
#include "util.h"
#include "harness.h"

#define N	16

FIXTURE(map) {
	int space;
	int window;
	char *mem;
	char *view;
};

FIXTURE_SETUP(map)
{
	catch_faults();
	self->space = space_open();
	ASSERT_GE(self->space, 0);
	self->window = window_create(self->space, N * PG, ALL);
	ASSERT_GE(self->window, 0);
	self->mem = memory_aligned(N, N * PG);
	self->view = window_mmap(self->window, N * PG, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, self->view);
}

FIXTURE_TEARDOWN(map)
{
	EXPECT_EQ(0, unmap_fpage(self->space, LMAP_WHOLE, LMAP_SELF));
	EXPECT_EQ(0, info(self->space).out_mappings);
	close(self->space);
	close(self->window);
}

#define MAP(addr, pages, rights, to) \
	map_range(self->space, addr, (pages) * PG, rights, self->window, \
		  (to) * PG, 0, NULL)

LMAP_TEST(map, another_process_sees_the_lenders_memory)
{
	struct peer b = peer_start(N, PROT_READ | PROT_WRITE);

	ASSERT_GE(b.window, 0);
	EXPECT_EQ(NOTHING, peer_peek(&b, 0));
	EXPECT_EQ(b.base, peer_outcome(&b).addr);
	ASSERT_EQ(0, map_range(self->space, self->mem, N * PG, RW, b.window, 0,
			       0, NULL));
	for (int i = 0; i < N; i++)
		EXPECT_EQ(i + 1, peer_peek(&b, i * PG + i));
	EXPECT_EQ(0, peer_poke(&b, 3 * PG, 99));
	EXPECT_EQ(99, self->mem[3 * PG]);
	self->mem[4 * PG] = 98;
	EXPECT_EQ(98, peer_peek(&b, 4 * PG));
	ASSERT_EQ(0, unmap_range(self->space, self->mem, N * PG, ALL, 0,
				 NULL));
	EXPECT_EQ(NOTHING, peer_peek(&b, 3 * PG));
	EXPECT_EQ(b.base + 3 * PG, peer_outcome(&b).addr);
	peer_stop(&b);
	EXPECT_EQ(99, self->mem[3 * PG]);
}

LMAP_TEST(map, the_result_says_what_was_mapped)
{
	struct lmap_map m;

	ASSERT_EQ(0, map_range(self->space, self->mem, 3 * PG, RW,
			       self->window, PG, 0, &m));
	EXPECT_EQ(3 * PG, m.out_bytes);
	EXPECT_EQ(1, m.out_mappings);
	EXPECT_EQ(RW, m.out_rights);
	EXPECT_NE(0, m.out_node_id);
	EXPECT_EQ(0, m.out_fpage);
	ASSERT_EQ(0, map_fpage(self->space, fpage(self->mem, PO + 1, LMAP_R),
			       self->window, fpage(NULL, PO + 1, 0), 0, &m));
	EXPECT_EQ(fpage(NULL, PO + 1, LMAP_R), m.out_fpage);
	EXPECT_EQ(2 * PG, m.out_bytes);
}

LMAP_TEST(map, one_send_range_over_several_protections)
{
	struct lmap_map m;

	ASSERT_EQ(0, mprotect(self->mem + 4 * PG, 4 * PG, PROT_READ));
	ASSERT_EQ(0, mprotect(self->mem + 8 * PG, 4 * PG, PROT_NONE));
	ASSERT_EQ(0, map_range(self->space, self->mem, N * PG, RW,
			       self->window, 0, 0, &m));
	EXPECT_EQ(12 * PG, m.out_bytes);
	EXPECT_EQ(3, m.out_mappings);
	EXPECT_EQ(LMAP_R, m.out_rights);
	EXPECT_EQ(0, poke(self->view, 7));
	EXPECT_EQ(5, peek(self->view + 4 * PG));
	EXPECT_EQ(NO_RIGHT, poke(self->view + 4 * PG, 7));
	EXPECT_EQ(NOTHING, peek(self->view + 8 * PG));
	EXPECT_EQ(0, poke(self->view + 12 * PG, 7));
}

LMAP_TEST(map, holes_are_skipped_and_never_lent_later)
{
	struct lmap_map m;
	char *hole = self->mem + 2 * PG;

	ASSERT_EQ(0, munmap(hole, PG));
	ASSERT_EQ(0, map_range(self->space, self->mem, 4 * PG, RW,
			       self->window, 0, 0, &m));
	EXPECT_EQ(3 * PG, m.out_bytes);
	EXPECT_EQ(NOTHING, peek(self->view + 2 * PG));
	ASSERT_EQ(hole, mmap(hole, PG, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	*hole = 5;
	EXPECT_EQ(NOTHING, peek(self->view + 2 * PG));
	EXPECT_EQ(4, peek(self->view + 3 * PG));
}

LMAP_TEST(map, memory_that_was_replaced_can_be_lent_anew)
{
	char *p = self->mem + 2 * PG;

	ASSERT_EQ(0, MAP(self->mem, 4, RW, 0));
	EXPECT_EQ(3, peek(self->view + 2 * PG));
	ASSERT_EQ(p, mmap(p, PG, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	*p = 77;
	EXPECT_EQ(NOTHING, peek(self->view + 2 * PG));
	ASSERT_EQ(0, MAP(p, 1, RW, 2));
	EXPECT_EQ(77, peek(self->view + 2 * PG));
	EXPECT_EQ(0, poke(self->view + 2 * PG, 78));
	EXPECT_EQ(78, *p);
	EXPECT_EQ(4, peek(self->view + 3 * PG));
}

LMAP_TEST(map, all_hole_is_EFAULT)
{
	ASSERT_EQ(0, munmap(self->mem, 4 * PG));
	ASSERT_EQ(0, MAP(self->mem + 4 * PG, 1, RW, 0));
	EXPECT_EQ(-EFAULT, MAP(self->mem, 4, RW, 0));
	/* the target is untouched; an empty window is a hole too */
	EXPECT_EQ(5, peek(self->view));
	EXPECT_EQ(-EFAULT, MAP(self->view + 8 * PG, 4, RW, 0));
}

LMAP_TEST(map, NOREPLACE_of_a_busy_target_is_EEXIST)
{
	ASSERT_EQ(0, MAP(self->mem, 2, LMAP_R, 1));
	EXPECT_EQ(-EEXIST, map_range(self->space, self->mem + 4 * PG, 2 * PG,
				     RW, self->window, 0, LMAP_NOREPLACE,
				     NULL));
	EXPECT_EQ(NOTHING, peek(self->view));
	EXPECT_EQ(1, peek(self->view + PG));
	EXPECT_EQ(0, map_range(self->space, self->mem + 4 * PG, PG, RW,
			       self->window, 0, LMAP_NOREPLACE, NULL));
}

LMAP_TEST(map, NOREPLACE_onto_the_very_same_mapping_is_success)
{
	struct lmap_map a, b;

	ASSERT_EQ(0, map_range(self->space, self->mem, 4 * PG, LMAP_R,
			       self->window, 0, 0, &a));
	EXPECT_EQ(0, map_range(self->space, self->mem, 4 * PG, RW,
			       self->window, 0, LMAP_NOREPLACE, &b));
	EXPECT_EQ(a.out_node_id, b.out_node_id);
	EXPECT_EQ(1, info(self->space).out_mappings);
	EXPECT_EQ(0, poke(self->view, 42));
}

LMAP_TEST(map, fast_overmap_adds_rights_and_never_takes_any)
{
	ASSERT_EQ(0, MAP(self->mem, 4, RWM, 0));
	int w2 = window_create(self->space, 4 * PG, ALL);
	char *v2 = window_mmap(w2, 4 * PG, PROT_READ | PROT_WRITE);

	ASSERT_EQ(0, map_range(self->space, self->view, 4 * PG, LMAP_R, w2, 0,
			       0, NULL));
	EXPECT_EQ(0, MAP(self->mem, 4, LMAP_R, 0));
	EXPECT_EQ(0, poke(self->view, 43));
	/* the child is still there, with what it had */
	EXPECT_EQ(43, peek(v2));
	EXPECT_EQ(NO_RIGHT, poke(v2, 1));
	EXPECT_EQ(2, info(self->space).out_mappings);
	/* and gets more only by its own parent's map */
	EXPECT_EQ(0, MAP(self->mem, 4, RWM, 0));
	EXPECT_EQ(NO_RIGHT, poke(v2, 1));
	EXPECT_EQ(0, map_range(self->space, self->view, 4 * PG, RW, w2, 0, 0,
			       NULL));
	EXPECT_EQ(0, poke(v2, 44));
	close(w2);
}

LMAP_TEST(map, overmap_revokes_the_old_subtree_first)
{
	int w2 = window_create(self->space, 4 * PG, ALL);
	char *v2 = window_mmap(w2, 4 * PG, PROT_READ);

	ASSERT_EQ(0, MAP(self->mem, 4, RWM, 0));
	ASSERT_EQ(0, map_range(self->space, self->view, 4 * PG, LMAP_R, w2, 0,
			       0, NULL));
	EXPECT_EQ(2, peek(v2 + PG));
	/* page 1 of the window is replaced: what derives from it dies */
	ASSERT_EQ(0, MAP(self->mem + 8 * PG, 1, LMAP_R, 1));
	EXPECT_EQ(9, peek(self->view + PG));
	EXPECT_EQ(NOTHING, peek(v2 + PG));
	EXPECT_EQ(1, peek(v2));
	EXPECT_EQ(3, peek(v2 + 2 * PG));
	EXPECT_EQ(3, peek(self->view + 2 * PG));
	close(w2);
}

LMAP_TEST(map, small_over_big_and_big_over_small)
{
	ASSERT_EQ(0, MAP(self->mem, 8, LMAP_R, 0));
	ASSERT_EQ(0, MAP(self->mem + 12 * PG, 1, LMAP_R, 3));
	for (int i = 0; i < 8; i++)
		EXPECT_EQ(i == 3 ? 13 : i + 1, peek(self->view + i * PG));
	ASSERT_EQ(0, MAP(self->mem, 8, LMAP_R, 1));
	EXPECT_EQ(1, peek(self->view));
	for (int i = 0; i < 8; i++)
		EXPECT_EQ(i + 1, peek(self->view + (i + 1) * PG));
	EXPECT_EQ(2, info(self->space).out_mappings);
}

LMAP_TEST(map, onto_itself_or_an_ancestor_is_ELOOP)
{
	int w2 = window_create(self->space, 4 * PG, ALL);
	char *v2 = window_mmap(w2, 4 * PG, PROT_READ);

	ASSERT_EQ(0, MAP(self->mem, 4, RWM, 0));
	ASSERT_EQ(0, map_range(self->space, self->view, 4 * PG, ALL, w2, 0, 0,
			       NULL));
	EXPECT_EQ(-ELOOP, MAP(self->view, 4, LMAP_R, 0));
	EXPECT_EQ(-ELOOP, MAP(v2, 4, LMAP_R, 0));
	EXPECT_EQ(-ELOOP, MAP(v2, 1, LMAP_R, 3));
	EXPECT_EQ(-ELOOP, map_range(self->space, v2, 2 * PG, LMAP_R, w2, PG, 0,
				    NULL));
	EXPECT_EQ(2, info(self->space).out_mappings);
	EXPECT_EQ(4, peek(v2 + 3 * PG));
	/* beside the ancestor is allowed */
	EXPECT_EQ(0, MAP(v2, 4, LMAP_R, 8));
	EXPECT_EQ(1, peek(self->view + 8 * PG));
	close(w2);
}

LMAP_TEST(map, same_memory_twice_in_one_window)
{
	ASSERT_EQ(0, MAP(self->mem, 2, RW, 0));
	ASSERT_EQ(0, MAP(self->mem, 2, LMAP_R, 8));
	EXPECT_EQ(0, poke(self->view + PG, 77));
	EXPECT_EQ(77, peek(self->view + 9 * PG));
	EXPECT_EQ(NO_RIGHT, poke(self->view + 9 * PG, 1));
	EXPECT_EQ(2, info(self->space).out_mappings);
}

LMAP_TEST(map, from_ordinary_memory_and_a_window_at_once)
{
	char *at = self->mem + 4 * PG;
	int w2 = window_create(self->space, 4 * PG, ALL);
	char *v2 = window_mmap(w2, 4 * PG, PROT_READ);
	char *other = memory(2);
	struct lmap_map m;

	/* the window lies in the middle of ordinary memory */
	ASSERT_EQ(at, mmap(at, 2 * PG, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_FIXED, w2, 0));
	ASSERT_EQ(0, map_range(self->space, other, PG, ALL, w2, PG, 0, NULL));
	ASSERT_EQ(0, map_range(self->space, self->mem, 8 * PG, LMAP_R,
			       self->window, 0, 0, &m));
	EXPECT_EQ(7 * PG, m.out_bytes);
	EXPECT_EQ(3, m.out_mappings);
	EXPECT_EQ(4, peek(self->view + 3 * PG));
	EXPECT_EQ(NOTHING, peek(self->view + 4 * PG));
	EXPECT_EQ(1, peek(self->view + 5 * PG));
	EXPECT_EQ(7, peek(self->view + 6 * PG));
	EXPECT_EQ(1, peek(v2 + PG));
	close(w2);
}

LMAP_TEST(map, populate_makes_pages_at_once)
{
	char *fresh = mmap(NULL, N * PG, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned char seen[N];

	ASSERT_EQ(0, map_range(self->space, fresh, N * PG, RW, self->window, 0,
			       LMAP_POPULATE, NULL));
	EXPECT_EQ(N, info(self->space).out_tiles);
	/* untouched by the lender so far, present now */
	ASSERT_EQ(0, mincore(fresh, N * PG, seen));
	for (int i = 0; i < N; i++)
		EXPECT_EQ(1, seen[i] & 1);
	EXPECT_EQ(0, poke(self->view + 5 * PG, 4));
	EXPECT_EQ(4, fresh[5 * PG]);
	munmap(fresh, N * PG);
}

/* How many faults it takes to see that all show the first four pages. */
static long faults_of(char **views, int n, int *wrong)
{
	long before = faults();

	for (int i = 0; i < n; i++)
		for (int k = 0; k < 4; k++)
			*wrong += views[i][k * PG] != k + 1;
	return faults() - before;
}

/* More views than a list on the stack has room for, and one that shows others. */
LMAP_TEST(map, populate_makes_pages_in_all_views)
{
	char *views[12], *other, *first[1] = { self->mem };
	int wrong = 0;

	other = mmap(NULL, PG, PROT_READ, MAP_SHARED, self->window, 5 * PG);
	ASSERT_NE(MAP_FAILED, other);
	for (int i = 0; i < 12; i++) {
		views[i] = window_mmap(self->window, 4 * PG, PROT_READ);
		ASSERT_NE(MAP_FAILED, views[i]);
	}
	ASSERT_EQ(0, map_range(self->space, self->mem, 4 * PG, LMAP_R,
			       self->window, 0, LMAP_POPULATE, NULL));
	/* the code itself may have to be brought in */
	faults_of(first, 1, &wrong);
	EXPECT_EQ(0, faults_of(views, 12, &wrong));
	EXPECT_EQ(0, wrong);
	EXPECT_EQ(NOTHING, peek(other));
	for (int i = 0; i < 12; i++)
		munmap(views[i], 4 * PG);
	munmap(other, PG);
}

/* The part of the larger, of the size of the smaller, with the hot spot. */
LMAP_TEST(map, send_base_settles_every_size_mismatch)
{
	for (int so = PO; so <= PO + 4; so++)
	for (int ro = PO; ro <= PO + 4; ro++)
	for (uint64_t hot = 0; hot < 2 * N * PG; hot += 3 * PG + 1024) {
		uint64_t s = 1UL << so, r = 1UL << ro;
		uint64_t size = s < r ? s : r;
		uint64_t to = s < r ? hot % r / s * s : 0;
		uint64_t from = s > r ? hot % s / r * r : 0;
		struct lmap_map m;

		ASSERT_EQ(0, map_fpage(self->space,
				       fpage(self->mem, so, LMAP_R),
				       self->window, fpage(NULL, ro, 0), hot,
				       &m));
		ASSERT_EQ(size, m.out_bytes);
		ASSERT_EQ(to, m.out_fpage & LMAP_FPAGE_BASE_MASK);
		for (uint64_t p = 0; p < N * PG; p += PG) {
			int want = p >= to && p < to + size ?
				   (p - to + from) / PG + 1 : NOTHING;

			ASSERT_EQ(want, peek(self->view + p));
		}
		ASSERT_EQ(0, unmap_fpage(self->space, LMAP_WHOLE, 0));
	}
}

LMAP_TEST(map, LMAP_WHOLE_on_either_side)
{
	struct lmap_map m;

	/* all of the window: the hot spot says where in it */
	ASSERT_EQ(0, map_fpage(self->space, fpage(self->mem, PO + 1, LMAP_R),
			       self->window, LMAP_WHOLE, 6 * PG, &m));
	EXPECT_EQ(7 * PG - PG, m.out_fpage & LMAP_FPAGE_BASE_MASK);
	EXPECT_EQ(1, peek(self->view + 6 * PG));
	/* all of the space: the hot spot says what of it */
	ASSERT_EQ(0, map_fpage(self->space, LMAP_WHOLE, self->window,
			       fpage(NULL, PO, 0),
			       (uintptr_t)self->mem + 3 * PG + 5, &m));
	EXPECT_EQ(4, peek(self->view));
	ASSERT_EQ(0, map_fpage(self->space, LMAP_WHOLE, self->window,
			       LMAP_WHOLE, (uintptr_t)self->mem, &m));
	EXPECT_EQ(N * PG, m.out_bytes);
	EXPECT_EQ(N, peek(self->view + (N - 1) * PG));
}

LMAP_TEST(map, nothing_outside_the_target_changes)
{
	ASSERT_EQ(0, MAP(self->mem, N, LMAP_R, 0));
	for (int i = 0; i + 2 <= N; i += 3) {
		ASSERT_EQ(0, MAP(self->mem + (N - 2) * PG, 2, LMAP_R, i));
		for (int p = 0; p < N; p++) {
			int want = p + 1;

			if (p <= i + 1 && p % 3 != 2)
				want = N - 1 + p % 3;
			EXPECT_EQ(want, peek(self->view + p * PG));
		}
	}
}

TEST_HARNESS_MAIN
