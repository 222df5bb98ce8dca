#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# mutants.sh OUT KSRC CC ARGS... - plant bugs in a copy of mdb.[ch], index.[ch] and refs.[ch], one at a time, and see that
# the model test, the marks or the cases find each. A bug that can't be planted any more (the line has changed) is a failure,
# too. Must never change the original. MUTANTS: a regular expression, only those of such names.
set -u
ulimit -c 0

# Each processor takes its share, in a directory of its own; what they print follows when all are done.
if [ -z "${SHARE-}" ]; then
	of=$(nproc) rc=0 jobs=()
	mkdir -p "$1"
	for ((i = 0; i < of; i++)); do
		SHARE="$i $of" "$0" "$@" >"$1/mutants.$i.out" 2>&1 &
		jobs+=($!)
	done
	for job in "${jobs[@]}"; do wait "$job" || rc=1; done
	for ((i = 0; i < of; i++)); do cat "$1/mutants.$i.out"; done
	exit $rc
fi
read -r share of <<<"$SHARE"
out=$1/mutants.$share ksrc=$2
shift 2
cc=("$@" -I. -w -g0 -iquote "$out")
module=../../module
mkdir -p "$out"
n=0 failed=0 only=${MUTANTS:-}

# Only world.c includes what is mutated: it is a library, and the rest is built once.
build() {
	"${cc[@]}" -O0 -fPIC -shared -o "$out/libworld.so" world.c
}

cp "$module"/{mdb,index,refs}.[ch] "$out/"
build || exit 1
for f in model cases marks; do
	"${cc[@]}" -rdynamic -o "$out/$f" "$f.c" turns.c oracle.c check.c ops.c "$ksrc/tools/lib/rbtree.c" \
		-L"$out" -lworld -Wl,-rpath,"$out" || exit 1
done

# Some bugs make lists without end: the limit is of processor time, so that a busy machine makes no difference.
limited() {
	(ulimit -t 10 && exec "$@") >"$out/log" 2>&1
}

passes() {
	limited "$out/cases" && limited "$out/marks" && limited "$out/model" quick
}

# mutant FILE NAME SED-EXPRESSION
mutant() {
	local file=$1 name=$2 verdict=''
	n=$((n + 1))
	if [[ ! $name =~ $only ]] || [ $((n % of)) != "$share" ]; then return 0; fi
	cp "$module"/{mdb,index,refs}.[ch] "$out/"
	sed "$3" "$module/$file" >"$out/$file"
	if cmp -s "$out/$file" "$module/$file"; then
		verdict="could not be planted"
	elif ! build 2>"$out/log"; then
		verdict="does not build"
	elif { passes; } 2>/dev/null; then
		verdict="was not found"
	fi
	if [ -z "$verdict" ]; then
		echo "ok $n mutant: $name"
	else
		echo "not ok $n mutant: $name $verdict"
		failed=1
	fi
}

# What is found must be the bug, not the way it was planted.
if ! passes; then
	echo "not ok 1 mutant: the tests pass without one"
	exit 1
fi

mutant mdb.c "children keep their rights" '/^static void subtree_demote/,/^}/s/node = subtree_next(node, top->level)/node = NULL/; /^void lmap_mdb_demote/,/^}/s/if (in_scope(rv, node))/if (in_scope(rv, node) \&\& !node->parent)/'
mutant mdb.c "demote forgets the zap" 's/node->flags |= LMAP_NODE_ZAP;/node->flags |= 0;/; s/rv->zfirst = node->rfirst/rv->zfirst = node->rfirst + 1/'
mutant mdb.c "a split is off by one" 's/right->npages = node->npages - left_pages/right->npages = node->npages - left_pages - 1/'
mutant mdb.c "right halves keep the left parent" 's/top->parent : last_right\[right->level - 1\]/top->parent : node->parent/'
mutant mdb.c "no look at the second border" '/^\t\tdemote_border(rv, rv->scope.rlast + 1);$/d'
mutant mdb.c "what has to be cut is forgotten" 's/rv->uncut = !n \&\& rv->mdb->mark.take;/rv->uncut = rv->mdb->mark.take;/'
mutant mdb.c "a border is the last page" 's/rlast_subtree >= at;/rlast_subtree > at;/'
mutant mdb.c "a border is the first page" 's/rrb)->rfirst < at \&\&$/rrb)->rfirst < at - 1 \&\&/'
mutant mdb.c "taking r leaves the others" 's/if (rv->scope.take \& LMAP_R)/if (0)/'
mutant mdb.c "the index keeps the node" 's/rb_erase(\&node->wrb, \&node->index->root);//'
mutant index.c "insert does not see what is there" 's/if (!lmap_index_first(index, node->wfirst, lmap_node_wlast(node)))/if (1)/'
mutant mdb.c "the wrong window page after a split" 's/right->wfirst = node->wfirst + left_pages/right->wfirst = node->wfirst/'
mutant mdb.c "spares are counted wrong" 's/n += straddles(node, at);/n += 0;/'
mutant mdb.c "ONLY is ignored" '/^static bool in_scope/,/^}/s/return scope->only/return 0/'
mutant mdb.c "a level too many is the subtree" 's/return node->level > level ? node : NULL;/return node->level >= level ? node : NULL;/'

# grant
mutant mdb.c "children of what moved stay where it was" 's/node_set_parent(below, node);/;/'
mutant mdb.c "grandchildren of what moved become children" 's/if (below->parent == old)/if (1)/'
mutant mdb.c "what moved gets behind its children" 's/list_add(\&node->order, \&old->order);/list_add_tail(\&node->order, \&node->mdb->preorder);/'
mutant mdb.c "a grant with fewer rights keeps them below" 's/for (below = node; lost \&\& below;/for (below = node; 0;/'
mutant mdb.c "a grant with fewer rights keeps them itself" 's/node->rights = old->rights \& ~lost;/node->rights = old->rights;/'
mutant mdb.c "the old place of what moved lives on" 's/^\tnode_demote(rv, old);$//'
mutant mdb.c "a grant of the end takes the beginning" 's/node = subtree_split(node, rfirst, spares);/subtree_split(node, rfirst, spares);/'
mutant mdb.c "a grant of the beginning takes all" 's/if (rlast < lmap_node_rlast(node))$/if (0)/'
mutant mdb.c "a grant counts no node of its own" '/^int lmap_mdb_move/,/^}/s/node->mdb->nr++;//'
mutant mdb.c "a grant does not keep its origin alive" '/^int lmap_mdb_move/,/^}/s/atomic_inc(\&node->origin->nodes);//'
mutant mdb.c "spares for a grant at the end only" 's/if (rfirst > node->rfirst)$/if (0)/'
mutant mdb.c "what moved may be passed on further" '/^int lmap_mdb_move/,/^}/s/node->depth = old->depth;/node->depth = LMAP_DEPTH_MAX;/'

# budgets
mutant mdb.c "the purse gets nothing back" 's/atomic_sub(origin->cost, \&origin->purse->spent);/;/'
mutant mdb.c "a refused mapping is paid for: budget" 's/atomic_sub(cost, \&purse->spent);//'
mutant mdb.c "a refused mapping is paid for: target" '/^int lmap_mdb_insert/,/^}/s/origin_uncharge(node->origin);//'
mutant mdb.c "a parent without budget hides those above" 's/parent->origin->purse;/NULL;/'
mutant mdb.c "a budget below costs one" 's/u32 cost = origin->budget ?: 1;/u32 cost = 1;/'
mutant mdb.c "a budget does not count the mapping itself" 's/atomic_set(\&origin->spent, 1);/atomic_set(\&origin->spent, 0);/'
mutant mdb.c "one more than the budget" 's/\&purse->spent) > purse->budget)/\&purse->spent) > purse->budget + 1)/'
mutant mdb.c "each part that was cut gives back" 's/if (atomic_dec_and_test(\&node->origin->nodes)) {/atomic_dec(\&node->origin->nodes); {/'
mutant mdb.c "parts that were cut are not counted" '/^static struct lmap_node \*node_cut/,/^}/s/atomic_inc(\&node->origin->nodes);//'

# reference bits
mutant mdb.c "the end of a mapping tells nobody" 's/lmap_refs_settle(node);/;/'
mutant refs.c "fresh bits of a mapping that ends stay" 's/atomic_fetch_andnot(FRESH, whole) \& FRESH;/atomic_read(whole) \& FRESH;/'
mutant refs.c "a part that ends takes the bits of all" 's/^\t       atomic_read(\&node->origin->nodes) > 1);/0);/'
mutant refs.c "ancestors are not told, of each page" '/^static void seen_add_all/,/^}/s/for (; node; node = node->parent)/for (; node; node = NULL)/'
mutant refs.c "ancestors are not told, of the whole" '/^static bool settle_whole/,/^}/s/for (; node; node = node->parent)/for (; node; node = NULL)/'
mutant refs.c "the region is not told, of each page" '/^static void seen_add_all/,/^}/s/seen_add(\&node->mdb->refs, word, accessed, modified);//'
mutant refs.c "the region is not told, of the whole" '/^static bool settle_whole/,/^}/s/seen_add_range(\&node->mdb->refs, first, last, modified);//'
mutant refs.c "a word's mask lacks the last page" 's/min(last - word \* WORD, WORD - 1)/min(last - word * WORD, WORD - 2)/'
mutant refs.c "a word's mask has the pages before" 's/~0UL << lo/~0UL/'
mutant refs.c "a word's mask has the pages behind" 's/~0UL >> (WORD - 1 - hi)/~0UL/'
mutant refs.c "only the first word is told" '/^static void seen_add_range/,/^}/s/if (!READ_ONCE(refs->table))/if (1)/'
mutant refs.c "what is taken stays" 's/return atomic_long_fetch_andnot(mask, w) \& mask;/return atomic_long_read(w) \& mask;/'
mutant refs.c "other pages are taken, too" 's/return atomic_long_fetch_andnot(mask, w) \& mask;/return atomic_long_fetch_andnot(~0L, w) \& mask;/'
mutant refs.c "a reset does not zap" 's/node->flags |= LMAP_NODE_REFS;/;/'
mutant refs.c "modified is told as accessed" 's/all |= bytes_add(pages, base, word, m, LMAP_MODIFIED);/all |= bytes_add(pages, base, word, m, LMAP_ACCESSED);/'
mutant refs.c "others' mappings are told" 's/ \&\& !lmap_mdb_is_ancestor(q->root, node)//'
mutant refs.c "asked in part, cleared as a whole" 's/inside = !partly;/inside = true;/'
mutant refs.c "a mapping in parts is cleared by one" 's/lmap_node_rlast(node) > q->rlast ||$/lmap_node_rlast(node) > q->rlast;/; /^\t\t\t      atomic_read(\&node->origin->nodes) > 1;$/d'
mutant refs.c "what was seen of the whole region is forgotten" '/^static void whole_to_table/,/^}/s/if (!table || !bits)/if (1)/'
mutant refs.h "touched once, modified never" 's/if (modified \&\& !(atomic_long_read(word) \& bit))/if (0)/'
mutant refs.h "a page of the wrong word is touched" 's/page % LMAP_REFS_WORD;/page % (LMAP_REFS_WORD \/ 2);/'

# marks: what look-ups, inserts and extends make of them
mutant index.c "look-ups ignore the mark" 's/^\t\thit_apply_mark(hit, node, wpage);/\t\t;/'
mutant mdb.c "inserts ignore the mark" 's/^\t\treturn -ESTALE;/\t\t;/'
mutant mdb.c "an insert looks at one page of the mark" '/^int lmap_mdb_insert/,/^}/s/lmap_node_rlast(node)))$/node->rfirst - 1))/'
mutant index.c "inserts ignore the mark's range" '/^bool lmap_mark_stops_child/,/^}/s/ \&\& rlast >= mark->rfirst//'
mutant mdb.c "extends ignore the mark" 's/if (lmap_mark_stops(node))/if (0)/'
mutant index.c "extends of a part that is not revoked are refused" '/^bool lmap_mark_stops(/,/^}/s/mark->take \&\& node->rfirst <= mark->rlast/mark->take/'
mutant index.c "the mark's last page is not in it" 's/(rpage > mark.rlast)/(rpage >= mark.rlast)/'
mutant index.c "the mark's first page is not in it" 's/(rpage < mark.rfirst)/(rpage <= mark.rfirst)/'
mutant index.c "a hit before the mark has a page of it" 's/to = mark.rfirst - 1;/to = mark.rfirst;/'
mutant index.c "a hit behind the mark has a page of it" 's/from = mark.rlast + 1;/from = mark.rlast;/'
mutant index.c "a hit in the mark begins with the mapping" 's/from = from > mark.rfirst ? from : mark.rfirst;//'
mutant index.c "a hit in the mark ends with the mapping" 's/to = to < mark.rlast ? to : mark.rlast;//'
mutant index.c "a hit that begins later keeps its region page" 's/^\thit->rfirst = from;//'
mutant index.c "a hit that begins later keeps its window page" 's/^\thit->wfirst += from - hit->rfirst;//'
mutant index.c "the mark takes r and leaves the rest" '/^static void hit_apply_mark/,/^}/s/if (mark.take \& LMAP_R)/if (0)/'
mutant index.c "the mark takes everything" 's/hit->rights \&= ~mark.take;/hit->rights = 0;/'
mutant index.c "the mark is of the root, too" '/^bool lmap_scope_has/,/^}/s/return scope->self \&\&$/return/'
mutant index.c "the mark is not of the root" '/^bool lmap_scope_has(/,/^}/s/return scope->self \&\&/return 0 \&\&/'
mutant index.c "the mark is of its window's only, not below" 's/in |= node->index == scope->only;/;/'
mutant index.c "the mark is of all windows" 's/bool in = !scope->only || index == scope->only;/bool in = true;/'
mutant index.c "the mark of a window forgets its root's" 's/return in || (scope->self \&\& node->index == scope->only);/return in;/'
mutant index.c "the mark is of others' mappings" '/^static bool scope_has_child/,/^}/s/^\t\treturn false;/\t\treturn in;/'
mutant index.c "half a mark" 's/WRITE_ONCE(mdb->mark.rlast, mark->rlast);/WRITE_ONCE(mdb->mark.rlast, mark->rfirst);/'
mutant mdb.c "the mark stays" '/^void lmap_mdb_unmark/,/^}/s/lmap_mark_set(mdb, \&nothing);/;/'
mutant mdb.c "the mark does not follow its root that is cut" '/^static void demote_border/,/^}/s/if (rv->mdb->mark.take)/if (0)/'
mutant index.c "the mark does not say what is taken" '/^void lmap_mark_set/,/^}/s/WRITE_ONCE(mdb->mark.take, mark->take);//'

# runs
mutant mdb.c "a run has holes, forwards" 's/next->wfirst != lmap_node_wlast(node) + 1 :$/0 :/'
mutant mdb.c "a run has holes, backwards" 's/node->wfirst != lmap_node_wlast(next) + 1)$/0)/'
mutant mdb.c "a run takes what keeps its pages" '/^static struct lmap_node \*run_neighbour/,/^}/s/if (!next || .*/if (!next)/'
mutant mdb.c "a run takes another tree's" '/^static struct lmap_node \*run_neighbour/,/^}/s/if (next \&\& next->mdb != node->mdb)/if (0)/'
mutant mdb.c "a run does not grow backwards" 's/^\trun_grow(rv, run, node, false);//'
mutant mdb.c "a run does not grow forwards" 's/^\trun_grow(rv, run, node, true);//'
mutant mdb.c "a run without end" 's/while (run->nodes < LMAP_RUN_NODES \&\&/while (1 ||/'
mutant mdb.c "neighbours of a run are zapped twice" '/^static void run_grow/,/^}/s/node->flags \&= ~LMAP_NODE_ZAP;//'
mutant mdb.c "what was lost before counts again" '/^static void node_await_zap/,/^}/s/node->lost = 0;//'
mutant mdb.c "only the last loss counts" '/^static void node_await_zap/,/^}/s/node->lost |=/node->lost =/'
mutant mdb.c "what came back is lost" '/^int lmap_mdb_extend/,/^}/s/node->lost &= ~rights;//'
mutant mdb.c "each loss is for want of memory" '/^static void node_await_zap/,/^}/s/node->flags |= LMAP_NODE_ZAP;/node->flags |= LMAP_NODE_ZAP | LMAP_NODE_OVER;/'
mutant mdb.c "a part that is cut forgets what it lost" 's/right->lost = node->lost;/right->lost = 0;/'

# revocations that pause
mutant mdb.c "what others left is not noticed" 's/if (node->flags \& LMAP_NODE_ZAP || lmap_node_dying(node))/if (0)/'
mutant mdb.c "what others left dying is not noticed" 's/if (node->flags \& LMAP_NODE_ZAP || lmap_node_dying(node))/if (!lmap_node_dying(node) \&\& node->flags \& LMAP_NODE_ZAP)/'
mutant mdb.c "what others left to zap is not noticed" 's/if (node->flags \& LMAP_NODE_ZAP || lmap_node_dying(node))/if (lmap_node_dying(node))/'
mutant mdb.c "parents are unlinked before children" 's/todo = lmap_node_dying(node) ? first_leaf(node) : node;/todo = node;/'
mutant mdb.c "the first child is not always a leaf" '/^static struct lmap_node \*first_leaf/,/^}/s/while ((below/if ((below/'
mutant mdb.c "unlinked before the zap" 's/if (todo->flags \& LMAP_NODE_ZAP) {/if (todo->flags \& LMAP_NODE_ZAP \&\& !lmap_node_dying(todo)) {/'
mutant mdb.c "zapped for ever" '/^static void run_begin/,/^}/s/node->flags \&= ~LMAP_NODE_ZAP;//'
mutant mdb.c "a turn begins where the last one ended" '/^void lmap_mdb_demote/,/^}/s/rv->started = false;/rv->started = rv->breaks;/'
mutant mdb.c "a call begins anew after what it unlinked" 's/^\trv->pos = node;/\trv->pos = todo;/'
mutant mdb.c "a break after the last one" 's/^\t\tif (node)$/\t\tif (1)/'
mutant mdb.c "parts that are cut are not found by their pages" 's/lmap_range_augment.propagate(\&node->rrb, NULL);//'
mutant mdb.c "a part that is cut forgets its zap" '/^static struct lmap_node \*node_cut/,/^}/s/right->flags = node->flags;/right->flags = 0;/'
mutant mdb.c "a break without mdb->lock given back" '/^void lmap_mdb_break/,/^}/{s/mutex_unlock(\&mdb->lock);//;s/mutex_lock(\&mdb->lock);//}'

# changing trees, cutting
mutant mdb.c "what is adopted keeps its rights" 's/unsigned int rights = node->rights \& parent->rights;/unsigned int rights = node->rights;/'
mutant mdb.c "what is adopted gets too deep" '/^static void node_adopt/,/^}/s/if (!parent->depth)/if (0)/'
mutant mdb.c "what is adopted keeps its depth" '/^static void node_adopt/,/^}/s/if (node->depth >= parent->depth)/if (0)/'
mutant mdb.c "what is adopted keeps its level" 's/node->level = parent->level + 1;/;/'
mutant mdb.c "what is adopted is not zapped" '/^static void node_adopt/,/^}/s/node_await_zap(node, rights);//'
mutant mdb.c "what is adopted is counted twice" '/^static void node_adopt/,/^}/s/node->mdb->nr--;//'
mutant mdb.c "look-ups find the old tree" '/^static void node_adopt/,/^}/s/WRITE_ONCE(node->mdb, to);/;/'
mutant mdb.c "all that is adopted becomes children" 's/node_adopt(node, node == top ? parent : node->parent);/node_adopt(node, parent);/'
mutant mdb.c "adopting does not cut at the end" '/^void lmap_mdb_adopt/,/^}/s/demote_border(rv, rv->scope.rlast + 1);//'
mutant mdb.c "adopting does not cut at the beginning" '/^void lmap_mdb_adopt/,/^}/s/demote_border(rv, rv->scope.rfirst);//'
mutant mdb.c "what can't be adopted is not unlinked" '/^void lmap_mdb_adopt/,/^}/s/rv->zlast = rv->scope.rlast;/rv->zlast = 0; rv->zfirst = 1;/'
mutant mdb.c "what was adopted is not looked at" '/^void lmap_mdb_adopt/,/^}/s/moved->zlast = rv->scope.rlast;/moved->zlast = 0; moved->zfirst = 1;/'
mutant mdb.c "only the first one is adopted" 's/^\t\tsubtree_adopt(top, parent);/\t\tsubtree_adopt(top, parent); break;/'
mutant mdb.c "the middle of a top is adopted" 's/for (top = node; top->parent; top = top->parent)/for (top = node; 0;)/'
mutant mdb.c "a cut takes what is behind, too" '/^struct lmap_node \*lmap_mdb_cut/,/^}/s/subtree_split(node, rlast + 1, spares);/;/'

# walks that begin anew for each node
mutant mdb.c "cutting begins anew" '/^static void demote_border/,/^}/s/next_to_split(rv, node, at)/next_to_split(rv, NULL, at)/'
mutant mdb.c "adopting begins anew" 's/node = stays ? lmap_mdb_next(stays, rv->scope.rfirst, rv->scope.rlast) :/node = 0 ? NULL :/; s/^\t\t\tstays = node;/\t\t\twhile (node \&\& lmap_node_dying(node)) node = lmap_mdb_next(node, rv->scope.rfirst, rv->scope.rlast); if (!node) break; goto live;/; s/^\t\tfor (top = node; top->parent/live:\t\tfor (top = node; top->parent/'
mutant mdb.c "unlinking begins anew" 's/^\t\t\treaped++;/\t\t\treaped++; node = work_next(rv, NULL);/'

# bits of each page above what is tracked
mutant refs.c "a table of those above is not used" '/^static void seen_add(/,/^}/s/if (!table)/if (!table || !refs->tracked)/'
mutant refs.c "what was seen before the table is forgotten: modified" '/^static void whole_to_table/,/^}/s/LMAP_REFS_SEEN_M,$/LMAP_REFS_SEEN_A,/'
mutant refs.c "those above are not asked for each page" 's/if (plane == LMAP_REFS_FRESH_A \&\& !refs->tracked)/if (!refs->tracked)/'
mutant refs.c "a node is to be zapped for ever" 's/prev->flags \&= ~LMAP_NODE_REFS;/;/'
mutant refs.c "only the first node is zapped" '/^struct lmap_node \*lmap_refs_next_zap/,/^}/s/prev = prev ? lmap_mdb_next(prev, q->rfirst, q->rlast) :/prev = prev ? NULL :/'
exit $failed
