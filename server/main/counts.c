#include "server/main/counts.h"

#include <inttypes.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dp/interval.h"
#include "dp/mechanism.h"
#include "dp/notion.h"
#include "dp/rng.h"
#include "server/base/log.h"
#include "server/engine/tally.h"
#include "server/main/notion.h"
#include "server/main/service_charge.h"
#include "server/query/answer.h"

enum {
    ARENA_CAP = 1 << 20,
    DATASETS = 64,
    COLUMNS = 3,
    US_PER_S = 1000000,
    KEPT_S = 86400, /* past the next ones, should those be late */
};
#define LEVEL 0.95
/* No principal has such a name, nor a policy such a purpose. */
#define WHO "(server)"
#define WHY "(counts of consent)"

/* What was released last, so that the ledger is asked once. */
struct told {
    char id[POLICY_NAME_MAX + 1];
    int64_t period;
};

struct counts {
    const struct service *service;
    gsl_rng *rng;
    struct arena a; /* of one release */
    struct told told[DATASETS];
    size_t n_told;
};

/* ---- which one ---- */

struct time_key {
    int64_t period;
    char key[POLICY_NAME_MAX + 64];
    uint8_t hash[32];
};

static struct time_key key_of(const struct policy *p, int64_t period)
{
    struct time_key k = { .period = period };
    (void)snprintf(k.key, sizeof k.key, "%s %" PRIu64 "s %" PRId64, p->id,
                   p->counts.every_s, period);
    (void)SHA256((const uint8_t *)k.key, strlen(k.key), k.hash);
    return k;
}

static int64_t period_at(const struct policy *p, int64_t now_us)
{
    return now_us / ((int64_t)p->counts.every_s * US_PER_S);
}

/* ---- accounts ---- */

bool counts_beside(struct ledger_account_spec *out, const struct policy *p,
                   const char *filter, struct arena *a)
{
    const bool keeps = p->counts.every_s > 0;
    if (keeps)
        *out = (struct ledger_account_spec){
            .name = arena_printf(a, "%s/beside/counts of consent", filter),
            .limit = dp_price_left(p->cap, p->counts.reserve),
        };
    return keeps;
}

static enum err_code charge(struct ledger_run *run, struct counts *c,
                            const struct policy *p, const struct time_key *k,
                            struct dp_price price, struct err *err)
{
    const char *filter = notion_account(p, p->notion, &c->a);
    const struct ledger_account_spec accounts[] = {
        { .name = filter, .limit = p->cap },
        { .name = filter ? arena_printf(&c->a, "%s/counts of consent", filter)
                         : NULL,
          .limit = p->counts.reserve },
    };
    const struct ledger_charge_args args = {
        .principal = WHO,
        .dataset = p->id,
        .purpose = WHY,
        .idempotency_key = k->key,
        .request_hash = k->hash,
        .release_hash = k->hash,
        .price = price,
        .accounts = accounts,
        .n_accounts = 2,
        .interval =
            service_interval(p, clock_wall_us(c->service->clock), &c->a),
        .policy_version = p->version,
        .keep_s = p->counts.every_s + KEPT_S,
        .max_misses = p->max_misses,
        .max_misses_day = p->max_misses_day,
    };
    if (!accounts[0].name || !accounts[1].name)
        return err_set(err, ERR_LIMIT, "out of memory");
    return ledger_charge(c->service->ledger, run, &args, &c->a, err);
}

/* ---- the release ---- */

static enum err_code draw(struct dp_noisy *out, const struct dataset *d,
                          const struct dp_mechanism *noise, gsl_rng *rng,
                          struct arena *a, struct err *err)
{
    const struct policy *p = d->policy;
    struct dp_exact *exact = ARENA_NEW_N(a, p->n_purposes, struct dp_exact);
    if (!exact)
        return err_set(err, ERR_LIMIT, "out of memory");
    TRY(consent_follow(d->consent, err));
    for (size_t i = 0; i < p->n_purposes; i++) {
        struct gate_view v;
        d->gate.pin(d->gate.ctx, &v, &p->purposes[i]);
        exact[i] = tally_view(&v);
        d->gate.unpin(d->gate.ctx, &v);
    }
    return dp_mechanism_release(out, exact, p->n_purposes, noise, rng) == DP_OK
               ? ERR_OK
               : err_set(err, ERR_INTERNAL,
                         "a mechanism is outside its domain");
}

static struct value text_value(const char *s)
{
    return (struct value){ .type = VALUE_TEXT, .text = { s, strlen(s) } };
}

static bool put_row(struct reply_table *t, const struct policy_purpose *p,
                    struct dp_noisy people, const struct dp_mechanism *noise)
{
    struct value *cells = &t->cells[t->n_rows * COLUMNS];
    struct reply_interval *bounds = &t->intervals[t->n_rows * COLUMNS];
    const struct dp_reading reading = { people, *noise };
    struct dp_interval i;
    if (dp_interval_of_value(&i, &reading, LEVEL) != DP_OK)
        return false;
    cells[0] = text_value(p->id);
    cells[1] = text_value(p->basis == BASIS_CONSENT ? "yes" : "no");
    cells[2] = (struct value){ .type = VALUE_INT, .i = (int64_t)people.v };
    bounds[2] = (struct reply_interval){ INTERVAL_BOUNDED, i.lo, i.hi };
    t->n_rows++;
    return true;
}

static bool make_table(struct reply_table *t, const struct policy *p,
                       const struct dp_noisy *people,
                       const struct dp_mechanism *noise, struct arena *a)
{
    static const struct reply_column heads[COLUMNS] = {
        { .name = "purpose", .type = VALUE_TEXT, .is_key = true },
        { .name = "said", .type = VALUE_TEXT, .is_key = true },
        { .name = "people", .type = VALUE_INT },
    };
    *t = (struct reply_table){
        .columns = ARENA_NEW_N(a, COLUMNS, struct reply_column),
        .n_columns = COLUMNS,
        .cells = ARENA_NEW_N(a, p->n_purposes * COLUMNS, struct value),
        .intervals =
            ARENA_NEW_N(a, p->n_purposes * COLUMNS, struct reply_interval),
        .level = LEVEL,
        .release_slot_ns = 0,
    };
    if (!t->columns || !t->cells || !t->intervals)
        return false;
    memcpy(t->columns, heads, sizeof heads);
    bool ok = true;
    for (size_t i = 0; i < p->n_purposes && ok; i++)
        ok = put_row(t, &p->purposes[i], people[i], noise);
    return ok;
}

static void fill_receipt(struct reply_receipt *r, const struct policy *p,
                         const struct ledger_run *run,
                         const struct dp_mechanism *noise, struct arena *a)
{
    const struct ledger_hex id = ledger_id_hex(run->id);
    *r = service_priced(p, run->price, run->left);
    r->query_id = arena_strdup(a, id.text);
    r->purpose = WHY;
    r->mechanism = arena_printf(
        a,
        "%s noise of scale %.6g on each purpose, of which a person counts in "
        "all",
        dp_law_name(noise->law), (double)noise->num / (double)noise->den);
    r->policy_version = run->policy_version;
    r->as_of_us = run->charged_us;
    r->max_groups = (uint32_t)p->n_purposes;
    r->max_rows = 1;
}

static enum err_code store(struct counts *c, const struct policy *p,
                           const struct time_key *k,
                           const struct ledger_run *run,
                           const struct dp_noisy *people,
                           const struct dp_mechanism *noise, struct err *err)
{
    struct answer answer = { .principal = WHO, .idempotency_key = k->key };
    const uint8_t *bytes;
    size_t len;
    if (!make_table(&answer.table, p, people, noise, &c->a))
        return err_set(err, ERR_LIMIT, "out of memory");
    fill_receipt(&answer.table.receipt, p, run, noise, &c->a);
    if (!answer.table.receipt.query_id || !answer.table.receipt.mechanism)
        return err_set(err, ERR_LIMIT, "out of memory");
    memcpy(answer.request_hash, k->hash, sizeof answer.request_hash);
    TRY(answer_pack(&bytes, &len, &answer, &c->a, err));
    return ledger_answer(c->service->ledger, run->id, run->fence, 0, &bytes,
                         &len, &c->a, err);
}

/* The least noise that the price buys; what it costs is at most the price. */
static bool plan_noise(struct dp_vector_release *v, struct dp_price *price,
                       const struct policy *p)
{
    *v = (struct dp_vector_release){ .linf = 1, .l0 = (uint32_t)p->n_purposes };
    return dp_vector_of_price(v, dp_notion_law(p->notion), p->counts.price,
                              p->notion) == DP_OK &&
           dp_vector_price(price, v, p->notion) == DP_OK;
}

static enum err_code release(struct counts *c, const struct dataset *d,
                             const struct time_key *k, struct err *err)
{
    const struct policy *p = d->policy;
    struct dp_noisy *people =
        ARENA_NEW_N(&c->a, p->n_purposes, struct dp_noisy);
    struct dp_vector_release v;
    struct dp_price price;
    struct ledger_run run;
    if (!people || !plan_noise(&v, &price, p))
        return err_set(err, ERR_REFUSED, "the price buys no noise");
    TRY(consent_follow(d->consent, err)); /* before it is paid for, too */
    TRY(charge(&run, c, p, k, price, err));
    if (run.verdict == LEDGER_IN_FLIGHT)
        return err_set(err, ERR_AGAIN, "another server is at it");
    if (run.verdict == LEDGER_ANSWERED)
        return ERR_OK;
    TRY(draw(people, d, &v.noise, c->rng, &c->a, err));
    return store(c, p, k, &run, people, &v.noise, err);
}

/* ---- by itself ---- */

/* NULL: there are too many datasets. */
static struct told *told_of(struct counts *c, const char *id)
{
    size_t i = 0;
    while (i < c->n_told && strcmp(c->told[i].id, id) != 0)
        i++;
    if (i == DATASETS)
        return NULL;
    if (i == c->n_told) {
        (void)snprintf(c->told[i].id, sizeof c->told[i].id, "%s", id);
        c->told[i].period = -1;
        c->n_told++;
    }
    return &c->told[i];
}

static void tick_one(struct counts *c, const struct dataset *d)
{
    const struct policy *p = d->policy;
    struct err err = { 0 };
    if (p->counts.every_s == 0 || !d->consent || consent_is_held(d->consent))
        return;
    const struct time_key k =
        key_of(p, period_at(p, clock_wall_us(c->service->clock)));
    struct told *told = told_of(c, p->id);
    if (!told || told->period == k.period)
        return;
    arena_reset(&c->a);
    const enum err_code code = release(c, d, &k, &err);
    if (code == ERR_AGAIN || code == ERR_UNAVAILABLE)
        return; /* with the next tick */
    told->period = k.period;
    if (code != ERR_OK)
        log_event(LOG_COUNTS_REFUSED,
                  (struct log_fields){ .dataset = p->name, .error = code });
}

void counts_tick(struct counts *c, const struct world *w)
{
    for (size_t i = 0; i < w->n_datasets; i++)
        tick_one(c, w->datasets[i]);
}

enum err_code counts_new(struct counts **out, const struct service *s,
                         struct err *err)
{
    struct counts *c = calloc(1, sizeof *c);
    if (!c)
        return err_set(err, ERR_LIMIT, "out of memory");
    c->service = s;
    c->rng = dp_rng_system();
    arena_init(&c->a, ARENA_CAP);
    if (!c->rng) {
        counts_free(c);
        return err_set(err, ERR_LIMIT, "out of memory");
    }
    *out = c;
    return ERR_OK;
}

void counts_free(struct counts *c)
{
    if (!c)
        return;
    gsl_rng_free(c->rng);
    arena_fini(&c->a);
    free(c);
}

/* ---- CONSENT_COUNTS ---- */

enum err_code service_counts(struct service_call *call, struct reply *out,
                             struct arena *a, struct err *err)
{
    const struct dataset *d;
    TRY(world_dataset(&d, call->world, call->who, call->req->dataset, err));
    const struct policy *p = d->policy;
    if (p->counts.every_s == 0) {
        (void)err_set(err, ERR_NOT_FOUND,
                      "dataset '%s' releases no counts of consent", p->name);
        return err_hint(err, "a steward adds 'counts' to 'consent' in its "
                             "policy");
    }
    const int64_t now = period_at(p, clock_wall_us(call->service->clock));
    for (int64_t period = now; period >= now - 1; period--) {
        const struct time_key k = key_of(p, period);
        struct ledger_run run;
        struct answer answer;
        if (ledger_find(call->service->ledger, &run, WHO, k.key, k.hash, a,
                        err) != ERR_OK ||
            run.verdict != LEDGER_ANSWERED)
            continue;
        TRY(answer_read(&answer, run.answer, run.answer_len, a, err));
        out->table = answer.table;
        out->table.receipt.cached = true;
        return ERR_OK;
    }
    (void)err_set(err, ERR_NOT_FOUND,
                  "no counts of consent of dataset '%s' are kept now", p->name);
    return err_hint(err, "they come on the policy's schedule, as long as its "
                         "reserve lasts");
}
