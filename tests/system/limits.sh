#!/bin/bash
# The real server where the system runs short (open files, disk) and while it is
# told to reload or to stop: queries end in answers or in clear refusals, and the
# ledger knows what happened.
set -u
cd "$(dirname "$0")/../.."
. demo/lib.sh
. tests/system/lib.sh
run=$(mktemp -d)
trap 'stop_server; rm -rf "$run"' EXIT
ask() { "$bin/halftone" query --purpose improve_products "$@" </dev/null; }
count='SELECT country, COUNT(*) AS n FROM shop.customers GROUP BY country'
other='SELECT COUNT(*) AS n FROM shop.orders'
log=$run/server.log
verifies() { "$bin/halftone" ledger verify "$run/ledger.db"; }

mkdir -p "$run/shop"
"${MAKE_SHOP:-$bin/make_shop}" demo/shop.sql "$run/shop" 500 || die "no shop"
cp demo/shop.yaml "$run/shop/shop.yaml"
write_config "$run/shop/shop.yaml"
echo 'limits: {handshakes: 1000}' >>"$run/config.yaml" # the crowd is one address

# --- open files ---

no_files() {
    (ulimit -n 100; exec timeout 20 "$bin/halftoned" --config "$run/config.yaml") >"$log" 2>&1
    [ $? -ne 0 ] && cat "$log" && grep -q 'may open 100 files' "$log"
}
check 'too few open files is said at the start' no_files

few_files() { # a crowd takes every place, and yet a query has its files
    local fds=() fd i
    (ulimit -n 300; exec "$bin/halftoned" --config "$run/config.yaml") >"$log" 2>&1 &
    server_pid=$!
    for i in $(seq 50); do "$bin/halftone" datasets && break; sleep 0.1; done
    grep -q 'event=connections_lowered' "$log" || return 1
    for i in $(seq 150); do
        exec {fd}<>"/dev/tcp/127.0.0.1/$grpc_port" && fds+=("$fd")
    done
    sleep 0.3
    ask --key files --format csv "$other"
    local rc=$?
    for fd in "${fds[@]}"; do exec {fd}>&-; done
    return $rc
}
check 'a crowd takes no files from queries' few_files
stop_server

# --- a reload and a stop under load ---

start_server
ask --key one --format csv "$count" >"$run/one" || die_with_log "no answer"
reloads_under_load() {
    local i pids=
    for i in 1 2 3 4; do
        for _ in $(seq 15); do
            ask --key one --format csv "$count" | cmp - "$run/one" || exit 1
        done &
        pids+=" $!"
    done
    for i in $(seq 12); do # every other one changes the policy file
        [ $((i % 2)) -eq 0 ] && echo '# again' >>"$run/shop/shop.yaml"
        kill -HUP "$server_pid"
        sleep 0.05
    done
    local rc=0 pid
    for pid in $pids; do wait "$pid" || rc=1; done
    [ "$rc" -eq 0 ] && ! grep -q reload_failed "$log" && grep -q 'event=reload ' "$log"
}
check 'reloads under load change no answer and fail no call' reloads_under_load

stops_under_load() {
    local i pids=
    for i in 1 2 3 4 5 6; do
        ask --key "stop$i" --format csv \
            "SELECT COUNT(*) FROM shop.orders WHERE amount < $i" >"$run/s$i" 2>"$run/e$i" &
        pids+=" $!"
    done
    sleep 0.08
    kill -TERM "$server_pid"
    local rc pid
    for pid in $pids; do
        wait "$pid"
        rc=$?
        [ $rc -eq 0 ] || [ $rc -eq 6 ] || { cat "$run/e$i"; return 1; }
    done
    wait "$server_pid"
    rc=$?
    server_pid=
    [ $rc -eq 0 ] && verifies || return 1
    start_server
    for i in 1 2 3 4 5 6; do
        ask --key "stop$i" --format csv \
            "SELECT COUNT(*) FROM shop.orders WHERE amount < $i" >"$run/t$i" || return 1
        # What was answered before is the answer now.
        ! grep -q '^[0-9]' "$run/s$i" || cmp "$run/s$i" "$run/t$i" || return 1
    done
}
check 'a stop under load finishes what it began' stops_under_load
stop_server

# --- a full disk ---

# A limit on file size stands for it: writes past it fail in the same place.
disk_full() {
    local i rc=0 asked=0
    rm -f "$run"/ledger.db*
    (ulimit -f 320; exec "$bin/halftoned" --config "$run/config.yaml") >"$log" 2>&1 &
    server_pid=$!
    for i in $(seq 50); do "$bin/halftone" datasets && break; sleep 0.1; done
    for i in $(seq 30); do
        ask --key "disk$i" --format csv \
            "SELECT COUNT(*) FROM shop.orders WHERE amount < $i" >"$run/d$i" 2>"$run/error"
        rc=$?
        [ $rc -eq 0 ] || break
        asked=$i
    done
    cat "$run/error"
    echo "$asked answered, then exit $rc"
    [ "$asked" -gt 0 ] && [ $rc -eq 6 ] || return 1
    wait "$server_pid"
    rc=$?
    server_pid=
    cat "$log"
    [ $rc -ne 0 ] && grep -q 'event=ledger_failed' "$log" || return 1
    start_server # the disk has room again
    verifies || return 1
    for i in $(seq "$asked"); do
        ask --key "disk$i" --format csv \
            "SELECT COUNT(*) FROM shop.orders WHERE amount < $i" | cmp - "$run/d$i" || return 1
    done
}
check 'a full disk stops the server, and nothing answered is lost' disk_full
stop_server
exit "$failed"
