/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Inside the pager: what it knows, and what answers a fault.
 */
#ifndef PAGER_FAULT_H
#define PAGER_FAULT_H

#include "pool.h"
#include "serve.h"
#include "store.h"

#include <stdbool.h>

#include <lmap.h>

/* What can happen: a descriptor that is watched, and of what. */
struct source {
	int fd;
	enum { CONNECTED, ASKED, FAULTED, STOP } what;
	struct client *client;
};

/**
 * struct page - of a client
 * @frame: where it is; -1: in none
 * @slot: its place in the backing file; -1: it has none, may not be written,
 *	  and so is zero
 * @stored: @slot has contents
 */
struct page {
	int frame;
	int slot;
	bool stored;
};

/**
 * struct client - a process that is served
 * @next: in serve->clients
 * @sock: what it asks
 * @pager: its faults
 * @window: where its pages go
 * @page: pages; NULL: it has not joined
 * @pages: how many
 * @slots: how many have a slot
 * @account: what was done for it
 * @dead: to be forgotten
 */
struct client {
	struct client *next;
	struct source sock;
	struct source pager;
	int window;
	struct page *page;
	uint64_t pages;
	unsigned int slots;
	struct account account;
	bool dead;
};

/* Whose page a frame holds; nobody's if @client is NULL. */
struct frame {
	struct client *client;
	uint64_t page;
};

/**
 * struct serve - a pager
 * @path: of its socket, when it has one
 * @epoll: of all sources
 * @listen: who connects
 * @stop: somebody said so
 * @stopped: it was heard
 * @quota: slots that one client may have, 0: no limit
 * @clients: list
 * @pool: frames
 * @frame: what they hold
 * @free: frames that hold nothing, a stack
 * @nr_free: how many
 * @policy: who goes
 * @store: backing file
 * @all: what was done in all
 */
struct serve {
	const char *path;
	int epoll;
	struct source listen;
	struct source stop;
	bool stopped;
	unsigned int quota;
	struct client *clients;
	struct pool pool;
	struct frame *frame;
	unsigned int *free;
	unsigned int nr_free;
	struct policy policy;
	struct store store;
	struct account all;
};

/* Answers one, by a page or by no. */
void fault_answer(struct serve *s, struct client *c,
		  const struct lmap_fault *fault);

/* Frees all frames and slots of a client. */
void fault_forget(struct serve *s, struct client *c);

#endif /* PAGER_FAULT_H */
