#!/bin/bash
# Not in make test: see make test-clients.
# pgjdbc on the PostgreSQL port, its jar checked by hash.
set -u
. "$(dirname "$0")/lib_clients.sh"
version=42.7.7 hash=157963d60ae66d607e09466e8c0cdf8087e9cb20d0159899ffca96bca2528460
jar=$PWD/build/tools/postgresql-$version.jar
command -v javac >/dev/null || skip "pgjdbc: no Java on this machine"
if [ ! -e "$jar" ]; then
    command -v mvn >/dev/null || skip "pgjdbc: no Maven on this machine"
    timeout 300 mvn -q org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy \
        -Dartifact=org.postgresql:postgresql:$version -DoutputDirectory=build/tools \
        >"$run/mvn" 2>&1 || { tail -3 "$run/mvn"; skip "pgjdbc: cannot be had"; }
fi
echo "$hash  $jar" | sha256sum -c --quiet || die "the jar is another"
mkdir -p "$run/classes"
javac -d "$run/classes" tests/system/clients/pg/jdbc/*.java || die "the program does not compile"
start_two_shops
tell jdbc java -Duser.timezone=UTC -cp "$run/classes:$jar" Ask
