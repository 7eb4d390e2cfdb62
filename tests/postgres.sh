#!/bin/bash
# A PostgreSQL of a test's own, in a folder in memory, reached by its socket.
#   postgres.sh start FOLDER PID [OPTION...]  make it, start it, print its URI; it
#                                          ends with that process
#   postgres.sh again FOLDER               start it once more
#   postgres.sh kill FOLDER                kill -9, all of it
#   postgres.sh stop FOLDER                end it and remove the folder
set -eu
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -1)
[ -n "$bin" ] || { echo "needs PostgreSQL: apt-get install postgresql" >&2; exit 1; }
as() { if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }
dir=$2
run() {
    as "$bin/pg_ctl" -D "$dir/db" -w -t 60 -l "$dir/log" start >/dev/null 8>&- 9>&- || {
        cat "$dir/log" >&2; exit 1; }
}
case $1 in
start)
    owner=$3
    shift 3
    mkdir -p "$dir"
    [ "$(id -u)" = 0 ] && chown postgres "$dir"
    as "$bin/initdb" -D "$dir/db" -E UTF8 --locale=C.UTF-8 -A trust -U postgres \
        --no-sync >/dev/null
    { echo "unix_socket_directories = '$dir'"
      echo "listen_addresses = ''"
      echo "timezone = 'UTC'"
      echo "max_connections = 40"
      for option in "$@"; do echo "$option"; done; } |
        as tee -a "$dir/db/postgresql.conf" >/dev/null
    run
    # Out of the group that timeout(1) kills.
    setsid "$0" watch "$dir" "$owner" >/dev/null 2>&1 </dev/null 8>&- 9>&- &
    echo "postgresql:///postgres?host=$dir&user=postgres"
    ;;
watch)
    while kill -0 "$3" 2>/dev/null && [ -d "$dir" ]; do sleep 1; done
    "$0" stop "$dir"
    ;;
again) run ;;
kill)
    kids=$(ps -o pid= --ppid "$(head -1 "$dir/db/postmaster.pid")")
    # shellcheck disable=SC2086
    kill -9 "$(head -1 "$dir/db/postmaster.pid")" $kids 2>/dev/null || true
    sleep 0.1
    rm -f "$dir/db/postmaster.pid" "$dir"/.s.PGSQL.*.lock # who is its parent may not have buried it yet
    ;;
stop)
    as "$bin/pg_ctl" -D "$dir/db" -m immediate stop >/dev/null 2>&1 || true
    rm -rf "$dir"
    ;;
esac
