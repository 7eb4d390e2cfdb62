#!/bin/bash
# The real server on a disk whose power goes or that fails; see
# tests/crash/crash.c.  CRASH_POINTS=0 CRASH_FAULTS=0 tries every operation, and
# CRASH_PART=K/N the K-th of N parts of that.
set -u
cd "$(dirname "$0")/../.."
kind=${BIN:-build}
[ "$kind" != build ] || kind=build/opt
here=$PWD/$kind/tests/crash
exec "$here/crash" "$here/shim.so" "$(realpath "${BIN:-build}")/halftoned" "$here/halftoned"
