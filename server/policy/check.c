#include <math.h>
#include <stdio.h>
#include <string.h>

#include "server/libpq/pq_uri.h"
#include "server/policy/parts.h"

/* What no single key shows. */

/* Sums of `max_people` persons must fit decimal(38,0): DESIGN 3. */
#define SUM_MAX 1e38
/* Largest scale of a sampler, in grid steps: DP_SCALE_MAX of dp/mechanism.h,
 * written out because that header brings GSL with it. */
#define NOISE_MAX 0x1p40

/* By position, not by name: a name that was refused is empty. */
static const struct yaml_node *child(const struct yaml_node *map, size_t at)
{
    const struct yaml_node *c = map ? map->first : NULL;
    while (c && at-- > 0)
        c = c->next;
    return c;
}

static const struct yaml_node *table_node(const struct policy_file *file,
                                          const struct policy_table *t)
{
    return child(yaml_tree_find(file->root, "tables"),
                 (size_t)(t - file->p.tables));
}

static const struct yaml_node *column_node(const struct policy_file *file,
                                           const struct policy_table *t,
                                           const struct policy_column *c)
{
    return child(yaml_tree_find(table_node(file, t), "columns"),
                 (size_t)(c - t->columns));
}

static struct yaml_place place_of(const struct policy_file *file,
                                  const char *key)
{
    const struct yaml_node *node = yaml_tree_find(file->root, key);
    return yaml_place_of_key(node ? node : file->root);
}

static void check_exclusive(struct loader *l, const struct policy_file *file)
{
    const struct yaml_node *node = yaml_tree_find(file->root, "exclusive");
    if (node && node->kind == YAML_SCALAR && strcmp(node->text, "false") == 0)
        loader_mistake(l, yaml_place_of(node),
                       "a dataset must not share people with another one",
                       "put their tables into one policy: one budget counts "
                       "for each person; then sign 'exclusive: true'");
}

static void check_name(struct loader *l, const struct policy_file *file)
{
    static const char *const schemas[] = { "main", "temp", "system", "public" };
    for (size_t i = 0; i < sizeof schemas / sizeof schemas[0]; i++)
        if (file->p.name && strcmp(file->p.name, schemas[i]) == 0)
            loader_mistake(l, place_of(file, "dataset"),
                           arena_printf(l->a,
                                        "'%s' is a schema that databases "
                                        "have already",
                                        schemas[i]),
                           "choose a name that says what the data is");
}

/* A URI that says where, and nothing that has to be kept secret. */
static void check_uri(struct loader *l, const struct policy_file *file,
                      const char *key, const char *uri)
{
    struct err err = { 0 };
    char what[16];
    (void)snprintf(what, sizeof what, "'%s'", key);
    if (!uri || !pq_uri_is(uri))
        loader_mistake(l, place_of(file, key),
                       arena_printf(l->a,
                                    "source postgresql needs the key '%s' with "
                                    "a URI",
                                    key),
                       arena_printf(l->a,
                                    "write '%s: postgresql://ROLE@HOST/"
                                    "DATABASE?passfile=FILE'",
                                    key));
    else if (pq_uri_check(what, uri, &err) != ERR_OK)
        loader_mistake(l, place_of(file, key), arena_strdup(l->a, err.msg),
                       arena_strdup(l->a, err.hint));
}

/* What only files and DuckDB have. */
static void check_postgresql(struct loader *l, const struct policy_file *file)
{
    const struct policy *p = &file->p;
    check_uri(l, file, "database", p->database);
    if (p->writer || p->has_consent)
        check_uri(l, file, "writer", p->writer);
    if (p->map.source)
        loader_mistake(l, place_of(file, "consent"),
                       "source postgresql has no map of subjects",
                       "remove 'map', and let the key of a view of the "
                       "database be what subject services call the person");
    for (size_t i = 0; i < p->n_tables; i++)
        if (p->tables[i].n_rollups > 0)
            loader_mistake(l, place_of(file, "tables"),
                           arena_printf(l->a,
                                        "table '%s' has rollups, which source "
                                        "postgresql cannot keep",
                                        p->tables[i].name),
                           "remove 'rollups'");
}

static void check_source(struct loader *l, const struct policy_file *file)
{
    const struct policy *p = &file->p;
    if (p->source == SOURCE_DUCKDB && !p->database)
        loader_mistake(l, place_of(file, "source"),
                       "source duckdb needs the key 'database'",
                       "add 'database: FILE.duckdb'");
    if (p->source == SOURCE_POSTGRESQL) {
        check_postgresql(l, file);
        return;
    }
    if (p->source != SOURCE_DUCKDB && p->database)
        loader_mistake(l, place_of(file, "database"),
                       "'database' is for source duckdb or postgresql only",
                       "write 'source: duckdb', or remove 'database'");
    if (p->writer)
        loader_mistake(l, place_of(file, "writer"),
                       "'writer' is for source postgresql only",
                       "remove 'writer'");
    if (p->database && strstr(p->database, "://"))
        loader_mistake(l, place_of(file, "database"),
                       "the database must be a local file",
                       "copy it beside this file, or write 'source: "
                       "postgresql'");
}

/* One type of key in all tables: DESIGN 1, "Unit". */
static void check_keys(struct loader *l, const struct policy_file *file)
{
    const struct policy *p = &file->p;
    const struct policy_table *first = NULL;
    for (size_t i = 0; i < p->n_tables; i++) {
        const struct policy_table *t = &p->tables[i];
        if (!t->owned)
            continue;
        const enum policy_type type = t->columns[t->key].type;
        if (first && type != first->columns[first->key].type)
            loader_mistake(
                l, yaml_place_of(yaml_tree_find(table_node(file, t), "key")),
                arena_printf(l->a, "the key of '%s' is %s, that of '%s' is %s",
                             t->name, policy_type_name(type), first->name,
                             policy_type_name(first->columns[first->key].type)),
                "one person is one key: cast it to one type in the source");
        first = first ? first : t;
    }
    if (!first && p->n_tables > 0)
        for (size_t i = 0; i <= p->n_tables; i++) {
            if (i == p->n_tables)
                loader_mistake(l, place_of(file, "tables"),
                               "no table has a privacy key",
                               "name one with 'key: COLUMN': public tables "
                               "alone need no Halftone");
            else if (yaml_tree_find(table_node(file, &p->tables[i]), "key"))
                break; /* named, and wrong: that is noted already */
        }
}

/* Bound of one person's sum within one group, in grid steps. */
static double steps_of(const struct policy_column *c, uint32_t rows)
{
    double most;
    if (c->has_person_clamp)
        most = fmax(fabs(c->person_lo), fabs(c->person_hi));
    else
        most = fmax(fmax(fabs(c->lo), fabs(c->hi)), c->hi - c->lo) * rows;
    return ldexp(most, (int)c->grid_bits);
}

static bool is_summed(const struct policy_column *c)
{
    return (c->type == POLICY_INT || c->type == POLICY_DOUBLE) &&
           (c->has_range || c->has_person_clamp);
}

/* Scale of the noise that the default price buys one sum. */
static double noise_of(const struct policy *p, double steps)
{
    if (p->notion == DP_PURE)
        return steps / ((double)p->default_price.eps_nano * DP_NANO);
    return steps / sqrt(2 * (double)p->default_price.rho_pico * DP_PICO);
}

static void check_sum(struct loader *l, const struct policy_file *file,
                      const struct policy_table *t,
                      const struct policy_column *c)
{
    const struct policy *p = &file->p;
    if (!is_summed(c))
        return;
    const struct yaml_place at = yaml_place_of_key(column_node(file, t, c));
    const bool priced = p->default_price.rho_pico || p->default_price.eps_nano;
    if ((double)p->max_people * steps_of(c, t->most_rows) > SUM_MAX)
        loader_mistake(l, at,
                       arena_printf(l->a,
                                    "sums of '%s' over max_people could "
                                    "pass 10^38",
                                    c->name),
                       "narrow its range, coarsen its grid, or lower most_rows "
                       "or max_people");
    else if (priced && noise_of(p, steps_of(c, t->max_rows)) > NOISE_MAX)
        loader_mistake(l, at,
                       arena_printf(l->a,
                                    "a sum of '%s' at the default price "
                                    "needs more noise than can be drawn",
                                    c->name),
                       "coarsen its grid, narrow its range, or set "
                       "person_clamp");
}

/* Under pure there is no private selection: keys must be public. */
static void check_group_keys(struct loader *l, const struct policy_file *file,
                             const struct policy_table *t,
                             struct policy_column *c)
{
    const struct yaml_node *group =
        yaml_tree_find(column_node(file, t, c), "group_by");
    if (file->p.notion != DP_PURE || c->has_domain || c->has_range)
        return;
    if (group && c->may_group)
        loader_mistake(l, yaml_place_of(group),
                       arena_printf(l->a,
                                    "'%s' cannot be grouped by: under "
                                    "pure, keys must be public",
                                    c->name),
                       "add a domain or a range, or remove 'group_by'");
    c->may_group = false;
}

static void check_columns(struct loader *l, const struct policy_file *file)
{
    for (size_t i = 0; i < file->p.n_tables; i++) {
        const struct policy_table *t = &file->p.tables[i];
        for (size_t j = 0; j < t->n_columns; j++) {
            struct policy_column *c = &t->columns[j];
            check_sum(l, file, t, c);
            check_group_keys(l, file, t, c);
            if (c->of_person && !t->owned)
                loader_mistake(l, yaml_place_of_key(column_node(file, t, c)),
                               arena_printf(l->a,
                                            "'%s' is an attribute of a "
                                            "person in a public table",
                                            c->name),
                               "remove 'of_person', or name the table's key");
        }
    }
}

/* The ledger moves one charge on at most 8 accounts, the dataset's among them:
 * LEDGER_ACCOUNTS_MAX. */
static void check_quotas(struct loader *l, const struct policy_file *file)
{
    enum { QUOTAS_AT_ONCE = 7 };
    const struct policy *p = &file->p;
    size_t each[QUOTA_KINDS] = { 0 }, most[QUOTA_KINDS] = { 0 }, all = 0;
    for (size_t i = 0; i < p->n_quotas; i++) {
        const struct policy_quota *q = &p->quotas[i];
        size_t same = 0;
        for (size_t j = 0; j < p->n_quotas; j++)
            same += p->quotas[j].kind == q->kind &&
                    strcmp(p->quotas[j].name, q->name) == 0;
        if (strcmp(q->name, "*") == 0)
            each[q->kind] = same;
        else if (same > most[q->kind])
            most[q->kind] = same;
        if (q->kind == QUOTA_PURPOSE && strcmp(q->name, "*") != 0 &&
            !policy_find_purpose(p, q->name))
            loader_mistake(l,
                           yaml_place_of(file->quota_limits[i].node
                                             ? file->quota_limits[i].node
                                             : file->root),
                           arena_printf(l->a,
                                        "the quota's purpose '%s' is not "
                                        "declared",
                                        loader_quote(l, q->name)),
                           "list it under 'purposes'");
    }
    for (int kind = 0; kind < QUOTA_KINDS; kind++)
        all += each[kind] + most[kind];
    if (all > QUOTAS_AT_ONCE)
        loader_mistake(l, place_of(file, "quotas"),
                       "more than 7 quotas could apply to one query",
                       "keep fewer windows for the same name");
}

static void check_sizes(struct loader *l, const struct policy_file *file)
{
    const struct policy *p = &file->p;
    if (p->max_people > 0 && p->expected_size > p->max_people)
        loader_mistake(l, place_of(file, "expected_size"),
                       "'expected_size' passes 'max_people'",
                       "lower it, or raise max_people");
    if (p->max_people > 0 && p->min_audience > p->max_people)
        loader_mistake(l, place_of(file, "min_audience"),
                       "'min_audience' passes 'max_people'",
                       "no group could ever be shown: lower it");
    const double delta = (double)p->cap.delta_atto * DP_ATTO;
    if (p->max_people > 0 && delta * (double)p->max_people > 1)
        loader_mistake(l, place_of(file, "cap"),
                       "the cap's delta is above one in max_people",
                       "a promise that may fail for somebody is none: choose a "
                       "delta well below 1 / max_people");
}

void policy_check(struct loader *l, struct policy_file *file)
{
    check_exclusive(l, file);
    check_name(l, file);
    check_source(l, file);
    check_sizes(l, file);
    check_keys(l, file);
    check_columns(l, file);
    check_quotas(l, file);
    policy_check_consent(l, file);
    policy_check_contact(l, file);
}
