/* The tree as SQL; tree.h says what for. */
#include "server/query/tree.h"

#include <assert.h>
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const KEYWORDS[] = {
#define KEYWORD(word) word,
#include "server/query/keyword.def"
#undef KEYWORD
};

static int cmp_word(const void *key, const void *word)
{
    return strcmp(key, *(const char *const *)word);
}

static bool is_plain_name(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz_";
    static const char rest[] = "abcdefghijklmnopqrstuvwxyz_0123456789";
    return strspn(name, letters) > 0 && strspn(name, rest) == strlen(name) &&
           !bsearch(name, KEYWORDS, sizeof KEYWORDS / sizeof KEYWORDS[0],
                    sizeof KEYWORDS[0], cmp_word);
}

static void print_quoted(struct writer *w, const char *s, size_t len, char q)
{
    writer_u8(w, (uint8_t)q);
    for (size_t i = 0; i < len; i++) {
        if (s[i] == q)
            writer_u8(w, (uint8_t)q);
        writer_u8(w, (uint8_t)s[i]);
    }
    writer_u8(w, (uint8_t)q);
}

void name_print(struct writer *w, const char *name)
{
    if (is_plain_name(name))
        writer_str(w, name);
    else
        print_quoted(w, name, strlen(name), '"');
}

/* A double keeps a point or an exponent, else it would read as an int. */
static void print_double(struct writer *w, const struct value *v)
{
    if (!isfinite(v->d)) {
        writer_str(w, "CAST('");
        value_print(w, v);
        writer_str(w, "' AS double precision)");
        return;
    }
    char text[40];
    struct writer t = writer_of(text, sizeof text);
    value_print(&t, v);
    const bool fits = writer_cstr(&t);
    assert(fits);
    writer_str(w, text);
    if (!strpbrk(text, ".e"))
        writer_str(w, ".0");
}

static void print_const(struct writer *w, const struct value *v)
{
    switch (v->type) {
    case VALUE_NULL:
    case VALUE_TYPE_COUNT:
        writer_str(w, "NULL");
        break;
    case VALUE_BOOL:
        writer_str(w, v->b ? "TRUE" : "FALSE");
        break;
    case VALUE_INT:
        value_print(w, v);
        break;
    case VALUE_DOUBLE:
        print_double(w, v);
        break;
    case VALUE_TEXT:
        print_quoted(w, v->text.s, v->text.len, '\'');
        break;
    case VALUE_DATE:
    case VALUE_TIMESTAMP:
        writer_str(w, v->type == VALUE_DATE ? "DATE '" : "TIMESTAMP '");
        value_print(w, v);
        writer_str(w, "'");
        break;
    }
}

static void print_list(struct writer *w, struct expr *const *args, size_t n,
                       const char *between)
{
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            writer_str(w, between);
        expr_print(w, args[i]);
    }
}

static void print_infix(struct writer *w, const struct expr *e)
{
    char between[32];
    struct writer t = writer_of(between, sizeof between);
    writer_printf(&t, " %s ", op_info_of(e->call.op)->sql);
    const bool fits = writer_cstr(&t);
    assert(fits);
    writer_str(w, "(");
    print_list(w, e->call.args, e->call.n_args, between);
    writer_str(w, ")");
}

static void print_function(struct writer *w, const struct expr *e)
{
    writer_printf(w, "%s(", op_info_of(e->call.op)->sql);
    print_list(w, e->call.args, e->call.n_args, ", ");
    writer_str(w, ")");
}

static void print_not(struct writer *w, const struct expr *e)
{
    writer_str(w, "(NOT ");
    expr_print(w, e->call.args[0]);
    writer_str(w, ")");
}

/* PostgreSQL folds a minus into the number behind it; a plus stops that. */
static void print_neg(struct writer *w, const struct expr *e)
{
    writer_str(w, e->call.args[0]->kind == EXPR_CONST ? "(- + " : "(- ");
    expr_print(w, e->call.args[0]);
    writer_str(w, ")");
}

static void print_is_null(struct writer *w, const struct expr *e)
{
    writer_str(w, "(");
    expr_print(w, e->call.args[0]);
    writer_str(w, " IS NULL)");
}

static void print_in(struct writer *w, const struct expr *e)
{
    writer_str(w, "(");
    expr_print(w, e->call.args[0]);
    writer_str(w, " IN (");
    print_list(w, e->call.args + 1, e->call.n_args - 1, ", ");
    writer_str(w, "))");
}

static void print_between(struct writer *w, const struct expr *e)
{
    writer_str(w, "(");
    expr_print(w, e->call.args[0]);
    writer_str(w, " BETWEEN ");
    print_list(w, e->call.args + 1, 2, " AND ");
    writer_str(w, ")");
}

static void print_case(struct writer *w, const struct expr *e)
{
    writer_str(w, "CASE");
    const size_t n = e->call.n_args;
    for (size_t i = 0; i + 1 < n; i += 2) {
        writer_str(w, " WHEN ");
        print_list(w, e->call.args + i, 2, " THEN ");
    }
    if (n % 2 == 1) {
        writer_str(w, " ELSE ");
        expr_print(w, e->call.args[n - 1]);
    }
    writer_str(w, " END");
}

static void print_extract(struct writer *w, const struct expr *e)
{
    writer_str(w, "extract(");
    print_list(w, e->call.args, 2, " FROM ");
    writer_str(w, ")");
}

static void print_cast(struct writer *w, const struct expr *e)
{
    writer_str(w, "CAST(");
    expr_print(w, e->call.args[0]);
    writer_printf(w, " AS %s)",
                  e->call.op == OP_CAST_DOUBLE ? "double precision"
                                               : op_info_of(e->call.op)->sql);
}

/* x + INTERVAL 'months microseconds'; no other tree reads as one. */
static void print_shift(struct writer *w, const struct expr *e)
{
    writer_str(w, "(");
    expr_print(w, e->call.args[0]);
    writer_str(w, " + INTERVAL '");
    expr_print(w, e->call.args[1]);
    writer_str(w, " months ");
    expr_print(w, e->call.args[2]);
    writer_str(w, " microseconds')");
}

static void print_seconds(struct writer *w, const struct expr *e)
{
    writer_str(w, "extract('epoch' FROM (");
    print_list(w, e->call.args, 2, " - ");
    writer_str(w, "))");
}

static void print_today(struct writer *w, const struct expr *e)
{
    writer_str(w, op_info_of(e->call.op)->sql);
}

typedef void print_fn(struct writer *w, const struct expr *e);

static print_fn *const PRINT_FORM[] = {
    [OP_FORM_INFIX] = print_infix,
    [OP_FORM_FUNCTION] = print_function,
    [OP_FORM_CAST] = print_cast,
};

static print_fn *const PRINT_SPECIAL[OP_COUNT] = {
    [OP_NOT] = print_not,         [OP_NEG] = print_neg,
    [OP_IS_NULL] = print_is_null, [OP_IN] = print_in,
    [OP_BETWEEN] = print_between, [OP_CASE] = print_case,
    [OP_EXTRACT] = print_extract, [OP_SHIFT] = print_shift,
    [OP_SECONDS] = print_seconds, [OP_TODAY] = print_today,
};

static void print_call(struct writer *w, const struct expr *e)
{
    const struct op_info *info = op_info_of(e->call.op);
    assert(e->call.n_args >= info->min_args &&
           e->call.n_args <= info->max_args);
    if (info->form == OP_FORM_SPECIAL)
        PRINT_SPECIAL[e->call.op](w, e);
    else
        PRINT_FORM[info->form](w, e);
}

static void print_percentile(struct writer *w, const struct expr *e)
{
    writer_printf(w, "%s(", agg_kind_name(e->agg.kind));
    expr_print(w, e->agg.fraction);
    writer_str(w, ") WITHIN GROUP (ORDER BY ");
    expr_print(w, e->agg.arg);
    writer_str(w, ")");
}

/* Names in capitals, as aggregates are mostly written. */
static void print_agg(struct writer *w, const struct expr *e)
{
    const char *name = agg_kind_name(e->agg.kind);
    if (agg_is_percentile(e->agg.kind)) {
        print_percentile(w, e);
    } else {
        for (; *name; name++)
            writer_u8(w, (uint8_t)toupper((unsigned char)*name));
        writer_str(w, e->agg.distinct ? "(DISTINCT " : "(");
        expr_print(w, e->agg.arg);
        writer_str(w, ")");
    }
    if (e->agg.filter) {
        writer_str(w, " FILTER (WHERE ");
        expr_print(w, e->agg.filter);
        writer_str(w, ")");
    }
}

static void print_query(struct writer *w, const struct expr *e)
{
    const bool exists = !e->query.operand && !e->query.is_value;
    writer_str(w, exists ? "EXISTS (" : "(");
    if (e->query.operand) {
        expr_print(w, e->query.operand);
        writer_str(w, " IN (");
    }
    select_print(w, e->query.select);
    writer_str(w, e->query.operand ? "))" : ")");
}

static void print_qualifier(struct writer *w, const struct expr *e)
{
    if (e->column.dataset) {
        name_print(w, e->column.dataset);
        writer_str(w, ".");
    }
    if (e->column.table) {
        name_print(w, e->column.table);
        writer_str(w, ".");
    }
}

void expr_print(struct writer *w, const struct expr *e)
{
    switch (e->kind) {
    case EXPR_CONST:
        print_const(w, &e->value);
        break;
    case EXPR_PARAM:
        writer_printf(w, "$%u", e->param);
        break;
    case EXPR_COLUMN:
        print_qualifier(w, e);
        name_print(w, e->column.name);
        break;
    case EXPR_STAR:
        print_qualifier(w, e);
        writer_str(w, "*");
        break;
    case EXPR_CALL:
        print_call(w, e);
        break;
    case EXPR_AGG:
        print_agg(w, e);
        break;
    case EXPR_WINDOW:
        window_print(w, e->window);
        break;
    case EXPR_QUERY:
        print_query(w, e);
        break;
    }
}

static void print_items(struct writer *w, const struct select *s)
{
    for (size_t i = 0; i < s->n_items; i++) {
        if (i > 0)
            writer_str(w, ", ");
        expr_print(w, s->items[i].expr);
        if (s->items[i].alias) {
            writer_str(w, " AS ");
            name_print(w, s->items[i].alias);
        }
    }
}

/* Is a bare column name also the name of an output column that is another? */
static bool is_hidden(const struct select *s, const struct expr *e)
{
    bool hidden = false;
    for (size_t i = 0; e->kind == EXPR_COLUMN && !e->column.table && !hidden &&
                       i < s->n_items;
         i++)
        hidden = strcmp(select_item_name(&s->items[i]), e->column.name) == 0 &&
                 !expr_equal(s->items[i].expr, e);
    return hidden;
}

/* A name behind a plus is an expression and so an input column. */
static void print_hidden(struct writer *w, const struct expr *e)
{
    writer_str(w, "+ ");
    expr_print(w, e);
}

static void print_key(struct writer *w, const struct select *s, size_t i)
{
    const struct expr *e = s->keys[i];
    if (is_hidden(s, e) && !select_reads(s, e->column.name))
        print_hidden(w, e);
    else
        expr_print(w, e);
}

static void print_set(struct writer *w, const struct select *s, uint32_t set)
{
    const char *between = "";
    writer_str(w, "(");
    for (size_t i = 0; i < s->n_keys; i++) {
        if (!(set & UINT32_C(1) << i))
            continue;
        writer_str(w, between);
        print_key(w, s, i);
        between = ", ";
    }
    writer_str(w, ")");
}

static void print_keys(struct writer *w, const struct select *s)
{
    for (size_t i = 0; i < s->n_sets; i++) {
        writer_str(w, i > 0 ? ", " : " GROUP BY GROUPING SETS (");
        print_set(w, s, s->sets[i]);
    }
    for (size_t i = 0; i < s->n_keys && s->n_sets == 0; i++) {
        writer_str(w, i > 0 ? ", " : " GROUP BY ");
        print_key(w, s, i);
    }
    writer_str(w, s->n_sets > 0 ? ")" : "");
}

/* By name where that means the same, else by position, else behind a plus. */
static void print_order_expr(struct writer *w, const struct select *s,
                             const struct expr *e)
{
    size_t at = 0;
    /* Behind a star nobody knows the position. */
    while (at < s->n_items && s->items[at].expr->kind != EXPR_STAR &&
           !expr_equal(s->items[at].expr, e))
        at++;
    if (at < s->n_items && s->items[at].expr->kind == EXPR_STAR)
        at = s->n_items;
    if (!is_hidden(s, e))
        expr_print(w, e);
    else if (at < s->n_items)
        writer_printf(w, "%zu", at + 1);
    else
        print_hidden(w, e);
}

void order_print(struct writer *w, const struct select_order *o)
{
    if (o->descending)
        writer_str(w, " DESC");
    /* PostgreSQL's default: NULL is greater than everything. */
    if (o->nulls_first != o->descending)
        writer_str(w, o->nulls_first ? " NULLS FIRST" : " NULLS LAST");
}

static void print_orders(struct writer *w, const struct select *s)
{
    for (size_t i = 0; i < s->n_orders; i++) {
        const struct select_order *o = &s->orders[i];
        writer_str(w, i > 0 ? ", " : " ORDER BY ");
        print_order_expr(w, s, o->expr);
        order_print(w, o);
    }
}

void select_print(struct writer *w, const struct select *s)
{
    writer_str(w, s->explain ? "EXPLAIN (PRIVACY) SELECT " : "SELECT ");
    writer_str(w, s->distinct ? "DISTINCT " : "");
    for (size_t i = 0; i < s->n_distinct_on; i++) {
        writer_str(w, i > 0 ? ", " : "DISTINCT ON (");
        print_order_expr(w, s, s->distinct_on[i]);
    }
    writer_str(w, s->n_distinct_on > 0 ? ") " : "");
    print_items(w, s);
    writer_str(w, " FROM ");
    relation_print(w, s->from);
    if (s->where) {
        writer_str(w, " WHERE ");
        expr_print(w, s->where);
    }
    print_keys(w, s);
    if (s->having) {
        writer_str(w, " HAVING ");
        expr_print(w, s->having);
    }
    print_orders(w, s);
    if (s->limit_param)
        writer_printf(w, " LIMIT $%u", s->limit_param);
    else if (s->has_limit)
        writer_printf(w, " LIMIT %llu", (unsigned long long)s->limit);
    if (s->offset_param) {
        writer_printf(w, " OFFSET $%u", s->offset_param);
        return;
    }
    if (s->offset > 0)
        writer_printf(w, " OFFSET %llu", (unsigned long long)s->offset);
}
