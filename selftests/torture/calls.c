// SPDX-License-Identifier: GPL-2.0
/*
 * torture - operations of lmap with random arguments.
 *
 * Each names the errors that it can meet although nothing is wrong; any other
 * is a failure. Memory that is lent is held, see hold().
 */
#include "torture.h"

#define MAP_ERRORS	EFAULT, ESTALE, EACCES, ELOOP, EMLINK, EDQUOT, EEXIST, ENXIO

static const unsigned long map_ops[] = { LMAP_MAP, LMAP_GRANT, LMAP_COPY };

/* Flags, limits and where to: @m has the source. */
static void map_roll(struct worker *w, unsigned long cmd, struct lmap_map *m)
{
	m->rcv = roll(w, WPAGES - m->length / PG + 1) * PG;
	m->flags |= roll(w, 4) ? 0 : LMAP_POPULATE;
	m->flags |= roll(w, 8) ? 0 : LMAP_NOREPLACE;
	if (cmd == LMAP_MAP) {
		m->flags |= roll(w, 8) ? 0 : LMAP_TRACK;
		m->flags |= roll(w, 8) ? 0 : LMAP_PIN;
	}
	if (cmd == LMAP_COPY)
		m->flags |= roll(w, 4) ? 0 : LMAP_FLUSH;
	/* What moves keeps its limits. */
	if (cmd == LMAP_GRANT || m->flags & LMAP_FLUSH)
		return;
	if (!roll(w, 8)) {
		m->flags |= LMAP_LIMIT_DEPTH;
		m->depth = roll(w, 4);
	}
	if (!roll(w, 8)) {
		m->flags |= LMAP_LIMIT_BUDGET;
		m->budget = 1 + roll(w, 6);
	}
}

/*
 * A page that can't be had: the reason can be a lender that changes it. One that
 * would have to be moved (a movable zone) and must stay where it is (LMAP_PIN)
 * can't be granted.
 */
static bool map_allow(struct worker *w, int ret, unsigned int flags,
		      bool detach)
{
	if (ret == -ENOMEM && (flags & LMAP_PIN || detach))
		ret = -EFAULT;
	return ALLOW(w, ret, MAP_ERRORS);
}

/* Ordinary memory, as much of it as is free for that. */
static bool map_memory(struct worker *w, unsigned long cmd, struct range r,
		       int window)
{
	struct lmap_map m = { .window = window };
	bool ok = false;

	if (r.n > WPAGES)
		r.n = WPAGES;
	m.length = r.n * PG;
	m.snd = (uintptr_t)page_at(r.first);
	m.rights = LMAP_R | (classes[r.class].rights & (roll(w, 2) ? LMAP_W : 0));
	m.rights |= roll(w, 8) ? LMAP_M : 0;
	map_roll(w, cmd, &m);
	r.n = hold(r.first, r.n, false);
	if (r.n) {
		m.length = r.n * PG;
		ok = map_allow(w, op_range(me.space, cmd, &m), m.flags,
			       cmd != LMAP_MAP);
	}
	let_go(r.first, r.n, false);
	return ok;
}

static enum class_id lent_class(struct worker *w)
{
	static const enum class_id lent[] = {
		PRIVATE, PRIVATE, READONLY, SHARED, DETACH, THP,
	};

	return lent[roll(w, sizeof(lent) / sizeof(*lent))];
}

void do_map(struct worker *w)
{
	struct range r = pick(w, lent_class(w));
	struct entry *e = entry_get(w, 0);

	if (!e)
		return;
	map_memory(w, LMAP_MAP, r, e->fd);
	entry_put(e);
}

void do_detach(struct worker *w)
{
	unsigned long cmd = roll(w, 2) ? LMAP_GRANT : LMAP_COPY;
	struct range r = pick(w, DETACH);
	struct entry *e = entry_get(w, 0);

	if (!e)
		return;
	map_memory(w, cmd, r, e->fd);
	entry_put(e);
}

static char *view_roll(struct worker *w, unsigned int *n)
{
	char *view = roll(w, 2) ? __atomic_load_n(&me.view_a, __ATOMIC_RELAXED) :
				  (char *)VIEW_B;
	unsigned int first = roll(w, WPAGES);

	*n = 1 + roll(w, WPAGES - first < 12 ? WPAGES - first : 12);
	return view + first * PG;
}

void do_map_on(struct worker *w)
{
	unsigned long cmd = map_ops[roll(w, 3)];
	struct lmap_map m = { .rights = roll(w, 16) };
	struct entry *e;
	unsigned int n;

	m.snd = (uintptr_t)view_roll(w, &n);
	m.length = n * PG;
	/* What lacks r is no mapping. */
	m.rights |= LMAP_R;
	map_roll(w, cmd, &m);
	e = entry_get(w, 0);
	if (!e)
		return;
	m.window = e->fd;
	map_allow(w, op_range(me.space, cmd, &m), m.flags, false);
	entry_put(e);
}

/* Which rights to take: mostly all. */
static unsigned int take_roll(struct worker *w)
{
	static const unsigned int take[] = { ALL, ALL, LMAP_R, LMAP_W, LMAP_M,
					     LMAP_X, LMAP_W | LMAP_M };

	return take[roll(w, sizeof(take) / sizeof(*take))];
}

static bool unmap_allow(struct worker *w, int ret, const struct lmap_unmap *out)
{
	if (out->out_flags & LMAP_OVERREVOKED) {
		ADD(overrevoked);
		if (!arena->enomem)
			found(wild_name(w->op), "LMAP_OVERREVOKED with enough memory");
	}
	return ALLOW(w, ret, EINTR);
}

static void unmap_roll(struct worker *w, char *p, unsigned int n)
{
	struct lmap_unmap out = {};
	unsigned int take = take_roll(w), flags = 0;
	struct entry *e;

	flags |= roll(w, 2) ? 0 : LMAP_SELF;
	flags |= roll(w, 4) ? 0 : LMAP_RESET;
	if (roll(w, 6)) {
		unmap_allow(w, unmap_range(me.space, p, n * PG, take, flags, &out),
			    &out);
		return;
	}
	e = entry_get(w, 0);
	if (!e)
		return;
	unmap_allow(w, unmap_only(me.space, p, n * PG, take, e->fd, &out), &out);
	entry_put(e);
}

void do_unmap(struct worker *w)
{
	struct range r = pick(w, lent_class(w));

	unmap_roll(w, page_at(r.first), r.n);
}

void do_unmap_view(struct worker *w)
{
	unsigned int n;
	char *p = view_roll(w, &n);

	unmap_roll(w, p, n);
}

void do_unmap_whole(struct worker *w)
{
	unsigned int flags = roll(w, 4) ? 0 : LMAP_SELF;

	ALLOW(w, unmap_fpage(me.space, LMAP_WHOLE, flags), EINTR);
}

void do_status(struct worker *w)
{
	struct range r = pick(w, roll(w, CLASSES));
	unsigned int flags = roll(w, 2) ? LMAP_RESET : 0, n = r.n;
	char *p = roll(w, 2) ? page_at(r.first) : view_roll(w, &n);
	unsigned char bits[HUGE];

	ALLOW(w, status(me.space, p, n * PG, flags, roll(w, 2) ? bits : NULL),
	      EDQUOT);
}

void do_reserve(struct worker *w)
{
	ALLOW(w, reserve(me.space, roll(w, 20), NULL), EDQUOT);
}

void do_sync(struct worker *w)
{
	ALLOW(w, space_sync(me.space), EINTR);
}

void do_info(struct worker *w)
{
	struct lmap_info i = info(me.space);

	ALLOW(w, 0, EINTR);
	if (i.out_version != LMAP_VERSION)
		found("info", "version %u", i.out_version);
}

/* A second space of the process lends, and is closed with all that it lent. */
void do_side_space(struct worker *w)
{
	int space = space_open(), window;
	struct range r = pick(w, DETACH);
	struct entry *e = entry_get(w, 0);
	bool window_first = roll(w, 2);
	char *view;

	if (ALLOW(w, space, EINTR) && e) {
		window = window_create(space, WPAGES * PG, ALL);
		if (ALLOW(w, window, EINTR)) {
			ALLOW(w, map_range(space, page_at(r.first), r.n * PG, RW,
					   window, 0, 0, NULL), MAP_ERRORS);
			ALLOW(w, map_range(space, page_at(r.first), r.n * PG, RW,
					   e->fd, 0, LMAP_POPULATE, NULL),
			      MAP_ERRORS);
			view = window_mmap(window, r.n * PG, PROT_READ);
			if (view != MAP_FAILED) {
				peek(view);
				munmap(view, r.n * PG);
			}
			if (window_first)
				close(window);
			unmap_range(space, page_at(r.first), PG, LMAP_R, 0, NULL);
			close(space);
			if (!window_first)
				close(window);
			space = -1;
		}
	}
	if (space >= 0)
		close(space);
	if (e)
		entry_put(e);
}

/* A window that is closed while there are mappings in it. */
void do_temporary_window(struct worker *w)
{
	int window = window_create(me.space, WPAGES * PG, ALL);
	struct range r = pick(w, PRIVATE);
	char *view;

	if (!ALLOW(w, window, EINTR))
		return;
	map_memory(w, LMAP_MAP, r, window);
	view = window_mmap(window, WPAGES * PG, PROT_READ);
	close(window);
	if (view == MAP_FAILED)
		return;
	peek(view + roll(w, WPAGES) * PG);
	munmap(view, WPAGES * PG);
}

/* Others go on mapping into the old one as long as they have its descriptor. */
void do_new_window(struct worker *w)
{
	struct entry *e = &me.table[0];
	int fd;

	if (pthread_mutex_trylock(&me.view_lock))
		return;
	if (!pthread_rwlock_trywrlock(&e->lock)) {
		fd = window_create(me.space, WPAGES * PG, ALL);
		if (ALLOW(w, fd, EINTR)) {
			close(e->fd);
			e->fd = fd;
			mmap(me.view_a, WPAGES * PG, PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_FIXED, fd, 0);
		}
		pthread_rwlock_unlock(&e->lock);
	}
	pthread_mutex_unlock(&me.view_lock);
}

/* Nobody waits for long: threads of ours hold locks while they touch. */
static void pager_make(struct worker *w)
{
	struct entry *e = &me.table[roll(w, 2)];
	struct lmap_pager_create c = {
		.size = sizeof(c), .timeout = 1000 * (1 + roll(w, 2000)),
	};

	if (pthread_rwlock_tryrdlock(&e->lock))
		return;
	c.window = e->fd;
	/* one that has not gone yet; a child has a copy of it for a moment */
	if (ALLOW(w, ioctl(me.space, LMAP_PAGER_CREATE, &c) ? -errno : 0,
		  EBUSY)) {
		me.pager = c.out_fd;
		fcntl(me.pager, F_SETFL, O_NONBLOCK);
	}
	pthread_rwlock_unlock(&e->lock);
}

/* With whatever comes to hand, or not at all. */
static void pager_answer(struct worker *w)
{
	struct range r = pick(w, lent_class(w));
	struct entry *e = &me.table[roll(w, 2)];
	struct lmap_refuse refuse = { .size = sizeof(refuse), .length = PG };
	struct lmap_fault f;
	unsigned int rights;
	ssize_t n = read(me.pager, &f, sizeof(f));

	/* 0: that window is not there any more */
	if (!ALLOW(w, n < 0 ? -errno : 0, EAGAIN, EINTR) || !n)
		return;
	if (roll(w, 3) && !pthread_rwlock_tryrdlock(&e->lock)) {
		rights = LMAP_R | (classes[r.class].rights & f.access);
		r.n = hold(r.first, 1, false);
		if (r.n)
			ALLOW(w, map_range(me.space, page_at(r.first), PG,
					   rights, e->fd, f.offset, 0, NULL),
			      MAP_ERRORS);
		let_go(r.first, r.n, false);
		pthread_rwlock_unlock(&e->lock);
		return;
	}
	refuse.offset = f.offset;
	ALLOW(w, ioctl(me.pager, LMAP_REFUSE, &refuse) ? -errno : 0, 0);
}

void do_pager(struct worker *w)
{
	if (pthread_mutex_trylock(&me.pager_lock))
		return;
	if (me.pager < 0) {
		pager_make(w);
	} else if (!roll(w, 6)) {
		close(me.pager);
		me.pager = -1;
	} else {
		pager_answer(w);
	}
	pthread_mutex_unlock(&me.pager_lock);
}

/* Before a quiet point, where nobody may wait, nor be refused. */
void pager_close(void)
{
	if (me.pager >= 0)
		close(me.pager);
	me.pager = -1;
}
