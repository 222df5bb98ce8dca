#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# cross.sh ARCH - have what a guest of another architecture is made of and packages of this machine can't give: busybox,
# and the libraries that programs are linked with. Prints the directory, laid out like / .
# cross.sh deb PACKAGE SUITE - have the newest package of another suite, for this machine; prints the file.
# Must never install anything.
set -eu -o pipefail
# shellcheck source=selftests/vm/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"
# shellcheck source=selftests/vm/apt.sh
. "$VM_DIR/apt.sh"

CROSS_PACKAGES="busybox-static libnl-3-dev libnl-genl-3-dev libjson-c-dev"
LAYOUT=1

unpacked() {
	local arch=$1 name version versions='' dir
	for name in $CROSS_PACKAGES; do
		version=$(newest_version "$name:$arch" "$FRAMEWORK_SUITE")
		[ -n "$version" ] || die "$FRAMEWORK_SUITE has no $name for $arch"
		versions+=" $name=$version"
	done
	dir=$LMAP_CACHE/cross/${arch}_$(sha256sum <<<"$versions $LAYOUT" | cut -c 1-16)
	if [ ! -d "$dir" ]; then
		rm -rf "$dir.new"
		mkdir -p "$dir.new"
		for name in $versions; do
			dpkg-deb -x "$(fetch_deb "${name%%=*}:$arch" "${name#*=}")" "$dir.new"
		done
		# where pkg-config says that it is
		cp -a "$dir.new/lib/." "$dir.new/usr/lib/"
		rm -rf "$dir.new/lib"
		mv "$dir.new" "$dir"
	fi
	echo "$dir"
}

newest_deb() {
	local version
	version=$(newest_version "$1" "$2")
	[ -n "$version" ] || die "$2 has no $1"
	fetch_deb "$1" "$version"
}

with_lock apt apt_root
if [ $# -eq 3 ] && [ "$1" = deb ]; then
	with_lock "deb-$2" newest_deb "$2" "$3"
	exit
fi
[ $# -eq 1 ] || die "usage: cross.sh ARCH | deb PACKAGE SUITE"
with_lock "cross-$1" unpacked "$1"
