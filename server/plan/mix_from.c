/* FROM of a mix: the columns of its answers, and what its joins compare. */
#include "server/plan/mix_draft.h"

#include <string.h>

#include "server/plan/after.h"
#include "server/query/refusal.h"

/* ---- columns ---- */

/* NULL by itself is of any type. */
static enum value_type type_of(const struct plan_output *o)
{
    return typed_is_null(o->expr) ? VALUE_NULL : o->type;
}

static bool widen(enum value_type *out, enum value_type type)
{
    const enum value_type was = *out;
    if (was == type || type == VALUE_NULL)
        return true;
    if (was == VALUE_NULL)
        *out = type;
    else if ((was == VALUE_INT && type == VALUE_DOUBLE) ||
             (was == VALUE_DOUBLE && type == VALUE_INT))
        *out = VALUE_DOUBLE;
    else if ((was == VALUE_DATE && type == VALUE_TIMESTAMP) ||
             (was == VALUE_TIMESTAMP && type == VALUE_DATE))
        *out = VALUE_TIMESTAMP;
    else
        return false;
    return true;
}

/* Columns of a set: names of the first arm, types that hold all. */
static enum err_code set_columns(struct plan_output **out, size_t *n_out,
                                 const struct mixing *m,
                                 const struct plan_mix_node *node,
                                 const struct relation *r, struct err *err)
{
    const char *kind = set_kind_name(node->set);
    for (size_t i = 0; i < node->n_parts; i++) {
        size_t n;
        const struct plan_output *own =
            plan_columns(m->mix->arms[node->parts[i]->arm].plan, &n);
        if (i == 0) {
            *n_out = n;
            *out = ARENA_NEW_N(m->d.a, n + 1, struct plan_output);
            if (!*out)
                return draft_memory(err);
        }
        if (n != *n_out)
            return refuse(err, REFUSAL_SET_COLUMNS, r->set.arms[i]->at, kind,
                          NULL);
        for (size_t c = 0; c < n; c++) {
            if (i == 0)
                (*out)[c] = (struct plan_output){ .name = own[c].name,
                                                  .type = type_of(&own[c]) };
            if (!widen(&(*out)[c].type, type_of(&own[c])))
                return refuse(err, REFUSAL_SET_TYPES, r->set.arms[i]->at, kind,
                              (*out)[c].name);
        }
    }
    return ERR_OK;
}

/* A relation of FROM as expressions read it. */
static enum err_code add_leaf(struct mixing *m, struct plan_mix_node *node,
                              const struct relation *r, struct err *err)
{
    struct rel_scope *s = m->d.block->scope;
    const struct plan_output *outputs;
    const char *name = relation_name(r);
    for (size_t i = 0; name && i < s->n_leaves; i++)
        if (s->leaves[i].name && strcmp(s->leaves[i].name, name) == 0)
            return refuse(err, REFUSAL_ALIAS_TWICE, r->at, name, NULL);
    if (node->kind == MIX_SET) {
        struct plan_output *own = NULL;
        TRY(set_columns(&own, &node->n_columns, m, node, r, err));
        outputs = own;
    } else {
        outputs = plan_columns(m->mix->arms[node->arm].plan, &node->n_columns);
    }
    node->column = m->mix->n_columns;
    if (node->column + node->n_columns > DRAFT_COLUMNS_MAX)
        return refuse(err, REFUSAL_LIST_LENGTH, r->at, "FROM", "512");
    TRY(draft_answer_leaf(&s->leaves[s->n_leaves++], &m->d,
                          &m->mix->columns[node->column], outputs,
                          node->n_columns, name, err));
    m->mix->n_columns += node->n_columns;
    return ERR_OK;
}

/* ---- joins ---- */

/* A sub-query in FROM has no place of its own: that of what it selects. */
static struct place right_of(const struct relation *r)
{
    r = r->join.right;
    while (r->kind == RELATION_JOIN)
        r = r->join.left;
    return r->kind == RELATION_QUERY ? r->select->at : r->set.arms[0]->at;
}

static const struct rel_column *find(const struct mixing *m,
                                     const struct plan_mix_node *side,
                                     const char *name, size_t *n)
{
    const struct rel_column *found = NULL;
    *n = 0;
    for (size_t c = side->column; c < side->column + side->n_columns; c++)
        if (!m->mix->columns[c].merged &&
            strcmp(m->mix->columns[c].name, name) == 0) {
            found = &m->mix->columns[c];
            ++*n;
        }
    return found;
}

/* USING (x): x is that of the side which the join keeps. */
static enum err_code add_using(struct draft_terms *on, struct mixing *m,
                               struct plan_mix_node *node,
                               const struct relation *r, const char *name,
                               struct err *err)
{
    struct typed *eq, **args = ARENA_NEW_N(m->d.a, 2, struct typed *);
    if (!args)
        return draft_memory(err);
    for (size_t side = 0; side < 2; side++) {
        size_t n;
        const struct rel_column *c = find(m, node->parts[side], name, &n);
        if (n != 1)
            return refuse(err, n ? REFUSAL_AMBIGUOUS_COLUMN : REFUSAL_USING,
                          right_of(r), name, NULL);
        TRY(draft_read(&args[side], &m->d, c, USE_VALUE, right_of(r), err));
        if (side == (node->join != JOIN_RIGHT))
            m->mix->columns[c - m->mix->columns].merged = true;
    }
    if (node->join == JOIN_FULL)
        return refuse(err, REFUSAL_FULL_USING, right_of(r), name, NULL);
    TRY(check_call(&eq, &m->d, OP_EQ, args, 2, right_of(r), err));
    return draft_add_term(on, &m->d, eq, err);
}

/* Does it read columns of this side alone? */
static bool is_of(const struct mixing *m, const struct typed *e,
                  const struct plan_mix_node *side)
{
    bool of = true;
    if (e->kind == TYPED_COLUMN) {
        const size_t c = (size_t)(e->column - m->mix->columns);
        return c >= side->column && c < side->column + side->n_columns;
    }
    for (size_t i = 0; e->kind == TYPED_CALL && i < e->call.n_args; i++)
        of &= is_of(m, e->call.args[i], side);
    return of;
}

/* left = right, or that they are not distinct, as a pair. */
static bool as_pair(struct plan_mix_pair *out, const struct mixing *m,
                    const struct plan_mix_node *node, const struct typed *e)
{
    const bool nulls = typed_is_call(e, OP_NOT) &&
                       typed_is_call(e->call.args[0], OP_IS_DISTINCT);
    if (nulls)
        e = e->call.args[0];
    else if (!typed_is_call(e, OP_EQ))
        return false;
    const struct typed *a = e->call.args[0], *b = e->call.args[1];
    const bool straight = is_of(m, a, node->parts[0]);
    *out = (struct plan_mix_pair){ straight ? a : b, straight ? b : a, nulls };
    return is_of(m, out->left, node->parts[0]) &&
           is_of(m, out->right, node->parts[1]);
}

/* Is it this key, or one that stands for it one to one? */
static bool is_key(const struct typed *e, const struct rel_column *c)
{
    while (typed_is_call(e, OP_CAST_DOUBLE) ||
           typed_is_call(e, OP_CAST_TIMESTAMP))
        e = e->call.args[0];
    return e->kind == TYPED_COLUMN && e->column == c;
}

/* Is this output of the side one of what the pairs tell apart? */
static bool is_paired(const struct mixing *m, const struct plan_mix_node *node,
                      size_t side, size_t output)
{
    const struct rel_column *c =
        &m->mix->columns[node->parts[side]->column + output];
    bool found = false;
    for (size_t i = 0; i < node->n_pairs; i++)
        found |= is_key(side ? node->pairs[i].right : node->pairs[i].left, c);
    return found;
}

/* Does some paired output show key k? */
static bool pairs_key(const struct mixing *m, const struct plan_mix_node *node,
                      size_t side, const struct plan_output *outputs, size_t n,
                      size_t k)
{
    bool found = false;
    for (size_t o = 0; o < n; o++)
        found |= outputs[o].expr->kind == TYPED_KEY &&
                 outputs[o].expr->index == k && is_paired(m, node, side, o);
    return found;
}

/* Has a side at most one row for all that the pairs tell apart?  The rows of a
 * release do, for its group keys; those of a SELECT around it, for the keys
 * that it groups by, or for all that it shows when it is DISTINCT. */
static bool is_unique(const struct mixing *m, const struct plan_mix_node *node,
                      size_t side)
{
    const struct plan_mix_node *part = node->parts[side];
    if (part->kind != MIX_ARM)
        return false;
    const struct plan *p = m->mix->arms[part->arm].plan;
    const struct plan_after *last =
        p->n_after ? &p->after[p->n_after - 1] : NULL;
    bool all = true;
    if (last && last->distinct) {
        for (size_t o = 0; o < last->n_outputs; o++)
            all &= is_paired(m, node, side, o);
        return all;
    }
    if (last ? !last->groups : p->n_parts > 0)
        return false;
    const size_t n_keys = last ? last->n_keys : p->n_keys;
    for (size_t k = 0; k < n_keys; k++)
        all &= last
                   ? pairs_key(m, node, side, last->outputs, last->n_outputs, k)
                   : pairs_key(m, node, side, p->outputs, p->n_outputs, k);
    return all;
}

/* Rows of an answer, at most. */
static double rows_of_plan(const struct plan *p)
{
    const struct plan_after *last =
        p->n_after ? &p->after[p->n_after - 1] : NULL;
    double n = 0;
    for (size_t i = 0; i < plan_releases(p); i++) {
        const struct plan *r = plan_release(p, i);
        n += (double)(r->selects ? r->rows_most : r->groups_public);
    }
    if (p->mix)
        n = p->mix->root->rows;
    if (p->has_limit && (double)p->limit < n)
        n = (double)p->limit;
    if (last && last->has_limit && (double)last->limit < n)
        n = (double)last->limit;
    return n;
}

static enum err_code count_join(struct mixing *m, struct plan_mix_node *node,
                                const struct relation *r, struct err *err)
{
    const double left = node->parts[0]->rows, right = node->parts[1]->rows;
    double most = left * right;
    if (is_unique(m, node, 1) && left < most)
        most = left;
    if (is_unique(m, node, 0) && right < most)
        most = right;
    if (most > MIX_PAIRS_MAX)
        return refuse(err, REFUSAL_JOIN_ROWS, right_of(r), NULL, NULL);
    node->rows = most + (node->join == JOIN_INNER ? 0 : left + right);
    return ERR_OK;
}

static enum err_code type_relation(struct mixing *m, struct plan_mix_node *node,
                                   const struct relation *r, struct err *err);

static enum err_code type_join(struct mixing *m, struct plan_mix_node *node,
                               const struct relation *r, struct err *err)
{
    struct rel_scope *s = m->d.block->scope;
    struct draft_terms on = { 0 };
    const size_t first = s->n_leaves;
    TRY(type_relation(m, node->parts[0], r->join.left, err));
    TRY(type_relation(m, node->parts[1], r->join.right, err));
    node->column = node->parts[0]->column;
    node->n_columns = node->parts[0]->n_columns + node->parts[1]->n_columns;
    for (size_t i = 0; i < r->join.n_using; i++)
        TRY(add_using(&on, m, node, r, r->join.using[i], err));
    s->first = first;
    if (r->join.on)
        TRY(draft_conjuncts(&on, &m->d, r->join.on, err));
    s->first = 0;
    node->pairs = ARENA_NEW_N(m->d.a, on.n + 1, struct plan_mix_pair);
    node->on = ARENA_NEW_N(m->d.a, on.n + 1, struct typed *);
    if (!node->pairs || !node->on)
        return draft_memory(err);
    for (size_t i = 0; i < on.n; i++) {
        if (as_pair(&node->pairs[node->n_pairs], m, node, on.v[i]))
            node->n_pairs++;
        else
            node->on[node->n_on++] = on.v[i];
    }
    return count_join(m, node, r, err);
}

static enum err_code type_relation(struct mixing *m, struct plan_mix_node *node,
                                   const struct relation *r, struct err *err)
{
    if (node->kind == MIX_JOIN)
        return type_join(m, node, r, err);
    for (size_t i = 0; i < node->n_parts; i++)
        node->rows += rows_of_plan(m->mix->arms[node->parts[i]->arm].plan);
    if (node->kind == MIX_ARM)
        node->rows = rows_of_plan(m->mix->arms[node->arm].plan);
    return add_leaf(m, node, r, err);
}

enum err_code draft_mix_from(struct rel_scope **out, struct mixing *m,
                             const struct relation *r, struct err *err)
{
    struct rel_scope *s = ARENA_NEW(m->d.a, struct rel_scope);
    struct draft_block b = {
        .scope = s, .in_join = true, .is_answer = true, .ties = ""
    };
    m->mix->columns = ARENA_NEW_N(m->d.a, DRAFT_COLUMNS_MAX, struct rel_column);
    if (!s || !m->mix->columns)
        return draft_memory(err);
    s->leaves = ARENA_NEW_N(m->d.a, MIX_ARMS_MAX, struct rel_leaf);
    if (!s->leaves)
        return draft_memory(err);
    m->d.block = &b;
    TRY(type_relation(m, m->mix->root, r, err));
    m->d.block = NULL;
    *out = s;
    return ERR_OK;
}
