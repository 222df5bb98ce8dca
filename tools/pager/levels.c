// SPDX-License-Identifier: GPL-2.0
/*
 * Pagers of pagers: the pool of one is memory that the next one serves. Must
 * never count on a frame above being there because it was a moment ago.
 */
#include "show.h"
#include "util.h"

#include <stdio.h>
#include <string.h>

#define LEVELS	3

/* hosts[0] is at the bottom, hosts[nr - 1] has the client. */
static void start_stack(struct host *hosts, unsigned int nr,
			const unsigned int *frames, const struct setup *setup)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		host_start(&hosts[i], setup, frames[i], setup->ops,
			   i ? &hosts[i - 1] : NULL);
}

static void stop_stack(struct host *hosts, unsigned int nr,
		       const unsigned int *frames)
{
	host_expect_empty(&hosts[nr - 1], frames[nr - 1]);
	while (nr--)
		host_stop(&hosts[nr]);
}

/* Each pool is smaller than the one that lives on it: all of them replace. */
static void content(const struct setup *setup, unsigned int nr)
{
	const unsigned int frames[LEVELS] = {
		setup->frames / 2, setup->frames * 5 / 8, setup->frames * 3 / 4
	};
	struct guest guest = { .run = guest_work, .work = work_find("stamps") };
	struct heap heap = { .pages = setup->pages, .seed = setup->seed };
	struct host hosts[LEVELS];
	struct outcome out;
	unsigned int i;

	start_stack(hosts, nr, frames, setup);
	guest_start(&guest, hosts[nr - 1].socket, &heap);
	out = guest_end(&guest);
	printf("\n  %u level%s: %llu of %llu KiB right\n", nr,
	       nr > 1 ? "s" : "", (unsigned long long)out.verified / 1024,
	       (unsigned long long)out.bytes / 1024);
	printf("    %-22s %6s %8s %8s %8s %8s %8s\n", "pager", "frames",
	       "messages", "faults", "taken", "reloads", "written");
	for (i = nr; i--;) {
		struct account a = host_account(&hosts[i]);

		printf("    %-22s %6u %8llu %8llu %8llu %8llu %8llu\n",
		       i == nr - 1 ? i ? "of the client" :
		       "of the client, bottom" : i ? "between" : "bottom",
		       frames[i], (unsigned long long)a.messages,
		       (unsigned long long)a.faults,
		       (unsigned long long)a.again,
		       (unsigned long long)a.reloads,
		       (unsigned long long)a.written);
		expect(a.reloads && a.written, "it replaces pages, too");
	}
	expect_outcome(&out);
	stop_stack(hosts, nr, frames);
}

/* Touches all its pages each time it is told to. */
static void run_touch(struct guest *g, struct heap *heap, struct outcome *out)
{
	uint64_t round, start;
	size_t i;

	for (i = 0; i < heap->pages; i++)
		*(volatile uint64_t *)(heap->base + i * page_size()) = i + 1;
	out->good = true;
	for (round = 0; round < 2; round++) {
		guest_say(g);
		guest_wait_go(g);
		start = now();
		for (i = 0; i < heap->pages; i++)
			if (*(volatile uint64_t *)(heap->base +
						   i * page_size()) != i + 1)
				out->good = false;
			else if (round)
				out->verified += page_size();
		out->ns = now() - start;
	}
	out->bytes = heap->pages * page_size();
}

/*
 * All pages are in frames at every level. The bottom takes everything: then
 * each page that the client touches is asked for once at each level.
 */
static double cost(const struct setup *setup, unsigned int nr, double one)
{
	unsigned int n = setup->frames / 2, i;
	const unsigned int frames[LEVELS] = { setup->frames, setup->frames,
					      setup->frames };
	struct heap heap = { .pages = n, .seed = setup->seed };
	struct guest guest = { .run = run_touch };
	struct account before[LEVELS], all;
	struct host hosts[LEVELS];
	struct outcome out;
	double us;

	start_stack(hosts, nr, frames, setup);
	guest_start(&guest, hosts[nr - 1].socket, &heap);
	guest_hear(&guest);
	/* Nothing is taken: nobody is asked. */
	for (i = 0; i < nr; i++)
		before[i] = host_account(&hosts[i]);
	guest_go(&guest);
	guest_hear(&guest);
	for (i = 0; i < nr; i++)
		expect(host_account(&hosts[i]).messages == before[i].messages,
		       "what is there is not asked for");
	if (paged_ask(hosts[0].control, ASK_REVOKE, &all))
		fail("the bottom can't revoke");
	guest_go(&guest);
	out = guest_end(&guest);
	us = out.ns / 1000.0 / n;
	printf("    %6u %9llu", nr, (unsigned long long)all.revoked);
	for (i = 0; i < LEVELS; i++)
		if (i < nr)
			printf(" %8.2f",
			       (double)(host_account(&hosts[i]).messages -
					before[i].messages) / n);
		else
			printf(" %8s", "");
	printf(" %11.1f %8.2f x\n", us, one ? us / one : 1.0);
	expect(all.revoked == (nr - 1) * setup->frames + n,
	       "the bottom takes what is mapped at every level: %u mappings",
	       (nr - 1) * setup->frames + n);
	for (i = 0; i < nr; i++)
		expect(host_account(&hosts[i]).messages - before[i].messages ==
		       n, "each page is asked for once at each level");
	expect_outcome(&out);
	stop_stack(hosts, nr, frames);
	return us;
}

void show_levels(const struct setup *setup)
{
	double one = 0, us;
	unsigned int nr;

	printf("\nPagers of pagers: a client of %u pages\n", setup->pages);
	for (nr = 1; nr <= LEVELS; nr++)
		content(setup, nr);
	printf("\n  The bottom takes everything back in one call; then the "
	       "client reads %u pages:\n\n", setup->frames / 2);
	printf("    %6s %9s %26s %11s %10s\n", "levels", "mappings",
	       "messages for each page, at", "", "");
	printf("    %6s %9s %8s %8s %8s %11s %10s\n", "", "taken", "bottom",
	       "above", "top", "us a page", "of one");
	for (nr = 1; nr <= LEVELS; nr++) {
		us = cost(setup, nr, one);
		if (nr == 1)
			one = us;
	}
}
