#!/bin/bash
# tests/expr_values.def, asked of a PostgreSQL 15 of its own: each value there is
# what PostgreSQL says, or NULL where it raises an error.
set -eu
cd "$(dirname "$0")/../.."
. tests/engines/postgres.inc

psql <<'SQL'
CREATE TABLE a AS SELECT 7::int n, 2.5::float8 free, 'Hello'::text city,
    TIMESTAMP '2024-05-05 10:11:12.345678' "at", DATE '2024-02-29' "day", TRUE ok;
CREATE TABLE b AS SELECT -7::int n, -2.5::float8 free, '  a,b,c '::text city,
    TIMESTAMP '0001-01-01 00:00:00' "at", DATE '2023-12-31' "day", FALSE ok;
CREATE TABLE z AS SELECT NULL::int n, NULL::float8 free, NULL::text city,
    NULL::timestamp "at", NULL::date "day", NULL::bool ok;
SQL

# Each row becomes: row, expression and value, tabs between.
rows=$(sed -n 's/^ROW(\([ABZ]\), "\(.*\)", "\(.*\)")$/\1\t\2\t\3/p' \
    tests/expr_values.def | sed 's/\\\\/\\/g; s/\\"/"/g')
n=0 bad=0
while IFS=$'\t' read -r from expr want; do
    n=$((n + 1))
    # Compared as numbers to a millionth where both are, since ours are doubles.
    got=$(psql -c "SELECT coalesce(abs(($expr)::numeric - ($want)::numeric) < 1e-6,
        ($expr) IS NULL AND ($want) IS NULL) FROM $from" 2>/dev/null) ||
    got=$(psql -c "SELECT ($expr) IS NOT DISTINCT FROM ($want) FROM $from" 2>&1) || true
    case $got in
    t) ;;
    *ERROR*) [ "$want" = NULL ] || { echo "$expr: $got"; bad=$((bad + 1)); } ;;
    *) echo "$expr is not $want"; bad=$((bad + 1)) ;;
    esac
done <<<"$rows"
echo "$n expressions, $bad differ"
[ "$n" -gt 150 ] && [ "$bad" = 0 ]
