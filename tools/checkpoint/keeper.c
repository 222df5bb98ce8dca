// SPDX-License-Identifier: GPL-2.0
/*
 * Who owns the memory: lends it to the writers, takes w from all of them in one
 * call, and gives it back page by page. Must never give w for a page that has
 * not been saved.
 */
#define _GNU_SOURCE
#include "checkpoint.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BACKGROUND	16	/* pages that are saved between two looks */
#define MESSAGES	32

/* Writers */

static int borrower_start(struct keeper *k, unsigned int i)
{
	struct borrower *b = &k->borrowers[i];
	struct bank bank = k->bank;
	int socks[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks))
		fail("socketpair: %s", strerror(errno));
	fflush(NULL);
	b->pid = fork();
	if (b->pid < 0)
		fail("fork: %s", strerror(errno));
	if (!b->pid) {
		/* what the keeper has is nothing for it */
		munmap(bank.memory, bank.size);
		for (unsigned int j = 0; j < i; j++) {
			close(k->borrowers[j].window);
			close(k->borrowers[j].pager);
		}
		writer_main(socks[1], &bank, i, k->control);
	}
	close(socks[1]);
	b->window = lmap_recv_fd(socks[0]);
	b->pager = lmap_recv_fd(socks[0]);
	if (b->window < 0 || b->pager < 0)
		fail("a writer could not make its window, or the pager");
	return socks[0];
}

static void lend(struct keeper *k, unsigned int i, size_t offset, size_t size)
{
	struct lmap_map_opts track = { .size = sizeof(track),
				       .flags = LMAP_TRACK };
	int ret = lmap_map_range(k->space, k->bank.memory + offset, size,
				 LMAP_R | LMAP_W, k->borrowers[i].window,
				 offset, &track, NULL);

	if (ret)
		fail("lmap_map_range: %s", strerror(-ret));
}

static void writers_start(struct keeper *k)
{
	int socks[WRITERS_MAX];

	for (unsigned int i = 0; i < k->bank.writers; i++)
		socks[i] = borrower_start(k, i);
	/* No child has a copy that would keep it open. */
	k->space = lmap_open(0);
	if (k->space < 0)
		fail("lmap: %s", strerror(-k->space));
	for (unsigned int i = 0; i < k->bank.writers; i++) {
		lend(k, i, 0, k->bank.size);
		if (write(socks[i], "", 1) != 1)
			fail("a writer is gone");
		close(socks[i]);
	}
}

struct keeper *keeper_continue(struct bank *bank, uint64_t limit)
{
	struct keeper *k = calloc(1, sizeof(*k));

	if (!k)
		fail("no memory");
	k->bank = *bank;
	k->control = control_make();
	k->control->limit = limit;
	writers_start(k);
	return k;
}

struct keeper *keeper_start(size_t size, unsigned int writers)
{
	struct bank bank = {
		.memory = anonymous(size, MAP_PRIVATE),
		.size = size,
		.page = sysconf(_SC_PAGESIZE),
		.writers = writers,
	};

	bank_init(&bank);
	return keeper_continue(&bank, 0);
}

static void keeper_free(struct keeper *k)
{
	close(k->space);
	for (unsigned int i = 0; i < k->bank.writers; i++) {
		close(k->borrowers[i].window);
		close(k->borrowers[i].pager);
	}
	munmap(k->control, sizeof(*k->control));
	munmap(k->bank.memory, k->bank.size);
	free(k);
}

void keeper_stop(struct keeper *k)
{
	int status;

	__atomic_store_n(&k->control->stop, 1, __ATOMIC_RELEASE);
	for (unsigned int i = 0; i < k->bank.writers; i++) {
		if (waitpid(k->borrowers[i].pid, &status, 0) < 0 || status)
			fail("a writer has failed");
	}
	keeper_free(k);
}

void keeper_kill(struct keeper *k)
{
	for (unsigned int i = 0; i < k->bank.writers; i++)
		kill(k->borrowers[i].pid, SIGKILL);
	for (unsigned int i = 0; i < k->bank.writers; i++)
		waitpid(k->borrowers[i].pid, NULL, 0);
	keeper_free(k);
}

/* What they have done */

static void still_alive(const struct keeper *k)
{
	siginfo_t si;

	for (unsigned int i = 0; i < k->bank.writers; i++) {
		si.si_pid = 0;
		if (waitid(P_PID, k->borrowers[i].pid, &si,
			   WEXITED | WNOHANG | WNOWAIT) || si.si_pid)
			fail("writer %u has gone", i);
	}
}

static uint64_t done_by(const struct keeper *k, unsigned int i)
{
	return __atomic_load_n(&k->control->slots[i].done, __ATOMIC_ACQUIRE);
}

uint64_t keeper_done(const struct keeper *k)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < k->bank.writers; i++)
		sum += done_by(k, i);
	return sum;
}

void keeper_await(struct keeper *k, uint64_t n)
{
	uint64_t until[WRITERS_MAX];

	for (unsigned int i = 0; i < k->bank.writers; i++)
		until[i] = done_by(k, i) + n;
	for (unsigned int i = 0; i < k->bank.writers; i++) {
		while (done_by(k, i) < until[i]) {
			still_alive(k);
			poll(NULL, 0, 1);
		}
	}
}

void keeper_await_end(struct keeper *k)
{
	int status;

	for (unsigned int i = 0; i < k->bank.writers; i++) {
		if (waitpid(k->borrowers[i].pid, &status, 0) < 0 || status ||
		    done_by(k, i) != k->control->limit)
			fail("a writer has failed");
	}
}

void keeper_epoch(struct keeper *k)
{
	uint64_t epoch = ++k->control->epoch;

	for (unsigned int i = 0; i < k->bank.writers; i++) {
		while (__atomic_load_n(&k->control->slots[i].epoch,
				       __ATOMIC_ACQUIRE) != epoch) {
			still_alive(k);
			poll(NULL, 0, 1);
		}
	}
}

uint64_t keeper_gap(struct keeper *k)
{
	uint64_t gap = 0;

	/* the one that lasts until now, too */
	keeper_await(k, 2);
	for (unsigned int i = 0; i < k->bank.writers; i++) {
		uint64_t g = __atomic_load_n(&k->control->slots[i].gap,
					     __ATOMIC_ACQUIRE);

		gap = g > gap ? g : gap;
	}
	return gap;
}

/* Images */

void image_init(struct image *image, size_t size)
{
	memset(image, 0, sizeof(*image));
	image->pages = size / sysconf(_SC_PAGESIZE);
	image->memory = anonymous(size, MAP_PRIVATE);
	image->stored = anonymous(image->pages, MAP_PRIVATE);
	/* its own faults are none of what is measured */
	memset(image->memory, 0, size);
}

void image_free(struct image *image)
{
	munmap(image->memory, image->pages * sysconf(_SC_PAGESIZE));
	munmap(image->stored, image->pages);
}

/* A checkpoint under way. */
struct work {
	struct keeper *k;
	struct image *image;
	uint8_t *wanted;	/* for each page: to be saved still */
	size_t left;
};

/* Returns how many of them had to be. */
static size_t save(struct work *w, size_t first, size_t n)
{
	size_t page = w->k->bank.page, saved = 0;

	for (size_t i = first; i < first + n; i++) {
		if (!w->wanted[i])
			continue;
		memcpy(w->image->memory + i * page,
		       w->k->bank.memory + i * page, page);
		w->wanted[i] = 0;
		w->image->stored[i] = 1;
		saved++;
	}
	w->left -= saved;
	w->image->nr_stored += saved;
	return saved;
}

/* Somebody wants to write: saved first, and then he may. */
static void answer(struct work *w, unsigned int writer,
		   const struct lmap_fault *fault)
{
	size_t page = w->k->bank.page, at = fault->offset / page;
	size_t first = at - at % options.cluster;
	size_t n = options.cluster;

	if (fault->held != LMAP_R || fault->access != LMAP_W)
		fail("a fault that can't be: wants %#x, has %#x", fault->access,
		     fault->held);
	if (n > w->image->pages - first)
		n = w->image->pages - first;
	w->image->on_write += save(w, first, n);
	w->image->faults++;
	lend(w->k, writer, first * page, n * page);
}

/* What is asked, at the latest when @wait has passed; NULL: one question at least. */
static void serve(struct work *w, const struct timespec *wait)
{
	struct lmap_fault faults[MESSAGES];
	struct pollfd polls[WRITERS_MAX];
	unsigned int n = w->k->bank.writers;

	for (unsigned int i = 0; i < n; i++)
		polls[i] = (struct pollfd){ w->k->borrowers[i].pager, POLLIN };
	if (ppoll(polls, n, wait, NULL) <= 0)
		return;
	for (unsigned int i = 0; i < n; i++) {
		int got;

		if (!polls[i].revents)
			continue;
		got = lmap_pager_read(polls[i].fd, faults, MESSAGES);
		if (got <= 0)
			fail("writer %u has gone", i);
		for (int j = 0; j < got; j++)
			answer(w, i, &faults[j]);
	}
}

static void take_w(struct keeper *k)
{
	int ret = lmap_unmap_range(k->space, k->bank.memory, k->bank.size,
				   LMAP_W, 0, NULL);

	if (ret)
		fail("lmap_unmap_range: %s", strerror(-ret));
}

/* Which pages were written since the last time: those of this image. */
static void find_modified(struct work *w, const struct image *parent)
{
	struct bank *b = &w->k->bank;
	int ret = lmap_status(w->k->space, b->memory, b->size, LMAP_RESET,
			      w->wanted, NULL);

	if (ret)
		fail("lmap_status: %s", strerror(-ret));
	for (size_t i = 0; i < w->image->pages; i++) {
		w->wanted[i] = !parent || w->wanted[i] & LMAP_MODIFIED;
		w->left += w->wanted[i];
	}
}

static void image_begin(struct image *image, const struct image *parent)
{
	image->parent = parent ? parent->number : 0;
	image->number = parent ? parent->number + 1 : 1;
	image->nr_stored = 0;
	image->on_write = 0;
	image->faults = 0;
	memset(image->stored, 0, image->pages);
	if (parent && parent != image)
		memcpy(image->memory, parent->memory,
		       image->pages * sysconf(_SC_PAGESIZE));
}

static uint64_t mappings(const struct keeper *k)
{
	struct lmap_info info = { .size = sizeof(info) };

	if (lmap_info(k->space, &info))
		fail("lmap_info");
	return info.out_mappings;
}

void checkpoint(struct keeper *k, struct image *image,
		const struct image *parent, unsigned char *reference)
{
	const struct timespec pace = { .tv_nsec = options.pace * 1000L };
	struct work w = { .k = k, .image = image };
	uint64_t start, done;
	size_t at = 0;

	image_begin(image, parent);
	w.wanted = calloc(image->pages, 1);
	if (!w.wanted)
		fail("no memory");
	done = keeper_done(k);
	start = now();
	/* The instant: when this returns nobody can write. */
	take_w(k);
	image->ns_take = now() - start;
	find_modified(&w, parent);
	if (reference)
		memcpy(reference, k->bank.memory, k->bank.size);
	/* Writers that run come soon, and are what this is for. */
	serve(&w, NULL);
	while (w.left) {
		size_t n = image->pages - at < BACKGROUND ? image->pages - at :
							    BACKGROUND;

		/* Sleeping: it is the writers' turn. */
		if (save(&w, at, n))
			serve(&w, &pace);
		at += n;
	}
	for (unsigned int i = 0; i < k->bank.writers; i++)
		lend(k, i, 0, k->bank.size);
	image->ns_all = now() - start;
	image->done = keeper_done(k) - done;
	image->mappings = mappings(k);
	free(w.wanted);
}

/* Sum of all transfers that accounts of the second half have seen. */
static uint64_t counts_behind(const struct bank *b, size_t offset)
{
	uint64_t sum = 0;

	for (size_t at = offset; at < b->size; at += sizeof(struct account)) {
		const struct account *a =
			(const struct account *)(b->memory + at);

		sum += __atomic_load_n(&a->count, __ATOMIC_RELAXED);
	}
	return sum;
}

void checkpoint_torn(struct keeper *k, struct image *image)
{
	size_t half = image->pages / 2 * k->bank.page;
	uint64_t before;

	image_begin(image, NULL);
	memcpy(image->memory, k->bank.memory, half);
	before = counts_behind(&k->bank, half);
	while (counts_behind(&k->bank, half) < before + 100)
		keeper_await(k, 1);
	memcpy(image->memory + half, k->bank.memory + half,
	       k->bank.size - half);
	memset(image->stored, 1, image->pages);
	image->nr_stored = image->pages;
}

void checkpoint_stopped(struct keeper *k, struct image *image)
{
	uint64_t start = now();
	siginfo_t si;

	image_begin(image, NULL);
	for (unsigned int i = 0; i < k->bank.writers; i++) {
		kill(k->borrowers[i].pid, SIGSTOP);
		if (waitid(P_PID, k->borrowers[i].pid, &si, WSTOPPED))
			fail("waitid: %s", strerror(errno));
	}
	memcpy(image->memory, k->bank.memory, k->bank.size);
	image->ns_take = now() - start;
	for (unsigned int i = 0; i < k->bank.writers; i++)
		kill(k->borrowers[i].pid, SIGCONT);
	image->ns_all = now() - start;
	image->done = 0;
	memset(image->stored, 1, image->pages);
	image->nr_stored = image->pages;
}
