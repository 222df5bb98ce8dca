// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * liblmap: flexpages, map, grant, copy, unmap, status. Must never decide what the kernel decides.
 */
#include "internal.h"

#include <unistd.h>

LMAP_API lmap_fpage_t lmap_fpage_at(uint64_t offset, unsigned int order,
				    unsigned int rights)
{
	unsigned int smallest = __builtin_ctzl(sysconf(_SC_PAGESIZE));

	if (order < smallest || order >= 63 ||
	    offset & ((1ULL << order) - 1) || rights & ~LMAP_RIGHTS_ALL)
		return LMAP_NIL;
	return offset | (uint64_t)order << LMAP_FPAGE_ORDER_SHIFT | rights;
}

LMAP_API lmap_fpage_t lmap_fpage(const void *base, unsigned int order,
				 unsigned int rights)
{
	return lmap_fpage_at((uintptr_t)base, order, rights);
}

/* Map, grant or copy; @cmd says which. */
static int do_map(int space, unsigned long cmd, struct lmap_map *arg,
		  const struct lmap_map_opts *opts,
		  struct lmap_map_result *out)
{
	struct lmap_map_result result;
	struct lmap_map_opts o;
	int ret;

	ret = lmap_opts_in(&o, sizeof(o), opts);
	if (!ret)
		ret = lmap_result_check(out);
	if (ret)
		return ret;
	if (o.flags & LMAP_RANGE)
		return -EOPNOTSUPP;
	arg->size = sizeof(*arg);
	arg->flags |= o.flags;
	if (o.depth)
		arg->flags |= LMAP_LIMIT_DEPTH;
	if (o.budget)
		arg->flags |= LMAP_LIMIT_BUDGET;
	arg->send_base = o.send_base;
	arg->depth = o.depth;
	arg->budget = o.budget;
	ret = lmap_ioctl(space, cmd, arg);
	if (ret || !out)
		return ret;

	memset(&result, 0, sizeof(result));
	result.rights = arg->out_rights;
	result.fpage = arg->out_fpage;
	result.bytes = arg->out_bytes;
	result.node_id = arg->out_node_id;
	result.mappings = arg->out_mappings;
	lmap_result_out(out, &result, sizeof(result));
	return 0;
}

static int map_fpages(int space, unsigned long cmd, lmap_fpage_t snd,
		      int window, lmap_fpage_t rcv,
		      const struct lmap_map_opts *opts,
		      struct lmap_map_result *out)
{
	struct lmap_map arg;

	memset(&arg, 0, sizeof(arg));
	arg.snd = snd;
	arg.rcv = rcv;
	arg.window = window;
	return do_map(space, cmd, &arg, opts, out);
}

static int map_range(int space, unsigned long cmd, const void *addr,
		     size_t len, unsigned int rights, int window,
		     uint64_t offset, const struct lmap_map_opts *opts,
		     struct lmap_map_result *out)
{
	struct lmap_map arg;

	memset(&arg, 0, sizeof(arg));
	arg.flags = LMAP_RANGE;
	arg.snd = (uintptr_t)addr;
	arg.rcv = offset;
	arg.length = len;
	arg.rights = rights;
	arg.window = window;
	return do_map(space, cmd, &arg, opts, out);
}

LMAP_API int lmap_map(int space, lmap_fpage_t snd, int window,
		      lmap_fpage_t rcv,
		      const struct lmap_map_opts *opts,
		      struct lmap_map_result *out)
{
	return map_fpages(space, LMAP_MAP, snd, window, rcv, opts, out);
}

LMAP_API int lmap_map_range(int space, const void *addr, size_t len,
			    unsigned int rights, int window, uint64_t offset,
			    const struct lmap_map_opts *opts,
			    struct lmap_map_result *out)
{
	return map_range(space, LMAP_MAP, addr, len, rights, window, offset,
			 opts, out);
}

LMAP_API int lmap_grant(int space, lmap_fpage_t snd, int window,
			lmap_fpage_t rcv,
			const struct lmap_map_opts *opts,
			struct lmap_map_result *out)
{
	return map_fpages(space, LMAP_GRANT, snd, window, rcv, opts, out);
}

LMAP_API int lmap_grant_range(int space, const void *addr, size_t len,
			      unsigned int rights, int window, uint64_t offset,
			      const struct lmap_map_opts *opts,
			      struct lmap_map_result *out)
{
	return map_range(space, LMAP_GRANT, addr, len, rights, window, offset,
			 opts, out);
}

LMAP_API int lmap_copy(int space, lmap_fpage_t snd, int window,
		       lmap_fpage_t rcv,
		       const struct lmap_map_opts *opts,
		       struct lmap_map_result *out)
{
	return map_fpages(space, LMAP_COPY, snd, window, rcv, opts, out);
}

LMAP_API int lmap_copy_range(int space, const void *addr, size_t len,
			     unsigned int rights, int window, uint64_t offset,
			     const struct lmap_map_opts *opts,
			     struct lmap_map_result *out)
{
	return map_range(space, LMAP_COPY, addr, len, rights, window, offset,
			 opts, out);
}

static int do_unmap(int space, struct lmap_unmap *arg,
		    struct lmap_unmap_result *out)
{
	struct lmap_unmap_result result;
	int ret;

	ret = lmap_result_check(out);
	if (ret)
		return ret;
	arg->size = sizeof(*arg);
	ret = lmap_ioctl(space, LMAP_UNMAP, arg);
	if (ret || !out)
		return ret;

	memset(&result, 0, sizeof(result));
	result.flags = arg->out_flags;
	result.mappings = arg->out_mappings;
	result.pages = arg->out_pages;
	result.refbits = arg->out_refbits;
	lmap_result_out(out, &result, sizeof(result));
	return 0;
}

LMAP_API int lmap_unmap(int space, lmap_fpage_t fp, unsigned int flags,
			int only_window, struct lmap_unmap_result *out)
{
	struct lmap_unmap arg;

	if (flags & LMAP_RANGE)
		return -EOPNOTSUPP;
	memset(&arg, 0, sizeof(arg));
	arg.flags = flags;
	arg.fpage = fp;
	arg.only_window = flags & LMAP_ONLY ? only_window : 0;
	return do_unmap(space, &arg, out);
}

LMAP_API int lmap_unmap_range(int space, const void *addr, size_t len,
			      unsigned int rights, unsigned int flags,
			      struct lmap_unmap_result *out)
{
	struct lmap_unmap arg;

	if (flags & ~(LMAP_SELF | LMAP_RESET))
		return -EOPNOTSUPP;
	memset(&arg, 0, sizeof(arg));
	arg.flags = flags | LMAP_RANGE;
	arg.fpage = (uintptr_t)addr;
	arg.length = len;
	arg.rights = rights;
	return do_unmap(space, &arg, out);
}

LMAP_API int lmap_status(int space, const void *addr, size_t len,
			 unsigned int flags, uint8_t *per_page,
			 unsigned int *refbits)
{
	struct lmap_status arg;
	int ret;

	memset(&arg, 0, sizeof(arg));
	arg.size = sizeof(arg);
	arg.flags = flags;
	arg.addr = (uintptr_t)addr;
	arg.length = len;
	arg.pages = (uintptr_t)per_page;
	ret = lmap_ioctl(space, LMAP_STATUS, &arg);
	if (!ret && refbits)
		*refbits = arg.out_refbits;
	return ret;
}
