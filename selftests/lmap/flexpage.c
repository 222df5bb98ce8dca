// SPDX-License-Identifier: GPL-2.0
/*
 * Flexpages: where what is sent lands, for every combination of orders, bases
 * and hot spots, against a formula that is as naive as can be.
 */
#include "util.h"
#include "kselftest_harness.h"

#define N	16

/*
 * Source: mem (pages 1 to 16, aligned to their length), or the same in a
 * window of ours. Target: a window that is full of other memory (101 to 116).
 */
FIXTURE(flexpage) {
	int space;
	char *mem;
	char *other;
	int ws;
	char *src;
	int w;
	char *v;
};

FIXTURE_SETUP(flexpage)
{
	catch_faults();
	self->space = space_open();
	ASSERT_GE(self->space, 0);
	self->mem = memory_aligned(N, N * PG);
	self->other = memory(N);
	for (int p = 0; p < N; p++)
		memset(self->other + p * PG, 101 + p, PG);
	self->ws = window_create(self->space, N * PG, ALL);
	self->w = window_create(self->space, N * PG, ALL);
	/* a place for the view as well aligned as the memory */
	self->src = memory_aligned(N, N * PG);
	ASSERT_EQ(self->src, mmap(self->src, N * PG, PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_FIXED, self->ws, 0));
	self->v = window_mmap(self->w, N * PG, PROT_READ);
	ASSERT_NE(MAP_FAILED, self->v);
	ASSERT_EQ(0, map_range(self->space, self->mem, N * PG, RWM, self->ws,
			       0, LMAP_POPULATE, NULL));
	ASSERT_EQ(0, map_range(self->space, self->other, N * PG, LMAP_R,
			       self->w, 0, LMAP_POPULATE, NULL));
}

FIXTURE_TEARDOWN(flexpage)
{
	EXPECT_EQ(0, unmap_fpage(self->space, LMAP_WHOLE, LMAP_SELF));
	EXPECT_EQ(0, info(self->space).out_mappings);
	close(self->space);
	close(self->ws);
	close(self->w);
}

struct spot {
	uint64_t to;		/* page of the window */
	uint64_t from;		/* page of the source */
	uint64_t n;
};

/* In pages. The part of the larger one that contains the hot spot. */
static struct spot naive(uint64_t snd, uint64_t slen, uint64_t rcv,
			 uint64_t rlen, uint64_t hot)
{
	struct spot s = { .to = rcv, .from = snd };

	if (rlen >= slen) {
		s.n = slen;
		while (s.to + s.n <= rcv + hot % rlen)
			s.to += s.n;
	} else {
		s.n = rlen;
		while (s.from + s.n <= snd + hot % slen)
			s.from += s.n;
	}
	return s;
}

/* The window holds the source where it must, and nothing else has changed. */
static int window_is(char *v, const struct spot *s)
{
	for (uint64_t p = 0; p < N; p++) {
		int want = p >= s->to && p < s->to + s->n ?
			   s->from + (p - s->to) + 1 : 101 + p;
		int got = peek(v + p * PG);

		if (got != want) {
			fprintf(stderr, "# page %d: %d, not %d\n", (int)p, got,
				want);
			return 0;
		}
	}
	return 1;
}

/* Everything as it was: the other memory again where the source has landed. */
static int restore(int space, int w, char *other, const struct spot *s)
{
	return map_range(space, other + s->to * PG, s->n * PG, LMAP_R, w,
			 s->to * PG, 0, NULL);
}

#define FOR_ORDERS_AND_BASES(so, sb, ro, rb) \
	for (int so = 12; so <= 15; so++) \
	for (int sb = 0; sb < N; sb += 1 << (so - 12)) \
	for (int ro = 12; ro <= 15; ro++) \
	for (int rb = 0; rb < N; rb += 1 << (ro - 12))

static void matrix(struct __test_metadata *_metadata,
		   struct _test_data_flexpage *self, unsigned long cmd, char *from)
{
	/* each hot spot takes its turn; slow kernels see one in five pages */
	int skip = slow() > 1 ? 5 : 1, turn = 0;

	FOR_ORDERS_AND_BASES(so, sb, ro, rb)
	for (int hot = turn++ % skip; hot < N; hot += skip) {
		struct spot s = naive(sb, 1 << (so - 12), rb, 1 << (ro - 12),
				      hot);
		struct lmap_map m = {
			.size = sizeof(m), .window = self->w,
			.snd = fpage(from + sb * PG, so, LMAP_R),
			.rcv = fpage((void *)(rb * PG), ro, 0),
			.send_base = hot * PG + hot * 37,
		};

		ASSERT_EQ(0, ioctl(self->space, cmd, &m));
		ASSERT_EQ(s.n * PG, m.out_bytes);
		ASSERT_EQ(fpage((void *)(s.to * PG), so < ro ? so : ro,
				LMAP_R), m.out_fpage);
		ASSERT_TRUE(window_is(self->v, &s))
			TH_LOG("snd %d+2^%d rcv %d+2^%d hot %d", sb, so, rb,
			       ro, hot);
		ASSERT_EQ(0, restore(self->space, self->w, self->other, &s));
	}
}

TEST_F_TIMEOUT(flexpage, map_of_memory_every_order_base_and_hot_spot, 900)
{
	matrix(_metadata, self, LMAP_MAP, self->mem);
}

TEST_F_TIMEOUT(flexpage, map_from_a_window_every_order_base_and_hot_spot, 900)
{
	matrix(_metadata, self, LMAP_MAP, self->src);
}

TEST_F_TIMEOUT(flexpage, copy_from_a_window_every_order_base_and_hot_spot, 900)
{
	matrix(_metadata, self, LMAP_COPY, self->src);
}

/* The source is made anew for each, so fewer of them. */
TEST_F_TIMEOUT(flexpage, grant_from_a_window_what_is_not_the_hot_part_stays,
	       900)
{
	int turn = 0;

	FOR_ORDERS_AND_BASES(so, sb, ro, rb) {
		int hot = turn++ * 7 % N;
		struct spot s = naive(sb, 1 << (so - 12), rb, 1 << (ro - 12),
				      hot);
		struct lmap_map m = {
			.size = sizeof(m), .window = self->w,
			.snd = fpage(self->src + sb * PG, so, LMAP_R),
			.rcv = fpage((void *)(rb * PG), ro, 0),
			.send_base = hot * PG,
		};

		ASSERT_EQ(0, ioctl(self->space, LMAP_GRANT, &m));
		ASSERT_EQ(s.n * PG, m.out_bytes);
		ASSERT_TRUE(window_is(self->v, &s));
		for (int p = 0; p < N; p++)
			ASSERT_EQ(p >= s.from && p < s.from + s.n ? NOTHING :
				  p + 1, peek(self->src + p * PG));
		ASSERT_EQ(0, restore(self->space, self->w, self->other, &s));
		ASSERT_EQ(0, map_range(self->space, self->mem + s.from * PG,
				       s.n * PG, RWM, self->ws, s.from * PG, 0,
				       NULL));
	}
}

/* All of the window: its own order, at its beginning. */
LMAP_TEST(flexpage, LMAP_WHOLE_as_receive_flexpage)
{
	for (int so = 12; so <= 15; so++)
	for (int sb = 0; sb < N; sb += 1 << (so - 12))
	for (int hot = 0; hot < 3 * N; hot += 3) {
		struct spot s = naive(sb, 1 << (so - 12), 0, N, hot);
		struct lmap_map m;

		ASSERT_EQ(0, map_fpage(self->space,
				       fpage(self->mem + sb * PG, so, LMAP_R),
				       self->w, LMAP_WHOLE, hot * PG, &m));
		ASSERT_EQ(fpage((void *)(s.to * PG), so, LMAP_R), m.out_fpage);
		ASSERT_TRUE(window_is(self->v, &s));
		ASSERT_EQ(0, restore(self->space, self->w, self->other, &s));
	}
}

/* All of the space: the hot spot is an address. */
LMAP_TEST(flexpage, LMAP_WHOLE_as_send_flexpage)
{
	for (int i = 0; i < 2; i++)
	for (int ro = 12; ro <= 15; ro++)
	for (int rb = 0; rb < N; rb += 1 << (ro - 12))
	for (int hot = 0; hot < N; hot++) {
		int n = 1 << (ro - 12);
		struct spot s = { rb, hot / n * n, n };
		struct lmap_map m;

		ASSERT_EQ(0, map_fpage(self->space,
				       (LMAP_WHOLE & ~0xfULL) | LMAP_R,
				       self->w, fpage((void *)(rb * PG), ro,
						      0),
				       (uintptr_t)(i ? self->src :
						   self->mem) + hot * PG + 99,
				       &m));
		ASSERT_EQ(fpage((void *)(rb * PG), ro, LMAP_R), m.out_fpage);
		ASSERT_TRUE(window_is(self->v, &s));
		ASSERT_EQ(0, restore(self->space, self->w, self->other, &s));
	}
	EXPECT_EQ(-EFAULT, map_fpage(self->space, LMAP_WHOLE, self->w,
				     fpage(NULL, 12, 0), 0, NULL));
}

LMAP_TEST(flexpage, LMAP_WHOLE_on_both_sides)
{
	struct spot all = { 0, 0, N };
	struct lmap_map m;

	for (int hot = 0; hot < N; hot += 5) {
		ASSERT_EQ(0, map_fpage(self->space, LMAP_WHOLE, self->w,
				       LMAP_WHOLE,
				       (uintptr_t)self->mem + hot * PG, &m));
		ASSERT_EQ(N * PG, m.out_bytes);
		ASSERT_TRUE(window_is(self->v, &all));
		ASSERT_EQ(0, restore(self->space, self->w, self->other, &all));
	}
}

LMAP_TEST(flexpage, a_receive_flexpage_beyond_the_window_is_ENOSPC)
{
	struct spot none = { 0, 0, 0 };

	for (int ro = 12; ro <= 15; ro++)
		EXPECT_EQ(-ENOSPC, map_fpage(self->space,
					     fpage(self->mem, ro, LMAP_R),
					     self->w,
					     fpage((void *)(N * PG), ro, 0), 0,
					     NULL));
	EXPECT_EQ(-ENOSPC, map_fpage(self->space, fpage(self->mem, 12, LMAP_R),
				     self->w, fpage(NULL, 17, 0), N * PG,
				     NULL));
	EXPECT_TRUE(window_is(self->v, &none));
	/* larger than the window: only where the page lands counts */
	EXPECT_EQ(0, map_fpage(self->space, fpage(self->mem, 12, LMAP_R),
			       self->w, fpage(NULL, 17, 0), PG, NULL));
	EXPECT_EQ(1, peek(self->v + PG));
}

/* Taken by flexpage: of memory, and of the window that holds it. */
LMAP_TEST(flexpage, unmap_of_every_order_and_base)
{
	for (int which = 0; which < 2; which++)
	for (int o = 12; o <= 15; o++)
	for (int b = 0; b < N; b += 1 << (o - 12)) {
		int n = 1 << (o - 12);
		char *from = which ? self->src : self->mem;

		ASSERT_EQ(0, map_range(self->space, self->mem, N * PG, RWM,
				       self->ws, 0, 0, NULL));
		ASSERT_EQ(0, map_range(self->space, self->src, N * PG, LMAP_R,
				       self->w, 0, 0, NULL));
		ASSERT_EQ(0, unmap_fpage(self->space,
					 fpage(from + b * PG, o, ALL), 0));
		for (int p = 0; p < N; p++) {
			bool in = p >= b && p < b + n;

			ASSERT_EQ(in ? NOTHING : p + 1,
				  peek(self->v + p * PG));
			ASSERT_EQ(in && !which ? NOTHING : p + 1,
				  peek(self->src + p * PG));
		}
	}
}

TEST_HARNESS_MAIN
