#include "server/main/consent_gate.h"

#include "server/consent/erase.h"

static uint32_t number(void *ctx, const char *key, size_t len, bool adds)
{
    const struct dataset *d = ctx;
    _Static_assert(PEOPLE_NONE == GATE_NOBODY, "one number for nobody");
    return consent_number(d->consent, d->circle, key, len, adds);
}

/* Under consent who said yes counts; under another basis all but who said no.
 */
static void pin(void *ctx, struct gate_view *out,
                const struct policy_purpose *purpose)
{
    const struct dataset *d = ctx;
    const bool asks = !purpose || purpose->basis == BASIS_CONSENT;
    const struct people_view *v =
        purpose ? consent_pin(d->consent, d->circle, purpose->id,
                              asks ? PEOPLE_YES : PEOPLE_NO)
                : consent_pin_erased(d->consent);
    *out = (struct gate_view){
        .bits = v->bits, .n = v->n, .inverts = !asks, .of = (void *)(uintptr_t)v
    };
}

static void unpin(void *ctx, const struct gate_view *view)
{
    (void)ctx;
    people_unpin(view->of);
}

struct gate consent_gate_of(struct dataset *d)
{
    return (
        struct gate){ .ctx = d, .number = number, .pin = pin, .unpin = unpin };
}
