// SPDX-License-Identifier: GPL-2.0
/*
 * Memory for all contenders; see pool.h. What was freed is used again, also by
 * the next run: so only the first one pays for page faults, and it is not the
 * fastest.
 */
#include "pool.h"

#include <stdio.h>
#include <stdlib.h>

#include "contender.h"

#define SLAB	65536
#define PAGE	4096UL
#define LARGE	8192

size_t pool_bytes;

static const size_t sizes[] = {
	8, 16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096, LARGE,
};

static struct pool buffers[ARRAY_SIZE(sizes)];

/* Slabs begin at pages, so that objects of 128 bytes are two cache lines. */
static void *must(void *memory)
{
	if (memory)
		return memory;
	fprintf(stderr, "compare: out of memory\n");
	exit(1);
}

void *pool_alloc(struct pool *pool)
{
	size_t size = (pool->size + 7) & ~(size_t)7;
	void *object = pool->free;

	pool_bytes += size;
	if (object) {
		pool->free = *(void **)object;
		return object;
	}
	if (pool->left < size) {
		pool->fresh = must(aligned_alloc(PAGE, SLAB));
		pool->left = SLAB;
	}
	object = pool->fresh;
	pool->fresh += size;
	pool->left -= size;
	return object;
}

void pool_free(struct pool *pool, void *object)
{
	pool_bytes -= (pool->size + 7) & ~(size_t)7;
	*(void **)object = pool->free;
	pool->free = object;
}

static struct pool *buffers_of(size_t size)
{
	size_t i = 0;

	while (sizes[i] < size)
		i++;
	buffers[i].size = sizes[i];
	return &buffers[i];
}

static size_t pages(size_t size)
{
	return (size + PAGE - 1) & ~(PAGE - 1);
}

void *buf_alloc(size_t size)
{
	if (size <= LARGE)
		return pool_alloc(buffers_of(size));
	pool_bytes += pages(size);
	return must(aligned_alloc(PAGE, pages(size)));
}

void buf_free(void *buf, size_t size)
{
	if (size <= LARGE) {
		pool_free(buffers_of(size), buf);
		return;
	}
	pool_bytes -= pages(size);
	free(buf);
}
