// SPDX-License-Identifier: GPL-2.0
/*
 * What somebody without privileges can't do to the kernel or to other users.
 * The claims are those of Documentation/security.rst; what limits.c (quotas),
 * scale.c, consistency.c and hostile*.c show is not repeated here. Nothing may
 * be decided by time.
 */
#include "util.h"
#include "harness.h"

#include <sys/resource.h>
#include <sys/stat.h>

#define NOBODY		65400
#define CGROUP		"/sys/fs/cgroup"
#define GROUP		CGROUP "/lmap_security"
#define GROUP_LIMIT	(8UL << 20)
#define TIB		(1UL << 40)

FIXTURE_PLAIN(security)

/* Memory. */

/* Huge, and nothing of it is there. */
static void *much(size_t length)
{
	return mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE |
		    MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

/* A table with bits for each page would be larger than the kernel allocates. */
static int too_much_to_track(void *arg)
{
	int s = space_open(), w = window_create(s, 64 * TIB, ALL);
	char *p = much(64 * TIB);

	NEED(p != MAP_FAILED && w >= 0);
	NEED(map_range(s, p, 64 * TIB, RW, w, 0, LMAP_TRACK, NULL) == -ENOMEM);
	NEED(info(s).out_mappings == 0);
	/* without it the size does not matter */
	NEED(!map_range(s, p, 64 * TIB, RW, w, 0, 0, NULL));
	NEED(status(s, p, 64 * TIB, LMAP_RESET, NULL) == -ENOMEM);
	NEED(!unmap_range(s, p, 64 * TIB, ALL, 0, NULL));
	return 0;
}

LMAP_TEST(security, a_table_that_is_too_large_is_ENOMEM_and_no_warning)
{
	EXPECT_EQ(0, as_user(NOBODY, too_much_to_track, NULL));
}

/* One page, many times over, holds the bytes of 8 TiB of pages. */
static int too_much_to_tell(void *arg)
{
	size_t part = 256 << 20, parts = 9, pages = part * parts;
	int s = space_open(), fd = memfd_create("bits", 0);
	char *p = much(parts * part);

	NEED(fd >= 0 && !ftruncate(fd, part));
	for (size_t i = 0; i < parts; i++)
		NEED(mmap(p + i * part, part, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_FIXED, fd, 0) != MAP_FAILED);
	NEED(status(s, (void *)PG, pages * PG, 0, (void *)p) == -ENOMEM);
	return 0;
}

LMAP_TEST(security, an_array_that_is_too_large_is_ENOMEM_and_no_warning)
{
	if (slow() > 1)
		SKIP(return, "two million page faults take too long here");
	EXPECT_EQ(0, as_user(NOBODY, too_much_to_tell, NULL));
}

static bool group_make(void)
{
	write_file(CGROUP "/cgroup.subtree_control", "+memory");
	return !mkdir(GROUP, 0755) &&
	       write_value(GROUP "/memory.max", GROUP_LIMIT);
}

static bool group_enter(void)
{
	return write_value(GROUP "/cgroup.procs", 0);
}

static void group_remove(void)
{
	/* What has exited may still be on its way out. */
	while (rmdir(GROUP) && errno == EBUSY)
		sched_yield();
}

enum what { MAPPINGS, RESERVE, WINDOWS, TABLES, WHATS };

static int take_one(int s, int w, char *p, enum what what, long i)
{
	int ret;

	switch (what) {
	case MAPPINGS:
		return map_range(s, p, PG, RW, w, i * PG, 0, NULL);
	case RESERVE:
		return reserve(s, i + 1, NULL);
	case WINDOWS:
		ret = window_create(s, PG, ALL);
		return ret < 0 ? ret : 0;
	default:
		/* bits for 64 MiB each time: 4 KiB and more */
		return map_range(s, p, 64 << 20, RW, w, i * (64 << 20),
				 LMAP_TRACK, NULL);
	}
}

/* In the group: as many as there can be. */
static void take_all(long *count, enum what what, long most)
{
	struct rlimit files = { 1 << 16, 1 << 16 };
	int s, w;
	char *p;

	if (!group_enter() || setrlimit(RLIMIT_NOFILE, &files) ||
	    setgid(NOBODY) || setuid(NOBODY))
		_exit(2);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	s = space_open();
	w = window_create(s, 64 * TIB, ALL);
	p = much(64 << 20);
	if (w < 0 || p == MAP_FAILED)
		_exit(3);
	for (*count = 0; *count < most; ++*count)
		if (take_one(s, w, p, what, *count))
			_exit(0);
	_exit(1);
}

/*
 * The group's limit holds: it ends with an errno or with the death of who asked,
 * never with more than the limit has room for. @bytes: the least that one costs.
 */
static void charged(struct __test_metadata *_metadata, enum what what,
		    long bytes)
{
	long *count = shared_memory(PG), most = 2 * GROUP_LIMIT / bytes;
	struct stat st;
	pid_t pid;
	int status;

	if (stat(CGROUP "/cgroup.procs", &st) || !group_make())
		SKIP(return, "no memory controller of cgroup v2 here");
	pid = fork();
	if (!pid)
		take_all(count, what, most);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	/* 1 would be: twice the limit was had */
	EXPECT_EQ(true, WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL :
		  !WEXITSTATUS(status))
		TH_LOG("status %x after %ld", status, *count);
	EXPECT_LT(*count, most);
	EXPECT_GT(*count, 0);
	group_remove();
	munmap(count, PG);
}

LMAP_TEST(security, mappings_count_against_the_memory_cgroup)
{
	charged(_metadata, MAPPINGS, 128);
}

LMAP_TEST(security, a_reserve_counts_against_the_memory_cgroup)
{
	charged(_metadata, RESERVE, 384);
}

LMAP_TEST(security, windows_count_against_the_memory_cgroup)
{
	charged(_metadata, WINDOWS, 1024);
}

LMAP_TEST(security, reference_bits_count_against_the_memory_cgroup)
{
	charged(_metadata, TABLES, 4096);
}

/* What others can see. */

LMAP_TEST(security, proc_maps_tells_that_it_is_borrowed_and_not_from_whom)
{
	int w = window_create(self->space, PG, ALL);
	char *v = window_mmap(w, PG, PROT_READ), line[256];
	unsigned long from;
	int found = 0;
	FILE *f;

	ASSERT_NE(MAP_FAILED, v);
	ASSERT_EQ(0, map_range(self->space, memory(1), PG, RW, w, 0, 0, NULL));
	f = fopen("/proc/self/maps", "r");
	ASSERT_NE(NULL, f);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-", &from) != 1 || from != (uintptr_t)v)
			continue;
		found++;
		EXPECT_NE(NULL, strstr(line, " /[lmap] (deleted)\n"))
			TH_LOG("%s", line);
	}
	fclose(f);
	EXPECT_EQ(1, found);
	munmap(v, PG);
	close(w);
}

/* Numbers of mappings. */

LMAP_TEST(security, ids_are_not_used_up_and_not_reused)
{
	int w = window_create(self->space, 2 * PG, ALL);
	char *p = memory(1);
	uint64_t last = 0;
	struct lmap_map m;

	for (int i = 0; i < 20000 / slow(); i++) {
		ASSERT_EQ(0, map_range(self->space, p, PG, RW, w, 0, 0, &m));
		ASSERT_GT(m.out_node_id, last);
		last = m.out_node_id;
		ASSERT_EQ(0, unmap_range(self->space, p, PG, ALL, 0, NULL));
	}
	close(w);
}

/* Processor time. */

#define MANY	(65000 / slow())

/* A borrower that lends on, many times, what it got. */
static void borrow_and_lend_on(int sock)
{
	int s, w, many;
	char *v;

	if (setgid(NOBODY) || setuid(NOBODY))
		_exit(1);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	s = space_open();
	w = window_create(s, PG, ALL);
	many = window_create(s, MANY * PG, ALL);
	v = window_mmap(w, PG, PROT_READ);
	if (send_fd(sock, w) || recv_fd(sock) < 0)
		_exit(2);
	for (int i = 0; i < MANY; i++)
		if (op(s, LMAP_MAP, v, PG, ALL, many, i * PG, 0))
			_exit(3);
	send_fd(sock, w);
	for (;;)
		pause();
}

/*
 * All on one processor. That the lender sees some of the borrower's mappings
 * gone and others not means that it ran, and got the locks, in between.
 */
TEST_F_TIMEOUT(security, death_with_many_mappings_lets_others_run, 900)
{
	int socks[2], w, own = window_create(self->space, PG, ALL), between = 0;
	char *mem = memory(2);
	cpu_set_t one, before;
	uint64_t n;
	pid_t pid;

	ASSERT_EQ(0, sched_getaffinity(0, sizeof(before), &before));
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	ASSERT_EQ(0, sched_setaffinity(0, sizeof(one), &one));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks));
	pid = fork();
	if (!pid) {
		close(socks[0]);
		borrow_and_lend_on(socks[1]);
	}
	close(socks[1]);
	w = recv_fd(socks[0]);
	ASSERT_GE(w, 0);
	ASSERT_EQ(0, op(self->space, LMAP_MAP, mem, PG, ALL, w, 0, 0));
	ASSERT_EQ(0, send_fd(socks[0], w));
	close(w);
	w = recv_fd(socks[0]);
	ASSERT_GE(w, 0);
	close(w);
	ASSERT_EQ(MANY + 1, info(self->space).out_mappings);
	ASSERT_EQ(0, kill(pid, SIGKILL));
	/* also of who has nothing to do with it */
	while ((n = info(self->space).out_mappings)) {
		between += n <= MANY;
		ASSERT_EQ(0, op(self->space, LMAP_MAP, mem + PG, PG, RW, own, 0,
				0));
		ASSERT_EQ(0, unmap_range(self->space, mem + PG, PG, ALL, 0,
					 NULL));
		sched_yield();
	}
	EXPECT_GT(between, 0);
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	ASSERT_EQ(0, sched_setaffinity(0, sizeof(before), &before));
	close(socks[0]);
	close(own);
}

TEST_HARNESS_MAIN
