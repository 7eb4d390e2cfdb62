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

static enum err_code mark(struct ledger_register *out, struct consent *c,
                          struct err *err)
{
    struct consent_mark m;
    if (!consent_mark(c, &m))
        return err_set(err, ERR_UNAVAILABLE,
                       "the register of consent could not be written");
    *out = (struct ledger_register){ .number = m.number,
                                     .is_shared = consent_is_shared(c) };
    memcpy(out->id, m.id, sizeof out->id);
    memcpy(out->head, m.head, sizeof out->head);
    return ERR_OK;
}

static enum err_code tell(struct ledger *l, struct consent *c, struct err *err)
{
    struct ledger_register r;
    TRY(mark(&r, c, err));
    return ledger_register_tell(l, &r, true, err);
}

static enum err_code last(struct ledger *l, struct consent *c,
                          struct consent_mark *out, bool *is_there,
                          struct err *err)
{
    const struct timespec pause = { .tv_nsec = WAIT_NS };
    struct ledger_register r, own = { .is_shared = false };
    enum err_code code = ERR_CONFLICT;
    if (consent_is_shared(c))
        TRY(mark(&own, c, err));
    for (int i = 0; i < WAIT_TRIES && code == ERR_CONFLICT; i++) {
        if (i > 0)
            (void)nanosleep(&pause, NULL);
        code = ledger_register_last(l, &own, &r, is_there, err);
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
    TRY(last(l, c, &there, &is_there, err));
    if (!is_there || consent_has_been(c, &there))
        return tell(l, c, err);
    consent_hold(c, true);
    log_event(LOG_REGISTER_HELD, (struct log_fields){ .error = ERR_CONFLICT });
    return ERR_OK;
}

/* Of a shared register: confirmed at another server, it has what the ledger
 * remembers. */
static void look_again(struct ledger *l, struct consent *c)
{
    struct ledger_register own, r;
    struct consent_mark there;
    bool is_there = false;
    struct err err;
    if (mark(&own, c, &err) != ERR_OK ||
        ledger_register_last(l, &own, &r, &is_there, &err) != ERR_OK ||
        !is_there)
        return;
    there.number = r.number;
    memcpy(there.id, r.id, sizeof there.id);
    memcpy(there.head, r.head, sizeof there.head);
    if (consent_has_been(c, &there))
        consent_hold(c, false);
}

void keeping_beat(struct ledger *l, struct consent *c)
{
    struct ledger_register r;
    struct err err = { 0 };
    if (!c)
        return;
    if (consent_is_held(c)) {
        if (consent_is_shared(c))
            look_again(l, c);
        return;
    }
    enum err_code code = mark(&r, c, &err);
    if (code == ERR_OK && consent_is_held(c))
        code = ERR_CONFLICT; /* it went back to a copy: that is not told on */
    else if (code == ERR_OK)
        code = ledger_register_tell(l, &r, false, &err);
    if (code == ERR_OK || ledger_failed(l))
        return;
    if (code == ERR_CONFLICT)
        consent_hold(c, true);
    log_event(LOG_REGISTER_HELD, (struct log_fields){ .error = code });
}

enum err_code keeping_confirm(struct ledger *l, struct consent *c,
                              bool *was_held, struct err *err)
{
    *was_held = consent_is_held(c);
    TRY(tell(l, c, err));
    consent_hold(c, false);
    return ERR_OK;
}
