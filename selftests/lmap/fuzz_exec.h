/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Programs for the fuzzer: up to 32 calls by two processes, as bytes. Any bytes
 * are a program. Running one checks what must hold whatever the calls are: only
 * documented errors, memory that its owner can't write stays as it is, results
 * that make sense, and nothing is left when both have taken everything back.
 *
 * Nothing in here may depend on earlier programs: each gets new processes.
 */
#ifndef LMAP_FUZZ_EXEC_H
#define LMAP_FUZZ_EXEC_H

#include "util.h"

#define FUZZ_CALLS	32
#define FUZZ_BYTES	12	/* of a call */

struct fuzz_program {
	unsigned int calls;
	unsigned char bytes[FUZZ_CALLS][FUZZ_BYTES];
};

/* One program a line, in hex; returns the end of the line, NULL at the end. */
const char *fuzz_parse(struct fuzz_program *p, const char *text,
		       const char *end);
void fuzz_print(const char *what, const struct fuzz_program *p);

/*
 * NULL, or what was wrong; valid until the next call. The processes have no
 * privileges; FUZZ_MAPPINGS is a quota of mappings that keeps them small.
 */
#define FUZZ_MAPPINGS	200
const char *fuzz_run(const struct fuzz_program *p);

/* Runs in each process (0, 1) before the first call, if set. */
extern void (*fuzz_started)(int who);
/* Tells each call and its result. */
extern bool fuzz_tell;

/* The programs worth keeping; in fuzz.c. */
extern const char fuzz_corpus[], fuzz_corpus_end[];

/* A new program, or a change of one; @other may lend calls. */
void fuzz_random(struct fuzz_program *p, unsigned int *state);
void fuzz_mutate(struct fuzz_program *p, const struct fuzz_program *other,
		 unsigned int *state);

#endif /* LMAP_FUZZ_EXEC_H */
