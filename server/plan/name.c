/* Which column a name means, by PostgreSQL's rules. */
#include <string.h>
#include <strings.h>

#include "server/plan/draft.h"
#include "server/query/refusal.h"
#include "server/query/suggest.h"

/* A name with a dataset in front is a table's own, not an alias. */
bool draft_leaf_fits(const struct rel_leaf *leaf, const struct expr *e)
{
    const char *dataset = e->column.dataset, *table = e->column.table;
    if (dataset && !(leaf->dataset && strcmp(dataset, leaf->dataset) == 0))
        return false;
    return !table || (leaf->name && strcmp(table, leaf->name) == 0);
}

/* How many columns of one scope are called so; the last of them. */
static size_t count_in(const struct rel_column **out,
                       const struct rel_scope *scope, const struct expr *e)
{
    size_t n = 0;
    for (size_t i = scope->first; i < scope->n_leaves; i++) {
        const struct rel_leaf *leaf = &scope->leaves[i];
        for (size_t c = 0; draft_leaf_fits(leaf, e) && c < leaf->rel->n_columns;
             c++) {
            const struct rel_column *column = &leaf->columns[c];
            const bool hidden = column->merged && !e->column.table;
            if (hidden || strcmp(column->name, e->column.name) != 0)
                continue;
            *out = column;
            n++;
        }
    }
    return n;
}

static bool has_table(const struct rel_scope *scope, const struct expr *e)
{
    for (; scope; scope = scope->outer)
        for (size_t i = scope->first; i < scope->n_leaves; i++)
            if (draft_leaf_fits(&scope->leaves[i], e))
                return true;
    return false;
}

/* The innermost scope that knows the name decides. */
static size_t count(const struct rel_column **out, const struct draft *d,
                    const struct expr *e)
{
    size_t n = 0;
    for (const struct rel_scope *s = d->block->scope; s && n == 0; s = s->outer)
        n = count_in(out, s, e);
    return n;
}

/* Published, or the analyst's own: the column in sight that is spelt most like
 * it, or NULL. */
static const char *near_column(const struct rel_scope *scope,
                               const struct expr *e)
{
    const char *best = NULL;
    unsigned least = SUGGEST_FAR;
    for (size_t i = scope->first; i < scope->n_leaves; i++) {
        const struct rel_leaf *leaf = &scope->leaves[i];
        for (size_t c = 0; draft_leaf_fits(leaf, e) && c < leaf->rel->n_columns;
             c++) {
            const char *name = leaf->columns[c].name;
            const unsigned d = suggest_distance(e->column.name, name);
            if (suggest(e->column.name, &name, 1) && d < least) {
                best = name;
                least = d;
            }
        }
    }
    return best;
}

/* Is it an output of the SELECT it stands in? */
static bool is_output(const struct draft *d, const struct expr *e)
{
    const struct select *s = d->block->tree;
    bool found = false;
    for (size_t i = 0; s && !e->column.table && i < s->n_items; i++)
        found |= s->items[i].alias &&
                 strcmp(s->items[i].alias, e->column.name) == 0;
    return found;
}

static enum err_code no_column(const struct draft *d, const struct expr *e,
                               struct err *err)
{
    const struct rel_scope *scope = d->block->scope;
    const char *name = e->column.name;
    if (!has_table(scope, e))
        return refuse(err, REFUSAL_NO_ALIAS, e->at, e->column.table, NULL);
    if (is_output(d, e))
        return refuse(err, REFUSAL_OUTPUT_NAME, e->at, name, NULL);
    const struct rel_leaf *leaf = &scope->leaves[scope->first];
    const char *table = e->column.table ? e->column.table : leaf->name;
    for (size_t i = scope->first; i < scope->n_leaves; i++)
        for (size_t c = 0; c < scope->leaves[i].rel->n_columns; c++)
            if (strcasecmp(scope->leaves[i].columns[c].name, name) == 0)
                return refuse(err, REFUSAL_NO_COLUMN_CASE, e->at, name,
                              scope->leaves[i].columns[c].name);
    (void)refuse(err, REFUSAL_NO_COLUMN, e->at, name, table ? table : "FROM");
    const char *near = near_column(scope, e);
    return near ? err_hint(err,
                           "Did you mean \"%s\"?  Describe the dataset to see "
                           "its columns.",
                           near)
                : err->code;
}

enum err_code draft_column(const struct rel_column **out, struct draft *d,
                           const struct expr *e, struct err *err)
{
    const size_t n = count(out, d, e);
    if (n == 0)
        return no_column(d, e, err);
    if (n > 1)
        return refuse(err, REFUSAL_AMBIGUOUS_COLUMN, e->at, e->column.name,
                      NULL);
    const struct rel_scope *own = d->block->scope;
    d->block->reads_outer |= draft_leaf_of(own, *out) == own->n_leaves;
    return ERR_OK;
}

const struct rel_column *draft_column_try(const struct draft *d,
                                          const struct expr *e)
{
    const struct rel_column *c = NULL;
    return e->kind == EXPR_COLUMN && count(&c, d, e) == 1 ? c : NULL;
}

const struct rel_column *draft_bare_key(const struct draft *d,
                                        const struct expr *e)
{
    const struct rel_column *c = draft_column_try(d, e);
    return c && c->key != REL_KEY_NONE ? c : NULL;
}

size_t draft_leaf_of(const struct rel_scope *scope, const struct rel_column *c)
{
    size_t i = 0;
    while (i < scope->n_leaves &&
           !(c >= scope->leaves[i].columns &&
             c < scope->leaves[i].columns + scope->leaves[i].rel->n_columns))
        i++;
    return i;
}
