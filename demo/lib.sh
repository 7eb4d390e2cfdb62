# Shared by demo.sh and serve.sh: a server of one's own in a folder of its own.
# Sourced by bash from the top of the tree, with $run naming the folder.

bin=${BIN:-build}
server_pid=

say() { printf '%s\n' "$@"; }
die() { printf 'demo: %s\n' "$*" >&2; exit 1; }

# The port asked for, or the next one that nobody listens on.
free_port() {
    local port=$1
    while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
        port=$((port + 1))
        [ "$port" -lt "$(($1 + 100))" ] || die "no free port from $1 on"
    done
    echo "$port"
}

# An authority of our own and a certificate for this machine, valid 30 days.
make_certificates() {
    local tls=$1
    [ -e "$tls/server.pem" ] &&
        openssl x509 -checkend 86400 -noout -in "$tls/server.pem" >/dev/null &&
        return 0
    mkdir -p "$tls"
    (
        cd "$tls"
        umask 077
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
            -days 30 -subj '/CN=Halftone demo authority' \
            -keyout ca.key -out ca.pem
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
            -subj '/CN=localhost' -keyout server.key -out server.csr
        printf '%s\n' 'subjectAltName=DNS:localhost,IP:127.0.0.1' \
            'basicConstraints=CA:FALSE' >server.ext
        openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key \
            -CAcreateserial -days 30 -extfile server.ext -out server.pem
        rm server.csr server.ext
    ) >"$tls/openssl.log" 2>&1 || die "openssl failed: see $tls/openssl.log"
}

# add_principal NAME ROLE: a token in $run/NAME.token, its hash in the file of
# principals.  Tokens exist only here.
add_principal() {
    [ -e "$run/$1.token" ] || (umask 077; openssl rand -hex 32 >"$run/$1.token")
    local hash
    hash=$(tr -d '\n' <"$run/$1.token" | openssl dgst -sha256 -r | cut -c1-64)
    sed "s/@NAME@/$1/; s/@ROLE@/$2/; s/@HASH@/$hash/" \
        demo/principal.yaml >>"$run/principals.yaml"
    # The token is the password on the PostgreSQL port.
    "$bin/halftone" principals password <"$run/$1.token" >>"$run/principals.yaml"
}

# write_config POLICY: everything halftoned reads, but the data.
write_config() {
    mkdir -p "$run"
    make_certificates build/demo/tls
    echo 'principals:' >"$run/principals.yaml"
    add_principal analyst analyst
    add_principal steward steward
    add_principal auditor auditor
    add_principal subjects subject_service
    add_principal mailer sender
    grpc_port=$(free_port "${PORT_FROM:-7443}")
    metrics_port=$(free_port $((${PORT_FROM:-7390} + 100)))
    pg_port=$(free_port $((${PORT_FROM:-7382} + 50)))
    sed "s|@PG@|$pg_port|; s|@TLS@|$PWD/build/demo/tls|; s|@POLICY@|$1|; s|@PORT@|$grpc_port|
         s|@METRICS@|$metrics_port|" demo/config.yaml >"$run/config.yaml"
    export HALFTONE_TARGET=localhost:$grpc_port
    export HALFTONE_CA=$PWD/build/demo/tls/ca.pem
    HALFTONE_TOKEN=$(cat "$run/analyst.token")
    export HALFTONE_TOKEN
}

start_server() {
    "$bin/halftoned" --config "$run/config.yaml" >"$run/server.log" 2>&1 &
    server_pid=$!
    local tries=100
    until "$bin/halftone" datasets >/dev/null 2>&1; do
        kill -0 "$server_pid" 2>/dev/null || die_with_log "the server stopped"
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || die_with_log "the server does not answer"
        sleep 0.1
    done
}

stop_server() {
    [ -n "$server_pid" ] || return 0
    kill -TERM "$server_pid" 2>/dev/null
    wait "$server_pid" 2>/dev/null
    server_pid=
}

die_with_log() {
    tail -n 20 "$run/server.log" >&2
    die "$1 (the end of $run/server.log is above)"
}

# The demo shop: made once per SCALE and script.
make_shop() {
    local shop=build/demo/shop people=$((100000 * ${SCALE:-1}))
    local stamp
    stamp="$people $(cksum <demo/shop.sql)"
    mkdir -p "$shop"
    if [ "$(cat "$shop/made" 2>/dev/null)" != "$stamp" ]; then
        say "making a shop of $people customers in $shop"
        "${MAKE_SHOP:-build/make_shop}" demo/shop.sql "$shop" "$people" ||
            die "the shop could not be made"
        echo "$stamp" >"$shop/made"
    fi
    cp demo/shop.yaml "$shop/shop.yaml"
}

# What the shop's people decided, once: who said yes counts from then on.
import_consents() {
    HALFTONE_TOKEN=$(cat "$run/subjects.token") "$bin/halftone" consent import \
        build/demo/shop/consents.parquet 2>/dev/null ||
        die_with_log "the decisions could not be imported"
}

# ---- a policy of one's own ----

# A copy of the policy whose only table (or whose database) is at the path $2.
redirect_policy() {
    DATA_PATH=$2 awk '
        BEGIN { path = ENVIRON["DATA_PATH"]; gsub(/\047/, "\047\047", path)
                path = "\047" path "\047" }
        /^tables:/ { inside = 1 }
        !done && /^database:/ { $0 = "database: " path; done = 1 }
        !done && inside && !/^ *#/ &&
        match($0, /from: *("[^"]*"|\047[^\047]*\047|[^,}# ]+)/) {
            $0 = substr($0, 1, RSTART - 1) "from: " path \
                 substr($0, RSTART + RLENGTH)
            done = 1
        }
        { print }' "$1"
}

check_policy() {
    "$bin/halftone" policy check "$1" >"$run/check" 2>&1 && return
    cat "$run/check" >&2
    die "the policy is not ready: mend $1, then try again"
}

# $policy is POLICY, reading DATA when that is given.
use_own_policy() {
    local data
    mkdir -p "$run"
    [ -r "$POLICY" ] || die "POLICY=$POLICY cannot be read"
    check_policy "$POLICY"
    policy=$(realpath "$POLICY")
    [ -n "${DATA:-}" ] || return 0
    [ -r "$DATA" ] || die "DATA=$DATA cannot be read"
    data=$(realpath "$DATA")
    ! grep -qF -- " $data" "$run/check" || return 0
    [ "$(grep -c '^  [^ ]*: .*, from ' "$run/check")" -eq 1 ] ||
        grep -q '^database:' "$policy" ||
        die "POLICY=$POLICY has several tables: name their files in it, and leave DATA out"
    redirect_policy "$policy" "$data" >"$run/policy.yaml"
    policy=$PWD/$run/policy.yaml
    say "reading $DATA in place of what $POLICY names (see $run/policy.yaml)"
    check_policy "$policy"
}

# $policy is the shop's or one's own.
use_policy() {
    if [ -n "${POLICY:-}" ]; then
        use_own_policy
    elif [ -n "${DATA:-}" ]; then
        die "DATA=$DATA needs a POLICY that says what is public about it.  Begin with
    $bin/halftone policy draft $DATA > policy.yaml
and decide line by line; $bin/halftone policy check policy.yaml tells what is left."
    else
        make_shop
        policy=$PWD/build/demo/shop/shop.yaml
    fi
}

can_ask() { "$bin/halftone" estimate "$1" </dev/null >/dev/null 2>&1; }

# The first table with people in it, a purpose that needs no consent, and
# columns to ask about, from what the running server publishes.
look_around() {
    local t
    "$bin/halftone" datasets --format json >"$run/datasets"
    dataset=$(sed -n 's/.*"dataset":"\([^"]*\)".*/\1/p' "$run/datasets")
    "$bin/halftone" describe "$dataset" --format csv |
        sed 's/\r//; s/""//g' >"$run/columns"
    IFS=, read -r t key _ < <(awk -F, '$4 == "person"' "$run/columns")
    [ -n "${key:-}" ] || die "no table of $dataset has a privacy key"
    table=$dataset.$t
    amount=$(awk -F, -v t="$t" '$1 == t && $4 != "person" && $5 ~ / to / &&
        ($3 == "int" || $3 == "double") { print $2; exit }' "$run/columns")
    for HALFTONE_PURPOSE in $(sed -n 's/.*"purposes":"\([^"]*\)".*/\1/p' \
        "$run/datasets" | tr -d ,); do
        export HALFTONE_PURPOSE
        can_ask "SELECT COUNT(*) FROM $table" && break
    done
    # Public keys first: their groups always answer.  Of the others the last:
    # what names a row mostly stands before what sorts it.
    while read -r t group; do
        group_table=$dataset.$t
        group_key=$(awk -F, -v t="$t" '$1 == t && $4 == "person" { print $2 }' "$run/columns")
        [ -n "$group_key" ] &&
            can_ask "SELECT $group, COUNT(*) FROM $group_table GROUP BY $group" && return
    done < <(awk -F, '$4 != "person" && $5 != "" && $5 !~ / to / { print $1, $2 }' \
        "$run/columns"
        awk -F, '$4 != "person" && $5 == "" && $3 == "text" { print $1, $2 }' \
            "$run/columns" | tac)
    group= group_table=$table group_key=$key
}
