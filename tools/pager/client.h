/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A process whose memory a pager has: what it does, and what they say to each
 * other. Must never need more from a program than that it takes its memory from
 * here.
 */
#ifndef PAGER_CLIENT_H
#define PAGER_CLIENT_H

#include <stddef.h>
#include <stdint.h>

enum ask {
	ASK_JOIN,	/* window and pager have come: serve them */
	ASK_MINE,	/* what was done for me? */
	ASK_ALL,	/* what was done in all? */
	ASK_REVOKE,	/* take back all that is mapped, forget nothing */
	TELL_REFUSED,	/* to a client: a page was refused, and why */
};

/**
 * struct request - to a pager; before ASK_JOIN two messages with a descriptor
 * @ask: enum ask
 * @reserved: 0
 * @pages: of the window, with ASK_JOIN
 */
struct request {
	uint32_t ask;
	uint32_t reserved;
	uint64_t pages;
};

/**
 * struct account - what a pager has done
 * @messages: faults that it was told
 * @faults: of these, on pages that were in no frame
 * @zeroed: of the faults, on pages that had no contents yet
 * @reloads: of the faults, on pages that came from the backing file
 * @upgrades: messages that asked for writing on a page that was there
 * @again: messages for a page that was in its frame all the time, but had been
 *	   taken away: by the pager below, or by ASK_REVOKE
 * @written: pages written to the backing file
 * @refused: messages that were answered no
 * @revoked: mappings that ASK_REVOKE took
 * @clients: that there are
 * @lost_clients: that are gone
 * @frames_free: frames that nobody has
 * @slots: pages that have a place in the backing file
 */
struct account {
	uint64_t messages;
	uint64_t faults;
	uint64_t zeroed;
	uint64_t reloads;
	uint64_t upgrades;
	uint64_t again;
	uint64_t written;
	uint64_t refused;
	uint64_t revoked;
	uint64_t clients;
	uint64_t lost_clients;
	uint64_t frames_free;
	uint64_t slots;
};

/**
 * struct reply - from a pager
 * @ask: what is answered, or TELL_REFUSED
 * @error: errno, 0: none
 * @offset: in the window, with TELL_REFUSED
 * @account: with ASK_MINE, ASK_ALL, ASK_REVOKE
 */
struct reply {
	uint32_t ask;
	uint32_t error;
	uint64_t offset;
	struct account account;
};

/**
 * struct paged - memory that a pager serves
 * @base: first byte
 * @pages: how many
 * @space: of this process
 * @window: that @base shows
 * @sock: to the pager
 */
struct paged {
	char *base;
	size_t pages;
	int space;
	int window;
	int sock;
};

/**
 * paged_open - get memory from a pager
 * @p: what is made
 * @path: the pager's socket
 * @pages: how many
 * @rights: LMAP_R | LMAP_W, and LMAP_M for who maps it on
 *
 * All zeroes at first. Touching it may take a while, and raises SIGBUS when the
 * pager refuses or dies.
 *
 * Return: 0 or -errno.
 */
int paged_open(struct paged *p, const char *path, size_t pages,
	       unsigned int rights);
void paged_close(struct paged *p);

/* Connects only, to ask. Return: the socket or -errno. */
int paged_connect(const char *path);

/* Asks. Return: 0 or -errno, the pager's too. */
int paged_ask(int sock, enum ask ask, struct account *account);

/* After SIGBUS: why. Return: errno, 0 if nothing was refused. */
int paged_why(const struct paged *p);

#endif /* PAGER_CLIENT_H */
