/* What one person adds to one group, measure by measure; dialect_stage.h. */
#include "server/plan/dialect_stage.h"

static void only_flagged(const struct sql *s, size_t i)
{
    if (s->flag[i] != STAGE_NONE)
        writer_printf(s->w, " FILTER (WHERE f%zu)", s->flag[i]);
}

void stage_slot(const struct sql *s, size_t flag, size_t sum)
{
    size_t i = 0;
    if (s->rollup) {
        stage_rollup_slot(s, flag, sum);
        return;
    }
    while (s->slots[i].flag != flag || s->slots[i].sum != sum)
        i++;
    writer_printf(s->w, "e.a%zu", i);
}

static void row_count(const struct sql *s, size_t i)
{
    if (stage_has_slots(s)) {
        stage_slot(s, s->flag[i], STAGE_NONE);
        return;
    }
    writer_str(s->w, "count(*)");
    only_flagged(s, i);
}

static void limited_count(const struct sql *s, size_t i)
{
    if (s->d->scope->one_row) {
        if (s->flag[i] == STAGE_NONE)
            writer_str(s->w, "CAST(1 AS BIGINT)");
        else
            writer_printf(s->w, "%sf%zu%s", dialect_truth_open(s->w),
                          s->flag[i], dialect_truth_close(s->w));
        return;
    }
    writer_str(s->w, "least(");
    row_count(s, i);
    writer_printf(s->w, ", %u)", s->d->plan->linf);
}

bool stage_squares_fit(const struct sql *s, size_t i)
{
    return s->dm[i].hi - s->dm[i].lo < INT32_MAX;
}

/* y^2 / 2^coarse rounded down; 64 bits hold the square of a number below 2^31.
 */
static void square(const struct sql *s, size_t i)
{
    const struct plan_measure *m = &s->pm[i];
    const bool fits = stage_squares_fit(s, i) && !dialect_is_pg(s->w);
    const char *type = fits ? "BIGINT" : dialect_huge(s->w);
    writer_str(s->w, dialect_quotient_open(s->w));
    for (int side = 0; side < 2; side++)
        writer_printf(s->w, "%sCAST(v%zu - CAST('%lld' AS BIGINT) AS %s)",
                      side ? " * " : "(", s->x[i], (long long)m->center, type);
    writer_printf(s->w, ")%sCAST('%lld' AS %s)%s", dialect_quotient(s->w),
                  1LL << m->coarse, type, dialect_quotient_close(s->w));
}

void stage_addend(const struct sql *s, size_t i)
{
    if (s->pm[i].kind == MEASURE_SQUARES)
        square(s, i);
    else if (s->pm[i].kind == MEASURE_EXCESS && !s->dm[i].clamps_person)
        writer_printf(s->w, "e%zu", i);
    else
        writer_printf(s->w, "v%zu", s->x[i]);
}

/* The value of the only row, or 0. */
static void only_value(const struct sql *s, size_t i)
{
    writer_str(s->w, "CASE WHEN ");
    if (s->flag[i] != STAGE_NONE)
        writer_printf(s->w, "f%zu AND ", s->flag[i]);
    writer_printf(s->w, "v%zu IS NOT NULL THEN CAST(", s->x[i]);
    stage_addend(s, i);
    writer_printf(s->w, " AS %s) ELSE CAST(0 AS %s) END", dialect_huge(s->w),
                  dialect_huge(s->w));
}

static void total(const struct sql *s, size_t i)
{
    if (s->d->scope->one_row) {
        only_value(s, i);
        return;
    }
    if (stage_has_slots(s)) {
        stage_slot(s, s->flag[i], i);
        return;
    }
    writer_str(s->w, "coalesce(sum(");
    stage_addend(s, i);
    writer_str(s->w, ")");
    only_flagged(s, i);
    writer_str(s->w, ", 0)");
}

/*
 * The sum s of n > Linf rows, each at least lo, as that of Linf rows of their
 * average: s Linf / n to the nearest step, halves up, counted from lo so that
 * nothing is negative where `//` cuts.  Between Linf lo and Linf hi, as those
 * are steps too.
 */
static void limited_total(const struct sql *s, size_t i)
{
    const uint32_t linf = s->d->plan->linf;
    const char *huge = dialect_huge(s->w);
    const int64_t lo = s->pm[i].kind == MEASURE_SUM      ? s->dm[i].lo
                       : s->pm[i].kind == MEASURE_EXCESS ? -s->dm[i].most
                                                         : 0;
    if (s->d->scope->one_row) {
        total(s, i);
        return;
    }
    writer_str(s->w, "CASE WHEN ");
    row_count(s, i);
    writer_printf(s->w, " > %u THEN %s((", linf, dialect_quotient_open(s->w));
    total(s, i);
    writer_printf(s->w, " - CAST('%lld' AS %s) * ", (long long)lo, huge);
    row_count(s, i);
    writer_printf(s->w, ") * %llu + ", 2ULL * linf);
    row_count(s, i);
    writer_printf(s->w, ")%s(2 * ", dialect_quotient(s->w));
    row_count(s, i);
    writer_printf(s->w, ")%s + CAST('%lld' AS %s) * %u ELSE ",
                  dialect_quotient_close(s->w), (long long)lo, huge, linf);
    total(s, i);
    writer_str(s->w, " END");
}

/* ... less as many steps for each row that counts. */
static void less_per_row(const struct sql *s, size_t i, dp_int steps)
{
    if (steps == 0)
        return;
    writer_printf(s->w, " - CAST('%lld' AS %s) * ", (long long)steps,
                  dialect_huge(s->w));
    limited_count(s, i);
}

static void clamped_total(const struct sql *s, size_t i)
{
    const struct draft_measure *m = &s->dm[i];
    const char *huge = dialect_huge(s->w);
    writer_str(s->w, "CASE WHEN ");
    total(s, i);
    for (int side = 0; side < 2; side++) {
        const long long end = side ? m->person_hi : m->person_lo;
        writer_printf(s->w, " %c CAST('%lld' AS %s) THEN CAST('%lld' AS %s) ",
                      side ? '>' : '<', end, huge, end, huge);
        writer_str(s->w, side ? "ELSE " : "WHEN ");
        total(s, i);
    }
    writer_str(s->w, " END");
}

/* What the clamp of a person's sum takes off, at most `most`. */
static void clamped_rest(const struct sql *s, size_t i)
{
    const struct draft_measure *m = &s->dm[i];
    writer_printf(s->w,
                  "greatest(CAST('%lld' AS %s), least(CAST('%lld' AS %s), ",
                  (long long)-m->most, dialect_huge(s->w), (long long)m->most,
                  dialect_huge(s->w));
    total(s, i);
    writer_str(s->w, " - (");
    clamped_total(s, i);
    writer_str(s->w, ")))");
}

static void any_row(const struct sql *s, size_t i)
{
    writer_str(s->w, "CAST(");
    row_count(s, i);
    writer_str(s->w, " > 0 AS BIGINT)");
}

/* Of one person at most Linf rows; c is NULL where the value is. */
static void clamped_count(const struct sql *s, size_t i)
{
    const bool one_row = s->d->scope->one_row;
    writer_str(s->w, one_row ? dialect_truth_open(s->w) : "least(");
    writer_str(s->w, one_row ? "coalesce(" : "count(*) FILTER (WHERE ");
    writer_printf(s->w, "c%zu", i);
    if (s->flag[i] != STAGE_NONE)
        writer_printf(s->w, " AND f%zu", s->flag[i]);
    if (one_row)
        writer_printf(s->w, ", FALSE)%s", dialect_truth_close(s->w));
    else
        writer_printf(s->w, "), %u)", s->d->plan->linf);
}

void stage_share(const struct sql *s, size_t i)
{
    const struct plan_measure *m = &s->pm[i];
    switch (m->kind) {
    case MEASURE_PEOPLE:
        if (s->flag[i] == STAGE_NONE)
            writer_str(s->w, "CAST(1 AS BIGINT)");
        else if (stage_has_slots(s))
            any_row(s, i);
        else
            writer_printf(s->w, "%s%s(f%zu)%s", dialect_truth_open(s->w),
                          s->d->scope->one_row ? "" : "bool_or", s->flag[i],
                          dialect_truth_close(s->w));
        return;
    case MEASURE_ROWS:
        limited_count(s, i);
        return;
    case MEASURE_SUM:
        if (s->dm[i].clamps_person) {
            clamped_total(s, i);
            return;
        }
        limited_total(s, i);
        less_per_row(s, i, m->center);
        return;
    case MEASURE_SQUARES:
        limited_total(s, i);
        less_per_row(s, i, m->middle);
        return;
    case MEASURE_CUT:
        writer_printf(s->w, "least(greatest(count(*) - %u, 0), %llu)",
                      s->d->plan->linf, (unsigned long long)m->bound);
        return;
    case MEASURE_EXCESS:
        if (s->dm[i].clamps_person)
            clamped_rest(s, i);
        else
            limited_total(s, i);
        return;
    case MEASURE_LEFT: /* a count of pairs: totals() */
    case MEASURE_CLAMPED:
        clamped_count(s, i);
        return;
    case MEASURE_DISTINCT:
        return; /* not a sum over people: dialect_distinct.c */
    }
}
