#include "dp/audit.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include <gsl/gsl_cdf.h>

#include "dp/init.h"

/*
 * The beta cdf turned around by bisection: GSL's own inverse does not converge
 * for many draws.  A cdf that is NaN fails the comparison, which moves the
 * bound to the safe side.
 */
double dp_audit_rate_low(size_t k, size_t n, double alpha)
{
    assert(k <= n && n >= 1 && n <= DP_AUDIT_TRIALS_MAX);
    dp_init();
    /* invariant: `lo` is a bound, `hi` is not known to be one. */
    double lo = 0, hi = k == 0 ? 0 : 1;
    for (double mid = hi / 2; mid > lo && mid < hi; mid = (lo + hi) / 2)
        *(gsl_cdf_beta_P(mid, (double)k, (double)(n - k + 1)) <= alpha ? &lo
                                                                       : &hi) =
            mid;
    return lo;
}

double dp_audit_rate_high(size_t k, size_t n, double alpha)
{
    assert(k <= n && n >= 1 && n <= DP_AUDIT_TRIALS_MAX);
    dp_init();
    double lo = k == n ? 1 : 0, hi = 1;
    for (double mid = (lo + hi) / 2; mid > lo && mid < hi; mid = (lo + hi) / 2)
        *(gsl_cdf_beta_Q(mid, (double)(k + 1), (double)(n - k)) <= alpha
              ? &hi
              : &lo) = mid;
    return hi;
}

static double eps_of(double p, double q, double delta)
{
    return p - delta > q && q > 0 ? log((p - delta) / q) : 0;
}

/* Outcomes of one value among the draws of both neighbours. */
struct cell {
    int64_t value;
    size_t n[2];
};

/* A set of outcomes, likelier on one neighbour than on the other. */
struct event {
    enum { AT_LEAST, AT_MOST, ONE_OF, NONE_OF } kind;
    int64_t bound; /* AT_LEAST, AT_MOST */
    size_t ranked; /* ONE_OF, NONE_OF: that many first of the ranked cells */
    int likelier;
    double score; /* about the bound that the same hits would give again */
};

/* The first half of the draws, and the best event so far. */
struct choosing {
    const struct dp_audit *a;
    size_t n;
    double z; /* the normal quantile of alpha / 2 */
    struct event best;
};

static double width(double rate, const struct choosing *c)
{
    const double n = (double)c->n;
    return c->z * sqrt(rate * (1 - rate) / n) + c->z * c->z / (2 * n);
}

/* Does the event with these hits promise more than the best, either way? */
static void consider(struct choosing *c, struct event e, const size_t hits[2])
{
    const double n = (double)c->n;
    for (e.likelier = 0; e.likelier < 2; e.likelier++) {
        const double p = (double)hits[e.likelier] / n,
                     q = (double)hits[!e.likelier] / n;
        e.score = eps_of(p - width(p, c), q + width(q, c), c->a->delta);
        if (e.score > c->best.score)
            c->best = e;
    }
}

static void consider_tails(struct choosing *c, const struct cell *cell,
                           size_t cells)
{
    size_t below[2] = { 0, 0 };
    for (size_t i = 0; i < cells; i++) {
        const size_t rest[2] = { c->n - below[0], c->n - below[1] };
        consider(c, (struct event){ .kind = AT_LEAST, .bound = cell[i].value },
                 rest);
        below[0] += cell[i].n[0];
        below[1] += cell[i].n[1];
        consider(c, (struct event){ .kind = AT_MOST, .bound = cell[i].value },
                 below);
    }
}

/* Falling ratio of neighbour 0 to neighbour 1; values break ties. */
static int by_ratio(const void *a, const void *b)
{
    const struct cell *x = a, *y = b;
    const double left = (double)(x->n[0] + 1) * (double)(y->n[1] + 1);
    const double right = (double)(y->n[0] + 1) * (double)(x->n[1] + 1);
    if (left != right)
        return left > right ? -1 : 1;
    return (x->value > y->value) - (x->value < y->value);
}

/*
 * Frequent cells by ratio: the first few make an event for neighbour 0, all
 * others one for neighbour 1.  A set of cells that chance put on one side would
 * fail on the second half, hence frequent.
 */
static void consider_sets(struct choosing *c, struct cell *cell, size_t cells)
{
    enum { FREQUENT = 100 };
    size_t used = 0, first[2] = { 0, 0 };
    for (size_t i = 0; i < cells; i++)
        if (cell[i].n[0] + cell[i].n[1] >= FREQUENT)
            cell[used++] = cell[i];
    qsort(cell, used, sizeof *cell, by_ratio);
    for (size_t i = 0; i < used; i++) {
        first[0] += cell[i].n[0];
        first[1] += cell[i].n[1];
        const size_t others[2] = { c->n - first[0], c->n - first[1] };
        consider(c, (struct event){ .kind = ONE_OF, .ranked = i + 1 }, first);
        consider(c, (struct event){ .kind = NONE_OF, .ranked = i + 1 }, others);
    }
}

static int by_value(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The cells of n sorted draws on each neighbour; returns how many. */
static size_t cells_of(struct cell *cell, const int64_t *draw0,
                       const int64_t *draw1, size_t n)
{
    size_t i = 0, j = 0, used = 0;
    while (i < n || j < n) {
        const int64_t v =
            j == n || (i < n && draw0[i] < draw1[j]) ? draw0[i] : draw1[j];
        struct cell *c = &cell[used++];
        *c = (struct cell){ .value = v };
        for (; i < n && draw0[i] == v; i++)
            c->n[0]++;
        for (; j < n && draw1[j] == v; j++)
            c->n[1]++;
    }
    return used;
}

static void *memory(size_t n, size_t size)
{
    void *p = calloc(n, size);
    if (!p)
        abort();
    return p;
}

/* Ranks `cell` and sorts the part of it that the event names, by value. */
static struct event choose_event(const struct dp_audit *a, size_t n,
                                 struct cell *cell, gsl_rng *rng)
{
    int64_t *draw[2] = { memory(n, sizeof(int64_t)),
                         memory(n, sizeof(int64_t)) };
    for (int side = 0; side < 2; side++) {
        for (size_t i = 0; i < n; i++)
            draw[side][i] = a->draw(side, rng, a->ctx);
        qsort(draw[side], n, sizeof *draw[side], by_value);
    }
    const size_t cells = cells_of(cell, draw[0], draw[1], n);
    free(draw[0]);
    free(draw[1]);

    dp_init();
    struct choosing c = { .a = a,
                          .n = n,
                          .z = gsl_cdf_ugaussian_Qinv(a->alpha / 2),
                          .best = { .kind = AT_LEAST, .bound = INT64_MIN } };
    consider_tails(&c, cell, cells);
    consider_sets(&c, cell, cells);
    /* The value comes first in a cell, so the order is by_value's. */
    qsort(cell, c.best.ranked, sizeof *cell, by_value);
    return c.best;
}

static bool holds(const struct event *e, const struct cell *cell, int64_t value)
{
    if (e->kind == AT_LEAST)
        return value >= e->bound;
    if (e->kind == AT_MOST)
        return value <= e->bound;
    const bool found =
        bsearch(&value, cell, e->ranked, sizeof *cell, by_value) != NULL;
    return found == (e->kind == ONE_OF);
}

enum dp_status dp_audit(struct dp_audit_finding *out, const struct dp_audit *a,
                        gsl_rng *rng)
{
    if (a->trials < 2 || a->trials > DP_AUDIT_TRIALS_MAX ||
        !(a->delta >= 0 && a->delta < 1) || !(a->alpha > 0 && a->alpha < 1))
        return DP_EDOM;
    const size_t first = a->trials / 2, second = a->trials - first;
    struct cell *cell = memory(2 * first, sizeof *cell);
    const struct event e = choose_event(a, first, cell, rng);

    size_t hits[2] = { 0, 0 };
    for (int side = 0; side < 2; side++)
        for (size_t i = 0; i < second; i++)
            hits[side] += holds(&e, cell, a->draw(side, rng, a->ctx));
    free(cell);

    const double p = dp_audit_rate_low(hits[e.likelier], second, a->alpha / 2);
    const double q =
        dp_audit_rate_high(hits[!e.likelier], second, a->alpha / 2);
    *out = (struct dp_audit_finding){
        .eps = eps_of(p, q, a->delta),
        .likelier = e.likelier,
        .hits = { hits[0], hits[1] },
        .tested = second,
    };
    return DP_OK;
}
