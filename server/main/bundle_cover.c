/* What of a bundle is stored, and what is to be paid.  bundle.h. */
#include <openssl/sha.h>
#include <string.h>

#include "server/ledger/bundle.h"
#include "server/main/bundle.h"
#include "server/query/refusal.h"

enum { US_PER_S = 1000000, DAY_BYTES = 8 };

static enum err_code full(struct err *err)
{
    return err_set(err, ERR_LIMIT, "the request needs too much memory");
}

static const struct plan *plan_of(const struct bundle *b, size_t i)
{
    return b->items[i].question.plan;
}

/* Nothing of it is paid for: a plan to be read, or an answer that is public. */
static bool is_free(const struct bundle *b, size_t i)
{
    return plan_of(b, i)->is_free ||
           (b->items[i].question.tree->explain && !b->only_told);
}

enum err_code bundle_init(struct bundle *b, struct service_call *call,
                          struct bundle_item *items, size_t n, struct arena *a,
                          struct err *err)
{
    static const char NAME[32] = "halftone bundle 1";
    uint8_t *hashes = arena_alloc(a, n + 1, LEDGER_HASH_LEN);
    if (!hashes)
        return full(err);
    *b = (struct bundle){ .call = call,
                          .dataset = items[0].question.dataset,
                          .arena = a,
                          .items = items,
                          .n = n };
    memcpy(hashes, NAME, sizeof NAME);
    for (size_t i = 0; i < n; i++)
        memcpy(hashes + (i + 1) * LEDGER_HASH_LEN, plan_of(b, i)->release_hash,
               LEDGER_HASH_LEN);
    (void)SHA256(hashes, (n + 1) * LEDGER_HASH_LEN, b->hash);
    return ERR_OK;
}

/* ---- what is stored ---- */

static struct ledger_want want_of(const struct plan *plan)
{
    struct ledger_want w = { .release_hash = plan->release_hash };
    if (plan->series) {
        w.series_hash = plan->series->hash;
        w.from_us = plan->series->from_us;
        w.to_us = plan->series->to_us;
    }
    return w;
}

/* All that is wanted and stored; wants[i] is of question who[i], or of its
 * wider form, which holds the answer too. */
struct seen {
    struct ledger_look look;
    size_t *who;
    bool *is_wider;
};

static enum err_code look(struct seen *out, struct bundle *b, bool brief,
                          struct err *err)
{
    const struct policy *p = b->dataset->policy;
    struct ledger_want *wants =
        ARENA_NEW_N(b->arena, 2 * b->n, struct ledger_want);
    struct ledger_look_args args = {
        .dataset = p->id,
        .purpose = b->call->req->purpose,
        .reuse_for_s = p->reuse_for_s,
        .series_for_s =
            p->closed_for_s > p->reuse_for_s ? p->closed_for_s : p->reuse_for_s,
        .wants = wants,
        .held = b->is_charged ? &b->charge.id : NULL,
        .brief = brief,
    };
    out->who = ARENA_NEW_N(b->arena, 2 * b->n, size_t);
    out->is_wider = ARENA_NEW_N(b->arena, 2 * b->n, bool);
    if (!wants || !out->who || !out->is_wider)
        return full(err);
    for (size_t i = 0; i < b->n; i++) {
        const struct plan *wider = plan_of(b, i)->wider;
        if (is_free(b, i))
            continue;
        out->who[args.n] = i;
        wants[args.n++] = want_of(plan_of(b, i));
        if (!wider || wider->series)
            continue;
        out->who[args.n] = i;
        out->is_wider[args.n] = true;
        wants[args.n++] = want_of(wider);
    }
    TRY(ledger_look(b->call->service->ledger, &out->look, &args, b->arena,
                    err));
    b->newest = out->look.newest;
    b->rung = out->look.rung;
    b->in_flight = out->look.in_flight;
    b->lease_left_us = out->look.lease_left_us;
    return ERR_OK;
}

enum err_code bundle_wait(struct bundle *b, struct err *err)
{
    struct seen seen;
    while (b->in_flight) {
        TRY(ledger_listen(b->call->service->ledger, b->rung, b->lease_left_us,
                          b->call->req->deadline_ns, err));
        TRY(look(&seen, b, true, err));
    }
    return ERR_OK;
}

static enum err_code read_found(const struct answer **out, struct bundle *b,
                                const struct ledger_found *found,
                                struct err *err)
{
    struct answer *answer = ARENA_NEW(b->arena, struct answer);
    if (!answer)
        return full(err);
    *out = answer;
    return answer_read(answer, found->answer, found->answer_len, b->arena, err);
}

/* ---- one question ---- */

/* A question while its days, or all of it, are looked for. */
struct cover {
    struct bundle *b;
    struct bundle_item *item;
    const struct plan *plan;
    bool *left; /* series: its days without rows so far */
    size_t n_left;
};

static enum err_code add_use(struct cover *c, struct bundle_use use,
                             struct err *err)
{
    struct bundle_item *item = c->item;
    /* Doubles when n is a power of two. */
    if ((item->n_uses & (item->n_uses - 1)) == 0) {
        struct bundle_use *more =
            ARENA_NEW_N(c->b->arena, 2 * item->n_uses + 1, struct bundle_use);
        if (!more)
            return full(err);
        if (item->n_uses > 0)
            memcpy(more, item->uses, item->n_uses * sizeof *more);
        item->uses = more;
    }
    item->uses[item->n_uses++] = use;
    return ERR_OK;
}

/* Days that `takes` says the release serves, of those that are left. */
static enum err_code take_days(struct cover *c, struct bundle_use use,
                               const bool *takes, struct err *err)
{
    const size_t n = c->plan->series->n_days;
    bool *days = ARENA_NEW_N(c->b->arena, n, bool);
    size_t taken = 0;
    if (!days)
        return full(err);
    for (size_t d = 0; d < n; d++) {
        days[d] = takes[d] && c->left[d];
        c->left[d] &= !days[d];
        taken += days[d];
    }
    c->n_left -= taken;
    use.days = days;
    return taken > 0 ? add_use(c, use, err) : ERR_OK;
}

/* A stored release of the series, as old as each of its days may be. */
static enum err_code take_stored(struct cover *c, const struct ledger_found *f,
                                 struct err *err)
{
    const struct policy *p = c->b->dataset->policy;
    const size_t n = c->plan->series->n_days;
    const int64_t age_us = c->b->call->req->now_us - f->answered_us;
    const struct answer *answer;
    bool *takes = ARENA_NEW_N(c->b->arena, n, bool);
    if (!takes)
        return full(err);
    TRY(read_found(&answer, c->b, f, err));
    if (!plan_series_fits(c->plan, answer))
        return ERR_OK;
    for (size_t d = 0; d < n; d++) {
        const enum series_had had = plan_series_has(c->plan, d, answer);
        const uint64_t for_s =
            had == SERIES_SETTLED && p->closed_for_s > p->reuse_for_s
                ? p->closed_for_s
                : p->reuse_for_s;
        takes[d] = had != SERIES_NOT && age_us <= (int64_t)for_s * US_PER_S;
    }
    return take_days(c,
                     (struct bundle_use){ .answer = answer,
                                          .charge = f->charge,
                                          .as_of_us = f->charged_us },
                     takes, err);
}

/* What this charge pays for: a release to be made. */
static enum err_code use_fresh(struct cover *c, const struct plan *fresh,
                               const bool *days, struct err *err)
{
    c->item->fresh = fresh;
    c->item->made = ARENA_NEW(c->b->arena, struct answer);
    if (!c->item->made)
        return full(err);
    return add_use(c,
                   (struct bundle_use){
                       .answer = c->item->made, .days = days, .is_new = true },
                   err);
}

static enum err_code note_days(struct bundle_item *item, struct bundle *b,
                               const struct plan *part, struct err *err)
{
    const struct plan_series *s = part->series;
    uint8_t *data = arena_alloc(b->arena, s->n_days, DAY_BYTES);
    struct writer w = writer_of(data, s->n_days * DAY_BYTES);
    if (!data)
        return full(err);
    for (size_t i = 0; i < s->n_days; i++)
        writer_be64(&w, (uint64_t)s->days[i].key);
    item->what = data;
    item->what_len = w.len;
    return ERR_OK;
}

/* The days wanted as a release of their own; all of them are the question. */
static enum err_code make_part(const struct plan **out, struct cover *c,
                               const bool *want, struct err *err)
{
    const struct plan_series *s = c->plan->series;
    struct plan *part;
    size_t n = 0;
    for (size_t d = 0; d < s->n_days; d++)
        n += want[d];
    *out = c->plan;
    if (n == s->n_days)
        return ERR_OK;
    TRY(plan_series_part(&part, c->plan, c->item->question.tree, want,
                         c->b->arena, err));
    *out = part;
    return ERR_OK;
}

/* ---- pieces of the charge that is ours already ---- */

static bool is_named(const uint8_t *a, const uint8_t *b)
{
    return memcmp(a, b, LEDGER_HASH_LEN) == 0;
}

/* The days a piece was charged for; false when some are none of the question's.
 */
static bool read_days(bool *want, const struct plan_series *s,
                      const struct ledger_found *f)
{
    struct reader r = reader_of(f->what, f->what_len);
    memset(want, 0, s->n_days * sizeof *want);
    for (size_t d = 0; d < s->n_days && reader_left(&r) > 0; d++) {
        struct reader ahead = r;
        want[d] = (int64_t)reader_be64(&ahead) == s->days[d].key;
        if (want[d])
            r = ahead;
    }
    return reader_left(&r) == 0;
}

static enum err_code take_held(struct cover *c, struct ledger_found *f,
                               bool *taken, struct err *err)
{
    const struct plan_series *s = c->plan->series;
    const struct plan *fresh = c->plan;
    bool *want = NULL;
    *taken = false;
    if (s) {
        want = ARENA_NEW_N(c->b->arena, s->n_days, bool);
        if (!want)
            return full(err);
        if (!is_named(f->series_hash, s->hash) || !read_days(want, s, f))
            return ERR_OK;
        for (size_t d = 0; d < s->n_days; d++)
            if (want[d] && !c->left[d])
                return ERR_OK;
        TRY(make_part(&fresh, c, want, err));
    }
    if (!is_named(f->release_hash, fresh->release_hash))
        return ERR_OK;
    *taken = true;
    for (size_t d = 0; s && d < s->n_days; d++) {
        c->left[d] &= !want[d];
        c->n_left -= want[d];
    }
    TRY(use_fresh(c, fresh, want, err));
    c->item->place = f->place;
    if (!f->answer)
        return ERR_OK;
    const struct answer *answer;
    TRY(read_found(&answer, c->b, f, err));
    *c->item->made = *answer;
    c->item->is_made = true;
    return ERR_OK;
}

static enum err_code say_repinned(const struct bundle *b, struct err *err)
{
    const struct ledger_hex id = ledger_id_hex(b->charge.id);
    err_set(err, ERR_EXPIRED,
            "query %s was charged under an earlier policy or data version, or "
            "beside answers that have expired",
            id.text);
    return err_hint(err, "ask again with a new idempotency key");
}

/* ---- in order ---- */

static enum err_code cover_series(struct cover *c, struct seen *seen,
                                  struct err *err)
{
    const struct plan_series *s = c->plan->series;
    struct bundle *b = c->b;
    const size_t me = (size_t)(c->item - b->items);
    for (size_t i = 0; i < seen->look.n && c->n_left > 0; i++) {
        const struct ledger_found *f = &seen->look.found[i];
        if (!f->is_held && seen->who[f->want] == me)
            TRY(take_stored(c, f, err));
    }
    /* What an earlier question of the batch pays for. */
    for (size_t j = 0; j < me && c->n_left > 0; j++) {
        bool *takes = ARENA_NEW_N(b->arena, s->n_days, bool);
        if (!takes)
            return full(err);
        if (!b->items[j].fresh)
            continue;
        for (size_t d = 0; d < s->n_days; d++)
            takes[d] = plan_series_shares(c->plan, d, b->items[j].fresh);
        TRY(take_days(
            c,
            (struct bundle_use){ .answer = b->items[j].made, .is_new = true },
            takes, err));
    }
    if (c->n_left == 0)
        return ERR_OK;
    if (c->item->fresh) /* a piece held has one */
        return say_repinned(b, err);
    const struct plan *fresh;
    TRY(make_part(&fresh, c, c->left, err));
    TRY(note_days(c->item, b, fresh, err));
    return use_fresh(c, fresh, c->left, err);
}

static enum err_code cover_plain(struct cover *c, struct seen *seen,
                                 struct err *err)
{
    struct bundle *b = c->b;
    const size_t me = (size_t)(c->item - b->items);
    if (c->item->fresh)
        return ERR_OK;
    for (size_t j = 0; j < me; j++)
        if (!is_free(b, j) &&
            is_named(plan_of(b, j)->release_hash, c->plan->release_hash))
            return add_use(c, b->items[j].uses[0], err);
    for (size_t i = 0; i < seen->look.n; i++) {
        const struct ledger_found *f = &seen->look.found[i];
        const struct answer *answer;
        if (f->is_held || seen->who[f->want] != me)
            continue;
        TRY(read_found(&answer, b, f, err));
        if (seen->is_wider[f->want])
            c->item->question.plan = c->plan->wider;
        return add_use(c,
                       (struct bundle_use){ .answer = answer,
                                            .charge = f->charge,
                                            .as_of_us = f->charged_us },
                       err);
    }
    return use_fresh(c, c->plan, NULL, err);
}

static enum err_code cover_item(struct bundle *b, size_t i, struct seen *seen,
                                bool *taken, struct err *err)
{
    struct bundle_item *item = &b->items[i];
    struct cover c = { .b = b, .item = item, .plan = plan_of(b, i) };
    const struct plan_series *s = c.plan->series;
    if (s) {
        c.left = ARENA_NEW_N(b->arena, s->n_days, bool);
        if (!c.left)
            return full(err);
        memset(c.left, true, s->n_days * sizeof *c.left);
        c.n_left = s->n_days;
    }
    for (size_t f = 0; f < seen->look.n && !item->fresh; f++)
        if (seen->look.found[f].is_held && !taken[f])
            TRY(take_held(&c, &seen->look.found[f], &taken[f], err));
    return s ? cover_series(&c, seen, err) : cover_plain(&c, seen, err);
}

static enum err_code cover_all(struct bundle *b, struct seen *seen,
                               struct err *err)
{
    bool *taken = ARENA_NEW_N(b->arena, seen->look.n + 1, bool);
    if (!taken)
        return full(err);
    for (size_t i = 0; i < b->n; i++)
        if (!is_free(b, i))
            TRY(cover_item(b, i, seen, taken, err));
    for (size_t f = 0; f < seen->look.n; f++)
        if (seen->look.found[f].is_held && !taken[f])
            return say_repinned(b, err);
    size_t n_held = 0;
    for (size_t f = 0; f < seen->look.n; f++)
        n_held += seen->look.found[f].is_held;
    for (size_t i = 0; i < b->n; i++) {
        struct bundle_item *item = &b->items[i];
        if (!item->fresh)
            continue;
        if (!b->is_charged)
            item->place = (unsigned)b->n_fresh;
        b->n_fresh++;
        b->price = dp_price_add(b->price, item->fresh->price);
    }
    return b->is_charged && b->n_fresh != n_held ? say_repinned(b, err)
                                                 : ERR_OK;
}

/* What finishing the question takes: of what is new, as much as it may. */
static double memory_of(const struct bundle_item *item)
{
    const struct plan *plan = item->question.plan;
    double bytes = plan->is_free ? plan->memory : 0;
    for (size_t u = 0; u < item->n_uses; u++) {
        const struct bundle_use *use = &item->uses[u];
        bytes += use->is_new ? item->fresh ? item->fresh->memory : plan->memory
                             : (double)use->answer->n_rows * plan->row_memory;
    }
    return bytes;
}

/* Known before it is charged, as for one question alone (plan/memory.c). */
static enum err_code memory_fits(const struct bundle *b, struct err *err)
{
    static const struct place nowhere = { 0 };
    double bytes = 0;
    for (size_t i = 0; i < b->n; i++)
        bytes += memory_of(&b->items[i]);
    if (b->is_charged || bytes <= PLAN_MEMORY_MAX)
        return ERR_OK;
    return refuse(err, b->n > 1 ? REFUSAL_BATCH_MEMORY : REFUSAL_MEMORY,
                  nowhere, NULL, NULL);
}

enum err_code bundle_cover(struct bundle *b, struct err *err)
{
    struct seen seen;
    b->price = (struct dp_price){ 0 };
    b->n_fresh = 0;
    for (size_t i = 0; i < b->n; i++) {
        struct bundle_item *item = &b->items[i];
        *item = (struct bundle_item){ .req = item->req,
                                      .question = item->question };
    }
    TRY(look(&seen, b, false, err));
    TRY(cover_all(b, &seen, err));
    return memory_fits(b, err);
}
