/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The parts of the demonstration. Each prints what it did, and an expectation
 * that does not hold (expect()).
 */
#ifndef PAGER_SHOW_H
#define PAGER_SHOW_H

#include "party.h"

/* Each policy with each work, or those named, against the simulation. */
void show_rates(const struct setup *setup, char **names);

/* The curves of it. */
void show_curves(const struct setup *setup);

/* Several clients, whose memory together is larger than the pool. */
void show_clients(const struct setup *setup);

/* One of them is killed; then the pager. */
void show_kill(const struct setup *setup);

/* The backing file is full. */
void show_full(const struct setup *setup);

/* Pagers of pagers. */
void show_levels(const struct setup *setup);

/* Policies against naive ones, without the module. */
void check_policies(void);

/* The work came to its end, and all bytes are right. */
void expect_outcome(const struct outcome *out);

#endif /* PAGER_SHOW_H */
