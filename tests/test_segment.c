#include "server/plan/segment.h"

#include <stdlib.h>
#include <string.h>

#include "server/sql/sql.h"

#include "tests/lib_plan.h"
#include "tests/table.h"

/* What a question is about, sorted and apart by "; ". */
static const struct row {
    const char *name, *sql, *segments;
} rows[] = {
    { "all people are no segment", "SELECT count(*) FROM shop.buys", "" },
    { "a condition picks out a value",
      "SELECT count(*) FROM shop.buys WHERE land = 'DE'", "land = DE" },
    { "whichever way it is written",
      "SELECT count(*) FROM shop.buys WHERE NOT ('DE' <> land)", "land = DE" },
    { "whatever it is compared by",
      "SELECT count(*) FROM shop.buys WHERE land LIKE 'DE' AND n > 0",
      "land = DE; n = 0" },
    { "a list picks out each of its values",
      "SELECT count(*) FROM shop.buys WHERE land IN ('FR', 'DE')",
      "land = DE; land = FR" },
    { "so does OR",
      "SELECT count(*) FROM shop.buys WHERE land = 'DE' OR land = 'x'",
      "land = DE; land = x" },
    { "what is wrapped in functions is seen",
      "SELECT count(*) FROM shop.buys WHERE upper(trim(land)) = upper('DE')",
      "land = DE" },
    { "a number is one however it is written",
      "SELECT count(*) FROM shop.buys WHERE n > 3.0 AND n < 3", "n = 3" },
    { "a condition without a value picks out by the column",
      "SELECT count(*) FROM shop.buys WHERE ok AND land IS NOT NULL",
      "land; ok" },
    { "groups are made by the column",
      "SELECT land, count(*) FROM shop.buys GROUP BY land", "land" },
    { "by an expression as by its column",
      "SELECT upper(land), count(*) FROM shop.buys GROUP BY 1", "land" },
    { "DISTINCT makes groups, too", "SELECT DISTINCT land FROM shop.buys",
      "land" },
    { "a condition and groups are both counted",
      "SELECT city, count(*) FROM shop.buys WHERE land = 'DE' GROUP BY city",
      "city; land = DE" },
    { "times and keys pick out nobody",
      "SELECT day, count(*) FROM shop.buys WHERE day > DATE '2024-01-05'"
      " AND who IS NOT NULL GROUP BY day",
      "" },
    { "a time beside a value changes nothing",
      "SELECT count(*) FROM shop.buys WHERE land = 'DE' AND day > DATE "
      "'2024-01-05'",
      "land = DE" },
    { "a FILTER is a condition",
      "SELECT count(*) FILTER (WHERE land = 'DE') FROM shop.buys",
      "land = DE" },
    { "CASE is one",
      "SELECT sum(CASE WHEN land = 'DE' THEN n ELSE 0 END) FROM shop.buys",
      "land = DE" },
    { "a comparison as a value is one",
      "SELECT sum((land = 'DE')::int) FROM shop.buys", "land = DE" },
    { "a column by another name is found",
      "SELECT count(*) FROM (SELECT who AS w, land AS l FROM shop.buys) t"
      " WHERE l = 'DE'",
      "land = DE" },
    { "through two names, and *",
      "WITH a AS (SELECT who, land AS l FROM shop.buys), b AS (SELECT * FROM a)"
      " SELECT count(*) FROM b x WHERE x.l = 'DE'",
      "land = DE" },
    { "a condition made a column is one",
      "SELECT count(*) FROM (SELECT who, land = 'DE' AS is_de FROM shop.buys) t"
      " WHERE is_de",
      "land = DE" },
    { "in both arms of a union",
      "SELECT count(*) FROM (SELECT who, city AS c FROM shop.buys UNION ALL"
      " SELECT who, city FROM shop.trips) t WHERE c = 'Graz'",
      "city = Graz; city = Graz" },
    { "in a join",
      "SELECT count(*) FROM shop.buys b JOIN shop.trips t ON t.who = b.who"
      " AND t.city = 'Graz'",
      "city = Graz" },
    { "in EXISTS",
      "SELECT count(*) FROM shop.buys b WHERE EXISTS (SELECT 1 FROM shop.trips"
      " t WHERE t.who = b.who AND t.city = 'Graz')",
      "city = Graz" },
    { "in HAVING per person",
      "SELECT count(*) FROM (SELECT who FROM shop.buys GROUP BY who"
      " HAVING sum(n) > 5) t",
      "n = 5" },
    { "a parameter is its value",
      "SELECT count(*) FROM shop.buys WHERE land = $1", "land = FR" },
    { "many values are the column",
      "SELECT count(*) FROM shop.buys WHERE n IN (1, 2, 3, 4, 5, 6, 7, 8, 9, "
      "10, 11, 12, 13, 14, 15, 16, 17)",
      "n" },
    { "also one by one, and they hide nothing",
      "SELECT count(*) FROM shop.buys WHERE n = 1 OR n = 2 OR n = 3 OR n = 4"
      " OR n = 5 OR n = 6 OR n = 7 OR n = 8 OR n = 9 OR n = 10 OR n = 11"
      " OR n = 12 OR n = 13 OR n = 14 OR n = 15 OR n = 16 OR n = 17"
      " OR land = 'DE'",
      "land = DE; n" },
    { "what is done with the answer picks out nobody",
      "SELECT land, n FROM (SELECT land, count(*) AS n FROM shop.buys GROUP BY"
      " land) t WHERE n > 100 ORDER BY n LIMIT 3",
      "land" },
};

static int by_text(const void *x, const void *y)
{
    return strcmp(((const struct segment *)x)->what,
                  ((const struct segment *)y)->what);
}

static void check(void **state)
{
    const struct row *row = *state;
    struct value param = { .type = VALUE_TEXT, .text = { "FR", 2 } };
    const struct request req = { .params = &param, .n_params = 1 };
    static struct segments s;
    char text[512];
    struct arena a;
    struct err err = { 0 };
    struct select *tree = NULL;
    struct writer w = writer_of(text, sizeof text);
    arena_init(&a, 4 << 20);
    if (sql_parse(&tree, row->sql, strlen(row->sql), &a, &err) != ERR_OK ||
        segments_of(&s, tree, &plan_shop, &req, &a, &err) != ERR_OK)
        fail_msg("%s", err.msg);
    qsort(s.v, s.n, sizeof s.v[0], by_text);
    for (size_t i = 0; i < s.n; i++)
        writer_printf(&w, "%s%s", i ? "; " : "", s.v[i].what);
    assert_true(writer_cstr(&w));
    assert_string_equal(text, row->segments);
    arena_fini(&a);
}

int main(void)
{
    sql_init();
    return RUN_ROWS(rows, check);
}
