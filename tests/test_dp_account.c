/* The five accountants: reference ledgers, closed forms, order among them,
 * monotony and commutativity on random histories. */
#include "dp/account.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dp/convert.h"
#include "dp/gauss.h"
#include "dp/response.h"
#include "tests/lib_history.h"
#include "tests/lib_rng.h"
#include "tests/lib_vectors.h"
#include "tests/table.h"

static const enum dp_accountant ALL[] = { DP_BY_PURE, DP_BY_RDP, DP_BY_ZCDP,
                                          DP_BY_GDP, DP_BY_PLD };
enum { ACCOUNTANTS = 5 };

/* ledger,delta,exact or blank,lower,upper: sound, and the PLD within 4e-4 (the
 * target) of the bracket's upper end, 1e-5 (the moonshot) of an exact value. */
static void ledger_row(char *const f[VECTOR_FIELDS])
{
    struct history_text h;
    assert_true(history_parse(&h, f[0]));
    const double delta = strtod(f[1], NULL);
    const bool closed = *f[2] != '\0';
    const double low = strtod(closed ? f[2] : f[3], NULL);
    for (int by = 0; by < ACCOUNTANTS; by++) {
        double eps;
        const enum dp_status status =
            dp_account_eps(&eps, ALL[by], h.events, h.n, delta);
        if (ALL[by] == DP_BY_PURE && h.has_gauss) {
            assert_int_equal(status, DP_ERANGE);
            continue;
        }
        assert_int_equal(status, DP_OK);
        assert_true(eps >= low * (1 - 1e-14));
        if (ALL[by] == DP_BY_PLD && closed)
            assert_true(eps <= low + 1e-9);
        if (ALL[by] == DP_BY_PLD)
            assert_true(eps <= strtod(f[4], NULL) + 1e-5);
    }
}

static void ledger_vectors(void **state)
{
    (void)state;
    if (!vectors_each("accountant_eps.csv", ledger_row))
        skip();
}

static void small_delta_row(char *const f[VECTOR_FIELDS])
{
    struct history_text h;
    assert_true(history_parse(&h, f[0]));
    const double delta = strtod(f[1], NULL), exact = strtod(f[2], NULL);
    double eps;
    assert_int_equal(dp_account_eps(&eps, DP_BY_PLD, h.events, h.n, delta),
                     DP_OK);
    assert_true(eps >= exact - 1e-12 && eps <= exact + 1e-11); /* 13 digits */
}

static void small_delta_vectors(void **state)
{
    (void)state;
    if (!vectors_each("accountant_small_delta.csv", small_delta_row))
        skip();
}

/* delta of k releases of randomised response at eps, by the definition. */
static long double response_delta(double eps0, unsigned k, double eps)
{
    const long double p = 1 / (1 + expl(-(long double)eps0));
    long double sum = 0;
    for (unsigned j = 0; j <= k; j++) {
        const long double loss = (2 * (long double)j - k) * eps0;
        if (loss <= eps)
            continue;
        const long double log_c = lgammal((long double)k + 1) -
                                  lgammal((long double)j + 1) -
                                  lgammal((long double)(k - j) + 1);
        sum += expl(log_c + j * logl(p) + (k - j) * log1pl(-p)) *
               -expm1l(eps - loss);
    }
    return sum;
}

static void response_is_the_binomial(void **state)
{
    (void)state;
    static const double sizes[] = { 0.001, 0.1, 0.7, 3 };
    for (size_t i = 0; i < 4; i++)
        for (unsigned k = 1; k < 900; k = k * 3 + 1)
            for (double delta = 0.3; delta > 1e-40; delta /= 1e7) {
                double eps;
                assert_int_equal(dp_response_eps(&eps, sizes[i], k, delta),
                                 DP_OK);
                assert_true(response_delta(sizes[i], k, eps) <=
                            delta * (1 + 1e-12L));
                if (eps > 0)
                    assert_true(response_delta(sizes[i], k, eps * (1 - 1e-9)) >
                                delta);
            }
}

/* A million releases of eps 0.001: nearly Gaussian with mu = 1. */
static void many_responses_approach_the_gaussian(void **state)
{
    (void)state;
    double eps, gauss;
    assert_int_equal(dp_response_eps(&eps, 0.001, 1000000, 1e-9), DP_OK);
    assert_int_equal(dp_gauss_eps(&gauss, 1, 1e-9), DP_OK);
    assert_true(fabs(eps / gauss - 1) < 1e-3);
    assert_int_equal(dp_response_eps(&eps, 1, 0, 0.1), DP_EDOM);
    assert_int_equal(dp_response_eps(&eps, 1, 1, 0), DP_EDOM);
    assert_int_equal(dp_response_eps(&eps, 2e4, 1, 0.1), DP_EDOM);
}

/* Renyi divergences by summing or integrating the definition. */
static void cumulants_are_the_definition(void **state)
{
    (void)state;
    for (long double s = -3.3L; s < 40; s = s * 1.3L + 1.01L) {
        const double eps = 0.3;
        const struct dp_event r = { DP_EVENT_RESPONSE, 0, eps, 0, 1 };
        const long double q = 1 / (1 + expl(eps));
        assert_true(fabsl(expl(dp_event_cumulant(&r, s)) -
                          (1 - q) * expl(s * eps) - q * expl(-s * eps)) <
                    1e-15L * expl(fabsl(s) * eps));

        const struct dp_event l = { DP_EVENT_LAPLACE, 0, eps, 0, 1 };
        long double sum = expl(s * eps) / 2 + expl(-(s + 1) * eps) / 2;
        enum { CELLS = 20000 };
        for (int i = 0; i < CELLS; i++) {
            const long double x = eps * (2 * (i + 0.5L) / CELLS - 1);
            sum += expl((x - eps) / 2 + s * x) / 4 * (2 * eps / CELLS);
        }
        assert_true(fabsl(dp_event_cumulant(&l, s) / logl(sum) - 1) < 1e-6L);
    }
}

/* mu-GDP of a law: its delta curve lies below the Gaussian's and touches it. */
static void mu_of_an_event_is_enough_and_no_more(void **state)
{
    (void)state;
    for (double eps = 1e-3; eps < 30; eps *= 2.1) {
        const struct dp_event l = { DP_EVENT_LAPLACE, 0, eps, 0, 1 };
        const struct dp_event r = { DP_EVENT_RESPONSE, 0, eps, 0, 1 };
        const double mu_l = dp_event_mu(&l), mu_r = dp_event_mu(&r);
        assert_true(mu_l < mu_r && mu_r < eps * 1.3);
        for (double e = 0; e < eps; e += eps / 50) {
            double gl, gr;
            assert_int_equal(dp_gauss_delta(&gl, mu_l, e), DP_OK);
            assert_int_equal(dp_gauss_delta(&gr, mu_r, e), DP_OK);
            const double lap = -expm1((e - eps) / 2);
            const double res = (double)response_delta(eps, 1, e);
            assert_true(gl >= lap * (1 - 1e-14) && gr >= res * (1 - 1e-14));
            if (e == 0)
                assert_true(gl <= lap * (1 + 1e-12) && gr <= res * (1 + 1e-12));
        }
    }
}

static void eps_of(double out[ACCOUNTANTS], const struct dp_event *e, size_t n,
                   double delta)
{
    for (int by = 0; by < ACCOUNTANTS; by++)
        if (dp_account_eps(&out[by], ALL[by], e, n, delta) != DP_OK)
            out[by] = HUGE_VAL;
}

/* Composition is commutative; one release more never costs less; the PLD is
 * below the other two bounds that follow from the same laws. */
static void random_histories_keep_the_laws(void **state)
{
    (void)state;
    gsl_rng *r = test_rng_new(20261125);
    for (int round = 0; round < 40; round++) {
        struct dp_event e[8];
        const size_t n = history_random(e, 7, r);
        const double delta = exp(-2 - 30 * gsl_rng_uniform(r));
        double before[ACCOUNTANTS], after[ACCOUNTANTS], swapped[ACCOUNTANTS];
        eps_of(before, e, n, delta);
        const struct dp_event first = e[0];
        memmove(e, e + 1, (n - 1) * sizeof *e);
        e[n - 1] = first;
        eps_of(swapped, e, n, delta);
        e[n] = (struct dp_event){ DP_EVENT_LAPLACE, 0, 0.05, 0, 3 };
        eps_of(after, e, n + 1, delta);
        for (int by = 0; by < ACCOUNTANTS; by++) {
            assert_true(swapped[by] == before[by] ||
                        fabs(swapped[by] / before[by] - 1) < 1e-9);
            assert_true(after[by] >= before[by] * (1 - 1e-5) - 1e-5);
        }
        assert_true(before[DP_BY_PLD] <= before[DP_BY_RDP] + 1e-4);
        assert_true(before[DP_BY_RDP] <= before[DP_BY_ZCDP] * 1.01 + 1e-3);
    }
    gsl_rng_free(r);
}

/* A smaller delta never has a smaller epsilon, a bigger count neither. */
static void epsilon_falls_with_delta_and_rises_with_times(void **state)
{
    (void)state;
    for (int by = 0; by < ACCOUNTANTS; by++) {
        double last = HUGE_VAL, eps;
        for (double delta = 1e-30; delta < 0.5; delta *= 31) {
            const struct dp_event e[] = {
                { DP_EVENT_LAPLACE, 0, 0.2, 0, 20 },
                { DP_EVENT_RESPONSE, 0, 0.1, 0, 9 },
            };
            assert_int_equal(dp_account_eps(&eps, ALL[by], e, 2, delta), DP_OK);
            assert_true(eps <= last + 2e-6);
            last = eps;
        }
        last = 0;
        for (uint64_t k = 1; k < DP_EVENT_TIMES_MAX / 3; k *= 3) {
            const struct dp_event e = { DP_EVENT_RESPONSE, 0, 1e-4, 0, k };
            if (ALL[by] == DP_BY_PLD && k > 1000000)
                break; /* 40 sqrt(k) steps */
            assert_int_equal(dp_account_eps(&eps, ALL[by], &e, 1, 1e-9), DP_OK);
            assert_true(eps >= last);
            last = eps;
        }
    }
}

static void approx_events_use_up_delta(void **state)
{
    (void)state;
    struct dp_event e = { DP_EVENT_APPROX, 0, 0.1, 1e-8, 20 };
    double eps, plain;
    assert_int_equal(dp_account_eps(&eps, DP_BY_PURE, &e, 1, 2e-7), DP_OK);
    assert_true(fabs(eps - 2) < 1e-14);
    assert_int_equal(dp_account_eps(&eps, DP_BY_PURE, &e, 1, 1.9e-7),
                     DP_ERANGE);
    assert_int_equal(dp_account_eps(&eps, DP_BY_PLD, &e, 1, 1.9e-7), DP_ERANGE);
    assert_int_equal(dp_account_eps(&eps, DP_BY_PLD, &e, 1, 1e-6), DP_OK);
    e.kind = DP_EVENT_RESPONSE;
    e.delta = 0;
    assert_int_equal(dp_account_eps(&plain, DP_BY_PLD, &e, 1, 1e-6), DP_OK);
    assert_true(eps > plain);
    assert_int_equal(dp_account_eps(&plain, DP_BY_PLD, &e, 1, 8e-7 + 2e-13),
                     DP_OK);
    assert_true(fabs(eps - plain) < 1e-8);
}

static const struct bad_row {
    const char *name;
    struct dp_event e;
    double delta;
} bad_rows[] = {
    { "sigma 0", { DP_EVENT_GAUSS, 0, 0, 0, 1 }, 1e-6 },
    { "sigma NaN", { DP_EVENT_GAUSS, (double)NAN, 0, 0, 1 }, 1e-6 },
    { "no release", { DP_EVENT_GAUSS, 1, 0, 0, 0 }, 1e-6 },
    { "too many", { DP_EVENT_GAUSS, 1, 0, 0, UINT64_MAX }, 1e-6 },
    { "epsilon 0", { DP_EVENT_LAPLACE, 0, 0, 0, 1 }, 1e-6 },
    { "epsilon infinite", { DP_EVENT_RESPONSE, 0, HUGE_VAL, 0, 1 }, 1e-6 },
    { "a Laplace that tells all", { DP_EVENT_LAPLACE, 0, 1, 0.1, 1 }, 1e-6 },
    { "an event of delta 1", { DP_EVENT_APPROX, 0, 1, 1, 1 }, 1e-6 },
    { "another kind", { (enum dp_event_kind)9, 1, 1, 0, 1 }, 1e-6 },
    { "delta 1", { DP_EVENT_GAUSS, 1, 0, 0, 1 }, 1 },
    { "delta below 0", { DP_EVENT_LAPLACE, 0, 1, 0, 1 }, -1 },
    { "delta NaN", { DP_EVENT_LAPLACE, 0, 1, 0, 1 }, (double)NAN },
};

static void check_bad(void **state)
{
    const struct bad_row *row = *state;
    for (int by = 0; by < ACCOUNTANTS; by++) {
        double eps = 77;
        assert_int_equal(dp_account_eps(&eps, ALL[by], &row->e, 1, row->delta),
                         DP_EDOM);
        assert_int_equal(dp_account_eps(&eps, ALL[by], &row->e, 0, 1e-6),
                         DP_EDOM);
        assert_true(eps == 77);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ledger_vectors),
        cmocka_unit_test(small_delta_vectors),
        cmocka_unit_test(response_is_the_binomial),
        cmocka_unit_test(many_responses_approach_the_gaussian),
        cmocka_unit_test(cumulants_are_the_definition),
        cmocka_unit_test(mu_of_an_event_is_enough_and_no_more),
        cmocka_unit_test(random_histories_keep_the_laws),
        cmocka_unit_test(epsilon_falls_with_delta_and_rises_with_times),
        cmocka_unit_test(approx_events_use_up_delta),
    };
    return RUN_ROWS(bad_rows, check_bad) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
