#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# kmod.sh KERNEL [DIRECTORY] - build lmap.ko, or the module in DIRECTORY, for a kernel of the table `kernels`; prints
# the path of the module.
# KDIR=directory kmod.sh - the same for installed headers. Sources are copied to build/module/, so that no object lies
# among files that git tracks. Environment, each in a directory of its own, so that no other run gets it by mistake:
# OUT: that directory;
# COMPILER=suite: with the gcc that KERNEL was built with, not this machine's (compiler.sh);
# RACE=1: with delays at race points (module/race.h); INSTRUMENT=gcov|kcov: an lmap.ko that tells what it executes, for
# a kernel that listens.
set -eu -o pipefail
# shellcheck source=selftests/vm/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

other=${2-} args=()
if [ -n "${KDIR-}" ]; then
	release=$(sed -n 's/.*UTS_RELEASE "\(.*\)"/\1/p' "$KDIR/include/generated/utsrelease.h")
	set -- "$KDIR"
else
	[ $# -ge 1 ] || die "usage: kmod.sh KERNEL [DIRECTORY] | KDIR=directory kmod.sh"
	dir=$("$VM_DIR/kernel.sh" "$1")
	kernel_row "$1"
	cross=$(cross_prefix "$K_ARCH")
	# headers name the compiler that the kernel was built with: a newer suite's is not here
	args=(CC="${cross}gcc" ${cross:+ARCH="$K_ARCH" CROSS_COMPILE="$cross"})
	release=$(cat "$dir/release") headers=$dir/headers
	if [ "${COMPILER-}" = suite ]; then
		own=$("$VM_DIR/compiler.sh" "$1")
		headers=${own%$'\n'*} own=${own#*$'\n'} release+=-suite
		args=(CC="${own}gcc" CROSS_COMPILE="$own")
	fi
	set -- "$headers"
fi
out=${OUT:-$LMAP_TOP/build/module/$release${RACE:+-race}} name=lmap source=$LMAP_TOP instrument=''
if [ -n "${INSTRUMENT-}" ] && [ -z "$other" ]; then
	out=$LMAP_TOP/build/module-$INSTRUMENT/$release instrument=INSTRUMENT=$INSTRUMENT
fi
if [ -n "$other" ]; then
	name=$(basename "$other") source=$LMAP_TOP/$other
	out=$LMAP_TOP/build/$name/$release
fi

build() {
	rsync -a --delete --include=/Kbuild --include='/module/' --include='/module/*.[ch]' --include='/uapi/***' --include='/*.[ch]' \
		--filter='P *.o' --filter='P .*' --filter='P *.ko' --filter='P *.mod*' --filter='P *.order' --filter='P *.symvers' \
		--exclude='*' "$source/" "$out/"
	# KFLAGS: W=1 C=2 and the like
	# shellcheck disable=SC2086
	make -s -C "$1" M="$out" "${args[@]}" ${KFLAGS-} $instrument modules 2>&1 |
		grep -v 'Skipping BTF generation\|\(compiler\|pahole version\) differs\|You are using:\|The kernel was built \(by\|with\):' >&2 ||
		[ "${PIPESTATUS[0]}" = 0 ]
	[ -e "$out/$name.ko" ] || die "no module came out"
}

mkdir -p "$out"
# runs side by side may want the same one
with_lock "module-$name-$(cksum <<<"$out" | tr ' ' -)" build "$1" >&2
echo "$out/$name.ko"
