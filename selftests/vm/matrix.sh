#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# matrix.sh [KERNEL...] - the kselftests on every stock kernel of the table `kernels`, or on those named; one table at the
# end, and as the last line "N passed, N failed, N skipped". Environment:
#   QUICK=1    the programs of $quick only: a minute or two for each kernel
#   JOBS=2     so many guests side by side; SMP=1 then (default: 1 guest with 2 CPU)
#   T, SMP     as kselftest.sh has them
#   VERBOSE=1  print each kernel's TAP when it is done, too; it is kept in build/matrix/ in any case
# A kernel that can't be fetched, or for which nothing can be built, is a failure. Must never leave out a kernel of those
# that it was asked for.
set -u -o pipefail
# shellcheck source=selftests/vm/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

# What differs between kernels and architectures first: page tables, kinds of memory, netlink, tracepoints, signals.
quick=abi,map,rights,unmap,window,copy,lender,memory,hostile,hostile_proxy,grant,sibling,overmap,refs,limits,pin,events,listeners,trace,huge,pager,pager_wait,plain

jobs=${JOBS:-1} smp=${SMP-} t=${T-}
[ -n "$smp" ] || smp=$((jobs > 1 ? 1 : 2))
[ -z "${QUICK-}" ] || t=${t:-$quick}
kernels=("$@")
[ $# -gt 0 ] || mapfile -t kernels < <(awk '!/^#/ && $2 == "stock" { print $1 }' "$VM_DIR/kernels")
for kernel in "${kernels[@]}"; do kernel_row "$kernel"; done		# a name that is wrong ends it here
logs=$LMAP_TOP/build/matrix
mkdir -p "$logs"
for kernel in "${kernels[@]}"; do rm -f "$logs/$kernel".*; done

# one KERNEL: leaves its TAP, its results and how long it took. "status" is written last.
one() {
	local kernel=$1 began=$SECONDS rc=0
	KERNEL=$kernel SMP=$smp T=$t FOREIGN=1 "$VM_DIR/kselftest.sh" >"$logs/$kernel.log" 2>&1 || rc=$?
	echo $((SECONDS - began)) >"$logs/$kernel.seconds"
	"$VM_DIR/count.sh" "$logs/$kernel.log" $rc >"$logs/$kernel.count" || rc=1
	echo $rc >"$logs/$kernel.status"
}

told() {
	local kernel=$1
	[ -z "${VERBOSE-}" ] || cat "$logs/$kernel.log"
	grep '^# FAILED' "$logs/$kernel.count"
	if [ "$(cat "$logs/$kernel.status")" = 0 ]; then
		echo "# $kernel: $(tail -n 1 "$logs/$kernel.count")"
	else
		tail -n 15 "$logs/$kernel.log" | sed 's/^/# | /'
		echo "# $kernel FAILED: $(tail -n 1 "$logs/$kernel.count"), see build/matrix/$kernel.log"
	fi
}

row() { printf '# %-16s %-28s %-6s %7s %7s %8s %9s\n' "$@"; }

table() {
	local kernel release passed failed skipped seconds sum=(0 0 0)
	echo "#"
	row kernel release arch passed failed skipped time
	for kernel in "${kernels[@]}"; do
		kernel_row "$kernel"
		release=$(sed -n 's/^# guest: Linux \([^ ]*\) .*/\1/p' "$logs/$kernel.log" | head -n 1)
		read -r passed failed skipped <<<"$(tail -n 1 "$logs/$kernel.count" | tr -dc '0-9 \n')"
		seconds=$(cat "$logs/$kernel.seconds")
		[ -n "$skipped" ] || passed=0 failed=1 skipped=0		# it was ended from outside
		row "$kernel" "${release:-did not boot}" "$K_ARCH" "$passed" "$failed" "$skipped" \
			"$(printf '%d:%02d' $((seconds / 60)) $((seconds % 60)))"
		sum=($((sum[0] + passed)) $((sum[1] + failed)) $((sum[2] + skipped)))
	done
	echo "#"
	echo "${sum[0]} passed, ${sum[1]} failed, ${sum[2]} skipped"
	[ "${sum[1]}" = 0 ] && [ "${sum[0]}" != 0 ]
}

running=0
for kernel in "${kernels[@]}"; do
	if [ $running -ge "$jobs" ]; then
		wait -n
		running=$((running - 1))
	fi
	echo "# $kernel ..."
	one "$kernel" &
	running=$((running + 1))
done
wait
for kernel in "${kernels[@]}"; do told "$kernel"; done
table
