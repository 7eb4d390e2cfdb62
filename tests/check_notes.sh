#!/bin/sh
# Fails when a module of dp/ has no proof note (dp/<name>.md), when a note lacks
# a part, or when it names a function or file that is not there.  Modules that
# promise nothing about privacy are listed here.
set -eu
cd "$(dirname "$0")/.."
plain=" big init law mills price root status value wide window "
fail=0
say() { echo "$*"; fail=1; }

for h in dp/*.h; do
    name=$(basename "$h" .h)
    case $plain in *" $name "*) continue ;; esac
    note=dp/$name.md
    [ -f "$note" ] || { say "$h: no proof note $note"; continue; }
    for part in Precondition Postcondition Argument Source Rounding \
        'Running time'; do
        grep -q "^\*\*$part\*\*" "$note" || say "$note: no **$part**"
    done
done

for h in dp/*.h; do
    grep -qF "\`$(basename "$h")\`" dp/README.md ||
        say "dp/README.md: no row for $(basename "$h")"
done

for note in dp/*.md; do
    for fn in $(grep -oE '`[a-z_0-9]+\(\)`' "$note" | tr -d '`()' | sort -u); do
        grep -qw "$fn" dp/*.[ch] || say "$note: no function $fn() in dp/"
    done
    for file in $(grep -oE '(dp|tests|benchmarks)/[a-z_0-9/]+\.(c|h|md)' "$note" |
        sort -u); do
        [ -f "$file" ] || say "$note: no file $file"
    done
done
exit $fail
