/* Columns of `placed` that reports on clamping add up; dialect_stage.h. */
#include "server/plan/dialect_stage.h"

/* Does the value lie outside its bounds? */
static void is_clamped(const struct sql *s, size_t i)
{
    const struct draft_measure *m = &s->dm[i];
    const struct value lo = value_double(m->row.lo),
                       hi = value_double(m->row.hi);
    writer_printf(s->w, ", (x%zu < ", s->x[i]);
    dialect_value(s->w, VALUE_DOUBLE, &lo);
    writer_printf(s->w, " OR x%zu > ", s->x[i]);
    dialect_value(s->w, VALUE_DOUBLE, &hi);
    writer_printf(s->w, ") AS c%zu", i);
}

/*
 * What clamping takes off the row, on the grid of the report: outside the range
 * by at most `most`.
 */
static void placed_excess(const struct sql *s, size_t i)
{
    const struct draft_measure *m = &s->dm[i];
    const size_t x = s->x[i];
    const long long steps = 1LL << s->pm[i].grid_bits;
    const struct value ends[] = { value_double(m->row.lo - m->most_row),
                                  value_double(m->row.lo),
                                  value_double(m->row.hi),
                                  value_double(m->row.hi + m->most_row) };
    writer_printf(s->w, ", CASE WHEN x%zu <= ", x);
    dialect_value(s->w, VALUE_DOUBLE, &ends[0]);
    writer_printf(s->w, " THEN CAST('%lld' AS BIGINT) WHEN x%zu >= ",
                  (long long)-m->most, x);
    dialect_value(s->w, VALUE_DOUBLE, &ends[3]);
    writer_printf(s->w, " THEN CAST('%lld' AS BIGINT) WHEN x%zu < ",
                  (long long)m->most, x);
    for (int high = 0; high < 2; high++) {
        dialect_value(s->w, VALUE_DOUBLE, &ends[1 + high]);
        writer_printf(s->w,
                      " THEN greatest(CAST('%lld' AS BIGINT), least("
                      "CAST('%lld' AS BIGINT), %sCAST(floor((x%zu - ",
                      (long long)-m->most, (long long)m->most,
                      dialect_try(s->w), x);
        dialect_value(s->w, VALUE_DOUBLE, &ends[1 + high]);
        writer_printf(s->w, ") * %lld + 0.5) AS BIGINT)))", steps);
        if (!high)
            writer_printf(s->w, " WHEN x%zu > ", x);
    }
    writer_printf(s->w,
                  " WHEN x%zu IS NOT NULL THEN CAST(0 AS BIGINT) END AS e%zu",
                  x, i);
}

void stage_report_columns(const struct sql *s)
{
    for (size_t i = 0; i < s->n; i++) {
        if (s->pm[i].kind == MEASURE_CLAMPED)
            is_clamped(s, i);
        if (s->pm[i].kind == MEASURE_EXCESS && !s->dm[i].clamps_person)
            placed_excess(s, i);
    }
}
