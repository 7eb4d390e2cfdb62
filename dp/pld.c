#include "dp/pld.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <gsl/gsl_fft_halfcomplex.h>

#include "dp/gauss.h"
#include "dp/init.h"
#include "dp/response.h"
#include "dp/window.h"

/* A law, and the square of the size below which its power is nothing. */
struct factor {
    struct dp_dots law;
    double nothing;
};

static void free_doubles(double **p)
{
    free(*p);
}

static void free_events(struct dp_event **p)
{
    free(*p);
}

static void free_factors(struct factor **p)
{
    free(*p);
}

#define AUTO_FACTORS __attribute__((cleanup(free_factors))) struct factor
#define AUTO_DOUBLES __attribute__((cleanup(free_doubles))) double
#define AUTO_EVENTS  __attribute__((cleanup(free_events))) struct dp_event

static struct dp_complex product_of(struct dp_complex a, struct dp_complex b)
{
    return (struct dp_complex){ a.re * b.re - a.im * b.im,
                                a.re * b.im + a.im * b.re };
}

static struct dp_complex power(struct dp_complex z, uint64_t n)
{
    struct dp_complex out = { 1, 0 };
    for (;; n >>= 1) {
        if (n & 1)
            out = product_of(out, z);
        if (n <= 1)
            return out;
        z = (struct dp_complex){ z.re * z.re - z.im * z.im, 2 * z.re * z.im };
    }
}

/* Below this a frequency is nothing, whatever laws are still to come. */
#define NOTHING 1e-24

/*
 * Multiply the transform at frequency j by every law, each to its power.
 * Returns a bound on the error of the product: for z^k, k error |z|^(k-1) and
 * k roundings, where |z| >= 1/2; the error of one factor where it is less.
 */
static double multiply(struct dp_complex *product, double error,
                       const struct factor *factors, size_t n,
                       const struct dp_dots_grid *g, size_t j)
{
    struct dp_complex p = *product;
    for (size_t i = 0; i < n; i++) {
        const struct dp_dots *law = &factors[i].law;
        const double size = fabs(p.re) + fabs(p.im);
        const struct dp_complex z = dp_dots_at(law, g, j);
        const double norm = z.re * z.re + z.im * z.im;
        const double one = law->error + 8 * 0x1p-53;
        if (norm < factors[i].nothing || size < NOTHING) {
            *product = (struct dp_complex){ 0, 0 };
            return 2 * (error + NOTHING + one);
        }
        const struct dp_complex f = power(z, law->times);
        const double bulk = fabs(f.re) + fabs(f.im);
        const double of_f =
            norm >= 0.25 ? 2.5 * (double)law->times * one * bulk : 2 * one;
        error = error * (bulk + of_f) + size * of_f;
        p = product_of(p, f);
    }
    *product = p;
    return error;
}

/* Bound on an entry's error in a transform of n points, by GSL's radix 2, whose
 * roots come from a recurrence: 4 ulps a step (Higham 2002, theorem 24.2). */
static double transform_error(size_t n)
{
    return log2((double)n) * (2 * (double)n + 40) * 0x1p-53;
}

static double norm_of(const double *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += x[i] * x[i];
    return sqrt(sum);
}

/* All laws at frequency j, and a bound on the error: a wide Gaussian first,
 * which ends most frequencies, a narrow one last, where anything is left. */
static double all_at(struct dp_complex *out, const struct dp_history *h,
                     const struct dp_dots_bell *bell,
                     const struct factor *factors, const struct dp_dots_grid *g,
                     size_t j)
{
    struct dp_complex p = { 1, 0 };
    double error = 0;
    if (h->mu > 0 && bell->is_smooth) {
        p = dp_dots_bell_at(bell, g, j);
        error = DP_DOTS_BELL_ERROR;
    }
    error = multiply(&p, error, factors, h->n, g, j);
    if (h->mu > 0 && !bell->is_smooth && (p.re != 0 || p.im != 0)) {
        const struct dp_complex z = dp_dots_bell_at(bell, g, j);
        const double size = fabs(z.re) + fabs(z.im);
        error = error * (size + DP_DOTS_BELL_ERROR) +
                (fabs(p.re) + fabs(p.im)) * DP_DOTS_BELL_ERROR;
        p = product_of(p, z);
    }
    *out = p;
    return error;
}

/*
 * The tilted law of the whole history in mass[n] (index modulo n); returns a
 * bound on the error of each entry.
 */
static double compose(double *mass, const struct dp_history *h,
                      const struct factor *factors,
                      const struct dp_dots_grid *g)
{
    const size_t n = g->n;
    struct dp_dots_bell bell = { 0 };
    size_t many = n / 2 + 1;
    double sum = 0;
    memset(mass, 0, n * sizeof *mass);
    if (h->mu > 0) {
        dp_dots_bell_of(&bell, g, h->mu);
        const double band =
            DP_DOTS_BELL_BAND / h->mu * g->step * (double)n / 6.283185307179586;
        many = band < (double)(n / 2) ? (size_t)band + 1 : many;
    }
    for (size_t j = 0; j < many; j++) {
        const bool real = j == 0 || j == n / 2;
        struct dp_complex p;
        sum += (real ? 1 : 2) * all_at(&p, h, &bell, factors, g, j);
        mass[j] = p.re; /* halves as GSL lays them out */
        if (!real)
            mass[n - j] = p.im;
    }
    (void)gsl_fft_halfcomplex_radix2_inverse(mass, 1, n);
    return sum / (double)n + NOTHING +
           2 * transform_error(n) * norm_of(mass, n);
}

/*
 * From the top of the window down to the loss at which delta is reached.  In
 * units of exp(K(tilt) - tilt loss_j): `delta` and `s` as in dp/response.c,
 * `want` the delta asked for, formed afresh every BLOCK points.  All terms are
 * positive: a relative error of 4 n ulps at most.
 */
static long double scan(const double *mass, double error,
                        const struct dp_history *h, const struct dp_window *w,
                        long double log_want)
{
    enum { BLOCK = 256 };
    const long double step = (long double)w->grid.step;
    const long double tilt = (long double)w->grid.tilt;
    const double fall = (double)expl(-tilt * step);
    const double lose = (double)expl(-step) * fall;
    const double gap = (double)-expm1l(-step) * fall;
    const double extra = h->mu > 0 ? DP_DOTS_BELL_CUT : 0;
    const size_t n = w->grid.n;
    const double top = w->first + (double)n - 1;
    const long double unit = log_want - dp_history_cumulant(h, tilt);
    double delta = 0, s = 0, want = 0, at = top;

    for (size_t i = 0; i < n && at > -1; i++, at = top - (double)i) {
        if (i % BLOCK == 0)
            want =
                (double)expl(fminl(700, unit + tilt * (long double)at * step));
        const double entry = mass[(size_t)(int64_t)at & (n - 1)];
        const double p = (entry > 0 ? entry : 0) + error;
        const double above = fall * delta + gap * (p + s);
        want *= fall;
        if (above + extra > want) {
            const double below = fall * delta;
            const double f = (above + extra - want) / (above - below);
            return ((long double)at - 1) * step +
                   log1pl(fminl(fmaxl(f, 0), 1) * expm1l(step));
        }
        delta = above;
        s = lose * (p + s);
    }
    return fmaxl((long double)at * step, 0);
}

/* What one Renyi divergence proves: for a history too wide for the grid. */
static enum dp_status by_order(double *eps, const struct dp_history *h,
                               double delta)
{
    const long double s = dp_history_tilt(h, delta);
    const long double found =
        (dp_history_cumulant(h, s) - logl((long double)delta) - log1pl(s)) / s -
        log1pl(1 / s);
    *eps = found > 0 ? (double)(found * (1 + 1e-12L) + 1e-12L) : 0;
    return DP_OK;
}

static enum dp_status by_grid(double *eps, struct dp_history *h, double delta)
{
    struct dp_window w = { .cut = 0 };
    if (!dp_window_place(h, &w, delta))
        return by_order(eps, h, delta);
    AUTO_DOUBLES *root = malloc(2 * w.grid.n * sizeof *root);
    AUTO_DOUBLES *mass = malloc(w.grid.n * sizeof *mass);
    AUTO_FACTORS *factors = malloc(h->n * sizeof *factors);
    if (!root || !mass || !factors)
        return DP_ENOCONV;
    dp_dots_roots(root, w.grid.n);
    w.grid.root = root;
    long double releases = 1;
    for (size_t i = 0; i < h->n; i++) {
        const double times = (double)h->bounded[i].times;
        dp_dots_of(&factors[i].law, &h->bounded[i], &w.grid, h->aligned);
        factors[i].nothing = exp(2 * log(NOTHING) / times);
        releases += (long double)times;
    }
    const double error = compose(mass, h, factors, &w.grid);

    /* Cumulants, exponents and the scan are rounded too: 1e-17 a release, 64
     * ulps, 4 n ulps. */
    const long double exponent =
        (long double)w.grid.tilt * (h->most + h->mu * (40 + h->mu));
    const long double room = 1 - 1e-11L - 1e-17L * releases -
                             0x1p-58L * exponent -
                             (long double)w.grid.n * 0x1p-50L;
    const long double want = (long double)delta * room - w.cut;
    if (!(want > 0))
        return by_order(eps, h, delta);
    long double found = scan(mass, error, h, &w, logl(want));
    if (h->mu == 0)
        found = fminl(found, h->most); /* no finite loss is above */
    *eps = found > 0 ? (double)(found * (1 + 1e-13L) + h->most * 0x1p-50L) : 0;
    return DP_OK;
}

enum dp_status dp_pld_eps(double *eps, const struct dp_event *events, size_t n,
                          double delta)
{
    if (n == 0 || !(delta > 0 && delta < 1))
        return DP_EDOM;
    AUTO_EVENTS *bounded = malloc(n * sizeof *bounded);
    if (!bounded)
        return DP_ENOCONV;
    struct dp_history h = { .bounded = bounded };
    dp_init();
    dp_history_gather(&h, events, n);
    if (h.n == 0)
        return dp_gauss_eps(eps, h.mu, delta);
    if (h.n == 1 && h.mu == 0 && bounded[0].kind == DP_EVENT_RESPONSE &&
        bounded[0].times <= DP_EVENT_TIMES_MAX)
        return dp_response_eps(eps, bounded[0].eps, bounded[0].times, delta);
    return by_grid(eps, &h, delta);
}
