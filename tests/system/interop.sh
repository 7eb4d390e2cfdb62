#!/bin/sh
# Not in make test: it fetches and builds tools.
# The official gRPC interoperability client against our transport.
set -u
. "$(dirname "$0")/lib_peer.sh"
fetch_tool client google.golang.org/grpc/interop/client@v1.60.1

start_peer
for case in empty_unary large_unary client_streaming server_streaming \
    ping_pong empty_stream timeout_on_sleeping_server cancel_after_begin \
    cancel_after_first_response status_code_and_message \
    special_status_message custom_metadata unimplemented_method \
    unimplemented_service; do
    timeout 20 "$tools/client" --server_host=127.0.0.1 \
        --server_port="$port" --test_case=$case >"$work/log" 2>&1
    rc=$?
    [ $rc -eq 0 ] || tail -3 "$work/log"
    report "$case" $rc
done
finish
