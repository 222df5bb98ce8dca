/* SPDX-License-Identifier: GPL-2.0 */
/*
 * lmap - model: pages that stay (LMAP_PIN), against all that drops tiles.
 *
 * Models piece_place() with LMAP_PIN (place.c), lmap_tile_keep(), tile_pin(),
 * tiles_insert(), chunk_lasts() (tile.c), lmap_tile_let_go(), chunk_take(),
 * chunk_recheck(), lmap_tile_drop_stale() (drop.c), shrink_chunk() (shrink.c),
 * and what FOLL_LONGTERM does with a page that is where none may stay for long:
 * it tells the notifiers and moves it, unless somebody has it pinned. One chunk
 * of one page. Pages 1 and 3 are where none may stay; the lender may exchange
 * his page for page 3, and each is moved to the page with the next number.
 *
 * Must show: a page is pinned for long nowhere but where it may stay; once it is
 * there to stay, the shrinker and fork leave it there; a page is unpinned as
 * often as it was pinned; and the table holds the lender's page, but while that
 * changes or the worker knows.
 *
 * plant COVER_UNLOCKED stays - the mapping appears while tiles are dropped
 * plant LASTING_AT_CHOICE stays - who drops looks too early which tiles may stay
 * plant KEEP_NO_GEN slot==0 - the generation is not compared
 * plant SECOND_PIN_KEPT pins - the second pin of a page is not given back
 * plant PIN_AS_OTHERS slot==2 - a page is pinned for long as any other
 * plant MOVE_PINNED slot==0 - no notifier is told of a page that moves
 */

byte page = 1;			/* the lender's, by number */
byte changing;			/* so many changes; seen by mmu_interval_read_begin() */
byte gen = 1;
byte slot;			/* tile */
bit lasting, stale, gone;	/* of the tile */
bit covered;			/* by LMAP_PIN */
bit revoke;			/* lock */
bit queued, running;		/* the worker */
byte pins[5];

bit stays;			/* for the property only: the page is there to stay */

#define LOCK(l)		atomic { l == 0 -> l = 1 }
#define UNLOCK(l)	l = 0

#define may_stay(p)	((p) == 2 || (p) == 4)
#define current()	(slot == 0 || slot == page || changing || stale)

inline wait_for_changes()
{
	changing == 0
}

inline notify()
{
	atomic {
		changing++;
#ifndef MOVE_PINNED
		gen++;
		stale = (slot != 0);
		queued = queued || stale
#endif
	}
}

inline take(old)
{
	old = slot;
	slot = 0; lasting = 0; stale = 0; gone = 0;
	gen++
}

inline unpin(old)
{
	if
	:: old -> d_step { assert(pins[old]); pins[old]--; old = 0 }
	:: else
	fi
}

inline drop_all(old)
{
	atomic { take(old) };
	unpin(old)
}

/* @keep: covered, and not gone */
inline drop(old, keep)
{
	atomic {
		if
#ifndef LASTING_AT_CHOICE
		:: (keep && lasting)
#else
		:: keep
#endif
		:: else -> take(old)
		fi
	};
	unpin(old)
}

/* Another borrower's fault: pins for a while. */
proctype pinner()
{
	byte mine, seen;

	if
	:: slot == 0 ->
		seen = gen;
		wait_for_changes();
		d_step { mine = page; pins[mine]++ };
		atomic {
			if
			:: gen == seen && slot == 0 -> slot = mine
			:: else -> assert(pins[mine]); pins[mine]--
			fi;
			assert(current());
			mine = 0; seen = 0
		}
	:: slot
	fi
}

/* FOLL_LONGTERM: moves the page if it has to, and pins it if it may stay. */
inline pin_for_long(mine)
{
#ifndef PIN_AS_OTHERS
	if
	:: !may_stay(page) ->
		notify();
		atomic {
			if
			:: pins[page] == 0 -> page++
			:: else
			fi;
			changing--
		}
	:: may_stay(page)
	fi;
#endif
	d_step {
		if
#ifndef PIN_AS_OTHERS
		:: may_stay(page) ->
#else
		:: true ->
#endif
			mine = page; pins[mine]++
		:: else
		fi
	}
}

inline insert(mine, seen)
{
	atomic {
		if
#ifndef KEEP_NO_GEN
		:: gen == seen && slot == 0 ->
#else
		:: slot == 0 ->
#endif
			slot = mine; lasting = 1
		:: gen == seen && slot == mine ->
			lasting = 1; stale = 0; gone = 0;
#ifndef SECOND_PIN_KEPT
			pins[mine]--
#else
			skip
#endif
		:: else -> pins[mine]--
		fi;
		assert(current());
		assert(!lasting || may_stay(slot));
		mine = 0; seen = 0
	}
}

/* LMAP_MAP with LMAP_PIN; after so many tries it is -ENOMEM. */
proctype mapper(byte tries)
{
	byte mine, seen, old;

#ifndef COVER_UNLOCKED
	LOCK(revoke);
#endif
	covered = 1;
#ifndef COVER_UNLOCKED
	UNLOCK(revoke);
#endif
	do
	:: atomic { slot && lasting -> stays = !stale && !gone; break }
	:: tries == 0 -> break
	:: !(slot && lasting) && tries ->
		tries--;
		seen = gen;
		wait_for_changes();
		pin_for_long(mine);
		if
		:: mine -> insert(mine, seen)
		:: else ->		/* lmap_tile_let_go(): none is there for long */
			LOCK(revoke);
			drop_all(old);
			UNLOCK(revoke)
		fi
	od
}

/* Of the lender: nothing happens in the end, or he has another page. */
proctype lender()
{
	byte old;

	wait_for_changes();
	atomic { notify(); stays = 0 };
	if
	:: page = 3
	:: skip
	:: LOCK(revoke);		/* munmap waits */
		drop_all(old);
		UNLOCK(revoke);
		page = 3
	fi;
	changing--
}

/* lmap_tile_recheck(), then lmap_tile_drop_stale() */
proctype worker()
{
	byte seen, tile, old;
	bit keep;

end:	do
	:: atomic { queued -> queued = 0; running = 1 };
		if
		:: covered && stale && lasting ->
			d_step { seen = gen; tile = slot };
			wait_for_changes();
			if
			:: page == tile ->
				atomic {
					if
					:: gen == seen -> stale = 0
					:: else
					fi
				}
			:: true -> d_step { gone = stale; stays = 0 }
			fi;
			seen = 0; tile = 0
		:: else
		fi;
		LOCK(revoke);
		if
		:: stale ->
			keep = (covered && !gone);
			drop(old, keep)
		:: else
		fi;
		UNLOCK(revoke);
		running = 0
	od
}

/* The shrinker, or fork: what LMAP_PIN covers is looked at first. */
proctype shrinker()
{
	byte old;
	bit keep;

	LOCK(revoke);
#ifndef LASTING_AT_CHOICE
	keep = covered;
#else
	keep = (covered && lasting);
#endif
	drop(old, keep);
	assert(!stays || slot);
	UNLOCK(revoke)
}

init
{
	atomic {
		run worker();		/* first, since it never ends */
		run pinner();
		run mapper(3);
		run lender();
		run shrinker()
	}
	_nr_pr == 2 && !queued && !running;
	d_step {
		assert(slot == 0 || slot == page || stale);
		assert(pins[1] == (slot == 1));
		assert(pins[2] == (slot == 2));
		assert(pins[3] == (slot == 3));
		assert(pins[4] == (slot == 4))
	}
}
