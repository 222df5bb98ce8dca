// SPDX-License-Identifier: GPL-2.0
/*
 * lmap - page faults in windows, write upgrades, populating.
 *
 * A page table entry must never be set but in set_entry(), under its lock and
 * after the checks there; the lender must never be waited for while the
 * borrower's mmap_lock is held. The race of fault and revoke is drawn in
 * Documentation/locking.rst.
 */
#include "fault.h"
#include "pager.h"
#include "race.h"
#include "trace.h"

#include <linux/file.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>

/**
 * struct fill - state of one apply_to_page_range()
 * @vma: view that is filled; inside one page table, under one PTE lock
 * @window: of @vma
 * @target: address that faulted; 0 when populating
 * @write: install writable where that is allowed
 * @prot: of entries without and with w
 * @filled: entries set
 * @hit: mapping that was looked up last
 *
 * The rest is only for fill_pte(): what was seen under the PTE lock, of some
 * pages that lie in one mapping and in one chunk.
 * @known: @hit was looked up under this lock
 * @base: window page that would be shown at address 0
 * @first: the first of those pages, where the view shows it: address / PAGE_SIZE
 * @nr: how many; 0: nothing has been looked up
 * @chunk: their chunk
 * @slots: of it, from the one of @first on
 * @strict: not all tiles will do, or not for all addresses
 * @writes: entries may be writable
 * @touched: reference bits are set: 1, for writing as well: 2
 */
struct fill {
	struct vm_area_struct *vma;
	struct lmap_window *window;
	unsigned long target;
	bool write;
	pgprot_t prot[2];
	unsigned int filled;
	struct lmap_hit hit;
	bool known;
	unsigned long base;
	unsigned long first;
	unsigned long nr;
	struct lmap_chunk *chunk;
	unsigned long *slots;
	bool strict;
	bool writes;
	u8 touched;
};

/* The rights that the access needs. */
static unsigned int fill_rights_wanted(const struct fill *f)
{
	return lmap_vma_rights_wanted(f->vma) | (f->write ? LMAP_W : 0);
}

/* Which mapping is at a page, and what may the view show of it? */
static bool fill_look(struct fill *f, unsigned long wpage)
{
	struct vm_area_struct *vma = f->vma;
	struct lmap_hit *hit = &f->hit;

	if (f->known && wpage >= hit->wfirst && wpage <= hit->wlast)
		return true;
	/*
	 * The page table is linked before the database is read. Partner:
	 * smp_mb() in lmap_window_zap(), between the mark and the walk of the
	 * page tables.
	 */
	smp_mb();
	f->known = lmap_index_lookup(&f->window->index, wpage, hit) &&
		   !(lmap_vma_rights_wanted(vma) & ~hit->rights);
	if (!f->known)
		return false;
	f->strict = vma->vm_flags & VM_EXEC || hit->origin->refs.tracked ||
		    lmap_mdb_region(hit->mdb)->detached;
	f->writes = f->write && vma->vm_flags & VM_WRITE &&
		    hit->rights & LMAP_W;
	f->touched = 0;
	return true;
}

/*
 * Under the PTE lock, once for all pages of a mapping and a chunk: whatever
 * changes after this is zapped when we have dropped the lock, with all that is
 * set until then.
 */
static noinline bool fill_begin(struct fill *f, unsigned long wpage)
{
	struct lmap_hit *hit = &f->hit;
	unsigned long page, before, after;

	f->nr = 0;
	if (!fill_look(f, wpage))
		return false;
	page = lmap_hit_page(hit, wpage);
	f->chunk = lmap_tile_chunk(lmap_mdb_region(hit->mdb), page);
	if (!f->chunk)
		return false;
	if (!READ_ONCE(f->chunk->accessed))
		WRITE_ONCE(f->chunk->accessed, true);
	before = min(page % LMAP_CHUNK_PAGES, wpage - hit->wfirst);
	after = min(~page % LMAP_CHUNK_PAGES, hit->wlast - wpage);
	f->first = wpage - before - f->base;
	f->slots = &f->chunk->slots[(page - before) % LMAP_CHUNK_PAGES];
	f->nr = before + 1 + after;
	return true;
}

/* What is no matter of course: see @strict. */
static noinline bool fill_allows(const struct fill *f, unsigned long addr,
				 unsigned long tile)
{
	/* Tracked: only what is touched. */
	return lmap_tile_fits(f->vma, tile) &&
	       !lmap_tile_poisoned(lmap_mdb_region(f->hit.mdb), tile) &&
	       (!f->hit.origin->refs.tracked || addr == f->target);
}

/* May the tile be written? What was written before needs no mark. */
static bool fill_writable(struct fill *f, unsigned long wpage,
			  unsigned long tile)
{
	const unsigned long both = LMAP_TILE_WRITE | LMAP_TILE_DIRTY;

	return f->writes && ((tile & both) == both ||
			     lmap_tile_mark_dirty(f->chunk,
						  lmap_hit_page(&f->hit, wpage)));
}

/*
 * Those that stand for all pages of a mapping stay set at least until the PTE
 * lock is dropped: whoever takes them zaps afterwards.
 */
static noinline void fill_touch(struct fill *f, unsigned long wpage, bool write)
{
	struct lmap_refs *refs = &f->hit.origin->refs;

	lmap_refs_touch(refs, lmap_hit_page(&f->hit, wpage), write);
	if (!refs->tracked)
		f->touched = write + 1;
}

/*
 * Under the PTE lock, which also keeps RCU readers' memory. Whatever is
 * revoked or dropped was marked before it is zapped, and zapping takes this
 * lock: either the mark is seen here, or the zap sees the entry.
 * Model: selftests/models/fault.pml, fill() and set_entry().
 */
static __always_inline void set_entry(struct fill *f, pte_t *pte,
				      unsigned long addr)
{
	unsigned long vpage = addr >> PAGE_SHIFT, tile, pfn;
	bool write;
	pte_t entry;

	lmap_race(fault_locked);
	if (vpage - f->first >= f->nr && !fill_begin(f, f->base + vpage))
		return;
	tile = READ_ONCE(f->slots[vpage - f->first]);
	if (!tile || (f->strict && !fill_allows(f, addr, tile)))
		return;
	write = fill_writable(f, f->base + vpage, tile);
	pfn = page_to_pfn(lmap_tile_page(tile));
	/* An upgrade. Asked of the entry: no register must be kept for it. */
	if (unlikely(!pte_none(*pte)) && (!write || pte_pfn(*pte) != pfn))
		return;
	if (f->touched <= write)
		fill_touch(f, f->base + vpage, write);
	/*
	 * Set in one place only, where the compiler sees that it is special: for
	 * others set_pte_at() on arm64 calls what modules don't get.
	 */
	entry = pte_mkyoung(pte_mkspecial(pfn_pte(pfn, f->prot[write])));
	if (write)
		entry = pte_mkdirty(entry);
	lmap_race(fault_checked);
	set_pte_at(f->vma->vm_mm, addr, pte, entry);
	f->filled++;
}

static int fill_pte(pte_t *pte, unsigned long addr, void *data)
{
	struct fill *f = data;

	/* Something is there: does the access want it to be writable? */
	if (unlikely(!pte_none(*pte)) &&
	    (!f->write || addr != f->target || !pte_present(*pte)))
		return 0;
	set_entry(f, pte, addr);
	return 0;
}

/*
 * Which addresses around @addr can be filled in one go: same page table, same
 * view, same mapping, and chunks that exist without a gap.
 */
static void fill_range(struct fill *f, unsigned long addr,
		       unsigned long *start, unsigned long *end)
{
	struct vm_area_struct *vma = f->vma;
	struct lmap_hit *hit = &f->hit;
	unsigned long wpage = lmap_vma_wpage(vma, addr);
	unsigned long first = max(vma->vm_start, addr & PMD_MASK);
	unsigned long last = min(vma->vm_end - 1, addr | ~PMD_MASK);
	struct lmap_region *region = lmap_mdb_region(hit->mdb);
	unsigned long wfirst = max(hit->wfirst, lmap_vma_wpage(vma, first));
	unsigned long wlast = min(hit->wlast, lmap_vma_wpage(vma, last));
	unsigned long page = lmap_hit_page(hit, wpage);
	unsigned long lo, hi = page;
	unsigned long min_page = page - (wpage - wfirst);
	unsigned long max_page = page + (wlast - wpage);

	*start = addr;
	*end = addr + PAGE_SIZE;
	if (hit->origin->refs.tracked)
		return;
	/*
	 * Up to the border of the chunk, and on if there is a next one. Not the
	 * other way: who goes forwards has filled what lies behind him.
	 */
	lo = max(min_page, round_down(page, LMAP_CHUNK_PAGES));
	for (;;) {
		hi = min(max_page, hi | (LMAP_CHUNK_PAGES - 1));
		if (hi == max_page || !lmap_tile_chunk(region, hi + 1))
			break;
		hi++;
	}
	*start = addr - ((page - lo) << PAGE_SHIFT);
	*end = addr + ((hi - page + 1) << PAGE_SHIFT);
}

static vm_fault_t fill_run(struct fill *f, unsigned long start,
			   unsigned long end)
{
	unsigned long flags = f->vma->vm_flags;
	struct mm_struct *mm = f->vma->vm_mm;
	int ret = 0;

	f->base = f->vma->vm_pgoff - (f->vma->vm_start >> PAGE_SHIFT);
	f->known = false;
	f->nr = 0;
	f->filled = 0;
	f->prot[false] = vm_get_page_prot(flags & ~VM_WRITE);
	f->prot[true] = vm_get_page_prot(flags);
	lmap_grain_fine(f->window);
	/* Somebody was faster, with more: the access tells. */
	if (!lmap_huge_there(mm, start)) {
		lmap_race_sleep(fill_begun);
		ret = apply_to_page_range(mm, start, end - start, fill_pte, f);
	}
	lmap_grain_fine_end(f->window);
	if (ret)
		return VM_FAULT_OOM;
	if (f->filled) {
		lmap_count(faults, 1);
		lmap_count(pages, f->filled);
	}
	/* Filled, or something changed meanwhile: the access tells. */
	return VM_FAULT_NOPAGE;
}

/*
 * The right is missing. The core would report SEGV_MAPERR, so say it
 * ourselves; a signal that would not be handled is the core's to force.
 */
static vm_fault_t fault_segv(struct vm_fault *vmf)
{
	/* Our own does not go away. */
	struct sighand_struct *sighand =
		rcu_dereference_protected(current->sighand, true);
	__sighandler_t handler;
	kernel_siginfo_t info;
	bool blocked;

	if (!(vmf->flags & FAULT_FLAG_USER))
		return VM_FAULT_SIGSEGV;
	spin_lock_irq(&sighand->siglock);
	handler = sighand->action[SIGSEGV - 1].sa.sa_handler;
	blocked = sigismember(&current->blocked, SIGSEGV);
	spin_unlock_irq(&sighand->siglock);
	if (blocked || handler == SIG_DFL || handler == SIG_IGN)
		return VM_FAULT_SIGSEGV;

	clear_siginfo(&info);
	info.si_signo = SIGSEGV;
	info.si_code = SEGV_ACCERR;
	info.si_addr = (void __user *)vmf->real_address;
	send_sig_info(SIGSEGV, &info, current);
	return VM_FAULT_NOPAGE;
}

static vm_fault_t fault_errno(struct vm_fault *vmf, int err)
{
	switch (err) {
	case -EACCES:
	case -EPERM:
		return fault_segv(vmf);
	case -EHWPOISON:
		return VM_FAULT_HWPOISON;
	default:
		/*
		 * Also without memory for the tile: it is the lender's cgroup
		 * that has none, and the borrower must not retry for ever.
		 */
		return VM_FAULT_SIGBUS;
	}
}

/*
 * Pins, and puts the region. Where the lender has nothing the mapping may have
 * moved to another region, with its pages (lmap_leave_adopt()): then the look-up
 * is outdated, and 0 says that the fault has to be taken again.
 */
static int pin_or_retry(struct fill *f, struct lmap_region *region,
			unsigned long page, struct mm_struct *held)
{
	int ret = lmap_tile_pin(region, page, held);

	lmap_region_put(region);
	if (ret && ret != -EINTR &&
	    lmap_index_changed(&f->window->index, &f->hit))
		ret = 0;
	return ret;
}

/*
 * Brings in a tile. The caller holds a reference to the region for us. The
 * borrower's mmap_lock, or the VMA's, is dropped meanwhile, and with it the view
 * may go; then VM_FAULT_RETRY tells so. An error needs the lock to be held:
 * mmap_lock is taken again, and the core looks at nothing but the result then;
 * without it the fault is taken once more, with it.
 * Model: selftests/models/locks.pml, fault().
 */
static vm_fault_t fault_pin(struct vm_fault *vmf, struct fill *f,
			    struct lmap_region *region, unsigned long page)
{
	bool vma_lock = vmf->flags & FAULT_FLAG_VMA_LOCK;
	struct mm_struct *mm = vmf->vma->vm_mm;
	struct file *file;
	int ret;

	if (!(vmf->flags & FAULT_FLAG_ALLOW_RETRY)) {
		ret = pin_or_retry(f, region, page, mm);
		return ret ? fault_errno(vmf, ret) : VM_FAULT_NOPAGE;
	}
	if (vmf->flags & FAULT_FLAG_RETRY_NOWAIT) {
		lmap_region_put(region);
		return VM_FAULT_RETRY;
	}
	file = get_file(vmf->vma->vm_file);
	release_fault_lock(vmf);
	lmap_race_sleep(fault_unlocked);
	ret = pin_or_retry(f, region, page, NULL);
	lmap_race_sleep(fault_pinned);
	fput(file);
	if (!ret || ret == -EINTR || vma_lock)
		return VM_FAULT_RETRY;
	mmap_read_lock(mm);
	return fault_errno(vmf, ret);
}

/*
 * What does the faulting page need? 0: fill (start..end is set), otherwise
 * the answer to the fault: -ENOENT: nothing is mapped; -EACCES: without the
 * right; -EPERM: the lender has it not; or -EAGAIN: @region (referenced) lacks
 * the tile.
 */
static int fault_check(struct fill *f, unsigned long addr,
		       struct lmap_region **region, unsigned long *page,
		       unsigned long *start, unsigned long *end)
{
	unsigned long wpage = lmap_vma_wpage(f->vma, addr), tile;
	struct lmap_hit *hit = &f->hit;
	int ret = 0;

	rcu_read_lock();
	if (!lmap_index_lookup(&f->window->index, wpage, hit)) {
		ret = -ENOENT;
	} else if (~hit->rights & fill_rights_wanted(f)) {
		ret = -EACCES;
	} else {
		*page = lmap_hit_page(hit, wpage);
		*region = lmap_mdb_region(hit->mdb);
		tile = lmap_tile_get(*region, *page);
		if (!tile)
			ret = lmap_region_tryget(*region) ? -EAGAIN : -EFAULT;
		else if (lmap_tile_poisoned(*region, tile))
			ret = -EHWPOISON;
		else if (!lmap_tile_fits(f->vma, tile) ||
			 (f->write && !(tile & LMAP_TILE_WRITE)))
			ret = -EPERM;
		else
			fill_range(f, addr, start, end);
	}
	rcu_read_unlock();
	return ret;
}

/*
 * Nothing is mapped (@ret is -ENOENT), or without the right (-EACCES): whom the
 * window has as its pager is asked, without any lock.
 * Model: selftests/models/pager.pml, fault().
 */
static vm_fault_t fault_ask(struct vm_fault *vmf, struct fill *f, int ret)
{
	unsigned int held = ret == -EACCES ? f->hit.rights : 0;
	struct lmap_ask ask = {
		.wpage = lmap_vma_wpage(f->vma, vmf->address),
		.access = fill_rights_wanted(f) & ~held,
		.held = held,
		.user = vmf->flags & FAULT_FLAG_USER,
	};
	bool vma_lock = vmf->flags & FAULT_FLAG_VMA_LOCK;
	struct mm_struct *mm = vmf->vma->vm_mm;
	struct lmap_pager *pager = NULL;
	struct file *file;

	if (vmf->flags & FAULT_FLAG_ALLOW_RETRY)
		pager = lmap_pager_get(f->window, &ask);
	if (!pager)
		return fault_errno(vmf, ret);
	if (vmf->flags & FAULT_FLAG_RETRY_NOWAIT) {
		lmap_pager_put(pager);
		return VM_FAULT_RETRY;
	}
	file = get_file(vmf->vma->vm_file);
	release_fault_lock(vmf);
	/* To fail needs mmap_lock, see fault_pin(): ask when that was held. */
	ret = vma_lock ? 0 : lmap_pager_wait(pager, f->window, &ask);
	lmap_pager_put(pager);
	fput(file);
	if (ret != -EFAULT)
		return VM_FAULT_RETRY;
	mmap_read_lock(mm);
	return VM_FAULT_SIGBUS;
}

static vm_fault_t window_fault(struct vm_fault *vmf, struct fill *f)
{
	unsigned long page, start, end;
	struct lmap_region *region;
	int ret;

	/* A write-protecting userfaultfd would rewrite our entries. */
	if (vmf->vma->vm_flags & VM_UFFD_WP)
		return VM_FAULT_SIGBUS;
	ret = fault_check(f, vmf->address, &region, &page, &start, &end);
	if (ret == -EAGAIN)
		return fault_pin(vmf, f, region, page);
	if (ret == -ENOENT || ret == -EACCES)
		return fault_ask(vmf, f, ret);
	if (ret)
		return fault_errno(vmf, ret);
	lmap_race_sleep(fault_looked_up);
	return fill_run(f, start, end);
}

vm_fault_t lmap_window_fault(struct vm_fault *vmf)
{
	struct fill f = {
		.vma = vmf->vma,
		.window = lmap_vma_window(vmf->vma),
		.target = vmf->address,
		.write = vmf->flags & FAULT_FLAG_WRITE,
	};
	/* The view may be gone when the lock has been dropped. */
	unsigned long wpage = lmap_vma_wpage(f.vma, f.target);
	u64 window = f.window->id;
	vm_fault_t ret = window_fault(vmf, &f);

	trace_lmap_fault(window, wpage, f.write, f.filled,
			 (__force unsigned int)ret);
	return ret;
}

#ifdef CONFIG_PER_VMA_LOCK
/*
 * There is nothing to do ahead of lmap_window_fault(), which fills as much as it
 * can. But to have this says that a fault needs no more than the VMA's lock:
 * else the core takes mmap_lock and does everything again.
 */
vm_fault_t lmap_window_map_pages(struct vm_fault *vmf, pgoff_t start,
				 pgoff_t end)
{
	return 0;
}
#endif

/*
 * Without this the core would make any page writable. Returning 0 would let it
 * do so after our check, unlocked; so the entry is changed here, under its
 * lock, and the core is told that nothing is left to do. Model: fault.pml; what
 * returning 0 would do is its upgrade().
 */
vm_fault_t lmap_window_mkwrite(struct vm_fault *vmf)
{
	struct fill f = {
		.vma = vmf->vma,
		.window = lmap_vma_window(vmf->vma),
		.target = vmf->address,
		.write = true,
	};
	unsigned long page, start, end;
	struct lmap_region *region;
	int ret;

	ret = fault_check(&f, vmf->address, &region, &page, &start, &end);
	if (ret == -EAGAIN) {
		/* Dropped: the entry is being zapped, the refault pins. */
		lmap_region_put(region);
		return VM_FAULT_NOPAGE;
	}
	if (ret == -ENOENT || ret == -EACCES) {
		vm_fault_t fault = fault_ask(vmf, &f, ret);

		/* No lock is held any more: the core must leave it at that. */
		return fault == VM_FAULT_RETRY ? fault | VM_FAULT_NOPAGE :
						 fault;
	}
	if (ret)
		return fault_errno(vmf, ret);
	lmap_race_sleep(mkwrite_looked_up);
	return fill_run(&f, vmf->address, vmf->address + PAGE_SIZE);
}

/* Populating. */

static void populate_vma(struct lmap_window *window,
			 struct vm_area_struct *vma, unsigned long wfirst,
			 unsigned long wlast)
{
	unsigned long vfirst = max(wfirst, vma->vm_pgoff);
	unsigned long vlast = min(wlast, vma->vm_pgoff + vma_pages(vma) - 1);
	struct fill f = { .vma = vma, .window = window,
			  .write = vma->vm_flags & VM_WRITE };
	unsigned long addr, end, stop;

	if (vfirst > vlast || vma->vm_flags & VM_UFFD_WP)
		return;
	addr = vma->vm_start + ((vfirst - vma->vm_pgoff) << PAGE_SHIFT);
	stop = vma->vm_start + ((vlast - vma->vm_pgoff + 1) << PAGE_SHIFT);
	for (; addr < stop; addr = end) {
		end = min(stop, (addr & PMD_MASK) + PMD_SIZE);
		lmap_race_sleep(populate_begun);
		if (end - addr == PMD_SIZE && lmap_huge_populate(vma, addr))
			continue;
		if (fill_run(&f, addr, end) == VM_FAULT_OOM)
			return;
		cond_resched();
	}
}

/*
 * Views of @window, at most @max; how many there are. While the mmap_lock of its
 * creator is held they stay; the file's own lock can't be held to allocate page tables.
 */
static unsigned int window_views(struct lmap_window *window,
				 struct vm_area_struct **views,
				 unsigned int max)
{
	struct address_space *mapping = window->file->f_mapping;
	struct rb_node *node;
	unsigned int nr = 0;

	i_mmap_lock_read(mapping);
	for (node = rb_first_cached(&mapping->i_mmap); node;
	     node = rb_next(node), nr++)
		if (nr < max)
			views[nr] = rb_entry(node, struct vm_area_struct,
					     shared.rb);
	i_mmap_unlock_read(mapping);
	return nr;
}

static void populate_views(struct lmap_window *window, unsigned long wfirst,
			   unsigned long wlast)
{
	struct mm_struct *mm = window->space->mm;
	struct vm_area_struct *views[8], *vma;
	unsigned int nr = window_views(window, views, ARRAY_SIZE(views));

	if (nr <= ARRAY_SIZE(views)) {
		while (nr--)
			populate_vma(window, views[nr], wfirst, wlast);
		return;
	}
	for (vma = find_vma(mm, 0); vma; vma = find_vma(mm, vma->vm_end))
		if (lmap_vma_window(vma) == window)
			populate_vma(window, vma, wfirst, wlast);
}

/**
 * lmap_window_populate - fill page tables ahead of faults
 * @window: its file is held
 * @wfirst: first page
 * @wlast: last page
 *
 * Best effort, like MAP_POPULATE: what has no tile or no memory for page
 * tables is left to the fault.
 *
 * Context: process, no locks.
 */
void lmap_window_populate(struct lmap_window *window, unsigned long wfirst,
			  unsigned long wlast)
{
	struct mm_struct *mm = window->space->mm;

	if (!mmget_not_zero(mm))
		return;
	if (!mmap_read_lock_killable(mm)) {
		populate_views(window, wfirst, wlast);
		mmap_read_unlock(mm);
	}
	mmput_async(mm);
}
