#!/bin/bash
# What the shipped programs can draw from: OpenSSL's generator behind GSL's seam,
# and nothing else.  A seeded generator that got linked would show here.
set -u

# forbidden PROGRAM: symbols of other generators, one a line.
forbidden() {
    nm "$1" | awk '$NF ~ /test_rng|splitmix/ { print $NF }'
    nm -D --undefined-only "$1" |
        awk '{ print $NF }' | grep -E '^gsl_(ran|rng|qrng)_' |
        grep -vxE 'gsl_rng_(alloc|free)'
}

verdict() { # verdict NAME FOUND
    if [ -z "$2" ]; then
        echo "ok $1"
    else
        echo "FAILED $1:" $2
    fi
}

for program in halftoned halftone; do
    verdict "$program draws from no generator but OpenSSL's" \
        "$(forbidden "$BIN/$program")"
done

# Of two functions of one name the linker silently takes one for both callers.
for library in "$BIN/opt/libhalftone.a" "$BIN/libhalftone.a"; do
    [ -r "$library" ] || continue
    verdict 'no two functions of the library have one name' \
        "$(nm "$library" 2>/dev/null | awk '$2 == "T" { print $3 }' | sort | uniq -d)"
done

# The control: a test program does link the seeded one.
for control in "$BIN/opt/tests/test_dp_rng" "$BIN/tests/test_dp_rng"; do
    [ -x "$control" ] || continue
    found=$(forbidden "$control")
    case $found in
    *test_rng_new*) echo "ok a seeded generator would be seen" ;;
    *) echo "FAILED a seeded generator would be seen: $found" ;;
    esac
done
