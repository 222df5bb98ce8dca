/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's test harness, and what that of 6.1 can't yet: "-t NAME" runs one
 * test, named as it is printed or without the fixture. A name that nothing has
 * must fail, never pass for want of tests.
 */
#ifndef LMAP_TEST_HARNESS_H
#define LMAP_TEST_HARNESS_H

#include "kselftest_harness.h"

#include <stdbool.h>
#include <string.h>

static inline bool test_is(const struct __fixture_metadata *f,
			   const struct __test_metadata *t, const char *name)
{
	size_t n = strlen(f->name);

	if (!strncmp(name, f->name, n) && name[n] == '.')
		name += n + 1;
	return !strcmp(name, t->name);
}

/* Leaves only what has that name; false if that is nothing. */
static inline bool tests_choose(const char *name)
{
	bool found = false;

	for (struct __fixture_metadata *f = __fixture_list; f; f = f->next) {
		struct __test_metadata *t = f->tests;

		while (t && !test_is(f, t, name))
			t = t->next;
		if (t)
			t->next = NULL;
		found |= !!t;
		f->tests = t;
	}
	return found;
}

static inline int tests_run(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "-t")) {
		if (!tests_choose(argv[2])) {
			fprintf(stderr, "no test \"%s\"\n", argv[2]);
			return 1;
		}
	} else if (argc > 1) {
		fprintf(stderr, "Usage: %s [-t TEST]\n", argv[0]);
		return 2;
	}
	return test_harness_run(1, argv);
}

#define test_harness_run(argc, argv) tests_run(argc, argv)

#endif
