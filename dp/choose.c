#include "dp/choose.h"

#include <assert.h>
#include <math.h>

#include "dp/decay.h"
#include "dp/mechanism.h"
#include "dp/notion.h"
#include "dp/rng.h"
#include "dp/wide.h"

static const uint64_t NANO = 1000000000;

static uint64_t range_of(const struct dp_choice *c)
{
    return c->monotone ? c->sensitivity : 2 * c->sensitivity;
}

static struct dp_price pure_price(const struct dp_choice *c)
{
    return (struct dp_price){ .eps_nano = c->eps_nano };
}

static enum dp_status noise_of(struct dp_mechanism *m,
                               const struct dp_choice *c)
{
    return dp_mechanism_of_price(m, DP_DLAPLACE, range_of(c), pure_price(c),
                                 DP_PURE);
}

static bool shape_ok(const struct dp_choice *c)
{
    return (c->law == DP_EXPONENTIAL || c->law == DP_PERMUTE_AND_FLIP ||
            c->law == DP_NOISY_MAX) &&
           c->sensitivity >= 1 && c->sensitivity <= UINT64_C(1) << 62;
}

bool dp_choice_ok(const struct dp_choice *c)
{
    struct dp_mechanism m;
    return shape_ok(c) && c->eps_nano >= 1 &&
           c->eps_nano <= DP_CHOICE_EPS_MAX &&
           (c->law != DP_NOISY_MAX || noise_of(&m, c) == DP_OK);
}

/* What one pick chooses from. */
struct candidates {
    const struct dp_exact *score;
    const uint64_t *width; /* NULL: all 1 */
    size_t n;
    dp_int best; /* the highest score of a width above 0 */
    struct dp_decay decay;
};

static uint64_t width_of(const struct candidates *c, size_t i)
{
    return c->width ? c->width[i] : 1;
}

/* How far candidate i is below the best; 0 for width 0. */
static dp_uint distance(const struct candidates *c, size_t i)
{
    const dp_uint d = (dp_uint)c->best - (dp_uint)c->score[i].touched;
    return width_of(c, i) > 0 ? d : 0;
}

/* Some width is above 0 and none above `most`. */
static bool widths_ok(const uint64_t *width, size_t n, uint64_t most)
{
    if (!width)
        return true;
    bool some = false, ok = true;
    for (size_t i = 0; i < n; i++) {
        some |= width[i] > 0;
        ok &= width[i] <= most;
    }
    return some && ok;
}

static dp_int best_score(const struct candidates *c)
{
    dp_int best = DP_INT_MIN;
    for (size_t i = 0; i < c->n; i++) {
        const dp_int s = c->score[i].touched;
        best = width_of(c, i) > 0 && s > best ? s : best;
    }
    return best;
}

static int bit_length(uint64_t v)
{
    return v ? 64 - __builtin_clzll(v) : 0;
}

/* v 2^up, rounded up. */
static dp_uint scaled_up(dp_uint v, int up)
{
    if (up >= 0)
        return v << up;
    if (up <= -128)
        return v > 0;
    return (v >> -up) + ((v & (((dp_uint)1 << -up) - 1)) != 0);
}

/*
 * Weights as integers: candidate i has the true weight
 *   width 2^up exp(-x)    and    weight() >= it, by little.
 * The greatest is in [2^(room - 2), 2^room], and n 2^room <= 2^96.
 */
static int scale_weights(const struct candidates *c)
{
    int top = INT32_MIN;
    for (size_t i = 0; i < c->n; i++) {
        const int t = bit_length(width_of(c, i)) -
                      (int)dp_decay_halvings(&c->decay, distance(c, i));
        top = width_of(c, i) > 0 && t > top ? t : top;
    }
    const int room = 96 - bit_length(c->n - 1);
    return room - top;
}

static dp_uint weight(const struct candidates *c, int up, size_t i)
{
    const struct dp_decay_bounds e = dp_decay_bounds(&c->decay, distance(c, i));
    return scaled_up((dp_uint)e.hi * width_of(c, i), up - 63 - (int)e.halvings);
}

/*
 * Uniform below bound <= 2^96: as dp_rng_below(), on twice its words, so that a
 * second draw has a chance below 2^-32 whatever the bound.
 */
static dp_uint below(gsl_rng *rng, dp_uint bound)
{
    for (;;) {
        const dp_uint u = (dp_uint)dp_rng_word(rng) << 64 | dp_rng_word(rng);
        const struct dp_wide p = dp_wide_product(u, bound);
        const dp_uint low = (dp_uint)p.word[1] << 64 | p.word[0];
        if (low >= bound || low >= -bound % bound)
            return (dp_uint)p.word[3] << 64 | p.word[2];
    }
}

/*
 * A candidate by the integer weights, kept with probability true weight over
 * integer weight; so each has the true weight, and all but 2^-50 are kept.
 */
static size_t exponential(const struct candidates *c, gsl_rng *rng)
{
    const int up = scale_weights(c);
    dp_uint total = 0;
    for (size_t i = 0; i < c->n; i++)
        total += weight(c, up, i);
    for (;;) {
        const dp_uint at = below(rng, total);
        size_t pick = 0;
        dp_uint sum = 0;
        for (size_t i = 0; i < c->n; i++) {
            sum += weight(c, up, i);
            pick += sum <= at; /* no early end: the time tells no index */
        }
        const struct dp_decay_odds odds = {
            .d = distance(c, pick),
            .times = width_of(c, pick),
            .shift = (unsigned)up,
            .of = weight(c, up, pick),
        };
        if (dp_decay_coin(rng, &c->decay, &odds))
            return pick;
    }
}

/* Every coin is thrown and a place among the heads drawn for every candidate,
 * needed or not. */
static size_t permute_and_flip(const struct candidates *c, gsl_rng *rng)
{
    size_t pick = 0;
    uint64_t heads = 0;
    for (size_t i = 0; i < c->n; i++) {
        const bool head = dp_decay_plain_coin(rng, &c->decay, distance(c, i));
        const bool take = dp_rng_below(rng, heads + 1) == 0;
        const bool counts = head & (width_of(c, i) > 0);
        pick = (counts & take) ? i : pick;
        heads += counts;
    }
    assert(heads > 0); /* the best has a coin of probability 1 */
    return pick;
}

/*
 * Scores are held within +-2^126 first, so that none saturates under its noise:
 * the order of what saturates is not that of the law.
 */
static struct dp_exact held(struct dp_exact s)
{
    const dp_int most = DP_INT_MAX / 2;
    s.touched = s.touched > most ? most : s.touched;
    s.touched = s.touched < -most ? -most : s.touched;
    return s;
}

static size_t noisy_max(const struct candidates *c,
                        const struct dp_mechanism *noise, gsl_rng *rng)
{
    size_t pick = 0;
    dp_int best = DP_INT_MIN;
    bool some = false;
    for (size_t i = 0; i < c->n; i++) {
        const struct dp_exact score = held(c->score[i]);
        struct dp_noisy v;
        const enum dp_status status =
            dp_mechanism_release(&v, &score, 1, noise, rng);
        assert(status == DP_OK);
        const bool better = width_of(c, i) > 0 && (!some || v.v > best);
        pick = better ? i : pick;
        best = better ? v.v : best;
        some |= better;
    }
    return pick;
}

enum dp_status dp_choose(size_t *index, const struct dp_exact *score,
                         const uint64_t *width, size_t n,
                         const struct dp_choice *choice, gsl_rng *rng)
{
    const bool wide = choice->law == DP_EXPONENTIAL;
    if (!dp_choice_ok(choice) || n == 0 || n > DP_CHOICE_N_MAX ||
        !widths_ok(width, n, wide ? UINT64_MAX : 1))
        return DP_EDOM;

    struct candidates c = { .score = score, .width = width, .n = n };
    c.best = best_score(&c);
    c.decay = dp_decay_of(choice->eps_nano, (dp_uint)range_of(choice) * NANO);
    switch (choice->law) {
    case DP_EXPONENTIAL:
        *index = exponential(&c, rng);
        break;
    case DP_PERMUTE_AND_FLIP:
        *index = permute_and_flip(&c, rng);
        break;
    case DP_NOISY_MAX: {
        struct dp_mechanism m;
        const enum dp_status status = noise_of(&m, choice);
        assert(status == DP_OK);
        *index = noisy_max(&c, &m, rng);
        break;
    }
    }
    return DP_OK;
}

/*
 * What one pick at so many nano-epsilons costs, in the notion's units:
 *   zcdp  rho = eps^2 / part, and nano^2 = 10^-18: eps_nano^2 / (part 10^6)
 * pico gdp   that of an eps-DP release; of eps / 2 with bounded range eps
 */
static uint64_t units_of(const struct dp_choice *c, uint64_t eps_nano,
                         enum dp_notion notion)
{
    const bool bounded_range = c->law == DP_EXPONENTIAL;
    if (notion == DP_PURE)
        return eps_nano;
    if (notion == DP_GDP) {
        const long double eps = (long double)eps_nano * 1e-9L;
        return (uint64_t)ceill(
            dp_notion_gdp_of_pure(bounded_range ? eps / 2 : eps) * 1e12L);
    }
    const dp_uint part = (dp_uint)(bounded_range ? 8 : 2) * 1000000;
    return (uint64_t)(((dp_uint)eps_nano * eps_nano + part - 1) / part);
}

enum dp_status dp_choice_price(struct dp_price *out, const struct dp_choice *c,
                               enum dp_notion notion)
{
    if (!dp_choice_ok(c))
        return DP_EDOM;
    *out = dp_notion_price(notion, units_of(c, c->eps_nano, notion));
    return DP_OK;
}

enum dp_status dp_choice_of_price(struct dp_choice *c, struct dp_price limit,
                                  enum dp_notion notion)
{
    if (!shape_ok(c))
        return DP_EDOM;

    /* invariant: `lo` nano-epsilons are affordable, `hi` are not. */
    const uint64_t most = dp_notion_units(notion, limit);
    uint64_t lo = 0, hi = DP_CHOICE_EPS_MAX + 1;
    while (hi - lo > 1) {
        const uint64_t mid = lo + (hi - lo) / 2;
        *(units_of(c, mid, notion) <= most ? &lo : &hi) = mid;
    }
    struct dp_choice got = *c;
    got.eps_nano = lo;
    if (lo == 0 || !dp_choice_ok(&got))
        return DP_ERANGE;
    *c = got;
    return DP_OK;
}
