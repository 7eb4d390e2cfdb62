/*
 * What a release takes of the request's memory: known before it is charged, so
 * that none is charged that memory cannot answer.  Each row counts as if all
 * public groups had rows, so that what fits does not depend on which do.  Of
 * private groups as many are released as fit.
 */
#include <math.h>
#include <string.h>

#include "server/plan/after.h"
#include "server/plan/draft.h"
#include "server/plan/over.h"
#include "server/plan/tally.h"

/* Of a row while it is finished, beside its arrays; of a cell as stored. */
enum { ROW_BYTES = 192, CELL_BYTES = 32 };

/* A release of private groups has room for so many, or is refused. */
enum { ROWS_LEAST = 16 };

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
    for (size_t i = 0; i < p->n_overs; i++) {
        const size_t wide =
            frame_is_wide(&p->overs[i].frame) ? 2 * sizeof(struct tally) : 0;
        bytes += (double)wide;
        bytes += sizeof(struct over_row) + sizeof(struct over_cell) +
                 10 * sizeof(size_t) +
                 value * (double)(p->overs[i].n_partition +
                                  p->overs[i].n_orders + 2);
    }
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

/* Rows of public groups and buckets as the engine gives them, and as lists. */
static double public_hist_bytes(const struct plan *p)
{
    const double row = (double)(p->n_keys + 1) * sizeof(struct value) +
                       sizeof(struct dp_exact) + sizeof(size_t);
    double rows = 0;
    for (size_t h = 0; h < p->n_hists; h++)
        rows += (double)p->hists[h].n_buckets;
    return rows *
           (row * (double)p->groups_public + 2 * sizeof(struct dp_exact));
}

/* Of a released group, should there be too many rows to hold at once. */
static double private_hist_bytes(const struct plan *p)
{
    double bytes = 0;
    for (size_t h = 0; h < p->n_hists; h++)
        bytes += (double)p->hists[h].n_buckets * sizeof(struct dp_exact);
    return bytes;
}

/* Texts made of keys when it is finished. */
static size_t texts_made(const struct typed *e)
{
    if (!e || e->kind != TYPED_CALL)
        return 0;
    size_t n = e->type == VALUE_TEXT;
    for (size_t i = 0; i < e->call.n_args; i++)
        n += texts_made(e->call.args[i]);
    return n;
}

/* How often a key's text is there: as found, released, stored, and in what is
 * computed of it. */
static double text_copies(const struct plan *p)
{
    size_t n = 4 + texts_made(p->having);
    for (size_t i = 0; i < p->n_outputs; i++)
        n += texts_made(p->outputs[i].expr);
    for (size_t i = 0; i < p->n_orders; i++)
        n += texts_made(p->orders[i].expr);
    return (double)n;
}

/* Questions of a batch share half of the memory for private groups; an earlier
 * release of a chain leaves most of it to the last. */
static double private_share(const struct draft *d)
{
    const double most = (double)PLAN_MEMORY_MAX / 2;
    const double among = (double)(d->req->n_together ? d->req->n_together : 1);
    const double parts = (double)draft_sharers(d);
    return most / among / parts / (d->is_before ? 2 * PLAN_CHAIN_MAX : 1);
}

/* Half for rows, half for the texts of their keys. */
static enum err_code private_fits(struct draft *d, double shown_bytes,
                                  struct err *err)
{
    struct plan *p = d->plan;
    const double share = private_share(d) / 2;
    const double row = release_bytes(p) + finish_bytes(p) +
                       private_hist_bytes(p) + shown_bytes;
    const double rows = floor(share / row);
    if (rows < ROWS_LEAST || (p->top.on && (double)p->top.t.k > rows))
        return draft_memory(err);
    p->rows_most = rows < PLAN_GROUPS_MAX ? (uint64_t)rows : PLAN_GROUPS_MAX;
    p->text_most = (size_t)(share / text_copies(p));
    p->memory = (double)p->rows_most * row + share;
    p->row_memory = row;
    return ERR_OK;
}

static enum err_code public_fits(struct draft *d, double shown_bytes,
                                 struct err *err)
{
    struct plan *p = d->plan;
    const double groups = (double)p->groups_public;
    const double shown =
        p->has_limit && (double)p->limit < groups ? (double)p->limit : groups;
    const double most = (double)PLAN_MEMORY_MAX / (double)draft_sharers(d);
    p->row_memory = release_bytes(p) + finish_bytes(p) + shown_bytes;
    p->memory = groups * (release_bytes(p) + finish_bytes(p)) +
                shown * shown_bytes + public_hist_bytes(p);
    return p->memory <= most ? ERR_OK : draft_memory(err);
}

double draft_sets_bytes(const struct plan *p)
{
    double bytes = 0;
    for (size_t i = 0; i < p->n_after; i++)
        bytes += (double)p->after[i].n_sets *
                 (2 * ROW_BYTES + (double)(p->after[i].n_keys + 1) *
                                      (double)sizeof(struct value));
    return bytes;
}

enum err_code draft_memory_fits(struct draft *d, struct err *err)
{
    struct plan *p = d->plan;
    const double cells =
        (double)p->n_outputs *
        (double)(sizeof(struct value) + sizeof(struct reply_interval));
    const double shown_bytes =
        cells * (double)(1 + 2 * p->n_after) + draft_sets_bytes(p);
    if (p->is_free && !p->lists)
        return ERR_OK;
    TRY(p->selects ? private_fits(d, shown_bytes, err)
                   : public_fits(d, shown_bytes, err));
    for (size_t i = 0; i < p->n_before; i++)
        p->memory += p->before[i]->memory;
    return p->memory <= PLAN_MEMORY_MAX ? ERR_OK : draft_memory(err);
}
