#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# examples.sh [PART...] - programs that use the library, against the module, in one guest; TAP on stdout. Parts:
#   examples   lib/check.c and the program of each manual page that has one and of events.rst, as "make lib" builds them
#   lmapctl    what it shows of three processes that lend each other memory; removes the module, so it comes last
#   write      no test: writes what lmapctl shows into selftests/ctl/guest, to be read and committed
# Default: the first two. Fails if a program is missing, or doesn't do what guest/PART.guest says.
# Environment: KERNEL (6.1; any architecture, pages of any size), SMP (2).
set -eu -o pipefail
# shellcheck source=selftests/vm/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

kernel=${KERNEL:-6.1}
kernel_row "$kernel"
build=$(build_dir "$K_ARCH")
[ $# -gt 0 ] || set -- examples lmapctl
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
expected=$LMAP_TOP/selftests/ctl/guest
adds=() commands=()

add_examples() {
	local page
	make_for "$K_ARCH" -C "$LMAP_TOP/lib" OUT="$build/lib" "$build/lib/check" "$build/lib/examples/built" >&2
	mkdir "$work/examples"
	for page in $(grep -l 'SRC BEGIN' "$LMAP_TOP"/Documentation/man/*.[0-9]); do
		cp "$build/lib/examples/$(basename "$page")" "$work/examples/"
	done
	cp "$build/lib/examples/events.rst" "$work/examples/"
	adds+=(--add "$build/lib/check" --add "$work/examples" --add "$VM_DIR/guest/examples.guest")
	commands+=("sh /t/examples.guest || rc=1")
}

add_lmapctl() {
	local tools
	tools=$("$VM_DIR/tools.sh" "$kernel")
	make_for "$K_ARCH" -C "$LMAP_TOP/selftests/ctl" OUT="$build/ctl" LIBOUT="$build/lib" scene >&2
	mkdir -p "$expected"
	adds+=(--add "$tools/lmapctl" --add "$build/ctl/scene" --add "$expected:/t/ctl/guest"
		--add "$LMAP_TOP/selftests/ctl/names.awk:/t/ctl/names.awk" --add "$VM_DIR/guest/lmapctl.guest")
	commands+=("sh /t/lmapctl.guest ${1-} || rc=1")
}

# What the guest prints as "@FILE LINE" is a line of that file.
split() {
	awk -v dir="$expected" '/^@/ { file = dir "/" substr($1, 2); sub(/^@[^ ]+ /, ""); print >file; next } { print }'
}

for part; do
	case $part in
	examples) add_examples ;;
	lmapctl) add_lmapctl ;;
	write) add_lmapctl write ;;
	*) die "no part \"$part\"" ;;
	esac
done
printf '%s\n' rc=0 "${commands[@]}" 'exit $rc' >"$work/parts.guest"
"$VM_DIR/run.sh" --kernel "$kernel" --smp "${SMP:-2}" "${adds[@]}" --add "$work/parts.guest" -- sh /t/parts.guest | split
