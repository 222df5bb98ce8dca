// SPDX-License-Identifier: GPL-2.0
/* Kinds of memory, and what the memory manager does behind the lender. */
#include "util.h"
#include "harness.h"

#include <sys/mount.h>
#include <sys/stat.h>

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif
#ifndef MADV_SOFT_OFFLINE
#define MADV_SOFT_OFFLINE 101
#endif

FIXTURE(memory) {
	int space;
	struct peer b;
};

FIXTURE_SETUP(memory)
{
	catch_faults();
	self->space = space_open();
	ASSERT_GE(self->space, 0);
	self->b = peer_start(huge_page() / PG + 512, PROT_READ | PROT_WRITE);
	ASSERT_GE(self->b.window, 0);
}

FIXTURE_TEARDOWN(memory)
{
	peer_stop(&self->b);
	close(self->space);
}

#define LEND(p, pages, rights) \
	map_range(self->space, p, (pages) * PG, rights, self->b.window, 0, 0, \
		  NULL)

LMAP_TEST(memory, untouched_memory_appears_when_a_borrower_touches_it)
{
	char *p = mmap(NULL, 8 * PG, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_EQ(0, LEND(p, 8, RW));
	EXPECT_EQ(0, peer_peek(&self->b, PG));
	EXPECT_EQ(0, peer_poke(&self->b, 2 * PG, 3));
	EXPECT_EQ(3, p[2 * PG]);
}

LMAP_TEST(memory, a_readable_zero_page_that_becomes_the_lenders_own)
{
	char *p = mmap(NULL, 2 * PG, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);

	EXPECT_EQ(0, *(volatile char *)p);
	ASSERT_EQ(0, LEND(p, 2, LMAP_R));
	EXPECT_EQ(0, peer_peek(&self->b, 0));
	ASSERT_EQ(0, mprotect(p, 2 * PG, PROT_READ | PROT_WRITE));
	p[0] = 8;
	ASSERT_EQ(0, space_sync(self->space));
	EXPECT_EQ(8, peer_peek(&self->b, 0));
	EXPECT_EQ(NO_RIGHT, peer_poke(&self->b, 0, 9));
}

LMAP_TEST(memory, memfd_shared_with_others)
{
	int fd = memfd_create("lent", MFD_CLOEXEC);
	char *p, *q;

	ASSERT_EQ(0, ftruncate(fd, 8 * PG));
	p = mmap(NULL, 8 * PG, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	q = mmap(NULL, 8 * PG, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	fill(p, 8);
	ASSERT_EQ(0, LEND(p, 8, RW));
	EXPECT_EQ(4, peer_peek(&self->b, 3 * PG));
	EXPECT_EQ(0, peer_poke(&self->b, 3 * PG, 33));
	EXPECT_EQ(33, q[3 * PG]);
	/* punched: new content */
	ASSERT_EQ(0, fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			       3 * PG, PG));
	ASSERT_EQ(0, space_sync(self->space));
	EXPECT_EQ(0, peer_peek(&self->b, 3 * PG));
	/* truncated: SIGBUS, and back */
	ASSERT_EQ(0, ftruncate(fd, 2 * PG));
	ASSERT_EQ(0, space_sync(self->space));
	EXPECT_EQ(NOTHING, peer_peek(&self->b, 5 * PG));
	EXPECT_EQ(2, peer_peek(&self->b, PG));
	ASSERT_EQ(0, ftruncate(fd, 8 * PG));
	EXPECT_EQ(0, peer_peek(&self->b, 5 * PG));
	close(fd);
}

LMAP_TEST(memory, writable_file_with_dirty_tracking_is_EOPNOTSUPP)
{
	char *p;
	int fd;

	mkdir("/tmp/ext4", 0700);
	if (access("/dev/ram0", F_OK) ||
	    system("mke2fs -q /dev/ram0 >/dev/null 2>&1") ||
	    mount("/dev/ram0", "/tmp/ext4", "ext4", 0, NULL))
		SKIP(return, "no ext4 on a RAM disk in this kernel");
	fd = open("/tmp/ext4/f", O_RDWR | O_CREAT, 0600);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(PG, write(fd, memory(1), PG));
	p = mmap(NULL, PG, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, p);
	EXPECT_EQ(-EOPNOTSUPP, LEND(p, 1, RW));
	EXPECT_EQ(0, info(self->space).out_mappings);
	ASSERT_EQ(0, LEND(p, 1, LMAP_R));
	EXPECT_EQ(1, peer_peek(&self->b, 0));
	p[0] = 6;
	EXPECT_EQ(0, msync(p, PG, MS_SYNC));
	ASSERT_EQ(0, space_sync(self->space));
	EXPECT_EQ(6, peer_peek(&self->b, 0));
	p[0] = 7;
	EXPECT_EQ(7, peer_peek(&self->b, 0));
	EXPECT_EQ(NO_RIGHT, peer_poke(&self->b, 0, 1));
	/* a private copy of it is fully lendable */
	char *q = mmap(NULL, PG, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);

	ASSERT_EQ(0, LEND(q, 1, RW));
	EXPECT_EQ(0, peer_poke(&self->b, 0, 55));
	EXPECT_EQ(55, q[0]);
	EXPECT_EQ(7, p[0]);
	munmap(p, PG);
	munmap(q, PG);
	close(fd);
	EXPECT_EQ(0, umount("/tmp/ext4"));
}

/* Pages of the kernel that a process sees, as a device's would be. */
static char *kernel_page(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	unsigned long start = 0, found = 0;
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		if (strstr(line, "[vvar]") && sscanf(line, "%lx-", &start) == 1)
			found = start;
	if (f)
		fclose(f);
	return (char *)found;
}

LMAP_TEST(memory, device_memory_is_a_hole)
{
	char *p = kernel_page();
	struct lmap_map m;

	if (!p)
		SKIP(return, "no [vvar] in this process");
	EXPECT_EQ(-EFAULT, LEND(p, 1, LMAP_R));
	EXPECT_EQ(NOTHING, peer_peek(&self->b, 0));
	/* beside ordinary memory it is skipped */
	char *q = mmap(p - PG, PG, PROT_READ | PROT_WRITE, MAP_PRIVATE |
		       MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (q == p - PG) {
		*q = 3;
		EXPECT_EQ(0, map_range(self->space, q, 2 * PG, LMAP_R,
				       self->b.window, 0, 0, &m));
		EXPECT_EQ(PG, m.out_bytes);
		EXPECT_EQ(3, peer_peek(&self->b, 0));
		EXPECT_EQ(NOTHING, peer_peek(&self->b, PG));
		munmap(q, PG);
	}
	EXPECT_EQ(0, info(self->space).out_mappings);
}

LMAP_TEST(memory, a_private_page_of_a_file_becomes_the_lenders_own)
{
	int fd = memfd_create("lent", MFD_CLOEXEC);
	char *p, c = 0;

	ASSERT_EQ(0, ftruncate(fd, 2 * PG));
	ASSERT_EQ(1, pwrite(fd, "a", 1, 0));
	p = mmap(NULL, 2 * PG, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	EXPECT_EQ('a', *(volatile char *)p);
	ASSERT_EQ(0, LEND(p, 2, RW));
	EXPECT_EQ('a', peer_peek(&self->b, 0));
	EXPECT_EQ(0, peer_poke(&self->b, 0, 'b'));
	EXPECT_EQ('b', p[0]);
	p[1] = 'c';
	EXPECT_EQ('c', peer_peek(&self->b, 1));
	/* the file has not changed, and its changes are not seen */
	EXPECT_EQ(1, pread(fd, &c, 1, 0));
	EXPECT_EQ('a', c);
	EXPECT_EQ(1, pwrite(fd, "d", 1, 0));
	EXPECT_EQ('b', peer_peek(&self->b, 0));
	munmap(p, 2 * PG);
	close(fd);
}

LMAP_TEST(memory, a_window_of_another_space_is_no_ordinary_memory)
{
	int w = window_create(self->space, PG, ALL);
	int other = space_open();
	char *v = window_mmap(w, PG, PROT_READ);

	EXPECT_EQ(-EPERM, map_range(other, v, PG, LMAP_R, self->b.window, 0, 0,
				    NULL));
	close(other);
	close(w);
	munmap(v, PG);
}

LMAP_TEST(memory, huge_pages_split_and_collapsed)
{
	bool thp = !access("/sys/kernel/mm/transparent_hugepage/enabled", F_OK);
	char *area = mmap(NULL, 2 * huge_page(), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *p = (char *)(((uintptr_t)area + huge_page() - 1) &
			   ~(huge_page() - 1));
	uint64_t frame;

	if (!thp)
		SKIP(return, "no transparent huge pages in this kernel");
	ASSERT_EQ(0, madvise(p, huge_page(), MADV_HUGEPAGE));
	memset(p, 1, huge_page());
	frame = pagemap(p) & PAGE_FRAME;
	EXPECT_EQ(0, frame % (huge_page() / PG));
	EXPECT_EQ(frame + huge_page() / PG - 1,
		  pagemap(p + huge_page() - PG) & PAGE_FRAME);
	ASSERT_EQ(0, LEND(p, huge_page() / PG, RW));
	for (int i = 0; i < huge_page() / PG; i += 37)
		EXPECT_EQ(0, peer_poke(&self->b, i * PG, 5));
	for (int i = 0; i < huge_page() / PG; i += 37)
		EXPECT_EQ(5, p[i * PG]);
	/* splits it: one page is gone, the others are the same */
	ASSERT_EQ(0, madvise(p + 37 * PG, PG, MADV_DONTNEED));
	ASSERT_EQ(0, space_sync(self->space));
	EXPECT_EQ(0, peer_peek(&self->b, 37 * PG));
	EXPECT_EQ(5, peer_peek(&self->b, 74 * PG));
	p[37 * PG] = 2;
	EXPECT_EQ(2, peer_peek(&self->b, 37 * PG));
	madvise(p, huge_page(), 25 /* MADV_COLLAPSE, where there is one */);
	p[74 * PG] = 3;
	EXPECT_EQ(0, space_sync(self->space));
	EXPECT_EQ(3, peer_peek(&self->b, 74 * PG));
	EXPECT_EQ(0, peer_poke(&self->b, 75 * PG, 4));
	EXPECT_EQ(4, p[75 * PG]);
}

LMAP_TEST(memory, hugetlb)
{
	char *p;

	write_file("/proc/sys/vm/nr_hugepages", "2");
	p = mmap(NULL, huge_page(), PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	if (p == MAP_FAILED)
		SKIP(return, "no huge page to be had: %s", strerror(errno));
	fill(p, 100);
	ASSERT_EQ(0, LEND(p, huge_page() / PG, RW));
	EXPECT_EQ(34, peer_peek(&self->b, 33 * PG));
	EXPECT_EQ(0, peer_poke(&self->b, 34 * PG, 99));
	EXPECT_EQ(99, p[34 * PG]);
	ASSERT_EQ(0, munmap(p, huge_page()));
	EXPECT_EQ(NOTHING, peer_peek(&self->b, 33 * PG));
	write_file("/proc/sys/vm/nr_hugepages", "0");
}

static bool swap_on(void)
{
	return (!access("/dev/zram0", F_OK) &&
		write_file("/sys/block/zram0/disksize", "268435456") &&
		!system("mkswap /dev/zram0 >/dev/null 2>&1 && swapon /dev/zram0")) ||
	       (!access("/dev/ram1", F_OK) &&
		!system("mkswap /dev/ram1 >/dev/null 2>&1 && swapon /dev/ram1"));
}

LMAP_TEST(memory, swapped_out_and_back)
{
	char *p = memory(64);
	int out = 0;

	if (!swap_on())
		SKIP(return, "no zram or RAM disk to swap to");
	ASSERT_EQ(0, LEND(p, 64, RW));
	for (int round = 0; round < 5; round++) {
		for (int i = 0; i < 64; i++)
			ASSERT_EQ(0, peer_poke(&self->b, i * PG, i + round));
		/* pinned pages refuse; then the tiles are dropped and it goes */
		EXPECT_EQ(0, madvise(p, 64 * PG, MADV_PAGEOUT));
		ASSERT_EQ(0, space_sync(self->space));
		EXPECT_EQ(0, madvise(p, 64 * PG, MADV_PAGEOUT));
		for (int i = 0; i < 64; i++)
			ASSERT_EQ(i + round, peer_peek(&self->b, i * PG));
		for (int i = 0; i < 64; i++)
			ASSERT_EQ(i + round, p[i * PG]);
		/* not pinned at all: written by the borrower, found again */
		ASSERT_EQ(0, mprotect(p, 64 * PG, PROT_READ));
		ASSERT_EQ(0, mprotect(p, 64 * PG, PROT_READ | PROT_WRITE));
		EXPECT_EQ(0, madvise(p, 64 * PG, MADV_PAGEOUT));
		for (int i = 0; i < 64; i++)
			out += !!(pagemap(p + i * PG) & PAGE_SWAPPED);
		for (int i = 0; i < 64; i++)
			ASSERT_EQ(i + round, peer_peek(&self->b, i * PG));
	}
	/* it was really out */
	EXPECT_GT(out, 64);
	system("swapoff /dev/zram0 /dev/ram1 2>/dev/null; echo 1 >/sys/block/zram0/reset");
}

LMAP_TEST(memory, merged_by_KSM)
{
	char *p = memory(32), *q = memory(32);
	int rounds = 0;

	if (!write_file("/sys/kernel/mm/ksm/run", "1"))
		SKIP(return, "no KSM in this kernel");
	write_file("/sys/kernel/mm/ksm/sleep_millisecs", "1");
	write_file("/sys/kernel/mm/ksm/pages_to_scan", "10000");
	memset(p, 9, 32 * PG);
	memset(q, 9, 32 * PG);
	ASSERT_EQ(0, madvise(p, 32 * PG, MADV_MERGEABLE));
	ASSERT_EQ(0, madvise(q, 32 * PG, MADV_MERGEABLE));
	ASSERT_EQ(0, LEND(p, 32, RW));
	for (rounds = 0; rounds < 200; rounds++) {
		int i = rounds % 32;

		EXPECT_EQ(9, peer_peek(&self->b, i * PG + 5));
		ASSERT_EQ(0, peer_poke(&self->b, i * PG, rounds % 100));
		EXPECT_EQ(rounds % 100, p[i * PG]);
		EXPECT_EQ(9, q[i * PG]);
		p[i * PG] = 9;
		EXPECT_EQ(9, peer_peek(&self->b, i * PG));
		if (i == 31)
			madvise(p, 32 * PG, MADV_UNMERGEABLE);
		if (i == 31)
			madvise(p, 32 * PG, MADV_MERGEABLE);
	}
	write_file("/sys/kernel/mm/ksm/run", "2");
	write_file("/sys/kernel/mm/ksm/run", "0");
}

static long ksm_value(const char *name)
{
	char path[64], line[32] = "";
	long value = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/kernel/mm/ksm/%s", name);
	f = fopen(path, "r");
	if (f && fgets(line, sizeof(line), f))
		value = atol(line);
	if (f)
		fclose(f);
	return value;
}

/* Really merged first, then lent pages are touched by the borrower. */
LMAP_TEST(memory, merged_by_KSM_before_it_is_touched)
{
	char *p = memory(32), *q = memory(32);
	int merged = 0;
	long scans;

	memset(p, 0x71, 32 * PG);
	memset(q, 0x71, 32 * PG);
	if (!write_file("/sys/kernel/mm/ksm/run", "1"))
		SKIP(return, "no KSM in this kernel");
	write_file("/sys/kernel/mm/ksm/sleep_millisecs", "1");
	write_file("/sys/kernel/mm/ksm/pages_to_scan", "10000");
	ASSERT_EQ(0, LEND(p, 32, RW));
	ASSERT_EQ(0, madvise(p, 32 * PG, MADV_MERGEABLE));
	ASSERT_EQ(0, madvise(q, 32 * PG, MADV_MERGEABLE));
	scans = ksm_value("full_scans");
	while (ksm_value("full_scans") < scans + 4)
		sched_yield();
	write_file("/sys/kernel/mm/ksm/run", "0");
	for (int i = 0; i < 32; i++)
		merged += (pagemap(p + i * PG) & PAGE_FRAME) ==
			  (pagemap(q + i * PG) & PAGE_FRAME);
	EXPECT_GT(merged, 16);
	for (int i = 0; i < 32; i++) {
		EXPECT_EQ(0x71, peer_peek(&self->b, i * PG + 9));
		EXPECT_EQ(0, peer_poke(&self->b, i * PG + 9, i));
		EXPECT_EQ(i, p[i * PG + 9]);
		EXPECT_EQ(0x71, q[i * PG + 9]);
		p[i * PG + 10] = i;
		EXPECT_EQ(i, peer_peek(&self->b, i * PG + 10));
	}
	write_file("/sys/kernel/mm/ksm/run", "2");
	write_file("/sys/kernel/mm/ksm/run", "0");
	munmap(p, 32 * PG);
	munmap(q, 32 * PG);
}

/* A page that the kernel suspects is moved to another frame. */
LMAP_TEST(memory, migrated_to_another_frame)
{
	char *p = memory(4);
	uint64_t before;
	int moved = 0;

	ASSERT_EQ(0, LEND(p, 4, RW));
	for (int i = 0; i < 4; i++) {
		ASSERT_EQ(0, peer_poke(&self->b, i * PG, 40 + i));
		before = pagemap(p + i * PG) & PAGE_FRAME;
		ASSERT_NE(0, before);
		/* the first try may find it pinned, and unpins it */
		for (int try = 0; try < 20; try++) {
			if (!madvise(p + i * PG, PG, MADV_SOFT_OFFLINE))
				break;
			if (errno == EINVAL || errno == EPERM ||
			    errno == EOPNOTSUPP)
				SKIP(return, "no memory failure handling");
			ASSERT_EQ(0, space_sync(self->space));
		}
		ASSERT_EQ(0, space_sync(self->space));
		EXPECT_EQ(40 + i, peer_peek(&self->b, i * PG));
		EXPECT_EQ(40 + i, p[i * PG]);
		EXPECT_EQ(0, peer_poke(&self->b, i * PG, 50 + i));
		EXPECT_EQ(50 + i, p[i * PG]);
		p[i * PG + 1] = 3;
		EXPECT_EQ(3, peer_peek(&self->b, i * PG + 1));
		moved += (pagemap(p + i * PG) & PAGE_FRAME) != before;
	}
	EXPECT_GT(moved, 0);
	munmap(p, 4 * PG);
}

LMAP_TEST(memory, compaction_and_migration)
{
	char *p = memory(256);

	ASSERT_EQ(0, LEND(p, 256, RW));
	for (int round = 0; round < 10; round++) {
		write_file("/proc/sys/vm/compact_memory", "1");
		for (int i = 0; i < 256; i += 5) {
			ASSERT_EQ(0, peer_poke(&self->b, i * PG, i + round));
			ASSERT_EQ((char)(i + round), p[i * PG]);
			p[i * PG + 1] = i;
			ASSERT_EQ(i, peer_peek(&self->b, i * PG + 1));
		}
		/* unpinned, so that it can really be moved */
		ASSERT_EQ(0, mprotect(p, 256 * PG, PROT_READ));
		ASSERT_EQ(0, mprotect(p, 256 * PG, PROT_READ | PROT_WRITE));
	}
}

LMAP_TEST(memory, poisoned_page_is_SIGBUS)
{
	char *p = memory(4);
	int ret;

	ASSERT_EQ(0, LEND(p, 4, RW));
	EXPECT_EQ(2, peer_peek(&self->b, PG));
	ret = poison(p + PG, PG);
	if (ret == -EINVAL || ret == -EPERM)
		SKIP(return, "no memory failure handling in this kernel");
	/* whoever has it mapped and written is told, be it the caller */
	EXPECT_TRUE(!ret || ret == OC(SIGBUS, BUS_MCEERR_AR))
		TH_LOG("poison: %d", ret);
	ASSERT_EQ(0, space_sync(self->space));
	ret = peer_peek(&self->b, PG);
	EXPECT_TRUE(ret == OC(SIGBUS, BUS_MCEERR_AR) || ret == NOTHING)
		TH_LOG("read of poison: %d", ret);
	EXPECT_EQ(1, peer_peek(&self->b, 0));
	munmap(p, 4 * PG);
}

TEST_HARNESS_MAIN
