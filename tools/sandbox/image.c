// SPDX-License-Identifier: GPL-2.0
/*
 * Images: binary PPM (P6), and what the plugin makes of them. Must never read
 * or write outside of the bytes that it was told, whatever a header says.
 */
#include "sandbox.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A decimal number after blanks; 0: there is none, or it is too large. */
static uint32_t number(const unsigned char *p, size_t bytes, size_t *at)
{
	uint32_t n = 0;

	while (*at < bytes && (p[*at] == ' ' || p[*at] == '\n'))
		++*at;
	while (*at < bytes && p[*at] >= '0' && p[*at] <= '9' && n < 1000000)
		n = n * 10 + (p[(*at)++] - '0');
	return n < 1000000 ? n : 0;
}

int image_parse(const unsigned char *p, size_t bytes, struct image *image)
{
	size_t at = 2;
	uint32_t max;

	if (bytes < 3 || p[0] != 'P' || p[1] != '6')
		return -1;
	image->width = number(p, bytes, &at);
	image->height = number(p, bytes, &at);
	max = number(p, bytes, &at);
	if (!image->width || !image->height || image->width > WIDTH_MAX ||
	    max != 255 || at >= bytes)
		return -1;
	image->header = at + 1;
	image->bytes = image->header + (size_t)image->width * image->height * 3;
	return image->bytes > bytes ? -1 : 0;
}

unsigned char *image_load(struct image *image)
{
	size_t bytes = image_size(options.width, options.height);
	unsigned char *p;
	struct stat st;
	FILE *f;

	if (options.input) {
		f = fopen(options.input, "rb");
		if (!f || fstat(fileno(f), &st) || st.st_size <= 0)
			fail("%s: %s", options.input,
			     f ? "empty" : strerror(errno));
		bytes = st.st_size;
		p = malloc(bytes);
		if (!p || fread(p, 1, bytes, f) != bytes)
			fail("%s: cannot read", options.input);
		fclose(f);
	} else {
		p = malloc(bytes);
		if (!p)
			fail("no memory");
		image_draw(p, options.width, options.height);
	}
	if (image_parse(p, bytes, image))
		fail("%s: no binary PPM with 8 bits, or not all of it",
		     options.input);
	return p;
}

int image_write(const char *path, const unsigned char *p, size_t bytes)
{
	FILE *f = fopen(path, "wb");

	if (!f)
		return -1;
	if (fwrite(p, 1, bytes, f) != bytes) {
		fclose(f);
		return -1;
	}
	return fclose(f) ? -1 : 0;
}

static int header(char *text, size_t size, uint32_t width, uint32_t height)
{
	return snprintf(text, size, "P6\n%u %u\n255\n", width, height);
}

size_t image_size(uint32_t width, uint32_t height)
{
	char text[40];

	return header(text, sizeof(text), width, height) + (size_t)width * height * 3;
}

/* Rings on a slope, with some noise: edges of every direction. */
void image_draw(unsigned char *p, uint32_t width, uint32_t height)
{
	uint32_t noise = 2463534242U;
	char text[40];
	int n = header(text, sizeof(text), width, height);

	memcpy(p, text, n);
	p += n;
	for (uint32_t y = 0; y < height; y++) {
		for (uint32_t x = 0; x < width; x++) {
			int64_t dx = (int64_t)x - width / 2;
			int64_t dy = (int64_t)y - height / 2;
			int64_t ring = (dx * dx + dy * dy) / 1024 & 64;

			noise ^= noise << 13;
			noise ^= noise >> 17;
			noise ^= noise << 5;
			*p++ = ring + 128 * x / width;
			*p++ = ring + 128 * y / height;
			*p++ = ring + (noise & 31);
		}
	}
}

static uint32_t brightness(const unsigned char *rgb)
{
	return (77U * rgb[0] + 150U * rgb[1] + 29U * rgb[2]) >> 8;
}

void image_histogram(const unsigned char *p, const struct image *image,
		     uint32_t *histogram)
{
	size_t pixels = (size_t)image->width * image->height;

	memset(histogram, 0, 256 * sizeof(*histogram));
	p += image->header;
	for (size_t i = 0; i < pixels; i++, p += 3)
		histogram[brightness(p)]++;
}

static unsigned char blurred(const unsigned char *const *row, size_t x)
{
	unsigned int sum = 0;

	for (int i = 0; i < 3; i++)
		sum += row[i][x] + row[i][x + 3] + row[i][x + 6];
	return sum / 9;
}

/* Sobel's operator. */
static unsigned char edge(const unsigned char *const *row, size_t x)
{
	int right = row[0][x + 6] + 2 * row[1][x + 6] + row[2][x + 6];
	int left = row[0][x] + 2 * row[1][x] + row[2][x];
	int below = row[2][x] + 2 * row[2][x + 3] + row[2][x + 6];
	int above = row[0][x] + 2 * row[0][x + 3] + row[0][x + 6];
	int sum = abs(right - left) + abs(below - above);

	return sum > 255 ? 255 : sum;
}

/* A row with its first and last pixel twice. */
static void widen(unsigned char *to, const unsigned char *row, size_t bytes)
{
	memcpy(to, row, 3);
	memcpy(to + 3, row, bytes);
	memcpy(to + 3 + bytes, row + bytes - 3, 3);
}

/*
 * In place: what a row needs of those above and of itself is kept until it has
 * been used. No allocation: the plugin can't have more memory.
 */
void image_filter(unsigned char *p, const struct image *image,
		  enum filter filter, uint32_t *histogram)
{
	static unsigned char rows[3][(WIDTH_MAX + 2) * 3];
	size_t bytes = (size_t)image->width * 3;
	unsigned char *pixels = p + image->header;
	const unsigned char *row[3];

	widen(rows[0], pixels, bytes);
	memcpy(rows[1], rows[0], bytes + 6);
	for (uint32_t y = 0; y < image->height; y++) {
		unsigned char *here = pixels + y * bytes;
		bool last = y + 1 == image->height;

		widen(rows[(y + 2) % 3], here + (last ? 0 : bytes), bytes);
		for (int i = 0; i < 3; i++)
			row[i] = rows[(y + i) % 3];
		for (size_t x = 0; x < bytes; x++)
			here[x] = filter == BLUR ? blurred(row, x) :
						   edge(row, x);
	}
	image_histogram(p, image, histogram);
}

uint64_t checksum(const void *p, size_t bytes)
{
	const unsigned char *c = p;
	uint64_t h = 0xcbf29ce484222325ULL;

	while (bytes--)
		h = (h ^ *c++) * 0x100000001b3ULL;
	return h;
}
