/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of lmap-bench share. Nothing here may judge by absolute times:
 * what has a target in figures is counted in instructions.
 *
 * A row is the cost of something, each round measured by a function that
 * prepares, and times only what it is about: between begin() and end().
 */
#ifndef LMAP_BENCH_H
#define LMAP_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#define PAGE	4096UL
#define KIB	(1UL << 10)
#define MIB	(1UL << 20)
#define GIB	(1UL << 30)
#define MANY	(64 * MIB / PAGE)	/* pages, where it is about many */

#define SIZE_OF(array)	(sizeof(array) / sizeof(*(array)))

/**
 * struct options - what was asked
 * @icount: the clock counts instructions
 * @siblings: the most siblings
 * @rounds: how often each row is measured
 */
struct options {
	bool icount;
	unsigned long siblings;
	int rounds;
};

extern struct options options;
extern int space;

void die(const char *what) __attribute__((noreturn));

/* bench-time.c */

/**
 * struct cost - what something costs
 * @value: the median of all rounds
 * @low: with 95 % confidence the median is not below; 0: not known
 * @high: nor above; 0: not known
 */
struct cost {
	double value;
	double low;
	double high;
};

typedef double (*bench_fn)(void *arg);

void clock_init(void);
/* Parts of it: this thread is before all others when its clock counts. */
void clock_priority(void);
void clock_ordinary(void);
/* The clock: nanoseconds, or instructions. */
double now(void);
/* Waits until nothing else is about to happen; the time from which it counts. */
double begin(void);
/* What passed since, without what asking for it costs. */
double end(double start);
/* Waits until work that is put off is done, such as freeing regions. */
void settle(void);
struct cost measure(bench_fn fn, void *arg);
/* The same of something that takes so long that few rounds must do. */
struct cost measure_few(bench_fn fn, void *arg);
/* Both in turn, so that what else the machine does hits both. */
void measure_both(bench_fn a, void *arg_a, struct cost *cost_a, bench_fn b,
		  void *arg_b, struct cost *cost_b);

/* bench-row.c */

/* An operation of the kernel's own that scales like a row: see bench-check. */
enum yardstick { BY_CALL, BY_TOUCH, BY_UNMAP, BY_MUNMAP, BY_FORK, BY_UFFD,
		 BY_ITSELF };

/**
 * struct row - a line of the table
 * @name: unique among all
 * @per: what the cost is for: call, page, mapping, fault
 * @unit: NULL: that of the clock
 * @cost: of it
 * @against: what it is compared with, or NULL
 * @other: cost of that
 * @limit: --check fails if the ratio is larger; 0: none
 * @target: it should be at most so many instructions (or bytes); 0: none
 * @target_ratio: the ratio should be at most that; 0: none
 * @by: what it is measured by on a kernel other than that of the reference
 */
struct row {
	const char *name;
	const char *per;
	const char *unit;
	struct cost cost;
	const char *against;
	double other;
	double limit;
	double target;
	double target_ratio;
	enum yardstick by;
};

enum output { TABLE, CSV, JSON };

void rows_open(enum output how, FILE *to);
void rows_group(const char *group);
void row_add(const struct row *row);
#define row(...)	row_add(&(struct row){ __VA_ARGS__ })
/* A name that is made up; kept until the end. */
const char *named(const char *format, ...)
	__attribute__((format(printf, 1, 2)));
/* A row of two times. */
void report(const char *what, double ns, const char *against, double other,
	    double limit);
/* How many rows were above their limit; above their target. */
unsigned int rows_failed(void);
unsigned int rows_missed(void);
/* Says how many targets were reached. */
void rows_close(void);

/* bench-plot.c */

enum curves { BY_SIZE, BY_PAGES, BY_DEPTH, BY_RECEIVERS, BY_SIBLINGS,
	      NR_CURVES };

void curve_add(enum curves plot, const char *series, double x, double y);
int curves_write(const char *dir);

/* bench-lease.c */

/* Memory that is there when it is touched, at a multiple of 2 MiB, all of its
 * pages small; flags of mmap() in addition.
 */
void *anonymous(size_t length, int flags);
/* Writes 1 to each page. */
void touch(volatile char *p, size_t pages);
/* Reads each page, and sees that it is 1. */
void see(const volatile char *p, size_t pages);
/* The same as touch(), in an order that is random and always the same. */
void touch_random(volatile char *p, size_t pages);

/**
 * struct lease - a window and what is lent into it
 * @mem: the lender's memory
 * @pages: its size, and that of the window
 * @window: descriptor
 * @view: where this process sees the window, or NULL
 */
struct lease {
	char *mem;
	size_t pages;
	int window;
	char *view;
};

/* New memory and a window, nothing lent yet. */
void lease_make(struct lease *l, size_t pages, bool touched, bool view);
void lease_free(struct lease *l);
/* A window only. */
int window_make(size_t pages, char **view);
void lend(const char *from, size_t pages, int window, size_t wpage,
	  uint32_t flags);
void take(const char *from, size_t pages);

/* bench-peer.c: another process, which borrows. */

struct peer {
	pid_t pid;
	int sock;
};

/* @opens: it opens /dev/lmap. */
void peer_start(struct peer *p, bool opens);
void peer_end(struct peer *p);
/* Makes a new window there, and shows it there; a descriptor of it. */
int peer_window(const struct peer *p, size_t pages);
/* Calls a function there; of @arg it gets a copy. */
double peer_call(const struct peer *p, bench_fn fn, const void *arg,
		 size_t size);
/* The same in two steps, so that others can do something meanwhile. */
void peer_ask(const struct peer *p, bench_fn fn, const void *arg, size_t size);
double peer_answer(const struct peer *p);
/* What they touch: the window there. */
double peer_touch(const struct peer *p, size_t pages);
/* In such a function: the same. */
double peer_touch_here(size_t pages);
double peer_touch_random(const struct peer *p, size_t pages);
/* The first of each 64 pages, so many times. */
double peer_touch_sparse(const struct peer *p, size_t pages);
/* How many faults the last touch took. */
double peer_faults(const struct peer *p);

/* bench-kernel.c: what the kernel itself can do. */

enum kernel_op { K_IOCTL, K_MEMFD_MMAP, K_MEMFD_WRITE, K_MEMFD_READ,
		 K_MEMFD_MUNMAP, K_MUNMAP, K_MPROTECT, K_READV, K_UFFD_COPY,
		 K_UFFD_PROTECT, NR_KERNEL_OPS };

/* Its cost, measured when it is first asked for. */
double kernel_cost(enum kernel_op op);
const char *kernel_name(enum kernel_op op);
/* .against and .other of a row */
#define AGAINST(op)	.against = kernel_name(op), .other = kernel_cost(op)

/* Groups, each in the file of its name unless said otherwise. */
void bench_kernel(void);
void bench_map(void);
void bench_overmap(void);	/* bench-map.c */
void bench_reserve(void);	/* bench-map.c */
void bench_cycle(void);		/* bench-map.c */
void bench_touch(void);
void bench_unmap(void);
void bench_subtree(void);
void bench_depth(void);		/* bench-subtree.c */
void bench_siblings(void);	/* bench-subtree.c */
void bench_receivers(void);	/* bench-subtree.c */
void bench_lender(void);
void bench_idle(void);		/* bench-lender.c */
void bench_send(void);
void bench_copy(void);		/* bench-send.c */
void bench_status(void);
void bench_event(void);		/* bench-status.c */
void bench_pager(void);
void bench_memory(void);
/* --latency */
void bench_latency(void);
/* --parallel */
void bench_parallel(void);
void bench_scaling(void);

#endif /* LMAP_BENCH_H */
