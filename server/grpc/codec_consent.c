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
    *msg = codec_pack(&m.base, len, a);
    return *msg ? ERR_OK
                : err_set(err, ERR_LIMIT, "the reply needs too much memory");
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
    *msg = codec_pack(&m.base, len, a);
    return *msg ? ERR_OK
                : err_set(err, ERR_LIMIT, "the reply needs too much memory");
}
