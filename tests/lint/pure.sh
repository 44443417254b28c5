#!/bin/sh
# What the objects of pure code need from outside, against pure.txt. Run by lint.sh after the build.
# SPDX-License-Identifier: Apache-2.0
dev=build/dev

objects()
{
	for o in "$@"; do
		# An object whose source has gone is left by an older build.
		src=${o#"$dev"/}
		[ ! -f "$o" ] || [ ! -f "${src%.o}.c" ] || echo "$o"
	done
}

pure=$(objects $dev/service/core/*.o $dev/agent/core/*.o $dev/agent/template/*.o $dev/lib/model/*.o \
	$dev/agent/haproxy/config*.o $dev/agent/haproxy/diff*.o $dev/agent/haproxy/lines.o \
	$dev/agent/haproxy/answer.o $dev/agent/haproxy/proof.o)
[ -n "$pure" ] || exit 0
base=$(objects $dev/lib/base/*.o)
# shellcheck disable=SC2086 # no blanks in names
{
	nm -A --defined-only $pure $base | sed 's/^/D /'
	nm -A -u $pure | sed 's/^/U /'
} | awk -v table=tests/lint/pure.txt -v dev="$dev/" '
BEGIN {
	while ((getline line < table) > 0) {
		sub(/#.*/, "", line)
		n = split(line, cell, " ")
		for (i = 2; i <= n; i++) {
			if (cell[i] ~ /^!/)
				denied[substr(cell[i], 2)] = 1
			else if (cell[i] ~ /\*$/)
				prefix[cell[1], substr(cell[i], 1, length(cell[i]) - 1)] = 1
			else
				allowed[cell[1], cell[i]] = 1
		}
	}
}
function fits(folder, symbol,	n)
{
	if ((folder, symbol) in allowed)
		return 1
	for (n = length(symbol); n > 0; n--)
		if ((folder, substr(symbol, 1, n)) in prefix)
			return 1
	return 0
}
$1 == "D" {
	ours[$NF] = 1
	next
}
{
	symbol = $NF
	sub(/@.*/, "", symbol)
	if (symbol ~ /^(__asan_|__ubsan_|__tsan_|__sanitizer_|_GLOBAL_OFFSET_TABLE_)/)
		next
	split($2, at, ":")
	file = at[1]
	sub(/\.o$/, ".c", file)
	file = substr(file, length(dev) + 1)
	folder = file
	sub(/\/[^\/]*$/, "", folder)
	if (symbol in denied || !(symbol in ours || fits("*", symbol) || fits(folder, symbol)))
		missing[file, symbol] = file "\t" symbol
}
END {
	for (key in missing) {
		split(missing[key], cell, "\t")
		print cell[1] "\t" cell[2]
	}
}' | while read -r file symbol; do
	line=$(grep -nw -m1 -e "$symbol" "$file" | cut -d: -f1)
	echo "$file:${line:-1}: pure code uses $symbol (pass it in, or see tests/lint/pure.txt)"
done
