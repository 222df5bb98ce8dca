// SPDX-License-Identifier: GPL-2.0
/* The made-up kernel, see made-up.h. */
#define _GNU_SOURCE
#include "made-up.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT	70000

struct datagram {
	int error;
	uint32_t from;
	size_t length;
	char *bytes;
};

struct asked asked;
void (*answer)(void);

static struct datagram datagrams[LIMIT];
static unsigned int first, end;
static struct datagram making;
static struct nl_msg *message;

ssize_t __wrap_recvfrom(int fd, void *buffer, size_t size, int flags,
			struct sockaddr *from, socklen_t *length)
{
	struct datagram *d = &datagrams[first];
	ssize_t n;

	if (first == end) {
		errno = EAGAIN;
		return -1;
	}
	first++;
	if (d->error) {
		errno = d->error;
		return -1;
	}
	((struct sockaddr_nl *)from)->nl_pid = d->from;
	memcpy(buffer, d->bytes, d->length < size ? d->length : size);
	n = d->length;
	free(d->bytes);
	return n;
}

ssize_t __wrap_send(int fd, const void *bytes, size_t size, int flags)
{
	struct nlmsghdr *h = (struct nlmsghdr *)asked.bytes;
	struct genlmsghdr *g = nlmsg_data(h);

	if (size > sizeof(asked.bytes))
		abort();
	memcpy(asked.bytes, bytes, size);
	asked.count++;
	asked.seq = h->nlmsg_seq;
	asked.flags = h->nlmsg_flags;
	asked.cmd = g->cmd;
	nla_parse(asked.attrs, LMAP_A_MAX, genlmsg_attrdata(g, 0),
		  genlmsg_attrlen(g, 0), NULL);
	if (answer)
		answer();
	return size;
}

int __wrap_genl_ctrl_resolve(struct nl_sock *sk, const char *name)
{
	return FAMILY;
}

int __wrap_genl_ctrl_resolve_grp(struct nl_sock *sk, const char *name,
				 const char *group)
{
	return GROUP;
}

/* Puts the message that is being made behind those that are ready. */
static void end_message(void)
{
	struct nlmsghdr *h;

	if (!message)
		return;
	h = nlmsg_hdr(message);
	making.bytes = realloc(making.bytes,
			       making.length + NLMSG_ALIGN(h->nlmsg_len));
	memset(making.bytes + making.length, 0, NLMSG_ALIGN(h->nlmsg_len));
	memcpy(making.bytes + making.length, h, h->nlmsg_len);
	making.length += NLMSG_ALIGN(h->nlmsg_len);
	nlmsg_free(message);
	message = NULL;
}

void begin(uint32_t from)
{
	memset(&making, 0, sizeof(making));
	making.from = from;
}

static void put_status(int type, int error, int flags)
{
	end_message();
	message = nlmsg_alloc();
	nlmsg_put(message, 0, asked.seq, type, 0, flags);
	nlmsg_append(message, &error, sizeof(error), NLMSG_ALIGNTO);
	if (type == NLMSG_ERROR)
		nlmsg_append(message, asked.bytes, sizeof(struct nlmsghdr), 0);
}

void put_error(int error)
{
	put_status(NLMSG_ERROR, -error, 0);
}

void put_done(int error, int flags)
{
	put_status(NLMSG_DONE, -error, NLM_F_MULTI | flags);
}

void put_message(int cmd, uint32_t seq, int flags)
{
	end_message();
	message = nlmsg_alloc();
	genlmsg_put(message, 0, seq, FAMILY, 0, flags, cmd, 1);
}

void put_u32(int type, uint32_t value)
{
	nla_put_u32(message, type, value);
}

void put_u64(int type, uint64_t value)
{
	nla_put_u64(message, type, value);
}

static void add(struct datagram d)
{
	if (end == LIMIT)
		abort();
	datagrams[end++] = d;
}

void queue(void)
{
	end_message();
	add(making);
}

void queue_errno(int error)
{
	add((struct datagram){ .error = error });
}

unsigned int queued(void)
{
	return end - first;
}

void queue_clear(void)
{
	while (first < end)
		free(datagrams[first++].bytes);
	first = 0;
	end = 0;
	memset(&asked, 0, sizeof(asked));
	answer = NULL;
}

void queue_event(uint64_t seq, uint64_t window)
{
	begin(0);
	put_message(LMAP_CMD_REVOKED, 0, 0);
	put_u64(LMAP_A_SEQ, seq);
	put_u32(LMAP_A_REASON, LMAP_REASON_DOWNGRADE);
	put_u64(LMAP_A_WINDOW, window);
	put_u32(LMAP_A_PID, 77);
	put_u64(LMAP_A_NODE, 8);
	put_u64(LMAP_A_OFFSET, 0x3000);
	put_u64(LMAP_A_LENGTH, 0x2000);
	put_u32(LMAP_A_RIGHTS, LMAP_R | LMAP_M);
	put_u32(LMAP_A_RIGHTS_BEFORE, LMAP_R | LMAP_W | LMAP_M);
	put_u32(LMAP_A_MAPPINGS, 2);
	put_u64(LMAP_A_GENERATION, 9);
	queue();
}
