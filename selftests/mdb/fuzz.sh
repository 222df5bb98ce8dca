#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# fuzz.sh OUT check       - as TAP: the inputs in corpus/ under ASan (also without libFuzzer), then 20000 changes of them,
#                           the same each time; that is skipped without libFuzzer
# fuzz.sh OUT SECONDS     - go on from corpus/ and from what was found interesting before, in OUT/corpus
# fuzz.sh OUT merge       - make corpus/ the fewest inputs that reach all of that
# OUT/fuzz has been built, or could not be for want of libFuzzer. An input that fails is left in OUT, and told how to
# replay. Must never change corpus/ but for merge.
set -u
out=$1 how=$2
runs=20000
args=(-artifact_prefix="$out/" -max_len=400 -len_control=0)
corpus=$(dirname "$(readlink -f "$0")")/corpus
n=0 failed=0

# verdict STATUS NAME LOG
verdict() {
	n=$((n + 1))
	if [ "$1" = 0 ]; then
		echo "ok $n $2"
		return
	fi
	failed=1
	tail -n 40 "$3" | sed 's/^/# /'
	for input in "$out"/crash-* "$out"/leak-* "$out"/timeout-* "$out"/oom-*; do
		[ ! -e "$input" ] || echo "# replay: $out/fuzz-replay $input"
	done
	echo "not ok $n $2"
}

replay_corpus() {
	local inputs=("$corpus"/*)
	local rc=0
	[ -e "${inputs[0]}" ] || { echo "no inputs in $corpus" >"$out/replay.log"; return 1; }
	"$out/fuzz-replay" "${inputs[@]}" >"$out/replay.log" 2>&1 || rc=$?
	# one alone tells all its operations
	[ $rc = 0 ] || echo "replay: $out/fuzz-replay $(sed -n "s,^# \($corpus.*\),\1,p" "$out/replay.log" | tail -n 1)" >>"$out/replay.log"
	[ $rc = 0 ] && grep -qx "# ${#inputs[@]} files" "$out/replay.log"
}

# Of what libFuzzer left before only what is from this run shall be told.
rm -f "$out"/crash-* "$out"/leak-* "$out"/timeout-* "$out"/oom-*
case $how in
check)
	echo "TAP version 13"
	rc=0
	replay_corpus || rc=1
	verdict $rc "fuzz: replay of the corpus" "$out/replay.log"
	if [ -x "$out/fuzz" ]; then
		rc=0
		mkdir -p "$out/scratch"
		"$out/fuzz" "${args[@]}" -runs=$runs -seed=1 "$out/scratch" "$corpus" >"$out/fuzz.log" 2>&1 || rc=1
		rm -rf "$out/scratch"
		verdict $rc "fuzz: $runs inputs" "$out/fuzz.log"
	else
		n=$((n + 1))
		echo "ok $n fuzz: $runs inputs # SKIP no libFuzzer (package libclang-rt-14-dev)"
	fi
	echo "1..$n"
	;;
merge)
	mkdir -p "$out/corpus"
	rm -rf "$out/min"
	mkdir "$out/min"
	# without counters: which edges, not how often, or it would be thousands
	"$out/fuzz" "${args[@]}" -use_counters=0 -merge=1 "$out/min" "$corpus" "$out/corpus" || exit 1
	rm -f "$corpus"/*
	cp "$out/min"/* "$corpus/"
	;;
*)
	echo "TAP version 13"
	mkdir -p "$out/corpus"
	rc=0
	"$out/fuzz" "${args[@]}" -max_total_time="$how" "$out/corpus" "$corpus" >"$out/fuzz.log" 2>&1 || rc=1
	verdict $rc "fuzz: $how seconds" "$out/fuzz.log"
	echo "1..1"
	;;
esac
exit $failed
