#!/bin/bash
# Not in make test: it builds a fresh Debian 12 root and takes minutes.
# The README's two commands as a newcomer on a fresh machine would run them, the
# package, and the clients that others wrote.
# Root only.  ROOT= names the folder (default: a new one, removed at the end).
# The machine's CA bundle and package-client settings are passed in.
set -eu
cd "$(dirname "$0")/../.."
tree=$PWD
[ "$(id -u)" = 0 ] || { echo "SKIP debootstrap: not root"; exit 0; }
command -v debootstrap >/dev/null || { echo "SKIP debootstrap: not installed"; exit 0; }
root=${ROOT:-$(mktemp -d /var/tmp/halftone-root-XXXXXX)}
finish() {
    umount "$root/proc" 2>/dev/null || true
    [ -n "${ROOT:-}" ] || rm -rf "$root"
}
trap finish EXIT

debootstrap --variant=minbase --include=ca-certificates,git,make bookworm "$root" >/dev/null
chmod 755 "$root" # apt's own user must get in
rm "$root/etc/apt/sources.list"
cp /etc/apt/sources.list "$root/etc/apt/" 2>/dev/null || true
cp -r /etc/apt/sources.list.d /etc/apt/apt.conf.d "$root/etc/apt/" 2>/dev/null || true
cp /etc/resolv.conf /etc/hosts "$root/etc/" 2>/dev/null || true
cp /etc/pip.conf /etc/npmrc "$root/etc/" 2>/dev/null || true
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
mkdir -p "$root/src"
git clone -q "$tree" "$root/src/halftone"
mount -t proc proc "$root/proc"

# Package clients' settings, and nothing else of this machine.
settings=$(env | grep -E '^(GO(PROXY|FLAGS|SUMDB|NOSUMDB|NOSUMCHECK|PRIVATE)|https?_proxy|HTTPS?_PROXY|no_proxy|NO_PROXY|SSL_CERT_FILE|PIP_CERT|NODE_EXTRA_CA_CERTS)=' || true)
inside() {
    # shellcheck disable=SC2086
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
        PORT_FROM=$((20000 + RANDOM % 12000)) $settings \
        chroot "$root" /bin/bash -c "cd /src/halftone && $1"
}
step() { # NAME COMMAND
    local start=$SECONDS
    if inside "$2" >"$root/log" 2>&1; then
        echo "ok fresh machine: $1 ($((SECONDS - start)) s)"
    else
        tail -n 30 "$root/log"
        echo "FAILED fresh machine: $1"
        exit 1
    fi
}
step 'make demo' 'make demo'
built=$(stat -c %Y "$root/src/halftone/build/halftoned")
step 'make demo, again' 'make demo'
if grep -E 'installing|fetching|making a shop' "$root/log" ||
    [ "$(stat -c %Y "$root/src/halftone/build/halftoned")" != "$built" ]; then
    echo "FAILED fresh machine: the second make demo did something"
    exit 1
fi
step 'make test' 'make test'
tail -n 1 "$root/log"
grep '^SKIP' "$root/log" || true
step 'make deb, installed' 'make deb && apt-get install -qq -y ./build/halftone_*.deb &&
    cd / && halftone --version && halftoned --version && halftone policy keys'
step 'make test-clients' 'make test-clients'
grep -E '^(ok|SKIP)|passed' "$root/log"
