# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# shellcheck disable=SC2034 # names for the scripts that source this file
# Sourced by the scripts of this directory: messages, the cache, the table of kernels. Does nothing by itself, and
# must never change the machine outside the cache directory.

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
# The command closes the lock, or a daemon that it starts would hold it for ever.
with_lock() {
	local name=$1 fd rc=0
	shift
	mkdir -p "$LMAP_CACHE/lock"
	exec {fd}>"$LMAP_CACHE/lock/$name"
	flock -n "$fd" || { say "waiting for another process that prepares $name"; flock "$fd"; }
	"$@" {fd}>&- || rc=$?
	exec {fd}>&-
	return $rc
}

# kernel_row NAME: sets K_NAME K_KIND K_ARCH K_SUITE K_PACKAGE K_VARIANT K_MEM K_SLOW
# shellcheck disable=SC2034 # set for the scripts that source this file
kernel_row() {
	local row
	row=$(awk -v n="$1" '!/^#/ && $1 == n' "$VM_DIR/kernels")
	[ -n "$row" ] || die "no kernel \"$1\" (known: $(kernel_names))"
	read -r K_NAME K_KIND K_ARCH K_SUITE K_PACKAGE K_VARIANT K_MEM K_SLOW <<<"$row"
}

kernel_names() { awk '!/^#/ && NF { printf "%s%s", s, $1; s = " " }' "$VM_DIR/kernels"; }

# cross_args ARCH: what make needs to build for ARCH on this machine
cross_args() {
	case $1 in
	"$(dpkg --print-architecture)") ;;
	arm64) echo ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- ;;
	*) die "no cross compiler known for $1" ;;
	esac
}
