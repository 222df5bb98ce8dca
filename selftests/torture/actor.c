// SPDX-License-Identifier: GPL-2.0
/*
 * torture - a process: its memory, windows, threads, and the way it goes from
 * one phase to the next.
 *
 * It must never touch memory that may be gone but through peek_word() and
 * poke_word(): a signal that nobody waits for ends it with a status that counts
 * as a failure.
 */
#include "torture.h"

#include <limits.h>
#include <stdarg.h>
#include <time.h>
#include <linux/futex.h>

const struct class classes[CLASSES] = {
	[PRIVATE] = { .first = 0, .n = 32, .rights = RWM },
	[READONLY] = { .first = 32, .n = 16, .rights = LMAP_R | LMAP_M },
	[SHARED] = { .first = 48, .n = 16, .rights = RWM, .shared = true },
	[SECRET] = { .first = 64, .n = 8 },
	[DETACH] = { .first = 72, .n = 24, .rights = RWM, .detach = true },
	[THP] = { .first = SMALL, .n = HUGE, .rights = RWM },
};

struct actor me = { .view_lock = PTHREAD_MUTEX_INITIALIZER };

enum class_id class_of(unsigned int page)
{
	int c = CLASSES - 1;

	while (page < classes[c].first)
		c--;
	return c;
}

char *page_at(unsigned int page)
{
	return (char *)(page < SMALL ? MEM + page * PG :
			MEM_HUGE + (page - SMALL) * PG);
}

uint64_t mix(uint64_t a, uint64_t b)
{
	uint64_t z = a + 0x9e3779b97f4a7c15ULL * (b + 1);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

long futex_wait(uint32_t *word, uint32_t value, long ms)
{
	struct timespec limit = { .tv_sec = ms / 1000,
				  .tv_nsec = ms % 1000 * 1000000 };

	return syscall(SYS_futex, word, FUTEX_WAIT, value, ms ? &limit : NULL,
		       NULL, 0);
}

void futex_wake(uint32_t *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/* The first one is told; the coordinator ends everything then. */
void found(const char *where, const char *format, ...)
{
	int n;
	va_list args;

	if (__atomic_exchange_n(&arena->failed, 1, __ATOMIC_SEQ_CST))
		return;
	n = snprintf(arena->failure, sizeof(arena->failure),
		     "seed %llu, mode %s, round %u, process %u, %s: ",
		     (unsigned long long)arena->seed, mode_name, arena->round,
		     me.number, where);
	va_start(args, format);
	vsnprintf(arena->failure + n, sizeof(arena->failure) - n, format, args);
	va_end(args);
	__atomic_store_n(&arena->failed, 2, __ATOMIC_SEQ_CST);
}

/* Fresh memory for a page of ours, where there was a hole. */
int memory_put(unsigned int page)
{
	const struct class *class = &classes[class_of(page)];
	int flags = class->shared ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS;
	void *p = mmap(page_at(page), PG, PROT_READ | PROT_WRITE,
		       flags | MAP_FIXED, class->shared ? me.memfd : -1,
		       class->shared ? (page - class->first) * PG : 0);

	return p == MAP_FAILED ? -errno : 0;
}

static int memory_set_up(void)
{
	const struct class *shared = &classes[SHARED];
	int prot = PROT_READ | PROT_WRITE;

	me.memfd = memfd_create("torture", MFD_CLOEXEC);
	if (me.memfd < 0 || ftruncate(me.memfd, shared->n * PG))
		return -errno;
	if (mmap(page_at(0), SMALL * PG, prot, MAP_PRIVATE | MAP_ANONYMOUS |
		 MAP_FIXED, -1, 0) == MAP_FAILED ||
	    mmap(page_at(SMALL), HUGE * PG, prot, MAP_PRIVATE | MAP_ANONYMOUS |
		 MAP_FIXED, -1, 0) == MAP_FAILED ||
	    mmap(page_at(shared->first), shared->n * PG, prot, MAP_SHARED |
		 MAP_FIXED, me.memfd, 0) == MAP_FAILED)
		return -errno;
	return 0;
}

static int view_put(uint64_t at, int prot, int fd)
{
	void *p = mmap((void *)at, WPAGES * PG, prot, MAP_SHARED | MAP_FIXED,
		       fd, 0);

	return p == MAP_FAILED ? -errno : 0;
}

/* All where they belong, whole, with their protections. */
int views_restore(void)
{
	int ret = view_put(VIEW_A, PROT_READ | PROT_WRITE, me.table[0].fd);

	if (!ret)
		ret = view_put(VIEW_C, PROT_READ, me.table[0].fd);
	if (!ret)
		ret = view_put(VIEW_B, PROT_READ | PROT_WRITE, me.table[1].fd);
	munmap((void *)VIEW_MOVED, WPAGES * PG);
	me.view_a = (char *)VIEW_A;
	return ret;
}

static int windows_set_up(void)
{
	static const unsigned int rights[2] = { ALL, LMAP_R | LMAP_M };

	for (int i = 0; i < TABLE; i++) {
		pthread_rwlock_init(&me.table[i].lock, NULL);
		me.table[i].fd = -1;
	}
	for (int i = 0; i < 2; i++) {
		me.table[i].readonly = i;
		/* B is larger by a page, so that it can be told from A. */
		me.table[i].fd = window_create(me.space, (WPAGES + i) * PG,
					       rights[i]);
		if (me.table[i].fd < 0)
			return me.table[i].fd;
	}
	return views_restore();
}

/* Threads. */

/* The phase that comes after @word. */
static uint32_t word_after(uint32_t word)
{
	uint32_t now;

	while ((now = __atomic_load_n(&arena->word, __ATOMIC_ACQUIRE)) == word)
		futex_wait(&arena->word, word, 0);
	return now;
}

static void inject_here(void)
{
	int fd = open("/proc/thread-self/make-it-fail", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, "1", 1) != 1)
		found("set-up", "make-it-fail: %s", strerror(errno));
	close(fd);
}

/*
 * The kernel puts the frames of our signal handlers there. If it lacks memory for
 * that it ends the process, and rightly so: have it before it can be refused.
 */
static void touch_stack(void)
{
	char below[128 << 10];

	memset(below, 0, sizeof(below));
	__asm__ volatile("" : : "r"(below) : "memory");
}

static void *worker_main(void *arg)
{
	struct slot *slot = &arena->slots[me.number];
	struct worker w = { .number = (uintptr_t)arg };
	uint32_t word = me.begin;

	touch_stack();
	if (arena->inject)
		inject_here();
	for (;;) {
		word = word_after(word);
		if ((word & 15) != WILD)
			continue;
		w.dice = mix(mix(arena->seed, arena->round),
			     me.number * THREADS_MAX + w.number);
		wild_run(&w);
		__atomic_store_n(&slot->op[w.number], 0, __ATOMIC_RELAXED);
		__atomic_fetch_add(&slot->threads_done, 1, __ATOMIC_RELEASE);
		futex_wake(&slot->threads_done);
	}
	return NULL;
}

static void threads_wait(struct slot *slot)
{
	uint32_t done;

	while ((done = __atomic_load_n(&slot->threads_done, __ATOMIC_ACQUIRE)) <
	       arena->threads)
		futex_wait(&slot->threads_done, done, 0);
}

/* Its purpose is to interrupt. */
static void on_pester(int sig)
{
}

static int set_up(void)
{
	struct sigaction sa = { .sa_handler = on_pester };
	int ret;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	catch_faults();
	sigaction(SIGUSR1, &sa, NULL);
	me.pager = -1;
	pthread_mutex_init(&me.pager_lock, NULL);
	me.space = space_open();
	if (me.space < 0)
		return me.space;
	ret = windows_set_up();
	return ret ?: memory_set_up();
}

static int start_threads(void)
{
	pthread_attr_t attr;
	int ret = 0;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 256 << 10);
	for (uintptr_t i = 0; i < arena->threads && !ret; i++)
		ret = -pthread_create(&me.threads[i], &attr, worker_main,
				      (void *)i);
	return ret;
}

/* Takes part from the next phase on. */
void actor_main(unsigned int number)
{
	struct slot *slot = &arena->slots[number];
	uint32_t word = arena->word;
	int ret;

	me.number = number;
	me.begin = word;
	ret = set_up() ?: start_threads();
	if (ret) {
		if (!arena->oom)
			found("set-up", "%s", strerror(-ret));
		_exit(0);
	}
	for (;;) {
		__atomic_store_n(&slot->done, word, __ATOMIC_RELEASE);
		futex_wake(&slot->done);
		word = word_after(word);
		if ((word & 15) == WILD) {
			threads_wait(slot);
			pager_close();
		} else if ((word & 15) == LEAVE) {
			_exit(0);
		} else {
			oracle_run(word & 15);
		}
	}
}
