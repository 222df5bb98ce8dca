#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# count.sh LOG STATUS - count the results in a TAP log, print every failure again with what its test said, every skip
# and, as the last line, "N passed, N failed, N skipped". STATUS: exit status of what wrote the log: not 0 without a
# "not ok" is one failure.
# Results inside a program ("# ok 1 ...") count, the program's own line only if it tells more. Never succeeds with
# nothing passed.
set -eu
awk -v status="$2" '
	function result(line, fail) {
		if (fail) { failed++; bad[failed] = line; reason[failed] = said }
		else if (line ~ /# SKIP/) { skipped++; skip[skipped] = line }
		else passed++
		said = ""; lines = 0
	}
	/^# # [^ ]+\.c:[0-9]+:/ { if (lines++ < 8) said = said "\n" $0 }
	/^# TAP version/ { inner_failed = 0; inner = 0; plan = -1 }
	/^# 1\.\.[0-9]+/ { plan = substr($2, 4) + 0 }
	/^# ok [0-9]+/ { result(substr($0, 3), 0); inner++ }
	/^# not ok [0-9]+/ { result(substr($0, 3), 1); inner++; inner_failed++ }
	/^ok [0-9]+ selftests:/ { if (plan >= 0 && inner != plan) result($0 " # ran " inner " of " plan, 1); else if (!inner) result($0, 0); inner = 0; plan = -1; next }
	/^not ok [0-9]+ selftests:/ { if (!inner_failed || inner != plan) result($0, 1); inner = 0; inner_failed = 0; plan = -1; next }
	/^ok / { result($0, 0) }
	/^not ok / { result($0, 1) }
	END {
		if (status != 0 && !failed) result("the run ended with status " status, 1)
		if (!passed && !failed) result("nothing ran", 1)
		for (i = 1; i <= skipped; i++) print "# skipped: " skip[i]
		for (i = 1; i <= failed; i++) print "# FAILED: " bad[i] reason[i]
		printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
		exit failed != 0
	}' "$1"
