#!/bin/bash
# Strict mode on the real server: nothing leaves before its slot, fresh, stored
# or missed, and a worker is held until then, so that who queues behind a query
# learns only that there was one.  Bounds below alone: a busy machine is late.
set -u
cd "$(dirname "$0")/../.."
. demo/lib.sh
. tests/system/lib.sh
run=$(mktemp -d)
shop=$run/shop
trap 'stop_server; rm -rf "$run"' EXIT
slot_ms=400

ask() { "$bin/halftone" query --purpose improve_products "$@" </dev/null; }
now_ms() { echo $(($(date +%s%N) / 1000000)); }

# takes LEAST_MS COMMAND...: it ends well and not before.
takes() {
    local least=$1 start
    shift
    start=$(now_ms)
    "$@" >"$run/out" 2>&1 || { cat "$run/out"; return 1; }
    local took=$(($(now_ms) - start))
    echo "took $took ms"
    [ "$took" -ge "$least" ]
}

mkdir -p "$shop"
"${MAKE_SHOP:-$bin/make_shop}" demo/shop.sql "$shop" 2000 || die "no shop"
{
    cat demo/shop.yaml
    echo "slots: {strict: $slot_ms ms}"
} >"$shop/shop.yaml"
write_config "$shop/shop.yaml"
echo 'workers: 1' >>"$run/config.yaml"
start_server

light='SELECT COUNT(*) FROM shop.customers'
heavy='SELECT category, COUNT(*) FROM shop.orders GROUP BY category'
check 'a light question takes the slot' takes $slot_ms ask "$light"
check 'a heavier one does' takes $slot_ms ask "$heavy"
check 'a stored answer does' takes $slot_ms ask "$light"
check 'a refusal does not wait' exits 3 ask 'SELECT max(amount) FROM shop.orders'

# One worker: three questions at once are done after three slots, whatever they are.
together() {
    local pids=() q
    for q in "$light WHERE country = 'DE'" "$light" "$heavy"; do
        ask "$q" >"$run/out.${#pids[@]}" 2>&1 &
        pids+=($!)
    done
    local pid rc=0
    for pid in "${pids[@]}"; do wait "$pid" || rc=1; done
    return $rc
}
check 'questions queue by their number alone' takes $((3 * slot_ms)) together
exit "$failed"
