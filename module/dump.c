// SPDX-License-Identifier: GPL-2.0
/*
 * lmap - telling who asks what there is: windows, mappings, counters.
 *
 * Who is not the administrator is told only of what he listens to, what derives
 * from it, and never whose memory it is in the end, unless it is his. Nothing
 * here may keep the others waiting: a lock is held for a few mappings at a time,
 * so that what is told is no snapshot; each mapping is as of its generation.
 */
#include "report.h"

#include <linux/file.h>
#include <linux/pid_namespace.h>
#include <linux/slab.h>
#include <net/sock.h>

/* So many mappings are looked at before the window's lock is dropped. */
#define DUMP_BATCH	64

/**
 * struct dump - where a dump is, in netlink_callback.ctx
 * @only: number of the one window that is meant, 0: all
 * @window: number of the next window
 * @page: next page in it
 * @admin: sees everything
 */
struct dump {
	u64 only;
	unsigned long window;
	unsigned long page;
	bool admin;
};

/**
 * struct dumped - what a message of a dump is made of
 * @skb: the messages
 * @cb: the dump
 * @listener: who asks, unless he has not asked to be told of anything
 * @ns: his pid namespace
 */
struct dumped {
	struct sk_buff *skb;
	struct netlink_callback *cb;
	struct lmap_listener *listener;
	struct pid_namespace *ns;
};

static struct dump *dump_of(struct netlink_callback *cb)
{
	BUILD_BUG_ON(sizeof(struct dump) > sizeof(cb->ctx));
	return (struct dump *)cb->ctx;
}

int lmap_dump_start(struct netlink_callback *cb)
{
	struct nlattr *window = lmap_compat_dump_attrs(cb)[LMAP_A_WINDOW];
	struct dump *dump = dump_of(cb);

	dump->only = window ? nla_get_u64(window) : 0;
	dump->window = dump->only;
	dump->page = 0;
	dump->admin = netlink_capable(cb->skb, CAP_NET_ADMIN);
	return 0;
}

/* Who may see what. */

static bool hears_window(const struct dumped *to, const struct lmap_index *index)
{
	struct lmap_ear *ear;

	if (!to->listener)
		return false;
	list_for_each_entry_srcu(ear, &to->listener->watches, of,
				 srcu_read_lock_held(&lmap_listen_srcu))
		if (ear->window && &ear->window->index == index)
			return true;
	return false;
}

static bool hears_space(const struct dumped *to, const struct lmap_space *space)
{
	struct lmap_ear *ear;

	if (!to->listener || !space)
		return false;
	list_for_each_entry_srcu(ear, &to->listener->watches, of,
				 srcu_read_lock_held(&lmap_listen_srcu))
		if (ear->space == space)
			return true;
	return false;
}

/*
 * Parents are looked at without their lock: they stay until the RCU section
 * ends, and of their windows only the address is of interest.
 */
static bool sees_node(const struct dumped *to, const struct lmap_node *node,
		      const struct lmap_region *region)
{
	if (dump_of(to->cb)->admin || hears_space(to, region->space))
		return true;
	for (; node; node = rcu_dereference_raw(node->parent))
		if (hears_window(to, node->index))
			return true;
	return false;
}

/* Messages. */

static void *dump_begin(const struct dumped *to, u8 cmd)
{
	return genlmsg_put(to->skb, NETLINK_CB(to->cb->skb).portid,
			   to->cb->nlh->nlmsg_seq, &lmap_family, NLM_F_MULTI,
			   cmd);
}

/* -EMSGSIZE is how a dump ends its part. */
static int dump_end(const struct dumped *to, void *hdr, bool failed)
{
	if (failed) {
		genlmsg_cancel(to->skb, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(to->skb, hdr);
	return 0;
}

/**
 * lmap_node_bits - read fields of a node under index->lock alone
 * @node: linked
 *
 * They are written with that lock held, or before the node is linked, but others
 * in the same word are not; what is written there keeps them. LMAP_NODE_PIN is
 * as of any moment.
 */
noinline struct lmap_node_bits __no_kcsan
lmap_node_bits(const struct lmap_node *node)
{
	lockdep_assert_held(&node->index->lock);
	return (struct lmap_node_bits) {
		.depth = node->depth,
		.level = node->level,
		.pinned = node->flags & LMAP_NODE_PIN,
	};
}

static u32 node_flags(const struct lmap_node *node,
		      const struct lmap_region *region,
		      const struct lmap_node_bits *bits)
{
	u32 flags = 0;

	if (region->detached)
		flags |= LMAP_NODE_FLAGS_DETACHED;
	if (node->origin->refs.tracked)
		flags |= LMAP_NODE_FLAGS_TRACKED;
	if (bits->pinned)
		flags |= LMAP_NODE_FLAGS_PINNED;
	return flags;
}

static bool put_lender(const struct dumped *to, const struct lmap_node *node,
		       const struct lmap_region *region)
{
	if (!region->space ||
	    !(dump_of(to->cb)->admin || hears_space(to, region->space)))
		return false;
	return nla_put_u32(to->skb, LMAP_A_LENDER,
			   pid_nr_ns(region->space->pid, to->ns)) ||
	       lmap_put_u64(to->skb, LMAP_A_ADDRESS,
			    (u64)node->rfirst << PAGE_SHIFT);
}

static bool put_node(const struct dumped *to, const struct lmap_window *window,
		     const struct lmap_node *node, u64 generation)
{
	struct lmap_region *region = lmap_mdb_region(node->mdb);
	struct lmap_node *parent = rcu_dereference_raw(node->parent);
	struct lmap_node_bits bits = lmap_node_bits(node);
	struct lmap_origin *origin = node->origin;
	struct sk_buff *skb = to->skb;

	return lmap_put_u64(skb, LMAP_A_WINDOW, window->id) ||
	       nla_put_u32(skb, LMAP_A_PID,
			   pid_nr_ns(window->space->pid, to->ns)) ||
	       lmap_put_u64(skb, LMAP_A_NODE, origin->id) ||
	       lmap_put_u64(skb, LMAP_A_PARENT,
			    parent ? parent->origin->id : 0) ||
	       lmap_put_u64(skb, LMAP_A_REGION, region->id) ||
	       put_lender(to, node, region) ||
	       lmap_put_u64(skb, LMAP_A_OFFSET,
			    (u64)node->wfirst << PAGE_SHIFT) ||
	       lmap_put_u64(skb, LMAP_A_LENGTH,
			    (u64)node->npages << PAGE_SHIFT) ||
	       nla_put_u32(skb, LMAP_A_RIGHTS, node->rights) ||
	       nla_put_u32(skb, LMAP_A_DEPTH, bits.depth) ||
	       nla_put_u32(skb, LMAP_A_LEVEL, bits.level) ||
	       nla_put_u32(skb, LMAP_A_BUDGET, origin->budget) ||
	       nla_put_u32(skb, LMAP_A_SPENT, atomic_read(&origin->spent)) ||
	       nla_put_u32(skb, LMAP_A_NODE_FLAGS,
			   node_flags(node, region, &bits)) ||
	       lmap_put_u64(skb, LMAP_A_GENERATION, generation);
}

static int dump_node(const struct dumped *to, const struct lmap_window *window,
		     const struct lmap_node *node, u64 generation)
{
	void *hdr;

	if (lmap_node_dying(node) ||
	    !sees_node(to, node, lmap_mdb_region(node->mdb)))
		return 0;
	hdr = dump_begin(to, LMAP_CMD_NODE_GET);
	if (!hdr)
		return -EMSGSIZE;
	return dump_end(to, hdr, put_node(to, window, node, generation));
}

/*
 * A part of a window's mappings. The generation is read before any of them:
 * a change that it counts is seen.
 */
static int dump_batch(const struct dumped *to, struct lmap_window *window,
		      bool *more)
{
	u64 generation = atomic64_read(&window->generation);
	struct dump *dump = dump_of(to->cb);
	struct lmap_node *node;
	unsigned int n = 0;
	int ret = 0;

	/* Partner: atomic64_inc_return() in report_nodes(). */
	smp_rmb();
	rcu_read_lock();
	spin_lock(&window->index.lock);
	node = lmap_index_first(&window->index, dump->page, ULONG_MAX);
	for (; node && n < DUMP_BATCH; n++) {
		ret = dump_node(to, window, node, generation);
		if (ret)
			break;
		dump->page = lmap_node_wlast(node) + 1;
		node = lmap_index_next(node, ULONG_MAX);
	}
	spin_unlock(&window->index.lock);
	rcu_read_unlock();
	*more = node;
	return ret;
}

static int dump_nodes(const struct dumped *to, struct lmap_window *window)
{
	bool more;
	int ret;

	do {
		ret = dump_batch(to, window, &more);
		cond_resched();
	} while (more && !ret);
	return ret;
}

static int dump_window(const struct dumped *to, struct lmap_window *window)
{
	u64 generation = atomic64_read(&window->generation);
	struct sk_buff *skb = to->skb;
	void *hdr;

	if (!dump_of(to->cb)->admin && !hears_window(to, &window->index) &&
	    !hears_space(to, window->space))
		return 0;
	hdr = dump_begin(to, LMAP_CMD_WINDOW_GET);
	if (!hdr)
		return -EMSGSIZE;
	return dump_end(to, hdr,
			lmap_put_u64(skb, LMAP_A_WINDOW, window->id) ||
			nla_put_u32(skb, LMAP_A_PID,
				    pid_nr_ns(window->space->pid, to->ns)) ||
			lmap_put_u64(skb, LMAP_A_SPACE, window->space->id) ||
			lmap_put_u64(skb, LMAP_A_LENGTH,
				     (u64)window->npages << PAGE_SHIFT) ||
			nla_put_u32(skb, LMAP_A_RIGHTS, window->rights) ||
			lmap_put_u64(skb, LMAP_A_GENERATION, generation));
}

typedef int (*dump_fn)(const struct dumped *to, struct lmap_window *window);

/* All windows, from where the dump is. */
static int dump_windows(const struct dumped *to, dump_fn fn)
{
	struct dump *dump = dump_of(to->cb);
	struct file *file;
	int ret = 0;

	while ((file = lmap_window_next(&dump->window))) {
		struct lmap_window *window = file->private_data;

		if (!dump->only || dump->only == window->id)
			ret = fn(to, window);
		fput(file);
		if (ret)
			return ret;
		/* The number of a window can't be the last one there is. */
		dump->window++;
		dump->page = 0;
		if (dump->only)
			dump->window = ULONG_MAX;
		cond_resched();
		if (signal_pending(current))
			return -EINTR;
	}
	return 0;
}

static int dump(struct sk_buff *skb, struct netlink_callback *cb, dump_fn fn)
{
	struct dumped to = {
		.skb = skb,
		.cb = cb,
		.ns = task_active_pid_ns(current),
	};
	int idx, ret;

	idx = srcu_read_lock(&lmap_listen_srcu);
	to.listener = lmap_listener_find(sock_net(skb->sk),
					 NETLINK_CB(cb->skb).portid);
	ret = dump_windows(&to, fn);
	srcu_read_unlock(&lmap_listen_srcu, idx);
	if (ret == -EMSGSIZE)
		return skb->len ?: ret;
	return ret ?: skb->len;
}

int lmap_window_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return dump(skb, cb, dump_window);
}

int lmap_node_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return dump(skb, cb, dump_nodes);
}

/* Counters. */

DEFINE_PER_CPU(struct lmap_stats, lmap_stats);

/**
 * lmap_stats_sum - add up the counters of all processors
 * @sum: result
 */
void lmap_stats_sum(struct lmap_stats *sum)
{
	unsigned int i;
	int cpu;

	memset(sum, 0, sizeof(*sum));
	for_each_possible_cpu(cpu) {
		struct lmap_stats *stats = per_cpu_ptr(&lmap_stats, cpu);

		for (i = 0; i < LMAP_NR_STATS; i++)
			sum->count[i] += READ_ONCE(stats->count[i]);
	}
}

/* Begin to count anew; for debugfs. */
void lmap_stats_reset(void)
{
	unsigned int i;
	int cpu;

	for_each_possible_cpu(cpu)
		for (i = 0; i < LMAP_NR_STATS; i++)
			WRITE_ONCE(per_cpu_ptr(&lmap_stats, cpu)->count[i], 0);
}

static bool put_stat(struct sk_buff *skb, int attr, u64 value)
{
	return nla_put_u64_64bit(skb, attr, value, LMAP_A_STATS_PAD);
}

static bool put_stats(struct sk_buff *skb)
{
	struct lmap_stats sum;
	unsigned int i;

	lmap_stats_sum(&sum);
	if (put_stat(skb, LMAP_A_STATS_SPACES, lmap_space_count()) ||
	    put_stat(skb, LMAP_A_STATS_WINDOWS, lmap_window_count()) ||
	    put_stat(skb, LMAP_A_STATS_WATCHES, atomic_read(&lmap_nr_ears)))
		return true;
	for (i = 0; i < LMAP_NR_STATS; i++)
		if (put_stat(skb, LMAP_A_STATS_MAPS + i, sum.count[i]))
			return true;
	return false;
}

int lmap_stats_doit(struct sk_buff *request, struct genl_info *info)
{
	struct sk_buff *skb = genlmsg_new(LMAP_A_STATS_MAX *
					  nla_total_size_64bit(sizeof(u64)),
					  GFP_KERNEL);
	void *hdr;

	if (!skb)
		return -ENOMEM;
	hdr = genlmsg_put_reply(skb, info, &lmap_family, 0,
				LMAP_CMD_STATS_GET);
	if (!hdr || put_stats(skb)) {
		nlmsg_free(skb);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, hdr);
	return genlmsg_reply(skb, info);
}
