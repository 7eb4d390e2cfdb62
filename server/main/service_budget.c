/* GET_BUDGET, WATCH_BUDGET and LIST_CHARGES.  Declared in service.h. */
#include <math.h>
#include <string.h>

#include "dp/convert.h"
#include "server/main/service.h"

static enum err_code full(struct err *err)
{
    return err_set(err, ERR_LIMIT, "the reply needs too much memory");
}

/*
 * Never epsilon alone: what someone who believed 50:50 could come to believe,
 * had he every answer.  Under pure the bound has no exception.
 */
static const char *odds_sentence(const struct policy *p, struct dp_price price,
                                 const char *when, struct arena *a)
{
    const double delta = p->shown_delta;
    if (p->notion == DP_PURE) {
        const double eps = (double)price.eps_nano * DP_NANO;
        const double odds = 100 / (1 + exp(-eps));
        return arena_printf(a,
                            "%s someone who believed 50:50 about a person "
                            "could come to believe at most %.4g:%.4g.",
                            when, odds, 100 - odds);
    }
    const double odds =
        100 * dp_odds_of_rho((double)price.rho_pico * DP_PICO, delta);
    return arena_printf(a,
                        "%s someone who believed 50:50 about a person could "
                        "come to believe at most %.4g:%.4g, save for a "
                        "chance of one in %.0f.",
                        when, odds, 100 - odds,
                        1 / (delta + (double)price.delta_atto * DP_ATTO));
}

static const char *odds_text(const struct policy *p, struct dp_price spent,
                             struct arena *a)
{
    const char *now = odds_sentence(p, spent, "From all answers so far,", a);
    const char *cap = odds_sentence(p, p->cap, "When the budget is spent,", a);
    return now && cap ? arena_printf(a, "%s %s", now, cap) : NULL;
}

/* The quota over the caller that has least left. */
static enum err_code fill_quota(struct reply_budget *b,
                                const struct service_call *call,
                                const struct service_accounts *accounts,
                                struct err *err)
{
    b->quota = "";
    for (size_t i = 1; i < accounts->n; i++) {
        struct ledger_balance quota;
        TRY(ledger_balance(call->service->ledger, &quota, &accounts->spec[i],
                           err));
        const uint64_t left =
            b->pure ? quota.left.eps_nano : quota.left.rho_pico;
        if (!b->quota[0] || left < b->quota_remaining_pico_or_nano) {
            b->quota = accounts->spec[i].name;
            b->quota_remaining_pico_or_nano = left;
        }
    }
    return ERR_OK;
}

enum err_code service_budget(struct service_call *call, struct reply *out,
                             struct arena *a, struct err *err)
{
    const struct dataset *d;
    TRY(world_dataset(&d, call->world, call->who, call->req->dataset, err));
    const struct policy *p = d->policy;
    struct service_accounts accounts;
    TRY(service_accounts_of(&accounts, p, call->who->name, NULL, a, err));
    struct ledger_balance filter;
    TRY(ledger_balance(call->service->ledger, &filter, &accounts.spec[0], err));

    const struct policy_shown cap = policy_shown_of(p, p->cap);
    const struct policy_shown spent = policy_shown_of(p, filter.lifetime);
    out->budget = (struct reply_budget){
        .dataset = p->name,
        .pure = p->notion == DP_PURE,
        .cap_rho_pico = p->cap.rho_pico,
        .spent_rho_pico = filter.lifetime.rho_pico,
        .remaining_rho_pico = filter.left.rho_pico,
        .cap_eps_nano = p->cap.eps_nano,
        .spent_eps_nano = filter.lifetime.eps_nano,
        .remaining_eps_nano = filter.left.eps_nano,
        .cap_delta_atto = p->cap.delta_atto,
        .spent_delta_atto = filter.lifetime.delta_atto,
        .remaining_delta_atto = filter.left.delta_atto,
        .cap_epsilon = cap.epsilon,
        .spent_epsilon = spent.epsilon,
        .shown_delta = cap.delta,
        .odds = odds_text(p, filter.lifetime, a),
    };
    if (!out->budget.odds)
        return full(err);
    return fill_quota(&out->budget, call, &accounts, err);
}

enum err_code service_charges(struct service_call *call, struct reply *out,
                              struct arena *a, struct err *err)
{
    const struct request *req = call->req;
    const struct dataset *d;
    TRY(world_dataset(&d, call->world, call->who, req->dataset, err));
    const bool everyones = auth_may(call->who->role, AUTH_CHARGES_ALL);

    struct ledger_row *rows;
    TRY(ledger_list(call->service->ledger, &rows, &out->n_charges,
                    &out->next_page_token, d->policy->id,
                    everyones ? NULL : call->who->name, req->page_token,
                    req->page_size, a, err));
    out->charges = ARENA_NEW_N(a, out->n_charges, struct reply_charge);
    if (!out->charges)
        return full(err);
    for (size_t i = 0; i < out->n_charges; i++) {
        const struct ledger_hex id = ledger_id_hex(rows[i].id);
        out->charges[i] = (struct reply_charge){
            .query_id = arena_strdup(a, id.text),
            .principal = rows[i].principal,
            .dataset = d->policy->name,
            .purpose = rows[i].purpose,
            .state = ledger_state_name(rows[i].state),
            .charged_us = rows[i].charged_us,
            .rho_pico = rows[i].price.rho_pico,
            .eps_nano = rows[i].price.eps_nano,
            .delta_atto = rows[i].price.delta_atto,
        };
        if (!out->charges[i].query_id)
            return full(err);
    }
    return ERR_OK;
}
