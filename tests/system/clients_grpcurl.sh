#!/bin/bash
# Not in make test: see make test-clients.
# grpcurl 1.8.7 (it builds with Go 1.19) lists, describes and calls everything by
# reflection.
set -u
. "$(dirname "$0")/lib_clients.sh"
. tests/system/lib_fetch.sh
fetch_tool grpcurl github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.8.7
start_shop
curl() {
    "$tools/grpcurl" -cacert "$HALFTONE_CA" -max-time 20 \
        -H "authorization: Bearer $HALFTONE_TOKEN" "$@"
}

services=$(curl "$HALFTONE_TARGET" list)
check 'the services are listed' says 'halftone.v1.Halftone' echo "$services"
for service in $services; do
    check "$service is described" says "is a service" curl "$HALFTONE_TARGET" describe "$service"
    for method in $(curl "$HALFTONE_TARGET" list "$service"); do
        check "$method is described" says 'is a method' curl "$HALFTONE_TARGET" describe "$method"
    done
done
query='{"purpose":"improve_products","sql":"SELECT count(*) FROM shop.orders"}'
calls() { # METHOD REQUEST WANT
    check "$1 is called" says "$3" curl -d "$2" "$HALFTONE_TARGET" "$1"
}
h=halftone.v1.Halftone
calls $h/Query "$query" '"queryId"'
calls $h/Batch "{\"purpose\":\"improve_products\",\"queries\":[$query]}" '"answers"'
calls $h/Estimate "{\"query\":$query}" '"plan"'
calls $h/ListDatasets '{}' '"shop"'
calls $h/DescribeDataset '{"dataset":"shop"}' '"customer_id"'
calls $h/GetBudget '{}' '"spentRhoPico"'
calls $h/ListCharges '{}' '"answered"'
calls grpc.health.v1.Health/Check '{}' '"SERVING"'
watched() { curl -max-time 2 -d '{}' "$HALFTONE_TARGET" $h/WatchBudget 2>&1; }
check "$h/WatchBudget streams" says '"remainingRhoPico"' watched
# The demo's counts of consent are on no schedule, which is said.
counts() { curl -d '{"dataset":"shop"}' "$HALFTONE_TARGET" $h/GetConsentCounts 2>&1; }
check "$h/GetConsentCounts is called" says 'NotFound' counts
every() { # unary method has been called above
    local m
    for m in $(curl "$HALFTONE_TARGET" list $h); do
        grep -q "h/${m##*.}[ \"]" "$0" || [ "${m##*.}" = WatchBudget ] ||
            { echo "$m was not called"; return 1; }
    done
}
check 'no method was left out' every
exit "$failed"
