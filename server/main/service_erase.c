/* CONSENT_ERASE, CONSENT_ERASURE: a person asks to be erased, and how far that
 * is.  Declared in service.h. */
#include "server/main/service_erase.h"

#include <string.h>

#include "server/main/service_consent.h"

static enum err_code full(struct err *err)
{
    return err_set(err, ERR_LIMIT, "the reply needs too much memory");
}

/* The dataset of that identity, if it is served. */
static const struct dataset *find(const struct world *w, const char *id)
{
    for (size_t i = 0; i < w->n_datasets; i++)
        if (strcmp(w->datasets[i]->policy->id, id) == 0)
            return w->datasets[i];
    return NULL;
}

static struct reply_place place_of(const struct erasure_place *p,
                                   const struct erasure *e,
                                   const struct world *w, int64_t now_us)
{
    const struct dataset *d = find(w, p->dataset);
    return (struct reply_place){
        .dataset = d ? d->policy->name : p->dataset,
        .engine = "duckdb",
        .by = d && engine_can_erase(d->engine) ? "server" : "owner",
        .state = erasure_state_name(p->state),
        .list = p->list,
        .handed_us = p->handed_us,
        .done_us = p->done_us,
        .verified_us = p->verified_us,
        .found_us = p->found_us,
        .late = p->state != ERASURE_VERIFIED && !e->back_us &&
                e->deadline_us < now_us,
    };
}

bool erase_reply(struct reply_erasure *out, const struct erasure *e,
                 const struct service_call *call, const struct dataset *d,
                 struct arena *a)
{
    const int64_t now_us = clock_wall_us(call->service->clock);
    *out = (struct reply_erasure){
        .number = e->number,
        .asked_us = e->asked_us,
        .suppressed_us = e->recorded_us,
        .deadline_us = e->deadline_us,
        .answers_until_us =
            e->recorded_us + (int64_t)d->policy->reuse_for_s * 1000000,
        .back_us = e->back_us,
        .was_there = e->was_there,
        .places = ARENA_NEW_N(a, e->n_places + 1, struct reply_place),
    };
    for (; out->places && out->n_places < e->n_places; out->n_places++)
        out->places[out->n_places] =
            place_of(&e->places[out->n_places], e, call->world, now_us);
    return out->places != NULL;
}

/* What she decided lies in the register, which is done with at once. */
static struct reply_place register_of(const struct erasure *e)
{
    return (struct reply_place){
        .dataset = "",
        .engine = "register",
        .by = "server",
        .state = erasure_state_name(ERASURE_VERIFIED),
        .done_us = e->recorded_us,
        .verified_us = e->recorded_us,
    };
}

static enum err_code reply_one(struct reply *out, const struct erasure *e,
                               const struct service_call *call,
                               const struct dataset *d, struct arena *a,
                               struct err *err)
{
    struct reply_erasure *r = ARENA_NEW(a, struct reply_erasure);
    if (!r || !erase_reply(r, e, call, d, a))
        return full(err);
    r->places[r->n_places++] = register_of(e);
    out->erasures.v = r;
    out->erasures.n = 1;
    return ERR_OK;
}

enum err_code service_erase(struct service_call *call, struct reply *out,
                            struct arena *a, struct err *err)
{
    const struct request_consent *r = call->req->consent;
    const struct world *w = call->world;
    const struct dataset *d;
    struct erasure e;
    size_t n = 0;
    TRY(service_people(&d, call, err));
    const char **datasets = ARENA_NEW_N(a, w->n_datasets, const char *);
    if (!datasets)
        return full(err);
    for (size_t i = 0; i < w->n_datasets; i++)
        if (w->datasets[i]->circle == d->circle)
            datasets[n++] = w->datasets[i]->policy->id;
    const struct erasure_request asked = { .subject = r->subject,
                                           .asked_us = r->at_us,
                                           .deadline_s =
                                               d->policy->erasure.deadline_s,
                                           .datasets = datasets,
                                           .n_datasets = n };
    TRY(consent_erase(d->consent, d->circle, &asked, &e, a, err));
    return reply_one(out, &e, call, d, a, err);
}

enum err_code service_erasure(struct service_call *call, struct reply *out,
                              struct arena *a, struct err *err)
{
    const struct dataset *d;
    struct erasure e;
    TRY(service_people(&d, call, err));
    TRY(consent_erasure(d->consent, d->circle, call->req->consent->subject, &e,
                        a, err));
    return reply_one(out, &e, call, d, a, err);
}

bool service_erased(int64_t *erased_us, const struct service_call *call,
                    const struct dataset *d, const char *receipt, size_t len,
                    struct arena *a)
{
    struct erasure e;
    struct err ignored;
    if (consent_erasure_of(d->consent, d->circle, call->req->consent->subject,
                           receipt, len, &e, a, &ignored) != ERR_OK)
        return false;
    *erased_us = e.recorded_us;
    return true;
}
