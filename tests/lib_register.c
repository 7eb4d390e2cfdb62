#include "tests/lib_register.h"

#include <stdio.h>
#include <string.h>

#include "tests/table.h"

static struct policy_column columns[] = { { .name = "who",
                                            .type = POLICY_INT } };
struct policy_table register_table = {
    .name = "t", .owned = true, .columns = columns, .n_columns = 1
};

void register_shut(struct lib_register *r)
{
    consent_close(r->c);
    r->c = NULL;
}

void register_reopen(struct lib_register *r)
{
    struct consent_options o = { .path = r->dir.path,
                                 .erasures = r->dir.beside,
                                 .keeps_time = true,
                                 .clock = &r->clock.clock,
                                 .keys = { .key = { { 1, 2, 3 } }, .n = 1 } };
    struct err err = { 0 };
    register_shut(r);
    if (consent_open(&r->c, &o, &err) != ERR_OK ||
        consent_circle(&r->circle, r->c, r->policy, &err) != ERR_OK)
        fail_msg("%s", err.msg);
}

void register_open(struct lib_register *r, const struct policy *policy)
{
    *r = (struct lib_register){ .policy = policy };
    ledger_dir_init(&r->dir);
    fake_clock_init(&r->clock, REGISTER_NOW);
    arena_init(&r->a, 8 << 20);
    register_reopen(r);
}

void register_close(struct lib_register *r)
{
    register_shut(r);
    arena_fini(&r->a);
    ledger_dir_fini(&r->dir);
}

struct consent_event register_event(const char *who, enum consent_state state,
                                    const char *const *purpose, int64_t at_us)
{
    return (struct consent_event){
        .subject = who,
        .subject_len = strlen(who),
        .state = state,
        .purposes = purpose,
        .n_purposes = *purpose && !consent_marks(state),
        .at_us = at_us,
        .source = "a form",
        .proof = "in the drawer",
        .by = "desk",
    };
}

void register_decide(struct lib_register *r, const char *who,
                     enum consent_state state, const char *purpose,
                     int64_t at_us)
{
    const struct consent_event e = register_event(who, state, &purpose, at_us);
    struct consent_recorded out;
    struct err err = { 0 };
    if (consent_record(r->c, r->circle, &e, &out, &err) != ERR_OK)
        fail_msg("%s", err.msg);
}

enum err_code register_say(struct consent *c, struct consent_circle *circle,
                           unsigned who, enum consent_state state,
                           const char *purpose, struct err *err)
{
    char text[16];
    struct consent_recorded out;
    (void)snprintf(text, sizeof text, "%u", who);
    const struct consent_event e = { .subject = text,
                                     .subject_len = strlen(text),
                                     .state = state,
                                     .purposes = &purpose,
                                     .n_purposes = 1 };
    return consent_record(c, circle, &e, &out, err);
}

bool register_stands(struct lib_register *r, const char *who,
                     const char *purpose, enum people_side side)
{
    const struct people_view *v = consent_pin(r->c, r->circle, purpose, side);
    const bool has =
        people_has(v, consent_number(r->c, r->circle, who, strlen(who), false));
    people_unpin(v);
    return has;
}
