#!/bin/bash
# Leaves the demo server running in the foreground and says how to connect.
# Its budget is durable: what is spent stays spent until build/demo/serve is
# removed.
set -u
cd "$(dirname "$0")/.."
. demo/lib.sh
run=build/demo/serve
trap stop_server EXIT
trap 'exit 0' INT TERM

if [ -n "${POLICY:-}" ]; then
    policy=$(realpath "$POLICY") || die "POLICY=$POLICY cannot be read"
else
    make_shop
    policy=$PWD/build/demo/shop/shop.yaml
fi
write_config "$policy"
start_server
cat <<TEXT
halftoned is running (pid $server_pid).  In another terminal:

    cd $PWD
    export HALFTONE_TARGET=$HALFTONE_TARGET
    export HALFTONE_CA=$HALFTONE_CA
    export HALFTONE_TOKEN=\$(cat $PWD/$run/analyst.token)
    export HALFTONE_PURPOSE=improve_products
    $bin/halftone datasets
    $bin/halftone query 'SELECT country, COUNT(DISTINCT customer_id) FROM shop.customers GROUP BY country'

Log: $run/server.log   Metrics: http://127.0.0.1:$metrics_port/metrics
Ctrl-C stops it.
TEXT
wait "$server_pid"
