/*
 * FROM: relations under aliases, joined, and who owns the rows they make.
 *
 * Every owned relation that an inner join brings in must have the key of the
 * row it stands in: groups of leaves with equal keys are merged by each
 * equality of two bare keys in an ON or in the WHERE, and one group must be
 * left.  An ON of an outer join proves nothing about the rows it preserves, so
 * its equalities only tie the leaves that may be missing to one that is there.
 */
#include <string.h>

#include "server/plan/dialect.h"
#include "server/plan/draft.h"
#include "server/plan/reach.h"
#include "server/query/refusal.h"

/* Of a question, and of one FROM: the engine looks for an order of joins in
 * more than quadratic time. */
enum { LEAVES_MAX = 64, JOINED_MAX = 32 };

static size_t group_of(const struct rel_scope *s, size_t leaf)
{
    while (s->leaves[leaf].group != leaf)
        leaf = s->leaves[leaf].group;
    return leaf;
}

static void merge(struct rel_scope *s, size_t a, size_t b)
{
    a = group_of(s, a);
    b = group_of(s, b);
    s->leaves[b].group = a;
    s->leaves[a].with_outer |= s->leaves[b].with_outer;
}

/* What one equality of keys joins; a key of no leaf is that of the outer row.
 */
static void merge_pair(struct rel_scope *s, const struct draft_pair *pair)
{
    const size_t a = draft_leaf_of(s, pair->a), b = draft_leaf_of(s, pair->b);
    if (a < s->n_leaves && b < s->n_leaves)
        merge(s, a, b);
    else if (a < s->n_leaves)
        s->leaves[group_of(s, a)].with_outer = true;
    else if (b < s->n_leaves)
        s->leaves[group_of(s, b)].with_outer = true;
}

static void merge_pairs(struct rel_scope *s, const struct draft_terms *t)
{
    for (size_t i = 0; i < t->n_pairs; i++)
        merge_pair(s, &t->pairs[i]);
}

/* `number = 1` over a column that numbers each person's rows leaves one. */
static const struct rel_column *numbered(const struct typed *e)
{
    if (e->kind != TYPED_CALL || e->call.n_args != 2)
        return NULL;
    const bool swapped = typed_is_const(e->call.args[0]);
    const struct typed *x = e->call.args[swapped], *k = e->call.args[!swapped];
    if (typed_is_call(x, OP_CAST_DOUBLE))
        x = x->call.args[0];
    if (x->kind != TYPED_COLUMN || !x->column->numbers || !typed_is_const(k) ||
        k->value.type != VALUE_INT)
        return NULL;
    const bool below = e->call.op == (swapped ? OP_GE : OP_LE);
    const bool under = e->call.op == (swapped ? OP_GT : OP_LT);
    const bool one = e->call.op == OP_EQ || (below && k->value.i <= 1) ||
                     (under && k->value.i <= 2);
    return one ? x->column : NULL;
}

static void mark_numbered(struct rel_scope *s, const struct draft_terms *t,
                          size_t from, size_t end)
{
    for (size_t i = 0; i < t->n; i++) {
        const struct rel_column *c = numbered(t->v[i]);
        const size_t leaf = c ? draft_leaf_of(s, c) : s->n_leaves;
        if (c && leaf >= from && leaf < end)
            s->leaves[leaf].one_row = true;
    }
}

/* The relation under an alias, and its columns as they are read through it. */
static enum err_code fill_leaf(struct rel_leaf *leaf, struct draft *d,
                               const struct rel *rel, const char *name,
                               struct place at, struct err *err)
{
    *leaf = (struct rel_leaf){
        .name = name, .at = at, .rel = rel, .one_row = rel->one_row
    };
    leaf->alias = d->n_aliases ? arena_printf(d->a, "t%zu", d->n_aliases) : "t";
    d->n_aliases++;
    leaf->columns = ARENA_NEW_N(d->a, rel->n_columns + 1, struct rel_column);
    if (!leaf->alias || !leaf->columns)
        return draft_memory(err);
    for (size_t i = 0; i < rel->n_columns; i++) {
        leaf->columns[i] = rel->columns[i];
        leaf->columns[i].sql =
            arena_printf(d->a, "%s.%s", leaf->alias, rel->columns[i].sql);
        if (!leaf->columns[i].sql)
            return draft_memory(err);
    }
    if (!rel->owned)
        return ERR_OK;
    leaf->key_sql = arena_printf(d->a, "%s.%s", leaf->alias, rel->key_sql);
    return leaf->key_sql ? ERR_OK : draft_memory(err);
}

/* Who owns the relation, as EXPLAIN tells it. */
static enum err_code tell_leaf(struct draft *d, const struct relation *r,
                               const struct rel_leaf *leaf, struct err *err)
{
    const struct rel *rel = leaf->rel;
    const char *name = leaf->name ? leaf->name : "without a name";
    const bool is_table = r->kind == RELATION_TABLE;
    if (!d->story)
        d->story = ARENA_NEW_N(d->a, LEAVES_MAX, const char *);
    if (!d->story)
        return draft_memory(err);
    if (rel->owned)
        d->story[d->n_story] = arena_printf(
            d->a, "Owned %s %s%s%s, one owner per row: %s%s",
            is_table ? "table" : "sub-query", is_table ? d->policy->name : "",
            is_table ? "." : "", is_table ? r->table.name : name, rel->key_name,
            rel->one_row ? ", one row per person" : "");
    else
        d->story[d->n_story] = arena_printf(
            d->a, "Public %s %s%s%s", is_table ? "table" : "sub-query",
            is_table ? d->policy->name : "", is_table ? "." : "",
            is_table ? r->table.name : name);
    return d->story[d->n_story++] ? ERR_OK : draft_memory(err);
}

static enum err_code add_leaf(const char **sql, struct draft *d,
                              const struct relation *r, struct err *err)
{
    struct rel_scope *s = d->block->scope;
    const struct rel *rel = NULL;
    const char *name = relation_name(r);
    if (++d->n_relations > LEAVES_MAX)
        return refuse(err, REFUSAL_RELATIONS, r->at, "64", NULL);
    if (s->n_leaves == JOINED_MAX)
        return refuse(err, REFUSAL_JOINED, r->at, "32", NULL);
    for (size_t i = 0; name && i < s->n_leaves; i++)
        if (s->leaves[i].name && strcmp(s->leaves[i].name, name) == 0)
            return refuse(err, REFUSAL_ALIAS_TWICE, r->at, name, NULL);
    if (r->kind == RELATION_TABLE)
        TRY(draft_table(&rel, d, r, err));
    else if (r->kind == RELATION_QUERY)
        TRY(draft_sub(&rel, d, r->select, err));
    else
        TRY(draft_set(&rel, d, r, err));
    struct rel_leaf *leaf = &s->leaves[s->n_leaves];
    TRY(fill_leaf(leaf, d, rel, name, r->at, err));
    leaf->group = s->n_leaves++;
    if (r->kind == RELATION_TABLE && !r->alias)
        leaf->dataset = d->policy->name;
    s->behind = reach_add(s->behind, rel->behind);
    TRY(tell_leaf(d, r, leaf, err));
    *sql = draft_concat(
        d, (const char *[]){ rel->sql, " AS ", leaf->alias, NULL });
    return *sql ? ERR_OK : draft_memory(err);
}

/* One join while it is read: leaves from..middle, middle..end. */
struct join {
    const struct relation *r;
    size_t from, middle, end;
    const char *left, *right; /* the engine's text */
    struct draft_terms on;
};

static enum err_code find_using(struct rel_column **out,
                                const struct rel_scope *s, size_t from,
                                size_t end, const struct join *j,
                                const char *name, struct err *err)
{
    size_t n = 0;
    for (size_t i = from; i < end; i++)
        for (size_t c = 0; c < s->leaves[i].rel->n_columns; c++) {
            struct rel_column *column = &s->leaves[i].columns[c];
            if (column->merged || strcmp(column->name, name) != 0)
                continue;
            *out = column;
            n++;
        }
    if (n == 1)
        return ERR_OK;
    return refuse(err, n ? REFUSAL_AMBIGUOUS_COLUMN : REFUSAL_USING, j->r->at,
                  name, NULL);
}

/* USING (x): left.x = right.x, and x means that of the preserved side. */
static enum err_code add_using(struct join *j, struct draft *d,
                               const char *name, struct err *err)
{
    struct rel_scope *s = d->block->scope;
    const struct place at = j->r->at;
    struct rel_column *left = NULL, *right = NULL;
    TRY(find_using(&left, s, j->from, j->middle, j, name, err));
    TRY(find_using(&right, s, j->middle, j->end, j, name, err));
    if (j->r->join.kind == JOIN_RIGHT)
        left->merged = true;
    else
        right->merged = true;
    if (left->key != REL_KEY_NONE && right->key != REL_KEY_NONE)
        return draft_key_pair(&j->on, d, left, right, at, err);
    struct typed *eq = NULL, **args = ARENA_NEW_N(d->a, 2, struct typed *);
    if (!args)
        return draft_memory(err);
    TRY(draft_read(&args[0], d, left, USE_FILTER, at, err));
    TRY(draft_read(&args[1], d, right, USE_FILTER, at, err));
    TRY(check_call(&eq, d, OP_EQ, args, 2, at, err));
    return draft_add_term(&j->on, d, eq, err);
}

static enum err_code read_on(struct join *j, struct draft *d, struct err *err)
{
    struct draft_block *b = d->block;
    const size_t was = b->scope->first;
    b->scope->first = j->from;
    b->in_join = true;
    for (size_t i = 0; i < j->r->join.n_using; i++)
        TRY(add_using(j, d, j->r->join.using[i], err));
    if (j->r->join.on)
        TRY(draft_conjuncts(&j->on, d, j->r->join.on, err));
    b->in_join = false;
    b->scope->first = was;
    return draft_note_equals(d, &j->on, err);
}

static bool owns(const struct rel_scope *s, size_t from, size_t end)
{
    bool owned = false;
    for (size_t i = from; i < end; i++)
        owned |= s->leaves[i].rel->owned;
    return owned;
}

/* Is leaf i, by inner joins or this ON, of the person of a preserved row? */
static bool is_tied(const struct rel_scope *s, size_t leaf, size_t from,
                    size_t end)
{
    const size_t group = group_of(s, leaf);
    bool tied = false;
    for (size_t i = from; i < end; i++)
        tied |= s->leaves[i].rel->owned && !s->leaves[i].optional &&
                group_of(s, i) == group;
    return tied;
}

static enum err_code check_tied(struct rel_scope *s, const struct join *j,
                                bool flipped, struct err *err)
{
    size_t was[JOINED_MAX];
    bool had[JOINED_MAX];
    const size_t kept = flipped ? j->middle : j->from;
    const size_t kept_end = flipped ? j->end : j->middle;
    const size_t from = flipped ? j->from : j->middle;
    const size_t end = flipped ? j->middle : j->end;
    for (size_t i = 0; i < s->n_leaves; i++) {
        was[i] = s->leaves[i].group;
        had[i] = s->leaves[i].with_outer;
    }
    merge_pairs(s, &j->on);
    enum err_code code = ERR_OK;
    for (size_t i = from; i < end && code == ERR_OK; i++)
        if (s->leaves[i].rel->owned && !s->leaves[i].optional &&
            !is_tied(s, i, kept, kept_end))
            code = refuse(err, REFUSAL_JOIN_KEY, j->r->at,
                          s->leaves[i].rel->key_name, NULL);
    for (size_t i = from; i < end; i++)
        s->leaves[i].joined_by_key = s->leaves[i].rel->owned;
    for (size_t i = 0; i < s->n_leaves; i++) {
        s->leaves[i].group = was[i];
        s->leaves[i].with_outer = had[i];
    }
    return code;
}

/* From here on the leaves may be missing from a row. */
static void make_optional(struct rel_scope *s, size_t from, size_t end)
{
    for (size_t i = from; i < end; i++) {
        struct rel_leaf *leaf = &s->leaves[i];
        leaf->optional = true;
        for (size_t c = 0; c < leaf->rel->n_columns; c++) {
            leaf->columns[c].never_null = false;
            leaf->columns[c].of_person = false;
            if (leaf->columns[c].key == REL_KEY_OWN)
                leaf->columns[c].key = REL_KEY_MAYBE;
        }
    }
}

static void print_on(struct writer *w, const void *ctx)
{
    const struct draft_terms *t = ctx;
    for (size_t i = 0; i < t->n; i++) {
        writer_str(w, i ? " AND " : "");
        dialect_expr(w, t->v[i]);
    }
    writer_str(w, t->n ? "" : "TRUE");
}

static enum err_code join_text(const char **sql, struct draft *d,
                               const struct join *j, const char *words,
                               const char *left, const char *right,
                               bool brackets, struct err *err)
{
    struct rel_scope *s = d->block->scope;
    const uint64_t behind = d->behind;
    const char *on = draft_print(d, print_on, &j->on);
    if (!on)
        return draft_memory(err);
    s->behind = reach_add(s->behind, d->behind - behind);
    *sql = draft_concat(d, (const char *[]){ left, words, brackets ? "(" : "",
                                             right, brackets ? ") ON " : " ON ",
                                             on, NULL });
    return *sql ? ERR_OK : draft_memory(err);
}

static enum err_code outer_join(const char **sql, struct draft *d,
                                struct join *j, struct err *err)
{
    struct rel_scope *s = d->block->scope;
    const bool flipped = j->r->join.kind == JOIN_RIGHT;
    const size_t from = flipped ? j->from : j->middle;
    const size_t end = flipped ? j->middle : j->end;
    const bool keeps_owned =
        owns(s, flipped ? j->middle : j->from, flipped ? j->end : j->middle);
    if (j->r->join.kind == JOIN_FULL)
        return refuse(err, REFUSAL_FULL_JOIN, j->r->at, NULL, NULL);
    if (!keeps_owned && owns(s, from, end))
        return refuse(err, REFUSAL_PUBLIC_KEPT, j->r->at,
                      flipped ? "RIGHT JOIN" : "LEFT JOIN", NULL);
    TRY(check_tied(s, j, flipped, err));
    mark_numbered(s, &j->on, from, end);
    make_optional(s, from, end);
    const struct relation *lost = flipped ? j->r->join.left : j->r->join.right;
    return join_text(sql, d, j, " LEFT JOIN ", flipped ? j->right : j->left,
                     flipped ? j->left : j->right, lost->kind == RELATION_JOIN,
                     err);
}

static enum err_code inner_join(const char **sql, struct draft *d,
                                struct join *j, struct err *err)
{
    struct rel_scope *s = d->block->scope;
    const bool brackets = j->r->join.right->kind == RELATION_JOIN;
    if (d->block->is_release)
        TRY(draft_note_amongs(d, &j->on, err));
    merge_pairs(s, &j->on);
    mark_numbered(s, &j->on, j->from, j->end);
    s->never |= j->on.never;
    if (j->on.n > 0)
        return join_text(sql, d, j, " JOIN ", j->left, j->right, brackets, err);
    *sql = draft_concat(
        d,
        (const char *[]){ j->left, brackets ? " CROSS JOIN (" : " CROSS JOIN ",
                          j->right, brackets ? ")" : "", NULL });
    return *sql ? ERR_OK : draft_memory(err);
}

static enum err_code add_relation(const char **sql, struct draft *d,
                                  const struct relation *r, struct err *err)
{
    struct rel_scope *s = d->block->scope;
    struct join j = { .r = r, .from = s->n_leaves };
    if (r->kind != RELATION_JOIN)
        return add_leaf(sql, d, r, err);
    TRY(add_relation(&j.left, d, r->join.left, err));
    j.middle = s->n_leaves;
    TRY(add_relation(&j.right, d, r->join.right, err));
    j.end = s->n_leaves;
    TRY(read_on(&j, d, err));
    return r->join.kind == JOIN_INNER ? inner_join(sql, d, &j, err)
                                      : outer_join(sql, d, &j, err);
}

/* The first owned leaf that is there on every row has the key of the row. */
static void find_key(struct rel_scope *s)
{
    s->key = s->n_leaves;
    for (size_t i = s->n_leaves; i-- > 0;)
        if (s->leaves[i].rel->owned && !s->leaves[i].optional)
            s->key = i;
    s->owned = s->key < s->n_leaves;
    for (size_t i = 0; i < s->n_leaves; i++)
        s->limits = rel_limits_max(s->limits, s->leaves[i].rel->limits);
}

enum err_code draft_from(struct draft *d, const struct rel_scope *outer,
                         struct err *err)
{
    struct rel_scope *s = ARENA_NEW(d->a, struct rel_scope);
    if (!s)
        return draft_memory(err);
    s->outer = outer;
    s->leaves = ARENA_NEW_N(d->a, JOINED_MAX, struct rel_leaf);
    if (!s->leaves)
        return draft_memory(err);
    d->block->scope = s;
    TRY(add_relation(&s->from, d, d->block->tree->from, err));
    find_key(s);
    return ERR_OK;
}

/* Is a row around a sub-query somebody's? */
static bool has_owner(const struct rel_scope *outer)
{
    bool owned = false;
    for (; outer; outer = outer->outer)
        owned |= outer->owned;
    return owned;
}

static enum err_code check_leaf(const struct draft *d, size_t i,
                                struct err *err)
{
    const struct rel_scope *s = d->block->scope;
    const struct place at = s->leaves[i].at;
    const char *key = s->leaves[i].rel->key_name;
    const size_t group = group_of(s, i);
    if (s->leaves[i].rel->key_type != s->leaves[s->key].rel->key_type)
        return refuse(err, REFUSAL_KEY_TYPES, at, key, NULL);
    if (group != group_of(s, s->key))
        return refuse(err, REFUSAL_JOIN_KEY, at, key, NULL);
    if (!s->outer || s->leaves[group].with_outer)
        return ERR_OK;
    return refuse(err,
                  has_owner(s->outer) ? REFUSAL_QUERY_KEY : REFUSAL_PUBLIC_KEPT,
                  at, has_owner(s->outer) ? key : "A sub-query", NULL);
}

/* One row a person: of each owned relation one, and no public one beside. */
static bool is_one_row(const struct rel_scope *s)
{
    bool one = s->owned;
    for (size_t i = 0; i < s->n_leaves; i++)
        one &= s->leaves[i].rel->owned && s->leaves[i].one_row;
    return one;
}

enum err_code draft_rows(struct draft *d, struct err *err)
{
    struct draft_block *b = d->block;
    struct rel_scope *s = b->scope;
    if (b->tree->where)
        TRY(draft_conjuncts(&b->where, d, b->tree->where, err));
    b->where.never |= s->never;
    for (size_t i = 0; i < s->n_leaves; i++)
        b->where.never |= s->leaves[i].rel->never && !s->leaves[i].optional;
    TRY(draft_snap(d, b, err));
    if (b->is_release)
        TRY(draft_note_amongs(d, &b->where, err));
    merge_pairs(s, &b->where);
    mark_numbered(s, &b->where, 0, s->n_leaves);
    for (size_t i = 0; i < s->n_leaves; i++)
        if (s->leaves[i].rel->owned && !s->leaves[i].optional)
            TRY(check_leaf(d, i, err));
    s->one_row = is_one_row(s);
    TRY(draft_note_equals(d, &b->where, err));
    return draft_sizes(d, err);
}
