/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What world.c and turns.c need of each other. The tests and the model must
 * never include it.
 */
#ifndef INSIDE_H
#define INSIDE_H

#include "oracle.h"

void world_contradiction(struct world *w, const char *what);
/* Spares as many as needed, or as w->spare_limit says. */
void world_spares(struct world *w, struct lmap_revoke *rv, unsigned long need);
void world_free_list(struct list_head *list);
void world_zap(struct world *w, struct lmap_index *index, unsigned long first,
	       unsigned long last);
struct lmap_node *world_node(struct world *w, int window, int first, int last);

/* One page, without waiting for anything: the database's answer. */
int world_try(struct world *w, int region, int rpage, int parent, int window,
	      int page, unsigned int rights);

/*
 * After demote, move or adopt; mdb->lock is held and dropped. False if there
 * were @calls calls of lmap_mdb_work() and there is more to do; 0: no limit.
 */
bool world_work(struct world *w, struct lmap_revoke *rv, int calls);

#endif
