#include "dp/pld.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <gsl/gsl_fft_halfcomplex.h>
#include <gsl/gsl_fft_real.h>

#include "dp/account.h"
#include "dp/dots.h"
#include "dp/gauss.h"
#include "dp/init.h"
#include "dp/response.h"

/* Aim: this much epsilon lost to the grid, while it has at most N_MAX points.
 */
#define AIM 2e-6L
enum { N_MIN = 1 << 9, N_MAX = 1 << 18 };

/* Cut off above (part of delta) and below (of the tilted mass): e^-20.7. */
#define CUT 1e-9L

/*
 * A history made ready: Gaussians as one mu, the rest sorted, alike ones
 * merged, the widest first.
 */
struct history {
    double mu; /* 0 when there is no Gaussian */
    struct dp_event *bounded;
    size_t n;
    long double most; /* sum of times eps: no finite loss is larger, but for
                         the Gaussian's */
    bool aligned;     /* the grid's step divides every eps */
    double base;      /* which every eps is a multiple of, or 0 */
};

/* The grid, and the window of losses it stands for: first .. first + n - 1. */
struct window {
    struct dp_dots_grid grid;
    double first;
    long double cut; /* delta above the window, at most */
};

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

static int by_law(const void *a, const void *b)
{
    const struct dp_event *x = a, *y = b;
    const int kind = (x->kind > y->kind) - (x->kind < y->kind);
    return kind ? kind : (x->eps > y->eps) - (x->eps < y->eps);
}

static int widest_first(const void *a, const void *b)
{
    const struct dp_event *x = a, *y = b;
    const double u = (double)x->times * x->eps * x->eps;
    const double v = (double)y->times * y->eps * y->eps;
    return (u < v) - (u > v);
}

/* The greatest common divisor of all eps, in units of 1e-9; 0 when one is no
 * multiple of that. */
static double common_base(const struct dp_event *e, size_t n)
{
    uint64_t base = 0;
    for (size_t i = 0; i < n; i++) {
        const double units = e[i].eps * 1e9;
        uint64_t a = (uint64_t)(units + 0.5);
        if (fabs(units - (double)a) > 1e-15 * units * 4)
            return 0;
        while (base) {
            const uint64_t r = a % base;
            a = base;
            base = r;
        }
        base = a;
    }
    return (double)base * 1e-9;
}

static void gather(struct history *h, const struct dp_event *events, size_t n)
{
    long double mu2 = 0;
    size_t m = 0;
    for (size_t i = 0; i < n; i++) {
        const long double sigma = (long double)events[i].sigma;
        if (events[i].kind == DP_EVENT_GAUSS) {
            mu2 += (long double)events[i].times / (sigma * sigma);
            continue;
        }
        h->bounded[m] = events[i];
        h->bounded[m].delta = 0;
        if (events[i].kind == DP_EVENT_APPROX)
            h->bounded[m].kind = DP_EVENT_RESPONSE;
        h->most += (long double)events[i].times * (long double)events[i].eps;
        m++;
    }
    h->mu = (double)(sqrtl(mu2) * (1 + 0x1p-52L));
    qsort(h->bounded, m, sizeof *h->bounded, by_law);
    for (size_t i = 0; i < m; i++) {
        struct dp_event *last = &h->bounded[h->n - (h->n > 0)];
        if (h->n > 0 && by_law(last, &h->bounded[i]) == 0)
            last->times += h->bounded[i].times;
        else
            h->bounded[h->n++] = h->bounded[i];
    }
    qsort(h->bounded, h->n, sizeof *h->bounded, widest_first);
    h->base = common_base(h->bounded, h->n);
}

static long double cumulant(const struct history *h, long double s)
{
    const long double mu = (long double)h->mu;
    return s * (s + 1) * mu * mu / 2 + dp_account_cumulant(h->bounded, h->n, s);
}

/*
 * The same after connecting the dots, at most: a loss split over a step keeps
 * E[e^-L], and the secant of x^-s over [e^-h, 1] is at most this far above.
 */
static long double grid_cumulant(const struct history *h, long double s,
                                 long double step)
{
    const long double wide = expm1l(step);
    const long double each =
        log1pl(s * (s + 1) / 8 * wide * wide * expl(s * step));
    long double laws = h->mu > 0;
    for (size_t i = 0; i < h->n; i++)
        if (!h->aligned || h->bounded[i].kind == DP_EVENT_LAPLACE)
            laws += (long double)h->bounded[i].times;
    return cumulant(h, s) + laws * each;
}

/* The order (less 1) whose bound on epsilon is best: there the tail that delta
 * looks at is the bulk.  Any other is as sound. */
static long double tilt_of(const struct history *h, double delta)
{
    enum { ORDERS = 193 }; /* up to 2^20, for narrow laws */
    long double best = 1, least = HUGE_VALL;
    for (size_t i = 0; i < ORDERS; i++) {
        const long double s = dp_rdp_order_less_1(i);
        const long double eps =
            (cumulant(h, s) - logl(delta) - log1pl(s)) / s - log1pl(1 / s);
        if (eps < least) {
            least = eps;
            best = s;
        }
    }
    return best;
}

/* Tilted mass that connecting the dots moves, over all releases. */
static long double moved(const struct history *h, long double tilt,
                         bool aligned)
{
    const long double u = tilt + 0.5L;
    long double sum = h->mu > 0;
    for (size_t i = 0; i < h->n; i++) {
        const struct dp_event *e = &h->bounded[i];
        const long double t = tanhl(u * (long double)e->eps);
        const long double between = t / (2 * u + t);
        if (!aligned)
            sum += (long double)e->times;
        else if (e->kind == DP_EVENT_LAPLACE)
            sum += (long double)e->times * between;
    }
    return sum;
}

/* Splitting a loss over h adds at most h^2/8 to its mean and twice that to its
 * variance: epsilon rises by (1 + tilt) h^2/8 for each unit of mass moved. */
static long double step_for(const struct history *h, long double tilt,
                            bool aligned)
{
    const long double mass = moved(h, tilt, aligned);
    const long double room = 1 / (1 + tilt);
    return mass > 0 ? fminl(room, sqrtl(8 * AIM * room / mass)) : HUGE_VALL;
}

/* Least loss above which at most CUT delta is left, or the largest there is. */
static long double upper_end(const struct history *h, long double step,
                             long double log_cut)
{
    long double end = HUGE_VALL;
    for (size_t i = 0; i < DP_RDP_ORDERS; i++) {
        const long double s = dp_rdp_order_less_1(i);
        end = fminl(end, (grid_cumulant(h, s, step) - log_cut) / s);
    }
    return end;
}

/* ln of what delta is left above `end`, at most. */
static long double log_above(const struct history *h, long double step,
                             long double end)
{
    long double least = 0;
    for (size_t i = 0; i < DP_RDP_ORDERS; i++) {
        const long double s = dp_rdp_order_less_1(i);
        least = fminl(least, grid_cumulant(h, s, step) - s * end);
    }
    return least;
}

/* Greatest loss below which at most CUT of the tilted mass lies. */
static long double lower_end(const struct history *h, long double tilt)
{
    long double end = -HUGE_VALL;
    const long double at = cumulant(h, tilt);
    for (size_t i = 0; i < DP_RDP_ORDERS; i++) {
        const long double t = dp_rdp_order_less_1(i);
        end = fmaxl(end, (logl(CUT) + at - cumulant(h, tilt - t)) / t);
    }
    return end;
}

/* All losses on the grid, none above this; infinite with a Gaussian. */
static long double largest(const struct history *h, long double step)
{
    long double sum = h->mu > 0 ? HUGE_VALL : 0;
    for (size_t i = 0; i < h->n; i++) {
        const long double eps = (long double)h->bounded[i].eps;
        sum += (long double)h->bounded[i].times *
               (h->aligned ? eps : ceill(eps / step) * step);
    }
    return sum;
}

/* The step for a window of this width: as coarse as AIM allows, on multiples of
 * the base where that is coarser, as fine as the next power of two gives. */
static void choose_grid(struct history *h, struct window *w, long double tilt,
                        long double width)
{
    const long double free_step = step_for(h, tilt, false);
    const long double base = (long double)h->base;
    long double step = free_step;
    if (base > 0) {
        const long double on_base = step_for(h, tilt, true);
        const long double fitted =
            on_base >= base ? base : base / ceill(base / on_base);
        h->aligned = fitted >= free_step;
        step = h->aligned ? fitted : free_step;
    }
    size_t n = N_MIN;
    while (n < N_MAX && (long double)n * step < width + 4 * step)
        n *= 2;
    long double finest = width / (long double)(n - 4);
    if (h->aligned && finest > base)
        h->aligned = false;
    if (h->aligned)
        finest = base / floorl(base / finest);
    w->grid.n = n;
    w->grid.step = (double)finest;
}

/*
 * The upper end depends on the step, a little, and the step on the width: a few
 * rounds settle both.  False when the grid cannot hold the history.
 */
static bool place_window(struct history *h, struct window *w, double delta)
{
    enum { ROUNDS = 6 };
    const long double tilt = tilt_of(h, delta);
    const long double log_cut = logl(delta) + logl(CUT);
    const long double lo = fmaxl(lower_end(h, tilt), -h->most - 9.5L * h->mu);
    long double step = fminl(step_for(h, tilt, false), 1e-3L);
    w->grid.tilt = (double)tilt;
    for (int i = 0; i < ROUNDS; i++) {
        const long double hi =
            fminl(upper_end(h, step, log_cut), largest(h, step) + step);
        choose_grid(h, w, tilt, fmaxl(hi - lo, 1e-9L));
        step = (long double)w->grid.step;
        const long double top = ceill(hi / step) + 1;
        w->first = (double)(top - (long double)w->grid.n + 1);
        w->cut = largest(h, step) <= top * step
                     ? 0
                     : expl(log_above(h, step, top * step));
        if (w->cut <= 2 * CUT * (long double)delta)
            return true;
    }
    return false;
}

static struct dp_complex power(struct dp_complex z, uint64_t n)
{
    struct dp_complex out = { 1, 0 };
    for (;; n >>= 1) {
        if (n & 1)
            out = (struct dp_complex){ out.re * z.re - out.im * z.im,
                                       out.re * z.im + out.im * z.re };
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
        p = (struct dp_complex){ p.re * f.re - p.im * f.im,
                                 p.re * f.im + p.im * f.re };
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

/*
 * The transform of the Gaussian part into mass[n], real and imaginary halves as
 * GSL lays them out.  Returns the number of frequencies that are something;
 * *error bounds each.
 */
static size_t start(double *mass, double *error, const struct history *h,
                    const struct dp_dots_grid *g)
{
    const size_t n = g->n;
    memset(mass, 0, n * sizeof *mass);
    *error = h->mu > 0 ? DP_DOTS_GAUSS_ERROR : 0;
    if (h->mu > 0 && !dp_dots_gauss_is_smooth(g, h->mu)) {
        dp_dots_gauss(mass, g, h->mu);
        *error += transform_error(n) * sqrt((double)n) * norm_of(mass, n);
        (void)gsl_fft_real_radix2_transform(mass, 1, n);
        return n / 2 + 1;
    }
    const double band =
        DP_DOTS_GAUSS_BAND / h->mu * g->step * (double)n / 6.283185307179586;
    const size_t many =
        h->mu > 0 && band < (double)(n / 2) ? (size_t)band + 1 : n / 2 + 1;
    for (size_t j = 0; j < many; j++) {
        const struct dp_complex z = h->mu > 0 ? dp_dots_gauss_at(g, h->mu, j)
                                              : (struct dp_complex){ 1, 0 };
        mass[j] = z.re;
        if (j > 0 && j < n / 2)
            mass[n - j] = z.im;
    }
    return many;
}

/*
 * The tilted law of the whole history in mass[n] (index modulo n); returns a
 * bound on the error of each entry.
 */
static double compose(double *mass, const struct history *h,
                      const struct factor *factors,
                      const struct dp_dots_grid *g)
{
    const size_t n = g->n;
    double error, sum = 0;
    const size_t many = start(mass, &error, h, g);
    for (size_t j = 0; j < many; j++) {
        const bool real = j == 0 || j == n / 2;
        struct dp_complex p = { mass[j], real ? 0 : mass[n - j] };
        sum += (real ? 1 : 2) * multiply(&p, error, factors, h->n, g, j);
        mass[j] = p.re;
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
                        const struct history *h, const struct window *w,
                        long double log_want)
{
    enum { BLOCK = 256 };
    const long double step = (long double)w->grid.step;
    const long double tilt = (long double)w->grid.tilt;
    const double fall = (double)expl(-tilt * step);
    const double lose = (double)expl(-step) * fall;
    const double gap = (double)-expm1l(-step) * fall;
    const double extra = h->mu > 0 ? DP_DOTS_GAUSS_CUT : 0;
    const size_t n = w->grid.n;
    const double top = w->first + (double)n - 1;
    const long double unit = log_want - cumulant(h, tilt);
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
static enum dp_status by_order(double *eps, const struct history *h,
                               double delta)
{
    const long double s = tilt_of(h, delta);
    const long double found =
        (cumulant(h, s) - logl((long double)delta) - log1pl(s)) / s -
        log1pl(1 / s);
    *eps = found > 0 ? (double)(found * (1 + 1e-12L) + 1e-12L) : 0;
    return DP_OK;
}

static enum dp_status by_grid(double *eps, struct history *h, double delta)
{
    struct window w = { .cut = 0 };
    if (!place_window(h, &w, delta))
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
    const long double found = scan(mass, error, h, &w, logl(want));
    *eps = found > 0 ? (double)(found * (1 + 1e-13L) + h->most * 0x1p-51L) : 0;
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
    struct history h = { .bounded = bounded };
    dp_init();
    gather(&h, events, n);
    if (h.n == 0)
        return dp_gauss_eps(eps, h.mu, delta);
    if (h.n == 1 && h.mu == 0 && bounded[0].kind == DP_EVENT_RESPONSE)
        return dp_response_eps(eps, bounded[0].eps, bounded[0].times, delta);
    return by_grid(eps, &h, delta);
}
