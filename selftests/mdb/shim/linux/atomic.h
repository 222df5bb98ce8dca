/* SPDX-License-Identifier: GPL-2.0 */
/* Stand-in: the kernel's atomic counters. */
#ifndef SHIM_ATOMIC_H
#define SHIM_ATOMIC_H

typedef struct {
	int counter;
} atomic_t;

#define atomic_read(v)		__atomic_load_n(&(v)->counter, __ATOMIC_RELAXED)
#define atomic_set(v, n)	__atomic_store_n(&(v)->counter, n, __ATOMIC_RELAXED)
#define atomic_inc(v)		((void)atomic_add_return(1, v))
#define atomic_dec(v)		((void)atomic_add_return(-1, v))
#define atomic_sub(n, v)	((void)atomic_add_return(-(int)(n), v))
#define atomic_dec_and_test(v)	(atomic_add_return(-1, v) == 0)

static inline int atomic_add_return(int n, atomic_t *v)
{
	return __atomic_add_fetch(&v->counter, n, __ATOMIC_SEQ_CST);
}

/* Those without a result order nothing, in the kernel and here. */
static inline void atomic_or(int bits, atomic_t *v)
{
	__atomic_fetch_or(&v->counter, bits, __ATOMIC_RELAXED);
}

static inline int atomic_fetch_andnot(int bits, atomic_t *v)
{
	return __atomic_fetch_and(&v->counter, ~bits, __ATOMIC_SEQ_CST);
}

#define smp_store_release(p, v)	__atomic_store_n(p, v, __ATOMIC_RELEASE)
#define cmpxchg(p, old, new)	__sync_val_compare_and_swap(p, old, new)

typedef struct {
	long counter;
} atomic_long_t;

#define atomic_long_read(v)	atomic_read(v)
#define atomic_long_set(v, n)	atomic_set(v, n)

static inline void atomic_long_or(long bits, atomic_long_t *v)
{
	__atomic_fetch_or(&v->counter, bits, __ATOMIC_RELAXED);
}

static inline long atomic_long_fetch_andnot(long bits, atomic_long_t *v)
{
	return __atomic_fetch_and(&v->counter, ~bits, __ATOMIC_SEQ_CST);
}

#endif
