#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/sql/sql.h"
#include "tests/lib_plan.h"
#include "tests/table.h"

/*
 * Joins, sub-queries, windows and set operations on the real engine: small
 * tables whose answers are counted by hand, and what the ownership rules
 * refuse.
 *
 *   buys   1: W n=1 01-05, W n=2 01-06, B n=3 02-05
 *          2: W n=4 02-05, L n=5 03-31
 *          3: NULL n=9 01-01
 *          NULL: W n=10
 *   trips  1: W 5 km 01-04, B 7 km 02-09      2: W 3 km 02-06
 *          4: W 2 km 01-01                    NULL: W 9 km
 *   towns  W 1, B 2, X 3
 */
static const char *const DATA =
    "INSERT INTO src.buys(who, city, n, day) VALUES "
    "(1,'W',1,'2024-01-05'), (1,'W',2,'2024-01-06'), (1,'B',3,'2024-02-05'), "
    "(2,'W',4,'2024-02-05'), (2,'L',5,'2024-03-31'), (3,NULL,9,'2024-01-01'), "
    "(NULL,'W',10,'2024-01-05'); "
    "INSERT INTO src.trips VALUES (1,'W',5,'2024-01-04'), "
    "(1,'B',7,'2024-02-09'), (2,'W',3,'2024-02-06'), (4,'W',2,'2024-01-01'), "
    "(NULL,'W',9,'2024-01-01'); "
    "INSERT INTO src.towns VALUES ('W',1), ('B',2), ('X',3)";

static const struct row {
    const char *name, *sql, *want;
} answers[] = {
    { "owned with owned by the key",
      "SELECT COUNT(DISTINCT b.who) FROM buys b JOIN trips t ON b.who = t.who",
      "2\n" },
    { "the key said by WHERE, in the other order",
      "SELECT COUNT(*) FROM buys b, trips t WHERE t.who = b.who AND b.n < 9",
      /* 1: 3 x 2 = 6 -> Linf 3; 2: 2 */ "5\n" },
    { "USING the key",
      "SELECT COUNT(DISTINCT who) FROM buys JOIN trips USING (who, city)",
      "2\n" },
    { "three relations, each by the key of one",
      "SELECT COUNT(*) FROM buys a JOIN trips b ON a.who = b.who JOIN trips c "
      "ON c.who = b.who WHERE a.n = 4",
      "1\n" },
    { "a condition beside the key",
      "SELECT COUNT(*) FROM buys b JOIN trips t ON b.who = t.who AND b.city = "
      "t.city AND b.day > t.day",
      "2\n" },
    { "public beside owned",
      "SELECT zone, COUNT(*) FROM buys JOIN towns ON buys.city = towns.city "
      "GROUP BY zone",
      "1|3\n2|1\n" },
    { "a left join keeps people's rows",
      "SELECT COUNT(*) FROM buys b LEFT JOIN towns t ON b.city = t.city WHERE "
      "t.city IS NULL",
      "2\n" },
    { "a right join is the left one flipped",
      "SELECT COUNT(*) FROM towns t RIGHT JOIN buys b ON b.city = t.city WHERE "
      "t.city IS NULL",
      "2\n" },
    { "people without a trip",
      "SELECT COUNT(DISTINCT b.who) FROM buys b LEFT JOIN trips t ON b.who = "
      "t.who WHERE t.who IS NULL",
      "1\n" },
    { "of a key that may be missing, those that are there",
      "SELECT COUNT(DISTINCT t.who), COUNT(t.who), COUNT(DISTINCT b.who) FROM "
      "buys b LEFT JOIN trips t ON b.who = t.who",
      /* 1: 6 -> 3 rows; 2: 2 */ "2|5|3\n" },
    { "EXISTS with the key",
      "SELECT COUNT(*) FROM buys b WHERE EXISTS (SELECT 1 FROM trips t WHERE "
      "t.who = b.who AND t.day < b.day)",
      /* 1: all three; 2: 03-31 */ "4\n" },
    { "NOT EXISTS with the key",
      "SELECT COUNT(DISTINCT who) FROM buys b WHERE NOT EXISTS (SELECT 1 FROM "
      "trips t WHERE t.who = b.who)",
      "1\n" },
    { "EXISTS over public rows",
      "SELECT COUNT(*) FROM buys b WHERE EXISTS (SELECT 1 FROM towns t WHERE "
      "t.city = b.city AND t.zone < 2)",
      "3\n" },
    { "the key IN people who qualify",
      "SELECT COUNT(*) FROM buys WHERE who IN (SELECT who FROM trips GROUP BY "
      "who HAVING SUM(km) > 5)",
      "3\n" },
    { "the key NOT IN",
      "SELECT COUNT(DISTINCT who) FROM buys WHERE who NOT IN (SELECT who FROM "
      "trips)",
      "1\n" },
    { "a value IN one's own rows",
      "SELECT COUNT(*) FROM buys b WHERE city IN (SELECT city FROM trips t "
      "WHERE t.who = b.who)",
      "4\n" },
    { "a value NOT IN public rows; NULL is neither",
      "SELECT COUNT(*) FROM buys WHERE city NOT IN (SELECT city FROM towns)",
      "1\n" },
    { "a value IN a public sub-query with groups",
      "SELECT COUNT(*) FROM buys WHERE city IN (SELECT city FROM towns GROUP "
      "BY city HAVING MAX(zone) = 2)",
      "1\n" },
    { "EXISTS inside FILTER",
      "SELECT COUNT(*) FILTER (WHERE EXISTS (SELECT 1 FROM towns t WHERE "
      "t.city = b.city)) FROM buys b",
      "4\n" },
    { "one row a person: no rows are cut",
      "SELECT SUM(LEAST(10, GREATEST(0, s))) FROM (SELECT who, SUM(n) AS s "
      "FROM buys GROUP BY who) x",
      /* 6, 9, 9 */ "24\n" },
    { "aggregates of a person",
      "SELECT COUNT(*) FROM (SELECT who, COUNT(*) c, COUNT(city) v, "
      "COUNT(DISTINCT city) d, MIN(day) f, MAX(n) m, AVG(n) a FROM buys GROUP "
      "BY who) x WHERE (c = 3 AND d = 2 AND m = 3 AND a = 2) OR (v = 0 AND d = "
      "0 AND f = DATE '2024-01-01')",
      "2\n" },
    { "a filter of a person's aggregate",
      "SELECT COUNT(*) FROM (SELECT who, COUNT(*) FILTER (WHERE city = 'W') w "
      "FROM buys GROUP BY who) x WHERE w = 2",
      "1\n" },
    { "groups of a person and a city",
      "SELECT city, COUNT(*) FROM (SELECT who, city, COUNT(*) c FROM buys "
      "GROUP BY who, city) x WHERE c > 1 GROUP BY city",
      "W|1|1\n" },
    { "the first row of each person",
      "SELECT COUNT(*) FROM (SELECT who, city, row_number() OVER (PARTITION BY "
      "who ORDER BY day) AS rn FROM buys) x WHERE rn = 1 AND city = 'W'",
      "2\n" },
    { "LIMIT in a sub-query is per person",
      "SELECT COUNT(*) FROM (SELECT n FROM buys ORDER BY n DESC LIMIT 2) x "
      "WHERE n > 1",
      /* 1: 3, 2; 2: 5, 4; 3: 9 */ "5\n" },
    { "DISTINCT ON the key is the first row of each person",
      "SELECT city, COUNT(*) FROM (SELECT DISTINCT ON (who) who, city FROM "
      "buys ORDER BY who, day DESC) x GROUP BY city",
      "B|1|1\nL|1|1\nNULL|1|1\n" },
    { "DISTINCT ON the key and more",
      "SELECT COUNT(*) FROM (SELECT DISTINCT ON (who, city) n FROM buys ORDER "
      "BY who, city, n DESC) x WHERE n IN (2, 3, 4)",
      "3\n" },
    { "OFFSET is too",
      "SELECT COUNT(*) FROM (SELECT n FROM buys ORDER BY n OFFSET 1) x",
      /* 1: 2, 3; 2: 5 */ "3\n" },
    { "days since the row before",
      "SELECT COUNT(*) FROM (SELECT n - lag(n) OVER (PARTITION BY who ORDER BY "
      "day) AS gap FROM buys) x WHERE gap = 1",
      "3\n" },
    { "a running sum",
      "SELECT COUNT(*) FROM (SELECT SUM(n) OVER (PARTITION BY who ORDER BY day "
      "ROWS UNBOUNDED PRECEDING) AS s FROM buys) x WHERE s IN (3, 6)",
      "2\n" },
    { "DISTINCT with the key",
      "SELECT COUNT(*) FROM (SELECT DISTINCT who, city FROM buys) x", "5\n" },
    { "DISTINCT key is one row a person",
      "SELECT COUNT(*) FROM (SELECT DISTINCT who FROM buys) x", "3\n" },
    { "UNION ALL of people",
      "SELECT city, COUNT(DISTINCT who) FROM (SELECT who, city FROM buys UNION "
      "ALL SELECT who, city FROM trips) x GROUP BY city",
      "B|1\nL|1\nNULL|1\nW|3\n" },
    { "UNION with the key drops copies",
      "SELECT COUNT(*) FROM (SELECT who, city FROM buys UNION SELECT who, city "
      "FROM trips) x",
      "6\n" },
    { "EXCEPT with the key",
      "SELECT COUNT(*) FROM (SELECT who, city FROM buys EXCEPT SELECT who, "
      "city FROM trips) x",
      "2\n" },
    { "INTERSECT with the key",
      "SELECT COUNT(*) FROM (SELECT who FROM buys INTERSECT SELECT who FROM "
      "trips) x",
      "2\n" },
    { "WITH, joined to itself",
      "WITH f AS (SELECT who, MIN(day) AS first FROM buys GROUP BY who) SELECT "
      "COUNT(*) FROM f JOIN f AS g ON f.who = g.who AND f.first = g.first",
      "3\n" },
    { "WITH, then WITH",
      "WITH a AS (SELECT who, n FROM buys WHERE n > 1), b AS (SELECT who, n "
      "FROM a WHERE n < 9) SELECT COUNT(*) FROM b",
      "4\n" },
    { "SELECT * of a join in a sub-query",
      "SELECT zone, COUNT(*) FROM (SELECT b.*, t.zone FROM buys AS b JOIN "
      "towns AS t ON t.city = b.city WHERE b.n < 4) AS v GROUP BY zone",
      "1|2\n2|1\n" },
    { "nested renaming without the key",
      "SELECT c, COUNT(*) FROM (SELECT x.c AS c FROM (SELECT city AS c, n FROM "
      "buys) AS x WHERE x.n < 4) AS y GROUP BY c",
      "B|1|1\nW|2|1\n" },
    { "a SELECT around the aggregates",
      "SELECT y.a, y.c FROM (SELECT city AS a, COUNT(DISTINCT who) AS c FROM "
      "buys GROUP BY city) y WHERE NOT y.c IS NULL LIMIT 10",
      "B|1\nL|1\nNULL|1\nW|2\n" },
    { "SELECTs around and inside, as Power BI nests them",
      "SELECT _.c, _.a0 FROM (SELECT r.city AS c, SUM(r.n) AS a0 FROM (SELECT "
      "_.city, _.n FROM (SELECT city, n FROM shop.buys AS t) AS _ WHERE _.n < "
      "5) AS r GROUP BY city) AS _ WHERE NOT _.a0 IS NULL LIMIT 1000001",
      "B|3|1\nW|7|2\n" },
    { "SELECT DISTINCT of columns",
      "SELECT DISTINCT city FROM buys WHERE n < 5", "B|1\nW|2\n" },
    { "names of three parts",
      "SELECT shop.buys.city, COUNT(DISTINCT shop.buys.who) FROM shop.buys "
      "WHERE shop.buys.n < 5 GROUP BY shop.buys.city",
      "B|1\nW|2\n" },
    { "a release that refers to another: the largest city's rows",
      "SELECT b.city, COUNT(*) FROM buys b JOIN (SELECT city AS c, COUNT(*) AS "
      "n FROM buys GROUP BY city ORDER BY COUNT(*) DESC LIMIT 1) AS top ON "
      "b.city = top.c GROUP BY b.city",
      "W|3|2\n" },
    { "the same behind IN, two of them",
      "SELECT city, COUNT(DISTINCT who) FROM buys WHERE city IN (SELECT city "
      "FROM buys GROUP BY city ORDER BY COUNT(*) DESC LIMIT 1) OR city IN "
      "(SELECT x.a FROM (SELECT city AS a, COUNT(*) AS n FROM trips GROUP BY "
      "city ORDER BY 2, 1 LIMIT 1) x) GROUP BY city",
      "B|1\nW|2\n" },
    { "WITH, referred to twice, is one release",
      "WITH top AS (SELECT city, COUNT(*) AS n FROM buys GROUP BY city ORDER "
      "BY 2 DESC LIMIT 1) SELECT COUNT(*) FROM buys WHERE city IN (SELECT city "
      "FROM top) AND city IN (SELECT t.city FROM top t)",
      "3\n" },
    { "a release without groups",
      "SELECT COUNT(*) FROM buys b JOIN (SELECT COUNT(DISTINCT who) AS n FROM "
      "trips) AS t ON b.n = t.n",
      "1\n" },
    { "a number of the earlier release behind IN",
      "SELECT COUNT(*) FROM buys WHERE n IN (SELECT COUNT(DISTINCT who) FROM "
      "buys)",
      "1\n" },
    { "a value of the person's own rows",
      "SELECT COUNT(*) FROM buys b WHERE b.day = (SELECT MIN(x.day) FROM buys "
      "x WHERE x.who = b.who)",
      "3\n" },
    { "a value that no row has is NULL, a count 0",
      "SELECT COUNT(*) FROM buys b WHERE (SELECT MAX(km) FROM trips t WHERE "
      "t.who = b.who) IS NULL AND (SELECT COUNT(*) FROM trips t WHERE t.who = "
      "b.who) = 0",
      "1\n" },
    { "a public value",
      "SELECT COUNT(*) FROM buys b WHERE b.n = (SELECT MAX(zone) FROM towns)",
      "1\n" },
    { "a value over many people is a release",
      "SELECT COUNT(*) FROM buys b WHERE b.n > (SELECT COUNT(DISTINCT who) "
      "FROM "
      "trips)",
      /* 1, 2 and 4 */ "3\n" },
    { "a public sub-query",
      "SELECT COUNT(*) FROM buys b JOIN (SELECT city, COUNT(*) AS c FROM towns "
      "GROUP BY city) t ON t.city = b.city AND t.c = 1",
      "4\n" },
    { "a public aggregate without groups",
      "SELECT COUNT(*) FROM buys b JOIN (SELECT MAX(zone) AS z FROM towns) t "
      "ON b.n = t.z",
      "1\n" },
};

static void check_answer(void **state)
{
    const struct row *row = *state;
    const struct request req = { .purpose = "stats" };
    static struct plan_db db;
    static bool open;
    struct arena a;
    struct err err = { 0 };
    struct plan *plan = NULL;
    if (!open) {
        plan_db_open(&db);
        plan_db_run(&db, DATA);
        open = true;
    }
    arena_init(&a, 1 << 22);
    if (plan_sql(&plan, row->sql, &req, &plan_shop, &a, &err) != ERR_OK)
        fail_msg("%s (%s)", err.msg, err.hint);
    struct plan bound;
    plan_db_bind(&db, &bound, plan, &a);
    char *got = plan_db_answer(&db, &bound, 7);
    assert_non_null(got);
    assert_string_equal(got, row->want);
    free(got);
    arena_fini(&a);
}

/* Rows that nobody gets: names and types alone. */
static const struct described {
    const char *name, *sql, *want;
} described[] = {
    { "LIMIT 0", "SELECT * FROM trips LIMIT 0",
      "who int, city text, km int, day date" },
    { "a filter that is never true",
      "SELECT city, km * 1.5 AS x FROM trips WHERE 1 = 0",
      "city text, x double" },
    { "of a join",
      "SELECT b.city, t.* FROM buys b JOIN towns t ON t.city = b.city LIMIT 0",
      "city text, city text, zone int" },
    { "of a public table", "SELECT * FROM towns LIMIT 0",
      "city text, zone int" },
    { "of a SELECT around aggregates",
      "SELECT * FROM (SELECT land, COUNT(*) AS c FROM buys GROUP BY land) x "
      "LIMIT 0",
      "land text, c int" },
    { "of a window",
      "SELECT who, row_number() OVER (PARTITION BY who ORDER BY day) AS r FROM "
      "trips WHERE FALSE",
      "who int, r int" },
};

static void check_described(void **state)
{
    const struct described *row = *state;
    const struct request req = { .purpose = "stats" };
    struct arena a;
    struct err err = { 0 };
    struct plan *plan = NULL;
    char got[256] = "";
    arena_init(&a, 1 << 22);
    if (plan_sql(&plan, row->sql, &req, &plan_shop, &a, &err) != ERR_OK)
        fail_msg("%s (%s)", err.msg, err.hint);
    for (size_t i = 0; i < plan->n_outputs; i++)
        (void)snprintf(got + strlen(got), sizeof got - strlen(got), "%s%s %s",
                       i ? ", " : "", plan->outputs[i].name,
                       value_type_name(plan->outputs[i].type));
    assert_string_equal(got, row->want);
    assert_true(plan->is_free);
    struct reply_table table = { 0 };
    assert_int_equal(
        plan_finish(&table, plan, &(struct plan_noisy){ 0 }, &a, &err), ERR_OK);
    assert_int_equal(table.n_rows, 0);
    arena_fini(&a);
}

/* EXPLAIN tells each relation's owner, the chain and what is done after it. */
static void check_explained(void **state)
{
    static const char sql[] =
        "EXPLAIN (PRIVACY) SELECT COUNT(*) FROM (SELECT b.city, COUNT(*) AS n "
        "FROM buys b JOIN (SELECT who, MIN(km) AS km FROM trips GROUP BY who) "
        "t "
        "ON t.who = b.who JOIN towns o ON o.city = b.city WHERE b.city IN "
        "(SELECT city FROM trips GROUP BY city LIMIT 3) GROUP BY b.city) x";
    static const char *const told[] = {
        "First, as table s0, a release of its own:\nOwned table shop.trips, "
        "one "
        "owner per row: who\n",
        "Owned table shop.buys, one owner per row: who\n",
        "Owned sub-query t, one owner per row: who, one row per person\n",
        "Public table shop.towns\n",
        "Then, from the noisy answer: 1 SELECT around it, free\n",
    };
    const struct request req = { .purpose = "stats" };
    struct reply_estimate estimate;
    struct arena a;
    struct err err = { 0 };
    struct plan *plan = NULL;
    (void)state;
    arena_init(&a, 1 << 22);
    if (plan_sql(&plan, sql, &req, &plan_shop, &a, &err) != ERR_OK)
        fail_msg("%s (%s)", err.msg, err.hint);
    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++)
        if (!strstr(plan->text, told[i]))
            fail_msg("%s in\n%s", told[i], plan->text);
    assert_int_equal(plan_estimate(&estimate, plan, plan_shop.cap, &a, &err),
                     ERR_OK);
    assert_int_equal(estimate.n_columns, 1);
    assert_string_equal(estimate.columns[0].name, "count");
    assert_true(isnan(estimate.columns[0].expected_error));
    arena_fini(&a);
}

/* What is derived: rows and groups per person, and which groups are public. */
static const struct derived {
    const char *name, *sql;
    uint32_t l0, linf;
    bool selects;
    uint64_t groups; /* !selects */
} derived[] = {
    { "a table", "SELECT land, COUNT(*) FROM buys GROUP BY land", 2, 3, false,
      4 },
    { "grouped by the key",
      "SELECT c, COUNT(*) FROM (SELECT who, MIN(city) AS c FROM buys GROUP BY "
      "who) x GROUP BY c",
      1, 1, true, 0 },
    { "grouped by the key and more",
      "SELECT city, COUNT(*) FROM (SELECT who, city FROM buys GROUP BY who, "
      "city) x GROUP BY city",
      2, 3, true, 0 },
    { "DISTINCT key", "SELECT COUNT(*) FROM (SELECT DISTINCT who FROM buys) x",
      1, 1, false, 1 },
    { "LIMIT 1",
      "SELECT kind, COUNT(*) FROM (SELECT kind FROM buys ORDER BY "
      "day LIMIT 1) x GROUP BY kind",
      1, 1, false, 2 },
    { "LIMIT 2",
      "SELECT kind, COUNT(*) FROM (SELECT kind FROM buys ORDER BY "
      "day LIMIT 2) x GROUP BY kind",
      2, 3, false, 2 },
    { "DISTINCT ON the key",
      "SELECT kind, COUNT(*) FROM (SELECT DISTINCT ON (who) kind FROM buys "
      "ORDER BY who, day) x GROUP BY kind",
      1, 1, false, 2 },
    { "the first row by row_number",
      "SELECT kind, COUNT(*) FROM (SELECT kind, row_number() OVER (PARTITION "
      "BY who ORDER BY day) r FROM buys) x WHERE r = 1 GROUP BY kind",
      1, 1, false, 2 },
    { "the first rows by row_number",
      "SELECT kind, COUNT(*) FROM (SELECT kind, row_number() OVER (PARTITION "
      "BY who ORDER BY day) r FROM buys) x WHERE r <= 2 GROUP BY kind",
      2, 3, false, 2 },
    { "row_number in parts of a person",
      "SELECT kind, COUNT(*) FROM (SELECT kind, row_number() OVER (PARTITION "
      "BY who, city ORDER BY day) r FROM buys) x WHERE r = 1 GROUP BY kind",
      2, 3, false, 2 },
    { "rank ties",
      "SELECT kind, COUNT(*) FROM (SELECT kind, rank() OVER (PARTITION BY who "
      "ORDER BY day) r FROM buys) x WHERE r = 1 GROUP BY kind",
      2, 3, false, 2 },
    { "a number that a join repeats",
      "SELECT kind, COUNT(*) FROM (SELECT x.kind, x.r FROM (SELECT kind, city, "
      "row_number() OVER (PARTITION BY who ORDER BY day) r FROM buys) x JOIN "
      "towns t ON t.city = x.city) y WHERE r = 1 GROUP BY kind",
      2, 3, false, 2 },
    { "a number that UNION ALL repeats",
      "SELECT kind, COUNT(*) FROM (SELECT kind, row_number() OVER (PARTITION "
      "BY who ORDER BY day) r FROM buys UNION ALL SELECT kind, 1 FROM buys) x "
      "WHERE r = 1 GROUP BY kind",
      2, 3, false, 2 },
    { "one row a person joined to one row a person",
      "SELECT a.k, COUNT(*) FROM (SELECT who, MIN(kind) AS k FROM buys GROUP "
      "BY who) a LEFT JOIN (SELECT who, SUM(km) AS d FROM trips GROUP BY who) "
      "b ON a.who = b.who WHERE b.d > 3 GROUP BY a.k",
      1, 1, true, 0 },
    { "one row a person joined to rows",
      "SELECT COUNT(*) FROM (SELECT who, COUNT(*) AS c FROM buys GROUP BY who) "
      "a JOIN trips b ON a.who = b.who",
      1, 3, false, 1 },
    { "one row a person joined to public rows",
      "SELECT COUNT(*) FROM (SELECT who, MIN(city) AS c FROM buys GROUP BY "
      "who) a JOIN towns t ON t.city = a.c",
      1, 3, false, 1 },
    { "EXCEPT leaves one row a person",
      "SELECT COUNT(*) FROM (SELECT DISTINCT who FROM buys EXCEPT SELECT who "
      "FROM trips) x",
      1, 1, false, 1 },
    { "a domain passes through",
      "SELECT kind, COUNT(*) FROM (SELECT b.kind FROM buys b JOIN trips t ON "
      "b.who = t.who) x GROUP BY kind",
      2, 3, false, 2 },
    { "CASE between constants, inside",
      "SELECT band, COUNT(*) FROM (SELECT who, CASE WHEN COUNT(*) > 2 THEN "
      "'many' WHEN COUNT(*) > 1 THEN 'some' ELSE 'one' END AS band FROM buys "
      "GROUP BY who) x GROUP BY band",
      1, 1, false, 3 },
    { "a capped count, outside",
      "SELECT LEAST(4, c), COUNT(*) FROM (SELECT who, COUNT(*) AS c FROM buys "
      "GROUP BY who) x GROUP BY 1",
      1, 1, false, 5 },
    { "a capped count, inside",
      "SELECT c, COUNT(*) FROM (SELECT who, LEAST(4, COUNT(*)) AS c FROM buys "
      "GROUP BY who) x GROUP BY c",
      1, 1, false, 5 },
    { "months of a bound inside",
      "SELECT date_trunc('month', d), COUNT(*) FROM (SELECT day AS d FROM "
      "trips WHERE day >= '2024-02-01') x GROUP BY 1",
      2, 3, false, 2 },
    { "months of a first day",
      "SELECT date_trunc('month', d), COUNT(*) FROM (SELECT who, MIN(day) AS d "
      "FROM trips GROUP BY who) x GROUP BY 1",
      1, 1, false, 3 },
};

static void check_derived(void **state)
{
    const struct derived *row = *state;
    const struct request req = { .purpose = "stats" };
    struct arena a;
    struct err err = { 0 };
    struct plan *plan = NULL;
    arena_init(&a, 1 << 22);
    if (plan_sql(&plan, row->sql, &req, &plan_shop, &a, &err) != ERR_OK)
        fail_msg("%s (%s)", err.msg, err.hint);
    assert_int_equal(plan->l0, row->l0);
    assert_int_equal(plan->linf, row->linf);
    assert_int_equal(plan->selects, row->selects);
    assert_int_equal(plan->groups_public, row->groups);
    arena_fini(&a);
}

static const struct planned {
    const char *name; /* the SQL itself */
    uint32_t l0, linf;
    uint64_t groups; /* 0: selected */
    const char *measures;
    size_t n_before;
} planned[] = {
#define ROW(sql, l0, linf, groups, measures, before)                           \
    { sql, l0, linf, groups, measures, before },
#include "tests/plan_expected.def"
#undef ROW
};

static const char *measure_name(enum measure_kind kind)
{
    return kind == MEASURE_PEOPLE ? "people"
           : kind == MEASURE_ROWS ? "rows"
                                  : "sum";
}

static void check_planned(void **state)
{
    const struct planned *row = *state;
    const struct request req = { .purpose = "stats" };
    struct arena a;
    struct err err = { 0 };
    struct plan *plan = NULL;
    char got[256] = "";
    arena_init(&a, 1 << 22);
    if (plan_sql(&plan, row->name, &req, &plan_shop, &a, &err) != ERR_OK)
        fail_msg("%s (%s)", err.msg, err.hint);
    for (size_t i = 0; i < plan->n_measures; i++)
        (void)snprintf(got + strlen(got), sizeof got - strlen(got), "%s%s %llu",
                       i ? ", " : "", measure_name(plan->measures[i].kind),
                       (unsigned long long)plan->measures[i].bound);
    assert_string_equal(got, row->measures);
    assert_int_equal(plan->l0, row->l0);
    assert_int_equal(plan->linf, row->linf);
    assert_int_equal(plan->selects, row->groups == 0);
    assert_int_equal(plan->groups_public, row->groups);
    assert_int_equal(plan->n_before, row->n_before);
    arena_fini(&a);
}

/* A chain costs what one question may: a quarter for each earlier release. */
static void check_chain_price(void **state)
{
    static const char sql[] =
        "SELECT COUNT(*) FROM buys WHERE city IN (SELECT city FROM buys GROUP "
        "BY city ORDER BY COUNT(DISTINCT who) DESC LIMIT 2)";
    static const char other[] =
        "SELECT COUNT(*) FROM buys WHERE city IN (SELECT city FROM buys GROUP "
        "BY city ORDER BY COUNT(DISTINCT who) DESC LIMIT 3)";
    const struct request req = { .purpose = "stats",
                                 .ask = { .kind = ASK_RHO, .price = 0.2 } };
    const uint64_t whole = UINT64_C(200000000000);
    struct arena a;
    struct err err = { 0 };
    struct plan *plan = NULL, *again = NULL;
    (void)state;
    arena_init(&a, 1 << 22);
    assert_int_equal(plan_sql(&plan, sql, &req, &plan_shop, &a, &err), ERR_OK);
    assert_int_equal(plan_sql(&again, other, &req, &plan_shop, &a, &err),
                     ERR_OK);
    assert_int_equal(plan->n_before, 1);
    assert_in_range(plan->price.rho_pico, whole - whole / 1000, whole);
    assert_in_range(plan->before[0]->price.rho_pico, whole / 4 - whole / 1000,
                    whole / 4);
    assert_true(plan->price.delta_atto > 0);
    assert_int_equal(plan->price.delta_atto, plan->before[0]->price.delta_atto);
    /* LIMIT decides what the earlier answer hands on: another release. */
    assert_memory_not_equal(plan->release_hash, again->release_hash,
                            sizeof plan->release_hash);
    arena_fini(&a);
}

/*
 * SELECTs around the aggregates that work on the answer.  The groups inside, of
 * known numbers: AT 10, DE 20, FR 30, other 40 rows.
 */
static const struct around {
    const char *name, *sql, *want;
} around[] = {
    { "a count of groups",
      "SELECT COUNT(*) FROM (SELECT land, COUNT(*) AS c FROM buys GROUP BY "
      "land) x",
      "4" },
    { "a total of groups, as a dashboard asks",
      "SELECT SUM(c) AS total, AVG(c), MIN(c), MAX(land) FROM (SELECT land, "
      "COUNT(*) AS c FROM buys GROUP BY land) x",
      "100,25,10,other" },
    { "groups of groups",
      "SELECT c > 15, COUNT(*), SUM(c) FROM (SELECT land, COUNT(*) AS c FROM "
      "buys GROUP BY land) x GROUP BY 1 ORDER BY 1 DESC",
      "true,3,90;false,1,10" },
    { "a filter behind a LIMIT",
      "SELECT land FROM (SELECT land, COUNT(*) AS c FROM buys GROUP BY land "
      "ORDER BY c DESC LIMIT 3) x WHERE c < 35 ORDER BY land DESC",
      "FR;DE" },
    { "an order behind a LIMIT, then another LIMIT",
      "SELECT * FROM (SELECT land, COUNT(*) AS c FROM buys GROUP BY land ORDER "
      "BY c LIMIT 3) x ORDER BY land DESC LIMIT 1 OFFSET 1",
      "DE,20" },
    { "DISTINCT over an answer",
      "SELECT DISTINCT c > 15 FROM (SELECT land, COUNT(*) AS c FROM buys GROUP "
      "BY land) x",
      "false;true" },
    { "HAVING, FILTER and arithmetic over groups of groups",
      "SELECT SUM(c) / COUNT(*) + 1 FROM (SELECT land, COUNT(*) AS c FROM buys "
      "GROUP BY land) x HAVING COUNT(*) FILTER (WHERE c > 15) = 3",
      "26" },
    { "HAVING leaves nothing",
      "SELECT SUM(c) FROM (SELECT land, COUNT(*) AS c FROM buys GROUP BY land) "
      "x HAVING COUNT(*) > 4",
      "" },
    { "a SELECT around a SELECT around",
      "SELECT n + 1 FROM (SELECT COUNT(*) AS n FROM (SELECT c * 2 AS d FROM "
      "(SELECT land, COUNT(*) AS c FROM buys GROUP BY land) x) y WHERE d > 30) "
      "z WHERE n > 2",
      "4" },
    { "of no rows: one row",
      "SELECT COUNT(*), SUM(c) FROM (SELECT land, COUNT(*) AS c FROM buys "
      "GROUP BY land) x WHERE c > 1000",
      "0,NULL" },
    { "of no rows: no group",
      "SELECT land, COUNT(*) FROM (SELECT land, COUNT(*) AS c FROM buys GROUP "
      "BY land LIMIT 3) x WHERE c > 1000 GROUP BY land",
      "" },
};

static void check_around(void **state)
{
    enum { GROUPS = 4 };
    const struct around *row = *state;
    const struct request req = { .purpose = "stats" };
    const char *lands[GROUPS] = { "AT", "DE", "FR", "other" };
    struct arena a;
    struct err err = { 0 };
    struct plan *plan = NULL;
    struct value keys[GROUPS];
    struct dp_noisy measures[GROUPS];
    struct reply_table table = { 0 };
    char text[256];
    struct writer w = writer_of(text, sizeof text);
    arena_init(&a, 1 << 22);
    if (plan_sql(&plan, row->sql, &req, &plan_shop, &a, &err) != ERR_OK)
        fail_msg("%s (%s)", err.msg, err.hint);
    assert_int_equal(plan->n_measures, 1);
    for (int i = 0; i < GROUPS; i++) {
        keys[i] = value_text(lands[i], strlen(lands[i]));
        measures[i] = (struct dp_noisy){ 10 * (i + 1) };
    }
    const struct plan_noisy noisy = { keys, measures, GROUPS };
    assert_int_equal(plan_finish(&table, plan, &noisy, &a, &err), ERR_OK);
    for (size_t i = 0; i < table.n_rows * table.n_columns; i++) {
        writer_str(&w, i == 0 ? "" : i % table.n_columns ? "," : ";");
        if (table.cells[i].type == VALUE_NULL)
            writer_str(&w, "NULL");
        value_print(&w, &table.cells[i]);
    }
    assert_true(writer_cstr(&w));
    assert_string_equal(text, row->want);
    arena_fini(&a);
}

/* Memory faults without a faulty allocator: any cap ends in ERR_LIMIT or OK. */
static const struct swept {
    const char *name, *sql;
} swept[] = {
    { "joins and groups",
      "WITH f AS (SELECT who, MIN(day) AS day, SUM(price) AS s FROM buys WHERE "
      "n > 2 GROUP BY who HAVING COUNT(*) > 1) SELECT zone, AVG(GREATEST(0, "
      "LEAST(9, s))) "
      "FROM f JOIN trips USING (who) LEFT JOIN towns t ON t.city = trips.city "
      "WHERE EXISTS (SELECT 1 FROM buys b WHERE b.who = f.who AND b.day > "
      "f.day) GROUP BY zone" },
    { "windows and sets",
      "SELECT city, COUNT(*) FROM (SELECT who, city, row_number() OVER "
      "(PARTITION BY who ORDER BY day DESC) AS r FROM buys UNION ALL SELECT "
      "who, city, 1 FROM (SELECT who, city FROM trips ORDER BY km LIMIT 2) x) "
      "y WHERE r = 1 GROUP BY city" },
    { "a chain and a nest",
      "SELECT x.c + 1 AS d FROM (SELECT city, COUNT(*) AS c FROM buys WHERE "
      "city IN (SELECT city FROM trips GROUP BY city ORDER BY COUNT(*) LIMIT "
      "3) GROUP BY city) x WHERE x.c > 3 ORDER BY d LIMIT 5" },
};

static void check_swept(void **state)
{
    enum { CAP_MAX = 1 << 20, STEP = 1021 };
    const struct swept *row = *state;
    const struct request req = { .purpose = "stats" };
    enum err_code got = ERR_LIMIT;
    for (size_t cap = 0; got == ERR_LIMIT && cap < CAP_MAX; cap += STEP) {
        struct arena a;
        struct err err = { 0 };
        struct plan *plan = NULL;
        arena_init(&a, cap);
        got = plan_sql(&plan, row->sql, &req, &plan_shop, &a, &err);
        if (got != ERR_OK && (got != ERR_LIMIT || plan))
            fail_msg("%zu: %s", cap, err.msg);
        arena_fini(&a);
    }
    assert_int_equal(got, ERR_OK);
}

static const struct refused {
    const char *name; /* the SQL itself */
    const char *reason;
    unsigned line, col;
} refused[] = {
#define ROW(sql, reason, line, col) { sql, reason, line, col },
#include "tests/plan_refused.def"
#undef ROW
};

static void check_refused(void **state)
{
    const struct refused *row = *state;
    const struct request req = { .purpose = "stats" };
    struct arena a;
    struct err err = { 0 };
    struct plan *plan = NULL;
    arena_init(&a, 1 << 22);
    const enum err_code rc =
        plan_sql(&plan, row->name, &req, &plan_shop, &a, &err);
    assert_int_not_equal(rc, ERR_OK);
    if (!err.reason || strcmp(err.reason, row->reason) != 0 ||
        err.line != row->line || err.col != row->col)
        fail_msg("%s at %u:%u: %s", err.reason ? err.reason : "-", err.line,
                 err.col, err.msg);
    assert_true(err.hint[0] != '\0');
    assert_null(plan);
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(check_chain_price),
                                        cmocka_unit_test(check_explained) };
    sql_init();
    return cmocka_run_group_tests(tests, NULL, NULL) +
           RUN_ROWS(answers, check_answer) + RUN_ROWS(derived, check_derived) +
           RUN_ROWS(planned, check_planned) +
           RUN_ROWS(described, check_described) + RUN_ROWS(swept, check_swept) +
           RUN_ROWS(around, check_around) + RUN_ROWS(refused, check_refused);
}
