/* GET_MISSES and LIFT_MISSES.  Declared in service.h. */
#include <string.h>

#include "server/base/log.h"
#include "server/main/service.h"

static enum err_code full(struct err *err)
{
    return err_set(err, ERR_LIMIT, "the reply needs too much memory");
}

static enum err_code fill(struct reply *out, const struct service_call *call,
                          const struct policy *p, struct arena *a,
                          struct err *err)
{
    struct ledger_misses m;
    TRY(ledger_misses(call->service->ledger, &m, p->id, a, err));
    struct reply_misses *r = &out->misses;
    *r = (struct reply_misses){
        .dataset = p->name,
        .counted = m.counted,
        .limit = p->max_misses,
        .limit_day = p->max_misses_day,
        .lifetime = m.lifetime,
        .today = ARENA_NEW_N(a, m.n_today + 1, struct reply_missed),
        .n_today = m.n_today,
        .lifts = ARENA_NEW_N(a, m.n_lifts + 1, struct reply_lift),
        .n_lifts = m.n_lifts,
    };
    if (!r->today || !r->lifts)
        return full(err);
    for (size_t i = 0; i < m.n_today; i++)
        r->today[i] =
            (struct reply_missed){ m.today[i].principal, m.today[i].n };
    for (size_t i = 0; i < m.n_lifts; i++)
        r->lifts[i] = (struct reply_lift){ .at_us = m.lifts[i].at_us,
                                           .principal = m.lifts[i].principal,
                                           .reason = m.lifts[i].reason,
                                           .lifted = m.lifts[i].lifted };
    return ERR_OK;
}

enum err_code service_misses(struct service_call *call, struct reply *out,
                             struct arena *a, struct err *err)
{
    const struct dataset *d;
    TRY(world_dataset(&d, call->world, call->who, call->req->dataset, err));
    return fill(out, call, d->policy, a, err);
}

/* A dataset is named: to lift the stop of another by mistake is for ever. */
enum err_code service_lift(struct service_call *call, struct reply *out,
                           struct arena *a, struct err *err)
{
    const struct request *req = call->req;
    const struct dataset *d;
    uint64_t lifted;
    if (!req->dataset[0])
        return err_set(err, ERR_INVALID, "the request names no dataset");
    TRY(world_dataset(&d, call->world, call->who, req->dataset, err));
    TRY(ledger_lift(call->service->ledger, &lifted, d->policy->id,
                    call->who->name, req->reason, err));
    log_event(LOG_MISSES_LIFTED,
              (struct log_fields){ .principal = call->who->name,
                                   .dataset = d->policy->name,
                                   .count = lifted });
    return fill(out, call, d->policy, a, err);
}
