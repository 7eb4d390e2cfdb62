#!/bin/bash
# From a file of one's own to private answers: draft, decide, check, demo; and
# what is said when something does not fit.
set -u
cd "$(dirname "$0")/../.."
. tests/system/lib.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
halftone=$PWD/$BIN/halftone

# 3,000 customers with names of columns as people write them.
awk 'BEGIN { print "Customer ID,Order Date,Net Price,Country"
    split("France Germany Norway", c, " ")
    for (i = 0; i < 9000; i++)
        printf "%d,2024-%02d-%02d,%.2f,%s\n", i % 3000, i % 12 + 1,
            i % 28 + 1, i % 50, c[i % 3000 % 3 + 1] }' >"$work/sales.csv"

drafts() {
    (cd "$work" && "$halftone" policy draft sales.csv >sales.yaml) &&
        grep -q '^      customer_id: {type: text, from: "Customer ID"}$' "$work/sales.yaml" &&
        grep -q '^    key: customer_id ' "$work/sales.yaml"
}
check 'a draft names the columns and guesses the key' drafts

undecided() {
    exits 3 "$halftone" policy check "$work/sales.yaml" &&
        exits 0 test "$("$halftone" policy check "$work/sales.yaml" | grep -c 'to be decided')" \
            -eq "$(grep -c ': DECIDE' "$work/sales.yaml")"
}
check 'a draft does not load until every DECIDE is gone' undecided
check 'nor does the demo start with it' says 'the policy is not ready' \
    make -s demo POLICY="$work/sales.yaml"

decides() {
    sed -i 's/exclusive: DECIDE/exclusive: true/
        s/data_version: DECIDE/data_version: "2024-12-31"/
        s/cap: DECIDE/cap: {epsilon: 8, delta: 1e-6}/
        s/max_people: DECIDE/max_people: 10_000/
        s/help: DECIDE/help: What is bought./
        s/basis: DECIDE/basis: legitimate_interest/
        s/max_groups: DECIDE/max_groups: 1/
        s/max_rows: DECIDE/max_rows: 5/
        s/net_price: {type: text,/net_price: {type: double, range: [0, 50],/
        s/order_date: {type: text,/order_date: {type: date,/
        s/country: {type: text,/country: {type: text, domain: [France, Germany, Norway],/' \
        "$work/sales.yaml"
    "$halftone" policy check "$work/sales.yaml"
}
check 'a decided policy has no mistakes' says 'sales.sales: rows of persons by customer_id' decides

answers() {
    make -s demo DATA="$work/sales.csv" POLICY="$work/sales.yaml" >"$work/demo" || return 1
    cat "$work/demo"
    ! grep -q ' $' "$work/demo" && grep -q '^  left   rho' "$work/demo" &&
        [ "$(grep -c '^cost rho' "$work/demo")" -eq 3 ] &&
        [ "$(grep -cE '^(France|Germany|Norway) ' "$work/demo")" -eq 3 ]
}
check 'the demo asks three questions of it' answers

mkdir "$work/elsewhere"
cp "$work/sales.yaml" "$work/elsewhere/policy.yaml"
check 'DATA is read in place of a file that the policy names elsewhere' \
    says 'reading .* in place of' make -s demo DATA="$work/sales.csv" \
    POLICY="$work/elsewhere/policy.yaml"
misfit() {
    sed 's/Net Price/Price/' "$work/sales.csv" >"$work/other.csv"
    ! make -s demo DATA="$work/other.csv" POLICY="$work/elsewhere/policy.yaml" 2>&1
}
check 'a column that is not there is named with its line' \
    says 'yaml:[0-9]*:1: table sales: the source has no column Net Price' misfit
check 'and with those that are' says 'it has Customer ID, Order Date, Price, Country' misfit
check 'DATA without a POLICY says how to begin' says 'policy draft nothing.csv' \
    make -s demo DATA=nothing.csv
check 'a file that is not there is named' says 'nothing.csv. cannot be read\|DATA=nothing.csv' \
    make -s demo DATA=nothing.csv POLICY="$work/sales.yaml"
overlap() {
    sed 's/^dataset: .*/dataset: again/' "$work/sales.yaml" >"$work/again.yaml"
    exits 3 "$halftone" policy check "$work/sales.yaml" "$work/again.yaml"
}
check 'two policies over the same people are refused' \
    says 'the people of .again.sales. are those of' overlap
# The words that make serve prints are followed to the letter.
serves() {
    local pid rc tries=100
    demo/serve.sh >"$work/serve" 2>&1 &
    pid=$!
    until grep -q '^Ctrl-C stops it' "$work/serve"; do
        kill -0 "$pid" 2>/dev/null && [ $((tries -= 1)) -gt 0 ] || break
        sleep 0.1
    done
    cat "$work/serve"
    sed -n 's/^    //p' "$work/serve" | if command -v psql >/dev/null; then cat; else
        grep -v psql; fi >"$work/follow.sh"
    bash -e "$work/follow.sh" </dev/null >"$work/followed" 2>&1
    rc=$?
    cat "$work/followed"
    kill -TERM "$pid"
    wait "$pid"
    [ $? -eq 0 ] && [ "$rc" -eq 0 ] && grep -q 'rho .* left' "$work/followed"
}
export POLICY=$work/sales.yaml
check 'what make serve says works, and it stops in order' serves
unset POLICY
again() { # a second make finds nothing to do, and says so
    make -q build/deps.ok programs
}
check 'a second run installs and builds nothing' again
helps() { # every target that is for people
    local t
    make -s help >"$work/help"
    for t in $(sed -n 's/^\.PHONY: //p' Makefile); do
        case $t in all | programs | layers | headers | unit | fuzz-replay | deps) continue ;; esac
        grep -q "make $t\b" "$work/help" || { echo "no $t"; return 1; }
    done
}
check 'make help names every target, a line each' helps
# What is built for nothing but a rare target must still be there.
rare() { make -n soak install build/man/halftone.1; }
check 'soak and install name what there is' rare
exit "$failed"
