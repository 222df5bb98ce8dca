// SPDX-License-Identifier: GPL-2.0
/*
 * lmap - receive windows: the file, its mmap rules, zapping.
 *
 * A window must never show a page to another address space than its
 * creator's, never to a private or copied VMA, never executable unless it was
 * mmapped so; and get_user_pages must never get at a page.
 */
#include "fault.h"
#include "pager.h"
#include "race.h"
#include "trace.h"

#include <linux/file.h>
#include <linux/huge_mm.h>
#include <linux/mount.h>
#include <linux/module.h>
#include <linux/pseudo_fs.h>
#include <linux/sched/mm.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#define LMAP_FS_MAGIC	0x6c6d6170	/* "lmap" */

static struct vfsmount *window_mnt;
/* All windows, by number; its own lock is taken inside space->lock. */
static DEFINE_XARRAY(windows);
static atomic_t nr_windows = ATOMIC_INIT(0);
static struct lock_class_key window_i_mmap_key;

/**
 * lmap_window_zap - take pages out of every view of a window
 * @window: whose
 * @wfirst: first page
 * @wlast: last page
 *
 * What must not be seen any more has been marked so before (database or tile
 * table). After this no page table entry, TLB entry or copy under way reaches
 * it.
 *
 * Lockdep is off here, and only here: it has one map for all
 * mmu_notifier_invalidate_range_start() and so takes the borrower's, in
 * which we may come from the lender's, for recursion. There is none: a region
 * never covers a window, callbacks that wait are never caused by a zap
 * (its event is CLEAR), so the nesting ends after the second level.
 *
 * Models: selftests/models/fault.pml, zap(); of what it waits for: locks.pml.
 *
 * Context: process; the caller holds region->revoke, which keeps the window.
 */
void lmap_window_zap(struct lmap_window *window, unsigned long wfirst,
		     unsigned long wlast)
{
	/* Marks before page tables; partner: the barrier in fill_look(). */
	smp_mb();
	lmap_race_sleep(zap_marked);
	/* What looked at the marks before, copies and huge_set(), is over. */
	lmap_compat_write_lock(&window->copy_lock);
	lmap_compat_write_unlock(&window->copy_lock);
	trace_lmap_zap(window, wfirst, wlast);
	lockdep_off();
	unmap_mapping_range(window->file->f_mapping,
			    (loff_t)wfirst << PAGE_SHIFT,
			    (loff_t)(wlast - wfirst + 1) << PAGE_SHIFT, 1);
	lockdep_on();
	lmap_race_sleep(zap_tables);
}

struct lmap_window *lmap_vma_window(struct vm_area_struct *vma)
{
	if (!vma || vma->vm_ops != &lmap_window_vm_ops)
		return NULL;
	return vma->vm_file->private_data;
}

/* mprotect rewrites page table entries: pages without x would get it. */
static int lmap_window_mprotect(struct vm_area_struct *vma,
				unsigned long start, unsigned long end,
				unsigned long newflags)
{
	if (newflags & VM_EXEC && !(vma->vm_flags & VM_EXEC))
		return -EACCES;
	return 0;
}

/* A view can become two, or move; it is in no other mm than the space's. */
static void lmap_window_open(struct vm_area_struct *vma)
{
	atomic_inc(&lmap_vma_window(vma)->space->nr_views);
}

static void lmap_window_close(struct vm_area_struct *vma)
{
	atomic_dec(&lmap_vma_window(vma)->space->nr_views);
}

const struct vm_operations_struct lmap_window_vm_ops = {
	.open = lmap_window_open,
	.close = lmap_window_close,
	.fault = lmap_window_fault,
#ifdef CONFIG_ARCH_SUPPORTS_PMD_PFNMAP
	.huge_fault = lmap_window_huge_fault,
#endif
#ifdef CONFIG_PER_VMA_LOCK
	.map_pages = lmap_window_map_pages,
#endif
	.pfn_mkwrite = lmap_window_mkwrite,
	.mprotect = lmap_window_mprotect,
	.access = lmap_window_access,
};

static int lmap_window_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct lmap_window *window = file->private_data;
	unsigned long clear = 0;

	if (vma->vm_mm != window->space->mm)
		return -EPERM;
	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	if (vma->vm_pgoff >= window->npages ||
	    vma_pages(vma) > window->npages - vma->vm_pgoff)
		return -EINVAL;
	if (!(vma->vm_flags & VM_EXEC))
		clear = VM_MAYEXEC;
	/* VM_IO also keeps MADV_DOFORK from undoing VM_DONTCOPY. */
	vm_flags_mod(vma, VM_PFNMAP | VM_IO | VM_DONTEXPAND | VM_DONTDUMP |
		     VM_DONTCOPY, clear);
	vma->vm_ops = &lmap_window_vm_ops;
	lmap_window_open(vma);
	return 0;
}

static void lmap_window_show_fdinfo(struct seq_file *m, struct file *file)
{
	struct lmap_window *window = file->private_data;

	seq_printf(m, "lmap-window:\t%llu\nlmap-space:\t%llu\nlmap-size:\t%llu\n",
		   window->id, window->space->id,
		   (u64)window->npages << PAGE_SHIFT);
	seq_printf(m, "lmap-rights:\t" LMAP_RIGHTS_FMT "\n",
		   LMAP_RIGHTS_ARGS(window->rights));
}

static loff_t lmap_window_llseek(struct file *file, loff_t offset, int whence)
{
	struct lmap_window *window = file->private_data;

	return fixed_size_llseek(file, offset, whence,
				 (loff_t)window->npages << PAGE_SHIFT);
}

/* No file descriptor and no VMA is left: nobody can add mappings. */
static int lmap_window_release(struct inode *inode, struct file *file)
{
	struct lmap_window *window = file->private_data;
	struct lmap_space *space;

	if (!window)
		return 0;
	space = window->space;
	/*
	 * Whoever zaps for one of the nodes holds the revoke lock of its
	 * region; this waits for it. Then no node leads here any more. Only
	 * then leave the list, so that LMAP_UNMAP never misses the window.
	 */
	lmap_window_kill(window, LMAP_REASON_CLOSE);
	lmap_race_sleep(window_killed);
	mutex_lock(&space->lock);
	list_del(&window->link);
	space->nr_windows--;
	mutex_unlock(&space->lock);
	xa_erase(&windows, window->id);
	atomic_dec(&nr_windows);
	lmap_pager_detach(window);
	lmap_unlisten(&window->ears);
	lmap_user_uncharge_window(space->user);
	lmap_space_put(space);
	kfree_rcu(window, rcu);
	return 0;
}

const struct file_operations lmap_window_fops = {
	.owner = THIS_MODULE,
	.mmap = lmap_window_mmap,
	.get_unmapped_area = thp_get_unmapped_area,
	.release = lmap_window_release,
	.read_iter = lmap_window_read_iter,
	.write_iter = lmap_window_write_iter,
	.llseek = lmap_window_llseek,
	.show_fdinfo = lmap_window_show_fdinfo,
};

/**
 * lmap_window_fget - get a window's file
 * @fd: file descriptor
 *
 * Return: the file, to be fput(); -EBADF, -EBADFD.
 */
struct file *lmap_window_fget(int fd)
{
	struct file *file = fget(fd);

	if (!file)
		return ERR_PTR(-EBADF);
	if (file->f_op != &lmap_window_fops) {
		fput(file);
		return ERR_PTR(-EBADFD);
	}
	return file;
}

/**
 * lmap_window_next - walk all windows there are
 * @id: where to begin; result: number of the window
 *
 * Return: its file, referenced, or NULL.
 */
struct file *lmap_window_next(unsigned long *id)
{
	struct lmap_window *window;
	struct file *file = NULL;

	/* In the array, and so not yet let go by its file. */
	xa_lock(&windows);
	while ((window = xa_find(&windows, id, ULONG_MAX, XA_PRESENT))) {
		if (lmap_compat_file_tryget(window->file)) {
			file = window->file;
			break;
		}
		++*id;
	}
	xa_unlock(&windows);
	return file;
}

unsigned int lmap_window_count(void)
{
	return atomic_read(&nr_windows);
}

/* On error the window is still the caller's. */
static struct file *window_file(struct lmap_window *window)
{
	struct inode *inode = alloc_anon_inode(window_mnt->mnt_sb);
	struct file *file;

	if (IS_ERR(inode))
		return ERR_CAST(inode);
	inode->i_size = (loff_t)window->npages << PAGE_SHIFT;
	lockdep_set_class(&inode->i_mapping->i_mmap_rwsem,
			  &window_i_mmap_key);
	/* alloc_file_pseudo() takes no reference to the module, but __fput() drops one. */
	__module_get(THIS_MODULE);
	file = alloc_file_pseudo(inode, window_mnt, "[lmap]", O_RDWR,
				 &lmap_window_fops);
	if (IS_ERR(file)) {
		module_put(THIS_MODULE);
		iput(inode);
		return file;
	}
	file->f_mode |= FMODE_LSEEK | FMODE_PREAD | FMODE_PWRITE;
	return file;
}

/* Makes the window known to its space; from then on release() ends it. */
static int window_publish(struct lmap_window *window, struct file *file)
{
	struct lmap_space *space = window->space;

	mutex_lock(&space->lock);
	if (space->dead) {
		mutex_unlock(&space->lock);
		return -ENXIO;
	}
	window->file = file;
	list_add_tail(&window->link, &space->windows);
	space->nr_windows++;
	file->private_data = window;
	kref_get(&space->ref);
	/* The place is there already. */
	xa_store(&windows, window->id, window, GFP_NOWAIT);
	atomic_inc(&nr_windows);
	mutex_unlock(&space->lock);
	return 0;
}

static struct file *window_make(struct lmap_space *space, u64 length,
				unsigned int rights)
{
	struct lmap_window *window;
	struct file *file;
	int ret;

	window = kzalloc(sizeof(*window), GFP_KERNEL_ACCOUNT);
	if (!window)
		return ERR_PTR(-ENOMEM);
	lmap_index_init(&window->index);
	lmap_compat_rwlock_init(&window->copy_lock);
	init_rwsem(&window->grain);
	INIT_LIST_HEAD(&window->ears);
	window->id = lmap_id_next();
	window->space = space;
	window->npages = length >> PAGE_SHIFT;
	window->rights = rights;
	ret = xa_reserve(&windows, window->id, GFP_KERNEL_ACCOUNT);
	if (ret) {
		kfree(window);
		return ERR_PTR(ret);
	}
	file = window_file(window);
	if (IS_ERR(file)) {
		xa_release(&windows, window->id);
		kfree(window);
		return file;
	}
	lmap_race_sleep(window_made);
	ret = window_publish(window, file);
	if (ret) {
		/* release() sees a file without a window. */
		fput(file);
		xa_release(&windows, window->id);
		kfree(window);
		return ERR_PTR(ret);
	}
	return file;
}

/**
 * lmap_window_create - make a window
 * @space: of the caller
 * @length: bytes
 * @rights: the most that can be mapped into it
 *
 * Return: file descriptor; -EINVAL, -ENXIO, -ENOMEM, -EMFILE.
 */
int lmap_window_create(struct lmap_space *space, u64 length,
		       unsigned int rights)
{
	struct file *file;
	int fd, ret;

	rights = lmap_rights_imply(rights);
	if (!length || length & ~PAGE_MASK || length > MAX_LFS_FILESIZE ||
	    !(rights & LMAP_R))
		return -EINVAL;
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;
	ret = lmap_user_charge_window(space->user);
	if (ret) {
		put_unused_fd(fd);
		return ret;
	}
	file = window_make(space, length, rights);
	if (IS_ERR(file)) {
		lmap_user_uncharge_window(space->user);
		put_unused_fd(fd);
		return PTR_ERR(file);
	}
	fd_install(fd, file);
	return fd;
}

static int window_fs_context(struct fs_context *fc)
{
	if (!init_pseudo(fc, LMAP_FS_MAGIC))
		return -ENOMEM;
	/* Executable views need it; what they show is checked per page. */
	fc->s_iflags &= ~SB_I_NOEXEC;
	return 0;
}

/* No .owner: the mount made at init would pin the module for ever. */
static struct file_system_type window_fs = {
	.name = "lmap",
	.init_fs_context = window_fs_context,
	.kill_sb = kill_anon_super,
};

int lmap_window_init(void)
{
	window_mnt = kern_mount(&window_fs);
	return PTR_ERR_OR_ZERO(window_mnt);
}

/*
 * __fput() drops the module before the mount. A task between the two has not
 * slept of its own will since; after this none is there, so that the last
 * reference to the mount is ours and window_fs is not used afterwards.
 */
void lmap_window_exit(void)
{
	synchronize_rcu_tasks();
	kern_unmount(window_mnt);
}
