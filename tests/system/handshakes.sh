#!/bin/bash
# TLS handshakes of one address, on the real server: past the number that it may
# have under way, and past the rate, it is turned away; another address is not.
set -u
cd "$(dirname "$0")/../.."
. demo/lib.sh
. tests/system/lib.sh
run=$(mktemp -d)
shop=$run/shop
trap 'stop_server; rm -rf "$run"' EXIT

mkdir -p "$shop"
"${MAKE_SHOP:-$bin/make_shop}" demo/shop.sql "$shop" 200 || die "no shop"
cp demo/shop.yaml "$shop/shop.yaml"
write_config "$shop/shop.yaml"
limit() { # HANDSHAKES RATE
    stop_server
    sed -i '/^limits:/d' "$run/config.yaml"
    echo "limits: {handshakes: $1, handshake_rate: $2}" >>"$run/config.yaml"
    start_server
}
can() { "$bin/halftone" datasets --timeout 5s >/dev/null 2>&1; } # from 127.0.0.1
cannot() { ! can; }
other_can() { # from 127.0.0.2
    openssl s_client -connect "127.0.0.1:$grpc_port" -bind 127.0.0.2:0 -alpn h2 \
        -CAfile "$HALFTONE_CA" </dev/null 2>&1 | grep 'Verify return code: 0'
}
refused() {
    exec 4<>"/dev/tcp/127.0.0.1/$metrics_port"
    printf 'GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n' >&4
    sed -n 's/^halftone_connections_refused_total //p' <&4 | tr -d '\r'
    exec 4>&-
}

limit 5 1000
held=()
hold() { # connections that say nothing
    local i fd
    for ((i = 0; i < $1; i++)); do
        exec {fd}<>"/dev/tcp/127.0.0.1/$grpc_port" || return 1
        held+=("$fd")
    done
    sleep 0.3
}
let_go() {
    local fd
    for fd in "${held[@]}"; do exec {fd}>&-; done
    held=()
    sleep 0.3
}
check 'at the limit the address is served' hold 4
check 'by a client whose handshake ends at once' can
check 'one more that says nothing' hold 1
check 'past it the address is turned away' cannot
check 'another address is not' other_can
let_go
check 'when those are gone, it is served again' can

limit 1000 1
burst() { # two are two seconds' worth, and starting took some
    local i
    for i in 1 2 3 4 5 6; do can || return 0; done
    return 1
}
check 'past the rate the address is turned away' burst
check 'another address is not' other_can
later() { sleep 1.5 && can; }
check 'time lets it in again' later
counted() { local n; n=$(refused); echo "$n refused"; [ "$n" -ge 1 ]; }
check 'the metrics tell how many' counted
exit "$failed"
