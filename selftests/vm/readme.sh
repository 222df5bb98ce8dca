#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# readme.sh - the program in README.md does what README says: take it out, build it as a user would (against an
# installed tree), run it in the guest. Must never use anything but what "make install" installs.
set -eu -o pipefail
# shellcheck source=selftests/vm/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
make -s -C "$LMAP_TOP" install DESTDIR="$work/root" PREFIX=/usr >&2
sed -n '/^```c$/,/^```$/p' "$LMAP_TOP/README.md" | sed '/^```/d' >"$work/program.c"
export PKG_CONFIG_SYSROOT_DIR=$work/root PKG_CONFIG_LIBDIR=$work/root/usr/lib/pkgconfig
# shellcheck disable=SC2046 # flags are words
cc -static -o "$work/program" "$work/program.c" $(pkg-config --cflags --libs --static liblmap)
# and with the shared library
# shellcheck disable=SC2046
cc -o "$work/shared" "$work/program.c" $(pkg-config --cflags --libs liblmap)
"$VM_DIR/run.sh" --add "$work/program" -- /t/program | tee "$work/out"
grep -qx "hello from the lender's heap" "$work/out"
