#ifndef CONSENT_CONTACT_H
#define CONSENT_CONTACT_H

#include "server/consent/consent.h"
#include "server/consent/history.h"
#include "server/policy/often.h"

/*
 * How people may be contacted: what each chose, and the answer to a sender who
 * asks.
 *
 *   choice     a person's word about one channel: how often, or never.  Of two
 *              the later holds, as of all decisions (fold.h); none is never
 *   may?       yes, when her decisions allow the purpose, her newest choice the
 *              channel, and fewer contacts were allowed than she and the policy
 *              say.  A yes is a contact, and counts, durably, before the sender
 *              hears of it.
 *
 * The answer is one bit without a reason: no choice, a limit that is reached
 * and a person who is unknown are one no.  What the sender can ask in a day is
 * limited by its own number of calls alone, whoever they were about.
 *
 * Choices are in the append-only register, chained and sealed as its events,
 * and their numbers are of one sequence with theirs.  Contacts are forgotten
 * when no limit can ask for them any more: after CONTACT_KEPT_S.
 *
 * Any thread.
 */
enum { CONTACT_KEPT_S = 366 * 86400, CONTACT_RETRY_S = 86400 };

struct contact_choice {
    const char *subject; /* as in struct consent_event, like the rest */
    size_t subject_len;
    const char *channel; /* id, of the policy */
    struct often at_most;
    int64_t at_us; /* 0: now */
    const char *source, *proof, *by;
};

/* Codes as consent_record. */
enum err_code contact_choose(struct consent *c, struct consent_circle *circle,
                             const struct contact_choice *choice,
                             struct consent_recorded *out,
                             struct err *err) MUST_CHECK;

struct contact_question {
    const char *subject;
    size_t subject_len;
    const struct policy_purpose *purpose;
    const struct policy_channel *channel;
    const char *sender; /* principal */
    const char *key; /* a call with the key within CONTACT_RETRY_S of a yes is
                        the same contact; "" */
    uint32_t asks_per_day;
};

/*
 * ERR_INVALID      the subject is no key of the dataset
 * ERR_LIMIT        the sender has asked asks_per_day times today (UTC)
 * ERR_UNAVAILABLE  the file could not be written: nothing was counted
 */
enum err_code contact_may(bool *may, struct consent *c,
                          struct consent_circle *circle,
                          const struct contact_question *q,
                          struct err *err) MUST_CHECK;

/* Questions of one sender in a day about one purpose and channel. */
struct contact_asked {
    char sender[128], purpose[64], channel[64], population[64];
    int64_t circle;
    int64_t day; /* since 1970, UTC */
    uint64_t n;  /* so far */
};

/*
 * What was asked and not told yet, at most `cap` rows; then that it was told:
 * for the audit log.  False, or 0: nothing, or the file failed.
 */
size_t contact_untold(struct consent *c, struct contact_asked *out, size_t cap);
bool contact_told(struct consent *c, const struct contact_asked *rows,
                  size_t n);

#endif
