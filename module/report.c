// SPDX-License-Identifier: GPL-2.0
/*
 * lmap - telling listeners what rights went and came.
 *
 * A message may leave only after access is gone: page table entries zapped,
 * copies over. Nothing here may wait or sleep for long, allocate with reclaim,
 * or fail what it reports: a message that can't be sent is counted, and the
 * socket says so.
 *
 * Order. Of one page of a window all messages are in the order of the changes,
 * since each is sent under a lock that the next change needs:
 *
 *   gained          mdb->lock, in which the mapping is linked or extended; to
 *                   revoke it takes that lock
 *   lost            region->revoke, before the mapping is unlinked; to map
 *                   something else there takes the free place, to extend it
 *                   takes the lock (or mdb->lock: then it was told of first,
 *                   and what came back is no loss, see lmap_mdb_extend())
 */
#include "report.h"
#include "trace.h"

#include <linux/pid_namespace.h>
#include <net/sock.h>

/**
 * struct report - what is to be told
 * @cmd: LMAP_CMD_REVOKED, _MAPPED, _CLOSED
 * @reason: why
 * @window: where; NULL if a space was closed
 * @space: with LMAP_CMD_CLOSED: that was closed, or NULL
 * @owner: process of the window or space
 * @first: the first mapping it is about, linked
 * @last: the last one
 * @before: rights before
 * @rights: rights now
 * @mappings: how many mappings
 * @generation: of the window
 * @event: number, unique
 */
struct report {
	u8 cmd;
	enum lmap_reason reason;
	struct lmap_window *window;
	struct lmap_space *space;
	struct pid *owner;
	struct lmap_node *first;
	struct lmap_node *last;
	unsigned int before;
	unsigned int rights;
	unsigned int mappings;
	u64 generation;
	u64 event;
};

static atomic64_t last_event;

/* All attributes that a message can have. */
#define REPORT_SIZE	(8 * nla_total_size_64bit(sizeof(u64)) + \
			 6 * nla_total_size(sizeof(u32)))

/* Most of the time nobody listens at all. */
static bool report_wanted(void)
{
	return atomic_read(&lmap_nr_ears) ||
	       genl_has_listeners(&lmap_family, &init_net, 0);
}

bool lmap_put_u64(struct sk_buff *skb, int attr, u64 value)
{
	return nla_put_u64_64bit(skb, attr, value, LMAP_A_PAD);
}

static bool report_put_range(struct sk_buff *skb, const struct report *report)
{
	unsigned long first = report->first->wfirst;
	unsigned long last = lmap_node_wlast(report->last);

	return lmap_put_u64(skb, LMAP_A_NODE, report->first->origin->id) ||
	       lmap_put_u64(skb, LMAP_A_OFFSET, (u64)first << PAGE_SHIFT) ||
	       lmap_put_u64(skb, LMAP_A_LENGTH,
			    (u64)(last - first + 1) << PAGE_SHIFT) ||
	       lmap_put_u64(skb, LMAP_A_GENERATION, report->generation) ||
	       nla_put_u32(skb, LMAP_A_RIGHTS, report->rights) ||
	       nla_put_u32(skb, LMAP_A_RIGHTS_BEFORE, report->before) ||
	       nla_put_u32(skb, LMAP_A_MAPPINGS, report->mappings);
}

static struct sk_buff *report_message(const struct report *report, u64 seq,
				      struct pid_namespace *ns)
{
	/* Under locks that reclaim may want. */
	struct sk_buff *skb = genlmsg_new(REPORT_SIZE,
					  GFP_NOWAIT | __GFP_NOWARN);
	void *hdr;

	if (!skb)
		return NULL;
	hdr = genlmsg_put(skb, 0, 0, &lmap_family, 0, report->cmd);
	if (!hdr || lmap_put_u64(skb, LMAP_A_SEQ, seq) ||
	    nla_put_u32(skb, LMAP_A_REASON, report->reason) ||
	    nla_put_u32(skb, LMAP_A_PID, pid_nr_ns(report->owner, ns)) ||
	    (report->window &&
	     lmap_put_u64(skb, LMAP_A_WINDOW, report->window->id)) ||
	    (report->space &&
	     lmap_put_u64(skb, LMAP_A_SPACE, report->space->id)) ||
	    (report->first && report_put_range(skb, report))) {
		nlmsg_free(skb);
		return NULL;
	}
	genlmsg_end(skb, hdr);
	return skb;
}

/* The socket says it once; when there is room again it can say it again. */
static void listener_lost(struct lmap_listener *listener)
{
	lockdep_assert_held(&listener->lock);
	lmap_count(lost, 1);
	atomic_inc(&listener->sk->sk_drops);
	if (listener->full)
		return;
	listener->full = true;
	listener->sk->sk_err = ENOBUFS;
	sk_error_report(listener->sk);
}

/* A socket that is full anyway is not worth a message. */
static bool listener_has_room(const struct lmap_listener *listener)
{
	return atomic_read(&listener->sk->sk_rmem_alloc) <=
	       READ_ONCE(listener->sk->sk_rcvbuf);
}

static void listener_tell(struct lmap_listener *listener,
			  const struct report *report)
{
	struct sk_buff *skb = NULL;

	spin_lock(&listener->lock);
	/* It may have several ears for the same. */
	if (listener->event == report->event)
		goto out;
	listener->event = report->event;
	listener->seq++;
	if (listener_has_room(listener))
		skb = report_message(report, listener->seq,
				     ns_of_pid(listener->pid));
	if (skb && !genlmsg_unicast(listener->net, skb, listener->portid)) {
		listener->full = false;
		lmap_count(events, 1);
	} else {
		listener_lost(listener);
	}
out:
	spin_unlock(&listener->lock);
}

static void ears_tell(struct list_head *ears, const struct report *report)
{
	struct lmap_ear *ear;

	list_for_each_entry_srcu(ear, ears, at,
				 srcu_read_lock_held(&lmap_listen_srcu))
		if (report->cmd != LMAP_CMD_MAPPED ||
		    READ_ONCE(ear->watch) & LMAP_WATCH_GAINS)
			listener_tell(ear->listener, report);
}

static void group_tell(const struct report *report)
{
	struct sk_buff *skb;

	if (!genl_has_listeners(&lmap_family, &init_net, 0))
		return;
	skb = report_message(report, report->event, &init_pid_ns);
	if (!skb) {
		genl_set_err(&lmap_family, &init_net, 0, 0, -ENOBUFS);
		lmap_count(lost, 1);
		return;
	}
	genlmsg_multicast_netns(&lmap_family, &init_net, skb, 0, 0, GFP_NOWAIT);
	lmap_count(events, 1);
}

/* To the window, to whoever has passed it on, and to the lender. */
static void report_nodes(struct report *report)
{
	struct lmap_region *region = lmap_mdb_region(report->first->mdb);
	struct lmap_node *node;
	int idx;

	lockdep_assert_held(&region->mdb.lock);
	report->window = lmap_index_window(report->first->index);
	report->owner = report->window->space->pid;
	report->generation = atomic64_inc_return(&report->window->generation);
	report->event = atomic64_inc_return(&last_event);
	idx = srcu_read_lock(&lmap_listen_srcu);
	for (node = report->first; node; node = node->parent)
		ears_tell(&lmap_index_window(node->index)->ears, report);
	if (region->space)
		ears_tell(&region->space->ears, report);
	srcu_read_unlock(&lmap_listen_srcu, idx);
	group_tell(report);
}

/* Do both derive from mappings in the same windows? Then the same are told. */
static bool same_listeners(const struct lmap_node *a, const struct lmap_node *b)
{
	for (; a && b && a != b; a = a->parent, b = b->parent)
		if (a->index != b->index)
			return false;
	return a == b;
}

static enum lmap_reason node_reason(const struct lmap_node *node,
				    enum lmap_reason reason)
{
	if (node->flags & LMAP_NODE_OVER)
		return LMAP_REASON_NOMEM;
	if (reason == LMAP_REASON_UNMAP && node->rights)
		return LMAP_REASON_DOWNGRADE;
	/* What goes with memory that is granted goes only if it is too deep. */
	if (reason == LMAP_REASON_GRANT && !node->rights &&
	    !(node->flags & LMAP_NODE_MOVED))
		return LMAP_REASON_LIMIT;
	return reason;
}

static bool report_merge(struct report *report, struct lmap_node *node,
			 enum lmap_reason reason)
{
	if (!report->first || report->reason != reason ||
	    report->rights != node->rights ||
	    report->before != (node->rights | node->lost) ||
	    !same_listeners(report->last, node))
		return false;
	report->last = node;
	report->mappings++;
	return true;
}

static void trace_run(const struct lmap_run *run, enum lmap_reason reason)
{
	struct lmap_node *node = NULL;

	while ((node = lmap_run_next(run, node)))
		if (node->lost)
			trace_lmap_event(node, node_reason(node, reason));
}

/**
 * lmap_report_lost - mappings have lost rights
 * @run: they were just zapped, and are still linked
 * @reason: of the revocation
 *
 * Context: region->revoke and mdb->lock held. One message for neighbours that
 * had and have the same.
 */
void lmap_report_lost(const struct lmap_run *run, enum lmap_reason reason)
{
	struct report report = { .cmd = LMAP_CMD_REVOKED };
	struct lmap_node *node = NULL;

	lockdep_assert_held(&run->mdb->lock);
	if (trace_lmap_event_enabled())
		trace_run(run, reason);
	if (!report_wanted())
		return;
	while ((node = lmap_run_next(run, node))) {
		enum lmap_reason why = node_reason(node, reason);

		if (node->lost && report_merge(&report, node, why))
			continue;
		if (report.first)
			report_nodes(&report);
		report.first = NULL;
		if (!node->lost)
			continue;
		report.reason = why;
		report.first = node;
		report.last = node;
		report.before = node->rights | node->lost;
		report.rights = node->rights;
		report.mappings = 1;
	}
	if (report.first)
		report_nodes(&report);
}

/**
 * lmap_report_gained - a mapping was made, or has got more rights
 * @node: linked
 * @before: its rights before
 * @reason: how
 *
 * Context: mdb->lock held since that happened.
 */
void lmap_report_gained(struct lmap_node *node, unsigned int before,
			enum lmap_reason reason)
{
	lockdep_assert_held(&node->mdb->lock);
	if (reason == LMAP_REASON_MAP)
		trace_lmap_map(node, before);
	else if (reason == LMAP_REASON_GRANT)
		trace_lmap_grant(node, before);
	else
		trace_lmap_copy(node, before);
	if (report_wanted() && node->rights & ~before) {
		struct report report = {
			.cmd = LMAP_CMD_MAPPED,
			.reason = reason,
			.first = node,
			.last = node,
			.before = before,
			.rights = node->rights,
			.mappings = 1,
		};

		report_nodes(&report);
	}
}

static void report_closed(struct report *report, struct list_head *ears)
{
	int idx;

	if (!report_wanted())
		return;
	report->cmd = LMAP_CMD_CLOSED;
	report->event = atomic64_inc_return(&last_event);
	idx = srcu_read_lock(&lmap_listen_srcu);
	ears_tell(ears, report);
	srcu_read_unlock(&lmap_listen_srcu, idx);
	group_tell(report);
}

/**
 * lmap_report_window_closed - nothing is or will be mapped in a window
 * @window: whose
 * @reason: why
 */
void lmap_report_window_closed(struct lmap_window *window,
			       enum lmap_reason reason)
{
	struct report report = { .window = window, .reason = reason,
				 .owner = window->space->pid };

	report_closed(&report, &window->ears);
}

/**
 * lmap_report_space_closed - nothing is or will be lent through a space
 * @space: whose
 * @reason: why
 */
void lmap_report_space_closed(struct lmap_space *space, enum lmap_reason reason)
{
	struct report report = { .space = space, .reason = reason,
				 .owner = space->pid };

	report_closed(&report, &space->ears);
}
