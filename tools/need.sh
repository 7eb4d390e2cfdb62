#!/bin/sh
# Installs those of the named Debian packages that are missing; a second run
# does nothing.  Usage: tools/need.sh PACKAGE...
set -eu

missing=$(
    for name in "$@"; do
        [ "$name" = golang-go ] && command -v go >/dev/null 2>&1 && continue
        [ "$name" = nodejs ] && command -v node >/dev/null 2>&1 && continue
        [ "$name" = npm ] && command -v npm >/dev/null 2>&1 && continue
        dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null |
            grep -qx installed || echo "$name"
    done
)
[ -n "$missing" ] || exit 0
sudo=
[ "$(id -u)" = 0 ] || sudo=sudo
# shellcheck disable=SC2086
echo installing: $missing >&2
$sudo apt-get -qq update
# shellcheck disable=SC2086
DEBIAN_FRONTEND=noninteractive $sudo apt-get -qq install -y \
    --no-install-recommends $missing >/dev/null
