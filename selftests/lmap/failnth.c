// SPDX-License-Identifier: GPL-2.0
/*
 * Every allocation of a call fails in turn: the call says ENOMEM and has
 * changed nothing, or it succeeds without that memory. Revoking never fails.
 * Needs a kernel with fault injection.
 */
#include "util.h"
#include "kselftest_harness.h"

#define N	8

FIXTURE_PLAIN(failnth)

static int nth_fd = -1;

static bool injection(void)
{
	static const char * const dirs[] = { "failslab", "fail_page_alloc" };
	char path[128];

	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path),
			 "/sys/kernel/debug/%s/ignore-gfp-wait", dirs[i]);
		if (!write_file(path, "N") && i == 0)
			return false;
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s/verbose",
			 dirs[i]);
		write_file(path, "0");
	}
	write_file("/sys/kernel/debug/fail_page_alloc/min-order", "0");
	nth_fd = open("/proc/thread-self/fail-nth", O_RDWR);
	return nth_fd >= 0;
}

static void fail_at(int n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d", n);

	/* Being copied from user space, this can be what fails. */
	while (pwrite(nth_fd, text, len, 0) != len)
		;
}

/* Did the n-th allocation come at all? */
static bool fail_done(void)
{
	char text[16] = "";
	bool done;

	/* Copying to user space can fail by it, too: then it was still due. */
	done = pread(nth_fd, text, sizeof(text) - 1, 0) > 0 && text[0] == '0';
	fail_at(0);
	return done;
}

LMAP_TEST(failnth, opening_and_making_a_window)
{
	int n, s, w;

	if (!injection())
		SKIP(return, "no fault injection in this kernel");
	for (n = 1; n < 1000; n++) {
		fail_at(n);
		s = space_open();
		w = s < 0 ? s : window_create(s, N * PG, ALL);
		if (!fail_done()) {
			EXPECT_GE(w, 0);
			close(w);
			close(s);
			break;
		}
		if (w < 0)
			EXPECT_TRUE(w == -ENOMEM || w == -EFAULT ||
				    w == -EINTR)
				TH_LOG("allocation %d: %d", n, w);
		if (w >= 0)
			close(w);
		if (s >= 0)
			close(s);
	}
	EXPECT_GT(n, 3);
	EXPECT_LT(n, 1000);
}

LMAP_TEST(failnth, map_says_ENOMEM_and_changes_nothing)
{
	char *mem = memory(N), *v;
	int w = window_create(self->space, N * PG, ALL), n, ret;

	if (!injection())
		SKIP(return, "no fault injection in this kernel");
	v = window_mmap(w, N * PG, PROT_READ | PROT_WRITE);
	ASSERT_EQ(0, mprotect(mem + 2 * PG, 2 * PG, PROT_READ));
	for (n = 1; n < 1000; n++) {
		fail_at(n);
		ret = map_range(self->space, mem, N * PG, RW, w, 0, 0, NULL);
		if (!fail_done()) {
			EXPECT_EQ(0, ret);
			break;
		}
		/* EFAULT: copying the structure failed, perhaps the result */
		if (ret != -EFAULT && ret) {
			EXPECT_EQ(-ENOMEM, ret);
			EXPECT_EQ(0, info(self->space).out_mappings);
		}
		ASSERT_EQ(0, unmap_fpage(self->space, LMAP_WHOLE, 0));
	}
	EXPECT_GT(n, 3);
	EXPECT_LT(n, 1000);
	EXPECT_EQ(1, peek(v));
	close(w);
}

LMAP_TEST(failnth, a_fault_is_SIGBUS_or_works)
{
	char *mem = memory(N), *v;
	int w = window_create(self->space, N * PG, ALL), n, ret;

	if (!injection())
		SKIP(return, "no fault injection in this kernel");
	v = window_mmap(w, N * PG, PROT_READ | PROT_WRITE);
	for (n = 1; n < 200; n++) {
		ASSERT_EQ(0, unmap_fpage(self->space, LMAP_WHOLE, 0));
		ASSERT_EQ(0, map_range(self->space, mem, N * PG, RW, w, 0, 0,
				       NULL));
		fail_at(n);
		ret = peek(v + PG);
		if (!fail_done())
			break;
		EXPECT_TRUE(ret == 2 || ret == NOTHING)
			TH_LOG("allocation %d: %d", n, ret);
		EXPECT_EQ(2, peek(v + PG));
	}
	EXPECT_EQ(2, ret);
	EXPECT_GT(n, 1);
	EXPECT_LT(n, 200);
	close(w);
}

/* A partial unmap must split: without memory more goes, and it is said. */
LMAP_TEST(failnth, unmap_never_fails)
{
	char *mem = memory(N), *v[3], *from;
	int w[3], n, over = 0;

	if (!injection())
		SKIP(return, "no fault injection in this kernel");
	for (int i = 0; i < 3; i++) {
		w[i] = window_create(self->space, N * PG, ALL);
		v[i] = window_mmap(w[i], N * PG, PROT_READ | PROT_WRITE);
	}
	for (n = 1; n < 200; n++) {
		struct lmap_unmap u;
		bool done;
		int ret;

		from = mem;
		ASSERT_EQ(0, unmap_fpage(self->space, LMAP_WHOLE, LMAP_SELF));
		for (int i = 0; i < 3; i++) {
			ASSERT_EQ(0, map_range(self->space, from, N * PG, ALL,
					       w[i], 0, 0, NULL));
			from = v[i];
		}
		ASSERT_EQ(3, peek(v[2] + 2 * PG));
		fail_at(n);
		ret = unmap_range(self->space, mem + 2 * PG, 2 * PG, LMAP_R, 0,
				  &u);
		done = fail_done();
		/* never for memory: only copying the structure may fail */
		if (ret) {
			ASSERT_EQ(-EFAULT, ret);
			continue;
		}
		for (int i = 0; i < 3; i++) {
			EXPECT_EQ(NOTHING, peek(v[i] + 2 * PG));
			EXPECT_EQ(NOTHING, peek(v[i] + 3 * PG));
			if (!u.out_flags) {
				EXPECT_EQ(1, peek(v[i]));
				EXPECT_EQ(5, peek(v[i] + 4 * PG));
			}
		}
		over += u.out_flags == LMAP_OVERREVOKED;
		if (!done)
			break;
	}
	EXPECT_GT(n, 1);
	EXPECT_LT(n, 200);
	TH_LOG("%d allocations failed, %d times more was revoked", n - 1,
	       over);
	for (int i = 0; i < 3; i++)
		close(w[i]);
}

TEST_HARNESS_MAIN
