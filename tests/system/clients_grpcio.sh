#!/bin/bash
# Not in make test: see make test-clients.
# grpcio with no contract at hand: everything it knows comes from reflection.
set -u
. "$(dirname "$0")/lib_clients.sh"
use_python grpcio
start_shop
"$python" tests/system/clients/reflect.py
