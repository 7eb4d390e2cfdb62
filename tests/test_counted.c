/*
 * The tables of who counts, in a database that has no function of ours, give
 * the integers that the function gives: in PostgreSQL and in DuckDB, whatever
 * people decide, and whichever statement fails.
 */
#include "server/engine/counted.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/engine/duck.h"
#include "server/engine/duck_gate.h"
#include "server/main/consent_gate.h"
#include "tests/lib_ledger.h"
#include "tests/lib_postgres.h"
#include "tests/table.h"

enum { PEOPLE = 300, STEPS = 60, TEXT = 16384 };

/* ---- databases ---- */

struct database {
    PGconn *pg; /* or */
    duckdb_connection duck;
    unsigned ran, fails_at; /* statements; 0: none fails */
    bool loses_commit;      /* it happens, and its answer is lost */
};

static bool run_it(struct database *db, const char *sql)
{
    if (!db->pg) {
        duckdb_result r;
        const bool ok = duckdb_query(db->duck, sql, &r) == DuckDBSuccess;
        if (!ok)
            (void)fprintf(stderr, "%s\n", duckdb_result_error(&r));
        duckdb_destroy_result(&r);
        return ok;
    }
    PGresult *r = PQexec(db->pg, sql);
    const bool ok = PQresultStatus(r) == PGRES_COMMAND_OK;
    if (!ok)
        (void)fprintf(stderr, "%s\n", PQerrorMessage(db->pg));
    PQclear(r);
    return ok;
}

static bool run(void *ctx, const char *sql)
{
    struct database *db = ctx;
    if (++db->ran == db->fails_at)
        return false;
    const bool ok = run_it(db, sql);
    return ok && !(db->loses_commit && strcmp(sql, "COMMIT") == 0);
}

static bool each_pg(struct database *db, const char *sql,
                    bool (*take)(void *arg, const char *text), void *arg)
{
    PGresult *r = PQexec(db->pg, sql);
    bool ok = PQresultStatus(r) == PGRES_TUPLES_OK;
    if (!ok)
        (void)fprintf(stderr, "%s\n", PQerrorMessage(db->pg));
    for (int i = 0; ok && i < PQntuples(r); i++)
        ok = take(arg, PQgetvalue(r, i, 0));
    PQclear(r);
    return ok;
}

static bool each(void *ctx, const char *sql,
                 bool (*take)(void *arg, const char *text), void *arg)
{
    struct database *db = ctx;
    if (++db->ran == db->fails_at)
        return false;
    if (db->pg)
        return each_pg(db, sql, take, arg);
    duckdb_result r;
    bool ok = duckdb_query(db->duck, sql, &r) == DuckDBSuccess;
    if (!ok)
        (void)fprintf(stderr, "%s\n", duckdb_result_error(&r));
    for (idx_t i = 0; ok && i < duckdb_row_count(&r); i++) {
        char *text = duckdb_value_varchar(&r, 0, i);
        ok = take(arg, text);
        duckdb_free(text);
    }
    duckdb_destroy_result(&r);
    return ok;
}

static bool join(void *arg, const char *text)
{
    char *all = arg;
    (void)snprintf(all + strlen(all), TEXT - strlen(all), "%s\n", text);
    return true;
}

/* ---- what is asked ---- */

#define ROWS(key)                                                              \
    "CREATE TABLE t AS SELECT " key                                            \
    " AS who, CAST(i * 7919 % 5 AS BIGINT) AS "                                \
    "campaign, CAST(i * 104729 % 97 AS BIGINT) AS x FROM (SELECT i, i * 31 % " \
    "300 AS p FROM generate_series(1, 3000) s(i)) y"
#define MORE(key)                                                              \
    "INSERT INTO t SELECT " key                                                \
    " AS who, 1, 5 FROM (SELECT 300 + i AS p FROM "                            \
    "generate_series(0, 49) s(i)) y"
#define INT_KEY  "CAST(CASE WHEN p = 7 THEN NULL ELSE p END AS BIGINT)"
#define TEXT_KEY "CASE WHEN p = 7 THEN NULL ELSE 'it''s-' || p END"

/* Two groups of a person at most, of each at most 60. */
#define ASK                                                                    \
    "SELECT CAST(campaign AS VARCHAR(9)) || ' ' || CAST(count(*) AS "          \
    "VARCHAR(9)) || ' ' || CAST(sum(x) AS VARCHAR(9)) FROM (SELECT who, "      \
    "campaign, CASE WHEN sum(x) > 60 THEN 60 ELSE sum(x) END AS x, "           \
    "row_number() OVER (PARTITION BY who ORDER BY md5(CAST(who AS "            \
    "VARCHAR(64)) || CAST(campaign AS VARCHAR(9)))) AS place FROM t WHERE %s " \
    "GROUP BY who, campaign) y WHERE place <= 2 GROUP BY campaign ORDER BY "   \
    "campaign"

static struct policy_purpose purposes[] = {
    { .id = "yes", .help = "", .basis = BASIS_CONSENT },
    { .id = "it's all", .help = "", .basis = BASIS_LEGITIMATE_INTEREST },
};

struct fixture {
    struct ledger_dir dir;
    struct fake_clock clock;
    struct policy_column column;
    struct policy_table table;
    struct policy policy;
    struct dataset dataset;
    struct duck duck; /* with the function */
    struct duck_gate *gate;
    struct database there; /* without */
    duckdb_database other;
    struct counted_sql sql;
    struct counted *counted;
    bool is_text;
};

static void do_run(struct database *db, const char *sql)
{
    if (!run(db, sql))
        fail_msg("%s", sql);
}

static void open_register(struct fixture *f)
{
    const struct consent_options o = { .path = f->dir.path,
                                       .clock = &f->clock.clock,
                                       .keys = { .key = { { 5 } }, .n = 1 } };
    struct err err = { 0 };
    f->column =
        (struct policy_column){ .name = "who",
                                .type = f->is_text ? POLICY_TEXT : POLICY_INT };
    f->table = (struct policy_table){
        .name = "t", .owned = true, .columns = &f->column, .n_columns = 1
    };
    f->policy = (struct policy){ .population = "people",
                                 .tables = &f->table,
                                 .n_tables = 1,
                                 .purposes = purposes,
                                 .n_purposes = 2 };
    f->dataset.policy = &f->policy;
    if (consent_open(&f->dataset.consent, &o, &err) != ERR_OK ||
        consent_circle(&f->dataset.circle, f->dataset.consent, &f->policy,
                       &err) != ERR_OK)
        fail_msg("%s", err.msg);
    f->dataset.gate = consent_gate_of(&f->dataset);
}

static void open_counted(struct fixture *f)
{
    struct err err = { 0 };
    f->sql = (struct counted_sql){ &f->there, run, each };
    if (counted_open(&f->counted, &f->sql, &f->dataset.gate,
                     "SELECT DISTINCT who FROM t WHERE who IS NOT NULL",
                     !f->is_text, &err) != ERR_OK)
        fail_msg("%s", err.msg);
}

static void open_all(struct fixture *f, bool in_postgres, bool is_text)
{
    const char *rows = is_text ? ROWS(TEXT_KEY) : ROWS(INT_KEY);
    struct err err = { 0 };
    *f = (struct fixture){ .is_text = is_text };
    ledger_dir_init(&f->dir);
    fake_clock_init(&f->clock, INT64_C(1700000000000000));
    open_register(f);
    struct database here = { 0 };
    if (duckdb_open(NULL, &f->duck.db) != DuckDBSuccess ||
        duckdb_connect(f->duck.db, &f->duck.con) != DuckDBSuccess ||
        duck_gate_open(&f->gate, &f->duck, &f->dataset.gate, &err) != ERR_OK)
        fail_msg("DuckDB does not start");
    here.duck = f->duck.con;
    do_run(&here, rows);
    do_run(&here, "CREATE SCHEMA src");
    do_run(&here, "CREATE VIEW src.t AS FROM main.t");
    assert_true(duck_gate_map(f->gate, &f->duck, &f->policy));
    if (in_postgres) {
        f->there.pg = PQconnectdb(postgres_uri());
        assert_int_equal(PQstatus(f->there.pg), CONNECTION_OK);
        do_run(&f->there, "SET client_min_messages = warning");
        do_run(&f->there, "DROP TABLE IF EXISTS t, halftone_people, "
                          "halftone_said");
    } else if (duckdb_open(NULL, &f->other) != DuckDBSuccess ||
               duckdb_connect(f->other, &f->there.duck) != DuckDBSuccess) {
        fail_msg("DuckDB does not start");
    }
    do_run(&f->there, rows);
    open_counted(f);
}

static void close_all(struct fixture *f)
{
    counted_close(f->counted);
    if (f->there.pg)
        PQfinish(f->there.pg);
    duckdb_disconnect(&f->there.duck);
    duckdb_close(&f->other);
    duck_close(&f->duck);
    duck_gate_close(f->gate);
    consent_close(f->dataset.consent);
    ledger_dir_fini(&f->dir);
}

/* ---- by the function, and by the tables ---- */

static void by_function(char *out, struct fixture *f, size_t purpose)
{
    struct duck_pin pin;
    struct database here = { .duck = f->duck.con };
    char sql[2048];
    out[0] = '\0';
    (void)snprintf(sql, sizeof sql, ASK,
                   f->is_text ? "halftone_counts_t(who)"
                              : "halftone_counts_i(who)");
    duck_gate_pin(&pin, f->gate, f->duck.con, &purposes[purpose], false);
    assert_true(each(&here, sql, join, out));
    duck_gate_unpin(&pin, f->gate);
}

static void by_tables(char *out, struct fixture *f, size_t purpose)
{
    char sql[2048], condition[256];
    struct writer w = writer_of(condition, sizeof condition);
    counted_condition(&w, &purposes[purpose], "who");
    assert_true(writer_cstr(&w));
    out[0] = '\0';
    (void)snprintf(sql, sizeof sql, ASK, condition);
    assert_true(each(&f->there, sql, join, out));
}

static void compare(struct fixture *f)
{
    static char want[TEXT], got[TEXT];
    for (size_t k = 0; k < 2; k++) {
        by_function(want, f, k);
        by_tables(got, f, k);
        assert_string_equal(want, got);
    }
}

static unsigned next(unsigned *seed)
{
    return (*seed = *seed * 1103515245u + 12345u) >> 8;
}

static void decide(struct fixture *f, unsigned who, enum consent_state state,
                   size_t purpose)
{
    char text[32];
    struct consent_recorded out;
    struct err err = { 0 };
    const char *id = purposes[purpose].id;
    (void)snprintf(text, sizeof text, f->is_text ? "it's-%u" : "%u", who);
    f->clock.wall_us += 1000;
    const struct consent_event e = { .subject = text,
                                     .subject_len = strlen(text),
                                     .state = state,
                                     .purposes = &id,
                                     .n_purposes = 1 };
    if (consent_record(f->dataset.consent, f->dataset.circle, &e, &out, &err) !=
        ERR_OK)
        fail_msg("%s", err.msg);
}

static void decide_some(struct fixture *f, unsigned *seed)
{
    static const enum consent_state states[] = {
        CONSENT_GRANTED,  CONSENT_GRANTED, CONSENT_WITHDRAWN,
        CONSENT_OBJECTED, CONSENT_EXPIRED,
    };
    for (unsigned n = next(seed) % 12; n > 0; n--)
        decide(f, next(seed) % PEOPLE, states[next(seed) % 5], next(seed) % 2);
}

static bool sync_both(struct fixture *f)
{
    return counted_sync(f->counted, &purposes[0]) &&
           counted_sync(f->counted, &purposes[1]);
}

/* Is there a row of the table for the person? */
static bool is_said(struct fixture *f, unsigned who, size_t purpose)
{
    char sql[256], got[64] = "";
    (void)snprintf(sql, sizeof sql,
                   f->is_text ? "SELECT count(*) FROM halftone_said WHERE "
                                "purpose = '%s' AND person = 'it''s-%u'"
                              : "SELECT count(*) FROM halftone_said WHERE "
                                "purpose = '%s' AND person = %u",
                   purpose ? "it''s all" : "yes", who);
    assert_true(each(&f->there, sql, join, got));
    return strcmp(got, "1\n") == 0;
}

static const struct kind {
    const char *name;
    bool in_postgres, is_text;
} engines[] = {
    { "whole numbers in PostgreSQL", true, false },
    { "text in PostgreSQL", true, true },
    { "whole numbers in DuckDB", false, false },
    { "text in DuckDB", false, true },
};

static void check_same(void **state)
{
    const struct kind *row = *state;
    struct fixture f;
    unsigned seed = 7;
    open_all(&f, row->in_postgres, row->is_text);
    decide(&f, 1, CONSENT_GRANTED, 0);
    for (int i = 0; i < STEPS; i++) {
        assert_true(sync_both(&f));
        compare(&f);
        const unsigned ran = f.there.ran;
        assert_true(sync_both(&f)); /* nothing to be written */
        assert_int_equal(f.there.ran, ran);
        decide_some(&f, &seed);
    }
    /* One withdrawal is one row, from the next release on. */
    decide(&f, 20, CONSENT_GRANTED, 0);
    assert_true(sync_both(&f));
    assert_true(is_said(&f, 20, 0));
    decide(&f, 20, CONSENT_WITHDRAWN, 0);
    assert_true(sync_both(&f));
    assert_false(is_said(&f, 20, 0));
    /* Keys that came later, of somebody who said yes and one who said no. */
    decide(&f, 310, CONSENT_GRANTED, 0);
    decide(&f, 311, CONSENT_OBJECTED, 1);
    struct database here = { .duck = f.duck.con };
    do_run(&here, row->is_text ? MORE(TEXT_KEY) : MORE(INT_KEY));
    do_run(&f.there, row->is_text ? MORE(TEXT_KEY) : MORE(INT_KEY));
    assert_true(counted_number(f.counted));
    assert_true(sync_both(&f));
    assert_true(is_said(&f, 310, 0) && is_said(&f, 311, 1));
    compare(&f);
    /* A server that starts anew. */
    counted_close(f.counted);
    open_counted(&f);
    assert_true(sync_both(&f));
    compare(&f);
    close_all(&f);
}

/* Whichever statement of a sync fails: what was there stays, and the next sync
 * makes good for it. */
static void check_fails(void **state)
{
    const struct kind *row = *state;
    struct fixture f;
    open_all(&f, row->in_postgres, row->is_text);
    for (unsigned i = 0; i < 40; i++)
        decide(&f, i, CONSENT_GRANTED, 0);
    assert_true(sync_both(&f));
    bool done = false;
    for (unsigned k = 1; !done; k++) {
        decide(&f, k, CONSENT_WITHDRAWN, 0);
        decide(&f, 100 + k, CONSENT_GRANTED, 0);
        f.there.ran = 0;
        f.there.fails_at = k;
        done = counted_sync(f.counted, &purposes[0]);
        f.there.fails_at = 0;
        assert_int_equal(is_said(&f, k, 0), !done);
        assert_int_equal(is_said(&f, 100 + k, 0), done);
        assert_true(sync_both(&f));
        compare(&f);
        assert_true(k < 20);
    }
    close_all(&f);
}

/* She said yes, which a sync wrote without hearing of it; then no. */
static void check_lost(void **state)
{
    const struct kind *row = *state;
    struct fixture f;
    open_all(&f, row->in_postgres, row->is_text);
    assert_true(sync_both(&f));
    decide(&f, 20, CONSENT_GRANTED, 0);
    f.there.loses_commit = true;
    assert_false(counted_sync(f.counted, &purposes[0]));
    f.there.loses_commit = false;
    assert_true(is_said(&f, 20, 0));
    decide(&f, 20, CONSENT_WITHDRAWN, 0);
    assert_true(sync_both(&f));
    assert_false(is_said(&f, 20, 0));
    compare(&f);
    close_all(&f);
}

int main(void)
{
    return RUN_ROWS(engines, check_same) + RUN_ROWS(engines, check_fails) +
           RUN_ROWS(engines, check_lost);
}
