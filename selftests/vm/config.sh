#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# config.sh - for each option that Kbuild says lmap needs: with headers of a kernel that lacks it the build stops, and the
# only thing it says is which option that is; with all of them it builds. TAP. Must never change the headers in the cache.
set -u -o pipefail
# shellcheck source=selftests/vm/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

kernel=$("$VM_DIR/kernel.sh" 6.1) || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
n=0 failed=0

# headers_without OPTION: the same, by links, but for that line of the configuration
headers_without() {
	local from=$kernel/headers to=$work/headers
	rm -rf "$to"
	mkdir -p "$to/include/config"
	find "$(readlink -f "$from")" -mindepth 1 -maxdepth 1 ! -name include -exec ln -s -t "$to" {} +
	find "$(readlink -f "$from")/include" -mindepth 1 -maxdepth 1 ! -name config -exec ln -s -t "$to/include" {} +
	# links beside the real directory: the headers' own are relative to it
	ln -sfn "$(readlink -f "$from/scripts")" "$to/scripts"
	ln -sfn "$(readlink -f "$from/tools")" "$to/tools"
	grep -v "^$1=" "$(readlink -f "$from")/include/config/auto.conf" >"$to/include/config/auto.conf"
}

verdict() {
	n=$((n + 1))
	if [ "$1" = 0 ]; then
		echo "ok $n config: $2"
	else
		sed 's/^/# /' "$work/log"
		echo "not ok $n config: $2"
		failed=1
	fi
}

build() { KDIR=$work/headers OUT=$work/out "$VM_DIR/kmod.sh" >"$work/log" 2>&1; }

needs=$(sed -n 's/^LMAP_NEEDS := //p' "$LMAP_TOP/Kbuild")
[ -n "$needs" ] || die "Kbuild names no option"
for option in $needs; do
	headers_without "$option"
	if build; then
		verdict 1 "a kernel without $option is refused"
	else
		# what make adds: where it stopped
		errors=$(grep -v '^make.*Error 2$\|no module came out' "$work/log")
		grep -qE "\*\*\* lmap needs a kernel that was built with $option\. +Stop\.$" <<<"$errors" && [ "$(wc -l <<<"$errors")" = 1 ]
		verdict $? "a kernel without $option is refused, in one sentence"
	fi
done
headers_without CONFIG_NOTHING_THAT_IS
build
verdict $? "with all of $needs it builds"
echo "1..$n"
exit $failed
