#include "server/consent/fold.h"

#include <string.h>

static const char *const NAMES[CONSENT_STATES] = {
    [CONSENT_UNKNOWN] = "unknown",     [CONSENT_GRANTED] = "granted",
    [CONSENT_WITHDRAWN] = "withdrawn", [CONSENT_OBJECTED] = "objected",
    [CONSENT_EXPIRED] = "expired",
};

const char *consent_state_name(enum consent_state s)
{
    return NAMES[s];
}

enum consent_state consent_state_of(const char *name)
{
    for (unsigned s = CONSENT_GRANTED; s < CONSENT_STATES; s++)
        if (strcmp(NAMES[s], name) == 0)
            return (enum consent_state)s;
    return CONSENT_UNKNOWN;
}

/* Of a grant, the purposes whose notice is new enough. */
static uint64_t informed(const struct fold_event *e,
                         const uint32_t least_notice[FOLD_PURPOSES])
{
    uint64_t mask = e->purposes;
    for (unsigned k = 0; k < FOLD_PURPOSES; k++)
        if (e->notice < least_notice[k])
            mask &= ~(UINT64_C(1) << k);
    return mask;
}

void fold_add(struct fold *f, const struct fold_event *e, int64_t now_us,
              const uint32_t least_notice[FOLD_PURPOSES])
{
    f->yes &= ~e->purposes;
    switch (e->state) {
    case CONSENT_GRANTED:
        f->no &= ~e->purposes;
        if (e->until_us > now_us)
            f->yes |= informed(e, least_notice);
        break;
    case CONSENT_WITHDRAWN:
    case CONSENT_OBJECTED:
        f->no |= e->purposes;
        break;
    case CONSENT_UNKNOWN:
    case CONSENT_EXPIRED:
    case CONSENT_STATES:
        break;
    }
}
