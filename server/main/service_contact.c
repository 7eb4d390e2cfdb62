/* CONTACT_*: through what people may be reached.  Declared in service.h. */
#include <string.h>

#include "server/consent/contact.h"
#include "server/main/leave.h"
#include "server/main/service_consent.h"
#include "server/query/refusal.h"

/* What channels there are is public: the policy says. */
enum err_code service_choose(struct service_call *call, struct reply *out,
                             struct arena *a, struct err *err)
{
    const struct request_consent *r = call->req->consent;
    const struct dataset *d;
    const struct policy_channel *channel;
    struct consent_recorded done;
    struct contact_choice choice = { .subject = r->subject,
                                     .subject_len = strlen(r->subject),
                                     .at_us = r->at_us,
                                     .source = r->source,
                                     .proof = r->proof,
                                     .by = call->who->name };
    (void)a;
    TRY(service_people(&d, call, err));
    TRY(service_channel(&channel, d, r->channel, err));
    TRY(service_often(&choice.at_most, r->at_most, err));
    choice.channel = channel->id;
    TRY(contact_choose(d->consent, d->circle, &choice, &done, err));
    out->recorded = (struct reply_recorded){ .record = done.seq,
                                             .was_there = done.was_there,
                                             .at_us = done.at_us,
                                             .recorded_us = done.recorded_us };
    return ERR_OK;
}

/* For what people may be contacted is the policy's, and public, too. */
static enum err_code find_purpose(const struct policy_purpose **out,
                                  const struct service_call *call,
                                  const struct dataset *d, struct err *err)
{
    const char *id = call->req->purpose;
    if (!id[0]) {
        (void)err_set(err, ERR_INVALID, "the question names no purpose");
        return err_hint(err, "--purpose says why you want to contact somebody");
    }
    TRY(service_people_purposes(call, d, &id, 1, err));
    *out = policy_find_purpose(d->policy, id);
    if ((*out)->contact)
        return ERR_OK;
    (void)err_set(err, ERR_INVALID, "nobody is contacted for the purpose '%s'",
                  (*out)->id);
    return err_hint(err, "the policy says 'contact: true' at those that allow "
                         "it");
}

/*
 * Leaves at a slot of the dataset's schedule, as answers do: how long the file
 * took tells less of whom it is about.  No worker waits for it.
 */
static void take_slot(struct service_call *call, const struct policy *policy)
{
    struct policy coarse = *policy;
    coarse.slot_strict_ns = 0;
    (void)leave_at_slot(call, &coarse, 0);
}

enum err_code service_may_contact(struct service_call *call, struct reply *out,
                                  struct arena *a, struct err *err)
{
    const struct request_consent *r = call->req->consent;
    const struct dataset *d;
    const struct policy_purpose *purpose = NULL;
    const struct policy_channel *channel;
    (void)a;
    TRY(service_people(&d, call, err));
    if (consent_is_held(d->consent)) /* of whoever is asked */
        return refuse(err, REFUSAL_REGISTER_HELD, REFUSAL_NOWHERE, NULL, NULL);
    TRY(find_purpose(&purpose, call, d, err));
    TRY(service_channel(&channel, d, r->channel, err));
    const struct contact_question q = {
        .subject = r->subject,
        .subject_len = strlen(r->subject),
        .purpose = purpose,
        .channel = channel,
        .sender = call->who->name,
        .key = call->req->idempotency_key,
        .asks_per_day = d->policy->asks_per_day,
    };
    TRY(contact_may(&out->may, d->consent, d->circle, &q, err));
    take_slot(call, d->policy);
    return ERR_OK;
}
