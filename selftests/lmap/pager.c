// SPDX-License-Identifier: GPL-2.0
/*
 * pager: who touches a page of a paged window that is not there waits for an
 * answer; what is asked, what answers, who is not asked.
 */
#include "pager.h"
#include "harness.h"

#define N	8

FIXTURE_PAGED(pager, N)

LMAP_TEST(pager, who_touches_nothing_waits_until_it_is_mapped)
{
	struct lmap_fault f;
	struct toucher t;

	touch_start(&t, self->view + 3 * PG + 5, -1);
	READ_ONE(&f);
	EXPECT_EQ(fdinfo_number(self->window, "lmap-window"), f.window);
	EXPECT_EQ(3 * PG, f.offset);
	EXPECT_EQ(LMAP_R, f.access);
	EXPECT_EQ(0, f.held);
	EXPECT_EQ(t.tid, f.thread);
	EXPECT_EQ(0, f.reserved);
	EXPECT_EQ(1, fdinfo_number(self->pager, "lmap-waiting"));
	ASSERT_EQ(0, MAP_PAGE(3, LMAP_R));
	EXPECT_EQ(4, touch_end(&t));
	EXPECT_EQ(0, fdinfo_number(self->pager, "lmap-waiting"));
	EXPECT_EQ(0, pager_poll(self->pager));
}

LMAP_TEST(pager, a_write_wants_w)
{
	struct lmap_fault f;
	struct toucher t;

	touch_start(&t, self->view, 77);
	READ_ONE(&f);
	EXPECT_EQ(RW, f.access);
	EXPECT_EQ(0, f.held);
	ASSERT_EQ(0, MAP_PAGE(0, RW));
	EXPECT_EQ(0, touch_end(&t));
	EXPECT_EQ(77, self->mem[0]);
}

LMAP_TEST(pager, who_lacks_a_right_waits_for_it)
{
	struct lmap_fault f;
	struct toucher t;

	/* once where the page was seen before, once where it was not */
	ASSERT_EQ(0, MAP_PAGE(0, LMAP_R));
	ASSERT_EQ(0, MAP_PAGE(1, LMAP_R));
	ASSERT_EQ(1, peek(self->view));
	for (int page = 0; page < 2; page++) {
		touch_start(&t, self->view + page * PG, 70 + page);
		READ_ONE(&f);
		EXPECT_EQ(page * PG, f.offset);
		EXPECT_EQ(LMAP_W, f.access);
		EXPECT_EQ(LMAP_R, f.held);
		ASSERT_EQ(0, MAP_PAGE(page, RW));
		EXPECT_EQ(0, touch_end(&t));
		EXPECT_EQ(70 + page, self->mem[page * PG]);
	}
}

/*
 * One instruction, or a load and a store that must not be parted: whoever gets r
 * for the first half must not lose it again over the second.
 */
LMAP_TEST(pager, who_reads_and_writes_at_once_gets_on)
{
	struct lmap_fault f;
	struct toucher t;
	int asked = 0;

	memset(self->mem, 0, PG);
	touch_start(&t, self->view, -2);
	do {
		READ_ONE(&f);
		asked++;
		ASSERT_EQ(0, MAP_PAGE(0, f.access));
	} while (!(f.access & LMAP_W));
	EXPECT_EQ(0, touch_end(&t));
	EXPECT_LE(asked, 2);
	EXPECT_EQ(1, *(int *)self->mem);
}

LMAP_TEST(pager, an_executable_view_wants_x)
{
	char *view = window_mmap(self->window, PG, PROT_READ | PROT_EXEC);
	struct lmap_fault f;
	struct toucher t;

	ASSERT_NE(MAP_FAILED, view);
	ASSERT_EQ(0, MAP_PAGE(0, LMAP_R));
	touch_start(&t, view, -1);
	READ_ONE(&f);
	EXPECT_EQ(LMAP_X, f.access);
	EXPECT_EQ(LMAP_R, f.held);
	ASSERT_EQ(0, mprotect(self->mem, PG,
			      PROT_READ | PROT_WRITE | PROT_EXEC));
	ASSERT_EQ(0, MAP_PAGE(0, RX));
	EXPECT_EQ(1, touch_end(&t));
	munmap(view, PG);
}

LMAP_TEST(pager, what_does_not_help_is_asked_again)
{
	struct lmap_fault f;
	struct toucher t;

	touch_start(&t, self->view, 5);
	READ_ONE(&f);
	ASSERT_EQ(0, MAP_PAGE(0, LMAP_R));
	READ_ONE(&f);
	EXPECT_EQ(LMAP_W, f.access);
	EXPECT_EQ(LMAP_R, f.held);
	ASSERT_EQ(0, MAP_PAGE(0, RW));
	EXPECT_EQ(0, touch_end(&t));
}

LMAP_TEST(pager, what_is_mapped_elsewhere_wakes_nobody)
{
	struct lmap_fault f;
	struct toucher t;

	touch_start(&t, self->view + 4 * PG, -1);
	READ_ONE(&f);
	ASSERT_EQ(0, MAP_PAGE(3, LMAP_R));
	ASSERT_EQ(0, MAP_PAGE(5, LMAP_R));
	EXPECT_EQ(1, fdinfo_number(self->pager, "lmap-waiting"));
	EXPECT_EQ(0, pager_poll(self->pager));
	ASSERT_EQ(0, map_range(self->space, self->mem, N * PG, LMAP_R,
			       self->window, 0, 0, NULL));
	EXPECT_EQ(5, touch_end(&t));
}

LMAP_TEST(pager, grant_and_copy_answer_too)
{
	int other = window_create(self->space, N * PG, ALL);
	char *from = window_mmap(other, N * PG, PROT_READ | PROT_WRITE);
	static const unsigned int ops[] = { LMAP_COPY, LMAP_GRANT };
	struct lmap_fault f;
	struct toucher t;

	ASSERT_NE(MAP_FAILED, from);
	ASSERT_EQ(0, map_range(self->space, self->mem, N * PG, ALL, other, 0,
			       0, NULL));
	for (int i = 0; i < 2; i++) {
		touch_start(&t, self->view + i * PG, -1);
		READ_ONE(&f);
		ASSERT_EQ(0, op(self->space, ops[i], from + i * PG, PG, LMAP_R,
				self->window, i * PG, 0));
		EXPECT_EQ(i + 1, touch_end(&t));
	}
	munmap(from, N * PG);
	close(other);
}

LMAP_TEST(pager, after_a_revoke_the_page_is_asked_for_anew)
{
	struct lmap_fault f;
	struct toucher t;

	for (int i = 0; i < 3; i++) {
		touch_start(&t, self->view, -1);
		READ_ONE(&f);
		ASSERT_EQ(0, MAP_PAGE(0, LMAP_R));
		EXPECT_EQ(1, touch_end(&t));
		ASSERT_EQ(0, unmap_range(self->space, self->mem, PG, LMAP_R, 0,
					 NULL));
	}
}

LMAP_TEST(pager, refusing_gives_SIGBUS)
{
	struct toucher t[3];
	struct lmap_fault f[3];

	for (int i = 0; i < 3; i++)
		touch_start(&t[i], self->view + i * PG, i ? -1 : 1);
	for (int got = 0; got < 3;) {
		int n = pager_read(self->pager, f, 3 - got);

		ASSERT_GT(n, 0);
		got += n;
	}
	EXPECT_EQ(2, pager_refuse(self->pager, PG, 2 * PG));
	EXPECT_EQ(NOTHING, touch_end(&t[1]));
	EXPECT_EQ(NOTHING, touch_end(&t[2]));
	EXPECT_EQ(0, pager_refuse(self->pager, PG, 2 * PG));
	EXPECT_EQ(1, pager_refuse(self->pager, 0, N * PG));
	EXPECT_EQ(NOTHING, touch_end(&t[0]));
}

LMAP_TEST(pager, refusing_does_not_wait_for_the_message_to_be_read)
{
	struct toucher t;

	touch_start(&t, self->view, -1);
	while (!(pager_poll(self->pager) & POLLIN))
		sched_yield();
	EXPECT_EQ(1, pager_refuse(self->pager, 0, PG));
	EXPECT_EQ(NOTHING, touch_end(&t));
	EXPECT_EQ(0, pager_poll(self->pager));
}

LMAP_TEST(pager, refusing_a_right_gives_SIGBUS)
{
	struct lmap_fault f;
	struct toucher t;

	ASSERT_EQ(0, MAP_PAGE(0, LMAP_R));
	touch_start(&t, self->view, 1);
	READ_ONE(&f);
	EXPECT_EQ(1, pager_refuse(self->pager, 0, PG));
	EXPECT_EQ(NOTHING, touch_end(&t));
	EXPECT_EQ(1, peek(self->view));
}

LMAP_TEST(pager, when_the_pager_dies_everybody_wakes)
{
	struct toucher nothing[2], right;
	struct lmap_fault f;

	ASSERT_EQ(0, MAP_PAGE(7, LMAP_R));
	for (int i = 0; i < 2; i++)
		touch_start(&nothing[i], self->view + i * PG, -1);
	touch_start(&right, self->view + 7 * PG, 1);
	/* of one the message was read */
	READ_ONE(&f);
	while (fdinfo_number(self->pager, "lmap-waiting") < 3)
		sched_yield();
	close(self->pager);
	EXPECT_EQ(NOTHING, touch_end(&nothing[0]));
	EXPECT_EQ(NOTHING, touch_end(&nothing[1]));
	EXPECT_EQ(NO_RIGHT, touch_end(&right));
	/* and who comes later does not wait */
	EXPECT_EQ(NOTHING, peek(self->view));
	/* until there is another pager */
	self->pager = pager_create(self->space, self->window, 0);
	ASSERT_GE(self->pager, 0);
	touch_start(&right, self->view, -1);
	READ_ONE(&f);
	ASSERT_EQ(0, MAP_PAGE(0, LMAP_R));
	EXPECT_EQ(1, touch_end(&right));
}

LMAP_TEST(pager, a_window_has_one_pager)
{
	int copy = dup(self->pager);

	EXPECT_EQ(-EBUSY, pager_create(self->space, self->window, 0));
	/* as long as there is a descriptor */
	close(self->pager);
	EXPECT_EQ(-EBUSY, pager_create(self->space, self->window, 0));
	close(copy);
	self->pager = pager_create(self->space, self->window, 0);
	EXPECT_GE(self->pager, 0);
}

LMAP_TEST(pager, only_who_made_the_window_gives_it_a_pager)
{
	int other = space_open();
	int window = window_create(other, PG, ALL);

	ASSERT_GE(window, 0);
	EXPECT_EQ(-EPERM, pager_create(self->space, window, 0));
	EXPECT_EQ(-EBADF, pager_create(self->space, 1000, 0));
	EXPECT_EQ(-EBADFD, pager_create(self->space, self->pager, 0));
	EXPECT_EQ(-EBADFD, pager_create(self->space, self->space, 0));
	close(window);
	close(other);
}

LMAP_TEST(pager, refuse_checks_its_range)
{
	EXPECT_EQ(-EINVAL, pager_refuse(self->pager, 1, PG));
	EXPECT_EQ(-EINVAL, pager_refuse(self->pager, 0, PG - 1));
	EXPECT_EQ(-EINVAL, pager_refuse(self->pager, 0, 0));
	EXPECT_EQ(-EOVERFLOW, pager_refuse(self->pager, -PG, 2 * PG));
	EXPECT_EQ(-ENOSPC, pager_refuse(self->pager, N * PG, PG));
	EXPECT_EQ(-ENOSPC, pager_refuse(self->pager, 0, (N + 1) * PG));
	EXPECT_EQ(-ENOTTY, pager_refuse(self->window, 0, PG));
	EXPECT_EQ(0, pager_refuse(self->pager, 0, N * PG));
}

LMAP_TEST(pager, nobody_is_asked_for_what_the_window_can_not_have)
{
	int window = window_create(self->space, PG, LMAP_R | LMAP_M);
	char *view = window_mmap(window, PG, PROT_READ | PROT_WRITE);
	int pager = pager_create(self->space, window, 0);

	ASSERT_GE(pager, 0);
	EXPECT_EQ(NOTHING, poke(view, 1));
	ASSERT_EQ(0, map_range(self->space, self->mem, PG, ALL, window, 0, 0,
			       NULL));
	EXPECT_EQ(NO_RIGHT, poke(view, 1));
	EXPECT_EQ(1, peek(view));
	munmap(view, PG);
	close(pager);
	close(window);
}

LMAP_TEST(pager, nobody_is_asked_for_what_the_lender_has_not)
{
	char *mem = mmap(NULL, PG, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			 0);

	ASSERT_EQ(0, map_range(self->space, mem, PG, RW, self->window, 0, 0,
			       NULL));
	EXPECT_EQ(0, peek(self->view));
	ASSERT_EQ(0, map_range(self->space, self->mem, PG, RW, self->window, 0,
			       0, NULL));
	ASSERT_EQ(0, mprotect(self->mem, PG, PROT_READ));
	EXPECT_EQ(NO_RIGHT, poke(self->view, 1));
	ASSERT_EQ(0, munmap(self->mem, PG));
	munmap(mem, PG);
}

LMAP_TEST(pager, pread_pwrite_and_populate_do_not_wait)
{
	char byte = 1;

	EXPECT_EQ(-1, pread(self->window, &byte, 1, 0));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, pwrite(self->window, &byte, 1, 0));
	EXPECT_EQ(EFAULT, errno);
	ASSERT_EQ(0, map_range(self->space, self->mem, PG, LMAP_R,
			       self->window, 0, LMAP_POPULATE, NULL));
	EXPECT_EQ(0, pager_poll(self->pager));
}

LMAP_TEST(pager, the_kernel_waits_like_anybody)
{
	struct lmap_fault f;
	struct reader r;
	int fds[2];

	ASSERT_EQ(0, pipe(fds));
	for (int refused = 0; refused < 2; refused++) {
		r = (struct reader){ .fd = fds[0], .to = self->view };
		ASSERT_EQ(5, write(fds[1], "hello", 5));
		pthread_create(&r.thread, NULL, reader_run, &r);
		READ_ONE(&f);
		EXPECT_EQ(RW, f.access);
		if (refused) {
			/* it may try the rest in smaller pieces */
			while (!__atomic_load_n(&r.done, __ATOMIC_ACQUIRE))
				pager_refuse(self->pager, 0, PG);
		} else {
			ASSERT_EQ(0, MAP_PAGE(0, RW));
		}
		pthread_join(r.thread, NULL);
		EXPECT_EQ(refused ? -EFAULT : 5, r.result);
		EXPECT_EQ(0, memcmp(self->mem, "hello", 5));
		ASSERT_EQ(0, unmap_range(self->space, self->mem, PG, LMAP_R, 0,
					 NULL));
	}
	close(fds[0]);
	close(fds[1]);
}

TEST_HARNESS_MAIN
