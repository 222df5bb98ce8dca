// SPDX-License-Identifier: GPL-2.0
/*
 * The same without lmap, as far as that goes: fork() makes an image of private
 * memory, so the writers are threads of the process that forks. Shared memory,
 * of several processes, it does not copy.
 *
 * Must never use what the other parts measure with: it is another process.
 */
#define _GNU_SOURCE
#include "checkpoint.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct thread {
	pthread_t id;
	struct bank *bank;
	unsigned int writer;
	struct control *control;
};

static void *thread_main(void *arg)
{
	struct thread *t = arg;

	writer_run(t->bank, t->writer, t->control);
	return NULL;
}

static void await(const struct control *c, unsigned int n,
		  const uint64_t *until)
{
	for (unsigned int i = 0; i < n; i++) {
		while (__atomic_load_n(&c->slots[i].done, __ATOMIC_ACQUIRE) <
		       until[i])
			poll(NULL, 0, 1);
	}
}

static void await_more(const struct control *c, unsigned int n, uint64_t more)
{
	uint64_t until[WRITERS_MAX];

	for (unsigned int i = 0; i < n; i++)
		until[i] = __atomic_load_n(&c->slots[i].done,
					   __ATOMIC_ACQUIRE) + more;
	await(c, n, until);
}

static void new_epoch(struct control *c, unsigned int n)
{
	__atomic_store_n(&c->epoch, c->epoch + 1, __ATOMIC_RELEASE);
	for (unsigned int i = 0; i < n; i++) {
		while (__atomic_load_n(&c->slots[i].epoch, __ATOMIC_ACQUIRE) !=
		       c->epoch)
			poll(NULL, 0, 1);
	}
}

static uint64_t all_done(const struct control *c, unsigned int n)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < n; i++)
		sum += __atomic_load_n(&c->slots[i].done, __ATOMIC_ACQUIRE);
	return sum;
}

/* The child has the memory of the instant of fork(); it saves and tries it. */
static int child(const struct bank *like, unsigned char *to)
{
	struct bank bank = *like;
	struct verdict v;

	memcpy(to, bank.memory, bank.size);
	bank.memory = to;
	bank_recover(&bank);
	v = bank_look(&bank);
	return verdict_is_good(&v) ? 0 : 1;
}

static struct pause one_image(struct bank *bank, struct control *c,
			      unsigned char *to)
{
	uint64_t start, taken, done, gap = 0;
	struct pause p = { 0 };
	int status;
	pid_t pid;

	new_epoch(c, bank->writers);
	done = all_done(c, bank->writers);
	start = now();
	pid = fork();
	if (!pid)
		_exit(child(bank, to));
	taken = now();
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		fail("fork: %s", strerror(errno));
	p.all = (now() - start) / 1e6;
	p.take = (taken - start) / 1e6;
	p.done = all_done(c, bank->writers) - done;
	expect(!status, "the image that fork() made has the right sums");
	await_more(c, bank->writers, 2);
	for (unsigned int i = 0; i < bank->writers; i++) {
		uint64_t g = __atomic_load_n(&c->slots[i].gap,
					     __ATOMIC_ACQUIRE);

		gap = g > gap ? g : gap;
	}
	p.gap = gap / 1e6;
	return p;
}

struct pause pause_fork(size_t size)
{
	struct bank bank = {
		.memory = anonymous(size, MAP_PRIVATE),
		.size = size,
		.page = sysconf(_SC_PAGESIZE),
		.writers = options.writers,
	};
	unsigned char *to = anonymous(size, MAP_SHARED);
	struct thread threads[WRITERS_MAX];
	struct control *c = control_make();
	struct pause p;

	bank_init(&bank);
	memset(to, 0, size);
	for (unsigned int i = 0; i < bank.writers; i++) {
		threads[i] = (struct thread){ .bank = &bank, .writer = i,
					      .control = c };
		if (pthread_create(&threads[i].id, NULL, thread_main,
				   &threads[i]))
			fail("pthread_create");
	}
	await_more(c, bank.writers, options.transfers);
	p = one_image(&bank, c, to);
	__atomic_store_n(&c->stop, 1, __ATOMIC_RELEASE);
	for (unsigned int i = 0; i < bank.writers; i++)
		pthread_join(threads[i].id, NULL);
	munmap(to, size);
	munmap(c, sizeof(*c));
	munmap(bank.memory, size);
	return p;
}
