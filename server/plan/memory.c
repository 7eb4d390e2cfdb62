/*
 * What a release of public groups takes of the request's memory: known before
 * it is charged, so that none is charged that memory cannot answer.  Each row
 * counts as if all groups had rows, so that what fits does not depend on which
 * do.
 */
#include <string.h>

#include "server/plan/draft.h"
#include "server/plan/over.h"

/* Of a row while it is finished, beside its arrays; of a cell as stored. */
enum { ROW_BYTES = 192, CELL_BYTES = 32 };

static size_t text_bytes(const struct plan_key *key)
{
    size_t most = 0;
    for (size_t i = 0; i < key->n_domain; i++)
        if (key->domain[i].type == VALUE_TEXT && key->domain[i].text.len > most)
            most = key->domain[i].text.len;
    return most;
}

/* From the engine to the noisy numbers: as found, placed, noised and stored. */
static double release_bytes(const struct plan *p)
{
    const double value = sizeof(struct value), exact = sizeof(struct dp_exact);
    double bytes = (double)p->n_measures * exact * 4 +
                   (double)plan_width(p) * (exact + CELL_BYTES) +
                   (double)p->n_keys * (value * 2 + CELL_BYTES);
    for (size_t k = 0; k < p->n_keys; k++)
        bytes += 3 * (double)text_bytes(&p->keys[k]);
    return bytes;
}

static double window_bytes(const struct plan *p)
{
    const double value = sizeof(struct value);
    double bytes = 0;
    for (size_t i = 0; i < p->n_overs; i++)
        bytes += sizeof(struct over_row) + sizeof(struct over_cell) +
                 8 * sizeof(size_t) +
                 value * (double)(p->overs[i].n_partition +
                                  p->overs[i].n_orders + 2);
    return bytes;
}

/* What evaluating it takes, and keeps: an array of operands for each call, and
 * the texts that some of them make. */
static double eval_bytes(const struct typed *e)
{
    enum { CALL_BYTES = 16, TEXT_BYTES = 128 };
    double bytes = 0;
    if (!e || e->kind != TYPED_CALL)
        return 0;
    for (size_t i = 0; i < e->call.n_args; i++)
        bytes += sizeof(struct value) + eval_bytes(e->call.args[i]);
    return bytes + CALL_BYTES + (e->type == VALUE_TEXT ? TEXT_BYTES : 0);
}

static double evals_bytes(const struct plan *p)
{
    double bytes = eval_bytes(p->having);
    for (size_t i = 0; i < p->n_outputs; i++)
        bytes += eval_bytes(p->outputs[i].expr);
    for (size_t i = 0; i < p->n_orders; i++)
        bytes += eval_bytes(p->orders[i].expr);
    for (size_t w = 0; w < p->n_overs; w++) {
        const struct plan_over *o = &p->overs[w];
        bytes += eval_bytes(o->value) + eval_bytes(o->filter) +
                 eval_bytes(o->otherwise);
        for (size_t i = 0; i < o->n_partition; i++)
            bytes += eval_bytes(o->partition[i]);
        for (size_t i = 0; i < o->n_orders; i++)
            bytes += eval_bytes(o->orders[i].expr);
    }
    return bytes;
}

/* Of one group while rows are finished. */
static double finish_bytes(const struct plan *p)
{
    const double value = sizeof(struct value),
                 both = value + sizeof(struct reply_interval);
    return ROW_BYTES + both * (double)(p->n_aggs + p->n_outputs + 2) +
           value * (double)(p->n_overs + p->n_orders + 2) + window_bytes(p) +
           evals_bytes(p);
}

enum err_code draft_memory_fits(struct draft *d, struct err *err)
{
    struct plan *p = d->plan;
    const double groups = (double)p->groups_public;
    const double shown =
        p->has_limit && (double)p->limit < groups ? (double)p->limit : groups;
    const double cells =
        (double)p->n_outputs *
        (double)(sizeof(struct value) + sizeof(struct reply_interval));
    const double most =
        (double)PLAN_MEMORY_MAX / (double)(d->n_parts ? d->n_parts : 1);
    if (p->is_free || p->selects)
        return ERR_OK;
    p->memory = groups * (release_bytes(p) + finish_bytes(p)) +
                shown * cells * (double)(1 + 2 * p->n_after);
    return p->memory <= most ? ERR_OK : draft_memory(err);
}
