#!/bin/bash
# A real server that is asked by several clients at once, reloaded, killed and
# started again, for SOAK_SECONDS (10).  After each kill the ledger must balance,
# every key must end in one answer, and nothing may be spent twice; after a
# minute of it memory and open files must be what they were after the first
# round.
set -u
cd "$(dirname "$0")/../.."
. demo/lib.sh
. tests/system/lib.sh
run=$(mktemp -d)
shop=$run/shop
trap 'stop_server; rm -rf "$run"' EXIT
seconds=${SOAK_SECONDS:-10} clients=4

mkdir -p "$shop"
"${MAKE_SHOP:-$bin/make_shop}" demo/shop.sql "$shop" 2000 || die "no shop"
# Answers come at once, and there is budget for weeks of this.
sed 's/^cap:.*/cap: { rho: 50, delta: 1e-8 }/
     $a slots: {first: 0}\nreuse_for: 0' demo/shop.yaml >"$shop/shop.yaml"
write_config "$shop/shop.yaml"
start_server

asked() { # CLIENT ROUND: keys of this round, some again, each answer kept
    local i key
    for i in 1 2 3 4 5 6 7 8; do
        key=r$2c$1q$((i % 6))
        "$bin/halftone" query --purpose improve_products --rho 1e-7 --key "$key" \
            --format csv "SELECT COUNT(*) AS n FROM shop.orders WHERE amount > $1$((i % 6))" \
            </dev/null >"$run/answer.$key.$i" 2>/dev/null || rm "$run/answer.$key.$i"
    done
}
same_answers() { # every answer that one key got
    local key
    for key in $(cd "$run" && ls | sed -n 's/^answer\.\(.*\)\.[0-9]$/\1/p' | sort -u); do
        [ "$(cat "$run/answer.$key".* | sort | uniq -c | awk '!/ n,/ && NF { print $2 }' |
            wc -l)" -eq 1 ] || { echo "two answers for $key"; return 1; }
    done
}
rss_kb() { awk '/^VmRSS/ { print $2 }' "/proc/$server_pid/status"; }
files() { find "/proc/$server_pid/fd" 2>/dev/null | wc -l; }

round=2 kills=0 answers=0
one_round() {
    local c pids=
    for ((c = 1; c <= clients; c++)); do
        asked "$c" "$round" &
        pids="$pids $!"
    done
    case $((round % 4)) in
    1) kill -HUP "$server_pid" ;;
    2 | 3)
        sleep "0.$((RANDOM % 10))"
        kill -9 "$server_pid"
        wait "$server_pid" 2>/dev/null
        kills=$((kills + 1))
        # shellcheck disable=SC2086
        wait $pids
        start_server
        "$bin/halftone" ledger verify "$run/ledger.db" || return 1
        pids=
        for ((c = 1; c <= clients; c++)); do
            asked "$c" "$round" &
            pids="$pids $!"
        done
        ;;
    esac
    # shellcheck disable=SC2086
    wait $pids
    same_answers || return 1
    answers=$((answers + $(cd "$run" && ls | grep -c '^answer')))
    rm -f "$run"/answer.*
}
soak() {
    while [ "$SECONDS" -lt "$seconds" ] || [ "$kills" -lt 2 ]; do
        one_round || return 1
        round=$((round + 1))
    done
    [ "$answers" -gt $((round * clients)) ] ||
        { echo "$kills kills, $answers answers"; return 1; }
    if [ "$seconds" -lt 60 ]; then
        echo "note $round rounds, $kills kills, $answers answers"
        return
    fi
    # A life without kills: it must not grow.
    local rss fds r rounds=$round
    round=100000
    one_round && rss=$(rss_kb) fds=$(files) || return 1
    for r in 1 2 3 4 5; do
        round=$((round + 4))
        one_round || return 1
    done
    echo "note $rounds rounds, $kills kills, $answers answers; memory $rss kB, then $(rss_kb) kB; $fds open files, then $(files)"
    [ "$(files)" -le $((fds + 4)) ] && [ "$(rss_kb)" -le $((rss * 3 / 2)) ]
}
check 'asked, reloaded and killed, nothing is lost, doubled or leaked' soak
"$bin/halftone" ledger verify "$run/ledger.db" >/dev/null || failed=1
exit "$failed"
