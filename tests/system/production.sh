#!/bin/bash
# What docs/production.md describes, built from the file that it shows: three
# servers, a ledger and a register in one PostgreSQL, one witness for all.  The
# witness goes away and comes back; the database is put back, which is found out,
# and recovered.
set -u
cd "$(dirname "$0")/../.."
. demo/lib.sh
. tests/system/lib.sh
. tests/system/lib_servers.sh
halftone=$PWD/$bin/halftone halftoned=$PWD/$bin/halftoned
etc=$run # /etc/halftone, and what is the same of /var/lib/halftone
witness_pid=
trap 'stop_witness; end_all' EXIT
stop_witness() {
    [ -z "$witness_pid" ] || { kill "$witness_pid" 2>/dev/null && wait "$witness_pid" 2>/dev/null; }
    witness_pid=
}

pg_bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -1)
mkdir -p "$data" "$etc/policies"
"$bin/make_shop" demo/shop.sql "$data" 2000 || die "no shop"
cp demo/shop.yaml "$data/shop.yaml"
write_config "$data/shop.yaml"
cp "$data/shop.yaml" "$etc/policies/"
cp "$data"/*.parquet "$etc/policies/"
cp build/demo/tls/server.* "$etc/"
export HALFTONE_PURPOSE=improve_products
uri=$(tests/postgres.sh start "$db" $$) || die "no PostgreSQL"
witness_port=$(free_port $((grpc_port + 150)))
for i in 1 2 3; do port[$i]=$(free_port $((grpc_port + 200 + 10 * i))); done

# The page's file, with this machine's addresses.  file N: that of server N.
file() {
    sed -n '/^```yaml$/,/^```$/{//!p}' docs/production.md |
        sed "s|^listen:.*|listen: 127.0.0.1:${port[$1]}|; /^postgres:/d; s|^metrics:.*|metrics: off|
            s|postgresql://.*|\"${uri//&/\\&}\"|; s|/var/lib/halftone/erasures|$run/lib$1/erasures|; s|/var/lib/halftone|$etc|
            s|https://witness.example/shop|http://127.0.0.1:$witness_port/shop|" >"$run/config$1.yaml"
    mkdir -p "$run/lib$1"
}
unwitnessed() { file "$1" && sed -i '/witness_/d' "$run/config$1.yaml"; }
# Another key of the log, and the witness that has it.
witnessed() { # N AUDIT-KEY NAME
    file "$1" && sed -i "s|/audit-key|/$2|; s|shop.example/log|$3|
        s|witness_key: .*|witness_key: $(head -n 1 "$run/witness.log")|" "$run/config$1.yaml"
}
start_witness() { # FILE KEY
    : >"$run/witness.log" # of the one before
    "$halftone" audit witness "$run/$1" --listen "127.0.0.1:$witness_port" \
        --name witness.example/shop --log-key "$2" >"$run/witness.log" 2>&1 &
    witness_pid=$!
    local tries=100
    until [ -s "$run/witness.log" ]; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || return 1
        sleep 0.05
    done
}
page() { curl -sS --max-time 10 --http2 --cacert "$HALFTONE_CA" "https://localhost:${port[$1]}/audit/$2"; }
ask() { # N SQL
    HALFTONE_TARGET=localhost:${port[$1]} "$halftone" query --format json "$2" </dev/null
}
refused() { # WORDS N
    ! timeout 60 "$halftoned" --config "$run/config$2.yaml" >"$run/said" 2>&1
    cat "$run/said"
    grep -q "$1" "$run/said"
}

unwitnessed 1
check 'the file of the page is one' says 'everything is in order' "$halftoned" --config "$run/config1.yaml" --check
check 'the first server makes four keys' test -s "$etc/bounding.key" -a -s "$etc/answer-keys" -a \
    -s "$etc/audit-key" -a -s "$etc/pseudonym-keys"
check 'it starts without a witness' start 1
log_key=$(page 1 key)
check 'the witness prints its key' start_witness seen "$log_key"
stop 1
for i in 1 2 3; do witnessed $i audit-key shop.example/log; done
check 'the first server starts with the witness' start 1
cosigned() { page "$1" cosigned | grep -q '^— witness.example/shop '; }
check 'whose signature it shows' cosigned 1
check 'the second starts under the same witness' start 2
check 'and the third' start 3

QUESTION='SELECT COUNT(*) FROM shop.orders'
once() {
    local s
    for s in 1 2 3; do ask $s "$QUESTION" >"$run/got$s" || return 1; done
    grep -l '"cached":false' "$run"/got? | wc -l | grep -qx 1 &&
        [ "$(sed 's/.*"rows"/"rows"/; s/,"intervals.*//' "$run"/got? | sort -u | wc -l)" = 1 ]
}
check 'one question asked of all three is charged once' once
each_charges() {
    local s
    for s in 1 2 3; do ask $s "$QUESTION WHERE amount > 1$s" >/dev/null || return 1; done
}
check 'each of them charges under the witness' each_charges
stop_all # a dump of servers that live has to wait for them to be dead
"$pg_bin/pg_dump" "$uri" >"$run/dump.sql"
for i in 1 2 3; do check "server $i starts again" start $i; done
check 'and charges' ask 2 "$QUESTION WHERE amount > 99"
check 'the ledger holds together' "$halftone" ledger verify "$uri"

# ---- the witness is away ----

stop_witness
goes_on() {
    local got
    got=$(ask 3 "$QUESTION") && [[ $got == *'"cached":true'* ]]
}
check 'stored answers need no witness' goes_on
beyond() { # more than a block: a hundredth of the cap is ten such questions
    local i
    for i in $(seq 1 15); do
        ask 1 "$QUESTION WHERE amount > $i.5" >"$run/got" 2>"$run/said" && continue
        cat "$run/said"
        grep -q witness "$run/said"
        return
    done
    false
}
check 'without it what it leased is spent, then questions are refused' beyond
start_witness seen "$log_key"
back() {
    local i
    for i in $(seq 1 40); do
        ask 1 "$QUESTION WHERE amount > 77.5" >/dev/null 2>&1 && return
        sleep 0.25
    done
    false
}
check 'when it is back they are answered' back

# ---- the database is put back ----

stop_all
put_back() {
    "$pg_bin/psql" -q "$uri" -c 'DROP SCHEMA halftone CASCADE; DROP SCHEMA halftone_consent CASCADE' \
        >/dev/null 2>&1
    "$pg_bin/psql" -q "$uri" -f "$run/dump.sql" >/dev/null 2>"$run/said"
    cat "$run/said"
    [ ! -s "$run/said" ]
}
check 'a dump is put back' put_back
check 'no server starts on it' refused 'its witness has seen more than it holds' 2
stop_witness
check 'it is not recovered without the key of its log' says 'give --log-key' \
    "$halftone" ledger recover "$uri" "$run/seen"
check 'it is recovered with the file of the witness' "$halftone" ledger recover "$uri" "$run/seen" \
    --log-key "$etc/audit-key"
check 'the old log is over' refused 'ended when this ledger was recovered' 1
start_again() {
    unwitnessed 1
    sed -i "s|/audit-key|/audit-key-2|; s|shop.example/log|shop.example/log2|" "$run/config1.yaml"
    start 1 && start_witness seen2 "$(page 1 key)" || return 1
    stop 1
    for i in 1 2 3; do witnessed $i audit-key-2 shop.example/log2; done
    start 1 && start 2 && start 3
}
check 'with another name and key all start, under a new witness' start_again
check 'and answer' ask 3 "$QUESTION WHERE amount > 55"
check 'the ledger holds together after it' "$halftone" ledger verify "$uri"
exit "$failed"
