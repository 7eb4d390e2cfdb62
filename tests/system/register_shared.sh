#!/bin/bash
# Two servers share a ledger and a register of consent in PostgreSQL: what one was
# told holds at the other, from the call's return on, also after kill -9.  A third
# has the register alone in common with them.
set -u
cd "$(dirname "$0")/../.."
. demo/lib.sh
. tests/system/lib.sh
. tests/system/lib_servers.sh

people=2000
mkdir -p "$data"
cat >"$run/people.sql" <<END
COPY (SELECT i AS person, i % 10 AS n FROM range(1, $people + 1) r(i)) TO 'visits.parquet' (FORMAT parquet);
COPY (SELECT i AS subject, 'care' AS purposes, 'granted' AS state, TIMESTAMP '2025-01-01' AS "at"
  FROM range(1, $people + 1) r(i)) TO 'yes.parquet' (FORMAT parquet);
COPY (SELECT i AS subject, 'care' AS purposes, 'withdrawn' AS state, TIMESTAMP '2025-02-01' AS "at"
  FROM range(1, 501) r(i)) TO 'no.parquet' (FORMAT parquet);
COPY (SELECT 100000 + i AS subject, 'care' AS purposes, 'granted' AS state, TIMESTAMP '2025-01-01' AS "at"
  FROM range(1, 60001) r(i)) TO 'many.csv' (HEADER);
END
"$bin/make_shop" "$run/people.sql" "$data" 1 || die "no people"
cat >"$run/visits.yaml" <<YAML
dataset: visits
exclusive: true
version: 1
data_version: "1"
cap: {rho: 90, delta: 1e-6}
max_price: {rho: 1, delta: 1e-9}
max_people: 100000
reuse_for: 0
slots: {first: 0}
consent: {erasure: {execute: true}}
purposes:
  care: {help: To see how many come., basis: consent, contact: true}
contact: {asks_per_day: 1000, channels: {email: {at_most: 100 per day}}}
tables:
  visits: {from: $data/visits.parquet, key: person, columns: {person: int, n: {type: int, range: [0, 10]}}}
YAML
write_config "$run/visits.yaml"
uri=$(tests/postgres.sh start "$db" $$) || die "no PostgreSQL"
base=$grpc_port
configure() { # N LEDGER
    port[$1]=$(free_port $((base + 200 + 10 * $1)))
    sed "s|^listen:.*|listen: 127.0.0.1:${port[$1]}|; /^metrics:/d; /^postgres:/d; /^consent/d
         s|^ledger:.*|ledger: \"${2//&/\\&}\"|" "$run/config.yaml" >"$run/config$1.yaml"
    cat >>"$run/config$1.yaml" <<YAML
metrics: off
answer_keys: answer-keys
audit: {key: audit-key, interval: 1s}
consent: {file: "$uri", keys: consent-keys, erasures: erasures$1}
YAML
}
configure 1 "$uri"
configure 2 "$uri"
configure 3 own.db
at() { HALFTONE_TARGET=localhost:${port[$1]} "${@:2}" </dev/null; } # N COMMAND...
as() { HALFTONE_TOKEN=$(cat "$run/$1.token") "$bin/halftone" "${@:2}"; }
told() { at "$1" as subjects consent "${@:2}"; }
count() { # N NUMBER: how many count; the number makes a question of its own
    at "$1" "$bin/halftone" query --purpose care --rho 0.2 -o csv \
        "SELECT COUNT(DISTINCT person) FROM visits WHERE n < 100 + $2" 2>"$run/err" | tail -n 1 | cut -d, -f1
}
near() { # A B: within the noise, but for one time in 10^10
    [ "$(($1 - $2))" -le 12 ] && [ "$(($2 - $1))" -le 12 ] || { echo "$1, not $2"; cat "$run/err"; false; }
}

check 'one server starts with a register in the database' start 1
check 'and a second with the same' start 2
unnamed() {
    sed 's/, keys: consent-keys, erasures: erasures1//' "$run/config1.yaml" >"$run/config9.yaml"
    says "needs 'consent.keys'" "$bin/halftoned" --config "$run/config9.yaml"
}
check 'a register in a database needs its keys named' unnamed

yes() { told 1 import "$data/yes.parquet" >/dev/null && near "$(count 2 1)" "$people"; }
check 'who said yes at one counts at the other' yes

crowd() { # sixteen analysts ask one server while people withdraw at the other
    local i n pids=()
    for i in $(seq 16); do
        for n in 1 2 3; do count 2 "$((100 + i * 10 + n))"; done >"$run/asked.$i" &
        pids+=($!)
    done
    sleep 0.2
    told 1 import "$data/no.parquet" >/dev/null || return 1
    for i in $(seq 16); do
        count 2 "$((900 + i))" >"$run/after.$i" &
        pids+=($!)
    done
    wait "${pids[@]}"
    for n in $(cat "$run"/asked.*); do # of before, or of after: never between
        near "$n" "$people" >/dev/null || near "$n" "$((people - 500))" || return 1
    done
    for i in $(seq 16); do near "$(cat "$run/after.$i")" "$((people - 500))" || return 1; done
}
check 'no release at one after a withdrawal at the other, with 16 analysts asking' crowd

killed() { # what was acknowledged before kill -9 is known at the other, at once
    for i in $(seq 1001 1200); do
        told 1 withdraw "$i" --purpose care >/dev/null 2>&1 && echo "$i" >>"$run/acked"
    done &
    local client=$! n=0
    while [ "$(wc -l <"$run/acked" 2>/dev/null || echo 0)" -lt 20 ]; do sleep 0.02; done
    kill -9 "${pid[1]}"
    wait "${pid[1]}" 2>/dev/null
    n=$(wc -l <"$run/acked")
    told 2 history "$(tail -n 1 "$run/acked")" | grep -q withdrawn || return 1
    near "$(count 2 2)" "$((people - 500 - n))" || return 1
    wait "$client"
    for i in $(cat "$run/acked"); do told 2 history "$i" | grep -q withdrawn || { echo "$i"; return 1; }; done
    withdrawn=$((500 + $(wc -l <"$run/acked")))
}
check 'a withdrawal that was acknowledged before kill -9 holds at the other' killed
back() { start 1 && near "$(count 1 3)" "$((people - withdrawn))"; }
check 'and where it was told, once that is back' back

erased() {
    told 1 erase 1999 >/dev/null && told 2 erasure 1999 >"$run/out" && grep -q suppressed "$run/out" || return 1
    at 2 as steward erasures run >/dev/null || return 1
    told 1 erasure 1999 >"$run/out" && grep -q verified "$run/out" || { cat "$run/out"; return 1; }
}
check 'an erasure asked at one is done at the other, and told at both' erased
both_erase() { # both servers write the same file
    told 1 erase 1998 >/dev/null && told 2 erase 1997 >/dev/null || return 1
    at 1 as steward erasures run >"$run/run1" 2>&1 &
    at 2 as steward erasures run >"$run/run2" 2>&1
    wait $!
    at 1 as steward erasures run >/dev/null 2>&1 # whoever found the file changed has it to do
    for i in 1997 1998; do
        told 1 erasure "$i" | grep -q verified || { cat "$run/run1" "$run/run2"; return 1; }
    done
    echo "COPY (SELECT count(*) FROM 'visits.parquet') TO 'left.txt' (FORMAT csv, HEADER false);" >"$run/left.sql"
    "$bin/make_shop" "$run/left.sql" "$data" 1 && [ "$(tr -d '\r\n' <"$data/left.txt")" -eq $((people - 3)) ]
}
check 'both at once lose no row of anybody else' both_erase

limits() { # of all senders, at all servers together
    told 1 contact 600 --channel email --at-most '2 per day' >/dev/null || return 1
    local i yes=0
    for i in 1 2 1 2 1 2; do
        at "$i" as mailer may-contact 600 --purpose care --channel email >/dev/null 2>&1 && yes=$((yes + 1))
    done
    [ "$yes" -eq 2 ] || { echo "$yes"; false; }
}
check 'how often somebody may be contacted holds at both together' limits

import() { # killed with its server, and continued at the other
    told 1 import "$data/many.csv" >/dev/null 2>&1 &
    local client=$!
    sleep 0.4
    kill -9 "$client" "${pid[1]}"
    wait "$client" "${pid[1]}" 2>/dev/null
    says '60000' told 2 import "$data/many.csv" && told 2 history 160000 | grep -q granted &&
        told 2 history 100001 | grep -q granted
}
check 'a file that a killed server had half of is continued at the other' import
check 'the killed one starts again' start 1

intervals() { # one leaf an interval, whoever is there
    sleep 3
    at 2 as auditor audit entries | grep '"kind":"interval"' |
        grep -o 'to_us [0-9]*' >"$run/ends"
    [ "$(wc -l <"$run/ends")" -ge 3 ] || { cat "$run/ends"; return 1; }
    [ "$(sort -u "$run/ends" | wc -l)" -eq "$(wc -l <"$run/ends")" ] || { cat "$run/ends"; return 1; }
}
check 'an interval has one leaf, not one for each server' intervals

check 'a server with a ledger of its own has the register, too' start 3
own() { near "$(count 3 4)" "$((people - withdrawn - 3))"; }
check 'and counts the same people' own
sentence() { # of a refusal, by its code
    sed -n "s/^REFUSAL([A-Z_, ]*\"$1\", \"\([^\"]*\)\".*/\1/p" server/query/refusal.def
}
away() {
    tests/postgres.sh kill "$db"
    [ -n "$(sentence "register_away")" ] && says "$(sentence "register_away")" at 3 "$bin/halftone" query --purpose care "SELECT COUNT(*) FROM visits" || return 1
    says 'nothing was recorded' told 3 record 5 --purpose care
}
check 'without the database nobody is released, and nothing recorded' away
again() {
    tests/postgres.sh again "$db"
    local tries=50
    until told 3 record 5 --purpose care >/dev/null 2>&1; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || return 1
        sleep 0.2
    done
    near "$(count 3 5)" "$((people - withdrawn - 2))"
}
check 'with it again all goes on' again
exit "$failed"
