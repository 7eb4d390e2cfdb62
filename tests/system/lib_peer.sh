# Sourced by the system tests of the transport: starts the test peer on a free
# loopback port, fetches pinned tools into build/tools, ends what it started.
cd "$(dirname "$0")/../.."
root=$(pwd)
tools=$root/build/tools
work=$(mktemp -d)
peer_pid=
trap 'stop_peer; rm -rf "$work"' EXIT

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
    echo "FAIL the test peer did not start"
    exit 1
}

# fetch_tool NAME PACKAGE@VERSION: a Go program, built once
fetch_tool() {
    [ -x "$tools/$1" ] && return 0
    command -v go >/dev/null 2>&1 || skip "$1: no Go on this machine"
    mkdir -p "$tools"
    GOFLAGS=-mod=mod GOBIN=$tools timeout 400 go install "$2" \
        >"$work/go.log" 2>&1 || {
        tail -3 "$work/go.log"
        skip "$1: $2 does not build here"
    }
}

# report NAME STATUS: one line, and remembers a failure
failed=0 passed=0
report() {
    if [ "$2" -eq 0 ]; then
        echo "PASS $1"
        passed=$((passed + 1))
    else
        echo "FAIL $1"
        failed=$((failed + 1))
    fi
}
finish() {
    stop_peer
    report "the server ends in order after SIGTERM" $?
    echo "$passed passed, $failed failed"
    [ "$failed" -eq 0 ]
}
