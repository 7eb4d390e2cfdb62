#!/bin/bash
# The auditor against a running server (tests/auditor): from answers about two
# datasets of which one has one person more, at least how much each mechanism and
# each shape of SELECT gives away; the bound stays below the price, and noise of
# half the scale does not get away with it.  Two questions here; all of them a
# hundred thousand times (half of them on each dataset) with AUDIT_ANSWERS=50000
# AUDIT_WHICH=all; to find the planted faults AUDIT_PLANTED=30000 are enough, and
# 0 leaves them out.  But for the two here, the engine's exact integers are taken
# from memory, and found anew once in fifty times (tests/auditor/remember.h):
# half a millisecond an answer, half an hour for all; AUDIT_EACH=1 for each anew.
set -u
cd "$(dirname "$0")/../.."
. demo/lib.sh
. tests/system/lib.sh
rm -f "$check_out"
build=$BIN
[ -x "$build/tests/auditor/audit" ] || build=$BIN/opt
answers=${AUDIT_ANSWERS:-300} planted=${AUDIT_PLANTED:-1200} which=${AUDIT_WHICH:-quick}
[ "$which" = quick ] || [ -n "${AUDIT_EACH:-}" ] || export AUDIT_REMEMBER=1
# A hundred thousand charges are as many syncs: in memory where there is some.
run=$(mktemp -d -p "$([ -w /dev/shm ] && echo /dev/shm || echo /tmp)")
trap 'stop_server; rm -rf "$run"' EXIT

mkdir "$run/policies"
for notion in zcdp gdp pure; do
    case $notion in
    pure) cap='{ epsilon: 100 }' delta= ;;
    *) cap='{ rho: 100, delta: 0.01 }' delta='default_delta: 0.002' ;;
    esac
    for side in with without; do
        folder=$run/${notion}_$side
        mkdir "$folder"
        "${MAKE_SHOP:-$bin/make_shop}" tests/auditor/people.sql "$folder" \
            $([ $side = with ] && echo 41 || echo 40) || die "no people"
        sed "s/@NAME@/${notion}_$side/; s/@NOTION@/$notion/; s/@CAP@/$cap/
             s/^# default_delta.*/$delta/; s|@DATA@|$folder/people.db|" tests/auditor/policy.yaml >"$run/policies/${notion}_$side.yaml"
    done
done
write_config "$run/policies"
sed -i '/^tls:/,/^  key:/d; s/^ledger:.*/&\nplaintext: loopback\nworkers: 4\nengine: {threads: 1}/' "$run/config.yaml"

# serve PLANT: the server with that fault and an empty ledger.
serve() {
    stop_server
    rm -f "$run"/ledger.db*
    AUDIT_PLANT=$1 "$build/tests/auditor/halftoned" --config "$run/config.yaml" \
        >"$run/server.log" 2>&1 &
    server_pid=$!
    local tries=100
    until "$bin/halftone" --plaintext datasets >/dev/null 2>&1; do
        kill -0 "$server_pid" 2>/dev/null || die_with_log "the server stopped"
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || die_with_log "the server does not answer"
        sleep 0.1
    done
}
audit() { # PLANT ANSWERS: as audit.c tells it
    serve "$1"
    "$build/tests/auditor/audit" "$grpc_port" "$HALFTONE_TOKEN" "$2" "$which" "$1" && return
    failed=1
    grep -E 'level=(warn|error)' "$run/server.log" | tail -n 3
}
[ "$answers" -eq 0 ] || audit holds "$answers"
if [ "$planted" -gt 0 ]; then
    audit scale "$planted"
    [ "$which" = quick ] || audit threshold "$planted"
fi
exit "$failed"
