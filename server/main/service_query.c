/* QUERY: the stages of DESIGN's pipeline.  Declared in service.h. */
#include <math.h>
#include <string.h>

#include "server/base/log.h"
#include "server/main/bundle.h"
#include "server/main/cap.h"
#include "server/main/execute.h"
#include "server/main/leave.h"
#include "server/main/question.h"
#include "server/main/service_charge.h"
#include "server/main/settle.h"
#include "server/metrics/metrics.h"
#include "server/query/answer.h"
#include "server/query/lifecycle.h"

struct run {
    struct service_call *call;
    struct reply *reply;
    struct arena *arena;
    struct question question;
    struct ledger_run charge;
    struct executed executed;
    struct plan_noisy noisy;
};

static enum err_code full(struct err *err)
{
    return err_set(err, ERR_LIMIT, "the request needs too much memory");
}

static const struct policy *policy_of(const struct run *run)
{
    return run->question.dataset->policy;
}

/* ---- stored answers ---- */

/*
 * A retry of the request that paid: the same bytes, at the slot of the first
 * release, whatever policy says by now; but authorised as of now.
 */
static enum err_code serve_retry(struct run *run, struct answer *answer,
                                 struct err *err)
{
    struct service_call *call = run->call;
    const struct reply_receipt *receipt = &answer->table.receipt;
    const struct dataset *dataset;
    TRY(world_reread(&dataset, call->world, call->who, receipt->dataset,
                     receipt->purpose, err));
    run->question.dataset = dataset;
    run->reply->table = answer->table;
    call->expires_us = run->charge.expires_us;
    leave_as_first(run->call, policy_of(run), answer->table.release_slot_ns);
    return ERR_OK;
}

static void fill_receipt(struct run *run, struct reply_receipt *r)
{
    const struct plan *plan = run->question.plan;
    const struct ledger_run *charge = &run->charge;
    const struct ledger_hex id = ledger_id_hex(charge->id);
    *r = service_priced(plan->policy, charge->price, charge->left);
    r->query_id = arena_strdup(run->arena, id.text);
    r->purpose = plan->purpose->id;
    r->mechanism = plan->mechanism_text;
    r->policy_version = charge->policy_version;
    r->as_of_us = charge->charged_us;
    r->cached = charge->verdict == LEDGER_ANSWERED;
    r->max_groups = plan->l0;
    r->max_rows = plan->linf;
}

/* Post-processing of a release, by this request's own plan. */
static enum err_code finish(struct run *run, struct err *err)
{
    struct reply_table *table = &run->reply->table;
    TRY(plan_finish(table, run->question.plan, &run->noisy, run->arena, err));
    fill_receipt(run, &table->receipt);
    return table->receipt.query_id ? ERR_OK : full(err);
}

/* A stored answer of every group holds that of the first k: the plan of the
 * former reads it. */
static void read_wider(struct run *run)
{
    struct plan *wider = run->question.plan->wider;
    if (wider && memcmp(run->charge.release_hash, wider->release_hash,
                        sizeof run->charge.release_hash) == 0)
        run->question.plan = wider;
}

/* What was charged is pinned: another release may not be run or read on it. */
static bool is_pinned(const struct run *run)
{
    return memcmp(run->charge.release_hash, run->question.plan->release_hash,
                  sizeof run->charge.release_hash) == 0;
}

static enum err_code say_repinned(const struct run *run, struct err *err)
{
    const struct ledger_hex id = ledger_id_hex(run->charge.id);
    err_set(err, ERR_EXPIRED,
            "query %s was charged under an earlier policy or data version",
            id.text);
    return err_hint(err, "ask again with a new idempotency key");
}

/* The same release, paid earlier: post-processed anew, charged nothing. */
static enum err_code serve_release(struct run *run, const struct answer *answer,
                                   struct err *err)
{
    const struct plan *plan = run->question.plan;
    if (!is_pinned(run))
        return say_repinned(run, err);
    if (answer->n_keys != plan->n_keys ||
        answer->n_measures != plan_width(plan))
        return err_set(err, ERR_INTERNAL,
                       "the stored answer is of another shape");
    run->noisy = (struct plan_noisy){ .keys = answer->keys,
                                      .measures = answer->measures,
                                      .n_rows = answer->n_rows,
                                      .cut = answer->cut };
    TRY(finish(run, err));
    run->reply->table.release_slot_ns = answer->table.release_slot_ns;
    leave_as_first(run->call, policy_of(run), answer->table.release_slot_ns);
    return ERR_OK;
}

static enum err_code read_answer(struct answer **out, struct run *run,
                                 struct err *err)
{
    struct answer *answer = ARENA_NEW(run->arena, struct answer);
    if (!answer)
        return full(err);
    *out = answer;
    return answer_read(answer, run->charge.answer, run->charge.answer_len,
                       run->arena, err);
}

static enum err_code serve_stored(struct run *run, struct err *err)
{
    struct answer *answer;
    TRY(read_answer(&answer, run, err));
    if (answer_is_retry(answer, run->call->who->name, run->call->req))
        return serve_retry(run, answer, err);
    read_wider(run);
    return serve_release(run, answer, err);
}

/* A question that several releases answer: in stages of its own. */
static enum err_code answer_bundle(struct run *run, struct err *err)
{
    struct bundle_item *item = ARENA_NEW(run->arena, struct bundle_item);
    struct bundle b;
    if (!item)
        return full(err);
    *item = (struct bundle_item){ .req = run->call->req,
                                  .question = run->question };
    TRY(bundle_init(&b, run->call, item, 1, run->arena, err));
    return bundle_answer(&b, &run->reply->table, err);
}

/* The best of days that are all stored: read there, and free. */
static enum err_code answer_wider(bool *done, struct run *run, struct err *err)
{
    struct plan *narrow = run->question.plan, *wider = narrow->wider;
    struct bundle b;
    *done = false;
    if (!wider || !bundle_suits(wider))
        return ERR_OK;
    run->question.plan = wider;
    struct bundle_item item = { .req = run->call->req,
                                .question = run->question };
    TRY(bundle_init(&b, run->call, &item, 1, run->arena, err));
    TRY(bundle_cover(&b, err));
    *done = b.n_fresh == 0;
    if (*done)
        return answer_bundle(run, err);
    run->question.plan = narrow;
    return ERR_OK;
}

/* ---- stages ---- */

/* Should even this fail, the charge stays open, which counts as spent. */
static enum err_code close_missed(const struct run *run)
{
    struct err ignored;
    return ledger_miss(run->call->service->ledger, run->charge.id,
                       run->charge.fence, leave_wall_us(run->call), &ignored);
}

static enum err_code stage_plan(struct lifecycle *q, struct err *err)
{
    struct run *run = q->ctx;
    const struct request *req = run->call->req;
    if (req->idempotency_key[0]) {
        TRY(ledger_find(run->call->service->ledger, &run->charge,
                        run->call->who->name, req->idempotency_key, req->hash,
                        run->arena, err));
        if (run->charge.verdict == LEDGER_ANSWERED) {
            struct answer *answer;
            TRY(read_answer(&answer, run, err));
            if (answer_is_retry(answer, run->call->who->name, req)) {
                lifecycle_skip(q, QUERY_REPLIED);
                return serve_retry(run, answer, err);
            }
        }
    }
    bool shows = false;
    TRY(settle(&shows, &run->reply->table, run->call, run->arena, err));
    if (shows) {
        lifecycle_skip(q, QUERY_REPLIED);
        return ERR_OK;
    }
    TRY(question_plan(&run->question, run->call, run->arena, err));
    const struct plan *plan = run->question.plan;
    const bool is_paid = !plan->is_free && !run->question.tree->explain;
    if (is_paid && bundle_suits(plan)) {
        lifecycle_skip(q, QUERY_REPLIED);
        return answer_bundle(run, err);
    }
    bool done = false;
    if (is_paid)
        TRY(answer_wider(&done, run, err));
    if (done)
        lifecycle_skip(q, QUERY_REPLIED);
    if (is_paid)
        return ERR_OK;

    /* EXPLAIN (PRIVACY), or an answer that is public: nothing to charge. */
    lifecycle_skip(q, QUERY_REPLIED);
    return run->question.tree->explain
               ? service_explain(run->call, run->reply, &run->question,
                                 run->arena, err)
               : plan_finish(&run->reply->table, plan, &run->noisy, run->arena,
                             err);
}

static enum err_code stage_charge(struct lifecycle *q, struct err *err)
{
    struct run *run = q->ctx;
    const struct plan *plan = run->question.plan;
    const struct policy *policy = plan->policy;
    const struct request *req = run->call->req;
    const char *who = run->call->who->name;
    struct ledger_charge_args args;
    TRY(service_charge_args(&args, run->call, policy, plan->release_hash,
                            plan->price, run->arena, err));
    struct cap cap;
    TRY(cap_charge(&args, &cap, &run->question.segments, 1, run->call, policy,
                   run->arena, err));
    args.wider_hash = plan->wider ? plan->wider->release_hash : NULL;
    /* A client that went before the charge pays nothing. */
    if (atomic_load(run->call->gone))
        return err_set(err, ERR_CANCELLED, "the caller cancelled");
    const enum err_code code =
        ledger_wait(run->call->service->ledger, &run->charge, &args,
                    req->deadline_ns, run->arena, err);
    if (code == ERR_MISS) /* of another run, maybe of just now */
        (void)leave_at_slot(run->call, policy_of(run), 0);
    if (code != ERR_OK)
        return code;
    if (run->charge.verdict == LEDGER_CAPPED)
        return cap_refuse(&cap, &run->charge, policy, err);
    if (run->charge.verdict == LEDGER_ANSWERED) {
        lifecycle_skip(q, QUERY_REPLIED);
        return serve_stored(run, err);
    }
    /* A lapsed run of this charge was taken over: it stays what it was. */
    if (!is_pinned(run)) {
        const enum err_code closed = close_missed(run);
        (void)closed;
        return say_repinned(run, err);
    }
    const struct ledger_hex id = ledger_id_hex(run->charge.id);
    log_event(LOG_QUERY_CHARGED,
              (struct log_fields){ .query = id.text,
                                   .principal = who,
                                   .dataset = policy->name });
    return ERR_OK;
}

/* A later run is at it: what that stores is the answer. */
static enum err_code store(struct run *run, const uint8_t **bytes, size_t *len,
                           struct err *err)
{
    struct ledger *l = run->call->service->ledger;
    const struct ledger_run *charge = &run->charge;
    enum err_code code;
    while ((code = ledger_answer(l, charge->id, charge->fence,
                                 leave_wall_us(run->call), bytes, len,
                                 run->arena, err)) == ERR_UNAVAILABLE)
        TRY(ledger_wait_later(l, charge->id, charge->fence,
                              run->call->req->deadline_ns, err));
    return code;
}

/*
 * Store these bytes as the answer, or serve the one of a run that was first, or
 * that took the charge over: ours is forgotten then.  ERR_UNAVAILABLE: that run
 * is gone, too.
 */
static enum err_code store_or_serve(struct run *run, const uint8_t *bytes,
                                    size_t len, struct err *err)
{
    const uint8_t *mine = bytes;
    TRY(store(run, &bytes, &len, err));
    if (bytes == mine)
        return ERR_OK;
    run->charge.answer = bytes;
    run->charge.answer_len = len;
    return serve_stored(run, err);
}

/*
 * The charge stays and no answer will come: one visible bit, counted.  Unless
 * the charge is another run's by now: then that this one failed must not be
 * seen, and the caller hears what he would have heard had it not.
 */
static enum err_code miss(struct lifecycle *q, struct err *err)
{
    struct run *run = q->ctx;
    static const uint8_t nothing[1];
    (void)leave_at_slot(run->call, policy_of(run), LEAVE_STORE_NS);
    if (close_missed(run) == ERR_UNAVAILABLE) {
        TRY(store_or_serve(run, nothing, 0, err)); /* never stored */
        lifecycle_skip(q, QUERY_STORED);
        return ERR_OK;
    }
    leave_on_time(run->call, policy_of(run));
    const struct ledger_hex id = ledger_id_hex(run->charge.id);
    log_event(
        LOG_QUERY_MISS,
        (struct log_fields){ .query = id.text,
                             .dataset = run->question.dataset->policy->name });
    err_set(err, ERR_MISS, "query %s was charged and gave no answer", id.text);
    return err_hint(err, "misses are counted; ask the steward when they recur");
}

static enum err_code stage_execute(struct lifecycle *q, struct err *err)
{
    struct run *run = q->ctx;
    execute_limit(run->call, policy_of(run));
    /* From here on the charge stays, whatever happens. */
    if (execute_run(&run->executed, run->call, run->question.dataset,
                    run->question.plan, run->arena, err) != ERR_OK)
        return miss(q, err);
    return ERR_OK;
}

static enum err_code stage_noise(struct lifecycle *q, struct err *err)
{
    struct run *run = q->ctx;
    if (plan_gather(&run->noisy, run->question.plan, run->executed.noisy,
                    run->arena, err) != ERR_OK ||
        finish(run, err) != ERR_OK ||
        leave_is_late(run->call, policy_of(run), LEAVE_STORE_NS))
        return miss(q, err);
    return ERR_OK;
}

static enum err_code stage_store(struct lifecycle *q, struct err *err)
{
    struct run *run = q->ctx;
    const struct plan *plan = run->question.plan;
    const struct request *req = run->call->req;
    run->reply->table.release_slot_ns =
        (int64_t)leave_at_slot(run->call, policy_of(run), LEAVE_STORE_NS);
    struct answer answer = {
        .principal = run->call->who->name,
        .idempotency_key = req->idempotency_key,
        .n_keys = plan->n_keys,
        .n_measures = plan_width(plan),
        .n_rows = run->noisy.n_rows,
        .cut = run->noisy.cut,
        .keys = run->noisy.keys,
        .measures = run->noisy.measures,
        .table = run->reply->table,
    };
    memcpy(answer.request_hash, req->hash, sizeof answer.request_hash);

    const uint8_t *bytes;
    size_t len;
    if (answer_pack(&bytes, &len, &answer, run->arena, err) != ERR_OK)
        return miss(q, err);
    const enum err_code stored = store_or_serve(run, bytes, len, err);
    /* Nothing was written, and the charge stays. */
    return stored == ERR_LIMIT ? miss(q, err) : stored;
}

static enum err_code stage_reply(struct lifecycle *q, struct err *err)
{
    struct run *run = q->ctx;
    (void)err;
    leave_on_time(run->call, policy_of(run));
    return ERR_OK;
}

enum err_code service_query(struct service_call *call, struct reply *out,
                            struct arena *a, struct err *err)
{
    static lifecycle_stage_fn *const STAGES[QUERY_STAGES] = {
        [QUERY_RECEIVED] = stage_plan,   [QUERY_PLANNED] = stage_charge,
        [QUERY_CHARGED] = stage_execute, [QUERY_EXECUTED] = stage_noise,
        [QUERY_NOISED] = stage_store,    [QUERY_STORED] = stage_reply,
    };
    struct run run = { .call = call, .reply = out, .arena = a };
    struct lifecycle q = { .stage = STAGES, .ctx = &run };
    const enum err_code code = lifecycle_run(&q, err);
    if (code != ERR_OK && code != ERR_MISS)
        log_event(LOG_QUERY_REFUSED,
                  (struct log_fields){ .principal = call->who->name,
                                       .dataset = call->req->dataset,
                                       .error = code });
    if (code == ERR_OK && out->table.level == 0)
        out->table.level = call->req->ask.level;
    return code;
}
