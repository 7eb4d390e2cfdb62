#!/bin/bash
# The register of consent itself: a copy that is put back is held until what it
# lacks was imported, and counts of it come by themselves.
set -u
cd "$(dirname "$0")/../.."
. tests/system/lib.sh
. demo/lib.sh
run=$(mktemp -d)
shop=$run/shop
trap 'stop_server; rm -rf "$run"' EXIT
mkdir -p "$shop"
"${MAKE_SHOP:-$bin/make_shop}" demo/shop.sql "$shop" 2000 || die "no shop"
sed 's/^cap:.*/cap: { rho: 90, delta: 1e-9 }\nmax_price: { rho: 1, delta: 1e-9 }\nreuse_for: 0\nslots: { first: 0 }/
     s/^consent:.*/consent:\n  counts: { every: 60 s, price: { rho: 1 }, reserve: { rho: 40 } }/' \
    demo/shop.yaml >"$shop/shop.yaml"
grep -q 'counts:' "$shop/shop.yaml" || die "the shop's policy has another form"
write_config "$shop/shop.yaml"
start_server

as() { # ROLE ARGS: halftone by another's token
    local token=$1
    shift
    HALFTONE_TOKEN=$(cat "$run/$token.token") "$bin/halftone" "$@"
}
ask() { "$bin/halftone" query --purpose measure_campaigns --rho 0.2 "SELECT COUNT(*) FROM shop.customers" "$@"; }

as subjects consent record 1 --purpose measure_campaigns >/dev/null || die "nothing is recorded"
check 'a register is released by' ask
counts() {
    local tries=100
    until as steward consent counts -o json >"$run/counts" 2>"$run/err"; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || { cat "$run/err"; return 1; }
        sleep 0.1
    done
    cat "$run/counts"
    grep -q '"measure_campaigns","yes"' "$run/counts" && grep -q '"improve_products","no"' "$run/counts"
}
check 'counts come by themselves, and a steward reads them' counts
same() { "$bin/halftone" consent counts -o json >"$run/again" && cmp "$run/counts" "$run/again"; }
check 'an analyst reads the same' same
check 'a subject service reads none' exits 5 as subjects consent counts
charged() {
    HALFTONE_TOKEN=$(cat "$run/auditor.token") "$bin/halftone" audit entries | grep -q 'counts of consent'
}
check 'and the audit log has their charge' charged
interval() {
    HALFTONE_TOKEN=$(cat "$run/auditor.token") "$bin/halftone" audit entries | grep 'measure_campaigns' | grep -q 'interval from_us [0-9]* to_us [0-9]*'
}
check 'the entry of a question names its interval of the public clock' interval
beside() { as steward charges -o csv | grep -q '(server)'; }
check 'which is among the charges' beside

# ---- what the counters tell ----
scrape() { # NAME: connections and bytes received so far
    curl -s --max-time 5 "http://127.0.0.1:$metrics_port/metrics" |
        grep -E '^halftone_(connections_open|connections_total|bytes_received_total|workers_busy|requests_total)[{ ]' >"$run/$1"
}
grew() { # A B: by how much each counter did
    paste -d' ' "$run/$1" "$run/$2" | awk '{ print $1, $4 - $2 }'
}
quiet() {
    scrape a && scrape b || return 1
    as subjects consent record 77 --purpose measure_campaigns >/dev/null || return 1
    as subjects consent withdraw 77 --purpose measure_campaigns >/dev/null || return 1
    scrape c
    grew a b >"$run/without"
    grew b c >"$run/with"
    diff "$run/without" "$run/with" && [ "$(wc -l <"$run/with")" -eq 5 ]
}
check 'no counter tells that somebody decided' quiet
loud() {
    "$bin/halftone" datasets >/dev/null
    scrape d
    grew c d | grep -q 'connections_total 2$'
}
check 'while other calls are counted' loud

# ---- a copy ----
stop_server
cp "$run/consent.db" "$run/copy.db" || die "no register"
start_server
as subjects consent withdraw 1 --purpose measure_campaigns >/dev/null
stop_server
cp "$run/copy.db" "$run/consent.db"
rm -f "$run"/consent.db-wal "$run"/consent.db-shm
start_server
check 'from a copy that lacks a withdrawal nothing is released' says 'may lack withdrawals' ask
check 'and the exit code is for trying again' exits 6 ask
check 'and the way out is told, which is no other try' says 'halftone consent confirm' ask
check 'nor is anybody deleted from the data' says 'may lack withdrawals' as steward erasures run
told() { grep -q 'event=register_held' "$run/server.log"; }
check 'the log says so' told
redo() { as subjects consent withdraw 1 --purpose measure_campaigns; }
check 'what is missing can be recorded' redo
check 'an analyst confirms nothing' exits 5 "$bin/halftone" consent confirm --reason mine
check 'a steward says why' exits 2 as steward consent confirm
check 'and confirms' says 'no longer held' as steward consent confirm --reason 'the withdrawal is back'
check 'then it is released by' ask
again() { stop_server; start_server; ask; }
check 'after a restart too' again
check 'a second time says that nothing was held' says 'all the time' as steward consent confirm --reason 'once more'
reason() { HALFTONE_TOKEN=$(cat "$run/auditor.token") "$bin/halftone" audit entries | grep -q 'the withdrawal is back'; }
check 'the reason is in the audit log' reason
stop_server
# All that a ledger says, but that it was opened.
held() { "$bin/halftone" ledger export "$run/ledger.db" && "$bin/halftone" audit entries "$run/ledger.db" | grep -v '"kind":"start"'; }
only_checked() {
    held >"$run/before" || return 1
    "$bin/halftoned" --config "$run/config.yaml" --check || return 1
    held >"$run/after" && diff "$run/before" "$run/after" && grep -q 'counts of consent' "$run/after"
}
check 'a server that is only checked charges nothing and is in no log' only_checked
rm -f "$run"/consent.db*
start_server
check 'a register that was lost is held, too' says 'may lack withdrawals' ask
exit "$failed"
