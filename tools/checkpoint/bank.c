// SPDX-License-Identifier: GPL-2.0
/*
 * A bank in lent memory: transfers between accounts on different pages. At any
 * instant what is under way can be undone, so that the memory of an instant is
 * a bank with the right sums. Must never change an account before its old state
 * is in the writer's record, nor let go of a lock before the record is closed.
 *
 * Locks are words in the lent memory: a process-shared futex would be
 * get_user_pages, which lent memory refuses.
 */
#include "checkpoint.h"

#include <sched.h>
#include <string.h>

#define MAGIC	0x6b6e6162	/* "bank" */
#define DEPOSIT	1000

struct header {
	uint64_t magic;
	uint64_t size;
	uint64_t writers;
	int64_t total;
};

static struct record *record_of(const struct bank *bank, unsigned int writer)
{
	return (struct record *)(bank->memory + (1 + writer) * bank->page);
}

static struct account *account_of(const struct bank *bank, uint64_t number)
{
	return (struct account *)(bank->memory +
				  bank_first(bank) * bank->page) + number;
}

size_t bank_first(const struct bank *bank)
{
	return 1 + bank->writers;
}

uint64_t bank_accounts(const struct bank *bank)
{
	size_t bytes = bank->size - bank_first(bank) * bank->page;

	return bytes / sizeof(struct account);
}

void bank_init(struct bank *bank)
{
	struct header *h = (struct header *)bank->memory;
	uint64_t n = bank_accounts(bank);

	memset(bank->memory, 0, bank->size);
	h->magic = MAGIC;
	h->size = bank->size;
	h->writers = bank->writers;
	h->total = n * DEPOSIT;
	for (uint64_t i = 0; i < n; i++)
		account_of(bank, i)->balance = DEPOSIT;
}

int bank_open(struct bank *bank)
{
	const struct header *h = (const struct header *)bank->memory;

	if (bank->size < sizeof(*h) || h->magic != MAGIC ||
	    h->size != bank->size || !h->writers || h->writers > WRITERS_MAX)
		return -1;
	bank->writers = h->writers;
	return 0;
}

static void lock(struct account *a, unsigned int writer)
{
	uint32_t free = 0;

	while (!__atomic_compare_exchange_n(&a->lock, &free, writer + 1, false,
					    __ATOMIC_ACQUIRE,
					    __ATOMIC_RELAXED)) {
		free = 0;
		sched_yield();
	}
}

static void unlock(struct account *a)
{
	__atomic_store_n(&a->lock, 0, __ATOMIC_RELEASE);
}

/* All stores before are done when one after it is. */
static void open_record(struct record *r)
{
	__atomic_store_n(&r->word, r->word + 3, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static void close_record(struct record *r)
{
	__atomic_store_n(&r->word, r->word - 1, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static void move(struct account *a, int64_t amount)
{
	volatile struct account *v = a;

	v->balance += amount;
	v->count++;
}

/*
 * Something that takes a while, so that an image is likely to come in between:
 * what do the accounts of that page have?
 */
static void look_around(const struct bank *bank, const struct account *a)
{
	const unsigned char *p = bank->memory;
	volatile int64_t sum = 0;

	p += (size_t)((const unsigned char *)a - p) / bank->page * bank->page;
	for (size_t at = 0; at < bank->page; at += sizeof(*a))
		sum += ((const struct account *)(p + at))->balance;
}

void bank_transfer(struct bank *bank, unsigned int writer, uint64_t from,
		   uint64_t to, int64_t amount)
{
	struct account *a[2] = { account_of(bank, from), account_of(bank, to) };
	struct record *r = record_of(bank, writer);

	/* always in the same order */
	lock(a[from > to], writer);
	lock(a[from < to], writer);
	for (int i = 0; i < 2; i++) {
		r->account[i] = i ? to : from;
		r->balance[i] = a[i]->balance;
		r->count[i] = a[i]->count;
	}
	open_record(r);
	move(a[0], -amount);
	look_around(bank, a[0]);
	move(a[1], amount);
	close_record(r);
	unlock(a[0]);
	unlock(a[1]);
}

struct verdict bank_look(const struct bank *bank)
{
	const struct header *h = (const struct header *)bank->memory;
	struct verdict v = { .wanted = h->total };
	uint64_t n = bank_accounts(bank);

	for (unsigned int i = 0; i < bank->writers; i++) {
		v.done += record_of(bank, i)->word / 2;
		v.under_way += record_of(bank, i)->word & 1;
	}
	for (uint64_t i = 0; i < n; i++) {
		v.balance += account_of(bank, i)->balance;
		v.counts += account_of(bank, i)->count;
	}
	return v;
}

unsigned int bank_recover(struct bank *bank)
{
	uint64_t n = bank_accounts(bank);
	unsigned int undone = 0;

	for (unsigned int i = 0; i < bank->writers; i++) {
		struct record *r = record_of(bank, i);

		if (!(r->word & 1))
			continue;
		for (int j = 0; j < 2; j++) {
			struct account *a;

			/* an image that is damaged must not damage us */
			if (r->account[j] >= n)
				continue;
			a = account_of(bank, r->account[j]);
			a->balance = r->balance[j];
			a->count = r->count[j];
		}
		r->word -= 3;
		undone++;
	}
	for (uint64_t i = 0; i < n; i++)
		account_of(bank, i)->lock = 0;
	return undone;
}

bool verdict_is_good(const struct verdict *v)
{
	return v->balance == v->wanted && v->counts == 2 * v->done &&
	       !v->under_way;
}
