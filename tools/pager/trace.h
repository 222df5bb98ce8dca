/* SPDX-License-Identifier: GPL-2.0 */
/*
 * References of pages, in order, and what a policy would have made of them.
 */
#ifndef PAGER_TRACE_H
#define PAGER_TRACE_H

#include "policy.h"

/**
 * struct trace - references of pages
 * @ref: page << 1 | written. Two in a row are never of the same page: that is
 *	 one reference, which no policy could tell from more
 * @nr: how many
 * @room: how many fit
 * @pages: page numbers are less
 */
struct trace {
	uint32_t *ref;
	size_t nr;
	size_t room;
	unsigned int pages;
};

/* Adds one. Exits if there is no memory: a trace with holes is worth nothing. */
void trace_add(struct trace *t, unsigned int page, bool write);
void trace_free(struct trace *t);

/**
 * struct tally - what became of references
 * @refs: how many there were
 * @faults: that found nothing
 * @reloads: of these, how many were read from the backing file
 * @written: pages written to it
 */
struct tally {
	uint64_t refs;
	uint64_t faults;
	uint64_t reloads;
	uint64_t written;
};

/* Hits of a hundred references. */
double tally_rate(const struct tally *t);

/*
 * The pool has so many frames and is empty at first. By a policy with exact
 * reference bits; by true LRU, which no pager can have; by OPT, who knows the
 * future. Pages that were never written are not written back.
 */
struct tally sim_policy(const struct trace *t, unsigned int frames,
			const struct policy_ops *ops);
struct tally sim_lru(const struct trace *t, unsigned int frames);
struct tally sim_opt(const struct trace *t, unsigned int frames);

#endif /* PAGER_TRACE_H */
