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

static void pg_tame(struct writer *w, const struct typed *e);

enum { LET_MAX = 2, TWICE_DEPTH = 3 };
struct let {
    const struct typed *e[LET_MAX];
    enum let_as { LET_AS_IS, LET_REAL, LET_TAME } as;
    const struct typed *call; /* whose other arguments the form names */
};

/* A window or an aggregate would be that of the sub-query which names it. */
bool pg_holds_text(const struct typed *e)
{
    bool holds = e->kind == TYPED_TEXT;
    for (size_t i = 0; e->kind == TYPED_CALL && i < e->call.n_args; i++)
        holds |= pg_holds_text(e->call.args[i]);
    return holds;
}

static unsigned depth_of(const struct typed *e)
{
    unsigned most = 0;
    for (size_t i = 0; e->kind == TYPED_CALL && i < e->call.n_args; i++) {
        const unsigned d = 1 + depth_of(e->call.args[i]);
        most = d > most ? d : most;
    }
    return most;
}

/* So it is written as often as it is named, if that is not too long. */
static bool is_written_often(struct writer *w, const struct let *l)
{
    bool simple = true, holds = false;
    for (size_t i = 0; i < LET_MAX && l->e[i]; i++) {
        simple &= l->e[i]->kind != TYPED_CALL;
        holds |= pg_holds_text(l->e[i]);
    }
    for (size_t i = 0; i < LET_MAX && l->e[i] && holds; i++)
        if (depth_of(l->e[i]) > TWICE_DEPTH)
            dialect_lacks(w,
                          "so much arithmetic over a window function or the "
                          "value of a sub-query",
                          l->e[i]->at);
    return simple || (holds && !w->dialect->lacks);
}

static void operand(struct writer *w, const struct let *l, size_t i)
{
    if (l->as == LET_TAME)
        pg_tame(w, l->e[i]);
    else if (l->as == LET_REAL)
        pg_real(w, l->e[i]);
    else
        dialect_expr(w, l->e[i]);
}

/* Of a form: $1 the argument as it is, #1 as a double, @1 as one that is tame,
 * %1 a bare constant. */
static void argument(struct writer *w, const struct typed *arg, char how)
{
    if (how == '$')
        dialect_expr(w, arg);
    else if (how == '#')
        pg_real(w, arg);
    else if (how == '@')
        pg_tame(w, arg);
    else
        writer_printf(w, "%lld", (long long)arg->value.i);
}

/* With ~1 and ~2 for the operands, written out or as h1 and h2. */
static void form_print(struct writer *w, const struct let *l, const char *form,
                       bool often)
{
    for (const char *c = form; *c; c++) {
        if (!strchr("~$#@%", *c)) {
            writer_u8(w, (uint8_t)*c);
            continue;
        }
        const size_t i = (size_t)(c[1] - '1');
        if (*c != '~')
            argument(w, l->call->call.args[i], *c);
        else if (often)
            operand(w, l, i);
        else
            writer_printf(w, "h%zu", i + 1);
        c++;
    }
}

static void let_print(struct writer *w, const struct let *l, const char *form)
{
    const bool often = is_written_often(w, l);
    writer_str(w, often ? "(" : "(SELECT ");
    form_print(w, l, form, often);
    for (size_t i = 0; i < LET_MAX && l->e[i] && !often; i++) {
        writer_str(w, i ? ", " : " FROM (SELECT ");
        operand(w, l, i);
        writer_printf(w, " AS h%zu", i + 1);
    }
    writer_str(w, often ? ")" : " OFFSET 0) AS h)");
}

void pg_real(struct writer *w, const struct typed *e)
{
    writer_str(w, "CAST(");
    dialect_expr(w, e);
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
    const struct let l = { .e = { e }, .as = LET_REAL };
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
        dialect_expr(w, e);
        writer_str(w, " AS BIGINT)");
        return;
    }
    const struct let l = { .e = { e }, .as = LET_REAL };
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
    /* By BIGINT: a double as NUMERIC keeps 15 of its digits. */
    writer_str(w, "CAST(mod(CAST(");
    pg_int(w, e->call.args[0]);
    writer_str(w, " AS NUMERIC), nullif(CAST(");
    pg_int(w, e->call.args[1]);
    writer_str(w, " AS NUMERIC), 0)) AS " REAL ")");
}

static void extract(struct writer *w, const struct typed *e)
{
    const enum time_unit unit = time_unit_of(&e->call.args[0]->value);
    const bool fraction = unit == UNIT_SECOND || unit == UNIT_MILLISECOND;
    writer_printf(w, "(CAST(date_part('%s', CAST(",
                  fraction ? "microseconds" : time_unit_name(unit));
    dialect_expr(w, e->call.args[1]);
    writer_printf(w, " AS TIMESTAMP)) AS " REAL ")%s)",
                  unit == UNIT_SECOND        ? " / 1000000"
                  : unit == UNIT_MILLISECOND ? " / 1000"
                                             : "");
}

static void date_trunc(struct writer *w, const struct typed *e)
{
    const enum time_unit unit = time_unit_of(&e->call.args[0]->value);
    writer_printf(w, "CAST(date_trunc('%s', CAST(", time_unit_name(unit));
    dialect_expr(w, e->call.args[1]);
    writer_printf(w, " AS TIMESTAMP)) AS %s)", dialect_type(w, e->type));
}

static void joined(struct writer *w, const struct typed *e, bool skips_null)
{
    writer_u8(w, '(');
    for (size_t i = 0; i < e->call.n_args; i++) {
        writer_str(w, i ? " || " : "");
        writer_str(w, skips_null ? "coalesce(" : "");
        pg_as_text(w, e->call.args[i]);
        writer_str(w, skips_null ? ", '')" : "");
    }
    writer_u8(w, ')');
}

/* Letters of every alphabet have two cases, whatever the database's locale. */
static void in_case(struct writer *w, const char *name, const struct typed *x)
{
    writer_printf(w, "(%s(", name);
    dialect_expr(w, x);
    writer_str(w, " COLLATE \"" PG_CASES "\")");
    pg_collate(w);
    writer_str(w, ")");
}

static void like(struct writer *w, const struct typed *e)
{
    const bool lower = e->call.op == OP_ILIKE;
    for (size_t i = 0; i < 2; i++) {
        writer_str(w, i ? " LIKE " : "(");
        if (lower)
            in_case(w, "lower", e->call.args[i]);
        else
            dialect_expr(w, e->call.args[i]);
    }
    writer_u8(w, ')');
}

/*
 * What the functions of func.def are here, by the number of arguments.  A form
 * whose operands (~1, ~2) are named twice says how in front:
 *   ~  all, tame    =  all, as doubles    ^  the first, tame
 *   &  the first, as it is
 */
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
    { OP_ROUND, 2,
      "^CASE WHEN abs(~1 * FLOAT8 '1e%2') < FLOAT8 '4503599627370496' THEN "
      "(trunc(~1 * FLOAT8 '1e%2') + CASE WHEN abs(~1 * FLOAT8 '1e%2' - "
      "trunc(~1 "
      "* FLOAT8 '1e%2')) >= FLOAT8 '0.5' THEN sign(~1) ELSE FLOAT8 '0' END) / "
      "FLOAT8 '1e%2' ELSE ~1 END" },
    { OP_TRUNC, 2, "(trunc(@1 * FLOAT8 '1e%2') / FLOAT8 '1e%2')" },
    /* The greatest power of e that is finite, the least that is not 0. */
    { OP_EXP, 1,
      "=CASE WHEN ~1 < -745 THEN FLOAT8 '0' WHEN ~1 < FLOAT8 '709.78' THEN "
      "exp(~1) END" },
    { OP_POWER, 2,
      "~CASE WHEN ~2 = 0 THEN FLOAT8 '1' WHEN ~1 = 0 AND ~2 > 0 THEN FLOAT8 "
      "'0' "
      "WHEN ~1 = 0 OR (~1 < 0 AND ~2 <> floor(~2)) OR ~2 * ln(abs(nullif(~1, "
      "0))) > FLOAT8 '709.7' THEN NULL WHEN ~2 * ln(abs(nullif(~1, 0))) < -744 "
      "THEN FLOAT8 '0' ELSE power(~1, ~2) END" },
    { OP_LOG, 2,
      "~CASE WHEN ~1 > 0 AND ~2 > 0 THEN ln(~2) / nullif(ln(~1), 0) END" },
    { OP_WIDTH_BUCKET, 4,
      "^CASE WHEN ~1 < @2 THEN CAST(0 AS BIGINT) WHEN ~1 >= @3 THEN %4 + 1 "
      "WHEN "
      "(~1 - @2) * %4 < @3 - @2 THEN 1 ELSE CAST(floor((~1 - @2) * %4 / (@3 - "
      "@2)) AS BIGINT) + 1 END" },
    { OP_TO_TIMESTAMP, 1,
      "=CASE WHEN ~1 > -62135596801 AND ~1 < 253402300800 THEN TIMESTAMP "
      "'1970-01-01 00:00:00' + CAST(round(~1 * 1000000) AS BIGINT) * INTERVAL "
      "'1 microsecond' END" },
    { OP_SECONDS, 2,
      "(CAST((EXTRACT(EPOCH FROM $1) - EXTRACT(EPOCH FROM $2)) * 1000000 AS "
      "DOUBLE PRECISION) / 1000000)" },
    { OP_SHIFT, 3,
      "&CASE WHEN ~1 BETWEEN TIMESTAMP '3000-01-01 BC' AND TIMESTAMP "
      "'200000-01-01' THEN ~1 + INTERVAL '%2 months' + INTERVAL '%3 "
      "microseconds' END" },
    { OP_SQRT, 1, "=CASE WHEN ~1 >= 0 THEN sqrt(~1) END" },
    { OP_LN, 1, "=CASE WHEN ~1 > 0 THEN ln(~1) END" },
    { OP_LOG, 1, "=CASE WHEN ~1 > 0 THEN log(~1) END" },
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

static void by_form(struct writer *w, const struct typed *e, const char *form)
{
    struct let l = { .e = { e->call.args[0] }, .call = e };
    const char *how = strchr("~=^&", *form);
    if (!how) {
        l.e[0] = NULL; /* nothing is named twice */
        form_print(w, &l, form, true);
        return;
    }
    l.as = *how == '=' ? LET_REAL : *how == '&' ? LET_AS_IS : LET_TAME;
    if (e->call.n_args > 1 && (*how == '~' || *how == '='))
        l.e[1] = e->call.args[1];
    let_print(w, &l, form + 1);
}

static void func(struct writer *w, const struct typed *e)
{
    if (e->call.op == OP_LOWER || e->call.op == OP_UPPER) {
        in_case(w, op_info_of(e->call.op)->sql, e->call.args[0]);
        return;
    }
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (forms[i].op == e->call.op && forms[i].n_args == e->call.n_args) {
            by_form(w, e, forms[i].sql);
            return;
        }
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
        pg_cast(w, e);
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
