// SPDX-License-Identifier: GPL-2.0
/*
 * The plugin's process. What is here before confine() is the host's: the
 * launcher, which makes the place where the image appears. What comes after it
 * is as good or bad as the plugin is.
 *
 * Must never make a system call after confine() that the filter does not know,
 * but to attack.
 */
#define _GNU_SOURCE
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <lmap.h>

static sigjmp_buf jump;
static volatile sig_atomic_t armed;
static struct outcome caught;

static void on_signal(int sig, siginfo_t *si, void *context)
{
	(void)context;
	if (!armed)
		_exit(128 + sig);
	caught.sig = si->si_signo;
	caught.code = si->si_code;
	siglongjmp(jump, 1);
}

/* Nothing is masked, so that leaving by a jump needs no system call. */
void catch_signals(void)
{
	struct sigaction sa;

	memset(&sa, 0, sizeof(sa));
	sa.sa_sigaction = on_signal;
	sa.sa_flags = SA_SIGINFO | SA_NODEFER;
	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
}

static struct outcome try_move(volatile unsigned char *to,
			       const volatile unsigned char *from, size_t bytes)
{
	memset(&caught, 0, sizeof(caught));
	if (!sigsetjmp(jump, 0)) {
		armed = 1;
		for (size_t i = 0; i < bytes; i++)
			to[i] = from[i];
	}
	armed = 0;
	return caught;
}

struct outcome try_load(const unsigned char *from, void *to, size_t bytes)
{
	return try_move(to, from, bytes);
}

struct outcome try_store(unsigned char *to, const void *from, size_t bytes)
{
	return try_move(to, from, bytes);
}

/* The launcher */

/* Addresses for the image, with a page before and one behind. */
static unsigned char *reserve(size_t size)
{
	size_t page = sysconf(_SC_PAGESIZE);
	unsigned char *p = mmap(NULL, size + 2 * page, PROT_NONE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* The window is all that is reserved, so that its rest is empty. */
static int borrow(struct plugin *p, unsigned char *place)
{
	size_t page = sysconf(_SC_PAGESIZE), all = p->size + 2 * page;
	int space = lmap_open(0);
	int window = lmap_window(space, all, LMAP_R | LMAP_W, 0);

	if (window < 0 ||
	    mmap(place, all, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		 window, 0) == MAP_FAILED)
		return -1;
	return lmap_send_fd(p->channel, window);
}

static int share(struct plugin *p)
{
	int fd = lmap_recv_fd(p->channel);

	return mmap(p->view, p->size, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED ? -1 : 0;
}

static int own(struct plugin *p)
{
	return mprotect(p->view, p->size, PROT_READ | PROT_WRITE);
}

static int launch(struct plugin *p)
{
	static const int none[2] = { -1, -1 };
	unsigned char *place;
	struct setup s;
	int ret;

	if (read(p->channel, &s, sizeof(s)) != sizeof(s))
		return -1;
	p->size = s.size;
	place = reserve(p->size);
	p->spare = reserve(p->size);
	if (!place || !p->spare)
		return -1;
	p->view = place + sysconf(_SC_PAGESIZE);
	p->pid = getpid();
	ret = s.way == LEND ? borrow(p, place) :
	      s.way == COPY ? own(p) : share(p);
	memcpy(p->pipes, none, sizeof(none));
	if (ret || (s.hole == BY_VMSPLICE && pipe2(p->pipes, O_CLOEXEC)) ||
	    close_all_but(p->channel, p->pipes))
		return -1;
	catch_signals();
	return confine(p->channel, p->pipes, s.hole);
}

/* The plugin */

static void work(struct plugin *p, const struct order *o, struct answer *a)
{
	struct image image;

	if (image_parse(p->view, o->bytes, &image)) {
		a->outcome.err = EINVAL;
		return;
	}
	image_filter(p->view, &image, o->filter, a->histogram);
}

static void touch(struct plugin *p)
{
	for (volatile unsigned char *v = p->view; v < p->view + p->size;
	     v += 4096)
		*v = *v + 1;
}

/* Messages of the channel; what is missing ends the plugin. */
static void take_in(struct plugin *p, size_t bytes)
{
	for (size_t done = 0; done < bytes;) {
		ssize_t n = read(p->channel, p->view + done, p->size - done);

		if (n <= 0)
			_exit(1);
		done += n;
	}
}

static void give_out(struct plugin *p, size_t bytes)
{
	for (size_t done = 0; done < bytes;) {
		size_t part = bytes - done < MESSAGE_MAX ? bytes - done :
							   MESSAGE_MAX;

		if (write(p->channel, p->view + done, part) != (ssize_t)part)
			_exit(1);
		done += part;
	}
}

static void obey(struct plugin *p, const struct order *o, struct answer *a)
{
	switch (o->what) {
	case WORK:
		work(p, o, a);
		break;
	case TOUCH:
		touch(p);
		break;
	case TAKE_IN:
		take_in(p, o->bytes);
		break;
	case GIVE_OUT:
		give_out(p, o->bytes);
		break;
	default:
		hostile(p, o, a);
	}
}

int plugin_main(void)
{
	struct plugin p = { .channel = CHANNEL };
	struct answer a;
	struct order o;
	int ret;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	ret = launch(&p);
	if (ret < 0)
		_exit(1);
	/* The first answer: how many calls are allowed. */
	memset(&a, 0, sizeof(a));
	a.outcome.err = ret;
	do {
		if (write(p.channel, &a, sizeof(a)) != sizeof(a) ||
		    read(p.channel, &o, sizeof(o)) != sizeof(o))
			break;
		memset(&a, 0, sizeof(a));
		obey(&p, &o, &a);
	} while (1);
	_exit(0);
}
