#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# compiler.sh KERNEL - have the compiler that KERNEL (of the table `kernels`) was built with, where that is newer than this
# machine's: gcc and binutils of its suite, unpacked in the cache, running with that suite's libc. Prints the directory
# of the kernel's headers as they were before foreign.sh took out what this machine's compiler does not know, and what the
# compiler's programs begin with. This machine's architecture only. Must never install anything, nor change what others
# build with.
set -eu -o pipefail
# shellcheck source=selftests/vm/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"
# shellcheck source=selftests/vm/apt.sh
. "$VM_DIR/apt.sh"
# shellcheck source=selftests/vm/foreign.sh
. "$VM_DIR/foreign.sh"

# Raise it when the layout of what lies in the cache changes.
LAYOUT=1
# What gcc's and binutils' programs are linked with, beside HOST_LIBRARIES.
LIBRARIES="libgmp10 libisl23 libmpc3 libmpfr6 libstdc++6 libgcc-s1 libjansson4 libzstd1 zlib1g libc6"

[ $# -eq 1 ] || die "usage: compiler.sh KERNEL"
kernel_row "$1"
arch=$(dpkg --print-architecture)
[ "$K_ARCH" = "$arch" ] || die "$1: only kernels of $arch"
dir=$("$VM_DIR/kernel.sh" "$1")
major=$(sed -n 's/^CONFIG_GCC_VERSION=\([0-9]*\)[0-9]\{4\}$/\1/p' "$dir/config")
[ -n "$major" ] || die "$1 was not built by gcc"
triplet=$(gcc -dumpmachine)
name=${triplet//_/-}	# no package has a _ in its name

# The packages by name=version: all of one suite, the compiler's parts and what binutils asks for.
packages() {
	local package version binutils=binutils-$name libraries
	version=$(newest_version "$binutils:$arch" "$K_SUITE")
	libraries=$(depends_of "$binutils:$arch" "$version" 'lib(binutils|ctf|sframe).*')
	for package in "gcc-$major-$name" "cpp-$major-$name" "libgcc-$major-dev" "$binutils" $libraries $LIBRARIES; do
		version=$(newest_version "$package:$arch" "$K_SUITE")
		[ -n "$version" ] || die "$K_SUITE has no $package for $arch"
		echo "$package=$version"
	done
}

# Each program of TREE becomes a script that starts it with the suite's loader and libraries, at its final place.
wrap_programs() {
	local tree=$1 final=$2 program loader path flags
	loader=$final$(find "$tree" -name 'ld-linux*.so.*' -type f -printf '/%P\n' | head -n 1)
	path=$final$(find "$tree" -name libc.so.6 -printf '/%P\n' | head -n 1)
	path=${path%/*}
	mapfile -t program < <(find "$tree/usr/bin" "$tree/usr/libexec" -type f -perm /111 ! -name "*.so")
	for program in "${program[@]}"; do
		[ "$(head -c 4 "$program" | tail -c 3)" = ELF ] || continue
		flags=''
		# where it finds as and ld
		case $program in *-gcc-"$major") flags=" -B$final/bin" ;; esac
		mv "$program" "$program.elf"
		printf '#!/bin/sh\nexec %s --library-path %s %s%s "$@"\n' "$loader" "$path" "$final${program#"$tree"}.elf" \
			"$flags" >"$program"
		chmod 755 "$program"
	done
}

# bin/: gcc, as, ld and so on, without prefix and version
name_programs() {
	local tree=$1 program name
	mkdir "$tree/bin"
	for program in "$tree/usr/bin/$triplet"-*; do
		name=${program##*/"$triplet"-}
		case $name in *.elf) ;; *) ln -s "../usr/bin/${program##*/}" "$tree/bin/${name%-"$major"}" ;; esac
	done
}

make_compiler() {
	local to=$1 tmp=$1.new package
	shift
	rm -rf "$tmp"
	mkdir -p "$tmp"
	for package; do
		dpkg-deb -x "$(fetch_deb "${package%%=*}:$arch" "${package#*=}")" "$tmp"
	done
	for package; do forget_debs "${package#*=}"; done
	rm -rf "${tmp:?}/usr/share"
	wrap_programs "$tmp" "$to"
	name_programs "$tmp"
	rm -rf "$to"
	mv "$tmp" "$to"
}

compiler() {
	local list to
	list=$(packages)
	mapfile -t list <<<"$list"
	to=$LMAP_CACHE/gcc/${K_SUITE}-${major}_$(sha256sum <<<"${list[*]} $LAYOUT" | cut -c 1-16)
	[ -d "$to" ] || make_compiler "$to" "${list[@]}"
	echo "$to/bin/"
}

# A copy of the headers whose configuration has all of its options again.
headers() {
	local to=$LMAP_CACHE/gcc/headers-${dir##*/}_$LAYOUT from option value tmp
	if [ ! -d "$to" ]; then
		from=$(readlink -f "$dir/headers") tmp=$to.new
		rm -rf "$tmp"
		# No links to files: kbuild may write to one.
		cp -a "$from" "$tmp"
		for option in scripts tools; do
			ln -sfn "$(readlink -f "$from/$option")" "$tmp/$option"
		done
		# it names the directory with the configuration
		sed -i "s,^\(KBUILD_OUTPUT=\).*,\1$to," "$tmp/Makefile"
		for option in $COMPILER_OPTIONS; do
			value=$(sed -n "s/^CONFIG_$option=//p" "$dir/config")
			[ -n "$value" ] || continue
			sed -i "/^CONFIG_$option=/d" "$tmp/include/config/auto.conf"
			echo "CONFIG_$option=$value" >>"$tmp/include/config/auto.conf"
			sed -i "/^#define CONFIG_$option /d" "$tmp/include/generated/autoconf.h"
			echo "#define CONFIG_$option ${value/#y/1}" >>"$tmp/include/generated/autoconf.h"
		done
		mv "$tmp" "$to"
	fi
	echo "$to"
}

mkdir -p "$LMAP_CACHE/gcc"
with_lock "headers-$K_NAME" headers
with_lock apt apt_root
with_lock "gcc-$K_SUITE" compiler
