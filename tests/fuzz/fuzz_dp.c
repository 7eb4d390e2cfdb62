/*
 * Any numbers at all as parameters of the privacy library: a documented status,
 * and on DP_OK what the header says of the result; never an assertion, an
 * endless loop or a number that is none.  The first byte picks the function,
 * the rest are its parameters as they stand, zeros past the end.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dp/account.h"
#include "dp/bounds.h"
#include "dp/choose.h"
#include "dp/convert.h"
#include "dp/filter.h"
#include "dp/gauss.h"
#include "dp/interval.h"
#include "dp/keep.h"
#include "dp/mechanism.h"
#include "dp/moments.h"
#include "dp/notion.h"
#include "dp/quantile.h"
#include "dp/split.h"
#include "dp/topk.h"
#include "tests/lib_rng.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const uint8_t *at;
static size_t left;
static gsl_rng *rng;

static void check(bool ok)
{
    if (!ok)
        abort();
}

static void take(void *out, size_t n)
{
    const size_t has = n < left ? n : left;
    memset(out, 0, n);
    memcpy(out, at, has);
    at += has;
    left -= has;
}

static uint8_t take_byte(void)
{
    uint8_t v;
    take(&v, sizeof v);
    return v;
}

static uint64_t take_word(void)
{
    uint64_t v;
    take(&v, sizeof v);
    return v;
}

static double take_double(void)
{
    double v;
    take(&v, sizeof v);
    return v;
}

static dp_int take_int(void)
{
    dp_int v;
    take(&v, sizeof v);
    return v;
}

static struct dp_mechanism take_mechanism(void)
{
    return (struct dp_mechanism){ (enum dp_law)(take_byte() % 4), take_word(),
                                  take_word() };
}

/* True on DP_OK, which `usual` parameters lead to; else a named status. */
static bool ok(enum dp_status status)
{
    check(status == DP_OK || status == DP_EDOM || status == DP_ERANGE ||
          status == DP_ENOCONV);
    return status == DP_OK;
}

static bool finite_from_0(double v)
{
    return isfinite(v) && v >= 0;
}

static void try_mechanism(void)
{
    const struct dp_mechanism m = take_mechanism();
    const enum dp_notion notion = (enum dp_notion)(take_byte() % 4);
    const uint64_t s = take_word(), limit = take_word() >> 2;
    const double half = take_double(), level = take_double();
    const struct dp_exact in = { take_int() };
    struct dp_price p;
    struct dp_mechanism got;
    struct dp_noisy out;
    uint64_t k;
    double tail;

    check(ok(dp_mechanism_release(&out, &in, 1, &m, rng)) ==
          dp_mechanism_ok(&m));
    if (ok(dp_mechanism_price(&p, &m, s, notion)))
        check(dp_mechanism_ok(&m) && p.delta_atto == 0);
    if (ok(dp_mechanism_of_price(
            &got, m.law, s, (struct dp_price){ limit, limit, 0 }, notion))) {
        check(dp_mechanism_ok(&got));
        check(ok(dp_mechanism_price(&p, &got, s, notion)));
        check(dp_notion_units(notion, p) <= limit);
    }
    if (ok(dp_mechanism_of_accuracy(&got, m.law, half, level)))
        check(dp_mechanism_ok(&got));
    if (ok(dp_mechanism_quantile(&k, &m, level)) && k < 1000) {
        check(ok(dp_mechanism_tail(&tail, &m, (dp_int)k)));
        check(2 * tail <=
              level * (1 + 1e-12) + 1e-322); /* a tail of 0 is 5e-324 */
    }
    if (ok(dp_mechanism_tail(&tail, &m, in.touched)))
        check(tail >= 0 && tail <= 1 &&
              finite_from_0(dp_mechanism_variance(&m)));
}

static void try_selection(void)
{
    const struct dp_mechanism m = take_mechanism();
    const uint32_t l0 = (uint32_t)take_word();
    const double delta = take_double();
    const uint64_t floor = take_word(), least = take_word();
    struct dp_threshold t = { 0 };
    if (ok(dp_threshold_of(&t, &m, l0, delta, floor))) {
        double tail;
        check(t.above >= floor && dp_mechanism_ok(&m));
        check(ok(dp_mechanism_tail(&tail, &m, (dp_int)t.above - 1)));
        check(tail <= delta);
        const uint64_t before = t.above;
        if (ok(dp_threshold_raise(&t, least)))
            check(t.above >= before && t.least == least);
    }
    const struct dp_keep_rule rule = { take_word(), take_word(),
                                       (uint32_t)take_word(), least };
    static dp_uint room[4096];
    struct dp_keep keep;
    struct dp_price p;
    size_t n;
    (void)ok(dp_keep_price(&p, &rule, (enum dp_notion)(take_byte() % 4)));
    if (ok(dp_keep_length(&n, &rule)) && n <= 4096) {
        check(n >= 2 && ok(dp_keep_init(&keep, &rule, room, 4096)));
        check(room[0] == 0 && room[n - 1] == DP_KEEP_ONE);
        for (size_t i = 1; i < n; i++)
            check(room[i] > room[i - 1]);
        (void)dp_keep_draw(&keep, (struct dp_exact){ take_int() }, rng);
    }
}

static void try_choice(void)
{
    enum { N = 6 };
    struct dp_choice c = { (enum dp_choice_law)(take_byte() % 4), take_word(),
                           take_word(), take_byte() % 2 };
    struct dp_exact score[N], room[N + 2];
    uint64_t width[N];
    struct dp_price p;
    size_t pick = N;
    for (int i = 0; i < N; i++) {
        score[i].touched = take_int();
        width[i] = take_word() >> take_byte() % 64;
    }
    const enum dp_notion notion = (enum dp_notion)(take_byte() % 4);
    if (ok(dp_choose(&pick, score, width, N, &c, rng)))
        check(dp_choice_ok(&c) && pick < N && width[pick] > 0);
    else
        check(pick == N);
    const struct dp_quantile q = { (uint32_t)take_word(), (uint32_t)take_word(),
                                   (int64_t)take_word() };
    if (ok(dp_quantile_pick(&pick, score, N, &q, &c, room, rng)))
        check(pick < N);
    const struct dp_price limit = { take_word() >> 2, take_word() >> 2, 0 };
    if (ok(dp_choice_of_price(&c, limit, notion))) {
        check(ok(dp_choice_price(&p, &c, notion)));
        check(dp_price_fits(p, limit));
    }
}

static void try_top(void)
{
    enum { N = 5 };
    struct dp_topk t = { .declared = take_byte() % 2,
                         .k = take_byte(),
                         .l0 = (uint32_t)take_word(),
                         .fetched = take_byte(),
                         .delta_atto = take_word(),
                         .pick = { (enum dp_choice_law)(take_byte() % 4),
                                   take_word(), take_word(), true } };
    struct dp_exact count[N], score[257];
    uint64_t width[257];
    size_t index[256], picked;
    struct dp_price p;
    for (int i = 0; i < N; i++)
        count[i].touched = take_int();
    if (ok(dp_topk_pick(index, &picked, &t, count, t.declared ? N : N - 1,
                        (struct dp_topk_room){ score, width }, rng))) {
        check(picked <= t.k && picked <= N);
        for (size_t i = 0; i < picked; i++)
            for (size_t j = 0; j < i; j++)
                check(index[i] < N && index[i] != index[j]);
        check(ok(dp_topk_price(&p, &t, DP_ZCDP)));
    }
}

static void try_conversion(void)
{
    const double a = take_double(), b = take_double(), c = take_double();
    double v, back;
    uint64_t up, down;
    if (ok(dp_eps_of_rho(&v, a, b)))
        check(finite_from_0(v) || v == HUGE_VAL);
    if (ok(dp_rho_of_eps(&v, a, b))) {
        check(finite_from_0(v));
        check(ok(dp_eps_of_rho(&back, v, b)) && back <= a);
    }
    if (ok(dp_delta_of_rho(&v, a, b)))
        check(v >= 0 && v <= 1);
    if (ok(dp_gauss_sigma(&v, a, b, c)))
        check(v > 0 && isfinite(v));
    if (ok(dp_gauss_mu(&v, a, b)))
        check(v >= 0 && isfinite(v));
    if (ok(dp_gauss_eps(&v, a, b)))
        check(finite_from_0(v));
    if (ok(dp_gauss_delta(&v, a, b)))
        check(v >= 0 && v <= 1);
    const double unit[] = { DP_PICO, DP_NANO, DP_ATTO };
    for (int i = 0; i < 3; i++)
        if (ok(dp_units_up(&up, a, unit[i]))) {
            check(ok(dp_units_down(&down, a, unit[i])));
            check(down <= up && up - down <= 1 && up <= DP_PRICE_MAX);
        }
}

static void try_history(void)
{
    enum { N = 3 };
    struct dp_event events[N];
    const double delta = take_double();
    for (int i = 0; i < N; i++)
        events[i] = (struct dp_event){ (enum dp_event_kind)(take_byte() % 5),
                                       take_double(), take_double(),
                                       take_double(), take_word() };
    /* Loss distributions take a hundred times as long: now and then. */
    const int last = take_byte() % 16 == 0 ? DP_BY_PLD : DP_BY_PLD - 1;
    for (int by = 0; by <= last; by++) {
        double eps = -1;
        if (ok(dp_account_eps(&eps, (enum dp_accountant)by, events, N, delta)))
            check(eps >= 0);
    }
}

static void try_interval(void)
{
    const struct dp_reading a = { { take_int() }, take_mechanism() },
                            b = { { take_int() }, take_mechanism() };
    const struct dp_threshold t = { take_word(), take_word() };
    const double level = take_double();
    struct dp_interval i;
    if (ok(dp_interval_of_value(&i, &a, level)))
        check(i.lo <= i.hi);
    if (ok(dp_interval_of_shown(&i, &a, t, level)))
        check(i.lo <= i.hi && i.lo >= 0);
    if (ok(dp_interval_of_ratio(&i, &a, &b, level)))
        check(i.lo <= i.hi);
    const struct dp_noisy count[2] = { a.value, b.value };
    size_t lo, hi;
    if (ok(dp_interval_of_quantile(&lo, &hi, count, 2, &a.noise,
                                   (uint32_t)take_word(), (uint32_t)take_word(),
                                   level)))
        check(lo <= hi && hi < 2);
}

/* Prices spent: vectors, splits, a filter. */
static void try_spending(void)
{
    enum { N = 4 };
    const enum dp_notion notion = (enum dp_notion)(take_byte() % 4);
    const struct dp_mechanism m = take_mechanism();
    const struct dp_vector_release v = { m, take_word(),
                                         (uint32_t)take_word() };
    struct dp_vector_release got = v;
    struct dp_price p = { 0 };
    const uint64_t limit = take_word() >> 2;
    if (ok(dp_vector_price(&p, &v, notion)))
        check(p.delta_atto == 0);
    if (ok(dp_vector_of_price(&got, m.law, (struct dp_price){ limit, limit, 0 },
                              notion))) {
        check(ok(dp_vector_price(&p, &got, notion)));
        check(dp_notion_units(notion, p) <= limit);
    }

    double a[N], eps;
    uint64_t parts[N], sum = 0;
    for (int i = 0; i < N; i++)
        a[i] = take_double();
    if (ok(dp_split_price(parts, a, N, limit, notion,
                          (enum dp_split)(take_byte() % 3)))) {
        for (int i = 0; i < N; i++) {
            check((parts[i] > 0) == (a[i] > 0));
            sum += parts[i];
        }
        check(sum == limit);
    }

    struct dp_filter f;
    const struct dp_price whole = { take_word() >> 1, take_word() >> 1,
                                    take_word() >> 1 };
    if (ok(dp_filter_open(&f, notion, whole))) {
        for (int i = 0; i < 3; i++) {
            const struct dp_price before = f.spent;
            const bool took = dp_filter_charge(&f, p);
            check(dp_price_fits(before, f.spent));
            check(dp_price_fits(f.spent, f.limit));
            check(took || memcmp(&before, &f.spent, sizeof before) == 0);
        }
        if (ok(dp_filter_eps(&eps, &f, a[0])))
            check(eps >= 0);
    }
}

/* What follows noise: moments and their intervals, sums. */
static void try_moments(void)
{
    struct dp_moments m = { .center = take_int() >> 64,
                            .grid_bits = take_byte() % 63,
                            .middle = take_int() >> 8,
                            .coarse = take_byte() % 120 };
    m.count.v = take_int();
    m.sum.v = take_int();
    m.square.v = take_int();
    const struct dp_mechanism count = take_mechanism(), sum = take_mechanism(),
                              square = take_mechanism();
    const double level = take_double(), weight = take_double();
    double v;
    if (dp_moments_mean(&v, &m))
        check(isfinite(v) && m.count.v >= 1);
    struct dp_moments_law law;
    const bool has_law =
        ok(dp_moments_law_of(&law, &count, &sum, &square, level));
    for (int sample = 0; sample < 2; sample++) {
        if (dp_moments_deviation(&v, &m, sample))
            check(finite_from_0(v));
        if (!has_law)
            continue;
        const struct dp_interval i = dp_moments_law_variance(&law, &m, sample);
        check(i.kind == DP_INTERVAL_UNBOUNDED || (i.lo >= 0 && i.lo <= i.hi));
    }
    struct dp_sum_law total;
    if (ok(dp_sum_law_of(&total, &count, &sum, weight, level))) {
        const struct dp_interval i =
            dp_sum_law_interval(&total, m.count, m.sum);
        check(total.half >= 0 && i.lo <= i.hi);
    }
}

/* Clamp bounds and intervals of quantiles from counts. */
static void try_bounds(void)
{
    struct dp_exact count[DP_BOUNDS_BUCKETS] = { { 0 } };
    struct dp_choice c;
    struct dp_bounds b;
    const uint64_t linf = take_word();
    const struct dp_price limit = { take_word() >> 2, take_word() >> 2, 0 };
    const double alpha = take_double();
    for (int i = 0; i < 8; i++)
        count[take_byte() % DP_BOUNDS_BUCKETS].touched = take_int();
    if (ok(dp_bounds_choice(&c, linf, limit,
                            (enum dp_notion)(take_byte() % 4))) &&
        ok(dp_bounds_pick(&b, count, &c, alpha, rng)))
        check(b.lo <= b.hi);
    const int64_t value = (int64_t)take_word();
    const size_t bucket = dp_bounds_bucket(value);
    check(dp_bounds_least(bucket) <= value &&
          value <= dp_bounds_greatest(bucket));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static void (*const tries[])(void) = {
        try_mechanism, try_selection, try_choice,   try_top,     try_conversion,
        try_history,   try_interval,  try_spending, try_moments, try_bounds,
    };
    at = data;
    left = len;
    rng = test_rng_new(1);
    tries[take_byte() % (sizeof tries / sizeof *tries)]();
    gsl_rng_free(rng);
    return 0;
}
