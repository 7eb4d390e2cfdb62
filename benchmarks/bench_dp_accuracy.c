/*
 * How far answers are off, at what a person's epsilon is 1: medians against a
 * tree of noisy counts, clamped means centred and not, and with bounds found
 * first, variances, and lists of the largest groups.  Errors are those of the
 * answer for the same rows in their declared range, so that what bounds found
 * first cut off is among theirs: it hurts where the tail is long and the rows
 * are few.  Every figure is a mean over repetitions of the production code; the
 * target stands beside it.
 */
#include <math.h>
#include <string.h>

#include <gsl/gsl_randist.h>

#include "benchmarks/bench.h"
#include "dp/bounds.h"
#include "dp/mechanism.h"
#include "dp/moments.h"
#include "dp/rng.h"
#include "dp/topk.h"

enum { PEOPLE = 4000, BUCKETS = 1 << 16, MEDIANS = 60, MEANS = 4000 };

static gsl_rng *noise, *data; /* the system's generator; mt19937 for rows */

static void must(enum dp_status status)
{
    if (status != DP_OK)
        abort();
}

/* A value between 0 and 1 by the shape's name. */
static double draw(const char *shape)
{
    double x;
    if (strcmp(shape, "uniform") == 0)
        return gsl_rng_uniform(data);
    if (strcmp(shape, "ages") == 0) /* whole years of 128: many share one */
        return floor(gsl_ran_gaussian(data, 15) + 45) / 128;
    do
        x = gsl_ran_lognormal(data, -3, 1);
    while (x >= 1);
    return x;
}

static struct dp_exact count[BUCKETS], room[BUCKETS + 2];

static void fill(const char *shape)
{
    memset(count, 0, sizeof count);
    for (int i = 0; i < PEOPLE; i++) {
        const double x = fmin(fmax(draw(shape), 0), 0x1.fffep-1);
        count[(size_t)(x * BUCKETS)].touched++;
    }
}

/* Rows, in per cent of all, by which the bucket misses the median. */
static double off(size_t bucket)
{
    double low = 0;
    for (size_t i = 0; i < bucket; i++)
        low += (double)count[i].touched;
    const double high = low + (double)count[bucket].touched,
                 half = PEOPLE / 2.0;
    return 100 / (double)PEOPLE * fmax(0, fmax(low - half, half - high));
}

static double cpu_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

/*
 * The peer: a tree of 16 branches over the same buckets, four levels of
 * discrete Laplace noise at epsilon / 4 each, walked from the root towards half
 * of each level's noisy total.
 */
static size_t tree_median(void)
{
    const struct dp_mechanism m = { DP_DLAPLACE, 4, 1 };
    size_t from = 0;
    double fraction = 0.5;
    for (size_t wide = BUCKETS / 16; wide > 0; wide /= 16) {
        double n[16], total = 0, up_to = 0;
        for (size_t i = 0; i < 16; i++) {
            struct dp_exact sum = { 0 };
            struct dp_noisy v;
            for (size_t j = 0; j < wide; j++)
                sum.touched += count[from + i * wide + j].touched;
            must(dp_mechanism_release(&v, &sum, 1, &m, noise));
            total += n[i] = fmax(0, (double)v.v);
        }
        size_t i = 0;
        while (i < 15 && up_to + n[i] < fraction * total)
            up_to += n[i++];
        fraction = n[i] > 0 ? (fraction * total - up_to) / n[i] : 0.5;
        fraction = fmin(fmax(fraction, 0), 1);
        from += i * wide;
    }
    return from;
}

static size_t our_median(const struct dp_choice *c)
{
    const struct dp_quantile q = { 1, 2, 0 };
    size_t pick;
    must(dp_quantile_pick(&pick, count, BUCKETS, &q, c, room, noise));
    return pick;
}

static struct dp_choice choice(enum dp_notion notion)
{
    const struct dp_quantile q = { 1, 2, 0 };
    struct dp_choice c;
    must(dp_quantile_choice(
        &c, &q, 1, (struct dp_price){ 125000000000, 1000000000, 0 }, notion));
    return c;
}

static void medians(const char *shape)
{
    /* zcdp at rho 1/8: the exponential mechanism with epsilon 1. */
    const struct dp_choice exponential = choice(DP_ZCDP),
                           flip = choice(DP_PURE);
    double ours = 0, pure = 0, tree = 0, ms = 0;
    for (int i = 0; i < MEDIANS; i++) {
        fill(shape);
        const double start = cpu_ms();
        const size_t pick = our_median(&exponential);
        ms += (cpu_ms() - start) / MEDIANS;
        ours += off(pick) / MEDIANS;
        pure += off(our_median(&flip)) / MEDIANS;
        tree += off(tree_median()) / MEDIANS;
    }
    printf("median, %d people, %s: mean rank error %%\t%.4f\tpure %.4f\t16-ary "
           "tree %.3f\tratio %.1f\ttarget 0.1\t%.1f ms\n",
           PEOPLE, shape, ours, pure, tree, tree / ours, ms);
}

/* ---- means: values 0..TOP, laid out so that sum and count share epsilon 1 */
enum { ROWS = 1000, TOP = 1 << 20 };

static double noisy(double exact, double sensitivity, double eps)
{
    struct dp_mechanism m;
    struct dp_noisy v;
    must(dp_mechanism_of_price(
        &m, DP_DLAPLACE, (uint64_t)sensitivity,
        (struct dp_price){ .eps_nano = (uint64_t)(eps * 1e9) }, DP_PURE));
    must(dp_mechanism_release(&v, &(struct dp_exact){ (dp_int)exact }, 1, &m,
                              noise));
    return (double)v.v;
}

/* A mean of x clamped to [lo, hi] about `center`, for eps in two halves. */
static double clamped_mean(const int64_t *x, int64_t lo, int64_t hi,
                           int64_t center, double eps)
{
    double sum = 0;
    for (int i = 0; i < ROWS; i++) {
        const int64_t v = x[i] < lo ? lo : x[i] > hi ? hi : x[i];
        sum += (double)(v - center);
    }
    const double reach =
        (double)(hi - center > center - lo ? hi - center : center - lo);
    return (double)center +
           noisy(sum, reach, eps / 2) / fmax(1, noisy(ROWS, 1, eps / 2));
}

static double mean_of(const int64_t *x)
{
    double sum = 0;
    for (int i = 0; i < ROWS; i++)
        sum += (double)x[i];
    return sum / ROWS;
}

/* A fifth of epsilon finds the bounds, the rest takes the mean in them. */
static double bounded_mean(const int64_t *x)
{
    struct dp_exact bucket[DP_BOUNDS_BUCKETS] = { { 0 } };
    for (int i = 0; i < ROWS; i++)
        bucket[dp_bounds_bucket(x[i])].touched++;
    struct dp_choice c;
    struct dp_bounds b;
    must(dp_bounds_choice(&c, 1, (struct dp_price){ .eps_nano = 200000000 },
                          DP_PURE));
    must(dp_bounds_pick(&b, bucket, &c, 0.05, noise));
    const int64_t lo = b.lo < 0 ? 0 : b.lo, hi = b.hi > TOP ? TOP : b.hi;
    return clamped_mean(x, lo, hi, lo + (hi - lo) / 2, 0.8);
}

/* Errors in standard errors of the mean that sampling leaves anyway. */
static void means(const char *shape, double from, double width)
{
    double plain = 0, centred = 0, found = 0, spread = 0;
    static int64_t x[ROWS];
    for (int k = 0; k < MEANS; k++) {
        for (int i = 0; i < ROWS; i++) {
            const double v = from + width * draw(shape);
            x[i] = (int64_t)(fmin(fmax(v, 0), 1) * TOP);
        }
        const double is = mean_of(x);
        for (int i = 0; i < ROWS; i++)
            spread += pow((double)x[i] - is, 2) / ROWS / MEANS;
        plain += pow(clamped_mean(x, 0, TOP, 0, 1) - is, 2) / MEANS;
        centred += pow(clamped_mean(x, 0, TOP, TOP / 2, 1) - is, 2) / MEANS;
        found += pow(bounded_mean(x) - is, 2) / MEANS;
    }
    const double unit = sqrt(spread / ROWS);
    printf("mean, %d rows, %s in %.2g of the range: RMSE / standard error\t"
           "%.3f\tuncentred %.3f\tratio %.2f\ttarget 0.40\tbounds found first "
           "%.3f\n",
           ROWS, shape, width, sqrt(centred) / unit, sqrt(plain) / unit,
           sqrt(plain / centred), sqrt(found) / unit);
}

/* ---- variances: three sums at epsilon 1/3 each, in centred squares or not */
enum { WIDE = 1 << 10, VARIANCES = 2000 };

/* Rows of 0..WIDE about `center`; `middle` is taken off every square. */
static double noisy_variance(const int64_t *x, int64_t center,
                             struct dp_square sq, double square_bound)
{
    double sum = 0, square = 0;
    for (int i = 0; i < ROWS; i++) {
        const double y = (double)(x[i] - center);
        sum += y, square += y * y - (double)sq.middle;
    }
    const double h = fmax((double)center, (double)(WIDE - center));
    const struct dp_moments m = {
        .count = { (dp_int)noisy(ROWS, 1, 1.0 / 3) },
        .sum = { (dp_int)noisy(sum, h, 1.0 / 3) },
        .square = { (dp_int)noisy(square, square_bound, 1.0 / 3) },
        .center = center,
        .middle = (dp_int)sq.middle,
    };
    double v;
    return dp_moments_variance(&v, &m, false) ? v : 0;
}

static void variances(void)
{
    double centred = 0, plain = 0, true_mean = 0;
    static int64_t x[ROWS];
    const struct dp_square half = dp_square_of(WIDE / 2, UINT64_MAX),
                           none = { 0, 0, 0 };
    for (int k = 0; k < VARIANCES; k++) {
        double is = 0;
        for (int i = 0; i < ROWS; i++)
            x[i] = (int64_t)(fmin(fmax(draw("ages"), 0), 1) * WIDE);
        const double mean = mean_of(x);
        for (int i = 0; i < ROWS; i++)
            is += pow((double)x[i] - mean, 2) / ROWS;
        true_mean += is / VARIANCES;
        centred +=
            pow(noisy_variance(x, WIDE / 2, half, (double)half.bound) - is, 2) /
            VARIANCES;
        plain += pow(noisy_variance(x, 0, none, (double)WIDE * WIDE) - is, 2) /
                 VARIANCES;
    }
    printf("variance, %d rows, ages: RMSE / variance\t%.3f\tuncentred %.3f\t"
           "ratio %.2f\n",
           ROWS, sqrt(centred) / true_mean, sqrt(plain) / true_mean,
           sqrt(plain / centred));
}

/* ---- top 10 of 2,000 groups nobody declared, sizes falling as 1/rank */
enum { GROUPS = 2000, FETCHED = 200, TOP_K = 10, LISTS = 300 };

static void lists(double size, double rho)
{
    struct dp_topk t = {
        .k = TOP_K, .l0 = 3, .fetched = FETCHED, .delta_atto = 1000000000000
    };
    static struct dp_exact in[FETCHED + 1], score[FETCHED + 1];
    static uint64_t width[FETCHED + 1];
    must(dp_topk_of_price(
        &t, 1, (struct dp_price){ .rho_pico = (uint64_t)(rho * 1e12) },
        DP_ZCDP));
    for (int i = 0; i <= FETCHED; i++)
        in[i].touched = (dp_int)(size / (i + 1));
    double listed = 0, right = 0;
    for (int k = 0; k < LISTS; k++) {
        size_t index[TOP_K], n;
        must(dp_topk_pick(index, &n, &t, in, FETCHED + 1,
                          (struct dp_topk_room){ score, width }, noise));
        listed += (double)n / LISTS;
        for (size_t i = 0; i < n; i++)
            right += index[i] < TOP_K ? 1.0 / LISTS : 0;
    }
    printf("top %d of %d undeclared groups, largest %.0f people, rho %.3g: "
           "listed\t%.2f\tof the true %d %.2f\tmargin %llu\n",
           TOP_K, GROUPS, size, rho, listed, TOP_K, right,
           (unsigned long long)dp_topk_margin(&t));
}

int main(void)
{
    noise = dp_rng_system();
    data = gsl_rng_alloc(gsl_rng_mt19937);
    if (!data)
        return 1;
    medians("uniform");
    medians("lognormal");
    medians("ages");
    means("ages", 0.1, 1);
    means("uniform", 0, 1);
    means("lognormal", 0, 1);
    means("uniform", 0.05, 0.1);
    variances();
    lists(10000, 0.02);
    lists(2000, 0.02);
    gsl_rng_free(noise);
    gsl_rng_free(data);
    return 0;
}
