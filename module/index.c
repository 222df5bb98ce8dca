// SPDX-License-Identifier: GPL-2.0
/*
 * lmap - a window's index: which mapping is at which page, for faults without
 * locks. mdb.h is the contract.
 *
 * A part of the mapping database: nothing here may allocate, sleep or know what
 * a page or a file is. The file is built unchanged in user space by
 * selftests/mdb.
 */
#include "index.h"

#include <linux/errno.h>
#include <linux/lockdep.h>

void lmap_index_init(struct lmap_index *index)
{
	spin_lock_init(&index->lock);
	seqcount_spinlock_init(&index->seq, &index->lock);
	index->root = RB_ROOT;
}

/*
 * The window's index. Readers walk it without a lock: rotations can hide a
 * node from them for a moment (never loop them), which the sequence count
 * tells. Values that they read are written with WRITE_ONCE().
 */

static struct lmap_node *index_walk(struct rb_node *rb, unsigned long wpage)
{
	while (rb) {
		struct lmap_node *node = rb_entry(rb, struct lmap_node, wrb);
		unsigned long first = READ_ONCE(node->wfirst);

		if (wpage < first)
			rb = rcu_dereference_raw(rb->rb_left);
		else if (wpage - first >= READ_ONCE(node->npages))
			rb = rcu_dereference_raw(rb->rb_right);
		else
			return node;
	}
	return NULL;
}

/* What derives from @parent, in a window's index: is it in the scope? */
static bool scope_has_child(const struct lmap_scope *scope,
			    const struct lmap_index *index,
			    const struct lmap_node *parent)
{
	const struct lmap_node *node = parent;
	bool in = !scope->only || index == scope->only;

	for (; node && node != scope->root;
	     node = rcu_dereference_raw(node->parent))
		in |= node->index == scope->only;
	if (!scope->root)
		return in;
	if (!node)
		return false;
	return in || (scope->self && node->index == scope->only);
}

bool lmap_scope_has(const struct lmap_scope *scope,
		    const struct lmap_node *node)
{
	if (node == scope->root)
		return scope->self &&
		       (!scope->only || node->index == scope->only);
	return scope_has_child(scope, node->index,
			       rcu_dereference_raw(node->parent));
}

bool lmap_mark_stops_child(struct lmap_mdb *mdb, const struct lmap_index *index,
			   const struct lmap_node *parent, unsigned long rfirst,
			   unsigned long rlast)
{
	const struct lmap_scope *mark = &mdb->mark;

	lockdep_assert_held(&mdb->lock);
	return mark->take && rfirst <= mark->rlast && rlast >= mark->rfirst &&
	       scope_has_child(mark, index, parent);
}

bool lmap_mark_stops(const struct lmap_node *node)
{
	const struct lmap_scope *mark = &node->mdb->mark;

	lockdep_assert_held(&node->mdb->lock);
	return mark->take && node->rfirst <= mark->rlast &&
	       lmap_node_rlast(node) >= mark->rfirst && lmap_scope_has(mark, node);
}

void lmap_mark_set(struct lmap_mdb *mdb, const struct lmap_scope *mark)
{
	lockdep_assert_held(&mdb->lock);
	spin_lock(&mdb->mark_lock);
	write_seqcount_begin(&mdb->mark_seq);
	WRITE_ONCE(mdb->mark.root, mark->root);
	WRITE_ONCE(mdb->mark.only, mark->only);
	WRITE_ONCE(mdb->mark.rfirst, mark->rfirst);
	WRITE_ONCE(mdb->mark.rlast, mark->rlast);
	WRITE_ONCE(mdb->mark.take, mark->take);
	WRITE_ONCE(mdb->mark.self, mark->self);
	write_seqcount_end(&mdb->mark_seq);
	spin_unlock(&mdb->mark_lock);
}

/* False, and nothing else is set, if there is none. */
static bool mark_read(struct lmap_mdb *mdb, struct lmap_scope *mark)
{
	unsigned int seq;

	if (!READ_ONCE(mdb->mark.take))
		return false;
	do {
		seq = read_seqcount_begin(&mdb->mark_seq);
		mark->root = READ_ONCE(mdb->mark.root);
		mark->only = READ_ONCE(mdb->mark.only);
		mark->rfirst = READ_ONCE(mdb->mark.rfirst);
		mark->rlast = READ_ONCE(mdb->mark.rlast);
		mark->take = READ_ONCE(mdb->mark.take);
		mark->self = READ_ONCE(mdb->mark.self);
	} while (read_seqcount_retry(&mdb->mark_seq, seq));
	return mark->take;
}

/*
 * Rights that are being taken do not count any more. This makes a revocation
 * felt at once, and no more than that: whoever misses the mark is found by the
 * zap, as if he had come just before it.
 */
static void hit_apply_mark(struct lmap_hit *hit, const struct lmap_node *node,
			   unsigned long wpage)
{
	unsigned long rpage = lmap_hit_page(hit, wpage);
	unsigned long rlast = lmap_hit_page(hit, hit->wlast);
	unsigned long from = hit->rfirst, to = rlast;
	struct lmap_scope mark;

	if (!mark_read(hit->mdb, &mark) || from > mark.rlast ||
	    to < mark.rfirst || !lmap_scope_has(&mark, node))
		return;
	/* One answer for all of its pages: only those that lie on one side. */
	if (rpage < mark.rfirst) {
		to = mark.rfirst - 1;
	} else if (rpage > mark.rlast) {
		from = mark.rlast + 1;
	} else {
		from = from > mark.rfirst ? from : mark.rfirst;
		to = to < mark.rlast ? to : mark.rlast;
		hit->rights &= ~mark.take;
		if (mark.take & LMAP_R)
			hit->rights = 0;
	}
	hit->wlast -= rlast - to;
	hit->wfirst += from - hit->rfirst;
	hit->rfirst = from;
}

bool lmap_index_lookup(struct lmap_index *index, unsigned long wpage,
		       struct lmap_hit *hit)
{
	struct lmap_node *node;

	do {
		hit->seq = read_seqcount_begin(&index->seq);
		hit->rights = 0;
		node = index_walk(rcu_dereference_raw(index->root.rb_node),
				  wpage);
		if (!node)
			continue;
		hit->mdb = READ_ONCE(node->mdb);
		hit->origin = node->origin;
		hit->wfirst = READ_ONCE(node->wfirst);
		hit->wlast = hit->wfirst + (READ_ONCE(node->npages) - 1);
		hit->rfirst = READ_ONCE(node->rfirst);
		hit->rights = READ_ONCE(node->rights);
	} while (read_seqcount_retry(&index->seq, hit->seq));

	if (hit->rights)
		hit_apply_mark(hit, node, wpage);
	return hit->rights;
}

struct lmap_node *lmap_index_first(struct lmap_index *index,
				   unsigned long wfirst, unsigned long wlast)
{
	struct rb_node *rb = index->root.rb_node;
	struct lmap_node *best = NULL;

	lockdep_assert_held(&index->lock);
	while (rb) {
		struct lmap_node *node = rb_entry(rb, struct lmap_node, wrb);

		if (lmap_node_wlast(node) < wfirst) {
			rb = rb->rb_right;
		} else {
			best = node;
			rb = rb->rb_left;
		}
	}
	return best && best->wfirst <= wlast ? best : NULL;
}

struct lmap_node *lmap_index_next(struct lmap_node *node, unsigned long wlast)
{
	struct rb_node *rb = rb_next(&node->wrb);

	lockdep_assert_held(&node->index->lock);
	node = rb ? rb_entry(rb, struct lmap_node, wrb) : NULL;
	return node && node->wfirst <= wlast ? node : NULL;
}

struct lmap_node *lmap_index_first_of(struct lmap_index *index,
				      struct lmap_mdb *mdb,
				      unsigned long wfirst,
				      unsigned long wlast)
{
	struct lmap_node *node;

	lockdep_assert_held(&mdb->lock);
	spin_lock(&index->lock);
	node = lmap_index_first(index, wfirst, wlast);
	/* One of another tree may be freed as soon as the lock is dropped. */
	if (node && node->mdb != mdb)
		node = NULL;
	spin_unlock(&index->lock);
	return node;
}

/*
 * Rotations can show a new node to readers by plain stores, which nothing
 * orders after those of rb_link_node_rcu(). So its links are valid before the
 * write section begins: the barrier there comes before all stores inside.
 */
void lmap_index_prepare(struct lmap_node *node)
{
	node->wrb.rb_left = NULL;
	node->wrb.rb_right = NULL;
}

void lmap_index_link(struct lmap_index *index, struct lmap_node *node)
{
	struct rb_node **link = &index->root.rb_node, *parent = NULL;

	lockdep_assert_held(&index->lock);
	while (*link) {
		parent = *link;
		if (node->wfirst <
		    rb_entry(parent, struct lmap_node, wrb)->wfirst)
			link = &parent->rb_left;
		else
			link = &parent->rb_right;
	}
	rb_link_node_rcu(&node->wrb, parent, link);
	rb_insert_color(&node->wrb, &index->root);
}

void lmap_node_set_rights(struct lmap_node *node, unsigned int rights)
{
	lockdep_assert_held(&node->mdb->lock);
	spin_lock(&node->index->lock);
	write_seqcount_begin(&node->index->seq);
	WRITE_ONCE(node->rights, rights);
	write_seqcount_end(&node->index->seq);
	spin_unlock(&node->index->lock);
}

int lmap_index_insert(struct lmap_index *index, struct lmap_node *node)
{
	int ret = -EBUSY;

	lmap_index_prepare(node);
	spin_lock(&index->lock);
	if (!lmap_index_first(index, node->wfirst, lmap_node_wlast(node))) {
		write_seqcount_begin(&index->seq);
		lmap_index_link(index, node);
		write_seqcount_end(&index->seq);
		ret = 0;
	}
	spin_unlock(&index->lock);
	return ret;
}
