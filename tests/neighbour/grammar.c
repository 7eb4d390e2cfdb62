#include "tests/neighbour/grammar.h"

#include <string.h>

/* A column in reach of an expression. */
struct col {
    char name[40]; /* with its alias: "o.amount" */
    char type;     /* i d t D(ate) T(imestamp) b */
    bool bounded;  /* may be added up without a clamp */
    bool groups;   /* may be grouped by */
};

enum { SCOPE_MAX = 48 };

/* The columns of a relation, its alias and its privacy key. */
struct scope {
    struct col cols[SCOPE_MAX];
    size_t n;
    char key[40]; /* "" when public */
};

struct table {
    const char *name, *key;
    const char *cols; /* "name:type[!bounded]..." */
};

/* '+' bounded, '-' may not be grouped by. */
static const struct table TABLES[] = {
    { "customers", "customer_id", "country:t+ age:t+ joined:D score:d" },
    { "orders", "customer_id",
      "category:t+ amount:d+ qty:i+ at:T+ note:t- day:D+" },
    { "touches", "customer_id", "channel:t+ campaign:t cost:d+ at:T+" },
};
static const struct table CAMPAIGNS = { "campaigns", "",
                                        "campaign:t kind:t+ price:d+" };
enum { TABLES_N = sizeof TABLES / sizeof TABLES[0] };

static const char *const LITERALS[] = { "'DE'",    "'FR'", "'books'",  "''",
                                        "'email'", "'x%'", "'spring'", NULL };
static const char *const DATES[] = { "'2024-01-01'", "'2024-02-10'",
                                     "'2024-03-31'", NULL };
static const char *const NUMBERS[] = { "0", "1",  "2.5", "-3",
                                       "7", "50", "1e9", NULL };
static const char *const COMPARE[] = { "=", "<>", "<", "<=", ">", ">=", NULL };

static void scope_add(struct scope *s, const char *alias, const char *name,
                      size_t len, char type, bool bounded, bool groups)
{
    struct col *c = &s->cols[s->n];
    struct writer w = writer_of(c->name, sizeof c->name);
    if (s->n == SCOPE_MAX - 1)
        return;
    writer_printf(&w, "%s%s%.*s", alias, alias[0] ? "." : "", (int)len, name);
    if (!writer_cstr(&w))
        return;
    c->type = type;
    c->bounded = bounded;
    c->groups = groups;
    s->n++;
}

static void scope_table(struct scope *s, const struct table *t,
                        const char *alias)
{
    for (const char *at = t->cols; *at;) {
        const size_t len = strcspn(at, ":");
        const char *mark = at + len + 2;
        scope_add(s, alias, at, len, at[len + 1], *mark == '+', *mark != '-');
        at += len + 2;
        at += strcspn(at, " ");
        at += *at == ' ';
    }
}

static const struct col *pick(const struct scope *s, struct draw *d,
                              const char *types)
{
    for (int tries = 0; s->n && tries < 24; tries++) {
        const struct col *c = &s->cols[draw_below(d, (unsigned)s->n)];
        if (strchr(types, c->type))
            return c;
    }
    return NULL;
}

/* ---- expressions of a row ---- */

static void number(struct writer *w, struct draw *d, const struct scope *s,
                   int depth);

static void number_call(struct writer *w, struct draw *d, const struct scope *s,
                        int depth)
{
    static const char *const calls[] = { "least(%s, 5)",
                                         "greatest(-2, %s)",
                                         "coalesce(%s, 1)",
                                         "abs(%s)",
                                         "-(%s)",
                                         "CAST(%s AS int)",
                                         "(%s) * 2",
                                         "(%s) / 3",
                                         "CASE WHEN %s > 2 THEN 1 ELSE 0 END",
                                         "round(%s)",
                                         "nullif(%s, 0)",
                                         NULL };
    const char *call = draw_text(d, calls);
    const char *hole = strstr(call, "%s");
    writer_bytes(w, call, (size_t)(hole - call));
    number(w, d, s, depth - 1);
    writer_str(w, hole + 2);
}

static void number(struct writer *w, struct draw *d, const struct scope *s,
                   int depth)
{
    const struct col *c = pick(s, d, "id");
    if (depth > 0 && draw_chance(d, 40)) {
        if (draw_chance(d, 60)) {
            number_call(w, d, s, depth);
            return;
        }
        writer_str(w, "(");
        number(w, d, s, depth - 1);
        writer_str(w, draw_chance(d, 50) ? " + " : " * ");
        number(w, d, s, depth - 1);
        writer_str(w, ")");
        return;
    }
    writer_str(w, c && draw_chance(d, 85) ? c->name : draw_text(d, NUMBERS));
}

static void clamped(struct writer *w, struct draw *d, const struct scope *s)
{
    const struct col *c = pick(s, d, "id");
    if (c && c->bounded && draw_chance(d, 60)) {
        writer_str(w, c->name);
        return;
    }
    writer_printf(w, "least(%u, greatest(%d, ", 1 + draw_below(d, 30),
                  -(int)draw_below(d, 10));
    number(w, d, s, 2);
    writer_str(w, "))");
}

static void predicate(struct writer *w, struct draw *d, const struct scope *s,
                      int depth)
{
    const struct col *c = pick(s, d, "idtDTb");
    if (depth > 0 && draw_chance(d, 25)) {
        writer_str(w, draw_chance(d, 30) ? "NOT (" : "(");
        predicate(w, d, s, depth - 1);
        writer_str(w, draw_chance(d, 50) ? " AND " : " OR ");
        predicate(w, d, s, depth - 1);
        writer_str(w, ")");
        return;
    }
    if (!c || draw_chance(d, 10)) {
        number(w, d, s, 1);
        writer_printf(w, " %s %s", draw_text(d, COMPARE),
                      draw_text(d, NUMBERS));
    } else if (draw_chance(d, 15)) {
        writer_printf(w, "%s IS %sNULL", c->name,
                      draw_chance(d, 50) ? "NOT " : "");
    } else if (c->type == 't') {
        writer_printf(w, draw_chance(d, 30) ? "%s LIKE %s" : "%s <> %s",
                      c->name, draw_text(d, LITERALS));
    } else if (c->type == 'D' || c->type == 'T') {
        writer_printf(w, "%s %s %s", c->name, draw_text(d, COMPARE),
                      draw_text(d, DATES));
    } else if (c->type == 'b') {
        writer_str(w, c->name);
    } else {
        number(w, d, s, 2);
        writer_printf(w, " %s %s", draw_text(d, COMPARE),
                      draw_text(d, NUMBERS));
    }
}

static void where(struct writer *w, struct draw *d, const struct scope *s,
                  unsigned percent)
{
    if (!draw_chance(d, percent))
        return;
    writer_str(w, " WHERE ");
    predicate(w, d, s, 2);
}

/* ---- relations ---- */

static void relation(struct writer *w, struct draw *d, struct scope *s,
                     int depth);

static void base(struct writer *w, struct draw *d, struct scope *s,
                 const char *alias)
{
    const struct table *t = &TABLES[draw_below(d, TABLES_N)];
    struct writer key = writer_of(s->key, sizeof s->key);
    writer_printf(w, "shop.%s AS %s", t->name, alias);
    writer_printf(&key, "%s.%s", alias, t->key);
    (void)writer_cstr(&key);
    scope_table(s, t, alias);
}

static void join_owned(struct writer *w, struct draw *d, struct scope *s)
{
    struct scope right = { 0 };
    base(w, d, s, "a");
    writer_str(w, draw_chance(d, 35) ? " LEFT JOIN " : " JOIN ");
    base(w, d, &right, "b");
    writer_printf(w, " ON a.customer_id = b.customer_id");
    if (draw_chance(d, 25)) {
        writer_str(w, " AND ");
        predicate(w, d, &right, 1);
    }
    for (size_t i = 0; i < right.n && s->n < SCOPE_MAX - 1; i++)
        s->cols[s->n++] = right.cols[i];
}

static void join_public(struct writer *w, struct draw *d, struct scope *s)
{
    writer_str(w, "shop.touches AS a");
    scope_table(s, &TABLES[2], "a");
    memcpy(s->key, "a.customer_id", sizeof "a.customer_id");
    writer_str(w, draw_chance(d, 40) ? " LEFT JOIN " : " JOIN ");
    writer_str(w, "shop.campaigns AS c ON a.campaign = c.campaign");
    scope_table(s, &CAMPAIGNS, "c");
}

static void person_aggregate(struct writer *w, struct draw *d,
                             const struct scope *in, struct scope *out,
                             unsigned i)
{
    static const char *const numeric[] = { "sum",    "min",     "max",
                                           "avg",    "count",   "stddev",
                                           "median", "var_pop", NULL };
    const struct col *c = pick(in, d, "idtDT");
    char name[8];
    struct writer n = writer_of(name, sizeof name);
    writer_printf(&n, "x%u", i);
    (void)writer_cstr(&n);
    writer_str(w, ", ");
    if (!c || draw_chance(d, 30)) {
        writer_printf(w, "count(*) AS %s", name);
        scope_add(out, "q", name, strlen(name), 'i', false, true);
    } else if (c->type == 'i' || c->type == 'd') {
        writer_printf(w, "%s(%s) AS %s", draw_text(d, numeric), c->name, name);
        scope_add(out, "q", name, strlen(name), 'd', false, true);
    } else {
        writer_printf(w, "%s(%s) AS %s", draw_chance(d, 50) ? "min" : "max",
                      c->name, name);
        scope_add(out, "q", name, strlen(name), c->type, false, c->groups);
    }
}

/* One row a person, or one a person and another column. */
static void per_person(struct writer *w, struct draw *d, struct scope *s,
                       int depth)
{
    struct scope in = { 0 };
    const unsigned n = 1 + draw_below(d, 3);
    char from[4096];
    struct writer f = writer_of(from, sizeof from);
    relation(&f, d, &in, depth - 1);
    (void)writer_cstr(&f);
    const struct col *by = draw_chance(d, 35) ? pick(&in, d, "itD") : NULL;

    writer_printf(w, "(SELECT %s AS customer_id", in.key);
    if (by) {
        writer_printf(w, ", %s AS g", by->name);
        scope_add(s, "q", "g", 1, by->type, by->bounded, by->groups);
    }
    for (unsigned i = 0; i < n; i++)
        person_aggregate(w, d, &in, s, i);
    writer_printf(w, " FROM %s", from);
    where(w, d, &in, 40);
    writer_printf(w, " GROUP BY %s", in.key);
    if (by)
        writer_printf(w, ", %s", by->name);
    if (draw_chance(d, 20))
        writer_str(w, " HAVING count(*) > 1");
    writer_str(w, ") AS q");
    memcpy(s->key, "q.customer_id", sizeof "q.customer_id");
}

/* Rows of one table with a window over each person's rows. */
static void windowed(struct writer *w, struct draw *d, struct scope *s)
{
    static const char *const calls[] = {
        "row_number()", "count(*)",    "rank()", "ntile(2)",
        "count(*)",     "cume_dist()", NULL
    };
    static const char *const frames[] = {
        "", " ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING",
        " ROWS BETWEEN 2 PRECEDING AND 1 PRECEDING", NULL
    };
    const struct table *t = &TABLES[1 + draw_below(d, 2)];
    const char *call = draw_text(d, calls);
    struct scope in = { 0 };
    scope_table(&in, t, "");
    const struct col *by = pick(&in, d, "idT");
    writer_printf(w, "(SELECT *, %s OVER (PARTITION BY customer_id ", call);
    if (by)
        writer_printf(w, "ORDER BY %s%s", by->name,
                      draw_chance(d, 50) ? " DESC" : "");
    writer_str(w, draw_text(d, frames));
    writer_printf(w, ") AS r FROM shop.%s) AS q", t->name);
    scope_table(s, t, "q");
    scope_add(s, "q", "r", 1, 'i', false, true);
    memcpy(s->key, "q.customer_id", sizeof "q.customer_id");
}

static void united(struct writer *w, struct draw *d, struct scope *s)
{
    static const char *const one[] = {
        "SELECT customer_id, category AS g, amount AS x FROM shop.orders",
        "SELECT customer_id, channel AS g, cost AS x FROM shop.touches",
        "SELECT customer_id, country AS g, 1.5 AS x FROM shop.customers", NULL
    };
    writer_printf(w, "(%s UNION ALL ", draw_text(d, one));
    writer_printf(w, "%s) AS q", draw_text(d, one));
    scope_add(s, "q", "g", 1, 't', false, true);
    scope_add(s, "q", "x", 1, 'd', false, false);
    memcpy(s->key, "q.customer_id", sizeof "q.customer_id");
}

static void distinct_rows(struct writer *w, struct draw *d, struct scope *s)
{
    const struct table *t = &TABLES[draw_below(d, TABLES_N)];
    struct scope in = { 0 };
    scope_table(&in, t, "");
    const struct col *by = pick(&in, d, "t");
    if (!by) {
        base(w, d, s, "q");
        return;
    }
    writer_printf(w, "(SELECT DISTINCT customer_id, %s AS g FROM shop.%s) AS q",
                  by->name, t->name);
    scope_add(s, "q", "g", 1, 't', by->bounded, by->groups);
    memcpy(s->key, "q.customer_id", sizeof "q.customer_id");
}

static void relation(struct writer *w, struct draw *d, struct scope *s,
                     int depth)
{
    const unsigned kind = depth > 0 ? draw_below(d, 100) : 0;
    if (kind < 40)
        base(w, d, s, "a");
    else if (kind < 55)
        join_owned(w, d, s);
    else if (kind < 65)
        join_public(w, d, s);
    else if (kind < 82)
        per_person(w, d, s, depth);
    else if (kind < 90)
        windowed(w, d, s);
    else if (kind < 95)
        united(w, d, s);
    else
        distinct_rows(w, d, s);
}

/* ---- the question ---- */

static void aggregate(struct writer *w, struct draw *d, const struct scope *s)
{
    const struct col *c = pick(s, d, "idtDT");
    switch (draw_below(d, 11)) {
    case 0:
    case 1:
        writer_str(w, "count(*)");
        break;
    case 2:
    case 3:
        writer_printf(w, "count(DISTINCT %s)", s->key);
        break;
    case 4:
        writer_printf(w, "count(%s)", c ? c->name : "*");
        break;
    case 5:
        writer_str(w, "avg(");
        clamped(w, d, s);
        writer_str(w, ")");
        break;
    case 6:
        writer_str(w, draw_chance(d, 50) ? "stddev(" : "var_pop(");
        clamped(w, d, s);
        writer_str(w, ")");
        break;
    case 7:
        writer_printf(w, "count(DISTINCT %s)", c ? c->name : s->key);
        break;
    case 8:
        writer_printf(w, "percentile_cont(%s) WITHIN GROUP (ORDER BY ",
                      draw_chance(d, 50) ? "0.5" : "0.9");
        clamped(w, d, s);
        writer_str(w, ")");
        break;
    default:
        writer_str(w, "sum(");
        clamped(w, d, s);
        writer_str(w, ")");
    }
    if (draw_chance(d, 25)) {
        writer_str(w, " FILTER (WHERE ");
        predicate(w, d, s, 1);
        writer_str(w, ")");
    }
}

static void key(struct writer *w, struct draw *d, const struct col *c)
{
    static const char *const units[] = { "month", "day", "week", "year", NULL };
    if ((c->type == 'T' || c->type == 'D') && draw_chance(d, 85))
        writer_printf(w, "date_trunc('%s', %s)", draw_text(d, units), c->name);
    else if (c->type == 'd')
        writer_printf(w, "CASE WHEN %s > 3 THEN 'big' ELSE 'small' END",
                      c->name);
    else
        writer_str(w, c->name);
}

static void grouping(struct writer *w, struct draw *d, unsigned n_keys)
{
    const unsigned kind = draw_below(d, 100);
    const char *close = "";
    writer_str(w, " GROUP BY ");
    if (kind < 6 && n_keys > 1) {
        writer_str(w, "ROLLUP (");
        close = ")";
    } else if (kind < 10 && n_keys > 1) {
        writer_str(w, "CUBE (");
        close = ")";
    } else if (kind < 14 && n_keys > 1) {
        writer_str(w, "GROUPING SETS ((1), (");
        close = "), ())";
    }
    for (unsigned i = 0; i < n_keys; i++)
        writer_printf(w, "%s%u", i ? ", " : "", i + 1);
    writer_str(w, close);
}

/* The k groups with the greatest numbers. */
static void first_groups(struct writer *w, struct draw *d,
                         const struct scope *s)
{
    const struct col *c = pick(s, d, "i");
    writer_str(w, " ORDER BY ");
    switch (draw_below(d, 4)) {
    case 0:
        writer_printf(w, "count(DISTINCT %s)", s->key);
        break;
    case 1:
        writer_str(w, "count(*) FILTER (WHERE ");
        predicate(w, d, s, 1);
        writer_str(w, ")");
        break;
    case 2:
        if (c && c->bounded) {
            writer_printf(w, "sum(%s)", c->name);
            break;
        } /* fall through */
    default:
        writer_str(w, "count(*)");
    }
    writer_printf(w, " DESC LIMIT %u", 1 + draw_below(d, 3));
    if (draw_chance(d, 20))
        writer_str(w, " OFFSET 1");
}

static void tail(struct writer *w, struct draw *d, const struct scope *s,
                 unsigned n_keys, unsigned n_aggs)
{
    if (n_keys)
        grouping(w, d, n_keys);
    if (n_keys && draw_chance(d, 15))
        writer_str(w, " HAVING count(*) > 3");
    if (n_keys && draw_chance(d, 25)) {
        first_groups(w, d, s);
        return;
    }
    if (draw_chance(d, 40))
        writer_printf(w, " ORDER BY %u%s", 1 + draw_below(d, n_keys + n_aggs),
                      draw_chance(d, 50) ? " DESC" : "");
    if (draw_chance(d, 20))
        writer_printf(w, " LIMIT %u", 1 + draw_below(d, 5));
}

void grammar_query(struct writer *w, struct draw *d)
{
    struct scope s = { 0 };
    char from[16384];
    struct writer f = writer_of(from, sizeof from);
    relation(&f, d, &s, 3);
    (void)writer_cstr(&f);

    const unsigned most = draw_below(d, 4);
    unsigned n_aggs = 1 + draw_below(d, 3), n_keys = 0;
    writer_str(w, "SELECT ");
    for (unsigned i = 0; i < most && i < 2; i++) {
        const struct col *c = pick(&s, d, "tDTidb");
        if (!c || !c->groups)
            continue;
        writer_str(w, n_keys++ ? ", " : "");
        key(w, d, c);
    }
    if (n_keys && draw_chance(d, 15))
        n_aggs = 0;
    for (unsigned i = 0; i < n_aggs; i++) {
        writer_str(w, n_keys + i ? ", " : "");
        aggregate(w, d, &s);
    }
    writer_printf(w, " FROM %s", from);
    where(w, d, &s, 45);
    tail(w, d, &s, n_keys, n_aggs);
}
