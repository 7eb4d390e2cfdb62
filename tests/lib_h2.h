#ifndef TESTS_LIB_H2_H
#define TESTS_LIB_H2_H

#include <nghttp2/nghttp2.h>

#include "server/grpc/grpc_session.h"

/*
 * A gRPC client in memory, for tests of the session: nghttp2's client against
 * ours, bytes carried by h2_pump, no sockets.  Records one call's outcome.
 */
enum { H2_TEXT = 512, H2_BODY = 256 * 1024 };

struct h2_call {
    int32_t id;
    char http_status[8], grpc_status[8], message[H2_TEXT], hint[H2_TEXT],
        code[H2_TEXT], place[H2_TEXT];
    uint8_t body[H2_BODY];
    size_t body_len;
    bool closed;
    uint32_t error; /* of RST_STREAM */
};

struct h2_client {
    nghttp2_session *h2;
    struct grpc_session *server;
    struct h2_call call; /* the latest */
    bool goaway;
    uint32_t goaway_error;
    bool server_ended;   /* grpc_session_recv said no more */
    const uint8_t *body; /* of the request to send; borrowed */
    size_t body_len, body_sent;
    bool hold_end;    /* leave the stream open after the body */
    bool hold_window; /* credit nothing for what the server sends */
};

/* Time that tests own. */
struct h2_clock {
    struct clock clock;
    uint64_t now_ns;
};
void h2_clock_init(struct h2_clock *c);

void h2_client_init(struct h2_client *c, struct grpc_session *server);
void h2_client_fini(struct h2_client *c);

/* Headers of a call to `path`; extra: pairs of name and value, NULL-ended. */
int32_t h2_request(struct h2_client *c, const char *path,
                   const char *const *extra, const void *body, size_t len);

/* Any headers at all. */
int32_t h2_request_raw(struct h2_client *c, const char *const *pairs,
                       const void *body, size_t len);

/* Carry bytes both ways until neither side has any. */
void h2_pump(struct h2_client *c);

#endif
