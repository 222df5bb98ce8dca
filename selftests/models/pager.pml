/* SPDX-License-Identifier: GPL-2.0 */
/*
 * lmap - model: faults that wait for a pager.
 *
 * Models lmap_pager_wait(), lmap_pager_wake(), lmap_pager_end(), pager_over(),
 * pager_publish() and waiter_sleep() (pager.c), fault_ask() (fault.c). Two
 * threads fault on the one page of a window; it is mapped, revoked once, and
 * mapped again; a pager is made, may be closed, and the window may die; signals
 * come. What maps may be seen late by others, as a processor's store buffer
 * makes it. Of a waiting thread all there is lies on its stack, which is gone
 * when it goes on.
 *
 * Must show: nobody sleeps on when the page is mapped for good, or there is
 * nobody to wait for (no invalid end state); nobody who answers touches a
 * thread's stack when that has gone on; a pager that the window has when it is
 * dead is over.
 *
 * plant NO_RECHECK invalid - the fault does not look again when it is in the tree
 * plant WAKE_FIRST invalid - what maps wakes before the mapping is there
 * plant NO_MB_MAP invalid - what maps reads window->pager before its mapping is visible
 * plant NO_OVER_CHECK invalid - a fault waits for a pager that is over
 * plant LEAVE_UNLOCKED on_stack - who sees his answer goes on without the lock
 * plant ANSWER_FIRST on_stack - the answer is written after the thread was let go
 * plant DEAD_UNCHECKED over - the new pager of a window that has just died is not over
 */

#define THREADS	2

bit mapped;			/* as everybody sees it */
bit have_pager;			/* window->pager */
bit over;			/* pager->over */
bit dead;			/* window->dead */
bit lock;			/* pager->lock */
bit in_tree[THREADS];
bit answer[THREADS];
bit on_stack[THREADS];		/* for the property: the description exists */
byte others;			/* likewise: who may still do something for those that wait */

#define LOCK(l)		atomic { l == 0 -> l = 1 }
#define UNLOCK(l)	l = 0

/* Everybody in the tree is taken out, and woken. Under the lock. */
inline answer_all()
{
	k = 0;
	do
	:: k == THREADS -> break
	:: k < THREADS && !in_tree[k] -> k++
	:: k < THREADS && in_tree[k] ->
		assert(on_stack[k]);
		in_tree[k] = 0;
#ifdef ANSWER_FIRST
		UNLOCK(lock);
		LOCK(lock);
#endif
		answer[k] = 1;
		/* wake_up_process() */
		assert(on_stack[k]);
		k++
	od;
	k = 0
}

proctype fault(byte me; bit signals)
{
again:
	if
	:: mapped -> goto done
	:: else
	fi;
	/* lmap_pager_get() */
	if
	:: have_pager && !over
	:: else -> goto done		/* fails */
	fi;
	d_step { on_stack[me] = 1; answer[me] = 0 };
	LOCK(lock);
#ifndef NO_OVER_CHECK
	if
	:: over -> UNLOCK(lock); on_stack[me] = 0; goto again
	:: else
	fi;
#endif
	in_tree[me] = 1;
	UNLOCK(lock);
#ifndef NO_RECHECK
	if
	:: mapped -> goto leave
	:: else
	fi;
#endif
	/* waiter_sleep() */
	if
	:: answer[me]
	:: signals -> signals = 0
	:: others == 0 && !mapped && !over && !answer[me] -> goto done	/* waits for ever, and should */
	fi;
leave:
#ifdef LEAVE_UNLOCKED
	if
	:: answer[me] -> on_stack[me] = 0; goto again
	:: else
	fi;
#endif
	LOCK(lock);
	if
	:: in_tree[me] -> in_tree[me] = 0
	:: else
	fi;
	on_stack[me] = 0;
	UNLOCK(lock);
	goto again;
done:
	skip
}

inline wake()
{
	if
	:: have_pager -> LOCK(lock); answer_all(); UNLOCK(lock)
	:: else
	fi
}

/* Maps, revokes, and maps again. */
proctype mapper()
{
	byte k, round;

	do
	:: true -> break
	:: round < 2 ->
#ifdef WAKE_FIRST
		wake();
		mapped = 1;
#else
#ifdef NO_MB_MAP
		/* the mapping is in the store buffer while the pager is read */
		if
		:: have_pager -> mapped = 1; LOCK(lock); answer_all(); UNLOCK(lock)
		:: !have_pager -> mapped = 1
		fi;
#else
		mapped = 1;
		wake();
#endif
#endif
		round++;
		if
		:: round == 1 -> mapped = 0
		:: else
		fi
	od;
	others--
}

/* pager_publish(), and the end of its file. */
proctype maker(bit closes)
{
	byte k;

	have_pager = 1;
#ifndef DEAD_UNCHECKED
	if
	:: dead -> LOCK(lock); over = 1; answer_all(); UNLOCK(lock)
	:: else
	fi;
#endif
	if
	:: closes -> LOCK(lock); over = 1; answer_all(); UNLOCK(lock)
	:: else
	fi;
	others--
}

/* lmap_window_kill() */
proctype killer()
{
	byte k;

	dead = 1;
	if
	:: have_pager -> LOCK(lock); over = 1; answer_all(); UNLOCK(lock)
	:: else
	fi;
	others--
}

proctype watcher()
{
	/* all but init and this have ended */
	_nr_pr == 2 -> assert(!dead || !have_pager || over)
}

init {
	atomic {
		others = 3;
		run watcher();
		run fault(0, 1);
		run fault(1, 0);
		run mapper();
		if
		:: run maker(0)
		:: run maker(1)
		fi;
		if
		:: run killer()
		:: others--
		fi
	}
}
