/*
 * Calibration and accounting.
 *
 *   sigma of the analytic Gaussian, microseconds a root;
 *   a charge to a filter that holds 10^4 and 10^7 charges, and the ratio to
 *   adding all of them up again, as an accountant without running sums does;
 *   epsilon of reference ledgers by loss distributions.
 *
 * Rounds alternate where there is a ratio; medians.  With the word "serve" it
 * answers lines of "DELTA WORDS..." with "EPSILON CPU_NS" instead, for
 * benchmarks/bench_pld.sh.
 */
#include <math.h>
#include <string.h>

#include "benchmarks/bench.h"
#include "clients/cli/history.h"
#include "dp/account.h"
#include "dp/filter.h"
#include "dp/gauss.h"

enum { ROUNDS = 15 };

static double cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* CPU time of one root, whatever else the machine does. */
static void bench_sigma(double eps, double delta)
{
    enum { PER = 1000 };
    double ns[ROUNDS], s;
    for (int r = 0; r < ROUNDS; r++) {
        const double start = cpu_ns();
        for (int i = 0; i < PER; i++)
            if (dp_gauss_sigma(&s, eps, delta, 1) != DP_OK)
                abort();
        ns[r] = (cpu_ns() - start) / PER;
    }
    const double m = bench_median(ns, ROUNDS);
    printf("sigma at %g, %g\t%.2f us\t%.2f-%.2f\n", eps, delta, m / 1e3,
           ns[0] / 1e3, ns[ROUNDS - 1] / 1e3);
}

static volatile uint64_t sink;

/* What one charge costs a filter with `n` charges behind it. */
static void bench_filter(size_t n)
{
    enum { CHARGES = 1 << 17 };
    const struct dp_price limit = { DP_PRICE_MAX, 0, DP_PRICE_MAX };
    struct dp_price *past = malloc(n * sizeof *past);
    struct dp_filter f;
    double ours[ROUNDS], again[ROUNDS];
    if (!past || dp_filter_open(&f, DP_ZCDP, limit) != DP_OK)
        abort();
    for (size_t i = 0; i < n; i++) {
        past[i] = (struct dp_price){ 1 + i % 97, 0, i % 13 };
        if (!dp_filter_charge(&f, past[i]))
            abort();
    }
    for (int r = 0; r < ROUNDS; r++) {
        double start = cpu_ns();
        for (size_t i = 0; i < CHARGES; i++)
            sink += dp_filter_charge(&f, past[i % n]);
        ours[r] = (cpu_ns() - start) / CHARGES;

        start = cpu_ns();
        struct dp_price sum = { 0 };
        for (size_t i = 0; i < n; i++)
            sum = dp_price_add(sum, past[i]);
        sink += dp_price_fits(sum, limit);
        again[r] = cpu_ns() - start;
    }
    const double a = bench_median(ours, ROUNDS),
                 b = bench_median(again, ROUNDS);
    printf("a charge after %zu\t%.1f ns\tadding up again %.0f ns\t%.0f times\n",
           n, a, b, b / a);
    free(past);
}

static bool parse(struct dp_event **e, size_t *n, const char *words,
                  struct arena *a)
{
    struct err err;
    return history_of_words(e, n, &words, 1, a, &err) == ERR_OK;
}

static void bench_ledger(const char *words, double delta)
{
    struct arena a;
    struct dp_event *e;
    size_t n;
    double ms[ROUNDS], eps = 0;
    arena_init(&a, 1 << 24);
    if (!parse(&e, &n, words, &a))
        abort();
    for (int r = 0; r < ROUNDS; r++) {
        const double start = cpu_ns();
        const enum dp_status status =
            dp_account_eps(&eps, DP_BY_PLD, e, n, delta);
        if (status == DP_ERANGE) { /* its own deltas are larger */
            arena_fini(&a);
            return;
        }
        if (status != DP_OK)
            abort();
        ms[r] = (cpu_ns() - start) / 1e6;
    }
    const double m = bench_median(ms, ROUNDS);
    printf("pld %s at %g\t%.12g\t%.3f ms\t%.3f-%.3f\n", words, delta, eps, m,
           ms[0], ms[ROUNDS - 1]);
    arena_fini(&a);
}

static int serve(void)
{
    static char line[1 << 20];
    while (fgets(line, sizeof line, stdin)) {
        struct arena a;
        struct dp_event *e;
        size_t n;
        char *words;
        double eps = 0;
        const double delta = strtod(line, &words);
        arena_init(&a, 1 << 26);
        const double start = cpu_ns();
        if (!parse(&e, &n, words, &a) ||
            dp_account_eps(&eps, DP_BY_PLD, e, n, delta) != DP_OK)
            return 1;
        printf("%.17g %.0f\n", eps, cpu_ns() - start);
        fflush(stdout);
        arena_fini(&a);
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "serve") == 0)
        return serve();
    static const double points[][2] = { { 1, 1e-6 },
                                        { 0.01, 1e-12 },
                                        { 10, 1e-5 },
                                        { 1e-6, 1e-10 },
                                        { 100, 1e-300 } };
    printf("what\tmedian, CPU\tspread\n");
    for (size_t i = 0; i < sizeof points / sizeof *points; i++)
        bench_sigma(points[i][0], points[i][1]);
    bench_filter(10000);
    bench_filter(10000000);
    static const char *const ledgers[] = {
        "G20x1000",
        "R0.1x100",
        "L0.01x1000",
        "L0.1x100",
        "G20x50 L0.1x50",
        "G50x200 L0.05x100 R0.1x30 S0.1_1e-8x20",
        "L0.01x5000 R0.02x5000",
    };
    for (size_t i = 0; i < sizeof ledgers / sizeof *ledgers; i++) {
        bench_ledger(ledgers[i], 1e-6);
        bench_ledger(ledgers[i], 1e-14);
    }
    return 0;
}
