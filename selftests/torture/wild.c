// SPDX-License-Identifier: GPL-2.0
/*
 * torture - what threads do: the table of operations, touching windows, passing
 * descriptors, forking and dying.
 *
 * Numbers are rolled in the same order whatever the calls return.
 */
#include "torture.h"

#include <sys/uio.h>

#define VIEWS	3	/* A, B, C */

uint32_t roll(struct worker *w, uint32_t n)
{
	w->dice = mix(w->dice, n);
	return w->dice % n;
}

bool allow(struct worker *w, long ret, const int *list)
{
	if (ret >= 0) {
		ADD(good[w->op]);
		return true;
	}
	ADD(bad[w->op]);
	if (ret == -EINTR || (ret == -ENOMEM && arena->enomem))
		return false;
	for (; *list; list++)
		if (ret == -*list)
			return false;
	found(wild_name(w->op), "%s", strerror(-ret));
	return false;
}

/* Pages and descriptors that several threads use. */

void let_go(unsigned int first, unsigned int n, bool alone)
{
	for (unsigned int i = first; i < first + n; i++)
		__atomic_fetch_add(&me.users[i], alone ? 1 : -1,
				   __ATOMIC_RELEASE);
}

/*
 * How many of the pages may be used: together with others, or alone. Calls
 * that could lend a page must not come while it holds what nobody may see.
 */
unsigned int hold(unsigned int first, unsigned int n, bool alone)
{
	unsigned int i;

	for (i = first; i < first + n; i++) {
		int users = __atomic_load_n(&me.users[i], __ATOMIC_RELAXED);

		do {
			if (users < 0 || (alone && users))
				return i - first;
		} while (!__atomic_compare_exchange_n(&me.users[i], &users,
						      users + (alone ? -1 : 1),
						      false, __ATOMIC_ACQUIRE,
						      __ATOMIC_RELAXED));
	}
	return n;
}

/* A window to map into, kept open; number @from or a later one. */
struct entry *entry_get(struct worker *w, unsigned int from)
{
	unsigned int first = from + roll(w, TABLE - from);

	for (unsigned int i = 0; i < TABLE - from; i++) {
		struct entry *e = &me.table[from + (first + i) % (TABLE - from)];

		if (pthread_rwlock_tryrdlock(&e->lock))
			continue;
		if (e->fd >= 0)
			return e;
		pthread_rwlock_unlock(&e->lock);
	}
	return NULL;
}

void entry_put(struct entry *e)
{
	pthread_rwlock_unlock(&e->lock);
}

struct range pick(struct worker *w, enum class_id class)
{
	const struct class *c = &classes[class];
	struct range r = { .class = class };
	unsigned int most = class == THP && !roll(w, 4) ? c->n : 12;

	r.n = 1 + roll(w, c->n < most ? c->n : most);
	r.first = c->first + roll(w, c->n - r.n + 1);
	return r;
}

/* Touching. */

static bool is_fault(int ret)
{
	/* Without memory for it a signal comes without its code. */
	if (arena->inject)
		return ret < 0;
	return ret == NOTHING || ret == NO_RIGHT || ret == NO_VMA;
}

static void touch_page(char *p, bool write, bool readonly)
{
	uint64_t word;
	int ret = peek_word(p, &word);

	if (!ret) {
		ADD(wild_reads);
		stamp_check("touch", word, false);
	} else if (!is_fault(ret)) {
		found("touch", "reading ends with %d", -ret);
	}
	if (!write)
		return;
	ret = poke_word(p + AT_SCRIBBLE, me.number + 1);
	if (!ret && readonly)
		found("touch", "writing to a read-only window works");
	else if (ret && !is_fault(ret))
		found("touch", "writing ends with %d", -ret);
}

static void do_touch(struct worker *w)
{
	char *views[VIEWS] = { __atomic_load_n(&me.view_a, __ATOMIC_RELAXED),
			       (char *)VIEW_B, (char *)VIEW_C };
	unsigned int v = roll(w, VIEWS), first = roll(w, WPAGES);
	bool write = roll(w, 2);

	/* C can have been made writable for a moment */
	for (unsigned int i = 0; i < 8; i++)
		touch_page(views[v] + (first + i) % WPAGES * PG, write, v == 1);
	ADD(good[w->op]);
}

static void do_touch_own(struct worker *w)
{
	struct range r = pick(w, roll(w, CLASSES));
	bool writes = classes[r.class].rights & LMAP_W;
	uint64_t word;

	for (unsigned int i = r.first; i < r.first + r.n; i++) {
		int ret = peek_word(page_at(i), &word);

		if (!ret && word >> 48 == GARBAGE >> 48)
			found("touch own", "page %u is a child's", i);
		if (!ret && writes)
			poke_word(page_at(i) + AT_SCRIBBLE, 99);
	}
	ADD(good[w->op]);
}

static void do_pread(struct worker *w)
{
	struct entry *e = entry_get(w, 0);
	unsigned int wpage = roll(w, WPAGES);
	uint64_t word = 0;
	ssize_t n;

	if (!e)
		return;
	n = pread(e->fd, &word, 8, wpage * PG);
	if (ALLOW(w, n < 0 ? -errno : 0, EFAULT) && n == 8)
		stamp_check("pread", word, true);
	entry_put(e);
}

static void do_pwrite(struct worker *w)
{
	struct entry *e = entry_get(w, 0);
	unsigned int wpage = roll(w, WPAGES);
	uint64_t word = 77;
	ssize_t n;

	if (!e)
		return;
	n = pwrite(e->fd, &word, 8, wpage * PG + AT_SCRIBBLE);
	if (ALLOW(w, n < 0 ? -errno : 0, EFAULT) && e->readonly)
		found("pwrite", "writing to a read-only window works");
	entry_put(e);
}

/* A debugger sees what the borrower sees; GUP sees nothing. */
static void do_debug(struct worker *w)
{
	pid_t pid = arena->slots[roll(w, arena->procs)].pid;
	uint64_t at = VIEW_A + roll(w, WPAGES) * PG, word = 0;
	struct iovec here = { &word, 8 }, there = { (void *)at, 8 };
	char name[32];
	int fd;

	if (!pid)
		return;
	if (process_vm_readv(pid, &here, 1, &there, 1, 0) == 8)
		found("debug", "process_vm_readv() gets at a window");
	snprintf(name, sizeof(name), "/proc/%d/mem", pid);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (pread(fd, &word, 8, at) == 8) {
		stamp_check("debug", word, true);
		ADD(good[w->op]);
	} else {
		ADD(bad[w->op]);
	}
	close(fd);
}

/* Descriptors travel, and lie in letter boxes for a while. */

static void do_send(struct worker *w)
{
	unsigned int to = roll(w, arena->procs);
	struct entry *e = entry_get(w, 0);
	int ret;

	if (!e)
		return;
	ret = send_fd(mail[to].in, e->fd);
	ALLOW(w, ret, EAGAIN, ENOBUFS, ETOOMANYREFS);
	entry_put(e);
}

static void entry_replace(struct entry *e, int fd)
{
	int old = e->fd;

	e->fd = fd;
	/* The kinds differ in size. */
	e->readonly = fd >= 0 && lseek(fd, 0, SEEK_END) > (off_t)(WPAGES * PG);
	if (old >= 0)
		close(old);
}

static void do_receive(struct worker *w)
{
	unsigned int i = 2 + roll(w, TABLE - 2);
	struct entry *e = &me.table[i];
	int fd;

	if (pthread_rwlock_trywrlock(&e->lock))
		return;
	fd = recv_fd(mail[me.number].out);
	/* EPROTO: no memory for the descriptor, it was dropped */
	if (fd == -EPROTO && arena->enomem)
		fd = -ENOMEM;
	if (ALLOW(w, fd, EAGAIN))
		entry_replace(e, fd);
	pthread_rwlock_unlock(&e->lock);
}

static void do_close(struct worker *w)
{
	struct entry *e = &me.table[2 + roll(w, TABLE - 2)];

	if (pthread_rwlock_trywrlock(&e->lock))
		return;
	entry_replace(e, -1);
	pthread_rwlock_unlock(&e->lock);
	ADD(good[w->op]);
}

/* Processes. */

static bool no_view(uint64_t at)
{
	int ret = peek((void *)at);

	return ret == NO_VMA || (arena->inject && ret < 0);
}

/* Must do nothing that takes a lock: other threads may have held it. */
static void child_main(void)
{
	if (!no_view(VIEW_A) || !no_view(VIEW_MOVED) || !no_view(VIEW_B))
		_exit(1);
	if (space_sync(me.space) != -EPERM)
		_exit(2);
	for (unsigned int i = 0; i < SMALL; i += 3)
		if (!classes[class_of(i)].shared) {
			poke_word(page_at(i), GARBAGE);
			poke_word(page_at(i) + AT_SCRIBBLE, GARBAGE);
		}
	_exit(0);
}

static void do_fork(struct worker *w)
{
	int st = 0;
	pid_t pid = fork();

	if (!pid)
		child_main();
	if (!ALLOW(w, pid < 0 ? -errno : 0, EAGAIN, EINTR))
		return;
	while (waitpid(pid, &st, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(st) && WEXITSTATUS(st))
		found("fork", "the child %s (%d)",
		      WEXITSTATUS(st) == 1 ? "has a window" :
		      WEXITSTATUS(st) == 2 ? "can use the space" : "fails",
		      WEXITSTATUS(st));
	else if (WIFSIGNALED(st) && !arena->oom)
		found("fork", "the child ends by signal %d", WTERMSIG(st));
}

static void do_pester(struct worker *w)
{
	unsigned int other = roll(w, arena->threads);

	if (other != w->number)
		pthread_kill(me.threads[other], SIGUSR1);
	ADD(good[w->op]);
}

static void exec_and_exit(void)
{
	sigset_t pester;

	/* One that is pending would end the new program. */
	sigemptyset(&pester);
	sigaddset(&pester, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &pester, NULL);
	__atomic_store_n(&arena->slots[me.number].execs, 1, __ATOMIC_SEQ_CST);
	execl("/proc/self/exe", "torture", "--exit", NULL);
	__atomic_store_n(&arena->slots[me.number].execs, 0, __ATOMIC_SEQ_CST);
	pthread_sigmask(SIG_UNBLOCK, &pester, NULL);
}

static void do_die(struct worker *w)
{
	unsigned int how = roll(w, 4), whom = roll(w, arena->procs);
	pid_t pid = arena->slots[whom].pid;

	/* Not too often, or nobody is left. */
	if (!arena->deaths || roll(w, 4))
		return;
	ADD(died);
	switch (how) {
	case 0:
		_exit(0);
	case 1:
		exec_and_exit();
		return;
	case 2:
		if (pid)
			kill(pid, SIGKILL);
		return;
	default:
		raise(SIGKILL);
	}
}

/**
 * struct op - something that a thread can do
 * @name: of it
 * @weight: how often, among all
 * @fn: does it
 */
static const struct op {
	const char *name;
	unsigned int weight;
	void (*fn)(struct worker *w);
} ops[] = {
	{ "touch", 60, do_touch },
	{ "touch own", 10, do_touch_own },
	{ "pread", 15, do_pread },
	{ "pwrite", 15, do_pwrite },
	{ "debug", 3, do_debug },
	{ "map", 40, do_map },
	{ "map, grant, copy on", 40, do_map_on },
	{ "grant, copy memory", 8, do_detach },
	{ "unmap", 25, do_unmap },
	{ "unmap a view", 15, do_unmap_view },
	{ "unmap everything", 1, do_unmap_whole },
	{ "status", 8, do_status },
	{ "reserve", 3, do_reserve },
	{ "sync", 3, do_sync },
	{ "info", 2, do_info },
	{ "side space", 4, do_side_space },
	{ "temporary window", 4, do_temporary_window },
	{ "new window", 2, do_new_window },
	{ "pager", 12, do_pager },
	{ "forbid", 12, do_forbid },
	{ "move away", 5, do_move_away },
	{ "munmap", 6, do_munmap },
	{ "mprotect", 6, do_mprotect },
	{ "madvise", 12, do_advise },
	{ "hole in a view", 3, do_view_hole },
	{ "move a view", 3, do_view_move },
	{ "mprotect a view", 3, do_view_protect },
	{ "madvise a view", 3, do_view_advise },
	{ "send", 10, do_send },
	{ "receive", 10, do_receive },
	{ "close", 2, do_close },
	{ "fork", 3, do_fork },
	{ "pester", 3, do_pester },
	{ "die", 1, do_die },
};

const unsigned int wild_ops = sizeof(ops) / sizeof(*ops);
_Static_assert(sizeof(ops) / sizeof(*ops) <= OPS_MAX, "OPS_MAX is too small");

const char *wild_name(unsigned int op)
{
	return op < wild_ops ? ops[op].name : "nothing";
}

void wild_run(struct worker *w)
{
	uint32_t *now = &arena->slots[me.number].op[w->number];
	unsigned int total = 0;

	for (unsigned int i = 0; i < wild_ops; i++)
		total += ops[i].weight;
	for (unsigned int n = 0; n < arena->ops && !arena->failed; n++) {
		struct worker step = *w;
		int pos = roll(w, total);

		for (w->op = 0; pos >= (int)ops[w->op].weight; w->op++)
			pos -= ops[w->op].weight;
		__atomic_store_n(now, w->op + 1, __ATOMIC_RELAXED);
		/* How much an operation rolls may depend on what it meets. */
		step.op = w->op;
		step.dice = mix(w->dice, n);
		ops[w->op].fn(&step);
	}
}
