/* SPDX-License-Identifier: GPL-2.0 */
/*
 * lmap - what the files of the mapping database need of each other. Nobody else
 * may include this: mdb.h is the contract.
 */
#ifndef LMAP_INDEX_H
#define LMAP_INDEX_H

#include "mdb.h"

/**
 * lmap_index_prepare - before the write section in which a node is linked
 * @node: not linked
 */
void lmap_index_prepare(struct lmap_node *node);

/**
 * lmap_index_link - link a node whose place is known to be free
 * @index: the window's
 * @node: after lmap_index_prepare()
 *
 * Context: index->lock held, in a write section.
 */
void lmap_index_link(struct lmap_index *index, struct lmap_node *node);

/**
 * lmap_index_insert - link a node if its place is free
 * @index: the window's
 * @node: not linked
 *
 * Context: takes index->lock.
 * Return: 0 or -EBUSY.
 */
int lmap_index_insert(struct lmap_index *index, struct lmap_node *node);

/**
 * lmap_node_set_rights - the one way to change them
 * @node: linked
 * @rights: from now on
 *
 * Context: mdb->lock held. Takes index->lock.
 */
void lmap_node_set_rights(struct lmap_node *node, unsigned int rights);

/**
 * lmap_scope_has - is a mapping among those that a revocation is about?
 * @scope: what is revoked; its range is not looked at
 * @node: looked at
 *
 * Context: RCU read-side section, or the tree is locked. Without the lock
 * parents may change under way, but to such that are in the same scope, or the
 * scope's root is being cut: then the answer is no, and the node itself will
 * tell soon.
 */
bool lmap_scope_has(const struct lmap_scope *scope,
		    const struct lmap_node *node);

/**
 * lmap_mark_set - write the tree's mark
 * @mdb: the tree
 * @mark: all of it
 *
 * Context: mdb->lock held.
 */
void lmap_mark_set(struct lmap_mdb *mdb, const struct lmap_scope *mark);

/**
 * lmap_mark_stops_child - would a new mapping be one of those being revoked?
 * @mdb: the tree
 * @index: of its window
 * @parent: what it derives from, or NULL
 * @rfirst: first region page
 * @rlast: last region page
 *
 * Context: mdb->lock held.
 */
bool lmap_mark_stops_child(struct lmap_mdb *mdb, const struct lmap_index *index,
			   const struct lmap_node *parent, unsigned long rfirst,
			   unsigned long rlast);

/**
 * lmap_mark_stops - are rights of a mapping being revoked?
 * @node: linked
 *
 * Context: mdb->lock held.
 */
bool lmap_mark_stops(const struct lmap_node *node);

#endif /* LMAP_INDEX_H */
