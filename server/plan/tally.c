#include "server/plan/tally.h"

#include <math.h>
#include <stdlib.h>

void tally_add(struct tally *t, const struct value *v)
{
    if (v->type == VALUE_NULL)
        return;
    const int c = t->n ? value_cmp(v, &t->most) : 0;
    if (t->n == 0 || (t->kind == AGG_MIN && c < 0) ||
        (t->kind == AGG_MAX && c > 0))
        t->most = *v;
    t->n++;
    const double d = v->type == VALUE_INT      ? (double)v->i
                     : v->type == VALUE_DOUBLE ? v->d
                                               : 0;
    if (v->type == VALUE_INT)
        t->whole += v->i;
    t->real += d;
    /* Welford's update: no two large numbers are subtracted at the end. */
    const double step = d - t->mean;
    t->mean += step / (double)t->n;
    t->square += step * (d - t->mean);
}

void tally_join(struct tally *t, const struct tally *more)
{
    if (more->n == 0)
        return;
    if (t->n == 0) {
        *t = *more;
        return;
    }
    const bool compares = t->kind == AGG_MIN || t->kind == AGG_MAX;
    const int c = compares ? value_cmp(&more->most, &t->most) : 0;
    if (t->kind == AGG_MIN ? c < 0 : c > 0)
        t->most = more->most;
    /* Chan, Golub and LeVeque: what Welford's update is, of many at once. */
    const double had = (double)t->n, n = (double)more->n;
    const double step = more->mean - t->mean;
    t->square += more->square + step * step * (had * n / (had + n));
    t->mean += step * (n / (had + n));
    t->whole += more->whole;
    t->real += more->real;
    t->n += more->n;
}

static struct value real(double d)
{
    return isnan(d) ? value_null() : value_double(d);
}

static struct value spread(const struct tally *t)
{
    const bool sample = t->kind == AGG_VAR_SAMP || t->kind == AGG_STDDEV_SAMP;
    const bool root = t->kind == AGG_STDDEV_POP || t->kind == AGG_STDDEV_SAMP;
    if (t->n < 1 + sample)
        return value_null();
    const double v = t->square / (double)(t->n - sample);
    return real(root ? sqrt(v) : v);
}

struct value tally_result(const struct tally *t)
{
    if (t->kind == AGG_COUNT)
        return value_int(t->n);
    if (t->n == 0)
        return value_null();
    if (t->kind == AGG_MIN || t->kind == AGG_MAX)
        return t->most;
    if (agg_is_spread(t->kind))
        return spread(t);
    if (t->kind == AGG_SUM && t->type == VALUE_INT)
        return t->whole > INT64_MAX || t->whole < INT64_MIN
                   ? value_null()
                   : value_int((int64_t)t->whole);
    const double sum = t->type == VALUE_INT ? (double)t->whole : t->real;
    return real(t->kind == AGG_AVG ? sum / (double)t->n : sum);
}

static int by_value(const void *a, const void *b)
{
    return value_cmp(a, b);
}

static double number(const struct value *v)
{
    return v->type == VALUE_INT ? (double)v->i : v->d;
}

/* Between the two values that the fraction of n - 1 lies between. */
static struct value between(const struct value *values, size_t n, double p)
{
    const double at = p * (double)(n - 1), low = floor(at);
    const double a = number(&values[(size_t)low]);
    const double b = number(&values[(size_t)ceil(at)]);
    return real(a + (at - low) * (b - a));
}

struct value tally_sorted(const struct tally_whole *t, struct value *values,
                          size_t n)
{
    int64_t different = 0;
    if (n > 1)
        qsort(values, n, sizeof *values, by_value);
    if (t->kind == AGG_COUNT) {
        for (size_t i = 0; i < n; i++)
            different += !t->distinct || i == 0 ||
                         value_cmp(&values[i], &values[i - 1]) != 0;
        return value_int(different);
    }
    if (n == 0)
        return value_null();
    if (t->kind == AGG_PERCENTILE_CONT)
        return between(values, n, t->fraction);
    const double nth = ceil(t->fraction * (double)n);
    return values[nth < 1 ? 0 : (size_t)nth - 1];
}
