#include "benchmarks/sqlite_peers.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "benchmarks/bench.h"
#include "server/ledger/ledger.h"

enum { PATH_CAP = 256 };

static void check(bool is_good, const char *what)
{
    if (is_good)
        return;
    fprintf(stderr, "sqlite_peers: %s failed\n", what);
    exit(1);
}

sqlite3 *naive_open(const char *dir)
{
    char path[PATH_CAP];
    sqlite3 *db;
    (void)snprintf(path, sizeof path, "%s/bench-naive.db", dir);
    check(sqlite3_open(path, &db) == SQLITE_OK, "open");
    check(sqlite3_exec(db,
                       "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                       "CREATE TABLE a (id INTEGER PRIMARY KEY, spent INTEGER);"
                       "INSERT INTO a VALUES (1, 0), (2, 0), (3, 0);"
                       "CREATE TABLE c (key TEXT PRIMARY KEY, price INTEGER);",
                       NULL, NULL, NULL) == SQLITE_OK,
          "schema");
    return db;
}

uint64_t naive_charge(sqlite3 *db, uint64_t *serial, uint64_t for_ns)
{
    char sql[320];
    const uint64_t start = bench_now_ns();
    uint64_t n = 0;
    for (; bench_now_ns() - start < for_ns; n++) {
        const uint64_t mixed = ++*serial * UINT64_C(0x9e3779b97f4a7c15);
        (void)snprintf(sql, sizeof sql,
                       "BEGIN IMMEDIATE;"
                       "UPDATE a SET spent = spent + 1 WHERE id = 1;"
                       "UPDATE a SET spent = spent + 1 WHERE id = 2;"
                       "UPDATE a SET spent = spent + 1 WHERE id = 3;"
                       "INSERT INTO c VALUES ('%016" PRIx64 "', 1); COMMIT;",
                       mixed);
        check(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK, "charge");
    }
    return n;
}

static void run(sqlite3 *db, const char *sql)
{
    check(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK, sql);
}

sqlite3 *bare_open(const char *dir)
{
    char path[PATH_CAP];
    sqlite3 *db;
    (void)snprintf(path, sizeof path, "%s/bench-bare.db", dir);
    check(sqlite3_open_v2(path, &db,
                          SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
                              SQLITE_OPEN_NOMUTEX,
                          NULL) == SQLITE_OK,
          "open");
    run(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
            "PRAGMA cache_size = -32768; PRAGMA wal_autocheckpoint = 4096;"
            "CREATE TABLE counters (id INTEGER PRIMARY KEY, a, b, c, d, e, f);"
            "INSERT INTO counters (id) VALUES (1), (2), (3);"
            "CREATE TABLE charges (seq INTEGER PRIMARY KEY, id, principal,"
            " dataset, purpose, release_hash, rho, eps, delta, version, route,"
            " boot, charged_us, keep_us, state, runs, run_boot, lease_us,"
            " resolved_us, expires_us, leaf);"
            "CREATE UNIQUE INDEX by_id ON charges (id);"
            "CREATE INDEX by_principal ON charges (dataset, principal);"
            "CREATE INDEX by_boot ON charges (boot) WHERE state = 0;"
            "CREATE TABLE keys (id INTEGER PRIMARY KEY, principal, key, hash,"
            " charge);"
            "CREATE TABLE leaves (idx INTEGER PRIMARY KEY, hash, salt, entry)");
    return db;
}

static const char *const BARE_SQL[] = {
    "INSERT INTO leaves VALUES (?1, ?3, ?3, ?4)",
    "INSERT INTO charges VALUES (?1, ?2, 'ann', 'shop', 'reporting', ?3, 1000,"
    " 0, 1, 1, 1, 1, ?5, 3600000000, 0, 1, 1, ?5, NULL, NULL, ?1)",
    "INSERT INTO keys VALUES (?1, 'ann', ?6, ?3, ?1)",
    "UPDATE counters SET a = ?1, b = 0, c = ?1, d = 0, e = 0, f = 0",
};
enum { BARE_ROWS = 3, BARE_SQLS = 4 };

/* The values that random keys would have; ids in order of time. */
static void bare_row(sqlite3_stmt *stmt, int64_t seq)
{
    static const char ENTRY[] =
        "{\"kind\":\"charge\",\"time_us\":1760000400000000,\"principal\":"
        "\"ann\","
        "\"dataset\":\"shop\",\"purpose\":\"reporting\",\"charge\":"
        "\"0123456789abcdef0123456789abcdef\",\"rho_pico\":1000,\"eps_nano\":0,"
        "\"delta_atto\":1,\"policy_version\":1}";
    uint8_t hash[LEDGER_HASH_LEN] = { 0 }, id[LEDGER_ID_LEN] = { 0 };
    char key[32];
    const uint64_t mixed = (uint64_t)seq * UINT64_C(0x9e3779b97f4a7c15);
    const uint64_t place = __builtin_bswap64((uint64_t)seq);
    memcpy(hash, &mixed, sizeof mixed);
    memcpy(id, &place, sizeof place);
    (void)snprintf(key, sizeof key, "%016" PRIx64, mixed);
    (void)sqlite3_bind_int64(stmt, 1, seq);
    (void)sqlite3_bind_blob(stmt, 2, id, sizeof id, SQLITE_STATIC);
    (void)sqlite3_bind_blob(stmt, 3, hash, sizeof hash, SQLITE_STATIC);
    (void)sqlite3_bind_text(stmt, 4, ENTRY, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int64(stmt, 5, INT64_C(1760000400000000) + seq);
    (void)sqlite3_bind_text(stmt, 6, key, -1, SQLITE_STATIC);
    check(sqlite3_step(stmt) == SQLITE_DONE, "a bare row");
    (void)sqlite3_reset(stmt);
}

uint64_t bare_charge(sqlite3 *db, uint64_t *serial, uint64_t for_ns)
{
    sqlite3_stmt *stmts[BARE_SQLS];
    for (int i = 0; i < BARE_SQLS; i++)
        check(sqlite3_prepare_v2(db, BARE_SQL[i], -1, &stmts[i], NULL) ==
                  SQLITE_OK,
              BARE_SQL[i]);
    const uint64_t start = bench_now_ns(), first = *serial;
    while (bench_now_ns() - start < for_ns) {
        run(db, "BEGIN");
        for (int n = 0; n < PEER_BATCH; n++, ++*serial)
            for (int i = 0; i < BARE_ROWS; i++)
                bare_row(stmts[i], (int64_t)*serial + 1);
        bare_row(stmts[BARE_ROWS], (int64_t)*serial);
        run(db, "COMMIT");
    }
    for (int i = 0; i < BARE_SQLS; i++)
        (void)sqlite3_finalize(stmts[i]);
    return *serial - first;
}
