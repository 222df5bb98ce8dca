#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# skips.sh CONFIG LOG - is the reason of each skip in the TAP of LOG one that the table `skips` knows, and true of the
# kernel with that configuration? A "not ok" line for each that is not; fails if there is one. Environment: SMP, K_SLOW,
# RACE (see skips). Must never excuse a skip because its reason is not understood.
set -eu -o pipefail
[ $# -eq 2 ] || { echo "usage: skips.sh CONFIG LOG" >&2; exit 1; }
config=$1 log=$2
table=$(dirname "$(readlink -f "$0")")/skips

# holds CONDITION[,CONDITION...]: one of them
holds() {
	local word words
	IFS=, read -ra words <<<"$1"
	for word in "${words[@]}"; do
		case $word in
		'!CONFIG_'*) ! grep -qE "^${word#!}=[ym]" "$config" || continue ;;
		slow) [ "${K_SLOW:-1}" -gt 1 ] || continue ;;
		1CPU) [ "${SMP:-2}" = 1 ] || continue ;;
		norace) [ -z "${RACE-}" ] || continue ;;
		always) ;;
		*) continue ;;
		esac
		return 0
	done
	return 1
}

allowed() {
	local when reason
	while read -r when reason; do
		case $when in '#'* | '') continue ;; esac
		if grep -qxE -e "$reason" <<<"$1"; then holds "$when"; return; fi
	done <"$table"
	return 1
}

bad=0
while IFS= read -r reason; do
	allowed "$reason" || { echo "not ok skips: \"$reason\" is no reason on this kernel"; bad=1; }
done < <(sed -n 's/^[# ]*ok [0-9].*# SKIP *//p' "$log" | sort -u)
exit $bad
