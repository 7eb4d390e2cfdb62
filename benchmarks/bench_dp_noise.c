/*
 * Samples per CPU second of exact integer noise, against gsl_ran_gaussian (the
 * ziggurat) on mt19937: floating point, predictable, the unsafe limit.  Rounds
 * alternate; the ratio is of medians, the spread of single rounds.
 */
#include <gsl/gsl_randist.h>

#include "benchmarks/bench.h"
#include "dp/mechanism.h"
#include "dp/rng.h"

enum { ROUNDS = 15, CELLS = 20000 };

static struct dp_exact in[CELLS];
static struct dp_noisy out[CELLS];
static volatile double sink;

static double cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double unsafe_round(gsl_rng *rng)
{
    const double start = cpu_ns();
    double sum = 0;
    for (int i = 0; i < CELLS; i++)
        sum += gsl_ran_gaussian_ziggurat(rng, 100);
    sink = sum;
    return (cpu_ns() - start) / CELLS;
}

static double our_round(const struct dp_mechanism *m, size_t batch,
                        gsl_rng *rng)
{
    const double start = cpu_ns();
    for (size_t i = 0; i + batch <= CELLS; i += batch)
        if (dp_mechanism_release(out + i, in + i, batch, m, rng) != DP_OK)
            abort();
    return (cpu_ns() - start) / (double)(CELLS / batch * batch);
}

static const struct {
    const char *name;
    struct dp_mechanism m;
    size_t batch;
} cases[] = {
    { "laplace t=10, one by one", { DP_DLAPLACE, 10, 1 }, 1 },
    { "laplace t=10, vector", { DP_DLAPLACE, 10, 1 }, CELLS },
    { "gaussian sigma=5, one by one", { DP_DGAUSS, 5, 1 }, 1 },
    { "gaussian sigma=51.3, vector", { DP_DGAUSS, 513, 10 }, CELLS },
    { "gaussian sigma=10^6, vector", { DP_DGAUSS, 1000000, 1 }, CELLS },
};

int main(void)
{
    gsl_rng *fast = gsl_rng_alloc(gsl_rng_mt19937), *safe = dp_rng_system();
    if (!fast)
        return 1;
    printf("law\tours ns\tunsafe ns\tsamples/CPU s\tratio\tspread of ratio\n");
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        double ours[ROUNDS], unsafe[ROUNDS], ratio[ROUNDS];
        for (int r = 0; r < ROUNDS; r++) {
            unsafe[r] = unsafe_round(fast);
            ours[r] = our_round(&cases[c].m, cases[c].batch, safe);
            ratio[r] = unsafe[r] / ours[r];
        }
        qsort(ours, ROUNDS, sizeof *ours, bench_cmp_);
        qsort(unsafe, ROUNDS, sizeof *unsafe, bench_cmp_);
        qsort(ratio, ROUNDS, sizeof *ratio, bench_cmp_);
        printf("%s\t%.1f\t%.1f\t%.3g\t%.3f\t%.3f-%.3f\n", cases[c].name,
               ours[ROUNDS / 2], unsafe[ROUNDS / 2], 1e9 / ours[ROUNDS / 2],
               unsafe[ROUNDS / 2] / ours[ROUNDS / 2], ratio[0],
               ratio[ROUNDS - 1]);
    }
    gsl_rng_free(fast);
    gsl_rng_free(safe);
    return 0;
}
