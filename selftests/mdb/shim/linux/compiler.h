/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Stand-in for the kernel's header of this name, as much as mdb.c and the
 * kernel's rbtree need. Single accesses are atomics, so that the thread
 * sanitizer sees what is meant. It models no fences: stores are releases here,
 * for the write barrier at the beginning of a sequence count's write section.
 */
#ifndef SHIM_COMPILER_H
#define SHIM_COMPILER_H

#define READ_ONCE(x)		__atomic_load_n(&(x), __ATOMIC_RELAXED)
#define WRITE_ONCE(x, v)	__atomic_store_n(&(x), (v), __ATOMIC_RELEASE)
#undef __always_inline
#define __always_inline		inline __attribute__((always_inline))
#define __maybe_unused		__attribute__((unused))
#define likely(x)		(x)
#define unlikely(x)		(x)
#define barrier()		__asm__ __volatile__("" ::: "memory")

#endif
