#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# mutants.sh OUT KSRC CC ARGS... - plant bugs in a copy of mdb.[ch], index.[ch] and refs.[ch], one at a time, and see that the model
# test or the cases find each. A bug that can't be planted any more (the line has changed) is a failure, too. Must never
# change the original.
set -u
ulimit -c 0
out=$1/mutants ksrc=$2
shift 2
cc=("$@" -I. -w -g0 -iquote "$out")
module=../../module
mkdir -p "$out"
n=0 failed=0

# Only world.c includes what is mutated: it is a library, and the rest is built once.
build() {
	"${cc[@]}" -O0 -fPIC -shared -o "$out/libworld.so" world.c
}

cp "$module"/{mdb,index,refs}.[ch] "$out/"
build || exit 1
for f in model cases; do
	"${cc[@]}" -rdynamic -o "$out/$f" "$f.c" oracle.c check.c ops.c "$ksrc/tools/lib/rbtree.c" \
		-L"$out" -lworld -Wl,-rpath,"$out" || exit 1
done

# Some bugs make lists without end: the limit is of processor time, so that a busy machine makes no difference.
limited() {
	(ulimit -t 10 && exec "$@") >"$out/log" 2>&1
}

passes() {
	limited "$out/cases" && limited "$out/model" quick
}

# mutant FILE NAME SED-EXPRESSION
mutant() {
	local file=$1 name=$2 verdict=''
	n=$((n + 1))
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

mutant mdb.c "children keep their rights" 's/for (node = top; node; node = subtree_next(node, top->level))$/for (node = top; node; node = NULL)/'
mutant mdb.c "demote forgets the zap" 's/node->flags |= LMAP_NODE_ZAP;/node->flags |= 0;/; s/rv->zfirst = node->rfirst/rv->zfirst = node->rfirst + 1/'
mutant mdb.c "a split is off by one" 's/right->npages = node->npages - left_pages/right->npages = node->npages - left_pages - 1/'
mutant mdb.c "right halves keep the left parent" 's/top->parent : last_right\[right->level - 1\]/top->parent : node->parent/'
mutant mdb.c "no look at the second border" 's/if (rv->rlast != ULONG_MAX)$/if (0)/'
mutant mdb.c "taking r leaves the others" 's/if (rv->take \& LMAP_R)/if (0)/'
mutant mdb.c "the index keeps the node" 's/rb_erase(\&node->wrb, \&node->index->root);//'
mutant index.c "insert does not see what is there" 's/if (!lmap_index_first(index, node->wfirst, lmap_node_wlast(node)))/if (1)/'
mutant mdb.c "the wrong window page after a split" 's/right->wfirst = node->wfirst + left_pages/right->wfirst = node->wfirst/'
mutant mdb.c "spares are counted wrong" 's/n += straddles(node, at);/n += 0;/'
mutant mdb.c "ONLY is ignored" 's/if (!rv->only)/if (1)/'
mutant mdb.c "a level too many is the subtree" 's/return node->level > level ? node : NULL;/return node->level >= level ? node : NULL;/'

# grant
mutant mdb.c "children of what moved stay where it was" 's/below->parent = node;/;/'
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
exit $failed
