// SPDX-License-Identifier: GPL-2.0
/*
 * lmap-bench: what the kernel itself does for those who share or copy memory
 * without lmap, measured in the same boot. Must use nothing of lmap but an
 * ioctl that it does not know.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <linux/userfaultfd.h>

#include "bench.h"

#define PAGES	2048UL
#define SIZE	(PAGES * PAGE)

static double null_ioctl(void *arg)
{
	double start = begin();

	(void)arg;
	for (int i = 0; i < 100; i++)
		ioctl(space, 0, NULL);
	return end(start) / 100;
}

static char *map_file(int fd)
{
	char *p = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		die("mmap");
	return p;
}

/* A file all of whose pages are there. */
static int file_make(void)
{
	static int fd = -1;
	char *p;

	if (fd >= 0)
		return fd;
	fd = memfd_create("bench", 0);
	if (fd < 0 || ftruncate(fd, SIZE))
		die("memfd");
	p = map_file(fd);
	touch(p, PAGES);
	munmap(p, SIZE);
	return fd;
}

static double memfd_mmap(void *arg)
{
	int fd = file_make();
	double t = begin();
	char *p = map_file(fd);

	(void)arg;
	t = end(t);
	munmap(p, SIZE);
	return t;
}

static double memfd_write(void *arg)
{
	char *p = map_file(file_make());
	double t = begin();

	(void)arg;
	touch(p, PAGES);
	t = end(t);
	munmap(p, SIZE);
	return t / PAGES;
}

static double memfd_read(void *arg)
{
	char *p = map_file(file_make());
	double t = begin();

	(void)arg;
	see(p, PAGES);
	t = end(t);
	munmap(p, SIZE);
	return t / PAGES;
}

static double memfd_munmap(void *arg)
{
	char *p = map_file(file_make());
	double t;

	(void)arg;
	touch(p, PAGES);
	t = begin();
	munmap(p, SIZE);
	return end(t) / PAGES;
}

static double anon_munmap(void *arg)
{
	char *p = anonymous(SIZE, 0);
	double t;

	(void)arg;
	touch(p, PAGES);
	t = begin();
	munmap(p, SIZE);
	return end(t) / PAGES;
}

static double anon_mprotect(void *arg)
{
	char *p = anonymous(SIZE, 0);
	double t;

	(void)arg;
	touch(p, PAGES);
	t = begin();
	mprotect(p, SIZE, PROT_NONE);
	t = end(t);
	munmap(p, SIZE);
	return t / PAGES;
}

static double readv_pages(void *arg)
{
	static char *from, *to;
	struct iovec local, remote;
	double t;

	(void)arg;
	if (!from) {
		from = anonymous(SIZE, 0);
		to = anonymous(SIZE, 0);
		touch(from, PAGES);
		touch(to, PAGES);
	}
	local = (struct iovec){ to, SIZE };
	remote = (struct iovec){ from, SIZE };
	t = begin();
	if (process_vm_readv(getpid(), &local, 1, &remote, 1, 0) !=
	    (ssize_t)SIZE)
		die("process_vm_readv");
	return end(t) / PAGES;
}

/* A range that userfaultfd looks after; 0 if it may not. */
static int uffd_make(char *at, unsigned long mode)
{
	struct uffdio_api api = { .api = UFFD_API,
		.features = mode == UFFDIO_REGISTER_MODE_WP ?
			    UFFD_FEATURE_PAGEFAULT_FLAG_WP : 0 };
	struct uffdio_register reg = { .mode = mode };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	reg.range.start = (uintptr_t)at;
	reg.range.len = SIZE;
	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) ||
	    ioctl(fd, UFFDIO_REGISTER, &reg))
		die("userfaultfd");
	return fd;
}

static double uffd_copy(void *arg)
{
	char *from = anonymous(PAGE, 0), *p = anonymous(SIZE, 0);
	int fd = uffd_make(p, UFFDIO_REGISTER_MODE_MISSING);
	double t;

	(void)arg;
	touch(from, 1);
	t = begin();
	for (size_t i = 0; i < PAGES; i++) {
		struct uffdio_copy copy = {
			.dst = (uintptr_t)p + i * PAGE, .len = PAGE,
			.src = (uintptr_t)from,
		};

		if (ioctl(fd, UFFDIO_COPY, &copy))
			die("UFFDIO_COPY");
	}
	t = end(t);
	munmap(p, SIZE);
	munmap(from, PAGE);
	close(fd);
	return t / PAGES;
}

static double uffd_protect(void *arg)
{
	char *p = anonymous(SIZE, 0);
	int fd = uffd_make(p, UFFDIO_REGISTER_MODE_WP);
	struct uffdio_writeprotect wp = { .mode = UFFDIO_WRITEPROTECT_MODE_WP };
	double t;

	(void)arg;
	touch(p, PAGES);
	wp.range.start = (uintptr_t)p;
	wp.range.len = SIZE;
	t = begin();
	if (ioctl(fd, UFFDIO_WRITEPROTECT, &wp))
		die("UFFDIO_WRITEPROTECT");
	t = end(t);
	munmap(p, SIZE);
	close(fd);
	return t / PAGES;
}

static const struct {
	const char *name;
	bench_fn fn;
	const char *per;
} ops[NR_KERNEL_OPS] = {
	[K_IOCTL] = { "null ioctl", null_ioctl, "call" },
	[K_MEMFD_MMAP] = { "memfd: mmap", memfd_mmap, "call" },
	[K_MEMFD_WRITE] = { "memfd: first write", memfd_write, "page" },
	[K_MEMFD_READ] = { "memfd: first read", memfd_read, "page" },
	[K_MEMFD_MUNMAP] = { "memfd: munmap", memfd_munmap, "page" },
	[K_MUNMAP] = { "anonymous memory: munmap", anon_munmap, "page" },
	[K_MPROTECT] = { "anonymous memory: mprotect(PROT_NONE)",
			 anon_mprotect, "page" },
	[K_READV] = { "process_vm_readv", readv_pages, "page" },
	[K_UFFD_COPY] = { "userfaultfd: UFFDIO_COPY", uffd_copy, "page" },
	[K_UFFD_PROTECT] = { "userfaultfd: write-protect a range",
			     uffd_protect, "page" },
};

static struct cost costs[NR_KERNEL_OPS];

double kernel_cost(enum kernel_op op)
{
	if (!costs[op].value)
		costs[op] = measure_few(ops[op].fn, NULL);
	return costs[op].value;
}

const char *kernel_name(enum kernel_op op)
{
	return ops[op].name;
}

/* Without the right to use it, or without it, there are no such rows. */
static bool has_uffd(void)
{
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

void bench_kernel(void)
{
	bool uffd = has_uffd();

	for (int op = 0; op < NR_KERNEL_OPS; op++) {
		if (!uffd && (op == K_UFFD_COPY || op == K_UFFD_PROTECT))
			continue;
		kernel_cost(op);
		row(.name = ops[op].name, .per = ops[op].per,
		    .cost = costs[op], .by = BY_ITSELF);
	}
}
