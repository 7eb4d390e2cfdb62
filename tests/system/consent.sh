#!/bin/bash
# Consent, by real clients: who said yes counts, from the next release on, also
# while others ask, after kill -9 and after half an import.
set -u
cd "$(dirname "$0")/../.."
. tests/system/lib.sh
. demo/lib.sh
run=$(mktemp -d)
shop=$run/shop
trap 'stop_server; rm -rf "$run"' EXIT
mkdir -p "$shop"
"${MAKE_SHOP:-$bin/make_shop}" demo/shop.sql "$shop" 20000 || die "no shop"
# Noise of a few people, no answer twice, and enough of a budget.
sed 's/^cap:.*/cap: { rho: 90, delta: 1e-9 }\nmax_price: { rho: 1, delta: 1e-9 }\nreuse_for: 0\nslots: { first: 0 }/' \
    demo/shop.yaml >"$shop/shop.yaml"
write_config "$shop/shop.yaml"
start_server

as_service() { HALFTONE_TOKEN=$(cat "$run/subjects.token") "$bin/halftone" consent "$@"; }
# people PURPOSE [NUMBER]: how many count; the number makes a question of its own
people() {
    "$bin/halftone" query --purpose "$1" --rho 0.2 -o csv \
        "SELECT COUNT(DISTINCT customer_id) FROM shop.customers WHERE joined < DATE '2030-01-01' + ${2:-0}" \
        2>"$run/err" | tail -n 1 | cut -d, -f1
}
near() { # A B: within the noise, but for one time in 10^10
    [ "$(($1 - $2))" -le 12 ] && [ "$(($2 - $1))" -le 12 ] || { echo "$1, not $2"; false; }
}

unknown_is_no() { near "$(people measure_campaigns)" 0; }
check 'unknown is no' unknown_is_no
all_but() { near "$(people improve_products)" 20000; }
check 'what needs no consent counts everybody' all_but

# ---- an import, cut and mended ----
half() {
    head -c 200000 "$shop/consents.csv" >"$run/half.csv"
    as_service import "$run/half.csv" >/dev/null 2>&1 && return 1
    near "$(people measure_campaigns 1)" 0
}

cat >"$run/csv.sql" <<'END'
COPY (FROM 'consents.parquet') TO 'consents.csv' (HEADER);
COPY (SELECT count(*) FROM (SELECT subject FROM 'consents.parquet' WHERE purposes = 'measure_campaigns'
  GROUP BY subject HAVING arg_max(state, "at") = 'granted')) TO 'yes.txt' (FORMAT csv, HEADER false);
COPY (SELECT subject, 'measure_campaigns' AS purposes, 'withdrawn' AS state, TIMESTAMP '2025-06-01' AS "at"
  FROM (SELECT subject FROM 'consents.parquet' WHERE purposes = 'measure_campaigns' GROUP BY subject
  HAVING arg_max(state, "at") = 'granted' ORDER BY subject LIMIT 3000)) TO 'no.parquet';
END
"${MAKE_SHOP:-$bin/make_shop}" "$run/csv.sql" "$shop" 1 || die "no csv"
yes=$(tr -d '\r\n' <"$shop/yes.txt")
check 'half a file counts nothing' half
killed() {
    as_service import "$shop/consents.csv" >/dev/null 2>&1 &
    local client=$!
    sleep 0.15
    kill -9 "$client" "$server_pid"
    wait "$client" "$server_pid" 2>/dev/null
    start_server
    as_service import "$shop/consents.csv" && near "$(people measure_campaigns 2)" "$yes"
}
check 'an import goes on after kill -9 of both, and all of it counts' killed
again() { as_service import "$shop/consents.csv" && near "$(people measure_campaigns 3)" "$yes"; }
check 'imported twice it counts once' again

# ---- people withdraw while sixteen analysts ask ----
asks() { # NUMBER: until told to stop; each answer is one of before or after
    local i n
    for i in 1 2 3 4 5 6; do
        n=$(people measure_campaigns "$((100 + $1 * 10 + i))")
        [ "$n" -le "$((yes + 12))" ] && [ "$n" -ge "$((yes - 3012))" ] || echo "$1 got $n"
    done
}
crowd() {
    local i pids=()
    for i in $(seq 16); do
        asks "$i" >"$run/asked.$i" &
        pids+=($!)
    done
    sleep 0.2
    as_service import "$shop/no.parquet" || return 1
    # It has returned: whoever asks from now on is answered without them.
    for i in $(seq 16); do
        people measure_campaigns "$((900 + i))" >"$run/after.$i" &
        pids+=($!)
    done
    wait "${pids[@]}"
    cat "$run"/asked.*
    [ -z "$(cat "$run"/asked.*)" ] || return 1
    for i in $(seq 16); do near "$(cat "$run/after.$i")" "$((yes - 3000))" || return 1; done
}
check 'no release after a withdrawal counts them, with 16 analysts asking' crowd
after_kill() {
    as_service withdraw 1 --purpose measure_campaigns >/dev/null || return 1
    kill -9 "$server_pid"
    wait "$server_pid" 2>/dev/null
    start_server
    near "$(people measure_campaigns 4)" "$((yes - 3000))" &&
        as_service history 1 | grep -q withdrawn
}
check 'nor after kill -9' after_kill

# ---- receipts ----
receipts() {
    as_service record 19999 --purpose share_with_partners >/dev/null &&
        as_service receipt 19999 >"$run/receipt" && grep -q 27560 "$run/receipt" &&
        says 'and holds' as_service verify "$run/receipt" 19999
}
check 'a receipt is given and checked' receipts
check "somebody else's receipt is refused" says "not this person's" as_service verify "$run/receipt" 19998
forged() {
    sed 's/consent given/consent taken/' "$run/receipt" >"$run/forged"
    says 'no receipt of this server' as_service verify "$run/forged" 19999
}
check 'a forged receipt is refused' forged
superseded() {
    as_service withdraw 19999 --purpose share_with_partners >/dev/null
    says 'a later decision' as_service verify "$run/receipt" 19999
}
check 'a receipt that was superseded is told' superseded

records() {
    "$bin/halftone" policy records "$shop/shop.yaml" -o csv 2>/dev/null >"$run/records.csv"
    [ "$(wc -l <"$run/records.csv")" -eq 6 ] && grep -q 'privacy@shop.example' "$run/records.csv" &&
        grep -q 'those named by customer_id in customers, orders' "$run/records.csv" &&
        [ "$(grep -c 'its senders, who are told' "$run/records.csv")" -eq 1 ]
}
check 'records of processing have a row for each purpose' records

# ---- what a browser says ----
# Of November 2023: yes to purposes 7 and 10, no word against 7.
tc=CP1R2oAP1R2oAAHABABFBkFgAAJAAAIAAAIoAEgKABICgAA
stands() { # WHO YES NO
    as_service history "$1" >"$run/stands"
    grep -q "^yes to: $2$" "$run/stands" && grep -q "^no to: $3$" "$run/stands" || { cat "$run/stands"; false; }
}
tc_string() {
    as_service signal 39990 --tc-string "$tc" >/dev/null || return 1
    stands 39990 measure_campaigns 'improve_products understand_audiences' &&
        grep -q 'objected *improve_products' "$run/stands" &&
        grep -q 'withdrawn *understand_audiences' "$run/stands" &&
        as_service receipt 39990 | grep -q '"event_state":"objected"'
}
check 'a consent string says yes, takes back, and objects' tc_string
gpc() {
    as_service record 39991 --purpose share_with_partners,measure_campaigns >/dev/null &&
        as_service signal 39991 --gpc >/dev/null && stands 39991 measure_campaigns share_with_partners
}
check 'Global Privacy Control takes back what is shared' gpc
old_string() { # what was decided since holds
    as_service withdraw 39992 --purpose measure_campaigns >/dev/null &&
        as_service signal 39992 --tc-string "$tc" >/dev/null &&
        stands 39992 nothing 'improve_products measure_campaigns understand_audiences'
}
check 'an old consent string undoes no withdrawal' old_string
check 'half a consent string is refused' says 'ends too early' as_service signal 1 --tc-string "${tc:0:24}"
check 'and one of another version' says 'another version' as_service signal 1 --tc-string "B${tc:1}"

# ---- a new notice ----
check 'a yes to a notice that is not written yet is refused' says "has no version 2, its newest is 1" \
    as_service record 39993 --purpose measure_campaigns --notice 2
new_notice() {
    as_service record 39993 --purpose measure_campaigns --notice 1 >/dev/null && stands 39993 measure_campaigns nothing || return 1
    sed -i 's/^    tcf: 7$/&\n    notice: 2\n    least_notice: 2\n    notice_since: 2026-01-01/' "$shop/shop.yaml"
    kill -HUP "$server_pid"
    sleep 1.5
    near "$(people measure_campaigns 5)" 0 && stands 39993 nothing nothing || return 1
    as_service record 39993 --purpose measure_campaigns >/dev/null && stands 39993 measure_campaigns nothing
}
check 'a new notice has everybody asked anew' new_notice
replayed() {
    as_service signal 39994 --tc-string "$tc" >/dev/null
    stands 39994 nothing 'improve_products understand_audiences' || return 1
    head -n 1 "$shop/consents.csv" >"$run/old.csv"
    echo '39995,measure_campaigns,granted,2025-12-31,,x' >>"$run/old.csv"
    as_service import "$run/old.csv" >/dev/null && stands 39995 nothing nothing
}
check 'a yes of before, told now, is to what was told then' replayed

# ---- bad input and roles ----
check 'an unknown purpose is refused' exits 3 as_service record 1 --purpose spying
check 'a time in the future is refused' says 'in the future' \
    as_service record 1 --purpose measure_campaigns --at 2999-01-01
check 'a subject that is no key is refused' says 'whole number' \
    as_service record me --purpose measure_campaigns
wrong_row() {
    { head -n 3 "$shop/consents.csv"; echo '7,measure_campaigns,granted,2999-01-01,1,x'; } >"$run/wrong.csv"
    says 'row 3: at lies in the future' as_service import "$run/wrong.csv"
}
check 'a wrong row is named' wrong_row
wrong_word() { # state, then purpose; the columns are subject, purposes, state, at
    { head -n 3 "$shop/consents.csv"; echo '7,measure_campaigns,maybe,2024-01-01,1,x'; } >"$run/wrong.csv"
    says 'row 3: state is granted' as_service import "$run/wrong.csv" || return 1
    { head -n 3 "$shop/consents.csv"; echo '7,spying,granted,2024-01-01,1,x'; } >"$run/wrong.csv"
    says "row 3: there is no purpose 'spying'" as_service import "$run/wrong.csv"
}
check 'so is one of a state or purpose that is not there' wrong_word
check 'an analyst records nothing' exits 5 "$bin/halftone" consent withdraw 1 --purpose measure_campaigns
service_asks() { HALFTONE_TOKEN=$(cat "$run/subjects.token") people measure_campaigns 5; grep -q 'does not allow' "$run/err"; }
check 'who speaks for people asks nothing' service_asks
# 7214809 is in nobody's data; it shows nowhere.
no_trace() {
    as_service record 7214809 --purpose measure_campaigns --source drawer-3f >/dev/null || return 1
    stop_server
    ! grep -qa 7214809 "$run/server.log" "$run"/consent.db* "$run"/ledger.db* &&
        ! grep -qa drawer-3f "$run/server.log" "$run"/consent.db* "$run"/ledger.db*
}
check 'no identifier is in any file' no_trace
exit "$failed"
