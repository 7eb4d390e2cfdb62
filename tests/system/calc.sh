#!/bin/bash
# `halftone calc` against the reference values kept beside the repository: every
# row (one in nine or five of the long tables, which unit tests read whole)
# through the command line; bad input; samples.
set -u
cd "$(dirname "$0")/../.."
vectors=../shared/vectors
run=$(mktemp -d)
trap 'rm -rf "$run"' EXIT

. tests/system/lib.sh

# rows FILE: its data, as words.
rows() { sed 1d "$vectors/$1" | tr ',' ' '; }

# compare: 'GOT WANT LOW HIGH NAME' a line; GOT must be from LOW to HIGH below
# and above WANT, relatively.
compare() {
    awk '{ n++; d = $1 - $2; w = $2 < 0 ? -$2 : $2
           if (NF < 5 || $1 == "" || d < $3 * w || d > $4 * w) { bad = 1; print }
         } END { exit bad || !n }'
}
calc() { "$BIN/halftone" calc "$@"; }

if [ -r $vectors/README.md ]; then
    sigma() {
        rows gauss_sigma.csv | while read -r eps delta _ want _; do
            echo "$(calc gaussian-sigma --epsilon "$eps" --delta "$delta") $want 0 1e-11 $eps,$delta"
        done | compare
    }
    check 'gaussian-sigma is the analytic one, rounded up' sigma

    laplace() {
        rows laplace_quantile.csv | while read -r eps _ alpha want k _; do
            echo "$(calc laplace-interval --epsilon "$eps" --alpha "$alpha") $want 0 1e-11 $eps,$alpha"
            echo "$(calc laplace-interval --epsilon "$eps" --alpha "$alpha" --discrete) $k 0 0 $eps,$alpha,discrete"
        done | compare
    }
    check 'laplace-interval is the half width, on the line and on integers' laplace

    keep() {
        rows partition_keep.csv | awk 'NR % 9 == 1' | while read -r eps delta l0 n want _; do
            echo "$(calc selection-keep --epsilon "$eps" --delta "$delta" --l0 "$l0" --n "$n") $want -1.1e-11 0 $eps,$delta,$l0,$n"
        done | compare
    }
    check 'selection-keep is the optimal chance, never above it' keep

    threshold() {
        sed 1d $vectors/partition_threshold.csv | awk 'NR % 5 == 1' |
            while IFS=, read -r kind eps noise own l0 _ _ want _; do
                law=$kind delta=$own
                case $kind in
                discrete_laplace*) law=discrete-laplace ;;
                gaussian) delta=$(awk "BEGIN { printf \"%.15g\", $noise + $own }") ;;
                esac
                echo "$(calc selection-threshold --law $law --epsilon "$eps" --delta "$delta" --l0 "$l0") $want 0 1.1e-11 $kind,$eps,$delta,$l0"
            done | compare
    }
    check 'selection-threshold keeps the total delta, for each law' threshold

    ledgers() {
        rows accountant_eps.csv >"$run/ledgers"
        while IFS=, read -r ledger delta exact lower upper; do
            for by in pure rdp zcdp gdp pld; do
                case $by-$ledger in pure-*G*) continue ;; esac
                high=100
                [ $by = pld ] && high=$(awk "BEGIN { print 1e-5 / $lower + ${exact:+1e-9 +} ($upper - $lower) / $lower }")
                echo "$(calc compose --accountant $by --delta "$delta" "$ledger") ${exact:-$lower} 0 $high $by,$ledger"
            done
        done < <(sed 1d $vectors/accountant_eps.csv) | compare
    }
    check 'compose is never below the exact epsilon, and pld is close' ledgers

    small() {
        while IFS=, read -r ledger delta exact _; do
            echo "$(calc compose --accountant pld --delta "$delta" "$ledger") $exact 0 1.1e-11 $ledger,$delta"
        done < <(sed 1d $vectors/accountant_small_delta.csv) | compare
    }
    check 'compose is exact for Gaussians down to delta 1e-14' small
else
    echo "SKIP calc: no $vectors"
fi

answers() { # CODE WORDS SUB-COMMAND...
    local code=$1 words=$2
    shift 2
    calc "$@" >"$run/out" 2>&1
    [ $? -eq "$code" ] && grep -qF -- "$words" "$run/out"
}
check 'the documented conversions' answers 0 0.0243559703595 zcdp-rho --epsilon 1 --delta 1e-6
check 'and back' answers 0 1.00000000001 zcdp-epsilon --rho 0.0243559703596 --delta 1e-6
check 'words as one text and as many are one ledger' answers 0 \
    "$(calc compose --accountant rdp --delta 1e-6 G5x10 L0.1x50 S0.1_1e-8x20)" \
    compose --accountant rdp --delta 1e-6 'G5x10 L0.1x50' S0.1_1e-8x20
check 'pure needs no delta' answers 0 5 compose --accountant pure L0.1x50
check 'pure has no Gaussians' answers 2 'a Gaussian has no epsilon' compose --accountant pure --delta 1e-6 G5
check 'deltas that use up all' answers 2 'leave nothing of --delta' compose --accountant pld --delta 1e-9 S0.1_1e-8x20
check 'a wrong word answers where' answers 2 "'G5y10', at byte 2" compose --accountant pld --delta 1e-6 L1 G5y10
check 'no ledger' answers 2 'there is no ledger' compose --accountant pld --delta 1e-6
check 'an unknown accountant' answers 2 'write pure, rdp, zcdp, gdp or pld' compose --accountant best L1
check 'a missing flag' answers 2 'needs --delta' gaussian-sigma --epsilon 1
check 'delta 0 has no sigma' answers 2 'outside its range' gaussian-sigma --epsilon 1 --delta 0
check 'delta 1 is none' answers 2 'is not a number from 0 to below 1' gaussian-sigma --epsilon 1 --delta 1
check 'epsilon below 0 is none' answers 2 'is not a number above 0' gaussian-sigma --epsilon -1 --delta 0.1
check 'a flag of another sub-command' answers 2 'takes no --alpha' gaussian-sigma --epsilon 1 --delta 0.1 --alpha 1e-3
check 'an unknown law' answers 2 'write laplace, discrete-laplace or gaussian' selection-threshold --law normal --epsilon 1 --delta 0.1 --l0 1
check 'a scale too fine' answers 2 'at most six decimals' sample --law discrete-laplace --scale 0.1234567 --count 1
check 'calc alone lists what there is' answers 2 'calc gaussian-sigma' --
check 'and so does its help' answers 0 'calc selection-keep' --help

samples() {
    calc sample --law "$1" --scale "$2" --count 5000 >"$run/s" &&
        [ "$(grep -cE '^(-?[1-9][0-9]*|0)$' "$run/s")" -eq 5000 ] &&
        awk -v low="$3" -v high="$4" '{ s += $1 * $1 } END { v = s / NR; print v
            exit v < low || v > high }' "$run/s"
}
# Variances 199.8 and 2631.7 in 7 standard errors of 5,000 draws: fails once in
# 10^10 (the Laplace law's fourth moment is 6 variances squared).
check 'sample draws the discrete Laplace law' samples discrete-laplace 10 155 244
check 'sample draws the discrete Gaussian law' samples discrete-gaussian 51.3 2263 3000
check 'sample draws the rounded Gaussian law' samples rounded-gaussian 51.3 2263 3000
check 'sample knows its laws' answers 2 'or rounded-gaussian' sample --law gaussian --scale 1 --count 1
twice() {
    calc sample --law discrete-laplace --scale 1000 --count 20 >"$run/a" &&
        calc sample --law discrete-laplace --scale 1000 --count 20 >"$run/b" &&
        ! cmp -s "$run/a" "$run/b"
}
check 'two runs draw different noise' twice
none() { [ -z "$(calc sample --law discrete-laplace --scale 1 --count 0)" ]; }
check 'no samples are no lines' none
exit "$failed"
