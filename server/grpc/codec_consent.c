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

#define EVENT(name, state)                                                     \
    enum err_code codec_consent_##name(struct request *out,                    \
                                       const ProtobufCMessage *m,              \
                                       struct arena *a, struct err *err)       \
    {                                                                          \
        return get_event(out, m, state, a, err);                               \
    }
EVENT(grant, "granted")
EVENT(withdraw, "withdrawn")
EVENT(object, "objected")
EVENT(expire, "expired")
#undef EVENT

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
