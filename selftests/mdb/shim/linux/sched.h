/* SPDX-License-Identifier: GPL-2.0 */
/* Stand-in: others get their turn. */
#ifndef SHIM_SCHED_H
#define SHIM_SCHED_H

#include <sched.h>

#define cond_resched()	sched_yield()

#endif
