#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# kernel.sh KERNEL     - have KERNEL (a name of the table `kernels`) in the cache; print its directory
# kernel.sh image KERNEL - have the image of a stock KERNEL with all its modules, laid out like /; print that directory
# kernel.sh module NAME KERNEL - have one more module of a stock KERNEL, and those it depends on; print the directory, laid
#                        out like modules/ below
# kernel.sh framework  - have the parts of the kernel source that lint and selftests use; print their directory
#
# A kernel's directory:   release          what uname -r says
#                         vmlinuz          the image
#                         headers          KDIR for building modules
#                         modules/*.ko     extra modules for the guest; modules/order = the order to load them in
#                         config           its .config
# Never touches installed packages. Progress goes to stderr; stdout is the path and nothing else.
set -eu -o pipefail
# shellcheck source=selftests/vm/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"
# shellcheck source=selftests/vm/apt.sh
. "$VM_DIR/apt.sh"
# shellcheck source=selftests/vm/foreign.sh
. "$VM_DIR/foreign.sh"

# What tests may want and stock kernels have as modules: swap, file systems on a RAM disk, a file system that stalls,
# poisoned pages. Dependencies come by themselves.
GUEST_MODULES="zram brd ext4 fuse hwpoison_inject"

# Raise it when the layout of what lies in the cache changes.
LAYOUT=1

# In a kernel's directory: all of kbuild's programs run here. Caches from before were made by an adapt_host_programs that
# could pass over one.
ADAPTED=.adapted

# ---- stock kernels -------------------------------------------------------------------------------------------------

# The real image package behind the metapackage: prints "linux-image-6.1.0-56-amd64 6.1.192-2"
stock_image() {
	local version
	version=$(newest_version "$K_PACKAGE:$K_ARCH" "$K_SUITE")
	[ -n "$version" ] || die "$K_SUITE has no $K_PACKAGE for $K_ARCH"
	papt cache show "$K_PACKAGE:$K_ARCH=$version" |
		sed -n 's/^Depends:.*\(linux-image-[^ ,]*\) (= *\([^)]*\)).*/\1 \2/p' | head -n 1
}

# pick_modules FROM TO NAME...: copy modules and what they depend on from an unpacked image package, dependencies first.
pick_modules() {
	local from=$1 to=$2 name
	shift 2
	mkdir -p "$to"
	: >"$to/order"
	for name; do pick_module "$from" "$to" "$name"; done
}

pick_module() {
	local from=$1 to=$2 name=$3 file deps dep
	[ ! -e "$to/$name.ko" ] || return 0
	file=$(find "$from" -name "$name.ko*" -o -name "${name//_/-}.ko*" | head -n 1)
	[ -n "$file" ] || return 0		# built in, or not in this kernel
	deps=$(modinfo -F depends "$file")
	for dep in ${deps//,/ }; do pick_module "$from" "$to" "$dep"; done
	case $file in
	*.xz) xz -dc "$file" >"$to/$name.ko" ;;
	*) cp "$file" "$to/$name.ko" ;;
	esac
	echo "$name" >>"$to/order"
}

# crc32c and lzo are asked for by name at run time, so no "depends" mentions them.
pick_hidden_modules() {
	local name
	for name in crc32c_generic lzo lzo_rle; do pick_module "$1" "$2" "$name"; done
}

# What linux-headers-X is useless without: the part for all architectures, and kbuild's programs, which run on the
# *building* machine. Their names differ from version to version, so the package is asked.
unpack_headers() {
	local root=$1 kver=$2 version=$3 headers name
	dpkg-deb -x "$(fetch_deb "linux-headers-$kver:$K_ARCH" "$version")" "$root"
	for name in $(depends_of "linux-headers-$kver:$K_ARCH" "$version" 'linux-headers-.*-common.*|linux-kbuild-.*'); do
		case $name in
		linux-kbuild-*) name=$name:$(dpkg --print-architecture) ;;
		*) name=$name:all ;;
		esac
		dpkg-deb -x "$(fetch_deb "$name" "$version")" "$root"
	done
	headers=$root/usr/src/linux-headers-$kver
	rm -f "$headers/vmlinux"		# its BTF would make kbuild ask for the newest pahole
}

# An image is one package up to 6.12; in 7.2 image, modules and configuration are packages that it depends on.
unpack_image() {
	local to=$1 image=$2 kver=$3 version=$4 package
	for package in "$image" $(depends_of "$image:$K_ARCH" "$version" "linux-(base|binary|modules)-${kver//+/[+]}"); do
		dpkg-deb -x "$(fetch_deb "$package:$K_ARCH" "$version")" "$to"
	done
}

# The headers' Makefile names /usr/src and /usr/lib: point it into the directory where the tree ends up.
relocate_headers() {
	sed -i "s#/usr/src/#$2/root/usr/src/#g; s#/usr/lib/#$2/root/usr/lib/#g" "$1/Makefile"
}

make_stock() {
	local dir=$1 image=$2 version=$3 kver=${2#linux-image-} tmp name
	kver=${kver%-unsigned}
	tmp=$dir.new
	rm -rf "$tmp"
	mkdir -p "$tmp/root" "$tmp/image"
	say "unpacking $image $version"
	unpack_image "$tmp/image" "$image" "$kver" "$version"
	for name in vmlinuz config; do
		cp "$(find "$tmp/image" \( -name "$name-$kver" -o -path "*/$kver/$name" \) -type f | head -n 1)" "$tmp/$name"
	done
	# shellcheck disable=SC2086 # names
	pick_modules "$tmp/image" "$tmp/modules" $GUEST_MODULES
	pick_hidden_modules "$tmp/image" "$tmp/modules"
	rm -rf "$tmp/image"
	unpack_headers "$tmp/root" "$kver" "$version"
	relocate_headers "$tmp/root/usr/src/linux-headers-$kver" "$dir"
	adapt_host_programs "$tmp/root" "$dir/root"
	touch "$tmp/$ADAPTED"
	adapt_compiler "$tmp/root/usr/src/linux-headers-$kver"
	ln -s "root/usr/src/linux-headers-$kver" "$tmp/headers"
	echo "$kver" >"$tmp/release"
	publish "$tmp" "$dir"
	forget_debs "$version"
}

# A directory with its final name is complete.
publish() {
	rm -rf "$2"
	mv "$1" "$2"
}

make_image() {
	local dir=$1 image=$2 version=$3 kver=$4
	rm -rf "$dir.new"
	mkdir -p "$dir.new/boot"
	say "unpacking $image $version with its modules"
	unpack_image "$dir.new" "$image" "$kver" "$version"
	forget_debs "$version"
	# as in 7.2, where /lib is /usr/lib and the image lies beside its modules
	[ -e "$dir.new/lib" ] || ln -s usr/lib "$dir.new/lib"
	[ -e "$dir.new/boot/vmlinuz-$kver" ] || cp "$dir.new/lib/modules/$kver/vmlinuz" "$dir.new/boot/vmlinuz-$kver"
	depmod -b "$dir.new" "$kver"
	publish "$dir.new" "$dir"
}

stock_image_tree() {
	local image version dir kver
	read -r image version <<<"$(stock_image)"
	kver=${image#linux-image-}
	dir=$LMAP_CACHE/image/${kver}_${version}_$LAYOUT
	[ -d "$dir" ] || make_image "$dir" "$image" "$version" "${kver%-unsigned}"
	echo "$dir"
}

stock_module() {
	local image version dir kver
	read -r image version <<<"$(stock_image)"
	kver=${image#linux-image-}
	dir=$LMAP_CACHE/module/${kver}_${version}_$LAYOUT/$1
	if [ ! -d "$dir" ]; then
		rm -rf "$dir.new"
		mkdir -p "$dir.new/image"
		say "taking $1 out of $image $version"
		unpack_image "$dir.new/image" "$image" "${kver%-unsigned}" "$version"
		forget_debs "$version"
		pick_modules "$dir.new/image" "$dir.new/modules" "$1"
		publish "$dir.new/modules" "$dir"
		rm -rf "$dir.new"
	fi
	echo "$dir"
}

stock_kernel() {
	local image version dir
	read -r image version <<<"$(stock_image)"
	dir=$LMAP_CACHE/kernel/${image#linux-image-}_${version}_$LAYOUT
	[ -d "$dir" ] || make_stock "$dir" "$image" "$version"
	[ -e "$dir/$ADAPTED" ] || { adapt_host_programs "$dir/root" "$dir/root"; touch "$dir/$ADAPTED"; }
	echo "$dir"
}

# ---- source package: framework and own builds ----------------------------------------------------------------------

source_deb() { fetch_deb "$1" "$2"; }

# unpack_source DEB PACKAGE DIR [PATTERN...]: the kernel tree, or only what matches
unpack_source() {
	local deb=$1 package=$2 dir=$3 pattern
	shift 3
	mkdir -p "$dir"
	local args=()
	for pattern; do args+=("$package/$pattern"); done
	dpkg-deb --fsys-tarfile "$deb" | tar -xO "./usr/src/$package.tar.xz" |
		tar -xJ -C "$dir" --strip-components=1 --wildcards "${args[@]}"
}

make_framework() {
	local dir=$1 version=$2 tmp=$1.new
	rm -rf "$tmp"
	say "extracting the kselftest framework and the style checkers from $FRAMEWORK_PACKAGE $version"
	unpack_source "$(source_deb "$FRAMEWORK_PACKAGE" "$version")" "$FRAMEWORK_PACKAGE" "$tmp" \
		'tools/testing/selftests/kselftest*' 'tools/testing/selftests/lib.mk' \
		'tools/testing/selftests/run_kselftest.sh' 'tools/include' 'tools/lib/rbtree.c' 'tools/lib/list_sort.c' \
		'tools/scripts' 'lib/rbtree.c' 'lib/interval_tree.c' 'include/linux/rbtree*.h' \
		'include/linux/interval_tree*.h' 'scripts/checkpatch.pl' 'scripts/spelling.txt' \
		'scripts/const_structs.checkpatch' 'scripts/kernel-doc' 'scripts/coccinelle' '.clang-format' \
		'LICENSES/preferred' 'LICENSES/exceptions'
	publish "$tmp" "$dir"
}

framework() {
	local version dir
	version=$(newest_version "$FRAMEWORK_PACKAGE" "$FRAMEWORK_SUITE")
	[ -n "$version" ] || die "no $FRAMEWORK_PACKAGE in $FRAMEWORK_SUITE"
	dir=$LMAP_CACHE/framework/${version}_$LAYOUT
	[ -d "$dir" ] || make_framework "$dir" "$version"
	echo "$dir"
}

# A kernel of our own is worth minutes, so its key holds everything that can change it.
build_key() {
	{
		cat "$VM_DIR/configs/base.config" "$VM_DIR/configs/$K_VARIANT.config" "$VM_DIR/build.sh"
		echo "$K_PACKAGE $1 $LAYOUT"
		gcc --version | head -n 1
	} | sha256sum | cut -c 1-16
}

make_built() {
	local dir=$1 version=$2 src=$LMAP_CACHE/src-$K_NAME
	rm -rf "$src"
	say "unpacking $K_PACKAGE $version"
	unpack_source "$(source_deb "$K_PACKAGE" "$version")" "$K_PACKAGE" "$src/tree"
	say "building the $K_NAME kernel: takes 8 to 20 minutes on two processors, once"
	"$VM_DIR/build.sh" "$src/tree" "$src/out" "$K_VARIANT" "$dir" >&2
	rm -rf "$src"
}

built_kernel() {
	local version dir
	version=$(newest_version "$K_PACKAGE" "$K_SUITE")
	[ -n "$version" ] || die "$K_SUITE has no $K_PACKAGE"
	dir=$LMAP_CACHE/kernel/${K_NAME}_${version}_$(build_key "$version")
	[ -d "$dir" ] || make_built "$dir" "$version"
	echo "$dir"
}

# --------------------------------------------------------------------------------------------------------------------

main() {
	[ $# -eq 1 ] || [ "$*" = "image ${2-}" ] || [ "$*" = "module ${2-} ${3-}" ] ||
		die "usage: kernel.sh KERNEL | image KERNEL | module NAME KERNEL | framework"
	with_lock apt apt_root
	if [ $# -eq 3 ]; then
		kernel_row "$3"
		with_lock "image-$K_NAME" stock_module "$2"
		return
	fi
	if [ $# -eq 2 ]; then
		kernel_row "$2"
		with_lock "image-$K_NAME" stock_image_tree
		return
	fi
	if [ "$1" = framework ]; then
		with_lock framework framework
		return
	fi
	kernel_row "$1"
	case $K_KIND in
	stock) with_lock "kernel-$K_NAME" stock_kernel ;;
	build) with_lock "kernel-$K_NAME" built_kernel ;;
	*) die "kernels: unknown kind $K_KIND" ;;
	esac
}

main "$@"; exit
