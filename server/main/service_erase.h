#ifndef MAIN_SERVICE_ERASE_H
#define MAIN_SERVICE_ERASE_H

#include "server/consent/erase.h"
#include "server/main/service.h"

/* An erasure as it is told; false: no memory. */
bool erase_reply(struct reply_erasure *out, const struct erasure *e,
                 const struct service_call *call, const struct dataset *d,
                 struct arena *a);

#endif
