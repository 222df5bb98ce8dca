# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# Sourced by scripts whose tests are commands: TAP. Before: TAP_SUITE (what names begin with), TAP_LOG (a file for what a
# command says), TAP_SHOW (head or tail: which sixty lines of that tell). Must never print a command's output as TAP.
n=0 failed=0

# check NAME COMMAND...: one TAP line; what the command says only if it fails. A function that is called here runs
# without -e: it has to return what went wrong. Returns 1 if it failed, for who can't go on then.
check() {
	local name=$1
	shift
	n=$((n + 1))
	if "$@" >"$TAP_LOG" 2>&1; then
		echo "ok $n $TAP_SUITE: $name"
	else
		echo "not ok $n $TAP_SUITE: $name"
		"$TAP_SHOW" -n 60 "$TAP_LOG" | sed 's/^/# /'
		failed=1
		return 1
	fi
}

finish() {
	echo "1..$n"
	exit $failed
}
