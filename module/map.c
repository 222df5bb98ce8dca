// SPDX-License-Identifier: GPL-2.0
/*
 * lmap - the operations map, grant and copy: decode, run, report. The source is
 * looked at in collect.c, the target in place.c.
 *
 * Nothing may be changed before all checks are done and all memory is there.
 */
#include "map.h"
#include "pager.h"

#include <linux/file.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>

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
			   LMAP_LIMIT_BUDGET | LMAP_RANGE | LMAP_TRACK |
			   LMAP_PIN))
		return -EOPNOTSUPP;
	if (!(arg->flags & LMAP_LIMIT_DEPTH) && arg->depth)
		return -EINVAL;
	if (!(arg->flags & LMAP_LIMIT_BUDGET) == !!arg->budget)
		return -EINVAL;
	if (arg->flags & (LMAP_TRACK | LMAP_PIN) && req->op != MAP_OP_MAP)
		return -EOPNOTSUPP;
	/* It keeps the limits that it has. */
	if (req->op == MAP_OP_GRANT &&
	    arg->flags & (LMAP_LIMIT_DEPTH | LMAP_LIMIT_BUDGET))
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
	req->budget = min(arg->budget, LMAP_BUDGET_MAX);
	req->rights = lmap_rights_imply(req->rights) & req->window->rights;
	if (!(req->rights & LMAP_R))
		return -EACCES;
	return 0;
}

/* Brings in the tiles of a piece. What its lender has not got is left out. */
static int populate_tiles(struct map_request *req, struct map_piece *piece)
{
	bool lasting = lmap_piece_pins(req, piece);
	unsigned long last = piece->rfirst + piece->npages - 1;
	unsigned long page = piece->rfirst;
	int ret;

	for (;; page++) {
		page = lmap_tile_missing(piece->region, page, last, lasting);
		if (page > last)
			break;
		ret = lasting ? lmap_tile_keep(piece->region, page) :
				lmap_tile_pin(piece->region, page, NULL);
		if (ret == -ENOMEM || ret == -EOPNOTSUPP)
			return ret;
		if (ret && signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

/*
 * LMAP_POPULATE is best effort, LMAP_PIN is not: then the mappings are taken
 * back if a page can't be had.
 */
static int map_populate(struct map_request *req)
{
	struct map_piece *piece;
	int ret;

	if (!(req->flags & (LMAP_POPULATE | LMAP_PIN)))
		return 0;
	list_for_each_entry(piece, &req->pieces, link) {
		ret = populate_tiles(req, piece);
		if (ret && req->flags & LMAP_PIN) {
			lmap_pieces_undo(req);
			return ret;
		}
		if (ret)
			break;
		if (req->flags & LMAP_POPULATE)
			lmap_window_populate(req->window, piece->wfirst,
					     piece->wfirst + piece->npages - 1);
	}
	return 0;
}

static void map_result(struct map_request *req, struct lmap_map *arg, u64 id,
		       unsigned int rights)
{
	arg->out_node_id = id;
	arg->out_rights = rights;
	arg->out_fpage = 0;
	if (!(req->flags & LMAP_RANGE))
		arg->out_fpage = lmap_flexpage_encode((u64)req->wfirst <<
						      PAGE_SHIFT, req->order,
						      rights);
}

static void map_result_pieces(struct map_request *req, struct lmap_map *arg)
{
	unsigned int rights = LMAP_RIGHTS_ALL;
	struct map_piece *piece;

	arg->out_bytes = 0;
	arg->out_mappings = 0;
	list_for_each_entry(piece, &req->pieces, link) {
		arg->out_bytes += (u64)piece->npages << PAGE_SHIFT;
		arg->out_mappings++;
		rights &= piece->rights;
	}
	map_result(req, arg, list_first_entry(&req->pieces, struct map_piece,
					      link)->id, rights);
}

/* Whatever came of a call: who waits for memory there looks again. */
static void map_wake(struct map_request *req)
{
	lmap_pager_wake(req->window, req->wfirst,
			req->wfirst + req->npages - 1);
}

/* True, with the result, if nothing is to be done. */
static bool map_again(struct map_request *req, struct lmap_map *arg)
{
	unsigned int rights;
	u64 id = lmap_map_there(req, &rights);

	if (!id)
		return false;
	map_wake(req);
	arg->out_bytes = (u64)req->npages << PAGE_SHIFT;
	arg->out_mappings = 1;
	map_result(req, arg, id, rights);
	return true;
}

/* Everything up to the moment when the mappings are there. */
static int map_make(struct map_request *req)
{
	int ret;

	do {
		ret = lmap_pieces_prepare(req);
		/* What was left has gone meanwhile. */
		if (ret == req->denied && !list_empty(&req->moved))
			ret = 0;
		if (list_empty(&req->pieces))
			break;
		ret = lmap_pieces_place(req);
		mmap_read_unlock(req->space->mm);
		if (ret == -EAGAIN) {
			lmap_pieces_free(req, &req->pieces);
			cond_resched();
		}
	} while (ret == -EAGAIN && !signal_pending(current));
	if (ret == -EAGAIN)
		ret = -EINTR;
	lmap_pieces_all(req);
	if (!ret && req->op == MAP_OP_GRANT)
		ret = lmap_pieces_leave(req);
	return ret;
}

static int map_run(struct map_request *req, struct lmap_map *arg)
{
	int ret;

	INIT_LIST_HEAD(&req->pieces);
	INIT_LIST_HEAD(&req->moved);
	ret = map_make(req);
	if (!ret)
		ret = map_populate(req);
	if (!list_empty(&req->pieces))
		map_wake(req);
	if (!ret)
		map_result_pieces(req, arg);
	lmap_pieces_free(req, &req->pieces);
	return ret;
}

static long map_ioctl(struct lmap_space *space, struct lmap_map *arg,
		      enum map_op op)
{
	struct map_piece local[MAP_PIECES_LOCAL] lmap_uninitialized;
	struct map_request req = { .space = space, .op = op, .local = local };
	struct file *file;
	int ret;

	file = lmap_window_fget(arg->window);
	if (IS_ERR(file))
		return PTR_ERR(file);
	req.window = file->private_data;
	ret = map_decode(arg, &req);
	if (!ret && READ_ONCE(req.window->dead))
		ret = -ENXIO;
	if (!ret && !map_again(&req, arg))
		ret = map_run(&req, arg);
	fput(file);
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
	return map_ioctl(space, arg, MAP_OP_MAP);
}

/**
 * lmap_ioc_grant - the ioctl LMAP_GRANT
 * @space: of the caller
 * @arg: see the uapi header
 *
 * Context: process, no locks.
 */
long lmap_ioc_grant(struct lmap_space *space, struct lmap_map *arg)
{
	return map_ioctl(space, arg, MAP_OP_GRANT);
}

/**
 * lmap_ioc_copy - the ioctl LMAP_COPY
 * @space: of the caller
 * @arg: see the uapi header
 *
 * Context: process, no locks.
 */
long lmap_ioc_copy(struct lmap_space *space, struct lmap_map *arg)
{
	unsigned int flags = arg->flags;
	long ret;

	if (!(flags & LMAP_FLUSH))
		return map_ioctl(space, arg, MAP_OP_COPY);
	arg->flags &= ~LMAP_FLUSH;
	ret = map_ioctl(space, arg, MAP_OP_GRANT);
	arg->flags = flags;
	return ret;
}
