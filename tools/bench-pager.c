// SPDX-License-Identifier: GPL-2.0
/*
 * lmap-bench: what a fault costs that another thread answers, from the touch to
 * the next instruction, beside userfaultfd's missing faults and UFFDIO_COPY. In
 * both the pager waits in read() for each fault. It has a pool of frames that it
 * uses again and again, and so lends the pool as a whole, to itself, first: each
 * frame's mapping then derives from memory that is known. Nothing here may
 * answer more than one page at a time.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <linux/userfaultfd.h>

#include <lmap.h>

#include "bench.h"

#define FAULTS	512UL

/**
 * struct paged - memory that somebody answers faults in
 * @fd: where faults are read
 * @window: window descriptor, -1 with userfaultfd
 * @view: the memory
 * @pool: what appears there, page by page
 * @flags: of LMAP_MAP
 * @failed: the pager could not answer
 */
struct paged {
	int fd;
	int window;
	char *view;
	char *pool;
	uint32_t flags;
	bool failed;
};

static void *serve_lmap(void *arg)
{
	struct lmap_map_opts opts = { .size = sizeof(opts) };
	struct paged *p = arg;
	struct lmap_fault f;

	opts.flags = p->flags;
	while (lmap_pager_read(p->fd, &f, 1) == 1)
		if (lmap_map_range(space, p->pool + f.offset, PAGE,
				   LMAP_R | LMAP_W, p->window, f.offset, &opts,
				   NULL)) {
			p->failed = true;
			lmap_pager_refuse(p->fd, f.offset, PAGE);
		}
	return NULL;
}

static void *serve_uffd(void *arg)
{
	struct paged *p = arg;
	struct uffd_msg msg;

	while (read(p->fd, &msg, sizeof(msg)) == sizeof(msg)) {
		char *at = (char *)(uintptr_t)(msg.arg.pagefault.address &
					       -PAGE);
		struct uffdio_copy copy = {
			.dst = (uintptr_t)at, .len = PAGE,
			.src = (uintptr_t)(p->pool + (at - p->view)),
		};

		if (msg.event != UFFD_EVENT_PAGEFAULT)
			break;
		if (ioctl(p->fd, UFFDIO_COPY, &copy))
			p->failed = true;
		/* the last one: nothing else would end the read */
		if (at == p->view + (FAULTS - 1) * PAGE)
			break;
	}
	return NULL;
}

/* Touches all pages, each of which somebody must bring: time for one. */
static double touch_paged(struct paged *p, void *(*serve)(void *arg))
{
	pthread_t thread;
	double start, ns;

	if (pthread_create(&thread, NULL, serve, p))
		die("pthread_create");
	start = begin();
	touch(p->view, FAULTS);
	ns = end(start);
	if (p->window >= 0) {
		munmap(p->view, FAULTS * PAGE);
		close(p->window);
	}
	pthread_join(thread, NULL);
	if (p->window < 0)
		munmap(p->view, FAULTS * PAGE);
	close(p->fd);
	if (p->failed)
		die("answering a fault");
	return ns / FAULTS;
}

static char *pool_make(void)
{
	char *pool = anonymous(FAULTS * PAGE, 0);
	struct lmap_map_opts opts = { .size = sizeof(opts) };
	int window = lmap_window(space, FAULTS * PAGE, LMAP_RIGHTS_ALL, 0);
	char *view = lmap_window_mmap(window, FAULTS * PAGE,
				      PROT_READ | PROT_WRITE);

	touch(pool, FAULTS);
	if (view == MAP_FAILED ||
	    lmap_map_range(space, pool, FAULTS * PAGE, LMAP_RIGHTS_ALL, window,
			   0, &opts, NULL))
		die("pool");
	touch(view, FAULTS);
	return pool;
}

static double fault_lmap(void *arg)
{
	static char *pool;
	struct paged p = { .flags = *(const uint32_t *)arg };

	if (!pool)
		pool = pool_make();
	p.window = lmap_window(space, FAULTS * PAGE, LMAP_RIGHTS_ALL, 0);
	p.view = lmap_window_mmap(p.window, FAULTS * PAGE,
				  PROT_READ | PROT_WRITE);
	p.fd = lmap_pager(space, p.window, 0, 0);
	if (p.fd < 0 || p.view == MAP_FAILED)
		die("paged window");
	p.pool = pool;
	return touch_paged(&p, serve_lmap);
}

/* The kernel may have none, or not for everybody. */
static bool has_uffd(void)
{
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static double fault_uffd(void *arg)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct paged p = { .window = -1 };
	double ns;

	(void)arg;
	p.fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	p.view = mmap(NULL, FAULTS * PAGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	reg.range.start = (uintptr_t)p.view;
	reg.range.len = FAULTS * PAGE;
	if (p.fd < 0 || ioctl(p.fd, UFFDIO_API, &api) ||
	    ioctl(p.fd, UFFDIO_REGISTER, &reg))
		die("userfaultfd");
	p.pool = anonymous(FAULTS * PAGE, 0);
	touch(p.pool, FAULTS);
	ns = touch_paged(&p, serve_uffd);
	munmap(p.pool, FAULTS * PAGE);
	return ns;
}

void bench_pager(void)
{
	static uint32_t plain, populate = LMAP_POPULATE;
	struct cost lmap, full, uffd;

	if (!has_uffd())
		return;
	/* who runs when is for the scheduler, as with everybody's threads */
	clock_ordinary();
	measure_both(fault_lmap, &plain, &lmap, fault_uffd, NULL, &uffd);
	measure_both(fault_lmap, &populate, &full, fault_uffd, NULL, &uffd);
	clock_priority();
	row(.name = "fault answered by a pager", .per = "fault", .cost = lmap,
	    .against = "userfaultfd", .other = uffd.value, .limit = 1.1,
	    .target_ratio = 1.0, .by = BY_UFFD);
	row(.name = "the same, populated", .per = "fault", .cost = full,
	    .against = "userfaultfd", .other = uffd.value, .limit = 1.1,
	    .target_ratio = 1.0, .by = BY_UFFD);
	row(.name = "fault answered through userfaultfd", .per = "fault",
	    .cost = uffd, .by = BY_ITSELF);
}
