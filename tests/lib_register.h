#ifndef TESTS_LIB_REGISTER_H
#define TESTS_LIB_REGISTER_H

#include "server/consent/consent.h"

#include "tests/lib_ledger.h"

/* What tests of the register share: a register in a folder of its own, a clock,
 * and people named by whole numbers. */
#define REGISTER_SECOND INT64_C(1000000)
#define REGISTER_DAY    (86400 * REGISTER_SECOND)
#define REGISTER_NOW    (20000 * REGISTER_DAY) /* when it is opened */

/* A table for policies: of people, by their key. */
extern struct policy_table register_table;

struct lib_register {
    struct ledger_dir dir;
    struct fake_clock clock;
    struct arena a;
    const struct policy *policy; /* borrowed */
    struct consent *c;
    struct consent_circle *circle;
};

/* A failure of these ends the test. */
void register_open(struct lib_register *r, const struct policy *policy);
void register_shut(struct lib_register *r);   /* as a server that ends */
void register_reopen(struct lib_register *r); /* and starts */
void register_close(struct lib_register *r);
/* Of a form, with a proof "in the drawer", by the desk; purpose NULL: none. */
void register_decide(struct lib_register *r, const char *who,
                     enum consent_state state, const char *purpose,
                     int64_t at_us);

/* The same event, for what may be refused. */
struct consent_event register_event(const char *who, enum consent_state state,
                                    const char *const *purpose, int64_t at_us);

/* Person `who` of any register decides, as of its clock.  For threads too: a
 * failure is the caller's. */
enum err_code register_say(struct consent *c, struct consent_circle *circle,
                           unsigned who, enum consent_state state,
                           const char *purpose, struct err *err);

bool register_stands(struct lib_register *r, const char *who,
                     const char *purpose, enum people_side side);

#endif
