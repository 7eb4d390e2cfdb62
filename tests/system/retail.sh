#!/bin/bash
# Real purchases through the real server, against an oracle under the same
# bounds.  The intervals cover noise only; what bounding loses is printed apart.
#
# False alarms: 13 + 5 + 1 + 1 intervals at level 0.999 each; three misses or
# more fail.  P[Binomial(20, 0.001) >= 3] < 2e-6.
set -u
cd "$(dirname "$0")/../.."
data=$PWD/../shared/data/online_retail.parquet
if [ ! -r "$data" ]; then
    echo "SKIP retail: ../shared/data/online_retail.parquet is not here"
    exit 0
fi
. demo/lib.sh
run=$(mktemp -d)
trap 'stop_server; rm -rf "$run"' EXIT
sed "s|@DATA@|$data|" tests/system/retail/policy.yaml >"$run/policy.yaml"
sed "s|@DATA@|$data|" tests/system/retail/oracle.sql >"$run/oracle.sql"
"${MAKE_SHOP:-$bin/make_shop}" "$run/oracle.sql" "$run" 1 || die "no oracle"
write_config "$run/policy.yaml"
start_server

# ask NAME SQL FLAG...: key, low, high of each row
ask() {
    local name=$1 sql=$2
    shift 2
    "$bin/halftone" query --purpose analytics --level 0.999 --format csv "$@" \
        "$sql" </dev/null >"$run/$name.answer" || die_with_log "no $name"
}
ask months "SELECT date_trunc('month', invoice_date) AS m,
    COUNT(DISTINCT customer_id) AS n FROM retail.lines GROUP BY 1 ORDER BY 1" \
    --epsilon 2
# What a person spent in a country, at most 2,000: one row per person and country.
ask revenue "SELECT country, SUM(LEAST(spent, 2000)) AS r FROM
    (SELECT customer_id, country,
            SUM(LEAST(GREATEST(quantity * unit_price, 0), 100)) AS spent
     FROM retail.lines GROUP BY customer_id, country) AS people
    GROUP BY country ORDER BY country" --epsilon 4 --max-groups 2 --max-rows 1
# A basket is an invoice, at most 500; a person's baskets past 20 weigh less.
ask basket "SELECT AVG(LEAST(spent, 500)) AS r FROM
    (SELECT customer_id, invoice_no,
            SUM(LEAST(GREATEST(quantity * unit_price, 0), 100)) AS spent
     FROM retail.lines GROUP BY customer_id, invoice_no) AS baskets" \
    --epsilon 4 --max-rows 20

# What 50 rows a person cut off: of the United Kingdom's 361,878 rows 228,727,
# of which the report counts at most 800 a person.
"$bin/halftone" query --purpose analytics --level 0.999 --epsilon 4 \
    --max-groups 1 --max-rows 50 --bounds-report "SELECT country, COUNT(*)
    FROM retail.lines GROUP BY country" </dev/null >"$run/cut" ||
    die_with_log "no report"
sed -n 's/.*first 50 of a person.*United Kingdom: about \([0-9,]*\) ±\([0-9,]*\).*/\1 \2/p' \
    "$run/cut" | tr -d , | awk -v want="$(cat "$run/cut.csv")" '
    { inside = want >= $1 - $2 && want <= $1 + $2
      printf "note rows cut of the United Kingdom: true %d, told %d +-%d%s\n",
          want, $1, $2, inside ? "" : " OUTSIDE" }
    END { print NR, NR - inside > "/dev/stderr" }' 2>>"$run/counts"

# Join oracle and answer by row; the last three columns are value, low, high.
compare() {
    tail -n +2 "$run/$1.answer" | tr -d '\r' | paste -d, "$run/$1.csv" - |
        tr -d '"' | awk -F, -v what="$1" '
            { inside = $2 >= $(NF - 1) && $2 <= $NF; total++; missed += !inside
              printf "note %s %s: true %.2f, answered %.2f (%.2f to %.2f)%s\n",
                  what, $1, $2, $(NF - 2), $(NF - 1), $NF,
                  inside ? "" : " OUTSIDE" }
            END { print total, missed > "/dev/stderr" }' 2>>"$run/counts"
}
compare months
compare revenue
compare basket
sed 's/^/note lost: /' "$run/losses.csv"

# Two hundred questions more, at 95 %: people of a week, of four kinds.  A count
# of people loses nothing to bounds, so that the law of its interval is exact.
kinds=('' "AND country = 'United Kingdom'" 'AND quantity >= 12' 'AND unit_price < 2')
while IFS=, read -r week kind _; do
    from=$(date -u -d "2010-12-01 + $((7 * week)) days" +%F)
    to=$(date -u -d "2010-12-08 + $((7 * week)) days" +%F)
    printf '%s\t%s\n' "$week.$kind" "SELECT COUNT(DISTINCT customer_id) AS n FROM retail.lines WHERE
invoice_date >= '$from' AND invoice_date < '$to' ${kinds[kind - 1]}" | tr '\n' ' '
    echo
done <"$run/weeks.csv" >"$run/questions"
mkdir "$run/weeks"
one() { # NAME<tab>SQL
    "$bin/halftone" query --purpose analytics --rho 0.002 --format csv "${1#*	}" </dev/null \
        2>/dev/null >"$run/weeks/${1%%	*}"
}
export -f one
export bin run
xargs -d '\n' -n 1 -P 4 bash -c 'one "$0"' <"$run/questions"
while IFS=, read -r week kind truth; do
    tail -n +2 "$run/weeks/$week.$kind" | awk -F, -v t="$truth" '{ print (t >= $2 && t <= $3) }'
done <"$run/weeks.csv" | awk '{ n++; inside += $1 } END { print n, inside }' >"$run/covered"
read -r asked inside <"$run/covered"
echo "note $inside of $asked weekly counts of people inside their 95 % intervals"
# Four standard errors of a binomial: false alarms below 1e-4.
enough() { awk -v n="$asked" -v m="$inside" 'BEGIN { exit !(n >= 200 && (n - m) <= 0.05 * n + 4 * sqrt(0.0475 * n)) }'; }
read -r total missed < <(awk '{ t += $1; m += $2 } END { print t, m }' "$run/counts")
if enough; then
    echo "ok $inside of $asked weekly counts are inside, as 95 % should be"
else
    echo "FAILED $inside of $asked weekly counts are inside"
    failed=1
fi
if [ "$total" -eq 20 ] && [ "$missed" -lt 3 ]; then
    echo "ok $missed of $total true values outside their 99.9 % intervals"
else
    echo "FAILED $missed of $total true values outside their 99.9 % intervals"
    failed=1
fi
exit ${failed:-0}
