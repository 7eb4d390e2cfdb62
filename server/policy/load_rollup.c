#include <stddef.h>
#include <string.h>

#include "server/policy/parts.h"

enum { ROLLUPS_MAX = 20, KEYS_MAX = 8, SUMS_MAX = 12 };

/* A rollup while it is read. */
struct rollup_text {
    struct policy_rollup r;
    struct field_texts by, sums;
};

#define AT(member) offsetof(struct rollup_text, member)
static const struct field ROLLUP[] = {
    { .key = "by",
      .kind = FIELD_TEXTS,
      .at = AT(by),
      .absent = "all rows are one group",
      .help = "What it is grouped by, as the questions write GROUP BY, in that "
              "order: columns, or units of a time such as day(ordered_at)." },
    { .key = "sum",
      .kind = FIELD_TEXTS,
      .at = AT(sums),
      .absent = "rows are counted alone",
      .help = "The columns whose sums, means and non-NULL counts it holds." },
    { .key = "refresh",
      .kind = FIELD_DURATION,
      .at = AT(r.refresh_s),
      .fallback = "0",
      .unit_ns = 1000000000,
      .help = "It is built again at every multiple of this since 1970; 0 is "
              "when the server starts or reloads the policy only." },
    { .key = "takes",
      .kind = FIELD_DURATION,
      .at = AT(r.takes_s),
      .fallback = "0",
      .unit_ns = 1000000000,
      .help = "It serves from this long after its build began; 0 is as soon as "
              "it is built, which strict mode forbids, for that tells how long "
              "the data took." },
};
const struct field_set POLICY_ROLLUP_FIELDS =
    FIELD_SET("a rollup", "tables.NAME.rollups.NAME", ROLLUP);

static const char *const UNITS[] = { "hour",    "day",  "week", "month",
                                     "quarter", "year", NULL };

/* "day(at)" into its unit and the column's name, in the arena; a name alone is
 * itself.  False when it is neither. */
static bool split(struct loader *l, const char **unit, const char **name,
                  const char *text)
{
    const char *open = strchr(text, '(');
    const size_t len = strlen(text);
    *unit = NULL;
    *name = text;
    if (!open)
        return true;
    const size_t n = (size_t)(open - text);
    for (size_t i = 0; UNITS[i]; i++)
        if (strlen(UNITS[i]) == n && strncmp(UNITS[i], text, n) == 0)
            *unit = UNITS[i];
    if (!*unit || text[len - 1] != ')')
        return false;
    *name = arena_printf(l->a, "%.*s", (int)(len - n - 2), open + 1);
    l->full = l->full || !*name;
    return *name;
}

static const struct policy_column *find(struct loader *l,
                                        const struct policy_table *t,
                                        const char *name, const char *what,
                                        struct yaml_place at)
{
    const struct policy_column *c = policy_find_column(t, name);
    const bool is_key = c && (size_t)(c - t->columns) == t->key;
    if (c && !is_key)
        return c;
    loader_mistake(
        l, at,
        arena_printf(l->a,
                     is_key ? "'%s' is the privacy key: a rollup is always by "
                              "person"
                            : "'%s' is no column of the table",
                     loader_quote(l, name)),
        arena_printf(l->a, "name columns under '%s'", what));
    return NULL;
}

/* What GROUP BY could not say, a rollup cannot either. */
static const char *unfit_key(const struct policy_column *c, const char *unit)
{
    const bool is_time = c->type == POLICY_DATE || c->type == POLICY_TIMESTAMP;
    if (!c->may_group)
        return "may not be grouped by";
    if (c->of_person)
        return "is an attribute of the person: questions by it alone are quick "
               "without, and others are not what a rollup holds";
    if (unit && !is_time)
        return "is no time, and has no such units";
    return !unit && c->type == POLICY_DOUBLE ? "is a real number, and no key"
                                             : NULL;
}

static void read_by(struct loader *l, const struct policy_table *t,
                    struct rollup_text *r)
{
    struct policy_rollup *out = &r->r;
    out->by = loader_alloc(l, r->by.n + 1, sizeof *out->by);
    for (size_t i = 0; out->by && i < r->by.n; i++) {
        const char *unit, *name;
        if (!split(l, &unit, &name, r->by.text[i])) {
            loader_mistake(l, r->by.at[i],
                           arena_printf(l->a,
                                        "'%s' is neither a column nor a "
                                        "unit of one",
                                        loader_quote(l, r->by.text[i])),
                           "write 'day(ordered_at)'; units are hour, day, "
                           "week, month, quarter and year");
            continue;
        }
        const struct policy_column *c = find(l, t, name, "by", r->by.at[i]);
        const char *why = c ? unfit_key(c, unit) : NULL;
        if (why)
            loader_mistake(l, r->by.at[i],
                           arena_printf(l->a, "'%s' %s", c->name, why),
                           "leave it out");
        else if (c)
            out->by[out->n_by++] =
                (struct policy_rollup_key){ .column = (size_t)(c - t->columns),
                                            .unit = unit };
    }
}

static void read_sums(struct loader *l, const struct policy_table *t,
                      struct rollup_text *r)
{
    struct policy_rollup *out = &r->r;
    out->sums = loader_alloc(l, r->sums.n + 1, sizeof *out->sums);
    for (size_t i = 0; out->sums && i < r->sums.n; i++) {
        const struct policy_column *c =
            find(l, t, r->sums.text[i], "sum", r->sums.at[i]);
        const bool number =
            c && (c->type == POLICY_INT || c->type == POLICY_DOUBLE);
        if (c && !(number && c->has_range))
            loader_mistake(l, r->sums.at[i],
                           arena_printf(l->a, "'%s' %s", c->name,
                                        number ? "has no range, so it cannot "
                                                 "be summed"
                                               : "is no number"),
                           number ? "declare its 'range'" : "leave it out");
        else if (c)
            out->sums[out->n_sums++] = (size_t)(c - t->columns);
    }
}

static void check_size(struct loader *l, const struct yaml_node *node,
                       const struct rollup_text *r)
{
    if (r->by.n > KEYS_MAX || r->sums.n > SUMS_MAX)
        loader_mistake(l, yaml_place_of_key(node),
                       "a rollup is by at most 8 keys, of at most 12 sums",
                       "make two of it");
}

static void check_times(struct loader *l, const struct policy *p,
                        const struct yaml_node *node,
                        const struct policy_rollup *r)
{
    const struct yaml_node *takes = yaml_tree_find(node, "takes");
    const struct yaml_place at =
        takes ? yaml_place_of(takes) : yaml_place_of_key(node);
    if (p->slot_strict_ns && r->takes_s == 0)
        loader_mistake(l, at,
                       arena_printf(l->a,
                                    "rollup '%s' does not say how long "
                                    "its build takes",
                                    r->name),
                       "strict mode hides that: add 'takes: 10 min', longer "
                       "than any build");
    if (r->refresh_s && r->takes_s >= r->refresh_s)
        loader_mistake(l, at,
                       arena_printf(l->a,
                                    "rollup '%s' takes as long as it is "
                                    "good for",
                                    r->name),
                       "make 'takes' shorter than 'refresh'");
}

static void read_rollup(struct loader *l, const struct policy *p,
                        struct policy_table *t, const struct yaml_node *node)
{
    static const struct field name = { .key = "rollup",
                                       .kind = FIELD_NAME,
                                       .help = "Name it after what it is "
                                               "grouped by." };
    struct rollup_text r = { .r = { .name = "", .line = node->key_line } };
    fields_read_key(l, &name, node, &r.r.name);
    fields_read(l, &POLICY_ROLLUP_FIELDS, node, &r);
    if (node->kind == YAML_MAP) {
        check_size(l, node, &r);
        read_by(l, t, &r);
        read_sums(l, t, &r);
        check_times(l, p, node, &r.r);
    }
    t->rollups[t->n_rollups++] = r.r;
}

void policy_read_rollups(struct loader *l, const struct policy *p,
                         struct policy_table *t, const struct yaml_node *node)
{
    if (node->kind != YAML_MAP || node->n == 0 || node->n > ROLLUPS_MAX) {
        loader_mistake(l, yaml_place_of_key(node),
                       "'rollups' must be a map of 1 to 20 rollups",
                       "write 'rollups: {NAME: {by: [COLUMN], sum: "
                       "[COLUMN]}}'");
        return;
    }
    if (!t->owned) {
        loader_mistake(l, yaml_place_of_key(node),
                       arena_printf(l->a,
                                    "table '%s' has no privacy key, and "
                                    "so no rows per person",
                                    t->name),
                       "remove 'rollups': public tables are read as they are");
        return;
    }
    t->rollups = loader_alloc(l, node->n, sizeof *t->rollups);
    for (const struct yaml_node *c = node->first; t->rollups && c; c = c->next)
        read_rollup(l, p, t, c);
}
