/* Arguments of the functions of func.def, by its letters. */
#include <math.h>
#include <string.h>

#include "server/plan/check.h"
#include "server/plan/func.h"
#include "server/query/refusal.h"

/* Constants that are lengths, places and counts. */
enum { INT_CONST_MOST = 1000000, DIGITS_MOST = 15, GROWTH_MOST = 16 };

static enum err_code refuse_arg(const struct check *c, const struct typed *arg,
                                const char *what, enum err_code code,
                                struct err *err)
{
    return refuse(err,
                  code == ERR_INVALID ? REFUSAL_FUNCTION_VALUE
                                      : REFUSAL_FUNCTION_KIND,
                  arg->at.line ? arg->at : c->at, op_info_of(c->op)->sql, what);
}

/* Any value of the type will do while only types are asked for; rising ones
 * are bounds in order. */
static enum err_code stand_in(struct check *c, size_t i, enum value_type type,
                              struct err *err)
{
    const struct value v = type == VALUE_TEXT     ? value_text("x", 1)
                           : type == VALUE_DOUBLE ? value_double((double)i)
                                                  : value_int(1);
    c->args[i] = draft_const(c->d, type, v, c->args[i]->at);
    return c->args[i] ? ERR_OK : draft_memory(err);
}

static enum err_code constant(struct check *c, size_t i, enum value_type type,
                              const char *what, struct err *err)
{
    if (typed_is_const(c->args[i]) && c->args[i]->type == VALUE_INT &&
        type == VALUE_DOUBLE)
        TRY(check_convert(&c->args[i], c->d, type, err));
    const bool unknown = c->d->shape && c->args[i]->param > 0;
    TRY(check_want(c, i, type, err));
    if (unknown)
        return stand_in(c, i, type, err);
    if (!typed_is_const(c->args[i]) || typed_is_null(c->args[i]))
        return refuse_arg(c, c->args[i], what, ERR_REFUSED, err);
    return ERR_OK;
}

static enum err_code number(struct check *c, size_t i, struct err *err)
{
    TRY(check_literal(c, i, VALUE_DOUBLE, err));
    const enum value_type t = c->args[i]->type;
    if (t != VALUE_INT && t != VALUE_DOUBLE && !typed_is_null(c->args[i]))
        return refuse_arg(c, c->args[i], "a number", ERR_INVALID, err);
    return ERR_OK;
}

static enum err_code time_arg(struct check *c, size_t i, struct err *err)
{
    TRY(check_literal(c, i, VALUE_TIMESTAMP, err));
    const enum value_type t = c->args[i]->type;
    if (t != VALUE_DATE && t != VALUE_TIMESTAMP && !typed_is_null(c->args[i]))
        return refuse_arg(c, c->args[i], "a date or timestamp", ERR_INVALID,
                          err);
    return check_convert(&c->args[i], c->d, VALUE_TIMESTAMP, err);
}

static enum err_code as_text(struct check *c, size_t i, struct err *err)
{
    const enum value_type t = c->args[i]->type;
    if (t == VALUE_DOUBLE || t == VALUE_BOOL)
        return refuse_arg(c, c->args[i], "a text, a whole number or a time",
                          ERR_INVALID, err);
    return check_convert(&c->args[i], c->d, VALUE_TEXT, err);
}

static enum err_code argument(struct check *c, size_t i, char letter,
                              struct err *err)
{
    switch (letter) {
    case 'n':
        return number(c, i, err);
    case 'd':
        TRY(number(c, i, err));
        return check_convert(&c->args[i], c->d, VALUE_DOUBLE, err);
    case 't':
        return check_want(c, i, VALUE_TEXT, err);
    case 's':
        return time_arg(c, i, err);
    case 'a':
        return as_text(c, i, err);
    case 'D':
        return constant(c, i, VALUE_DOUBLE, "a constant number", err);
    case 'I':
        return constant(c, i, VALUE_INT, "a constant whole number", err);
    default:
        return constant(c, i, VALUE_TEXT, "a constant text", err);
    }
}

/* How much longer than the columns it reads a text can become. */
static double growth(const struct typed *e)
{
    double sum = 0, most = 1, first = 1;
    if (e->kind != TYPED_CALL || e->type != VALUE_TEXT)
        return 1;
    for (size_t i = 0; i < e->call.n_args; i++) {
        const double g = growth(e->call.args[i]);
        sum += g;
        most = fmax(most, g);
        first = i == 0 ? g : first;
    }
    if (e->call.op == OP_CONCAT || e->call.op == OP_JOIN)
        return sum;
    if (e->call.op != OP_REPLACE)
        return most;
    const double from = (double)e->call.args[1]->value.text.len;
    const double to = (double)e->call.args[2]->value.text.len;
    return first * fmax(1, to / from);
}

static bool holds_bucket(const struct typed *e)
{
    bool found = typed_is_call(e, OP_WIDTH_BUCKET);
    for (size_t i = 0; e->kind == TYPED_CALL && i < e->call.n_args; i++)
        found |= holds_bucket(e->call.args[i]);
    return found;
}

static int64_t int_of(const struct check *c, size_t i)
{
    return c->args[i]->value.i;
}

static enum err_code set_int(struct check *c, size_t i, int64_t v,
                             struct err *err)
{
    c->args[i] = draft_const(c->d, VALUE_INT, value_int(v), c->args[i]->at);
    return c->args[i] ? ERR_OK : draft_memory(err);
}

/* Places before the first character count into the length, as in SQL. */
static enum err_code substring(struct check *c, struct err *err)
{
    const int64_t from = int_of(c, 1);
    const int64_t first = from < 1 ? 1 : from;
    if (c->n > 2) {
        const int64_t end = from + int_of(c, 2);
        if (int_of(c, 2) < 0)
            return refuse_arg(c, c->args[2], "a length that is not negative",
                              ERR_INVALID, err);
        TRY(set_int(c, 2, end > first ? end - first : 0, err));
    }
    return set_int(c, 1, first, err);
}

static enum err_code bucket(struct check *c, struct err *err)
{
    const double lo = c->args[1]->value.d, hi = c->args[2]->value.d;
    if (!(lo < hi) || !isfinite(hi - lo))
        return refuse_arg(c, c->args[2], "a lower and then a higher bound",
                          ERR_INVALID, err);
    if (int_of(c, 3) < 1)
        return refuse_arg(c, c->args[3], "at least one bucket", ERR_INVALID,
                          err);
    if (holds_bucket(c->args[0]))
        return refuse_arg(c, c->args[0], "no width_bucket in its argument",
                          ERR_REFUSED, err);
    return ERR_OK;
}

/* What the letters cannot say. */
static enum err_code values(struct check *c, struct err *err)
{
    const int64_t most =
        c->op == OP_ROUND || c->op == OP_TRUNC ? DIGITS_MOST : INT_CONST_MOST;
    for (size_t i = 0; c->op != OP_SHIFT && i < c->n; i++)
        if (typed_is_const(c->args[i]) && c->args[i]->type == VALUE_INT &&
            (int_of(c, i) > most || int_of(c, i) < -most))
            return refuse_arg(c, c->args[i], "a smaller number", ERR_INVALID,
                              err);
    switch ((int)c->op) {
    case OP_SUBSTRING:
        return substring(c, err);
    case OP_WIDTH_BUCKET:
        return bucket(c, err);
    case OP_SPLIT_PART:
        if (int_of(c, 2) == 0)
            return refuse_arg(c, c->args[2], "a field that is not 0",
                              ERR_INVALID, err);
        break;
    default:
        break;
    }
    if ((c->op == OP_SPLIT_PART || c->op == OP_REPLACE) &&
        c->args[1]->value.text.len == 0)
        return refuse_arg(c, c->args[1], "a text that is not empty",
                          ERR_INVALID, err);
    return ERR_OK;
}

/* Months and microseconds that no chain of shifts takes past a calendar. */
static enum err_code shift_bounds(const struct check *c, struct err *err)
{
    const int64_t months = int_of(c, 1), us = int_of(c, 2);
    const int64_t us_most = INT64_C(365250) * 86400 * 1000000;
    if (months > 12000 || months < -12000 || us > us_most || us < -us_most)
        return refuse_arg(c, c->args[1], "at most a thousand years",
                          ERR_INVALID, err);
    return ERR_OK;
}

static enum err_code grows(const struct check *c, struct err *err)
{
    struct typed e = { .kind = TYPED_CALL, .type = VALUE_TEXT };
    e.call.op = c->op;
    e.call.args = c->args;
    e.call.n_args = c->n;
    if (growth(&e) > GROWTH_MOST)
        return refuse_arg(c, c->args[0],
                          "no text that could become so many times longer",
                          ERR_REFUSED, err);
    return ERR_OK;
}

enum err_code check_func(struct check *c, struct err *err)
{
    static const enum value_type types[UINT8_MAX + 1] = {
        ['d'] = VALUE_DOUBLE, ['w'] = VALUE_DOUBLE, ['i'] = VALUE_INT,
        ['t'] = VALUE_TEXT,   ['b'] = VALUE_BOOL,   ['s'] = VALUE_TIMESTAMP,
        ['y'] = VALUE_DATE,
    };
    const struct func *f = func_of(c->op);
    const size_t n_letters = strlen(f->takes);
    for (size_t i = 0; i < c->n; i++)
        TRY(argument(c, i, f->takes[i < n_letters ? i : n_letters - 1], err));
    if (f->gives == 'n') {
        c->type = typed_is_null(c->args[0]) ? VALUE_INT : c->args[0]->type;
        TRY(check_convert(&c->args[0], c->d, c->type, err));
    } else {
        c->type = types[(unsigned char)f->gives];
    }
    TRY(values(c, err));
    if (c->op == OP_SHIFT)
        TRY(shift_bounds(c, err));
    return f->gives == 't' ? grows(c, err) : ERR_OK;
}
