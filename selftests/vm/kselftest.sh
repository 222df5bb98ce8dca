#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# kselftest.sh - build the kselftests and run them in a guest. Environment: KERNEL (6.1), SMP (2), T (all; or
# program[,program...], or program.test), AFTER (a script that the guest runs when the module has gone; what it prints follows
# the TAP). TAP on stdout. Fails if a test fails, or if none ran.
set -eu -o pipefail
# shellcheck source=selftests/vm/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

kernel=${KERNEL:-6.1} smp=${SMP:-2} t=${T-}
kernel_row "$kernel"
framework=$("$VM_DIR/kernel.sh" framework)
ksft=$framework/tools/testing/selftests
out=$LMAP_TOP/build/kselftest
mkdir -p "$out"
make -s -C "$LMAP_TOP/selftests/lmap" KSFT="$ksft" OUTPUT="$out" all >&2
mapfile -t all < <(make -s -C "$LMAP_TOP/selftests/lmap" KSFT="$ksft" OUTPUT="$out" programs)
make -s -C "$LMAP_TOP/selftests/torture" OUT="$out" >&2
make -s -C "$LMAP_TOP/selftests/events" OUT="$out" >&2
all+=(torture plain)

programs=("${all[@]}") args=''
if [ -n "$t" ]; then
	IFS=, read -ra programs <<<"${t%%.*}"
	for p in "${programs[@]}"; do
		printf '%s\n' "${all[@]}" | grep -qx -- "$p" || die "no test program \"$p\" (there are: ${all[*]})"
	done
	[ "$t" = "${t%%.*}" ] || args="-t ${t#*.}"
fi

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
mkdir "$stage/lmap"
for p in "${programs[@]}"; do cp "$out/$p" "$stage/lmap/"; done
{
	echo "PROGRAMS='${programs[*]}'"
	echo "TIMEOUT=$((300 * K_SLOW))"
	echo "export LMAP_SLOW=$K_SLOW"
	if [ -n "$args" ]; then
		echo "export KSELFTEST_$(tr '[:lower:]-' '[:upper:]_' <<<"${programs[0]}")_ARGS='$args'"
	fi
} >"$stage/env"

after=()
[ -z "${AFTER-}" ] || after=(--add "$AFTER:/t/after")

append=''
[ "$K_KIND" = stock ] || append='page_table_check=on kmemleak=on'
echo "# kselftests on $kernel with $smp CPU"
takelocks=$("$VM_DIR/kmod.sh" "$kernel" selftests/takelocks)
"$VM_DIR/run.sh" --module "$takelocks" --kernel "$kernel" --smp "$smp" --timeout 1800 --append "$append" --add "$stage/lmap:/t/lmap" \
	--add "$stage/env:/t/env" --add "$ksft/kselftest:/t/kselftest" "${after[@]}" -- sh /t/kselftest.guest
