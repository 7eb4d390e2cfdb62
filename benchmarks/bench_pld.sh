#!/bin/bash
# Epsilon of a history by privacy loss distributions, against Google's
# dp_accounting (Python) in one run: rounds alternate, CPU milliseconds, medians.
# The peer's discretisation is the coarsest of 1e-3, 3e-4 and 1e-4 (its default)
# at which its epsilon is at most 2e-6 above ours: equal tightness.  A virtual
# environment is made under build/ on the first run.
set -u
cd "$(dirname "$0")/.."
build=${BUILD:-build/opt}
venv=build/bench/venv-accounting
[ -x "$build/benchmarks/bench_dp_account" ] || { echo "SKIP bench_pld: not built"; exit 0; }
if [ ! -x $venv/bin/python ] || ! $venv/bin/python -c 'import dp_accounting' 2>/dev/null; then
    { python3 -m venv $venv && $venv/bin/pip install -q dp_accounting==0.6.0; } ||
        { echo "SKIP bench_pld: no dp_accounting"; exit 0; }
fi
exec $venv/bin/python benchmarks/peers/pld.py "$build/benchmarks/bench_dp_account" "$@"
