/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Operations of the small world as values: to run, to print, to make up from
 * a source of numbers. Shared by the model test and the fuzzer.
 */
#ifndef OPS_H
#define OPS_H

#include "world.h"

enum verb {
	MAP, MAP_ON, COPY, GRANT, REVOKE_REGION, REVOKE_WINDOW, EXTEND, TOUCH,
	RESET_REGION, RESET_WINDOW, EXTEND_PART, ADOPT, RESUME, VERBS
};

struct op {
	enum verb verb;
	int from, first, window, to, pages;
	unsigned int rights;
	bool self;
	int only;		/* window, or -1 */
	u32 budget;
	bool tracked;
	bool keep;		/* grant: don't replace what is there */
	bool write;		/* touch */
	bool copy;		/* touch, by the kernel */
	int hook;		/* cell + 1 that is touched meanwhile, 0: none */
	int calls;		/* revoke: a turn ends after so many, 0: never */
	int levels;		/* that may hang below, plus 1; 0: no limit */
	struct probe probe;	/* revoke: what others try meanwhile */
};

/* Returns false if it can be left out: it did not change anything. */
bool op_run(struct world *w, const struct op *o);
void op_print(const struct op *o);

/* dice(n) is one of 0..n-1. */
struct op op_random(const struct world *w, int (*dice)(int n));

#endif
