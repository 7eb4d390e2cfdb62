/*
 * How many rows a join makes, from public sizes alone: what cannot end in time
 * is refused before it costs anything.  rel.h tells what `rows` is.
 *
 *   a table       the policy's expected_rows; else ROWS_EACH for each person
 *                 expected, or ROWS_PUBLIC where it is public
 *   people        expected_size; else max_people, up to PEOPLE_GUESS
 *   a join        left rows times how many of the right meet each of them:
 *     same person      the rows a person has on average, times SKEW, for some
 *                      have far more; once where there is one row a person
 *     x = column       the rows with one value of a column whose values are
 *                      known to be few, else one
 *     neither          all of them
 *
 * Only joins are refused by it, never a table that is read once: the guess is
 * about how rows multiply.
 */
#include <math.h>
#include <stdio.h>

#include "server/plan/draft.h"
#include "server/query/refusal.h"

static const double PEOPLE_GUESS = 1e6, ROWS_EACH = 5, ROWS_PUBLIC = 1000;
static const double SKEW = 2;

/* Joined rows that an engine makes in a second, mostly more. */
static const double ROWS_A_SECOND = 5e7;

static double people_of(const struct policy *p)
{
    if (p->expected_size > 0)
        return (double)p->expected_size;
    const double most = (double)p->max_people;
    return most > 0 ? fmin(most, PEOPLE_GUESS) : PEOPLE_GUESS;
}

double draft_table_rows(const struct policy *p, const struct policy_table *t)
{
    if (t->expected_rows > 0)
        return (double)t->expected_rows;
    return t->owned ? people_of(p) * ROWS_EACH : ROWS_PUBLIC;
}

double draft_rows_each(const struct draft *d, double rows)
{
    return fmax(1, rows / people_of(d->policy));
}

double draft_people(const struct draft *d)
{
    return people_of(d->policy);
}

/* ---- what a term ties together ---- */

enum { OUTER = 63 }; /* a column of the scope around */

static uint64_t leaves_read(const struct rel_scope *s, const struct typed *e)
{
    uint64_t all = 0;
    if (e->kind == TYPED_COLUMN) {
        const size_t leaf = draft_leaf_of(s, e->column);
        return UINT64_C(1) << (leaf < s->n_leaves ? leaf : OUTER);
    }
    for (size_t i = 0; e->kind == TYPED_CALL && i < e->call.n_args; i++)
        all |= leaves_read(s, e->call.args[i]);
    return all;
}

/* Values that it can have, as far as that is known; else HUGE_VAL. */
double draft_different(const struct typed *e)
{
    double n = HUGE_VAL;
    if (e->kind == TYPED_COLUMN && e->column->n_domain > 0)
        n = (double)e->column->n_domain;
    if (e->kind == TYPED_COLUMN && e->column->policy &&
        e->column->policy->has_domain)
        n = (double)e->column->policy->domain.n + 1;
    if (e->type == VALUE_BOOL)
        n = 2;
    if (e->whole && isfinite(e->range.hi - e->range.lo))
        n = fmin(n, e->range.hi - e->range.lo + 1);
    return n;
}

/* Of leaf i: how many rows have the value that an earlier row has, at least. */
static double matches(const struct rel_scope *s, size_t i, bool *tied)
{
    const uint64_t own = UINT64_C(1) << i;
    const uint64_t before = (own - 1) | UINT64_C(1) << OUTER;
    const double rows = s->leaves[i].rel->rows;
    double n = rows;
    *tied = false;
    for (size_t t = 0; t < s->n_equals; t++) {
        const struct typed *a = s->equals[t]->call.args[0];
        const struct typed *b = s->equals[t]->call.args[1];
        const uint64_t x = leaves_read(s, a), y = leaves_read(s, b);
        const struct typed *mine = x == own ? a : y == own ? b : NULL;
        const uint64_t other = x == own ? y : x;
        if (!mine || other == 0 || (other & ~before) != 0)
            continue;
        *tied = true;
        n = fmin(n, fmax(1, rows / draft_different(mine)));
    }
    return n;
}

static size_t group_of(const struct rel_scope *s, size_t leaf)
{
    while (s->leaves[leaf].group != leaf)
        leaf = s->leaves[leaf].group;
    return leaf;
}

static bool same_person(const struct rel_scope *s, size_t i)
{
    const size_t group = group_of(s, i);
    bool same = s->leaves[group].with_outer || s->leaves[i].joined_by_key;
    for (size_t k = 0; k < i && s->leaves[i].rel->owned; k++)
        same |= s->leaves[k].rel->owned && group_of(s, k) == group;
    return s->leaves[i].rel->owned && same;
}

/* ---- the rows ---- */

enum err_code draft_note_equals(struct draft *d, const struct draft_terms *t,
                                struct err *err)
{
    struct rel_scope *s = d->block->scope;
    if (!s->equals)
        s->equals = ARENA_NEW_N(d->a, REL_EQUALS_MAX, const struct typed *);
    if (!s->equals)
        return draft_memory(err);
    for (size_t i = 0; i < t->n && s->n_equals < REL_EQUALS_MAX; i++)
        if (typed_is_call(t->v[i], OP_EQ))
            s->equals[s->n_equals++] = t->v[i];
    return ERR_OK;
}

static double times(const struct draft *d, size_t i)
{
    const struct rel_scope *s = d->block->scope;
    bool tied;
    const double n = matches(s, i, &tied);
    if (!same_person(s, i))
        return n;
    if (s->leaves[i].one_row)
        return 1;
    const double each = draft_rows_each(d, s->leaves[i].rel->rows);
    return fmin(tied ? fmax(n, 1) : HUGE_VAL,
                each * (each > 1 && !tied ? SKEW : 1));
}

/* Rows of the scope around, of which each meets those here. */
static double outer_rows(const struct rel_scope *s)
{
    double rows = 1;
    for (size_t i = 0; s->outer && i < s->outer->n_leaves; i++)
        rows = fmax(rows, s->outer->leaves[i].rel->rows);
    return rows;
}

static double seconds(const struct policy *p)
{
    enum { USUAL = 30 };
    return p->deadline_ms > 0 ? (double)p->deadline_ms / 1000 : USUAL;
}

/* "3 billion" says more than 3000000000. */
static const char *spoken(char out[32], double rows)
{
    static const struct {
        double unit;
        const char *name;
    } units[] = { { 1e12, "trillion" },
                  { 1e9, "billion" },
                  { 1e6, "million" } };
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (rows >= units[i].unit) {
            (void)snprintf(out, 32, "%.3g %s",
                           fmin(rows / units[i].unit, 999999), units[i].name);
            return out;
        }
    (void)snprintf(out, 32, "%.0f", rows);
    return out;
}

enum err_code draft_sizes(struct draft *d, struct err *err)
{
    struct rel_scope *s = d->block->scope;
    const double most = ROWS_A_SECOND * seconds(d->policy);
    const bool correlated = s->outer && d->block->reads_outer;
    char makes[32], can[32];
    double work = 0;
    s->rows = correlated ? outer_rows(s) : 1;
    s->sized = true;
    for (size_t i = 0; i < s->n_leaves; i++) {
        s->sized &= s->leaves[i].rel->sized;
        s->rows *= i || correlated ? times(d, i) : s->leaves[i].rel->rows;
        if (i > 0 || correlated)
            work += s->rows;
        if (work > most)
            return refuse(err, REFUSAL_JOIN_SIZE, s->leaves[i].at,
                          spoken(makes, work), spoken(can, most));
    }
    return ERR_OK;
}
