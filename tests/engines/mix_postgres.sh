#!/bin/bash
# tests/mix_values.def, asked of a PostgreSQL 15 of its own: answers joined and
# united have the rows PostgreSQL gives them.  With an argument, print the rows
# of the table for the questions in that file.
set -eu
cd "$(dirname "$0")/../.."
. tests/engines/postgres.inc
psql <<'SQL'
CREATE TABLE x(land text COLLATE "C", kind text COLLATE "C", c bigint);
INSERT INTO x VALUES ('AT', 'a', 10), ('AT', 'b', 25), ('DE', 'a', 25),
    ('DE', 'b', -3), ('FR', 'a', 40), ('FR', 'b', 10), ('other', 'a', 7);
CREATE TABLE y(land text COLLATE "C", p bigint);
INSERT INTO y VALUES ('AT', 12), ('DE', 10), ('other', 7);
SQL
value() {
    psql -c "SELECT string_agg(t::text, ' ' ORDER BY t::text COLLATE \"C\") FROM ($1) t" 2>&1
}
if [ $# -gt 0 ]; then
    while read -r sql; do
        printf 'ROW("%s",\n    "%s")\n' "$sql" "$(value "$sql")"
    done <"$1"
    exit
fi
n=0 bad=0
while IFS=$'\t' read -r sql want; do
    n=$((n + 1))
    got=$(value "$sql")
    [ "$got" = "$want" ] || { echo "$sql: $got is not $want"; bad=$((bad + 1)); }
done < <(tr '\n' ' ' <tests/mix_values.def | sed 's/ROW(/\nROW(/g' |
    sed -n 's/^ROW("\(.*\)", *"\(.*\)").*$/\1\t\2/p')
echo "$n questions over answers, $bad differ"
[ "$n" -gt 40 ] && [ "$bad" = 0 ]
