# SPDX-License-Identifier: GPL-2.0
# names.awk NAMES TEXT - what lmapctl wrote, with <names> instead of the numbers that differ from run to run, columns
# squeezed, and numbers of events counted from the first one. NAMES: lines "kind number name" of scene.c. Regions are
# numbered as they appear. With pages that are larger than 4 KiB ("page" in NAMES) bytes and addresses become what they are
# with those. Must leave everything else as it is: JSON stays JSON.

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

# HEX without 0x, by scale, digit by digit: awk's numbers are not always large enough.
function divided(hex,	out, i, digit, rest) {
	out = ""
	rest = 0
	for (i = 1; i <= length(hex); i++) {
		rest = rest * 16 + index("0123456789abcdef", substr(hex, i, 1)) - 1
		digit = int(rest / scale)
		rest -= digit * scale
		if (digit || out != "") out = out sprintf("%x", digit)
	}
	return out == "" ? "0" : out
}

# In each match of RE, after BEFORE, the number becomes smaller: hexadecimal, or else decimal.
function shrink(line, re, before, hex,	out, part, digits, skip) {
	out = ""
	while (match(line, re)) {
		part = substr(line, RSTART, RLENGTH)
		skip = before == "" ? 0 : index(part, before) + length(before) - 1
		part = substr(part, skip + 1)
		out = out substr(line, 1, RSTART - 1 + skip)
		line = substr(line, RSTART + RLENGTH)
		digits = part
		sub(/[^0-9a-f].*/, "", digits)
		out = out (hex ? divided(digits) : digits / scale) substr(part, length(digits) + 1)
	}
	return out line
}

function pages(line) {
	line = shrink(line, "0x[0-9a-f]+", "x", 1)
	line = shrink(line, "[^a-z]m[0-9]+_[0-9a-f]+", "_", 1)
	line = shrink(line, "[0-9]+ KiB", "")
	line = shrink(line, "\"size\":[0-9]+", ":")
	line = shrink(line, "\"offset\":[0-9]+", ":")
	return shrink(line, "\"page_size\":[0-9]+", ":")
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
	if (!wide) {
		if ($4 != "KiB" && scale > 1) {
			$3 /= scale
			$5 /= scale
		}
		return
	}
	$6 = name("mapping", $6)
	if ($7 != "-") $7 = name("mapping", $7)
	$8 = name("region", $8)
}

BEGIN { scale = 1 }
FNR == NR && $1 == "page" { scale = $2 / 4096 }
FNR == NR { names[$1, $2] = $3; next }
/^ *(WINDOW|COUNTER|WHAT) / { table = $1; wide = /PARENT/; $1 = $1 }
table == "WINDOW" && $1 ~ /^[0-9]+$/ { row() }
table == "COUNTER" || table == "WHAT" { $1 = $1 }
{
	line = scale > 1 ? pages($0) : $0
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
