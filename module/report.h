/* SPDX-License-Identifier: GPL-2.0 */
/*
 * lmap - reports: who listens to what, and what is told. listen.c keeps the
 * listeners, report.c makes messages of changes, dump.c tells what there is.
 *
 * Nothing here may wait for a reader, or make an operation fail.
 *
 * Locks: listen_lock (listen.c) serialises what changes the listeners; it is
 * taken with none of the locks of lmap.h held, and index->lock is the only one
 * that may be taken under it. Senders walk the lists under SRCU instead, in
 * whatever context rights are taken away. listener->lock keeps the messages of
 * one listener in order; innermost of all locks of the module.
 */
#ifndef LMAP_REPORT_H
#define LMAP_REPORT_H

#include "lmap.h"

#include <linux/srcu.h>
#include <net/genetlink.h>

/**
 * struct lmap_listener - a netlink socket that watches something
 * @link: in a hash table by port; listen_lock
 * @net: where the port is; the socket holds it
 * @portid: the socket's port
 * @sk: the socket, to say that something was lost; counted
 * @pid: of who asked first, for his pid namespace; counted
 * @watches: what it watches; listen_lock, read under SRCU
 * @lock: protects the rest
 * @seq: number of the last message
 * @event: number of the last event that it was told of
 * @full: the last message was lost
 * @srcu: frees it
 */
struct lmap_listener {
	struct hlist_node link;
	struct net *net;
	u32 portid;
	struct sock *sk;
	struct pid *pid;
	struct list_head watches;
	spinlock_t lock;
	u64 seq;
	u64 event;
	bool full;
	struct rcu_head srcu;
};

/**
 * struct lmap_ear - a listener at a window or a space
 * @at: in the object's list; listen_lock, read under SRCU
 * @of: in listener->watches; the same
 * @listener: whose
 * @window: what it listens to, or NULL
 * @space: what it listens to, or NULL
 * @watch: LMAP_WATCH_*
 * @srcu: frees it
 */
struct lmap_ear {
	struct list_head at;
	struct list_head of;
	struct lmap_listener *listener;
	struct lmap_window *window;
	struct lmap_space *space;
	u32 watch;
	struct rcu_head srcu;
};

/* So many listeners may watch one window or space. */
#define LMAP_EARS_MAX	1024

extern struct genl_family lmap_family;
extern struct srcu_struct lmap_listen_srcu;
extern atomic_t lmap_nr_ears;

struct lmap_listener *lmap_listener_find(struct net *net, u32 portid);

/* report.c */
bool lmap_put_u64(struct sk_buff *skb, int attr, u64 value);

/* dump.c */
int lmap_dump_start(struct netlink_callback *cb);
int lmap_window_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int lmap_node_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int lmap_stats_doit(struct sk_buff *skb, struct genl_info *info);

#endif /* LMAP_REPORT_H */
