#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/sql/sql.h"
#include "tests/lib_plan.h"
#include "tests/table.h"

/*
 * Joins, sub-queries, windows and set operations on the real engine: small
 * tables whose answers are counted by hand.
 *
 *   buys   1: W n=1 01-05, W n=2 01-06, B n=3 02-05
 *          2: W n=4 02-05, L n=5 03-31
 *          3: NULL n=9 01-01
 *          NULL: W n=10
 *          home of 1: y, x, none; of 2: y, y; of 3: none; of nobody: a
 *   trips  1: W 5 km 01-04, B 7 km 02-09      2: W 3 km 02-06
 *          4: W 2 km 01-01                    NULL: W 9 km
 *   towns  W 1, B 2, X 3
 */
static const char *const DATA =
    "INSERT INTO src.buys(who, city, n, day) VALUES "
    "(1,'W',1,'2024-01-05'), (1,'W',2,'2024-01-06'), (1,'B',3,'2024-02-05'), "
    "(2,'W',4,'2024-02-05'), (2,'L',5,'2024-03-31'), (3,NULL,9,'2024-01-01'), "
    "(NULL,'W',10,'2024-01-05'); "
    "UPDATE src.buys SET home = CASE WHEN n = 2 THEN 'x' WHEN n IN (1, 4, 5) "
    "THEN 'y' WHEN who IS NULL THEN 'a' END; "
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
      /* 1: 6 -> 3 rows; 2: 2 */ "3|2|5\n" },
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
    { "an attribute is the least of the person's, on all their rows",
      "SELECT home, COUNT(*) FROM buys GROUP BY home",
      "NULL|1|1\nx|3|1\ny|2|1\n" },
    { "people with an attribute, and nothing else",
      "SELECT home, COUNT(DISTINCT who) FROM buys GROUP BY home",
      "NULL|1\nx|1\ny|1\n" },
    { "people with an attribute and a filter on another column",
      "SELECT home, COUNT(DISTINCT who) FROM buys WHERE n > 3 GROUP BY home",
      "NULL|1\ny|1\n" },
    { "people who come back, by an attribute",
      "SELECT home, COUNT(DISTINCT who) FROM buys WHERE who IN (SELECT who "
      "FROM "
      "buys GROUP BY who HAVING COUNT(*) > 2) GROUP BY home",
      "x|1\n" },
    { "an attribute whatever rows are left",
      "SELECT home, COUNT(*) FROM buys WHERE n IN (1, 4) GROUP BY home",
      "x|1|1\ny|1|1\n" },
    { "a filter on an attribute is of the person",
      "SELECT COUNT(DISTINCT who) FROM buys WHERE home = 'y'", "1\n" },
    { "an attribute of a joined table",
      "SELECT b.home, COUNT(*) FROM trips t JOIN buys b ON b.who = t.who WHERE "
      "b.n IN (1, 4) GROUP BY b.home",
      "x|2|1\ny|1|1\n" },
    { "an attribute beside another key",
      "SELECT home, city, COUNT(*) FROM buys WHERE n < 5 GROUP BY home, city",
      "B|x|1|1\nW|x|2|1\nW|y|1|1\n" },
    { "people with an attribute are one row each",
      "SELECT COUNT(*) FROM (SELECT DISTINCT who, home FROM buys) q", "3\n" },
    { "what passes through a sub-query keeps it",
      "SELECT h, COUNT(DISTINCT who) FROM (SELECT who, upper(home) AS h FROM "
      "buys WHERE n <> 2) q GROUP BY h",
      "NULL|1\nX|1\nY|1\n" },
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
    char *got = plan_db_units(&db, &bound, 7);
    assert_non_null(got);
    assert_string_equal(got, row->want);
    free(got);
    arena_fini(&a);
}

/* Rows that nobody gets: names and types alone. */
static const struct described {
    const char *name, *sql, *want;
    enum ask_rows rows;
} described[] = {
    { "LIMIT 0", "SELECT * FROM trips LIMIT 0",
      "who int, city text, km int, day date", 0 },
    { "a filter that is never true",
      "SELECT city, km * 1.5 AS x FROM trips WHERE 1 = 0",
      "city text, x double", 0 },
    { "of a join",
      "SELECT b.city, t.* FROM buys b JOIN towns t ON t.city = b.city LIMIT 0",
      "city text, city text, zone int", 0 },
    { "of a public table", "SELECT * FROM towns LIMIT 0", "city text, zone int",
      0 },
    { "of a SELECT around aggregates",
      "SELECT * FROM (SELECT land, COUNT(*) AS c FROM buys GROUP BY land) x "
      "LIMIT 0",
      "land text, c int", 0 },
    { "of a window",
      "SELECT who, row_number() OVER (PARTITION BY who ORDER BY day) AS r FROM "
      "trips WHERE FALSE",
      "who int, r int", 0 },
    { "a probe, where the request wants it", "SELECT * FROM trips LIMIT 1",
      "who int, city text, km int, day date", ASK_ROWS_PROBE },
    { "a probe of a query",
      "SELECT b.city, x.n FROM buys b JOIN (SELECT who, COUNT(*) AS n FROM "
      "trips GROUP BY who) x ON x.who = b.who LIMIT 1",
      "city text, n int", ASK_ROWS_PROBE },
    { "any rows, where the request wants none of them",
      "SELECT who, km FROM trips ORDER BY km LIMIT 200", "who int, km int",
      ASK_ROWS_NONE },
};

static void check_described(void **state)
{
    const struct described *row = *state;
    const struct request req = { .purpose = "stats", .rows = row->rows };
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

/* What is answered, or refused, whatever the request wants of people's rows. */
static void rows_that_may_leave_do(void **state)
{
    static const char *const answered[] = {
        "SELECT DISTINCT land FROM buys LIMIT 1",
        "SELECT land, c FROM (SELECT land, COUNT(*) AS c FROM buys GROUP BY "
        "land) x LIMIT 1",
        "SELECT COUNT(*) FROM buys LIMIT 1",
    };
    struct request req = { .purpose = "stats", .rows = ASK_ROWS_NONE };
    struct err err = { 0 };
    (void)state;
    for (size_t i = 0; i < sizeof answered / sizeof answered[0]; i++) {
        struct plan *plan = NULL;
        struct arena a;
        arena_init(&a, 1 << 22);
        assert_int_equal(
            plan_sql(&plan, answered[i], &req, &plan_shop, &a, &err), ERR_OK);
        assert_true(plan->lists || !plan->is_free);
        arena_fini(&a);
    }
    req.rows = ASK_ROWS_PROBE; /* and not under another limit */
    struct plan *plan = NULL;
    struct arena a;
    arena_init(&a, 1 << 22);
    assert_int_equal(plan_sql(&plan, "SELECT * FROM trips LIMIT 2", &req,
                              &plan_shop, &a, &err),
                     ERR_REFUSED);
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
    const struct plan_noisy noisy = { .keys = keys,
                                      .measures = measures,
                                      .n_rows = GROUPS };
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

int main(void)
{
    const struct CMUnitTest single[] = {
        cmocka_unit_test(rows_that_may_leave_do),
    };
    sql_init();
    return cmocka_run_group_tests(single, NULL, NULL) +
           RUN_ROWS(answers, check_answer) +
           RUN_ROWS(described, check_described) + RUN_ROWS(swept, check_swept) +
           RUN_ROWS(around, check_around);
}
