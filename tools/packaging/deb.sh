#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# deb.sh OUT [build|source] - Debian packages of this tree in OUT, which is emptied: debian/ is put together from
# debian/ here, lib/abi/symbols and the version, beside a copy of what git knows; then dpkg-buildpackage. The same commit
# makes the same packages. "source" only makes the source package. Must never write into the tree, nor sign.
set -eu -o pipefail
umask 022
here=$(dirname "$(readlink -f "$0")")
top=$(readlink -f "$here/../..")
[ $# -ge 1 ] || { echo "usage: deb.sh OUT [build|source]" >&2; exit 2; }
out=$1 what=${2:-build}

for tool in dpkg-buildpackage dh dh_dkms; do
	command -v "$tool" >/dev/null || { echo "deb.sh: no $tool: apt-get install dpkg-dev debhelper dh-dkms" >&2; exit 1; }
done
version=$("$here/version.sh")
SOURCE_DATE_EPOCH=$("$here/version.sh" epoch)
export SOURCE_DATE_EPOCH
major=${version%%.*}
# Who builds packages for others gives a name, as for every Debian tool; .invalid is nobody's.
maintainer="${DEBFULLNAME:-The lmap authors} <${DEBEMAIL:-lmap@lmap.invalid}>"

rm -rf "$out"
mkdir -p "$out"
out=$(readlink -f "$out")
tree=$out/lmap-$version

# What belongs to the source: what git knows; without git, an unpacked source, everything but what was built.
files() {
	git -C "$top" ls-files -z 2>/dev/null ||
		(cd "$top" && find . -name build -prune -o -path ./debian -prune -o \( -type f -o -type l \) -print0)
}

pack() {
	tar -C "$top" --null -T <(files) --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" \
		--mode='u+rw,go+r-w' --transform "s,^\(\./\)\?,lmap-$version/," -cf - | xz -6 >"$out/lmap_$version.orig.tar.xz"
	tar -C "$out" -xf "$out/lmap_$version.orig.tar.xz"
}

# fill FILE: the words in @ @
fill() {
	sed -e "s/@VERSION@/$version/g; s/@MAJOR@/$major/g; s/@BY@/the package lmap-dkms/g; s/@MAINTAINER@/${maintainer//[\/&]/\\&}/g" "$1"
}

debian() {
	local file
	mkdir -p "$tree/debian/source"
	for file in "$here"/debian/* "$here"/debian/source/*; do
		[ -f "$file" ] || continue
		file=${file#"$here/debian/"}
		fill "$here/debian/$file" >"$tree/debian/${file/liblmapN/liblmap$major}"
	done
	chmod 755 "$tree/debian/rules"
	fill "$here/dkms.conf.in" >"$tree/debian/lmap-dkms.dkms"
	sed '/^liblmap\.so/a * Build-Depends-Package: liblmap-dev' "$top/lib/abi/symbols" >"$tree/debian/liblmap$major.symbols"
	cat >"$tree/debian/changelog" <<-END
	lmap ($version-1) unstable; urgency=medium

	  * Built by "make deb" of lmap's own tree. What is new stands in
	    changelog.gz, the CHANGELOG.md of lmap.

	 -- $maintainer  $(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH")
	END
}

pack
debian
cd "$tree"
case $what in
source) dpkg-buildpackage --no-sign -d -S >"$out/build.log" 2>&1 ;;
*) dpkg-buildpackage --no-sign >"$out/build.log" 2>&1 ;;
esac || { tail -n 40 "$out/build.log" >&2; exit 1; }
cd "$out"
ls ./*.deb ./*.dsc ./*.changes 2>/dev/null | sed "s,^\.,$out,"
