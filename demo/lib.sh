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
}

# write_config POLICY: everything halftoned reads, but the data.
write_config() {
    mkdir -p "$run"
    make_certificates build/demo/tls
    echo 'principals:' >"$run/principals.yaml"
    add_principal analyst analyst
    add_principal steward steward
    grpc_port=$(free_port 7443)
    metrics_port=$(free_port 7490)
    sed "s|@TLS@|$PWD/build/demo/tls|; s|@POLICY@|$1|; s|@PORT@|$grpc_port|
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
