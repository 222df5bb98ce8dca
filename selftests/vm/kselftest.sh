#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# kselftest.sh - build the kselftests and run them in a guest. Environment: KERNEL (6.1), SMP (2), T (all; or
# program[,program...], or program.test), APPEND (more kernel parameters), AFTER (a script that the guest runs when the
# module has gone; what it prints follows the TAP), FOREIGN=1 (also see that a module which was built for another kernel
# is refused), COMPILER=suite (module and programs are built by the gcc that KERNEL was built with, not this machine's),
# STAGE (run nothing, leave what the guest needs in that directory), LMAP_SEED (as the program printed it).
# TAP on stdout. Fails if a test fails, if none ran, or if one is skipped that this kernel could run (see skips).
set -eu -o pipefail
# shellcheck source=selftests/vm/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

kernel=${KERNEL:-6.1} smp=${SMP:-2} t=${T-}
kernel_row "$kernel"
framework=$("$VM_DIR/kernel.sh" framework)
ksft=$framework/tools/testing/selftests
out=$(build_dir "$K_ARCH")/kselftest compiler=()
if [ "${COMPILER-}" = suite ]; then
	own=$("$VM_DIR/compiler.sh" "$kernel" | tail -n 1)
	out+=-suite compiler=(CC="${own}gcc")
fi
mkdir -p "$out"

build_programs() {
	make_for "$K_ARCH" "${compiler[@]}" -C "$LMAP_TOP/selftests/lmap" KSFT="$ksft" OUTPUT="$out" all
	make_for "$K_ARCH" "${compiler[@]}" -C "$LMAP_TOP/selftests/torture" OUT="$out"
	make_for "$K_ARCH" "${compiler[@]}" -C "$LMAP_TOP/selftests/events" OUT="$out"
}

# runs side by side build the same
with_lock "kselftest-$K_ARCH" build_programs >&2
mapfile -t all < <(make -s -C "$LMAP_TOP/selftests/lmap" KSFT="$ksft" OUTPUT="$out" programs)
all+=(torture plain)

programs=("${all[@]}") args=''
if [ -n "$t" ]; then
	IFS=, read -ra programs <<<"${t%%.*}"
	for p in "${programs[@]}"; do
		# no pipe: a grep that has seen enough would end what feeds it, and fail
		[[ " ${all[*]} " == *" $p "* ]] || die "no test program \"$p\" (there are: ${all[*]})"
	done
	[ "$t" = "${t%%.*}" ] || args="-t ${t#*.}"
fi

stage=${STAGE-}
if [ -z "$stage" ]; then
	stage=$(mktemp -d)
	trap 'rm -rf "$stage"' EXIT
fi
mkdir "$stage/lmap"
for p in "${programs[@]}"; do cp "$out/$p" "$stage/lmap/"; done
{
	echo "PROGRAMS='${programs[*]}'"
	echo "TIMEOUT=$((900 * K_SLOW))"
	echo "export LMAP_SLOW=$K_SLOW"
	[ -z "${LMAP_SEED-}" ] || echo "export LMAP_SEED=$LMAP_SEED"
	if [ -n "$args" ]; then
		echo "export KSELFTEST_$(tr '[:lower:]-' '[:upper:]_' <<<"${programs[0]}")_ARGS='$args'"
	fi
} >"$stage/env"

if [ -n "${STAGE-}" ]; then
	cp -r "$ksft/kselftest" "$stage/kselftest"
	exit
fi

extra=()
[ -z "${AFTER-}" ] || extra+=(--add "$AFTER:/t/after")
if [ -n "${FOREIGN-}" ]; then
	other=$(other_kernel "$kernel")
	module=$(COMPILER='' "$VM_DIR/kmod.sh" "$other")
	kernel_row "$kernel"
	extra+=(--add "$module:/t/foreign.ko")
fi

echo "# kselftests on $kernel with $smp CPU"
takelocks=$("$VM_DIR/kmod.sh" "$kernel" selftests/takelocks)
dir=$("$VM_DIR/kernel.sh" "$kernel")
rc=0
"$VM_DIR/run.sh" --module "$takelocks" --kernel "$kernel" --smp "$smp" --timeout 3600 --append "$K_PARAMS${APPEND+ $APPEND}" \
	--add "$stage/lmap:/t/lmap" --add "$stage/env:/t/env" --add "$ksft/kselftest:/t/kselftest" "${extra[@]}" \
	-- sh /t/kselftest.guest | tee "$stage/tap" || rc=$?
SMP=$smp K_SLOW=$K_SLOW "$VM_DIR/skips.sh" "$dir/config" "$stage/tap" || [ $rc != 0 ] || rc=1
exit $rc
