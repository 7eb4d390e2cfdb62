#include "server/main/notion.h"

const char *notion_account(const struct policy *p, enum dp_notion notion,
                           struct arena *a)
{
    return arena_printf(a, notion == DP_GDP ? "dataset/%s/gdp" : "dataset/%s",
                        p->id);
}

/* Zcdp and pure share an account; what moved on it tells which it was. */
static bool spent_under(enum dp_notion notion, struct dp_price spent)
{
    if (notion == DP_PURE)
        return spent.eps_nano > 0;
    return spent.rho_pico > 0 || spent.delta_atto > 0;
}

static enum err_code check_dataset(struct ledger *l, const struct policy *p,
                                   struct arena *a, struct err *err)
{
    for (enum dp_notion n = DP_ZCDP; n <= DP_GDP; n++) {
        const struct ledger_account_spec account = {
            .name = notion_account(p, n, a), .limit = p->cap
        };
        struct ledger_balance balance;
        if (n == p->notion)
            continue;
        if (!account.name)
            return err_set(err, ERR_LIMIT, "the check needs too much memory");
        TRY(ledger_balance(l, &balance, &account, err));
        if (!spent_under(n, balance.lifetime))
            continue;
        (void)err_set(err, ERR_INVALID,
                      "dataset '%.64s' has spent under the notion %s, and its "
                      "policy says %s",
                      p->name, policy_notion_name(n),
                      policy_notion_name(p->notion));
        return err_hint(err,
                        "a notion is chosen once, for the life of the data: "
                        "write 'notion: %s'",
                        policy_notion_name(n));
    }
    return ERR_OK;
}

enum err_code notion_check(struct ledger *l, const struct world *w,
                           struct err *err)
{
    enum { NAMES = 1 << 12 };
    for (size_t i = 0; i < w->n_datasets; i++) {
        struct arena a;
        arena_init(&a, NAMES);
        const enum err_code code =
            check_dataset(l, w->datasets[i]->policy, &a, err);
        arena_fini(&a);
        if (code != ERR_OK)
            return code;
    }
    return ERR_OK;
}

static enum err_code burn_filters(struct ledger *l, const struct world *w,
                                  struct arena *a, struct err *err)
{
    struct ledger_account_spec *filters =
        ARENA_NEW_N(a, w->n_datasets + 1, struct ledger_account_spec);
    bool fits = filters != NULL;
    for (size_t i = 0; fits && i < w->n_datasets; i++) {
        const struct policy *p = w->datasets[i]->policy;
        filters[i] = (struct ledger_account_spec){
            .name = notion_account(p, p->notion, a), .limit = p->cap
        };
        fits = filters[i].name != NULL;
    }
    return fits ? ledger_burn(l, filters, w->n_datasets, err)
                : err_set(err, ERR_LIMIT, "too many datasets");
}

enum err_code notion_burn(struct ledger *l, const struct world *w,
                          struct err *err)
{
    enum { NAMES = 1 << 20 };
    struct arena a;
    arena_init(&a, NAMES);
    const enum err_code code = burn_filters(l, w, &a, err);
    arena_fini(&a);
    return code;
}
