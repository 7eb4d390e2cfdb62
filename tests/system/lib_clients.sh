# Sourced by the system tests of other people's clients, after BIN is known: a
# server on a small shop, and clients kept under build/.
cd "$(dirname "$0")/../.."
. demo/lib.sh
. tests/system/lib.sh
run=$(mktemp -d)
trap 'stop_server; rm -rf "$run"' EXIT

skip() { echo "SKIP $*"; exit 0; }

start_shop() {
    mkdir -p "$run/shop"
    "${MAKE_SHOP:-$bin/make_shop}" demo/shop.sql "$run/shop" "${SHOP_PEOPLE:-2000}" || die "no shop"
    cp demo/shop.yaml "$run/shop/shop.yaml"
    write_config "$run/shop/shop.yaml"
    start_server
    HALFTONE_AUDITOR_TOKEN=$(cat "$run/auditor.token")
    export HALFTONE_AUDITOR_TOKEN
    export HALFTONE_PURPOSE=improve_products
    HALFTONE_STEWARD_TOKEN=$(cat "$run/steward.token")
    export HALFTONE_STEWARD_TOKEN
    HALFTONE_SUBJECTS_TOKEN=$(cat "$run/subjects.token")
    export HALFTONE_SUBJECTS_TOKEN
    HALFTONE_SENDER_TOKEN=$(cat "$run/mailer.token")
    export HALFTONE_SENDER_TOKEN
}

# The shop, and "slow": another one whose answers wait three seconds, so that a
# question can be cancelled after it was charged and before its answer.  What
# clients need to know is in the environment; $other_ca signed nothing here.
start_two_shops() {
    mkdir -p "$run/shop/slow"
    "${MAKE_SHOP:-$bin/make_shop}" demo/shop.sql "$run/shop" "${SHOP_PEOPLE:-2000}" &&
        cp "$run"/shop/*.parquet "$run/shop/slow" || die "no shop"
    cp demo/shop.yaml "$run/shop/shop.yaml"
    sed 's/^dataset: shop/dataset: slow/; s/from: /&slow\//; s/epsilon: 4/epsilon: 40/
        $a slots: {first: 3 s}' demo/shop.yaml >"$run/shop/slow.yaml"
    write_config "$run/shop"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
        -subj '/CN=another authority' -keyout "$run/other.key" -out "$run/other.pem" 2>/dev/null ||
        die "no other authority"
    start_server
    unset PGOPTIONS PGUSER PGDATABASE PGHOST PGSSLMODE PGCHANNELBINDING
    export HALFTONE_PURPOSE=improve_products PGPORT=$pg_port PGPASSWORD=$HALFTONE_TOKEN \
        PGSSLROOTCERT=$HALFTONE_CA PGOTHERCERT=$run/other.pem
}

# A program's lines go on, and stay for pg_matrix.sh.
tell() { # NAME COMMAND...
    mkdir -p build/clients
    local to=build/clients/$1.txt
    shift
    "$@" 2>&1 | tee "$to"
    return "${PIPESTATUS[0]}"
}

# A virtual environment with the pinned grpcio, its wheels checked by hash, and
# the stubs of the contract: $python.
use_python() {
    local venv=build/python stamp
    stamp=$(cat clients/python/requirements.txt proto/halftone/v1/*.proto | cksum)
    python=$PWD/$venv/bin/python
    [ "$(cat "$venv/made" 2>/dev/null)" = "$stamp" ] && return
    command -v python3 >/dev/null && python3 -c 'import ensurepip' 2>/dev/null ||
        tools/need.sh python3 python3-venv || skip "$1: no Python on this machine"
    rm -rf "$venv"
    python3 -m venv "$venv" && timeout 200 "$python" -m pip install -q \
        --disable-pip-version-check --only-binary :all: --require-hashes \
        -r clients/python/requirements.txt 2>"$run/pip" ||
        { tail -n 2 "$run/pip"; skip "$1: grpcio cannot be had for $(python3 --version)"; }
    mkdir -p "$venv/stubs"
    "$python" -m grpc_tools.protoc -Iproto --python_out="$venv/stubs" \
        --grpc_python_out="$venv/stubs" halftone/v1/halftone.proto || die "no stubs"
    echo "$stamp" >"$venv/made"
}

# One with the pinned clients of PostgreSQL: $python.
use_pg_python() { # WHAT
    local clients=$PWD/tests/system/clients/pg/python venv=build/pg_python stamp
    stamp=$(cksum <"$clients/requirements.txt")
    python=$PWD/$venv/bin/python
    export PYTHONDONTWRITEBYTECODE=1
    [ "$(cat $venv/made 2>/dev/null)" = "$stamp" ] && return
    command -v python3 >/dev/null && python3 -c 'import ensurepip' 2>/dev/null ||
        tools/need.sh python3 python3-venv || skip "$1: no Python on this machine"
    rm -rf $venv
    python3 -m venv $venv && timeout 250 "$python" -m pip install -q \
        --disable-pip-version-check --only-binary :all: --require-hashes \
        -r "$clients/requirements.txt" 2>"$run/pip" ||
        { tail -n 2 "$run/pip"; skip "$1: cannot be had for $(python3 --version)"; }
    echo "$stamp" >$venv/made
}
