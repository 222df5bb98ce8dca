// SPDX-License-Identifier: GPL-2.0
/*
 * lmap - reference bits. refs.h is the contract; words and timeline are there.
 *
 * Nothing here may allocate, sleep or know what a page table is. Built
 * unchanged in user space by selftests/mdb.
 */
#include "index.h"

#include <linux/build_bug.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>

#define WORD	LMAP_REFS_WORD
#define FRESH	(1 << LMAP_REFS_FRESH_A | 1 << LMAP_REFS_FRESH_M)
#define SEEN	(1 << LMAP_REFS_SEEN_A | 1 << LMAP_REFS_SEEN_M)

void lmap_refs_table_init(struct lmap_refs_table *table, unsigned long first,
			  unsigned long last)
{
	table->base = first / WORD;
	table->nwords = lmap_refs_nwords(first, last);
}

bool lmap_refs_table_publish(struct lmap_refs *refs,
			     struct lmap_refs_table *table)
{
	/* Readers see it initialised. What is in refs->whole follows later. */
	return !cmpxchg(&refs->table, NULL, table);
}

/*
 * What was seen before there was a table, or by somebody who did not know of it
 * yet, stands for each page.
 */
static void whole_to_table(struct lmap_refs *refs)
{
	struct lmap_refs_table *table = READ_ONCE(refs->table);
	int bits = atomic_read(&refs->whole) & SEEN;
	unsigned long word;

	if (!table || !bits)
		return;
	bits = atomic_fetch_andnot(SEEN, &refs->whole) & SEEN;
	for (word = table->base; word < table->base + table->nwords; word++) {
		if (bits & 1 << LMAP_REFS_SEEN_A)
			atomic_long_or(~0L, lmap_refs_word(table,
							   LMAP_REFS_SEEN_A,
							   word));
		if (bits & 1 << LMAP_REFS_SEEN_M)
			atomic_long_or(~0L, lmap_refs_word(table,
							   LMAP_REFS_SEEN_M,
							   word));
	}
}

/* The bits of word number @word that belong to pages first..last. */
static long word_mask(unsigned long word, unsigned long first,
		      unsigned long last)
{
	unsigned int lo = first > word * WORD ? first - word * WORD : 0;
	unsigned int hi = min(last - word * WORD, WORD - 1);

	return (long)(~0UL >> (WORD - 1 - hi) & ~0UL << lo);
}

static long word_take(struct lmap_refs_table *table,
		      enum lmap_refs_plane plane, unsigned long word, long mask)
{
	atomic_long_t *w = lmap_refs_word(table, plane, word);

	if (!(atomic_long_read(w) & mask))
		return 0;
	return atomic_long_fetch_andnot(mask, w) & mask;
}

static void word_or(struct lmap_refs_table *table, enum lmap_refs_plane plane,
		    unsigned long word, long bits)
{
	atomic_long_t *w = lmap_refs_word(table, plane, word);

	if (bits & ~atomic_long_read(w))
		atomic_long_or(bits, w);
}

/* Puts bits of one word into the seen bits of one that can ask. */
static void seen_add(struct lmap_refs *refs, unsigned long word, long accessed,
		     long modified)
{
	struct lmap_refs_table *table = READ_ONCE(refs->table);
	int whole = (accessed ? 1 << LMAP_REFS_SEEN_A : 0) |
		    (modified ? 1 << LMAP_REFS_SEEN_M : 0);

	if (!table) {
		if (whole & ~atomic_read(&refs->whole))
			atomic_or(whole, &refs->whole);
		return;
	}
	word_or(table, LMAP_REFS_SEEN_A, word, accessed);
	word_or(table, LMAP_REFS_SEEN_M, word, modified);
}

static void seen_add_all(struct lmap_node *node, unsigned long word,
			 long accessed, long modified)
{
	seen_add(&node->mdb->refs, word, accessed, modified);
	for (; node; node = node->parent)
		seen_add(&node->origin->refs, word, accessed, modified);
}

/* The same bits for each page of a range. */
static void seen_add_range(struct lmap_refs *refs, unsigned long first,
			   unsigned long last, bool modified)
{
	unsigned long word;

	for (word = first / WORD; word <= last / WORD; word++) {
		long mask = word_mask(word, first, last);

		seen_add(refs, word, mask, modified ? mask : 0);
		if (!READ_ONCE(refs->table))
			break;
	}
}

/* Not tracked: the bits stand for each page of the range. */
static bool settle_whole(struct lmap_node *node, unsigned long first,
			 unsigned long last, bool keep)
{
	atomic_t *whole = &node->origin->refs.whole;
	bool modified;
	int bits;

	bits = keep ? atomic_read(whole) & FRESH :
		      atomic_fetch_andnot(FRESH, whole) & FRESH;
	if (!bits)
		return false;
	modified = bits & 1 << LMAP_REFS_FRESH_M;
	seen_add_range(&node->mdb->refs, first, last, modified);
	for (; node; node = node->parent)
		seen_add_range(&node->origin->refs, first, last, modified);
	return true;
}

/* True if there were fresh bits among pages first..last of the mapping. */
static bool settle(struct lmap_node *node, unsigned long first,
		   unsigned long last, bool keep_whole)
{
	struct lmap_refs_table *table = node->origin->refs.table;
	unsigned long word;
	bool any = false;

	if (!node->origin->refs.tracked)
		return settle_whole(node, first, last, keep_whole);
	for (word = first / WORD; word <= last / WORD; word++) {
		long mask = word_mask(word, first, last);
		long accessed = word_take(table, LMAP_REFS_FRESH_A, word, mask);
		long modified = word_take(table, LMAP_REFS_FRESH_M, word, mask);

		if (!(accessed | modified))
			continue;
		seen_add_all(node, word, accessed, modified);
		any = true;
	}
	return any;
}

void lmap_refs_settle(struct lmap_node *node)
{
	lockdep_assert_held(&node->mdb->lock);
	/* Other parts of the mapping may live on and use the same bits. */
	settle(node, node->rfirst, lmap_node_rlast(node),
	       atomic_read(&node->origin->nodes) > 1);
}

static struct lmap_refs *query_refs(struct lmap_query *q)
{
	struct lmap_refs *refs = q->root ? &q->root->origin->refs :
					   &q->mdb->refs;

	whole_to_table(refs);
	return refs;
}

static struct lmap_node *query_next(struct lmap_query *q,
				    struct lmap_node *node,
				    unsigned long first, unsigned long last)
{
	do {
		if (node && q->breaks)
			lmap_mdb_break(q->mdb, &q->steps);
		node = node ? lmap_mdb_next(node, first, last) :
			      lmap_mdb_first(q->mdb, first, last);
	} while (node && q->root && !lmap_mdb_is_ancestor(q->root, node));
	return node;
}

static unsigned int bytes_add(u8 *pages, unsigned long base,
			      unsigned long word, long bits, u8 value)
{
	unsigned int i;

	for (i = 0; pages && i < WORD; i++)
		if (bits >> i & 1)
			pages[word * WORD + i - base] |= value;
	return bits ? value : 0;
}

/* Adds what two planes, or two bits of @whole, say about first..last. */
static unsigned int planes_tell(struct lmap_refs *refs, unsigned int whole,
				enum lmap_refs_plane plane, unsigned long first,
				unsigned long last, bool take,
				unsigned long base, u8 *pages)
{
	struct lmap_refs_table *table = READ_ONCE(refs->table);
	unsigned int all = 0;
	unsigned long word;

	BUILD_BUG_ON(LMAP_ACCESSED != 1 || LMAP_MODIFIED != 2);
	if (plane == LMAP_REFS_FRESH_A && !refs->tracked)
		table = NULL;
	if (!table && !(pages && whole >> plane & 3))
		return whole >> plane & 3;
	for (word = first / WORD; word <= last / WORD; word++) {
		long mask = word_mask(word, first, last), a, m;

		if (!table) {
			a = whole >> plane & 1 ? mask : 0;
			m = whole >> (plane + 1) & 1 ? mask : 0;
		} else if (take) {
			a = word_take(table, plane, word, mask);
			m = word_take(table, plane + 1, word, mask);
		} else {
			a = atomic_long_read(lmap_refs_word(table, plane,
							    word)) & mask;
			m = atomic_long_read(lmap_refs_word(table, plane + 1,
							    word)) & mask;
		}
		all |= bytes_add(pages, base, word, a, LMAP_ACCESSED);
		all |= bytes_add(pages, base, word, m, LMAP_MODIFIED);
		if (!pages && all == (LMAP_ACCESSED | LMAP_MODIFIED) && !take)
			break;
	}
	return all;
}

unsigned int lmap_refs_peek(struct lmap_query *q, unsigned long first,
			    unsigned long last, u8 *pages)
{
	struct lmap_refs *refs = query_refs(q);
	struct lmap_node *node = NULL;
	unsigned int all;

	lockdep_assert_held(&q->mdb->lock);
	all = planes_tell(refs, atomic_read(&refs->whole), LMAP_REFS_SEEN_A,
			  first, last, false, first, pages);
	while ((node = query_next(q, node, first, last))) {
		refs = &node->origin->refs;
		all |= planes_tell(refs, atomic_read(&refs->whole),
				   LMAP_REFS_FRESH_A,
				   max(first, node->rfirst),
				   min(last, lmap_node_rlast(node)), false,
				   first, pages);
		if (!pages && all == (LMAP_ACCESSED | LMAP_MODIFIED))
			break;
	}
	return all;
}

void lmap_refs_collect(struct lmap_query *q)
{
	struct lmap_refs *refs = query_refs(q);
	struct lmap_node *node = NULL;
	/* How far a region reaches is not known here. */
	bool inside = false;

	lockdep_assert_held(&q->mdb->lock);
	while ((node = query_next(q, node, q->rfirst, q->rlast))) {
		bool partly = node->rfirst < q->rfirst ||
			      lmap_node_rlast(node) > q->rlast ||
			      atomic_read(&node->origin->nodes) > 1;

		if (node == q->root)
			inside = !partly;
		if (settle(node, max(q->rfirst, node->rfirst),
			   min(q->rlast, lmap_node_rlast(node)), partly))
			node->flags |= LMAP_NODE_REFS;
	}
	q->whole = 0;
	if (refs->table)
		return;
	/* They stand for other pages, too, if not all are asked about. */
	q->whole = inside ? atomic_fetch_andnot(SEEN, &refs->whole) :
			    atomic_read(&refs->whole);
	q->whole &= SEEN;
}

struct lmap_node *lmap_refs_next_zap(struct lmap_query *q,
				     struct lmap_node *prev)
{
	lockdep_assert_held(&q->mdb->lock);
	do {
		prev = prev ? lmap_mdb_next(prev, q->rfirst, q->rlast) :
			      lmap_mdb_first(q->mdb, q->rfirst, q->rlast);
	} while (prev && !(prev->flags & LMAP_NODE_REFS));
	if (prev)
		prev->flags &= ~LMAP_NODE_REFS;
	return prev;
}

unsigned int lmap_refs_take(struct lmap_query *q, unsigned long first,
			    unsigned long last, u8 *pages)
{
	lockdep_assert_held(&q->mdb->lock);
	return planes_tell(query_refs(q), q->whole, LMAP_REFS_SEEN_A, first,
			   last, true, first, pages);
}
