// SPDX-License-Identifier: GPL-2.0
/*
 * lmap - pagers: who touches a page of a paged window that is not there waits
 * until user space has mapped it or has refused.
 *
 * Nothing here may decide what a fault shows: who was woken takes his fault
 * again. Nobody may wait with mmap_lock or a lock of ours held, or so that a
 * fatal signal would not end it.
 *
 * A waiting thread is described on its own stack, so that a fault needs no
 * memory and nobody can use up any by waiting. Such a description is in the tree
 * as long as there is no answer, and whoever takes it out does so, and wakes,
 * under the pager's lock, which the thread passes before it goes on.
 *
 * No answer is lost. The fault is in the tree before it looks for the mapping
 * once more; what maps looks into the tree when the mapping is there:
 *
 *	fault				map
 *	pager is published
 *	lock, into the tree, unlock	mapping is linked
 *	smp_mb()			smp_mb()
 *	look the mapping up		read window->pager, lock, look into the tree
 *
 * Either the fault sees the mapping, or the map sees pager and fault.
 * Model: selftests/models/pager.pml.
 */
#include "pager.h"
#include "race.h"
#include "trace.h"

#include <linux/anon_inodes.h>
#include <linux/capability.h>
#include <linux/file.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/pid_namespace.h>
#include <linux/poll.h>
#include <linux/rbtree.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include <linux/wait.h>

static bool pager_kernel = true;
module_param(pager_kernel, bool, 0644);
MODULE_PARM_DESC(pager_kernel, "Accesses by the kernel wait for any pager, not only for one made with CAP_SYS_PTRACE");

/**
 * struct lmap_pager - of one window
 * @ref: its file, the window, each fault that waits
 * @window: number of the window; immutable
 * @npages: size of the window; immutable
 * @timeout: jiffies to wait at most, MAX_SCHEDULE_TIMEOUT: no limit; immutable
 * @privileged: may let the kernel wait in any case; immutable
 * @over: nobody may wait any more: its file is closed, or the window is dead;
 *	  written under @lock
 * @lock: see the lock order
 * @waiting: struct waiter by page; @lock
 * @unread: those that were not read, oldest first; @lock
 * @nr_waiting: how many in @waiting; @lock
 * @nr_told: waiters so far; @lock
 * @readers: waits for @unread or @over
 * @rcu: frees the memory: window->pager is read without a lock
 */
struct lmap_pager {
	refcount_t ref;
	u64 window;
	unsigned long npages;
	long timeout;
	bool privileged;
	bool over;
	spinlock_t lock;
	struct rb_root waiting;
	struct list_head unread;
	unsigned int nr_waiting;
	u64 nr_told;
	wait_queue_head_t readers;
	struct rcu_head rcu;
};

enum answer {
	ANSWER_NONE,	/* in the tree */
	ANSWER_LOOK,	/* take the fault again */
	ANSWER_REFUSED,
};

/**
 * struct waiter - a thread that waits, on its stack
 * @node: in pager->waiting
 * @link: in pager->unread, empty when it was read
 * @ask: what it wants to know
 * @task: itself
 * @number: which of this pager's
 * @answer: enum answer; written under pager->lock
 */
struct waiter {
	struct rb_node node;
	struct list_head link;
	const struct lmap_ask *ask;
	struct task_struct *task;
	u64 number;
	enum answer answer;
};

static struct waiter *to_waiter(struct rb_node *node)
{
	return rb_entry(node, struct waiter, node);
}

static bool waiter_less(struct rb_node *a, const struct rb_node *b)
{
	return to_waiter(a)->ask->wpage <
	       rb_entry(b, struct waiter, node)->ask->wpage;
}

/* The first one at or behind a page. */
static struct waiter *waiter_from(struct lmap_pager *pager,
				  unsigned long wfirst)
{
	struct rb_node *node = pager->waiting.rb_node;
	struct waiter *found = NULL;

	while (node) {
		struct waiter *waiter = to_waiter(node);

		if (waiter->ask->wpage >= wfirst) {
			found = waiter;
			node = node->rb_left;
		} else {
			node = node->rb_right;
		}
	}
	return found;
}

static void waiter_remove(struct lmap_pager *pager, struct waiter *waiter,
			  enum answer answer)
{
	rb_erase(&waiter->node, &pager->waiting);
	list_del_init(&waiter->link);
	pager->nr_waiting--;
	WRITE_ONCE(waiter->answer, answer);
}

/*
 * Answers all who wait for a page of a range. The thread can't leave, nor its
 * stack go, before the lock is free.
 */
static unsigned int pager_answer(struct lmap_pager *pager,
				 unsigned long wfirst, unsigned long wlast,
				 enum answer answer)
{
	struct waiter *waiter, *next;
	unsigned int nr = 0;

	for (waiter = waiter_from(pager, wfirst);
	     waiter && waiter->ask->wpage <= wlast; waiter = next) {
		struct rb_node *node = rb_next(&waiter->node);

		next = node ? to_waiter(node) : NULL;
		waiter_remove(pager, waiter, answer);
		wake_up_process(waiter->task);
		nr++;
	}
	return nr;
}

/* Nobody waits from now on. */
static void pager_over(struct lmap_pager *pager)
{
	spin_lock(&pager->lock);
	WRITE_ONCE(pager->over, true);
	pager_answer(pager, 0, ULONG_MAX, ANSWER_LOOK);
	spin_unlock(&pager->lock);
	wake_up_interruptible_all(&pager->readers);
}

void lmap_pager_put(struct lmap_pager *pager)
{
	if (refcount_dec_and_test(&pager->ref))
		kfree_rcu(pager, rcu);
}

/* The window's pager, referenced, or NULL. */
static struct lmap_pager *pager_of(struct lmap_window *window)
{
	struct lmap_pager *pager;

	/* As most have none. */
	if (!rcu_access_pointer(window->pager))
		return NULL;
	rcu_read_lock();
	pager = rcu_dereference(window->pager);
	if (pager && !refcount_inc_not_zero(&pager->ref))
		pager = NULL;
	rcu_read_unlock();
	return pager;
}

/* Faults */

/**
 * lmap_pager_get - is there somebody to wait for?
 * @window: kept by the caller
 * @ask: what would be asked
 *
 * Context: any.
 * Return: the window's pager, to be put; NULL: the fault fails.
 */
struct lmap_pager *lmap_pager_get(struct lmap_window *window,
				  const struct lmap_ask *ask)
{
	struct lmap_pager *pager;

	/* Nobody can give what the window can't have; who exits must not wait. */
	if (~window->rights & ask->access || current->flags & PF_EXITING)
		return NULL;
	pager = pager_of(window);
	if (!pager)
		return NULL;
	if (READ_ONCE(pager->over) ||
	    !(ask->user || pager->privileged || READ_ONCE(pager_kernel))) {
		lmap_pager_put(pager);
		return NULL;
	}
	return pager;
}

static bool waiter_add(struct lmap_pager *pager, struct waiter *waiter)
{
	bool added = false;

	spin_lock(&pager->lock);
	if (!pager->over) {
		waiter->number = pager->nr_told++;
		rb_add(&waiter->node, &pager->waiting, waiter_less);
		list_add_tail(&waiter->link, &pager->unread);
		pager->nr_waiting++;
		added = true;
	}
	spin_unlock(&pager->lock);
	return added;
}

/* Is there by now what the fault has not found? */
static bool ask_is_answered(struct lmap_window *window,
			    const struct lmap_ask *ask)
{
	struct lmap_hit hit;
	bool there;

	/* Partner: smp_mb() in lmap_pager_wake(). */
	smp_mb();
	rcu_read_lock();
	there = lmap_index_lookup(&window->index, ask->wpage, &hit) &&
		!(~hit.rights & ask->access);
	rcu_read_unlock();
	return there;
}

/* Sleeps until there is an answer, a signal, or no time left. */
static int waiter_sleep(struct waiter *waiter, long timeout)
{
	unsigned int state = waiter->ask->user ? TASK_INTERRUPTIBLE :
						 TASK_KILLABLE;
	int ret = 0;

	for (;;) {
		set_current_state(state);
		if (READ_ONCE(waiter->answer) != ANSWER_NONE)
			break;
		ret = -EINTR;
		if (signal_pending_state(state, current))
			break;
		ret = -ETIMEDOUT;
		if (!timeout)
			break;
		ret = 0;
		timeout = schedule_timeout(timeout);
	}
	__set_current_state(TASK_RUNNING);
	return ret;
}

/**
 * lmap_pager_wait - ask, and wait for the answer
 * @pager: from lmap_pager_get(), with the same @ask
 * @window: its file is held
 * @ask: the question
 *
 * Context: page fault, no locks at all.
 * Return: 0: take the fault again; -EINTR: a signal; -EFAULT: refused, or nobody
 * has answered in time.
 */
int lmap_pager_wait(struct lmap_pager *pager, struct lmap_window *window,
		    const struct lmap_ask *ask)
{
	struct waiter waiter = { .ask = ask, .task = current };
	int ret = 0;

	if (!waiter_add(pager, &waiter))
		return 0;
	lmap_race_sleep(ask_queued);
	trace_lmap_ask(pager->window, ask);
	if (!ask_is_answered(window, ask)) {
		wake_up_interruptible_poll(&pager->readers,
					   EPOLLIN | EPOLLRDNORM);
		ret = waiter_sleep(&waiter, pager->timeout);
	}
	lmap_race_sleep(ask_woken);
	/* Whoever has answered is done with our stack when he drops the lock. */
	spin_lock(&pager->lock);
	if (waiter.answer == ANSWER_NONE)
		waiter_remove(pager, &waiter, ANSWER_LOOK);
	else
		ret = 0;
	if (waiter.answer == ANSWER_REFUSED || ret == -ETIMEDOUT)
		ret = -EFAULT;
	spin_unlock(&pager->lock);
	trace_lmap_answer(pager->window, ask, ret);
	return ret;
}

/* Answers */

/**
 * lmap_pager_wake - something was mapped: who waits for it looks again
 * @window: its file is held
 * @wfirst: first page
 * @wlast: last page
 *
 * Context: process, no locks needed; the mappings are linked.
 */
void lmap_pager_wake(struct lmap_window *window, unsigned long wfirst,
		     unsigned long wlast)
{
	struct lmap_pager *pager;

	/* Partner: smp_mb() in ask_is_answered(). */
	smp_mb();
	pager = pager_of(window);
	if (!pager)
		return;
	spin_lock(&pager->lock);
	pager_answer(pager, wfirst, wlast, ANSWER_LOOK);
	spin_unlock(&pager->lock);
	lmap_pager_put(pager);
}

/**
 * lmap_pager_end - the window is dead: nobody may wait, the pager hears of it
 * @window: window->dead has been set
 *
 * Context: process, notifier that may block.
 */
void lmap_pager_end(struct lmap_window *window)
{
	struct lmap_pager *pager;

	/* Partner: smp_mb() in pager_publish(). */
	smp_mb();
	pager = pager_of(window);
	if (!pager)
		return;
	pager_over(pager);
	lmap_pager_put(pager);
}

/**
 * lmap_pager_detach - the window goes
 * @window: in release(), after lmap_pager_end()
 */
void lmap_pager_detach(struct lmap_window *window)
{
	struct lmap_pager *pager = rcu_replace_pointer(window->pager, NULL,
						       true);

	if (pager)
		lmap_pager_put(pager);
}

/* The file */

static bool pager_next(struct lmap_pager *pager, struct lmap_fault *fault,
		       u64 *number)
{
	struct pid_namespace *ns = task_active_pid_ns(current);
	struct waiter *waiter;

	spin_lock(&pager->lock);
	waiter = list_first_entry_or_null(&pager->unread, struct waiter, link);
	if (waiter) {
		list_del_init(&waiter->link);
		*number = waiter->number;
		*fault = (struct lmap_fault) {
			.window = pager->window,
			.offset = (u64)waiter->ask->wpage << PAGE_SHIFT,
			.access = waiter->ask->access,
			.held = waiter->ask->held,
			.thread = task_pid_nr_ns(waiter->task, ns),
		};
	}
	spin_unlock(&pager->lock);
	return waiter;
}

/* The message could not be handed out; its thread may have gone meanwhile. */
static void pager_unread(struct lmap_pager *pager, u64 number)
{
	struct rb_node *node;

	spin_lock(&pager->lock);
	for (node = rb_first(&pager->waiting); node; node = rb_next(node)) {
		struct waiter *waiter = to_waiter(node);

		if (waiter->number == number) {
			list_add(&waiter->link, &pager->unread);
			break;
		}
	}
	spin_unlock(&pager->lock);
	if (node)
		wake_up_interruptible_poll(&pager->readers,
					   EPOLLIN | EPOLLRDNORM);
}

static bool pager_has_news(struct lmap_pager *pager)
{
	return !list_empty_careful(&pager->unread) || READ_ONCE(pager->over);
}

static ssize_t pager_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct lmap_pager *pager = iocb->ki_filp->private_data;
	bool wait = !(iocb->ki_filp->f_flags & O_NONBLOCK ||
		      iocb->ki_flags & IOCB_NOWAIT);
	struct lmap_fault fault;
	ssize_t done = 0;
	u64 number;

	if (iov_iter_count(to) < sizeof(fault))
		return -EINVAL;
	while (iov_iter_count(to) >= sizeof(fault)) {
		if (pager_next(pager, &fault, &number)) {
			size_t n = copy_to_iter(&fault, sizeof(fault), to);

			if (n == sizeof(fault)) {
				done += n;
				continue;
			}
			iov_iter_revert(to, n);
			pager_unread(pager, number);
			return done ?: -EFAULT;
		}
		if (done || READ_ONCE(pager->over))
			break;
		if (!wait)
			return -EAGAIN;
		if (wait_event_interruptible_exclusive(pager->readers,
						       pager_has_news(pager)))
			return -ERESTARTSYS;
	}
	return done;
}

static __poll_t pager_poll(struct file *file, poll_table *wait)
{
	struct lmap_pager *pager = file->private_data;
	__poll_t mask = 0;

	poll_wait(file, &pager->readers, wait);
	spin_lock(&pager->lock);
	if (!list_empty(&pager->unread))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (pager->over)
		mask |= EPOLLHUP;
	spin_unlock(&pager->lock);
	return mask;
}

static long pager_refuse(struct lmap_pager *pager, struct lmap_refuse *arg)
{
	unsigned long first = arg->offset >> PAGE_SHIFT;
	unsigned long npages = arg->length >> PAGE_SHIFT;

	if (arg->flags || arg->reserved)
		return -EOPNOTSUPP;
	if (!arg->length || (arg->offset | arg->length) & ~PAGE_MASK)
		return -EINVAL;
	if (arg->offset + arg->length < arg->offset)
		return -EOVERFLOW;
	if (first >= pager->npages || npages > pager->npages - first)
		return -ENOSPC;
	spin_lock(&pager->lock);
	arg->out_threads = pager_answer(pager, first, first + npages - 1,
					ANSWER_REFUSED);
	spin_unlock(&pager->lock);
	return 0;
}

static long pager_ioctl(struct file *file, unsigned int cmd,
			unsigned long uptr)
{
	struct lmap_pager *pager = file->private_data;
	void __user *user = (void __user *)uptr;
	struct lmap_refuse arg = {};
	long ret;

	if (cmd != LMAP_REFUSE)
		return -ENOTTY;
	ret = lmap_arg_in(&arg, sizeof(arg),
			  offsetofend(struct lmap_refuse, reserved), user);
	if (ret)
		return ret;
	ret = pager_refuse(pager, &arg);
	return ret ?: lmap_arg_out(user, &arg, sizeof(arg));
}

static int pager_release(struct inode *inode, struct file *file)
{
	struct lmap_pager *pager = file->private_data;

	pager_over(pager);
	lmap_pager_put(pager);
	return 0;
}

static void pager_show_fdinfo(struct seq_file *m, struct file *file)
{
	struct lmap_pager *pager = file->private_data;
	unsigned int nr;

	spin_lock(&pager->lock);
	nr = pager->nr_waiting;
	spin_unlock(&pager->lock);
	seq_printf(m, "lmap-pager-of:\t%llu\nlmap-waiting:\t%u\n",
		   pager->window, nr);
}

static const struct file_operations pager_fops = {
	.owner = THIS_MODULE,
	.read_iter = pager_read_iter,
	.poll = pager_poll,
	.unlocked_ioctl = pager_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.release = pager_release,
	.show_fdinfo = pager_show_fdinfo,
	.llseek = noop_llseek,
};

/* Making one */

static struct lmap_pager *pager_alloc(struct lmap_window *window, u64 timeout)
{
	struct lmap_pager *pager = kzalloc(sizeof(*pager), GFP_KERNEL_ACCOUNT);

	if (!pager)
		return NULL;
	refcount_set(&pager->ref, 1);
	pager->window = window->id;
	pager->npages = window->npages;
	pager->timeout = MAX_SCHEDULE_TIMEOUT;
	/* At least that long: the current jiffy has partly gone. */
	if (timeout)
		pager->timeout = min_t(u64, nsecs_to_jiffies64(timeout) + 2,
				       MAX_JIFFY_OFFSET);
	pager->privileged = capable(CAP_SYS_PTRACE);
	spin_lock_init(&pager->lock);
	pager->waiting = RB_ROOT;
	INIT_LIST_HEAD(&pager->unread);
	init_waitqueue_head(&pager->readers);
	return pager;
}

/* Makes it the window's, which takes a reference. */
static int pager_publish(struct lmap_window *window, struct lmap_pager *pager)
{
	struct mutex *lock = &window->space->lock;
	struct lmap_pager *old;

	mutex_lock(lock);
	old = rcu_dereference_protected(window->pager, lockdep_is_held(lock));
	if (old && !READ_ONCE(old->over)) {
		mutex_unlock(lock);
		return -EBUSY;
	}
	refcount_inc(&pager->ref);
	rcu_assign_pointer(window->pager, pager);
	mutex_unlock(lock);
	if (old)
		lmap_pager_put(old);
	/* Partner: smp_mb() in lmap_pager_end(), after window->dead is set. */
	smp_mb();
	if (READ_ONCE(window->dead))
		pager_over(pager);
	return 0;
}

static int pager_create(struct lmap_space *space, struct lmap_window *window,
			u64 timeout)
{
	struct lmap_pager *pager;
	struct file *file;
	int fd, ret;

	if (window->space != space)
		return -EPERM;
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;
	pager = pager_alloc(window, timeout);
	if (!pager) {
		put_unused_fd(fd);
		return -ENOMEM;
	}
	file = anon_inode_getfile("[lmap-pager]", &pager_fops, pager,
				  O_RDONLY);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		lmap_pager_put(pager);
		return PTR_ERR(file);
	}
	/* release() drops our reference from here on. */
	ret = pager_publish(window, pager);
	if (ret) {
		put_unused_fd(fd);
		fput(file);
		return ret;
	}
	fd_install(fd, file);
	return fd;
}

/**
 * lmap_ioc_pager_create - the ioctl LMAP_PAGER_CREATE
 * @space: of the caller
 * @arg: see the uapi header
 *
 * Context: process, no locks.
 */
long lmap_ioc_pager_create(struct lmap_space *space,
			   struct lmap_pager_create *arg)
{
	struct file *file;
	int ret;

	if (arg->flags)
		return -EOPNOTSUPP;
	file = lmap_window_fget(arg->window);
	if (IS_ERR(file))
		return PTR_ERR(file);
	ret = pager_create(space, file->private_data, arg->timeout);
	fput(file);
	if (ret < 0)
		return ret;
	arg->out_fd = ret;
	return 0;
}
