/* Top-k with a declared domain and without: the law of the list, what it tells
 * of one person, its price. */
#include "dp/topk.h"

#include <math.h>
#include <string.h>

#include <gsl/gsl_cdf.h>

#include "tests/lib_rng.h"
#include "tests/table.h"

/* Up to five groups, lists of up to three: a list is digits of base 8 (a group
 * plus 1), the last pick highest. */
enum { GROUPS = 5, LISTS = 512 };

/* A table of counts by group, fetched as an engine would. */
struct fetched {
    size_t group[GROUPS];
    struct dp_exact count[GROUPS];
    size_t n;
};

static struct fetched fetch(const int *count, const struct dp_topk *t)
{
    struct fetched f = { .n = 0 };
    bool taken[GROUPS] = { false };
    while (f.n < GROUPS && (t->declared || f.n <= t->fetched)) {
        int best = -1;
        for (int g = 0; g < GROUPS; g++)
            if (!taken[g] && (best < 0 || count[g] > count[best]))
                best = g;
        if (best < 0 || (count[best] == 0 && !t->declared))
            break;
        taken[best] = true;
        f.group[f.n] = (size_t)best;
        f.count[f.n++].touched = count[best];
    }
    return f;
}

/* The chances of all lists that go on from `list` (its digits below `digit`).
 */
static void go_on(double *p, double chance, const double *w, size_t n,
                  double stop, unsigned left, const bool *used, unsigned list,
                  unsigned digit, const struct fetched *f)
{
    double total = stop;
    size_t open = 0;
    for (size_t i = 0; i < n; i++)
        if (!used[i])
            total += w[i], open++;
    if (left == 0 || open == 0) {
        p[list] += chance;
        return;
    }
    p[list] += chance * stop / total;
    for (size_t i = 0; i < n; i++) {
        bool now[GROUPS];
        if (used[i])
            continue;
        memcpy(now, used, sizeof now);
        now[i] = true;
        go_on(p, chance * w[i] / total, w, n, stop, left - 1, now,
              list + digit * (unsigned)(f->group[i] + 1), digit * 8, f);
    }
}

/* The law of the list for a table, with this margin. */
static void law_of(double *p, const int *count, const struct dp_topk *t,
                   double margin)
{
    const struct fetched f = fetch(count, t);
    const double rate =
        (double)t->pick.eps_nano * 1e-9 / (double)t->pick.sensitivity;
    const size_t n = f.n < t->fetched ? f.n : t->fetched;
    const double next =
        f.n > t->fetched ? (double)f.count[t->fetched].touched : 0;
    double w[GROUPS];
    for (size_t i = 0; i < n; i++)
        w[i] = exp(rate * ((double)f.count[i].touched - next));
    const bool none[GROUPS] = { false };
    memset(p, 0, LISTS * sizeof *p);
    go_on(p, 1, w, n, t->declared ? 0 : exp(rate * margin), t->k, none, 0, 1,
          &f);
}

static const struct row {
    const char *name;
    struct dp_topk t;
    uint64_t linf;
    struct dp_price limit;
    int count[GROUPS];
} rows[] = {
    { "the two largest of five",
      { .k = 2, .l0 = 1, .fetched = 3, .delta_atto = 100000000000000000 },
      1,
      { 100000000000, 0, 0 },
      { 9, 2, 7, 0, 4 } },
    { "three, each person in two, three rows each",
      { .k = 3, .l0 = 2, .fetched = 4, .delta_atto = 100000000000000000 },
      3,
      { 500000000000, 0, 0 },
      { 40, 25, 31, 12, 28 } },
    { "fewer groups than are fetched",
      { .k = 3, .l0 = 2, .fetched = 4, .delta_atto = 100000000000000000 },
      1,
      { 300000000000, 0, 0 },
      { 0, 8, 0, 6, 0 } },
    { "a declared domain",
      { .declared = true, .k = 2, .l0 = 1, .fetched = GROUPS },
      1,
      { 100000000000, 0, 0 },
      { 5, 3, 4, 0, 4 } },
};

static struct dp_topk set_up(const struct row *row)
{
    struct dp_topk t = row->t;
    struct dp_price p;
    assert_int_equal(dp_topk_of_price(&t, row->linf, row->limit, DP_ZCDP),
                     DP_OK);
    assert_int_equal(dp_topk_price(&p, &t, DP_ZCDP), DP_OK);
    assert_true(p.rho_pico <= row->limit.rho_pico &&
                p.rho_pico > row->limit.rho_pico / 1000 * 999);
    assert_true(p.delta_atto == row->t.delta_atto);
    return t;
}

/* Chi-square of 40,000 lists: a false alarm once in 10^6. */
static void check_law(void **state)
{
    enum { N = 40000 };
    const struct row *row = *state;
    const struct dp_topk t = set_up(row);
    const struct fetched f = fetch(row->count, &t);
    struct dp_exact score[GROUPS + 1];
    uint64_t width[GROUPS + 1];
    double seen[LISTS] = { 0 }, p[LISTS];
    gsl_rng *rng = test_rng_new(101);
    for (int i = 0; i < N; i++) {
        size_t index[GROUPS], n;
        assert_int_equal(dp_topk_pick(index, &n, &t, f.count, f.n,
                                      (struct dp_topk_room){ score, width },
                                      rng),
                         DP_OK);
        unsigned list = 0, digit = 1;
        for (size_t j = 0; j < n; j++, digit *= 8)
            list += digit * (unsigned)(f.group[index[j]] + 1);
        seen[list]++;
    }
    gsl_rng_free(rng);

    law_of(p, row->count, &t, (double)dp_topk_margin(&t));
    double chi = 0, few_seen = 0, few_want = 0, all = 0;
    unsigned cells = 0;
    for (size_t i = 0; i < LISTS; i++) {
        all += p[i];
        assert_true(p[i] > 0 || seen[i] == 0);
        few_seen += seen[i], few_want += N * p[i];
        if (few_want < 10)
            continue;
        chi += (few_seen - few_want) * (few_seen - few_want) / few_want;
        few_seen = few_want = 0;
        cells++;
    }
    assert_true(fabs(all - 1) < 1e-12 && cells >= 3);
    assert_true(chi < gsl_cdf_chisq_Qinv(1e-6, cells - 1));
}

/* What is above e^eps times: the least delta at k picks of eps. */
static double delta_between(const double *p, const double *q, double eps)
{
    double delta = 0;
    for (size_t i = 0; i < LISTS; i++)
        delta += fmax(0, p[i] - exp(eps) * q[i]);
    return delta;
}

/*
 * The worst delta, both ways, over tables of small counts and all ways in which
 * a person joins up to l0 groups with up to linf rows each.
 */
static double worst_delta(const struct dp_topk *t, double margin)
{
    double worst = 0, p[LISTS], q[LISTS];
    const double eps = t->k * (double)t->pick.eps_nano * 1e-9;
    const int linf = (int)t->pick.sensitivity;
    for (int table = 0; table < 3 * 3 * 3; table++) {
        const int with[GROUPS] = { table % 3, table / 3 % 3, table / 9, 2, 0 };
        law_of(p, with, t, margin);
        for (unsigned in = 1; in < 1u << GROUPS; in++) {
            int joined[GROUPS];
            if ((unsigned)__builtin_popcount(in) > t->l0)
                continue;
            for (int g = 0; g < GROUPS; g++)
                joined[g] = with[g] + (in >> g & 1 ? linf : 0);
            law_of(q, joined, t, margin);
            worst = fmax(worst, delta_between(p, q, eps));
            worst = fmax(worst, delta_between(q, p, eps));
        }
    }
    return worst;
}

static const struct private_row {
    const char *name;
    struct dp_topk t;
    uint64_t linf;
    bool tight; /* a margin without linf is caught */
} private_rows[] = {
    { "one pick",
      { .k = 1, .l0 = 1, .fetched = 2, .delta_atto = 1000000000000000 },
      1,
      true },
    { "two picks, each person in two",
      { .k = 2, .l0 = 2, .fetched = 3, .delta_atto = 1000000000000000 },
      1,
      true },
    { "two rows each",
      { .k = 2, .l0 = 1, .fetched = 2, .delta_atto = 1000000000000000 },
      2,
      true },
    { "a declared domain",
      { .declared = true, .k = 3, .l0 = 2, .fetched = GROUPS },
      1,
      false },
};

/* By enumeration: (k eps, delta) holds, and without linf in the margin (the
 * control) does not. */
static void check_private(void **state)
{
    const struct private_row *row = *state;
    struct dp_topk t = row->t;
    assert_int_equal(dp_topk_of_price(&t, row->linf,
                                      (struct dp_price){ 2000000000000, 0, 0 },
                                      DP_ZCDP),
                     DP_OK);
    const double margin = (double)dp_topk_margin(&t),
                 delta = (double)t.delta_atto * 1e-18;
    assert_true(worst_delta(&t, margin) <= delta * (1 + 1e-9) + 1e-13);
    if (row->tight)
        assert_true(worst_delta(&t, margin - 1 - (double)row->linf) > delta);
}

/* At the reach of alpha = 10^-6 none of 2,000 picks is further off. */
static void every_pick_is_within_reach(void **state)
{
    (void)state;
    enum { N = 400 };
    struct dp_topk t = {
        .k = 5, .l0 = 3, .fetched = N - 1, .delta_atto = 1000000000000
    };
    assert_int_equal(dp_topk_of_price(&t, 1,
                                      (struct dp_price){ 20000000000, 0, 0 },
                                      DP_ZCDP),
                     DP_OK);
    uint64_t reach;
    assert_int_equal(dp_topk_reach(&reach, &t, 1e-6), DP_OK);
    struct dp_exact count[N], score[N];
    uint64_t width[N];
    for (int i = 0; i < N; i++)
        count[i].touched = 1000 - 2 * i;
    gsl_rng *rng = test_rng_new(102);
    for (int i = 0; i < 400; i++) {
        size_t index[5], n;
        bool taken[N] = { false };
        assert_int_equal(dp_topk_pick(index, &n, &t, count, N,
                                      (struct dp_topk_room){ score, width },
                                      rng),
                         DP_OK);
        assert_int_equal(n, 5);
        for (size_t j = 0; j < n; j++) {
            size_t best = 0;
            while (taken[best])
                best++;
            assert_false(taken[index[j]]);
            taken[index[j]] = true;
            assert_true(count[best].touched - count[index[j]].touched <=
                        (dp_int)reach);
        }
    }
    gsl_rng_free(rng);
}

static const struct refused_row {
    const char *name;
    struct dp_topk t;
    enum dp_notion notion;
    uint64_t linf;
} refused_rows[] = {
    { "no picks", { .l0 = 1, .fetched = 3, .delta_atto = 1 }, DP_ZCDP, 1 },
    { "no groups a person",
      { .k = 1, .fetched = 3, .delta_atto = 1 },
      DP_ZCDP,
      1 },
    { "more picks than are fetched",
      { .k = 4, .l0 = 1, .fetched = 3, .delta_atto = 1 },
      DP_ZCDP,
      1 },
    { "no delta for what nobody declared",
      { .k = 1, .l0 = 1, .fetched = 3 },
      DP_ZCDP,
      1 },
    { "delta 1",
      { .k = 1, .l0 = 1, .fetched = 3, .delta_atto = 1000000000000000000 },
      DP_ZCDP,
      1 },
    { "pure, where nobody declared the groups",
      { .k = 1, .l0 = 1, .fetched = 3, .delta_atto = 1 },
      DP_PURE,
      1 },
    { "numbers that one person does not change",
      { .k = 1, .l0 = 1, .fetched = 3, .delta_atto = 1 },
      DP_ZCDP,
      0 },
    { "too many to fetch",
      { .k = 1, .l0 = 1, .fetched = DP_CHOICE_N_MAX, .delta_atto = 1 },
      DP_ZCDP,
      1 },
};

static void check_refused(void **state)
{
    const struct refused_row *row = *state;
    struct dp_topk t = row->t;
    const struct dp_price limit = { 1000000000000, 1000000000, 0 };
    assert_int_equal(dp_topk_of_price(&t, row->linf, limit, row->notion),
                     DP_EDOM);
    assert_int_equal(t.pick.eps_nano, 0);
    struct dp_price p = { 77, 77, 77 };
    assert_int_equal(dp_topk_price(&p, &t, row->notion), DP_EDOM);
    assert_int_equal(p.rho_pico, 77);
    size_t n = 77;
    assert_int_equal(
        dp_topk_pick(NULL, &n, &t, NULL, 0, (struct dp_topk_room){ 0 }, NULL),
        DP_EDOM);
    assert_int_equal(n, 77);
}

static void edges(void **state)
{
    (void)state;
    struct dp_topk t = { .k = 2, .l0 = 1, .fetched = 2, .delta_atto = 1000 };
    const struct dp_price limit = { 1000000000000, 1000000000, 0 };
    assert_int_equal(dp_topk_of_price(&t, 1, (struct dp_price){ 0 }, DP_ZCDP),
                     DP_ERANGE);
    assert_int_equal(dp_topk_of_price(&t, 1, limit, DP_ZCDP), DP_OK);
    gsl_rng *rng = test_rng_new(103);
    struct dp_exact score[4];
    uint64_t width[4];
    const struct dp_topk_room room = { score, width };
    size_t index[2], n = 77;
    const struct dp_exact huge[3] = { { DP_INT_MAX },
                                      { DP_INT_MAX },
                                      { DP_INT_MIN } };
    assert_int_equal(dp_topk_pick(index, &n, &t, huge, 4, room, rng), DP_EDOM);
    assert_int_equal(dp_topk_pick(index, &n, &t, huge, 0, room, rng), DP_OK);
    assert_int_equal(n, 0);
    assert_int_equal(dp_topk_pick(index, &n, &t, huge, 3, room, rng), DP_OK);
    assert_int_equal(n, 2);

    struct dp_topk gauss = { .k = 2, .l0 = 1, .fetched = 2, .delta_atto = 9 };
    struct dp_price paid;
    assert_int_equal(dp_topk_of_price(&gauss, 1, limit, DP_GDP), DP_OK);
    assert_int_equal(gauss.pick.law, DP_EXPONENTIAL);
    assert_int_equal(dp_topk_price(&paid, &gauss, DP_GDP), DP_OK);
    assert_true(paid.rho_pico <= limit.rho_pico &&
                paid.rho_pico > limit.rho_pico / 1000 * 999);
    assert_true(paid.delta_atto == 9);

    struct dp_topk pure = { .declared = true, .k = 2, .l0 = 1, .fetched = 3 };
    struct dp_price p;
    assert_int_equal(dp_topk_of_price(&pure, 1, limit, DP_PURE), DP_OK);
    assert_int_equal(pure.pick.law, DP_PERMUTE_AND_FLIP);
    assert_int_equal(dp_topk_price(&p, &pure, DP_PURE), DP_OK);
    assert_true(p.eps_nano == 1000000000 && p.delta_atto == 0);
    assert_int_equal(dp_topk_margin(&pure), 0);
    assert_int_equal(dp_topk_pick(index, &n, &pure, huge, 2, room, rng),
                     DP_EDOM);
    assert_int_equal(dp_topk_pick(index, &n, &pure, huge, 3, room, rng), DP_OK);
    assert_int_equal(n, 2);
    gsl_rng_free(rng);
}

/*
 * A pick as wide as Gaussian noise of deviation sd costs the weight times what
 * one such number does: 3^2 / (2 20^2) = 0.01125 rho, and by hand
 * pi^2/24 = 0.411234 of it; under pure 3 / 20 against 3 sqrt(2) / 20.
 */
static void a_spread_has_its_price(void **state)
{
    (void)state;
    struct dp_topk t = { .declared = true, .k = 4, .l0 = 3, .fetched = 9 };
    struct dp_price p;
    assert_int_equal(dp_topk_of_spread(&t, 3, 20, DP_ZCDP), DP_OK);
    assert_true(t.pick.sensitivity == 3 && t.pick.monotone);
    assert_int_equal(dp_topk_price(&p, &t, DP_ZCDP), DP_OK);
    assert_true(fabs((double)p.rho_pico / (4 * 0.411234 * 0.01125e12) - 1) <
                1e-5);
    assert_int_equal(dp_topk_of_spread(&t, 3, 2000, DP_GDP), DP_OK);
    assert_int_equal(dp_topk_price(&p, &t, DP_GDP), DP_OK);
    const double number = 4.5e12 / (2000.0 * 2000);
    assert_true(
        fabs((double)p.rho_pico / (4 * number) / dp_topk_weight(DP_GDP) - 1) <
        1e-4);
    assert_int_equal(dp_topk_of_spread(&t, 3, 20, DP_PURE), DP_OK);
    assert_int_equal(dp_topk_price(&p, &t, DP_PURE), DP_OK);
    assert_int_equal(p.eps_nano, 4 * 150000000);
    assert_true(fabs(0.15 / (3 * M_SQRT2 / 20) - dp_topk_weight(DP_PURE)) <
                1e-12);
    assert_int_equal(dp_topk_of_spread(&t, 3, 0, DP_ZCDP), DP_EDOM);
    assert_int_equal(dp_topk_of_spread(&t, 1000, 1, DP_ZCDP), DP_ERANGE);
}

/* By hand: a person in 4 groups, 3 picks, delta 10^-8: ln(12 / 10^-8)
 * = 20.9056; a stop at most 37 + 1 above needs eps = 20.9056 x 2 / (37 - 2 + 1
 * - 1). */
static void a_margin_has_its_pick(void **state)
{
    (void)state;
    struct dp_topk t = {
        .k = 3, .l0 = 4, .fetched = 9, .delta_atto = 10000000000
    };
    const struct dp_topk fresh = t;
    assert_int_equal(dp_topk_of_margin(&t, 2, 38, DP_ZCDP), DP_OK);
    assert_true(t.pick.sensitivity == 2 && t.pick.monotone);
    assert_true(
        fabs((double)t.pick.eps_nano * 1e-9 / (20.905588 * 2 / 35) - 1) < 1e-6);
    assert_true(dp_topk_margin(&t) <= 38 && dp_topk_margin(&t) >= 37);
    for (uint64_t most = 5; most < 100000; most = most * 3 / 2) {
        assert_int_equal(dp_topk_of_margin(&t, 2, most, DP_GDP), DP_OK);
        assert_true(dp_topk_margin(&t) <= most);
        assert_true(dp_topk_margin(&t) >= most - 1);
    }
    t = fresh;
    assert_int_equal(dp_topk_of_margin(&t, 2, 3, DP_ZCDP), DP_ERANGE);
    assert_int_equal(dp_topk_of_margin(&t, 20000, 20002, DP_ZCDP), DP_ERANGE);
    assert_int_equal(dp_topk_of_margin(&t, 2, 38, DP_PURE), DP_EDOM);
    assert_int_equal(dp_topk_of_margin(&t, 0, 38, DP_ZCDP), DP_EDOM);
    t.declared = true;
    assert_int_equal(dp_topk_of_margin(&t, 2, 38, DP_ZCDP), DP_EDOM);
    assert_int_equal(t.pick.eps_nano, 0);
}

static void fetched_in_falling_order(void **state)
{
    (void)state;
    const struct dp_exact two = { 2 }, none = { 0 }, less = { -1 };
    assert_true(dp_topk_order(two, none) < 0 && dp_topk_order(none, two) > 0);
    assert_int_equal(dp_topk_order(two, two), 0);
    assert_true(dp_topk_counts(two));
    assert_false(dp_topk_counts(none) || dp_topk_counts(less));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_spread_has_its_price),
        cmocka_unit_test(a_margin_has_its_pick),
        cmocka_unit_test(fetched_in_falling_order),
        cmocka_unit_test(every_pick_is_within_reach),
        cmocka_unit_test(edges),
    };
    return RUN_ROWS(rows, check_law) + RUN_ROWS(private_rows, check_private) +
           RUN_ROWS(refused_rows, check_refused) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
