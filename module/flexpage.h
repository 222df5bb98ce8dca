/* SPDX-License-Identifier: GPL-2.0 */
/*
 * lmap - flexpage arithmetic: decoding the word, and which part of two
 * flexpages of different size is meant (the hot spot).
 *
 * Pure functions of their arguments, also built in user space and checked
 * there exhaustively; they must never look at a process, a window or a lock.
 */
#ifndef LMAP_FLEXPAGE_H
#define LMAP_FLEXPAGE_H

#include <linux/errno.h>
#include <linux/types.h>
#include <linux/lmap.h>

/* The order that stands in for "everything": larger than any address space. */
#define LMAP_ORDER_MAX	63

/**
 * struct lmap_flexpage - a flexpage, taken apart
 * @base: first byte, a multiple of 2^@order
 * @order: log2 of the size in bytes; LMAP_ORDER_MAX for the whole space
 * @rights: LMAP_R and so on, as written (r not yet implied by w and x)
 */
struct lmap_flexpage {
	u64 base;
	unsigned int order;
	unsigned int rights;
};

/* w and x imply r before any minimum is taken: asking w from r gives r. */
static inline unsigned int lmap_rights_imply(unsigned int rights)
{
	return rights & (LMAP_W | LMAP_X) ? rights | LMAP_R : rights;
}

/**
 * lmap_flexpage_decode - take a flexpage word apart
 * @word: from the user
 * @page_shift: the smallest order
 * @out: result, untouched on error
 *
 * Return: 0, or -EINVAL if @word is nil, too small, too large or unaligned.
 */
static inline int lmap_flexpage_decode(u64 word, unsigned int page_shift,
				       struct lmap_flexpage *out)
{
	unsigned int order = (word & LMAP_FPAGE_ORDER_MASK) >>
			     LMAP_FPAGE_ORDER_SHIFT;
	u64 base = word & LMAP_FPAGE_BASE_MASK;

	if (order == LMAP_ORDER_WHOLE && !base)
		order = LMAP_ORDER_MAX;
	else if (order < page_shift || order >= LMAP_ORDER_MAX)
		return -EINVAL;
	if (base & ((1ULL << order) - 1))
		return -EINVAL;

	out->base = base;
	out->order = order;
	out->rights = word & LMAP_FPAGE_RIGHTS_MASK;
	return 0;
}

static inline u64 lmap_flexpage_encode(u64 base, unsigned int order,
				       unsigned int rights)
{
	if (order >= LMAP_ORDER_MAX)
		order = LMAP_ORDER_WHOLE;
	return base | (u64)order << LMAP_FPAGE_ORDER_SHIFT | rights;
}

/**
 * lmap_flexpage_fit - settle a size mismatch by the send base
 * @snd: send flexpage, shrunk to the receive flexpage's size if larger
 * @rcv: receive flexpage, shrunk to the send flexpage's size if larger
 * @send_base: the hot spot
 *
 * Of the larger flexpage the part is meant that has the size of the smaller
 * and contains the hot spot. Afterwards both have the same order. A base can
 * only move inside its own flexpage, so nothing here can wrap.
 */
static inline void lmap_flexpage_fit(struct lmap_flexpage *snd,
				     struct lmap_flexpage *rcv, u64 send_base)
{
	struct lmap_flexpage *large = snd->order > rcv->order ? snd : rcv;
	unsigned int order = snd->order > rcv->order ? rcv->order : snd->order;
	u64 in_large = send_base & ((1ULL << large->order) - 1);

	large->base += in_large & ~((1ULL << order) - 1);
	large->order = order;
}

#endif /* LMAP_FLEXPAGE_H */
