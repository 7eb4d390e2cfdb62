#ifndef MAIN_TRAIL_H
#define MAIN_TRAIL_H

#include "server/audit/entry.h"
#include "server/auth/auth.h"
#include "server/base/clock.h"
#include "server/consent/consent.h"
#include "server/ledger/ledger.h"
#include "server/main/world.h"

/*
 * What the server tells the audit log beside charges, which the ledger tells
 * itself: refusals, logins, policies, administration, and the passing of time.
 *
 *   refusal   durable before the caller hears of it
 *   login     within a second: loops do not wait for a disk
 *   interval  one leaf for each fixed stretch of wall time, whatever happened;
 *             one for all that passed while no server ran
 *
 *   contact   at the end of an interval, that senders asked in it whether they
 *             may contact people; no subject, no answer
 *
 * Somebody who is refused or turned away again and again fills no disk: past
 * TRAIL_PER_MINUTE of one caller the rest are counted, and told as one entry
 * when the minute ends.  Any thread.
 */
struct trail;
enum { TRAIL_PER_MINUTE = 60 };

/*
 * What an interval's leaf says of all that people did until `to_us`, its end: a
 * commitment to their history, salted anew each time, so that an interval with
 * events and one without look alike.  On the trail's thread.
 */
typedef struct merkle_hash trail_people_fn(void *ctx, int64_t to_us);

struct trail_options {
    struct ledger *ledger;   /* borrowed */
    struct clock *clock;     /* borrowed */
    uint64_t interval_s;     /* at least 1 */
    struct consent *consent; /* borrowed; NULL: none */
    trail_people_fn *people; /* NULL: nobody's history is kept, and a leaf
                                commits to none, salted likewise */
    void *people_ctx;
    struct counts *counts; /* borrowed; NULL: none are released */
};

/* Nothing is written yet.  ERR_INTERNAL: no memory. */
enum err_code trail_new(struct trail **out, const struct trail_options *o,
                        struct err *err) MUST_CHECK;
/* From now on intervals end, counts are released and the ledger hears of this
 * server.  ERR_INTERNAL: no thread. */
enum err_code trail_start(struct trail *t, struct err *err) MUST_CHECK;
/* Writes what is queued.  NULL is allowed. */
void trail_free(struct trail *t);

/* A query was refused with `why`.  An error of the ledger is `why` no more:
 * ERR_UNAVAILABLE, and nothing may be said but that. */
enum err_code trail_refusal(struct trail *t, const struct auth_principal *who,
                            const char *dataset, const char *purpose,
                            const struct err *why, struct err *err) MUST_CHECK;

/* Nothing of a subject service: when it comes, a person decides.
 * `who` NULL: the caller at `address` had no valid credentials. */
void trail_login(struct trail *t, const struct auth_principal *who,
                 const char *address);

/* The policies in force from now on, of which a reference is kept. */
enum err_code trail_world(struct trail *t, struct world *w,
                          struct err *err) MUST_CHECK;

/* `who` did `what` to a dataset, or (NULL) to the server. */
enum err_code trail_admin(struct trail *t, const char *who, const char *dataset,
                          const char *what, struct err *err) MUST_CHECK;

#endif
