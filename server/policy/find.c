#include <assert.h>
#include <math.h>
#include <string.h>

#include "dp/notion.h"
#include "server/policy/policy.h"

const struct policy_table *policy_find_table(const struct policy *p,
                                             const char *name)
{
    for (size_t i = 0; i < p->n_tables; i++)
        if (strcmp(p->tables[i].name, name) == 0)
            return &p->tables[i];
    return NULL;
}

const struct policy_column *policy_find_column(const struct policy_table *t,
                                               const char *name)
{
    for (size_t i = 0; i < t->n_columns; i++)
        if (strcmp(t->columns[i].name, name) == 0)
            return &t->columns[i];
    return NULL;
}

const struct policy_purpose *policy_find_purpose(const struct policy *p,
                                                 const char *id)
{
    for (size_t i = 0; i < p->n_purposes; i++)
        if (strcmp(p->purposes[i].id, id) == 0)
            return &p->purposes[i];
    return NULL;
}

const char *policy_type_name(enum policy_type type)
{
    static const char *const names[] = { "bool", "int",       "double", "text",
                                         "date", "timestamp", "uuid" };
    assert(type < POLICY_TYPE_COUNT);
    return names[type];
}

struct policy_shown policy_shown_of(const struct policy *p,
                                    struct dp_price price)
{
    if (p->notion == DP_PURE)
        return (struct policy_shown){ (double)price.eps_nano * DP_NANO, 0 };
    struct policy_shown s = {
        .epsilon = 0,
        .delta = (double)price.delta_atto * DP_ATTO + p->shown_delta,
    };
    /* The cap is rounded down to the ledger's units: say what was asked for. */
    if (p->cap_epsilon > 0 && price.rho_pico == p->cap.rho_pico &&
        price.delta_atto == p->cap.delta_atto) {
        s.epsilon = p->cap_epsilon;
        return s;
    }
    /* Saturated prices have no finite epsilon worth showing. */
    if (dp_notion_eps(&s.epsilon, p->notion, price, p->shown_delta) != DP_OK)
        s.epsilon = INFINITY;
    return s;
}
