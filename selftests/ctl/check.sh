#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# check.sh OUT [write] - compare what lmapctl shows of a made-up machine (OUT/show) with expected/; JSON must be JSON
# for python, and graphs must be graphs for dot. One TAP line each. Must never pass because a file is missing.
set -eu -o pipefail
cd "$(dirname "$(readlink -f "$0")")"
out=$(readlink -f "$1")
write=${2:-}
n=0 failed=0

report() {
	n=$((n + 1))
	if [ "$2" = 0 ]; then
		echo "ok $n lmapctl: $1"
	else
		echo "not ok $n lmapctl: $1"
		head -n 40 "$out/log" | sed 's/^/# /'
		failed=1
	fi
}

# json_lines FILE: each line is an object
json_lines() {
	local line
	while IFS= read -r line; do
		python3 -m json.tool --no-ensure-ascii <<<"$line" >/dev/null || return 1
	done <"$1"
}

# shows FILE WHAT [STYLE...]
shows() {
	local file=$1 rc=0
	shift
	"$out/show" "$@" >"$out/shown" 2>"$out/log" || rc=1
	if [ "$write" = write ]; then cp "$out/shown" "expected/$file"; fi
	diff -u "expected/$file" "$out/shown" >>"$out/log" || rc=1
	report "$*" $rc
	case $file in
	*.json)
		rc=0
		json_lines "$out/shown" >"$out/log" 2>&1 || rc=1
		report "$*: python reads it" $rc
		;;
	*.dot)
		if ! command -v dot >/dev/null; then
			n=$((n + 1))
			echo "ok $n lmapctl: $*: dot draws it # SKIP no graphviz"
			return
		fi
		rc=0
		dot -Tsvg "$out/shown" >"$out/svg" 2>"$out/log" || rc=1
		[ ! -s "$out/log" ] || rc=1
		report "$*: dot draws it" $rc
		;;
	esac
}

shows list.txt list
shows list-color.txt list color bytes
shows list-pid.txt list pid=100
shows mappings.txt list mappings
shows mappings-window.txt list mappings window=4
shows list.json list json mappings
shows windows.json list json
shows tree.txt tree
shows tree-utf8.txt tree utf8 color
shows tree-window.txt tree utf8 window=7
shows tree.json tree json
shows graph.dot dot
shows graph.json dot json
shows events.txt events
shows events-color.txt events color
shows events.json events json
shows stats.txt stats
shows stats.json stats json
shows info.txt info
shows info.json info json
shows empty.txt empty
shows empty.json empty json
# what examples.sh compares with in a guest
for file in guest/*.json; do
	rc=0
	json_lines "$file" >"$out/log" 2>&1 || rc=1
	report "$file: python reads it" $rc
done
echo "1..$n"
exit $failed
