// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * liblmap: a socket of the netlink family lmap; what happens to windows and
 * spaces. Must never wait for a reader of its own, and never hide a loss.
 *
 * libnl makes and takes apart messages and finds the family. The socket is
 * read here: libnl's own loop makes one error of ENOBUFS and ENOMEM, goes
 * through signals, and has no place for events between the parts of a reply.
 */
#include "monitor.h"

#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <netlink/genl/ctrl.h>

/* What is asked for; the kernel gives at most net.core.rmem_max. */
#define RECEIVE_BUFFER	(1 << 20)
/* More events between the parts of a reply count as lost. */
#define KEPT_MAX	65536
/* So many fit into no receive buffer. */
#define DRAIN_MAX	4096

static const struct nla_policy policy[LMAP_ATTRS + 1] = {
	[LMAP_A_SEQ]		= { .type = NLA_U64 },
	[LMAP_A_GENERATION]	= { .type = NLA_U64 },
	[LMAP_A_REASON]		= { .type = NLA_U32 },
	[LMAP_A_WINDOW]		= { .type = NLA_U64 },
	[LMAP_A_PID]		= { .type = NLA_U32 },
	[LMAP_A_SPACE]		= { .type = NLA_U64 },
	[LMAP_A_NODE]		= { .type = NLA_U64 },
	[LMAP_A_PARENT]		= { .type = NLA_U64 },
	[LMAP_A_REGION]		= { .type = NLA_U64 },
	[LMAP_A_LENDER]		= { .type = NLA_U32 },
	[LMAP_A_ADDRESS]	= { .type = NLA_U64 },
	[LMAP_A_OFFSET]		= { .type = NLA_U64 },
	[LMAP_A_LENGTH]		= { .type = NLA_U64 },
	[LMAP_A_RIGHTS]		= { .type = NLA_U32 },
	[LMAP_A_RIGHTS_BEFORE]	= { .type = NLA_U32 },
	[LMAP_A_MAPPINGS]	= { .type = NLA_U32 },
	[LMAP_A_DEPTH]		= { .type = NLA_U32 },
	[LMAP_A_LEVEL]		= { .type = NLA_U32 },
	[LMAP_A_BUDGET]		= { .type = NLA_U32 },
	[LMAP_A_SPENT]		= { .type = NLA_U32 },
	[LMAP_A_NODE_FLAGS]	= { .type = NLA_U32 },
};

static const struct nla_policy stats_policy[LMAP_ATTRS + 1] = {
	[LMAP_A_STATS_SPACES]	= { .type = NLA_U64 },
	[LMAP_A_STATS_WINDOWS]	= { .type = NLA_U64 },
	[LMAP_A_STATS_WATCHES]	= { .type = NLA_U64 },
	[LMAP_A_STATS_MAPS]	= { .type = NLA_U64 },
	[LMAP_A_STATS_REVOKED]	= { .type = NLA_U64 },
	[LMAP_A_STATS_ZAPS]	= { .type = NLA_U64 },
	[LMAP_A_STATS_FAULTS]	= { .type = NLA_U64 },
	[LMAP_A_STATS_PAGES]	= { .type = NLA_U64 },
	[LMAP_A_STATS_PINS]	= { .type = NLA_U64 },
	[LMAP_A_STATS_EVENTS]	= { .type = NLA_U64 },
	[LMAP_A_STATS_LOST]	= { .type = NLA_U64 },
};

/* Attributes that are newer than this library are passed over. */
static int parse(struct nlmsghdr *h, struct nlattr **attrs)
{
	struct genlmsghdr *g = nlmsg_data(h);
	bool stats;

	if (!genlmsg_valid_hdr(h, 0))
		return -EPROTO;
	stats = g->cmd == LMAP_CMD_STATS_GET;
	if (nla_parse(attrs, LMAP_ATTRS, genlmsg_attrdata(g, 0),
		      genlmsg_attrlen(g, 0), stats ? stats_policy : policy))
		return -EPROTO;
	return 0;
}

/* LMAP_EVENT_*, or 0: not an event, or one that is newer than this library. */
static uint32_t event_type(struct lmap_monitor *m, struct nlmsghdr *h)
{
	if (h->nlmsg_type != m->family || !genlmsg_valid_hdr(h, 0))
		return 0;
	switch (((struct genlmsghdr *)nlmsg_data(h))->cmd) {
	case LMAP_CMD_REVOKED:
		return LMAP_EVENT_REVOKED;
	case LMAP_CMD_MAPPED:
		return LMAP_EVENT_MAPPED;
	case LMAP_CMD_CLOSED:
		return LMAP_EVENT_CLOSED;
	default:
		return 0;
	}
}

static void fill_event(struct lmap_event *e, struct nlattr **attrs)
{
	uint32_t left = lmap_u32(attrs, LMAP_A_RIGHTS);
	uint32_t before = lmap_u32(attrs, LMAP_A_RIGHTS_BEFORE);

	e->seq = lmap_u64(attrs, LMAP_A_SEQ);
	e->window = lmap_u64(attrs, LMAP_A_WINDOW);
	e->space = lmap_u64(attrs, LMAP_A_SPACE);
	e->node = lmap_u64(attrs, LMAP_A_NODE);
	e->offset = lmap_u64(attrs, LMAP_A_OFFSET);
	e->length = lmap_u64(attrs, LMAP_A_LENGTH);
	e->generation = lmap_u64(attrs, LMAP_A_GENERATION);
	e->rights_lost = before & ~left;
	e->rights_gained = left & ~before;
	e->rights_left = left;
	e->reason = lmap_u32(attrs, LMAP_A_REASON);
	e->mappings = lmap_u32(attrs, LMAP_A_MAPPINGS);
	e->pid = lmap_u32(attrs, LMAP_A_PID);
}

/* What can't be kept is lost, and next says so. */
static void keep_event(struct lmap_monitor *m, struct nlmsghdr *h,
		       uint32_t type)
{
	struct nlattr *attrs[LMAP_ATTRS + 1];
	struct lmap_kept *k;

	k = m->count < KEPT_MAX ? calloc(1, sizeof(*k)) : NULL;
	if (!k || parse(h, attrs)) {
		free(k);
		m->lost = true;
		return;
	}
	k->event.size = sizeof(k->event);
	k->event.type = type;
	fill_event(&k->event, attrs);
	*m->last = k;
	m->last = &k->next;
	m->count++;
}

/*
 * Reads what the socket has, without waiting: its bytes, 0 if it is of no use
 * (only the kernel's own word counts), or -errno.
 */
static int receive(struct lmap_monitor *m)
{
	struct sockaddr_nl from;
	socklen_t len = sizeof(from);
	ssize_t n;

	memset(&from, 0, sizeof(from));
	n = recvfrom(m->fd, m->buffer.bytes, sizeof(m->buffer.bytes),
		     MSG_DONTWAIT | MSG_TRUNC, (struct sockaddr *)&from, &len);
	if (n < 0)
		return -errno;
	if (n > sizeof(m->buffer.bytes))
		return -ENOBUFS;
	return from.nl_pid ? 0 : n;
}

/*
 * Keeps all events that are in the socket: room for the reply to a request, and
 * none is lost without a word: once it was full, the kernel says nothing more
 * until it is empty. If they come faster than they can be read it never is.
 */
static int drain(struct lmap_monitor *m)
{
	struct nlmsghdr *h;
	int n, i;

	for (i = 0; i < DRAIN_MAX; i++) {
		n = receive(m);
		if (n == -EAGAIN)
			return 0;
		if (n == -ENOBUFS)
			m->lost = true;
		else if (n < 0)
			return n;
		for (h = &m->buffer.align; n > 0 && nlmsg_ok(h, n);
		     h = nlmsg_next(h, &n)) {
			uint32_t type = event_type(m, h);

			if (type)
				keep_event(m, h, type);
		}
	}
	m->lost = true;
	return 0;
}

/* The descriptor for poll is readable as long as something is kept here. */
void lmap_monitor_signal(struct lmap_monitor *m)
{
	bool want = m->kept || m->lost;
	uint64_t n = 1;

	if (want == m->signalled)
		return;
	if (want ? write(m->ready, &n, sizeof(n)) == sizeof(n) :
		   read(m->ready, &n, sizeof(n)) == sizeof(n))
		m->signalled = want;
}

struct nl_msg *lmap_request_new(struct lmap_monitor *m, int cmd, int flags)
{
	struct nl_msg *msg = nlmsg_alloc();

	if (msg && !genlmsg_put(msg, 0, ++m->seq, m->family, 0,
				NLM_F_REQUEST | flags, cmd,
				LMAP_FAMILY_VERSION)) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return msg;
}

/* A request, and how it stands. */
struct request {
	lmap_reply_fn reply;
	void *arg;
	int ret;
	bool done;
	bool changed;
};

static int end_status(struct nlmsghdr *h)
{
	int status = 0;

	if (nlmsg_datalen(h) >= sizeof(status))
		memcpy(&status, nlmsg_data(h), sizeof(status));
	return status;
}

static void take(struct lmap_monitor *m, struct nlmsghdr *h,
		 struct request *r)
{
	struct nlattr *attrs[LMAP_ATTRS + 1];
	uint32_t type = event_type(m, h);

	if (type) {
		keep_event(m, h, type);
		return;
	}
	if (h->nlmsg_seq != m->seq)
		return;
	if (h->nlmsg_flags & NLM_F_DUMP_INTR)
		r->changed = true;
	if (h->nlmsg_type == NLMSG_ERROR || h->nlmsg_type == NLMSG_DONE) {
		r->done = true;
		if (!r->ret)
			r->ret = end_status(h);
	} else if (h->nlmsg_type == m->family && r->reply && !r->ret) {
		/* After an error the rest is read all the same, and dropped. */
		r->ret = parse(h, attrs);
		if (!r->ret)
			r->ret = r->reply(attrs, r->arg);
	}
}

/*
 * A request is answered before send() returns, and reading makes the kernel
 * go on with a dump: an empty socket means that the rest was lost.
 */
static int read_reply(struct lmap_monitor *m, struct request *r)
{
	struct nlmsghdr *h;
	int n;

	while (!r->done) {
		n = receive(m);
		if (n == -ENOBUFS) {
			m->lost = true;
			continue;
		}
		if (n == -EAGAIN)
			return -ENOBUFS;
		if (n < 0)
			return n;
		for (h = &m->buffer.align; nlmsg_ok(h, n);
		     h = nlmsg_next(h, &n))
			take(m, h, r);
	}
	if (!r->ret && r->changed)
		return -EAGAIN;
	return r->ret;
}

/*
 * Sends a request and takes its reply; frees the message, which may be NULL.
 * -EAGAIN: a dump that is complete, but what it tells of changed meanwhile.
 */
int lmap_request_send(struct lmap_monitor *m, struct nl_msg *msg,
		      lmap_reply_fn reply, void *arg)
{
	struct request r;
	int ret;

	if (!msg)
		return -ENOMEM;
	memset(&r, 0, sizeof(r));
	r.reply = reply;
	r.arg = arg;
	ret = drain(m);
	if (!ret && send(m->fd, nlmsg_hdr(msg), nlmsg_hdr(msg)->nlmsg_len, 0) < 0)
		ret = -errno;
	nlmsg_free(msg);
	return ret ? ret : read_reply(m, &r);
}

/* Both are asked before there can be an event, which libnl would drop. */
static int find_family(struct lmap_monitor *m)
{
	m->family = genl_ctrl_resolve(m->sk, LMAP_FAMILY_NAME);
	if (m->family < 0)
		return -ENOENT;
	m->group = genl_ctrl_resolve_grp(m->sk, LMAP_FAMILY_NAME,
					 LMAP_MCGRP_ALL);
	return m->group < 0 ? -ENOENT : 0;
}

/* libnl's way of connecting would tell neither errno nor leave the buffer. */
static int open_socket(struct lmap_monitor *m)
{
	struct sockaddr_nl here;
	int size = RECEIVE_BUFFER, fd, ret;

	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	if (fd < 0)
		return -errno;
	memset(&here, 0, sizeof(here));
	here.nl_family = AF_NETLINK;
	ret = bind(fd, (struct sockaddr *)&here, sizeof(here)) ? -errno : 0;
	if (!ret && nl_socket_set_fd(m->sk, NETLINK_GENERIC, fd))
		ret = -EINVAL;
	if (ret) {
		close(fd);
		return ret;
	}
	m->fd = fd;
	/* A smaller buffer only loses earlier. */
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	return 0;
}

static int open_poll(struct lmap_monitor *m)
{
	struct epoll_event in;

	memset(&in, 0, sizeof(in));
	in.events = EPOLLIN;
	m->ready = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	m->poll = epoll_create1(EPOLL_CLOEXEC);
	if (m->ready < 0 || m->poll < 0 ||
	    epoll_ctl(m->poll, EPOLL_CTL_ADD, m->ready, &in) ||
	    epoll_ctl(m->poll, EPOLL_CTL_ADD, m->fd, &in))
		return -errno;
	return 0;
}

LMAP_API struct lmap_monitor *lmap_monitor_open(void)
{
	struct lmap_monitor *m = calloc(1, sizeof(*m));
	int saved = errno, ret;

	if (!m) {
		errno = ENOMEM;
		return NULL;
	}
	m->last = &m->kept;
	m->ready = -1;
	m->poll = -1;
	m->sk = nl_socket_alloc();
	ret = m->sk ? open_socket(m) : -ENOMEM;
	if (!ret)
		ret = find_family(m);
	if (!ret)
		ret = open_poll(m);
	if (ret) {
		lmap_monitor_close(m);
		errno = -ret;
		return NULL;
	}
	errno = saved;
	return m;
}

LMAP_API void lmap_monitor_close(struct lmap_monitor *m)
{
	struct lmap_kept *k;
	int saved = errno;

	if (!m)
		return;
	while ((k = m->kept)) {
		m->kept = k->next;
		free(k);
	}
	if (m->poll >= 0)
		close(m->poll);
	if (m->ready >= 0)
		close(m->ready);
	nl_socket_free(m->sk);
	free(m);
	errno = saved;
}

LMAP_API int lmap_monitor_fd(struct lmap_monitor *m)
{
	return m->poll;
}

static int fill_watched(struct nlattr **attrs, void *arg)
{
	struct lmap_watched *w = arg;

	w->window = lmap_u64(attrs, LMAP_A_WINDOW);
	w->space = lmap_u64(attrs, LMAP_A_SPACE);
	return 0;
}

LMAP_API int lmap_monitor_add_flags(struct lmap_monitor *m,
				    int window_or_space, unsigned int flags,
				    struct lmap_watched *out)
{
	struct lmap_watched w;
	struct nl_msg *msg;
	int saved = errno, ret;

	ret = lmap_result_check(out);
	if (ret)
		return ret;
	if (flags & ~LMAP_WATCH_GAINS)
		return -EOPNOTSUPP;
	if (window_or_space < 0)
		return -EBADF;
	memset(&w, 0, sizeof(w));
	msg = lmap_request_new(m, LMAP_CMD_WATCH, NLM_F_ACK);
	if (msg) {
		nla_put_u32(msg, LMAP_A_FD, window_or_space);
		nla_put_u32(msg, LMAP_A_WATCH, flags);
	}
	ret = lmap_request_send(m, msg, fill_watched, &w);
	if (!ret)
		lmap_result_out(out, &w, sizeof(w));
	lmap_monitor_signal(m);
	errno = saved;
	return ret;
}

LMAP_API int lmap_monitor_add(struct lmap_monitor *m, int window_or_space)
{
	return lmap_monitor_add_flags(m, window_or_space, 0, NULL);
}

LMAP_API int lmap_monitor_remove(struct lmap_monitor *m,
				 const struct lmap_watched *what)
{
	struct lmap_watched w;
	struct nl_msg *msg;
	int saved = errno, ret;

	ret = lmap_opts_in(&w, sizeof(w), what);
	if (ret)
		return ret;
	if (!w.window == !w.space)
		return -EINVAL;
	msg = lmap_request_new(m, LMAP_CMD_UNWATCH, NLM_F_ACK);
	if (msg && w.window)
		nla_put_u64(msg, LMAP_A_WINDOW, w.window);
	else if (msg)
		nla_put_u64(msg, LMAP_A_SPACE, w.space);
	ret = lmap_request_send(m, msg, NULL, NULL);
	lmap_monitor_signal(m);
	errno = saved;
	return ret;
}

LMAP_API int lmap_monitor_all(struct lmap_monitor *m)
{
	int saved = errno, ret;

	ret = setsockopt(m->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &m->group,
			 sizeof(m->group)) ? -errno : 0;
	errno = saved;
	return ret;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* 1 if there is something to read, 0 if not in time. */
static int wait_for_message(struct lmap_monitor *m, int timeout_ms,
			    int64_t start)
{
	struct pollfd p = { .fd = m->fd, .events = POLLIN };
	int64_t left = timeout_ms;

	if (timeout_ms > 0) {
		left -= now_ms() - start;
		if (left < 0)
			left = 0;
	}
	return poll(&p, 1, left) < 0 ? -errno : !!p.revents;
}

/* Moves what the socket has into the queue: 0, or -errno. */
static int receive_events(struct lmap_monitor *m)
{
	struct nlmsghdr *h;
	int n;

	n = receive(m);
	if (n < 0)
		return n;
	for (h = &m->buffer.align; nlmsg_ok(h, n); h = nlmsg_next(h, &n)) {
		uint32_t type = event_type(m, h);

		if (type)
			keep_event(m, h, type);
	}
	return 0;
}

static void pop_event(struct lmap_monitor *m, struct lmap_event *out)
{
	struct lmap_kept *k = m->kept;

	lmap_result_out(out, &k->event, sizeof(k->event));
	m->kept = k->next;
	if (!m->kept)
		m->last = &m->kept;
	m->count--;
	free(k);
}

static int next_event(struct lmap_monitor *m, struct lmap_event *out,
		      int timeout_ms)
{
	int64_t start = timeout_ms > 0 ? now_ms() : 0;
	int ret;

	for (;;) {
		if (m->lost) {
			m->lost = false;
			return -ENOBUFS;
		}
		if (m->kept) {
			pop_event(m, out);
			return 1;
		}
		ret = receive_events(m);
		if (ret == -ENOBUFS)
			m->lost = true;
		if (!ret || ret == -ENOBUFS)
			continue;
		if (ret != -EAGAIN)
			return ret;
		ret = wait_for_message(m, timeout_ms, start);
		if (ret <= 0)
			return ret;
	}
}

LMAP_API int lmap_monitor_next(struct lmap_monitor *m, struct lmap_event *out,
			       int timeout_ms)
{
	int saved = errno, ret;

	if (!out || lmap_result_check(out))
		return -EINVAL;
	ret = next_event(m, out, timeout_ms);
	lmap_monitor_signal(m);
	errno = saved;
	return ret;
}
