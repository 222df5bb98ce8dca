#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# check.sh OUT - what is quick to see of versions, of what compiled programs rely on, and of "make install": TAP, less than
# a minute. OUT is build/, where the library is. What takes a package manager or a second kernel is in packages.sh. Must
# never install anything outside a directory of its own.
set -u -o pipefail
# shellcheck source=selftests/install/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"
out=$(readlink -f "$1")
release=$("$TOP/tools/packaging/version.sh" release)
major=${release%%.*} minor=${release%.*}

# ---- versions ------------------------------------------------------------------------------------------------------

# Where the number is not taken from version.h by itself.
versions_agree() {
	local block bad=0 soname
	[[ $release =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || { echo "module/version.h: \"$release\""; return 1; }
	for page in "$TOP"/Documentation/man/*.[0-9]; do
		grep -q "^\.TH .* \"lmap $minor\" " "$page" || { echo "$page: not of lmap $minor"; bad=1; }
	done
	for block in $(sed -n 's/^LMAP_\([0-9.]*\) {$/\1/p' "$TOP/lib/liblmap.map"); do
		if [ "${block%%.*}" != "$major" ] || [ "${block#*.}" -gt "${minor#*.}" ]; then
			echo "lib/liblmap.map: LMAP_$block in version $release"
			bad=1
		fi
	done
	soname=$(readelf -dW "$out/lib/liblmap.so" | sed -n 's/.*(SONAME).*\[\(.*\)\]/\1/p')
	[ "$soname" = "liblmap.so.$major" ] || { echo "soname $soname"; bad=1; }
	[ "$("$out/tools/lmapctl" --version)" = "lmapctl $release" ] || { echo "lmapctl has another version"; bad=1; }
	grep -qx 'MODULE_VERSION(LMAP_RELEASE);' "$TOP/module/main.c" || { echo "the module has no version"; bad=1; }
	return $bad
}

# The top section is of this version, or of none yet; released versions go down, and have a day.
changelog() {
	local top rest
	top=$(sed -n 's/^## //p' "$TOP/CHANGELOG.md" | head -n 1)
	[ "$top" = "[Unreleased]" ] || [[ $top =~ ^\[$release\]\ -\ [0-9]{4}-[0-9]{2}-[0-9]{2}$ ]] ||
		{ echo "the first section is \"$top\", module/version.h says $release"; return 1; }
	rest=$(sed -n 's/^## \[\([0-9.]*\)\] - [0-9-]*$/\1/p' "$TOP/CHANGELOG.md")
	[ "$rest" = "$(sort -rVu <<<"$rest")" ] || { echo "versions are not in order: $rest"; return 1; }
	[ "$top" != "[Unreleased]" ] || ! grep -qx "$release" <<<"$rest" ||
		{ echo "$release is released: raise module/version.h"; return 1; }
}

# A package made of a tree that is not released comes before the release, and has no other number.
package_version() {
	local copy=$work/version now later
	mkdir -p "$copy/module" "$copy/tools/packaging"
	cp "$TOP/module/version.h" "$copy/module/"
	cp "$TOP/tools/packaging/version.sh" "$copy/tools/packaging/"
	echo '## [Unreleased]' >"$copy/CHANGELOG.md"
	now=$(SOURCE_DATE_EPOCH=86400 "$copy/tools/packaging/version.sh")
	echo "## [$release] - 2027-01-01" >"$copy/CHANGELOG.md"
	later=$(SOURCE_DATE_EPOCH=86400 "$copy/tools/packaging/version.sh")
	echo "$now $later"
	[ "$now" = "$release~git19700102" ] && [ "$later" = "$release" ] && dpkg --compare-versions "$now" lt "$later"
}

# ---- what compiled programs rely on --------------------------------------------------------------------------------

abi_holds() { make -s -C "$TOP/lib" OUT="$out/lib" abi; }

fresh_copy() {
	rm -rf "$work/copy"
	mkdir -p "$work/copy/module" "$work/copy/tools/packaging"
	cp -r "$TOP/lib" "$TOP/uapi" "$TOP/CHANGELOG.md" "$work/copy/"
	cp "$TOP/module/version.h" "$work/copy/module/"
	cp "$TOP/tools/packaging/version.sh" "$work/copy/tools/packaging/"
}

# change SED FILE: in a copy of the tree; it must change something
change() {
	fresh_copy
	sed -i "$1" "$work/copy/$2"
	! cmp -s "$TOP/$2" "$work/copy/$2" || { echo "nothing was changed by $1"; return 1; }
}

# verdict STATUS SED FILE: what the comparison says of that change: 1 = breaks programs, 2 = there is more; and what to do
verdict() {
	local rc=0
	change "$2" "$3" || return 1
	"$work/copy/lib/abi/abi.pl" print x86_64-linux-gnu-gcc >"$work/layout" || return 1
	"$work/copy/lib/abi/abi.pl" compare "$TOP/lib/abi/layout" "$work/layout" >"$work/said" || rc=$?
	cat "$work/said"
	[ $rc = "$1" ] || { echo "status $rc, expected $1"; return 1; }
	case $rc in
	1) grep -q 'would break' "$work/said" && grep -q 'new major number' "$work/said" ;;
	2) grep -q 'still work' "$work/said" && grep -q 'abi-record' "$work/said" ;;
	esac
}

# The compilers must be told apart: something that only one of them sees, and 64 bits that i386 places differently.
machines_differ() {
	change '/^struct lmap_sync {/a #ifdef __aarch64__\n\t__u32 more;\n#endif' uapi/linux/lmap.h || return 1
	fails make -s -C "$work/copy/lib" OUT="$work/copy/out" abi || return 1
	change '/^struct lmap_window_create {/,/^}/s/__aligned_u64 length/__u64 length/' uapi/linux/lmap.h || return 1
	make -s -C "$work/copy/lib" OUT="$work/copy/out" abi >"$work/said" 2>&1 && { echo "i386 was not noticed"; return 1; }
	cat "$work/said"
	grep -q 'Not the same on all machines' "$work/said"
}

# symbol STATUS SED: of the list of symbols
symbol() {
	local rc=0
	"$TOP/lib/abi/abi.pl" symbols "$out/lib/liblmap.so" "liblmap$major" | sed "$2" >"$work/symbols"
	"$TOP/lib/abi/abi.pl" compare "$TOP/lib/abi/symbols" "$work/symbols" || rc=$?
	[ $rc = "$1" ]
}

# After a release abi-record writes what is more, and not what breaks; a new major number begins anew.
record_refuses() {
	local abi=$work/copy/lib/abi
	change '/LMAP_TRACK/s/5)/25)/' uapi/linux/lmap.h || return 1
	"$abi/abi.pl" print x86_64-linux-gnu-gcc >"$work/layout" || return 1
	echo "## [$release] - 2027-01-01" >>"$work/copy/CHANGELOG.md"
	fails "$abi/abi.pl" record "$abi/layout" "$work/layout" "$work/copy/CHANGELOG.md" || return 1
	cmp "$TOP/lib/abi/layout" "$abi/layout" || return 1
	sed -i "s/\"$release\"/\"$((major + 1)).0.0\"/" "$work/copy/module/version.h"
	"$abi/abi.pl" record "$abi/layout" "$work/layout" "$work/copy/CHANGELOG.md" || return 1
	grep -qx "# major number $((major + 1))" "$abi/layout" && grep -qx 'define LMAP_TRACK 0x2000000' "$abi/layout"
}

# A symbol keeps the version in which it came, a new one gets this tree's.
record_keeps() {
	local abi=$work/copy/lib/abi
	fresh_copy
	sed -i "s/\"$release\"/\"$major.77.0\"/" "$work/copy/module/version.h"
	"$abi/abi.pl" symbols "$out/lib/liblmap.so" "liblmap$major" >"$work/symbols" || return 1
	echo " lmap_new@LMAP_$major.77" >>"$work/symbols"
	"$abi/abi.pl" record "$abi/symbols" "$work/symbols" "$work/copy/CHANGELOG.md" || return 1
	diff "$TOP/lib/abi/symbols" "$abi/symbols" >"$work/difference"
	cat "$work/difference"
	[ "$(grep '^[<>]' "$work/difference")" = ">  lmap_new@LMAP_$major.77 $major.77.0~" ]
}

# A declaration that the script can't read must not be passed over.
unreadable() {
	change "s/^struct lmap_sync {/union lmap_odd { int a; long b; };\n&/" uapi/linux/lmap.h || return 1
	fails "$work/copy/lib/abi/abi.pl" print x86_64-linux-gnu-gcc || return 1
	change '/^struct lmap_sync {/,/^}/s/__u32 flags;/__u32 flags : 3;/' uapi/linux/lmap.h || return 1
	fails "$work/copy/lib/abi/abi.pl" print x86_64-linux-gnu-gcc
}

# ---- make install --------------------------------------------------------------------------------------------------

# The library and tools as they were built; a stand-in for the module, since others may be building that meanwhile, and what
# is in it doesn't matter here (packages.sh installs the real one).
stand_in() {
	mkdir -p "$work/build/6.1.0-test" "$work/kdir/include/generated"
	ln -s "$out/lib" "$out/tools" "$work/build/"
	echo module >"$work/build/6.1.0-test/lmap.ko"
	ln -s 6.1.0-test/lmap.ko "$work/build/lmap.ko"
	echo "$work/build/6.1.0-test/lmap.ko" >"$work/build/.module"
	echo '#define UTS_RELEASE "6.1.0-test"' >"$work/kdir/include/generated/utsrelease.h"
}

lmap_make() { make -s -C "$TOP" -o module B="$work/build" KDIR="$work/kdir" DESTDIR="$work/root" "$@"; }
# only the part that is about the module
pack() { make -s -C "$TOP/tools/packaging" DESTDIR="$work/root" "$@"; }

# As Debian has them in a system where nothing was installed by hand.
skeleton() {
	rm -rf "$work/root"
	mkdir -p "$work/root"/usr/local/{bin,sbin,etc,games,include,lib,share/man,src} "$work/root"/usr/{bin,lib,share} \
		"$work/root/lib/modules" "$work/root/etc"
	echo "not ours" >"$work/root/usr/local/lib/other"
}

# round_trip PREFIX TARGET...: install, and over that; nothing may be left, or lost
round_trip() {
	local prefix=$1 target
	shift
	skeleton
	[ "$prefix" != /empty ] || { rm -rf "$work/root"; mkdir "$work/root"; }
	tree "$work/root" >"$work/before"
	for target; do (umask 077 && lmap_make PREFIX="$prefix" "$target") || return 1; done
	[ "$(find "$work/root" -type f | wc -l)" -gt 50 ] || { echo "hardly anything was installed"; return 1; }
	if find "$work/root" \( ! -perm -444 -o -type d ! -perm -555 \) ! -type l | grep .; then
		echo "^ not everybody can read that"
		return 1
	fi
	lmap_make PREFIX="$prefix" uninstall || return 1
	tree "$work/root" >"$work/after"
	diff "$work/before" "$work/after"
}

# A file that somebody has put into a directory of ours stays, with the directory.
foreign_file() {
	skeleton
	lmap_make install-user || return 1
	echo mine >"$work/root/usr/local/share/lmap/mine"
	lmap_make uninstall || return 1
	[ "$(cat "$work/root/usr/local/share/lmap/mine")" = mine ] || return 1
	[ "$(find "$work/root/usr/local" -iname '*lmap*' | wc -l)" = 1 ]
}

# Of a machine where a package has put its module's source; uninstall leaves that alone.
of_a_package() {
	skeleton
	mkdir -p "$work/root/usr/src/lmap-$release"
	echo "# Installed by the package lmap-dkms" >"$work/root/usr/src/lmap-$release/dkms.conf"
	fails pack KO="$work/build/lmap.ko" RELEASE=6.1.0-test install-module || return 1
	pack uninstall || return 1
	[ -e "$work/root/usr/src/lmap-$release/dkms.conf" ]
}

# Either a file or DKMS, never both: which module would be loaded?
two_modules() {
	local file=(KO="$work/build/lmap.ko" RELEASE=6.1.0-test install-module) dkms=(RELEASE=6.1.0-test install-dkms)
	skeleton
	pack "${dkms[@]}" && fails pack "${file[@]}" && pack uninstall && pack "${file[@]}" && fails pack "${dkms[@]}" &&
		pack uninstall && pack "${dkms[@]}"
}

# What lies where, of which kind.
contents() {
	local root=$work/root/usr/local bad=0 f
	skeleton
	lmap_make install || return 1
	for f in lib/liblmap.so lib/liblmap.so."$major" lib/liblmap.so."$release" lib/liblmap.a lib/pkgconfig/liblmap.pc \
		include/lmap.h include/linux/lmap.h include/linux/lmap_netlink.h bin/lmap-demo bin/lmap-bench bin/lmap-pager \
		bin/lmap-checkpoint bin/lmap-vm bin/lmap-sandbox sbin/lmapctl \
		lib/udev/rules.d/60-lmap.rules lib/modules-load.d/lmap.conf share/lmap/revoke-latency.bt \
		share/bash-completion/completions/lmapctl share/man/man{1/lmap-demo.1,3/liblmap.3,4/lmap.4,7/lmap.7,8/lmapctl.8}; do
		[ -s "$root/$f" ] || { echo "no $f"; bad=1; }
	done
	for f in $(sed -n 's/^\.so //p' "$root"/share/man/man*/*); do
		[ -s "$root/share/man/$f" ] || { echo "no page $f"; bad=1; }
	done
	[ "$(cat "$work/root/lib/modules/6.1.0-test/updates/lmap.ko")" = module ] || { echo "module"; bad=1; }
	[ "$(grep -v '^#' "$root/lib/modules-load.d/lmap.conf")" = lmap ] || { echo "modules-load.d"; bad=1; }
	grep -v '^#' "$root/lib/udev/rules.d/60-lmap.rules" | grep -q 'KERNEL=="lmap".*MODE="0666"' || { echo "rule"; bad=1; }
	[ "$(PKG_CONFIG_LIBDIR=$root/lib/pkgconfig:$(pkg-config --variable pc_path pkg-config) \
		pkg-config --modversion liblmap)" = "$release" ] || { echo "pkg-config"; bad=1; }
	return $bad
}

check "one version everywhere" versions_agree
check "the changelog and the version" changelog
check "a package before the release is older than it" package_version
check "old programs still run: layouts on three architectures, constants, prototypes, symbols" abi_holds
check "abi: a member that is wider breaks" verdict 1 '/^struct lmap_window_create {/,/^}/s/__u32 rights/__u64 rights/' uapi/linux/lmap.h
check "abi: a member in the middle breaks" verdict 1 '/^struct lmap_unmap {/,/^}/s/\t__u32 rights;/&\n\t__u32 a;\n\t__u32 b;/' uapi/linux/lmap.h
check "abi: a member that is gone breaks" verdict 1 '/^struct lmap_reserve {/,/^}/{/out_nodes/d}' uapi/linux/lmap.h
check "abi: a sign breaks" verdict 1 '/^struct lmap_map {/,/^}/s/__s32 window/__u32 window/' uapi/linux/lmap.h
check "abi: members that change places break" verdict 1 '/^struct lmap_event {/,/^}/{s/seq;/x;/;s/window;/seq;/;s/x;/window;/}' lib/lmap.h
check "abi: a member at the end is more" verdict 2 '/^struct lmap_sync {/,/^}/s/^}/\t__u32 more;\n&/' uapi/linux/lmap.h
check "abi: a reserved member may become one" verdict 2 '/^struct lmap_status {/,/^}/s/reserved;/out_more;/' uapi/linux/lmap.h
check "abi: a flag with another value breaks" verdict 1 '/LMAP_TRACK/s/5)/25)/' uapi/linux/lmap.h
check "abi: an ioctl with another number breaks" verdict 1 '/define LMAP_SYNC/s/0x04/0x14/' uapi/linux/lmap.h
check "abi: a constant that is gone breaks" verdict 1 '/define LMAP_DEPTH_MAX/d' uapi/linux/lmap.h
check "abi: a new flag is more" verdict 2 '/define LMAP_RESET/a #define LMAP_NEW\t(1U << 20)' uapi/linux/lmap.h
check "abi: a reason in the middle breaks" verdict 1 's/^\tLMAP_REASON_EXEC,/\tLMAP_REASON_NEW,\n&/' uapi/linux/lmap_netlink.h
check "abi: a reason at the end is more" verdict 2 's/^\tLMAP_REASON_COPY,/&\n\tLMAP_REASON_NEW,/' uapi/linux/lmap_netlink.h
check "abi: an attribute at the end is more" verdict 2 's/^\tLMAP_A_NODE_FLAGS,/&\n\tLMAP_A_NEW,/' uapi/linux/lmap_netlink.h
check "abi: the family's name may not change" verdict 1 '/LMAP_FAMILY_NAME/s/"lmap"/"lmap2"/' uapi/linux/lmap_netlink.h
check "abi: another parameter breaks" verdict 1 's/^int lmap_sync(int space)/int lmap_sync(long space)/' lib/lmap.h
check "abi: a parameter's name is nobody's business" verdict 0 's/^int lmap_sync(int space)/int lmap_sync(int where)/' lib/lmap.h
check "abi: a new function is more" verdict 2 's/^int lmap_sync(int space);/&\nint lmap_new(int space);/' lib/lmap.h
check "abi: a symbol that is gone breaks" symbol 1 '/ lmap_sync@/d'
check "abi: a symbol in another block breaks" symbol 1 's/ lmap_sync@LMAP_1.0/ lmap_sync@LMAP_1.1/'
check "abi: another soname breaks" symbol 1 's/^liblmap.so.1/liblmap.so.2/'
check "abi: a new symbol is more" symbol 2 's/^ lmap_sync@.*/&\n lmap_new@LMAP_1.1/'
check "abi: machines that differ are noticed" machines_differ
check "abi: what breaks a release can't be recorded" record_refuses
check "abi: a symbol keeps its version" record_keeps
check "abi: what can't be read ends it" unreadable
stand_in
check "what is installed" contents
check "install, uninstall: nothing is left, PREFIX=/usr/local" round_trip /usr/local install-user install
check "install, uninstall: nothing is left, PREFIX=/usr" round_trip /usr install-dkms
check "install, uninstall: nothing is left, where nothing was" round_trip /empty install
check "a file of somebody else stays" foreign_file
check "what a package has installed is left alone" of_a_package
check "a module as a file and by DKMS: not both" two_modules
finish
