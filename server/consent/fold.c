#include "server/consent/fold.h"

#include <string.h>

static const char *const NAMES[CONSENT_STATES] = {
    [CONSENT_UNKNOWN] = "unknown",     [CONSENT_GRANTED] = "granted",
    [CONSENT_WITHDRAWN] = "withdrawn", [CONSENT_OBJECTED] = "objected",
    [CONSENT_EXPIRED] = "expired",     [CONSENT_EXPLICIT] = "granted_explicitly",
    [CONSENT_SPECIAL] = "special",     [CONSENT_ORDINARY] = "ordinary",
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
    if (!consent_marks(e->state)) {
        f->yes &= ~e->purposes;
        f->explicit &= ~e->purposes;
    }
    switch (e->state) {
    case CONSENT_GRANTED:
    case CONSENT_EXPLICIT:
        f->no &= ~e->purposes;
        if (e->until_us > now_us)
            f->yes |= informed(e, least_notice);
        if (e->state == CONSENT_EXPLICIT)
            f->explicit |= f->yes & e->purposes;
        break;
    case CONSENT_SPECIAL:
    case CONSENT_ORDINARY:
        f->special = e->state == CONSENT_SPECIAL;
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

void fold_end(struct fold *f, bool special_never)
{
    if (!f->special)
        return;
    f->yes = special_never ? 0 : f->explicit;
    f->no = ~f->yes;
}
