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
    say "" "$asked. $words" "" "$sql" | sed '4,$s/^/    /'
    say ""
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
    ask "Whom did our campaigns reach by e-mail?  The names of campaigns are not
   public, and one that reached a dozen people stays hidden." \
        "SELECT campaign, COUNT(DISTINCT customer_id) AS people
FROM shop.touches WHERE channel = 'email'
GROUP BY campaign ORDER BY people DESC" --rho 0.002
}

# Three questions that any policy allows, one a table.
ask_about_tables() {
    local dataset purpose table
    dataset=$(sed -n 's/^dataset: *//p' "$policy" | tr -d '"' | head -n 1)
    purpose=$(sed -n '/^purposes:/,/^[a-z]/{/^  [a-z]/{s/^  \([^:]*\):.*/\1/p;q;};}' "$policy")
    export HALFTONE_PURPOSE=$purpose
    say "" "The dataset, as analysts see it:" ""
    "$bin/halftone" describe "$dataset" || die_with_log "no description"
    for table in $(sed -n '/^tables:/,/^[a-z]/s/^  \([a-z][a-z0-9_]*\):.*/\1/p' \
        "$policy" | head -n 3); do
        ask "How many rows does $table have, as far as they belong to someone
   and within the policy's limits?" \
            "SELECT COUNT(*) AS rows FROM $dataset.$table"
    done
}

# The policy as the server shall read it: beside the file, or pointing at it.
place_policy() {
    [ -r "$POLICY" ] || die "POLICY=$POLICY cannot be read"
    policy=$run/policy.yaml
    cp "$POLICY" "$policy"
    if [ -n "${DATA:-}" ]; then
        [ -r "$DATA" ] || die "DATA=$DATA cannot be read"
        sed -i "s|^\( *from:\).*|\1 '$(realpath "$DATA")'|
                s|^\(database:\).*|\1 '$(realpath "$DATA")'|" "$policy"
    else
        policy=$(realpath "$POLICY")
    fi
}

rm -rf "$run"
mkdir -p "$run"
if [ -n "${POLICY:-}" ]; then
    place_policy
elif [ -n "${DATA:-}" ]; then
    die "DATA needs a POLICY: try  $bin/halftone policy draft $DATA"
else
    make_shop
    policy=$PWD/build/demo/shop/shop.yaml
fi
write_config "$(realpath "$policy")"
start_server
say "halftoned answers on $HALFTONE_TARGET (TLS 1.3), its log is $run/server.log"
if [ -n "${POLICY:-}" ]; then
    ask_about_tables
else
    ask_the_shop
fi
say "" "What is left:" ""
"$bin/halftone" budget || die_with_log "no budget"
stop_server
say "" "The server has stopped.  \`make serve\` leaves one running."
