/*
 * What a rollup has of a question, as far as its groups alone tell: a WHERE
 * over its keys leaves groups out, a FILTER over them counts some, and a key
 * that the WHERE sets to one value need not be asked for.
 *
 * Terms are rewritten to read the rollup's own keys.  Those are values of the
 * columns placed in their domains: they say of a row what the column said but
 * where `other` stands for several.  So of a column with one, only values of
 * its domain may be asked for by name.
 */
#include <string.h>

#include "server/plan/dialect_stage.h"
#include "server/plan/eval.h"

/* What the rewriting reads and writes. */
struct fitting {
    const struct sql *s;
    const struct policy_rollup *r;
    struct rolled *out;
};

static const struct policy_column *column_of(const struct fitting *f, size_t i)
{
    return &f->s->table->columns[f->r->by[i].column];
}

/* The rollup's key that `e` is, or n_by. */
static size_t key_of(const struct fitting *f, const struct typed *e)
{
    size_t i = 0;
    while (i < f->r->n_by && !stage_is_rollup_key(f->s, &f->r->by[i], e))
        i++;
    return i;
}

/* Group `by` as a column of the rollup's groups. */
static struct typed *key_read(const struct fitting *f, size_t by,
                              const struct typed *e)
{
    struct arena *a = f->s->d->a;
    struct rel_column *c = ARENA_NEW(a, struct rel_column);
    struct typed *out = ARENA_NEW(a, struct typed);
    if (!c || !out)
        return NULL;
    *c = (struct rel_column){ .name = "",
                              .sql = arena_printf(a, "r.k%zu", by),
                              .type = e->type,
                              .range = e->range };
    *out = *e;
    out->kind = TYPED_COLUMN;
    out->column = c;
    return c->sql ? out : NULL;
}

/* `e` over the rollup's keys; NULL where it reads something else. */
static struct typed *over_keys(const struct fitting *f, const struct typed *e)
{
    struct arena *a = f->s->d->a;
    const size_t by = key_of(f, e);
    if (by < f->r->n_by)
        return key_read(f, by, e);
    if (e->kind == TYPED_CONST)
        return (struct typed *)(uintptr_t)e;
    if (e->kind != TYPED_CALL)
        return NULL;
    struct typed *out = ARENA_NEW(a, struct typed);
    struct typed **args = ARENA_NEW_N(a, e->call.n_args + 1, struct typed *);
    if (!out || !args)
        return NULL;
    *out = *e;
    out->call.args = args;
    for (size_t i = 0; i < e->call.n_args; i++) {
        args[i] = over_keys(f, e->call.args[i]);
        if (!args[i])
            return NULL;
    }
    return out;
}

/* Does it read a column for some of whose values `other` stands? */
static bool reads_other(const struct fitting *f, const struct typed *e)
{
    const size_t by = key_of(f, e);
    if (by < f->r->n_by)
        return column_of(f, by)->other != NULL;
    for (size_t i = 0; e->kind == TYPED_CALL && i < e->call.n_args; i++)
        if (reads_other(f, e->call.args[i]))
            return true;
    return false;
}

static bool in_domain(const struct policy_column *c, const struct typed *e)
{
    const struct value *v = &e->value;
    if (e->kind != TYPED_CONST || v->type == VALUE_NULL)
        return false;
    if (v->type == VALUE_INT)
        return !c->has_range ||
               ((double)v->i >= c->lo && (double)v->i <= c->hi);
    if (v->type != VALUE_TEXT)
        return v->type == VALUE_BOOL;
    for (size_t i = 0; c->has_domain && i < c->domain.n; i++) {
        const struct value d =
            value_text(c->domain.text[i], strlen(c->domain.text[i]));
        if (value_cmp(v, &d) == 0)
            return !c->other || strcmp(c->other, c->domain.text[i]) != 0;
    }
    return !c->has_domain;
}

/* How many values of the domain of key *by it leaves, by name; 0: it is no such
 * term. */
static size_t named(const struct fitting *f, size_t *by, const struct typed *e)
{
    if (e->kind != TYPED_CALL || (e->call.op != OP_EQ && e->call.op != OP_IN) ||
        e->call.n_args < 2)
        return 0;
    *by = key_of(f, e->call.args[0]);
    if (*by == f->r->n_by || f->r->by[*by].unit)
        return 0;
    for (size_t i = 1; i < e->call.n_args; i++)
        if (!in_domain(column_of(f, *by), e->call.args[i]))
            return 0;
    return e->call.n_args - 1;
}

/* Bounds on a time whose ends are those of the rollup's units. */
static bool spans_units(const struct fitting *f, struct rolled_term *out,
                        const struct typed *e)
{
    for (size_t i = 0; i < f->r->n_by; i++) {
        const struct policy_rollup_key *by = &f->r->by[i];
        const struct rel_column *c =
            &f->s->d->scope->leaves[0].columns[by->column];
        const struct value name = value_text(by->unit ? by->unit : "",
                                             by->unit ? strlen(by->unit) : 0);
        struct time_span span = draft_all_time();
        if (!by->unit || !draft_time_span(&span, e, c))
            continue;
        const enum time_unit unit = time_unit_of(&name);
        const bool from =
            span.lo < TIME_MIN_US || time_trunc(span.lo, unit) == span.lo;
        const bool to =
            span.hi > TIME_MAX_US || time_trunc(span.hi, unit) == span.hi;
        *out = (struct rolled_term){ .by = i, .span = span };
        return from && to;
    }
    return false;
}

static bool take_term(struct fitting *f, const struct typed *e)
{
    struct rolled *r = f->out;
    struct rolled_term *t = &r->where[r->n_where];
    size_t by;
    const size_t n = named(f, &by, e);
    if (r->n_where == ROLLED_TERMS)
        return false;
    if (n > 0) {
        r->left[by] = r->left[by] && r->left[by] < n ? r->left[by] : n;
    } else if (spans_units(f, t, e)) {
        r->n_where++;
        return true;
    } else if (reads_other(f, e)) {
        return false;
    }
    *t = (struct rolled_term){ .e = over_keys(f, e) };
    r->n_where += t->e != NULL;
    return t->e != NULL;
}

static bool take_filter(struct fitting *f, size_t measure)
{
    const struct typed *e = f->s->dm[measure].filter;
    const size_t flag = f->s->flag[measure];
    size_t by;
    if (!e)
        return true;
    if (reads_other(f, e) && named(f, &by, e) == 0)
        return false;
    f->out->filter[flag] = over_keys(f, e);
    f->out->filters |= f->out->filter[flag] != NULL;
    return f->out->filter[flag] != NULL;
}

/* The question's keys are the rollup's, without those that are one value. */
static bool take_keys(struct fitting *f)
{
    const struct draft *d = f->s->d;
    bool taken[ROLLED_KEYS] = { false };
    for (size_t k = 0; k < d->plan->n_keys; k++) {
        const size_t by = key_of(f, d->keys[k]);
        if (by == f->r->n_by || taken[by])
            return false;
        f->out->key[k] = by;
        taken[by] = true;
    }
    for (size_t i = 0; i < f->r->n_by; i++) {
        if (!taken[i] && f->out->left[i] != 1)
            return false;
        f->out->drops |= !taken[i];
    }
    return true;
}

/* Groups that can be left of those of a person, where all are named. */
static uint64_t groups_left(const struct fitting *f)
{
    uint64_t n = 1;
    for (size_t k = 0; k < f->s->d->plan->n_keys; k++) {
        const size_t left = f->out->left[f->out->key[k]];
        if (left == 0 || n > UINT32_MAX)
            return UINT64_MAX;
        n *= left;
    }
    return n;
}

const char stage_other_keys[] = "no rollup: none is grouped by these keys";

const char *stage_rolled_fits(struct rolled *out, const struct sql *s,
                              const struct policy_rollup *r)
{
    struct fitting f = { s, r, out };
    *out = (struct rolled){ .n_where = 0 };
    for (size_t i = 0; i < s->d->where.n; i++)
        if (!take_term(&f, s->d->where.v[i]))
            return "no rollup: it filters rows by more than the groups of one, "
                   "which changes the groups a person has";
    for (size_t i = 0; i < s->n; i++)
        if (!take_filter(&f, i))
            return "no rollup: it filters what it counts by more than the "
                   "groups of one";
    if (!take_keys(&f))
        return stage_other_keys;
    out->few = groups_left(&f) <= s->d->plan->l0;
    return NULL;
}

/* ---- the statement ---- */

static void term(const struct sql *s, const struct rolled_term *t)
{
    const struct value lo = { .type = VALUE_TIMESTAMP, .i = t->span.lo };
    const struct value hi = { .type = VALUE_TIMESTAMP, .i = t->span.hi };
    if (t->e) {
        writer_str(s->w, "(");
        dialect_expr(s->w, t->e);
        writer_str(s->w, ")");
        return;
    }
    writer_printf(s->w, "r.k%zu IS NOT NULL", t->by);
    if (lo.i >= TIME_MIN_US) {
        writer_printf(s->w, " AND r.k%zu >= ", t->by);
        dialect_value(s->w, VALUE_TIMESTAMP, &lo);
    }
    if (hi.i <= TIME_MAX_US) {
        writer_printf(s->w, " AND r.k%zu < ", t->by);
        dialect_value(s->w, VALUE_TIMESTAMP, &hi);
    }
}

bool stage_rolled_plain(const struct sql *s)
{
    return s->rolled->n_where == 0 && !s->rolled->filters;
}

static void groups(const struct sql *s)
{
    const struct rolled *r = s->rolled;
    writer_str(s->w, "WITH named AS (SELECT r.c AS c");
    for (size_t k = 0; k < s->d->plan->n_keys; k++)
        writer_printf(s->w, ", r.k%zu AS k%zu", r->key[k], k);
    for (size_t i = 0; i < s->n_flags; i++) {
        if (!r->filter[i])
            continue;
        writer_str(s->w, ", (");
        dialect_expr(s->w, r->filter[i]);
        writer_printf(s->w, ") IS TRUE AS f%zu", i);
    }
    writer_str(s->w, " FROM ");
    stage_of_rollup(s, ".groups");
    writer_str(s->w, " AS r");
    for (size_t i = 0; i < r->n_where; i++) {
        writer_str(s->w, i ? " AND " : " WHERE ");
        term(s, &r->where[i]);
    }
    writer_str(s->w, "),\nfound AS NOT MATERIALIZED (SELECT * FROM ");
    stage_of_rollup(s, "");
    writer_str(s->w, " JOIN named USING (c))");
}

/* Where the groups are others than the rollup's, in their own order. */
static void ranked_anew(const struct sql *s)
{
    writer_str(s->w, ",\nhashed AS (SELECT *, ");
    stage_place(s);
    writer_str(s->w, " AS h FROM found),\nranked AS (SELECT *, dense_rank() "
                     "OVER (PARTITION BY p ORDER BY h");
    stage_columns(s, 'k', s->d->plan->n_keys);
    writer_str(s->w, ") AS q FROM hashed)");
}

/*
 * The rollup knows the order of all groups of a person, which is that of those
 * left.  The first L0 of all are kept if they are left; later ones move up only
 * where one of the first L0 is not:
 *
 *   lost    people who have such a group
 *   moved   their groups, numbered among those left
 *   ranked  the first L0 of all, and what moves up
 */
static void ranked_of_all(const struct sql *s)
{
    const unsigned l0 = s->d->plan->l0;
    writer_str(s->w, ",\nlost AS (SELECT DISTINCT p FROM ");
    stage_of_rollup(s, "");
    writer_printf(s->w,
                  " ANTI JOIN named USING (c) WHERE g <= %u),\nmoved AS "
                  "(SELECT *, dense_rank() OVER (PARTITION BY p ORDER BY g) AS "
                  "q FROM found SEMI JOIN lost USING (p)),\nranked AS (SELECT "
                  "*, g AS q FROM found WHERE g <= %u UNION ALL SELECT * FROM "
                  "moved WHERE g > %u)",
                  l0, l0, l0);
}

const char *stage_rolled_found(const struct sql *s)
{
    const bool ranks = s->ranks && s->rolled->n_where > 0 && !s->rolled->few;
    if (stage_rolled_plain(s))
        return NULL;
    groups(s);
    if (ranks && s->rolled->drops)
        ranked_anew(s);
    else if (ranks)
        ranked_of_all(s);
    writer_str(s->w, ",\n");
    return ranks                                 ? "ranked WHERE q"
           : s->ranks && s->rolled->n_where == 0 ? "found WHERE g"
                                                 : "found";
}
