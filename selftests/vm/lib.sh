# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# shellcheck disable=SC2034 # names for the scripts that source this file
# Sourced by the scripts of this directory: messages, the cache, the table of kernels. Does nothing by itself, and
# must never change the machine outside the cache directory.

shopt -s inherit_errexit	# a failure inside $(...) is one
VM_DIR=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
LMAP_TOP=$(dirname "$(dirname "$VM_DIR")")
LMAP_CACHE=${LMAP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/lmap}
export LMAP_CACHE

# The kernel whose source gives us the kselftest framework, checkpatch and the user-space rbtree.
FRAMEWORK_SUITE=bookworm
FRAMEWORK_PACKAGE=linux-source-6.1

say() { printf '# %s\n' "$*" >&2; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# with_lock NAME COMMAND...: several makes may want the same kernel at once; one builds it, the others wait.
# The command closes the lock, or a daemon that it starts would hold it for ever; it stops at the first failure, unless
# with_lock itself is part of a condition.
with_lock() {
	# the command sees these names
	local lock_name=$1 lock_fd lock_rc lock_flags=$-
	shift
	mkdir -p "$LMAP_CACHE/lock"
	exec {lock_fd}>"$LMAP_CACHE/lock/$lock_name"
	flock -n "$lock_fd" || { say "waiting for another process that prepares $lock_name"; flock "$lock_fd"; }
	set +e
	(set -e; "$@") {lock_fd}>&-
	lock_rc=$?
	case $lock_flags in *e*) set -e ;; esac
	exec {lock_fd}>&-
	return $lock_rc
}

# kernel_row NAME: sets K_NAME K_KIND K_ARCH K_SUITE K_PACKAGE K_VARIANT K_MEM K_SLOW and, parameters that tests boot it
# with, K_PARAMS: some memory that pages must be able to leave (ZONE_MOVABLE), where those of processes come from first
# shellcheck disable=SC2034 # set for the scripts that source this file
kernel_row() {
	local row
	row=$(awk -v n="$1" '!/^#/ && $1 == n' "$VM_DIR/kernels")
	[ -n "$row" ] || die "no kernel \"$1\" (known: $(kernel_names))"
	read -r K_NAME K_KIND K_ARCH K_SUITE K_PACKAGE K_VARIANT K_MEM K_SLOW <<<"$row"
	K_PARAMS='movablecore=256M'
	[ "$K_KIND" = stock ] || K_PARAMS='page_table_check=on kmemleak=on movablecore=512M'
}

kernel_names() { awk '!/^#/ && NF { printf "%s%s", s, $1; s = " " }' "$VM_DIR/kernels"; }

# other_kernel NAME: a stock kernel of the same architecture with another release
other_kernel() {
	awk -v n="$1" '!/^#/ && NF { arch[$1] = $3; package[$1] = $5; if ($2 == "stock") order[++rows] = $1 }
		END { for (i = 1; i <= rows; i++)
			if (order[i] != n && arch[order[i]] == arch[n] && package[order[i]] != package[n]) { print order[i]; exit } }' \
		"$VM_DIR/kernels"
}

# cross_prefix ARCH: what names of compilers for ARCH begin with on this machine
cross_prefix() {
	case $1 in
	"$(dpkg --print-architecture)") ;;
	arm64) echo aarch64-linux-gnu- ;;
	*) die "no cross compiler known for $1" ;;
	esac
}

# build_dir ARCH: where programs for it are built
build_dir() {
	if [ -z "$(cross_prefix "$1")" ]; then echo "$LMAP_TOP/build"; else echo "$LMAP_TOP/build/$1"; fi
}

# make_for ARCH ARGUMENTS...: make programs that run in a guest of that architecture
make_for() {
	local cross root
	cross=$(cross_prefix "$1")
	if [ -z "$cross" ]; then
		shift
		make -s "$@"
		return
	fi
	root=$("$VM_DIR/cross.sh" "$1")
	shift
	PKG_CONFIG_LIBDIR=$root/usr/lib/${cross%-}/pkgconfig PKG_CONFIG_SYSROOT_DIR=$root \
		make -s CC="${cross}gcc" AR="${cross}ar" "$@"
}
