#!/bin/sh
# Fails when a file includes what its folder may not depend on, or names a
# value that touched data outside dp/ and server/engine/.  The rules are
# tests/layers.txt; the build runs this.
set -eu
cd "$(dirname "$0")/.."

includes=$(find dp server clients/cli benchmarks tests -name '*.[ch]' \
    -exec grep -noHE '^# *include ["<][^">]+[">]' {} + | awk '
    NR == FNR {
        if ($0 !~ /^#/ && NF) {
            d = $1; sub(/:$/, "", d); known[d] = ok[d, d] = 1
            for (i = 2; i <= NF; i++) { ok[d, $i] = 1; named[$i] = 1 }
        }
        next
    }
    {
        split($0, at, ":"); from = at[1]; sub(/\/[^\/]*$/, "", from)
        sub(/^.*include /, "")
        angle = /^</; gsub(/["<>]/, ""); to = $0
        if (!known[from]) { print at[1] ": folder " from " is not in layers.txt"; next }
        if (ok[from, "*"]) next
        if (angle) {
            sub(/\/.*/, "", to); sub(/\.h$/, "", to); sub(/\..*/, "", to)
            if (!named[to]) next           # C, POSIX, Linux
        } else if (to ~ /\.def$/ || to ~ /\//) sub(/\/[^\/]*$/, "", to)
        if (!ok[from, to])
            print at[1] ":" at[2] ": " from " must not include " to
    }' tests/layers.txt -)

touched=$(grep -rnw touched --include='*.[ch]' server clients |
    grep -v '^server/engine/' | grep -vE ':[[:space:]]*(/?\*|//)' |
    grep -E '(\.|->)touched' || true)

[ -z "$includes$touched" ] || {
    [ -z "$includes" ] || echo "$includes"
    [ -z "$touched" ] || echo "$touched (exact values stay in dp/ and server/engine/)"
    exit 1
}
