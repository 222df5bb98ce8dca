// SPDX-License-Identifier: GPL-2.0
/*
 * lmap - the target of map, grant and copy: check everything, clear the
 * target, link or move.
 *
 * Nothing may be changed before all pieces are checked. The parent may be
 * revoked at any time: what the checks saw is looked at again under mdb->lock.
 */
#include "map.h"
#include "race.h"

#include <linux/list_sort.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

/* Checks of the target. */

/*
 * Under mdb->lock: the source mapping, if it still is what it was. It may have
 * lost m meanwhile: the new mapping then lacks it as well, as if it had been
 * made just before.
 */
static int source_look(struct map_piece *piece, struct lmap_node **out)
{
	struct lmap_window *source = piece->source;
	unsigned long last = piece->sfirst + piece->npages - 1;
	struct lmap_node *node;
	int ret = 0;

	spin_lock(&source->index.lock);
	node = lmap_index_first(&source->index, piece->sfirst, piece->sfirst);
	if (!node || node->origin->id != piece->source_id ||
	    lmap_node_dying(node))
		ret = -ESTALE;
	else if (node->mdb != &piece->region->mdb ||
		 lmap_node_wlast(node) < last ||
		 node->rfirst + (piece->sfirst - node->wfirst) !=
		 piece->rfirst)
		ret = -EAGAIN;
	spin_unlock(&source->index.lock);
	if (!ret)
		*out = node;
	return ret;
}

/* NULL: ordinary memory. */
static inline int piece_source(struct map_piece *piece, struct lmap_node **out)
{
	*out = NULL;
	return piece->source ? source_look(piece, out) : 0;
}

/* What the new mapping will be derived from. */
static struct lmap_node *piece_parent(struct map_request *req,
				      struct lmap_node *source)
{
	return source && req->op != MAP_OP_MAP ? source->parent : source;
}

/* Before the flag: who pins a page meanwhile does so for long, or we do. */
static void node_pins(struct lmap_node *node, struct lmap_region *region)
{
	lockdep_assert_held(&region->mdb.lock);
	WRITE_ONCE(region->pins, true);
	node->flags |= LMAP_NODE_PIN;
}

static bool targets_ancestor(struct map_request *req, struct lmap_node *node)
{
	for (; node; node = node->parent)
		if (node->index == &req->window->index &&
		    node->wfirst <= req->whi &&
		    lmap_node_wlast(node) >= req->wlo)
			return true;
	return false;
}

/* Under mdb->lock: is it the same memory, from the same source? */
static bool node_is_same(struct map_piece *piece, struct lmap_node *node,
			 struct lmap_node *parent)
{
	return node->mdb == &piece->region->mdb && node->parent == parent &&
	       !lmap_node_dying(node) &&
	       node->rfirst - node->wfirst == piece->rfirst - piece->wfirst;
}

/*
 * Under mdb->lock: is the very same memory at the very same place already? It
 * can be in several mappings, or a part of one.
 */
static bool piece_same(struct map_request *req, struct map_piece *piece,
		       struct lmap_node *parent)
{
	unsigned long next = piece->wfirst, wlast = next + (piece->npages - 1);
	struct lmap_index *index = &req->window->index;
	struct lmap_node *node;

	spin_lock(&index->lock);
	for (node = lmap_index_first(index, next, wlast);
	     node && node->wfirst <= next && node_is_same(piece, node, parent);
	     node = lmap_index_next(node, wlast))
		next = lmap_node_wlast(node) + 1;
	spin_unlock(&index->lock);
	return next > wlast;
}

static enum lmap_reason gain_reason(const struct map_request *req)
{
	switch (req->op) {
	case MAP_OP_GRANT:
		return LMAP_REASON_GRANT;
	case MAP_OP_COPY:
		return LMAP_REASON_COPY;
	default:
		return LMAP_REASON_MAP;
	}
}

static int node_extend(struct map_request *req, struct lmap_node *node,
		       unsigned int rights)
{
	unsigned int before = node->rights;
	int ret = lmap_mdb_extend(node, rights);

	if (!ret) {
		lmap_report_gained(node, before, gain_reason(req));
		lmap_count(maps, 1);
	}
	return ret;
}

/*
 * Copied ordinary memory again to the same place: are the pages still the same?
 * Then @rights are added. The region that was made for this call is not used.
 */
static bool same_frames(struct map_request *req, struct map_piece *piece,
			unsigned int rights)
{
	unsigned long wlast = piece->wfirst + piece->npages - 1, i;
	struct lmap_index *index = &req->window->index;
	struct lmap_region *region;
	struct lmap_node *node;
	bool same;

	region = lmap_index_region(index, piece->wfirst, wlast);
	if (!region)
		return false;
	mutex_lock(&region->mdb.lock);
	node = lmap_index_first_of(index, &region->mdb, piece->wfirst, wlast);
	same = region->detached && node && !node->parent &&
	       !lmap_node_dying(node) && node->wfirst == piece->wfirst &&
	       node->npages == piece->npages;
	for (i = 0; same && i < piece->npages; i++)
		same = lmap_tile_page(lmap_tile_get(region, node->rfirst + i)) ==
		       lmap_tile_page(lmap_tile_get(piece->region,
						    piece->rfirst + i));
	if (same && rights) {
		same = !node_extend(req, node, rights);
		piece->id = node->origin->id;
	}
	mutex_unlock(&region->mdb.lock);
	lmap_region_put(region);
	return same;
}

static bool target_busy(struct map_request *req, struct map_piece *piece)
{
	struct lmap_index *index = &req->window->index;
	bool busy;

	spin_lock(&index->lock);
	busy = lmap_index_first(index, piece->wfirst,
				piece->wfirst + piece->npages - 1);
	spin_unlock(&index->lock);
	return busy;
}

/* What is moved, or only gets more rights, is no new mapping. */
static bool piece_is_new(struct map_request *req, struct map_piece *piece)
{
	return !piece->extend && !lmap_piece_moves(req, piece);
}

/* The quota; what is in reserve counts already and may be used up. */
static int piece_charge(struct map_request *req, struct map_piece *piece)
{
	struct lmap_node *node;
	int ret;

	ret = lmap_mapping_charge(piece->node);

	if (!ret)
		return 0;
	node = lmap_reserve_mapping(req->space);
	if (!node)
		return ret;
	node->origin->budget = piece->node->origin->budget;
	swap(node->origin->refs.table, piece->node->origin->refs.table);
	swap(node->origin->refs.tracked, piece->node->origin->refs.tracked);
	lmap_mapping_free(piece->node);
	piece->node = node;
	piece->reserved = true;
	return 0;
}

/* Whether it may be derived from its source, and is there already. */
static int piece_look(struct map_request *req, struct map_piece *piece)
{
	struct lmap_node *source;
	int ret;

	mutex_lock(&piece->region->mdb.lock);
	ret = piece_source(piece, &source);
	if (!ret && targets_ancestor(req, source))
		ret = -ELOOP;
	/* A sibling would not be bound by it. */
	if (!ret && req->op == MAP_OP_COPY && source && source->origin->budget)
		ret = -EDQUOT;
	if (!ret && req->op != MAP_OP_GRANT)
		piece->extend = piece_same(req, piece,
					   piece_parent(req, source));
	mutex_unlock(&piece->region->mdb.lock);
	return ret;
}

static int piece_check(struct map_request *req, struct map_piece *piece)
{
	int ret = 0;

	/* A map, and no ancestor is there either: its source is seen later. */
	if (!req->vacant)
		ret = piece_look(req, piece);
	if (!ret && piece->detach && req->op == MAP_OP_GRANT)
		ret = lmap_leave_check(req->space, piece->rfirst,
				       piece->rfirst + piece->npages - 1);
	if (!ret && piece->detach && req->op == MAP_OP_COPY)
		piece->extend = same_frames(req, piece, 0);
	if (!ret && req->flags & LMAP_NOREPLACE && !piece->extend &&
	    target_busy(req, piece))
		ret = -EEXIST;
	if (!ret && !piece->extend)
		ret = lmap_piece_node(req, piece);
	if (!ret && piece_is_new(req, piece))
		ret = piece_charge(req, piece);
	if (!ret && lmap_piece_pins(req, piece) && !piece->extend)
		ret = lmap_mapping_charge_locked(piece->node, piece->npages);
	return ret;
}

/* Linking. */

static unsigned int piece_depth(struct map_request *req,
				struct lmap_node *source)
{
	if (!source)
		return LMAP_DEPTH_MAX - 1;
	return req->op == MAP_OP_MAP ? source->depth - 1 : source->depth;
}

static int piece_link(struct map_request *req, struct map_piece *piece)
{
	struct lmap_region *region = piece->region;
	struct lmap_mdb *mdb = &region->mdb;
	struct lmap_node *source, *parent, *node;
	bool first;
	int ret;

	lockdep_assert_held(&mdb->lock);
	ret = piece_source(piece, &source);
	if (ret)
		return ret;
	parent = piece_parent(req, source);
	/* Rights may have gone since they were looked at, never r. */
	if (source)
		piece->rights &= source->rights;
	node = piece->node;
	node->wfirst = piece->wfirst;
	node->rfirst = piece->rfirst;
	node->npages = piece->npages;
	node->rights = piece->rights;
	node->depth = min(req->depth, piece_depth(req, source));
	first = !mdb->nr;
	ret = lmap_mdb_insert(mdb, parent, &req->window->index, node);
	if (ret)
		return ret;
	if (lmap_piece_pins(req, piece))
		node_pins(node, region);
	/* Having mappings at all is one reference; ours is another. */
	if (first)
		refcount_inc(&region->ref);
	piece->linked = true;
	piece->id = node->origin->id;
	lmap_report_gained(node, 0, gain_reason(req));
	lmap_count(maps, 1);
	return 0;
}

/* The mappings in which the very same memory is; they stay under mdb->lock. */
static struct lmap_node *same_next(struct map_request *req,
				   struct map_piece *piece,
				   struct lmap_node *node)
{
	unsigned long wlast = piece->wfirst + piece->npages - 1;
	struct lmap_index *index = &req->window->index;

	spin_lock(&index->lock);
	node = node ? lmap_index_next(node, wlast) :
		      lmap_index_first(index, piece->wfirst, wlast);
	spin_unlock(&index->lock);
	return node;
}

static bool same_pins(struct map_request *req, struct map_piece *piece,
		      struct lmap_node *node)
{
	return lmap_piece_pins(req, piece) && !(node->flags & LMAP_NODE_PIN);
}

/* Region pages of the piece in a mapping; true if there is something to add. */
static bool same_part(struct map_request *req, struct map_piece *piece,
		      struct lmap_node *node, unsigned long *rfirst,
		      unsigned long *rlast)
{
	*rfirst = max(piece->rfirst, node->rfirst);
	*rlast = min(piece->rfirst + (piece->npages - 1),
		     lmap_node_rlast(node));
	return piece->rights & ~node->rights || same_pins(req, piece, node);
}

/* Nodes for splitting, and pages that will be pinned. */
static unsigned long extend_needs(struct map_request *req,
				  struct map_piece *piece,
				  unsigned long *npages)
{
	unsigned long rfirst, rlast, n = 0;
	struct lmap_node *node = NULL;

	*npages = 0;
	while ((node = same_next(req, piece, node))) {
		if (!same_part(req, piece, node, &rfirst, &rlast))
			continue;
		n += lmap_mdb_move_spares(node, rfirst, rlast);
		if (same_pins(req, piece, node))
			*npages += rlast - rfirst + 1;
	}
	return n;
}

/* Is there so much left? What is taken then is counted for each mapping. */
static int extend_may_pin(struct map_request *req, unsigned long npages)
{
	int ret = lmap_user_charge_locked(req->space->user, npages);

	if (!ret)
		lmap_user_uncharge_locked(req->space->user, npages);
	return ret;
}

static int extend_nodes(struct map_request *req, struct map_piece *piece,
			struct list_head *spares)
{
	struct lmap_node *node = NULL;
	unsigned long rfirst, rlast;
	int ret;

	while ((node = same_next(req, piece, node))) {
		piece->id = piece->id ?: node->origin->id;
		if (!same_part(req, piece, node, &rfirst, &rlast))
			continue;
		node = lmap_mdb_cut(node, rfirst, rlast, spares);
		if (same_pins(req, piece, node)) {
			ret = lmap_mapping_charge_locked(node, node->npages);
			if (ret)
				return ret;
			node_pins(node, piece->region);
		}
		/* Nobody revokes: we hold the lock. */
		WARN_ON(node_extend(req, node, piece->rights));
	}
	return 0;
}

/* Adds rights to what is there already; what sticks out is cut off. */
static int piece_extend(struct map_request *req, struct map_piece *piece)
{
	struct lmap_region *region = piece->region;
	unsigned long have = 0, need, npages;
	struct lmap_node *source;
	LIST_HEAD(spares);
	int ret;

	for (;;) {
		lmap_revoke_lock(region);
		mutex_lock(&region->mdb.lock);
		ret = piece_source(piece, &source);
		if (!ret && !piece_same(req, piece, piece_parent(req, source)))
			ret = -EAGAIN;
		if (ret)
			break;
		/* Rights may have gone since they were looked at. */
		if (source)
			piece->rights &= source->rights;
		need = extend_needs(req, piece, &npages);
		ret = extend_may_pin(req, npages);
		if (ret || need <= have)
			break;
		mutex_unlock(&region->mdb.lock);
		mutex_unlock(&region->revoke);
		lmap_race_sleep(place_spares);
		/* Outside, as in piece_move(). */
		if (!lmap_spares_fill(req->space, &spares, &have, need,
				      GFP_KERNEL_ACCOUNT)) {
			lmap_node_free_list(&spares);
			return -ENOMEM;
		}
	}
	if (!ret)
		ret = extend_nodes(req, piece, &spares);
	mutex_unlock(&region->mdb.lock);
	mutex_unlock(&region->revoke);
	lmap_node_free_list(&spares);
	return ret;
}

/* Grant: moves the source, or the part of it that is meant. */
static int piece_move(struct map_request *req, struct map_piece *piece)
{
	struct lmap_region *region = piece->region;
	struct lmap_revoke rv = { .mdb = &region->mdb };
	unsigned long have = 0, need;
	int ret;

	INIT_LIST_HEAD(&rv.spares);
	for (;;) {
		lmap_revoke_lock(region);
		mutex_lock(&region->mdb.lock);
		ret = piece_source(piece, &rv.scope.root);
		if (ret)
			break;
		rv.scope.rfirst = piece->rfirst;
		rv.scope.rlast = piece->rfirst + piece->npages - 1;
		need = lmap_mdb_move_spares(rv.scope.root, rv.scope.rfirst, rv.scope.rlast);
		if (need <= have)
			break;
		mutex_unlock(&region->mdb.lock);
		mutex_unlock(&region->revoke);
		lmap_race_sleep(place_spares);
		/* Reclaim may call our notifiers, which want region->revoke. */
		if (!lmap_spares_fill(req->space, &rv.spares, &have, need,
				      GFP_KERNEL_ACCOUNT)) {
			lmap_node_free_list(&rv.spares);
			return -ENOMEM;
		}
	}
	if (!ret) {
		rv.scope.take = LMAP_RIGHTS_ALL & ~piece->rights;
		piece->node->wfirst = piece->wfirst;
		ret = lmap_mdb_move(&rv, &req->window->index, piece->node);
	}
	if (!ret) {
		piece->linked = true;
		piece->rights = piece->node->rights;
		piece->id = piece->node->origin->id;
		lmap_report_gained(piece->node, 0, LMAP_REASON_GRANT);
		lmap_count(maps, 1);
		lmap_revoke_finish(region, &rv, LMAP_REASON_GRANT);
	}
	mutex_unlock(&region->mdb.lock);
	mutex_unlock(&region->revoke);
	lmap_node_free_list(&rv.spares);
	return ret;
}

/* One try to make the mapping. */
static int piece_make(struct map_request *req, struct map_piece *piece)
{
	struct lmap_region *region = piece->region;
	bool pins = lmap_piece_pins(req, piece);
	int ret;

	if (lmap_piece_moves(req, piece))
		return piece_move(req, piece);
	if (piece->detach && piece->extend)
		return same_frames(req, piece, piece->rights) ? 0 : -EAGAIN;
	if (piece->extend)
		return piece_extend(req, piece);
	/* Flags of a node want it, too: who drops tiles has looked at them. */
	if (pins)
		lmap_revoke_lock(region);
	mutex_lock(&region->mdb.lock);
	ret = piece_link(req, piece);
	mutex_unlock(&region->mdb.lock);
	if (pins)
		mutex_unlock(&region->revoke);
	return ret;
}

/* Whatever is where the piece belongs. */
static noinline void target_revoke(struct map_request *req,
				   struct map_piece *piece,
				   enum lmap_reason reason)
{
	struct lmap_take take = { .rights = LMAP_RIGHTS_ALL, .self = true,
				  .space = req->space, .reason = reason };

	lmap_revoke_window(req->window, piece->wfirst,
			   piece->wfirst + piece->npages - 1, &take);
}

/* Clears the target and links, as often as others come in between. */
static int piece_place(struct map_request *req, struct map_piece *piece)
{
	int ret;

	for (;;) {
		ret = piece_make(req, piece);
		/*
		 * Another thread of the lender takes the memory back from its
		 * borrowers: what is lent now comes after that. It waits until
		 * all have lost their rights, not until the last page is gone.
		 */
		if (ret == -ESTALE && !piece->source) {
			lmap_revoke_pass(piece->region);
			continue;
		}
		if (ret != -EBUSY)
			return ret;
		/* It may be the very same memory, which is not replaced. */
		if (req->vacant) {
			req->vacant = false;
			return -EAGAIN;
		}
		if (req->flags & LMAP_NOREPLACE)
			return -EEXIST;
		if (fatal_signal_pending(current))
			return -EINTR;
		lmap_race_sleep(place_busy);
		target_revoke(req, piece, LMAP_REASON_OVERMAP);
	}
}

static void piece_undo(struct map_request *req, struct map_piece *piece)
{
	if (piece->linked && !lmap_piece_moves(req, piece))
		target_revoke(req, piece, LMAP_REASON_UNDO);
}

/**
 * lmap_pieces_undo - take back what this call has linked
 * @req: the request
 *
 * What was extended stays. What was moved stays, too: the others are as if
 * granted and revoked just after.
 *
 * Context: process; the caller's mmap_lock may be held for reading.
 */
void lmap_pieces_undo(struct map_request *req)
{
	struct map_piece *piece;

	list_for_each_entry(piece, &req->pieces, link)
		piece_undo(req, piece);
}

/**
 * lmap_pieces_leave - ordinary memory that has been granted leaves the caller
 * @req: a grant, after lmap_pieces_place()
 *
 * Context: process, no locks.
 * Return: 0; an error if nothing could go. Pieces that could not are taken
 * out of the request.
 */
int lmap_pieces_leave(struct map_request *req)
{
	struct map_piece *piece, *next;
	LIST_HEAD(failed);
	int err = 0, ret;

	list_for_each_entry_safe(piece, next, &req->pieces, link) {
		if (!piece->detach)
			continue;
		ret = lmap_leave(req->space, piece->region, piece->id,
				 piece->rfirst,
				 piece->rfirst + piece->npages - 1);
		if (!ret)
			continue;
		err = err ?: ret;
		piece_undo(req, piece);
		list_move_tail(&piece->link, &failed);
	}
	lmap_pieces_free(req, &failed);
	return list_empty(&req->pieces) ? err : 0;
}

static int piece_deeper(void *unused, const struct list_head *a,
			const struct list_head *b)
{
	return (int)list_entry(b, struct map_piece, link)->level -
	       (int)list_entry(a, struct map_piece, link)->level;
}

static int piece_behind(void *unused, const struct list_head *a,
			const struct list_head *b)
{
	return list_entry(a, struct map_piece, link)->wfirst >
	       list_entry(b, struct map_piece, link)->wfirst;
}

/*
 * Moving a part of a mapping cuts and reduces what derives from it. If that is
 * to be moved as well it goes first, as it was when it was looked at.
 */
static void pieces_sort(struct map_request *req)
{
	if (req->op == MAP_OP_GRANT && !list_is_singular(&req->pieces))
		list_sort(NULL, &req->pieces, piece_deeper);
}

/* What has been moved is not looked at again, but is told in the result. */
static void pieces_keep(struct map_request *req, struct map_piece *until)
{
	struct map_piece *piece, *next;

	list_for_each_entry_safe(piece, next, &req->pieces, link) {
		if (piece == until)
			break;
		if (lmap_piece_moves(req, piece))
			list_move_tail(&piece->link, &req->moved);
	}
}

/**
 * lmap_pieces_all - have all that was placed in order of address again
 * @req: after the last lmap_pieces_place()
 */
void lmap_pieces_all(struct map_request *req)
{
	list_splice_init(&req->moved, &req->pieces);
	if (req->op == MAP_OP_GRANT && !list_is_singular(&req->pieces))
		list_sort(NULL, &req->pieces, piece_behind);
}

/**
 * lmap_pieces_place - check the target, clear it, make the mappings
 * @req: after lmap_pieces_prepare()
 *
 * Context: the caller's mmap_lock is held for reading.
 * Return: 0; -EAGAIN if a source has been cut meanwhile, or a vacant target
 * filled: look again.
 */
int lmap_pieces_place(struct map_request *req)
{
	struct map_piece *piece;
	int ret = 0;

	list_for_each_entry(piece, &req->pieces, link) {
		ret = piece_check(req, piece);
		if (ret)
			return ret;
	}
	lmap_race_sleep(place_checked);
	pieces_sort(req);
	list_for_each_entry(piece, &req->pieces, link) {
		ret = piece_place(req, piece);
		/* It was revoked: as if that had come after its grant. */
		if (ret == -ESTALE && lmap_piece_moves(req, piece))
			ret = 0;
		if (ret)
			break;
	}
	lmap_race_sleep(place_linked);
	/*
	 * Partner: lmap_window_kill(), which marks and then revokes, each with
	 * index->lock, as we linked. What was there when it revoked is gone; if
	 * ours came after that, the mark is seen here.
	 */
	if (READ_ONCE(req->window->dead))
		ret = -ENXIO;
	if (ret == -EAGAIN)
		pieces_keep(req, piece);
	if (ret)
		lmap_pieces_undo(req);
	return ret;
}
