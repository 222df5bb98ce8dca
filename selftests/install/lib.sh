# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# shellcheck disable=SC2034 # names for the scripts that source this file
# Sourced by the scripts of this directory: TAP, and what a tree holds. Does nothing by itself.

INSTALL_DIR=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
TOP=$(readlink -f "$INSTALL_DIR/../..")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
TAP_SUITE=install TAP_LOG=$work/log TAP_SHOW=tail
# shellcheck source=selftests/tap.sh
. "$TOP/selftests/tap.sh"

# fails COMMAND...: it must, and not by a signal or because it is missing (255: perl's die)
fails() {
	local rc=0
	"$@" || rc=$?
	if [ $rc = 0 ] || { [ $rc -gt 125 ] && [ $rc != 255 ]; }; then
		echo "expected to fail: $* (status $rc)"
		return 1
	fi
}

# tree DIR: every file and directory below it: mode, owner, where links point, what is in files
tree() {
	(cd "$1" && find . -printf '%y %m %u:%g %p %l\n' | sort -k 4 &&
		find . -type f -print0 | sort -z | xargs -0 -r sha256sum)
}
