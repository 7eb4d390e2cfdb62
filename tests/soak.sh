#!/bin/bash
# What the tests do, for SOAK_SECONDS (600): random histories of the ledger from
# new seeds, every crash of it and of the server, many of its wire to a database,
# kills of both, the coverage of every interval, for a third of
# the time random questions and mutations to two servers that differ in one
# person, the flood and the threads again and again, and a real server that is
# asked, killed and reloaded.  Ends after the time, or at the first failure;
# then the auditor asks it all and answers are timed (SOAK_AUDIT= leaves both
# out).  Usage: soak.sh BUILD ledger_crash ledger_model sim
# TEST...
set -u
cd "$(dirname "$0")/.."
build=$1 again=("${@:5}") # the first three take seeds of their own
seconds=${SOAK_SECONDS:-600} passed=0 failed=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
first=${SOAK_SEED:-$(date +%s)}
deadline=$((SECONDS + seconds * 2 / 3))

run() { # NAME COMMAND...
    local name=$1
    shift
    if "$@" >"$log" 2>&1; then
        passed=$((passed + 1))
    else
        tail -n 40 "$log"
        echo "FAILED $name"
        failed=$((failed + 1))
    fi
}

run 'every crash of the ledger' env SOAK=1 "$build/tests/test_ledger_crash"
echo "ok every crash of the ledger, $SECONDS s"
run 'every crash of the server' env CRASH_POINTS=0 CRASH_FAULTS=0 CRASH_SEED="$first" \
    SYSTEM_TIMEOUT=7200 tests/system/run.sh tests/system/crash.sh
echo "ok every crash of the server from seed $first, $SECONDS s"
run 'messages to a database' env WIRE_POINTS=150 CRASH_SEED="$first" SYSTEM_TIMEOUT=7200 \
    tests/system/run.sh tests/system/wire.sh
run 'a witness that is bad in every way' \
    env WITNESS_HOW='silent drip closed full seen denies forged empty flood' \
    tests/system/run.sh tests/system/witness_bad.sh
run 'kills of servers and their database' env SERVERS_ROUNDS=20 SYSTEM_TIMEOUT=1800 \
    tests/system/run.sh tests/system/servers.sh
echo "ok servers and a database from seed $first, $SECONDS s"
run 'intervals of every question' env SOAK=$first "$build/tests/test_coverage"
echo "ok intervals of every question from seed $first, $SECONDS s"

neighbours() { # TEST PART: for a PART of the time, on every core
    run "$1 from seed $first" env NEIGHBOUR_SEED="$first" NEIGHBOUR_JOBS="$(nproc)" \
        NEIGHBOUR_COUNT=1000000000 NEIGHBOUR_SECONDS=$((seconds / $2 + 1)) \
        "$build/tests/test_$1"
    grep -E '^[0-9]+ (questions|mutations) ' "$log"
}
neighbours neighbour 5
neighbours neighbour_mutations 10
neighbours neighbour_series 30
neighbours neighbour_postgres 15

rounds=0
while [ "$failed" -eq 0 ] && { [ "$rounds" -eq 0 ] || [ "$SECONDS" -lt "$deadline" ]; }; do
    seed=$((first + rounds * 3000))
    run "histories from seed $seed" env SOAK=$seed "$build/tests/test_ledger_model"
    run "servers from seed $seed" env SOAK=$seed "$build/tests/test_sim"
    for t in "${again[@]}"; do
        run "$t, round $rounds" "$build/tests/test_$t"
    done
    rounds=$((rounds + 1))
done
echo "ok $rounds rounds: $((rounds * 3000)) histories from seed $first, threads, floods, $SECONDS s"

left=$((seconds - SECONDS))
[ "$failed" -ne 0 ] ||
    run 'a server under load and kills' env SOAK_SECONDS="$((left > 20 ? left : 20))" \
        SYSTEM_TIMEOUT=$((seconds + 900)) tests/system/run.sh tests/system/soak.sh
cat "$log"
# A hundred thousand answers a question take an hour or two, whatever the time.
[ "$failed" -ne 0 ] || [ -n "${SOAK_AUDIT+set}" ] ||
    run 'the auditor' env AUDIT_WHICH=all AUDIT_ANSWERS=50000 AUDIT_PLANTED=30000 \
        SYSTEM_TIMEOUT=36000 tests/system/run.sh tests/system/auditor.sh
grep '^note' "$log"
[ "$failed" -ne 0 ] || [ -n "${SOAK_AUDIT+set}" ] ||
    run 'times of answers' env TIMING_N=150 TIMING_SLOT_MS=2000 TIMING_ALPHA=1e-6 \
        SYSTEM_TIMEOUT=7200 tests/system/run.sh tests/system/timing.sh
grep '^note' "$log"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
