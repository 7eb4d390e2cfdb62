#!/bin/bash
# Files of people that are written anew without who was erased, while the process
# is killed or the power goes; see tests/crash/rewrite.c.  CRASH_POINTS=0 tries
# every step.
set -u
cd "$(dirname "$0")/../.."
kind=${BIN:-build}
[ "$kind" != build ] || kind=build/opt
here=$PWD/$kind/tests/crash
exec "$here/rewrite" "$here/shim.so"
