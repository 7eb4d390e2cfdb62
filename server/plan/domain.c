#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "server/plan/draft.h"
#include "server/plan/eval.h"
#include "server/plan/range.h"
#include "server/plan/series.h"
#include "server/query/refusal.h"

enum { INT_VALUES_MAX = 10000, CALL_VALUES_MAX = 256 };

/* A growing list of values; more than PLAN_GROUPS_MAX is an error. */
struct list {
    struct value *v;
    size_t n, cap;
};

static enum err_code push(struct list *l, struct draft *d, struct value v,
                          struct err *err)
{
    if (l->n == PLAN_GROUPS_MAX)
        return refuse(err, REFUSAL_KEY_VALUES, d->tree->at, NULL, NULL);
    if (l->n == l->cap) {
        const size_t cap = l->cap ? 2 * l->cap : 16;
        struct value *more = ARENA_NEW_N(d->a, cap, struct value);
        if (!more)
            return draft_memory(err);
        if (l->n)
            memcpy(more, l->v, l->n * sizeof *more);
        l->v = more;
        l->cap = cap;
    }
    l->v[l->n++] = v;
    return ERR_OK;
}

static int compare(const void *a, const void *b)
{
    return value_cmp(a, b);
}

static void sort_unique(struct list *l)
{
    size_t n = 0;
    if (l->n)
        qsort(l->v, l->n, sizeof *l->v, compare);
    for (size_t i = 0; i < l->n; i++)
        if (i == 0 || value_cmp(&l->v[i], &l->v[n - 1]) != 0)
            l->v[n++] = l->v[i];
    l->n = n;
}

static enum err_code parse_key(struct value *out, struct draft *d,
                               const struct policy_column *c, const char *text,
                               struct err *err)
{
    struct err bad = { 0 };
    if (value_parse(out, typed_of_policy(c->type), text, strlen(text), &bad) ==
        ERR_OK)
        return ERR_OK;
    return refuse(err, REFUSAL_DOMAIN_TEXT, d->tree->at, c->name,
                  policy_type_name(c->type));
}

static enum err_code declared(struct list *l, struct value *other,
                              struct draft *d, const struct policy_column *c,
                              struct err *err)
{
    struct value v;
    for (size_t i = 0; i < c->domain.n; i++) {
        TRY(parse_key(&v, d, c, c->domain.text[i], err));
        TRY(push(l, d, v, err));
    }
    if (c->other) {
        TRY(parse_key(other, d, c, c->other, err));
        TRY(push(l, d, *other, err));
    }
    return ERR_OK;
}

static double public_number(const struct value *v)
{
    switch (v->type) {
    case VALUE_DATE:
        return (double)v->i * (double)US_PER_DAY;
    case VALUE_DOUBLE:
        return v->d;
    case VALUE_INT:
    case VALUE_TIMESTAMP:
        return (double)v->i;
    case VALUE_NULL:
    case VALUE_BOOL:
    case VALUE_TEXT:
    case VALUE_TYPE_COUNT:
        break;
    }
    return (double)NAN;
}

static bool reads(const struct typed *e, const struct rel_column *c)
{
    if (typed_is_call(e, OP_CAST_TIMESTAMP) || typed_is_call(e, OP_CAST_DOUBLE))
        e = e->call.args[0];
    return e->kind == TYPED_COLUMN && e->column == c;
}

static void narrow(struct range *r, const struct typed *e,
                   const struct rel_column *c)
{
    if (typed_is_call(e, OP_AND)) {
        for (size_t i = 0; i < e->call.n_args; i++)
            narrow(r, e->call.args[i], c);
        return;
    }
    if (e->kind != TYPED_CALL || !reads(e->call.args[0], c))
        return;
    for (size_t i = 1; i < e->call.n_args; i++)
        if (!typed_is_const(e->call.args[i]))
            return;
    const enum expr_op op = e->call.op;
    const double v = e->call.n_args > 1 ? public_number(&e->call.args[1]->value)
                                        : (double)NAN;
    if (op == OP_GE || op == OP_GT || op == OP_EQ || op == OP_BETWEEN)
        r->lo = fmax(r->lo, v);
    if (op == OP_LE || op == OP_LT || op == OP_EQ)
        r->hi = fmin(r->hi, v);
    if (op == OP_BETWEEN)
        r->hi = fmin(r->hi, public_number(&e->call.args[2]->value));
    if (op == OP_LT && c->type != VALUE_DOUBLE)
        r->hi = fmin(r->hi, ceil(v) - 1); /* a microsecond, a whole number */
}

struct range draft_range(const struct draft_terms *t,
                         const struct rel_column *c)
{
    struct range r = c->range;
    for (size_t i = 0; i < t->n; i++)
        narrow(&r, t->v[i], c);
    return r;
}

static enum err_code whole_numbers(struct list *l, bool *is_public,
                                   struct draft *d, const struct rel_column *c,
                                   struct err *err)
{
    const struct range r = draft_range(&d->where, c);
    const double lo = ceil(r.lo), hi = floor(r.hi);
    *is_public = range_is_bounded(r) && fabs(lo) < 0x1p53 &&
                 fabs(hi) < 0x1p53 && hi - lo < INT_VALUES_MAX;
    for (int64_t i = 0; *is_public && (double)i <= hi - lo; i++)
        TRY(push(l, d, value_int((int64_t)lo + i), err));
    return ERR_OK;
}

static enum err_code times(struct list *l, bool *is_public, struct draft *d,
                           const struct rel_column *c, enum value_type type,
                           enum time_unit unit, struct err *err)
{
    const struct range r = draft_range(&d->where, c);
    *is_public = r.lo >= (double)TIME_MIN_US && r.hi <= (double)TIME_MAX_US;
    if (!*is_public)
        return ERR_OK;
    for (int64_t us = time_trunc((int64_t)r.lo, unit); us <= (int64_t)r.hi;
         us = time_next(us, unit)) {
        const struct value v = { .type = type,
                                 .i = type == VALUE_DATE
                                          ? time_floor_div(us, US_PER_DAY)
                                          : us };
        TRY(push(l, d, v, err));
    }
    return ERR_OK;
}

static enum err_code of_column(struct list *l, bool *is_public,
                               struct value *other, struct draft *d,
                               const struct rel_column *c, struct err *err)
{
    const struct policy_column *p = c->policy ? c->policy : c->values_of;
    *is_public = true;
    if (p && p->has_domain)
        return declared(l, other, d, p, err);
    for (size_t i = 0; i < c->n_domain; i++)
        TRY(push(l, d, c->domain[i], err));
    if (c->domain)
        return ERR_OK;
    switch (c->type) {
    case VALUE_BOOL:
        for (int b = 0; b < 2; b++)
            TRY(push(l, d, (struct value){ .type = VALUE_BOOL, .b = b }, err));
        return ERR_OK;
    case VALUE_INT:
        return whole_numbers(l, is_public, d, c, err);
    case VALUE_DATE:
        return times(l, is_public, d, c, VALUE_DATE, UNIT_DAY, err);
    case VALUE_NULL:
    case VALUE_DOUBLE:
    case VALUE_TEXT:
    case VALUE_TIMESTAMP:
    case VALUE_TYPE_COUNT:
        break;
    }
    *is_public = false;
    return ERR_OK;
}

/* CASE between constants: they are all there is, and NULL when no arm fits. */
static enum err_code of_case(struct list *l, bool *is_public, struct draft *d,
                             const struct typed *e, struct err *err)
{
    const size_t n = e->call.n_args;
    for (size_t i = 1; i <= n; i += 2) {
        const struct typed *arm = e->call.args[i < n ? i : n - 1];
        if (i >= n && n % 2 == 0)
            break;
        if (!typed_is_const(arm))
            return ERR_OK;
        TRY(push(l, d, arm->value, err));
    }
    if (n % 2 == 0)
        TRY(push(l, d, value_null(), err));
    *is_public = true;
    return ERR_OK;
}

/* The range of `e` given what the WHERE leaves of the columns it reads. */
static enum err_code narrowed(struct range *out, struct draft *d,
                              const struct typed *e, struct err *err)
{
    struct typed copy = *e;
    if (e->kind == TYPED_COLUMN) {
        *out = draft_range(&d->where, e->column);
        if (e->type == VALUE_INT)
            *out = (struct range){ ceil(out->lo), floor(out->hi) };
        return ERR_OK;
    }
    *out = e->range;
    if (e->kind != TYPED_CALL)
        return ERR_OK;
    const size_t n = e->call.n_args;
    copy.call.args = ARENA_NEW_N(d->a, n + 1, struct typed *);
    struct typed *args = ARENA_NEW_N(d->a, n + 1, struct typed);
    if (!copy.call.args || !args)
        return draft_memory(err);
    for (size_t i = 0; i < n; i++) {
        args[i] = *e->call.args[i];
        copy.call.args[i] = &args[i];
        TRY(narrowed(&args[i].range, d, e->call.args[i], err));
    }
    range_of(&copy);
    *out = copy.range;
    return ERR_OK;
}

/*
 * By how much values of a whole number differ: floor(x) * c takes the multiples
 * of c, and c * floor(x) + k lies as far apart.  The least value is one of
 * them, being computed the same way.
 */
static double step_of(const struct typed *e)
{
    if (e->kind != TYPED_CALL)
        return 1;
    struct typed *const *args = e->call.args;
    const enum expr_op op = e->call.op;
    if (op == OP_CAST_INT || op == OP_CAST_DOUBLE)
        return args[0]->whole ? step_of(args[0]) : 1;
    if (op != OP_ADD && op != OP_SUB && op != OP_MUL)
        return 1;
    const bool left = typed_is_const(args[0]), right = typed_is_const(args[1]);
    if (left == right || !args[0]->whole || !args[1]->whole)
        return 1;
    const double step = step_of(args[left ? 1 : 0]);
    const double by = fabs(args[left ? 0 : 1]->range.lo);
    return op == OP_MUL && by >= 1 ? step * by : step;
}

/* A whole number with few values between public ends. */
static enum err_code of_whole(struct list *l, bool *is_public, struct draft *d,
                              const struct typed *e, struct err *err)
{
    struct range r;
    const double step = step_of(e);
    TRY(narrowed(&r, d, e, err));
    *is_public = range_is_bounded(r) && fabs(r.lo) < 0x1p53 &&
                 fabs(r.hi) < 0x1p53 && (r.hi - r.lo) / step < INT_VALUES_MAX;
    for (double v = ceil(r.lo); *is_public && v <= r.hi; v += step)
        TRY(push(l, d, value_int((int64_t)v), err));
    return ERR_OK;
}

/* A day of a timestamp. */
static enum err_code of_date(struct list *l, bool *is_public, struct draft *d,
                             const struct typed *e, struct err *err)
{
    const struct typed *x = e->call.args[0];
    if (x->kind != TYPED_COLUMN || x->type != VALUE_TIMESTAMP)
        return ERR_OK;
    return times(l, is_public, d, x->column, VALUE_DATE, UNIT_DAY, err);
}

/* eval knows the case of ASCII letters alone. */
static bool lowers(const struct typed *e)
{
    bool found = typed_is_call(e, OP_LOWER) || typed_is_call(e, OP_UPPER) ||
                 typed_is_call(e, OP_ILIKE);
    for (size_t i = 0; e->kind == TYPED_CALL && i < e->call.n_args; i++)
        found |= lowers(e->call.args[i]);
    return found;
}

/* The shortest unit that `e` tells of the time x, nothing of which it reads but
 * by units; false when it reads more. */
static bool tells(enum time_unit *finest, const struct typed *e,
                  const struct rel_column *x)
{
    if (e->kind != TYPED_CALL)
        return e->kind == TYPED_CONST;
    if (typed_is_call(e, OP_EXTRACT) || typed_is_call(e, OP_DATE_TRUNC)) {
        enum time_unit unit = time_unit_of(&e->call.args[0]->value);
        if (!reads(e->call.args[1], x) || unit < UNIT_HOUR ||
            unit == UNIT_EPOCH)
            return false;
        if (unit == UNIT_WEEK || unit > UNIT_MILLENNIUM)
            unit = UNIT_DAY;
        *finest = unit < *finest ? unit : *finest;
        return true;
    }
    for (size_t i = 0; i < e->call.n_args; i++)
        if (!tells(finest, e->call.args[i], x))
            return false;
    return true;
}

/* A text of a time, to_char(day, 'YYYY-MM'): of each unit that there is. */
static enum err_code of_time_text(struct list *l, bool *is_public,
                                  struct draft *d, const struct typed *e,
                                  const struct rel_column *c, struct err *err)
{
    struct list starts = { 0 };
    enum time_unit unit = UNIT_MILLENNIUM;
    *is_public = false;
    if ((c->type != VALUE_DATE && c->type != VALUE_TIMESTAMP) || lowers(e) ||
        !tells(&unit, e, c))
        return ERR_OK;
    TRY(times(&starts, is_public, d, c, c->type, unit, err));
    for (size_t i = 0; *is_public && i < starts.n; i++) {
        const struct eval_env env = { .column = c,
                                      .column_value = &starts.v[i] };
        struct value v;
        TRY(eval(&v, e, &env, d->a, err));
        TRY(push(l, d, v, err));
    }
    return ERR_OK;
}

static enum err_code of_call(struct list *l, bool *is_public, struct draft *d,
                             const struct typed *e, struct err *err)
{
    const struct rel_column *c = typed_only_column(e);
    if (e->call.op == OP_CASE)
        return of_case(l, is_public, d, e, err);
    if (e->type == VALUE_BOOL) {
        *is_public = true;
        for (int b = 0; b < 2; b++)
            TRY(push(l, d, (struct value){ .type = VALUE_BOOL, .b = b }, err));
        return e->never_null ? ERR_OK : push(l, d, value_null(), err);
    }
    if (e->type == VALUE_INT)
        return of_whole(l, is_public, d, e, err);
    if (e->call.op == OP_CAST_DATE)
        return of_date(l, is_public, d, e, err);
    if (e->type == VALUE_TEXT && c)
        return of_time_text(l, is_public, d, e, c, err);
    if (e->call.op != OP_DATE_TRUNC || !c || !reads(e->call.args[1], c))
        return ERR_OK;
    return times(l, is_public, d, c, VALUE_TIMESTAMP,
                 time_unit_of(&e->call.args[0]->value), err);
}

/* Leave out the values that the WHERE excludes by itself; `other` stays, since
 * it stands for values nobody listed. */
static enum err_code filter_domain(struct list *l, struct draft *d, size_t k,
                                   struct err *err)
{
    const struct typed *key = d->keys[k];
    for (size_t w = 0; key->kind == TYPED_COLUMN && w < d->where.n; w++) {
        size_t n = 0;
        if (typed_only_column(d->where.v[w]) != key->column ||
            lowers(d->where.v[w]))
            continue;
        for (size_t i = 0; i < l->n; i++) {
            const struct eval_env env = { .column = key->column,
                                          .column_value = &l->v[i] };
            struct value keep;
            TRY(eval(&keep, d->where.v[w], &env, d->a, err));
            const bool is_other = d->others[k].type != VALUE_NULL &&
                                  value_cmp(&l->v[i], &d->others[k]) == 0;
            if (is_other || (keep.type == VALUE_BOOL && keep.b))
                l->v[n++] = l->v[i];
        }
        l->n = n;
    }
    return ERR_OK;
}

enum err_code draft_keep_domain(struct rel_column *out, struct draft *d,
                                const struct typed *e, struct err *err)
{
    struct list l = { 0 };
    bool is_public = false;
    const struct draft_terms was = d->where;
    if (e->kind != TYPED_CALL)
        return ERR_OK;
    d->where =
        d->block->where; /* what narrows times is that of the sub-query */
    TRY(of_call(&l, &is_public, d, e, err));
    d->where = was;
    if (!is_public || l.n > CALL_VALUES_MAX)
        return ERR_OK;
    sort_unique(&l);
    out->domain = l.v;
    out->n_domain = l.n;
    return ERR_OK;
}

/* Of a part of a series only its days; both ascend. */
static void keep_only(struct list *l, const struct draft *d, size_t k)
{
    size_t n = 0;
    if (!d->like || d->like->series->key != k)
        return;
    for (size_t i = 0, at = 0; i < l->n; i++) {
        while (at < d->n_only && d->only[at] < l->v[i].i)
            at++;
        if (at < d->n_only && d->only[at] == l->v[i].i)
            l->v[n++] = l->v[i];
    }
    l->n = n;
}

static enum err_code domain_of(struct plan_key *out, struct draft *d, size_t k,
                               struct err *err)
{
    const struct typed *key = d->keys[k];
    struct list l = { 0 };
    bool is_public = false;

    if (key->kind == TYPED_COLUMN)
        TRY(of_column(&l, &is_public, &d->others[k], d, key->column, err));
    else
        TRY(of_call(&l, &is_public, d, key, err));
    out->type = key->type;
    out->name = draft_text(d, key);
    out->is_public = is_public;
    if (!out->name)
        return draft_memory(err);
    if (!is_public)
        return ERR_OK;
    TRY(filter_domain(&l, d, k, err));
    sort_unique(&l);
    keep_only(&l, d, k);
    out->domain = l.v;
    out->n_domain = l.n;
    return ERR_OK;
}

static enum err_code refuse_pure(const struct draft *d, size_t k,
                                 struct err *err)
{
    return refuse(err, REFUSAL_PURE_GROUPS, d->keys[k]->at,
                  d->plan->keys[k].name, NULL);
}

enum err_code draft_domains(struct draft *d, struct err *err)
{
    struct plan *p = d->plan;
    p->keys = ARENA_NEW_N(d->a, p->n_keys + 1, struct plan_key);
    d->others = ARENA_NEW_N(d->a, p->n_keys + 1, struct value);
    if (!p->keys || !d->others)
        return draft_memory(err);
    p->groups_public = 1;
    for (size_t k = 0; k < p->n_keys; k++) {
        TRY(domain_of(&p->keys[k], d, k, err));
        p->selects |= !p->keys[k].is_public;
        if (!p->keys[k].is_public && d->policy->notion == DP_PURE)
            return refuse_pure(d, k, err);
        if (p->keys[k].is_public)
            p->groups_public *= p->keys[k].n_domain;
        if (p->groups_public > PLAN_GROUPS_MAX && !p->selects)
            return refuse(err, REFUSAL_KEY_COMBINATIONS, d->keys[k]->at, NULL,
                          NULL);
        if (p->groups_public > PLAN_GROUPS_MAX)
            p->groups_public = PLAN_GROUPS_MAX + 1;
    }
    if (p->selects)
        p->groups_public = 0;
    else if (p->groups_public == 0)
        d->never = true; /* the WHERE leaves no group */
    p->lists = !p->selects && !d->never && d->n_aggs == 0 && p->n_amongs == 0;
    return ERR_OK;
}
