#!/bin/bash
# The real server and PostgreSQL, and what can happen between them at any
# message; see tests/crash/wire.c.  WIRE_POINTS=0 tries every message.
set -u
cd "$(dirname "$0")/../.."
kind=${BIN:-build}
[ "$kind" != build ] || kind=build/opt
here=$PWD/$kind/tests/crash
exec "$here/wire" "$(realpath "${BIN:-build}")/halftoned" "$here/halftoned"
