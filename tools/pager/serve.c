// SPDX-License-Identifier: GPL-2.0
/*
 * The pager; see serve.h. One thread, one epoll: who connects, what clients
 * ask, what faults. What a fault gets stands in fault.c.
 *
 * Whatever comes from a client may be wrong: it is looked at, and who sends
 * nonsense is gone. Nothing here may wait for a client.
 */
#define _GNU_SOURCE
#include "fault.h"
#include "util.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* So many faults of one client in a row, then the next one's. */
#define BATCH	16

static int watch(struct serve *s, struct source *source)
{
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = source };

	return epoll_ctl(s->epoll, EPOLL_CTL_ADD, source->fd, &e) ? -errno : 0;
}

/* Clients */

static void client_new(struct serve *s, int sock)
{
	struct client *c = calloc(1, sizeof(*c));

	if (!c) {
		close(sock);
		return;
	}
	c->sock = (struct source){ .fd = sock, .what = ASKED, .client = c };
	c->pager = (struct source){ .fd = -1, .what = FAULTED, .client = c };
	c->window = -1;
	c->next = s->clients;
	s->clients = c;
	if (watch(s, &c->sock))
		c->dead = true;
}

/* Its frames and slots are others' from now on. */
static void client_free(struct serve *s, struct client *c)
{
	if (c->page) {
		s->all.clients--;
		s->all.lost_clients++;
		fault_forget(s, c);
	}
	/* What still waits there fails: nobody will answer any more. */
	if (c->pager.fd >= 0)
		close(c->pager.fd);
	if (c->window >= 0)
		close(c->window);
	close(c->sock.fd);
	free(c);
}

/* After a turn of the loop: until then an event may point to a dead one. */
static void bury(struct serve *s)
{
	struct client **at = &s->clients, *c;

	while ((c = *at)) {
		if (c->dead) {
			*at = c->next;
			client_free(s, c);
		} else {
			at = &c->next;
		}
	}
}

static int client_join(struct serve *s, struct client *c, uint64_t pages)
{
	int ret;

	if (c->page || c->pager.fd < 0 || !pages || pages > UINT32_MAX)
		return -EINVAL;
	/* A descriptor of another kind must not make us wait. */
	if (fcntl(c->pager.fd, F_SETFL, O_RDONLY | O_NONBLOCK))
		return -errno;
	c->page = calloc(pages, sizeof(*c->page));
	if (!c->page)
		return -ENOMEM;
	c->pages = pages;
	for (uint64_t i = 0; i < pages; i++)
		c->page[i] = (struct page){ .frame = -1, .slot = -1 };
	s->all.clients++;
	ret = watch(s, &c->pager);
	return ret;
}

static void answer(struct serve *s, struct client *c,
		   const struct request *request)
{
	struct reply reply = { .ask = request->ask };
	uint64_t took = 0;
	int ret = 0;

	switch (request->ask) {
	case ASK_JOIN:
		ret = client_join(s, c, request->pages);
		break;
	case ASK_MINE:
		reply.account = c->account;
		break;
	case ASK_REVOKE:
		ret = pool_take_all(&s->pool, &took);
		s->all.revoked += took;
		__attribute__((__fallthrough__));
	case ASK_ALL:
		reply.account = *serve_account(s);
		break;
	default:
		ret = -EINVAL;
	}
	reply.error = -ret;
	/* Who does not read has no right to an answer. */
	if (send(c->sock.fd, &reply, sizeof(reply),
		 MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ||
	    (request->ask == ASK_JOIN && ret))
		c->dead = true;
}

/* First the window, then the pager, each alone in a message of one byte. */
static void take_descriptor(struct client *c)
{
	int fd = lmap_recv_fd(c->sock.fd);

	if (fd < 0 || c->pager.fd >= 0) {
		if (fd >= 0)
			close(fd);
		c->dead = true;
	} else if (c->window < 0) {
		c->window = fd;
	} else {
		c->pager.fd = fd;
	}
}

static void asked(struct serve *s, struct client *c)
{
	struct request request;
	ssize_t n = recv(c->sock.fd, &request, sizeof(request),
			 MSG_DONTWAIT | MSG_PEEK | MSG_TRUNC);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n == 1) {
		take_descriptor(c);
		return;
	}
	if (n != sizeof(request) ||
	    recv(c->sock.fd, &request, sizeof(request), MSG_DONTWAIT) != n) {
		c->dead = true;
		return;
	}
	answer(s, c, &request);
}

static void faulted(struct serve *s, struct client *c)
{
	struct lmap_fault faults[BATCH];
	int n = lmap_pager_read(c->pager.fd, faults, BATCH), i;

	if (n == -EAGAIN || n == -EINTR)
		return;
	/* 0: its window is gone. */
	if (n <= 0)
		c->dead = true;
	for (i = 0; i < n && !c->dead; i++)
		fault_answer(s, c, &faults[i]);
}

/* The pager */

static int listen_at(struct serve *s, const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	mode_t mask;
	int fd, ret;

	if (strlen(path) >= sizeof(at.sun_path))
		return -ENAMETOOLONG;
	strcpy(at.sun_path, path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	s->listen = (struct source){ .fd = fd, .what = CONNECTED };
	/* Who may connect uses up frames: the owner, unless he says more. */
	mask = umask(0077);
	ret = bind(fd, (struct sockaddr *)&at, sizeof(at)) ? -errno : 0;
	umask(mask);
	if (ret)
		return ret;
	s->path = path;
	return listen(fd, 16) ? -errno : watch(s, &s->listen);
}

static int open_parts(struct serve *s, const struct serve_options *options)
{
	struct policy_eye eye = { &s->pool, pool_used, pool_used_all };
	int ret = store_open(&s->store, options->file, options->slots);

	if (!ret)
		ret = pool_open(&s->pool, options->frames, options->below);
	if (!ret)
		ret = policy_init(&s->policy, options->ops, options->frames,
				  &eye);
	if (!ret)
		ret = listen_at(s, options->socket);
	return ret ? ret : watch(s, &s->stop);
}

int serve_open(const struct serve_options *options, struct serve **out)
{
	struct serve *s = calloc(1, sizeof(*s));
	int ret = -ENOMEM;

	if (!s)
		return ret;
	s->quota = options->quota;
	s->store.fd = s->listen.fd = -1;
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	s->stop = (struct source){ .fd = eventfd(0, EFD_CLOEXEC), .what = STOP };
	s->frame = calloc(options->frames, sizeof(*s->frame));
	s->free = calloc(options->frames, sizeof(*s->free));
	if (s->frame && s->free) {
		while (s->nr_free < options->frames) {
			s->free[s->nr_free] = options->frames - 1 - s->nr_free;
			s->nr_free++;
		}
		ret = open_parts(s, options);
	}
	if (ret)
		serve_close(s);
	else
		*out = s;
	return ret;
}

void serve_stop(struct serve *s)
{
	uint64_t one = 1;
	ssize_t n = write(s->stop.fd, &one, sizeof(one));

	(void)n;
}

static void happened(struct serve *s, struct source *source)
{
	struct client *c = source->client;
	int sock;

	if (c && c->dead)
		return;
	switch (source->what) {
	case CONNECTED:
		sock = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC);
		if (sock >= 0)
			client_new(s, sock);
		break;
	case ASKED:
		asked(s, c);
		break;
	case FAULTED:
		faulted(s, c);
		break;
	case STOP:
		s->stopped = true;
		break;
	}
}

int serve_run(struct serve *s)
{
	struct epoll_event events[16];
	int n, i;

	while (!s->stopped) {
		n = epoll_wait(s->epoll, events, 16, -1);
		if (n < 0 && errno != EINTR)
			return -errno;
		for (i = 0; i < n; i++)
			happened(s, events[i].data.ptr);
		bury(s);
	}
	return 0;
}

const struct account *serve_account(struct serve *s)
{
	s->all.frames_free = s->nr_free;
	s->all.slots = s->store.used;
	return &s->all;
}

void serve_close(struct serve *s)
{
	struct client *c;

	if (s->path)
		unlink(s->path);
	for (c = s->clients; c; c = c->next)
		c->dead = true;
	bury(s);
	policy_fini(&s->policy);
	pool_close(&s->pool);
	store_close(&s->store);
	if (s->listen.fd >= 0)
		close(s->listen.fd);
	if (s->epoll >= 0)
		close(s->epoll);
	if (s->stop.fd >= 0)
		close(s->stop.fd);
	free(s->frame);
	free(s->free);
	free(s);
}
