#include "server/plan/dialect_stage.h"

/*
 *   values  the different values of each person and group
 *   firsts  n numbers them in the order of their places on the person's line
 *           (keep.h), a value's code being the engine's hash of it
 *   counted different values among the first Linf of each person, per group
 *
 * Without one person the values of the others are what they were: each count
 * changes by at most the Linf values that were the person's, in at most L0
 * groups.
 */
static void keys_of(const struct sql *s, const char *alias)
{
    for (size_t k = 0; k < s->d->plan->n_keys; k++)
        writer_printf(s->w, "%s%s.k%zu", k ? ", " : "", alias, k);
}

/* "a.k0 IS NOT DISTINCT FROM b.k0 AND ...", or TRUE.  PostgreSQL looks at every
 * pair of rows for that, and hashes arrays, whose NULLs are alike, too. */
static void same_group(const struct sql *s, const char *a, const char *b)
{
    for (size_t k = 0; k < s->d->plan->n_keys; k++) {
        writer_str(s->w, k ? " AND " : "");
        if (dialect_is_pg(s->w))
            writer_printf(s->w, "ARRAY[%s.k%zu] = ARRAY[%s.k%zu]", a, k, b, k);
        else
            writer_printf(s->w, "%s.k%zu IS NOT DISTINCT FROM %s.k%zu", a, k, b,
                          k);
    }
    writer_str(s->w, s->d->plan->n_keys ? "" : "TRUE");
}

void stage_kept_groups(const struct sql *s, const char *of)
{
    if (!s->ranks)
        return;
    writer_printf(s->w,
                  " %s (SELECT * FROM ranked WHERE g <= %u) AS r ON %s.p = "
                  "r.p AND ",
                  /* a pair stands there once: both mean the same */
                  dialect_is_pg(s->w) ? "JOIN" : "SEMI JOIN", s->d->plan->l0,
                  of);
    same_group(s, of, "r");
}

void stage_value_code(const struct sql *s, size_t i)
{
    char name[24];
    (void)snprintf(name, sizeof name, "u%zu", s->u[i]);
    if (s->d->req->portable && s->dm[i].value->type != VALUE_DOUBLE)
        stage_code_of(s, s->dm[i].value->type, name);
    else
        writer_printf(s->w, "hash(%s)", name);
}

static void numbered(const struct sql *s, size_t i)
{
    const size_t n_keys = s->d->plan->n_keys, u = s->u[i];
    writer_printf(s->w, ",\nvalues%zu AS (SELECT DISTINCT p", i);
    stage_columns(s, 'k', n_keys);
    writer_printf(s->w, ", u%zu FROM placed", u);
    if (s->flag[i] != STAGE_NONE)
        writer_printf(s->w, " WHERE f%zu", s->flag[i]);
    writer_str(s->w, ")");
    if (dialect_is_pg(s->w)) {
        stage_pg_value_codes(s, i);
        writer_printf(s->w, ",\nfirsts%zu AS (SELECT *, ", i);
        stage_pg_place(s);
        writer_printf(s->w, " AS h FROM lines%zu)", i);
    } else {
        writer_printf(s->w, ",\nfirsts%zu AS (SELECT *, ", i);
        stage_place_open(s);
        stage_value_code(s, i);
        writer_printf(s->w, ") AS h FROM values%zu)", i);
    }
    writer_printf(s->w, ",\nnumbered%zu AS (SELECT *, ", i);
    writer_str(s->w, "dense_rank() OVER (PARTITION BY p");
    stage_columns(s, 'k', n_keys);
    writer_printf(s->w, " ORDER BY h, u%zu) AS n FROM firsts%zu)", u, i);
}

void stage_distinct(const struct sql *s, size_t i)
{
    const size_t n_keys = s->d->plan->n_keys, u = s->u[i];
    const bool one_row = s->d->scope->one_row; /* and so one value */
    if (!one_row)
        numbered(s, i);
    writer_printf(s->w, ",\ncounted%zu AS (SELECT ", i);
    keys_of(s, "v");
    writer_printf(s->w, "%scount(DISTINCT v.u%zu) AS a FROM ",
                  n_keys ? ", " : "", u);
    if (one_row)
        writer_str(s->w, "placed AS v");
    else
        writer_printf(s->w, "numbered%zu AS v", i);
    stage_kept_groups(s, "v");
    if (!one_row)
        writer_printf(s->w, " WHERE v.n <= %u", s->d->plan->linf);
    else if (s->flag[i] != STAGE_NONE)
        writer_printf(s->w, " WHERE v.f%zu", s->flag[i]);
    writer_str(s->w, n_keys ? " GROUP BY " : "");
    keys_of(s, "v");
    writer_str(s->w, ")");
}

void stage_with_distinct(const struct sql *s)
{
    writer_str(s->w, ")\nSELECT ");
    keys_of(s, "t");
    const char *between = s->d->plan->n_keys ? ", " : "";
    for (size_t i = 0; i < s->n; i++, between = ", ") {
        writer_str(s->w, between);
        if (s->pm[i].kind == MEASURE_DISTINCT)
            writer_printf(s->w, "CAST(coalesce(c%zu.a, 0) AS %s) AS m%zu", i,
                          dialect_huge(s->w), i);
        else
            writer_printf(s->w, "t.m%zu", i);
    }
    writer_str(s->w, " FROM totals AS t");
    for (size_t i = 0; i < s->n; i++) {
        char name[32];
        struct writer w = writer_of(name, sizeof name);
        if (s->pm[i].kind != MEASURE_DISTINCT)
            continue;
        writer_printf(&w, "c%zu", i);
        (void)writer_cstr(&w);
        writer_printf(s->w, " LEFT JOIN counted%zu AS %s ON ", i, name);
        same_group(s, "t", name);
    }
}
