#include "server/grpc/codec_answer.h"

#include "server/grpc/codec_arena.h"
#include "server/grpc/codec_value.h"

/* ---- one table ---- */

static enum err_code put_parts(Halftone__V1__Receipt *m,
                               const struct reply_receipt *r, struct arena *a,
                               struct err *err)
{
    Halftone__V1__ReceiptPart *parts;
    Halftone__V1__Value *keys =
        ARENA_NEW_N(a, 2 * r->n_parts, Halftone__V1__Value);
    m->n_parts = r->n_parts;
    if (!keys || !CODEC_NEW_LIST(m->parts, r->n_parts, parts, a))
        return codec_full(err);
    for (size_t i = 0; i < r->n_parts; i++) {
        const struct reply_part *p = &r->parts[i];
        halftone__v1__receipt_part__init(&parts[i]);
        codec_value_put(&keys[2 * i], &p->first);
        codec_value_put(&keys[2 * i + 1], &p->last);
        parts[i].query_id = codec_text(p->query_id);
        parts[i].as_of_us = p->as_of_us;
        parts[i].first = &keys[2 * i];
        parts[i].last = &keys[2 * i + 1];
        parts[i].keys = p->n_keys;
        parts[i].max_groups = p->max_groups;
        parts[i].cached = p->cached;
        m->parts[i] = &parts[i];
    }
    return ERR_OK;
}

static enum err_code put_receipt(Halftone__V1__Receipt *m,
                                 const struct reply_receipt *r, struct arena *a,
                                 struct err *err)
{
    halftone__v1__receipt__init(m);
    m->query_id = codec_text(r->query_id);
    m->dataset = codec_text(r->dataset);
    m->purpose = codec_text(r->purpose);
    m->mechanism = codec_text(r->mechanism);
    m->policy_version = r->policy_version;
    m->as_of_us = r->as_of_us;
    m->rho_pico = r->rho_pico;
    m->epsilon_nano = r->eps_nano;
    m->delta_atto = r->delta_atto;
    m->epsilon = r->epsilon;
    m->delta = r->shown_delta;
    m->remaining_rho_pico = r->remaining_rho_pico;
    m->remaining_epsilon_nano = r->remaining_eps_nano;
    m->cached = r->cached;
    m->pure = r->pure;
    m->bounds = codec_bounds_put(r->max_groups, r->max_rows, a);
    return m->bounds ? put_parts(m, r, a, err) : codec_full(err);
}

_Static_assert((int)INTERVAL_NONE == HALFTONE__V1__INTERVAL__KIND__NONE &&
                   (int)INTERVAL_BOUNDED ==
                       HALFTONE__V1__INTERVAL__KIND__BOUNDED &&
                   (int)INTERVAL_UNBOUNDED ==
                       HALFTONE__V1__INTERVAL__KIND__UNBOUNDED,
               "put_row casts one to the other");

static enum err_code put_row(Halftone__V1__Row *m, const struct reply_table *t,
                             size_t row, struct arena *a, struct err *err)
{
    Halftone__V1__Value *values;
    Halftone__V1__Interval *intervals;
    halftone__v1__row__init(m);
    m->n_cells = m->n_intervals = t->n_columns;
    if (!CODEC_NEW_LIST(m->cells, t->n_columns, values, a) ||
        !CODEC_NEW_LIST(m->intervals, t->n_columns, intervals, a))
        return codec_full(err);
    for (size_t c = 0; c < t->n_columns; c++) {
        const size_t at = row * t->n_columns + c;
        codec_value_put(&values[c], &t->cells[at]);
        m->cells[c] = &values[c];
        halftone__v1__interval__init(&intervals[c]);
        intervals[c].kind = (Halftone__V1__Interval__Kind)t->intervals[at].kind;
        intervals[c].lo = t->intervals[at].lo;
        intervals[c].hi = t->intervals[at].hi;
        m->intervals[c] = &intervals[c];
    }
    return ERR_OK;
}

static enum err_code put_columns(Halftone__V1__QueryReply *m,
                                 const struct reply_table *t, struct arena *a,
                                 struct err *err)
{
    Halftone__V1__Column *columns;
    m->n_columns = t->n_columns;
    if (!CODEC_NEW_LIST(m->columns, t->n_columns, columns, a))
        return codec_full(err);
    for (size_t i = 0; i < t->n_columns; i++) {
        halftone__v1__column__init(&columns[i]);
        columns[i].name = codec_text(t->columns[i].name);
        columns[i].type = codec_type_put(t->columns[i].type);
        columns[i].is_key = t->columns[i].is_key;
        m->columns[i] = &columns[i];
    }
    return ERR_OK;
}

static enum err_code put_rows(Halftone__V1__QueryReply *m,
                              const struct reply_table *t, struct arena *a,
                              struct err *err)
{
    Halftone__V1__Row *rows;
    m->n_rows = t->n_rows;
    if (!CODEC_NEW_LIST(m->rows, t->n_rows, rows, a))
        return codec_full(err);
    for (size_t i = 0; i < t->n_rows; i++) {
        TRY(put_row(&rows[i], t, i, a, err));
        m->rows[i] = &rows[i];
    }
    return ERR_OK;
}

static enum err_code put_table(Halftone__V1__QueryReply *m,
                               const struct reply_table *t, struct arena *a,
                               struct err *err)
{
    halftone__v1__query_reply__init(m);
    m->level = t->level;
    m->receipt = ARENA_NEW(a, Halftone__V1__Receipt);
    m->n_notices = t->n_notices;
    m->notices = ARENA_NEW_N(a, t->n_notices, char *);
    if (!m->receipt || !m->notices)
        return codec_full(err);
    TRY(put_columns(m, t, a, err));
    TRY(put_rows(m, t, a, err));
    TRY(put_receipt(m->receipt, &t->receipt, a, err));
    for (size_t i = 0; i < t->n_notices; i++)
        m->notices[i] = codec_text(t->notices[i]);
    return ERR_OK;
}

/* ---- replies ---- */

enum err_code codec_answer_query(const uint8_t **msg, size_t *len,
                                 const struct reply *reply, struct arena *a,
                                 struct err *err)
{
    Halftone__V1__QueryReply m;
    TRY(put_table(&m, &reply->table, a, err));
    return codec_pack(msg, len, &m.base, a, err);
}

enum err_code codec_answer_batch(const uint8_t **msg, size_t *len,
                                 const struct reply *reply, struct arena *a,
                                 struct err *err)
{
    Halftone__V1__BatchReply m = HALFTONE__V1__BATCH_REPLY__INIT;
    Halftone__V1__QueryReply *answers;
    Halftone__V1__Receipt receipt;

    m.n_answers = reply->n_tables;
    m.receipt = &receipt;
    if (!CODEC_NEW_LIST(m.answers, reply->n_tables, answers, a))
        return codec_full(err);
    for (size_t i = 0; i < reply->n_tables; i++) {
        TRY(put_table(&answers[i], &reply->tables[i], a, err));
        m.answers[i] = &answers[i];
    }
    TRY(put_receipt(&receipt, &reply->receipt, a, err));
    return codec_pack(msg, len, &m.base, a, err);
}

static enum err_code put_estimate(Halftone__V1__EstimateReply *m,
                                  const struct reply_estimate *e,
                                  struct arena *a, struct err *err)
{
    Halftone__V1__EstimateColumn *columns;

    halftone__v1__estimate_reply__init(m);
    m->n_columns = e->n_columns;
    if (!CODEC_NEW_LIST(m->columns, e->n_columns, columns, a))
        return codec_full(err);
    for (size_t i = 0; i < e->n_columns; i++) {
        halftone__v1__estimate_column__init(&columns[i]);
        columns[i].name = codec_text(e->columns[i].name);
        columns[i].mechanism = codec_text(e->columns[i].mechanism);
        columns[i].expected_error = e->columns[i].expected_error;
        m->columns[i] = &columns[i];
    }
    m->level = e->level;
    m->rho_pico = e->rho_pico;
    m->epsilon_nano = e->eps_nano;
    m->delta_atto = e->delta_atto;
    m->epsilon = e->epsilon;
    m->delta = e->shown_delta;
    m->pure = e->pure;
    m->queries_left = e->queries_left;
    m->plan = codec_text(e->plan);
    return ERR_OK;
}

enum err_code codec_answer_estimate(const uint8_t **msg, size_t *len,
                                    const struct reply *reply, struct arena *a,
                                    struct err *err)
{
    Halftone__V1__EstimateReply m, *questions;
    TRY(put_estimate(&m, &reply->estimate, a, err));
    m.n_questions = reply->n_estimates;
    if (!CODEC_NEW_LIST(m.questions, reply->n_estimates, questions, a))
        return codec_full(err);
    for (size_t i = 0; i < reply->n_estimates; i++) {
        TRY(put_estimate(&questions[i], &reply->estimates[i], a, err));
        m.questions[i] = &questions[i];
    }
    return codec_pack(msg, len, &m.base, a, err);
}
