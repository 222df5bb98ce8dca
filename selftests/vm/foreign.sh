# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# Sourced after apt.sh: what it takes to build modules for a kernel of a newer suite, with this machine's compiler and
# libc. Changes only the unpacked headers in the cache; must never change what a structure of the kernel looks like.

# The libraries that kbuild's programs (objtool, modpost, ...) are linked with.
HOST_LIBRARIES="libc6 libelf1t64 zlib1g libzstd1 libssl3t64"

# host_libraries: unpacks those of suite K_SUITE, once; prints the directory
host_libraries() {
	local dir=$LMAP_CACHE/libc/${K_SUITE}_$LAYOUT tmp name version arch
	arch=$(dpkg --print-architecture)
	if [ ! -d "$dir" ]; then
		tmp=$dir.new
		rm -rf "$tmp"
		mkdir -p "$tmp"
		for name in $HOST_LIBRARIES; do
			version=$(newest_version "$name:$arch" "$K_SUITE")
			[ -n "$version" ] || die "$K_SUITE has no $name"
			dpkg-deb -x "$(fetch_deb "$name:$arch" "$version")" "$tmp"
			forget_debs "$version"
		done
		publish "$tmp" "$dir"
	fi
	echo "$dir"
}

# adapt_host_programs ROOT FINAL-ROOT: programs that want a newer libc run with that of their own suite
adapt_host_programs() {
	local root=$1 final=$2 program libs='' loader path programs needs
	# All names first: find can miss files of a directory in which others get new names meanwhile.
	mapfile -t programs < <(find "$root/usr/lib" -path '*/linux-kbuild-*' -type f -perm /111 ! -name '*.elf')
	for program in "${programs[@]}"; do
		# not through a pipe: ldd writes more after what grep -q has seen, and dies of it now and then
		needs=$(ldd "$program" 2>&1) || true
		[[ $needs =~ GLIBC_[0-9.]*.*not\ found|=\>\ not\ found ]] || continue
		if [ -z "$libs" ]; then
			libs=$(with_lock "libc-$K_SUITE" host_libraries)
			loader=$(find "$libs" -name 'ld-linux*.so.*' | head -n 1)
			path=$(dirname "$(find "$libs" -name libc.so.6 | head -n 1)")
		fi
		mv "$program" "$program.elf"
		printf '#!/bin/sh\nexec %s --library-path %s %s "$@"\n' "$loader" "$path" "$final${program#"$root"}.elf" >"$program"
		chmod 755 "$program"
	done
}

# What gcc 12 and its assembler don't have, and newer kernels ask for.
COMPILER_OPTIONS="CC_HAS_MIN_FUNCTION_ALIGNMENT CC_HAS_COUNTED_BY CC_HAS_COUNTED_BY_PTR CC_HAS_ASM_GOTO_OUTPUT
	CC_HAS_ASM_GOTO_TIED_OUTPUT CC_HAS_ASSUME CC_HAS_MULTIDIMENSIONAL_NONSTRING CC_OPT_INLINE_MEMSET AS_HAS_LSUI"

# A kernel that was configured for a newer gcc asks for what this machine's does not know: forget those options. They are
# hints to the compiler (attributes that check, ways to align and to inline); none decides what anything looks like in
# memory. (compiler.sh has them back, with that gcc.)
adapt_compiler() {
	local headers=$1 option ours theirs
	theirs=$(sed -n 's/^CONFIG_GCC_VERSION=//p' "$headers/include/config/auto.conf")
	ours=$(gcc -dumpversion)
	[ "$((theirs / 10000))" -gt "${ours%%.*}" ] || return 0
	for option in $COMPILER_OPTIONS; do
		sed -i "/^CONFIG_$option=/d" "$headers/include/config/auto.conf"
		sed -i "/^#define CONFIG_$option /d" "$headers/include/generated/autoconf.h"
	done
}
