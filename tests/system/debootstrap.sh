#!/bin/bash
# Not in make test: it builds a fresh Debian 12 root and takes minutes.
# The README's two commands as a newcomer on a fresh machine would run them.
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
cp /etc/apt/sources.list "$root/etc/apt/" 2>/dev/null || true
cp -r /etc/apt/sources.list.d /etc/apt/apt.conf.d "$root/etc/apt/" 2>/dev/null || true
cp /etc/resolv.conf /etc/hosts "$root/etc/" 2>/dev/null || true
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
mkdir -p "$root/src"
git clone -q "$tree" "$root/src/halftone"
mount -t proc proc "$root/proc"

# Package clients' settings, and nothing else of this machine.
settings=$(env | grep -E '^(GO(PROXY|FLAGS|SUMDB|NOSUMDB|NOSUMCHECK|PRIVATE)|https?_proxy|HTTPS?_PROXY|no_proxy|NO_PROXY|SSL_CERT_FILE)=' || true)
inside() {
    # shellcheck disable=SC2086
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 $settings \
        chroot "$root" /bin/bash -c "cd /src/halftone && $1"
}
for command in 'make demo' 'make test'; do
    start=$SECONDS
    if inside "$command" >"$root/log" 2>&1; then
        echo "ok fresh machine: $command ($((SECONDS - start)) s)"
    else
        tail -n 30 "$root/log"
        echo "FAILED fresh machine: $command"
        exit 1
    fi
done
tail -n 1 "$root/log"
