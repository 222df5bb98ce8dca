#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# tools.sh KERNEL - build the library and the tools for the architecture of KERNEL; prints the directory of the tools.
set -eu -o pipefail
# shellcheck source=selftests/vm/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

[ $# -eq 1 ] || die "usage: tools.sh KERNEL"
kernel_row "$1"
out=$(build_dir "$K_ARCH")
make_for "$K_ARCH" -C "$LMAP_TOP/lib" OUT="$out/lib" "$out/lib/liblmap.a" >&2
make_for "$K_ARCH" -C "$LMAP_TOP/tools" OUT="$out/tools" LIBOUT="$out/lib" >&2
echo "$out/tools"
