#include "server/plan/plan.h"

#include <stdio.h>
#include <string.h>

#include "server/plan/after.h"
#include "server/plan/dialect.h"
#include "server/plan/draft.h"
#include "server/plan/lift.h"
#include "server/plan/reach.h"
#include "server/plan/top.h"
#include "server/plan/totals.h"
#include "server/query/refusal.h"

static enum err_code find_purpose(struct draft *d, struct err *err)
{
    const char *id = d->req->purpose ? d->req->purpose : "";
    const struct policy_purpose *purpose =
        !*id && d->policy->n_purposes == 1 ? &d->policy->purposes[0]
                                           : policy_find_purpose(d->policy, id);
    if (!purpose && !*id)
        return refuse(err, REFUSAL_PURPOSE_NONE, REFUSAL_NOWHERE, NULL, NULL);
    if (!purpose)
        return refuse(err, REFUSAL_PURPOSE, REFUSAL_NOWHERE, id, NULL);
    if (purpose->basis == BASIS_CONSENT && !d->policy->has_consent)
        return refuse(err, REFUSAL_PURPOSE_CONSENT, REFUSAL_NOWHERE,
                      purpose->id, NULL);
    d->plan->purpose = purpose;
    d->plan->gated = d->policy->has_consent;
    if (d->plan->gated && purpose->basis == BASIS_CONSENT)
        return draft_notice(d, err,
                            "only people who said yes to \"%s\" are counted",
                            purpose->id);
    return ERR_OK;
}

static enum err_code check_ask(struct draft *d, struct err *err)
{
    const double level = d->req->ask.level;
    d->plan->level = level != 0 ? level : 0.95;
    if (!(d->plan->level > 0 && d->plan->level < 1))
        return refuse(err, REFUSAL_LEVEL, REFUSAL_NOWHERE, NULL, NULL);
    return ERR_OK;
}

/* A condition on other columns cannot leave out what the policy lists. */
static enum err_code tell_list(struct draft *d, struct err *err)
{
    return draft_notice(d, err,
                        "free: the domain is public, and this is the policy's "
                        "list; values that no row has%s are in it",
                        d->where.n > 0 ? ", or none that passes the WHERE,"
                                       : "");
}

/* Could all be said in the engine's SQL? */
static enum err_code draft_speaks(const struct draft *d, struct err *err)
{
    if (!d->dialect || !d->dialect->lacks)
        return ERR_OK;
    return refuse(err, REFUSAL_ENGINE_SQL, d->dialect->at, d->dialect->lacks,
                  NULL);
}

/* The plan of every group, as another way to answer what `d` does. */
static enum err_code keep_wider(struct draft *d, struct draft *every,
                                struct err *err)
{
    struct plan *p = every->plan;
    p->notices = ARENA_NEW_N(d->a, DRAFT_NOTICES_MAX, const char *);
    if (!p->notices)
        return draft_memory(err);
    if (p->n_notices > 0)
        memcpy(p->notices, d->plan->notices, p->n_notices * sizeof *p->notices);
    TRY(draft_tell(every, err));
    TRY(draft_hash(every, err));
    TRY(draft_series(every, err));
    every->explains = false;
    TRY(draft_explain(every, err));
    d->plan->wider = p;
    return ERR_OK;
}

/* Priced; where the first k groups are asked for, in the cheaper of two ways.
 */
static enum err_code price_best(struct draft *d, struct err *err)
{
    struct draft top;
    struct err ignored = { 0 };
    bool fits;
    if (d->like) /* a part of a series: some days in full */
        return draft_price(d, err);
    TRY(draft_top(&top, &fits, d, err));
    const enum err_code code = draft_price(d, err);
    if (!fits || !draft_top_aim(&top, d) ||
        draft_price(&top, &ignored) != ERR_OK ||
        !draft_top_wins(&top, d, code == ERR_OK))
        return code;
    struct draft every = *d;
    *d = top;
    if (code != ERR_OK)
        *err = (struct err){ 0 };
    return code == ERR_OK ? keep_wider(d, &every, err) : ERR_OK;
}

static enum err_code make(struct draft *d, struct err *err)
{
    struct plan *p = d->plan;
    bool described;
    TRY(find_purpose(d, err));
    TRY(check_ask(d, err));
    TRY(draft_describe(&described, d, err));
    if (described)
        return draft_explain(d, err);
    TRY(draft_types(d, err));
    p->has_limit = d->tree->has_limit;
    p->limit = d->tree->limit;
    p->offset = d->tree->offset;
    TRY(draft_domains(d, err));
    TRY(draft_bounds(d, err));
    p->is_free |= p->lists || d->never || (p->has_limit && p->limit == 0);
    if (p->lists)
        TRY(tell_list(d, err));
    if (!p->is_free) {
        TRY(d->total_of ? totals_draft(d, err) : price_best(d, err));
        if (!d->total_of)
            TRY(draft_tell(d, err));
    }
    if (!d->total_of) {
        TRY(draft_memory_fits(d, err));
        TRY(draft_statements(d, err));
        TRY(draft_speaks(d, err));
        TRY(draft_reach_all(d, err));
    }
    TRY(draft_hash(d, err));
    TRY(draft_series(d, err));
    return draft_explain(d, err);
}

const struct plan_output *plan_columns(const struct plan *p, size_t *n)
{
    const struct plan_after *last =
        p->n_after ? &p->after[p->n_after - 1] : NULL;
    *n = last ? last->n_outputs : p->n_outputs;
    return last ? last->outputs : p->outputs;
}

enum err_code draft_start(struct draft *d, struct err *err)
{
    struct plan *plan = ARENA_NEW(d->a, struct plan);
    if (!plan)
        return draft_memory(err);
    plan->notices = ARENA_NEW_N(d->a, DRAFT_NOTICES_MAX, const char *);
    plan->before = ARENA_NEW_N(d->a, PLAN_CHAIN_MAX, struct plan *);
    if (!plan->notices || !plan->before)
        return draft_memory(err);
    if (d->policy->source == SOURCE_POSTGRESQL) {
        d->dialect = ARENA_NEW(d->a, struct dialect);
        if (!d->dialect)
            return draft_memory(err);
    }
    plan->policy = d->policy;
    plan->request = d->req;
    plan->sql = "";
    plan->set = d->set ? *d->set : 0;
    d->wants_intervals = d->req->intervals && !d->is_before;
    d->plan = plan;
    return ERR_OK;
}

enum err_code draft_make(struct plan **out, struct draft *d, struct err *err)
{
    TRY(draft_start(d, err));
    TRY(make(d, err));
    *out = d->plan;
    return ERR_OK;
}

/* Made, or typed where no more is asked for. */
static enum err_code make_or_type(struct plan **out, struct draft *d,
                                  struct err *err)
{
    if (!d->shape)
        return draft_make(out, d, err);
    TRY(draft_shape(d, err));
    *out = d->plan;
    return ERR_OK;
}

/* One release for each grouping set; all have the same columns. */
static enum err_code make_sets(struct plan **out, const struct draft *like,
                               const struct select *sets, struct err *err)
{
    struct draft d = *like;
    d.in_sets = sets;
    if (!d.shape)
        return draft_sets(out, &d, err);
    d.set = &sets->sets[0];
    return make_or_type(out, &d, err);
}

/* Several answers put together; what only looked like it is a chain. */
static enum err_code make_mix(struct plan **out, const struct draft *like,
                              enum draft_mix mix, struct err *err)
{
    struct draft d = *like;
    const enum err_code code = draft_mix(out, like, err);
    if (code == ERR_OK || mix == MIX_SURE)
        return code;
    *err = (struct err){ 0 };
    d.no_mix = true;
    return make_or_type(out, &d, err);
}

/* One release, sets, or a mix, as the question is written. */
static enum err_code make_plain(struct plan **out, const struct draft *like,
                                struct err *err)
{
    struct draft d = *like;
    const enum err_code code = make_or_type(out, &d, err);
    if (code == ERR_OK || (!d.in_sets && d.mix == MIX_NONE))
        return code;
    *err = (struct err){ 0 };
    return d.in_sets ? make_sets(out, like, d.in_sets, err)
                     : make_mix(out, like, d.mix, err);
}

enum err_code draft_whole(struct plan **out, const struct draft *like,
                          struct err *err)
{
    struct draft d = *like;
    const enum err_code code = make_plain(out, like, err);
    if (code == ERR_OK)
        return code;
    /* Sub-queries have no place there: lifted out of it they may. */
    struct err first = *err, lifted = { 0 };
    if (draft_lift(&d.tree, &d, like->tree, &lifted) != ERR_OK || !d.tree)
        return code;
    *err = (struct err){ 0 };
    if (draft_whole(out, &d, err) == ERR_OK)
        return ERR_OK;
    const char *place = refusal_info_of(REFUSAL_QUERY_PLACE)->name;
    if (!first.reason || strcmp(first.reason, place) != 0)
        *err = first;
    return err->code;
}

enum err_code draft_plan(struct plan **out, const struct draft *d,
                         const struct request *req, const struct select *s,
                         struct err *err)
{
    struct draft before = { .tree = s,
                            .req = req,
                            .policy = d->policy,
                            .a = d->a,
                            .is_before = true,
                            .explains = d->explains,
                            .shape = d->shape };
    return draft_make(out, &before, err);
}

enum err_code plan_query(struct plan **out, const struct request *req,
                         const struct select *tree, const struct policy *policy,
                         struct arena *a, struct err *err)
{
    struct draft d = { .tree = tree, .req = req, .policy = policy, .a = a };
    /* The text needs a quantile per column, most of what planning costs. */
    d.explains = tree->explain || req->op == REQUEST_ESTIMATE;
    TRY(select_bind_limits(tree, req->params, req->n_params, NULL, err));
    return draft_whole(out, &d, err);
}
