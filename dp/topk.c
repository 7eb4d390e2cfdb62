#include "dp/topk.h"

#include <math.h>

static const uint64_t ATTO = UINT64_C(1000000000000000000);

static bool shape_ok(const struct dp_topk *t)
{
    return t->k >= 1 && t->l0 >= 1 && t->fetched >= t->k &&
           t->fetched < DP_CHOICE_N_MAX && t->delta_atto < ATTO &&
           (t->declared || t->delta_atto > 0);
}

static bool in_domain(const struct dp_topk *t)
{
    return shape_ok(t) && t->pick.monotone && t->pick.law != DP_NOISY_MAX &&
           (t->declared || t->pick.law == DP_EXPONENTIAL) &&
           dp_choice_ok(&t->pick);
}

static struct dp_choice pick_of(uint64_t linf, enum dp_notion notion)
{
    return (struct dp_choice){
        .law = notion == DP_PURE ? DP_PERMUTE_AND_FLIP : DP_EXPONENTIAL,
        .sensitivity = linf,
        .monotone = true,
    };
}

/* The deviation of the noise at a rate of 1: pi / sqrt(6) for Gumbel. */
static double unit_spread(enum dp_notion notion)
{
    return notion == DP_PURE ? 1 : M_PI / sqrt(6);
}

static enum dp_status pick_at(struct dp_topk *t, struct dp_choice pick,
                              double eps)
{
    if (!(eps * 1e9 <= (double)DP_CHOICE_EPS_MAX))
        return DP_ERANGE;
    pick.eps_nano = (uint64_t)ceil(eps * 1e9);
    if (!dp_choice_ok(&pick))
        return DP_EDOM;
    t->pick = pick;
    return DP_OK;
}

enum dp_status dp_topk_of_spread(struct dp_topk *t, uint64_t linf, double sd,
                                 enum dp_notion notion)
{
    struct dp_choice pick = pick_of(linf, notion);
    if (!shape_ok(t) || linf < 1 || (notion == DP_PURE && !t->declared) ||
        !(sd > 0))
        return DP_EDOM;
    return pick_at(t, pick, unit_spread(notion) * (double)linf / sd);
}

double dp_topk_weight(enum dp_notion notion)
{
    switch (notion) {
    case DP_ZCDP: /* (eps^2 / 8) / (D^2 / (2 sd^2)), eps = pi D / (sqrt(6) sd)
                   */
        return M_PI * M_PI / 24;
    case DP_GDP: /* mu = sqrt(2 pi) (eps/2) / 2 at first order */
        return M_PI * M_PI * M_PI / 48;
    case DP_PURE: /* eps = D / sd, beside D / t with sd = sqrt(2) t */
        return M_SQRT1_2;
    }
    return HUGE_VAL;
}

enum dp_status dp_topk_of_price(struct dp_topk *t, uint64_t linf,
                                struct dp_price limit, enum dp_notion notion)
{
    if (!shape_ok(t) || linf < 1 || (notion == DP_PURE && !t->declared))
        return DP_EDOM;
    struct dp_choice pick = pick_of(linf, notion);
    const struct dp_price one = { .rho_pico = limit.rho_pico / t->k,
                                  .eps_nano = limit.eps_nano / t->k };
    const enum dp_status status = dp_choice_of_price(&pick, one, notion);
    if (status == DP_OK)
        t->pick = pick;
    return status;
}

enum dp_status dp_topk_price(struct dp_price *out, const struct dp_topk *t,
                             enum dp_notion notion)
{
    struct dp_price one;
    if (!in_domain(t) || (notion == DP_PURE && !t->declared) ||
        dp_choice_price(&one, &t->pick, notion) != DP_OK)
        return DP_EDOM;
    *out = dp_price_times(one, t->k);
    if (!t->declared)
        out->delta_atto = t->delta_atto;
    return DP_OK;
}

/* Weight in the exponent of one step of score. */
static long double rate_of(const struct dp_choice *c)
{
    return (long double)c->eps_nano * 1e-9L / (long double)c->sensitivity;
}

/* ln(m k / delta). */
static long double odds_of(const struct dp_topk *t)
{
    const long double m = t->l0 < t->fetched ? t->l0 : (long double)t->fetched;
    return logl(m * t->k / ((long double)t->delta_atto * 1e-18L));
}

/*
 * linf + linf ln(m k / delta) / eps, rounded up: a group that only one of two
 * neighbours fetched then weighs at most delta / (m k) of the stop, and there
 * are at most m = min(l0, fetched) of those.
 */
uint64_t dp_topk_margin(const struct dp_topk *t)
{
    if (t->declared)
        return 0;
    const long double margin = (long double)t->pick.sensitivity +
                               odds_of(t) / rate_of(&t->pick) * (1 + 1e-15L);
    return margin < 0x1p63L ? (uint64_t)ceill(margin) : UINT64_MAX;
}

/* One step is left for what is rounded up. */
enum dp_status dp_topk_of_margin(struct dp_topk *t, uint64_t linf,
                                 uint64_t most, enum dp_notion notion)
{
    if (!shape_ok(t) || linf < 1 || notion == DP_PURE || t->declared)
        return DP_EDOM;
    if (most <= linf + 1)
        return DP_ERANGE;
    const long double eps =
        odds_of(t) * (long double)linf / (long double)(most - linf - 1);
    return pick_at(t, pick_of(linf, notion), (double)(eps * (1 + 1e-12L)));
}

bool dp_topk_counts(struct dp_exact count)
{
    return count.touched > 0;
}

int dp_topk_order(struct dp_exact a, struct dp_exact b)
{
    return (a.touched < b.touched) - (a.touched > b.touched);
}

/* Sums stay in the type: counts are held within +-2^100. */
static dp_int held(struct dp_exact count)
{
    const dp_int most = (dp_int)1 << 100, v = count.touched;
    return v > most ? most : v < -most ? -most : v;
}

enum dp_status dp_topk_pick(size_t *index, size_t *n_picked,
                            const struct dp_topk *t,
                            const struct dp_exact *count, size_t n,
                            struct dp_topk_room room, gsl_rng *rng)
{
    if (!in_domain(t) || n > t->fetched + 1 || (t->declared && n != t->fetched))
        return DP_EDOM;
    const size_t candidates = n < t->fetched ? n : t->fetched;
    for (size_t i = 0; i < candidates; i++) {
        room.score[i].touched = held(count[i]);
        room.width[i] = 1;
    }
    const size_t stop = candidates;
    if (!t->declared) {
        const dp_int next = n > t->fetched ? held(count[t->fetched]) : 0;
        room.score[stop].touched = next + (dp_int)dp_topk_margin(t);
        room.width[stop] = 1;
    }

    *n_picked = 0;
    const size_t most = t->k < candidates ? t->k : candidates;
    while (*n_picked < most) {
        size_t pick;
        const enum dp_status status = dp_choose(
            &pick, room.score, room.width, stop + !t->declared, &t->pick, rng);
        if (status != DP_OK)
            return status; /* never: the domain was checked */
        if (pick == stop)
            break;
        index[(*n_picked)++] = pick;
        room.width[pick] = 0;
    }
    return DP_OK;
}

enum dp_status dp_topk_reach(uint64_t *reach, const struct dp_topk *t,
                             double alpha)
{
    if (!in_domain(t) || !(alpha > 0 && alpha < 1))
        return DP_EDOM;
    const long double odds = (long double)(t->fetched + 1) * t->k / alpha;
    const long double r = ceill(logl(odds) / rate_of(&t->pick) * (1 + 1e-15L));
    *reach = r < 0x1p63L ? (uint64_t)r : UINT64_MAX;
    return DP_OK;
}
