#ifndef CONSENT_FOLD_H
#define CONSENT_FOLD_H

#include <stdint.h>

/*
 * From what a person decided, in the order of when, to how she stands:
 *
 *   granted     yes, to these purposes, until it ends or the notice that was
 *               shown is too old
 *   withdrawn   no
 *   objected    no
 *   expired     no longer yes; a no stays
 *
 * Of two decisions about one purpose the later one holds, whichever was
 * recorded first; of two of one time, the one recorded later.
 */
enum consent_state {
    CONSENT_UNKNOWN,
    CONSENT_GRANTED,
    CONSENT_WITHDRAWN,
    CONSENT_OBJECTED,
    CONSENT_EXPIRED,
    CONSENT_STATES
};
const char *consent_state_name(enum consent_state s);
/* CONSENT_UNKNOWN when it is none of the others. */
enum consent_state consent_state_of(const char *name);

enum { FOLD_PURPOSES = 64 };
#define FOLD_NEVER INT64_MAX

/* One decision, as far as it counts. */
struct fold_event {
    int64_t at_us;
    enum consent_state state;
    uint64_t purposes; /* bit k: purpose number k */
    uint32_t notice;   /* version shown, 0 = none */
    int64_t until_us;  /* GRANTED; FOLD_NEVER */
};

/* Bits by purpose; none is in both. */
struct fold {
    uint64_t yes, no;
};

/* Notices older than least_notice[k] do not count for purpose k. */
void fold_add(struct fold *f, const struct fold_event *e, int64_t now_us,
              const uint32_t least_notice[FOLD_PURPOSES]);

#endif
