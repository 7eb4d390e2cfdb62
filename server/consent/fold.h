#ifndef CONSENT_FOLD_H
#define CONSENT_FOLD_H

#include <stdbool.h>
#include <stdint.h>

/*
 * From what a person decided, in the order of when, to how she stands:
 *
 *   granted     yes, to these purposes, until it ends or the notice that was
 *               shown is too old
 *   withdrawn   no
 *   objected    no
 *   expired     no longer yes; a no stays
 *   special     a child, or somebody by a special category of data, who counts
 *               never, or by explicit consent alone, as the policy says
 *   ordinary    no longer
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
    CONSENT_EXPLICIT, /* granted, explicitly (GDPR Art. 9) */
    CONSENT_SPECIAL,
    CONSENT_ORDINARY,
    CONSENT_STATES
};
const char *consent_state_name(enum consent_state s);
static inline bool consent_grants(enum consent_state s)
{
    return s == CONSENT_GRANTED || s == CONSENT_EXPLICIT;
}
/* About the person, not about purposes. */
static inline bool consent_marks(enum consent_state s)
{
    return s == CONSENT_SPECIAL || s == CONSENT_ORDINARY;
}
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
    uint64_t explicit; /* of yes */
    bool special;
};

/* Notices older than least_notice[k] do not count for purpose k. */
void fold_add(struct fold *f, const struct fold_event *e, int64_t now_us,
              const uint32_t least_notice[FOLD_PURPOSES]);
/* After the last one: yes and no as they count. */
void fold_end(struct fold *f, bool special_never);

#endif
