// SPDX-License-Identifier: GPL-2.0
/*
 * lmap - one page table entry for as many pages as a page table holds (2 MiB
 * where pages have 4 KiB).
 *
 * Built only where the kernel marks such entries as special: elsewhere
 * get_user_pages_fast() would take pages through them that a revoke could not
 * take back (6.1). An entry must never be set but by huge_set(), which says how
 * that excludes a revoke; it must never show a page that a single entry would
 * not show, and never set a right that one of its pages lacks.
 */
#include "fault.h"
#include "race.h"
#include "trace.h"

#include <linux/huge_mm.h>
#include <linux/mm.h>
#include <linux/page_table_check.h>
#include <linux/pgtable.h>

/**
 * struct huge - what an entry would show
 * @vma: the view
 * @window: of @vma
 * @addr: first address
 * @write: the entry shall be writable
 * @hit: the mapping that holds all pages
 * @pfn: of the first page; the others follow
 */
struct huge {
	struct vm_area_struct *vma;
	struct lmap_window *window;
	unsigned long addr;
	bool write;
	struct lmap_hit hit;
	unsigned long pfn;
};

/* The region page that appears first. */
static unsigned long huge_page(const struct huge *h)
{
	return lmap_hit_page(&h->hit, lmap_vma_wpage(h->vma, h->addr));
}

/* Is it as good as the first one, and right behind it in memory? */
static bool tile_follows(struct huge *h, struct lmap_region *region,
			 unsigned long tile, unsigned long i)
{
	return tile && page_to_pfn(lmap_tile_page(tile)) == h->pfn + i &&
	       lmap_tile_fits(h->vma, tile) &&
	       (!h->write || tile & LMAP_TILE_WRITE) &&
	       !lmap_tile_poisoned(region, tile);
}

/* Are all tiles there? With @use they are used, and with write written to. */
static bool huge_tiles(struct huge *h, bool use)
{
	struct lmap_region *region = lmap_mdb_region(h->hit.mdb);
	unsigned long page = huge_page(h), i;
	struct lmap_chunk *chunk = NULL;

	for (i = 0; i < LMAP_HUGE_PAGES; i++, page++) {
		unsigned long slot = page % LMAP_CHUNK_PAGES, tile;

		if (!chunk || !slot)
			chunk = lmap_tile_chunk(region, page);
		if (!chunk)
			return false;
		tile = READ_ONCE(chunk->slots[slot]);
		if (!i)
			h->pfn = page_to_pfn(lmap_tile_page(tile));
		if (!tile_follows(h, region, tile, i))
			return false;
		if (!use)
			continue;
		if (h->write && !lmap_tile_mark_dirty(chunk, page))
			return false;
		if (!READ_ONCE(chunk->accessed))
			WRITE_ONCE(chunk->accessed, true);
	}
	return !(h->pfn % LMAP_HUGE_PAGES);
}

/*
 * The page table checker leaves special pages alone, but not yet such entries: it
 * takes two writable ones for the same anonymous page for a bug of the kernel's.
 */
static bool huge_is_checked(void)
{
#ifdef CONFIG_PAGE_TABLE_CHECK
	return !static_branch_likely(&page_table_check_disabled);
#else
	return false;
#endif
}

/* One mapping, with all rights, and memory in one piece. */
static bool huge_look(struct huge *h, bool use)
{
	unsigned long wpage = lmap_vma_wpage(h->vma, h->addr);
	unsigned int want = lmap_vma_rights_wanted(h->vma) |
			    (h->write ? LMAP_W : 0);

	if (!lmap_index_lookup(&h->window->index, wpage, &h->hit) ||
	    h->hit.wlast - wpage < LMAP_HUGE_PAGES - 1 || ~h->hit.rights & want)
		return false;
	/* Tracked: only what is touched. */
	if (h->hit.origin->refs.tracked)
		return false;
	return huge_tiles(h, use);
}

/* Another page table entry, or that of somebody who was faster. */
static vm_fault_t huge_enter(struct huge *h, pmd_t *pmd)
{
	unsigned long flags = h->vma->vm_flags;
	vm_fault_t ret = VM_FAULT_NOPAGE;
	spinlock_t *ptl;
	pmd_t old, entry;

	if (!h->write)
		flags &= ~VM_WRITE;
	entry = pmd_mkhuge(pfn_pmd(h->pfn, vm_get_page_prot(flags)));
	entry = pmd_mkyoung(pmd_mkspecial(entry));
	if (h->write)
		entry = pmd_mkdirty(entry);

	ptl = pmd_lock(h->vma->vm_mm, pmd);
	old = pmdp_get(pmd);
	if (pmd_none(old) ||
	    (pmd_trans_huge(old) && h->write && !pmd_write(old) &&
	     pmd_pfn(old) == h->pfn)) {
		set_pmd_at(h->vma->vm_mm, h->addr, pmd, entry);
		lmap_count(faults, 1);
		lmap_count(pages, LMAP_HUGE_PAGES);
	} else if (!pmd_trans_huge(old)) {
		ret = VM_FAULT_FALLBACK;
	}
	spin_unlock(ptl);
	return ret;
}

/*
 * Looking and setting can't be one step under the page table's lock: a zap that
 * finds nothing there does not take it. It passes copy_lock instead, between
 * the mark and the walk of the page tables:
 *
 *   huge_set()                        revoke, drop
 *     read_lock(copy_lock)              mark; smp_mb
 *     look: no mark                     write_lock(copy_lock)  [waits]
 *     set the entry
 *     read_unlock                       write_unlock
 *                                       zap: finds the entry
 *
 * If it comes after the write_lock it sees the mark.
 * Model: selftests/models/fault.pml, huge().
 */
static vm_fault_t huge_set(struct huge *h, pmd_t *pmd)
{
	vm_fault_t ret = VM_FAULT_FALLBACK;

	rcu_read_lock();
	lmap_compat_read_lock(&h->window->copy_lock);
	/* Partner: smp_mb() in lmap_window_zap(), which then takes the lock. */
	smp_mb();
	if (huge_look(h, true)) {
		lmap_race(huge_checked);
		lmap_refs_touch(&h->hit.origin->refs, huge_page(h), h->write);
		ret = huge_enter(h, pmd);
	}
	lmap_compat_read_unlock(&h->window->copy_lock);
	rcu_read_unlock();
	return ret;
}

/**
 * lmap_window_huge_fault - fault where no page table is, or to write to an
 *			    entry for all of one
 * @vmf: the fault
 * @order: of what is wanted
 *
 * Nothing is brought in here, only looked at: the fault that follows does, for
 * all pages of a huge page at once, and is then taken again.
 *
 * Context: the VMA's lock or mmap_lock held.
 * Return: VM_FAULT_FALLBACK if single pages have to do.
 */
vm_fault_t lmap_window_huge_fault(struct vm_fault *vmf, unsigned int order)
{
	struct huge h = {
		.vma = vmf->vma,
		.window = lmap_vma_window(vmf->vma),
		.addr = vmf->address & PMD_MASK,
		.write = vmf->flags & FAULT_FLAG_WRITE,
	};
	vm_fault_t ret;

	/* A page table of its own would have to be there for it, elsewhere. */
	if (order != LMAP_HUGE_ORDER || arch_needs_pgtable_deposit() ||
	    huge_is_checked() ||
	    h.addr < h.vma->vm_start || h.addr + PMD_SIZE > h.vma->vm_end ||
	    h.vma->vm_flags & VM_UFFD_WP)
		return VM_FAULT_FALLBACK;
	down_write(&h.window->grain);
	ret = huge_set(&h, vmf->pmd);
	up_write(&h.window->grain);
	if (ret == VM_FAULT_NOPAGE)
		trace_lmap_fault(h.window->id, lmap_vma_wpage(h.vma, h.addr),
				 h.write, LMAP_HUGE_PAGES,
				 (__force unsigned int)ret);
	return ret;
}

static pmd_t *find_pmd(struct mm_struct *mm, unsigned long addr)
{
	pgd_t *pgd = pgd_offset(mm, addr);
	p4d_t *p4d;
	pud_t *pud;

	if (pgd_none(pgdp_get(pgd)))
		return NULL;
	p4d = p4d_offset(pgd, addr);
	if (p4d_none(p4dp_get(p4d)))
		return NULL;
	pud = pud_offset(p4d, addr);
	if (pud_none(pudp_get(pud)))
		return NULL;
	return pmd_offset(pud, addr);
}

/**
 * lmap_huge_there - is there an entry for all of a page table?
 * @mm: of the borrower
 * @addr: in a view
 *
 * Context: the VMA's lock or mmap_lock held, which keeps page tables; with the
 * window's grain none comes meanwhile.
 */
bool lmap_huge_there(struct mm_struct *mm, unsigned long addr)
{
	pmd_t *pmd = find_pmd(mm, addr);

	return pmd && pmd_trans_huge(pmdp_get(pmd));
}

/**
 * lmap_huge_populate - have an entry for all of a page table ahead of faults
 * @vma: a view
 * @addr: first address of what a page table covers, all of it in @vma
 *
 * The core has what it takes to allocate page tables above; so it is asked for
 * a fault.
 *
 * Context: mmap_lock held for reading.
 * Return: false if it is left to single pages.
 */
bool lmap_huge_populate(struct vm_area_struct *vma, unsigned long addr)
{
	struct mm_struct *mm = vma->vm_mm;
	struct huge h = {
		.vma = vma,
		.window = lmap_vma_window(vma),
		.addr = addr,
		.write = vma->vm_flags & VM_WRITE,
	};
	bool fits;

	if (huge_is_checked())
		return false;
	rcu_read_lock();
	fits = huge_look(&h, false);
	if (!fits && h.write) {
		h.write = false;
		fits = huge_look(&h, false);
	}
	rcu_read_unlock();
	if (!fits)
		return false;
	/* What became of it is seen by whoever touches the page. */
	fixup_user_fault(mm, addr, h.write ? FAULT_FLAG_WRITE : 0, NULL);
	return lmap_huge_there(mm, addr);
}
