/*
 * The catalog of a published schema: what clients ask of it and what they are
 * told, and what is refused.  tests/system/pg_captured.sh asks all that real
 * clients do, beside a PostgreSQL that holds the same schema.
 */
#include <stdio.h>
#include <string.h>

#include "server/catalog/catalog.h"
#include "server/engine/scratch_pool.h"
#include "server/engine/scratch_worker.h"
#include "server/sql/sql.h"
#include "tests/table.h"

static const char POLICY[] =
    "dataset: clinic\n"
    "help: Visits of patients.\n"
    "exclusive: true\n"
    "version: 1\n"
    "data_version: \"1\"\n"
    "cap: {epsilon: 4, delta: 1e-8}\n"
    "max_people: 1000000\n"
    "purposes:\n"
    "  care: {help: To plan care., basis: public_task}\n"
    "tables:\n"
    "  patients:\n"
    "    help: One row per patient.\n"
    "    from: patients.parquet\n"
    "    key: patient_id\n"
    "    columns:\n"
    "      patient_id: {type: int}\n"
    "      region: {type: text, domain: [north, \"o'er\"], help: It's home.}\n"
    "      born: {type: int, domain: [-1, 1950]}\n"
    "      smoker: {type: bool, domain: [true]}\n"
    "  visits:\n"
    "    from: visits.parquet\n"
    "    key: patient_id\n"
    "    max_groups: 2\n"
    "    max_rows: 3\n"
    "    columns:\n"
    "      patient_id: {type: int}\n"
    "      at: {type: timestamp}\n"
    "      cost: {type: double, range: [0, 100], grid: 0.01}\n";

static struct scratch_pool *pool;
static struct catalog *clinic;
static struct policy *policy;
static struct arena policy_arena;

static void open_clinic(void)
{
    struct policy_report report = { 0 };
    struct err err = { 0 };
    sql_init();
    arena_init(&policy_arena, 1 << 20);
    pool = scratch_pool_new("/proc/self/exe", 1000);
    assert_non_null(pool);
    if (policy_load_bytes(&policy, POLICY, strlen(POLICY), "clinic.yaml",
                          &report, &policy_arena, &err) != ERR_OK ||
        catalog_open(&clinic, pool, (const struct policy *const[]){ policy }, 1,
                     "analyst", "clinic", &err) != ERR_OK)
        fail_msg("%s", err.msg);
}

static const char *setting(const void *ctx, const char *name)
{
    (void)ctx;
    return strcmp(name, "jit") == 0 ? "off" : NULL;
}

static const char *const path[] = { "clinic", "public" };
static const struct catalog_session session = {
    .user = "analyst",
    .database = "clinic",
    .schemas = path,
    .n_schemas = 2,
    .setting = setting,
};

static const struct asked {
    const char *name; /* the statement */
    const char *want; /* column:type,...; then rows, cells parted by | */
    const char *params[2];
} asked[] = {
#define ROW(sql, want, ...) { sql, want, { __VA_ARGS__ } },
#include "tests/catalog_asked.def"
#undef ROW
};

static void print(struct writer *w, const struct catalog_reply *r)
{
    for (size_t i = 0; i < r->n_fields; i++)
        writer_printf(w, "%s%s:%u", i ? "," : "", r->fields[i].name,
                      r->fields[i].type);
    for (size_t i = 0; i < r->n_rows; i++) {
        writer_str(w, ";");
        for (size_t k = 0; k < r->n_fields; k++) {
            const char *cell = r->cells[i * r->n_fields + k];
            writer_printf(w, "%s%s", k ? "|" : " ", cell ? cell : "NULL");
        }
    }
}

static void check_asked(void **state)
{
    const struct asked *row = *state;
    static char text[1 << 16];
    struct writer w = writer_of(text, sizeof text);
    struct catalog_reply r;
    struct arena a;
    struct err err = { 0 };
    arena_init(&a, 1 << 24);
    if (catalog_ask(&r, clinic, &session, row->name, strlen(row->name),
                    row->params, 2, &a, &err) != ERR_OK)
        fail_msg("%s", err.msg);
    print(&w, &r);
    assert_true(writer_cstr(&w));
    assert_string_equal(text, row->want);
    arena_fini(&a);
}

#define HUNDRED                                                                \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"                       \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define THOUSAND                                                               \
    HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED    \
        HUNDRED

static const struct refused {
    const char *name;   /* the statement */
    const char *reason; /* of refusal.def, or NULL: DuckDB's word */
    enum err_code code;
} refused[] = {
    { "SELECT * FROM clinic.patients", "catalog_table", ERR_NOT_FOUND },
    { "SELECT * FROM pg_class, clinic.patients", "catalog_table",
      ERR_NOT_FOUND },
    { "SELECT * FROM duckdb_settings()", "catalog_function", ERR_NOT_FOUND },
    { "SELECT * FROM read_csv('/etc/passwd')", "catalog_function",
      ERR_NOT_FOUND },
    { "SELECT pg_read_file('/etc/passwd')", "catalog_function", ERR_NOT_FOUND },
    { "SELECT other.lower('A')", "catalog_function", ERR_NOT_FOUND },
    { "SELECT * FROM pg_authid", "catalog_closed", ERR_REFUSED },
    { "SELECT 'a'::nothing", "catalog_type", ERR_NOT_FOUND },
    { "SELECT current_setting('nothing')", "catalog_setting", ERR_NOT_FOUND },
    { "SELECT relname INTO x FROM pg_class", "catalog_select", ERR_REFUSED },
    { "SELECT relname FROM pg_class FOR UPDATE", "catalog_select",
      ERR_REFUSED },
    { "DELETE FROM pg_class", "catalog_select", ERR_REFUSED },
    { "SELECT 1; SELECT 2", "catalog_select", ERR_REFUSED },
    { "WITH x AS (DELETE FROM pg_class RETURNING 1) SELECT * FROM pg_class",
      "catalog_select", ERR_REFUSED },
    { "SELECT relname FROM pg_class WHERE relname = $0", "param_number",
      ERR_INVALID },
    { "SELECT ~ 'a'", "catalog_function", ERR_NOT_FOUND },
    { "SELECT || ARRAY[1]", "catalog_function", ERR_NOT_FOUND },
    /* DuckDB's own view, where the query of WITH is not in sight */
    { "SELECT * FROM duckdb_tables WHERE 1 IN (WITH duckdb_tables AS (SELECT "
      "1) SELECT 1)",
      NULL, ERR_REFUSED },
    /* Each macro's text holds its argument more than once. */
    { "SELECT 1/(1/(1/(1/(1/(1/(1/(1/(1/(1/(1/(1/(1/(1/(1/(1/(1/(1/(1/(1/(1/"
      "(1/(1/(1/(1/(1/1)))))))))))))))))))))))))",
      "memory", ERR_LIMIT },
    { "SELECT count(x) FROM (SELECT generate_series(1, 300000000) AS x) y",
      "catalog_long", ERR_LIMIT },
    { "SELECT replace(replace('" THOUSAND "', 'a', '" THOUSAND
      "'), 'a', '" THOUSAND "')",
      "catalog_long", ERR_LIMIT },
    { "SELECT nothing FROM pg_class", "catalog_column", ERR_NOT_FOUND },
    { "SELECT c.nothing FROM pg_class c", "catalog_column", ERR_NOT_FOUND },
    { "SELECT z.relname FROM pg_class c", "no_alias", ERR_NOT_FOUND },
    { "SELECT oid FROM pg_class, pg_type", "ambiguous_column", ERR_INVALID },
    { "SELECT 1 FROM pg_class c, pg_type c", "alias_twice", ERR_INVALID },
    { "SELECT relname, count(*) FROM pg_class", "catalog_ungrouped",
      ERR_INVALID },
    { "SELECT 1 FROM pg_class WHERE count(*) > 1", "catalog_aggregate",
      ERR_INVALID },
    { "SELECT max(max(oid)) FROM pg_class", "catalog_aggregate", ERR_INVALID },
    { "SELECT array_length(relname, 1) FROM pg_class", "catalog_arguments",
      ERR_NOT_FOUND },
    { "SELECT coalesce(relname, ARRAY[1]) FROM pg_class", "catalog_types",
      ERR_INVALID },
    { "SELECT 1 UNION SELECT 1, 2", "catalog_width", ERR_INVALID },
    { "SELECT 1 WHERE 1 IN (SELECT 1, 2)", "catalog_width", ERR_INVALID },
    { "SELECT relname FROM pg_class ORDER BY 2", "catalog_position",
      ERR_INVALID },
    { "SELECT (SELECT relname FROM pg_class)", "catalog_one_row", ERR_INVALID },
    { "SELECT 1/0", "catalog_zero", ERR_INVALID },
    { "SELECT 9223372036854775807 + 1", "catalog_range", ERR_INVALID },
    { "SELECT 'x'::int4", "catalog_value", ERR_INVALID },
    { "SELECT regexp_replace('a', '(', 'b')", "catalog_cannot", ERR_REFUSED },
    { "SELECT a.attname, b.attname FROM pg_attribute a, pg_attribute b",
      "catalog_large", ERR_LIMIT },
    { "SELECT count(*) FROM pg_attribute a, pg_attribute b, pg_attribute c, "
      "pg_attribute d WHERE a.attname || b.attname || c.attname || d.attname = "
      "'x'",
      "catalog_late", ERR_LIMIT },
};

static void check_refused(void **state)
{
    const struct refused *row = *state;
    struct catalog_reply r;
    struct arena a;
    struct err err = { 0 };
    arena_init(&a, 1 << 24);
    const enum err_code code = catalog_ask(
        &r, clinic, &session, row->name, strlen(row->name), NULL, 0, &a, &err);
    if (code != row->code)
        fail_msg("%d: %s", code, err.msg);
    if (row->reason && (!err.reason || strcmp(err.reason, row->reason) != 0))
        fail_msg("%s: %s", err.reason ? err.reason : "-", err.msg);
    assert_null(strstr(err.msg, "Error:")); /* no word of DuckDB's */
    arena_fini(&a);
}

static void a_description_tells_columns_and_parameters(void **state)
{
    static const char sql[] =
        "SELECT oid, relname, $2::int4 AS n FROM pg_class WHERE relname = $1";
    struct catalog_reply r;
    struct arena a;
    struct err err = { 0 };
    (void)state;
    arena_init(&a, 1 << 24);
    assert_int_equal(
        catalog_describe(&r, clinic, &session, sql, sizeof sql - 1, &a, &err),
        ERR_OK);
    assert_int_equal(r.n_fields, 3);
    assert_int_equal(r.fields[0].type, 26);
    assert_int_equal(r.fields[1].type, 19);
    assert_int_equal(r.fields[2].type, 23);
    assert_int_equal(r.n_params, 2);
    assert_int_equal(r.params[0], 19);
    assert_int_equal(r.params[1], 23);
    assert_int_equal(r.n_rows, 0);
    arena_fini(&a);
}

static void an_oid_is_a_function_of_the_name(void **state)
{
    (void)state;
    assert_int_equal(catalog_oid("t:clinic.patients."), 1859097337);
    assert_true(catalog_oid("") >= 16384);
}

static void the_schema_is_printed_as_ddl(void **state)
{
    static char text[1 << 14];
    struct writer w = writer_of(text, sizeof text);
    (void)state;
    catalog_ddl(&w, (const struct policy *const[]){ policy }, 1);
    assert_true(writer_cstr(&w));
    assert_non_null(strstr(
        text, "\"region\" text CHECK (region = ANY (ARRAY['north'::text, "
              "'o''er'::text]))"));
    assert_non_null(strstr(text, "COMMENT ON COLUMN "
                                 "\"clinic\".\"patients\".\"region\" IS "
                                 "'It''s home.';"));
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest single[] = {
        cmocka_unit_test(a_description_tells_columns_and_parameters),
        cmocka_unit_test(an_oid_is_a_function_of_the_name),
        cmocka_unit_test(the_schema_is_printed_as_ddl),
    };
    if (scratch_worker_is(argc, argv))
        return scratch_worker_main();
    open_clinic();
    int failed = RUN_ROWS(asked, check_asked);
    failed += RUN_ROWS(refused, check_refused);
    failed += cmocka_run_group_tests(single, NULL, NULL);
    catalog_close(clinic);
    scratch_pool_free(pool);
    arena_fini(&policy_arena);
    return failed;
}
