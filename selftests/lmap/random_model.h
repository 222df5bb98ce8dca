/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A naive model of lmap for random.c: what every page of every process must
 * show, and what every call must answer.
 *
 * It is written from the interface (uapi/linux/lmap.h), page by page, and must
 * never borrow an idea from the module: no ranges, no trees, no splitting. It
 * makes no system calls.
 */
#ifndef LMAP_TEST_RANDOM_MODEL_H
#define LMAP_TEST_RANDOM_MODEL_H

#include "util.h"

#define PROCS	8
#define NPAGES	16	/* of ordinary memory, and of the window, of each */
#define MEMORY	0	/* number of the first page of ordinary memory */
#define WINDOW	NPAGES	/* number of the first page of the window's view */
#define PAGES	(2 * NPAGES)

enum kind {
	OP_MAP, OP_GRANT, OP_COPY, OP_UNMAP, OP_UNMAP_WHOLE, OP_MUNMAP, OP_MMAP,
	OP_MPROTECT, OP_DISCARD, OP_FORK, OP_REAP, OP_TOUCH, OP_EXIT, OP_KINDS
};

/**
 * struct op - one operation; means something in every state
 * @kind: what
 * @actor: by which process; is started first if it has exited
 * @to: window of which process: the target, or as LMAP_ONLY says
 * @first: first page of the actor, MEMORY... or WINDOW...
 * @n: pages
 * @at: first page of the target
 * @rn: pages of the receive flexpage; 0: LMAP_RANGE
 * @base: send base, in pages
 * @rights: asked or to take; for OP_MPROTECT too
 * @depth: with LMAP_LIMIT_DEPTH
 * @flags: of the ioctl
 * @how: variant, where there is one
 * @quiet: pages are not looked at afterwards, so that they aren't faulted in
 */
struct op {
	enum kind kind;
	unsigned int actor, to;
	unsigned int first, n, at, rn, base;
	unsigned int rights, depth, flags;
	unsigned int how;
	bool quiet;
};

/**
 * struct answer - what an ioctl must answer, or has answered
 * @unclear: the interface leaves open what happens: the operation is left out
 * @ret: 0 or -errno
 * @or_ret: this result is right, too
 * @bytes: out_bytes of map, grant, copy
 * @rights: out_rights
 * @fpage: out_fpage
 * @mappings: out_mappings (not predicted)
 * @pages: out_pages of unmap (model_apply() says what it must be)
 */
struct answer {
	bool unclear;
	int ret, or_ret;
	uint64_t bytes;
	unsigned int rights;
	uint64_t fpage;
	unsigned int mappings;
	uint64_t pages;
};

/**
 * struct view - what a process must see at one of its pages
 * @read: 0, or how reading fails (NOTHING, ...)
 * @write: 0, or how writing fails
 * @value: what is read; whoever writes changes it
 * @on: result of mapping the page on, once more (only of windows)
 * @rights: the rights of that
 */
struct view {
	int read, write;
	uint64_t *value;
	int on;
	unsigned int rights;
};

/* What the window of each process allows. */
extern const unsigned int window_rights[PROCS];

/* With memory_moves grant and copy of ordinary memory are understood. */
void model_reset(bool memory_moves);
bool model_alive(unsigned int p);
void model_start(unsigned int p);
struct answer model_expect(const struct op *op);
/* The operation has been done, with this answer: how many pages were lost. */
uint64_t model_apply(const struct op *op, const struct answer *got);
struct view model_view(unsigned int p, unsigned int page);
int model_prot(unsigned int p, unsigned int page);
/* Was the page touched by operations since the last call? */
bool model_touched(unsigned int p, unsigned int page);
void model_untouch(void);
/* With flexpages: the request that LMAP_RANGE would make of it. */
struct op model_fit(const struct op *op);

#endif /* LMAP_TEST_RANDOM_MODEL_H */
