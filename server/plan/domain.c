#include <math.h>
#include <string.h>

#include "server/plan/domain_expr.h"
#include "server/plan/draft.h"
#include "server/plan/eval.h"
#include "server/plan/range.h"
#include "server/plan/series.h"
#include "server/query/refusal.h"

enum { CALL_VALUES_MAX = 256 };

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

static enum err_code declared(struct domain_list *l, struct value *other,
                              struct draft *d, const struct policy_column *c,
                              struct err *err)
{
    struct value v;
    for (size_t i = 0; i < c->domain.n; i++) {
        TRY(parse_key(&v, d, c, c->domain.text[i], err));
        TRY(domain_push(l, d, v, err));
    }
    if (c->other) {
        TRY(parse_key(other, d, c, c->other, err));
        TRY(domain_push(l, d, *other, err));
    }
    return ERR_OK;
}

static enum err_code whole_numbers(struct domain_list *l, bool *is_public,
                                   struct draft *d, const struct rel_column *c,
                                   struct err *err)
{
    const struct range r = draft_range(&d->where, c);
    const double lo = ceil(r.lo), hi = floor(r.hi);
    *is_public = range_is_bounded(r) && fabs(lo) < 0x1p53 &&
                 fabs(hi) < 0x1p53 && hi - lo < DOMAIN_INTS_MAX;
    for (int64_t i = 0; *is_public && (double)i <= hi - lo; i++)
        TRY(domain_push(l, d, value_int((int64_t)lo + i), err));
    return ERR_OK;
}

static enum err_code of_column(struct domain_list *l, bool *is_public,
                               struct value *other, struct draft *d,
                               const struct rel_column *c, struct err *err)
{
    const struct policy_column *p = c->policy ? c->policy : c->values_of;
    *is_public = true;
    if (p && p->has_domain)
        return declared(l, other, d, p, err);
    for (size_t i = 0; i < c->n_domain; i++)
        TRY(domain_push(l, d, c->domain[i], err));
    if (c->domain)
        return ERR_OK;
    switch (c->type) {
    case VALUE_BOOL:
        for (int b = 0; b < 2; b++)
            TRY(domain_push(l, d, (struct value){ .type = VALUE_BOOL, .b = b },
                            err));
        return ERR_OK;
    case VALUE_INT:
        return whole_numbers(l, is_public, d, c, err);
    case VALUE_DATE:
        return domain_times(l, is_public, d, c, VALUE_DATE, UNIT_DAY, err);
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

/* Leave out the values that the WHERE excludes by itself; `other` stays, since
 * it stands for values nobody listed. */
static enum err_code filter_domain(struct domain_list *l, struct draft *d,
                                   size_t k, struct err *err)
{
    const struct typed *key = d->keys[k];
    for (size_t w = 0; key->kind == TYPED_COLUMN && w < d->where.n; w++) {
        size_t n = 0;
        if (typed_only_column(d->where.v[w]) != key->column ||
            domain_has_cases(d->where.v[w]))
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
    struct domain_list l = { 0 };
    bool is_public = false;
    const struct draft_terms was = d->where;
    if (e->kind != TYPED_CALL)
        return ERR_OK;
    d->where =
        d->block->where; /* what narrows times is that of the sub-query */
    TRY(domain_of_call(&l, &is_public, d, e, err));
    d->where = was;
    if (!is_public || l.n > CALL_VALUES_MAX)
        return ERR_OK;
    domain_sort(&l);
    out->domain = l.v;
    out->n_domain = l.n;
    return ERR_OK;
}

/* Of a part of a series only its days; both ascend. */
static void keep_only(struct domain_list *l, const struct draft *d, size_t k)
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
    struct domain_list l = { 0 };
    bool is_public = false;

    if (key->kind == TYPED_COLUMN)
        TRY(of_column(&l, &is_public, &d->others[k], d, key->column, err));
    else
        TRY(domain_of_call(&l, &is_public, d, key, err));
    out->type = key->type;
    out->name = draft_text(d, key);
    out->is_public = is_public;
    if (!out->name)
        return draft_memory(err);
    if (!is_public)
        return ERR_OK;
    TRY(filter_domain(&l, d, k, err));
    domain_sort(&l);
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
