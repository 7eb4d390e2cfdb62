#include <string.h>

#include "server/sql/sql.h"
#include "tests/lib_plan.h"
#include "tests/table.h"

/*
 * Joins that public sizes say cannot end are refused where they stand, before
 * anything is charged; and those that can are not.  A deadline of 30 s is one
 * and a half billion joined rows.
 */
struct sizes {
    uint64_t people;      /* expected_size */
    uint64_t buys, towns; /* expected_rows */
    uint64_t deadline_ms;
};
#define NO_SIZES                                                               \
    {                                                                          \
        0                                                                      \
    }
#define MANY_TOWNS                                                             \
    {                                                                          \
        .people = 1000, .towns = 1000000                                       \
    }
#define FEW_TOWNS                                                              \
    {                                                                          \
        .people = 4000000, .buys = 20000000, .towns = 31                       \
    }
#define TOWN_EACH                                                              \
    {                                                                          \
        .people = 4000000, .buys = 20000000, .towns = 1000000                  \
    }
#define ONE_SECOND                                                             \
    {                                                                          \
        .people = 4000000, .buys = 20000000, .towns = 31, .deadline_ms = 1000  \
    }
#define HEAVY                                                                  \
    {                                                                          \
        .people = 10000, .buys = 20000000                                      \
    }

static const struct row {
    const char *name;
    unsigned col; /* of join_size; 0: it is planned */
    struct sizes of;
} rows[] = {
    /* Every row with every row. */
    { "SELECT COUNT(*) FROM buys b, towns t", 30, MANY_TOWNS },
    { "SELECT COUNT(*) FROM buys b CROSS JOIN towns t", 40, MANY_TOWNS },
    { "SELECT COUNT(*) FROM buys b JOIN towns t ON b.n > t.zone", 34,
      MANY_TOWNS },
    { "SELECT COUNT(*) FROM buys b LEFT JOIN towns t ON TRUE", 39, MANY_TOWNS },
    { "SELECT COUNT(*) FROM (SELECT b.who FROM buys b, towns t) x", 49,
      MANY_TOWNS },
    { "SELECT COUNT(*) FROM buys b WHERE b.n IN (SELECT t.zone FROM towns t "
      "JOIN towns u ON t.zone < u.zone)",
      75, MANY_TOWNS },
    { "SELECT COUNT(*) FROM buys b WHERE EXISTS (SELECT 1 FROM towns t WHERE "
      "t.zone > b.n)",
      57, MANY_TOWNS },
    { "SELECT COUNT(*) FROM buys b, towns t", 0, FEW_TOWNS },
    { "SELECT COUNT(*) FROM buys b, towns t", 30, NO_SIZES },
    { "SELECT COUNT(*) FROM buys b, towns t, towns u", 39, FEW_TOWNS },
    { "SELECT COUNT(*) FROM buys b, towns t", 30, ONE_SECOND },
    /* A table is read once, however large. */
    { "SELECT COUNT(*) FROM buys",
      0,
      { .people = 1000, .buys = 1000000000000000 } },
    { "SELECT COUNT(DISTINCT who) FROM buys WHERE who IN (SELECT who FROM "
      "trips)",
      0,
      { .people = 1000, .buys = 10000000000 } },
    /* By equality. */
    { "SELECT COUNT(*) FROM buys b JOIN towns t ON b.city = t.city", 0,
      TOWN_EACH },
    { "SELECT COUNT(*) FROM buys b, towns t WHERE b.city = t.city", 0,
      TOWN_EACH },
    { "SELECT COUNT(*) FROM buys b JOIN towns t USING (city)", 0, TOWN_EACH },
    { "SELECT COUNT(*) FROM buys b JOIN towns t ON b.city = lower(t.city)", 0,
      TOWN_EACH },
    { "SELECT COUNT(*) FROM buys b WHERE b.city IN (SELECT city FROM towns)", 0,
      TOWN_EACH },
    /* ... of what has few values, and so matches many rows. */
    { "SELECT COUNT(*) FROM buys b JOIN towns t ON b.n = t.zone", 34,
      TOWN_EACH },
    { "SELECT COUNT(*) FROM buys b JOIN towns t ON b.n = t.zone * 0", 34,
      TOWN_EACH },
    { "SELECT COUNT(*) FROM buys b JOIN towns t ON (b.n > 3) = (t.zone > 3)",
      34, TOWN_EACH },
    { "SELECT COUNT(*) FROM buys b JOIN (SELECT zone, COUNT(*) AS c FROM towns "
      "GROUP BY zone) t ON b.n = t.zone",
      0, TOWN_EACH },
    /* ... of one relation with itself, which ties nothing. */
    { "SELECT COUNT(*) FROM buys b JOIN towns t ON t.city = t.city", 34,
      TOWN_EACH },
    /* Rows of one person with each other. */
    { "SELECT COUNT(*) FROM buys a JOIN buys b ON a.who = b.who", 0,
      FEW_TOWNS },
    { "SELECT COUNT(*) FROM buys a JOIN buys b ON a.who = b.who", 34, HEAVY },
    { "SELECT COUNT(*) FROM buys a, buys b WHERE a.who = b.who", 30, HEAVY },
    { "SELECT COUNT(*) FROM buys a LEFT JOIN buys b ON a.who = b.who", 39,
      HEAVY },
    { "SELECT COUNT(*) FROM buys a WHERE EXISTS (SELECT 1 FROM buys b WHERE "
      "b.who = a.who AND b.n > a.n)",
      57, HEAVY },
    { "SELECT COUNT(*) FROM buys a JOIN buys b ON a.who = b.who AND a.city = "
      "b.city",
      0, FEW_TOWNS },
    { "SELECT COUNT(*) FROM buys a JOIN (SELECT who, COUNT(*) AS c FROM buys "
      "GROUP BY who) b ON a.who = b.who",
      0, HEAVY },
    { "SELECT COUNT(*) FROM (SELECT who FROM buys UNION ALL SELECT who FROM "
      "buys) a JOIN trips b ON a.who = b.who",
      83,
      { .people = 100000, .buys = 100000000 } },
};

/* The shop's policy with these sizes. */
struct shop {
    struct policy policy;
    struct policy_table tables[3];
};

static void fill(struct shop *s, const struct sizes *of)
{
    s->policy = plan_shop;
    assert_int_equal(s->policy.n_tables, 3);
    memcpy(s->tables, plan_shop.tables, sizeof s->tables);
    s->policy.tables = s->tables;
    s->policy.expected_size = of->people;
    s->policy.deadline_ms = of->deadline_ms;
    s->tables[0].expected_rows = of->buys;
    s->tables[0].most_groups = 64;
    s->tables[2].expected_rows = of->towns;
}

static void check(void **state)
{
    const struct row *row = *state;
    const struct request req = { .purpose = "stats" };
    struct shop s;
    struct plan *plan = NULL;
    struct arena a;
    struct err err = { 0 };
    fill(&s, &row->of);
    arena_init(&a, 1 << 22);
    const enum err_code code =
        plan_sql(&plan, row->name, &req, &s.policy, &a, &err);
    if (row->col == 0 && code != ERR_OK)
        fail_msg("%u:%u %s", err.line, err.col, err.msg);
    if (row->col > 0) {
        if (code == ERR_OK)
            fail_msg("planned");
        assert_string_equal(err.reason, "join_size");
        assert_int_equal(code, ERR_LIMIT);
        assert_int_equal(err.col, row->col);
    }
    arena_fini(&a);
}

/*
 * Public sizes choose the form: a state of one size holds the same for each
 * person, one that grows each group that they have.
 */
static const struct form {
    const char *name, *sql;
    uint32_t max_groups;
    struct sizes of;
    bool one_size;
    const char *why; /* EXPLAIN says */
} forms[] = {
    { "few groups, no sizes", "SELECT city, COUNT(*) FROM buys GROUP BY city",
      2, NO_SIZES, true, "since they are few: 88 bytes for each person" },
    { "many groups, no sizes", "SELECT city, COUNT(*) FROM buys GROUP BY city",
      20, NO_SIZES, false, "no expected_rows says that people have as many" },
    { "many groups of people with many rows",
      "SELECT city, COUNT(*) FROM buys GROUP BY city",
      20,
      { .people = 1000, .buys = 50000 },
      true,
      "664 bytes for each person are little beside the 50 rows" },
    { "many groups of people with few rows",
      "SELECT city, COUNT(*) FROM buys GROUP BY city",
      20,
      { .people = 1000, .buys = 2000 },
      false,
      "664 bytes for each person are much beside the 2 rows" },
    { "few groups of people with few rows",
      "SELECT city, COUNT(*) FROM buys GROUP BY city",
      2,
      { .people = 1000, .buys = 2000 },
      true,
      "88 bytes" },
    { "much to add up of people with few rows",
      "SELECT city, SUM(n), SUM(price) FROM buys GROUP BY city",
      8,
      { .people = 1000, .buys = 2000 },
      false,
      "are much beside the 2 rows" },
    { "a join multiplies the rows",
      "SELECT a.city, COUNT(*) FROM buys a JOIN buys b ON a.who = b.who GROUP "
      "BY 1",
      20,
      { .people = 1000, .buys = 5000 },
      true,
      "beside the 50 rows" },
    { "sizes of one table only",
      "SELECT a.city, COUNT(*) FROM buys a JOIN trips b ON a.who = b.who GROUP "
      "BY 1",
      20,
      { .people = 1000, .buys = 50000 },
      false,
      "no expected_rows" },
    { "more groups than the engine's aggregate takes",
      "SELECT city, COUNT(*) FROM buys GROUP BY city",
      40,
      { .people = 1000, .buys = 500000 },
      false,
      "with memory for the groups that people have, since there is much" },
};

static void check_form(void **state)
{
    const struct form *f = *state;
    const struct request req = { .purpose = "stats",
                                 .op = REQUEST_ESTIMATE,
                                 .bounds.max_groups = f->max_groups };
    struct shop s;
    struct plan *plan = NULL;
    struct arena a;
    struct err err = { 0 };
    fill(&s, &f->of);
    arena_init(&a, 1 << 22);
    if (plan_sql(&plan, f->sql, &req, &s.policy, &a, &err))
        fail_msg("%u:%u %s", err.line, err.col, err.msg);
    assert_int_equal(strstr(plan->sql, "halftone_keep_") != NULL, f->one_size);
    assert_int_equal(strstr(plan->sql, "halftone_many") != NULL, !f->one_size);
    assert_int_equal(plan->spare_sql != NULL, !f->one_size);
    assert_non_null(strstr(plan->text, "in one pass over the rows"));
    if (!strstr(plan->text, f->why))
        fail_msg("%s", plan->text);
    arena_fini(&a);
}

int main(void)
{
    sql_init();
    int failed = RUN_ROWS(rows, check);
    failed += RUN_ROWS(forms, check_form);
    return failed;
}
