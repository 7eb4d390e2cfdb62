/* CONFIRM_REGISTER.  Declared in service.h. */
#include <stdio.h>

#include "server/base/log.h"
#include "server/main/keeping.h"
#include "server/main/service.h"

enum { DETAIL_CAP = 320 };

enum err_code service_confirm(struct service_call *call, struct reply *out,
                              struct arena *a, struct err *err)
{
    const struct service *s = call->service;
    char what[DETAIL_CAP];
    (void)a;
    if (!s->consent) {
        (void)err_set(err, ERR_INVALID,
                      "the server has no register of consent");
        return err_hint(err, "set consent.file in its configuration");
    }
    (void)snprintf(what, sizeof what, "the register of consent is whole: %s",
                   call->req->reason);
    if (s->trail)
        TRY(trail_admin(s->trail, call->who->name, NULL, what, err));
    TRY(keeping_confirm(s->ledger, s->consent, &out->was_held, err));
    log_event(LOG_REGISTER_CONFIRMED,
              (struct log_fields){ .principal = call->who->name });
    return ERR_OK;
}
