/* SPDX-License-Identifier: GPL-2.0 */
/*
 * lmap - model: the order of locks, and the trap that notifiers are.
 *
 * Models who waits for what while holding what: the table above
 * lmap_event_is_sync() and lmap_region_invalidate(), lmap_region_stale(),
 * lmap_space_kill() (region.c), job_begin() (revoke.c), lmap_window_zap()
 * (window.c), fault_pin() (fault.c), piece_place() (place.c), lmap_ioc_sync()
 * (unmap.c), lmap_leave_adopt() (detach.c), and of the kernel:
 * mm_take_all_locks() of a borrower, rmap walks of reclaim and migration,
 * direct reclaim, munmap. Two processes lend to each other; anon_vma is one
 * that they share by fork.
 *
 * Must show: no deadlock. A reader of an mmap_lock waits behind a writer who
 * waits, as rwsems have it.
 *
 * Every plant must end with processes that wait for each other.
 *
 * plant WAIT_UNDER_RMAP invalid - a callback under rmap locks zaps at once
 * plant REVOKE_UNDER_RMAP invalid - a callback under rmap locks takes region->revoke and no more
 * plant MMAP_UNDER_REVOKE invalid - the lender's mmap_lock is taken under region->revoke
 * plant FAULT_KEEPS_MMAP invalid - a fault waits for the lender with the borrower's mmap_lock held
 * plant SYNC_UNDER_REVOKE invalid - the worker is waited for under region->revoke
 * plant SPACE_UNDER_REVOKE invalid - space->lock is taken under region->revoke
 * plant MDB_OVER_REVOKE invalid - a map waits for the revoke lock with mdb->lock held
 * plant ADOPT_OTHER_ORDER invalid - two revoke locks, the detached region's first
 */

bit anon_vma;			/* shared with the lender by fork */
bit i_mmap;			/* of the borrower's window */
bit revoke, detached;		/* of the region, of a detached one */
bit mdb, space;
bit queued, running;		/* the worker */

/* The mmap_locks of the two. */
byte readers[2];
bit writer[2], waiting[2];

#define LOCK(l)		atomic { l == 0 -> l = 1 }
#define UNLOCK(l)	l = 0
#define MMAP_READ(m)	atomic { !writer[m] && !waiting[m] -> readers[m]++ }
#define MMAP_UNREAD(m)	readers[m]--
#define MMAP_UNWRITE(m)	writer[m] = 0

inline mmap_write(m)
{
	atomic { !waiting[m] -> waiting[m] = 1 };
	atomic { !writer[m] && !readers[m] -> writer[m] = 1; waiting[m] = 0 }
}

inline zap()
{
	LOCK(i_mmap);
	UNLOCK(i_mmap)
}

/* The borrower registers a notifier: his windows, then his anon_vmas. */
proctype take_all_locks()
{
	mmap_write(1);
	LOCK(i_mmap);
	LOCK(anon_vma);
	UNLOCK(anon_vma);
	UNLOCK(i_mmap);
	MMAP_UNWRITE(1)
}

/* Callback of an event that comes with unknown locks held. */
inline callback_async()
{
#ifdef WAIT_UNDER_RMAP
	zap();
#endif
#ifdef REVOKE_UNDER_RMAP
	LOCK(revoke);
	UNLOCK(revoke);
#endif
	queued = 1
}

inline reclaim()
{
	LOCK(anon_vma);
	callback_async();
	UNLOCK(anon_vma)
}

/* kswapd, migration, anybody who needs memory. */
proctype reclaimer()
{
	reclaim()
}

/* The lender unmaps what he has lent; perhaps it is being granted. */
proctype munmap()
{
	bit grant;

	if
	:: grant = 1
	:: skip
	fi;
	mmap_write(0);
	if
	:: grant -> LOCK(revoke); LOCK(detached); zap(); UNLOCK(detached); UNLOCK(revoke)
	:: else
	fi;
	LOCK(revoke);
	LOCK(mdb);
	UNLOCK(mdb);
	zap();
	UNLOCK(revoke);
	MMAP_UNWRITE(0)
}

/* LMAP_UNMAP: spares first, then the locks; then what LMAP_SYNC does. */
proctype unmap()
{
	reclaim();
	LOCK(revoke);
#ifdef MMAP_UNDER_REVOKE
	MMAP_READ(0);
	MMAP_UNREAD(0);
#endif
#ifdef SPACE_UNDER_REVOKE
	LOCK(space);
	UNLOCK(space);
#endif
	LOCK(mdb);
	UNLOCK(mdb);
	zap();
#ifdef SYNC_UNDER_REVOKE
	!queued && !running;
#endif
	UNLOCK(revoke);
	!queued && !running
}

/* A mapping of the detached region is revoked. */
proctype unmap_detached()
{
	LOCK(detached);
	zap();
#ifdef ADOPT_OTHER_ORDER
	LOCK(revoke);
	UNLOCK(revoke);
#endif
	UNLOCK(detached)
}

/* LMAP_MAP meets a mark, and then a tombstone. */
proctype map()
{
	LOCK(mdb);
#ifdef MDB_OVER_REVOKE
	LOCK(revoke);
	UNLOCK(revoke);
	UNLOCK(mdb)
#else
	UNLOCK(mdb);
	LOCK(revoke);
	UNLOCK(revoke)
#endif
}

/* The borrower's mm goes: all of its windows are emptied. */
proctype space_kill()
{
	LOCK(space);
	LOCK(revoke);
	zap();
	UNLOCK(revoke);
	UNLOCK(space)
}

/* A page that is not pinned yet; both lend to each other. */
proctype fault(byte own)
{
	byte other = 1 - own;

	MMAP_READ(own);
#ifndef FAULT_KEEPS_MMAP
	MMAP_UNREAD(own);
#endif
	MMAP_READ(other);
	MMAP_UNREAD(other);
#ifdef FAULT_KEEPS_MMAP
	MMAP_UNREAD(own)
#endif
}

proctype worker()
{
end:	do
	:: atomic { queued -> queued = 0; running = 1 };
		LOCK(revoke);
		zap();
		UNLOCK(revoke);
		running = 0
	od
}

init
{
	atomic {
		run worker();
		run take_all_locks();
		run munmap();
		run unmap();
		if
		:: run reclaimer(); run map()
		:: run reclaimer(); run unmap_detached()
		:: run reclaimer(); run space_kill()
		:: run fault(0); run fault(1)
		fi
	}
}
