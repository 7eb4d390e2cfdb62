#!/bin/bash
# Runs the scripts of this folder, or those named, against the real programs in
# $BIN.  A script prints 'ok NAME', 'FAILED NAME' or 'SKIP NAME: reason', a line
# a test, and exits non-zero when something failed.  Scripts that say "Not in
# make test" run only when named.  The last line sums.
set -u
cd "$(dirname "$0")/../.."
export BIN=${BIN:-build}
# Runs of several trees at once do not race for a port.
export PORT_FROM=${PORT_FROM:-$((20000 + RANDOM % 12000))}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
passed=0 failed=0 skipped=0

[ $# -gt 0 ] || for s in tests/system/*.sh; do
    case $s in */run.sh | */lib*.sh) continue ;; esac
    grep -q '^# Not in make test' "$s" || set -- "$@" "$s"
done
for script in "$@"; do
    name=$(basename "$script" .sh)
    start=$SECONDS
    timeout "${SYSTEM_TIMEOUT:-300}" bash "$script" </dev/null >"$log" 2>&1
    rc=$?
    p=$(grep -c '^ok ' "$log")
    f=$(grep -c '^FAILED ' "$log")
    s=$(grep -c '^SKIP ' "$log")
    if [ "$rc" -ne 0 ] || [ "$f" -gt 0 ]; then
        [ "$f" -gt 0 ] || f=1
        cat "$log"
        echo "FAILED $script (exit $rc)"
    else
        grep -E '^(SKIP |note )' "$log"
        echo "ok $name ($p, $((SECONDS - start)) s)"
    fi
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
