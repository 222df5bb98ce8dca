// SPDX-License-Identifier: GPL-2.0
/*
 * Programs that the fuzzer found worth keeping (fuzz.corpus), and new ones. What
 * must hold is checked by fuzz_exec.c; the rest by the kernel's own checkers.
 */
#include "fuzz_exec.h"
#include "harness.h"

/* One program a line. (arm64's linker takes local symbols for each other.) */
asm(".pushsection .rodata\n"
	".globl fuzz_corpus, fuzz_corpus_end\n"
	"fuzz_corpus:\n"
	".incbin \"fuzz.corpus\"\n"
	"fuzz_corpus_end:\n"
	".popsection");
FIXTURE(fuzz) {
	long pinned;
	long mappings;
};

#define QUOTA	MODULE_PARAM("max_mappings")

FIXTURE_SETUP(fuzz)
{
	self->pinned = pins();
	self->mappings = read_value(QUOTA);
	ASSERT_EQ(true, write_value(QUOTA, FUZZ_MAPPINGS));
}

FIXTURE_TEARDOWN(fuzz)
{
	EXPECT_EQ(true, write_value(QUOTA, self->mappings));
	pins_gone(self->pinned);
}

static const char *run(const struct fuzz_program *p)
{
	const char *bad = fuzz_run(p);

	if (bad) {
		fuzz_print("# program ", p);
		fuzz_tell = true;
		fuzz_run(p);
		fuzz_tell = false;
	}
	return bad;
}

TEST_F_TIMEOUT(fuzz, programs_that_were_worth_keeping, 900)
{
	struct fuzz_program p;
	const char *at = fuzz_corpus, *bad;
	int n = 0;

	while ((at = fuzz_parse(&p, at, fuzz_corpus_end))) {
		bad = run(&p);
		ASSERT_EQ(NULL, bad)
			TH_LOG("program %d: %s", n, bad);
		n++;
	}
	EXPECT_GT(n, 10);
}

TEST_F_TIMEOUT(fuzz, programs_nobody_has_seen, 900)
{
	unsigned int state = seed();
	struct fuzz_program p, other;
	const char *at = fuzz_corpus, *bad;

	for (int i = 0; i < 200 / slow(); i++) {
		if (i & 1) {
			at = fuzz_parse(&other, at, fuzz_corpus_end);
			if (!at)
				at = fuzz_parse(&other, fuzz_corpus, fuzz_corpus_end);
			p = other;
			fuzz_mutate(&p, &other, &state);
		} else {
			fuzz_random(&p, &state);
		}
		bad = run(&p);
		ASSERT_EQ(NULL, bad)
			TH_LOG("program %d: %s", i, bad);
	}
}

TEST_HARNESS_MAIN
