// SPDX-License-Identifier: GPL-2.0
/* What the tests of pagers share; see pager.h. Nothing here may sleep to wait for something. */
#include "pager.h"

int pager_create(int space, int window, uint64_t timeout)
{
	struct lmap_pager_create c = { .size = sizeof(c), .window = window,
				       .timeout = timeout };

	return ioctl(space, LMAP_PAGER_CREATE, &c) ? -errno : c.out_fd;
}

int pager_create_told(int space, int window)
{
	int next = dup(space), ret;

	/* the lowest number that is free is the one it gets */
	close(next);
	ret = pager_create(space, window, 0);
	if (ret == -EFAULT)
		close(next);
	return ret;
}

int pager_read(int pager, struct lmap_fault *faults, unsigned int max)
{
	ssize_t n = read(pager, faults, max * sizeof(*faults));

	return n < 0 ? -errno : n / (ssize_t)sizeof(*faults);
}

int pager_refuse(int pager, uint64_t offset, uint64_t length)
{
	struct lmap_refuse r = { .size = sizeof(r), .offset = offset,
				 .length = length };

	return ioctl(pager, LMAP_REFUSE, &r) ? -errno : (int)r.out_threads;
}

int pager_poll(int pager)
{
	struct pollfd p = { .fd = pager, .events = POLLIN };

	return poll(&p, 1, 0) < 0 ? -errno : p.revents;
}

long fdinfo_number(int fd, const char *name)
{
	char path[64], line[256];
	long value = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "r");
	if (!f)
		return -1;
	while (value < 0 && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name)) &&
		    line[strlen(name)] == ':')
			value = strtol(line + strlen(name) + 1, NULL, 10);
	fclose(f);
	return value;
}

static void *touch(void *arg)
{
	struct toucher *t = arg;

	__atomic_store_n(&t->tid, gettid(), __ATOMIC_RELEASE);
	if (t->poke == -2)
		t->result = __atomic_fetch_add((int *)t->addr, 1,
					       __ATOMIC_SEQ_CST);
	else
		t->result = t->poke < 0 ? peek(t->addr) :
					  poke(t->addr, t->poke);
	return NULL;
}

void touch_start(struct toucher *t, void *addr, int value)
{
	pthread_attr_t attr;

	t->addr = addr;
	t->poke = value;
	t->tid = 0;
	/* many of them shall fit */
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 4 * PG_MAX);
	if (pthread_create(&t->thread, &attr, touch, t))
		abort();
	pthread_attr_destroy(&attr);
}

int touch_end(struct toucher *t)
{
	pthread_join(t->thread, NULL);
	return t->result;
}

void *reader_run(void *arg)
{
	struct reader *r = arg;

	r->result = read(r->fd, r->to, 5);
	if (r->result < 0)
		r->result = -errno;
	__atomic_store_n(&r->done, true, __ATOMIC_RELEASE);
	return NULL;
}

static int client_main(int sock, size_t pages, uint64_t timeout,
		       int (*fn)(char *view))
{
	int space, window, pager;
	char *view;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	catch_faults();
	space = space_open();
	window = window_create(space, pages * PG, ALL);
	view = window_mmap(window, pages * PG, PROT_READ | PROT_WRITE);
	pager = pager_create(space, window, timeout);
	if (pager < 0 || send_fd(sock, window) || send_fd(sock, pager))
		return 255;
	close(pager);
	close(sock);
	return fn(view);
}

struct client client_start(size_t pages, uint64_t timeout,
			   int (*fn)(char *view))
{
	struct client c;
	int socks[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks))
		abort();
	c.pid = fork();
	if (!c.pid) {
		close(socks[0]);
		_exit(client_main(socks[1], pages, timeout, fn));
	}
	close(socks[1]);
	c.window = recv_fd(socks[0]);
	c.pager = recv_fd(socks[0]);
	close(socks[0]);
	return c;
}

int client_end(struct client *c)
{
	int status;

	close(c->window);
	close(c->pager);
	if (waitpid(c->pid, &status, 0) != c->pid)
		return -ECHILD;
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}
