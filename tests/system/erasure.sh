#!/bin/bash
# Erasure, by real clients: at once, after kill -9, by the owner's signed list
# and by the server itself, undone by old data and done again.
set -u
cd "$(dirname "$0")/../.."
. tests/system/lib.sh
. demo/lib.sh
run=$(mktemp -d)
shop=$run/shop
trap 'stop_server; rm -rf "$run"' EXIT
mkdir -p "$shop"
make_shop=${MAKE_SHOP:-$bin/make_shop}
"$make_shop" demo/shop.sql "$shop" 3000 || die "no shop"
cp -r "$shop" "$run/old"
"$bin/halftone" erasures key "$run/owner.key" >"$run/owner.yaml" 2>/dev/null
owner=$(sed -n 's/.*owner: //p' "$run/owner.yaml")
# policy EXECUTE: noise of a few people, no answer twice, enough of a budget.
policy() {
    sed "s/^cap:.*/cap: { rho: 90, delta: 1e-9 }\nmax_price: { rho: 1, delta: 1e-9 }\nreuse_for: 0\nslots: { first: 0 }/
         s/^  controller:.*/&\n  erasure: { owner: $owner, execute: $1, deadline: 20 days }/" \
        demo/shop.yaml >"$shop/shop.yaml"
}
policy false
write_config "$shop/shop.yaml"
add_principal operator operator
start_server

as() { # WHO COMMAND...
    local token=$run/$1.token
    shift
    HALFTONE_TOKEN=$(cat "$token") "$bin/halftone" "$@"
}
page() { curl -sS --max-time 10 --http2 --cacert "$HALFTONE_CA" "https://$HALFTONE_TARGET/audit/$1"; }
n=0
people() { # PURPOSE: how many count
    n=$((RANDOM * 3 + n + 1))
    "$bin/halftone" query --purpose "$1" --rho 0.5 -o csv \
        "SELECT COUNT(DISTINCT customer_id) FROM shop.customers WHERE joined < DATE '2030-01-01' + $n" \
        2>"$run/err" | tail -n 1 | cut -d, -f1
}
near() { # A B: within the noise, but for one time in 10^10
    [ "$(($1 - $2))" -le 8 ] && [ "$(($2 - $1))" -le 8 ] || { echo "$1, not $2"; false; }
}
spent() { "$bin/halftone" budget shop -o csv 2>/dev/null | head -n 2; }
counts() { as steward erasures list -o csv | tr -d '\r' | tail -n +2 | cut -d, -f4 | sort | uniq -c | tr -s ' ' | tr '\n' ';'; }
reload() { kill -HUP "$server_pid"; sleep 1.5; }
# The owner writes the tables anew without the people in gone.csv.
cat >"$run/delete.sql" <<'END'
CREATE TABLE gone AS FROM read_csv('gone.csv', columns = {'k': 'BIGINT'}, header = false);
COPY (FROM 'customers.parquet' WHERE customer_id NOT IN (FROM gone)) TO 'customers.new' (FORMAT parquet);
COPY (FROM 'orders.parquet' WHERE customer_id NOT IN (FROM gone)) TO 'orders.new' (FORMAT parquet);
COPY (FROM 'touches.parquet' WHERE customer_id NOT IN (FROM gone)) TO 'touches.new' (FORMAT parquet);
COPY (FROM 'conversions.parquet' WHERE customer_id NOT IN (FROM gone)) TO 'conversions.new' (FORMAT parquet);
END
owner_deletes() { # a list: of whom it says
    "$bin/halftone" erasures open "$1" --owner-key "$run/owner.key" \
        --log-key "$(page key)" >"$run/opened" || return 1
    sed -n 's/^{"key":"\(.*\)"}$/\1/p' "$run/opened" >"$shop/gone.csv"
    "$make_shop" "$run/delete.sql" "$shop" 1 || return 1
    local t
    for t in customers orders touches conversions; do
        mv "$shop/$t.new" "$shop/$t.parquet"
    done
}

before=$(people improve_products)
as subjects consent record 1 --purpose measure_campaigns --source drawer-3f >/dev/null
as subjects consent receipt 1 >"$run/receipt"

stop_server
mkdir "$run/backup" && cp "$run"/consent.db* "$run/backup/" && rm -f "$run/backup/consent.db-erasures"
start_server

# ---- at once ----
erase_some() {
    local i
    for i in $(seq 40); do as subjects consent erase "$i" >/dev/null || return 1; done
    near "$(people improve_products)" $((before - 40))
}
money=$(spent)
check 'who is erased counts no more, under any basis' erase_some
unchanged() { [ "$(counts)" = ' 40 suppressed;' ] || { counts; false; }; }
check 'a steward sees how many, without names' unchanged
killed() {
    kill -9 "$server_pid"
    wait "$server_pid" 2>/dev/null
    start_server
    near "$(people improve_products)" $((before - 40)) && unchanged
}
check 'after kill -9, too' killed
older() {
    stop_server
    rm -f "$run/consent.db" "$run"/consent.db-wal "$run"/consent.db-shm
    cp "$run"/backup/* "$run/"
    start_server
    as steward consent confirm --reason 'nothing but erasures came since' >/dev/null || return 1
    near "$(people improve_products)" $((before - 40)) && unchanged
}
check 'and in an older register that is put back' older
unknown() {
    as subjects consent erase 7214809 -o csv | cut -d, -f1-4,9-10 >"$run/unknown" || return 1
    as subjects consent erasure 7 -o csv | cut -d, -f1-4,9-10 >"$run/known" || return 1
    cmp "$run/unknown" "$run/known"
}
check 'somebody unknown is erased in the same words' unknown
twice() { as subjects consent erase 7 -o csv >"$run/again" && as subjects consent erasure 7 -o csv | cmp - "$run/again"; }
check 'asked twice it is one erasure' twice
no_history() { [ "$(as subjects consent history 1 -o csv | wc -l)" -eq 1 ]; }
check 'no history is left' no_history
check 'and who was erased is told to count nowhere' says 'erased: counted nowhere' as subjects consent history 1
check 'a receipt of before is told so' says 'was erased on' as subjects consent verify "$run/receipt" 1
check "of somebody else it is not" says "not this person's" as subjects consent verify "$run/receipt" 2
check 'a decision of before is refused' exits 3 as subjects consent record 7 \
    --purpose measure_campaigns --at 2024-01-01
check 'an operator, who has no data, sees none of them' exits 5 as operator erasures list
check 'and has nothing done' exits 5 as operator erasures run
check 'an analyst erases nobody' exits 5 "$bin/halftone" consent erase 50
check 'nor sees who is' exits 5 "$bin/halftone" erasures list
check 'who speaks for people signs no list' exits 5 as subjects erasures sign
check 'a subject that is no key is refused' says 'whole number' as subjects consent erase me
check 'nobody asked for an erasure that is not there' says 'nobody asked' as subjects consent erasure 51

# ---- the owner's list ----
sign() { as steward erasures sign >"$run/$1" && grep -q '^halftone erasures$' "$run/$1"; }
check 'a list is signed' sign list1
sealed() {
    sed '1,/^— /d' "$run/list1" | base64 -d >"$run/sealed" || return 1
    [ -s "$run/sealed" ] && ! grep -qa '"key"' "$run/sealed" "$run/list1"
}
check 'and nobody but its owner reads it' sealed
confirm_too_soon() {
    as steward erasures confirm "$run/list1" -o csv >/dev/null || return 1
    # 7214809 is not in the data: that much is true.
    [ "$(counts)" = ' 40 suppressed; 1 verified;' ] || { counts; false; }
}
check 'what is said and not so is found out' confirm_too_soon
deleted() {
    sign list2 && owner_deletes "$run/list2" && [ "$(sort -n "$shop/gone.csv" | tr '\n' ' ')" = "$(seq -s ' ' 40) " ] || return 1
    as steward erasures confirm "$run/list2" -o csv >/dev/null
    [ "$(counts)" = ' 41 verified;' ] || { counts; false; }
}
check 'what the owner deleted is verified' deleted
replayed() { as steward erasures confirm "$run/list2" -o csv | grep -q 'true'; }
check 'a list that is confirmed again changes nothing' replayed
forged() {
    sed '3s/.*/99/' "$run/list2" >"$run/forged"
    says 'no list of this server' as steward erasures confirm "$run/forged"
}
check 'a forged list is refused' forged
check 'half a list is refused' says 'no list of whom' as steward erasures confirm "$run/receipt"
other_key() {
    "$bin/halftone" erasures key "$run/other.key" >/dev/null 2>&1
    says 'sealed for another key' "$bin/halftone" erasures open "$run/list2" --owner-key "$run/other.key" --log-key "$(page key)"
}
check 'another key opens nothing' other_key

# ---- old data come back ----
restored() {
    cp "$run"/old/*.parquet "$shop/"
    reload
    near "$(people improve_products)" $((before - 40)) || return 1
    [ "$(counts)" = ' 40 suppressed; 1 verified;' ] || { counts; false; }
}
check 'old data that are put back leave her out, and are told' restored
executed() {
    policy true
    reload
    local tries=30
    until [ "$(counts)" = ' 41 verified;' ] || [ "$tries" -eq 0 ]; do
        tries=$((tries - 1))
        sleep 0.2
    done
    [ "$(counts)" = ' 41 verified;' ] || { counts; return 1; }
    near "$(people improve_products)" $((before - 40)) || return 1
    cp "$shop/customers.parquet" "$shop/x.parquet"
    ls -A "$shop" | grep -q eras && return 1
    echo "COPY (SELECT count(*) FROM 'x.parquet') TO 'n.csv' (HEADER false)" >"$run/n.sql"
    "$make_shop" "$run/n.sql" "$shop" 1 && [ "$(tr -d '\r' <"$shop/n.csv")" = 2960 ]
}
check 'the server deletes them itself where the policy says so' executed
again() {
    cp "$run"/old/*.parquet "$shop/"
    as steward erasures run -o csv >/dev/null || return 1
    [ "$(counts)" = ' 41 verified;' ] || { counts; false; }
}
check 'and again when old data come back' again

# ---- she comes back ----
back() {
    as subjects consent record 7 --purpose improve_products >/dev/null || return 1
    as subjects consent erasure 7 | grep -q 'came back' || return 1
    cp "$run/old/customers.parquet" "$shop/"
    as steward erasures run -o csv >/dev/null || return 1
    echo "COPY (SELECT string_agg(customer_id, ' ') FROM 'customers.parquet' WHERE customer_id <= 40) TO 'n.csv' (HEADER false)" >"$run/n.sql"
    "$make_shop" "$run/n.sql" "$shop" 1 && [ "$(tr -d '\r' <"$shop/n.csv")" = 7 ]
}
check 'who says yes later is back, with her new rows' back
budget() {
    local now
    now=$(spent)
    echo "$money"; echo "$now"
    [ "$(echo "$now" | tail -n 1)" != "$(echo "$money" | tail -n 1)" ] || return 1
    kill -9 "$server_pid"
    wait "$server_pid" 2>/dev/null
    start_server
    [ "$(spent)" = "$now" ] && as subjects consent erase 60 >/dev/null && [ "$(spent)" = "$now" ]
}
check 'no budget comes back by it' budget

late() {
    policy false
    stop_server
    start_server
    as subjects consent erase 61 >/dev/null && as steward erasures list | grep -q 'none is late' || return 1
    stop_server
    local kind=$bin
    [ "$kind" != build ] || kind=build/opt
    ASAN_OPTIONS=verify_asan_link_order=0 CRASH_LATER_S=$((21 * 86400)) LD_PRELOAD=$PWD/$kind/tests/crash/shim.so start_server
    as steward erasures list >"$run/list" && grep -q '^2 late' "$run/list" || { cat "$run/list"; return 1; }
    as subjects consent erasure 61 -o csv | grep 'suppressed' | grep -q 'true' || return 1
    stop_server
    start_server
    as steward erasures list | grep -q 'none is late' && ! grep -qi 'late\|overdue' "$run/server.log"
}
check 'what is not done by the deadline is late, to a steward and to her' late

private() { grep -q '^Umask:.*0077$' "/proc/$server_pid/status"; }
check 'what it writes nobody else reads meanwhile' private
only_checked() {
    stop_server
    cp "$run"/old/*.parquet "$shop/"
    "$bin/halftoned" --config "$run/config.yaml" --check || return 1
    cmp "$run/old/customers.parquet" "$shop/customers.parquet"
}
check 'a server that is only checked deletes nobody' only_checked

# 7214809 is in nobody's data; it shows nowhere, nor what was told of somebody.
no_trace() {
    stop_server
    ! grep -qa 7214809 "$run/server.log" "$run"/consent.db* "$run"/ledger.db* &&
        ! grep -qa drawer-3f "$run/server.log" "$run"/consent.db* "$run"/ledger.db*
}
check 'no identifier is in any file' no_trace
exit "$failed"
