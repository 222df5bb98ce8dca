/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Stand-in for timing: sequence counts at the price that they have in the
 * kernel, plain accesses and barriers. The one for tests is dearer.
 */
#ifndef SHIM_SEQLOCK_H
#define SHIM_SEQLOCK_H

#include <linux/compiler.h>
#include <linux/types.h>

typedef struct {
	unsigned int n;
} seqcount_spinlock_t;

#define seqcount_spinlock_init(s, lock)	((s)->n = 0)

static inline unsigned int read_seqcount_begin(seqcount_spinlock_t *s)
{
	unsigned int n;

	do {
		n = __atomic_load_n(&s->n, __ATOMIC_ACQUIRE);
	} while (n & 1);
	return n;
}

static inline bool read_seqcount_retry(seqcount_spinlock_t *s, unsigned int n)
{
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return __atomic_load_n(&s->n, __ATOMIC_RELAXED) != n;
}

static inline void write_seqcount_begin(seqcount_spinlock_t *s)
{
	__atomic_store_n(&s->n, s->n + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
}

static inline void write_seqcount_end(seqcount_spinlock_t *s)
{
	__atomic_store_n(&s->n, s->n + 1, __ATOMIC_RELEASE);
}

#endif
