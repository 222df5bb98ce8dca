/* SPDX-License-Identifier: GPL-2.0 */
/*
 * lmap - the only place that knows differences between kernels.
 *
 * The module is written for the newest kernel; this file gives older ones the
 * newer names. It must never hold logic of lmap's own, and no other file may
 * ask for a kernel version.
 */
#ifndef LMAP_COMPAT_H
#define LMAP_COMPAT_H

#include <linux/version.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/shrinker.h>
#include <linux/spinlock.h>
#include <net/genetlink.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "lmap needs Linux 6.1 or newer"
#endif

/* 6.2: netlink operations that answer once and those that dump are apart. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
#define genl_split_ops			genl_ops
#define LMAP_COMPAT_OPS(table)		.ops = (table), .n_ops = ARRAY_SIZE(table)
#else
#define LMAP_COMPAT_OPS(table) \
	.split_ops = (table), .n_split_ops = ARRAY_SIZE(table)
#endif

/* 6.3: vma->vm_flags became read-only, changed through helpers. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
static inline void vm_flags_mod(struct vm_area_struct *vma,
				unsigned long set, unsigned long clear)
{
	vma->vm_flags = (vma->vm_flags | set) & ~clear;
}
#endif

/* 6.4: faults may hold the lock of the VMA alone. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
#define FAULT_FLAG_VMA_LOCK		0

static inline void release_fault_lock(struct vm_fault *vmf)
{
	mmap_read_unlock(vmf->vma->vm_mm);
}
#endif

/* 6.5: get_user_pages and friends lost the argument vmas. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
#define lmap_compat_pin(mm, addr, nr, gup, pages, locked) \
	pin_user_pages_remote(mm, addr, nr, gup, pages, NULL, locked)
#else
#define lmap_compat_pin(mm, addr, nr, gup, pages, locked) \
	pin_user_pages_remote(mm, addr, nr, gup, pages, locked)
#endif

/* 6.7: shrinkers are allocated, so that lookups can be lockless. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
#define shrinker_alloc(flag_bits, name)	lmap_compat_shrinker_alloc(flag_bits)
#define shrinker_register(shrinker)	register_shrinker(shrinker, "lmap")

static inline struct shrinker *lmap_compat_shrinker_alloc(unsigned int flags)
{
	struct shrinker *shrinker = kzalloc(sizeof(*shrinker), GFP_KERNEL);

	if (shrinker)
		shrinker->flags = flags;
	return shrinker;
}

static inline void lmap_compat_shrinker_free(struct shrinker *shrinker,
					     bool registered)
{
	if (registered)
		unregister_shrinker(shrinker);
	kfree(shrinker);
}
#else
static inline int lmap_compat_shrinker_register(struct shrinker *shrinker)
{
	shrinker_register(shrinker);
	return 0;
}

#define shrinker_register(shrinker)	lmap_compat_shrinker_register(shrinker)
#define lmap_compat_shrinker_free(shrinker, registered) shrinker_free(shrinker)
#endif

/* 6.7: files may be reused under RCU; 6.13: their count has a type. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
#define lmap_compat_file_tryget(file)	(get_file_rcu(file) != 0)
#elif LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
#define lmap_compat_file_tryget(file) \
	atomic_long_inc_not_zero(&(file)->f_count)
#else
#define lmap_compat_file_tryget(file)	file_ref_get(&(file)->f_ref)
#endif

/* 6.8: list_lru_add() wants node and memcg, the _obj form finds them. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
#define list_lru_add_obj(lru, item)	list_lru_add(lru, item)
#define list_lru_del_obj(lru, item)	list_lru_del(lru, item)
#endif

/* 6.13: the walk callback no longer gets the lock. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
#define LMAP_ISOLATE_ARGS(item, list, arg) \
	struct list_head *(item), struct list_lru_one *(list), \
	spinlock_t *lru_lock, void *(arg)
#else
#define LMAP_ISOLATE_ARGS(item, list, arg) \
	struct list_head *(item), struct list_lru_one *(list), void *(arg)
#endif

/* 6.6: a dump's attributes moved into an info of their own. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
#define lmap_compat_dump_attrs(cb)	(genl_dumpit_info(cb)->attrs)
#else
#define lmap_compat_dump_attrs(cb)	(genl_dumpit_info(cb)->info.attrs)
#endif

/* 6.7, and stable kernels: what joining a multicast group takes. */
#ifdef GENL_MCAST_CAP_NET_ADMIN
#define LMAP_COMPAT_MCGRP_ADMIN		.flags = GENL_MCAST_CAP_NET_ADMIN
#else
#define LMAP_COMPAT_MCGRP_ADMIN		.cap_sys_admin = 1
#endif

/*
 * Kernels can be built so that whatever is on the stack begins as zero. Not
 * that, where a piece of memory is cleared when it is used and often is not.
 */
#if __has_attribute(__uninitialized__)
#define lmap_uninitialized		__attribute__((__uninitialized__))
#else
#define lmap_uninitialized
#endif

/*
 * PREEMPT_RT: who waits to write lends its priority to nobody that reads. A
 * lock with one owner does, at the price of one reader at a time.
 */
#ifdef CONFIG_PREEMPT_RT
#define lmap_compat_rwlock_t		spinlock_t
#define lmap_compat_rwlock_init(lock)	spin_lock_init(lock)
#define lmap_compat_read_lock(lock)	spin_lock(lock)
#define lmap_compat_read_unlock(lock)	spin_unlock(lock)
#define lmap_compat_write_lock(lock)	spin_lock(lock)
#define lmap_compat_write_unlock(lock)	spin_unlock(lock)
#else
#define lmap_compat_rwlock_t		rwlock_t
#define lmap_compat_rwlock_init(lock)	rwlock_init(lock)
#define lmap_compat_read_lock(lock)	read_lock(lock)
#define lmap_compat_read_unlock(lock)	read_unlock(lock)
#define lmap_compat_write_lock(lock)	write_lock(lock)
#define lmap_compat_write_unlock(lock)	write_unlock(lock)
#endif

#endif /* LMAP_COMPAT_H */
