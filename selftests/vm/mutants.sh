#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# mutants.sh [REGEX] - plant bugs in a copy of the module, one at a time, and see that the kselftest that is named for it
# fails in the guest. TAP. With REGEX only those whose name matches. A bug that can't be planted any more, or whose module
# does not build, is a failure, too. Takes a quarter of an hour. Must never change the original.
#
# What a guest can't show for certain (barriers, orders that differ for an instant) is planted in the models
# (selftests/models) and in the mapping database in user space (selftests/mdb/mutants.sh).
set -u -o pipefail
# shellcheck source=selftests/vm/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"
only=${1-.}
copy=$LMAP_TOP/build/mutants
# some make a program wait for ever
export CFLAGS=-DLMAP_TEST_SECONDS=240
n=0 failed=0

fresh_copy() {
	mkdir -p "$copy"
	(cd "$LMAP_TOP" && git ls-files -z -- Kbuild module uapi selftests) |
		rsync -a --checksum --files-from=- --from0 "$LMAP_TOP/" "$copy/"
}

# verdict KERNEL TEST: nothing if the test fails for a good reason
verdict() {
	if ! (cd "$copy" && selftests/vm/kmod.sh "$1") >"$copy/log" 2>&1; then
		echo "does not build"
	elif (cd "$copy" && KERNEL=$1 T=$2 selftests/vm/kselftest.sh) >"$copy/log" 2>&1; then
		echo "was not found"
	elif ! grep -q '^not ok\|LMAP-EXIT\|Kernel panic' "$copy/log"; then
		echo "was not looked for: no test ran"
	fi
}

# mutant KERNEL TEST FILE NAME SED-EXPRESSION
mutant() {
	local kernel=$1 test=$2 file=module/$3 name=$4 bad=''
	[[ $name =~ $only ]] || return 0
	n=$((n + 1))
	fresh_copy
	sed -i "$5" "$copy/$file"
	if cmp -s "$copy/$file" "$LMAP_TOP/$file"; then
		bad="could not be planted"
	else
		bad=$(verdict "$kernel" "$test")
	fi
	if [ -z "$bad" ]; then
		echo "ok $n mutant: $name: found by $test on $kernel"
	else
		echo "not ok $n mutant: $name: $bad by $test on $kernel"
		failed=1
	fi
}

mutant 6.1 unmap window.c "a revoke does not zap" '/^\tunmap_mapping_range(/,/);$/d'
mutant 6.1 unmap revoke.c "a reference to the region is kept" '/^void lmap_revoke_region/,/^}/s/lmap_region_put(region);/;/'
mutant 6.1 consistency revoke.c "what was interrupted is forgotten at page 0" 's/^\t\tjob.first = job.next;/&\n\t\tif (!job.first)\n\t\t\tbreak;/'
RACE=1 mutant 6.1 scale.scale.more_than_may_wait_in_one_window revoke.c "what waits for RCU is counted anew in each turn" '/^\t\t.freed = job->freed,$/d'
mutant 6.1 consistency revoke.c "a turn ends with the work" 's/^\tjob->again = !done;/\tdone = true;\n&/'
mutant 6.1 rights place.c "rights of the new mapping, not of its source" '/^static int piece_link/,/^}/{s/piece->rights &= source->rights;/;/;s/node->rights = piece->rights;/node->rights = LMAP_RIGHTS_ALL;/}'
mutant 6.1 limits place.c "depth is not inherited" 's/node->depth = min(req->depth, piece_depth(req, source));/node->depth = req->depth;/'
mutant 6.1 limits node.c "mappings are not counted" '/^int lmap_user_charge_mapping/,/^}/s/READ_ONCE(max_mappings)/INT_MAX/'
mutant 6.1 refs fault.c "a write upgrade is left to the core" '/^vm_fault_t lmap_window_mkwrite/,/^}/s/return fill_run(.*);/return 0;/'
mutant 6.1 refs fault.c "uses are not noted" 's/^\tlmap_refs_touch(.*);$//'
mutant 6.1 window window.c "fork inherits a window" 's/VM_DONTDUMP |$/VM_DONTDUMP,/; s/^\t\t     VM_DONTCOPY, clear);/\t\t     clear);/'
mutant 6.1 window window.c "mprotect makes pages executable" '/^static int lmap_window_mprotect/,/^}/s/return -EACCES;/return 0;/'
mutant 6.1 lender region.c "munmap of the lender takes nothing" '/^static bool lmap_event_is_final/,/^}/s/return range->event == MMU_NOTIFY_UNMAP ||/return/'
mutant 6.1 grant mdb.c "children of what moved stay behind" 's/^\t\t\tnode_set_parent(below, node);$/\t\t\t;/'
mutant 6.1 race.race.two_who_map_the_same_make_one_mapping place.c "what comes into a vacant target is replaced" '/^\t\tif (req->vacant) {/,/^\t\t}/d'
mutant debug grant place.c "a mapping moves without the revoke lock" '/^static int piece_move/,/^}/{s/lmap_revoke_lock(region);/;/;s/mutex_unlock(&region->revoke);/;/}'
mutant debug race node.c "a node is freed at once" 's/^\tcall_rcu(&first->rcu, list/\t(list/; s/^\t*ring_free_rcu);$/\t\tring_free_rcu)(\&first->rcu);/'
RACE=1 mutant 6.1 listeners.listeners.when_it_is_told_it_is_gone revoke.c "a loss is told before the zap" '/^static bool revoke_work/,/^}/{s/^\t\t\trun_zap(region, &run);/\t\t\tlmap_report_lost(\&run, turn->reason);\n&/;s/^\t\t\tlmap_report_lost(&run, turn->reason);$//}'
mutant 6.1 listeners report.c "parents are not told" '/^static void report_nodes/,/^}/s/node = node->parent)/node = NULL)/'
mutant 6.1 listeners report.c "listeners are told twice" 's/^\tlistener->event = report->event;//'
mutant 6.1 listeners report.c "neighbours are told one by one" '/^static bool report_merge/,/^}/s/if (!report->first ||/if (1 ||/'
mutant 6.1 listeners report.c "a loss of messages is not told" 's/^\tlistener->sk->sk_err = ENOBUFS;//'
mutant 6.1 listeners dump.c "all is told to everybody" '/^static bool sees_node/,/^}/s/return false;/return true;/'
mutant 6.1 listeners dump.c "the lender is told to everybody" '/^static bool put_lender/,/^}/s/!(dump_of(to->cb)->admin .*/0)/'
mutant 6.1 listeners listen.c "a socket that is gone keeps listening" '/^static int listen_notify/,/^}/s/listener_remove(listener);/;/'
mutant 6.1 follow report.c "gains are told with the rights before" '/^void lmap_report_gained/,/^}/s/.rights = node->rights,/.rights = before,/'
mutant 6.1 follow mdb.c "what was lost before is told again" '/^static void node_await_zap/,/^}/s/node->lost = 0;//'
mutant 6.1 pager_wait pager.c "any pager lets the kernel wait" 's/ask->user || pager->privileged ||/true ||/'
mutant 6.1 pager.pager.who_lacks_a_right_waits_for_it fault.c "a pager is not asked for a right" 's/ret == -ENOENT || ret == -EACCES)/ret == -ENOENT)/'
mutant 6.1 pager.pager.who_touches_nothing_waits_until_it_is_mapped map.c "what is mapped wakes nobody" '/lmap_pager_wake(/,/;/d'
mutant 6.1 pin.pin.leaves_memory_that_must_be_able_to_move tile.c "pages that stay are pinned as others" 's/gup | FOLL_LONGTERM/gup/; s/n->gup |= FOLL_LONGTERM/n->gup |= 0/'
mutant 6.1 pin.pin.so_does_what_was_lent_before tile.c "a page that is there may stay" 's/lasting ? ~READ_ONCE(chunk->lasting) : 0/0/'
mutant 6.1 pin.pin.so_does_what_the_lender_puts_there_later tile.c "a fault pins for a while only" 's/if (lmap_chunk_pinned(/if (0 \& lmap_chunk_pinned(/'
RACE=1 mutant 6.1 pin.pin.what_is_pinned_while_the_lender_forks_stays place.c "a mapping of LMAP_PIN appears while tiles are dropped" '/has looked at them/,/^}/s/if (pins)/if (0)/'
RACE=1 mutant 6.1 grant_memory.grant_memory.what_was_in_use_until_now_goes drop.c "who grants does not wait for regions that go" 's/!atomic_read(&space->nr_dying)/true/; s/schedule_timeout_killable(tries)/(void)tries/'
mutant 6.12 huge huge.c "an entry shows more than its mapping" '/h->hit.wlast - wpage < LMAP_HUGE_PAGES - 1/s/h->hit.wlast - wpage < LMAP_HUGE_PAGES - 1 || //'
mutant 6.12 huge huge.c "an entry shows what lies behind in memory" '/page_to_pfn(lmap_tile_page(tile)) == h->pfn + i/s/page_to_pfn(lmap_tile_page(tile)) == h->pfn + i/true/'
mutant 6.12 huge huge.c "tracked pages share an entry" '/if (h->hit.origin->refs.tracked)/,+1d'
# some hundred rounds meet it only if race points (module/race.h) keep the two together for longer
RACE=1 mutant 6.12 huge.huge.single_pages_and_all_at_once_side_by_side huge.c "an entry is set beside a page table" 's/^\tdown_write(.*/\t;/; s/^\tup_write(.*/\t;/'
echo "1..$n"
exit $failed
