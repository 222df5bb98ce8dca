/* SPDX-License-Identifier: GPL-2.0 */
/*
 * lmap - tracepoints, for perf, trace-cmd and bpftrace: what was given, what
 * was taken back and how long that took. Nothing may depend on them.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM lmap

#if !defined(LMAP_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define LMAP_TRACE_H

#include <linux/tracepoint.h>

#include "lmap.h"
#include "pager.h"

/* perf and trace-cmd know no enums: they are told the numbers. */
TRACE_DEFINE_ENUM(LMAP_REASON_UNMAP);
TRACE_DEFINE_ENUM(LMAP_REASON_DOWNGRADE);
TRACE_DEFINE_ENUM(LMAP_REASON_OVERMAP);
TRACE_DEFINE_ENUM(LMAP_REASON_GRANT);
TRACE_DEFINE_ENUM(LMAP_REASON_MUNMAP);
TRACE_DEFINE_ENUM(LMAP_REASON_MREMAP);
TRACE_DEFINE_ENUM(LMAP_REASON_EXIT);
TRACE_DEFINE_ENUM(LMAP_REASON_EXEC);
TRACE_DEFINE_ENUM(LMAP_REASON_CLOSE);
TRACE_DEFINE_ENUM(LMAP_REASON_LIMIT);
TRACE_DEFINE_ENUM(LMAP_REASON_NOMEM);
TRACE_DEFINE_ENUM(LMAP_REASON_UNDO);
TRACE_DEFINE_ENUM(LMAP_REASON_MAP);
TRACE_DEFINE_ENUM(LMAP_REASON_COPY);

#define lmap_show_reason(reason) __print_symbolic(reason, \
	{ LMAP_REASON_UNMAP, "unmap" }, \
	{ LMAP_REASON_DOWNGRADE, "downgrade" }, \
	{ LMAP_REASON_OVERMAP, "overmap" }, \
	{ LMAP_REASON_GRANT, "grant" }, \
	{ LMAP_REASON_MUNMAP, "munmap" }, \
	{ LMAP_REASON_MREMAP, "mremap" }, \
	{ LMAP_REASON_EXIT, "exit" }, \
	{ LMAP_REASON_EXEC, "exec" }, \
	{ LMAP_REASON_CLOSE, "close" }, \
	{ LMAP_REASON_LIMIT, "limit" }, \
	{ LMAP_REASON_NOMEM, "nomem" }, \
	{ LMAP_REASON_UNDO, "undo" }, \
	{ LMAP_REASON_MAP, "map" }, \
	{ LMAP_REASON_COPY, "copy" })

#define lmap_show_rights(rights) __print_flags(rights, "", \
	{ LMAP_R, "r" }, { LMAP_W, "w" }, { LMAP_X, "x" }, { LMAP_M, "m" })

DECLARE_EVENT_CLASS(lmap_gain,
	TP_PROTO(const struct lmap_node *node, unsigned int before),
	TP_ARGS(node, before),
	TP_STRUCT__entry(
		__field(u64, window)
		__field(u64, node)
		__field(unsigned long, wfirst)
		__field(unsigned long, npages)
		__field(u32, before)
		__field(u32, rights)
		__field(u32, level)
	),
	TP_fast_assign(
		__entry->window = lmap_index_window(node->index)->id;
		__entry->node = node->origin->id;
		__entry->wfirst = node->wfirst;
		__entry->npages = node->npages;
		__entry->before = before;
		__entry->rights = node->rights;
		__entry->level = node->level;
	),
	TP_printk("window=%llu node=%llu page=%lu npages=%lu rights=%s before=%s level=%u",
		  __entry->window, __entry->node, __entry->wfirst,
		  __entry->npages, lmap_show_rights(__entry->rights),
		  lmap_show_rights(__entry->before), __entry->level)
);

DEFINE_EVENT(lmap_gain, lmap_map,
	TP_PROTO(const struct lmap_node *node, unsigned int before),
	TP_ARGS(node, before));

DEFINE_EVENT(lmap_gain, lmap_grant,
	TP_PROTO(const struct lmap_node *node, unsigned int before),
	TP_ARGS(node, before));

DEFINE_EVENT(lmap_gain, lmap_copy,
	TP_PROTO(const struct lmap_node *node, unsigned int before),
	TP_ARGS(node, before));

TRACE_EVENT(lmap_unmap_begin,
	TP_PROTO(const struct lmap_space *space, unsigned long first,
		 unsigned long last, unsigned int rights),
	TP_ARGS(space, first, last, rights),
	TP_STRUCT__entry(
		__field(u64, space)
		__field(unsigned long, first)
		__field(unsigned long, last)
		__field(u32, rights)
	),
	TP_fast_assign(
		__entry->space = space->id;
		__entry->first = first;
		__entry->last = last;
		__entry->rights = rights;
	),
	TP_printk("space=%llu pages=%#lx-%#lx rights=%s", __entry->space,
		  __entry->first, __entry->last,
		  lmap_show_rights(__entry->rights))
);

TRACE_EVENT(lmap_unmap_end,
	TP_PROTO(const struct lmap_space *space, const struct lmap_take *take,
		 int ret),
	TP_ARGS(space, take, ret),
	TP_STRUCT__entry(
		__field(u64, space)
		__field(u64, mappings)
		__field(u64, pages)
		__field(int, ret)
	),
	TP_fast_assign(
		__entry->space = space->id;
		__entry->mappings = take->mappings;
		__entry->pages = take->pages;
		__entry->ret = ret;
	),
	TP_printk("space=%llu mappings=%llu npages=%llu ret=%d",
		  __entry->space, __entry->mappings, __entry->pages,
		  __entry->ret)
);

TRACE_EVENT(lmap_fault,
	TP_PROTO(u64 window, unsigned long wpage, bool write,
		 unsigned int filled, unsigned int result),
	TP_ARGS(window, wpage, write, filled, result),
	TP_STRUCT__entry(
		__field(u64, window)
		__field(unsigned long, wpage)
		__field(bool, write)
		__field(u32, filled)
		__field(u32, result)
	),
	TP_fast_assign(
		__entry->window = window;
		__entry->wpage = wpage;
		__entry->write = write;
		__entry->filled = filled;
		__entry->result = result;
	),
	TP_printk("window=%llu page=%lu write=%d filled=%u result=%#x",
		  __entry->window, __entry->wpage, __entry->write,
		  __entry->filled, __entry->result)
);

TRACE_EVENT(lmap_ask,
	TP_PROTO(u64 window, const struct lmap_ask *ask),
	TP_ARGS(window, ask),
	TP_STRUCT__entry(
		__field(u64, window)
		__field(unsigned long, wpage)
		__field(u32, access)
		__field(u32, held)
	),
	TP_fast_assign(
		__entry->window = window;
		__entry->wpage = ask->wpage;
		__entry->access = ask->access;
		__entry->held = ask->held;
	),
	TP_printk("window=%llu page=%lu access=%s held=%s", __entry->window,
		  __entry->wpage, lmap_show_rights(__entry->access),
		  lmap_show_rights(__entry->held))
);

TRACE_EVENT(lmap_answer,
	TP_PROTO(u64 window, const struct lmap_ask *ask, int ret),
	TP_ARGS(window, ask, ret),
	TP_STRUCT__entry(
		__field(u64, window)
		__field(unsigned long, wpage)
		__field(int, ret)
	),
	TP_fast_assign(
		__entry->window = window;
		__entry->wpage = ask->wpage;
		__entry->ret = ret;
	),
	TP_printk("window=%llu page=%lu ret=%d", __entry->window,
		  __entry->wpage, __entry->ret)
);

TRACE_EVENT(lmap_zap,
	TP_PROTO(const struct lmap_window *window, unsigned long wfirst,
		 unsigned long wlast),
	TP_ARGS(window, wfirst, wlast),
	TP_STRUCT__entry(
		__field(u64, window)
		__field(unsigned long, wfirst)
		__field(unsigned long, wlast)
	),
	TP_fast_assign(
		__entry->window = window->id;
		__entry->wfirst = wfirst;
		__entry->wlast = wlast;
	),
	TP_printk("window=%llu pages=%lu-%lu", __entry->window,
		  __entry->wfirst, __entry->wlast)
);

/* Rights that went, whether or not anybody listens. */
TRACE_EVENT(lmap_event,
	TP_PROTO(const struct lmap_node *node, unsigned int reason),
	TP_ARGS(node, reason),
	TP_STRUCT__entry(
		__field(u64, window)
		__field(u64, node)
		__field(unsigned long, wfirst)
		__field(unsigned long, npages)
		__field(u32, before)
		__field(u32, rights)
		__field(u32, reason)
	),
	TP_fast_assign(
		__entry->window = lmap_index_window(node->index)->id;
		__entry->node = node->origin->id;
		__entry->wfirst = node->wfirst;
		__entry->npages = node->npages;
		__entry->before = node->rights | node->lost;
		__entry->rights = node->rights;
		__entry->reason = reason;
	),
	TP_printk("window=%llu node=%llu page=%lu npages=%lu rights=%s before=%s reason=%s",
		  __entry->window, __entry->node, __entry->wfirst,
		  __entry->npages, lmap_show_rights(__entry->rights),
		  lmap_show_rights(__entry->before),
		  lmap_show_reason(__entry->reason))
);

#endif /* LMAP_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
