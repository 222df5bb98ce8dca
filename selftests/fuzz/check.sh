#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# check.sh [--write] - does the description for syzkaller say what uapi/linux/lmap.h says? With --write the numbers in
# lmap.txt.const are made anew. Must never change a file otherwise.
set -eu -o pipefail
cd "$(dirname "$(readlink -f "$0")")"

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
perl check.pl lmap.txt ../../uapi/linux/lmap.h >"$tmp/check.c"
cc -std=gnu11 -D_GNU_SOURCE -I../../uapi -o "$tmp/check" "$tmp/check.c"
{
	echo "# SPDX-License-Identifier: GPL-2.0"
	echo "arches = amd64, arm64"
	"$tmp/check"
} >"$tmp/const"
if [ "${1-}" = --write ]; then
	cp "$tmp/const" lmap.txt.const
else
	diff -u lmap.txt.const "$tmp/const"
fi
