// SPDX-License-Identifier: GPL-2.0
/*
 * lmap - the device, the ioctl table, loading and unloading.
 *
 * Nothing here may know what an operation means: the dispatcher copies
 * structures in and out and asks who is calling, handlers never see user
 * pointers.
 */
#include "lmap.h"
#include "pager.h"
#include "version.h"

#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

struct workqueue_struct *lmap_wq;

static int lmap_open(struct inode *inode, struct file *file)
{
	struct lmap_space *space;
	int ret;

	ret = lmap_space_open(&space);
	if (ret)
		return ret;
	file->private_data = space;
	return 0;
}

static int lmap_release(struct inode *inode, struct file *file)
{
	struct lmap_space *space = file->private_data;

	lmap_space_revoke(space);
	lmap_reserve_free(space);
	lmap_space_put(space);
	return 0;
}

/* The largest structure; what a handler gets is aligned for all of them. */
union lmap_arg {
	struct lmap_info info;
	struct lmap_window_create window_create;
	struct lmap_map map;
	struct lmap_unmap unmap;
	struct lmap_sync sync;
	struct lmap_reserve reserve;
	struct lmap_status status;
	struct lmap_pager_create pager_create;
};

/* What exists of a space. */
static void space_count(struct lmap_space *space, struct lmap_info *info)
{
	struct lmap_region *region = NULL;

	mutex_lock(&space->lock);
	info->out_windows = space->nr_windows;
	mutex_unlock(&space->lock);
	info->out_regions = 0;
	info->out_mappings = 0;
	while ((region = lmap_region_next(space, region, 0, ULONG_MAX))) {
		unsigned long nr;

		mutex_lock(&region->mdb.lock);
		nr = region->mdb.nr;
		mutex_unlock(&region->mdb.lock);
		info->out_regions += nr != 0;
		info->out_mappings += nr;
	}
	info->out_tiles = atomic_long_read(&space->nr_tiles);
}

static long lmap_do_info(struct lmap_space *space, union lmap_arg *arg)
{
	struct lmap_info *info = &arg->info;

	if (info->flags)
		return -EOPNOTSUPP;
	info->out_version = LMAP_VERSION;
	info->out_page_shift = PAGE_SHIFT;
	info->out_depth_max = LMAP_DEPTH_MAX;
	space_count(space, info);
	return 0;
}

static void lmap_show_fdinfo(struct seq_file *m, struct file *file)
{
	struct lmap_space *space = file->private_data;
	struct lmap_info info = {};

	space_count(space, &info);
	seq_printf(m, "lmap-space:\t%llu\nlmap-windows:\t%u\nlmap-regions:\t%llu\nlmap-mappings:\t%llu\nlmap-tiles:\t%llu\n",
		   space->id, info.out_windows, info.out_regions,
		   info.out_mappings, info.out_tiles);
}

static long lmap_do_window_create(struct lmap_space *space,
				  union lmap_arg *arg)
{
	struct lmap_window_create *create = &arg->window_create;
	int fd;

	if (create->flags || create->rights & ~LMAP_RIGHTS_ALL)
		return -EOPNOTSUPP;
	fd = lmap_window_create(space, create->length, create->rights);
	if (fd < 0)
		return fd;
	create->out_fd = fd;
	return 0;
}

static long lmap_do_map(struct lmap_space *space, union lmap_arg *arg)
{
	return lmap_ioc_map(space, &arg->map);
}

static long lmap_do_grant(struct lmap_space *space, union lmap_arg *arg)
{
	return lmap_ioc_grant(space, &arg->map);
}

static long lmap_do_copy(struct lmap_space *space, union lmap_arg *arg)
{
	return lmap_ioc_copy(space, &arg->map);
}

static long lmap_do_status(struct lmap_space *space, union lmap_arg *arg)
{
	return lmap_ioc_status(space, &arg->status);
}

static long lmap_do_reserve(struct lmap_space *space, union lmap_arg *arg)
{
	return lmap_ioc_reserve(space, &arg->reserve);
}

static long lmap_do_pager_create(struct lmap_space *space,
				 union lmap_arg *arg)
{
	return lmap_ioc_pager_create(space, &arg->pager_create);
}

static long lmap_do_unmap(struct lmap_space *space, union lmap_arg *arg)
{
	return lmap_ioc_unmap(space, &arg->unmap);
}

static long lmap_do_sync(struct lmap_space *space, union lmap_arg *arg)
{
	if (arg->sync.flags)
		return -EOPNOTSUPP;
	return lmap_ioc_sync(space);
}

/**
 * struct lmap_op - one ioctl
 * @cmd: its number
 * @size: structure as this kernel knows it
 * @min_size: structure of the first version
 * @fn: handler
 */
struct lmap_op {
	unsigned int cmd;
	u32 size;
	u32 min_size;
	long (*fn)(struct lmap_space *space, union lmap_arg *arg);
};

#define LMAP_OP(_cmd, _fn, _struct, _last) \
	[_IOC_NR(_cmd)] = { \
		.cmd = _cmd, \
		.size = sizeof(_struct), \
		.min_size = offsetofend(_struct, _last), \
		.fn = _fn, \
	}

static const struct lmap_op lmap_ops[] = {
	LMAP_OP(LMAP_INFO, lmap_do_info, struct lmap_info, out_tiles),
	LMAP_OP(LMAP_WINDOW_CREATE, lmap_do_window_create,
		struct lmap_window_create, out_fd),
	LMAP_OP(LMAP_MAP, lmap_do_map, struct lmap_map, out_rights),
	LMAP_OP(LMAP_UNMAP, lmap_do_unmap, struct lmap_unmap, out_refbits),
	LMAP_OP(LMAP_SYNC, lmap_do_sync, struct lmap_sync, flags),
	LMAP_OP(LMAP_GRANT, lmap_do_grant, struct lmap_map, out_rights),
	LMAP_OP(LMAP_COPY, lmap_do_copy, struct lmap_map, out_rights),
	LMAP_OP(LMAP_STATUS, lmap_do_status, struct lmap_status, reserved),
	LMAP_OP(LMAP_RESERVE, lmap_do_reserve, struct lmap_reserve, out_nodes),
	LMAP_OP(LMAP_PAGER_CREATE, lmap_do_pager_create,
		struct lmap_pager_create, timeout),
};

/**
 * lmap_arg_in - get an ioctl's structure, which begins with its size
 * @arg: result, @known bytes, all of which are written unless it fails
 * @known: structure as this kernel knows it
 * @min: structure of the first version
 * @user: pointer from user space
 *
 * Return: 0; -EFAULT, -EINVAL, -E2BIG.
 */
int lmap_arg_in(void *arg, u32 known, u32 min, const void __user *user)
{
	u32 size;
	int ret;

	if (get_user(size, (u32 __user *)user))
		return -EFAULT;
	if (size < min)
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	ret = copy_struct_from_user(arg, known, user, size);
	/* The word was read twice: what was checked is what counts. */
	*(u32 *)arg = size;
	return ret;
}

/**
 * lmap_arg_out - give an ioctl's structure back
 * @user: pointer from user space
 * @arg: as of lmap_arg_in(), with results
 * @known: structure as this kernel knows it
 *
 * Return: 0 or -EFAULT.
 */
int lmap_arg_out(void __user *user, const void *arg, u32 known)
{
	return copy_to_user(user, arg, min(*(u32 *)arg, known)) ? -EFAULT : 0;
}

static long lmap_ioctl(struct file *file, unsigned int cmd, unsigned long uptr)
{
	struct lmap_space *space = file->private_data;
	void __user *user = (void __user *)uptr;
	unsigned int nr = _IOC_NR(cmd);
	const struct lmap_op *op;
	union lmap_arg arg lmap_uninitialized;	/* lmap_arg_in() fills it */
	long ret;

	if (nr >= ARRAY_SIZE(lmap_ops) || lmap_ops[nr].cmd != cmd)
		return -ENOTTY;
	op = &lmap_ops[nr];

	if (current->mm != space->mm)
		return -EPERM;
	ret = lmap_arg_in(&arg, op->size, op->min_size, user);
	if (ret)
		return ret;
	ret = op->fn(space, &arg);
	return ret ?: lmap_arg_out(user, &arg, op->size);
}

const struct file_operations lmap_space_fops = {
	.owner = THIS_MODULE,
	.open = lmap_open,
	.release = lmap_release,
	.unlocked_ioctl = lmap_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
	.show_fdinfo = lmap_show_fdinfo,
};

static struct miscdevice lmap_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "lmap",
	.mode = 0666,
	.fops = &lmap_space_fops,
};

static int __init lmap_init(void)
{
	int ret;

	lmap_wq = alloc_workqueue("lmap", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	if (!lmap_wq)
		return -ENOMEM;
	ret = lmap_node_init();
	if (ret)
		goto err_wq;
	ret = lmap_region_init();
	if (ret)
		goto err_node;
	ret = lmap_tile_init();
	if (ret)
		goto err_region;
	ret = lmap_window_init();
	if (ret)
		goto err_tile;
	ret = lmap_listen_init();
	if (ret)
		goto err_window;
	ret = misc_register(&lmap_misc);
	if (ret)
		goto err_listen;
	lmap_debugfs_init();
	return 0;

err_listen:
	lmap_listen_exit();
err_window:
	lmap_window_exit();
err_tile:
	lmap_tile_stop();
	lmap_tile_exit();
err_region:
	lmap_region_exit();
err_node:
	lmap_node_exit();
err_wq:
	destroy_workqueue(lmap_wq);
	return ret;
}

/*
 * No file of ours is open any more, but workers may still be freeing what the
 * last ones left. Order: no new users, no shrinker (it holds regions, whose end
 * needs a worker), no RCU callbacks that give mappings to a worker, no workers,
 * no RCU callbacks of theirs, caches.
 */
static void __exit lmap_exit(void)
{
	misc_deregister(&lmap_misc);
	lmap_debugfs_exit();
	lmap_listen_exit();
	lmap_tile_stop();
	rcu_barrier();
	destroy_workqueue(lmap_wq);
	lmap_window_exit();
	rcu_barrier();
	lmap_tile_exit();
	lmap_region_exit();
	lmap_node_exit();
}

module_init(lmap_init);
module_exit(lmap_exit);
MODULE_DESCRIPTION("Lend memory to other processes and take it back");
MODULE_AUTHOR("The lmap authors");
MODULE_VERSION(LMAP_RELEASE);
MODULE_LICENSE("GPL");
