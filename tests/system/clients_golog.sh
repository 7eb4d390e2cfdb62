#!/bin/bash
# Not in make test: see make test-clients.
# The audit log under verifiers that others wrote: Go's sumdb note and tlog, and
# transparency-dev's merkle and formats (tests/system/clients/golog).
set -u
. "$(dirname "$0")/lib_clients.sh"
golog=$PWD/build/tools/golog
command -v go >/dev/null || skip "golog: no Go on this machine"
mkdir -p build/tools
(cd tests/system/clients/golog && GOTOOLCHAIN=local GOFLAGS=-mod=readonly timeout 400 go build -o "$golog" .) \
    >"$run/go" 2>&1 || { tail -3 "$run/go"; skip "golog: does not build with $(go version)"; }
start_shop
key=$(curl -sS --http2 --cacert "$HALFTONE_CA" "https://$HALFTONE_TARGET/audit/key")
look() { "$golog" "https://$HALFTONE_TARGET" "$key" "$run/seen"; }
grow() { # N charges
    for i in $(seq "$1"); do
        "$bin/halftone" query "SELECT COUNT(*) FROM shop.orders WHERE amount > $i.$1" >/dev/null 2>&1
    done
    sleep 1.1
}
grow 3
check 'a small log passes' look
stop_server
cp "$run/ledger.db" "$run/old.db"
start_server
grow 100
check 'and so does it when it has grown' says 'consistent with the one before' look
grow 160
check 'past its first tile, too' says 'consistent with the one before' look
# What a witness of ours signed, under others' eyes.
port=$(free_port $((${PORT_FROM:-7443} + 57)))
"$bin/halftone" audit witness "$run/witness" --listen "127.0.0.1:$port" --log-key "$key" \
    --name witness.example/w1 >"$run/witness.log" 2>&1 &
witness_pid=$!
trap 'stop_server; kill "$witness_pid"; rm -rf "$run"' EXIT
sleep 1
witness=$(head -n 1 "$run/witness.log")
stop_server
sed -i "s|^ledger:.*|&\naudit: {witness_url: 'http://127.0.0.1:$port', witness_key: '$witness'}|" "$run/config.yaml"
start_server
cosigned() { "$golog" "https://$HALFTONE_TARGET" "$key" "$run/seen" "$witness"; }
check 'the cosignature of a witness, too' says 'the log and its witness signed' cosigned
# The ledger of before, under the same key.
stop_server
rm -f "$run"/ledger.db*[lm] && cp "$run/old.db" "$run/ledger.db"
refused() { ! timeout 20 "$bin/halftoned" --config "$run/config.yaml" >"$run/said" 2>&1 && cat "$run/said" && grep -q 'witness has seen more' "$run/said"; }
check 'a snapshot that was put back refuses to start' refused
sed -i '/^audit:/d' "$run/config.yaml"
start_server
found_out() { ! look >"$run/said" 2>&1 && cat "$run/said" && grep -q 'invalid inputs in ProveTree' "$run/said"; }
check 'and without its witness others find it out' found_out
exit $failed
