#include "server/main/batch.h"

#include <stdio.h>
#include <string.h>

#include "dp/notion.h"
#include "dp/split.h"
#include "server/main/settle.h"
#include "server/query/refusal.h"

static const struct place NOWHERE = { 0 };

static enum err_code full(struct err *err)
{
    return err_set(err, ERR_LIMIT, "the batch needs too much memory");
}

/* The same error, said of question i; place and hint stay. */
static enum err_code blame(struct err *err, size_t i, size_t n)
{
    return err_before(err, "question %zu of %zu: ", i + 1, n);
}

static const char *number(char out[24], size_t n)
{
    (void)snprintf(out, 24, "%zu", n);
    return out;
}

static enum err_code check_size(const struct request *req, struct err *err)
{
    char a[24], b[24];
    size_t bytes = 0;
    if (req->n_queries == 0)
        return refuse(err, REFUSAL_BATCH_EMPTY, NOWHERE, NULL, NULL);
    if (req->n_queries > REQUEST_QUERIES_MAX)
        return refuse(err, REFUSAL_BATCH_SIZE, NOWHERE,
                      number(a, req->n_queries),
                      number(b, REQUEST_QUERIES_MAX));
    for (size_t i = 0; i < req->n_queries; i++)
        bytes += req->queries[i].sql_len;
    if (bytes > REQUEST_BATCH_SQL_MAX)
        return refuse(err, REFUSAL_BATCH_BYTES, NOWHERE,
                      number(a, REQUEST_BATCH_SQL_MAX), NULL);
    return ERR_OK;
}

/* What stands before the question in its SQL: SET halftone.accuracy = ... */
static enum err_code read_settings(struct request *q,
                                   const struct service_call *call,
                                   struct arena *a, struct err *err)
{
    struct service_call one = *call;
    struct reply_table ignored;
    bool shows;
    one.req = q;
    TRY(settle(&shows, &ignored, &one, a, err));
    if (shows)
        return refuse(err, REFUSAL_BATCH_SHOW, NOWHERE, NULL, NULL);
    *q = *one.req;
    return ERR_OK;
}

static bool is_named(const char *name)
{
    return name && name[0];
}

/* What a question does not say, the batch says for it. */
static enum err_code inherit(struct request *q, const struct service_call *call,
                             struct arena *a, struct err *err)
{
    const struct request *batch = call->req;
    const bool priced =
        batch->ask.kind == ASK_RHO || batch->ask.kind == ASK_EPSILON;
    const double level = q->ask.level;
    q->op = batch->op == REQUEST_ESTIMATE ? REQUEST_ESTIMATE : REQUEST_QUERY;
    q->now_us = batch->now_us;
    q->n_together = batch->n_queries;
    q->deadline_ns = batch->deadline_ns;
    if (!q->dataset[0])
        q->dataset = batch->dataset;
    if (!q->purpose[0])
        q->purpose = batch->purpose;
    if (!is_named(q->dashboard))
        q->dashboard = batch->dashboard;
    TRY(read_settings(q, call, a, err));
    if (strcmp(q->purpose, batch->purpose) != 0)
        return refuse(err, REFUSAL_BATCH_PURPOSE, NOWHERE, q->purpose,
                      batch->purpose);
    if (is_named(q->dashboard) &&
        (!batch->dashboard || strcmp(q->dashboard, batch->dashboard) != 0))
        return refuse(err, REFUSAL_BATCH_DASHBOARD, NOWHERE, q->dashboard,
                      batch->dashboard ? batch->dashboard : "");
    if (q->idempotency_key[0])
        return refuse(err, REFUSAL_BATCH_KEY, NOWHERE, NULL, NULL);
    if (q->ask.kind != ASK_DEFAULT && priced)
        return refuse(err, REFUSAL_BATCH_ASK, NOWHERE, NULL, NULL);
    if (q->ask.kind == ASK_DEFAULT && !priced) {
        q->ask = batch->ask;
        if (batch->ask.kind == ASK_DEFAULT)
            q->ask.level = level;
    }
    return ERR_OK;
}

static enum err_code plan_one(struct batch *b, size_t i,
                              const struct service_call *call, struct arena *a,
                              struct err *err)
{
    struct bundle_item *item = &b->items[i];
    struct service_call one = *call;
    one.req = item->req;
    TRY(question_plan(&item->question, &one, a, err));
    const struct policy *mine = item->question.dataset->policy;
    const struct policy *first = b->items[0].question.dataset->policy;
    if (mine != first)
        return refuse(err, REFUSAL_BATCH_DATASET, NOWHERE, mine->name,
                      first->name);
    return ERR_OK;
}

/* Does question j's release hold all that `wider` asks for? */
static bool holds(const struct batch *b, size_t j, const struct plan *wider)
{
    const struct plan *other = b->items[j].question.plan;
    if (!wider->series)
        return memcmp(other->release_hash, wider->release_hash,
                      LEDGER_HASH_LEN) == 0;
    for (size_t d = 0; d < wider->series->n_days; d++)
        if (!plan_series_shares(wider, d, other))
            return false;
    return true;
}

/* The best groups of what another question shows in full are read there: for
 * nothing, where a choice of their own would be paid. */
static void read_in_others(struct batch *b)
{
    for (size_t i = 0; i < b->n; i++) {
        struct question *q = &b->items[i].question;
        for (size_t j = 0; j < b->n && q->plan->wider; j++)
            if (j != i && holds(b, j, q->plan->wider))
                q->plan = q->plan->wider;
    }
}

static enum err_code plan_all(struct batch *b, const struct service_call *call,
                              struct arena *a, struct err *err)
{
    for (size_t i = 0; i < b->n; i++)
        if (plan_one(b, i, call, a, err) != ERR_OK)
            return blame(err, i, b->n);
    read_in_others(b);
    return ERR_OK;
}

/* The first question of the same release, however its answer is ordered. */
static size_t twin_of(const struct batch *b, size_t i)
{
    size_t j = 0;
    while (memcmp(b->items[j].question.plan->release_hash,
                  b->items[i].question.plan->release_hash,
                  LEDGER_HASH_LEN) != 0)
        j++;
    return j;
}

static void ask_units(struct request *q, enum dp_notion notion, uint64_t units)
{
    q->ask.kind = notion == DP_PURE ? ASK_EPSILON : ASK_RHO;
    /* Half a unit more, so that it does not fall to the one below. */
    q->ask.price = ((double)units + 0.5) * dp_notion_unit(notion);
}

/*
 * One price for the whole: planned once at even shares, for the weights, then
 * at those that are least wrong together.
 */
static enum err_code share_price(struct batch *b, struct request *queries,
                                 const struct service_call *call,
                                 struct arena *a, struct err *err)
{
    const struct request *req = call->req;
    const struct policy *policy;
    uint64_t total, shares[REQUEST_QUERIES_MAX] = { 0 };
    double weights[REQUEST_QUERIES_MAX] = { 0 };
    bool any = false;
    for (size_t i = 0; i < b->n; i++) {
        queries[i].ask.kind = req->ask.kind;
        queries[i].ask.price = req->ask.price / (double)b->n;
    }
    TRY(plan_all(b, call, a, err));
    policy = b->items[0].question.dataset->policy;
    TRY(plan_asked(&total, &req->ask, policy, err));
    for (size_t i = 0; i < b->n; i++) {
        const struct question *q = &b->items[i].question;
        if (twin_of(b, i) == i && !q->tree->explain)
            weights[i] = plan_weight(q->plan);
        any |= weights[i] > 0;
    }
    if (!any)
        return ERR_OK;
    /* At even shares each had a unit, so that the total has one for each. */
    if (dp_split_price(shares, weights, b->n, total, policy->notion,
                       DP_SPLIT_SQUARES) != DP_OK)
        return err_set(err, ERR_INTERNAL, "the price does not split");
    for (size_t i = 0; i < b->n; i++) {
        const uint64_t share = shares[twin_of(b, i)];
        ask_units(&queries[i], policy->notion, share ? share : total / b->n);
    }
    return plan_all(b, call, a, err);
}

enum err_code batch_plan(struct batch *out, struct service_call *call,
                         struct arena *a, struct err *err)
{
    const struct request *req = call->req;
    TRY(check_size(req, err));
    out->n = req->n_queries;
    out->items = ARENA_NEW_N(a, out->n, struct bundle_item);
    struct request *queries = ARENA_NEW_N(a, out->n, struct request);
    if (!out->items || !queries)
        return full(err);
    for (size_t i = 0; i < out->n; i++) {
        queries[i] = req->queries[i];
        if (inherit(&queries[i], call, a, err) != ERR_OK)
            return blame(err, i, out->n);
        out->items[i].req = &queries[i];
    }
    return req->ask.kind == ASK_RHO || req->ask.kind == ASK_EPSILON
               ? share_price(out, queries, call, a, err)
               : plan_all(out, call, a, err);
}
