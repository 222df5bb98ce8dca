// SPDX-License-Identifier: GPL-2.0
/*
 * lmap - the operation map: decode, cut the source into pieces, check
 * everything, clear the target, link.
 *
 * Nothing may be changed before all checks are done and all memory is there.
 * What the lender's mmap_lock (held for reading from the last look at its VMAs
 * until the nodes are linked) does not keep still, is checked again under
 * mdb->lock when a node is linked: the parent may be revoked at any time.
 */
#include "lmap.h"

#include <linux/file.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

/**
 * struct map_request - what is asked, decoded
 * @space: of the caller
 * @window: target
 * @flags: LMAP_POPULATE and so on
 * @sfirst: first source page (address >> PAGE_SHIFT)
 * @wfirst: first window page
 * @npages: length
 * @rights: asked, r implied, within what the window allows
 * @depth: further levels asked for
 * @order: of the flexpage, for the result
 * @pieces: struct map_piece, in order of address
 * @denied: the best reason why something was left out
 * @wlo: window pages of all pieces, from here
 * @whi: ... to here
 */
struct map_request {
	struct lmap_space *space;
	struct lmap_window *window;
	unsigned int flags;
	unsigned long sfirst;
	unsigned long wfirst;
	unsigned long npages;
	unsigned int rights;
	unsigned int depth;
	unsigned int order;
	struct list_head pieces;
	int denied;
	unsigned long wlo;
	unsigned long whi;
};

/**
 * struct map_piece - a part of the source with equal rights
 * @link: in request->pieces
 * @region: the root, referenced; NULL: ordinary memory, still to be found
 * @shared: of ordinary memory
 * @source: window that holds the parent (its file is referenced), or NULL
 * @sfirst: with @source: first page there
 * @parent_id: with @source: number of the parent mapping
 * @rfirst: first region page
 * @wfirst: first target page
 * @npages: length
 * @rights: what the mapping will have
 * @extend: the very same mapping is there already
 * @linked: has been linked; then @node belongs to the tree
 * @node: allocated ahead, not needed with @extend
 * @id: number of the mapping, for the result
 */
struct map_piece {
	struct list_head link;
	struct lmap_region *region;
	bool shared;
	struct lmap_window *source;
	unsigned long sfirst;
	u64 parent_id;
	unsigned long rfirst;
	unsigned long wfirst;
	unsigned long npages;
	unsigned int rights;
	bool extend;
	bool linked;
	struct lmap_node *node;
	u64 id;
};

/* Decoding. */

static int decode_range(const struct lmap_map *arg, struct map_request *req)
{
	u64 end;

	if (arg->rights & ~LMAP_RIGHTS_ALL)
		return -EOPNOTSUPP;
	if (arg->send_base || !arg->length ||
	    (arg->snd | arg->rcv | arg->length) & ~PAGE_MASK)
		return -EINVAL;
	if (check_add_overflow(arg->snd, arg->length - 1, &end) ||
	    check_add_overflow(arg->rcv, arg->length - 1, &end))
		return -EOVERFLOW;
	req->sfirst = arg->snd >> PAGE_SHIFT;
	req->wfirst = arg->rcv >> PAGE_SHIFT;
	req->npages = arg->length >> PAGE_SHIFT;
	req->rights = arg->rights;
	return 0;
}

static int decode_fpages(const struct lmap_map *arg, struct map_request *req)
{
	unsigned long size = req->window->npages;
	struct lmap_flexpage snd, rcv;
	bool whole;

	if (arg->length || arg->rights)
		return -EINVAL;
	if (lmap_flexpage_decode(arg->snd, PAGE_SHIFT, &snd) ||
	    lmap_flexpage_decode(arg->rcv, PAGE_SHIFT, &rcv))
		return -EINVAL;
	/* The whole window: the smallest flexpage that contains it. */
	whole = rcv.order == LMAP_ORDER_MAX;
	if (whole)
		rcv.order = PAGE_SHIFT + order_base_2(size);
	lmap_flexpage_fit(&snd, &rcv, arg->send_base);
	req->sfirst = snd.base >> PAGE_SHIFT;
	req->wfirst = rcv.base >> PAGE_SHIFT;
	req->npages = 1UL << (rcv.order - PAGE_SHIFT);
	req->rights = snd.rights;
	req->order = rcv.order;
	if (whole && req->wfirst < size)
		req->npages = min(req->npages, size - req->wfirst);
	return 0;
}

static int map_decode(const struct lmap_map *arg, struct map_request *req)
{
	int ret;

	if (arg->flags & ~(LMAP_POPULATE | LMAP_NOREPLACE | LMAP_LIMIT_DEPTH |
			   LMAP_RANGE) || arg->reserved)
		return -EOPNOTSUPP;
	if (!(arg->flags & LMAP_LIMIT_DEPTH) && arg->depth)
		return -EINVAL;
	ret = arg->flags & LMAP_RANGE ? decode_range(arg, req) :
					decode_fpages(arg, req);
	if (ret)
		return ret;
	if (req->wfirst >= req->window->npages ||
	    req->npages > req->window->npages - req->wfirst)
		return -ENOSPC;
	req->flags = arg->flags;
	req->depth = arg->flags & LMAP_LIMIT_DEPTH ?
		     min(arg->depth, LMAP_DEPTH_MAX - 1U) : LMAP_DEPTH_MAX - 1;
	req->rights = lmap_rights_imply(req->rights) & req->window->rights;
	if (!(req->rights & LMAP_R))
		return -EACCES;
	return 0;
}

/* Pieces. */

static void piece_free(struct map_piece *piece)
{
	if (piece->node && !piece->linked)
		lmap_node_free(piece->node);
	if (piece->region)
		lmap_region_put(piece->region);
	if (piece->source)
		fput(piece->source->file);
	kfree(piece);
}

static void pieces_free(struct list_head *pieces)
{
	struct map_piece *piece, *next;

	list_for_each_entry_safe(piece, next, pieces, link)
		piece_free(piece);
	INIT_LIST_HEAD(pieces);
}

/* A reason is reported only if nothing is left: the best one wins. */
static void map_deny(struct map_request *req, int reason)
{
	if (req->denied != -EMLINK)
		req->denied = reason;
}

static struct map_piece *piece_add(struct map_request *req,
				   unsigned long spage, unsigned long npages,
				   unsigned int rights)
{
	struct map_piece *piece = kzalloc(sizeof(*piece), GFP_KERNEL_ACCOUNT);

	if (!piece)
		return NULL;
	piece->node = lmap_node_alloc(GFP_KERNEL_ACCOUNT);
	if (!piece->node) {
		kfree(piece);
		return NULL;
	}
	piece->wfirst = req->wfirst + (spage - req->sfirst);
	piece->npages = npages;
	piece->rights = rights;
	list_add_tail(&piece->link, &req->pieces);
	return piece;
}

static int collect_memory(struct map_request *req, struct vm_area_struct *vma,
			  unsigned long first, unsigned long last)
{
	unsigned int rights = LMAP_M;
	bool shared = vma->vm_flags & VM_SHARED;

	if (vma->vm_flags & (VM_PFNMAP | VM_IO))
		return 0;
	rights |= vma->vm_flags & VM_READ ? LMAP_R : 0;
	rights |= vma->vm_flags & VM_WRITE ? LMAP_W : 0;
	rights |= vma->vm_flags & VM_EXEC ? LMAP_X : 0;
	rights &= req->rights;
	if (!(rights & LMAP_R)) {
		map_deny(req, -EACCES);
		return 0;
	}
	if (rights & LMAP_W && lmap_vma_dirty_tracked(vma))
		return -EOPNOTSUPP;

	for (; first <= last; first += LMAP_NODE_PAGES_MAX) {
		unsigned long npages = min(last - first + 1,
					   (unsigned long)LMAP_NODE_PAGES_MAX);
		struct map_piece *prev = NULL, *piece;

		/* VMAs that touch and differ in nothing of ours are one. */
		if (!list_empty(&req->pieces))
			prev = list_last_entry(&req->pieces, struct map_piece,
					       link);
		if (prev && !prev->source && prev->shared == shared &&
		    prev->rights == rights &&
		    prev->rfirst + prev->npages == first &&
		    prev->npages + npages <= LMAP_NODE_PAGES_MAX) {
			prev->npages += npages;
			continue;
		}
		piece = piece_add(req, first, npages, rights);
		if (!piece)
			return -ENOMEM;
		piece->shared = shared;
		piece->rfirst = first;
	}
	return 0;
}

/* What the first mapping of a range of a window of ours looks like. */
struct parent_view {
	u64 id;
	unsigned long wfirst;
	unsigned long wlast;
	unsigned long rfirst;
	unsigned int rights;
	unsigned int depth;
};

static struct lmap_region *parent_look(struct lmap_window *source,
				       unsigned long wfirst,
				       unsigned long wlast,
				       struct parent_view *view)
{
	struct lmap_region *region;
	struct lmap_node *node;

	region = lmap_index_region(&source->index, wfirst, wlast);
	if (!region)
		return NULL;
	mutex_lock(&region->mdb.lock);
	spin_lock(&source->index.lock);
	node = lmap_index_first(&source->index, wfirst, wlast);
	if (node && node->mdb == &region->mdb) {
		view->id = node->id;
		view->wfirst = node->wfirst;
		view->wlast = lmap_node_wlast(node);
		view->rfirst = node->rfirst;
		view->rights = node->rights;
		view->depth = node->depth;
	} else {
		/* Changed between the two looks: nothing is known. */
		view->wfirst = wfirst;
		view->wlast = wfirst - 1;
	}
	spin_unlock(&source->index.lock);
	mutex_unlock(&region->mdb.lock);
	return region;
}

/* From a window of ours: one piece for each mapping in it. */
static int collect_window(struct map_request *req, struct lmap_window *source,
			  unsigned long spage, unsigned long wfirst,
			  unsigned long wlast)
{
	unsigned long pos = wfirst;

	while (pos <= wlast) {
		struct lmap_region *region;
		struct parent_view view;
		struct map_piece *piece;
		unsigned long first, last;
		unsigned int rights;

		region = parent_look(source, pos, wlast, &view);
		if (!region)
			break;
		first = max(pos, view.wfirst);
		last = min(wlast, view.wlast);
		rights = view.rights & req->rights;
		if (view.wlast < view.wfirst) {
			lmap_region_put(region);
			cond_resched();
			continue;
		}
		pos = last + 1;
		if (!(view.rights & LMAP_M) || !(rights & LMAP_R) ||
		    !view.depth) {
			/* One that is dying is a hole. */
			if (view.rights)
				map_deny(req, view.rights & LMAP_M &&
					 rights & LMAP_R ? -EMLINK : -EACCES);
			lmap_region_put(region);
			continue;
		}
		piece = piece_add(req, spage + (first - wfirst),
				  last - first + 1, rights);
		if (!piece) {
			lmap_region_put(region);
			return -ENOMEM;
		}
		piece->region = region;
		piece->source = source;
		get_file(source->file);
		piece->sfirst = first;
		piece->parent_id = view.id;
		piece->rfirst = view.rfirst + (first - view.wfirst);
	}
	return 0;
}

/* The caller holds its mmap_lock. */
static int pieces_collect(struct map_request *req)
{
	unsigned long last = req->sfirst + (req->npages - 1);
	unsigned long limit = min(last, (TASK_SIZE - 1) >> PAGE_SHIFT);
	struct vm_area_struct *vma;
	int ret = 0;

	req->denied = -EFAULT;
	if (req->sfirst > limit)
		return -EFAULT;
	for (vma = find_vma(req->space->mm, req->sfirst << PAGE_SHIFT);
	     vma && vma->vm_start >> PAGE_SHIFT <= limit && !ret;
	     vma = find_vma(req->space->mm, vma->vm_end)) {
		struct lmap_window *source = lmap_vma_window(vma);
		unsigned long from = max(req->sfirst,
					 vma->vm_start >> PAGE_SHIFT);
		unsigned long to = min(limit, (vma->vm_end - 1) >> PAGE_SHIFT);
		unsigned long off = vma->vm_pgoff + from -
				    (vma->vm_start >> PAGE_SHIFT);

		if (!source)
			ret = collect_memory(req, vma, from, to);
		else if (source->space != req->space)
			ret = -EPERM;
		else
			ret = collect_window(req, source, from, off,
					     off + (to - from));
	}
	if (!ret && list_empty(&req->pieces))
		ret = req->denied;
	if (ret)
		return ret;
	req->wlo = list_first_entry(&req->pieces, struct map_piece,
				    link)->wfirst;
	req->whi = list_last_entry(&req->pieces, struct map_piece,
				   link)->wfirst +
		   list_last_entry(&req->pieces, struct map_piece,
				   link)->npages - 1;
	return 0;
}

/* Finds regions for ordinary memory; false if some are still to be made. */
static bool pieces_find_regions(struct map_request *req)
{
	struct map_piece *piece;
	bool all = true;

	list_for_each_entry(piece, &req->pieces, link) {
		if (piece->region)
			continue;
		piece->region = lmap_region_find(req->space, piece->rfirst,
						 piece->rfirst + piece->npages
						 - 1, piece->shared);
		if (!piece->region)
			all = false;
	}
	return all;
}

/* Makes the regions that are missing. */
static int pieces_make_regions(struct map_request *req)
{
	struct map_piece *piece;

	list_for_each_entry(piece, &req->pieces, link) {
		struct lmap_region *region;

		if (piece->region)
			continue;
		region = lmap_region_create(req->space, piece->rfirst,
					    piece->rfirst + piece->npages - 1,
					    piece->shared);
		if (IS_ERR(region))
			return PTR_ERR(region);
		piece->region = region;
	}
	return 0;
}

/*
 * Leaves with the mmap_lock held and every piece with its region. A notifier
 * can't be registered under the lock, so regions are made without it, and then
 * everything is looked at anew; the first pieces hold the new regions until
 * the second ones have found them.
 */
static int pieces_prepare(struct map_request *req)
{
	struct mm_struct *mm = req->space->mm;
	LIST_HEAD(before);
	int ret;

	for (;;) {
		if (mmap_read_lock_killable(mm)) {
			ret = -EINTR;
			break;
		}
		ret = pieces_collect(req);
		if (!ret && pieces_find_regions(req))
			break;
		mmap_read_unlock(mm);
		if (!ret)
			ret = pieces_make_regions(req);
		if (!ret && signal_pending(current))
			ret = -EINTR;
		pieces_free(&before);
		list_splice_init(&req->pieces, &before);
		if (ret)
			break;
	}
	pieces_free(&before);
	return ret;
}

/* Checks of the target. */

/* Under mdb->lock: the parent, if it still is what it was. */
static int piece_parent(struct map_piece *piece, struct lmap_node **out)
{
	struct lmap_window *source = piece->source;
	unsigned long last = piece->sfirst + piece->npages - 1;
	struct lmap_node *node;
	int ret = 0;

	*out = NULL;
	if (!source)
		return 0;
	spin_lock(&source->index.lock);
	node = lmap_index_first(&source->index, piece->sfirst, piece->sfirst);
	if (!node || node->mdb != &piece->region->mdb ||
	    node->id != piece->parent_id || lmap_node_dying(node) ||
	    !(node->rights & LMAP_M))
		ret = -ESTALE;
	else if (lmap_node_wlast(node) < last ||
		 node->rfirst + (piece->sfirst - node->wfirst) !=
		 piece->rfirst)
		ret = -EAGAIN;
	spin_unlock(&source->index.lock);
	if (!ret)
		*out = node;
	return ret;
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

/* Under mdb->lock: is the very same memory at the very same place already? */
static struct lmap_node *piece_same(struct map_request *req,
				    struct map_piece *piece,
				    struct lmap_node *parent)
{
	unsigned long wlast = piece->wfirst + piece->npages - 1;
	struct lmap_index *index = &req->window->index;
	struct lmap_node *node;
	bool exact;

	spin_lock(&index->lock);
	node = lmap_index_first(index, piece->wfirst, wlast);
	spin_unlock(&index->lock);
	/* In this tree nodes stay while its lock is held. */
	if (!node || node->mdb != &piece->region->mdb ||
	    node->parent != parent || lmap_node_dying(node) ||
	    node->wfirst > piece->wfirst || lmap_node_wlast(node) < wlast ||
	    node->rfirst + (piece->wfirst - node->wfirst) != piece->rfirst)
		return NULL;
	exact = node->wfirst == piece->wfirst && node->npages == piece->npages;
	return exact || !(piece->rights & ~node->rights) ? node : NULL;
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

static int piece_check(struct map_request *req, struct map_piece *piece)
{
	struct lmap_node *parent;
	int ret;

	mutex_lock(&piece->region->mdb.lock);
	ret = piece_parent(piece, &parent);
	if (!ret && targets_ancestor(req, parent))
		ret = -ELOOP;
	if (!ret)
		piece->extend = piece_same(req, piece, parent);
	mutex_unlock(&piece->region->mdb.lock);
	if (!ret && req->flags & LMAP_NOREPLACE && !piece->extend &&
	    target_busy(req, piece))
		ret = -EEXIST;
	return ret;
}

/* Linking. */

static int piece_link(struct map_request *req, struct map_piece *piece)
{
	struct lmap_region *region = piece->region;
	struct lmap_mdb *mdb = &region->mdb;
	struct lmap_node *parent, *node;
	bool first;
	int ret;

	lockdep_assert_held(&mdb->lock);
	ret = piece_parent(piece, &parent);
	if (ret)
		return ret;
	/* Rights may have gone since they were looked at, never r or m. */
	if (parent)
		piece->rights &= parent->rights;
	if (piece->extend) {
		node = piece_same(req, piece, parent);
		if (!node)
			return -EAGAIN;
		lmap_mdb_extend(node, piece->rights);
		piece->id = node->id;
		return 0;
	}
	node = piece->node;
	node->id = lmap_node_new_id();
	node->wfirst = piece->wfirst;
	node->rfirst = piece->rfirst;
	node->npages = piece->npages;
	node->rights = piece->rights;
	node->depth = min(req->depth, parent ? parent->depth - 1U :
			  LMAP_DEPTH_MAX - 1U);
	first = !mdb->nr;
	ret = lmap_mdb_insert(mdb, parent, &req->window->index, node);
	if (ret)
		return ret;
	/* Having mappings at all is one reference; ours is another. */
	if (first)
		refcount_inc(&region->ref);
	piece->linked = true;
	piece->id = node->id;
	return 0;
}

/* Clears the target and links, as often as others come in between. */
static int piece_place(struct map_request *req, struct map_piece *piece)
{
	struct lmap_take take = { .rights = LMAP_RIGHTS_ALL, .self = true };
	int ret;

	for (;;) {
		mutex_lock(&piece->region->mdb.lock);
		ret = piece_link(req, piece);
		mutex_unlock(&piece->region->mdb.lock);
		if (ret != -EBUSY)
			return ret;
		if (req->flags & LMAP_NOREPLACE)
			return -EEXIST;
		if (fatal_signal_pending(current))
			return -EINTR;
		lmap_revoke_window(req->window, piece->wfirst,
				   piece->wfirst + piece->npages - 1, &take);
	}
}

/* Takes back what this call has linked; what was extended stays. */
static void pieces_undo(struct map_request *req)
{
	struct lmap_take take = { .rights = LMAP_RIGHTS_ALL, .self = true };
	struct map_piece *piece;

	list_for_each_entry(piece, &req->pieces, link)
		if (piece->linked)
			lmap_revoke_window(req->window, piece->wfirst,
					   piece->wfirst + piece->npages - 1,
					   &take);
}

static int pieces_place(struct map_request *req)
{
	struct map_piece *piece;
	bool dead;
	int ret = 0;

	list_for_each_entry(piece, &req->pieces, link) {
		ret = piece_check(req, piece);
		if (ret)
			return ret;
	}
	list_for_each_entry(piece, &req->pieces, link) {
		ret = piece_place(req, piece);
		if (ret)
			break;
	}
	/* Partner: lmap_window_kill(), which marks and then revokes. */
	spin_lock(&req->window->index.lock);
	dead = req->window->dead;
	spin_unlock(&req->window->index.lock);
	if (dead)
		ret = -ENXIO;
	if (ret)
		pieces_undo(req);
	return ret;
}

static void map_populate(struct map_request *req)
{
	struct map_piece *piece;
	unsigned long page;

	list_for_each_entry(piece, &req->pieces, link) {
		unsigned long last = piece->rfirst + piece->npages - 1;

		for (page = piece->rfirst; page <= last; page++) {
			if (lmap_tile_get(piece->region, page))
				continue;
			if (lmap_tile_pin(piece->region, page, NULL) &&
			    signal_pending(current))
				return;
			cond_resched();
		}
		lmap_window_populate(req->window, piece->wfirst,
				     piece->wfirst + piece->npages - 1);
	}
}

static void map_result(struct map_request *req, struct lmap_map *arg)
{
	struct map_piece *piece;

	arg->out_bytes = 0;
	arg->out_mappings = 0;
	arg->out_rights = LMAP_RIGHTS_ALL;
	arg->out_node_id = list_first_entry(&req->pieces, struct map_piece,
					    link)->id;
	list_for_each_entry(piece, &req->pieces, link) {
		arg->out_bytes += (u64)piece->npages << PAGE_SHIFT;
		arg->out_mappings++;
		arg->out_rights &= piece->rights;
	}
	arg->out_fpage = 0;
	if (!(req->flags & LMAP_RANGE))
		arg->out_fpage = lmap_flexpage_encode((u64)req->wfirst <<
						      PAGE_SHIFT, req->order,
						      arg->out_rights);
}

static int map_run(struct map_request *req, struct lmap_map *arg)
{
	int ret;

	do {
		ret = pieces_prepare(req);
		if (ret)
			break;
		ret = pieces_place(req);
		mmap_read_unlock(req->space->mm);
		if (ret == -EAGAIN) {
			pieces_free(&req->pieces);
			cond_resched();
		}
	} while (ret == -EAGAIN && !signal_pending(current));
	if (ret == -EAGAIN)
		ret = -EINTR;
	if (!ret && req->flags & LMAP_POPULATE)
		map_populate(req);
	if (!ret)
		map_result(req, arg);
	pieces_free(&req->pieces);
	return ret;
}

/**
 * lmap_ioc_map - the ioctl LMAP_MAP
 * @space: of the caller
 * @arg: see the uapi header
 *
 * Context: process, no locks.
 */
long lmap_ioc_map(struct lmap_space *space, struct lmap_map *arg)
{
	struct map_request req = { .space = space };
	struct file *file;
	int ret;

	INIT_LIST_HEAD(&req.pieces);
	file = lmap_window_fget(arg->window);
	if (IS_ERR(file))
		return PTR_ERR(file);
	req.window = file->private_data;
	ret = map_decode(arg, &req);
	if (!ret && READ_ONCE(req.window->dead))
		ret = -ENXIO;
	if (!ret)
		ret = map_run(&req, arg);
	fput(file);
	return ret;
}
