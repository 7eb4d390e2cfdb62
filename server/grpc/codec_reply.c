/* struct reply -> messages.  Declared in codec.h. */
#include <halftone/v1/admin.pb-c.h>
#include <halftone/v1/halftone.pb-c.h>

#include "server/grpc/codec.h"
#include "server/grpc/codec_answer.h"
#include "server/grpc/codec_arena.h"
#include "server/grpc/codec_audit.h"
#include "server/grpc/codec_consent.h"
#include "server/grpc/codec_contact.h"
#include "server/grpc/codec_dataset.h"
#include "server/grpc/codec_erase.h"

static enum err_code encode_budget(const uint8_t **msg, size_t *len,
                                   const struct reply *reply, struct arena *a,
                                   struct err *err)
{
    const struct reply_budget *b = &reply->budget;
    Halftone__V1__Budget m = HALFTONE__V1__BUDGET__INIT;
    m.dataset = codec_text(b->dataset);
    m.pure = b->pure;
    m.notion = codec_text(b->notion);
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
    m.odds = codec_text(b->odds);
    m.quota = codec_text(b->quota);
    m.quota_remaining = b->quota_remaining_pico_or_nano;
    return codec_pack(msg, len, &m.base, a, err);
}

static enum err_code encode_charges(const uint8_t **msg, size_t *len,
                                    const struct reply *reply, struct arena *a,
                                    struct err *err)
{
    Halftone__V1__ListChargesReply m = HALFTONE__V1__LIST_CHARGES_REPLY__INIT;
    Halftone__V1__Charge *charges;

    m.n_charges = reply->n_charges;
    m.next_page_token = codec_text(reply->next_page_token);
    if (!CODEC_NEW_LIST(m.charges, reply->n_charges, charges, a))
        return codec_full(err);
    for (size_t i = 0; i < reply->n_charges; i++) {
        const struct reply_charge *c = &reply->charges[i];
        halftone__v1__charge__init(&charges[i]);
        charges[i].query_id = codec_text(c->query_id);
        charges[i].principal = codec_text(c->principal);
        charges[i].dataset = codec_text(c->dataset);
        charges[i].purpose = codec_text(c->purpose);
        charges[i].state = codec_text(c->state);
        charges[i].charged_us = c->charged_us;
        charges[i].rho_pico = c->rho_pico;
        charges[i].epsilon_nano = c->eps_nano;
        charges[i].delta_atto = c->delta_atto;
        charges[i].sql = codec_text(c->sql);
        m.charges[i] = &charges[i];
    }
    return codec_pack(msg, len, &m.base, a, err);
}

static enum err_code encode_misses(const uint8_t **msg, size_t *len,
                                   const struct reply *reply, struct arena *a,
                                   struct err *err)
{
    const struct reply_misses *r = &reply->misses;
    Halftone__V1__Misses m = HALFTONE__V1__MISSES__INIT;
    Halftone__V1__MissesOf *today;
    Halftone__V1__Lift *lifts;

    m.dataset = codec_text(r->dataset);
    m.counted = r->counted;
    m.limit = r->limit;
    m.limit_day = r->limit_day;
    m.lifetime = r->lifetime;
    m.n_today = r->n_today;
    m.n_lifts = r->n_lifts;
    if (!CODEC_NEW_LIST(m.today, r->n_today, today, a) ||
        !CODEC_NEW_LIST(m.lifts, r->n_lifts, lifts, a))
        return codec_full(err);
    for (size_t i = 0; i < r->n_today; i++) {
        halftone__v1__misses_of__init(&today[i]);
        today[i].principal = codec_text(r->today[i].principal);
        today[i].missed = r->today[i].missed;
        m.today[i] = &today[i];
    }
    for (size_t i = 0; i < r->n_lifts; i++) {
        halftone__v1__lift__init(&lifts[i]);
        lifts[i].at_us = r->lifts[i].at_us;
        lifts[i].principal = codec_text(r->lifts[i].principal);
        lifts[i].reason = codec_text(r->lifts[i].reason);
        lifts[i].lifted = r->lifts[i].lifted;
        m.lifts[i] = &lifts[i];
    }
    return codec_pack(msg, len, &m.base, a, err);
}

static enum err_code encode_register(const uint8_t **msg, size_t *len,
                                     const struct reply *reply, struct arena *a,
                                     struct err *err)
{
    Halftone__V1__RegisterState m = HALFTONE__V1__REGISTER_STATE__INIT;
    m.was_held = reply->was_held;
    return codec_pack(msg, len, &m.base, a, err);
}

/* ---- one encoder per method ---- */

typedef enum err_code encode_fn(const uint8_t **msg, size_t *len,
                                const struct reply *reply, struct arena *a,
                                struct err *err);

static encode_fn *const ENCODERS[REQUEST_OP_COUNT] = {
    [REQUEST_QUERY] = codec_answer_query,
    [REQUEST_BATCH] = codec_answer_batch,
    [REQUEST_ESTIMATE] = codec_answer_estimate,
    [REQUEST_LIST_DATASETS] = codec_dataset_list,
    [REQUEST_DESCRIBE_DATASET] = codec_dataset_one,
    [REQUEST_GET_BUDGET] = encode_budget,
    [REQUEST_WATCH_BUDGET] = encode_budget,
    [REQUEST_LIST_CHARGES] = encode_charges,
    [REQUEST_GET_MISSES] = encode_misses,
    [REQUEST_LIFT_MISSES] = encode_misses,
    [REQUEST_CONFIRM_REGISTER] = encode_register,
    [REQUEST_CONSENT_COUNTS] = codec_answer_query,
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
