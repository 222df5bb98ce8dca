// SPDX-License-Identifier: GPL-2.0
/*
 * lmap - the source of map, grant and copy: cut it into pieces of equal
 * protection and have a region and all memory for each.
 *
 * Nothing may be changed here that anybody could see. On success the caller's
 * mmap_lock is left held for reading, so that what was seen in its VMAs stays
 * true until the pieces are placed.
 */
#include "map.h"
#include "race.h"

#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

/* Pieces. Those that are local need no memory, and with a reserve must not. */

static struct map_piece *piece_alloc(struct map_request *req)
{
	unsigned int i = ffz(req->used);

	if (i >= MAP_PIECES_LOCAL)
		return kzalloc(sizeof(struct map_piece), GFP_KERNEL_ACCOUNT);
	req->used |= BIT(i);
	/* The rest piece_add() sets, or whoever sets @source. */
	memset_after(&req->local[i], 0, source_id);
	return &req->local[i];
}

static void piece_forget(struct map_request *req, struct map_piece *piece)
{
	if (piece >= req->local && piece < req->local + MAP_PIECES_LOCAL)
		req->used &= ~BIT(piece - req->local);
	else
		kfree(piece);
}

/* One that has not been linked. */
static void piece_free_node(struct map_request *req, struct map_piece *piece)
{
	struct lmap_node *node = piece->node;

	piece->node = NULL;
	if (lmap_piece_moves(req, piece)) {
		lmap_node_free(node);
		return;
	}
	kvfree(node->origin->refs.table);
	node->origin->refs.table = NULL;
	node->origin->refs.tracked = false;
	lmap_mapping_uncharge_locked(node);
	if (piece->reserved)
		lmap_reserve_mapping_back(req->space, node);
	else
		lmap_mapping_free(node);
}

static void piece_free(struct map_request *req, struct map_piece *piece)
{
	bool unused = piece->region && piece->detach && !piece->linked;

	if (piece->node && !piece->linked)
		piece_free_node(req, piece);
	if (unused) {
		/* Its pages are accounted: give them back at once. */
		lmap_revoke_lock(piece->region);
		lmap_region_trim(piece->region, piece->rfirst,
				 piece->rfirst + piece->npages - 1);
		mutex_unlock(&piece->region->revoke);
	}
	if (piece->region)
		lmap_region_put(piece->region);
	piece_forget(req, piece);
}

/* Also what pieces hold; nodes that are linked stay. */
void lmap_pieces_free(struct map_request *req, struct list_head *pieces)
{
	struct map_piece *piece, *next;

	list_for_each_entry_safe(piece, next, pieces, link)
		piece_free(req, piece);
	INIT_LIST_HEAD(pieces);
}

/* A reason is reported only if nothing is left: the best one wins. */
static void map_deny(struct map_request *req, int reason)
{
	if (req->denied == -EFAULT ||
	    (req->denied != -EMLINK && reason != -ESTALE))
		req->denied = reason;
}

/**
 * lmap_piece_node - have the memory for what a piece becomes
 * @req: the request
 * @piece: one of its pieces
 *
 * Only when it is known that it is needed: a call which finds that all is there
 * already allocates nothing.
 *
 * Context: process; the caller's mmap_lock may be held for reading.
 * Return: 0 or -ENOMEM.
 */
int lmap_piece_node(struct map_request *req, struct map_piece *piece)
{
	int ret;

	if (piece->node)
		return 0;
	if (lmap_piece_moves(req, piece)) {
		piece->node = lmap_node_alloc(req->space, GFP_KERNEL_ACCOUNT);
		return piece->node ? 0 : -ENOMEM;
	}
	ret = lmap_mapping_alloc(req->space->user, &piece->node);
	if (ret) {
		piece->node = lmap_reserve_mapping(req->space);
		if (!piece->node)
			return ret;
		piece->reserved = true;
	}
	piece->node->origin->budget = req->budget;
	return 0;
}

static struct map_piece *piece_add(struct map_request *req,
				   unsigned long spage, unsigned long npages,
				   unsigned int rights)
{
	struct map_piece *piece = piece_alloc(req);

	if (!piece)
		return ERR_PTR(-ENOMEM);
	piece->wfirst = req->wfirst + (spage - req->sfirst);
	piece->npages = npages;
	piece->rights = rights;
	list_add_tail(&piece->link, &req->pieces);
	return piece;
}

/* Can pages of it become a region of their own? */
static bool memory_detaches(struct vm_area_struct *vma)
{
	return vma_is_anonymous(vma) && !(vma->vm_flags & VM_SHARED);
}

static unsigned int memory_rights(struct map_request *req,
				  struct vm_area_struct *vma)
{
	unsigned int rights = LMAP_M;

	rights |= vma->vm_flags & VM_READ ? LMAP_R : 0;
	rights |= vma->vm_flags & VM_WRITE ? LMAP_W : 0;
	rights |= vma->vm_flags & VM_EXEC ? LMAP_X : 0;
	return rights & req->rights;
}

static int collect_memory(struct map_request *req, struct vm_area_struct *vma,
			  unsigned long first, unsigned long last)
{
	unsigned int rights = memory_rights(req, vma);
	bool shared = vma->vm_flags & VM_SHARED;

	if (vma->vm_flags & (VM_PFNMAP | VM_IO))
		return 0;
	if (req->op != MAP_OP_MAP && !memory_detaches(vma))
		return -EOPNOTSUPP;
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
		if (IS_ERR(piece))
			return PTR_ERR(piece);
		piece->shared = shared;
		piece->detach = req->op != MAP_OP_MAP;
		piece->rfirst = first;
	}
	return 0;
}

/*
 * Is the whole target one mapping of just this memory? Returns its number, and
 * what it can do. Or is nothing there?
 */
static u64 target_shows(struct map_request *req, unsigned int *rights,
			bool *shared)
{
	unsigned long wlast = req->wfirst + (req->npages - 1);
	struct lmap_index *index = &req->window->index;
	struct lmap_region *region;
	struct lmap_node *node;
	u64 id = 0;

	spin_lock(&index->lock);
	node = lmap_index_first(index, req->wfirst, wlast);
	req->vacant = !node;
	if (!node || req->window->dead || READ_ONCE(node->parent) ||
	    node->wfirst > req->wfirst || lmap_node_wlast(node) < wlast ||
	    node->rfirst - node->wfirst != req->sfirst - req->wfirst)
		goto out;
	/* It stays as long as there is a node of it in an index. */
	region = lmap_mdb_region(node->mdb);
	if (region->space != req->space || region->detached)
		goto out;
	*shared = region->shared;
	*rights = node->rights;
	id = node->origin->id;
out:
	spin_unlock(&index->lock);
	return id;
}

/* What the memory of the request allows, if that is the same for all of it. */
static unsigned int source_allows(struct map_request *req, bool shared)
{
	unsigned long addr = req->sfirst << PAGE_SHIFT;
	struct mm_struct *mm = req->space->mm;
	struct vm_area_struct *vma;
	unsigned int rights = 0;

	if (req->sfirst > (TASK_SIZE - 1) >> PAGE_SHIFT ||
	    mmap_read_lock_killable(mm))
		return 0;
	vma = vma_lookup(mm, addr);
	if (vma && !(vma->vm_flags & (VM_PFNMAP | VM_IO)) &&
	    !(vma->vm_flags & VM_SHARED) == !shared &&
	    (vma->vm_end - addr) >> PAGE_SHIFT >= req->npages)
		rights = memory_rights(req, vma);
	mmap_read_unlock(mm);
	return rights;
}

/**
 * lmap_map_there - has what is asked for been mapped before, in one piece?
 * @req: decoded
 * @rights: result: what the call gives
 *
 * The short way for who maps again instead of remembering. It is as if the call
 * had come when the target was looked at: whoever takes the mapping away, or the
 * memory, comes after it. Whatever is less simple is for lmap_pieces_prepare()
 * and piece_extend().
 *
 * Context: process, no locks.
 * Return: the number of the mapping, or 0.
 */
u64 lmap_map_there(struct map_request *req, unsigned int *rights)
{
	unsigned int have;
	bool shared;
	u64 id;

	if (req->op != MAP_OP_MAP ||
	    req->flags & (LMAP_POPULATE | LMAP_PIN | LMAP_TRACK))
		return 0;
	id = target_shows(req, &have, &shared);
	if (!id)
		return 0;
	*rights = source_allows(req, shared);
	return *rights & LMAP_R && !(*rights & ~have) ? id : 0;
}

/* What the first mapping of a range of a window of ours looks like. */
struct parent_view {
	u64 id;
	unsigned long wfirst;
	unsigned long wlast;
	unsigned long rfirst;
	unsigned int rights;
	unsigned int depth;
	unsigned int level;
};

/*
 * What is seen under index->lock alone may be outdated at once: it is compared
 * again, under mdb->lock, when a mapping is derived. The node keeps its region.
 */
static struct lmap_region *parent_look(struct lmap_window *source,
				       unsigned long wfirst,
				       unsigned long wlast,
				       struct parent_view *view)
{
	struct lmap_region *region = NULL;
	struct lmap_node *node;

	spin_lock(&source->index.lock);
	node = lmap_index_first(&source->index, wfirst, wlast);
	if (node) {
		region = lmap_mdb_region(node->mdb);
		refcount_inc(&region->ref);
		view->id = node->origin->id;
		view->wfirst = node->wfirst;
		view->wlast = lmap_node_wlast(node);
		view->rfirst = node->rfirst;
		view->rights = node->rights;
		view->depth = node->depth;
		view->level = node->level;
	}
	spin_unlock(&source->index.lock);
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
		pos = last + 1;
		if (!(view.rights & LMAP_M) || !(rights & LMAP_R) ||
		    !view.depth) {
			/* One that is dying is as good as a hole. */
			map_deny(req, !view.rights ? -ESTALE :
				 view.rights & LMAP_M && rights & LMAP_R ?
				 -EMLINK : -EACCES);
			lmap_region_put(region);
			continue;
		}
		piece = piece_add(req, spage + (first - wfirst),
				  last - first + 1, rights);
		if (IS_ERR(piece)) {
			lmap_region_put(region);
			return PTR_ERR(piece);
		}
		piece->region = region;
		piece->source = source;
		piece->sfirst = first;
		piece->source_id = view.id;
		piece->level = view.level;
		piece->rfirst = view.rfirst + (first - view.wfirst);
	}
	return 0;
}

/* The next one, if the range goes on behind @vma. */
static struct vm_area_struct *vma_behind(struct mm_struct *mm,
					 struct vm_area_struct *vma,
					 unsigned long last)
{
	if (vma->vm_end >> PAGE_SHIFT > last)
		return NULL;
	return find_vma(mm, vma->vm_end);
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
	/* What is there is looked for in a shorter way than what comes next. */
	vma = vma_lookup(req->space->mm, req->sfirst << PAGE_SHIFT);
	if (!vma)
		vma = find_vma(req->space->mm, req->sfirst << PAGE_SHIFT);
	for (; vma && vma->vm_start >> PAGE_SHIFT <= limit && !ret;
	     vma = vma_behind(req->space->mm, vma, limit)) {
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
	req->vacant = req->vacant && list_is_singular(&req->pieces);
	req->wlo = list_first_entry(&req->pieces, struct map_piece,
				    link)->wfirst;
	req->whi = list_last_entry(&req->pieces, struct map_piece,
				   link)->wfirst +
		   list_last_entry(&req->pieces, struct map_piece,
				   link)->npages - 1;
	return 0;
}

/* The region that was made for just these pages in the round before. */
static struct lmap_region *find_detached(struct list_head *before,
					 struct map_piece *piece)
{
	struct map_piece *old;

	list_for_each_entry(old, before, link) {
		struct lmap_region *region = old->region;

		if (!old->detach || !region || old->rfirst != piece->rfirst ||
		    old->npages != piece->npages)
			continue;
		old->region = NULL;
		return region;
	}
	return NULL;
}

/*
 * A page can be in several regions. The one of what is at the target comes
 * first: it may be the very same memory, and then nothing is to be replaced.
 */
static struct lmap_region *find_region(struct map_request *req,
				       struct map_piece *piece)
{
	unsigned long rlast = piece->rfirst + piece->npages - 1;
	struct lmap_region *region = NULL;

	if (!req->vacant)
		region = lmap_index_region(&req->window->index, piece->wfirst,
					   piece->wfirst + piece->npages - 1);
	if (region && region->space == req->space &&
	    region->shared == piece->shared &&
	    region->first <= piece->rfirst && region->last >= rlast)
		return region;
	if (region)
		lmap_region_put(region);
	return lmap_region_find(req->space, piece->rfirst, rlast,
				piece->shared);
}

/* Finds regions for ordinary memory; false if some are still to be made. */
static bool pieces_find_regions(struct map_request *req,
				struct list_head *before)
{
	struct map_piece *piece;
	bool all = true;

	list_for_each_entry(piece, &req->pieces, link) {
		if (piece->region)
			continue;
		if (piece->detach)
			piece->region = find_detached(before, piece);
		else
			piece->region = find_region(req, piece);
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
		unsigned long rlast = piece->rfirst + piece->npages - 1;
		struct lmap_region *region;

		if (piece->region)
			continue;
		if (piece->detach)
			region = lmap_region_detach(req->space, piece->rfirst,
						    rlast);
		else
			region = lmap_region_create(req->space, piece->rfirst,
						    rlast, piece->shared);
		if (IS_ERR(region))
			return PTR_ERR(region);
		piece->region = region;
	}
	return 0;
}

/* Who is above the new mapping and has no bits of each page? */
static struct lmap_origin *untracked_above(struct map_piece *piece)
{
	struct lmap_node *node;

	lockdep_assert_held(&piece->region->mdb.lock);
	node = lmap_index_first_of(&piece->source->index, &piece->region->mdb,
				   piece->sfirst, piece->sfirst);
	while (node && READ_ONCE(node->origin->refs.table))
		node = node->parent;
	return node ? node->origin : NULL;
}

/* They can all ask, too. */
static int track_above(struct map_piece *piece)
{
	struct lmap_mdb *mdb = &piece->region->mdb;
	unsigned long rfirst = 0, rlast = 0;
	struct lmap_refs_table *table;
	struct lmap_origin *origin;

	while (piece->source) {
		mutex_lock(&mdb->lock);
		origin = untracked_above(piece);
		if (origin) {
			rfirst = origin->rfirst;
			rlast = origin->rlast;
		}
		mutex_unlock(&mdb->lock);
		if (!origin)
			break;
		table = lmap_refs_table_alloc(rfirst, rlast);
		if (!table)
			return -ENOMEM;
		mutex_lock(&mdb->lock);
		origin = untracked_above(piece);
		/* Another one perhaps, if somebody was faster. */
		if (!origin || origin->rfirst != rfirst ||
		    origin->rlast != rlast ||
		    !lmap_refs_table_publish(&origin->refs, table))
			kvfree(table);
		mutex_unlock(&mdb->lock);
	}
	return 0;
}

/* LMAP_TRACK: bits of each page, also for all above. */
static int pieces_track(struct map_request *req)
{
	struct lmap_refs_table *table;
	struct map_piece *piece;
	int ret;

	if (!(req->flags & LMAP_TRACK))
		return 0;
	list_for_each_entry(piece, &req->pieces, link) {
		ret = lmap_region_track(piece->region);
		if (!ret)
			ret = lmap_piece_node(req, piece);
		if (ret)
			return ret;
		table = lmap_refs_table_alloc(piece->rfirst, piece->rfirst +
					      piece->npages - 1);
		if (!table)
			return -ENOMEM;
		piece->node->origin->refs.table = table;
		piece->node->origin->refs.tracked = true;
		ret = track_above(piece);
		if (ret)
			return ret;
	}
	return 0;
}

/**
 * lmap_pieces_prepare - look at the source
 * @req: decoded; its pieces are the result
 *
 * Leaves with the mmap_lock held and every piece with its region. A notifier
 * can't be registered under the lock, so regions are made without it, and then
 * everything is looked at anew; the first pieces hold the new regions until
 * the second ones have found them.
 *
 * Context: process, no locks.
 * Return: 0, or an error without the lock.
 */
int lmap_pieces_prepare(struct map_request *req)
{
	struct mm_struct *mm = req->space->mm;
	struct map_piece *piece;
	unsigned int round;
	LIST_HEAD(before);
	int ret;

	/* Two rounds are normal, more if the VMAs change meanwhile. */
	for (round = 0;; round++) {
		if (mmap_read_lock_killable(mm)) {
			ret = -EINTR;
			break;
		}
		ret = pieces_collect(req);
		lmap_race_sleep(collect_done);
		if (!ret && pieces_find_regions(req, &before)) {
			ret = pieces_track(req);
			if (!ret)
				break;
		}
		mmap_read_unlock(mm);
		lmap_race_sleep(collect_unlocked);
		if (!ret)
			ret = pieces_make_regions(req);
		if (!ret && (round ? signal_pending(current) :
				     fatal_signal_pending(current)))
			ret = -EINTR;
		lmap_pieces_free(req, &before);
		list_splice_init(&req->pieces, &before);
		if (ret)
			break;
		list_for_each_entry(piece, &before, link)
			if (piece->node)
				piece_free_node(req, piece);
	}
	if (!list_empty(&before))
		lmap_pieces_free(req, &before);
	return ret;
}
