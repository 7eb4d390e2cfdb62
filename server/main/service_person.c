/* CONSENT_SIGNAL, _HISTORY, _RECEIPT, _CHECK: about one person.  Declared in
 * service.h. */
#include <string.h>

#include "server/consent/erase.h"
#include "server/consent/history.h"
#include "server/consent/receipt.h"
#include "server/consent/tcf.h"
#include "server/main/service_consent.h"

enum { RECEIPT_MAX = 64 * 1024 };

static enum err_code full(struct err *err)
{
    return err_set(err, ERR_LIMIT, "the reply needs too much memory");
}

/* ---- what a browser said ---- */

/* A purpose's answer: yes, no, or not spoken of. */
enum said { SAID_NOTHING, SAID_YES, SAID_NO };

static enum said said_of(const struct policy_purpose *p, const struct tcf *tc)
{
    if (!tc)
        return p->gpc ? SAID_NO : SAID_NOTHING;
    if (!p->tcf)
        return SAID_NOTHING;
    if (p->basis == BASIS_CONSENT)
        return tc->consent >> (p->tcf - 1) & 1 ? SAID_YES : SAID_NO;
    /* That nobody objected here undoes no objection made elsewhere. */
    return tc->interest >> (p->tcf - 1) & 1 ? SAID_NOTHING : SAID_NO;
}

/* What a no is: the taking back of a consent, or an objection. */
static enum consent_state no_to(const struct policy *policy, const char *id)
{
    return policy_find_purpose(policy, id)->basis == BASIS_CONSENT
               ? CONSENT_WITHDRAWN
               : CONSENT_OBJECTED;
}

/* One event of all purposes of one answer and kind of basis. */
static enum err_code record_said(struct service_call *call,
                                 const struct dataset *d,
                                 enum consent_state state,
                                 const char *const *ids, size_t n,
                                 int64_t at_us, struct err *err)
{
    const struct request_consent *r = call->req->consent;
    struct consent_recorded done;
    const struct consent_event e = {
        .subject = r->subject,
        .subject_len = strlen(r->subject),
        .state = state,
        .purposes = ids,
        .n_purposes = n,
        .at_us = at_us,
        .source = r->source,
        .proof =
            r->tc_string ? "IAB TCF consent string" : "Global Privacy Control",
        .by = call->who->name,
    };
    return n == 0 ? ERR_OK
                  : consent_record(d->consent, d->circle, &e, &done, err);
}

/* Of the purposes refused those to which a no is this. */
static enum err_code record_no(struct service_call *call,
                               const struct dataset *d,
                               enum consent_state state,
                               const struct reply_person *p, int64_t at_us,
                               struct arena *a, struct err *err)
{
    const char **ids = ARENA_NEW_N(a, p->n_no + 1, const char *);
    size_t n = 0;
    if (!ids)
        return full(err);
    for (size_t i = 0; i < p->n_no; i++)
        if (no_to(d->policy, p->no[i]) == state)
            ids[n++] = p->no[i];
    return record_said(call, d, state, ids, n, at_us, err);
}

enum err_code service_signal(struct service_call *call, struct reply *out,
                             struct arena *a, struct err *err)
{
    const struct request_consent *r = call->req->consent;
    const struct dataset *d;
    struct tcf tc;
    struct reply_person *p = &out->person;
    TRY(service_people(&d, call, err));
    if (r->tc_string)
        TRY(tcf_parse(&tc, r->tc_string, strlen(r->tc_string), 0, err));
    const struct policy *policy = d->policy;
    p->yes = ARENA_NEW_N(a, policy->n_purposes + 1, const char *);
    p->no = ARENA_NEW_N(a, policy->n_purposes + 1, const char *);
    if (!p->yes || !p->no)
        return full(err);
    for (size_t i = 0; i < policy->n_purposes; i++) {
        const struct policy_purpose *one = &policy->purposes[i];
        const enum said said = said_of(one, r->tc_string ? &tc : NULL);
        if (said == SAID_NOTHING || !auth_may_purpose(call->who, one->id))
            continue;
        if (said == SAID_YES)
            p->yes[p->n_yes++] = one->id;
        else
            p->no[p->n_no++] = one->id;
    }
    if (p->n_yes + p->n_no == 0) {
        (void)err_set(err, ERR_INVALID,
                      "no purpose of the dataset hears this signal");
        return err_hint(err, "a steward gives purposes 'tcf: N' or 'gpc: true' "
                             "in the policy");
    }
    const int64_t at_us = r->tc_string ? tc.updated_us : r->at_us;
    TRY(record_said(call, d, CONSENT_GRANTED, p->yes, p->n_yes, at_us, err));
    TRY(record_no(call, d, CONSENT_WITHDRAWN, p, at_us, a, err));
    return record_no(call, d, CONSENT_OBJECTED, p, at_us, a, err);
}

/* ---- what is kept ---- */

static enum err_code find_history(struct history *h, const struct dataset **d,
                                  struct service_call *call, struct arena *a,
                                  struct err *err)
{
    const char *subject = call->req->consent->subject;
    TRY(service_people(d, call, err));
    return consent_history(h, (*d)->consent, (*d)->circle, subject,
                           strlen(subject), a, err);
}

static const char *often_text(const struct history_event *e, struct arena *a)
{
    char *out = e->channel ? arena_alloc(a, OFTEN_TEXT, 1) : NULL;
    return out && often_print(out, e->at_most) ? out : "";
}

/* Of whom was erased no decision is left, but that she counts nowhere is. */
static enum err_code put_erased(struct reply_person *p,
                                struct service_call *call,
                                const struct dataset *d, struct arena *a,
                                struct err *err)
{
    const struct policy *policy = d->policy;
    struct err ignored;
    struct erasure e;
    if (consent_erasure(d->consent, d->circle, call->req->consent->subject, &e,
                        a, &ignored) != ERR_OK ||
        e.back_us != 0)
        return ERR_OK;
    p->no = ARENA_NEW_N(a, policy->n_purposes + 1, const char *);
    if (!p->no)
        return full(err);
    for (size_t i = 0; i < policy->n_purposes; i++)
        p->no[p->n_no++] = policy->purposes[i].id;
    return ERR_OK;
}

enum err_code service_history(struct service_call *call, struct reply *out,
                              struct arena *a, struct err *err)
{
    const struct dataset *d;
    struct history h;
    struct reply_person *p = &out->person;
    TRY(find_history(&h, &d, call, a, err));
    *p = (struct reply_person){
        .decisions = ARENA_NEW_N(a, h.n + 1, struct reply_decision),
        .n_decisions = h.n,
        .yes = h.yes,
        .no = h.no,
        .n_yes = h.n_yes,
        .n_no = h.n_no,
    };
    if (!p->decisions)
        return full(err);
    if (h.n == 0)
        TRY(put_erased(p, call, d, a, err));
    for (size_t i = 0; i < h.n; i++) {
        const struct history_event *e = &h.events[i];
        p->decisions[i] = (struct reply_decision){
            .record = e->record,
            .state = e->channel ? "contact" : consent_state_name(e->state),
            .purposes = e->purposes,
            .n_purposes = e->n_purposes,
            .at_us = e->at_us,
            .recorded_us = e->recorded_us,
            .until_us = e->until_us == FOLD_NEVER ? 0 : e->until_us,
            .notice = e->notice,
            .source = e->source,
            .proof = e->proof,
            .by = e->by,
            .holds = e->holds,
            .channel = e->channel,
            .at_most = often_text(e, a),
        };
    }
    p->n_contacts = h.n_contacts;
    p->contacts = ARENA_NEW_N(a, h.n_contacts + 1, struct reply_contact);
    for (size_t i = 0; p->contacts && i < h.n_contacts; i++)
        p->contacts[i] =
            (struct reply_contact){ h.contacts[i].channel,
                                    h.contacts[i].purpose, h.contacts[i].sender,
                                    h.contacts[i].at_us };
    return p->contacts ? ERR_OK : full(err);
}

/* ---- receipts ---- */

/* Record `wanted` of the person, 0 the newest; NULL: she has none such. */
static const struct history_event *pick(const struct history *h,
                                        uint64_t wanted)
{
    const struct history_event *best = NULL;
    for (size_t i = 0; i < h->n; i++) {
        const struct history_event *e = &h->events[i];
        if (wanted ? e->record == wanted : !best || e->record > best->record)
            best = e;
    }
    return best;
}

enum err_code service_receipt(struct service_call *call, struct reply *out,
                              struct arena *a, struct err *err)
{
    const struct dataset *d;
    struct history h;
    TRY(find_history(&h, &d, call, a, err));
    const struct history_event *e = pick(&h, call->req->consent->record);
    char *json = arena_alloc(a, RECEIPT_MAX, 1);
    char *note = arena_alloc(a, RECEIPT_MAX + NOTE_KEY_TEXT_LEN + 512, 1);
    if (!e) {
        (void)err_set(err, ERR_NOT_FOUND, "this person has no such record");
        return err_hint(err, "'halftone consent history' lists what is kept");
    }
    if (!json || !note)
        return full(err);
    struct writer w = writer_of(json, RECEIPT_MAX);
    struct writer signed_ = writer_of(note, RECEIPT_MAX + 512);
    receipt_print(&w, e, d->policy);
    writer_u8(&w, '\n');
    if (!writer_cstr(&w))
        return full(err);
    if (!call->service->signer)
        return err_set(err, ERR_UNAVAILABLE, "the server has no key to sign");
    TRY(note_sign(&signed_, json, call->service->signer, err));
    if (!writer_cstr(&signed_))
        return full(err);
    out->consent_receipt = note;
    return ERR_OK;
}

enum err_code service_check_receipt(struct service_call *call,
                                    struct reply *out, struct arena *a,
                                    struct err *err)
{
    const char *receipt = call->req->consent->receipt;
    const struct dataset *d;
    struct history h;
    size_t len = 0;
    TRY(find_history(&h, &d, call, a, err));
    if (!call->service->signer)
        return err_set(err, ERR_UNAVAILABLE, "the server has no key to check");
    if (note_open(&len, receipt, strlen(receipt),
                  &call->service->signer->verifier, err) != ERR_OK) {
        (void)err_set(err, ERR_INVALID, "this is no receipt of this server");
        return err_hint(err, "send it whole, as it was given");
    }
    const uint64_t record = receipt_record(receipt, len);
    if (service_erased(&out->erased_us, call, d, receipt, len, a))
        return ERR_OK;
    const struct history_event *e = record ? pick(&h, record) : NULL;
    if (!e) {
        (void)err_set(err, ERR_INVALID, "this receipt is not this person's");
        return err_hint(err, "is it for another dataset?");
    }
    out->checked_record = record;
    out->holds = e->holds;
    return ERR_OK;
}
