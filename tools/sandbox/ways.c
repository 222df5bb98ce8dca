// SPDX-License-Identifier: GPL-2.0
/*
 * The host's side of the four ways to give an image to a plugin. Must never
 * count a byte as copied that was not, nor leave one out that was.
 *
 * LEND	the host's own memory; settle takes w, take takes r.
 * MEMFD	both map a memfd; settle and take try the seals that there are.
 * TAKEN	the same, but settle copies the result out and truncates the file,
 *	the one way to take the pages of a memfd away from a mapping.
 * COPY	through the channel, there and back.
 */
#define _GNU_SOURCE
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <lmap.h>

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE	0x0010
#endif

const char *way_name(enum way way)
{
	static const char *const names[WAYS] = {
		"lend", "memfd, seals", "memfd, truncate", "copy",
	};

	return names[way];
}

/* Starting and ending a plugin */

static void lmap_take(struct loan *l, unsigned int rights)
{
	int ret = lmap_unmap_range(l->space, l->memory, l->size, rights, 0,
				   NULL);

	if (ret)
		fail("lmap_unmap_range: %s", strerror(-ret));
}

static void __attribute__((noreturn)) become_plugin(int channel)
{
	static char *const args[] = { PLUGIN_NAME, NULL };
	static char *const env[] = { NULL };

	/* dup2() of a descriptor onto itself would leave it close-on-exec */
	if (channel == CHANNEL ? fcntl(channel, F_SETFD, 0) :
				 dup2(channel, CHANNEL) < 0)
		_exit(1);
	/* a new program: nothing of the host's memory is in it */
	execve("/proc/self/exe", args, env);
	_exit(1);
}

static void memfd_make(struct loan *l)
{
	int seals = F_SEAL_GROW | (l->way == MEMFD ? F_SEAL_SHRINK : 0);

	l->memfd = memfd_create("image", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (l->memfd < 0 || ftruncate(l->memfd, l->size) ||
	    fcntl(l->memfd, F_ADD_SEALS, seals))
		fail("memfd: %s", strerror(errno));
	l->shared = mmap(NULL, l->size, PROT_READ | PROT_WRITE, MAP_SHARED,
			 l->memfd, 0);
	if (l->shared == MAP_FAILED || lmap_send_fd(l->channel, l->memfd))
		fail("memfd: %s", strerror(errno));
}

/* Who neither reads nor writes holds the host up no longer than that. */
static void limit(int sock)
{
	struct timeval t = { options.deadline_ms / 1000,
			     options.deadline_ms % 1000 * 1000 };

	if (setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)) ||
	    setsockopt(sock, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t)))
		fail("setsockopt: %s", strerror(errno));
}

void loan_start(struct loan *l, enum method hole)
{
	struct setup s = { .way = l->way, .hole = hole, .size = l->size };
	struct answer a;
	int socks[2];

	l->window = l->memfd = -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, socks))
		fail("socketpair: %s", strerror(errno));
	fflush(NULL);
	l->pid = fork();
	if (l->pid < 0)
		fail("fork: %s", strerror(errno));
	if (!l->pid)
		become_plugin(socks[1]);
	close(socks[1]);
	l->channel = socks[0];
	limit(l->channel);
	if (send(l->channel, &s, sizeof(s), MSG_NOSIGNAL) != sizeof(s))
		fail("the plugin does not start");
	if (l->way == LEND)
		l->window = lmap_recv_fd(l->channel);
	else if (l->way != COPY)
		memfd_make(l);
	if (l->way != LEND)
		l->extra = l->size;
	if (!loan_answer(l, &a, -1, NULL) || !a.outcome.err)
		fail("the plugin could not be confined");
}

void loan_end(struct loan *l)
{
	if (l->way == LEND)
		lmap_take(l, LMAP_R);
	close(l->channel);
	kill(l->pid, SIGKILL);
	waitpid(l->pid, NULL, 0);
	if (l->shared)
		munmap(l->shared, l->size);
	if (l->memfd >= 0)
		close(l->memfd);
	if (l->window >= 0)
		close(l->window);
	l->shared = NULL;
}

/* Talking to it */

void loan_order(struct loan *l, const struct order *o)
{
	if (send(l->channel, o, sizeof(*o), MSG_NOSIGNAL) != sizeof(*o))
		fail("the plugin is gone");
}

bool loan_answer(struct loan *l, struct answer *a, int timeout_ms,
		 unsigned char *leaked)
{
	struct pollfd p = { .fd = l->channel, .events = POLLIN };
	ssize_t n;

	do {
		if (poll(&p, 1, timeout_ms) != 1)
			return false;
		n = recv(l->channel, a, sizeof(*a), 0);
		/* what a plugin sends is checked before it is anything */
		if (n == SECRET_SIZE && leaked)
			memcpy(leaked, a, SECRET_SIZE);
	} while (n == SECRET_SIZE && leaked);
	return n == sizeof(*a);
}

bool loan_ask(struct loan *l, const struct order *o, struct answer *a)
{
	loan_order(l, o);
	return loan_answer(l, a, options.deadline_ms, NULL);
}

/* Giving it */

static void send_image(struct loan *l)
{
	struct order o = { .what = TAKE_IN, .bytes = l->bytes };
	struct answer a;

	loan_order(l, &o);
	for (size_t done = 0; done < l->bytes;) {
		size_t part = l->bytes - done < MESSAGE_MAX ?
				      l->bytes - done : MESSAGE_MAX;

		if (send(l->channel, l->memory + done, part, MSG_NOSIGNAL) !=
		    (ssize_t)part)
			fail("the plugin is gone");
		done += part;
	}
	/* into the socket, and out of it */
	l->copied += 2 * l->bytes;
	if (!loan_answer(l, &a, options.deadline_ms, NULL))
		fail("the plugin does not take the image");
}

void loan_give(struct loan *l)
{
	struct lmap_map_opts opts = { .size = sizeof(opts) };
	size_t page = page_size();
	int ret;

	switch (l->way) {
	case LEND:
		if (l->populate)
			opts.flags = LMAP_POPULATE;
		/* behind the window's first page, see plugin.c */
		ret = lmap_map_range(l->space, l->memory, l->size,
				     LMAP_R | LMAP_W, l->window, page, &opts,
				     NULL);
		if (ret)
			fail("lmap_map_range: %s", strerror(-ret));
		break;
	case COPY:
		send_image(l);
		break;
	default:
		memcpy(l->shared, l->memory, l->bytes);
		l->copied += l->bytes;
	}
}

/* Taking it back */

/* Seals hold for what is mapped later, not for what is mapped. */
static void seal(struct loan *l)
{
	expect(fcntl(l->memfd, F_ADD_SEALS, F_SEAL_WRITE) == -1 &&
	       errno == EBUSY,
	       "F_SEAL_WRITE is refused while somebody has a writable mapping");
	expect(!fcntl(l->memfd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE),
	       "F_SEAL_FUTURE_WRITE can be set");
}

static void receive_image(struct loan *l)
{
	struct order o = { .what = GIVE_OUT, .bytes = l->bytes };
	struct answer a;

	loan_order(l, &o);
	for (size_t done = 0; done < l->bytes;) {
		ssize_t n = recv(l->channel, l->memory + done, l->bytes - done,
				 0);

		if (n <= 0)
			fail("the plugin does not give the image");
		done += n;
	}
	l->copied += 2 * l->bytes;
	if (!loan_answer(l, &a, options.deadline_ms, NULL))
		fail("the plugin is gone");
}

static void truncate_away(struct loan *l)
{
	if (ftruncate(l->memfd, 0))
		fail("ftruncate: %s", strerror(errno));
}

unsigned char *loan_settle(struct loan *l)
{
	if (l->careless)
		return l->memory;
	switch (l->way) {
	case LEND:
		lmap_take(l, LMAP_W);
		return l->memory;
	case MEMFD:
		seal(l);
		return l->shared;
	case TAKEN:
		memcpy(l->memory, l->shared, l->bytes);
		l->copied += l->bytes;
		truncate_away(l);
		return l->memory;
	default:
		receive_image(l);
		return l->memory;
	}
}

unsigned char *loan_take(struct loan *l)
{
	if (l->careless)
		return l->memory;
	switch (l->way) {
	case LEND:
		lmap_take(l, LMAP_R);
		return l->memory;
	case MEMFD:
		seal(l);
		return l->shared;
	case TAKEN:
		truncate_away(l);
		return l->memory;
	default:
		return l->memory;
	}
}
