#include "tests/auditor/score.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gsl/gsl_linalg.h>
#include <gsl/gsl_sort.h>

enum { CELLS_MAX = 256, NAME_CAP = 96 };

/* Rates that differ by fewer standard errors are taken for one. */
#define FIRM 2.0
/* Values are steps of 1/GRID; scores, too. */
#define GRID 1024.0

/* Values by answer, NAN where it had none; those after the last are missing. */
struct seen {
    double *value; /* owned */
    size_t n, cap;
    size_t n_there; /* of them, numbers */
};

struct cell {
    char name[NAME_CAP];
    struct seen side[2];
    double low, high;       /* values are clamped: a ratio has no variance */
    double middle;          /* stands for a value that is not there */
    double weight;          /* of a value */
    double present, absent; /* of being there, and not */
};

struct scorer {
    struct cell cell[CELLS_MAX];
    size_t n;
    size_t answers[2];
    bool single; /* every answer was one number */
};

struct scorer *scorer_new(void)
{
    struct scorer *s = calloc(1, sizeof *s);
    if (!s)
        abort();
    s->single = true;
    return s;
}

void scorer_free(struct scorer *s)
{
    for (size_t i = 0; i < s->n; i++)
        for (int side = 0; side < 2; side++)
            free(s->cell[i].side[side].value);
    free(s);
}

/* ---- cells of an answer ---- */

/* False for NULL: a cell that is not there. */
static bool number_of(double *out, const Halftone__V1__Value *v)
{
    if (v->kind_case == HALFTONE__V1__VALUE__KIND_INT_VALUE)
        *out = (double)v->int_value;
    else if (v->kind_case == HALFTONE__V1__VALUE__KIND_DOUBLE_VALUE)
        *out = v->double_value;
    else
        return false;
    return isfinite(*out);
}

static size_t add_key(char *name, size_t at, const Halftone__V1__Value *v)
{
    double x;
    const char *text = v->kind_case == HALFTONE__V1__VALUE__KIND_TEXT_VALUE
                           ? v->text_value
                           : "-";
    const int n = number_of(&x, v)
                      ? snprintf(name + at, NAME_CAP - at, "%g|", x)
                      : snprintf(name + at, NAME_CAP - at, "%s|", text);
    assert(n > 0 && at + (size_t)n < NAME_CAP);
    return at + (size_t)n;
}

typedef void visit_fn(void *ctx, const char *name, double value);

static size_t visit(const Halftone__V1__QueryReply *answer, visit_fn *f,
                    void *ctx)
{
    size_t numbers = 0;
    for (size_t r = 0; r < answer->n_rows; r++) {
        const Halftone__V1__Row *row = answer->rows[r];
        char name[NAME_CAP] = "";
        size_t len = 0;
        for (size_t c = 0; c < row->n_cells; c++)
            if (answer->columns[c]->is_key)
                len = add_key(name, len, row->cells[c]);
        for (size_t c = 0; c < row->n_cells; c++) {
            double x;
            if (answer->columns[c]->is_key || !number_of(&x, row->cells[c]))
                continue;
            (void)snprintf(name + len, NAME_CAP - len, "%zu", c);
            f(ctx, name, x);
            numbers++;
        }
    }
    return numbers;
}

/* ---- learning ---- */

struct learning {
    struct scorer *s;
    int side;
};

static struct cell *find(const struct scorer *s, const char *name)
{
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->cell[i].name, name) == 0)
            return (struct cell *)(uintptr_t)&s->cell[i];
    return NULL;
}

static void remember(void *ctx, const char *name, double value)
{
    const struct learning *l = ctx;
    struct cell *cell = find(l->s, name);
    if (!cell) {
        assert(l->s->n < CELLS_MAX);
        cell = &l->s->cell[l->s->n++];
        (void)snprintf(cell->name, sizeof cell->name, "%s", name);
    }
    struct seen *seen = &cell->side[l->side];
    const size_t at = l->s->answers[l->side];
    if (at >= seen->cap) {
        seen->cap = 2 * at + 64;
        seen->value = realloc(seen->value, seen->cap * sizeof *seen->value);
        if (!seen->value)
            abort();
    }
    while (seen->n < at)
        seen->value[seen->n++] = (double)NAN;
    assert(seen->n == at); /* one value a cell */
    seen->value[seen->n++] = value;
    seen->n_there++;
}

void scorer_learn(struct scorer *s, int side,
                  const Halftone__V1__QueryReply *answer)
{
    struct learning l = { s, side };
    const size_t numbers = visit(answer, remember, &l);
    s->answers[side]++;
    s->single = s->single && answer->n_rows == 1 && numbers <= 1 &&
                answer->n_columns == 1;
}

/* What counts of a value: NAN is a value that is not there. */
static double centred(const struct cell *c, double x)
{
    return isnan(x) ? 0 : fmax(c->low, fmin(c->high, x)) - c->middle;
}

static double centred_at(const struct cell *c, int side, size_t answer)
{
    const struct seen *seen = &c->side[side];
    return centred(c, answer < seen->n ? seen->value[answer] : (double)NAN);
}

/* Between the first and the last two hundredth of both sides' values. */
static bool find_range(struct cell *c)
{
    enum { PART = 200, ENOUGH = 50 };
    if (c->side[0].n_there < ENOUGH || c->side[1].n_there < ENOUGH)
        return false;
    c->low = INFINITY;
    c->high = -INFINITY;
    for (int side = 0; side < 2; side++) {
        const struct seen *seen = &c->side[side];
        double *sorted = malloc(seen->n * sizeof *sorted);
        size_t n = 0;
        if (!sorted)
            abort();
        for (size_t i = 0; i < seen->n; i++)
            if (!isnan(seen->value[i]))
                sorted[n++] = seen->value[i];
        gsl_sort(sorted, 1, n);
        c->low = fmin(c->low, sorted[n / PART]);
        c->high = fmax(c->high, sorted[n - 1 - n / PART]);
        free(sorted);
    }
    c->middle = (c->low + c->high) / 2;
    return c->high > c->low;
}

/* Means of each side, and what is common to both sides' variances. */
struct moments {
    const struct scorer *s;
    struct cell *cell[CELLS_MAX]; /* those that vary */
    size_t n;
    double mean[2][CELLS_MAX], deviation[CELLS_MAX];
};

static double covariance(const struct moments *m, size_t a, size_t b)
{
    double sum = 0;
    size_t n = 0;
    for (int side = 0; side < 2; side++) {
        for (size_t i = 0; i < m->s->answers[side]; i++)
            sum += (centred_at(m->cell[a], side, i) - m->mean[side][a]) *
                   (centred_at(m->cell[b], side, i) - m->mean[side][b]);
        n += m->s->answers[side] - 1;
    }
    return sum / (double)n;
}

static void find_moments(struct moments *m, struct scorer *s)
{
    *m = (struct moments){ .s = s };
    for (size_t c = 0; c < s->n; c++) {
        if (!find_range(&s->cell[c]))
            continue;
        m->cell[m->n] = &s->cell[c];
        for (int side = 0; side < 2; side++) {
            double sum = 0;
            for (size_t i = 0; i < s->answers[side]; i++)
                sum += centred_at(&s->cell[c], side, i);
            m->mean[side][m->n] = sum / (double)s->answers[side];
        }
        m->deviation[m->n] = sqrt(covariance(m, m->n, m->n));
        m->n += m->deviation[m->n] > 0;
    }
}

/* Covariance^-1 * difference of means, in units of deviations; a little is
 * added to the diagonal, since some cells are sums of others. */
static void weigh_values(struct scorer *s)
{
    static const double RIDGE = 1e-4;
    static struct moments m;
    find_moments(&m, s);
    if (m.n == 0)
        return;
    gsl_matrix *a = gsl_matrix_alloc(m.n, m.n);
    gsl_vector *x = gsl_vector_alloc(m.n);
    if (!a || !x)
        abort();
    for (size_t i = 0; i < m.n; i++) {
        gsl_vector_set(x, i, (m.mean[1][i] - m.mean[0][i]) / m.deviation[i]);
        for (size_t j = 0; j <= i; j++) {
            const double r =
                covariance(&m, i, j) / (m.deviation[i] * m.deviation[j]);
            gsl_matrix_set(a, i, j, i == j ? 1 + RIDGE : r);
            gsl_matrix_set(a, j, i, i == j ? 1 + RIDGE : r);
        }
    }
    if (gsl_linalg_cholesky_decomp1(a) != GSL_SUCCESS ||
        gsl_linalg_cholesky_svx(a, x) != GSL_SUCCESS)
        abort();
    for (size_t i = 0; i < m.n; i++)
        m.cell[i]->weight = gsl_vector_get(x, i) / m.deviation[i];
    gsl_matrix_free(a);
    gsl_vector_free(x);
}

/* Rates with half a case more on each side. */
static void weigh_presence(struct cell *c, const size_t answers[2])
{
    double rate[2], error = 0;
    for (int side = 0; side < 2; side++) {
        const double n = (double)answers[side];
        rate[side] = ((double)c->side[side].n_there + 0.5) / (n + 1);
        error += rate[side] * (1 - rate[side]) / n;
    }
    if (fabs(rate[1] - rate[0]) <= FIRM * sqrt(error))
        return;
    c->present = log(rate[1] / rate[0]);
    c->absent = log((1 - rate[1]) / (1 - rate[0]));
}

void scorer_settle(struct scorer *s)
{
    for (size_t i = 0; i < s->n; i++)
        weigh_presence(&s->cell[i], s->answers);
    weigh_values(s);
}

/* ---- scoring ---- */

struct scoring {
    const struct scorer *s;
    double score, only;
};

static void add_cell(void *ctx, const char *name, double value)
{
    struct scoring *sum = ctx;
    const struct cell *c = find(sum->s, name);
    sum->only = value;
    if (!c)
        return;
    sum->score += c->present - c->absent;
    if (c->weight != 0)
        sum->score += c->weight * centred(c, value);
}

int64_t scorer_outcome(const struct scorer *s,
                       const Halftone__V1__QueryReply *answer)
{
    struct scoring sum = { .s = s };
    const size_t numbers = visit(answer, add_cell, &sum);
    if (s->single)
        return numbers == 1 ? llround(fmax(-1e12, fmin(1e12, sum.only)) * GRID)
                            : INT64_MIN / 2;
    return llround(sum.score * GRID);
}
