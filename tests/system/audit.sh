#!/bin/bash
# The audit log as strangers see it: pages without a token, a checkpoint that
# grows with what was charged and refused, entries that stay closed.
set -u
cd "$(dirname "$0")/../.."
. demo/lib.sh
. tests/system/lib.sh
run=$(mktemp -d)
shop=$run/shop
trap 'stop_server; rm -rf "$run"' EXIT

ask() { "$bin/halftone" query --purpose improve_products "$@" </dev/null; }
page() { curl -sS --max-time 10 --http2 --cacert "$HALFTONE_CA" "https://$HALFTONE_TARGET/audit/$1"; }
size() { page checkpoint | sed -n 2p; }
leaves() { "$bin/halftone" audit entries "$run/ledger.db"; }

mkdir -p "$shop"
"${MAKE_SHOP:-$bin/make_shop}" demo/shop.sql "$shop" 2000 || die "no shop"
cp demo/shop.yaml "$shop/shop.yaml"
write_config "$shop/shop.yaml"
cp "$run/auditor.token" "$run/aud.token"
add_principal some auditor
sed -i '/^  some:/,$s/datasets: .*/datasets: [shop]/' "$run/principals.yaml"
start_server
as() { # WHO COMMAND...
    local who=$1
    shift
    HALFTONE_TOKEN=$(cat "$run/$who.token") "$bin/halftone" "$@" </dev/null
}

signed() {
    page key && page checkpoint >"$run/c" && cat "$run/c" &&
        [ "$(head -n 1 "$run/c")" = halftone.local/log ] && grep -q '^— halftone.local/log ' "$run/c"
}
check 'a checkpoint is served to anybody' signed
walk() { # the page's own lines, as they stand there
    sed -n '/^## On the demo/,/^## Pages/s/^    //p' docs/audit.md |
        sed "s|build/demo/serve|$run|g; s|build/halftone|$bin/halftone|g
             s|answer.json|$run/answer.json|g; s|witness seen|witness $run/walked|" >"$run/walk"
    [ "$(wc -l <"$run/walk")" -ge 8 ] && bash -e "$run/walk" >"$run/walk.out" 2>&1 || { cat "$run/walk.out"; return 1; }
    cat "$run/walk.out"
    grep -q 'every tile as signed' "$run/walk.out" && grep -q 'goes on from what was seen' "$run/walk.out" &&
        grep -q '"proof":' "$run/walk.out" && grep -q 'every invariant holds' "$run/walk.out"
}
check "docs/audit.md's walk works as typed" walk
grows() {
    local before
    before=$(size)
    ask 'SELECT COUNT(*) FROM shop.orders' && ! ask 'SELECT * FROM shop.orders' && sleep 1.2 &&
        [ "$(size)" -ge $((before + 3)) ]
}
check 'a charge, its grant and a refusal make it grow' grows
check 'the refusal is told by its name' says '"kind":"refusal".*"principal":"analyst".*"detail":"select_star"' leaves
check 'so is the policy, with its hash' says '"kind":"policy".*"dataset":"shop".*sha256 ' leaves
check 'and who logged in' says '"kind":"login".*"principal":"analyst".*token from 127.0.0.1' leaves
no_sql() { ! leaves | grep -E 'SELECT|FROM|orders'; }
check 'no SQL is in any entry' no_sql
tiles() {
    local n
    n=$(size)
    [ "$(page "tile/0/000.p/$n" | wc -c)" -eq $((32 * n)) ] &&
        [ "$(page "tile/entries/000.p/$n" | wc -c)" -eq $((34 * n)) ] &&
        page "tile/0/000.p/$((n + 1))" | grep -q 'no such page' &&
        page 'tile/0/../../ledger.db' | grep -q 'no such page' && page nothing | grep -q 'no such page'
}
check 'tiles are as long as the checkpoint says, and no others are there' tiles
closed() { ! page "tile/entries/000.p/$(size)" | grep -a -e kind -e charge; }
check 'entries are commitments: nothing of them can be read' closed
proves() {
    local id
    id=$(ask --format json 'SELECT COUNT(*) FROM shop.customers' | sed 's/.*"query_id":"\([0-9a-f]*\)".*/\1/')
    "$bin/halftone" audit prove "$run/ledger.db" "$id" >"$run/proof" && cat "$run/proof" &&
        grep -q "\"charge\":\"$id\"" "$run/proof" && exits 3 "$bin/halftone" audit prove "$run/ledger.db" 00
}
check 'a charge is proved to be in it' proves
charge_of() { ask --format json 'SELECT COUNT(*) FROM shop.customers' | sed 's/.*"query_id":"\([0-9a-f]*\)".*/\1/'; }
asks() { # an auditor's proof over the network is that of the file, but for what came meanwhile
    local id
    id=$(charge_of)
    as aud audit prove "$id" >"$run/asked" && "$bin/halftone" audit prove "$run/ledger.db" "$id" >"$run/read" &&
        grep -q "\"charge\":\"$id\"" "$run/asked" &&
        [ "$(grep -o '"salt":"[^"]*","commitment":"[^"]*"' "$run/asked")" = "$(grep -o '"salt":"[^"]*","commitment":"[^"]*"' "$run/read")" ]
}
check 'an auditor asks the server for the same' asks
same_entries() { # one more was logged meanwhile: the login of who asked
    as aud audit entries >"$run/asked" && leaves >"$run/read" && [ "$(wc -l <"$run/asked")" -gt 5 ] &&
        cmp -n "$(wc -c <"$run/asked")" "$run/asked" "$run/read"
}
check 'and reads every entry, opened' same_entries
check 'an analyst may not' exits 5 as analyst audit entries
check 'nor an auditor of some datasets, and hears why' says 'of every dataset' as some audit entries
check 'no charge, no proof' exits 3 as aud audit prove 00
shows_sql() { # WHO: the charges with what was asked
    as "$1" charges shop --sql --format csv | tee /dev/stderr | grep -q 'SELECT COUNT(\*) FROM shop.customers'
}
check 'who asked sees his question again' shows_sql analyst
check 'and so does an auditor' shows_sql aud
hidden() { # neither in the file, nor in its log, nor in what the server said
    ! grep -a 'shop.customers' "$run"/ledger.db* "$run/server.log" && ! leaves | grep 'shop.customers'
}
check 'no file holds it readably' hidden
check 'the ledger and its log hold together' "$bin/halftone" ledger verify "$run/ledger.db"
no_ledger() { # not: an invariant is broken
    exits 3 "$bin/halftone" ledger verify README.md && exits 3 "$bin/halftone" ledger verify "$run/consent.db" &&
        exits 3 "$bin/halftone" ledger verify "$run/none.db" && exits 2 "$bin/halftone" ledger verify
}
check 'a file that is no ledger is not a broken one' no_ledger
witness() { "$bin/halftone" audit witness --log-key "$(page key)" "$run/seen" "$@"; }
check 'a stranger finds every tile as signed' says 'every tile as signed' \
    "$bin/halftone" audit verify
check 'and that the server names its own key' says "server's own word" "$bin/halftone" audit verify
check 'a witness remembers' says 'leaves, signed' witness
check 'and sees it grow' says 'goes on from what was seen before' witness
check 'the ledger goes on from what it remembers' says 'the log goes on from' \
    "$bin/halftone" ledger verify "$run/ledger.db" "$run/seen" --log-key "$(page key)"
check 'with the key of another log nothing is believed' exits 3 \
    "$bin/halftone" audit verify --log-key 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW'
kept() {
    local before
    before=$(size)
    stop_server && start_server && sleep 0.2 && [ "$(size)" -gt "$before" ]
}
check 'a restart goes on where the log ended' kept
stop_server
cp "$run/ledger.db" "$run/old.db"
start_server
ask 'SELECT COUNT(*), COUNT(DISTINCT customer_id) FROM shop.orders' >/dev/null
witness >/dev/null
stop_server
rm -f "$run"/ledger.db*[lm] && cp "$run/old.db" "$run/ledger.db"
start_server
check 'a ledger that was put back is found out' exits 3 witness
check 'in words' says 'does not continue the one' witness

# A server with a witness of its own refuses what was put back, and a recovery
# counts as spent what was leased.
stop_server
rm -rf "$run"/ledger.db*
sed -i "s|^ledger:.*|&\naudit: {name: second.example/log, key: second.key, witness: $run/witness}|" "$run/config.yaml"
start_server
"$bin/halftone" ledger backup "$run/ledger.db" "$run/backup.db" >/dev/null
check 'a backup says that it is one' says 'it is a backup' "$bin/halftone" ledger verify "$run/backup.db"
ask 'SELECT COUNT(*) FROM shop.orders' >/dev/null
left() { "$bin/halftone" budget shop --format json | sed 's/.*"spent_rho":\([^,]*\).*/\1/'; }
before=$(left)
stop_server
rm -f "$run"/ledger.db*
cp "$run/backup.db" "$run/ledger.db"
check 'a server does not start on a backup' says 'must not be used: it is a backup' \
    "$bin/halftoned" --config "$run/config.yaml"
recover() {
    cp "$run/second.key" "$run/ledger.db-audit-key" &&
        "$bin/halftone" ledger recover "$run/ledger.db" "$run/witness"
}
check 'a recovery says what it counts as spent' says 'dataset/shop: counted as spent: rho' recover
rm "$run/witness"
check 'the log that was lost is not continued' says 'ended when this ledger was recovered' \
    "$bin/halftoned" --config "$run/config.yaml"
sed -i 's|second|third|g' "$run/config.yaml"
start_server
at_least() { awk -v a="$(left)" -v b="$before" 'BEGIN { exit !(a >= b) }'; }
check 'no less is spent than before' at_least
check 'and the server goes on' ask 'SELECT COUNT(*) FROM shop.orders'
exports() { "$bin/halftone" ledger export "$run/ledger.db" | tee /dev/stderr | grep -q ',recover,shop,'; }
check 'an export tells every charge' exports
exit $failed
