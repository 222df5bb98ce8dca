/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of reports share: four windows that are watched, and what a
 * message must say. To be included once, after the harness.
 */
#ifndef LMAP_TEST_EVENTS_H
#define LMAP_TEST_EVENTS_H

#define N	8

/* mem is lent to nobody yet; w[i] is seen at v[i]. */
#define FIXTURE_EVENTS(name) \
	FIXTURE(name) { \
		int space; \
		char *mem; \
		int w[4]; \
		char *v[4]; \
		long id[4]; \
		int nl; \
	}; \
	FIXTURE_SETUP(name) \
	{ \
		catch_faults(); \
		self->space = space_open(); \
		ASSERT_GE(self->space, 0); \
		self->mem = memory_aligned(N, N * PG); \
		self->nl = nl_open(); \
		ASSERT_GE(self->nl, 0); \
		for (int i = 0; i < 4; i++) { \
			self->w[i] = window_create(self->space, 2 * N * PG, ALL); \
			self->v[i] = window_mmap(self->w[i], 2 * N * PG, \
						 PROT_READ | PROT_WRITE); \
			ASSERT_NE(MAP_FAILED, self->v[i]); \
			self->id[i] = nl_watch(self->nl, self->w[i], 0); \
			ASSERT_GT(self->id[i], 0); \
		} \
	} \
	FIXTURE_TEARDOWN(name) \
	{ \
		close(self->nl); \
		close(self->space); \
		for (int i = 0; i < 4; i++) \
			close(self->w[i]); \
	}

/* What a message about memory must say. */
struct expected {
	int cmd, reason, window, page, pages, before, rights, mappings;
};

static bool told_is(const struct told *t, long window, const struct expected *e)
{
	if (t->cmd == e->cmd && TOLD(t, REASON) == e->reason &&
	    TOLD(t, WINDOW) == window && TOLD(t, OFFSET) == e->page * PG &&
	    TOLD(t, LENGTH) == e->pages * PG &&
	    TOLD(t, RIGHTS_BEFORE) == e->before &&
	    TOLD(t, RIGHTS) == e->rights &&
	    TOLD(t, MAPPINGS) == e->mappings)
		return true;
	printf("# cmd %d reason %d window %ld page %ld pages %ld before %ld rights %ld mappings %ld\n",
	       t->cmd, (int)TOLD(t, REASON), (long)TOLD(t, WINDOW),
	       (long)(TOLD(t, OFFSET) / PG), (long)(TOLD(t, LENGTH) / PG),
	       (long)TOLD(t, RIGHTS_BEFORE), (long)TOLD(t, RIGHTS),
	       (long)TOLD(t, MAPPINGS));
	return false;
}

/* The next message is this one. */
#define EXPECT_TOLD(nl, ...) \
	do { \
		struct expected e_ = { __VA_ARGS__ }; \
		struct told t_ = {}; \
		ASSERT_EQ(1, nl_next(nl, &t_)); \
		EXPECT_TRUE(told_is(&t_, self->id[e_.window], &e_)); \
	} while (0)
#define EXPECT_NOTHING(nl) \
	do { \
		struct told t_; \
		EXPECT_EQ(0, nl_next(nl, &t_)); \
	} while (0)

#define REVOKED	LMAP_CMD_REVOKED
#define MAPPED	LMAP_CMD_MAPPED
#define WHY(name)	LMAP_REASON_##name
#define MAP(addr, pages, rights, to, page) \
	op(self->space, LMAP_MAP, addr, (pages) * PG, rights, \
	   self->w[to], (page) * PG, 0)
#define UNMAP(addr, pages, rights, flags) \
	unmap_range(self->space, addr, (pages) * PG, rights, flags, NULL)

#endif /* LMAP_TEST_EVENTS_H */
