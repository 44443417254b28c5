#!/bin/sh
# Run several goals of the Makefile one after the other, each even if one before it failed; the last line sums up
# what they counted ("NAME: N passed, N failed"). A goal that fails without a count is one failure, one that
# succeeds without a count is one success.
# usage: tests/run_all.sh 'MODE=dev lint' 'MODE=dev unit' ...
# SPDX-License-Identifier: Apache-2.0
passed=0 failed=0
log=$(mktemp) || exit 1
end=$log.end
trap 'rm -f "$log" "$end"' EXIT
trap 'exit 130' INT TERM
for goal in "$@"; do
	echo "== $goal"
	start=$(date +%s)
	# shellcheck disable=SC2086 # a goal may come with settings
	{ ${MAKE:-make} --no-print-directory $goal 2>&1; echo $? >"$end"; } | tee -i "$log"
	rc=$(cat "$end")
	counts=$(sed -n 's/^[a-z-]*: *\([0-9][0-9]*\) passed, \([0-9][0-9]*\) failed.*/\1 \2/p' "$log" | tail -n 1)
	# shellcheck disable=SC2086
	set -- $counts
	p=${1:-0} f=${2:-0}
	if [ "$rc" != 0 ] && [ "$f" -eq 0 ]; then
		f=1
	elif [ "$rc" = 0 ] && [ -z "$counts" ]; then
		p=1
	fi
	passed=$((passed + p)) failed=$((failed + f))
	echo "== $goal: $p passed, $f failed, $(($(date +%s) - start)) s"
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
