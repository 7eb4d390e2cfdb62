#!/bin/sh
# Installs what the build needs and is missing, then prepares build/duckdb and
# build/pg_query.  Usage: tools/deps.sh [DUCKDB_PREFIX]
set -eu
cd "$(dirname "$0")/.."
root=$(pwd)
prefix=${1:-}
duckdb_version=v0.10506.0

say() { printf '%s\n' "$*" >&2; }

# DuckDB's static libraries as one shared library: a test binary that links
# them itself is 60 MB.  Whole are only those that register themselves; all of
# them whole collide on zstd.
link_duckdb() {
    out=$root/build/duckdb
    [ -e "$out/lib/libduckdb.so" ] && return 0
    case $(uname -m) in
    x86_64) arch=amd64 ;;
    aarch64) arch=arm64 ;;
    *) say "no prebuilt DuckDB for $(uname -m): set DUCKDB_PREFIX"; exit 1 ;;
    esac
    say "fetching DuckDB ($duckdb_version, linux-$arch)"
    module=github.com/duckdb/duckdb-go-bindings/lib/linux-$arch
    dir=$(cd tools/duckdb && go mod download -json "$module@$duckdb_version" |
          sed -n 's/^[[:space:]]*"Dir": "\(.*\)",$/\1/p')
    [ -d "$dir" ] || { say "go mod download gave no folder"; exit 1; }
    mkdir -p "$out/lib" "$out/include"
    cp "$dir/duckdb.h" "$out/include/"
    whole="$dir/libduckdb_static.a $dir/libduckdb_generated_extension_loader.a"
    for e in core_functions parquet icu json; do
        whole="$whole $dir/lib${e}_extension.a"
    done
    rest=
    for lib in "$dir"/lib*.a; do
        case " $whole " in *" $lib "*) ;; *) rest="$rest $lib" ;; esac
    done
    # shellcheck disable=SC2086
    g++ -shared -o "$out/lib/libduckdb.so.tmp" -Wl,-soname,libduckdb.so \
        -Wl,--whole-archive $whole -Wl,--no-whole-archive \
        -Wl,--start-group $rest -Wl,--end-group -lpthread -ldl
    mv "$out/lib/libduckdb.so.tmp" "$out/lib/libduckdb.so"
}

# libpg_query carries its own protobuf-c and PostgreSQL's helpers under their
# own names: one object that exports only what server/sql calls.
hide_pg_query() {
    out=$root/build/pg_query
    [ "$out/pg_query.o" -nt tools/pg_query.symbols ] && return 0
    mkdir -p "$out"
    lib=$(gcc -print-file-name=libpg_query.a)
    ld -r --whole-archive "$lib" -o "$out/all.o"
    objcopy --keep-global-symbols=tools/pg_query.symbols "$out/all.o" \
        "$out/pg_query.o.tmp"
    rm "$out/all.o"
    mv "$out/pg_query.o.tmp" "$out/pg_query.o"
}

mkdir -p build
# shellcheck disable=SC2046
tools/need.sh $(sed 's/#.*//' tools/packages.txt)
[ -n "$prefix" ] || link_duckdb
hide_pg_query
