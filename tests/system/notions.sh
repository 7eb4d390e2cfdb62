#!/bin/bash
# The notion gdp on the real server: its noise, its price, its budget.
set -u
cd "$(dirname "$0")/../.."
. demo/lib.sh
. tests/system/lib.sh
run=$(mktemp -d)
shop=$run/shop
trap 'stop_server; rm -rf "$run"' EXIT

mkdir -p "$shop"
"${MAKE_SHOP:-$bin/make_shop}" demo/shop.sql "$shop" 500 || die "no shop"
{ echo 'notion: gdp'; grep -v '^notion:' demo/shop.yaml; } >"$shop/shop.yaml"
write_config "$shop/shop.yaml"
start_server

ask() { "$bin/halftone" query --purpose improve_products "$@" </dev/null; }
budget() { "$bin/halftone" budget shop --format json; }
number() { sed "s/.*\"$1\":\([^,}]*\).*/\1/"; }

check 'the plan says rounded Gaussian' says 'rounded Gaussian' \
    ask 'EXPLAIN (PRIVACY) SELECT COUNT(*) FROM shop.customers'
check 'a question is answered' says '"rows":\[\[' \
    ask --format json 'SELECT COUNT(*) FROM shop.customers'
check 'groups are selected' says '"rows":\[\[' ask --format json \
    'SELECT country, COUNT(*) FROM shop.customers GROUP BY country'
check 'the budget names its notion' says '"notion":"gdp"' budget
charged() {
    local spent
    spent=$(budget | number spent_rho)
    echo "spent $spent"
    awk -v s="$spent" 'BEGIN { exit !(s > 0) }'
}
check 'the ledger was charged in rho' charged

# The cap's rho is mu^2/2 of the Gaussian curve at the epsilon that the policy
# writes, so what it shows again is that epsilon.
shown() {
    local written got
    written=$(sed -n 's/^cap:.*epsilon: *\([0-9.]*\).*/\1/p' "$shop/shop.yaml")
    got=$(budget | number cap_epsilon)
    echo "written $written, shown $got"
    awk -v w="$written" -v g="$got" \
        'BEGIN { exit !(w > 0 && g <= w && g > w * (1 - 1e-6)) }'
}
check 'the cap shows the epsilon it was written as' shown
exit $failed
