// SPDX-License-Identifier: GPL-2.0
/*
 * The pager's frames; see pool.h.
 *
 * Each frame is lent as a mapping of its own, whose reference bits are exact.
 * It is lent for writing at once, if its page may be written: the kernel makes
 * a page writable on the first write only, and that is when it sets
 * LMAP_MODIFIED; so nobody needs a message to know. Looking resets the bits,
 * so what was seen is kept in pool->dirty.
 *
 * On a pager below, what was mapped from a frame goes with the frame when that
 * one takes it, and the bits go too: nobody here was told. So whatever is not
 * known to be unwritten counts as written.
 */
#include "pool.h"
#include "util.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <lmap.h>

void *pool_frame(const struct pool *pool, unsigned int frame)
{
	return pool->base + frame * page_size();
}

static size_t pool_size(const struct pool *pool)
{
	return pool->frames * page_size();
}

/*
 * Each range that is lent is watched by itself, unless a larger one that holds
 * it is watched already. Lend all of it once, for a moment, and ask for its
 * reference bits: the kernel keeps those of the whole from then on, and a
 * thousand frames are watched as one.
 */
static int watch_as_one(struct pool *pool)
{
	int window = lmap_window(pool->space, pool_size(pool), LMAP_R, 0), ret;

	if (window < 0)
		return window;
	ret = lmap_map_range(pool->space, pool->base, pool_size(pool), LMAP_R,
			     window, 0, NULL, NULL);
	if (!ret)
		ret = lmap_status(pool->space, pool->base, pool_size(pool),
				  LMAP_RESET, NULL, NULL);
	close(window);
	return ret;
}

static int open_own(struct pool *pool)
{
	int ret;

	pool->space = lmap_open(0);
	if (pool->space < 0)
		return pool->space;
	pool->base = mmap(NULL, pool_size(pool), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ret = pool->base == MAP_FAILED ? -errno : watch_as_one(pool);
	if (ret) {
		if (pool->base != MAP_FAILED)
			munmap(pool->base, pool_size(pool));
		close(pool->space);
	}
	return ret;
}

static int open_stacked(struct pool *pool, const char *below)
{
	int ret = paged_open(&pool->below, below, pool->frames,
			     LMAP_R | LMAP_W | LMAP_M);
	unsigned int i;

	if (ret)
		return ret;
	pool->stacked = true;
	pool->space = pool->below.space;
	pool->base = pool->below.base;
	/*
	 * Who has written a page has its place in the backing file below, and
	 * gets it for writing from then on. If there is no room for all of it,
	 * that comes out now, before any client.
	 */
	for (i = 0; i < pool->frames; i++)
		*(volatile char *)pool_frame(pool, i) = 0;
	return 0;
}

int pool_open(struct pool *pool, unsigned int frames, const char *below)
{
	int ret;

	*pool = (struct pool){ .frames = frames };
	pool->dirty = calloc(frames, 1);
	if (!pool->dirty)
		return -ENOMEM;
	ret = below ? open_stacked(pool, below) : open_own(pool);
	if (ret) {
		free(pool->dirty);
		pool->dirty = NULL;
	}
	return ret;
}

void pool_close(struct pool *pool)
{
	if (!pool->dirty)
		return;
	free(pool->dirty);
	if (pool->stacked) {
		paged_close(&pool->below);
		return;
	}
	munmap(pool->base, pool_size(pool));
	close(pool->space);
}

int pool_give(struct pool *pool, unsigned int frame, int window,
	      uint64_t offset, bool write)
{
	unsigned int rights = LMAP_R | LMAP_M | (write ? LMAP_W : 0);
	unsigned int turns = 1000;
	int ret;

	do {
		/*
		 * What a pager below has taken must be there to be mapped on;
		 * it may be taken again before it is.
		 */
		if (pool->stacked)
			(void)*(volatile char *)pool_frame(pool, frame);
		ret = lmap_map_range(pool->space, pool_frame(pool, frame),
				     page_size(), rights, window, offset, NULL,
				     NULL);
	} while (ret == -EINTR || (pool->stacked &&
		 (ret == -EFAULT || ret == -ESTALE) && --turns));
	return turns ? ret : -EAGAIN;
}

/* What was seen of a frame. */
static bool note(struct pool *pool, unsigned int frame, unsigned int bits)
{
	if (bits & LMAP_MODIFIED)
		pool->dirty[frame] = 1;
	return bits & LMAP_ACCESSED;
}

int pool_take(struct pool *pool, unsigned int frame)
{
	struct lmap_unmap_result out = { .size = sizeof(out) };
	int ret;

	do {
		ret = lmap_unmap_range(pool->space, pool_frame(pool, frame),
				       page_size(), LMAP_R, LMAP_RESET, &out);
	} while (ret == -EINTR);
	if (ret)
		return ret;
	note(pool, frame, out.refbits);
	/* Somebody below has been here. */
	if (pool->stacked && !out.mappings)
		pool->dirty[frame] = 1;
	return 0;
}

bool pool_used(void *arg, unsigned int frame)
{
	struct pool *pool = arg;
	unsigned int bits = 0;

	/* An error would be a bug; then the frame looks as if not used. */
	lmap_status(pool->space, pool_frame(pool, frame), page_size(),
		    LMAP_RESET, NULL, &bits);
	return note(pool, frame, bits);
}

void pool_used_all(void *arg, uint8_t *used)
{
	struct pool *pool = arg;
	unsigned int i;

	for (i = 0; i < pool->frames; i++)
		used[i] = 0;
	lmap_status(pool->space, pool->base, pool_size(pool), LMAP_RESET, used,
		    NULL);
	for (i = 0; i < pool->frames; i++)
		used[i] = note(pool, i, used[i]);
}

/*
 * Who may not write any more can be looked at in peace; only then is the rest
 * taken.
 */
int pool_take_all(struct pool *pool, uint64_t *mappings)
{
	struct lmap_unmap_result out = { .size = sizeof(out) };
	uint8_t *used = calloc(pool->frames, 1);
	int ret;

	if (!used)
		return -ENOMEM;
	do {
		ret = lmap_unmap_range(pool->space, pool->base, pool_size(pool),
				       LMAP_W, 0, NULL);
	} while (ret == -EINTR);
	if (!ret) {
		pool_used_all(pool, used);
		do {
			ret = lmap_unmap_range(pool->space, pool->base,
					       pool_size(pool), LMAP_R, 0,
					       &out);
		} while (ret == -EINTR);
	}
	free(used);
	*mappings = out.mappings;
	return ret;
}
