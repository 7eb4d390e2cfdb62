#include "server/main/keeping.h"

#include <string.h>
#include <time.h>

#include "server/base/log.h"
#include "server/ledger/register.h"

/* A server that was killed is over after 15 seconds (ledger_beat). */
enum { WAIT_TRIES = 40, WAIT_NS = 500 * 1000 * 1000 };

_Static_assert((int)REGISTER_ID_LEN == (int)CONSENT_ID_LEN &&
                   (int)REGISTER_HEAD_LEN == (int)CONSENT_HEAD_LEN,
               "the ledger remembers what the register says");

static enum err_code tell(struct ledger *l, struct consent *c, struct err *err)
{
    struct consent_mark m;
    struct ledger_register r;
    if (!consent_mark(c, &m))
        return err_set(err, ERR_UNAVAILABLE,
                       "the register of consent could not be written");
    r.number = m.number;
    memcpy(r.id, m.id, sizeof r.id);
    memcpy(r.head, m.head, sizeof r.head);
    return ledger_register_tell(l, &r, err);
}

static enum err_code last(struct ledger *l, struct consent_mark *out,
                          bool *is_there, struct err *err)
{
    const struct timespec pause = { .tv_nsec = WAIT_NS };
    struct ledger_register r;
    enum err_code code = ERR_CONFLICT;
    for (int i = 0; i < WAIT_TRIES && code == ERR_CONFLICT; i++) {
        if (i > 0)
            (void)nanosleep(&pause, NULL);
        code = ledger_register_last(l, &r, is_there, err);
    }
    if (code != ERR_OK)
        return code;
    out->number = r.number;
    memcpy(out->id, r.id, sizeof out->id);
    memcpy(out->head, r.head, sizeof out->head);
    return ERR_OK;
}

enum err_code keeping_start(struct ledger *l, struct consent *c,
                            struct err *err)
{
    struct consent_mark there;
    bool is_there;
    if (!c)
        return ERR_OK;
    TRY(last(l, &there, &is_there, err));
    if (!is_there || consent_has_been(c, &there))
        return tell(l, c, err);
    consent_hold(c, true);
    log_event(LOG_REGISTER_HELD, (struct log_fields){ .error = ERR_CONFLICT });
    return ERR_OK;
}

void keeping_beat(struct ledger *l, struct consent *c)
{
    struct err err;
    if (!c || consent_is_held(c) || tell(l, c, &err) == ERR_OK)
        return;
    if (err.code == ERR_CONFLICT)
        consent_hold(c, true);
    log_event(LOG_REGISTER_HELD, (struct log_fields){ .error = err.code });
}

enum err_code keeping_confirm(struct ledger *l, struct consent *c,
                              bool *was_held, struct err *err)
{
    *was_held = consent_is_held(c);
    TRY(tell(l, c, err));
    consent_hold(c, false);
    return ERR_OK;
}
