// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * liblmap: what there is: mappings, windows, counters; and what reasons are
 * called. Must never call back while a dump is under way: the caller may ask
 * the same monitor something.
 */
#include "monitor.h"

#include <stdlib.h>

/* How often a dump that something changed during is read anew. */
#define TRIES	8

/* Mappings or windows; the library's own structures, whole. */
struct list {
	char *items;
	size_t size;
	size_t count;
	size_t room;
	void (*fill)(struct nlattr **attrs, void *item);
};

static int list_add(struct nlattr **attrs, void *arg)
{
	struct list *l = arg;
	char *items;
	size_t room;

	if (l->count == l->room) {
		room = l->room ? 2 * l->room : 64;
		items = realloc(l->items, room * l->size);
		if (!items)
			return -ENOMEM;
		l->items = items;
		l->room = room;
	}
	memset(l->items + l->count * l->size, 0, l->size);
	l->fill(attrs, l->items + l->count * l->size);
	l->count++;
	return 0;
}

static void fill_node(struct nlattr **attrs, void *item)
{
	struct lmap_node *n = item;

	n->size = sizeof(*n);
	n->id = lmap_u64(attrs, LMAP_A_NODE);
	n->parent = lmap_u64(attrs, LMAP_A_PARENT);
	n->region = lmap_u64(attrs, LMAP_A_REGION);
	n->window = lmap_u64(attrs, LMAP_A_WINDOW);
	n->offset = lmap_u64(attrs, LMAP_A_OFFSET);
	n->length = lmap_u64(attrs, LMAP_A_LENGTH);
	n->address = lmap_u64(attrs, LMAP_A_ADDRESS);
	n->generation = lmap_u64(attrs, LMAP_A_GENERATION);
	n->pid = lmap_u32(attrs, LMAP_A_PID);
	n->lender = lmap_u32(attrs, LMAP_A_LENDER);
	n->rights = lmap_u32(attrs, LMAP_A_RIGHTS);
	n->flags = lmap_u32(attrs, LMAP_A_NODE_FLAGS);
	n->level = lmap_u32(attrs, LMAP_A_LEVEL);
	n->depth = lmap_u32(attrs, LMAP_A_DEPTH);
	n->budget = lmap_u32(attrs, LMAP_A_BUDGET);
	n->spent = lmap_u32(attrs, LMAP_A_SPENT);
}

static void fill_window(struct nlattr **attrs, void *item)
{
	struct lmap_window_info *w = item;

	w->size = sizeof(*w);
	w->rights = lmap_u32(attrs, LMAP_A_RIGHTS);
	w->window = lmap_u64(attrs, LMAP_A_WINDOW);
	w->space = lmap_u64(attrs, LMAP_A_SPACE);
	w->length = lmap_u64(attrs, LMAP_A_LENGTH);
	w->generation = lmap_u64(attrs, LMAP_A_GENERATION);
	w->pid = lmap_u32(attrs, LMAP_A_PID);
}

/*
 * All of it, or -errno and nothing. -EAGAIN: all of it, but it changed during
 * every one of the tries.
 */
static int collect(struct lmap_monitor *m, int cmd, uint64_t window,
		   struct list *l)
{
	struct nl_msg *msg;
	int ret = -EAGAIN, i;

	for (i = 0; i < TRIES && (ret == -EAGAIN || ret == -ENOBUFS); i++) {
		l->count = 0;
		msg = lmap_request_new(m, cmd, NLM_F_DUMP);
		if (msg && window)
			nla_put_u64(msg, LMAP_A_WINDOW, window);
		ret = lmap_request_send(m, msg, list_add, l);
	}
	if (ret && ret != -EAGAIN)
		l->count = 0;
	lmap_monitor_signal(m);
	return ret;
}

static int dump_nodes(struct lmap_monitor *m, uint64_t window, lmap_node_cb cb,
		      void *arg)
{
	struct list l = { .size = sizeof(struct lmap_node), .fill = fill_node };
	int saved = errno, stop = 0, ret;
	size_t i;

	ret = collect(m, LMAP_CMD_NODE_GET, window, &l);
	errno = saved;
	for (i = 0; i < l.count && !stop; i++)
		stop = cb((struct lmap_node *)l.items + i, arg);
	free(l.items);
	return stop ? stop : ret;
}

LMAP_API int lmap_dump(struct lmap_monitor *m, lmap_node_cb cb, void *arg)
{
	return dump_nodes(m, 0, cb, arg);
}

LMAP_API int lmap_dump_in(struct lmap_monitor *m, uint64_t window,
			  lmap_node_cb cb, void *arg)
{
	return window ? dump_nodes(m, window, cb, arg) : -EINVAL;
}

LMAP_API int lmap_dump_windows(struct lmap_monitor *m, lmap_window_cb cb,
			       void *arg)
{
	struct list l = { .size = sizeof(struct lmap_window_info),
			  .fill = fill_window };
	int saved = errno, stop = 0, ret;
	size_t i;

	ret = collect(m, LMAP_CMD_WINDOW_GET, 0, &l);
	errno = saved;
	for (i = 0; i < l.count && !stop; i++)
		stop = cb((struct lmap_window_info *)l.items + i, arg);
	free(l.items);
	return stop ? stop : ret;
}

static int fill_stats(struct nlattr **attrs, void *arg)
{
	struct lmap_stats *s = arg;

	s->spaces = lmap_u64(attrs, LMAP_A_STATS_SPACES);
	s->windows = lmap_u64(attrs, LMAP_A_STATS_WINDOWS);
	s->watches = lmap_u64(attrs, LMAP_A_STATS_WATCHES);
	s->maps = lmap_u64(attrs, LMAP_A_STATS_MAPS);
	s->revoked = lmap_u64(attrs, LMAP_A_STATS_REVOKED);
	s->zaps = lmap_u64(attrs, LMAP_A_STATS_ZAPS);
	s->faults = lmap_u64(attrs, LMAP_A_STATS_FAULTS);
	s->pages = lmap_u64(attrs, LMAP_A_STATS_PAGES);
	s->pins = lmap_u64(attrs, LMAP_A_STATS_PINS);
	s->events = lmap_u64(attrs, LMAP_A_STATS_EVENTS);
	s->lost = lmap_u64(attrs, LMAP_A_STATS_LOST);
	return 0;
}

LMAP_API int lmap_stats(struct lmap_monitor *m, struct lmap_stats *out)
{
	struct lmap_stats s;
	int saved = errno, ret;

	if (!out || lmap_result_check(out))
		return -EINVAL;
	memset(&s, 0, sizeof(s));
	ret = lmap_request_send(m, lmap_request_new(m, LMAP_CMD_STATS_GET,
						    NLM_F_ACK),
				fill_stats, &s);
	if (!ret)
		lmap_result_out(out, &s, sizeof(s));
	lmap_monitor_signal(m);
	errno = saved;
	return ret;
}

LMAP_API const char *lmap_reason_name(unsigned int reason)
{
	static const char * const names[] = {
		[LMAP_REASON_UNMAP]	= "unmap",
		[LMAP_REASON_DOWNGRADE]	= "downgrade",
		[LMAP_REASON_OVERMAP]	= "overmap",
		[LMAP_REASON_GRANT]	= "grant",
		[LMAP_REASON_MUNMAP]	= "munmap",
		[LMAP_REASON_MREMAP]	= "mremap",
		[LMAP_REASON_EXIT]	= "exit",
		[LMAP_REASON_EXEC]	= "exec",
		[LMAP_REASON_CLOSE]	= "close",
		[LMAP_REASON_LIMIT]	= "limit",
		[LMAP_REASON_NOMEM]	= "nomem",
		[LMAP_REASON_UNDO]	= "undo",
		[LMAP_REASON_MAP]	= "map",
		[LMAP_REASON_COPY]	= "copy",
	};

	return reason <= LMAP_REASON_COPY ? names[reason] : "unknown";
}
