/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The backing file: slots of one page each. Must never hand out a slot that
 * could turn out to have no room on the disk.
 */
#ifndef PAGER_STORE_H
#define PAGER_STORE_H

#include <stddef.h>
#include <stdint.h>

/* Pages of a backing file, if nobody says less. */
#define STORE_SLOTS_MAX	(1U << 20)

/**
 * struct store - a backing file
 * @fd: the file, which has no name any more
 * @slots: the most that it may have
 * @used: slots that are somebody's
 * @made: slots that there is room for in the file
 * @free: slots below @made that are nobody's, a stack
 * @nr_free: how many
 */
struct store {
	int fd;
	unsigned int slots;
	unsigned int used;
	unsigned int made;
	unsigned int *free;
	unsigned int nr_free;
};

/**
 * store_open - make a backing file
 * @s: what is made
 * @path: a file, which must not exist; it is removed at once, so that nothing
 *	  of it is left whatever happens
 * @slots: the most pages that it may hold
 *
 * Return: 0 or -errno.
 */
int store_open(struct store *s, const char *path, unsigned int slots);

void store_close(struct store *s);

/**
 * store_reserve - get a slot
 * @s: store
 *
 * The file grows now, not when the page is written: who can still be told no is
 * told, and whoever has a slot can use it.
 *
 * Return: the slot; -ENOSPC if the limit is reached or the disk is full, or
 * another error of the file system's.
 */
int store_reserve(struct store *s);
void store_release(struct store *s, int slot);

/* One page. 0 or -errno. */
int store_write(struct store *s, int slot, const void *page);
int store_read(struct store *s, int slot, void *page);

#endif /* PAGER_STORE_H */
