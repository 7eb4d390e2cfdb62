#include "dp/dots.h"

#include <assert.h>
#include <math.h>

static const long double TWO_PI = 6.2831853071795864769252867665590L;

/* Shares of a loss that lies y above a grid point, 0 <= y <= h: what goes to
 * the point above and to the one below. */
static long double share_up(long double y, long double h)
{
    return expm1l(-y) / expm1l(-h);
}

static long double share_down(long double y, long double h)
{
    return expm1l(h - y) / expm1l(h);
}

static struct dp_complex times(struct dp_complex a, struct dp_complex b)
{
    return (struct dp_complex){ a.re * b.re - a.im * b.im,
                                a.re * b.im + a.im * b.re };
}

static struct dp_complex root_at(const struct dp_dots_grid *g, size_t j)
{
    return (struct dp_complex){ g->root[2 * j], g->root[2 * j + 1] };
}

/* root[2^k + i] = root[2^k] root[i]: log2(n) products deep. */
void dp_dots_roots(double *root, size_t n)
{
    root[0] = 1;
    root[1] = 0;
    for (size_t half = 1; half < n; half *= 2) {
        const long double angle = TWO_PI * (long double)half / (long double)n;
        const struct dp_complex w = { (double)cosl(angle),
                                      -(double)sinl(angle) };
        for (size_t i = 0; i < half; i++) {
            const struct dp_complex z =
                times(w, (struct dp_complex){ root[2 * i], root[2 * i + 1] });
            root[2 * (half + i)] = z.re;
            root[2 * (half + i) + 1] = z.im;
        }
    }
}

/* Where eps lies: m steps and a rest y in [0, h). */
static long double place(size_t *m, double eps, const struct dp_dots_grid *g,
                         bool aligned)
{
    const long double h = (long double)g->step, steps = (long double)eps / h;
    *m = (size_t)(aligned ? roundl(steps) : floorl(steps));
    const long double y = (long double)eps - (long double)*m * h;
    return aligned || y < 0 ? 0 : fminl(y, h);
}

/* An atom of tilted mass p at +eps and one of mass q at -eps. */
static void add_atoms(struct dp_dots *d, long double p, long double q,
                      long double y, const struct dp_dots_grid *g)
{
    const long double h = (long double)g->step, s = (long double)g->tilt;
    d->high += (double)(p * share_down(y, h) * expl(-s * y));
    d->high2 += (double)(p * share_up(y, h) * expl(s * (h - y)));
    d->low += (double)(q * share_up(h - y, h) * expl(s * y));
    d->low2 += (double)(q * share_down(h - y, h) * expl(-s * (h - y)));
}

/*
 * Laplace noise has loss +eps with mass 1/2, -eps with mass e^-eps/2, and the
 * density exp((l - eps)/2)/4 between.  Tilted, with u = s + 1/2 and X = cosh(u
 * eps) + sinh(u eps)/(2u), that is e^(u eps)/(2X), e^(-u eps)/(2X), e^(u
 * l)/(4X). Full cells leave tanh(h/4) e^(u l)/X at each point, half of it at an
 * end; the last cells, of width y, are integrated as they are.
 */
static void add_laplace(struct dp_dots *d, long double eps, long double y,
                        const struct dp_dots_grid *g)
{
    const long double h = (long double)g->step, s = (long double)g->tilt;
    const long double u = s + 0.5L, fall = expl(-2 * u * eps);
    /* e^(u eps) / X, without overflow. */
    const long double top = 2 / (1 + fall + (1 - fall) / (2 * u));
    const long double bottom = top * fall;
    add_atoms(d, top / 2, bottom / 2, y, g);

    const long double t = tanhl(h / 4), at_m = top * expl(-u * y);
    const long double at_low = bottom * expl(u * y);
    if (d->m > 0) {
        d->high += (double)(t * at_m / 2);
        d->low += (double)(t * at_low / 2);
        d->run_end = (double)(t * at_m);
        d->run_start = (double)(t * at_low * expl(u * h));
    }
    /* integrals of e^(z/2) (1 - e^-z) and of e^(z/2) (e^(h-z) - 1) over z < y
     */
    const long double q = sinhl(y / 4), near = 8 * q * q;
    const long double rest = -2 * expm1l(-y / 2);
    d->high2 += (double)(at_m / 4 * near / -expm1l(-h) * expl(s * h));
    d->high +=
        (double)(at_m / 4 * rest * expl(y / 2) * expm1l(h - y / 2) / expm1l(h));
    d->low2 += (double)(at_low / 4 * near / expm1l(h) * expl(-s * h));
    d->low += (double)(at_low / 4 * rest * -expm1l(y / 2 - h) / -expm1l(-h));
}

void dp_dots_of(struct dp_dots *out, const struct dp_event *e,
                const struct dp_dots_grid *g, bool aligned)
{
    const long double eps = (long double)e->eps;
    const long double u = (long double)g->tilt + 0.5L;
    *out = (struct dp_dots){ .times = e->times };
    const long double y = place(&out->m, e->eps, g, aligned);
    out->ratio_less_1 = (double)expm1l(u * (long double)g->step);
    out->ratio = 1 + out->ratio_less_1;
    if (e->kind == DP_EVENT_LAPLACE)
        add_laplace(out, eps, y, g);
    else
        add_atoms(out, 1 / (1 + expl(-2 * u * eps)),
                  1 / (1 + expl(2 * u * eps)), y, g);

    /* Roots to 40 ulps, relative to 1; the quotient divides by at least ratio -
     * 1, which is as precise as the ratio. */
    const double ends = out->run_end + out->run_start;
    out->error = 200 * 0x1p-53 *
                 (out->low2 + out->low + out->high + out->high2 +
                  ends * (1 + 1 / out->ratio_less_1));
}

struct dp_complex dp_dots_at(const struct dp_dots *d,
                             const struct dp_dots_grid *g, size_t j)
{
    const struct dp_complex w = root_at(g, j);
    const struct dp_complex z = root_at(g, d->m * j & (g->n - 1));
    const struct dp_complex z2 = root_at(g, (d->m + 1) * j & (g->n - 1));
    struct dp_complex sum = {
        (d->high + d->low) * z.re + (d->high2 + d->low2) * z2.re,
        (d->high - d->low) * z.im + (d->high2 - d->low2) * z2.im,
    };
    if (d->run_end == 0)
        return sum;
    /* (run_end z - run_start w conj(z)) / (ratio w - 1) */
    const struct dp_complex back = times(w, (struct dp_complex){ z.re, -z.im });
    const struct dp_complex num = { d->run_end * z.re - d->run_start * back.re,
                                    d->run_end * z.im -
                                        d->run_start * back.im };
    const double less_1 = w.re > 0 ? -w.im * w.im / (1 + w.re) : w.re - 1;
    const struct dp_complex den = { d->ratio_less_1 * w.re + less_1,
                                    d->ratio * w.im };
    const double norm = den.re * den.re + den.im * den.im;
    sum.re += (num.re * den.re + num.im * den.im) / norm;
    sum.im += (num.im * den.re - num.re * den.im) / norm;
    return sum;
}

/* sinh(z)/z; z is not 0. */
static struct dp_complex sinh_ratio(struct dp_complex z)
{
    const struct dp_complex s = { sinh(z.re) * cos(z.im),
                                  cosh(z.re) * sin(z.im) };
    const double norm = z.re * z.re + z.im * z.im;
    return (struct dp_complex){ (s.re * z.re + s.im * z.im) / norm,
                                (s.im * z.re - s.re * z.im) / norm };
}

/*
 * Over the place of a loss in its cell, uniform for a law this wide, the shares
 * average exp(a (grid point - loss)) to S((a+1) h/2) S(a h/2) / S(h/2), a =
 * tilt - i w, S(z) = sinh(z)/z; what the law is not uniform by is e^(-(pi
 * mu/h)^2/2), below 5e-14.
 */
static struct dp_complex smooth_at(const struct dp_dots_bell *b,
                                   const struct dp_dots_grid *g, size_t j)
{
    const double h = g->step, mean = b->mu * b->mu * (0.5 + g->tilt);
    const long double turn = TWO_PI * (long double)j / (long double)g->n;
    const double w = (double)(turn / (long double)h);
    const double size = exp(-w * w * b->mu * b->mu / 2);
    const double phase =
        (double)remainderl(turn * (long double)(mean / h), TWO_PI);
    const struct dp_complex x = { g->tilt * h / 2, -w * h / 2 };
    const struct dp_complex y = { x.re + h / 2, x.im };
    const struct dp_complex dots = times(sinh_ratio(x), sinh_ratio(y));
    const double scale = size * (h / 2) / sinh(h / 2);
    return times(
        dots, (struct dp_complex){ scale * cos(phase), -scale * sin(phase) });
}

/* P[|Z| > REACH] is below DP_DOTS_BELL_CUT. */
#define REACH 9.5

/* Gauss and Legendre's three nodes on (0, 1) and their weights. */
enum { NODES = 3 };
static const double NODE[NODES] = { 0.11270166537925831, 0.5,
                                    0.88729833462074169 };
static const double WEIGHT[NODES] = { 5.0 / 18, 8.0 / 18, 5.0 / 18 };

/* A slice of the tilted law, from z deviations above its mean, within the cell
 * that begins at `cell`: what goes to the cell's two ends. */
static void add_slice(struct dp_dots_bell *b, const struct dp_dots_grid *g,
                      double mean, double cell, double z, double width)
{
    const double h = g->step, above = mean - cell * h;
    double down = 0, up = 0;
    for (int i = 0; i < NODES; i++) {
        const double at = z + width * NODE[i];
        const double y = fmin(fmax(above + b->mu * at, 0), h);
        const double f =
            WEIGHT[i] * width * 0.39894228040143268 * exp(-at * at / 2);
        down += f * (double)share_down(y, h) * exp(-g->tilt * y);
        up += f * (double)share_up(y, h) * exp(g->tilt * (h - y));
    }
    /* Raised past the rule's error. */
    const size_t i = (size_t)((int64_t)cell - b->first);
    assert(i + 1 < DP_DOTS_BELL_MASSES);
    b->mass[i] += down * (1 + 1e-10);
    b->mass[i + 1] += up * (1 + 1e-10);
    b->n = i + 2;
}

/*
 * The tilted law is normal with mean mu^2/2 + tilt mu^2.  It is cut at the
 * grid's points and into slices over which the logarithm of the integrand
 * changes by at most 1/6: three nodes then have a relative error of about
 * 1e-11.
 */
static void fill_narrow(struct dp_dots_bell *b, const struct dp_dots_grid *g)
{
    const double h = g->step, mu = b->mu, mean = mu * mu * (0.5 + g->tilt);
    const double width = 1 / (6 * (REACH + g->tilt * mu));
    double cell = floor((mean - REACH * mu) / h);
    b->first = (int64_t)cell;
    for (double z = -REACH; z < REACH;) {
        const double edge = ((cell + 1) * h - mean) / mu;
        const double end = fmin(fmin(z + width, REACH), fmax(edge, z));
        add_slice(b, g, mean, cell, z, end - z);
        if (end >= edge)
            cell++;
        z = end;
    }
}

void dp_dots_bell_of(struct dp_dots_bell *out, const struct dp_dots_grid *g,
                     double mu)
{
    *out = (struct dp_dots_bell){ .mu = mu, .is_smooth = mu >= 2.5 * g->step };
    if (!out->is_smooth)
        fill_narrow(out, g);
}

struct dp_complex dp_dots_bell_at(const struct dp_dots_bell *b,
                                  const struct dp_dots_grid *g, size_t j)
{
    if (b->is_smooth)
        return smooth_at(b, g, j);
    struct dp_complex sum = { 0, 0 };
    for (size_t i = 0; i < b->n; i++) {
        const uint64_t at = (uint64_t)(b->first + (int64_t)i) * j;
        const struct dp_complex z = root_at(g, (size_t)at & (g->n - 1));
        sum.re += b->mass[i] * z.re;
        sum.im += b->mass[i] * z.im;
    }
    return sum;
}
