#!/bin/bash
# node-postgres on the PostgreSQL port.
set -u
. "$(dirname "$0")/lib_clients.sh"
clients=$PWD/tests/system/clients/pg/node
node=build/pg_node
command -v node >/dev/null && command -v npm >/dev/null ||
    tools/need.sh nodejs npm || skip "node-postgres: no Node on this machine"
stamp=$(cksum <"$clients/package-lock.json")
if [ "$(cat $node/made 2>/dev/null)" != "$stamp" ]; then
    rm -rf $node
    mkdir -p $node
    cp "$clients"/package*.json $node/
    (cd $node && timeout 200 npm ci --silent --no-audit --no-fund --ignore-scripts) ||
        skip "node-postgres: its packages cannot be had for Node $(node --version)"
    echo "$stamp" >$node/made
fi
start_two_shops
NODE_PATH=$PWD/$node/node_modules tell node node "$clients/ask.js"
