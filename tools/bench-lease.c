// SPDX-License-Identifier: GPL-2.0
/*
 * lmap-bench: memory to lend, windows to lend it into. Memory here is at
 * multiples of 2 MiB and never of huge pages unless asked: neither must depend
 * on what else the process has.
 */
#define _GNU_SOURCE
#include <unistd.h>
#include <sys/mman.h>

#include <lmap.h>

#include "bench.h"

void *anonymous(size_t length, int flags)
{
	char *p = mmap(NULL, length + 2 * MIB, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
	char *at = (char *)(((uintptr_t)p + 2 * MIB - 1) & -(2 * MIB));

	if (p == MAP_FAILED)
		die("mmap");
	if (at > p)
		munmap(p, at - p);
	munmap(at + length, p + 2 * MIB - at);
	/* what a kernel without huge pages says does not matter */
	madvise(at, length, MADV_NOHUGEPAGE);
	return at;
}

void touch(volatile char *p, size_t pages)
{
	for (size_t i = 0; i < pages; i++)
		p[i * PAGE] = 1;
}

void see(const volatile char *p, size_t pages)
{
	size_t sum = 0;

	for (size_t i = 0; i < pages; i++)
		sum += p[i * PAGE];
	if (sum != pages)
		die("looking at what was lent");
}

/* A permutation if the number is a power of two. */
void touch_random(volatile char *p, size_t pages)
{
	size_t mask = pages - 1, at;

	for (size_t i = 0; i < pages; i++) {
		at = (i * 0x9e3779b1UL) & mask;
		at ^= at >> 7;
		at = (at * 0x85ebca6bUL) & mask;
		p[at * PAGE] = 1;
	}
}

int window_make(size_t pages, char **view)
{
	int w = lmap_window(space, pages * PAGE, LMAP_RIGHTS_ALL, 0);

	if (w < 0)
		die("window");
	if (!view)
		return w;
	*view = lmap_window_mmap(w, pages * PAGE, PROT_READ | PROT_WRITE);
	if (*view == MAP_FAILED)
		die("mmap of a window");
	return w;
}

void lease_make(struct lease *l, size_t pages, bool touched, bool view)
{
	l->pages = pages;
	l->mem = anonymous(pages * PAGE, MAP_NORESERVE);
	if (touched)
		touch(l->mem, pages);
	l->view = NULL;
	l->window = window_make(pages, view ? &l->view : NULL);
}

void lease_free(struct lease *l)
{
	if (l->view)
		munmap(l->view, l->pages * PAGE);
	close(l->window);
	munmap(l->mem, l->pages * PAGE);
	settle();
}

void lend(const char *from, size_t pages, int window, size_t wpage,
	  uint32_t flags)
{
	struct lmap_map_opts opts = { .size = sizeof(opts), .flags = flags };

	if (lmap_map_range(space, from, pages * PAGE, LMAP_RIGHTS_ALL, window,
			   wpage * PAGE, &opts, NULL))
		die("map");
}

void take(const char *from, size_t pages)
{
	if (lmap_unmap_range(space, from, pages * PAGE, LMAP_RIGHTS_ALL, 0,
			     NULL))
		die("unmap");
}
