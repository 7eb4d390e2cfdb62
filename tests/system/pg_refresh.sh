#!/bin/bash
# A dashboard that is left open: what Superset sends of it every 30 seconds, the
# statements of its session and one for each chart, whose "last 30 days" are
# literals that move with the clock.  A hundred times, each over a connection of
# its own: charged is the first.
. "$(dirname "$0")/lib_clients.sh"
command -v psql >/dev/null || tools/need.sh postgresql-client-15 2>/dev/null ||
    skip "psql: no PostgreSQL client on this machine"
TIMES=${TIMES:-100}
mkdir -p "$run/clinic"
"${MAKE_SHOP:-$bin/make_shop}" tests/system/captured/clinic.sql "$run/clinic" 100 || die 'no clinic'
{
    cat tests/system/captured/clinic.yaml
    echo 'slots: {first: 1 ms}' # thousands of answers are waited for
} >"$run/clinic/clinic.yaml"
write_config "$run/clinic/clinic.yaml"
start_server
export PGPASSWORD=$HALFTONE_TOKEN PGCONNECT_TIMEOUT=10
unset PGOPTIONS PGUSER PGDATABASE PGHOST PGPORT
dsn="host=localhost port=$pg_port user=analyst dbname=clinic sslmode=verify-full sslrootcert=$HALFTONE_CA"
sql() { psql -XAtq -v ON_ERROR_STOP=1 "$dsn options='-c halftone.purpose=improve_products'" "$@"; }
spent() { "$bin/halftone" budget clinic --format json | sed 's/.*"spent_rho":\([^,]*\).*/\1/'; }
charges() { sql -c 'SELECT query_id FROM halftone.charges' | sort -u | wc -l; }

# As Superset renders a relative range at a time: seconds count, and fractions.
at() { # SECONDS SHIFT
    date -u -d "@$(($1 + $2))" "+%Y-%m-%d %H:%M:%S.$(printf %06d $(($1 * 7919 % 1000000)))"
}
render() { # SECONDS: since epoch
    sed "s/@SINCE@/$(at "$1" -2592000)/g; s/@UNTIL@/$(at "$1" 0)/g
        s/@DAY@/$(date -u -d "@$(($1 - 2592000))" +%Y-%m-%d)/g" tests/system/captured/dashboard.sql
}
refresh() { # SECONDS NAME: answers and notices in files of that name
    render "$1" | sql >"$run/$2.shown" 2>"$run/$2.told"
}

noon=$(date -u -d '2023-02-15 11:00:07' +%s)
check 'a dashboard is shown' refresh "$noon" first
once=$(spent)
rows=$(charges)
charged=$(grep -c '^NOTICE:  charged' "$run/first.told")
check 'each of its charts that is new is charged' [ "$charged" -ge 10 ]

# Several at a time: a stored answer waits for its slot.
left_open() {
    local i pids=()
    for ((i = 1; i < TIMES; i++)); do
        refresh $((noon + 30 * i)) "$i" &
        pids+=($!)
        [ $((i % 9)) -ne 0 ] || { wait "${pids[@]}"; pids=(); }
    done
    [ ${#pids[@]} -eq 0 ] || wait "${pids[@]}"
    for ((i = 1; i < TIMES; i++)); do
        diff "$run/first.shown" "$run/$i.shown" || { grep -v ^NOTICE "$run/$i.told"; return 1; }
        ! grep '^NOTICE:  charged' "$run/$i.told" || return 1
    done
}
check "it is shown $((TIMES - 1)) times more, every 30 s, and says the same" left_open
check 'which charges nothing: what is spent is what the first time spent' [ "$(spent)" = "$once" ]
check 'and there are no more charges' [ "$(charges)" = "$rows" ]
echo "note $TIMES refreshes of $(grep -c ^SELECT tests/system/captured/dashboard.sql) charts: $rows charges, rho $once"

# The day after, new days are new questions.
check 'on the next day it is another dashboard' refresh $((noon + 86400)) tomorrow
check 'which is charged again' [ "$(charges)" -gt "$rows" ]
exit $failed
