/* The law of totals against the convolution of its cells. */
#include "dp/total.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/table.h"

/* Probabilities of -REACH..REACH, which holds all but 10^-20 of the sums below.
 */
enum { REACH = 700, SIZE = 2 * REACH + 1 };

static void cell_law(double *p, double sigma)
{
    double sum = 0;
    for (int i = 0; i < SIZE; i++)
        sum += p[i] =
            exp(-(double)(i - REACH) * (i - REACH) / (2 * sigma * sigma));
    for (int i = 0; i < SIZE; i++)
        p[i] /= sum;
}

static void add_cell(double *sum, const double *p)
{
    static double out[SIZE];
    memset(out, 0, sizeof out);
    for (int i = 0; i < SIZE; i++)
        for (int j = 0; j < SIZE && sum[i] > 0; j++)
            if (p[j] > 0 && i + j - REACH >= 0 && i + j - REACH < SIZE)
                out[i + j - REACH] += sum[i] * p[j];
    memcpy(sum, out, sizeof out);
}

/* P[|S| > k] by the convolution. */
static double beyond(const double *sum, int64_t k)
{
    double p = 0;
    for (int i = 0; i < SIZE; i++)
        if (llabs(i - REACH) > k)
            p += sum[i];
    return p;
}

static const struct row {
    const char *name;
    struct dp_mechanism cell;
    size_t n;
} rows[] = {
    { "two cells", { DP_DGAUSS, 3, 1 }, 2 },
    { "four cells of an odd scale", { DP_DGAUSS, 13, 4 }, 4 },
    { "nine cells", { DP_DGAUSS, 10, 1 }, 9 },
    { "one cell is itself", { DP_DGAUSS, 7, 2 }, 1 },
};

/* At each level the interval covers, and one step less does not. */
static void check_law(void **state)
{
    static const double levels[] = { 0.5, 0.9, 0.95, 0.99, 0.9999 };
    static double p[SIZE], sum[SIZE];
    const struct row *row = *state;
    struct dp_mechanism total, small;
    const double sigma = (double)row->cell.num / (double)row->cell.den;
    unsigned caught = 0;
    cell_law(p, sigma);
    memcpy(sum, p, sizeof sum);
    for (size_t i = 1; i < row->n; i++)
        add_cell(sum, p);
    assert_int_equal(dp_total_of(&total, &row->cell, row->n), DP_OK);
    const double scale = (double)total.num / (double)total.den;
    assert_true(scale >= sigma * sqrt((double)row->n) * (1 - 1e-15) &&
                scale < sigma * sqrt((double)row->n) + 2e-6);
    small = (struct dp_mechanism){ DP_DGAUSS, total.num * 9, total.den * 10 };
    dp_mechanism_reduce(&small);
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        uint64_t k, less;
        assert_int_equal(dp_mechanism_quantile(&k, &total, 1 - levels[i]),
                         DP_OK);
        assert_true(beyond(sum, (int64_t)k) <= (1 - levels[i]) * (1 + 1e-9));
        assert_true(beyond(sum, (int64_t)k - 1) > 1 - levels[i]);
        if (small.den <= DP_SCALE_DEN_MAX &&
            dp_mechanism_quantile(&less, &small, 1 - levels[i]) == DP_OK)
            caught += beyond(sum, (int64_t)less) > (1 - levels[i]) * (1 + 1e-9);
    }
    assert_true(caught > 0 || total.den * 10 > DP_SCALE_DEN_MAX);
}

static const struct refused {
    const char *name;
    struct dp_mechanism cell;
    size_t n;
    enum dp_status want;
} refused[] = {
    { "Laplace", { DP_DLAPLACE, 5, 1 }, 4, DP_EDOM },
    { "rounded Gaussian", { DP_RGAUSS, 5, 1 }, 4, DP_EDOM },
    { "a sigma below 3", { DP_DGAUSS, 299, 100 }, 4, DP_EDOM },
    { "no cells", { DP_DGAUSS, 5, 1 }, 0, DP_EDOM },
    { "too many cells", { DP_DGAUSS, 5, 1 }, DP_TOTAL_MAX + 1, DP_EDOM },
    { "no scale", { DP_DGAUSS, 5, 0 }, 2, DP_EDOM },
    { "past the widest", { DP_DGAUSS, DP_SCALE_MAX, 1 }, 2, DP_ERANGE },
};

static void check_refused(void **state)
{
    const struct refused *row = *state;
    struct dp_mechanism out = { DP_DLAPLACE, 77, 1 };
    assert_int_equal(dp_total_of(&out, &row->cell, row->n), row->want);
    assert_int_equal(out.num, 77);
}

int main(void)
{
    return RUN_ROWS(rows, check_law) + RUN_ROWS(refused, check_refused);
}
