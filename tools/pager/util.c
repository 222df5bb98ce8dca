// SPDX-License-Identifier: GPL-2.0
/* What every part of the program uses; see util.h. */
#include "util.h"

#include <stdlib.h>

void *need(size_t nr, size_t size)
{
	void *p = calloc(nr ? nr : 1, size);

	if (!p)
		fail("no memory");
	return p;
}

/* xorshift64* */
uint64_t draw(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dULL;
}
