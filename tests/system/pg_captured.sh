#!/bin/bash
# What real clients asked of PostgreSQL about its catalog, asked again of
# Halftone and of a PostgreSQL 15 that holds the same published schema: 99 % of
# the answers are alike, columns, types and rows.
. "$(dirname "$0")/lib_clients.sh"
compare=$BIN/tests/system/captured
[ "$BIN" = build ] && compare=build/opt/tests/system/captured
captured=${CAPTURED:-../shared/bi/captured}
[ -d "$captured" ] || skip 'captured statements: not on this machine'
postgres=$(ls -d /usr/lib/postgresql/15/bin 2>/dev/null) || {
    tools/need.sh postgresql-15 >/dev/null 2>&1
    postgres=$(ls -d /usr/lib/postgresql/15/bin 2>/dev/null) ||
        skip 'captured statements: no PostgreSQL on this machine'
}
mkdir -p "$run/clinic" "$run/pg"
"${MAKE_SHOP:-$bin/make_shop}" tests/system/captured/clinic.sql "$run/clinic" 100 || die 'no clinic'
cp tests/system/captured/clinic.yaml "$run/clinic/clinic.yaml"
write_config "$run/clinic/clinic.yaml"
start_server

# A PostgreSQL with that schema and nothing else: one database, one owner who
# cannot log in, no procedural language, no TOAST of tables that hold nothing.
as() { if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }
stop_postgres() { as "$postgres/pg_ctl" -D "$run/pg/db" -m immediate stop >/dev/null 2>&1; }
trap 'stop_postgres; stop_server; rm -rf "$run"' EXIT
[ "$(id -u)" = 0 ] && { chmod 711 "$run"; chown postgres "$run/pg"; }
as "$postgres/initdb" -D "$run/pg/db" -E UTF8 --locale=C.UTF-8 -A trust -U halftone >/dev/null &&
    as "$postgres/pg_ctl" -D "$run/pg/db" -w -l "$run/pg/log" \
        -o "-k $run/pg -c listen_addresses= -c fsync=off -c timezone=UTC -c allow_system_table_mods=on" start >/dev/null ||
    die 'PostgreSQL does not start'
oracle() { psql -XAtq -v ON_ERROR_STOP=1 "host=$run/pg user=halftone dbname=$1"; }
{
    echo 'CREATE DATABASE clinic TEMPLATE template0;'
} | oracle template1 || die 'no database'
{
    "$bin/halftone" policy ddl "$run/clinic/clinic.yaml"
    cat <<'SQL'
DROP EXTENSION plpgsql CASCADE;
CREATE ROLE analyst LOGIN;
GRANT USAGE ON SCHEMA clinic TO analyst;
UPDATE pg_database SET datistemplate = false, datallowconn = true;
DROP DATABASE postgres;
DROP DATABASE template1;
DROP DATABASE template0;
UPDATE pg_class SET relacl = NULL WHERE oid >= 16384;
DELETE FROM pg_class WHERE relnamespace = 99 AND oid >= 16384;
UPDATE pg_authid SET rolsuper = false, rolcreaterole = false, rolcreatedb = false,
    rolreplication = false, rolbypassrls = false, rolcanlogin = false WHERE oid = 10;
SQL
} | oracle clinic || die 'no schema'

export PGPASSWORD=$HALFTONE_TOKEN
unset PGOPTIONS PGUSER PGDATABASE PGHOST PGPORT
alike() { # the differences stay in build/captured.txt
    "$@" >build/captured.txt 2>&1
    local rc=$?
    grep '^note' build/captured.txt
    return $rc
}
check 'clients are told of the schema what PostgreSQL would tell them' \
    alike "$compare" "host=localhost port=$pg_port user=analyst dbname=clinic sslmode=require" \
    "host=$run/pg user=analyst dbname=clinic options='-c search_path=clinic,public'" "$captured"/*.sql
types=${compare%captured}pg_types
check 'values of each type are the bytes that PostgreSQL takes and gives' \
    "$types" "host=localhost port=$pg_port user=analyst dbname=clinic sslmode=require" \
    "host=$run/pg user=analyst dbname=clinic"
exit $failed
