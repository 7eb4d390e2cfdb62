#!/bin/bash
# Three servers over one ledger in PostgreSQL: budget for ten questions is ten
# answers, whoever asks whom; servers and the database are killed under load and
# nothing that was told is lost; the ledger moves to a file and back.
# SERVERS_ROUNDS says how often they are killed (2).
set -u
cd "$(dirname "$0")/../.."
. demo/lib.sh
. tests/system/lib.sh
. tests/system/lib_servers.sh

mkdir -p "$data"
cat >"$run/people.sql" <<'SQL'
COPY (SELECT i AS person, i % 1000 AS n FROM range(1, 2001) r(i)) TO 'ten.parquet' (FORMAT parquet);
COPY (SELECT i AS person, i % 1000 AS n FROM range(1, 2001) r(i)) TO 'many.parquet' (FORMAT parquet);
SQL
"$bin/make_shop" "$run/people.sql" "$data" 1 || die "no people"
policy() { # NAME CAP
    cat >"$run/$1.yaml" <<YAML
dataset: $1
exclusive: true
version: 1
data_version: "1"
cap: {rho: $2, delta: 1e-6}
max_price: {rho: 0.001}
default_price: {rho: 0.001}
max_people: 10000
purposes:
  care: {help: To see how many come., basis: legitimate_interest}
tables:
  visits: {from: $data/$1.parquet, key: person, columns: {person: int, n: {type: int, range: [0, 1000]}}}
YAML
}
policy ten 0.0105
policy many 5
mkdir "$run/policies"
mv "$run/ten.yaml" "$run/many.yaml" "$run/policies"
write_config "$run/policies"
uri=$(tests/postgres.sh start "$db" $$) || die "no PostgreSQL"
uri="$uri&options=-c%20halftone.turn%3D2s" # so long one waits for another's turn
base=$grpc_port
for i in 1 2 3; do
    port[$i]=$(free_port $((base + 200 + 10 * i)))
    sed "s|^listen:.*|listen: 127.0.0.1:${port[$i]}|; /^metrics:/d; /^postgres:/d; /^consent:/d
         s|^ledger:.*|ledger: \"${uri//&/\\&}\"|" "$run/config.yaml" >"$run/config$i.yaml"
    printf 'metrics: off\nanswer_keys: answer-keys\naudit: {key: audit-key}\n' >>"$run/config$i.yaml"
done

ask() { # SERVER DATASET KEY N
    HALFTONE_TARGET=localhost:${port[$1]} "$bin/halftone" query --purpose care --rho 0.001 \
        --key "$3" --format json --timeout 100s "SELECT COUNT(*) FROM $2.visits WHERE n > $4" </dev/null
}
count_of() { sed -n 's/.*"rows":\(\[\[[^]]*\]\]\).*/\1/p' "$1"; }

unnamed() {
    sed '/^answer_keys/d; /^audit/d' "$run/config1.yaml" >"$run/bad.yaml"
    ! "$bin/halftoned" --config "$run/bad.yaml" --check >"$run/said" 2>&1
    cat "$run/said"
    grep -q "needs 'audit.key'" "$run/said"
}
check 'servers that share a ledger must be told where its keys are' unnamed
check 'the first server makes the tables' start 1
check 'the second starts beside it' start 2
check 'and the third' start 3

ten() {
    local i jobs=()
    for i in $(seq 64); do
        { ask $((i % 3 + 1)) ten "t$i" "$i" >"$run/ten$i" 2>"$run/why$i"; echo $? >"$run/rc$i"; } &
        jobs+=($!)
    done
    wait "${jobs[@]}"
    sort "$run"/rc* | uniq -c
    [ "$(cat "$run"/rc* | grep -c '^0$')" -eq 10 ] && [ "$(cat "$run"/rc* | grep -c '^4$')" -eq 54 ]
}
check '64 clients of three servers, budget for ten: ten answers' ten
elsewhere() { # what one server answered, each other one repeats
    local i s
    for i in $(grep -lx 0 "$run"/rc* | sed 's/.*rc//' | head -n 4); do
        for s in 1 2 3; do
            ask "$s" ten "t$i" "$i" >"$run/again" || return 1
            [ "$(count_of "$run/again")" = "$(count_of "$run/ten$i")" ] || return 1
        done
    done
}
check 'every server repeats what another one answered' elsewhere
budgets() {
    local s
    for s in 1 2 3; do
        HALFTONE_TARGET=localhost:${port[$s]} HALFTONE_TOKEN=$(cat "$run/steward.token") \
            "$bin/halftone" budget ten --format json | sed 's/.*"spent_rho":\([^,}]*\).*/\1/'
    done | sort -u | tee /dev/stderr | wc -l | grep -q '^1$'
}
check 'and tells the same budget' budgets
check 'the ledger holds together while they run' "$bin/halftone" ledger verify "$uri"
page() { curl -sS --max-time 10 --http2 --cacert "$HALFTONE_CA" "https://localhost:${port[$1]}/audit/$2"; }
one_log() {
    [ "$(page 1 key)" = "$(page 3 key)" ] &&
        "$bin/halftone" audit witness --log-key "$(page 1 key)" "$run/seen" --target "localhost:${port[1]}" &&
        "$bin/halftone" audit witness --log-key "$(page 1 key)" "$run/seen" --target "localhost:${port[3]}"
}
check 'their audit log is one: what one shows another continues' one_log

# ---- kills ----

rounds=${SERVERS_ROUNDS:-2}

client() { # N: asks one server after another, keeps what it was told
    local k=0
    while [ ! -e "$run/over" ] && [ "$k" -lt $((6 * rounds)) ]; do
        ask $(((k + $1) % 3 + 1)) many "c$1-$k" $(($1 * 100 + k)) >"$run/got$1" 2>/dev/null &&
            mv "$run/got$1" "$run/told-$1-$k"
        k=$((k + 1))
    done
}
under_load() {
    local jobs=() i round
    for i in 0 1 2 3; do
        client "$i" &
        jobs+=($!)
    done
    for round in $(seq "$rounds"); do
        sleep 1
        i=$((round % 3 + 1))
        kill -9 "${pid[$i]}"
        wait "${pid[$i]}" 2>/dev/null
        start "$i" || return 1
        sleep 0.5
        tests/postgres.sh kill "$db"
        sleep 0.3
        tests/postgres.sh again "$db"
    done
    sleep 1
    touch "$run/over"
    wait "${jobs[@]}"
    ls "$run"/told-* | wc -l
    [ "$(ls "$run"/told-* | wc -l)" -ge 8 ]
}
check 'servers and the database are killed while clients ask' under_load
alive() { for i in 1 2 3; do kill -0 "${pid[$i]}" || return 1; done; }
check 'a server outlives its database' alive
kept() { # whoever was told an answer is told it again
    local f k c s=1 servers=${1:-3}
    for f in "$run"/told-*; do
        k=${f##*told-} c=${k%-*} k=${k#*-}
        ask $s many "c$c-$k" $((c * 100 + k)) >"$run/again" || { echo "$f is lost"; return 1; }
        [ "$(count_of "$run/again")" = "$(count_of "$f")" ] || { echo "$f changed"; return 1; }
        s=$((s % servers + 1))
    done
}
kept_by_one() { kept 1; }
check 'whatever was told is told again, by any of them' kept
check 'the ledger holds together' "$bin/halftone" ledger verify "$uri"
restored() { "$bin/halftone" ledger export "$uri" >"$run/charges.csv" && [ "$(wc -l <"$run/charges.csv")" -gt 18 ]; }
check 'its charges are exported' restored

# ---- hangs ----

waiting() { # N: so many transactions wait for their turn
    local tries=50
    until [ "$(psql -qAtX "$uri" -c "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'
            AND objid = 1215581287 AND NOT granted")" -ge "$1" ]; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || { echo "they do not wait"; return 1; }
        sleep 0.02
    done
}
hangs() { # ROUND SECONDS: server 1 is stopped, and then gets its turn
    local holder i jobs=() start
    psql -qAtX "$uri" -c "BEGIN; SELECT pg_advisory_xact_lock(1215581287); SELECT pg_sleep(1.5); COMMIT" >/dev/null &
    holder=$!
    waiting 0
    sleep 0.2
    for i in 1 2 3; do
        ask $i many "h$1-$i" $((1000 + 10 * $1 + i)) >"$run/hung$i" 2>"$run/why$i" &
        jobs[$i]=$!
    done
    waiting 3 || return 1
    kill -STOP "${pid[1]}"
    wait "$holder"
    start=$SECONDS
    wait "${jobs[2]}" "${jobs[3]}" || { cat "$run/why2" "$run/why3"; return 1; }
    ask 2 many "h$1-1" $((1000 + 10 * $1 + 1)) >"$run/told-h$1-1" || return 1
    sleep "$2"
    echo "they went on after $((SECONDS - start)) s"
    kill -CONT "${pid[1]}"
    [ $((SECONDS - start)) -le $((55 + $2)) ] || return 1
    wait "${jobs[1]}" || { cat "$run/why1"; return 1; }
    [ "$(count_of "$run/hung1")" = "$(count_of "$run/told-h$1-1")" ] || { cat "$run/hung1" "$run/told-h$1-1"; return 1; }
    rm "$run/told-h$1-1"
}
check 'a server is stopped when it has its turn: the others go on, it wakes and repeats what they told' hangs 1 0
[ "$rounds" -gt 2 ] && check 'and again, until they take it for dead' hangs 2 17
check 'a server outlives the loss of its turn' alive
check 'the ledger holds together' "$bin/halftone" ledger verify "$uri"

# ---- moving ----

moving() { exits 6 "$bin/halftone" ledger migrate "$uri" "$run/ledger.db"; }
check 'a ledger in use is not moved' moving
stop_all
moved() { # servers that were killed are waited for: 15 s after their last word
    for _ in $(seq 25); do
        "$bin/halftone" ledger migrate "$uri" "$run/ledger.db" >"$run/moving" 2>&1 && return
        cat "$run/moving"
        grep -q 'a server runs' "$run/moving" || return 1
        sleep 1
    done
    return 1
}
check 'it is moved into a file' moved
stays() { ! start 2 && tail -n 3 "$run/server2.log" | grep -q 'was moved'; }
check 'no server starts on what was left' stays
sed -i 's|^ledger:.*|ledger: ledger.db|' "$run/config1.yaml"
check 'a server goes on with the file' start 1
check 'and repeats what was told' kept_by_one
check 'its log goes on' "$bin/halftone" audit witness --log-key "$(page 1 key)" "$run/seen" --target "localhost:${port[1]}"
stop 1
exit "$failed"
