// SPDX-License-Identifier: GPL-2.0
/*
 * Lent memory stays reclaimable: several times more of it than fits is lent
 * and touched, with little memory and swap; nothing is killed, nothing lost.
 */
#include "util.h"
#include "harness.h"

#include <sys/resource.h>
#include <sys/stat.h>

#define GROUP	"/sys/fs/cgroup/lmap-test"
#define LIMIT	(24UL << 20)

FIXTURE_PLAIN(reclaim)

static bool swap_on(void)
{
	if (!access("/dev/zram0", F_OK))
		return write_file("/sys/block/zram0/disksize", "402653184") &&
		       !system("mkswap /dev/zram0 >/dev/null && swapon /dev/zram0");
	return !access("/dev/ram2", F_OK) &&
	       !system("for i in 2 3 4 5 6 7; do mkswap /dev/ram$i >/dev/null && swapon /dev/ram$i; done");
}

static void swap_off(void)
{
	if (!access("/dev/zram0", F_OK))
		system("swapoff /dev/zram0; echo 1 >/sys/block/zram0/reset");
	else
		system("swapoff /dev/ram[2-7] 2>/dev/null");
}

static long group_value(const char *file, const char *key)
{
	char path[128], line[128];
	long value = -1;
	FILE *f;

	snprintf(path, sizeof(path), GROUP "/%s", file);
	f = fopen(path, "r");
	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, key, strlen(key)) &&
		    line[strlen(key)] == ' ')
			value = atol(line + strlen(key));
	fclose(f);
	return value;
}

struct work {
	size_t pages;
	int round;
};

static unsigned char content(const struct work *w, size_t page)
{
	return (page + w->round) % 251;
}

/* In the borrower: write all pages, then read all of them again. */
static int use_all(struct peer *self, long arg)
{
	const struct work *w = (const struct work *)arg;
	char *base = (char *)(uintptr_t)self->base;

	for (size_t i = 0; i < w->pages; i++)
		if (poke(base + i * PG, content(w, i)))
			return 1;
	for (size_t i = 0; i < w->pages; i++)
		if (peek(base + i * PG) != content(w, i))
			return 2;
	return 0;
}

/* The lender, inside the group. */
static int lend_and_check(struct work *w, struct peer *b)
{
	struct rlimit none = {};
	char *p = mmap(NULL, w->pages * PG, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int space = space_open();

	setrlimit(RLIMIT_MEMLOCK, &none);
	if (p == MAP_FAILED || space < 0 ||
	    map_range(space, p, w->pages * PG, RW, b->window, 0, 0, NULL))
		return 3;
	for (w->round = 0; w->round < 2; w->round++) {
		int ret = peer_run(b, use_all, (long)w);

		if (ret)
			return ret;
		for (size_t i = 0; i < w->pages; i += 7)
			if ((unsigned char)p[i * PG] != content(w, i))
				return 4;
	}
	return 0;
}

TEST_F_TIMEOUT(reclaim, four_times_more_than_fits_in_a_memory_cgroup, 2400)
{
	struct work *w = mmap(NULL, PG, PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct peer b;
	char text[32];
	int status;
	pid_t pid;

	write_file("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	mkdir(GROUP, 0755);
	snprintf(text, sizeof(text), "%lu", LIMIT);
	if (!write_file(GROUP "/memory.max", text))
		SKIP(return, "no memory cgroups in this kernel");
	if (!swap_on())
		SKIP(return, "no swap to be had in this kernel");
	w->pages = 4 * LIMIT / PG;
	b = peer_start(w->pages, PROT_READ | PROT_WRITE);
	ASSERT_GE(b.window, 0);
	pid = fork();
	if (!pid) {
		snprintf(text, sizeof(text), "%d", getpid());
		if (!write_file(GROUP "/cgroup.procs", text))
			_exit(9);
		_exit(lend_and_check(w, &b));
	}
	waitpid(pid, &status, 0);
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, group_value("memory.events", "oom_kill"));
	/* it did not fit: the limit was hit again and again */
	EXPECT_GT(group_value("memory.events", "max"), 10);
	peer_stop(&b);
	rmdir(GROUP);
	swap_off();
}

TEST_HARNESS_MAIN
