#!/bin/bash
# The real server and the real client on a small shop: answers, retries, exit
# codes, hidden things, reloads, kill -9 and drains.
set -u
cd "$(dirname "$0")/../.."
. demo/lib.sh
. tests/system/lib.sh
run=$(mktemp -d)
shop=$run/shop
trap 'stop_server; rm -rf "$run"' EXIT

ask() { "$bin/halftone" query --purpose improve_products "$@" </dev/null; }
spent() { "$bin/halftone" budget shop --format json | sed 's/.*"spent_rho":\([^,]*\).*/\1/'; }

mkdir -p "$shop"
"${MAKE_SHOP:-$bin/make_shop}" demo/shop.sql "$shop" 2000 || die "no shop"
cp demo/shop.yaml "$shop/shop.yaml"
write_config "$shop/shop.yaml"
start_server
count='SELECT country, COUNT(*) AS n FROM shop.customers GROUP BY country'

json_is_fixed() {
    ask --format json "$count" >"$run/j" && cat "$run/j" &&
        grep -q '"columns":\[{"name":"country","type":"text"},{"name":"n","type":"int"}\]' "$run/j" &&
        grep -q '"rows":\[\["' "$run/j" && grep -q '"intervals":\[\[null,\[' "$run/j" &&
        grep -q '"receipt":{"query_id":"[0-9a-f]\{32\}","rho":' "$run/j"
}
check 'the JSON has its fixed shape' json_is_fixed

same_bytes() {
    local before
    ask --key one --format json "$count" >"$run/a" || return 1
    before=$(spent)
    ask --key one --format json "$count" >"$run/b" || return 1
    cmp "$run/a" "$run/b" && [ "$(spent)" = "$before" ]
}
check 'a retry gets the same bytes and is not charged' same_bytes
again_free() {
    local before
    before=$(spent)
    ask --format json "$count" >"$run/c" && [ "$(spent)" = "$before" ] &&
        grep -q '"cached":true' "$run/c" &&
        [ "$(sed 's/,"receipt".*//' "$run/a")" = "$(sed 's/,"receipt".*//' "$run/c")" ]
}
check 'the same question again is the same answer, free' again_free
check 'a key for another request is refused' exits 3 \
    ask --key one 'SELECT COUNT(*) FROM shop.orders'
check 'bad SQL says where' says '1 | SELEC' ask 'SELEC 1'
echo "$count" >"$run/count.sql"
each_way() { # the same SQL, however it comes: one answer
    ask -o csv "$count" >"$run/way" 2>/dev/null || return 1
    ask -o csv --file "$run/count.sql" 2>/dev/null | cmp - "$run/way" || return 1
    for words in - ''; do
        # shellcheck disable=SC2086
        "$bin/halftone" query $words -o csv --purpose improve_products <"$run/count.sql" \
            2>/dev/null | cmp - "$run/way" || return 1
    done
    ask -o csv --table customers --dataset shop --by country --count 2>/dev/null |
        tail -n +2 | cmp - <(tail -n +2 "$run/way")
}
check 'SQL comes as a word, a file, standard input, or not at all' each_way
check 'a refusal exits 3' exits 3 ask 'SELECT customer_id FROM shop.customers'
check 'too dear exits 4' exits 4 ask --rho 1000 "$count"
check 'a wrong token exits 5' exits 5 env \
    HALFTONE_TOKEN=0000000000000000000000000000000000000000000000000000000000000000 \
    "$bin/halftone" datasets
check 'nobody there exits 6' exits 6 "$bin/halftone" datasets --target localhost:1
check 'an unknown flag exits 2' exits 2 "$bin/halftone" query --colour x
check 'an unknown dataset exits 3' exits 3 ask 'SELECT COUNT(*) FROM bank.customers'
check 'an unknown purpose exits 3' exits 3 \
    "$bin/halftone" query --purpose marketing "$count"
free() {
    local before
    before=$(spent)
    ask "EXPLAIN (PRIVACY) $count" >/dev/null &&
        "$bin/halftone" estimate --purpose improve_products "$count" >/dev/null &&
        ask "$count LIMIT 0" >/dev/null && [ "$(spent)" = "$before" ]
}
check 'plans, estimates and empty answers are free' free

# kill -9: what was charged is charged, what was answered is answered.
survives() {
    local before
    before=$(spent)
    kill -9 "$server_pid"
    wait "$server_pid" 2>/dev/null
    start_server
    [ "$(spent)" = "$before" ] && ask --key one --format json "$count" >"$run/d" &&
        cmp "$run/a" "$run/d" && "$bin/halftone" ledger verify "$run/ledger.db"
}
check 'a killed server forgets no charge and no answer' survives
under_load() {
    local i
    for i in 1 2 3 4 5 6; do ask --key "load$i" "$count" >/dev/null 2>&1 & done
    sleep 0.06
    kill -9 "$server_pid"
    wait 2>/dev/null
    start_server
    "$bin/halftone" ledger verify "$run/ledger.db" && for i in 1 2 3 4 5 6; do
        ask --key "load$i" --format csv "$count" >"$run/l1" || return 1
        ask --key "load$i" --format csv "$count" >"$run/l2" || return 1
        cmp "$run/l1" "$run/l2" || return 1
    done
}
check 'killed under load, every retry ends in one answer' under_load

reloads() {
    sed -i '/^  analyst:/,$s/datasets: .*/datasets: [other]/' "$run/principals.yaml"
    kill -HUP "$server_pid"
    sleep 0.5
    exits 3 ask --key one "$count" >/dev/null 2>&1 || return 1
    sed -i 's/datasets: \[other\]/datasets: ["*"]/' "$run/principals.yaml"
    kill -HUP "$server_pid"
    sleep 0.5
    ask --key one --format json "$count" | cmp - "$run/a"
}
check 'a reload takes rights away, from stored answers too' reloads
keeps_old() {
    cp "$run/principals.yaml" "$run/keep"
    echo '  broken: [' >>"$run/principals.yaml"
    kill -HUP "$server_pid"
    sleep 0.5
    cp "$run/keep" "$run/principals.yaml"
    "$bin/halftone" datasets && grep -q reload_failed "$run/server.log"
}
check 'a wrong file changes nothing' keeps_old
# A pipe that nobody writes to yet: reading it again takes as long as it takes.
stays_open() {
    local rc=0 reloads
    reloads=$(grep -c 'event=reload ' "$run/server.log")
    cp "$run/principals.yaml" "$run/keep"
    rm "$run/principals.yaml"
    mkfifo "$run/principals.yaml"
    kill -HUP "$server_pid"
    sleep 0.5
    timeout 5 "$bin/halftone" datasets || rc=1
    kill -HUP "$server_pid" # once more, when that one is done
    cat "$run/keep" >"$run/principals.yaml"
    rm "$run/principals.yaml"
    cp "$run/keep" "$run/principals.yaml"
    sleep 1
    reloads=$(($(grep -c 'event=reload ' "$run/server.log") - reloads))
    echo "$reloads reloads"
    [ "$rc" -eq 0 ] && [ "$reloads" -ge 1 ] && "$bin/halftone" datasets
}
check 'while files are read again, connections are taken' stays_open
interrupted() { # in a terminal: the spinner's line is empty afterwards
    TERM=xterm timeout 20 script -qec "timeout -s INT 2 $bin/halftone budget shop --watch" \
        /dev/null </dev/null >"$run/screen"
    cat -v "$run/screen"
    grep -q 'waiting for the server' "$run/screen" &&
        [ "$(tail -c 4 "$run/screen" | cat -v)" = '^M^[[K' ]
}
if script -qec true /dev/null >/dev/null 2>&1 </dev/null; then
    check 'who interrupts a watch finds the line empty' interrupted
else
    echo "SKIP an interrupted watch: no script(1), or no terminal for it"
fi
related() { # tables together: per-person features, semi-joins, by country
    ask -o csv "WITH first AS (SELECT customer_id, MIN(ordered_at) AS at FROM shop.orders
        GROUP BY customer_id) SELECT c.country, COUNT(DISTINCT c.customer_id) AS n
        FROM shop.customers c JOIN first f ON f.customer_id = c.customer_id
        WHERE EXISTS (SELECT 1 FROM shop.touches t WHERE t.customer_id = c.customer_id
        AND t.touched_at <= f.at) GROUP BY c.country" >"$run/related" 2>/dev/null &&
        [ "$(wc -l <"$run/related")" -gt 3 ]
}
check 'tables are joined by person' related
chained() { # a release that refers to another: charged once, at most two groups
    local before
    before=$(spent)
    ask -o csv "SELECT category, COUNT(*) AS n FROM shop.orders WHERE category IN
        (SELECT category FROM shop.orders GROUP BY category ORDER BY COUNT(*) DESC LIMIT 2)
        GROUP BY category ORDER BY n DESC LIMIT 2" >"$run/chain" 2>/dev/null &&
        [ "$(wc -l <"$run/chain")" -le 3 ] && [ "$(spent)" != "$before" ]
}
check 'the largest groups of a first answer limit a second' chained
check 'an answer is grouped again, free' says 'total' ask -o csv \
    "SELECT SUM(n) AS total FROM ($count) AS answer"
check 'LIMIT 0 describes columns' says 'customer_id,ordered_at' ask -o csv \
    'SELECT * FROM shop.orders LIMIT 0'
no_leak() { ! grep -iE 'select|customers ' "$run/server.log"; }
check 'the log holds no SQL' no_leak
drains() {
    kill -TERM "$server_pid"
    wait "$server_pid"
    local rc=$?
    server_pid=
    [ "$rc" -eq 0 ] && "$bin/halftone" ledger verify "$run/ledger.db"
}
check 'SIGTERM drains and exits 0' drains
no_core() { # where the system writes cores beside the process
    local top=$PWD
    (ulimit -c unlimited && cd "$run" && exec "$top/$bin/halftoned" --config config.yaml) >"$run/server.log" 2>&1 &
    server_pid=$!
    for _ in $(seq 100); do
        "$bin/halftone" datasets >/dev/null 2>&1 && break
        sleep 0.1
    done
    kill -SEGV "$server_pid"
    wait "$server_pid" 2>/dev/null
    local rc=$?
    server_pid=
    [ "$rc" -eq 139 ] && ! ls "$run" | grep '^core'
}
check 'what it held in memory is in no core dump' no_core
exit "$failed"
