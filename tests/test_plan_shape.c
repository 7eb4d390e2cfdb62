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
    { "SELECT left(city, $1), split_part(city, $2, $3) AS p, COUNT(*) FROM buys "
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
    assert_int_equal(
        sql_parse(&tree, row->name, strlen(row->name), &a, &err), ERR_OK);
    assert_int_equal(plan_shape_of(&s, &req, tree, &plan_shop, &a, &err),
                     row->code);
    arena_fini(&a);
}

int main(void)
{
    sql_init();
    return RUN_ROWS(rows, check_shape) + RUN_ROWS(refused, check_refused);
}
