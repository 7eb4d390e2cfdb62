#!/bin/bash
# Lets libFuzzer look for inputs that break a target's properties, FUZZ_SECONDS
# (60) each, from the corpus in the tree.  What it finds on the way is kept in
# BUILD/corpus; an input that breaks something in BUILD/found, for the corpus.
# Usage: run.sh BUILD TARGET...
set -u
cd "$(dirname "$0")/../.."
build=$1 seconds=${FUZZ_SECONDS:-60} passed=0 failed=0
shift
mkdir -p "$build/found"
for t in "$@"; do
    mkdir -p "$build/corpus/$t"
    log=$build/$t.log
    "$build/tests/fuzz/libfuzzer_$t" -max_total_time="$seconds" -timeout=20 \
        -rss_limit_mb=4096 -max_len=65536 -print_final_stats=1 \
        -artifact_prefix="$build/found/$t-" "$build/corpus/$t" \
        "tests/fuzz/corpus/$t" >"$log" 2>&1
    rc=$?
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    cov=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
    if [ "$rc" -eq 0 ]; then
        echo "ok fuzz $t: ${runs:-0} inputs, ${cov:-0} edges"
        passed=$((passed + 1))
    else
        grep -E 'ERROR|SUMMARY|Test unit written' "$log" | head -n 6
        echo "FAILED fuzz $t (all of it: $log)"
        failed=$((failed + 1))
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
