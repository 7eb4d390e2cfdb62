/*
 * to_char of a time, written out as the operations that make the same text:
 *
 *   to_char(x, 'YYYY-MM')
 *   right('000' || CAST(extract(year FROM x) AS text), 4) || '-' || ...
 *
 * Patterns are PostgreSQL's (formatting.c), those that need no rounding and no
 * time zone; the rest is refused.
 */
#include "server/sql/sql_ctx.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { PARTS_MAX = 32, NAME_LEN = 9 };

static const char *const MONTHS[] = { "January", "February", "March",
                                      "April",   "May",      "June",
                                      "July",    "August",   "September",
                                      "October", "November", "December" };
static const char *const DAYS[] = { "Sunday",    "Monday",   "Tuesday",
                                    "Wednesday", "Thursday", "Friday",
                                    "Saturday" };

/* A pattern: a field of so many digits, or a name. */
static const struct pattern {
    const char *text;
    const char *unit; /* of extract */
    unsigned digits;
    int add;                  /* to the field */
    const char *const *names; /* of the field, from `first` on; or NULL */
    int first, n_names;
    enum { PLAIN, UPPER, LOWER } letters;
    bool is_short; /* three letters, no spaces behind */
} PATTERNS[] = {
    { .text = "YYYY", .unit = "year", .digits = 4 },
    { .text = "YY", .unit = "year", .digits = 2 },
    { .text = "IYYY", .unit = "isoyear", .digits = 4 },
    { .text = "MM", .unit = "month", .digits = 2 },
    { .text = "IW", .unit = "week", .digits = 2 },
    { .text = "DDD", .unit = "doy", .digits = 3 },
    { .text = "DD", .unit = "day", .digits = 2 },
    { .text = "D", .unit = "dow", .digits = 1, .add = 1 },
    { .text = "ID", .unit = "isodow", .digits = 1 },
    { .text = "HH24", .unit = "hour", .digits = 2 },
    { .text = "MI", .unit = "minute", .digits = 2 },
    { .text = "Q", .unit = "quarter", .digits = 1 },
    { .text = "Month",
      .unit = "month",
      .names = MONTHS,
      .first = 1,
      .n_names = 12 },
    { .text = "MONTH",
      .unit = "month",
      .names = MONTHS,
      .first = 1,
      .n_names = 12,
      .letters = UPPER },
    { .text = "month",
      .unit = "month",
      .names = MONTHS,
      .first = 1,
      .n_names = 12,
      .letters = LOWER },
    { .text = "Mon",
      .unit = "month",
      .names = MONTHS,
      .first = 1,
      .n_names = 12,
      .is_short = true },
    { .text = "MON",
      .unit = "month",
      .names = MONTHS,
      .first = 1,
      .n_names = 12,
      .letters = UPPER,
      .is_short = true },
    { .text = "mon",
      .unit = "month",
      .names = MONTHS,
      .first = 1,
      .n_names = 12,
      .letters = LOWER,
      .is_short = true },
    { .text = "Day", .unit = "dow", .names = DAYS, .n_names = 7 },
    { .text = "DAY",
      .unit = "dow",
      .names = DAYS,
      .n_names = 7,
      .letters = UPPER },
    { .text = "day",
      .unit = "dow",
      .names = DAYS,
      .n_names = 7,
      .letters = LOWER },
    { .text = "Dy",
      .unit = "dow",
      .names = DAYS,
      .n_names = 7,
      .is_short = true },
    { .text = "DY",
      .unit = "dow",
      .names = DAYS,
      .n_names = 7,
      .letters = UPPER,
      .is_short = true },
    { .text = "dy",
      .unit = "dow",
      .names = DAYS,
      .n_names = 7,
      .letters = LOWER,
      .is_short = true },
};

/* A text being written. */
struct format {
    struct sql_ctx *c;
    struct expr *x;
    int offset;
    struct expr *parts[PARTS_MAX];
    size_t n;
};

static enum err_code constant(struct format *f, struct expr **out,
                              struct value v)
{
    TRY(sql_expr_new(f->c, out, EXPR_CONST, f->offset));
    (*out)->value = v;
    return ERR_OK;
}

static enum err_code text(struct format *f, struct expr **out, const char *s,
                          size_t len)
{
    const char *copy = arena_strndup(f->c->arena, s, len);
    return copy ? constant(f, out, value_text(copy, len)) : sql_no_memory(f->c);
}

static enum err_code call(struct format *f, struct expr **out, enum expr_op op,
                          struct expr *a, struct expr *b)
{
    TRY(sql_call_new(f->c, out, op, b ? 2 : 1, f->offset));
    (*out)->call.args[0] = a;
    if (b)
        (*out)->call.args[1] = b;
    return ERR_OK;
}

static enum err_code field(struct format *f, struct expr **out,
                           const struct pattern *p)
{
    struct expr *unit = NULL, *more = NULL;
    TRY(text(f, &unit, p->unit, strlen(p->unit)));
    TRY(call(f, out, OP_EXTRACT, unit, f->x));
    if (p->add == 0)
        return ERR_OK;
    TRY(constant(f, &more, value_int(p->add)));
    return call(f, out, OP_ADD, *out, more);
}

/* So many digits of a number, zeros in front; `bare`: as it is. */
static enum err_code padded(struct format *f, struct expr **out,
                            struct expr *number, unsigned digits, bool bare)
{
    struct expr *e = NULL, *zeros = NULL, *n = NULL;
    TRY(call(f, &e, OP_CAST_INT, number, NULL));
    TRY(call(f, &e, OP_CAST_TEXT, e, NULL));
    *out = e;
    if (bare || digits == 1)
        return ERR_OK;
    TRY(text(f, &zeros, "000", digits - 1));
    TRY(constant(f, &n, value_int(digits)));
    TRY(call(f, &e, OP_JOIN, zeros, e));
    return call(f, out, OP_RIGHT, e, n);
}

static enum err_code digits(struct format *f, struct expr **out,
                            const struct pattern *p, bool bare)
{
    struct expr *e = NULL;
    TRY(field(f, &e, p));
    return padded(f, out, e, p->digits, bare && strcmp(p->text, "YY") != 0);
}

static void spell(char out[NAME_LEN + 1], const struct pattern *p, size_t i,
                  bool bare)
{
    const char *name = p->names[i];
    size_t len = strlen(name);
    if (p->is_short && len > 3)
        len = 3;
    memset(out, '\0', NAME_LEN + 1);
    for (size_t k = 0; k < len; k++) {
        const bool up = name[k] >= 'A' && name[k] <= 'Z';
        out[k] = p->letters == UPPER && !up  ? (char)(name[k] - 'a' + 'A')
                 : p->letters == LOWER && up ? (char)(name[k] - 'A' + 'a')
                                             : name[k];
    }
    for (size_t k = len; !bare && !p->is_short && k < NAME_LEN; k++)
        out[k] = ' ';
}

/* CASE WHEN extract(month FROM x) = 1 THEN 'January  ' ... */
static enum err_code names(struct format *f, struct expr **out,
                           const struct pattern *p, bool bare)
{
    struct expr *which = NULL, *e = NULL;
    const size_t n = (size_t)p->n_names;
    TRY(field(f, &which, p));
    TRY(sql_call_new(f->c, &e, OP_CASE, 2 * n, f->offset));
    for (size_t i = 0; i < n; i++) {
        char name[NAME_LEN + 1];
        struct expr *number = NULL;
        spell(name, p, i, bare);
        TRY(constant(f, &number, value_int(p->first + (int64_t)i)));
        TRY(call(f, &e->call.args[2 * i], OP_EQ, which, number));
        TRY(text(f, &e->call.args[2 * i + 1], name, strlen(name)));
    }
    *out = e;
    return ERR_OK;
}

/* SS is extract(second), without its fraction. */
static enum err_code seconds(struct format *f, struct expr **out, bool bare)
{
    struct expr *unit = NULL, *e = NULL;
    TRY(text(f, &unit, "second", 6));
    TRY(call(f, &e, OP_EXTRACT, unit, f->x));
    TRY(call(f, &e, OP_FLOOR, e, NULL));
    return padded(f, out, e, 2, bare);
}

/* Numbers are known in any case, names in theirs. */
static bool begins(const char *s, const struct pattern *p)
{
    const size_t len = strlen(p->text);
    return p->names ? strncmp(s, p->text, len) == 0
                    : strncasecmp(s, p->text, len) == 0;
}

static const struct pattern *pattern_at(const char *s)
{
    const struct pattern *best = NULL;
    for (size_t i = 0; i < sizeof PATTERNS / sizeof PATTERNS[0]; i++) {
        const struct pattern *p = &PATTERNS[i];
        if (begins(s, p) && (!best || strlen(p->text) > strlen(best->text)))
            best = p;
    }
    return best;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Characters that stand for themselves: signs, and what is quoted. */
static size_t literal(const char **from, size_t *len, const char *s)
{
    size_t n = 0;
    if (*s == '"') {
        const char *end = strchr(s + 1, '"');
        *from = s + 1;
        *len = end ? (size_t)(end - s) - 1 : 0;
        return end ? *len + 2 : 0;
    }
    while (s[n] && s[n] != '"' && s[n] != '\\' && !is_letter(s[n]) &&
           (unsigned char)s[n] < 0x80)
        n++;
    *from = s;
    *len = n;
    return n;
}

static enum err_code refuse_format(struct format *f)
{
    return sql_refuse(f->c, REFUSAL_TO_CHAR, f->offset, "to_char", NULL);
}

static enum err_code read_one(struct format *f, const char **s)
{
    struct expr **out = &f->parts[f->n];
    const char *from;
    size_t len;
    if (f->n == PARTS_MAX)
        return refuse_format(f);
    const size_t plain = literal(&from, &len, *s);
    const bool bare = strncasecmp(*s, "FM", 2) == 0;
    const char *at = *s + (bare ? 2 : 0);
    const struct pattern *p = plain ? NULL : pattern_at(at);
    if (plain) {
        *s += plain;
        TRY(text(f, out, from, len));
    } else if (p) {
        *s = at + strlen(p->text);
        TRY(p->names ? names(f, out, p, bare) : digits(f, out, p, bare));
    } else if (strncasecmp(at, "SS", 2) == 0 &&
               strncasecmp(at, "SSSS", 4) != 0) {
        *s = at + 2;
        TRY(seconds(f, out, bare));
    } else {
        return refuse_format(f);
    }
    f->n++;
    return ERR_OK;
}

enum err_code sql_to_char(struct sql_ctx *c, struct expr **out,
                          const PgQuery__FuncCall *call_)
{
    struct format f = { .c = c, .offset = call_->location };
    struct expr *how = NULL;
    if (call_->n_args != 2)
        return sql_refuse(c, REFUSAL_FUNCTION_ARGS, f.offset, "to_char",
                          "2 arguments");
    TRY(sql_repeated(c, &f.x, call_->args[0], "to_char", f.offset));
    TRY(sql_expr(c, &how, call_->args[1]));
    if (how->kind != EXPR_CONST || how->value.type != VALUE_TEXT)
        return refuse_format(&f);
    for (const char *s = how->value.text.s; *s;)
        TRY(read_one(&f, &s));
    if (f.n == 0)
        return refuse_format(&f);
    *out = f.parts[0];
    for (size_t i = 1; i < f.n; i++) /* leaning left, as || parses */
        TRY(call(&f, out, OP_JOIN, *out, f.parts[i]));
    return ERR_OK;
}
