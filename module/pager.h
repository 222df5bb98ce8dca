/* SPDX-License-Identifier: GPL-2.0 */
/*
 * lmap - pagers: faults that wait for an answer from user space.
 *
 * Nobody may wait here with mmap_lock or any lock of ours held.
 */
#ifndef LMAP_PAGER_H
#define LMAP_PAGER_H

#include "lmap.h"

struct lmap_pager;

/**
 * struct lmap_ask - what a fault wants to be told
 * @wpage: window page
 * @access: rights that are wanted
 * @held: rights that were there when it looked
 * @user: not an access by the kernel: any signal ends the wait
 */
struct lmap_ask {
	unsigned long wpage;
	unsigned int access;
	unsigned int held;
	bool user;
};

long lmap_ioc_pager_create(struct lmap_space *space,
			   struct lmap_pager_create *arg);
struct lmap_pager *lmap_pager_get(struct lmap_window *window,
				  const struct lmap_ask *ask);
int lmap_pager_wait(struct lmap_pager *pager, struct lmap_window *window,
		    const struct lmap_ask *ask);
void lmap_pager_put(struct lmap_pager *pager);
void lmap_pager_wake(struct lmap_window *window, unsigned long wfirst,
		     unsigned long wlast);
void lmap_pager_end(struct lmap_window *window);
void lmap_pager_detach(struct lmap_window *window);

#endif /* LMAP_PAGER_H */
