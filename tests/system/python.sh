#!/bin/bash
# The README's Python program, with stock grpcio.
set -u
. "$(dirname "$0")/lib_clients.sh"
use_python python
start_shop
export PYTHONPATH=build/python/stubs
ask() { "$python" clients/python/ask.py "$1"; }

three() {
    ask 'SELECT country, count(DISTINCT customer_id) AS customers FROM shop.customers
         GROUP BY country ORDER BY customers DESC LIMIT 3' >"$run/out" || return 1
    cat "$run/out"
    [ "$(grep -cE '^country=[A-Z]{2}  customers=-?[0-9]+ \[-?[0-9.]+, [0-9.]+\]' "$run/out")" -eq 3 ] &&
        grep -q '^epsilon 0' "$run/out"
}
check 'rows with their intervals' three
check 'a refusal with its hint' says 'FAILED_PRECONDITION: .*' ask 'SELECT customer_id FROM shop.customers'
check 'a wrong token' says 'UNAUTHENTICATED' env HALFTONE_TOKEN="$(printf %064d 0)" \
    "$python" clients/python/ask.py 'SELECT count(*) FROM shop.orders'
exit "$failed"
