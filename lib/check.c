// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * liblmap: a program that calls everything once. Without the module it checks
 * what needs none. Built as C and as C++, so it must never use what only one
 * of them has.
 */
#include <lmap.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/socket.h>

static int bad;

#define CHECK(what) do { \
	if (!(what)) { \
		bad++; \
		printf("not ok: %s:%d: %s\n", __FILE__, __LINE__, #what); \
	} \
} while (0)

static int open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

/* Every order, rights beyond the known ones, bases just right and just off. */
static void check_fpage(void)
{
	unsigned int order, rights, shift = 0;

	while (1L << shift < sysconf(_SC_PAGESIZE))
		shift++;
	for (order = 0; order < 100; order++)
	for (rights = 0; rights < 32; rights++) {
		uint64_t size = order < 64 ? 1ULL << order : 0;
		int good = order >= shift && order < 63 && rights < 16;
		lmap_fpage_t f = lmap_fpage_at(size, order, rights);

		CHECK(!good == (f == LMAP_NIL));
		if (good) {
			CHECK((f & LMAP_FPAGE_BASE_MASK) == size);
			CHECK(((f & LMAP_FPAGE_ORDER_MASK) >>
			      LMAP_FPAGE_ORDER_SHIFT) == order);
			CHECK((f & LMAP_FPAGE_RIGHTS_MASK) == rights);
			CHECK(lmap_fpage((void *)(uintptr_t)size, order,
					 rights) == f);
		}
		CHECK(lmap_fpage_at(size + size / 2, order, rights) ==
		      LMAP_NIL);
		CHECK(lmap_fpage_at(size + 1, order, rights) == LMAP_NIL);
	}
	CHECK(lmap_fpage_at(0, shift, 0) != LMAP_NIL);
}

/* A message with n descriptors. */
static void send_fds(int sock, int n)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(8 * sizeof(int))];
	} control;
	struct cmsghdr *c;
	struct msghdr msg;
	struct iovec iov;
	char byte = 0;
	int i, fd = 0;

	memset(&msg, 0, sizeof(msg));
	memset(&control, 0, sizeof(control));
	iov.iov_base = &byte;
	iov.iov_len = 1;
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	if (n) {
		msg.msg_control = control.space;
		msg.msg_controllen = CMSG_SPACE(n * sizeof(int));
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n * sizeof(int));
		for (i = 0; i < n; i++)
			memcpy(CMSG_DATA(c) + i * sizeof(int), &fd,
			       sizeof(fd));
	}
	CHECK(sendmsg(sock, &msg, 0) == 1);
}

static void check_passing(void)
{
	int socks[2], before, fd, n, on = 1;

	CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, socks));
	before = open_fds();
	errno = 4711;
	CHECK(!lmap_send_fd(socks[0], socks[0]));
	fd = lmap_recv_fd(socks[1]);
	CHECK(fd > 2 && open_fds() == before + 1);
	close(fd);
	for (n = 0; n < 9; n++) {
		if (n == 1)
			continue;
		send_fds(socks[0], n);
		CHECK(lmap_recv_fd(socks[1]) == -EPROTO);
		CHECK(open_fds() == before);
	}
	/* credentials stand before the descriptor */
	CHECK(!setsockopt(socks[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)));
	CHECK(!lmap_send_fd(socks[0], socks[0]));
	fd = lmap_recv_fd(socks[1]);
	CHECK(fd > 2);
	close(fd);
	errno = 4711;
	CHECK(lmap_send_fd(-1, 0) == -EBADF && lmap_recv_fd(-1) == -EBADF);
	close(socks[0]);
	CHECK(lmap_recv_fd(socks[1]) == -EPIPE);
	CHECK(lmap_send_fd(socks[1], 0) == -EPIPE);
	CHECK(errno == 4711);
	close(socks[1]);
}

/* What the library itself refuses; no descriptor is ever looked at. */
static void check_refusals(void)
{
	struct lmap_unmap_result un;
	struct lmap_map_result map;
	struct lmap_map_opts opts;
	struct {
		struct lmap_map_opts known;
		uint64_t tail;
	} longer;
	struct lmap_info info;
	unsigned int bits;

	memset(&un, 0, sizeof(un));
	memset(&map, 0, sizeof(map));
	memset(&opts, 0, sizeof(opts));
	memset(&longer, 0, sizeof(longer));
	memset(&info, 0, sizeof(info));
	CHECK(lmap_open(1) == -EOPNOTSUPP);
	CHECK(lmap_info(-1, &info) == -EINVAL);
	CHECK(lmap_map(-1, 0, -1, 0, &opts, NULL) == -EINVAL);
	CHECK(lmap_map(-1, 0, -1, 0, NULL, &map) == -EINVAL);
	CHECK(lmap_grant(-1, 0, -1, 0, &opts, NULL) == -EINVAL);
	CHECK(lmap_grant_range(-1, NULL, 0, 0, -1, 0, NULL, &map) == -EINVAL);
	CHECK(lmap_copy(-1, 0, -1, 0, &opts, NULL) == -EINVAL);
	CHECK(lmap_copy_range(-1, NULL, 0, 0, -1, 0, NULL, &map) == -EINVAL);
	CHECK(lmap_unmap(-1, 0, 0, 0, &un) == -EINVAL);
	CHECK(lmap_unmap(-1, 0, LMAP_RANGE, 0, NULL) == -EOPNOTSUPP);
	CHECK(lmap_unmap_range(-1, NULL, 0, 0, LMAP_ONLY, NULL) ==
	      -EOPNOTSUPP);
	opts.size = sizeof(opts);
	opts.flags = LMAP_RANGE;
	CHECK(lmap_map(-1, 0, -1, 0, &opts, NULL) == -EOPNOTSUPP);
	CHECK(lmap_grant(-1, 0, -1, 0, &opts, NULL) == -EOPNOTSUPP);
	CHECK(lmap_copy(-1, 0, -1, 0, &opts, NULL) == -EOPNOTSUPP);
	longer.known.size = sizeof(longer);
	CHECK(lmap_map(-1, 0, -1, 0, &longer.known, NULL) == -EBADF);
	longer.tail = 1;
	CHECK(lmap_map(-1, 0, -1, 0, &longer.known, NULL) == -E2BIG);
	CHECK(lmap_sync(-1) == -EBADF && lmap_window(-1, 1, 1, 0) == -EBADF);
	CHECK(lmap_reserve(-1, 1) == -EBADF);
	CHECK(lmap_pager(-1, 0, 0, 0) == -EBADF);
	CHECK(lmap_pager_read(-1, NULL, 1) == -EBADF);
	CHECK(lmap_pager_refuse(-1, 0, 4096) == -EBADF);
	bits = 4711;
	CHECK(lmap_status(-1, NULL, 0, 0, NULL, &bits) == -EBADF);
	CHECK(bits == 4711);
}

/* One byte short, one more than known: nothing is written past the size. */
static void check_info(int space, uint64_t mappings)
{
	struct {
		struct lmap_info known;
		unsigned char guard[64];
	} i;
	size_t n;

	memset(&i, 0xaa, sizeof(i));
	i.known.size = sizeof(i.known);
	CHECK(!lmap_info(space, &i.known));
	CHECK(i.known.size == sizeof(i.known) && i.guard[0] == 0xaa);
	CHECK(i.known.out_version == LMAP_VERSION);
	CHECK(i.known.out_mappings == mappings);
	i.known.size = sizeof(i.known) + 8;
	CHECK(!lmap_info(space, &i.known));
	for (n = 0; n < sizeof(i.guard); n++)
		CHECK(i.guard[n] == (n < 8 ? 0 : 0xaa));
	i.known.size = sizeof(i.known) - 1;
	CHECK(lmap_info(space, &i.known) == -EINVAL);
}

/* As of programs that are older, or newer: not a byte behind their size. */
static void check_unmap_sizes(int space, void *p, size_t size)
{
	struct {
		struct lmap_unmap_result known;
		unsigned char guard[8];
	} un;
	const unsigned char *bytes = (const unsigned char *)&un;
	size_t n, i;

	for (n = 4; n < sizeof(un); n++) {
		memset(&un, 0xaa, sizeof(un));
		un.known.size = n;
		CHECK(!lmap_unmap_range(space, p, size, 0, 0, &un.known));
		CHECK(un.known.size == n && (n < 8 || !un.known.flags));
		for (i = n < sizeof(un.known) ? n : sizeof(un.known);
		     i < sizeof(un); i++)
			CHECK(bytes[i] == 0xaa);
	}
}

/* Mapped, tracked: page by page what was read and written. */
static void check_status(int space, unsigned char *p, int window,
			 volatile unsigned char *view, size_t page)
{
	struct lmap_unmap_result un;
	struct lmap_map_opts opts;
	unsigned int bits = 4711;
	uint8_t pages[4];

	memset(&un, 0, sizeof(un));
	memset(&opts, 0, sizeof(opts));
	un.size = sizeof(un);
	opts.size = sizeof(opts);
	opts.flags = LMAP_TRACK;
	CHECK(!lmap_map_range(space, p, 4 * page, LMAP_RIGHTS_ALL, window, 0,
			      &opts, NULL));
	(void)view[page];
	view[3 * page] = 3;
	CHECK(!lmap_status(space, p, 4 * page, 0, pages, &bits));
	CHECK(bits == (LMAP_ACCESSED | LMAP_MODIFIED));
	CHECK(!pages[0] && pages[1] == LMAP_ACCESSED && !pages[2]);
	CHECK(pages[3] == (LMAP_ACCESSED | LMAP_MODIFIED));
	check_unmap_sizes(space, p, 4 * page);
	CHECK(!lmap_unmap_range(space, p, 2 * page, 0, LMAP_RESET, &un));
	CHECK(un.refbits == LMAP_ACCESSED && !un.mappings);
	CHECK(!lmap_status(space, p, 2 * page, 0, NULL, &bits) && !bits);
	CHECK(!lmap_status(space, p, 4 * page, LMAP_RESET, NULL, NULL));
	CHECK(!lmap_status(space, p, 4 * page, 0, pages, &bits) && !bits);
	CHECK(!pages[0] && !pages[1] && !pages[2] && !pages[3]);
	CHECK(lmap_status(space, p, page + 1, 0, pages, NULL) == -EINVAL);
	CHECK(lmap_status(space, p, page, LMAP_SELF, NULL, NULL) ==
	      -EOPNOTSUPP);
}

/* A window at @view with mappings is the source; two others are targets. */
static void check_grant_copy(int space, unsigned char *view, size_t page)
{
	unsigned int shift = __builtin_ctzl(page);
	int to = lmap_window(space, 4 * page, LMAP_RIGHTS_ALL, 0);
	unsigned char *got = (unsigned char *)
		lmap_window_mmap(to, 4 * page, PROT_READ);
	struct lmap_map_result map;
	struct lmap_map_opts opts;

	memset(&map, 0, sizeof(map));
	memset(&opts, 0, sizeof(opts));
	map.size = sizeof(map);
	opts.size = sizeof(opts);
	CHECK(got != MAP_FAILED);
	CHECK(!lmap_copy(space, lmap_fpage(view, shift, LMAP_R), to,
			 lmap_fpage_at(0, shift, 0), NULL, &map));
	CHECK(map.rights == LMAP_R && map.bytes == page);
	opts.budget = 1;
	CHECK(!lmap_copy_range(space, view, page, LMAP_R | LMAP_M, to, page,
			       &opts, &map));
	/* All that it may have is itself. */
	CHECK(lmap_map_range(space, got + page, page, LMAP_R, to, 2 * page,
			     NULL, NULL) == -EDQUOT);
	CHECK(got[0] == view[0] && got[page] == view[0]);
	CHECK(lmap_grant_range(space, view, page, LMAP_R, to, 2 * page, &opts,
			       NULL) == -EINVAL);
	CHECK(!lmap_grant(space, lmap_fpage(view, shift, LMAP_R), to,
			  lmap_fpage_at(2 * page, shift, 0), NULL, &map));
	CHECK(map.bytes == page && got[2 * page] == got[0]);
	CHECK(lmap_grant_range(space, view, page, LMAP_R, to, 0, NULL,
			       NULL) == -EFAULT);
	CHECK(!lmap_grant_range(space, view + page, page, LMAP_R, to, 0, NULL,
				&map));
	opts.budget = 0;
	opts.flags = LMAP_FLUSH;
	CHECK(!lmap_copy_range(space, view + 2 * page, page, LMAP_R, to,
			       3 * page, &opts, &map));
	CHECK(lmap_copy_range(space, view + 2 * page, page, LMAP_R, to, 0,
			      NULL, NULL) == -EFAULT);
	munmap(got, 4 * page);
	close(to);
}

/* Ordinary memory: one page is shared, then handed over. */
static void check_ordinary(int space, int window, const unsigned char *view,
			   size_t page)
{
	struct lmap_map_opts opts;
	struct lmap_info info;
	unsigned char in_core;
	unsigned char *p = (unsigned char *)
		mmap(NULL, page, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memset(&opts, 0, sizeof(opts));
	memset(&info, 0, sizeof(info));
	opts.size = sizeof(opts);
	info.size = sizeof(info);
	CHECK(p != MAP_FAILED);
	p[0] = 1;
	CHECK(!lmap_copy_range(space, p, page, LMAP_R, window, 0, NULL, NULL));
	p[0] = 2;
	CHECK(view[0] == 2);
	opts.flags = LMAP_TRACK;
	CHECK(lmap_grant_range(space, p, page, LMAP_R, window, page, &opts,
			       NULL) == -EOPNOTSUPP);
	CHECK(lmap_copy_range(space, p, page, LMAP_R, window, page, &opts,
			      NULL) == -EOPNOTSUPP);
	CHECK(!lmap_grant_range(space, p, page, LMAP_R, window, page, NULL,
				NULL));
	CHECK(view[page] == 2);
	CHECK(mincore(p, page, &in_core) && errno == ENOMEM);
	CHECK(!lmap_unmap_range(space, view, 2 * page, LMAP_RIGHTS_ALL,
				LMAP_SELF, NULL));
	CHECK(!lmap_info(space, &info) && !info.out_mappings);
}

/* Depth and budget count without their flags unless they are 0. */
static void check_limits(int space, void *p, int window, unsigned char *view,
			 size_t page)
{
	struct lmap_map_opts opts;

	memset(&opts, 0, sizeof(opts));
	opts.size = sizeof(opts);
	opts.depth = 1;
	CHECK(!lmap_map_range(space, p, page, LMAP_RIGHTS_ALL, window, 0,
			      &opts, NULL));
	CHECK(!lmap_map_range(space, view, page, LMAP_RIGHTS_ALL, window, page,
			      NULL, NULL));
	CHECK(lmap_map_range(space, view + page, page, LMAP_R, window,
			     2 * page, NULL, NULL) == -EMLINK);
	CHECK(!lmap_unmap(space, LMAP_WHOLE, LMAP_SELF, 0, NULL));
	opts.depth = 0;
	opts.flags = LMAP_LIMIT_BUDGET;
	CHECK(lmap_map_range(space, p, page, LMAP_R, window, 0, &opts,
			     NULL) == -EINVAL);
	CHECK(!lmap_reserve(space, 3) && !lmap_reserve(space, 0));
}

static void check_pager(int space, int window)
{
	int pager = lmap_pager(space, window, 0, 0);
	struct lmap_fault fault;

	CHECK(pager >= 0);
	CHECK(lmap_pager(space, window, 0, 0) == -EBUSY);
	CHECK(lmap_pager(space, window, 0, 1) == -EOPNOTSUPP);
	CHECK(lmap_pager_read(pager, &fault, 0) == -EINVAL);
	CHECK(!fcntl(pager, F_SETFL, O_NONBLOCK));
	CHECK(lmap_pager_read(pager, &fault, 1) == -EAGAIN);
	CHECK(lmap_pager_refuse(pager, 0, 1) == -EINVAL);
	CHECK(lmap_pager_refuse(pager, 0, getpagesize()) == 0);
	CHECK(!close(pager));
}

/* What it refuses by itself. */
static void check_monitor_refusals(struct lmap_monitor *m, int window)
{
	struct lmap_watched watched;
	struct lmap_stats stats;
	struct lmap_event event;

	memset(&watched, 0, sizeof(watched));
	memset(&stats, 0, sizeof(stats));
	memset(&event, 0, sizeof(event));
	CHECK(lmap_monitor_add_flags(m, window, 0, &watched) == -EINVAL);
	CHECK(lmap_monitor_add_flags(m, window, 1U << 31, NULL) ==
	      -EOPNOTSUPP);
	CHECK(lmap_monitor_add(m, -1) == -EBADF);
	CHECK(lmap_monitor_remove(m, &watched) == -EINVAL);
	watched.size = sizeof(watched);
	CHECK(lmap_monitor_remove(m, &watched) == -EINVAL);
	watched.window = 1;
	watched.space = 1;
	CHECK(lmap_monitor_remove(m, &watched) == -EINVAL);
	CHECK(lmap_monitor_next(m, &event, 0) == -EINVAL);
	CHECK(lmap_monitor_next(m, NULL, 0) == -EINVAL);
	CHECK(lmap_stats(m, &stats) == -EINVAL);
	CHECK(lmap_dump_in(m, 0, NULL, NULL) == -EINVAL);
}

static uint32_t me(void)
{
	return getpid();
}

/* The only mapping there must be; @arg is how many were told. */
static int count_node(const struct lmap_node *node, void *arg)
{
	CHECK(node->size == sizeof(*node) && node->id && node->region);
	CHECK(!node->parent && node->level == 1 && node->window);
	CHECK(node->rights == (LMAP_R | LMAP_M) && node->pid == me());
	CHECK(node->lender == me() && node->address);
	++*(int *)arg;
	return 4711;
}

static int count_window(const struct lmap_window_info *window, void *arg)
{
	CHECK(window->size == sizeof(*window) && window->window);
	CHECK(window->space && window->pid == me());
	++*(int *)arg;
	return 0;
}

static int readable(int fd)
{
	struct pollfd p;

	p.fd = fd;
	p.events = POLLIN;
	p.revents = 0;
	return poll(&p, 1, 0);
}

/* Lends a page and takes it back: what is heard, in order. */
static void check_events(struct lmap_monitor *m, int space, char *memory,
			 int window, size_t page)
{
	int fd = lmap_monitor_fd(m), nodes = 0, windows = 0;
	struct lmap_event event;

	memset(&event, 0, sizeof(event));
	event.size = sizeof(event);
	CHECK(!lmap_monitor_next(m, &event, 0) && !readable(fd));
	CHECK(!lmap_map_range(space, memory, page, LMAP_R | LMAP_M, window, 0,
			      NULL, NULL));
	CHECK(readable(fd));
	/* the event comes before the reply, and is kept */
	CHECK(lmap_dump(m, count_node, &nodes) == 4711 && nodes == 1);
	CHECK(!lmap_dump_windows(m, count_window, &windows) && windows >= 1);
	CHECK(readable(fd));
	CHECK(!lmap_unmap_range(space, memory, page, LMAP_R, 0, NULL));
	CHECK(lmap_monitor_next(m, &event, 0) == 1);
	CHECK(event.type == LMAP_EVENT_MAPPED && event.length == page);
	CHECK(event.rights_gained == (LMAP_R | LMAP_M) && !event.rights_lost);
	CHECK(event.reason == LMAP_REASON_MAP);
	CHECK(lmap_monitor_next(m, &event, 0) == 1);
	CHECK(event.type == LMAP_EVENT_REVOKED && !event.rights_left);
	CHECK(event.rights_lost == (LMAP_R | LMAP_M) && !event.offset);
	CHECK(event.reason == LMAP_REASON_UNMAP && event.mappings == 1);
	CHECK(event.pid == me() && event.window && event.node);
	CHECK(!lmap_monitor_next(m, &event, 1) && !readable(fd));
	CHECK(!lmap_dump(m, count_node, &nodes) && nodes == 1);
}

static void check_monitor(int space)
{
	struct lmap_monitor *m = lmap_monitor_open();
	size_t page = sysconf(_SC_PAGESIZE);
	int window = lmap_window(space, page, LMAP_RIGHTS_ALL, 0), ret;
	struct lmap_watched watched;
	struct lmap_stats stats;
	struct lmap_event event;
	void *memory = NULL;

	memset(&event, 0, sizeof(event));
	memset(&watched, 0, sizeof(watched));
	memset(&stats, 0, sizeof(stats));
	event.size = sizeof(event);
	watched.size = sizeof(watched);
	stats.size = sizeof(stats);
	CHECK(m && !posix_memalign(&memory, page, page));
	if (!m)
		return;
	memset(memory, 1, page);
	check_monitor_refusals(m, window);
	CHECK(lmap_monitor_add(m, 0) == -EBADFD);
	CHECK(!lmap_monitor_add(m, space));
	CHECK(!lmap_monitor_add_flags(m, window, LMAP_WATCH_GAINS, &watched));
	CHECK(watched.window && !watched.space);
	check_events(m, space, (char *)memory, window, page);
	CHECK(!lmap_dump_in(m, watched.window, count_node, NULL));
	CHECK(!lmap_monitor_remove(m, &watched));
	CHECK(lmap_monitor_remove(m, &watched) == -ENOENT);
	ret = lmap_stats(m, &stats);
	CHECK(ret == -EPERM || (!ret && stats.watches && stats.maps));
	ret = lmap_monitor_all(m);
	CHECK(!ret || ret == -EPERM);
	close(window);
	if (!ret) {
		CHECK(lmap_monitor_next(m, &event, 1000) == 1);
		CHECK(event.type == LMAP_EVENT_CLOSED);
		CHECK(event.reason == LMAP_REASON_CLOSE);
		CHECK(event.window == watched.window);
	}
	lmap_monitor_close(m);
	free(memory);
}

/* Without the module; errno is what tells. */
static void check_no_monitor(void)
{
	int before = open_fds();
	struct lmap_monitor *m;

	errno = 4711;
	m = lmap_monitor_open();
	CHECK(!m && (errno == ENOENT || errno == EPROTONOSUPPORT));
	CHECK(open_fds() == before);
	lmap_monitor_close(NULL);
}

static void check_device(int space)
{
	size_t page = sysconf(_SC_PAGESIZE), size = 4 * page;
	unsigned int shift = __builtin_ctzl(page);
	int window = lmap_window(space, size, LMAP_RIGHTS_ALL, 0);
	struct lmap_unmap_result un;
	struct lmap_map_result map;
	struct lmap_map_opts opts;
	unsigned char *view;
	void *p = NULL;

	CHECK(window >= 0);
	CHECK(lmap_window(space, size + 1, LMAP_R, 0) == -EINVAL);
	CHECK(lmap_window(space, size, LMAP_M, 0) == -EINVAL);
	CHECK(lmap_window(space, size, LMAP_R, 1) == -EOPNOTSUPP);
	CHECK(lmap_window_mmap(window, 2 * size, PROT_READ) == MAP_FAILED);
	view = (unsigned char *)lmap_window_mmap(window, size, PROT_READ);
	CHECK(view != MAP_FAILED && !posix_memalign(&p, size, size));
	memset(p, 7, size);
	memset(&map, 0, sizeof(map));
	memset(&un, 0, sizeof(un));
	memset(&opts, 0, sizeof(opts));
	map.size = sizeof(map);
	un.size = sizeof(un);
	opts.size = sizeof(opts);

	/* One page out of four: the hot spot says which, here the third. */
	opts.send_base = 2 * page;
	opts.flags = LMAP_POPULATE;
	CHECK(!lmap_map(space, lmap_fpage(p, shift + 2, LMAP_R | LMAP_M),
			window, lmap_fpage_at(page, shift, 0), &opts, &map));
	CHECK(map.bytes == page && map.mappings == 1 && map.node_id);
	CHECK(map.rights == (LMAP_R | LMAP_M));
	CHECK(map.fpage == lmap_fpage_at(page, shift, LMAP_R | LMAP_M));
	((unsigned char *)p)[2 * page] = 9;
	CHECK(view[page] == 9);
	check_info(space, 1);
	opts.send_base = 0;
	opts.flags = LMAP_NOREPLACE;
	CHECK(lmap_map_range(space, p, size, LMAP_R, window, 0, &opts,
			     NULL) == -EEXIST);
	CHECK(lmap_map_range(space, p, size, LMAP_R, window, page, NULL,
			     NULL) == -ENOSPC);
	CHECK(lmap_map_range(space, p, size, LMAP_R, 0, 0, NULL, NULL) ==
	      -EBADFD);
	opts.flags = LMAP_LIMIT_DEPTH;
	CHECK(!lmap_map_range(space, p, size, LMAP_RIGHTS_ALL & ~LMAP_X,
			      window, 0, &opts, &map));
	CHECK(map.bytes == size && map.fpage == LMAP_NIL);
	CHECK(view[0] == 7 && view[2 * page] == 9);

	CHECK(!lmap_sync(space));
	CHECK(!lmap_unmap_range(space, p, page, LMAP_RIGHTS_ALL, 0, &un));
	CHECK(un.mappings == 1 && un.pages == 1 && !un.flags);
	CHECK(!lmap_unmap(space, LMAP_WHOLE, LMAP_ONLY, window, &un));
	CHECK(un.pages == 3);
	CHECK(!lmap_unmap(space, LMAP_WHOLE, LMAP_SELF, -1, &un));
	CHECK(!un.mappings && !un.pages);
	check_info(space, 0);
	munmap(view, size);
	view = (unsigned char *)lmap_window_mmap(window, size,
						 PROT_READ | PROT_WRITE);
	CHECK(view != MAP_FAILED);
	check_status(space, (unsigned char *)p, window, view, page);
	check_grant_copy(space, view, page);
	CHECK(!lmap_unmap(space, LMAP_WHOLE, LMAP_SELF, 0, NULL));
	check_ordinary(space, window, view, page);
	check_limits(space, p, window, view, page);
	check_pager(space, window);
	check_info(space, 0);
	munmap(view, size);
	close(window);
	free(p);
}

int main(void)
{
	int space = lmap_open(0);

	check_fpage();
	check_passing();
	check_refusals();
	CHECK(!strcmp(lmap_reason_name(LMAP_REASON_UNMAP), "unmap"));
	CHECK(!strcmp(lmap_reason_name(LMAP_REASON_COPY), "copy"));
	CHECK(!strcmp(lmap_reason_name(LMAP_REASON_COPY + 1), "unknown"));
	if (space >= 0) {
		check_device(space);
		check_monitor(space);
		close(space);
	} else {
		check_no_monitor();
	}
	printf("liblmap: %s%s\n", bad ? "FAILED" : "ok",
	       space < 0 ? ", without the module" : "");
	return bad != 0;
}
