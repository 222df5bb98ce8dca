// SPDX-License-Identifier: GPL-2.0
/*
 * pager_wait: what ends a wait for a pager besides the answer, what goes on
 * meanwhile, many that wait, and pagers of pagers.
 */
#include "pager.h"
#include "harness.h"

#define N	8

FIXTURE_PAGED(pager_wait, N)

static volatile sig_atomic_t handled;

static void handler(int sig)
{
	handled++;
}

LMAP_TEST(pager_wait, a_signal_is_handled_and_the_wait_begins_anew)
{
	struct sigaction sa = { .sa_handler = handler };
	struct lmap_fault f;
	struct toucher t;

	sigaction(SIGUSR1, &sa, NULL);
	touch_start(&t, self->view, -1);
	READ_ONE(&f);
	ASSERT_EQ(0, pthread_kill(t.thread, SIGUSR1));
	/* the handler has run when the thread asks again */
	READ_ONE(&f);
	EXPECT_EQ(1, handled);
	EXPECT_EQ(1, fdinfo_number(self->pager, "lmap-waiting"));
	ASSERT_EQ(0, MAP_PAGE(0, LMAP_R));
	EXPECT_EQ(1, touch_end(&t));
}

LMAP_TEST(pager_wait, a_signal_does_not_break_a_system_call)
{
	struct sigaction sa = { .sa_handler = handler };
	struct lmap_fault f;
	struct reader r;
	int fds[2];

	sigaction(SIGUSR1, &sa, NULL);
	ASSERT_EQ(0, pipe(fds));
	ASSERT_EQ(5, write(fds[1], "hello", 5));
	r = (struct reader){ .fd = fds[0], .to = self->view };
	pthread_create(&r.thread, NULL, reader_run, &r);
	READ_ONE(&f);
	ASSERT_EQ(0, pthread_kill(r.thread, SIGUSR1));
	ASSERT_EQ(0, MAP_PAGE(0, RW));
	pthread_join(r.thread, NULL);
	EXPECT_EQ(5, r.result);
	EXPECT_EQ(1, handled);
	EXPECT_EQ(0, memcmp(self->mem, "hello", 5));
	EXPECT_EQ(0, pager_poll(self->pager));
	close(fds[0]);
	close(fds[1]);
}

/* The client's page is a byte of the test's, or the client dies of it. */
static int touch_first(char *view)
{
	int value = peek(view);

	return value < 0 ? 254 : value;
}

LMAP_TEST(pager_wait, another_process_answers)
{
	struct client c = client_start(N, 0, touch_first);
	struct lmap_fault f;

	ASSERT_EQ(1, pager_read(c.pager, &f, 1));
	EXPECT_EQ(c.pid, f.thread);
	ASSERT_EQ(0, map_range(self->space, self->mem + 2 * PG, PG, LMAP_R,
			       c.window, 0, 0, NULL));
	EXPECT_EQ(3, client_end(&c));
}

LMAP_TEST(pager_wait, who_waits_can_be_killed)
{
	struct client c = client_start(N, 0, touch_first);
	struct lmap_fault f;

	ASSERT_EQ(1, pager_read(c.pager, &f, 1));
	kill(c.pid, SIGKILL);
	/* the window's process is gone: nobody will ask any more */
	EXPECT_EQ(0, pager_read(c.pager, &f, 1));
	EXPECT_EQ(POLLHUP, pager_poll(c.pager) & (POLLIN | POLLHUP));
	EXPECT_EQ(0, pager_refuse(c.pager, 0, PG));
	EXPECT_EQ(-SIGKILL, client_end(&c));
}

LMAP_TEST(pager_wait, when_the_window_goes_reading_ends)
{
	int window = window_create(self->space, PG, ALL);
	int pager = pager_create(self->space, window, 0);
	struct lmap_fault f;

	ASSERT_GE(pager, 0);
	EXPECT_EQ(0, pager_poll(pager));
	close(window);
	EXPECT_EQ(0, pager_read(pager, &f, 1));
	EXPECT_EQ(POLLHUP, pager_poll(pager) & (POLLIN | POLLHUP));
	close(pager);
}

LMAP_TEST(pager_wait, a_reader_that_waits_hears_of_the_end)
{
	struct client c = client_start(N, 0, touch_first);
	struct lmap_fault f;
	struct pollfd p = { .fd = c.pager, .events = POLLIN };

	ASSERT_EQ(1, pager_read(c.pager, &f, 1));
	ASSERT_EQ(0, map_range(self->space, self->mem, PG, LMAP_R, c.window, 0,
			       0, NULL));
	/* it returns and ends */
	EXPECT_EQ(1, poll(&p, 1, -1));
	EXPECT_EQ(POLLHUP, p.revents);
	EXPECT_EQ(0, pager_read(c.pager, &f, 1));
	EXPECT_EQ(1, client_end(&c));
}

LMAP_TEST(pager_wait, nobody_waits_longer_than_the_timeout)
{
	struct client c = client_start(N, 1000000, touch_first);

	/* read by nobody, refused by nobody */
	EXPECT_EQ(254, client_end(&c));
	close(self->pager);
	self->pager = pager_create(self->space, self->window, 1);
	EXPECT_EQ(NOTHING, poke(self->view, 1));
	/* longer than there will be a machine: no overflow */
	close(self->pager);
	self->pager = pager_create(self->space, self->window, UINT64_MAX);
	ASSERT_GE(self->pager, 0);
	struct toucher t;
	struct lmap_fault f;

	touch_start(&t, self->view, -1);
	READ_ONE(&f);
	ASSERT_EQ(0, MAP_PAGE(0, LMAP_R));
	EXPECT_EQ(1, touch_end(&t));
}

LMAP_TEST(pager_wait, reading_gives_as_many_as_fit)
{
	struct lmap_fault f[N + 1];
	struct toucher t[N];
	char raw[sizeof(*f) * 2];
	bool seen[N] = {};
	void *wall = mmap(NULL, PG, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);

	ASSERT_EQ(0, fcntl(self->pager, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(-EAGAIN, pager_read(self->pager, f, 1));
	for (int i = 0; i < N; i++)
		touch_start(&t[i], self->view + i * PG, -1);
	while (fdinfo_number(self->pager, "lmap-waiting") < N)
		sched_yield();
	EXPECT_EQ(POLLIN, pager_poll(self->pager));
	/* too short; not writable: nothing is lost */
	EXPECT_EQ(-1, read(self->pager, raw, sizeof(*f) - 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, read(self->pager, wall, sizeof(*f)));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(sizeof(*f), read(self->pager, raw, sizeof(raw) - 1));
	memcpy(f, raw, sizeof(*f));
	EXPECT_EQ(N - 1, pager_read(self->pager, f + 1, N));
	for (int i = 0; i < N; i++) {
		EXPECT_FALSE(seen[f[i].offset / PG]);
		seen[f[i].offset / PG] = true;
	}
	EXPECT_EQ(-EAGAIN, pager_read(self->pager, f, 1));
	ASSERT_EQ(0, map_range(self->space, self->mem, N * PG, LMAP_R,
			       self->window, 0, 0, NULL));
	for (int i = 0; i < N; i++)
		EXPECT_EQ(i + 1, touch_end(&t[i]));
}

LMAP_TEST(pager_wait, nobody_holds_mmap_lock_while_he_waits)
{
	struct lmap_fault f;
	struct toucher t;
	void *p;

	touch_start(&t, self->view, -1);
	READ_ONE(&f);
	p = mmap(NULL, PG, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, p);
	ASSERT_EQ(0, munmap(p, PG));
	/* even the view itself can go: he finds out when he looks again */
	ASSERT_EQ(0, munmap(self->view, N * PG));
	EXPECT_EQ(1, fdinfo_number(self->pager, "lmap-waiting"));
	ASSERT_EQ(0, MAP_PAGE(0, LMAP_R));
	EXPECT_EQ(NO_VMA, touch_end(&t));
}

static int exit_with_word(char *view)
{
	/* the kernel clears the word when the thread ends: nobody is asked */
	syscall(SYS_set_tid_address, view);
	syscall(SYS_exit, 7);
	return 0;
}

LMAP_TEST(pager_wait, who_exits_does_not_wait)
{
	struct client c = client_start(N, 0, exit_with_word);
	struct lmap_fault f;

	EXPECT_EQ(0, pager_read(c.pager, &f, 1));
	EXPECT_EQ(7, client_end(&c));
}

static int read_into_window(char *view)
{
	int fds[2];

	if (pipe(fds) || write(fds[1], "hello", 5) != 5)
		return 1;
	return read(fds[0], view, 5) == 5 ? 2 : errno;
}

static int without_capabilities(char *view)
{
	return setresuid(1000, 1000, 1000) ? 1 : read_into_window(view);
}

struct refuser {
	pthread_t thread;
	int pager;
	int asked;
};

static void *refuse_all(void *arg)
{
	struct refuser *r = arg;
	struct lmap_fault f;

	while (pager_read(r->pager, &f, 1) == 1) {
		__atomic_fetch_add(&r->asked, 1, __ATOMIC_SEQ_CST);
		pager_refuse(r->pager, f.offset, PG);
	}
	return NULL;
}

/* Its pager is made as an ordinary user, and is not asked for the kernel. */
static int user_pager(void *arg)
{
	int space = space_open(), window = window_create(space, PG, ALL);
	char *view = window_mmap(window, PG, PROT_READ | PROT_WRITE);
	struct refuser r = { .pager = pager_create(space, window, 0) };

	NEED(r.pager >= 0);
	NEED(!pthread_create(&r.thread, NULL, refuse_all, &r));
	NEED(read_into_window(view) == EFAULT);
	NEED(__atomic_load_n(&r.asked, __ATOMIC_SEQ_CST) == 0);
	/* the thread itself asks */
	NEED(peek(view) == NOTHING);
	NEED(__atomic_load_n(&r.asked, __ATOMIC_SEQ_CST) == 1);
	return 0;
}

LMAP_TEST(pager_wait, the_administrator_can_forbid_that_the_kernel_waits)
{
	struct lmap_fault f;
	struct client c;

	ASSERT_TRUE(write_value(MODULE_PARAM("pager_kernel"), 0));
	EXPECT_EQ(0, as_user(1000, user_pager, NULL));
	/* whose pager was made with CAP_SYS_PTRACE is not meant */
	c = client_start(1, 0, without_capabilities);
	EXPECT_EQ(1, pager_read(c.pager, &f, 1));
	EXPECT_EQ(0, map_range(self->space, self->mem, PG, RW, c.window, 0, 0,
			       NULL));
	EXPECT_EQ(2, client_end(&c));
	ASSERT_TRUE(write_value(MODULE_PARAM("pager_kernel"), 1));
}

#define CROWD	1000

LMAP_TEST(pager_wait, a_crowd_wakes_when_the_pager_dies)
{
	struct toucher *t = calloc(CROWD, sizeof(*t));

	ASSERT_NE(NULL, t);
	for (int i = 0; i < CROWD; i++)
		touch_start(&t[i], self->view + i % N * PG, -1);
	while (fdinfo_number(self->pager, "lmap-waiting") < CROWD)
		sched_yield();
	close(self->pager);
	for (int i = 0; i < CROWD; i++)
		EXPECT_EQ(NOTHING, touch_end(&t[i]));
	free(t);
}

LMAP_TEST(pager_wait, one_mapping_answers_a_crowd)
{
	struct toucher *t = calloc(CROWD, sizeof(*t));

	ASSERT_NE(NULL, t);
	for (int i = 0; i < CROWD; i++)
		touch_start(&t[i], self->view + i % N * PG, -1);
	while (fdinfo_number(self->pager, "lmap-waiting") < CROWD)
		sched_yield();
	ASSERT_EQ(0, map_range(self->space, self->mem, N * PG, LMAP_R,
			       self->window, 0, 0, NULL));
	for (int i = 0; i < CROWD; i++)
		EXPECT_EQ(i % N + 1, touch_end(&t[i]));
	EXPECT_EQ(0, pager_poll(self->pager));
	free(t);
}

/* Pagers of pagers: each maps on what it has got itself. */

#define LEVELS	3

struct level {
	pthread_t thread;
	int space;
	int window;	/* that it serves */
	int pager;
	char *from;	/* where it has it from */
	unsigned int asked;
};

static void *serve(void *arg)
{
	struct level *l = arg;
	struct lmap_fault f;

	while (pager_read(l->pager, &f, 1) == 1) {
		l->asked++;
		/* waits in its turn, where that is paged memory */
		while (map_range(l->space, l->from + f.offset, PG, ALL,
				 l->window, f.offset, 0, NULL)) {
			NEED(peek(l->from + f.offset) >= 0);
		}
	}
	return NULL;
}

LMAP_TEST(pager_wait, a_pager_has_a_pager)
{
	struct level l[LEVELS];
	char *view = self->mem;

	/* l[0] has the memory, l[2] serves the view */
	for (int i = 0; i < LEVELS; i++) {
		l[i] = (struct level){ .space = self->space, .from = view };
		l[i].window = window_create(self->space, N * PG, ALL);
		l[i].pager = pager_create(self->space, l[i].window, 0);
		ASSERT_GE(l[i].pager, 0);
		view = window_mmap(l[i].window, N * PG,
				   PROT_READ | PROT_WRITE);
		ASSERT_NE(MAP_FAILED, view);
	}
	for (int i = 0; i < LEVELS; i++)
		pthread_create(&l[i].thread, NULL, serve, &l[i]);
	for (int round = 1; round <= 3; round++) {
		for (int p = 0; p < N; p++)
			EXPECT_EQ(p + 1, peek(view + p * PG));
		/* one message a level and page */
		for (int i = 0; i < LEVELS; i++)
			EXPECT_EQ(round * N, l[i].asked);
		/* at the bottom: gone from all */
		ASSERT_EQ(0, unmap_range(self->space, self->mem, N * PG,
					 LMAP_R, 0, NULL));
	}
	for (int i = LEVELS; i--;) {
		munmap(i == LEVELS - 1 ? view : l[i + 1].from, N * PG);
		close(l[i].window);
		/* the window is gone: its pager ends */
		pthread_join(l[i].thread, NULL);
		close(l[i].pager);
	}
}

TEST_HARNESS_MAIN
