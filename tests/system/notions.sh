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

# What was spent under gdp is no budget under another notion, nor the other way.
reload_with() { # NOTION
    { echo "notion: $1"; grep -v '^notion:' demo/shop.yaml; } |
        sed "s/^version: .*/version: $2/" >"$shop/shop.yaml"
    kill -HUP "$server_pid"
    sleep 0.5
}
stays() {
    reload_with zcdp 2
    grep 'spent under the notion gdp' "$run/server.log" && says '"notion":"gdp"' budget
}
check 'a reload cannot change the notion' stays
starts_not() {
    stop_server
    "$bin/halftoned" --config "$run/config.yaml" --check >"$run/out" 2>&1
    local rc=$?
    cat "$run/out"
    [ $rc -ne 0 ] && grep -q "write 'notion: gdp'" "$run/out"
}
check 'nor can a start' starts_not
starts() {
    { echo 'notion: gdp'; grep -v '^notion:' demo/shop.yaml; } >"$shop/shop.yaml"
    "$bin/halftoned" --config "$run/config.yaml" --check
}
check 'under its own notion the server starts' starts
others() {
    local from to
    for from in zcdp pure; do
        rm -f "$run"/ledger.db*
        { echo "notion: $from"; sed '/^notion:/d; s/, delta: 1e-8//' demo/shop.yaml; } \
            >"$shop/shop.yaml"
        [ $from = pure ] || sed -i 's/^cap:.*/cap: { epsilon: 4, delta: 1e-8 }/' "$shop/shop.yaml"
        start_server
        ask --format json 'SELECT COUNT(*) FROM shop.customers' || return 1
        stop_server
        for to in zcdp pure gdp; do
            sed -i "s/^notion: .*/notion: $to/; s/^cap:.*/cap: { epsilon: 4, delta: 1e-8 }/" "$shop/shop.yaml"
            [ $to != pure ] || sed -i 's/^cap:.*/cap: { epsilon: 4 }/' "$shop/shop.yaml"
            "$bin/halftoned" --config "$run/config.yaml" --check
            [ $? -eq 0 ] && [ $from != $to ] && { echo "$from became $to"; return 1; }
            "$bin/halftoned" --config "$run/config.yaml" --check >/dev/null 2>&1 ||
                [ $from != $to ] || { echo "$from refuses itself"; return 1; }
        done
    done
}
check 'zcdp and pure do not change either' others
exit $failed
