#ifndef MAIN_METRICS_CONN_H
#define MAIN_METRICS_CONN_H

#include "server/net/net.h"

/*
 * The metrics endpoint: HTTP/1.1, GET or HEAD of /metrics, one request per
 * connection, then close.  Anything else gets a status that says why: 400, 404,
 * 405, 431.  For loopback listeners only: nothing here authenticates.
 */
enum { METRICS_REQUEST_MAX = 4096, METRICS_BODY_MAX = 256 * 1024 };

/* Prints the exposition to buf; returns its length, at most cap. */
struct metrics_conn_options {
    size_t (*print)(void *ctx, char *buf, size_t cap);
    void *ctx;
};

/* For struct net_listener_options: protocol, with the options as ctx. */
extern const struct net_protocol metrics_conn_protocol;

/*
 * What a request asks for.  Looks at the first line and for the empty line that
 * ends the headers; consumes nothing.
 */
enum metrics_request {
    METRICS_MORE,    /* incomplete */
    METRICS_GET,     /* 200 */
    METRICS_HEAD,    /* 200 without a body */
    METRICS_BAD,     /* 400 */
    METRICS_UNKNOWN, /* 404 */
    METRICS_METHOD,  /* 405 */
    METRICS_TOO_BIG, /* 431 */
};
enum metrics_request metrics_request_parse(const uint8_t *data, size_t len);

#endif
