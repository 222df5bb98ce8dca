#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# shellcheck disable=SC2317 # functions are called through check
# check.sh - does compare.pl notice what it is for? Made-up references and runs; TAP. Needs no guest. Must never look at
# what was really measured.
set -u -o pipefail
cd "$(dirname "$(readlink -f "$0")")" || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
TAP_SUITE=bench TAP_LOG=$work/log TAP_SHOW=head
# shellcheck source=selftests/tap.sh
. ../tap.sh

head=group,name,value,low,high,unit,per,against,other,ratio,limit,target,target_ratio,reached,by

# run NAME IOCTL TOUCH MAP BYTES [NOT-LENT IN-USE]: a file as lmap-bench writes it
run() {
	cat >"$work/$1" <<-E
		$head
		kernel,null ioctl,$2,,,instructions,call,,,,,,,,itself
		kernel,memfd: first write,$3,,,instructions,page,,,,,,,,itself
		kernel,memfd: munmap,500,,,instructions,page,,,,,,,,itself
		map,"map, ""new"" region",$4,,,instructions,call,null ioctl,$2,7,,5000,,yes,call
		lender,"munmap of 64 MiB, not lent",${6-100000},,,instructions,call,,,,,,,,itself
		lender,"munmap of 64 MiB, in use",${7-120000},,,instructions,call,,,,,,,,munmap
		memory,a mapping,$5,,,bytes,mapping,,,,,,,,itself
	E
}

# verdict STATUS RELEASE RUN [WORDS]: check ends with that, and says that
verdict() {
	local rc=0
	./compare.pl check "$work/reference" "$work/$3" "$2" >"$work/out" 2>&1 || rc=$?
	cat "$work/out"
	[ $rc = "$1" ] && { [ $# -lt 4 ] || grep -q -- "$4" "$work/out"; }
}

run first 600 2000 4000 200
./compare.pl record "$work/first" "6.1.0-1-amd64, gcc 1" >"$work/reference"
run same 600 2000 4000 200
run little 600 2000 4119 200
run much 600 2000 4121 200
run less 600 2000 3000 200
run kernel 600 3000 4000 200
run memory 600 2000 4000 207
run scaled 660 2000 4620 200
run scaled_more 660 2000 4668 200
run scaled_memory 660 2000 4400 207
run disorder 600 2000 4000 200 104000 124800
run in_use 600 2000 4000 200 100000 124000
grep -v '^memory' "$work/same" >"$work/missing"
{ cat "$work/same"; echo 'map,another,1,,,instructions,call,,,,,,,,call'; } >"$work/more"
{ cat "$work/same"; echo 'map,null ioctl,1,,,instructions,call,,,,,,,,call'; } >"$work/double"
grep -v '^kernel,null' "$work/first" >"$work/lame"
echo "$head" >"$work/nothing"

names_survive() { grep -q '^map,"map, ""new"" region",4000,instructions,call,call$' "$work/reference"; }

table() {
	printf 'name,possible,xpmem\n"map, ""new"" region",1000,2000\n' >"$work/limits"
	./compare.pl table "$work/reference" "$work/much" 6.1.0-1-amd64 "$work/limits" | tee "$work/out"
	grep -q 'map, "new" region .* 4121 call .* 5000 reached .* 1000 *4.1 x .* 2000 *+3.0 %' "$work/out"
}

agree() { ./compare.pl same "$work/first" "$work/same" | grep '7 rows, 7 identical'; }
differ() { ! ./compare.pl same "$work/first" "$work/little"; }
differ_in_rows() { ! ./compare.pl same "$work/first" "$work/missing"; }

check "a reference keeps names that are quoted" names_survive
check "the same passes" verdict 0 6.1.0-1-amd64 same "7 rows compared: 0 dearer"
check "less than 3 % more passes" verdict 0 6.1.0-1-amd64 little
check "3 % more fails" verdict 1 6.1.0-1-amd64 much "1 dearer.*make bench-record"
check "what is cheaper passes, and is told" verdict 0 6.1.0-1-amd64 less "^cheaper: map"
check "what the kernel's own takes is told, and fails nothing" verdict 0 6.1.0-1-amd64 kernel "^kernel:  memfd: first write"
check "munmap that is dearer for everybody passes" verdict 0 6.1.0-1-amd64 disorder "^kernel:  munmap of 64 MiB, not lent"
check "munmap that is dearer for a lender fails" verdict 1 6.1.0-1-amd64 in_use "^dearer:  munmap of 64 MiB, in use"
check "bytes count too" verdict 1 6.1.0-1-amd64 memory "^dearer:  a mapping"
check "a row that is missing fails" verdict 1 6.1.0-1-amd64 missing "^missing: a mapping"
check "a new row fails" verdict 1 6.1.0-1-amd64 more "^new:     another"
check "another release: what grows with the kernel passes" verdict 0 6.1.0-2-amd64 scaled "another kernel"
check "another release: more than that fails" verdict 1 6.1.0-2-amd64 scaled_more "^dearer:  map"
check "another release: bytes are bytes" verdict 1 6.1.0-2-amd64 scaled_memory "^dearer:  a mapping"
check "two rows of a name are refused" verdict 2 6.1.0-1-amd64 double "two rows"
check "another release without the yardstick is refused" verdict 2 6.1.0-2-amd64 lame 'no row "null ioctl"'
check "no rows are no success" verdict 2 6.1.0-1-amd64 nothing "no rows"
check "the table has what was measured, what is possible, and the reference" table
check "two runs that are the same agree" agree
check "two runs that are 3 % apart don't" differ
check "nor two of different rows" differ_in_rows
finish
