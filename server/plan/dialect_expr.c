#include <string.h>

#include "server/plan/dialect_pg.h"
#include "server/plan/dialect_pg_operand.h"
#include "server/plan/draft.h"
#include "server/plan/eval.h"
#include "server/plan/func.h"
#include "server/plan/guard.h"

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

void dialect_name(struct writer *w, const char *name)
{
    quoted(w, name, strlen(name), '"');
}

const char *dialect_type(const struct writer *w, enum value_type type)
{
    static const char *const names[VALUE_TYPE_COUNT] = {
        [VALUE_NULL] = "VARCHAR",        [VALUE_BOOL] = "BOOLEAN",
        [VALUE_INT] = "BIGINT",          [VALUE_DOUBLE] = "DOUBLE",
        [VALUE_TEXT] = "VARCHAR",        [VALUE_DATE] = "DATE",
        [VALUE_TIMESTAMP] = "TIMESTAMP",
    };
    if (dialect_is_pg(w) && (type == VALUE_TEXT || type == VALUE_NULL))
        return "TEXT";
    return dialect_is_pg(w) && type == VALUE_DOUBLE ? "DOUBLE PRECISION"
                                                    : names[type];
}

void dialect_value(struct writer *w, enum value_type type,
                   const struct value *v)
{
    char text[64];
    struct writer t = writer_of(text, sizeof text - 1);

    if (v->type == VALUE_NULL) {
        writer_printf(w, "CAST(NULL AS %s)", dialect_type(w, type));
    } else if (v->type == VALUE_TEXT && dialect_is_pg(w)) {
        writer_u8(w, '(');
        quoted(w, v->text.s, v->text.len, '\'');
        pg_collate(w);
        writer_u8(w, ')');
    } else if (v->type == VALUE_TEXT) {
        quoted(w, v->text.s, v->text.len, '\'');
    } else if (v->type == VALUE_BOOL) {
        writer_str(w, v->b ? "TRUE" : "FALSE");
    } else {
        value_print(&t, v);
        writer_printf(w, "CAST('%.*s' AS %s)", (int)t.len, text,
                      dialect_type(w, v->type));
    }
}

/* An operand that the engine, as it reads the text, copies once. */
static void copied(struct writer *w, const struct typed *e)
{
    const uint64_t before = w->need + w->behind;
    dialect_expr(w, e);
    writer_behind(w, w->need + w->behind - before);
}

static void list(struct writer *w, const struct typed *e, size_t from,
                 const char *between)
{
    for (size_t i = from; i < e->call.n_args; i++) {
        writer_str(w, i > from ? between : "");
        dialect_expr(w, e->call.args[i]);
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
        dialect_expr(w, e->call.args[i]);
    }
    writer_u8(w, ')');
}

static void as_double(struct writer *w, const struct typed *e)
{
    writer_str(w, "CAST(");
    dialect_expr(w, e);
    writer_str(w, " AS DOUBLE)");
}

/* A date and days, or the days between dates; columns hold sane dates, and
 * constants are small. */
static void days(struct writer *w, const struct typed *e)
{
    const struct typed *by = e->call.args[1];
    writer_u8(w, '(');
    dialect_expr(w, e->call.args[0]);
    writer_printf(w, " %s ", op_info_of(e->call.op)->sql);
    if (typed_is_const(by) && by->value.type == VALUE_INT)
        writer_printf(w, "CAST('%lld' AS INTEGER)", (long long)by->value.i);
    else
        dialect_expr(w, by);
    writer_u8(w, ')');
}

static void arith(struct writer *w, const struct typed *e)
{
    if (e->call.args[0]->type == VALUE_DATE) {
        days(w, e);
        return;
    }
    const bool divides = e->call.op == OP_DIV || e->call.op == OP_MOD;
    const bool whole = e->call.op == OP_DIV && e->type == VALUE_INT;

    writer_str(w, whole ? "trunc(" GUARD_NUMBER "(" : GUARD_NUMBER "(");
    as_double(w, e->call.args[0]);
    writer_printf(w, " %s ", op_info_of(e->call.op)->sql);
    writer_str(w, divides ? GUARD_DIVISOR "(" : "");
    as_double(w, e->call.args[1]);
    writer_str(w, divides ? "))" : ")");
    writer_str(w, whole ? ")" : "");
}

/* `x` when it is a time of the years 1 to 9999. */
static void sane_time(struct writer *w, enum value_type type, const char *open,
                      const struct rel_column *c, const char *close)
{
    for (int i = 0; i < 2; i++) {
        writer_behind(w, c->behind);
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
    writer_behind(w, e->column->behind);
    if (raw && e->type == VALUE_DOUBLE)
        writer_printf(w, ", CAST('NaN' AS %s))", dialect_type(w, VALUE_DOUBLE));
}

/* Words and their beginnings, as PostgreSQL reads them. */
static void cast_bool(struct writer *w, const struct typed *x)
{
    static const char *const words[] = { "t",  "tr",  "tru",  "true",  "y",
                                         "ye", "yes", "on",   "1",     "f",
                                         "fa", "fal", "fals", "false", "n",
                                         "no", "of",  "off",  "0" };
    enum { N_TRUE = 9 };
    if (x->type != VALUE_TEXT) {
        writer_u8(w, '(');
        dialect_expr(w, x);
        writer_str(w, " <> 0)");
        return;
    }
    /* Of two lists, so that x is named once. */
    const size_t n = sizeof words / sizeof words[0];
    writer_str(w, "list_extract([");
    for (size_t i = 0; i < n; i++)
        writer_printf(w, "%s%s", i ? ", " : "", i < N_TRUE ? "TRUE" : "FALSE");
    writer_str(w, "], list_position([");
    for (size_t i = 0; i < n; i++)
        writer_printf(w, "%s'%s'", i ? ", " : "", words[i]);
    writer_str(w, "], lower(trim(");
    dialect_expr(w, x);
    writer_str(w, ", e' \\t\\n\\r\\f\\x0b'))))");
}

/* The engine cuts the fraction of a second off, and begins a century a year
 * early. */
static void extract(struct writer *w, const struct typed *e)
{
    const enum time_unit unit = time_unit_of(&e->call.args[0]->value);
    const bool fraction = unit == UNIT_SECOND || unit == UNIT_MILLISECOND;
    writer_printf(w, "CAST(date_part('%s', ",
                  fraction ? "microseconds" : time_unit_name(unit));
    dialect_expr(w, e->call.args[1]);
    writer_str(w, ") AS DOUBLE)");
    if (fraction)
        writer_str(w, unit == UNIT_SECOND ? " / 1000000" : " / 1000");
}

static void date_trunc(struct writer *w, const struct typed *e)
{
    const enum time_unit unit = time_unit_of(&e->call.args[0]->value);
    const bool year_late = unit == UNIT_CENTURY || unit == UNIT_MILLENNIUM;
    writer_printf(w, "%sdate_trunc('%s', ", year_late ? "(" : "",
                  time_unit_name(unit));
    dialect_expr(w, e->call.args[1]);
    writer_str(w, year_late ? " - INTERVAL 1 YEAR) + INTERVAL 1 YEAR)" : ")");
}

/* Which of "one|two" stands for so many arguments past the least. */
static const char *form_of(const char *forms, size_t past, size_t *len)
{
    const char *end = strchr(forms, '|');
    for (; past > 0 && end; past--) {
        forms = end + 1;
        end = strchr(forms, '|');
    }
    *len = end ? (size_t)(end - forms) : strlen(forms);
    return forms;
}

static void by_template(struct writer *w, const struct typed *e,
                        const char *forms)
{
    size_t len;
    const size_t past = e->call.n_args - op_info_of(e->call.op)->min_args;
    const char *t = form_of(forms, past, &len);
    for (size_t i = 0; i < len; i++) {
        if (!strchr("$#%", t[i])) {
            writer_u8(w, (uint8_t)t[i]);
            continue;
        }
        const struct typed *arg = e->call.args[t[i + 1] - '1'];
        if (t[i] == '$')
            dialect_expr(w, arg);
        else if (t[i] == '#')
            as_double(w, arg);
        else
            writer_printf(w, "%lld", (long long)arg->value.i);
        i++;
    }
}

static void cast(struct writer *w, const struct typed *e)
{
    const struct typed *x = e->call.args[0];
    const char *type = dialect_type(w, e->type);
    char open[] = "TRY_CAST(", close[32] = "";
    struct writer c = writer_of(close, sizeof close);

    if (x->type == e->type) {
        dialect_expr(w, x);
    } else if (e->type == VALUE_BOOL) {
        cast_bool(w, x);
    } else if (x->type == VALUE_TEXT && e->type == VALUE_INT) {
        /* The engine would read '1.5', '1e3', '0x10' and '1_000', too. */
        writer_str(w, "TRY_CAST(regexp_extract(");
        dialect_expr(w, x);
        writer_str(w, ", '^\\s*([+]?[0-9]+|-[0-9]+)\\s*$', 1) AS BIGINT)");
    } else if (x->type == VALUE_TEXT && e->type >= VALUE_DATE &&
               x->kind == TYPED_COLUMN) {
        writer_printf(&c, " AS %s)", type);
        (void)writer_cstr(&c);
        sane_time(w, e->type, open, x->column, close);
    } else {
        const bool rounds = x->type == VALUE_DOUBLE && e->type == VALUE_INT;
        const bool was_int = x->type == VALUE_INT && e->type == VALUE_TEXT;
        const bool parses = x->type == VALUE_TEXT && e->type == VALUE_DOUBLE;
        writer_str(w, parses ? GUARD_NUMBER "(" : "");
        writer_str(w, open);
        writer_str(w, rounds ? GUARD_ROUND "(" : was_int ? open : "");
        dialect_expr(w, x);
        writer_str(w, rounds ? ")" : was_int ? " AS BIGINT)" : "");
        writer_printf(w, " AS %s)", type);
        writer_str(w, parses ? ")" : "");
    }
}

static void choose(struct writer *w, const struct typed *e)
{
    const size_t n = e->call.n_args;
    writer_str(w, "CASE");
    for (size_t i = 0; i < n; i++) {
        const bool last = i + 1 == n && n % 2;
        writer_str(w, last ? " ELSE " : i % 2 ? " THEN " : " WHEN ");
        dialect_expr(w, e->call.args[i]);
    }
    writer_str(w, " END");
}

static void in_list(struct writer *w, const struct typed *e)
{
    writer_u8(w, '(');
    dialect_expr(w, e->call.args[0]);
    writer_str(w, " IN (");
    list(w, e, 1, ", ");
    writer_str(w, "))");
}

static void func(struct writer *w, const struct typed *e)
{
    const char *forms = func_of(e->call.op)->duckdb;
    if (forms)
        by_template(w, e, forms);
    else
        function(w, op_info_of(e->call.op)->sql, e);
}

/* "(before x after)" */
static void around(struct writer *w, const char *before, const struct typed *x,
                   const char *after)
{
    writer_u8(w, '(');
    writer_str(w, before);
    dialect_expr(w, x);
    writer_str(w, after);
    writer_u8(w, ')');
}

static void between(struct writer *w, const struct typed *e)
{
    writer_u8(w, '(');
    copied(w, e->call.args[0]);
    writer_str(w, " BETWEEN ");
    list(w, e, 1, " AND ");
    writer_u8(w, ')');
}

/* What gives a truth, and ||, which stands between its operands as they do;
 * false: another call. */
static bool condition(struct writer *w, const struct typed *e)
{
    struct typed *const *args = e->call.args;
    switch ((int)e->call.op) {
    case OP_AND:
    case OP_OR:
    case OP_EQ:
    case OP_NE:
    case OP_LT:
    case OP_LE:
    case OP_GT:
    case OP_GE:
    case OP_IS_DISTINCT:
    case OP_JOIN:
        infix(w, op_info_of(e->call.op)->sql, e);
        return true;
    case OP_NOT:
        around(w, "NOT ", args[0], "");
        return true;
    case OP_IS_NULL:
        around(w, "", args[0], " IS NULL");
        return true;
    case OP_IN:
        in_list(w, e);
        return true;
    case OP_BETWEEN:
        between(w, e);
        return true;
    case OP_LIKE:
    case OP_ILIKE:
        if (typed_is_null(args[1]))
            writer_str(w, "CAST(NULL AS BOOLEAN)");
        else
            dialect_like(w, e);
        return true;
    default:
        return false;
    }
}

static void negated(struct writer *w, const struct typed *x)
{
    writer_str(w, "(-");
    as_double(w, x);
    writer_u8(w, ')');
}

static void nullif(struct writer *w, const struct typed *e)
{
    writer_str(w, "nullif(");
    copied(w, e->call.args[0]);
    writer_str(w, ", ");
    dialect_expr(w, e->call.args[1]);
    writer_u8(w, ')');
}

static void call(struct writer *w, const struct typed *e)
{
    if ((dialect_is_pg(w) && pg_call(w, e)) || condition(w, e))
        return;
    switch ((int)e->call.op) {
    case OP_ADD:
    case OP_SUB:
    case OP_MUL:
    case OP_DIV:
    case OP_MOD:
        arith(w, e);
        return;
    case OP_NEG:
        negated(w, e->call.args[0]);
        return;
    case OP_LEAST:
    case OP_GREATEST:
    case OP_COALESCE:
        function(w, op_info_of(e->call.op)->sql, e);
        return;
    case OP_NULLIF:
        nullif(w, e);
        return;
    case OP_DATE_TRUNC:
        date_trunc(w, e);
        return;
    case OP_EXTRACT:
        extract(w, e);
        return;
    case OP_CASE:
        choose(w, e);
        return;
    case OP_CAST_INT:
    case OP_CAST_DOUBLE:
    case OP_CAST_TEXT:
    case OP_CAST_DATE:
    case OP_CAST_TIMESTAMP:
    case OP_CAST_BOOL:
        cast(w, e);
        return;
    default:
        func(w, e);
        return;
    }
}

void dialect_expr(struct writer *w, const struct typed *e)
{
    const bool named = dialect_is_pg(w) && w->dialect->n_named > 0;
    if (named && dialect_named(w, e) < w->dialect->n_named) {
        writer_printf(w, "z.h%zu", dialect_named(w, e));
        return;
    }
    switch (e->kind) {
    case TYPED_CONST:
        dialect_value(w, e->type, &e->value);
        return;
    case TYPED_COLUMN:
        column(w, e);
        return;
    case TYPED_CALL:
        call(w, e);
        return;
    case TYPED_TEXT:
        writer_str(w, e->text);
        writer_behind(w, e->behind);
        return;
    case TYPED_KEY:
        writer_behind(w, e->behind);
        writer_printf(w, "g%zu", e->index);
        return;
    case TYPED_AGG:
        writer_printf(w, "a%zu", e->index);
        return;
    case TYPED_OVER: /* never the engine's */
        writer_str(w, "NULL");
        return;
    }
}

void dialect_typed(struct writer *w, const struct typed *e)
{
    const bool is_column = e->kind == TYPED_COLUMN || e->kind == TYPED_CONST;
    if (e->type != VALUE_INT || is_column) {
        dialect_expr(w, e);
        return;
    }
    if (dialect_is_pg(w)) {
        pg_int(w, e);
        return;
    }
    writer_str(w, "TRY_CAST(");
    dialect_expr(w, e);
    writer_str(w, " AS BIGINT)");
}

void dialect_order(struct writer *w, const struct typed *e, bool descending,
                   bool nulls_first)
{
    dialect_typed(w, e);
    writer_str(w, descending ? " DESC" : "");
    writer_str(w, nulls_first ? " NULLS FIRST" : " NULLS LAST");
}
