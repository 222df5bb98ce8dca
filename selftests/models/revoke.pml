/* SPDX-License-Identifier: GPL-2.0 */
/*
 * lmap - model: revocations that can be interrupted, that let others in, and
 * that finish what others have left.
 *
 * Models job_run(), revoke_work(), lmap_revoke_window(), lmap_window_kill()
 * (revoke.c), lmap_mdb_mark(), lmap_mdb_demote(), lmap_mdb_work(),
 * lmap_mdb_insert(), lmap_mdb_extend(), lmap_mdb_move() (mdb.c), piece_place()
 * (place.c). One page, lent to A (window 1), from there to B and D (window 2),
 * from B to C (window 1). The region's owner unmaps everything, A's owner what
 * is below A; others map, fault, grant A to another place, or close window 2.
 *
 * Must show: what an unmap found below its root is gone, page table entries
 * included, when it returns success, whoever did the work; repeating one that
 * was interrupted finishes; in the end nothing is left half done. No mapping has
 * more rights than its parent, the mark taken into account, whenever mdb->lock
 * is free. No mapping is unlinked before what is below it, or before it was
 * zapped. Nothing is mapped below what is being unmapped, or over page table
 * entries. A signal ends a call only after it did something. No deadlock.
 *
 * What is done under mdb->lock is one step, and the lock is dropped after each
 * mapping that is looked at, not after so many: shown() ends such a step:
 * others can see the tree then. The re-check of a fault is
 * one step, too: fault.pml shows why that is so.
 *
 * plant NO_MARK parent - nothing says what is being revoked
 * plant UNMARK_EARLY parent - the mark goes before all have lost their rights
 * plant MAP_IGNORES_MARK m_take|rights\[parent - a map below what is being revoked succeeds
 * plant EXTEND_IGNORES_MARK rights - rights are added behind the revocation
 * plant PARENT_FIRST ==todo - a parent is unlinked before its children
 * plant UNLOCK_BEFORE_ZAP pte - others are let in between taking the flag and the zap
 * plant REAP_UNZAPPED pte - a dying mapping is unlinked with its flag still set
 * plant NO_HELP linked - a call looks only at what it has demoted itself
 * plant NO_PROGRESS work - a signal ends a call that did nothing
 * plant LOST_ROOT linked|pte - the root was granted away, so others have done it
 * plant DEAD_AFTER dead - a window is closed for maps after it was emptied
 * plant MAP_OVER_TOMBSTONE pte - a map takes the place of a dying mapping
 */

#define R	1
#define W	2

#define A	0
#define B	1
#define C	2
#define D	3
#define N	4		/* what is mapped meanwhile */
#define G	5		/* the new place of A */
#define NODES	6
#define NONE	7		/* the region, or nothing */

bit linked[8], zap[8];
byte rights[8], pte[8], parent[8], key[8];	/* key: place in preorder */
byte m_take, m_root;				/* the mark */
bit m_self;
bit revoke;					/* lock */
byte waiters;
bit dead;					/* window 2 */
byte signals;
byte n_window;					/* where N is */
bit extended;					/* B was given rights anew, not from below a mark */

#define LOCK_REVOKE	waiters++; atomic { revoke == 0 -> revoke = 1; waiters-- }
#define UNLOCK_REVOKE	revoke = 0

#define UNDER(n, r)	(parent[n] == r || parent[parent[n]] == r || parent[parent[parent[n]]] == r)
#define IN(n, r, self)	(r == NONE || (n == r && self) || (n != r && UNDER(n, r)))
#define MARKED(n)	(m_take && IN(n, m_root, m_self))
#define STOPS_CHILD(p)	(m_take && (m_root == NONE || p == m_root || UNDER(p, m_root)))
#define LEFT(have, take)	((take & R) -> 0 : have & ~take)
#define EFFECTIVE(n)	(MARKED(n) -> LEFT(rights[n], m_take) : rights[n])
#define IN_WINDOW_2(n)	(n == B || n == D || (n == N && n_window == 2))

#define each(stmts)	k = 0; do :: k < NODES -> stmts; k++ :: else -> break od; k = 0

#define parent_holds(n)	(parent[n] == NONE || !(EFFECTIVE(n) & ~EFFECTIVE(parent[n])))
#define child_of(n)	(k != n && linked[k] && parent[k] == n)

inline check_tree()
{
	if
	:: linked[k] ->
		assert(parent[k] == NONE || linked[parent[k]]);
		assert(parent_holds(k))
	:: else
	fi
}

/* Whenever others can see the tree it is in order. */
inline shown()
{
	d_step { each(check_tree()) }
}

inline find_next()
{
	if
	:: linked[k] && key[k] > pos && (root == NONE || k == root || UNDER(k, root)) &&
	   (node == NONE || key[k] < key[node]) -> node = k
	:: else
	fi
}

/* scope_next() */
inline next()
{
	node = NONE;
	each(find_next());
	if
	:: node != NONE -> pos = key[node]
	:: else
	fi
}

inline add_must()
{
	if
	:: linked[k] && IN(k, root, self) -> must = must | (1 << k)
	:: else
	fi
}

inline set_mark()
{
	d_step {
		if
		:: !resume -> each(add_must())
		:: else
		fi;
#ifndef NO_MARK
		m_root = root;
		m_self = self;
		m_take = (resume -> 0 : take);
#endif
		pos = 0;
		noted = 0;
		next()
	}
}

inline clear_mark()
{
	d_step { m_take = 0; m_root = NONE; m_self = 0 }
}

inline demote_node()
{
	if
	:: IN(node, root, self) ->
#ifndef NO_HELP
		noted = noted || zap[node] || !rights[node];
#endif
		if
		:: !resume && (rights[node] & take) ->
			rights[node] = LEFT(rights[node], take);
			zap[node] = 1;
			noted = 1;
			work = 1
		:: else
		fi
	:: else
	fi
}

inline demote()
{
	do
	:: atomic { node == NONE -> clear_mark(); break }
	:: atomic { node != NONE -> d_step { demote_node(); next() }; shown() }
	od
}

inline find_leaf()
{
	if
	:: child_of(todo) -> todo = k
	:: else
	fi
}

/* first_leaf(): three levels below, at most */
inline choose_todo()
{
	todo = node;
#ifndef PARENT_FIRST
	if
	:: rights[node] == 0 -> each(find_leaf()); each(find_leaf()); each(find_leaf())
	:: else
	fi
#endif
}

inline check_child()
{
	assert(!child_of(todo))
}

inline reap()
{
	if
	:: todo == node -> next()
	:: else
	fi;
	if
	:: rights[todo] == 0 ->
		assert(pte[todo] == 0);
		each(check_child());
		linked[todo] = 0;
		parent[todo] = NONE;
		zap[todo] = 0;
		work = 1;
		done = 1
	:: else
	fi;
	todo = NONE
}

#ifdef REAP_UNZAPPED
#define must_zap(n)	(zap[n] && rights[n])
#else
#define must_zap(n)	zap[n]
#endif

#ifdef NO_PROGRESS
#define may_end	true
#else
#define may_end	done
#endif

inline begin_work()
{
	d_step {
		pos = 0;
		node = NONE;
		if
		:: noted -> next()
		:: else
		fi
	};
	shown()
}

inline may_yield()
{
	if
	:: may_end && !whole && node != NONE && (waiters || (signals && restartable)) -> ends = 1
	:: skip
	fi
}

/* lmap_mdb_work() with node_zap() */
inline do_work()
{
	do
	:: node == NONE || ends -> break
	:: atomic { node != NONE && !ends ->
			d_step { choose_todo() };
			if
			:: must_zap(todo) -> zap[todo] = 0
			:: else -> d_step { reap() }; may_yield()
			fi;
			shown()
		};
		if
		:: todo != NONE ->
#ifdef UNLOCK_BEFORE_ZAP
			UNLOCK_REVOKE;
			LOCK_REVOKE;
#endif
			atomic {
				pte[todo] = 0; todo = NONE; work = 1; done = 1;
				may_yield()
			}
		:: else
		fi
	od
}

inline check_gone()
{
	if
	:: must & (1 << k) && !(extended && k == B) ->
		assert(!(pte[k] & take));
		assert(!(rights[k] & take) || !linked[k]);
		assert(!(take & R) || !linked[k])
	:: else
	fi
}

inline check_window()
{
	if
	:: linked[k] && IN_WINDOW_2(k) && root == NONE -> root = k
	:: else
	fi
}

#define UNMAP	0
#define CLOSE	1		/* window 2 goes */
#define GRANT	2

inline find_grant_child()
{
	if
	:: child_of(A) -> parent[k] = G
	:: else
	fi
}

/* lmap_mdb_move(): A is at another place now */
inline move()
{
	linked[G] = 1;
	rights[G] = rights[A];
	zap[G] = zap[A];
	key[G] = 2;			/* preorder: the old place, the new one, what is below */
	parent[G] = parent[A];
	each(find_grant_child());
	rights[A] = 0;
	zap[A] = 1;
	noted = 1
}

proctype revoker(byte kind; byte root; bit self; byte take)
{
	byte k, node = NONE, todo = NONE, pos;
	byte must;		/* what must be gone on success */
	bit noted, ends, work, done, resume, whole, restartable;

	restartable = (kind == UNMAP && root != N);
	whole = (kind == GRANT);
	if
	:: kind == CLOSE ->
#ifndef DEAD_AFTER
		dead = 1
#else
		skip
#endif
	:: else
	fi;
call:	skip;
	d_step { resume = 0; work = 0; must = 0 };
	if
	:: kind == CLOSE ->
		d_step { root = NONE; each(check_window()) };
		if
		:: root == NONE -> goto out
		:: else
		fi
	:: else
	fi;
turn:	skip;
	/* lmap_index_region(): is there anything? */
	if
	:: root == NONE || linked[root]
	:: root != NONE && !linked[root] && !resume -> goto success
	:: root != NONE && !linked[root] && resume ->
#ifndef LOST_ROOT
		/* Who has moved it holds the lock until all is zapped. */
		LOCK_REVOKE;
		UNLOCK_REVOKE;
#endif
		goto success
	fi;
	waiters++;
	atomic {
		revoke == 0 -> revoke = 1; waiters--;
		ends = 0;
		done = 0;
		if
		:: root != NONE && !linked[root] -> goto again
		:: kind == GRANT && (!linked[A] || !rights[A]) -> goto unlock
		:: kind == GRANT && linked[A] && rights[A] ->
			d_step { move() };
			begin_work();
			goto finish
		:: else -> set_mark()
		fi
	};
#ifdef UNMARK_EARLY
	clear_mark();
#endif
	demote();
	begin_work();
finish:	do_work();
unlock:	atomic {
		UNLOCK_REVOKE;
		if
		:: ends && signals && restartable ->
			/* -EINTR, and the caller calls again */
			signals--;
			assert(work);
			goto call
		:: ends -> resume = 1; goto turn
		:: !ends -> goto success
		fi
	};
again:	atomic { UNLOCK_REVOKE; goto turn };
success:
	skip;
	d_step {
		each(check_gone());
		must = 0; noted = 0; work = 0; resume = 0
	};
	if
	:: kind == CLOSE -> goto call
	:: else
	fi;
out:	skip;
#ifdef DEAD_AFTER
	if
	:: kind == CLOSE -> dead = 1
	:: else
	fi
#endif
}

inline check_live()
{
	assert(!MARKED(N));
	assert(parent[N] == NONE || rights[parent[N]]);
	assert(parent[parent[N]] == NONE || rights[parent[parent[N]]]);
	assert(parent[parent[parent[N]]] == NONE || rights[parent[parent[parent[N]]]])
}

proctype mapper(bit closing)
{
	byte from = NONE, k;
	bit over;

	if
	:: from = A; n_window = 2; key[N] = 2
	:: !closing -> from = B; n_window = 1; key[N] = 4
	:: !closing -> from = A; n_window = 1; key[N] = 2; over = 1		/* where C is */
	:: n_window = 2; key[N] = 9				/* from the region */
	fi;
again:	atomic {
		if
		:: from != NONE && (!linked[from] || !rights[from]) -> goto out
#ifndef MAP_IGNORES_MARK
		:: STOPS_CHILD(from) && from != NONE -> goto out
		:: STOPS_CHILD(from) && from == NONE -> goto wait
#endif
		:: over && linked[C] && rights[C] -> goto out
#ifndef MAP_OVER_TOMBSTONE
		:: over && linked[C] && !rights[C] -> goto wait
#endif
		:: else
		fi;
		d_step {
			linked[N] = 1;
			parent[N] = from;
			rights[N] = (from == NONE -> (R | W) : rights[from]);
			assert(!over || pte[C] == 0);
			check_live()
		};
		shown()
	};
	pte[N] = rights[N];
	if
	:: n_window == 2 && dead -> run revoker(UNMAP, N, 1, R | W)
	:: else
	fi;
	goto out;
wait:	LOCK_REVOKE;
	UNLOCK_REVOKE;
	goto again;
out:	skip
}

/* The very same mapping again, with rights that were taken before. */
proctype extender()
{
	byte k;

	atomic {
		if
		:: !linked[B] || !rights[B]
#ifndef EXTEND_IGNORES_MARK
		:: MARKED(B)
#endif
		:: else ->
			extended = !MARKED(B);
			rights[B] = rights[B] | rights[parent[B]]
		fi;
		shown()
	}
}


/* As often as it likes. */
proctype faulter()
{
end:	do
	:: atomic { linked[C] && pte[C] != rights[C] -> pte[C] = rights[C] }
	od
}

inline set_node(n, up, place)
{
	linked[n] = 1;
	rights[n] = R | W;
	pte[n] = R | W;
	parent[n] = up;
	key[n] = place
}

#define ALL(take)	run revoker(UNMAP, NONE, 0, take)
#define BELOW_A(take)	run revoker(UNMAP, A, 0, take)

init
{
	byte k;

	d_step {
		parent[N] = NONE; parent[G] = NONE; parent[6] = NONE; parent[7] = NONE;
		m_root = NONE;
		set_node(A, NONE, 1);
		set_node(B, A, 3);
		set_node(C, B, 5);
		set_node(D, A, 7)
	};
	/* What is found needs no more at a time. */
	atomic {
		run faulter();	/* first, since it never ends */
		if
		:: ALL(R); BELOW_A(R); run mapper(0)
		:: ALL(R); BELOW_A(R); run revoker(GRANT, NONE, 0, 0); signals = 1
		:: ALL(W); BELOW_A(R); run revoker(GRANT, NONE, 0, 0)
		:: ALL(W); BELOW_A(W); run extender(); signals = 1
		:: BELOW_A(W); run extender(); run mapper(0); signals = 1
		:: BELOW_A(R); run mapper(0); signals = 1
		:: BELOW_A(R); run revoker(CLOSE, NONE, 1, R | W); run mapper(1)
		:: ALL(R); run revoker(CLOSE, NONE, 1, R | W); run mapper(1)
		fi
	}
	_nr_pr == 2;
	k = 0;
	do
	:: k < NODES ->
		assert(!linked[k] || (rights[k] && !zap[k]));	/* nothing is left */
		assert(!(linked[k] && dead && IN_WINDOW_2(k)));
		k++
	:: else -> break
	od;
	assert(m_take == 0)
}
