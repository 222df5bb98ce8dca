/* SPDX-License-Identifier: GPL-2.0 */
/*
 * lmap - the mapping database: who has lent which pages to whom.
 *
 * This is the contract of mdb.c. Neither may know processes, files, page
 * tables, time or events: both are built unchanged in user space, where they
 * are checked against a naive model. They never allocate; what revoking needs
 * is handed in beforehand, and what must be zapped and freed is handed out.
 *
 * Words. A *tree* (struct lmap_mdb) holds all mappings that derive from one
 * region. A *node* is one mapping: a run of region pages (rfirst...) that
 * appears as a run of window pages (wfirst...). A window's *index* finds the
 * node of a window page. "first" and "last" are inclusive page numbers.
 *
 *   region pages   0 1 2 3 4 5 6 7 8 9       preorder list     level
 *   node A         [---------------]          A                  1
 *   node B           [-------]                B                  2
 *   node C               [---]                C                  3
 *   node D                       [---]        D                  1
 *
 * A node's pages are a part of its parent's, its rights are a part of its
 * parent's rights. Both stay true at every moment at which tree->lock is free.
 *
 * Locks, outer first (what is above them stands in lmap.h):
 *   revoke lock of the tree   the caller's; serialises everything that takes
 *                             something away. A node can only vanish, shrink
 *                             or lose rights under it, so its holder may keep
 *                             node pointers while tree->lock is dropped
 *     tree->lock              preorder list, range tree, parents, levels
 *       index->lock           the window's ordered index; also written under
 *                             index->seq, which lets faults read without locks
 *
 * Revoking has four steps, "mark, forward to demote, zap, backward to remove":
 * lmap_mdb_mark() says what is being taken, in O(1): look-ups honour it, and
 * nothing can be inserted below any more. lmap_mdb_demote() takes the rights
 * away node by node, and the mark has done its work. lmap_mdb_work() names the
 * runs of nodes that the caller must zap, and then unlinks what lost r, children
 * first.
 * In between a node without r stays in its window's index: nothing new can be
 * mapped over page table entries that have not been zapped.
 *
 * After demoting, the revoke lock may be dropped at any time: what is to be
 * done is in the nodes. Whoever revokes does, in the range that he looks at,
 * what others have left to do.
 */
#ifndef LMAP_MDB_H
#define LMAP_MDB_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/mutex.h>
#include <linux/rbtree.h>
#include <linux/rcupdate.h>
#include <linux/seqlock.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/lmap.h>

#include "refs.h"

/**
 * struct lmap_index - which node is at which page of a window
 * @lock: serialises writers
 * @seq: write section around every change that a lock-free reader could see
 * @root: nodes ordered by wfirst, without overlap
 */
struct lmap_index {
	spinlock_t lock;
	seqcount_spinlock_t seq;
	struct rb_root root;
};

/**
 * struct lmap_scope - which rights of which mappings a revocation is about
 * @root: in the subtree of this node, NULL: everywhere
 * @only: mappings in the window of this index and what derives from them;
 *	  NULL: all
 * @rfirst: first region page
 * @rlast: last region page
 * @take: rights to take, LMAP_R removes the mapping; 0: none
 * @self: with @root: from that one, too
 */
struct lmap_scope {
	struct lmap_node *root;
	struct lmap_index *only;
	unsigned long rfirst;
	unsigned long rlast;
	unsigned int take;
	bool self;
};

/**
 * struct lmap_mdb - the tree of all mappings that derive from one region
 * @lock: protects all fields below and, in the nodes, what is said there
 * @ranges: all nodes, at any level, as interval tree over region pages
 * @preorder: all nodes, every node followed by its subtree
 * @nr: number of nodes
 * @mark: what is being revoked, if its take is not 0; written under @lock and
 *	  @mark_lock, read under @mark_seq, too
 * @mark_lock: serves @mark_seq alone
 * @mark_seq: lets faults read @mark without locks
 * @refs: reference bits of the region
 */
struct lmap_mdb {
	struct mutex lock;
	struct rb_root_cached ranges;
	struct list_head preorder;
	unsigned long nr;
	struct lmap_scope mark;
	spinlock_t mark_lock;
	seqcount_spinlock_t mark_seq;
	struct lmap_refs refs;
};

/**
 * struct lmap_origin - what the parts of a mapping that was cut have in common
 * @id: number of the mapping, never reused; immutable
 * @budget: how many mappings there may be from here on, this one included;
 *	    0 = no limit of its own; immutable
 * @spent: how much of @budget is taken
 * @cost: what was taken from @purse; immutable once linked
 * @purse: the nearest one above with a budget, or NULL; immutable once linked.
 *	   A mapping of it is an ancestor of each of ours, so it outlives us
 * @nodes: how many nodes are linked
 * @rfirst: first region page that it ever had; immutable once linked
 * @rlast: last region page that it ever had; immutable once linked
 * @refs: reference bits, see refs.h
 *
 * Freed with the last of its nodes, which is marked LMAP_NODE_LAST. Parts of
 * one mapping can be in different trees (see lmap_mdb_adopt()), so mdb->lock
 * does not protect the counters.
 */
struct lmap_origin {
	u64 id;
	u32 budget;
	u32 cost;
	atomic_t spent;
	atomic_t nodes;
	struct lmap_origin *purse;
	unsigned long rfirst;
	unsigned long rlast;
	struct lmap_refs refs;
};

#define LMAP_BUDGET_MAX	((u32)INT_MAX)

/**
 * struct lmap_node - a mapping, or a part of one that was cut
 * @wrb: place in index->root; index->lock, read without lock by faults
 * @wfirst: first window page; index->lock, read under seq
 * @rfirst: first region page; mdb->lock and index->lock, read under seq
 * @npages: length; mdb->lock and index->lock, read under seq
 * @rights: effective rights; 0 = dying: revoked, not yet unlinked; mdb->lock
 *	    and index->lock, read under seq
 * @depth: how many further levels may hang below; mdb->lock and index->lock
 * @level: 1 below the region; mdb->lock and index->lock
 * @flags: LMAP_NODE_*; mdb->lock and the revoke lock
 * @lost: rights that it had and has not any more since LMAP_NODE_ZAP was set;
 *	  stays until that is set again; mdb->lock
 * @mdb: the tree; mdb->lock (of both, if it changes) and index->lock, read
 *	 under seq
 * @origin: what it shares with other parts, immutable while linked
 * @rrb: place in mdb->ranges; mdb->lock
 * @rlast_subtree: largest last region page below @rrb; mdb->lock
 * @rcu: the node is unlinked and waits for lock-free readers to leave, and with
 *	 it the others of a ring by @order
 * @ring: they have left; place among the rings
 * @order: place in mdb->preorder; mdb->lock. On a list of spare or dead nodes
 *	   the place there
 * @parent: the mapping that this one derives from, NULL below the region;
 *	    mdb->lock, read without locks by look-ups
 * @index: the window's index, immutable while linked
 */
struct lmap_node {
	/* What faults read: one cache line. */
	struct rb_node wrb;
	unsigned long wfirst;
	unsigned long rfirst;
	u32 npages;
	u8 rights;
	/* Beside the lock-free one, and never written together with it. */
	u32 depth:7;
	u32 level:7;
	u32 flags:6;
	u32 lost:4;
	struct lmap_mdb *mdb;
	struct lmap_origin *origin;

	union {
		struct {
			struct rb_node rrb;
			unsigned long rlast_subtree;
		};
		struct rcu_head rcu;
		struct llist_node ring;
	};
	struct list_head order;
	struct lmap_node *parent;
	struct lmap_index *index;
};

#define LMAP_NODE_ZAP	0x1	/* demoted, page tables not yet zapped */
#define LMAP_NODE_LAST	0x2	/* unlinked as the last one of its origin */
#define LMAP_NODE_PIN	0x4	/* its pages stay in memory; the caller's to set */
#define LMAP_NODE_MOVED	0x8	/* its pages and their bits are elsewhere now */
#define LMAP_NODE_REFS	0x10	/* fresh bits were taken, to be zapped */
#define LMAP_NODE_OVER	0x20	/* lost more than was asked, like @lost */

/* The longest run of pages that one node can hold. */
#define LMAP_NODE_PAGES_MAX	U32_MAX

static inline unsigned long lmap_node_wlast(const struct lmap_node *node)
{
	return node->wfirst + (node->npages - 1);
}

static inline unsigned long lmap_node_rlast(const struct lmap_node *node)
{
	return node->rfirst + (node->npages - 1);
}

static inline bool lmap_node_dying(const struct lmap_node *node)
{
	return !node->rights;
}

void lmap_mdb_init(struct lmap_mdb *mdb);
void lmap_index_init(struct lmap_index *index);

/**
 * struct lmap_hit - what a lock-free look-up found
 * @mdb: the tree; valid as long as the reader stays in its RCU section
 * @origin: of the mapping; the same
 * @wfirst: first window page for which this is true; of the mapping, unless a
 *	    part of it is being revoked
 * @wlast: last such page
 * @rfirst: region page that appears at @wfirst
 * @rights: effective rights, never 0
 * @seq: for lmap_index_changed()
 */
struct lmap_hit {
	struct lmap_mdb *mdb;
	struct lmap_origin *origin;
	unsigned long wfirst;
	unsigned long wlast;
	unsigned long rfirst;
	unsigned int rights;
	unsigned int seq;
};

/**
 * lmap_hit_page - which region page appears at a window page?
 * @hit: from lmap_index_lookup()
 * @wpage: one of those that @hit is true for
 *
 * Return: its number.
 */
static inline unsigned long lmap_hit_page(const struct lmap_hit *hit,
					  unsigned long wpage)
{
	return hit->rfirst + (wpage - hit->wfirst);
}

/**
 * lmap_index_lookup - find the mapping at a window page, without locks
 * @index: the window's
 * @wpage: page number in the window
 * @hit: result
 *
 * Context: RCU read-side section, may be atomic.
 * Return: false if nothing is mapped there or it is being revoked; @hit->seq
 * is set all the same.
 */
bool lmap_index_lookup(struct lmap_index *index, unsigned long wpage,
		       struct lmap_hit *hit);

/**
 * lmap_index_changed - may a look-up be outdated?
 * @index: the window's
 * @hit: from lmap_index_lookup()
 *
 * Context: any. Partner of the write sections in mdb.c; see Documentation/
 * locking.rst, "fault against revoke".
 * Return: true if any mapping of the window changed since.
 */
static inline bool lmap_index_changed(struct lmap_index *index,
				      const struct lmap_hit *hit)
{
	return read_seqcount_retry(&index->seq, hit->seq);
}

/**
 * lmap_index_first - first node that overlaps a range of window pages
 * @index: the window's
 * @wfirst: first page
 * @wlast: last page
 *
 * Context: index->lock held.
 * Return: the node, dying ones included, or NULL.
 */
struct lmap_node *lmap_index_first(struct lmap_index *index,
				   unsigned long wfirst, unsigned long wlast);

/**
 * lmap_index_next - the next node of a range of window pages
 * @node: from lmap_index_first() or lmap_index_next()
 * @wlast: last page
 *
 * Context: index->lock held since @node was found.
 */
struct lmap_node *lmap_index_next(struct lmap_node *node, unsigned long wlast);

/**
 * lmap_index_first_of - first node of a range, if it belongs to a tree
 * @index: the window's
 * @mdb: the tree
 * @wfirst: first page
 * @wlast: last page
 *
 * Context: mdb->lock held, so that the answer stays true. Takes index->lock.
 * Return: the node, dying ones included; NULL if there is none or the first
 * one belongs to another tree.
 */
struct lmap_node *lmap_index_first_of(struct lmap_index *index,
				      struct lmap_mdb *mdb,
				      unsigned long wfirst,
				      unsigned long wlast);

/**
 * lmap_mdb_first - first node that overlaps a range of region pages
 * @mdb: the tree
 * @rfirst: first page
 * @rlast: last page
 *
 * Context: mdb->lock held.
 */
struct lmap_node *lmap_mdb_first(struct lmap_mdb *mdb, unsigned long rfirst,
				 unsigned long rlast);

/**
 * lmap_mdb_next - the next node of a range of region pages
 * @node: the last one, still linked
 * @rfirst: first page
 * @rlast: last page
 *
 * Context: mdb->lock held; it may have been dropped since @node was found if
 * the revoke lock was held all the time.
 */
struct lmap_node *lmap_mdb_next(struct lmap_node *node, unsigned long rfirst,
				unsigned long rlast);

/**
 * lmap_mdb_insert - make a mapping
 * @mdb: the tree
 * @parent: mapping that it derives from, or NULL for the region itself
 * @index: the window's index
 * @node: all of wfirst, rfirst, npages, rights and depth set; origin of its
 *	  own with id and budget set
 *
 * Context: mdb->lock held. Takes index->lock.
 * Pre: @parent is not dying and holds all pages and rights of @node.
 * Return: 0; -EBUSY if something is at the target (dying nodes included),
 * -EDQUOT if a budget above is used up, -ESTALE if what it would derive from
 * is being revoked: then nothing is changed.
 */
int lmap_mdb_insert(struct lmap_mdb *mdb, struct lmap_node *parent,
		    struct lmap_index *index, struct lmap_node *node);

/**
 * lmap_mdb_extend - add rights to a mapping (fast overmap)
 * @node: not dying
 * @rights: to be added; the caller has checked them against the parent
 *
 * Context: mdb->lock held. Takes index->lock. Children keep theirs.
 * Return: 0; -ESTALE if rights of it are being revoked: nothing is changed.
 */
int lmap_mdb_extend(struct lmap_node *node, unsigned int rights);

/**
 * lmap_mdb_is_ancestor - is a node the ancestor of another, or the same?
 * @node: looked at
 * @of: whose ancestors are searched, may be NULL
 *
 * Context: mdb->lock of @of held.
 */
bool lmap_mdb_is_ancestor(const struct lmap_node *node,
			  const struct lmap_node *of);

/**
 * struct lmap_revoke - one revocation in one tree
 * @mdb: the tree
 * @scope: what is revoked
 * @spares: unused nodes (linked by order) for splitting
 * @mappings: result: nodes that lost something
 * @pages: result: pages that they lost, each node counted by itself
 * @over: result: more was revoked than asked, for want of spares
 * @breaks: mdb->lock may be dropped every LMAP_MDB_BATCH nodes
 * @uncut: private to mdb.c: it is marked, and nothing has to be split
 * @steps: private to mdb.c: nodes looked at
 * @zfirst: private to mdb.c: first region page of nodes with work to do
 * @zlast: private to mdb.c: last region page of those
 * @started: private to mdb.c: @pos is valid
 * @pos: private to mdb.c: where lmap_mdb_work() goes on
 */
struct lmap_revoke {
	struct lmap_mdb *mdb;
	struct lmap_scope scope;
	struct list_head spares;
	u64 mappings;
	u64 pages;
	bool over;
	bool breaks;
	bool uncut;
	unsigned int steps;
	unsigned long zfirst;
	unsigned long zlast;
	bool started;
	struct lmap_node *pos;
};

/* So many nodes are looked at before others get mdb->lock. */
#ifndef LMAP_MDB_BATCH
#define LMAP_MDB_BATCH	128
#endif

/**
 * lmap_mdb_move_spares - how many nodes will cutting out of a mapping need?
 * @node: the mapping
 * @rfirst: first region page
 * @rlast: last region page
 *
 * Context: mdb->lock held.
 */
unsigned long lmap_mdb_move_spares(struct lmap_node *node,
				   unsigned long rfirst, unsigned long rlast);

/**
 * lmap_mdb_cut - make a part of a mapping a node of its own
 * @node: the mapping
 * @rfirst: first region page
 * @rlast: last region page, both inside
 * @spares: as many nodes as lmap_mdb_move_spares() says
 *
 * What derives from it is cut, too. Nobody loses or gains anything.
 *
 * Context: revoke lock and mdb->lock held. Takes index->lock.
 * Return: the node of just these pages.
 */
struct lmap_node *lmap_mdb_cut(struct lmap_node *node, unsigned long rfirst,
			       unsigned long rlast, struct list_head *spares);

/**
 * lmap_mdb_move - move a mapping, or a part of it, to another place (grant)
 * @rv: mdb, scope: root (the mapping), rfirst and rlast (inside it), take (the
 *	rights that the moved mapping shall lose); and spares, at least as many as
 *	lmap_mdb_move_spares() says
 * @index: the new window's
 * @node: new node, wfirst set
 *
 * What derives from the part stays below it, with no more than its rights.
 * The old node is dying afterwards: lmap_mdb_work() as if @rv came from
 * lmap_mdb_demote(); its scope.root is NULL then.
 *
 * Context: revoke lock and mdb->lock held. Takes index->lock.
 * Pre: the mapping is not dying, rv->scope.take does not contain LMAP_R.
 * Return: 0; -EBUSY if something is at the target: nothing is changed then.
 */
int lmap_mdb_move(struct lmap_revoke *rv, struct lmap_index *index,
		  struct lmap_node *node);

/**
 * lmap_mdb_mark - say what is being revoked
 * @rv: the revocation; its scope.take can be 0
 *
 * From here on look-ups find less, and nothing can be inserted into what is
 * being revoked. What was set up before is not touched.
 *
 * Context: revoke lock and mdb->lock held; the former must be held until
 * lmap_mdb_unmark().
 */
void lmap_mdb_mark(struct lmap_revoke *rv);

/**
 * lmap_mdb_unmark - the nodes tell by themselves now, or nothing is revoked
 * @mdb: the tree
 *
 * Context: revoke lock and mdb->lock held.
 */
void lmap_mdb_unmark(struct lmap_mdb *mdb);

/**
 * lmap_mdb_spares_needed - how many nodes will splitting need?
 * @rv: the revocation
 *
 * Context: revoke lock and mdb->lock held; the latter is dropped meanwhile if
 * rv->breaks. Without a mark an insert can change the answer afterwards; too
 * few spares are no error, see lmap_mdb_demote().
 */
unsigned long lmap_mdb_spares_needed(struct lmap_revoke *rv);

/**
 * lmap_mdb_demote - take the rights away in the database
 * @rv: the revocation
 *
 * Splits what sticks out of the range and then takes the rights from all
 * nodes inside. If spares run out, a mapping that would have to be split
 * loses the rights as a whole and @rv->over is set: revoking never fails.
 * With take 0 it only looks for what others have left to zap and to reap.
 *
 * Context: revoke lock and mdb->lock held. Takes index->lock. If rv->breaks,
 * which needs a mark, mdb->lock is dropped meanwhile.
 */
void lmap_mdb_demote(struct lmap_revoke *rv);

/**
 * lmap_mdb_adopt - move all mappings of a range into another tree
 * @rv: mdb (the old tree), scope: rfirst, rlast, take (LMAP_RIGHTS_ALL); spares
 * @parent: mapping of the new tree that holds the range; what derived from the
 *	    old region derives from it afterwards, with no more than its rights
 * @moved: result: for lmap_mdb_work() in the new tree
 *
 * The pages must be the same in both regions, by number and content, but page
 * table entries must be made anew: all nodes are to be zapped. Like
 * lmap_mdb_demote() it never fails: without spares for splitting at a border,
 * or where the tree would become too deep, mappings are revoked. Those that
 * stayed are to be zapped and unlinked with @rv.
 *
 * Context: revoke locks and mdb->lock of both trees held. Takes index->lock.
 */
void lmap_mdb_adopt(struct lmap_revoke *rv, struct lmap_node *parent,
		    struct lmap_revoke *moved);

/**
 * struct lmap_run - neighbouring mappings in one window, to be zapped together
 * @index: of the window, NULL: there is none
 * @mdb: the tree of all of them
 * @wfirst: first window page
 * @wlast: last window page
 * @nodes: how many mappings
 * @pins: one of them has LMAP_NODE_PIN
 */
struct lmap_run {
	struct lmap_index *index;
	struct lmap_mdb *mdb;
	unsigned long wfirst;
	unsigned long wlast;
	unsigned long nodes;
	bool pins;
};

/* A run of more than one mapping ends after so many of them or of pages. */
#ifndef LMAP_RUN_NODES
#define LMAP_RUN_NODES	4096
#define LMAP_RUN_PAGES	16384
#endif

/**
 * lmap_run_next - the next mapping of a run
 * @run: from lmap_mdb_work()
 * @node: the last one, NULL: from the beginning
 *
 * Context: revoke lock held since lmap_mdb_work(), mdb->lock held, though it
 * may have been dropped meanwhile. Takes index->lock.
 */
struct lmap_node *lmap_run_next(const struct lmap_run *run,
				struct lmap_node *node);

/**
 * lmap_mdb_work - what is to be done after lmap_mdb_demote()
 * @rv: the revocation
 * @dead: list to which nodes are added (by order) that were unlinked. Lock-free
 *	  readers may still look at them: free them through RCU
 * @zap: result: mappings whose pages must be zapped before the next call, or
 *	 before the revoke lock is dropped; or none
 *
 * To be called until it returns false. It unlinks what has no right left and
 * has been zapped, children before their parents, at most LMAP_MDB_BATCH nodes
 * a call. Others' work in the range, and at its borders, is done, too. The
 * revoke lock may be dropped between calls; then @rv is invalid, and a new
 * lmap_mdb_demote() (its take may be 0) finds what is left.
 *
 * Context: revoke lock and mdb->lock held; the latter may be dropped between
 * calls, and is dropped here if rv->breaks, but not after the last node of the
 * range was unlinked. Takes index->lock.
 */
bool lmap_mdb_work(struct lmap_revoke *rv, struct list_head *dead,
		   struct lmap_run *zap);

/**
 * lmap_mdb_break - let others have mdb->lock now and then
 * @mdb: the tree
 * @steps: the caller's count of nodes looked at
 *
 * Context: mdb->lock held, and the revoke lock, so that nodes stay.
 */
void lmap_mdb_break(struct lmap_mdb *mdb, unsigned int *steps);

#endif /* LMAP_MDB_H */
