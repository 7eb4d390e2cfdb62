/*
 * The statements that build a rollup.  Its rows are those of the question
 *
 *   SELECT k0, .., COUNT(*), AVG(x), .. FROM table GROUP BY k0, ..
 *
 * before any limit, on each grid that a sum may have: rows, placed, then
 *
 *   pairs   one row per person and group: n, c, s; keys in the order of canon.c
 *   groups  the keys in their order, numbered
 *   rows    pairs with the group's number, in the order of the keyed hash
 */
#include "server/plan/rollup.h"

#include <stdio.h>
#include <string.h>

#include "server/plan/dialect_stage.h"

/* Values of so few steps that only 2^33 rows of one person pass 64 bits. Should
 * they, the cast fails, and with it the build: the rows serve. */
#define NARROW_STEPS 0x1p30

/* ---- the question ---- */

static struct expr *node(struct draft *d, struct expr e)
{
    struct expr *out = ARENA_NEW(d->a, struct expr);
    if (out)
        *out = e;
    return out;
}

static struct expr *column(struct draft *d, const struct policy_table *t,
                           size_t i, struct place at)
{
    return node(d, (struct expr){ .kind = EXPR_COLUMN,
                                  .at = at,
                                  .column = { .name = t->columns[i].name } });
}

static struct expr *key(struct draft *d, const struct policy_table *t,
                        const struct policy_rollup_key *by, struct place at)
{
    struct expr *c = column(d, t, by->column, at);
    if (!by->unit || !c)
        return c;
    const struct value unit = { .type = VALUE_TEXT,
                                .text = { by->unit, strlen(by->unit) } };
    struct expr **args = ARENA_NEW_N(d->a, 2, struct expr *);
    struct expr *u =
        node(d, (struct expr){ .kind = EXPR_CONST, .at = at, .value = unit });
    if (!args || !u)
        return NULL;
    args[0] = u;
    args[1] = c;
    return node(d, (struct expr){ .kind = EXPR_CALL,
                                  .at = at,
                                  .call = { OP_DATE_TRUNC, args, 2 } });
}

static struct expr *agg(struct draft *d, enum agg_kind kind, struct expr *arg)
{
    return arg ? node(d, (struct expr){ .kind = EXPR_AGG,
                                        .at = arg->at,
                                        .agg = { .kind = kind, .arg = arg } })
               : NULL;
}

static bool add_item(struct select *s, struct expr *e)
{
    if (!e)
        return false;
    s->items[s->n_items++] = (struct select_item){ .expr = e, .at = e->at };
    return true;
}

static bool add_aggs(struct draft *d, struct select *s,
                     const struct policy_table *t,
                     const struct policy_rollup *r, struct place at)
{
    struct expr *star = node(d, (struct expr){ .kind = EXPR_STAR, .at = at });
    bool ok = add_item(s, agg(d, AGG_COUNT, star));
    for (size_t i = 0; ok && i < r->n_sums; i++) {
        struct expr *x = column(d, t, r->sums[i], at);
        ok = add_item(s, agg(d, AGG_AVG, x));
    }
    return ok;
}

static const struct select *question(struct draft *d,
                                     const struct policy_table *t,
                                     const struct policy_rollup *r)
{
    const struct place at = { .line = r->line, .col = 1 };
    struct select *s = ARENA_NEW(d->a, struct select);
    struct relation *from = ARENA_NEW(d->a, struct relation);
    if (!s || !from)
        return NULL;
    *from = (struct relation){ .kind = RELATION_TABLE,
                               .at = at,
                               .table = { .name = t->name } };
    s->at = at;
    s->from = from;
    s->keys = ARENA_NEW_N(d->a, r->n_by + 1, struct expr *);
    s->items = ARENA_NEW_N(d->a, r->n_by + r->n_sums + 1, struct select_item);
    if (!s->keys || !s->items)
        return NULL;
    for (size_t k = 0; k < r->n_by; k++) {
        s->keys[k] = key(d, t, &r->by[k], at);
        if (!add_item(s, s->keys[k]))
            return NULL;
    }
    s->n_keys = r->n_by;
    return add_aggs(d, s, t, r, at) ? s : NULL;
}

/* ---- the statements ---- */

struct build {
    struct sql s;
    const struct policy_rollup *r;
    const char *table;      /* roll."T.R" without the last quote */
    unsigned generation;    /* ... of which this is one */
    size_t by[ROLLED_KEYS]; /* key of the question -> of the policy's list */
};

static void name(const struct build *b, const char *part)
{
    writer_printf(b->s.w, "%s.%u%s\"", b->table, b->generation, part);
}

static size_t column_of(const struct build *b, size_t i)
{
    return (size_t)(b->s.dm[i].value->column->policy - b->s.table->columns);
}

/* The name of the column that measure i becomes. */
static void called(const struct build *b, size_t i)
{
    const struct plan_measure *m = &b->s.pm[i];
    if (m->kind == MEASURE_SUM)
        writer_printf(b->s.w, "s%zu_%u", column_of(b, i), m->grid_bits);
    else if (b->s.dm[i].value)
        writer_printf(b->s.w, "c%zu", column_of(b, i));
    else
        writer_str(b->s.w, "n");
}

static bool is_narrow(const struct build *b, size_t i)
{
    const struct draft_measure *m = &b->s.dm[i];
    const double most = m->row.hi > -m->row.lo ? m->row.hi : -m->row.lo;
    return most * (double)(1ULL << b->s.pm[i].grid_bits) < NARROW_STEPS;
}

static void added_up(const struct build *b, size_t i)
{
    const bool is_sum = b->s.pm[i].kind == MEASURE_SUM;
    if (is_sum)
        writer_printf(b->s.w, "CAST(coalesce(sum(v%zu)", b->s.x[i]);
    else
        writer_str(b->s.w, "count(*)");
    if (b->s.flag[i] != STAGE_NONE)
        writer_printf(b->s.w, " FILTER (WHERE f%zu)", b->s.flag[i]);
    if (is_sum)
        writer_printf(b->s.w, ", 0) AS %s)",
                      is_narrow(b, i) ? "BIGINT" : "HUGEINT");
    writer_str(b->s.w, " AS ");
    called(b, i);
}

/* Each column of what a person has in a group, behind a comma. */
static void each(const struct build *b,
                 void (*print)(const struct build *b, size_t i))
{
    for (size_t i = 0; i < b->s.n; i++) {
        writer_str(b->s.w, ", ");
        print(b, i);
    }
}

static void keys(const struct build *b, const char *of, const char *between)
{
    for (size_t k = 0; k < b->r->n_by; k++)
        writer_printf(b->s.w, "%s%sk%zu", k ? ", " : between, of, k);
}

static void build_pairs(const struct build *b)
{
    writer_str(b->s.w, "CREATE TABLE ");
    name(b, ".pairs");
    writer_str(b->s.w, " AS ");
    stage_sources(&b->s);
    writer_str(b->s.w, "\nSELECT p");
    keys(b, "", ", ");
    each(b, added_up);
    writer_str(b->s.w, " FROM placed GROUP BY p");
    keys(b, "", ", ");
}

/* Numbered in the order of the keys: by number is by key. */
static void build_groups(const struct build *b)
{
    writer_str(b->s.w, "CREATE TABLE ");
    name(b, ".groups");
    writer_str(b->s.w, " AS SELECT CAST(row_number() OVER (ORDER BY ");
    keys(b, "", "");
    writer_str(b->s.w, ") AS UINTEGER) AS c");
    for (size_t k = 0; k < b->r->n_by; k++)
        writer_printf(b->s.w, ", k%zu AS k%zu", k, b->by[k]);
    writer_str(b->s.w, " FROM (SELECT DISTINCT ");
    keys(b, "", "");
    writer_str(b->s.w, " FROM ");
    name(b, ".pairs");
    writer_str(b->s.w, ")");
}

static void build_rows(const struct build *b)
{
    writer_str(b->s.w, "CREATE TABLE ");
    name(b, "");
    writer_str(b->s.w, " AS SELECT p, c");
    each(b, called);
    writer_str(b->s.w, ", CAST(dense_rank() OVER (PARTITION BY p ORDER BY h, "
                       "c) AS UINTEGER) AS g FROM (SELECT p, c");
    each(b, called);
    writer_str(b->s.w, ", ");
    stage_place(&b->s);
    writer_str(b->s.w, " AS h");
    writer_str(b->s.w, " FROM ");
    name(b, ".pairs");
    writer_str(b->s.w, " JOIN (SELECT c");
    for (size_t k = 0; k < b->r->n_by; k++)
        writer_printf(b->s.w, ", k%zu AS j%zu", b->by[k], k);
    writer_str(b->s.w, " FROM ");
    name(b, ".groups");
    writer_str(b->s.w, ") ON ");
    for (size_t k = 0; k < b->r->n_by; k++)
        writer_printf(b->s.w, "%sk%zu IS NOT DISTINCT FROM j%zu",
                      k ? " AND " : "", k, k);
    writer_str(b->s.w, ") ORDER BY g, c");
}

/* All rows are one group, number 1, which every person has. */
static void build_total(const struct build *b)
{
    writer_str(b->s.w, "CREATE TABLE ");
    name(b, "");
    writer_str(b->s.w, " AS SELECT p, CAST(1 AS UINTEGER) AS c");
    each(b, called);
    writer_str(b->s.w, ", CAST(1 AS UINTEGER) AS g FROM ");
    name(b, ".pairs");
}

static void drop_pairs(const struct build *b)
{
    writer_str(b->s.w, "DROP TABLE ");
    name(b, ".pairs");
}

static void show_rows(const struct build *b)
{
    writer_printf(b->s.w, "CREATE OR REPLACE VIEW %s\" AS FROM ", b->table);
    name(b, "");
}

static void show_groups(const struct build *b)
{
    writer_printf(b->s.w, "CREATE OR REPLACE VIEW %s.groups\" AS FROM ",
                  b->table);
    name(b, ".groups");
}

static void drop_rows(const struct build *b)
{
    writer_str(b->s.w, "DROP TABLE IF EXISTS ");
    name(b, "");
}

static void drop_groups(const struct build *b)
{
    writer_str(b->s.w, "DROP TABLE IF EXISTS ");
    name(b, ".groups");
}

/* One statement to print. */
struct job {
    const struct build *build;
    void (*print)(const struct build *b);
};

static void print_job(struct writer *w, const void *ctx)
{
    const struct job *job = ctx;
    struct build b = *job->build;
    b.s.w = w;
    job->print(&b);
}

static enum err_code add(const char **list, size_t *n, const struct build *b,
                         void (*print)(const struct build *b), struct err *err)
{
    const struct job job = { b, print };
    list[*n] = draft_print(b->s.d, print_job, &job);
    return list[(*n)++] ? ERR_OK : draft_memory(err);
}

static enum err_code print_all(struct rollup_sql *out, const struct build *b,
                               struct err *err)
{
    const bool grouped = b->r->n_by > 0;
    *out = (struct rollup_sql){ .n_build = 0 };
    TRY(add(out->build, &out->n_build, b, build_pairs, err));
    if (grouped)
        TRY(add(out->build, &out->n_build, b, build_groups, err));
    TRY(add(out->build, &out->n_build, b, grouped ? build_rows : build_total,
            err));
    TRY(add(out->build, &out->n_build, b, drop_pairs, err));
    TRY(add(out->show, &out->n_show, b, show_rows, err));
    TRY(add(out->drop, &out->n_drop, b, drop_rows, err));
    if (!grouped)
        return ERR_OK;
    TRY(add(out->show, &out->n_show, b, show_groups, err));
    return add(out->drop, &out->n_drop, b, drop_groups, err);
}

/* What the question measures, each sum on all its grids. */
static bool spread(struct build *b)
{
    const struct draft *d = b->s.d;
    const struct plan *p = d->plan;
    const size_t most = p->n_measures * DRAFT_GRIDS + 1;
    struct plan_measure *pm = ARENA_NEW_N(d->a, most, struct plan_measure);
    struct draft_measure *dm = ARENA_NEW_N(d->a, most, struct draft_measure);
    if (!pm || !dm)
        return false;
    for (size_t i = 0; i < p->n_measures; i++) {
        unsigned bits[DRAFT_GRIDS] = { 0 };
        const bool is_sum = p->measures[i].kind == MEASURE_SUM;
        if (!is_sum && p->measures[i].kind != MEASURE_ROWS)
            continue;
        const size_t n =
            is_sum ? draft_grids(bits, d->measures[i].value->column->policy)
                   : 1;
        for (size_t g = 0; g < n; g++, b->s.n++) {
            pm[b->s.n] = p->measures[i];
            dm[b->s.n] = d->measures[i];
            pm[b->s.n].grid_bits = bits[g];
        }
    }
    b->s.pm = pm;
    b->s.dm = dm;
    return b->s.n <= PLAN_MEASURES_MAX;
}

static void place_keys(struct build *b)
{
    for (size_t k = 0; k < b->r->n_by; k++)
        while (
            !stage_is_rollup_key(&b->s, &b->r->by[b->by[k]], b->s.d->keys[k]))
            b->by[k]++;
}

/* The question as far as it is planned without a price. */
static enum err_code drafted(struct draft *d, const struct policy_table *t,
                             const struct policy_rollup *r, struct err *err)
{
    d->tree = question(d, t, r);
    if (!d->tree)
        return draft_memory(err);
    TRY(draft_start(d, err));
    TRY(draft_types(d, err));
    TRY(draft_domains(d, err));
    return draft_bounds(d, err);
}

enum err_code rollup_print(struct rollup_sql *out, const struct policy *p,
                           const struct policy_table *t,
                           const struct policy_rollup *r, unsigned generation,
                           struct arena *a, struct err *err)
{
    static const struct request none = { 0 };
    struct draft d = { .req = &none, .policy = p, .a = a };
    char table[ROLLUP_TABLE_MAX];
    const enum err_code code = drafted(&d, t, r, err);
    if (code != ERR_OK) {
        (void)err_at(err, r->line, 1);
        return code;
    }
    struct build b = { .s = { .d = &d, .table = t },
                       .r = r,
                       .table = table,
                       .generation = generation };
    (void)snprintf(table, sizeof table, ROLLUP_SCHEMA ".\"%s.%s", t->name,
                   r->name);
    if (!spread(&b))
        return draft_memory(err);
    stage_number(&b.s);
    place_keys(&b);
    return print_all(out, &b, err);
}
