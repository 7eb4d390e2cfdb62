/*
 * Keys of people in a PostgreSQL, told apart by their bytes: one spelled alike
 * is not erased in another's place, columns of two collations and a key that no
 * index takes keep nobody from counting; and a policy with consent is not
 * opened where the rows are read from elsewhere than where who counts is
 * written.
 */
#include <stdio.h>
#include <string.h>

#include "server/engine/engine.h"
#include "server/policy/policy.h"
#include "tests/lib_postgres.h"
#include "tests/table.h"

enum { URI_MAX = 320 };

static const char MAKE[] =
    "SET client_min_messages = error; DROP SCHEMA IF EXISTS halftone_k CASCADE;"
    "DROP TABLE IF EXISTS a, b; DROP COLLATION IF EXISTS ci;"
    "DO $$ BEGIN IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'kr') THEN "
    "DROP OWNED BY kr, kw; DROP ROLE kr, kw; END IF; END $$;"
    "CREATE ROLE kr LOGIN; CREATE ROLE kw LOGIN;"
    "CREATE SCHEMA halftone_k AUTHORIZATION kw;"
    "CREATE COLLATION ci (provider = icu, locale = 'und-u-ks-level2', "
    "deterministic = false);"
    "CREATE TABLE a (who TEXT COLLATE ci, n BIGINT);"
    "CREATE TABLE b (who VARCHAR(20000) COLLATE \"C\", n BIGINT);"
    "INSERT INTO a VALUES ('Ann', 1), ('ANN', 2), ('bob', 3);"
    "INSERT INTO b VALUES ('ann', 4), ('it''s \"x\\y', 5), "
    "((SELECT string_agg(md5(CAST(i AS TEXT)), '') FROM generate_series(1, "
    "300) i), 6), (repeat('k', 1024), 7);"
    "GRANT SELECT ON a, b TO kr, kw; GRANT DELETE ON a, b TO kw";

#define TABLE(name)                                                            \
    "  " name ":\n    from: " name "\n    key: who\n    max_groups: 1\n"       \
    "    max_rows: 9\n    columns:\n      who: {type: text}\n"                 \
    "      n: {type: int, range: [0, 9]}\n"
static const char POLICY[] =
    "dataset: k\nexclusive: true\nversion: 1\ndata_version: a\nsource: "
    "postgresql\ndatabase: "
    "\"%s\"\nwriter: \"%s\"\ncap: {rho: 5, delta: 1e-9}\nmax_people: 1000\n"
    "slots: {first: 0}\npurposes: {p: {basis: consent}}\n"
    "consent: {erasure: {execute: true}}\ntables:\n" TABLE("a") TABLE("b");

/* ---- who was erased ---- */

static const char *erased[2];

static uint32_t number(void *ctx, const char *key, size_t len, bool adds)
{
    (void)ctx;
    (void)adds;
    for (uint32_t i = 0; i < 2; i++)
        if (erased[i] && strlen(erased[i]) == len &&
            memcmp(erased[i], key, len) == 0)
            return i;
    return 64;
}

static void pin(void *ctx, struct gate_view *out,
                const struct policy_purpose *purpose)
{
    static const uint64_t two[] = { 3 };
    (void)ctx;
    *out = (struct gate_view){ .bits = two, .n = purpose ? 0 : 64 };
}

static void unpin(void *ctx, const struct gate_view *view)
{
    (void)ctx;
    (void)view;
}

/* ---- opening ---- */

struct opened {
    struct arena a;
    struct policy *policy;
    struct engine *engine;
    struct gate gate;
};

/* As `role`, in `database`. */
static void uri_of(char out[URI_MAX], const char *role, const char *database)
{
    const char *host = strchr(postgres_uri(), '?');
    assert_non_null(host);
    const char *user = strstr(host, "user=postgres");
    assert_non_null(user);
    (void)snprintf(out, URI_MAX, "postgresql:///%s%.*suser=%s%s", database,
                   (int)(user - host), host, role,
                   user + strlen("user=postgres"));
}

static enum err_code open_engine(struct opened *o, const char *database,
                                 struct err *err)
{
    char reader[URI_MAX], writer[URI_MAX], text[2048];
    struct policy_report report = { 0 };
    *o = (struct opened){ .gate = { NULL, number, pin, unpin } };
    uri_of(reader, "kr", database);
    uri_of(writer, "kw", "postgres");
    (void)snprintf(text, sizeof text, POLICY, reader, writer);
    arena_init(&o->a, 1 << 22);
    if (policy_load_bytes(&o->policy, text, strlen(text), "/tmp/k.yaml",
                          &report, &o->a, err) != ERR_OK)
        fail_msg("%s (%s)", err->msg, err->hint);
    const struct engine_options options = { .gate = &o->gate };
    return engine_open(&o->engine, o->policy, &options, err);
}

static void open_or_fail(struct opened *o)
{
    struct err err = { 0 };
    if (open_engine(o, "postgres", &err) != ERR_OK)
        fail_msg("%s (%s)", err.msg, err.hint);
}

static void close_engine(struct opened *o)
{
    engine_close(o->engine);
    arena_fini(&o->a);
}

/* ---- erasing ---- */

static const struct row {
    const char *name, *erased[2], *left; /* a query that counts 1 */
    size_t found;
} rows[] = {
    { "one whose name others bear in other letters",
      { "Ann" },
      "SELECT count(*) FROM a WHERE (SELECT string_agg(CAST(n AS TEXT), ',' "
      "ORDER BY n) FROM (SELECT n FROM a UNION ALL SELECT n FROM b) x) = "
      "'2,3,4,5,6,7' AND n = 3",
      1 },
    { "two of three who are spelled alike",
      { "ANN", "ann" },
      "SELECT count(*) FROM a WHERE (SELECT string_agg(CAST(n AS TEXT), ',' "
      "ORDER BY n) FROM (SELECT n FROM a UNION ALL SELECT n FROM b) x) = "
      "'1,3,5,6,7' AND n = 3",
      2 },
    { "one with quotes and a backslash",
      { "it's \"x\\y" },
      "SELECT count(*) FROM a WHERE (SELECT string_agg(CAST(n AS TEXT), ',' "
      "ORDER BY n) FROM (SELECT n FROM a UNION ALL SELECT n FROM b) x) = "
      "'1,2,3,4,6,7' AND n = 3",
      1 },
    { "one who is not there", { "annA" }, "SELECT count(*) - 2 FROM a", 0 },
};

static void check_erased(void **state)
{
    const struct row *row = *state;
    struct opened o;
    struct engine_erased whom;
    struct err err = { 0 };
    postgres_run(MAKE);
    memcpy(erased, row->erased, sizeof erased);
    open_or_fail(&o);
    assert_true(engine_can_erase(o.engine));
    assert_int_equal(engine_find_erased(o.engine, &whom, &o.a, &err), ERR_OK);
    assert_int_equal(whom.n, row->found);
    if (whom.n > 0)
        assert_int_equal(engine_erase(o.engine, &whom, &err), ERR_OK);
    assert_int_equal(postgres_count(row->left), 1);
    close_engine(&o);
}

/* ---- numbering ---- */

/* All but the one that is longer than a name of a subject can be. */
static void check_numbered(void **state)
{
    struct opened o;
    (void)state;
    postgres_run(MAKE);
    memset(erased, 0, sizeof erased);
    open_or_fail(&o);
    assert_int_equal(
        postgres_count("SELECT count(*) FROM halftone_k.halftone_people"), 6);
    close_engine(&o);
}

/* ---- where from ---- */

/* Another database stands for a replica: neither sees the writer's holder. */
static void check_elsewhere(void **state)
{
    struct opened o;
    struct err err = { 0 };
    (void)state;
    postgres_run(MAKE);
    postgres_run("DROP DATABASE IF EXISTS copy");
    open_or_fail(&o); /* the tables are made */
    close_engine(&o);
    postgres_run("CREATE DATABASE copy TEMPLATE postgres");
    assert_int_equal(open_engine(&o, "copy", &err), ERR_INVALID);
    assert_non_null(strstr(err.msg, "not one database"));
    assert_non_null(strstr(err.hint, "replica"));
    arena_fini(&o.a);
    postgres_run("DROP DATABASE copy");
}

/* A domain over a domain that is named as a number is: a text. */
static void check_named(void **state)
{
    struct opened o;
    struct err err = { 0 };
    (void)state;
    postgres_run(MAKE);
    postgres_run(
        "SET client_min_messages = error; DROP SCHEMA IF EXISTS odd CASCADE; "
        "CREATE SCHEMA odd; CREATE DOMAIN odd.int8 AS text; CREATE DOMAIN "
        "odd.n AS odd.int8; ALTER TABLE a ALTER n TYPE odd.n; GRANT USAGE ON "
        "SCHEMA odd TO kr, kw");
    assert_int_equal(open_engine(&o, "postgres", &err), ERR_INVALID);
    assert_non_null(strstr(err.msg, "declared int, stored as odd.int8"));
    arena_fini(&o.a);
    postgres_run("SET client_min_messages = error; DROP TABLE a; DROP SCHEMA "
                 "odd CASCADE");
}

/* ---- a role that only reads ---- */

static const struct power {
    const char *name, *grant, *says;
} powers[] = {
    { "writes a column", "GRANT UPDATE (n) ON a TO kr",
      "kr, can write public.a" },
    { "owns a view", "CREATE VIEW v AS SELECT 1; ALTER VIEW v OWNER TO kr",
      "kr, can write public.v" },
    { "owns what is computed once",
      "CREATE MATERIALIZED VIEW v AS SELECT 1; ALTER MATERIALIZED VIEW v OWNER "
      "TO kr",
      "kr, can write public.v" },
    { "may become one who writes",
      "ALTER ROLE kr NOINHERIT; GRANT DELETE ON a TO kx; GRANT kx TO kr",
      "kr, is a member of kx, which can write public.a" },
    { "may become a superuser", "ALTER ROLE kx SUPERUSER; GRANT kx TO kr",
      "kr, is a member of kx, which is a superuser" },
    { "may become one who makes roles",
      "ALTER ROLE kx CREATEROLE; GRANT kx TO kr",
      "kr, is a member of kx, which creates roles" },
    { "may become one who makes tables",
      "ALTER ROLE kr NOINHERIT; CREATE SCHEMA odd AUTHORIZATION kx; GRANT kx "
      "TO kr",
      "kr, is a member of kx, which can create in schema odd" },
    { "writes all", "GRANT pg_write_all_data TO kr",
      "kr, is a member of pg_write_all_data" },
};

static void check_power(void **state)
{
    const struct power *row = *state;
    struct opened o;
    struct err err = { 0 };
    postgres_run(MAKE);
    postgres_run("SET client_min_messages = error; CREATE ROLE kx");
    postgres_run(row->grant);
    assert_int_equal(open_engine(&o, "postgres", &err), ERR_REFUSED);
    if (!strstr(err.msg, row->says))
        fail_msg("'%s' does not say '%s'", err.msg, row->says);
    arena_fini(&o.a);
    postgres_run("SET client_min_messages = error; DROP OWNED BY kr, kx "
                 "CASCADE; DROP ROLE kx");
}

int main(void)
{
    const struct CMUnitTest more[] = {
        cmocka_unit_test(check_numbered),
        cmocka_unit_test(check_elsewhere),
        cmocka_unit_test(check_named),
    };
    return RUN_ROWS(rows, check_erased) + RUN_ROWS(powers, check_power) +
           cmocka_run_group_tests(more, NULL, NULL);
}
