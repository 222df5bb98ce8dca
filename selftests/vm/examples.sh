#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# examples.sh - lib/check.c and the program of each manual page that has one, as "make lib" builds them, against the module, in one
# guest. TAP on stdout. Fails if a program is missing, or doesn't do what guest/examples.guest says.
set -eu -o pipefail
# shellcheck source=selftests/vm/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
make -s -C "$LMAP_TOP" lib >&2
mkdir "$work/examples"
for page in $(grep -l 'SRC BEGIN' "$LMAP_TOP"/Documentation/man/*.[0-9]); do
	cp "$LMAP_TOP/build/lib/examples/$(basename "$page")" "$work/examples/"
done
"$VM_DIR/run.sh" --kernel "${KERNEL:-6.1}" --add "$LMAP_TOP/build/lib/check" --add "$work/examples" \
	--add "$VM_DIR/guest/examples.guest" -- sh /t/examples.guest
