#!/bin/bash
# Starts a server on the demo shop, or on DATA under POLICY, asks it three
# questions over TLS, shows what they cost and what is left, and stops it.
# `make demo` calls it; BIN and MAKE_SHOP name the programs.
set -u
cd "$(dirname "$0")/.."
. demo/lib.sh
run=build/demo/run
trap stop_server EXIT
trap 'exit 130' INT TERM

# ask WORDS SQL [FLAG...]
asked=0
ask() {
    local words=$1 sql=$2
    shift 2
    asked=$((asked + 1))
    say "" "$asked. $words" ""
    say "$sql" "" | sed 's/^./    &/'
    "$bin/halftone" query "$@" "$sql" </dev/null ||
        die_with_log "the question was not answered"
}

ask_the_shop() {
    export HALFTONE_PURPOSE=improve_products
    ask "How many customers live in each country?  Within 100, 19 times of 20." \
        "SELECT country, COUNT(DISTINCT customer_id) AS customers
FROM shop.customers GROUP BY country ORDER BY customers DESC" \
        --accuracy '±100@95%'
    ask "What is bought, for how much?  One person counts in at most three
   categories, with at most five orders in each." \
        "SELECT category, COUNT(*) AS orders, SUM(amount) AS revenue,
       AVG(amount) AS mean
FROM shop.orders GROUP BY category ORDER BY revenue DESC" --rho 0.004
    say ""
    import_consents
    export HALFTONE_PURPOSE=measure_campaigns
    ask "Whom did our campaigns reach by e-mail, of those who agreed to be counted
   for that?  The names of campaigns are not public, and one that reached a dozen
   people stays hidden." \
        "SELECT campaign, COUNT(DISTINCT customer_id) AS people
FROM shop.touches WHERE channel = 'email'
GROUP BY campaign ORDER BY people DESC" --rho 0.002
}

# Up to three questions that any policy allows.
ask_about_own() {
    look_around
    say "" "The dataset, as analysts see it:" ""
    "$bin/halftone" describe "$dataset" || die_with_log "no description"
    ask "How many people are in $table?" \
        "SELECT COUNT(DISTINCT $key) AS people FROM $table"
    if [ -n "$amount" ]; then
        ask "How many rows do they have, and what is their ${amount//_/ }?  Within the
   policy's limits on each person." \
            "SELECT COUNT(*) AS rows, SUM($amount) AS total, AVG($amount) AS mean
FROM $table"
    else
        ask "How many rows do they have, within the policy's limits on each person?" \
            "SELECT COUNT(*) AS rows FROM $table"
    fi
    [ -z "$group" ] ||
        ask "How many people are there by ${group//_/ }?" \
            "SELECT $group, COUNT(DISTINCT $group_key) AS people
FROM $group_table GROUP BY $group ORDER BY people DESC LIMIT 10"
}

rm -rf "$run"
mkdir -p "$run"
use_policy
write_config "$policy"
start_server
say "halftoned answers on $HALFTONE_TARGET (TLS 1.3), its log is $run/server.log"
if [ -n "${POLICY:-}" ]; then
    ask_about_own
else
    ask_the_shop
fi
say "" "What is left:" ""
"$bin/halftone" budget || die_with_log "no budget"
stop_server
say "" "The server has stopped.  \`make serve\` leaves one running."
