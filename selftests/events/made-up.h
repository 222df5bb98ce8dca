/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A made-up kernel for the library's netlink code: what it receives are the
 * datagrams that a test has put into a queue, what it sends calls the test's
 * own answer(). The functions it is wrapped around are named in the Makefile.
 *
 * Must never let the real kernel answer.
 */
#ifndef LMAP_MADE_UP_H
#define LMAP_MADE_UP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include <netlink/msg.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>

#include <lmap.h>

#define FAMILY	30
#define GROUP	5

/* The request that came last, and how many there were. */
struct asked {
	unsigned int count;
	uint32_t seq;
	int flags;
	int cmd;
	struct nlattr *attrs[LMAP_A_MAX + 1];
	char bytes[512];
};

extern struct asked asked;
extern void (*answer)(void);

/* A datagram; several messages may go into one. */
void begin(uint32_t from);
void put_error(int error);
void put_done(int error, int flags);
void put_message(int cmd, uint32_t seq, int flags);
void put_u32(int type, uint32_t value);
void put_u64(int type, uint64_t value);
void queue(void);
/* recvfrom() fails like that, once. */
void queue_errno(int error);
unsigned int queued(void);
void queue_clear(void);

/* A datagram with an event: @seq is its number, @window lost w. */
void queue_event(uint64_t seq, uint64_t window);

/* What the library calls instead of the functions themselves. */
ssize_t __wrap_recvfrom(int fd, void *buffer, size_t size, int flags,
			struct sockaddr *from, socklen_t *length);
ssize_t __wrap_send(int fd, const void *bytes, size_t size, int flags);
int __wrap_genl_ctrl_resolve(struct nl_sock *sk, const char *name);
int __wrap_genl_ctrl_resolve_grp(struct nl_sock *sk, const char *name,
				 const char *group);

#endif /* LMAP_MADE_UP_H */
