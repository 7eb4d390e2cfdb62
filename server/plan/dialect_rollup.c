/*
 * Questions that a rollup answers (rollup.h):
 *
 *   pairs   of the groups a person keeps: c, the group, each aggregate a
 *           bounded integer a
 *
 * then the sums per group, and the keys that c stands for.  The engine runs
 * this instead of the statement over rows once it has built the rollup.
 */
#include <string.h>

#include "server/plan/dialect_stage.h"
#include "server/plan/eval.h"
#include "server/plan/gate.h"
#include "server/plan/rollup.h"

static size_t index_of(const struct sql *s, const struct policy_column *c)
{
    return (size_t)(c - s->table->columns);
}

static bool holds(const struct policy_rollup *r, size_t column)
{
    for (size_t i = 0; i < r->n_sums; i++)
        if (r->sums[i] == column)
            return true;
    return false;
}

/* The policy's column that a value is, as it is; or NULL. */
static const struct policy_column *bare(const struct typed *e)
{
    if (e && (typed_is_call(e, OP_CAST_DOUBLE)))
        e = e->call.args[0];
    return e && e->kind == TYPED_COLUMN ? e->column->policy : NULL;
}

/* Is measure i on one of the grids of its column, clamped to its range? */
static bool has_grid(const struct sql *s, size_t i)
{
    unsigned bits[DRAFT_GRIDS];
    const struct policy_column *c = bare(s->dm[i].value);
    const size_t n = draft_grids(bits, c);
    for (size_t g = 0; g < n; g++)
        if (bits[g] == s->pm[i].grid_bits)
            return s->dm[i].row.lo == c->lo && s->dm[i].row.hi == c->hi;
    return false;
}

static bool has_measure(const struct sql *s, size_t i)
{
    const enum measure_kind kind = s->pm[i].kind;
    const struct policy_column *c = bare(s->dm[i].value);
    if (s->dm[i].filter)
        return false;
    if (kind == MEASURE_PEOPLE || (kind == MEASURE_ROWS && !s->dm[i].value))
        return true;
    if (!c || !holds(s->rollup, index_of(s, c)))
        return false;
    return kind == MEASURE_ROWS || (kind == MEASURE_SUM && has_grid(s, i));
}

/* date_trunc takes a date as a timestamp. */
static const struct policy_column *bare_time(const struct typed *e)
{
    if (typed_is_call(e, OP_CAST_TIMESTAMP))
        e = e->call.args[0];
    return e->kind == TYPED_COLUMN ? e->column->policy : NULL;
}

static bool is_key(const struct sql *s, const struct policy_rollup_key *by,
                   const struct typed *e)
{
    const struct policy_column *c = &s->table->columns[by->column];
    if (!by->unit)
        return e->kind == TYPED_COLUMN && e->column->policy == c;
    if (!typed_is_call(e, OP_DATE_TRUNC) || !typed_is_const(e->call.args[0]))
        return false;
    const enum time_unit unit = time_unit_of(&e->call.args[0]->value);
    return unit != UNIT_COUNT && strcmp(time_unit_name(unit), by->unit) == 0 &&
           bare_time(e->call.args[1]) == c;
}

static bool has_keys(const struct sql *s, const struct policy_rollup *r)
{
    if (r->n_by != s->d->plan->n_keys)
        return false;
    for (size_t k = 0; k < r->n_by; k++)
        if (!is_key(s, &r->by[k], s->d->keys[k]))
            return false;
    return true;
}

static bool has_measures(const struct sql *s)
{
    for (size_t i = 0; i < s->n; i++)
        if (!has_measure(s, i))
            return false;
    return true;
}

/* The table that the rows come from, and nothing else; or NULL. */
static const struct policy_table *only_table(const struct draft *d)
{
    return d->scope->n_leaves == 1 ? d->scope->leaves[0].rel->table : NULL;
}

/* What stands in the way of every rollup, or NULL. */
static const char *unfit(const struct draft *d)
{
    if (d->where.n > 0 || d->never)
        return "no rollup: it filters rows, which changes the groups a person "
               "has";
    if (d->like)
        return "no rollup: some days of a series are asked for";
    if (d->plan->n_hists > 0 || d->plan->n_reports > 0)
        return "no rollup: it asks for more than counts and sums";
    return NULL;
}

const char *stage_rolls(struct sql *s)
{
    const char *why = unfit(s->d);
    s->table = only_table(s->d);
    if (!s->table || s->table->n_rollups == 0)
        return NULL;
    if (why)
        return why;
    why = "no rollup: none is grouped by these keys in this order";
    for (size_t i = 0; i < s->table->n_rollups; i++) {
        s->rollup = &s->table->rollups[i];
        if (has_keys(s, s->rollup) && has_measures(s))
            return "from a rollup, which has these groups counted, added up "
                   "and in order; until it is built, as above";
        if (has_keys(s, s->rollup))
            why = "no rollup: it asks for more than the rollup has added up";
    }
    s->rollup = NULL;
    return why;
}

/* ---- the statement ---- */

void stage_rollup_slot(const struct sql *s, size_t flag, size_t sum)
{
    size_t i = 0;
    if (sum != STAGE_NONE) {
        writer_printf(s->w, "CAST(s%zu_%u AS HUGEINT)",
                      index_of(s, bare(s->dm[sum].value)),
                      s->pm[sum].grid_bits);
        return;
    }
    if (flag == STAGE_NONE) {
        writer_str(s->w, "n");
        return;
    }
    while (s->flag[i] != flag)
        i++;
    writer_printf(s->w, "c%zu", index_of(s, bare(s->dm[i].value)));
}

static void of_rollup(const struct sql *s, const char *part)
{
    writer_printf(s->w, ROLLUP_SCHEMA ".\"%s.%s%s\"", s->table->name,
                  s->rollup->name, part);
}

static void sums(const struct sql *s)
{
    for (size_t i = 0; i < s->n; i++)
        writer_printf(s->w, "%sCAST(coalesce(sum(a%zu), 0) AS HUGEINT) AS m%zu",
                      i ? ", " : "", i, i);
    writer_str(s->w, " FROM pairs");
}

void stage_rolled(const struct sql *s)
{
    const struct plan *p = s->d->plan;
    writer_str(s->w, "WITH pairs AS (SELECT c");
    for (size_t i = 0; i < s->n; i++) {
        writer_str(s->w, ", ");
        stage_share(s, i);
        writer_printf(s->w, " AS a%zu", i);
    }
    writer_str(s->w, " FROM ");
    of_rollup(s, "");
    if (s->ranks)
        writer_printf(s->w, " WHERE g <= %u", p->l0);
    if (p->gated)
        writer_printf(s->w, "%s%s(p)", s->ranks ? " AND " : " WHERE ",
                      gate_name(draft_key(s->d)->key_type == POLICY_INT));
    writer_str(s->w, ")\nSELECT ");
    if (p->n_keys == 0) {
        sums(s);
        return;
    }
    for (size_t k = 0; k < p->n_keys; k++)
        writer_printf(s->w, "k%zu, ", k);
    for (size_t i = 0; i < s->n; i++)
        writer_printf(s->w, "%sm%zu", i ? ", " : "", i);
    writer_str(s->w, " FROM (SELECT c, ");
    sums(s);
    writer_str(s->w, " GROUP BY c) JOIN ");
    of_rollup(s, ".groups");
    writer_str(s->w, " USING (c)");
}
