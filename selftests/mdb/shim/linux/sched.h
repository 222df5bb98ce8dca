/* SPDX-License-Identifier: GPL-2.0 */
/* Stand-in: others get their turn; what they do then is the test's to say. */
#ifndef SHIM_SCHED_H
#define SHIM_SCHED_H

#include <sched.h>

extern __thread void (*shim_break)(void);

#define cond_resched() do { \
	if (shim_break) \
		shim_break(); \
	else \
		sched_yield(); \
} while (0)

#endif
