#include "server/plan/dialect_stage.h"

/*
 * Rows per group and bucket.  A person with n > Linf rows in a group counts
 * with Linf of them: those that stand evenly among the person's own in the
 * order of their values, from a start r below n that is the person's, so that
 * over many people every row is as likely; the o-th of n is one when
 * (o Linf + r) / n, rounded down, is more than for the row before.  Rows with
 * one value may change places; nothing after can tell.
 *
 *   ordered  o numbers a person's rows in a group, n counts them
 *   started  r, where the person begins
 *
 * v never leaves lo..hi, so that buckets are 0 to n_buckets - 1.
 */
static void stage_ordered(const struct sql *s)
{
    const size_t n_keys = s->d->plan->n_keys;
    writer_str(s->w, ",\nordered AS (SELECT *, count(*) OVER (PARTITION BY p");
    stage_columns(s, 'k', n_keys);
    writer_str(s->w, ") AS n, row_number() OVER (PARTITION BY p");
    stage_columns(s, 'k', n_keys);
    writer_printf(s->w, " ORDER BY v0) AS o FROM placed%s)",
                  s->flag[0] != STAGE_NONE ? " WHERE f0" : "");
    if (dialect_is_pg(s->w)) {
        stage_pg_starts(s);
        writer_printf(s->w,
                      ",\nstarted AS (SELECT o.*, CASE WHEN n > %u THEN "
                      "CAST(mod(c, n) AS BIGINT) END AS r FROM ordered AS o "
                      "JOIN starts ON starts.q = o.p)",
                      s->d->plan->linf);
        return;
    }
    writer_str(s->w, ",\nstarted AS (SELECT *, CAST(");
    stage_person_code(s);
    writer_str(s->w, " % CAST(n AS UBIGINT) AS BIGINT) AS r FROM ordered)");
}

void stage_histogram(const struct sql *s)
{
    const struct plan_hist *h = s->hist;
    const size_t n_keys = s->d->plan->n_keys;
    const bool one_row = s->d->scope->one_row;
    const uint32_t linf = s->d->plan->linf;
    /* Of BIGINT on both sides. */
    const char *over = dialect_is_pg(s->w) ? "/" : "//";

    if (!one_row)
        stage_ordered(s);
    writer_str(s->w, "\nSELECT ");
    for (size_t k = 0; k < n_keys; k++)
        writer_printf(s->w, "v.k%zu, ", k);
    writer_printf(s->w,
                  "(v.v0 - CAST('%lld' AS BIGINT)) %s CAST('%lld' AS BIGINT) "
                  "AS k%zu, CAST(count(*) AS %s) AS m0 FROM %s AS v",
                  (long long)h->lo, over, (long long)h->width, n_keys,
                  dialect_huge(s->w), one_row ? "placed" : "started");
    stage_kept_groups(s, "v");
    if (!one_row)
        writer_printf(s->w,
                      " WHERE v.n <= %u OR (v.o * %u + v.r) %s v.n > ((v.o - "
                      "1) * %u + v.r) %s v.n",
                      linf, linf, over, linf, over);
    else if (s->flag[0] != STAGE_NONE)
        writer_str(s->w, " WHERE v.f0");
    writer_str(s->w, " GROUP BY ");
    for (size_t k = 0; k <= n_keys; k++)
        writer_printf(s->w, "%s%zu", k ? ", " : "", k + 1);
}
