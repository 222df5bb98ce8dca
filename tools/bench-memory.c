// SPDX-License-Identifier: GPL-2.0
/*
 * lmap-bench: memory of the kernel for each mapping and each region: the growth
 * of all slab caches while many are made. All of them, since the kernel merges
 * caches of one size: which one holds lmap's is not told. Nothing else may
 * happen on the machine, so the number is large and the rest is noise.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>

#include <lmap.h>

#include "bench.h"

#define MAPPINGS	100000UL
#define REGIONS		2000UL

/* Bytes in objects that are in use; -1 if that is not told. */
static double slab_bytes(void)
{
	FILE *f = fopen("/proc/slabinfo", "r");
	double active, size, sum = 0;
	char line[512];

	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%*s %lf %*f %lf", &active, &size) == 2)
			sum += active * size;
	fclose(f);
	return sum;
}

/* Each page of the memory is lent by itself. */
static void lend_each(const char *mem, size_t n, size_t step, int window)
{
	for (size_t i = 0; i < n; i++)
		lend(mem + i * step * PAGE, 1, window, i, 0);
}

static void counted(double *mappings, double *regions)
{
	struct lmap_info info = { .size = sizeof(info) };

	if (lmap_info(space, &info))
		die("info");
	*mappings = info.out_mappings;
	*regions = info.out_regions;
}

static double mapping_bytes(void)
{
	double before, bytes, m0, m1, r;
	struct lease l;
	int keep;

	lease_make(&l, MAPPINGS, false, false);
	keep = window_make(MAPPINGS, NULL);
	lend(l.mem, MAPPINGS, keep, 0, 0);
	settle();
	counted(&m0, &r);
	before = slab_bytes();
	lend_each(l.mem, MAPPINGS, 1, l.window);
	settle();
	bytes = slab_bytes() - before;
	counted(&m1, &r);
	if (m1 - m0 != MAPPINGS)
		die("counting mappings");
	take(l.mem, MAPPINGS);
	close(keep);
	lease_free(&l);
	return bytes / MAPPINGS;
}

/* Every second page, so that no two are one range. */
static double region_bytes(double mapping)
{
	double before, bytes, m, r0, r1;
	struct lease l;

	lease_make(&l, 2 * REGIONS, false, false);
	settle();
	counted(&m, &r0);
	before = slab_bytes();
	lend_each(l.mem, REGIONS, 2, l.window);
	settle();
	bytes = slab_bytes() - before;
	counted(&m, &r1);
	if (r1 - r0 != REGIONS)
		die("counting regions");
	take(l.mem, 2 * REGIONS);
	lease_free(&l);
	return bytes / REGIONS - mapping;
}

/* What the allocator takes for a node alone; 0 if that is not told. */
static double node_bytes(void)
{
	FILE *f = fopen("/sys/kernel/slab/lmap_node/slab_size", "r");
	double size;

	if (!f)
		return 0;
	if (fscanf(f, "%lf", &size) != 1)
		size = 0;
	fclose(f);
	return size;
}

void bench_memory(void)
{
	double m, r, n = node_bytes();

	if (slab_bytes() < 0)
		return;
	m = mapping_bytes();
	row(.name = "a mapping, of 100000 below one region", .per = "mapping",
	    .unit = "bytes", .cost = { m, 0, 0 }, .target = 128,
	    .by = BY_ITSELF);
	if (n)
		row(.name = "a mapping's node alone", .per = "node",
		    .unit = "bytes", .cost = { n, 0, 0 }, .target = 128,
		    .by = BY_ITSELF);
	r = region_bytes(m);
	row(.name = "a region, of 2000, beside its mapping", .per = "region",
	    .unit = "bytes", .cost = { r, 0, 0 }, .target = 400,
	    .by = BY_ITSELF);
}
