#!/bin/bash
# Contact, by real clients: a sender is told yes when a person chose so, no more
# often than she said, and nothing else by anything.
set -u
cd "$(dirname "$0")/../.."
. tests/system/lib.sh
. demo/lib.sh
run=$(mktemp -d)
trap 'stop_server; rm -rf "$run"' EXIT
mkdir -p "$run/shop"
"${MAKE_SHOP:-$bin/make_shop}" demo/shop.sql "$run/shop" 1000 || die "no shop"
sed 's/asks_per_day: .*/asks_per_day: 150/
     s/email: { at_most: 1 per week/email: { at_most: 5 per day/
     s/^max_people/slots: { first: 10ms }\nmax_people/' demo/shop.yaml >"$run/shop/shop.yaml"
write_config "$run/shop/shop.yaml"
add_principal operator operator
add_principal second sender
echo 'audit: { interval: 1s }' >>"$run/config.yaml"
start_server

as() { local who=$1; shift; HALFTONE_TOKEN=$(cat "$run/$who.token") "$bin/halftone" "$@"; }
consents() { as subjects consent "$@" >/dev/null; }
may() { as "${sender:-mailer}" may-contact "$@" --purpose send_offers; }
yes() { [ "$(may "$@")" = yes ]; }
no() { [ "$(may "$@")" = no ]; }

# ---- what a person chose ----
check 'who never chose is a no' no 1 --channel email
chosen() {
    consents record 1 --purpose send_offers && no 1 --channel email &&
        consents contact 1 --channel email --at-most '2 per month' && yes 1 --channel email
}
check 'who said yes to purpose and channel is a yes' chosen
check 'and no is an exit code of its own' exits 3 may 1 --channel sms
often() { yes 1 --channel email && no 1 --channel email; }
check 'no more often than she said' often
limit() {
    consents record 2 --purpose send_offers
    consents contact 2 --channel email --at-most any
    for i in 1 2 3 4 5; do yes 2 --channel email || return 1; done
    no 2 --channel email
}
check 'nor than the policy says' limit
closed() {
    consents record 3 --purpose send_offers
    consents contact 3 --channel email,sms --at-most any
    yes 3 --channel email --key a && consents contact 3 --channel email --at-most never &&
        no 3 --channel email && no 3 --channel email --key a && yes 3 --channel sms
}
check 'a channel that is closed is closed with the next question' closed
withdrawn() {
    consents record 4 --purpose send_offers && consents contact 4 --channel email --at-most any
    yes 4 --channel email && consents withdraw 4 --purpose send_offers && no 4 --channel email
}
check 'so is a purpose that is taken back' withdrawn

# ---- counted once, whatever happens ----
retried() {
    consents record 5 --purpose send_offers && consents contact 5 --channel email --at-most '1 per year'
    yes 5 --channel email --key letter-1 || return 1
    kill -9 "$server_pid"
    wait "$server_pid" 2>/dev/null
    start_server
    yes 5 --channel email --key letter-1 && no 5 --channel email --key letter-2 &&
        no 1 --channel email
}
check 'a yes is counted once, also after kill -9' retried
crowd() { # twelve ask at once, and she allows three, of all senders together
    consents record 6 --purpose send_offers && consents contact 6 --channel email --at-most '3 per week'
    for i in 1 2 3 4 5 6; do
        may 6 --channel email >"$run/crowd.$i" &
        sender=second may 6 --channel email >"$run/crowd.1$i" &
    done
    wait $(jobs -p | grep -v "^$server_pid$")
    [ "$(cat "$run"/crowd.* | grep -c yes)" -eq 3 ]
}
check 'of twelve who ask at once as many hear yes as she allows' crowd

# ---- files of choices ----
file() { # NAME HEADER ROW...: a file of choices
    local name=$run/$1
    shift
    printf '%s\n' "$@" >"$name"
}
import() {
    file choices.csv subject,channel,at_most,at 41,email,'2 per month',2026-01-02T03:04:05 42,sms,never,2026-01-02 41,email,any,2025-01-01
    says '3 rows' as subjects consent import "$run/choices.csv" || return 1
    consents record 41 --purpose send_offers && yes 41 --channel email && yes 41 --channel email && no 41 --channel email
}
check 'choices come from a file, and the later one holds' import
twice() { says '3 rows' as subjects consent import "$run/choices.csv" && [ "$(as subjects consent history 41 -o csv | grep -c '2 per month')" -eq 1 ]; }
check 'which is recorded once' twice
mixed() {
    file mixed.jsonl '{"subject":43,"channel":"email","at_most":"any","at":"2026-01-02"}' \
        '{"subject":43,"state":"granted","purposes":["send_offers"],"at":"2026-01-02"}'
    as subjects consent import "$run/mixed.jsonl" && yes 43 --channel email
}
check 'decisions and choices come in one file' mixed
bad() { # WHAT ROW: refused with this, and nothing of its file counts
    file bad.csv subject,state,channel,at_most,purposes,at "44,,email,any,,2026-01-02" "44,granted,,,send_offers,2026-01-02" "$2"
    says "row 3: .*$1" as subjects consent import "$run/bad.csv" && no 44 --channel email
}
check 'a channel that is not there drops the file' bad "no channel 'fax'" '44,,fax,any,,2026-01-02'
check 'so does a frequency that is none' bad "'often' is no frequency" '44,,sms,often,,2026-01-02'
check 'or none at all' bad "'' is no frequency" '44,,sms,,,2026-01-02'
check 'a choice that is to come' bad 'in the future' '44,,sms,any,,2099-01-02'
check 'a choice with a state of its own' bad "has no state 'granted'" '44,granted,sms,any,,2026-01-02'
check 'or with purposes' bad 'names no purpose' '44,,sms,any,send_offers,2026-01-02'
check 'somebody who is nobody' bad 'whole number' 'me,,sms,any,,2026-01-02'
half() {
    file half.csv subject,channel,at_most,at 45,email,any,2026-01-02 46,email,any,2026-01-0
    printf '47,email,any,2026-01-0' >>"$run/half.csv"
    says 'does not end' as subjects consent import "$run/half.csv"
}
check 'a file that was cut' half

# ---- a no is a no, to the byte ----
call() { # TOKEN_OF METHOD FILE: status, headers, body and trailers
    curl -sS --http2 --cacert "$HALFTONE_CA" "https://$HALFTONE_TARGET/halftone.v1.$2" --raw -D - \
        -H "authorization: Bearer $(cat "$run/$1.token")" -H 'content-type: application/grpc' \
        -H 'te: trailers' --data-binary "@$3" | xxd -p
}
message() { # SUBJECT CHANNEL: a MayContactRequest behind its five bytes
    protoc -Iproto --encode=halftone.v1.MayContactRequest halftone/v1/contact.proto >"$run/m" \
        <<<"subject: '$1' purpose: 'send_offers' channel: '$2'"
    { printf '\0\0\0\0' && printf "\\x$(printf %02x "$(stat -c %s "$run/m")")" && cat "$run/m"; } >"$run/message"
}
asked() { message "$1" "$2" && call second Contact/MayContact "$run/message"; }
same() {
    local unknown
    unknown=$(asked 9000001 email)
    [ "$(xxd -r -p <<<"$unknown" | grep -ac 'grpc-status: 0')" -eq 1 ] || { echo "$unknown"; return 1; }
    # who was contacted often enough, closed the channel, withdrew, never chose it
    for who in '1 email' '2 email' '3 email' '4 email' '7 email' '6 sms'; do
        # shellcheck disable=SC2086
        [ "$(asked $who)" = "$unknown" ] || { echo "$who differs"; return 1; }
    done
    [ "$(asked 3 sms)" = "$unknown" ] # once a month, and it was
}
check 'somebody unknown and each known no get the same bytes' same
differs() {
    consents contact 3 --channel post --at-most any
    [ "$(asked 3 post)" != "$(asked 9000001 post)" ]
}
check 'and a yes others' differs

# ---- who may ----
denied() {
    for who in analyst steward auditor operator subjects; do
        exits 5 as "$who" may-contact 3 --purpose send_offers --channel sms || { echo "$who"; return 1; }
    done
}
check 'nobody but a sender may ask' denied
printf '\0\0\0\0\0' >"$run/nothing"
alone() { # every method of the server's table
    local n=0 method
    for method in $(sed -n 's/.*UNARY("\(.*\)").*/\1/p' server/main/calls.c); do
        [ "$method" = Contact/MayContact ] && continue
        n=$((n + 1))
        call mailer "$method" "$run/nothing" | xxd -r -p | grep -aq 'grpc-status: \(7\|3\)' ||
            { echo "$method"; return 1; }
    done
    exits 5 as mailer query --purpose improve_products 'SELECT COUNT(*) FROM shop.orders' &&
        exits 5 as mailer consent history 1 && exits 5 as mailer datasets &&
        exits 5 as mailer consent contact 1 --channel email --at-most any && [ "$n" -gt 20 ]
}
check 'and a sender may do nothing else' alone
no_login() {
    ! PGPASSWORD=$(cat "$run/mailer.token") psql -w "host=localhost port=$pg_port user=mailer dbname=shop sslmode=require
        options='-c halftone.purpose=improve_products'" -c 'SELECT COUNT(*) FROM orders'
}
check 'nor on the PostgreSQL port' no_login

# ---- what a person sees ----
seen() {
    as subjects consent history 1 >"$run/history"
    grep -q 'email: 2 per month' "$run/history" && grep -q 'mailer: by email, for send_offers' "$run/history"
}
partly() { # what was recorded before the refusal is told
    as subjects consent contact 8 --channel post,fax --at-most any >"$run/partly" 2>&1 && return 1
    grep -q '^ *[0-9][0-9]* *post *any' "$run/partly" && grep -q "no channel 'fax'" "$run/partly"
}
check 'of several channels those that were recorded are told' partly
check 'her history tells what she chose and who was allowed' seen
receipt() {
    as subjects consent receipt 1 >"$run/receipt" && grep -q '"contact_channel":"email"' "$run/receipt" &&
        says 'and holds' as subjects consent verify "$run/receipt" 1 &&
        consents contact 1 --channel email --at-most never &&
        says 'a later decision' as subjects consent verify "$run/receipt" 1
}
check 'a receipt is given for a choice, and is superseded by the next' receipt

# ---- bad input ----
bad() { says "$1" as mailer may-contact "${@:2}"; }
check 'a purpose without contact is told' bad 'nobody is contacted for' 1 --purpose measure_campaigns --channel email
check 'a purpose that is not there is told' bad 'no purpose' 1 --purpose spying --channel email
check 'none is told, too' bad 'no channel is named' 1 --purpose send_offers
check 'a channel that is not there is told' bad "no channel 'fax'" 1 --purpose send_offers --channel fax
check 'a subject that is no key is told' bad 'whole number' me --purpose send_offers --channel email
check 'a frequency that is none is told' says 'how often is not said' \
    as subjects consent contact 1 --channel email --at-most 'now and then'
check 'a choice in the future is refused' says 'in the future' \
    as subjects consent contact 1 --channel email --at-most any --at 2999-01-01

# ---- the log ----
sleep 1.5
leaves() { as auditor audit entries | grep '"kind":"contact"'; }
logged() {
    leaves >"$run/leaves"
    grep -q '"principal":"mailer","dataset":"shop","purpose":"send_offers","detail":"channel email day [0-9]* at most 100"' "$run/leaves" &&
        ! grep -q 'yes\|subject' "$run/leaves"
}
check 'the log tells who asked for what, not whom, nor the answer' logged

# ---- a sender's day ----
flood() {
    local before after
    for i in $(seq 8); do # eight at a time
        for k in $(seq 18); do may $((8000000 + k)) --channel email >/dev/null 2>"$run/flood.$i"; done &
    done
    wait $(jobs -p | grep -v "^$server_pid$")
    # She is known, and he is not: the refusal is about the sender.
    says 'asked 150 times today' may 3 --channel post && says 'asked 150 times today' may 9000001 --channel post &&
        exits 3 may 3 --channel post && sender=second no 9000001 --channel email
}
check 'a sender that goes through a list of names is stopped, known or not' flood
few_leaves() { sleep 1.5; [ "$(leaves | wc -l)" -le "$(($(wc -l <"$run/leaves") + 12))" ]; }
check 'and fills no log' few_leaves
kept() {
    stop_server
    start_server
    says 'asked 150 times today' may 3 --channel post
}
check 'nor does a restart help' kept
no_trace() {
    consents contact 7214809 --channel email --at-most any --source drawer-3f && sender=second no 7214809 --channel email
    stop_server
    ! grep -qa '7214809\|drawer-3f' "$run/server.log" "$run"/consent.db* "$run"/ledger.db*
}
check 'no identifier is in any file' no_trace
exit "$failed"
