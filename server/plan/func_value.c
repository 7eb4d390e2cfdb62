/*
 * Functions of numbers and times on values.  The formulas are those the engine
 * is asked for, so that both give the same doubles.
 */
#include <math.h>

#include "server/plan/eval.h"
#include "server/plan/func.h"

static struct value real(double d)
{
    return isnan(d) ? value_null() : value_double(d);
}

static struct value or_null(double d)
{
    return isfinite(d) ? value_double(d) : value_null();
}

struct value func_abs(const struct value *args, size_t n, struct arena *a)
{
    (void)n;
    (void)a;
    if (args[0].type == VALUE_DOUBLE)
        return value_double(fabs(args[0].d));
    if (args[0].i == INT64_MIN)
        return value_null();
    return value_int(args[0].i < 0 ? -args[0].i : args[0].i);
}

struct value func_sign(const struct value *args, size_t n, struct arena *a)
{
    (void)n;
    (void)a;
    return value_double((args[0].d > 0) - (args[0].d < 0));
}

struct value func_ceil(const struct value *args, size_t n, struct arena *a)
{
    (void)n;
    (void)a;
    return value_double(ceil(args[0].d));
}

struct value func_floor(const struct value *args, size_t n, struct arena *a)
{
    (void)n;
    (void)a;
    return value_double(floor(args[0].d));
}

static double power_of_ten(const struct value *digits)
{
    return pow(10, (double)digits->i);
}

struct value func_round(const struct value *args, size_t n, struct arena *a)
{
    (void)a;
    if (n == 1)
        return value_double(rint(args[0].d));
    const double ten = power_of_ten(&args[1]);
    return real(round(args[0].d * ten) / ten);
}

struct value func_trunc(const struct value *args, size_t n, struct arena *a)
{
    (void)a;
    if (n == 1)
        return value_double(trunc(args[0].d));
    const double ten = power_of_ten(&args[1]);
    return real(trunc(args[0].d * ten) / ten);
}

struct value func_sqrt(const struct value *args, size_t n, struct arena *a)
{
    (void)n;
    (void)a;
    return args[0].d < 0 ? value_null() : value_double(sqrt(args[0].d));
}

struct value func_exp(const struct value *args, size_t n, struct arena *a)
{
    (void)n;
    (void)a;
    return or_null(exp(args[0].d));
}

struct value func_ln(const struct value *args, size_t n, struct arena *a)
{
    (void)n;
    (void)a;
    return args[0].d > 0 ? value_double(log(args[0].d)) : value_null();
}

struct value func_log(const struct value *args, size_t n, struct arena *a)
{
    (void)a;
    for (size_t i = 0; i < n; i++)
        if (!(args[i].d > 0))
            return value_null();
    if (n == 1)
        return value_double(log10(args[0].d));
    const double base = log(args[0].d);
    return base == 0 ? value_null() : real(log(args[1].d) / base);
}

struct value func_power(const struct value *args, size_t n, struct arena *a)
{
    (void)n;
    (void)a;
    return or_null(pow(args[0].d, args[1].d));
}

struct value func_width_bucket(const struct value *args, size_t n,
                               struct arena *a)
{
    const double x = args[0].d, lo = args[1].d, hi = args[2].d;
    const int64_t count = args[3].i;
    (void)n;
    (void)a;
    if (x < lo)
        return value_int(0);
    if (x >= hi)
        return value_int(count + 1);
    return value_int((int64_t)floor((x - lo) * (double)count / (hi - lo)) + 1);
}

static struct value time_or_null(enum value_type type, int64_t us)
{
    if (us < TIME_MIN_US || us > TIME_MAX_US)
        return value_null();
    return (struct value){ .type = type,
                           .i = type == VALUE_DATE
                                    ? time_floor_div(us, US_PER_DAY)
                                    : us };
}

struct value func_to_timestamp(const struct value *args, size_t n,
                               struct arena *a)
{
    const double s = args[0].d;
    (void)n;
    (void)a;
    if (s <= -62135596801.0 || s >= 253402300800.0)
        return value_null();
    return time_or_null(VALUE_TIMESTAMP, (int64_t)rint(s * 1000000));
}

struct value func_make_date(const struct value *args, size_t n, struct arena *a)
{
    const int64_t y = args[0].i, m = args[1].i, d = args[2].i;
    (void)n;
    (void)a;
    if (y < 1 || y > 9999 || m < 1 || m > 12 || d < 1 || d > 31 ||
        !value_civil_is_valid((int)y, (int)m, (int)d))
        return value_null();
    return (struct value){ .type = VALUE_DATE,
                           .i = value_days_of_civil((int)y, (int)m, (int)d) };
}

struct value func_seconds(const struct value *args, size_t n, struct arena *a)
{
    (void)n;
    (void)a;
    return value_double((double)(args[0].i - args[1].i) / 1000000);
}

struct value func_shift(const struct value *args, size_t n, struct arena *a)
{
    (void)n;
    (void)a;
    return time_or_null(VALUE_TIMESTAMP,
                        time_shift(args[0].i, args[1].i, args[2].i));
}
