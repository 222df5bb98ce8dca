// SPDX-License-Identifier: GPL-2.0
/*
 * What clients do; see work.h. Ordinary programs on a plain pointer; all that
 * is particular is that each access can be noted. So that what is noted is what
 * happens, accesses go through get() and put() here, which the compiler may not
 * move or leave out.
 */
#include "work.h"
#include "util.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* An access to the page of @p is about to happen. */
static inline void note(const struct heap *h, const void *p, bool write)
{
	if (h->trace)
		trace_add(h->trace, ((const char *)p - h->base) / page_size(),
			  write);
}

static inline uint64_t get(const struct heap *h, const uint64_t *p)
{
	note(h, p, false);
	return *(const volatile uint64_t *)p;
}

static inline void put(const struct heap *h, uint64_t *p, uint64_t value)
{
	note(h, p, true);
	*(volatile uint64_t *)p = value;
}

static size_t words_per_page(void)
{
	return page_size() / sizeof(uint64_t);
}

/*
 * Sort: reads a file into the upper half, a page at a time, and sorts its
 * records by merging, to and fro between the halves.
 */

#define RECORD_WORDS	8

static void record_move(const struct heap *h, uint64_t *to,
			const uint64_t *from)
{
	uint64_t record[RECORD_WORDS];
	int i;

	for (i = 0; i < RECORD_WORDS; i++)
		record[i] = get(h, from + i);
	for (i = 0; i < RECORD_WORDS; i++)
		put(h, to + i, record[i]);
}

/* Records lo..mid-1 and mid..hi-1 of @from are sorted; all of @to will be. */
static void merge(const struct heap *h, uint64_t *to, const uint64_t *from,
		  size_t lo, size_t mid, size_t hi)
{
	size_t a = lo, b = mid, i;

	for (i = lo; i < hi; i++) {
		bool left = b == hi ||
			    (a < mid && get(h, from + a * RECORD_WORDS) <=
					get(h, from + b * RECORD_WORDS));
		size_t next = left ? a++ : b++;

		record_move(h, to + i * RECORD_WORDS,
			    from + next * RECORD_WORDS);
	}
}

/* Sorts records lo..hi-1, which are the same in both; the result is in @to. */
static void sort(const struct heap *h, uint64_t *to, uint64_t *from, size_t lo,
		 size_t hi)
{
	size_t mid = lo + (hi - lo) / 2;

	if (hi - lo < 2)
		return;
	sort(h, from, to, lo, mid);
	sort(h, from, to, mid, hi);
	merge(h, to, from, lo, mid, hi);
}

static bool run_sort(struct heap *h)
{
	size_t half = h->pages / 2, i, nr;
	uint64_t *low = (uint64_t *)h->base;
	uint64_t *high = low + half * words_per_page();

	for (i = 0; i < half; i++) {
		char *page = (char *)high + i * page_size();

		/* The kernel writes there, and waits for the pager too. */
		note(h, page, true);
		if (pread(h->input, page, page_size(), i * page_size()) !=
		    (ssize_t)page_size())
			fail("the file to sort can't be read");
	}
	nr = half * words_per_page() / RECORD_WORDS;
	for (i = 0; i < nr; i++)
		record_move(h, low + i * RECORD_WORDS, high + i * RECORD_WORDS);
	sort(h, low, high, 0, nr);
	for (i = 1; i < nr; i++)
		if (get(h, low + (i - 1) * RECORD_WORDS) >
		    get(h, low + i * RECORD_WORDS))
			return false;
	return true;
}

/*
 * Hash: a table with open addressing, 64 bytes an entry, half full, whose keys
 * are looked up and counted as often as Zipf says: the n-th key 1/n times as
 * often as the first.
 */

#define ENTRY_WORDS	8
#define ZIPF		1.1

static uint64_t hash(uint64_t key)
{
	key ^= key >> 31;
	key *= 0x9e3779b97f4a7c15ULL;
	return key ^ key >> 29;
}

/* The entry of a key, or where it would go. */
static uint64_t *entry(const struct heap *h, size_t entries, uint64_t key)
{
	size_t i = hash(key) % entries;

	for (;; i = (i + 1) % entries) {
		uint64_t *e = (uint64_t *)h->base + i * ENTRY_WORDS;
		uint64_t there = get(h, e);

		if (!there || there == key)
			return e;
	}
}

/* How often keys up to the n-th are meant, of all. */
static double *zipf_sums(size_t keys)
{
	double *sum = need(keys, sizeof(*sum)), all = 0;
	size_t i;

	for (i = 0; i < keys; i++)
		sum[i] = all += pow(i + 1, -ZIPF);
	for (i = 0; i < keys; i++)
		sum[i] /= all;
	return sum;
}

static size_t zipf_draw(const double *sum, size_t keys, uint64_t *seed)
{
	double at = (double)(draw(seed) >> 11) / (1ULL << 53);
	size_t lo = 0, hi = keys - 1;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (sum[mid] < at)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool run_hash(struct heap *h)
{
	size_t entries = h->pages * words_per_page() / ENTRY_WORDS;
	size_t keys = entries / 2, rounds = 2 * keys, i;
	uint64_t seed = h->seed, counted = 0;
	double *sum = zipf_sums(keys);

	for (i = 0; i < keys; i++)
		put(h, entry(h, entries, i + 1), i + 1);
	for (i = 0; i < rounds; i++) {
		uint64_t key = 1 + zipf_draw(sum, keys, &seed);
		uint64_t *e = entry(h, entries, key);

		put(h, e + 1, get(h, e + 1) + 1);
	}
	for (i = 0; i < keys; i++)
		counted += get(h, entry(h, entries, i + 1) + 1);
	free(sum);
	return counted == rounds;
}

/*
 * Matrix: of numbers; is transposed in small tiles, of which two fit in any
 * pool, then back in large ones, whose rows and columns do not.
 */

#define TILE	16
#define LARGE	80

static void swap(const struct heap *h, uint64_t *a, uint64_t *b)
{
	uint64_t from_a = get(h, a), from_b = get(h, b);

	put(h, a, from_b);
	put(h, b, from_a);
}

static void transpose(const struct heap *h, size_t n, size_t tile)
{
	uint64_t *m = (uint64_t *)h->base;
	size_t ti, tj, i, j;

	for (ti = 0; ti < n; ti += tile)
		for (tj = 0; tj <= ti; tj += tile)
			for (i = ti; i < ti + tile && i < n; i++)
				for (j = tj; j < tj + tile && j < i; j++)
					swap(h, m + i * n + j, m + j * n + i);
}

static bool run_matrix(struct heap *h)
{
	size_t n = sqrt((double)h->pages * words_per_page()), i;
	uint64_t *m = (uint64_t *)h->base;
	uint64_t seed = h->seed;

	for (i = 0; i < n * n; i++)
		put(h, m + i, draw(&seed));
	transpose(h, n, TILE);
	transpose(h, n, LARGE);
	seed = h->seed;
	for (i = 0; i < n * n; i++)
		if (get(h, m + i) != draw(&seed))
			return false;
	transpose(h, n, TILE);
	return true;
}

/* Scan: all of it, over and over. The worst that can happen to LRU. */
static bool run_scan(struct heap *h)
{
	size_t step = words_per_page() / 8, nr = h->pages * 8, i;
	uint64_t *m = (uint64_t *)h->base, round;

	for (round = 0; round < 8; round++)
		for (i = 0; i < nr; i++) {
			if (get(h, m + i * step) != (round ? i + round : 0))
				return false;
			put(h, m + i * step, i + round + 1);
		}
	return true;
}

/*
 * Stamps: pages at random; each word of a page says which page it is and how
 * often it was stamped. All of it is looked at before it is stamped anew.
 */
static uint64_t stamp(size_t page, uint64_t times, size_t word)
{
	return times ? hash(page * 0x100000001b3ULL + times) + word : 0;
}

static bool run_stamps(struct heap *h)
{
	uint64_t *times = need(h->pages, sizeof(*times)), seed = h->seed;
	size_t words = words_per_page(), rounds = 8 * h->pages, i, w;
	bool good = true;

	for (i = 0; i < rounds && good; i++) {
		size_t page = draw(&seed) % h->pages;
		uint64_t *p = (uint64_t *)h->base + page * words;

		for (w = 0; w < words; w++)
			if (get(h, p + w) != stamp(page, times[page], w))
				good = false;
		/* A third is only read: such pages need not be written back. */
		if (draw(&seed) % 3 == 0)
			continue;
		times[page]++;
		for (w = 0; w < words; w++)
			put(h, p + w, stamp(page, times[page], w));
	}
	free(times);
	return good;
}

const struct work works[] = {
	{ "sort", "sorts the records of a file by merging", run_sort },
	{ "hash", "hash table, keys used as Zipf says", run_hash },
	{ "matrix", "transposes a matrix in small and large tiles", run_matrix },
	{ "scan", "reads and writes all of it eight times", run_scan },
	{ "stamps", "checks and stamps pages at random", run_stamps },
	{ NULL, NULL, NULL }
};

const struct work *work_find(const char *name)
{
	const struct work *w = works;

	while (w->name && strcmp(w->name, name))
		w++;
	return w->name ? w : NULL;
}
