// SPDX-License-Identifier: GPL-2.0
/*
 * The job, step by step: an image in the host's own memory is filtered by a
 * confined plugin in place. Must never use a pixel that was not checked while
 * nobody but the host could change it.
 */
#define _GNU_SOURCE
#include "sandbox.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lmap.h>

struct job {
	struct loan loan;
	struct image image;
	uint64_t wanted;	/* checksum of what the filter must give */
	uint32_t histogram[256];	/* as the plugin says */
};

static void cost(const char *what, uint64_t ns)
{
	printf("      %-46s %10.1f us\n", what, ns / 1000.0);
}

static uint64_t filtered_at_home(const unsigned char *p,
				 const struct image *image)
{
	unsigned char *copy = malloc(image->bytes);
	uint32_t histogram[256];
	uint64_t sum;

	if (!copy)
		fail("no memory");
	memcpy(copy, p, image->bytes);
	image_filter(copy, image, options.filter, histogram);
	sum = checksum(copy, image->bytes);
	free(copy);
	return sum;
}

/* A number of /proc/PID/status. */
static int status_of(pid_t pid, const char *name)
{
	char path[40], line[128];
	size_t n = strlen(name);
	int value = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f)) {
		if (!strncmp(line, name, n) && line[n] == ':')
			value = atoi(line + n + 1);
	}
	if (f)
		fclose(f);
	return value;
}

static int descriptors_of(pid_t pid)
{
	struct dirent *e;
	char path[40];
	int n = 0;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	d = opendir(path);
	while (d && (e = readdir(d)))
		n += e->d_name[0] != '.';
	if (d)
		closedir(d);
	return n;
}

static void start(struct job *j)
{
	pid_t pid;

	step(2, "It starts a plugin: a program of its own, in a prison");
	loan_start(&j->loan, BY_ACCESS);
	pid = j->loan.pid;
	printf("      descriptors %d, seccomp mode %d, no_new_privs %d\n",
	       descriptors_of(pid), status_of(pid, "Seccomp"),
	       status_of(pid, "NoNewPrivs"));
	expect(descriptors_of(pid) == 1 && status_of(pid, "Seccomp") == 2 &&
	       status_of(pid, "NoNewPrivs") == 1,
	       "its channel alone, a filter, and no way to more");
}

static void lend_and_work(struct job *j)
{
	struct order o = { .what = WORK, .bytes = j->image.bytes,
			   .filter = options.filter };
	struct answer a;
	uint64_t begun;

	step(3, "It lends the image to the plugin, to read and to write");
	begun = now();
	loan_give(&j->loan);
	cost("map, whatever the size", now() - begun);
	begun = now();
	if (!loan_ask(&j->loan, &o, &a) || a.outcome.sig || a.outcome.err)
		fail("the plugin has missed its deadline, or failed");
	cost("the plugin filters it, in place", now() - begun);
	memcpy(j->histogram, a.histogram, sizeof(j->histogram));
}

static struct outcome access_by_plugin(struct job *j, enum what what)
{
	struct order o = { .what = what, .method = BY_ACCESS };
	struct answer a;

	if (!loan_ask(&j->loan, &o, &a))
		fail("the plugin is gone");
	return a.outcome;
}

static void check(struct job *j)
{
	const unsigned char *p = j->loan.memory;
	uint32_t histogram[256];
	struct outcome r, w;
	struct image image;
	uint64_t begun;
	bool same;

	step(4, "It takes w, and checks what the plugin can only read now");
	begun = now();
	loan_settle(&j->loan);
	cost("unmap of w", now() - begun);
	begun = now();
	same = !image_parse(p, j->image.bytes, &image) &&
	       !memcmp(&image, &j->image, sizeof(image));
	if (same)
		image_histogram(p, &image, histogram);
	same = same && !memcmp(histogram, j->histogram, sizeof(histogram));
	cost("check of header and pixels", now() - begun);
	expect(same, "the same header, and the histogram that the plugin says");
	r = access_by_plugin(j, READ);
	w = access_by_plugin(j, WRITE);
	printf("      meanwhile the plugin reads: %s; writes: %s\n",
	       r.sig ? strsignal(r.sig) : "it can", w.sig ?
	       "SIGSEGV, the right is missing" : "it can");
	expect(!r.sig && w.sig == SIGSEGV && w.code == SEGV_ACCERR,
	       "it can read, and not write");
	same = checksum(p, j->image.bytes) == j->wanted;
	printf("      the result is %s\n", same ?
	       "what the filter gives at home" : "WRONG");
	expect(same, "the pixels that the filter gives");
}

static void take_back(struct job *j)
{
	struct outcome r;
	uint64_t begun;

	step(5, "It takes the rest");
	begun = now();
	loan_take(&j->loan);
	cost("unmap of r", now() - begun);
	r = access_by_plugin(j, READ);
	printf("      the plugin reads: %s\n", r.sig == SIGBUS ?
	       "SIGBUS, nothing is there" : "it still can");
	expect(r.sig == SIGBUS && r.code == BUS_ADRERR, "SIGBUS");
	expect(buffer_is_bounded(j->loan.memory, j->loan.size),
	       "the pages before and behind as they were");
}

void job_run(void)
{
	struct job j = { .loan = { .way = LEND } };
	unsigned char *source = image_load(&j.image);
	size_t page = page_size();

	printf("The job: %s\n", options.filter == BLUR ? "blur" : "edges");
	step(1, "The host has an image: %u x %u, %zu KiB in its memory",
	     j.image.width, j.image.height, j.image.bytes / 1024);
	j.wanted = filtered_at_home(source, &j.image);
	j.loan.bytes = j.image.bytes;
	j.loan.size = (j.image.bytes + page - 1) & ~(page - 1);
	j.loan.memory = buffer_make(j.loan.size);
	memcpy(j.loan.memory, source, j.image.bytes);
	free(source);
	j.loan.space = lmap_open(0);
	if (j.loan.space < 0)
		fail("lmap: %s", strerror(-j.loan.space));
	start(&j);
	lend_and_work(&j);
	check(&j);
	take_back(&j);
	if (options.output) {
		if (image_write(options.output, j.loan.memory, j.image.bytes))
			fail("%s: %s", options.output, strerror(errno));
		step(6, "The result is in %s", options.output);
	}
	printf("\n  Copied: %" PRIu64 " bytes\n", j.loan.copied);
	expect(!j.loan.copied, "nothing is copied");
	loan_end(&j.loan);
	close(j.loan.space);
	buffer_free(j.loan.memory, j.loan.size);
}
