#include <stdlib.h>
#include <string.h>

#include "benchmarks/bench.h"
#include "server/sql/sql.h"
#include "tests/lib_plan.h"

/*
 * What planning adds to parsing: check, bound, price and print one BI query,
 * against PostgreSQL's parser alone.  A chart over one table, one over a join
 * in a sub-query, one limited to the largest series, per-person features.
 * Prints name, median, fastest and slowest ns per query.
 */
static const char CHART[] =
    "SELECT date_trunc('month', day) AS month, land, COUNT(DISTINCT who) AS "
    "people, "
    "SUM(price) AS revenue, AVG(price) AS basket FROM shop.buys "
    "WHERE day >= '2024-01-01' AND day < '2024-04-01' AND kind IN ('a', 'b') "
    "GROUP BY 1, 2 HAVING COUNT(DISTINCT who) > 10 ORDER BY revenue DESC LIMIT "
    "100";

static const char VIRTUAL[] =
    "SELECT zone, COUNT(*) AS count FROM (SELECT b.*, t.zone FROM shop.buys AS "
    "b JOIN shop.towns AS t ON t.city = b.city WHERE t.zone < 5) AS "
    "virtual_table GROUP BY zone ORDER BY count DESC LIMIT 1000";

static const char SERIES[] =
    "SELECT date_trunc('day', day) AS day, city, COUNT(*) AS count FROM "
    "shop.buys JOIN (SELECT city AS city__, COUNT(*) AS inner__ FROM shop.buys "
    "WHERE day >= '2024-02-01' GROUP BY city ORDER BY COUNT(*) DESC LIMIT 5) "
    "AS series_limit ON city = city__ WHERE day >= '2024-02-01' GROUP BY 1, 2 "
    "ORDER BY count DESC LIMIT 50000";

static const char FEATURES[] =
    "WITH first AS (SELECT who, MIN(day) AS day, COUNT(*) AS n FROM shop.buys "
    "GROUP BY who), touch AS (SELECT who, city, row_number() OVER (PARTITION "
    "BY who ORDER BY day) AS rn FROM shop.trips) SELECT LEAST(5, n), "
    "COUNT(DISTINCT first.who) FROM first LEFT JOIN touch ON first.who = "
    "touch.who AND touch.rn = 1 WHERE EXISTS (SELECT 1 FROM shop.trips t WHERE "
    "t.who = first.who AND t.day > first.day) GROUP BY 1";

static const struct {
    const char *parse, *plan, *sql;
} QUERIES[] = {
    { "parse chart", "parse+plan chart", CHART },
    { "parse virtual table", "parse+plan virtual table", VIRTUAL },
    { "parse series limit", "parse+plan series limit", SERIES },
    { "parse features", "parse+plan features", FEATURES },
};

struct bench {
    struct arena a;
    const char *sql;
    bool plans;
};

static void one(void *arg)
{
    struct bench *b = arg;
    const struct request req = { .purpose = "stats" };
    struct err err = { 0 };
    struct select *tree = NULL;
    struct plan *plan = NULL;

    arena_reset(&b->a);
    if (sql_parse(&tree, b->sql, strlen(b->sql), &b->a, &err) != ERR_OK ||
        (b->plans &&
         plan_query(&plan, &req, tree, &plan_shop, &b->a, &err) != ERR_OK)) {
        fprintf(stderr, "%s (%s)\n", err.msg, err.hint);
        exit(1);
    }
}

int main(void)
{
    struct bench b = { .plans = false };
    sql_init();
    arena_init(&b.a, 1 << 22);
    for (size_t i = 0; i < sizeof QUERIES / sizeof QUERIES[0]; i++) {
        b.sql = QUERIES[i].sql;
        b.plans = false;
        bench_run(QUERIES[i].parse, one, &b, 200);
        b.plans = true;
        bench_run(QUERIES[i].plan, one, &b, 200);
    }
    arena_fini(&b.a);
    return 0;
}
