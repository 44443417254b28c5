#!/bin/sh
# Faults at every point on one core; rules off and random histories on the other. One line of counts for each.
# SPDX-License-Identifier: Apache-2.0
program=$1 seconds=$2
shift 2
out=$(mktemp) || exit 1
trap 'rm -f "$out"' EXIT
(
	"$program" rules "$@" || echo "rules: exit $?"
	"$program" random 20000 "$seconds" "${SCENARIO_SEED:-1}" || echo "random: exit $?"
) >"$out" 2>&1 &
"$program" points "$@"
rc=$?
wait
cat "$out"
grep -q 'exit [1-9]' "$out" && rc=1
exit $rc
