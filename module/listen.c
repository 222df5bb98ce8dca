// SPDX-License-Identifier: GPL-2.0
/*
 * lmap - the generic netlink family, and who listens to what.
 *
 * Nobody may listen to a window or a space who has never held a file descriptor
 * of it, but for the administrator of the machine (not of a namespace): what
 * goes to the multicast group is sent in the first network namespace only.
 */
#include "report.h"

#include <linux/file.h>
#include <linux/hashtable.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <net/sock.h>

static DEFINE_MUTEX(listen_lock);
static DEFINE_HASHTABLE(listeners, 8);
DEFINE_SRCU(lmap_listen_srcu);
atomic_t lmap_nr_ears = ATOMIC_INIT(0);

/* Listeners and their ears. */

/**
 * lmap_listener_find - the listener of a socket
 * @net: of the socket
 * @portid: of the socket
 *
 * Context: SRCU read-side section, or listen_lock held.
 */
struct lmap_listener *lmap_listener_find(struct net *net, u32 portid)
{
	struct lmap_listener *listener;

	hash_for_each_possible_rcu(listeners, listener, link, portid,
				   srcu_read_lock_held(&lmap_listen_srcu) ||
				   lockdep_is_held(&listen_lock))
		if (listener->portid == portid && net_eq(listener->net, net))
			return listener;
	return NULL;
}

static struct lmap_listener *listener_get(struct sk_buff *skb,
					  struct genl_info *info)
{
	struct net *net = genl_info_net(info);
	struct lmap_listener *listener;

	lockdep_assert_held(&listen_lock);
	listener = lmap_listener_find(net, info->snd_portid);
	if (listener)
		return listener;
	listener = kzalloc(sizeof(*listener), GFP_KERNEL_ACCOUNT);
	if (!listener)
		return NULL;
	listener->net = net;
	listener->portid = info->snd_portid;
	listener->sk = NETLINK_CB(skb).sk;
	sock_hold(listener->sk);
	listener->pid = get_task_pid(current, PIDTYPE_TGID);
	INIT_LIST_HEAD(&listener->watches);
	spin_lock_init(&listener->lock);
	hash_add_rcu(listeners, &listener->link, listener->portid);
	return listener;
}

static void listener_free(struct rcu_head *rcu)
{
	struct lmap_listener *listener = container_of(rcu, struct lmap_listener,
						      srcu);

	put_pid(listener->pid);
	sock_put(listener->sk);
	kfree(listener);
}

static void ear_free(struct rcu_head *rcu)
{
	kfree(container_of(rcu, struct lmap_ear, srcu));
}

static void ear_remove(struct lmap_ear *ear)
{
	lockdep_assert_held(&listen_lock);
	list_del_rcu(&ear->at);
	list_del_rcu(&ear->of);
	if (ear->window)
		ear->window->nr_ears--;
	else
		ear->space->nr_ears--;
	atomic_dec(&lmap_nr_ears);
	call_srcu(&lmap_listen_srcu, &ear->srcu, ear_free);
}

static void listener_remove(struct lmap_listener *listener)
{
	struct lmap_ear *ear, *next;

	lockdep_assert_held(&listen_lock);
	list_for_each_entry_safe(ear, next, &listener->watches, of)
		ear_remove(ear);
	hash_del_rcu(&listener->link);
	call_srcu(&lmap_listen_srcu, &listener->srcu, listener_free);
}

/**
 * lmap_unlisten - an object goes, nobody can listen to it any more
 * @ears: its list
 *
 * Context: process, no locks.
 */
void lmap_unlisten(struct list_head *ears)
{
	struct lmap_ear *ear, *next;

	mutex_lock(&listen_lock);
	list_for_each_entry_safe(ear, next, ears, at)
		ear_remove(ear);
	mutex_unlock(&listen_lock);
}

/* A port can be used anew as soon as its socket is gone. */
static int listen_notify(struct notifier_block *nb, unsigned long what,
			 void *data)
{
	struct lmap_listener *listener;
	struct netlink_notify *notify = data;

	if (what != NETLINK_URELEASE || notify->protocol != NETLINK_GENERIC)
		return NOTIFY_DONE;
	mutex_lock(&listen_lock);
	listener = lmap_listener_find(notify->net, notify->portid);
	if (listener)
		listener_remove(listener);
	mutex_unlock(&listen_lock);
	return NOTIFY_OK;
}

static struct notifier_block listen_notifier = {
	.notifier_call = listen_notify,
};

/* Requests. */

/* What a listener can listen to: just one of the two. */
struct listen_to {
	struct lmap_window *window;
	struct lmap_space *space;
	struct list_head *ears;
	unsigned int *nr_ears;
};

static int listen_to_file(const struct file *file, struct listen_to *to)
{
	if (file->f_op == &lmap_window_fops) {
		to->window = file->private_data;
		to->ears = &to->window->ears;
		to->nr_ears = &to->window->nr_ears;
		return 0;
	}
	if (file->f_op == &lmap_space_fops) {
		to->space = file->private_data;
		to->ears = &to->space->ears;
		to->nr_ears = &to->space->nr_ears;
		return 0;
	}
	return -EBADFD;
}

static int ear_add(struct lmap_listener *listener, const struct listen_to *to,
		   u32 watch)
{
	struct lmap_ear *ear;

	lockdep_assert_held(&listen_lock);
	list_for_each_entry(ear, &listener->watches, of) {
		if (ear->window == to->window && ear->space == to->space) {
			WRITE_ONCE(ear->watch, watch);
			return 0;
		}
	}
	if (*to->nr_ears >= LMAP_EARS_MAX)
		return -EDQUOT;
	ear = kzalloc(sizeof(*ear), GFP_KERNEL_ACCOUNT);
	if (!ear)
		return -ENOMEM;
	ear->listener = listener;
	ear->window = to->window;
	ear->space = to->space;
	ear->watch = watch;
	list_add_tail_rcu(&ear->of, &listener->watches);
	list_add_tail_rcu(&ear->at, to->ears);
	++*to->nr_ears;
	atomic_inc(&lmap_nr_ears);
	return 0;
}

static int watch_reply(struct genl_info *info, const struct listen_to *to)
{
	struct sk_buff *skb = genlmsg_new(nla_total_size_64bit(sizeof(u64)),
					  GFP_KERNEL);
	void *hdr;

	if (!skb)
		return -ENOMEM;
	hdr = genlmsg_put_reply(skb, info, &lmap_family, 0, LMAP_CMD_WATCH);
	if (!hdr || lmap_put_u64(skb, to->window ? LMAP_A_WINDOW : LMAP_A_SPACE,
				 to->window ? to->window->id : to->space->id)) {
		nlmsg_free(skb);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, hdr);
	return genlmsg_reply(skb, info);
}

/* The last news of a window whose address space is gone has been told. */
static bool listen_too_late(const struct listen_to *to)
{
	bool dead;

	if (!to->window)
		return false;
	spin_lock(&to->window->index.lock);
	dead = to->window->dead;
	spin_unlock(&to->window->index.lock);
	return dead;
}

static int watch_doit(struct sk_buff *skb, struct genl_info *info)
{
	u32 watch = 0;
	struct lmap_listener *listener;
	struct listen_to to = {};
	struct file *file;
	int ret;

	if (GENL_REQ_ATTR_CHECK(info, LMAP_A_FD))
		return -EINVAL;
	if (info->attrs[LMAP_A_WATCH])
		watch = nla_get_u32(info->attrs[LMAP_A_WATCH]);
	file = fget(nla_get_u32(info->attrs[LMAP_A_FD]));
	if (!file)
		return -EBADF;
	ret = listen_to_file(file, &to);
	if (!ret) {
		mutex_lock(&listen_lock);
		listener = listener_get(skb, info);
		ret = listener ? ear_add(listener, &to, watch) : -ENOMEM;
		mutex_unlock(&listen_lock);
	}
	if (!ret && listen_too_late(&to))
		ret = -ENXIO;
	if (!ret)
		ret = watch_reply(info, &to);
	fput(file);
	return ret;
}

static bool ear_is_at(const struct lmap_ear *ear, const struct nlattr *window,
		      const struct nlattr *space)
{
	if (window)
		return ear->window && ear->window->id == nla_get_u64(window);
	return ear->space && ear->space->id == nla_get_u64(space);
}

static int unwatch_doit(struct sk_buff *skb, struct genl_info *info)
{
	const struct nlattr *window = info->attrs[LMAP_A_WINDOW];
	const struct nlattr *space = info->attrs[LMAP_A_SPACE];
	struct lmap_listener *listener;
	struct lmap_ear *ear;
	int ret = -ENOENT;

	if (!window == !space)
		return -EINVAL;
	mutex_lock(&listen_lock);
	listener = lmap_listener_find(genl_info_net(info), info->snd_portid);
	if (listener) {
		list_for_each_entry(ear, &listener->watches, of) {
			if (!ear_is_at(ear, window, space))
				continue;
			ear_remove(ear);
			ret = 0;
			break;
		}
	}
	mutex_unlock(&listen_lock);
	return ret;
}

/* The family. */

static const struct nla_policy watch_policy[] = {
	[LMAP_A_FD] = { .type = NLA_U32 },
	[LMAP_A_WATCH] = NLA_POLICY_MASK(NLA_U32, LMAP_WATCH_GAINS),
};

static const struct nla_policy unwatch_policy[] = {
	[LMAP_A_WINDOW] = { .type = NLA_U64 },
	[LMAP_A_SPACE] = { .type = NLA_U64 },
};

static const struct nla_policy get_policy[] = {
	[LMAP_A_WINDOW] = { .type = NLA_U64 },
};

static const struct genl_split_ops listen_ops[] = {
	{
		.cmd = LMAP_CMD_WATCH,
		.policy = watch_policy,
		.maxattr = ARRAY_SIZE(watch_policy) - 1,
		.doit = watch_doit,
		.flags = GENL_CMD_CAP_DO,
	},
	{
		.cmd = LMAP_CMD_UNWATCH,
		.policy = unwatch_policy,
		.maxattr = ARRAY_SIZE(unwatch_policy) - 1,
		.doit = unwatch_doit,
		.flags = GENL_CMD_CAP_DO,
	},
	{
		.cmd = LMAP_CMD_WINDOW_GET,
		.policy = get_policy,
		.maxattr = ARRAY_SIZE(get_policy) - 1,
		.start = lmap_dump_start,
		.dumpit = lmap_window_dumpit,
		.flags = GENL_CMD_CAP_DUMP,
	},
	{
		.cmd = LMAP_CMD_NODE_GET,
		.policy = get_policy,
		.maxattr = ARRAY_SIZE(get_policy) - 1,
		.start = lmap_dump_start,
		.dumpit = lmap_node_dumpit,
		.flags = GENL_CMD_CAP_DUMP,
	},
	{
		.cmd = LMAP_CMD_STATS_GET,
		.flags = GENL_CMD_CAP_DO | GENL_ADMIN_PERM,
		.doit = lmap_stats_doit,
	},
};

static const struct genl_multicast_group listen_groups[] = {
	{ .name = LMAP_MCGRP_ALL, LMAP_COMPAT_MCGRP_ADMIN },
};

struct genl_family lmap_family __ro_after_init = {
	.name = LMAP_FAMILY_NAME,
	.version = LMAP_FAMILY_VERSION,
	.maxattr = LMAP_A_MAX,
	.netnsok = true,
	.parallel_ops = true,
	.module = THIS_MODULE,
	LMAP_COMPAT_OPS(listen_ops),
	.resv_start_op = LMAP_CMD_WATCH,
	.mcgrps = listen_groups,
	.n_mcgrps = ARRAY_SIZE(listen_groups),
};

int lmap_listen_init(void)
{
	int ret = netlink_register_notifier(&listen_notifier);

	if (ret)
		return ret;
	ret = genl_register_family(&lmap_family);
	if (ret)
		netlink_unregister_notifier(&listen_notifier);
	return ret;
}

/* No window and no space is left, but sockets may be that watched one. */
void lmap_listen_exit(void)
{
	struct lmap_listener *listener;
	struct hlist_node *next;
	unsigned int i;

	genl_unregister_family(&lmap_family);
	netlink_unregister_notifier(&listen_notifier);
	mutex_lock(&listen_lock);
	hash_for_each_safe(listeners, i, next, listener, link)
		listener_remove(listener);
	mutex_unlock(&listen_lock);
	srcu_barrier(&lmap_listen_srcu);
}
