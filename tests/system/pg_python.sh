#!/bin/bash
# Not in make test: see make test-clients.
# Python's clients on the PostgreSQL port: psycopg2, psycopg, asyncpg, pg8000 and
# SQLAlchemy, pinned with hashes.
set -u
. "$(dirname "$0")/lib_clients.sh"
clients=$PWD/tests/system/clients/pg
venv=build/pg_python
stamp=$(cksum <"$clients/requirements.txt")
if [ "$(cat $venv/made 2>/dev/null)" != "$stamp" ]; then
    command -v python3 >/dev/null && python3 -c 'import ensurepip' 2>/dev/null ||
        tools/need.sh python3 python3-venv || skip "psycopg: no Python on this machine"
    rm -rf $venv
    python3 -m venv $venv && timeout 200 $venv/bin/python -m pip install -q \
        --disable-pip-version-check --only-binary :all: --require-hashes \
        -r "$clients/requirements.txt" 2>"$run/pip" ||
        { tail -n 2 "$run/pip"; skip "psycopg: cannot be had for $(python3 --version)"; }
    echo "$stamp" >$venv/made
fi
start_shop
PGPORT=$pg_port PGPASSWORD=$HALFTONE_TOKEN PGSSLROOTCERT=$HALFTONE_CA \
    $venv/bin/python "$clients/ask.py" psycopg2 psycopg asyncpg pg8000 sqlalchemy
