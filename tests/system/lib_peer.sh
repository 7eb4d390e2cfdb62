# Sourced by the system tests of the transport: starts the test peer on a free
# loopback port, and ends what it started.
cd "$(dirname "$0")/../.."
root=$(pwd)
work=$(mktemp -d)
peer_pid=
trap 'stop_peer; rm -rf "$work"' EXIT

. tests/system/lib_fetch.sh

skip() { echo "SKIP $*"; exit 0; }

stop_peer() {
    [ -n "$peer_pid" ] || return 0
    kill "$peer_pid" 2>/dev/null
    wait "$peer_pid"
    peer_rc=$?
    peer_pid=
    return $peer_rc
}

# start_peer [CERT KEY]: sets port and peer_pid
start_peer() {
    make -s "build/${KIND:-opt}/tests/system/interop_server" >&2 || exit 1
    "build/${KIND:-opt}/tests/system/interop_server" "$@" >"$work/port" &
    peer_pid=$!
    for _ in $(seq 50); do
        port=$(cat "$work/port")
        [ -n "$port" ] && return 0
        sleep 0.1
    done
    echo "FAILED the test peer did not start"
    exit 1
}

# report NAME STATUS: one line, and remembers a failure
failed=0 passed=0
report() {
    if [ "$2" -eq 0 ]; then
        echo "ok $1"
        passed=$((passed + 1))
    else
        echo "FAILED $1"
        failed=$((failed + 1))
    fi
}
finish() {
    stop_peer
    report "the server ends in order after SIGTERM" $?
    echo "$passed passed, $failed failed"
    [ "$failed" -eq 0 ]
}
