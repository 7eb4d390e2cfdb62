/* Who asks for rows of people is told what works, and it does. */
#include <stdio.h>
#include <string.h>

#include "server/sql/sql.h"
#include "tests/lib_plan.h"
#include "tests/table.h"

static const struct row {
    const char *name; /* what is refused */
    const char *works;
} rows[] = {
    { "SELECT * FROM buys",
      "SELECT land, COUNT(*) FROM shop.buys GROUP BY land" },
    { "SELECT b.* FROM shop.buys b LIMIT 10",
      "SELECT land, COUNT(*) FROM shop.buys GROUP BY land" },
    { "SELECT city, n FROM buys WHERE n > 1",
      "SELECT land, COUNT(*) FROM shop.buys GROUP BY land" },
    { "SELECT n FROM (SELECT n, who FROM buys) b ORDER BY n",
      "SELECT land, COUNT(*) FROM shop.buys GROUP BY land" },
    { "SELECT * FROM trips t JOIN buys b ON t.who = b.who",
      "SELECT COUNT(*) FROM shop.trips" },
};

static const struct policy *policy = &plan_shop;

static enum err_code ask(const char *sql, struct err *err)
{
    const struct request req = { .purpose = "stats" };
    struct arena a;
    struct plan *plan = NULL;
    *err = (struct err){ 0 };
    arena_init(&a, 1 << 24);
    const enum err_code code = plan_sql(&plan, sql, &req, policy, &a, err);
    arena_fini(&a);
    return code;
}

static void follow(const char *sql, const char *works)
{
    static const char before[] = "One that works: ";
    struct err err;
    char hint[sizeof err.hint];
    assert_int_not_equal(ask(sql, &err), ERR_OK);
    if (strncmp(err.hint, before, strlen(before)) != 0)
        fail_msg("%s (%s)", err.msg, err.hint);
    assert_string_equal(err.hint + strlen(before), works);
    (void)snprintf(hint, sizeof hint, "%s", err.hint + strlen(before));
    if (ask(hint, &err) != ERR_OK)
        fail_msg("%s: %s", hint, err.msg);
}

static void check_row(void **state)
{
    const struct row *row = *state;
    follow(row->name, row->works);
}

/* Names that only quotes make names. */
static void names_are_quoted_where_they_must_be(void **state)
{
    struct policy odd = plan_shop;
    struct policy_table tables[3];
    struct policy_column columns[16];
    (void)state;
    memcpy(tables, plan_shop.tables, sizeof tables);
    memcpy(columns, tables[0].columns, tables[0].n_columns * sizeof columns[0]);
    for (size_t i = 0; i < tables[0].n_columns; i++)
        if (strcmp(columns[i].name, "land") == 0)
            columns[i].name = "order";
    tables[0].columns = columns;
    tables[0].name = "My \"Table\"";
    odd.tables = tables;
    policy = &odd;
    follow("SELECT * FROM \"My \"\"Table\"\"\"",
           "SELECT \"order\", COUNT(*) FROM shop.\"My \"\"Table\"\"\" GROUP BY "
           "\"order\"");
    policy = &plan_shop;
}

int main(void)
{
    const struct CMUnitTest others[] = {
        cmocka_unit_test(names_are_quoted_where_they_must_be),
    };
    sql_init();
    return RUN_ROWS(rows, check_row) +
           cmocka_run_group_tests(others, NULL, NULL);
}
