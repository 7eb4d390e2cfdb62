#!/bin/sh
# Replays each fuzz target's corpus.  Usage: replay.sh BUILD TARGET...
set -u
cd "$(dirname "$0")/../.."
build=$1
shift
passed=0 failed=0
for f in "$@"; do
    if timeout 120 "$build/tests/fuzz/replay_$f" tests/fuzz/corpus/"$f"/*; then
        passed=$((passed + 1))
    else
        echo "FAILED replay of $f"
        failed=$((failed + 1))
    fi
done
echo "fuzz replay: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
