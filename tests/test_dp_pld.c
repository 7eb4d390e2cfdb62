/* The loss distribution against an integral of the exact laws, against sums of
 * two binomials, and its parts against the definition. */
#include "dp/pld.h"

#include <complex.h>
#include <math.h>
#include <stdlib.h>

#include "dp/account.h"
#include "dp/dots.h"
#include "tests/lib_history.h"
#include "tests/lib_rng.h"
#include "tests/table.h"

typedef long double complex cplx;
static const long double PI = 3.14159265358979323846264338327950288L;

/* ln E[exp(s L)] at complex s, from the formulas of dp/event.md alone. */
static cplx cumulant(const struct dp_event *e, size_t n, cplx s)
{
    cplx sum = 0;
    for (size_t i = 0; i < n; i++) {
        const long double k = (long double)e[i].times;
        const long double eps = (long double)e[i].eps;
        if (e[i].kind == DP_EVENT_GAUSS) {
            const long double sigma = (long double)e[i].sigma;
            sum += k * s * (s + 1) / (2 * sigma * sigma);
            continue;
        }
        const cplx u = s + 0.5L, fall = cexpl(-2 * u * eps); /* Re u > 0 */
        sum += e[i].kind == DP_EVENT_LAPLACE
                   ? k * (u * eps - eps / 2 - logl(2) +
                          clogl(1 + fall + (1 - fall) / (2 * u)))
                   : k * (u * eps - eps / 2 + clogl(1 + fall) -
                          log1pl(expl(-eps)));
    }
    return sum;
}

/*
 * delta(eps) is 1/(2 pi) times the integral over w of exp(K(s) - s eps) / (s
 * (s+1)), s = c + i w, any c > 0: the transform of (1 - e^-y)+ is 1/(s(s+1)).
 * By trapezoids, which converge exponentially; a Gaussian of parameter mu ends
 * the sum.  `period` of the losses is told apart.
 */
static long double exact_delta(const struct dp_event *e, size_t n,
                               long double eps, long double c,
                               long double period, long double mu)
{
    const long double step = 2 * PI / period;
    long double sum = 0;
    for (long j = 0; mu * step * (long double)j < 11; j++) {
        const cplx s = c + I * (step * (long double)j);
        const cplx f = cexpl(cumulant(e, n, s) - s * eps) / (s * (s + 1));
        sum += creall(f) / (j == 0 ? 2 : 1);
    }
    return sum * step / PI;
}

struct spread {
    long double mu, most; /* of all Gaussians; sum of bounded losses */
};

static struct spread spread_of(const struct dp_event *e, size_t n)
{
    struct spread s = { 0, 0 };
    for (size_t i = 0; i < n; i++) {
        const long double k = (long double)e[i].times;
        if (e[i].kind == DP_EVENT_GAUSS)
            s.mu += k / ((long double)e[i].sigma * (long double)e[i].sigma);
        else
            s.most += k * (long double)e[i].eps;
    }
    s.mu = sqrtl(s.mu);
    return s;
}

/* Is epsilon sound, and within `gap` of the least that is? */
static void check_exact(const struct dp_event *e, size_t n, double delta,
                        double gap)
{
    double eps;
    long double order_eps;
    assert_int_equal(dp_pld_eps(&eps, e, n, delta), DP_OK);
    const long double c = dp_account_best_order(&order_eps, e, n, delta);
    const struct spread s = spread_of(e, n);
    const long double period = 2 * s.most + 40 * s.mu * (1 + s.mu) + 60 / c;
    assert_true(exact_delta(e, n, eps, c, period, s.mu) <=
                delta * (1 + 1e-11L));
    if (eps > gap)
        assert_true(exact_delta(e, n, eps - gap, c, period, s.mu) > delta);
}

static const struct row {
    const char *name;
    double delta;
} rows[] = {
    { "MIX_G20x50_L0.1x50", 1e-6 },
    { "MIX_G20x50_L0.1x50", 1e-14 },
    { "MIX_G20x50_L0.1x50", 1e-100 },
    { "MIX_G50x200_L0.05x100_R0.1x50", 1e-6 },
    { "MIX_G5x3_L0.37x11_R0.23x7", 1e-9 },
    { "MIX_G1x1_R1.3x5", 1e-3 },
    { "MIX_G300x40_L0.0137x900_R0.022x500", 1e-12 },
    { "MIX_G130x6_R3.138x3", 5e-23 },
    { "MIX_G3000x1_R0.5x30_R0.3x7_L0.4x3", 1e-8 },
    { "MIX_G3x1_L2x3", 0.3 },
    { "MIX_G7x2_R5x1_L0.001x1", 1e-20 },
    { "MIX_G100x1_R0.1x1_R0.2x1_R0.3x1", 1e-9 },
};

static void check_row(void **state)
{
    const struct row *row = *state;
    struct history_text h;
    assert_true(history_parse(&h, row->name));
    check_exact(h.events, h.n, row->delta, 5e-6);
}

static void random_histories_are_sound_and_close(void **state)
{
    (void)state;
    gsl_rng *r = test_rng_new(7);
    for (int round = 0; round < 25; round++) {
        struct dp_event e[6];
        const size_t n = history_random(e, 4, r);
        for (size_t i = 0; i < n; i++)
            if (e[i].kind == DP_EVENT_APPROX)
                e[i] = (struct dp_event){ DP_EVENT_LAPLACE, 0, e[i].eps, 0,
                                          e[i].times };
        e[n] = (struct dp_event){ DP_EVENT_GAUSS, 2 + 20 * gsl_rng_uniform(r),
                                  0, 0, 1 };
        check_exact(e, n + 1, exp(-2 - 50 * gsl_rng_uniform(r)), 3e-5);
    }
    gsl_rng_free(r);
}

/* Two kinds of +-eps losses, no Gaussian: a double sum over both binomials. */
static void two_binomials(void **state)
{
    (void)state;
    const struct dp_event e[] = { { DP_EVENT_RESPONSE, 0, 0.1, 0, 50 },
                                  { DP_EVENT_RESPONSE, 0, 0.3, 0, 20 } };
    for (double delta = 0.2; delta > 1e-40; delta /= 3e3) {
        double eps;
        assert_int_equal(dp_pld_eps(&eps, e, 2, delta), DP_OK);
        long double at[2] = { 0, 0 };
        for (int i = 0; i <= 50; i++)
            for (int j = 0; j <= 20; j++) {
                const long double loss =
                    (2 * i - 50) * 0.1L + (2 * j - 20) * 0.3L;
                const long double p =
                    lgammal(51) - lgammal(i + 1) - lgammal(51 - i) +
                    lgammal(21) - lgammal(j + 1) - lgammal(21 - j) + i * 0.1L +
                    j * 0.3L - 50 * log1pl(expl(0.1L)) -
                    20 * log1pl(expl(0.3L));
                for (int k = 0; k < 2; k++) {
                    const long double y = loss - (eps - k * 1e-6L);
                    at[k] += y > 0 ? expl(p) * -expm1l(-y) : 0;
                }
            }
        assert_true(at[0] <= delta * (1 + 1e-12L) && at[1] > delta);
    }
}

/* One Laplace release: delta(eps) = 1 - exp((eps - eps0)/2), in closed form. */
static void one_laplace(void **state)
{
    (void)state;
    for (double eps0 = 0.003; eps0 < 20; eps0 *= 3)
        for (double delta = 0.4; delta > 1e-12; delta /= 50) {
            const struct dp_event e = { DP_EVENT_LAPLACE, 0, eps0, 0, 1 };
            double eps;
            assert_int_equal(dp_pld_eps(&eps, &e, 1, delta), DP_OK);
            const long double exact =
                fmaxl(0, (long double)eps0 + 2 * log1pl(-(long double)delta));
            assert_true(eps >= exact && eps <= exact + 5e-6L);
        }
}

/* Connected dots keep both masses: sum of m = 1 and of m e^-l = 1, untilted. */
static void dots_keep_both_masses(void **state)
{
    (void)state;
    enum { N = 256 };
    static double root[2 * N];
    dp_dots_roots(root, N);
    static const struct dp_event laws[] = {
        { DP_EVENT_LAPLACE, 0, 0.7, 0, 1 },
        { DP_EVENT_LAPLACE, 0, 0.004, 0, 1 },
        { DP_EVENT_RESPONSE, 0, 0.433, 0, 1 },
    };
    const struct dp_dots_grid g = { 0.01, 0, N, root };
    for (size_t i = 0; i < 3; i++)
        for (int aligned = 0; aligned < (i == 0) + 1; aligned++) {
            struct dp_dots d;
            dp_dots_of(&d, &laws[i], &g, aligned);
            /* Inverse transform by the definition. */
            long double sum = 0, other = 0;
            for (int k = -N / 2; k < N / 2; k++) {
                long double m = 0;
                for (size_t j = 0; j < N; j++) {
                    const struct dp_complex f = dp_dots_at(&d, &g, j);
                    const long double a = 2 * PI * (long double)j * k / N;
                    m += f.re * cosl(a) - f.im * sinl(a);
                }
                m /= N;
                assert_true(m > -1e-14L);
                sum += m;
                other += m * expl(-0.01L * k);
            }
            assert_true(fabsl(sum - 1) < 1e-13L);
            assert_true(fabsl(other - 1) < 1e-13L);
        }
    for (double mu = 1e-12; mu < 0.025; mu *= 3) {
        struct dp_dots_bell bell;
        dp_dots_bell_of(&bell, &g, mu);
        assert_false(bell.is_smooth);
        long double sum = 0, other = 0;
        for (size_t i = 0; i < bell.n; i++) {
            sum += bell.mass[i];
            other += bell.mass[i] *
                     expl(-0.01L * (long double)(bell.first + (int64_t)i));
        }
        assert_true(fabsl(sum - 1) < 2e-10L && fabsl(other - 1) < 2e-10L);
        assert_true(sum > 1 && other > 1); /* raised past every error */
    }
}

/* Where a Gaussian becomes wide, its formula is the transform of its masses. */
static void the_smooth_transform_is_that_of_the_masses(void **state)
{
    (void)state;
    enum { N = 1024 };
    static double root[2 * N];
    dp_dots_roots(root, N);
    for (double tilt = 0.06; tilt < 50; tilt *= 7) {
        const struct dp_dots_grid g = { 0.01, tilt, N, root };
        struct dp_dots_bell wide, narrow;
        dp_dots_bell_of(&wide, &g, 0.025);
        dp_dots_bell_of(&narrow, &g, 0.025 * (1 - 1e-14));
        assert_true(wide.is_smooth && !narrow.is_smooth);
        for (size_t j = 0; j <= N / 2; j++) {
            const struct dp_complex a = dp_dots_bell_at(&wide, &g, j);
            const struct dp_complex b = dp_dots_bell_at(&narrow, &g, j);
            assert_true(fabs(a.re - b.re) < 2e-10);
            assert_true(fabs(a.im - b.im) < 2e-10);
        }
    }
}

static void too_wide_for_the_grid_is_still_sound(void **state)
{
    (void)state;
    const struct dp_event e[] = {
        { DP_EVENT_RESPONSE, 0, 0.0137, 0, 1000000000 },
        { DP_EVENT_LAPLACE, 0, 1.2345678901, 0, 1000 },
    };
    double pld, rdp;
    assert_int_equal(dp_pld_eps(&pld, e, 2, 1e-9), DP_OK);
    assert_int_equal(dp_account_eps(&rdp, DP_BY_RDP, e, 2, 1e-9), DP_OK);
    assert_true(pld <= rdp * (1 + 1e-9));
    assert_true(pld > 1e9 * 0.0137 * 0.0137 / 2);
    const struct dp_event twice[] = {
        { DP_EVENT_RESPONSE, 0, 1e-4, 0, DP_EVENT_TIMES_MAX },
        { DP_EVENT_RESPONSE, 0, 1e-4, 0, DP_EVENT_TIMES_MAX },
    };
    assert_int_equal(dp_pld_eps(&pld, twice, 2, 1e-9), DP_OK);
    assert_int_equal(dp_account_eps(&rdp, DP_BY_RDP, twice, 2, 1e-9), DP_OK);
    assert_true(pld <= rdp * (1 + 1e-9));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_histories_are_sound_and_close),
        cmocka_unit_test(two_binomials),
        cmocka_unit_test(one_laplace),
        cmocka_unit_test(dots_keep_both_masses),
        cmocka_unit_test(the_smooth_transform_is_that_of_the_masses),
        cmocka_unit_test(too_wide_for_the_grid_is_still_sound),
    };
    return RUN_ROWS(rows, check_row) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
