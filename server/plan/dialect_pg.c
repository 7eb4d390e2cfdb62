#include "server/plan/dialect_pg.h"

#include <string.h>

#include "server/plan/dialect_pg_operand.h"
#include "server/plan/dialect_pg_size.h"
#include "server/plan/eval.h"
#include "server/plan/func.h"

#define REAL "DOUBLE PRECISION"

void pg_collate(struct writer *w)
{
    writer_str(w, " COLLATE \"C\"");
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

/* Where a double has room for each digit of both. */
static bool is_short(struct pg_size a, struct pg_size b)
{
    enum { DIGITS = 15 };
    return a.whole && b.whole && a.hi <= DIGITS && b.hi <= DIGITS;
}

/* By BIGINT: a double as NUMERIC keeps 15 of its digits. */
static void whole_modulo(struct writer *w, const struct typed *e)
{
    writer_str(w, "CAST(mod(CAST(");
    pg_int(w, e->call.args[0]);
    writer_str(w, " AS NUMERIC), nullif(CAST(");
    pg_int(w, e->call.args[1]);
    writer_str(w, " AS NUMERIC), 0)) AS " REAL ")");
}

/*
 * The remainder of doubles, as fmod() has it, to the last bit: x is m 2^e with
 * a whole m of 53 bits, so that with the least of two e, both are whole numbers
 * times one power of two; their remainder is less than 2^53 of these.  Whole
 * numbers that BIGINT holds as well are asked of that first.
 */
static const char FMOD[] =
    "CASE WHEN ~2 = 0 OR abs(~1) = FLOAT8 'infinity' THEN NULL WHEN abs(~2) = "
    "FLOAT8 'infinity' THEN ~1 WHEN abs(~1) < 9007199254740992 AND abs(~2) < "
    "9007199254740992 AND ~1 = trunc(~1) AND ~2 = trunc(~2) THEN "
    "CAST(mod(CAST(~1 AS BIGINT), CAST(~2 AS BIGINT)) AS DOUBLE PRECISION) "
    "ELSE "
    "(SELECT sign(~1) * CAST(mod(m1 * power(CAST(2 AS NUMERIC), CAST(e1 - "
    "least(e1, e2) AS NUMERIC)), m2 * power(CAST(2 AS NUMERIC), CAST(e2 - "
    "least(e1, e2) AS NUMERIC))) AS DOUBLE PRECISION) * power(FLOAT8 '2', "
    "CAST(least(e1, e2) - 1075 AS DOUBLE PRECISION)) FROM (SELECT greatest(b1 "
    ">> 52, 1) AS e1, greatest(b2 >> 52, 1) AS e2, (b1 & 4503599627370495) + "
    "CASE WHEN b1 >> 52 > 0 THEN 4503599627370496 ELSE 0 END AS m1, (b2 & "
    "4503599627370495) + CASE WHEN b2 >> 52 > 0 THEN 4503599627370496 ELSE 0 "
    "END AS m2 FROM (SELECT CAST(CAST('x' || encode(float8send(abs(~1)), "
    "'hex') AS BIT(64)) AS BIGINT) AS b1, CAST(CAST('x' || "
    "encode(float8send(abs(~2)), 'hex') AS BIT(64)) AS BIGINT) AS b2 OFFSET 0) "
    "AS b OFFSET 0) AS b) END";

static void modulo(struct writer *w, const struct typed *e)
{
    const struct typed *x = e->call.args[0], *y = e->call.args[1];
    const struct pg_size a = pg_size_of(x), b = pg_size_of(y);
    const bool whole = a.whole && b.whole && a.hi <= PG_BIGINT_DIGITS &&
                       b.hi <= PG_BIGINT_DIGITS;
    const bool holds = pg_holds_window(w, x) || pg_holds_window(w, y);
    if (holds && !whole)
        dialect_lacks(w, PG_WIDE("a remainder"), e->at);
    if (is_short(a, b) || holds) {
        whole_modulo(w, e);
        return;
    }
    const struct pg_let l = { .e = { x, y }, .as = PG_LET_REAL, .call = e };
    pg_let_print(w, &l, FMOD);
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
      "~CASE WHEN ~2 = 0 AND ~1 IS NOT NULL THEN FLOAT8 '1' WHEN ~1 = 0 AND ~2 "
      "> 0 THEN FLOAT8 '0' "
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
    struct pg_let l = { .e = { e->call.args[0] }, .call = e };
    const char *how = strchr("~=^&", *form);
    if (!how) {
        l.e[0] = NULL; /* nothing is named twice */
        pg_form_print(w, &l, form, true);
        return;
    }
    l.as = *how == '=' ? PG_LET_REAL : *how == '&' ? PG_LET_AS_IS : PG_LET_TAME;
    if (e->call.n_args > 1 && (*how == '~' || *how == '='))
        l.e[1] = e->call.args[1];
    pg_let_print(w, &l, form + 1);
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
