#!/bin/bash
# Not in make test: see make test-clients.
# pgx and lib/pq on the PostgreSQL port.
set -u
. "$(dirname "$0")/lib_clients.sh"
ask=$PWD/build/tools/pgclients
command -v go >/dev/null || skip "pgx: no Go on this machine"
mkdir -p build/tools
(cd tests/system/clients/pg/go && GOTOOLCHAIN=local GOFLAGS=-mod=readonly timeout 400 go build -o "$ask" .) \
    >"$run/go" 2>&1 || { tail -3 "$run/go"; skip "pgx: does not build with $(go version)"; }
start_two_shops
tell go "$ask"
