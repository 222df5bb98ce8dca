// SPDX-License-Identifier: GPL-2.0
/*
 * The proof: a complete image, an increment after everything was written, and
 * one after a small part was; each is compared with a copy of the memory made
 * while nobody could write, and recovered on its own. Then the writers are
 * killed, and a new program goes on from the files.
 */
#define _GNU_SOURCE
#include "checkpoint.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define HOT	16	/* the last increment: writes to one of so many parts */
#define IMAGES	3

/* Recovers a copy of it, and computes the sums. */
static void examine(const struct bank *like, const unsigned char *memory)
{
	struct bank bank = *like;
	struct verdict raw, after;

	bank.memory = anonymous(bank.size, MAP_PRIVATE);
	memcpy(bank.memory, memory, bank.size);
	raw = bank_look(&bank);
	bank_recover(&bank);
	after = bank_look(&bank);
	printf("      as it is: %+" PRId64 " in the sum, %u transfers under way; undone: %+" PRId64 "\n",
	       raw.balance - raw.wanted, raw.under_way,
	       after.balance - after.wanted);
	printf("      %" PRIu64 " transfers done, the accounts have seen %" PRIu64 "\n",
	       after.done, after.counts);
	expect(verdict_is_good(&after),
	       "the right sum, and each transfer seen by two accounts");
	munmap(bank.memory, bank.size);
}

static void show(const struct image *image)
{
	printf("      w taken from all in %.2f ms, given back to all after %.2f ms\n",
	       image->ns_take / 1e6, image->ns_all / 1e6);
	printf("      %zu of %zu pages saved, %zu of them at %zu faults, before somebody wrote\n",
	       image->nr_stored, image->pages, image->on_write, image->faults);
	printf("      meanwhile the writers have made %" PRIu64 " transfers; ",
	       image->done);
	printf("mappings now: %" PRIu64 "\n", image->mappings);
	expect(image->faults, "writers that came in the middle");
}

static size_t differing(const unsigned char *a, const unsigned char *b,
			const struct image *image, bool *told)
{
	size_t page = sysconf(_SC_PAGESIZE), n = 0;

	for (size_t i = 0; i < image->pages; i++) {
		if (!memcmp(a + i * page, b + i * page, page))
			continue;
		n++;
		*told &= image->stored[i];
	}
	return n;
}

struct proof {
	struct keeper *k;
	struct image images[IMAGES];
	unsigned char *references[IMAGES];
	char paths[IMAGES][256];
};

static void take(struct proof *p, int i)
{
	const struct image *parent = i ? &p->images[i - 1] : NULL;
	struct image *image = &p->images[i];
	struct bank *bank = &p->k->bank;

	image_init(image, bank->size);
	p->references[i] = anonymous(bank->size, MAP_PRIVATE);
	memset(p->references[i], 0, bank->size);
	checkpoint(p->k, image, parent, p->references[i]);
	show(image);
	expect(!memcmp(image->memory, p->references[i], bank->size),
	       "the memory as it was when w had been taken");
	printf("      the same as the memory when w had been taken: %s\n",
	       memcmp(image->memory, p->references[i], bank->size) ?
	       "NO" : "yes");
	examine(bank, image->memory);
}

/* An increment has what has changed; of the accounts no more than the hot. */
static void compare_with_before(struct proof *p, int i, size_t limit)
{
	const struct image *image = &p->images[i];
	bool told = true;
	size_t n = differing(p->references[i], p->references[i - 1], image,
			     &told);

	printf("      pages that are different from those of the image before: %zu\n",
	       n);
	expect(told, "each of them is in the increment");
	expect(image->nr_stored <= limit, "nothing that nobody wrote");
}

/* Which pages can be written: records, and the first of the accounts. */
static size_t hot_pages(const struct bank *bank)
{
	uint64_t bytes = bank_accounts(bank) / HOT * sizeof(struct account);

	return bank->writers + (bytes + bank->page - 1) / bank->page;
}

static void write_files(struct proof *p)
{
	for (int i = 0; i < IMAGES; i++) {
		snprintf(p->paths[i], sizeof(p->paths[i]), "%s/lmap-image.%d",
			 options.directory, i + 1);
		if (image_write(p->paths[i], &p->images[i], p->k->bank.writers))
			fail("%s: %s", p->paths[i], strerror(errno));
		printf("      %s: %zu pages\n", p->paths[i],
		       p->images[i].nr_stored);
	}
}

/* A new program, with processes of its own. */
static void restore_elsewhere(struct proof *p)
{
	char transfers[16];
	char name[] = "lmap-checkpoint", restore[] = "--restore", t[] = "-t";
	char *const args[] = { name, restore, t, transfers, p->paths[0],
			       p->paths[1], p->paths[2], NULL };
	int status;
	pid_t pid;

	snprintf(transfers, sizeof(transfers), "%u", options.transfers);
	fflush(NULL);
	pid = fork();
	if (!pid) {
		execv("/proc/self/exe", args);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		fail("no process to restore");
	expect(!status, "the new program has found everything right");
}

static void torn(void)
{
	struct keeper *k = keeper_start(options.size, options.writers);
	struct image image;

	keeper_await(k, 10);
	step(2, "An image without taking w, transfers between its halves");
	image_init(&image, options.size);
	checkpoint_torn(k, &image);
	examine(&k->bank, image.memory);
	image_free(&image);
	keeper_stop(k);
}

void proof_run(void)
{
	struct proof p;

	printf("The proof\n");
	step(1, "%u processes write %zu KiB of borrowed memory", options.writers,
	     options.size / 1024);
	if (options.torn) {
		torn();
		return;
	}
	p.k = keeper_start(options.size, options.writers);
	keeper_await(p.k, options.transfers);
	printf("      %" PRIu64 " accounts, %" PRIu64 " transfers so far\n",
	       bank_accounts(&p.k->bank), keeper_done(p.k));
	step(2, "A complete image");
	take(&p, 0);
	keeper_await(p.k, options.transfers);
	p.k->control->parts = HOT;
	/* what was begun before is over then */
	keeper_await(p.k, 2);
	step(3, "An increment: what was written since");
	take(&p, 1);
	compare_with_before(&p, 1, p.images[1].pages - 1);
	keeper_await(p.k, options.transfers);
	step(4, "One more, after writing to a part of %u only", HOT);
	take(&p, 2);
	compare_with_before(&p, 2, hot_pages(&p.k->bank));
	step(5, "The images are written to files, the writers killed");
	write_files(&p);
	keeper_kill(p.k);
	step(6, "A new program reads them, and goes on");
	restore_elsewhere(&p);
	for (int i = 0; i < IMAGES; i++) {
		munmap(p.references[i], options.size);
		image_free(&p.images[i]);
	}
}

/* --restore */

void restore_run(void)
{
	size_t page = sysconf(_SC_PAGESIZE);
	struct image image = { .memory = NULL };
	struct bank bank = { .page = page };
	struct verdict before, after;
	unsigned int writers, undone;
	struct keeper *k;

	for (unsigned int i = 0; i < options.nr_files; i++) {
		if (image_read(options.files[i], &image, &writers))
			fail("%s: %s", options.files[i], strerror(errno));
		printf("      %s: image %" PRIu64 ", %zu pages\n",
		       options.files[i], image.number, image.nr_stored);
	}
	bank.memory = image.memory;
	bank.size = image.pages * page;
	if (bank_open(&bank) || bank.writers != writers)
		fail("there is no bank in it");
	undone = bank_recover(&bank);
	before = bank_look(&bank);
	printf("      %u transfers undone; sum %+" PRId64 ", %" PRIu64 " transfers done\n",
	       undone, before.balance - before.wanted, before.done);
	expect(verdict_is_good(&before), "the right sums");
	munmap(image.stored, image.pages);
	k = keeper_continue(&bank, options.transfers);
	keeper_await_end(k);
	after = bank_look(&k->bank);
	printf("      %u new writers: sum %+" PRId64 ", %" PRIu64 " transfers done\n",
	       writers, after.balance - after.wanted, after.done);
	expect(verdict_is_good(&after) &&
	       after.done == before.done +
			     (uint64_t)writers * options.transfers,
	       "the right sums, and all transfers of the new writers");
	keeper_kill(k);
}
