// SPDX-License-Identifier: GPL-2.0
/*
 * lmap - the mapping database. mdb.h is the contract; words and pictures are
 * there.
 *
 * Nothing here may allocate, sleep for long, or know what a page, a process or
 * a file is. The file is built unchanged in user space by selftests/mdb.
 */
#include "index.h"

#include <linux/bug.h>
#include <linux/errno.h>
#include <linux/interval_tree_generic.h>
#include <linux/lockdep.h>
#include <linux/sched.h>

#define RANGE_FIRST(node)	((node)->rfirst)
#define RANGE_LAST(node)	(lmap_node_rlast(node))
INTERVAL_TREE_DEFINE(struct lmap_node, rrb, unsigned long, rlast_subtree,
		     RANGE_FIRST, RANGE_LAST, static, lmap_range)

void lmap_mdb_init(struct lmap_mdb *mdb)
{
	mutex_init(&mdb->lock);
	mdb->ranges = RB_ROOT_CACHED;
	INIT_LIST_HEAD(&mdb->preorder);
	mdb->nr = 0;
	mdb->mark = (struct lmap_scope){};
	spin_lock_init(&mdb->mark_lock);
	seqcount_spinlock_init(&mdb->mark_seq, &mdb->mark_lock);
	atomic_set(&mdb->refs.whole, 0);
	mdb->refs.table = NULL;
	mdb->refs.tracked = false;
}

struct lmap_node *lmap_mdb_first(struct lmap_mdb *mdb, unsigned long rfirst,
				 unsigned long rlast)
{
	lockdep_assert_held(&mdb->lock);
	return lmap_range_iter_first(&mdb->ranges, rfirst, rlast);
}

struct lmap_node *lmap_mdb_next(struct lmap_node *node, unsigned long rfirst,
				unsigned long rlast)
{
	lockdep_assert_held(&node->mdb->lock);
	return lmap_range_iter_next(node, rfirst, rlast);
}

/* Budgets. */

static bool origin_charge(struct lmap_origin *origin,
			  const struct lmap_node *parent)
{
	struct lmap_origin *purse = NULL;
	u32 cost = origin->budget ?: 1;

	if (parent)
		purse = parent->origin->budget ? parent->origin :
						 parent->origin->purse;
	/* Neither is greater than LMAP_BUDGET_MAX: u32 holds the sum. */
	if (purse &&
	    (u32)atomic_add_return(cost, &purse->spent) > purse->budget) {
		atomic_sub(cost, &purse->spent);
		return false;
	}
	origin->purse = purse;
	origin->cost = cost;
	atomic_set(&origin->spent, 1);
	atomic_set(&origin->nodes, 1);
	return true;
}

static void origin_uncharge(struct lmap_origin *origin)
{
	if (origin->purse)
		atomic_sub(origin->cost, &origin->purse->spent);
}

int lmap_mdb_insert(struct lmap_mdb *mdb, struct lmap_node *parent,
		    struct lmap_index *index, struct lmap_node *node)
{
	int ret;

	lockdep_assert_held(&mdb->lock);
	node->mdb = mdb;
	node->index = index;
	node->parent = parent;
	node->level = parent ? parent->level + 1 : 1;
	node->flags = 0;
	node->lost = 0;

	if (lmap_mark_stops_child(mdb, index, parent, node->rfirst,
				  lmap_node_rlast(node)))
		return -ESTALE;
	if (!origin_charge(node->origin, parent))
		return -EDQUOT;
	node->origin->rfirst = node->rfirst;
	node->origin->rlast = lmap_node_rlast(node);
	ret = lmap_index_insert(index, node);
	if (ret) {
		origin_uncharge(node->origin);
		return ret;
	}
	lmap_range_insert(node, &mdb->ranges);
	list_add(&node->order, parent ? &parent->order : &mdb->preorder);
	mdb->nr++;
	return 0;
}

int lmap_mdb_extend(struct lmap_node *node, unsigned int rights)
{
	lockdep_assert_held(&node->mdb->lock);
	if (lmap_mark_stops(node))
		return -ESTALE;
	if (rights & ~node->rights)
		lmap_node_set_rights(node, node->rights | rights);
	/* What comes back before its zap was never away. */
	node->lost &= ~rights;
	return 0;
}

bool lmap_mdb_is_ancestor(const struct lmap_node *node,
			  const struct lmap_node *of)
{
	if (of)
		lockdep_assert_held(&of->mdb->lock);
	for (; of; of = of->parent)
		if (of == node)
			return true;
	return false;
}

/* The node after @node in preorder, if it is still below level @level. */
static struct lmap_node *subtree_next(struct lmap_node *node,
				      unsigned int level)
{
	struct lmap_mdb *mdb = node->mdb;

	if (list_is_last(&node->order, &mdb->preorder))
		return NULL;
	node = list_next_entry(node, order);
	return node->level > level ? node : NULL;
}

/*
 * Splitting. A node that is cut at region page @at keeps what is left of it; a
 * new node takes the rest. All descendants that reach over the cut are cut
 * too, and the right halves keep the shape of the tree:
 *
 *   A [------|-----]          A [------]     A' [-----]
 *     B [-]  |                  B [-]
 *     C  [---|--]       ->      C  [---]        C' [--]
 *            | D [-]                                 D [-]
 */

void lmap_mdb_break(struct lmap_mdb *mdb, unsigned int *steps)
{
	lockdep_assert_held(&mdb->lock);
	if (++*steps % LMAP_MDB_BATCH)
		return;
	mutex_unlock(&mdb->lock);
	cond_resched();
	mutex_lock(&mdb->lock);
}

static void take_break(struct lmap_revoke *rv)
{
	if (rv && rv->breaks)
		lmap_mdb_break(rv->mdb, &rv->steps);
}

static bool straddles(const struct lmap_node *node, unsigned long at)
{
	return node->rfirst < at && lmap_node_rlast(node) >= at;
}

static unsigned long subtree_straddlers(struct lmap_revoke *rv,
					struct lmap_node *top,
					unsigned long at)
{
	struct lmap_node *node;
	unsigned long n = 0;

	for (node = top; node; node = subtree_next(node, top->level)) {
		n += straddles(node, at);
		take_break(rv);
	}
	return n;
}

/* Cuts one node; the new one is linked everywhere but in preorder. */
static struct lmap_node *node_cut(struct lmap_node *node, unsigned long at,
				  struct lmap_node *right)
{
	unsigned long left_pages = at - node->rfirst;

	right->mdb = node->mdb;
	right->index = node->index;
	/* Until subtree_split() says better; look-ups may follow it at once. */
	right->parent = node->parent;
	right->origin = node->origin;
	atomic_inc(&node->origin->nodes);
	right->wfirst = node->wfirst + left_pages;
	right->rfirst = at;
	right->npages = node->npages - left_pages;
	right->rights = node->rights;
	right->depth = node->depth;
	right->level = node->level;
	right->flags = node->flags;
	right->lost = node->lost;
	lmap_index_prepare(right);

	spin_lock(&node->index->lock);
	write_seqcount_begin(&node->index->seq);
	WRITE_ONCE(node->npages, left_pages);
	lmap_index_link(node->index, right);
	write_seqcount_end(&node->index->seq);
	spin_unlock(&node->index->lock);
	/* It stays where it is: others may be walking from it. */
	lmap_range_augment.propagate(&node->rrb, NULL);
	lmap_range_insert(right, &node->mdb->ranges);
	node->mdb->nr++;
	return right;
}

/* Look-ups follow it without locks, and must find the parent complete. */
static void node_set_parent(struct lmap_node *node, struct lmap_node *parent)
{
	/* Partner: rcu_dereference_raw() in index.c. */
	smp_store_release(&node->parent, parent);
}

/*
 * Cuts a whole subtree. Walking it in preorder, the nodes right of the cut
 * form a preorder list of their own; the parent of each is the last one of
 * the level above on that list. Returns the right half of @top.
 */
static struct lmap_node *subtree_split(struct lmap_node *top, unsigned long at,
				       struct list_head *spares)
{
	struct lmap_node *last_right[LMAP_DEPTH_MAX + 1];
	struct lmap_node *node, *next, *left_end = top;
	LIST_HEAD(right_list);

	for (node = top; node; node = next) {
		struct lmap_node *right = NULL;

		next = subtree_next(node, top->level);
		if (straddles(node, at)) {
			right = list_first_entry(spares, struct lmap_node,
						 order);
			list_del(&right->order);
			node_cut(node, at, right);
			left_end = node;
		} else if (node->rfirst >= at) {
			right = node;
			list_del(&right->order);
		} else {
			left_end = node;
		}
		if (!right)
			continue;
		list_add_tail(&right->order, &right_list);
		node_set_parent(right, right->level == top->level ?
				top->parent : last_right[right->level - 1]);
		last_right[right->level] = right;
	}
	list_splice(&right_list, &left_end->order);
	return last_right[top->level];
}

/* Of nodes that scope_next() names: is it among those that lose rights? */
static bool in_scope(const struct lmap_revoke *rv, const struct lmap_node *node)
{
	const struct lmap_scope *scope = &rv->scope;

	return scope->only ? lmap_scope_has(scope, node) :
			     node != scope->root || scope->self;
}

/* Walks the tree of nodes that overlap region pages first..last. */
static struct lmap_node *scope_next(struct lmap_revoke *rv,
				    struct lmap_node *node,
				    unsigned long first, unsigned long last)
{
	struct lmap_node *root = rv->scope.root;

	if (!root)
		return node ? lmap_mdb_next(node, first, last) :
			      lmap_mdb_first(rv->mdb, first, last);
	for (node = node ? subtree_next(node, root->level) : root; node;
	     node = subtree_next(node, root->level))
		if (node->rfirst <= last && lmap_node_rlast(node) >= first)
			return node;
	return NULL;
}

/* Told by the borders of all: can a node straddle @at? */
static bool may_straddle(const struct lmap_revoke *rv, unsigned long at)
{
	const struct rb_root_cached *ranges = &rv->mdb->ranges;
	const struct rb_node *top = ranges->rb_root.rb_node;

	if (rv->scope.root)
		return straddles(rv->scope.root, at);
	return top && rb_entry(ranges->rb_leftmost, struct lmap_node,
			       rrb)->rfirst < at &&
	       rb_entry(top, struct lmap_node, rrb)->rlast_subtree >= at;
}

/*
 * The next topmost node that must be cut at @at. The scope's root itself is cut
 * only with self: else it keeps everything, and its children are the topmost. At
 * 0, which is also what comes after the last page of all, nothing is cut.
 */
static struct lmap_node *next_to_split(struct lmap_revoke *rv,
				       struct lmap_node *node, unsigned long at)
{
	if (!at || !may_straddle(rv, at))
		return NULL;
	while ((node = scope_next(rv, node, at - 1, at))) {
		take_break(rv);
		if (!straddles(node, at) || !(node->rights & rv->scope.take) ||
		    !in_scope(rv, node))
			continue;
		if (node != rv->scope.root && node->parent &&
		    in_scope(rv, node->parent) &&
		    (node->parent != rv->scope.root || rv->scope.self))
			continue;
		return node;
	}
	return NULL;
}

unsigned long lmap_mdb_spares_needed(struct lmap_revoke *rv)
{
	struct lmap_node *node = NULL;
	unsigned long n = 0;

	lockdep_assert_held(&rv->mdb->lock);
	while ((node = next_to_split(rv, node, rv->scope.rfirst)))
		n += subtree_straddlers(rv, node, rv->scope.rfirst);
	while ((node = next_to_split(rv, node, rv->scope.rlast + 1)))
		n += subtree_straddlers(rv, node, rv->scope.rlast + 1);
	/* Nothing new comes below a mark, and only we split: it stays so. */
	rv->uncut = !n && rv->mdb->mark.take;
	return n;
}

/* Model: revoke.pml, set_mark(). */
void lmap_mdb_mark(struct lmap_revoke *rv)
{
	lockdep_assert_held(&rv->mdb->lock);
	lmap_mark_set(rv->mdb, &rv->scope);
}

void lmap_mdb_unmark(struct lmap_mdb *mdb)
{
	struct lmap_scope nothing = {};

	lockdep_assert_held(&mdb->lock);
	lmap_mark_set(mdb, &nothing);
}

/* Zapping and reaping will look at it. */
static void note_node(struct lmap_revoke *rv, struct lmap_node *node)
{
	if (node->rfirst < rv->zfirst)
		rv->zfirst = node->rfirst;
	if (lmap_node_rlast(node) > rv->zlast)
		rv->zlast = lmap_node_rlast(node);
}

/* Its page table entries are to be zapped, since it has no more than @rights. */
static void node_await_zap(struct lmap_node *node, unsigned int rights)
{
	if (!(node->flags & LMAP_NODE_ZAP)) {
		node->lost = 0;
		node->flags &= ~LMAP_NODE_OVER;
	}
	node->lost |= node->rights & ~rights;
	node->flags |= LMAP_NODE_ZAP;
}

/* True if it has lost something. Model: revoke.pml, demote_node(). */
static bool node_demote(struct lmap_revoke *rv, struct lmap_node *node)
{
	unsigned int rights = node->rights & ~rv->scope.take;

	/* Somebody was interrupted, or let us go first. */
	if (node->flags & LMAP_NODE_ZAP || lmap_node_dying(node))
		note_node(rv, node);
	if (!(node->rights & rv->scope.take))
		return false;
	if (rv->scope.take & LMAP_R)
		rights = 0;
	node_await_zap(node, rights);
	lmap_node_set_rights(node, rights);
	rv->mappings++;
	rv->pages += node->npages;
	note_node(rv, node);
	return true;
}

static void subtree_demote(struct lmap_revoke *rv, struct lmap_node *top)
{
	struct lmap_node *node;

	for (node = top; node; node = subtree_next(node, top->level)) {
		if (node_demote(rv, node))
			node->flags |= LMAP_NODE_OVER;
		take_break(rv);
	}
}

static bool enough_spares(struct lmap_revoke *rv, unsigned long need)
{
	struct list_head *spare;

	list_for_each(spare, &rv->spares)
		if (!--need)
			return true;
	return false;
}

/* Cuts at a border of the range; without spares demotes whole subtrees. */
static void demote_border(struct lmap_revoke *rv, unsigned long at)
{
	struct lmap_node *node = NULL, *right;

	/* One that was cut or demoted is none of those any more. */
	while ((node = next_to_split(rv, node, at))) {
		if (!enough_spares(rv, subtree_straddlers(rv, node, at))) {
			subtree_demote(rv, node);
			rv->over = true;
			continue;
		}
		right = subtree_split(node, at, &rv->spares);
		/* The range begins at the cut: its root is the right half. */
		if (node == rv->scope.root && at == rv->scope.rfirst) {
			rv->scope.root = right;
			if (rv->mdb->mark.take)
				lmap_mdb_mark(rv);
			return;
		}
	}
}

void lmap_mdb_demote(struct lmap_revoke *rv)
{
	struct lmap_node *node = NULL;

	lockdep_assert_held(&rv->mdb->lock);
	rv->zfirst = ULONG_MAX;
	rv->zlast = 0;
	rv->started = false;
	if (!rv->uncut) {
		demote_border(rv, rv->scope.rfirst);
		demote_border(rv, rv->scope.rlast + 1);
	}
	while ((node = scope_next(rv, node, rv->scope.rfirst, rv->scope.rlast))) {
		if (in_scope(rv, node))
			node_demote(rv, node);
		take_break(rv);
	}
}

static void node_unlink(struct lmap_node *node)
{
	spin_lock(&node->index->lock);
	write_seqcount_begin(&node->index->seq);
	rb_erase(&node->wrb, &node->index->root);
	write_seqcount_end(&node->index->seq);
	spin_unlock(&node->index->lock);
	lmap_range_remove(node, &node->mdb->ranges);
	list_del(&node->order);
	node->mdb->nr--;
	if (atomic_dec_and_test(&node->origin->nodes)) {
		origin_uncharge(node->origin);
		node->flags |= LMAP_NODE_LAST;
	}
}

/* Moving. */

unsigned long lmap_mdb_move_spares(struct lmap_node *node,
				   unsigned long rfirst, unsigned long rlast)
{
	unsigned long n = 0;

	lockdep_assert_held(&node->mdb->lock);
	if (rfirst > node->rfirst)
		n += subtree_straddlers(NULL, node, rfirst);
	if (rlast < lmap_node_rlast(node))
		n += subtree_straddlers(NULL, node, rlast + 1);
	return n;
}

struct lmap_node *lmap_mdb_cut(struct lmap_node *node, unsigned long rfirst,
			       unsigned long rlast, struct list_head *spares)
{
	lockdep_assert_held(&node->mdb->lock);
	if (rlast < lmap_node_rlast(node))
		subtree_split(node, rlast + 1, spares);
	if (rfirst > node->rfirst)
		node = subtree_split(node, rfirst, spares);
	return node;
}

/* @node takes the place of @old in the tree; @old becomes a leaf before it. */
static void node_replace(struct lmap_node *old, struct lmap_node *node)
{
	struct lmap_node *below;

	list_add(&node->order, &old->order);
	for (below = subtree_next(node, old->level); below;
	     below = subtree_next(below, old->level))
		if (below->parent == old)
			node_set_parent(below, node);
}

/* Model: revoke.pml, move(). */
int lmap_mdb_move(struct lmap_revoke *rv, struct lmap_index *index,
		  struct lmap_node *node)
{
	struct lmap_node *old = rv->scope.root, *below;
	unsigned int lost = rv->scope.take;
	int ret;

	lockdep_assert_held(&rv->mdb->lock);
	node->mdb = old->mdb;
	node->index = index;
	node->parent = old->parent;
	node->origin = old->origin;
	node->rfirst = rv->scope.rfirst;
	node->npages = rv->scope.rlast - rv->scope.rfirst + 1;
	node->rights = old->rights & ~lost;
	node->depth = old->depth;
	node->level = old->level;
	node->flags = old->flags;
	node->lost = 0;
	ret = lmap_index_insert(index, node);
	if (ret)
		return ret;
	old = lmap_mdb_cut(old, rv->scope.rfirst, rv->scope.rlast, &rv->spares);
	atomic_inc(&node->origin->nodes);
	lmap_range_insert(node, &node->mdb->ranges);
	node->mdb->nr++;
	node_replace(old, node);

	rv->scope.root = NULL;
	rv->zfirst = ULONG_MAX;
	rv->zlast = 0;
	rv->started = false;
	/* What was paid for pages to stay goes with the mapping. */
	old->flags &= ~LMAP_NODE_PIN;
	for (below = node; lost && below;
	     below = subtree_next(below, node->level))
		node_demote(rv, below);
	rv->scope.take = LMAP_RIGHTS_ALL;
	old->flags |= LMAP_NODE_MOVED;
	node_demote(rv, old);
	return 0;
}

/* Changing trees. Lock-free readers see the node in the one or the other. */
static void node_adopt(struct lmap_node *node, struct lmap_node *parent)
{
	struct lmap_mdb *to = parent->mdb;
	unsigned int rights = node->rights & parent->rights;

	/* Too deep, and so is what is below. */
	if (!parent->depth)
		rights = 0;
	node_await_zap(node, rights);
	lmap_range_remove(node, &node->mdb->ranges);
	node->mdb->nr--;
	spin_lock(&node->index->lock);
	write_seqcount_begin(&node->index->seq);
	WRITE_ONCE(node->mdb, to);
	WRITE_ONCE(node->rights, rights);
	write_seqcount_end(&node->index->seq);
	node->level = parent->level + 1;
	if (node->depth >= parent->depth)
		node->depth = parent->depth ? parent->depth - 1 : 0;
	spin_unlock(&node->index->lock);
	node_set_parent(node, parent);
	lmap_range_insert(node, &to->ranges);
	to->nr++;
}

static void subtree_adopt(struct lmap_node *top, struct lmap_node *parent)
{
	unsigned int level = top->level;
	struct lmap_node *node, *next;
	LIST_HEAD(block);

	for (node = top; node; node = next) {
		/* Looks at nothing that has been moved. */
		next = subtree_next(node, level);
		list_del(&node->order);
		list_add_tail(&node->order, &block);
		node_adopt(node, node == top ? parent : node->parent);
	}
	list_splice(&block, &parent->order);
}

void lmap_mdb_adopt(struct lmap_revoke *rv, struct lmap_node *parent,
		    struct lmap_revoke *moved)
{
	struct lmap_node *node, *top, *stays = NULL;

	lockdep_assert_held(&rv->mdb->lock);
	lockdep_assert_held(&parent->mdb->lock);
	rv->zfirst = rv->scope.rfirst;
	rv->zlast = rv->scope.rlast;
	rv->started = false;
	demote_border(rv, rv->scope.rfirst);
	demote_border(rv, rv->scope.rlast + 1);
	moved->mdb = parent->mdb;
	moved->zfirst = rv->scope.rfirst;
	moved->zlast = rv->scope.rlast;
	moved->started = false;
	for (;;) {
		node = stays ? lmap_mdb_next(stays, rv->scope.rfirst, rv->scope.rlast) :
			       lmap_mdb_first(rv->mdb, rv->scope.rfirst, rv->scope.rlast);
		if (!node)
			break;
		/* One that could not be cut stays, dying with all below. */
		if (lmap_node_dying(node)) {
			stays = node;
			continue;
		}
		for (top = node; top->parent; top = top->parent)
			;
		subtree_adopt(top, parent);
	}
}

/* What can go without leaving anything behind: @node or what is below it. */
static struct lmap_node *first_leaf(struct lmap_node *node)
{
	struct lmap_node *below;

	while ((below = subtree_next(node, node->level)))
		node = below;
	return node;
}

static void node_reap(struct lmap_node *node, struct list_head *dead)
{
	/*
	 * Fresh bits of a mapping that moved belong to its new place: page
	 * table entries may be there already.
	 */
	if (!(node->flags & LMAP_NODE_MOVED))
		lmap_refs_settle(node);
	node_unlink(node);
	list_add_tail(&node->order, dead);
}

static struct lmap_node *work_next(struct lmap_revoke *rv,
				   struct lmap_node *node)
{
	if (rv->zfirst > rv->zlast)
		return NULL;
	return scope_next(rv, node, rv->zfirst, rv->zlast);
}

/* The neighbour in its window, if it is to be zapped, too. */
static struct lmap_node *run_neighbour(struct lmap_node *node, bool behind)
{
	struct lmap_index *index = node->index;
	struct lmap_node *next;
	struct rb_node *rb;

	spin_lock(&index->lock);
	rb = behind ? rb_next(&node->wrb) : rb_prev(&node->wrb);
	next = rb ? rb_entry(rb, struct lmap_node, wrb) : NULL;
	/* One of another tree may be freed as soon as the lock is dropped. */
	if (next && next->mdb != node->mdb)
		next = NULL;
	spin_unlock(&index->lock);
	if (!next || !(next->flags & LMAP_NODE_ZAP))
		return NULL;
	if (behind ? next->wfirst != lmap_node_wlast(node) + 1 :
		     node->wfirst != lmap_node_wlast(next) + 1)
		return NULL;
	return next;
}

static void run_grow(struct lmap_revoke *rv, struct lmap_run *run,
		     struct lmap_node *node, bool behind)
{
	while (run->nodes < LMAP_RUN_NODES &&
	       run->wlast - run->wfirst < LMAP_RUN_PAGES) {
		node = run_neighbour(node, behind);
		if (!node)
			break;
		node->flags &= ~LMAP_NODE_ZAP;
		run->pins |= node->flags & LMAP_NODE_PIN;
		run->nodes++;
		if (behind)
			run->wlast = lmap_node_wlast(node);
		else
			run->wfirst = node->wfirst;
		take_break(rv);
	}
}

static void run_begin(struct lmap_revoke *rv, struct lmap_run *run,
		      struct lmap_node *node)
{
	run->index = node->index;
	run->mdb = rv->mdb;
	run->wfirst = node->wfirst;
	run->wlast = lmap_node_wlast(node);
	run->nodes = 1;
	run->pins = node->flags & LMAP_NODE_PIN;
	node->flags &= ~LMAP_NODE_ZAP;
	run_grow(rv, run, node, false);
	run_grow(rv, run, node, true);
}

struct lmap_node *lmap_run_next(const struct lmap_run *run,
				struct lmap_node *node)
{
	unsigned long from = node ? lmap_node_wlast(node) + 1 : run->wfirst;

	lockdep_assert_held(&run->mdb->lock);
	if (from > run->wlast)
		return NULL;
	return lmap_index_first_of(run->index, run->mdb, from, run->wlast);
}

/*
 * All descendants of a dying node are dying, and nothing new gets below it.
 * Model: revoke.pml, do_work(), with choose_todo() and reap().
 */
bool lmap_mdb_work(struct lmap_revoke *rv, struct list_head *dead,
		   struct lmap_run *zap)
{
	struct lmap_node *node, *todo;
	unsigned int reaped = 0;

	lockdep_assert_held(&rv->mdb->lock);
	zap->index = NULL;
	node = rv->started ? rv->pos : work_next(rv, NULL);
	rv->started = true;
	while (node && reaped < LMAP_MDB_BATCH) {
		todo = lmap_node_dying(node) ? first_leaf(node) : node;
		if (todo->flags & LMAP_NODE_ZAP) {
			run_begin(rv, zap, todo);
			break;
		}
		if (todo == node)
			node = work_next(rv, node);
		if (lmap_node_dying(todo)) {
			node_reap(todo, dead);
			reaped++;
		}
		/* Not after the last one: the caller looks at mdb->nr. */
		if (node)
			take_break(rv);
	}
	rv->pos = node;
	return node;
}
