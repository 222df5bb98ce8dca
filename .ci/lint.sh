#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# shellcheck disable=SC2317,SC2046 # functions are called through check; names have no blanks
# lint.sh - style and static checks; one TAP line each. Must never change a file, and never pass because a tool is
# missing.
set -u -o pipefail
cd "$(dirname "$(readlink -f "$0")")/.." || exit 1
vm=selftests/vm
framework=$("$vm/kernel.sh" framework) || exit 1
log=$(mktemp)
trap 'rm -f "$log"' EXIT
TAP_SUITE=lint TAP_LOG=$log TAP_SHOW=head
# shellcheck source=selftests/tap.sh
. selftests/tap.sh

mapfile -t c_files < <(git ls-files '*.c' '*.h')
mapfile -t kernel_c < <(git ls-files 'module/*.[ch]' 'uapi/*.h')
mapfile -t scripts < <(git ls-files '*.sh' '*.bash' '.ci/run')

# run_checkpatch TYPES-TO-IGNORE FILE...
run_checkpatch() {
	local ignore=$1
	shift
	perl "$framework/scripts/checkpatch.pl" --no-tree --strict --terse --show-types --max-line-length=100 \
		--ignore "$ignore" -f "$@"
}

checkpatch() {
	# macros that build tables and name kernel calls can't be functions; locks are described in kernel-doc; BIT() is
	# not for user space
	run_checkpatch MACRO_ARG_REUSE,COMPLEX_MACRO,UNCOMMENTED_DEFINITION,BIT_MACRO $(printf '%s\n' "${kernel_c[@]}" | grep -v 'compat.h\|trace.h') &&
		run_checkpatch OPEN_ENDED_LINE,PARENTHESIS_ALIGNMENT module/trace.h &&
		run_checkpatch MACRO_ARG_REUSE,COMPLEX_MACRO,LINUX_VERSION_CODE,CONSTANT_COMPARISON module/compat.h
}

checkpatch_user() {
	local user
	mapfile -t user < <(git ls-files 'lib/*.[ch]' 'tools/*.c' 'selftests/*.[ch]')
	# stdint types, macros of the test harness, volatile accesses on purpose, no kernel helpers
	run_checkpatch BIT_MACRO,MINMAX,REPEATED_WORD,MULTISTATEMENT_MACRO_USE_DO_WHILE,MACRO_ARG_REUSE,COMPLEX_MACRO,NEW_TYPEDEFS,VOLATILE,PREFER_DEFINED_ATTRIBUTE_MACRO,CAMELCASE,SUSPECT_CODE_INDENT,MULTIPLE_ASSIGNMENTS,PREFER_KERNEL_TYPES,LINE_SPACING,MACRO_ARG_PRECEDENCE,ENOSYS,SPLIT_STRING,LONG_LINE_STRING,MEMORY_BARRIER,UNNECESSARY_PARENTHESES,SPDX_LICENSE_TAG,EMBEDDED_FUNCTION_NAME "${user[@]}"
}

sparse_clean() {
	command -v sparse >/dev/null || { echo "no sparse"; return 1; }
	rm -rf "build/module/$(cat "$("$vm/kernel.sh" 6.1)/release")"
	KFLAGS="C=2 CHECK=sparse W=1" "$vm/kmod.sh" 6.1 || return 1
	KFLAGS="C=2 CHECK=sparse W=1" "$vm/kmod.sh" 6.1 2>&1 | grep -E '/module/[a-z]*\.[ch]:[0-9:]* (warning|error)' && return 1
	return 0
}

kernel_doc() {
	local out
	out=$(perl "$framework/scripts/kernel-doc" -none module/*.h module/*.c uapi/linux/lmap.h lib/lmap.h 2>&1) || true
	[ -z "$out" ] || { echo "$out"; return 1; }
}

cpp_check() {
	cppcheck --quiet --error-exitcode=1 --inline-suppr --enable=warning,portability --suppress=missingInclude \
		--suppress=nullPointerRedundantCheck --suppress=uninitvar --suppress=syntaxError --suppress=preprocessorErrorDirective \
		-Iuapi -Ilib lib tools
}

clang_warns() {
	local f
	for f in lib/*.c tools/*.c; do
		clang -fsyntax-only -std=gnu11 -Wall -Wextra -Werror -Wno-missing-field-initializers -Wno-sign-compare \
			-Ilib -Iuapi $(pkg-config --cflags libnl-genl-3.0) -DLMAP_TOOLS_VERSION='""' "$f" || return 1
	done
}

one_place_for_versions() {
	! grep -n 'LINUX_VERSION_CODE\|KERNEL_VERSION' "${c_files[@]}" | grep -v '^module/compat.h:'
}

file_sizes() {
	local f bad=0
	for f in "${c_files[@]}" "${scripts[@]}"; do
		[ "$(wc -l <"$f")" -le 800 ] || { echo "$f is longer than 800 lines"; bad=1; }
	done
	return $bad
}

no_machine_names() {
	! git grep -nE '/work/|/root/\.|deb\.debian\.org|https?://[a-z0-9.-]*mirror' -- . ':!.ci/lint.sh'
}

no_todo() {
	! git grep -nE '\b(TODO|FIXME|XXX)\b' -- . ':!.ci/lint.sh' ':!LICENSES'
}

spdx() {
	local f bad=0
	for f in "${c_files[@]}" "${scripts[@]}" Makefile Kbuild; do
		head -n 3 "$f" | grep -q SPDX-License-Identifier || { echo "$f: no licence"; bad=1; }
	done
	return $bad
}

lock_assertions() {
	perl .ci/locks.pl "${kernel_c[@]}"
}

man_pages() {
	local m bad=0 out
	for m in Documentation/man/*.[0-9]; do
		out=$(groff -ww -man -z "$m" 2>&1)
		[ -z "$out" ] || { echo "$out"; bad=1; }
	done
	return $bad
}

check "checkpatch, module and interface" checkpatch
check "checkpatch, user space" checkpatch_user
check "sparse and W=1" sparse_clean
check "kernel-doc" kernel_doc
check "locks that are documented are asserted" lock_assertions
check "cppcheck" cpp_check
check "clang warnings" clang_warns
check "shellcheck" shellcheck -x -S warning "${scripts[@]}"
check "kernel versions only in compat.h" one_place_for_versions
check "files of at most 800 lines" file_sizes
check "no path or mirror of a machine" no_machine_names
check "nothing left to do" no_todo
check "licences" spdx
check "manual pages" man_pages
check "the description for syzkaller" selftests/fuzz/check.sh
check "the netlink family" .ci/netlink.py
finish
