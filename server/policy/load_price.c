#include <math.h>
#include <stddef.h>
#include <string.h>

#include "dp/convert.h"
#include "server/policy/parts.h"

/* Largest epsilon or rho of any use: odds past e^100 promise nothing. */
#define PRICE_REAL_MAX 100.0

#define PRICE_AT(member) offsetof(struct price_text, member)
static const struct field PRICE[] = {
    { .key = "epsilon",
      .kind = FIELD_REAL,
      .at = PRICE_AT(eps),
      .max = PRICE_REAL_MAX,
      .absent = "rho is given",
      .help = "Epsilon; under zcdp and gdp it is converted to rho, rounded "
              "down." },
    { .key = "rho",
      .kind = FIELD_REAL,
      .at = PRICE_AT(rho),
      .max = PRICE_REAL_MAX,
      .absent = "epsilon is given",
      .help = "Rho of zero-concentrated differential privacy, or mu^2/2 of "
              "Gaussian differential privacy; not under pure." },
    { .key = "delta",
      .kind = FIELD_REAL,
      .at = PRICE_AT(delta),
      .max = 0.01,
      .absent = "0 under pure; for max_price ten times default_delta; for a "
                "quota the cap's",
      .help = "Chance that the promise fails, far below one in the number of "
              "people; required in the cap unless pure, where half of it goes "
              "to the conversion when epsilon is given." },
};
const struct field_set POLICY_PRICE_FIELDS =
    FIELD_SET("a price", "cap, max_price, default_price, quotas.limit", PRICE);

static void read_price_text(struct loader *l, const struct yaml_node *node,
                            struct price_text *out)
{
    *out = (struct price_text){ node, NAN, NAN, NAN };
    fields_read(l, &POLICY_PRICE_FIELDS, node, out);
}

void policy_read_price(struct loader *l, const struct field *f,
                       const struct yaml_node *node, void *out)
{
    read_price_text(l, node, (struct price_text *)((char *)out + f->at));
}

struct quota_text {
    struct policy_quota quota;
    struct price_text limit;
    const char *team;
    const char *principal, *purpose, *dashboard;
};

static void read_limit(struct loader *l, const struct field *f,
                       const struct yaml_node *node, void *out)
{
    (void)f;
    read_price_text(l, node, &((struct quota_text *)out)->limit);
}

#define QUOTA_AT(member) offsetof(struct quota_text, member)
static const struct field QUOTA[] = {
    { .key = "principal",
      .kind = FIELD_TEXT,
      .at = QUOTA_AT(principal),
      .absent = "another is given",
      .help = "Name of a principal, or \"*\" for each of them." },
    { .key = "team",
      .kind = FIELD_TEXT,
      .at = QUOTA_AT(team),
      .absent = "another is given",
      .help = "Name of a team of principals, or \"*\" for each of them." },
    { .key = "purpose",
      .kind = FIELD_TEXT,
      .at = QUOTA_AT(purpose),
      .absent = "another is given",
      .help = "Id of a purpose, or \"*\" for each of them." },
    { .key = "dashboard",
      .kind = FIELD_TEXT,
      .at = QUOTA_AT(dashboard),
      .absent = "another is given",
      .help = "Name of a dashboard that principals ask for, or \"*\" for each "
              "of them." },
    { .key = "limit",
      .kind = FIELD_CUSTOM,
      .required = true,
      .read = read_limit,
      .form = "price",
      .help = "What it may spend within the window." },
    { .key = "window",
      .kind = FIELD_DURATION,
      .unit_ns = 1000000000,
      .at = QUOTA_AT(quota.window_s),
      .fallback = "0",
      .max = 3660 * 86400.0,
      .help = "Spending older than this no longer counts; 0 is for life." },
};
const struct field_set POLICY_QUOTA_FIELDS =
    FIELD_SET("a quota", "quotas[]", QUOTA);

static bool same_quota(const struct policy_quota *x,
                       const struct policy_quota *y)
{
    return x->kind == y->kind && x->window_s == y->window_s &&
           strcmp(x->name, y->name) == 0;
}

/* Whose it is: one name, of one kind. */
static void name_quota(struct loader *l, struct quota_text *q,
                       const struct yaml_node *node)
{
    const char *const names[QUOTA_KINDS] = { [QUOTA_PRINCIPAL] = q->principal,
                                             [QUOTA_TEAM] = q->team,
                                             [QUOTA_PURPOSE] = q->purpose,
                                             [QUOTA_DASHBOARD] = q->dashboard };
    unsigned given = 0;
    q->quota.name = "";
    for (int kind = 0; kind < QUOTA_KINDS; kind++) {
        if (!names[kind])
            continue;
        q->quota.kind = (enum policy_quota_kind)kind;
        q->quota.name = names[kind];
        given++;
    }
    if (given != 1)
        loader_mistake(l, yaml_place_of(node),
                       "a quota must name a principal, a team, a purpose or a "
                       "dashboard, one of the four",
                       "write 'principal: \"*\"', 'team: NAME', "
                       "'purpose: ID' or 'dashboard: NAME'");
}

static void read_quota(struct loader *l, struct policy_file *file,
                       const struct yaml_node *node)
{
    struct quota_text q = { .limit = { NULL, NAN, NAN, NAN } };
    struct policy *p = &file->p;
    fields_read(l, &POLICY_QUOTA_FIELDS, node, &q);
    if (node->kind != YAML_MAP)
        return;
    name_quota(l, &q, node);
    for (size_t i = 0; i < p->n_quotas; i++)
        if (same_quota(&p->quotas[i], &q.quota))
            loader_mistake(l, yaml_place_of(node),
                           arena_printf(l->a,
                                        "'%s' has a quota of this window "
                                        "already",
                                        loader_quote(l, q.quota.name)),
                           "keep the smaller of the two");
    file->quota_limits[p->n_quotas] = q.limit;
    p->quotas[p->n_quotas++] = q.quota;
}

void policy_read_quotas(struct loader *l, const struct field *f,
                        const struct yaml_node *node, void *out)
{
    enum { QUOTAS_MAX = 1000 };
    struct policy_file *file = out;
    (void)f;
    if (node->kind != YAML_LIST || node->n > QUOTAS_MAX) {
        loader_mistake(l, yaml_place_of(node),
                       "'quotas' must be a list of at most 1000 quotas",
                       "write '- {principal: \"*\", limit: {rho: 0.1}, window: "
                       "30 days}'");
        return;
    }
    file->p.quotas = loader_alloc(l, node->n, sizeof *file->p.quotas);
    file->quota_limits = loader_alloc(l, node->n, sizeof *file->quota_limits);
    if (!file->p.quotas || !file->quota_limits)
        return;
    for (const struct yaml_node *c = node->first; c; c = c->next)
        read_quota(l, file, c);
}
