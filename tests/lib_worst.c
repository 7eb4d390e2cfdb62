#include "tests/lib_worst.h"

#include <string.h>

/* Room is left for what closes the question. */
enum { TAIL = 2048 };

static bool fits(const struct writer *w, size_t more)
{
    return w->need + more < WORST_LEN - TAIL;
}

static void times(struct writer *w, size_t n, const char *s)
{
    for (size_t i = 0; i < n; i++)
        writer_str(w, s);
}

/* `s` as often as it fits, leaving room for as many `close`s. */
static size_t fill(struct writer *w, const char *s, const char *close)
{
    size_t n = 0;
    const size_t each = strlen(s) + strlen(close);
    while (fits(w, (n + 1) * strlen(close) + each)) {
        writer_str(w, s);
        n++;
    }
    return n;
}

#define COUNT_WHERE "SELECT COUNT(*) FROM buys WHERE "

static void many_ands(struct writer *w)
{
    writer_str(w, COUNT_WHERE "ok");
    fill(w, " AND ok", "");
}

static void many_ors(struct writer *w)
{
    writer_str(w, COUNT_WHERE "n = 1");
    fill(w, " OR n=1", "");
}

static void one_list(struct writer *w)
{
    writer_str(w, COUNT_WHERE "n IN (1");
    fill(w, ",1", "");
    writer_str(w, ")");
}

static void full_list(struct writer *w)
{
    writer_str(w, "n IN (1");
    times(w, 255, ",1");
    writer_str(w, ")");
}

static void many_lists(struct writer *w)
{
    writer_str(w, COUNT_WHERE);
    full_list(w);
    while (fits(w, 600)) {
        writer_str(w, " OR ");
        full_list(w);
    }
}

static void not_in_lists(struct writer *w)
{
    writer_str(w, COUNT_WHERE "n NOT IN (n");
    times(w, 254, ",n");
    writer_str(w, ")");
    while (fits(w, 700)) {
        writer_str(w, " OR n NOT IN (n");
        times(w, 254, ",n");
        writer_str(w, ")");
    }
}

static void brackets(struct writer *w)
{
    writer_str(w, COUNT_WHERE);
    const size_t n = fill(w, "(", ")");
    writer_str(w, "ok");
    times(w, n, ")");
}

static void brackets_1000(struct writer *w)
{
    writer_str(w, COUNT_WHERE);
    times(w, 1000, "(");
    writer_str(w, "ok");
    times(w, 1000, ")");
}

static void brackets_many_short(struct writer *w)
{
    writer_str(w, COUNT_WHERE "ok");
    while (fits(w, 400)) {
        writer_str(w, " AND ");
        times(w, 150, "(");
        writer_str(w, "ok");
        times(w, 150, ")");
    }
}

static void sum_chain(struct writer *w)
{
    writer_str(w, "SELECT SUM(1");
    fill(w, "+1", "");
    writer_str(w, ") FROM buys");
}

static void sum_chains(struct writer *w)
{
    writer_str(w, COUNT_WHERE "ok");
    while (fits(w, 500)) {
        writer_str(w, " AND n<n");
        times(w, 190, "+n");
    }
}

static void not_chain(struct writer *w)
{
    writer_str(w, COUNT_WHERE);
    fill(w, "NOT ", "");
    writer_str(w, "ok");
}

static void minus_chain(struct writer *w)
{
    writer_str(w, "SELECT SUM(");
    fill(w, "- ", "");
    writer_str(w, "n) FROM buys");
}

static void cast_chain(struct writer *w)
{
    writer_str(w, "SELECT SUM(n");
    fill(w, "::int", "");
    writer_str(w, ") FROM buys");
}

static void case_nested(struct writer *w)
{
    writer_str(w, "SELECT SUM(");
    const size_t n = fill(w, "CASE WHEN ok THEN 1 ELSE ", " END");
    writer_str(w, "0");
    times(w, n, " END");
    writer_str(w, ") FROM buys");
}

static void case_long(struct writer *w)
{
    writer_str(w, "SELECT SUM(CASE");
    fill(w, " WHEN ok THEN n", "");
    writer_str(w, " END) FROM buys");
}

/* The operand stands in the tree once for each WHEN. */
static void case_operand(struct writer *w)
{
    writer_str(w, "SELECT SUM(CASE COALESCE(n");
    times(w, 250,
          ",COALESCE(n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,"
          "n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n)");
    writer_str(w, ")");
    fill(w, " WHEN 1 THEN 1", "");
    writer_str(w, " END) FROM buys");
}

static void case_operand_120(struct writer *w)
{
    writer_str(w, "SELECT SUM(CASE COALESCE(n");
    times(w, 250,
          ",COALESCE(n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,"
          "n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,"
          "n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,n,"
          "n,n,n,n,n,n,n,n,n,n,n,n)");
    writer_str(w, ")");
    times(w, 120, " WHEN 1 THEN 1");
    writer_str(w, " END) FROM buys");
}

static void nullif_nested(struct writer *w)
{
    writer_str(w, "SELECT SUM(");
    const size_t n = fill(w, "NULLIF(", ",1)");
    writer_str(w, "n");
    times(w, n, ",1)");
    writer_str(w, ") FROM buys");
}

static void coalesces(struct writer *w)
{
    writer_str(w, "SELECT SUM(COALESCE(n");
    fill(w, ",n", "");
    writer_str(w, ")) FROM buys");
}

static void functions_nested(struct writer *w)
{
    writer_str(w, COUNT_WHERE);
    const size_t n = fill(w, "lower(", ")");
    writer_str(w, "city");
    times(w, n, ")");
    writer_str(w, "='a'");
}

static void joined_text(struct writer *w)
{
    writer_str(w, COUNT_WHERE "city");
    fill(w, "||city", "");
    writer_str(w, "='a'");
}

static void like_long(struct writer *w)
{
    writer_str(w, COUNT_WHERE "city LIKE '");
    fill(w, "%a", "");
    writer_str(w, "'");
}

static void like_many(struct writer *w)
{
    writer_str(w, COUNT_WHERE "ok");
    fill(w, " OR city LIKE '%a%b%c%d%'", "");
}

static void like_constant(struct writer *w)
{
    writer_str(w, COUNT_WHERE "'");
    times(w, 20000, "a");
    writer_str(w, "' LIKE '");
    fill(w, "%a", "");
    writer_str(w, "b'");
}

static void text_constant(struct writer *w)
{
    writer_str(w, COUNT_WHERE "city = '");
    fill(w, "x", "");
    writer_str(w, "'");
}

static void replace_constant(struct writer *w)
{
    writer_str(w, COUNT_WHERE "city = ");
    times(w, 12, "replace(");
    writer_str(w, "'aaaaaaaa'");
    times(w, 12, ",'a','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa')");
}

static void replace_big(struct writer *w)
{
    writer_str(w, COUNT_WHERE "city = replace('");
    times(w, 30000, "a");
    writer_str(w, "','a','");
    times(w, 30000, "b");
    writer_str(w, "')");
}

static void trim_constant(struct writer *w)
{
    writer_str(w, COUNT_WHERE "city = trim(both '");
    for (unsigned c = 0; c < 30000; c++)
        writer_u8(w, (uint8_t)('b' + c % 25));
    writer_str(w, "a' from '");
    times(w, 30000, "a");
    writer_str(w, "')");
}

static void substr_constants(struct writer *w)
{
    writer_str(w, COUNT_WHERE "city = concat('a'");
    fill(w, ",'a'", "");
    writer_str(w, ")");
}

static void cte_chain(struct writer *w)
{
    writer_str(w, "WITH a0 AS (SELECT * FROM buys)");
    size_t n = 1;
    for (; fits(w, 64); n++)
        writer_printf(w, ",a%zu AS (SELECT * FROM a%zu)", n, n - 1);
    writer_printf(w, " SELECT COUNT(*) FROM a%zu", n - 1);
}

static void cte_doubles(struct writer *w)
{
    writer_str(w, "WITH a0 AS (SELECT * FROM buys)");
    size_t n = 1;
    for (; fits(w, 80); n++)
        writer_printf(
            w, ",a%zu AS (SELECT * FROM a%zu UNION ALL SELECT * FROM a%zu)", n,
            n - 1, n - 1);
    writer_printf(w, " SELECT COUNT(*) FROM a%zu", n - 1);
}

static void cte_unused(struct writer *w)
{
    writer_str(w, "WITH a AS (SELECT * FROM buys)");
    for (size_t n = 1; fits(w, 64); n++)
        writer_printf(w, ",a%zu AS (SELECT * FROM buys)", n);
    writer_str(w, " SELECT COUNT(*) FROM a");
}

static void cte_wide(struct writer *w)
{
    writer_str(w, "WITH a AS (SELECT who");
    for (size_t n = 0; n < 250; n++)
        writer_printf(w, ",n+%zu AS n%zu", n, n);
    writer_str(w, " FROM buys) SELECT COUNT(*) FROM a a0");
    for (size_t n = 1; n < 60; n++)
        writer_printf(w, " JOIN a a%zu ON a%zu.who=a0.who", n, n);
}

static void subs_nested(struct writer *w)
{
    writer_str(w, "SELECT COUNT(*) FROM ");
    const size_t n = fill(w, "(SELECT * FROM ", ") a");
    writer_str(w, "buys");
    times(w, n, ") a");
}

static void subs_30(struct writer *w)
{
    writer_str(w, "SELECT COUNT(*) FROM ");
    times(w, 30, "(SELECT *,n+1 AS m FROM ");
    writer_str(w, "buys");
    times(w, 30, ") a");
}

/* What the engine puts in place of a column doubles at each level. */
static void grows(struct writer *w, size_t levels, const char *item)
{
    writer_str(w, "SELECT COUNT(*) FROM ");
    for (size_t i = 0; i < levels; i++)
        writer_printf(w, "(SELECT who,%s AS n FROM ", item);
    writer_str(w, "buys");
    times(w, levels, ") a");
    writer_str(w, " WHERE n>3");
}

static void grows_double(struct writer *w)
{
    grows(w, 58, "n*n");
}

static void grows_16(struct writer *w)
{
    grows(w, 50, "n*n+n*n+n*n+n*n+n*n+n*n+n*n+n*n");
}

static void grows_5_levels(struct writer *w)
{
    grows(w, 5, "n*n+n*n+n*n+n*n+n*n+n*n+n*n+n*n");
}

static void grows_by_case(struct writer *w)
{
    grows(w, 50, "CASE WHEN n>5 THEN n-1 WHEN n<2 THEN n+1 ELSE n END");
}

static void grows_by_bucket(struct writer *w)
{
    grows(w, 40, "width_bucket(n,0,width_bucket(1,0,10,5),7)");
}

static void grows_by_time(struct writer *w)
{
    writer_str(w, "SELECT COUNT(*) FROM ");
    times(w, 50, "(SELECT who,at+INTERVAL '1 day' AS at FROM ");
    writer_str(w, "buys");
    times(w, 50, ") a");
    writer_str(w, " WHERE at>'2024-01-01'");
}

static void grows_by_join(struct writer *w)
{
    writer_str(w, "WITH a0 AS (SELECT who,n FROM buys)");
    for (size_t n = 1; n < 6; n++)
        writer_printf(
            w,
            ",a%zu AS (SELECT x.who,x.n*y.n+x.n AS n FROM a%zu x JOIN "
            "a%zu y ON x.who=y.who)",
            n, n - 1, n - 1);
    writer_str(w, " SELECT COUNT(*) FROM a5 WHERE n>3");
}

static void grows_by_sums(struct writer *w)
{
    writer_str(w, "SELECT COUNT(*) FROM ");
    times(w, 30, "(SELECT who,SUM(n*n+n*n+n*n) AS n FROM ");
    writer_str(w, "buys");
    times(w, 30, " GROUP BY who) a");
    writer_str(w, " WHERE n>3");
}

static void grows_by_text(struct writer *w)
{
    writer_str(w, "SELECT COUNT(*) FROM ");
    times(w, 50, "(SELECT who,city||city||city AS city FROM ");
    writer_str(w, "buys");
    times(w, 50, ") a");
    writer_str(w, " WHERE city='x'");
}

static void grows_wide(struct writer *w)
{
    writer_str(w, "SELECT COUNT(*) FROM ");
    times(w, 20, "(SELECT *,n+m AS q,n*m AS r,n-m AS s FROM ");
    writer_str(w, "(SELECT who,n,n+1 AS m FROM buys) b");
    times(w, 20, ") a");
    writer_str(w, " WHERE q>1");
}

static void sets_many(struct writer *w)
{
    writer_str(w, "SELECT COUNT(*) FROM buys GROUP BY GROUPING SETS (land");
    fill(w, ",land", "");
    writer_str(w, ")");
}

static void cube(struct writer *w)
{
    writer_str(w, "SELECT COUNT(*) FROM buys GROUP BY CUBE (land,kind,ok,n");
    for (size_t n = 1; n < 12; n++)
        writer_printf(w, ",n+%zu", n);
    writer_str(w, ")");
}

static void cube_5(struct writer *w)
{
    writer_str(w, "SELECT COUNT(*),SUM(n),AVG(price) FROM buys GROUP BY CUBE "
                  "(land,kind,ok,n,day)");
}

static void cubes(struct writer *w)
{
    writer_str(w, "SELECT COUNT(*) FROM buys GROUP BY CUBE (land,kind)");
    fill(w, ",CUBE (land,kind)", "");
}

static void rollup(struct writer *w)
{
    writer_str(w, "SELECT COUNT(*) FROM buys GROUP BY ROLLUP (land");
    fill(w, ",land", "");
    writer_str(w, ")");
}

static void aggregates(struct writer *w)
{
    writer_str(w, "SELECT SUM(n)");
    for (size_t n = 1; fits(w, 24) && n < 255; n++)
        writer_printf(w, ",SUM(LEAST(%zu,n))", n);
    writer_str(w, " FROM buys");
}

static void aggregates_30(struct writer *w)
{
    writer_str(w, "SELECT land,SUM(n)");
    for (size_t n = 1; n < 30; n++)
        writer_printf(w, ",SUM(LEAST(%zu,n))", n);
    writer_str(w, " FROM buys GROUP BY land");
}

static void aggregates_sum(struct writer *w)
{
    writer_str(w, "SELECT COUNT(*)");
    fill(w, "+COUNT(*)", "");
    writer_str(w, " FROM buys");
}

static void filters(struct writer *w)
{
    writer_str(w, "SELECT COUNT(*)");
    for (size_t n = 1; fits(w, 1100); n++) {
        writer_printf(w, ",COUNT(*) FILTER (WHERE n<%zu", n);
        times(w, 180, " OR n=1");
        writer_str(w, ")");
    }
    writer_str(w, " FROM buys");
}

static void percentiles(struct writer *w)
{
    writer_str(w, "SELECT land,COUNT(*)");
    for (size_t n = 1; n < 40; n++)
        writer_printf(
            w, ",percentile_cont(0.%02zu) WITHIN GROUP (ORDER BY price)", n);
    writer_str(w, " FROM buys GROUP BY land");
}

static void items(struct writer *w)
{
    writer_str(w, "SELECT COUNT(*) AS a0");
    for (size_t n = 1; fits(w, 24); n++)
        writer_printf(w, ",COUNT(*) AS a%zu", n);
    writer_str(w, " FROM buys");
}

static void orders(struct writer *w)
{
    writer_str(w, "SELECT COUNT(*) AS a0");
    for (size_t n = 1; n < 256; n++)
        writer_printf(w, ",COUNT(*) AS a%zu", n);
    writer_str(w, " FROM buys ORDER BY a255");
    fill(w, ",a255", "");
}

static void orders_255(struct writer *w)
{
    writer_str(w, "SELECT COUNT(*) AS a0");
    for (size_t n = 1; n < 256; n++)
        writer_printf(w, ",COUNT(*) AS a%zu", n);
    writer_str(w, " FROM buys ORDER BY a255");
    times(w, 255, ",a255");
}

static void keys(struct writer *w)
{
    writer_str(w, "SELECT COUNT(*) FROM buys GROUP BY n");
    for (size_t n = 1; fits(w, 24); n++)
        writer_printf(w, ",n+%zu", n);
}

/* Every node is compared with every key, and differs at the far end. */
static void keys_alike(struct writer *w)
{
    writer_str(w, "SELECT 1");
    while (fits(w, 1900)) {
        writer_str(w, ",");
        times(w, 150, "abs(");
        writer_str(w, "price");
        times(w, 150, ")");
    }
    writer_str(w, " FROM buys GROUP BY ");
    for (size_t n = 0; n < 4; n++) {
        writer_printf(w, "%s", n ? "," : "");
        times(w, 80, "abs(");
        writer_printf(w, "n+%zu", n);
        times(w, 80, ")");
    }
}

static void joins(struct writer *w)
{
    writer_str(w, "SELECT COUNT(*) FROM buys a0");
    for (size_t n = 1; fits(w, 48); n++)
        writer_printf(w, " JOIN trips a%zu ON a%zu.who=a0.who", n, n);
}

static void joins_60(struct writer *w)
{
    writer_str(w, "SELECT COUNT(*) FROM buys a0");
    for (size_t n = 1; n < 60; n++)
        writer_printf(w, " JOIN trips a%zu ON a%zu.who=a0.who", n, n);
}

static void joins_of_towns(struct writer *w)
{
    writer_str(w, "SELECT COUNT(*) FROM buys a0");
    for (size_t n = 1; n < 60; n++)
        writer_printf(w, " LEFT JOIN towns a%zu ON a%zu.city=a0.city", n, n);
}

static void crosses(struct writer *w)
{
    writer_str(w, "SELECT COUNT(*) FROM buys");
    for (size_t n = 1; fits(w, 24); n++)
        writer_printf(w, ",towns a%zu", n);
}

static void unions(struct writer *w)
{
    writer_str(w, "SELECT COUNT(*) FROM (SELECT who FROM buys");
    fill(w, " UNION ALL SELECT who FROM buys", "");
    writer_str(w, ") a");
}

static void unions_60(struct writer *w)
{
    writer_str(w, "SELECT COUNT(*) FROM (SELECT * FROM buys");
    times(w, 60, " UNION ALL SELECT * FROM buys");
    writer_str(w, ") a");
}

static void intersects(struct writer *w)
{
    writer_str(w, "SELECT COUNT(*) FROM (SELECT who FROM buys");
    times(w, 60, " INTERSECT SELECT who FROM buys");
    writer_str(w, ") a");
}

static void exists_many(struct writer *w)
{
    writer_str(w, "SELECT COUNT(*) FROM buys b WHERE ok");
    fill(w, " AND EXISTS(SELECT 1 FROM trips t WHERE t.who=b.who)", "");
}

static void exists_60(struct writer *w)
{
    writer_str(w, "SELECT COUNT(*) FROM buys b WHERE ok");
    times(w, 60, " AND EXISTS(SELECT 1 FROM trips t WHERE t.who=b.who)");
}

static void exists_or(struct writer *w)
{
    writer_str(w, "SELECT COUNT(*) FROM buys b WHERE ok");
    times(w, 60, " OR EXISTS(SELECT 1 FROM trips t WHERE t.who=b.who)");
}

static void windows(struct writer *w)
{
    writer_str(w, "SELECT COUNT(*) FROM (SELECT who");
    for (size_t n = 0; n < 250; n++)
        writer_printf(
            w, ",row_number() OVER (PARTITION BY who ORDER BY n+%zu) AS r%zu",
            n, n);
    writer_str(w, " FROM buys) a WHERE r1=1");
}

static void sub_aggregates(struct writer *w)
{
    writer_str(w, "SELECT COUNT(*) FROM (SELECT who");
    for (size_t n = 0; n < 60; n++)
        writer_printf(w, ",SUM(price+%zu) AS r%zu", n, n);
    writer_str(w, " FROM buys GROUP BY who) a WHERE r1>1");
}

static void long_name(struct writer *w)
{
    writer_str(w, COUNT_WHERE);
    fill(w, "x", "");
    writer_str(w, "=1");
}

static void long_names(struct writer *w)
{
    writer_str(w, COUNT_WHERE "ok");
    fill(w, " OR aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa=1",
         "");
}

static void parts_of_name(struct writer *w)
{
    writer_str(w, COUNT_WHERE "a");
    fill(w, ".a", "");
    writer_str(w, "=1");
}

static void subscripts(struct writer *w)
{
    writer_str(w, COUNT_WHERE "n");
    fill(w, "[1]", "");
    writer_str(w, "=1");
}

static void comment(struct writer *w)
{
    writer_str(w, "SELECT COUNT(*) FROM buys /*");
    fill(w, "/* */", "");
    writer_str(w, "*/");
}

static void statements(struct writer *w)
{
    fill(w, "SELECT 1;", "");
}

static void semicolons(struct writer *w)
{
    fill(w, ";", "");
}

static void breaks_late(struct writer *w)
{
    writer_str(w, COUNT_WHERE "ok");
    fill(w, " AND ok", "");
    writer_str(w, " AND");
}

static void commas(struct writer *w)
{
    fill(w, ",", "");
}

static void opens(struct writer *w)
{
    fill(w, "(", "");
}

static void selects_open(struct writer *w)
{
    fill(w, "SELECT(", "");
}

static void params(struct writer *w)
{
    writer_str(w, COUNT_WHERE "n IN ($1");
    for (size_t n = 2; n < 250; n++)
        writer_printf(w, ",$%zu", n);
    writer_str(w, ")");
}

static void between_many(struct writer *w)
{
    writer_str(w, COUNT_WHERE "ok");
    fill(w, " AND day BETWEEN '2024-01-01' AND '2024-02-01'", "");
}

static void dates_or(struct writer *w)
{
    writer_str(w, COUNT_WHERE "ok");
    fill(w, " OR day = '2024-01-01'", "");
}

static void intervals(struct writer *w)
{
    writer_str(w, COUNT_WHERE "at > now()");
    times(w, 190, " - INTERVAL '1 day'");
}

static void rows(struct writer *w)
{
    writer_str(w, COUNT_WHERE "(n,n) IN ((1,1)");
    fill(w, ",(1,1)", "");
    writer_str(w, ")");
}

/* Many columns in sight, and many names to look up. */
static void wide_names(struct writer *w)
{
    writer_str(w, "WITH a AS (SELECT who");
    for (size_t n = 0; n < 250; n++)
        writer_printf(w, ",n+%zu AS n%zu", n, n);
    writer_str(w, " FROM buys) SELECT COUNT(*) FROM a a0");
    for (size_t n = 1; n < 30; n++)
        writer_printf(w, " JOIN a a%zu ON a%zu.who=a0.who", n, n);
    writer_str(w, " WHERE ok");
    for (size_t n = 0; n < 60; n++) {
        writer_printf(w, " AND a%zu.n%zu IN (a29.n249", n % 30, n);
        times(w, 50, ",a29.n249");
        writer_str(w, ")");
    }
}

static void having_keys(struct writer *w)
{
    writer_str(w, "SELECT COUNT(*) FROM buys GROUP BY ");
    for (size_t n = 0; n < 12; n++) {
        writer_printf(w, "%s", n ? "," : "");
        times(w, 80, "abs(");
        writer_printf(w, "n+%zu", n);
        times(w, 80, ")");
    }
    writer_str(w, " HAVING COUNT(*)>0");
    for (size_t n = 0; n < 35; n++) {
        writer_str(w, " AND ");
        times(w, 100, "abs(");
        writer_str(w, "COUNT(*)");
        times(w, 100, ")");
        writer_str(w, ">1");
    }
}

static void case_operand_fits(struct writer *w)
{
    writer_str(w, "SELECT SUM(CASE COALESCE(n");
    for (size_t i = 0; i < 14; i++) {
        writer_str(w, ",COALESCE(n");
        for (size_t k = 0; k < 14; k++) {
            writer_str(w, ",LEAST(n");
            times(w, 14, ",n");
            writer_str(w, ")");
        }
        writer_str(w, ")");
    }
    writer_str(w, ")");
    times(w, 31, " WHEN 1 THEN 1");
    writer_str(w, " END) FROM buys");
}

static void like_backs(struct writer *w)
{
    writer_str(w, COUNT_WHERE "'");
    times(w, 30000, "a");
    writer_str(w, "' LIKE '%");
    times(w, 15000, "a");
    writer_str(w, "b'");
}

static void like_backtracks(struct writer *w)
{
    writer_str(w, COUNT_WHERE "city LIKE '");
    times(w, 60, "%a_");
    writer_str(w, "'");
}

static void replaces(struct writer *w)
{
    writer_str(w, COUNT_WHERE);
    times(w, 190, "replace(");
    writer_str(w, "city");
    times(w, 190, ",'a','b')");
    writer_str(w, "='x'");
}

static void sum_of_190(struct writer *w)
{
    writer_str(w, "SELECT SUM(n");
    times(w, 190, "+n");
    writer_str(w, ") FROM buys");
}

static void rounds(struct writer *w)
{
    writer_str(w, "SELECT SUM(");
    times(w, 190, "round(");
    writer_str(w, "price");
    times(w, 190, ")");
    writer_str(w, ") FROM buys");
}

static void betweens(struct writer *w)
{
    writer_str(w, COUNT_WHERE);
    times(w, 15, "((");
    writer_str(w, "ok");
    times(w, 15, ") BETWEEN false AND true)");
}

static void outer_selects(struct writer *w)
{
    writer_str(w, "SELECT * FROM ");
    times(w, 60, "(SELECT c+c AS c FROM ");
    writer_str(w, "(SELECT COUNT(*) AS c FROM buys) a");
    times(w, 60, ") a");
}

static void outer_limits(struct writer *w)
{
    writer_str(w, "SELECT * FROM ");
    times(w, 60, "(SELECT c+1 AS c FROM ");
    writer_str(w, "(SELECT COUNT(*) AS c FROM buys) a");
    times(w, 60, " ORDER BY 1 LIMIT 3) a");
}

#define ROW(f)                                                                 \
    {                                                                          \
#f, f                                                                  \
    }
const struct worst WORST[] = {
    ROW(many_ands),
    ROW(many_ors),
    ROW(one_list),
    ROW(many_lists),
    ROW(not_in_lists),
    ROW(brackets),
    ROW(brackets_1000),
    ROW(brackets_many_short),
    ROW(sum_chain),
    ROW(sum_chains),
    ROW(not_chain),
    ROW(minus_chain),
    ROW(cast_chain),
    ROW(case_nested),
    ROW(case_long),
    ROW(case_operand),
    ROW(case_operand_120),
    ROW(nullif_nested),
    ROW(coalesces),
    ROW(functions_nested),
    ROW(joined_text),
    ROW(like_long),
    ROW(like_many),
    ROW(like_constant),
    ROW(text_constant),
    ROW(replace_constant),
    ROW(replace_big),
    ROW(trim_constant),
    ROW(substr_constants),
    ROW(cte_chain),
    ROW(cte_doubles),
    ROW(cte_unused),
    ROW(cte_wide),
    ROW(subs_nested),
    ROW(subs_30),
    ROW(grows_double),
    ROW(grows_16),
    ROW(grows_5_levels),
    ROW(grows_by_case),
    ROW(grows_by_bucket),
    ROW(grows_by_time),
    ROW(grows_by_join),
    ROW(grows_by_sums),
    ROW(grows_by_text),
    ROW(grows_wide),
    ROW(sets_many),
    ROW(cube),
    ROW(cube_5),
    ROW(cubes),
    ROW(rollup),
    ROW(aggregates),
    ROW(aggregates_30),
    ROW(aggregates_sum),
    ROW(filters),
    ROW(percentiles),
    ROW(items),
    ROW(orders),
    ROW(orders_255),
    ROW(keys),
    ROW(keys_alike),
    ROW(joins),
    ROW(joins_60),
    ROW(joins_of_towns),
    ROW(crosses),
    ROW(unions),
    ROW(unions_60),
    ROW(intersects),
    ROW(exists_many),
    ROW(exists_60),
    ROW(exists_or),
    ROW(windows),
    ROW(sub_aggregates),
    ROW(long_name),
    ROW(long_names),
    ROW(parts_of_name),
    ROW(subscripts),
    ROW(comment),
    ROW(statements),
    ROW(semicolons),
    ROW(breaks_late),
    ROW(commas),
    ROW(opens),
    ROW(selects_open),
    ROW(params),
    ROW(between_many),
    ROW(dates_or),
    ROW(intervals),
    ROW(rows),
    ROW(outer_selects),
    ROW(outer_limits),
    ROW(wide_names),
    ROW(having_keys),
    ROW(case_operand_fits),
    ROW(like_backs),
    ROW(like_backtracks),
    ROW(replaces),
    ROW(sum_of_190),
    ROW(rounds),
    ROW(betweens),
};
const size_t N_WORST = sizeof WORST / sizeof WORST[0];
