/* struct reply -> messages.  Declared in codec.h. */
#include <halftone/v1/admin.pb-c.h>

#include "server/grpc/codec.h"
#include "server/grpc/codec_arena.h"
#include "server/grpc/codec_audit.h"
#include "server/grpc/codec_consent.h"
#include "server/grpc/codec_contact.h"
#include "server/grpc/codec_erase.h"
#include "server/grpc/codec_value.h"

/* protobuf-c's strings are not const, although packing only reads them. */
static char *text(const char *s)
{
    return (char *)(uintptr_t)(s ? s : "");
}

static enum err_code full(struct err *err)
{
    return err_set(err, ERR_LIMIT, "the reply needs too much memory");
}

/* n messages, and the array of pointers to them that protobuf-c wants. */
#define NEW_LIST(list, n, items, a)                                            \
    ((list) = arena_alloc((a), (n), sizeof *(list)),                           \
     (items) = arena_alloc((a), (n), sizeof *(items)), (list) && (items))

static enum err_code put_domain(Halftone__V1__TableColumn *m,
                                const struct reply_dataset_column *c,
                                struct arena *a, struct err *err)
{
    Halftone__V1__Value *values;
    m->n_domain = c->n_domain;
    if (!NEW_LIST(m->domain, c->n_domain, values, a))
        return full(err);
    for (size_t i = 0; i < c->n_domain; i++) {
        codec_value_put(&values[i], &c->domain[i]);
        m->domain[i] = &values[i];
    }
    return ERR_OK;
}

static enum err_code put_table_columns(Halftone__V1__Table *m,
                                       const struct reply_dataset_table *t,
                                       struct arena *a, struct err *err)
{
    Halftone__V1__TableColumn *columns;
    m->n_columns = t->n_columns;
    if (!NEW_LIST(m->columns, t->n_columns, columns, a))
        return full(err);
    for (size_t i = 0; i < t->n_columns; i++) {
        const struct reply_dataset_column *c = &t->columns[i];
        halftone__v1__table_column__init(&columns[i]);
        columns[i].name = text(c->name);
        columns[i].type = text(c->type);
        columns[i].help = text(c->help);
        columns[i].is_privacy_key = c->is_key;
        columns[i].has_range = c->has_range;
        columns[i].lo = c->lo;
        columns[i].hi = c->hi;
        TRY(put_domain(&columns[i], c, a, err));
        m->columns[i] = &columns[i];
    }
    return ERR_OK;
}

static Halftone__V1__Bounds *put_bounds(uint32_t groups, uint32_t rows,
                                        struct arena *a)
{
    Halftone__V1__Bounds *m = ARENA_NEW(a, Halftone__V1__Bounds);
    if (m) {
        halftone__v1__bounds__init(m);
        m->max_groups = groups;
        m->max_rows = rows;
    }
    return m;
}

static enum err_code put_tables(Halftone__V1__Dataset *m,
                                const struct reply_dataset *d, struct arena *a,
                                struct err *err)
{
    Halftone__V1__Table *tables;
    m->n_tables = d->n_tables;
    if (!NEW_LIST(m->tables, d->n_tables, tables, a))
        return full(err);
    for (size_t i = 0; i < d->n_tables; i++) {
        const struct reply_dataset_table *t = &d->tables[i];
        halftone__v1__table__init(&tables[i]);
        tables[i].name = text(t->name);
        tables[i].help = text(t->help);
        tables[i].owned = t->owned;
        tables[i].bounds = put_bounds(t->max_groups, t->max_rows, a);
        if (!tables[i].bounds)
            return full(err);
        TRY(put_table_columns(&tables[i], t, a, err));
        m->tables[i] = &tables[i];
    }
    return ERR_OK;
}

static enum err_code put_dataset(Halftone__V1__Dataset *m,
                                 const struct reply_dataset *d, struct arena *a,
                                 struct err *err)
{
    halftone__v1__dataset__init(m);
    m->name = text(d->name);
    m->help = text(d->help);
    m->notion = text(d->notion);
    m->policy_version = d->policy_version;
    m->n_purposes = d->n_purposes;
    m->purposes = ARENA_NEW_N(a, d->n_purposes, char *);
    if (!m->purposes)
        return full(err);
    for (size_t i = 0; i < d->n_purposes; i++)
        m->purposes[i] = text(d->purposes[i]);
    return put_tables(m, d, a, err);
}

/* ---- the query reply ---- */

static enum err_code put_parts(Halftone__V1__Receipt *m,
                               const struct reply_receipt *r, struct arena *a,
                               struct err *err)
{
    Halftone__V1__ReceiptPart *parts;
    Halftone__V1__Value *keys =
        ARENA_NEW_N(a, 2 * r->n_parts, Halftone__V1__Value);
    m->n_parts = r->n_parts;
    if (!keys || !NEW_LIST(m->parts, r->n_parts, parts, a))
        return full(err);
    for (size_t i = 0; i < r->n_parts; i++) {
        const struct reply_part *p = &r->parts[i];
        halftone__v1__receipt_part__init(&parts[i]);
        codec_value_put(&keys[2 * i], &p->first);
        codec_value_put(&keys[2 * i + 1], &p->last);
        parts[i].query_id = text(p->query_id);
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
    m->query_id = text(r->query_id);
    m->dataset = text(r->dataset);
    m->purpose = text(r->purpose);
    m->mechanism = text(r->mechanism);
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
    m->bounds = put_bounds(r->max_groups, r->max_rows, a);
    return m->bounds ? put_parts(m, r, a, err) : full(err);
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
    if (!NEW_LIST(m->cells, t->n_columns, values, a) ||
        !NEW_LIST(m->intervals, t->n_columns, intervals, a))
        return full(err);
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
    if (!NEW_LIST(m->columns, t->n_columns, columns, a))
        return full(err);
    for (size_t i = 0; i < t->n_columns; i++) {
        halftone__v1__column__init(&columns[i]);
        columns[i].name = text(t->columns[i].name);
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
    if (!NEW_LIST(m->rows, t->n_rows, rows, a))
        return full(err);
    for (size_t i = 0; i < t->n_rows; i++) {
        TRY(put_row(&rows[i], t, i, a, err));
        m->rows[i] = &rows[i];
    }
    return ERR_OK;
}

/* ---- one encoder per method ---- */

typedef enum err_code encode_fn(const uint8_t **msg, size_t *len,
                                const struct reply *reply, struct arena *a,
                                struct err *err);

static enum err_code pack(const uint8_t **msg, size_t *len,
                          const ProtobufCMessage *m, struct arena *a,
                          struct err *err)
{
    *msg = codec_pack(m, len, a);
    return *msg ? ERR_OK : full(err);
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
        return full(err);
    TRY(put_columns(m, t, a, err));
    TRY(put_rows(m, t, a, err));
    TRY(put_receipt(m->receipt, &t->receipt, a, err));
    for (size_t i = 0; i < t->n_notices; i++)
        m->notices[i] = text(t->notices[i]);
    return ERR_OK;
}

static enum err_code encode_query(const uint8_t **msg, size_t *len,
                                  const struct reply *reply, struct arena *a,
                                  struct err *err)
{
    Halftone__V1__QueryReply m;
    TRY(put_table(&m, &reply->table, a, err));
    return pack(msg, len, &m.base, a, err);
}

static enum err_code encode_batch(const uint8_t **msg, size_t *len,
                                  const struct reply *reply, struct arena *a,
                                  struct err *err)
{
    Halftone__V1__BatchReply m = HALFTONE__V1__BATCH_REPLY__INIT;
    Halftone__V1__QueryReply *answers;
    Halftone__V1__Receipt receipt;

    m.n_answers = reply->n_tables;
    m.receipt = &receipt;
    if (!NEW_LIST(m.answers, reply->n_tables, answers, a))
        return full(err);
    for (size_t i = 0; i < reply->n_tables; i++) {
        TRY(put_table(&answers[i], &reply->tables[i], a, err));
        m.answers[i] = &answers[i];
    }
    TRY(put_receipt(&receipt, &reply->receipt, a, err));
    return pack(msg, len, &m.base, a, err);
}

static enum err_code put_estimate(Halftone__V1__EstimateReply *m,
                                  const struct reply_estimate *e,
                                  struct arena *a, struct err *err)
{
    Halftone__V1__EstimateColumn *columns;

    halftone__v1__estimate_reply__init(m);
    m->n_columns = e->n_columns;
    if (!NEW_LIST(m->columns, e->n_columns, columns, a))
        return full(err);
    for (size_t i = 0; i < e->n_columns; i++) {
        halftone__v1__estimate_column__init(&columns[i]);
        columns[i].name = text(e->columns[i].name);
        columns[i].mechanism = text(e->columns[i].mechanism);
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
    m->plan = text(e->plan);
    return ERR_OK;
}

static enum err_code encode_estimate(const uint8_t **msg, size_t *len,
                                     const struct reply *reply, struct arena *a,
                                     struct err *err)
{
    Halftone__V1__EstimateReply m, *questions;
    TRY(put_estimate(&m, &reply->estimate, a, err));
    m.n_questions = reply->n_estimates;
    if (!NEW_LIST(m.questions, reply->n_estimates, questions, a))
        return full(err);
    for (size_t i = 0; i < reply->n_estimates; i++) {
        TRY(put_estimate(&questions[i], &reply->estimates[i], a, err));
        m.questions[i] = &questions[i];
    }
    return pack(msg, len, &m.base, a, err);
}

static enum err_code encode_list(const uint8_t **msg, size_t *len,
                                 const struct reply *reply, struct arena *a,
                                 struct err *err)
{
    Halftone__V1__ListDatasetsReply m = HALFTONE__V1__LIST_DATASETS_REPLY__INIT;
    Halftone__V1__Dataset *datasets;

    m.n_datasets = reply->n_datasets;
    if (!NEW_LIST(m.datasets, reply->n_datasets, datasets, a))
        return full(err);
    for (size_t i = 0; i < reply->n_datasets; i++) {
        TRY(put_dataset(&datasets[i], &reply->datasets[i], a, err));
        m.datasets[i] = &datasets[i];
    }
    return pack(msg, len, &m.base, a, err);
}

static enum err_code encode_describe(const uint8_t **msg, size_t *len,
                                     const struct reply *reply, struct arena *a,
                                     struct err *err)
{
    Halftone__V1__DescribeDatasetReply m =
        HALFTONE__V1__DESCRIBE_DATASET_REPLY__INIT;
    Halftone__V1__Dataset dataset;
    TRY(put_dataset(&dataset, reply->datasets, a, err));
    m.dataset = &dataset;
    return pack(msg, len, &m.base, a, err);
}

static enum err_code encode_budget(const uint8_t **msg, size_t *len,
                                   const struct reply *reply, struct arena *a,
                                   struct err *err)
{
    const struct reply_budget *b = &reply->budget;
    Halftone__V1__Budget m = HALFTONE__V1__BUDGET__INIT;
    m.dataset = text(b->dataset);
    m.pure = b->pure;
    m.notion = text(b->notion);
    m.cap_rho_pico = b->cap_rho_pico;
    m.spent_rho_pico = b->spent_rho_pico;
    m.remaining_rho_pico = b->remaining_rho_pico;
    m.cap_epsilon_nano = b->cap_eps_nano;
    m.spent_epsilon_nano = b->spent_eps_nano;
    m.remaining_epsilon_nano = b->remaining_eps_nano;
    m.cap_delta_atto = b->cap_delta_atto;
    m.spent_delta_atto = b->spent_delta_atto;
    m.remaining_delta_atto = b->remaining_delta_atto;
    m.cap_epsilon = b->cap_epsilon;
    m.spent_epsilon = b->spent_epsilon;
    m.delta = b->shown_delta;
    m.odds = text(b->odds);
    m.quota = text(b->quota);
    m.quota_remaining = b->quota_remaining_pico_or_nano;
    return pack(msg, len, &m.base, a, err);
}

static enum err_code encode_charges(const uint8_t **msg, size_t *len,
                                    const struct reply *reply, struct arena *a,
                                    struct err *err)
{
    Halftone__V1__ListChargesReply m = HALFTONE__V1__LIST_CHARGES_REPLY__INIT;
    Halftone__V1__Charge *charges;

    m.n_charges = reply->n_charges;
    m.next_page_token = text(reply->next_page_token);
    if (!NEW_LIST(m.charges, reply->n_charges, charges, a))
        return full(err);
    for (size_t i = 0; i < reply->n_charges; i++) {
        const struct reply_charge *c = &reply->charges[i];
        halftone__v1__charge__init(&charges[i]);
        charges[i].query_id = text(c->query_id);
        charges[i].principal = text(c->principal);
        charges[i].dataset = text(c->dataset);
        charges[i].purpose = text(c->purpose);
        charges[i].state = text(c->state);
        charges[i].charged_us = c->charged_us;
        charges[i].rho_pico = c->rho_pico;
        charges[i].epsilon_nano = c->eps_nano;
        charges[i].delta_atto = c->delta_atto;
        charges[i].sql = text(c->sql);
        m.charges[i] = &charges[i];
    }
    return pack(msg, len, &m.base, a, err);
}

static enum err_code encode_misses(const uint8_t **msg, size_t *len,
                                   const struct reply *reply, struct arena *a,
                                   struct err *err)
{
    const struct reply_misses *r = &reply->misses;
    Halftone__V1__Misses m = HALFTONE__V1__MISSES__INIT;
    Halftone__V1__MissesOf *today;
    Halftone__V1__Lift *lifts;

    m.dataset = text(r->dataset);
    m.counted = r->counted;
    m.limit = r->limit;
    m.limit_day = r->limit_day;
    m.lifetime = r->lifetime;
    m.n_today = r->n_today;
    m.n_lifts = r->n_lifts;
    if (!NEW_LIST(m.today, r->n_today, today, a) ||
        !NEW_LIST(m.lifts, r->n_lifts, lifts, a))
        return full(err);
    for (size_t i = 0; i < r->n_today; i++) {
        halftone__v1__misses_of__init(&today[i]);
        today[i].principal = text(r->today[i].principal);
        today[i].missed = r->today[i].missed;
        m.today[i] = &today[i];
    }
    for (size_t i = 0; i < r->n_lifts; i++) {
        halftone__v1__lift__init(&lifts[i]);
        lifts[i].at_us = r->lifts[i].at_us;
        lifts[i].principal = text(r->lifts[i].principal);
        lifts[i].reason = text(r->lifts[i].reason);
        lifts[i].lifted = r->lifts[i].lifted;
        m.lifts[i] = &lifts[i];
    }
    return pack(msg, len, &m.base, a, err);
}

static enum err_code encode_register(const uint8_t **msg, size_t *len,
                                     const struct reply *reply, struct arena *a,
                                     struct err *err)
{
    Halftone__V1__RegisterState m = HALFTONE__V1__REGISTER_STATE__INIT;
    m.was_held = reply->was_held;
    return pack(msg, len, &m.base, a, err);
}

static encode_fn *const ENCODERS[REQUEST_OP_COUNT] = {
    [REQUEST_QUERY] = encode_query,
    [REQUEST_BATCH] = encode_batch,
    [REQUEST_ESTIMATE] = encode_estimate,
    [REQUEST_LIST_DATASETS] = encode_list,
    [REQUEST_DESCRIBE_DATASET] = encode_describe,
    [REQUEST_GET_BUDGET] = encode_budget,
    [REQUEST_WATCH_BUDGET] = encode_budget,
    [REQUEST_LIST_CHARGES] = encode_charges,
    [REQUEST_GET_MISSES] = encode_misses,
    [REQUEST_LIFT_MISSES] = encode_misses,
    [REQUEST_CONFIRM_REGISTER] = encode_register,
    [REQUEST_CONSENT_COUNTS] = encode_query,
    [REQUEST_CONSENT_RECORD] = codec_consent_recorded,
    [REQUEST_CONSENT_IMPORT] = codec_consent_imported,
    [REQUEST_CONSENT_SIGNAL] = codec_consent_signalled,
    [REQUEST_CONSENT_HISTORY] = codec_consent_history,
    [REQUEST_CONSENT_RECEIPT] = codec_consent_receipt,
    [REQUEST_CONSENT_CHECK] = codec_consent_checked,
    [REQUEST_CONTACT_CHOOSE] = codec_consent_recorded,
    [REQUEST_CONTACT_MAY] = codec_contact_answer,
    [REQUEST_CONSENT_ERASE] = codec_erasure,
    [REQUEST_CONSENT_ERASURE] = codec_erasure,
    [REQUEST_ERASURES_LIST] = codec_erasure_list,
    [REQUEST_ERASURES_SIGN] = codec_signed_erasures,
    [REQUEST_ERASURES_CONFIRM] = codec_erasure_counts,
    [REQUEST_ERASURES_RUN] = codec_erasure_counts,
    [REQUEST_AUDIT_CHECKPOINT] = codec_audit_checkpoint,
    [REQUEST_AUDIT_ENTRIES] = codec_audit_entries,
    [REQUEST_AUDIT_PROVE] = codec_audit_proof,
};

enum err_code codec_encode(const uint8_t **msg, size_t *len,
                           const struct reply *reply, struct arena *a,
                           struct err *err)
{
    return ENCODERS[reply->op](msg, len, reply, a, err);
}
