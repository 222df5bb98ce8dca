// SPDX-License-Identifier: GPL-2.0
/* The backing file; see store.h. */
#define _GNU_SOURCE
#include "store.h"
#include "util.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

int store_open(struct store *s, const char *path, unsigned int slots)
{
	*s = (struct store){ .slots = slots, .fd = -1 };
	if (slots > STORE_SLOTS_MAX)
		return -EINVAL;
	s->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (s->fd < 0)
		return -errno;
	unlink(path);
	/* Room for all of them, so that giving one back can't fail. */
	s->free = calloc(slots ? slots : 1, sizeof(*s->free));
	if (!s->free) {
		store_close(s);
		return -ENOMEM;
	}
	return 0;
}

void store_close(struct store *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	free(s->free);
	s->free = NULL;
}

static off_t place(int slot)
{
	return (off_t)slot * page_size();
}

/* A file system that can't reserve gets the page written, which is the same. */
static int make_room(struct store *s, int slot)
{
	void *zero;
	int ret;

	do {
		ret = fallocate(s->fd, 0, place(slot), page_size()) ? -errno : 0;
	} while (ret == -EINTR);
	if (ret != -EOPNOTSUPP)
		return ret;
	zero = calloc(1, page_size());
	if (!zero)
		return -ENOMEM;
	ret = store_write(s, slot, zero);
	free(zero);
	return ret;
}

int store_reserve(struct store *s)
{
	int slot, ret;

	if (s->nr_free) {
		slot = s->free[--s->nr_free];
	} else {
		if (s->made == s->slots)
			return -ENOSPC;
		slot = s->made;
		ret = make_room(s, slot);
		if (ret)
			return ret;
		s->made++;
	}
	s->used++;
	return slot;
}

void store_release(struct store *s, int slot)
{
	s->free[s->nr_free++] = slot;
	s->used--;
}

int store_write(struct store *s, int slot, const void *page)
{
	size_t done = 0;
	ssize_t n;

	while (done < page_size()) {
		n = pwrite(s->fd, (const char *)page + done,
			   page_size() - done, place(slot) + done);
		if (n <= 0 && (!n || errno != EINTR))
			return n ? -errno : -EIO;
		if (n > 0)
			done += n;
	}
	return 0;
}

int store_read(struct store *s, int slot, void *page)
{
	size_t done = 0;
	ssize_t n;

	while (done < page_size()) {
		n = pread(s->fd, (char *)page + done, page_size() - done,
			  place(slot) + done);
		if (n <= 0 && (!n || errno != EINTR))
			return n ? -errno : -EIO;
		if (n > 0)
			done += n;
	}
	return 0;
}
