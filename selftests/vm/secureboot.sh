#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# secureboot.sh [KERNEL] - Secure Boot, as a user of Documentation/install.rst meets it: a machine with Microsoft's keys,
# and Debian's shim, boot loader and stock KERNEL (6.1) that are signed for it. What install.rst says is done: keys are made,
# lmap.ko is signed, by sign-file and by DKMS, mokutil imports, MokManager enrolls, at the next boot the module loads. The
# commands are taken out of install.rst. TAP. What is signed by nobody or by a stranger must be refused each time.
# DKMS gets a /lib/modules and a /var/lib/dkms of its own, in a namespace. Must never touch the machine's own firmware, keys
# or modules.
set -eu -o pipefail
# shellcheck source=selftests/vm/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"
# shellcheck source=selftests/vm/apt.sh
. "$VM_DIR/apt.sh"

# Firmware and boot loaders, and the programs that a user types, with their libraries: what Debian 12 has on amd64.
FIRMWARE="ovmf shim-signed shim-helpers-amd64-signed grub-efi-amd64-signed"
PROGRAMS="mokutil kmod libc6 libcrypt1 libssl3 libefivar1 libkeyutils1 libkmod2 liblzma5 libzstd1"
LAYOUT=1
INSTALL=$LMAP_TOP/Documentation/install.rst

kernel=${1:-6.1}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# ---- what is the same each time ------------------------------------------------------------------------------------

unpack() {
	local package version
	for package in $FIRMWARE $PROGRAMS; do
		version=$(newest_version "$package:amd64" "$FRAMEWORK_SUITE")
		[ -n "$version" ] || die "$FRAMEWORK_SUITE has no $package"
		dpkg-deb -x "$(fetch_deb "$package:amd64" "$version")" "$1"
		forget_debs "$version"
	done
}

# machine/: code.fd, vars.fd with Microsoft's keys, esp; root/: bin and lib
make_parts() {
	local to=$1 all=$1.new/all esp=$1.new/machine/esp/EFI/BOOT root=$1.new/root program library
	rm -rf "$to.new"
	mkdir -p "$all" "$esp" "$root/bin" "$root/lib"
	unpack "$all"
	cp "$all/usr/share/OVMF/OVMF_CODE_4M.secboot.fd" "$to.new/machine/code.fd"
	cp "$all/usr/share/OVMF/OVMF_VARS_4M.ms.fd" "$to.new/machine/vars.fd"
	cp "$all/usr/lib/shim/shimx64.efi.signed" "$esp/BOOTX64.EFI"
	cp "$all/usr/lib/shim/mmx64.efi.signed" "$esp/mmx64.efi"
	cp "$all/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed" "$esp/grubx64.efi"
	cp "$all/usr/bin/mokutil" "$all/bin/kmod" "$root/bin/"
	for program in modprobe modinfo; do ln -s kmod "$root/bin/$program"; done
	for library in ld-linux-x86-64.so.2 libc.so.6 libcrypt.so.1 libcrypto.so.3 libefivar.so.1 libkeyutils.so.1 libkmod.so.2 \
		liblzma.so.5 libzstd.so.1 libdl.so.2 libpthread.so.0; do
		cp -L "$(find "$all/lib" "$all/usr/lib" -name "$library" | head -n 1)" "$root/lib/"
	done
	rm -rf "$all"
	rm -rf "$to"
	mv "$to.new" "$to"
}

parts() {
	local dir
	dir=$LMAP_CACHE/secureboot/$(for p in $FIRMWARE $PROGRAMS; do newest_version "$p:amd64" "$FRAMEWORK_SUITE"; done |
		sha256sum | cut -c 1-16)_$LAYOUT
	mkdir -p "$LMAP_CACHE/secureboot"
	[ -d "$dir" ] || make_parts "$dir"
	echo "$dir"
}

# ---- what install.rst says -----------------------------------------------------------------------------------------

# commands BEGINNING: those of the first literal block after the line that begins so; a command is one line
commands() {
	awk -v words="$1" 'index($0, words) == 1 { found = 1 }
		found && /::$/ { block = 1; next }
		block && /^[^ ]/ { exit }
		block && NF { sub(/^ +/, ""); if (sub(/\\$/, "")) printf "%s", $0; else print }' "$INSTALL"
}

# those BEGINNING WORD: the commands with that word; it must be there
those() {
	commands "$1" | grep -- "$2" || die "install.rst says nothing of $2 after \"$1\""
}

OWN="With \`\`make install\`\`" DKMS="With DKMS, "

# run_own ROOT WORD: what install.rst says to do on the machine, with /lib/modules below ROOT, in the directory of the key
run_own() {
	those "$OWN" "$2" | sed "s,/lib/modules/,$1/lib/modules/,g" >"$work/step"
	(
		# shellcheck disable=SC2317 # the step's
		sudo() { "$@"; }
		# shellcheck disable=SC2317
		uname() { echo "$release"; }
		cd "$1/key"
		# shellcheck disable=SC1091
		. "$work/step"
	)
}

# tree NAME [MODULE]: /lib/modules as "make install" leaves it
tree() {
	local modules=$work/$1/lib/modules/$release
	mkdir -p "$work/$1/key" "$modules"
	ln -s "$headers" "$modules/build"
	[ $# = 1 ] || make -s -C "$LMAP_TOP/tools/packaging" MODDIR=/modules DESTDIR="$work/$1/lib" KO="$2" RELEASE="$release" \
		install-module
}

sign() {
	run_own "$work/$1" openssl 2>"$work/log"
	run_own "$work/$1" sign-file
}

# DKMS itself, as "make install-dkms" calls it, with a machine of its own for its key and what it installs.
dkms_tree() {
	local version root=$work/dkms namespace=-m
	[ "$(id -u)" = 0 ] || namespace=-rm
	tree dkms
	version=$(cd "$LMAP_TOP/tools/packaging" && ./version.sh release)
	mkdir -p "$root/machine"
	make -s -C "$LMAP_TOP/tools/packaging" DESTDIR="$root" SRCDIR=/src install-source
	cat >"$work/dkms.sh" <<-E
	set -e
	mount --bind $root/machine /var/lib/dkms
	mount --bind $root/lib/modules /lib/modules
	dkms install -m lmap -v $version -k $release --sourcetree $root/src
	E
	PATH=$path unshare $namespace sh "$work/dkms.sh" >"$work/log" 2>&1 ||
		{ cat "$work/log" "$root"/machine/lmap/*/build/make.log; return 1; }
	cp "$root/machine/mok.pub" "$root/key/"
}

# ---- the machine ---------------------------------------------------------------------------------------------------

# boot before|after [run.sh's options]: TAP without its plan
boot() {
	local part=$1 rc=0 first
	shift
	first=$((tests + 1))
	echo $first >"$work/first"
	"$VM_DIR/run.sh" --kernel "$kernel" --smp 1 --timeout 600 --no-module --efi "$work/machine" --module "$efivarfs" "${adds[@]}" \
		--add "$work/first" --console "$LMAP_TOP/build/secureboot-$kernel-$part.log" "$@" -- sh "/t/secureboot.guest" "$part" |
		tee "$work/tap" || rc=$?
	tests=$((tests + $(grep -cE '^(not )?ok ' "$work/tap")))
	# it has to say something
	[ $rc = 0 ] && [ $tests -ge $first ] || { failed=1; say "$part: status $rc"; }
}

# --------------------------------------------------------------------------------------------------------------------

with_lock apt apt_root
mkdir -p "$LMAP_TOP/build"
kernel_row "$kernel"
[ "$K_ARCH" = amd64 ] && [ "$K_KIND" = stock ] || die "$kernel: only what Debian signs for amd64"
dir=$("$VM_DIR/kernel.sh" "$kernel")
release=$(cat "$dir/release")
headers=$dir/headers path=$PATH
# a kernel is built by a compiler of its suite, and its modules by the same name
compiler=$(sed -n 's/^CONFIG_CC_VERSION_TEXT="\([^ ]*\) .*/\1/p' "$dir/config")
if ! command -v "$compiler" >/dev/null; then
	own=$("$VM_DIR/compiler.sh" "$kernel")
	headers=${own%$'\n'*} path=$(dirname "${own#*$'\n'}")/usr/bin:$PATH
fi
efivarfs=$("$VM_DIR/kernel.sh" module efivarfs "$kernel")/efivarfs.ko
parts=$(with_lock secureboot parts)
module=$("$VM_DIR/kmod.sh" "$kernel")
stage=$work/stage
cp -r "$parts/machine" "$work/machine"
mkdir "$stage"
KERNEL=$kernel STAGE=$stage T=map "$VM_DIR/kselftest.sh" >&2
for name in unsigned own stranger; do tree $name "$module"; done
for name in own stranger; do sign $name; done
dkms_tree
echo "secret1234" >"$work/password"
those "$OWN" "mokutil --import" >"$work/own/key/import"
# DKMS keeps its key where the guest has none
those "$DKMS" "mokutil --import" | sed 's,/var/lib/dkms/,,' >"$work/dkms/key/import"
adds=(--add "$parts/root:/sb" --add "$parts/root/lib:/lib64" --add "$VM_DIR/guest/secureboot.guest"
	--add "$work/password" --add "$stage/lmap/map")
for name in unsigned own stranger dkms; do
	rm -f "$work/$name/lib/modules/$release/build"
	depmod -b "$work/$name" "$release" 2>/dev/null
	adds+=(--add "$work/$name/lib/modules:/$name/lib/modules")
done
for name in own dkms; do
	mkdir "$work/$name.t"
	cp "$work/$name/key/import" "$work/$name.t/"
	for certificate in lmap.der mok.pub; do
		[ ! -e "$work/$name/key/$certificate" ] || cp "$work/$name/key/$certificate" "$work/$name.t/"
	done
	adds+=(--add "$work/$name.t:/t/$name")
done
tests=0 failed=0
echo "TAP version 13"
echo "# secure boot on $kernel"
boot before
KEYS=2 PASSWORD=$(cat "$work/password") boot after --typist "$VM_DIR/secureboot-typist.sh"
echo "1..$tests"
exit $failed
