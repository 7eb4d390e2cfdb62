#!/bin/bash
# Every test: unit tests, corpora, the running server.  The last line adds up
# 'N passed, N failed'.  Usage: all.sh BUILD "UNIT TESTS" "FUZZ TARGETS"
set -u
cd "$(dirname "$0")/.."
log=$(mktemp)
trap 'rm -f "$log"' EXIT
passed=0 failed=0

# stage NAME COMMAND...: shows its output, adds its last line to the sum.
stage() {
    local name=$1 rc p f
    shift
    echo "== $name"
    "$@" 2>&1 | tee "$log"
    rc=${PIPESTATUS[0]}
    read -r p f < <(sed -n 's/^\(.*: \)\?\([0-9]*\) passed, \([0-9]*\) failed.*/\2 \3/p' \
        "$log" | tail -n 1)
    p=${p:-0} f=${f:-0}
    [ "$rc" -eq 0 ] || [ "$f" -gt 0 ] || f=1
    passed=$((passed + p)) failed=$((failed + f))
}

# shellcheck disable=SC2086
stage 'unit tests' tests/run.sh $2
# shellcheck disable=SC2086
stage 'fuzz corpora' tests/fuzz/replay.sh "$1" $3
stage 'the running server' tests/system/run.sh
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
