#!/bin/bash
# Rows in a PostgreSQL, by the real server and client: who said yes counts, from
# the next release on, after kill -9, and while others ask; who was erased is
# deleted; a role that could write is refused; SQL that PostgreSQL has no words
# for costs nothing.
set -u
cd "$(dirname "$0")/../.."
. tests/system/lib.sh
. demo/lib.sh
run=$(mktemp -d)
shop=$run/shop db=$(mktemp -d -p /dev/shm 2>/dev/null || mktemp -d)/pg
trap 'stop_server; tests/postgres.sh stop "$db" >/dev/null 2>&1; rm -rf "$run" "${db%/pg}"' EXIT
chmod 755 "${db%/pg}"
mkdir -p "$shop"
uri=$(tests/postgres.sh start "$db" $$) || die "no PostgreSQL"
sql() { psql -X -q -A -t -v ON_ERROR_STOP=1 "$uri" "$@"; }
as_role() { echo "postgresql://$1@/postgres?host=$db"; }

"${MAKE_SHOP:-$bin/make_shop}" demo/shop.sql "$shop" 3000 || die "no shop"
echo "COPY (SELECT customer_id, country, age_band, joined FROM 'customers.parquet') TO 'customers.csv' (HEADER false);
COPY (SELECT customer_id, ordered_at, category, amount, country FROM 'orders.parquet') TO 'orders.csv' (HEADER false);
COPY (FROM 'consents.parquet') TO 'consents.csv' (HEADER);
COPY (SELECT count(*) FROM (SELECT subject FROM 'consents.parquet' WHERE purposes = 'measure_campaigns'
  GROUP BY subject HAVING arg_max(state, \"at\") = 'granted')) TO 'yes.txt' (FORMAT csv, HEADER false);
COPY (SELECT count(*) FROM (SELECT subject FROM 'consents.parquet' WHERE purposes = 'improve_products'
  GROUP BY subject HAVING arg_max(state, \"at\") = 'objected')) TO 'no.txt' (FORMAT csv, HEADER false);
COPY (SELECT subject, 'measure_campaigns' AS purposes, 'withdrawn' AS state, TIMESTAMP '2025-06-01' AS \"at\"
  FROM (SELECT subject FROM 'consents.parquet' WHERE purposes = 'measure_campaigns' GROUP BY subject
  HAVING arg_max(state, \"at\") = 'granted' ORDER BY subject LIMIT 500)) TO 'some.parquet';" >"$run/csv.sql"
"${MAKE_SHOP:-$bin/make_shop}" "$run/csv.sql" "$shop" 1 || die "no csv"
sql <<END || die "no tables"
CREATE SCHEMA shop;
CREATE TABLE shop.customers (customer_id int, country text, age_band text, joined date);
CREATE TABLE shop.orders (customer_id int, ordered_at timestamp, category text, amount float8, country text);
\copy shop.customers FROM '$shop/customers.csv' CSV
\copy shop.orders FROM '$shop/orders.csv' CSV
$(sed -n '/^    -- grants/,/^    -- end/p' docs/sources.md)
END
yes=$(tr -d '\r\n' <"$shop/yes.txt") no=$(tr -d '\r\n' <"$shop/no.txt")

# policy [READER [EXECUTE]]
policy() {
    awk '/^  touches:/ { exit } { print }' demo/shop.yaml |
        sed "s/^cap:.*/cap: { rho: 90, delta: 1e-9 }\nmax_price: { rho: 1, delta: 1e-9 }\nreuse_for: 0\nslots: { first: 0 }/
             s|^version: 1|&\nsource: postgresql\ndatabase: \"$(as_role "${1:-halftone_reader}")\"\nwriter: \"$(as_role halftone_writer)\"|
             s/^  controller:.*/&\n  erasure: { execute: ${2:-false}, deadline: 20 days }/
             s|from: \(.*\)\.parquet|from: shop.\1|"
}
# The same words for the same columns as of a file, and what it says loads.
drafted() {
    local columns='^      (customer_id|ordered_at|category|amount|country):'
    "$bin/halftone" policy draft "$(as_role halftone_reader)" >"$run/draft.yaml" || return 1
    "$bin/halftone" policy draft "$shop/orders.parquet" | grep -E "$columns" | sort >"$run/of_file"
    sed -n '/^  shop_orders:/,$p' "$run/draft.yaml" | grep -E "$columns" | sort >"$run/of_table"
    [ "$(wc -l <"$run/of_table")" = 5 ] && cmp "$run/of_file" "$run/of_table" || return 1
    grep -q '^dataset: postgres$' "$run/draft.yaml" && ! grep -q halftone_shop "$run/draft.yaml" || return 1
    says 'to be decided' exits 2 "$bin/halftone" policy check "$run/draft.yaml" || return 1
    sed 's/^exclusive: DECIDE/exclusive: true/; s/^data_version: DECIDE/data_version: a/
         s/^cap: DECIDE/cap: {rho: 1, delta: 1e-9}/; s/^max_people: DECIDE/max_people: 10000/
         s/help: DECIDE/help: Figures./; s/basis: DECIDE/basis: public_task/; s/, range: DECIDE//
         s/max_groups: DECIDE/max_groups: 5/; s/max_rows: DECIDE/max_rows: 5/' "$run/draft.yaml" >"$run/decided.yaml"
    "$bin/halftone" policy check "$run/decided.yaml" || return 1
}
check 'a policy is drafted as of a file, and loads once it is decided' drafted
undrafted() {
    says 'has a password in it' exits 2 "$bin/halftone" policy draft 'postgresql://u:geheim@localhost/x' &&
        says 'cannot be reached' exits 2 "$bin/halftone" policy draft "postgresql:///x?host=$run" &&
        says 'sees no table' exits 2 "$bin/halftone" policy draft "$(as_role halftone_writer | sed 's|/postgres|/template1|')"
}
check 'what cannot be drafted is told, with a way out' undrafted

policy >"$shop/shop.yaml"
check 'policy check compares columns with the database' \
    says 'no mistake\|is good\|ok' "$bin/halftone" policy check "$shop/shop.yaml"
write_config "$shop/shop.yaml"
start_server

as_service() { HALFTONE_TOKEN=$(cat "$run/subjects.token") "$bin/halftone" consent "$@"; }
people() { # PURPOSE NUMBER: how many count; the number makes a question of its own
    "$bin/halftone" query --purpose "$1" --rho 0.2 -o csv \
        "SELECT COUNT(DISTINCT customer_id) FROM shop.customers WHERE joined < DATE '2030-01-01' + $2" \
        2>"$run/err" | tail -n 1 | cut -d, -f1
}
near() { # A B: within the noise, but for one time in 10^10
    [ -n "$1" ] && [ "$(($1 - $2))" -le 12 ] && [ "$(($2 - $1))" -le 12 ] || { echo "$1, not $2"; cat "$run/err"; tail -n 3 "$run/server.log"; false; }
}
unknown_is_no() { near "$(people measure_campaigns 1)" 0 && near "$(people improve_products 1)" 3000; }
check 'unknown is no, and counts where no consent is asked' unknown_is_no
says_yes() {
    as_service import "$shop/consents.csv" >/dev/null 2>&1 &&
        near "$(people measure_campaigns 2)" "$yes" && near "$(people improve_products 2)" "$((3000 - no))"
}
check 'who said yes counts, and who objected does not' says_yes
groups() {
    "$bin/halftone" query --purpose improve_products --rho 0.5 -o csv "SELECT category, COUNT(*) AS n, SUM(amount)
        FROM shop.orders WHERE amount > 10 AND ordered_at >= '2024-03-01' GROUP BY category ORDER BY n DESC" >"$run/rows" 2>&1
    [ "$(wc -l <"$run/rows")" -ge 6 ] && grep -q '^books,' "$run/rows" || { cat "$run/rows"; false; }
}
check 'counts and sums by a public key' groups
selected() {
    "$bin/halftone" query --purpose improve_products --rho 0.5 -o csv "SELECT date_trunc('week', joined), COUNT(*)
        FROM shop.customers GROUP BY 1 ORDER BY 2 DESC LIMIT 3" >"$run/rows" 2>&1
    [ "$(grep -c '^20' "$run/rows")" = 3 ] || { cat "$run/rows"; false; }
}
check 'the largest groups of many' selected

refused() {
    local before after
    before=$("$bin/halftone" budget -o json shop 2>/dev/null)
    says 'rows of this dataset are in PostgreSQL' exits 3 "$bin/halftone" query --purpose improve_products \
        "SELECT COUNT(*) FROM (SELECT customer_id, max(amount) OVER (PARTITION BY customer_id) % 0.5 AS m
            $(for i in $(seq 130); do echo ", count(*) OVER (PARTITION BY customer_id) + count(*) OVER (PARTITION BY customer_id) AS c$i"; done)
            FROM shop.orders) x WHERE m > 0.1" || return 1
    after=$("$bin/halftone" budget -o json shop 2>/dev/null)
    [ "$before" = "$after" ]
}
check 'what PostgreSQL has no words for is refused, and costs nothing' refused

asks() { # NUMBER
    local i n
    for i in 1 2 3; do
        n=$(people measure_campaigns "$((100 + $1 * 10 + i))")
        [ "${n:-0}" -le "$((yes + 12))" ] && [ "${n:-0}" -ge "$((yes - 512))" ] || { echo "$1 got $n"; cat "$run/err"; }
    done
}
crowd() {
    local i pids=()
    for i in $(seq 16); do asks "$i" >"$run/asked.$i" & pids+=($!); done
    sleep 0.2
    as_service import "$shop/some.parquet" || return 1
    for i in $(seq 16); do people measure_campaigns "$((900 + i))" >"$run/after.$i" & pids+=($!); done
    wait "${pids[@]}"
    cat "$run"/asked.*
    [ -z "$(cat "$run"/asked.*)" ] || return 1
    for i in $(seq 16); do near "$(cat "$run/after.$i")" "$((yes - 500))" || return 1; done
}
check 'no release after a withdrawal counts them, with 16 analysts asking' crowd
after_kill() {
    as_service record 1 --purpose improve_products --state objected >/dev/null 2>&1
    kill -9 "$server_pid"
    wait "$server_pid" 2>/dev/null
    start_server
    near "$(people measure_campaigns 4)" "$((yes - 500))" && near "$(people improve_products 4)" "$((2999 - no))"
}
check 'nor after kill -9' after_kill
restarted() {
    sql -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename LIKE 'halftone_%'" >/dev/null
    near "$(people measure_campaigns 5)" "$((yes - 500))" && near "$(people improve_products 5)" "$((2999 - no))"
}
check 'nor when the database ended all connections' restarted
newcomers() {
    sql -c "INSERT INTO shop.customers SELECT 5000 + i, 'DE', '18-24', DATE '2023-05-05' FROM generate_series(1, 100) i"
    kill -HUP "$server_pid"
    sleep 1
    near "$(people improve_products 6)" "$((3099 - no))" && near "$(people measure_campaigns 6)" "$((yes - 500))"
}
check 'new people are unknown, which is no' newcomers
stop_server

erased() {
    sql -c 'GRANT DELETE ON shop.customers, shop.orders TO halftone_writer' || return 1
    policy halftone_reader true | sed 's/^version: 1/version: 2/' >"$shop/shop.yaml"
    start_server
    HALFTONE_TOKEN=$(cat "$run/subjects.token") "$bin/halftone" consent erase 7 >/dev/null 2>"$run/err" || { cat "$run/err"; return 1; }
    kill -HUP "$server_pid"
    local i
    for i in $(seq 50); do
        [ "$(sql -c 'SELECT count(*) FROM shop.customers WHERE customer_id = 7')" = 0 ] &&
            [ "$(sql -c 'SELECT count(*) FROM shop.orders WHERE customer_id = 7')" = 0 ] && return 0
        sleep 0.2
    done
    tail -n 5 "$run/server.log"
    return 1
}
check 'who was erased is deleted from every table' erased
stop_server

# ---- what does not start ----
writes() {
    sql -c 'GRANT INSERT ON shop.orders TO halftone_reader'
    says 'can write shop.orders' exits 1 timeout 20 "$bin/halftoned" --config "$run/config.yaml"
    local rc=$?
    sql -c 'REVOKE INSERT ON shop.orders FROM halftone_reader'
    return $rc
}
check 'a role that could write is refused' writes
super() {
    policy postgres >"$shop/shop.yaml"
    says 'is a superuser' exits 1 timeout 20 "$bin/halftoned" --config "$run/config.yaml"
}
check 'and a superuser' super
mistyped() {
    policy | sed 's/country: *$/&\n        from: county/' >"$shop/shop.yaml"
    says 'no column county' exits 1 timeout 20 "$bin/halftoned" --config "$run/config.yaml"
}
check 'a column that is not there is named' mistyped
secret() {
    policy | sed 's|^database: .*|database: postgresql://u:geheim@localhost/x|' >"$shop/shop.yaml"
    says 'has a password in it' exits 2 "$bin/halftone" policy check "$shop/shop.yaml" ||
        says 'has a password in it' exits 1 "$bin/halftone" policy check "$shop/shop.yaml"
}
check 'a password in the policy is refused' secret
exit "$failed"
