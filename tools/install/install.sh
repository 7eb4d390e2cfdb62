#!/bin/sh
# Puts what `make install` built where a system looks for it.
# From make: DESTDIR, PREFIX, BUILT (programs linked for their place), DUCKDB
# (libduckdb.so, or nothing when the system has one), ZSH_DIR.
set -eu
cd "$(dirname "$0")/../.."
prefix=${PREFIX:-/usr/local}
to=${DESTDIR:-}$prefix
zsh_dir=${ZSH_DIR:-$prefix/share/zsh/site-functions}

put() { install -D -m "$1" "$2" "$3"; } # MODE FROM TO

put 755 "$BUILT/halftone" "$to/bin/halftone"
put 755 "$BUILT/halftoned" "$to/sbin/halftoned"
[ -z "${DUCKDB:-}" ] || put 644 "$DUCKDB" "$to/lib/halftone/libduckdb.so"
put 644 build/man/halftone.1 "$to/share/man/man1/halftone.1"
put 644 build/man/halftoned.8 "$to/share/man/man8/halftoned.8"

completion() { # SHELL TO
    mkdir -p "$(dirname "$2")"
    "$COMPLETER" completion "$1" >"$2"
    chmod 644 "$2"
}
completion bash "$to/share/bash-completion/completions/halftone"
completion zsh "${DESTDIR:-}$zsh_dir/_halftone"
completion fish "$to/share/fish/vendor_completions.d/halftone.fish"

mkdir -p "$to/lib/systemd/system"
sed "s|@SBIN@|$prefix/sbin|" tools/install/halftoned.service \
    >"$to/lib/systemd/system/halftoned.service"
chmod 644 "$to/lib/systemd/system/halftoned.service"
put 644 tools/install/sysusers.conf "$to/lib/sysusers.d/halftone.conf"

# As in the tree, so that links between pages lead somewhere.
for f in README.md ARCHITECTURE.md NEWS LICENSE NOTICE docs/*.md docs/*/* dp/*.md tests/README.md \
    clients/python/ask.py; do
    put 644 "$f" "$to/share/doc/halftone/$f"
done
put 644 NOTICE "$to/share/doc/halftone/copyright"
put 644 tools/install/halftoned.yaml "$to/share/doc/halftone/examples/halftoned.yaml"
put 644 demo/shop.yaml "$to/share/doc/halftone/examples/shop.yaml"
for f in $(cd proto && find . -name '*.proto'); do
    put 644 "proto/$f" "$to/share/halftone/proto/$f"
done
[ -n "${DESTDIR:-}" ] || echo "halftone is in $prefix/bin, halftoned in $prefix/sbin;" \
    "$prefix/share/doc/halftone/docs/config.md tells how to run it as a service"
