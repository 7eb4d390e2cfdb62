#!/bin/bash
# Batches, series of days and stored answers, through the real server and client:
# what is charged, what is free, and that what was shown does not change.
set -u
cd "$(dirname "$0")/../.."
. demo/lib.sh
. tests/system/lib.sh
run=$(mktemp -d)
shop=$run/shop
trap 'stop_server; rm -rf "$run"' EXIT
export HALFTONE_PURPOSE=improve_products

ask() { "$bin/halftone" query "$@" </dev/null; }
batch() { "$bin/halftone" batch "$@" </dev/null; }
spent() { "$bin/halftone" budget shop --format json | sed 's/.*"spent_rho":\([^,]*\).*/\1/'; }
charges() { "$bin/halftone" charges shop --format csv | tail -n +2 | wc -l; }
# calc EXPRESSION: true when it holds.
calc() { awk "BEGIN { exit !($1) }"; }
rows() { sed 's/,"receipt".*//' "$1"; }

mkdir -p "$shop"
"${MAKE_SHOP:-$bin/make_shop}" demo/shop.sql "$shop" 2000 || die "no shop"
cp demo/shop.yaml "$shop/shop.yaml"
write_config "$shop/shop.yaml"
start_server

# ---- a batch ----

cat >"$run/board.sql" <<'SQL'
-- A dashboard; all of it at once.
SELECT country, COUNT(*) AS n FROM shop.customers GROUP BY country;
SELECT COUNT(*) AS orders, SUM(amount) AS revenue FROM shop.orders;
SELECT country, COUNT(*) AS n FROM shop.customers GROUP BY country ORDER BY n DESC LIMIT 3;
SQL
told_first() {
    batch --estimate "$run/board.sql" --format json >"$run/estimate" && cat "$run/estimate" &&
        [ "$(charges)" = 0 ] && grep -q '"questions":\[' "$run/estimate"
}
check 'the price of a batch is told before' told_first
one_charge() {
    local told
    told=$(sed 's/.*\]*"level":[^,]*,"rho":\([^,]*\),.*/\1/; s/.*"rho":\([0-9.e-]*\),"epsilon".*"questions".*/\1/' "$run/estimate")
    batch --key board --format json "$run/board.sql" >"$run/a" || return 1
    cat "$run/a"
    [ "$(charges)" = 1 ] || return 1
    grep -q "^{\"answers\":\[{\"columns\"" "$run/a" || return 1
    # The whole's receipt is the last, and is what was spent.
    sed 's/.*\],"receipt":{"query_id":"[0-9a-f]*","rho":\([^,]*\),.*/\1/' "$run/a" >"$run/cost"
    calc "$(cat "$run/cost") == $(spent)"
}
check 'three questions are one charge, which is what was told' one_charge
again() {
    local before
    before=$(spent)
    batch --key board --format json "$run/board.sql" >"$run/b" &&
        cmp "$run/a" "$run/b" && [ "$(spent)" = "$before" ] &&
        ask 'SELECT country, COUNT(*) AS n FROM shop.customers GROUP BY country ORDER BY 1 LIMIT 2' \
            --format json >"$run/c" && grep -q '"cached":true' "$run/c" && [ "$(spent)" = "$before" ]
}
check 'its retry is the same bytes; each answer is there for others, free' again
refused() {
    local before
    before=$(spent)
    printf 'SELECT COUNT(*) FROM shop.customers;\n\nSELECT MAX(amount)\n  FROM shop.orders;\n' >"$run/bad.sql"
    batch "$run/bad.sql" >"$run/out" 2>&1
    [ $? -eq 3 ] && cat "$run/out" && grep -q 'question 2 of 2' "$run/out" &&
        grep -q '   3 | SELECT MAX(amount)' "$run/out" && [ "$(spent)" = "$before" ]
}
check 'a refusal names the question and its line in the file; nothing is charged' refused
check 'too dear a batch charges nothing and exits 4' exits 4 batch --rho 1000 "$run/board.sql"
check 'a text that does not end is a mistake in the file' exits 2 batch <(echo "SELECT 'a;")
settings() {
    printf "SET halftone.accuracy = '200';\nSELECT COUNT(*) AS a FROM shop.customers;\nSELECT\n MAX(x) FROM shop.customers;\n" >"$run/set.sql"
    batch "$run/set.sql" >"$run/out" 2>&1
    cat "$run/out"
    grep -q '^   4 |  MAX(x)' "$run/out" || return 1
    sed -i '3,$d' "$run/set.sql"
    batch "$run/set.sql" --format json >"$run/out" && cat "$run/out" &&
        [ "$(sed 's/.*"intervals":\[\[\[\([0-9]*\),\([0-9]*\)\].*/\2-\1/' "$run/out" | head -c 20 | { IFS=- read -r hi lo; echo $((hi - lo)); })" -le 400 ]
}
check 'settings in the file hold for what stands behind them' settings
check 'no question is refused' exits 3 batch <(echo '-- nothing;')
tables() { batch "$run/board.sql" >"$run/out" && cat "$run/out" && grep -q '^2 of 3: SELECT COUNT' "$run/out"; }
check 'for people each answer has its heading' tables
crash() { # after the charge or before: never twice
    local before
    batch --key crash --rho 0.0001 <(echo 'SELECT COUNT(*) FROM shop.touches; SELECT COUNT(*) FROM shop.orders;') \
        >"$run/out" 2>&1 &
    sleep 0.0$((RANDOM % 9))
    kill -9 "$server_pid"
    wait "$server_pid" 2>/dev/null
    wait
    start_server
    before=$(spent)
    batch --key crash --rho 0.0001 <(echo 'SELECT COUNT(*) FROM shop.touches; SELECT COUNT(*) FROM shop.orders;') \
        >"$run/out" 2>&1 || { cat "$run/out"; return 1; }
    calc "$(spent) - $before < 0.00010001" && "$bin/halftone" ledger verify "$run/ledger.db"
}
check 'kill -9 in the middle: the key goes on, and pays at most once' crash

# ---- days that were shown are free ----

# daily FROM TO [FLAGS]: orders of these days, dates as date takes them.
daily() {
    local from=$1 to=$2
    shift 2
    ask --format json "$@" "SELECT date_trunc('day', ordered_at) AS d, COUNT(*) AS n FROM shop.orders
        WHERE ordered_at >= '$from' AND ordered_at < '$to' GROUP BY 1"
}
day() { date -u -d "2024-05-01 + $1 days" +%F; }
month() {
    local first one k before
    before=$(spent)
    daily "$(day 0)" "$(day 30)" --max-groups 30 --rho 0.003 >"$run/day0" || return 1
    first=$(awk "BEGIN { print $(spent) - $before }")
    for k in $(seq 1 30); do
        daily "$(day "$k")" "$(day $((k + 30)))" --max-groups 30 --rho 0.003 >"$run/day$k" || return 1
        # The 29 days shown before are the same to the byte.
        rows "$run/day$((k - 1))" | grep -o '\["2024-[^]]*\]' | sed 1d >"$run/old"
        rows "$run/day$k" | grep -o '\["2024-[^]]*\]' | head -n 29 >"$run/new"
        [ "$(wc -l <"$run/new")" = 29 ] && cmp "$run/old" "$run/new" || return 1
    done
    one=$(awk "BEGIN { print ($(spent) - $before) / $first }")
    echo "note thirty windows of thirty days cost as $one of the first"
    calc "$one > 1.9 && $one < 2.1"
}
check 'thirty daily questions for the last thirty days cost as two of them' month
check 'the receipt tells the releases' grep -q '"parts":\[{"query_id":"[0-9a-f]*","as_of":"[^"]*","first":"2024-05-31' "$run/day30"
price_first() {
    "$bin/halftone" estimate --max-groups 30 --rho 0.003 "SELECT date_trunc('day', ordered_at) AS d, COUNT(*) AS n
        FROM shop.orders WHERE ordered_at >= '$(day 31)' AND ordered_at < '$(day 61)' GROUP BY 1" >"$run/out" &&
        grep 'values, of which 29 are stored and free, and 1 to be released' "$run/out"
}
check 'an estimate tells which days are stored' price_first
next_version() { # new days arrive: the days that were stay
    local before
    sed -i 's/^data_version:.*/data_version: "2025-01-01"/' "$shop/shop.yaml"
    kill -HUP "$server_pid"
    sleep 0.5
    before=$(spent)
    daily "$(day 30)" "$(day 60)" --max-groups 30 --rho 0.003 >"$run/later" &&
        [ "$(rows "$run/later")" = "$(rows "$run/day30")" ] && [ "$(spent)" = "$before" ]
}
check 'another data version leaves closed days as they are' next_version

# ---- what follows noise is free; those who ask at once share ----

after_noise() {
    local q='SELECT age_band, COUNT(*) AS n FROM shop.customers' before k
    ask --format json "$q GROUP BY age_band" >"$run/all" || return 1
    before=$(spent)
    for k in 'ORDER BY n DESC' 'ORDER BY n LIMIT 2' 'HAVING COUNT(*) > 100' \
        'HAVING COUNT(*) > 100 ORDER BY 2 DESC LIMIT 1 OFFSET 1'; do
        ask --format json "$q GROUP BY age_band $k" >"$run/k" || return 1
        grep -q '"cached":true' "$run/k" || { echo "charged: $k"; return 1; }
        # Each number is one of those that were released.
        rows "$run/k" | grep -o '"rows":.*"intervals"' | grep -o '\["[0-9][^]]*\]' |
            while read -r row; do rows "$run/all" | grep -qF "$row" || exit 1; done || return 1
    done
    [ "$(spent)" = "$before" ]
}
check 'another ORDER BY, LIMIT or HAVING over a stored answer is free' after_noise
at_once() {
    local q='SELECT country, SUM(1) AS s, COUNT(*) AS n FROM shop.customers WHERE age_band <> '"'65+'"' GROUP BY country'
    local before n k pids=''
    n=$(charges)
    for k in $(seq 1 12); do
        ask --format json "$q" >"$run/at$k" 2>&1 & pids="$pids $!"
    done
    for k in $pids; do wait "$k" || return 1; done
    [ "$(charges)" = $((n + 1)) ] || { echo "$(($(charges) - n)) charges"; return 1; }
    for k in $(seq 2 12); do
        [ "$(rows "$run/at$k")" = "$(rows "$run/at1")" ] || return 1
    done
    [ "$(grep -l '"cached":false' "$run"/at* | wc -l)" = 1 ]
}
check 'twelve who ask the same at once share one run and one charge' at_once
days_at_once() {
    local n k pids=''
    n=$(charges)
    for k in $(seq 1 8); do
        daily 2024-08-01 2024-08-20 >"$run/at$k" 2>&1 & pids="$pids $!"
    done
    for k in $pids; do wait "$k" || return 1; done
    [ "$(charges)" = $((n + 1)) ] || { echo "$(($(charges) - n)) charges"; return 1; }
    for k in $(seq 2 8); do
        [ "$(rows "$run/at$k")" = "$(rows "$run/at1")" ] || return 1
    done
}
check 'eight who ask for the same days share them' days_at_once
check 'the ledger holds' "$bin/halftone" ledger verify "$run/ledger.db"
exit $failed
