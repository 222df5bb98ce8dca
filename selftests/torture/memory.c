// SPDX-License-Identifier: GPL-2.0
/*
 * torture - what a process does to its memory and to its views of windows.
 *
 * Here are the two sharpest checks of the wild phase: memory that has been taken
 * back, or moved away, is filled with what nobody may see.
 */
#include "torture.h"

#define PAGEOUT		21	/* MADV_PAGEOUT */
#define COLD		20	/* MADV_COLD */
#define COLLAPSE	25	/* MADV_COLLAPSE */

static void fill_forbidden(char *p, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		if (!poke_word(p + i * PG, FORBIDDEN | me.number))
			ADD(forbidden);
	/* Long enough for others to come by; they need not. */
	for (unsigned int i = 0; i < 3; i++)
		sched_yield();
}

static enum class_id strict_class(struct worker *w)
{
	static const enum class_id strict[] = { PRIVATE, READONLY, SHARED, THP };

	return strict[roll(w, 4)];
}

/* Takes pages back; when that has returned nobody sees what is written next. */
void do_forbid(struct worker *w)
{
	struct range r = pick(w, strict_class(w));
	unsigned int flags = roll(w, 2) ? LMAP_SELF : 0, take = LMAP_R;
	char *p = page_at(r.first);
	int ret;

	if (roll(w, 2))
		take = ALL;
	r.n = hold(r.first, r.n, true);
	if (r.n) {
		do {
			ret = unmap_range(me.space, p, r.n * PG, take, flags, NULL);
		} while (ret == -EINTR);
		if (ALLOW(w, ret, EINTR)) {
			fill_forbidden(p, r.n);
			for (unsigned int i = r.first; i < r.first + r.n; i++)
				stamp_put(i);
		}
	}
	let_go(r.first, r.n, true);
}

/* Moves pages away by mremap(), and back. */
static void move_away(struct worker *w, struct range r)
{
	char *p = page_at(r.first), *away = (char *)SCRATCH(w->number);

	if (mremap(p, r.n * PG, r.n * PG, MREMAP_MAYMOVE | MREMAP_FIXED, away) ==
	    MAP_FAILED) {
		ADD(bad[w->op]);
		return;
	}
	fill_forbidden(away, r.n);
	for (unsigned int i = 0; i < r.n; i++)
		poke_word(away + i * PG,
			  stamp_of(me.number, r.first + i, arena->gen));
	if (mremap(away, r.n * PG, r.n * PG, MREMAP_MAYMOVE | MREMAP_FIXED, p) ==
	    MAP_FAILED)
		munmap(away, r.n * PG);
	ADD(good[w->op]);
}

void do_move_away(struct worker *w)
{
	struct range r = pick(w, strict_class(w));

	/* More than a few are often of several VMAs, which don't move. */
	if (r.n > 3)
		r.n = 3;
	r.n = hold(r.first, r.n, true);
	if (r.n)
		move_away(w, r);
	let_go(r.first, r.n, true);
}

/* Pages that go, and others that come in their place. */
void do_munmap(struct worker *w)
{
	struct range r = pick(w, roll(w, CLASSES));
	bool again = roll(w, 4);

	r.n = hold(r.first, r.n, false);
	if (r.n && !munmap(page_at(r.first), r.n * PG))
		ADD(good[w->op]);
	for (unsigned int i = r.first; again && i < r.first + r.n; i++)
		if (!memory_put(i))
			stamp_put(i);
	let_go(r.first, r.n, false);
}

void do_mprotect(struct worker *w)
{
	static const int prots[] = { PROT_NONE, PROT_READ,
				     PROT_READ | PROT_WRITE };
	struct range r = pick(w, roll(w, CLASSES));
	int prot = prots[roll(w, 3)];

	/* Holes make it fail half way: good enough. */
	r.n = hold(r.first, r.n, false);
	if (r.n && !mprotect(page_at(r.first), r.n * PG, prot))
		ADD(good[w->op]);
	sched_yield();
	if (r.n)
		mprotect(page_at(r.first), r.n * PG, PROT_READ | PROT_WRITE);
	let_go(r.first, r.n, false);
}

void do_advise(struct worker *w)
{
	static const int advices[] = {
		MADV_DONTNEED, MADV_DONTNEED, PAGEOUT, PAGEOUT, COLD,
		MADV_HUGEPAGE, MADV_NOHUGEPAGE, COLLAPSE, MADV_REMOVE,
		MADV_MERGEABLE, MADV_UNMERGEABLE, MADV_FREE, MADV_WILLNEED,
	};
	struct range r = pick(w, roll(w, CLASSES));
	int advice = advices[roll(w, sizeof(advices) / sizeof(*advices))];

	r.n = hold(r.first, r.n, false);
	if (r.n && !madvise(page_at(r.first), r.n * PG, advice))
		ADD(good[w->op]);
	else
		ADD(bad[w->op]);
	/* What the discarded pages held is put back, sometimes. */
	if (advice != PAGEOUT && advice != COLD && roll(w, 2))
		for (unsigned int i = r.first; i < r.first + r.n; i++)
			stamp_put(i);
	let_go(r.first, r.n, false);
}

/* Views. */

static bool view_begin(void)
{
	return !pthread_mutex_trylock(&me.view_lock);
}

void do_view_hole(struct worker *w)
{
	struct entry *e = &me.table[0];
	unsigned int first = roll(w, WPAGES), n = 1 + roll(w, WPAGES - first);
	char *p;

	if (!view_begin())
		return;
	if (!pthread_rwlock_tryrdlock(&e->lock)) {
		p = me.view_a + first * PG;
		munmap(p, n * PG);
		/* Nobody else maps anything there. */
		if (mmap(p, n * PG, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
			 e->fd, first * PG) == p)
			ADD(good[w->op]);
		pthread_rwlock_unlock(&e->lock);
	}
	pthread_mutex_unlock(&me.view_lock);
}

void do_view_move(struct worker *w)
{
	char *to, *now;

	if (!view_begin())
		return;
	to = (char *)(me.view_a == (char *)VIEW_A ? VIEW_MOVED : VIEW_A);
	now = mremap(me.view_a, WPAGES * PG, WPAGES * PG,
		     MREMAP_MAYMOVE | MREMAP_FIXED, to);
	if (now == to) {
		__atomic_store_n(&me.view_a, to, __ATOMIC_RELAXED);
		ADD(good[w->op]);
	} else {
		/* It consists of several parts at the moment. */
		ADD(bad[w->op]);
	}
	pthread_mutex_unlock(&me.view_lock);
}

void do_view_protect(struct worker *w)
{
	static const uint64_t views[] = { VIEW_B, VIEW_C };
	char *view = (char *)views[roll(w, 2)];
	unsigned int first = roll(w, WPAGES), n = 1 + roll(w, WPAGES - first);
	char *p = view + first * PG;

	if (!mprotect(p, n * PG, PROT_READ | PROT_EXEC))
		found("mprotect a view", "it can be made executable");
	mprotect(p, n * PG, PROT_NONE);
	mprotect(p, n * PG, PROT_READ | PROT_WRITE);
	mprotect(view, WPAGES * PG, view == (char *)VIEW_C ? PROT_READ :
		 PROT_READ | PROT_WRITE);
	ADD(good[w->op]);
}

void do_view_advise(struct worker *w)
{
	static const int advices[] = { MADV_DONTNEED, PAGEOUT, COLD, MADV_DOFORK,
				       MADV_FREE, MADV_REMOVE, MADV_WILLNEED,
				       MADV_HUGEPAGE, MADV_POPULATE_WRITE };
	int advice = advices[roll(w, sizeof(advices) / sizeof(*advices))];

	if (!madvise((char *)VIEW_B, WPAGES * PG, advice))
		ADD(good[w->op]);
	else
		ADD(bad[w->op]);
}
