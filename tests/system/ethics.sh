#!/bin/bash
# What a policy forbids beyond privacy, by real clients: small audiences,
# attributes that pick out nobody, purposes apart, a cap of questions about one
# segment, and identifiers that leave by no way there is.
set -u
cd "$(dirname "$0")/../.."
. tests/system/lib.sh
. demo/lib.sh
run=$(mktemp -d)
trap 'stop_server; rm -rf "$run"' EXIT
mkdir -p "$run/data"
# Two datasets of people whose names are canaries: 1000, 100 and 5 in three towns.
cat >"$run/data.sql" <<'END'
COPY (SELECT 'canary-' || i AS name, CASE WHEN i < 1000 THEN 'big' WHEN i < 1100 THEN 'edge' ELSE 'tiny' END AS town,
  CASE WHEN i % 3 = 0 THEN 'old' ELSE 'new' END AS faith, (i % 100)::DOUBLE AS spent FROM range(1105) t(i)) TO 'a.parquet';
COPY (SELECT 'finch-' || i AS name, 'big' AS town, 'old' AS faith, 1.0 AS spent FROM range(10) t(i)) TO 'b.parquet';
END
"${MAKE_SHOP:-$bin/make_shop}" "$run/data.sql" "$run/data" 1 || die "no data"
policy() { # DATASET FILE EXTRA
    cat >"$run/data/$1.yaml" <<END
dataset: $1
exclusive: true
version: 1
data_version: "1"
cap: { rho: 99, delta: 1e-6 }
max_price: { rho: 5, delta: 1e-7 }
default_price: { rho: 1 }
max_people: 100000
slots: { first: 0 }
$3
purposes:
  measure: { help: To count., basis: legitimate_interest }
  improve: { help: To do better., basis: legitimate_interest }
tables:
  members:
    from: $2.parquet
    key: name
    max_groups: 1
    max_rows: 1
    columns:
      name: { type: text }
      town: { type: text, domain: [big, edge, tiny] }
      faith: { type: text, domain: [old, new], group_by: false, filter: false }
      spent: { type: double, range: [0, 100] }
END
}
policy club a $'min_audience: 100\nreuse_for: 0'
policy team b 'max_segment_day: 3'
write_config "$run/data/club.yaml"
sed -i "s|^policies: .*|policies: [$run/data/club.yaml, $run/data/team.yaml]|; s|^consent:.*||" "$run/config.yaml"
for role in auditor operator sender; do add_principal "a-$role" "$role"; done
start_server

ask() { "$bin/halftone" query --purpose measure -o csv "$@" 2>"$run/err"; }
pg() { # COMMAND...
    PGPASSWORD=$HALFTONE_TOKEN psql -XwqAt "host=localhost port=$pg_port user=analyst dbname=club sslmode=verify-full
        sslrootcert=$HALFTONE_CA" "$@" 2>&1
}
pgq() { pg -c "SET halftone.purpose = 'measure'" -c "$1"; }
message() { # TYPE TEXT: a gRPC message of halftone.v1, framed
    protoc -Iproto --encode="halftone.v1.$1" proto/halftone/v1/*.proto >"$run/m" <<<"$2" || return 1
    { printf '\0\0\0' && printf "\\x$(printf %02x $(($(stat -c %s "$run/m") / 256)))\\x$(printf %02x $(($(stat -c %s "$run/m") % 256)))" &&
        cat "$run/m"; } >"$run/message"
}
call() { # TOKEN_OF METHOD: what comes back, headers and trailers too
    curl -sS --http2 --max-time 3 --cacert "$HALFTONE_CA" "https://$HALFTONE_TARGET/halftone.v1.$2" --raw -D - \
        -H "authorization: Bearer $(cat "$run/$1.token")" -H 'content-type: application/grpc' \
        -H 'te: trailers' --data-binary "@$run/message"
}

# ---- a minimum audience ----
groups() {
    ask "SELECT town, COUNT(DISTINCT name) FROM club.members GROUP BY town" >"$run/groups"
    grep -q '^big,' "$run/groups" && ! grep -q '^tiny,' "$run/groups"
}
check 'a group below the least audience is not shown' groups
check 'nor by a filter' says '^0$' eval \
    'pgq "SELECT COUNT(*) FROM (SELECT town, COUNT(*) FROM members WHERE town = '"'tiny'"' GROUP BY town) t"'
alone() {
    local shown
    shown=$(pgq "SELECT SUM(spent) FROM members WHERE town = 'tiny'")
    ! grep '^[0-9-]' <<<"$shown"
}
check 'nor when it is asked about alone' alone
noisy() { # 100 people, and 100 is the least: of 30 answers some show it, some do not
    local sql
    sql=$(for i in $(seq 30); do echo "SELECT COUNT(DISTINCT name) FROM members WHERE town = 'edge';"; done)
    local n
    n=$(pg -c "SET halftone.purpose = 'measure'; SET halftone.rho = '0.02'; $sql" | grep -c '^[0-9]')
    echo "shown $n of 30 times" && [ "$n" -gt 0 ] && [ "$n" -lt 30 ]
}
check 'the cut is on noisy people, never an exact test' noisy

# ---- an attribute that picks out nobody ----
cat >"$run/forbidden" <<'END'
SELECT faith, COUNT(*) FROM club.members GROUP BY faith
SELECT upper(faith), COUNT(*) FROM club.members GROUP BY 1
SELECT COUNT(*) FROM club.members WHERE faith = 'old'
SELECT COUNT(*) FROM club.members WHERE faith IS NOT NULL
SELECT COUNT(*) FILTER (WHERE faith = 'old') FROM club.members
SELECT SUM(CASE WHEN faith = 'old' THEN 1 ELSE 0 END) FROM club.members
SELECT SUM((faith = 'old')::int) FROM club.members
SELECT COUNT(NULLIF(faith, 'old')) FROM club.members
SELECT COUNT(DISTINCT NULLIF(faith, 'old')) FROM club.members
SELECT SUM(LEAST(9, position('old' in faith))) FROM club.members
SELECT COUNT(*) FROM (SELECT name, faith AS x FROM club.members) t WHERE x = 'old'
SELECT COUNT(*) FROM (SELECT name, faith = 'old' AS x FROM club.members) t WHERE x
SELECT COUNT(*) FROM (SELECT name FROM club.members GROUP BY name HAVING MIN(faith) = 'old') t
SELECT SUM(f) FROM (SELECT name, CASE WHEN MIN(faith) = 'old' THEN 1 ELSE 0 END AS f FROM club.members GROUP BY name) t
SELECT COUNT(*) FROM (SELECT name FROM club.members GROUP BY name, faith) t
SELECT COUNT(*) FROM (SELECT DISTINCT name, faith FROM club.members) t
SELECT COUNT(*) FROM (SELECT name, row_number() OVER (PARTITION BY name ORDER BY faith) AS r FROM club.members) t WHERE r = 1
SELECT COUNT(*) FROM (SELECT name, lag(faith) OVER (PARTITION BY name ORDER BY spent) AS r FROM club.members) t WHERE r = 'old'
SELECT COUNT(*) FROM club.members a JOIN club.members b ON b.name = a.name AND a.faith = 'old'
SELECT COUNT(*) FROM club.members a JOIN club.members b USING (name, faith)
SELECT COUNT(*) FROM club.members o WHERE EXISTS (SELECT 1 FROM club.members c WHERE c.name = o.name AND c.faith = 'old')
SELECT COUNT(*) FROM club.members WHERE name IN (SELECT name FROM club.members WHERE faith = 'old')
SELECT COUNT(*) FROM club.members o WHERE (SELECT MIN(faith) FROM club.members c WHERE c.name = o.name) = 'old'
SELECT COUNT(*) FROM (SELECT name, faith FROM club.members INTERSECT SELECT name, 'old' FROM club.members) t
SELECT COUNT(*) FROM (SELECT name, faith FROM club.members EXCEPT SELECT name, 'old' FROM club.members) t
SELECT COUNT(*) FROM (SELECT name, faith FROM club.members UNION SELECT name, 'old' FROM club.members) t
SELECT town, COUNT(*) FROM club.members GROUP BY town ORDER BY faith
SELECT COUNT(*) FROM (SELECT name FROM club.members ORDER BY faith LIMIT 1) t
SELECT COUNT(*) FROM (SELECT DISTINCT ON (name) name, town FROM club.members ORDER BY name, faith) t
SELECT town, faith, COUNT(*) FROM club.members GROUP BY GROUPING SETS ((town), (faith))
END
forbidden() { # by the PostgreSQL port; the reason is in the message
    local sql
    while IFS= read -r sql; do
        pgq "$sql" | grep -q 'policy does not allow' || { echo "answered: $sql"; return 1; }
    done <"$run/forbidden"
}
check 'no clause groups or filters by it' forbidden
by_grpc() {
    local sql
    while IFS= read -r sql; do
        message QueryRequest "sql: \"$sql\" purpose: 'measure'" || return 1
        call analyst Halftone/Query | grep -aq 'grpc-status: 9' || { echo "answered: $sql"; return 1; }
    done < <(sed -n '1p;3p;8p;13p;23p;24p' "$run/forbidden")
    message QueryRequest "structured { dataset: 'club' table: 'members' group_by { expr { column { name: 'faith' } } } }" 2>/dev/null
    exits 3 "$bin/halftone" query --purpose measure --dataset club --table members --by faith --count &&
        exits 3 "$bin/halftone" query --purpose measure --dataset club --table members --where faith=old --count
}
check 'nor over gRPC, in SQL or without' by_grpc
as_it_is() { [ "$(pgq 'SELECT COUNT(DISTINCT faith) FROM members' | grep -c '^[0-9-]')" -eq 1 ]; }
check 'aggregated as it is, it is answered' as_it_is
unpaid() { "$bin/halftone" charges club -o csv | grep -c . >"$run/n"; [ "$(cat "$run/n")" -lt 45 ]; }
check 'and nothing of what was refused was charged' unpaid

# ---- purposes are never combined ----
check 'a question without a purpose is refused' says 'names no purpose' \
    "$bin/halftone" query 'SELECT COUNT(*) FROM team.members'
check 'two purposes are no purpose' exits 3 ask --purpose measure,improve 'SELECT COUNT(*) FROM team.members'
session() { # a default of the session is a choice; it is one at a time
    pg -c 'SELECT COUNT(*) FROM team.members' | grep -q 'names no purpose' &&
        [ -n "$(pg -c "SET halftone.purpose = 'improve'" -c 'SELECT COUNT(*) FROM team.members')" ]
}
check 'a session names one, and that is the one charged' session
apart() { # what was paid for one purpose is paid again for another
    local sql='SELECT COUNT(*) AS n FROM team.members'
    "$bin/halftone" query --purpose improve -o json "$sql" | grep -q '"cached":true' || return 1
    "$bin/halftone" query --purpose measure -o json "$sql" | grep -q '"cached":false' || return 1
    "$bin/halftone" charges team -o csv | cut -d, -f1-6 | tee /dev/stderr | grep -c 'measure\|improve' | grep -qx 2
}
check 'an answer paid for one purpose serves no other' apart
batch() {
    message BatchRequest "purpose: 'measure' queries { sql: 'SELECT COUNT(*) FROM team.members' }
        queries { sql: 'SELECT SUM(spent) FROM team.members' purpose: 'improve' }"
    call analyst Halftone/Batch | tee /dev/stderr | grep -aq 'batch'
}
check 'a batch has one purpose' batch
check 'no question joins two datasets' says 'halftone' eval \
    'ask "SELECT COUNT(*) FROM club.members a JOIN team.members b ON a.name = b.name" || cat "$run/err"; grep -q "." "$run/err"'
joined() { exits 3 ask 'SELECT COUNT(*) FROM club.members a JOIN team.members b ON a.name = b.name'; }
check 'it is refused' joined
united() { exits 3 ask 'SELECT COUNT(*) FROM (SELECT name FROM club.members UNION ALL SELECT name FROM team.members) t'; }
check 'nor unites them' united

# ---- a cap of questions about one segment ----
big() { ask "$1" "${@:2}" >/dev/null; }
capped() {
    big "SELECT COUNT(*) FROM team.members WHERE town = 'big'" &&
        big "SELECT SUM(spent) FROM team.members WHERE NOT town <> 'big'" &&
        [ -n "$(pgq "SELECT AVG(spent) FROM team.members WHERE town IN ('big')")" ] &&
        exits 3 big "SELECT COUNT(DISTINCT name) FROM team.members WHERE town = 'big'" && cat "$run/err" &&
        grep -q 'about one segment, town = big' "$run/err"
}
check 'past the cap a question about the segment is refused' capped
rewritten() {
    local sql
    for sql in "SELECT COUNT(DISTINCT name) FROM team.members WHERE town = 'big' AND spent < 7" \
        "SELECT COUNT(*) FILTER (WHERE town = 'big') FROM team.members" \
        "SELECT SUM(CASE WHEN 'big' = town THEN spent ELSE 0 END) FROM team.members" \
        "SELECT COUNT(*) FROM (SELECT name, town AS t FROM team.members) x WHERE upper(t) = upper('big') OR t = 'edge'"; do
        pgq "$sql" | grep -q 'about one segment' || { echo "answered: $sql"; return 1; }
    done
    message QueryRequest "sql: \"SELECT COUNT(DISTINCT name) FROM team.members WHERE town = 'big' AND spent < 8\" purpose: 'measure'"
    call analyst Halftone/Query | tee /dev/stderr | grep -aq 'grpc-status: 8'
}
check 'however it is written, and through whatever port' rewritten
check 'what was answered is read again' big "SELECT COUNT(*) FROM team.members WHERE town = 'big'"
check 'another segment is asked about' big "SELECT COUNT(*) FROM team.members WHERE town = 'edge'"
restarted() {
    kill -9 "$server_pid"
    wait "$server_pid" 2>/dev/null
    start_server
    exits 3 big "SELECT COUNT(DISTINCT name) FROM team.members WHERE town = 'big'"
}
check 'kill -9 does not begin a new day' restarted

# ---- identifiers ----
leaks() { # what came out, in files
    cat "$run"/out.* | grep -aq 'canary-[0-9]\|finch-[0-9]'
}
everything() { # each role calls all methods on one connection: with nothing, and with a dataset
    local method who type n=0
    printf '\0\0\0\0\0' >"$run/nothing"
    while read -r method type; do
        n=$((n + 1))
        message "$type" "dataset: 'club'" 2>/dev/null && cp "$run/message" "$run/about.$n" || cp "$run/nothing" "$run/about.$n"
        for body in nothing "about.$n"; do
            printf 'next\nurl = "https://%s/halftone.v1.%s"\ndata-binary = "@%s/%s"\n' "$HALFTONE_TARGET" "$method" "$run" "$body"
            printf '%s\n' http2 raw silent 'dump-header = "-"' 'max-time = 3' "cacert = \"$HALFTONE_CA\"" \
                'header = "authorization: Bearer @TOKEN@"' 'header = "content-type: application/grpc"' 'header = "te: trailers"'
        done >>"$run/calls"
    done < <(sed -n '/^service/,/^}/ s/.*rpc \([A-Za-z]*\)(\(stream \)\?\([A-Za-z]*\)).*/\1 \3/p; s/^service \([A-Za-z]*\).*/service \1/p' \
        proto/halftone/v1/*.proto | awk '$1 == "service" { s = $2; next } { print s "/" $1, $2 }' | grep -v Watch)
    for who in analyst steward subjects mailer a-auditor a-operator a-sender; do
        sed "1d; s/@TOKEN@/$(cat "$run/$who.token")/" "$run/calls" | curl -K - >"$run/out.$who" 2>/dev/null
        [ "$(grep -ac 'grpc-status' "$run/out.$who")" -ge "$((2 * n))" ] || { echo "$who: $n methods"; return 1; }
    done
    [ "$n" -gt 20 ]
}
check 'every method is called by every role' everything
clients() {
    local cmd
    for cmd in datasets 'describe club' 'budget club' 'charges club --sql' 'misses show' health \
        "query --purpose measure EXPLAIN(PRIVACY)SELECT(COUNT(*))FROM(club.members)"; do
        # shellcheck disable=SC2086
        "$bin/halftone" $cmd >>"$run/out.cli" 2>&1
    done
    ask "SELECT town, COUNT(*), SUM(spent), MEDIAN(spent), COUNT(DISTINCT name) FROM club.members GROUP BY town" >>"$run/out.cli"
    for cmd in 'SELECT name FROM club.members' 'SELECT name, COUNT(*) FROM club.members GROUP BY name' \
        'SELECT DISTINCT name FROM club.members' 'SELECT MIN(name), MAX(name) FROM club.members' 'SELECT * FROM club.members' \
        "SELECT COUNT(*) FROM club.members WHERE name = 'canary-7'" 'SELECT COUNT(*) FROM club.members ORDER BY name' \
        'SELECT upper(name), COUNT(*) FROM club.members GROUP BY 1' 'SELECT MEDIAN(name) FROM club.members' \
        'COPY club.members TO STDOUT' 'SELECT a.name FROM club.members a JOIN club.members b USING (name) GROUP BY a.name'; do
        ask "$cmd" >>"$run/out.cli" && { echo "answered: $cmd"; return 1; }
        pgq "$cmd" | sed "s/canary-7'//" >>"$run/out.pg"
    done
    pg -c '\d members' -c 'TABLE pg_class' -c 'TABLE information_schema.columns' -c 'SELECT * FROM pg_stats' \
        -c 'TABLE halftone.charges' -c 'TABLE halftone.budget' -c 'SHOW ALL' >>"$run/out.pg"
    HALFTONE_TOKEN=$(cat "$run/a-auditor.token") "$bin/halftone" audit entries >>"$run/out.cli"
    curl -s "http://127.0.0.1:$metrics_port/metrics" >>"$run/out.metrics"
    for cmd in checkpoint tile/entries/000.p/1 key; do
        curl -s --cacert "$HALFTONE_CA" "https://$HALFTONE_TARGET/$cmd" >>"$run/out.http"
    done
    cp "$run/server.log" "$run/out.log"
    [ "$(wc -c <"$run/out.pg")" -gt 3000 ] && [ "$(wc -c <"$run/out.cli")" -gt 2000 ] && [ "$(wc -c <"$run/out.metrics")" -gt 1000 ]
}
check 'every command and every table is read, and what asks for names is refused' clients
none() { ! leaks; }
check 'no identifier came out of any' none
would_see() { echo 'canary-1' >"$run/out.test" && leaks; }
check 'and one that did would have been seen' would_see
exit "$failed"
