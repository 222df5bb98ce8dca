/* SPDX-License-Identifier: GPL-2.0 */
/*
 * lmap-sandbox: a host gives an image to a plugin that it does not trust, in
 * four ways; the plugin does its work, or attacks.
 *
 * The host believes nothing that the plugin says: whether an attack got
 * through is seen in the host's own memory, or by a secret that the plugin
 * could not know otherwise.
 */
#ifndef SANDBOX_H
#define SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tell.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define MESSAGE_MAX	32768	/* of pixels that go through the channel */
#define SECRET_SIZE	16
#define PLUGIN_NAME	"lmap-sandbox-plugin"

/* How the plugin gets at the image. */
enum way { LEND, MEMFD, TAKEN, COPY, WAYS };

/*
 * Ways to attack. Each is tried when the host has checked the result, to
 * change it, and when the memory was taken back, to read what is in it next.
 */
enum method {
	BY_ACCESS,	/* a load or a store */
	BY_KERNEL,	/* read() into it, write() from it */
	BY_MPROTECT,	/* after asking for the right to write */
	BY_MREMAP,	/* through a second view, or one that was moved */
	BY_CHILD,	/* from a child, the parent being gone */
	BY_VMSPLICE,	/* through pages that a pipe holds */
	BY_PROCESS_VM,	/* process_vm_readv, process_vm_writev on itself */
	BY_OUTSIDE,	/* just before and just behind */
	BY_SPINNING,	/* writing for ever, and not answering */
	BY_LYING,	/* an image that is not what its header says */
	BY_KEEPING,	/* private copy, made while it was allowed */
	METHODS
};

/* What the host may ask of the plugin. */
enum what {
	WORK,		/* filter the image in place */
	TOUCH,		/* read and write a byte of each page */
	TAKE_IN,	/* COPY: the image comes through the channel */
	GIVE_OUT,	/* COPY: send it back */
	PREPARE,	/* attack: while everything is allowed */
	WRITE,		/* attack: change it now */
	READ,		/* attack: read it now */
};

struct order {
	uint32_t what;
	uint32_t method;
	uint64_t bytes;
	uint32_t filter;
	uint32_t reserved;
};

/* What happened to one access: a signal, an errno, or nothing (it worked). */
struct outcome {
	int32_t sig;
	int32_t code;
	int32_t err;
};

struct answer {
	struct outcome outcome;
	struct outcome second;	/* BY_OUTSIDE: behind */
	uint8_t bytes[SECRET_SIZE];
	uint32_t histogram[256];
};

/* First message to a plugin. */
struct setup {
	uint32_t way;
	uint32_t hole;		/* method whose system calls are allowed too */
	uint64_t size;		/* bytes, whole pages */
};

/* image.c: binary PPM with 8 bits for each of three colours. */

enum filter { BLUR, EDGES };

struct image {
	uint32_t width;
	uint32_t height;
	size_t header;		/* bytes before the pixels */
	size_t bytes;		/* all of it */
};

#define WIDTH_MAX	16384

/* The image as it was drawn or read, to be freed; @image tells of it. */
unsigned char *image_load(struct image *image);
/* 0, or -1: not such an image, or one that is not all in @bytes. */
int image_parse(const unsigned char *p, size_t bytes, struct image *image);
size_t image_size(uint32_t width, uint32_t height);
int image_write(const char *path, const unsigned char *p, size_t bytes);
void image_draw(unsigned char *p, uint32_t width, uint32_t height);
void image_filter(unsigned char *p, const struct image *image,
		  enum filter filter, uint32_t *histogram);
void image_histogram(const unsigned char *p, const struct image *image,
		     uint32_t *histogram);
/* FNV-1a */
uint64_t checksum(const void *p, size_t bytes);

/* confine.c: the plugin's prison. */

#define CHANNEL		3	/* the plugin's only descriptor */

/* Closes every descriptor but @channel and @pipes (-1: none). */
int close_all_but(int channel, const int *pipes);
/* The number of system calls that are allowed, or -1. */
int confine(int channel, const int *pipes, enum method hole);

/* plugin.c, hostile.c: the plugin. */

struct plugin {
	int channel;
	unsigned char *view;	/* what it was given */
	size_t size;
	unsigned char *spare;	/* addresses where nothing is */
	int pipes[2];
	pid_t pid;
	unsigned char kept[SECRET_SIZE];
	struct outcome spliced;
};

int plugin_main(void);
struct outcome try_load(const unsigned char *from, void *to, size_t bytes);
struct outcome try_store(unsigned char *to, const void *from, size_t bytes);
void catch_signals(void);
void hostile(struct plugin *p, const struct order *order, struct answer *answer);

/* ways.c: the host's side of each way. */

struct loan {
	enum way way;
	bool populate;		/* LEND: pages at once, not on fault */
	bool careless;		/* LEND: neither take w nor take it back */
	pid_t pid;
	int channel;
	unsigned char *memory;	/* the host's: the image, whole pages */
	size_t size;
	size_t bytes;		/* of the image */
	int space;
	int window;
	int memfd;
	unsigned char *shared;	/* view of the memfd */
	uint64_t copied;	/* bytes, by whomever */
	uint64_t extra;		/* memory besides the image */
};

const char *way_name(enum way way);
/* One process of the plugin; it has been confined when this returns. */
void loan_start(struct loan *loan, enum method hole);
void loan_end(struct loan *loan);
/* The plugin may read and write it. */
void loan_give(struct loan *loan);
/* The plugin is done: from now on the host looks at it. */
unsigned char *loan_settle(struct loan *loan);
/* The plugin must not have it any more. Where it is used next. */
unsigned char *loan_take(struct loan *loan);
/* false: it is gone, or the deadline has passed. */
bool loan_ask(struct loan *loan, const struct order *order,
	      struct answer *answer);
void loan_order(struct loan *loan, const struct order *order);
/* @leaked: where what came besides is put, or NULL. */
bool loan_answer(struct loan *loan, struct answer *answer, int timeout_ms,
		 unsigned char *leaked);

/* main.c */

struct options {
	const char *input;
	const char *output;
	const char *svg;
	uint32_t width;
	uint32_t height;
	enum filter filter;
	unsigned int rounds;
	unsigned int deadline_ms;
	size_t curve_max;	/* bytes */
	bool careless;
};

extern struct options options;

/* Whole pages, one more on each side that must not change. */
unsigned char *buffer_make(size_t size);
bool buffer_is_bounded(const unsigned char *buffer, size_t size);
void buffer_free(unsigned char *buffer, size_t size);

/* The parts: job.c, attack.c, costs.c */
void job_run(void);
void attacks_run(void);
void costs_run(void);
void curve_run(void);

#endif /* SANDBOX_H */
