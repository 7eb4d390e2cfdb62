/*
 * What must hold of all of dp/ at once: prices rise with what they buy, sums
 * commute and never fall, conversions come back, nothing wraps.  Seeded random
 * parameters beside every edge; these hold for certain, so a failure is a
 * fault, never chance.
 */
#include <math.h>
#include <string.h>

#include "dp/account.h"
#include "dp/choose.h"
#include "dp/convert.h"
#include "dp/gauss.h"
#include "dp/interval.h"
#include "dp/keep.h"
#include "dp/mechanism.h"
#include "dp/notion.h"
#include "tests/lib_rng.h"
#include "tests/table.h"

static const uint64_t edges[] = {
    0,
    1,
    2,
    999999999,
    UINT64_C(1) << 31,
    UINT64_C(1) << 32,
    DP_PRICE_MAX - 1,
    DP_PRICE_MAX,
    DP_PRICE_MAX + 1,
    INT64_MAX,
    (uint64_t)INT64_MAX + 1,
    UINT64_MAX - 1,
    UINT64_MAX,
};
enum { EDGES = sizeof edges / sizeof *edges };

static struct dp_price price_of(uint64_t v)
{
    return (struct dp_price){ v, v, v };
}

static bool same(struct dp_price a, struct dp_price b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

static uint64_t saturated(dp_uint v)
{
    return v > UINT64_MAX ? UINT64_MAX : (uint64_t)v;
}

static void sums_of_prices_saturate_commute_and_never_fall(void **state)
{
    (void)state;
    const struct dp_price limit = price_of(DP_PRICE_MAX);
    for (int i = 0; i < EDGES; i++) {
        for (int j = 0; j < EDGES; j++) {
            const struct dp_price a = price_of(edges[i]),
                                  b = price_of(edges[j]);
            const struct dp_price sum = dp_price_add(a, b);
            assert_true(
                same(sum, price_of(saturated((dp_uint)edges[i] + edges[j]))));
            assert_true(same(sum, dp_price_add(b, a)));
            assert_true(dp_price_fits(a, sum) && dp_price_fits(b, sum));
            assert_true(
                same(dp_price_times(a, edges[j]),
                     price_of(saturated((dp_uint)edges[i] * edges[j]))));

            /* What is left can be spent, and not one unit more. */
            const struct dp_price left = dp_price_left(a, b);
            if (edges[j] <= edges[i]) {
                assert_true(same(dp_price_add(b, left), a));
                assert_false(dp_price_fits(
                    dp_price_add(dp_price_add(b, left), price_of(1)),
                    edges[i] < UINT64_MAX ? a : limit));
            } else {
                assert_true(same(left, price_of(0)));
            }
            for (int k = 0; k < EDGES; k++) {
                const struct dp_price c = price_of(edges[k]);
                assert_true(same(dp_price_add(sum, c),
                                 dp_price_add(a, dp_price_add(b, c))));
            }
        }
        /* Once past every limit, a sum stays there. */
        assert_false(dp_price_fits(
            dp_price_add(price_of(UINT64_MAX), price_of(edges[i])), limit));
    }
}

static const enum dp_law laws[] = { DP_DLAPLACE, DP_DGAUSS, DP_RGAUSS };
enum { LAWS = 3 };

/* A scale of any size and denominator. */
static struct dp_mechanism random_mechanism(gsl_rng *rng, enum dp_law law)
{
    const uint64_t den = 1 + (gsl_rng_get(rng) % DP_SCALE_DEN_MAX);
    const uint64_t most = den * DP_SCALE_MAX;
    const uint64_t num =
        1 + (gsl_rng_get(rng) % most >> gsl_rng_uniform_int(rng, 59));
    return (struct dp_mechanism){ law, num, den };
}

static uint64_t units(struct dp_price p)
{
    assert_true(p.delta_atto == 0 && (p.rho_pico == 0 || p.eps_nano == 0));
    return p.rho_pico + p.eps_nano;
}

static uint64_t noise_price(const struct dp_mechanism *m, uint64_t s,
                            enum dp_notion notion)
{
    struct dp_price p;
    if (dp_mechanism_price(&p, m, s, notion) != DP_OK)
        return 0; /* a Gaussian under pure, always */
    return units(p);
}

static void noise_costs_more_for_more_sensitivity_or_less_scale(void **state)
{
    (void)state;
    gsl_rng *rng = test_rng_new(81);
    for (int i = 0; i < 2000; i++) {
        const struct dp_mechanism m = random_mechanism(rng, laws[i % LAWS]);
        const enum dp_notion notion = i % 2 ? DP_PURE : DP_ZCDP;
        struct dp_mechanism wider = m;
        wider.num += m.num / 3 + 1;
        if (!dp_mechanism_ok(&wider))
            continue;
        uint64_t last = 0;
        for (int e = 0; e < EDGES; e++) {
            const uint64_t p = noise_price(&m, edges[e], notion);
            assert_true(p >= last);
            assert_true(noise_price(&wider, edges[e], notion) <= p);
            assert_true(edges[e] == 0 ||
                        (m.law != DP_DLAPLACE && notion == DP_PURE) || p > 0);
            last = p;
        }
    }
    gsl_rng_free(rng);
}

/* Two releases priced apart never cost less than both in one vector, nor does
 * one cell more cost less. */
static void a_vector_costs_more_for_more_cells(void **state)
{
    (void)state;
    gsl_rng *rng = test_rng_new(84);
    for (int i = 0; i < 1500; i++) {
        const enum dp_notion notion = (enum dp_notion)(i % 3);
        const struct dp_mechanism m =
            random_mechanism(rng, dp_notion_law(notion));
        struct dp_vector_release v = { m, 1 + (gsl_rng_get(rng) >> (i % 64)),
                                       1 };
        uint64_t last = 0, one = 0;
        for (; v.l0 < 5000; v.l0 = v.l0 * 3 + 1) {
            struct dp_price p;
            assert_int_equal(dp_vector_price(&p, &v, notion), DP_OK);
            const uint64_t u = units(p);
            one = v.l0 == 1 ? u : one;
            assert_true(u >= last && u > 0);
            assert_true(u <= saturated((dp_uint)one * v.l0) || u == UINT64_MAX);
            last = u;
        }
    }
    gsl_rng_free(rng);
}

/* The scale a price buys costs at most it, and the next finer one more. */
static void noise_of_a_price_costs_that_price(void **state)
{
    (void)state;
    gsl_rng *rng = test_rng_new(82);
    for (int i = 0; i < 3000; i++) {
        const enum dp_notion notion = i % 2 ? DP_PURE : DP_ZCDP;
        const enum dp_law law =
            notion == DP_PURE ? DP_DLAPLACE : laws[i % LAWS];
        const uint64_t u = 1 + (gsl_rng_get(rng) >> (2 + i % 62));
        const uint64_t s = 1 + (gsl_rng_get(rng) >> (24 + i % 40));
        struct dp_mechanism m;
        if (dp_mechanism_of_price(&m, law, s, (struct dp_price){ u, u, 0 },
                                  notion) != DP_OK)
            continue;
        assert_true(dp_mechanism_ok(&m));
        const uint64_t p = noise_price(&m, s, notion);
        assert_true(p <= u);
        struct dp_mechanism finer = { law, m.num * (DP_SCALE_DEN_MAX / m.den),
                                      DP_SCALE_DEN_MAX };
        if (DP_SCALE_DEN_MAX % m.den == 0 && --finer.num > 0)
            assert_true(noise_price(&finer, s, notion) > u);
    }
    gsl_rng_free(rng);
}

static void choices_and_groups_cost_more_for_more_epsilon(void **state)
{
    (void)state;
    for (int law = 0; law < 3; law++) {
        struct dp_choice c = { (enum dp_choice_law)law, 1, 1, false };
        struct dp_price last = { 0 }, p;
        for (; c.eps_nano < DP_CHOICE_EPS_MAX;
             c.eps_nano = c.eps_nano * 2 + 1) {
            assert_int_equal(dp_choice_price(&p, &c, DP_ZCDP), DP_OK);
            assert_true(p.rho_pico >= last.rho_pico && p.rho_pico > 0);
            last = p;
        }
    }
    struct dp_price last = { 0 }, p;
    for (uint64_t e = 1; e < UINT64_C(1) << 58; e = e * 3 + 1) {
        const struct dp_keep_rule rule = { e, 1000, 3, 0 };
        assert_int_equal(dp_keep_price(&p, &rule, DP_ZCDP), DP_OK);
        assert_true(p.rho_pico >= last.rho_pico && p.rho_pico > 0 &&
                    p.delta_atto == 1000);
        last = p;
    }
}

/* There and back: never more than went in, and hardly less. */
static void conversions_come_back(void **state)
{
    (void)state;
    for (double delta = 0.3; delta > 1e-30; delta /= 47) {
        double last = 0;
        for (double rho = 1e-9; rho < 1e4; rho *= 3.7) {
            double eps, back, d;
            assert_int_equal(dp_eps_of_rho(&eps, rho, delta), DP_OK);
            assert_true(eps >= last); /* rises with rho */
            last = eps;
            if (eps == 0)
                continue;
            assert_int_equal(dp_rho_of_eps(&back, eps, delta), DP_OK);
            assert_true(back >= rho * (1 - 1e-9));
            assert_int_equal(dp_eps_of_rho(&d, back, delta), DP_OK);
            assert_true(d <= eps);
            assert_int_equal(dp_delta_of_rho(&d, rho, eps), DP_OK);
            assert_true(d <= delta * (1 + 1e-9) && d >= delta * (1 - 1e-9));
        }
        for (double mu = 1e-6; mu < 100; mu *= 3.7) {
            double eps, back, sigma, d;
            assert_int_equal(dp_gauss_eps(&eps, mu, delta), DP_OK);
            if (eps == 0)
                continue;
            assert_int_equal(dp_gauss_mu(&back, eps, delta), DP_OK);
            assert_true(back >= mu * (1 - 1e-9));
            assert_int_equal(dp_gauss_sigma(&sigma, eps, delta, 1), DP_OK);
            assert_true(sigma <= 1 / mu * (1 + 1e-9) &&
                        sigma * back >= 1 - 1e-12);
            assert_int_equal(dp_gauss_delta(&d, mu, eps), DP_OK);
            assert_true(d <= delta * (1 + 1e-9));
        }
    }
}

/* An accuracy asked for is met by the scale it gives, at the same level. */
static void an_accuracy_comes_back_as_a_quantile(void **state)
{
    (void)state;
    for (int law = 0; law < LAWS; law++)
        for (double half = 0; half < 1e12; half = half * 7.3 + 1)
            for (double alpha = 0.5; alpha > 1e-12; alpha /= 31) {
                const double level = 1 - alpha; /* 1 - level is exact */
                struct dp_mechanism m;
                uint64_t k;
                assert_int_equal(
                    dp_mechanism_of_accuracy(&m, laws[law], half, level),
                    DP_OK);
                assert_int_equal(
                    dp_mechanism_quantile(&k, &m, (1 - level) * (1 + 1e-12)),
                    DP_OK);
                /* A half width that no scale meets takes the least. */
                assert_true((double)k <= half ||
                            (m.num == 1 && m.den == DP_SCALE_DEN_MAX));
            }
}

/* Any order of a history adds up to the same, one release more to more. */
static void histories_commute_and_never_fall(void **state)
{
    enum { N = 5 };
    (void)state;
    static const struct dp_event events[N] = {
        { .kind = DP_EVENT_GAUSS, .sigma = 20, .times = 3 },
        { .kind = DP_EVENT_LAPLACE, .eps = 0.05, .times = 4 },
        { .kind = DP_EVENT_RESPONSE, .eps = 0.1, .times = 2 },
        { .kind = DP_EVENT_APPROX, .eps = 0.1, .delta = 1e-9, .times = 2 },
        { .kind = DP_EVENT_GAUSS, .sigma = 50, .times = 1 },
    };
    for (int by = DP_BY_PURE; by <= DP_BY_PLD; by++) {
        double last = 0;
        for (size_t n = 1; n <= N; n++) {
            struct dp_event part[N];
            double eps, turned;
            memcpy(part, events, sizeof part);
            /* Basic composition has no Gaussians; leave them out. */
            size_t from = by == DP_BY_PURE ? 1 : 0;
            if (n <= from || (by == DP_BY_PURE && n == N))
                continue;
            const enum dp_status status = dp_account_eps(
                &eps, (enum dp_accountant)by, part + from, n - from, 1e-6);
            assert_int_equal(status, DP_OK);
            for (size_t i = from; i < n; i++)
                part[i] = events[n - 1 - (i - from)];
            assert_int_equal(dp_account_eps(&turned, (enum dp_accountant)by,
                                            part + from, n - from, 1e-6),
                             DP_OK);
            assert_true(fabs(turned - eps) <= 1e-9 * eps + 1e-9);
            assert_true(eps >= last * (1 - 1e-9));
            last = eps;
        }
        assert_true(last > 0);
    }
}

static const dp_int ends[] = {
    DP_INT_MIN,
    DP_INT_MIN + 1,
    INT64_MIN,
    (dp_int)INT64_MIN - 1,
    -1,
    0,
    1,
    INT64_MAX,
    (dp_int)1 << 63,
    (dp_int)UINT64_MAX,
    DP_INT_MAX - 1,
    DP_INT_MAX,
};

/*
 * Noise on the ends of every type: a value never comes out on the other side of
 * 0 unless the noise reaches that far, and at the ends of the type it stays.
 * The one-by-one samplers and the table; scale 2^10, so 2^17 is past e^-90.
 */
static void noise_saturates_and_never_wraps(void **state)
{
    enum { MANY = DP_MANY, REACH = 1 << 17 };
    (void)state;
    gsl_rng *rng = test_rng_new(83);
    for (size_t law = 0; law < LAWS; law++) {
        const struct dp_mechanism m = { laws[law], 1 << 10, 1 };
        for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
            struct dp_exact in[MANY];
            struct dp_noisy out[MANY];
            for (int j = 0; j < MANY; j++)
                in[j].touched = ends[i];
            for (size_t n = 1; n <= MANY; n += MANY - 1) {
                assert_int_equal(dp_mechanism_release(out, in, n, &m, rng),
                                 DP_OK);
                for (size_t j = 0; j < n; j++) {
                    const dp_int v = out[j].v, e = ends[i];
                    assert_true(e < DP_INT_MIN + REACH || v >= e - REACH);
                    assert_true(e > DP_INT_MAX - REACH || v <= e + REACH);
                    const struct dp_reading r = { out[j], m };
                    struct dp_interval range;
                    assert_int_equal(dp_interval_of_value(&range, &r, 0.99),
                                     DP_OK);
                    assert_true(range.lo <= range.hi);
                }
            }
        }
    }
    gsl_rng_free(rng);
}

/* Both roundings of a real enclose it; neither falls as it rises. */
static void units_rise_with_what_they_stand_for(void **state)
{
    (void)state;
    static const double unit[] = { DP_PICO, DP_NANO, DP_ATTO };
    for (int u = 0; u < 3; u++) {
        uint64_t last_up = 0, last_down = 0;
        for (double v = 1e-25; v < 4; v = nextafter(v, 9) * 1.003) {
            uint64_t up, down;
            if (dp_units_up(&up, v, unit[u]) != DP_OK)
                break;
            assert_int_equal(dp_units_down(&down, v, unit[u]), DP_OK);
            assert_true(down <= up && up - down <= 1);
            assert_true(up >= last_up && down >= last_down && up >= 1);
            last_up = up, last_down = down;
        }
        assert_true(last_up > 1000000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_of_prices_saturate_commute_and_never_fall),
        cmocka_unit_test(noise_costs_more_for_more_sensitivity_or_less_scale),
        cmocka_unit_test(a_vector_costs_more_for_more_cells),
        cmocka_unit_test(noise_of_a_price_costs_that_price),
        cmocka_unit_test(choices_and_groups_cost_more_for_more_epsilon),
        cmocka_unit_test(conversions_come_back),
        cmocka_unit_test(an_accuracy_comes_back_as_a_quantile),
        cmocka_unit_test(histories_commute_and_never_fall),
        cmocka_unit_test(noise_saturates_and_never_wraps),
        cmocka_unit_test(units_rise_with_what_they_stand_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
