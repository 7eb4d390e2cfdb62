#include "server/main/service_charge.h"

#include <inttypes.h>
#include <string.h>

#include "server/main/counts.h"
#include "server/main/notion.h"

/* The name by which a caller draws on quotas of this kind, or NULL. */
static const char *name_by(enum policy_quota_kind kind,
                           const struct auth_principal *who,
                           const char *purpose, const char *dashboard)
{
    const char *const names[QUOTA_KINDS] = { [QUOTA_PRINCIPAL] = who->name,
                                             [QUOTA_TEAM] = who->team,
                                             [QUOTA_PURPOSE] = purpose,
                                             [QUOTA_DASHBOARD] = dashboard };
    return names[kind];
}

const char *service_dashboard(const struct request *req,
                              const struct auth_principal *who)
{
    return req->dashboard && req->dashboard[0] ? req->dashboard
                                               : auth_own_dashboard(who);
}

/* Of two quotas on one account, "*" and a name, both hold: the smaller. */
static bool joins(struct service_accounts *out,
                  const struct ledger_account_spec *spec)
{
    for (size_t i = 0; spec->name && i < out->n; i++) {
        struct ledger_account_spec *other = &out->spec[i];
        if (other->window_s != spec->window_s || !other->name ||
            strcmp(other->name, spec->name) != 0)
            continue;
        other->limit = dp_price_least(other->limit, spec->limit);
        return true;
    }
    return false;
}

enum err_code service_accounts_of(struct service_accounts *out,
                                  const struct policy *policy,
                                  const struct auth_principal *who,
                                  const char *purpose, const char *dashboard,
                                  struct arena *a, struct err *err)
{
    static const char *const kinds[QUOTA_KINDS] = {
        [QUOTA_PRINCIPAL] = "principal",
        [QUOTA_TEAM] = "team",
        [QUOTA_PURPOSE] = "purpose",
        [QUOTA_DASHBOARD] = "dashboard",
    };
    out->spec[0] = (struct ledger_account_spec){
        .name = notion_account(policy, policy->notion, a), .limit = policy->cap
    };
    if (!out->spec[0].name)
        return err_set(err, ERR_LIMIT, "the request needs too much memory");
    out->n = 1;
    out->n += counts_beside(&out->spec[1], policy, out->spec[0].name, a);
    for (size_t i = 0; i < policy->n_quotas; i++) {
        const struct policy_quota *q = &policy->quotas[i];
        const char *name = name_by(q->kind, who, purpose, dashboard);
        if (!name || (strcmp(q->name, "*") != 0 && strcmp(q->name, name) != 0))
            continue;
        const struct ledger_account_spec spec = {
            .name = arena_printf(a, "%s/%s/%s", out->spec[0].name,
                                 kinds[q->kind], name),
            .limit = q->limit,
            .window_s = q->window_s,
        };
        if (joins(out, &spec))
            continue;
        if (out->n == LEDGER_ACCOUNTS_MAX)
            return err_set(err, ERR_LIMIT,
                           "more than %d budgets apply to this query",
                           LEDGER_ACCOUNTS_MAX);
        out->spec[out->n++] = spec;
    }
    for (size_t i = 0; i < out->n; i++)
        if (!out->spec[i].name)
            return err_set(err, ERR_LIMIT, "the request needs too much memory");
    return ERR_OK;
}

/*
 * Stored answers stay readable this long for the retry of who paid.  Where
 * people may take back their consent they are told `reuse_for`; a retry of what
 * was lost on its way is no new look at it.
 */
enum { KEEP_S = 7 * 86400, KEEP_CONSENT_S = 600 };

static uint64_t keep_s(const struct policy *p)
{
    const uint64_t least = p->has_consent ? KEEP_CONSENT_S : KEEP_S;
    return p->reuse_for_s > least ? p->reuse_for_s : least;
}

static const char *sent_of(const struct request *req)
{
    return req->sql ? req->sql : req->text;
}

/* What was asked, as text; NULL: in another form, or there is no room. */
static const char *text_of(const struct request *req, struct arena *a)
{
    size_t len = 1;
    if (!req->is_batch)
        return sent_of(req);
    for (size_t i = 0; i < req->n_queries; i++) {
        const char *sent = sent_of(&req->queries[i]);
        len += sent ? strlen(sent) + sizeof ";\n" : 0;
    }
    char *out = arena_alloc(a, len, 1);
    struct writer w = writer_of(out, out ? len : 0);
    for (size_t i = 0; i < req->n_queries; i++)
        if (sent_of(&req->queries[i]))
            writer_printf(&w, "%s;\n", sent_of(&req->queries[i]));
    return out && writer_cstr(&w) ? out : NULL;
}

struct reply_receipt service_priced(const struct policy *policy,
                                    struct dp_price price, struct dp_price left)
{
    const struct policy_shown shown = policy_shown_of(policy, price);
    return (struct reply_receipt){
        .dataset = policy->name,
        .rho_pico = price.rho_pico,
        .eps_nano = price.eps_nano,
        .delta_atto = price.delta_atto,
        .epsilon = shown.epsilon,
        .shown_delta = shown.delta,
        .remaining_rho_pico = left.rho_pico,
        .remaining_eps_nano = left.eps_nano,
        .pure = policy->notion == DP_PURE,
    };
}

const char *service_interval(const struct policy *policy, int64_t now_us,
                             struct arena *a)
{
    const int64_t length_us = (int64_t)policy->consent_interval_s * 1000000;
    if (!policy->has_consent)
        return NULL;
    const int64_t from_us = now_us - now_us % length_us;
    return arena_printf(a, "interval from_us %" PRId64 " to_us %" PRId64,
                        from_us, from_us + length_us);
}

enum err_code service_charge_args(struct ledger_charge_args *out,
                                  const struct service_call *call,
                                  const struct policy *policy,
                                  const uint8_t *release_hash,
                                  struct dp_price price, struct arena *a,
                                  struct err *err)
{
    const struct request *req = call->req;
    struct service_accounts *accounts = ARENA_NEW(a, struct service_accounts);
    if (!accounts)
        return err_set(err, ERR_LIMIT, "the request needs too much memory");
    TRY(service_accounts_of(accounts, policy, call->who, req->purpose,
                            service_dashboard(req, call->who), a, err));
    *out = (struct ledger_charge_args){
        .principal = call->who->name,
        .dataset = policy->id,
        .purpose = req->purpose,
        .idempotency_key = req->idempotency_key,
        .request_hash = req->hash,
        .release_hash = release_hash,
        .price = price,
        .text = text_of(req, a),
        .accounts = accounts->spec,
        .n_accounts = accounts->n,
        .interval = service_interval(policy, req->now_us, a),
        .policy_version = policy->version,
        .reuse_for_s = policy->reuse_for_s,
        .keep_s = keep_s(policy),
        .max_misses = policy->max_misses,
        .max_misses_day = policy->max_misses_day,
    };
    return ERR_OK;
}
