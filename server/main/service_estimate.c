/* ESTIMATE and EXPLAIN (PRIVACY): what a question would cost.  service.h. */
#include <string.h>

#include "server/main/question.h"

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* What the filter and the quotas over this query all still cover. */
static enum err_code find_left(struct dp_price *left,
                               const struct service_call *call,
                               const struct plan *plan, struct arena *a,
                               struct err *err)
{
    struct service_accounts accounts;
    TRY(service_accounts_of(&accounts, plan->policy, call->who->name,
                            call->req->purpose, a, err));
    *left = plan->policy->cap;
    for (size_t i = 0; i < accounts.n; i++) {
        struct ledger_balance b;
        TRY(ledger_balance(call->service->ledger, &b, &accounts.spec[i], err));
        left->rho_pico = least(left->rho_pico, b.left.rho_pico);
        left->eps_nano = least(left->eps_nano, b.left.eps_nano);
        left->delta_atto = least(left->delta_atto, b.left.delta_atto);
    }
    return ERR_OK;
}

enum err_code service_estimate(struct service_call *call, struct reply *out,
                               struct arena *a, struct err *err)
{
    struct question question;
    struct dp_price left;
    TRY(question_plan(&question, call, a, err));
    TRY(find_left(&left, call, question.plan, a, err));
    return plan_estimate(&out->estimate, question.plan, left, a, err);
}

/* One text column, a row per line, as PostgreSQL's EXPLAIN answers. */
enum err_code service_explain(struct service_call *call, struct reply *out,
                              const struct plan *plan, struct arena *a,
                              struct err *err)
{
    struct reply_estimate estimate;
    struct dp_price left;
    TRY(find_left(&left, call, plan, a, err));
    TRY(plan_estimate(&estimate, plan, left, a, err));

    struct reply_table *t = &out->table;
    size_t lines = 1;
    for (const char *p = estimate.plan; *p; p++)
        lines += *p == '\n' && p[1];
    t->columns = ARENA_NEW(a, struct reply_column);
    t->cells = ARENA_NEW_N(a, lines, struct value);
    t->intervals = ARENA_NEW_N(a, lines, struct reply_interval);
    if (!t->columns || !t->cells || !t->intervals)
        return err_set(err, ERR_LIMIT, "the request needs too much memory");
    t->columns[0] = (struct reply_column){ "QUERY PLAN", VALUE_TEXT, true };
    t->n_columns = 1;
    for (const char *p = estimate.plan; *p;) {
        const size_t len = strcspn(p, "\n");
        t->cells[t->n_rows++] = value_text(arena_strndup(a, p, len), len);
        if (!t->cells[t->n_rows - 1].text.s)
            return err_set(err, ERR_LIMIT, "the request needs too much memory");
        p += len + (p[len] == '\n');
    }
    return ERR_OK;
}
