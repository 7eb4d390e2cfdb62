#!/bin/bash
# Hostile clients of the PostgreSQL port (pg_attack.c) against the real server:
# each connection ends as its row says, others are answered meanwhile, and memory
# does not grow.
. "$(dirname "$0")/lib_clients.sh"
command -v psql >/dev/null || tools/need.sh postgresql-client-15 2>/dev/null ||
    skip "psql: no PostgreSQL client on this machine"
attack=$BIN/tests/system/pg_attack
[ "$BIN" = build ] && attack=build/opt/tests/system/pg_attack
[ -x "$attack" ] || die "no $attack"
mkdir -p "$run/shop"
"${MAKE_SHOP:-$bin/make_shop}" demo/shop.sql "$run/shop" 100 || die 'no shop'
cp demo/shop.yaml "$run/shop/shop.yaml"
write_config "$run/shop/shop.yaml"
sed -i '/^tls:/,/^  key:/d' "$run/config.yaml"
cat >>"$run/config.yaml" <<'END'
plaintext: loopback
limits: {connections: 200, idle: 2 s, postgres_idle: 3 s, stall: 2 s}
END
"$bin/halftoned" --config "$run/config.yaml" >"$run/server.log" 2>&1 &
server_pid=$!
unset PGOPTIONS PGUSER PGDATABASE PGHOST PGPORT
export PGPASSWORD=$HALFTONE_TOKEN PGCONNECT_TIMEOUT=10
lives() { timeout 10 psql -XAtq "host=127.0.0.1 port=$pg_port user=analyst dbname=shop sslmode=disable" -c 'SELECT 1' | grep -qx 1; }
for _ in $(seq 100); do lives 2>/dev/null && break; sleep 0.1; done
check 'the server answers' lives
memory_kb() { awk '/^VmRSS/ { print $2 }' "/proc/$server_pid/status"; }
before=$(memory_kb)

ends() { # ATTACK OUTCOME: and a client that means well is answered right after
    local out
    out=$("$attack" "$pg_port" analyst "$HALFTONE_TOKEN" "$1") || return 1
    echo "$out"
    [[ $out == $2 ]] && lives
}
# What ends by a timer, all at once and while the floods go on.
slow='silence half-startup slow-startup without-sync'
pids=
for name in $slow; do
    "$attack" "$pg_port" analyst "$HALFTONE_TOKEN" $name >"$run/$name" &
    pids+=" $!"
done
check 'SSLRequest, again and again' ends ssl-twice '*closed'
check 'a startup packet of 2 GiB' ends giant-startup '08P01 closed'
check 'a protocol that is none' ends old-version '*closed'
check 'HTTP' ends http '08P01 closed'
check 'a password of 2 GiB' ends giant-password '54000 closed'
check '3,000 requests to cancel, with a wrong key' ends wrong-cancel closed
check 'a message of 2 GiB' ends giant-message '54000 closed'
check 'a message of no type' ends unknown-message '08P01 closed'
check '3,000 prepared statements' ends statements '54000 ready'
check '3,000 portals' ends portals '54000 ready'
check '300 cursors' ends cursors '* ready'
check 'a million flushes' ends flushes ready
check '65,535 types of parameters' ends many-types '54000 closed'
check '65,535 values' ends many-values '54000 closed'
check 'a count of more than there is' ends counts-that-lie '08P01 *'
check '12 KB of SELECT 1+1+...' ends pluses '54001 ready'
check '8,000 NOTs' ends nots '54001 ready'
check '32,000 UNIONs' ends unions '54000 closed'
check '30,000 brackets' ends brackets '* ready'
check 'a statement about the catalog that takes all memory' ends catalog-memory '54000 ready'
# shellcheck disable=SC2086
wait $pids
for name in $slow; do
    check "$name ends" grep 'closed$' "$run/$name"
done
check 'the server answers still' lives
after=$(memory_kb)
bounded() { echo "$before kB before, $after kB after"; [ $((after - before)) -lt 200000 ]; }
check 'memory does not grow' bounded
exit $failed
