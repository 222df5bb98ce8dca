/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * liblmap inside: the netlink socket, as monitor.c keeps it and dump.c asks it.
 *
 * Nothing here may be installed.
 */
#ifndef LMAP_MONITOR_H
#define LMAP_MONITOR_H

#include <stdbool.h>

#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/genl/genl.h>

#include "internal.h"

/* The kernel makes no larger message, and fills what a reader has room for. */
#define LMAP_MESSAGE_MAX	32768

struct lmap_kept {
	struct lmap_kept *next;
	struct lmap_event event;
};

/**
 * struct lmap_monitor - a socket, and what came from it too early
 * @sk: of libnl; only at the beginning it also reads
 * @fd: of @sk
 * @family: number of the family lmap
 * @group: number of its multicast group
 * @ready: eventfd, readable if something is kept
 * @poll: epoll of @fd and @ready, for the user
 * @seq: of the last request
 * @signalled: @ready is readable
 * @lost: something was lost of which next has not told yet
 * @kept: events that came before the reply to a request
 * @last: where the next one is linked
 * @count: how many
 * @buffer: for one message
 */
struct lmap_monitor {
	struct nl_sock *sk;
	int fd;
	int family;
	int group;
	int ready;
	int poll;
	uint32_t seq;
	bool signalled;
	bool lost;
	struct lmap_kept *kept;
	struct lmap_kept **last;
	unsigned int count;
	union {
		struct nlmsghdr align;
		char bytes[LMAP_MESSAGE_MAX];
	} buffer;
};

/**
 * typedef lmap_reply_fn - takes one message of a reply
 * @attrs: its attributes by number, absent ones NULL
 * @arg: of the caller
 *
 * Return: 0 or -errno, which is the result of the request.
 */
typedef int (*lmap_reply_fn)(struct nlattr **attrs, void *arg);

/* As many attributes as any reply or event has. */
#define LMAP_ATTRS	LMAP_A_MAX
_Static_assert((int)LMAP_A_STATS_MAX <= (int)LMAP_ATTRS, "too few attributes");

struct nl_msg *lmap_request_new(struct lmap_monitor *m, int cmd, int flags);
int lmap_request_send(struct lmap_monitor *m, struct nl_msg *msg,
		      lmap_reply_fn reply, void *arg);
void lmap_monitor_signal(struct lmap_monitor *m);

static inline uint64_t lmap_u64(struct nlattr **attrs, int type)
{
	return attrs[type] ? nla_get_u64(attrs[type]) : 0;
}

static inline uint32_t lmap_u32(struct nlattr **attrs, int type)
{
	return attrs[type] ? nla_get_u32(attrs[type]) : 0;
}

#endif /* LMAP_MONITOR_H */
