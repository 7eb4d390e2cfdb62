#!/bin/bash
# Cached answers (an idempotent replay) per server CPU-second, against gRPC C++
# (Debian's libgrpc++) that answers the same bytes without looking at them.
# Alternated rounds, medians; TLS and plaintext.  Slots are off (first: 0), so
# that the figure is of work, not of waiting.  Needs libgrpc++-dev, g++ and
# nghttp2-client (h2load); loopback only.
set -u
cd "$(dirname "$0")/.."
. demo/lib.sh
rounds=${ROUNDS:-5} requests=${REQUESTS:-100000}
run=$(mktemp -d)
peer_pid=
trap 'stop_server; [ -z "$peer_pid" ] || kill "$peer_pid"; rm -rf "$run"' EXIT
for tool in h2load protoc pkg-config; do
    command -v $tool >/dev/null || { echo "SKIP bench_grpc: no $tool"; exit 0; }
done
pkg-config --exists grpc++ || { echo "SKIP bench_grpc: no libgrpc++"; exit 0; }
mkdir -p build/bench
[ build/bench/grpc_cpp -nt benchmarks/peers/grpc_cpp.cc ] ||
    g++ -O2 -std=c++17 benchmarks/peers/grpc_cpp.cc -o build/bench/grpc_cpp \
        $(pkg-config --cflags --libs grpc++) -lpthread || exit 1

# A length-prefixed message from text.
frame() {
    protoc -Iproto --encode="halftone.v1.$1" proto/halftone/v1/halftone.proto >"$run/msg"
    local len
    len=$(stat -c %s "$run/msg")
    printf "$(printf '\\x00\\x%02x\\x%02x\\x%02x\\x%02x' $((len >> 24 & 255)) \
        $((len >> 16 & 255)) $((len >> 8 & 255)) $((len & 255)))"
    cat "$run/msg"
}
cpu_ticks() { awk '{ print $14 + $15 }' "/proc/$1/stat"; }

# load SCHEME PORT PID: requests per CPU-second of PID, or 0 when any failed
load() {
    local before after ok
    before=$(cpu_ticks "$3")
    ok=$(h2load -n "$requests" -c 4 -m 50 -d "$run/body" \
        -H 'content-type: application/grpc' -H 'te: trailers' \
        -H "authorization: Bearer $HALFTONE_TOKEN" \
        "$1://localhost:$2/halftone.v1.Halftone/Query" 2>&1 |
        sed -n 's/^requests:.* \([0-9]*\) succeeded.*/\1/p')
    after=$(cpu_ticks "$3")
    awk -v n="${ok:-0}" -v want="$requests" -v t=$((after - before)) -v hz="$(getconf CLK_TCK)" \
        'BEGIN { print (n == want && t > 0 ? int(n * hz / t) : 0) }'
}
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)], v[1], v[NR] }'; }

mkdir -p "$run/shop"
"$bin/make_shop" demo/shop.sql "$run/shop" 2000 || exit 1
sed '/^slots:/d' demo/shop.yaml >"$run/shop/shop.yaml"
echo 'slots: {first: 0 ms}' >>"$run/shop/shop.yaml"
echo 'purpose:"improve_products" sql:"SELECT COUNT(*) FROM shop.customers" idempotency_key:"bench"' |
    frame QueryRequest >"$run/body"
# The peer's reply has our reply's length.
head -c 300 /dev/zero >"$run/reply"

for mode in plain tls; do
    write_config "$run/shop/shop.yaml"
    if [ $mode = plain ]; then
        scheme=http peer_tls=
        sed -i '/^tls:/,/^  key:/d' "$run/config.yaml"
        echo 'plaintext: loopback' >>"$run/config.yaml"
        "$bin/halftoned" --config "$run/config.yaml" >"$run/server.log" 2>&1 &
        server_pid=$!
        sleep 1
    else
        scheme=https
        peer_tls="build/demo/tls/server.pem build/demo/tls/server.key"
        start_server
    fi
    peer_port=$(free_port 50151)
    # shellcheck disable=SC2086
    build/bench/grpc_cpp "$peer_port" "$run/reply" $peer_tls &
    peer_pid=$!
    sleep 1
    requests=400 load $scheme "$grpc_port" $server_pid >/dev/null # the answer is stored
    : >"$run/ours" && : >"$run/peer"
    for _ in $(seq "$rounds"); do
        load $scheme "$grpc_port" $server_pid >>"$run/ours"
        load $scheme "$peer_port" $peer_pid >>"$run/peer"
    done
    # A refusal is HTTP 200, too: only what the server counts as replays counts.
    replays=$(exec 3<>"/dev/tcp/127.0.0.1/$metrics_port"
        printf 'GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n' >&3
        sed -n 's/^halftone_replays_total //p' <&3 | tr -d '\r')
    [ "${replays:-0}" -ge $((rounds * requests)) ] ||
        { echo "FAILED bench_grpc: only ${replays:-0} replays"; exit 1; }
    read -r ours ours_lo ours_hi < <(median <"$run/ours")
    read -r peer peer_lo peer_hi < <(median <"$run/peer")
    printf '%s\tours %s (%s..%s)\tgRPC C++ %s (%s..%s)\tratio %.2f\n' $mode \
        "$ours" "$ours_lo" "$ours_hi" "$peer" "$peer_lo" "$peer_hi" \
        "$(awk -v a="$ours" -v b="$peer" 'BEGIN { print (b > 0 ? a / b : 0) }')"
    kill "$peer_pid"
    wait "$peer_pid" 2>/dev/null
    peer_pid=
    stop_server
done
