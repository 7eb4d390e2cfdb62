/* ESTIMATE and EXPLAIN (PRIVACY): what a question would cost.  service.h. */
#include <string.h>

#include "server/main/batch.h"
#include "server/main/service_charge.h"
#include "server/main/settle.h"
#include "server/query/refusal.h"

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
    TRY(service_accounts_of(&accounts, plan->policy, call->who,
                            call->req->purpose,
                            service_dashboard(call->req, call->who), a, err));
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

/* What question i of the bundle adds to its price; `text` is that of its plan,
 * which stands where another's answer is read that has none. */
static enum err_code estimate_item(struct reply_estimate *out,
                                   const struct bundle *b, size_t i,
                                   const char *text, struct dp_price left,
                                   struct err *err)
{
    const struct bundle_item *item = &b->items[i];
    const struct plan *plan = item->question.plan;
    const struct plan *shown = item->fresh ? item->fresh : plan;
    const char *story = bundle_story(b, i);
    TRY(plan_estimate(out, shown, left, b->arena, err));
    out->plan = story ? arena_printf(b->arena, "%s%s", story,
                                     *shown->text ? shown->text : text)
                      : NULL;
    if (!out->plan)
        return err_set(err, ERR_LIMIT, "the request needs too much memory");
    if (item->fresh)
        return ERR_OK;
    out->rho_pico = out->eps_nano = out->delta_atto = 0;
    out->epsilon = 0;
    out->queries_left = UINT64_MAX;
    return ERR_OK;
}

/* The question, or parts of it, may be stored: *out covers it then. */
static enum err_code cover(struct bundle *out, struct bundle_item *item,
                           struct service_call *call, struct arena *a,
                           struct err *err)
{
    struct plan *wider = item->question.plan->wider;
    TRY(bundle_init(out, call, item, 1, a, err));
    out->only_told = true;
    if (wider &&
        bundle_suits(wider)) { /* the best of days, all of them stored */
        struct plan *narrow = item->question.plan;
        item->question.plan = wider;
        TRY(bundle_cover(out, err));
        if (out->n_fresh == 0)
            return ERR_OK;
        item->question.plan = narrow;
    }
    return bundle_cover(out, err);
}

static enum err_code estimate_one(struct reply_estimate *out,
                                  struct service_call *call,
                                  const struct question *question,
                                  struct arena *a, struct err *err)
{
    struct bundle_item item = { .req = call->req, .question = *question };
    struct bundle b;
    struct dp_price left;
    TRY(find_left(&left, call, question->plan, a, err));
    if (question->plan->is_free)
        return plan_estimate(out, question->plan, left, a, err);
    TRY(cover(&b, &item, call, a, err));
    return estimate_item(out, &b, 0, question->plan->text, left, err);
}

static uint64_t times(uint64_t left, uint64_t price)
{
    return price ? left / price : UINT64_MAX;
}

/* The whole: prices add up, texts stand one after the other. */
static enum err_code estimate_whole(struct reply *out, const struct bundle *b,
                                    struct dp_price left, struct err *err)
{
    const struct policy *policy = b->dataset->policy;
    const struct policy_shown shown = policy_shown_of(policy, b->price);
    const char *text = "";
    for (size_t i = 0; i < b->n && text; i++)
        text = arena_printf(b->arena, "%sQuestion %zu of %zu:\n%s", text, i + 1,
                            b->n, out->estimates[i].plan);
    if (!text)
        return err_set(err, ERR_LIMIT, "the request needs too much memory");
    out->estimate = (struct reply_estimate){
        .level = out->estimates[0].level,
        .rho_pico = b->price.rho_pico,
        .eps_nano = b->price.eps_nano,
        .delta_atto = b->price.delta_atto,
        .epsilon = b->n_fresh ? shown.epsilon : 0,
        .shown_delta = shown.delta,
        .pure = policy->notion == DP_PURE,
        .queries_left =
            least(times(left.rho_pico, b->price.rho_pico),
                  least(times(left.eps_nano, b->price.eps_nano),
                        times(left.delta_atto, b->price.delta_atto))),
        .plan = text,
    };
    return ERR_OK;
}

static enum err_code estimate_batch(struct service_call *call,
                                    struct reply *out, struct arena *a,
                                    struct err *err)
{
    struct batch batch;
    struct bundle b;
    struct dp_price left;
    TRY(batch_plan(&batch, call, a, err));
    TRY(bundle_init(&b, call, batch.items, batch.n, a, err));
    const char **texts = ARENA_NEW_N(a, batch.n, const char *);
    if (!texts)
        return err_set(err, ERR_LIMIT, "the request needs too much memory");
    for (size_t i = 0; i < batch.n; i++)
        texts[i] = batch.items[i].question.plan->text;
    TRY(bundle_cover(&b, err));
    TRY(find_left(&left, call, batch.items[0].question.plan, a, err));
    out->n_estimates = batch.n;
    out->estimates = ARENA_NEW_N(a, batch.n, struct reply_estimate);
    if (!out->estimates)
        return err_set(err, ERR_LIMIT, "the request needs too much memory");
    for (size_t i = 0; i < batch.n; i++)
        TRY(estimate_item(&out->estimates[i], &b, i, texts[i], left, err));
    return estimate_whole(out, &b, left, err);
}

enum err_code service_estimate(struct service_call *call, struct reply *out,
                               struct arena *a, struct err *err)
{
    struct question question;
    if (call->req->is_batch)
        return estimate_batch(call, out, a, err);
    bool shows = false;
    TRY(settle(&shows, &out->table, call, a, err));
    if (shows)
        return refuse(err, REFUSAL_STATEMENT, (struct place){ 1, 1 }, "SHOW",
                      NULL);
    TRY(question_plan(&question, call, a, err));
    return estimate_one(&out->estimate, call, &question, a, err);
}

/* The plan's text, and how often the caller's budgets still cover it. */
static const char *explained(const struct plan *plan,
                             const struct reply_estimate *e, struct arena *a)
{
    if (plan->is_free)
        return e->plan;
    if (e->queries_left == UINT64_MAX)
        return arena_printf(a, "%sBudget: all of it is stored, and free\n",
                            e->plan);
    return arena_printf(a,
                        "%sBudget: %llu such quer%s left, in the least of the "
                        "budgets it draws on\n",
                        e->plan, (unsigned long long)e->queries_left,
                        e->queries_left == 1 ? "y is" : "ies are");
}

/* One text column, a row per line, as PostgreSQL's EXPLAIN answers. */
enum err_code service_explain(struct service_call *call, struct reply *out,
                              const struct question *question, struct arena *a,
                              struct err *err)
{
    struct reply_estimate estimate;
    TRY(estimate_one(&estimate, call, question, a, err));
    struct reply_table *t = &out->table;
    const char *text = explained(question->plan, &estimate, a);
    size_t lines = 1;
    if (!text)
        return err_set(err, ERR_LIMIT, "the request needs too much memory");
    for (const char *p = text; *p; p++)
        lines += *p == '\n' && p[1];
    t->columns = ARENA_NEW(a, struct reply_column);
    t->cells = ARENA_NEW_N(a, lines, struct value);
    t->intervals = ARENA_NEW_N(a, lines, struct reply_interval);
    if (!t->columns || !t->cells || !t->intervals)
        return err_set(err, ERR_LIMIT, "the request needs too much memory");
    t->columns[0] = (struct reply_column){ .name = "QUERY PLAN",
                                           .type = VALUE_TEXT,
                                           .is_key = true };
    t->n_columns = 1;
    for (const char *p = text; *p;) {
        const size_t len = strcspn(p, "\n");
        t->cells[t->n_rows++] = value_text(arena_strndup(a, p, len), len);
        if (!t->cells[t->n_rows - 1].text.s)
            return err_set(err, ERR_LIMIT, "the request needs too much memory");
        p += len + (p[len] == '\n');
    }
    return ERR_OK;
}
