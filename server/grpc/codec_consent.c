#include "server/grpc/codec_consent.h"

#include <halftone/v1/consent.pb-c.h>

#include "server/grpc/codec_arena.h"

static enum err_code get_event(struct request *out, const ProtobufCMessage *msg,
                               const char *state, struct arena *a,
                               struct err *err)
{
    const Halftone__V1__ConsentEvent *m = (const void *)msg;
    struct request_consent *c = ARENA_NEW(a, struct request_consent);
    if (!c)
        return err_set(err, ERR_LIMIT, "the request needs too much memory");
    *c = (struct request_consent){
        .state = state,
        .subject = m->subject,
        .purposes = (const char *const *)m->purposes,
        .n_purposes = m->n_purposes,
        .at_us = m->at_us,
        .until_us = m->until_us,
        .notice = m->notice,
        .source = m->source,
        .proof = m->proof,
    };
    out->dataset = m->dataset;
    out->consent = c;
    return ERR_OK;
}

static bool m_explicit(const ProtobufCMessage *m)
{
    return ((const Halftone__V1__ConsentEvent *)(const void *)m)->explicit_;
}

#define EVENT(name, state)                                                     \
    enum err_code codec_consent_##name(struct request *out,                    \
                                       const ProtobufCMessage *m,              \
                                       struct arena *a, struct err *err)       \
    {                                                                          \
        return get_event(out, m, state, a, err);                               \
    }
EVENT(grant, m_explicit(m) ? "granted_explicitly" : "granted")
EVENT(withdraw, "withdrawn")
EVENT(object, "objected")
EVENT(expire, "expired")
#undef EVENT

enum err_code codec_consent_mark(struct request *out,
                                 const ProtobufCMessage *msg, struct arena *a,
                                 struct err *err)
{
    const Halftone__V1__MarkRequest *m = (const void *)msg;
    struct request_consent *c = ARENA_NEW(a, struct request_consent);
    if (!c)
        return err_set(err, ERR_LIMIT, "the request needs too much memory");
    *c = (struct request_consent){
        .state = m->ordinary ? "ordinary" : "special",
        .subject = m->subject,
        .at_us = m->at_us,
        .source = m->source,
        .proof = m->proof,
    };
    out->dataset = m->dataset;
    out->consent = c;
    return ERR_OK;
}

static enum err_code check_import(const Halftone__V1__ImportRequest *m,
                                  struct err *err)
{
    enum { DIGEST_LEN = 32 };
    if (m->digest.len != DIGEST_LEN)
        return err_set(err, ERR_INVALID, "digest has %d bytes", DIGEST_LEN);
    if (m->n_kind != m->n_subjects || m->n_at_us != m->n_subjects ||
        (m->n_until_us != 0 && m->n_until_us != m->n_subjects))
        return err_set(err, ERR_INVALID,
                       "subjects, kind, at_us and until_us are of different "
                       "length");
    return ERR_OK;
}

enum err_code codec_consent_import(struct request *out,
                                   const ProtobufCMessage *msg, struct arena *a,
                                   struct err *err)
{
    const Halftone__V1__ImportRequest *m = (const void *)msg;
    struct request_import *i = ARENA_NEW(a, struct request_import);
    TRY(check_import(m, err));
    if (i)
        *i = (struct request_import){
            .digest = m->digest.data,
            .first = m->first,
            .kinds = ARENA_NEW_N(a, m->n_kinds + 1, struct request_import_kind),
            .n_kinds = m->n_kinds,
            .subjects = (const char *const *)m->subjects,
            .kind = m->kind,
            .at_us = m->at_us,
            .until_us = m->n_until_us ? m->until_us : NULL,
            .n_rows = m->n_subjects,
            .last = m->last,
            .source = m->source,
        };
    if (!i || !i->kinds)
        return err_set(err, ERR_LIMIT, "the request needs too much memory");
    for (size_t k = 0; k < m->n_kinds; k++)
        i->kinds[k] = (struct request_import_kind){
            .channel = m->kinds[k]->channel,
            .at_most = m->kinds[k]->at_most,
            .state = m->kinds[k]->state,
            .purposes = (const char *const *)m->kinds[k]->purposes,
            .n_purposes = m->kinds[k]->n_purposes,
            .notice = m->kinds[k]->notice,
        };
    out->dataset = m->dataset;
    out->import = i;
    return ERR_OK;
}

enum err_code codec_consent_imported(const uint8_t **msg, size_t *len,
                                     const struct reply *reply, struct arena *a,
                                     struct err *err)
{
    Halftone__V1__ImportReply m = HALFTONE__V1__IMPORT_REPLY__INIT;
    m.rows = reply->imported.rows;
    m.done = reply->imported.done;
    return codec_pack(msg, len, &m.base, a, err);
}

enum err_code codec_consent_recorded(const uint8_t **msg, size_t *len,
                                     const struct reply *reply, struct arena *a,
                                     struct err *err)
{
    const struct reply_recorded *r = &reply->recorded;
    Halftone__V1__Recorded m = HALFTONE__V1__RECORDED__INIT;
    m.record = r->record;
    m.was_there = r->was_there;
    m.at_us = r->at_us;
    m.recorded_us = r->recorded_us;
    m.until_us = r->until_us;
    m.notice = r->notice;
    return codec_pack(msg, len, &m.base, a, err);
}

/* ---- what is asked of one person ---- */

static enum err_code about(struct request *out, struct request_consent **c,
                           const char *dataset, const char *subject,
                           struct arena *a, struct err *err)
{
    *c = ARENA_NEW(a, struct request_consent);
    if (!*c)
        return err_set(err, ERR_LIMIT, "the request needs too much memory");
    **c = (struct request_consent){ .state = "", .subject = subject };
    out->dataset = dataset;
    out->consent = *c;
    return ERR_OK;
}

enum err_code codec_consent_signal(struct request *out,
                                   const ProtobufCMessage *msg, struct arena *a,
                                   struct err *err)
{
    const Halftone__V1__SignalRequest *m = (const void *)msg;
    struct request_consent *c;
    if ((m->tc_string[0] != '\0') == (m->gpc != 0)) {
        (void)err_set(err, ERR_INVALID,
                      "a signal is a tc_string or gpc, one of them");
        return err_hint(err, "--gpc, or --tc-string and the string");
    }
    TRY(about(out, &c, m->dataset, m->subject, a, err));
    c->at_us = m->at_us;
    c->source = m->source;
    c->tc_string = m->gpc ? NULL : m->tc_string;
    return ERR_OK;
}

enum err_code codec_consent_get_history(struct request *out,
                                        const ProtobufCMessage *msg,
                                        struct arena *a, struct err *err)
{
    const Halftone__V1__GetHistoryRequest *m = (const void *)msg;
    struct request_consent *c;
    return about(out, &c, m->dataset, m->subject, a, err);
}

enum err_code codec_consent_get_receipt(struct request *out,
                                        const ProtobufCMessage *msg,
                                        struct arena *a, struct err *err)
{
    const Halftone__V1__GetReceiptRequest *m = (const void *)msg;
    struct request_consent *c;
    TRY(about(out, &c, m->dataset, m->subject, a, err));
    c->record = m->record;
    return ERR_OK;
}

enum err_code codec_consent_check_receipt(struct request *out,
                                          const ProtobufCMessage *msg,
                                          struct arena *a, struct err *err)
{
    const Halftone__V1__CheckReceiptRequest *m = (const void *)msg;
    struct request_consent *c;
    TRY(about(out, &c, m->dataset, m->subject, a, err));
    c->receipt = m->receipt;
    return ERR_OK;
}

/* ---- and answered ---- */

enum err_code codec_consent_signalled(const uint8_t **msg, size_t *len,
                                      const struct reply *reply,
                                      struct arena *a, struct err *err)
{
    Halftone__V1__SignalReply m = HALFTONE__V1__SIGNAL_REPLY__INIT;
    m.granted = (char **)(uintptr_t)reply->person.yes;
    m.n_granted = reply->person.n_yes;
    m.refused = (char **)(uintptr_t)reply->person.no;
    m.n_refused = reply->person.n_no;
    return codec_pack(msg, len, &m.base, a, err);
}

static void put_decision(Halftone__V1__HistoryEvent *m,
                         const struct reply_decision *d)
{
    halftone__v1__history_event__init(m);
    m->record = d->record;
    m->state = codec_text(d->state);
    m->purposes = (char **)(uintptr_t)d->purposes;
    m->n_purposes = d->n_purposes;
    m->at_us = d->at_us;
    m->recorded_us = d->recorded_us;
    m->until_us = d->until_us;
    m->notice = d->notice;
    m->source = codec_text(d->source);
    m->proof = codec_text(d->proof);
    m->by = codec_text(d->by);
    m->holds = d->holds;
    m->channel = codec_text(d->channel);
    m->at_most = codec_text(d->at_most);
}

static bool put_contacts(Halftone__V1__History *m, const struct reply_person *p,
                         struct arena *a)
{
    Halftone__V1__HistoryContact *all =
        ARENA_NEW_N(a, p->n_contacts + 1, Halftone__V1__HistoryContact);
    m->contacts =
        ARENA_NEW_N(a, p->n_contacts + 1, Halftone__V1__HistoryContact *);
    for (size_t i = 0; all && m->contacts && i < p->n_contacts; i++) {
        const struct reply_contact *one = &p->contacts[i];
        halftone__v1__history_contact__init(&all[i]);
        all[i].channel = codec_text(one->channel);
        all[i].purpose = codec_text(one->purpose);
        all[i].sender = codec_text(one->sender);
        all[i].at_us = one->at_us;
        m->contacts[m->n_contacts++] = &all[i];
    }
    return all && m->contacts;
}

enum err_code codec_consent_history(const uint8_t **msg, size_t *len,
                                    const struct reply *reply, struct arena *a,
                                    struct err *err)
{
    const struct reply_person *p = &reply->person;
    Halftone__V1__History m = HALFTONE__V1__HISTORY__INIT;
    Halftone__V1__HistoryEvent *events =
        ARENA_NEW_N(a, p->n_decisions + 1, Halftone__V1__HistoryEvent);
    m.events = ARENA_NEW_N(a, p->n_decisions + 1, Halftone__V1__HistoryEvent *);
    if (!events || !m.events || !put_contacts(&m, p, a))
        return codec_full(err);
    for (size_t i = 0; i < p->n_decisions; i++) {
        put_decision(&events[i], &p->decisions[i]);
        m.events[i] = &events[i];
    }
    m.n_events = p->n_decisions;
    m.yes = (char **)(uintptr_t)p->yes;
    m.n_yes = p->n_yes;
    m.no = (char **)(uintptr_t)p->no;
    m.n_no = p->n_no;
    return codec_pack(msg, len, &m.base, a, err);
}

enum err_code codec_consent_receipt(const uint8_t **msg, size_t *len,
                                    const struct reply *reply, struct arena *a,
                                    struct err *err)
{
    Halftone__V1__ConsentReceipt m = HALFTONE__V1__CONSENT_RECEIPT__INIT;
    m.receipt = codec_text(reply->consent_receipt);
    return codec_pack(msg, len, &m.base, a, err);
}

enum err_code codec_consent_checked(const uint8_t **msg, size_t *len,
                                    const struct reply *reply, struct arena *a,
                                    struct err *err)
{
    Halftone__V1__ReceiptState m = HALFTONE__V1__RECEIPT_STATE__INIT;
    m.record = reply->checked_record;
    m.holds = reply->holds;
    m.erased_us = reply->erased_us;
    return codec_pack(msg, len, &m.base, a, err);
}
