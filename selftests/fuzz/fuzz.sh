#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# fuzz.sh SECONDS [SEED] - fuzz the module in a guest with the debug kernel, guided by KCOV. The programs that reach all
# edges that were reached are written to selftests/lmap/fuzz.corpus, which the kselftest "fuzz" replays on any kernel.
# What failed, and what ran last when the guest died, is left in build/fuzz; "fuzz.sh replay FILE" runs its programs
# again (lines of hex). Must never lose a program that failed.
set -eu -o pipefail
# shellcheck source=selftests/vm/lib.sh
. "$(dirname "$(readlink -f "$0")")/../vm/lib.sh"

here=$LMAP_TOP/selftests/fuzz corpus=$LMAP_TOP/selftests/lmap/fuzz.corpus out=$LMAP_TOP/build/fuzz
mkdir -p "$out"
ksft=$("$VM_DIR/kernel.sh" framework)/tools/testing/selftests
cc -std=gnu11 -O2 -g -static -Wall -Wextra -Werror -Wno-unused-parameter -Wno-sign-compare \
	-Wno-missing-field-initializers -I"$LMAP_TOP/uapi" -I"$ksft" -I"$LMAP_TOP/selftests/lmap" -pthread -o "$out/loop" \
	"$here/loop.c" "$LMAP_TOP/selftests/lmap/fuzz_exec.c" "$LMAP_TOP/selftests/lmap/util.c"

from=$corpus seconds=${1:-60}
if [ "$seconds" = replay ]; then
	from=$2 seconds=0
fi
rc=0
INSTRUMENT=kcov "$VM_DIR/run.sh" --kernel debug --timeout $((seconds + 600)) --append nokaslr --add "$out/loop:/t/loop" \
	--add "$from:/t/corpus" -- /t/loop /t/corpus "$seconds" "${2-1}" >"$out/log" 2>&1 || rc=$?
grep '^#' "$out/log" || true
if [ $rc != 0 ]; then
	{
		echo "# the last of these failed"
		sed -n 's/^try //p' "$out/log" | tail -n 5
	} >"$out/failed"
	sed 's/^/# /' <(tail -n 40 "$out/log" | grep -v '^try' | cut -c 1-200)
	die "status $rc; the programs are in $out/failed: fuzz.sh replay $out/failed"
fi
[ "$from" = "$corpus" ] || exit 0
{
	echo "# Programs for the fuzzer, one a line (fuzz_exec.h); selftests/fuzz/fuzz.sh adds to them"
	sed -n 's/^keep //p' "$out/log" | sort
} >"$out/corpus.new"
mv "$out/corpus.new" "$corpus"
