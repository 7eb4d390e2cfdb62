#!/bin/bash
# Every planned shape on PostgreSQL as on DuckDB, over many random tables
# (make test does so over one).
set -eu
cd "$(dirname "$0")/../.."
t=build/opt/tests/test_postgres_plans
make --no-print-directory $t
ENGINE_SEEDS=${ENGINE_SEEDS:-25} $t
