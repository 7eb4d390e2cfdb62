#!/bin/bash
# Not in make test: see make test-clients.
# R on the PostgreSQL port: RPostgreSQL by DBI, RODBC, dbplyr, of Debian's packages.
set -u
. "$(dirname "$0")/lib_clients.sh"
tools/need.sh r-base-core r-cran-rpostgresql r-cran-rodbc r-cran-dbplyr r-cran-dplyr unixodbc odbc-postgresql \
    2>/dev/null || skip "R: cannot be had"
driver=$(ls /usr/lib/*/odbc/psqlodbcw.so 2>/dev/null | head -1)
start_two_shops
PGODBC=$driver tell r Rscript --vanilla tests/system/clients/pg/r/ask.R
