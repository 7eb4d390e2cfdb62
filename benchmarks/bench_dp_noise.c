/*
 * Samples per CPU second of exact integer noise, against GSL's own samplers on
 * mt19937: floating point, predictable, the unsafe limit.  Gaussians against
 * gsl_ran_gaussian_ziggurat, its fastest, and gsl_ran_gaussian; Laplace against
 * gsl_ran_laplace, and the ziggurat too.  Rounds alternate; a ratio is of
 * medians, the spread of single rounds.
 *
 * With arguments it is a peer for benchmarks/bench_dp_peers.sh:
 *   bench_dp_noise LAW NUM DEN N   prints CPU ns per sample of N at once
 * LAW 0 discrete Laplace, 1 discrete Gaussian, 2 rounded Gaussian.
 */

#include <stdbool.h>

#include <gsl/gsl_randist.h>

#include "benchmarks/bench.h"
#include "dp/lattice.h"
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

/* ns per sample of an unsafe sampler. */
typedef double unsafe_fn(const gsl_rng *rng, double scale);

static double unsafe_round(unsafe_fn *sample, gsl_rng *rng)
{
    const double start = cpu_ns();
    double sum = 0;
    for (int i = 0; i < CELLS; i++)
        sum += sample(rng, 100);
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
    { "Laplace 10, one by one", { DP_DLAPLACE, 10, 1 }, 1 },
    { "Laplace 10, by 100", { DP_DLAPLACE, 10, 1 }, 100 },
    { "Laplace 10, by 1000", { DP_DLAPLACE, 10, 1 }, 1000 },
    { "Laplace 10, by 20000", { DP_DLAPLACE, 10, 1 }, CELLS },
    { "Laplace 10^6/7, by 20000", { DP_DLAPLACE, 1000000, 7 }, CELLS },
    { "Gaussian 51.3, one by one", { DP_DGAUSS, 513, 10 }, 1 },
    { "Gaussian 51.3, by 100", { DP_DGAUSS, 513, 10 }, 100 },
    { "Gaussian 51.3, by 1000", { DP_DGAUSS, 513, 10 }, 1000 },
    { "Gaussian 5, by 20000", { DP_DGAUSS, 5, 1 }, CELLS },
    { "Gaussian 51.3, by 20000", { DP_DGAUSS, 513, 10 }, CELLS },
    { "Gaussian 10^6, by 20000", { DP_DGAUSS, 1000000, 1 }, CELLS },
    { "rounded 51.3, one by one", { DP_RGAUSS, 513, 10 }, 1 },
    { "rounded 51.3, by 20000", { DP_RGAUSS, 513, 10 }, CELLS },
    { "rounded 10^6, by 20000", { DP_RGAUSS, 1000000, 1 }, CELLS },
};

static void compare(size_t c, gsl_rng *fast, gsl_rng *safe)
{
    const bool laplace = cases[c].m.law == DP_DLAPLACE;
    double ours[ROUNDS], ziggurat[ROUNDS], usual[ROUNDS], ratio[ROUNDS];
    for (int r = 0; r < ROUNDS; r++) {
        ziggurat[r] = unsafe_round(gsl_ran_gaussian_ziggurat, fast);
        ours[r] = our_round(&cases[c].m, cases[c].batch, safe);
        usual[r] =
            unsafe_round(laplace ? gsl_ran_laplace : gsl_ran_gaussian, fast);
        ratio[r] = ziggurat[r] / ours[r];
    }
    const double our = bench_median(ours, ROUNDS),
                 zig = bench_median(ziggurat, ROUNDS);
    (void)bench_median(ratio, ROUNDS);
    printf("%-26s\t%6.1f\t%.3g\t%.3f\t%.3f-%.3f\t%.3f\n", cases[c].name, our,
           1e9 / our, zig / our, ratio[0], ratio[ROUNDS - 1],
           bench_median(usual, ROUNDS) / our);
}

static void table_cost(void)
{
    static const struct dp_mechanism laws[] = { { DP_DLAPLACE, 1000, 1 },
                                                { DP_DGAUSS, 513, 10 },
                                                { DP_RGAUSS, 513, 10 } };
    static const char *const names[] = { "Laplace 1000", "Gaussian 51.3",
                                         "rounded 51.3" };
    for (size_t i = 0; i < sizeof laws / sizeof *laws; i++) {
        static struct dp_lattice table;
        double ns[ROUNDS];
        for (int r = 0; r < ROUNDS; r++) {
            const double start = cpu_ns();
            if (dp_lattice_init(&table, &laws[i]) != DP_OK)
                abort();
            ns[r] = cpu_ns() - start;
        }
        printf("%s\ttable in %.1f us\n", names[i],
               bench_median(ns, ROUNDS) / 1e3);
    }
}

static int peer(char **argv, gsl_rng *safe)
{
    const struct dp_mechanism m = { (enum dp_law)atoi(argv[1]),
                                    strtoull(argv[2], NULL, 10),
                                    strtoull(argv[3], NULL, 10) };
    const size_t batch = strtoul(argv[4], NULL, 10);
    if (!dp_mechanism_ok(&m) || batch < 1 || batch > CELLS)
        return 2;
    double ns[ROUNDS];
    for (int r = 0; r < ROUNDS; r++)
        ns[r] = our_round(&m, batch, safe);
    printf("%.3f\n", bench_median(ns, ROUNDS));
    return 0;
}

int main(int argc, char **argv)
{
    gsl_rng *fast = gsl_rng_alloc(gsl_rng_mt19937), *safe = dp_rng_system();
    if (!fast || (argc != 1 && argc != 5))
        return 2;
    int rc = 0;
    if (argc == 5)
        rc = peer(argv, safe);
    else {
        printf("%-26s\tns\tper CPU s\tto ziggurat\tspread\tto gsl_ran_*\n",
               "law and scale");
        for (size_t c = 0; c < sizeof cases / sizeof *cases; c++)
            compare(c, fast, safe);
        table_cost();
    }
    gsl_rng_free(fast);
    gsl_rng_free(safe);
    return rc;
}
