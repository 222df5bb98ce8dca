# SPDX-License-Identifier: GPL-2.0
# names.awk NAMES TEXT - what lmapctl wrote, with <names> instead of the numbers that differ from run to run, columns
# squeezed, and numbers of events counted from the first one. NAMES: lines "kind number name" of scene.c. Regions are
# numbered as they appear. Must leave everything else as it is: JSON stays JSON.

function name(kind, number) {
	if (kind == "region" && !((kind, number) in names))
		names[kind, number] = ++regions
	return "<" ((kind, number) in names ? names[kind, number] : "?") ">"
}

# In each match of RE the first number becomes a name.
function swap(line, re, kind, quote,	out, part) {
	out = ""
	while (match(line, re)) {
		out = out substr(line, 1, RSTART - 1)
		part = substr(line, RSTART, RLENGTH)
		line = substr(line, RSTART + RLENGTH)
		match(part, /[0-9]+/)
		out = out substr(part, 1, RSTART - 1) quote name(kind, substr(part, RSTART, RLENGTH)) quote \
			substr(part, RSTART + RLENGTH)
	}
	return out line
}

function json(line) {
	line = swap(line, "\"window\":[0-9]+", "window", "\"")
	line = swap(line, "\"(mapping|parent)\":[0-9]+", "mapping", "\"")
	line = swap(line, "\"region\":[0-9]+", "region", "\"")
	line = swap(line, "\"space\":[0-9]+", "space", "\"")
	line = swap(line, "\"(pid|lender_pid)\":[0-9]+", "process", "\"")
	if (match(line, /"seq":[0-9]+/)) {
		number = substr(line, RSTART + 6, RLENGTH - 6)
		if (first == "") first = number
		line = substr(line, 1, RSTART + 5) (number - first) substr(line, RSTART + RLENGTH)
	}
	return line
}

function row() {
	$1 = name("window", $1)
	if (!wide) return
	$6 = name("mapping", $6)
	if ($7 != "-") $7 = name("mapping", $7)
	$8 = name("region", $8)
}

FNR == NR { names[$1, $2] = $3; next }
/^ *(WINDOW|COUNTER|WHAT) / { table = $1; wide = /PARENT/; $1 = $1 }
table == "WINDOW" && $1 ~ /^[0-9]+$/ { row() }
table == "COUNTER" || table == "WHAT" { $1 = $1 }
{
	line = $0
	if (line ~ /^\{/) line = json(line)
	line = swap(line, "window [0-9]+", "window", "")
	line = swap(line, "mapping [0-9]+", "mapping", "")
	line = swap(line, "region [0-9]+", "region", "")
	line = swap(line, "space [0-9]+", "space", "")
	line = swap(line, "[a-z]\\([0-9]+\\)", "process", "")
	line = swap(line, "cluster_[0-9]+", "process", "")
	line = swap(line, "^[ |`-]+[0-9]+ [r-][w-][x-][m-] ", "mapping", "")
	line = swap(line, "[^a-z]m[0-9]+_", "mapping", "")
	line = swap(line, "[^a-z]r[0-9]+[ \"]", "region", "")
	print line
}
