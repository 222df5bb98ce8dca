/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of lmap-bench share. Nothing here may judge by absolute times.
 */
#ifndef LMAP_BENCH_H
#define LMAP_BENCH_H

#include <stdbool.h>
#include <stddef.h>

#define PAGE	4096UL

extern int space;

void die(const char *what) __attribute__((noreturn));
double now(void);
/* Memory that is there when it is touched; flags of mmap() in addition. */
void *anonymous(size_t length, int flags);
/* Writes 1 to each page. */
void touch(volatile char *p, size_t pages);
/* One row; counts as a failure if @limit is not 0 and the ratio exceeds it. */
void report(const char *what, double ns, const char *against, double other,
	    double limit);

/* bench-latency.c: how long others wait while much is being revoked. */
void bench_latency(void);
/*
 * bench-pager.c: time of one fault that another thread answers. The argument:
 * flags for LMAP_MAP; none.
 */
double bench_fault_lmap(void *arg);
double bench_fault_uffd(void *arg);
bool bench_has_uffd(void);
/* bench-parallel.c: what borrowers of one region cost each other. */
void bench_parallel(void);

#endif /* LMAP_BENCH_H */
