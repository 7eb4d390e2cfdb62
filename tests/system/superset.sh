#!/bin/bash
# Not in make test: see make test-superset.
# Apache Superset, installed by pip under build/ with hashes checked, against a
# live server on the demo shop: what tests/superset/drive.py does through its
# REST API.  With SCREENSHOT=FILE, a picture of the dashboard by headless Chromium;
# REFRESHES=3 for a short run.
set -u
. "$(dirname "$0")/lib_clients.sh"
tests=$PWD/tests/superset
venv=$PWD/build/superset/venv
stamp=$(cksum <"$tests/requirements.txt")
if [ "$(cat "$venv/made" 2>/dev/null)" != "$stamp" ]; then
    command -v python3 >/dev/null && python3 -c 'import ensurepip' 2>/dev/null ||
        tools/need.sh python3 python3-venv || skip "Superset: no Python on this machine"
    rm -rf "$venv"
    mkdir -p build/superset
    python3 -m venv "$venv" && timeout 900 "$venv/bin/python" -m pip install -q \
        --disable-pip-version-check --no-deps --require-hashes \
        -r "$tests/requirements.txt" 2>"$run/pip" ||
        { tail -n 2 "$run/pip"; skip "Superset: cannot be had for $(python3 --version)"; }
    echo "$stamp" >"$venv/made"
fi

SHOP_PEOPLE=${SHOP_PEOPLE:-100000} start_shop

export SUPERSET_HOME=$run/superset SUPERSET_CONFIG_PATH=$tests/superset_config.py
export FLASK_APP='superset.app:create_app()' PYTHONWARNINGS=ignore PYTHONDONTWRITEBYTECODE=1
mkdir -p "$SUPERSET_HOME"
superset_pid=
stop_superset() {
    [ -n "$superset_pid" ] && kill "$superset_pid" 2>/dev/null && wait "$superset_pid" 2>/dev/null
}
trap 'stop_superset; stop_server; rm -rf "$run"' EXIT
# Its own tables take a minute to make: once per set of packages.
if [ "$(cat build/superset/empty.made 2>/dev/null)" != "$stamp" ]; then
    {
        "$venv/bin/superset" db upgrade &&
            "$venv/bin/superset" fab create-admin --username admin --firstname A --lastname B \
                --email a@shop.example --password admin &&
            "$venv/bin/superset" init
    } >"$run/superset.log" 2>&1 || { tail -n 20 "$run/superset.log"; die 'Superset cannot be set up'; }
    cp "$SUPERSET_HOME/superset.db" build/superset/empty.db
    echo "$stamp" >build/superset/empty.made
fi
cp build/superset/empty.db "$SUPERSET_HOME/superset.db"
port=$(free_port 8088)
"$venv/bin/superset" run -h 127.0.0.1 -p "$port" --with-threads >>"$run/superset.log" 2>&1 &
superset_pid=$!
export SUPERSET=http://127.0.0.1:$port
for _ in $(seq 120); do
    curl -fs "$SUPERSET/health" >/dev/null && break
    kill -0 "$superset_pid" 2>/dev/null || { tail -n 20 "$run/superset.log"; die 'Superset stopped'; }
    sleep 1
done
PGPORT=$pg_port PGPASSWORD=$HALFTONE_TOKEN PGSSLROOTCERT=$HALFTONE_CA \
    "$venv/bin/python" "$tests/drive.py"
rc=$?
# Pages as a browser draws them: each chart drew something, none an error.
tools/need.sh chromium >/dev/null 2>&1
look() { # PAGE FLAG: with it, at the page
    timeout 300 chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
        --disable-background-networking --disable-component-update --disable-sync \
        --user-data-dir="$run/chromium" --hide-scrollbars --window-size=1600,1910 \
        --virtual-time-budget=120000 "$2" "$SUPERSET/$1" 2>"$run/chromium.log"
}
dashboard=superset/dashboard/halftone/?standalone=1
draws() { # CANVASES PAGE
    look "$2" --dump-dom >build/superset/page.html
    [ "$(grep -o '<canvas' build/superset/page.html | wc -l)" -ge "$1" ] &&
        ! grep -oE 'Data error|Unexpected error|error occurred|No results' build/superset/page.html
}
apart=$(curl -s -g "$SUPERSET/api/v1/chart/?q=(filters:!((col:slice_name,opr:eq,value:Waterfall)))" |
    sed -n 's/.*"ids":\[\([0-9]*\)\].*/\1/p')
if command -v chromium >/dev/null; then
    check 'the dashboard draws its charts, and no error' draws 15 "$dashboard"
    check 'a waterfall is drawn on its own page' draws 1 "explore/?slice_id=$apart&standalone=1"
else
    echo 'SKIP the pages: no Chromium on this machine'
fi
[ "$failed" -eq 0 ] || rc=1
if [ -n "${SCREENSHOT:-}" ]; then
    look "$dashboard" "--screenshot=$SCREENSHOT" >/dev/null
    "$venv/bin/python" -c 'import sys, PIL.Image as i
i.open(sys.argv[1]).convert("RGB").quantize(128).save(sys.argv[1], optimize=True)' "$SCREENSHOT" &&
        echo "note a picture in $SCREENSHOT"
fi
PGPORT=$pg_port PGPASSWORD=$HALFTONE_TOKEN PGSSLROOTCERT=$HALFTONE_CA \
    "$venv/bin/python" "$tests/drive.py" over_budget || rc=1
cp "$run/superset.log" build/superset/superset.log
cp "$run/server.log" build/superset/server.log
exit $rc
