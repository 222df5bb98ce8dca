/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * liblmap inside: exporting, and structures that grow.
 *
 * Nothing here may be installed.
 */
#ifndef LMAP_INTERNAL_H
#define LMAP_INTERNAL_H

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "lmap.h"

#define LMAP_API __attribute__((visibility("default")))

static inline int lmap_ioctl(int fd, unsigned long cmd, void *arg)
{
	int saved = errno, ret;

	ret = ioctl(fd, cmd, arg) ? -errno : 0;
	errno = saved;
	return ret;
}

/*
 * Copies a caller's options: shorter ones are filled with zeroes, longer ones
 * must not say anything that this library does not know.
 */
static inline int lmap_opts_in(void *to, size_t known, const void *from)
{
	const unsigned char *bytes = (const unsigned char *)from;
	uint32_t size;

	if (!from) {
		memset(to, 0, known);
		return 0;
	}
	memcpy(&size, from, sizeof(size));
	if (size < sizeof(size))
		return -EINVAL;
	/* Nearly always; the compiler knows how much that is. */
	if (size == known) {
		memcpy(to, from, known);
		return 0;
	}
	memset(to, 0, known);
	for (size_t i = known; i < size; i++)
		if (bytes[i])
			return -E2BIG;
	memcpy(to, from, size < known ? size : known);
	return 0;
}

/* Writes as much of a result as the caller has room for; keeps its size. */
static inline void lmap_result_out(void *to, const void *from, size_t known)
{
	uint32_t size;

	if (!to)
		return;
	memcpy(&size, to, sizeof(size));
	if (size > known)
		size = known;
	if (size > sizeof(size))
		memcpy((char *)to + sizeof(size),
		       (const char *)from + sizeof(size),
		       size - sizeof(size));
}

static inline int lmap_result_check(const void *out)
{
	uint32_t size;

	if (!out)
		return 0;
	memcpy(&size, out, sizeof(size));
	return size < sizeof(size) ? -EINVAL : 0;
}

#endif /* LMAP_INTERNAL_H */
