/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory for all contenders, from free lists as the kernel's slabs have them, so
 * that none is better off for how it allocates. Counts what the kernel would
 * really take: objects of a cache of their own rounded to 8 bytes, buffers to
 * the sizes of kmalloc, large ones to pages. It ends the program rather than
 * fail. Must never be used by two threads.
 */
#ifndef POOL_H
#define POOL_H

#include <stddef.h>

/* What is allocated now. */
extern size_t pool_bytes;

/**
 * struct pool - objects of one size
 * @size: of each
 * @free: those that wait to be used again
 * @fresh: memory that was never used
 * @left: how many bytes of it
 */
struct pool {
	size_t size;
	void *free;
	char *fresh;
	size_t left;
};

void *pool_alloc(struct pool *pool);
void pool_free(struct pool *pool, void *object);

/* Not cleared. */
void *buf_alloc(size_t size);
void buf_free(void *buf, size_t size);

#endif
