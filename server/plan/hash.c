#include <openssl/evp.h>
#include <string.h>

#include "server/plan/canon.h"

/*
 * The key of a release: everything that decides which distribution the answer
 * is drawn from, and nothing that is done with it afterwards (order, limit,
 * HAVING, names and arithmetic of the outputs).  Of the first k groups, k does.
 * Keys and measures come in an order of their own (canon.c), not as written.
 * Each field is written with its length or a fixed width, so no two releases
 * share their bytes.
 */
static void text(struct writer *w, const char *s)
{
    const size_t len = s ? strlen(s) : 0;
    writer_be32(w, (uint32_t)len);
    writer_bytes(w, s, len);
}

/* The terms of the WHERE in the order of their bytes: AND commutes.  Those that
 * only bound the time `but` are left out; NULL: none. */
static enum err_code where(struct writer *w, struct draft *d,
                           const struct rel_column *but, struct err *err)
{
    struct canon_bytes *terms =
        ARENA_NEW_N(d->a, d->where.n + 1, struct canon_bytes);
    size_t n = 0;
    if (!terms)
        return draft_memory(err);
    for (size_t i = 0; i < d->where.n; i++) {
        struct canon_bytes term;
        struct time_span span = draft_all_time();
        size_t at = n;
        if (but && draft_time_span(&span, d->where.v[i], but))
            continue;
        TRY(canon_bytes_of(&term, d, d->where.v[i], err));
        for (; at > 0 && canon_is_after(&terms[at - 1], &term); at--)
            terms[at] = terms[at - 1];
        terms[at] = term;
        n++;
    }
    writer_be32(w, (uint32_t)n);
    for (size_t i = 0; i < n; i++) {
        writer_be32(w, (uint32_t)terms[i].len);
        writer_bytes(w, terms[i].data, terms[i].len);
    }
    return ERR_OK;
}

static void dataset(struct writer *w, const struct draft *d)
{
    const struct policy *p = d->policy;
    text(w, "halftone release 3");
    text(w, p->id);
    writer_be64(w, p->version);
    text(w, p->data_version);
    writer_bytes(w, p->hash, sizeof p->hash);
    text(w, d->plan->purpose->id);
    /* Of the public clock: no event of anybody's moves it. */
    if (p->has_consent)
        writer_be64(w, (uint64_t)(d->req->now_us / 1000000) /
                           p->consent_interval_s);
    text(w, d->scope->from);
}

/* An earlier release, and what is done with its answer: both decide what the
 * tables s0, s1, .. hold. */
static void before(struct writer *w, const struct plan *p)
{
    writer_bytes(w, p->release_hash, sizeof p->release_hash);
    /* What an output makes of the noisy measures: VAR and STDDEV share them. */
    writer_be32(w, (uint32_t)p->n_aggs);
    for (size_t i = 0; i < p->n_aggs; i++) {
        const struct plan_agg *agg = &p->aggs[i];
        writer_u8(w, (uint8_t)agg->kind);
        writer_be64(w, agg->measure);
        writer_be64(w, agg->count);
        writer_be64(w, agg->square);
        writer_be64(w, agg->pick);
        writer_u8(w, agg->whole);
        writer_u8(w, agg->sample);
    }
    writer_be32(w, (uint32_t)p->n_outputs);
    for (size_t i = 0; i < p->n_outputs; i++)
        typed_write(w, p->outputs[i].expr);
    typed_write(w, p->having);
    writer_be32(w, (uint32_t)p->n_orders);
    for (size_t i = 0; i < p->n_orders; i++) {
        typed_write(w, p->orders[i].expr);
        writer_u8(w, p->orders[i].descending);
        writer_u8(w, p->orders[i].nulls_first);
    }
    writer_u8(w, p->has_limit);
    writer_be64(w, p->limit);
    writer_be64(w, p->offset);
}

/*
 * Its text says what is done after the noise, too.  Where nothing is around the
 * SELECT that aggregates, its WHERE is of rows, and in the release as it was
 * understood: literal times on the policy's grain.
 */
static void after_noise(struct writer *w, const struct plan *p,
                        const struct select *written)
{
    struct select s = *written;
    if (p->n_after == 0 && !p->mix)
        s.where = NULL;
    select_print(w, &s);
}

static void top(struct writer *w, const struct plan *p)
{
    const struct dp_topk *t = &p->top.t;
    if (!p->top.on)
        return;
    writer_str(w, "top");
    writer_be64(w, p->top.score);
    writer_u8(w, p->top.hidden);
    writer_u8(w, t->declared);
    writer_be32(w, t->k);
    writer_be32(w, t->l0);
    writer_be64(w, t->fetched);
    writer_be64(w, t->delta_atto);
    writer_u8(w, (uint8_t)t->pick.law);
    writer_be64(w, t->pick.eps_nano);
    writer_be64(w, t->pick.sensitivity);
}

/* A series has releases of different noise. */
static void measures(struct writer *w, const struct draft *d, bool with_noise)
{
    const struct plan *p = d->plan;
    writer_be32(w, (uint32_t)p->n_measures);
    for (size_t i = 0; i < p->n_measures; i++) {
        const struct plan_measure *m = &p->measures[i];
        writer_u8(w, (uint8_t)m->kind);
        writer_u8(w, d->measures[i].clamps_person);
        typed_write(w, d->measures[i].filter);
        typed_write(w, d->measures[i].value);
        writer_be64(w, m->bound);
        writer_be32(w, m->l0);
        writer_be32(w, m->grid_bits);
        writer_be64(w, (uint64_t)m->center);
        writer_be64(w, (uint64_t)m->middle);
        writer_u8(w, (uint8_t)m->coarse);
        writer_u8(w, (uint8_t)m->noise.law);
        writer_be64(w, with_noise ? m->noise.num : 0);
        writer_be64(w, with_noise ? m->noise.den : 0);
    }
}

static void groups(struct writer *w, const struct draft *d)
{
    const struct plan *p = d->plan;
    writer_be32(w, (uint32_t)p->n_keys);
    for (size_t i = 0; i < p->n_keys; i++)
        typed_write(w, d->keys[i]);
    writer_be32(w, p->l0);
    writer_be32(w, p->linf);
    writer_u8(w, p->selects);
    writer_be64(w, plan_thresholds(p) ? p->keep.above : p->groups_public);
    writer_be64(w, p->audience);
    if (!d->like)
        return;
    writer_be32(w, (uint32_t)d->n_only); /* days that stand for all */
    for (size_t i = 0; i < d->n_only; i++)
        writer_be64(w, (uint64_t)d->only[i]);
}

static void quantiles(struct writer *w, const struct draft *d)
{
    const struct plan *p = d->plan;
    writer_be32(w, (uint32_t)p->n_hists);
    for (size_t i = 0; i < p->n_hists; i++) {
        typed_write(w, d->hists[i].filter);
        typed_write(w, d->hists[i].value);
        writer_be32(w, p->hists[i].of.grid_bits);
        writer_be64(w, (uint64_t)p->hists[i].lo);
        writer_be64(w, p->hists[i].width);
        writer_be64(w, p->hists[i].n_buckets);
    }
    writer_be32(w, (uint32_t)p->n_picks);
    for (size_t i = 0; i < p->n_picks; i++) {
        const struct plan_pick *pick = &p->picks[i];
        writer_be32(w, (uint32_t)pick->hist);
        writer_be32(w, pick->q.num);
        writer_be32(w, pick->q.den);
        writer_be64(w, (uint64_t)pick->q.shift);
        writer_u8(w, (uint8_t)pick->choice.law);
        writer_be64(w, pick->choice.eps_nano);
        writer_be64(w, pick->choice.sensitivity);
    }
}

/* Bytes of a hash, in two passes: measured, then written. */
typedef enum err_code print_fn(struct writer *w, struct draft *d,
                               const void *ctx, struct err *err);

static enum err_code digest(uint8_t out[32], struct draft *d, print_fn *print,
                            const void *ctx, struct err *err)
{
    struct writer w = writer_of(NULL, 0);
    unsigned len = 32;
    TRY(print(&w, d, ctx, err));
    uint8_t *data = arena_alloc(d->a, w.need + 1, 1);
    if (!data)
        return draft_memory(err);
    w = writer_of(data, w.need);
    TRY(print(&w, d, ctx, err));
    if (w.overflow ||
        EVP_Digest(w.data, w.len, out, &len, EVP_sha256(), NULL) != 1)
        return err_set(err, ERR_INTERNAL, "hashing the release failed");
    return ERR_OK;
}

static enum err_code print_release(struct writer *w, struct draft *d,
                                   const void *ctx, struct err *err)
{
    (void)ctx;
    dataset(w, d);
    TRY(where(w, d, NULL, err));
    groups(w, d);
    measures(w, d, true);
    writer_be32(w, (uint32_t)d->plan->n_before);
    for (size_t i = 0; i < d->plan->n_before; i++) {
        before(w, d->plan->before[i]);
        after_noise(w, d->plan->before[i], d->chained[i]);
        writer_u8(w, 0);
    }
    quantiles(w, d);
    top(w, d->plan);
    return ERR_OK;
}

enum err_code draft_hash(struct draft *d, struct err *err)
{
    return digest(d->plan->release_hash, d, print_release, NULL, err);
}

/*
 * What the releases of a series have in common: all of a release but which days
 * it has, what that makes of its bounds, its noise, and the state of the data.
 */
static enum err_code print_series(struct writer *w, struct draft *d,
                                  const void *ctx, struct err *err)
{
    const struct draft_series *s = ctx;
    const struct policy *policy = d->policy;
    const struct plan *p = d->plan;
    text(w, "halftone series 2");
    text(w, policy->id);
    writer_be64(w, policy->version);
    writer_bytes(w, policy->meaning, sizeof policy->meaning);
    text(w, p->purpose->id);
    text(w, d->scope->from);
    TRY(where(w, d, s->column, err));
    writer_be32(w, (uint32_t)p->n_keys);
    writer_be32(w, (uint32_t)s->key);
    for (size_t k = 0; k < p->n_keys; k++) {
        typed_write(w, d->keys[k]);
        writer_be32(w, k != s->key ? (uint32_t)p->keys[k].n_domain : 0);
        for (size_t i = 0; k != s->key && i < p->keys[k].n_domain; i++)
            value_write(w, &p->keys[k].domain[i]);
    }
    writer_be32(w, s->max_groups);
    writer_be32(w, p->linf);
    writer_u8(w, p->selects);
    writer_be64(w, p->audience);
    measures(w, d, false);
    quantiles(w, d);
    return ERR_OK;
}

enum err_code draft_hash_series(uint8_t out[32], struct draft *d,
                                const struct draft_series *s, struct err *err)
{
    return digest(out, d, print_series, s, err);
}
