/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The pager: serves the faults of its clients from one pool and one backing
 * file. Must never let what a client does, or what happens to it, be felt by
 * another but in time.
 */
#ifndef PAGER_SERVE_H
#define PAGER_SERVE_H

#include "client.h"
#include "policy.h"

/**
 * struct serve_options - what kind of pager
 * @socket: where clients connect; stays the caller's until serve_close()
 * @file: backing file, which must not exist
 * @below: socket of the pager whose memory the pool is; NULL: own memory
 * @frames: of the pool
 * @slots: the most pages in the backing file
 * @quota: the most of them for one client; 0: no limit of its own
 * @ops: policy
 */
struct serve_options {
	const char *socket;
	const char *file;
	const char *below;
	unsigned int frames;
	unsigned int slots;
	unsigned int quota;
	const struct policy_ops *ops;
};

struct serve;

/**
 * serve_open - make a pager
 * @options: what kind
 * @out: it
 *
 * Clients can connect when this returns; nobody is served yet.
 *
 * Return: 0 or -errno.
 */
int serve_open(const struct serve_options *options, struct serve **out);

/* Serves until serve_stop(). Return: 0 or -errno. */
int serve_run(struct serve *s);

/* Of signal handlers, too. */
void serve_stop(struct serve *s);

/* What it has done. */
const struct account *serve_account(struct serve *s);
void serve_close(struct serve *s);

#endif /* PAGER_SERVE_H */
