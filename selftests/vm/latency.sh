#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# latency.sh [KERNEL...] - who waits how long while much is revoked: lmap-bench --latency in a guest whose clock counts
# instructions, on each kernel ("6.1 6.1+full rt"; NAME+full: with preempt=full). Fails if a ratio to the same during munmap()
# is above its bound; with preempt=full none is judged, since who waits for a mutex waits for whoever preempts its owner.
# "parallel": something else, in real time on two processors: what two get done side by side. Must never judge real time.
set -eu -o pipefail
# shellcheck source=selftests/vm/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

# latency KERNEL PARAMETERS OPTION-OF-RUN...
latency() {
	local kernel=$1 append=$2 tools
	shift 2
	tools=$("$VM_DIR/tools.sh" "$kernel")
	"$VM_DIR/run.sh" --kernel "$kernel" --mem 2560 --timeout 1800 --append "norandmaps $append" \
		--add "$tools/lmap-bench" --add "$VM_DIR/guest/latency.guest" "$@"
}

[ $# -gt 0 ] || set -- 6.1 6.1+full rt
rc=0
for name; do
	case $name in
	parallel) latency 6.1 '' --smp 2 -- sh /t/latency.guest --parallel || rc=1 ;;
	*+full) latency "${name%+full}" preempt=full --icount -- sh /t/latency.guest --latency --icount || rc=1 ;;
	*) latency "$name" '' --icount -- sh /t/latency.guest --latency --icount --check || rc=1 ;;
	esac
done
exit $rc
