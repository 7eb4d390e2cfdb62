#include "tests/auditor/score.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gsl/gsl_sort.h>

enum { CELLS_MAX = 256, NAME_CAP = 96 };

/* Differences below so many standard errors are taken for noise. */
#define FIRM 4.0
/* Values are steps of 1/GRID; scores, too. */
#define GRID 1024.0

struct seen {
    double *value; /* owned */
    size_t n, cap;
};

struct cell {
    char name[NAME_CAP];
    struct seen side[2];
    double low, high;       /* values are clamped: a ratio has no variance */
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
    if (seen->n == seen->cap) {
        seen->cap = 2 * seen->cap + 64;
        seen->value = realloc(seen->value, seen->cap * sizeof *seen->value);
        if (!seen->value)
            abort();
    }
    seen->value[seen->n++] = value;
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

static double clamped(const struct cell *c, double x)
{
    return x < c->low ? c->low : x > c->high ? c->high : x;
}

static void moments(double *mean, double *variance, const struct cell *c,
                    int side)
{
    const struct seen *seen = &c->side[side];
    double sum = 0, squares = 0;
    for (size_t i = 0; i < seen->n; i++)
        sum += clamped(c, seen->value[i]);
    *mean = sum / (double)seen->n;
    for (size_t i = 0; i < seen->n; i++) {
        const double off = clamped(c, seen->value[i]) - *mean;
        squares += off * off;
    }
    *variance = squares / (double)(seen->n - 1);
}

/* Between the first and the last two hundredth of both sides' values. */
static void find_range(struct cell *c)
{
    enum { PART = 200 };
    c->low = INFINITY;
    c->high = -INFINITY;
    for (int side = 0; side < 2; side++) {
        const struct seen *seen = &c->side[side];
        gsl_sort(seen->value, 1, seen->n);
        const size_t at = seen->n / PART;
        c->low = fmin(c->low, seen->value[at]);
        c->high = fmax(c->high, seen->value[seen->n - 1 - at]);
    }
}

static void weigh_value(struct cell *c)
{
    enum { ENOUGH = 50 };
    double mean[2], variance[2];
    if (c->side[0].n < ENOUGH || c->side[1].n < ENOUGH)
        return;
    find_range(c);
    moments(&mean[0], &variance[0], c, 0);
    moments(&mean[1], &variance[1], c, 1);
    const double error = sqrt(variance[0] / (double)c->side[0].n +
                              variance[1] / (double)c->side[1].n);
    const double pooled = (variance[0] + variance[1]) / 2;
    if (pooled > 0 && fabs(mean[1] - mean[0]) > FIRM * error)
        c->weight = (mean[1] - mean[0]) / pooled;
}

/* Rates with half a case more on each side. */
static void weigh_presence(struct cell *c, const size_t answers[2])
{
    double rate[2], error = 0;
    for (int side = 0; side < 2; side++) {
        const double n = (double)answers[side];
        rate[side] = ((double)c->side[side].n + 0.5) / (n + 1);
        error += rate[side] * (1 - rate[side]) / n;
    }
    if (fabs(rate[1] - rate[0]) <= FIRM * sqrt(error) / 2)
        return;
    c->present = log(rate[1] / rate[0]);
    c->absent = log((1 - rate[1]) / (1 - rate[0]));
}

void scorer_settle(struct scorer *s)
{
    for (size_t i = 0; i < s->n; i++) {
        weigh_value(&s->cell[i]);
        weigh_presence(&s->cell[i], s->answers);
    }
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
        sum->score += c->weight * (clamped(c, value) - (c->low + c->high) / 2);
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
