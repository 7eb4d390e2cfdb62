#include "benchmarks/crowd.h"

#include <duckdb.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "benchmarks/bench.h"
#include "server/consent/consent.h"

enum { PIECE = 4096 };

#define TABLE                                                                  \
    "tables:\n  t:\n    from: %s\n    key: who\n    max_groups: 5\n"           \
    "    max_rows: 10\n    columns:\n      who: %s\n"                          \
    "      campaign: {type: text, domain: [c0, c1, c2, c3, c4, c5, c6, c7, "   \
    "c8, c9]}\n      revenue: {type: double, range: [0, 100], grid: 0.01}\n"
#define HEAD                                                                   \
    "dataset: s\nexclusive: true\nversion: 1\ndata_version: a\n%s"             \
    "cap: {rho: 5, delta: 1e-12}\nmax_people: 100000000\n%s"                   \
    "purposes: {p0: {basis: consent}, p1: {basis: consent}, p2: {basis: "      \
    "consent}, p3: {basis: consent}, p4: {basis: consent}, p5: {basis: "       \
    "consent}, p6: {basis: legitimate_interest}, p7: {basis: consent}}\n"

void crowd_die(const char *what)
{
    fprintf(stderr, "%s: %s\n", program_invocation_short_name, what);
    exit(1);
}

/* ---- rows ---- */

struct policy *crowd_policy(const struct crowd *c, const char *consent,
                            struct arena *a)
{
    static char bytes[8192], path[256];
    struct policy *p = NULL;
    struct policy_report report = { 0 };
    struct err err = { 0 };
    (void)snprintf(path, sizeof path, "%s/s.yaml", c->dir);
    (void)snprintf(bytes, sizeof bytes, HEAD TABLE,
                   c->parquet ? ""
                   : c->text  ? "source: duckdb\ndatabase: text.data.db\n"
                              : "source: duckdb\ndatabase: int.data.db\n",
                   consent,
                   !c->parquet ? "t"
                   : c->text   ? "text.parquet"
                               : "int.parquet",
                   c->text ? "text" : "int");
    if (policy_load_bytes(&p, bytes, strlen(bytes), path, &report, a, &err) !=
        ERR_OK)
        crowd_die(err.msg);
    return p;
}

void crowd_rows(const struct crowd *c)
{
    char path[256], sql[2048], who[64];
    duckdb_database db;
    duckdb_connection con;
    duckdb_result r;
    const char *kind = c->text ? "text" : "int";
    (void)snprintf(path, sizeof path, "%s/%s.%s", c->dir, kind,
                   c->parquet ? "parquet" : "data.db");
    if (access(path, R_OK) == 0)
        return;
    (void)snprintf(who, sizeof who, "%s",
                   c->text ? "'user-' || p || '@example'" : "p");
    (void)snprintf(
        sql, sizeof sql,
        "SET threads = %d; SET preserve_insertion_order = false; %s SELECT %s "
        "AS who, 'c' || h %% 10 AS campaign, (h // 16 %% 5000) / 100.0::DOUBLE "
        "AS revenue FROM (SELECT CAST(hash(i) %% %llu AS BIGINT) AS p, "
        "CAST(hash(-i) %% 1000000007 AS BIGINT) AS h FROM range(%llu) t(i))%s%s"
        "%s",
        CROWD_THREADS, c->parquet ? "COPY (" : "CREATE TABLE t AS", who,
        c->rows / 2, c->rows, c->parquet ? ") TO '" : "",
        c->parquet ? path : "", c->parquet ? "' (FORMAT parquet)" : "");
    if (duckdb_open(c->parquet ? NULL : path, &db) != DuckDBSuccess ||
        duckdb_connect(db, &con) != DuckDBSuccess ||
        duckdb_query(con, sql, &r) != DuckDBSuccess)
        crowd_die("no data");
    duckdb_destroy_result(&r);
    duckdb_disconnect(&con);
    duckdb_close(&db);
}

/* ---- the register ---- */

const char *const CROWD_PURPOSES[CROWD_N_PURPOSES] = { "p0", "p1", "p2", "p3",
                                                       "p4", "p5", "p6", "p7" };

void crowd_name(char out[CROWD_NAME_CAP], const struct crowd *c,
                unsigned long long i)
{
    (void)snprintf(out, CROWD_NAME_CAP, c->text ? "user-%llu@example" : "%llu",
                   i);
}

void crowd_decide(struct dataset *d, const struct crowd *c)
{
    const unsigned long long people = c->rows / 2;
    static char names[PIECE][CROWD_NAME_CAP];
    static const char *subjects[PIECE];
    static uint32_t kind[PIECE];
    static int64_t at[PIECE];
    const struct consent_kind kinds[] = {
        { .state = CONSENT_GRANTED,
          .purposes = CROWD_PURPOSES,
          .n_purposes = CROWD_N_PURPOSES / 2,
          .notice = 1 },
        { .state = CONSENT_WITHDRAWN,
          .purposes = CROWD_PURPOSES,
          .n_purposes = CROWD_N_PURPOSES,
          .notice = 1 },
    };
    const uint8_t digest[CONSENT_DIGEST_LEN] = { 1 };
    const uint64_t start = bench_now_ns();
    const double cpu = bench_cpu_s();
    for (unsigned long long first = 0; first < people;) {
        size_t n = 0;
        for (; n < PIECE && first + n < people; n++) {
            crowd_name(names[n], c, first + n);
            subjects[n] = names[n];
            kind[n] = (first + n) % 2;
            at[n] = 1700000000000000;
        }
        const struct consent_chunk chunk = { .digest = digest,
                                             .first = first,
                                             .kinds = kinds,
                                             .n_kinds = 2,
                                             .subjects = subjects,
                                             .kind = kind,
                                             .at_us = at,
                                             .n_rows = n,
                                             .last = first + n == people,
                                             .source = "bench",
                                             .by = "bench" };
        struct consent_imported out;
        struct err err = { 0 };
        if (consent_import(d->consent, d->circle, &chunk, &out, &err) != ERR_OK)
            crowd_die(err.msg);
        if (out.done && first == 0)
            return;         /* all is there */
        first = out.n_rows; /* some may have been there */
        if (first % (1000 * PIECE) == 0)
            fprintf(stderr, "%llu of %llu people\n", first, people);
    }
    const double s = (double)(bench_now_ns() - start) / 1e9;
    printf("import of %llu people, %d purposes: %.1f s (CPU %.1f), %.0f a "
           "second\n",
           people, CROWD_N_PURPOSES, s, bench_cpu_s() - cpu,
           (double)people / s);
}
