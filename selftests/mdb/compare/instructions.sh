#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# instructions.sh COMPARE [MAPPINGS] - how many instructions each contender needs, in a random tree of so many mappings
# (10000): a number that no cache and no other load changes. Counted by valgrind; without it there is none, and that is
# said. What is printed was counted just now.
set -u
compare=$1 n=${2:-10000}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

if ! command -v valgrind >/dev/null; then
	echo "# instructions: skipped, no valgrind"
	exit 0
fi

# count CONTENDER PHASE: per operation, or mapping that is unmapped
count() {
	local per all
	per=$(valgrind --tool=callgrind --callgrind-out-file=/dev/null --collect-atstart=no \
		--toggle-collect=counted_phase "$compare" --count="$1" --phase="$2" -n "$n" 2>"$log") || return 1
	all=$(sed -n 's/.*Collected : *\([0-9]*\).*/\1/p' "$log")
	[ "${all:-0}" -gt "$per" ] || return 1
	echo $(((all + per / 2) / per))
}

contenders=(ours ranges slots array tree table)
printf '\ninstructions, random tree of %s mappings\n%-14s' "$n" ""
printf ' %8s' "${contenders[@]}"
echo
for phase in map find "find in order" parent "unmap and map" unmap; do
	printf '%-14s' "$phase"
	for contender in "${contenders[@]}"; do
		value=$(count "$contender" "$phase") || { echo; cat "$log" >&2; exit 1; }
		printf ' %8s' "$value"
	done
	echo
done
