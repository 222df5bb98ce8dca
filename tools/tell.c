// SPDX-License-Identifier: GPL-2.0
/* What the tools tell; see tell.h. */
#include "tell.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static int failures;

void fail(const char *format, ...)
{
	va_list args;

	fflush(stdout);
	va_start(args, format);
	fprintf(stderr, "%s: ", tool_name);
	vfprintf(stderr, format, args);
	fprintf(stderr, "\n");
	va_end(args);
	exit(1);
}

void expect(bool ok, const char *format, ...)
{
	va_list args;

	if (ok)
		return;
	failures++;
	printf("      !! expected: ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
}

int failed(void)
{
	return failures;
}

void step(int n, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	printf("\n  %d.  ", n);
	vprintf(format, args);
	printf("\n");
	va_end(args);
}

uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

size_t page_size(void)
{
	static size_t size;

	if (!size)
		size = sysconf(_SC_PAGESIZE);
	return size;
}
