#!/bin/bash
# Charges that end without an answer, on the real server: an engine whose file is
# gone, one that is too slow, a process killed three times.  Each is one miss,
# counted in the ledger; at the limits of the policy (its defaults: 3 a principal
# and day, 8 a dataset) nothing new runs and nothing is charged, until a steward
# lifts it.  Stored answers stay readable throughout, and restarts change nothing.
set -u
cd "$(dirname "$0")/../.."
. demo/lib.sh
. tests/system/lib.sh
run=$(mktemp -d)
data=$run/data
trap 'stop_server; rm -rf "$run"' EXIT

mkdir -p "$data"
cat >"$run/people.sql" <<'SQL'
COPY (SELECT i AS person, i % 3 AS n FROM range(1, 201) r(i)) TO 'visits.parquet' (FORMAT parquet);
-- One who makes a join with oneself long: 400 million pairs.
COPY (SELECT 1 AS person, i % 7 AS n FROM range(20000) r(i)) TO 'long.parquet' (FORMAT parquet);
SQL
"$bin/make_shop" "$run/people.sql" "$data" 1 || die "no people"
cat >"$run/clinic.yaml" <<YAML
dataset: clinic
exclusive: true
version: 1
data_version: "1"
cap: {epsilon: 8, delta: 1e-6}
max_people: 1000
purposes:
  care: {help: To see how many come., basis: legitimate_interest}
tables:
  visits: {from: $data/visits.parquet, key: person, columns: {person: int, n: {type: int, range: [0, 9]}}}
  long: {from: $data/long.parquet, key: person, columns: {person: int, n: {type: int, range: [0, 9]}}}
YAML
write_config "$run/clinic.yaml"
for who in bob cat; do add_principal $who analyst; done
add_principal carl auditor
start_server

as() { # WHO COMMAND...
    local who=$1
    shift
    HALFTONE_TOKEN=$(cat "$run/$who.token") "$bin/halftone" "$@" </dev/null
}
fails() { # CODE WORDS COMMAND...
    local want=$1 words=$2 got
    shift 2
    "$@" >"$run/said" 2>&1
    got=$?
    cat "$run/said"
    [ "$got" -eq "$want" ] && grep -q -- "$words" "$run/said"
}
count() { as "$1" query --purpose care "SELECT COUNT(*) FROM clinic.visits WHERE n > ${2:-0}"; }
charges() { as steward charges clinic --format csv | grep -c '[0-9]'; }
spent() { as steward budget clinic --format json | sed 's/.*"spent_rho":\([^,}]*\).*/\1/'; }
counts() { # WANT: misses that count now
    as steward misses show clinic --format csv | tr -d '\r' | tee /dev/stderr |
        grep -q "^counted,$1,"
}
missed() { # WHO: a miss, in words that tell nothing
    fails 1 'was charged and gave no answer' count "$1" 2
}
refused_free() { # WORDS WHO: refused, and nothing is charged
    local before after
    before="$(charges) $(spent)"
    fails 3 "$1" count "$2" 3 || return 1
    after="$(charges) $(spent)"
    echo "charges and rho before: $before, after: $after"
    [ "$before" = "$after" ]
}

check 'a question is answered' count analyst
mv "$data/visits.parquet" "$data/away"
check 'a file that is gone is a miss' missed analyst
check 'it counts' counts 1
: >"$data/visits.parquet"
check 'a file that was emptied is one' missed analyst
head -c 300 "$data/away" >"$data/visits.parquet"
check 'a file that was cut is one' missed analyst
check 'three a day stop a principal, who pays nothing' \
    refused_free "today's limit of 3 queries" analyst
check 'and hears how to go on' fails 3 'halftone misses lift' count analyst 4
check 'another principal still runs, and misses' missed bob
check 'again' missed bob
check 'again, his third' missed bob
check 'his fourth is refused' refused_free "today's limit of 3 queries" bob
check 'a third principal misses' missed cat
check 'the eighth miss of the dataset' missed cat
mv "$data/away" "$data/visits.parquet"
check 'then everyone is stopped, though the engine is well again' \
    refused_free 'its limit of 8 queries' cat
check 'a stored answer stays readable' count bob
restart() { stop_server; start_server; counts 8 && refused_free 'limit of 8' cat; }
check 'a restart changes nothing' restart

check 'an analyst lifts nothing' exits 5 as analyst misses lift clinic --reason 'I want to'
check 'nor does an auditor, who may look' exits 5 as carl misses lift clinic --reason 'I want to'
check 'an auditor sees what counts, by principal' \
    says '^today,3,3,,bob' as carl misses show clinic --format csv
check 'a lift needs a reason' exits 2 as steward misses lift clinic
check 'a steward lifts it' says '^lifted,8,.*the disk was replaced' \
    as steward misses lift clinic --reason 'the disk was replaced' --format csv
json() { as steward misses show clinic --format json | tee /dev/stderr | grep -q '"what":"lifted","misses":8,"limit":null,"at":"2'; }
check 'what JSON has no number for is null' json
check 'there is nothing more to lift' exits 3 as steward misses lift clinic --reason again
check 'the dataset goes on' count cat 3
check 'and so do those who were stopped today' count analyst 4
check 'who lifted it, and why, stays' says 'steward,the disk was replaced' \
    as carl misses show clinic --format csv
check 'what ever was missed stays, too' says '^ever,8,' as carl misses show clinic --format csv
goes_on() { stop_server; start_server; counts 0 && count bob 5; }
check 'a restart does not take the lift back' goes_on

# An engine that is too slow: the deadline ends it.
long="SELECT COUNT(*) FROM clinic.long a JOIN clinic.long b ON a.person = b.person WHERE a.n * b.n > 1"
slow() { as "$1" query --purpose care --key "$2" --timeout "$3" "$long"; }
sed -i 's/^version: 1/version: 2\ndeadline: 100 ms/' "$run/clinic.yaml"
stop_server
start_server
check 'a question longer than the deadline is a miss' \
    fails 1 'was charged and gave no answer' slow cat k1 30s
check 'a retry of its key says so and runs nothing' fails 1 'the charge stays' slow cat k1 30s
check 'one miss counts' counts 1

# A server that dies in the middle: the same charge runs again, three times.
sed -i 's/^version: 2/version: 3/; s/^deadline: .*/deadline: 60 s/' "$run/clinic.yaml"
stop_server
start_server
dies() { # the server is killed while the question with the key k2 runs
    slow cat k2 60s >/dev/null 2>&1 &
    local asking=$! tries=100
    until grep -q 'event=query_charged' "$run/server.log"; do # each start begins it anew
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || { echo "nothing runs"; return 1; }
        sleep 0.05
    done
    kill -9 "$server_pid"
    wait "$server_pid" 2>/dev/null
    kill "$asking" 2>/dev/null
    wait "$asking" 2>/dev/null
    start_server
}
before=$(charges)
check 'a server dies with a question' dies
check 'and with its second run' dies
check 'and with its third' dies
check 'then the charge is closed as a miss' fails 1 'the charge stays' slow cat k2 60s
check 'it was one charge' test $(($(charges) - before)) -eq 1
check 'and counts once' counts 2
verify() { stop_server; "$bin/halftone" ledger verify "$run/ledger.db"; }
check 'the ledger balances' verify
exit "$failed"
