/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The pager's frames: memory of its own, or memory that another pager serves,
 * and what lmap tells of their use. Must never lose that a frame was written.
 */
#ifndef PAGER_POOL_H
#define PAGER_POOL_H

#include "client.h"

#include <stdbool.h>

/**
 * struct pool - frames
 * @base: first byte
 * @frames: how many
 * @space: through which they are lent
 * @below: if @stacked: the memory, as a client of the pager below
 * @stacked: frames may vanish at any time, with all that was mapped from them
 * @dirty: frames that were written since they were loaded, as far as is known;
 *	   that lmap knows of others is not told by this
 */
struct pool {
	char *base;
	unsigned int frames;
	int space;
	struct paged below;
	bool stacked;
	uint8_t *dirty;
};

/**
 * pool_open - make a pool
 * @pool: what is made
 * @frames: how many
 * @below: socket of the pager that it lives on; NULL: memory of its own
 *
 * Return: 0 or -errno.
 */
int pool_open(struct pool *pool, unsigned int frames, const char *below);
void pool_close(struct pool *pool);

/* The memory of a frame. */
void *pool_frame(const struct pool *pool, unsigned int frame);

/**
 * pool_give - map a frame to a client
 * @pool: pool
 * @frame: which
 * @window: the client's
 * @offset: in the window
 * @write: for writing too
 *
 * The right to map on goes with it, as far as the client's window can have it.
 *
 * Return: 0 or -errno.
 */
int pool_give(struct pool *pool, unsigned int frame, int window,
	      uint64_t offset, bool write);

/**
 * pool_take - take a frame from everybody
 * @pool: pool
 * @frame: which
 *
 * When it returns nobody can use the frame, and pool->dirty says whether
 * anybody has written it: there is no time between looking and taking.
 *
 * Return: 0 or -errno.
 */
int pool_take(struct pool *pool, unsigned int frame);

/**
 * pool_take_all - take all frames from everybody, in one go
 * @pool: pool
 * @mappings: how many went, at all levels
 *
 * Return: 0 or -errno.
 */
int pool_take_all(struct pool *pool, uint64_t *mappings);

/* Eyes of a policy. */
bool pool_used(void *pool, unsigned int frame);
void pool_used_all(void *pool, uint8_t *used);

#endif /* PAGER_POOL_H */
