#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# packages.sh OUT [KERNEL...] - Debian packages are built, twice the same, lintian has nothing unexplained; they, and
# "make install", are installed in a copy of this machine and removed again, and leave nothing; DKMS builds and installs
# the module for each KERNEL of selftests/vm/kernels (6.1 and 6.12). TAP. The copy is an overlay whose upper half is
# memory: must never change the machine. Root; fetches kernel headers when they are not in the cache.
set -u -o pipefail
# shellcheck source=selftests/install/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"
[ $# -ge 1 ] || { echo "usage: packages.sh OUT [KERNEL...]" >&2; exit 2; }
out=$(readlink -f "$1")
shift
[ $# -gt 0 ] || set -- 6.1 6.12
debs=$out/deb
version=$("$TOP/tools/packaging/version.sh")
release=$("$TOP/tools/packaging/version.sh" release)
major=${release%%.*}
export DEB_BUILD_OPTIONS=parallel=1

# ---- Debian packages -----------------------------------------------------------------------------------------------

build() { make -s -C "$TOP" deb; }

# Debug symbols too; the four that README names.
all_there() {
	local p bad=0
	for p in lmap-dkms "liblmap$major" liblmap-dev lmap-tools; do
		ls "$debs/${p}_$version-1"_*.deb || { echo "no $p"; bad=1; }
	done
	[ -s "$debs/lmap_$version-1.dsc" ] || bad=1
	return $bad
}

# From another directory, by another umask, at another time: a package depends on the commit alone.
same_again() {
	local bad=0 f
	(umask 077 && "$TOP/tools/packaging/deb.sh" "$work/again") || return 1
	for f in "$debs"/*.deb "$debs"/*.orig.tar.xz "$debs"/*.dsc "$debs"/*.debian.tar.xz; do
		cmp "$f" "$work/again/${f##*/}" || bad=1
	done
	rm -rf "$work/again"
	return $bad
}

# Pedantic remarks too. What is overridden says why in a comment above, or it is not explained.
lintian_clean() {
	lintian --allow-root -I --pedantic --show-overrides "$debs"/*.changes >"$work/lintian" 2>&1
	cat "$work/lintian"
	! grep -q '^[EWIPX]:' "$work/lintian" && ! grep -q 'unused-override\|mismatched-override' "$work/lintian"
}

overrides_explained() {
	awk 'FNR == 1 { comment = 0 } /^#/ { comment = 1; next } /^$/ { comment = 0; next }
		!comment { print FILENAME ": no reason for: " $0; bad = 1 } END { exit bad }' \
		"$TOP"/tools/packaging/debian/*lintian-overrides "$TOP"/tools/packaging/debian/source/lintian-overrides
}

# The tree itself stays as the issue of its layout wants it.
no_debian_on_top() { [ ! -e "$TOP/debian" ] && [ ! -e "$TOP/dkms.conf" ]; }

# Planted: a function that is in no list of symbols must end the package's build.
unknown_symbol() {
	local tree
	tree=$work/source/$(basename "$debs"/lmap-*/)
	mkdir "$work/source" && cp -r "$debs"/lmap-*/ "$work/source/" || return 1
	sed -i '/lmap_sync@/d' "$tree/debian/liblmap$major.symbols"
	(cd "$tree" && fails dpkg-gensymbols -c4 "-pliblmap$major" "-edebian/liblmap$major/usr/lib/*/liblmap.so.$major")
}

# ---- a copy of this machine ----------------------------------------------------------------------------------------

# Below $work/copy, in a mount namespace that ends with this script's: everything that is written goes to $work/over/up.
copy_machine() {
	mkdir -p "$work/over" && mount -t tmpfs lmap-test "$work/over" || return 1
	mkdir "$work/over/up" "$work/over/work" "$work/over/root" || return 1
	mount -t overlay overlay -o "lowerdir=/,upperdir=$work/over/up,workdir=$work/over/work" "$work/over/root" || return 1
	for d in proc sys dev; do mount --rbind "/$d" "$work/over/root/$d" || return 1; done
	mount -t tmpfs lmap-test "$work/over/root/tmp" && mount -t tmpfs lmap-test "$work/over/root/run" || return 1
	# this tree is only read, and built in memory: others may be building in the tree's own build/
	mkdir -p "$TOP/build" "$work/over/root/tmp/lmap" "$work/over/root/tmp/deb" || return 1
	mount --bind "$TOP" "$work/over/root/tmp/lmap" && mount -o remount,bind,ro "$work/over/root/tmp/lmap" &&
		mount -t tmpfs lmap-test "$work/over/root/tmp/lmap/build" && cp "$debs"/*.deb "$work/over/root/tmp/deb/" || return 1
	rm -f "$work/over/root"/tmp/deb/*-dbgsym_*
}

inside() { chroot "$work/over/root" env -i PATH="$PATH" HOME=/root LANG=C DEBIAN_FRONTEND=noninteractive "$@"; }

# What package tools write for themselves: none of it is about lmap, which is looked at below. The key is DKMS's own, made
# for the first module of a machine and used for all.
OTHERS='^/(tmp|run|proc|sys|dev|root)(/|$)
^/var/lib/dpkg/
^/var/log/
^/var/cache/(ldconfig|man|debconf|apt)(/|$)
^/var/lib/dkms/mok\.(key|pub)$
^/etc/ld\.so\.cache$
^(/usr)?/lib/modules/[^/]*/modules\.[a-z.]*$'

# nothing_left: what the upper half has that the machine has not, or has otherwise; and no list names lmap
nothing_left() {
	local up=$work/over/up bad=0 path
	while IFS= read -r path; do
		if [ -c "$up$path" ]; then
			echo "gone: $path"
		elif [ -d "$up$path" ] && [ -d "$path" ]; then
			continue			# it was looked into
		elif [ -e "$path" ] || [ -L "$path" ]; then
			cmp -s "$up$path" "$path" && continue
			echo "changed: $path"
		else
			echo "left: $path"
		fi
		bad=1
	done < <(cd "$up" && find . -mindepth 1 | sed 's/^\.//' | grep -vE "$(tr '\n' '|' <<<"$OTHERS" | sed 's/|$//')")
	if inside ldconfig -p | grep liblmap; then bad=1; fi
	if inside sh -c 'grep -s "lmap\.ko" /lib/modules/*/modules.*'; then bad=1; fi
	if inside dpkg-query -W -f '${Package} ${Status}\n' | grep lmap; then bad=1; fi
	if inside dkms status | grep lmap; then bad=1; fi
	return $bad
}

# The newest kernel of which the machine has headers: what "make install" builds for.
target() { inside sh -c 'ls -d /lib/modules/*/build' | sort -V | tail -n 1 | cut -d / -f 4; }

# installed FILE: modprobe would load that, and it is of this version; the library is found; a program is built
installed() {
	local where
	where=$(inside modinfo -k "$(target)" -F filename lmap) || return 1
	[[ $where == *"/$1" ]] || { echo "module: $where"; return 1; }
	[ "$(inside modinfo -k "$(target)" -F version lmap)" = "$release" ] || { echo "module of another version"; return 1; }
	[ "$(inside lmapctl --version)" = "lmapctl $release" ] || { echo "lmapctl of another version"; return 1; }
	sed -n '/^```c$/,/^```$/p' "$TOP/README.md" | sed '/^```/d' >"$work/over/root/tmp/program.c"
	inside sh -ec 'cd /tmp; cc -o shared program.c $(pkg-config --cflags --libs liblmap)
		cc -static -Wl,--no-warnings -o static program.c $(pkg-config --cflags --libs --static liblmap)
		ldd shared' >"$work/ldd" || return 1
	cat "$work/ldd"
	grep -q "liblmap.so.$major => /" "$work/ldd"
}

packages_install() { inside sh -c 'dpkg -i /tmp/deb/*.deb' && installed updates/dkms/lmap.ko; }
pages_shown() { inside sh -ec 'for m in 1:lmap-demo 3:lmap_unmap_range 4:lmap 7:lmap 8:lmapctl; do man -w "${m%%:*}" "${m#*:}"; done'; }
packages_signed() { inside modinfo -k "$(target)" -F signer lmap | grep .; }
packages_purge() { inside dpkg -P lmap-dkms lmap-tools liblmap-dev "liblmap$major" && nothing_left; }

in_copy() { inside make -s -C /tmp/lmap KDIR="/lib/modules/$(target)/build" "$@"; }

make_install() { in_copy install && installed updates/lmap.ko; }
make_install_dkms() { in_copy install-dkms && installed updates/dkms/lmap.ko; }
make_uninstall() { in_copy uninstall && nothing_left; }
# Planted: nothing_left must see a file, a directory, a change and a loss.
sees_what_is_left() {
	local bad=0
	inside mkdir /usr/local/lib/lmap-test && fails nothing_left || bad=1
	inside rmdir /usr/local/lib/lmap-test
	inside touch /etc/lmap-test && fails nothing_left || bad=1
	inside rm -f /etc/lmap-test
	inside sh -c 'echo more >>/etc/issue' && fails nothing_left || bad=1
	cp /etc/issue "$work/over/root/etc/issue"
	inside rm /etc/issue && fails nothing_left || bad=1
	cp -p /etc/issue "$work/over/root/etc/issue"
	nothing_left && return $bad
}

# ---- DKMS for other kernels ----------------------------------------------------------------------------------------

# dkms_for KERNEL: source as "make install-dkms" puts it, trees of its own, and a key of its own, since dkms would make one
# in /var/lib/dkms
dkms_for() {
	local dir kver root=$work/dkms rc=0
	dir=$("$TOP/selftests/vm/kernel.sh" "$1") || return 1
	kver=$(cat "$dir/release")
	rm -rf "$root"
	mkdir -p "$root/tree" "$root/install/$kver" "$root/machine" || return 1
	make -s -C "$TOP/tools/packaging" DESTDIR="$root" MODDIR=/install SRCDIR=/src install-source || return 1
	cat >"$root/dkms" <<-END
	#!/bin/sh
	mount --bind "$root/machine" /var/lib/dkms || exit 1
	exec dkms "\$@" -m lmap -v $release --dkmstree "$root/tree" --sourcetree "$root/src" --installtree "$root/install"
	END
	chmod +x "$root/dkms"
	dkms_steps "$kver" "$dir/headers" "$root" || rc=1
	[ $rc = 0 ] || cat "$root"/tree/lmap/*/build/make.log
	return $rc
}

own_dkms() { unshare -m "$work/dkms/dkms" "$@"; }

dkms_steps() {
	local kver=$1 headers=$2 root=$3 ko
	own_dkms add && own_dkms build -k "$kver" --kernelsourcedir "$headers" &&
		own_dkms install -k "$kver" --kernelsourcedir "$headers" --no-depmod || return 1
	ko=$(find "$root/install" -name 'lmap.ko*')
	echo "$ko"
	[[ $ko == "$root/install/$kver/updates/dkms/lmap.ko"* ]] || return 1
	modinfo "$ko"
	[ "$(modinfo -F version "$ko")" = "$release" ] || return 1
	[[ $(modinfo -F vermagic "$ko") == "$kver "* ]] || return 1
	own_dkms remove --all --no-depmod || return 1
	if find "$root/install" "$root/tree" -iname '*lmap*' | grep .; then return 1; fi
}

# A kernel that is too old is passed over, a newer one is not.
dkms_kernels() {
	local regex kver bad=0
	regex=$(sed -n 's/^BUILD_EXCLUSIVE_KERNEL="\(.*\)"$/\1/p' "$TOP/tools/packaging/dkms.conf.in")
	[ -n "$regex" ] || return 1
	for kver in 6.1.0-56-amd64 6.12.117+deb12-amd64 6.10.1 7.2.13 10.0.1; do [[ $kver =~ $regex ]] || { echo "not $kver"; bad=1; }; done
	for kver in 6.0.9 5.10.0-30-amd64 4.19.0 1.6.1; do if [[ $kver =~ $regex ]]; then echo "$kver"; bad=1; fi; done
	return $bad
}

# --------------------------------------------------------------------------------------------------------------------

if [ "$(id -u)" != 0 ]; then
	echo "1..0 # SKIP packages.sh: not root"
	exit 0
fi
if [ -z "${LMAP_OWN_MOUNTS-}" ]; then
	rm -rf "$work"
	LMAP_OWN_MOUNTS=1 exec unshare -m "$0" "$out" "$@"
fi

check "Debian packages are built" build
check "the packages and their source" all_there
check "no debian/ in the tree" no_debian_on_top
check "lintian" lintian_clean
check "each override has a reason" overrides_explained
check "a symbol that is not recorded ends the build" unknown_symbol
check "another build makes the same packages" same_again
check "DKMS passes over kernels that are too old" dkms_kernels
for kernel; do
	check "DKMS builds, installs and removes it for $kernel" dkms_for "$kernel"
done
check "a copy of this machine" copy_machine || finish
check "of which nothing has changed" nothing_left
check "what is left is seen" sees_what_is_left
check "packages install: module, library, tools, a program" packages_install
check "the module is signed" packages_signed
check "manual pages are found" pages_shown
check "purge leaves nothing" packages_purge
check "make install: module, library, tools, a program" make_install
check "make uninstall leaves nothing" make_uninstall
check "make install-dkms: module, library, tools, a program" make_install_dkms
check "make uninstall after that leaves nothing" make_uninstall
umount -R "$work/over" 2>/dev/null || true
finish
