# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# shellcheck disable=SC2034 # names for the scripts that source this file
# Sourced by the scripts of this directory: TAP, and what a tree holds. Does nothing by itself.

INSTALL_DIR=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
TOP=$(readlink -f "$INSTALL_DIR/../..")
n=0 failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# check NAME COMMAND...: one TAP line; what the command says only if it fails. A function that is called here runs
# without -e: it has to return what went wrong. Returns 1 if it failed, for who can't go on then.
check() {
	local name=$1
	shift
	n=$((n + 1))
	if "$@" >"$work/log" 2>&1; then
		echo "ok $n install: $name"
	else
		echo "not ok $n install: $name"
		tail -n 60 "$work/log" | sed 's/^/# /'
		failed=1
		return 1
	fi
}

# fails COMMAND...: it must, and not by a signal or because it is missing (255: perl's die)
fails() {
	local rc=0
	"$@" || rc=$?
	if [ $rc = 0 ] || { [ $rc -gt 125 ] && [ $rc != 255 ]; }; then
		echo "expected to fail: $* (status $rc)"
		return 1
	fi
}

finish() {
	echo "1..$n"
	exit $failed
}

# tree DIR: every file and directory below it: mode, owner, where links point, what is in files
tree() {
	(cd "$1" && find . -printf '%y %m %u:%g %p %l\n' | sort -k 4 &&
		find . -type f -print0 | sort -z | xargs -0 -r sha256sum)
}
