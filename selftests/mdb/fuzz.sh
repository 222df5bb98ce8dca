#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# fuzz.sh OUT check       - the same 20000 inputs each time, as one TAP test; skipped without libFuzzer
# fuzz.sh OUT SECONDS     - go on from what was found interesting before, in OUT/corpus
# OUT/fuzz has been built, or could not be for want of libFuzzer. An input that fails is left in OUT; OUT/fuzz-replay
# tells what it does.
set -u
out=$1 how=$2
runs=20000
args=(-artifact_prefix="$out/" -max_len=400 -len_control=0)

echo "TAP version 13"
if [ ! -x "$out/fuzz" ]; then
	echo "ok 1 fuzz: $runs inputs # SKIP no libFuzzer (package libclang-rt-14-dev)"
elif [ "$how" = check ]; then
	if "$out/fuzz" "${args[@]}" -runs=$runs -seed=1 >"$out/fuzz.log" 2>&1; then
		echo "ok 1 fuzz: $runs inputs"
	else
		tail -n 40 "$out/fuzz.log" | sed 's/^/# /'
		echo "not ok 1 fuzz: $runs inputs"
		echo "1..1"
		exit 1
	fi
else
	mkdir -p "$out/corpus"
	if "$out/fuzz" "${args[@]}" -max_total_time="$how" "$out/corpus" 2>&1 | tee "$out/fuzz.log" | sed 's/^/# /' &&
		[ "${PIPESTATUS[0]}" -eq 0 ]; then
		echo "ok 1 fuzz: $how seconds"
	else
		echo "not ok 1 fuzz: $how seconds"
		echo "1..1"
		exit 1
	fi
fi
echo "1..1"
