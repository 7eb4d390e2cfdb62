/*
 * A sub-query whose aggregates are over many people is a release of its own,
 * and the question that refers to it reads its noisy answer, a public table
 * s0, s1, ..:  a chain.  What stands in it is unknown while the question is
 * planned, so nothing about the question's bounds or price depends on it.
 */
#include <math.h>
#include <string.h>

#include "server/plan/dialect.h"
#include "server/plan/draft.h"
#include "server/plan/range.h"
#include "server/query/refusal.h"

/* The request of an earlier release: its price is a part of the whole. */
static const struct request *request_of(struct draft *d)
{
    struct request *req = ARENA_NEW(d->a, struct request);
    if (!req)
        return NULL;
    *req = *d->req;
    if (req->ask.kind == ASK_ACCURACY_ABS || req->ask.kind == ASK_ACCURACY_REL)
        req->ask.kind = ASK_DEFAULT;
    req->bounds = (struct ask_bounds){ 0 };
    req->bounds_report = false; /* nobody would read it */
    return req;
}

static enum err_code fill(struct rel *rel, struct draft *d,
                          const struct plan *before, size_t index,
                          struct err *err)
{
    rel->sql = arena_printf(d->a, "s%zu", index);
    rel->sized = rel->cheap = true;
    rel->rows =
        before->selects || before->has_limit
            ? (double)(before->has_limit ? before->limit : PLAN_CHAIN_ROWS_MAX)
            : (double)before->groups_public;
    rel->n_columns = before->n_outputs;
    rel->columns = ARENA_NEW_N(d->a, rel->n_columns + 1, struct rel_column);
    if (!rel->sql || !rel->columns)
        return draft_memory(err);
    for (size_t i = 0; i < rel->n_columns; i++) {
        const enum value_type type = before->outputs[i].type;
        rel->columns[i] = (struct rel_column){
            .name = before->outputs[i].name,
            .sql = arena_printf(d->a, "c%zu", i),
            .type = type,
            .before = (unsigned)index + 1,
            .output = (unsigned)i,
            .may_group = true,
            .may_filter = true,
            .range = { -HUGE_VAL, HUGE_VAL },
            .grid_bits = type == VALUE_DOUBLE ? RANGE_GRID_DEFAULT : 0,
        };
        if (!rel->columns[i].sql)
            return draft_memory(err);
    }
    return ERR_OK;
}

static enum err_code add_release(struct draft *d, const struct select *s,
                                 struct err *err)
{
    struct plan *p = d->plan, *before = NULL;
    const struct request *req = request_of(d);
    char most[16];
    if (!req)
        return draft_memory(err);
    (void)snprintf(most, sizeof most, "%d", PLAN_CHAIN_ROWS_MAX);
    if (p->n_before == PLAN_CHAIN_MAX)
        return refuse(err, REFUSAL_CHAIN_LENGTH, s->at, NULL, NULL);
    TRY(draft_plan(&before, d, req, s, err));
    const bool few =
        !before->selects && before->groups_public <= PLAN_CHAIN_ROWS_MAX;
    if (!few && !(s->has_limit && s->limit <= PLAN_CHAIN_ROWS_MAX))
        return refuse(err, REFUSAL_CHAIN_LIMIT, s->at, most, NULL);
    d->chained[p->n_before] = s;
    p->before[p->n_before++] = before;
    return ERR_OK;
}

enum err_code draft_chain(const struct rel **out, struct draft *d,
                          const struct select *s, struct err *err)
{
    struct rel *rel = ARENA_NEW(d->a, struct rel);
    size_t i = 0;
    if (!rel)
        return draft_memory(err);
    while (i < d->plan->n_before && d->chained[i] != s)
        i++;
    if (i == d->plan->n_before)
        TRY(add_release(d, s, err));
    TRY(fill(rel, d, d->plan->before[i], i, err));
    *out = rel;
    return ERR_OK;
}

/* One earlier answer as rows of constants; none is an empty table. */
static void print_table(struct writer *w, const struct plan *before,
                        const struct reply_table *table, size_t index)
{
    const size_t n = before->n_outputs, rows = table->n_rows;
    writer_printf(w, "s%zu AS (", index);
    for (size_t r = 0; r < (rows ? rows : 1); r++) {
        writer_str(w, r ? " UNION ALL SELECT " : "SELECT ");
        for (size_t i = 0; i < n; i++) {
            const enum value_type type = before->outputs[i].type;
            const struct value none = value_null();
            writer_str(w, i ? ", CAST(" : "CAST(");
            dialect_value(w, type, rows ? &table->cells[r * n + i] : &none);
            writer_printf(w, " AS %s) AS c%zu", dialect_type(w, type), i);
        }
    }
    writer_str(w, rows ? "),\n" : " WHERE FALSE),\n");
}

/* A statement behind the constant tables it reads. */
static void print_bound(struct writer *w, const struct plan *plan,
                        const struct reply_table *tables, const char *sql)
{
    static const char with[] = "WITH ";
    writer_str(w, with);
    for (size_t i = 0; i < plan->n_before; i++)
        print_table(w, plan->before[i], &tables[i], i);
    writer_str(w, sql + sizeof with - 1);
}

static enum err_code bound_text(const char **sql, const struct plan *plan,
                                const struct reply_table *tables,
                                struct arena *a, struct err *err)
{
    struct dialect pg = { .lacks = NULL };
    struct dialect *const speaks =
        plan->policy->source == SOURCE_POSTGRESQL ? &pg : NULL;
    struct writer w = writer_of(NULL, 0);
    w.dialect = speaks;
    print_bound(&w, plan, tables, *sql);
    char *text = arena_alloc(a, w.need + 1, 1);
    if (!text)
        return draft_memory(err);
    w = writer_of(text, w.need + 1);
    w.dialect = speaks;
    print_bound(&w, plan, tables, *sql);
    if (!writer_cstr(&w))
        return err_set(err, ERR_INTERNAL, "the answer changed while printed");
    *sql = text;
    return ERR_OK;
}

enum err_code plan_bind(struct plan *out, const struct plan *plan,
                        const struct reply_table *tables, struct arena *a,
                        struct err *err)
{
    struct plan bound = *plan;
    bound.hists = ARENA_NEW_N(a, plan->n_hists + 1, struct plan_hist);
    if (!bound.hists)
        return draft_memory(err);
    if (plan->n_measures > 0)
        TRY(bound_text(&bound.sql, plan, tables, a, err));
    if (plan->spare_sql)
        TRY(bound_text(&bound.spare_sql, plan, tables, a, err));
    for (size_t h = 0; h < plan->n_hists; h++) {
        struct plan_hist *hist = &bound.hists[h];
        *hist = plan->hists[h];
        TRY(bound_text(&hist->sql, plan, tables, a, err));
        if (hist->spare_sql)
            TRY(bound_text(&hist->spare_sql, plan, tables, a, err));
    }
    *out = bound;
    return ERR_OK;
}
