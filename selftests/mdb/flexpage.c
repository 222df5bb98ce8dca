// SPDX-License-Identifier: GPL-2.0
/*
 * Flexpage arithmetic, exhaustively: against formulas written down in another
 * way than in flexpage.h. Prints TAP.
 */
#include <stdio.h>
#include <stdlib.h>

#include "flexpage.h"

static int tests, failed;

static void result(bool ok, const char *name)
{
	printf("%sok %d flexpage: %s\n", ok ? "" : "not ", ++tests, name);
	failed += !ok;
}

static bool decode_all(void)
{
	for (unsigned int order = 0; order < 64; order++)
	for (unsigned int shift = 0; shift < 64; shift++)
	for (unsigned int rights = 0; rights < 16; rights++) {
		u64 base = 1ULL << shift;
		u64 word = base | (u64)order << 4 | rights;
		struct lmap_flexpage f = { 7, 7, 7 };
		int ret = lmap_flexpage_decode(word, 12, &f);
		bool fits;

		/* below bit 10 it is not a base, but order and rights */
		if (shift < 10)
			continue;
		fits = order >= 12 && order < 63 && shift >= order;
		if (ret != (fits ? 0 : -EINVAL))
			return false;
		if (!fits && (f.base != 7 || f.order != 7 || f.rights != 7))
			return false;
		if (fits && (f.base != base || f.order != order ||
			     f.rights != rights ||
			     lmap_flexpage_encode(f.base, f.order, f.rights) !=
			     word))
			return false;
	}
	return true;
}

static bool whole_and_nil(void)
{
	struct lmap_flexpage f;

	return lmap_flexpage_decode(LMAP_NIL, 12, &f) == -EINVAL &&
	       lmap_flexpage_decode(LMAP_RIGHTS_ALL, 12, &f) == -EINVAL &&
	       !lmap_flexpage_decode(LMAP_WHOLE, 12, &f) && !f.base &&
	       f.order == LMAP_ORDER_MAX && f.rights == LMAP_RIGHTS_ALL &&
	       lmap_flexpage_encode(f.base, f.order, f.rights) == LMAP_WHOLE &&
	       lmap_flexpage_decode(LMAP_WHOLE | 1ULL << 12, 12, &f) == -EINVAL;
}

/* The part of the larger, of the size of the smaller, that contains h. */
static bool fit_all(void)
{
	for (unsigned int so = 0; so <= 6; so++)
	for (unsigned int ro = 0; ro <= 6; ro++)
	for (u64 sb = 0; sb < 256; sb += 1ULL << so)
	for (u64 rb = 0; rb < 256; rb += 1ULL << ro)
	for (u64 h = 0; h < 256; h++) {
		struct lmap_flexpage s = { sb, so, 0 }, r = { rb, ro, 0 };
		u64 size = 1ULL << (so < ro ? so : ro);
		u64 large = so > ro ? sb : rb, lsize = 1ULL << (so > ro ? so : ro);
		u64 part = large + h % lsize / size * size;

		lmap_flexpage_fit(&s, &r, h);
		if (1ULL << s.order != size || s.order != r.order)
			return false;
		if (s.base != (so > ro ? part : sb) ||
		    r.base != (so > ro ? rb : part))
			return false;
		if (s.base < sb || s.base + size > sb + (1ULL << so) ||
		    r.base < rb || r.base + size > rb + (1ULL << ro))
			return false;
	}
	return true;
}

static bool fit_whole(void)
{
	struct lmap_flexpage s = { 0, LMAP_ORDER_MAX, 0 };
	struct lmap_flexpage r = { 0x4000, 12, 0 };

	lmap_flexpage_fit(&s, &r, 0x7fff12345678ULL);
	return s.base == 0x7fff12345000ULL && s.order == 12 &&
	       r.base == 0x4000 && r.order == 12;
}

static bool imply(void)
{
	for (unsigned int i = 0; i < 16; i++)
		if (lmap_rights_imply(i) !=
		    (i & (LMAP_W | LMAP_X) ? i | LMAP_R : i))
			return false;
	return true;
}

int main(void)
{
	printf("TAP version 13\n");
	result(decode_all(), "every order, alignment and right is decoded");
	result(whole_and_nil(), "whole and nil");
	result(fit_all(), "every pair of sizes, bases and send bases");
	result(fit_whole(), "the whole space meets a page");
	result(imply(), "w and x imply r");
	printf("1..%d\n", tests);
	return failed != 0;
}
