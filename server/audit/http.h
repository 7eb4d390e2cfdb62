#ifndef AUDIT_HTTP_H
#define AUDIT_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/err.h"

/*
 * Pages of other machines: one request at a time, blocking.  Our only use of
 * libcurl.  TLS 1.3 and certificates that are checked; plaintext to loopback
 * addresses only.
 */
struct http;

struct http_options {
    const char *base; /* "https://host:port/prefix", without a slash behind it;
                         copied */
    const char *ca;   /* PEM of the authorities, or NULL: the system's; borrowed
                       */
    bool is_h2;       /* plaintext is HTTP/2 from the first byte */
    uint64_t timeout_ms; /* of the whole exchange; 0 = none */
};

/*
 * ERR_INVALID  not such a base, or plaintext to another machine
 * ERR_LIMIT, ERR_INTERNAL  no memory, or a library without HTTP/2
 */
enum err_code http_new(struct http **out, const struct http_options *o,
                       struct err *err) MUST_CHECK;
void http_free(struct http *h); /* NULL is allowed */

/*
 * GET base/path, or with a body POST it: at most *len bytes of the answer into
 * `out`, *len how many, *status what it says.
 * ERR_LIMIT        the answer is longer
 * ERR_UNAVAILABLE  nobody answered, or not in time
 */
struct http_body {
    const void *data;
    size_t len;
};
enum err_code http_exchange(struct http *h, const char *path,
                            const struct http_body *body, void *out,
                            size_t *len, long *status,
                            struct err *err) MUST_CHECK;

#endif
