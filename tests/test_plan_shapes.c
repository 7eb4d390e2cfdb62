#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/sql/sql.h"
#include "tests/lib_plan.h"
#include "tests/lib_shop.h"
#include "tests/table.h"

/*
 * Chart queries as BI tools write them, from ../shared/bi/shapes_open.sql (one
 * per line, named in a trailing comment; skipped where the file is not there):
 * each is planned over the schema it was written for, and its statement runs.
 */
static const char FILE_NAME[] = "../shared/bi/shapes_open.sql";

static const char *const POLICY =
    "dataset: clinic\n"
    "exclusive: true\n"
    "version: 1\n"
    "data_version: \"1\"\n"
    "source: fake\n"
    "cap: {epsilon: 8, delta: 1e-6}\n"
    "max_price: {epsilon: 1}\n"
    "default_price: {epsilon: 0.5}\n"
    "max_people: 1_000_000\n"
    "purposes:\n"
    "  care: {help: Care., basis: legitimate_interest}\n"
    "tables:\n"
    "  patients:\n"
    "    key: patient_id\n"
    "    max_groups: 1\n"
    "    max_rows: 1\n"
    "    columns:\n"
    "      patient_id: int\n"
    "      region: text\n"
    "      sex: text\n"
    "      birth_year: {type: int, range: [1900, 2024]}\n"
    "      smoker: bool\n"
    "      enrolled: date\n"
    "  visits:\n"
    "    key: patient_id\n"
    "    max_groups: 4\n"
    "    max_rows: 10\n"
    "    columns:\n"
    "      visit_id: int\n"
    "      patient_id: int\n"
    "      visit_ts: {type: timestamp, range: [2022-01-01, 2026-01-01]}\n"
    "      dept: text\n"
    "      cost: {type: double, range: [0, 1000], grid: 0.01}\n"
    "      score: {type: double, range: [0, 10], grid: 0.1}\n"
    "      n_tests: {type: int, range: [0, 20]}\n";

static const char *const DATA =
    "CREATE TABLE src.patients(patient_id BIGINT, region VARCHAR, sex VARCHAR, "
    "birth_year BIGINT, smoker BOOLEAN, enrolled DATE); "
    "CREATE TABLE src.visits(visit_id BIGINT, patient_id BIGINT, visit_ts "
    "TIMESTAMP, dept VARCHAR, cost DOUBLE, score DOUBLE, n_tests BIGINT); "
    "INSERT INTO src.patients SELECT range, ['north', 'south'][1 + range % 2], "
    "'f', 1950 + range, range % 3 = 0, DATE '2022-01-01' FROM range(40); "
    "INSERT INTO src.visits SELECT range, range % 40, TIMESTAMP '2023-01-01' + "
    "INTERVAL 5 DAY * (range % 80), ['er', 'gp', 'lab'][1 + range % 3], range "
    "% 500, range % 9, range % 4 FROM range(400)";

/* What a shape is: answered, or refused for a reason. */
static const struct expected {
    const char *shape, *reason;
} others[] = {
    { "S11", "select_star" }, /* rows */
};

static const char *expected_reason(const char *shape)
{
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (strcmp(others[i].shape, shape) == 0)
            return others[i].reason;
    return NULL;
}

/* What Describe says of the columns is what the answer has. */
static bool describes(const struct plan *plan, const char *sql,
                      const struct request *req, const struct policy *policy,
                      struct arena *a)
{
    struct select *tree = NULL;
    struct plan_shape shape;
    struct err err = { 0 };
    size_t n;
    const struct plan_output *columns = plan_columns(plan, &n);
    bool same = sql_parse(&tree, sql, strlen(sql), a, &err) == ERR_OK &&
                plan_shape_of(&shape, req, tree, policy, a, &err) == ERR_OK &&
                shape.n_columns == n && shape.n_params == 0;
    for (size_t i = 0; same && i < n; i++)
        same = strcmp(shape.columns[i].name, columns[i].name) == 0 &&
               shape.columns[i].type == columns[i].type;
    return same;
}

static void plan_one(struct plan_db *db, const struct policy *policy,
                     const char *sql, const char *shape, unsigned *n_failed)
{
    const struct request req = { .purpose = "care" };
    const char *reason = expected_reason(shape);
    struct arena a;
    struct err err = { 0 };
    struct plan *plan = NULL;
    arena_init(&a, 1 << 24);
    const enum err_code rc = plan_sql(&plan, sql, &req, policy, &a, &err);
    const bool as_expected =
        reason ? rc != ERR_OK && err.reason && strcmp(err.reason, reason) == 0
               : rc == ERR_OK;
    if (!as_expected)
        print_error("%s: %s (%s)\n", shape, err.msg, err.hint);
    *n_failed += !as_expected;
    if (rc == ERR_OK && !describes(plan, sql, &req, policy, &a)) {
        print_error("%s: another shape\n", shape);
        ++*n_failed;
    }
    if (rc == ERR_OK && !plan->is_free) {
        struct plan bound;
        plan_db_bind(db, &bound, plan, &a);
        char *got = plan_db_answer(db, &bound, 7);
        *n_failed += !got;
        free(got);
    }
    arena_fini(&a);
}

static void plan_file(FILE *f)
{
    static char line[65536];
    struct plan_db db;
    struct arena a;
    struct err err = { 0 };
    struct policy *policy = NULL;
    struct policy_report report = { 0 };
    unsigned n = 0, n_failed = 0;
    arena_init(&a, 1 << 22);
    if (policy_load_bytes(&policy, POLICY, strlen(POLICY), "clinic.yaml",
                          &report, &a, &err) != ERR_OK)
        fail_msg("%s (%s)", err.msg, err.hint);
    plan_db_open(&db);
    plan_db_run(&db, DATA);
    while (fgets(line, sizeof line, f)) {
        char shape[8] = "?";
        char *comment = strstr(line, ";  -- [");
        if (!comment)
            continue;
        (void)snprintf(shape, sizeof shape, "%.3s", comment + 7);
        *comment = '\0';
        plan_one(&db, policy, line, shape, &n_failed);
        n++;
    }
    plan_db_close(&db);
    arena_fini(&a);
    assert_int_equal(n, 15);
    assert_int_equal(n_failed, 0);
}

static void shapes(void **state)
{
    FILE *f = fopen(FILE_NAME, "r");
    (void)state;
    if (!f)
        skip();
    plan_file(f);
    (void)fclose(f);
}

/* ---- charts of the demo shop ---- */

static const struct chart {
    const char *tool, *name; /* the SQL */
    const char *reason, *rewrite;
} charts[] = {
#define ROW(tool, sql, reason, rewrite) { tool, sql, reason, rewrite },
#include "tests/shapes.def"
#undef ROW
};

static struct shop shop;

/* Planned, described alike, and each of its statements runs. */
static void run_chart(const char *sql)
{
    const struct request req = { .purpose = "improve_products" };
    struct arena a;
    arena_init(&a, 256 << 20);
    struct plan *p = shop_plan(sql, &req, shop.policy, &a);
    if (!describes(p, sql, &req, shop.policy, &a))
        fail_msg("another shape: %s", sql);
    for (size_t i = 0; !p->is_free && i < plan_releases(p); i++)
        if (plan_runs(plan_release(p, i)) && plan_release(p, i)->n_before == 0)
            (void)shop_run(&shop, plan_release(p, i), &a);
    arena_fini(&a);
}

static void check_chart(void **state)
{
    const struct chart *row = *state;
    const struct request req = { .purpose = "improve_products" };
    struct arena a;
    struct err err = { 0 };
    struct plan *p = NULL;
    if (!row->reason) {
        run_chart(row->name);
        return;
    }
    arena_init(&a, 16 << 20);
    const enum err_code rc =
        plan_sql(&p, row->name, &req, shop.policy, &a, &err);
    assert_int_not_equal(rc, ERR_OK);
    const char *reason = rc == ERR_SYNTAX ? "syntax" : err.reason;
    if (!reason || strcmp(reason, row->reason) != 0 || !err.hint[0])
        fail_msg("%s: %s (%s)", reason ? reason : "-", err.msg, err.hint);
    arena_fini(&a);
    run_chart(row->rewrite);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(shapes) };
    sql_init();
    shop_open_demo(&shop, 200);
    const int failed = RUN_ROWS(charts, check_chart);
    shop_close(&shop);
    return failed + cmocka_run_group_tests(tests, NULL, NULL);
}
