/* QUERY: the stages of DESIGN's pipeline.  Declared in service.h. */
#include <math.h>
#include <string.h>

#include "server/base/log.h"
#include "server/main/noise.h"
#include "server/main/question.h"
#include "server/main/slot.h"
#include "server/metrics/metrics.h"
#include "server/query/answer.h"
#include "server/query/lifecycle.h"

/* Stored answers stay readable this long for the retry of who paid. */
enum { KEEP_S = 7 * 86400 };

/* What a commit takes on a disk that is well. */
enum { STORE_NS = 10 * 1000 * 1000, NS_PER_US = 1000 };

/* What the engine found for one release. */
struct release {
    struct engine_result exact;
    struct engine_result *hists; /* n_hists */
};

struct run {
    struct service_call *call;
    struct reply *reply;
    struct arena *arena;
    struct question question;
    struct ledger_run charge;
    struct release *releases; /* plan_releases() */
    struct plan_noisy noisy;
};

static enum err_code full(struct err *err)
{
    return err_set(err, ERR_LIMIT, "the request needs too much memory");
}

/* From when slots count: strict ones from when the worker began. */
static uint64_t slots_from_ns(const struct run *run)
{
    return run->question.dataset->policy->slot_strict_ns > 0
               ? run->call->started_ns
               : run->call->received_ns;
}

static uint64_t elapsed_ns(const struct run *run)
{
    return clock_mono_ns(run->call->service->clock) - slots_from_ns(run);
}

/* From here on the time of leaving could depend on data: take a slot.  What is
 * to be done before, writing to the ledger, has `work_ns`. */
static uint64_t take_slot(struct run *run, uint64_t work_ns)
{
    const uint64_t slot =
        slot_after(run->question.dataset->policy, elapsed_ns(run) + work_ns);
    run->call->leave_ns = slot ? slots_from_ns(run) + slot : 0;
    run->call->holds = run->question.dataset->policy->slot_strict_ns > 0;
    return slot;
}

/* The work took longer, and the slot has passed: the next one. */
static void keep_slot(struct run *run)
{
    if (clock_mono_ns(run->call->service->clock) > run->call->leave_ns)
        (void)take_slot(run, 0);
}

/* Wall time of leaving, for the ledger to show the charge by; 0 = at once. */
static int64_t release_us(const struct run *run)
{
    struct clock *clock = run->call->service->clock;
    const uint64_t now_ns = clock_mono_ns(clock);
    if (run->call->leave_ns <= now_ns)
        return 0;
    return clock_wall_us(clock) +
           (int64_t)((run->call->leave_ns - now_ns) / NS_PER_US) + 1;
}

/* ---- stored answers ---- */

/* At the slot of the first release; in strict mode all slots are one. */
static void leave_as_first(struct run *run, const struct answer *answer)
{
    struct service_call *call = run->call;
    if (run->question.dataset->policy->slot_strict_ns > 0)
        (void)take_slot(run, 0);
    else if (answer->table.release_slot_ns > 0)
        call->leave_ns =
            call->received_ns + (uint64_t)answer->table.release_slot_ns;
}

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
    TRY(world_dataset(&dataset, call->world, call->who, receipt->dataset, err));
    if (!auth_may_purpose(call->who, receipt->purpose))
        return err_set(err, ERR_NOT_FOUND,
                       "there is no purpose '%.63s' that you may use",
                       receipt->purpose);
    run->question.dataset = dataset;
    run->reply->table = answer->table;
    call->expires_us = run->charge.expires_us;
    leave_as_first(run, answer);
    return ERR_OK;
}

static void fill_receipt(struct run *run, struct reply_receipt *r)
{
    const struct plan *plan = run->question.plan;
    const struct policy *policy = plan->policy;
    const struct ledger_run *charge = &run->charge;
    const struct policy_shown shown = policy_shown_of(policy, charge->price);
    const struct ledger_hex id = ledger_id_hex(charge->id);
    *r = (struct reply_receipt){
        .query_id = arena_strdup(run->arena, id.text),
        .dataset = policy->name,
        .purpose = plan->purpose->id,
        .mechanism = plan->mechanism_text,
        .policy_version = charge->policy_version,
        .as_of_us = charge->charged_us,
        .rho_pico = charge->price.rho_pico,
        .eps_nano = charge->price.eps_nano,
        .delta_atto = charge->price.delta_atto,
        .epsilon = shown.epsilon,
        .shown_delta = shown.delta,
        .remaining_rho_pico = charge->left.rho_pico,
        .remaining_eps_nano = charge->left.eps_nano,
        .pure = policy->notion == DP_PURE,
        .cached = charge->verdict == LEDGER_ANSWERED,
        .max_groups = plan->l0,
        .max_rows = plan->linf,
    };
}

/* Post-processing of a release, by this request's own plan. */
static enum err_code finish(struct run *run, struct err *err)
{
    struct reply_table *table = &run->reply->table;
    TRY(plan_finish(table, run->question.plan, &run->noisy, run->arena, err));
    fill_receipt(run, &table->receipt);
    return table->receipt.query_id ? ERR_OK : full(err);
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
                                      .n_rows = answer->n_rows };
    TRY(finish(run, err));
    run->reply->table.release_slot_ns = answer->table.release_slot_ns;
    leave_as_first(run, answer);
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
    return serve_release(run, answer, err);
}

/* ---- stages ---- */

/* Should even this fail, the charge stays open, which counts as spent. */
static void close_missed(const struct run *run)
{
    struct err ignored;
    const enum err_code closed =
        ledger_miss(run->call->service->ledger, run->charge.id,
                    run->charge.fence, release_us(run), &ignored);
    (void)closed;
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
    TRY(question_plan(&run->question, run->call, run->arena, err));
    const struct plan *plan = run->question.plan;
    if (!plan->is_free && !run->question.tree->explain)
        return ERR_OK;

    /* EXPLAIN (PRIVACY), or an answer that is public: nothing to charge. */
    lifecycle_skip(q, QUERY_REPLIED);
    return run->question.tree->explain
               ? service_explain(run->call, run->reply, plan, run->arena, err)
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
    struct service_accounts accounts;
    TRY(service_accounts_of(&accounts, policy, who, req->purpose, run->arena,
                            err));
    const uint64_t keep_s =
        policy->reuse_for_s > KEEP_S ? policy->reuse_for_s : KEEP_S;
    const struct ledger_charge_args args = {
        .principal = who,
        .dataset = policy->id,
        .purpose = req->purpose,
        .idempotency_key = req->idempotency_key,
        .request_hash = req->hash,
        .release_hash = plan->release_hash,
        .price = plan->price,
        .accounts = accounts.spec,
        .n_accounts = accounts.n,
        .policy_version = policy->version,
        .reuse_for_s = policy->reuse_for_s,
        .keep_s = keep_s,
        .max_misses = policy->max_misses,
        .max_misses_day = policy->max_misses_day,
    };
    /* A client that went before the charge pays nothing. */
    if (atomic_load(run->call->gone))
        return err_set(err, ERR_CANCELLED, "the caller cancelled");
    const enum err_code code =
        ledger_wait(run->call->service->ledger, &run->charge, &args,
                    req->deadline_ns, run->arena, err);
    if (code == ERR_MISS) /* of another run, maybe of just now */
        (void)take_slot(run, 0);
    if (code != ERR_OK)
        return code;
    if (run->charge.verdict == LEDGER_ANSWERED) {
        lifecycle_skip(q, QUERY_REPLIED);
        return serve_stored(run, err);
    }
    /* A lapsed run of this charge was taken over: it stays what it was. */
    if (!is_pinned(run)) {
        close_missed(run);
        return say_repinned(run, err);
    }
    const struct ledger_hex id = ledger_id_hex(run->charge.id);
    log_event(LOG_QUERY_CHARGED,
              (struct log_fields){ .query = id.text,
                                   .principal = who,
                                   .dataset = policy->name });
    return ERR_OK;
}

/* The charge stays and no answer will come: one visible bit, counted. */
static enum err_code miss(struct run *run, struct err *err)
{
    (void)take_slot(run, STORE_NS);
    close_missed(run);
    keep_slot(run);
    const struct ledger_hex id = ledger_id_hex(run->charge.id);
    log_event(
        LOG_QUERY_MISS,
        (struct log_fields){ .query = id.text,
                             .dataset = run->question.dataset->policy->name });
    err_set(err, ERR_MISS, "query %s was charged and gave no answer", id.text);
    return err_hint(err, "misses are counted; ask the steward when they recur");
}

static enum err_code run_statement(struct engine_result *out, struct run *run,
                                   const struct plan *plan, struct err *err)
{
    const struct service_call *call = run->call;
    return engine_run(run->question.dataset->engine, out, plan,
                      call->service->secret, call->stop, run->arena, err);
}

/* A histogram is a statement with the bucket as one key more. */
static enum err_code run_hists(struct release *r, struct run *run,
                               const struct plan *plan, struct err *err)
{
    struct plan view = *plan;
    r->hists = ARENA_NEW_N(run->arena, plan->n_hists + 1, struct engine_result);
    view.keys = ARENA_NEW_N(run->arena, plan->n_keys + 1, struct plan_key);
    if (!r->hists || !view.keys)
        return full(err);
    if (plan->n_keys > 0)
        memcpy(view.keys, plan->keys, plan->n_keys * sizeof *view.keys);
    view.keys[view.n_keys++] =
        (struct plan_key){ .name = "bucket", .type = VALUE_INT };
    view.n_measures = 1;
    for (size_t h = 0; h < plan->n_hists; h++) {
        view.sql = plan->hists[h].sql;
        view.keyed = plan->hists[h].keyed;
        TRY(run_statement(&r->hists[h], run, &view, err));
    }
    return ERR_OK;
}

static enum err_code run_release(struct release *r, struct run *run,
                                 const struct plan *plan, struct err *err)
{
    if (plan->n_measures > 0)
        TRY(run_statement(&r->exact, run, plan, err));
    return run_hists(r, run, plan, err);
}

/* An earlier release of a chain: executed, noised and finished. */
static enum err_code run_before(struct reply_table *out, struct run *run,
                                const struct plan *plan, struct err *err)
{
    struct release r = { 0 };
    struct plan_noisy noisy = { 0 };
    if (!plan->is_free) {
        TRY(run_release(&r, run, plan, err));
        TRY(noise_release(&noisy, plan, &r.exact, r.hists, run->call->rng,
                          run->arena, err));
    }
    return plan_finish(out, plan, &noisy, run->arena, err);
}

/*
 * The whole chain, under the one charge that paid for all of it.  What the
 * earlier releases tell leaves only inside the last one's answer.
 */
static enum err_code run_chain(struct run *run, struct err *err)
{
    const struct plan *plan = run->question.plan;
    struct reply_table tables[PLAN_CHAIN_MAX] = { { 0 } };
    struct plan bound = *plan;
    for (size_t i = 0; i < plan->n_before; i++)
        TRY(run_before(&tables[i], run, plan->before[i], err));
    if (plan->n_before > 0)
        TRY(plan_bind(&bound, plan, tables, run->arena, err));
    return run_release(&run->releases[0], run, &bound, err);
}

/* A chain, or grouping sets one by one. */
static enum err_code run_all(struct run *run, struct err *err)
{
    const struct plan *plan = run->question.plan;
    run->releases =
        ARENA_NEW_N(run->arena, plan_releases(plan), struct release);
    if (!run->releases)
        return full(err);
    if (plan->n_parts == 0)
        return run_chain(run, err);
    for (size_t i = 0; i < plan->n_parts; i++)
        if (!plan->parts[i]->is_free)
            TRY(run_release(&run->releases[i], run, plan->parts[i], err));
    return ERR_OK;
}

static enum err_code stage_execute(struct lifecycle *q, struct err *err)
{
    struct run *run = q->ctx;
    struct service_call *call = run->call;
    const struct policy *policy = run->question.plan->policy;
    const uint64_t most_ns = slot_engine_ns(policy);
    if (most_ns > 0)
        call->limit_run(call->limit_ctx,
                        policy->slot_strict_ns > 0
                            ? call->started_ns + most_ns
                            : clock_mono_ns(call->service->clock) + most_ns);
    /* From here on the charge stays, whatever happens. */
    if (run_all(run, err) != ERR_OK)
        return miss(run, err);
    return ERR_OK;
}

static enum err_code noise_all(struct run *run, struct err *err)
{
    const struct plan *plan = run->question.plan;
    const size_t n = plan_releases(plan);
    struct plan_noisy *each = ARENA_NEW_N(run->arena, n, struct plan_noisy);
    if (!each)
        return full(err);
    for (size_t i = 0; i < n; i++) {
        const struct plan *part = plan_release(plan, i);
        if (!part->is_free)
            TRY(noise_release(&each[i], part, &run->releases[i].exact,
                              run->releases[i].hists, run->call->rng,
                              run->arena, err));
    }
    return plan_gather(&run->noisy, plan, each, run->arena, err);
}

static enum err_code stage_noise(struct lifecycle *q, struct err *err)
{
    struct run *run = q->ctx;
    if (noise_all(run, err) != ERR_OK || finish(run, err) != ERR_OK)
        return miss(run, err);
    return ERR_OK;
}

/* Print the answer; two passes, since its length is not known before. */
static enum err_code print_answer(const uint8_t **bytes, size_t *len,
                                  const struct answer *answer, struct arena *a,
                                  struct err *err)
{
    struct writer measure = writer_of(NULL, 0);
    answer_write(&measure, answer);
    uint8_t *data = arena_alloc(a, measure.need, 1);
    if (!data)
        return full(err);
    struct writer w = writer_of(data, measure.need);
    answer_write(&w, answer);
    *bytes = data;
    *len = w.len;
    return w.overflow ? full(err) : ERR_OK;
}

static enum err_code stage_store(struct lifecycle *q, struct err *err)
{
    struct run *run = q->ctx;
    const struct plan *plan = run->question.plan;
    const struct request *req = run->call->req;
    run->reply->table.release_slot_ns = (int64_t)take_slot(run, STORE_NS);
    struct answer answer = {
        .principal = run->call->who->name,
        .idempotency_key = req->idempotency_key,
        .n_keys = plan->n_keys,
        .n_measures = plan_width(plan),
        .n_rows = run->noisy.n_rows,
        .keys = run->noisy.keys,
        .measures = run->noisy.measures,
        .table = run->reply->table,
    };
    memcpy(answer.request_hash, req->hash, sizeof answer.request_hash);

    const uint8_t *bytes, *mine;
    size_t len;
    if (print_answer(&bytes, &len, &answer, run->arena, err) != ERR_OK)
        return miss(run, err);
    mine = bytes;
    TRY(ledger_answer(run->call->service->ledger, run->charge.id,
                      run->charge.fence, release_us(run), &bytes, &len,
                      run->arena, err));
    if (bytes == mine)
        return ERR_OK;
    /* Another run was first: its answer is the answer, ours is forgotten. */
    run->charge.answer = bytes;
    run->charge.answer_len = len;
    return serve_stored(run, err);
}

static enum err_code stage_reply(struct lifecycle *q, struct err *err)
{
    struct run *run = q->ctx;
    (void)err;
    keep_slot(run);
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
