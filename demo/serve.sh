#!/bin/bash
# Leaves the demo server running in the foreground and says how to connect.
# Its budget is durable: what is spent stays spent until build/demo/serve is
# removed.
set -u
cd "$(dirname "$0")/.."
. demo/lib.sh
run=build/demo/serve
trap stop_server EXIT
trap 'exit 0' INT TERM

use_policy
write_config "$policy"
start_server
[ -n "${POLICY:-}" ] || import_consents
look_around
# Of the shop alone: another policy may ask no register.
people=
[ -n "${POLICY:-}" ] || people="As the service that speaks for people:

    export HALFTONE_TOKEN=\$(cat $PWD/$run/subjects.token)
    $bin/halftone consent withdraw 4711 --purpose measure_campaigns
    $bin/halftone consent record 4711 --purpose send_offers
    $bin/halftone consent contact 4711 --channel email --at-most '1 per month'

As who writes to people, and asks first (the second time it is too often):

    export HALFTONE_TOKEN=\$(cat $PWD/$run/mailer.token)
    $bin/halftone may-contact 4711 --purpose send_offers --channel email

"
cat <<TEXT
halftoned is running (pid $server_pid).  In another terminal:

    cd $PWD
    export HALFTONE_TARGET=$HALFTONE_TARGET
    export HALFTONE_CA=$HALFTONE_CA
    export HALFTONE_TOKEN=\$(cat $PWD/$run/analyst.token)
    export HALFTONE_PURPOSE=$HALFTONE_PURPOSE
    $bin/halftone describe
    $bin/halftone query 'SELECT ${group:+$group, }COUNT(DISTINCT $group_key) FROM $group_table${group:+ GROUP BY $group}'

With psql, the token being the password:

    PGPASSWORD=\$HALFTONE_TOKEN psql "host=localhost port=$pg_port user=analyst dbname=$dataset sslmode=verify-full sslrootcert=$HALFTONE_CA options='-c halftone.purpose=$HALFTONE_PURPOSE'"

As the steward, for misses and other people's charges:

    export HALFTONE_TOKEN=\$(cat $PWD/$run/steward.token)
    $bin/halftone misses show

As the auditor, for the log of all that was charged (docs/audit.md):

    export HALFTONE_TOKEN=\$(cat $PWD/$run/auditor.token)
    $bin/halftone audit entries

${people}Log: $run/server.log   Metrics: http://127.0.0.1:$metrics_port/metrics
Ctrl-C stops it.
TEXT
wait "$server_pid"
