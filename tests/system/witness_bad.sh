#!/bin/bash
# Two servers over one ledger whose witness over HTTP is silent, slow, full, or
# lies (tests/system/bad_witness.c): what it leased is spent, the rest is refused
# before it is charged and says why, stored answers stay readable, nobody hangs;
# and when it is well again both go on.  WITNESS_HOW names ways of bad_witness.c.
set -u
cd "$(dirname "$0")/../.."
. demo/lib.sh
. tests/system/lib.sh
. tests/system/lib_servers.sh
others=()
trap 'stop_others; end_all' EXIT
kind=$bin
[ "$bin" != build ] || kind=build/opt

mkdir -p "$run/data"
echo "COPY (SELECT i AS person, i % 1000 AS n FROM range(1, 2001) r(i)) TO 'visits.parquet' (FORMAT parquet);" >"$run/people.sql"
"$bin/make_shop" "$run/people.sql" "$run/data" 1 || die "no people"
cat >"$run/clinic.yaml" <<YAML
dataset: clinic
exclusive: true
version: 1
data_version: "1"
cap: {rho: 1, delta: 1e-6}
max_price: {rho: 0.03}
max_people: 10000
purposes:
  care: {help: To see how many come., basis: legitimate_interest}
tables:
  visits: {from: $run/data/visits.parquet, key: person, columns: {person: int, n: {type: int, range: [0, 1000]}}}
YAML
write_config "$run/clinic.yaml"
uri=$(tests/postgres.sh start "$db" $$) || die "no PostgreSQL"
real=$(free_port $((grpc_port + 57)))
bad=$(free_port $((grpc_port + 77)))

configure() { # SERVER: with the witness once there is one
    local audit='{key: audit-key}'
    [ -z "${witness_key:-}" ] ||
        audit="{key: audit-key, witness_url: 'http://127.0.0.1:$bad/w', witness_key: '$witness_key'}"
    port[$1]=${port[$1]:-$(free_port $((grpc_port + 200 + 10 * $1)))}
    sed "s|^listen:.*|listen: 127.0.0.1:${port[$1]}|; /^metrics:/d; /^postgres:/d; /^consent:/d
         s|^ledger:.*|ledger: \"${uri//&/\\&}\"|" "$run/config.yaml" >"$run/config$1.yaml"
    printf 'metrics: off\nanswer_keys: answer-keys\naudit: %s\n' "$audit" >>"$run/config$1.yaml"
}
stop_others() {
    local i
    for i in "${others[@]}"; do kill "$i" 2>/dev/null; done
}
mode() { echo "$1" >"$run/mode"; }
ask() { # SERVER RHO N
    HALFTONE_TARGET=localhost:${port[$1]} "$bin/halftone" query --purpose care --rho "$2" --format json \
        --timeout 20s "SELECT COUNT(*) FROM clinic.visits WHERE n > $3" </dev/null
}
spent() {
    HALFTONE_TARGET=localhost:${port[1]} HALFTONE_TOKEN=$(cat "$run/steward.token") \
        "$bin/halftone" budget clinic --format json | sed 's/.*"spent_rho":\([^,}]*\).*/\1/'
}

configure 1
start 1 || die "no server"
curl -sS --max-time 10 --http2 --cacert "$HALFTONE_CA" "https://localhost:${port[1]}/audit/key" >"$run/log.key"
stop 1
"$bin/halftone" audit witness "$run/seen" --listen "127.0.0.1:$real" --log-key "$(cat "$run/log.key")" \
    --name witness.example/w1 >"$run/witness.log" 2>&1 &
others+=($!)
mode good
"$kind/tests/system/bad_witness" "$bad" "$run/mode" "$real" >"$run/bad.log" 2>&1 &
others+=($!)
for _ in $(seq 100); do [ -s "$run/witness.log" ] && break; sleep 0.05; done
witness_key=$(head -n 1 "$run/witness.log")
configure 1
configure 2
check 'a server starts with its witness' start 1
check 'and a second one with the same' start 2
check 'budget is leased' ask 1 0.001 1
check 'and spent by the other' ask 2 0.001 1000

n=10
refuses() { # MODE: what is not leased is refused in time, uncharged, with words
    local before after began=$SECONDS s
    mode "$1"
    before=$(spent)
    for s in 1 2; do
        n=$((n + 1))
        exits 6 ask $s 0.03 $n 2>"$run/said" >"$run/got" || { cat "$run/said" "$run/got"; return 1; }
        cat "$run/said"
        grep -q 'leases no more budget now' "$run/said" && grep -q 'nothing was charged' "$run/said" || return 1
    done
    ask 1 0.001 1 >/dev/null && ask 2 0.001 1000 >/dev/null || { echo 'stored answers are not readable'; return 1; }
    after=$(spent)
    echo "$((SECONDS - began)) s"
    [ "$before" = "$after" ] && [ $((SECONDS - began)) -le 16 ]
}
soon() { # SERVER: it charges what is not leased, in a while
    local tries
    n=$((n + 1))
    for tries in $(seq 24); do
        ask "$1" 0.03 $n && return
        sleep 0.5
    done
    return 1
}
recovers() { # both go on
    mode good
    soon 1 && soon 2
}
for how in ${WITNESS_HOW:-silent full seen forged}; do
    check "a witness that is $how: refused before it is charged, and nobody hangs" refuses $how
    [ $how != silent ] && [ $how != flood ] ||
        check 'and when it is well again, both go on' recovers
done
late() {
    mode late
    n=$((n + 1))
    ask 1 0.03 $n
}
check 'it is well' recovers
check 'one that is late is waited for' late
others_go_on() { # a silent witness is waited for once, and then by nobody who has to answer
    local began jobs=()
    mode silent
    ask 1 0.03 500 >/dev/null 2>&1 # finds out
    ask 2 0.03 500 >/dev/null 2>&1
    ask 1 0.03 501 >/dev/null 2>&1 &
    jobs+=($!)
    sleep 0.3
    began=$(date +%s%N)
    ask 2 0.001 1000 >/dev/null || return 1
    echo "note a stored answer of the other took $((($(date +%s%N) - began) / 1000000)) ms"
    [ $((($(date +%s%N) - began) / 1000000)) -le 1500 ] || return 1
    wait "${jobs[@]}"
    mode good
}
check 'while one asks in vain, the other answers at once' others_go_on
check 'the ledger holds together' "$bin/halftone" ledger verify "$uri"
stop 2
starts_not() { # MODE WORDS
    mode "$1"
    ! timeout 30 "$bin/halftoned" --config "$run/config2.yaml" >"$run/said" 2>&1
    cat "$run/said"
    grep -q -- "$2" "$run/said"
}
check 'no server starts while it is silent' starts_not silent 'cannot reach'
check 'nor when it says it has seen more' starts_not seen 'witness has seen more than it holds'
check 'nor with a forged signature' starts_not forged 'did not sign with the key'
mode good
check 'and with a good one it does' start 2
exit $failed
