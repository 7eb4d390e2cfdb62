#!/bin/bash
# psql of PostgreSQL on the port for it: TLS, passwords, what is charged and
# what is free, errors, cancelling.
. "$(dirname "$0")/lib_clients.sh"
command -v psql >/dev/null || tools/need.sh postgresql-client-15 2>/dev/null ||
    skip "psql: no PostgreSQL client on this machine"
start_shop
export PGPASSWORD=$HALFTONE_TOKEN PGCONNECT_TIMEOUT=10
unset PGOPTIONS PGUSER PGDATABASE PGHOST PGPORT
dsn="host=localhost port=$pg_port user=analyst dbname=shop sslmode=verify-full sslrootcert=$HALFTONE_CA"
purpose="options='-c halftone.purpose=improve_products'"

sql() { psql -XAtq "$dsn $purpose" "$@"; }
spent() { "$bin/halftone" budget shop --format json | sed 's/.*"spent_rho":\([^,]*\).*/\1/'; }
gives() { # WANT COMMAND...: its output, whole
    local want=$1
    shift
    "$@" 2>"$run/err" | tee "$run/out" | diff - <(printf '%s\n' "$want")
}
fails() { # STATE COMMAND...
    local state=$1
    shift
    "$@" -v VERBOSITY=verbose 2>&1 | tee /dev/stderr | grep -q "$state"
}
free() { # COMMAND...: it charges nothing
    local before
    before=$(spent)
    "$@" && [ "$(spent)" = "$before" ]
}
# What pg_matrix.sh makes a line of.
mkdir -p build/clients
: >build/clients/psql.txt
cell() { # COLUMN: WORDS COMMAND...
    local before=$failed
    failed=0
    check "psql: $1" "${@:2}"
    [ "$failed" -eq 0 ] && echo "ok psql: $1" >>build/clients/psql.txt ||
        echo "FAILED psql: $1" >>build/clients/psql.txt
    [ "$failed" -ne 0 ] || failed=$before
}
count='SELECT country, count(DISTINCT customer_id) AS n FROM shop.customers GROUP BY country ORDER BY country'

# ---- who may come in ----
cell 'scram: it gets in with its password' gives 1 sql -c 'SELECT 1'
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj '/CN=another authority' \
    -keyout "$run/other.key" -out "$run/other.pem" 2>/dev/null
cell 'tls: another authority is refused' says 'certificate verify failed' \
    psql "$dsn sslrootcert=$run/other.pem" -c 'SELECT 1'
cell 'tls: another name is refused' says 'does not match' \
    psql "$dsn host=elsewhere hostaddr=127.0.0.1" -c 'SELECT 1'
cell 'binding: channel_binding=require' gives 1 \
    psql -XAtq "$dsn channel_binding=require" -c 'SELECT 1'
check 'a wrong password is turned away' says 'password authentication failed for user "analyst"' \
    env PGPASSWORD=wrong psql "$dsn" -c 'SELECT 1'
check 'so is somebody who does not exist, in the same words' \
    says 'password authentication failed for user "nobody"' \
    psql "host=localhost port=$pg_port user=nobody dbname=shop sslmode=require" -c 'SELECT 1'
check 'without TLS nothing is answered' says 'TLS only' psql "$dsn sslmode=disable" -c 'SELECT 1'
check 'a database that is no dataset does not exist' says 'database "other" does not exist' \
    psql "$dsn dbname=other" -c 'SELECT 1'

# ---- what comes before TLS ----
hello() { # BYTES: what comes back, as hex
    (exec 3<>"/dev/tcp/127.0.0.1/$pg_port" && printf "$1" >&3 && timeout 2 head -c "${2:-1}" <&3 | od -An -tx1 | tr -d ' ')
}
tls() { openssl s_client -connect "localhost:$pg_port" -CAfile "$HALFTONE_CA" -verify_return_error "$@" </dev/null 2>&1; }
check 'GSSAPI is answered no' gives 4e hello '\0\0\0\x08\x04\xd2\x16\x30'
check 'what is sent ahead of the handshake is taken for TLS' gives 53 \
    hello '\0\0\0\x08\x04\xd2\x16\x2f\0\0\0\x13\0\3\0\0user\0ana\0\0' 2
check 'TLS begins after SSLRequest' says 'Verify return code: 0' tls -starttls postgres
check 'TLS begins at once, when it names the protocol' says 'ALPN protocol: postgresql' tls -alpn postgresql
check 'another protocol is refused' says 'no application protocol' tls -alpn h2

# ---- what it shows ----
tables='conversions customers orders touches'
lists() { # WORDS COMMAND: all of these are in what it shows
    local shown w
    shown=$(sql -c "$2")
    echo "$shown"
    for w in $1; do grep -q "\b$w\b" <<<"$shown" || { echo "no $w"; return 1; }; done
}
cell 'browse: \d' lists "$tables" '\d'
cell 'browse: \dt' lists "$tables" '\dt'
cell 'browse: \dt+, with help as comments' says 'One row per order.' sql -c '\dt+'
cell 'browse: \dn' lists 'shop public' '\dn'
cell 'browse: \l' lists shop '\l'
cell 'browse: \df, of which there are none' says '(0 rows)' psql -XA "$dsn" -c '\df'
cell 'describe: \d of a table' lists 'customer_id ordered_at category amount country' '\d orders'
cell 'describe: domains as check constraints' says 'orders_category_check' psql -XA "$dsn" -c '\d orders'
cell 'describe: \gdesc, before anything is asked' gives 'category|text
n|bigint
m|double precision' sql <<<'SELECT category, count(*) AS n, sum(amount) AS m FROM orders GROUP BY category \gdesc'
completes() { # by the tab key, in a terminal
    { sleep 1; printf 'SELECT count(*) FROM ord\t'; sleep 1; printf ' WHERE cat\t'; sleep 1
      printf '\025\\d cust\t\n'; sleep 1; printf '\\q\n'; sleep 0.3; } |
        TERM=dumb script -qec "psql -X -P pager=off '$dsn'" /dev/null >"$run/typed"
    cat "$run/typed"
    grep -q 'FROM orders  *WHERE category' "$run/typed" && grep -q 'Table "shop.customers"' "$run/typed"
}
cell 'browse: names are completed' completes
cell 'types: a value of each type' gives \
    "t|1|-2|3000000000|1.5|-2.5|1234.5|x|y|2024-02-29|2024-02-29 12:34:56.789|2024-02-29 12:34:56.789+00|1 day 02:03:04|42|nm|{1,2}|{a,b}|" \
    sql -c "SELECT true, 1::int2, -2::int4, 3000000000::int8, 1.5::float4, -2.5::float8, 1234.5::numeric, 'x'::text,
    'y'::varchar, date '2024-02-29', timestamp '2024-02-29 12:34:56.789', timestamptz '2024-02-29 12:34:56.789+00',
    interval '1 day 02:03:04', 42::oid, 'nm'::name, ARRAY[1, 2], ARRAY['a', 'b'], NULL::text"
cell 'binary: none: it asks for text only' gives t sql -c "SELECT true"

# ---- what is charged ----
pays_once() {
    local before after
    before=$(spent)
    sql -c "$count" >"$run/a" 2>"$run/notice" || return 1
    after=$(spent)
    [ "$before" != "$after" ] && grep -q 'charged rho' "$run/notice" || return 1
    sql -c "$count" >"$run/b" 2>"$run/notice" || return 1
    cmp "$run/a" "$run/b" && [ "$(spent)" = "$after" ] &&
        grep -q 'nothing charged' "$run/notice"
}
check 'a question is charged once and answered twice' pays_once
same_answer() { # whichever door
    "$bin/halftone" query --format csv "$count" 2>"$run/err" | tr -d '\r' | tail -n +2 |
        cut -d, -f1,2 | tr , '|' | diff - "$run/a"
}
check 'the other door gives the same answer' same_answer
check 'a ping is free' free gives 1 sql -c 'SELECT 1'
check 'so is one that asks for the time, or what the catalog knows' free gives 't|A' sql -c "SELECT now() > '2020-01-01', upper('a')"
check 'or for one of them alone' free gives 'A' sql -c "SELECT upper('a')"
check 'EXPLAIN is free' free says 'such quer' sql -c "EXPLAIN SELECT count(*) FROM shop.orders"
check 'LIMIT 0 is free' free gives \
    'customer_id|ordered_at|category|amount|country' \
    sql -P tuples_only=off -P footer=off -c 'SELECT * FROM shop.orders LIMIT 0'
probes() {
    gives 'customer_id|ordered_at|category|amount|country' \
        sql -P tuples_only=off -P footer=off -c "SET halftone.rows = $1" -c "SELECT * FROM shop.orders LIMIT $2"
}
check 'where the connection wants it, so is a probe for columns' free probes probe 1
check 'and any SELECT of rows is' free probes none 200
check 'a probe is refused where it does not' fails 0A000 sql -c 'SELECT * FROM shop.orders LIMIT 1'
check 'an estimate is free' free says 'orders' \
    sql -c "CALL halftone.estimate('SELECT count(*) AS orders FROM shop.orders')"
check 'the budget is a table' says '^shop|' sql -c 'SELECT dataset, cap FROM halftone.budget'
check 'and a setting' says 'left in shop' sql -c 'SHOW halftone.budget'
check 'its price has no tail of nines' says '|0.95|0.000224020279|' sql \
    -c 'SET halftone.rho = 0.000224020279' \
    -c "CALL halftone.estimate('SELECT category, count(*), avg(amount) FROM shop.orders GROUP BY category')"
check 'charges are a table' says 'answered' sql -c 'SELECT state FROM halftone.charges'

# ---- cursors ----
pages() {
    local before
    sql -c "$count" >/dev/null 2>&1
    before=$(spent)
    sql -v ON_ERROR_STOP=1 2>/dev/null >"$run/pages" <<SQL || return 1
BEGIN;
DECLARE c SCROLL CURSOR FOR $count;
FETCH 2 FROM c;
FETCH FORWARD 3 FROM c;
FETCH PRIOR FROM c;
FETCH ALL FROM c;
CLOSE c;
COMMIT;
SQL
    { head -n 5 "$run/a"; sed -n 4p "$run/a"; tail -n +5 "$run/a"; } | diff - "$run/pages" &&
        [ "$(spent)" = "$before" ]
}
check 'a cursor gives its pages, forward and back' pages
cell 'page: FETCH_COUNT' says '^DE|' sql -v FETCH_COUNT=3 -c "$count"
copies() {
    sql -c "COPY ($count) TO STDOUT WITH CSV HEADER" 2>/dev/null | tr , '|' |
        diff - <(echo 'country|n'; cat "$run/a")
}
check 'COPY TO STDOUT gives CSV' copies
with_variable() { sql -v most=100 -v land=DE <<<"SELECT count(*) > 0 FROM orders WHERE amount < :most AND country = :'land'"; }
cell 'parameters: variables, sent as literals' gives t with_variable

# ---- settings and transactions ----
check 'settings are kept' gives 'ISO, MDY
7' sql -c 'SHOW datestyle' -c "SET extra_float_digits = 7" -c 'SHOW extra_float_digits'
check 'a transaction gives settings back' gives '100
5%
100' sql -c "SET halftone.accuracy = '100'" -c 'SHOW halftone.accuracy' -c BEGIN \
    -c "SET halftone.accuracy = '5%'" -c 'SHOW halftone.accuracy' -c ROLLBACK -c 'SHOW halftone.accuracy'
check 'after an error a transaction must end' fails 25P02 \
    sql -c BEGIN -c 'SELECT nothing FROM shop.orders' -c 'SELECT 1'

# ---- what is refused ----
check 'bad SQL says where' fails 'LINE 1: SELEC 1' sql -c 'SELEC 1'
check 'a table that is not there' fails 42P01 sql -c 'SELECT count(*) FROM shop.nothing'
check 'a column that is not there' fails 42703 sql -c 'SELECT count(nothing) FROM shop.orders'
check 'rows of people' fails 0A000 sql -c 'SELECT * FROM shop.orders'
check 'writing' fails 0A000 sql -c 'DELETE FROM shop.orders'
check 'COPY FROM' fails 0A000 sql -c 'COPY shop.orders FROM STDIN'
check 'a question without a purpose says how to give one' says 'purpose' \
    psql -X "$dsn" -c "$count"
over_budget() {
    sql -v VERBOSITY=verbose -c 'SET halftone.rho = 0.2' -c "$count" \
        -c 'SELECT age_band, count(*) FROM shop.customers GROUP BY 1' \
        -c 'SELECT category, count(*) FROM shop.orders GROUP BY 1' 2>&1 | grep HT001
}
check 'over budget has a state of its own' over_budget

check 'refusals are in the audit log' says '"refusal".*select_star' \
    "$bin/halftone" audit entries "$run/ledger.db"

# ---- who loses his password while he is connected ----
loses() {
    (echo 'SELECT 11;'; sleep 1.5; echo 'SELECT 22;') | sql >"$run/lost" 2>&1 &
    sleep 0.5
    cp "$run/principals.yaml" "$run/principals.before"
    sed -i 's/\(scram_sha256: "SCRAM-SHA-256$4096:\)./\1z/' "$run/principals.yaml"
    kill -HUP "$server_pid"
    wait $!
    cp "$run/principals.before" "$run/principals.yaml"
    kill -HUP "$server_pid"
    sleep 0.5
    cat "$run/lost"
    grep -q '^11' "$run/lost" && grep -q 'no longer valid' "$run/lost" && ! grep -q '^22' "$run/lost"
}
check 'a password that is changed ends its connections' loses
check 'and another one begins anew' gives 1 sql -c 'SELECT 1'

# ---- slots, and cancelling ----
stop_server
sed -i '/^slots:/d' "$run/shop/shop.yaml"
echo 'slots: {first: 2 s}' >>"$run/shop/shop.yaml"
start_server
waits() { # until the slot, the answer from memory too
    local began=$SECONDS
    sql -c "$count" -c "$count" -c "$count" >"$run/a" 2>/dev/null && [ $((SECONDS - began)) -ge 5 ]
}
check 'answers leave at their slots, repeated ones too' waits
in_turn() { # the second is charged when the first could have left
    sql -c 'SELECT count(*) FROM shop.orders WHERE amount > 7; SELECT count(*) FROM shop.orders WHERE amount > 8' &&
        sql -c 'SELECT charged_at FROM halftone.charges LIMIT 2' | date -f - +%s |
        { read -r b; read -r a; echo "$a $b"; [ $((b - a)) -ge 1 ]; }
}
check 'of two questions in one text the second begins at the slot of the first' in_turn
cancels() {
    local before tries=15
    before=$(spent)
    psql -XAtq "$dsn $purpose" -v VERBOSITY=verbose -c 'SELECT count(*) FROM shop.touches' >"$run/cancelled" 2>&1 &
    until [ "$(spent)" != "$before" ] || [ $((tries -= 1)) -eq 0 ]; do sleep 0.1; done
    kill -INT $!
    wait $!
    cat "$run/cancelled"
    grep -q '57014:.*canceling statement due to user request' "$run/cancelled" &&
        [ "$(spent)" != "$before" ]
}
cell 'cancel: 57014 before its slot, and what was charged stays' cancels
cell 'cancel: its answer is there for the next time' says 'nothing charged' sql -c 'SELECT count(*) FROM shop.touches'

[ "$failed" -eq 0 ]
