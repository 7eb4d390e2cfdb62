#!/bin/bash
# Two servers share a ledger in PostgreSQL, each with a register of consent of its
# own: a withdrawal that one was told would not reach the other, so the second does
# not start; it takes over when the first has ended, or was killed.
set -u
cd "$(dirname "$0")/../.."
. demo/lib.sh
. tests/system/lib.sh
. tests/system/lib_servers.sh

mkdir -p "$data"
echo "COPY (SELECT i AS person, i % 10 AS n FROM range(1, 201) r(i)) TO 'visits.parquet' (FORMAT parquet);" >"$run/people.sql"
"$bin/make_shop" "$run/people.sql" "$data" 1 || die "no people"
cat >"$run/visits.yaml" <<YAML
dataset: visits
exclusive: true
version: 1
data_version: "1"
cap: {rho: 10, delta: 1e-6}
max_people: 10000
reuse_for: 0
consent: {}
purposes:
  care: {help: To see how many come., basis: consent}
tables:
  visits: {from: $data/visits.parquet, key: person, columns: {person: int, n: {type: int, range: [0, 10]}}}
YAML
write_config "$run/visits.yaml"
uri=$(tests/postgres.sh start "$db" $$) || die "no PostgreSQL"
base=$grpc_port
for i in 1 2; do
    port[$i]=$(free_port $((base + 200 + 10 * i)))
    sed "s|^listen:.*|listen: 127.0.0.1:${port[$i]}|; /^metrics:/d; /^postgres:/d
         s|^\( *\){\? *file: *consent.db|\1file: consent$i.db|; s|consent\.db|consent$i.db|
         s|^ledger:.*|ledger: \"${uri//&/\\&}\"|" "$run/config.yaml" >"$run/config$i.yaml"
    printf 'metrics: off\nanswer_keys: answer-keys\naudit: {key: audit-key}\n' >>"$run/config$i.yaml"
    grep -q "consent$i.db" "$run/config$i.yaml" || die "no register in the configuration"
done
ask() { HALFTONE_TARGET=localhost:${port[$1]} "$bin/halftone" query --purpose care "SELECT COUNT(*) FROM visits" </dev/null; }

check 'the first server has a register' start 1
check 'and releases by it' ask 1
refused() { ! start 2 && grep -q 'another server that shares this ledger has a register' "$run/server2.log"; }
check 'a second one with another does not start' refused
check 'the first one goes on' ask 1
cp "$run/consent1.db" "$run/consent2.db"
check 'nor does one with a copy of it' refused
rm -f "$run"/consent2.db*
without() {
    sed -i '/consent/d' "$run/config2.yaml"
    sed '/^consent/d; s/basis: consent/basis: legitimate_interest/' "$run/visits.yaml" >"$run/plain.yaml"
    sed -i "s|visits.yaml|plain.yaml|" "$run/config2.yaml"
    start 2 && stop 2
}
check 'one that asks no register does' without
kill -9 "${pid[1]}"
wait "${pid[1]}" 2>/dev/null
check 'after kill -9 the first one starts, once its old life is over' start 1
check 'and releases' ask 1
exit "$failed"
