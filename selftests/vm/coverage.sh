#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# coverage.sh [LOG...] - which lines of module/*.c the kselftests reach: runs them on the debug kernel with a module that
# counts, or adds up the output of such runs. Environment: SMP, T as of kselftest.sh; KERNEL=debug-6.12 for what is only built
# for newer kernels. Prints a table and the lines not
# reached; fails if a test fails, if less than LMAP_COVERAGE (90) percent of the lines are reached, or if a function
# with lines not reached is not explained in Documentation/coverage.rst. Must never count a line that did not run.
set -eu -o pipefail
# shellcheck source=selftests/vm/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

out=$LMAP_TOP/build/coverage
mkdir -p "$out"
rc=0
if [ $# = 0 ]; then
	INSTRUMENT=gcov KERNEL=${KERNEL:-debug} AFTER=$VM_DIR/guest/gcov.guest "$VM_DIR/kselftest.sh" |
		tee "$out/run.log" | grep --line-buffered -v '^[A-Za-z0-9+/=]\{60,\}$' || rc=$?
	set -- "$out/run.log"
fi

# lines_of LOG DIRECTORY: the counts of a run, and what gcov makes of them. The notes beside the objects say which
# lines there are. A source without an object is not for that kernel.
lines_of() {
	local kernel objects source
	kernel=$(sed -n 's/^# kselftests on \([^ ]*\) with .*/\1/p;T;q' "$1")
	[ -n "$kernel" ] || die "$1 is not of a run"
	objects=$LMAP_TOP/build/module-gcov/$(cat "$("$VM_DIR/kernel.sh" "$kernel")/release")/module
	mkdir -p "$2"
	sed -n '/^GCOV-BEGIN/,/^GCOV-END/{//!p}' "$1" | base64 -d | tar -C "$2" -xz || die "no counts in $1"
	for source in "$objects"/*.c; do
		[ -e "${source%.c}.o" ] || continue
		[ -e "${source%.c}.gcno" ] || die "$source was not built to count"
		cp "${source%.c}.gcno" "$2/"
	done
	(cd "$2" && gcov --json-format --branch-probabilities ./*.gcno && gunzip -f ./*.json.gz) >"$2/gcov.log" 2>&1 || {
		grep -i 'mismatch' "$2/gcov.log" >&2
		die "gcov could not read $1 (a mismatch: not a run of the module as it is now)"
	}
}

n=0
rm -rf "$out"/lines
for log; do
	n=$((n + 1))
	lines_of "$log" "$out/lines/$n"
done
perl "$VM_DIR/coverage.pl" "${LMAP_COVERAGE:-90}" "$LMAP_TOP/Documentation/coverage.rst" "$out"/lines/*/*.json || rc=$?
exit "$rc"
