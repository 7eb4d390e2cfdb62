/* CONSENT_*: what people decided.  Declared in service.h. */
#include <string.h>

#include "server/main/service_consent.h"

/* The mistake of a kind, at the first row that is of it. */
static enum err_code at_row(const struct request_import *r, size_t kind,
                            struct err *err)
{
    size_t i = 0;
    while (i < r->n_rows && r->kind[i] != kind)
        i++;
    return i == r->n_rows
               ? err->code
               : err_before(
                     err, "row %llu: ", (unsigned long long)(r->first + i + 1));
}

static enum err_code kind_of(struct consent_kind *out,
                             const struct service_call *call,
                             const struct dataset *d,
                             const struct request_import_kind *k,
                             struct err *err)
{
    const struct policy_channel *channel = NULL;
    *out = (struct consent_kind){ .state = consent_state_of(k->state),
                                  .purposes = k->purposes,
                                  .n_purposes = k->n_purposes,
                                  .notice = k->notice };
    TRY(service_people_purposes(call, d, k->purposes, k->n_purposes, err));
    if (!k->channel[0] && !k->at_most[0] && strcmp(k->state, "contact") != 0)
        return ERR_OK;
    if (k->state[0] && strcmp(k->state, "contact") != 0) {
        (void)err_set(err, ERR_INVALID,
                      "a choice of a channel has no state '%.40s'", k->state);
        return err_hint(err, "leave the state out, or make two rows of it");
    }
    TRY(service_channel(&channel, d, k->channel, err));
    TRY(service_often(&out->at_most, k->at_most, err));
    out->channel = channel->id;
    return ERR_OK;
}

enum err_code service_import(struct service_call *call, struct reply *out,
                             struct arena *a, struct err *err)
{
    const struct request_import *r = call->req->import;
    const struct dataset *d;
    struct consent_imported done;
    TRY(service_people(&d, call, err));
    struct consent_kind *kinds =
        ARENA_NEW_N(a, r->n_kinds + 1, struct consent_kind);
    if (!kinds)
        return err_set(err, ERR_LIMIT, "the request needs too much memory");
    for (size_t i = 0; i < r->n_kinds; i++)
        if (kind_of(&kinds[i], call, d, &r->kinds[i], err) != ERR_OK)
            return at_row(r, i, err);
    const struct consent_chunk chunk = {
        .digest = r->digest,
        .first = r->first,
        .kinds = kinds,
        .n_kinds = r->n_kinds,
        .subjects = r->subjects,
        .kind = r->kind,
        .at_us = r->at_us,
        .until_us = r->until_us,
        .n_rows = r->n_rows,
        .last = r->last,
        .source = r->source,
        .by = call->who->name,
    };
    TRY(consent_import(d->consent, d->circle, &chunk, &done, err));
    out->imported = (struct reply_imported){ done.n_rows, done.done };
    return ERR_OK;
}

enum err_code service_record(struct service_call *call, struct reply *out,
                             struct arena *a, struct err *err)
{
    const struct request_consent *r = call->req->consent;
    const struct dataset *d;
    struct consent_recorded done;
    (void)a;
    TRY(service_people(&d, call, err));
    TRY(service_people_purposes(call, d, r->purposes, r->n_purposes, err));
    const struct consent_event e = {
        .subject = r->subject,
        .subject_len = strlen(r->subject),
        .state = consent_state_of(r->state),
        .purposes = r->purposes,
        .n_purposes = r->n_purposes,
        .at_us = r->at_us,
        .until_us = r->until_us,
        .notice = r->notice,
        .source = r->source,
        .proof = r->proof,
        .by = call->who->name,
    };
    TRY(consent_record(d->consent, d->circle, &e, &done, err));
    out->recorded = (struct reply_recorded){
        .record = done.seq,
        .was_there = done.was_there,
        .at_us = done.at_us,
        .recorded_us = done.recorded_us,
        .until_us = done.until_us == FOLD_NEVER ? 0 : done.until_us,
        .notice = done.notice,
    };
    return ERR_OK;
}
