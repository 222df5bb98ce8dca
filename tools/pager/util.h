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

#include "tell.h"

/* Zeroed memory; exits if there is none. */
void *need(size_t nr, size_t size);

/* A random number that follows from the state, which is never 0. */
uint64_t draw(uint64_t *state);

#endif /* PAGER_UTIL_H */
