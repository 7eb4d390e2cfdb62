#include <stdlib.h>
#include <string.h>

#include "benchmarks/bench.h"
#include "server/sql/sql.h"
#include "tests/lib_plan.h"

/*
 * What planning adds to parsing: check, bound, price and print one BI query,
 * against PostgreSQL's parser alone.  Prints name, median, fastest and slowest
 * ns per query, then the ratio of the medians' parts by difference.
 */
static const char QUERY[] =
    "SELECT date_trunc('month', day) AS month, land, COUNT(DISTINCT who) AS "
    "people, "
    "SUM(price) AS revenue, AVG(price) AS basket FROM shop.buys "
    "WHERE day >= '2024-01-01' AND day < '2024-04-01' AND kind IN ('a', 'b') "
    "GROUP BY 1, 2 HAVING COUNT(DISTINCT who) > 10 ORDER BY revenue DESC LIMIT "
    "100";

struct bench {
    struct arena a;
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
    if (sql_parse(&tree, QUERY, strlen(QUERY), &b->a, &err) != ERR_OK ||
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
    bench_run("parse", one, &b, 200);
    b.plans = true;
    bench_run("parse+plan", one, &b, 200);
    arena_fini(&b.a);
    return 0;
}
