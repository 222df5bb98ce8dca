// SPDX-License-Identifier: GPL-2.0
/*
 * lmap - copying through a window in the kernel: pread, pwrite, and debuggers
 * (ptrace, /proc/PID/mem).
 *
 * The same rights as for page faults hold. No page may be touched but under
 * the window's copy lock, which every zap passes before a page is let go.
 */
#include "lmap.h"
#include "race.h"

#include <linux/highmem.h>
#include <linux/slab.h>
#include <linux/uio.h>

/*
 * One try: copies between @buf and a mapped page.
 * Model: selftests/models/fault.pml, copy().
 */
static int copy_tile(struct lmap_window *window, loff_t pos, void *buf,
		     unsigned int len, bool write, struct lmap_hit *hit)
{
	unsigned long wpage = pos >> PAGE_SHIFT, page;
	struct lmap_region *region;
	struct lmap_chunk *chunk;
	unsigned long tile = 0;
	int ret = 0;
	void *kaddr;

	rcu_read_lock();
	lmap_compat_read_lock(&window->copy_lock);
	/* Partner: smp_mb() in lmap_window_zap(), which then takes the lock. */
	smp_mb();
	ret = -EFAULT;
	if (!lmap_index_lookup(&window->index, wpage, hit))
		goto out;
	ret = -EACCES;
	if (write && !(hit->rights & LMAP_W))
		goto out;
	page = lmap_hit_page(hit, wpage);
	region = lmap_mdb_region(hit->mdb);
	chunk = lmap_tile_chunk(region, page);
	if (chunk)
		tile = READ_ONCE(chunk->slots[page % LMAP_CHUNK_PAGES]);
	ret = -EAGAIN;
	if (!tile)
		goto out;
	ret = -EFAULT;
	if (lmap_tile_poisoned(region, tile))
		goto out;
	ret = -EACCES;
	if (write && !lmap_tile_mark_dirty(chunk, page))
		goto out;
	lmap_refs_touch(&hit->origin->refs, page, write);
	lmap_race(copy_checked);
	kaddr = kmap_local_page(lmap_tile_page(tile));
	if (write)
		memcpy(kaddr + offset_in_page(pos), buf, len);
	else
		memcpy(buf, kaddr + offset_in_page(pos), len);
	kunmap_local(kaddr);
	if (write)
		flush_dcache_page(lmap_tile_page(tile));
	ret = 0;
out:
	lmap_compat_read_unlock(&window->copy_lock);
	/* The mapping was found under RCU: keep its region for pinning. */
	if (ret == -EAGAIN && !lmap_region_tryget(region))
		ret = -EFAULT;
	rcu_read_unlock();
	return ret;
}

/* Within one page; brings in the tile if needed. */
static int copy_page_part(struct lmap_window *window, loff_t pos, void *buf,
			  unsigned int len, bool write,
			  struct mm_struct *held)
{
	struct lmap_hit hit;
	int ret;

	for (;;) {
		struct lmap_region *region;

		ret = copy_tile(window, pos, buf, len, write, &hit);
		if (ret != -EAGAIN)
			return ret;
		lmap_race_sleep(copy_no_tile);
		region = lmap_mdb_region(hit.mdb);
		ret = lmap_tile_pin(region,
				    lmap_hit_page(&hit, pos >> PAGE_SHIFT),
				    held);
		lmap_region_put(region);
		/* Where the lender has nothing it may have moved: see fault.c. */
		if (ret && (ret == -EINTR ||
			    !lmap_index_changed(&window->index, &hit)))
			return ret;
	}
}

static int copy_errno(int ret)
{
	/* Not allowed and not there are the same to read() and write(). */
	return ret == -EINTR || ret == -ENOMEM ? ret : -EFAULT;
}

static ssize_t window_copy(struct kiocb *iocb, struct iov_iter *iter,
			   bool write)
{
	struct lmap_window *window = iocb->ki_filp->private_data;
	loff_t size = (loff_t)window->npages << PAGE_SHIFT;
	ssize_t done = 0;
	void *bounce;
	int ret = 0;

	bounce = (void *)__get_free_page(GFP_KERNEL_ACCOUNT);
	if (!bounce)
		return -ENOMEM;
	while (iov_iter_count(iter) && iocb->ki_pos < size) {
		loff_t pos = iocb->ki_pos;
		unsigned int len = min_t(size_t, iov_iter_count(iter),
					 PAGE_SIZE - offset_in_page(pos));
		size_t moved;

		if (write && copy_from_iter(bounce, len, iter) != len) {
			ret = -EFAULT;
			break;
		}
		ret = copy_page_part(window, pos, bounce, len, write, NULL);
		if (ret) {
			if (write)
				iov_iter_revert(iter, len);
			ret = copy_errno(ret);
			break;
		}
		moved = write ? len : copy_to_iter(bounce, len, iter);
		iocb->ki_pos += moved;
		done += moved;
		if (moved != len) {
			ret = -EFAULT;
			break;
		}
		cond_resched();
	}
	free_page((unsigned long)bounce);
	if (!done && write && !ret && iov_iter_count(iter))
		ret = -ENOSPC;
	return done ?: ret;
}

ssize_t lmap_window_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	return window_copy(iocb, to, false);
}

ssize_t lmap_window_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	return window_copy(iocb, from, true);
}

/**
 * lmap_window_access - read or write for a debugger
 * @vma: view of a window
 * @addr: address in @vma
 * @buf: kernel memory
 * @len: bytes, may reach over pages
 * @write: direction
 *
 * Context: mmap_lock of the borrower held, so the lender is not waited for.
 * Return: bytes copied; -EIO if nothing could be (ptrace's errno).
 */
int lmap_window_access(struct vm_area_struct *vma, unsigned long addr,
		       void *buf, int len, int write)
{
	struct lmap_window *window = lmap_vma_window(vma);
	loff_t pos = ((loff_t)vma->vm_pgoff << PAGE_SHIFT) +
		     (addr - vma->vm_start);
	int done = 0;

	if (write && !(vma->vm_flags & VM_WRITE))
		return -EIO;
	len = min_t(unsigned long, len, vma->vm_end - addr);
	while (done < len) {
		unsigned int part = min_t(unsigned int, len - done,
					  PAGE_SIZE - offset_in_page(pos));

		if (copy_page_part(window, pos, buf + done, part, write,
				   vma->vm_mm))
			break;
		pos += part;
		done += part;
	}
	return done ?: -EIO;
}
