/* SPDX-License-Identifier: GPL-2.0 */
/*
 * torture - processes and threads that do everything to each other at random,
 * and an oracle that looks at quiet points. What the parts share.
 *
 * Pages carry stamps: who lends it, which page it is, when it was stamped last.
 * At a quiet point every process stamps its memory anew, so that whoever reads
 * an older stamp has a page that is not the lender's any more. What a thread
 * does depends on the seed, the round and its number alone, never on what
 * others did before; nothing may be judged by how long it took.
 */
#ifndef LMAP_TORTURE_H
#define LMAP_TORTURE_H

#include "../lmap/util.h"

#include <pthread.h>

#define PROCS_MAX	16
#define THREADS_MAX	8

/* Memory of a process: small pages, and 2 MiB that can be one. */
#define SMALL		96
#define HUGE		512
#define NPAGES		(SMALL + HUGE)
#define MEM		0x100000000000UL
#define MEM_HUGE	(MEM + (2UL << 20))
/* Views of its windows: A, the same read-only, B; A may move. */
#define WPAGES		64
#define VIEW_A		(MEM + (1UL << 30))
#define VIEW_MOVED	(VIEW_A + (1UL << 24))
#define VIEW_C		(VIEW_A + (2UL << 24))
#define VIEW_B		(VIEW_A + (3UL << 24))
#define SCRATCH(thread)	(MEM + (2UL << 30) + ((uint64_t)(thread) << 24))

/* In a page: the stamp, a word for everybody, a word for each process. */
#define AT_SCRIBBLE	256
#define AT_SLOT(p)	(2048 + 8 * (p))

enum class_id { PRIVATE, READONLY, SHARED, SECRET, DETACH, THP, CLASSES };

/**
 * struct class - pages that are treated alike
 * @first: first page
 * @n: how many
 * @rights: with which they are lent; 0 = never
 * @shared: of a memfd, otherwise private
 * @detach: also granted and copied, so that old contents can go on living
 */
struct class {
	unsigned int first, n, rights;
	bool shared, detach;
};

extern const struct class classes[CLASSES];
enum class_id class_of(unsigned int page);
char *page_at(unsigned int page);

/* What processes do between two barriers; all threads in WILD only. */
enum phase {
	WILD, STAMP, LOOK, VERIFY, CLEAR, EMPTY, LEAVE
};

#define STAMP_MAGIC	0x6c6dULL
#define FORBIDDEN	0xf0bb000000000000ULL	/* was revoked before it was written */
#define GARBAGE		0xdead000000000000ULL	/* a child's own copy */

/**
 * struct slot - one process, as others see it
 * @pid: 0 = there is none
 * @done: the last phase word that it has been through
 * @threads_done: how many of its threads have, in WILD
 * @op: what each thread is doing; number of an operation + 1
 * @stamped: the page has the stamp of this round
 * @tried: bit of each process that tries to write, at the quiet point
 * @wrote: bit of each process that did
 * @seen: somebody has read it
 * @execs: one of its threads runs another program
 */
struct slot {
	pid_t pid;
	uint32_t execs;
	uint32_t done;
	uint32_t threads_done;
	uint32_t op[THREADS_MAX];
	uint8_t stamped[NPAGES];
	uint32_t tried[NPAGES];
	uint32_t wrote[NPAGES];
	uint8_t seen[NPAGES];
};

#define OPS_MAX		48

/**
 * struct arena - memory that all processes share
 * @word: sequence number << 4 | phase; a futex
 * @round: number of the round
 * @gen: of the stamps that are valid
 * @clean: the gen when all mappings were gone for the last time
 * @deaths: processes die by their own or others' will
 * @oom: they may be killed when memory is short
 * @enomem: calls may fail for memory
 * @inject: threads ask for failing allocations
 * @failed: somebody has found something; the first one writes @failure
 * @good: per operation: how often it returned success
 * @bad: per operation: how often it returned an error that is allowed
 * @quiet_reads: pages looked at by the oracle
 * @quiet_writes: pages it could write
 * @quiet_bits: reference bits it has found where they had to be
 * @wild_reads: pages read while everything went on
 * @forbidden: pages filled with what nobody may see
 * @slots: processes
 */
struct arena {
	uint64_t seed;
	unsigned int procs, threads, ops;
	uint32_t word;
	unsigned int round;
	uint32_t gen, clean;
	bool deaths, oom, enomem, inject;
	int failed;
	char failure[512];
	uint64_t good[OPS_MAX], bad[OPS_MAX];
	uint64_t quiet_reads, quiet_writes, quiet_bits, wild_reads, forbidden;
	uint64_t overrevoked, died;
	struct slot slots[PROCS_MAX];
};

extern struct arena *arena;
extern const char *mode_name;

/* A letter box for descriptors: one for each slot, open in every process. */
struct mail {
	int in, out;
};

extern struct mail mail[PROCS_MAX];

#define ADD(counter)	__atomic_fetch_add(&arena->counter, 1, __ATOMIC_RELAXED)

/* actor.c: a process. */

#define TABLE		8	/* windows it can map into; 0 and 1 are its own */

/**
 * struct entry - a window's descriptor
 * @lock: read while it is used
 * @fd: or -1
 * @readonly: nothing can be mapped writable there
 */
struct entry {
	pthread_rwlock_t lock;
	int fd;
	bool readonly;
};

/**
 * struct actor - the process that we are
 * @number: its slot
 * @space: of /dev/lmap
 * @memfd: its shared memory
 * @view_a: where the view of A is
 * @view_lock: held to change views
 * @table: windows
 * @pager: of one of its own windows, or -1
 * @pager_lock: held to use or change it
 * @users: per page: threads that use it by calls, -1: one that wants it alone
 * @threads: all but the one that leads them
 * @begin: the phase word when it was started
 */
struct actor {
	unsigned int number;
	int space, memfd;
	char *view_a;
	pthread_mutex_t view_lock;
	struct entry table[TABLE];
	int pager;
	pthread_mutex_t pager_lock;
	int users[NPAGES];
	pthread_t threads[THREADS_MAX];
	uint32_t begin;
};

extern struct actor me;

void actor_main(unsigned int number) __attribute__((noreturn));
int views_restore(void);
int memory_put(unsigned int page);
long futex_wait(uint32_t *word, uint32_t value, long ms);
void futex_wake(uint32_t *word);
void found(const char *where, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
uint64_t mix(uint64_t a, uint64_t b);

/* wild.c: what threads do. */

/**
 * struct worker - a thread
 * @number: from 0
 * @dice: state of its random numbers
 * @op: what it does
 */
struct worker {
	unsigned int number;
	uint64_t dice;
	unsigned int op;
};

void wild_run(struct worker *w);
const char *wild_name(unsigned int op);
extern const unsigned int wild_ops;
uint32_t roll(struct worker *w, uint32_t n);
/* Counts; an errno that is not in the list, which ends in 0, is a failure. */
bool allow(struct worker *w, long ret, const int *list);
#define ALLOW(w, ret, ...) allow(w, ret, (const int []){ __VA_ARGS__, 0 })
struct entry *entry_get(struct worker *w, unsigned int from);
void entry_put(struct entry *e);
unsigned int hold(unsigned int first, unsigned int n, bool alone);
void let_go(unsigned int first, unsigned int n, bool alone);

/**
 * struct range - pages of one class
 */
struct range {
	enum class_id class;
	unsigned int first, n;
};

struct range pick(struct worker *w, enum class_id class);

/* calls.c: operations of lmap. */
void do_map(struct worker *w);
void do_map_on(struct worker *w);
void do_detach(struct worker *w);
void do_unmap(struct worker *w);
void do_unmap_view(struct worker *w);
void do_unmap_whole(struct worker *w);
void do_status(struct worker *w);
void do_reserve(struct worker *w);
void do_sync(struct worker *w);
void do_info(struct worker *w);
void do_side_space(struct worker *w);
void do_temporary_window(struct worker *w);
void do_new_window(struct worker *w);
void do_pager(struct worker *w);
void pager_close(void);

/* memory.c: what the process does to its memory and its views. */
void do_forbid(struct worker *w);
void do_move_away(struct worker *w);
void do_munmap(struct worker *w);
void do_mprotect(struct worker *w);
void do_advise(struct worker *w);
void do_view_hole(struct worker *w);
void do_view_move(struct worker *w);
void do_view_protect(struct worker *w);
void do_view_advise(struct worker *w);

/* oracle.c: what must hold. */
uint64_t stamp_of(unsigned int proc, unsigned int page, uint32_t gen);
void stamp_check(const char *where, uint64_t word, bool old_detached);
void stamp_put(unsigned int page);
void oracle_run(enum phase phase);

/* stress.c: what makes life hard around the processes. */

/**
 * struct mode - one way to run
 * @name: of it
 * @begin: 0; 1 = can't be had here, with the reason in @why
 * @end: undoes it
 * @enter: a new process goes there
 * @round: each round
 */
struct mode {
	const char *name;
	int (*begin)(const char **why);
	void (*end)(void);
	void (*enter)(void);
	void (*round)(void);
};

extern const struct mode modes[];
bool race_points(FILE *out);

#endif /* LMAP_TORTURE_H */
