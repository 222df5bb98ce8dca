#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# bench.sh COMMAND DIRECTORY [OPTION...] - lmap-bench in a guest whose clock counts instructions. What it measured comes
# into DIRECTORY: bench.csv, bench.json, curves. Options are lmap-bench's. Environment: KERNEL (6.1).
#   run      print rows as they are measured
#   table    then all of them beside targets, what is possible, and the reference; fails if a ratio is above its bound
#   check    fail if a row is dearer than in selftests/bench/reference.csv, and if rows are missing or new
#   record   write that file, and what Documentation/performance.rst has of it: the table, curves up to 100000 mappings
#   twice    measure two times, in two guests: do they agree?
# Must never run where the clock does not count: what makes it count and the option that says so are given here, together.
set -eu -o pipefail
# shellcheck source=selftests/vm/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

kernel=${KERNEL:-6.1}
bench=$LMAP_TOP/selftests/bench
reference=$bench/reference.csv

# What the guest prints as "@FILE LINE" is a line of that file.
split() {
	awk -v dir="$1" '/^@[A-Za-z0-9.-]+ / { file = dir "/" substr($1, 2); sub(/^@[^ ]+ /, "")
		if (!(file in seen)) { printf "" >file; seen[file] = 1 }; print >file; next } { print; fflush() }'
}

# measure DIRECTORY OPTION...: a row of a run before that was not measured now must not be taken for one
measure() {
	local out=$1 tools
	shift
	mkdir -p "$out"
	rm -f "$out"/bench* "$out/release"
	tools=$("$VM_DIR/tools.sh" "$kernel")
	"$VM_DIR/run.sh" --kernel "$kernel" --icount --mem 2048 --timeout 1800 --append norandmaps \
		--add "$tools/lmap-bench" --add "$VM_DIR/guest/bench.guest" -- sh /t/bench.guest "$@" | split "$out"
}

# quiet_measure DIRECTORY OPTION...: of the rows nothing but how it went
quiet_measure() {
	local rc=0
	measure "$@" >"$1.log" || rc=$?
	[ $rc = 0 ] || { cat "$1.log"; die "lmap-bench ended with status $rc"; }
}

release() { cat "$1/release"; }

# What the counts depend on beside the module.
about() {
	kernel_row "$kernel"
	printf '%s, gcc %s, %s, lmap of %s' "$(release "$1")" "$("$(cross_prefix "$K_ARCH")gcc" -dumpfullversion)" \
		"$(qemu-system-x86_64 --version | sed -n 's/.*version \([0-9.]*\).*/QEMU \1/p')" \
		"$(git -C "$LMAP_TOP" log -1 --format=%h 2>/dev/null || echo unknown)"
}

# document DIRECTORY: the table and the curves of the chapter are those of a run
document() {
	local chapter=$LMAP_TOP/Documentation/performance.rst
	{
		printf '::\n\n   %s\n' "$(about "$1")"
		"$bench/compare.pl" targets "$reference" "$1/bench.csv" "$(release "$1")" "$bench/limits.csv" | sed 's/^./   &/'
		echo
	} >"$1/table"
	awk -v table="$1/table" '/^\.\. end of what/ { skip = 0 } !skip { print }
		/^\.\. make bench-record writes/ { skip = 1; print ""; while ((getline line <table) > 0) print line }' "$chapter" >"$1/chapter"
	cp "$1/chapter" "$chapter"
	cp "$1"/bench-*.svg "$LMAP_TOP/Documentation/images/"
}

[ $# -ge 2 ] || die "usage: bench.sh run|table|check|record|twice DIRECTORY [OPTION...]"
command=$1 out=$2
shift 2
mkdir -p "$(dirname "$out")"
case $command in
run) measure "$out" "$@" ;;
table)
	rc=0
	measure "$out" --check "$@" >"$out.log" || rc=$?
	[ -e "$out/release" ] || { cat "$out.log"; die "lmap-bench ended with status $rc"; }
	"$bench/compare.pl" table "$reference" "$out/bench.csv" "$(release "$out")" "$bench/limits.csv"
	exit $rc
	;;
check)
	"$bench/check.sh"
	quiet_measure "$out" "$@"
	"$bench/compare.pl" check "$reference" "$out/bench.csv" "$(release "$out")"
	;;
record)
	quiet_measure "$out" "$@"
	"$bench/compare.pl" record "$out/bench.csv" "$(about "$out")" >"$reference.new"
	mv "$reference.new" "$reference"
	quiet_measure "$out" --siblings=100000 "$@"
	document "$out"
	echo "selftests/bench/reference.csv, Documentation/performance.rst: $(sed -n '1s/^# //p' "$reference")"
	;;
twice)
	quiet_measure "$out-1" "$@"
	quiet_measure "$out-2" "$@"
	"$bench/compare.pl" same "$out-1/bench.csv" "$out-2/bench.csv"
	;;
*) die "unknown command $command" ;;
esac
