#!/bin/bash
# A client that sends no idempotency key, as BI tools do, where no answer is used
# twice (reuse_for: 0): the server dies with its question, and whoever asked it
# asks the same again.  His charge had no answer: it is run again, not paid again.
set -u
cd "$(dirname "$0")/../.."
. demo/lib.sh
. tests/system/lib.sh
command -v psql >/dev/null || { echo "SKIP keyless: no psql on this machine"; exit 0; }
run=$(mktemp -d)
data=$run/data
trap 'stop_server; rm -rf "$run"' EXIT

mkdir -p "$data"
cat >"$run/people.sql" <<'SQL'
COPY (SELECT 1 AS person, i % 7 AS n FROM range(20) r(i)) TO 'short.parquet' (FORMAT parquet);
-- One who makes a join with oneself long: 400 million pairs.
COPY (SELECT 1 AS person, i % 7 AS n FROM range(20000) r(i)) TO 'long.parquet' (FORMAT parquet);
SQL
"$bin/make_shop" "$run/people.sql" "$data" 1 || die "no people"
cat >"$run/clinic.yaml" <<YAML
dataset: clinic
exclusive: true
version: 1
data_version: "1"
cap: {rho: 1, delta: 1e-6}
default_price: {rho: 0.01}
max_people: 1000
reuse_for: 0
slots: {first: 0}
deadline: 60 s
purposes:
  care: {help: To see how many come., basis: legitimate_interest}
tables:
  visits: {from: $data/visits.parquet, key: person, columns: {person: int, n: {type: int, range: [0, 9]}}}
YAML
cp "$data/long.parquet" "$data/visits.parquet"
write_config "$run/clinic.yaml"
add_principal bob analyst
start_server

question='SELECT COUNT(*) FROM visits a JOIN visits b ON a.person = b.person WHERE a.n * b.n > 1'
ask() { # WHO QUESTION
    PGPASSWORD=$(cat "$run/$1.token") psql -XAtq "host=localhost port=$pg_port user=$1 dbname=clinic
        sslmode=verify-full sslrootcert=$HALFTONE_CA options='-c halftone.purpose=care'" -c "$2"
}
charges() { # how many there are, and how many of them have an answer
    "$bin/halftone" ledger export "$run/ledger.db" >"$run/charges.csv"
    echo "$(grep -c ',clinic,' "$run/charges.csv") $(grep -c ',answered,' "$run/charges.csv")"
}
are() { # CHARGES ANSWERED
    [ "$(charges)" = "$1 $2" ] || { cat "$run/charges.csv"; false; }
}
dies() { # the server is killed while what analyst asked runs
    ask analyst "$question" >/dev/null 2>&1 &
    local asking=$! tries=100
    until grep -q 'event=query_charged' "$run/server.log"; do # each start begins it anew
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || { echo "nothing runs"; return 1; }
        sleep 0.05
    done
    kill -9 "$server_pid"
    wait "$server_pid" 2>/dev/null
    wait "$asking" 2>/dev/null
    start_server
    are 1 0
}
check 'a server dies with a question: charged, no answer' dies
check 'asked again it is the same charge, and dies with the server again' dies
cp "$data/short.parquet" "$data/visits.parquet"
other() { ask bob "$question" && are 2 1; }
check 'who else asks the same pays for himself' other
another() { ask analyst "$question AND a.n > 0" && are 3 2; }
check 'another question is another charge' another
once() { ask analyst "$question" && are 3 3; }
check 'who asked it gets his answer, and has paid once' once
again() { ask analyst "$question" && are 4 4; }
check 'and pays anew from then on' again
check 'the ledger holds together' "$bin/halftone" ledger verify "$run/ledger.db"
exit "$failed"
