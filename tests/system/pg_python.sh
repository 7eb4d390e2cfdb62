#!/bin/bash
# Python's clients on the PostgreSQL port: psycopg2, psycopg, asyncpg, pg8000,
# SQLAlchemy and pandas, pinned with hashes.
set -u
. "$(dirname "$0")/lib_clients.sh"
use_pg_python psycopg
start_two_shops
tell python $python tests/system/clients/pg/python/ask.py psycopg2 psycopg asyncpg pg8000 sqlalchemy
