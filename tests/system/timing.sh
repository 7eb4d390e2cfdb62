#!/bin/bash
# When answers come, measured at the client of the real server.
#
# Strict mode: a person with two million rows is in the data or not, an answer
# is fresh or stored, its noise is large or small, and somebody else's question
# waits behind; the times of either kind come from one distribution, as far as a
# two-sample test can tell (tests/auditor/probe.c).  On a server that holds
# nothing back the same test says otherwise; how long its answers take sets the
# slot, so that a slow machine does not miss it.
#
# Default mode: slots of 50, 100, 200, ... ms; a stored answer at the slot of
# its first release; a miss at a slot, a refusal at once.
#
# TIMING_N answers of each kind (14), TIMING_ALPHA (1e-4) and a slot of at least
# TIMING_SLOT_MS (200) make it longer.
set -u
cd "$(dirname "$0")/../.."
. demo/lib.sh
. tests/system/lib.sh
build=$BIN
[ -x "$build/tests/auditor/probe" ] || build=$BIN/opt
n=${TIMING_N:-14} slot_ms=${TIMING_SLOT_MS:-200} rows=2000000
alpha=${TIMING_ALPHA:-1e-4}
# In memory where there is some: a slow disk is not what is measured.
run=$(mktemp -d -p "$([ -w /dev/shm ] && echo /dev/shm || echo /tmp)")
trap 'stop_server; rm -rf "$run"' EXIT

dataset() { # NAME ROWS_OF_THE_VICTIM
    mkdir -p "$run/$1" "$run/policies"
    cat >"$run/people.sql" <<SQL
COPY (SELECT i AS person, i % 10 AS n FROM range(1, 201) r(i)
      UNION ALL SELECT 0, i % 10 FROM range($2) r(i)) TO 'visits.parquet' (FORMAT parquet);
-- A join with oneself is long: nine million pairs.
COPY (SELECT 1 AS person, i % 7 AS n FROM range(3000) r(i)) TO 'long.parquet' (FORMAT parquet);
SQL
    "$bin/make_shop" "$run/people.sql" "$run/$1" 1 || die "no people"
    cat >"$run/policies/$1.yaml" <<YAML
dataset: $1
exclusive: true
version: 1
data_version: "1"
cap: {rho: 100, delta: 1e-6}
default_price: {rho: 0.001}
max_people: 1000
max_misses: 100
max_misses_day: 100
slots: {@SLOTS@}
purposes:
  care: {help: To see how many come., basis: legitimate_interest}
tables:
  visits: {from: $run/$1/visits.parquet, key: person, columns: {person: int, n: {type: int, range: [0, 9]}}}
  long: {from: $run/$1/long.parquet, key: person, columns: {person: int, n: {type: int, range: [0, 9]}}}
YAML
}
slots() { # NAME SLOTS: what its policy says of them
    [ -e "$run/$1.yaml" ] || cp "$run/policies/$1.yaml" "$run/$1.yaml"
    sed "s/@SLOTS@/$2/" "$run/$1.yaml" >"$run/policies/$1.yaml"
}
dataset victim $rows
dataset others 0
dataset plain 0
slots victim 'strict: 60 s'
slots others 'strict: 60 s'
slots plain 'first: 50 ms'
write_config "$run/policies"
sed -i '/^tls:/,/^  key:/d; s/^ledger:.*/&\nplaintext: loopback\nworkers: 4/' "$run/config.yaml"
cp "$run/config.yaml" "$run/config"

serve() { # WORKERS PROGRAM: with an empty ledger
    stop_server
    rm -f "$run"/ledger.db*
    sed "s/^workers: .*/workers: $1/" "$run/config" >"$run/config.yaml"
    "$2" --config "$run/config.yaml" >"$run/server.log" 2>&1 &
    server_pid=$!
    local tries=100
    until "$bin/halftone" --plaintext datasets >/dev/null 2>&1; do
        kill -0 "$server_pid" 2>/dev/null || die_with_log "the server stopped"
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || die_with_log "the server does not answer"
        sleep 0.1
    done
}
probe() { "$build/tests/auditor/probe" "$grpc_port" "$HALFTONE_TOKEN" "$1"; }
line() { printf '%s\t%s\t%s\t%s\n' "$@"; }
# Constants that change no answer make each question another release.
count() { line "$1" "$2" "$3" "SELECT COUNT(*) FROM visits WHERE n > -$4"; }
compare() { "$build/tests/auditor/probe" "$1" "$alpha" "$2" "$3" <"$run/took"; }
# Every answer of $run/took took the slot; of a hundred, ten may be misses: some
# other program had the machine.
answered() {
    awk -F'\t' -v least="$slot_ms" '
        $3 < least * 1000 || ($2 != 0 && $2 != 10) { print; bad = 1 }
        $2 == 10 { misses++ }
        END { print misses + 0 " misses of " NR; exit bad || misses > NR / 10 }' "$run/took"
}

# ---- strict mode ----

ask_kinds() { # AT_ONCE N: fresh with and without the victim, stored, with much and little noise
    local i
    for ((i = 1; i <= $2; i++)); do count first victim 0 $((1000 + i)); done | probe "$1" >/dev/null
    for ((i = 1; i <= $2; i++)); do
        count with victim 0 $((2000 + i))
        count without others 0 $((2000 + i))
        count stored victim 0 $((1000 + i))
        count little victim 0.5 $((3000 + i))
        count much victim 1e-6 $((4000 + i))
    done | probe "$1" >"$run/took"
}
# One worker, two at once: each question waits for the one before, the victim's
# or another's.
ask_behind() { # N
    local i
    for ((i = 1; i <= $1; i++)); do
        count ahead victim 0 $((5000 + i))
        count behind_victim others 0 $((6000 + i))
        count ahead others 0 $((5000 + i))
        count behind_others others 0 $((7000 + i))
    done | probe 2 >"$run/took"
}
AUDIT_PLANT=slots
export AUDIT_PLANT
serve 4 "$build/tests/auditor/halftoned"
ask_kinds 1 $((3 * n))
longest=$(sort -t"$(printf '\t')" -k3,3n "$run/took" | awk -F'\t' '{ ms[NR] = $3 / 1000 } END { print int(ms[int(NR * 0.95)]) }')
check 'with slots broken the person shows' compare differ with without
check 'and so does what was stored' compare differ with stored
serve 1 "$build/tests/auditor/halftoned"
ask_behind $((6 * n))
check 'and what was ahead' compare differ behind_victim behind_others
unset AUDIT_PLANT

[ "$slot_ms" -gt $((4 * longest)) ] || slot_ms=$((4 * longest))
echo "note a slot of $slot_ms ms"
slots victim "strict: $slot_ms ms"
slots others "strict: $slot_ms ms"
serve 4 "$bin/halftoned"
ask_kinds 4 "$n"
check 'strict mode: every answer takes the slot' answered
check 'a person with two million rows or without: the same times' compare same with without
check 'fresh or stored: the same times' compare same with stored
check 'little or much noise: the same times' compare same little much
serve 1 "$bin/halftoned"
ask_behind "$n"
check 'one worker: a bystander waits for two slots, or his own' answered
check 'who waits behind cannot tell what was ahead' compare same behind_victim behind_others

# ---- default mode ----

# Of the answers LABEL: all came at or after a slot, most of them right then (the
# median within a quarter of it), and none before the first.
at_slots() {
    awk -F'\t' -v label="$1" -v status="$2" '
        $1 != label { next }
        { total++; ms = $3 / 1000 }
        $2 != status || ms < 50 { print; bad = 1; next }
        { for (slot = 50; 2 * slot <= ms; slot *= 2) continue
          late[total] = (ms - slot) / slot }
        END {
            n = asort_late(total)
            print "note " label ": " total " answers, median " int(100 * late[int((total + 1) / 2)]) " % of a slot late"
            exit bad || total == 0 || late[int((total + 1) / 2)] > 0.25
        }
        function asort_late(n, i, j, t) {
            for (i = 2; i <= n; i++)
                for (j = i; j > 1 && late[j - 1] > late[j]; j--) { t = late[j]; late[j] = late[j - 1]; late[j - 1] = t }
            return n
        }' "$run/took"
}
long() { line "$1" plain 0 "SELECT COUNT(*) FROM long a JOIN long b ON a.person = b.person WHERE a.n * b.n > -$2"; }
serve 4 "$bin/halftoned"
for i in 1 2 3 4 5 6 7 8; do
    count light plain 0 $i
    count stored plain 0 $i
    long heavy $i
    long again $i
    line refused plain 0 'SELECT max(n) FROM visits'
done | probe 1 >"$run/took"
check 'default mode: light answers come at slots' at_slots light 0
check 'so do stored ones' at_slots stored 0
check 'and heavy ones' at_slots heavy 0
# Pair by pair: the stored answer at the slot of the first release, though it
# takes no time; of most, since a busy machine may be late with either.
as_first() {
    awk -F'\t' '
        $1 == "heavy" { for (slot = 50; 2 * slot <= $3 / 1000; slot *= 2) continue }
        $1 == "again" {
            n++; print slot " ms, then " $3 / 1000 " ms"
            if ($3 / 1000 < slot || $3 / 1000 >= 2 * slot) late++
            if (slot > 50) slow++
        }
        END { exit n == 0 || late > n / 4 || slow == 0 }' "$run/took"
}
check 'a stored answer comes at the slot of its first release' as_first
at_once() { awk -F'\t' '$1 == "refused" { n++; if ($2 == 9 && $3 < 50000) quick++; if ($2 != 9) bad = 1 } END { print quick " of " n; exit bad || quick < 1 }' "$run/took"; }
check 'a refusal need not wait: it tells plan, policy and ledger alone' at_once
rm "$run/plain/visits.parquet"
for i in 1 2 3 4 5 6 7 8; do count missed plain 0 $((100 + i)); done | probe 1 >"$run/took"
check 'a miss comes at a slot' at_slots missed 10
exit "$failed"
