#!/bin/bash
# Not in make test: it compresses a package of 60 MB.
# `make deb`, unpacked and run from where it was unpacked.
set -u
cd "$(dirname "$0")/../.."
. tests/system/lib.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
make -s deb >"$work/log" 2>&1 || { cat "$work/log"; echo "FAILED make deb"; exit 1; }
deb=$(ls build/halftone_*.deb)

named() {
    dpkg-deb -f "$deb" Package Version Architecture Depends
    dpkg-deb -f "$deb" Depends | grep -q 'libssl3 (>= ' &&
        ! dpkg-deb -f "$deb" Depends | grep -q duckdb
}
check 'the package names what it needs' named
check 'everything in it belongs to root' says 'root/root' dpkg-deb -c "$deb"
strange() { ! dpkg-deb -c "$deb" | grep -v ' root/root '; }
check 'and to nobody else' strange
dpkg-deb -x "$deb" "$work/root"
sums() { dpkg-deb -e "$deb" "$work/control" && (cd "$work/root" && md5sum -c --quiet "$work/control/md5sums"); }
check 'its checksums hold' sums
INSTALLED=$work/root bash tests/system/install.sh || failed=1
exit "$failed"
