#!/bin/bash
# Hostile HTTP/2 clients (attack.c) against the real server: each connection ends
# as its row says, others are answered meanwhile, and memory does not grow.
set -u
cd "$(dirname "$0")/../.."
. demo/lib.sh
. tests/system/lib.sh
run=$(mktemp -d)
trap 'stop_server; rm -rf "$run"' EXIT
attack=$BIN/tests/system/attack
[ "$BIN" = build ] && attack=build/opt/tests/system/attack
[ -x "$attack" ] || die "no $attack"

mkdir -p "$run/shop"
"${MAKE_SHOP:-$bin/make_shop}" demo/shop.sql "$run/shop" 100 || die "no shop"
cp demo/shop.yaml "$run/shop/shop.yaml"
write_config "$run/shop/shop.yaml"
sed -i '/^tls:/,/^  key:/d' "$run/config.yaml"
cat >>"$run/config.yaml" <<'END'
plaintext: loopback
limits: {connections: 40, idle: 1 s, stall: 1 s}
END
bin_halftone=$bin/halftone
halftone() { "$bin_halftone" "$@" --plaintext; }
serve() {
    "$bin/halftoned" --config "$run/config.yaml" >"$run/server.log" 2>&1 &
    server_pid=$!
    for _ in $(seq 100); do
        halftone datasets >/dev/null 2>&1 && return
        sleep 0.1
    done
    die_with_log "the server does not answer"
}
memory_kb() { awk '/^VmRSS/ { print $2 }' "/proc/$server_pid/status"; }

# ends ATTACK OUTCOME: and a client that means well is answered right after
ends() {
    local out
    out=$("$attack" "$grpc_port" "$1") || return 1
    echo "$out"
    case $out in "$2"*) halftone datasets --timeout 5s ;; *) return 1 ;; esac
}
serve
before=$(memory_kb)
calm='goaway 11' bye='goaway 0'

# What ends by a timer, all at once and while the floods go on.
slow='silence greeting-alone half-frame half-headers half-message zero-window'
for name in $slow; do "$attack" "$grpc_port" "$name" >"$run/$name" & pids+=" $!"; done
for name in ping settings priority window-update unknown-frames empty-data \
    continuation rapid-reset too-many-streams header-bomb; do
    check "$name" ends $name "$calm"
done
check 'HTTP/1' ends http1 'goaway 1'
# shellcheck disable=SC2086
wait $pids
ended() { cat "$run/$1" && [[ $(<"$run/$1") == "$2"* ]]; }
for name in $slow; do
    want=$bye
    [ $name = zero-window ] && want='reset 60'
    check "$name" ended $name "$want"
done

# Places taken by clients that say nothing are given to those who have a token.
crowd() {
    local fds=() fd i rc=0
    for i in $(seq 60); do
        exec {fd}<>"/dev/tcp/127.0.0.1/$grpc_port" && fds+=("$fd")
    done
    for i in 1 2 3 4 5; do halftone datasets --timeout 2s || rc=1; done
    for fd in "${fds[@]}"; do exec {fd}>&-; done
    return $rc
}
check 'a silent crowd makes room' crowd

# A connection that was let in is turned away once its token is taken back.
revoked() {
    "$attack" "$grpc_port" keep-asking >"$run/revoked" &
    local pid=$!
    sleep 0.5
    sed -i 's/^  analyst:/  nobody:/; /^  nobody:/,/token_sha256/s/token_sha256: "*[0-9a-f]*"*/token_sha256: "'"$(
        printf x | sha256sum | cut -c1-64)"'"/' "$run/principals.yaml"
    kill -HUP "$server_pid"
    wait "$pid"
    cat "$run/revoked" "$run/principals.yaml"
    tail -n 3 "$run/server.log"
    grep -q ^refused "$run/revoked"
}

memory_is_bounded() {
    local after
    after=$(memory_kb)
    echo "$before kB before, $after kB after"
    [ $((after - before)) -lt 32768 ]
}
if [ "$BIN" = build ]; then check 'memory is bounded' memory_is_bounded; fi
check 'a token taken back ends what its connection may do' revoked
drains() {
    kill -TERM "$server_pid"
    wait "$server_pid"
    local rc=$?
    server_pid=
    [ "$rc" -eq 0 ]
}
check 'SIGTERM drains and exits 0' drains
exit "$failed"
