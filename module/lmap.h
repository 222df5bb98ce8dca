/* SPDX-License-Identifier: GPL-2.0 */
/*
 * lmap - the objects of the module, their locks and their lifetimes.
 *
 * This header must never be included by mdb.c, which knows no kernel objects.
 *
 * Words. The *lender* is the process whose ordinary memory is lent, the
 * *borrower* the one whose window shows it. A *space* is one open file of
 * /dev/lmap; a *region* a range of a space's ordinary memory, the root of a
 * tree of mappings, or *detached*: pages that a grant or copy has taken from a
 * space and that nobody lends; a *window* the receiving object; a *tile* a page of a
 * region that is pinned at the moment; a *chunk* 64 neighbouring tiles. Region
 * pages are numbered as in the lender's address space (address >> PAGE_SHIFT),
 * window pages from the start of the window.
 *
 * Lock order, outer first
 *
 *   mmap_lock of the lender        ioctls; notifier callbacks run under it
 *     space->lock                  list of windows, dead
 *       region->revoke             everything that takes rights, pages or
 *         |                        tiles away; held over zapping. Two only in
 *         |                        lmap_leave_adopt(): first the lender's, then
 *         |                        the detached one; the same for mdb->lock
 *         mdb->lock                the tree (mdb.h)
 *         | index->lock            what is where in a window (mdb.h)
 *         region->tiles.xa_lock    tile table, generations
 *           chunk LRU lock         inside list_lru
 *         i_mmap_rwsem of windows  inside unmap_mapping_range(), own class
 *           mmu notifiers, page table locks of the borrower
 *             xa_lock              fault: reads slots without it
 *         window->copy_lock        in-kernel copies, 2 MiB entries; revoke only
 *				    passes it
 *   mmap_lock of the borrower, or the lock of a VMA: faults
 *     window->grain              read: page tables are filled (and allocated)
 *       copy_lock, page table locks
 *   space->regions_lock            tree of regions; may be taken anywhere above,
 *				    nothing is taken under it
 *
 * region->revoke is taken in notifier callbacks that may block (see region.c
 * for which ones), so under it and under space->lock nothing may allocate with
 * reclaim, take a mmap_lock or touch user memory. The shrinker only tries it.
 * Faults take none of those above but xa_lock and, for reading, copy_lock. Who
 * listens is kept under locks of report.h.
 *
 * Lifetimes
 *
 *   space    kref: the open file, every region, every window
 *   windows  live as long as their files; release() empties the index before it goes
 *   region   ref: one for having mappings at all (mdb.nr > 0), one for each
 *            user. At 0 a worker removes the notifier and the tiles; memory
 *            goes by RCU, since faults find it through the index. A detached
 *            one does not hold its space; its pages go with their last mapping
 *   node     linked until reaped under region->revoke; memory goes by RCU
 *   chunk    removed under region->revoke only; memory goes by RCU
 */
#ifndef LMAP_LMAP_H
#define LMAP_LMAP_H

#include "compat.h"

#include <linux/fs.h>
#include <linux/interval_tree.h>
#include <linux/kref.h>
#include <linux/list_lru.h>
#include <linux/mmu_notifier.h>
#include <linux/refcount.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include <linux/lmap_netlink.h>

#include "flexpage.h"
#include "mdb.h"

/**
 * struct lmap_user - what all processes of a user have together
 * @link: in a hash table of all; users_lock in node.c
 * @refs: each space and each mapping; from 0 to 1 and back only under users_lock
 * @user: the kernel's account, for locked memory
 * @mappings: made by this user, or in reserve
 * @windows: of this user
 */
struct lmap_user {
	struct hlist_node link;
	refcount_t refs;
	struct user_struct *user;
	atomic_long_t mappings;
	atomic_long_t windows;
};

/**
 * struct lmap_mapping - a mapping: its first node, its origin, and who pays
 * @node: the first one; its memory goes with the mapping
 * @origin: what the database knows
 * @user: who made the mapping; holds a reference
 * @locked: pages that count as locked memory (LMAP_PIN)
 * @charged: it is one of @user's mappings
 */
struct lmap_mapping {
	struct lmap_node node;
	struct lmap_origin origin;
	struct lmap_user *user;
	atomic_long_t locked;
	bool charged;
};

/**
 * struct lmap_reserve_list - memory set aside for mappings
 * @lock: protects the rest
 * @nodes: for splitting
 * @mappings: nodes with origin
 * @regions: not initialised
 * @nr_nodes: how many
 * @nr_mappings: how many
 * @nr_regions: how many
 */
struct lmap_reserve_list {
	spinlock_t lock;
	struct list_head nodes;
	struct list_head mappings;
	struct list_head regions;
	unsigned int nr_nodes;
	unsigned int nr_mappings;
	unsigned int nr_regions;
};

/**
 * struct lmap_space - one open file of /dev/lmap
 * @ref: kref, see above
 * @id: number, never reused
 * @pid: the process that opened it; counted; immutable
 * @mm: the address space, by mmgrab(); immutable
 * @exit_notifier: tells when @mm dies
 * @lock: protects @windows, @nr_windows, @dead, @reason and @closed
 * @regions_lock: protects @regions; a region's last reference is dropped under
 *		  it, so that all that are in the list have one
 * @regions: all regions, by their pages
 * @windows: all windows
 * @nr_windows: their number
 * @dead: @mm is gone: no new regions or windows
 * @reason: with @dead: how it went
 * @closed: the file is gone: no region may outlive its mappings any more
 * @nr_views: views of our windows in @mm
 * @nr_tiles: pinned pages of all regions
 * @nr_dying: regions that nobody finds any more, but that still hold tiles;
 *	      waited for by lmap_tile_let_go()
 * @ears: who listens, see report.h
 * @nr_ears: how many
 * @user: whose quota counts; holds a reference; immutable
 * @reserve: memory set aside
 * @free_work: frees the space where sleeping is allowed
 */
struct lmap_space {
	struct kref ref;
	u64 id;
	struct pid *pid;
	struct mm_struct *mm;
	struct mmu_interval_notifier exit_notifier;
	struct mutex lock;
	spinlock_t regions_lock;
	struct rb_root_cached regions;
	struct list_head windows;
	unsigned int nr_windows;
	bool dead;
	enum lmap_reason reason;
	bool closed;
	atomic_t nr_views;
	atomic_long_t nr_tiles;
	atomic_t nr_dying;
	struct list_head ears;
	unsigned int nr_ears;
	struct lmap_user *user;
	struct lmap_reserve_list reserve;
	struct work_struct free_work;
};

/**
 * struct lmap_region - root of a tree of mappings
 * @mdb: the tree
 * @revoke: see the lock order; taken by lmap_revoke_lock()
 * @waiters: how many want it: a long revocation lets them in now and then
 * @ref: see lifetimes
 * @id: number, never reused
 * @space: whose memory; holds a reference; NULL if detached; immutable
 * @detached: has pages of its own; immutable
 * @shared: only shared mappings (VM_SHARED), else only private ones; immutable
 * @pins: LMAP_PIN has covered pages, now or before; written under mdb.lock
 * @squeezed: when the shrinker last took tiles (jiffies); racy by design
 * @range: @first and @last, in space->regions unless detached, until @ref is 0;
 *	   space->regions_lock
 * @place: the first member of @range
 * @link: in a reserve, before all that
 * @rcu: frees the memory, after all that
 * @first: first page, immutable
 * @last: last page, immutable
 * @notifier: unless detached: hears of changes of the lender's page tables
 * @payer: if detached: who pays for the pages; holds a reference; immutable
 * @history: bit 0: holds a reference, so that reference bits outlive the last
 *	    mapping; set under space->lock
 * @tiles: chunk number -> struct lmap_chunk
 * @last_gen: the last generation given to a chunk; xa_lock
 * @work: drops stale tiles, with a reference; frees the region when @ref is 0
 */
struct lmap_region {
	struct lmap_mdb mdb;
	struct mutex revoke;
	atomic_t waiters;
	refcount_t ref;
	u64 id;
	struct lmap_space *space;
	bool detached;
	bool shared;
	bool pins;
	u32 squeezed;
	union {
		struct interval_tree_node range;
		struct {
			union {
				struct rb_node place;
				struct list_head link;
				struct rcu_head rcu;
			};
			unsigned long first;
			unsigned long last;
		};
	};
	union {
		struct mmu_interval_notifier notifier;
		struct lmap_user *payer;
	};
	unsigned long history;
	struct xarray tiles;
	u64 last_gen;
	struct work_struct work;
};

/* What may be read under RCU alone has no other use at any time. */
static_assert(offsetof(struct lmap_region, range.start) ==
	      offsetof(struct lmap_region, first));
static_assert(offsetof(struct lmap_region, range.last) ==
	      offsetof(struct lmap_region, last));

/**
 * struct lmap_window - a receive window
 * @index: what is mapped where
 * @id: number, never reused
 * @generation: counts the changes that were told
 * @ears: who listens, see report.h
 * @nr_ears: how many
 * @space: the creator; holds a reference; immutable
 * @link: in space->windows; space->lock
 * @file: the window's file, not counted; valid until release()
 * @npages: size; immutable
 * @rights: the most that can be mapped into it; immutable
 * @dead: nothing can be mapped into it any more; written under index.lock
 * @copy_lock: read while the kernel copies from or to a tile, or sets an entry
 *	      for a whole page table
 * @pager: who answers faults, or NULL; holds a reference; written under
 *	   space->lock, read under RCU
 * @grain: read while page tables are filled, written while such an entry is set
 * @rcu: frees the memory
 */
struct lmap_window {
	struct lmap_index index;
	u64 id;
	atomic64_t generation;
	struct list_head ears;
	unsigned int nr_ears;
	struct lmap_space *space;
	struct list_head link;
	struct file *file;
	unsigned long npages;
	unsigned int rights;
	bool dead;
	struct lmap_pager __rcu *pager;
	lmap_compat_rwlock_t copy_lock;
	struct rw_semaphore grain;
	struct rcu_head rcu;
};

/* What one page table covers, and a huge page is at least. */
#define LMAP_HUGE_ORDER	(PMD_SHIFT - PAGE_SHIFT)
#define LMAP_HUGE_PAGES	(1UL << LMAP_HUGE_ORDER)

#define LMAP_CHUNK_SHIFT	6
#define LMAP_CHUNK_PAGES	(1UL << LMAP_CHUNK_SHIFT)

/* A slot: the page's address and these bits; 0 = no tile. */
#define LMAP_TILE_WRITE	0x1UL	/* pinned for writing */
#define LMAP_TILE_EXEC	0x2UL	/* the lender may execute it */
#define LMAP_TILE_DIRTY	0x4UL	/* a borrower could have written */
#define LMAP_TILE_BITS	0x7UL

/**
 * struct lmap_chunk - 64 tiles of a region
 * @slots: written under xa_lock, read by faults without it; the dirty bit is
 *	   set by faults with cmpxchg
 * @stale: bit set of tiles whose page the lender has left; xa_lock
 * @gone: of those of LMAP_PIN, the ones that were looked at again; xa_lock
 * @lasting: bit set of tiles that may stay for long: with FOLL_LONGTERM; xa_lock
 * @gen: changes whenever a page of the chunk may have changed; xa_lock
 * @region: owner; immutable
 * @number: of those of the region; immutable
 * @accessed: used since the shrinker's clock hand passed; racy by design
 * @lru: in the list of all chunks that hold tiles, or in a list of chunks that
 *	 were taken out of the table
 * @rcu: frees the memory
 */
struct lmap_chunk {
	unsigned long slots[LMAP_CHUNK_PAGES];
	u64 stale;
	u64 gone;
	u64 lasting;
	u64 gen;
	struct lmap_region *region;
	unsigned long number;
	bool accessed;
	struct list_head lru;
	struct rcu_head rcu;
};

static inline struct lmap_region *lmap_mdb_region(struct lmap_mdb *mdb)
{
	return container_of(mdb, struct lmap_region, mdb);
}

static inline void lmap_revoke_lock_nested(struct lmap_region *region,
					   unsigned int subclass)
{
	atomic_inc(&region->waiters);
	mutex_lock_nested(&region->revoke, subclass);
	atomic_dec(&region->waiters);
}

static inline void lmap_revoke_lock(struct lmap_region *region)
{
	lmap_revoke_lock_nested(region, 0);
}

/* Waits for whoever has it now to finish what he may not leave undone. */
static inline void lmap_revoke_pass(struct lmap_region *region)
{
	lmap_revoke_lock(region);
	mutex_unlock(&region->revoke);
}

static inline struct lmap_window *lmap_index_window(struct lmap_index *index)
{
	return container_of(index, struct lmap_window, index);
}

static inline struct page *lmap_tile_page(unsigned long tile)
{
	return (struct page *)(tile & ~LMAP_TILE_BITS);
}

/*
 * Of a lender's page its page tables tell, when it is pinned. Nobody else has
 * an eye on the pages of a detached region.
 */
static inline bool lmap_tile_poisoned(struct lmap_region *region,
				      unsigned long tile)
{
	return region->detached && PageHWPoison(lmap_tile_page(tile));
}

/* Rights for people: seq_printf(m, LMAP_RIGHTS_FMT, LMAP_RIGHTS_ARGS(rights)) */
#define LMAP_RIGHTS_FMT	"%c%c%c%c"
#define LMAP_RIGHTS_ARGS(rights) \
	(rights) & LMAP_R ? 'r' : '-', (rights) & LMAP_W ? 'w' : '-', \
	(rights) & LMAP_X ? 'x' : '-', (rights) & LMAP_M ? 'm' : '-'

/* main.c */
extern struct workqueue_struct *lmap_wq;
extern const struct file_operations lmap_space_fops;
int lmap_arg_in(void *arg, u32 known, u32 min, const void __user *user);
int lmap_arg_out(void __user *user, const void *arg, u32 known);

/* window.c */
extern const struct file_operations lmap_window_fops;
extern const struct vm_operations_struct lmap_window_vm_ops;
int lmap_window_init(void);
void lmap_window_exit(void);
int lmap_window_create(struct lmap_space *space, u64 length,
		       unsigned int rights);
struct file *lmap_window_fget(int fd);
struct file *lmap_window_next(unsigned long *id);
unsigned int lmap_window_count(void);
struct lmap_window *lmap_vma_window(struct vm_area_struct *vma);
void lmap_window_zap(struct lmap_window *window, unsigned long wfirst,
		     unsigned long wlast);

/* copy.c */
ssize_t lmap_window_read_iter(struct kiocb *iocb, struct iov_iter *to);
ssize_t lmap_window_write_iter(struct kiocb *iocb, struct iov_iter *from);
int lmap_window_access(struct vm_area_struct *vma, unsigned long addr,
		       void *buf, int len, int write);

/* fault.c */
vm_fault_t lmap_window_fault(struct vm_fault *vmf);
vm_fault_t lmap_window_map_pages(struct vm_fault *vmf, pgoff_t start,
				 pgoff_t end);
vm_fault_t lmap_window_mkwrite(struct vm_fault *vmf);
void lmap_window_populate(struct lmap_window *window, unsigned long wfirst,
			  unsigned long wlast);

/* region.c */
int lmap_region_init(void);
void lmap_region_exit(void);
struct lmap_region *lmap_region_zalloc(void);
void lmap_region_unused(struct lmap_region *region);
int lmap_space_open(struct lmap_space **out);
unsigned int lmap_space_count(void);
void lmap_space_put(struct lmap_space *space);
struct lmap_region *lmap_region_find(struct lmap_space *space,
				     unsigned long first, unsigned long last,
				     bool shared);
struct lmap_region *lmap_region_alloc(struct lmap_space *space,
				      unsigned long first, unsigned long last);
struct lmap_region *lmap_region_create(struct lmap_space *space,
				       unsigned long first,
				       unsigned long last, bool shared);
struct lmap_region *lmap_region_next(struct lmap_space *space,
				     struct lmap_region *prev,
				     unsigned long first, unsigned long last);
int lmap_region_track(struct lmap_region *region);
void lmap_region_forget(struct lmap_region *region);
void lmap_region_sync(struct lmap_region *region);
bool lmap_region_tryget(struct lmap_region *region);
void lmap_region_put(struct lmap_region *region);
void lmap_region_stale(struct lmap_region *region);
struct lmap_region *lmap_index_region(struct lmap_index *index,
				      unsigned long wfirst,
				      unsigned long wlast);

/* detach.c */
struct lmap_region *lmap_region_detach(struct lmap_space *space,
				       unsigned long first,
				       unsigned long last);
void lmap_region_trim(struct lmap_region *region, unsigned long first,
		      unsigned long last);
int lmap_leave_check(struct lmap_space *space, unsigned long first,
		     unsigned long last);
int lmap_leave(struct lmap_space *space, struct lmap_region *to, u64 id,
	       unsigned long first, unsigned long last);
void lmap_leave_adopt(struct lmap_region *region, unsigned long first,
		      unsigned long last);

/* shrink.c */
int lmap_tile_init(void);
void lmap_tile_stop(void);
void lmap_tile_exit(void);

/* drop.c */
void lmap_tile_drop(struct lmap_region *region, unsigned long first,
		    unsigned long last);
void lmap_tile_drop_invalid(struct lmap_region *region, unsigned long first,
			    unsigned long last, bool keep);
void lmap_tile_recheck(struct lmap_region *region);
void lmap_tile_drop_stale(struct lmap_region *region);
int lmap_tile_let_go(struct lmap_space *space, unsigned long first,
		     unsigned long last, unsigned int tries);

/* As often it is tried to have a page moved to where pins may last. */
#define LMAP_MOVE_TRIES	16

/* What FOLL_LONGTERM says of a page that can't be moved now, on some kernel. */
static inline bool lmap_pin_is_stuck(long n)
{
	return n == -EBUSY || n == -EAGAIN || n == -ENOMEM;
}

/* tile.c */
unsigned long lmap_tile_get(struct lmap_region *region, unsigned long page);
unsigned long lmap_tile_missing(struct lmap_region *region, unsigned long page,
				unsigned long last, bool lasting);
struct lmap_chunk *lmap_tile_chunk(struct lmap_region *region,
				   unsigned long page);
int lmap_tile_pin(struct lmap_region *region, unsigned long page,
		  struct mm_struct *held);
int lmap_tile_keep(struct lmap_region *region, unsigned long page);
bool lmap_tile_invalidate(struct lmap_region *region, unsigned long first,
			  unsigned long last, bool stale);
int lmap_tile_fill(struct lmap_region *region, unsigned long page,
		   struct page **pages, unsigned int nr);
bool lmap_tile_mark_dirty(struct lmap_chunk *chunk, unsigned long page);
bool lmap_vma_dirty_tracked(struct vm_area_struct *vma);

/* map.c */
long lmap_ioc_map(struct lmap_space *space, struct lmap_map *arg);
long lmap_ioc_grant(struct lmap_space *space, struct lmap_map *arg);
long lmap_ioc_copy(struct lmap_space *space, struct lmap_map *arg);

/* node.c */
u64 lmap_id_next(void);
int lmap_node_init(void);
void lmap_node_exit(void);
struct lmap_user *lmap_user_get(void);
void lmap_user_ref(struct lmap_user *user);
void lmap_user_put(struct lmap_user *user);
int lmap_user_charge_window(struct lmap_user *user);
int lmap_user_charge_mapping(struct lmap_user *user);
void lmap_user_uncharge_mapping(struct lmap_user *user);
void lmap_user_uncharge_window(struct lmap_user *user);
int lmap_user_charge_locked(struct lmap_user *user, unsigned long npages);
void lmap_user_uncharge_locked(struct lmap_user *user, unsigned long npages);
struct lmap_node *lmap_node_alloc(struct lmap_space *space, gfp_t gfp);
void lmap_node_free(struct lmap_node *node);
void lmap_node_free_list(struct list_head *nodes);
void lmap_node_unlinked(struct lmap_node *node);
void lmap_nodes_free_later(struct list_head *dead);
void lmap_nodes_free_now(void);
int lmap_mapping_alloc(struct lmap_user *user, struct lmap_node **out);
int lmap_mapping_charge(struct lmap_node *node);
int lmap_mapping_charge_locked(struct lmap_node *node, unsigned long npages);
void lmap_mapping_uncharge_locked(struct lmap_node *node);
void lmap_node_uncharge_locked(struct lmap_node *node);
struct lmap_refs_table *lmap_refs_table_alloc(unsigned long first,
					      unsigned long last);
void lmap_mapping_free(struct lmap_node *node);
void lmap_reserve_init(struct lmap_reserve_list *reserve);
void lmap_reserve_free(struct lmap_space *space);
struct lmap_node *lmap_reserve_mapping(struct lmap_space *space);
void lmap_reserve_mapping_back(struct lmap_space *space,
			       struct lmap_node *node);
struct lmap_region *lmap_reserve_region(struct lmap_space *space);
long lmap_ioc_reserve(struct lmap_space *space, struct lmap_reserve *arg);

/* revoke.c */

/**
 * struct lmap_take - what a caller of revoke wants, and what was done
 * @rights: rights to take
 * @reason: what listeners are told
 * @self: where a mapping is the subject: its own rights too
 * @only: only what lies in this window, NULL: everywhere
 * @atomic: in a notifier: no memory with reclaim, no waiting for user space
 * @space: the caller's, whose reserve can be used, or NULL
 * @reset: clear the reference bits of the subject
 * @restartable: a signal ends it early
 * @stopped: result: it did
 * @work: result: grows whenever something is done
 * @refbits: result, added up
 * @mappings: result, added up
 * @pages: result, added up
 * @over: result: more was revoked than asked
 */
struct lmap_take {
	unsigned int rights;
	enum lmap_reason reason;
	bool self;
	struct lmap_window *only;
	bool atomic;
	struct lmap_space *space;
	bool reset;
	bool restartable;
	bool stopped;
	u64 work;
	unsigned int refbits;
	u64 mappings;
	u64 pages;
	bool over;
};

bool lmap_take_stopped(const struct lmap_take *take, u64 before);

bool lmap_spares_fill(struct lmap_space *space, struct list_head *spares,
		      unsigned long *have, unsigned long want, gfp_t gfp);
void lmap_revoke_finish(struct lmap_region *region, struct lmap_revoke *rv,
			enum lmap_reason reason);
void lmap_revoke_region(struct lmap_region *region, unsigned long first,
			unsigned long last, struct lmap_take *take);
void lmap_revoke_window(struct lmap_window *window, unsigned long wfirst,
			unsigned long wlast, struct lmap_take *take);
void lmap_window_kill(struct lmap_window *window, enum lmap_reason reason);

/* status.c */
void lmap_refs_reset(struct lmap_region *region, struct lmap_query *q);
long lmap_ioc_status(struct lmap_space *space, struct lmap_status *arg);

/* unmap.c */
struct file *lmap_next_view(struct lmap_space *space, unsigned long *addr,
			    unsigned long end, unsigned long *wfirst,
			    unsigned long *wlast);
long lmap_ioc_unmap(struct lmap_space *space, struct lmap_unmap *arg);
long lmap_ioc_sync(struct lmap_space *space);
void lmap_space_revoke(struct lmap_space *space);

/* listen.c */
int lmap_listen_init(void);
void lmap_listen_exit(void);
void lmap_unlisten(struct list_head *ears);

/* report.c */
void lmap_report_lost(const struct lmap_run *run, enum lmap_reason reason);
void lmap_report_gained(struct lmap_node *node, unsigned int before,
			enum lmap_reason reason);
void lmap_report_window_closed(struct lmap_window *window,
			       enum lmap_reason reason);
void lmap_report_space_closed(struct lmap_space *space,
			      enum lmap_reason reason);

/* dump.c */

/**
 * struct lmap_node_bits - fields of a node that share a word
 * @depth: as there
 * @level: as there
 * @pinned: LMAP_NODE_PIN
 */
struct lmap_node_bits {
	unsigned int depth;
	unsigned int level;
	bool pinned;
};

struct lmap_node_bits lmap_node_bits(const struct lmap_node *node);

/* What is counted, in the order of LMAP_A_STATS_MAPS and the following. */
enum lmap_stat {
	LMAP_STAT_maps,
	LMAP_STAT_revoked,
	LMAP_STAT_zaps,
	LMAP_STAT_faults,
	LMAP_STAT_pages,
	LMAP_STAT_pins,
	LMAP_STAT_events,
	LMAP_STAT_lost,
	LMAP_NR_STATS,
};

struct lmap_stats {
	u64 count[LMAP_NR_STATS];
};

DECLARE_PER_CPU(struct lmap_stats, lmap_stats);
#define lmap_count(what, n)	this_cpu_add(lmap_stats.count[LMAP_STAT_##what], n)

void lmap_stats_sum(struct lmap_stats *sum);
void lmap_stats_reset(void);

/* debugfs.c */
void lmap_debugfs_init(void);
void lmap_debugfs_exit(void);

#endif /* LMAP_LMAP_H */
