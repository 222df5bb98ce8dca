// SPDX-License-Identifier: GPL-2.0
/*
 * The mapping database against the naive model, driven by libFuzzer: bytes
 * become operations. With a main() of its own (-DREPLAY) it runs input files
 * without libFuzzer; with a single one it tells what its operations are, and so
 * where they fail.
 */
#include <stdio.h>
#include <stdlib.h>

#include "ops.h"

static const u8 *bytes;
static size_t left;

static int dice(int n)
{
	if (!left)
		return 0;
	left--;
	return *bytes++ % n;
}

static void play(bool tell)
{
	static const struct {
		int regions, windows, pages;
	} sizes[] = { { 1, 2, 2 }, { 1, 3, 4 }, { 2, 4, 8 }, { 2, 4, 16 } };
	int size = dice(4);
	const char *bad = NULL;
	struct world w;

	world_init(&w, sizes[size].regions, sizes[size].windows,
		   sizes[size].pages);
	while (left && !bad) {
		struct op o = op_random(&w, dice);

		if (tell)
			op_print(&o);
		op_run(&w, &o);
		bad = world_check(&w);
	}
	if (bad) {
		printf("# %s\n", bad);
		abort();
	}
	world_fini(&w);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	bytes = data;
	left = size;
	play(false);
	return 0;
}

#ifdef REPLAY
static void replay(const char *name, bool tell)
{
	static u8 data[1 << 20];
	FILE *f = fopen(name, "r");

	if (!f) {
		perror(name);
		exit(2);
	}
	printf("# %s\n", name);
	bytes = data;
	left = fread(data, 1, sizeof(data), f);
	fclose(f);
	play(tell);
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		fprintf(stderr, "usage: fuzz-replay FILE...\n");
		return 2;
	}
	setbuf(stdout, NULL);
	for (int i = 1; i < argc; i++)
		replay(argv[i], argc == 2);
	printf("# %d files\n", argc - 1);
	return 0;
}
#endif
