// SPDX-License-Identifier: GPL-2.0
/* Rights and depth: nobody ever gains one. */
#include "util.h"
#include "harness.h"

FIXTURE_PLAIN(rights)

static int window_of(int space, unsigned int rights, char **view)
{
	int w = window_create(space, 4 * PG, rights);

	*view = window_mmap(w, 4 * PG, PROT_READ | PROT_WRITE);
	return w;
}

LMAP_TEST(rights, more_than_held_is_reduced_and_reported)
{
	char *mem = memory(4), *v;
	int w = window_of(self->space, ALL, &v);
	struct lmap_map m;

	ASSERT_EQ(0, mprotect(mem, 4 * PG, PROT_READ));
	ASSERT_EQ(0, map_range(self->space, mem, PG, ALL, w, 0, 0, &m));
	EXPECT_EQ(LMAP_R | LMAP_M, m.out_rights);
	EXPECT_EQ(1, peek(v));
	EXPECT_EQ(NO_RIGHT, poke(v, 2));
	close(w);
}

LMAP_TEST(rights, nothing_left_is_EACCES_and_the_target_is_untouched)
{
	char *mem = memory(4), *v;
	int w = window_of(self->space, ALL, &v);

	ASSERT_EQ(0, map_range(self->space, mem, PG, LMAP_R, w, 0, 0, NULL));
	ASSERT_EQ(0, mprotect(mem + PG, PG, PROT_NONE));
	EXPECT_EQ(-EACCES, map_range(self->space, mem + PG, PG, ALL, w, 0, 0,
				     NULL));
	EXPECT_EQ(-EACCES, map_range(self->space, mem, PG, 0, w, 0, 0, NULL));
	EXPECT_EQ(-EACCES, map_range(self->space, mem, PG, LMAP_M, w, 0, 0,
				     NULL));
	EXPECT_EQ(1, peek(v));
	close(w);
}

LMAP_TEST(rights, w_or_x_imply_r_before_the_minimum)
{
	char *mem = memory(4), *v;
	int w = window_of(self->space, ALL, &v);
	struct lmap_map m;

	ASSERT_EQ(0, mprotect(mem, PG, PROT_READ));
	ASSERT_EQ(0, map_range(self->space, mem, PG, LMAP_W, w, 0, 0, &m));
	EXPECT_EQ(LMAP_R, m.out_rights);
	ASSERT_EQ(0, map_range(self->space, mem + PG, PG, LMAP_W, w, PG, 0,
			       &m));
	EXPECT_EQ(RW, m.out_rights);
	ASSERT_EQ(0, map_range(self->space, mem, PG, LMAP_X, w, 0, 0, &m));
	EXPECT_EQ(LMAP_R, m.out_rights);
	close(w);
}

/* own x asked, for every combination: the child has the minimum. */
LMAP_TEST(rights, full_matrix)
{
	char *mem = memory(1), *v1, *v2;
	int w1 = window_of(self->space, ALL, &v1);
	int w2 = window_of(self->space, ALL, &v2);

	ASSERT_EQ(0, mprotect(mem, PG, PROT_READ | PROT_WRITE | PROT_EXEC));
	for (int own = 0; own < 16; own++)
	for (int asked = 0; asked < 16; asked++) {
		int have = own & 3 ? own | LMAP_R : own;
		int want = asked & 3 ? asked | LMAP_R : asked;
		struct lmap_map m;
		int ret;

		if (!(have & LMAP_R))
			continue;
		ASSERT_EQ(0, unmap_fpage(self->space, LMAP_WHOLE, LMAP_SELF));
		ASSERT_EQ(0, map_range(self->space, mem, PG, own, w1, 0, 0,
				       &m));
		ASSERT_EQ(have, m.out_rights);
		ret = map_range(self->space, v1, PG, asked, w2, 0, 0, &m);
		if (!(have & LMAP_M) || !(want & LMAP_R)) {
			ASSERT_EQ(-EACCES, ret);
			ASSERT_EQ(NOTHING, peek(v2));
			continue;
		}
		ASSERT_EQ(0, ret);
		ASSERT_EQ(have & want, m.out_rights);
		ASSERT_EQ(0, peek(v2) < 0);
		ASSERT_EQ(have & want & LMAP_W ? 0 : NO_RIGHT, poke(v2, 1));
	}
	close(w1);
	close(w2);
}

LMAP_TEST(rights, the_window_has_a_maximum)
{
	char *mem = memory(1), *v;
	int w = window_of(self->space, LMAP_R, &v);
	struct lmap_map m;

	ASSERT_EQ(0, map_range(self->space, mem, PG, ALL, w, 0, 0, &m));
	EXPECT_EQ(LMAP_R, m.out_rights);
	EXPECT_EQ(NO_RIGHT, poke(v, 1));
	int w2 = window_create(self->space, PG, ALL);

	EXPECT_EQ(-EACCES, map_range(self->space, v, PG, LMAP_R, w2, 0, 0,
				     NULL));
	close(w);
	close(w2);
}

LMAP_TEST(rights, mapping_from_a_mapping_without_m_is_EACCES)
{
	char *mem = memory(2), *v, *v2;
	int w = window_of(self->space, ALL, &v);
	int w2 = window_of(self->space, ALL, &v2);

	ASSERT_EQ(0, map_range(self->space, mem, PG, RW, w, 0, 0, NULL));
	EXPECT_EQ(-EACCES, map_range(self->space, v, PG, LMAP_R, w2, 0, 0,
				     NULL));
	/* a piece without m is skipped if another has it */
	ASSERT_EQ(0, map_range(self->space, mem + PG, PG, RWM, w, PG, 0,
			       NULL));
	EXPECT_EQ(0, map_range(self->space, v, 2 * PG, LMAP_R, w2, 0, 0,
			       NULL));
	EXPECT_EQ(NOTHING, peek(v2));
	EXPECT_EQ(2, peek(v2 + PG));
	close(w);
	close(w2);
}

LMAP_TEST(rights, depth_0_cannot_be_passed_on)
{
	char *mem = memory(1), *v, *v2, *v3;
	int w = window_of(self->space, ALL, &v);
	int w2 = window_of(self->space, ALL, &v2);
	int w3 = window_of(self->space, ALL, &v3);

	ASSERT_EQ(0, map_depth(self->space, mem, PG, ALL, w, 0, 0));
	EXPECT_EQ(-EMLINK, map_range(self->space, v, PG, ALL, w2, 0, 0, NULL));
	ASSERT_EQ(0, unmap_fpage(self->space, LMAP_WHOLE, LMAP_SELF));
	/* a child has at most its parent's minus 1, whatever is asked */
	ASSERT_EQ(0, map_depth(self->space, mem, PG, ALL, w, 0, 1));
	ASSERT_EQ(0, map_depth(self->space, v, PG, ALL, w2, 0, 5));
	EXPECT_EQ(-EMLINK, map_range(self->space, v2, PG, ALL, w3, 0, 0,
				     NULL));
	EXPECT_EQ(1, peek(v2));
	close(w);
	close(w2);
	close(w3);
}

LMAP_TEST(rights, depth_beyond_the_limit_is_EMLINK)
{
	char *mem = memory(1), *from = mem, *v[LMAP_DEPTH_MAX + 1];
	int w[LMAP_DEPTH_MAX + 1], i;

	for (i = 0; i < LMAP_DEPTH_MAX; i++) {
		w[i] = window_of(self->space, ALL, &v[i]);
		ASSERT_EQ(0, map_range(self->space, from, PG, ALL, w[i], 0, 0,
				       NULL));
		from = v[i];
	}
	w[i] = window_of(self->space, ALL, &v[i]);
	EXPECT_EQ(-EMLINK, map_range(self->space, from, PG, ALL, w[i], 0, 0,
				     NULL));
	EXPECT_EQ(LMAP_DEPTH_MAX, info(self->space).out_mappings);
	EXPECT_EQ(0, poke(v[LMAP_DEPTH_MAX - 1], 123));
	EXPECT_EQ(123, mem[0]);
	/* and one call takes all of it */
	EXPECT_EQ(0, unmap_range(self->space, mem, PG, LMAP_R, 0, NULL));
	for (i = 0; i < LMAP_DEPTH_MAX; i++) {
		EXPECT_EQ(NOTHING, peek(v[i]));
		close(w[i]);
	}
	close(w[i]);
}

LMAP_TEST(rights, exec_views_show_only_pages_with_x)
{
	char *mem = memory(2);
	int w = window_create(self->space, 4 * PG, ALL);
	char *rx = mmap(NULL, 4 * PG, PROT_READ | PROT_EXEC, MAP_SHARED, w, 0);
	char *ro = mmap(NULL, 4 * PG, PROT_READ, MAP_SHARED, w, 0);

	if (rx == MAP_FAILED)
		SKIP(return, "no executable views: %s", strerror(errno));
#if defined(__x86_64__)
	memcpy(mem, "\xb8\x2a\x00\x00\x00\xc3", 6);
	memcpy(mem + PG, "\xb8\x2b\x00\x00\x00\xc3", 6);
#elif defined(__aarch64__)
	memcpy(mem, "\x40\x05\x80\x52\xc0\x03\x5f\xd6", 8);
	memcpy(mem + PG, "\x60\x05\x80\x52\xc0\x03\x5f\xd6", 8);
#endif
	__builtin___clear_cache(mem, mem + 2 * PG);
	ASSERT_EQ(0, mprotect(mem, 2 * PG, PROT_READ | PROT_EXEC));
	ASSERT_EQ(0, map_range(self->space, mem, PG, RX, w, 0, 0, NULL));
	ASSERT_EQ(0, map_range(self->space, mem + PG, PG, LMAP_R, w, PG, 0,
			       NULL));
	EXPECT_EQ(42, call(rx));
	EXPECT_EQ(NO_RIGHT, call(rx + PG));
	EXPECT_EQ(NO_RIGHT, peek(rx + PG));
	EXPECT_EQ((unsigned char)mem[PG + 1], peek(ro + PG + 1));
	/* other views never execute */
	EXPECT_EQ(NO_RIGHT, call(ro));
	/* the lender takes its own right to execute away: nobody may */
	ASSERT_EQ(0, mprotect(mem, PG, PROT_READ));
	EXPECT_EQ(NO_RIGHT, call(rx));
	ASSERT_EQ(0, mprotect(mem, PG, PROT_READ | PROT_EXEC));
	EXPECT_EQ(42, call(rx));
	/* x is taken alone: r stays, in views without x */
	ASSERT_EQ(0, unmap_range(self->space, mem, PG, LMAP_X, 0, NULL));
	EXPECT_EQ(NO_RIGHT, call(rx));
	EXPECT_EQ(true, peek(ro) >= 0);
	close(w);
}

TEST_HARNESS_MAIN
