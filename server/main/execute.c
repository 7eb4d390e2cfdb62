#include "server/main/execute.h"

#include "server/main/pages.h"
#include "server/main/slot.h"
#include "server/metrics/metrics.h"
#include "server/plan/mix.h"

struct run {
    struct service_call *call;
    const struct dataset *dataset;
    struct arena *arena;
};

static enum err_code full(struct err *err)
{
    return err_set(err, ERR_LIMIT, "the request needs too much memory");
}

static enum err_code run_statement(void *ctx, struct engine_result *out,
                                   const struct plan *plan, struct arena *a,
                                   struct err *err)
{
    const struct run *run = ctx;
    const struct service_call *call = run->call;
    metrics_add(&metrics.engine_runs_total, 1);
    if (run->dataset->consent)
        TRY(consent_follow(run->dataset->consent, err));
    return engine_run(run->dataset->engine, out, plan, call->service->secret,
                      call->stop, a, err);
}

/* Public groups are as many as the plan says, and it has room for them. */
static enum err_code release_public(struct plan_noisy *out, struct run *run,
                                    const struct plan *plan, struct err *err)
{
    struct engine_result exact = { 0 };
    struct engine_result *hists =
        ARENA_NEW_N(run->arena, plan->n_hists + 1, struct engine_result);
    if (!hists)
        return full(err);
    if (plan->n_measures > 0)
        TRY(run_statement(run, &exact, plan, run->arena, err));
    for (size_t h = 0; h < plan->n_hists; h++) {
        struct plan view;
        TRY(pages_hist(&view, plan, h, run->arena, err));
        TRY(run_statement(run, &hists[h], &view, run->arena, err));
    }
    return noise_release(out, plan, &exact, hists, run->call->rng, run->arena,
                         err);
}

static enum err_code run_release(struct plan_noisy *out, struct run *run,
                                 const struct plan *plan, struct err *err)
{
    const struct pages_run pages = { .statement = run_statement,
                                     .ctx = run,
                                     .rng = run->call->rng,
                                     .page_rows =
                                         run->call->service->page_rows };
    return plan->selects ? pages_release(out, &pages, plan, run->arena, err)
                         : release_public(out, run, plan, err);
}

/* An earlier release of a chain: executed, noised and finished. */
static enum err_code run_before(struct reply_table *out, struct run *run,
                                const struct plan *plan, struct err *err)
{
    struct plan_noisy noisy = { 0 };
    if (!plan->is_free)
        TRY(run_release(&noisy, run, plan, err));
    return plan_finish(out, plan, &noisy, run->arena, err);
}

/* The last release, or one of its grouping sets, over the answers before it. */
static enum err_code run_last(struct plan_noisy *out, struct run *run,
                              const struct plan *plan,
                              struct reply_table *tables, struct err *err)
{
    struct plan bound = *plan;
    if (!plan_runs(plan))
        return ERR_OK;
    if (plan->n_before > 0)
        TRY(plan_bind(&bound, plan, tables, run->arena, err));
    TRY(run_release(out, run, &bound, err));
    if (plan->n_amongs > 0)
        plan_keep_amongs(out, plan, tables);
    return ERR_OK;
}

/* A chain in turn, or grouping sets one by one; `out` has room for all. */
static enum err_code run_plan(struct plan_noisy *out, struct run *run,
                              const struct plan *plan, struct err *err)
{
    struct reply_table *tables =
        ARENA_NEW_N(run->arena, PLAN_CHAIN_MAX, struct reply_table);
    if (!tables)
        return full(err);
    /* The whole chain, under the one charge that paid for all of it.  What the
     * earlier releases tell leaves only inside the last one's answer. */
    for (size_t i = 0; i < plan->n_before; i++)
        TRY(run_before(&tables[i], run, plan->before[i], err));
    for (size_t i = 0; i < plan_releases(plan); i++)
        TRY(run_last(&out[i], run, plan_release(plan, i), tables, err));
    return ERR_OK;
}

/* The arms of a mix, which may be mixes. */
static enum err_code run_arms(struct plan_noisy *out, struct run *run,
                              const struct plan *plan, struct err *err)
{
    if (!plan->mix)
        return run_plan(out, run, plan, err);
    for (size_t i = 0; i < plan->mix->n_arms; i++) {
        const struct plan_arm *arm = &plan->mix->arms[i];
        if (!arm->is_twin && !arm->plan->is_free)
            TRY(run_arms(&out[arm->first], run, arm->plan, err));
    }
    return ERR_OK;
}

enum err_code execute_run(struct executed *out, struct service_call *call,
                          const struct dataset *dataset,
                          const struct plan *plan, struct arena *a,
                          struct err *err)
{
    struct run run = { call, dataset, a };
    out->noisy = ARENA_NEW_N(a, plan_releases(plan), struct plan_noisy);
    return out->noisy ? run_arms(out->noisy, &run, plan, err) : full(err);
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
