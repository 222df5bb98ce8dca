#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# mutants.sh OUT CC ARGS... - plant bugs in a copy of mdb.c, one at a time, and see that the model test finds each.
# A bug that can't be planted any more (the line has changed) is a failure, too. Must never change the original.
set -u
out=$1/mutants
shift
mkdir -p "$out"
n=0 failed=0

# mutant NAME SED-EXPRESSION
mutant() {
	local name=$1 verdict=''
	n=$((n + 1))
	sed "$2" ../../module/mdb.c >"$out/mdb.c"
	cp ../../module/mdb.h "$out/"
	if cmp -s "$out/mdb.c" ../../module/mdb.c; then
		verdict="could not be planted"
	elif ! "${build[@]}" -w -I"$out" -o "$out/model" model.c -x c <(sed "s#\"mdb.c\"#\"$out/mdb.c\"#" world.c) -x none 2>"$out/log"; then
		verdict="does not build"
	elif { timeout 60 "$out/model" quick >"$out/log" 2>&1; } 2>/dev/null; then
		verdict="was not found"
	fi
	if [ -z "$verdict" ]; then
		echo "ok $n mutant: $name"
	else
		echo "not ok $n mutant: $name $verdict"
		failed=1
	fi
}

build=("$@" -I.)
mutant "children keep their rights" 's/for (node = top; node; node = subtree_next(node, top->level))$/for (node = top; node; node = NULL)/'
mutant "demote forgets the zap" 's/node->flags |= LMAP_NODE_ZAP;/node->flags |= 0;/; s/rv->zfirst = node->rfirst/rv->zfirst = node->rfirst + 1/'
mutant "a split is off by one" 's/right->npages = node->npages - left_pages/right->npages = node->npages - left_pages - 1/'
mutant "right halves keep the left parent" 's/top->parent : last_right\[right->level - 1\]/top->parent : node->parent/'
mutant "no look at the second border" 's/if (rv->rlast != ULONG_MAX)$/if (0)/'
mutant "taking r leaves the others" 's/if (rv->take \& LMAP_R)/if (0)/'
mutant "the index keeps the node" 's/rb_erase(\&node->wrb, \&node->index->root);//'
mutant "insert does not see what is there" 's/if (!lmap_index_first(index, node->wfirst, lmap_node_wlast(node)))/if (1)/'
mutant "the wrong window page after a split" 's/right->wfirst = node->wfirst + left_pages/right->wfirst = node->wfirst/'
mutant "spares are counted wrong" 's/n += straddles(node, at);/n += 0;/'
mutant "ONLY is ignored" 's/if (!rv->only)/if (1)/'
mutant "a level too many is the subtree" 's/return node->level > level ? node : NULL;/return node->level >= level ? node : NULL;/'
exit $failed
