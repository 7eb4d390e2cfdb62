#!/bin/bash
# A witness over HTTP: it signs what goes on from what it saw and leases budget;
# a ledger that was put back, or another one, does not start; without it what was
# leased can be spent, and no more.
set -u
cd "$(dirname "$0")/../.."
. demo/lib.sh
. tests/system/lib.sh
run=$(mktemp -d)
shop=$run/shop
witness_pid=
trap 'stop_server; stop_witness; rm -rf "$run"' EXIT

mkdir -p "$shop"
"${MAKE_SHOP:-$bin/make_shop}" demo/shop.sql "$shop" 2000 || die "no shop"
sed 's/^cap:.*/cap: { rho: 1, delta: 1e-8 }/' demo/shop.yaml >"$shop/shop.yaml"
write_config "$shop/shop.yaml"
start_server # once, for its key
page() { curl -sS --max-time 10 --http2 --cacert "$HALFTONE_CA" "https://$HALFTONE_TARGET/audit/$1"; }
page key >"$run/log.key"
stop_server
rm -f "$run"/ledger.db "$run"/ledger.db-wal "$run"/ledger.db-shm

port=$(free_port $((${PORT_FROM:-7443} + 57)))
start_witness() {
    "$bin/halftone" audit witness "$run/seen" --listen "127.0.0.1:$port" \
        --log-key "$(cat "$run/log.key")" --name witness.example/w1 >"$run/witness.log" 2>&1 &
    witness_pid=$!
    local i
    for i in $(seq 100); do
        [ -s "$run/witness.log" ] && return
        sleep 0.05
    done
}
stop_witness() {
    [ -z "$witness_pid" ] || kill "$witness_pid" 2>/dev/null
    [ -z "$witness_pid" ] || wait "$witness_pid" 2>/dev/null
    witness_pid=
}
ask() { "$bin/halftone" query --purpose improve_products "$@" </dev/null; }
count() { ask --rho "$2" "SELECT COUNT(*) FROM shop.orders WHERE amount > $1"; }
server_says() { says "$1" "$bin/halftoned" --config "$run/config.yaml"; }

start_witness
key=$(head -n 1 "$run/witness.log")
sed -i "s|^ledger:.*|&\naudit: {witness_url: 'http://127.0.0.1:$port/w', witness_key: '$key'}|" "$run/config.yaml"
stop_witness
check 'without its witness a server does not start, and says why' server_says 'cannot reach http://127.0.0.1'
start_witness
start_server
seen() { sed -n 2p "$run/seen"; }
check 'a start is witnessed' [ "$(seen)" -gt 0 ]
leases() { count 1 0.006 && grep -q '^halftone-block dataset/shop 1' "$run/seen"; }
check 'budget is leased before it is spent' leases
grows() {
    local before
    before=$(seen)
    for i in $(seq 130); do
        [ "$(seen)" -gt "$before" ] && return
        sleep 0.1
    done
    false
}
check 'and the log is shown again and again' grows
cosigned() { page cosigned | tee /dev/stderr | grep -q '^— witness.example/w1 '; }
check 'what it signed is served' cosigned
"$bin/halftone" ledger backup "$run/ledger.db" "$run/backup.db" >/dev/null
stop_server
cp "$run/ledger.db" "$run/old.db"
start_server
check 'a restart goes on' count 2 0.001

stop_witness
check 'while it is away, what was leased can be spent' count 3 0.001
refused() { exits 6 count 4 0.03; }
check 'and what was not cannot' refused
check 'in words' says 'leases no more budget now' count 5 0.03
check 'stored answers stay readable' count 3 0.001
start_witness
sleep 5.5
check 'when it is back, the server goes on' count 6 0.03
stop_server

rm -f "$run"/ledger.db*[lm] && cp "$run/old.db" "$run/ledger.db"
check 'a ledger that was put back does not start' server_says 'witness has seen more than it holds'
verify() { # CODE [CHECKPOINT]
    exits "$1" "$bin/halftone" ledger verify "$run/ledger.db" ${2:+"$2"} --log-key "$(cat "$run/log.key")"
}
check 'it holds together, for it is a ledger' verify 0
check 'but not with what the witness remembers' says 'is older, or was cut' verify 3 "$run/seen"
rm -f "$run"/ledger.db "$run"/ledger.db*[lm]
other() { # of the same key, long enough, and with another past
    start_server_without && stop_server
}
start_server_without() {
    cp "$run/config.yaml" "$run/with.yaml"
    sed -i '/^audit:/d' "$run/config.yaml"
    start_server
    for i in $(seq 8); do
        "$bin/halftone" query --purpose improve_products "SELECT * FROM shop.orders" </dev/null >/dev/null 2>&1
        count "$((i + 10))" 0.0001 >/dev/null
    done
    stop_server
    cp "$run/with.yaml" "$run/config.yaml"
}
check 'another ledger under this key is made' other
check 'and does not start' server_says 'past is not the one its witness has seen'
check 'though it holds together, too' verify 0
check 'it is told from the ledger by a checkpoint' says 'its past was changed' verify 3 "$run/seen"
recovers() {
    cp "$run/backup.db" "$run/ledger.db" &&
        "$bin/halftone" ledger recover "$run/ledger.db" "$run/seen" --log-key "$(cat "$run/log.key")"
}
rm -f "$run"/ledger.db "$run"/ledger.db*[lm]
check 'what it leased is counted as spent by a recovery' says 'dataset/shop: counted as spent: rho' recovers
burnt() { # a larger cap than the copy knew, which may have been spent, too
    rm -f "$run"/ledger.db*
    cp "$run/backup.db" "$run/ledger.db" &&
        "$bin/halftone" ledger recover "$run/ledger.db" --burn-all --log-key "$(cat "$run/log.key")" || return 1
    sed -i 's/^cap:.*/cap: { rho: 2, delta: 1e-8 }/; s/^version:.*/version: 9/' "$shop/shop.yaml"
    sed -i "s|^audit:.*|audit: {name: halftone.local/log2, key: log2-key}|" "$run/config.yaml"
    start_server
    exits 4 count 7 0.001
}
check 'without a witness all that the policies allow now is' burnt
post() { # WANT BODY
    printf '%b' "$2" | curl -s -o /dev/null -w '%{http_code}' --max-time 5 --data-binary @- "http://127.0.0.1:$port/add-checkpoint" |
        tee /dev/stderr | grep -q "^$1$"
}
check 'nonsense is refused' post 400 'x'
check 'another log, too' post 404 'old 0\n\nother.example\n1\nkWz3AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n'
check 'and what is not signed' post 403 "old 0\n\nhalftone.local/log\n1\nkWz3AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n— x AAAAAAAA\n"
exit $failed
