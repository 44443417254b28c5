#!/bin/sh
# The rules of CONTRIBUTING.md that a machine can check. Prints "file:line: what (hint)" for each
# breach and fails if there was one. The tables are beside this file; each explains itself.
# usage: tests/lint/lint.sh   (anywhere; builds the dev objects when they are missing or old)
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 2
LC_ALL=C
export LC_ALL
tables=tests/lint
bad=$(mktemp) || exit 2
files=$(mktemp) || exit 2
trap 'rm -f "$bad" "$files"' EXIT
trap 'exit 130' INT TERM

# In a checkout what git knows or could know; in an unpacked archive everything but the build.
if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
	git ls-files -co --exclude-standard | while read -r f; do [ -f "$f" ] && echo "$f"; done
else
	find . -type f -not -path './build/*' -not -path './.git/*' | sed 's|^\./||'
fi | sort >"$files"
sources=$(grep '\.[ch]$' "$files" | grep -E '^(lib|service|agent|tests)/')

headers=$(echo "$sources" | grep '\.h$')
# shellcheck disable=SC2086 # file names of this tree hold no blanks
private=$(grep -lE '^ \* Layer:.*private to ' $headers /dev/null | tr '\n' ' ')

# Layers, own header first, sizes, banned functions, names, licence: one pass over the sources.
# shellcheck disable=SC2086
[ -z "$sources" ] || awk -f $tables/source.awk -v layers=$tables/layers.txt -v private="$private" \
	$sources >>"$bad"

# Every module that can be tested without a network has its test. A file without a header of its
# name, or with one that says it is private, is part of a module that has.
grep -E '^(lib/[^/]*|[^/]*/core|agent/template|agent/haproxy)/[^/]*\.c$' "$files" | while read -r f; do
	t=tests/unit/$(basename "$f" .c)_test.c
	h=${f%.c}.h
	[ -f "$h" ] || continue
	case " $private " in *" $h "*) continue ;; esac
	if grep -q "^$f " $tables/untested.txt; then
		[ ! -f "$t" ] || echo "$tables/untested.txt:1: '$f' has a test now (remove its line)"
	elif [ ! -f "$t" ]; then
		echo "$f:1: no $t (write it, or give a reason in $tables/untested.txt)"
	fi
done >>"$bad"
sed -n 's/^\([^# ][^ ]*\) *\(.*\)/\1 \2/p' $tables/untested.txt | while read -r f reason; do
	[ -f "$f" ] || echo "$tables/untested.txt:1: '$f' does not exist (remove its line)"
	[ -n "$reason" ] || echo "$tables/untested.txt:1: '$f' lacks a reason"
done >>"$bad"

# Nothing of the machine where it was written. The patterns are spelt so as not to find themselves.
xargs grep -nIE '(^|[^A-Za-z0-9_.-])(/w[o]rk/|/h[o]me/[a-z]|/r[o]ot/)|(^|[^A-Za-z0-9_])sh[a]red/' <"$files" |
	grep -v '^LICENSE:' | sed 's/^\([^:]*:[0-9]*\):.*/\1: path of one machine (make it relative)/' >>"$bad"

# Files and functions that pages name are there.
# shellcheck disable=SC2046
sh $tables/docs.sh $(grep '\.md$' "$files") >>"$bad"

# Purity is a fact of the object files: what they need from outside must be on the list.
if ${MAKE:-make} --no-print-directory -s MODE=dev build/dev/liblockstep.a >"$files" 2>&1; then
	sh $tables/pure.sh >>"$bad"
else
	cat "$files"
	echo "Makefile:1: the dev build fails (purity cannot be checked)" >>"$bad"
fi

if [ -s "$bad" ]; then
	sort -t: -k1,1 -k2,2n "$bad"
	echo "lint: 0 passed, $(wc -l <"$bad") failed"
	exit 1
fi
echo "lint: ok"
