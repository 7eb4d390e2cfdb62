/* Tables and receipts of a bundle, from what is stored and made.  bundle.h. */
#include <stdlib.h>
#include <string.h>

#include "server/main/bundle.h"
#include "server/main/service_charge.h"

static enum err_code full(struct err *err)
{
    return err_set(err, ERR_LIMIT, "the request needs too much memory");
}

/* The rows of one release that its use shows. */
static size_t copy_rows(struct plan_noisy *out, const struct plan *plan,
                        const struct bundle_use *use)
{
    const struct answer *a = use->answer;
    const struct plan_series *s = plan->series;
    const size_t width = plan_width(plan);
    const size_t before = out->n_rows;
    for (size_t r = 0; r < a->n_rows; r++) {
        const struct value *keys = &a->keys[r * a->n_keys];
        size_t d = 0;
        while (d < s->n_days && s->days[d].key != keys[s->key].i)
            d++;
        if (d == s->n_days || !use->days[d])
            continue;
        memcpy(&out->keys[out->n_rows * plan->n_keys], keys,
               plan->n_keys * sizeof *keys);
        memcpy(&out->measures[out->n_rows * width], &a->measures[r * width],
               width * sizeof *a->measures);
        out->n_rows++;
    }
    return out->n_rows - before;
}

static bool is_alike(const struct answer *a, const struct answer *b)
{
    bool alike = a->n_noise == b->n_noise && a->above == b->above;
    for (size_t i = 0; alike && i < a->n_noise; i++)
        alike = a->noise[i].law == b->noise[i].law &&
                a->noise[i].num == b->noise[i].num &&
                a->noise[i].den == b->noise[i].den;
    return alike;
}

/* Releases of the same noise are finished together: laws are found once. */
static enum err_code sources_of(struct plan_source **out, size_t *n,
                                const struct bundle *b,
                                const struct bundle_item *item, struct err *err)
{
    const struct plan *plan = item->question.plan;
    struct plan_source *list =
        ARENA_NEW_N(b->arena, item->n_uses + 1, struct plan_source);
    bool *used = ARENA_NEW_N(b->arena, item->n_uses + 1, bool);
    *n = 0;
    if (!list || !used)
        return full(err);
    for (size_t u = 0; u < item->n_uses; u++) {
        const struct answer *first = item->uses[u].answer;
        struct plan_source *s = &list[*n];
        struct plan *like;
        size_t rows = 0;
        if (used[u])
            continue;
        for (size_t v = u; v < item->n_uses; v++)
            rows += is_alike(first, item->uses[v].answer)
                        ? item->uses[v].answer->n_rows
                        : 0;
        TRY(plan_series_like(&like, plan, first, b->arena, err));
        s->plan = like;
        s->noisy.keys =
            ARENA_NEW_N(b->arena, rows * plan->n_keys + 1, struct value);
        s->noisy.measures =
            ARENA_NEW_N(b->arena, rows * plan_width(plan) + 1, struct dp_noisy);
        if (!s->noisy.keys || !s->noisy.measures)
            return full(err);
        for (size_t v = u; v < item->n_uses; v++)
            if (is_alike(first, item->uses[v].answer)) {
                used[v] = true;
                s->noisy.cut |= item->uses[v].answer->cut;
                (void)copy_rows(&s->noisy, plan, &item->uses[v]);
            }
        ++*n;
    }
    *out = list;
    return ERR_OK;
}

/* ---- receipts ---- */

static struct ledger_id charge_of(const struct bundle *b,
                                  const struct bundle_use *use)
{
    return use->is_new ? b->charge.id : use->charge;
}

static int64_t as_of(const struct bundle *b, const struct bundle_use *use)
{
    return use->is_new ? b->charge.charged_us : use->as_of_us;
}

static enum err_code fill_part(struct reply_part *out, const struct bundle *b,
                               const struct plan *plan,
                               const struct bundle_use *use, struct err *err)
{
    const struct plan_series *s = plan->series;
    const struct plan_key *key = &plan->keys[s->key];
    const struct ledger_hex id = ledger_id_hex(charge_of(b, use));
    *out = (struct reply_part){
        .query_id = arena_strdup(b->arena, id.text),
        .as_of_us = as_of(b, use),
        .max_groups = use->answer->table.receipt.max_groups,
        .cached = !use->is_new,
    };
    for (size_t d = 0; d < s->n_days; d++) {
        if (!use->days[d])
            continue;
        if (out->n_keys++ == 0)
            out->first = key->domain[d];
        out->last = key->domain[d];
    }
    return out->query_id ? ERR_OK : full(err);
}

static int by_first(const void *a, const void *b)
{
    const struct reply_part *x = a, *y = b;
    return value_cmp(&x->first, &y->first);
}

static enum err_code fill_parts(struct reply_receipt *r, const struct bundle *b,
                                const struct bundle_item *item, struct err *err)
{
    const struct plan *plan = item->question.plan;
    if (!plan->series || item->n_uses < 2)
        return ERR_OK;
    r->parts = ARENA_NEW_N(b->arena, item->n_uses, struct reply_part);
    if (!r->parts)
        return full(err);
    for (size_t u = 0; u < item->n_uses; u++)
        TRY(fill_part(&r->parts[r->n_parts++], b, plan, &item->uses[u], err));
    qsort(r->parts, r->n_parts, sizeof *r->parts, by_first);
    return ERR_OK;
}

/* What is left of the filter, when no charge has told. */
static enum err_code left_of(struct dp_price *left, const struct bundle *b,
                             struct err *err)
{
    struct service_accounts accounts;
    struct ledger_balance balance;
    *left = b->charge.left;
    if (b->is_charged)
        return ERR_OK;
    TRY(service_accounts_of(&accounts, b->dataset->policy, b->call->who,
                            b->call->req->purpose, NULL, b->arena, err));
    TRY(ledger_balance(b->call->service->ledger, &balance, &accounts.spec[0],
                       err));
    *left = balance.left;
    return ERR_OK;
}

static enum err_code fill_receipt(struct reply_receipt *r,
                                  const struct bundle *b,
                                  const struct bundle_item *item,
                                  struct err *err)
{
    const struct plan *plan = item->question.plan;
    const struct policy *policy = plan->policy;
    const struct dp_price price =
        item->fresh ? item->fresh->price : (struct dp_price){ 0 };
    struct dp_price left;
    size_t newest = 0;
    TRY(left_of(&left, b, err));
    for (size_t u = 1; u < item->n_uses; u++)
        if (as_of(b, &item->uses[u]) > as_of(b, &item->uses[newest]))
            newest = u;
    const struct ledger_hex id =
        ledger_id_hex(charge_of(b, &item->uses[newest]));
    *r = service_priced(policy, price, left);
    r->query_id = arena_strdup(b->arena, id.text);
    r->purpose = plan->purpose->id;
    r->mechanism = plan->mechanism_text;
    r->policy_version =
        b->is_charged ? b->charge.policy_version : policy->version;
    r->as_of_us = as_of(b, &item->uses[newest]);
    r->cached = !item->fresh;
    r->max_groups = plan->l0;
    r->max_rows = plan->linf;
    if (!r->query_id)
        return full(err);
    return fill_parts(r, b, item, err);
}

/* ---- notices ---- */

static size_t count_stored(const struct bundle_item *item)
{
    const size_t n = item->question.plan->series->n_days;
    size_t stored = 0;
    for (size_t u = 0; u < item->n_uses; u++)
        for (size_t d = 0; !item->uses[u].is_new && d < n; d++)
            stored += item->uses[u].days[d];
    return stored;
}

/* That days come from several releases, each bounded by itself. */
static enum err_code tell(struct reply_table *t, const struct bundle *b,
                          const struct bundle_item *item, struct err *err)
{
    const struct plan *plan = item->question.plan;
    const struct plan_series *s = plan->series;
    const size_t stored = count_stored(item);
    if (stored == 0)
        return ERR_OK;
    const char **notices =
        ARENA_NEW_N(b->arena, t->n_notices + 1, const char *);
    if (!notices)
        return full(err);
    if (t->n_notices > 0)
        memcpy(notices, t->notices, t->n_notices * sizeof *notices);
    notices[t->n_notices] = arena_printf(
        b->arena,
        "%zu of %zu values of %s were released before and are free; limits on "
        "groups hold in each release by itself",
        stored, s->n_days, plan->keys[s->key].name);
    t->notices = notices;
    return notices[t->n_notices++] ? ERR_OK : full(err);
}

const char *bundle_story(const struct bundle *b, size_t i)
{
    const struct bundle_item *item = &b->items[i];
    const struct plan *plan = item->question.plan;
    const struct plan_series *s = plan->series;
    if (!item->fresh && item->n_uses > 0 && !s)
        return item->uses[0].is_new
                   ? "An equal release stands before it: free\n"
                   : "An equal release is stored: free; made anew, it would "
                     "be:\n";
    if (!s || item->n_uses == 0)
        return "";
    const size_t stored = count_stored(item);
    const size_t fresh = item->fresh ? item->fresh->series->n_days : 0;
    const char *story = arena_printf(
        b->arena,
        "A series by %s: %zu values, of which %zu are stored and free, and %zu "
        "to be released\n",
        plan->keys[s->key].name, s->n_days, stored, fresh);
    const size_t others = s->n_days - stored - fresh;
    if (story && others > 0)
        story = arena_printf(b->arena,
                             "%s  %zu more are of a question before it, free\n",
                             story, others);
    return story;
}

/* ---- the table ---- */

static enum err_code finish_plain(struct reply_table *out,
                                  const struct bundle *b,
                                  const struct bundle_item *item,
                                  struct err *err)
{
    const struct plan *plan = item->question.plan;
    const struct answer *a = item->uses[0].answer;
    if (a->n_keys != plan->n_keys || a->n_measures != plan_width(plan))
        return err_set(err, ERR_INTERNAL,
                       "the stored answer is of another shape");
    const struct plan_noisy noisy = { .keys = a->keys,
                                      .measures = a->measures,
                                      .n_rows = a->n_rows,
                                      .cut = a->cut };
    return plan_finish(out, plan, &noisy, b->arena, err);
}

enum err_code bundle_finish(struct reply_table *out, const struct bundle *b,
                            size_t i, struct err *err)
{
    const struct bundle_item *item = &b->items[i];
    const struct plan *plan = item->question.plan;
    struct plan_source *sources = NULL;
    size_t n = 0;
    if (item->question.tree->explain) {
        struct reply reply = { .op = REQUEST_QUERY };
        TRY(service_explain(b->call, &reply, &item->question, b->arena, err));
        *out = reply.table;
        return ERR_OK;
    }
    if (plan->is_free) {
        const struct plan_noisy none = { 0 };
        return plan_finish(out, plan, &none, b->arena, err);
    }
    if (plan->series) {
        TRY(sources_of(&sources, &n, b, item, err));
        TRY(plan_finish_all(out, plan, sources, n, b->arena, err));
        TRY(tell(out, b, item, err));
    } else {
        TRY(finish_plain(out, b, item, err));
    }
    return fill_receipt(&out->receipt, b, item, err);
}
