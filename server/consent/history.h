#ifndef CONSENT_HISTORY_H
#define CONSENT_HISTORY_H

#include "server/consent/consent.h"
#include "server/policy/often.h"

/* What is kept of one person, for herself: opened with her key. */
struct history_event {
    uint64_t record;
    struct pseudonym who;
    enum consent_state state; /* UNKNOWN: a choice about a channel */
    const char *channel;      /* of a choice; else NULL */
    struct often at_most;
    const char **purposes; /* ids; none for a mark */
    size_t n_purposes;
    int64_t at_us, recorded_us;
    int64_t until_us; /* FOLD_NEVER */
    uint32_t notice;
    const char *source, *proof, *by; /* "" */
    bool holds; /* for some purpose no later decision stands; of a mark, no
                 * later mark; of a choice, none about its channel */
};

/* A contact that a sender was allowed (contact.h). */
struct history_contact {
    const char *channel, *purpose, *sender;
    int64_t at_us;
};

struct history {
    struct history_event *events; /* in the order in which they count */
    size_t n;
    struct history_contact *contacts; /* oldest first */
    size_t n_contacts;
    /* How she stands now: ids. */
    const char **yes, **no;
    size_t n_yes, n_no;
};

/*
 * All that is kept of a person.  Of one who is unknown: nothing.
 *
 * ERR_INVALID  not a key of the dataset's type
 * ERR_LIMIT    the arena is full
 */
enum err_code consent_history(struct history *out, struct consent *c,
                              struct consent_circle *circle,
                              const char *subject, size_t subject_len,
                              struct arena *a, struct err *err) MUST_CHECK;

#endif
