#include "dp/keep.h"

#include <math.h>

#include "dp/bernoulli.h"
#include "dp/notion.h"
#include "dp/wide.h"

/* Fixed point throughout: x stands for x / ONE. */
#define ONE  DP_KEEP_ONE
#define BITS 126u

/* x mantissa / ONE * 2^shift, with ONE / 2 <= mantissa < ONE. */
struct factor {
    dp_uint mantissa;
    unsigned shift;
};

/* Past this exponent e^eps' is taken as e^EXPONENT_MAX: still below it. */
enum { EXPONENT_MAX = 64 };

static dp_uint low(struct dp_wide w)
{
    return (dp_uint)w.word[1] << 64 | w.word[0];
}

/* a b / 2^shift rounded down, 0 < shift < 128; callers know that it fits. */
static dp_uint times_down(dp_uint a, dp_uint b, unsigned shift)
{
    const struct dp_wide w = dp_wide_product(a, b);
    const dp_uint high = (dp_uint)w.word[3] << 64 | w.word[2];
    return high << (128 - shift) | low(w) >> shift;
}

static dp_uint times_up(dp_uint a, dp_uint b, unsigned shift)
{
    const dp_uint rest = low(dp_wide_product(a, b)) << (128 - shift);
    return times_down(a, b, shift) + (rest != 0);
}

/* num ONE / (den 2^halvings) rounded down, num < den < 2^62. */
static dp_uint fraction(uint64_t num, uint64_t den, unsigned halvings)
{
    const dp_uint a = ((dp_uint)num << 63) / den,
                  rest = ((dp_uint)num << 63) % den;
    return (a << 63 | (rest << 63) / den) >> halvings;
}

static struct factor square_down(struct factor f)
{
    f.shift *= 2;
    if (times_down(f.mantissa, f.mantissa, BITS) < ONE / 2) {
        f.mantissa = times_down(f.mantissa, f.mantissa, BITS - 1);
        f.shift--;
    } else
        f.mantissa = times_down(f.mantissa, f.mantissa, BITS);
    return f;
}

/*
 * A lower bound of e^(num/den), at least 1: Taylor's series at x / 2^8 < 1/2,
 * all of whose terms are positive and rounded down, then eight squares.
 */
static struct factor exp_down(uint64_t num, uint64_t den)
{
    enum { HALVINGS = 8 };
    const uint64_t whole = num / den;
    dp_uint x = ONE / (1 << HALVINGS) * EXPONENT_MAX;
    if (whole < EXPONENT_MAX)
        x = (ONE >> HALVINGS) * whole + fraction(num % den, den, HALVINGS);

    dp_uint sum = ONE, term = ONE;
    for (unsigned i = 1; term > 0; i++) {
        term = times_down(term, x, BITS) / i;
        sum += term;
    }
    struct factor f = { sum >> 1, 1 };
    for (int i = 0; i < HALVINGS; i++)
        f = square_down(f);
    return f;
}

/* An upper bound of 1/f, at most ONE: ONE^2 2^-shift / mantissa by long
 * division. */
static dp_uint inverse_up(struct factor f)
{
    dp_uint quotient = 0, rest = 1;
    for (unsigned i = f.shift; i < 2 * BITS; i++) {
        rest <<= 1;
        quotient <<= 1;
        if (rest >= f.mantissa) {
            rest -= f.mantissa;
            quotient |= 1;
        }
    }
    return quotient + (rest != 0);
}

/* eps' and delta' of one group: e^eps' from below, e^-eps' from above, delta'
 * from below. */
struct step {
    struct factor up;
    dp_uint down, delta;
};

static bool in_domain(const struct dp_keep_rule *r)
{
    return r->eps_nano >= 1 && r->eps_nano <= DP_PRICE_MAX &&
           r->delta_atto >= 1 &&
           r->delta_atto < UINT64_C(1000000000000000000) && r->l0 >= 1;
}

static struct step step_of(const struct dp_keep_rule *r)
{
    const uint64_t nano = UINT64_C(1000000000);
    const struct factor up = exp_down(r->eps_nano, nano * r->l0);
    const dp_uint delta =
        fraction(r->delta_atto, UINT64_C(1000000000000000000), 0) / r->l0;
    return (struct step){ up, inverse_up(up), delta };
}

static dp_uint least_of(dp_uint a, dp_uint b)
{
    return a < b ? a : b;
}

/*
 * pi(n+1) from p = pi(n): the greatest that both inequalities surely allow.
 * p m 2^(shift - BITS) is at most ONE iff p m >> (BITS - shift) is.
 */
static dp_uint next_chance(const struct step *s, dp_uint p)
{
    const dp_uint hidden = ONE - p;
    if (hidden <= s->delta)
        return ONE;
    const dp_uint by_fall = ONE - times_up(s->down, hidden - s->delta, BITS);

    /* Where p e^eps' would pass 2, by_fall is less: leave it out. */
    if (times_down(p, s->up.mantissa, BITS) >= (ONE << 1) >> s->up.shift)
        return by_fall;
    const dp_uint by_rise =
        times_down(p, s->up.mantissa, BITS - s->up.shift) + s->delta;
    return least_of(by_rise, by_fall);
}

enum dp_status dp_keep_length(size_t *n, const struct dp_keep_rule *rule)
{
    if (!in_domain(rule))
        return DP_EDOM;
    const struct step s = step_of(rule);
    size_t length = 1;
    for (dp_uint p = 0; p < ONE; length++) {
        if (length >= DP_KEEP_CHANCES_MAX)
            return DP_ERANGE;
        p = next_chance(&s, p);
    }
    *n = length;
    return DP_OK;
}

enum dp_status dp_keep_init(struct dp_keep *out,
                            const struct dp_keep_rule *rule, dp_uint *room,
                            size_t n_room)
{
    size_t length;
    const enum dp_status status = dp_keep_length(&length, rule);
    if (status != DP_OK)
        return status;
    if (n_room < length)
        return DP_ERANGE;
    const struct step s = step_of(rule);
    room[0] = 0;
    for (size_t i = 1; i < length; i++)
        room[i] = next_chance(&s, room[i - 1]);
    *out = (struct dp_keep){ *rule, room, length };
    return DP_OK;
}

/* pi(n - least + 1) from `least` people on; 1 past the end. */
static dp_uint chance_of(const struct dp_keep *k, dp_int people)
{
    const dp_int before = k->rule.least > 1 ? (dp_int)k->rule.least - 1 : 0;
    if (people <= before)
        return 0;
    const dp_int n = people - before, last = (dp_int)k->n_chances - 1;
    return k->chance[n < last ? n : last];
}

bool dp_keep_draw(const struct dp_keep *k, struct dp_exact people, gsl_rng *rng)
{
    return dp_bernoulli(rng, chance_of(k, people.touched), ONE);
}

enum dp_status dp_keep_price(struct dp_price *out,
                             const struct dp_keep_rule *rule,
                             enum dp_notion notion)
{
    if (!in_domain(rule) || (notion != DP_ZCDP && notion != DP_GDP))
        return DP_EDOM;
    dp_uint rho;
    if (notion == DP_ZCDP) {
        /* l0 (eps_nano 10^-9 / l0)^2 / 2 in units of 10^-12. */
        const dp_uint unit = (dp_uint)2000000 * rule->l0,
                      square = (dp_uint)rule->eps_nano * rule->eps_nano;
        rho = square / unit + (square % unit != 0);
    } else {
        const long double one = dp_notion_gdp_of_pure(
            (long double)rule->eps_nano * 1e-9L / rule->l0);
        const long double pico = one * rule->l0 * 1e12L * (1 + 1e-17L);
        rho = pico < 0x1p63L ? (dp_uint)ceill(pico) : UINT64_MAX;
    }
    *out = (struct dp_price){
        .rho_pico = rho > DP_PRICE_MAX ? UINT64_MAX : (uint64_t)rho,
        .delta_atto = rule->delta_atto,
    };
    return DP_OK;
}

double dp_keep_chance(const struct dp_keep *k, uint64_t people)
{
    return (double)ldexpl((long double)chance_of(k, (dp_int)people),
                          -(int)BITS);
}

static uint64_t first_reaching(const struct dp_keep *k, dp_uint chance)
{
    size_t n = 1;
    while (k->chance[n] < chance)
        n++;
    return n + (k->rule.least > 1 ? k->rule.least - 1 : 0);
}

uint64_t dp_keep_half(const struct dp_keep *k)
{
    return first_reaching(k, ONE / 2);
}

uint64_t dp_keep_certain(const struct dp_keep *k)
{
    return first_reaching(k, ONE);
}
