/*
 * The stage `names`: the keys that a group's code stands for, where bounding
 * goes by codes alone (dialect_keep.c).
 *
 *   named   NAMES_LEAF: the keys of every row of one relation, or that row
 *           missing
 *   names   c, k0, ..: at least every group there is
 */
#include "server/plan/dialect_stage.h"

enum { LISTED_MAX = 1000 };

static bool lists(const struct plan *p)
{
    bool all = !p->selects && p->groups_public <= LISTED_MAX;
    for (size_t k = 0; k < p->n_keys; k++)
        all &= p->keys[k].is_public;
    return all;
}

/* Notes the leaf of every column; *other when it is a second one, or what is
 * read is no column of this scope. */
static void find_leaf(size_t *leaf, bool *other, const struct rel_scope *scope,
                      const struct typed *e)
{
    if (e->kind == TYPED_COLUMN) {
        const size_t at = draft_leaf_of(scope, e->column);
        *other |= at == scope->n_leaves || (*leaf != STAGE_NONE && *leaf != at);
        *leaf = at;
    }
    *other |= e->kind != TYPED_COLUMN && e->kind != TYPED_CALL &&
              e->kind != TYPED_CONST;
    for (size_t i = 0; e->kind == TYPED_CALL && i < e->call.n_args; i++)
        find_leaf(leaf, other, scope, e->call.args[i]);
}

/* To join them again is little beside a window over what they make. */
static bool all_cheap(const struct rel_scope *scope)
{
    bool all = true;
    for (size_t i = 0; i < scope->n_leaves; i++)
        all &= scope->leaves[i].rel->cheap;
    return all;
}

enum stage_names stage_names_of(struct sql *s)
{
    const struct rel_scope *scope = s->d->scope;
    bool other = false;
    s->named_by = STAGE_NONE;
    if (lists(s->d->plan))
        return NAMES_LIST;
    if (scope->n_leaves == 1 && scope->leaves[0].rel->key_may_be_null)
        return NAMES_ROWS;
    for (size_t k = 0; k < s->d->plan->n_keys; k++)
        find_leaf(&s->named_by, &other, scope, s->d->keys[k]);
    if (!other && s->named_by != STAGE_NONE &&
        scope->leaves[s->named_by].rel->cheap)
        return NAMES_LEAF;
    return all_cheap(scope) ? NAMES_ROWS : NAMES_NONE;
}

/* Every combination of the domains. */
static void list(const struct sql *s)
{
    const struct plan *p = s->d->plan;
    writer_str(s->w, "(SELECT 0");
    for (size_t k = 0; k < p->n_keys; k++)
        writer_printf(s->w, ", k%zu", k);
    for (size_t k = 0; k < p->n_keys; k++) {
        const struct plan_key *key = &p->keys[k];
        writer_str(s->w, k ? " CROSS JOIN (VALUES " : " FROM (VALUES ");
        for (size_t i = 0; i < key->n_domain; i++) {
            writer_str(s->w, i ? ", (CAST(" : "(CAST(");
            dialect_value(s->w, key->type, &key->domain[i]);
            writer_printf(s->w, " AS %s))", dialect_type(s->w, key->type));
        }
        writer_printf(s->w, ") AS d%zu(k%zu)", k, k);
    }
    writer_str(s->w, ")");
}

static void keys_from(const struct sql *s, bool missing)
{
    const struct rel_leaf *leaf = &s->d->scope->leaves[s->named_by];
    writer_str(s->w, "SELECT 0");
    for (size_t k = 0; k < s->d->plan->n_keys; k++)
        stage_key(s, k);
    writer_printf(s->w, " FROM %s%s AS %s%s",
                  missing ? "(SELECT 0) AS nobody LEFT JOIN " : "",
                  leaf->rel->sql, leaf->alias, missing ? " ON FALSE" : "");
    writer_behind(s->w, leaf->rel->behind);
}

static void named(const struct sql *s)
{
    writer_str(s->w, ",\nnamed AS (");
    keys_from(s, false);
    if (s->d->scope->leaves[s->named_by].optional) {
        writer_str(s->w, " UNION ALL ");
        keys_from(s, true);
    }
    writer_str(s->w, ")");
}

void stage_names(const struct sql *s)
{
    if (s->names == NAMES_LEAF)
        named(s);
    writer_str(s->w, ",\nnames AS (SELECT ");
    stage_code(s);
    writer_str(s->w, " AS c");
    for (size_t k = 0; k < s->d->plan->n_keys; k++)
        writer_printf(s->w, ", any_value(k%zu) AS k%zu", k, k);
    writer_str(s->w, " FROM ");
    if (s->names == NAMES_LIST) {
        list(s);
    } else if (s->names == NAMES_LEAF) {
        writer_str(s->w, "(");
        stage_placed_keys(s, "named");
        writer_str(s->w, ")");
    } else {
        writer_str(s->w, "placed");
    }
    writer_str(s->w, " GROUP BY 1)");
}
