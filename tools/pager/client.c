// SPDX-License-Identifier: GPL-2.0
/* A process whose memory a pager has; see client.h. */
#include "client.h"
#include "util.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <lmap.h>

int paged_connect(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int sock, ret;

	if (strlen(path) >= sizeof(to.sun_path))
		return -ENAMETOOLONG;
	strcpy(to.sun_path, path);
	sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (sock < 0)
		return -errno;
	if (connect(sock, (struct sockaddr *)&to, sizeof(to))) {
		ret = -errno;
		close(sock);
		return ret;
	}
	return sock;
}

/* Sends a request and waits for its answer; what is told in between is old. */
static int converse(int sock, const struct request *request,
		    struct reply *reply)
{
	ssize_t n;

	do {
		n = send(sock, request, sizeof(*request), MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	do {
		n = recv(sock, reply, sizeof(*reply), 0);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (!n)
			return -EPIPE;
	} while (n < 0 || reply->ask != request->ask);
	return n == sizeof(*reply) ? -(int)reply->error : -EPROTO;
}

int paged_ask(int sock, enum ask ask, struct account *account)
{
	struct request request = { .ask = ask };
	struct reply reply;
	int ret = converse(sock, &request, &reply);

	if (!ret && account)
		*account = reply.account;
	return ret;
}

int paged_why(const struct paged *p)
{
	struct reply reply;
	int why = 0;

	while (recv(p->sock, &reply, sizeof(reply), MSG_DONTWAIT) ==
	       sizeof(reply))
		if (reply.ask == TELL_REFUSED)
			why = reply.error;
	return why;
}

/* Makes the window its memory, and tells the pager. */
static int join(struct paged *p)
{
	struct request request = { .ask = ASK_JOIN, .pages = p->pages };
	size_t size = p->pages * page_size();
	struct reply reply;
	int pager, ret;

	p->base = lmap_window_mmap(p->window, size, PROT_READ | PROT_WRITE);
	if (p->base == MAP_FAILED) {
		p->base = NULL;
		return -errno;
	}
	pager = lmap_pager(p->space, p->window, 0, 0);
	if (pager < 0)
		return pager;
	ret = lmap_send_fd(p->sock, p->window);
	if (!ret)
		ret = lmap_send_fd(p->sock, pager);
	/* The pager alone has it from now on: if he dies, nobody waits. */
	close(pager);
	return ret ? ret : converse(p->sock, &request, &reply);
}

int paged_open(struct paged *p, const char *path, size_t pages,
	       unsigned int rights)
{
	int ret;

	*p = (struct paged){ .pages = pages, .space = -1, .window = -1 };
	p->sock = paged_connect(path);
	if (p->sock < 0)
		return p->sock;
	p->space = lmap_open(0);
	ret = p->space;
	if (ret >= 0) {
		p->window = lmap_window(p->space, pages * page_size(), rights,
					0);
		ret = p->window;
	}
	if (ret >= 0)
		ret = join(p);
	if (ret < 0)
		paged_close(p);
	return ret < 0 ? ret : 0;
}

void paged_close(struct paged *p)
{
	if (p->base)
		munmap(p->base, p->pages * page_size());
	if (p->window >= 0)
		close(p->window);
	if (p->space >= 0)
		close(p->space);
	close(p->sock);
}
