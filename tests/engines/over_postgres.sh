#!/bin/bash
# tests/over_values.def, asked of a PostgreSQL 15 of its own: each window over
# the rows written there has the values PostgreSQL gives it.  With an argument,
# print the rows of the table for the expressions in that file.
set -eu
cd "$(dirname "$0")/../.."
. tests/engines/postgres.inc
psql <<'SQL'
CREATE TABLE x(land text COLLATE "C", kind text COLLATE "C", c bigint);
INSERT INTO x VALUES ('AT', 'a', 10), ('AT', 'b', 25), ('DE', 'a', 25),
    ('DE', 'b', -3), ('FR', 'a', 40), ('FR', 'b', 10), ('other', 'a', 7);
SQL
value() {
    psql -c "SELECT string_agg(coalesce(v::text, 'NULL'), '|' ORDER BY land, kind)
        FROM (SELECT land, kind, $1 AS v FROM x) y" 2>&1
}
if [ $# -gt 0 ]; then
    while read -r expr; do
        printf 'ROW("%s",\n    "%s")\n' "$expr" "$(value "$expr")"
    done <"$1"
    exit
fi
n=0 bad=0
while IFS=$'\t' read -r expr want; do
    n=$((n + 1))
    got=$(value "$expr")
    # As numbers to a millionth where both are, since ours are doubles.
    awk -v a="$got" -v b="$want" 'BEGIN {
        n = split(a, x, "|"); if (split(b, y, "|") != n) exit 1
        for (i = 1; i <= n; i++) {
            if (x[i] == y[i]) continue
            d = x[i] - y[i]
            if (x[i] !~ /^-?[0-9.]+$/ || y[i] !~ /^-?[0-9.]+$/ || d > 1e-6 || d < -1e-6) exit 1
        } }' </dev/null || { echo "$expr: $got is not $want"; bad=$((bad + 1)); }
done < <(tr '\n' ' ' <tests/over_values.def | sed 's/ROW(/\nROW(/g' |
    sed -n 's/^ROW("\(.*\)", *"\(.*\)").*$/\1\t\2/p')
echo "$n window functions, $bad differ"
[ "$n" -gt 50 ] && [ "$bad" = 0 ]
