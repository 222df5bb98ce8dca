/* SPDX-License-Identifier: GPL-2.0 */
/*
 * lmap-checkpoint: a keeper lends its memory to several processes that write
 * all the time, and takes images of it without stopping them.
 *
 * An image is the memory of one instant. Nothing here may trust that it is:
 * each one is recovered and its sums are computed.
 */
#ifndef CHECKPOINT_H
#define CHECKPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <lmap.h>

#include "tell.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define WRITERS_MAX	16

/* bank.c: what is in the memory. Offsets only: each sees it elsewhere. */

/* One line of a cache. */
struct account {
	int64_t balance;
	uint64_t count;		/* transfers it had a part in */
	uint32_t lock;		/* 0, or number of the writer + 1 */
	uint32_t reserved;
	uint64_t unused[5];
};

/*
 * What a writer is about to change, as it was before: one page for each. @word
 * is 2 * number of the transfer, and 1 more while it is under way.
 */
struct record {
	uint64_t word;
	uint64_t account[2];
	int64_t balance[2];
	uint64_t count[2];
};

struct bank {
	unsigned char *memory;	/* header, records, accounts */
	size_t size;
	size_t page;
	unsigned int writers;
};

struct verdict {
	int64_t balance;	/* sum of all accounts */
	int64_t wanted;
	uint64_t counts;	/* sum of all accounts */
	uint64_t done;		/* transfers, as the writers' records say */
	unsigned int under_way;
};

void bank_init(struct bank *bank);
/* 0, or -1: that is no bank of this size. */
int bank_open(struct bank *bank);
uint64_t bank_accounts(const struct bank *bank);
/* First page with accounts. */
size_t bank_first(const struct bank *bank);
void bank_transfer(struct bank *bank, unsigned int writer, uint64_t from,
		   uint64_t to, int64_t amount);
/* What is there, without changing anything. */
struct verdict bank_look(const struct bank *bank);
/* Undoes what is under way, frees the locks. How many were undone. */
unsigned int bank_recover(struct bank *bank);
bool verdict_is_good(const struct verdict *verdict);

/* writer.c: who writes. */

/*
 * Beside the lent memory: what the tool measures, and what it wants. The
 * gap is the longest time between two transfers since the epoch began.
 */
struct slot {
	uint64_t done;
	uint64_t epoch;
	uint64_t gap;
	uint64_t unused[5];
};

struct control {
	uint64_t epoch;
	uint64_t stop;
	uint64_t parts;		/* only the first of so many of the accounts */
	uint64_t limit;		/* transfers that each makes, 0: no limit */
	struct slot slots[WRITERS_MAX];
};

struct control *control_make(void);
void writer_run(struct bank *bank, unsigned int writer,
		struct control *control);
/* In a new process: makes window and pager, sends them, and writes. */
void writer_main(int sock, struct bank *bank, unsigned int writer,
		 struct control *control) __attribute__((noreturn));

/* keeper.c: who owns the memory. */

struct borrower {
	pid_t pid;
	int window;
	int pager;
};

struct keeper {
	struct bank bank;
	int space;
	struct control *control;
	struct borrower borrowers[WRITERS_MAX];
};

/* The memory at one instant. */
struct image {
	unsigned char *memory;	/* all pages; of an increment those before too */
	uint8_t *stored;	/* for each page: this image has it */
	size_t pages;
	size_t nr_stored;
	uint64_t number;
	uint64_t parent;	/* 0: all pages */
	/* how it came */
	uint64_t ns_take;	/* until nobody could write any more */
	uint64_t ns_all;	/* until everybody could again */
	size_t on_write;	/* pages saved since somebody wanted to write */
	size_t faults;
	uint64_t done;		/* transfers made while it was taken */
	uint64_t mappings;	/* that there are then: one of each writer, and cuts */
};

struct keeper *keeper_start(size_t size, unsigned int writers);
/* Takes over @memory, which is a bank already. */
struct keeper *keeper_continue(struct bank *bank, uint64_t limit);
/* They finish their transfer. */
void keeper_stop(struct keeper *keeper);
/* They don't. */
void keeper_kill(struct keeper *keeper);
/* Until each writer has made @n more transfers. */
void keeper_await(struct keeper *keeper, uint64_t n);
/* Until those with a limit are through. */
void keeper_await_end(struct keeper *keeper);
uint64_t keeper_done(const struct keeper *keeper);
/* The longest gap of any writer since keeper_epoch(). */
void keeper_epoch(struct keeper *keeper);
uint64_t keeper_gap(struct keeper *keeper);

void image_init(struct image *image, size_t size);
void image_free(struct image *image);
/*
 * @parent: NULL: all pages. @reference: where all of the memory is copied while
 * nobody can write, to compare; or NULL.
 */
void checkpoint(struct keeper *keeper, struct image *image,
		const struct image *parent, unsigned char *reference);
/* Without taking w, and in two halves with transfers in between. */
void checkpoint_torn(struct keeper *keeper, struct image *image);
/* All writers are stopped meanwhile. */
void checkpoint_stopped(struct keeper *keeper, struct image *image);

/* file.c: images in files. 0, or -1 and errno. */
int image_write(const char *path, const struct image *image,
		unsigned int writers);
/* Adds it to what is in @image; the size comes from the first one. */
int image_read(const char *path, struct image *image, unsigned int *writers);
uint64_t checksum(const void *p, size_t bytes);

/* main.c, proof.c, pause.c */

struct options {
	size_t size;
	size_t max;
	unsigned int writers;
	unsigned int cluster;	/* pages that are given back at a write */
	unsigned int pace;	/* us between two portions in the background */
	unsigned int rounds;
	unsigned int transfers;
	const char *directory;
	const char *svg;
	bool torn;
	char **files;
	unsigned int nr_files;
};

extern struct options options;

void *anonymous(size_t size, int flags);

void proof_run(void);
void restore_run(void);
void pause_run(void);
void curve_run(void);

/* fork.c: the same with threads, whose process forks. */

struct pause {
	double gap;		/* ms */
	double take;
	double all;
	double on_write;	/* pages */
	double done;		/* transfers meanwhile */
};

struct pause pause_fork(size_t size);

#endif /* CHECKPOINT_H */
