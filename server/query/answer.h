#ifndef QUERY_ANSWER_H
#define QUERY_ANSWER_H

#include "server/query/reply.h"

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

    struct reply_table table; /* as replied, receipt included */
};

/* Print into `w`; the caller checks w->overflow and may size by w->need. */
void answer_write(struct writer *w, const struct answer *answer);

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
