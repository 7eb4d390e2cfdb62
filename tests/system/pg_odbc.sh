#!/bin/bash
# psqlODBC on the PostgreSQL port: by unixODBC's isql, with plain queries and
# with cursors (UseDeclareFetch), and by the calls of ODBC that pyodbc makes.
set -u
. "$(dirname "$0")/lib_clients.sh"
tools/need.sh unixodbc odbc-postgresql 2>/dev/null || skip "psqlODBC: cannot be had"
driver=$(ls /usr/lib/*/odbc/psqlodbcw.so 2>/dev/null | head -1)
[ -n "$driver" ] || skip "psqlODBC: no driver on this machine"
use_pg_python pyodbc
start_two_shops
source_of() { # NAME FETCH [SETTING]
    printf '%s\n' "[$1]" "Driver=$driver" Servername=localhost "Port=$pg_port" Database=shop \
        Username=analyst "Password=$HALFTONE_TOKEN" SSLmode=verify-full "UseDeclareFetch=$2" Fetch=3 \
        "ConnSettings=SET halftone.purpose TO 'improve_products'${3:-}"
}
{ source_of plain 0; source_of pages 1; source_of columns 0 '; SET halftone.rows TO none'; } >"$run/odbc.ini"
export ODBCINI=$run/odbc.ini
ask() { echo "$2" | isql -v -b -c -d, "$1"; }
count='SELECT country, count(*) AS n FROM shop.customers GROUP BY country ORDER BY country'
check 'isql asks' says '^DE,[0-9]' ask plain "$count"
check 'isql reads all rows' says '^SE,-\?[0-9]' ask plain "$count"
check 'isql pages by a cursor' says '^SE,-\?[0-9]' ask pages "$count"
check 'isql is given the columns of rows where it wants them' says '^customer_id,ordered_at' \
    ask columns 'SELECT * FROM shop.orders'
check 'isql reads errors' says 'rows of people' ask plain 'SELECT * FROM shop.orders'
PGODBC=$driver tell odbc "$python" tests/system/clients/pg/python/ask.py odbc || failed=1
exit $failed
