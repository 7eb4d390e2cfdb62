#!/bin/sh
# Runs each test program; prints what failed whole and what passed as a line.
# The last line counts single tests: 'N passed, N failed'.
set -u
log=$(mktemp)
trap 'rm -f "$log"' EXIT
passed=0 failed=0
for t in "$@"; do
    timeout "${TEST_TIMEOUT:-120}" "$t" >"$log" 2>&1
    rc=$?
    p=$(grep -c '^\[       OK \]' "$log")
    f=$(sed -n 's/^\[  FAILED  \] \([0-9]*\) test(s), listed below.*/\1/p' "$log" |
        awk '{ n += $1 } END { print n + 0 }')
    if [ "$rc" -ne 0 ]; then
        [ "$f" -gt 0 ] || f=1
        cat "$log"
        echo "FAILED $t (exit $rc)"
    else
        echo "ok $(basename "$t") ($p)"
    fi
    passed=$((passed + p)) failed=$((failed + f))
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
