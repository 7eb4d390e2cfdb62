#!/bin/bash
# Strict mode on the real server: nothing leaves before its slot, fresh, stored
# or missed, and a worker is held until then, so that who queues behind a query
# learns only that there was one.  An engine that is slow or whose file is gone
# gives a miss, at the slot too; misses are counted, three a day stop who asked,
# and a steward lifts it.  Bounds below alone: a busy machine is late.
set -u
cd "$(dirname "$0")/../.."
. demo/lib.sh
. tests/system/lib.sh
run=$(mktemp -d)
shop=$run/shop
trap 'stop_server; rm -rf "$run"' EXIT
slot_ms=400

ask() { "$bin/halftone" query --purpose improve_products "$@" </dev/null; }
now_ms() { echo $(($(date +%s%N) / 1000000)); }

# takes LEAST_MS COMMAND...: it ends well and not before.
takes() {
    local least=$1 start
    shift
    start=$(now_ms)
    "$@" >"$run/out" 2>&1 || { cat "$run/out"; return 1; }
    local took=$(($(now_ms) - start))
    echo "took $took ms"
    [ "$took" -ge "$least" ]
}

mkdir -p "$shop"
"${MAKE_SHOP:-$bin/make_shop}" demo/shop.sql "$shop" 2000 || die "no shop"
{
    cat demo/shop.yaml
    echo "slots: {strict: $slot_ms ms}"
} >"$shop/shop.yaml"
# A dataset where a question can be slow: a join of 400 million pairs.
clinic=$run/clinic
mkdir -p "$clinic" "$run/policies"
cat >"$run/people.sql" <<'SQL'
COPY (SELECT i AS person, i % 3 AS n FROM range(1, 201) r(i)) TO 'visits.parquet' (FORMAT parquet);
COPY (SELECT 1 AS person, i % 7 AS n FROM range(20000) r(i)) TO 'long.parquet' (FORMAT parquet);
SQL
"$bin/make_shop" "$run/people.sql" "$clinic" 1 || die "no people"
mv "$shop/shop.yaml" "$run/policies/shop.yaml"
sed -i "s|from: \([a-z]*\.parquet\)|from: $shop/\1|" "$run/policies/shop.yaml"
cat >"$run/policies/clinic.yaml" <<YAML
dataset: clinic
exclusive: true
version: 1
data_version: "1"
cap: {epsilon: 8, delta: 1e-6}
max_people: 1000
slots: {strict: $slot_ms ms}
purposes:
  improve_products: {help: To see how many come., basis: legitimate_interest}
tables:
  visits: {from: $clinic/visits.parquet, key: person, columns: {person: int, n: {type: int, range: [0, 9]}}}
  long: {from: $clinic/long.parquet, key: person, columns: {person: int, n: {type: int, range: [0, 9]}}}
YAML
write_config "$run/policies"
echo 'workers: 1' >>"$run/config.yaml"
start_server

light='SELECT COUNT(*) FROM shop.customers'
heavy='SELECT category, COUNT(*) FROM shop.orders GROUP BY category'
check 'a light question takes the slot' takes $slot_ms ask "$light"
check 'a heavier one does' takes $slot_ms ask "$heavy"
check 'a stored answer does' takes $slot_ms ask "$light"
check 'a refusal does not wait' exits 3 ask 'SELECT max(amount) FROM shop.orders'

# One worker: three questions at once are done after three slots, whatever they are.
together() {
    local pids=() q
    for q in "$light WHERE country = 'DE'" "$light" "$heavy"; do
        ask "$q" >"$run/out.${#pids[@]}" 2>&1 &
        pids+=($!)
    done
    local pid rc=0
    for pid in "${pids[@]}"; do wait "$pid" || rc=1; done
    return $rc
}
check 'questions queue by their number alone' takes $((3 * slot_ms)) together

# misses LEAST_MS QUESTION: charged, without an answer, not before its slot.
misses() {
    local start
    start=$(now_ms)
    ask "$2" >"$run/out" 2>&1
    local got=$? took=$(($(now_ms) - start))
    cat "$run/out"
    echo "exit $got, $took ms"
    [ "$got" -eq 1 ] && [ "$took" -ge "$1" ] && grep -q 'was charged and gave no answer' "$run/out"
}
visits() { ask "SELECT COUNT(*) FROM clinic.visits WHERE n > -$1"; }
steward() { HALFTONE_TOKEN=$(cat "$run/steward.token") "$bin/halftone" "$@" </dev/null; }
counts() { steward misses show clinic --format csv | tr -d '\r' | tee /dev/stderr | grep -q "^counted,$1,"; }
refused() { ! visits 9 >"$run/out" 2>&1 && cat "$run/out" && grep -q "today's limit of 3" "$run/out"; }
long='SELECT COUNT(*) FROM clinic.long a JOIN clinic.long b ON a.person = b.person WHERE a.n * b.n >'
check 'an engine that is too slow is a miss, at the slot' misses $slot_ms "$long 1"
mv "$clinic/visits.parquet" "$run/away"
check 'an engine whose file is gone is one, at the same slot' misses $slot_ms 'SELECT COUNT(*) FROM clinic.visits'
mv "$run/away" "$clinic/visits.parquet"
check 'they are counted' counts 2
check 'another slow one is the third' misses $slot_ms "$long 2"
check 'which stops who asked, before anything runs' refused
check 'a steward lifts it' steward misses lift clinic --reason 'the join is slow'
check 'and the dataset goes on' takes $slot_ms visits 5
exit "$failed"
