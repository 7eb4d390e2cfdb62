#include "server/plan/series.h"

#include <openssl/evp.h>
#include <string.h>

#include "server/plan/draft.h"
#include "server/plan/eval.h"

/* ---- is it one? ---- */

/* Does it read the column anywhere? */
static bool reads(const struct typed *e, const struct rel_column *c)
{
    if (e->kind == TYPED_COLUMN)
        return e->column == c;
    bool found = e->kind == TYPED_TEXT; /* printed already: unknown */
    for (size_t i = 0; e->kind == TYPED_CALL && i < e->call.n_args; i++)
        found |= reads(e->call.args[i], c);
    return found;
}

/* The time column that `key` is a whole day, week, ... of; or NULL. */
static const struct rel_column *time_of(enum time_unit *unit,
                                        const struct typed *key)
{
    *unit = UNIT_DAY;
    if (key->kind == TYPED_COLUMN)
        return key->type == VALUE_DATE ? key->column : NULL;
    if (typed_is_call(key, OP_DATE_TRUNC)) {
        if (!typed_is_const(key->call.args[0]))
            return NULL;
        *unit = time_unit_of(&key->call.args[0]->value);
        key = key->call.args[1];
        if (typed_is_call(key, OP_CAST_TIMESTAMP))
            key = key->call.args[0];
    } else if (typed_is_call(key, OP_CAST_DATE)) {
        key = key->call.args[0];
    } else {
        return NULL;
    }
    const bool is_time =
        key->kind == TYPED_COLUMN &&
        (key->type == VALUE_DATE || key->type == VALUE_TIMESTAMP);
    return is_time && *unit >= UNIT_DAY && *unit < UNIT_EPOCH ? key->column
                                                              : NULL;
}

static bool find_key(struct draft_series *s, enum time_unit *unit,
                     const struct draft *d)
{
    const struct plan *p = d->plan;
    for (s->key = 0; s->key < p->n_keys; s->key++) {
        const struct plan_key *key = &p->keys[s->key];
        s->column = time_of(unit, d->keys[s->key]);
        if (!s->column || !key->is_public || key->n_domain == 0 ||
            d->others[s->key].type != VALUE_NULL ||
            key->domain[key->n_domain - 1].type == VALUE_NULL)
            continue;
        bool alone = true;
        for (size_t k = 0; k < p->n_keys; k++)
            alone &= k == s->key || !reads(d->keys[k], s->column);
        if (alone)
            return true;
    }
    return false;
}

/* What the engine is to look up elsewhere, in other rows of the person. */
static bool looks_up(const struct typed *e)
{
    bool found = e && e->kind == TYPED_TEXT;
    for (size_t i = 0; e && e->kind == TYPED_CALL && i < e->call.n_args; i++)
        found |= looks_up(e->call.args[i]);
    return found;
}

/*
 * Does a row of a closed day stay what it is, whatever comes later?  Rows of
 * one table of people, joined with public ones, do; what is computed of a
 * person from several rows (first order, last visit, EXISTS) does not.
 */
static bool is_fixed(const struct draft *d)
{
    size_t owned = 0;
    bool found = false;
    for (size_t i = 0; i < d->scope->n_leaves; i++) {
        const struct rel *rel = d->scope->leaves[i].rel;
        owned += rel->owned;
        found |= rel->owned && !rel->key_may_be_null; /* no table */
    }
    for (size_t i = 0; i < d->where.n; i++)
        found |= looks_up(d->where.v[i]);
    for (size_t i = 0; i < d->plan->n_keys; i++)
        found |= looks_up(d->keys[i]);
    for (size_t i = 0; i < d->n_aggs; i++)
        found |= looks_up(d->aggs[i].value) || looks_up(d->aggs[i].filter);
    return owned == 1 && !found;
}

/* Only what is one release of people's rows, found again by its days. */
static bool may_be(const struct draft *d)
{
    const struct plan *p = d->plan;
    return is_fixed(d) && d->policy->reuse_for_s > 0 && !p->is_free &&
           !d->is_before && !d->shape && !d->like && !d->set &&
           d->n_parts == 0 && d->n_sharers == 0 && p->n_before == 0 &&
           p->n_reports == 0 && !p->top.on && p->n_keys > 0;
}

/* ---- its days ---- */

static int64_t us_of(const struct value *key)
{
    return key->type == VALUE_DATE ? key->i * US_PER_DAY : key->i;
}

static void fill_days(struct plan_series *s, const struct draft *d,
                      const struct time_span *asked, enum time_unit unit)
{
    const struct plan_key *key = &d->plan->keys[s->key];
    const int64_t now_us = draft_now_us(d);
    const int64_t wait_us = (int64_t)d->policy->closed_after_us;
    for (size_t i = 0; i < key->n_domain; i++) {
        const int64_t start = us_of(&key->domain[i]);
        const int64_t next = time_next(start, unit);
        const bool whole = asked->lo <= start && next <= asked->hi;
        s->days[i] = (struct answer_day){
            .key = key->domain[i].i,
            .from_us = asked->lo > start ? asked->lo : start,
            .to_us = asked->hi < next ? asked->hi : next,
            .is_settled = whole && d->policy->closed_for_s > 0 &&
                          next <= now_us - wait_us,
        };
    }
    s->n_days = key->n_domain;
    s->from_us = us_of(&key->domain[0]);
    s->to_us = time_next(us_of(&key->domain[s->n_days - 1]), unit);
}

static enum err_code hash_state(uint8_t out[32], const struct draft *d,
                                struct err *err)
{
    const struct policy *p = d->policy;
    const size_t len = strlen(p->data_version);
    struct writer w = writer_of(NULL, 0);
    unsigned n = 32;
    uint8_t *data = arena_alloc(d->a, sizeof p->hash + len, 1);
    if (!data)
        return draft_memory(err);
    w = writer_of(data, sizeof p->hash + len);
    writer_bytes(&w, p->hash, sizeof p->hash);
    writer_bytes(&w, p->data_version, len);
    if (w.overflow ||
        EVP_Digest(w.data, w.len, out, &n, EVP_sha256(), NULL) != 1)
        return err_set(err, ERR_INTERNAL, "hashing the release failed");
    return ERR_OK;
}

static bool any_settled(const struct plan_series *s)
{
    for (size_t i = 0; i < s->n_days; i++)
        if (s->days[i].is_settled)
            return true;
    return false;
}

enum err_code draft_series(struct draft *d, struct err *err)
{
    struct draft_series key = { 0 };
    struct time_span asked = draft_all_time();
    enum time_unit unit;
    if (!d->scope || !may_be(d) || !find_key(&key, &unit, d))
        return ERR_OK;
    for (size_t i = 0; i < d->where.n; i++)
        (void)draft_time_span(&asked, d->where.v[i], key.column);
    struct plan_series *s = ARENA_NEW(d->a, struct plan_series);
    if (!s)
        return draft_memory(err);
    s->key = key.key;
    s->days =
        ARENA_NEW_N(d->a, d->plan->keys[key.key].n_domain, struct answer_day);
    if (!s->days)
        return draft_memory(err);
    fill_days(s, d, &asked, unit);
    if (!any_settled(s))
        return ERR_OK;
    key.max_groups = d->req->bounds.max_groups ? d->req->bounds.max_groups
                                               : d->scope->limits.max_groups;
    TRY(draft_hash_series(s->hash, d, &key, err));
    TRY(hash_state(s->state, d, err));
    d->plan->series = s;
    return ERR_OK;
}

/* ---- what is stored of it ---- */

static bool is_quieter(const struct dp_mechanism *a,
                       const struct dp_mechanism *b)
{
    return a->law == b->law &&
           (dp_uint)a->num * b->den <= (dp_uint)b->num * a->den;
}

bool plan_series_fits(const struct plan *whole, const struct answer *stored)
{
    bool fits = stored->n_noise == whole->n_measures &&
                stored->n_keys == whole->n_keys &&
                stored->n_measures == plan_width(whole);
    for (size_t i = 0; fits && i < whole->n_measures; i++)
        fits = is_quieter(&stored->noise[i], &whole->measures[i].noise);
    /* The threshold of fewer groups may be one step above. */
    return fits && (!whole->selects || stored->above <= whole->keep.above + 1);
}

static bool is_same(const struct answer_day *asked,
                    const struct answer_day *had, bool same_state)
{
    if (asked->is_settled && had->is_settled)
        return true;
    return same_state && asked->from_us == had->from_us &&
           asked->to_us == had->to_us;
}

static const struct answer_day *find_day(const struct answer_day *days,
                                         size_t n, int64_t key)
{
    size_t lo = 0, hi = n;
    while (lo < hi) { /* invariant: it is in days[lo..hi) if anywhere */
        const size_t mid = lo + (hi - lo) / 2;
        if (days[mid].key == key)
            return &days[mid];
        if (days[mid].key < key)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

enum series_had plan_series_has(const struct plan *whole, size_t i,
                                const struct answer *stored)
{
    const struct plan_series *s = whole->series;
    const struct answer_day *had =
        find_day(stored->days, stored->n_days, s->days[i].key);
    const bool same_state =
        memcmp(s->state, stored->state, sizeof s->state) == 0;
    if (!had || !is_same(&s->days[i], had, same_state))
        return SERIES_NOT;
    return had->is_settled && s->days[i].is_settled ? SERIES_SETTLED
                                                    : SERIES_OPEN;
}

bool plan_series_shares(const struct plan *whole, size_t i,
                        const struct plan *other)
{
    const struct plan_series *s = whole->series, *o = other->series;
    if (!o || memcmp(s->hash, o->hash, sizeof s->hash) != 0)
        return false;
    for (size_t m = 0; m < whole->n_measures; m++)
        if (!is_quieter(&other->measures[m].noise, &whole->measures[m].noise))
            return false;
    const struct answer_day *had = find_day(o->days, o->n_days, s->days[i].key);
    return had && is_same(&s->days[i], had, true) &&
           (!whole->selects || other->keep.above <= whole->keep.above + 1);
}

enum err_code plan_series_like(struct plan **out, const struct plan *whole,
                               const struct answer *stored, struct arena *a,
                               struct err *err)
{
    struct plan *p = ARENA_NEW(a, struct plan);
    struct plan_measure *m =
        ARENA_NEW_N(a, whole->n_measures + 1, struct plan_measure);
    if (!p || !m)
        return draft_memory(err);
    if (whole->n_measures > 0)
        memcpy(m, whole->measures, whole->n_measures * sizeof *m);
    for (size_t i = 0; i < whole->n_measures; i++)
        m[i].noise = stored->noise[i];
    *p = *whole;
    p->measures = m;
    p->sql = "";
    p->keep.above = stored->above;
    p->l0 = stored->table.receipt.max_groups;
    *out = p;
    return ERR_OK;
}

/* ---- what is missing of it ---- */

/* The part's own days, of those of the whole. */
static enum err_code keep_series(struct plan *part, const struct plan *whole,
                                 const bool *want, struct arena *a,
                                 struct err *err)
{
    const struct plan_series *all = whole->series;
    struct plan_series *s = ARENA_NEW(a, struct plan_series);
    if (!s)
        return draft_memory(err);
    *s = *all;
    s->n_days = 0;
    s->days = ARENA_NEW_N(a, all->n_days, struct answer_day);
    if (!s->days)
        return draft_memory(err);
    for (size_t i = 0; i < all->n_days; i++)
        if (want[i])
            s->days[s->n_days++] = all->days[i];
    part->series = s;
    return ERR_OK;
}

enum err_code plan_series_part(struct plan **out, const struct plan *whole,
                               const struct select *tree, const bool *want,
                               struct arena *a, struct err *err)
{
    const struct plan_series *s = whole->series;
    int64_t *only = ARENA_NEW_N(a, s->n_days, int64_t);
    struct draft d = { .tree = tree,
                       .req = whole->request,
                       .policy = whole->policy,
                       .a = a,
                       .explains = *whole->text != '\0',
                       .like = whole };
    if (!only)
        return draft_memory(err);
    for (size_t i = 0; i < s->n_days; i++)
        if (want[i])
            only[d.n_only++] = s->days[i].key;
    d.only = only;
    TRY(draft_make(out, &d, err));
    return keep_series(*out, whole, want, a, err);
}

void plan_series_store(struct answer *answer, const struct plan *plan)
{
    const struct plan_series *s = plan->series;
    for (size_t i = 0; i < plan->n_measures; i++)
        answer->noise[i] = plan->measures[i].noise;
    answer->n_noise = plan->n_measures;
    answer->above = plan->selects ? plan->keep.above : 0;
    answer->days = s->days;
    answer->n_days = s->n_days;
    memcpy(answer->state, s->state, sizeof answer->state);
}
