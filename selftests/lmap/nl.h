/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A generic netlink socket of the family "lmap", for kselftests: requests, and
 * messages decoded. Without libnl on purpose: what is tested is the kernel.
 */
#ifndef LMAP_TEST_NL_H
#define LMAP_TEST_NL_H

#include "util.h"
#include <linux/genetlink.h>
#include <linux/lmap_netlink.h>
#include <linux/netlink.h>

/* A message, or an entry of a dump; what it did not have is 0. */
struct told {
	int cmd;
	unsigned int flags;	/* NLM_F_* */
	uint64_t attr[LMAP_A_MAX + 1];
	uint64_t has;		/* bit set of attributes */
};

#define TOLD(t, name)	((t)->attr[LMAP_A_##name])

int nl_open(void);
/* Number of the object or -errno. */
long nl_watch(int nl, int fd, unsigned int watch);
int nl_unwatch(int nl, int attr, uint64_t id);
int nl_join(int nl);
/* The next message that nobody has asked for: 1, 0 if there is none, -errno. */
int nl_next(int nl, struct told *told);
/* Takes whatever is there; how many messages it was, or -errno. */
int nl_drain(int nl);
/*
 * Entries of a dump, at most @max; how many there are, or -errno. Messages that
 * come meanwhile are kept for nl_next() of that socket.
 */
int nl_dump(int nl, int cmd, uint64_t window, struct told *told, int max);
int nl_request(int nl, int cmd, unsigned int flags, const void *attrs,
	       size_t length);
int nl_answer(int nl, struct told *told, int max);
/*
 * After an unmap of @length bytes: what went is told with the reason, all of a
 * mapping for want of memory (@over), or just what was asked. A message that
 * there was no memory for is announced.
 */
bool nl_tells_losses(int nl, size_t length, unsigned int over,
		     unsigned int mappings);
/* Counters, by number of their attribute; needs root. */
long nl_stat(int attr);

#endif /* LMAP_TEST_NL_H */
