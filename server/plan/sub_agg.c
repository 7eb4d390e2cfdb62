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

/* Values that lie w apart vary by w^2/4 at most (Popoviciu), two of a sample by
 * w^2/2. */
static struct range of_spread(enum agg_kind kind, struct range row)
{
    const bool sample = kind == AGG_VAR_SAMP || kind == AGG_STDDEV_SAMP;
    const bool root = kind == AGG_STDDEV_POP || kind == AGG_STDDEV_SAMP;
    const double w = row.hi - row.lo;
    const double most = w * w / (sample ? 2 : 4);
    return (struct range){ 0, root ? sqrt(most) : most };
}

static enum value_type type_of(const struct draft_agg *agg)
{
    if (agg->kind == AGG_AVG || agg->kind == AGG_PERCENTILE_CONT ||
        agg_is_spread(agg->kind))
        return VALUE_DOUBLE;
    return agg->value->type == VALUE_NULL ? VALUE_TEXT : agg->value->type;
}

/* A group has a row, a COUNT(*) at least one; the whole of a public relation
 * may have none. */
static enum err_code type_count(struct typed *out, const struct draft *d,
                                const struct draft_agg *agg)
{
    const bool some = d->block->n_keys > 0 && !agg->value && !agg->filter;
    out->range = (struct range){ some, agg->people ? 1 : HUGE_VAL };
    return ERR_OK;
}

enum err_code draft_sub_agg(struct typed *out, struct draft *d,
                            const struct draft_agg *agg, struct err *err)
{
    const struct typed *x = agg->value;
    const enum agg_kind kind = agg->kind;
    out->type = VALUE_INT;
    out->never_null = true;
    out->whole = true;
    if (kind != AGG_COUNT && agg->distinct)
        return refuse(err, REFUSAL_AGG_DISTINCT, agg->at, agg_kind_name(kind),
                      NULL);
    if (kind == AGG_COUNT)
        return type_count(out, d, agg);
    const bool real =
        kind == AGG_AVG || kind == AGG_PERCENTILE_CONT || agg_is_spread(kind);
    out->type = type_of(agg);
    out->range = x->kind == TYPED_COLUMN
                     ? draft_range(&d->block->where, x->column)
                     : x->range;
    if (out->range.lo > out->range.hi) /* no row passes, whatever it holds */
        out->range.lo = out->range.hi;
    if (kind == AGG_SUM)
        out->range = of_sum(out->range);
    if (agg_is_spread(kind))
        out->range = of_spread(kind, out->range);
    out->grid_bits = x->grid_bits;
    out->whole = x->whole && !real;
    if (real && out->grid_bits < RANGE_GRID_DEFAULT)
        out->grid_bits = RANGE_GRID_DEFAULT;
    out->never_null = x->never_null && !agg->filter && d->block->n_keys > 0 &&
                      kind != AGG_VAR_SAMP && kind != AGG_STDDEV_SAMP;
    return ERR_OK;
}

static bool adds(const struct draft_agg *agg)
{
    return agg->kind == AGG_SUM || agg->kind == AGG_AVG;
}

static bool is_real(const struct draft_agg *agg)
{
    return (adds(agg) || agg_is_spread(agg->kind)) &&
           agg->value->type == VALUE_DOUBLE;
}

static void bound(struct writer *w, const struct draft_agg *agg, double sign,
                  const char *op)
{
    const int bits = (int)agg->value->grid_bits;
    const struct value end = value_double(ldexp(sign, STEPS_BITS - bits));
    dialect_expr(w, agg->value);
    writer_printf(w, " %s ", op);
    dialect_value(w, VALUE_DOUBLE, &end);
    writer_printf(w, " THEN CAST('%s%lld' AS BIGINT)", sign < 0 ? "-" : "",
                  1LL << STEPS_BITS);
}

void dialect_sub_value(struct writer *w, const struct draft_agg *agg)
{
    if (is_real(agg)) {
        writer_str(w, "CASE WHEN ");
        bound(w, agg, -1, "<=");
        writer_str(w, " WHEN ");
        bound(w, agg, 1, ">=");
        writer_printf(w, " ELSE %sCAST(floor(", dialect_try(w));
        dialect_expr(w, agg->value);
        writer_printf(w, " * %lld + 0.5) AS BIGINT) END",
                      1LL << agg->value->grid_bits);
        return;
    }
    dialect_typed(w, agg->value);
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

/* Doubles in the order of their size, so that the order of rows is nothing to
 * their sum; of grid steps, so that none overflows. */
static void spread(struct writer *w, const struct draft_agg *agg, const char *x,
                   const char *f, const char *over)
{
    const double steps =
        ldexp(1, is_real(agg) ? (int)agg->value->grid_bits : 0);
    const bool root =
        agg->kind == AGG_STDDEV_POP || agg->kind == AGG_STDDEV_SAMP;
    const struct value by = value_double(root ? steps : steps * steps);
    if (dialect_is_pg(w)) { /* exact, but for the last root and quotient */
        writer_printf(w, "(CAST(%s(CAST(%s AS NUMERIC))",
                      agg_kind_name(agg->kind), x);
        if (agg->filter)
            writer_printf(w, " FILTER (WHERE %s)", f);
        writer_printf(w, "%s AS %s) / ", over, dialect_type(w, VALUE_DOUBLE));
        dialect_value(w, VALUE_DOUBLE, &by);
        writer_str(w, ")");
        return;
    }
    writer_printf(w, "(list_aggregate(list_sort(list(CAST(%s AS DOUBLE))", x);
    if (agg->filter)
        writer_printf(w, " FILTER (WHERE %s)", f);
    writer_printf(w, "%s), '%s') / ", over, agg_kind_name(agg->kind));
    dialect_value(w, VALUE_DOUBLE, &by);
    writer_str(w, ")");
}

/* Picks from the values, whatever the order of rows. */
static void percentile(struct writer *w, const struct draft_agg *agg,
                       const char *x, const char *f, const char *over)
{
    const struct value fraction = value_double(agg->fraction);
    const bool cont = agg->kind == AGG_PERCENTILE_CONT;
    if (dialect_is_pg(w)) {
        if (over[0])
            dialect_lacks(w, "a percentile over a window", agg->at);
        writer_printf(w, "percentile_%s(", cont ? "cont" : "disc");
        dialect_value(w, VALUE_DOUBLE, &fraction);
        writer_printf(w, ") WITHIN GROUP (ORDER BY %s%s%s%s",
                      cont ? "CAST(" : "", x,
                      cont ? " AS DOUBLE PRECISION)" : "", ")");
        if (agg->filter)
            writer_printf(w, " FILTER (WHERE %s)", f);
        return;
    }
    writer_printf(w, "quantile_%s(%s%s%s, ", cont ? "cont" : "disc",
                  cont ? "CAST(" : "", x, cont ? " AS DOUBLE)" : "");
    dialect_value(w, VALUE_DOUBLE, &fraction);
    writer_str(w, ")");
    if (agg->filter)
        writer_printf(w, " FILTER (WHERE %s)", f);
    writer_str(w, over);
}

/* PostgreSQL has no least and greatest truth under those names. */
static const char *pick_name(const struct writer *w,
                             const struct draft_agg *agg)
{
    if (!dialect_is_pg(w) || agg->value->type != VALUE_BOOL)
        return agg_kind_name(agg->kind);
    return agg->kind == AGG_MIN ? "bool_and" : "bool_or";
}

void dialect_sub_agg(struct writer *w, const struct draft_agg *agg,
                     const char *x, const char *f, const char *over)
{
    if (agg_is_spread(agg->kind)) {
        spread(w, agg, x, f, over);
        return;
    }
    if (agg_is_percentile(agg->kind)) {
        percentile(w, agg, x, f, over);
        return;
    }
    const long long steps = 1LL << (is_real(agg) ? agg->value->grid_bits : 0);
    const char *real = dialect_type(w, VALUE_DOUBLE);
    if (agg->kind == AGG_COUNT) {
        writer_str(w, agg->people ? "least(1, " : "");
        call(w, agg, "count", agg->value ? x : "*", f, over);
        writer_str(w, agg->people ? ")" : "");
    } else if (!adds(agg)) {
        call(w, agg, pick_name(w, agg), x, f, over);
    } else if (agg->kind == AGG_SUM && !is_real(agg) && dialect_is_pg(w)) {
        for (int side = 0; side < 2; side++) {
            writer_str(w, side ? " BETWEEN -9223372036854775808 AND "
                                 "9223372036854775807 THEN CAST("
                               : "(CASE WHEN ");
            call(w, agg, "sum", x, f, over);
        }
        writer_str(w, " AS BIGINT) END)");
    } else if (agg->kind == AGG_SUM && !is_real(agg)) {
        writer_str(w, "TRY_CAST(");
        call(w, agg, "sum", x, f, over);
        writer_str(w, " AS BIGINT)");
    } else {
        writer_str(w, "(CAST(");
        call(w, agg, "sum", x, f, over);
        writer_printf(w, " AS %s) / CAST('%lld' AS %s)", real, steps, real);
        if (agg->kind == AGG_AVG) {
            writer_str(w, " / nullif(CAST(");
            call(w, agg, "count", x, f, over);
            writer_printf(w, " AS %s), 0)", real);
        }
        writer_str(w, ")");
    }
}

static void print_value(struct writer *w, const void *ctx)
{
    dialect_sub_value(w, ctx);
}

static void print_filter(struct writer *w, const void *ctx)
{
    dialect_expr(w, ctx);
}

/* Everything that print_agg puts together. */
struct texts {
    const struct draft_agg *agg;
    const char *x, *f, *over;
};

static void print_agg(struct writer *w, const void *ctx)
{
    const struct texts *t = ctx;
    dialect_sub_agg(w, t->agg, t->x, t->f, t->over);
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
