#!/bin/bash
# SELECT 1 and a cached answer on the PostgreSQL port, per server CPU-second,
# against PostgreSQL 15 asked the same by the same client (pgbench): SELECT 1, and
# the answer's rows from a table that holds nothing else.  Simple and prepared
# protocol, alternated rounds, medians; TLS.  Slots are off (first: 0), so that
# the figure is of work, not of waiting.  Needs postgresql-15; loopback only.
set -u
cd "$(dirname "$0")/.."
. demo/lib.sh
rounds=${ROUNDS:-5} requests=${REQUESTS:-10000}
pg=/usr/lib/postgresql/15/bin
[ -x $pg/pgbench ] && [ -x $pg/postgres ] || { echo "SKIP bench_pg: no PostgreSQL 15"; exit 0; }
run=$(mktemp -d)
peer_pid=
# PostgreSQL will not run as root.
as_user() { if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }
stop_peer() { [ -z "$peer_pid" ] || as_user $pg/pg_ctl -D "$run/data" -m fast -w stop >/dev/null 2>&1; }
trap 'stop_server; stop_peer; rm -rf "$run"' EXIT
chmod 755 "$run"
unset PGOPTIONS PGDATABASE PGHOST

# ---- PostgreSQL, with our certificate ----
make_certificates build/demo/tls
mkdir "$run/data"
[ "$(id -u)" = 0 ] && chown postgres "$run/data" && chown postgres "$run"
echo secret >"$run/password"
chmod 644 "$run/password"
as_user $pg/initdb -D "$run/data" -A scram-sha-256 -U analyst --pwfile="$run/password" >/dev/null || exit 1
cp build/demo/tls/server.pem build/demo/tls/server.key "$run/data/"
[ "$(id -u)" = 0 ] && chown postgres "$run/data/server.pem" "$run/data/server.key"
chmod 600 "$run/data/server.key"
peer_port=$(free_port 17632)
as_user $pg/pg_ctl -D "$run/data" -w -l "$run/data/log" start -o "-p $peer_port -k $run/data -c ssl=on \
    -c ssl_cert_file=server.pem -c ssl_key_file=server.key" >/dev/null || exit 1
peer_pid=$(head -1 "$run/data/postmaster.pid")

# ---- ours ----
mkdir -p "$run/shop"
"$bin/make_shop" demo/shop.sql "$run/shop" 2000 || exit 1
sed '/^slots:/d' demo/shop.yaml >"$run/shop/shop.yaml"
echo 'slots: {first: 0 ms}' >>"$run/shop/shop.yaml"
write_config "$run/shop/shop.yaml"
start_server

export PGSSLMODE=require PGUSER=analyst PGHOST=localhost
ours() { PGPORT=$pg_port PGPASSWORD=$HALFTONE_TOKEN PGDATABASE=shop \
    PGOPTIONS='-c halftone.purpose=improve_products -c client_min_messages=warning' "$@"; }
theirs() { PGPORT=$peer_port PGPASSWORD=secret PGDATABASE=postgres "$@"; }
echo 'SELECT 1;' >"$run/one.sql"
echo 'SELECT category, n FROM answer ORDER BY category;' >"$run/peer.sql"
echo 'SELECT category, count(*) AS n FROM shop.orders GROUP BY category ORDER BY category;' >"$run/ours.sql"
ours psql -XAtq -f "$run/ours.sql" >"$run/rows" || exit 1
theirs psql -XAtq -c 'CREATE TABLE answer (category text, n bigint)' \
    -c "\\copy answer FROM '$run/rows' WITH (DELIMITER '|')" -c 'ANALYZE answer' || exit 1
theirs psql -XAtq -f "$run/peer.sql" | cmp - "$run/rows" || { echo "FAILED bench_pg: other rows"; exit 1; }

# CPU of a process and of its children that ended: backends are the postmaster's.
ticks() { awk '{ print $14 + $15 + $16 + $17 }' "/proc/$1/stat"; }
load() { # WHO PID MODE SCRIPT: requests per CPU-second
    local before after
    before=$(ticks "$2")
    "$1" $pg/pgbench -n -c 4 -j 1 -t $((requests / 4)) -M "$3" -f "$4" >"$run/pgbench" 2>&1 ||
        { cat "$run/pgbench" >&2; exit 1; }
    sleep 0.3
    after=$(ticks "$2")
    grep -q "number of transactions actually processed: $((requests / 4 * 4))/" "$run/pgbench" ||
        { echo "FAILED bench_pg: not all were answered" >&2; exit 1; }
    echo $((requests * $(getconf CLK_TCK) / (after - before)))
}
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)], v[1], v[NR] }'; }
for mode in simple prepared; do
    for what in one answer; do
        mine=$run/one.sql other=$run/one.sql
        [ $what = one ] || { mine=$run/ours.sql other=$run/peer.sql; }
        : >"$run/a"
        : >"$run/b"
        for _ in $(seq "$rounds"); do
            load ours "$server_pid" $mode "$mine" >>"$run/a" || exit 1
            load theirs "$peer_pid" $mode "$other" >>"$run/b" || exit 1
        done
        read -r a a_lo a_hi < <(median <"$run/a")
        read -r b b_lo b_hi < <(median <"$run/b")
        name='SELECT 1' && [ $what = one ] || name='cached answer'
        printf '%s, %s\tours %s (%s..%s)\tPostgreSQL 15 %s (%s..%s)\tratio %.2f\n' "$name" $mode \
            "$a" "$a_lo" "$a_hi" "$b" "$b_lo" "$b_hi" \
            "$(awk -v a="$a" -v b="$b" 'BEGIN { print (b > 0 ? a / b : 0) }')"
    done
done
