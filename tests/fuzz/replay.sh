#!/bin/sh
# Run every seed of the fuzz targets NAME... with the replay programs in DIR: replay.sh DIR NAME...
# SPDX-License-Identifier: Apache-2.0
dir=$1
shift
passed=0 failed=0
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
trap 'exit 130' INT TERM
for name in "$@"; do
	if timeout --foreground 120 "$dir/replay_$name" "tests/fuzz/corpus/$name" >"$log" 2>&1; then
		n=$(sed -n 's/^fuzz-replay .*: \([0-9]*\) passed$/\1/p' "$log")
		passed=$((passed + n))
	else
		failed=$((failed + 1))
		echo "== $name: the last input named here fails"
		tail -n 30 "$log"
	fi
done
echo "fuzz-replay: $passed passed, $failed failed"
[ $failed -eq 0 ]
