/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Page replacement: which frame of a full pool goes. Must never know whose page
 * a frame holds, nor how its use is found out: the same code decides in the
 * pager and in the simulation.
 */
#ifndef PAGER_POLICY_H
#define PAGER_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct policy_eye - how a policy sees what was used
 * @arg: for the calls
 * @used: was the frame used since it was asked about, or loaded?
 * @used_all: the same of all frames, one byte for each
 */
struct policy_eye {
	void *arg;
	bool (*used)(void *arg, unsigned int frame);
	void (*used_all)(void *arg, uint8_t *used);
};

struct policy;

/**
 * struct policy_ops - a way to choose
 * @name: for the command line
 * @size: of what it keeps, for a pool of so many frames
 * @init: @size bytes of zeroes are there
 * @loaded: a frame holds a new page
 * @gone: a frame is free, not by the policy's choice; may be NULL
 * @victim: choose one; all frames are in use. It is asked for each page that
 *	    has no place, and @loaded follows for the same frame unless its page
 *	    could not be written: then the next choice must be another
 */
struct policy_ops {
	const char *name;
	size_t (*size)(unsigned int frames);
	void (*init)(struct policy *p);
	void (*loaded)(struct policy *p, unsigned int frame);
	void (*gone)(struct policy *p, unsigned int frame);
	unsigned int (*victim)(struct policy *p);
};

/**
 * struct policy - a policy at work
 * @ops: which
 * @frames: how many frames the pool has
 * @eye: how it sees
 * @data: its own
 */
struct policy {
	const struct policy_ops *ops;
	unsigned int frames;
	struct policy_eye eye;
	void *data;
};

extern const struct policy_ops policy_fifo, policy_clock, policy_aging;

/* All of them, in the order in which tables show them; the last is NULL. */
extern const struct policy_ops *const policies[];

/* NULL: there is none of that name. */
const struct policy_ops *policy_find(const char *name);

/**
 * policy_init - put one to work
 * @p: what is made
 * @ops: which
 * @frames: of the pool, at least 1
 * @eye: copied
 *
 * Return: 0 or -ENOMEM.
 */
int policy_init(struct policy *p, const struct policy_ops *ops,
		unsigned int frames, const struct policy_eye *eye);
void policy_fini(struct policy *p);

#endif /* PAGER_POLICY_H */
