#include <string.h>

#include "server/plan/dialect.h"
#include "server/plan/draft.h"

static void quoted(struct writer *w, const char *s, size_t len, char quote)
{
    writer_u8(w, (uint8_t)quote);
    for (size_t i = 0; i < len; i++) {
        if (s[i] == quote)
            writer_u8(w, (uint8_t)quote);
        writer_u8(w, (uint8_t)s[i]);
    }
    writer_u8(w, (uint8_t)quote);
}

void duckdb_name(struct writer *w, const char *name)
{
    quoted(w, name, strlen(name), '"');
}

const char *duckdb_type(enum value_type type)
{
    static const char *const names[VALUE_TYPE_COUNT] = {
        [VALUE_NULL] = "VARCHAR",        [VALUE_BOOL] = "BOOLEAN",
        [VALUE_INT] = "BIGINT",          [VALUE_DOUBLE] = "DOUBLE",
        [VALUE_TEXT] = "VARCHAR",        [VALUE_DATE] = "DATE",
        [VALUE_TIMESTAMP] = "TIMESTAMP",
    };
    return names[type];
}

void duckdb_value(struct writer *w, enum value_type type, const struct value *v)
{
    char text[64];
    struct writer t = writer_of(text, sizeof text - 1);

    if (v->type == VALUE_NULL) {
        writer_printf(w, "CAST(NULL AS %s)", duckdb_type(type));
    } else if (v->type == VALUE_TEXT) {
        quoted(w, v->text.s, v->text.len, '\'');
    } else if (v->type == VALUE_BOOL) {
        writer_str(w, v->b ? "TRUE" : "FALSE");
    } else {
        value_print(&t, v);
        writer_printf(w, "CAST('%.*s' AS %s)", (int)t.len, text,
                      duckdb_type(v->type));
    }
}

static void list(struct writer *w, const struct typed *e, size_t from,
                 const char *between)
{
    for (size_t i = from; i < e->call.n_args; i++) {
        writer_str(w, i > from ? between : "");
        duckdb_expr(w, e->call.args[i]);
    }
}

static void function(struct writer *w, const char *name, const struct typed *e)
{
    writer_printf(w, "%s(", name);
    list(w, e, 0, ", ");
    writer_u8(w, ')');
}

static void infix(struct writer *w, const char *op, const struct typed *e)
{
    writer_u8(w, '(');
    for (size_t i = 0; i < e->call.n_args; i++) {
        if (i > 0)
            writer_printf(w, " %s ", op);
        duckdb_expr(w, e->call.args[i]);
    }
    writer_u8(w, ')');
}

static void as_double(struct writer *w, const struct typed *e)
{
    writer_str(w, "CAST(");
    duckdb_expr(w, e);
    writer_str(w, " AS DOUBLE)");
}

#define NAN_SQL "CAST('NaN' AS DOUBLE)"

static void arith(struct writer *w, const struct typed *e)
{
    const bool divides = e->call.op == OP_DIV;
    const bool whole = divides && e->type == VALUE_INT;

    writer_str(w, whole ? "trunc(nullif(" : "nullif(");
    as_double(w, e->call.args[0]);
    writer_printf(w, " %s ", op_info_of(e->call.op)->sql);
    writer_str(w, divides ? "nullif(" : "");
    as_double(w, e->call.args[1]);
    writer_str(w, divides ? ", 0), " NAN_SQL ")" : ", " NAN_SQL ")");
    writer_str(w, whole ? ")" : "");
}

/* `x` when it is a time of the years 1 to 9999. */
static void sane_time(struct writer *w, enum value_type type, const char *open,
                      const struct rel_column *c, const char *close)
{
    for (int i = 0; i < 2; i++) {
        writer_printf(w, "%s%s%s%s", i ? " THEN " : "CASE WHEN ", open, c->sql,
                      close);
        if (i == 0 && type == VALUE_DATE)
            writer_str(w, " BETWEEN DATE '0001-01-01' AND DATE '9999-12-31'");
        else if (i == 0)
            writer_str(w, " BETWEEN TIMESTAMP '0001-01-01 00:00:00' AND "
                          "TIMESTAMP '9999-12-31 23:59:59.999999'");
    }
    writer_str(w, " END");
}

static void column(struct writer *w, const struct typed *e)
{
    const bool raw = e->column->raw;
    if (raw && (e->type == VALUE_DATE || e->type == VALUE_TIMESTAMP)) {
        sane_time(w, e->type, "", e->column, "");
        return;
    }
    writer_str(w, raw && e->type == VALUE_DOUBLE ? "nullif(" : "");
    writer_str(w, e->column->sql);
    writer_str(w, raw && e->type == VALUE_DOUBLE ? ", " NAN_SQL ")" : "");
}

static void cast(struct writer *w, const struct typed *e)
{
    const struct typed *x = e->call.args[0];
    const char *type = duckdb_type(e->type);
    char open[] = "TRY_CAST(", close[32] = "";
    struct writer c = writer_of(close, sizeof close);

    if (x->type == e->type) {
        duckdb_expr(w, x);
    } else if (x->type == VALUE_TEXT && e->type >= VALUE_DATE &&
               x->kind == TYPED_COLUMN) {
        writer_printf(&c, " AS %s)", type);
        (void)writer_cstr(&c);
        sane_time(w, e->type, open, x->column, close);
    } else {
        const bool rounds = x->type == VALUE_DOUBLE && e->type == VALUE_INT;
        const bool was_int = x->type == VALUE_INT && e->type == VALUE_TEXT;
        const bool parses = x->type == VALUE_TEXT && e->type == VALUE_DOUBLE;
        writer_str(w, parses ? "nullif(" : "");
        writer_str(w, open);
        writer_str(w, rounds ? "round_even(" : was_int ? open : "");
        duckdb_expr(w, x);
        writer_str(w, rounds ? ", 0)" : was_int ? " AS BIGINT)" : "");
        writer_printf(w, " AS %s)", type);
        writer_str(w, parses ? ", " NAN_SQL ")" : "");
    }
}

static void choose(struct writer *w, const struct typed *e)
{
    const size_t n = e->call.n_args;
    writer_str(w, "CASE");
    for (size_t i = 0; i < n; i++) {
        const bool last = i + 1 == n && n % 2;
        writer_str(w, last ? " ELSE " : i % 2 ? " THEN " : " WHEN ");
        duckdb_expr(w, e->call.args[i]);
    }
    writer_str(w, " END");
}

static void in_list(struct writer *w, const struct typed *e)
{
    writer_u8(w, '(');
    duckdb_expr(w, e->call.args[0]);
    writer_str(w, " IN (");
    list(w, e, 1, ", ");
    writer_str(w, "))");
}

static void call(struct writer *w, const struct typed *e)
{
    struct typed *const *args = e->call.args;
    switch (e->call.op) {
    case OP_AND:
    case OP_OR:
    case OP_EQ:
    case OP_NE:
    case OP_LT:
    case OP_LE:
    case OP_GT:
    case OP_GE:
        infix(w, op_info_of(e->call.op)->sql, e);
        return;
    case OP_NOT:
        function(w, "NOT ", e);
        return;
    case OP_IS_NULL:
        writer_u8(w, '(');
        duckdb_expr(w, args[0]);
        writer_str(w, " IS NULL)");
        return;
    case OP_IN:
        in_list(w, e);
        return;
    case OP_BETWEEN:
        writer_u8(w, '(');
        duckdb_expr(w, args[0]);
        writer_str(w, " BETWEEN ");
        list(w, e, 1, " AND ");
        writer_u8(w, ')');
        return;
    case OP_LIKE:
        writer_u8(w, '(');
        list(w, e, 0, " LIKE ");
        writer_str(w, " ESCAPE '\\')");
        return;
    case OP_ADD:
    case OP_SUB:
    case OP_MUL:
    case OP_DIV:
        arith(w, e);
        return;
    case OP_NEG:
        writer_str(w, "(-");
        as_double(w, args[0]);
        writer_u8(w, ')');
        return;
    case OP_LEAST:
    case OP_GREATEST:
    case OP_COALESCE:
    case OP_LOWER:
    case OP_DATE_TRUNC:
        function(w, op_info_of(e->call.op)->sql, e);
        return;
    case OP_EXTRACT:
        function(w, "date_part", e);
        return;
    case OP_CASE:
        choose(w, e);
        return;
    case OP_CAST_INT:
    case OP_CAST_DOUBLE:
    case OP_CAST_TEXT:
    case OP_CAST_DATE:
    case OP_CAST_TIMESTAMP:
        cast(w, e);
        return;
    case OP_COUNT:
        return;
    }
}

void duckdb_expr(struct writer *w, const struct typed *e)
{
    switch (e->kind) {
    case TYPED_CONST:
        duckdb_value(w, e->type, &e->value);
        return;
    case TYPED_COLUMN:
        column(w, e);
        return;
    case TYPED_CALL:
        call(w, e);
        return;
    case TYPED_TEXT:
        writer_str(w, e->text);
        return;
    case TYPED_KEY:
        writer_printf(w, "g%zu", e->index);
        return;
    case TYPED_AGG:
        writer_printf(w, "a%zu", e->index);
        return;
    }
}

void duckdb_typed(struct writer *w, const struct typed *e)
{
    const bool is_column = e->kind == TYPED_COLUMN || e->kind == TYPED_CONST;
    if (e->type != VALUE_INT || is_column) {
        duckdb_expr(w, e);
        return;
    }
    writer_str(w, "TRY_CAST(");
    duckdb_expr(w, e);
    writer_str(w, " AS BIGINT)");
}

void duckdb_order(struct writer *w, const struct typed *e, bool descending,
                  bool nulls_first)
{
    duckdb_typed(w, e);
    writer_str(w, descending ? " DESC" : "");
    writer_str(w, nulls_first ? " NULLS FIRST" : " NULLS LAST");
}

static bool compares_column(const struct typed *e)
{
    const bool compares =
        e->kind == TYPED_CALL &&
        ((e->call.op >= OP_EQ && e->call.op <= OP_GE && e->call.op != OP_NE) ||
         e->call.op == OP_IN || e->call.op == OP_BETWEEN);
    if (!compares || e->call.args[0]->kind != TYPED_COLUMN ||
        !e->call.args[0]->column->raw)
        return false;
    for (size_t i = 1; i < e->call.n_args; i++)
        if (!typed_is_const(e->call.args[i]))
            return false;
    return true;
}

void duckdb_term(struct writer *w, const struct typed *e)
{
    if (!compares_column(e)) {
        duckdb_expr(w, e);
        return;
    }
    /* Same column, read as it is. */
    const struct typed *x = e->call.args[0];
    const bool is_in = e->call.op == OP_IN;
    writer_printf(w, "(%s %s ", x->column->sql, op_info_of(e->call.op)->sql);
    writer_str(w, is_in ? "(" : "");
    list(w, e, 1, e->call.op == OP_BETWEEN ? " AND " : ", ");
    writer_str(w, is_in ? ")" : "");
    if (x->type == VALUE_DOUBLE || x->type >= VALUE_DATE) {
        writer_str(w, " AND (");
        column(w, x);
        writer_str(w, ") IS NOT NULL");
    }
    writer_u8(w, ')');
}

void duckdb_where(struct writer *w, const struct rel_scope *scope,
                  const struct draft_terms *terms)
{
    const char *between = " WHERE ";
    for (size_t i = 0; i < scope->n_leaves; i++) {
        const struct rel_leaf *leaf = &scope->leaves[i];
        /* A missing row has no key: the join itself asked for equal ones. */
        if (!leaf->rel->owned || !leaf->rel->key_may_be_null || leaf->optional)
            continue;
        writer_printf(w, "%s%s IS NOT NULL", between, leaf->key_sql);
        between = " AND ";
    }
    for (size_t i = 0; i < terms->n; i++) {
        writer_str(w, between);
        duckdb_term(w, terms->v[i]);
        between = " AND ";
    }
}
