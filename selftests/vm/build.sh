#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# build.sh SOURCE OUT VARIANT DEST - build a guest kernel of our own and pack what running it and building modules
# for it takes. SOURCE: unpacked kernel tree; OUT: O= directory; VARIANT: configs/VARIANT.config; DEST: see kernel.sh.
# Must never leave a DEST that is incomplete.
set -eu -o pipefail
# shellcheck source=selftests/vm/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

[ $# -eq 4 ] || die "usage: build.sh SOURCE OUT VARIANT DEST"
src=$1 out=$2 variant=$3 dest=$4
jobs=${LMAP_JOBS:-$(nproc)}
export KBUILD_BUILD_TIMESTAMP=@0 KBUILD_BUILD_USER=lmap KBUILD_BUILD_HOST=lmap

# Everything that the fragments do not name is off. A symbol that did not survive is a wrong fragment: say so and stop,
# or a kernel without the checker that it is built for would pass every test.
configure() {
	local key want got bad=0
	mkdir -p "$out"
	cat "$VM_DIR/configs/base.config" "$VM_DIR/configs/$variant.config" >"$out/fragment"
	make -s -C "$src" O="$out" KCONFIG_ALLCONFIG="$out/fragment" allnoconfig
	while IFS='=' read -r key want; do
		case $key in CONFIG_*) ;; *) continue ;; esac
		got=$(sed -n "s/^$key=//p" "$out/.config")
		[ "${got:-n}" = "$want" ] || { say "config: $key wanted $want, got ${got:-n}"; bad=1; }
	done <"$out/fragment"
	[ $bad = 0 ] || die "the configuration $variant does not hold together"
}

compile() {
	nice make -s -j"$jobs" -C "$src" O="$out" bzImage modules
}

# The source tree without its sources: makefiles, headers and scripts, x86 only.
pack_source() {
	rsync -a --prune-empty-dirs --exclude='/arch/[!x]*' --exclude=/Documentation --exclude=/drivers --exclude=/sound \
		--exclude=/samples --exclude=/tools/testing --exclude=/tools/perf --include='*/' --include='Makefile*' \
		--include='Kconfig*' --include='Kbuild*' --include='/scripts/***' --include='/include/***' \
		--include='/arch/x86/include/***' --include='/arch/x86/lib/*.awk' --exclude='*' "$src/" "$1/"
}

pack_output() {
	rsync -a --include='/.config' --include='/Makefile' --include='/Module.symvers' --include='/include/***' \
		--include='/arch/' --include='/arch/x86/' --include='/arch/x86/include/***' --include='/scripts/***' \
		--include='/tools/' --include='/tools/objtool/' --include='/tools/objtool/objtool' --exclude='*' "$out/" "$1/"
	find "$1" \( -name '*.o' -o -name '.*.cmd' \) -delete
}

pack() {
	local tmp=$dest.new
	rm -rf "$tmp"
	mkdir -p "$tmp/modules"
	pack_source "$tmp/src"
	pack_output "$tmp/headers"
	ln -sfn ../src "$tmp/headers/source"
	echo "include $dest/src/Makefile" >"$tmp/headers/Makefile"
	cp "$out/arch/x86/boot/bzImage" "$tmp/vmlinuz"
	cp "$out/.config" "$tmp/config"
	cp "$out/System.map" "$tmp/System.map"
	: >"$tmp/modules/order"		# everything that tests want is built in
	make -s -C "$src" O="$out" kernelrelease >"$tmp/release"
	rm -rf "$dest"
	mv "$tmp" "$dest"
}

configure
compile
pack
