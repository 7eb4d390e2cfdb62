/* The register of consent of one of two servers: side.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/consent/erase.h"
#include "server/main/consent_gate.h"
#include "server/main/erasing.h"
#include "tests/neighbour/shop.h"
#include "tests/neighbour/side.h"

static const char *const PURPOSES[] = { "analytics" };

void side_open_register(struct side *s)
{
    char path[128];
    struct err err = { 0 };
    (void)snprintf(path, sizeof path, "%s/consent.db", s->ledger.dir);
    const struct consent_options o = { .path = path,
                                       .clock = &s->clock.clock,
                                       .keys = { .key = { { 1, 2, 3 } },
                                                 .n = 1 } };
    if (consent_open(&s->consent, &o, &err) != ERR_OK ||
        consent_circle(&s->dataset.circle, s->consent, s->dataset.policy,
                       &err) != ERR_OK)
        side_die("the register of consent", &err);
    s->dataset.consent = s->consent;
    s->dataset.gate = consent_gate_of(&s->dataset);
}

/* She is erased; a list of it is confirmed, whether her rows are gone or not,
 * and the data are looked at. */
static void erase(struct side *s, const char *subject)
{
    struct erasure out;
    struct erasure_list list;
    struct err err = { 0 };
    struct arena a;
    bool was_there;
    struct dataset looked = s->dataset;
    const char *const id = s->dataset.policy->id;
    const struct erasure_request r = { .subject = subject,
                                       .asked_us = SIDE_NOW_US + s->decided++,
                                       .deadline_s = 86400,
                                       .datasets = &id,
                                       .n_datasets = 1 };
    arena_init(&a, 1 << 20);
    looked.engine = s->inner;
    if (consent_erase(s->consent, s->dataset.circle, &r, &out, &a, &err) !=
            ERR_OK ||
        consent_list_new(s->consent, s->dataset.circle, id, &list, &err) !=
            ERR_OK ||
        consent_list_handed(s->consent, s->dataset.circle, id, &list, &err) !=
            ERR_OK ||
        consent_list_confirm(s->consent, s->dataset.circle, id, list.number,
                             &was_there, &err) != ERR_OK ||
        erasing_pass(&looked, &err) != ERR_OK)
        side_die("an erasure", &err);
    arena_fini(&a);
}

void side_decide(struct side *s, unsigned person, enum consent_state state)
{
    /* Later than the clock, so that she can say yes after she was erased. */
    struct consent_recorded out;
    struct err err = { 0 };
    char subject[16];
    if (!s->consent)
        return;
    (void)snprintf(subject, sizeof subject, "%u", person);
    if (state == SHOP_ERASED) {
        erase(s, subject);
        return;
    }
    const struct consent_event e = { .subject = subject,
                                     .subject_len = strlen(subject),
                                     .state = state,
                                     .purposes =
                                         consent_marks(state) ? NULL : PURPOSES,
                                     .n_purposes = !consent_marks(state),
                                     .at_us = SIDE_NOW_US + 1 + s->decided++,
                                     .source = "a form",
                                     .proof = "",
                                     .by = "desk" };
    if (consent_record(s->consent, s->dataset.circle, &e, &out, &err) != ERR_OK)
        side_die("a decision", &err);
}

bool side_counts(const struct side *s, unsigned person)
{
    const struct gate *g = &s->dataset.gate;
    struct gate_view view;
    char key[16];
    if (!s->consent)
        return true;
    const int len = snprintf(key, sizeof key, "%u", person);
    g->pin(g->ctx, &view, &s->dataset.policy->purposes[0]);
    const bool counts =
        gate_counts(&view, g->number(g->ctx, key, (size_t)len, false));
    g->unpin(g->ctx, &view);
    return counts;
}
