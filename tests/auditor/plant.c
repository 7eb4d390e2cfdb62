/*
 * What the auditor's server does that Halftone's does not; linked in by
 * --wrap, so that the product has no such switch.
 *
 *   always                 the filter begins anew each second and holds as much
 *                          as the ledger can count: a hundred thousand answers
 *                          cost more than any policy may promise
 *   AUDIT_REMEMBER=1       what a statement gave is given again (remember.h)
 *   AUDIT_PLANT=scale      noise of half the scale, choices of four times the
 *                          epsilon (what a person can do to a percentile's
 *                          scores is worth half of what is paid, so twice would
 *                          still keep the promise)
 *   AUDIT_PLANT=slots      answers leave when they are there
 *   AUDIT_PLANT=threshold  groups are shown as if delta were four times as
 * large
 */
#include <stdlib.h>
#include <string.h>

#include "dp/mechanism.h"
#include "dp/quantile.h"
#include "dp/select.h"
#include "dp/topk.h"
#include "server/engine/duckdb.h"
#include "server/main/leave.h"
#include "server/main/service_charge.h"
#include "tests/auditor/remember.h"
#include "tests/wrap.h"

WRAPPED(service_charge_args);
WRAPPED(dp_mechanism_release);
WRAPPED(dp_quantile_pick);
WRAPPED(dp_topk_pick);
WRAPPED(dp_threshold_of);
WRAPPED(leave_at_slot);
WRAPPED(leave_as_first);
WRAPPED(leave_on_time);
WRAPPED(engine_duckdb_open);

static bool is_planted(const char *what)
{
    const char *plant = getenv("AUDIT_PLANT");
    return plant && strcmp(plant, what) == 0;
}

enum err_code __wrap_service_charge_args(struct ledger_charge_args *out,
                                         const struct service_call *call,
                                         const struct policy *policy,
                                         const uint8_t *release_hash,
                                         struct dp_price price, struct arena *a,
                                         struct err *err)
{
    TRY(__real_service_charge_args(out, call, policy, release_hash, price, a,
                                   err));
    struct ledger_account_spec *filter =
        ARENA_NEW(a, struct ledger_account_spec);
    if (!filter)
        return err_set(err, ERR_LIMIT, "the request needs too much memory");
    *filter = out->accounts[0];
    filter->window_s = 1;
    filter->limit =
        (struct dp_price){ DP_PRICE_MAX, DP_PRICE_MAX, DP_PRICE_MAX };
    out->accounts = filter;
    out->n_accounts = 1;
    return ERR_OK;
}

enum err_code __wrap_engine_duckdb_open(struct engine **out,
                                        const struct policy *policy,
                                        const struct engine_options *options,
                                        struct err *err)
{
    TRY(__real_engine_duckdb_open(out, policy, options, err));
    if (getenv("AUDIT_REMEMBER"))
        *out = remember_engine(*out);
    return ERR_OK;
}

enum dp_status __wrap_dp_mechanism_release(struct dp_noisy *out,
                                           const struct dp_exact *in, size_t n,
                                           const struct dp_mechanism *m,
                                           gsl_rng *rng)
{
    struct dp_mechanism used = *m;
    if (is_planted("scale")) {
        used.den *= 2;
        if (used.den > DP_SCALE_DEN_MAX) {
            used.den /= 2;
            used.num = used.num > 1 ? used.num / 2 : 1;
        }
    }
    return __real_dp_mechanism_release(out, in, n, &used, rng);
}

enum dp_status __wrap_dp_quantile_pick(size_t *bucket,
                                       const struct dp_exact *count, size_t n,
                                       const struct dp_quantile *q,
                                       const struct dp_choice *c,
                                       struct dp_exact *room, gsl_rng *rng)
{
    struct dp_choice used = *c;
    if (is_planted("scale"))
        used.eps_nano *= 4;
    return __real_dp_quantile_pick(bucket, count, n, q, &used, room, rng);
}

enum dp_status __wrap_dp_topk_pick(size_t *index, size_t *n_picked,
                                   const struct dp_topk *t,
                                   const struct dp_exact *count, size_t n,
                                   struct dp_topk_room room, gsl_rng *rng)
{
    struct dp_topk used = *t;
    if (is_planted("scale"))
        used.pick.eps_nano *= 4;
    return __real_dp_topk_pick(index, n_picked, &used, count, n, room, rng);
}

enum dp_status __wrap_dp_threshold_of(struct dp_threshold *out,
                                      const struct dp_mechanism *people,
                                      uint32_t l0, double delta, uint64_t floor)
{
    enum { TIMES = 4 };
    return __real_dp_threshold_of(
        out, people, l0, is_planted("threshold") ? TIMES * delta : delta,
        floor);
}

uint64_t __wrap_leave_at_slot(struct service_call *call,
                              const struct policy *policy, uint64_t work_ns)
{
    if (!is_planted("slots"))
        return __real_leave_at_slot(call, policy, work_ns);
    call->leave_ns = 0;
    return 0;
}

void __wrap_leave_as_first(struct service_call *call,
                           const struct policy *policy, int64_t slot_ns)
{
    if (!is_planted("slots"))
        __real_leave_as_first(call, policy, slot_ns);
}

void __wrap_leave_on_time(struct service_call *call,
                          const struct policy *policy)
{
    if (!is_planted("slots"))
        __real_leave_on_time(call, policy);
}
