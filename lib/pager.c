// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * liblmap: pagers, who answer faults in a window. Must never read more than
 * the caller has room for: what was read is the caller's to answer.
 */
#include "internal.h"

#include <limits.h>
#include <unistd.h>

LMAP_API int lmap_pager(int space, int window, uint64_t timeout_ns,
			unsigned int flags)
{
	struct lmap_pager_create arg;
	int ret;

	memset(&arg, 0, sizeof(arg));
	arg.size = sizeof(arg);
	arg.flags = flags;
	arg.window = window;
	arg.timeout = timeout_ns;
	ret = lmap_ioctl(space, LMAP_PAGER_CREATE, &arg);
	return ret ? ret : arg.out_fd;
}

LMAP_API int lmap_pager_read(int pager, struct lmap_fault *faults,
			     unsigned int max)
{
	int saved = errno;
	ssize_t n;

	if (max > INT_MAX / sizeof(*faults))
		max = INT_MAX / sizeof(*faults);
	n = read(pager, faults, max * sizeof(*faults));
	n = n < 0 ? -errno : n / (ssize_t)sizeof(*faults);
	errno = saved;
	return n;
}

LMAP_API int lmap_pager_refuse(int pager, uint64_t offset, size_t size)
{
	struct lmap_refuse arg;
	int ret;

	memset(&arg, 0, sizeof(arg));
	arg.size = sizeof(arg);
	arg.offset = offset;
	arg.length = size;
	ret = lmap_ioctl(pager, LMAP_REFUSE, &arg);
	return ret ? ret : (int)arg.out_threads;
}
