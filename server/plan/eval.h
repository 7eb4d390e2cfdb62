#ifndef PLAN_EVAL_H
#define PLAN_EVAL_H

#include "server/plan/typed.h"

/*
 * The value of a checked expression, for constants before the release and for
 * noisy numbers after it.  Total: NULL where PostgreSQL raises an error.  Means
 * what the dialects print; tests hold the two against each other.
 */
struct eval_env {
    const struct value *keys;  /* KEY leaves */
    const struct value *aggs;  /* AGG leaves */
    const struct value *overs; /* OVER leaves */
    /* dp_low(e), dp_high(e), `cell` being the value of e; NULL: always NULL */
    struct value (*bound)(const void *ctx, const struct typed *e,
                          const struct value *cell, bool high);
    const void *bound_ctx;
    const struct rel_column *column;  /* COLUMN leaves: only this one, ... */
    const struct value *column_value; /* ... with this value; or, ... */
    const struct rel_column *columns; /* ... of several, any of these ... */
    const struct value *cells;        /* ... with its value here */
};

/*
 * ERR_OK or ERR_LIMIT (the arena is full).  Requires every leaf of `e` to be in
 * `env`.
 */
enum err_code eval(struct value *out, const struct typed *e,
                   const struct eval_env *env, struct arena *a,
                   struct err *err) MUST_CHECK;

/* Units of date_trunc and fields of extract. */
enum time_unit {
    UNIT_MICROSECOND,
    UNIT_MILLISECOND,
    UNIT_SECOND,
    UNIT_MINUTE,
    UNIT_HOUR,
    UNIT_DAY,
    UNIT_WEEK,
    UNIT_MONTH,
    UNIT_QUARTER,
    UNIT_YEAR,
    UNIT_DECADE,
    UNIT_CENTURY,
    UNIT_MILLENNIUM,
    UNIT_EPOCH,  /* from here on extract only: seconds since 1970 */
    UNIT_DOW,    /* 0 = Sunday */
    UNIT_ISODOW, /* 1 = Monday, 7 = Sunday */
    UNIT_DOY,
    UNIT_ISOYEAR,
    UNIT_COUNT
};
const char *time_unit_name(enum time_unit unit); /* as dialects print it */
enum time_unit time_unit_of(const struct value *name); /* or UNIT_COUNT */

/* False for the fields that have a fraction. */
static inline bool time_unit_is_whole(enum time_unit unit)
{
    return unit != UNIT_SECOND && unit != UNIT_MILLISECOND &&
           unit != UNIT_EPOCH;
}

#define US_PER_DAY INT64_C(86400000000)
/* Years 1 to 9999, the times a column can show; microseconds since 1970. */
#define TIME_MIN_US INT64_C(-62135596800000000)
#define TIME_MAX_US INT64_C(253402300799999999)

/* `us` rounded down to a unit (up to UNIT_MILLENNIUM), and the next such time.
 */
int64_t time_trunc(int64_t us, enum time_unit unit);
int64_t time_next(int64_t us, enum time_unit unit);
double time_extract(int64_t us, enum time_unit unit);

/* `us` plus months (to the end of a shorter month), then microseconds. */
int64_t time_shift(int64_t us, int64_t months, int64_t add_us);

/* Floor of the quotient; d > 0. */
static inline int64_t time_floor_div(int64_t n, int64_t d)
{
    return n / d - (n % d < 0);
}

#endif
