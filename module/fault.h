/* SPDX-License-Identifier: GPL-2.0 */
/*
 * lmap - shared by fault.c (pages) and huge.c (entries for a whole page table).
 *
 * What may be shown is decided in those two; nothing here may set an entry.
 */
#ifndef LMAP_FAULT_H
#define LMAP_FAULT_H

#include "lmap.h"

#include <linux/mm.h>

static inline unsigned long lmap_vma_wpage(struct vm_area_struct *vma,
					   unsigned long addr)
{
	return vma->vm_pgoff + ((addr - vma->vm_start) >> PAGE_SHIFT);
}

/* The rights that a view needs a page to have to show it at all. */
static inline unsigned int lmap_vma_rights_wanted(struct vm_area_struct *vma)
{
	return vma->vm_flags & VM_EXEC ? LMAP_R | LMAP_X : LMAP_R;
}

static inline bool lmap_tile_fits(struct vm_area_struct *vma,
				  unsigned long tile)
{
	return !(vma->vm_flags & VM_EXEC) || tile & LMAP_TILE_EXEC;
}

#ifdef CONFIG_ARCH_SUPPORTS_PMD_PFNMAP
vm_fault_t lmap_window_huge_fault(struct vm_fault *vmf, unsigned int order);
bool lmap_huge_populate(struct vm_area_struct *vma, unsigned long addr);
bool lmap_huge_there(struct mm_struct *mm, unsigned long addr);

/*
 * Filling a page table and setting an entry for all of it exclude each other:
 * the core can't take both for the same addresses.
 */
static inline void lmap_grain_fine(struct lmap_window *window)
{
	down_read(&window->grain);
}

static inline void lmap_grain_fine_end(struct lmap_window *window)
{
	up_read(&window->grain);
}
#else
/* Without a mark on such entries get_user_pages_fast() would take the page. */
static inline bool lmap_huge_populate(struct vm_area_struct *vma,
				      unsigned long addr)
{
	return false;
}

static inline bool lmap_huge_there(struct mm_struct *mm, unsigned long addr)
{
	return false;
}

static inline void lmap_grain_fine(struct lmap_window *window)
{
}

static inline void lmap_grain_fine_end(struct lmap_window *window)
{
}
#endif

#endif /* LMAP_FAULT_H */
