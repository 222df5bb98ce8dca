/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The driver: what is done with each contender, how long it takes, and how that
 * is shown. Nothing here may be of use to only one of them.
 */
#ifndef COMPARE_H
#define COMPARE_H

#include <stdio.h>

#include "contender.h"

/* Verifying: small random runs against the naive model. */

/**
 * verify - does a contender do what the naive model does?
 * @c: the contender
 * @seeds: how many random runs
 * @verbose: say what is wrong
 *
 * Return: false at the first difference.
 */
bool verify(const struct contender *c, unsigned int seeds, bool verbose);

/* Wrong contenders, each of which verify() must find out. */
extern const struct contender *const wrong_ones[];
extern const size_t nr_wrong_ones;

/* Workloads. */

enum verb { MAP, UNMAP, FIND, PARENT };

struct op {
	enum verb verb;
	bool self;
	uint32_t n;
	struct place from;
	struct place at;
};

/**
 * struct phase - operations that are timed together
 * @name: in tables
 * @op: the operations
 * @nr: how many
 * @per: what the time is divided by: operations or mappings
 * @room: private: for how many there is room in @op
 */
struct phase {
	const char *name;
	struct op *op;
	size_t nr;
	size_t per;
	size_t room;
};

#define PHASES_MAX	6

/**
 * struct work - a workload
 * @name: in tables
 * @x: what is varied: a number of mappings, levels or pages
 * @shape: the world
 * @phase: one after the other
 * @nr_phases: how many; the first one maps
 * @mappings: that there are after the first phase
 */
struct work {
	const char *name;
	double x;
	struct shape shape;
	struct phase phase[PHASES_MAX];
	size_t nr_phases;
	size_t mappings;
};

void work_random(struct work *work, size_t n);
void work_pages(struct work *work, size_t n, uint32_t pages);
void work_discard(struct work *work, size_t n);
void work_one_frame(struct work *work, size_t n);
void work_frames(struct work *work, size_t n);
void work_broad(struct work *work, size_t n);
void work_chain(struct work *work, size_t n, unsigned int depth);
void work_holes(struct work *work, size_t n);
void work_free(struct work *work);

/* What generators share. */
uint32_t dice(uint64_t *state, uint32_t n);
struct phase *work_phase(struct work *work, const char *name);
void phase_add(struct phase *phase, struct op op);
void phase_map(struct phase *phase, struct place from, struct place at,
	       uint32_t n);
void phase_unmap(struct phase *phase, struct place at, uint32_t n, bool self);

/* Timing. */

/**
 * struct result - one phase of one contender
 * @ns: for what struct phase calls per
 * @bytes: allocated after the phase, for each mapping of the workload
 */
struct result {
	double ns;
	double bytes;
};

/**
 * struct measured - one workload, all phases and contenders
 * @work: its name
 * @x: as in struct work
 * @phases: names
 * @nr_phases: how many
 * @left_out: the contender took too long with less
 * @too_long: ... or with this
 * @result: of each
 */
#define CONTENDERS_MAX	8

struct measured {
	const char *work;
	double x;
	const char *phases[PHASES_MAX];
	size_t nr_phases;
	bool left_out[CONTENDERS_MAX];
	bool too_long[CONTENDERS_MAX];
	struct result result[CONTENDERS_MAX][PHASES_MAX];
};

/**
 * struct watch - when something began, on two clocks
 * @cpu: time of this thread, without what others do on the machine; to read it
 *	 takes long
 * @wall: real time, read at once
 */
struct watch {
	double cpu;
	double wall;
};

struct watch watch_start(void);
/* ns since then: of both clocks what is less. */
double watch_ns(const struct watch *start);

/**
 * measure - run a workload on all contenders
 * @work: what
 * @smaller: the same with less, or NULL
 * @quick: once is enough
 * @out: result
 *
 * Return: false if they don't agree in what they found and unmapped, or one of
 * them refused something or kept memory; said on stderr.
 */
bool measure(const struct work *work, const struct measured *smaller,
	     bool quick, struct measured *out);
/**
 * run_counted - run a workload once, up to a phase that is counted
 * @c: the contender
 * @work: what
 * @phase: its name
 *
 * Return: by what the count is to be divided; 0: there is no such phase.
 */
size_t run_counted(const struct contender *c, const struct work *work,
		   const char *phase);
/* ns of an operation that does nothing, which is in all times. */
double measure_nothing(void);

/* The ways from a mapping to its region. */

#define ROOT_DEPTHS	7

/**
 * struct roots - ns to find the region of a mapping, by its level
 * @depth: levels
 * @search: parents are followed
 * @cached: what the search found is kept in the node, until a tree changes
 * @first: the same, the first time after a tree has changed
 * @link: each node points to its region
 * @relink: ns for each node when a tree becomes a part of another one
 */
struct roots {
	unsigned int depth[ROOT_DEPTHS];
	double search[ROOT_DEPTHS];
	double cached[ROOT_DEPTHS];
	double first[ROOT_DEPTHS];
	double link[ROOT_DEPTHS];
	double relink[ROOT_DEPTHS];
};

/* False if two ways don't lead to the same region. */
bool roots_measure(bool quick, struct roots *roots);

/* Showing. */

void report_table(FILE *out, const struct measured *m, size_t nr);
void report_memory(FILE *out, const char *title, const char *x,
		   const struct measured *m, size_t nr, size_t phase);
void report_roots(FILE *out, const struct roots *roots);
void report_csv_head(FILE *out);
void report_csv(FILE *out, const struct measured *m, size_t nr);
void report_csv_roots(FILE *out, const struct roots *roots);

/**
 * report_plot - one phase as curves
 * @path: file to write
 * @title: above
 * @x_label: what x is
 * @base: the axis shows the logarithm of x to this base; 0: x itself
 * @m: points
 * @nr: how many
 * @phase: which phase
 * @bytes: memory, not time
 *
 * Return: false and a message if it could not be written.
 */
bool report_plot(const char *path, const char *title, const char *x_label,
		 double base, const struct measured *m, size_t nr,
		 size_t phase, bool bytes);
bool report_plot_roots(const char *path, const struct roots *roots);

#endif
