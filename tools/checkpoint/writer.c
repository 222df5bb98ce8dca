// SPDX-License-Identifier: GPL-2.0
/*
 * Who writes: transfers, one after the other, and how long the longest took.
 * Must never know that there are checkpoints.
 */
#define _GNU_SOURCE
#include "checkpoint.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

struct control *control_make(void)
{
	struct control *c = anonymous(sizeof(*c), MAP_SHARED);

	c->parts = 1;
	return c;
}

static uint64_t random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static uint64_t get(const uint64_t *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static void set(uint64_t *p, uint64_t value)
{
	__atomic_store_n(p, value, __ATOMIC_RELEASE);
}

/* A transfer between two different accounts of those that are wanted. */
static void transfer(struct bank *bank, unsigned int writer,
		     const struct control *control, uint64_t *state)
{
	uint64_t n = bank_accounts(bank) / get(&control->parts);
	uint64_t from = random_next(state) % n;
	uint64_t to = (from + 1 + random_next(state) % (n - 1)) % n;

	bank_transfer(bank, writer, from, to, random_next(state) % 100);
}

void writer_run(struct bank *bank, unsigned int writer, struct control *control)
{
	struct slot *slot = &control->slots[writer];
	uint64_t state = 88172645463325252ULL + writer * 7919;
	uint64_t last = now(), limit = get(&control->limit);

	for (uint64_t n = 1; !get(&control->stop); n++) {
		uint64_t t, epoch = get(&control->epoch);

		if (epoch != slot->epoch) {
			set(&slot->gap, 0);
			set(&slot->epoch, epoch);
		}
		transfer(bank, writer, control, &state);
		t = now();
		if (t - last > slot->gap)
			set(&slot->gap, t - last);
		last = t;
		set(&slot->done, n);
		if (n == limit)
			break;
	}
}

void writer_main(int sock, struct bank *bank, unsigned int writer,
		 struct control *control)
{
	int space = lmap_open(0);
	int window = lmap_window(space, bank->size, LMAP_R | LMAP_W, 0);
	int pager = lmap_pager(space, window, 0, 0);
	char go;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (window < 0 || pager < 0 || lmap_send_fd(sock, window) ||
	    lmap_send_fd(sock, pager))
		_exit(1);
	bank->memory = lmap_window_mmap(window, bank->size,
					PROT_READ | PROT_WRITE);
	/* The keeper has the other copy, and answers. */
	close(pager);
	if (bank->memory == MAP_FAILED || read(sock, &go, 1) != 1)
		_exit(1);
	writer_run(bank, writer, control);
	_exit(0);
}
