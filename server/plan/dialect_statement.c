#include <assert.h>
#include <math.h>
#include <string.h>

#include "server/plan/dialect_stage.h"
#include "server/plan/reach.h"

/*
 * The engine's statement, one stage per line of this table:
 *
 *   rows    rows with a key that pass the WHERE: person p, keys k, flags f
 *           (FILTER holds and x is not NULL), values x
 *   placed  keys in their public domains, values clamped on the grid (v)
 *   pairs   one row per person and group, each aggregate a bounded integer a
 *   ranked  g numbers a person's groups in the order of keep.h
 *
 * or, where that is enough, kept, pairs and names of dialect_keep.c.  Beside it
 * stands one over a rollup, where dialect_rollup.c finds one that serves.
 *
 * ranked only when a person could have more than L0 groups, which a relation of
 * one row per person rules out.  Every stage is a function of one person's
 * rows, so it bounds what one person changes whatever the hash.
 *
 * A person with n > Linf rows in a group counts as Linf of them, each weighing
 * Linf / n: a sum s becomes s Linf / n, to the nearest integer.  With rows in
 * [lo, hi] that lies in [Linf lo, Linf hi], as a sum of Linf rows does, and the
 * person's mean stays what it was: the grid is finer than the values' own so
 * that it does.
 */
/* COUNT(x) flags rows by x; a sum does too, so that both mean the same rows. */
static const struct typed *flag_value(const struct sql *s, size_t i)
{
    const struct typed *v = s->dm[i].value;
    return v && !v->never_null ? v : NULL;
}

/* Squares are those of a sum's values, which stands before them. */
static size_t column_of_sum(const struct sql *s, size_t i)
{
    size_t j = 0;
    while (j < i && !(s->pm[j].kind == MEASURE_SUM &&
                      s->pm[j].grid_bits == s->pm[i].grid_bits &&
                      s->pm[j].center == s->pm[i].center &&
                      typed_equal(s->dm[j].value, s->dm[i].value) &&
                      typed_equal(s->dm[j].filter, s->dm[i].filter)))
        j++;
    assert(j < i);
    return s->x[j];
}

void stage_number(struct sql *s)
{
    const struct draft_measure *m = s->dm;
    for (size_t i = 0; i < s->n; i++) {
        size_t j = 0;
        s->flag[i] = s->x[i] = s->u[i] = STAGE_NONE;
        if (m[i].filter || flag_value(s, i)) {
            while (j < i && !(s->flag[j] != STAGE_NONE &&
                              typed_equal(m[i].filter, m[j].filter) &&
                              typed_equal(flag_value(s, i), flag_value(s, j))))
                j++;
            s->flag[i] = j < i ? s->flag[j] : s->n_flags++;
        }
        if (s->pm[i].kind == MEASURE_SUM)
            s->x[i] = s->n_x++;
        if (s->pm[i].kind == MEASURE_SQUARES)
            s->x[i] = column_of_sum(s, i);
        if (s->pm[i].kind == MEASURE_CLAMPED || s->pm[i].kind == MEASURE_EXCESS)
            s->x[i] = s->x[m[i].of];
        if (s->pm[i].kind == MEASURE_DISTINCT)
            s->u[i] = s->n_u++;
    }
}

/* Flags shared by measures are printed once, by the first. */
static bool first_of_flag(const struct sql *s, size_t i)
{
    for (size_t j = 0; j < i; j++)
        if (s->flag[j] == s->flag[i])
            return false;
    return s->flag[i] != STAGE_NONE;
}

static void flag(const struct sql *s, size_t i)
{
    const struct draft_measure *m = &s->dm[i];
    writer_str(s->w, ", (");
    if (m->filter) {
        dialect_expr(s->w, m->filter);
        writer_str(s->w, " IS TRUE");
    }
    if (flag_value(s, i)) {
        writer_str(s->w, m->filter ? " AND (" : "(");
        dialect_expr(s->w, flag_value(s, i));
        writer_str(s->w, ") IS NOT NULL");
    }
    writer_printf(s->w, ") AS f%zu", s->flag[i]);
}

static void stage_rows(const struct sql *s)
{
    const struct draft *d = s->d;
    const struct rel_scope *scope = d->scope;

    writer_printf(s->w, "WITH rows AS %s(SELECT %s AS p",
                  s->keeps ? "NOT MATERIALIZED " : "",
                  scope->leaves[scope->key].key_sql);
    for (size_t k = 0; k < d->plan->n_keys; k++)
        stage_key(s, k);
    for (size_t i = 0; i < s->n; i++) {
        if (first_of_flag(s, i))
            flag(s, i);
        if (s->u[i] != STAGE_NONE) {
            writer_str(s->w, ", ");
            if (s->d->dialect || s->d->req->portable) /* has a code */
                dialect_typed(s->w, s->dm[i].value);
            else
                dialect_expr(s->w, s->dm[i].value);
            writer_printf(s->w, " AS u%zu", s->u[i]);
        }
        if (s->pm[i].kind != MEASURE_SUM)
            continue;
        writer_str(s->w, ", CAST(");
        dialect_expr(s->w, s->dm[i].value);
        writer_printf(s->w, " AS %s) AS x%zu", dialect_type(s->w, VALUE_DOUBLE),
                      s->x[i]);
    }
    dialect_from(s->w, scope);
    dialect_where(s->w, scope, &d->where);
    writer_str(s->w, ")");
}

/* Does measure i have a column a of each pair? */
static bool has_share(const struct sql *s, size_t i)
{
    return s->pm[i].kind != MEASURE_DISTINCT && s->pm[i].kind != MEASURE_LEFT;
}

/* No larger than its bound: PostgreSQL adds up BIGINTs faster than NUMERICs. */
static void share(const struct sql *s, size_t i)
{
    const enum measure_kind kind = s->pm[i].kind;
    const bool sums = kind == MEASURE_SUM || kind == MEASURE_SQUARES ||
                      kind == MEASURE_EXCESS;
    const bool casts =
        sums && dialect_is_pg(s->w) && s->pm[i].bound < INT64_MAX / 2;
    writer_str(s->w, casts ? "CAST(" : "");
    stage_share(s, i);
    writer_str(s->w, casts ? " AS BIGINT)" : "");
}

static void stage_pairs(const struct sql *s)
{
    const struct plan *p = s->d->plan;
    writer_printf(s->w, ",\npairs AS (SELECT %s",
                  s->keeps ? "e.code AS c" : "p");
    if (!s->keeps)
        stage_columns(s, 'k', p->n_keys);
    for (size_t i = 0; i < s->n && !s->hist; i++) {
        if (!has_share(s, i))
            continue;
        writer_str(s->w, ", ");
        share(s, i);
        writer_printf(s->w, " AS a%zu", i);
    }
    if (s->keeps) {
        stage_kept_pairs(s);
        return;
    }
    writer_str(s->w, " FROM placed");
    if (!s->d->scope->one_row) { /* else each row is a pair */
        writer_str(s->w, " GROUP BY p");
        stage_columns(s, 'k', p->n_keys);
    }
    writer_str(s->w, ")");
}

/* The report on groups left out, or n. */
static size_t left_of(const struct sql *s)
{
    size_t i = 0;
    while (i < s->n && s->pm[i].kind != MEASURE_LEFT)
        i++;
    return i;
}

/* Whoever reads `ranked` wants no more of a person's groups. */
static void most_groups(const struct sql *s)
{
    const size_t left = left_of(s);
    writer_printf(s->w, " WHERE g <= %llu",
                  (unsigned long long)s->d->plan->l0 +
                      (left < s->n ? s->pm[left].l0 : 0));
}

/* PostgreSQL keeps whole rows of what is read twice: so only what is read. */
static void ranked_columns(const struct sql *s)
{
    writer_str(s->w, "p");
    stage_columns(s, 'k', s->d->plan->n_keys);
    for (size_t i = 0; i < s->n && !s->hist; i++)
        if (has_share(s, i))
            writer_printf(s->w, ", a%zu", i);
    writer_str(s->w, ", g FROM (SELECT *, ");
}

/* dense_rank, not row_number: a limit on the latter is rewritten into a slow
 * aggregate per group.  (h, key) never ties, so both mean the same. */
static void stage_ranked(const struct sql *s)
{
    const bool pg = dialect_is_pg(s->w);
    if (pg)
        stage_pg_codes(s);
    writer_str(s->w, ",\nhashed AS (SELECT *, ");
    if (pg)
        stage_pg_place(s);
    else
        stage_place(s);
    writer_printf(s->w, " AS h FROM %s),\nranked AS (SELECT ",
                  pg ? "lines" : "pairs");
    if (pg)
        ranked_columns(s);
    else
        writer_str(s->w, "*, ");
    writer_str(s->w, "dense_rank() OVER (PARTITION BY p ORDER BY h");
    stage_columns(s, 'k', s->d->plan->n_keys);
    writer_str(s->w, ") AS g FROM hashed");
    if (pg) {
        writer_str(s->w, ") AS y");
        most_groups(s);
    }
    writer_str(s->w, ")");
}

static void total_of(const struct sql *s, size_t i)
{
    const bool has_left = left_of(s) < s->n;
    if (s->pm[i].kind == MEASURE_LEFT) {
        writer_printf(s->w, "CAST(count(*) FILTER (WHERE g > %u) AS %s)",
                      s->d->plan->l0, dialect_huge(s->w));
        return;
    }
    writer_printf(s->w, "CAST(coalesce(sum(a%zu)", i);
    if (has_left)
        writer_printf(s->w, " FILTER (WHERE g <= %u)", s->d->plan->l0);
    writer_printf(s->w, ", 0) AS %s)", dialect_huge(s->w));
}

/*
 * The sums over people; of DISTINCT values, which are none, later.  A group
 * that nobody keeps is none, whoever was left out of it: else there would be
 * more groups of one person alone than the price counts with.
 */
static void totals(const struct sql *s)
{
    const struct plan *p = s->d->plan;
    const size_t left = left_of(s);
    const bool has_left = left < s->n;
    const char *between = "SELECT ";
    for (size_t k = 0; k < p->n_keys; k++, between = ", ")
        writer_printf(s->w, "%sk%zu", between, k);
    for (size_t i = 0; i < s->n; i++) {
        if (s->pm[i].kind == MEASURE_DISTINCT)
            continue;
        writer_str(s->w, between);
        total_of(s, i);
        writer_printf(s->w, " AS m%zu", i);
        between = ", ";
    }
    if (s->n_u > 0) /* a column even where there is no other */
        writer_printf(s->w, "%scount(*) AS n", between);
    writer_str(s->w, s->ranks ? " FROM ranked" : " FROM pairs");
    if (s->ranks)
        most_groups(s);
    for (size_t k = 0; k < p->n_keys; k++)
        writer_printf(s->w, "%s%zu", k ? ", k" : " GROUP BY k", k);
    if (has_left && p->selects)
        writer_printf(s->w, " HAVING bool_or(g <= %u)", p->l0);
}

void stage_sources(const struct sql *s)
{
    stage_rows(s);
    stage_placed(s);
}

/* Does anything of a person stand in an order of the person's own? */
static bool places_rows(const struct sql *s)
{
    return s->ranks || (s->n_u > 0 && !s->d->scope->one_row && !s->hist);
}

static void statement(const struct sql *s)
{
    if (s->rollup) {
        stage_rolled(s);
        return;
    }
    if (!s->hist && stage_counts_people(s)) {
        stage_people(s);
        return;
    }
    stage_sources(s);
    if (s->keeps)
        stage_kept(s);
    if (s->keeps && s->hist) {
        stage_buckets(s);
        return;
    }
    if (!stage_skips_pairs(s))
        stage_pairs(s);
    if (s->keeps) {
        stage_named(s);
        return;
    }
    if (dialect_is_pg(s->w) && places_rows(s))
        stage_pg_persons(s);
    if (s->ranks)
        stage_ranked(s);
    if (s->hist) {
        stage_histogram(s);
        return;
    }
    for (size_t i = 0; i < s->n; i++)
        if (s->pm[i].kind == MEASURE_DISTINCT)
            stage_distinct(s, i);
    writer_str(s->w, s->n_u > 0 ? ",\ntotals AS (" : "\n");
    totals(s);
    if (s->n_u > 0)
        stage_with_distinct(s);
}

/* Two passes: the length is not known before. */
static enum err_code print_text(const char **sql, struct sql *s,
                                struct err *err)
{
    struct writer measure = writer_of(NULL, 0);
    measure.dialect = s->d->dialect;
    s->w = &measure;
    statement(s);
    char *text = arena_alloc(s->d->a, measure.need + 1, 1);
    if (!text)
        return draft_memory(err);
    struct writer w = writer_of(text, measure.need + 1);
    w.dialect = s->d->dialect;
    s->w = &w;
    statement(s);
    if (!writer_cstr(&w))
        return err_set(err, ERR_INTERNAL,
                       "the statement changed while printed");
    if (!s->spare) /* the one or the other is run */
        s->d->plan->reach = reach_add(s->d->plan->reach, reach_of(&w));
    *sql = text;
    return ERR_OK;
}

/* The statement, and what stands in for it; of a histogram too. */
static enum err_code print(const char **sql, const char **spare, struct sql *s,
                           struct err *err)
{
    stage_number(s);
    s->ranks = draft_ranks(s->d);
    const char *how = stage_keeps(s);
    if (!how)
        return draft_memory(err);
    if (!s->hist || s->d->plan->n_measures == 0)
        s->d->bounding = how;
    if (!s->hist && stage_counts_people(s))
        s->d->form = "people counted by numbers in the order of the values";
    TRY(print_text(sql, s, err));
    if (!stage_needs_spare(s))
        return ERR_OK;
    s->spare = true;
    if (!stage_keeps(s))
        return draft_memory(err);
    const enum err_code code = print_text(spare, s, err);
    s->spare = false;
    return code == ERR_OK && !stage_keeps(s) ? draft_memory(err) : code;
}

/* The same rows from a rollup, where one has them. */
static enum err_code print_rolled(struct sql *s, struct err *err)
{
    struct plan *p = s->d->plan;
    s->rolled = ARENA_NEW(s->d->a, struct rolled);
    if (!s->rolled)
        return draft_memory(err);
    const char *how = stage_rolls(s);
    s->d->form = how ? how : s->d->form;
    if (!s->rollup)
        return ERR_OK;
    p->rollup = s->rollup;
    return print_text(&p->rollup_sql, s, err);
}

enum err_code draft_statements(struct draft *d, struct err *err)
{
    struct plan *p = d->plan;
    struct sql s = {
        .d = d, .pm = p->measures, .dm = d->measures, .n = p->n_measures
    };
    p->sql = "";
    if (p->n_measures > 0) {
        TRY(print(&p->sql, &p->spare_sql, &s, err));
        TRY(print_rolled(&s, err));
    }
    for (size_t h = 0; h < p->n_hists; h++) {
        struct sql one = { .d = d,
                           .hist = &p->hists[h],
                           .pm = &p->hists[h].of,
                           .dm = &d->hists[h],
                           .n = 1 };
        TRY(print(&p->hists[h].sql, &p->hists[h].spare_sql, &one, err));
    }
    return ERR_OK;
}
