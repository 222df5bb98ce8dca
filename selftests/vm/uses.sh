#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# uses.sh [NAME...] - the tools that show what the model is for (lmap-pager, lmap-vm and so on), against the module in one
# guest: selftests/uses/NAME.guest, which prints TAP. Default: all. Environment: KERNEL (6.1), SMP (1).
# uses.sh demo NAME [ARGUMENT...] - run the tool as a user would; files that it writes to /out come into build/demo.
# Must never pass over a tool that has no test.
set -eu -o pipefail
# shellcheck source=selftests/vm/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

kernel=${KERNEL:-6.1} smp=${SMP:-1}
kernel_row "$kernel"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tools=$("$VM_DIR/tools.sh" "$kernel")
tests=$LMAP_TOP/selftests/uses
out=$LMAP_TOP/build/demo

# What the guest prints as "@FILE LINE" is a line of that file.
split() {
	awk -v dir="$out" '/^@[A-Za-z0-9.-]+ / { file = dir "/" substr($1, 2); sub(/^@[^ ]+ /, "")
		if (!(file in seen)) { printf "" >file; seen[file] = 1 }; print >file; next } { print; fflush() }'
}

run() { "$VM_DIR/run.sh" --kernel "$kernel" --smp "$smp" --mem 1024 --timeout $((900 * K_SLOW)) "$@"; }

if [ "${1-}" = demo ]; then
	name=$2
	shift 2
	mkdir -p "$out"
	printf '%q ' "/t/lmap-$name" "$@" >"$work/demo.guest"
	cat >>"$work/demo.guest" <<-'E'

		rc=$?
		for f in /out/*; do
			[ ! -f "$f" ] || sed "s/^/@$(basename "$f") /" "$f"
		done
		exit $rc
	E
	sed -i '1s/^/mkdir -p \/out; /' "$work/demo.guest"
	run --add "$tools/lmap-$name" --add "$work/demo.guest" -- sh /t/demo.guest | split
	exit
fi

if [ $# = 0 ]; then
	for name in pager checkpoint vm sandbox; do [ ! -d "$LMAP_TOP/tools/$name" ] || set -- "$@" "$name"; done
fi
adds=()
echo rc=0 >"$work/uses.guest"
for name; do
	[ -e "$tests/$name.guest" ] || die "lmap-$name has no test in selftests/uses"
	adds+=(--add "$tools/lmap-$name" --add "$tests/$name.guest")
	echo "sh /t/$name.guest || rc=1" >>"$work/uses.guest"
done
# shellcheck disable=SC2016 # the guest's
echo 'exit $rc' >>"$work/uses.guest"
echo "# uses on $kernel with $smp CPU: $*"
run "${adds[@]}" --add "$work/uses.guest" -- sh /t/uses.guest
