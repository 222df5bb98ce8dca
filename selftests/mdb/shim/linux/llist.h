/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Stand-in: the database has room for a place in such a list and never uses it.
 */
#ifndef SHIM_LLIST_H
#define SHIM_LLIST_H

struct llist_node {
	struct llist_node *next;
};

#endif /* SHIM_LLIST_H */
