#include "dp/quantile.h"

#include <math.h>

/* Counts are held within this, so that 2^20 of them times den fit. */
#define COUNT_MAX ((dp_int)1 << 80)
#define LINF_MAX  (UINT64_C(1) << 40)
#define SHIFT_MAX ((int64_t)1 << 62)

static bool in_domain(const struct dp_quantile *q)
{
    return q->den >= 1 && q->den <= DP_QUANTILE_DEN_MAX && q->num <= q->den &&
           q->shift >= -SHIFT_MAX && q->shift <= SHIFT_MAX;
}

/* What one row moves a score by at most. */
static uint64_t row_moves(const struct dp_quantile *q)
{
    return q->num > q->den - q->num ? q->num : q->den - q->num;
}

enum dp_status dp_quantile_of(struct dp_quantile *out, double fraction)
{
    const uint32_t million = 1000000;
    if (!(fraction >= 0 && fraction <= 1))
        return DP_EDOM;
    *out = (struct dp_quantile){ (uint32_t)lround(fraction * million), million,
                                 0 };
    return DP_OK;
}

enum dp_status dp_quantile_choice(struct dp_choice *out,
                                  const struct dp_quantile *q, uint64_t linf,
                                  struct dp_price limit, enum dp_notion notion)
{
    if (!in_domain(q) || linf < 1 || linf > LINF_MAX)
        return DP_EDOM;
    struct dp_choice c = {
        .law = notion == DP_PURE ? DP_PERMUTE_AND_FLIP : DP_EXPONENTIAL,
        .sensitivity = linf * row_moves(q),
    };
    const enum dp_status status = dp_choice_of_price(&c, limit, notion);
    if (status == DP_OK)
        *out = c;
    return status;
}

static dp_int held(struct dp_exact count)
{
    dp_int v = count.touched;
    v = v < 0 ? 0 : v;
    return v > COUNT_MAX ? COUNT_MAX : v;
}

/* Minus the distance of t from [from, to]. */
static struct dp_exact score_of(dp_int t, dp_int from, dp_int to)
{
    dp_int below = from - t, above = t - to;
    below = below > 0 ? below : 0;
    above = above > 0 ? above : 0;
    return (struct dp_exact){ -(below + above) };
}

/*
 * score[0..n) of the buckets; score[n] and score[n + 1] of all that lies below
 * the grid and above it, where a shifted target can be.
 */
static void score_all(struct dp_exact *score, const struct dp_exact *count,
                      size_t n, const struct dp_quantile *q)
{
    dp_int rows = 0;
    for (size_t i = 0; i < n; i++)
        rows += held(count[i]);
    const dp_int t = rows * q->num + q->shift, den = q->den;

    dp_int below = 0; /* invariant: the rows of buckets before i */
    for (size_t i = 0; i < n; i++) {
        const dp_int up_to = below + held(count[i]);
        score[i] = score_of(t, below * den, up_to * den);
        below = up_to;
    }
    score[n] = score_of(t, t, 0);
    score[n + 1] = score_of(t, rows * den, t);
}

enum dp_status dp_quantile_pick(size_t *bucket, const struct dp_exact *count,
                                size_t n, const struct dp_quantile *q,
                                const struct dp_choice *c,
                                struct dp_exact *room, gsl_rng *rng)
{
    if (!in_domain(q) || c->monotone || c->sensitivity < row_moves(q) ||
        n == 0 || n > DP_QUANTILE_N_MAX)
        return DP_EDOM;
    score_all(room, count, n, q);
    size_t pick;
    const enum dp_status status =
        dp_choose(&pick, room, NULL, q->shift != 0 ? n + 2 : n, c, rng);
    if (status != DP_OK)
        return status;
    *bucket = pick < n ? pick : pick == n ? 0 : n - 1;
    return DP_OK;
}

enum dp_status dp_quantile_reach(uint64_t *reach, const struct dp_choice *c,
                                 size_t n, double alpha)
{
    if (!dp_choice_ok(c) || c->law == DP_NOISY_MAX || n == 0 ||
        n > DP_QUANTILE_N_MAX || !(alpha > 0 && alpha < 1))
        return DP_EDOM;
    const long double rate =
        (long double)c->eps_nano * 1e-9L / (2 * (long double)c->sensitivity);
    const long double r =
        ceill(logl((long double)(n + 2) / alpha) / rate * (1 + 1e-15L));
    *reach = r < 0x1p62L ? (uint64_t)r : (uint64_t)SHIFT_MAX;
    return DP_OK;
}

enum dp_status dp_quantile_choice_of_reach(struct dp_choice *out,
                                           const struct dp_quantile *q,
                                           uint64_t linf, uint64_t reach,
                                           size_t n, double alpha,
                                           enum dp_notion notion)
{
    enum { NUDGES = 64 }; /* eps is right to a few units in the last place */
    if (!in_domain(q) || linf < 1 || linf > LINF_MAX || reach < 1 || n == 0 ||
        n > DP_QUANTILE_N_MAX || !(alpha > 0 && alpha < 1))
        return DP_EDOM;
    struct dp_choice c = {
        .law = notion == DP_PURE ? DP_PERMUTE_AND_FLIP : DP_EXPONENTIAL,
        .sensitivity = linf * row_moves(q),
    };
    const long double eps = 2e9L * (long double)c.sensitivity *
                            logl((long double)(n + 2) / alpha) /
                            (long double)reach;
    if (!(eps < (long double)DP_CHOICE_EPS_MAX - NUDGES))
        return DP_ERANGE;
    c.eps_nano = (uint64_t)eps;
    uint64_t reached = UINT64_MAX;
    for (int i = 0; i < NUDGES && reached > reach; i++) {
        c.eps_nano++;
        const enum dp_status status = dp_quantile_reach(&reached, &c, n, alpha);
        if (status != DP_OK)
            return status;
    }
    if (reached > reach) /* rounding of a large eps: a hair more */
        return DP_ERANGE;
    *out = c;
    return DP_OK;
}

/* A shift of 0 would leave out the ends: at least one step. */
static int64_t step_of(uint64_t reach)
{
    return reach < 1                     ? 1
           : reach > (uint64_t)SHIFT_MAX ? SHIFT_MAX
                                         : (int64_t)reach;
}

struct dp_quantile dp_quantile_low(struct dp_quantile q, uint64_t reach)
{
    q.shift = -step_of(reach);
    return q;
}

struct dp_quantile dp_quantile_high(struct dp_quantile q, uint64_t reach)
{
    q.shift = step_of(reach);
    return q;
}
