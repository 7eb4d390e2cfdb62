#include "server/main/service.h"

#include <string.h>

#include "server/main/counts.h"

typedef enum err_code service_fn(struct service_call *call, struct reply *out,
                                 struct arena *a, struct err *err);

static const struct operation {
    service_fn *run;
    enum auth_action action;
} OPERATIONS[REQUEST_OP_COUNT] = {
    [REQUEST_QUERY] = { service_query, AUTH_QUERY },
    [REQUEST_ESTIMATE] = { service_estimate, AUTH_ESTIMATE },
    [REQUEST_LIST_DATASETS] = { service_list, AUTH_LIST },
    [REQUEST_DESCRIBE_DATASET] = { service_describe, AUTH_DESCRIBE },
    [REQUEST_GET_BUDGET] = { service_budget, AUTH_BUDGET },
    [REQUEST_WATCH_BUDGET] = { service_budget, AUTH_WATCH },
    [REQUEST_LIST_CHARGES] = { service_charges, AUTH_CHARGES_OWN },
    [REQUEST_GET_MISSES] = { service_misses, AUTH_CHARGES_ALL },
    [REQUEST_LIFT_MISSES] = { service_lift, AUTH_ADMIN },
    [REQUEST_CONFIRM_REGISTER] = { service_confirm, AUTH_ADMIN },
    [REQUEST_CONSENT_COUNTS] = { service_counts, AUTH_DESCRIBE },
    [REQUEST_BATCH] = { service_batch, AUTH_QUERY },
    [REQUEST_AUDIT_CHECKPOINT] = { service_audit_checkpoint, AUTH_AUDIT },
    [REQUEST_AUDIT_ENTRIES] = { service_audit_entries, AUTH_AUDIT },
    [REQUEST_AUDIT_PROVE] = { service_audit_prove, AUTH_AUDIT },
    [REQUEST_CONSENT_RECORD] = { service_record, AUTH_CONSENT },
    [REQUEST_CONSENT_IMPORT] = { service_import, AUTH_CONSENT },
    [REQUEST_CONSENT_SIGNAL] = { service_signal, AUTH_CONSENT },
    [REQUEST_CONSENT_HISTORY] = { service_history, AUTH_CONSENT },
    [REQUEST_CONSENT_RECEIPT] = { service_receipt, AUTH_CONSENT },
    [REQUEST_CONSENT_CHECK] = { service_check_receipt, AUTH_CONSENT },
    [REQUEST_CONTACT_CHOOSE] = { service_choose, AUTH_CONSENT },
    [REQUEST_CONTACT_MAY] = { service_may_contact, AUTH_CONTACT },
    [REQUEST_CONSENT_ERASE] = { service_erase, AUTH_CONSENT },
    [REQUEST_CONSENT_ERASURE] = { service_erasure, AUTH_CONSENT },
    [REQUEST_ERASURES_LIST] = { service_erasures_list, AUTH_ERASURES },
    [REQUEST_ERASURES_SIGN] = { service_erasures_sign, AUTH_ERASE },
    [REQUEST_ERASURES_CONFIRM] = { service_erasures_confirm, AUTH_ERASE },
    [REQUEST_ERASURES_RUN] = { service_erasures_run, AUTH_ERASE },
};

/* Turned down for what it asked, and before anything was charged. */
static bool is_refusal(const struct service_call *call, enum err_code code)
{
    static const bool refusals[ERR_COUNT] = {
        [ERR_INVALID] = true,   [ERR_SYNTAX] = true, [ERR_REFUSED] = true,
        [ERR_NOT_FOUND] = true, [ERR_BUDGET] = true, [ERR_CONFLICT] = true,
        [ERR_DENIED] = true,    [ERR_LIMIT] = true,
    };
    const bool asks = call->req->op == REQUEST_QUERY ||
                      call->req->op == REQUEST_BATCH ||
                      call->req->op == REQUEST_CONTACT_MAY;
    return asks && call->leave_ns == 0 && refusals[code];
}

/* Only a dataset that exists is named: the rest is the caller's text. */
static const char *known_dataset(const struct service_call *call)
{
    for (size_t i = 0; i < call->world->n_datasets; i++) {
        const char *name = call->world->datasets[i]->policy->name;
        if (strcmp(name, call->req->dataset) == 0)
            return name;
    }
    return NULL;
}

static enum err_code record(struct service_call *call, enum err_code code,
                            struct err *err)
{
    struct err other = { 0 };
    struct trail *trail = call->service->trail;
    if (!trail || !is_refusal(call, code) ||
        trail_refusal(trail, call->who, known_dataset(call), NULL, err,
                      &other) == ERR_OK)
        return code;
    *err = other;
    return other.code;
}

enum err_code service_answer(struct service_call *call, struct reply *out,
                             struct arena *a, struct err *err)
{
    const struct operation *op = &OPERATIONS[call->req->op];
    if (!auth_may(call->who->role, op->action)) {
        err_set(err, ERR_DENIED, "the role '%s' does not allow this call",
                auth_role_name(call->who->role));
        (void)err_hint(err, "docs/principals.md lists what each role may do");
        return record(call, ERR_DENIED, err);
    }
    *out = (struct reply){ .op = call->req->op };
    return record(call, op->run(call, out, a, err), err);
}
