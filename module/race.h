/* SPDX-License-Identifier: GPL-2.0 */
/*
 * lmap - race points: places where another processor may come in between, and
 * where a module built with RACE=1 waits at random to let it.
 *
 * Normally nothing of this is compiled: the macros are empty. A point must
 * never be more than a delay, and lmap_race_sleep() must never be used where
 * sleeping is not allowed. Knows no other header of the module, since mdb.c is
 * compiled in user space, too.
 */
#ifndef LMAP_RACE_H
#define LMAP_RACE_H

/*
 * All points: what has just been done when the point is passed. One that is
 * missing here does not compile with RACE=1.
 */
#define LMAP_RACE_POINTS(X) \
	X(fault_looked_up)	/* no locks of ours; page table lock comes */ \
	X(fault_locked)		/* page table lock; look-up comes */ \
	X(fault_checked)	/* page table lock; the entry is set next */ \
	X(fill_begun)		/* grain held, no 2 MiB entry; page tables come */ \
	X(fault_unlocked)	/* borrower's mmap_lock dropped; pin comes */ \
	X(fault_pinned)		/* the same; the retry comes */ \
	X(ask_queued)		/* no locks; who waits looks once more */ \
	X(ask_woken)		/* no locks; leaves the pager's tree next */ \
	X(mkwrite_looked_up)	/* no locks of ours */ \
	X(huge_checked)		/* copy lock, checks done; entry comes */ \
	X(populate_begun)	/* mmap_lock; page tables come */ \
	X(pin_gen_read)		/* callbacks are waited for next */ \
	X(pin_begun)		/* callbacks waited for; mmap_lock comes */ \
	X(pin_pinned)		/* page pinned; table comes */ \
	X(pin_dirty)		/* slot read; dirty bit comes */ \
	X(tile_invalidated)	/* notifier: generations changed */ \
	X(drop_chosen)		/* LMAP_PIN was looked at; table comes */ \
	X(drop_taken)		/* out of the table; zap comes */ \
	X(drop_zap_next)	/* mdb->lock dropped before one zap of many */ \
	X(drop_zapped)		/* zapped; unpin comes */ \
	X(region_last)		/* no reference left; its tiles are dropped next */ \
	X(recheck_looked)	/* looked at the lender's page; mark comes */ \
	X(stale_found)		/* stale tiles seen; drop comes */ \
	X(shrink_isolated)	/* off the LRU, LRU lock held */ \
	X(shrink_next)		/* chunks isolated; drop comes */ \
	X(copy_checked)		/* copy lock; memory is touched next */ \
	X(copy_no_tile)		/* region held; pin comes */ \
	X(zap_marked)		/* marks visible; page tables come */ \
	X(zap_tables)		/* page tables done */ \
	X(window_killed)	/* no node leads here; leaves the list next */ \
	X(window_made)		/* file exists; published next */ \
	X(collect_done)		/* source looked at, mmap_lock held */ \
	X(collect_unlocked)	/* mmap_lock dropped; regions are made next */ \
	X(place_checked)	/* all pieces checked; linking comes */ \
	X(place_busy)		/* target busy; it is revoked next */ \
	X(place_spares)		/* locks dropped to get memory */ \
	X(place_linked)		/* linked; is the window dead? */ \
	X(revoke_marked)	/* the mark is set; demoting comes */ \
	X(revoke_demoted)	/* rights are gone; zaps come */ \
	X(revoke_next)		/* one zapped; the next one comes */ \
	X(revoke_turn)		/* locks dropped within one revocation */ \
	X(revoke_freed)		/* no locks; it waits for RCU next */ \
	X(refs_collected)	/* fresh bits taken; zap comes */ \
	X(status_region)	/* region of a mapping found; lock comes */ \
	X(detach_pinned)	/* granter's page pinned; table comes */ \
	X(leave_linked)		/* new mapping exists; munmap comes */ \
	X(leave_adopted)	/* moved below the new mapping; zap comes */

#ifdef LMAP_RACE

#define LMAP_RACE_ENUM(name)	LMAP_RACE_##name,
enum lmap_race_point {
	LMAP_RACE_POINTS(LMAP_RACE_ENUM)
	LMAP_RACE_NR
};

void lmap_race_spin(enum lmap_race_point point);
void lmap_race_wait(enum lmap_race_point point);

#define lmap_race(name)		lmap_race_spin(LMAP_RACE_##name)
#define lmap_race_sleep(name)	lmap_race_wait(LMAP_RACE_##name)

#else

/**
 * lmap_race - a race point in any context
 * @name: in LMAP_RACE_POINTS
 */
#define lmap_race(name)		do { } while (0)

/**
 * lmap_race_sleep - a race point where sleeping is allowed
 * @name: in LMAP_RACE_POINTS
 */
#define lmap_race_sleep(name)	do { } while (0)

#endif /* LMAP_RACE */

#endif /* LMAP_RACE_H */
