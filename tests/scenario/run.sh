#!/bin/sh
# The scenarios as told; then faults at every point on one core, rules off and random histories on the other. A line
# of counts for each, and one for all of them at the end.
# usage: tests/scenario/run.sh PROGRAM full|some|few SECONDS SCENARIO...	some (few): for the sanitizers, which make it
#	slow: each 17th (67th) of the faults, 400 (100) histories at most, no rules off
# SPDX-License-Identifier: Apache-2.0
program=$1 how=$2 seconds=$3
shift 3
case $how in
full) every=1 count=20000 ;;
some) every=17 count=400 ;;
few) every=67 count=100 ;;
*) echo "$0: full, some or few?" >&2; exit 2 ;;
esac
out=$(mktemp -d) || exit 1
beside=
trap 'rm -rf "$out"' EXIT
# What runs in the background does not hear Ctrl-C by itself.
trap '[ -z "$beside" ] || kill $beside 2>/dev/null; exit 130' INT TERM
"$program" plain "$@" >"$out/plain" 2>&1 || echo "scenarios: exit $?" >>"$out/plain"
cat "$out/plain"
"$program" random $count "$seconds" "${SCENARIO_SEED:-1}" >"$out/random" 2>&1 &
random=$!
beside=$random
if [ $how = full ]; then
	"$program" rules "$@" >"$out/rules" 2>&1 &
	rules=$!
	beside="$beside $rules"
fi
{ "$program" points $every "$@" 2>&1 || echo "points: exit $?"; } | tee -i "$out/points"
if [ $how = full ]; then
	wait $rules || echo "rules: exit $?" >>"$out/rules"
	cat "$out/rules"
fi
wait $random || echo "histories: exit $?" >>"$out/random"
cat "$out/random"
cat "$out"/* | awk '
/^[a-z ]+: [0-9]+ passed, [0-9]+ failed$/ { sub(/^[^:]*: /, ""); passed += $1; failed += $3 }
/^[a-z]+: exit [0-9]+$/ { ends++ }
END {
	if (ends && !failed)
		failed = ends
	printf "scenario: %d passed, %d failed\n", passed, failed
	exit failed != 0
}'
