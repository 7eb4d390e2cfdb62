/*
 * Aggregates inside sub-queries: exact, one person's rows at a time.  Sums are
 * of integers, since a sum of doubles depends on the order of rows, and what
 * the order of other people's rows changes would be theirs to see: doubles go
 * on the grid of their column first.
 */
#include <math.h>

#include "server/plan/dialect.h"
#include "server/plan/draft.h"
#include "server/plan/range.h"
#include "server/query/refusal.h"

/* Grid steps stay exact as doubles; 2^64 rows of them fit 128 bits. */
enum { STEPS_BITS = 52 };

static struct range of_sum(struct range row)
{
    return (struct range){ row.lo < 0 ? -HUGE_VAL : 0,
                           row.hi > 0 ? HUGE_VAL : 0 };
}

enum err_code draft_sub_agg(struct typed *out, struct draft *d,
                            const struct draft_agg *agg, struct err *err)
{
    const struct typed *x = agg->value;
    const bool plain = agg->kind == AGG_COUNT || !agg->distinct;
    out->type = VALUE_INT;
    out->range = (struct range){ 0, HUGE_VAL };
    out->never_null = true;
    out->whole = true;
    if (!plain)
        return refuse(err, REFUSAL_AGG_DISTINCT, agg->at,
                      agg_kind_name(agg->kind), NULL);
    if (agg->kind == AGG_COUNT)
        return ERR_OK;
    if (agg->kind != AGG_SUM && agg->kind != AGG_AVG && agg->kind != AGG_MIN &&
        agg->kind != AGG_MAX)
        return refuse(err, REFUSAL_SUB_AGG, agg->at, agg_kind_name(agg->kind),
                      NULL);
    out->type = agg->kind == AGG_AVG    ? VALUE_DOUBLE
                : x->type == VALUE_NULL ? VALUE_TEXT
                                        : x->type;
    out->range = x->kind == TYPED_COLUMN
                     ? draft_range(&d->block->where, x->column)
                     : x->range;
    if (agg->kind == AGG_SUM)
        out->range = of_sum(out->range);
    out->grid_bits = x->grid_bits;
    out->whole = x->whole && agg->kind != AGG_AVG;
    if (agg->kind == AGG_AVG && out->grid_bits < RANGE_GRID_DEFAULT)
        out->grid_bits = RANGE_GRID_DEFAULT;
    /* A group has a row; the whole of a public relation may have none. */
    out->never_null = x->never_null && !agg->filter && d->block->n_keys > 0;
    return ERR_OK;
}

static bool adds(const struct draft_agg *agg)
{
    return agg->kind == AGG_SUM || agg->kind == AGG_AVG;
}

static bool is_real(const struct draft_agg *agg)
{
    return adds(agg) && agg->value->type == VALUE_DOUBLE;
}

static void bound(struct writer *w, const struct draft_agg *agg, double sign,
                  const char *op)
{
    const int bits = (int)agg->value->grid_bits;
    const struct value end = value_double(ldexp(sign, STEPS_BITS - bits));
    duckdb_expr(w, agg->value);
    writer_printf(w, " %s ", op);
    duckdb_value(w, VALUE_DOUBLE, &end);
    writer_printf(w, " THEN CAST('%s%lld' AS BIGINT)", sign < 0 ? "-" : "",
                  1LL << STEPS_BITS);
}

void duckdb_sub_value(struct writer *w, const struct draft_agg *agg)
{
    if (is_real(agg)) {
        writer_str(w, "CASE WHEN ");
        bound(w, agg, -1, "<=");
        writer_str(w, " WHEN ");
        bound(w, agg, 1, ">=");
        writer_str(w, " ELSE TRY_CAST(floor(");
        duckdb_expr(w, agg->value);
        writer_printf(w, " * %lld + 0.5) AS BIGINT) END",
                      1LL << agg->value->grid_bits);
        return;
    }
    duckdb_typed(w, agg->value);
}

static void call(struct writer *w, const struct draft_agg *agg,
                 const char *name, const char *x, const char *f,
                 const char *over)
{
    writer_printf(w, "%s(%s%s)", name, agg->distinct ? "DISTINCT " : "", x);
    if (agg->filter)
        writer_printf(w, " FILTER (WHERE %s)", f);
    writer_str(w, over);
}

void duckdb_sub_agg(struct writer *w, const struct draft_agg *agg,
                    const char *x, const char *f, const char *over)
{
    const long long steps = 1LL << (is_real(agg) ? agg->value->grid_bits : 0);
    if (agg->kind == AGG_COUNT) {
        writer_str(w, agg->people ? "least(1, " : "");
        call(w, agg, "count", agg->value ? x : "*", f, over);
        writer_str(w, agg->people ? ")" : "");
    } else if (!adds(agg)) {
        call(w, agg, agg_kind_name(agg->kind), x, f, over);
    } else if (agg->kind == AGG_SUM && !is_real(agg)) {
        writer_str(w, "TRY_CAST(");
        call(w, agg, "sum", x, f, over);
        writer_str(w, " AS BIGINT)");
    } else {
        writer_str(w, "(CAST(");
        call(w, agg, "sum", x, f, over);
        writer_printf(w, " AS DOUBLE) / CAST('%lld' AS DOUBLE)", steps);
        if (agg->kind == AGG_AVG) {
            writer_str(w, " / nullif(CAST(");
            call(w, agg, "count", x, f, over);
            writer_str(w, " AS DOUBLE), 0)");
        }
        writer_str(w, ")");
    }
}

static void print_value(struct writer *w, const void *ctx)
{
    duckdb_sub_value(w, ctx);
}

static void print_filter(struct writer *w, const void *ctx)
{
    duckdb_expr(w, ctx);
}

/* Everything that print_agg puts together. */
struct texts {
    const struct draft_agg *agg;
    const char *x, *f, *over;
};

static void print_agg(struct writer *w, const void *ctx)
{
    const struct texts *t = ctx;
    duckdb_sub_agg(w, t->agg, t->x, t->f, t->over);
}

const char *draft_agg_text(struct draft *d, const struct draft_agg *agg,
                           const char *over)
{
    struct texts t = { .agg = agg, .x = "", .f = "", .over = over };
    if (agg->value)
        t.x = draft_print(d, print_value, agg);
    if (agg->filter)
        t.f = draft_print(d, print_filter, agg->filter);
    return t.x && t.f ? draft_print(d, print_agg, &t) : NULL;
}
