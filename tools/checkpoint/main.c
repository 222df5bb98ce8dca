// SPDX-License-Identifier: GPL-2.0
/*
 * lmap-checkpoint [OPTION...] - images of memory that several processes keep
 * writing: w is taken from all of them in one call, pages are saved in the
 * background or before the first write, which then goes on.
 * lmap-checkpoint --restore FILE... - go on from there.
 *
 * What is printed must be what happened: every expectation is checked, and one
 * that does not hold makes the exit status 1.
 */
#define _GNU_SOURCE
#include "checkpoint.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct options options = {
	.size = 8 << 20,
	.max = 32 << 20,
	.writers = 2,
	.cluster = 8,
	.pace = 200,
	.rounds = 3,
	.transfers = 2000,
	.directory = "/tmp",
};

const char *const tool_name = "lmap-checkpoint";

void *anonymous(size_t size, int flags)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_ANONYMOUS | flags, -1, 0);

	if (p == MAP_FAILED)
		fail("no memory");
	return p;
}

static const struct option long_options[] = {
	{ "size", required_argument, NULL, 's' },
	{ "writers", required_argument, NULL, 'w' },
	{ "cluster", required_argument, NULL, 'c' },
	{ "pace", required_argument, NULL, 'P' },
	{ "part", required_argument, NULL, 'p' },
	{ "rounds", required_argument, NULL, 'r' },
	{ "transfers", required_argument, NULL, 't' },
	{ "directory", required_argument, NULL, 'd' },
	{ "max", required_argument, NULL, 'm' },
	{ "svg", required_argument, NULL, 'S' },
	{ "torn", no_argument, NULL, 'T' },
	{ "restore", no_argument, NULL, 'R' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL }
};

static const char help[] =
"usage: lmap-checkpoint [OPTION...]\n"
"       lmap-checkpoint --restore [OPTION...] FILE...\n"
"Processes make transfers between accounts in borrowed memory, all the time. Its\n"
"owner takes images of it without stopping them, proves that each is the memory\n"
"of one instant, and has a new process go on from files; then it measures how\n"
"long writers had to wait, beside stopping them and beside fork().\n"
"\n"
"  -s, --size KIB        memory that is written (8192)\n"
"  -w, --writers N       processes (2)\n"
"  -c, --cluster PAGES   saved and given back when one of them is written (8)\n"
"  -P, --pace US         sleep so long after 16 pages that are saved in the\n"
"                        background, unless somebody wants to write (200)\n"
"  -p, --part NAME       only this part: proof, pause, curve; may be given\n"
"                        several times\n"
"  -r, --rounds N        pauses are medians of so many checkpoints (3)\n"
"  -t, --transfers N     that each writer makes between two images, and after\n"
"                        --restore (2000)\n"
"  -d, --directory DIR   for the images (/tmp)\n"
"  -m, --max KIB         largest memory of the curve (32768)\n"
"  -S, --svg FILE        draw the curve there (/out/checkpoint.svg if there is\n"
"                        /out)\n"
"  -T, --torn            copy the memory without taking w: the proof must fail,\n"
"                        exit status 1\n"
"  -R, --restore         read images, the complete one first; recover, compute\n"
"                        the sums, and let new writers go on\n"
"  -h, --help            this\n";

static const struct part {
	const char *name;
	void (*run)(void);
} parts[] = {
	{ "proof", proof_run },
	{ "pause", pause_run },
	{ "curve", curve_run },
};

#define PARTS ARRAY_SIZE(parts)

static unsigned int part_bit(const char *text)
{
	for (unsigned int i = 0; i < PARTS; i++) {
		if (!strcmp(text, parts[i].name))
			return 1U << i;
	}
	fail("%s: no such part (proof, pause, curve)", text);
}

static size_t number(const char *text, size_t min, size_t max)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*end || end == text || n < min || n > max)
		fail("%s: a number from %zu to %zu is wanted", text, min, max);
	return n;
}

/* Whole pages, and room for some accounts. */
static size_t size_of(const char *text)
{
	size_t page = sysconf(_SC_PAGESIZE);
	size_t min = (WRITERS_MAX + 16) * page / 1024;

	return number(text, min, 1 << 24) * 1024 & ~(page - 1);
}

static unsigned int parse(int argc, char **argv, bool *restore)
{
	unsigned int chosen = 0;
	int c;

	while ((c = getopt_long(argc, argv, "s:w:c:P:p:r:t:d:m:S:TRh",
				long_options, NULL)) != -1) {
		switch (c) {
		case 's':
			options.size = size_of(optarg);
			break;
		case 'w':
			options.writers = number(optarg, 1, WRITERS_MAX);
			break;
		case 'c':
			options.cluster = number(optarg, 1, 4096);
			break;
		case 'P':
			options.pace = number(optarg, 0, 999999);
			break;
		case 'p':
			chosen |= part_bit(optarg);
			break;
		case 'r':
			options.rounds = number(optarg, 1, 1000);
			break;
		case 't':
			options.transfers = number(optarg, 1, 100000000);
			break;
		case 'd':
			options.directory = optarg;
			break;
		case 'm':
			options.max = size_of(optarg);
			break;
		case 'S':
			options.svg = optarg;
			break;
		case 'T':
			options.torn = true;
			break;
		case 'R':
			*restore = true;
			break;
		case 'h':
			fputs(help, stdout);
			exit(0);
		default:
			exit(2);
		}
	}
	options.files = argv + optind;
	options.nr_files = argc - optind;
	if (*restore ? !options.nr_files : options.nr_files)
		fail(*restore ? "which files?" : "files only with --restore");
	return chosen ? chosen : (1U << PARTS) - 1;
}

int main(int argc, char **argv)
{
	bool restore = false;
	unsigned int chosen = parse(argc, argv, &restore);

	if (!options.svg && !access("/out", W_OK))
		options.svg = "/out/checkpoint.svg";
	if (restore) {
		restore_run();
		return failed() ? 1 : 0;
	}
	for (unsigned int i = 0; i < PARTS; i++) {
		if (chosen & 1U << i)
			parts[i].run();
	}
	if (failed())
		printf("\n  %d expectations do not hold, see the lines with !!\n",
		       failed());
	else
		printf("\n  All of it was as expected.\n");
	return failed() ? 1 : 0;
}
