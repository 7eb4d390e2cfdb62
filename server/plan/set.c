/*
 * Set operations.  UNION ALL of rows of people is theirs; the others compare
 * whole rows, key included, and so stay within a person only when the key is
 * among what is compared.
 */
#include <math.h>

#include "server/plan/dialect.h"
#include "server/plan/draft.h"
#include "server/plan/reach.h"
#include "server/query/refusal.h"

struct set {
    const struct relation *r;
    const struct rel **arms;
    struct rel *rel;
};

static struct range hull(struct range a, struct range b)
{
    return (struct range){ fmin(a.lo, b.lo), fmax(a.hi, b.hi) };
}

static bool is_number(enum value_type t)
{
    return t == VALUE_INT || t == VALUE_DOUBLE;
}

/* What holds of a column in both arms. */
static enum err_code meet(struct rel_column *out, const struct rel_column *c,
                          const struct set *u, struct err *err)
{
    const bool numbers = is_number(out->type) && is_number(c->type);
    const char *kind = set_kind_name(u->r->set.kind);
    if (out->key != c->key)
        return refuse(err, REFUSAL_SET_KEY, u->r->at, kind, out->name);
    if (out->type != c->type && !numbers)
        return refuse(err, REFUSAL_SET_TYPES, u->r->at, kind, out->name);
    if (out->type != c->type)
        out->type = VALUE_DOUBLE;
    out->may_group &= c->may_group;
    out->may_filter &= c->may_filter;
    out->never_null &= c->never_null;
    out->behind = reach_add(out->behind, c->behind);
    out->range = hull(out->range, c->range);
    out->whole &= c->whole;
    out->grid_bits =
        out->grid_bits > c->grid_bits ? out->grid_bits : c->grid_bits;
    if (out->policy != c->policy)
        out->policy = NULL;
    out->domain = NULL; /* the union of both would do; rarely asked for */
    out->n_domain = 0;
    return ERR_OK;
}

/* UNION makes groups of equal rows; INTERSECT and EXCEPT keep rows by what
 * stands in them. */
static enum err_code check_use(const struct set *u, struct err *err)
{
    const enum set_kind kind = u->r->set.kind;
    const struct select *first = u->r->set.arms[0];
    const struct place at = first->n_items > 0 && first->items[0].expr
                                ? first->items[0].expr->at
                                : u->r->at;
    for (size_t i = 0; kind != SET_UNION_ALL && i < u->rel->n_columns; i++) {
        const struct rel_column *c = &u->rel->columns[i];
        if (c->key != REL_KEY_NONE)
            continue;
        if (kind == SET_UNION && !c->may_group)
            return refuse(err, REFUSAL_MAY_GROUP, at, c->name, NULL);
        if (kind != SET_UNION && !c->may_filter)
            return refuse(err, REFUSAL_MAY_FILTER, at, c->name, NULL);
    }
    return ERR_OK;
}

static enum err_code columns(struct set *u, struct draft *d, struct err *err)
{
    const struct rel *first = u->arms[0];
    struct rel *rel = u->rel;
    rel->n_columns = first->n_columns;
    rel->columns = ARENA_NEW_N(d->a, rel->n_columns + 1, struct rel_column);
    if (!rel->columns)
        return draft_memory(err);
    for (size_t i = 0; i < rel->n_columns; i++) {
        struct rel_column *out = &rel->columns[i];
        *out = first->columns[i];
        out->raw = out->merged = out->numbers = out->of_person = false;
        if (out->key == REL_KEY_OWN) {
            out->sql = "p";
        } else {
            out->sql = arena_printf(d->a, "c%zu", i);
            if (!out->sql)
                return draft_memory(err);
        }
        for (size_t k = 1; k < u->r->set.n_arms; k++)
            TRY(meet(out, &u->arms[k]->columns[i], u, err));
        out->raw = out->type == VALUE_DATE || out->type == VALUE_TIMESTAMP;
    }
    return ERR_OK;
}

/* The rows of every arm belong to people of one key, or none do. */
static enum err_code own(struct set *u, struct err *err)
{
    const struct rel *first = u->arms[0];
    struct rel *rel = u->rel;
    const char *kind = set_kind_name(u->r->set.kind);
    rel->owned = first->owned;
    rel->key_sql = "p";
    rel->key_name = first->key_name;
    rel->key_type = first->key_type;
    rel->limits = first->limits;
    rel->one_row = first->one_row && (u->r->set.kind == SET_INTERSECT ||
                                      u->r->set.kind == SET_EXCEPT);
    for (size_t k = 1; k < u->r->set.n_arms; k++) {
        const struct rel *arm = u->arms[k];
        if (arm->owned != rel->owned)
            return refuse(err, REFUSAL_SET_PUBLIC, u->r->at, kind, NULL);
        if (arm->n_columns != first->n_columns)
            return refuse(err, REFUSAL_SET_COLUMNS, u->r->at, kind, NULL);
        if (rel->owned && arm->key_type != rel->key_type)
            return refuse(err, REFUSAL_KEY_TYPES, u->r->at, arm->key_name,
                          NULL);
        rel->limits = rel_limits_max(rel->limits, arm->limits);
    }
    return ERR_OK;
}

static enum err_code compare_key(const struct set *u, struct err *err)
{
    bool has_key = !u->rel->owned || u->r->set.kind == SET_UNION_ALL;
    for (size_t i = 0; i < u->rel->n_columns; i++)
        has_key |= u->rel->columns[i].key == REL_KEY_OWN;
    return has_key ? ERR_OK
                   : refuse(err, REFUSAL_SET_NO_KEY, u->r->at,
                            set_kind_name(u->r->set.kind), u->rel->key_name);
}

static void print_arm(struct writer *w, const struct set *u,
                      const struct rel *arm)
{
    bool any = arm->owned;
    writer_str(w, arm->owned ? "SELECT p" : "SELECT ");
    for (size_t i = 0; i < arm->n_columns; i++) {
        const struct rel_column *out = &u->rel->columns[i];
        if (out->key == REL_KEY_OWN)
            continue;
        writer_str(w, any ? ", " : "");
        if (out->type == arm->columns[i].type)
            writer_printf(w, "%s AS c%zu", arm->columns[i].sql, i);
        else
            writer_printf(w, "CAST(%s AS %s) AS c%zu", arm->columns[i].sql,
                          dialect_type(w, out->type), i);
        any = true;
    }
    writer_str(w, " FROM ");
    writer_str(w, arm->sql);
    dialect_alias(w);
    writer_behind(w, arm->behind);
}

static void print_set(struct writer *w, const void *ctx)
{
    const struct set *u = ctx;
    for (size_t i = 0; i < u->r->set.n_arms; i++) {
        if (i > 0)
            writer_printf(w, " %s ", set_kind_name(u->r->set.kind));
        writer_str(w, i ? "" : "(");
        print_arm(w, u, u->arms[i]);
    }
    writer_str(w, ")");
}

enum err_code draft_set(const struct rel **out, struct draft *d,
                        const struct relation *r, struct err *err)
{
    struct set u = { .r = r };
    u.rel = ARENA_NEW(d->a, struct rel);
    u.arms = ARENA_NEW_N(d->a, r->set.n_arms, const struct rel *);
    if (!u.rel || !u.arms)
        return draft_memory(err);
    for (size_t i = 0; i < r->set.n_arms; i++)
        TRY(draft_sub(&u.arms[i], d, r->set.arms[i], err));
    u.rel->sized = true;
    u.rel->cheap = r->set.kind == SET_UNION_ALL;
    for (size_t i = 0; i < r->set.n_arms; i++) {
        u.rel->rows += u.arms[i]->rows;
        u.rel->sized &= u.arms[i]->sized;
        u.rel->cheap &= u.arms[i]->cheap;
    }
    TRY(own(&u, err));
    TRY(columns(&u, d, err));
    TRY(compare_key(&u, err));
    TRY(check_use(&u, err));
    const uint64_t behind = d->behind;
    u.rel->sql = draft_print(d, print_set, &u);
    *out = u.rel;
    if (!u.rel->sql)
        return draft_memory(err);
    return draft_reach(u.rel, 0, d->behind - behind, r->at, err);
}
