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

bool stage_is_rollup_key(const struct sql *s,
                         const struct policy_rollup_key *by,
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
    if (d->like)
        return "no rollup: some days of a series are asked for";
    if (d->plan->n_hists > 0 || d->plan->n_reports > 0)
        return "no rollup: it asks for more than counts and sums";
    return NULL;
}

/* How it answers; NULL where it does not, and *why. */
static const char *fits(struct sql *s, const char **why)
{
    const char *not = stage_rolled_fits(s->rolled, s, s->rollup);
    if (!not &&!has_measures(s))
        not = "no rollup: it asks for more than the rollup has added up";
    if (not &&(!*why || *why == stage_other_keys))
        *why = not ;
    if (not )
        return NULL;
    return stage_rolled_plain(s)
               ? "from a rollup, which has these groups counted, added up and "
                 "in order; until it is built, as above"
               : "from a rollup, for the filters are of its groups; until it "
                 "is "
                 "built, as above";
}

const char *stage_rolls(struct sql *s)
{
    const char *why = unfit(s->d);
    s->table = only_table(s->d);
    if (!s->table || s->table->n_rollups == 0 || s->d->never)
        return NULL;
    if (why)
        return why;
    for (size_t i = 0; i < s->table->n_rollups; i++) {
        s->rollup = &s->table->rollups[i];
        const char *how = fits(s, &why);
        if (how)
            return how;
    }
    s->rollup = NULL;
    return why;
}

/* ---- the statement ---- */

/* The first measure of this flag. */
static size_t flagged(const struct sql *s, size_t flag)
{
    size_t i = 0;
    while (s->flag[i] != flag)
        i++;
    return i;
}

void stage_rollup_slot(const struct sql *s, size_t flag, size_t sum)
{
    const bool filters = flag != STAGE_NONE && s->rolled->filter[flag];
    const struct typed *value =
        flag != STAGE_NONE ? s->dm[flagged(s, flag)].value : NULL;
    if (filters)
        writer_printf(s->w, "CASE WHEN f%zu THEN ", flag);
    if (sum != STAGE_NONE)
        writer_printf(s->w, "CAST(s%zu_%u AS HUGEINT)",
                      index_of(s, bare(s->dm[sum].value)),
                      s->pm[sum].grid_bits);
    else if (value && !value->never_null)
        writer_printf(s->w, "c%zu", index_of(s, bare(value)));
    else
        writer_str(s->w, "n");
    if (filters)
        writer_str(s->w, " ELSE 0 END");
}

void stage_of_rollup(const struct sql *s, const char *part)
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
    const char *found = stage_rolled_found(s);
    writer_printf(s->w, "%spairs AS (SELECT c", found ? "" : "WITH ");
    for (size_t i = 0; i < s->n; i++) {
        writer_str(s->w, ", ");
        stage_share(s, i);
        writer_printf(s->w, " AS a%zu", i);
    }
    writer_str(s->w, " FROM ");
    if (found)
        writer_str(s->w, found);
    else
        stage_of_rollup(s, "");
    const bool limits = found ? strcmp(found, "found") != 0 : s->ranks;
    if (limits)
        writer_printf(s->w, "%s <= %u", found ? "" : " WHERE g", p->l0);
    if (p->gated)
        writer_printf(s->w, "%s%s(p)", limits ? " AND " : " WHERE ",
                      gate_name(draft_key(s->d)->key_type == POLICY_INT));
    writer_str(s->w, ")\nSELECT ");
    if (p->n_keys == 0) {
        sums(s);
        return;
    }
    for (size_t k = 0; k < p->n_keys; k++)
        writer_printf(s->w, "k%zu, ", found ? k : s->rolled->key[k]);
    for (size_t i = 0; i < s->n; i++)
        writer_printf(s->w, "%sm%zu", i ? ", " : "", i);
    writer_str(s->w, " FROM (SELECT c, ");
    sums(s);
    writer_str(s->w, " GROUP BY c) JOIN ");
    if (found)
        writer_str(s->w, "named");
    else
        stage_of_rollup(s, ".groups");
    writer_str(s->w, " USING (c)");
}
