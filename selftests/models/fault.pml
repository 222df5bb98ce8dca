/* SPDX-License-Identifier: GPL-2.0 */
/*
 * lmap - model: page faults, write upgrades, entries for a whole page table and
 * in-kernel copies against revoking and dropping, on a machine with weak memory.
 *
 * Models set_entry(), lmap_window_fault(), lmap_window_mkwrite() (fault.c),
 * huge_set() (huge.c), copy_tile() (copy.c), lmap_window_zap() (window.c), lmap_chunk_drop()
 * (drop.c) and the part of a revocation that takes rights (revoke.c). One page
 * of one window, two threads of the borrower, one revoker, one dropper, one
 * copy.
 *
 * Must show: when a revocation returns, no page table entry and no copy gives
 * what it took, then or later; a page is unpinned only when no entry and no
 * copy reaches it; and an entry is never writable without the right.
 *
 * Memory: a store goes into the buffer of its process and leaves it in order,
 * at any later time; a load looks at memory. So a load can overtake an earlier
 * store, also across the taking and releasing of a lock: releasing is a store,
 * taking is not a barrier. smp_mb() waits until the own buffer is empty.
 *
 * Must never use a variable that its own process has a store under way for: a
 * load does not look into the buffer.
 *
 * The page table does not exist at first. Plants, and the property that each
 * must be seen to break:
 * plant NO_MB_FAULT lost_ - no barrier after linking the page table
 * plant NO_MB_ZAP lost_ - no barrier between mark and zap
 * plant CHECK_BEFORE_LOCK lost_ - rights are read before the page table lock
 * plant TILE_BEFORE_LOCK pins - the tile is read before the page table lock
 * plant MARK_AFTER_ZAP lost_ - zapped first, then marked
 * plant UNPIN_BEFORE_ZAP pins - unpinned first, then zapped
 * plant MKWRITE_RETURNS_0 lost_w - the core makes the entry writable after our check
 * plant ZAP_PASSES_COPIES copying|pins - the zap does not wait for copies
 * plant PASS_AFTER_ZAP lost_|pins - the zap waits for looks at the marks only after the page tables
 * plant HUGE_NO_LOCK lost_|pins - an entry for all is set without the lock that the zap passes
 * plant COPY_NO_MB copying|pins|lost_ - what is copied is looked up before the lock is taken
 */

#define R	1
#define W	2

mtype = { s_rights, s_slot, s_table, s_ptl };

/* Memory. */
byte rights = R | W;		/* of the mapping */
byte slot;			/* tile: number of a page, 0 = none */
bit table;			/* the page table is linked */
bit ptl, revoke;		/* locks: of the page table, of the region */
bit linking, dropping;		/* locks for linking it and of the tiles; released with the store under them */
byte pte;			/* page that the entry shows, 0 = none */
bit pte_w;
byte pmd;			/* page that an entry for all shows, 0 = none */
bit pmd_w;
byte readers;			/* of window->copy_lock */

/* What the lender has, and what is pinned how often. */
byte cur = 1;
byte pins[4];

/* For the properties only. */
bit lost_r, lost_w;		/* a revocation of these has returned */
byte copying;
bit copying_w;

#define reached(p)	(pte == (p) || pmd == (p) || copying == (p))

/* Buffers of the two faults, the revoker and the dropper. */
chan buf[4] = [2] of { mtype, byte };

#define STORE(var, val)	buf[me]!var(val)
#define SMP_MB		empty(buf[me])
#define LOCK(l)		atomic { l == 0 -> l = 1 }
#define UNLOCK(l)	STORE(s_##l, 0)

inline drain(b)
{
	buf[b]?var(val);
	if
	:: var == s_rights -> rights = val
	:: var == s_slot -> slot = val; dropping = 0
	:: var == s_table -> table = val
	:: var == s_ptl -> ptl = 0
	fi;
	var = 0; val = 0
}

active proctype memory()
{
	mtype var;
	byte val;

end:	do
	:: d_step { nempty(buf[0]) -> drain(0) }
	:: d_step { nempty(buf[1]) -> drain(1) }
	:: d_step { nempty(buf[2]) -> drain(2) }
	:: d_step { nempty(buf[3]) -> drain(3) }
	od
}

inline zap()
{
#ifndef NO_MB_ZAP
	SMP_MB;
#endif
#if !defined(ZAP_PASSES_COPIES) && !defined(PASS_AFTER_ZAP)
	readers == 0;			/* write_lock, write_unlock */
#endif
	if
	:: atomic { pmd -> pmd = 0; pmd_w = 0 }
	:: pmd == 0 && table == 0	/* nothing there to walk */
	:: pmd == 0 && table -> LOCK(ptl);
		d_step { pte = 0; pte_w = 0 };
		UNLOCK(ptl)
	fi;
#ifdef PASS_AFTER_ZAP
	readers == 0
#else
	skip
#endif
}

inline pin()
{
	atomic {
		dropping == 0;
		if
		:: slot == 0 -> slot = cur; pins[cur]++
		:: else
		fi
	}
}

inline set_entry()
{
	d_step {
		if
		:: pte == t || (pte == 0 && t) -> skip
		:: else -> t = 0	/* another page is shown, or none is to be */
		fi;
		if
		:: t == 0 || !(r & R) || (pte && (!write || !(r & W)))
		:: else ->
			pte = t;
			pte_w = write && (r & W);
			assert(pins[pte] > 0);
			assert(!lost_r);
			assert(!(pte_w && lost_w))
		fi
	}
}

/* fill_run() with set_entry() */
inline fill()
{
	if
	:: pmd -> goto next		/* somebody was faster, with more */
	:: table
	:: atomic { linking == 0 && pmd == 0 -> linking = 1; STORE(s_table, 1) }
	fi;
#ifdef CHECK_BEFORE_LOCK
	r = rights;
#endif
#ifdef TILE_BEFORE_LOCK
	t = slot;
#endif
	LOCK(ptl);
#ifndef NO_MB_FAULT
	SMP_MB;
#endif
#ifndef CHECK_BEFORE_LOCK
	r = rights;
#endif
#ifndef TILE_BEFORE_LOCK
	t = slot;
#endif
	set_entry();
	UNLOCK(ptl)
}

#ifdef MKWRITE_RETURNS_0
inline upgrade()
{
	LOCK(ptl);
	d_step {
		if
		:: pte && pte == t ->	/* pte_same() */
			pte_w = 1;
			assert(!lost_w)
		:: else
		fi
	};
	UNLOCK(ptl)
}
#endif

proctype fault(byte me; byte times)
{
	byte r, t, try;
	bit write, present;

	do
	:: times == 0 -> break
	:: times > 0 ->
		times--;
		if
		:: write = 0
		:: write = 1
		fi;
again:		skip;
		d_step { present = pte != 0; t = pte };
		if
		:: present && (!write || pte_w) -> goto next
		:: pmd -> goto next
		:: else
		fi;
		/* fault_check() */
		r = rights;
		if
		:: !(r & R) || (write && !(r & W)) -> goto next
		:: else
		fi;
		if
		:: slot == 0 && present -> goto next
		:: slot == 0 && !present ->
			pin();
			try++;
			if
			:: try < 3 -> goto again
			:: else -> goto next
			fi
#ifdef MKWRITE_RETURNS_0
		:: slot != 0 && present -> upgrade()
		:: slot != 0 && !present -> fill()
#else
		:: slot != 0 -> fill()
#endif
		fi;
next:		skip;
		d_step { r = 0; t = 0; write = 0; present = 0; try = 0 }
	od
}

#define UNLOCK_REVOKE	atomic { SMP_MB -> revoke = 0 }

proctype revoker()
{
	byte take, me = 2;

	LOCK(revoke);
	if
	:: take = W
	:: take = R | W
	fi;
#ifndef MARK_AFTER_ZAP
	STORE(s_rights, (R | W) & ~take);
	zap();
#else
	zap();
	STORE(s_rights, (R | W) & ~take);
	SMP_MB;
#endif
	d_step {
		lost_w = 1;
		lost_r = take & R;
		assert(!(lost_r && (pte || pmd || copying)));
		assert(!(lost_w && ((pte && pte_w) || (pmd && pmd_w) || (copying && copying_w))));
		take = 0
	};
	UNLOCK_REVOKE
}

inline unpin()
{
	d_step {
		pins[old]--;
		assert(pins[old] || !reached(old))
	}
}

/* A notification or the shrinker; the lender's page can be another then. */
proctype dropper()
{
	byte old, me = 3;

	LOCK(revoke);
	if
	:: cur = 2
	:: skip
	fi;
	atomic {
		old = slot;
		if
		:: old -> dropping = 1; STORE(s_slot, 0)
		:: else
		fi
	};
	if
	:: old ->
#ifndef UNPIN_BEFORE_ZAP
		zap();
		unpin()
#else
		unpin();
		zap()
#endif
	:: else
	fi;
	old = 0;
	UNLOCK_REVOKE
}

inline copy_look()
{
	r = rights;
	t = slot
}

proctype copy()
{
	byte r, t;
	bit write;

	if
	:: write = 0
	:: write = 1
	fi;
#ifdef COPY_NO_MB
	copy_look();
	readers++;
#else
	readers++;
	copy_look();
#endif
	if
	:: !(r & R) || (write && !(r & W)) || t == 0
	:: else ->
		d_step {
			copying = t;
			copying_w = write;
			assert(pins[t] > 0);
			assert(!lost_r);
			assert(!(write && lost_w))
		};
		d_step { copying = 0; copying_w = 0 }
	fi;
	readers--
}

/*
 * huge_set(): the first one, and making it writable. Under the page table's lock
 * that nothing else is there, as linking a page table is.
 */
proctype huge()
{
	byte r, t;
	bit write;

	if
	:: write = 0
	:: write = 1
	fi;
#ifndef HUGE_NO_LOCK
	readers++;
#endif
	copy_look();
	if
	:: !(r & R) || (write && !(r & W)) || t == 0
	:: else ->
		d_step {
			if
			:: (linking == 0 && pmd == 0) || (write && pmd == t) ->
				pmd = t;
				pmd_w = write;
				assert(pins[t] > 0);
				assert(!lost_r);
				assert(!(write && lost_w))
			:: else
			fi
		}
	fi;
#ifndef HUGE_NO_LOCK
	readers--
#else
	skip
#endif
}

/* All at once would be too much; what is found needs no more. */
init
{
	atomic {
		run revoker();
		if
		:: run fault(0, 2); run fault(1, 1)
		:: run fault(0, 2); run dropper()
		:: run fault(0, 1); run dropper(); run copy()
		:: run fault(0, 1); run huge(); run huge()
		:: run fault(0, 1); run dropper(); run huge()
		fi
	}
}
