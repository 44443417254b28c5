#!/bin/sh
# Run each test program; print only what failed, and one line of counts at the end. What they write goes below one
# folder, so that nothing is left when they are interrupted.
# SPDX-License-Identifier: Apache-2.0
passed=0 failed=0 bad=0
TMPDIR=$(mktemp -d) || exit 1
chmod 755 "$TMPDIR" # a test goes there as another user
export TMPDIR
log=$TMPDIR/log
trap 'rm -rf "$TMPDIR"' EXIT
trap 'exit 130' INT TERM
for t in "$@"; do
	timeout --foreground 120 "$t" >"$log" 2>&1
	rc=$?
	p=$(grep -c '^\[       OK \]' "$log") f=$(grep -c '^\[  FAILED  \] [a-z_0-9]*$' "$log")
	passed=$((passed + p)) failed=$((failed + f))
	if [ $rc -ne 0 ] || [ "$p" -eq 0 ]; then
		bad=$((bad + 1))
		[ "$f" -eq 0 ] && failed=$((failed + 1))
		echo "== $t (exit $rc)"
		cat "$log"
	fi
done
echo "unit: $passed passed, $failed failed"
[ $bad -eq 0 ]
