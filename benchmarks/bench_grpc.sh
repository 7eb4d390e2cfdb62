#!/bin/bash
# Cached answers (an idempotent replay) per server CPU-second, against gRPC C++
# (Debian's libgrpc++) that parses the same requests, knows the caller by the
# same header and answers as many bytes: with its callback API, the fastest it
# has, and with the synchronous one.  Alternated rounds, medians; TLS and
# plaintext.  Slots are off (first: 0), so that the figure is of work, not of
# waiting.  Needs libgrpc++-dev, libprotobuf-dev, protobuf-compiler-grpc, g++ and
# nghttp2-client (h2load); loopback only.
set -u
cd "$(dirname "$0")/.."
. demo/lib.sh
rounds=${ROUNDS:-5} requests=${REQUESTS:-200000}
peers='callback sync'
run=$(mktemp -d)
declare -A peer_pid peer_port
stop_peers() {
    [ -n "${peer_pid[*]-}" ] || return 0
    kill "${peer_pid[@]}"
    wait "${peer_pid[@]}" 2>/dev/null
    peer_pid=()
}
trap 'stop_server; stop_peers; rm -rf "$run"' EXIT
for tool in h2load protoc grpc_cpp_plugin pkg-config g++; do
    command -v $tool >/dev/null || { echo "SKIP bench_grpc: no $tool"; exit 0; }
done
pkg-config --exists grpc++ protobuf || { echo "SKIP bench_grpc: no libgrpc++"; exit 0; }
gen=build/bench/peer
mkdir -p $gen
if [ ! $gen/server -nt benchmarks/peers/grpc_cpp.cc ]; then
    protoc -Iproto --cpp_out=$gen --grpc_out=$gen \
        --plugin=protoc-gen-grpc="$(command -v grpc_cpp_plugin)" \
        proto/halftone/v1/halftone.proto || exit 1
    # shellcheck disable=SC2046
    g++ -O2 -std=c++17 -I$gen benchmarks/peers/grpc_cpp.cc $gen/halftone/v1/*.cc \
        -o $gen/server $(pkg-config --cflags --libs grpc++ protobuf) -lpthread || exit 1
fi

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

# load SCHEME PORT PID [REQUESTS]: sends requests, all of which must succeed;
# prints how many a CPU-second of PID serves (0: some failed) and the length of
# a reply.
load() {
    local before after n=${4:-$requests}
    before=$(cpu_ticks "$3")
    h2load -n "$n" -c 4 -m 50 -d "$run/body" \
        -H 'content-type: application/grpc' -H 'te: trailers' \
        -H "authorization: Bearer $HALFTONE_TOKEN" \
        "$1://localhost:$2/halftone.v1.Halftone/Query" >"$run/h2load" 2>&1
    after=$(cpu_ticks "$3")
    awk -v n="$n" -v t=$((after - before)) -v hz="$(getconf CLK_TCK)" '
        /^requests:/ { ok = $8 }
        /^traffic:/ { data = $NF == "data" ? $(NF - 1) : 0; gsub(/[()]/, "", data) }
        END { print (ok == n && t > 0 ? int(n * hz / t) : 0), data / n }' "$run/h2load"
}
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)], v[1], v[NR] }'; }

mkdir -p "$run/shop"
"$bin/make_shop" demo/shop.sql "$run/shop" 2000 || exit 1
sed '/^slots:/d' demo/shop.yaml >"$run/shop/shop.yaml"
echo 'slots: {first: 0 ms}' >>"$run/shop/shop.yaml"
echo 'purpose:"improve_products" sql:"SELECT COUNT(*) FROM shop.customers" idempotency_key:"bench"' |
    frame QueryRequest >"$run/body"
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
    # The answer is stored, and each loop remembers it; then a message of one
    # notice gives the peers' reply as many bytes.
    load $scheme "$grpc_port" $server_pid 4 >/dev/null
    read -r _ len < <(load $scheme "$grpc_port" $server_pid 400)
    echo "notices: \"$(head -c $((len - 8)) /dev/zero | tr '\0' x)\"" |
        frame QueryReply | tail -c +6 >"$run/reply"
    for peer in $peers; do
        peer_port[$peer]=$(free_port 50151)
        # shellcheck disable=SC2086
        $gen/server $peer "${peer_port[$peer]}" "$run/reply" $peer_tls &
        peer_pid[$peer]=$!
        sleep 1
        read -r _ peer_len < <(load $scheme "${peer_port[$peer]}" "${peer_pid[$peer]}" 400)
        [ "$peer_len" = "$len" ] ||
            { echo "FAILED bench_grpc: replies of $len and $peer_len bytes"; exit 1; }
    done
    for who in ours $peers; do : >"$run/$who"; done
    for _ in $(seq "$rounds"); do
        load $scheme "$grpc_port" $server_pid >>"$run/ours"
        for peer in $peers; do
            load $scheme "${peer_port[$peer]}" "${peer_pid[$peer]}" >>"$run/$peer"
        done
    done
    # A refusal is HTTP 200, too: only what the server counts as replays counts.
    replays=$(exec 3<>"/dev/tcp/127.0.0.1/$metrics_port"
        printf 'GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n' >&3
        sed -n 's/^halftone_replays_total //p' <&3 | tr -d '\r')
    [ "${replays:-0}" -ge $((rounds * requests)) ] ||
        { echo "FAILED bench_grpc: only ${replays:-0} replays"; exit 1; }
    read -r ours ours_lo ours_hi < <(median <"$run/ours")
    for peer in $peers; do
        read -r theirs lo hi < <(median <"$run/$peer")
        printf '%s\tours %s (%s..%s)\tgRPC C++ %s %s (%s..%s)\tratio %.2f\n' $mode \
            "$ours" "$ours_lo" "$ours_hi" $peer "$theirs" "$lo" "$hi" \
            "$(awk -v a="$ours" -v b="$theirs" 'BEGIN { print (b > 0 ? a / b : 0) }')"
    done
    stop_peers
    stop_server
done
