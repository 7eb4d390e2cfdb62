#include <math.h>
#include <string.h>
#include <strings.h>

#include "server/plan/draft.h"
#include "server/plan/eval.h"
#include "server/plan/range.h"
#include "server/query/refusal.h"

/* What a column is read for decides whether the policy allows it. */
enum use { USE_FILTER, USE_GROUP, USE_VALUE };

enum { DEPTH_MAX = 256 };

static enum err_code type_row(struct typed **out, struct draft *d,
                              const struct expr *e, enum use use,
                              unsigned depth, struct err *err);

static enum err_code turn_down(struct place at, const char *msg,
                               const char *hint, struct err *err)
{
    (void)err_set(err, ERR_REFUSED, "%s", msg);
    (void)err_hint(err, "%s", hint);
    return err_at(err, at.line, at.col);
}

static bool qualifier_fits(const struct draft *d, const char *table)
{
    return !table || strcmp(table, relation_name(d->tree->from)) == 0;
}

static enum err_code no_column(const struct draft *d, const struct expr *e,
                               struct err *err)
{
    const char *name = e->column.name;
    (void)err_set(err, ERR_NOT_FOUND, "no column \"%.80s\" in table \"%.80s\"",
                  name, d->table->name);
    for (size_t i = 0; i < d->table->n_columns; i++)
        if (strcasecmp(d->table->columns[i].name, name) == 0)
            (void)err_hint(err,
                           "write \"%s\" in double quotes: names keep their "
                           "case only there",
                           d->table->columns[i].name);
    if (!err->hint[0])
        (void)err_hint(err, "describe the dataset to see its columns");
    return err_at(err, e->at.line, e->at.col);
}

static enum err_code find_column(const struct policy_column **out,
                                 const struct draft *d, const struct expr *e,
                                 struct err *err)
{
    *out = qualifier_fits(d, e->column.table)
               ? policy_find_column(d->table, e->column.name)
               : NULL;
    if (!*out)
        return no_column(d, e, err);
    for (size_t i = 0; i < d->table->n_columns; i++)
        if (*out != &d->table->columns[i] &&
            strcasecmp(d->table->columns[i].name, (*out)->name) == 0)
            return turn_down(
                e->at, "two columns of this table differ only in case",
                "ask the steward to rename one in the source", err);
    return ERR_OK;
}

static bool is_privacy_key(const struct draft *d,
                           const struct policy_column *column)
{
    return column == &d->table->columns[d->table->key];
}

static enum err_code allow_column(const struct draft *d,
                                  const struct policy_column *c, enum use use,
                                  struct place at, struct err *err)
{
    if (is_privacy_key(d, c)) {
        (void)err_set(
            err, ERR_REFUSED,
            "\"%s\" is the privacy key: it cannot be selected, grouped "
            "or computed with, and literals compared with a privacy "
            "key are refused",
            c->name);
        (void)err_hint(err, "count people with COUNT(DISTINCT %s)", c->name);
        return err_at(err, at.line, at.col);
    }
    if (use == USE_FILTER && !c->may_filter)
        return turn_down(at,
                         "the policy does not allow filtering by this column",
                         "filter by another column", err);
    if (use == USE_GROUP && !c->may_group)
        return turn_down(at,
                         "the policy does not allow grouping by this column",
                         "group by another column", err);
    return ERR_OK;
}

static enum err_code type_column(struct typed **out, struct draft *d,
                                 const struct expr *e, enum use use,
                                 struct err *err)
{
    const struct policy_column *c;
    TRY(find_column(&c, d, e, err));
    TRY(allow_column(d, c, use, e->at, err));
    struct typed *t = ARENA_NEW(d->a, struct typed);
    if (!t)
        return draft_memory(err);
    *t = (struct typed){ .kind = TYPED_COLUMN,
                         .at = e->at,
                         .column = c,
                         .type = typed_of_policy(c->type) };
    range_of(t);
    *out = t;
    return ERR_OK;
}

static enum err_code type_const(struct typed **out, struct draft *d,
                                const struct expr *e, struct err *err)
{
    struct value v = e->kind == EXPR_CONST ? e->value : value_null();
    if (e->kind == EXPR_PARAM) {
        if (e->param < 1 || e->param > d->req->n_params) {
            (void)err_set(err, ERR_INVALID, "parameter $%u has no value",
                          e->param);
            (void)err_hint(err, "the request gave %zu", d->req->n_params);
            return err_at(err, e->at.line, e->at.col);
        }
        v = d->req->params[e->param - 1];
    }
    if (v.type == VALUE_DOUBLE && !isfinite(v.d)) {
        (void)err_set(err, ERR_INVALID, "a constant must be a finite number");
        return err_at(err, e->at.line, e->at.col);
    }
    const int64_t per = v.type == VALUE_TIMESTAMP ? US_PER_DAY : 1;
    if ((v.type == VALUE_DATE || v.type == VALUE_TIMESTAMP) &&
        (v.i / per < TIME_MIN_US / US_PER_DAY ||
         v.i / per > TIME_MAX_US / US_PER_DAY)) {
        (void)err_set(err, ERR_INVALID,
                      "a time must lie in the years 1 to 9999");
        return err_at(err, e->at.line, e->at.col);
    }
    *out = draft_const(d, v.type, v, e->at);
    return *out ? ERR_OK : draft_memory(err);
}

/* Rows without a key are dropped first, so this one test of it has an answer.
 */
static bool is_null_test_of_key(const struct draft *d, const struct expr *e)
{
    if (e->call.op != OP_IS_NULL || e->call.n_args != 1 ||
        e->call.args[0]->kind != EXPR_COLUMN)
        return false;
    const struct expr *x = e->call.args[0];
    const struct policy_column *c =
        qualifier_fits(d, x->column.table)
            ? policy_find_column(d->table, x->column.name)
            : NULL;
    return c && is_privacy_key(d, c);
}

static bool tests_rows(enum expr_op op)
{
    return op <= OP_LIKE;
}

static enum err_code type_call(struct typed **out, struct draft *d,
                               const struct expr *e, enum use use,
                               unsigned depth, struct err *err)
{
    if (is_null_test_of_key(d, e)) {
        const struct value no = { .type = VALUE_BOOL, .b = false };
        *out = draft_const(d, VALUE_BOOL, no, e->at);
        return *out ? ERR_OK : draft_memory(err);
    }
    struct typed **args = ARENA_NEW_N(d->a, e->call.n_args, struct typed *);
    if (!args)
        return draft_memory(err);
    const enum use inner =
        use == USE_VALUE && tests_rows(e->call.op) ? USE_FILTER : use;
    for (size_t i = 0; i < e->call.n_args; i++) {
        const bool is_test = e->call.op == OP_CASE && use == USE_VALUE &&
                             i % 2 == 0 && i + 1 < e->call.n_args;
        TRY(type_row(&args[i], d, e->call.args[i], is_test ? USE_FILTER : inner,
                     depth + 1, err));
    }
    return check_call(out, d, e->call.op, args, e->call.n_args, e->at, err);
}

static enum err_code too_deep(struct place at, struct err *err)
{
    (void)err_set(err, ERR_LIMIT, "the expression is nested too deeply");
    return err_at(err, at.line, at.col);
}

static enum err_code type_row(struct typed **out, struct draft *d,
                              const struct expr *e, enum use use,
                              unsigned depth, struct err *err)
{
    if (depth > DEPTH_MAX)
        return too_deep(e->at, err);
    switch (e->kind) {
    case EXPR_CONST:
    case EXPR_PARAM:
        return type_const(out, d, e, err);
    case EXPR_COLUMN:
        return type_column(out, d, e, use, err);
    case EXPR_CALL:
        return type_call(out, d, e, use, depth, err);
    case EXPR_STAR:
        return refuse(err, REFUSAL_SELECT_STAR, e->at, NULL, NULL);
    case EXPR_WINDOW:
        return refuse(err, REFUSAL_WINDOW_PLACE, e->at, "this place", NULL);
    case EXPR_QUERY:
        return refuse(err, REFUSAL_SUBQUERY, e->at, "this shape", NULL);
    case EXPR_AGG:
        break;
    }
    return turn_down(
        e->at, "an aggregate cannot stand here",
        "aggregates belong into the select list, HAVING and ORDER BY", err);
}

static bool same_column(const struct draft *d, const struct expr *a,
                        const struct expr *b)
{
    return qualifier_fits(d, a->column.table) &&
           strcmp(a->column.name, b->column.name) == 0;
}

static const struct value *constant(const struct draft *d, const struct expr *e)
{
    if (e->kind == EXPR_CONST)
        return &e->value;
    if (e->kind == EXPR_PARAM && e->param >= 1 && e->param <= d->req->n_params)
        return &d->req->params[e->param - 1];
    return NULL;
}

/* As expr_equal, but t.x is x and $1 is its value. */
static bool same(const struct draft *d, const struct expr *a,
                 const struct expr *b)
{
    const struct value *l = constant(d, a), *r = constant(d, b);
    if (l || r)
        return l && r && value_cmp(l, r) == 0;
    if (a->kind != b->kind)
        return false;
    if (a->kind == EXPR_COLUMN)
        return same_column(d, a, b);
    if (a->kind != EXPR_CALL || a->call.op != b->call.op ||
        a->call.n_args != b->call.n_args)
        return false;
    for (size_t i = 0; i < a->call.n_args; i++)
        if (!same(d, a->call.args[i], b->call.args[i]))
            return false;
    return true;
}

static enum err_code leaf(struct typed **out, struct draft *d,
                          enum typed_kind kind, enum value_type type,
                          size_t index, struct place at, struct err *err)
{
    struct typed *t = ARENA_NEW(d->a, struct typed);
    if (!t)
        return draft_memory(err);
    *t = (struct typed){ .kind = kind, .type = type, .at = at, .index = index };
    range_of(t);
    *out = t;
    return ERR_OK;
}

/* COUNT(DISTINCT key), and COUNT(key), which is COUNT(*) since every row has
 * one. */
static enum err_code type_key_count(struct draft_agg *agg, struct draft *d,
                                    const struct expr *e, bool *is_key,
                                    struct err *err)
{
    const struct expr *arg = e->agg.arg;
    const struct policy_column *c = NULL;
    *is_key = false;
    if (e->agg.kind == AGG_COUNT && arg->kind == EXPR_COLUMN) {
        TRY(find_column(&c, d, arg, err));
        *is_key = is_privacy_key(d, c);
        agg->people = *is_key && e->agg.distinct;
    }
    return ERR_OK;
}

static enum err_code agg_refusals(const struct draft *d, const struct expr *e,
                                  bool is_key, struct err *err)
{
    if (e->agg.kind == AGG_MIN || e->agg.kind == AGG_MAX)
        return turn_down(
            e->at, "MIN and MAX show the value of one person",
            "ask for a count in ranges instead; a percentile says it "
            "without naming the one at the edge",
            err);
    if (e->agg.distinct && !is_key) {
        (void)err_set(err, ERR_REFUSED,
                      "DISTINCT is answered for the privacy key alone");
        (void)err_hint(err, "count people with COUNT(DISTINCT %s)",
                       d->table->columns[d->table->key].name);
        return err_at(err, e->at.line, e->at.col);
    }
    return ERR_OK;
}

static enum err_code type_filter(const struct typed **out, struct draft *d,
                                 const struct expr *e, struct err *err)
{
    struct typed *t;
    TRY(type_row(&t, d, e, USE_FILTER, 0, err));
    if (t->type != VALUE_BOOL && !typed_is_null(t)) {
        (void)err_set(err, ERR_INVALID,
                      "a filter must be true or false, not %s",
                      value_type_name(t->type));
        return err_at(err, t->at.line, t->at.col);
    }
    const bool always = typed_is_const(t) && !typed_is_null(t) && t->value.b;
    *out = always ? NULL : t;
    return ERR_OK;
}

static enum err_code type_agg(struct draft_agg *agg, struct draft *d,
                              const struct expr *e, struct err *err)
{
    bool is_key;
    *agg = (struct draft_agg){ .kind = e->agg.kind, .at = e->at };
    if (!e->agg.arg)
        return err_set(err, ERR_INVALID, "an aggregate lacks its argument");
    TRY(type_key_count(agg, d, e, &is_key, err));
    TRY(agg_refusals(d, e, is_key, err));
    if (e->agg.filter)
        TRY(type_filter(&agg->filter, d, e->agg.filter, err));

    const bool counts_all =
        e->agg.kind == AGG_COUNT && (is_key || e->agg.arg->kind == EXPR_STAR);
    if (counts_all)
        return ERR_OK;
    struct typed *value;
    TRY(type_row(&value, d, e->agg.arg, USE_VALUE, 0, err));
    agg->value = value;
    if (agg->kind == AGG_COUNT) {
        agg->value = value->never_null ? NULL : value;
        return ERR_OK;
    }
    if (value->type != VALUE_INT && value->type != VALUE_DOUBLE) {
        (void)err_set(err, ERR_INVALID, "%s wants a number, not %s",
                      agg_kind_name(e->agg.kind), value_type_name(value->type));
        return err_at(err, e->at.line, e->at.col);
    }
    return ERR_OK;
}

static enum value_type agg_type(const struct draft_agg *agg)
{
    if (agg->kind == AGG_AVG)
        return VALUE_DOUBLE;
    return agg->kind == AGG_SUM ? agg->value->type : VALUE_INT;
}

static bool same_agg(const struct draft_agg *a, const struct draft_agg *b)
{
    return a->kind == b->kind && a->people == b->people &&
           (a->value == b->value || typed_equal(a->value, b->value)) &&
           (a->filter == b->filter || typed_equal(a->filter, b->filter));
}

static enum err_code post_agg(struct typed **out, struct draft *d,
                              const struct expr *e, struct err *err)
{
    struct draft_agg agg;
    size_t i = 0;
    TRY(type_agg(&agg, d, e, err));
    while (i < d->n_aggs && !same_agg(&agg, &d->aggs[i]))
        i++;
    if (i == PLAN_MEASURES_MAX)
        return err_set(err, ERR_LIMIT, "more than %d aggregates",
                       PLAN_MEASURES_MAX);
    if (i == d->n_aggs)
        d->aggs[d->n_aggs++] = agg;
    return leaf(out, d, TYPED_AGG, agg_type(&agg), i, e->at, err);
}

static enum err_code ungrouped(const struct draft *d, const struct expr *e,
                               struct err *err)
{
    const struct policy_column *c;
    TRY(find_column(&c, d, e, err));
    TRY(allow_column(d, c, USE_GROUP, e->at, err));
    (void)err_set(err, ERR_REFUSED,
                  "column \"%s\" stands outside an aggregate and GROUP BY",
                  c->name);
    (void)err_hint(err, "add GROUP BY %s, or put it into COUNT, SUM or AVG",
                   c->name);
    return err_at(err, e->at.line, e->at.col);
}

/* An expression over group keys and aggregates. */
static enum err_code type_post(struct typed **out, struct draft *d,
                               const struct expr *e, unsigned depth,
                               struct err *err)
{
    if (depth > DEPTH_MAX)
        return too_deep(e->at, err);
    for (size_t i = 0; i < d->plan->n_keys; i++)
        if (!typed_is_const(d->keys[i]) && same(d, e, d->tree->keys[i]))
            return leaf(out, d, TYPED_KEY, d->keys[i]->type, i, e->at, err);
    if (e->kind == EXPR_AGG)
        return post_agg(out, d, e, err);
    if (e->kind == EXPR_COLUMN)
        return ungrouped(d, e, err);
    if (e->kind != EXPR_CALL)
        return type_row(out, d, e, USE_VALUE, depth, err);

    struct typed **args = ARENA_NEW_N(d->a, e->call.n_args, struct typed *);
    if (!args)
        return draft_memory(err);
    for (size_t i = 0; i < e->call.n_args; i++)
        TRY(type_post(&args[i], d, e->call.args[i], depth + 1, err));
    return check_call(out, d, e->call.op, args, e->call.n_args, e->at, err);
}

static enum err_code add_conjunct(struct draft *d, const struct expr *e,
                                  size_t *cap, struct err *err)
{
    const struct typed *t;
    TRY(type_filter(&t, d, e, err));
    if (!t)
        return ERR_OK;
    d->never |= typed_is_const(t); /* false or NULL */
    if (d->n_where == *cap) {
        struct typed **more = ARENA_NEW_N(d->a, 2 * *cap + 8, struct typed *);
        if (!more)
            return draft_memory(err);
        if (d->n_where)
            memcpy(more, d->where, d->n_where * sizeof *more);
        d->where = more;
        *cap = 2 * *cap + 8;
    }
    d->where[d->n_where] = (struct typed *)(uintptr_t)t;
    d->n_where++;
    return ERR_OK;
}

static enum err_code add_conjuncts(struct draft *d, const struct expr *e,
                                   size_t *cap, unsigned depth, struct err *err)
{
    if (depth > DEPTH_MAX)
        return too_deep(e->at, err);
    if (e->kind != EXPR_CALL || e->call.op != OP_AND)
        return add_conjunct(d, e, cap, err);
    for (size_t i = 0; i < e->call.n_args; i++)
        TRY(add_conjuncts(d, e->call.args[i], cap, depth + 1, err));
    return ERR_OK;
}

static enum err_code type_keys(struct draft *d, struct err *err)
{
    d->plan->n_keys = d->tree->n_keys;
    if (d->plan->n_keys > PLAN_KEYS_MAX)
        return err_set(err, ERR_LIMIT, "more than %d group keys",
                       PLAN_KEYS_MAX);
    d->keys = ARENA_NEW_N(d->a, d->plan->n_keys + 1, struct typed *);
    if (!d->keys)
        return draft_memory(err);
    for (size_t i = 0; i < d->plan->n_keys; i++) {
        const struct expr *e = d->tree->keys[i];
        TRY(type_row(&d->keys[i], d, e, USE_GROUP, 0, err));
        if (d->keys[i]->type == VALUE_DOUBLE)
            return turn_down(
                e->at,
                "grouping by a real number would make a group "
                "of nearly every row",
                "group by CAST(... AS int), or by ranges with CASE", err);
        if (typed_is_const(d->keys[i]))
            return turn_down(e->at, "grouping by a constant makes no groups",
                             "leave it out of GROUP BY", err);
    }
    return ERR_OK;
}

static const char *output_name(const struct select_item *item)
{
    const struct expr *e = item->expr;
    if (item->alias)
        return item->alias;
    switch (e->kind) {
    case EXPR_COLUMN:
        return e->column.name;
    case EXPR_AGG:
        return agg_kind_name(e->agg.kind);
    case EXPR_CALL:
        if (e->call.op == OP_CASE)
            return "case";
        return e->call.op >= OP_LEAST ? op_info_of(e->call.op)->sql
                                      : "?column?";
    case EXPR_CONST:
    case EXPR_PARAM:
    case EXPR_STAR:
    case EXPR_WINDOW:
    case EXPR_QUERY:
        break;
    }
    return "?column?";
}

static enum err_code type_outputs(struct draft *d, struct err *err)
{
    struct plan *p = d->plan;
    p->n_outputs = d->tree->n_items;
    p->outputs = ARENA_NEW_N(d->a, p->n_outputs + 1, struct plan_output);
    if (!p->outputs)
        return draft_memory(err);
    for (size_t i = 0; i < p->n_outputs; i++) {
        struct typed *t;
        TRY(type_post(&t, d, d->tree->items[i].expr, 0, err));
        p->outputs[i] = (struct plan_output){
            .name = output_name(&d->tree->items[i]),
            .type = t->type == VALUE_NULL ? VALUE_TEXT : t->type,
            .is_key = t->kind == TYPED_KEY,
            .expr = t,
        };
    }
    return ERR_OK;
}

static enum err_code type_orders(struct draft *d, struct err *err)
{
    struct plan *p = d->plan;
    p->n_orders = d->tree->n_orders;
    p->orders = ARENA_NEW_N(d->a, p->n_orders + 1, struct plan_order);
    if (!p->orders)
        return draft_memory(err);
    for (size_t i = 0; i < p->n_orders; i++) {
        const struct select_order *o = &d->tree->orders[i];
        struct typed *t;
        TRY(type_post(&t, d, o->expr, 0, err));
        p->orders[i] = (struct plan_order){ t, o->descending, o->nulls_first };
    }
    return ERR_OK;
}

static enum err_code type_having(struct draft *d, struct err *err)
{
    struct typed *t;
    if (!d->tree->having)
        return ERR_OK;
    TRY(type_post(&t, d, d->tree->having, 0, err));
    if (t->type != VALUE_BOOL && !typed_is_null(t)) {
        (void)err_set(err, ERR_INVALID, "HAVING must be true or false, not %s",
                      value_type_name(t->type));
        return err_at(err, t->at.line, t->at.col);
    }
    d->plan->having = t;
    return ERR_OK;
}

enum err_code draft_types(struct draft *d, struct err *err)
{
    size_t cap = 0;
    d->aggs = ARENA_NEW_N(d->a, PLAN_MEASURES_MAX, struct draft_agg);
    if (!d->aggs)
        return draft_memory(err);
    if (d->tree->where)
        TRY(add_conjuncts(d, d->tree->where, &cap, 0, err));
    TRY(type_keys(d, err));
    TRY(type_outputs(d, err));
    TRY(type_having(d, err));
    TRY(type_orders(d, err));
    if (d->plan->n_keys == 0 && d->n_aggs == 0)
        return turn_down(
            d->tree->at, "the query has neither an aggregate nor GROUP BY",
            "count, sum or average: for example SELECT COUNT(*)", err);
    return ERR_OK;
}
