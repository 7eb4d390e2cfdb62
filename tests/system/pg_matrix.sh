#!/bin/bash
# Not in make test: see make test-clients, of which it comes last.
# The table of docs/connect/README.md is what the clients before it were seen to
# do: a cell says "yes" when each line of that client and column was ok, or why
# there is no such thing.  With --write it is written there.
cd "$(dirname "$0")/../.."
page=docs/connect/README.md
columns='browse describe parameters page cancel tls scram binding binary types'
table() {
    local f
    for f in psql python node go jdbc odbc r; do cat "build/clients/$f.txt"; done | awk -v columns="$columns" '
        BEGIN { n = split(columns, name, " ")
                printf "| client |"; for (i = 1; i <= n; i++) printf " %s |", name[i]
                printf "\n|---|"; for (i = 1; i <= n; i++) printf "---|"; print "" }
        !/^(ok|FAILED) [^:]*: [a-z]*: / { next }
        { ok = $1 == "ok"; line = substr($0, length($1) + 2)
          client = substr(line, 1, index(line, ":") - 1); line = substr(line, index(line, ":") + 2)
          column = substr(line, 1, index(line, ":") - 1); line = substr(line, index(line, ":") + 2)
          if (!(client in seen)) { order[++clients] = client; seen[client] }
          at = client SUBSEP column
          if (!ok) cell[at] = "FAILED"
          else if (line ~ /^none: / && cell[at] == "") cell[at] = "no: " substr(line, 7)
          else if (cell[at] != "FAILED" && line !~ /^none: /) cell[at] = "yes" }
        END { for (c = 1; c <= clients; c++) {
                printf "| %s |", order[c]
                for (i = 1; i <= n; i++) { v = cell[order[c] SUBSEP name[i]]; printf " %s |", v == "" ? "-" : v }
                print "" } }'
}
count=$(ls build/clients/*.txt 2>/dev/null | wc -l)
[ "$count" -ge 7 ] || { echo "SKIP the table of clients: not all of them ran here"; exit 0; }
if [ "${1:-}" = --write ]; then
    table | sed -i -e '/<!-- clients -->/,/<!-- end -->/{/<!-- clients -->/{p;r /dev/stdin
        };/<!-- end -->/!d}' $page
fi
if diff <(sed -n '/<!-- clients -->/,/<!-- end -->/p' $page | sed '1d;$d') <(table); then
    echo "ok the page of clients says what they were seen to do"
else
    echo "FAILED the page of clients says what they were seen to do (tests/system/pg_matrix.sh --write)"
    exit 1
fi
