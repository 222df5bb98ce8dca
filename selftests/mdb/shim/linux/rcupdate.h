/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Stand-in: readers hold a rwlock, waiting for them takes it for writing.
 * Stricter than the kernel's: memory is really freed at the first moment at
 * which it may be, so that the address sanitizer sees a use that comes later.
 */
#ifndef SHIM_RCUPDATE_H
#define SHIM_RCUPDATE_H

#include <pthread.h>
#include <linux/kernel.h>
#include <linux/rbtree.h>

extern pthread_rwlock_t shim_rcu;

#define rcu_dereference_raw(p)	__atomic_load_n(&(p), __ATOMIC_CONSUME)

static inline void rcu_read_lock(void)
{
	pthread_rwlock_rdlock(&shim_rcu);
}

static inline void rcu_read_unlock(void)
{
	pthread_rwlock_unlock(&shim_rcu);
}

static inline void synchronize_rcu(void)
{
	pthread_rwlock_wrlock(&shim_rcu);
	pthread_rwlock_unlock(&shim_rcu);
}

static inline void rb_link_node_rcu(struct rb_node *node,
				    struct rb_node *parent,
				    struct rb_node **link)
{
	node->__rb_parent_color = (unsigned long)parent;
	node->rb_left = NULL;
	node->rb_right = NULL;
	__atomic_store_n(link, node, __ATOMIC_RELEASE);
}

#endif
