# Sourced by scripts that run several servers, after demo/lib.sh: server N has
# $run/config$N.yaml, port ${port[N]} and, while it runs, process ${pid[N]}; the
# folder of their PostgreSQL is $db.
declare -A pid port
run=$(mktemp -d)
data=$run/data
db=ht-$(basename "$0" .sh)-$$
if [ -w /dev/shm ]; then db=/dev/shm/$db; else db=/tmp/$db; fi

start() { # N
    "$bin/halftoned" --config "$run/config$1.yaml" >>"$run/server$1.log" 2>&1 &
    pid[$1]=$!
    local tries=400
    until HALFTONE_TARGET=localhost:${port[$1]} "$bin/halftone" datasets >/dev/null 2>&1; do
        kill -0 "${pid[$1]}" 2>/dev/null || { tail -n 5 "$run/server$1.log"; return 1; }
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || { echo "server $1 does not answer"; return 1; }
        sleep 0.1
    done
}
stop() { kill -TERM "${pid[$1]}" 2>/dev/null; wait "${pid[$1]}" 2>/dev/null; unset "pid[$1]"; }
stop_all() {
    local i
    for i in "${!pid[@]}"; do stop "$i"; done
}
end_all() {
    stop_all
    tests/postgres.sh stop "$db" >/dev/null 2>&1
    rm -rf "$run"
}
trap end_all EXIT
