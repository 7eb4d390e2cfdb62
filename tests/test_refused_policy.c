/*
 * Refusals that depend on what the policy says: each on a copy of the shop with
 * one thing changed.
 */
#include <math.h>
#include <string.h>

#include "server/sql/sql.h"
#include "tests/lib_plan.h"
#include "tests/table.h"

enum { BUYS, TRIPS, TABLES = 3, COLUMNS = 16 };

/* A shop that may be written to. */
struct shop {
    struct policy policy;
    struct policy_table tables[TABLES];
    struct policy_column columns[TABLES][COLUMNS];
};

static struct policy_column *column(struct shop *s, size_t table,
                                    const char *name)
{
    struct policy_column *c = s->columns[table];
    while (strcmp(c->name, name) != 0)
        c++;
    return c;
}

static void copy_shop(struct shop *s)
{
    s->policy = plan_shop;
    s->policy.tables = s->tables;
    for (size_t t = 0; t < TABLES; t++) {
        s->tables[t] = plan_shop.tables[t];
        assert_true(s->tables[t].n_columns <= COLUMNS);
        memcpy(s->columns[t], s->tables[t].columns,
               s->tables[t].n_columns * sizeof s->columns[t][0]);
        s->tables[t].columns = s->columns[t];
    }
}

static void names_by_case(struct shop *s)
{
    column(s, BUYS, "land")->name = "CITY";
}

static void keys_of_two_types(struct shop *s)
{
    column(s, TRIPS, "who")->type = POLICY_TEXT;
}

static void domain_of_text(struct shop *s)
{
    column(s, BUYS, "land")->type = POLICY_INT;
}

static void many_rows(struct shop *s)
{
    s->policy.max_people = UINT64_C(10000000000000000000);
    s->tables[BUYS].max_rows = s->tables[BUYS].most_rows = 1000000000;
}

/* 10^15 steps of each of 10^6 rows pass 64 bits. */
static void a_million_rows(struct shop *s)
{
    s->tables[BUYS].max_rows = s->tables[BUYS].most_rows = 1000000;
}

/* 2^48 steps of each of 2^16 rows are 2^64, which wraps to nothing. */
static void rows_that_wrap(struct shop *s)
{
    s->tables[BUYS].max_rows = s->tables[BUYS].most_rows = 65536;
}

static void no_delta(struct shop *s)
{
    s->policy.max_price.delta_atto = 0;
}

static void delta_of_nothing(struct shop *s)
{
    s->policy.default_delta = 0;
}

static const struct row {
    const char *name;
    void (*change)(struct shop *s);
    const char *sql, *reason;
    enum err_code code;
} rows[] = {
    { "names that differ in case", names_by_case, "SELECT COUNT(*) FROM buys",
      "column_case", ERR_REFUSED },
    { "a key of two types", keys_of_two_types,
      "SELECT COUNT(*) FROM buys b JOIN trips t ON t.who = b.who", "key_types",
      ERR_REFUSED },
    { "a domain of another type", domain_of_text,
      "SELECT land, COUNT(*) FROM buys GROUP BY land", "domain_text",
      ERR_INVALID },
    { "a sum past 128 bits", many_rows,
      "SELECT SUM(n * 100000000000000) FROM buys", "total_range", ERR_REFUSED },
    { "what one person adds past 64 bits", a_million_rows,
      "SELECT SUM(n * 100000000000000) FROM buys", "total_range", ERR_REFUSED },
    { "what one person adds is 2^64 exactly", rows_that_wrap,
      "SELECT SUM(LEAST(281474976710656, n * 100000000000000)) FROM buys",
      "total_range", ERR_REFUSED },
    { "no delta for one question", no_delta,
      "SELECT city, COUNT(*) FROM buys GROUP BY city", "price_delta",
      ERR_BUDGET },
    { "no delta at all", delta_of_nothing,
      "SELECT city, COUNT(*) FROM buys GROUP BY city", "selection",
      ERR_REFUSED },
};

static void check(void **state)
{
    static struct shop shop;
    const struct row *row = *state;
    const struct request req = { .purpose = "stats" };
    struct arena a;
    struct err err = { 0 };
    struct plan *plan = NULL;
    arena_init(&a, 1 << 22);
    copy_shop(&shop);
    if (plan_sql(&plan, row->sql, &req, &shop.policy, &a, &err) != ERR_OK &&
        strcmp(err.reason, row->reason) == 0)
        fail_msg("unchanged: %s", err.msg);
    err = (struct err){ 0 };
    row->change(&shop);
    const enum err_code code =
        plan_sql(&plan, row->sql, &req, &shop.policy, &a, &err);
    if (code != row->code || !err.reason ||
        strcmp(err.reason, row->reason) != 0 || !err.hint[0])
        fail_msg("%s: %s", err.reason ? err.reason : "-", err.msg);
    arena_fini(&a);
}

int main(void)
{
    sql_init();
    return RUN_ROWS(rows, check);
}
