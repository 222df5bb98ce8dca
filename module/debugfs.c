// SPDX-License-Identifier: GPL-2.0
/*
 * lmap - debugfs: every mapping with the page frames behind it, and the
 * counters. For root's eyes: it tells physical addresses.
 *
 * Nothing may depend on this, and it may keep no lock for longer than it takes
 * to look at one mapping.
 */
#define CREATE_TRACE_POINTS
#include "trace.h"

#include <linux/debugfs.h>
#include <linux/file.h>
#include <linux/pid.h>
#include <linux/seq_file.h>

static struct dentry *debug_dir;

/**
 * struct tree_pos - how far a reader of "tree" is
 * @window: number of the window
 * @page: next page in it
 */
struct tree_pos {
	unsigned long window;
	unsigned long page;
};

/* A mapping, as it was. */
struct tree_node {
	struct lmap_region *region;
	u64 id;
	u64 parent;
	unsigned long wfirst;
	unsigned long rfirst;
	unsigned long npages;
	unsigned int rights;
	unsigned int level;
};

/* The first mapping from @page on; holds its region. */
static bool tree_look(struct lmap_window *window, unsigned long page,
		      struct tree_node *out)
{
	struct lmap_node *node, *parent;

	rcu_read_lock();
	spin_lock(&window->index.lock);
	node = lmap_index_first(&window->index, page, ULONG_MAX);
	if (node) {
		parent = rcu_dereference_raw(node->parent);
		out->region = lmap_mdb_region(node->mdb);
		/* A linked node holds its region. */
		refcount_inc(&out->region->ref);
		out->id = node->origin->id;
		out->parent = parent ? parent->origin->id : 0;
		out->wfirst = node->wfirst;
		out->rfirst = node->rfirst;
		out->npages = node->npages;
		out->rights = node->rights;
		out->level = lmap_node_bits(node).level;
	}
	spin_unlock(&window->index.lock);
	rcu_read_unlock();
	return node;
}

static unsigned long tile_frame(struct lmap_region *region, unsigned long page)
{
	unsigned long tile;

	rcu_read_lock();
	tile = lmap_tile_get(region, page);
	rcu_read_unlock();
	return tile ? page_to_pfn(lmap_tile_page(tile)) : 0;
}

/* Frames that follow each other are one run. */
static void show_frames(struct seq_file *m, const struct tree_node *node)
{
	unsigned long i, n;

	for (i = 0; i < node->npages && !seq_has_overflowed(m); i += n) {
		unsigned long page = node->rfirst + i;
		unsigned long frame = tile_frame(node->region, page);

		for (n = 1; i + n < node->npages; n++)
			if (tile_frame(node->region, page + n) !=
			    (frame ? frame + n : 0))
				break;
		if (frame)
			seq_printf(m, "    page %lu frame %#lx n %lu\n",
				   node->wfirst + i, frame, n);
		cond_resched();
	}
}

static void show_node(struct seq_file *m, const struct tree_node *node)
{
	seq_printf(m, "  node %llu parent %llu region %llu page %lu n %lu",
		   node->id, node->parent, node->region->id, node->wfirst,
		   node->npages);
	seq_printf(m, " rights " LMAP_RIGHTS_FMT " level %u\n",
		   LMAP_RIGHTS_ARGS(node->rights), node->level);
	show_frames(m, node);
}

static int tree_show(struct seq_file *m, void *v)
{
	struct file *file = v;
	struct lmap_window *window = file->private_data;
	struct tree_pos *pos = m->private;
	struct tree_node node;

	if (!pos->page)
		seq_printf(m, "window %llu pid %d pages %lu\n", window->id,
			   pid_nr(window->space->pid), window->npages);
	if (!tree_look(window, pos->page, &node))
		return 0;
	show_node(m, &node);
	lmap_region_put(node.region);
	return 0;
}

/* The position is where it was left: nobody can seek. */
static void *tree_start(struct seq_file *m, loff_t *ppos)
{
	struct tree_pos *pos = m->private;

	return lmap_window_next(&pos->window);
}

static void *tree_next(struct seq_file *m, void *v, loff_t *ppos)
{
	struct file *file = v;
	struct tree_pos *pos = m->private;
	struct tree_node node;
	bool more;

	++*ppos;
	more = tree_look(file->private_data, pos->page, &node);
	if (more) {
		pos->page = node.wfirst + node.npages;
		lmap_region_put(node.region);
		more = tree_look(file->private_data, pos->page, &node);
	}
	if (more) {
		lmap_region_put(node.region);
		return file;
	}
	fput(file);
	pos->window++;
	pos->page = 0;
	return lmap_window_next(&pos->window);
}

static void tree_stop(struct seq_file *m, void *v)
{
	if (v)
		fput(v);
}

static const struct seq_operations tree_ops = {
	.start = tree_start,
	.next = tree_next,
	.stop = tree_stop,
	.show = tree_show,
};

static int tree_open(struct inode *inode, struct file *file)
{
	return seq_open_private(file, &tree_ops, sizeof(struct tree_pos));
}

static const struct file_operations tree_fops = {
	.owner = THIS_MODULE,
	.open = tree_open,
	.read = seq_read,
	.release = seq_release_private,
};

static int counters_show(struct seq_file *m, void *v)
{
	static const char * const names[LMAP_NR_STATS] = {
		"maps", "revoked", "zaps", "faults", "pages", "pins", "events",
		"lost",
	};
	struct lmap_stats sum;
	unsigned int i;

	lmap_stats_sum(&sum);
	seq_printf(m, "spaces %u\nwindows %u\n", lmap_space_count(),
		   lmap_window_count());
	for (i = 0; i < LMAP_NR_STATS; i++)
		seq_printf(m, "%s %llu\n", names[i], sum.count[i]);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(counters);

/* What is counted at the same moment may stay. */
static ssize_t reset_write(struct file *file, const char __user *buf,
			   size_t count, loff_t *ppos)
{
	lmap_stats_reset();
	return count;
}

static const struct file_operations reset_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = reset_write,
	.llseek = noop_llseek,
};

/* Without debugfs, or without memory for it, there is just nothing to see. */
void lmap_debugfs_init(void)
{
	debug_dir = debugfs_create_dir("lmap", NULL);
	debugfs_create_file("tree", 0400, debug_dir, NULL, &tree_fops);
	debugfs_create_file("counters", 0400, debug_dir, NULL, &counters_fops);
	debugfs_create_file("reset", 0200, debug_dir, NULL, &reset_fops);
}

void lmap_debugfs_exit(void)
{
	debugfs_remove(debug_dir);
}
