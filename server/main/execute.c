#include "server/main/execute.h"

#include <string.h>

#include "server/main/noise.h"
#include "server/main/slot.h"

/* What the engine found for one release. */
struct execute_release {
    struct engine_result exact;
    struct engine_result *hists; /* n_hists */
    struct reply_table *before;  /* answers of earlier releases */
};

struct run {
    struct service_call *call;
    const struct dataset *dataset;
    struct arena *arena;
};

static enum err_code full(struct err *err)
{
    return err_set(err, ERR_LIMIT, "the request needs too much memory");
}

static enum err_code run_statement(struct engine_result *out, struct run *run,
                                   const struct plan *plan, struct err *err)
{
    const struct service_call *call = run->call;
    return engine_run(run->dataset->engine, out, plan, call->service->secret,
                      call->stop, run->arena, err);
}

/* A histogram is a statement with the bucket as one key more. */
static enum err_code run_hists(struct execute_release *r, struct run *run,
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

static enum err_code run_release(struct execute_release *r, struct run *run,
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
    struct execute_release r = { 0 };
    struct plan_noisy noisy = { 0 };
    if (!plan->is_free) {
        TRY(run_release(&r, run, plan, err));
        TRY(noise_release(&noisy, plan, &r.exact, r.hists, run->call->rng,
                          run->arena, err));
    }
    return plan_finish(out, plan, &noisy, run->arena, err);
}

/* The last release, or one of its grouping sets, over the answers before it. */
static enum err_code run_last(struct execute_release *out, struct run *run,
                              const struct plan *plan,
                              struct reply_table *tables, struct err *err)
{
    struct plan bound = *plan;
    if (!plan_runs(plan))
        return ERR_OK;
    if (plan->n_before > 0)
        TRY(plan_bind(&bound, plan, tables, run->arena, err));
    out->before = tables;
    return run_release(out, run, &bound, err);
}

enum err_code execute_run(struct executed *out, struct service_call *call,
                          const struct dataset *dataset,
                          const struct plan *plan, struct arena *a,
                          struct err *err)
{
    struct run run = { call, dataset, a };
    struct reply_table *tables =
        ARENA_NEW_N(a, PLAN_CHAIN_MAX, struct reply_table);
    out->releases = ARENA_NEW_N(a, plan_releases(plan), struct execute_release);
    if (!out->releases || !tables)
        return full(err);
    /* The whole chain, under the one charge that paid for all of it.  What the
     * earlier releases tell leaves only inside the last one's answer. */
    for (size_t i = 0; i < plan->n_before; i++)
        TRY(run_before(&tables[i], &run, plan->before[i], err));
    for (size_t i = 0; i < plan_releases(plan); i++)
        TRY(run_last(&out->releases[i], &run, plan_release(plan, i), tables,
                     err));
    return ERR_OK;
}

enum err_code execute_noise(struct plan_noisy *out, const struct executed *x,
                            struct service_call *call, const struct plan *plan,
                            struct arena *a, struct err *err)
{
    const size_t n = plan_releases(plan);
    struct plan_noisy *each = ARENA_NEW_N(a, n, struct plan_noisy);
    if (!each)
        return full(err);
    for (size_t i = 0; i < n; i++) {
        const struct plan *part = plan_release(plan, i);
        if (plan_runs(part))
            TRY(noise_release(&each[i], part, &x->releases[i].exact,
                              x->releases[i].hists, call->rng, a, err));
        if (part->n_amongs > 0 && x->releases[i].before)
            plan_keep_amongs(&each[i], part, x->releases[i].before);
    }
    return plan_gather(out, plan, each, a, err);
}

void execute_limit(struct service_call *call, const struct policy *policy)
{
    const uint64_t most_ns = slot_engine_ns(policy);
    if (most_ns > 0)
        call->limit_run(call->limit_ctx,
                        policy->slot_strict_ns > 0
                            ? call->started_ns + most_ns
                            : clock_mono_ns(call->service->clock) + most_ns);
}
