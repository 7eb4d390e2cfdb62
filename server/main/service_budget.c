/* GET_BUDGET, WATCH_BUDGET and LIST_CHARGES.  Declared in service.h. */
#include <string.h>

#include "server/main/service.h"
#include "server/main/service_charge.h"
#include "server/policy/odds.h"

static enum err_code full(struct err *err)
{
    return err_set(err, ERR_LIMIT, "the reply needs too much memory");
}

static void print_odds(struct writer *w, const char *when,
                       const struct policy *p, struct dp_price price)
{
    writer_str(w, when);
    odds_print(w, odds_of(p->notion, price, p->shown_delta));
}

/* What every answer so far, and every answer there can be, reveals. */
static const char *odds_text(const struct policy *p, struct dp_price spent,
                             struct arena *a)
{
    char text[512];
    struct writer w = writer_of(text, sizeof text);
    print_odds(&w, "From all answers so far, ", p, spent);
    print_odds(&w, " When the budget is spent, ", p, p->cap);
    return writer_cstr(&w) ? arena_strdup(a, text) : NULL;
}

/* The quota of these that has least left, if that is less than b's. */
static enum err_code add_quota(struct reply_budget *b,
                               const struct service_call *call,
                               const struct service_accounts *accounts,
                               struct err *err)
{
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

/* The quota over the caller, by whatever dashboard, that has least left. */
static enum err_code fill_quota(struct reply_budget *b,
                                const struct service_call *call,
                                const struct policy *p, struct arena *a,
                                struct err *err)
{
    const struct auth_principal *who = call->who;
    struct service_accounts accounts;
    b->quota = "";
    TRY(service_accounts_of(&accounts, p, who, NULL, NULL, a, err));
    TRY(add_quota(b, call, &accounts, err));
    for (size_t i = 0; i < who->n_dashboards; i++) {
        TRY(service_accounts_of(&accounts, p, who, NULL, who->dashboards[i], a,
                                err));
        TRY(add_quota(b, call, &accounts, err));
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
    TRY(service_accounts_of(&accounts, p, call->who, NULL, NULL, a, err));
    struct ledger_balance filter;
    TRY(ledger_balance(call->service->ledger, &filter, &accounts.spec[0], err));

    const struct policy_shown cap = policy_shown_of(p, p->cap);
    const struct policy_shown spent = policy_shown_of(p, filter.lifetime);
    out->budget = (struct reply_budget){
        .dataset = p->name,
        .notion = policy_notion_name(p->notion),
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
    return fill_quota(&out->budget, call, p, a, err);
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
                    req->page_size, req->with_sql, a, err));
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
            .sql = rows[i].text ? rows[i].text : "",
        };
        if (!out->charges[i].query_id)
            return full(err);
    }
    return ERR_OK;
}
