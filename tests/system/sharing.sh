#!/bin/bash
# One question asked by many at once, by gRPC, the PostgreSQL port and in
# batches, is run once and charged once, and all get the same numbers, also when
# whoever asked first has left; and of 64 who want to spend, ten can.
set -u
cd "$(dirname "$0")/../.."
. demo/lib.sh
. tests/system/lib.sh
run=$(mktemp -d)
data=$run/data
trap 'stop_server; rm -rf "$run"' EXIT

mkdir -p "$data" "$run/policies"
cat >"$run/people.sql" <<'SQL'
COPY (SELECT i AS person, i % 1000 AS n FROM range(1, 2001) r(i)) TO 'ten.parquet' (FORMAT parquet);
-- A few who make a join with oneself long: 100 million pairs.
COPY (SELECT 1 + i % 4 AS person, i % 7 AS n FROM range(20000) r(i)) TO 'long.parquet' (FORMAT parquet);
SQL
"$bin/make_shop" "$run/people.sql" "$data" 1 || die "no people"
policy() { # NAME CAP
    cat >"$run/policies/$1.yaml" <<YAML
dataset: $1
exclusive: true
version: 1
data_version: "1"
cap: {rho: $2, delta: 1e-6}
max_price: {rho: 0.001}
max_people: 10000
deadline: 60 s
purposes:
  care: {help: To see how many come., basis: legitimate_interest}
tables:
  visits: {from: $data/$1.parquet, key: person, columns: {person: int, n: {type: int, range: [0, 1000]}}}
YAML
}
policy ten 0.0105
policy long 1
write_config "$run/policies"
echo 'workers: 32' >>"$run/config.yaml"
for who in bob cat; do add_principal $who analyst; done
start_server

runs() { curl -sS --max-time 5 "http://127.0.0.1:$metrics_port/metrics" | sed -n 's/^halftone_engine_runs_total \([0-9]*\).*/\1/p'; }
charges() { HALFTONE_TOKEN=$(cat "$run/steward.token") "$bin/halftone" charges "$1" --format csv | grep -c answered; }
long="SELECT COUNT(*) FROM long.visits a JOIN long.visits b USING (person)"
ask() { # WHO: its number
    HALFTONE_TOKEN=$(cat "$run/$1.token") "$bin/halftone" query --purpose care --rho 0.001 \
        --format csv --timeout 100s "$long" </dev/null 2>/dev/null | sed -n '2s/,.*//p'
}
ask_psql() { # WHO
    PGPASSWORD=$(cat "$run/$1.token") psql -XAtq "host=localhost port=$pg_port user=$1 dbname=long
        sslmode=verify-full sslrootcert=$HALFTONE_CA options='-c halftone.purpose=care -c halftone.rho=0.001'" \
        -c "$long" 2>/dev/null
}
ask_batch() { # WHO: with another question beside it
    HALFTONE_TOKEN=$(cat "$run/$1.token") "$bin/halftone" batch --purpose care --format json --timeout 100s - <<SQL 2>/dev/null |
SET halftone.rho = 0.001;
$long;
SELECT COUNT(*) FROM long.visits WHERE n > 3;
SQL
        tr -d '\n ' | sed 's/.*"rows":\[\[\([0-9-]*\)\]\].*"rows":\[\[\([0-9-]*\)\]\].*/\1 \2/'
}
first_leaves() { # who asks first, for a moment
    HALFTONE_TOKEN=$(cat "$run/analyst.token") timeout 0.7 "$bin/halftone" query --purpose care --rho 0.001 \
        "$long" </dev/null >"$run/left" 2>&1
    [ ! -s "$run/left" ]
}
shared() {
    local before after jobs=() i
    before=$(runs)
    first_leaves &
    jobs+=($!)
    sleep 0.4
    [ "$(runs)" -eq $((before + 1)) ] || { echo "the first one does not run yet"; return 1; }
    for i in $(seq 6); do
        for who in analyst bob cat; do
            ask $who >"$run/got.$who.$i" &
            jobs+=($!)
        done
        [ "$i" -gt 2 ] || { ask_batch bob >"$run/both.$i" & jobs+=($!); }
        [ -z "$psql" ] || [ "$i" -gt 3 ] || { ask_psql cat >"$run/got.psql.$i" & jobs+=($!); }
    done
    for i in "${jobs[@]}"; do wait "$i" || { echo "an asker failed"; return 1; }; done
    after=$(runs)
    for i in "$run"/both.*; do cut -d' ' -f1 "$i" >"$run/got.${i##*/}"; cut -d' ' -f2 "$i" >"$run/second.${i##*/}"; done
    echo "note $(cat "$run"/got.* | wc -l) answers of $(cat "$run"/got.* | sort -u | wc -l) kind, $((after - before)) runs, $(charges long) charges"
    [ "$(cat "$run"/got.* | sort -u | grep -c '[0-9]')" -eq 1 ] && [ "$(cat "$run"/got.* | wc -l)" -ge 20 ] &&
        [ "$(cat "$run"/second.* | sort -u | grep -c '[0-9]')" -eq 1 ] &&
        [ $((after - before)) -eq 2 ] && [ "$(charges long)" -eq 2 ]
}
psql=$(command -v psql)
[ -n "$psql" ] || echo "SKIP psql: no PostgreSQL client on this machine"
check 'many ask one question, whoever asked first leaves: one run, one charge' shared

ten() {
    local i jobs=()
    for i in $(seq 64); do
        { "$bin/halftone" query --purpose care --rho 0.001 --timeout 100s --format json \
            "SELECT COUNT(*) FROM ten.visits WHERE n > $i" </dev/null >"$run/ten$i" 2>"$run/why$i"; echo $? >"$run/rc$i"; } &
        jobs+=($!)
    done
    wait "${jobs[@]}"
    sort "$run"/rc* | uniq -c
    [ "$(cat "$run"/rc* | grep -c '^0$')" -eq 10 ] && [ "$(cat "$run"/rc* | grep -c '^4$')" -eq 54 ]
}
check '64 clients, budget for ten: ten answers' ten
check 'and ten charges' [ "$(charges ten)" -eq 10 ]
stop_server
check 'the ledger holds together' "$bin/halftone" ledger verify "$run/ledger.db"
exit "$failed"
