/*
 * Refusals as a whole: each code of the table is provoked by a row that is
 * tested, and the way out that it tells works.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "server/query/refusal.h"
#include "server/sql/script.h"
#include "tests/lib_plan.h"
#include "tests/table.h"

static const struct asked {
    const char *name, *sql, *reason;
    const struct policy *policy;
    struct request req;
} asked[] = {
#define ROW(name, sql, reason, policy, ...)                                    \
    { name, sql, reason, &policy, __VA_ARGS__ },
#include "tests/plan_asked.def"
#undef ROW
};

static void check_asked(void **state)
{
    const struct asked *row = *state;
    struct arena a;
    struct err err = { 0 };
    struct plan *plan = NULL;
    arena_init(&a, 1 << 24);
    const enum err_code rc =
        plan_sql(&plan, row->sql, &row->req, row->policy, &a, &err);
    assert_int_not_equal(rc, ERR_OK);
    if (!err.reason || strcmp(err.reason, row->reason) != 0 || !err.hint[0])
        fail_msg("%s: %s (%s)", err.reason ? err.reason : "-", err.msg,
                 err.hint);
    assert_null(plan);
    arena_fini(&a);
}

/* Settings in front of a question. */
static const struct script {
    const char *name; /* the text itself */
    const char *reason;
} scripts[] = {
    { "SET halftone.purpose = 'a', 'b'; SELECT COUNT(*) FROM buys",
      "set_value" },
    { "SET TRANSACTION READ ONLY; SELECT COUNT(*) FROM buys", "set_kind" },
    { "SELECT COUNT(*) FROM buys; SET halftone.purpose = 'a'", "set_order" },
};

static void check_script(void **state)
{
    const struct script *row = *state;
    struct sql_script out;
    struct arena a;
    struct err err = { 0 };
    arena_init(&a, 1 << 20);
    assert_int_not_equal(
        sql_script_parse(&out, row->name, strlen(row->name), &a, &err), ERR_OK);
    assert_non_null(err.reason);
    assert_string_equal(err.reason, row->reason);
    assert_true(err.line == 1 && err.hint[0]);
    arena_fini(&a);
}

/* The hint's way out of a refusal is one. */
static const struct rewrite {
    const char *reason, *name; /* the question that is refused */
    const char *answered;
} rewrites[] = {
#define ROW(reason, refused, answered) { reason, refused, answered },
#include "tests/rewrites.def"
#undef ROW
};

static void check_rewrite(void **state)
{
    const struct rewrite *row = *state;
    const struct request req = { .purpose = "stats" };
    struct arena a;
    struct err err = { 0 };
    struct plan *plan = NULL;
    arena_init(&a, 1 << 24);
    assert_int_not_equal(plan_sql(&plan, row->name, &req, &plan_shop, &a, &err),
                         ERR_OK);
    if (!err.reason || strcmp(err.reason, row->reason) != 0)
        fail_msg("%s: %s", err.reason ? err.reason : "-", err.msg);
    err = (struct err){ 0 };
    if (plan_sql(&plan, row->answered, &req, &plan_shop, &a, &err) != ERR_OK)
        fail_msg("%s: %s (%s)", row->answered, err.msg, err.hint);
    arena_fini(&a);
}

/* Other databases' SQL: the hint says what to write here, and that works. */
static const struct foreign {
    const char *name, *hint, *answered;
} foreigns[] = {
#define ROW(refused, hint, answered) { refused, hint, answered },
#include "tests/foreign.def"
#undef ROW
};

static void check_foreign(void **state)
{
    const struct foreign *row = *state;
    const struct request req = { .purpose = "stats" };
    struct arena a;
    struct err err = { 0 };
    struct plan *plan = NULL;
    arena_init(&a, 1 << 24);
    assert_int_not_equal(plan_sql(&plan, row->name, &req, &plan_shop, &a, &err),
                         ERR_OK);
    if (!strstr(err.hint, row->hint) || err.line == 0)
        fail_msg("%s (%s)", err.msg, err.hint);
    err = (struct err){ 0 };
    if (plan_sql(&plan, row->answered, &req, &plan_shop, &a, &err) != ERR_OK)
        fail_msg("%s: %s (%s)", row->answered, err.msg, err.hint);
    arena_fini(&a);
}

/* Every function of server/sql/foreign.def is called in some row. */
static void foreign_functions_are_followed(void **state)
{
    static const char *const names[] = {
#define FOREIGN(name, write) name,
#include "server/sql/foreign.def"
#undef FOREIGN
    };
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char call[64];
        bool found = false;
        (void)snprintf(call, sizeof call, "%s(", names[i]);
        for (size_t r = 0; r < sizeof foreigns / sizeof foreigns[0]; r++)
            found |= strcasestr(foreigns[r].name, call) != NULL;
        if (!found)
            fail_msg("no row of foreign.def calls %s", names[i]);
    }
}

static bool is_rewritten(const char *reason)
{
    bool found = false;
    for (size_t i = 0; i < sizeof rewrites / sizeof rewrites[0]; i++)
        found |= strcmp(rewrites[i].reason, reason) == 0;
    return found;
}

/* A hint that says what to write is followed by a row of rewrites.def, unless
 * it tells of settings, of parameters or of the catalog. */
static void hints_are_followed(void **state)
{
    static const char *const begins[] = { "Write ", "Leave ", "Add " };
    static const char *const beside[] = {
        "set_value", "set_kind", "set_order", "set_alone", "not_finite",
        "time_range", "copy", "call", "own_table",
        /* followed in tests/catalog_asked.def */
        "catalog_ungrouped", "catalog_one_row", "catalog_zero", "catalog_value"
    };
    unsigned missing = 0;
    (void)state;
    for (unsigned r = 0; r < REFUSAL_COUNT; r++) {
        const struct refusal_info *i = refusal_info_of((enum refusal)r);
        bool tells = false;
        for (size_t k = 0; k < sizeof begins / sizeof begins[0]; k++)
            tells |= strncmp(i->hint, begins[k], strlen(begins[k])) == 0;
        for (size_t k = 0; k < sizeof beside / sizeof beside[0]; k++)
            tells &= strcmp(beside[k], i->name) != 0;
        if (!tells || is_rewritten(i->name))
            continue;
        print_error("nothing follows the hint of %s: %s\n", i->name, i->hint);
        missing++;
    }
    assert_int_equal(missing, 0);
}

/* Every reason that a row of the tables gives. */
static const char *const witnessed[] = {
#define ROW(sql, code, reason, line, col) reason,
#include "tests/sql_refused.def"
#undef ROW
#define ROW(sql, reason, line, col) reason,
#include "tests/plan_refused.def"
#undef ROW
#define ROW(name, sql, reason, policy, ...) reason,
#include "tests/plan_asked.def"
#undef ROW
};

/* Reasons that need more than a text, and the test that gives them: it names
 * the reason. */
static const struct elsewhere {
    const char *reason, *test;
} elsewhere[] = {
    { "engine_sql", "tests/test_postgres_plans.c" },
    { "copy", "tests/test_sql_command.c" },
    { "copy_option", "tests/test_sql_command.c" },
    { "call", "tests/test_sql_command.c" },
    { "execute_value", "tests/test_sql_command.c" },
    { "own_table", "tests/test_sql_command.c" },
    { "batch_dataset", "tests/test_batch.c" },
    { "batch_empty", "tests/test_batch_refused.c" },
    { "batch_size", "tests/test_batch_refused.c" },
    { "batch_bytes", "tests/test_batch_refused.c" },
    { "join_size", "tests/test_plan_size.c" },
    { "batch_memory", "tests/test_batch.c" },
    { "batch_dashboard", "tests/test_batch_refused.c" },
    { "dashboard", "tests/test_service.c" },
    { "segment_day", "tests/test_cap.c" },
    { "register_held", "tests/test_counts.c" },
    { "register_away", "tests/system/register_shared.sh" },
    { "dashboard_none", "tests/test_service.c" },
    { "batch_purpose", "tests/test_batch_refused.c" },
    { "batch_key", "tests/test_batch_refused.c" },
    { "batch_ask", "tests/test_batch_refused.c" },
    { "batch_show", "tests/test_batch_refused.c" },
    { "batch_memory", "tests/test_batch.c" },
    { "set_alone", "tests/test_batch_refused.c" },
    { "text_encoding", "tests/test_sql.c" },
    { "text_length", "tests/test_limits.c" },
    { "text_tokens", "tests/test_limits.c" },
    { "memory", "tests/test_limits.c" },
    { "column_case", "tests/test_refused_policy.c" },
    { "key_types", "tests/test_refused_policy.c" },
    { "domain_text", "tests/test_refused_policy.c" },
    { "total_range", "tests/test_refused_policy.c" },
    { "selection", "tests/test_refused_policy.c" },
    { "price_delta", "tests/test_refused_policy.c" },
    { "catalog_table", "tests/test_catalog.c" },
    { "catalog_closed", "tests/test_catalog.c" },
    { "catalog_function", "tests/test_catalog.c" },
    { "catalog_type", "tests/test_catalog.c" },
    { "catalog_setting", "tests/test_catalog.c" },
    { "catalog_select", "tests/test_catalog.c" },
    { "catalog_late", "tests/test_catalog.c" },
    { "catalog_large", "tests/test_catalog.c" },
    { "catalog_long", "tests/test_catalog.c" },
    { "catalog_column", "tests/test_catalog.c" },
    { "catalog_ungrouped", "tests/test_catalog.c" },
    { "catalog_aggregate", "tests/test_catalog.c" },
    { "catalog_arguments", "tests/test_catalog.c" },
    { "catalog_types", "tests/test_catalog.c" },
    { "catalog_width", "tests/test_catalog.c" },
    { "catalog_position", "tests/test_catalog.c" },
    { "catalog_one_row", "tests/test_catalog.c" },
    { "catalog_zero", "tests/test_catalog.c" },
    { "catalog_range", "tests/test_catalog.c" },
    { "catalog_value", "tests/test_catalog.c" },
    { "catalog_cannot", "tests/test_catalog.c" },
    { "catalog_memory", "tests/test_scratch.c" },
};

static bool is_witnessed(const char *reason)
{
    bool found = false;
    for (size_t i = 0; i < sizeof witnessed / sizeof witnessed[0]; i++)
        found |= witnessed[i] && strcmp(witnessed[i], reason) == 0;
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++)
        found |= strcmp(scripts[i].reason, reason) == 0;
    return found;
}

static bool names(const char *path, const char *reason)
{
    static char text[1 << 18];
    char quoted[80], marked[80];
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    const size_t n = fread(text, 1, sizeof text - 1, f);
    assert_int_equal(fclose(f), 0);
    text[n] = '\0';
    (void)snprintf(quoted, sizeof quoted, "\"%s\"", reason);
    (void)snprintf(marked, sizeof marked, "!%s ", reason);
    return strstr(text, quoted) || strstr(text, marked);
}

static bool is_elsewhere(const char *reason)
{
    bool found = false;
    for (size_t i = 0; i < sizeof elsewhere / sizeof elsewhere[0]; i++)
        found |= strcmp(elsewhere[i].reason, reason) == 0 &&
                 names(elsewhere[i].test, reason);
    return found;
}

static void every_reason_is_provoked(void **state)
{
    unsigned missing = 0;
    (void)state;
    for (unsigned r = 0; r < REFUSAL_COUNT; r++) {
        const char *name = refusal_info_of((enum refusal)r)->name;
        if (is_witnessed(name) || is_elsewhere(name))
            continue;
        print_error("nothing provokes %s\n", name);
        missing++;
    }
    assert_int_equal(missing, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_reason_is_provoked),
        cmocka_unit_test(hints_are_followed),
        cmocka_unit_test(foreign_functions_are_followed)
    };
    sql_init();
    return RUN_ROWS(asked, check_asked) + RUN_ROWS(scripts, check_script) +
           RUN_ROWS(rewrites, check_rewrite) +
           RUN_ROWS(foreigns, check_foreign) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
