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

static void sum_chains(struct writer *w)
{
    writer_str(w, COUNT_WHERE "ok");
    while (fits(w, 500)) {
        writer_str(w, " AND n<n");
        times(w, 190, "+n");
    }
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

static void like_constant(struct writer *w)
{
    writer_str(w, COUNT_WHERE "'");
    times(w, 20000, "a");
    writer_str(w, "' LIKE '");
    fill(w, "%a", "");
    writer_str(w, "b'");
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

static void statements(struct writer *w)
{
    fill(w, "SELECT 1;", "");
}

static void semicolons(struct writer *w)
{
    fill(w, ";", "");
}

static void params(struct writer *w)
{
    writer_str(w, COUNT_WHERE "n IN ($1");
    for (size_t n = 2; n < 250; n++)
        writer_printf(w, ",$%zu", n);
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
    writer_str(w, " WHERE a0.n1>0");
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

const struct worst WORST[] = {
#define ROW(name, n, head, each, middle, close, tail)                          \
    { name, NULL, n, head, each, middle, close, tail },
#include "tests/worst.def"
#undef ROW
#define ROW(f)                                                                 \
    {                                                                          \
        .name = #f, .make = f                                                  \
    }
    ROW(many_lists),
    ROW(not_in_lists),
    ROW(brackets_many_short),
    ROW(sum_chains),
    ROW(case_operand),
    ROW(like_constant),
    ROW(trim_constant),
    ROW(cte_chain),
    ROW(cte_doubles),
    ROW(cte_unused),
    ROW(cte_wide),
    ROW(grows_double),
    ROW(grows_16),
    ROW(grows_5_levels),
    ROW(grows_by_case),
    ROW(grows_by_bucket),
    ROW(grows_by_join),
    ROW(cube),
    ROW(cube_5),
    ROW(aggregates),
    ROW(aggregates_30),
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
    ROW(windows),
    ROW(sub_aggregates),
    ROW(statements),
    ROW(semicolons),
    ROW(params),
    ROW(wide_names),
    ROW(having_keys),
    ROW(case_operand_fits),
    ROW(like_backs),
#undef ROW
};
const size_t N_WORST = sizeof WORST / sizeof WORST[0];

void worst_print(struct writer *w, const struct worst *q)
{
    if (q->make) {
        q->make(w);
        return;
    }
    size_t n = q->n;
    writer_str(w, q->head);
    if (n > 0)
        times(w, n, q->each);
    else
        n = fill(w, q->each, q->close);
    writer_str(w, q->middle);
    times(w, n, q->close);
    writer_str(w, q->tail);
}
