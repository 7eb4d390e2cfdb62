#include "tests/lib_relation.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

unsigned relation_draw(struct relation_gen *g, unsigned below)
{
    g->seed = g->seed * 1664525u + 1013904223u;
    return (g->seed >> 9) % below;
}

__attribute__((format(printf, 1, 2))) static char *text(const char *fmt, ...)
{
    char *out = NULL;
    va_list ap;
    va_start(ap, fmt);
    const int n = vasprintf(&out, fmt, ap);
    va_end(ap);
    assert(n >= 0);
    return out;
}

static char *base(struct relation_gen *g)
{
    static const char *const bases[] = {
        "(SELECT who, city AS c, n, price AS d FROM buys)",
        "(SELECT who, city AS c, km AS n, 0.5 AS d FROM trips)",
        "(SELECT who, kind AS c, n + 1 AS n, price AS d FROM buys WHERE n < 9)",
    };
    if (g->with[0] && relation_draw(g, 2))
        return strdup("(SELECT who, c, n, d FROM q)");
    return strdup(bases[relation_draw(g, 3)]);
}

static char *condition(struct relation_gen *g, unsigned depth)
{
    static const char *const simple[] = {
        "x.n > 2",
        "x.c = 'W'",
        "x.c IS NULL OR x.n = 3",
        "x.d < 2 AND NOT (x.n = 1)",
        "COALESCE(x.c, 'B') IN ('W', 'B')",
        "x.c IN (SELECT city FROM towns)",
        "x.c NOT IN (SELECT city FROM towns WHERE zone > 1)",
        "EXISTS (SELECT 1 FROM towns t WHERE t.city = x.c AND t.zone < x.n)",
        "x.n IN (SELECT zone FROM towns GROUP BY zone HAVING COUNT(*) = 1)",
        "x.n < (SELECT AVG(zone) FROM towns t WHERE t.city <> x.c)",
    };
    static const char *const nested[] = {
        "EXISTS (SELECT 1 FROM %s y WHERE y.who = x.who AND y.n > x.n)",
        "NOT EXISTS (SELECT 1 FROM %s y WHERE x.who = y.who AND y.c = x.c)",
        "x.who IN (SELECT who FROM %s y GROUP BY who HAVING COUNT(*) > 1)",
        "x.who NOT IN (SELECT y.who FROM %s y WHERE y.n > 3)",
        "x.c IN (SELECT y.c FROM %s y WHERE y.who = x.who AND y.n < 4)",
        "x.n = 2 OR EXISTS (SELECT 1 FROM %s y WHERE y.who = x.who)",
        "x.n > (SELECT MIN(y.n) FROM %s y WHERE y.who = x.who)",
        "COALESCE(x.d, 0) < (SELECT SUM(y.d) + COUNT(*) FROM %s y WHERE x.who "
        "= y.who AND y.n >= x.n)",
    };
    if (depth == 0 || relation_draw(g, 2))
        return strdup(simple[relation_draw(g, 10)]);
    char *inner = relation_gen(g, depth - 1);
    const char *form = nested[relation_draw(g, 8)];
    const char *at = strstr(form, "%s");
    char *out = text("%.*s%s%s", (int)(at - form), form, inner, at + 2);
    free(inner);
    return out;
}

static char *filtered(struct relation_gen *g, unsigned depth)
{
    char *r = relation_gen(g, depth - 1), *if_ = condition(g, depth - 1);
    char *out =
        text("(SELECT x.who, x.c, x.n, x.d FROM %s x WHERE %s)", r, if_);
    free(r);
    free(if_);
    return out;
}

static char *joined(struct relation_gen *g, unsigned depth)
{
    static const char *const forms[] = {
        "(SELECT x.who, x.c, y.n, x.d FROM %s x JOIN %s y ON x.who = y.who)",
        "(SELECT y.who, x.c, y.n, x.d FROM %s x, %s y WHERE y.who = x.who AND "
        "x.n <= y.n)",
        "(SELECT x.who, y.c, x.n, y.d FROM %s x LEFT JOIN %s y ON x.who = "
        "y.who AND x.c = y.c)",
        "(SELECT x.who, x.c, x.n, x.d FROM %s x LEFT JOIN %s y ON x.who = "
        "y.who AND y.n > 2 WHERE y.who IS NULL)",
        "(SELECT y.who, y.c, y.n, x.d FROM %s x RIGHT JOIN %s y ON x.who = "
        "y.who AND x.n = y.n)",
        "(SELECT who, c, x.n, y.d FROM %s x JOIN %s y USING (who, c))",
    };
    char *a = relation_gen(g, depth - 1), *b = relation_gen(g, depth - 1);
    const char *form = forms[relation_draw(g, 6)];
    const char *one = strstr(form, "%s"), *two = strstr(one + 2, "%s");
    char *out = text("%.*s%s%.*s%s%s", (int)(one - form), form, a,
                     (int)(two - one - 2), one + 2, b, two + 2);
    free(a);
    free(b);
    return out;
}

/* One relation inside; %s stands for it once. */
static char *wrapped(struct relation_gen *g, unsigned depth, const char *form)
{
    char *r = relation_gen(g, depth - 1);
    const char *at = strstr(form, "%s");
    char *out = text("%.*s%s%s", (int)(at - form), form, r, at + 2);
    free(r);
    return out;
}

static char *with_public(struct relation_gen *g, unsigned depth)
{
    static const char *const forms[] = {
        "(SELECT x.who, x.c, t.zone AS n, x.d FROM %s x JOIN towns t ON x.c = "
        "t.city)",
        "(SELECT x.who, x.c, t.zone AS n, x.d FROM %s x LEFT JOIN towns t ON "
        "x.c = t.city)",
        "(SELECT x.who, t.city AS c, x.n, x.d FROM %s x JOIN towns t ON x.n > "
        "t.zone)",
        "(SELECT x.who, t.city AS c, x.n, x.d FROM towns t RIGHT JOIN %s x ON "
        "x.n = t.zone)",
    };
    return wrapped(g, depth, forms[relation_draw(g, 4)]);
}

static char *grouped(struct relation_gen *g, unsigned depth)
{
    static const char *const forms[] = {
        "(SELECT who, MIN(c) AS c, SUM(n) AS n, SUM(d) AS d FROM %s x GROUP BY "
        "who)",
        "(SELECT who, MAX(c) AS c, COUNT(*) AS n, MAX(d) AS d FROM %s x GROUP "
        "BY who HAVING COUNT(*) > 1)",
        "(SELECT x.who, c, COUNT(n) AS n, AVG(d) AS d FROM %s x GROUP BY "
        "x.who, c)",
        "(SELECT who, c, COUNT(DISTINCT n) AS n, MIN(d) AS d FROM %s x GROUP "
        "BY c, who HAVING MAX(n) > 1)",
        "(SELECT who, MIN(c) AS c, COUNT(*) FILTER (WHERE n > 2) AS n, SUM(d) "
        "AS d FROM %s x GROUP BY who)",
        "(SELECT who, MAX(c) AS c, percentile_disc(0.5) WITHIN GROUP (ORDER BY "
        "n) AS n, MEDIAN(d) FILTER (WHERE n < 4) AS d FROM %s x GROUP BY who)",
        "(SELECT who, c, COUNT(DISTINCT d) AS n, percentile_cont(0.9) WITHIN "
        "GROUP (ORDER BY n) AS d FROM %s x GROUP BY who, c)",
    };
    return wrapped(g, depth, forms[relation_draw(g, 7)]);
}

static char *windowed(struct relation_gen *g, unsigned depth)
{
    static const char *const total[] = {
        "(SELECT who, c, row_number() OVER (PARTITION BY who ORDER BY n, c, d) "
        "AS n, d FROM %s x)",
        "(SELECT who, c, n, d FROM (SELECT who, c, n, d, row_number() OVER "
        "(PARTITION BY who ORDER BY n DESC, c, d) AS r FROM %s x) y WHERE r = "
        "1)",
        "(SELECT DISTINCT ON (who) who, c, n, d FROM %s x ORDER BY who, n "
        "DESC, c, d)",
        "(SELECT who, c, n - lag(n) OVER (PARTITION BY who ORDER BY n, c, d) "
        "AS n, d FROM %s x)",
        "(SELECT who, c, rank() OVER (PARTITION BY who, c ORDER BY n) AS n, d "
        "FROM %s x)",
        "(SELECT who, c, SUM(n) OVER (PARTITION BY who) AS n, SUM(d) OVER "
        "(PARTITION BY who ORDER BY n) AS d FROM %s x)",
        "(SELECT who, first_value(c) OVER (PARTITION BY who ORDER BY n, c, d) "
        "AS c, COUNT(*) OVER (PARTITION BY c, who) AS n, d FROM %s x)",
        "(SELECT who, c, SUM(n) OVER (PARTITION BY who ORDER BY n, c, d ROWS "
        "BETWEEN 2 PRECEDING AND CURRENT ROW) AS n, lag(d, 2, 0.5) OVER "
        "(PARTITION BY who ORDER BY n, c, d) AS d FROM %s x)",
        "(SELECT who, nth_value(c, 2) OVER (PARTITION BY who ORDER BY n, c, d "
        "ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) AS c, ntile(2) OVER "
        "(PARTITION BY who ORDER BY n, c, d) AS n, cume_dist() OVER (PARTITION "
        "BY who ORDER BY n) AS d FROM %s x)",
        "(SELECT who, c, lead(n, -1) OVER (PARTITION BY who ORDER BY n, c, d) "
        "AS n, MAX(d) OVER (PARTITION BY who ORDER BY c RANGE BETWEEN CURRENT "
        "ROW AND UNBOUNDED FOLLOWING) AS d FROM %s x)",
    };
    static const char *const ties[] = {
        "(SELECT who, c, n, d FROM (SELECT who, c, n, d, row_number() OVER "
        "(PARTITION BY who ORDER BY n) AS r FROM %s x) y WHERE r = 1)",
        "(SELECT who, lead(c) OVER (PARTITION BY who ORDER BY n) AS c, n, d "
        "FROM %s x)",
        "(SELECT who, c, SUM(n) OVER (PARTITION BY who ORDER BY c ROWS "
        "UNBOUNDED PRECEDING) AS n, d FROM %s x)",
        "(SELECT who, c, n, d FROM %s x ORDER BY n LIMIT 2)",
        "(SELECT who, c, n, d FROM %s x LIMIT 1)",
        "(SELECT DISTINCT ON (who, c) who, c, n, d FROM %s x ORDER BY who, c, "
        "d)",
        "(SELECT who, c, n, d FROM %s x ORDER BY d DESC LIMIT 3 OFFSET 1)",
        "(SELECT who, c, ntile(2) OVER (PARTITION BY who ORDER BY n) AS n, "
        "lead(d, 1, 0.0) OVER (PARTITION BY who ORDER BY n) AS d FROM %s x)",
        "(SELECT who, c, COUNT(d) OVER (PARTITION BY who ORDER BY c ROWS "
        "BETWEEN 2 PRECEDING AND 1 PRECEDING) AS n, STDDEV(d) OVER (PARTITION "
        "BY who ORDER BY c ROWS 2 PRECEDING) AS d FROM %s x)",
        "(SELECT who, MIN(c) AS c, COUNT(*) AS n, VAR_POP(d) AS d FROM %s x "
        "GROUP BY who HAVING STDDEV_SAMP(n) < 3)",
    };
    if (g->plain || relation_draw(g, 2))
        return wrapped(g, depth, total[relation_draw(g, 10)]);
    return wrapped(g, depth, ties[relation_draw(g, 10)]);
}

static char *united(struct relation_gen *g, unsigned depth)
{
    static const char *const kinds[] = { "UNION ALL", "UNION ALL", "UNION",
                                         "EXCEPT", "INTERSECT" };
    char *a = relation_gen(g, depth - 1), *b = relation_gen(g, depth - 1);
    char *out = text("(SELECT who, c, n, d FROM %s x %s SELECT who, c, n, d "
                     "FROM %s y)",
                     a, kinds[relation_draw(g, 5)], b);
    free(a);
    free(b);
    return out;
}

char *relation_gen(struct relation_gen *g, unsigned depth)
{
    if (depth == 0)
        return base(g);
    switch (relation_draw(g, 9)) {
    case 0:
    case 1:
        return filtered(g, depth);
    case 2:
        return joined(g, depth);
    case 3:
        return with_public(g, depth);
    case 4:
        return grouped(g, depth);
    case 5:
    case 6:
        return windowed(g, depth);
    case 7:
        return united(g, depth);
    default:
        return wrapped(g, depth, "(SELECT DISTINCT who, c, n, d FROM %s x)");
    }
}
