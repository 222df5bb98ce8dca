// SPDX-License-Identifier: GPL-2.0
/*
 * The ioctl interface itself: sizes, unknown things, bad descriptors, wrong
 * processes. Each errno of the table in lmap.h; nothing may change.
 */
#include "pager.h"
#include "harness.h"

#include <pthread.h>

FIXTURE(abi) {
	int space;
	int window;
	char *mem;
	char *buf;		/* ends at a page that is not readable */
};

FIXTURE_SETUP(abi)
{
	catch_faults();
	self->space = space_open();
	ASSERT_GE(self->space, 0);
	self->window = window_create(self->space, 16 * PG, ALL);
	ASSERT_GE(self->window, 0);
	self->mem = memory(16);
	self->buf = mmap(NULL, 2 * PG, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(self->buf, MAP_FAILED);
	ASSERT_EQ(0, mprotect(self->buf + PG, PG, PROT_NONE));
}

FIXTURE_TEARDOWN(abi)
{
	/* Whatever was tried: nothing was mapped. */
	EXPECT_EQ(0, info(self->space).out_mappings);
	tiles_gone(self->space);
	close(self->window);
	close(self->space);
}

static int try(int fd, unsigned long cmd, void *arg)
{
	return ioctl(fd, cmd, arg) ? -errno : 0;
}

#define MAP_OK(self) { \
	.size = sizeof(struct lmap_map), .flags = LMAP_RANGE, \
	.snd = (uintptr_t)(self)->mem, .length = PG, .rights = LMAP_R, \
	.window = (self)->window }
#define UNMAP_OK(self) { \
	.size = sizeof(struct lmap_unmap), .flags = LMAP_RANGE, \
	.fpage = (uintptr_t)(self)->mem, .length = PG, .rights = ALL }
#define STATUS_OK(self) { \
	.size = sizeof(struct lmap_status), \
	.addr = (uintptr_t)(self)->mem, .length = PG }

/* Every ioctl with every size from 0 to beyond a page. */
LMAP_TEST(abi, length_of_every_struct)
{
	char *view = mmap(NULL, PG, PROT_READ, MAP_SHARED, self->window,
			  8 * PG);
	struct lmap_map lent = {
		.flags = LMAP_RANGE, .snd = (uintptr_t)view, .length = PG,
		.rights = LMAP_R, .window = self->window,
	};
	int other = window_create(self->space, PG, ALL);
	int pager = pager_create(self->space, other, 0);
	struct {
		unsigned long cmd;
		uint32_t min;
		int fd;
		union {
			struct lmap_info info;
			struct lmap_window_create create;
			struct lmap_map map;
			struct lmap_unmap unmap;
			struct lmap_status status;
			struct lmap_reserve reserve;
			struct lmap_sync sync;
			struct lmap_pager_create pager;
			struct lmap_refuse refuse;
		};
	} ops[] = {
		{ LMAP_INFO, sizeof(struct lmap_info), .info = {} },
		{ LMAP_WINDOW_CREATE, sizeof(struct lmap_window_create),
		  .create = { .length = PG, .rights = ALL } },
		{ LMAP_MAP, sizeof(struct lmap_map), .map = MAP_OK(self) },
		{ LMAP_UNMAP, sizeof(struct lmap_unmap),
		  .unmap = UNMAP_OK(self) },
		{ LMAP_SYNC, sizeof(struct lmap_sync), .sync = {} },
		{ LMAP_STATUS, sizeof(struct lmap_status),
		  .status = STATUS_OK(self) },
		{ LMAP_RESERVE, sizeof(struct lmap_reserve),
		  .reserve = { .nodes = 1 } },
		{ LMAP_GRANT, sizeof(struct lmap_map), .map = lent },
		{ LMAP_COPY, sizeof(struct lmap_map), .map = lent },
		{ LMAP_PAGER_CREATE, sizeof(struct lmap_pager_create),
		  .pager = { .window = self->window } },
		{ LMAP_REFUSE, sizeof(struct lmap_refuse), .fd = pager,
		  .refuse = { .length = PG } },
	};

	ASSERT_NE(MAP_FAILED, view);
	ASSERT_GE(pager, 0);
	for (int i = 0; i < sizeof(ops) / sizeof(*ops); i++) {
		uint32_t min = ops[i].min;
		int fd = ops[i].fd ?: self->space;
		char *end = self->buf + PG;

		/* what can be granted once: anew for each call that succeeds */
#define LENT_AGAIN ASSERT_EQ(0, map_range(self->space, self->mem, PG, ALL, \
					  self->window, 8 * PG, 0, NULL))
		/* a window has one pager: the next one when that is gone */
#define PAGER_AGAIN(arg) do { \
	if (ops[i].cmd == LMAP_PAGER_CREATE) \
		close(((struct lmap_pager_create *)(arg))->out_fd); \
} while (0)
		LENT_AGAIN;
		for (uint32_t size = 0; size < min; size++) {
			memcpy(self->buf, &ops[i].map, min);
			memcpy(self->buf, &size, 4);
			EXPECT_EQ(-EINVAL, try(fd, ops[i].cmd, self->buf));
		}
		/* exactly, at the very end of readable memory */
		memcpy(end - min, &ops[i].map, min);
		memcpy(end - min, &min, 4);
		EXPECT_EQ(0, try(fd, ops[i].cmd, end - min));
		PAGER_AGAIN(end - min);
		/* longer, with zeroes */
		memset(self->buf, 0, PG);
		memcpy(self->buf, &ops[i].map, min);
		*(uint32_t *)self->buf = min + 1;
		LENT_AGAIN;
		EXPECT_EQ(0, try(fd, ops[i].cmd, self->buf));
		PAGER_AGAIN(self->buf);
		LENT_AGAIN;
		*(uint32_t *)self->buf = PG;
		EXPECT_EQ(0, try(fd, ops[i].cmd, self->buf));
		PAGER_AGAIN(self->buf);
		/* longer, and dirty */
		self->buf[PG - 1] = 1;
		EXPECT_EQ(-E2BIG, try(fd, ops[i].cmd, self->buf));
		*(uint32_t *)self->buf = PG + 1;
		EXPECT_EQ(-E2BIG, try(fd, ops[i].cmd, self->buf));
		/* reaching out of readable memory */
		memcpy(end - 4, &min, 4);
		EXPECT_EQ(-EFAULT, try(fd, ops[i].cmd, end - 4));
		EXPECT_EQ(-EFAULT, try(fd, ops[i].cmd, NULL));
		EXPECT_EQ(0, unmap_fpage(self->space, LMAP_WHOLE, 0));
	}
	munmap(view, PG);
	close(pager);
	close(other);
}

LMAP_TEST(abi, unknown_ioctl_is_ENOTTY)
{
	struct lmap_info i = { .size = sizeof(i) };

	EXPECT_EQ(-ENOTTY, try(self->space, _IO(LMAP_IOC_TYPE, 0x7f), &i));
	EXPECT_EQ(-ENOTTY, try(self->space, _IO(0x45, 0), &i));
	EXPECT_EQ(-ENOTTY, try(self->space, _IOR(LMAP_IOC_TYPE, 0, int), &i));
	EXPECT_EQ(-ENOTTY, try(self->window, LMAP_INFO, &i));
	EXPECT_EQ(-ENOTTY, try(self->space, LMAP_REFUSE, &i));
}

LMAP_TEST(abi, unknown_flags_and_reserved_fields_are_EOPNOTSUPP)
{
	struct lmap_info i = { .size = sizeof(i), .flags = 1 };
	struct lmap_sync s = { .size = sizeof(s), .flags = 1 };
	struct lmap_window_create c = { .size = sizeof(c), .flags = 1,
					.length = PG, .rights = ALL };
	static const unsigned int every = LMAP_POPULATE | LMAP_NOREPLACE |
		LMAP_LIMIT_DEPTH | LMAP_LIMIT_BUDGET | LMAP_RANGE;
	static const struct { unsigned int cmd, known; } maps[] = {
		{ LMAP_MAP, every | LMAP_TRACK | LMAP_PIN },
		{ LMAP_GRANT, every },
		{ LMAP_COPY, every | LMAP_FLUSH },
	};
	int pager = pager_create(self->space, self->window, 0);

	ASSERT_GE(pager, 0);
	EXPECT_EQ(-EOPNOTSUPP, try(self->space, LMAP_INFO, &i));
	EXPECT_EQ(-EOPNOTSUPP, try(self->space, LMAP_SYNC, &s));
	EXPECT_EQ(-EOPNOTSUPP, try(self->space, LMAP_WINDOW_CREATE, &c));
	c.flags = 0;
	c.rights = 0x10;
	EXPECT_EQ(-EOPNOTSUPP, try(self->space, LMAP_WINDOW_CREATE, &c));
	for (int bit = 0; bit < 32; bit++) {
		struct lmap_map m = MAP_OK(self);
		struct lmap_unmap u = UNMAP_OK(self);

		if (bit > 3) {
			m.rights = 1U << bit;
			for (int k = 0; k < 3; k++)
				EXPECT_EQ(-EOPNOTSUPP,
					  try(self->space, maps[k].cmd, &m));
			m.rights = ALL;
			u.rights = 1U << bit;
			EXPECT_EQ(-EOPNOTSUPP,
				  try(self->space, LMAP_UNMAP, &u));
			u.rights = ALL;
		}
		for (int k = 0; k < 3; k++) {
			m.flags = LMAP_RANGE | 1U << bit;
			if (m.flags & ~maps[k].known)
				EXPECT_EQ(-EOPNOTSUPP,
					  try(self->space, maps[k].cmd, &m))
					TH_LOG("call %d flag %d", k, bit);
		}
		if (bit != 3 && bit != 8 && bit != 9 && bit != 10) {
			u.flags |= 1U << bit;
			EXPECT_EQ(-EOPNOTSUPP,
				  try(self->space, LMAP_UNMAP, &u));
		}
		if (bit != 10) {
			struct lmap_status st = STATUS_OK(self);

			st.flags = 1U << bit;
			EXPECT_EQ(-EOPNOTSUPP,
				  try(self->space, LMAP_STATUS, &st));
		}
		struct lmap_reserve r = { .size = sizeof(r), .nodes = 1,
					  .flags = 1U << bit };

		EXPECT_EQ(-EOPNOTSUPP, try(self->space, LMAP_RESERVE, &r));
		struct lmap_pager_create pc = { .size = sizeof(pc),
						.window = self->window,
						.flags = 1U << bit };
		struct lmap_refuse rf = { .size = sizeof(rf), .length = PG,
					  .flags = 1U << bit };

		EXPECT_EQ(-EOPNOTSUPP,
			  try(self->space, LMAP_PAGER_CREATE, &pc));
		EXPECT_EQ(-EOPNOTSUPP, try(pager, LMAP_REFUSE, &rf));
		rf.flags = 0;
		rf.reserved = 1U << bit;
		EXPECT_EQ(-EOPNOTSUPP, try(pager, LMAP_REFUSE, &rf));
	}
	close(pager);
	struct lmap_status st = STATUS_OK(self);

	st.reserved = 1;
	EXPECT_EQ(-EOPNOTSUPP, try(self->space, LMAP_STATUS, &st));
}

LMAP_TEST(abi, bad_descriptors)
{
	unsigned long maps[] = { LMAP_MAP, LMAP_GRANT, LMAP_COPY };
	struct lmap_map m = MAP_OK(self);
	struct lmap_unmap u = UNMAP_OK(self);

	for (int c = 0; c < 3; c++) {
		m.window = -1;
		EXPECT_EQ(-EBADF, try(self->space, maps[c], &m));
		m.window = 9999;
		EXPECT_EQ(-EBADF, try(self->space, maps[c], &m));
		m.window = self->space;
		EXPECT_EQ(-EBADFD, try(self->space, maps[c], &m));
		m.window = 0;
		EXPECT_EQ(-EBADFD, try(self->space, maps[c], &m));
	}
	EXPECT_EQ(1, peek(self->mem));
	u.flags |= LMAP_ONLY;
	u.only_window = -1;
	EXPECT_EQ(-EBADF, try(self->space, LMAP_UNMAP, &u));
	u.only_window = self->space;
	EXPECT_EQ(-EBADFD, try(self->space, LMAP_UNMAP, &u));
}

LMAP_TEST(abi, malformed_flexpages_are_EINVAL)
{
	uint64_t good = fpage(NULL, PO + 4, 0);
	uint64_t bad[] = {
		LMAP_NIL, fpage(NULL, 0, ALL), fpage(NULL, 2, ALL),
		fpage(NULL, PO - 1, ALL), fpage(NULL, 63, ALL),
		fpage((void *)PG, PO + 1, ALL),
		fpage((void *)(8 * PG), PO + 4, ALL),
		fpage((void *)1024, PO, ALL), fpage((void *)PG, 1, ALL),
	};

	for (int i = 0; i < sizeof(bad) / 8; i++) {
		EXPECT_EQ(-EINVAL, map_fpage(self->space, bad[i],
					     self->window, good, 0, NULL));
		EXPECT_EQ(-EINVAL, map_fpage(self->space, fpage(NULL, PO, ALL),
					     self->window, bad[i], 0, NULL));
		EXPECT_EQ(-EINVAL, unmap_fpage(self->space, bad[i], 0));
		for (int c = 0; c < 2; c++) {
			struct lmap_map m = {
				.size = sizeof(m), .snd = bad[i], .rcv = good,
				.window = self->window,
			};
			unsigned long cmd = c ? LMAP_COPY : LMAP_GRANT;

			EXPECT_EQ(-EINVAL, try(self->space, cmd, &m));
			m.snd = fpage(self->mem, PO, ALL);
			m.rcv = bad[i];
			EXPECT_EQ(-EINVAL, try(self->space, cmd, &m));
		}
	}
	EXPECT_EQ(1, peek(self->mem));
}

LMAP_TEST(abi, contradictory_fields_are_EINVAL)
{
	struct lmap_map m = MAP_OK(self);
	struct lmap_unmap u = UNMAP_OK(self);

	m.send_base = PG;
	EXPECT_EQ(-EINVAL, try(self->space, LMAP_MAP, &m));
	m.send_base = 0;
	m.depth = 1;
	EXPECT_EQ(-EINVAL, try(self->space, LMAP_MAP, &m));
	m.depth = 0;
	m.budget = 1;
	EXPECT_EQ(-EINVAL, try(self->space, LMAP_MAP, &m));
	EXPECT_EQ(-EINVAL, try(self->space, LMAP_COPY, &m));
	m.budget = 0;
	m.flags |= LMAP_LIMIT_BUDGET;
	EXPECT_EQ(-EINVAL, try(self->space, LMAP_MAP, &m));
	EXPECT_EQ(-EINVAL, try(self->space, LMAP_COPY, &m));
	m.flags = LMAP_RANGE;
	m.length = 0;
	EXPECT_EQ(-EINVAL, try(self->space, LMAP_GRANT, &m));
	EXPECT_EQ(-EINVAL, try(self->space, LMAP_COPY, &m));
	EXPECT_EQ(-EINVAL, try(self->space, LMAP_MAP, &m));
	m.length = PG + 1;
	EXPECT_EQ(-EINVAL, try(self->space, LMAP_MAP, &m));
	m.length = PG;
	m.rcv = 1;
	EXPECT_EQ(-EINVAL, try(self->space, LMAP_MAP, &m));
	m.rcv = 0;
	m.snd++;
	EXPECT_EQ(-EINVAL, try(self->space, LMAP_MAP, &m));
	u.only_window = 1;
	EXPECT_EQ(-EINVAL, try(self->space, LMAP_UNMAP, &u));
	u.only_window = 0;
	u.length = 0;
	EXPECT_EQ(-EINVAL, try(self->space, LMAP_UNMAP, &u));
	u.length = 12;
	EXPECT_EQ(-EINVAL, try(self->space, LMAP_UNMAP, &u));
	struct lmap_status st = STATUS_OK(self);

	st.length = 0;
	EXPECT_EQ(-EINVAL, try(self->space, LMAP_STATUS, &st));
	st.length = PG - 1;
	EXPECT_EQ(-EINVAL, try(self->space, LMAP_STATUS, &st));
	st.length = PG;
	st.addr++;
	EXPECT_EQ(-EINVAL, try(self->space, LMAP_STATUS, &st));
	/* fields that belong to the other form */
	m = (struct lmap_map){ .size = sizeof(m), .snd = fpage(NULL, PO, ALL),
			       .rcv = fpage(NULL, PO, 0), .length = PG,
			       .window = self->window };
	EXPECT_EQ(-EINVAL, try(self->space, LMAP_MAP, &m));
	m.length = 0;
	m.rights = LMAP_R;
	EXPECT_EQ(-EINVAL, try(self->space, LMAP_MAP, &m));
	u = (struct lmap_unmap){ .size = sizeof(u), .fpage = LMAP_WHOLE,
				 .length = PG };
	EXPECT_EQ(-EINVAL, try(self->space, LMAP_UNMAP, &u));
	u.length = 0;
	u.rights = LMAP_R;
	EXPECT_EQ(-EINVAL, try(self->space, LMAP_UNMAP, &u));
}

LMAP_TEST(abi, overflow)
{
	void *high = (void *)-PG;

	EXPECT_EQ(-EOVERFLOW, map_range(self->space, high, 2 * PG, LMAP_R,
					self->window, 0, 0, NULL));
	EXPECT_EQ(-EOVERFLOW, map_range(self->space, self->mem, 2 * PG, LMAP_R,
					self->window, -PG, 0, NULL));
	EXPECT_EQ(-EOVERFLOW, unmap_range(self->space, high, 2 * PG, LMAP_R,
					  0, NULL));
	EXPECT_EQ(-EFAULT, map_range(self->space, high, PG, LMAP_R,
				     self->window, 0, 0, NULL));
	EXPECT_EQ(-ENOSPC, map_range(self->space, self->mem, PG, LMAP_R,
				     self->window, -PG, 0, NULL));
	EXPECT_EQ(-ENOSPC, map_range(self->space, self->mem, PG, LMAP_R,
				     self->window, 16 * PG, 0, NULL));
	EXPECT_EQ(-ENOSPC, map_range(self->space, self->mem, 2 * PG, LMAP_R,
				     self->window, 15 * PG, 0, NULL));
	EXPECT_EQ(0, unmap_range(self->space, high, PG, LMAP_R, 0, NULL));
	for (int c = 0; c < 2; c++) {
		unsigned long cmd = c ? LMAP_COPY : LMAP_GRANT;

		EXPECT_EQ(-EOVERFLOW, op(self->space, cmd, high, 2 * PG,
					 LMAP_R, self->window, 0, 0));
		EXPECT_EQ(-EOVERFLOW, op(self->space, cmd, self->mem, 2 * PG,
					 LMAP_R, self->window, -PG, 0));
		EXPECT_EQ(-EFAULT, op(self->space, cmd, high, PG, LMAP_R,
				      self->window, 0, 0));
		EXPECT_EQ(-ENOSPC, op(self->space, cmd, self->mem, 2 * PG,
				      LMAP_R, self->window, 15 * PG, 0));
	}
	EXPECT_EQ(1, peek(self->mem));
	EXPECT_EQ(-EOVERFLOW, status(self->space, high, 2 * PG, 0, NULL));
	EXPECT_EQ(0, status(self->space, high, PG, 0, NULL));
}

LMAP_TEST(abi, status_with_a_bad_array_is_EFAULT)
{
	unsigned char *end = (unsigned char *)self->buf + PG;

	ASSERT_EQ(0, map_range(self->space, self->mem, 4 * PG, LMAP_R,
			       self->window, 0, LMAP_TRACK, NULL));
	ASSERT_EQ(1, pread(self->window, self->buf, 1, PG));
	EXPECT_EQ(LMAP_ACCESSED, status(self->space, self->mem, 4 * PG, 0,
					end - 4));
	EXPECT_EQ(0, memcmp("\0\1\0\0", end - 4, 4));
	EXPECT_EQ(-EFAULT, status(self->space, self->mem, 4 * PG, LMAP_RESET,
				  end - 3));
	EXPECT_EQ(-EFAULT, status(self->space, self->mem, 4 * PG, LMAP_RESET,
				  end));
	/* an errno means that nothing was done */
	EXPECT_EQ(LMAP_ACCESSED, status(self->space, self->mem, 4 * PG, 0,
					NULL));
	EXPECT_EQ(0, unmap_fpage(self->space, LMAP_WHOLE, 0));
}

LMAP_TEST(abi, reserve_says_what_it_has)
{
	unsigned int out = 99;

	EXPECT_EQ(0, reserve(self->space, 10, &out));
	EXPECT_EQ(10, out);
	EXPECT_EQ(0, reserve(self->space, 3, &out));
	EXPECT_EQ(3, out);
	EXPECT_EQ(0, reserve(self->space, 0, &out));
	EXPECT_EQ(0, out);
	EXPECT_EQ(true, reserve(self->space, UINT32_MAX, NULL) < 0);
}

LMAP_TEST(abi, window_sizes)
{
	EXPECT_EQ(-EINVAL, window_create(self->space, 0, ALL));
	EXPECT_EQ(-EINVAL, window_create(self->space, PG + 1, ALL));
	EXPECT_EQ(-EINVAL, window_create(self->space, 1UL << 63, ALL));
	EXPECT_EQ(-EINVAL, window_create(self->space, PG, 0));
	EXPECT_EQ(-EINVAL, window_create(self->space, PG, LMAP_M));
	int w = window_create(self->space, 1UL << 46, LMAP_R);

	EXPECT_GE(w, 0);
	EXPECT_EQ(FD_CLOEXEC, fcntl(w, F_GETFD));
	close(w);
}

static int all_calls(int space, struct lmap_map *m)
{
	struct lmap_sync s = { .size = sizeof(s) };
	struct lmap_info i = { .size = sizeof(i) };
	struct lmap_unmap u = { .size = sizeof(u), .fpage = LMAP_WHOLE };

	return try(space, LMAP_MAP, m) == -EPERM &&
	       try(space, LMAP_GRANT, m) == -EPERM &&
	       try(space, LMAP_COPY, m) == -EPERM &&
	       try(space, LMAP_UNMAP, &u) == -EPERM &&
	       status(space, &u, PG, 0, NULL) == -EPERM &&
	       reserve(space, 1, NULL) == -EPERM &&
	       try(space, LMAP_SYNC, &s) == -EPERM &&
	       try(space, LMAP_INFO, &i) == -EPERM &&
	       window_create(space, PG, ALL) == -EPERM;
}

LMAP_TEST(abi, another_process_is_EPERM)
{
	struct lmap_map m = MAP_OK(self);
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(!all_calls(self->space, &m));
	waitpid(pid, &status, 0);
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, try(self->space, LMAP_MAP, &m));
	EXPECT_EQ(0, unmap_fpage(self->space, LMAP_WHOLE, 0));
}

static void *in_a_thread(void *arg)
{
	struct lmap_map *m = arg;
	int space = (int)m->out_node_id;

	m->out_node_id = 0;
	return (void *)(long)try(space, LMAP_MAP, m);
}

/* A space belongs to an address space, not to a task. */
LMAP_TEST(abi, another_thread_may_call)
{
	struct lmap_map m = MAP_OK(self);
	pthread_t thread;
	void *ret;

	m.out_node_id = self->space;
	ASSERT_EQ(0, pthread_create(&thread, NULL, in_a_thread, &m));
	ASSERT_EQ(0, pthread_join(thread, &ret));
	EXPECT_EQ(NULL, ret);
	EXPECT_EQ(1, info(self->space).out_mappings);
	EXPECT_EQ(0, unmap_fpage(self->space, LMAP_WHOLE, 0));
}

/* Two spaces of one process are two lenders. */
LMAP_TEST(abi, a_window_is_a_source_only_through_its_own_space)
{
	int other = space_open(), w2 = window_create(other, PG, ALL);
	char *v = window_mmap(self->window, PG, PROT_READ);

	ASSERT_EQ(0, map_range(self->space, self->mem, PG, ALL, self->window,
			       0, 0, NULL));
	EXPECT_EQ(-EPERM, map_range(other, v, PG, LMAP_R, w2, 0, 0, NULL));
	EXPECT_EQ(0, unmap_fpage(other, LMAP_WHOLE, LMAP_SELF));
	EXPECT_EQ(1, peek(v));
	EXPECT_EQ(0, unmap_fpage(self->space, LMAP_WHOLE, LMAP_SELF));
	EXPECT_EQ(NOTHING, peek(v));
	close(w2);
	close(other);
	munmap(v, PG);
}

LMAP_TEST(abi, info_counts_what_exists)
{
	struct lmap_info i = info(self->space);

	EXPECT_EQ(LMAP_VERSION, i.out_version);
	EXPECT_EQ(PO, i.out_page_shift);
	EXPECT_EQ(LMAP_DEPTH_MAX, i.out_depth_max);
	EXPECT_EQ(1, i.out_windows);
	ASSERT_EQ(0, map_range(self->space, self->mem, PG, LMAP_R,
			       self->window, 0, LMAP_POPULATE, NULL));
	i = info(self->space);
	EXPECT_EQ(1, i.out_regions);
	EXPECT_EQ(1, i.out_mappings);
	EXPECT_EQ(1, i.out_tiles);
	EXPECT_EQ(0, munmap(self->mem, PG));
	EXPECT_EQ(0, info(self->space).out_mappings);
}

TEST_HARNESS_MAIN
