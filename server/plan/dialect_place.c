/*
 * The stage `placed`: keys in their public domains, values clamped on the grid;
 * dialect_stage.h.
 */
#include <math.h>

#include "server/plan/dialect_stage.h"

/* Every whole step between the first and the last is listed. */
static bool is_contiguous(const struct sql *s, size_t k)
{
    const struct plan_key *key = &s->d->plan->keys[k];
    const struct typed *e = s->d->keys[k];
    const struct value *v = key->domain;
    const size_t n = key->n_domain;
    if (n < 3 || v[n - 1].type == VALUE_NULL)
        return false;
    if (typed_is_call(e, OP_DATE_TRUNC))
        return !s->d->like; /* every unit from the first to the last */
    return (key->type == VALUE_INT || key->type == VALUE_DATE) &&
           (uint64_t)v[n - 1].i - (uint64_t)v[0].i == n - 1;
}

static void in_domain(const struct sql *s, size_t k)
{
    const struct plan_key *key = &s->d->plan->keys[k];
    size_t n = key->n_domain;
    if (is_contiguous(s, k)) {
        writer_printf(s->w, "k%zu BETWEEN ", k);
        dialect_value(s->w, key->type, &key->domain[0]);
        writer_str(s->w, " AND ");
        dialect_value(s->w, key->type, &key->domain[n - 1]);
        return;
    }
    const bool has_null = n > 0 && key->domain[n - 1].type == VALUE_NULL;
    n -= has_null;
    writer_str(s->w, has_null ? "(" : "");
    writer_printf(s->w, n ? "k%zu IN (" : "k%zu IS NULL", k);
    for (size_t i = 0; i < n; i++) {
        writer_str(s->w, i ? ", " : "");
        dialect_value(s->w, key->type, &key->domain[i]);
    }
    writer_str(s->w, n ? ")" : "");
    writer_printf(s->w, has_null ? " OR k%zu IS NULL)" : "", k);
}

static void placed_key(const struct sql *s, size_t k)
{
    const struct value *other = &s->d->others[k];
    if (other->type == VALUE_NULL) {
        writer_printf(s->w, ", k%zu", k);
        return;
    }
    writer_str(s->w, ", CASE WHEN ");
    in_domain(s, k);
    writer_printf(s->w, " THEN k%zu ELSE ", k);
    dialect_value(s->w, s->d->plan->keys[k].type, other);
    writer_printf(s->w, " END AS k%zu", k);
}

static int64_t on_grid(double v, unsigned bits)
{
    return (int64_t)floor(ldexp(v, (int)bits) + 0.5);
}

/*
 * floor(x * 2^bits + 0.5) of x clamped.  The ends are computed here by the same
 * formula, which is monotone, so the result never leaves lo..hi.
 */
static void placed_value(const struct sql *s, size_t i)
{
    const struct draft_measure *m = &s->dm[i];
    const unsigned bits = s->pm[i].grid_bits;
    const struct value lo = value_double(m->row.lo),
                       hi = value_double(m->row.hi);
    const size_t x = s->x[i];

    writer_printf(s->w, ", CASE WHEN x%zu <= ", x);
    dialect_value(s->w, VALUE_DOUBLE, &lo);
    writer_printf(s->w, " THEN CAST('%lld' AS BIGINT) WHEN x%zu >= ",
                  (long long)on_grid(m->row.lo, bits), x);
    dialect_value(s->w, VALUE_DOUBLE, &hi);
    writer_printf(s->w,
                  " THEN CAST('%lld' AS BIGINT) ELSE "
                  "%sCAST(floor(x%zu * %lld + 0.5) AS BIGINT) END AS v%zu",
                  (long long)on_grid(m->row.hi, bits), dialect_try(s->w), x,
                  1LL << bits, x);
}

static void only_in_domains(const struct sql *s)
{
    const struct plan *p = s->d->plan;
    const char *between = " WHERE ";
    for (size_t k = 0; k < p->n_keys; k++) {
        if (!p->keys[k].is_public || s->d->others[k].type != VALUE_NULL)
            continue;
        writer_str(s->w, between);
        in_domain(s, k);
        between = " AND ";
    }
}

void stage_placed_keys(const struct sql *s, const char *from)
{
    writer_str(s->w, "SELECT 0");
    for (size_t k = 0; k < s->d->plan->n_keys; k++)
        placed_key(s, k);
    writer_printf(s->w, " FROM %s", from);
    only_in_domains(s);
}

void stage_placed(const struct sql *s)
{
    const struct plan *p = s->d->plan;

    writer_printf(s->w, ",\nplaced AS %s(SELECT p",
                  s->keeps || stage_pg_reads_again(s) ? "NOT MATERIALIZED "
                                                      : "");
    for (size_t k = 0; k < p->n_keys; k++)
        placed_key(s, k);
    for (size_t j = 0; j < s->n_flags; j++)
        writer_printf(s->w, ", f%zu", j);
    stage_columns(s, 'u', s->n_u);
    for (size_t i = 0; i < s->n; i++)
        if (s->pm[i].kind == MEASURE_SUM)
            placed_value(s, i);
    stage_report_columns(s);
    writer_str(s->w, " FROM rows");
    only_in_domains(s);
    writer_str(s->w, ")");
}
