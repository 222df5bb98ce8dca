// SPDX-License-Identifier: GPL-2.0
/*
 * lmap - the shrinker: a clock over all chunks, which drops the tiles of some of
 * one region at a time.
 *
 * Must never wait for region->revoke, whose holder may be waiting for memory's
 * sake, and never take what LMAP_PIN covers.
 */
#include "tile.h"
#include "race.h"

#include <linux/slab.h>

struct kmem_cache *lmap_chunk_cache;
struct list_lru lmap_chunk_lru;
static struct shrinker *chunk_shrinker;
static bool chunk_lru_ready;

/* With how many chunks of one region it deals in one go. */
#define SHRINK_CHUNKS	16

struct shrink_batch {
	struct lmap_region *region;
	struct lmap_chunk *chunks[SHRINK_CHUNKS];
	unsigned int nr;
};

static enum lru_status shrink_isolate(LMAP_ISOLATE_ARGS(item, list, arg))
{
	struct lmap_chunk *chunk = container_of(item, struct lmap_chunk, lru);
	struct shrink_batch *batch = arg;

	if (batch->nr == SHRINK_CHUNKS)
		return LRU_SKIP;
	if (chunk->accessed) {
		chunk->accessed = false;
		return LRU_ROTATE;
	}
	if (!batch->region) {
		/* Teardown removes its chunks from here before it frees. */
		if (!lmap_region_tryget(chunk->region))
			return LRU_SKIP;
		if (!mutex_trylock(&chunk->region->revoke)) {
			/* Not the last reference: see shrink_scan(). */
			lmap_region_put(chunk->region);
			return LRU_SKIP;
		}
		batch->region = chunk->region;
	}
	if (batch->region != chunk->region)
		return LRU_SKIP;
	list_lru_isolate(list, item);
	lmap_race(shrink_isolated);
	batch->chunks[batch->nr++] = chunk;
	return LRU_REMOVED;
}

static void shrink_chunk(struct lmap_chunk *chunk)
{
	WRITE_ONCE(chunk->region->squeezed, (u32)jiffies);
	lmap_chunk_drop(chunk, ~0ULL,
			lmap_chunk_pinned(chunk->region, chunk->number));
}

static unsigned long shrink_count(struct shrinker *shrinker,
				  struct shrink_control *sc)
{
	/* Pairs with lmap_tile_init(); a scan comes only after a count > 0. */
	if (!smp_load_acquire(&chunk_lru_ready))
		return 0;
	return list_lru_shrink_count(&lmap_chunk_lru, sc) << LMAP_CHUNK_SHIFT;
}

static unsigned long shrink_scan(struct shrinker *shrinker,
				 struct shrink_control *sc)
{
	unsigned long todo = max(sc->nr_to_scan >> LMAP_CHUNK_SHIFT, 1UL);
	unsigned long freed = 0;
	unsigned int i;

	sc->nr_scanned = todo << LMAP_CHUNK_SHIFT;
	while (todo) {
		struct shrink_batch batch = {};
		unsigned long before;

		before = todo;
		freed += list_lru_walk_one(&lmap_chunk_lru, sc->nid, sc->memcg,
					   shrink_isolate, &batch, &todo) <<
			 LMAP_CHUNK_SHIFT;
		if (batch.nr)
			lmap_race_sleep(shrink_next);
		for (i = 0; i < batch.nr; i++)
			shrink_chunk(batch.chunks[i]);
		if (batch.region) {
			mutex_unlock(&batch.region->revoke);
			lmap_region_put(batch.region);
		}
		if (!batch.nr || todo == before)
			break;
	}
	return freed ?: SHRINK_STOP;
}

int lmap_tile_init(void)
{
	int ret = -ENOMEM;

	lmap_chunk_cache = KMEM_CACHE(lmap_chunk, SLAB_ACCOUNT |
				 SLAB_RECLAIM_ACCOUNT);
	if (!lmap_chunk_cache)
		return -ENOMEM;
	chunk_shrinker = shrinker_alloc(SHRINKER_MEMCG_AWARE |
					SHRINKER_NUMA_AWARE |
					SHRINKER_NONSLAB, "lmap");
	if (!chunk_shrinker)
		goto err_cache;
	chunk_shrinker->count_objects = shrink_count;
	chunk_shrinker->scan_objects = shrink_scan;
	chunk_shrinker->seeks = DEFAULT_SEEKS;
	chunk_shrinker->batch = SHRINK_CHUNKS << LMAP_CHUNK_SHIFT;
	ret = shrinker_register(chunk_shrinker);
	if (ret) {
		lmap_compat_shrinker_free(chunk_shrinker, false);
		goto err_cache;
	}
	/* The list wants the shrinker's number, known since it is registered. */
	ret = list_lru_init_memcg(&lmap_chunk_lru, chunk_shrinker);
	if (ret) {
		lmap_compat_shrinker_free(chunk_shrinker, true);
		goto err_cache;
	}
	/* The list is made before it is used: pairs with shrink_count(). */
	smp_store_release(&chunk_lru_ready, true);
	return 0;

err_cache:
	kmem_cache_destroy(lmap_chunk_cache);
	return ret;
}

/* No shrinker runs any more; chunks may still exist. */
void lmap_tile_stop(void)
{
	lmap_compat_shrinker_free(chunk_shrinker, true);
}

void lmap_tile_exit(void)
{
	list_lru_destroy(&lmap_chunk_lru);
	kmem_cache_destroy(lmap_chunk_cache);
}
