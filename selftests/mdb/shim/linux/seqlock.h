/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Stand-in: sequence counts. The thread sanitizer does not model fences, so
 * both sides use read-modify-writes with the order that the kernel's fences
 * give.
 */
#ifndef SHIM_SEQLOCK_H
#define SHIM_SEQLOCK_H

#include <sched.h>
#include <linux/types.h>

typedef struct {
	unsigned int n;
} seqcount_spinlock_t;

static inline void seqcount_spinlock_init_(seqcount_spinlock_t *s)
{
	s->n = 0;
}

#define seqcount_spinlock_init(s, lock) seqcount_spinlock_init_(s)

static inline unsigned int read_seqcount_begin(seqcount_spinlock_t *s)
{
	unsigned int n;

	while ((n = __atomic_load_n(&s->n, __ATOMIC_ACQUIRE)) & 1)
		sched_yield();
	return n;
}

static inline bool read_seqcount_retry(seqcount_spinlock_t *s, unsigned int n)
{
	return __atomic_fetch_add(&s->n, 0, __ATOMIC_ACQ_REL) != n;
}

static inline void write_seqcount_begin(seqcount_spinlock_t *s)
{
	__atomic_fetch_add(&s->n, 1, __ATOMIC_ACQ_REL);
}

static inline void write_seqcount_end(seqcount_spinlock_t *s)
{
	__atomic_fetch_add(&s->n, 1, __ATOMIC_ACQ_REL);
}

#endif
