#ifndef MAIN_SERVICE_CONSENT_H
#define MAIN_SERVICE_CONSENT_H

#include "server/main/service_people.h"

/* Is this a receipt of the call's subject, of before she was erased? */
bool service_erased(int64_t *erased_us, const struct service_call *call,
                    const struct dataset *d, const char *receipt, size_t len,
                    struct arena *a);

#endif
