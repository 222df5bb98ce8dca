// SPDX-License-Identifier: GPL-2.0
/*
 * lmap-sandbox [OPTION...] [IMAGE] - a host lends an image to a plugin that it
 * does not trust: rw, then r while it checks, then nothing. Beside it the same
 * by copying and by a memfd: what each costs, and what each does not stop.
 *
 * What is printed must be what happened: every expectation is checked, and one
 * that does not hold makes the exit status 1.
 */
#define _GNU_SOURCE
#include "sandbox.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define CANARY	0xc5

struct options options = {
	.width = 1024,
	.height = 768,
	.rounds = 5,
	.deadline_ms = 60000,
	.curve_max = 8 << 20,
};

const char *const tool_name = "lmap-sandbox";

unsigned char *buffer_make(size_t size)
{
	size_t page = page_size();
	unsigned char *p = mmap(NULL, size + 2 * page, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		fail("no memory");
	memset(p, CANARY, page);
	memset(p + page + size, CANARY, page);
	return p + page;
}

bool buffer_is_bounded(const unsigned char *buffer, size_t size)
{
	size_t page = page_size();

	for (size_t i = 0; i < page; i++) {
		if (buffer[size + i] != CANARY || buffer[i - page] != CANARY)
			return false;
	}
	return true;
}

void buffer_free(unsigned char *buffer, size_t size)
{
	size_t page = page_size();

	munmap(buffer - page, size + 2 * page);
}

static const struct option long_options[] = {
	{ "size", required_argument, NULL, 's' },
	{ "filter", required_argument, NULL, 'f' },
	{ "output", required_argument, NULL, 'o' },
	{ "part", required_argument, NULL, 'p' },
	{ "rounds", required_argument, NULL, 'r' },
	{ "deadline", required_argument, NULL, 'd' },
	{ "max", required_argument, NULL, 'm' },
	{ "svg", required_argument, NULL, 'S' },
	{ "careless", no_argument, NULL, 'c' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL }
};

static const char help[] =
"usage: lmap-sandbox [OPTION...] [IMAGE]\n"
"A host lends an image to a confined plugin, checks what comes back while the\n"
"plugin can only read, and takes it away; then the plugin is hostile. Beside it\n"
"the same by copying and by a memfd. IMAGE is a binary PPM (P6, 8 bits); without\n"
"it one is drawn.\n"
"\n"
"  -s, --size WxH        size of what is drawn (1024x768)\n"
"  -f, --filter NAME     what the plugin does: blur (default), edges\n"
"  -o, --output FILE     write the result there\n"
"  -p, --part NAME       only this part: job, attacks, costs, curve; may be\n"
"                        given several times\n"
"  -r, --rounds N        costs are medians of N jobs after the first (5)\n"
"  -d, --deadline MS     how long the plugin may take (60000)\n"
"  -m, --max KIB         largest image of the curve (8192)\n"
"  -S, --svg FILE        draw the curve there (/out/sandbox.svg if there is /out)\n"
"  -c, --careless        the host neither takes w before it checks nor takes the\n"
"                        memory back: attacks get through, exit status 1\n"
"  -h, --help            this\n";

static const struct part {
	const char *name;
	void (*run)(void);
} parts[] = {
	{ "job", job_run },
	{ "attacks", attacks_run },
	{ "costs", costs_run },
	{ "curve", curve_run },
};

#define PARTS ARRAY_SIZE(parts)

static unsigned int number(const char *text, unsigned long max)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*end || end == text || !n || n > max)
		fail("%s: a number from 1 to %lu is wanted", text, max);
	return n;
}

static void set_size(const char *text)
{
	char rest;

	if (sscanf(text, "%ux%u%c", &options.width, &options.height, &rest) !=
		    2 || !options.width || !options.height ||
	    options.width > WIDTH_MAX || options.height > WIDTH_MAX)
		fail("%s: WIDTHxHEIGHT is wanted, each from 1 to %u", text,
		     WIDTH_MAX);
}

static void set_filter(const char *text)
{
	if (!strcmp(text, "edges"))
		options.filter = EDGES;
	else if (strcmp(text, "blur"))
		fail("%s: no such filter (blur, edges)", text);
}

static unsigned int part_bit(const char *text)
{
	for (unsigned int i = 0; i < PARTS; i++) {
		if (!strcmp(text, parts[i].name))
			return 1U << i;
	}
	fail("%s: no such part (job, attacks, costs, curve)", text);
}

static unsigned int parse(int argc, char **argv)
{
	unsigned int chosen = 0;
	int c;

	while ((c = getopt_long(argc, argv, "s:f:o:p:r:d:m:S:ch", long_options,
				NULL)) != -1) {
		switch (c) {
		case 's':
			set_size(optarg);
			break;
		case 'f':
			set_filter(optarg);
			break;
		case 'o':
			options.output = optarg;
			break;
		case 'p':
			chosen |= part_bit(optarg);
			break;
		case 'r':
			options.rounds = number(optarg, 1000);
			break;
		case 'd':
			options.deadline_ms = number(optarg, 3600000);
			break;
		case 'm':
			options.curve_max = number(optarg, 1 << 20) * 1024UL;
			break;
		case 'S':
			options.svg = optarg;
			break;
		case 'c':
			options.careless = true;
			break;
		case 'h':
			fputs(help, stdout);
			exit(0);
		default:
			exit(2);
		}
	}
	if (argc - optind > 1)
		fail("one image, please");
	options.input = argv[optind];
	return chosen ? chosen : (1U << PARTS) - 1;
}

int main(int argc, char **argv)
{
	unsigned int chosen;

	/* started by loan_start() */
	if (argc == 1 && !strcmp(argv[0], PLUGIN_NAME))
		return plugin_main();
	chosen = parse(argc, argv);
	if (!options.svg && !access("/out", W_OK))
		options.svg = "/out/sandbox.svg";
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
