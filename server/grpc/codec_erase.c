#include "server/grpc/codec_erase.h"

#include <halftone/v1/admin.pb-c.h>
#include <halftone/v1/consent.pb-c.h>

#include "server/grpc/codec_arena.h"

/* ---- asked ---- */

static enum err_code about(struct request *out, const char *dataset,
                           const char *subject, int64_t asked_us,
                           struct arena *a, struct err *err)
{
    struct request_consent *c = ARENA_NEW(a, struct request_consent);
    if (!c)
        return err_set(err, ERR_LIMIT, "the request needs too much memory");
    *c = (struct request_consent){ .state = "",
                                   .subject = subject,
                                   .at_us = asked_us };
    out->dataset = dataset;
    out->consent = c;
    return ERR_OK;
}

enum err_code codec_erase(struct request *out, const ProtobufCMessage *msg,
                          struct arena *a, struct err *err)
{
    const Halftone__V1__EraseRequest *m = (const void *)msg;
    return about(out, m->dataset, m->subject, m->asked_us, a, err);
}

enum err_code codec_get_erasure(struct request *out,
                                const ProtobufCMessage *msg, struct arena *a,
                                struct err *err)
{
    const Halftone__V1__GetErasureRequest *m = (const void *)msg;
    return about(out, m->dataset, m->subject, 0, a, err);
}

enum err_code codec_list_erasures(struct request *out,
                                  const ProtobufCMessage *msg, struct arena *a,
                                  struct err *err)
{
    enum { PAGE_MAX = 1000 };
    const Halftone__V1__ListErasuresRequest *m = (const void *)msg;
    (void)a;
    if (m->page_size > PAGE_MAX)
        return err_set(err, ERR_INVALID, "page_size is at most %d", PAGE_MAX);
    out->dataset = m->dataset;
    out->first = m->after;
    out->page_size = m->page_size ? m->page_size : PAGE_MAX;
    return ERR_OK;
}

enum err_code codec_sign_erasures(struct request *out,
                                  const ProtobufCMessage *msg, struct arena *a,
                                  struct err *err)
{
    (void)a, (void)err;
    out->dataset =
        ((const Halftone__V1__SignErasuresRequest *)(const void *)msg)->dataset;
    return ERR_OK;
}

enum err_code codec_confirm_erasures(struct request *out,
                                     const ProtobufCMessage *msg,
                                     struct arena *a, struct err *err)
{
    const Halftone__V1__ConfirmErasuresRequest *m = (const void *)msg;
    (void)a, (void)err;
    out->dataset = m->dataset;
    out->note = m->note;
    return ERR_OK;
}

enum err_code codec_run_erasures(struct request *out,
                                 const ProtobufCMessage *msg, struct arena *a,
                                 struct err *err)
{
    (void)a, (void)err;
    out->dataset =
        ((const Halftone__V1__RunErasuresRequest *)(const void *)msg)->dataset;
    return ERR_OK;
}

/* ---- answered ---- */

static void put_place(Halftone__V1__ErasurePlace *m,
                      const struct reply_place *p)
{
    halftone__v1__erasure_place__init(m);
    m->dataset = codec_text(p->dataset);
    m->engine = codec_text(p->engine);
    m->by = codec_text(p->by);
    m->state = codec_text(p->state);
    m->list = p->list;
    m->handed_us = p->handed_us;
    m->done_us = p->done_us;
    m->verified_us = p->verified_us;
    m->found_us = p->found_us;
    m->late = p->late;
}

static bool put_erasure(Halftone__V1__Erasure *m, const struct reply_erasure *e,
                        struct arena *a)
{
    Halftone__V1__ErasurePlace *places =
        ARENA_NEW_N(a, e->n_places + 1, Halftone__V1__ErasurePlace);
    halftone__v1__erasure__init(m);
    m->number = e->number;
    m->asked_us = e->asked_us;
    m->suppressed_us = e->suppressed_us;
    m->deadline_us = e->deadline_us;
    m->answers_until_us = e->answers_until_us;
    m->back_us = e->back_us;
    m->was_there = e->was_there;
    m->places = ARENA_NEW_N(a, e->n_places + 1, Halftone__V1__ErasurePlace *);
    if (!places || !m->places)
        return false;
    for (; m->n_places < e->n_places; m->n_places++) {
        put_place(&places[m->n_places], &e->places[m->n_places]);
        m->places[m->n_places] = &places[m->n_places];
    }
    return true;
}

static void put_counts(Halftone__V1__ErasureCounts *m,
                       const struct reply_erasures *r)
{
    halftone__v1__erasure_counts__init(m);
    m->dataset = codec_text(r->dataset);
    m->suppressed = r->suppressed;
    m->handed_over = r->handed;
    m->done = r->done;
    m->verified = r->verified;
    m->late = r->late;
    m->was_there = r->was_there;
}

enum err_code codec_erasure(const uint8_t **msg, size_t *len,
                            const struct reply *reply, struct arena *a,
                            struct err *err)
{
    Halftone__V1__Erasure m;
    return put_erasure(&m, &reply->erasures.v[0], a)
               ? codec_pack(msg, len, &m.base, a, err)
               : codec_full(err);
}

enum err_code codec_erasure_list(const uint8_t **msg, size_t *len,
                                 const struct reply *reply, struct arena *a,
                                 struct err *err)
{
    const struct reply_erasures *r = &reply->erasures;
    Halftone__V1__ErasureList m = HALFTONE__V1__ERASURE_LIST__INIT;
    Halftone__V1__ErasureCounts counts;
    Halftone__V1__Erasure *all =
        ARENA_NEW_N(a, r->n + 1, Halftone__V1__Erasure);
    m.erasures = ARENA_NEW_N(a, r->n + 1, Halftone__V1__Erasure *);
    if (!all || !m.erasures)
        return codec_full(err);
    for (; m.n_erasures < r->n; m.n_erasures++) {
        if (!put_erasure(&all[m.n_erasures], &r->v[m.n_erasures], a))
            return codec_full(err);
        m.erasures[m.n_erasures] = &all[m.n_erasures];
    }
    put_counts(&counts, r);
    m.counts = &counts;
    return codec_pack(msg, len, &m.base, a, err);
}

enum err_code codec_signed_erasures(const uint8_t **msg, size_t *len,
                                    const struct reply *reply, struct arena *a,
                                    struct err *err)
{
    const struct reply_erasures *r = &reply->erasures;
    Halftone__V1__SignedErasures m = HALFTONE__V1__SIGNED_ERASURES__INIT;
    m.note = codec_text(r->note);
    m.sealed.data = (uint8_t *)(uintptr_t)r->sealed;
    m.sealed.len = r->sealed_len;
    return codec_pack(msg, len, &m.base, a, err);
}

enum err_code codec_erasure_counts(const uint8_t **msg, size_t *len,
                                   const struct reply *reply, struct arena *a,
                                   struct err *err)
{
    Halftone__V1__ErasureCounts m;
    put_counts(&m, &reply->erasures);
    return codec_pack(msg, len, &m.base, a, err);
}
