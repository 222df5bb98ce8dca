/* SPDX-License-Identifier: GPL-2.0 */
/* Stand-in: locks that know their owner, so that assertions are real. */
#ifndef SHIM_MUTEX_H
#define SHIM_MUTEX_H

#include <pthread.h>
#include <stdlib.h>
#include <linux/types.h>

struct mutex {
	pthread_mutex_t m;
	unsigned long owner;
};

typedef struct mutex spinlock_t;

static inline void mutex_init(struct mutex *m)
{
	pthread_mutex_init(&m->m, NULL);
	m->owner = 0;
}

static inline void mutex_lock(struct mutex *m)
{
	/* It would wait for itself, for ever. */
	if (__atomic_load_n(&m->owner, __ATOMIC_RELAXED) ==
	    (unsigned long)pthread_self())
		abort();
	pthread_mutex_lock(&m->m);
	__atomic_store_n(&m->owner, (unsigned long)pthread_self(),
			 __ATOMIC_RELAXED);
}

static inline void mutex_unlock(struct mutex *m)
{
	__atomic_store_n(&m->owner, 0, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&m->m);
}

/* Each look at a tree asserts its lock. */
extern __thread unsigned long shim_steps;

#define lockdep_assert_held(m) do { \
	shim_steps++; \
	if (__atomic_load_n(&(m)->owner, __ATOMIC_RELAXED) != \
	    (unsigned long)pthread_self()) \
		abort(); \
} while (0)

#endif
