/* SPDX-License-Identifier: GPL-2.0 */
/*
 * lmap - what map.c (decode, run), collect.c (look at the source) and place.c
 * (look at the target, link) share. Must never be included elsewhere.
 */
#ifndef LMAP_MAP_H
#define LMAP_MAP_H

#include "lmap.h"

/* What the pieces become. */
enum map_op {
	MAP_OP_MAP,	/* children of the source */
	MAP_OP_GRANT,	/* the source itself moves */
	MAP_OP_COPY,	/* siblings of the source */
};

/**
 * struct map_piece - a part of the source with equal rights
 * @link: in request->pieces; NULL: unused memory
 * @wfirst: first target page
 * @npages: length
 * @rights: what the mapping will have
 * @rfirst: first region page
 * @sfirst: with @source: first page there
 * @source_id: with @source: number of the mapping there
 * @region: the root, referenced; NULL: ordinary memory, still to be found
 * @source: window that holds the mapping to be passed on, or NULL. It is shown in
 *	    a view, which stays as long as the caller's mmap_lock is held
 * @node: what it becomes, allocated before anything is changed; not with @extend
 * @id: number of the mapping, for the result
 * @level: with @source: how deep it is in the tree
 * @shared: of ordinary memory
 * @detach: of ordinary memory: its pages get a region of their own
 * @extend: the very same mapping is there already
 * @linked: has been linked; then @node belongs to the tree
 * @reserved: @node is from the reserve
 */
struct map_piece {
	struct list_head link;
	unsigned long wfirst;
	unsigned long npages;
	unsigned int rights;
	unsigned long rfirst;
	unsigned long sfirst;
	u64 source_id;
	/* What a new piece has not got yet. */
	struct lmap_region *region;
	struct lmap_window *source;
	struct lmap_node *node;
	u64 id;
	unsigned int level;
	bool shared;
	bool detach;
	bool extend;
	bool linked;
	bool reserved;
};

/* Most calls have one piece, or two while they look again. */
#define MAP_PIECES_LOCAL	2

/**
 * struct map_request - what is asked, decoded
 * @op: how
 * @space: of the caller
 * @window: target
 * @flags: LMAP_POPULATE and so on
 * @sfirst: first source page (address >> PAGE_SHIFT)
 * @wfirst: first window page
 * @npages: length
 * @rights: asked, r implied, within what the window allows
 * @depth: further levels asked for
 * @budget: mappings asked for, 0 = no limit
 * @order: of the flexpage, for the result
 * @pieces: struct map_piece, in order of address; while they are placed see
 *	    pieces_sort()
 * @moved: those that were dealt with before the source was looked at again
 * @denied: the best reason why something was left out
 * @local: memory for the first pieces, MAP_PIECES_LOCAL of them
 * @used: which of them are used, a bit for each
 * @vacant: one piece, and nothing was in the target when it was looked at: it
 *	    need not be looked for. Should something be found there in the end,
 *	    all begins anew without
 * @wlo: window pages of all pieces, from here
 * @whi: ... to here
 */
struct map_request {
	enum map_op op;
	struct lmap_space *space;
	struct lmap_window *window;
	unsigned int flags;
	unsigned long sfirst;
	unsigned long wfirst;
	unsigned long npages;
	unsigned int rights;
	unsigned int depth;
	u32 budget;
	unsigned int order;
	struct list_head pieces;
	struct list_head moved;
	int denied;
	struct map_piece *local;
	unsigned int used;
	bool vacant;
	unsigned long wlo;
	unsigned long whi;
};

/* It keeps its origin, and can't be told to come back. */
static inline bool lmap_piece_moves(const struct map_request *req,
				    const struct map_piece *piece)
{
	return req->op == MAP_OP_GRANT && !piece->detach;
}

/* The pages of detached regions stay in any case, and are paid for. */
static inline bool lmap_piece_pins(const struct map_request *req,
				   const struct map_piece *piece)
{
	return req->flags & LMAP_PIN && !piece->region->detached;
}

/* collect.c */
int lmap_piece_node(struct map_request *req, struct map_piece *piece);
u64 lmap_map_there(struct map_request *req, unsigned int *rights);
int lmap_pieces_prepare(struct map_request *req);
void lmap_pieces_free(struct map_request *req, struct list_head *pieces);

/* place.c */
int lmap_pieces_place(struct map_request *req);
int lmap_pieces_leave(struct map_request *req);
void lmap_pieces_undo(struct map_request *req);
void lmap_pieces_all(struct map_request *req);

#endif /* LMAP_MAP_H */
