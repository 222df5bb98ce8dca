/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What every part of the program uses. Must never hide a failure: who can't go
 * on says why and ends.
 */
#ifndef PAGER_UTIL_H
#define PAGER_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Says why, and exits with 1. */
void fail(const char *format, ...)
	__attribute__((noreturn, format(printf, 1, 2)));

/* Zeroed memory; exits if there is none. */
void *need(size_t nr, size_t size);

/* Nanoseconds. */
uint64_t now(void);

/* A random number that follows from the state, which is never 0. */
uint64_t draw(uint64_t *state);

/* The size of a page, asked once. */
size_t page_size(void);

/*
 * An expectation of what is shown: one that does not hold is printed and
 * counted.
 */
void expect(bool ok, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
unsigned int expect_failures(void);

#endif /* PAGER_UTIL_H */
