#include "server/main/question.h"

#include <string.h>

#include "server/main/service.h"
#include "server/main/service_charge.h"
#include "server/metrics/metrics.h"
#include "server/plan/segment.h"
#include "server/query/refusal.h"
#include "server/sql/sql.h"

/* The SQL's schema, else the request's, else the only one the caller sees.  One
 * that the request names exists, even where the SQL names another. */
enum err_code question_dataset(const struct dataset **out,
                               const struct world *world,
                               const struct auth_principal *who,
                               const struct request *req,
                               const struct select *tree, struct err *err)
{
    const char *name = select_dataset(tree);
    if (!name || !name[0])
        name = req->dataset;
    else if (req->dataset[0])
        TRY(world_dataset(out, world, who, req->dataset, err));
    return world_dataset(out, world, who, name, err);
}

/* "a, b and more": what describing the dataset tells the caller, too. */
static void put_purposes(struct writer *w, const struct policy *policy,
                         const struct auth_principal *who)
{
    enum { LISTED = 6 };
    size_t n = 0;
    for (size_t i = 0; i < policy->n_purposes; i++) {
        if (!auth_may_purpose(who, policy->purposes[i].id))
            continue;
        if (n < LISTED)
            writer_printf(w, "%s%s", n ? ", " : "", policy->purposes[i].id);
        n++;
    }
    if (n > LISTED)
        writer_printf(w, " and %zu more", n - LISTED);
    if (n == 0)
        writer_str(w, "none: whoever keeps the file of principals adds one");
}

static enum err_code hint_purposes(const char *how, const struct question *q,
                                   const struct auth_principal *who,
                                   struct err *err)
{
    char list[512];
    struct writer w = writer_of(list, sizeof list);
    put_purposes(&w, q->dataset->policy, who);
    return err_hint(err, "%syou may use %s", how,
                    writer_cstr(&w) ? list
                                    : "those that 'halftone describe' "
                                      "lists");
}

/* Deny by default, and say the same of a purpose that is not there. */
static enum err_code check_purpose(const struct question *q,
                                   const struct service_call *call,
                                   struct err *err)
{
    const char *id = call->req->purpose;
    if (!id[0]) {
        err_set(err, ERR_INVALID, "the query names no purpose");
        return hint_purposes("--purpose or SET halftone.purpose = '...' says "
                             "why you ask; ",
                             q, call->who, err);
    }
    const struct policy_purpose *p =
        policy_find_purpose(q->dataset->policy, id);
    if (!p || !auth_may_purpose(call->who, id)) {
        err_set(err, ERR_NOT_FOUND,
                "there is no purpose '%.63s' that you may "
                "use with dataset '%s'",
                id, q->dataset->policy->name);
        return hint_purposes("", q, call->who, err);
    }
    return ERR_OK;
}

/* Whoever asks for dashboards asks for one of them each time. */
static enum err_code check_dashboard(const struct service_call *call,
                                     struct err *err)
{
    const struct auth_principal *who = call->who;
    const char *name = service_dashboard(call->req, who);
    if (!name && who->n_dashboards > 0)
        return refuse(err, REFUSAL_DASHBOARD_NONE, REFUSAL_NOWHERE, NULL, NULL);
    if (name && !auth_may_dashboard(who, name))
        return refuse(err, REFUSAL_DASHBOARD, REFUSAL_NOWHERE, name, NULL);
    return ERR_OK;
}

/* A question of a batch, which holds no settings, is not read yet. */
static enum err_code parse(const struct select **out,
                           const struct service_call *call, struct arena *a,
                           struct err *err)
{
    const struct request *req = call->req;
    struct select *tree = NULL;
    *out = req->tree;
    if (req->tree)
        return ERR_OK;
    TRY(sql_parse(&tree, req->sql, req->sql_len, a, err));
    *out = tree;
    return ERR_OK;
}

/* A register that may lack withdrawals says of nobody that she counts. */
static enum err_code check_register(const struct question *q, struct err *err)
{
    const struct dataset *d = q->dataset;
    struct err why;
    if (!d->policy->has_consent)
        return ERR_OK;
    const enum err_code code = consent_follow(d->consent, &why);
    if (consent_is_held(d->consent))
        return refuse(err, REFUSAL_REGISTER_HELD, REFUSAL_NOWHERE, NULL, NULL);
    return code == ERR_OK ? ERR_OK
                          : refuse(err, REFUSAL_REGISTER_AWAY, REFUSAL_NOWHERE,
                                   NULL, NULL);
}

static enum err_code find_segments(struct question *q,
                                   const struct service_call *call,
                                   struct arena *a, struct err *err)
{
    const struct policy *p = q->dataset->policy;
    struct segments *s;
    if (p->max_segment_day == 0 || q->plan->is_free)
        return ERR_OK;
    s = ARENA_NEW(a, struct segments);
    q->segments = s;
    return s ? segments_of(s, q->tree, p, call->req, a, err)
             : err_set(err, ERR_LIMIT, "the request needs too much memory");
}

enum err_code question_plan(struct question *out,
                            const struct service_call *call, struct arena *a,
                            struct err *err)
{
    const uint64_t start = clock_mono_ns(call->service->clock);
    *out = (struct question){ 0 };
    TRY(parse(&out->tree, call, a, err));
    TRY(question_dataset(&out->dataset, call->world, call->who, call->req,
                         out->tree, err));
    TRY(check_purpose(out, call, err));
    TRY(check_dashboard(call, err));
    TRY(check_register(out, err));
    TRY(plan_query(&out->plan, call->req, out->tree, out->dataset->policy, a,
                   err));
    TRY(find_segments(out, call, a, err));
    metrics_add(&metrics.plan_ns_total,
                clock_mono_ns(call->service->clock) - start);
    return ERR_OK;
}
