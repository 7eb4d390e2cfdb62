#ifndef QUERY_ANSWER_H
#define QUERY_ANSWER_H

#include "dp/law.h"
#include "server/query/reply.h"

/*
 * A day (week, month) that a release answered, for questions about other days
 * of the same series to find.
 */
struct answer_day {
    int64_t key;            /* the group key: days or microseconds since 1970 */
    int64_t from_us, to_us; /* of it the rows with from <= time < to counted */
    bool is_settled; /* all of it, and it was closed: it serves whatever the
                        state of the data is by now */
};

/*
 * What is stored beside a charge, once and for ever: the noisy release, from
 * which any ORDER BY or LIMIT over the same release is answered, and the
 * finished reply of the request that paid, so that its retry gets the same
 * bytes whatever policy says by then.
 *
 * Holds nothing but public and noisy values.  Binary, versioned, big endian;
 * parser and printer share answer.c.
 */
struct answer {
    const char *principal;       /* who paid */
    const char *idempotency_key; /* "" = none */
    uint8_t request_hash[REQUEST_HASH_LEN];

    size_t n_keys, n_measures, n_rows; /* of the release */
    struct value *keys;                /* n_rows * n_keys */
    struct dp_noisy *measures;         /* n_rows * n_measures */
    bool cut; /* more groups were selected than it holds */

    struct reply_table table; /* as replied, receipt included */

    /* Of a release that a later question may read in part; else none. */
    struct dp_mechanism *noise; /* of each measure */
    size_t n_noise;
    uint64_t above;          /* threshold of private keys, 0 = none */
    struct answer_day *days; /* ascending by key */
    size_t n_days;
    uint8_t state[REQUEST_HASH_LEN]; /* of the data; days that are not settled
                                        serve only this one */
};

/* Print into `w`; the caller checks w->overflow and may size by w->need. */
void answer_write(struct writer *w, const struct answer *answer);

/* The same into `a`.  ERR_LIMIT: it is full. */
enum err_code answer_pack(const uint8_t **bytes, size_t *len,
                          const struct answer *answer, struct arena *a,
                          struct err *err) MUST_CHECK;

/*
 * Answers to the questions of a batch, in order, each as above; at least one.
 */
enum err_code answers_pack(const uint8_t **bytes, size_t *len,
                           const struct answer *list, size_t n, struct arena *a,
                           struct err *err) MUST_CHECK;
enum err_code answers_read(struct answer **list, size_t *n,
                           const uint8_t *bytes, size_t len, struct arena *a,
                           struct err *err) MUST_CHECK;

/*
 * Parse what answer_write printed; texts are copied into `a`.
 * ERR_INTERNAL: not such bytes.  ERR_LIMIT: the arena is full.
 */
enum err_code answer_read(struct answer *out, const uint8_t *bytes, size_t len,
                          struct arena *a, struct err *err) MUST_CHECK;

/* True when this request, from this principal, is a retry of the one that
 * paid: it is entitled to the same bytes. */
bool answer_is_retry(const struct answer *answer, const char *principal,
                     const struct request *req);

#endif
