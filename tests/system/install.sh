#!/bin/bash
# `make install` into a folder of its own, and a server run from there.  With
# INSTALLED= (a root that holds usr/), what is there already.
set -u
cd "$(dirname "$0")/../.."
bin=build
. demo/lib.sh
. tests/system/lib.sh
run=$(mktemp -d)
trap 'stop_server; rm -rf "$run"' EXIT
root=${INSTALLED:-$run/root}
[ -n "${INSTALLED:-}" ] ||
    make -s install DESTDIR="$root" PREFIX=/usr >"$run/make" 2>&1 ||
    { cat "$run/make"; echo "FAILED make install"; exit 1; }
# One folder with both programs, as demo/lib.sh wants them.
mkdir "$run/bin"
ln -s "$root/usr/bin/halftone" "$root/usr/sbin/halftoned" "$run/bin/"
bin=$run/bin

found() { # nothing is looked for in the tree that built it
    local f
    for f in "$root/usr/bin/halftone" "$root/usr/sbin/halftoned"; do
        readelf -d "$f" | grep -E 'R(UN)?PATH' | tee /dev/stderr |
            grep -qF '[$ORIGIN/../lib/halftone]' || return 1
        ldd "$f" | tee /dev/stderr |
            grep 'libduckdb' | grep -qF "$root/usr/" || return 1
        ! ldd "$f" | grep 'not found' || return 1
    done
}
check 'the programs find their library from where they stand' found
check 'and nothing of the tree is in them' says '^halftone ' \
    env -i "$root/usr/bin/halftone" --version

mkdir "$run/shop"
"${MAKE_SHOP:-${BIN:-build}/make_shop}" demo/shop.sql "$run/shop" 2000 || die "no shop"
cp "$root/usr/share/doc/halftone/examples/shop.yaml" "$run/shop/"
# Not in the check, whose pipe would be a shell of its own: it is stopped by us.
write_config "$run/shop/shop.yaml"
start_server
serves() {
    "$bin/halftone" query --purpose improve_products 'SELECT COUNT(*) FROM shop.orders' </dev/null
}
check 'an installed server answers an installed client' says '^cost rho' serves

pages() {
    local p
    for p in man1/halftone.1 man8/halftoned.8; do
        ls "$root/usr/share/man/$p"* || return 1
    done
    ls "$root/usr/share/bash-completion/completions/halftone" \
        "$root"/usr/share/zsh/*/_halftone \
        "$root/usr/share/fish/vendor_completions.d/halftone.fish" \
        "$root/usr/share/halftone/proto/halftone/v1/halftone.proto"
}
check 'manual pages, completions and the contract are there' pages
unit() { # what it cannot read has a line number
    ! systemd-analyze verify --root="$root" --man=no \
        "$root/usr/lib/systemd/system/halftoned.service" 2>&1 |
        grep -E 'halftoned.service:[0-9]+:' || return 1
    grep -q '^ExecStart=/usr/sbin/halftoned ' "$root/usr/lib/systemd/system/halftoned.service"
}
if command -v systemd-analyze >/dev/null; then
    check 'systemd has nothing against the unit' unit
else
    echo "SKIP systemd: no systemd-analyze on this machine"
fi
# The example is right but for the files that only its owner has.
example() {
    mkdir -p "$run/etc/policies"
    sed "s|/var/lib/halftone|$run/etc|; s|0.0.0.0:7443|127.0.0.1:0|
        s|:7490|:0|" \
        "$root/usr/share/doc/halftone/examples/halftoned.yaml" >"$run/etc/halftoned.yaml"
    cp build/demo/tls/server.* "$run/etc/"
    cp "$run/shop/"* "$run/etc/policies/"
    cp "$run/principals.yaml" "$run/etc/"
    "$bin/halftoned" --config "$run/etc/halftoned.yaml" --check
}
check 'the example of the server file is one' says 'everything is in order' example
exit "$failed"
