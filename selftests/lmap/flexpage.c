// SPDX-License-Identifier: GPL-2.0
/*
 * Flexpages: where what is sent lands, for every combination of orders, bases
 * and hot spots, against a formula that is as naive as can be.
 */
#include "util.h"
#include "harness.h"

#define N	16

/*
 * Sources: mem (pages 1 to 16), or the same in a window of ours, and other
 * (pages 101 to 116), all aligned to their length. Target: a window that is
 * always full, so that one look at it, without catching signals, tells all.
 */
FIXTURE(flexpage) {
	int space;
	char *mem;
	char *other;
	int ws;
	char *src;
	int w;
	char *v;
	int held[N];		/* what page of the target holds */
};

FIXTURE_SETUP(flexpage)
{
	catch_faults();
	self->space = space_open();
	ASSERT_GE(self->space, 0);
	self->mem = memory_aligned(N, N * PG);
	self->other = memory_aligned(N, N * PG);
	for (int p = 0; p < N; p++) {
		memset(self->other + p * PG, 101 + p, PG);
		self->held[p] = 101 + p;
	}
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

/*
 * The source lands in the window; nothing else of it has changed. What is
 * there stays, for the next case: each writes down what the window must hold.
 */
static int landed(struct _test_data_flexpage *self, const struct spot *s,
		  int value)
{
	const volatile char *v = self->v;
	int p;

	for (p = 0; p < s->n; p++)
		self->held[s->to + p] = value + s->from + p;
	for (p = 0; p < N && v[p * PG] == self->held[p]; p++)
		;
	if (p < N)
		fprintf(stderr, "# page %d: %d, not %d\n", p, v[p * PG],
			self->held[p]);
	return p == N;
}

/* Everything as it was: the other memory again where the source has landed. */
static int restore(struct _test_data_flexpage *self, const struct spot *s)
{
	for (int p = s->to; p < s->to + s->n; p++)
		self->held[p] = 101 + p;
	return map_range(self->space, self->other + s->to * PG, s->n * PG,
			 LMAP_R, self->w, s->to * PG, 0, NULL);
}

#define FOR_ORDERS_AND_BASES(so, sb, ro, rb) \
	for (int so = PO; so <= PO + 3; so++) \
	for (int sb = 0; sb < N; sb += 1 << (so - PO)) \
	for (int ro = PO; ro <= PO + 3; ro++) \
	for (int rb = 0; rb < N; rb += 1 << (ro - PO))

/*
 * Each hot spot takes its turn, from mem (or its window) and from other in
 * turn, so that what is new differs from what the window held. Of hot spots
 * that mean the same part slow kernels see but one.
 */
static void matrix(struct __test_metadata *_metadata,
		   struct _test_data_flexpage *self, unsigned long cmd,
		   char *from, char *from_other)
{
	int turn = 0;

	FOR_ORDERS_AND_BASES(so, sb, ro, rb) {
		int step = slow() > 1 ? 1 << ((so < ro ? so : ro) - PO) : 1;
		int hots = slow() > 1 ? 1 << ((so > ro ? so : ro) - PO) : N;

		for (int hot = 0; hot < hots; hot += step, turn++) {
			int at = hot + turn % step + turn % (N / hots) * hots;
			struct spot s = naive(sb, 1 << (so - PO), rb,
					      1 << (ro - PO), at);
			char *mem = turn & 1 ? from_other : from;
			struct lmap_map m = {
				.size = sizeof(m), .window = self->w,
				.snd = fpage(mem + sb * PG, so, LMAP_R),
				.rcv = fpage((void *)(rb * PG), ro, 0),
				.send_base = at * PG + at * 37,
			};

			ASSERT_EQ(0, ioctl(self->space, cmd, &m));
			ASSERT_EQ(s.n * PG, m.out_bytes);
			ASSERT_EQ(fpage((void *)(s.to * PG), so < ro ? so : ro,
					LMAP_R), m.out_fpage);
			ASSERT_TRUE(landed(self, &s, turn & 1 ? 101 : 1))
				TH_LOG("snd %d+2^%d rcv %d+2^%d hot %d", sb,
				       so, rb, ro, at);
		}
	}
}

TEST_F_TIMEOUT(flexpage, map_of_memory_every_order_base_and_hot_spot, 900)
{
	matrix(_metadata, self, LMAP_MAP, self->mem, self->other);
}

/* A second window, for the other memory. */
static char *other_view(struct __test_metadata *_metadata,
			struct _test_data_flexpage *self)
{
	char *view = memory_aligned(N, N * PG);
	int w = window_create(self->space, N * PG, ALL);

	ASSERT_EQ(view, mmap(view, N * PG, PROT_READ, MAP_SHARED | MAP_FIXED,
			     w, 0));
	ASSERT_EQ(0, map_range(self->space, self->other, N * PG, RWM, w, 0,
			       LMAP_POPULATE, NULL));
	close(w);
	return view;
}

TEST_F_TIMEOUT(flexpage, map_from_a_window_every_order_base_and_hot_spot, 900)
{
	matrix(_metadata, self, LMAP_MAP, self->src,
	       other_view(_metadata, self));
}

TEST_F_TIMEOUT(flexpage, copy_from_a_window_every_order_base_and_hot_spot, 900)
{
	matrix(_metadata, self, LMAP_COPY, self->src,
	       other_view(_metadata, self));
}

/* The source is made anew for each, so fewer of them. */
TEST_F_TIMEOUT(flexpage, grant_from_a_window_what_is_not_the_hot_part_stays,
	       900)
{
	int turn = 0;

	FOR_ORDERS_AND_BASES(so, sb, ro, rb) {
		int hot = turn++ * 7 % N;
		struct spot s = naive(sb, 1 << (so - PO), rb, 1 << (ro - PO),
				      hot);
		struct lmap_map m = {
			.size = sizeof(m), .window = self->w,
			.snd = fpage(self->src + sb * PG, so, LMAP_R),
			.rcv = fpage((void *)(rb * PG), ro, 0),
			.send_base = hot * PG,
		};

		ASSERT_EQ(0, ioctl(self->space, LMAP_GRANT, &m));
		ASSERT_EQ(s.n * PG, m.out_bytes);
		ASSERT_TRUE(landed(self, &s, 1));
		for (int p = 0; p < N; p++)
			ASSERT_EQ(p >= s.from && p < s.from + s.n ? NOTHING :
				  p + 1, peek(self->src + p * PG));
		ASSERT_EQ(0, restore(self, &s));
		ASSERT_EQ(0, map_range(self->space, self->mem + s.from * PG,
				       s.n * PG, RWM, self->ws, s.from * PG, 0,
				       NULL));
	}
}

/* All of the window: its own order, at its beginning. */
LMAP_TEST(flexpage, LMAP_WHOLE_as_receive_flexpage)
{
	for (int so = PO; so <= PO + 3; so++)
	for (int sb = 0; sb < N; sb += 1 << (so - PO))
	for (int hot = 0; hot < 3 * N; hot += 3) {
		struct spot s = naive(sb, 1 << (so - PO), 0, N, hot);
		struct lmap_map m;

		ASSERT_EQ(0, map_fpage(self->space,
				       fpage(self->mem + sb * PG, so, LMAP_R),
				       self->w, LMAP_WHOLE, hot * PG, &m));
		ASSERT_EQ(fpage((void *)(s.to * PG), so, LMAP_R), m.out_fpage);
		ASSERT_TRUE(landed(self, &s, 1));
		ASSERT_EQ(0, restore(self, &s));
	}
}

/* All of the space: the hot spot is an address. */
LMAP_TEST(flexpage, LMAP_WHOLE_as_send_flexpage)
{
	for (int i = 0; i < 2; i++)
	for (int ro = PO; ro <= PO + 3; ro++)
	for (int rb = 0; rb < N; rb += 1 << (ro - PO))
	for (int hot = 0; hot < N; hot++) {
		int n = 1 << (ro - PO);
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
		ASSERT_TRUE(landed(self, &s, 1));
		ASSERT_EQ(0, restore(self, &s));
	}
	EXPECT_EQ(-EFAULT, map_fpage(self->space, LMAP_WHOLE, self->w,
				     fpage(NULL, PO, 0), 0, NULL));
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
		ASSERT_TRUE(landed(self, &all, 1));
		ASSERT_EQ(0, restore(self, &all));
	}
}

LMAP_TEST(flexpage, a_receive_flexpage_beyond_the_window_is_ENOSPC)
{
	struct spot none = { 0, 0, 0 };

	for (int ro = PO; ro <= PO + 3; ro++)
		EXPECT_EQ(-ENOSPC, map_fpage(self->space,
					     fpage(self->mem, ro, LMAP_R),
					     self->w,
					     fpage((void *)(N * PG), ro, 0), 0,
					     NULL));
	EXPECT_EQ(-ENOSPC, map_fpage(self->space, fpage(self->mem, PO, LMAP_R),
				     self->w, fpage(NULL, PO + 5, 0), N * PG,
				     NULL));
	EXPECT_TRUE(landed(self, &none, 1));
	/* larger than the window: only where the page lands counts */
	EXPECT_EQ(0, map_fpage(self->space, fpage(self->mem, PO, LMAP_R),
			       self->w, fpage(NULL, PO + 5, 0), PG, NULL));
	EXPECT_EQ(1, peek(self->v + PG));
}

/* Taken by flexpage: of memory, and of the window that holds it. */
LMAP_TEST(flexpage, unmap_of_every_order_and_base)
{
	for (int which = 0; which < 2; which++)
	for (int o = PO; o <= PO + 3; o++)
	for (int b = 0; b < N; b += 1 << (o - PO)) {
		int n = 1 << (o - PO);
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
