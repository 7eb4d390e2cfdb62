#!/bin/bash
# Not in make test: see make test-clients.
# grpc-js with no contract at hand: a reflection client and protobufjs.
set -u
. "$(dirname "$0")/lib_clients.sh"
node=build/node
command -v node >/dev/null && command -v npm >/dev/null ||
    tools/need.sh nodejs npm || skip "grpc-js: no Node on this machine"
stamp=$(cat tests/system/clients/package-lock.json | cksum)
if [ "$(cat $node/made 2>/dev/null)" != "$stamp" ]; then
    rm -rf $node
    mkdir -p $node
    cp tests/system/clients/package*.json $node/
    (cd $node && timeout 200 npm ci --silent --no-audit --no-fund --ignore-scripts) ||
        skip "grpc-js: its packages cannot be had for Node $(node --version)"
    echo "$stamp" >$node/made
fi
start_shop
NODE_PATH=$PWD/$node/node_modules node tests/system/clients/reflect.js
