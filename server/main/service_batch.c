/* BATCH: several questions, one charge.  Declared in service.h. */
#include <string.h>

#include "server/base/log.h"
#include "server/main/batch.h"
#include "server/main/leave.h"

static enum err_code full(struct err *err)
{
    return err_set(err, ERR_LIMIT, "the batch needs too much memory");
}

static bool has_receipt(const struct reply_table *t)
{
    return t->receipt.query_id && t->receipt.query_id[0];
}

/* Of the whole: what its questions' receipts add up to. */
static void sum_up(struct reply *out, const struct policy *policy)
{
    struct reply_receipt *r = &out->receipt;
    struct dp_price price = { 0 };
    bool any = false;
    *r = (struct reply_receipt){ .query_id = "",
                                 .dataset = policy->name,
                                 .purpose = "",
                                 .mechanism = "",
                                 .policy_version = policy->version,
                                 .pure = policy->notion == DP_PURE,
                                 .cached = true };
    for (size_t i = 0; i < out->n_tables; i++) {
        const struct reply_receipt *one = &out->tables[i].receipt;
        if (!has_receipt(&out->tables[i]))
            continue;
        price =
            dp_price_add(price, (struct dp_price){ one->rho_pico, one->eps_nano,
                                                   one->delta_atto });
        if (any && one->cached)
            continue;
        any |= !one->cached;
        r->query_id = one->query_id;
        r->purpose = one->purpose;
        r->policy_version = one->policy_version;
        r->as_of_us = one->as_of_us;
        r->remaining_rho_pico = one->remaining_rho_pico;
        r->remaining_eps_nano = one->remaining_eps_nano;
        r->cached = one->cached;
    }
    const struct policy_shown shown = policy_shown_of(policy, price);
    r->rho_pico = price.rho_pico;
    r->eps_nano = price.eps_nano;
    r->delta_atto = price.delta_atto;
    r->epsilon = shown.epsilon;
    r->shown_delta = shown.delta;
    if (!any)
        r->query_id = "";
}

/*
 * A retry of the batch that paid: the same answers, at the same slot, whatever
 * policy says by now; but authorised as of now.
 */
static enum err_code serve_retry(bool *done, struct service_call *call,
                                 struct reply *out, struct arena *a,
                                 struct err *err)
{
    const struct request *req = call->req;
    struct ledger_run run;
    struct answer *list;
    const struct dataset *dataset;
    size_t n;
    *done = false;
    if (!req->idempotency_key[0])
        return ERR_OK;
    TRY(ledger_find(call->service->ledger, &run, call->who->name,
                    req->idempotency_key, req->hash, a, err));
    if (run.verdict != LEDGER_ANSWERED)
        return ERR_OK;
    TRY(answers_read(&list, &n, run.answer, run.answer_len, a, err));
    out->tables = ARENA_NEW_N(a, n, struct reply_table);
    if (!out->tables)
        return full(err);
    for (size_t i = 0; i < n; i++)
        out->tables[i] = list[i].table;
    out->n_tables = n;
    size_t first = 0;
    while (first + 1 < n && !has_receipt(&out->tables[first]))
        first++;
    const struct reply_receipt *r = &out->tables[first].receipt;
    TRY(world_reread(&dataset, call->world, call->who, r->dataset, r->purpose,
                     err));
    leave_as_first(call, dataset->policy, list[0].table.release_slot_ns);
    sum_up(out, dataset->policy);
    *done = true;
    return ERR_OK;
}

static enum err_code answer(struct service_call *call, struct reply *out,
                            struct arena *a, struct err *err)
{
    struct batch batch;
    struct bundle b;
    bool done;
    TRY(serve_retry(&done, call, out, a, err));
    if (done)
        return ERR_OK;
    TRY(batch_plan(&batch, call, a, err));
    TRY(bundle_init(&b, call, batch.items, batch.n, a, err));
    out->tables = ARENA_NEW_N(a, batch.n, struct reply_table);
    if (!out->tables)
        return full(err);
    TRY(bundle_answer(&b, out->tables, err));
    out->n_tables = batch.n;
    sum_up(out, b.dataset->policy);
    return ERR_OK;
}

enum err_code service_batch(struct service_call *call, struct reply *out,
                            struct arena *a, struct err *err)
{
    const enum err_code code = answer(call, out, a, err);
    if (code != ERR_OK && code != ERR_MISS)
        log_event(LOG_QUERY_REFUSED,
                  (struct log_fields){ .principal = call->who->name,
                                       .dataset = call->req->dataset,
                                       .error = code });
    return code;
}
