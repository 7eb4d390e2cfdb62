#include <string.h>

#include "server/sql/sql.h"
#include "tests/lib_plan.h"
#include "tests/table.h"

/* Types of parameters and columns before any value is known. */
static const struct row {
    const char *name; /* the SQL */
    const char *params, *columns;
} rows[] = {
    { "SELECT COUNT(*) FROM buys", "", "count int" },
    { "SELECT COUNT(*) AS c FROM buys WHERE at >= $1 AND n < $2",
      "timestamp int", "c int" },
    { "SELECT COUNT(*) FROM buys WHERE day BETWEEN $2 AND $1 AND price > $3",
      "date date double", "count int" },
    { "SELECT COUNT(*) FROM buys WHERE city IN ($1, $2) OR city LIKE $3",
      "text text text", "count int" },
    { "SELECT COUNT(*) FROM buys WHERE ok = $1 OR $2", "bool bool",
      "count int" },
    { "SELECT COUNT(*) FROM buys WHERE $1 IS NULL", "text", "count int" },
    { "SELECT SUM(least($1, greatest(n, $2))) FROM buys", "int int",
      "sum int" },
    { "SELECT date_trunc('day', at) AS d, AVG(price) FROM buys WHERE at < $1 "
      "GROUP BY 1 HAVING COUNT(*) > $2 ORDER BY 1 LIMIT 3",
      "timestamp int", "d timestamp, avg double" },
    { "SELECT left(city, $1), split_part(city, $2, $3) AS p, COUNT(*) FROM "
      "buys "
      "GROUP BY 1, 2",
      "int text int", "left text, p text, count int" },
    { "SELECT percentile_cont($1) WITHIN GROUP (ORDER BY price), "
      "percentile_disc(0.5) WITHIN GROUP (ORDER BY n) FROM buys",
      "double", "percentile_cont double, percentile_disc int" },
    { "SELECT SUM(price) * $1 AS s, COUNT(DISTINCT city) FROM buys", "double",
      "s double, count int" },
    { "SELECT COUNT(*) FROM buys WHERE n = $3 AND $3 > 1", "text text int",
      "count int" },
    { "SELECT CASE WHEN n > $1 THEN 'a' ELSE $2 END AS k, COUNT(*) FROM buys "
      "GROUP BY 1",
      "int text", "k text, count int" },
    { "SELECT COUNT(*) FROM buys WHERE CAST($1 AS date) = day", "date",
      "count int" },
    { "SELECT land, COUNT(*) FROM buys GROUP BY land LIMIT $2 OFFSET $1",
      "int int", "land text, count int" },
    { "SELECT COUNT(*) FROM (SELECT who FROM buys WHERE n = $2 ORDER BY day "
      "LIMIT $1) x",
      "int int", "count int" },
    { "SELECT kind, ok, COUNT(*) AS c, GROUPING(kind) AS g FROM buys WHERE at "
      "> $1 GROUP BY ROLLUP (kind, ok)",
      "timestamp", "kind text, ok bool, c int, g int" },
    { "SELECT land, 100.0 * COUNT(*) / SUM(COUNT(*)) OVER () AS share, rank() "
      "OVER (ORDER BY COUNT(*)), ntile($1) OVER (ORDER BY COUNT(*)), "
      "lag(SUM(price), $2, $3) OVER (ORDER BY land) FROM buys GROUP BY land",
      "int int double",
      "land text, share double, rank int, ntile int, lag double" },
    { "SELECT day, n, AVG(n) OVER (ORDER BY day ROWS 6 PRECEDING) AS week FROM "
      "(SELECT day, COUNT(*) AS n FROM buys WHERE city = $1 GROUP BY day) x "
      "WHERE n > $2",
      "text int", "day date, n int, week double" },
    { "SELECT COUNT(*) FROM buys WHERE at >= $1 - INTERVAL '1 month' AND at < "
      "date_trunc('day', $2)",
      "timestamp timestamp", "count int" },
    { "SELECT COUNT(*) FROM buys WHERE extract(year FROM $1) = extract(year "
      "FROM at)",
      "timestamp", "count int" },
    { "SELECT COUNT(*) FROM buys WHERE day + $1 > $2", "int date",
      "count int" },
    { "SELECT COUNT(*) FROM buys WHERE day - $1 > $2", "date int",
      "count int" },
    { "SELECT COUNT(*) FROM buys WHERE price > -$1 OR n = $2 + $3",
      "double double double", "count int" },
    { "SELECT COUNT(*) FROM buys WHERE NOT $1 AND n % $2 = $3 AND abs(price) < "
      "$4",
      "bool int int double", "count int" },
    { "SELECT COUNT(*) FROM buys WHERE COALESCE(n, $1) = 3 AND NULLIF(city, "
      "$2) IS NOT NULL AND city IS DISTINCT FROM $3",
      "int text text", "count int" },
    { "SELECT COUNT(*) FILTER (WHERE price < $1) AS a, COUNT(*) FILTER (WHERE "
      "$2) FROM buys",
      "double bool", "a int, count int" },
    { "SELECT CASE n WHEN $1 THEN 'a' WHEN $2 THEN $3 END AS k, COUNT(*) FROM "
      "buys GROUP BY 1",
      "int int text", "k text, count int" },
    { "SELECT COUNT(*) FROM buys b WHERE EXISTS (SELECT 1 FROM trips t WHERE "
      "t.who = b.who AND t.km > $1) AND city IN (SELECT city FROM towns WHERE "
      "zone = $2)",
      "int int", "count int" },
    { "SELECT COUNT(*) FROM buys WHERE n > (SELECT AVG(km) FROM trips WHERE "
      "city = $1)",
      "text", "count int" },
    { "SELECT city, COUNT(*) FROM buys WHERE city IN (SELECT city FROM buys "
      "WHERE at > $1 GROUP BY city ORDER BY COUNT(*) DESC LIMIT $2) GROUP BY "
      "city",
      "timestamp int", "city text, count int" },
    { "SELECT $1 AS tag, COUNT(*) FROM buys", "text", "tag text, count int" },
    { "SELECT concat(city, $1) AS c, round(AVG(price), $2), COUNT(*) FROM buys "
      "GROUP BY 1 HAVING SUM(price) BETWEEN $3 AND $4 ORDER BY 2 * $5",
      "text int double double int", "c text, round double, count int" },
    { "SELECT COUNT(*) FROM buys WHERE at BETWEEN to_timestamp($1) AND $2",
      "double timestamp", "count int" },
    { "SELECT who FROM buys WHERE n = $1 LIMIT 0", "int", "who int" },
    { "SELECT COUNT(DISTINCT x.who) FROM (SELECT who, MAX(day) AS last FROM "
      "buys WHERE kind = $1 GROUP BY who HAVING COUNT(*) > $2) x WHERE last < "
      "$3",
      "text int date", "count int" },
    { "SELECT percentile_cont(ARRAY[$1, 0.5]) WITHIN GROUP (ORDER BY price) AS "
      "p FROM buys",
      "double", "p_1 double, p_50 double" },
    { "WITH x AS (SELECT who, n FROM buys WHERE ok = $1 UNION ALL SELECT who, "
      "km FROM trips WHERE city = $2) SELECT SUM(LEAST($3, n)) FROM x",
      "bool text int", "sum int" },
};

static void check_shape(void **state)
{
    const struct row *row = *state;
    const struct request req = { .purpose = "stats" };
    struct select *tree = NULL;
    struct plan_shape s;
    struct arena a;
    struct err err = { 0 };
    char params[256], columns[256];
    struct writer p = writer_of(params, sizeof params);
    struct writer c = writer_of(columns, sizeof columns);

    arena_init(&a, 1 << 22);
    if (sql_parse(&tree, row->name, strlen(row->name), &a, &err) != ERR_OK ||
        plan_shape_of(&s, &req, tree, &plan_shop, &a, &err) != ERR_OK)
        fail_msg("%s (%s)", err.msg, err.hint);
    for (size_t i = 0; i < s.n_params; i++)
        writer_printf(&p, "%s%s", i ? " " : "", value_type_name(s.params[i]));
    for (size_t i = 0; i < s.n_columns; i++)
        writer_printf(&c, "%s%s %s", i ? ", " : "", s.columns[i].name,
                      value_type_name(s.columns[i].type));
    assert_true(writer_cstr(&p) && writer_cstr(&c));
    assert_string_equal(params, row->params);
    assert_string_equal(columns, row->columns);
    arena_fini(&a);
}

/* What plan_query would turn down whatever the values. */
static const struct refused {
    const char *name;
    enum err_code code;
} refused[] = {
    { "SELECT nothing FROM buys WHERE n = $1", ERR_NOT_FOUND },
    { "SELECT COUNT(*) FROM buys WHERE who = $1", ERR_REFUSED },
    { "SELECT COUNT(*) FROM buys WHERE n = $1025", ERR_LIMIT },
    { "SELECT price, COUNT(*) FROM buys GROUP BY price", ERR_REFUSED },
    { "SELECT COUNT(*) FROM buys WHERE n % replace($1, 'a', 'b') = 1",
      ERR_INVALID },
    { "SELECT COUNT(*) FROM buys WHERE day > lower(NULL)", ERR_INVALID },
};

static void check_refused(void **state)
{
    const struct refused *row = *state;
    const struct request req = { .purpose = "stats" };
    struct select *tree = NULL;
    struct plan_shape s;
    struct arena a;
    struct err err = { 0 };
    arena_init(&a, 1 << 22);
    assert_int_equal(sql_parse(&tree, row->name, strlen(row->name), &a, &err),
                     ERR_OK);
    assert_int_equal(plan_shape_of(&s, &req, tree, &plan_shop, &a, &err),
                     row->code);
    arena_fini(&a);
}

int main(void)
{
    sql_init();
    return RUN_ROWS(rows, check_shape) + RUN_ROWS(refused, check_refused);
}
