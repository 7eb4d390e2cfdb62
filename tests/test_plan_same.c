/*
 * Which questions are one release, so that the second is read from the store:
 * what a dashboard sends again a moment later is, and what asks for something
 * else is not.
 */
#include <string.h>

#include "server/sql/sql.h"
#include "tests/lib_plan.h"
#include "tests/table.h"

#define TOP(then, limit)                                                       \
    "SELECT city, COUNT(*) FROM buys JOIN (SELECT city AS c, COUNT(*) AS n "   \
    "FROM buys WHERE at >= '2024-01-02 " then "' GROUP BY city ORDER BY "      \
    "COUNT(*) DESC LIMIT " limit ") s ON city = c GROUP BY city"
#define DAYS(keys)                                                             \
    "SELECT date_trunc('day', at), ok, COUNT(*) FROM buys WHERE at >= "        \
    "'2024-01-02' AND at < '2024-01-12' GROUP BY " keys

static const struct row {
    const char *name, *one, *other;
    bool same;
} rows[] = {
    { "a time that moves within the grain",
      "SELECT COUNT(*) FROM buys WHERE at >= '2024-01-02 03:04:05'",
      "SELECT COUNT(*) FROM buys WHERE at >= '2024-01-02 13:14:15.6'", true },
    { "a time that moves on to the next day",
      "SELECT COUNT(*) FROM buys WHERE at >= '2024-01-02 03:04:05'",
      "SELECT COUNT(*) FROM buys WHERE at >= '2024-01-03 03:04:05'", false },
    { "a time in a sub-query that is a release", TOP("03:04:05", "2"),
      TOP("13:14:15", "2"), true },
    { "another limit of it", TOP("03:04:05", "2"), TOP("03:04:05", "3"),
      false },
    { "a key twice", DAYS("1, 2"), DAYS("1, 2, date_trunc('day', at)"), true },
    { "a key twice, once with its table", DAYS("1, 2"),
      DAYS("1, 2, date_trunc('day', buys.at)"), true },
    { "a key twice, between others", DAYS("1, 2"),
      DAYS("date_trunc('day', at), 1, 2"), true },
    { "keys in another order", DAYS("1, 2"), DAYS("2, 1"), true },
    { "columns in another order",
      "SELECT kind, COUNT(*), SUM(n), land FROM buys GROUP BY kind, land",
      "SELECT land, kind, SUM(n), COUNT(*) FROM buys GROUP BY land, kind",
      true },
    { "aggregates of every kind, turned round",
      "SELECT COUNT(DISTINCT who), AVG(n), MEDIAN(n), COUNT(DISTINCT city), "
      "STDDEV(price), COUNT(*) FILTER (WHERE ok) FROM buys",
      "SELECT COUNT(*) FILTER (WHERE ok), STDDEV(price), COUNT(DISTINCT city), "
      "MEDIAN(n), AVG(n), COUNT(DISTINCT who) FROM buys",
      true },
    { "what only HAVING and ORDER BY ask for",
      "SELECT COUNT(*), SUM(n) FROM buys GROUP BY kind",
      "SELECT SUM(n) FROM buys GROUP BY kind HAVING COUNT(*) > 3", true },
    { "another aggregate", "SELECT COUNT(*), SUM(n) FROM buys",
      "SELECT COUNT(*), SUM(price) FROM buys", false },
    { "a filter of another aggregate",
      "SELECT COUNT(*) FILTER (WHERE ok), SUM(n) FROM buys",
      "SELECT COUNT(*), SUM(n) FILTER (WHERE ok) FROM buys", false },
    { "keys whose filters change places",
      "SELECT kind, land, COUNT(*) FROM buys WHERE kind = 'a' GROUP BY 1, 2",
      "SELECT land, kind, COUNT(*) FROM buys WHERE land = 'a' GROUP BY 1, 2",
      false },
    { "the first two rows, of which order decides, behind another release",
      "SELECT COUNT(*) FROM buys WHERE kind IN (SELECT kind FROM buys GROUP BY "
      "kind, land LIMIT 2)",
      "SELECT COUNT(*) FROM buys WHERE kind IN (SELECT kind FROM buys GROUP BY "
      "land, kind LIMIT 2)",
      false },
    { "another key", DAYS("1, 2"), DAYS("1, 2, city"), false },
    { "what is done with an earlier answer",
      "SELECT COUNT(*) FROM buys WHERE city IN (SELECT c FROM (SELECT city AS "
      "c, COUNT(*) AS n FROM buys GROUP BY city ORDER BY 2 DESC LIMIT 9) z "
      "WHERE n > 5)",
      "SELECT COUNT(*) FROM buys WHERE city IN (SELECT c FROM (SELECT city AS "
      "c, COUNT(*) AS n FROM buys GROUP BY city ORDER BY 2 DESC LIMIT 9) z "
      "WHERE n > 6)",
      false },
};

static void hash(uint8_t out[32], const char *sql)
{
    const struct request req = { .purpose = "stats" };
    struct arena a;
    struct err err = { 0 };
    struct plan *plan = NULL;
    arena_init(&a, 1 << 24);
    if (plan_sql(&plan, sql, &req, &plan_shop, &a, &err) != ERR_OK)
        fail_msg("%s: %s", sql, err.msg);
    memcpy(out, plan->release_hash, 32);
    arena_fini(&a);
}

static void check_row(void **state)
{
    const struct row *row = *state;
    uint8_t one[32], other[32];
    hash(one, row->one);
    hash(other, row->other);
    assert_int_equal(memcmp(one, other, 32) == 0, row->same);
}

int main(void)
{
    sql_init();
    return RUN_ROWS(rows, check_row);
}
