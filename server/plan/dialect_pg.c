/* Expressions in PostgreSQL's words: dialect_pg.h. */
#include "server/plan/dialect_pg.h"

#include <math.h>
#include <string.h>

#include "server/plan/draft.h"
#include "server/plan/eval.h"
#include "server/plan/func.h"

#define REAL     "DOUBLE PRECISION"
#define INT_LOW  "FLOAT8 '-9223372036854775808'"
#define INT_HIGH "FLOAT8 '9223372036854775808'"

void pg_collate(struct writer *w)
{
    writer_str(w, " COLLATE \"C\"");
}

/* ---- how large a number can be ---- */

/* Powers of ten: the number is 0, or between these.  `whole`: whole numbers. */
struct size {
    double lo, hi;
    bool whole;
};
enum { TAME = 150, SAFE = 300, BIGINT_DIGITS = 19 };

static const struct size any_size = { -324, 309, false };
static const struct size int_size = { 0, BIGINT_DIGITS, true };

static struct size wider(struct size a, struct size b)
{
    return (struct size){ fmin(a.lo, b.lo), fmax(a.hi, b.hi),
                          a.whole && b.whole };
}

static struct size size_of(const struct typed *e);

/* Of operands as they are printed: tamed. */
static struct size tamed(const struct typed *e)
{
    const struct size s = size_of(e);
    return (struct size){ fmax(s.lo, -TAME), fmin(s.hi, TAME), s.whole };
}

static struct size size_of_const(const struct typed *e)
{
    const double x =
        fabs(e->value.type == VALUE_INT ? (double)e->value.i : e->value.d);
    const bool whole = x == floor(x);
    if (e->value.type == VALUE_NULL || x == 0)
        return (struct size){ 0, 0, true };
    if (!isfinite(x))
        return any_size;
    return (struct size){ whole ? 0 : floor(log10(x)) - 1, ceil(log10(x)) + 1,
                          whole };
}

/* Of those that it may be. */
static struct size widest(const struct typed *e, size_t from, size_t step)
{
    struct size s = { 0, 0, true };
    for (size_t i = from; i < e->call.n_args; i += step)
        s = wider(s, size_of(e->call.args[i]));
    return s;
}

static struct size size_of_arith(const struct typed *e)
{
    const struct size a = tamed(e->call.args[0]), b = tamed(e->call.args[1]);
    const bool whole = a.whole && b.whole;
    switch ((int)e->call.op) {
    case OP_ADD:
    case OP_SUB:
        return (struct size){ whole ? 0 : -324, fmax(a.hi, b.hi) + 1, whole };
    case OP_MUL:
        return (struct size){ a.lo + b.lo, a.hi + b.hi, whole };
    case OP_DIV:
        if (e->type == VALUE_INT)
            return (struct size){ 0, a.hi + 1, true };
        return (struct size){ a.lo - b.hi, a.hi - b.lo, false };
    default: /* a remainder of whole numbers */
        return (struct size){ 0, fmin(a.hi, b.hi) + 1, true };
    }
}

static struct size size_of(const struct typed *e)
{
    if (typed_is_const(e))
        return size_of_const(e);
    if (e->kind != TYPED_CALL)
        return e->type == VALUE_INT ? int_size : any_size;
    switch ((int)e->call.op) {
    case OP_ADD:
    case OP_SUB:
    case OP_MUL:
    case OP_DIV:
    case OP_MOD:
        return size_of_arith(e);
    case OP_NEG:
    case OP_ABS:
    case OP_NULLIF:
    case OP_CAST_DOUBLE:
        return e->call.args[0]->type == VALUE_TEXT ? any_size
                                                   : size_of(e->call.args[0]);
    case OP_SIGN:
        return (struct size){ 0, 1, true };
    case OP_LEAST:
    case OP_GREATEST:
    case OP_COALESCE:
        return widest(e, 0, 1);
    case OP_CASE: {
        const struct size s = widest(e, 1, 2);
        const size_t n = e->call.n_args;
        return n % 2 ? wider(s, size_of(e->call.args[n - 1])) : s;
    }
    default:
        return e->type == VALUE_INT ? int_size : any_size;
    }
}

/* ---- operands that are named more than once ---- */

enum { LET_MAX = 2 };
struct let {
    const struct typed *e[LET_MAX];
    bool real; /* as doubles; else as they are */
};

static bool is_simple(const struct typed *e)
{
    return e->kind != TYPED_CALL;
}

/* A window or an aggregate would be that of the sub-query which names it. */
static bool holds_text(const struct typed *e)
{
    bool holds = e->kind == TYPED_TEXT;
    for (size_t i = 0; e->kind == TYPED_CALL && i < e->call.n_args; i++)
        holds |= holds_text(e->call.args[i]);
    return holds;
}

static void operand(struct writer *w, const struct let *l, size_t i)
{
    if (l->real)
        pg_real(w, l->e[i]);
    else
        duckdb_expr(w, l->e[i]);
}

/* `form` with ~1 and ~2 for the operands. */
static void let_print(struct writer *w, const struct let *l, const char *form)
{
    bool simple = true;
    for (size_t i = 0; i < LET_MAX && l->e[i]; i++)
        simple &= is_simple(l->e[i]);
    for (size_t i = 0; i < LET_MAX && l->e[i] && !simple; i++)
        if (holds_text(l->e[i]))
            dialect_lacks(w,
                          "arithmetic over a window function or the value of a "
                          "sub-query",
                          l->e[i]->at);
    writer_str(w, simple ? "(" : "(SELECT ");
    for (const char *c = form; *c; c++) {
        if (*c != '~')
            writer_u8(w, (uint8_t)*c);
        else if (simple)
            operand(w, l, (size_t)(*++c - '1'));
        else
            writer_printf(w, "h%c", *++c);
    }
    for (size_t i = 0; i < LET_MAX && l->e[i] && !simple; i++) {
        writer_str(w, i ? ", " : " FROM (SELECT ");
        operand(w, l, i);
        writer_printf(w, " AS h%zu", i + 1);
    }
    writer_str(w, simple ? ")" : " OFFSET 0) AS h)");
}

void pg_real(struct writer *w, const struct typed *e)
{
    writer_str(w, "CAST(");
    duckdb_expr(w, e);
    writer_str(w, " AS " REAL ")");
}

/* An operand that no operation can overflow or underflow with. */
static void pg_tame(struct writer *w, const struct typed *e)
{
    const struct size s = size_of(e);
    if (s.lo >= -TAME && s.hi <= TAME) {
        pg_real(w, e);
        return;
    }
    const struct let l = { .e = { e }, .real = true };
    let_print(w, &l,
              "CASE WHEN abs(~1) < FLOAT8 '1e-150' THEN FLOAT8 '0' WHEN "
              "abs(~1) <= FLOAT8 '1e150' THEN ~1 WHEN ~1 > FLOAT8 '0' THEN "
              "FLOAT8 '1e150' WHEN ~1 < FLOAT8 '0' THEN FLOAT8 '-1e150' END");
}

void pg_int(struct writer *w, const struct typed *e)
{
    const struct size s = size_of(e);
    const bool stored = e->type == VALUE_INT && e->kind != TYPED_CALL;
    if (stored || s.hi < BIGINT_DIGITS - 1) {
        writer_str(w, "CAST(");
        duckdb_expr(w, e);
        writer_str(w, " AS BIGINT)");
        return;
    }
    const struct let l = { .e = { e }, .real = true };
    let_print(w, &l,
              "CASE WHEN ~1 >= " INT_LOW " AND ~1 < " INT_HIGH
              " THEN CAST(~1 AS BIGINT) END");
}

/* ---- calls ---- */

static void arith(struct writer *w, const struct typed *e)
{
    const bool whole = e->call.op == OP_DIV && e->type == VALUE_INT;
    const bool divides = e->call.op == OP_DIV;
    writer_str(w, whole ? "trunc(" : "(");
    pg_tame(w, e->call.args[0]);
    writer_printf(w, " %s %s", op_info_of(e->call.op)->sql,
                  divides ? "nullif(" : "");
    pg_tame(w, e->call.args[1]);
    writer_str(w, divides ? ", FLOAT8 '0'))" : ")");
}

/* Of whole numbers that are exact as such. */
static void modulo(struct writer *w, const struct typed *e)
{
    const struct size a = size_of(e->call.args[0]),
                      b = size_of(e->call.args[1]);
    if (!a.whole || !b.whole || a.hi > BIGINT_DIGITS || b.hi > BIGINT_DIGITS)
        dialect_lacks(w, "a remainder of numbers that are not whole", e->at);
    writer_str(w, "CAST(mod(CAST(");
    duckdb_expr(w, e->call.args[0]);
    writer_str(w, " AS NUMERIC), nullif(CAST(");
    duckdb_expr(w, e->call.args[1]);
    writer_str(w, " AS NUMERIC), 0)) AS " REAL ")");
}

static void extract(struct writer *w, const struct typed *e)
{
    const enum time_unit unit = time_unit_of(&e->call.args[0]->value);
    const bool fraction = unit == UNIT_SECOND || unit == UNIT_MILLISECOND;
    writer_printf(w, "(CAST(date_part('%s', CAST(",
                  fraction ? "microseconds" : time_unit_name(unit));
    duckdb_expr(w, e->call.args[1]);
    writer_printf(w, " AS TIMESTAMP)) AS " REAL ")%s)",
                  unit == UNIT_SECOND        ? " / 1000000"
                  : unit == UNIT_MILLISECOND ? " / 1000"
                                             : "");
}

static void date_trunc(struct writer *w, const struct typed *e)
{
    const enum time_unit unit = time_unit_of(&e->call.args[0]->value);
    writer_printf(w, "CAST(date_trunc('%s', CAST(", time_unit_name(unit));
    duckdb_expr(w, e->call.args[1]);
    writer_printf(w, " AS TIMESTAMP)) AS %s)", duckdb_type(w, e->type));
}

/* A text, whole number or date, as text. */
static void as_text(struct writer *w, const struct typed *e)
{
    if (e->type == VALUE_TEXT || e->type == VALUE_NULL) {
        duckdb_expr(w, e);
        return;
    }
    if (e->type != VALUE_INT && e->type != VALUE_DATE && e->type != VALUE_BOOL)
        dialect_lacks(w, "the text of a time or of a number with a fraction",
                      e->at);
    writer_str(w, "(CAST(");
    duckdb_typed(w, e);
    writer_str(w, " AS TEXT)");
    pg_collate(w);
    writer_str(w, ")");
}

/* Words and their beginnings, as PostgreSQL reads them. */
static void text_to_bool(struct writer *w, const struct typed *x)
{
    writer_str(w,
               "(ARRAY[TRUE, TRUE, TRUE, TRUE, TRUE, TRUE, TRUE, TRUE, TRUE, "
               "FALSE, FALSE, FALSE, FALSE, FALSE, FALSE, FALSE, FALSE, FALSE, "
               "FALSE])[array_position(ARRAY['t', 'tr', 'tru', 'true', 'y', "
               "'ye', 'yes', 'on', '1', 'f', 'fa', 'fal', 'fals', 'false', "
               "'n', 'no', 'of', 'off', '0'], lower(btrim(");
    duckdb_expr(w, x);
    writer_str(w, ", E' \\t\\n\\r\\f\\x0b')))]");
}

/* Digits as PostgreSQL reads them; more than 40 fit no whole number. */
static void text_to_int(struct writer *w, const struct typed *x)
{
    if (holds_text(x))
        dialect_lacks(w, "a cast of a window function's text", x->at);
    writer_str(w,
               "(SELECT CASE WHEN h1 BETWEEN -9223372036854775808 AND "
               "9223372036854775807 THEN CAST(h1 AS BIGINT) END FROM (SELECT "
               "CAST(substring(");
    duckdb_expr(w, x);
    writer_str(w, " from '^[ \\t\\n\\r\\f\\v]*([+-]?[0-9]{1,40})"
                  "[ \\t\\n\\r\\f\\v]*$') AS NUMERIC) AS h1 OFFSET 0) AS h)");
}

static void cast(struct writer *w, const struct typed *e)
{
    const struct typed *x = e->call.args[0];
    const bool parses = x->type == VALUE_TEXT && !typed_is_null(x);
    if (x->type == e->type) {
        duckdb_expr(w, x);
    } else if (e->type == VALUE_BOOL && parses) {
        text_to_bool(w, x);
    } else if (e->type == VALUE_BOOL && !typed_is_null(x)) {
        writer_u8(w, '(');
        duckdb_expr(w, x);
        writer_str(w, " <> 0)");
    } else if (e->type == VALUE_INT && x->type == VALUE_BOOL) {
        writer_str(w, "CAST(CAST(");
        duckdb_expr(w, x);
        writer_str(w, " AS INTEGER) AS BIGINT)");
    } else if (e->type == VALUE_INT && parses) {
        text_to_int(w, x);
    } else if (e->type == VALUE_INT && x->type == VALUE_DOUBLE) {
        pg_int(w, x);
    } else if (e->type == VALUE_TEXT) {
        as_text(w, x);
    } else {
        if (parses)
            dialect_lacks(w, "a cast of a text to that type", e->at);
        writer_str(w, "CAST(");
        duckdb_expr(w, x);
        writer_printf(w, " AS %s)", duckdb_type(w, e->type));
    }
}

static void joined(struct writer *w, const struct typed *e, bool skips_null)
{
    writer_u8(w, '(');
    for (size_t i = 0; i < e->call.n_args; i++) {
        writer_str(w, i ? " || " : "");
        writer_str(w, skips_null ? "coalesce(" : "");
        as_text(w, e->call.args[i]);
        writer_str(w, skips_null ? ", '')" : "");
    }
    writer_u8(w, ')');
}

static void like(struct writer *w, const struct typed *e)
{
    const struct typed *pattern = e->call.args[1];
    if (e->call.op == OP_ILIKE)
        dialect_lacks(w, "ILIKE", e->at);
    writer_u8(w, '(');
    duckdb_expr(w, e->call.args[0]);
    writer_str(w, " LIKE ");
    duckdb_value(w, VALUE_TEXT, &pattern->value);
    writer_u8(w, ')');
}

/* $1 as it is, #1 as a double, @1 as one that is tame, %1 a bare constant. */
static void by_template(struct writer *w, const struct typed *e, const char *t)
{
    for (; *t; t++) {
        if (!strchr("$#@%", *t)) {
            writer_u8(w, (uint8_t)*t);
            continue;
        }
        const struct typed *arg = e->call.args[t[1] - '1'];
        if (*t == '$')
            duckdb_expr(w, arg);
        else if (*t == '#')
            pg_real(w, arg);
        else if (*t == '@')
            pg_tame(w, arg);
        else
            writer_printf(w, "%lld", (long long)arg->value.i);
        t++;
    }
}

/* What the functions of func.def are here, by the number of arguments (0: any).
 * ~: operands that are named twice, as doubles; ^: the first one, as it is. */
static const struct form {
    enum expr_op op;
    size_t n_args;
    const char *sql;
} forms[] = {
    { OP_ABS, 1, "abs(#1)" },
    { OP_SIGN, 1, "sign(#1)" },
    { OP_CEIL, 1, "ceil(#1)" },
    { OP_FLOOR, 1, "floor(#1)" },
    { OP_ROUND, 1, "round(#1)" },
    { OP_TRUNC, 1, "trunc(#1)" },
    { OP_SQRT, 1, "~CASE WHEN ~1 >= 0 THEN sqrt(~1) END" },
    { OP_LN, 1, "~CASE WHEN ~1 > 0 THEN ln(~1) END" },
    { OP_LOG, 1, "~CASE WHEN ~1 > 0 THEN log(~1) END" },
    { OP_BTRIM, 1, "btrim($1, ' ')" },
    { OP_BTRIM, 2, "btrim($1, $2)" },
    { OP_LTRIM, 1, "ltrim($1, ' ')" },
    { OP_LTRIM, 2, "ltrim($1, $2)" },
    { OP_RTRIM, 1, "rtrim($1, ' ')" },
    { OP_RTRIM, 2, "rtrim($1, $2)" },
    { OP_LENGTH, 1, "CAST(length($1) AS BIGINT)" },
    { OP_SUBSTRING, 2, "substring($1, %2)" },
    { OP_SUBSTRING, 3, "substring($1, %2, %3)" },
    { OP_LEFT, 2, "left($1, %2)" },
    { OP_RIGHT, 2, "right($1, %2)" },
    { OP_SPLIT_PART, 3, "split_part($1, $2, %3)" },
    { OP_REPLACE, 3, "replace($1, $2, $3)" },
    { OP_STRPOS, 2, "CAST(strpos($1, $2) AS BIGINT)" },
    { OP_STARTS_WITH, 2, "starts_with($1, $2)" },
};

static void func(struct writer *w, const struct typed *e)
{
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        const struct form *f = &forms[i];
        if (f->op != e->call.op || f->n_args != e->call.n_args)
            continue;
        if (*f->sql == '~') {
            const struct let l = { .e = { e->call.args[0], e->call.n_args > 1
                                                               ? e->call.args[1]
                                                               : NULL },
                                   .real = true };
            let_print(w, &l, f->sql + 1);
        } else {
            by_template(w, e, f->sql);
        }
        return;
    }
    dialect_lacks(w, op_info_of(e->call.op)->sql, e->at);
}

bool pg_call(struct writer *w, const struct typed *e)
{
    switch ((int)e->call.op) {
    case OP_ADD:
    case OP_SUB:
    case OP_MUL:
    case OP_DIV:
        if (e->call.args[0]->type == VALUE_DATE)
            return false;
        arith(w, e);
        return true;
    case OP_MOD:
        modulo(w, e);
        return true;
    case OP_NEG:
        writer_str(w, "(-");
        pg_real(w, e->call.args[0]);
        writer_u8(w, ')');
        return true;
    case OP_EXTRACT:
        extract(w, e);
        return true;
    case OP_DATE_TRUNC:
        date_trunc(w, e);
        return true;
    case OP_CAST_INT:
    case OP_CAST_DOUBLE:
    case OP_CAST_TEXT:
    case OP_CAST_DATE:
    case OP_CAST_TIMESTAMP:
    case OP_CAST_BOOL:
        cast(w, e);
        return true;
    case OP_JOIN:
    case OP_CONCAT:
        joined(w, e, e->call.op == OP_CONCAT);
        return true;
    case OP_LIKE:
    case OP_ILIKE:
        if (typed_is_null(e->call.args[1]))
            return false;
        like(w, e);
        return true;
    default:
        if (!func_of(e->call.op))
            return false;
        func(w, e);
        return true;
    }
}
