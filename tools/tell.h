/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What lmap-demo and the tools that have a directory of their own tell, and
 * when: failing, expectations that are counted, steps, the clock. Must never
 * know which tool it is but by its name.
 */
#ifndef LMAP_TELL_H
#define LMAP_TELL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The tool defines it. */
extern const char *const tool_name;

/* Says why, and exits with 1. */
void fail(const char *format, ...)
	__attribute__((noreturn, format(printf, 1, 2)));

/* An expectation of what is shown: one that does not hold is told and counted. */
void expect(bool ok, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* How many did not hold. */
int failed(void);

/* The next part of what is shown. */
void step(int n, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Nanoseconds. */
uint64_t now(void);

/* The size of a page, asked once. */
size_t page_size(void);

#endif /* LMAP_TELL_H */
