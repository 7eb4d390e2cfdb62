#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/sql/sql.h"
#include "tests/lib_plan.h"
#include "tests/lib_relation.h"
#include "tests/table.h"

/*
 * What sub-queries mean: the statement printed for random relations against the
 * engine's own reading of the SQL as it was written, over the same rows without
 * those that have no key.  Rows of a person past Linf are cut on both sides;
 * orders are total, so that both see the same first row.
 */
enum { RELATIONS = 150, LINF = 3 };

static const char *const DATA =
    "CREATE SCHEMA plain; "
    "INSERT INTO src.buys(who, city, kind, n, price) SELECT CASE WHEN h % 6 < "
    "5 THEN h % 6 END, (['W','B','L','X',NULL])[1 + h // 7 % 5], "
    "(['a','b','z'])[1 + h // 35 % 3], CASE WHEN h // 105 % 6 < 5 THEN h // "
    "105 % 6 END, CASE WHEN h // 630 % 6 < 5 THEN (h // 630 % 6 - 1) * 0.25 "
    "END FROM (SELECT CAST(hash(range) % 1000000007 AS BIGINT) AS h FROM "
    "range(30)); "
    "INSERT INTO src.trips(who, city, km) SELECT CASE WHEN h % 6 < 5 THEN h % "
    "6 END, (['W','B','L',NULL])[1 + h // 6 % 4], h // 24 % 5 FROM (SELECT "
    "CAST(hash(range + 99) % 1000000007 AS BIGINT) AS h FROM range(14)); "
    "INSERT INTO src.towns VALUES ('W',1), ('B',2), ('B',3), ('X',4); "
    "CREATE VIEW plain.buys AS SELECT * FROM src.buys WHERE who IS NOT NULL; "
    "CREATE VIEW plain.trips AS SELECT * FROM src.trips WHERE who IS NOT NULL; "
    "CREATE VIEW plain.towns AS SELECT * FROM src.towns; "
    "SET search_path = 'plain'; "
    "SET default_null_order = 'nulls_last_on_asc_first_on_desc'";

static const char *const COUNTS[] = {
    "",
    " FILTER (WHERE n > 2)",
    " FILTER (WHERE c = 'W')",
    " FILTER (WHERE d > 0.5)",
    " FILTER (WHERE n IS NULL OR c IS NULL)",
};
enum { N_COUNTS = sizeof COUNTS / sizeof COUNTS[0] };

/* As an analyst asks; for free(). */
static char *question(const struct relation_gen *g, const char *relation)
{
    char *out = NULL;
    assert_true(
        asprintf(&out,
                 "%sSELECT COUNT(DISTINCT who), COUNT(*)%s, COUNT(*)%s, "
                 "COUNT(*)%s, COUNT(*)%s, COUNT(*)%s FROM %s r",
                 g->with, COUNTS[0], COUNTS[1], COUNTS[2], COUNTS[3], COUNTS[4],
                 relation) > 0);
    return out;
}

/* The same, bounded by hand, in the order of the plan's measures; for free().
 */
static char *by_hand(const struct relation_gen *g, const char *relation,
                     const struct plan *p)
{
    char *out = NULL;
    const char *counts[N_COUNTS] = { NULL };
    assert_int_equal(p->n_measures, N_COUNTS + 1);
    assert_int_equal(p->aggs[0].measure, 0); /* people */
    for (size_t i = 0; i < N_COUNTS; i++)
        counts[p->aggs[1 + i].measure - 1] = COUNTS[i];
    assert_true(
        asprintf(&out,
                 "%sSELECT count(*), coalesce(sum(least(a, %d)), 0), "
                 "coalesce(sum(least(b, %d)), 0), coalesce(sum(least(e, %d)), "
                 "0), coalesce(sum(least(f, %d)), 0), coalesce(sum(least(h, "
                 "%d)), 0) FROM (SELECT who, count(*)%s AS a, count(*)%s AS b, "
                 "count(*)%s AS e, count(*)%s AS f, count(*)%s AS h FROM %s r "
                 "GROUP BY who)",
                 g->with, LINF, LINF, LINF, LINF, LINF, counts[0], counts[1],
                 counts[2], counts[3], counts[4], relation) > 0);
    return out;
}

static void same_meaning(struct plan_db *db, unsigned seed, size_t *n_compared)
{
    struct relation_gen g = { .seed = seed * 2654435761u, .plain = true };
    const struct request req = { .purpose = "stats" };
    struct arena a;
    struct err err = { 0 };
    struct plan *plan = NULL;
    if (relation_draw(&g, 3) == 0) {
        char *q = relation_gen(&g, 1);
        (void)snprintf(g.with, sizeof g.with, "WITH q AS %s ", q);
        free(q);
    }
    char *relation = relation_gen(&g, 1 + relation_draw(&g, 2));
    char *asked = question(&g, relation), *naive = NULL;
    arena_init(&a, 1 << 24);
    const enum err_code rc = plan_sql(&plan, asked, &req, &plan_shop, &a, &err);
    if (rc == ERR_OK) {
        naive = by_hand(&g, relation, plan);
        struct plan direct = { .sql = naive };
        char *got = plan_db_answer(db, plan, 7);
        char *want = plan_db_answer(db, &direct, 7);
        if (!got || !want || strcmp(got, want) != 0)
            fail_msg("%s\n%s\n%s%s", asked, plan->sql, got ? got : "?\n",
                     want ? want : "?");
        free(got);
        free(want);
        ++*n_compared;
    } else if (rc != ERR_LIMIT) {
        fail_msg("%s\n%s (%s)", asked, err.msg, err.hint);
    }
    arena_fini(&a);
    free(relation);
    free(asked);
    free(naive);
}

static void meanings(void **state)
{
    const char *more = getenv("MEANING_SEED");
    const unsigned first = more ? (unsigned)atoi(more) : 0;
    struct plan_db db;
    size_t n_compared = 0;
    (void)state;
    plan_db_open(&db);
    plan_db_run(&db, DATA);
    for (unsigned i = 0; i < RELATIONS; i++)
        same_meaning(&db, first + i, &n_compared);
    assert_true(n_compared > RELATIONS / 2);
    plan_db_close(&db);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(meanings) };
    sql_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
