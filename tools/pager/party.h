/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Pagers and clients as processes of their own, for the demonstration. Must
 * never leave one behind: they die with who has started them.
 */
#ifndef PAGER_PARTY_H
#define PAGER_PARTY_H

#include "serve.h"
#include "work.h"

#include <sys/types.h>

/**
 * struct host - a pager process
 * @pid: process
 * @control: a connection to ask it
 * @socket: where clients connect
 */
struct host {
	pid_t pid;
	int control;
	char socket[100];
};

/* What all pagers of a demonstration have in common. */
struct setup {
	const char *dir;	/* for sockets and backing files */
	unsigned int frames;
	unsigned int pages;	/* of each client */
	unsigned int slots;	/* of a backing file; 0: as the disk has */
	uint64_t seed;
	const struct policy_ops *ops;
	const char *svg;	/* file for the diagram, or NULL */
};

/**
 * host_start - start a pager
 * @host: what is started
 * @setup: how
 * @frames: of its pool
 * @ops: policy
 * @below: on the memory of that one; NULL: on its own
 *
 * Exits if it can't be: without the module, for example.
 */
void host_start(struct host *host, const struct setup *setup,
		unsigned int frames, const struct policy_ops *ops,
		const struct host *below);

/* Ends it, and expects that it has served until then. */
void host_stop(struct host *host);

struct account host_account(struct host *host);

/* When all of its clients are gone: nothing may be left of them. */
void host_expect_empty(struct host *host, unsigned int frames);

/**
 * struct outcome - how a client's work ended
 * @done: it came to its end
 * @good: and all that it read was what it had written
 * @signal: it was killed by that
 * @refused: 1 + page at which the pager refused, if it did
 * @why: errno that the pager gave for it
 * @verified: bytes that are those of the same work in ordinary memory
 * @bytes: how many there are
 * @refs: references that it made; 0: not counted
 * @ns: how long the work took
 * @account: what the pager did for it, when the work was done
 */
struct outcome {
	bool done;
	bool good;
	int signal;
	unsigned int refused;
	int why;
	uint64_t verified;
	uint64_t bytes;
	uint64_t refs;
	uint64_t ns;
	struct account account;
};

struct guest;

/* A client's program: fills in @out; @g is to be told and to wait. */
typedef void (*guest_fn)(struct guest *g, struct heap *heap,
			 struct outcome *out);

/**
 * struct guest - a client process
 * @pid: process
 * @pipe: its outcome comes from there, after what it says
 * @go: what it waits for
 * @run: what it does, with a heap in the pager's memory
 * @work: for guest_work()
 * @expected: for guest_work(): the contents at the end; NULL: it finds out
 */
struct guest {
	pid_t pid;
	int pipe;
	int go;
	guest_fn run;
	const struct work *work;
	const char *expected;
};

/**
 * guest_start - start a client
 * @g: what is started; run and so on are set
 * @socket: of its pager
 * @heap: pages, seed and input; its memory is the pager's
 */
void guest_start(struct guest *g, const char *socket, const struct heap *heap);

/* A work, then compares all memory with what it is in ordinary memory. */
void guest_work(struct guest *g, struct heap *heap, struct outcome *out);

/* A client says that it has come so far; its parent waits for that. */
void guest_say(struct guest *g);
void guest_hear(struct guest *g);

/* The other way round. */
void guest_go(struct guest *g);
void guest_wait_go(struct guest *g);

/* Waits until it has ended. */
struct outcome guest_end(struct guest *g);

/* Memory in which a work has been done; its trace, if wanted. */
char *work_done(const struct work *work, const struct heap *heap,
		struct trace *trace);

/* A file with so many pages of random records. */
int random_file(size_t pages, uint64_t seed);

#endif /* PAGER_PARTY_H */
