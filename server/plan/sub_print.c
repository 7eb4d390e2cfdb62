/*
 * A sub-query in the engine's SQL.  The key travels as p whether or not it is
 * selected, outputs as c0, c1, ..
 *
 *   SELECT key AS p, outputs AS c0.. FROM .. WHERE ..          no groups
 *
 *   SELECT p, outputs AS c0.. FROM                             groups
 *     (SELECT p, g0.., aggregates AS a0.. FROM
 *       (SELECT key AS p, keys AS g0.., inputs AS x0.., filters AS f0..
 *        FROM .. WHERE ..) GROUP BY p, g0..)
 *   WHERE having
 *
 *   SELECT p, c0.. FROM (SELECT *, row_number() OVER (PARTITION BY p
 *     ORDER BY orders, c0..) AS r FROM (..)) WHERE r <= limit  LIMIT
 *
 *   DISTINCT ON ranks before that, within p, d0.., and keeps the first.
 */
#include <stdio.h>

#include "server/plan/dialect.h"
#include "server/plan/sub.h"

/* Text that was computed is cut, so that level upon level cannot make it grow
 * past what the engine holds: whether it does would depend on the data. */
enum { TEXT_MOST = 256 }; /* characters */

/* The least or greatest value of a column is a value of it. */
static bool is_stored(const struct sub *u, const struct typed *e)
{
    if (e->kind == TYPED_COLUMN || e->kind == TYPED_CONST)
        return true;
    const struct draft_agg *agg =
        e->kind == TYPED_AGG ? &u->b.aggs[e->index] : NULL;
    return agg && (agg->kind == AGG_MIN || agg->kind == AGG_MAX) &&
           agg->value->kind == TYPED_COLUMN;
}

static void print_output(struct writer *w, const struct sub *u,
                         const struct typed *e)
{
    const bool cuts = e->type == VALUE_TEXT && !is_stored(u, e);
    writer_str(w, cuts ? "left(" : "");
    dialect_typed(w, e);
    if (cuts)
        writer_printf(w, ", %d)", TEXT_MOST);
}

/* `named`: the key is p already. */
static void print_outputs(struct writer *w, const struct sub *u, bool named)
{
    const struct rel_scope *s = u->b.scope;
    bool any = s->owned;
    writer_str(w, u->s->distinct ? "SELECT DISTINCT " : "SELECT ");
    if (s->owned)
        writer_printf(w, "%s AS p", named ? "p" : s->leaves[s->key].key_sql);
    for (size_t i = 0; i < u->n_outputs; i++) {
        if (!u->outputs[i].typed)
            continue;
        writer_str(w, any ? ", " : "");
        print_output(w, u, u->outputs[i].typed);
        writer_printf(w, " AS c%zu", i);
        any = true;
    }
    const bool ranks = sub_limits(u) || u->s->n_distinct_on > 0;
    for (size_t i = 0; ranks && i < u->s->n_orders; i++) {
        if (!u->orders[i])
            continue;
        writer_str(w, ", ");
        dialect_typed(w, u->orders[i]);
        writer_printf(w, " AS o%zu", i);
    }
    for (size_t i = 0; i < u->n_on; i++) {
        writer_str(w, ", ");
        dialect_typed(w, u->on[i]);
        writer_printf(w, " AS d%zu", i);
    }
}

static void print_rows(struct writer *w, const struct sub *u)
{
    dialect_from(w, u->b.scope);
    dialect_where(w, u->b.scope, &u->b.where);
}

/* Keys g0.., inputs x0.. and filters f0.. of every row. */
static void print_inputs(struct writer *w, const struct sub *u)
{
    const struct rel_scope *s = u->b.scope;
    writer_str(w, "SELECT ");
    if (s->owned)
        writer_printf(w, "%s AS p", s->leaves[s->key].key_sql);
    else
        writer_str(w, "TRUE AS p");
    for (size_t i = 0; i < u->b.n_keys; i++) {
        if (sub_is_key(u, i))
            continue;
        writer_str(w, ", ");
        dialect_typed(w, u->b.keys[i]);
        writer_printf(w, " AS g%zu", i);
    }
    for (size_t i = 0; i < u->b.n_aggs; i++) {
        const struct draft_agg *agg = &u->b.aggs[i];
        if (agg->value) {
            writer_str(w, ", ");
            dialect_sub_value(w, agg);
            writer_printf(w, " AS x%zu", i);
        }
        if (agg->filter) {
            writer_str(w, ", ");
            dialect_expr(w, agg->filter);
            writer_printf(w, " AS f%zu", i);
        }
    }
    print_rows(w, u);
}

static void print_keys(struct writer *w, const struct sub *u)
{
    for (size_t i = 0; i < u->b.n_keys; i++)
        if (!sub_is_key(u, i))
            writer_printf(w, ", g%zu", i);
}

static void print_groups(struct writer *w, const struct sub *u)
{
    /* Without GROUP BY (over public rows) there is one row, p or no p. */
    writer_str(w,
               u->b.n_keys > 0 ? " FROM (SELECT p" : " FROM (SELECT TRUE AS p");
    print_keys(w, u);
    for (size_t i = 0; i < u->b.n_aggs; i++) {
        char x[32], f[32];
        (void)snprintf(x, sizeof x, "x%zu", i);
        (void)snprintf(f, sizeof f, "f%zu", i);
        writer_str(w, ", ");
        dialect_sub_agg(w, &u->b.aggs[i], x, f, "");
        writer_printf(w, " AS a%zu", i);
    }
    writer_str(w, " FROM (");
    print_inputs(w, u);
    writer_str(w, ")");
    dialect_alias(w);
    if (u->b.n_keys > 0) {
        writer_str(w, " GROUP BY p");
        print_keys(w, u);
    }
    writer_str(w, ")");
    dialect_alias(w);
    if (u->having) {
        writer_str(w, " WHERE ");
        dialect_expr(w, u->having);
    }
}

/* ---- window functions in PostgreSQL ---- */

/* Columns, and what is printed already, that outputs stand on. */
enum { LEAVES_MAX = 256 };
struct leaves {
    const struct typed *of[LEAVES_MAX];
    size_t n;
    bool has_window, too_many;
};

static void add_leaves(struct leaves *l, const struct writer *w,
                       const struct typed *e)
{
    for (size_t i = 0; e->kind == TYPED_CALL && i < e->call.n_args; i++)
        add_leaves(l, w, e->call.args[i]);
    if (e->kind != TYPED_COLUMN && e->kind != TYPED_TEXT)
        return;
    w->dialect->named = l->of;
    w->dialect->n_named = l->n;
    if (dialect_named(w, e) < l->n)
        return;
    l->too_many |= l->n == LEAVES_MAX;
    l->has_window |= e->kind == TYPED_TEXT && e->is_window;
    if (l->n < LEAVES_MAX)
        l->of[l->n++] = e;
}

static void find_leaves(struct leaves *l, const struct writer *w,
                        const struct sub *u)
{
    *l = (struct leaves){ .n = 0 };
    for (size_t i = 0; i < u->n_outputs; i++)
        if (u->outputs[i].typed)
            add_leaves(l, w, u->outputs[i].typed);
    for (size_t i = 0; i < u->s->n_orders; i++)
        if (u->orders[i])
            add_leaves(l, w, u->orders[i]);
    for (size_t i = 0; i < u->n_on; i++)
        add_leaves(l, w, u->on[i]);
    w->dialect->n_named = 0;
}

/*
 * A window function stands in the SELECT of its rows, and PostgreSQL's forms
 * name an operand twice by a sub-query, which it cannot be in.  So leaves are
 * columns of a stage of their own below:
 *
 *   SELECT p, outputs AS c0.. FROM
 *     (SELECT key AS p, leaves AS h0.. FROM .. WHERE ..) AS z
 */
static bool print_by_leaves(struct writer *w, const struct sub *u)
{
    struct leaves l;
    if (!dialect_is_pg(w) || u->groups || !u->b.has_windows)
        return false;
    find_leaves(&l, w, u);
    if (!l.has_window || l.too_many)
        return false;
    w->dialect->named = l.of;
    w->dialect->n_named = l.n;
    print_outputs(w, u, true);
    w->dialect->n_named = 0;
    const struct rel_scope *s = u->b.scope;
    writer_printf(w, " FROM (SELECT %s AS p",
                  s->owned ? s->leaves[s->key].key_sql : "TRUE");
    for (size_t i = 0; i < l.n; i++) {
        writer_str(w, ", ");
        dialect_expr(w, l.of[i]);
        writer_printf(w, " AS h%zu", i);
    }
    print_rows(w, u);
    writer_str(w, ") AS z");
    return true;
}

static void print_plain(struct writer *w, const struct sub *u)
{
    if (print_by_leaves(w, u))
        return;
    print_outputs(w, u, u->groups);
    if (u->groups)
        print_groups(w, u);
    else
        print_rows(w, u);
}

static void print_names(struct writer *w, const struct sub *u, bool any)
{
    for (size_t i = 0; i < u->n_outputs; i++) {
        if (!u->outputs[i].typed)
            continue;
        writer_printf(w, "%sc%zu", any ? ", " : "", i);
        any = true;
    }
}

/* The rows of a person (and of each DISTINCT ON) in the order asked for. */
static void print_rank(struct writer *w, const struct sub *u, size_t n_on,
                       const char *name)
{
    bool any = false;
    writer_str(w, "row_number() OVER (");
    writer_str(w, u->b.scope->owned ? "PARTITION BY p" : "");
    for (size_t i = 0; i < n_on; i++)
        writer_printf(w, "%s%zu",
                      i || u->b.scope->owned ? ", d" : "PARTITION BY d", i);
    for (size_t i = 0; i < u->s->n_orders; i++) {
        const struct select_order *o = &u->s->orders[i];
        const size_t output = u->order_outputs[i];
        if (!u->orders[i] && output == SUB_NONE)
            continue;
        writer_printf(w, "%s%c%zu", any ? ", " : " ORDER BY ",
                      output == SUB_NONE ? 'o' : 'c',
                      output == SUB_NONE ? i : output);
        writer_str(w, o->descending ? " DESC" : "");
        writer_str(w, o->nulls_first ? " NULLS FIRST" : " NULLS LAST");
        any = true;
    }
    bool outputs = false;
    for (size_t i = 0; i < u->n_outputs; i++)
        outputs |= u->outputs[i].typed != NULL;
    if (outputs) {
        writer_str(w, any ? ", " : " ORDER BY ");
        print_names(w, u, false);
    }
    writer_printf(w, ") AS %s", name);
}

static void print_distinct(struct writer *w, const struct sub *u)
{
    if (u->s->n_distinct_on == 0) {
        print_plain(w, u);
        return;
    }
    writer_str(w, "SELECT * FROM (SELECT *, ");
    print_rank(w, u, u->n_on, "q");
    writer_str(w, " FROM (");
    print_plain(w, u);
    writer_str(w, ")");
    dialect_alias(w);
    writer_str(w, ")");
    dialect_alias(w);
    writer_str(w, " WHERE q = 1");
}

void sub_print(struct writer *w, const void *ctx)
{
    const struct sub *u = ctx;
    writer_str(w, "(");
    if (!sub_limits(u)) {
        print_distinct(w, u);
        writer_str(w, ")");
        return;
    }
    const bool owned = u->b.scope->owned;
    writer_str(w, owned ? "SELECT p" : "SELECT ");
    print_names(w, u, owned);
    writer_str(w, " FROM (SELECT *, ");
    print_rank(w, u, 0, "r");
    writer_str(w, " FROM (");
    print_distinct(w, u);
    writer_str(w, ")");
    dialect_alias(w);
    writer_str(w, ")");
    dialect_alias(w);
    writer_printf(w, " WHERE r > %llu", (unsigned long long)u->s->offset);
    if (u->s->has_limit)
        writer_printf(w, " AND r - %llu <= %llu",
                      (unsigned long long)u->s->offset,
                      (unsigned long long)u->s->limit);
    writer_str(w, ")");
}
