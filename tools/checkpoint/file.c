// SPDX-License-Identifier: GPL-2.0
/*
 * Images in files: a header, the numbers of the pages, the pages. Must never
 * take a page from a file of which a part is missing or changed, nor an
 * increment that does not follow what is there.
 */
#include "checkpoint.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAGIC	0x74706b6370616d6cULL	/* "lmapckpt" */
#define PAGES_MAX	(1ULL << 32)

struct file_header {
	uint64_t magic;
	uint64_t writers;
	uint64_t page;
	uint64_t pages;		/* of the memory */
	uint64_t stored;	/* in this file */
	uint64_t number;
	uint64_t parent;
	uint64_t sum;		/* of the numbers and the pages */
	uint64_t whole;		/* of the memory as it was at that instant */
};

/* FNV-1a with words for bytes, so that it takes less time. */
static uint64_t sum_add(uint64_t h, const void *p, size_t bytes)
{
	const uint64_t *words = p;

	for (size_t i = 0; i < bytes / sizeof(*words); i++)
		h = (h ^ words[i]) * 0x100000001b3ULL;
	return h ^ h >> 29;
}

#define SUM_START	0xcbf29ce484222325ULL

uint64_t checksum(const void *p, size_t bytes)
{
	return sum_add(SUM_START, p, bytes);
}

static uint64_t *numbers_of(const struct image *image)
{
	uint64_t *numbers = malloc(image->nr_stored * sizeof(*numbers) + 1);
	size_t n = 0;

	for (size_t i = 0; numbers && i < image->pages; i++) {
		if (image->stored[i])
			numbers[n++] = i;
	}
	return numbers;
}

static int write_all(FILE *f, const struct image *image,
		     const struct file_header *h, const uint64_t *numbers)
{
	fwrite(h, sizeof(*h), 1, f);
	fwrite(numbers, sizeof(*numbers), h->stored, f);
	for (size_t i = 0; i < h->stored; i++)
		fwrite(image->memory + numbers[i] * h->page, h->page, 1, f);
	return ferror(f) ? -1 : 0;
}

int image_write(const char *path, const struct image *image,
		unsigned int writers)
{
	size_t page = sysconf(_SC_PAGESIZE);
	struct file_header h = {
		.magic = MAGIC,
		.writers = writers,
		.page = page,
		.pages = image->pages,
		.stored = image->nr_stored,
		.number = image->number,
		.parent = image->parent,
		.sum = SUM_START,
		.whole = checksum(image->memory, image->pages * page),
	};
	uint64_t *numbers = numbers_of(image);
	FILE *f = fopen(path, "wb");
	int ret = -1;

	if (f && numbers) {
		h.sum = sum_add(h.sum, numbers, h.stored * sizeof(*numbers));
		for (size_t i = 0; i < h.stored; i++)
			h.sum = sum_add(h.sum,
					image->memory + numbers[i] * page,
					page);
		ret = write_all(f, image, &h, numbers);
	}
	free(numbers);
	if (f && fclose(f))
		ret = -1;
	return ret;
}

static bool header_is_good(const struct file_header *h,
			   const struct image *image)
{
	if (h->magic != MAGIC || h->page != (uint64_t)sysconf(_SC_PAGESIZE) ||
	    !h->pages || h->pages > PAGES_MAX || h->stored > h->pages)
		return false;
	if (!image->memory)
		return !h->parent && h->stored == h->pages;
	return h->parent == image->number && h->pages == image->pages;
}

/* Into memory of its own first: it may be damaged. */
static int read_pages(FILE *f, const struct file_header *h, uint64_t *numbers,
		      unsigned char *pages)
{
	uint64_t sum = SUM_START;

	if (fread(numbers, sizeof(*numbers), h->stored, f) != h->stored ||
	    fread(pages, h->page, h->stored, f) != h->stored ||
	    fgetc(f) != EOF)
		return -1;
	sum = sum_add(sum, numbers, h->stored * sizeof(*numbers));
	for (size_t i = 0; i < h->stored; i++) {
		if (numbers[i] >= h->pages)
			return -1;
		sum = sum_add(sum, pages + i * h->page, h->page);
	}
	return sum == h->sum ? 0 : -1;
}

static void apply(struct image *image, const struct file_header *h,
		  const uint64_t *numbers, const unsigned char *pages)
{
	if (!image->memory)
		image_init(image, h->pages * h->page);
	for (size_t i = 0; i < h->stored; i++)
		memcpy(image->memory + numbers[i] * h->page,
		       pages + i * h->page, h->page);
	image->number = h->number;
	image->parent = h->parent;
	image->nr_stored = h->stored;
}

static int read_file(FILE *f, struct image *image, unsigned int *writers)
{
	unsigned char *pages;
	struct file_header h;
	uint64_t *numbers;
	int ret = -1;

	if (fread(&h, sizeof(h), 1, f) != 1 || !header_is_good(&h, image))
		return -1;
	numbers = malloc(h.stored * sizeof(*numbers) + 1);
	pages = malloc(h.stored * h.page + 1);
	if (numbers && pages && !read_pages(f, &h, numbers, pages)) {
		apply(image, &h, numbers, pages);
		*writers = h.writers;
		ret = checksum(image->memory, h.pages * h.page) == h.whole ?
			      0 : -1;
	}
	free(numbers);
	free(pages);
	return ret;
}

int image_read(const char *path, struct image *image, unsigned int *writers)
{
	FILE *f = fopen(path, "rb");
	int ret;

	if (!f)
		return -1;
	ret = read_file(f, image, writers);
	fclose(f);
	if (ret)
		errno = EBADMSG;
	return ret;
}
