#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# bench.sh run DIRECTORY [lmap-bench's options...] - lmap-bench in a guest whose clock counts instructions. What it
# measured comes into DIRECTORY: bench.csv, bench.json, curves; the table goes to stdout. Environment: KERNEL (6.1).
# Must never run where the clock does not count: the options that say so are given here, together.
set -eu -o pipefail
# shellcheck source=selftests/vm/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

kernel=${KERNEL:-6.1}

# What the guest prints as "@FILE LINE" is a line of that file.
split() {
	awk -v dir="$1" '/^@[A-Za-z0-9.-]+ / { file = dir "/" substr($1, 2); sub(/^@[^ ]+ /, "")
		if (!(file in seen)) { printf "" >file; seen[file] = 1 }; print >file; next } { print; fflush() }'
}

measure() {
	local out=$1 tools
	shift
	mkdir -p "$out"
	tools=$("$VM_DIR/tools.sh" "$kernel")
	"$VM_DIR/run.sh" --kernel "$kernel" --icount --mem 2048 --timeout 1800 --append norandmaps \
		--add "$tools/lmap-bench" --add "$VM_DIR/guest/bench.guest" -- sh /t/bench.guest "$@" | split "$out"
}

[ $# -ge 2 ] && [ "$1" = run ] || die "usage: bench.sh run DIRECTORY [OPTION...]"
shift
measure "$@"
