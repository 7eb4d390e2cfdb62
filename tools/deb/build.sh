#!/bin/sh
# Makes build/halftone_VERSION_ARCH.deb from the tree that `make install` laid
# in $1.  What it depends on is read from the programs.
set -eu
cd "$(dirname "$0")/../.."
root=$1
version=$(sed -n 's/.*return "\(.*\)";/\1/p' server/base/version.h)
arch=$(dpkg --print-architecture)

# The packages whose libraries the programs load.  dpkg may know a library by
# the name it had before /lib became a link.
depends() {
    for f in "$root"/usr/bin/halftone "$root"/usr/sbin/halftoned \
        "$root"/usr/lib/halftone/*.so; do
        ldd "$f" | sed -n 's/.*=> \(\/[^ ]*\) (.*/\1/p'
    done | grep -v "^$(realpath "$root")/" | sort -u | while read -r lib; do
        real=$(realpath "$lib")
        dpkg-query -S "$real" 2>/dev/null || dpkg-query -S "${real#/usr}"
    done | sed 's/:.*//' | sort -u | while read -r package; do
        version=$(dpkg-query -W -f '${Version}' "$package:$arch")
        printf '%s (>= %s), ' "$package" "${version%%[-+]*}"
    done | sed 's/, $//'
}

strip --strip-unneeded "$root"/usr/bin/* "$root"/usr/sbin/* "$root"/usr/lib/halftone/*.so
gzip -9nf "$root"/usr/share/man/man*/*
mkdir -p "$root/DEBIAN"
cat >"$root/DEBIAN/control" <<CONTROL
Package: halftone
Version: $version
Architecture: $arch
Maintainer: The Halftone authors <halftone@localhost>
Installed-Size: $(du -sk --exclude=DEBIAN "$root" | cut -f1)
Depends: $(depends)
Section: database
Priority: optional
Description: private answers to aggregate questions
 A server that stands between people's data and those who want to learn from
 it: it answers SQL with calibrated noise (differential privacy) and charges
 each answer to a budget that nobody can overdraw; with a command line client.
CONTROL
install -m 755 tools/deb/postinst tools/deb/prerm "$root/DEBIAN/"
(cd "$root" && find usr -type f -exec md5sum {} + >DEBIAN/md5sums)
deb=build/halftone_${version}_$arch.deb
dpkg-deb --root-owner-group -Zxz -z${DEB_LEVEL:-6} --build "$root" "$deb" >/dev/null
echo "$deb: $(du -k "$deb" | cut -f1) kB"
