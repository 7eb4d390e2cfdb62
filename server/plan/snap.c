#include "server/plan/draft.h"
#include "server/plan/eval.h"

/*
 * Bounds on times snap outward to the policy's grain, so that "the last 30
 * days", asked twice on one day, is one release.  Only terms of the WHERE's
 * top-level AND are bounds; under NOT or OR outward has no meaning.
 */

struct time_span draft_all_time(void)
{
    return (struct time_span){ TIME_MIN_US - 1, TIME_MAX_US + 1 };
}

static bool is_time_column(const struct typed *e)
{
    if (typed_is_call(e, OP_CAST_TIMESTAMP))
        e = e->call.args[0];
    return e->kind == TYPED_COLUMN &&
           (e->type == VALUE_DATE || e->type == VALUE_TIMESTAMP);
}

static bool is_time_const(const struct typed *e)
{
    return typed_is_const(e) &&
           (e->value.type == VALUE_DATE || e->value.type == VALUE_TIMESTAMP);
}

static int64_t us_of(const struct typed *e)
{
    if (e->value.type != VALUE_DATE)
        return e->value.i;
    if (e->value.i < TIME_MIN_US / US_PER_DAY)
        return INT64_MIN;
    return e->value.i > TIME_MAX_US / US_PER_DAY ? INT64_MAX
                                                 : e->value.i * US_PER_DAY;
}

/* What `e` says about its time column; false when it is no bound on one. */
static bool span_of(struct time_span *out, const struct typed **column,
                    const struct typed *e)
{
    if (e->kind != TYPED_CALL || !is_time_column(e->call.args[0]))
        return false;
    for (size_t i = 1; i < e->call.n_args; i++)
        if (!is_time_const(e->call.args[i]) ||
            us_of(e->call.args[i]) < TIME_MIN_US ||
            us_of(e->call.args[i]) > TIME_MAX_US)
            return false;
    *column = e->call.args[0];
    *out = draft_all_time();
    const int64_t step = (*column)->type == VALUE_DATE ? US_PER_DAY : 1;
    const int64_t us = e->call.n_args > 1 ? us_of(e->call.args[1]) : 0;

    switch ((int)e->call.op) {
    case OP_GE:
        out->lo = us;
        return true;
    case OP_GT:
        out->lo = us + step;
        return true;
    case OP_LT:
        out->hi = us;
        return true;
    case OP_LE:
        out->hi = us + step;
        return true;
    case OP_EQ:
        *out = (struct time_span){ us, us + step };
        return true;
    case OP_BETWEEN:
        *out = (struct time_span){ us, us_of(e->call.args[2]) + step };
        return true;
    default:
        return false;
    }
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

bool draft_time_span(struct time_span *span, const struct typed *e,
                     const struct rel_column *c)
{
    if (typed_is_call(e, OP_AND)) {
        struct time_span all = *span;
        for (size_t i = 0; i < e->call.n_args; i++)
            if (!draft_time_span(&all, e->call.args[i], c))
                return false;
        *span = all;
        return true;
    }
    struct time_span one;
    const struct typed *column;
    if (!span_of(&one, &column, e) || typed_only_column(column) != c)
        return false;
    span->lo = later(span->lo, one.lo);
    span->hi = sooner(span->hi, one.hi);
    return true;
}

static int64_t down(int64_t us, int64_t grain)
{
    return time_floor_div(us, grain) * grain;
}

/* Outward to the grain, and to whole days when the column holds dates. */
static struct time_span snapped(struct time_span s, int64_t grain, bool days)
{
    struct time_span r = s;
    if (s.lo >= TIME_MIN_US)
        r.lo = days ? down(down(s.lo, grain), US_PER_DAY) : down(s.lo, grain);
    if (s.hi <= TIME_MAX_US)
        r.hi = -down(-s.hi, grain);
    if (s.hi <= TIME_MAX_US && days)
        r.hi = -down(-r.hi, US_PER_DAY);
    r.lo = r.lo < TIME_MIN_US - 1 ? TIME_MIN_US - 1 : r.lo;
    r.hi = r.hi > TIME_MAX_US + 1 ? TIME_MAX_US + 1 : r.hi;
    return r;
}

static enum err_code bound(struct typed **out, struct draft *d, enum expr_op op,
                           const struct typed *column, int64_t us,
                           struct err *err)
{
    struct value v = { .type = column->type, .i = us };
    if (v.type == VALUE_DATE)
        v.i = time_floor_div(us, US_PER_DAY);
    struct typed **args = ARENA_NEW_N(d->a, 2, struct typed *);
    if (!args)
        return draft_memory(err);
    args[0] = (struct typed *)(uintptr_t)column;
    args[1] = draft_const(d, v.type, v, column->at);
    if (!args[1])
        return draft_memory(err);
    return draft_call(out, d, op, VALUE_BOOL, args, 2, column->at, err);
}

static enum err_code rebuild(struct typed **out, struct draft *d,
                             const struct typed *column, struct time_span s,
                             struct err *err)
{
    struct typed **both = ARENA_NEW_N(d->a, 2, struct typed *);
    size_t n = 0;
    if (!both)
        return draft_memory(err);
    if (s.lo >= TIME_MIN_US)
        TRY(bound(&both[n++], d, OP_GE, column, s.lo, err));
    if (s.hi <= TIME_MAX_US)
        TRY(bound(&both[n++], d, OP_LT, column, s.hi, err));
    if (n == 0)
        return ERR_OK; /* beyond the calendar: left as it was */
    if (n == 2)
        return draft_call(out, d, OP_AND, VALUE_BOOL, both, 2, column->at, err);
    *out = both[0];
    return ERR_OK;
}

int64_t draft_now_us(const struct draft *d)
{
    const char *text = d->policy->data_version;
    struct value v;
    struct err unused;
    int64_t us = INT64_MAX;
    if (value_parse(&v, VALUE_DATE, text, strlen(text), &unused) == ERR_OK)
        us = (v.i + 1) * US_PER_DAY; /* its last day has ended */
    else if (value_parse(&v, VALUE_TIMESTAMP, text, strlen(text), &unused) ==
             ERR_OK)
        us = v.i;
    return us < d->req->now_us ? us : d->req->now_us;
}

enum err_code draft_snap(struct draft *d, struct draft_block *b,
                         struct err *err)
{
    const uint64_t grain = d->policy->time_grain_us;
    if (grain <= 1 || grain > (uint64_t)US_PER_DAY * 3660)
        return ERR_OK;
    for (size_t i = 0; i < b->where.n; i++) {
        struct time_span was;
        const struct typed *column;
        if (!span_of(&was, &column, b->where.v[i]))
            continue;
        const struct time_span now =
            snapped(was, (int64_t)grain, column->type == VALUE_DATE);
        if (now.lo == was.lo && now.hi == was.hi)
            continue;
        TRY(rebuild(&b->where.v[i], d, column, now, err));
        const char *text = draft_text(d, b->where.v[i]);
        if (!text)
            return draft_memory(err);
        TRY(draft_notice(d, err,
                         "a bound on time was widened to the dataset's "
                         "time grain: %s",
                         text));
    }
    return ERR_OK;
}
