#include "dp/window.h"

#include <math.h>
#include <stdlib.h>

#include "dp/event.h"

/* Aim: this much epsilon lost to the grid, while it has at most N_MAX points.
 */
#define AIM 2e-6L
enum { N_MIN = 1 << 9, N_MAX = 1 << 18 };

/* Cut off above (part of delta) and below (of the tilted mass): e^-20.7. */
#define CUT 1e-9L

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
        if (fabs(units - (double)a) > 0x1p-51 * units)
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

void dp_history_gather(struct dp_history *h, const struct dp_event *events,
                       size_t n)
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
    for (size_t i = 0; i < DP_HISTORY_ORDERS; i++)
        h->at_order[i] = dp_history_cumulant(h, dp_rdp_order_less_1(i));
}

long double dp_history_cumulant(const struct dp_history *h, long double s)
{
    const long double mu = (long double)h->mu;
    return s * (s + 1) * mu * mu / 2 + dp_event_cumulants(h->bounded, h->n, s);
}

/* How many releases connecting the dots moves at all. */
static long double laws_moved(const struct dp_history *h)
{
    long double laws = h->mu > 0;
    for (size_t i = 0; i < h->n; i++)
        if (!h->aligned || h->bounded[i].kind == DP_EVENT_LAPLACE)
            laws += (long double)h->bounded[i].times;
    return laws;
}

/*
 * The cumulant at an order s, after connecting the dots of `laws` releases, at
 * most: a loss split over a step keeps E[e^-L], and the secant of x^-s over
 * [e^-h, 1] is at most this far above.
 */
static long double grid_cumulant(const struct dp_history *h, size_t i,
                                 long double step, long double laws)
{
    const long double wide = expm1l(step), s = dp_rdp_order_less_1(i);
    return h->at_order[i] +
           laws * log1pl(s * (s + 1) / 8 * wide * wide * expl(s * step));
}

long double dp_history_tilt(const struct dp_history *h, double delta)
{
    long double best = 1, least = HUGE_VALL;
    for (size_t i = 0; i < DP_HISTORY_ORDERS; i++) {
        const long double s = dp_rdp_order_less_1(i);
        const long double eps =
            (h->at_order[i] - logl(delta) - log1pl(s)) / s - log1pl(1 / s);
        if (eps < least) {
            least = eps;
            best = s;
        }
    }
    return best;
}

/* Tilted mass that connecting the dots moves, over all releases. */
static long double moved(const struct dp_history *h, long double tilt,
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
static long double step_for(const struct dp_history *h, long double tilt,
                            bool aligned)
{
    const long double mass = moved(h, tilt, aligned);
    const long double room = 1 / (1 + tilt);
    return mass > 0 ? fminl(room, sqrtl(8 * AIM * room / mass)) : HUGE_VALL;
}

/* Least loss above which at most CUT delta is left, or the largest there is. */
static long double upper_end(const struct dp_history *h, long double step,
                             long double log_cut)
{
    const long double laws = laws_moved(h);
    long double end = HUGE_VALL;
    for (size_t i = 0; i < DP_HISTORY_ORDERS; i++)
        end = fminl(end, (grid_cumulant(h, i, step, laws) - log_cut) /
                             dp_rdp_order_less_1(i));
    return end;
}

/* ln of what delta is left above `end`, at most. */
static long double log_above(const struct dp_history *h, long double step,
                             long double end)
{
    const long double laws = laws_moved(h);
    long double least = 0;
    for (size_t i = 0; i < DP_HISTORY_ORDERS; i++)
        least = fminl(least, grid_cumulant(h, i, step, laws) -
                                 dp_rdp_order_less_1(i) * end);
    return least;
}

/* Greatest loss below which at most CUT of the tilted mass lies. */
static long double lower_end(const struct dp_history *h, long double tilt)
{
    long double end = -HUGE_VALL;
    const long double at = dp_history_cumulant(h, tilt);
    for (size_t i = 0; i < DP_HISTORY_ORDERS; i += 4) {
        const long double t = dp_rdp_order_less_1(i);
        end =
            fmaxl(end, (logl(CUT) + at - dp_history_cumulant(h, tilt - t)) / t);
    }
    return end;
}

/* All losses on the grid, none above this; infinite with a Gaussian. */
static long double largest(const struct dp_history *h, long double step)
{
    long double sum = h->mu > 0 ? HUGE_VALL : 0;
    for (size_t i = 0; i < h->n; i++) {
        const long double eps = (long double)h->bounded[i].eps;
        sum += (long double)h->bounded[i].times *
               (h->aligned ? eps : ceill(eps / step) * step);
    }
    return sum;
}

/* The coarsest step of at most `most`, at least `least`, that divides the base;
 * 0 when there is none. */
static long double fitted(long double base, long double most, long double least)
{
    const long double step = most >= base ? base : base / ceill(base / most);
    if (step >= least)
        return step;
    return base >= least ? base / floorl(base / least) : 0;
}

/* Epsilon lost to a step, roughly. */
static long double lost(const struct dp_history *h, long double tilt,
                        bool aligned, long double step)
{
    return step * step * (1 + tilt) * moved(h, tilt, aligned);
}

/*
 * The step for a window of this width: as coarse as AIM allows, on multiples of
 * the base where that is coarser, or closer when N_MAX points are too few; then
 * as fine as the next power of two gives.
 */
static void choose_grid(struct dp_history *h, struct dp_window *w,
                        long double tilt, long double width)
{
    const long double base = (long double)h->base;
    const long double least = width / (N_MAX - 4);
    const long double aim = step_for(h, tilt, false);
    const long double free = fmaxl(aim, least);
    const long double on_base =
        base > 0 ? fitted(base, step_for(h, tilt, true), least) : 0;
    h->aligned = on_base > 0 && (aim >= least ? on_base >= free
                                              : lost(h, tilt, true, on_base) <
                                                    lost(h, tilt, false, free));

    const long double step = h->aligned ? on_base : free;
    size_t n = N_MIN;
    while (n < N_MAX && (long double)(n - 4) * step < width)
        n *= 2;
    const long double finest = width / (long double)(n - 4);
    w->grid.n = n;
    w->grid.step = (double)(h->aligned ? base / floorl(base / finest) : finest);
}

bool dp_window_place(struct dp_history *h, struct dp_window *w, double delta)
{
    enum { ROUNDS = 6 };
    const long double tilt = dp_history_tilt(h, delta);
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
