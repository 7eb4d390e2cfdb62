#include "server/grpc/codec_contact.h"

#include <string.h>

#include <halftone/v1/contact.pb-c.h>

#include "server/grpc/codec_arena.h"

static enum err_code about(struct request *out, struct request_consent **c,
                           const char *dataset, const char *subject,
                           const char *channel, struct arena *a,
                           struct err *err)
{
    *c = ARENA_NEW(a, struct request_consent);
    if (!*c)
        return err_set(err, ERR_LIMIT, "the request needs too much memory");
    **c = (struct request_consent){ .state = "",
                                    .subject = subject,
                                    .channel = channel };
    out->dataset = dataset;
    out->consent = *c;
    return ERR_OK;
}

enum err_code codec_contact_choose(struct request *out,
                                   const ProtobufCMessage *msg, struct arena *a,
                                   struct err *err)
{
    const Halftone__V1__ContactChoice *m = (const void *)msg;
    struct request_consent *c;
    TRY(about(out, &c, m->dataset, m->subject, m->channel, a, err));
    c->at_most = m->at_most;
    c->at_us = m->at_us;
    c->source = m->source;
    c->proof = m->proof;
    return ERR_OK;
}

enum err_code codec_contact_may(struct request *out,
                                const ProtobufCMessage *msg, struct arena *a,
                                struct err *err)
{
    const Halftone__V1__MayContactRequest *m = (const void *)msg;
    struct request_consent *c;
    if (strlen(m->idempotency_key) > REQUEST_KEY_MAX)
        return err_set(err, ERR_INVALID,
                       "idempotency_key is longer than %d bytes",
                       REQUEST_KEY_MAX);
    TRY(about(out, &c, m->dataset, m->subject, m->channel, a, err));
    out->purpose = m->purpose;
    out->idempotency_key = m->idempotency_key;
    return ERR_OK;
}

enum err_code codec_contact_answer(const uint8_t **msg, size_t *len,
                                   const struct reply *reply, struct arena *a,
                                   struct err *err)
{
    Halftone__V1__MayContactReply m = HALFTONE__V1__MAY_CONTACT_REPLY__INIT;
    m.may = reply->may;
    return codec_pack(msg, len, &m.base, a, err);
}
