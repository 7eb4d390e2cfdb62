/* CONSENT_*: what people decided.  Declared in service.h. */
#include <string.h>

#include "server/main/service.h"

static enum err_code find_people(const struct dataset **out,
                                 const struct service_call *call,
                                 struct err *err)
{
    TRY(world_dataset(out, call->world, call->who, call->req->dataset, err));
    if ((*out)->consent)
        return ERR_OK;
    (void)err_set(err, ERR_INVALID,
                  "dataset '%s' asks no register of consent who counts",
                  (*out)->policy->name);
    return err_hint(err, "a steward adds 'consent: {}' to its policy");
}

enum err_code service_record(struct service_call *call, struct reply *out,
                             struct arena *a, struct err *err)
{
    const struct request_consent *r = call->req->consent;
    const struct dataset *d;
    struct consent_recorded done;
    (void)a;
    TRY(find_people(&d, call, err));
    for (size_t i = 0; i < r->n_purposes; i++)
        if (!auth_may_purpose(call->who, r->purposes[i]) ||
            !policy_find_purpose(d->policy, r->purposes[i])) {
            (void)err_set(err, ERR_NOT_FOUND,
                          "there is no purpose '%.63s' that you may use with "
                          "dataset '%s'",
                          r->purposes[i], d->policy->name);
            return err_hint(err, "the policy lists the purposes");
        }
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
