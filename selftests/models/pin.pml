/* SPDX-License-Identifier: GPL-2.0 */
/*
 * lmap - model: pinning the lender's pages against changes of his page tables.
 *
 * Models lmap_tile_pin(), tiles_insert(), lmap_tile_invalidate() (tile.c),
 * lmap_region_invalidate(), lmap_region_stale() (region.c), lmap_chunk_drop(),
 * lmap_tile_drop_stale(), chunk_recheck() (drop.c), and what the kernel's
 * mmu_interval_read_begin() promises: it waits while a change is under way of
 * which the callback has begun, and for no other. One chunk of one page, which
 * the lender exchanges twice at most: as a system call of his own does, when
 * the callback drops at once, or as reclaim and migration do, when it leaves
 * that to a worker; some changes then do not happen.
 *
 * Must show: the table never holds a page that is not the lender's any more,
 * but while a change is under way or the page is marked stale for the worker;
 * after a callback that waits nothing is in the table until the change is over;
 * a page is unpinned as often as it was pinned.
 *
 * plant NO_GEN slot==0 - the generation is not compared
 * plant GEN_AFTER_WAIT slot==0 - the generation is read after the wait
 * plant NO_WAIT slot==0 - changes under way are not waited for
 * plant BUMP_AFTER_DROP slot==0 - the callback drops first, then counts the generation up
 * plant SEQ_AFTER_BUMP slot==0 - the callback counts the generation up before it can be waited for
 * plant STALE_KEEPS_GEN slot==0 - marking a page stale does not count the generation up
 * plant RECHECK_NO_GEN slot==0 - a second look clears the mark without comparing the generation
 * plant RECHECK_NO_WAIT slot==0 - a second look does not wait for changes under way
 * plant LOSER_KEEPS_PIN pins - who loses the race forgets to unpin
 */

byte page = 1;			/* the lender's, by number */
bit changing;			/* seen by mmu_interval_read_begin() */
byte gen = 1;
byte slot;			/* tile */
bit stale;
bit revoke;			/* lock */
bit queued, running;		/* the worker */
byte pins[4];

bit under_way;			/* for the property only: callbacks have run, the change is not over */
bit emptied;			/* likewise, of one that has waited */

#define LOCK(l)		atomic { l == 0 -> l = 1 }
#define UNLOCK(l)	l = 0

#define current()	(slot == 0 || slot == page || under_way || stale)

inline check()
{
	assert(current());
	assert(!emptied || slot == 0)
}

inline wait_for_changes()
{
	changing == 0
}

proctype pinner(byte tries)
{
	byte mine, seen;

	do
	:: slot || tries == 0 -> break
	:: slot == 0 && tries > 0 ->
		tries--;
#ifndef GEN_AFTER_WAIT
		seen = gen;
#endif
#ifndef NO_WAIT
		wait_for_changes();
#endif
#ifdef GEN_AFTER_WAIT
		seen = gen;
#endif
		d_step { mine = page; pins[mine]++ };
		atomic {		/* xa_lock */
			if
#ifndef NO_GEN
			:: seen == gen && slot == 0 -> slot = mine; check()
			:: seen != gen || slot ->
#else
			:: slot == 0 -> slot = mine; check()
			:: slot ->
#endif
#ifndef LOSER_KEEPS_PIN
				pins[mine]--
#else
				skip
#endif
			fi;
			mine = 0; seen = 0
		}
	od
}

inline take(old)
{
	atomic {
		old = slot;
		slot = 0;
		stale = 0;
#ifndef BUMP_AFTER_DROP
		gen++
#endif
	}
}

/* Zapping is between taking and unpinning; fault.pml. */
inline drop(old)
{
	take(old);
	if
	:: old -> d_step { assert(pins[old]); pins[old]--; old = 0 }
	:: else
	fi
}

inline callback()
{
#ifdef SEQ_AFTER_BUMP
	gen++;
	changing = 1;
#else
	changing = 1;
#ifndef BUMP_AFTER_DROP
#ifndef STALE_KEEPS_GEN
	gen++;
#endif
#endif
#endif
	skip
}

/* Each change: callback, exchange, end. */
proctype lender(byte times)
{
	byte old;

	do
	:: times == 0 -> break
	:: times > 0 ->
		times--;
		callback();
		if
		:: LOCK(revoke);		/* munmap, mprotect, fork */
			drop(old);
			UNLOCK(revoke);
#ifdef BUMP_AFTER_DROP
			gen++;
#endif
			atomic { under_way = 1; emptied = 1; check() }
		:: atomic {			/* anything else */
				stale = (slot != 0);
				queued = queued || stale;
				under_way = 1
			}
		fi;
		if
		:: page++
		:: skip
		fi;
		atomic { changing = 0; under_way = 0; emptied = 0; check() }
	od
}

/* lmap_tile_recheck() for LMAP_PIN, then lmap_tile_drop_stale() */
proctype worker()
{
	byte seen, tile, old;
	bit same;

end:	do
	:: atomic { queued -> queued = 0; running = 1 };
		if
		:: d_step { seen = gen; tile = slot };
#ifndef RECHECK_NO_WAIT
			wait_for_changes();
#endif
			same = (page == tile);
			atomic {
				if
#ifndef RECHECK_NO_GEN
				:: same && gen == seen -> stale = 0; check()
				:: !same || gen != seen
#else
				:: same -> stale = 0; check()
				:: !same
#endif
				fi;
				seen = 0; tile = 0; same = 0
			}
		:: skip
		fi;
		LOCK(revoke);
		if
		:: stale -> drop(old)
		:: else
		fi;
		UNLOCK(revoke);
		running = 0
	od
}

/* Takes what nobody has used lately; may also find nothing. */
proctype shrinker()
{
	byte old;

	LOCK(revoke);
	drop(old);
	UNLOCK(revoke)
}

init
{
	atomic {
		run worker();		/* first, since it never ends */
		run pinner(2);
		run pinner(1);
		run lender(2);
		run shrinker()
	}
	_nr_pr == 2 && !queued && !running;
	d_step {
		assert(slot == 0 || slot == page);
		assert(pins[1] == (slot == 1));
		assert(pins[2] == (slot == 2));
		assert(pins[3] == (slot == 3))
	}
}
