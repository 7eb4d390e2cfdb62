/*
 * Interval constants.  They are no value of their own in the tree: they stand
 * beside a time, which they shift by months and by microseconds.  Days have 24
 * hours, since times are in UTC.
 */
#include "server/sql/sql_ctx.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define US_PER_S   INT64_C(1000000)
#define US_PER_DAY (86400 * US_PER_S)

/* A thousand years either way: no sum of shifts leaves an engine's calendar. */
enum { MONTHS_MOST = 12000 };
#define US_MOST (INT64_C(365250) * US_PER_DAY)

/* Bits of the grammar's INTERVAL ... DAY and its like (utils/datetime.h). */
struct unit {
    const char *name;
    int64_t months, us; /* one of them is 0 */
    int64_t bit;        /* or 0: not a field of the grammar */
};

static const struct unit *unit_of(const char *name, size_t len)
{
    static const struct unit units[] = {
        { "microsecond", 0, 1, 0 },
        { "us", 0, 1, 0 },
        { "millisecond", 0, 1000, 0 },
        { "ms", 0, 1000, 0 },
        { "second", 0, US_PER_S, 1 << 12 },
        { "sec", 0, US_PER_S, 0 },
        { "s", 0, US_PER_S, 0 },
        { "minute", 0, 60 * US_PER_S, 1 << 11 },
        { "min", 0, 60 * US_PER_S, 0 },
        { "m", 0, 60 * US_PER_S, 0 },
        { "hour", 0, 3600 * US_PER_S, 1 << 10 },
        { "hr", 0, 3600 * US_PER_S, 0 },
        { "h", 0, 3600 * US_PER_S, 0 },
        { "day", 0, US_PER_DAY, 1 << 3 },
        { "d", 0, US_PER_DAY, 0 },
        { "week", 0, 7 * US_PER_DAY, 0 },
        { "w", 0, 7 * US_PER_DAY, 0 },
        { "month", 1, 0, 1 << 1 },
        { "mon", 1, 0, 0 },
        { "year", 12, 0, 1 << 2 },
        { "yr", 12, 0, 0 },
        { "y", 12, 0, 0 },
        { "decade", 120, 0, 0 },
        { "century", 1200, 0, 0 },
        { "centurie", 1200, 0, 0 },
    };
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        const size_t n = strlen(units[i].name);
        if (strncasecmp(units[i].name, name, n) == 0 &&
            (len == n ||
             (len == n + 1 && n > 1 && tolower((unsigned char)name[n]) == 's')))
            return &units[i];
    }
    return NULL;
}

/* The unit INTERVAL '1' DAY names behind the text. */
static const struct unit *unit_of_bits(int64_t bits)
{
    static const char *const names[] = { "second", "minute", "hour",
                                         "day",    "month",  "year" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct unit *u = unit_of(names[i], strlen(names[i]));
        if (u->bit == bits)
            return u;
    }
    return NULL;
}

/* sign * (whole + millionths / 10^6) */
struct number {
    int sign;
    int64_t whole, millionths;
};

/* False when it is none, or has too many digits. */
static bool read_number(struct number *out, const char **at)
{
    enum { DIGITS = 18 };
    const char *p = *at;
    int64_t scale = US_PER_S;
    *out = (struct number){ .sign = *p == '-' ? -1 : 1 };
    p += *p == '-' || *p == '+';
    const size_t n = strspn(p, "0123456789");
    if (n == 0 || n > DIGITS)
        return false;
    for (; isdigit((unsigned char)*p); p++)
        out->whole = out->whole * 10 + (*p - '0');
    if (*p == '.')
        for (p++; isdigit((unsigned char)*p); p++) {
            scale /= 10; /* digits past the sixth count nothing */
            out->millionths += (*p - '0') * scale;
        }
    *at = p;
    return true;
}

static bool add(struct sql_interval *out, const struct number *n,
                const struct unit *u)
{
    int64_t months, us;
    if (u->months && n->millionths)
        return false;
    if (__builtin_mul_overflow(n->whole, u->months, &months) ||
        __builtin_mul_overflow(n->whole, u->us, &us) ||
        __builtin_add_overflow(us, n->millionths * u->us / US_PER_S, &us) ||
        months > MONTHS_MOST || us > US_MOST)
        return false;
    out->months += n->sign * months;
    out->us += n->sign * us;
    return true;
}

/* :MM[:SS[.f]] behind its hours, which have been read. */
static bool read_clock(struct sql_interval *out, const struct number *hours,
                       const char **at)
{
    const struct unit *const units[] = { unit_of("minute", 6),
                                         unit_of("second", 6) };
    bool ok = !hours->millionths && add(out, hours, unit_of("hour", 4));
    for (int i = 0; ok && i < 2 && **at == ':'; i++) {
        struct number n;
        ++*at;
        ok = isdigit((unsigned char)**at) && read_number(&n, at);
        n.sign = hours->sign;
        ok = ok && (i == 1 || !n.millionths) && add(out, &n, units[i]);
    }
    return ok;
}

static bool in_bounds(const struct sql_interval *i)
{
    return i->months >= -MONTHS_MOST && i->months <= MONTHS_MOST &&
           i->us >= -US_MOST && i->us <= US_MOST;
}

static bool read_interval(struct sql_interval *out, const char *p,
                          const struct unit *unit)
{
    bool any = false;
    *out = (struct sql_interval){ 0 };
    for (p += strspn(p, " \t@"); *p; p += strspn(p, " \t")) {
        struct number n;
        if (any && strcasecmp(p, "ago") == 0) {
            *out = (struct sql_interval){ -out->months, -out->us };
            return true;
        }
        if (!read_number(&n, &p))
            return false;
        any = true;
        if (*p == ':') {
            if (!read_clock(out, &n, &p))
                return false;
        } else {
            p += strspn(p, " \t");
            const char *name = p;
            while (isalpha((unsigned char)*p))
                p++;
            const struct unit *u =
                p > name ? unit_of(name, (size_t)(p - name)) : unit;
            if (!u || !add(out, &n, u))
                return false;
        }
        if (!in_bounds(out))
            return false;
    }
    return any;
}

static bool is_interval_type(const PgQuery__TypeName *type)
{
    const char *name =
        type->n_names ? sql_string(type->names[type->n_names - 1]) : NULL;
    return name && strcmp(name, "interval") == 0;
}

static enum err_code of_text(struct sql_ctx *c, struct sql_interval *out,
                             const PgQuery__TypeCast *cast)
{
    /* INTERVAL_FULL_RANGE of the grammar: a precision, which cuts nothing off
     * a number of microseconds written in full, stands behind it. */
    enum { ALL = 0x7fff };
    const PgQuery__TypeName *type = cast->type_name;
    const int at = sql_offset_of(cast->arg, type->location);
    const struct unit *unit = unit_of("second", 6);
    int64_t bits = ALL;
    TRY(sql_fields(c, &type->base, type->location));
    TRY(sql_fields(c, &cast->base, cast->location));
    if (type->n_typmods == 1 && sql_is_int(type->typmods[0], &bits) &&
        bits != ALL)
        unit = unit_of_bits(bits);
    if (type->n_array_bounds > 0 || type->n_typmods > 1 || !unit)
        return sql_refuse(c, REFUSAL_TYPE_MODIFIER, type->location, "interval",
                          NULL);
    if (!read_interval(out, cast->arg->a_const->sval->sval, unit))
        return sql_refuse(c, REFUSAL_INTERVAL, at, NULL, NULL);
    return ERR_OK;
}

enum err_code sql_interval_text(struct sql_ctx *c, struct sql_interval *out,
                                bool *is_one, const PgQuery__Node *n)
{
    TRY(sql_interval_of(c, out, is_one, n));
    if (*is_one || n->node_case != PG_QUERY__NODE__NODE_A_CONST ||
        n->a_const->val_case != PG_QUERY__A__CONST__VAL_SVAL)
        return ERR_OK;
    *is_one = read_interval(out, n->a_const->sval->sval, unit_of("second", 6));
    return ERR_OK;
}

static bool is_operator(const PgQuery__AExpr *a, const char *sql)
{
    return a->kind == PG_QUERY__A__EXPR__KIND__AEXPR_OP && a->n_name == 1 &&
           sql_string(a->name[0]) && strcmp(sql_string(a->name[0]), sql) == 0;
}

static enum err_code times(struct sql_ctx *c, struct sql_interval *i,
                           int64_t factor, int offset)
{
    if (__builtin_mul_overflow(i->months, factor, &i->months) ||
        __builtin_mul_overflow(i->us, factor, &i->us) || !in_bounds(i))
        return sql_refuse(c, REFUSAL_INTERVAL, offset, NULL, NULL);
    return ERR_OK;
}

/* (-11 || ' month')::interval, a number and its unit, as Looker writes it. */
static bool of_joined(struct sql_interval *out, const PgQuery__Node *n)
{
    char text[64];
    int64_t number;
    if (n->node_case != PG_QUERY__NODE__NODE_A_EXPR ||
        !is_operator(n->a_expr, "||") || !n->a_expr->lexpr ||
        !sql_is_int(n->a_expr->lexpr, &number) ||
        n->a_expr->rexpr->node_case != PG_QUERY__NODE__NODE_A_CONST ||
        n->a_expr->rexpr->a_const->val_case != PG_QUERY__A__CONST__VAL_SVAL)
        return false;
    const int len = snprintf(text, sizeof text, "%lld%s", (long long)number,
                             n->a_expr->rexpr->a_const->sval->sval);
    return len > 0 && (size_t)len < sizeof text &&
           read_interval(out, text, unit_of("second", 6));
}

enum err_code sql_interval_of(struct sql_ctx *c, struct sql_interval *out,
                              bool *is_one, const PgQuery__Node *n)
{
    int64_t factor;
    *is_one = false;
    if (!n)
        return ERR_OK;
    if (n->node_case == PG_QUERY__NODE__NODE_TYPE_CAST) {
        const PgQuery__TypeCast *cast = n->type_cast;
        const PgQuery__Node *arg = cast->arg;
        *is_one = is_interval_type(cast->type_name) &&
                  cast->type_name->n_typmods == 0 &&
                  cast->type_name->n_array_bounds == 0 && of_joined(out, arg);
        if (*is_one)
            return ERR_OK;
        *is_one = is_interval_type(cast->type_name) &&
                  arg->node_case == PG_QUERY__NODE__NODE_A_CONST &&
                  arg->a_const->val_case == PG_QUERY__A__CONST__VAL_SVAL;
        return *is_one ? of_text(c, out, cast) : ERR_OK;
    }
    if (n->node_case != PG_QUERY__NODE__NODE_A_EXPR)
        return ERR_OK;
    const PgQuery__AExpr *a = n->a_expr;
    if (is_operator(a, "-") && !a->lexpr) {
        TRY(sql_interval_of(c, out, is_one, a->rexpr));
        return *is_one ? times(c, out, -1, a->location) : ERR_OK;
    }
    if (!is_operator(a, "*"))
        return ERR_OK;
    if (sql_is_int(a->rexpr, &factor))
        TRY(sql_interval_of(c, out, is_one, a->lexpr));
    else if (sql_is_int(a->lexpr, &factor))
        TRY(sql_interval_of(c, out, is_one, a->rexpr));
    return *is_one ? times(c, out, factor, a->location) : ERR_OK;
}

/* x + i (sign 1) or x - i (sign -1). */
enum err_code sql_shift(struct sql_ctx *c, struct expr **out,
                        const PgQuery__Node *x, struct sql_interval i, int sign,
                        int offset)
{
    struct expr *e = NULL;
    TRY(sql_call_new(c, &e, OP_SHIFT, 3, offset));
    TRY(sql_expr(c, &e->call.args[0], x));
    TRY(sql_expr_new(c, &e->call.args[1], EXPR_CONST, offset));
    TRY(sql_expr_new(c, &e->call.args[2], EXPR_CONST, offset));
    e->call.args[1]->value = value_int(sign * i.months);
    e->call.args[2]->value = value_int(sign * i.us);
    *out = e;
    return ERR_OK;
}
