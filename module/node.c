// SPDX-License-Identifier: GPL-2.0
/*
 * lmap - the memory of mappings: who pays for it, how much anybody may have,
 * and what is set aside in advance.
 *
 * Nothing here may look into the tree. A failure must leave all counters as
 * they were.
 */
#include "lmap.h"

#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/hashtable.h>
#include <linux/mempool.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/sched/user.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>

/* Nodes set aside for splitting inside notifiers, for all spaces together. */
#define NODE_POOL	256

/* Nodes for each mapping that is reserved: a range has two borders, and may move. */
#define SPARES_PER_NODE	3

static unsigned int max_mappings = 1U << 20;
module_param(max_mappings, uint, 0644);
MODULE_PARM_DESC(max_mappings, "Mappings that one user can have made (CAP_SYS_RESOURCE: no limit)");

static unsigned int max_windows = 1U << 16;
module_param(max_windows, uint, 0644);
MODULE_PARM_DESC(max_windows, "Windows that one user can have (CAP_SYS_RESOURCE: no limit)");

static void nodes_free_work(struct work_struct *work);

static struct kmem_cache *node_cache;
static struct kmem_cache *mapping_cache;
static mempool_t *node_pool;
static atomic64_t last_id;

/* Rings of nodes that no reader knows any more. */
static LLIST_HEAD(free_rings);
static DECLARE_WORK(free_work, nodes_free_work);

/* Of spaces, windows, regions and mappings: one row of numbers for all. */
u64 lmap_id_next(void)
{
	return atomic64_inc_return(&last_id);
}

/* Users. */

static DEFINE_HASHTABLE(users, 6);
static DEFINE_SPINLOCK(users_lock);	/* users; also in RCU callbacks */

static struct lmap_user *user_find(kuid_t uid)
{
	struct lmap_user *user;

	lockdep_assert_held(&users_lock);
	hash_for_each_possible(users, user, link, __kuid_val(uid))
		if (uid_eq(user->user->uid, uid))
			return user;
	return NULL;
}

/**
 * lmap_user_get - the caller's account
 *
 * Return: the account, with a reference, or NULL without memory.
 */
struct lmap_user *lmap_user_get(void)
{
	struct lmap_user *fresh = kzalloc(sizeof(*fresh), GFP_KERNEL_ACCOUNT);
	struct lmap_user *user;

	if (!fresh)
		return NULL;
	spin_lock_bh(&users_lock);
	user = user_find(current_user()->uid);
	if (user) {
		refcount_inc(&user->refs);
	} else {
		user = fresh;
		refcount_set(&user->refs, 1);
		user->user = get_uid(current_user());
		hash_add(users, &user->link, __kuid_val(user->user->uid));
		fresh = NULL;
	}
	spin_unlock_bh(&users_lock);
	kfree(fresh);
	return user;
}

void lmap_user_ref(struct lmap_user *user)
{
	refcount_inc(&user->refs);
}

void lmap_user_put(struct lmap_user *user)
{
	bool last;

	/* refcount_dec_and_lock(), in a way that sparse can follow. */
	if (refcount_dec_not_one(&user->refs))
		return;
	spin_lock_bh(&users_lock);
	last = refcount_dec_and_test(&user->refs);
	if (last)
		hash_del(&user->link);
	spin_unlock_bh(&users_lock);
	if (!last)
		return;
	free_uid(user->user);
	kfree(user);
}

static int count_charge(atomic_long_t *count, unsigned long n,
			unsigned long limit, int cap)
{
	unsigned long sum = atomic_long_add_return(n, count);

	/* Whoever is exempt counts all the same. */
	if (sum <= limit || ns_capable_noaudit(&init_user_ns, cap))
		return 0;
	atomic_long_sub(n, count);
	return -EDQUOT;
}

int lmap_user_charge_window(struct lmap_user *user)
{
	return count_charge(&user->windows, 1, READ_ONCE(max_windows),
			    CAP_SYS_RESOURCE);
}

int lmap_user_charge_mapping(struct lmap_user *user)
{
	return count_charge(&user->mappings, 1, READ_ONCE(max_mappings),
			    CAP_SYS_RESOURCE);
}

void lmap_user_uncharge_mapping(struct lmap_user *user)
{
	atomic_long_dec(&user->mappings);
}

void lmap_user_uncharge_window(struct lmap_user *user)
{
	atomic_long_dec(&user->windows);
}

/**
 * lmap_user_charge_locked - count pages that can't be taken from memory
 * @user: of the caller
 * @npages: how many
 *
 * The same account as of io_uring and bpf, so that a user can't have the limit
 * several times.
 *
 * Return: 0 or -EDQUOT.
 */
int lmap_user_charge_locked(struct lmap_user *user, unsigned long npages)
{
	return count_charge(&user->user->locked_vm, npages,
			    rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT, CAP_IPC_LOCK);
}

void lmap_user_uncharge_locked(struct lmap_user *user, unsigned long npages)
{
	atomic_long_sub(npages, &user->user->locked_vm);
}

/* Nodes. */

/**
 * lmap_node_alloc - a node for splitting
 * @space: whose reserve can be used, or NULL
 * @gfp: without reclaim also the pool for notifiers is used
 */
struct lmap_node *lmap_node_alloc(struct lmap_space *space, gfp_t gfp)
{
	struct lmap_node *node = kmem_cache_alloc(node_cache, gfp);

	if (!node && space) {
		spin_lock(&space->reserve.lock);
		node = list_first_entry_or_null(&space->reserve.nodes,
						struct lmap_node, order);
		if (node) {
			list_del(&node->order);
			space->reserve.nr_nodes--;
		}
		spin_unlock(&space->reserve.lock);
	}
	if (!node && !gfpflags_allow_blocking(gfp))
		node = mempool_alloc(node_pool, gfp);
	return node;
}

/* Not linked since it was allocated: no reader can know it. */
void lmap_node_free(struct lmap_node *node)
{
	mempool_free(node, node_pool);
}

/* Never linked nodes: spares that were not needed. */
void lmap_node_free_list(struct list_head *nodes)
{
	struct lmap_node *node, *next;

	list_for_each_entry_safe(node, next, nodes, order)
		lmap_node_free(node);
	INIT_LIST_HEAD(nodes);
}

static struct lmap_mapping *node_mapping(struct lmap_node *node)
{
	return container_of(node->origin, struct lmap_mapping, origin);
}

/**
 * lmap_mapping_charge_locked - count the pages of a new mapping as locked
 * @node: from lmap_mapping_alloc(), not linked yet
 * @npages: how many
 *
 * They are given back with the nodes of the mapping (lmap_node_uncharge_locked())
 * or by lmap_mapping_uncharge_locked().
 */
int lmap_mapping_charge_locked(struct lmap_node *node, unsigned long npages)
{
	struct lmap_mapping *mapping = node_mapping(node);
	int ret = lmap_user_charge_locked(mapping->user, npages);

	if (!ret)
		atomic_long_add(npages, &mapping->locked);
	return ret;
}

/*
 * A node is dying: its pages count no longer. At once, since the user may need
 * them for the next call; still linked, since that holds the mapping.
 */
void lmap_node_uncharge_locked(struct lmap_node *node)
{
	struct lmap_mapping *mapping = node_mapping(node);

	if (!(node->flags & LMAP_NODE_PIN))
		return;
	node->flags &= ~LMAP_NODE_PIN;
	atomic_long_sub(node->npages, &mapping->locked);
	lmap_user_uncharge_locked(mapping->user, node->npages);
}

/* The mapping will not be made after all. */
void lmap_mapping_uncharge_locked(struct lmap_node *node)
{
	struct lmap_mapping *mapping = node_mapping(node);

	lmap_user_uncharge_locked(mapping->user,
				  atomic_long_xchg(&mapping->locked, 0));
}

/**
 * lmap_refs_table_alloc - memory for tracking
 * @first: first region page
 * @last: last region page
 *
 * Return: a table for these pages, all bits clear, or NULL.
 */
struct lmap_refs_table *lmap_refs_table_alloc(unsigned long first,
					      unsigned long last)
{
	struct lmap_refs_table *table;

	/* What is too large for the kernel is ENOMEM, no reason to warn. */
	table = kvzalloc(lmap_refs_table_size(first, last),
			 GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (table)
		lmap_refs_table_init(table, first, last);
	return table;
}

/* Nobody can use it any more: what it counted for can be had again. */
static void mapping_uncharge(struct lmap_mapping *mapping)
{
	if (mapping->charged)
		lmap_user_uncharge_mapping(mapping->user);
}

static void mapping_free(struct lmap_mapping *mapping)
{
	WARN_ON(atomic_long_read(&mapping->locked));
	lmap_user_put(mapping->user);
	kvfree(mapping->origin.refs.table);
	kmem_cache_free(mapping_cache, mapping);
}

/* By its address alone: of an unlinked node the mapping may be gone. */
static bool node_is_first(struct lmap_node *node)
{
	return node == &node_mapping(node)->node;
}

/**
 * lmap_mapping_charge - count a new mapping
 * @node: from lmap_mapping_alloc(), not linked yet
 *
 * What is in reserve counts already.
 *
 * Return: 0 or -EDQUOT.
 */
int lmap_mapping_charge(struct lmap_node *node)
{
	struct lmap_mapping *mapping = node_mapping(node);
	int ret;

	if (mapping->charged)
		return 0;
	ret = lmap_user_charge_mapping(mapping->user);
	mapping->charged = !ret;
	return ret;
}

/**
 * lmap_mapping_alloc - a node for a new mapping, with its origin
 * @user: who will pay, see lmap_mapping_charge()
 * @out: result
 *
 * Return: 0 or -ENOMEM.
 */
int lmap_mapping_alloc(struct lmap_user *user, struct lmap_node **out)
{
	struct lmap_mapping *mapping;

	mapping = kmem_cache_alloc(mapping_cache, GFP_KERNEL_ACCOUNT);
	if (!mapping)
		return -ENOMEM;
	/* The node is filled in by who links it. */
	memset_after(mapping, 0, node);
	lmap_user_ref(user);
	mapping->user = user;
	mapping->origin.id = lmap_id_next();
	mapping->node.origin = &mapping->origin;
	*out = &mapping->node;
	return 0;
}

/* Never linked. */
void lmap_mapping_free(struct lmap_node *node)
{
	struct lmap_mapping *mapping = node_mapping(node);

	lmap_mapping_uncharge_locked(node);
	mapping_uncharge(mapping);
	mapping_free(mapping);
}

static void node_free_unlinked(struct lmap_node *node)
{
	struct lmap_mapping *mapping = node_mapping(node);
	bool last = node->flags & LMAP_NODE_LAST;

	if (!node_is_first(node))
		lmap_node_free(node);
	/* Who looked at the origin came by one of its nodes, this or earlier. */
	if (last)
		mapping_free(mapping);
}

static void node_free_rcu(struct rcu_head *rcu)
{
	node_free_unlinked(container_of(rcu, struct lmap_node, rcu));
}

/* What waits in a ring is told by one of its nodes, in place of its rcu. */
static void ring_free_rcu(struct rcu_head *rcu)
{
	struct lmap_node *node = container_of(rcu, struct lmap_node, rcu);

	llist_add(&node->ring, &free_rings);
	queue_work(lmap_wq, &free_work);
}

static void ring_free(struct lmap_node *first)
{
	struct lmap_node *node, *next;

	list_for_each_entry_safe(node, next, &first->order, order) {
		node_free_unlinked(node);
		cond_resched();
	}
	node_free_unlinked(first);
}

/**
 * lmap_nodes_free_now - free what waits for the worker
 *
 * Who revokes much helps it: what waits to be freed stays bounded however late
 * the worker runs.
 *
 * Context: process, nothing held; may sleep.
 */
void lmap_nodes_free_now(void)
{
	struct lmap_node *first, *next;

	llist_for_each_entry_safe(first, next, llist_del_all(&free_rings),
				  ring)
		ring_free(first);
}

static void nodes_free_work(struct work_struct *work)
{
	lmap_nodes_free_now();
}

/**
 * lmap_nodes_free_later - free unlinked nodes when no reader knows them any more
 * @dead: list (by order); empty afterwards
 *
 * One by one in RCU callbacks, thousands would be freed in one go by whatever
 * has a softirq next, since the core gives up its limit when there are many. So
 * one callback is for all of them, and a worker frees them. The quota has been
 * given back, see lmap_node_unlinked().
 */
void lmap_nodes_free_later(struct list_head *dead)
{
	struct lmap_node *first;

	if (list_empty(dead))
		return;
	first = list_first_entry(dead, struct lmap_node, order);
	list_del_init(dead);
	call_rcu(&first->rcu, list_empty(&first->order) ? node_free_rcu :
							  ring_free_rcu);
}

/**
 * lmap_node_unlinked - a node has been unlinked
 * @node: on the list (by order) that lmap_nodes_free_later() will get
 *
 * Lock-free readers may still look at it. The quota is given back at once, since
 * the user may need it for the next call. The first node of a mapping leaves the
 * list: it goes with the last one, however long after this.
 */
void lmap_node_unlinked(struct lmap_node *node)
{
	if (node->flags & LMAP_NODE_LAST)
		mapping_uncharge(node_mapping(node));
	else if (node_is_first(node))
		list_del(&node->order);
}

/* The reserve of a space. */

void lmap_reserve_init(struct lmap_reserve_list *reserve)
{
	spin_lock_init(&reserve->lock);
	INIT_LIST_HEAD(&reserve->nodes);
	INIT_LIST_HEAD(&reserve->mappings);
	INIT_LIST_HEAD(&reserve->regions);
	reserve->nr_nodes = 0;
	reserve->nr_mappings = 0;
	reserve->nr_regions = 0;
}

/**
 * lmap_reserve_mapping - a node with origin from the reserve
 * @space: of the caller
 *
 * Return: as from lmap_mapping_alloc(), or NULL.
 */
struct lmap_node *lmap_reserve_mapping(struct lmap_space *space)
{
	struct lmap_reserve_list *reserve = &space->reserve;
	struct lmap_node *node;

	spin_lock(&reserve->lock);
	node = list_first_entry_or_null(&reserve->mappings, struct lmap_node,
					order);
	if (node) {
		list_del(&node->order);
		reserve->nr_mappings--;
	}
	spin_unlock(&reserve->lock);
	return node;
}

/* It was not needed after all. */
void lmap_reserve_mapping_back(struct lmap_space *space,
			       struct lmap_node *node)
{
	struct lmap_reserve_list *reserve = &space->reserve;

	spin_lock(&reserve->lock);
	list_add(&node->order, &reserve->mappings);
	reserve->nr_mappings++;
	spin_unlock(&reserve->lock);
}

/* A region from the reserve, all zero, or NULL. */
struct lmap_region *lmap_reserve_region(struct lmap_space *space)
{
	struct lmap_reserve_list *reserve = &space->reserve;
	struct lmap_region *region;

	spin_lock(&reserve->lock);
	region = list_first_entry_or_null(&reserve->regions,
					  struct lmap_region, link);
	if (region) {
		list_del(&region->link);
		reserve->nr_regions--;
	}
	spin_unlock(&reserve->lock);
	return region;
}

/* Memory for @nodes mappings, what is there already included. */
static int reserve_fill(struct lmap_space *space, unsigned int nodes,
			struct lmap_reserve_list *add)
{
	struct lmap_reserve_list *have = &space->reserve;
	struct lmap_region *region;
	struct lmap_node *node;
	int ret;

	while (READ_ONCE(have->nr_mappings) + add->nr_mappings < nodes) {
		ret = lmap_mapping_alloc(space->user, &node);
		if (ret)
			return ret;
		ret = lmap_mapping_charge(node);
		if (ret) {
			lmap_mapping_free(node);
			return ret;
		}
		list_add(&node->order, &add->mappings);
		add->nr_mappings++;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	while (READ_ONCE(have->nr_nodes) + add->nr_nodes < nodes * SPARES_PER_NODE) {
		node = lmap_node_alloc(NULL, GFP_KERNEL_ACCOUNT);
		if (!node)
			return -ENOMEM;
		list_add(&node->order, &add->nodes);
		add->nr_nodes++;
	}
	while (READ_ONCE(have->nr_regions) + add->nr_regions < nodes) {
		region = lmap_region_zalloc();
		if (!region)
			return -ENOMEM;
		list_add(&region->link, &add->regions);
		add->nr_regions++;
	}
	return 0;
}

static void reserve_drop(struct lmap_reserve_list *reserve, unsigned int nodes)
{
	struct lmap_region *region;
	struct lmap_node *node;

	while (reserve->nr_mappings > nodes) {
		node = list_first_entry(&reserve->mappings, struct lmap_node,
					order);
		list_del(&node->order);
		reserve->nr_mappings--;
		lmap_mapping_free(node);
	}
	while (reserve->nr_nodes > nodes * SPARES_PER_NODE) {
		node = list_first_entry(&reserve->nodes, struct lmap_node,
					order);
		list_del(&node->order);
		reserve->nr_nodes--;
		lmap_node_free(node);
	}
	while (reserve->nr_regions > nodes) {
		region = list_first_entry(&reserve->regions,
					  struct lmap_region, link);
		list_del(&region->link);
		reserve->nr_regions--;
		lmap_region_unused(region);
	}
}

static void reserve_splice(struct lmap_reserve_list *from,
			   struct lmap_reserve_list *to)
{
	list_splice_init(&from->nodes, &to->nodes);
	list_splice_init(&from->mappings, &to->mappings);
	list_splice_init(&from->regions, &to->regions);
	to->nr_nodes += from->nr_nodes;
	to->nr_mappings += from->nr_mappings;
	to->nr_regions += from->nr_regions;
	from->nr_nodes = 0;
	from->nr_mappings = 0;
	from->nr_regions = 0;
}

/* The space is being closed: it counts no longer. Notifiers may look at it. */
void lmap_reserve_free(struct lmap_space *space)
{
	struct lmap_reserve_list all;

	lmap_reserve_init(&all);
	spin_lock(&space->reserve.lock);
	reserve_splice(&space->reserve, &all);
	spin_unlock(&space->reserve.lock);
	reserve_drop(&all, 0);
}

/**
 * lmap_ioc_reserve - the ioctl LMAP_RESERVE
 * @space: of the caller
 * @arg: see the uapi header
 *
 * Whoever uses the reserve meanwhile makes the result smaller, as if he had
 * come just after.
 */
long lmap_ioc_reserve(struct lmap_space *space, struct lmap_reserve *arg)
{
	struct lmap_reserve_list add, rest;
	int ret;

	if (arg->flags)
		return -EOPNOTSUPP;
	if (arg->nodes > INT_MAX / SPARES_PER_NODE)
		return -EDQUOT;
	lmap_reserve_init(&add);
	lmap_reserve_init(&rest);
	ret = reserve_fill(space, arg->nodes, &add);
	if (ret) {
		reserve_drop(&add, 0);
		return ret;
	}
	spin_lock(&space->reserve.lock);
	reserve_splice(&add, &space->reserve);
	if (space->reserve.nr_mappings > arg->nodes)
		reserve_splice(&space->reserve, &rest);
	arg->out_nodes = space->reserve.nr_mappings;
	spin_unlock(&space->reserve.lock);
	if (!rest.nr_mappings)
		return 0;
	/* Too many: freed without the lock, and what is left goes back. */
	reserve_drop(&rest, arg->nodes);
	arg->out_nodes = rest.nr_mappings;
	spin_lock(&space->reserve.lock);
	reserve_splice(&rest, &space->reserve);
	spin_unlock(&space->reserve.lock);
	return 0;
}

int lmap_node_init(void)
{
	BUILD_BUG_ON(sizeof(struct lmap_node) > 128);
	node_cache = KMEM_CACHE(lmap_node, SLAB_ACCOUNT);
	if (!node_cache)
		return -ENOMEM;
	mapping_cache = KMEM_CACHE(lmap_mapping, SLAB_ACCOUNT);
	if (!mapping_cache)
		goto err_node;
	node_pool = mempool_create_slab_pool(NODE_POOL, node_cache);
	if (!node_pool)
		goto err_mapping;
	return 0;

err_mapping:
	kmem_cache_destroy(mapping_cache);
err_node:
	kmem_cache_destroy(node_cache);
	return -ENOMEM;
}

void lmap_node_exit(void)
{
	mempool_destroy(node_pool);
	kmem_cache_destroy(mapping_cache);
	kmem_cache_destroy(node_cache);
}
