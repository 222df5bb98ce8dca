// SPDX-License-Identifier: GPL-2.0
/*
 * takelocks - opening /dev/takelocks registers an mmu notifier for the caller,
 * which takes all locks of its address space (mm_take_all_locks()), as KVM
 * does. For the kselftest deadlock only; must never be installed.
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mmu_notifier.h>
#include <linux/module.h>
#include <linux/slab.h>

static const struct mmu_notifier_ops takelocks_notifier_ops = {};

static int takelocks_open(struct inode *inode, struct file *file)
{
	struct mmu_notifier *mn = kzalloc(sizeof(*mn), GFP_KERNEL);
	int ret;

	if (!mn)
		return -ENOMEM;
	mn->ops = &takelocks_notifier_ops;
	ret = mmu_notifier_register(mn, current->mm);
	if (ret) {
		kfree(mn);
		return ret;
	}
	file->private_data = mn;
	return 0;
}

static int takelocks_release(struct inode *inode, struct file *file)
{
	struct mmu_notifier *mn = file->private_data;

	mmu_notifier_unregister(mn, mn->mm);
	kfree(mn);
	return 0;
}

static const struct file_operations takelocks_fops = {
	.owner = THIS_MODULE,
	.open = takelocks_open,
	.release = takelocks_release,
};

static struct miscdevice takelocks_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "takelocks",
	.mode = 0600,
	.fops = &takelocks_fops,
};

module_misc_device(takelocks_misc);
MODULE_DESCRIPTION("Test module: takes all locks of an address space");
MODULE_LICENSE("GPL");
