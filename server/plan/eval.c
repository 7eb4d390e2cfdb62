#include "server/plan/eval.h"

#include <ctype.h>
#include <math.h>
#include <string.h>
#include <strings.h>

#include "server/plan/func.h"
#include "server/plan/rel.h"
#include "server/query/refusal.h"

/* Arguments of one call, evaluated; most operations are NULL when one is. */
struct call {
    const struct value *args;
    size_t n;
};

static struct value of_bool(bool b)
{
    return (struct value){ .type = VALUE_BOOL, .b = b };
}

static struct value of_double(double d)
{
    return isnan(d) ? value_null() : value_double(d);
}

static bool is_null(const struct value *v)
{
    return v->type == VALUE_NULL;
}

static bool any_null(const struct call *c)
{
    for (size_t i = 0; i < c->n; i++)
        if (is_null(&c->args[i]))
            return true;
    return false;
}

/* Three-valued AND (decisive = false) and OR (decisive = true). */
static struct value logic(const struct call *c, bool decisive)
{
    bool unknown = false;
    for (size_t i = 0; i < c->n; i++) {
        if (is_null(&c->args[i]))
            unknown = true;
        else if (c->args[i].b == decisive)
            return of_bool(decisive);
    }
    return unknown ? value_null() : of_bool(!decisive);
}

static struct value compare(enum expr_op op, const struct value *l,
                            const struct value *r)
{
    if (is_null(l) || is_null(r))
        return value_null();
    const int c = value_cmp(l, r);
    return of_bool((op == OP_EQ && c == 0) || (op == OP_NE && c != 0) ||
                   (op == OP_LT && c < 0) || (op == OP_LE && c <= 0) ||
                   (op == OP_GT && c > 0) || (op == OP_GE && c >= 0));
}

static struct value in_list(const struct call *c)
{
    bool unknown = is_null(&c->args[0]);
    for (size_t i = 1; i < c->n && !is_null(&c->args[0]); i++) {
        if (is_null(&c->args[i]))
            unknown = true;
        else if (value_cmp(&c->args[0], &c->args[i]) == 0)
            return of_bool(true);
    }
    return unknown ? value_null() : of_bool(false);
}

static struct value between(const struct call *c)
{
    const struct value ends[2] = {
        compare(OP_GE, &c->args[0], &c->args[1]),
        compare(OP_LE, &c->args[0], &c->args[2]),
    };
    const struct call both = { .args = ends, .n = 2 };
    return logic(&both, false);
}

/* One character of UTF-8 on. */
static const char *next_char(const char *s)
{
    do {
        s++;
    } while (((unsigned char)*s & 0xc0) == 0x80);
    return s;
}

static bool same_byte(char a, char b, bool any_case)
{
    return any_case ? tolower((unsigned char)a) == tolower((unsigned char)b)
                    : a == b;
}

/*
 * SQL LIKE with backslash as escape.  Greedy with one point to return to: the
 * last % seen; invariant: everything before it is matched for good.
 */
static bool like(const char *s, const char *p, bool any_case)
{
    const char *back_p = NULL, *back_s = NULL;
    while (*s) {
        const bool escaped = *p == '\\' && p[1];
        if (*p == '%') {
            back_p = ++p;
            back_s = s;
        } else if (*p == '_') {
            p++;
            s = next_char(s);
        } else if (*p && same_byte(*(p + escaped), *s, any_case)) {
            p += escaped + 1;
            s++;
        } else if (back_p) {
            p = back_p;
            s = back_s = next_char(back_s);
        } else {
            return false;
        }
    }
    while (*p == '%')
        p++;
    return !*p;
}

static struct value arith_int(enum expr_op op, int64_t l, int64_t r)
{
    int64_t v = 0;
    bool bad = false;
    if (op == OP_ADD)
        bad = __builtin_add_overflow(l, r, &v);
    else if (op == OP_SUB)
        bad = __builtin_sub_overflow(l, r, &v);
    else if (op == OP_MUL)
        bad = __builtin_mul_overflow(l, r, &v);
    else if (r == 0 || (l == INT64_MIN && r == -1))
        bad = true;
    else
        v = op == OP_MOD ? l % r : l / r;
    return bad ? value_null() : value_int(v);
}

static struct value of_time(enum value_type type, int64_t us);

/* Days between dates, or a date so many days on. */
static struct value days(enum expr_op op, const struct value *l,
                         const struct value *r)
{
    if (r->type == VALUE_DATE)
        return value_int(l->i - r->i);
    return of_time(VALUE_DATE,
                   (op == OP_ADD ? l->i + r->i : l->i - r->i) * US_PER_DAY);
}

static struct value arith(enum expr_op op, const struct value *l,
                          const struct value *r)
{
    if (l->type == VALUE_DATE)
        return days(op, l, r);
    if (l->type == VALUE_INT)
        return arith_int(op, l->i, r->i);
    switch ((int)op) {
    case OP_ADD:
        return of_double(l->d + r->d);
    case OP_SUB:
        return of_double(l->d - r->d);
    case OP_MUL:
        return of_double(l->d * r->d);
    case OP_MOD:
        return r->d == 0 ? value_null() : of_double(fmod(l->d, r->d));
    default:
        return r->d == 0 ? value_null() : of_double(l->d / r->d);
    }
}

static struct value extreme(const struct call *c, int sign)
{
    struct value best = value_null();
    for (size_t i = 0; i < c->n; i++)
        if (!is_null(&c->args[i]) &&
            (is_null(&best) || sign * value_cmp(&c->args[i], &best) > 0))
            best = c->args[i];
    return best;
}

static struct value choose(const struct call *c)
{
    for (size_t i = 0; i + 1 < c->n; i += 2)
        if (!is_null(&c->args[i]) && c->args[i].b)
            return c->args[i + 1];
    return c->n % 2 ? c->args[c->n - 1] : value_null();
}

static struct value coalesce(const struct call *c)
{
    for (size_t i = 0; i < c->n; i++)
        if (!is_null(&c->args[i]))
            return c->args[i];
    return value_null();
}

static int64_t us_of(const struct value *v)
{
    return v->type == VALUE_DATE ? v->i * US_PER_DAY : v->i;
}

static struct value of_time(enum value_type type, int64_t us)
{
    if (us < TIME_MIN_US || us > TIME_MAX_US)
        return value_null();
    return (struct value){ .type = type,
                           .i = type == VALUE_DATE
                                    ? time_floor_div(us, US_PER_DAY)
                                    : us };
}

static struct value cast_text(enum value_type type, const struct value *v)
{
    struct value out = value_null();
    struct err ignored = { 0 };
    const char *s = v->text.s;
    size_t len = v->text.len;
    for (; len > 0 && isspace((unsigned char)s[len - 1]); len--)
        ;
    for (; len > 0 && isspace((unsigned char)*s); len--)
        s++;
    if (type == VALUE_INT && len > 1 && *s == '+' && s[1] != '-') {
        s++;
        len--;
    }
    if (value_parse(&out, type, s, len, &ignored) != ERR_OK)
        return value_null();
    if (type == VALUE_DATE || type == VALUE_TIMESTAMP)
        return of_time(type, us_of(&out));
    return out;
}

static struct value cast_int(const struct value *v)
{
    if (v->type == VALUE_BOOL)
        return value_int(v->b);
    if (v->type == VALUE_TEXT)
        return cast_text(VALUE_INT, v);
    if (v->type == VALUE_INT)
        return *v;
    const double r = rint(v->d); /* halves to even, as PostgreSQL */
    return r >= -0x1p63 && r < 0x1p63 ? value_int((int64_t)r) : value_null();
}

/* Prefixes of the words, as PostgreSQL reads them. */
static struct value bool_of_text(const struct value *v)
{
    static const struct {
        const char *word;
        size_t least; /* bytes that tell it from the others */
        bool b;
    } words[] = { { "true", 1, true },   { "yes", 1, true },
                  { "on", 2, true },     { "1", 1, true },
                  { "false", 1, false }, { "no", 1, false },
                  { "off", 2, false },   { "0", 1, false } };
    const char *s = v->text.s + strspn(v->text.s, " \t\n\r\f\v");
    size_t len = strlen(s);
    while (len > 0 && isspace((unsigned char)s[len - 1]))
        len--;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (len >= words[i].least && len <= strlen(words[i].word) &&
            strncasecmp(words[i].word, s, len) == 0)
            return of_bool(words[i].b);
    return value_null();
}

static struct value cast_bool(const struct value *v)
{
    if (v->type == VALUE_TEXT)
        return bool_of_text(v);
    return v->type == VALUE_INT ? of_bool(v->i != 0) : *v;
}

static struct value cast(enum expr_op op, const struct value *v)
{
    if (op == OP_CAST_BOOL)
        return cast_bool(v);
    if (op == OP_CAST_INT)
        return cast_int(v);
    if (op == OP_CAST_DOUBLE) {
        if (v->type == VALUE_TEXT)
            return cast_text(VALUE_DOUBLE, v);
        return v->type == VALUE_INT ? value_double((double)v->i) : *v;
    }
    const enum value_type to =
        op == OP_CAST_DATE ? VALUE_DATE : VALUE_TIMESTAMP;
    return v->type == VALUE_TEXT ? cast_text(to, v) : of_time(to, us_of(v));
}

/* Operations whose result is NULL when an argument is. */
static struct value strict(enum expr_op op, const struct call *c)
{
    const struct value *args = c->args;
    if (any_null(c))
        return value_null();
    switch ((int)op) {
    case OP_NOT:
        return of_bool(!args[0].b);
    case OP_LIKE:
    case OP_ILIKE:
        return of_bool(like(args[0].text.s, args[1].text.s, op == OP_ILIKE));
    case OP_NEG:
        if (args[0].type == VALUE_DOUBLE)
            return value_double(-args[0].d);
        return arith_int(OP_SUB, 0, args[0].i);
    case OP_DATE_TRUNC:
        return of_time(VALUE_TIMESTAMP,
                       time_trunc(us_of(&args[1]), time_unit_of(&args[0])));
    case OP_EXTRACT:
        return value_double(
            time_extract(us_of(&args[1]), time_unit_of(&args[0])));
    case OP_ADD:
    case OP_SUB:
    case OP_MUL:
    case OP_DIV:
    case OP_MOD:
        return arith(op, &args[0], &args[1]);
    default:
        return cast(op, &args[0]);
    }
}

static struct value call_op(enum expr_op op, const struct call *c)
{
    switch ((int)op) {
    case OP_AND:
        return logic(c, false);
    case OP_OR:
        return logic(c, true);
    case OP_EQ:
    case OP_NE:
    case OP_LT:
    case OP_LE:
    case OP_GT:
    case OP_GE:
        return compare(op, &c->args[0], &c->args[1]);
    case OP_IS_NULL:
        return of_bool(is_null(&c->args[0]));
    case OP_IS_DISTINCT:
        return of_bool(value_cmp(&c->args[0], &c->args[1]) != 0);
    case OP_NULLIF:
        return is_null(&c->args[0]) || is_null(&c->args[1]) ||
                       value_cmp(&c->args[0], &c->args[1]) != 0
                   ? c->args[0]
                   : value_null();
    case OP_IN:
        return in_list(c);
    case OP_BETWEEN:
        return between(c);
    case OP_LEAST:
        return extreme(c, -1);
    case OP_GREATEST:
        return extreme(c, 1);
    case OP_COALESCE:
        return coalesce(c);
    case OP_CASE:
        return choose(c);
    default:
        return strict(op, c);
    }
}

static enum err_code no_memory(struct err *err)
{
    return refuse(err, REFUSAL_MEMORY, REFUSAL_NOWHERE, NULL, NULL);
}

static enum err_code cast_to_text(struct value *out, const struct value *v,
                                  struct arena *a, struct err *err)
{
    char digits[64];
    struct writer w = writer_of(digits, sizeof digits);

    *out = *v;
    if (v->type == VALUE_NULL || v->type == VALUE_TEXT)
        return ERR_OK;
    value_print(&w, v);
    const char *text = arena_strndup(a, digits, w.len);
    if (!text)
        return no_memory(err);
    *out = value_text(text, w.len);
    return ERR_OK;
}

static enum err_code function(struct value *out, const struct func *f,
                              enum expr_op op, const struct call *c,
                              struct arena *a, struct err *err)
{
    *out = op != OP_CONCAT && any_null(c) ? value_null()
                                          : f->value(c->args, c->n, a);
    return out->type == VALUE_TYPE_COUNT ? no_memory(err) : ERR_OK;
}

static enum err_code eval_call(struct value *out, const struct typed *e,
                               const struct eval_env *env, struct arena *a,
                               struct err *err)
{
    const struct func *f = func_of(e->call.op);
    struct value *args = ARENA_NEW_N(a, e->call.n_args + 1, struct value);
    if (!args)
        return no_memory(err);
    for (size_t i = 0; i < e->call.n_args; i++)
        TRY(eval(&args[i], e->call.args[i], env, a, err));

    const struct call c = { args, e->call.n_args };
    if (e->call.op == OP_CAST_TEXT)
        return cast_to_text(out, &args[0], a, err);
    if (e->call.op == OP_DP_LOW || e->call.op == OP_DP_HIGH) {
        *out = env && env->bound
                   ? env->bound(env->bound_ctx, e->call.args[0], &args[0],
                                e->call.op == OP_DP_HIGH)
                   : value_null();
        return ERR_OK;
    }
    if (f)
        return function(out, f, e->call.op, &c, a, err);
    *out = call_op(e->call.op, &c);
    return ERR_OK;
}

enum err_code eval(struct value *out, const struct typed *e,
                   const struct eval_env *env, struct arena *a, struct err *err)
{
    switch (e->kind) {
    case TYPED_CONST:
        *out = e->value;
        return ERR_OK;
    case TYPED_KEY:
        *out = env->keys[e->index];
        return ERR_OK;
    case TYPED_AGG:
        *out = env->aggs[e->index];
        return ERR_OK;
    case TYPED_OVER:
        *out = env->overs[e->index];
        return ERR_OK;
    case TYPED_COLUMN:
        *out = env->cells ? env->cells[e->column - env->columns]
                          : *env->column_value;
        return ERR_OK;
    case TYPED_TEXT: /* the engine's alone; in nothing that is evaluated */
        *out = value_null();
        return ERR_OK;
    case TYPED_CALL:
        break;
    }
    return eval_call(out, e, env, a, err);
}
