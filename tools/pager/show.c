// SPDX-License-Identifier: GPL-2.0
/*
 * The demonstration with several clients: together, one killed, the backing
 * file full. Must never wait for a time: what has to come after something is
 * told when that has happened.
 */
#include "show.h"
#include "util.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

void expect_outcome(const struct outcome *out)
{
	expect(!out->signal && !out->refused, "no signal ends it");
	expect(out->done && out->good, "it reads what it has written");
	expect(out->bytes && out->verified == out->bytes,
	       "every byte as in ordinary memory");
}

static struct heap heap_of(const struct setup *setup, unsigned int number,
			   int input)
{
	return (struct heap){
		.pages = setup->pages,
		.seed = setup->seed + number,
		.input = input,
	};
}

#define CLIENTS	3

static const char *const jobs[CLIENTS] = { "hash", "sort", "stamps" };

static void start_jobs(struct guest *guests, const struct host *host,
		       const struct setup *setup, int input)
{
	int i;

	for (i = 0; i < CLIENTS; i++) {
		struct heap heap = heap_of(setup, i, input);

		guests[i] = (struct guest){ .run = guest_work,
					    .work = work_find(jobs[i]) };
		guest_start(&guests[i], host->socket, &heap);
	}
}

static void account_row(const char *who, const struct account *a)
{
	printf("    %-8s %9llu %8llu %8llu %9llu %9llu", who,
	       (unsigned long long)a->messages, (unsigned long long)a->faults,
	       (unsigned long long)a->zeroed, (unsigned long long)a->reloads,
	       (unsigned long long)a->written);
}

static void account_head(void)
{
	printf("    %-8s %9s %8s %8s %9s %9s %11s\n", "client", "messages",
	       "faults", "zeroed", "reloads", "written", "hit rate");
}

static void end_jobs(struct guest *guests)
{
	int i;

	account_head();
	for (i = 0; i < CLIENTS; i++) {
		struct outcome out = guest_end(&guests[i]);
		struct tally tally = { .refs = out.refs,
				       .faults = out.account.faults };

		account_row(jobs[i], &out.account);
		printf(" %9.2f %%  %llu of %llu KiB right\n",
		       tally_rate(&tally),
		       (unsigned long long)out.verified / 1024,
		       (unsigned long long)out.bytes / 1024);
		expect_outcome(&out);
		expect(out.account.faults ==
		       out.account.zeroed + out.account.reloads &&
		       out.account.messages ==
		       out.account.faults + out.account.upgrades +
		       out.account.again,
		       "each message is counted as what it was");
	}
}

void show_clients(const struct setup *setup)
{
	const struct policy_ops *const *ops;
	int input = random_file(setup->pages / 2 + 1, setup->seed);

	printf("\nTogether: %d clients of %u pages each, a pool of %u frames\n",
	       CLIENTS, setup->pages, setup->frames);
	for (ops = policies; *ops; ops++) {
		struct guest guests[CLIENTS];
		struct account all;
		struct host host;

		host_start(&host, setup, setup->frames, *ops, NULL);
		printf("\n  %s\n", (*ops)->name);
		start_jobs(guests, &host, setup, input);
		end_jobs(guests);
		all = host_account(&host);
		account_row("all", &all);
		printf("  with what comparing takes\n");
		host_expect_empty(&host, setup->frames);
		host_stop(&host);
	}
	close(input);
}

/* Killed */

/* Writes all pages, says so, and goes on until somebody kills it. */
static void run_for_ever(struct guest *g, struct heap *heap,
			 struct outcome *out)
{
	uint64_t round;
	size_t i;

	(void)out;
	for (round = 1;; round++) {
		for (i = 0; i < heap->pages; i++)
			*(volatile uint64_t *)(heap->base + i * page_size()) =
				round;
		if (round == 1)
			guest_say(g);
	}
}

static void kill_client(const struct setup *setup, int input)
{
	struct guest victim = { .run = run_for_ever }, guests[CLIENTS];
	struct heap heap = heap_of(setup, 9, input);
	struct account before, after;
	struct outcome out;
	struct host host;

	host_start(&host, setup, setup->frames, setup->ops, NULL);
	guest_start(&victim, host.socket, &heap);
	guest_hear(&victim);
	start_jobs(guests, &host, setup, input);
	before = host_account(&host);
	kill(victim.pid, SIGKILL);
	out = guest_end(&victim);
	host_account(&host);
	after = host_account(&host);
	printf("  a client that has written %u pages is killed: the pager had "
	       "%llu pages of it,\n  %llu clients were lost then\n",
	       setup->pages, (unsigned long long)before.slots,
	       (unsigned long long)after.lost_clients);
	expect(out.signal == SIGKILL, "it is killed");
	expect(before.slots >= setup->pages && after.lost_clients,
	       "the pager notices");
	printf("  the others go on:\n");
	end_jobs(guests);
	host_expect_empty(&host, setup->frames);
	host_stop(&host);
}

static void kill_pager(const struct setup *setup, int input)
{
	struct guest guest = { .run = run_for_ever };
	struct heap heap = heap_of(setup, 9, input);
	struct outcome out;
	struct host host;

	host_start(&host, setup, setup->frames, setup->ops, NULL);
	guest_start(&guest, host.socket, &heap);
	guest_hear(&guest);
	kill(host.pid, SIGKILL);
	waitpid(host.pid, NULL, 0);
	out = guest_end(&guest);
	close(host.control);
	unlink(host.socket);
	printf("  the pager is killed: its client %s\n",
	       out.refused ? "gets SIGBUS, and does not wait for ever" :
			     "does something else");
	expect(out.refused && !out.why, "SIGBUS, and nobody gives a reason");
}

void show_kill(const struct setup *setup)
{
	int input = random_file(setup->pages / 2 + 1, setup->seed);

	printf("\nKilled\n\n");
	kill_client(setup, input);
	kill_pager(setup, input);
	close(input);
}

/* Full */

static void stamp_all(struct heap *heap, uint64_t round)
{
	size_t words = page_size() / sizeof(uint64_t), i;
	uint64_t *p = (uint64_t *)heap->base;

	for (i = 0; i < heap->pages * words; i++)
		p[i] = heap->seed * 1000003 + round * 997 + i;
}

static uint64_t count_all(const struct heap *heap, uint64_t round)
{
	size_t words = page_size() / sizeof(uint64_t), i;
	const uint64_t *p = (const uint64_t *)heap->base;
	uint64_t right = 0;

	for (i = 0; i < heap->pages * words; i++)
		if (p[i] == heap->seed * 1000003 + round * 997 + i)
			right += sizeof(*p);
	return right;
}

/* Has all its pages before the other one comes, and uses them afterwards. */
static void run_modest(struct guest *g, struct heap *heap, struct outcome *out)
{
	uint64_t round;

	out->good = true;
	stamp_all(heap, 0);
	guest_say(g);
	guest_wait_go(g);
	for (round = 0; round < 3; round++) {
		out->verified = count_all(heap, round);
		out->bytes = heap->pages * page_size();
		if (out->verified != out->bytes)
			out->good = false;
		stamp_all(heap, round + 1);
	}
}

/* Reads all, which needs no room, then writes page after page. */
static void run_greedy(struct guest *g, struct heap *heap, struct outcome *out)
{
	volatile char *p = heap->base;
	size_t i, other = 0;

	(void)g;
	for (i = 0; i < heap->pages; i++)
		other += p[i * page_size()];
	out->good = !other;
	for (i = 0; i < heap->pages; i++)
		p[i * page_size()] = 1;
}

void show_full(const struct setup *base)
{
	struct guest modest = { .run = run_modest };
	struct guest greedy = { .run = run_greedy };
	struct guest next = { .run = guest_work, .work = work_find("stamps") };
	struct setup setup = *base;
	struct outcome got, kept;
	struct heap heap = heap_of(base, 1, -1);
	struct host host;
	bool limit = !base->slots;

	/* Room for one and a half, unless somebody has decided otherwise. */
	if (limit)
		setup.slots = setup.pages * 3 / 2;
	printf("\nThe backing file is full\n\n");
	host_start(&host, &setup, setup.frames, setup.ops, NULL);
	guest_start(&modest, host.socket, &heap);
	guest_hear(&modest);
	guest_start(&greedy, host.socket, &heap);
	got = guest_end(&greedy);
	printf("  one client has all its %u pages; another one reads %u pages "
	       "and writes them:\n", setup.pages, setup.pages);
	if (got.refused)
		printf("  SIGBUS at its page %u, the pager says: %s\n",
		       got.refused - 1, strerror(got.why));
	expect(got.refused > 1 && got.why == ENOSPC,
	       "some pages, then no space");
	expect(!limit || got.refused - 1 == setup.slots - setup.pages,
	       "exactly the pages that there was room for");
	expect(got.good, "what was not written reads as zero");
	guest_go(&modest);
	kept = guest_end(&modest);
	printf("  the first one goes on: %llu of %llu KiB right\n",
	       (unsigned long long)kept.verified / 1024,
	       (unsigned long long)kept.bytes / 1024);
	expect_outcome(&kept);
	guest_start(&next, host.socket, &heap);
	kept = guest_end(&next);
	printf("  with both gone there is room for the next one: %llu of %llu "
	       "KiB right\n", (unsigned long long)kept.verified / 1024,
	       (unsigned long long)kept.bytes / 1024);
	expect_outcome(&kept);
	host_expect_empty(&host, setup.frames);
	host_stop(&host);
}
