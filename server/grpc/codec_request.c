/* Messages -> struct request.  Declared in codec.h. */
#include <halftone/v1/admin.pb-c.h>
#include <halftone/v1/audit.pb-c.h>
#include <halftone/v1/consent.pb-c.h>
#include <halftone/v1/contact.pb-c.h>
#include <math.h>
#include <openssl/sha.h>
#include <string.h>

#include "server/grpc/codec.h"
#include "server/grpc/codec_audit.h"
#include "server/grpc/codec_consent.h"
#include "server/grpc/codec_contact.h"
#include "server/grpc/codec_erase.h"
#include "server/grpc/codec_value.h"
#include "server/grpc/grpc_wire.h"

typedef Halftone__V1__QueryRequest query_message;

static enum err_code get_params(struct request *out, const query_message *m,
                                struct arena *a, struct err *err)
{
    out->n_params = m->n_params;
    out->params = ARENA_NEW_N(a, m->n_params, struct value);
    if (!out->params)
        return err_set(err, ERR_LIMIT, "the request needs too much memory");
    for (size_t i = 0; i < m->n_params; i++)
        TRY(codec_value_get(&out->params[i], m->params[i], err));
    return ERR_OK;
}

/* A positive finite number, or the field's name in an error. */
static enum err_code check_positive(const char *field, double v,
                                    struct err *err)
{
    if (!(v > 0) || isinf(v))
        return err_set(err, ERR_INVALID, "%s must be a positive number", field);
    return ERR_OK;
}

static enum err_code get_ask(struct ask *out, const Halftone__V1__Ask *m,
                             struct err *err)
{
    *out = (struct ask){ .level = 0.95 };
    if (!m)
        return ERR_OK;
    if (m->level != 0) {
        if (!(m->level > 0 && m->level < 1))
            return err_set(err, ERR_INVALID,
                           "ask.level must lie between 0 and 1, as 0.95 does");
        out->level = m->level;
    }
    switch (m->kind_case) {
    case HALFTONE__V1__ASK__KIND_ACCURACY:
        out->kind = m->accuracy->relative ? ASK_ACCURACY_REL : ASK_ACCURACY_ABS;
        out->half_width = m->accuracy->half_width;
        return check_positive("ask.accuracy.half_width", out->half_width, err);
    case HALFTONE__V1__ASK__KIND_RHO:
        out->kind = ASK_RHO;
        out->price = m->rho;
        return check_positive("ask.rho", out->price, err);
    case HALFTONE__V1__ASK__KIND_EPSILON:
        out->kind = ASK_EPSILON;
        out->price = m->epsilon;
        return check_positive("ask.epsilon", out->price, err);
    case HALFTONE__V1__ASK__KIND__NOT_SET:
    case _HALFTONE__V1__ASK__KIND__CASE_IS_INT_SIZE:
        break;
    }
    return ERR_OK;
}

static enum err_code get_question(struct request *out, const query_message *m,
                                  struct arena *a, struct err *err)
{
    struct select *tree = NULL;
    switch (m->question_case) {
    case HALFTONE__V1__QUERY_REQUEST__QUESTION_SQL:
        out->sql = m->sql;
        out->sql_len = strlen(m->sql);
        if (out->sql_len > REQUEST_SQL_MAX)
            return err_set(err, ERR_LIMIT, "the SQL is longer than %d bytes",
                           REQUEST_SQL_MAX);
        return ERR_OK;
    case HALFTONE__V1__QUERY_REQUEST__QUESTION_STRUCTURED:
        TRY(codec_tree_get(&tree, m->structured, a, err));
        out->tree = tree;
        return ERR_OK;
    case HALFTONE__V1__QUERY_REQUEST__QUESTION__NOT_SET:
    case _HALFTONE__V1__QUERY_REQUEST__QUESTION__CASE_IS_INT_SIZE:
        break;
    }
    err_set(err, ERR_INVALID, "the request asks no question");
    return err_hint(err, "set sql or structured");
}

static enum err_code get_query(struct request *out, const query_message *m,
                               struct arena *a, struct err *err)
{
    out->dataset = m->dataset;
    out->purpose = m->purpose;
    out->dashboard = m->dashboard;
    out->intervals = m->intervals;
    out->bounds_report = m->bounds_report;
    out->idempotency_key = m->idempotency_key;
    if (strlen(m->idempotency_key) > REQUEST_KEY_MAX)
        return err_set(err, ERR_INVALID,
                       "idempotency_key is longer than %d bytes",
                       REQUEST_KEY_MAX);
    if (m->bounds) {
        out->bounds.max_groups = m->bounds->max_groups;
        out->bounds.max_rows = m->bounds->max_rows;
    }
    TRY(get_question(out, m, a, err));
    TRY(get_params(out, m, a, err));
    return get_ask(&out->ask, m->ask, err);
}

/* ---- one decoder per method ---- */

typedef enum err_code decode_fn(struct request *out, const ProtobufCMessage *m,
                                struct arena *a, struct err *err);

static enum err_code decode_query(struct request *out,
                                  const ProtobufCMessage *m, struct arena *a,
                                  struct err *err)
{
    return get_query(out, (const void *)m, a, err);
}

/* Each question is a Query's, with nothing of the batch in it yet. */
static enum err_code get_batch(struct request *out,
                               const Halftone__V1__BatchRequest *m,
                               struct arena *a, struct err *err)
{
    out->dataset = m->dataset;
    out->purpose = m->purpose;
    out->dashboard = m->dashboard;
    out->idempotency_key = m->idempotency_key;
    if (strlen(m->idempotency_key) > REQUEST_KEY_MAX)
        return err_set(err, ERR_INVALID,
                       "idempotency_key is longer than %d bytes",
                       REQUEST_KEY_MAX);
    TRY(get_ask(&out->ask, m->ask, err));
    out->is_batch = true;
    out->n_queries = m->n_queries;
    out->queries = ARENA_NEW_N(a, m->n_queries, struct request);
    if (!out->queries)
        return err_set(err, ERR_LIMIT, "the request needs too much memory");
    for (size_t i = 0; i < m->n_queries; i++) {
        out->queries[i].page_token = "";
        if (get_query(&out->queries[i], m->queries[i], a, err) != ERR_OK)
            return err_before(err, "question %zu of %zu: ", i + 1,
                              m->n_queries);
    }
    return ERR_OK;
}

static enum err_code decode_batch(struct request *out,
                                  const ProtobufCMessage *m, struct arena *a,
                                  struct err *err)
{
    return get_batch(out, (const void *)m, a, err);
}

static enum err_code decode_estimate(struct request *out,
                                     const ProtobufCMessage *m, struct arena *a,
                                     struct err *err)
{
    const Halftone__V1__EstimateRequest *e = (const void *)m;
    if (e->query && e->batch)
        return err_set(err, ERR_INVALID,
                       "the request holds a query and a batch");
    if (e->batch) {
        TRY(get_batch(out, e->batch, a, err));
        out->idempotency_key = "";
        return ERR_OK;
    }
    if (!e->query)
        return err_set(err, ERR_INVALID, "the request holds no query");
    TRY(get_query(out, e->query, a, err));
    out->idempotency_key = "";
    return ERR_OK;
}

static enum err_code decode_nothing(struct request *out,
                                    const ProtobufCMessage *m, struct arena *a,
                                    struct err *err)
{
    (void)out, (void)m, (void)a, (void)err;
    return ERR_OK;
}

static enum err_code decode_describe(struct request *out,
                                     const ProtobufCMessage *m, struct arena *a,
                                     struct err *err)
{
    const Halftone__V1__DescribeDatasetRequest *d = (const void *)m;
    (void)a, (void)err;
    out->dataset = d->dataset;
    return ERR_OK;
}

static enum err_code decode_budget(struct request *out,
                                   const ProtobufCMessage *m, struct arena *a,
                                   struct err *err)
{
    const Halftone__V1__GetBudgetRequest *b = (const void *)m;
    (void)a, (void)err;
    out->dataset = b->dataset;
    return ERR_OK;
}

static enum err_code decode_watch(struct request *out,
                                  const ProtobufCMessage *m, struct arena *a,
                                  struct err *err)
{
    const Halftone__V1__WatchBudgetRequest *w = (const void *)m;
    (void)a, (void)err;
    out->dataset = w->dataset;
    return ERR_OK;
}

static enum err_code decode_charges(struct request *out,
                                    const ProtobufCMessage *m, struct arena *a,
                                    struct err *err)
{
    enum { PAGE_DEFAULT = 100, PAGE_MAX = 1000 };
    const Halftone__V1__ListChargesRequest *c = (const void *)m;
    (void)a;
    if (c->page_size > PAGE_MAX)
        return err_set(err, ERR_INVALID, "page_size is at most %d", PAGE_MAX);
    out->page_size = c->page_size ? c->page_size : PAGE_DEFAULT;
    out->page_token = c->page_token;
    out->with_sql = c->with_sql;
    out->dataset = c->dataset;
    return ERR_OK;
}

static enum err_code decode_misses(struct request *out,
                                   const ProtobufCMessage *m, struct arena *a,
                                   struct err *err)
{
    const Halftone__V1__GetMissesRequest *g = (const void *)m;
    (void)a, (void)err;
    out->dataset = g->dataset;
    return ERR_OK;
}

static enum err_code take_reason(struct request *out, const char *reason,
                                 struct err *err)
{
    const size_t len = strlen(reason);
    if (len == 0 || len > REQUEST_REASON_MAX)
        return err_set(err, ERR_INVALID, "reason has 1 to %d bytes",
                       REQUEST_REASON_MAX);
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)reason[i] < ' ')
            return err_set(err, ERR_INVALID,
                           "reason holds a control character");
    out->reason = reason;
    return ERR_OK;
}

static enum err_code decode_lift(struct request *out, const ProtobufCMessage *m,
                                 struct arena *a, struct err *err)
{
    const Halftone__V1__LiftMissesRequest *l = (const void *)m;
    (void)a;
    out->dataset = l->dataset;
    return take_reason(out, l->reason, err);
}

static enum err_code decode_confirm(struct request *out,
                                    const ProtobufCMessage *m, struct arena *a,
                                    struct err *err)
{
    const Halftone__V1__ConfirmRegisterRequest *c = (const void *)m;
    (void)a;
    return take_reason(out, c->reason, err);
}

static enum err_code decode_counts(struct request *out,
                                   const ProtobufCMessage *m, struct arena *a,
                                   struct err *err)
{
    const Halftone__V1__GetConsentCountsRequest *c = (const void *)m;
    (void)a, (void)err;
    out->dataset = c->dataset;
    return ERR_OK;
}

static const struct method {
    struct codec_method shown; /* first: codec_find() points at it */
    const ProtobufCMessageDescriptor *type;
    decode_fn *decode;
} METHODS[] = {
#define SERVICE "/halftone.v1.Halftone/"
    { { SERVICE "Query", REQUEST_QUERY, false },
      &halftone__v1__query_request__descriptor,
      decode_query },
    { { SERVICE "Batch", REQUEST_BATCH, false },
      &halftone__v1__batch_request__descriptor,
      decode_batch },
    { { SERVICE "Estimate", REQUEST_ESTIMATE, false },
      &halftone__v1__estimate_request__descriptor,
      decode_estimate },
    { { SERVICE "ListDatasets", REQUEST_LIST_DATASETS, false },
      &halftone__v1__list_datasets_request__descriptor,
      decode_nothing },
    { { SERVICE "DescribeDataset", REQUEST_DESCRIBE_DATASET, false },
      &halftone__v1__describe_dataset_request__descriptor,
      decode_describe },
    { { SERVICE "GetBudget", REQUEST_GET_BUDGET, false },
      &halftone__v1__get_budget_request__descriptor,
      decode_budget },
    { { SERVICE "WatchBudget", REQUEST_WATCH_BUDGET, true },
      &halftone__v1__watch_budget_request__descriptor,
      decode_watch },
    { { SERVICE "ListCharges", REQUEST_LIST_CHARGES, false },
      &halftone__v1__list_charges_request__descriptor,
      decode_charges },
    { { SERVICE "GetConsentCounts", REQUEST_CONSENT_COUNTS, false },
      &halftone__v1__get_consent_counts_request__descriptor,
      decode_counts },
#undef SERVICE
    { { "/halftone.v1.Admin/GetMisses", REQUEST_GET_MISSES, false },
      &halftone__v1__get_misses_request__descriptor,
      decode_misses },
    { { "/halftone.v1.Admin/LiftMisses", REQUEST_LIFT_MISSES, false },
      &halftone__v1__lift_misses_request__descriptor,
      decode_lift },
    { { "/halftone.v1.Admin/ConfirmRegister", REQUEST_CONFIRM_REGISTER, false },
      &halftone__v1__confirm_register_request__descriptor,
      decode_confirm },
#define SERVICE "/halftone.v1.Audit/"
    { { SERVICE "GetCheckpoint", REQUEST_AUDIT_CHECKPOINT, false },
      &halftone__v1__get_checkpoint_request__descriptor,
      decode_nothing },
    { { SERVICE "ListEntries", REQUEST_AUDIT_ENTRIES, false },
      &halftone__v1__list_entries_request__descriptor,
      codec_audit_list },
    { { SERVICE "Prove", REQUEST_AUDIT_PROVE, false },
      &halftone__v1__prove_request__descriptor,
      codec_audit_prove },
#undef SERVICE
#define SERVICE "/halftone.v1.Consent/"
    { { SERVICE "Grant", REQUEST_CONSENT_RECORD, false },
      &halftone__v1__consent_event__descriptor,
      codec_consent_grant },
    { { SERVICE "Withdraw", REQUEST_CONSENT_RECORD, false },
      &halftone__v1__consent_event__descriptor,
      codec_consent_withdraw },
    { { SERVICE "Object", REQUEST_CONSENT_RECORD, false },
      &halftone__v1__consent_event__descriptor,
      codec_consent_object },
    { { SERVICE "Expire", REQUEST_CONSENT_RECORD, false },
      &halftone__v1__consent_event__descriptor,
      codec_consent_expire },
    { { SERVICE "Mark", REQUEST_CONSENT_RECORD, false },
      &halftone__v1__mark_request__descriptor,
      codec_consent_mark },
    { { SERVICE "Import", REQUEST_CONSENT_IMPORT, false },
      &halftone__v1__import_request__descriptor,
      codec_consent_import },
    { { SERVICE "Signal", REQUEST_CONSENT_SIGNAL, false },
      &halftone__v1__signal_request__descriptor,
      codec_consent_signal },
    { { SERVICE "GetHistory", REQUEST_CONSENT_HISTORY, false },
      &halftone__v1__get_history_request__descriptor,
      codec_consent_get_history },
    { { SERVICE "GetReceipt", REQUEST_CONSENT_RECEIPT, false },
      &halftone__v1__get_receipt_request__descriptor,
      codec_consent_get_receipt },
    { { SERVICE "CheckReceipt", REQUEST_CONSENT_CHECK, false },
      &halftone__v1__check_receipt_request__descriptor,
      codec_consent_check_receipt },
    { { SERVICE "Erase", REQUEST_CONSENT_ERASE, false },
      &halftone__v1__erase_request__descriptor,
      codec_erase },
    { { SERVICE "GetErasure", REQUEST_CONSENT_ERASURE, false },
      &halftone__v1__get_erasure_request__descriptor,
      codec_get_erasure },
#undef SERVICE
#define SERVICE "/halftone.v1.Admin/"
    { { SERVICE "ListErasures", REQUEST_ERASURES_LIST, false },
      &halftone__v1__list_erasures_request__descriptor,
      codec_list_erasures },
    { { SERVICE "SignErasures", REQUEST_ERASURES_SIGN, false },
      &halftone__v1__sign_erasures_request__descriptor,
      codec_sign_erasures },
    { { SERVICE "ConfirmErasures", REQUEST_ERASURES_CONFIRM, false },
      &halftone__v1__confirm_erasures_request__descriptor,
      codec_confirm_erasures },
    { { SERVICE "RunErasures", REQUEST_ERASURES_RUN, false },
      &halftone__v1__run_erasures_request__descriptor,
      codec_run_erasures },
#undef SERVICE
    { { "/halftone.v1.Contact/Choose", REQUEST_CONTACT_CHOOSE, false },
      &halftone__v1__contact_choice__descriptor,
      codec_contact_choose },
    { { "/halftone.v1.Contact/MayContact", REQUEST_CONTACT_MAY, false },
      &halftone__v1__may_contact_request__descriptor,
      codec_contact_may },
};

const struct codec_method *codec_find(const char *path)
{
    for (size_t i = 0; i < sizeof METHODS / sizeof METHODS[0]; i++)
        if (strcmp(METHODS[i].shown.path, path) == 0)
            return &METHODS[i].shown;
    return NULL;
}

/* What the client sent, and to which method, so that a key binds to both. */
static void hash_request(struct request *out, const struct codec_method *m,
                         const uint8_t *msg, size_t len)
{
    uint8_t both[SHA256_DIGEST_LENGTH + 1];
    (void)SHA256(msg, len, both);
    both[SHA256_DIGEST_LENGTH] = (uint8_t)m->op;
    (void)SHA256(both, sizeof both, out->hash);
}

enum err_code codec_decode(struct request *out, const struct codec_method *m,
                           const uint8_t *msg, size_t len, struct arena *a,
                           struct err *err)
{
    const struct method *method = (const void *)m;
    ProtobufCMessage *message;
    TRY(grpc_wire_unpack(&message, method->type, a, msg, len, err));
    *out = (struct request){
        .op = m->op,
        .dataset = "",
        .purpose = "",
        .idempotency_key = "",
        .page_token = "",
        .reason = "",
        .ask.level = 0.95,
    };
    hash_request(out, m, msg, len);
    return method->decode(out, message, a, err);
}
