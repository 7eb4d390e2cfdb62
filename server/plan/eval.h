#ifndef PLAN_EVAL_H
#define PLAN_EVAL_H

#include "server/plan/typed.h"

/*
 * The value of a checked expression, for constants before the release and for
 * noisy numbers after it.  Total: NULL where PostgreSQL raises an error.  Means
 * what the dialects print; tests hold the two against each other.
 */
struct eval_env {
    const struct value *keys;         /* KEY leaves */
    const struct value *aggs;         /* AGG leaves */
    const struct rel_column *column;  /* COLUMN leaves: only this one, ... */
    const struct value *column_value; /* ... with this value */
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
    UNIT_HOUR,
    UNIT_DAY,
    UNIT_WEEK,
    UNIT_MONTH,
    UNIT_QUARTER,
    UNIT_YEAR,
    UNIT_DOW, /* extract only; 0 = Sunday */
    UNIT_COUNT
};
const char *time_unit_name(enum time_unit unit);
enum time_unit time_unit_of(const struct value *name); /* or UNIT_COUNT */

#define US_PER_DAY INT64_C(86400000000)
/* Years 1 to 9999, the times a column can show; microseconds since 1970. */
#define TIME_MIN_US INT64_C(-62135596800000000)
#define TIME_MAX_US INT64_C(253402300799999999)

/* `us` rounded down to a unit (up to UNIT_YEAR), and the next such time. */
int64_t time_trunc(int64_t us, enum time_unit unit);
int64_t time_next(int64_t us, enum time_unit unit);
int64_t time_extract(int64_t us, enum time_unit unit);

/* Floor of the quotient; d > 0. */
static inline int64_t time_floor_div(int64_t n, int64_t d)
{
    return n / d - (n % d < 0);
}

#endif
