#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# run.sh OUT [MODEL...] - check the models with spin, and see that each bug that can be planted in them is found. One
# TAP line each. A model passes if the whole state space was searched, nothing was found, and every statement of it was
# reached; a plant passes if what is found is what its line in the model's head names. Must never pass because a tool
# is missing or a search was cut short.
set -eu -o pipefail
cd "$(dirname "$(readlink -f "$0")")"
mkdir -p "$1"
out=$(readlink -f "$1")
shift
[ $# -gt 0 ] || set -- fault pin keep revoke locks pager
n=0 failed=0

report() {
	n=$((n + 1))
	if [ "$2" = 0 ]; then
		echo "ok $n model: $1"
	else
		echo "not ok $n model: $1"
		sed 's/^/# /' "$out/log" | tail -n 30
		failed=1
	fi
}

# search MODEL OPTIMIZE [PLANT]: leaves pan's output in OUT/log; pan's status is 0 whatever it finds
search() {
	local define=()
	[ -z "${3:-}" ] || define=("-D$3")
	rm -f "$out"/pan* "$out"/*.trail
	(cd "$out" && spin "${define[@]}" -a "$OLDPWD/$1.pml" &&
		cc "$2" -w -DSAFETY -DNOFAIR -DCOLLAPSE -o pan pan.c &&
		ulimit -t 300 && ./pan -m200000 -w22) >"$out/log" 2>&1
}

# What no path comes through, but for processes that never end.
unreached() {
	sed -n '/^unreached in/,$p' "$out/log" | grep 'state [0-9]' | grep -v '"-end-"' || true
}

holds() {
	search "$1" -O1 && grep -q 'errors: 0$' "$out/log" &&
		! grep -Eq 'max search depth too small|Search not completed' "$out/log" && [ -z "$(unreached)" ]
}

# found MODEL PLANT WHAT
found() {
	search "$1" -O0 "$2" && grep -E '^pan:1: ' "$out/log" | grep -E -e "$3" >/dev/null
}

for model; do
	holds "$model" && rc=0 || rc=$?
	report "$model: $(grep -Eo '^ *[0-9]+ states, stored' "$out/log" | tr -s ' ' | sed 's/^ //; s/,//')" "$rc"
	while read -r plant what name; do
		found "$model" "$plant" "$what" && rc=0 || rc=$?
		report "$model finds: ${name#- }" "$rc"
	done < <(sed -n 's/^ \* plant //p' "$model.pml")
done
echo "1..$n"
exit $failed
